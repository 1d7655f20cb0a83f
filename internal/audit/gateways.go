package audit

import (
	"cmp"
	"slices"

	"github.com/outmode/outmode/internal/signin"
)

// Stats are what a correlation counted of a gateway, in the period that is judged.
type Stats struct {
	Events   int64 // each once
	Outcomes map[signin.FactorOutcome]int64
	Unjoined int64 // of users who may be any of several people
	Last     int64 // the last event, Unix milliseconds

	Named, Strangers int64 // events that show a user, and those of them whose user no other log and no map knows
	Decided, Nowhere int64 // events that say something of a logon, and those without the address that such a log has

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
	Near Skew
}

func (c *Correlator) report() []GatewayReport {
	var all []GatewayReport
	for i := range c.gateways {
		g := &c.gateways[i]
		if g.Kind == signin.UnknownKind {
			continue
		}
		all = append(all, GatewayReport{Gateway: g.Gateway, Declared: g.Declared, Logs: g.logs, Coverage: g.cover.all, Known: len(g.known), Stats: g.stats, Skew: g.stats.pairs.median(), Near: g.stats.wide.median()})
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
