package main

import (
	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
)

// wrongClock is by how much the clock of a gateway is wrong on most of the days that are judged on which it is, in
// milliseconds, and on how many of them; 0 if on none.
func wrongClock(g *audit.GatewayReport, set *audit.Setup) (ms int64, wrong, days int) {
	if g.Clock == nil {
		return 0, 0, 0
	}
	by := map[int64]int{}
	for t := set.From; t < set.To; t += dayMs - t%dayMs {
		days++
		if off := g.Clock.Doubt(t); off != 0 {
			wrong++
			by[off]++
			if n := by[off]; n > by[ms] || n == by[ms] && off < ms {
				ms = off
			}
		}
	}
	return ms, wrong, days
}

// noteClock says that a clock is wrong, and what that means.
func (r *mfaReport) noteClock(g *audit.GatewayReport, set *audit.Setup) {
	ms, wrong, days := wrongClock(g, set)
	if wrong == 0 {
		return
	}
	where := "behind"
	if ms > 0 {
		where = "ahead"
	}
	clock, zone := "", ""
	switch g.Kind { // whose times name no zone
	case signin.Monosign, signin.ADFSLog, signin.NPS:
		clock, zone = ", or the zone in which its log is read,", " the zone of its log (mfa.zones) or"
	}
	r.note("the clock of %s%s seems to be %s %s on %d of %s: its events are joined with nothing there, and what depends on them is unknown. Set the clock right, or declare%s a wider window (gateways)",
		g.ID, clock, plural(max(ms, -ms)/60_000, "minute"), where, wrong, plural(int64(days), "day"), zone)
}
