package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

func (s *Store) recall(words string) (*signin.Hits, error) {
	var v rules.Verdict
	if err := json.Unmarshal([]byte(words), &v); err != nil {
		return nil, fmt.Errorf("reading a verdict: %w", err)
	}
	h, _ := s.opt.Rules.Recall(v)
	return h, nil
}

// A Period is whole UTC days, in Unix milliseconds: From is the first instant, To the first behind it; 0 is no bound.
type Period struct{ From, To int64 }

func (p Period) days() (from, to int64) {
	if p == (Period{}) {
		return agedDay, 1 << 30 // what was summed up of days that were dropped is part of all time only
	}
	if to = p.To / dayMs; p.To == 0 {
		to = 1 << 30
	}
	return p.From / dayMs, to
}

// Result returns what a scan of the same files would have found in that period.
func (s *Store) Result(ctx context.Context, p Period) (r *ingest.Result, err error) {
	err = s.snapshot(ctx, func(tx *sql.Tx) error { // a commit in between would make sums that do not hold
		r, err = s.result(ctx, tx, p)
		return err
	})
	return r, err
}

func (s *Store) result(ctx context.Context, tx *sql.Tx, p Period) (*ingest.Result, error) {
	r := &ingest.Result{}
	p, err := s.sinceKept(ctx, tx, p)
	if err != nil {
		return nil, err
	}
	at, err := s.resultLogs(ctx, tx, r, p)
	if err != nil {
		return nil, err
	}
	if err := s.resultUsage(ctx, tx, r, p); err != nil {
		return nil, err
	}
	if s.opt.Rules != nil {
		from, to := p.days()
		if r.Minutes, err = s.minutes(ctx, tx, " AND m.minute >= ? AND m.minute < ?", from*24*60, to*24*60); err != nil {
			return nil, fmt.Errorf("reading the minutes of rules: %w", err)
		}
	}
	for i := range r.Usage {
		r.Usage[i].At.File = at[int64(r.Usage[i].At.File)]
	}
	for i := range r.Minutes {
		r.Minutes[i].At.File = at[int64(r.Minutes[i].At.File)]
	}
	slices.SortFunc(r.Usage, func(a, b signin.Usage) int {
		return cmp.Or(cmp.Compare(a.At.File, b.At.File), cmp.Compare(a.At.Offset, b.At.Offset), strings.Compare(a.Account.Key, b.Account.Key))
	})
	if err := s.resultCoverage(ctx, tx, r, p); err != nil {
		return nil, err
	}
	from, to := p.days()
	if r.ToldTwice, r.Waiting, err = weakSums(ctx, tx, from, to); err != nil {
		return nil, fmt.Errorf("reading what was told twice: %w", err)
	}
	from, to = max(from, 0), min(to, math.MaxInt32)
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM cloud_signin WHERE shared >= ':' AND shared < ';' AND time >= ? AND time < ?", from*dayMs, to*dayMs).Scan(&r.Unshared); err != nil {
		return nil, fmt.Errorf("reading sign-ins to the cloud: %w", err)
	}
	return r, nil
}

