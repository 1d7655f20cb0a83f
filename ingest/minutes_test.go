package ingest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/outmode/outmode/internal/signin"
)

// ticked is a tick at its time.
type ticked struct {
	signin.Tick
	ms int64
}

// ticksOf makes n ticks of two rules in a day, of groups of which a few are busy.
func ticksOf(r *rand.Rand, n, groups int) []ticked {
	all := make([]ticked, n)
	for i := range all {
		g := r.IntN(groups)
		if r.IntN(3) == 0 {
			g = r.IntN(3)
		}
		all[i] = ticked{signin.Tick{Rule: int32(r.IntN(2)), Group: fmt.Appendf(nil, "group %d", g)}, int64(r.IntN(86_400_000))}
	}
	return all
}

// A series is the ticks of one rule and group.
type series struct {
	rule  int32
	group string
}

func windowOf(rule int32) signin.Window {
	return [2]signin.Window{{Threshold: 8, Minutes: 60}, {Threshold: 300, Minutes: 600, Distinct: 3}}[rule]
}

func (m *minutes) all(ticks []ticked) {
	for i := range ticks {
		t := &ticks[i]
		m.tick(&t.Tick, wait{}, signin.Ref{Offset: int64(i)}, t.ms)
	}
}

func TestCrowdsPromiseEveryFullWindow(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		ticks := ticksOf(rand.New(rand.NewPCG(seed, 1)), 4000, 200)
		c := newCrowds(crowdBits, windowOf)
		at := map[series][]int64{}
		for _, x := range ticks {
			c.add(x.Rule, crowdHash(x.Rule, x.Group), x.ms/minuteMs, 1)
			k := series{x.Rule, string(x.Group)}
			at[k] = append(at[k], x.ms/minuteMs)
		}
		full, empty := 0, 0
		for k, minutes := range at {
			slices.Sort(minutes)
			w := windowOf(k.rule)
			for i, from := range minutes {
				to, _ := slices.BinarySearch(minutes, from+w.Minutes)
				if int64(to-i) < w.Threshold {
					continue
				}
				for _, m := range minutes[i:to] {
					if full++; !c.promises(k.rule, []byte(k.group), m) {
						t.Fatalf("seed %d: %v has %d ticks from minute %d on, and minute %d promises nothing", seed, k, to-i, from, m)
					}
				}
			}
			if !c.promises(k.rule, []byte(k.group), minutes[0]) {
				empty++
			}
		}
		if full == 0 || empty < len(at)/4 {
			t.Errorf("seed %d: %d minutes in full windows, %d of %d groups promise nothing: the test shows little", seed, full, empty, len(at))
		}
	}
}

func TestCrowdsAreTheSameInAnyOrder(t *testing.T) {
	t.Parallel()
	ticks := ticksOf(rand.New(rand.NewPCG(1, 2)), 20_000, 50)
	one, two := newCrowds(crowdBits, windowOf), newCrowds(crowdBits, windowOf)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := i; n < len(ticks); n += 4 {
				x := &ticks[len(ticks)-1-n]
				two.add(x.Rule, crowdHash(x.Rule, x.Group), x.ms/minuteMs, 1)
			}
		})
	}
	for _, x := range ticks {
		one.add(x.Rule, crowdHash(x.Rule, x.Group), x.ms/minuteMs, 1)
	}
	wg.Wait()
	for row := range one.cells {
		for i := range one.cells[row] {
			if a, b := one.cells[row][i].Load(), two.cells[row][i].Load(); a != b {
				t.Fatalf("row %d, cell %d: %x and %x", row, i, a, b)
			}
		}
	}
}

// A rule with too many groups keeps some of them, whole, whatever the pieces it is told in.
func TestSampleKeepsWholeGroups(t *testing.T) {
	t.Parallel()
	ticks := ticksOf(rand.New(rand.NewPCG(3, 3)), 9000, 800)
	counts := map[string]int64{}
	for _, x := range ticks {
		counts[fmt.Sprint(x.Rule, string(x.Group))]++
	}
	b := bounds{minutes: 500, window: windowOf}
	var want *minutes
	for _, pieces := range []int{1, 3, 7} {
		sum := &minutes{bounds: b}
		for i := range pieces {
			part := &minutes{bounds: b}
			part.all(ticks[len(ticks)*i/pieces : len(ticks)*(i+1)/pieces])
			sum.merge(part, nil)
		}
		kept, total := map[string]int64{}, sum.lost
		for _, mk := range sum.order {
			kept[fmt.Sprint(mk.rule, mk.group)] += sum.of[mk].Count
			total += sum.of[mk].Count
		}
		if total != int64(len(ticks)) || len(kept) < 100 || sum.lost == 0 {
			t.Errorf("%d pieces: %d groups, %d ticks kept or lost of %d", pieces, len(kept), total, len(ticks))
		}
		for g, n := range kept {
			if n != counts[g] {
				t.Errorf("%d pieces: %s has %d ticks of %d", pieces, g, n, counts[g])
			}
		}
		if want == nil {
			want = sum
		}
		if sum.lost != want.lost || len(sum.of) != len(want.of) {
			t.Errorf("%d pieces: %d minutes and %d lost; one piece: %d and %d", pieces, len(sum.of), sum.lost, len(want.of), want.lost)
		}
	}
}

