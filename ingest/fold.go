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
		w.addReserved(log, l)
	case signin.OtherLine:
		t.other.Add(l.reason, 1)
	case signin.MFALine:
		if l.undated != nil {
			t.undated.add(w.scan.logs[log].Format.Kind, l.undated)
		}
	case signin.SignInLine:
		w.addSignIn(log, l)
	}
}

func (w *worker) addSignIn(log int, l *line) {
	t, s := w.tally, l.s
	if s.Facts.Kind.Cloud() && w.scan.cloud.told(log, l.offset) {
		t.told++
		return
	}
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

// addReserved counts noise of a reserved name for the rules that ask for it. It is in no row.
func (w *worker) addReserved(log int, l *line) {
	if hits := w.counted(l); hits != nil && !w.toldTwice(log, l) {
		w.tick(hits, key{}, log, l)
	}
}

// counted returns the hits of a line that some rule counts by minutes, else nil: of a sign-in, or of noise of a reserved name.
func (w *worker) counted(l *line) *signin.Hits {
	if w.judge == nil || l.verdict != signin.SignInLine && !(l.verdict == signin.Noise && l.s.Reserved) {
		return nil
	}
	hits := w.judge.Row(l.s)
	if hits.Pending {
		hits = w.judge.Line(hits, l.s)
	}
	if !hits.Ticks && !hits.Later {
		return nil
	}
	return hits
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
		if !w.tally.fits(&k) {
			if !w.tally.crowd(&k, hits) {
				hits = nil
			}
			h = k.hash()
			r = t.find(&k, h)
		}
		if r == nil {
			r = w.newRow(k, h, hits, log, l)
		}
	}
	if r.tail&asksLine == 0 {
		return r
	}
	hits := w.judge.Line(w.tally.hits[t.tail(r).hits], l.s)
	k.hits = hits.ID + 1
	h = k.hash()
	if of := t.find(&k, h); of != nil {
		return of
	}
	if !w.tally.fits(&k) {
		w.tally.over = true
		w.tally.unsplit++
		return r
	}
	return w.newRow(k, h, hits, log, l)
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
	w.tally.grew(&k)
	return w.tally.rows.add(row{key: k, first: ms, last: ms}, tail, h, asks)
}

// ref points to the line. Its number counts from the beginning of the part until the scan ends.
func (l *line) ref(log int) signin.Ref {
	return signin.Ref{File: log, Offset: l.offset, Length: len(l.raw), Line: l.number}
}

// tick counts the sign-in in the minutes of rules with windows, as their first step.
func (w *worker) tick(hits *signin.Hits, k key, log int, l *line) {
	w.ticks = w.judge.Ticks(w.ticks[:0], hits, l.s)
	var until wait
	if k.hour != 0 {
		until = wait{true, k.server, k.kind, k.protocol}
	}
	for i := range w.ticks {
		if t := &w.ticks[i]; t.Step == 0 { // for the others see readAgain
			w.tally.minutes.tick(t, until, l.ref(log), l.s.Facts.Time)
			w.ticked = true
		}
	}
}
