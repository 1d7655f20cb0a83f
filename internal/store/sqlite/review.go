package sqlite

import (
	"context"
	"fmt"
	"slices"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// watchFor is how long after its last first step a group is watched for later ones, in minutes.
const watchFor = 2 * 24 * 60

// Review returns what must be read a second time.
func (s *Store) Review(ctx context.Context) (*ingest.Wanted, error) {
	w, err := s.ensureWriter(ctx)
	if err != nil {
		return nil, err
	}
	var want ingest.Wanted
	if s.opt.Rules != nil {
		if want.FirstSteps, err = s.firstSteps(ctx, "x.collected = 0"); err != nil {
			return nil, err
		}
		recent := min(w.newest, s.opt.Now().UnixMilli())/60_000 - watchFor // a clock that is wrong must not blind it
		if want.Watched, err = s.firstSteps(ctx, "x.last >= ?1 AND m.minute >= ?1", recent); err != nil {
			return nil, err
		}
		const day = 24 * 60
		old := slices.ContainsFunc(want.FirstSteps, func(m signin.Minute) bool { return m.Minute < recent })
		if today := recent / day; old || !s.reviewed || s.past != today {
			// Of all groups: what is looked for is one span for each, until tomorrow, when it is told again.
			if want.Past, err = s.firstSteps(ctx, "1"); err != nil {
				return nil, err
			}
			s.reviewed, s.past = true, today
		}
	}
	want.Lines, err = s.ranges(ctx, `SELECT DISTINCT e.source, e.at, e.at + e.length, 0, 0, e.line - 1, (SELECT t.text FROM head h JOIN header t ON t.id = h.header WHERE h.source = e.source AND h.at < e.at
		ORDER BY h.at DESC LIMIT 1) FROM evidence e WHERE e.sha256 IS NULL ORDER BY e.source, e.at`)
	return &want, err
}

// firstSteps reads the minutes of first steps of groups that are watched.
func (s *Store) firstSteps(ctx context.Context, where string, args ...any) ([]signin.Minute, error) {
	all, err := s.minutesOf(ctx, s.read, `SELECT r.name, g.text, m.step, m.minute, m.count, m.first, m.last, m.seen, m.source, m.at, m.length, m.line
		FROM watch x CROSS JOIN rule_group g ON g.rule = x.rule AND g.visible = x.visible CROSS JOIN rule r ON r.id = g.rule CROSS JOIN minute m ON m."group" = g.id AND m.step = 0
		LEFT JOIN weak k ON m.wait_kind > 0 AND k.server = m.wait_server AND k.kind = m.wait_kind AND k.protocol = m.wait_protocol AND k.hour = m.minute / 60
		WHERE (m.wait_kind = 0 OR k.state = 1) AND `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("reading what must be read again: %w", err)
	}
	return all, nil
}

// Overlapping returns the ranges of the ledger with events of a period.
func (s *Store) Overlapping(ctx context.Context, from, to int64) ([]ingest.LogRange, error) {
	return s.ranges(ctx, `SELECT l.source, l.start, l."end", l.first, l.last, coalesce((SELECT b.lines FROM ledger b WHERE b.source = l.source AND b.start < l.start ORDER BY b.start DESC LIMIT 1), 0),
		(SELECT t.text FROM head h JOIN header t ON t.id = h.header WHERE h.source = l.source AND h.at < l.start ORDER BY h.at DESC LIMIT 1)
		FROM ledger l WHERE l.first > 0 AND l.last >= ? AND l.first <= ? ORDER BY l.source, l.start`, from, to)
}

func (s *Store) ranges(ctx context.Context, query string, args ...any) ([]ingest.LogRange, error) {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("reading the ledger: %w", err)
	}
	var all []ingest.LogRange
	err = scan(rows, func() error {
		var r ingest.LogRange
		err := rows.Scan(&r.Log, &r.From, &r.To, &r.First, &r.Last, &r.Lines, &r.Header)
		all = append(all, r)
		return err
	})
	return all, err
}

// Answer stores what a second reading found, and decides the groups anew.
func (s *Store) Answer(ctx context.Context, a *ingest.Answer) error {
	return s.change(ctx, "storing what was read again", func(ctx context.Context, w *writer) error { return w.answer(ctx, a) })
}

func (w *writer) answer(ctx context.Context, a *ingest.Answer) error {
	t := &turn{w: w, touched: map[groupName]bool{}}
	for i := range a.Steps {
		rule, err := w.rules.id(ctx, w, w.s.opt.Rules.ID(a.Steps[i].Rule))
		if err != nil {
			return err
		}
		t.touched[groupName{rule, w.s.opt.Rules.VisibleGroup(a.Steps[i].Rule, a.Steps[i].Group)}] = true
	}
	for g := range t.touched {
		// Later steps that were kept already are among what was found.
		err := w.exec(ctx, `DELETE FROM minute WHERE step > 0 AND "group" IN (SELECT id FROM rule_group WHERE rule = ? AND visible = ?)`, g.rule, g.visible)
		if err == nil {
			err = w.exec(ctx, "UPDATE watch SET collected = 1 WHERE rule = ? AND visible = ?", g.rule, g.visible)
		}
		if err != nil {
			return err
		}
	}
	var batches []*ingest.Batch
	for i := range a.Later {
		counts, err := t.answers(ctx, a.Logs[i], &a.Later[i])
		if err != nil {
			return err
		}
		if counts {
			batches = append(batches, &ingest.Batch{Log: a.Logs[i], Minutes: a.Later[i : i+1]})
		}
	}
	if err := t.storeMinutes(ctx, batches); err != nil {
		return err
	}
	for i := range a.Cited {
		c := &a.Cited[i]
		document := any(string(c.Document))
		if c.Document == nil {
			document = nil
		}
		if err := w.exec(ctx, "UPDATE evidence SET sha256 = ?, document = ? WHERE source = ? AND at = ? AND sha256 IS NULL", c.SHA256[:], document, a.Of[i], c.At.Offset); err != nil {
			return err
		}
	}
	for _, l := range a.Lost {
		if err := w.exec(ctx, "UPDATE evidence SET sha256 = x'' WHERE source = ? AND at = ? AND sha256 IS NULL", l.Log, l.From); err != nil {
			return err
		}
	}
	return t.decide(ctx, nil)
}
