package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// States of a finding. A candidate is one that does not hold yet: nobody is shown it.
const (
	stateCandidate    = "candidate"
	stateOpen         = "open"
	stateAcknowledged = "acknowledged"
	stateResolved     = "resolved"
)

// A querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// findings opens and counts what the batches found.
func (t *turn) findings(ctx context.Context, batches []*ingest.Batch) error {
	set := t.w.s.opt.Rules
	if set == nil {
		return nil
	}
	links := bulk{w: t.w, columns: 2, insert: "INSERT INTO finding_usage (finding, usage)", onMeet: "ON CONFLICT DO NOTHING"}
	for id, f := range t.fresh {
		if f.of.Hits == nil || len(f.of.Hits.Match) == 0 {
			continue
		}
		u := f.of.Usage()
		for _, target := range set.Targets(&u) {
			err := t.w.open(ctx, target, set)
			if err == nil {
				err = links.add(ctx, target.ID, id)
			}
			if err != nil {
				return err
			}
		}
	}
	if err := links.end(ctx); err != nil {
		return err
	}
	if err := t.cite(ctx, batches); err != nil {
		return err
	}
	met := map[int64]bool{}
	for k, r := range t.rows {
		if r.fires != nil && (r.waits == nil || r.waits.state == counted) {
			met[k.usage] = true
		}
	}
	return t.decide(ctx, met)
}

// open makes a finding if it is new.
func (w *writer) open(ctx context.Context, t rules.Target, set *rules.Set) error {
	if w.opened[t.ID] {
		return nil
	}
	r := set.Rule(t.Rule)
	state := stateOpen
	if r.Type == rules.FirstSeen {
		state = stateCandidate
	}
	if len(w.opened) >= w.s.cached {
		clear(w.opened)
	}
	w.opened[t.ID] = true
	return w.insertFinding(ctx, t.ID, r, t.Subject, t.Protocol, state, "usage", 0, "")
}

func (w *writer) insertFinding(ctx context.Context, id string, r *rules.Rule, subject, protocol, state, counted string, rule int64, visible string) error {
	tags, err := json.Marshal(append([]string{}, r.Tags...))
	if err != nil {
		return err
	}
	return w.exec(ctx, `INSERT INTO finding (id, rule, name, severity, tags, subject, protocol, state, counted, count, first, last, aged_count, aged_first, rule_id, visible, fields, opened, changed, actor, note, exception)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, ?, ?, ?, 0, 0, '', '', '') ON CONFLICT DO UPDATE SET name = excluded.name, severity = excluded.severity, tags = excluded.tags`,
		id, r.ID, r.Name, r.Severity, string(tags), subject, protocol, state, counted, rule, visible, strings.Join(r.GroupBy, "\t"))
}

// maxEvidence is how many lines a finding cites.
const maxEvidence = 3

// A quote is a line that a finding may cite.
type quote struct {
	path string
	log  int64
	*signin.Citation
}

// cite keeps for every finding the first lines, in the order of paths and offsets, of what the batches cite.
func (t *turn) cite(ctx context.Context, batches []*ingest.Batch) error {
	w, set := t.w, t.w.s.opt.Rules
	quotes := map[string][]quote{}
	for _, b := range batches {
		for i := range b.Cited {
			c := &b.Cited[i]
			if c.Key.Weak || c.Key.Kind.Cloud() && !t.cloud.stand[logLine{b.Log, c.At.Offset}] {
				continue // it is cited if its hour counts, see quoteLate and citeSettling; or the sign-in is told twice
			}
			q := quote{w.paths[b.Log], b.Log, &c.Citation}
			u := cmp.Or(t.bounded[c.Key], c.Key).Usage()
			for _, target := range set.Targets(&u) {
				quotes[target.ID] = addQuote(quotes[target.ID], q)
			}
		}
	}
	t.quoteLate(quotes)
	t.quoteCloud(quotes)
	rows := bulk{w: w, columns: 10, insert: "INSERT INTO evidence (finding, source, at, path, length, line, step, sha256, document, stored)", onMeet: "ON CONFLICT DO NOTHING"}
	now := w.s.opt.Now().UnixMilli()
	var full []string // findings that may cite too many lines now
	for finding, qs := range quotes {
		if err := w.lookUpCited(ctx, finding); err != nil {
			return err
		}
		have := w.cited[finding]
		added := false
		for _, q := range qs {
			if have.n >= maxEvidence && !q.before(&quote{path: have.path, Citation: &signin.Citation{At: signin.Ref{Offset: have.at}}}) {
				break // the first lines are cited, and these come behind them
			}
			sha, document := any(q.SHA256[:]), any(string(q.Document))
			if q.Document == nil {
				sha, document = nil, nil // the line is read again
			}
			if err := rows.add(ctx, finding, q.log, q.At.Offset, q.path, q.At.Length, q.At.Line, 0, sha, document, now); err != nil {
				return err
			}
			added = true
		}
		if added && have.n > 0 {
			full = append(full, finding)
			delete(w.cited, finding)
		} else if added {
			last := qs[len(qs)-1]
			w.cited[finding] = cited{len(qs), last.path, last.At.Offset}
		}
	}
	if err := rows.end(ctx); err != nil {
		return err
	}
	for _, finding := range full {
		if err := w.exec(ctx, "DELETE FROM evidence WHERE finding = ?1 AND (source, at) IN (SELECT source, at FROM evidence WHERE finding = ?1 ORDER BY path, at LIMIT -1 OFFSET ?2)", finding, maxEvidence); err != nil {
			return err
		}
	}
	return nil
}