// What prune leaves out never hides a full window: either all of it is still there, or a second reading
// is asked for.
func TestPruningHidesNoFullWindow(t *testing.T) {
	t.Parallel()
	windowOf := func(rule int32) signin.Window {
		return [2]signin.Window{{Threshold: 8, Minutes: 60}, {Threshold: 20, Minutes: 90, Distinct: 3}}[rule]
	}
	kept, again := 0, 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 9))
		ticks := ticksOf(r, 6000, 1400)
		slices.SortStableFunc(ticks, func(a, b ticked) int { return cmp.Compare(a.ms, b.ms) }) // as logs are, mostly
		pruned := newCrowds(strayBits, windowOf)
		full := false
		b := bounds{minutes: 300 + r.IntN(3600), window: windowOf, strays: func() *crowds { return pruned },
			crowds: func() *crowds { full = true; return newCrowds(crowdBits, windowOf) }}
		sum, workers := &minutes{bounds: b}, 1+r.IntN(9)
		// One worker's log ends early: what it keeps as recent, others leave out.
		end := int64(r.IntN(86_400_000))
		for w := range workers {
			part := &minutes{bounds: b}
			for i := range ticks {
				of := i % workers
				if of == workers-1 && ticks[i].ms > end {
					of = 0
				}
				if of == w {
					part.all(ticks[i : i+1])
				}
			}
			sum.merge(part, nil)
		}
		if full || pruned.full.Load() || sum.missing(pruned) {
			again++
			continue
		}
		all, have := map[series][]int64{}, map[minuteKey]int64{}
		for _, x := range ticks {
			k := series{x.Rule, string(x.Group)}
			all[k] = append(all[k], x.ms/minuteMs)
			have[minuteKey{rule: x.Rule, group: string(x.Group), minute: x.ms / minuteMs}]++
		}
		for k, at := range all {
			w := windowOf(k.rule)
			for i, from := range at {
				to, _ := slices.BinarySearch(at, from+w.Minutes)
				if int64(to-i) < w.Threshold {
					continue
				}
				for _, m := range at[i:to] {
					mk := minuteKey{rule: k.rule, group: k.group, minute: m}
					if kept++; sum.of[mk] == nil || sum.of[mk].Count != have[mk] {
						t.Fatalf("seed %d: minute %d of %v is in a full window and was left out", seed, m, k)
					}
				}
			}
		}
	}
	if kept == 0 || again == 0 {
		t.Errorf("%d minutes of full windows looked at, %d second readings: the test shows little", kept, again)
	}
}

// A window of which every worker saw too little asks for a second reading, whether all of them left it
// out or one still has its share.
func TestLeftOutEverywhereIsNoticed(t *testing.T) {
	t.Parallel()
	const group, minute = "attacked", 100
	windowOf := func(int32) signin.Window { return signin.Window{Threshold: 20, Minutes: 60} }
	for _, c := range []struct {
		name          string
		leave, keep   int // workers with 4 ticks each, that leave them out or keep them
		again, inFull bool
	}{
		{"five left out", 5, 0, true, true},
		{"four left out, one kept", 4, 1, true, false},
		{"four left out", 4, 0, false, false},
		{"three left out, one kept", 3, 1, false, false},
		{"five kept", 0, 5, false, false},
	} {
		strays := newCrowds(strayBits, windowOf)
		b := bounds{minutes: 200, window: windowOf, strays: func() *crowds { return strays },
			crowds: func() *crowds { t.Errorf("%s: it spilled", c.name); return newCrowds(crowdBits, windowOf) }}
		sum := &minutes{bounds: b}
		for w := range c.leave + c.keep {
			part := &minutes{bounds: b}
			for i := range 4 {
				part.all([]ticked{{signin.Tick{Group: []byte(group)}, (minute + int64(i)) * minuteMs}})
			}
			for i := range 300 { // what comes later makes the first leave out what is old
				if w < c.leave {
					part.all([]ticked{{signin.Tick{Group: fmt.Appendf(nil, "other %d", i)}, (minute + 200 + 3*int64(i)) * minuteMs}})
				}
			}
			for _, mk := range part.order {
				if mk.group == group && w < c.leave {
					t.Fatalf("%s: worker %d left nothing out", c.name, w)
				}
			}
			sum.merge(part, nil)
		}
		if again := strays.full.Load() || sum.missing(strays); again != c.again || strays.full.Load() != c.inFull {
			t.Errorf("%s: a second reading %v, want %v; strays are full: %v", c.name, again, c.again, strays.full.Load())
		}
	}
}
