package rules_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/outmode/outmode/internal/signin"
)

// watchRules have later steps, two and three and as answers, and windows that are not whole minutes.
func watchRules(r *rand.Rand) string {
	window, threshold := pick(r, []string{"30s", "1m", "61s", "90s", "3m", "10m"}), 1+r.IntN(3)
	return fmt.Sprintf(`id: W-1
name: two
severity: low
type: sequence
group_by: [address]
threshold: %[2]d
window: %[1]s
steps: [protocol == "ews", protocol == "mapi"]
---
id: W-2
name: three
severity: low
type: sequence
threshold: %[2]d
window: %[1]s
steps: [protocol == "ews", protocol == "mapi", protocol == "rpc"]
---
id: W-3
name: unanswered
severity: low
type: absence
group_by: [user]
window: %[1]s
steps: [protocol == "ews", protocol == "mapi"]
---
id: W-4
name: many
severity: low
type: threshold
threshold: %[2]d
window: %[1]s
when: protocol == "ews"
`, window, threshold)
}

// watchDay is a few sign-ins within minutes, and what their logs cover.
func watchDay(r *rand.Rand) (lines []logged, covered map[signin.Kind]signin.Span) {
	within := pick(r, []int64{60, 300, 1500})
	for i := range 1 + r.IntN(16) {
		s := signed("08:00:00", pick(r, []string{"anna", "ben"}), pick(r, []string{"ews", "mapi", "rpc"}), pick(r, []string{"192.0.2.1", "192.0.2.2"}), pick(r, []string{"iis", "EX02"}))
		s.Facts.Time += 1000 * r.Int64N(within)
		lines = append(lines, logged{s, signin.Ref{Offset: int64(i)}})
	}
	covered = days(1)
	if r.IntN(2) == 0 {
		covered[signin.IIS] = signin.Span{From: at("08:00:00"), To: at("08:02:00")}
	}
	return lines, covered
}

// A second reading that keeps only the later steps that Watch wants finds what keeping all would find,
// counts, times and evidence included.
func TestWatchLosesNothing(t *testing.T) {
	t.Parallel()
	fired := map[string]int{}
	for seed := range uint64(1500) {
		r := newRand(seed)
		set := load(t, watchRules(r))
		lines, covered := watchDay(r)
		all, kept := newPipeline(set), newPipeline(set)
		for _, l := range lines {
			all.add(l, nil)
			kept.add(l, func(*signin.Tick, int64) bool { return false })
		}
		if w := set.Watch(kept.observed(nil).Minutes); w != nil {
			kept = newPipeline(set)
			for _, l := range lines {
				kept.add(l, func(t *signin.Tick, ms int64) bool { return w.Overlaps(ms, ms) && w.Wants(t, ms) })
			}
		}
		want := set.Findings(all.observed(covered))
		for _, f := range want {
			fired[f.Rule]++
		}
		if got := set.Findings(kept.observed(covered)); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d, window %s, threshold %d\n got %q\nwant %q", seed, set.Rules()[0].Window, set.Rules()[0].Threshold, summarized(got), summarized(want))
		}
	}
	for _, r := range load(t, watchRules(newRand(0))).Rules() {
		if fired[r.ID] < 20 {
			t.Errorf("%s fired %d times", r.ID, fired[r.ID])
		}
	}
}

// Minutes of a first step that lie in no full window, as Set.Window tells what one is, change nothing:
// a pipeline that cannot keep them all may drop them.
func TestMinutesOutsideOfFullWindowsDoNotMatter(t *testing.T) {
	t.Parallel()
	for seed := range uint64(1500) {
		r := newRand(seed)
		set := load(t, watchRules(r))
		lines, covered := watchDay(r)
		p := newPipeline(set)
		for _, l := range lines {
			p.add(l, nil)
		}
		o := p.observed(covered)
		want := set.Findings(o)
		var kept []signin.Minute
		for _, m := range o.Minutes {
			if m.Step > 0 || inFullWindow(o.Minutes, m, set.Window(m.Rule)) {
				kept = append(kept, m)
			}
		}
		o.Minutes = kept
		if got := set.Findings(o); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d, window %s, threshold %d\n got %q\nwant %q", seed, set.Rules()[0].Window, set.Rules()[0].Threshold, summarized(got), summarized(want))
		}
	}
}

// inFullWindow reports whether a window with enough ticks of the minute's group holds the minute.
func inFullWindow(all []signin.Minute, m signin.Minute, w signin.Window) bool {
	if w.Threshold <= 1 {
		return true
	}
	for from := m.Minute - w.Minutes + 1; from <= m.Minute; from++ {
		var n int64
		for _, o := range all {
			if o.Rule == m.Rule && o.Step == 0 && o.Group == m.Group && from <= o.Minute && o.Minute < from+w.Minutes {
				n += o.Count
			}
		}
		if n >= w.Threshold {
			return true
		}
	}
	return false
}
