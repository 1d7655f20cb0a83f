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

// blindSpots lists what is said of gateways: "hour gateway why".
func blindSpots(w *world, prepare func(*audit.Setup)) (all []string) {
	set := w.setup()
	set.Record = func(r *rules.Record) {
		if r.Gateways {
			all = append(all, fmt.Sprint(time.UnixMilli(r.Time).UTC().Format("15:04 "), r.Gateway, " ", r.Reason))
		}
	}
	if prepare != nil {
		prepare(&set)
	}
	audit.Correlate(set, w.uses, w.events)
	slices.Sort(all)
	return all
}

func TestBlindSpots(t *testing.T) {
	t.Parallel()
	var people []audit.Use
	var names []string
	for i := range 4 {
		names = append(names, fmt.Sprintf("user%d", i))
		people = append(people, logon(fmt.Sprintf("09:%02d", 10+10*i), `CONTOSO\`+names[i], fmt.Sprintf("198.51.100.%d", 10+i)))
	}
	// tell is an event for each of some logons, so many minutes later.
	tell := func(n, late int, o signin.FactorOutcome, change func(i int, e *signin.MFAEvent)) (all []signin.MFAEvent) {
		for i := range n {
			e := told(fmt.Sprintf("09:%02d", 10+10*i+late), names[i], o, fmt.Sprintf("198.51.100.%d", 10+i))
			if change != nil {
				change(i, &e)
			}
			all = append(all, e)
		}
		return all
	}
	stranger := func(from int) func(int, *signin.MFAEvent) {
		return func(i int, e *signin.MFAEvent) {
			if i >= from {
				e.User = "other" + e.User
			}
		}
	}
	nowhere := func(i int, e *signin.MFAEvent) { e.Address = told("09:00", "x", e.Outcome, "0.0.0.0").Address }
	mute := func(from int) func(int, *signin.MFAEvent) {
		return func(i int, e *signin.MFAEvent) {
			if i >= from {
				e.Reason = signin.NoFactorField
			}
		}
	}
	monosign := func(i int, e *signin.MFAEvent) {
		e.Kind, e.Address = signin.Monosign, told("09:00", "x", e.Outcome).Address
	}
	for name, c := range map[string]struct {
		events []signin.MFAEvent
		uses   []audit.Use
		want   string
	}{
		"all is well":                       {tell(4, 0, signin.FactorPassed, nil), people, ""},
		"a clock that is wrong":             {tell(4, 15, signin.FactorPassed, nil), people, "09:00 duo clock"},
		"two logons tell nothing of it":     {tell(2, 15, signin.FactorPassed, nil), people[:2], ""},
		"strangers":                         {tell(4, 0, signin.FactorPassed, stranger(1)), people, "09:00 duo users"},
		"half of them":                      {tell(4, 0, signin.FactorPassed, stranger(2)), people, ""},
		"wrong passwords of made-up people": {tell(4, 0, signin.FirstFactorFailed, stranger(0)), people, ""},
		"nobody is known at all":            {tell(4, 0, signin.FactorPassed, stranger(0)), nil, ""},
		"no addresses":                      {tell(4, 0, signin.FactorPassed, nowhere), people, "09:00 duo addresses"},
		"two without":                       {tell(2, 0, signin.FactorPassed, nowhere), people, ""},
		"a log that never has any":          {tell(4, 0, signin.FactorPassed, monosign), people, ""},
		"no columns":                        {tell(4, 0, signin.FactorUnknown, mute(1)), people, "09:00 duo columns"},
		"half of them have columns":         {tell(4, 0, signin.FactorUnknown, mute(2)), people, ""},
		"two without columns":               {tell(2, 0, signin.FactorUnknown, mute(0)), people, ""},
		"a word that only looks so":         {tell(4, 0, signin.FactorPassed, mute(0)), people, ""},
		"information has none":              {tell(4, 0, signin.FactorInfo, nowhere), people, ""},
	} {
		w := usual(c.uses, c.events...)
		w.set.Sources = append(w.set.Sources, audit.Source{Kind: signin.Monosign, First: at("06:00"), Last: at("20:00"), Server: "EX01"})
		if got := strings.Join(blindSpots(w, nil), ", "); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// Hours are judged whole: the order of arrival changes nothing, and a period of whole hours says of them what all of the
// time says.
func TestBlindSpotsDependOnNoOrderAndNoPeriod(t *testing.T) {
	t.Parallel()
	dice := rand.New(rand.NewPCG(31, 31))
	some := 0
	for round := range 40 {
		var uses []audit.Use
		var events []signin.MFAEvent
		late := dice.IntN(20)
		for i := range 60 {
			minute := 6*60 + dice.IntN(10*60)
			who := fmt.Sprintf("user%d", i)
			uses = append(uses, logon(fmt.Sprintf("%02d:%02d", minute/60, minute%60), `CONTOSO\`+who))
			if dice.IntN(3) == 0 {
				who = "other" + who
			}
			e := told(fmt.Sprintf("%02d:%02d", (minute+late)/60, (minute+late)%60), who, signin.FactorPassed)
			if dice.IntN(2) == 0 {
				e.Address = uses[i].Address
			}
			events = append(events, e)
		}
		w := usual(uses, events...)
		want := blindSpots(w, nil)
		some += len(want)
		dice.Shuffle(len(w.events), func(i, j int) { w.events[i], w.events[j] = w.events[j], w.events[i] })
		dice.Shuffle(len(w.uses), func(i, j int) { w.uses[i], w.uses[j] = w.uses[j], w.uses[i] })
		if got := blindSpots(w, nil); !slices.Equal(got, want) {
			t.Fatalf("round %d: %q in another order %q", round, want, got)
		}
		want = slices.DeleteFunc(want, func(s string) bool { return s < "10:00" || s >= "13:00" })
		if got := blindSpots(w, func(s *audit.Setup) { s.From, s.To = at("10:00"), at("13:00") }); !slices.Equal(got, want) {
			t.Fatalf("round %d: three hours say %q, within the day %q", round, got, want)
		}
	}
	if some < 100 {
		t.Errorf("only %d", some)
	}
}
