package sqlite_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/internal/store/sqlite"
	"github.com/outmode/outmode/rules"
)

// gatewayDays fills a store with some days of 20,000 people: 200,000 sign-ins at protected entry points and 100,000
// events in each.
func gatewayDays(b *testing.B, days int) *sqlite.Store {
	b.Helper()
	people, rows := 20_000, 200_000
	if testing.Short() {
		people, rows = people/20, rows/20
	}
	start := time.Date(2026, 10, 6, 0, 0, 0, 0, time.UTC)
	s, err := sqlite.Open(b.Context(), b.TempDir(), sqlite.Options{Create: true, Now: func() time.Time { return start.AddDate(0, 0, days) }})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	rng := rand.New(rand.NewPCG(1, 2))
	keys := make([]*ingest.Key, people)
	for i := range keys {
		name := fmt.Sprintf("user%05d", i)
		keys[i] = &ingest.Key{Server: "EX01", Account: &signin.Account{Form: signin.Sam, Key: `contoso\` + name, Name: name, Domain: "contoso"}, Client: "browser", Kind: signin.HTTPProxy, Protocol: signin.OWA, Auth: signin.Forms,
			Outcome: signin.Success, Evidence: signin.Proven}
	}
	logs := []*ingest.Source{{ID: 1, Path: "proxy.LOG", State: ingest.Read, Kind: signin.HTTPProxy, Plain: true}, {ID: 2, Path: "duo/duo.json", State: ingest.Read, Kind: signin.Duo, Plain: true}}
	for day := range days {
		web, duo := &ingest.Batch{Log: 1, From: int64(day), To: int64(day + 1)}, &ingest.Batch{Log: 2, From: int64(day), To: int64(day + 1)}
		for i := range rows {
			t := start.AddDate(0, 0, day).UnixMilli() + rng.Int64N(86_400_000-600_000)
			who := rng.IntN(people)
			from := netip.AddrFrom4([4]byte{198, 51, byte(who), byte(rng.IntN(3))})
			web.Rows = append(web.Rows, ingest.HourRow{Key: keys[who], Hour: int32(t / 3_600_000), Address: from, Count: 1, First: t, Last: t, Minutes: 1 << (t / 60_000 % 60)})
			if i%2 == 0 {
				duo.Events = append(duo.Events, signin.MFAEvent{Kind: signin.Duo, Time: t + rng.Int64N(60_000), User: keys[who].Account.Name, Application: "OWA", Address: from, Factor: "duo_push", Outcome: signin.FactorPassed, Reason: "user_approved",
					Gateway: "duo", Transaction: fmt.Sprintf("%08d-%d", i, day), At: signin.Ref{Offset: int64(day*rows + i), Length: 1, Line: 1}})
			}
		}
		for i := range 24 {
			t := start.AddDate(0, 0, day).UnixMilli() + int64(i)*3_600_000
			web.Heard = append(web.Heard, ingest.Hearing{Voice: ingest.Voice{Server: "EX01", Kind: signin.HTTPProxy, Protocol: signin.OWA, Hour: int32(t / 3_600_000)}, First: t, Last: t})
		}
		for _, l := range logs {
			l.Offset, l.First, l.Last = int64(day+1), start.UnixMilli(), start.AddDate(0, 0, day+1).UnixMilli()
		}
		if err := s.Commit(b.Context(), &ingest.Commit{Sources: logs, Batches: []*ingest.Batch{web, duo}}); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// P11: a day of 200,000 protected sign-ins and 100,000 events, from the store, costs less than 3 s of CPU with the
// rules that judge it, and twice the
// day at most 2.2 times as much.
func BenchmarkMFA(b *testing.B) {
	for days := 1; days <= 2; days++ {
		b.Run(fmt.Sprintf("days=%d", days), func(b *testing.B) {
			s := gatewayDays(b, days)
			builtin, problems := rules.Load(rules.Builtin())
			if len(problems) > 0 {
				b.Fatal(problems)
			}
			before := cpu(b)
			logons, passed := 0, 0
			var joining time.Duration
			for b.Loop() {
				logons, passed = 0, 0
				err := s.MFA(b.Context(), func(v *sqlite.MFAView) error { return correlate(b, v, builtin, &logons, &passed, &joining) })
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric((cpu(b)-before).Seconds()/float64(b.N), "cpu-s/op")
			b.ReportMetric(joining.Seconds()/float64(b.N), "joining-cpu-s/op")
			b.ReportMetric(float64(logons), "logons")
			b.ReportMetric(float64(passed), "passed")
		})
	}
}

func correlate(b *testing.B, v *sqlite.MFAView, builtin *rules.Set, logons, passed *int, joining *time.Duration) error {
	ctx := b.Context()
	from, to, err := v.Span(ctx)
	if err != nil {
		return err
	}
	judge := builtin.NewRecordJudge()
	set := audit.Setup{From: from, To: to, Record: judge.Take, Judged: func(v *audit.Verdict) {
		*logons++
		if v.MFA == signin.MFAPassed {
			*passed++
		}
	}}
	var known audit.Known
	if known.Proven, err = v.Proven(ctx); err != nil {
		return err
	}
	told, err := v.Told(ctx, from, to)
	if err != nil {
		return err
	}
	set.Sources, set.Seen, set.Passes, set.Habits = told.Sources, told.Seen, told.Passes, told.Habits
	if set.Sessions, err = v.Sessions(ctx); err != nil {
		return err
	}
	if set.Trusts, err = v.Trusts(ctx); err != nil {
		return err
	}
	before := cpu(b)
	set.Identities = audit.NewIdentities(known)
	c := audit.NewCorrelator(set)
	*joining += cpu(b) - before
	for hour := from / 3_600_000; hour < to/3_600_000; hour++ {
		h, err := v.Hour(ctx, hour)
		if err != nil {
			return err
		}
		before = cpu(b)
		c.Feed(h)
		*joining += cpu(b) - before
	}
	before = cpu(b)
	c.Close()
	judge.Minutes()
	*joining += cpu(b) - before
	return nil
}
