package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// Commit stores what a pipeline read: all of it or nothing. It fails with ingest.ErrStale where a batch does not begin
// where its log stands.
func (s *Store) Commit(ctx context.Context, c *ingest.Commit) error {
	return s.change(ctx, "committing", func(ctx context.Context, w *writer) error { return w.commit(ctx, c) })
}

func (w *writer) commit(ctx context.Context, c *ingest.Commit) error {
	if err := w.fresh(ctx, c.Batches); err != nil {
		return err
	}
	for _, id := range c.Forget {
		for _, table := range []string{"ledger", "head", "hole", "garbled", "line_count"} {
			if err := w.exec(ctx, "DELETE FROM "+table+" WHERE source = ?", id); err != nil {
				return err
			}
		}
		if err := w.exec(ctx, "DELETE FROM source WHERE id = ?", id); err != nil {
			return err
		}
	}
	for _, src := range c.Sources {
		w.paths[src.ID] = src.Path
		if err := w.source(ctx, src); err != nil {
			return err
		}
	}
	for ip, name := range c.Servers {
		if err := w.exec(ctx, "INSERT INTO server_address (ip, name) VALUES (?, ?) ON CONFLICT DO UPDATE SET name = excluded.name", ip.AsSlice(), name); err != nil {
			return err
		}
	}
	if len(c.Refused) > 0 {
		if err := w.refuse(ctx, c.Refused); err != nil {
			return err
		}
	}
	for i := range c.Holes {
		h := &c.Holes[i]
		if err := w.exec(ctx, `INSERT INTO hole (source, at, bytes, "from", "to", reason) VALUES (?, ?, ?, ?, ?, ?)`, h.Log, h.Offset, h.Bytes, h.From, h.To, h.Reason); err != nil {
			return err
		}
	}
	t := &turn{w: w, rows: map[rowKey]*rowSum{}, fresh: map[int64]*newRow{}, counts: map[lineCount]int64{}, heard: map[voice]signin.Span{}, weak: map[voice]*weakHour{}, touched: map[groupName]bool{}, debuts: map[int64]bool{}, bounded: map[*ingest.Key]*ingest.Key{}}
	for _, a := range c.Adopted {
		if err := t.adopt(ctx, a); err != nil {
			return err
		}
	}
	for _, b := range c.Batches {
		if err := t.ledger(ctx, b); err != nil {
			return err
		}
		if err := t.add(ctx, b); err != nil {
			return err
		}
	}
	if err := t.addCloud(ctx, c.Batches); err != nil {
		return err
	}
	return t.store(ctx, c.Batches)
}

// fresh fails with ingest.ErrStale where a batch does not begin where its log stands.
func (w *writer) fresh(ctx context.Context, batches []*ingest.Batch) error {
	at := map[int64]int64{}
	for _, b := range batches {
		have, known := at[b.Log]
		if !known {
			if _, err := w.one(ctx, `SELECT "offset" FROM source WHERE id = ?`, []any{b.Log}, &have); err != nil {
				return err
			}
		}
		if have != b.From {
			return fmt.Errorf("%w: log %d, byte %d, its checkpoint is %d", ingest.ErrStale, b.Log, b.From, have)
		}
		at[b.Log] = b.To
	}
	return nil
}

func (w *writer) source(ctx context.Context, s *ingest.Source) error {
	header := int64(0)
	if s.Header != nil {
		id, err := w.headers.id(ctx, w, string(s.Header))
		if err != nil {
			return err
		}
		header = id
	}
	if s.State != ingest.Gone {
		// What will never be read turned up after all.
		if err := w.exec(ctx, "DELETE FROM hole WHERE source = ? AND at >= ?", s.ID, s.Offset); err != nil {
			return err
		}
	}
	return w.exec(ctx, `INSERT INTO source (id, path, file_id, head, head_size, name, kind, state, why, server, owner, encoding, plain, size, modified, done, "offset", lines, header, sessions, chain, unfinished, first, last)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET path = excluded.path, file_id = excluded.file_id, head = excluded.head,
		head_size = excluded.head_size, name = excluded.name, kind = excluded.kind, state = excluded.state, why = excluded.why, server = excluded.server, owner = excluded.owner,
		encoding = excluded.encoding, plain = excluded.plain, size = excluded.size, modified = excluded.modified, done = excluded.done, "offset" = excluded."offset", lines = excluded.lines,
		header = excluded.header, sessions = excluded.sessions, chain = excluded.chain, unfinished = excluded.unfinished, first = excluded.first, last = excluded.last`,
		s.ID, s.Path, s.FileID, s.Head[:], s.HeadSize, s.Name, s.Kind, string(s.State), s.Why, s.Server, s.Owner, s.Encoding, s.Plain, s.Size, s.Modified, s.Done, s.Offset, s.Lines,
		header, s.Sessions, s.Chain[:], s.Unfinished, s.First, s.Last)
}

