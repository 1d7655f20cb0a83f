package rules

import (
	"strings"

	"github.com/outmode/outmode/internal/signin"
)

// An Explanation says what a rule makes of one sign-in. Of a rule with a window, Fires says that the
// sign-in counts in it; whether the window fills, no single line can tell.
type Explanation struct {
	Rule     string
	Name     string
	Severity signin.Severity
	Step     int    // of a rule with steps, from 0: the step that fires, or comes nearest
	Fires    bool   //
	Nearly   bool   // all but one of the conditions that must hold together do
	Error    string // why the rule broke here
	Clauses  []Clause
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
// clause, whether or not the rule would have come to it.
func (s *Set) Explain(si *signin.SignIn) []Explanation {
	e := newEvaluator()
	e.view.fillKey(si)
	e.view.fillLine(si, 1<<fieldCount-1)
	values, why := make([]value, len(s.conditions)), make([]string, len(s.conditions))
	for i := range s.conditions {
		values[i], why[i] = e.run(&s.conditions[i])
	}
	of := func(cond int32) value { return values[cond] }
	out := make([]Explanation, 0, len(s.rules))
	for i := range s.rules {
		var best Explanation
		for n, at := range s.rules[i].steps {
			x := s.explainStep(s.steps[at].tree, of, why)
			x.Step = n
			if n == 0 || rank(x) > rank(best) {
				best = x
			}
		}
		r := &s.rules[i]
		best.Rule, best.Name, best.Severity = r.ID, r.Name, r.Severity
		out = append(out, best)
	}
	return out
}

func rank(e Explanation) int {
	switch {
	case e.Fires:
		return 3
	case e.Error != "":
		return 2
	case e.Nearly:
		return 1
	}
	return 0
}

func (s *Set) explainStep(t *tree, of func(int32) value, why []string) (x Explanation) {
	got := t.reduce(of)
	x.Fires = got.value == yes
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
	x.Nearly = !x.Fires && missing == 1 && len(x.Clauses) > 1
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
