package rules_test

import (
	"slices"
	"testing"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

const watched = `id: T-1
name: two
severity: low
type: sequence
threshold: 3
window: 10m
group_by: [address]
steps: ['outcome == "failure"', 'outcome == "success"']
---
id: T-2
name: unanswered
severity: low
type: absence
window: 30m
group_by: [user]
steps: ['protocol == "autodiscover"', 'protocol == "mapi"']
---
id: T-3
name: alone
severity: low
type: threshold
threshold: 1
window: 10m
when: outcome == "failure"
---
id: T-4
name: silence
severity: low
type: absence
window: 10m
when: outcome == "failure"
`

// firstSteps is what a first reading keeps: no tick of a later step.
func firstSteps(set *rules.Set, all ...*signin.SignIn) []signin.Minute {
	p := newPipeline(set)
	for _, l := range numbered(all...) {
		p.add(l, func(*signin.Tick, int64) bool { return false })
	}
	return p.observed(nil).Minutes
}

// laterOf is the tick of the second step that a sign-in makes for a rule.
func laterOf(t *testing.T, set *rules.Set, rule int32, s *signin.SignIn) signin.Tick {
	t.Helper()
	j := set.NewJudge()
	hits := j.Line(j.Row(s), s)
	ticks := j.Ticks(nil, hits, s)
	i := slices.IndexFunc(ticks, func(t signin.Tick) bool { return t.Rule == rule && t.Step == 1 })
	if i < 0 || !hits.Later {
		t.Fatalf("rule %d has no tick of a later step: %+v, %+v", rule, ticks, hits)
	}
	return ticks[i]
}

// Nothing is watched where no first step was seen often enough, and a rule of one step needs no watch.
func TestNothingToWatch(t *testing.T) {
	t.Parallel()
	set := load(t, watched)
	for name, all := range map[string][]*signin.SignIn{
		"nothing":                    nil,
		"two refusals":               many(2, "08:00:00", "anna", "refused"),
		"three, of two addresses":    append(many(2, "08:00:00", "anna", "refused"), signed("08:00:00", "anna", "refused", "198.51.100.1")),
		"three, too far apart":       append(many(2, "08:00:00", "anna", "refused"), signed("09:00:00", "anna", "refused")),
		"later steps alone":          many(9, "08:00:00", "anna", "mapi"),
		"first steps without a name": many(9, "08:00:00", "", "autodiscover"),
	} {
		if w := set.Watch(firstSteps(set, all...)); w != nil {
			t.Errorf("%s: watched", name)
		}
	}
	if w := set.Watch([]signin.Minute{{Rule: 99, Count: 9}, {Rule: -1, Count: 9}, {Rule: 0, Step: 1, Count: 9}}); w != nil {
		t.Error("minutes of no rule, or of a later step, are watched")
	}
}

// A later step is wanted of the groups whose first step was seen often enough, from then on and for a
// window after.
func TestWatchWantsLaterSteps(t *testing.T) {
	t.Parallel()
	set := load(t, watched)
	refused := append(many(3, "08:00:00", "anna", "refused"), many(3, "12:00:00", "anna", "refused")...)
	w := set.Watch(firstSteps(set, append(refused, signed("15:00:00", "ben", "autodiscover"))...))
	if w == nil {
		t.Fatal("nothing is watched")
	}
	for _, c := range []struct {
		rule int32
		s    *signin.SignIn
		want bool
	}{
		{0, signed("08:05:00", "anna"), true},
		{0, signed("08:05:00", "carl", "mapi"), true}, // the group is the address
		{0, signed("08:05:00", "anna", "198.51.100.1"), false},
		{0, signed("08:01:00", "anna"), true},
		{0, signed("08:12:00", "anna"), true},
		{0, signed("12:12:00", "anna"), true},
		{0, signed("07:58:00", "anna"), false},
		{0, signed("12:30:00", "anna"), false},
		{1, signed("15:10:00", "ben", "mapi"), true},
		{1, signed("15:10:00", "ben", "mapi", "iis", "198.51.100.1"), true}, // another log may tell it
		{1, signed("15:10:00", "anna", "mapi"), false},
		{1, signed("15:40:00", "ben", "mapi"), false},
	} {
		tick := laterOf(t, set, c.rule, c.s)
		if got := w.Wants(&tick, c.s.Facts.Time); got != c.want {
			t.Errorf("rule %d, %s at %s: wanted %v, want %v", c.rule, tick.Group, c.s.Time().Format("15:04:05"), got, c.want)
		}
	}
	for _, c := range []struct {
		from, to string
		want     bool
	}{{"00:00:00", "07:00:00", false}, {"00:00:00", "08:05:00", true}, {"08:05:00", "08:06:00", true}, {"13:00:00", "14:00:00", false}, {"15:29:00", "23:00:00", true}, {"16:00:00", "23:00:00", false}} {
		if got := w.Overlaps(at(c.from), at(c.to)); got != c.want {
			t.Errorf("%s to %s overlaps: %v", c.from, c.to, got)
		}
	}
}

// What a second reading keeps is enough: a run of steps that a whole reading finds is found.
func TestWatchedStepsMakeFindings(t *testing.T) {
	t.Parallel()
	set := load(t, watched)
	in := append(many(3, "08:00:00", "anna", "refused"), signed("08:05:00", "anna"), signed("07:00:00", "anna"), signed("09:00:00", "ben"),
		signed("10:00:00", "carl", "autodiscover"), signed("10:20:00", "carl", "mapi"), signed("10:00:00", "dora", "autodiscover"))
	w := set.Watch(firstSteps(set, in...))
	p := newPipeline(set)
	kept := 0
	for _, l := range numbered(in...) {
		p.add(l, func(tick *signin.Tick, ms int64) bool {
			if w.Wants(tick, ms) {
				kept++
				return true
			}
			return false
		})
	}
	var got []string
	for _, f := range summarized(set.Findings(p.observed(days(1)))) {
		if f[:3] == "T-1" || f[:3] == "T-2" {
			got = append(got, f)
		}
	}
	want := []string{"T-1 192.0.2.7||4|08:00:00 to 08:05:00", `T-2 contoso\dora||1|10:00:00 to 10:00:00`}
	if !slices.Equal(got, want) || kept != 2 {
		t.Errorf("%d later steps are kept, of which come %q, want %q", kept, got, want)
	}
}