// quoteLate quotes the first lines of weak rows whose hour counts already: it was settled before they came.
func (t *turn) quoteLate(quotes map[string][]quote) {
	for _, r := range t.rows {
		if r.fires == nil || r.waits == nil || r.waits.state != counted {
			continue
		}
		u := r.fires.Usage()
		for _, target := range t.w.s.opt.Rules.Targets(&u) {
			quotes[target.ID] = addQuote(quotes[target.ID], quote{t.w.paths[r.log], r.log, &signin.Citation{At: r.at}})
		}
	}
}

// addQuote keeps the first lines.
func addQuote(qs []quote, q quote) []quote {
	i, _ := slices.BinarySearchFunc(qs, q, func(a, b quote) int {
		return cmp.Or(strings.Compare(a.path, b.path), cmp.Compare(a.At.Offset, b.At.Offset))
	})
	if i == maxEvidence || i < len(qs) && qs[i].path == q.path && qs[i].At.Offset == q.At.Offset {
		return qs
	}
	return slices.Insert(qs, i, q)[:min(len(qs)+1, maxEvidence)]
}

func (q *quote) before(o *quote) bool {
	return q.path < o.path || q.path == o.path && q.At.Offset < o.At.Offset
}

// lookUpCited remembers what a finding cites.
func (w *writer) lookUpCited(ctx context.Context, finding string) error {
	if _, known := w.cited[finding]; known {
		return nil
	}
	var have cited
	rows, err := w.QueryContext(ctx, "SELECT path, at FROM evidence WHERE finding = ? ORDER BY path, at", finding)
	if err != nil {
		return err
	}
	err = scan(rows, func() error {
		have.n++
		return rows.Scan(&have.path, &have.at)
	})
	if err != nil {
		return err
	}
	if len(w.cited) >= w.s.cached {
		clear(w.cited)
	}
	w.cited[finding] = have
	return nil
}

// decide brings the findings up to date: those that the usage rows count in, and those of the touched groups.
func (t *turn) decide(ctx context.Context, met map[int64]bool) error {
	w := t.w
	if w.s.opt.Rules == nil {
		return nil
	}
	for g := range t.touched {
		if err := w.decideGroup(ctx, g); err != nil {
			return err
		}
	}
	if err := t.decideDebuts(ctx); err != nil {
		return err
	}
	if err := w.meetAll(ctx, met); err != nil {
		return err
	}
	return w.announce(ctx)
}

