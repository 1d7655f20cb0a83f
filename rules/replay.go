package rules

import (
	"slices"
	"strings"

	"github.com/outmode/outmode/internal/signin"
)

// A Replay says which findings a changed set would open, keep and lose over what was observed under the old one.
type Replay struct {
	Opened     []Finding // as the new set tells them
	Kept       []Kept
	Lost       []Finding // as the old set tells them
	Added      []string  // ids of rules that only the new set has, sorted
	Removed    []string  // ids of those that only the old one has
	Changed    []Change
	Unplayable []Unplayable
	Broken     []Broken // rules of the new set that failed
	Unjudged   int64    // sign-ins on which a changed rule was not judged: their accounts are not told apart
}

// A Kept is a finding of both sets, as the new one tells it.
type Kept struct {
	Finding
	Before int64 // its count under the old set
}

// An Unplayable is a rule of the new set of which what was observed cannot tell the findings.
type Unplayable struct {
	Rule     string
	Field    string // of sign-ins, or the key of the rule, that stands in the way
	Reason   string
	Findings int // that it has under the old set; they are neither kept nor lost
}

// NewReplay judges what was observed under old by both sets. Rows bear hits of old, and minutes its numbers.
//
// A rule that reads no more than the key of a row tells is judged again. Of any other, what was observed holds as long
// as both sets define it alike; of old it is taken to hold anyway.
func NewReplay(old, changed *Set, o Observed) *Replay {
	was, is := newRetrial(old), newRetrial(changed)
	r := &Replay{}
	for n := range old.rules {
		was.kept[old.rules[n].ID] = true
		if _, ok := changed.Number(old.rules[n].ID); !ok {
			r.Removed = append(r.Removed, old.rules[n].ID)
		}
	}
	unplayable := map[string]*Unplayable{}
	for n := range changed.rules {
		x := &changed.rules[n]
		before, known := old.Number(x.ID)
		var differs []Change
		if known {
			differs = unlike(x.ID, old.definition(before), changed.definition(int32(n)))
			r.Changed = append(append(r.Changed, unlike(x.ID, old.rules[before].wording(), x.wording())...), differs...)
		} else {
			r.Added = append(r.Added, x.ID)
		}
		if is.kept[x.ID] = known && len(differs) == 0; is.kept[x.ID] {
			continue
		}
		if u := changed.unplayable(int32(n), differs); u != nil {
			unplayable[x.ID] = u
		}
	}
	found := old.Decide(was.observed(o, old))
	after, broken := changed.findings(is.observed(o, old))
	r.Broken, r.Unjudged = broken, is.unjudged
	r.compare(found, after, unplayable)
	for _, u := range unplayable {
		r.Unplayable = append(r.Unplayable, *u)
	}
	slices.Sort(r.Added)
	slices.Sort(r.Removed)
	slices.SortFunc(r.Unplayable, func(a, b Unplayable) int { return strings.Compare(a.Rule, b.Rule) })
	slices.SortStableFunc(r.Changed, func(a, b Change) int { return strings.Compare(a.Rule, b.Rule) })
	return r
}

// compare sorts findings by what becomes of them.
func (r *Replay) compare(before, after []Finding, unplayable map[string]*Unplayable) {
	had := map[string]int64{}
	for i := range before {
		had[before[i].ID] = before[i].Count
	}
	has := map[string]bool{}
	for _, f := range after {
		has[f.ID] = true
		if n, ok := had[f.ID]; ok {
			r.Kept = append(r.Kept, Kept{f, n})
		} else {
			r.Opened = append(r.Opened, f)
		}
	}
	for _, f := range before {
		if u := unplayable[f.Rule]; u != nil {
			u.Findings++
		} else if !has[f.ID] {
			r.Lost = append(r.Lost, f)
		}
	}
}

// A retrial judges usage rows by a set for which they were not folded.
type retrial struct {
	set      *Set
	judge    *Judge
	exact    []bool          // of each rule: rows tell all that it reads
	kept     map[string]bool // ids of rules of which what is stored holds
	stored   map[*signin.Hits]*signin.Hits
	unjudged int64
	signIn   signin.SignIn
}

