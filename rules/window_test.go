package rules_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// day is where the times of these tests begin.
var day = time.Date(2026, 10, 6, 0, 0, 0, 0, time.UTC)

// at is day plus a clock time, in Unix milliseconds.
func at(clock string) int64 {
	d, err := time.Parse("15:04:05", clock)
	if err != nil {
		panic(err)
	}
	return day.Add(time.Duration(d.Hour())*time.Hour + time.Duration(d.Minute())*time.Minute + time.Duration(d.Second())*time.Second).UnixMilli()
}

// A tick is a sign-in that counts.
type tick struct {
	step  int32
	clock string
	value uint64
}

// fold adds ticks up to minutes, as a pipeline does.
func fold(group string, limit int, ticks ...tick) []signin.Minute {
	type key struct {
		step int32
		at   int64
	}
	by := map[key]*signin.Minute{}
	var out []signin.Minute
	for i, t := range ticks {
		ms := at(t.clock)
		k := key{t.step, ms / 60_000}
		m := by[k]
		if m == nil {
			m = &signin.Minute{Step: t.step, Group: group, Minute: k.at, First: ms, Last: ms, At: signin.Ref{Offset: int64(i)}}
			by[k] = m
		}
		m.Count++
		m.First, m.Last = min(m.First, ms), max(m.Last, ms)
		if t.value != 0 && len(m.Distinct) < limit && !slices.Contains(m.Distinct, t.value) {
			m.Distinct = append(m.Distinct, t.value)
		}
	}
	for _, m := range by {
		out = append(out, *m)
	}
	return out
}

func series(step int32, clocks ...string) (ts []tick) {
	for _, c := range clocks {
		ts = append(ts, tick{step: step, clock: c})
	}
	return ts
}

func every(n int, from string, gap time.Duration) (ts []tick) {
	t := time.UnixMilli(at(from)).UTC()
	for i := range n {
		ts = append(ts, tick{clock: t.Add(time.Duration(i) * gap).Format("15:04:05"), value: uint64(i + 1)})
	}
	return ts
}

// summary is what tests compare of a finding.
func summary(fs []rules.Finding) (out []string) {
	for _, f := range fs {
		out = append(out, fmt.Sprintf("%s %s %s %d %s-%s", f.Rule, f.Subject, f.Protocol, f.Count, f.First.Format("15:04:05"), f.Last.Format("15:04:05")))
	}
	return out
}

var whole = map[signin.Kind]signin.Span{
	signin.IIS:       {From: day.UnixMilli(), To: day.Add(24 * time.Hour).UnixMilli()},
	signin.HTTPProxy: {From: day.UnixMilli(), To: day.Add(10 * time.Hour).UnixMilli()},
}

