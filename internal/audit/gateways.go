package audit

import (
	"cmp"
	"slices"

	"github.com/outmode/outmode/internal/signin"
)

// A gateway is one with what was read of it.
type gateway struct {
	Gateway
	Declared bool
	cover    cover
	outside  []signin.Protocol // of its Entries, those that it protects from outside only
	past     []signin.Protocol // entry points that a proxy leads to past it
	logs     int
	known    map[int32]bool
	maybe    map[int32]bool // people of whom an ambiguous name may be
	habit    map[int64]int  // by hour
	usual    map[int64]bool // by day: whether its silence says something
	times    []int64        // of events
	stats    Stats
	timing   *timing // nil once it is known which clocks are wrong
	clock    *Clock  // nil if it is right
}

type appKey struct {
	kind        signin.Kind
	application string
	server      string
}

// learn finds out on which days silence says something: those of which the median hour, of the hours with any event, has
// enough of them. Hours without one are left out: at night nobody logs on.
func (g *gateway) learn() {
	days := map[int64][]int{}
	for hour, n := range g.habit {
		if n > 0 {
			days[hour/24] = append(days[hour/24], n)
		}
	}
	for day, counts := range days {
		slices.Sort(counts)
		g.usual[day] = counts[len(counts)/2] >= silenceOf
	}
}

// usualOn reports whether silence on a day says something. Of a day without any event the nearest day with one tells: the
// longest outage must not be the one that is not seen.
func (g *gateway) usualOn(day int64) bool {
	for d := range int64(HabitDays + 1) {
		if usual, ok := g.usual[day-d]; ok {
			return usual
		}
		if usual, ok := g.usual[day+d]; ok {
			return usual
		}
	}
	return false
}

// HabitDays is how many days before and behind those that are judged Habits must tell of.
const HabitDays = 7

// gatewayOf returns the place of the gateway that an event belongs to, -1 for none. server is the one that wrote it.
func (c *Correlator) gatewayOf(k signin.Kind, application, server string) int {
	key := appKey{k, application, server}
	if i, ok := c.ofApp[key]; ok {
		return i
	}
	rest, named := []int{}, []int{}
	for _, i := range c.byKind[k] {
		switch g := &c.gateways[i]; {
		case len(g.Applications) == 0:
			rest = append(rest, i)
		case g.named(application):
			named = append(named, i)
		}
	}
	if len(named) == 0 {
		named = rest
	}
	found := -1
	for _, i := range named {
		g := &c.gateways[i]
		own := server != "" && !slices.Contains(g.Servers, AllServers) && g.onServer(server)
		if found < 0 || own {
			found = i
		}
		if own {
			break
		}
	}
	if len(c.ofApp) >= maxAsked {
		clear(c.ofApp)
	}
	c.ofApp[key] = found
	return found
}

// Stats are what a correlation counted of a gateway, in the period that is judged.
type Stats struct {
	Events   int64 // each once
	Outcomes map[signin.FactorOutcome]int64
	Unjoined int64 // of users who may be any of several people
	Last     int64 // the last event, Unix milliseconds

	Named, Strangers int64 // events that show a user, and those of them whose user no other log and no map knows
	Decided, Nowhere int64 // events that say something of a logon, and those without the address that such a log has
	Mute             int64 // of Decided, those whose record has no field for the second factor

	pairs, wide histogram
}

// A Skew is how far events lie behind the logons that they belong to: the time that people take, and the difference of two
// clocks.
type Skew struct {
	Seconds int64 // the median; negative if events come first
	Pairs   int64 // that it was taken from
}

// minPairs is how many pairs it takes to speak of a median.
const minPairs = 3

// A GatewayReport is what is known of a gateway after a correlation.
type GatewayReport struct {
	Gateway
	Declared bool
	Logs     int      // that were read
	Coverage Coverage // of all servers together
	Known    int      // people of whom it ever told
	Stats
	Skew Skew // of the events that are joined; Pairs is 0 where there are too few
	// Near is the median of the nearest event of a person within half an hour of each logon, joined or not. Where it is
	// far from Skew, the clock of the gateway is wrong by more than the window allows.
	Near  Skew
	Clock *Clock // by how much its times are wrong; nil if they are right
}

func (c *Correlator) report() []GatewayReport {
	var all []GatewayReport
	for i := range c.gateways {
		g := &c.gateways[i]
		if g.Kind == signin.UnknownKind {
			continue
		}
		all = append(all, GatewayReport{Gateway: g.Gateway, Declared: g.Declared, Logs: g.logs, Coverage: g.cover.all, Known: len(g.known), Stats: g.stats, Skew: g.stats.pairs.median(), Near: g.stats.wide.median(), Clock: g.clock})
	}
	slices.SortFunc(all, func(a, b GatewayReport) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

func (s *Stats) pair(ms int64) { s.pairs.add(ms) }
func (s *Stats) near(ms int64) { s.wide.add(ms) }

// A histogram counts seconds, so that a median needs no list.
type histogram struct {
	of map[int64]int64
	n  int64
}

func (h *histogram) add(ms int64) {
	if h.of == nil {
		h.of = map[int64]int64{}
	}
	s := ms / 1000
	if ms < 0 && ms%1000 != 0 {
		s--
	}
	h.of[s]++
	h.n++
}

func (h *histogram) median() Skew {
	if h.n < minPairs {
		return Skew{}
	}
	var seconds []int64
	for s := range h.of {
		seconds = append(seconds, s)
	}
	slices.Sort(seconds)
	left := (h.n - 1) / 2
	for _, s := range seconds {
		if left -= h.of[s]; left < 0 {
			return Skew{s, h.n}
		}
	}
	return Skew{}
}
