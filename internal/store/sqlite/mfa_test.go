package sqlite

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
)

// door is a line of HttpProxy: a sign-in at OWA.
func door(at time.Time, user, agent, address, server string) string {
	return at.Format("2006-01-02T15:04:05.000Z") + fmt.Sprintf(",0b1e6d3c-0000-4000-8000-%012x,Owa,/owa/,FBA,true,%s,%s,%s,%s,302,200,Proxy,x,\r\n", at.Unix(), user, agent, address, server)
}

// events commits events as a log of a gateway that was read.
func (k *kept) events(id int64, path string, kind signin.Kind, events ...signin.MFAEvent) {
	k.t.Helper()
	src := &ingest.Source{ID: id, Path: path, State: ingest.Read, Kind: kind, Plain: true, Size: 1000, Offset: 1000}
	for i := range events {
		e := &events[i]
		e.Kind, e.At = kind, signin.Ref{Offset: int64(i), Length: 1, Line: int64(i + 1)}
		if src.First == 0 || e.Time < src.First {
			src.First = e.Time
		}
		src.Last = max(src.Last, e.Time)
	}
	if err := k.Commit(k.t.Context(), &ingest.Commit{Sources: []*ingest.Source{src}, Batches: []*ingest.Batch{{Log: id, To: 1000, Events: events}}}); err != nil {
		k.t.Fatal(err)
	}
}

func factor(at string, user string, o signin.FactorOutcome) signin.MFAEvent {
	return signin.MFAEvent{Time: clock(at).UnixMilli(), User: user, Application: "OWA", Factor: "push", Outcome: o, Address: netip.MustParseAddr("198.51.100.7")}
}

// view runs do over one moment of the store.
func (k *kept) view(do func(v *MFAView)) {
	k.t.Helper()
	if err := k.MFA(k.t.Context(), func(v *MFAView) error { do(v); return nil }); err != nil {
		k.t.Fatal(err)
	}
}

func ok[T any](k *kept) func(T, error) T {
	return func(v T, err error) T {
		k.t.Helper()
		if err != nil {
			k.t.Fatal(err)
		}
		return v
	}
}

