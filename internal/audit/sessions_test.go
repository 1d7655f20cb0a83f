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

// used is a sign-in to Exchange Online within a session.
func used(clock, session string, on signin.Platform, address string, o signin.FactorOutcome) signin.MFAEvent {
	words := []string{"entra", "tx:" + clock + session + address}
	if address != "" {
		words = append(words, address)
	}
	e := told(clock, "anna@contoso.com", o, words...)
	e.Session, e.Platform, e.SignIn = session, on, signin.Success
	return e
}

// carried lists the events whose session was carried elsewhere: "time session".
func carried(w *world, prepare func(*audit.Setup)) (all []string) {
	set := w.setup()
	set.Record = func(r *rules.Record) {
		if r.Replayed {
			if r.Outcome != signin.Success {
				panic("an event without its sign-in")
			}
			all = append(all, time.UnixMilli(r.Time).UTC().Format("15:04"))
		}
	}
	if prepare != nil {
		prepare(&set)
	}
	audit.Correlate(set, w.uses, w.events)
	slices.Sort(all)
	return all
}

// A session was carried elsewhere if it is on another platform and in another network at once, and nobody was asked there.
func TestReplayedSessions(t *testing.T) {
	t.Parallel()
	const (
		passed, remembered = signin.FactorPassed, signin.FactorRemembered
		win, mac, script   = signin.Windows, signin.Apple, signin.Script
		v6, v6too, v6else  = "2001:db8:1:2::7", "2001:db8:1:2:ffff::9", "2001:db8:1:3::7"
	)
	for name, c := range map[string]struct {
		events []signin.MFAEvent
		want   string
	}{
		"elsewhere":                        {[]signin.MFAEvent{used("08:00", "s", win, home, passed), used("09:00", "s", script, abroad, remembered), used("09:30", "s", mac, abroad, signin.FirstFactorOK)}, "09:00, 09:30"},
		"and its owner goes on":            {[]signin.MFAEvent{used("08:00", "s", win, home, passed), used("09:00", "s", script, abroad, remembered), used("10:00", "s", win, home, remembered)}, "09:00"},
		"another network":                  {[]signin.MFAEvent{used("08:00", "s", mac, home, passed), used("09:00", "s", mac, abroad, remembered)}, ""},
		"another program":                  {[]signin.MFAEvent{used("08:00", "s", win, home, passed), used("09:00", "s", script, home, remembered)}, ""},
		"a neighbour's address":            {[]signin.MFAEvent{used("08:00", "s", win, home, passed), used("09:00", "s", script, train, remembered)}, ""},
		"the same IPv6 network":            {[]signin.MFAEvent{used("08:00", "s", win, v6, passed), used("09:00", "s", script, v6too, remembered), used("09:10", "s", script, v6else, remembered)}, "09:10"},
		"asked there":                      {[]signin.MFAEvent{used("08:00", "s", win, home, passed), used("09:00", "s", mac, abroad, passed), used("09:30", "s", mac, "192.0.2.9", remembered)}, ""},
		"asked there later":                {[]signin.MFAEvent{used("08:00", "s", win, home, passed), used("09:00", "s", mac, abroad, remembered), used("09:30", "s", mac, abroad, passed)}, ""},
		"a platform that is not known":     {[]signin.MFAEvent{used("08:00", "s", win, home, passed), used("09:00", "s", signin.NoPlatform, abroad, remembered)}, ""},
		"an address that is not known":     {[]signin.MFAEvent{used("08:00", "s", win, home, passed), used("09:00", "s", script, "", remembered)}, ""},
		"opened nobody knows where":        {[]signin.MFAEvent{used("08:00", "s", win, "", passed), used("09:00", "s", script, abroad, remembered)}, ""},
		"opened on nobody knows what":      {[]signin.MFAEvent{used("07:00", "s", signin.NoPlatform, abroad, passed), used("08:00", "s", win, home, passed), used("09:00", "s", script, abroad, remembered)}, ""},
		"at one instant":                   {[]signin.MFAEvent{used("08:00", "s", win, home, remembered), used("08:00", "s", script, abroad, remembered)}, ""},
		"another session":                  {[]signin.MFAEvent{used("08:00", "s", win, home, passed), used("09:00", "t", script, abroad, remembered)}, ""},
		"no session":                       {[]signin.MFAEvent{used("08:00", "", win, home, passed), used("09:00", "", script, abroad, remembered)}, ""},
		"nobody was ever asked, in no log": {[]signin.MFAEvent{used("08:00", "s", win, home, remembered), used("09:00", "s", script, abroad, remembered)}, "09:00"},
	} {
		if got := strings.Join(carried(usual(nil, c.events...), nil), ", "); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// The order of arrival changes nothing, and a period by itself says what it says within all of the time.
func TestReplayedSessionsDependOnNoOrderAndNoPeriod(t *testing.T) {
	t.Parallel()
	dice := rand.New(rand.NewPCG(26, 26))
	found := 0
	for round := range 50 {
		var events []signin.MFAEvent
		for i := range 40 {
			o := signin.FactorRemembered
			if dice.IntN(12) == 0 {
				o = signin.FactorPassed
			}
			events = append(events, used(fmt.Sprintf("%02d:%02d", 6+dice.IntN(12), i), fmt.Sprint("s", dice.IntN(6)), signin.Platform(dice.IntN(4)), []string{home, train, abroad}[dice.IntN(3)], o))
		}
		w := usual(nil, events...)
		want := carried(w, nil)
		found += len(want)
		dice.Shuffle(len(w.events), func(i, j int) { w.events[i], w.events[j] = w.events[j], w.events[i] })
		if got := carried(w, nil); !slices.Equal(got, want) {
			t.Fatalf("round %d: %q in another order %q", round, want, got)
		}
		all := audit.SessionsIn(w.events)
		w.events = slices.DeleteFunc(w.events, func(e signin.MFAEvent) bool { return e.Time < at("12:00") })
		want = slices.DeleteFunc(want, func(s string) bool { return s < "12:00" })
		if got := carried(w, func(s *audit.Setup) { s.Sessions = all }); !slices.Equal(got, want) {
			t.Fatalf("round %d: the afternoon says %q, within the day %q", round, got, want)
		}
	}
	if found == 0 {
		t.Error("nothing was found, ever")
	}
}

// Of a session with more places than are told apart nothing is said: one that was left out may be its owner's.
func TestSessionsWithManyPlaces(t *testing.T) {
	t.Parallel()
	events := []signin.MFAEvent{used("08:00", "s", signin.Windows, home, signin.FactorPassed), used("09:00", "s", signin.Script, abroad, signin.FactorRemembered)}
	for i := range 62 {
		events = append(events, used("10:00", "s", signin.Windows, fmt.Sprintf("192.0.2.%d", i), signin.FactorRemembered))
	}
	if got := carried(usual(nil, events...), nil); len(got) != 1 {
		t.Errorf("of 64 places: %q", got)
	}
	events = append(events, used("11:00", "s", signin.Windows, "192.0.2.99", signin.FactorRemembered))
	if got := carried(usual(nil, events...), nil); len(got) != 0 {
		t.Errorf("of 65 places: %q", got)
	}
	if got := audit.SessionsIn(events); len(got) != 0 {
		t.Errorf("%d places are kept", len(got))
	}
}
