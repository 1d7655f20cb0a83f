package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// A writer is what the process that commits batches remembers of the store, so that a row costs no look-up in it. It
// is thrown away with every transaction that fails: it may know rows that are not there.
type writer struct {
	s             *Store
	servers       names
	clients       names
	reasons       names
	headers       names
	rules         names
	accounts      memory[string]
	addresses     memory[netip.Addr]
	groups        memory[groupKey]
	usage         memory[usageKey]
	verdicts      map[*signin.Hits]int64
	words         map[string]int64
	rows          map[*ingest.Key]knownRow
	refusals      map[int32]int       // by hour: how often rows of refused credentials were written, or more than the most there may be
	crowd         map[ruleDay]int     // groups that a day added
	ticked        map[groupName]int64 // ticks of a group, or more than it has
	settled       map[int64]bool      // usage rows whose findings are open, so that nothing is to be done for them
	covered       map[signin.Kind]signin.Span
	earlier       bool            // the first sign-ins of some may be others than they were, or what was covered before them
	debuts        map[int64]int64 // of usage rows on which a rule fires: when they were first seen
	newcomerRules []string
	cited         map[string]cited
	opened        map[string]bool  // findings that are there
	paths         map[int64]string // of logs
	heard         map[voice]signin.Span
	met           map[logKey]bool // logs that were heard before
	newest        int64           // event, Unix milliseconds
	staleFrom     int64           // see stale
	ids           map[int64]*idSample
	refused       map[int32]int         // by day: accounts that only ever were refused, made on it
	seen          map[int64]int64       // by address: the last day on which it was told of
	later         map[int64]int64       // the same, where that waits to be written
	paired        map[signin.Pair]int64 // the last day of pairs of names that are there
	pairs         int64                 // how many there are, or -1
	emptied       int64                 // the last usage row that was looked at for whether it counts something

	newAccounts, newAddresses, newGroups bulk               // what waits to be written
	making                               map[usageKey]int64 // usage rows that this transaction makes

	tx       *sql.Tx
	stmts    map[string]*sql.Stmt // of the transaction
	prepared map[string]*sql.Stmt // what stmts are made of
}

// A usageKey is what a usage row is found by.
type usageKey struct {
	server, account, client, verdict                                           int64
	kind, protocol, auth, mechanism, outcome, evidence, traffic, modern, flags uint8
}

const (
	isInternal = 1 << iota
	isBackend
	isWeak
)

// A voice is an ingest.Voice with the number of its server.
type voice struct {
	server   int64
	kind     signin.Kind
	protocol signin.Protocol
	hour     int32
}

// cited is how many lines a finding cites, and the last of them in the order of paths and offsets.
type cited struct {
	n    int
	path string
	at   int64
}

// A knownRow is the usage row of a key, and the hour's voice that it waits for; without an hour, and none if it is not weak.
type knownRow struct {
	id int64
	v  voice
}

func newWriter(ctx context.Context, s *Store) (*writer, error) {
	w := &writer{
		s:        s,
		servers:  names{table: "server"},
		clients:  names{table: "client"},
		reasons:  names{table: "reason"},
		headers:  names{table: "header", column: "text"},
		rules:    names{table: "rule"},
		verdicts: map[*signin.Hits]int64{},
		words:    map[string]int64{},
		rows:     map[*ingest.Key]knownRow{},
		ticked:   map[groupName]int64{},
		crowd:    map[ruleDay]int{},
		refusals: map[int32]int{},
		settled:  map[int64]bool{},
		covered:  map[signin.Kind]signin.Span{},
		debuts:   map[int64]int64{},
		earlier:  true,
		cited:    map[string]cited{},
		opened:   map[string]bool{},
		paths:    map[int64]string{},
		heard:    map[voice]signin.Span{},
		met:      map[logKey]bool{},
		ids:      map[int64]*idSample{},
		refused:  map[int32]int{},
		seen:     map[int64]int64{},
		later:    map[int64]int64{},
		prepared: map[string]*sql.Stmt{},
		paired:   map[signin.Pair]int64{},
		pairs:    -1,
	}
	w.newAccounts = bulk{w: w, insert: "INSERT INTO account (id, key, form, traffic, privileged, name, domain, why)", columns: 8}
	w.newAddresses = bulk{w: w, insert: "INSERT INTO address (id, ip, seen)", columns: 3}
	w.newGroups = bulk{w: w, insert: "INSERT INTO rule_group (id, rule, text, visible)", columns: 4}
	if err := w.remember(ctx); err != nil {
		return nil, err
	}
	if err := s.write.QueryRowContext(ctx, "SELECT coalesce(max(time), 0) FROM mfa_event").Scan(&w.newest); err != nil {
		return nil, err
	}
	rows, err := s.write.QueryContext(ctx, "SELECT kind, min(first), max(last) FROM heard GROUP BY kind")
	if err != nil {
		return nil, err
	}
	err = scan(rows, func() error {
		var kind signin.Kind
		var span signin.Span
		err := rows.Scan(&kind, &span.From, &span.To)
		w.covered[kind], w.newest = span, max(w.newest, span.To)
		return err
	})
	if err != nil {
		return nil, err
	}
	w.staleFrom = math.MaxInt64
	from, found, err := s.metaNumber(ctx, s.write, joinedStale)
	if err != nil {
		return nil, err
	}
	if found {
		w.staleFrom = from
	}
	return w, w.recallCovered(ctx)
}

