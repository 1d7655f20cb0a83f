package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"net/netip"
	"path"
	"strings"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
)

// MFA hands out what a correlation of logons and events needs, all as it was at one moment. The view is of no use behind
// do.
func (s *Store) MFA(ctx context.Context, do func(*MFAView) error) error {
	return s.snapshot(ctx, func(tx *sql.Tx) error { return do(&MFAView{s: s, tx: tx, again: newReader(tx)}) })
}

// An MFAView reads the logons and the events of one moment. Each call returns what belongs to an hour, or as much as there
// are users, logs or servers; none returns what belongs to all of the time.
type MFAView struct {
	s     *Store
	tx    *sql.Tx
	again *reader           // for what is asked more than once
	ways  map[int64]*mfaWay // by usage row
	ips   map[int64]netip.Addr
}

// An mfaWay is the key of a usage row.
type mfaWay struct {
	*audit.Way
	weak voice // it counts only in the hours of this that do; zero if it always counts
}

// reading says what was read where it failed.
func reading(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("reading %s: %w", what, err)
}

// Span is the first instant and the one behind the last of which there are hour rows or events, in whole hours and Unix
// milliseconds; 0 and 0 if there are none.
func (v *MFAView) Span(ctx context.Context) (from, to int64, err error) {
	var first, last, begins, ends sql.NullInt64
	err = v.tx.QueryRowContext(ctx, "SELECT (SELECT min(hour) FROM hour), (SELECT max(hour) FROM hour), (SELECT min(time) FROM mfa_event), (SELECT max(time) FROM mfa_event)").Scan(&first, &last, &begins, &ends)
	if err != nil || !first.Valid && !begins.Valid {
		return 0, 0, reading("from when to when there are sign-ins", err)
	}
	from, to = math.MaxInt64, 0
	if first.Valid {
		from, to = first.Int64*hourMs, (last.Int64+1)*hourMs
	}
	if begins.Valid {
		from, to = min(from, begins.Int64/hourMs*hourMs), max(to, (ends.Int64/hourMs+1)*hourMs)
	}
	return from, to, nil
}

// KeptFrom is the first instant of which all hour rows are kept, Unix milliseconds; 0 for all time.
func (v *MFAView) KeptFrom(ctx context.Context) (int64, error) {
	day, err := v.s.hoursFrom(ctx, v.tx)
	return day * dayMs, err
}

// Proven lists the accounts that signed in, as logged, in lower case.
func (v *MFAView) Proven(ctx context.Context) (all []string, err error) {
	rows, err := v.tx.QueryContext(ctx, "SELECT key FROM account a WHERE key <> '' AND key <> ?1 AND EXISTS (SELECT 1 FROM usage u WHERE u.account = a.id AND u.outcome = ?2 AND u.traffic IN (?3, ?4)) ORDER BY key",
		signin.OtherAccounts().Key, signin.Success, signin.User, signin.Service)
	if err != nil {
		return nil, reading("accounts", err)
	}
	err = scan(rows, func() error {
		var key string
		err := rows.Scan(&key)
		all = append(all, key)
		return err
	})
	return all, reading("accounts", err)
}

// cloudKinds are those of logs that tell of sign-ins to the cloud, for SQL.
func cloudKinds() string {
	var kinds []string
	for k := signin.Duo; k <= signin.Mapped; k++ {
		if k.Cloud() {
			kinds = append(kinds, fmt.Sprint(uint8(k)))
		}
	}
	return strings.Join(kinds, ", ")
}

// gatewayKinds are those of logs that tell of second factors, for SQL.
func gatewayKinds() string {
	var kinds []string
	for k := signin.Duo; k <= signin.Mapped; k++ {
		kinds = append(kinds, fmt.Sprint(uint8(k)))
	}
	return strings.Join(kinds, ", ")
}

