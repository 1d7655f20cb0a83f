package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// outmode is the actor of what no person did.
const outmode = "outmode"

// A desk is where findings change hands within a transaction.
type desk struct {
	tx  *sql.Tx
	now time.Time
}

// exec runs a statement and returns how many rows it changed.
func (d *desk) exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := d.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// note adds to the history of a finding.
func (d *desk) note(ctx context.Context, finding, state, actor, note string) error {
	_, err := d.exec(ctx, "INSERT INTO history (finding, at, state, actor, note) VALUES (?, ?, ?, ?, ?)", finding, d.now.UnixMilli(), state, actor, note)
	return err
}

// tell puts an event into the outbox, unless the last thing that was seen is history: nobody is told of that.
func (d *desk) tell(ctx context.Context, finding, event string, last time.Time) error {
	if last.Before(d.now.Add(-tellWithin)) {
		return nil
	}
	_, err := d.exec(ctx, "INSERT INTO outbox (at, finding, event) VALUES (?, ?, ?)", d.now.UnixMilli(), finding, event)
	return err
}

// ErrState says that a finding is not in a state in which somebody could do that with it.
var ErrState = errors.New("nothing was changed")

// Acknowledge says that a person knows of findings: they are not told of again, and stay acknowledged when they are
// seen again. One that is acknowledged already gets the new note. It is all of them or, with ErrState, none.
func (s *Store) Acknowledge(ctx context.Context, ids []string, by, note string) error {
	return s.say(ctx, ids, stateAcknowledged, by, note, func(state string) bool { return state == stateOpen || state == stateAcknowledged })
}

// Reopen takes acknowledgements back.
func (s *Store) Reopen(ctx context.Context, ids []string, by, note string) error {
	return s.say(ctx, ids, stateOpen, by, note, func(state string) bool { return state == stateAcknowledged })
}

// say moves findings to a state because a person said so.
func (s *Store) say(ctx context.Context, ids []string, state, by, note string, from func(state string) bool) error {
	d := desk{now: s.opt.Now()}
	return s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		d.tx = tx
		for _, id := range ids {
			var have string
			switch err := tx.QueryRowContext(ctx, "SELECT state FROM finding WHERE id = ?", id).Scan(&have); {
			case errors.Is(err, sql.ErrNoRows) || err == nil && have == stateCandidate:
				return fmt.Errorf("there is no finding %s any more: %w", id, ErrState)
			case err != nil:
				return fmt.Errorf("reading finding %s: %w", id, err)
			case !from(have):
				return fmt.Errorf("finding %s is %s: %w", id, have, ErrState)
			}
			if _, err := d.exec(ctx, "UPDATE finding SET state = ?, changed = ?, actor = ?, note = ? WHERE id = ?", state, d.now.UnixMilli(), by, note, id); err != nil {
				return fmt.Errorf("writing finding %s: %w", id, err)
			}
			if err := d.note(ctx, id, state, by, note); err != nil {
				return fmt.Errorf("writing the history of finding %s: %w", id, err)
			}
		}
		return nil
	})
}

// heardWithin is how recently every log that told a finding must have been heard for its silence to mean something.
const heardWithin = 24 * time.Hour

// Resolve resolves the findings that were not seen for so long, or for as long as their rule says, while every log that
// could have told them was read: each was heard within the last day, none has a hole in that time, and none that is
// written around the clock was silent for more than a day, such as one of which weeks were never given. Time is that of
// the newest event in the store or the clock, whichever is earlier, so that logs which stop do not resolve anything.
//
// It is called by whoever commits, between two batches, and only when all that is there was read.
func (s *Store) Resolve(ctx context.Context, now time.Time, after time.Duration) error {
	newest, err := s.newest(ctx, s.read)
	if err != nil {
		return err
	}
	q := quiet{s: s, after: after, until: now, heard: map[logKey]time.Time{}, longest: after}
	if newest.Before(now) {
		q.until = newest
	}
	all, err := q.find(ctx, s.read)
	if err != nil {
		return fmt.Errorf("looking for findings to resolve: %w", err)
	}
	if len(all) == 0 {
		return nil
	}
	err = s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		d := desk{tx: tx, now: now}
		for _, f := range all {
			if err := d.resolve(ctx, &f, q.until); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("resolving findings: %w", err)
	}
	if s.writer != nil {
		clear(s.writer.settled) // rows whose findings were open
	}
	return nil
}

