package ingest

import (
	"context"

	"github.com/outmode/outmode/internal/signin"
)

// readAgain reads parts of the logs a second time where the first reading could not keep the minutes
// of rules with windows: all of them, if there were too many, and those of later steps, such as the
// success after many refusals. Those are ordinary sign-ins: they matter only near the first steps.
func (s *scan) readAgain(ctx context.Context, r *Result) error {
	m := &s.sum.minutes
	if strays := s.pruned; m.crowds == nil && strays != nil && (strays.full.Load() || m.missing(strays)) {
		m.spill() // minutes that were left out matter: all that may are read again
		r.Minutes = nil
	}
	if crowds := m.crowds; crowds != nil {
		err := s.minutesOf(ctx, r, func(m *mark) bool { return m.ticked }, func(t *signin.Tick, ms int64) bool {
			return t.Step == 0 && crowds.promises(t.Rule, t.Group, ms/minuteMs)
		})
		if err != nil {
			return err
		}
	}
	if s.opt.Watch == nil || len(r.Minutes) == 0 {
		return nil
	}
	watch := s.opt.Watch(r.Minutes, false)
	if watch == nil {
		return nil
	}
	return s.minutesOf(ctx, r, func(m *mark) bool { return m.from != 0 && watch.Overlaps(m.from, m.to) }, func(t *signin.Tick, ms int64) bool {
		return t.Step > 0 && watch.Wants(t, ms)
	})
}

// minutesOf adds to r the minutes of the ticks that are wanted, from the parts that may have some.
func (s *scan) minutesOf(ctx context.Context, r *Result, in func(*mark) bool, wants func(t *signin.Tick, ms int64) bool) error {
	var parts []part
	for i := range s.logs {
		l := &s.logs[i]
		for n := range l.marks {
			if m := &l.marks[n]; l.decode && in(m) {
				parts = append(parts, part{log: i, span: m.span, header: l.headerAt(m.span.From), whole: !l.cuttable()})
			}
		}
	}
	b := bounds{minutes: ruleMinutes, window: s.opt.Window}
	sum := minutes{bounds: b}
	err := ordered(ctx, s.opt.Workers, len(parts), func() func(int) *minutes {
		w := newWorker(s)
		return func(i int) *minutes {
			found := &minutes{bounds: b}
			w.count(parts[i], found, wants)
			return found
		}
	}, func(found *minutes) error {
		sum.merge(found, nil)
		return nil
	})
	r.addMinutes(&sum)
	return err
}

// count counts the wanted ticks of the counted sign-ins of a part.
func (w *worker) count(p part, in *minutes, wants func(t *signin.Tick, ms int64) bool) {
	w.read(p, func(l *line) {
		hits := w.counted(l)
		if hits == nil || w.toldTwice(p.log, l) {
			return
		}
		ms := l.s.Facts.Time
		w.ticks = w.judge.Ticks(w.ticks[:0], hits, l.s)
		for i := range w.ticks {
			if t := &w.ticks[i]; wants(t, ms) {
				in.tick(t, wait{}, l.ref(p.log), ms)
			}
		}
	})
}
