package ingest

import (
	"math/bits"
	"slices"

	"github.com/outmode/outmode/internal/signin"
)

// A minuteKey is what the minute of a rule with a window is found by.
type minuteKey struct {
	rule, step int32
	minute     int64
	group      string
	wait
}

// A wait is the hour of which IIS must be heard or not before a minute counts, as for a row with an hour.
type wait struct {
	weak     bool
	server   uint16
	kind     signin.Kind // of the log that tells it
	protocol signin.Protocol
}

const minuteMs = 60_000

// minutes are the counts of rules with windows, one for each rule, step, group and minute of event
// time. Most of them lie in windows that are nearly empty, such as a password that somebody mistyped:
// where there are many, those are left out and only counted in strays, which tell if it turns out
// that they mattered. If there are too many that matter, as of telephones with an old password, or in
// a flood of refused names, all spill into crowds, which say where a window can be full at all. In
// both cases a second reading keeps the minutes there.
//
// If those are too many too, a rule keeps a sample of its groups, each of them whole: what it finds
// is right, and an attack of which every second group is left out is still an attack.
type minutes struct {
	bounds bounds
	of     map[minuteKey]*signin.Minute
	order  []minuteKey // as they came
	rules  map[int32]*sample
	newest int64   // minute
	crowds *crowds // nil until they spill
	lost   int64   // ticks of groups outside the samples
}

// A sample is which groups of a rule are kept: those whose hash ends in so many zeros.
type sample struct {
	kept  int // minutes
	zeros int
}

func (s *sample) takes(rule int32, group string) bool {
	return s.zeros == 0 || bits.TrailingZeros64(crowdHash(rule, group)) >= s.zeros
}

// tick counts one tick, at that Unix millisecond.
func (m *minutes) tick(t *signin.Tick, w wait, at signin.Ref, ms int64) {
	if m.crowds != nil {
		m.crowds.add(t.Rule, crowdHash(t.Rule, t.Group), ms/minuteMs, 1)
		return
	}
	m.newest = max(m.newest, ms/minuteMs)
	x := m.of[minuteKey{t.Rule, t.Step, ms / minuteMs, string(t.Group), w}]
	if x == nil {
		mk := minuteKey{t.Rule, t.Step, ms / minuteMs, string(t.Group), w}
		x = &signin.Minute{Rule: t.Rule, Step: t.Step, Group: mk.group, Minute: mk.minute, First: ms, Last: ms, At: at}
		if !m.put(mk, x, 1) {
			return
		}
	}
	x.Count++
	x.First, x.Last = min(x.First, ms), max(x.Last, ms)
	if t.Distinct != 0 {
		x.Distinct = addDistinct(x.Distinct, t.Distinct, m.bounds.window(t.Rule).Distinct)
	}
}

// put puts a new minute of n ticks in its place, and reports whether there was one.
func (m *minutes) put(mk minuteKey, x *signin.Minute, n int64) bool {
	if m.bounds.crowds != nil && len(m.of) >= m.bounds.minutes && !m.prune() {
		m.spill()
		m.crowds.add(mk.rule, crowdHash(mk.rule, mk.group), mk.minute, n)
		return false
	}
	of := m.sampleOf(mk.rule)
	for of.takes(mk.rule, mk.group) {
		if m.bounds.crowds != nil || of.kept < m.bounds.minutes {
			m.of[mk] = x
			m.order = append(m.order, mk)
			of.kept++
			return true
		}
		m.thin(mk.rule, of.zeros+1)
	}
	m.lost += n
	return false
}

// sampleOf returns the sample of a rule, made if it is the first minute's.
func (m *minutes) sampleOf(rule int32) *sample {
	if m.rules == nil {
		m.of, m.rules = map[minuteKey]*signin.Minute{}, map[int32]*sample{}
	}
	if m.rules[rule] == nil {
		m.rules[rule] = &sample{}
	}
	return m.rules[rule]
}

// thin keeps only the groups of a rule whose hash ends in so many zeros.
func (m *minutes) thin(rule int32, zeros int) {
	of := m.sampleOf(rule)
	of.zeros = max(of.zeros, zeros)
	m.order = slices.DeleteFunc(m.order, func(mk minuteKey) bool {
		if mk.rule != rule || of.takes(rule, mk.group) {
			return false
		}
		m.lost += m.of[mk].Count
		delete(m.of, mk)
		of.kept--
		return true
	})
}

