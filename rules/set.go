package rules

import (
	"slices"
	"strconv"
	"sync"

	"github.com/outmode/outmode/internal/signin"
)

// A Set is rules that can judge. It may be shared by goroutines; what it says never depends on the
// order in which it was asked.
type Set struct {
	rules      []compiled
	steps      []step
	conditions []condition
	slots      []int32             // of each condition: its place in its group
	groups     [groupCount][]int32 // the conditions of each group
	lists      map[string]*list

	mu       sync.Mutex
	known    map[string]*answer // bounded: who sends requests decides how many there are
	asked    uint32             // answers given so far
	failures map[int32]string   // of a condition: why it failed, the first in the order of the alphabet
	broken   []Broken           // what the last Findings saw
}

// A step is an expression of a rule. Most rules have one.
type step struct {
	rule   int32
	number int32
	tree   *tree
	ticks  bool
}

// A ruling is what is decided about a sign-in, and what is left to decide.
type ruling struct {
	match  []int32
	ticks  []tickOf
	broken []breach
	rest   []rest
}

type tickOf struct{ rule, step int32 }

// A breach is a step of a rule that a condition broke.
type breach struct{ rule, step, cond int32 }

// A rest is what is left of a step's expression.
type rest struct {
	step int32
	tree *tree
}

// An answer is a ruling and the hits that stand for it outside of this room.
type answer struct {
	set    *Set
	hits   *signin.Hits
	ruling *ruling
	needs  uint16  // the groups of conditions that are left, as bits
	mixed  []int32 // those of mixedLineGroup
}

// newSet makes a set of rules that were checked.
func newSet(lists map[string]*list) *Set {
	return &Set{lists: lists, known: map[string]*answer{}, failures: map[int32]string{}}
}

// add appends a rule with the trees of its steps.
func (s *Set) add(r compiled, trees []*tree) {
	n := int32(len(s.rules))
	for i, t := range trees {
		r.steps = append(r.steps, int32(len(s.steps)))
		s.steps = append(s.steps, step{rule: n, number: int32(i), tree: t, ticks: r.ticks})
	}
	s.rules = append(s.rules, r)
}

// seal sets the conditions, once all rules are there.
func (s *Set) seal(conditions []condition) {
	s.conditions = conditions
	s.slots = make([]int32, len(conditions))
	for i := range conditions {
		g := conditions[i].group
		s.slots[i] = int32(len(s.groups[g]))
		s.groups[g] = append(s.groups[g], int32(i))
	}
}

// Len is the number of rules.
func (s *Set) Len() int { return len(s.rules) }

// Rules returns the rules in the order of their numbers, by which hits, ticks and minutes name them.
func (s *Set) Rules() []Rule {
	out := make([]Rule, len(s.rules))
	for i := range s.rules {
		out[i] = s.rules[i].Rule
	}
	return out
}

// Joined reports whether that rule judges records and not sign-ins, see Record.
func (s *Set) Joined(rule int32) bool { return s.rules[rule].joined }

// JudgesRecords reports whether there is such a rule.
func (s *Set) JudgesRecords() bool {
	return slices.ContainsFunc(s.rules, func(r compiled) bool { return r.joined })
}

// Window returns what the minutes of that rule's first step are for.
func (s *Set) Window(rule int32) signin.Window {
	if rule < 0 || int(rule) >= len(s.rules) {
		return signin.Window{}
	}
	r := &s.rules[rule]
	w := signin.Window{Minutes: r.window()}
	if r.Type == Threshold || r.Type == Sequence {
		w.Threshold = int64(r.Threshold)
	}
	if r.Type == Sequence {
		w.Minutes++ // a window that ends within a minute touches one minute more, see follow
	}
	if r.byValue {
		w.Distinct = r.Threshold
	}
	return w
}

// start is the ruling before anything is known, by the rules that look at such a thing.
func (s *Set) start(looks func(*compiled) bool) *ruling {
	r := &ruling{}
	for i := range s.steps {
		if looks(&s.rules[s.steps[i].rule]) {
			r.rest = append(r.rest, rest{int32(i), s.steps[i].tree})
		}
	}
	return r
}

