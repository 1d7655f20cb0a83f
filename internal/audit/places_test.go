package audit_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// newPlaces lists the events from an address that is new: "time user".
func newPlaces(w *world, prepare func(*audit.Setup)) (all []string) {
	set := w.setup()
	set.Record = func(r *rules.Record) {
		if r.NewAddress {
			all = append(all, time.UnixMilli(r.Time).UTC().Format("15:04 ")+r.Subject)
		}
	}
	if prepare != nil {
		prepare(&set)
	}
	audit.Correlate(set, w.uses, w.events)
	slices.Sort(all)
	return all
}

// An address is new of somebody who was asked and passed before, and never there.
func TestNewAddress(t *testing.T) {
	t.Parallel()
	const passed, remembered = signin.FactorPassed, signin.FactorRemembered
	for name, c := range map[string]struct {
		events []signin.MFAEvent
		want   string
	}{
		"asked elsewhere":              {[]signin.MFAEvent{told("08:00", "anna", passed, home), told("09:00", "anna", remembered, abroad)}, "09:00 anna"},
		"asked there":                  {[]signin.MFAEvent{told("08:00", "anna", passed, abroad), told("09:00", "anna", remembered, abroad)}, ""},
		"asked there later":            {[]signin.MFAEvent{told("08:00", "anna", passed, home), told("09:00", "anna", remembered, abroad), told("10:00", "anna", passed, abroad), told("11:00", "anna", remembered, abroad)}, "09:00 anna, 10:00 anna"},
		"never asked before":           {[]signin.MFAEvent{told("09:00", "anna", remembered, abroad), told("10:00", "anna", passed, home)}, ""},
		"asked from nowhere":           {[]signin.MFAEvent{told("08:00", "anna", passed), told("08:30", "anna", passed, "0.0.0.0"), told("09:00", "anna", remembered, abroad)}, ""},
		"remembered nowhere":           {[]signin.MFAEvent{told("08:00", "anna", passed, home), told("09:00", "anna", remembered, "0.0.0.0"), told("09:01", "anna", remembered)}, ""},
		"refused there":                {[]signin.MFAEvent{told("08:00", "anna", passed, home), told("08:30", "anna", signin.FactorDenied, abroad)}, "08:30 anna"},
		"another gateway asked there":  {[]signin.MFAEvent{told("08:00", "anna", passed, home), told("08:30", "anna", passed, abroad, "okta"), told("09:00", "anna", remembered, abroad)}, "08:30 anna"},
		"another person is not there":  {[]signin.MFAEvent{told("08:00", "ben", passed, abroad), told("09:00", "anna", remembered, abroad)}, ""},
		"the whole name, then another": {[]signin.MFAEvent{told("08:00", `CONTOSO\dora`, passed, home), told("09:00", "dora", remembered, abroad), told("09:30", "dora", remembered, home)}, `09:00 contoso\dora`},
		"a name of two people":         {[]signin.MFAEvent{told("08:00", `CONTOSO\eve`, passed, home), told("08:30", "eve", passed, abroad), told("09:00", `CONTOSO\eve`, remembered, abroad), told("09:30", "eve", remembered, train)}, ""},
	} {
		w := usual(logons(logon("07:00", `CONTOSO\dora`), logon("07:00", `CONTOSO\eve`), logon("07:00", `FABRIKAM\eve`)), c.events...)
		if got := strings.Join(newPlaces(w, nil), ", "); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// The order of arrival changes nothing, and a period by itself says what it says within all of the time.
func TestNewAddressDependsOnNoOrderAndNoPeriod(t *testing.T) {
	t.Parallel()
	dice := rand.New(rand.NewPCG(16, 16))
	for round := range 50 {
		var events []signin.MFAEvent
		for range 40 {
			o := signin.FactorRemembered
			if dice.IntN(3) == 0 {
				o = signin.FactorPassed
			}
			events = append(events, told(fmt.Sprintf("%02d:%02d", 6+dice.IntN(12), dice.IntN(60)), []string{"anna", "ben"}[dice.IntN(2)], o, []string{home, train, abroad}[dice.IntN(3)]))
		}
		w := usual(nil, events...)
		want := newPlaces(w, nil)
		dice.Shuffle(len(w.events), func(i, j int) { w.events[i], w.events[j] = w.events[j], w.events[i] })
		if got := newPlaces(w, nil); !slices.Equal(got, want) {
			t.Fatalf("round %d: %q in another order %q", round, want, got)
		}
		all := audit.PassesIn(w.events)
		w.events = slices.DeleteFunc(w.events, func(e signin.MFAEvent) bool { return e.Time < at("12:00") })
		want = slices.DeleteFunc(want, func(s string) bool { return s < "12:00" })
		if got := newPlaces(w, func(s *audit.Setup) { s.Passes = all }); !slices.Equal(got, want) {
			t.Fatalf("round %d: the afternoon says %q, within the day %q", round, got, want)
		}
	}
}

func TestPassesIn(t *testing.T) {
	t.Parallel()
	got := audit.PassesIn([]signin.MFAEvent{told("09:00", "anna", signin.FactorPassed, home), told("08:00", "anna", signin.FactorPassed, home), told("07:00", "anna", signin.FactorPassed), told("07:00", "anna", signin.FactorDenied, home)})
	want := []audit.Pass{{Kind: signin.Duo, Application: "OWA", User: "anna", Address: netip.MustParseAddr(home), First: at("08:00")}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}