// sources lists the logs of MFA gateways, and which number in the store stands where in the list.
func (v *MFAView) sources(ctx context.Context) (all []audit.Source, at map[int64]int, err error) {
	kept, err := v.KeptFrom(ctx)
	if err != nil {
		return nil, nil, err
	}
	names, err := v.s.serverNames(ctx, v.tx)
	if err != nil {
		return nil, nil, err
	}
	rows, err := v.tx.QueryContext(ctx, "SELECT id, path, kind, server, first, last FROM source WHERE kind IN ("+gatewayKinds()+") AND state NOT IN (?, ?) ORDER BY path, id", string(ingest.Duplicate), string(ingest.NotCounted))
	if err != nil {
		return nil, nil, reading("the logs of MFA gateways", err)
	}
	at = map[int64]int{}
	err = scan(rows, func() error {
		var id int64
		var file string
		var s audit.Source
		err := rows.Scan(&id, &file, &s.Kind, &s.Server, &s.First, &s.Last)
		s.Folder, s.Server = path.Dir(file), cmp.Or(names[s.Server], s.Server)
		if s.Last < kept { // what it told is not kept any more
			s.First, s.Last = 0, 0
		} else if s.First > 0 {
			s.First = max(s.First, kept)
		}
		at[id] = len(all)
		all = append(all, s)
		return err
	})
	if err != nil {
		return nil, nil, reading("the logs of MFA gateways", err)
	}
	rows, err = v.tx.QueryContext(ctx, `SELECT source, "from", "to" FROM hole`)
	if err != nil {
		return nil, nil, reading("what was not read", err)
	}
	err = scan(rows, func() error {
		var id int64
		var h signin.Span
		err := rows.Scan(&id, &h.From, &h.To)
		if i, ok := at[id]; ok {
			if h.To == 0 { // it is not known to when
				h.To = math.MaxInt64
			}
			all[i].Holes = append(all[i].Holes, h)
		}
		return err
	})
	if err != nil {
		return nil, nil, reading("what was not read", err)
	}
	return all, at, nil
}

// Blind says for each server when no log was read that tells of logons in a browser: neither HttpProxy nor IIS.
func (v *MFAView) Blind(ctx context.Context) (map[string][]signin.Span, error) {
	all, err := v.s.coverage(ctx, v.tx, Period{})
	if err != nil {
		return nil, reading("what was heard", err)
	}
	heard := map[string][]audit.Source{}
	for i := range all {
		c := &all[i]
		if c.Kind != signin.HTTPProxy && c.Kind != signin.IIS {
			continue
		}
		s := audit.Source{Folder: c.Kind.String(), First: c.From, Last: c.To}
		for _, g := range c.Gaps {
			s.Holes = append(s.Holes, signin.Span{From: g.From, To: g.To - 1})
		}
		heard[c.Server] = append(heard[c.Server], s)
	}
	blind := map[string][]signin.Span{}
	for server, logs := range heard {
		// Each log by itself: a hole of one is none where the other was read.
		var read []signin.Span
		for _, l := range logs {
			read = append(read, audit.NewCoverage([]audit.Source{l})...)
		}
		blind[server] = audit.Without(read)
	}
	return blind, nil
}

// Hour returns the logons and the events of an hour since 1970, in no order: the hour rows of sign-ins that succeeded and
// count, and the events. The File of an event is the number of its log in the store.
func (v *MFAView) Hour(ctx context.Context, hour int64) (h audit.Hour, err error) {
	h = audit.Hour{From: hour * hourMs, To: (hour + 1) * hourMs}
	if err := v.readWays(ctx); err != nil {
		return h, err
	}
	if err := v.readUses(ctx, &h); err != nil {
		return h, reading("the sign-ins of an hour", err)
	}
	return h, reading("the events of an hour", v.readEvents(ctx, &h))
}

// readUses reads the logons of an hour.
func (v *MFAView) readUses(ctx context.Context, h *audit.Hour) error {
	hour := h.From / hourMs
	var from addressed
	var of []voice // whose hours must count
	rows, err := v.again.QueryContext(ctx, "SELECT usage, address, first, last, minutes, source, at, length, line FROM hour WHERE hour = ?", hour)
	if err != nil {
		return err
	}
	err = scan(rows, func() error {
		var id, address, minutes, source, length int64 // other numbers are read by way of their text
		var u audit.Use
		if err := rows.Scan(&id, &address, &u.First, &u.Last, &minutes, &source, &u.At.Offset, &length, &u.At.Line); err != nil {
			return err
		}
		w := v.ways[id]
		if w == nil {
			return nil // it did not succeed
		}
		u.Way, u.Minutes, u.At.File, u.At.Length = w.Way, uint64(minutes), int(source), int(length)
		u.First, u.Last = h.From+u.First, h.From+u.Last
		h.Uses, of = append(h.Uses, u), append(of, w.weak)
		from.add(address)
		return nil
	})
	if err != nil {
		return err
	}
	if err := from.read(ctx, v); err != nil {
		return err
	}
	counts := map[voice]bool{{}: true}
	n := 0
	for i, u := range h.Uses {
		counting, known := counts[of[i]]
		if !known {
			err := v.again.one(ctx, "SELECT EXISTS (SELECT 1 FROM weak WHERE server = ? AND kind = ? AND protocol = ? AND hour = ? AND state = ?)", []any{of[i].server, of[i].kind, of[i].protocol, hour, counted}, &counting)
			if err != nil {
				return err
			}
			counts[of[i]] = counting
		}
		if counting {
			u.Address = from.of(v, i)
			h.Uses[n] = u
			n++
		}
	}
	h.Uses = h.Uses[:n]
	return nil
}

