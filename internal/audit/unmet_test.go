package audit_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// unmetOf lists the events of a second factor that was asked for and not given: "time user". Fed is how many minutes of
// events are fed at a time, 0 for all at once.
func unmetOf(w *world, fed int64) (all []string) {
	for _, k := range []signin.Kind{signin.Entra, signin.UAL} {
		w.set.Sources = append(w.set.Sources, audit.Source{Kind: k, First: at("06:00"), Last: at("20:00")})
	}
	set := w.setup()
	set.Record = func(r *rules.Record) {
		if r.Unmet {
			all = append(all, time.UnixMilli(r.Time).UTC().Format("15:04 ")+r.Subject)
		}
	}
	if fed == 0 {
		audit.Correlate(set, w.uses, w.events)
		slices.Sort(all)
		return all
	}
	set.From, set.To = -1<<62, 1<<62
	set.Seen, set.Passes, set.Habits = audit.SeenIn(w.events), audit.PassesIn(w.events), audit.HabitsIn(w.events)
	c := audit.NewCorrelator(set)
	step := fed * time.Minute.Milliseconds()
	for from := at("00:00"); from < at("23:59"); from += step {
		h := audit.Hour{From: from, To: from + step}
		for _, e := range w.events {
			if h.From <= e.Time && e.Time < h.To {
				h.Events = append(h.Events, e)
			}
		}
		for _, u := range w.uses {
			if h.From <= u.First && u.First < h.To {
				h.Uses = append(h.Uses, u)
			}
		}
		c.Feed(h)
	}
	c.Close()
	slices.Sort(all)
	return all
}

// A cloud event is one of Entra or of the Unified Audit Log.
func cloudEvent(k signin.Kind, clock, user string, o signin.FactorOutcome, reason string, from ...string) signin.MFAEvent {
	e := told(clock, user, o, from...)
	e.Kind, e.Application, e.Reason = k, "Office 365 Exchange Online", reason
	return e
}

func TestUnmet(t *testing.T) {
	t.Parallel()
	const passed, denied, timeout, right, unknown = signin.FactorPassed, signin.FactorDenied, signin.FactorTimeout, signin.FirstFactorOK, signin.FactorUnknown
	entra := func(clock string, o signin.FactorOutcome, reason, from string) signin.MFAEvent {
		return cloudEvent(signin.Entra, clock, "anna", o, reason, from)
	}
	ual := func(clock string, o signin.FactorOutcome, reason, from string) signin.MFAEvent {
		return cloudEvent(signin.UAL, clock, "anna", o, reason, from)
	}
	for name, c := range map[string]struct {
		events []signin.MFAEvent
		want   string
	}{
		"refused":                           {[]signin.MFAEvent{told("09:00", "anna", denied, abroad)}, "09:00 anna"},
		"not answered":                      {[]signin.MFAEvent{told("09:00", "anna", timeout, abroad)}, "09:00 anna"},
		"the log ends behind it":            {[]signin.MFAEvent{told("19:55", "anna", denied, abroad)}, ""},
		"refused, then given":               {[]signin.MFAEvent{told("09:00", "anna", denied, home), told("09:09", "anna", passed, home)}, ""},
		"given too late":                    {[]signin.MFAEvent{told("09:00", "anna", denied, home), told("09:11", "anna", passed, home)}, "09:00 anna"},
		"given before":                      {[]signin.MFAEvent{told("09:00", "anna", passed, home), told("09:01", "anna", denied, home)}, "09:01 anna"},
		"given elsewhere":                   {[]signin.MFAEvent{told("09:00", "anna", denied, abroad), told("09:01", "anna", passed, home)}, "09:00 anna"},
		"given nowhere":                     {[]signin.MFAEvent{told("09:00", "anna", denied, abroad), told("09:01", "anna", passed)}, ""},
		"refused nowhere":                   {[]signin.MFAEvent{told("09:00", "anna", denied, "0.0.0.0"), told("09:01", "anna", passed, home)}, ""},
		"given by another":                  {[]signin.MFAEvent{told("09:00", "anna", denied, home), told("09:01", "ben", passed, home)}, "09:00 anna"},
		"asked by Entra":                    {[]signin.MFAEvent{entra("09:00", right, "50074", abroad)}, "09:00 anna"},
		"asked by Entra, given":             {[]signin.MFAEvent{entra("09:00", right, "50074", home), entra("09:01", passed, "MFA completed in Azure AD", home)}, ""},
		"refused by a policy":               {[]signin.MFAEvent{entra("09:00", right, "53003", abroad), ual("09:30", unknown, "53003", abroad)}, "09:00 anna, 09:30 anna"},
		"the password alone":                {[]signin.MFAEvent{entra("09:00", right, "Correct password", abroad), told("09:01", "anna", right, abroad)}, ""},
		"an interrupt, and an unknown code": {[]signin.MFAEvent{entra("09:00", signin.FactorInfo, "50140", abroad), entra("09:01", unknown, "599999", abroad)}, ""},
		"in a browser of the audit log":     {[]signin.MFAEvent{ual("09:00", right, "50074", home), ual("09:01", unknown, "OAuth2:Authorize", home)}, ""},
		"by a token of the audit log":       {[]signin.MFAEvent{ual("09:00", right, "50074", home), ual("09:01", unknown, "OAuth2:Token", home)}, "09:00 anna"},
	} {
		w := usual(nil, c.events...)
		if got := strings.Join(unmetOf(w, 0), ", "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// How much is fed at a time changes nothing.
func TestUnmetDependsOnNoFeed(t *testing.T) {
	t.Parallel()
	dice := rand.New(rand.NewPCG(8, 8))
	outcomes := []signin.FactorOutcome{signin.FactorPassed, signin.FactorDenied, signin.FactorTimeout, signin.FactorRemembered}
	found := 0
	for round := range 40 {
		var events []signin.MFAEvent
		for range 60 {
			events = append(events, told(fmt.Sprintf("%02d:%02d", 8+dice.IntN(3), dice.IntN(60)), []string{"anna", "ben"}[dice.IntN(2)], outcomes[dice.IntN(len(outcomes))], []string{home, abroad, "0.0.0.0"}[dice.IntN(3)]))
		}
		w := usual(nil, events...)
		want := unmetOf(w, 0)
		found += len(want)
		for _, fed := range []int64{1, 7, 60} {
			if got := unmetOf(w, fed); !slices.Equal(got, want) {
				t.Fatalf("round %d: %q, fed by %d minutes %q", round, want, fed, got)
			}
		}
	}
	if found == 0 {
		t.Error("nothing was unmet")
	}
}
