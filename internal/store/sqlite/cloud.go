package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// Sign-ins to the cloud are told by several logs, in any order. Those that count have a row each, so that one that a worse
// log told can be taken out when a better one tells of it. Which count is decided when they come: one more telling never
// makes another count that did not.

// A cloudTurn is what a transaction does about sign-ins to the cloud.
type cloudTurn struct {
	twice  map[voice]int64  // lines that are told twice
	ticked []*ingest.Batch  // of minutes of those that count
	stand  map[logLine]bool // lines that count and on which a rule fires
	kept   int64            // the first day whose sums can be made anew
}

// A logLine is a line of a log, by its offset.
type logLine struct{ log, at int64 }

// A cloudRow is a sign-in that counts, or did until now.
type cloudRow struct {
	id, weight, usage, address, time, source, at int64
	kind                                         signin.Kind
	record, path, name                           string // name: the bare one of the account
	ticks                                        sql.NullString
	voice                                        voice
	frozen                                       bool                // it cannot be taken out any more
	fresh                                        *ingest.CloudSignIn // what was told in this transaction
}

// addCloud decides what the batches tell of sign-ins to the cloud, and adds those that count to their rows.
func (t *turn) addCloud(ctx context.Context, batches []*ingest.Batch) error {
	w := t.w
	groups := map[string][]cloudRow{}
	var order []string
	var count []cloudRow
	for _, b := range batches {
		for i := range b.Cloud {
			c := &b.Cloud[i]
			r := cloudRow{weight: c.Weight, time: c.First, source: b.Log, at: c.At.Offset, kind: c.Key.Kind, record: c.Record, path: w.paths[b.Log], name: c.Key.Account.Name, fresh: c}
			switch {
			case c.Shared == "":
				r.record = fmt.Sprintf("%d:%d", r.source, r.at)
				count = append(count, r)
			case groups[c.Shared] == nil:
				order = append(order, c.Shared)
				fallthrough
			default:
				groups[c.Shared] = append(groups[c.Shared], r)
			}
		}
	}
	if len(order)+len(count) == 0 {
		return nil
	}
	t.cloud.twice, t.cloud.stand = map[voice]int64{}, map[logLine]bool{}
	if err := t.recallCloud(ctx); err != nil {
		return err
	}
	var out []cloudRow
	for _, shared := range order {
		have, err := t.cloudRows(ctx, shared)
		if err != nil {
			return err
		}
		for _, r := range groups[shared] {
			var lost []cloudRow
			have, lost = contend(have, r)
			for _, l := range lost {
				if l.fresh == nil {
					out = append(out, l)
				}
				if err := t.toldTwice(ctx, &l); err != nil {
					return err
				}
			}
		}
		for _, r := range have {
			if r.fresh != nil {
				count = append(count, r)
			}
		}
	}
	if err := t.takeOutCloud(ctx, out); err != nil {
		return err
	}
	return t.countCloud(ctx, count)
}

// contend adds what one more line tells to the sign-ins of an id that count, and returns those that do now, and those that do
// not or no more.
func contend(have []cloudRow, r cloudRow) (all, lost []cloudRow) {
	for i := range have {
		h := &have[i]
		switch better := h.kind.CloudRank() - r.kind.CloudRank(); {
		case better != 0 && !onePerson(h, &r):
		case better < 0, h.frozen && better > 0:
			return have, []cloudRow{r}
		case better == 0 && h.record == r.record:
			if h.frozen || cmp.Or(cmp.Compare(h.weight, r.weight), cmp.Compare(r.path, h.path), cmp.Compare(r.at, h.at)) >= 0 {
				return have, []cloudRow{r}
			}
			lost = []cloudRow{*h}
			*h = r
			return have, lost
		}
	}
	for i := range have {
		if h := &have[i]; h.kind.CloudRank() > r.kind.CloudRank() && onePerson(h, &r) {
			lost = append(lost, *h)
		} else {
			all = append(all, *h)
		}
	}
	return append(all, r), lost
}

// onePerson reports whether two kinds of logs may tell of one person's sign-in: AD FS may write people otherwise.
func onePerson(a, b *cloudRow) bool {
	return a.name == b.name || a.kind == signin.ADFSLog || b.kind == signin.ADFSLog
}