// A turn is one transaction's rows, while they are added up: rows repeat in batches that follow each other.
type turn struct {
	w       *writer
	rows    map[rowKey]*rowSum
	fresh   map[int64]*newRow // usage rows that are new
	counts  map[lineCount]int64
	heard   map[voice]signin.Span
	weak    map[voice]*weakHour
	touched map[groupName]bool          // groups of rules with windows that counted something
	debuts  map[int64]bool              // usage rows that were first seen earlier than was known
	bounded map[*ingest.Key]*ingest.Key // what counts as that of other accounts
	cloud   cloudTurn
}

// A newRow is a usage row that is made, and the first line of it.
type newRow struct {
	of  *ingest.Key
	key usageKey
	log int64
	at  signin.Ref
}

type rowKey struct {
	usage, address int64
	hour           int32
}

type rowSum struct {
	count, first, last int64
	minutes            uint64
	waits              *weakHour   // nil unless the row is weak
	fires              *ingest.Key // of a line on which a rule does
	log                int64
	at                 signin.Ref // the first line
}

type lineCount struct {
	source, reason int64
	day            int32
	verdict        signin.Verdict
}

// ledger writes the range of a batch.
func (t *turn) ledger(ctx context.Context, b *ingest.Batch) error {
	err := t.w.exec(ctx, `INSERT INTO ledger (source, start, "end", digest, chain, first, last, lines) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET "end" = excluded."end", digest = excluded.digest, chain = excluded.chain, last = max(last, excluded.last), lines = excluded.lines,
		first = CASE WHEN first = 0 THEN excluded.first WHEN excluded.first = 0 THEN first ELSE min(first, excluded.first) END`,
		b.Log, b.Range, b.To, b.Digest[:], b.Chain[:], b.First, b.Last, b.Lines)
	for i := range b.Heads {
		id, e := t.w.headers.id(ctx, t.w, string(b.Heads[i].Header))
		err = cmp.Or(err, e, t.w.exec(ctx, "INSERT INTO head (source, at, header) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", b.Log, b.Heads[i].Offset, id))
	}
	return err
}

