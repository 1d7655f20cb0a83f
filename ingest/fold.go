package ingest

import (
	"github.com/outmode/outmode/internal/signin"
)

// add folds one line into the worker's tally.
func (w *worker) add(log int, l *line) {
	t, s := w.tally, l.s
	if l.decoded {
		t.hear(s)
		if w.scan.wantIDs && s.Facts.Kind == signin.HTTPProxy {
			if h, ok := hashID(s.Facts.RequestID); ok {
				t.sketch(t.serverOf(s.Server)).add(h)
			}
		}
	}
	switch l.verdict {
	case signin.Noise:
		t.noise.Add(l.reason, 1)
	case signin.OtherLine:
		t.other.Add(l.reason, 1)
	case signin.SignInLine:
		w.addSignIn(log, l)
	}
}

func (w *worker) addSignIn(log int, l *line) {
	t, s := w.tally, l.s
	ms := s.Facts.Time
	k := key{kind: s.Facts.Kind, protocol: s.Protocol, auth: s.Auth, mechanism: s.Mechanism, outcome: s.Outcome,
		evidence: s.Evidence, traffic: s.Traffic, modern: s.Client.Modern, family: s.Client.Index}
	if s.Weak {
		switch w.weak(s) {
		case toldTwice:
			t.told++
			return
		case waits:
			k.hour = int32(ms / hourMs)
		}
	}
	k.user, k.server = s.Who, t.serverOf(s.Server)
	if s.Internal {
		k.flags |= flagInternal
	}
	if s.Backend {
		k.flags |= flagBackend
	}
	r := w.row(k, log, l)
	r.count++
	r.first, r.last = min(r.first, ms), max(r.last, ms)
	if day := int32(ms / dayMs); !r.days.add(day) {
		t.rows.addDay(r, day)
	}
	if r.from != s.From {
		r.from = s.From
		t.rows.tail(r).see(s.Address.IP.As16())
	}
	if r.tail&asksTicks != 0 {
		w.tick(t.hits[t.rows.tail(r).hits], k, log, l)
	}
}

// row returns k's row, made and judged if it is new. Where a rule depends on the line, a row without a
// count holds what the key alone decides, and the rows behind it tell the lines apart.
func (w *worker) row(k key, log int, l *line) *row {
	t := &w.tally.rows
	h := k.hash()
	r := t.find(&k, h)
	if r == nil {
		// The number in the key is the account's serial; it may have another number here, or none.
		if k.user = w.tally.accounts.number(l.s.Account, l.s.Who, l.s.Outcome == signin.Failure); k.user != l.s.Who {
			h = k.hash()
			r = t.find(&k, h)
		}
	}
	if r == nil {
		var hits *signin.Hits
		if w.judge != nil {
			hits = w.judge.Row(l.s)
		}
		r = w.newRow(k, h, hits, log, l)
	}
	if r.tail&asksLine == 0 {
		return r
	}
	hits := w.judge.Line(w.tally.hits[t.tail(r).hits], l.s)
	k.hits = hits.ID + 1
	h = k.hash()
	if r = t.find(&k, h); r == nil {
		r = w.newRow(k, h, hits, log, l)
	}
	return r
}

func (w *worker) newRow(k key, h uint64, hits *signin.Hits, log int, l *line) *row {
	var asks uint32
	if hits != nil && hits.Pending {
		asks |= asksLine
	}
	if hits != nil && hits.Ticks {
		asks |= asksTicks
	}
	ms := l.s.Facts.Time
	tail := rowTail{hits: w.tally.placeOf(hits), at: place{l.offset, l.number, int32(log), int32(len(l.raw))}}
	return w.tally.rows.add(row{key: k, first: ms, last: ms}, tail, h, asks)
}

// ref points to the line. Its number counts from the beginning of the part until the scan ends.
func (l *line) ref(log int) signin.Ref {
	return signin.Ref{File: log, Offset: l.offset, Length: len(l.raw), Line: l.number}
}

// tick counts the sign-in in the minutes of rules with windows, as their first step.
func (w *worker) tick(hits *signin.Hits, k key, log int, l *line) {
	w.ticks = w.judge.Ticks(w.ticks[:0], hits, l.s)
	ms := l.s.Facts.Time
	for i := range w.ticks {
		t := &w.ticks[i]
		if t.Step > 0 {
			continue // see laterSteps
		}
		mk := minuteKey{rule: t.Rule, group: t.Group, minute: ms / minuteMs}
		if k.hour != 0 {
			mk.weak, mk.server, mk.protocol = true, k.server, k.protocol
		}
		w.tally.tick(t, mk, l.ref(log), ms)
	}
}

const minuteMs = 60_000

// tick counts one tick in its minute.
func (t *tally) tick(tick *signin.Tick, mk minuteKey, at signin.Ref, ms int64) {
	m := t.minute(mk, at, ms)
	if m == nil {
		return
	}
	m.Count++
	m.First, m.Last = min(m.First, ms), max(m.Last, ms)
	if tick.Distinct != 0 {
		m.Distinct = addDistinct(m.Distinct, tick.Distinct, t.bounds.distinct(tick.Rule))
	}
}

// minute returns the minute of a key, made if it is new, or nil where there are too many.
func (t *tally) minute(mk minuteKey, at signin.Ref, ms int64) *signin.Minute {
	if m := t.minutes[mk]; m != nil {
		return m
	}
	if len(t.minutes) >= t.bounds.minutes {
		t.lost++
		t.over = true
		return nil
	}
	m := &signin.Minute{Rule: mk.rule, Step: mk.step, Group: mk.group, Minute: mk.minute, First: ms, Last: ms, At: at}
	t.minutes[mk] = m
	t.order = append(t.order, mk)
	return m
}