func TestWindows(t *testing.T) {
	t.Parallel()
	const h = "id: T-1\nname: Test\nseverity: high\n"
	count := h + "type: threshold\nthreshold: 5\nwindow: 10m\nwhen: internal\n"
	values := h + "type: threshold\nthreshold: 3\ndistinct: path\nwindow: 10m\nwhen: internal\n"
	run := h + "type: sequence\nthreshold: 3\nwindow: 10m\nsteps: [internal, backend]\n"
	three := h + "type: sequence\nwindow: 1h\nsteps: [internal, backend, privileged]\n"
	silence := h + "type: absence\nwindow: 1h\nwhen: internal\n"
	answer := h + "type: absence\nwindow: 10m\ngroup_by: [user]\nsteps: [internal, backend]\n"
	for name, c := range map[string]struct {
		rule    string
		minutes []signin.Minute
		want    []string
	}{
		"five in ten minutes":            {count, fold("anna", 0, every(5, "08:00:00", 2*time.Minute)...), []string{"T-1 anna  5 08:00:00-08:08:00"}},
		"five in eleven minutes":         {count, fold("anna", 0, series(0, "08:00:00", "08:01:00", "08:02:00", "08:03:00", "08:10:00")...), nil},
		"over midnight of no hour":       {count, fold("anna", 0, every(5, "08:58:30", time.Minute)...), []string{"T-1 anna  5 08:58:30-09:02:30"}},
		"all windows that fire":          {count, fold("anna", 0, slices.Concat(every(7, "08:00:00", time.Minute), every(4, "10:00:00", time.Minute), every(6, "12:00:00", time.Second))...), []string{"T-1 anna  13 08:00:00-12:00:05"}},
		"a window is whole minutes":      {h + "type: threshold\nthreshold: 2\nwindow: 61s\nwhen: internal\n", fold("anna", 0, series(0, "08:00:00", "08:01:59")...), []string{"T-1 anna  2 08:00:00-08:01:59"}},
		"three values":                   {values, fold("anna", 3, every(3, "08:00:00", time.Minute)...), []string{"T-1 anna  3 08:00:00-08:02:00"}},
		"two values, often":              {values, fold("anna", 3, slices.Concat(every(2, "08:00:00", time.Minute), every(2, "08:02:00", time.Minute))...), nil},
		"three values, too far apart":    {values, fold("anna", 3, every(3, "08:00:00", 6*time.Minute)...), nil},
		"three, then the other":          {run, fold("anna", 0, append(every(3, "08:00:00", time.Minute), tick{step: 1, clock: "08:05:00"})...), []string{"T-1 anna  4 08:00:00-08:05:00"}},
		"two, then the other":            {run, fold("anna", 0, append(every(2, "08:00:00", time.Minute), tick{step: 1, clock: "08:05:00"})...), nil},
		"the other first":                {run, fold("anna", 0, append(every(3, "08:01:00", time.Minute), tick{step: 1, clock: "08:00:30"})...), nil},
		"the other between":              {run, fold("anna", 0, append(every(6, "08:00:00", time.Minute), tick{step: 1, clock: "08:03:30"})...), []string{"T-1 anna  5 08:00:00-08:03:30"}},
		"the other in the same minute":   {run, fold("anna", 0, append(every(3, "08:00:00", 10*time.Second), tick{step: 1, clock: "08:00:50"})...), []string{"T-1 anna  4 08:00:00-08:00:50"}},
		"in the same instant":            {run, fold("anna", 0, slices.Concat(series(0, "08:00:00", "08:00:00", "08:00:00"), series(1, "08:00:00"))...), nil},
		"one after it, in its minute":    {run, fold("anna", 0, slices.Concat(series(0, "08:00:00", "08:00:10", "08:00:59"), series(1, "08:00:50"))...), nil},
		"too late":                       {run, fold("anna", 0, append(every(3, "08:00:00", time.Minute), tick{step: 1, clock: "08:13:00"})...), nil},
		"one step after the other":       {three, fold("anna", 0, slices.Concat(series(0, "08:00:00"), series(1, "08:20:00"), series(2, "08:40:00"))...), []string{"T-1 anna  3 08:00:00-08:40:00"}},
		"steps out of order":             {three, fold("anna", 0, slices.Concat(series(0, "08:20:00"), series(1, "08:00:00"), series(2, "08:40:00"))...), nil},
		"steps too far apart":            {three, fold("anna", 0, slices.Concat(series(0, "08:00:00"), series(1, "08:50:00"), series(2, "09:01:00"))...), nil},
		"a later beginning fits":         {three, fold("anna", 0, slices.Concat(series(0, "08:00:00", "08:30:00"), series(1, "08:20:00", "08:50:00"), series(2, "09:10:00"))...), []string{"T-1 anna  4 08:20:00-09:10:00"}},
		"gone, and the log goes on":      {silence, fold("ex01\toutmode.iis", 0, every(3, "08:00:00", time.Minute)...), []string{"T-1 ex01  1 08:02:00-00:00:00"}},
		"gone, and the log ends":         {silence, fold("ex01\toutmode.httpproxy", 0, every(3, "09:30:00", time.Minute)...), nil},
		"a pause":                        {silence, fold("ex01\toutmode.httpproxy", 0, series(0, "03:00:00", "05:00:00", "05:30:00", "09:59:00", "09:00:00")...), []string{"T-1 ex01  2 03:00:00-09:00:00"}},
		"one of two logs goes on":        {silence, slices.Concat(fold("ex01\toutmode.iis", 0, series(0, "09:10:00")...), fold("ex01\toutmode.httpproxy", 0, series(0, "09:00:00")...)), nil},
		"a log that is not covered":      {silence, fold("ex01\toutmode.imap", 0, series(0, "08:00:00")...), nil},
		"not answered":                   {answer, slices.Concat(fold("anna\toutmode.iis", 0, slices.Concat(series(0, "08:00:00", "09:00:00"), series(1, "08:05:00"))...), fold("ben\toutmode.iis", 0, series(0, "07:00:00", "07:00:30")...)), []string{"T-1 anna  1 09:00:00-09:00:00", "T-1 ben  2 07:00:00-07:00:30"}},
		"answered, but too late":         {answer, fold("anna\toutmode.iis", 0, slices.Concat(series(0, "08:00:00"), series(1, "08:10:30"))...), []string{"T-1 anna  1 08:00:00-08:00:00"}},
		"the log ends before the answer": {answer, fold("anna\toutmode.httpproxy", 0, series(0, "09:55:00")...), nil},
		"the answer's log ends":          {answer, slices.Concat(fold("anna\toutmode.iis", 0, series(0, "11:00:00")...), fold("ben\toutmode.httpproxy", 0, series(1, "08:00:00")...)), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := summary(load(t, c.rule).Findings(rules.Observed{Minutes: c.minutes, Covered: whole}))
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

const windowRules = `id: T-1
name: count
severity: high
type: threshold
threshold: 6
window: 5m
when: internal
---
id: T-2
name: values
severity: low
type: threshold
threshold: 4
distinct: path
window: 7m
when: internal
---
id: T-3
name: run
severity: low
type: sequence
threshold: 2
window: 9m
steps: [internal, backend, privileged]
---
id: T-4
name: silence
severity: info
type: absence
window: 10m
when: internal
---
id: T-5
name: answer
severity: critical
type: absence
group_by: [user]
window: 4m
steps: [internal, backend]
---
id: T-6
name: by line
severity: critical
group_by: [address]
when: internal
---
id: T-7
name: new
severity: low
type: first_seen
baseline: 1h
group_by: [user, address]
when: internal
`

// randomTicks are ticks of all rules of windowRules, each as a minute of its own.
func randomTicks(r *rand.Rand) (out []signin.Minute) {
	steps := []int{1, 1, 3, 1, 2, 1, 1}
	for range 50 + r.IntN(400) {
		rule := r.IntN(len(steps))
		ms := at("06:00:00") + r.Int64N(2*3600*1000)
		group := pick(r, []string{"a", "b"})
		switch rule {
		case 3, 4:
			group += "\t" + pick(r, []string{"outmode.iis", "outmode.httpproxy"})
		case 5:
			group += "\t" + pick(r, []string{"ews", "mapi"})
		case 6:
			group += "\t" + pick(r, []string{"192.0.2.1", "192.0.2.2"}) + "\toutmode.iis"
		}
		m := signin.Minute{Rule: int32(rule), Step: int32(r.IntN(steps[rule])), Group: group, Minute: ms / 60_000, Count: 1, First: ms, Last: ms,
			At: signin.Ref{File: r.IntN(3), Offset: r.Int64N(1000)}}
		if rule == 1 {
			m.Distinct = []uint64{r.Uint64N(9) + 1}
		}
		out = append(out, m)
	}
	return out
}

// merge joins minutes of one rule, step, group and minute, as a pipeline does when it reads on.
func merge(r *rand.Rand, in []signin.Minute, limit func(int32) int) (out []signin.Minute) {
	for _, m := range in {
		i := slices.IndexFunc(out, func(o signin.Minute) bool {
			return o.Rule == m.Rule && o.Step == m.Step && o.Group == m.Group && o.Minute == m.Minute
		})
		if i < 0 || r.IntN(4) == 0 {
			m.Distinct = slices.Clone(m.Distinct)
			out = append(out, m)
			continue
		}
		o := &out[i]
		o.Count += m.Count
		o.First, o.Last = min(o.First, m.First), max(o.Last, m.Last)
		for _, v := range m.Distinct {
			if len(o.Distinct) < limit(m.Rule) && !slices.Contains(o.Distinct, v) {
				o.Distinct = append(o.Distinct, v)
			}
		}
		if m.At.Before(o.At) {
			o.At = m.At
		}
	}
	return out
}

// The findings are the same whatever the order of the minutes, and however they are split and merged:
// live, replayed, or from many files.
func TestFindingsDoNotDependOnTheOrder(t *testing.T) {
	t.Parallel()
	set := load(t, windowRules)
	fired := map[string]int{}
	for seed := range uint64(150) {
		r := newRand(seed)
		ticks := randomTicks(r)
		want := set.Findings(rules.Observed{Minutes: ticks, Covered: whole})
		for _, f := range want {
			fired[f.Rule]++
		}
		for range 3 {
			r.Shuffle(len(ticks), func(i, k int) { ticks[i], ticks[k] = ticks[k], ticks[i] })
			minutes := merge(r, ticks, limitOf(set))
			got := set.Findings(rules.Observed{Minutes: minutes, Covered: whole})
			// Merging keeps one line of a minute, so what is cited depends on it; all else must not.
			if !reflect.DeepEqual(strip(got), strip(want)) {
				t.Fatalf("seed %d\n got %q\nwant %q", seed, summary(got), summary(want))
			}
			if again := set.Findings(rules.Observed{Minutes: ticks, Covered: whole}); !reflect.DeepEqual(again, want) {
				t.Fatalf("seed %d: the evidence depends on the order", seed)
			}
		}
	}
	for _, r := range set.Rules() {
		if fired[r.ID] == 0 {
			t.Errorf("%s never fired", r.ID)
		}
	}
}

func strip(fs []rules.Finding) []rules.Finding {
	fs = slices.Clone(fs)
	for i := range fs {
		fs[i].Evidence = nil
	}
	return fs
}

// A threshold over minutes is what counting every sign-in by hand gives.
func TestThresholdByHand(t *testing.T) {
	t.Parallel()
	set := load(t, "id: T-1\nname: count\nseverity: high\ntype: threshold\nthreshold: 4\nwindow: 3m\nwhen: internal\n")
	for seed := range uint64(300) {
		r := newRand(seed)
		var minutes []signin.Minute
		counts := map[int64]int64{}
		for range r.IntN(40) {
			m := at("06:00:00")/60_000 + r.Int64N(40)
			counts[m]++
			minutes = append(minutes, signin.Minute{Group: "a", Minute: m, Count: 1, First: m * 60_000, Last: m * 60_000})
		}
		fires, want := map[int64]bool{}, int64(0)
		for m := at("05:50:00") / 60_000; m < at("07:00:00")/60_000; m++ {
			if counts[m]+counts[m+1]+counts[m+2] >= 4 {
				fires[m], fires[m+1], fires[m+2] = true, true, true
			}
		}
		for m := range fires {
			want += counts[m]
		}
		var got int64
		for _, f := range set.Findings(rules.Observed{Minutes: minutes}) {
			got += f.Count
		}
		if got != want {
			t.Fatalf("seed %d: count %d, want %d", seed, got, want)
		}
	}
}
