package rules_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// brokenRules fail where the agent is no number, or where it is 0.
const brokenRules = `id: B-1
name: fails on the line
severity: high
when: protocol == "ews" && int(agent) > 3
---
id: B-2
name: fails on the key
severity: high
when: 100 % len(domain) > 1
---
id: B-3
name: fails in both steps
severity: high
type: sequence
window: 1h
steps: ['int(agent) > 3', '7 % int(agent) == 1']
---
id: B-4
name: never reaches what would fail
severity: high
when: protocol == "pop" && int(agent) > 3
---
id: B-5
name: counts
severity: high
type: threshold
threshold: 2
window: 1h
when: int(agent) > 3
---
id: G-1
name: is well
severity: low
when: auth == "basic"
`

// A rule that fails at run time is broken: it is counted and said why, and is never "no match". The
// other rules, and what the rule says of other sign-ins, stay as they are.
func TestBrokenRules(t *testing.T) {
	t.Parallel()
	set := load(t, brokenRules)
	in := []*signin.SignIn{signed("08:00:00", "anna", "agent=5"), signed("08:01:00", "anna", "agent=x"), signed("08:02:00", "anna", "agent=x", "mapi"),
		signed("08:03:00", "anna", "agent=7"), signed("08:04:00", "anna", "agent=9y")}
	in[3].Account = &signin.Account{Name: "anna", Key: "anna", Form: signin.Bare} // no domain
	if set.Broken() != nil {
		t.Error("rules are broken before a sign-in was seen")
	}
	found := find(set, days(1), numbered(in...)...)
	want := []string{`B-1 anna|ews|1|08:03:00 to 08:03:00`, `B-1 contoso\anna|ews|1|08:00:00 to 08:00:00`, `B-2 contoso\anna|ews|3|08:00:00 to 08:04:00`,
		`B-2 contoso\anna|mapi|1|08:02:00 to 08:02:00`, `G-1 anna|ews|1|08:03:00 to 08:03:00`, `G-1 contoso\anna|ews|3|08:00:00 to 08:04:00`, `G-1 contoso\anna|mapi|1|08:02:00 to 08:02:00`}
	if got := summarized(found); !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	var got []string
	for _, b := range set.Broken() {
		got = append(got, fmt.Sprintf("%s %d", b.Rule, b.Count))
		if !strings.Contains(b.Error, "int(") && !strings.Contains(b.Error, "divide by zero") || strings.ContainsAny(b.Error, "\n|") {
			t.Errorf("%s: the reason is %q", b.Rule, b.Error)
		}
	}
	// B-3 fails in two steps and is one broken rule on each of three sign-ins.
	if want := []string{"B-1 2", "B-2 1", "B-3 3", "B-5 3"}; !slices.Equal(got, want) {
		t.Errorf("broken %v, want %v", got, want)
	}
	if found := find(set, days(1), numbered(in[0])...); len(found) == 0 || len(set.Broken()) != 0 {
		t.Errorf("%d findings; broken rules are those of the last Findings: %v", len(found), set.Broken())
	}
}

// What is said of broken rules does not depend on who saw what first.
func TestBrokenInAnyOrder(t *testing.T) {
	t.Parallel()
	var want []rules.Broken
	for seed := range uint64(30) {
		r, set := newRand(seed), load(t, brokenRules)
		var lines []logged
		for i := range 60 { // the same lines for every seed
			s := signed("08:00:00", "anna", "agent="+[]string{"1", "5", "x", "y", "zz", "0"}[i%6], []string{"ews", "mapi", "rpc"}[i%3])
			s.Facts.Time += int64(i) * 1000
			lines = append(lines, logged{s, signin.Ref{Offset: int64(i)}})
		}
		r.Shuffle(len(lines), func(i, k int) { lines[i], lines[k] = lines[k], lines[i] })
		workers := 1 + r.IntN(4)
		set.Findings(dealt(set, workers, lines, func(int) int { return r.IntN(workers) }).observed(days(1)))
		if want == nil {
			want = set.Broken()
		}
		if got := set.Broken(); !reflect.DeepEqual(got, want) || len(got) != 3 {
			t.Fatalf("seed %d\n got %+v\nwant %+v", seed, got, want)
		}
	}
}

// The reason quotes what the log says, so it is kept short and on one line.
func TestReasonsAreShort(t *testing.T) {
	t.Parallel()
	set := load(t, rule("int(agent) > 3"))
	find(set, days(1), numbered(signed("08:00:00", "anna", "agent="+strings.Repeat("x\n\x1b[31m", 500)))...)
	b := set.Broken()
	if len(b) != 1 || b[0].Count != 1 || len(b[0].Error) > 200 || strings.ContainsAny(b[0].Error, "\n\x1b") {
		t.Errorf("broken %+v", b)
	}
}
