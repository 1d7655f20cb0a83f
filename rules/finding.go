package rules

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/outmode/outmode/internal/signin"
)

// A Finding says that a rule holds for a subject. Its JSON is a contract; a command adds evidence.
type Finding struct {
	ID        string          `json:"id"` // the same for the same rule, subject and protocol, for ever
	Rule      string          `json:"rule"`
	Name      string          `json:"name"`
	Severity  signin.Severity `json:"-"`
	Level     string          `json:"severity"` // the word for Severity
	Tags      []string        `json:"tags"`
	Subject   string          `json:"subject"`  // the values of the rule's group_by, joined by a comma and a blank
	Protocol  string          `json:"protocol"` // "" for a rule that looks at all protocols together
	State     string          `json:"state"`    // open
	Count     int64           `json:"count"`    // sign-ins; of an absence: how often it was noticed
	First     time.Time       `json:"first"`    // UTC
	Last      time.Time       `json:"last"`
	Exception *string         `json:"exception"` // none yet

	// Evidence points to at most three lines, in the order of files and of lines in them. That of a
	// sequence goes in the order of its steps, and of time within a step: the last line is one of the
	// last step, whatever file it stands in. Of several lines within a minute the first of the file
	// stands for all.
	Evidence []signin.Ref `json:"-"`
}

// Observed is what a pipeline saw of some logs.
type Observed struct {
	Usage   []signin.Usage
	Minutes []signin.Minute // in any order; several of one minute are added up
	Covered map[signin.Kind]signin.Span
}

// Broken is a rule that failed at run time.
type Broken struct {
	Rule  string
	Count int64  // sign-ins that it could not judge
	Error string // one reason, the same whatever the number of workers
}

const maxEvidence = 3

// noValue is how a subject names an empty value, such as the account of a nameless refusal.
const noValue = "(none)"

// Findings returns what the rules find, most severe first, then by rule, subject and protocol.
func (s *Set) Findings(o Observed) []Finding {
	found, broken := s.findings(o)
	s.mu.Lock()
	s.broken = broken
	s.mu.Unlock()
	return found
}

// Broken returns the rules that failed on a sign-in of the last Findings, by id.
func (s *Set) Broken() []Broken {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.broken)
}

func (s *Set) findings(o Observed) ([]Finding, []Broken) {
	c := collection{set: s, found: map[target]*Finding{}}
	for i := range o.Usage {
		c.row(&o.Usage[i], o.Covered)
	}
	c.firstSeen(o.Covered)
	c.minutes(o.Minutes, o.Covered)
	out := make([]Finding, 0, len(c.found))
	for _, f := range c.found {
		out = append(out, *f)
	}
	slices.SortFunc(out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Subject, b.Subject), strings.Compare(a.Protocol, b.Protocol))
	})
	return out, s.brokenOf(o.Usage)
}

func (s *Set) brokenOf(usage []signin.Usage) []Broken {
	counts := map[breach]int64{}
	for i := range usage {
		if a := s.of(usage[i].Hits); a != nil {
			for k, b := range a.ruling.broken {
				if k == 0 || b.rule != a.ruling.broken[k-1].rule { // a rule is broken once, in however many steps
					counts[b] += usage[i].Count
				}
			}
		}
	}
	return s.brokenBy(counts)
}

// brokenBy adds up by rule what its steps failed on.
func (s *Set) brokenBy(counts map[breach]int64) []Broken {
	s.mu.Lock()
	defer s.mu.Unlock()
	byRule := map[int32]*Broken{}
	for b, n := range counts {
		have := byRule[b.rule]
		if have == nil {
			have = &Broken{Rule: s.rules[b.rule].ID}
			byRule[b.rule] = have
		}
		have.Count += n
		if why := s.failures[b.cond]; have.Error == "" || why < have.Error {
			have.Error = why
		}
	}
	out := make([]Broken, 0, len(byRule))
	for _, b := range byRule {
		out = append(out, *b)
	}
	slices.SortFunc(out, func(a, b Broken) int { return strings.Compare(a.Rule, b.Rule) })
	return out
}

// A target is what one finding is about.
type target struct {
	rule              int32
	subject, protocol string
}

