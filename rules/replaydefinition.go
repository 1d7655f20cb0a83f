package rules

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser/lexer"
)

// A Change is a key of a rule that two sets do not spell alike.
type Change struct {
	Rule  string `json:"rule"`
	Field string `json:"field"` // a key of the rule; lists: what the lists that it names hold
	Old   string `json:"old"`
	New   string `json:"new"`
}

// wording is how the findings of a rule are told.
func (r *compiled) wording() []clause {
	return []clause{{key: "name", said: r.Name}, {key: "severity", said: r.Severity.String()}, {key: "tags", said: strings.Join(r.Tags, " ")},
		{key: "resolve_after", said: spelled(r.ResolveAfter)}}
}

// A clause is a key of a rule and its value.
type clause struct {
	key, said string
	meant     string // what is compared, where several spellings mean the same; "" for said
}

func (c clause) meaning() string {
	if c.meant != "" {
		return c.meant
	}
	return c.said
}

// unlike returns the clauses that two sets do not mean alike.
func unlike(rule string, old, changed []clause) (all []Change) {
	for i := range changed {
		if old[i].meaning() != changed[i].meaning() {
			all = append(all, Change{rule, changed[i].key, old[i].said, changed[i].said})
		}
	}
	return all
}

// definition is all that decides the findings of a rule.
func (s *Set) definition(n int32) []clause {
	r := &s.rules[n]
	when, lists := s.essence(r.When)
	var steps []string
	for _, text := range r.Steps {
		step, more := s.essence(text)
		steps = append(steps, step)
		maps.Copy(lists, more)
	}
	zone := ""
	if s.reads(n)&setOf(hourField, weekdayField) != 0 {
		zone = r.zone.String()
	}
	var held []string
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		held = append(held, name+": "+lists[name])
	}
	return []clause{
		{key: "type", said: r.Type.String()},
		{key: "when", said: strings.TrimSpace(r.When), meant: when},
		{key: "steps", said: strings.Join(r.Steps, "\n"), meant: strings.Join(steps, "\n")},
		{key: "lists", said: strings.Join(held, "; ")},
		{key: "zone", said: zone},
		{key: "group_by", said: strings.Join(r.GroupBy, " ")},
		{key: "threshold", said: decimal(r.Threshold)},
		{key: "distinct", said: r.Distinct},
		{key: "window", said: spelled(r.Window)},
		{key: "baseline", said: spelled(r.Baseline)},
	}
}

// essence returns the words of an expression, without comments and blanks, and what the lists hold that it may name.
func (s *Set) essence(text string) (string, map[string]string) {
	lists := map[string]string{}
	tokens, err := lexer.Lex(file.NewSource(text))
	if err != nil {
		return text, lists // not of a rule that was loaded
	}
	asks := slices.ContainsFunc(tokens, func(t lexer.Token) bool { return t.Is(lexer.Identifier, "in_list") })
	var b strings.Builder
	for _, t := range tokens {
		b.WriteString(t.String())
		b.WriteByte(' ')
		if l := s.lists[t.Value]; asks && l != nil && t.Kind == lexer.String {
			lists[t.Value] = l.spell()
		}
	}
	return b.String(), lists
}

// spell is the values of a list in order.
func (l *list) spell() string {
	var all []string
	for v := range l.exact {
		all = append(all, strconv.Quote(v))
	}
	for _, g := range l.globs {
		all = append(all, strconv.Quote(strings.ToLower(g.key)))
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " ")
}

func spelled(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return Spell(d)
}

func decimal(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// reads returns the fields that a rule reads: its expressions, its group, and what it counts.
func (s *Set) reads(n int32) fieldSet {
	r := &s.rules[n]
	fields := setOf(r.group[:r.visible]...) | s.looksAt(n)
	if r.byValue {
		fields |= 1 << r.distinct
	}
	return fields
}

// looksAt returns those that its expressions read.
func (s *Set) looksAt(n int32) (fields fieldSet) {
	for _, at := range s.rules[n].steps {
		s.steps[at].tree.conditions(func(cond int32) { fields |= s.conditions[cond].fields })
	}
	return fields
}

// unplayable says why rows cannot tell the findings of a rule, nil if they can. differs is what was changed in it.
func (s *Set) unplayable(n int32, differs []Change) *Unplayable {
	r := &s.rules[n]
	u := &Unplayable{Rule: r.ID}
	if r.joined {
		u.Field = firstOf(s.reads(n) & joinedFields).String()
		u.Reason = fmt.Sprintf("it reads %s: its findings are those of the next time that logons are joined with what gateways logged", u.Field)
		return u
	}
	if r.noise {
		u.Field, u.Reason = trafficField.String(), "it asks for noise, of which no counts are kept but those of rules"
		return u
	}
	if r.Type != Match && r.Type != FirstSeen {
		u.Field = "window"
		u.Reason = "what it counts within a window was not kept"
		if len(differs) > 0 {
			d := &differs[0]
			u.Field = d.Field
			u.Reason = fmt.Sprintf("its %s was changed%s, and what it counts within a window was kept for the old rule alone", d.Field, fromTo(d))
		}
		return u
	}
	for f := timeField; f < mfaField; f++ {
		switch {
		case s.looksAt(n).has(f):
			u.Field, u.Reason = f.String(), fmt.Sprintf("it reads %s, which only the line tells, and lines are not kept", f)
			return u
		case slices.Contains(r.group, f):
			u.Field, u.Reason = f.String(), fmt.Sprintf("it groups by %s, which only the line tells, and lines are not kept", f)
			return u
		}
	}
	return nil
}

// fromTo tells a change of what is short.
func fromTo(d *Change) string {
	if d.Old == "" || d.New == "" || len(d.Old)+len(d.New) > 40 {
		return ""
	}
	return " from " + d.Old + " to " + d.New
}
