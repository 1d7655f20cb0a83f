package sqlite

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
)

// The store says of requests at AD FS what the events say, whatever hour they are of.
func TestTrusts(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	proven := func(at, user, request string) signin.MFAEvent {
		e := factor(at, user, signin.FactorUnknown)
		e.Federation, e.SignIn = request, signin.Success
		return e
	}
	events := []signin.MFAEvent{proven("2026-10-06 09:00", "anna@contoso.com", "a"), proven("2026-10-06 09:10", "Ben@CONTOSO.com", "b"), proven("2026-10-07 09:00", "anna@contoso.com", "c"), proven("2026-10-06 09:00", "x@fabrikam.com", "d"),
		proven("2026-10-06 09:00", "nobody", "e"), factor("2026-10-06 09:00", "anna@contoso.com", signin.FactorPassed)}
	told := []signin.MFAEvent{proven("2026-10-06 09:00", `CONTOSO\anna`, "a"), proven("2026-10-06 14:00", "", "d"), proven("2026-10-06 14:00", "", "z")}
	k.events(1, "entra.json", signin.Entra, events...)
	k.events(2, "adfs.xml", signin.ADFSLog, told...)
	words := func(all []audit.Trust) string {
		var out []string
		for _, x := range all {
			out = append(out, fmt.Sprint(x))
		}
		slices.Sort(out)
		return strings.Join(out, "\n")
	}
	k.view(func(v *MFAView) {
		all := slices.Concat(events, told)
		got := words(ok[[]audit.Trust](k)(v.Trusts(t.Context())))
		if want := words(audit.TrustsIn(all)); got != want || !strings.Contains(got, "contoso.com 20732 1 1}\n{contoso.com 20733 0 1}\n{fabrikam.com 20732 1 0}") {
			t.Errorf("the store says\n%s\nthe events\n%s", got, want)
		}
		h := ok[audit.Hour](k)(v.Hour(t.Context(), clock("2026-10-06 09:00").UnixMilli()/hourMs))
		if want := map[string]bool{"b": true, "e": true}; !maps.Equal(h.Unissued, want) {
			t.Errorf("of the hour %v, want %v", h.Unissued, want)
		}
	})
}

// The store says of sessions what their events say, and only of those on several platforms, along its index.
func TestSessionPlaces(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	used := func(at, session string, on signin.Platform, o signin.FactorOutcome) signin.MFAEvent {
		e := factor("2026-10-06 "+at, "anna@contoso.com", o)
		e.Session, e.Platform, e.SignIn = session, on, signin.Success
		return e
	}
	events := []signin.MFAEvent{used("09:00", "b", signin.Windows, signin.FactorPassed), used("08:00", "b", signin.Windows, signin.FactorRemembered), used("10:00", "b", signin.Script, signin.FactorRemembered), used("07:00", "b", signin.NoPlatform, signin.FactorUnknown),
		used("08:00", "a", signin.Apple, signin.FactorPassed), used("09:00", "a", signin.NoPlatform, signin.FactorPassed), used("08:00", "", signin.Windows, signin.FactorPassed), used("09:00", "", signin.Script, signin.FactorPassed),
		used("08:00", "c", signin.Linux, signin.FactorRemembered), used("08:00", "c", signin.Windows, signin.FactorRemembered)}
	for i := range 100 { // too many to be told apart
		e := used("11:00", "d", signin.Platform(1+i%2), signin.FactorRemembered)
		e.Time += int64(i)
		e.Address = e.Address.Next()
		for range i {
			e.Address = e.Address.Next()
		}
		events = append(events, e)
	}
	k.events(1, "entra.json", signin.Entra, events...)
	words := func(all []audit.SessionPlace) string {
		var out []string
		for _, p := range all {
			out = append(out, fmt.Sprint(p.Session, " ", p.Platform, " ", p.Address, " ", p.First, " ", p.Passed))
		}
		slices.Sort(out)
		return strings.Join(out, "\n")
	}
	k.view(func(v *MFAView) {
		got := ok[[]audit.SessionPlace](k)(v.Sessions(t.Context()))
		if want := audit.SessionsIn(events); words(got) != words(want) || len(got) != 5 {
			t.Errorf("the store says\n%s\nthe events\n%s", words(got), words(want))
		}
		h := ok[audit.Hour](k)(v.Hour(t.Context(), clock("2026-10-06 09:00").UnixMilli()/hourMs))
		i := slices.IndexFunc(h.Events, func(e signin.MFAEvent) bool { return e.Session == "b" })
		if i < 0 || h.Events[i].Platform != signin.Windows || h.Events[i].SignIn != signin.Success {
			t.Errorf("of the hour: %+v", h.Events)
		}
	})
}
