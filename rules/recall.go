package rules

import (
	"slices"
	"strings"

	"github.com/outmode/outmode/internal/signin"
)

// A Verdict is what a set said of a sign-in, in words that outlive the set: a store keeps it.
type Verdict struct {
	Match  []string // ids of rules that fire, sorted
	Broken []string // ids of rules that failed, each with a blank and why behind it, sorted
}

// Verdict spells the hits of this set. Those of rules with windows are not part of it: their minutes are kept instead.
func (s *Set) Verdict(h *signin.Hits) (v Verdict) {
	a := s.of(h)
	if a == nil {
		return v
	}
	for _, n := range a.ruling.match {
		v.Match = append(v.Match, s.rules[n].ID)
	}
	s.mu.Lock()
	for _, b := range a.ruling.broken {
		v.Broken = append(v.Broken, s.rules[b.rule].ID+" "+s.failures[b.cond])
	}
	s.mu.Unlock()
	slices.Sort(v.Match)
	slices.Sort(v.Broken)
	return v
}

// Recall turns a verdict back into hits. Rules that this set does not have are left out, and named.
func (s *Set) Recall(v Verdict) (h *signin.Hits, unknown []string) {
	r := &ruling{}
	for _, id := range v.Match {
		if n, ok := s.Number(id); ok && !s.rules[n].ticks {
			r.match = append(r.match, n)
		} else if !ok {
			unknown = append(unknown, id)
		}
	}
	for _, text := range v.Broken {
		id, why, _ := strings.Cut(text, " ")
		if n, ok := s.Number(id); ok {
			cond := -1 - n // of no condition of this set
			s.fail(cond, why)
			r.broken = append(r.broken, breach{rule: n, step: s.rules[n].steps[0], cond: cond})
		}
	}
	return s.answer(r).hits, unknown
}

// Number returns the number of the rule with that id, by which hits, ticks and minutes name it.
func (s *Set) Number(id string) (int32, bool) {
	i := slices.IndexFunc(s.rules, func(r compiled) bool { return r.ID == id })
	return int32(i), i >= 0
}

// A Target names what a finding is about. Two usage rows with an equal one are counted in one finding.
type Target struct {
	ID       string // of the finding
	Rule     int32
	Subject  string
	Protocol string
}

// Targets returns the findings that a usage row counts in, by the rules that fire on it.
func (s *Set) Targets(u *signin.Usage) []Target {
	if u.Hits == nil {
		return nil
	}
	var out []Target
	for _, n := range u.Hits.Match {
		r := &s.rules[n]
		t := r.targetOf(n, u)
		if r.Type != FirstSeen {
			t.protocol = u.Protocol.String()
		}
		out = append(out, Target{FindingID(r.ID, t.subject, t.protocol), n, t.subject, t.protocol})
	}
	return out
}

// VisibleGroup is the part of a minute's group that tells the findings of its rule apart; all minutes of it must be
// known to decide them.
func (s *Set) VisibleGroup(rule int32, group string) string { return s.rules[rule].visibleGroup(group) }

// Decide returns what the rules find in a part of what was observed, such as all minutes of one group.
func (s *Set) Decide(o Observed) []Finding {
	found, _ := s.findings(o)
	return found
}

// ID returns the id of the rule with that number, "" if there is none.
func (s *Set) ID(rule int32) string {
	if rule < 0 || int(rule) >= len(s.rules) {
		return ""
	}
	return s.rules[rule].ID
}

// Rule returns the rule with that number, which must be one of the set's.
func (s *Set) Rule(rule int32) *Rule { return &s.rules[rule].Rule }