// meetAll opens findings again that usage rows count in.
func (w *writer) meetAll(ctx context.Context, met map[int64]bool) error {
	maps.DeleteFunc(met, func(id int64, _ bool) bool { return w.settled[id] })
	if len(met) == 0 {
		return nil
	}
	var resolved bool
	if _, err := w.one(ctx, "SELECT EXISTS (SELECT 1 FROM finding INDEXED BY finding_resolved WHERE state = 'resolved')", nil, &resolved); err != nil {
		return err
	}
	_, dropped, err := w.s.meta(ctx, w, "findings_dropped")
	if err != nil {
		return err
	}
	for id := range met {
		if len(w.settled) >= w.s.cached {
			clear(w.settled)
		}
		w.settled[id] = true
		if resolved || dropped {
			if err := w.meet(ctx, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// meet opens findings again that a usage row counts in.
func (w *writer) meet(ctx context.Context, usage int64) error {
	rows, err := w.QueryContext(ctx, "SELECT f.id, u.last, u.last > f.last FROM finding_usage x JOIN usage u ON u.id = x.usage JOIN finding f ON f.id = x.finding WHERE x.usage = ? AND f.state = 'resolved'", usage)
	if err != nil {
		return err
	}
	again, late := map[string]int64{}, false
	err = scan(rows, func() error {
		var id string
		var last int64
		var newer bool
		err := rows.Scan(&id, &last, &newer)
		if newer {
			again[id] = last
		} else {
			late = true // an old log: what is new may still come
		}
		return err
	})
	for id, last := range again {
		if err == nil {
			err = w.reopen(ctx, id, last)
		}
	}
	if err == nil {
		err = w.openAgain(ctx, usage)
	}
	w.settled[usage] = !late
	return err
}

// jsonList is texts as one argument of a query.
func jsonList(texts []string) string {
	b, err := json.Marshal(append([]string{}, texts...))
	if err != nil {
		return "[]" // texts always can be
	}
	return string(b)
}

// decideGroup decides a rule with a window for a group, from all its minutes.
func (w *writer) decideGroup(ctx context.Context, g groupName) error {
	set := w.s.opt.Rules
	minutes, err := w.s.minutes(ctx, w, " AND g.rule = ? AND g.visible = ?", g.rule, g.visible)
	if err != nil {
		return err
	}
	found := set.Decide(rules.Observed{Minutes: minutes, Covered: w.covered})
	keep := []string{""}
	for i := range found {
		f := &found[i]
		keep = append(keep, f.ID)
		if err := w.storeWindow(ctx, g, f); err != nil {
			return err
		}
	}
	var known int
	if _, err := w.one(ctx, "SELECT count(*) FROM finding WHERE rule_id = ? AND rule_id > 0 AND visible = ? AND count > 0", []any{g.rule, g.visible}, &known); err != nil {
		return err
	}
	if known > len(found) {
		var rule string
		if _, err := w.one(ctx, "SELECT name FROM rule WHERE id = ?", []any{g.rule}, &rule); err != nil {
			return err
		}
		if n, ok := set.Number(rule); ok && set.Joined(n) {
			if err := w.holdNoMore(ctx, g, keep); err != nil {
				return err
			}
		}
		if err := w.withdraw(ctx, g, keep); err != nil {
			return err
		}
	}
	if len(minutes) > 0 && set.Watch(minutes) != nil {
		return w.watch(ctx, g, minutes)
	}
	return nil
}

// watch makes a group one whose later steps matter. Those are kept as they come while it is at it; where its first steps
// turn up at a time of which they were not kept, they must be looked for again.
func (w *writer) watch(ctx context.Context, g groupName, minutes []signin.Minute) error {
	first, last := int64(math.MaxInt64), int64(0)
	for i := range minutes {
		if minutes[i].Step == 0 {
			first, last = min(first, minutes[i].Minute), max(last, minutes[i].Minute)
		}
	}
	return w.exec(ctx, `INSERT INTO watch (rule, visible, collected, first, last) VALUES (?, ?, 0, ?, ?) ON CONFLICT DO UPDATE SET
		collected = CASE WHEN excluded.first < first OR excluded.last > last + ? THEN 0 ELSE collected END, first = min(first, excluded.first), last = max(last, excluded.last)`,
		g.rule, g.visible, first, last, watchFor/2)
}

// withdraw removes the findings of a group that do not hold any more, but for those to keep. Of one that a person has
// acknowledged, or that an exception covers, this stays, and holds again when the finding does: without a count nobody
// is shown it.
func (w *writer) withdraw(ctx context.Context, g groupName, keep []string) error {
	gone := "rule_id = ? AND rule_id > 0 AND visible = ? AND aged_count = 0 AND note != '" + toldMore + "' AND id NOT IN (?" + strings.Repeat(", ?", len(keep)-1) + ")"
	args := []any{g.rule, g.visible}
	for _, id := range keep {
		args = append(args, id)
	}
	for _, query := range []string{
		"DELETE FROM evidence WHERE finding IN (SELECT id FROM finding WHERE " + gone + ")",
		"DELETE FROM finding WHERE state != 'acknowledged' AND exception = '' AND " + gone,
		"UPDATE finding SET count = 0, first = 0, last = 0 WHERE count > 0 AND " + gone,
	} {
		if _, err := w.tx.ExecContext(ctx, query, args...); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) storeWindow(ctx context.Context, g groupName, f *rules.Finding) error {
	n, _ := w.s.opt.Rules.Number(f.Rule)
	if err := w.insertFinding(ctx, f.ID, w.s.opt.Rules.Rule(n), f.Subject, f.Protocol, stateOpen, "window", g.rule, g.visible); err != nil {
		return err
	}
	var state, note string
	var last int64
	if _, err := w.one(ctx, "SELECT state, last, note FROM finding WHERE id = ?", []any{f.ID}, &state, &last, &note); err != nil {
		return err
	}
	if state == stateResolved && (f.Last.UnixMilli() > last || note == toldMore) {
		again := w.reopen
		if note == toldMore {
			again = w.holdAgain
		}
		if err := again(ctx, f.ID, f.Last.UnixMilli()); err != nil {
			return err
		}
	}
	if err := w.exec(ctx, `UPDATE finding SET count = ?1 + aged_count, first = CASE WHEN aged_count > 0 THEN min(aged_first, ?2) ELSE ?2 END,
		last = CASE WHEN aged_count > 0 THEN max(last, ?3) ELSE ?3 END WHERE id = ?4`,
		f.Count, f.First.UnixMilli(), f.Last.UnixMilli(), f.ID); err != nil {
		return err
	}
	var aged, cited int64
	if _, err := w.one(ctx, "SELECT aged_count, (SELECT count(*) FROM evidence e WHERE e.finding = f.id) FROM finding f WHERE id = ?", []any{f.ID}, &aged, &cited); err != nil {
		return err
	}
	if aged > 0 && cited > 0 {
		return nil // what it cites comes before all that the minutes still show
	}
	keep := []any{f.ID}
	where := ""
	for i, ref := range f.Evidence {
		if err := w.exec(ctx, `INSERT INTO evidence (finding, source, at, path, length, line, step, sha256, document, stored)
			SELECT ?, ?, ?, path, ?, ?, ?, NULL, NULL, ? FROM source WHERE id = ? ON CONFLICT DO UPDATE SET step = excluded.step`,
			f.ID, ref.File, ref.Offset, ref.Length, ref.Line, i, w.s.opt.Now().UnixMilli(), ref.File); err != nil {
			return err
		}
		where += " AND NOT (source = ? AND at = ?)"
		keep = append(keep, ref.File, ref.Offset)
	}
	_, err := w.tx.ExecContext(ctx, "DELETE FROM evidence WHERE finding = ?"+where, keep...)
	return err
}

// reopen opens a finding that was resolved and is seen again. Of one that an exception covers nobody is told.
func (w *writer) reopen(ctx context.Context, id string, last int64) error {
	const note = "seen again"
	now := w.s.opt.Now()
	if err := w.exec(ctx, "UPDATE finding SET state = ?, changed = ?, actor = ?, note = ? WHERE id = ?", stateOpen, now.UnixMilli(), outmode, note, id); err != nil {
		return err
	}
	if err := w.note(ctx, id, note); err != nil || last < now.Add(-tellWithin).UnixMilli() {
		return err
	}
	return w.exec(ctx, "INSERT INTO outbox (at, finding, event) SELECT ?, id, 'reopened' FROM finding WHERE id = ? AND exception = ''", now.UnixMilli(), id)
}

// note adds to the history of a finding that is open.
func (w *writer) note(ctx context.Context, id, note string) error {
	return w.exec(ctx, "INSERT INTO history (finding, at, state, actor, note) VALUES (?, ?, ?, ?, ?)", id, w.s.opt.Now().UnixMilli(), stateOpen, outmode, note)
}

// tellWithin is how old what a finding saw last may be for somebody to be told of it.
const tellWithin = 24 * time.Hour

// announce marks the findings that hold from now on. Who must be told is told by the outbox; of history nobody is.
func (w *writer) announce(ctx context.Context) error {
	rows, err := w.QueryContext(ctx, `SELECT id, last FROM (SELECT f.id, CASE WHEN f.counted = 'window' THEN f.last ELSE
		(SELECT max(u.last) FROM finding_usage x JOIN usage u ON u.id = x.usage WHERE x.finding = f.id AND u.count > 0) END AS last
		FROM finding f INDEXED BY finding_unopened WHERE f.opened = 0 AND f.state = 'open') WHERE last > 0`)
	if err != nil {
		return err
	}
	last := map[string]int64{}
	err = scan(rows, func() error {
		var id string
		var at int64
		err := rows.Scan(&id, &at)
		last[id] = at
		return err
	})
	if err != nil || len(last) == 0 {
		return err
	}
	ids := slices.Sorted(maps.Keys(last))
	now := w.s.opt.Now()
	c, err := w.s.covering(ctx, w, now)
	if err != nil {
		return err
	}
	by := map[string]string{} // the exceptions that cover them
	if len(c.covers) > 0 {
		all, err := w.s.chosen(ctx, w, c, " AND f.id IN (SELECT value FROM json_each(?))", jsonList(ids))
		if err != nil {
			return err
		}
		for i := range all {
			by[all[i].id] = all[i].by
		}
	}
	for _, id := range ids {
		note, tell := "opened", last[id] >= now.Add(-tellWithin).UnixMilli()
		if by[id] != "" {
			note, tell = underException(note, c.byID[by[id]]), false
		}
		err := w.exec(ctx, "UPDATE finding SET opened = ?1, changed = ?1, exception = ?2 WHERE id = ?3", now.UnixMilli(), by[id], id)
		if err == nil {
			err = w.note(ctx, id, note)
		}
		if err == nil && tell {
			err = w.exec(ctx, "INSERT INTO outbox (at, finding, event) VALUES (?, ?, 'opened')", now.UnixMilli(), id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