func newRetrial(s *Set) *retrial {
	t := &retrial{set: s, judge: s.NewJudge(), exact: make([]bool, len(s.rules)), kept: map[string]bool{}, stored: map[*signin.Hits]*signin.Hits{}}
	for n := range s.rules {
		t.exact[n] = s.unplayable(int32(n), nil) == nil
	}
	t.signIn = signin.SignIn{Verdict: signin.SignInLine, Client: &signin.Client{}, Address: &signin.Address{}, Facts: &signin.Facts{}}
	return t
}

// observed is what was observed as this set sees it.
func (t *retrial) observed(o Observed, old *Set) Observed {
	out := Observed{Usage: slices.Clone(o.Usage), Covered: o.Covered}
	for i := range out.Usage {
		u := &out.Usage[i]
		stored := t.recall(old, u.Hits)
		if u.Account == signin.OtherAccounts() {
			u.Hits = t.crowd(u, stored)
			continue
		}
		u.Hits = t.join(u, stored, func(n int32) bool { return t.exact[n] })
	}
	for _, m := range o.Minutes {
		if id := old.ID(m.Rule); t.kept[id] {
			m.Rule, _ = t.set.Number(id)
			out.Minutes = append(out.Minutes, m)
		}
	}
	return out
}

// recall returns the hits of this set for what is stored, as far as it holds.
func (t *retrial) recall(old *Set, h *signin.Hits) *signin.Hits {
	if have, ok := t.stored[h]; ok {
		return have
	}
	v := old.Verdict(h)
	v.Match = slices.DeleteFunc(v.Match, func(id string) bool { return !t.kept[id] })
	v.Broken = slices.DeleteFunc(v.Broken, func(text string) bool {
		id, _, _ := strings.Cut(text, " ")
		return !t.kept[id]
	})
	made, _ := t.set.Recall(v)
	t.stored[h] = made
	return made
}

// join judges a row by the rules that again chooses, and takes what is stored for the others.
func (t *retrial) join(u *signin.Usage, stored *signin.Hits, again func(rule int32) bool) *signin.Hits {
	s := &t.signIn
	s.Protocol, s.Auth, s.Mechanism, s.Outcome, s.Evidence, s.Traffic = u.Protocol, u.Auth, u.Mechanism, u.Outcome, u.Evidence, u.Traffic
	s.Server, s.Account, s.Internal, s.Backend = u.Server, u.Account, u.Internal, u.Backend
	s.Client.Family, s.Client.Modern, s.Facts.Kind = u.Client, u.Modern, u.Kind
	judged, kept := t.set.of(t.judge.Row(s)).ruling, t.set.of(stored).ruling
	r := &ruling{}
	for _, from := range []struct {
		*ruling
		again bool
	}{{judged, true}, {kept, false}} {
		for _, n := range from.match {
			if again(n) == from.again {
				r.match = append(r.match, n)
			}
		}
		for _, b := range from.broken {
			if again(b.rule) == from.again {
				r.broken = append(r.broken, b)
			}
		}
	}
	return t.set.answer(r).hits
}

// crowd judges a row of the accounts that are not told apart. Its sign-ins were judged when their accounts were known:
// what is stored holds, and a rule of which nothing is stored is judged only if it does not look at who it was.
func (t *retrial) crowd(u *signin.Usage, stored *signin.Hits) *signin.Hits {
	blurred := setOf(userField, domainField, privilegedField, clientField, modernField)
	left := false
	for n := range t.set.rules {
		left = left || t.anew(int32(n)) && t.set.looksAt(int32(n))&blurred != 0
	}
	if left {
		t.unjudged += u.Count
	}
	return t.join(u, stored, func(n int32) bool { return t.anew(n) && t.set.looksAt(n)&blurred == 0 })
}

// anew reports whether rows tell all of a rule of which nothing is stored.
func (t *retrial) anew(rule int32) bool { return t.exact[rule] && !t.kept[t.set.rules[rule].ID] }
