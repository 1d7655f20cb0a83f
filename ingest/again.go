package ingest

import (
	"context"

	"github.com/outmode/outmode/internal/signin"
)

// laterSteps finds the steps of rules that come behind their first, such as the success after many
// refusals. They are ordinary sign-ins, too many to keep a minute of each: where the first reading
// found first steps that promise something, those parts of the logs are read again for them.
func (s *scan) laterSteps(ctx context.Context, r *Result) error {
	if s.opt.Watch == nil || len(r.Minutes) == 0 {
		return nil
	}
	watch := s.opt.Watch(r.Minutes)
	if watch == nil {
		return nil
	}
	var parts []part
	for i := range s.logs {
		parts = append(parts, s.logs[i].partsIn(i, watch)...)
	}
	sum := newTally(s.bounds(0, 0, scanMinutes))
	err := ordered(ctx, s.opt.Workers, len(parts), func() func(int) *tally {
		w := newWorker(s)
		return func(i int) *tally {
			w.begin(newTally(sum.bounds))
			w.steps(parts[i], watch)
			return w.tally
		}
	}, func(t *tally) error {
		for _, mk := range t.order {
			sum.addMinute(mk, t.minutes[mk])
		}
		sum.lost += t.lost
		return nil
	})
	r.addMinutes(sum)
	r.Lost += sum.lost
	return err
}

// partsIn are the parts of a log, as it was read, in whose time a later step could matter.
func (l *Log) partsIn(i int, watch Watch) []part {
	var parts []part
	if !l.decode {
		return nil
	}
	for _, m := range l.marks {
		if m.from != 0 && watch.Overlaps(m.from, m.to) {
			parts = append(parts, part{log: i, span: m.span, header: l.headerAt(m.span.From), whole: !l.cuttable()})
		}
	}
	return parts
}

// steps counts the later steps among the counted sign-ins of a part.
func (w *worker) steps(p part, watch Watch) {
	w.read(p, func(l *line) {
		if l.verdict != signin.SignInLine || l.s.Weak && w.weak(l.s) == toldTwice {
			return
		}
		hits := w.judge.Row(l.s)
		if hits.Pending {
			hits = w.judge.Line(hits, l.s)
		}
		if !hits.Later {
			return
		}
		ms := l.s.Facts.Time
		w.ticks = w.judge.Ticks(w.ticks[:0], hits, l.s)
		for i := range w.ticks {
			if t := &w.ticks[i]; t.Step > 0 && watch.Wants(t, ms) {
				w.tally.tick(t, minuteKey{rule: t.Rule, step: t.Step, group: t.Group, minute: ms / minuteMs}, l.ref(p.log), ms)
			}
		}
	})
}
