package audit_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// daysOf is a world of so many people who log on once on each of some days, and pass a second factor some seconds later by a
// clock that is wrong. One of them, mallory, never does.
func daysOf(people, n int, wrong func(day int) time.Duration) *world {
	rng := rand.New(rand.NewPCG(3, 4))
	w := &world{}
	first := at("00:00")
	for day := range n {
		for i := range people {
			t := first + int64(day)*86_400_000 + 7*3_600_000 + rng.Int64N(8*3_600_000)
			u := logon("00:00", fmt.Sprintf(`CONTOSO\user%d`, i))
			if i == 0 {
				u = logon("00:00", `CONTOSO\mallory`)
			}
			u.First, u.Last = t, t
			w.uses = append(w.uses, u)
			e := told("00:00", fmt.Sprintf("user%d", i), signin.FactorPassed)
			e.Time = t + rng.Int64N(20_000) + wrong(day).Milliseconds()
			if i == 0 {
				e.User, e.Time = "mallory", first-3_600_000
			}
			w.events = append(w.events, e)
		}
	}
	w.set.Sources = []audit.Source{{Kind: signin.Duo, Folder: "duo", First: first - 12*3_600_000, Last: first + int64(n+1)*86_400_000}}
	return w
}

// A clock that is an hour off, or a zone that nobody declared, accuses nobody: what is not there at that time may be there
// at another. The gateway says so, and of people who pass by a clock that is right the one who does not is found.
func TestWrongClockAccusesNobody(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{0, 20 * time.Minute, -20 * time.Minute, time.Hour, -time.Hour, 2 * time.Hour, -8 * time.Hour, 13 * time.Hour} {
		w := daysOf(60, 2, func(int) time.Duration { return off })
		words := map[string]int{}
		set := w.setup()
		blind := map[int64]bool{}
		set.Record = func(r *rules.Record) {
			if r.Gateways && r.Reason == "clock" {
				blind[r.Time] = true
			}
		}
		verdicts, gates := audit.Correlate(set, w.uses, w.events)
		for _, v := range verdicts {
			words[v.MFA.String()+" "+v.Cause.String()]++
		}
		if off == 0 {
			if words["passed said"] != 118 || words["missing no_event"]+words["fail_open silence"] != 2 || gates[0].Clock != nil || len(blind) > 0 {
				t.Errorf("a clock that is right: %v", words)
			}
			continue
		}
		if words["unknown clock"] != 120 || gates[0].Clock == nil || len(blind) < 8 {
			t.Errorf("%v off: %v, %d hours blind", off, words, len(blind))
		} else if got := time.Duration(gates[0].Clock.Else) * time.Millisecond; got.Round(5*time.Minute) != off {
			t.Errorf("%v off: measured %v", off, got)
		}
	}
}

// On days on which the clock was right it is right, and a few people's habits are no clock.
func TestWrongClockOfADay(t *testing.T) {
	t.Parallel()
	w := daysOf(30, 5, func(day int) time.Duration { return time.Duration(day/3) * time.Hour })
	byDay := map[int64]map[signin.MFA]int{}
	verdicts, _ := audit.Correlate(w.setup(), w.uses, w.events)
	for _, v := range verdicts {
		day := (v.Time - at("00:00")) / 86_400_000
		if byDay[day] == nil {
			byDay[day] = map[signin.MFA]int{}
		}
		byDay[day][v.MFA]++
	}
	for day := range int64(5) {
		if right := day < 3; byDay[day][signin.MFAPassed] == 29 != right || byDay[day][signin.MFAUnknown] == 30 == right {
			t.Errorf("day %d: %v", day, byDay[day])
		}
	}
	w = daysOf(4, 1, func(int) time.Duration { return time.Hour })
	if _, gates := audit.Correlate(w.setup(), w.uses, w.events); gates[0].Clock != nil {
		t.Errorf("of three pairs: %+v", gates[0].Clock)
	}
}

// A clock that is wrong for half of the people accuses none of them, and the gateway's report says so; who passed by the
// right half did. Mallory alone makes no clock wrong, however many pushes are refused elsewhere.
func TestClockThatIsWrongForSome(t *testing.T) {
	t.Parallel()
	w := daysOf(40, 1, func(int) time.Duration { return 0 })
	for i := range w.events {
		if i%2 == 1 {
			w.events[i].Time += 3_600_000
		}
	}
	words := map[string]int{}
	verdicts, gates := audit.Correlate(w.setup(), w.uses, w.events)
	for _, v := range verdicts {
		words[v.MFA.String()+" "+v.Cause.String()]++
	}
	if words["passed said"] != 19 || words["unknown clock"] != 21 || gates[0].Clock == nil || gates[0].Clock.Off(at("12:00")) != 0 || gates[0].Clock.Doubt(at("12:00")) != 3_600_000 {
		t.Errorf("%v, %+v", words, gates[0].Clock)
	}
	w = daysOf(40, 1, func(int) time.Duration { return 0 })
	for i := range 16 {
		u := logon("10:00", `CONTOSO\mallory`)
		u.First += int64(i) * 1000
		u.Last = u.First
		u.Address = netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})
		e := told("10:40", "mallory", signin.FactorDenied)
		e.Time += int64(i) * 1000
		w.uses, w.events = append(w.uses, u), append(w.events, e)
	}
	if _, gates := audit.Correlate(w.setup(), w.uses, w.events); gates[0].Clock != nil {
		t.Errorf("%+v", gates[0].Clock)
	}
}

// Zones are quarters of an hour apart: what is as good as such a difference is one.
func TestZoned(t *testing.T) {
	t.Parallel()
	for minutes, want := range map[int64]int64{119: 120, 61: 60, -58: -60, -62: -60, 20: 20, 345: 345, -8: -8, 13: 15, 12: 12} {
		if got := audit.Zoned(minutes); got != want {
			t.Errorf("%d: %d, want %d", minutes, got, want)
		}
	}
}