// resolve resolves a finding, unless somebody moved it meanwhile. Its last sign-in is kept: only a later one opens it again.
func (d *desk) resolve(ctx context.Context, f *quietFinding, until time.Time) error {
	note := fmt.Sprintf("not seen since %s, and its logs were read until %s", minuteOf(f.last), minuteOf(until))
	if !f.applied {
		note += "; its rule is not applied any more"
	}
	done, err := d.exec(ctx, "UPDATE finding SET state = ?, last = ?, changed = ?, actor = ?, note = ? WHERE id = ? AND state = ?", stateResolved, f.last.UnixMilli(), d.now.UnixMilli(), outmode, note, f.id, f.state)
	if err != nil || done == 0 {
		return err
	}
	if err := d.note(ctx, f.id, stateResolved, outmode, note); err != nil || f.exception != "" {
		return err
	}
	return d.tell(ctx, f.id, stateResolved, until)
}

func minuteOf(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// newest is the time of the newest event in the store; the zero time if there is none.
func (s *Store) newest(ctx context.Context, q querier) (time.Time, error) {
	rows, err := q.QueryContext(ctx, "SELECT coalesce(max(last), 0) FROM source")
	if err != nil {
		return time.Time{}, fmt.Errorf("reading the ledger: %w", err)
	}
	var last int64
	err = scan(rows, func() error { return rows.Scan(&last) })
	return instant(last), err
}

// A quiet finds findings that were not seen for some time.
type quiet struct {
	s     *Store
	after time.Duration
	until time.Time
	heard map[logKey]time.Time // since when, as it was found out already; zero for a log that is silent

	longest time.Duration // that any finding must be silent
}

// A logKey is one server's logs of one kind.
type logKey struct {
	server int64
	kind   signin.Kind
}

type quietFinding struct {
	id, state, exception, counted, visible string
	rule                                   int64 // whose minutes decide it; 0 for none
	last                                   time.Time
	after                                  time.Duration
	logs                                   []logKey
	applied                                bool // the rule is one of the set
}

// find returns the findings to resolve.
func (q *quiet) find(ctx context.Context, db querier) ([]quietFinding, error) {
	after, least := map[string]time.Duration{}, q.after
	if set := q.s.opt.Rules; set != nil {
		for _, r := range set.Rules() {
			if after[r.ID] = r.ResolveAfter; r.ResolveAfter > 0 {
				least, q.longest = min(least, r.ResolveAfter), max(q.longest, r.ResolveAfter)
			}
		}
	}
	rows, err := db.QueryContext(ctx, `SELECT f.id, f.rule, f.state, f.exception, f.counted, f.rule_id, f.visible,
		CASE f.counted WHEN 'window' THEN f.last ELSE coalesce(max(u.last), 0) END AS until, coalesce(group_concat(DISTINCT u.server || ' ' || u.kind), '')
		FROM finding f LEFT JOIN finding_usage x ON x.finding = f.id LEFT JOIN usage u ON u.id = x.usage AND u.count > 0
		WHERE f.state IN ('open', 'acknowledged') AND f.opened > 0 GROUP BY f.id HAVING until BETWEEN 1 AND ?`, q.until.Add(-least).UnixMilli())
	if err != nil {
		return nil, err
	}
	var all []quietFinding
	err = scan(rows, func() error {
		var f quietFinding
		var rule, logs string
		var last int64
		if err := rows.Scan(&f.id, &rule, &f.state, &f.exception, &f.counted, &f.rule, &f.visible, &last, &logs); err != nil {
			return err
		}
		f.last, f.after = instant(last), q.after
		own, applied := after[rule]
		if f.applied = applied || q.s.opt.Rules == nil; own > 0 {
			f.after = own
		}
		f.logs = parseLogs(logs)
		all = append(all, f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out []quietFinding
	for _, f := range all {
		holds, err := q.covered(ctx, db, &f)
		if err != nil {
			return nil, err
		}
		if holds {
			out = append(out, f)
		}
	}
	return out, nil
}

// parseLogs reads "1 2,3 1": servers and kinds.
func parseLogs(text string) (keys []logKey) {
	for part := range strings.SplitSeq(text, ",") {
		server, kind, _ := strings.Cut(part, " ")
		s, err := strconv.ParseInt(server, 10, 64)
		k, bad := strconv.ParseUint(kind, 10, 8)
		if err == nil && bad == nil {
			keys = append(keys, logKey{s, signin.Kind(k)})
		}
	}
	return keys
}

// covered reports whether the silence of a finding was long enough, and means something.
func (q *quiet) covered(ctx context.Context, db querier, f *quietFinding) (bool, error) {
	if f.counted == "window" {
		if err := q.logsOf(ctx, db, f); err != nil {
			return false, err
		}
	}
	if len(f.logs) == 0 {
		return false, nil
	}
	from := f.last
	for _, k := range f.logs {
		since, heard, err := q.heardSince(ctx, db, k)
		if err != nil || !heard {
			return false, err
		}
		if since.After(from) {
			from = since // nobody looked before
		}
		hole, err := lastHole(ctx, db, k)
		if err != nil {
			return false, err
		}
		if hole.After(from) {
			from = hole // what was never read may have told of it: the silence begins behind it
		}
	}
	return !from.After(q.until.Add(-f.after)), nil
}

// logsOf finds the logs that told a finding with a window: by its minutes, and by the lines that it cites.
func (q *quiet) logsOf(ctx context.Context, db querier, f *quietFinding) error {
	rows, err := db.QueryContext(ctx, `SELECT DISTINCT coalesce(v.id, 0), s.kind FROM source s LEFT JOIN server v ON v.name = CASE s.server WHEN '' THEN s.owner ELSE s.server END
		WHERE s.id IN (SELECT m.source FROM rule_group g JOIN minute m ON m."group" = g.id WHERE g.rule = ? AND g.visible = ? UNION SELECT e.source FROM evidence e WHERE e.finding = ?)`,
		f.rule, f.visible, f.id)
	if err != nil {
		return err
	}
	return scan(rows, func() error {
		var k logKey
		err := rows.Scan(&k.server, &k.kind)
		f.logs = append(f.logs, k)
		return err
	})
}

// heardSince returns since when a log was heard without more than a day of silence until now, as far back as matters;
// false if it is silent now.
func (q *quiet) heardSince(ctx context.Context, db querier, k logKey) (since time.Time, heard bool, err error) {
	if since, asked := q.heard[k]; asked {
		return since, !since.IsZero(), nil
	}
	first, last := q.until.Add(-q.longest-2*heardWithin).UnixMilli()/hourMs, q.until.UnixMilli()/hourMs
	spoke := make([]bool, last-first+1)
	for p := range signin.Words("protocol") {
		rows, err := db.QueryContext(ctx, "SELECT hour FROM heard WHERE server = ? AND kind = ? AND protocol = ? AND hour BETWEEN ? AND ?", k.server, k.kind, p, first, last)
		if err != nil {
			return time.Time{}, false, err
		}
		err = scan(rows, func() error {
			var hour int64
			err := rows.Scan(&hour)
			spoke[hour-first] = err == nil
			return err
		})
		if err != nil {
			return time.Time{}, false, err
		}
	}
	begin := last + 1
	for hour := last; hour >= first && begin-hour <= int64(heardWithin/time.Hour); hour-- {
		if spoke[hour-first] {
			begin = hour
		}
	}
	if begin <= last && !ingest.AroundTheClock(k.kind) {
		begin = first // its silence says nothing
	}
	if begin <= last {
		since = time.UnixMilli(begin * hourMs)
	}
	q.heard[k] = since
	return since, !since.IsZero(), nil
}

// lastHole is when it was noticed last that something of a log will never be read; the zero time if nothing was. A hole
// of a log whose server is not known is one of every server.
func lastHole(ctx context.Context, db querier, k logKey) (time.Time, error) {
	rows, err := db.QueryContext(ctx, `SELECT coalesce(max(h."to"), 0) FROM hole h JOIN source s ON s.id = h.source LEFT JOIN server v ON v.name = CASE s.server WHEN '' THEN s.owner ELSE s.server END
		WHERE s.kind = ? AND coalesce(v.id, ?2) = ?2`, k.kind, k.server)
	if err != nil {
		return time.Time{}, err
	}
	var at int64
	err = scan(rows, func() error { return rows.Scan(&at) })
	return instant(at), err
}
