package ingest

import (
	"cmp"
	"maps"
	"slices"

	"github.com/outmode/outmode/internal/signin"
)

// An UndatedFactor is what lines without a time tell of second factors: as much as can be said where nobody knows when.
// Of a store Outcome is NoFactor, and the one of Reasons says in words what the lines are.
type UndatedFactor struct {
	Kind    signin.Kind
	Outcome signin.FactorOutcome
	Lines   int64
	Users   Names // in lower case, as far as that is ASCII
	Reasons Names // of the gateway: its words, and the paths that it let through
}

// Names are different texts, sorted, of which a log may hold any number.
type Names struct {
	All  []string
	More bool // there are more than are told apart
}

// Bounds of a set of names, whatever a log says.
const (
	maxNames    = 256
	maxNameSize = 256
)

type undatedKey struct {
	kind    signin.Kind
	outcome signin.FactorOutcome
}

type undatedCount struct {
	lines          int64
	users, reasons nameSet
	user           []byte // of the last line, in lower case
}

// A nameSet holds the first maxNames different texts. Whether there are more does not depend on their order.
type nameSet struct {
	all  map[string]struct{}
	more bool
}

func (n *nameSet) add(text []byte) {
	if len(text) == 0 {
		return
	}
	if _, ok := n.all[string(text)]; ok {
		return
	}
	if len(n.all) >= maxNames || len(text) > maxNameSize {
		n.more = true
		return
	}
	if n.all == nil {
		n.all = map[string]struct{}{}
	}
	n.all[string(text)] = struct{}{}
}

func (n *nameSet) merge(o *nameSet) {
	for text := range o.all {
		n.add([]byte(text))
	}
	n.more = n.more || o.more
}

func (n *nameSet) names() Names { return Names{slices.Sorted(maps.Keys(n.all)), n.more} }

// undatedFactors adds them up.
type undatedFactors map[undatedKey]*undatedCount

func (u undatedFactors) of(k undatedKey) *undatedCount {
	if u[k] == nil {
		u[k] = &undatedCount{}
	}
	return u[k]
}

func (u undatedFactors) add(kind signin.Kind, m *signin.MFAFacts) {
	c := u.of(undatedKey{kind, m.Outcome})
	c.lines++
	c.user = append(c.user[:0], m.User...)
	for i, b := range c.user {
		if 'A' <= b && b <= 'Z' {
			c.user[i] = b + 'a' - 'A'
		}
	}
	c.users.add(c.user)
	c.reasons.add(m.Reason)
}

func (u undatedFactors) merge(o undatedFactors) {
	for k, from := range o {
		c := u.of(k)
		c.lines += from.lines
		c.users.merge(&from.users)
		c.reasons.merge(&from.reasons)
	}
}

func (u undatedFactors) list() (all []UndatedFactor) {
	for k, c := range u {
		all = append(all, UndatedFactor{k.kind, k.outcome, c.lines, c.users.names(), c.reasons.names()})
	}
	slices.SortFunc(all, func(a, b UndatedFactor) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Outcome, b.Outcome))
	})
	return all
}
