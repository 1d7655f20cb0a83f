package rules_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// everyType has rules of every type, by what rows decide and by what only lines tell, one of which
// breaks now and then.
const everyType = `id: O-1
name: match
severity: high
when: protocol in ["ews", "mapi"] && outcome == "success"
---
id: O-2
name: match by line
severity: low
group_by: [address, hour]
when: status == 200 && path != ""
---
id: O-3
name: threshold
severity: medium
type: threshold
threshold: 3
window: 10m
group_by: [protocol, user]
when: outcome == "failure"
---
id: O-4
name: distinct
severity: critical
type: threshold
threshold: 4
distinct: user
window: 30m
group_by: [address]
when: outcome != "success"
---
id: O-5
name: first seen
severity: low
type: first_seen
baseline: 2h
group_by: [user, client]
when: auth == "basic"
---
id: O-6
name: first seen from
severity: info
type: first_seen
baseline: 2h
group_by: [user, address]
when: auth == "basic"
---
id: O-7
name: sequence
severity: critical
type: sequence
threshold: 2
window: 20m
steps: [outcome == "failure", 'outcome == "success" && status == 200']
---
id: O-8
name: three steps
severity: low
type: sequence
window: 2h
group_by: [address]
steps: [protocol == "ews", protocol == "mapi", protocol == "rpc"]
---
id: O-9
name: silence
severity: info
type: absence
window: 45m
when: outcome == "success"
---
id: O-10
name: unanswered
severity: info
type: absence
window: 15m
group_by: [user]
steps: [protocol == "autodiscover", 'protocol in ["ews", "mapi"]']
---
id: O-11
name: breaks
severity: info
when: protocol == "ews" && int(client_version) > 3
`

// randomDay is sign-ins of half a day, of few accounts and addresses, so that every rule finds some.
func randomDay(seed uint64, n int) (lines []logged) {
	r := newRand(seed)
	w := newWorld(r)
	protocols := []signin.Protocol{signin.Autodiscover, signin.EWS, signin.MAPI, signin.RPC}
	for range n {
		s := w.signIn(r)
		s.Facts.Time = at("06:00:00") + r.Int64N(12*time.Hour.Milliseconds())
		s.Facts.Kind = pick(r, []signin.Kind{signin.HTTPProxy, signin.IIS})
		s.Protocol, s.Auth = pick(r, protocols), pick(r, []signin.Auth{signin.Basic, signin.NTLM})
		s.Outcome = pick(r, []signin.Outcome{signin.Success, signin.Failure})
		lines = append(lines, logged{s, signin.Ref{File: r.IntN(3), Offset: r.Int64N(1 << 40)}})
	}
	return lines
}

// Findings are the same, byte for byte and evidence included, whatever order the lines come in, however
// they are dealt to workers, and in whatever order the rows and minutes come out of them.
func TestFindingsAreTheSameInAnyOrder(t *testing.T) {
	t.Parallel()
	fired := map[string]int{}
	covered := map[signin.Kind]signin.Span{signin.HTTPProxy: {From: at("06:00:00"), To: at("18:00:00")}, signin.IIS: {From: at("06:00:00"), To: at("17:00:00")}}
	for seed := range uint64(25) {
		lines := randomDay(seed, 300)
		sortLines(lines)
		var want []rules.Finding
		var broken []rules.Broken
		r := newRand(seed)
		for round := range 4 {
			set := load(t, everyType)
			workers := 1 + round
			o := dealt(set, workers, lines, func(int) int { return r.IntN(workers) }).observed(covered)
			r.Shuffle(len(o.Usage), func(i, k int) { o.Usage[i], o.Usage[k] = o.Usage[k], o.Usage[i] })
			r.Shuffle(len(o.Minutes), func(i, k int) { o.Minutes[i], o.Minutes[k] = o.Minutes[k], o.Minutes[i] })
			got := set.Findings(o)
			if round == 0 {
				want, broken = got, set.Broken()
			}
			if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(set.Broken(), broken) {
				t.Fatalf("seed %d, %d workers: %d findings, %d with one\n%s", seed, workers, len(got), len(want), firstDifference(summarized(got), summarized(want)))
			}
			for _, f := range got {
				fired[f.Rule]++
			}
			r.Shuffle(len(lines), func(i, k int) { lines[i], lines[k] = lines[k], lines[i] })
		}
		for _, b := range broken {
			fired[b.Rule]++
		}
	}
	for _, r := range load(t, everyType).Rules() {
		if fired[r.ID] == 0 {
			t.Errorf("%s never fired", r.ID)
		}
	}
}

func firstDifference(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return "got  " + got[i] + "\nwant " + want[i]
		}
	}
	if len(got) > len(want) {
		return "got besides " + strings.Join(got[len(want):], "; ")
	}
	if len(got) < len(want) {
		return "lacks " + strings.Join(want[len(got):], "; ")
	}
	return "the evidence, or what is broken, differs"
}