// add adds up what a batch holds.
func (t *turn) add(ctx context.Context, b *ingest.Batch) error {
	w := t.w
	for _, c := range b.Counts {
		reason := int64(0)
		if c.Reason != "" {
			id, err := w.reasons.id(ctx, w, c.Reason)
			if err != nil {
				return err
			}
			reason = id
		}
		t.counts[lineCount{b.Log, reason, c.Day, c.Verdict}] += c.Lines
	}
	if err := t.hear(ctx, b); err != nil {
		return err
	}
	for i := range b.Rows {
		if _, err := t.addRow(ctx, b.Log, &b.Rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// addRow adds a row of a batch to its sum, and returns which that is.
func (t *turn) addRow(ctx context.Context, log int64, r *ingest.HourRow) (row rowKey, err error) {
	w := t.w
	k, ok := w.rows[r.Key]
	if !ok {
		if k, err = t.known(ctx, log, r); err != nil {
			return row, err
		}
	}
	from := r.Address
	if r.Key.Outcome == signin.Failure {
		many, err := t.manyRefusals(ctx, r.Hour)
		if err != nil {
			return row, err
		}
		if many {
			from = netip.Addr{}
		}
	}
	address, err := w.address(ctx, from, int64(r.Hour/24))
	if err != nil {
		return row, err
	}
	row = rowKey{k.id, address, r.Hour}
	sum := t.rows[row]
	if sum == nil {
		sum = &rowSum{first: r.First, last: r.Last, log: log, at: r.At}
		if r.Key.Hits != nil && len(r.Key.Hits.Match) > 0 {
			sum.fires = r.Key
		}
		if k.v != (voice{}) {
			k.v.hour = r.Hour
			if sum.waits = t.weak[k.v]; sum.waits == nil {
				sum.waits = &weakHour{}
				t.weak[k.v] = sum.waits
			}
		}
		t.rows[row] = sum
		if r.Key.Outcome == signin.Failure {
			w.refusals[r.Hour]++
		}
	}
	sum.count += r.Count
	if r.First < sum.first {
		sum.log, sum.at = log, r.At
	}
	sum.first, sum.last = min(sum.first, r.First), max(sum.last, r.Last)
	sum.minutes |= r.Minutes
	if sum.waits != nil {
		sum.waits.count += r.Count
	}
	return row, nil
}

// known returns the usage row of a row whose key is met for the first time, made if it is new.
func (t *turn) known(ctx context.Context, log int64, r *ingest.HourRow) (k knownRow, err error) {
	w := t.w
	key, err := w.bound(ctx, r)
	if err != nil {
		return k, err
	}
	u, err := w.keyOf(ctx, key)
	if err != nil {
		return k, err
	}
	id, isNew, err := w.row(ctx, u)
	if err != nil {
		return k, err
	}
	if k.id = id; isNew {
		t.fresh[id] = &newRow{key, u, log, r.At}
	}
	if key.Weak {
		if k.v, err = w.voice(ctx, ingest.Voice{Server: key.Server, Kind: key.Kind, Protocol: key.Protocol}); err != nil {
			return k, err
		}
	}
	if len(w.rows) >= w.s.cached {
		clear(w.rows)
	}
	if key == r.Key { // one that stands for many is looked up every time: a bound goes by days
		w.rows[r.Key] = k
		delete(t.bounded, key)
	} else {
		t.bounded[r.Key] = key
	}
	return k, nil
}

func (w *writer) voice(ctx context.Context, v ingest.Voice) (voice, error) {
	server, err := w.servers.id(ctx, w, v.Server)
	return voice{server, v.Kind, v.Protocol, v.Hour}, err
}

// store writes the sums.
func (t *turn) store(ctx context.Context, batches []*ingest.Batch) error {
	if err := t.w.flush(ctx); err != nil {
		return err
	}
	steps := []func(context.Context) error{t.storeCounts, t.storeHeard, t.storeWeak, t.storeTwice, t.storeRows}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if err := t.storeIDs(ctx, batches); err != nil {
		return err
	}
	if err := t.storeMinutes(ctx, append(batches[:len(batches):len(batches)], t.cloud.ticked...)); err != nil {
		return err
	}
	if err := t.storeEvents(ctx, batches); err != nil {
		return err
	}
	return t.findings(ctx, batches)
}

func (t *turn) storeCounts(ctx context.Context) error {
	b := bulk{w: t.w, insert: "INSERT INTO line_count (source, day, verdict, reason, lines)", onMeet: "ON CONFLICT DO UPDATE SET lines = lines + excluded.lines", columns: 5}
	for k, n := range t.counts {
		if err := b.add(ctx, k.source, k.day, k.verdict, k.reason, n); err != nil {
			return err
		}
	}
	return b.end(ctx)
}

// A daySum is a row of the day, or of all time.
type daySum struct {
	count, first, last int64
	hours              uint32
}

func (d *daySum) add(count, first, last int64, hour int32) {
	if d.count == 0 {
		d.first, d.last = first, last
	}
	d.count += count
	d.first, d.last = min(d.first, first), max(d.last, last)
	d.hours |= 1 << (hour % 24)
}

type dayKey struct {
	usage int64
	day   int32
}

// storeRows writes the rows at their three grains.
func (t *turn) storeRows(ctx context.Context) error {
	order := slices.SortedFunc(maps.Keys(t.rows), func(a, b rowKey) int {
		return cmp.Or(cmp.Compare(a.hour, b.hour), cmp.Compare(a.usage, b.usage), cmp.Compare(a.address, b.address))
	})
	oldest := int32(t.w.horizon(t.w.s.opt.Retention.Hours) / hourMs)
	hours := bulk{w: t.w, insert: "INSERT INTO hour (hour, usage, address, count, first, last, minutes, source, at, length, line)", columns: 11,
		onMeet: `ON CONFLICT DO UPDATE SET count = count + excluded.count, first = min(first, excluded.first), last = max(last, excluded.last), minutes = minutes | excluded.minutes,
			source = CASE WHEN excluded.first < first THEN excluded.source ELSE source END, at = CASE WHEN excluded.first < first THEN excluded.at ELSE at END,
			length = CASE WHEN excluded.first < first THEN excluded.length ELSE length END, line = CASE WHEN excluded.first < first THEN excluded.line ELSE line END`}
	lines := bulk{w: t.w, insert: "INSERT INTO weak_line (usage, hour, source, at, length, line)", columns: 6, onMeet: "ON CONFLICT DO NOTHING"}
	days := map[dayKey]*daySum{}
	incomplete := int32(-1) // the last day of which hours are left out
	for _, k := range order {
		r := t.rows[k]
		from := int64(k.hour) * hourMs
		if k.hour < oldest {
			incomplete = max(incomplete, k.hour/24)
		}
		if k.hour >= oldest || r.waits != nil && r.waits.state == waiting {
			if err := hours.add(ctx, k.hour, k.usage, k.address, r.count, r.first-from, r.last-from, int64(r.minutes), r.log, r.at.Offset, r.at.Length, r.at.Line); err != nil {
				return err
			}
		}
		if r.waits != nil && r.waits.state != counted {
			if r.fires != nil && r.waits.state == waiting {
				if err := lines.add(ctx, k.usage, k.hour, r.log, r.at.Offset, r.at.Length, r.at.Line); err != nil {
					return err
				}
			}
			continue
		}
		if r.fires != nil {
			if err := t.debut(ctx, k.usage, r.first); err != nil {
				return err
			}
		}
		d := dayKey{k.usage, k.hour / 24}
		if days[d] == nil {
			days[d] = &daySum{}
		}
		days[d].add(r.count, r.first, r.last, k.hour)
	}
	if err := cmp.Or(hours.end(ctx), lines.end(ctx)); err != nil {
		return err
	}
	if incomplete >= 0 {
		if err := t.w.noHoursBefore(ctx, int64(incomplete)+1); err != nil {
			return err
		}
	}
	return t.addDays(ctx, days)
}

// addDays adds to day rows and to those of all time, and makes those that are new.
func (t *turn) addDays(ctx context.Context, sums map[dayKey]*daySum) error {
	w := t.w
	days := bulk{w: w, insert: "INSERT INTO day (day, usage, count, first, last, hours)", columns: 6,
		onMeet: "ON CONFLICT DO UPDATE SET count = count + excluded.count, first = min(first, excluded.first), last = max(last, excluded.last), hours = hours | excluded.hours"}
	oldest := int32(w.horizon(w.s.opt.Retention.Days) / dayMs)
	all := map[int64]*daySum{}
	aged := map[int64]*daySum{}
	order := slices.SortedFunc(maps.Keys(sums), func(a, b dayKey) int { return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.usage, b.usage)) })
	first := int64(math.MaxInt64)
	for _, d := range sums {
		first = min(first, d.first)
	}
	if len(sums) > 0 {
		if err := w.stale(ctx, first); err != nil {
			return err
		}
	}
	for _, k := range order {
		d := sums[k]
		if all[k.usage] == nil {
			all[k.usage] = &daySum{}
		}
		all[k.usage].add(d.count, d.first, d.last, 0)
		if k.day < oldest {
			if aged[k.usage] == nil {
				aged[k.usage] = &daySum{}
			}
			aged[k.usage].add(d.count, d.first, d.last, 0)
			continue
		}
		if err := days.add(ctx, k.day, k.usage, d.count, d.first, d.last, d.hours); err != nil {
			return err
		}
	}
	sumsOf := bulk{w: w, columns: 4, insert: `UPDATE usage SET first = CASE WHEN count = 0 THEN v.column3 ELSE min(first, v.column3) END,
		last = CASE WHEN count = 0 THEN v.column4 ELSE max(last, v.column4) END, count = count + v.column2 FROM (`, onMeet: ") v WHERE usage.id = v.column1"}
	if err := t.makeRows(ctx, all); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		a := all[id]
		if t.fresh[id] != nil {
			continue
		}
		if err := sumsOf.add(ctx, id, a.count, a.first, a.last); err != nil {
			return err
		}
	}
	if err := sumsOf.end(ctx); err != nil {
		return err
	}
	for id, a := range aged {
		if err := w.age(ctx, id, a); err != nil {
			return err
		}
	}
	return days.end(ctx)
}

