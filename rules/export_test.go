package rules

import (
	"strconv"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"github.com/outmode/outmode/internal/signin"
)

// A Plain is an expression that expr compiled as a whole, from its source.
type Plain struct {
	program *vm.Program
	zone    *time.Location
}

// CompilePlain compiles a step of a rule of the set.
func CompilePlain(s *Set, text string, zone *time.Location) (*Plain, error) {
	l := newLanguage(s.lists)
	p, err := expr.Compile(text, l.options()...)
	return &Plain{p, zone}, err
}

// Run returns "true", "false" or "error".
func (p *Plain) Run(si *signin.SignIn) string {
	var v view
	v.fillKey(si)
	v.fillLine(si, 1<<fieldCount-1)
	v.setZone(p.zone)
	out, err := expr.Run(p.program, &v)
	switch {
	case err != nil:
		return "error"
	case out == true:
		return "true"
	}
	return "false"
}

// RunRecord does it with a record.
func (p *Plain) RunRecord(r *Record) string {
	var v view
	v.fill(r)
	v.setZone(p.zone)
	out, err := expr.Run(p.program, &v)
	if err != nil {
		return "error"
	}
	return strconv.FormatBool(out == true)
}

// Ruled tells what hits say of each step of a rule: "true", "false", "error" or "pending".
func (s *Set) Ruled(h *signin.Hits, rule int) []string {
	a := s.of(h)
	out := make([]string, len(s.rules[rule].steps))
	for i, at := range s.rules[rule].steps {
		out[i] = "false"
		for _, b := range a.ruling.broken {
			if b.step == at {
				out[i] = "error"
			}
		}
		for _, t := range a.ruling.ticks {
			if t == (tickOf{int32(rule), int32(i)}) {
				out[i] = "true"
			}
		}
		for _, x := range a.ruling.rest {
			if x.step == at {
				out[i] = "pending"
			}
		}
		if !s.rules[rule].ticks {
			for _, m := range h.Match {
				if m == int32(rule) {
					out[i] = "true"
				}
			}
		}
	}
	return out
}

// Conditions is the number of conditions of the set, and of groups that are evaluated for each line.
func (s *Set) Conditions() (all, perLine int) {
	return len(s.conditions), len(s.groups[mixedLineGroup])
}

// Answers is the number of different hits that the set gave.
func (s *Set) Answers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int(s.asked)
}

// MaxText is how much of a text a rule sees.
const MaxText = maxText

// RuleKeys are the keys of a rule.
func RuleKeys() []string { return ruleKeys() }

// FieldNames are the fields that a rule sees.
func FieldNames() []string { return fieldNames[:] }

// Of says what decides a field: the key of a usage row, the line, or joining logons with events.
func Of(name string) string {
	switch f, _ := parseField(name); {
	case keyFields.has(f):
		return "row"
	case joinedFields.has(f):
		return "joined"
	}
	return "line"
}

// FunctionNames are the functions that a rule can call.
func FunctionNames() []string { return functionNames() }

// Prune lets go of what does not matter, as is done when there is much.
func (j *RecordJudge) Prune() { j.prune(j.newest - settledAfter.Milliseconds()) }

// Unpruned returns all minutes, also of steps that do not matter.
func (j *RecordJudge) Unpruned() (all []signin.Minute) {
	for _, m := range j.minutes {
		all = append(all, *m)
	}
	return all
}