func (s *Store) ensureWriter(ctx context.Context) (*writer, error) {
	if s.writer == nil {
		w, err := newWriter(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("opening the store for writing: %w", err)
		}
		s.writer = w
	}
	return s.writer, nil
}

// change runs a transaction of the process that commits.
func (s *Store) change(ctx context.Context, doing string, do func(context.Context, *writer) error) error {
	w, err := s.ensureWriter(ctx)
	if err != nil {
		return err
	}
	err = s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		w.begin(tx)
		if err := do(ctx, w); err != nil {
			return err
		}
		return w.flush(ctx)
	})
	if err != nil {
		s.writer = nil // it may know rows that are not there
		return fmt.Errorf("%s: %w", doing, errors.Join(err, w.close()))
	}
	w.prepare(ctx)
	return nil
}

// begin makes the writer work in a transaction.
func (w *writer) begin(tx *sql.Tx) {
	w.tx, w.stmts, w.making = tx, map[string]*sql.Stmt{}, map[usageKey]int64{}
	if len(w.ticked) >= w.s.cached {
		clear(w.ticked) // here, where nothing is counted that is not in the store
	}
	if len(w.refusals)+len(w.crowd) >= w.s.cached {
		clear(w.refusals)
		clear(w.crowd)
	}
}

func (w *writer) close() error {
	var errs []error
	for _, st := range w.prepared {
		errs = append(errs, st.Close())
	}
	return errors.Join(errs...)
}

// stmt returns the prepared statement of this transaction.
func (w *writer) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if st := w.stmts[query]; st != nil {
		return st, nil
	}
	var st *sql.Stmt
	if p := w.prepared[query]; p != nil {
		st = w.tx.StmtContext(ctx, p)
	} else {
		var err error
		if st, err = w.tx.PrepareContext(ctx, query); err != nil {
			return nil, fmt.Errorf("%w in %s", err, query)
		}
	}
	w.stmts[query] = st
	return st, nil
}

// maxPrepared bounds how many statements outlive a transaction.
const maxPrepared = 256

// prepare keeps for the next transaction the statements of the last one: those of a small commit take longer to prepare
// than to run.
func (w *writer) prepare(ctx context.Context) {
	for query := range w.stmts {
		if w.prepared[query] != nil || len(w.prepared) >= maxPrepared {
			continue
		}
		st, err := w.s.write.PrepareContext(ctx, query)
		if err != nil {
			return // it is prepared when it is needed
		}
		w.prepared[query] = st
	}
}

func (w *writer) exec(ctx context.Context, query string, args ...any) error {
	_, err := w.insert(ctx, query, args...)
	return err
}

// insert runs a statement and returns the number of the row that it made.
func (w *writer) insert(ctx context.Context, query string, args ...any) (int64, error) {
	st, err := w.stmt(ctx, query)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(ctx, args...)
	if err != nil {
		return 0, fmt.Errorf("%w in %s", err, query)
	}
	return res.LastInsertId()
}

// QueryContext makes a writer a querier whose statements are prepared once per transaction.
func (w *writer) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	st, err := w.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}

// one scans the only row of a query, and reports whether there is one.
func (w *writer) one(ctx context.Context, query string, args []any, into ...any) (bool, error) {
	st, err := w.stmt(ctx, query)
	if err != nil {
		return false, err
	}
	switch err := st.QueryRowContext(ctx, args...).Scan(into...); {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%w in %s", err, query)
	}
	return true, nil
}

// names are the numbers of texts that repeat.
type names struct {
	table, column string
	ids           map[string]int64
}