// resultLogs fills in the logs and their lines, and returns the place of each source.
func (s *Store) resultLogs(ctx context.Context, tx *sql.Tx, r *ingest.Result, p Period) (map[int64]int, error) {
	sources, err := s.sources(ctx, tx)
	if err != nil {
		return nil, err
	}
	names, err := s.serverNames(ctx, tx)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(sources, func(a, b ingest.Source) int { return strings.Compare(a.Path, b.Path) })
	at := map[int64]int{}
	folders := map[string]string{}
	for i := range sources {
		x := &sources[i]
		at[x.ID] = i
		l := ingest.Log{Input: tail.Input{Path: x.Path, Size: x.Size, Plain: x.Plain}, Format: ingest.Format{Kind: x.Kind}, Name: x.Name, State: x.State, Why: x.Why, Server: cmp.Or(names[x.Server], x.Server),
			Offset: x.Offset, First: x.First, Last: x.Last}
		if p.From > 0 && l.First > 0 {
			l.First = max(l.First, p.From)
		}
		if p.To > 0 {
			l.Last = min(l.Last, p.To-1)
		}
		if l.First > l.Last {
			l.First, l.Last = 0, 0
		}
		if x.Unfinished != "" {
			l.Lines.Count(signin.OtherLine)
			r.Other.Add(x.Unfinished, 1)
		}
		if x.State == ingest.Incomplete || x.State == ingest.Unreadable {
			l.Err = fmt.Errorf("%s", x.Why)
		}
		if x.Owner != "" {
			folders[path.Dir(x.Path)] = x.Owner
		}
		r.Logs = append(r.Logs, l)
	}
	for folder, owner := range folders {
		f := ingest.Folder{Path: folder, Server: owner, How: "request ids in common (cafeReqId = RequestId)"}
		if owner == folder {
			f.Server, f.How = "", "no HttpProxy log was read that could name it"
		}
		r.Folders = append(r.Folders, f)
	}
	slices.SortFunc(r.Folders, func(a, b ingest.Folder) int { return strings.Compare(a.Path, b.Path) })
	rows, err := tx.QueryContext(ctx, "SELECT n.source, n.day, n.verdict, coalesce(r.name, ''), n.lines FROM line_count n LEFT JOIN reason r ON r.id = n.reason")
	if err != nil {
		return nil, fmt.Errorf("reading the ledger: %w", err)
	}
	from, to := p.days()
	err = scan(rows, func() error {
		var source, day, lines int64
		var verdict signin.Verdict
		var reason string
		if err := rows.Scan(&source, &day, &verdict, &reason, &lines); err != nil {
			return err
		}
		if day != 0 && (day < from || day >= to) {
			verdict, reason = signin.OtherLine, ingest.ReasonOutside
		}
		l := &r.Logs[at[source]]
		l.Lines.CountN(verdict, lines)
		switch verdict {
		case signin.Noise:
			r.Noise.Add(reason, lines)
		case signin.OtherLine:
			r.Other.Add(reason, lines)
		case signin.MFALine:
			if day == 0 {
				undated(r, l.Format.Kind, reason, lines)
			}
		case signin.Malformed:
			l.Causes.Add(reason, lines)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the ledger: %w", err)
	}
	for i := range r.Logs {
		r.Lines.Add(r.Logs[i].Lines)
	}
	r.Noise.Sort()
	r.Other.Sort()
	return at, nil
}

// undated adds lines without a time. Of what they tell a store keeps how many there are of each reason.
func undated(r *ingest.Result, kind signin.Kind, reason string, lines int64) {
	compare := func(u ingest.UndatedFactor, reason string) int {
		return cmp.Or(cmp.Compare(u.Kind, kind), strings.Compare(u.Reasons.All[0], reason))
	}
	i, found := slices.BinarySearchFunc(r.Undated, reason, compare)
	if !found {
		r.Undated = slices.Insert(r.Undated, i, ingest.UndatedFactor{Kind: kind, Reasons: ingest.Names{All: []string{reason}}})
	}
	r.Undated[i].Lines += lines
}

// resultUsage fills in the usage rows: of all time from their sums, of a period from the days.
func (s *Store) resultUsage(ctx context.Context, tx *sql.Tx, r *ingest.Result, p Period) error {
	all, err := s.readUsage(ctx, tx, "1")
	if err != nil {
		return err
	}
	at := make(map[int64]int, len(all))
	whole := p == Period{}
	for i := range all {
		at[all[i].id] = i
		if !whole {
			all[i].Count = 0
		}
	}
	from, to := p.days()
	rows, err := tx.QueryContext(ctx, "SELECT day, usage, count, first, last FROM day WHERE day >= ? AND day < ? ORDER BY day", from, to)
	if err != nil {
		return fmt.Errorf("reading usage by day: %w", err)
	}
	err = scan(rows, func() error {
		var id, count, first, last int64
		var day int32
		if err := rows.Scan(&day, &id, &count, &first, &last); err != nil {
			return err
		}
		u := &all[at[id]]
		u.Days = append(u.Days, day)
		if !whole {
			if u.Count == 0 {
				u.First, u.Last = first, last
			}
			u.Count += count
			u.First, u.Last = min(u.First, first), max(u.Last, last)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading usage by day: %w", err)
	}
	if err := s.addAddresses(ctx, tx, all, at, from*24, to*24); err != nil {
		return err
	}
	for i := range all {
		if u := &all[i]; u.Count > 0 {
			if r.Counted += u.Count; u.Account == signin.OtherAccounts() {
				r.Crowded += u.Count
			}
			r.Usage = append(r.Usage, u.Usage)
		}
	}
	return nil
}

// sampledAddresses is how many addresses a usage row shows: the smallest ones.
const sampledAddresses = 3

func (s *Store) addAddresses(ctx context.Context, tx *sql.Tx, all []usageRow, at map[int64]int, from, to int64) error {
	rows, err := tx.QueryContext(ctx, `SELECT h.usage, a.ip FROM hour h JOIN usage u ON u.id = h.usage JOIN address a ON a.id = h.address
		LEFT JOIN weak k ON u.weak = 1 AND k.server = u.server AND k.kind = u.kind AND k.protocol = u.protocol AND k.hour = h.hour
		WHERE h.hour >= ? AND h.hour < ? AND (u.weak = 0 OR k.state = 1) GROUP BY h.usage, h.address`, from, to)
	if err != nil {
		return fmt.Errorf("reading addresses: %w", err)
	}
	return scan(rows, func() error {
		var id int64
		var raw []byte
		if err := rows.Scan(&id, &raw); err != nil {
			return err
		}
		ip, _ := netip.AddrFromSlice(raw)
		u := &all[at[id]]
		i, _ := slices.BinarySearchFunc(u.Addresses, ip, netip.Addr.Compare)
		if i < sampledAddresses {
			u.Addresses = slices.Insert(u.Addresses, i, ip)
			u.Addresses = u.Addresses[:min(len(u.Addresses), sampledAddresses)]
		}
		return nil
	})
}

func (s *Store) resultCoverage(ctx context.Context, tx *sql.Tx, r *ingest.Result, p Period) error {
	from, to := p.days()
	rows, err := tx.QueryContext(ctx, "SELECT v.name, h.kind, h.protocol, h.hour, h.first, h.last FROM heard h JOIN server v ON v.id = h.server WHERE h.hour >= ? AND h.hour < ?", from*24, to*24)
	if err != nil {
		return fmt.Errorf("reading what was heard: %w", err)
	}
	names, err := s.serverNames(ctx, tx)
	if err != nil {
		rows.Close()
		return err
	}
	var heard []ingest.Hearing
	err = scan(rows, func() error {
		var h ingest.Hearing
		err := rows.Scan(&h.Server, &h.Kind, &h.Protocol, &h.Hour, &h.First, &h.Last)
		h.Server = cmp.Or(names[h.Server], h.Server)
		heard = append(heard, h)
		return err
	})
	r.Cover(heard)
	return err
}

// Cite returns what was kept of the lines that findings cite. refs name logs by their place in the Result.
func (s *Store) Cite(ctx context.Context, r *ingest.Result) (func(refs []signin.Ref) map[signin.Ref]*signin.Citation, error) {
	at := map[string]int{}
	for i := range r.Logs {
		at[r.Logs[i].Input.Path] = i
	}
	rows, err := s.read.QueryContext(ctx, "SELECT DISTINCT s.path, e.at, e.length, e.line, e.sha256, e.document FROM evidence e JOIN source s ON s.id = e.source WHERE e.sha256 IS NOT NULL")
	if err != nil {
		return nil, fmt.Errorf("reading evidence: %w", err)
	}
	kept := map[signin.Ref]*signin.Citation{}
	err = scan(rows, func() error {
		var file string
		var sum []byte
		c := &signin.Citation{}
		err := rows.Scan(&file, &c.At.Offset, &c.At.Length, &c.At.Line, &sum, &c.Document)
		copy(c.SHA256[:], sum)
		c.At.File = at[file]
		kept[c.At] = c
		return err
	})
	return func(refs []signin.Ref) map[signin.Ref]*signin.Citation { return kept }, err
}
