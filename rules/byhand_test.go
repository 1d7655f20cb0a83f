package rules_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// These tests hold the rules with windows against what counting by hand gives: slow, and without any
// of the bookkeeping that makes them fast.

// counted is the count of the one finding that there can be, and 0 for none.
func counted(t *testing.T, fs []rules.Finding) (n int64) {
	t.Helper()
	if len(fs) > 1 {
		t.Fatalf("%d findings: %q", len(fs), summarized(fs))
	}
	for _, f := range fs {
		n = f.Count
	}
	return n
}

// An instant is a tick of a step, in seconds.
type instant struct {
	step int32
	at   int64
}

func minutesOf(group string, all []instant) []signin.Minute {
	var ticks []tick
	for _, i := range all {
		ticks = append(ticks, tick{step: i.step, clock: fmt.Sprintf("%02d:%02d:%02d", 6+i.at/3600, i.at/60%60, i.at%60)})
	}
	return fold(group, 0, ticks...)
}

func TestDistinctByHand(t *testing.T) {
	t.Parallel()
	set := load(t, head+"type: threshold\nthreshold: 4\ndistinct: user\nwindow: 3m\ngroup_by: [address]\nwhen: internal\n")
	fires := 0
	for seed := range uint64(300) {
		r := newRand(seed)
		values := map[int64]map[uint64]bool{}
		var minutes []signin.Minute
		for range r.IntN(40) {
			m, v := at("06:00:00")/60_000+r.Int64N(30), r.Uint64N(8)+1
			if values[m] == nil {
				values[m] = map[uint64]bool{}
			}
			values[m][v] = true
			minutes = append(minutes, signin.Minute{Group: "a", Minute: m, Count: 1, First: m * 60_000, Last: m * 60_000, Distinct: []uint64{v}})
		}
		in := map[int64]bool{}
		for m := at("05:50:00") / 60_000; m < at("07:00:00")/60_000; m++ {
			have := map[uint64]bool{}
			for i := range int64(3) {
				for v := range values[m+i] {
					have[v] = true
				}
			}
			if len(have) >= 4 {
				in[m], in[m+1], in[m+2] = true, true, true
			}
		}
		var want int64
		for _, m := range minutes {
			if in[m.Minute] {
				want += m.Count
			}
		}
		if got := counted(t, set.Findings(rules.Observed{Minutes: minutes})); got != want {
			t.Fatalf("seed %d: count %d, want %d", seed, got, want)
		}
		if want > 0 {
			fires++
		}
	}
	if fires < 20 || fires > 280 {
		t.Errorf("it fires in %d of 300", fires)
	}
}

// Where no minute holds two ticks of a step, every instant is known and a sequence is exact.
func TestSequenceByHand(t *testing.T) {
	t.Parallel()
	for steps := 2; steps <= 4; steps++ {
		for threshold := 1; threshold <= 3; threshold++ {
			const window = 600
			text := head + fmt.Sprintf("type: sequence\nthreshold: %d\nwindow: 10m\nsteps: [internal, backend, privileged, legacy_exo]\n", threshold)
			if steps < 4 {
				text = head + fmt.Sprintf("type: sequence\nthreshold: %d\nwindow: 10m\nsteps: %s\n", threshold, []string{"[internal, backend]", "[internal, backend, privileged]"}[steps-2])
			}
			set, fires := load(t, text), 0
			for seed := range uint64(200) {
				r := newRand(seed)
				var all []instant
				for range 5 + r.IntN(20) {
					i := instant{int32(r.IntN(steps)), r.Int64N(45 * 60)}
					if !slices.ContainsFunc(all, func(o instant) bool { return o.step == i.step && o.at/60 == i.at/60 }) {
						all = append(all, i)
					}
				}
				want := sequenceByHand(all, int32(steps-1), window, threshold)
				if got := counted(t, set.Findings(rules.Observed{Minutes: minutesOf("a", all)})); got != want {
					t.Fatalf("%d steps, threshold %d, seed %d: count %d, want %d: %v", steps, threshold, seed, got, want, all)
				}
				if want > 0 {
					fires++
				}
			}
			if fires == 0 || fires == 200 {
				t.Errorf("%d steps, threshold %d: it fires in %d of 200", steps, threshold, fires)
			}
		}
	}
}

// sequenceByHand counts the instants of all runs that end within the window, and of the steps before
// the last all that lie in the window of one.
func sequenceByHand(all []instant, last int32, window int64, threshold int) int64 {
	var begins func(end instant) []int64
	begins = func(end instant) (out []int64) {
		if end.step == 0 {
			return []int64{end.at}
		}
		for _, i := range all {
			if i.step == end.step-1 && i.at < end.at {
				out = append(out, begins(i)...)
			}
		}
		return out
	}
	counts := map[instant]bool{}
	for _, end := range all {
		if end.step != last || !slices.ContainsFunc(begins(end), func(t int64) bool { return end.at-t <= window }) {
			continue
		}
		var before []instant
		firsts := 0
		for _, i := range all {
			if i.step < last && i.at < end.at && end.at-i.at <= window {
				before = append(before, i)
				if i.step == 0 {
					firsts++
				}
			}
		}
		if firsts < threshold {
			continue
		}
		counts[end] = true
		for _, i := range before {
			counts[i] = true
		}
	}
	return int64(len(counts))
}

func TestAbsenceByHand(t *testing.T) {
	t.Parallel()
	silence := load(t, head+"type: absence\nwindow: 10m\nwhen: internal\n")
	answers := load(t, head+"type: absence\nwindow: 10m\ngroup_by: [user]\nsteps: [internal, backend]\n")
	covered := map[signin.Kind]signin.Span{signin.IIS: {From: at("06:10:00"), To: at("06:50:00")}}
	const from, to, window = 600, 3000, 600
	fires := 0
	for seed := range uint64(300) {
		r := newRand(seed)
		var all []instant
		for range 1 + r.IntN(14) {
			all = append(all, instant{int32(r.IntN(2)), r.Int64N(to + 1)})
		}
		first := slices.DeleteFunc(slices.Clone(all), func(i instant) bool { return i.step > 0 })
		slices.SortFunc(first, func(a, b instant) int { return int(a.at - b.at) })
		var gaps, alone int64
		lastOf := map[int64]int64{}
		for i, x := range first {
			until := int64(to)
			if i+1 < len(first) {
				until = first[i+1].at
			}
			if x.at >= from && until-x.at > window {
				gaps++
			}
			lastOf[x.at/60] = x.at
		}
		for _, x := range first {
			// What of a minute came last is what waits for an answer.
			end := lastOf[x.at/60]
			answered := slices.ContainsFunc(all, func(a instant) bool { return a.step == 1 && end <= a.at && a.at <= end+window })
			if !answered && end >= from && end+window <= to {
				alone++
			}
		}
		if got := counted(t, silence.Findings(rules.Observed{Minutes: minutesOf("ex01\toutmode.iis", first), Covered: covered})); got != gaps {
			t.Fatalf("seed %d: %d silences, want %d: %v", seed, got, gaps, first)
		}
		if got := counted(t, answers.Findings(rules.Observed{Minutes: minutesOf("anna\toutmode.iis", all), Covered: covered})); got != alone {
			t.Fatalf("seed %d: %d without an answer, want %d: %v", seed, got, alone, all)
		}
		if gaps > 0 && alone > 0 {
			fires++
		}
	}
	if fires < 20 || fires > 280 {
		t.Errorf("both fire in %d of 300", fires)
	}
}