func atRecords(r *compiled) bool { return r.joined }
func atSignIns(r *compiled) bool { return !r.joined }
func atNoise(r *compiled) bool   { return !r.joined && r.noise }

// lookAt tells the rules that look at such traffic.
func lookAt(t signin.Traffic) func(*compiled) bool {
	if t.Noise() {
		return atNoise
	}
	return atSignIns
}

// advance decides what follows from more conditions. of says unknown for those that stay open.
func (s *Set) advance(r *ruling, of func(cond int32) value) *ruling {
	next := &ruling{match: slices.Clip(r.match), ticks: slices.Clip(r.ticks), broken: slices.Clip(r.broken)}
	for _, x := range r.rest {
		t := x.tree.reduce(of)
		if t.op != constant {
			next.rest = append(next.rest, rest{x.step, t})
			continue
		}
		st := &s.steps[x.step]
		switch {
		case t.value == failed:
			next.broken = append(next.broken, breach{st.rule, x.step, t.cond})
		case t.value == yes && st.ticks:
			next.ticks = append(next.ticks, tickOf{st.rule, st.number})
		case t.value == yes:
			next.match = append(next.match, st.rule)
		}
	}
	return next
}

// maxAnswers bounds how many answers a set remembers. One that was forgotten is given anew.
const maxAnswers = 1 << 14

// answer returns the answer for a ruling, mostly the same one for equal ones.
func (s *Set) answer(r *ruling) *answer {
	key := r.key()
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.known[key]; ok {
		return a
	}
	a := &answer{set: s, ruling: r}
	slices.Sort(r.match)
	a.hits = &signin.Hits{ID: s.asked, Match: slices.Clone(r.match), Pending: len(r.rest) > 0, Ruling: a}
	s.asked++
	for _, t := range r.ticks {
		a.hits.Ticks = a.hits.Ticks || t.step == 0
		a.hits.Later = a.hits.Later || t.step > 0
	}
	for _, x := range r.rest {
		x.tree.conditions(func(cond int32) {
			g := s.conditions[cond].group
			a.needs |= 1 << g
			if g == mixedLineGroup && !slices.Contains(a.mixed, cond) {
				a.mixed = append(a.mixed, cond)
			}
		})
	}
	if len(s.known) >= maxAnswers {
		clear(s.known)
	}
	s.known[key] = a
	return a
}

// of returns the answer behind hits that this set gave, or nil for others.
func (s *Set) of(h *signin.Hits) *answer {
	if h == nil {
		return nil
	}
	if a, ok := h.Ruling.(*answer); ok && a.set == s {
		return a
	}
	return nil
}

// key is a text that equal rulings share, in whatever order they were reached.
func (r *ruling) key() string {
	slices.Sort(r.match)
	slices.SortFunc(r.ticks, func(a, b tickOf) int { return int(a.rule-b.rule)<<8 + int(a.step-b.step) })
	slices.SortFunc(r.broken, func(a, b breach) int {
		if a.step != b.step {
			return int(a.step - b.step)
		}
		return int(a.cond - b.cond)
	})
	var b []byte
	for _, m := range r.match {
		b = append(strconv.AppendInt(b, int64(m), 10), ',')
	}
	for _, t := range r.ticks {
		b = append(strconv.AppendInt(append(b, 't'), int64(t.rule), 10), ',')
		b = append(strconv.AppendInt(b, int64(t.step), 10), ',')
	}
	for _, x := range r.broken {
		b = append(strconv.AppendInt(append(b, 'b'), int64(x.step), 10), ',')
		b = append(strconv.AppendInt(b, int64(x.cond), 10), ',')
	}
	for _, x := range r.rest {
		b = strconv.AppendInt(append(b, 'r'), int64(x.step), 10)
		b = x.tree.appendKey(b)
	}
	return string(b)
}

// fail notes why a condition failed. Of several reasons the first in the alphabet is kept, so that it
// does not matter who came first.
func (s *Set) fail(cond int32, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if have, ok := s.failures[cond]; !ok || message < have {
		s.failures[cond] = message
	}
}
