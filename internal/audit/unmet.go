package audit

import (
	"net/netip"
	"slices"
	"time"

	"github.com/outmode/outmode/internal/signin"
)

// unmetAfter is how long a person has to give the second factor that was asked for, or to get it right: who signs in with
// one is interrupted first, every time, and taps wrongly now and then.
const unmetAfter = 10 * time.Minute

// metTries bounds how many successes are held against one refusal: anybody who has the password makes many of both.
const metTries = 16

// An asking is an event, until it is known what came of it where a second factor was asked for.
type asking struct {
	gateway  string
	event    *event
	who      *Person
	replayed bool
	issuer   signin.Issuer // what is known of it now: later it is another hour's
}

// asks reports whether an event says that the password was right, and that a second factor was asked for and not given,
// or that a policy refused what a password alone would have let in.
func asks(e *signin.MFAEvent) bool {
	if refused(e.Outcome) {
		return true
	}
	if e.Kind != signin.Entra && e.Kind != signin.UAL {
		return false
	}
	switch e.Reason {
	case "50072", "50074", "50076", "50078", "50079", "50158":
		return e.Outcome == signin.FirstFactorOK
	case "53003":
		return e.Outcome == signin.FirstFactorOK || e.Outcome == signin.FactorUnknown
	}
	return false
}

// meets reports whether an event says that its user got through. Of a success the Unified Audit Log does not say how, but
// of what is asked in a browser it would not tell one otherwise.
func meets(e *signin.MFAEvent) bool {
	if _, ok := good(e.Outcome); ok {
		return true
	}
	return e.Kind == signin.UAL && e.Outcome == signin.FactorUnknown && (e.Reason == "OAuth2:Authorize" || e.Reason == "Login:login" || e.Reason == "Login:reprocess" || e.Reason == "SAS:EndAuth" || e.Reason == "SAS:ProcessAuth")
}

// noteMet notes when somebody got through, and from where. The zero Addr stands for every address, :: for none.
func (c *Correlator) noteMet(e *signin.MFAEvent, who *Person) {
	if !meets(e) {
		return
	}
	n := c.asker(who, e.User)
	for _, from := range [...]netip.Addr{{}, address(e)} {
		c.met[origin{n, from}] = append(c.met[origin{n, from}], e.Time)
	}
}

// address is that of an event, :: where none is known.
func address(e *signin.MFAEvent) netip.Addr {
	if !located(e.Address) {
		return netip.IPv6Unspecified()
	}
	return e.Address
}

// asker is the number of a person, or of a name that is nobody's for certain.
func (c *Correlator) asker(who *Person, text string) int32 {
	if who != nil {
		return c.number(who)
	}
	return c.stranger(take(text).text())
}

// stranger is what stands for an account that is nobody's for certain.
func (c *Correlator) stranger(account string) int32 {
	n, ok := c.nobody[account]
	if !ok {
		n = int32(len(c.people) + len(c.nobody))
		c.nobody[account] = n
	}
	return n
}

// tellAskings hands out what was asked before an instant, behind which all answers are known.
func (c *Correlator) tellAskings(before int64) {
	n := 0
	for ; n < len(c.askings) && c.askings[n].event.Time < before; n++ {
		a := &c.askings[n]
		c.tellEvent(a, asks(a.event.MFAEvent) && c.answered(a) && c.unmet(a))
	}
	c.askings = slices.Delete(c.askings, 0, n)
}

// answered reports whether the log was read as far as answers come: what is not there is not told yet, or was lost.
func (c *Correlator) answered(a *asking) bool {
	e := a.event
	cover, ok := c.kinds[e.Kind]
	if e.gateway >= 0 {
		cover = c.gateways[e.gateway].cover.all
	} else if !ok {
		cover = NewCoverage(slices.DeleteFunc(slices.Clone(c.set.Sources), func(s Source) bool { return s.Kind != e.Kind }))
		c.kinds[e.Kind] = cover
	}
	return cover.Covers(e.Time, e.Time+unmetAfter.Milliseconds())
}

// unmet reports whether nobody got through with that account afterwards from that address. What has no address may be from
// any.
func (c *Correlator) unmet(a *asking) bool {
	n, e := c.asker(a.who, a.event.User), a.event.MFAEvent
	places := []netip.Addr{{}}
	if located(e.Address) {
		places = []netip.Addr{e.Address, netip.IPv6Unspecified()}
	}
	for _, from := range places {
		times := c.met[origin{n, from}]
		i, _ := slices.BinarySearch(times, e.Time)
		for tries := 0; i < len(times) && times[i] <= e.Time+unmetAfter.Milliseconds() && tries < metTries; tries++ {
			if !c.byPassword(n, times[i]) {
				return false
			}
			i++
		}
	}
	return true
}

// byPassword reports whether somebody signed in at an instant by giving a password to the client.
func (c *Correlator) byPassword(who int32, at int64) bool {
	i, _ := slices.BinarySearchFunc(c.pending, at, func(it item, t int64) int { return int(min(max(it.t-t, -1), 1)) })
	for ; i < len(c.pending) && c.pending[i].t == at; i++ {
		if it := &c.pending[i]; it.way.who == who && it.use.Way.Auth == signin.Basic {
			return true
		}
	}
	return false
}

// forgetMet lets go of who got through before an instant.
func (c *Correlator) forgetMet(before int64) {
	for o, times := range c.met {
		if i, _ := slices.BinarySearch(times, before); i == len(times) {
			delete(c.met, o)
		} else if i > 0 {
			c.met[o] = slices.Clone(times[i:])
		}
	}
}