// makeRows makes the usage rows that are new, with what they counted.
func (t *turn) makeRows(ctx context.Context, sums map[int64]*daySum) error {
	b := bulk{w: t.w, columns: 26, insert: `INSERT INTO usage (id, account, server, kind, protocol, auth, mechanism, outcome, evidence, traffic, client, modern, internal, backend, weak, verdict,
		count, first, last, aged_count, aged_first, aged_last, source, at, length, line)`}
	for _, id := range slices.Sorted(maps.Keys(t.fresh)) {
		f, sum := t.fresh[id], sums[id]
		if sum == nil {
			sum = &daySum{} // it waits, or was told twice
		}
		err := b.add(ctx, append(append([]any{id}, f.key.columns()...), sum.count, sum.first, sum.last, 0, 0, 0, f.log, f.at.Offset, f.at.Length, f.at.Line)...)
		if err != nil {
			return err
		}
	}
	return b.end(ctx)
}

// age adds to what is known of days that have no rows.
func (w *writer) age(ctx context.Context, id int64, a *daySum) error {
	return w.exec(ctx, `UPDATE usage SET aged_first = CASE WHEN aged_count = 0 THEN ?2 ELSE min(aged_first, ?2) END,
		aged_last = CASE WHEN aged_count = 0 THEN ?3 ELSE max(aged_last, ?3) END, aged_count = aged_count + ?1 WHERE id = ?4`, a.count, a.first, a.last, id)
}

// horizon is the instant before which records of that age are not kept, Unix milliseconds.
func (w *writer) horizon(keep interface{ Milliseconds() int64 }) int64 {
	return min(w.newest, w.s.opt.Now().UnixMilli()) - keep.Milliseconds()
}

const (
	hourMs = 3_600_000
	dayMs  = 86_400_000
)
