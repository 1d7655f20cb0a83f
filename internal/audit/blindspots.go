package audit

import (
	"cmp"
	"slices"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// What makes a gateway's events of little use for joining (M-31), as a record of the gateway says it in mfa_reason.
const (
	blindClock     = "clock"     // its clock is wrong by more than the window allows
	blindUsers     = "users"     // most users whom it names are nobody's account that is known
	blindAddresses = "addresses" // most events lack the address that such a log has
	blindColumns   = "columns"   // most events are of records without a field for the second factor
)

// fewest is how many events of an hour it takes to speak of most of them.
const fewest = 3

// A watched is what is seen of a gateway within an hour. Hours are small enough to be judged again whole when something
// late arrives, which is what makes the order of arrival not matter.
type watched struct {
	named, strangers    int64 // events that show a user, and those of nobody who is known
	decided, nowhere    int64 // events that say something of a logon, and those without an address
	mute                int64 // those whose record has no field for the second factor
	pairs, wide         histogram
	stranger, lost, far signin.Ref // the first event of each
	any                 signin.Ref // and of all
	events              int64
	silent              signin.Ref
}

type hourOf struct {
	gateway int
	hour    int64
}

func (c *Correlator) watch(gateway int, t int64) *watched {
	key := hourOf{gateway, t / hourMs}
	w := c.watched[key]
	if w == nil {
		w = &watched{}
		c.watched[key] = w
	}
	return w
}

// watchEvent counts an event for the hour of its gateway.
func (c *Correlator) watchEvent(e *event, m Match) {
	w, s := c.watch(e.gateway, e.Time), &Stats{}
	if c.set.From <= e.Time && e.Time < c.set.To {
		s = &c.gateways[e.gateway].stats
	}
	if w.events++; w.events == 1 {
		w.any = e.At
	}
	first := func(at *signin.Ref, n, all *int64) {
		*all++
		if *n++; *n == 1 {
			*at = e.At
		}
	}
	if Shows(e.Outcome) && e.User != "" && len(c.set.Identities.names) > 0 { // of nobody anything is known: who is to be found?
		w.named++
		s.Named++
		if m.Person == nil || m.Person.extra {
			first(&w.stranger, &w.strangers, &s.Strangers)
		}
	}
	if _, says := rankOf(e.MFAEvent); says && tellsAddress(e.Kind) {
		w.decided++
		s.Decided++
		if !located(e.Address) {
			first(&w.lost, &w.nowhere, &s.Nowhere)
		}
		if e.Outcome == signin.FactorUnknown && e.Reason == signin.NoFactorField {
			first(&w.silent, &w.mute, &s.Mute)
		}
	}
}

// tellsAddress reports whether the events of such a log have an address, if the gateway was given one.
func tellsAddress(k signin.Kind) bool {
	return k != signin.Monosign && k != signin.NPS && k != signin.Mapped
}

// recordGateways hands out what is wrong with gateways in the hours that end before an instant.
func (c *Correlator) recordGateways(before int64) {
	if c.set.Record == nil {
		clear(c.watched)
		return
	}
	var over []hourOf
	for key := range c.watched {
		if key.hour < before/hourMs {
			over = append(over, key)
		}
	}
	slices.SortFunc(over, func(a, b hourOf) int { return cmp.Or(cmp.Compare(a.hour, b.hour), cmp.Compare(a.gateway, b.gateway)) })
	for _, key := range over {
		w, g := c.watched[key], &c.gateways[key.gateway]
		delete(c.watched, key)
		t := key.hour * hourMs
		if t < c.set.From || t >= c.set.To {
			continue
		}
		say := func(wrong bool, why string, at signin.Ref) {
			if wrong {
				c.set.Record(&rules.Record{Gateways: true, Kind: g.Kind, Time: t, Gateway: g.ID, Reason: why, At: at})
			}
		}
		if g.doubted(t) != 0 {
			say(w.events > 0, blindClock, w.any)
		} else {
			say(g.astray(w.pairs.median(), w.wide.median()), blindClock, w.far)
		}
		say(w.named >= fewest && most(w.strangers, w.named), blindUsers, w.stranger)
		say(w.decided >= fewest && most(w.nowhere, w.decided), blindAddresses, w.lost)
		say(w.decided >= fewest && most(w.mute, w.decided), blindColumns, w.silent)
	}
}

func most(n, of int64) bool { return 2*n > of }

// astray reports whether a clock is wrong by more than the window allows: the events nearest to logons lie outside of it,
// and few that belong to one do not.
func (g *Gateway) astray(joined, near Skew) bool {
	return near.Pairs > 2*joined.Pairs && (near.Seconds > int64(g.After.Seconds()) || near.Seconds < -int64(g.Before.Seconds()))
}

// Astray reports whether the gateway's clock seems to be wrong by more than its window allows.
func (r *GatewayReport) Astray() bool { return r.astray(r.Skew, r.Near) }

// MostAreStrangers reports whether no other log and no map knows most users whom the gateway names.
func (r *GatewayReport) MostAreStrangers() bool { return most(r.Strangers, r.Named) }

// MostAreNowhere reports whether most events lack the address that such a log has.
func (r *GatewayReport) MostAreNowhere() bool { return most(r.Nowhere, r.Decided) }

// MostAreMute reports whether most events are of records that have no field for the second factor.
func (r *GatewayReport) MostAreMute() bool { return most(r.Mute, r.Decided) }