// A collection is findings while they are counted.
type collection struct {
	set   *Set
	found map[target]*Finding
	seen  map[target]*debut
	runs  map[target][]*minute // of sequences: the minutes that fire
}

// A debut is the first sign-in of a group that a first_seen rule looks at.
type debut struct {
	rows []*signin.Usage
}

// row counts a usage row for the rules that fire on it.
func (c *collection) row(u *signin.Usage, covered map[signin.Kind]signin.Span) {
	if u.Hits == nil || u.Count == 0 {
		return
	}
	for _, n := range u.Hits.Match {
		if n < 0 || int(n) >= len(c.set.rules) {
			continue
		}
		r := &c.set.rules[n]
		t := r.targetOf(n, u)
		if r.Type == FirstSeen {
			if c.seen == nil {
				c.seen = map[target]*debut{}
			}
			if c.seen[t] == nil {
				c.seen[t] = &debut{}
			}
			c.seen[t].rows = append(c.seen[t].rows, u)
			continue
		}
		t.protocol = u.Protocol.String()
		c.add(t, u.Count, u.First, u.Last, u.At)
	}
}

// targetOf names what the rule's group of a usage row is about.
func (r *compiled) targetOf(rule int32, u *signin.Usage) target {
	values := make([]string, r.visible)
	for i, f := range r.group[:r.visible] {
		values[i] = keyValue(f, u)
	}
	return r.target(rule, values)
}

// target names what a group of the rule is about. The protocol is a column of its own.
func (r *compiled) target(rule int32, values []string) target {
	t := target{rule: rule}
	var named []string
	for i, v := range values {
		if r.group[i] == protocolField {
			t.protocol = v
			if len(values) > 1 {
				continue
			}
		}
		if v == "" {
			v = noValue
		}
		named = append(named, v)
	}
	t.subject = strings.Join(named, ", ")
	return t
}

// add counts n sign-ins for a finding.
func (c *collection) add(t target, n, first, last int64, refs ...signin.Ref) {
	f := c.found[t]
	from, to := time.UnixMilli(first).UTC(), time.UnixMilli(last).UTC()
	if f == nil {
		r := &c.set.rules[t.rule]
		f = &Finding{ID: FindingID(r.ID, t.subject, t.protocol), Rule: r.ID, Name: r.Name, Severity: r.Severity, Level: r.Severity.String(),
			Tags: append([]string{}, r.Tags...), Subject: t.subject, Protocol: t.protocol, State: "open", First: from, Last: to}
		c.found[t] = f
	}
	f.Count += n
	if from.Before(f.First) {
		f.First = from
	}
	if to.After(f.Last) {
		f.Last = to
	}
	for _, at := range refs {
		f.Evidence = cite(f.Evidence, at)
	}
}

// cite keeps the earliest lines.
func cite(have []signin.Ref, at signin.Ref) []signin.Ref {
	i, there := slices.BinarySearchFunc(have, at, compareRefs)
	if there || i >= maxEvidence {
		return have
	}
	have = slices.Insert(have, i, at)
	return have[:min(len(have), maxEvidence)]
}

func compareRefs(a, b signin.Ref) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Offset, b.Offset))
}

// FindingID names a finding for ever: the same rule, subject and protocol have the same id.
func FindingID(rule, subject, protocol string) string {
	sum := sha256.Sum256([]byte(rule + "\x00" + subject + "\x00" + protocol))
	return base64.RawURLEncoding.EncodeToString(sum[:])[:22]
}

// firstSeen decides the rules of that type: a group whose first sign-in came after its kind of log
// had been covered for the baseline. What was there from the start may be older than the logs.
func (c *collection) firstSeen(covered map[signin.Kind]signin.Span) {
	for t, d := range c.seen {
		first := d.rows[0]
		for _, u := range d.rows[1:] {
			if u.First < first.First || u.First == first.First && u.At.Before(first.At) {
				first = u
			}
		}
		span, ok := covered[first.Kind]
		if !ok || first.First < span.From+c.set.rules[t.rule].Baseline.Milliseconds() {
			continue
		}
		for _, u := range d.rows {
			c.add(t, u.Count, u.First, u.Last, u.At)
		}
	}
}
