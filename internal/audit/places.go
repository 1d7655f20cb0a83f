package audit

import (
	"net/netip"

	"github.com/outmode/outmode/internal/signin"
)

// A Pass is when a user first passed a second factor from an address, as far as it is known.
type Pass struct {
	Kind        signin.Kind
	Application string
	User        string
	Address     netip.Addr
	First       int64 // Unix milliseconds
}

// PassesIn lists the first passes of some events.
func PassesIn(events []signin.MFAEvent) (all []Pass) {
	at := map[Pass]int{}
	for i := range events {
		e := &events[i]
		if e.Outcome != signin.FactorPassed || !e.Address.IsValid() {
			continue
		}
		key := Pass{Kind: e.Kind, Application: e.Application, User: e.User, Address: e.Address}
		n, ok := at[key]
		if !ok {
			n = len(all)
			at[key] = n
			key.First = e.Time
			all = append(all, key)
		}
		all[n].First = min(all[n].First, e.Time)
	}
	return all
}

// located reports whether a log gave an address: 0.0.0.0 is none.
func located(a netip.Addr) bool { return a.IsValid() && !a.IsUnspecified() }

// places are where people passed a second factor, and since when. They are known of all time before anything is judged,
// and not learnt on the way: so a period says the same by itself and within a longer one.
type places struct {
	first map[int32]int64 // by person: the first pass from any address
	at    map[place]int64 // and from this one, also of those who may be the person
}

type place struct {
	who     int32
	address netip.Addr
}

// learnPlaces sorts passes by person. A name that may be somebody's makes no address new for them, and none known of them.
func (c *Correlator) learnPlaces(passes []Pass) {
	c.places = places{first: map[int32]int64{}, at: map[place]int64{}}
	earliest := func(at int64, known bool, have int64) int64 {
		if known {
			return min(at, have)
		}
		return at
	}
	note := func(p *Person, pass *Pass) int32 {
		key := place{c.number(p), pass.Address}
		have, known := c.places.at[key]
		c.places.at[key] = earliest(pass.First, known, have)
		return key.who
	}
	for i := range passes {
		pass := &passes[i]
		if !located(pass.Address) {
			continue
		}
		form := AnyForm
		if g := c.gatewayOf(pass.Kind, pass.Application, ""); g >= 0 {
			form = c.gateways[g].UserForm
		}
		m := c.set.Identities.Who(pass.User, form)
		for _, p := range m.Candidates {
			note(p, pass)
		}
		if m.Person == nil {
			continue
		}
		who := note(m.Person, pass)
		have, known := c.places.first[who]
		c.places.first[who] = earliest(pass.First, known, have)
		for _, p := range c.set.Identities.Namesakes(m.Person) {
			note(p, pass)
		}
	}
}

// newAddress reports whether a person passed a second factor before an event, and never from its address.
func (c *Correlator) newAddress(who *Person, e *event) bool {
	if who == nil || !located(e.Address) {
		return false
	}
	n := c.number(who)
	if first, ok := c.places.first[n]; !ok || first >= e.Time {
		return false
	}
	at, ok := c.places.at[place{n, e.Address}]
	return !ok || at >= e.Time
}