// prune leaves out the minutes of windows that are not even a quarter full, as far as is known here (of
// what several workers know, the sum counts), and that are not likely to be filled any more. It reports
// whether that made enough room.
func (m *minutes) prune() bool {
	here := m.counts()
	strays := m.bounds.strays()
	m.order = slices.DeleteFunc(m.order, func(mk minuteKey) bool {
		w := m.bounds.window(mk.rule)
		h, at := crowdHash(mk.rule, mk.group), stretch(mk.minute, w)
		if w.Threshold <= 1 || mk.minute >= m.newest-2*w.Minutes ||
			4*(here(h, at)+max(here(h, at-1), here(h, at+1))) >= w.Threshold {
			return false
		}
		strays.add(mk.rule, h, mk.minute, m.of[mk].Count)
		delete(m.of, mk)
		m.rules[mk.rule].kept--
		return true
	})
	return len(m.of) < m.bounds.minutes/2
}

// counts returns how many ticks of a group fall into a stretch.
func (m *minutes) counts() func(h uint64, stretch int64) int64 {
	type place struct {
		hash    uint64
		stretch int64
	}
	n := make(map[place]int64, len(m.order))
	for i := range m.order {
		mk := &m.order[i]
		n[place{crowdHash(mk.rule, mk.group), stretch(mk.minute, m.bounds.window(mk.rule))}] += m.of[*mk].Count
	}
	return func(h uint64, stretch int64) int64 { return n[place{h, stretch}] }
}

// missing reports whether minutes were left out that share a full window with one that is here.
func (m *minutes) missing(strays *crowds) bool {
	here := m.counts()
	for i := range m.order {
		mk := &m.order[i]
		w := m.bounds.window(mk.rule)
		if w.Threshold <= 1 {
			continue
		}
		h, at := crowdHash(mk.rule, mk.group), stretch(mk.minute, w)
		for _, from := range []int64{at - 1, at} {
			left := strays.count(h, from) + strays.count(h, from+1)
			if left > 0 && left+here(h, from)+here(h, from+1) >= w.Threshold {
				return true
			}
		}
	}
	return false
}

// spill turns the minutes into crowds, from now on.
func (m *minutes) spill() {
	m.crowds = m.bounds.crowds()
	for _, mk := range m.order {
		m.crowds.add(mk.rule, crowdHash(mk.rule, mk.group), mk.minute, m.of[mk].Count)
	}
	m.of, m.order, m.rules = nil, nil, nil
}

// merge adds what o holds, its servers renumbered. o is of no use afterwards.
func (m *minutes) merge(o *minutes, servers []uint16) {
	if o.crowds != nil && m.crowds == nil {
		m.spill()
	}
	for rule, of := range o.rules {
		if of.zeros > 0 {
			m.thin(rule, of.zeros)
		}
	}
	for _, mk := range o.order {
		if mk.weak {
			mk.server = servers[mk.server]
		}
		m.add(mk, o.of[mk])
	}
	m.lost += o.lost
}

func (m *minutes) add(mk minuteKey, x *signin.Minute) {
	if m.crowds != nil {
		m.crowds.add(mk.rule, crowdHash(mk.rule, mk.group), mk.minute, x.Count)
		return
	}
	to := m.of[mk]
	if to == nil {
		m.put(mk, x, x.Count)
		return
	}
	to.Count += x.Count
	to.First, to.Last = min(to.First, x.First), max(to.Last, x.Last)
	limit := max(len(to.Distinct), len(x.Distinct), m.bounds.window(x.Rule).Distinct)
	for _, d := range x.Distinct {
		to.Distinct = addDistinct(to.Distinct, d, limit)
	}
	if x.At.Before(to.At) {
		to.At = x.At
	}
}

func addDistinct(set []uint64, v uint64, limit int) []uint64 {
	if slices.Contains(set, v) || len(set) >= limit {
		return set
	}
	return append(set, v)
}

// settle decides the minutes that waited for IIS; told reports whether IIS tells them too.
func (m *minutes) settle(told func(mk *minuteKey) bool) {
	all := m.order
	m.order = nil
	for _, mk := range all {
		x := m.of[mk]
		if !mk.weak {
			m.order = append(m.order, mk)
			continue
		}
		delete(m.of, mk)
		m.rules[mk.rule].kept--
		if !told(&mk) {
			mk.wait = wait{}
			m.add(mk, x)
		}
	}
}
