package rules

import (
	"strings"

	"github.com/outmode/outmode/internal/signin"
)

// An Explanation says what a rule makes of one sign-in. Only a rule of type match can fire on one: for the
// others a sign-in counts, and whether the window fills, no single line can tell.
type Explanation struct {
	Rule     string
	Name     string
	Severity signin.Severity
	Type     Type
	Step     int    // of a rule with steps, from 0: the step that is met, or comes nearest
	Fires    bool   // of a rule of type match
	Counts   bool   // of the other types: it is one of those that the rule counts
	As       string // what it counts as, and what else it takes
	Nearly   bool   // all but one of the conditions that must hold together do
	Error    string // why the rule broke here
	Clauses  []Clause

	met bool // the step's expression holds
}

// A Clause is one of the conditions that must hold together.
type Clause struct {
	Text  string // its source
	Value string // true, false or error
}

// Missing names the clauses that do not hold.
func (e Explanation) Missing() string {
	var out []string
	for _, c := range e.Clauses {
		if c.Value != "true" {
			out = append(out, c.Text)
		}
	}
	return strings.Join(out, " and ")
}

// Explain says what each rule makes of a sign-in, in the order of the rules. It evaluates every
// clause, whether or not the rule would have come to it. Rules that do not look at such lines are left out: those that judge
// records, and most where it is noise.
func (s *Set) Explain(si *signin.SignIn) []Explanation {
	e := newEvaluator()
	e.view.fillKey(si)
	e.view.fillLine(si, 1<<fieldCount-1)
	values, why := make([]value, len(s.conditions)), make([]string, len(s.conditions))
	for i := range s.conditions {
		values[i], why[i] = e.run(&s.conditions[i])
	}
	of := func(cond int32) value { return values[cond] }
	looks := lookAt(si.Traffic)
	out := make([]Explanation, 0, len(s.rules))
	for i := range s.rules {
		r := &s.rules[i]
		if !looks(r) {
			continue
		}
		var best Explanation
		var met []int
		for n, at := range r.steps {
			x := s.explainStep(s.steps[at].tree, of, why)
			x.Step = n
			if x.met {
				met = append(met, n)
			}
			if n == 0 || x.rank() > best.rank() {
				best = x
			}
		}
		best.Rule, best.Name, best.Severity, best.Type = r.ID, r.Name, r.Severity, r.Type
		if best.met {
			r.counted(&best, met, &e.view, si)
		}
		out = append(out, best)
	}
	return out
}

// rank tells the step that is shown from the others.
func (e *Explanation) rank() int {
	switch {
	case e.met:
		return 3
	case e.Error != "":
		return 2
	case e.Nearly:
		return 1
	}
	return 0
}

// counted says what becomes of a sign-in that meets these steps.
func (r *compiled) counted(x *Explanation, met []int, v *view, s *signin.SignIn) {
	if r.Type == Match {
		x.Fires = true
		return
	}
	if f, ok := r.lacks(v, s); ok {
		x.Nearly = true
		x.Clauses = append(x.Clauses, Clause{f.String() + ` != ""`, "false"})
		return
	}
	x.Counts, x.As = true, r.as(met)
}

// lacks returns what a rule groups by or counts and the sign-in does not have, if there is such a field:
// see Ticks.
func (r *compiled) lacks(v *view, s *signin.SignIn) (field, bool) {
	if !r.ticks {
		return 0, false
	}
	if f, ok := r.nameless(s); ok {
		return f, true
	}
	return r.distinct, r.byValue && r.empty(r.distinct, v, s)
}

// empty reports whether the sign-in has no value to count.
func (r *compiled) empty(f field, v *view, s *signin.SignIn) bool {
	switch f {
	case addressField:
		return !s.Address.IP.IsValid()
	case pathField:
		return len(s.Facts.Path) == 0
	}
	return v.value(f, s, r.zone) == ""
}

func (s *Set) explainStep(t *tree, of func(int32) value, why []string) (x Explanation) {
	got := t.reduce(of)
	x.met = got.value == yes
	if got.value == failed {
		x.Error = why[got.cond]
	}
	missing := 0
	for _, part := range t.conjuncts(nil) {
		c := Clause{s.source(part), "false"}
		switch part.reduce(of).value {
		case yes:
			c.Value = "true"
		case failed:
			c.Value = "error"
		}
		if c.Value != "true" {
			missing++
		}
		x.Clauses = append(x.Clauses, c)
	}
	x.Nearly = !x.met && missing == 1 && len(x.Clauses) > 1
	return x
}

// conjuncts are the parts that must all hold.
func (t *tree) conjuncts(list []*tree) []*tree {
	if t.op != and {
		return append(list, t)
	}
	return t.b.conjuncts(t.a.conjuncts(list))
}

// source is t as its rule could have spelled it.
func (s *Set) source(t *tree) string {
	switch t.op {
	case leaf:
		return s.conditions[t.cond].text
	case constant:
		if t.value == yes {
			return "true"
		}
		return "false"
	case not:
		if t.a.op == leaf {
			if text := s.conditions[t.a.cond].text; !strings.Contains(text, " ") || strings.HasSuffix(text, ")") && !strings.Contains(text, " in ") {
				return "!" + text
			}
		}
		return "!(" + s.source(t.a) + ")"
	}
	sign := " && "
	if t.op == or {
		sign = " || "
	}
	return s.side(t, t.a) + sign + s.side(t, t.b)
}

func (s *Set) side(parent, t *tree) string {
	if (t.op == and || t.op == or) && t.op != parent.op {
		return "(" + s.source(t) + ")"
	}
	return s.source(t)
}