// readEvents reads the events of an hour.
func (v *MFAView) readEvents(ctx context.Context, h *audit.Hour) error {
	var from addressed
	rows, err := v.again.QueryContext(ctx, `SELECT source, at, length, line, time, kind, "user", application, address, factor, outcome, reason, gateway, "transaction", signin, session, platform, federation, policy,
		federation <> '' AND kind <> ?3 AND NOT EXISTS (SELECT 1 FROM mfa_event x WHERE x.federation = e.federation AND x.federation <> '' AND x.kind = ?3)
		FROM mfa_event e WHERE time >= ?1 AND time < ?2`, h.From, h.To, signin.ADFSLog)
	if err != nil {
		return err
	}
	err = scan(rows, func() error {
		var e signin.MFAEvent
		var file, length, kind, address, outcome, signed, platform, policy int64
		var unissued bool
		if err := rows.Scan(&file, &e.At.Offset, &length, &e.At.Line, &e.Time, &kind, &e.User, &e.Application, &address, &e.Factor, &outcome, &e.Reason, &e.Gateway, &e.Transaction, &signed, &e.Session, &platform, &e.Federation, &policy, &unissued); err != nil {
			return err
		}
		e.At.File, e.At.Length, e.Kind, e.Outcome = int(file), int(length), signin.Kind(kind), factorOutcome(outcome)
		e.SignIn, e.Platform, e.Policy = signin.Outcome(signed), signin.Platform(platform), signin.Policy(policy)
		if unissued {
			if h.Unissued == nil {
				h.Unissued = map[string]bool{}
			}
			h.Unissued[e.Federation] = true
		}
		h.Events = append(h.Events, e)
		from.add(address)
		return nil
	})
	if err != nil {
		return err
	}
	if err := from.read(ctx, v); err != nil {
		return err
	}
	for i := range h.Events {
		h.Events[i].Address = from.of(v, i)
	}
	return nil
}

// readWays reads the keys of the usage rows of sign-ins that succeeded, once: hour rows are many and share them.
func (v *MFAView) readWays(ctx context.Context) error {
	if v.ways != nil {
		return nil
	}
	names, err := v.s.serverNames(ctx, v.tx)
	if err != nil {
		return err
	}
	v.ways = map[int64]*mfaWay{}
	rows, err := v.tx.QueryContext(ctx, `SELECT u.id, u.server, v.name, u.kind, a.key, u.protocol, c.name, u.internal, u.backend, u.weak, u.auth, u.mechanism, u.evidence, a.privileged FROM usage u JOIN server v ON v.id = u.server JOIN account a ON a.id = u.account
		JOIN client c ON c.id = u.client WHERE u.outcome = ? AND u.traffic IN (?, ?)`, signin.Success, signin.User, signin.Service)
	if err != nil {
		return reading("usage", err)
	}
	same := map[audit.Way]*audit.Way{} // rows that differ in what does not matter here
	return reading("usage", scan(rows, func() error {
		var id, server int64
		var w audit.Way
		var weak bool
		var row mfaWay
		if err := rows.Scan(&id, &server, &w.Server, &w.Kind, &w.Account, &w.Entry, &w.Client, &w.Internal, &w.Backend, &weak, &w.Auth, &w.Mechanism, &w.Evidence, &w.Privileged); err != nil {
			return err
		}
		w.Server = cmp.Or(names[w.Server], w.Server)
		if w.Kind.Cloud() {
			w.Server = audit.ExchangeOnline
		}
		if w.Account == signin.OtherAccounts().Key {
			w.Account = "" // it may be anybody
		}
		if same[w] == nil {
			same[w] = &w
		}
		row.Way = same[w]
		if weak {
			row.weak = voice{server: server, kind: w.Kind, protocol: w.Entry}
		}
		v.ways[id] = &row
		return nil
	}))
}