// The logons of an hour are the sign-ins that count: those of IIS only where HttpProxy was silent, under the one name of
// their server, and no refused credential.
func TestMFAHours(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	day := clock("2026-10-19")
	owa := func(at time.Time, user, status string) string {
		return at.Format("2006-01-02 15:04:05") + ` EX01 POST /owa/service.svc 443 CONTOSO\` + user + " 198.51.100.7 " + status + "\r\n"
	}
	k.write("proxy.LOG", keptProxyHead, door(day.Add(8*time.Hour+90*time.Second), `CONTOSO\anna`, "curl/8", "198.51.100.7", "EX01"), door(day.Add(8*time.Hour+30*time.Minute), `CONTOSO\anna`, "curl/8", "198.51.100.7", "EX01"),
		door(day.Add(8*time.Hour+31*time.Minute), `CONTOSO\HealthMailbox1`, "curl/8", "10.0.0.1", "EX01"), door(day.Add(9*time.Hour), "anna@contoso.com", "curl/8", "10.0.0.5", "192.0.2.10"))
	k.write("web.log", keptIISHead, owa(day.Add(8*time.Hour+91*time.Second), "anna", "200 0 0"), owa(day.Add(10*time.Hour), "ben", "200 0 0"), owa(day.Add(10*time.Hour), "carla", "401 1 1326"))
	k.read()
	waiting := ""
	said := func() (text string) {
		k.view(func(v *MFAView) {
			for hour := day.UnixMilli() / hourMs; hour < day.UnixMilli()/hourMs+12; hour++ {
				h := ok[audit.Hour](k)(v.Hour(t.Context(), hour))
				slices.SortFunc(h.Uses, func(a, b audit.Use) int { return int(a.First - b.First) })
				for _, u := range h.Uses {
					text += fmt.Sprintln(instant(u.First).Format("15:04:05"), instant(u.Last).Format("15:04:05"), u.Way.Account, u.Way.Server, u.Way.Entry, u.Way.Internal, u.Address, fmt.Sprintf("%x", u.Minutes))
				}
				for _, e := range h.Events {
					text += fmt.Sprintln(instant(e.Time).Format("15:04:05"), e.Kind, e.User, e.Outcome, e.Address, e.At.File)
				}
			}
		})
		return text
	}
	if waiting = said(); strings.Contains(waiting, "ben") {
		t.Errorf("an hour that waits counts:\n%s", waiting)
	}
	k.settle()
	k.exec("INSERT INTO server_address (ip, name) VALUES (x'c000020a', 'EX02.contoso.com')")
	k.exec("UPDATE usage SET internal = 1 WHERE account = (SELECT id FROM account WHERE key = 'anna@contoso.com')")
	k.events(1000, "duo/1.json", signin.Duo, factor("2026-10-19 08:02", "anna", signin.FactorPassed))
	want := `08:01:30 08:30:00 contoso\anna EX01 owa false 198.51.100.7 40000002
08:02:00 duo anna passed 198.51.100.7 1000
09:00:00 09:00:00 anna@contoso.com EX02 owa true 10.0.0.5 1
10:00:00 10:00:00 contoso\ben EX01 owa false 198.51.100.7 1
`
	if got := said(); got != want {
		t.Errorf("\n%s\nwant\n%s", got, want)
	}
	k.view(func(v *MFAView) {
		if got := fmt.Sprint(ok[[]string](k)(v.Proven(t.Context()))); got != `[anna@contoso.com contoso\anna contoso\ben]` {
			t.Errorf("proven: %s", got)
		}
		from, to, err := v.Span(t.Context())
		if err != nil || from != day.Add(8*time.Hour).UnixMilli() || to != day.Add(11*time.Hour).UnixMilli() {
			t.Errorf("from %v to %v, %v", instant(from), instant(to), err)
		}
		blind := ok[map[string][]signin.Span](k)(v.Blind(t.Context()))["EX01"]
		if len(blind) != 2 || blind[0].From != math.MinInt64 || blind[0].To != day.Add(8*time.Hour+90*time.Second).UnixMilli()-1 || blind[1].From != day.Add(10*time.Hour).UnixMilli()+1 {
			t.Errorf("blind: %v", blind)
		}
	})
}

// What is known of gateways: what was read of them, of whom they told, and how much in an hour.
func TestMFAGateways(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	k.view(func(v *MFAView) {
		if from, to, err := v.Span(t.Context()); from != 0 || to != 0 || err != nil {
			t.Errorf("an empty store: %d to %d, %v", from, to, err)
		}
	})
	twice := factor("2026-10-19 08:00", "anna", signin.FactorPassed)
	vpn := factor("2026-10-19 08:10", `CONTOSO\ben`, signin.FactorDenied)
	vpn.Application = "VPN"
	tx := factor("2026-10-19 09:00", "anna", signin.FactorPassed)
	tx.Transaction = "t"
	k.events(1000, "duo/1.json", signin.Duo, twice, twice, vpn, tx, tx, factor("2026-10-19 09:01", "mallory", signin.FirstFactorFailed), factor("2026-10-19 09:02", "admin", signin.FactorConfig))
	k.events(1001, "duo/2.json", signin.Duo)
	k.events(1002, "copy/1.json", signin.Duo)
	k.exec("UPDATE source SET state = 'duplicate' WHERE id = 1002")
	k.exec(`INSERT INTO hole (source, at, bytes, "from", "to", reason) VALUES (1000, 5, 5, ?, 0, 'it went')`, clock("2026-10-19 08:30").UnixMilli())
	k.view(func(v *MFAView) {
		from := clock("2026-10-19").UnixMilli()
		told := ok[*Told](k)(v.Told(t.Context(), from, from+dayMs))
		sources := told.Sources
		if len(sources) != 2 || sources[0].Folder != "duo" || sources[0].First != clock("2026-10-19 08:00").UnixMilli() || sources[0].Last != clock("2026-10-19 09:02").UnixMilli() || !slices.Equal(sources[0].Applications, []string{"OWA", "VPN"}) ||
			len(sources[0].Holes) != 1 || sources[1].First != 0 {
			t.Errorf("%+v", sources)
		}
		if c := audit.NewCoverage(sources); len(c) != 1 || c[0].To != clock("2026-10-19 08:30").UnixMilli()-1 {
			t.Errorf("covered: %v", c)
		}
		all := told.Seen
		slices.SortFunc(all, func(a, b audit.Seen) int { return strings.Compare(a.Application, b.Application) })
		if seen := fmt.Sprint(all); seen != `[{duo OWA anna} {duo VPN CONTOSO\ben}]` {
			t.Errorf("seen: %s", seen)
		}
		if passes := told.Passes; len(passes) != 1 || passes[0].User != "anna" || passes[0].First != clock("2026-10-19 08:00").UnixMilli() || !passes[0].Address.IsValid() {
			t.Errorf("passes: %+v", passes)
		}
		habits := told.Habits
		slices.SortFunc(habits, func(a, b audit.Habit) int {
			return cmp.Or(strings.Compare(a.Application, b.Application), cmp.Compare(a.Hour, b.Hour))
		})
		hour := from / hourMs
		if want := []audit.Habit{{Kind: signin.Duo, Application: "OWA", Hour: hour + 8, Events: 1}, {Kind: signin.Duo, Application: "OWA", Hour: hour + 9, Events: 3}, {Kind: signin.Duo, Application: "VPN", Hour: hour + 8, Events: 1}}; !slices.Equal(habits, want) {
			t.Errorf("habits: %v", habits)
		}
	})
	// What is older than the hours that are kept is not covered.
	k.exec("INSERT INTO meta (name, value) VALUES ('hours_from', ?)", fmt.Sprint(clock("2026-10-20").UnixMilli()/dayMs))
	k.view(func(v *MFAView) {
		if s := ok[*Told](k)(v.Told(t.Context(), 0, math.MaxInt64)).Sources; s[0].First != 0 || s[0].Last != 0 {
			t.Errorf("%+v", s)
		}
	})
}
