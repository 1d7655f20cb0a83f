package rules

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/outmode/outmode/internal/signin"
)

// A minute is all that is known of one step of a rule and one group within a minute of event time.
type minute struct {
	step     int32
	at       int64 // Unix minutes
	count    int64
	first    int64 // Unix milliseconds
	last     int64
	distinct []uint64
	refs     []signin.Ref // the first lines
	fires    bool         // lies in a window that fires
}

// A timeline is the minutes of one rule and one group, by step and time, each once.
type timeline struct {
	values  []string // the visible values of the group
	minutes []*minute
	kinds   map[signin.Kind]bool // of the logs that told them, where the rule must know
}

// minutes decides the rules that count within windows, and those whose groups only lines tell apart.
func (c *collection) minutes(all []signin.Minute, covered map[signin.Kind]signin.Span) {
	perRule := make([]map[string]*timeline, len(c.set.rules))
	for i := range all {
		m := &all[i]
		if m.Rule < 0 || int(m.Rule) >= len(c.set.rules) || !c.set.rules[m.Rule].ticks {
			continue
		}
		if perRule[m.Rule] == nil {
			perRule[m.Rule] = map[string]*timeline{}
		}
		c.set.rules[m.Rule].addMinute(perRule[m.Rule], m)
	}
	for n, groups := range perRule {
		r := &c.set.rules[n]
		for _, line := range groups {
			line.merge()
		}
		for _, line := range groups {
			t := r.target(int32(n), line.values[:r.visible])
			switch r.Type {
			case Match:
				if i := r.hides(protocolField); i >= 0 {
					t.protocol = line.values[i]
				}
				c.addMinutes(t, line.minutes)
			case FirstSeen:
				c.debutOf(t, line, covered)
			case Threshold:
				r.fill(line)
				c.addFired(t, line)
			case Sequence:
				r.follow(line)
				c.addFired(t, line)
			case Absence:
				c.absence(t, line, covered)
			}
		}
	}
}

// hides returns where the values of a group hold a field that is not of group_by, or -1.
func (r *compiled) hides(f field) int {
	for i := r.visible; i < len(r.group); i++ {
		if r.group[i] == f {
			return i
		}
	}
	return -1
}

func (r *compiled) addMinute(groups map[string]*timeline, m *signin.Minute) {
	values := strings.Split(m.Group, "\t")
	for len(values) < len(r.group) {
		values = append(values, "")
	}
	// Logs of several kinds are one timeline; so are not several protocols.
	key := strings.Join(values[:r.visible], "\t")
	if i := r.hides(protocolField); i >= 0 {
		key += "\t" + values[i]
	}
	line := groups[key]
	if line == nil {
		line = &timeline{values: values, kinds: map[signin.Kind]bool{}}
		groups[key] = line
	}
	if i := slices.Index(r.group, datasetField); i >= 0 {
		if k := slices.Index(datasets, values[i]); k >= 0 {
			line.kinds[signin.Kind(k)] = true
		}
	}
	x := &minute{step: m.Step, at: m.Minute, count: m.Count, first: m.First, last: m.Last, distinct: m.Distinct}
	if m.At.Length > 0 || !r.joined { // else the line of a logon is not known
		x.refs = []signin.Ref{m.At}
	}
	line.minutes = append(line.minutes, x)
}

// merge sorts the minutes by step and time, and adds up those that are one.
func (l *timeline) merge() {
	slices.SortStableFunc(l.minutes, func(a, b *minute) int {
		return cmp.Or(cmp.Compare(a.step, b.step), cmp.Compare(a.at, b.at))
	})
	out := l.minutes[:0]
	for _, m := range l.minutes {
		if n := len(out); n > 0 && out[n-1].step == m.step && out[n-1].at == m.at {
			to := out[n-1]
			to.count += m.count
			to.first, to.last = min(to.first, m.first), max(to.last, m.last)
			to.distinct = slices.Concat(to.distinct, m.distinct)
			for _, at := range m.refs {
				to.refs = cite(to.refs, at)
			}
			continue
		}
		out = append(out, m)
	}
	l.minutes = out
	for _, m := range out {
		slices.Sort(m.distinct)
		m.distinct = slices.Compact(m.distinct)
	}
}

