package audit_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
)

const hour = int64(3_600_000)

// logOf is a log of a day, from an hour of it to another.
func logOf(folder string, day, from, to int64) audit.Source {
	return audit.Source{Kind: signin.Duo, Folder: folder, First: 1 + (24*day+from)*hour, Last: (24*day + to) * hour}
}

// A gateway that begins a log every day tells nothing at night, and the night is covered; a day that is lost is not.
func TestCoverageOfLogsThatFollowEachOther(t *testing.T) {
	t.Parallel()
	night := func(c audit.Coverage, day int64) bool { return c.Covers((24*day+20)*hour, (24*day+30)*hour) }
	daily := []audit.Source{logOf("a", 0, 7, 19), logOf("a", 1, 7, 19), logOf("a", 2, 8, 19), logOf("a", 3, 7, 18)}
	if c := audit.NewCoverage(daily); len(c) != 1 || !night(c, 0) || !night(c, 2) || c.Covers(3*hour, 9*hour) || c.Covers(80*hour, 100*hour) {
		t.Errorf("%v", c)
	}
	if c := audit.NewCoverage(append(daily[:1:1], daily[2:]...)); night(c, 0) || night(c, 1) || !night(c, 2) {
		t.Errorf("a day is lost: %v", c)
	}
	if c := audit.NewCoverage([]audit.Source{daily[0], daily[2]}); night(c, 0) || night(c, 1) {
		t.Errorf("there are two logs, and a day between them: %v", c)
	}
	if c := audit.NewCoverage([]audit.Source{daily[0], logOf("b", 1, 7, 19)}); night(c, 0) {
		t.Errorf("another folder's log does not follow: %v", c)
	}
	hourly := []audit.Source{logOf("a", 0, 7, 8), logOf("a", 0, 8, 9), logOf("a", 0, 11, 12)}
	if c := audit.NewCoverage(hourly); c.Covers(9*hour+1, 10*hour) || !c.Covers(7*hour+1, 9*hour) {
		t.Errorf("two hours are lost: %v", c)
	}
	hole := daily[0]
	hole.Holes = []signin.Span{{From: 9 * hour, To: 10 * hour}}
	if c := audit.NewCoverage([]audit.Source{hole}); len(c) != 2 || c.Covers(9*hour-1, 9*hour) || !c.Covers(8*hour, 9*hour-1) || c.Covers(10*hour, 11*hour) || !c.Covers(10*hour+1, 11*hour) || c.Overlap(0, 24*hour) != 11*hour-3 {
		t.Errorf("a hole: %v, %d", c, c.Overlap(0, 24*hour)-11*hour)
	}
	if c := audit.NewCoverage([]audit.Source{{Kind: signin.Duo}}); len(c) != 0 || c.Covers(0, 0) {
		t.Errorf("a log without an event: %v", c)
	}
	rng := rand.New(rand.NewPCG(5, 5))
	want := audit.NewCoverage(append(slices.Clone(daily), hourly...))
	for range 20 {
		all := append(slices.Clone(daily), hourly...)
		rng.Shuffle(len(all), func(a, b int) { all[a], all[b] = all[b], all[a] })
		if got := audit.NewCoverage(all); !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	}
}

// What is in none of some spans, to both ends of time.
func TestWithout(t *testing.T) {
	t.Parallel()
	if got := audit.Without([]signin.Span{{From: 5, To: 9}, {From: 1, To: 2}}); len(got) != 3 || got[0].To != 0 || got[1] != (signin.Span{From: 3, To: 4}) || got[2].From != 10 {
		t.Errorf("%v", got)
	}
	if got := audit.Without(nil); len(got) != 1 {
		t.Errorf("%v", got)
	}
}
