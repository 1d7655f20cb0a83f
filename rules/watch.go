package rules

import (
	"math"
	"strings"

	"github.com/outmode/outmode/internal/signin"
)

// A Watch is the groups in which the first step of a rule was seen often enough for its later steps to
// matter, and when they would. Later steps are mostly ordinary sign-ins, of which there are many: a
// pipeline looks for them only here, in a second reading.
type Watch struct {
	set   *Set
	spans map[watched]signin.Span
}

type watched struct {
	rule  int32
	group string // the visible values of group_by, joined by a tab
}

// Watch returns what the minutes of first steps make worth watching, or nil for nothing. Of rules that judge records all
// steps are found at once.
func (s *Set) Watch(minutes []signin.Minute) *Watch {
	first := promised{}
	for i := range minutes {
		m := &minutes[i]
		if m.Rule >= 0 && int(m.Rule) < len(s.rules) && m.Step == 0 && len(s.rules[m.Rule].steps) > 1 && !s.rules[m.Rule].joined {
			first.add(s, m)
		}
	}
	if spans := first.spans(s); len(spans) > 0 {
		return &Watch{set: s, spans: spans}
	}
	return nil
}

// promised are the minutes of first steps, by group.
type promised map[watched]*timeline

func (p promised) add(s *Set, m *signin.Minute) {
	k := watched{m.Rule, s.rules[m.Rule].visibleGroup(m.Group)}
	if p[k] == nil {
		p[k] = &timeline{}
	}
	p[k].minutes = append(p[k].minutes, &minute{at: m.Minute, count: m.Count, first: m.First, last: m.Last})
}

// spans returns when later steps would matter, of the groups in which they would.
func (p promised) spans(s *Set) map[watched]signin.Span {
	spans := map[watched]signin.Span{}
	for k, line := range p {
		line.merge()
		if span, ok := s.rules[k.rule].promises(line.minutes); ok {
			spans[k] = span
		}
	}
	return spans
}

// promises returns the time in which a later step would matter: from the first window in which the
// first step was seen often enough, until a window after the last. It is whole minutes, since of half
// a minute another instant would be the first or the last, and it may be too long but never too
// short: a window that begins within a minute touches one minute more than it is long.
func (r *compiled) promises(first []*minute) (span signin.Span, ok bool) {
	const length = 60_000
	count, from := int64(0), 0
	for _, m := range first {
		for count += m.count; m.at-first[from].at > r.window(); from++ {
			count -= first[from].count
		}
		if count < int64(max(r.Threshold, 1)) {
			continue
		}
		if !ok {
			span.From, ok = first[from].at*length, true
			if len(r.steps) > 2 { // a step between counts with all of the window, see follow
				span.From -= r.window() * length
			}
		}
		span.To = (m.at+r.window()+1)*length - 1
	}
	return span, ok
}

// visibleGroup is a group without what its finding must know besides.
func (r *compiled) visibleGroup(group string) string {
	if r.visible == len(r.group) {
		return group
	}
	return strings.Join(strings.SplitN(group, "\t", r.visible+1)[:r.visible], "\t")
}

// Open makes later steps matter at any time behind the first ones: of logs that go on, the end is not known.
func (w *Watch) Open() {
	for k, span := range w.spans {
		span.To = math.MaxInt64
		w.spans[k] = span
	}
}

// Wants reports whether a tick of a later step, of a sign-in at that Unix millisecond, matters.
func (w *Watch) Wants(t *signin.Tick, ms int64) bool {
	span, ok := w.spans[watched{t.Rule, w.set.rules[t.Rule].visibleGroup(string(t.Group))}]
	return ok && span.From <= ms && ms <= span.To
}

// Overlaps reports whether any tick of that period, in Unix milliseconds, could matter.
func (w *Watch) Overlaps(from, to int64) bool {
	for _, span := range w.spans {
		if span.From <= to && from <= span.To {
			return true
		}
	}
	return false
}
