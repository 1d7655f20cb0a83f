package sqlite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// periodOf is whole days, the last one included.
func periodOf(from, to time.Time) Period {
	return Period{From: from.UnixMilli(), To: to.Add(aDay).UnixMilli()}
}

func (k *kept) usageBy(p Period, by ...signin.Column) *Grouped {
	k.t.Helper()
	g, err := k.Usage(context.Background(), UsageFilter{p}, by...)
	if err != nil {
		k.t.Fatal(err)
	}
	return g
}

// By whatever columns, the groups add up to what the result of the same period counts, and every line that is a sign-in
// is told of once: before and after rows of hours and days were dropped.
func TestUsageAddsUp(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	tenDays(k)
	k.read()
	first := k.clock.Add(-10 * aDay)
	periods := []Period{{}, periodOf(first, first), periodOf(first.Add(2*aDay), first.Add(8*aDay)), periodOf(first.Add(8*aDay), first.Add(9*aDay)), periodOf(first.Add(30*aDay), first.Add(31*aDay))}
	check := func(when string, kept bool) {
		t.Helper()
		k.sound()
		for _, p := range periods {
			r, err := k.Result(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			for c := range signin.Column(len(signin.Words("column"))) {
				for _, by := range [][]signin.Column{{c}, {c, signin.ByServer, signin.ByUser}, {signin.ByProtocol, c}, {signin.ByDay, c}, {signin.ByHour, c}} {
					g := k.usageBy(p, by...)
					var counted, refused int64
					for i := range g.Groups {
						counted, refused = counted+g.Groups[i].Count, refused+g.Groups[i].Refused
					}
					what := fmt.Sprint(when, ", ", p, " by ", columnsOf(by))
					if counted != g.Counted || g.Counted+g.NotKept != r.Counted || g.ToldTwice != r.ToldTwice || g.Waiting != r.Waiting || g.Lines != r.Lines.SignIn {
						t.Fatalf("%s: %+v; the result has %d counted, %d told twice, %d waiting of %d", what, g, r.Counted, r.ToldTwice, r.Waiting, r.Lines.SignIn)
					}
					if g.Lines != g.Counted+g.NotKept+g.ToldTwice+g.Waiting {
						t.Fatalf("%s: %+v does not add up", what, g)
					}
					if kept && g.NotKept > 0 || g.NotKept > 0 && g.KeptFrom == 0 {
						t.Fatalf("%s: %d are not kept, kept from %d", what, g.NotKept, g.KeptFrom)
					}
					if counted > 0 && refused == 0 && p == (Period{}) {
						t.Fatalf("%s: nobody was refused", what)
					}
				}
			}
		}
	}
	check("while hours wait", true)
	k.settle()
	check("settled", true)
	k.opt.Retention = short()
	k.prune()
	check("pruned", false)
}

// What is not kept any more is left out and told of; what is kept is there to the minute.
func TestUsageByHourAndDay(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	tenDays(k)
	k.read()
	k.settle()
	k.opt.Retention = short()
	k.prune()
	said := func(g *Grouped, by ...signin.Column) string {
		var all []string
		for i := range g.Groups {
			x := &g.Groups[i]
			text := ""
			for _, c := range by {
				text += x.Value(c) + " "
			}
			all = append(all, fmt.Sprint(text, x.Count, "/", x.Refused, " ", x.Last-x.First))
		}
		return strings.Join(all, "\n")
	}
	hours := k.usageBy(Period{}, signin.ByHour, signin.ByUser)
	var want []string
	for _, day := range []string{"17", "18", "19"} {
		want = append(want, "2026-10-"+day+"T08:00:00Z contoso\\anna 3/0 120000", "2026-10-"+day+"T14:00:00Z contoso\\ben 2/0 1000", "2026-10-"+day+"T15:00:00Z contoso\\carla 4/4 180000")
	}
	if got := said(hours, signin.ByHour, signin.ByUser); got != strings.Join(want, "\n") {
		t.Errorf("by hour:\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	if hours.KeptFrom != clock("2026-10-17").UnixMilli() || hours.NotKept != 7*9 {
		t.Errorf("hours are kept from %v, and %d sign-ins before", instant(hours.KeptFrom), hours.NotKept)
	}
	days := k.usageBy(Period{}, signin.ByDay)
	want = nil
	for day := 14; day < 20; day++ {
		want = append(want, fmt.Sprintf("2026-10-%d 9/4 25380000", day))
	}
	if got := said(days, signin.ByDay); got != strings.Join(want, "\n") || days.KeptFrom != clock("2026-10-14").UnixMilli() || days.NotKept != 4*9 {
		t.Errorf("by day:\n%s\nkept from %v, %d before", got, instant(days.KeptFrom), days.NotKept)
	}
	if g := k.usageBy(Period{}, signin.ByOutcome); g.Counted != 10*9 || g.NotKept != 0 || len(g.Groups) != 2 || g.Groups[0].Outcome != signin.Success || g.Groups[1].Refused != 40 {
		t.Errorf("over all time: %+v", g)
	}
}

// A server is one, whichever of its names a log used.
func TestUsageByServerKnowsItsNames(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	tenDays(k)
	k.read()
	k.settle()
	k.exec("INSERT INTO server_address (ip, name) VALUES (x'c000020a', 'EX01.contoso.com')")
	k.exec("UPDATE server SET name = '192.0.2.10' WHERE name = 'EX01'")
	for _, by := range [][]signin.Column{{signin.ByServer}, {signin.ByDay, signin.ByServer}} {
		for _, x := range k.usageBy(Period{}, by...).Groups {
			if x.Server != "EX01" {
				t.Errorf("%+v", x)
			}
		}
	}
	if c := k.usageBy(Period{}).Coverage; len(c) != 2 || c[0].Server != "EX01" || c[0].Kind != signin.IIS || c[1].Kind != signin.HTTPProxy {
		t.Errorf("%+v", c)
	}
}

// The gaps of a period are those of all time, cut at its edges: silence that begins before it is as long as it is.
func TestCoverageOfAPeriod(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	silent := func(at time.Time) bool {
		return at.Day() == 6 && at.Hour() == 23 || at.Day() == 7 && at.Hour() == 0 || at.Day() == 8 && at.Hour() < 5 || at.Day() == 9 && at.Hour() == 0
	}
	k.heardFrom("EX01", signin.IIS, signin.EWS, "2026-10-05", "2026-10-12", func(at time.Time) bool { return !silent(at) && at.Hour() < 20 })
	k.heardFrom("EX01", signin.IIS, signin.MAPI, "2026-10-05", "2026-10-12", func(at time.Time) bool { return !silent(at) && at.Hour() >= 20 })
	k.heardFrom("EX01", signin.IMAPLog, signin.IMAP, "2026-10-05", "2026-10-06", inTheOffice)
	said := func(p Period) string {
		t.Helper()
		all, err := k.Coverage(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		var text []string
		for i := range all {
			c := &all[i]
			s := fmt.Sprint(c.Server, " ", c.Kind, " ", instant(c.From).Format("02 15:04"), "-", instant(c.To).Format("02 15:04"), " ", c.Complete)
			for _, g := range c.Gaps {
				s += " [" + instant(g.From).Format("02 15:04") + "-" + instant(g.To).Format("02 15:04") + "]"
			}
			text = append(text, s)
		}
		return strings.Join(text, "; ")
	}
	const imap = "; EX01 imap 05 07:10-05 18:50 true"
	for _, c := range []struct {
		p    Period
		want string
	}{
		{Period{}, "EX01 iis 05 00:10-11 23:50 false [06 23:00-07 01:00] [08 00:00-08 05:00]"},
		{periodOf(clock("2026-10-07"), clock("2026-10-07")), "EX01 iis 05 00:10-11 23:50 false [07 00:00-07 01:00]"},
		{periodOf(clock("2026-10-06"), clock("2026-10-06")), "EX01 iis 05 00:10-11 23:50 false [06 23:00-07 00:00]"},
		{periodOf(clock("2026-10-08"), clock("2026-10-08")), "EX01 iis 05 00:10-11 23:50 false [08 00:00-08 05:00]"},
		{periodOf(clock("2026-10-09"), clock("2026-10-20")), "EX01 iis 05 00:10-11 23:50 true"}, // one silent hour is no gap
		{periodOf(clock("2026-10-01"), clock("2026-10-05")), "EX01 iis 05 00:10-11 23:50 true"},
	} {
		if got := said(c.p); got != c.want+imap {
			t.Errorf("%v: %s, want %s", c.p, got, c.want+imap)
		}
	}
}

// What counting tells of the hours is what reading all of them does, whichever protocols were heard in which.
func TestCoverageCountsAsItReads(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	random := rand.New(rand.NewPCG(1, 2))
	for server := range 6 {
		for _, kind := range []signin.Kind{signin.IIS, signin.HTTPProxy, signin.POPLog} {
			down := map[int]bool{} // of days and hours
			for range random.IntN(12) {
				at := random.IntN(6 * 24)
				for h := range 1 + random.IntN(4) {
					down[at+h] = true
				}
			}
			for p, share := range []float64{1, 0.9, 0.5, 0.1}[random.IntN(3):] {
				k.heardFrom(fmt.Sprint("EX", server), kind, signin.Protocol(p), "2026-10-05", "2026-10-11", func(at time.Time) bool {
					return !down[int(at.Sub(clock("2026-10-05")).Hours())] && random.Float64() < share
				})
			}
		}
	}
	for from := 4; from < 12; from++ {
		for to := from; to < 12; to++ {
			p := periodOf(clock(fmt.Sprintf("2026-10-%02d", from)), clock(fmt.Sprintf("2026-10-%02d", to)))
			if from == 4 && to == 11 {
				p = Period{}
			}
			got, err := k.Coverage(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			var all ingest.Result
			rows, err := k.Store.read.QueryContext(t.Context(), "SELECT v.name, h.kind, h.protocol, h.first, h.last FROM heard h JOIN server v ON v.id = h.server")
			if err != nil {
				t.Fatal(err)
			}
			var heard []ingest.Hearing
			err = scan(rows, func() error {
				var h ingest.Hearing
				err := rows.Scan(&h.Server, &h.Kind, &h.Protocol, &h.First, &h.Last)
				heard = append(heard, h)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			all.Cover(heard)
			if len(got) != len(all.Coverage) {
				t.Fatalf("%d logs, want %d", len(got), len(all.Coverage))
			}
			for i := range all.Coverage {
				want := &all.Coverage[i]
				var gaps []ingest.Gap
				for _, g := range want.Gaps {
					if g.From = max(g.From, p.From); p.To > 0 {
						g.To = min(g.To, p.To)
					}
					if g.From < g.To {
						gaps = append(gaps, g)
					}
				}
				if c := &got[i]; c.Server != want.Server || c.Kind != want.Kind || c.From != want.From || c.To != want.To || !slices.Equal(c.Gaps, gaps) || c.Complete != (len(gaps) == 0) {
					t.Errorf("from %d to %d: %+v, want %+v with %v", from, to, *c, *want, gaps)
				}
			}
		}
	}
}

// A log that is older than what is kept adds nothing to a period: neither its sign-ins nor its lines.
func TestUsageOfALogThatIsTooOld(t *testing.T) {
	t.Parallel()
	k := keep(t, short())
	k.write("new.LOG", keptProxyHead, proxied(clock("2026-10-19 08:00"), `CONTOSO\anna`, "curl/8"))
	k.read()
	k.write("old.LOG", keptProxyHead, proxied(clock("2026-10-10 08:00"), `CONTOSO\anna`, "curl/8"))
	k.read()
	check := func() {
		t.Helper()
		for _, p := range []Period{{}, periodOf(clock("2026-10-10"), clock("2026-10-19")), periodOf(clock("2026-10-10"), clock("2026-10-10"))} {
			r, err := k.Result(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			if r.Lines.SignIn != r.Counted+r.ToldTwice+r.Waiting {
				t.Errorf("%v: %d sign-in lines, %d counted", p, r.Lines.SignIn, r.Counted)
			}
			for c := range signin.Column(len(signin.Words("column"))) {
				if g := k.usageBy(p, c); g.Lines != g.Counted+g.NotKept+g.ToldTwice+g.Waiting || g.Counted+g.NotKept != r.Counted {
					t.Errorf("%v by %s: %d lines, %d counted and %d not kept; the result has %d", p, c, g.Lines, g.Counted, g.NotKept, r.Counted)
				}
			}
		}
	}
	check()
	k.prune()
	check()
	k.sound()
}