// cloudRows reads the sign-ins of an id that count.
func (t *turn) cloudRows(ctx context.Context, shared string) (all []cloudRow, err error) {
	rows, err := t.w.QueryContext(ctx, `SELECT c.id, c.kind, c.record, c.weight, c.usage, c.address, c.time, c.source, c.at, c.ticks, coalesce(s.path, ''), a.name, u.server, u.protocol,
		EXISTS (SELECT 1 FROM day d WHERE d.day = c.time / 86400000 AND d.usage = c.usage)
		FROM cloud_signin c JOIN usage u ON u.id = c.usage JOIN account a ON a.id = u.account LEFT JOIN source s ON s.id = c.source WHERE c.shared = ?`, shared)
	if err != nil {
		return nil, err
	}
	aged := t.w.horizon(t.w.s.opt.Retention.Days) / dayMs
	err = scan(rows, func() error {
		var r cloudRow
		var summed bool
		err := rows.Scan(&r.id, &r.kind, &r.record, &r.weight, &r.usage, &r.address, &r.time, &r.source, &r.at, &r.ticks, &r.path, &r.name, &r.voice.server, &r.voice.protocol, &summed)
		day := r.time / dayMs
		r.voice.kind, r.voice.hour, r.frozen = r.kind, int32(r.time/hourMs), !summed || day < t.cloud.kept || day <= aged
		all = append(all, r)
		return err
	})
	return all, err
}

// toldTwice counts a line whose sign-in another line tells.
func (t *turn) toldTwice(ctx context.Context, r *cloudRow) (err error) {
	v := r.voice
	if c := r.fresh; c != nil {
		v, err = t.w.voice(ctx, ingest.Voice{Server: c.Key.Server, Kind: c.Key.Kind, Protocol: c.Key.Protocol, Hour: c.Hour})
	}
	t.cloud.twice[v]++
	return err
}

// storeTwice writes how many lines are told twice, beside those of weak rows.
func (t *turn) storeTwice(ctx context.Context) error {
	b := bulk{w: t.w, columns: 6, insert: "INSERT INTO weak (server, kind, protocol, hour, state, count)", onMeet: "ON CONFLICT DO UPDATE SET count = count + excluded.count"}
	for v, n := range t.cloud.twice {
		if err := b.add(ctx, v.server, v.kind, v.protocol, v.hour, toldTwice, n); err != nil {
			return err
		}
	}
	return b.end(ctx)
}

// countCloud adds sign-ins that count to their rows.
func (t *turn) countCloud(ctx context.Context, all []cloudRow) error {
	w := t.w
	rows := bulk{w: w, columns: 13, insert: "INSERT INTO cloud_signin (shared, kind, record, weight, usage, address, time, source, at, length, line, ticks, id)"}
	oldest := int32(w.horizon(w.s.opt.Retention.Hours) / hourMs)
	for i := range all {
		r := &all[i]
		c := r.fresh
		of, err := t.addRow(ctx, r.source, &c.HourRow)
		if err != nil {
			return err
		}
		if of.hour < oldest {
			of.address = 0 // it has no hour row, and goes with those that had
		}
		ticks, err := t.tickCloud(r)
		if err != nil {
			return err
		}
		if h := c.Key.Hits; h != nil && len(h.Match) > 0 {
			t.cloud.stand[logLine{r.source, r.at}] = true
		}
		if err := rows.add(ctx, cmp.Or(c.Shared, ":"), r.kind, r.record, r.weight, of.usage, of.address, r.time, r.source, r.at, c.At.Length, c.At.Line, ticks, nil); err != nil {
			return err
		}
	}
	return rows.end(ctx)
}

// quoteCloud quotes the first line of each usage row of the cloud that counts: the one that a batch cites may be told twice.
func (t *turn) quoteCloud(quotes map[string][]quote) {
	first := map[int64]*rowSum{}
	for k, r := range t.rows {
		if r.fires == nil || !r.fires.Kind.Cloud() {
			continue
		}
		paths := t.w.paths
		if f := first[k.usage]; f == nil || cmp.Or(cmp.Compare(paths[r.log], paths[f.log]), cmp.Compare(r.at.Offset, f.at.Offset)) < 0 {
			first[k.usage] = r
		}
	}
	for _, r := range first {
		u := cmp.Or(t.bounded[r.fires], r.fires).Usage()
		for _, target := range t.w.s.opt.Rules.Targets(&u) {
			quotes[target.ID] = addQuote(quotes[target.ID], quote{t.w.paths[r.log], r.log, &signin.Citation{At: r.at}})
		}
	}
}

// cloudKept is the name of the first day of which all sign-ins to the cloud are there.
const cloudKept = "cloud_from"

func (t *turn) recallCloud(ctx context.Context) error {
	text, found, err := t.w.s.meta(ctx, t.w, cloudKept)
	if err != nil || !found {
		return err
	}
	if _, err := fmt.Sscan(text, &t.cloud.kept); err != nil {
		return fmt.Errorf("reading from when on sign-ins to the cloud are kept: %q is no number", text)
	}
	return nil
}

// cloudFrom notes that sign-ins to the cloud before a day are not all there.
func (w *writer) cloudFrom(ctx context.Context, day int64) error {
	return w.exec(ctx, `INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value
		WHERE CAST(value AS INTEGER) < CAST(excluded.value AS INTEGER)`, cloudKept, fmt.Sprint(day))
}