// stepOf returns the minutes of one step, by time.
func (l *timeline) stepOf(step int32) []*minute {
	from, _ := slices.BinarySearchFunc(l.minutes, step, func(m *minute, s int32) int { return cmp.Compare(m.step, s) })
	to, _ := slices.BinarySearchFunc(l.minutes, step+1, func(m *minute, s int32) int { return cmp.Compare(m.step, s) })
	return l.minutes[from:to]
}

// fill marks the minutes of all windows in which the rule's threshold is reached.
func (r *compiled) fill(l *timeline) {
	var count int64
	values := map[uint64]int{}
	ms, from := l.minutes, 0
	marked := 0 // the minutes before it are marked as far as they fire
	for to, m := range ms {
		count += m.count
		for _, v := range m.distinct {
			values[v]++
		}
		for ms[from].at <= m.at-r.window() {
			count -= ms[from].count
			for _, v := range ms[from].distinct {
				if values[v]--; values[v] == 0 {
					delete(values, v)
				}
			}
			from++
		}
		have := count
		if r.byValue {
			have = int64(len(values))
		}
		if have >= int64(r.Threshold) {
			for i := max(from, marked); i <= to; i++ {
				ms[i].fires = true
			}
			marked = to + 1
		}
	}
}

// addFired counts the minutes that were marked.
func (c *collection) addFired(t target, l *timeline) {
	var fired []*minute
	for _, m := range l.minutes {
		if m.fires {
			fired = append(fired, m)
		}
	}
	if len(fired) == 0 {
		return
	}
	if c.set.rules[t.rule].Type != Sequence {
		c.addMinutes(t, fired)
		return
	}
	for _, m := range fired {
		c.add(t, m.count, m.first, m.last)
	}
	if c.runs == nil {
		c.runs = map[target][]*minute{}
	}
	c.runs[t] = append(c.runs[t], fired...)
	c.found[t].Evidence = citeSteps(c.runs[t])
}