func (n *names) id(ctx context.Context, w *writer, name string) (int64, error) {
	if id, ok := n.ids[name]; ok {
		return id, nil
	}
	if n.ids == nil || len(n.ids) >= w.s.cached {
		n.ids = map[string]int64{}
	}
	column, value := "name", any(name)
	if n.column != "" {
		column, value = n.column, []byte(name)
	}
	var id int64
	found, err := w.one(ctx, "SELECT id FROM "+n.table+" WHERE "+column+" = ?", []any{value}, &id)
	if err == nil && !found {
		id, err = w.insert(ctx, "INSERT INTO "+n.table+" ("+column+") VALUES (?)", value)
	}
	if err == nil {
		n.ids[name] = id
	}
	return id, err
}

// verdict returns the number of what the rules say; 0 is nothing.
func (w *writer) verdict(ctx context.Context, h *signin.Hits) (int64, error) {
	if h == nil || w.s.opt.Rules == nil {
		return 0, nil
	}
	if id, ok := w.verdicts[h]; ok {
		return id, nil
	}
	if len(w.verdicts) >= w.s.cached {
		clear(w.verdicts)
	}
	v := w.s.opt.Rules.Verdict(h)
	if len(v.Match)+len(v.Broken) == 0 {
		w.verdicts[h] = 0
		return 0, nil
	}
	words, err := json.Marshal(v)
	if err != nil {
		return 0, err
	}
	id, ok := w.words[string(words)]
	if !ok {
		var found bool
		found, err = w.one(ctx, "SELECT id FROM verdict WHERE words = ?", []any{string(words)}, &id)
		if err == nil && !found {
			id, err = w.insert(ctx, "INSERT INTO verdict (words) VALUES (?)", string(words))
		}
		if err != nil {
			return 0, err
		}
		w.words[string(words)] = id
	}
	w.verdicts[h] = id
	return id, nil
}

func bit(set bool, b uint8) uint8 {
	if set {
		return b
	}
	return 0
}

// keyOf returns what a usage row is found by.
func (w *writer) keyOf(ctx context.Context, k *ingest.Key) (u usageKey, err error) {
	u = usageKey{kind: uint8(k.Kind), protocol: uint8(k.Protocol), auth: uint8(k.Auth), mechanism: uint8(k.Mechanism), outcome: uint8(k.Outcome),
		evidence: uint8(k.Evidence), traffic: uint8(k.Traffic), modern: uint8(k.Modern), flags: bit(k.Internal, isInternal) | bit(k.Backend, isBackend) | bit(k.Weak, isWeak)}
	if u.server, err = w.servers.id(ctx, w, k.Server); err != nil {
		return u, err
	}
	if u.client, err = w.clients.id(ctx, w, k.Client); err != nil {
		return u, err
	}
	if u.account, err = w.account(ctx, k.Account); err != nil {
		return u, err
	}
	u.verdict, err = w.verdict(ctx, k.Hits)
	return u, err
}

// columns are the values of its columns, in the order in which usage rows are written and looked up.
func (u *usageKey) columns() []any {
	return []any{u.account, u.server, u.kind, u.protocol, u.auth, u.mechanism, u.outcome, u.evidence, u.traffic, u.client, u.modern,
		u.flags&isInternal != 0, u.flags&isBackend != 0, u.flags&isWeak != 0, u.verdict}
}

// A bulk gathers rows of one table for statements of many rows each.
type bulk struct {
	w              *writer
	insert, onMeet string
	columns        int
	args           []any
	queries        [3]string // one for each size
}

// bulkSizes are how many rows go into one statement.
func bulkSizes() [3]int { return [...]int{64, 8, 1} }

func (b *bulk) add(ctx context.Context, args ...any) error {
	if b.args = append(b.args, args...); len(b.args) < bulkSizes()[0]*b.columns {
		return nil
	}
	return b.end(ctx)
}

func (b *bulk) end(ctx context.Context) error {
	args := b.args
	for i, rows := range bulkSizes() {
		for n := rows * b.columns; len(args) >= n; args = args[n:] {
			if b.queries[i] == "" {
				row := ", (?" + strings.Repeat(", ?", b.columns-1) + ")"
				b.queries[i] = b.insert + " VALUES " + strings.Repeat(row, rows)[2:] + " " + b.onMeet
			}
			if err := b.w.exec(ctx, b.queries[i], args[:n]...); err != nil {
				return err
			}
		}
	}
	clear(b.args)
	b.args = b.args[:0]
	return nil
}
