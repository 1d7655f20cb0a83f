package audit

import (
	"net/netip"
	"slices"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// recordLogon hands out a logon for rules to look at.
func (c *Correlator) recordLogon(it *item, v *Verdict) {
	if c.set.Record == nil {
		return
	}
	w := v.Way
	r := rules.Record{Kind: w.Kind, Time: v.Time, Server: w.Server, Privileged: w.Privileged, Protocol: w.Entry, Auth: w.Auth, Mechanism: w.Mechanism, Outcome: signin.Success, Evidence: w.Evidence, Client: w.Client,
		Internal: w.Internal, Backend: w.Backend, Address: v.Address, MFA: v.MFA, Reason: v.Cause.String(), Gateway: v.Gateway, Enrolled: c.enrolled(it.way.who)}
	if r.At = it.use.At; it.use.First != v.Time {
		r.At.Length = 0 // the line is another one
	}
	if e := v.Event; e != nil {
		r.Result, r.Factor, r.Application = e.Outcome, e.Factor, e.Application
		if v.Cause == Said {
			r.Reason = e.Reason
		}
	}
	names(&r, v.Person, v.Account)
	c.set.Record(&r)
}

// recordEvent hands out an event, or keeps it until it is known what came of it. gateway is the id of its gateway, or the
// kind of its log.
func (c *Correlator) recordEvent(gateway string, e *event, who *Person) {
	if c.set.Record == nil || c.refusedElsewhere(e.MFAEvent) {
		return
	}
	a := asking{gateway, e, who, c.replayed(e), c.issuer(e.MFAEvent)}
	if asks(e.MFAEvent) {
		c.askings = append(c.askings, a)
		return
	}
	c.tellEvent(&a, false)
}

// inside reports whether an address is one of the organisation's.
func (c *Correlator) inside(a netip.Addr) bool {
	return slices.ContainsFunc(c.set.Inside, func(p netip.Prefix) bool { return p.Contains(a) })
}

func (c *Correlator) tellEvent(a *asking, unmet bool) {
	e, who := a.event, a.who
	r := rules.Record{Event: true, Unmet: unmet, Kind: e.Kind, Time: e.Time, Server: e.Gateway, Address: e.Address, MFA: said(e.Outcome), Reason: e.Reason, Factor: e.Factor, Result: e.Outcome, Application: e.Application,
		Gateway: a.gateway, Outcome: e.SignIn, Replayed: a.replayed, Issuer: a.issuer, Policy: e.Policy, At: e.At}
	r.Internal = c.inside(e.Address)
	if who != nil {
		r.Enrolled, r.NewAddress = c.enrolled(c.number(who)), c.newAddress(who, e)
	}
	names(&r, who, e.User)
	c.set.Record(&r)
}

// names says who a record is about: the person where that is certain, else the text of the log.
func names(r *rules.Record, who *Person, text string) {
	var w written
	if who != nil {
		r.Subject, w = who.Name, who.named
	} else if w = take(text); w.realm != "" {
		r.Subject = w.text()
	} else {
		r.Subject = w.name
	}
	r.User, r.Domain = w.name, w.realm
}

// enrolled reports whether some gateway ever told of a person.
func (c *Correlator) enrolled(who int32) bool {
	for i := range c.gateways {
		if c.gateways[i].known[who] {
			return true
		}
	}
	return false
}

// said is what an event says of a second factor by itself.
func said(o signin.FactorOutcome) signin.MFA {
	if m, ok := good(o); ok {
		return m
	}
	if refused(o) {
		return signin.MFADenied
	}
	return signin.MFAUnknown
}
