package audit_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
)

// days is a correlation of some days of 20,000 people: 200,000 hour rows at protected entry points and 100,000 events in
// each of them, by hours.
func days(n int) (audit.Setup, []audit.Hour) {
	people, rows := 20_000, 200_000
	if testing.Short() {
		people, rows = people/20, rows/20
	}
	rng := rand.New(rand.NewPCG(1, 2))
	ways := make([][2]*audit.Way, people)
	var known audit.Known
	for i := range ways {
		account := fmt.Sprintf(`contoso\user%05d`, i)
		known.Proven = append(known.Proven, account)
		ways[i] = [2]*audit.Way{{Account: account, Server: "EX01", Entry: signin.OWA, Client: "chrome"}, {Account: account, Server: "EX02", Entry: signin.ECP, Client: "edge"}}
	}
	hours := make([]audit.Hour, 24*n)
	start := at("00:00")
	for i := range hours {
		hours[i].From = start + int64(i)*3_600_000
		hours[i].To = hours[i].From + 3_600_000
	}
	put := func(t int64) *audit.Hour { return &hours[(t-start)/3_600_000] }
	for day := range n {
		for i := range rows {
			t := start + int64(day)*86_400_000 + rng.Int64N(86_400_000-600_000)
			who := rng.IntN(people)
			from := netip.AddrFrom4([4]byte{10, byte(who >> 8), byte(who), byte(rng.IntN(3))})
			h := put(t)
			h.Uses = append(h.Uses, audit.Use{Way: ways[who][rng.IntN(2)], Address: from, First: t, Last: t, Minutes: 1})
			if i%2 == 0 {
				e := signin.MFAEvent{Kind: signin.Duo, Time: t + rng.Int64N(60_000), User: fmt.Sprintf("user%05d", who), Application: "OWA", Address: from, Factor: "duo_push", Outcome: signin.FactorPassed,
					Reason: "user_approved", Transaction: fmt.Sprintf("%d-%d", day, i)}
				put(e.Time).Events = append(put(e.Time).Events, e)
			}
		}
	}
	set := audit.Setup{Sources: []audit.Source{{Kind: signin.Duo, First: start, Last: hours[len(hours)-1].To}}, From: start, To: hours[len(hours)-1].To, Identities: audit.NewIdentities(known)}
	for i := range hours {
		set.Habits = append(set.Habits, audit.HabitsIn(hours[i].Events)...)
		set.Seen = append(set.Seen, audit.SeenIn(hours[i].Events)...)
	}
	return set, hours
}

// P11: a day costs less than 3 s of CPU, two of them at most 2.2 times as much.
func BenchmarkCorrelation(b *testing.B) {
	for n := 1; n <= 2; n++ {
		set, hours := days(n)
		b.Run(fmt.Sprintf("days=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				judged := 0
				set.Judged = func(*audit.Verdict) { judged++ }
				c := audit.NewCorrelator(set)
				for _, h := range hours {
					c.Feed(h)
				}
				c.Close()
				b.ReportMetric(float64(judged), "logons")
			}
		})
	}
}
