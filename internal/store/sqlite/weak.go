package sqlite

import (
	"context"
	"database/sql"
	"math"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// States of an hour with weak rows: those that count only where the other log of the server did not tell them too.
const (
	waiting   = 0 // for the other log
	counted   = 1
	toldTwice = 2
)

// A weakHour is one such hour within a transaction.
type weakHour struct {
	state int
	count int64 // that the transaction adds
}

// twin is the kind of log that tells of the same requests.
func twin(k signin.Kind) signin.Kind {
	if k == signin.IIS {
		return signin.HTTPProxy
	}
	return signin.IIS
}

// hear adds up what a batch heard, and notes the hours that its minutes wait for: those of noise have no row that would.
func (t *turn) hear(ctx context.Context, b *ingest.Batch) error {
	for _, h := range b.Heard {
		v, err := t.w.voice(ctx, h.Voice)
		if err != nil {
			return err
		}
		have, ok := t.heard[v]
		if !ok {
			have = signin.Span{From: math.MaxInt64}
		}
		t.heard[v] = signin.Span{From: min(have.From, h.First), To: max(have.To, h.Last)}
	}
	for i := range b.Minutes {
		m := &b.Minutes[i]
		if !m.Waits {
			continue
		}
		v, err := t.w.voice(ctx, m.For)
		if err != nil {
			return err
		}
		if t.weak[v] == nil {
			t.weak[v] = &weakHour{}
		}
	}
	return nil
}

// storeHeard notes what was heard. Rows of the other log that counted, since this one was silent, count no more.
func (t *turn) storeHeard(ctx context.Context) error {
	w := t.w
	for v, span := range t.heard {
		known, ok := w.heard[v]
		if ok && known.From <= span.From && known.To >= span.To {
			continue
		}
		if !ok {
			var have signin.Span
			found, err := w.one(ctx, "SELECT first, last FROM heard WHERE server = ? AND kind = ? AND protocol = ? AND hour = ?", []any{v.server, v.kind, v.protocol, v.hour}, &have.From, &have.To)
			if err == nil && !found {
				err = w.meetLog(ctx, logKey{v.server, v.kind})
			}
			if err != nil {
				return err
			}
			if !found && (v.kind == signin.IIS || v.kind == signin.HTTPProxy) {
				if err := t.silence(ctx, voice{v.server, twin(v.kind), v.protocol, v.hour}); err != nil {
					return err
				}
			}
		}
		if len(w.heard) >= w.s.cached {
			clear(w.heard)
		}
		if ok {
			span.From, span.To = min(span.From, known.From), max(span.To, known.To)
		}
		w.heard[v] = span
		w.newest = max(w.newest, span.To)
		all, ok := w.covered[v.kind]
		if !ok {
			all = span
		}
		w.earlier = w.earlier || ok && span.From < all.From
		w.covered[v.kind] = signin.Span{From: min(all.From, span.From), To: max(all.To, span.To)}
		if err := w.exec(ctx, `INSERT INTO heard (server, kind, protocol, hour, first, last) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)`, v.server, v.kind, v.protocol, v.hour, span.From, span.To); err != nil {
			return err
		}
	}
	return nil
}

// silence makes the weak rows of an hour told twice.
func (t *turn) silence(ctx context.Context, v voice) error {
	var state int
	key := []any{v.server, v.kind, v.protocol, v.hour}
	found, err := t.w.one(ctx, "SELECT state FROM weak WHERE server = ? AND kind = ? AND protocol = ? AND hour = ?", key, &state)
	if err != nil || !found || state == toldTwice {
		return err
	}
	if state == counted {
		// A day is made anew from its hours. Where they are gone, what counted counts.
		if from, err := t.w.s.hoursFrom(ctx, t.w); err != nil || int64(v.hour/24) < from {
			return err
		}
	}
	if err := t.w.exec(ctx, "UPDATE weak SET state = 2 WHERE server = ? AND kind = ? AND protocol = ? AND hour = ?", key...); err != nil {
		return err
	}
	if err := t.w.exec(ctx, "DELETE FROM weak_line WHERE hour = ?4 AND usage IN (SELECT id FROM usage WHERE weak = 1 AND server = ?1 AND kind = ?2 AND protocol = ?3)", key...); err != nil {
		return err
	}
	if err := t.touchWaiting(ctx, v); err != nil {
		return err
	}
	if state == counted {
		return t.w.takeOut(ctx, v)
	}
	return nil
}

// takeOut subtracts the weak rows of an hour that counted. Their sums are made anew from the hours and days that are left.
func (w *writer) takeOut(ctx context.Context, v voice) error {
	if err := w.stale(ctx, int64(v.hour)*hourMs); err != nil {
		return err
	}
	day := v.hour / 24
	clear(w.debuts)
	w.earlier = true // some may be seen first later than it seemed
	const keys = "SELECT u.id FROM usage u WHERE u.weak = 1 AND u.server = ?1 AND u.kind = ?2 AND u.protocol = ?3 AND EXISTS (SELECT 1 FROM hour x WHERE x.hour = ?5 AND x.usage = u.id)"
	args := []any{v.server, v.kind, v.protocol, day, v.hour}
	for _, query := range []string{
		"DELETE FROM day WHERE day = ?4 AND usage IN (" + keys + ")",
		`INSERT INTO day (day, usage, count, first, last, hours)
			SELECT ?4, h.usage, sum(h.count), min(h.hour * 3600000 + h.first), max(h.hour * 3600000 + h.last), sum(DISTINCT 1 << (h.hour % 24))
			FROM hour h JOIN weak w ON w.server = ?1 AND w.kind = ?2 AND w.protocol = ?3 AND w.hour = h.hour AND w.state = 1
			WHERE h.hour BETWEEN ?4 * 24 AND ?4 * 24 + 23 AND h.usage IN (` + keys + `) GROUP BY h.usage`,
		`UPDATE usage SET (count, first, last) = (SELECT coalesce(sum(count), 0), coalesce(min(first), 0), coalesce(max(last), 0) FROM day WHERE usage = usage.id)
			WHERE ?4 = ?4 AND id IN (` + keys + ")",
		`UPDATE usage SET first = CASE WHEN count = 0 THEN aged_first ELSE min(first, aged_first) END, last = max(last, aged_last), count = count + aged_count
			WHERE ?4 = ?4 AND aged_count > 0 AND id IN (` + keys + ")",
	} {
		if err := w.exec(ctx, query, args...); err != nil {
			return err
		}
	}
	return nil
}

// storeWeak finds out what the weak rows of each hour are.
func (t *turn) storeWeak(ctx context.Context) error {
	for v, hour := range t.weak {
		key := []any{v.server, v.kind, v.protocol, v.hour}
		found, err := t.w.one(ctx, "SELECT state FROM weak WHERE server = ? AND kind = ? AND protocol = ? AND hour = ?", key, &hour.state)
		if err != nil {
			return err
		}
		if !found {
			var one int
			told, err := t.w.one(ctx, "SELECT 1 FROM heard WHERE server = ? AND kind = ? AND protocol = ? AND hour = ?", []any{v.server, twin(v.kind), v.protocol, v.hour}, &one)
			if err != nil {
				return err
			}
			if told {
				hour.state = toldTwice
			}
		}
		if err := t.w.exec(ctx, `INSERT INTO weak (server, kind, protocol, hour, state, count) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET count = count + excluded.count`, v.server, v.kind, v.protocol, v.hour, hour.state, hour.count); err != nil {
			return err
		}
	}
	return nil
}

// Settle decides the weak rows of the hours that ended before an instant: the other log of their server was not heard
// until now, so they count.
func (s *Store) Settle(ctx context.Context, before time.Time) error {
	return s.change(ctx, "settling what was told once", func(ctx context.Context, w *writer) error { return w.settle(ctx, before.UnixMilli()/hourMs) })
}

func (w *writer) settle(ctx context.Context, before int64) error {
	var due int
	found, err := w.one(ctx, "SELECT 1 FROM weak INDEXED BY weak_waiting WHERE state = 0 AND hour < ? LIMIT 1", []any{before}, &due)
	if err != nil || !found && !w.earlier {
		return err
	}
	rows, err := w.tx.QueryContext(ctx, `SELECT h.usage, h.hour, sum(h.count), min(h.hour * 3600000 + h.first), max(h.hour * 3600000 + h.last)
		FROM weak k JOIN usage u ON u.weak = 1 AND u.server = k.server AND u.kind = k.kind AND u.protocol = k.protocol JOIN hour h ON h.hour = k.hour AND h.usage = u.id
		WHERE k.state = 0 AND k.hour < ? GROUP BY h.usage, h.hour`, before)
	if err != nil {
		return err
	}
	days := map[dayKey]*daySum{}
	err = scan(rows, func() error {
		var usage, count, first, last int64
		var hour int32
		if err := rows.Scan(&usage, &hour, &count, &first, &last); err != nil {
			return err
		}
		d := dayKey{usage, hour / 24}
		if days[d] == nil {
			days[d] = &daySum{}
		}
		days[d].add(count, first, last, hour)
		return nil
	})
	if err != nil {
		return err
	}
	t := &turn{w: w, touched: map[groupName]bool{}, debuts: map[int64]bool{}}
	if err := t.touchSettling(ctx, before); err != nil {
		return err
	}
	if err := w.citeSettling(ctx, before); err != nil {
		return err
	}
	if err := w.exec(ctx, "UPDATE weak SET state = 1 WHERE state = 0 AND hour < ?", before); err != nil {
		return err
	}
	if err := t.addDays(ctx, days); err != nil {
		return err
	}
	if w.earlier {
		w.earlier = false
		all, err := w.firstSeen(ctx, "1")
		if err == nil {
			err = w.decideFirstSeen(ctx, all)
		}
		if err == nil {
			err = t.touchDebuts(ctx)
		}
		if err != nil {
			return err
		}
	}
	settled := map[int64]bool{}
	for k := range days {
		settled[k.usage], t.debuts[k.usage] = true, true
		delete(w.debuts, k.usage)
	}
	return t.decide(ctx, settled)
}

// citeSettling makes the first lines of rows that are about to count those of their usage, and of the findings they count in.
func (w *writer) citeSettling(ctx context.Context, before int64) error {
	const settling = "FROM weak_line l JOIN usage u ON u.id = l.usage JOIN weak k ON k.server = u.server AND k.kind = u.kind AND k.protocol = u.protocol AND k.hour = l.hour AND k.state = 0 AND k.hour < ?1"
	for _, query := range []string{
		`UPDATE usage SET (source, at, length, line) = (SELECT l.source, l.at, l.length, l.line ` + settling + ` WHERE l.usage = usage.id ORDER BY l.source, l.at LIMIT 1)
			WHERE ?2 = ?2 AND count = 0 AND id IN (SELECT l.usage ` + settling + ")",
		`INSERT INTO evidence (finding, source, at, path, length, line, step, sha256, document, stored)
			SELECT finding, source, at, path, length, line, 0, NULL, NULL, ?2 FROM (SELECT x.finding, l.source, l.at, s.path, l.length, l.line,
			row_number() OVER (PARTITION BY x.finding ORDER BY s.path, l.at) AS n ` + settling + ` JOIN finding_usage x ON x.usage = l.usage JOIN source s ON s.id = l.source)
			WHERE n <= 3 ON CONFLICT DO NOTHING`,
		`DELETE FROM evidence WHERE ?1 = ?1 AND (finding, source, at) IN (SELECT finding, source, at FROM (SELECT e.*, row_number() OVER (PARTITION BY finding ORDER BY path, at) AS n FROM evidence e
			WHERE e.finding IN (SELECT f.id FROM finding f WHERE f.counted = 'usage')) WHERE n > 3)`,
		"DELETE FROM weak_line WHERE ?2 = ?2 AND (usage, hour) IN (SELECT l.usage, l.hour " + settling + ")",
	} {
		if err := w.exec(ctx, query, before, w.s.opt.Now().UnixMilli()); err != nil {
			return err
		}
	}
	return nil
}

// scan gives every row to do, and closes them.
func scan(rows *sql.Rows, do func() error) error {
	defer rows.Close()
	for rows.Next() {
		if err := do(); err != nil {
			return err
		}
	}
	return rows.Err()
}