// citeSteps cites the earliest line of each step, those of the last steps if there are too many, and
// then what comes first. It puts them in the order of the steps: the last line is one of the last
// step, which says what the first steps led to.
func citeSteps(ms []*minute) (out []signin.Ref) {
	type line struct {
		step int32
		at   int64 // Unix minutes
		ref  signin.Ref
	}
	inOrder := func(a, b line) int {
		return cmp.Or(cmp.Compare(a.step, b.step), cmp.Compare(a.at, b.at), compareRefs(a.ref, b.ref))
	}
	var all, cited []line
	for _, m := range ms {
		for _, ref := range m.refs {
			all = append(all, line{m.step, m.at, ref})
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortFunc(all, inOrder)
	// A line that meets several steps is cited once, for the last of them.
	take := func(fits func(line) bool) {
		i := slices.IndexFunc(all, func(l line) bool {
			return fits(l) && !slices.ContainsFunc(cited, func(c line) bool { return c.ref == l.ref })
		})
		if i >= 0 && len(cited) < maxEvidence {
			cited = append(cited, all[i])
		}
	}
	for step := all[len(all)-1].step; step >= 0; step-- {
		take(func(l line) bool { return l.step == step })
	}
	for range maxEvidence {
		take(func(line) bool { return true })
	}
	slices.SortFunc(cited, inOrder)
	for _, l := range cited {
		out = append(out, l.ref)
	}
	return out
}

func (c *collection) addMinutes(t target, ms []*minute) {
	for _, m := range ms {
		c.add(t, m.count, m.first, m.last, m.refs...)
	}
}

// follow marks the minutes of all runs of the steps, in their order, within the window. Of a minute
// only its first and last instant are known, and only those are held against each other: a run that
// would need another instant is not proven. The first step must have happened so often as the
// threshold says; a minute counts with all that may lie before the last step.
func (r *compiled) follow(l *timeline) {
	steps := make([][]*minute, len(r.steps))
	for i := range steps {
		if steps[i] = l.stepOf(int32(i)); len(steps[i]) == 0 {
			return
		}
	}
	window := r.window() * time.Minute.Milliseconds()
	begin := starts(steps) // of each instant of the last step: when the latest run to it began
	last := steps[len(steps)-1]
	for i, m := range last {
		for j, end := range []int64{m.first, m.last} {
			if begin[2*i+j] == never || end-begin[2*i+j] > window {
				continue
			}
			if before(steps[0], end, window) < int64(max(r.Threshold, 1)) {
				continue
			}
			m.fires = true
			for _, step := range steps[:len(steps)-1] {
				for _, x := range within(step, end, window) {
					x.fires = true
				}
			}
		}
	}
}

const never = math.MinInt64

// starts returns, for the first and the last instant of each minute of the last step, when the latest
// run of steps that ends there began, or never.
func starts(steps [][]*minute) []int64 {
	var begin []int64
	for _, m := range steps[0] {
		begin = append(begin, m.first, m.last)
	}
	for n, step := range steps[1:] {
		before := steps[n]
		next := make([]int64, 0, 2*len(step))
		i, latest := 0, int64(never)
		for _, m := range step {
			for _, end := range []int64{m.first, m.last} {
				// Instants rise along the minutes of a step, so each is looked at once.
				for ; i < 2*len(before) && instant(before, i) < end; i++ {
					latest = max(latest, begin[i])
				}
				next = append(next, latest)
			}
		}
		begin = next
	}
	return begin
}

func instant(ms []*minute, i int) int64 {
	if i%2 == 0 {
		return ms[i/2].first
	}
	return ms[i/2].last
}

// within returns the minutes that have an instant in the window before end.
func within(ms []*minute, end, window int64) []*minute {
	from, _ := slices.BinarySearchFunc(ms, end-window, func(m *minute, t int64) int { return cmp.Compare(m.last, t) })
	to, _ := slices.BinarySearchFunc(ms, end, func(m *minute, t int64) int { return cmp.Compare(m.first, t) })
	return ms[from:max(from, to)]
}

// before counts what may have happened in the window before end.
func before(ms []*minute, end, window int64) (n int64) {
	for _, m := range within(ms, end, window) {
		n += m.count
		if m.last >= end {
			n-- // at least one did not
		}
	}
	return n
}

// debutOf decides a first_seen rule whose groups only lines tell apart.
func (c *collection) debutOf(t target, l *timeline, covered map[signin.Kind]signin.Span) {
	span, ok := common(l.kinds, covered)
	first := int64(math.MaxInt64)
	for _, m := range l.minutes {
		first = min(first, m.first)
	}
	if ok && first >= span.From+c.set.rules[t.rule].Baseline.Milliseconds() {
		c.addMinutes(t, l.minutes)
	}
}

// common is the period that the logs of all kinds cover.
func common(kinds map[signin.Kind]bool, covered map[signin.Kind]signin.Span) (signin.Span, bool) {
	all := signin.Span{From: math.MinInt64, To: math.MaxInt64}
	for k := range kinds {
		span, ok := covered[k]
		if !ok {
			return all, false
		}
		all.From, all.To = max(all.From, span.From), min(all.To, span.To)
	}
	return all, len(kinds) > 0
}

// absence decides a rule about silence: of a group that was there, or of a step that was not
// followed. Silence counts only where the logs of all kinds that tell the group go on.
func (c *collection) absence(t target, l *timeline, covered map[signin.Kind]signin.Span) {
	r := &c.set.rules[t.rule]
	window := r.window() * time.Minute.Milliseconds()
	kinds := l.kinds
	if len(r.steps) > 1 {
		// Any log may tell the step that must follow, and which did is not known where only some of the
		// later steps were looked for (see Watch).
		kinds = map[signin.Kind]bool{}
		for k := range covered {
			kinds[k] = true
		}
	}
	span, ok := common(kinds, covered)
	if !ok {
		return
	}
	if len(r.steps) > 1 {
		answers := l.stepOf(1)
		for _, m := range l.stepOf(0) {
			i, _ := slices.BinarySearchFunc(answers, m.last, func(a *minute, t int64) int { return cmp.Compare(a.last, t) })
			answered := i < len(answers) && (answers[i].first <= m.last+window)
			if !answered && m.last >= span.From && m.last+window <= span.To {
				c.add(t, m.count, m.first, m.last, m.refs...)
			}
		}
		return
	}
	for i, m := range l.minutes {
		until := span.To
		if i+1 < len(l.minutes) {
			until = min(until, l.minutes[i+1].first)
		}
		if m.last >= span.From && until-m.last > window {
			c.add(t, 1, m.last, until, m.refs...)
		}
	}
}
