package rules

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// A Run reads logs through the real pipeline, with those rules, and returns what it saw. The command
// hands it in, since this room knows no log format. joined says that logons are to be joined with what gateways logged.
type Run func(rules *Set, logs []TestLog, joined bool) (Observed, error)

// A TestResult is what became of one test of a rule.
type TestResult struct {
	Rule   string
	Test   string
	File   string // where the test stands
	Line   int
	Passed bool
	Why    string // it did not pass
}

// Test runs the tests of the rules whose id or name holds filter, in any case; "" is all.
func (s *Set) Test(run Run, filter string) []TestResult {
	var out []TestResult
	for i := range s.rules {
		r := &s.rules[i].Rule
		if !r.fits(filter) {
			continue
		}
		for k := range r.Tests {
			t := &r.Tests[k]
			why := s.try(r, t, run, s.rules[i].joined)
			out = append(out, TestResult{Rule: r.ID, Test: t.Name, File: r.File, Line: t.Line, Passed: why == "", Why: why})
		}
	}
	return out
}

// Select returns the rules whose id or name holds filter, as Test takes them, in their order.
func (s *Set) Select(filter string) []Rule {
	return slices.DeleteFunc(s.Rules(), func(r Rule) bool { return !r.fits(filter) })
}

func (r *Rule) fits(filter string) bool {
	return strings.Contains(strings.ToLower(r.ID+"\n"+r.Name), strings.ToLower(filter))
}

// try returns why the test does not pass, or "".
func (s *Set) try(r *Rule, t *Test, run Run, joined bool) string {
	logs := slices.Clone(t.Logs)
	for i := range logs {
		lines, err := logs[i].lines(filepath.Dir(r.File))
		if err != nil {
			return fmt.Sprintf("reading %s: %s", logs[i].file, reason(err))
		}
		logs[i].Lines = lines
	}
	seen, err := run(s, logs, joined)
	if err != nil {
		return "reading the log lines: " + err.Error()
	}
	found, broken := s.findings(seen)
	for _, b := range broken {
		if b.Rule == r.ID {
			return fmt.Sprintf("the rule is broken: %s", b.Error)
		}
	}
	var got []Finding
	for _, f := range found {
		if f.Rule == r.ID {
			got = append(got, f)
		}
	}
	hit := slices.ContainsFunc(got, t.Expect.met)
	switch {
	case hit == t.Expect.Fires:
		return ""
	case !hit && len(got) > 0:
		return fmt.Sprintf("expected %s, found %s", t.Expect, describe(got))
	case !hit:
		return fmt.Sprintf("expected %s, found nothing in %s", t.Expect, counted(seen))
	}
	return fmt.Sprintf("expected nothing, found %s", describe(got))
}

func (e Expect) met(f Finding) bool {
	return (e.Subject == "" || strings.EqualFold(e.Subject, f.Subject)) &&
		(e.Protocol == "" || e.Protocol == f.Protocol) && (e.Count == 0 || e.Count == f.Count)
}

func (e Expect) String() string {
	text := "a finding"
	if e.Subject != "" {
		text += " for " + e.Subject
	}
	if e.Protocol != "" {
		text += " on " + e.Protocol
	}
	if e.Count != 0 {
		text += fmt.Sprintf(" with count %d", e.Count)
	}
	return text
}

func describe(fs []Finding) string {
	var out []string
	for _, f := range fs[:min(len(fs), 3)] {
		out = append(out, Expect{Subject: f.Subject, Protocol: f.Protocol, Count: f.Count}.String())
	}
	return strings.Join(out, "; ")
}

func counted(o Observed) string {
	n := int64(0)
	for i := range o.Usage {
		n += o.Usage[i].Count
	}
	if n == 1 {
		return "1 sign-in"
	}
	return fmt.Sprintf("%d sign-ins", n)
}

// An Untested is a rule that lacks a test.
type Untested struct {
	Rule     string
	Positive bool // no test in which it fires
	Negative bool // no test in which it does not
}

// Untested returns the rules that lack a positive or a negative test, in their order.
func (s *Set) Untested() []Untested {
	var out []Untested
	for i := range s.rules {
		u := Untested{s.rules[i].ID, true, true}
		for _, t := range s.rules[i].Tests {
			if t.Expect.Fires {
				u.Positive = false
			} else {
				u.Negative = false
			}
		}
		if u.Positive || u.Negative {
			out = append(out, u)
		}
	}
	return out
}
