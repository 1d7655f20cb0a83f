package rules_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/outmode/outmode/rules"
)

// tried are rules whose tests name sign-ins, one a line, instead of log lines: what reads log lines is
// another room's work.
const tried = `id: T-1
name: Basic
severity: low
when: auth == "basic"
tests:
  - {name: fires, log: "anna ews\nanna ews", expect: {fires: true}}
  - {name: with all said, log: "anna ews\nanna ews", expect: {fires: true, subject: 'CONTOSO\Anna', protocol: ews, count: 2}}
  - {name: one of several, log: "anna ews\nben mapi", expect: {fires: true, subject: 'contoso\ben', protocol: mapi, count: 1}}
  - {name: another subject, log: "anna ews", expect: {fires: true, subject: 'contoso\ben'}}
  - {name: another protocol, log: "anna ews", expect: {fires: true, protocol: mapi}}
  - {name: another count, log: "anna ews", expect: {fires: true, count: 2}}
  - {name: never, log: "anna ntlm", expect: {fires: true}}
  - {name: silent, log: "anna ntlm", expect: {fires: false}}
  - {name: silent for ben, log: "anna ews", expect: {fires: false, subject: 'contoso\ben'}}
  - {name: not silent, log: "anna ews\nben mapi", expect: {fires: false}}
  - {name: unreadable, log: oops, expect: {fires: false}}
---
id: T-2
name: Breaks
severity: low
when: auth == "basic" && int(user) > 3
tests:
  - {name: breaks, log: "anna ews", expect: {fires: false}}
  - {name: does not, log: "7 ews", expect: {fires: true}}
---
id: X-3
name: Untested both ways
severity: low
when: auth == "ntlm"
---
id: X-4
name: Positive only
severity: low
when: auth == "ntlm"
tests:
  - {name: ntlm, logs: [{log: "anna ntlm"}, {log: "ben ntlm"}], expect: {fires: true, subject: 'contoso\ben'}}
`

// replay reads the sign-ins of a test: an account and one word.
func replay(set *rules.Set, logs []rules.TestLog, _ bool) (rules.Observed, error) {
	p := newPipeline(set)
	for i, log := range logs {
		for line := range strings.Lines(string(log.Lines)) {
			user, word, ok := strings.Cut(strings.TrimSpace(line), " ")
			if !ok {
				return rules.Observed{}, errors.New("no such sign-in: " + user)
			}
			l := numbered(signed("08:00:00", user, word))[0]
			l.at.File = i
			p.add(l, nil)
		}
	}
	return p.observed(days(1)), nil
}

func TestTestsOfRules(t *testing.T) {
	t.Parallel()
	set := load(t, tried)
	want := []string{
		`T-1 fires: ok`, `T-1 with all said: ok`, `T-1 one of several: ok`,
		`T-1 another subject: expected a finding for contoso\ben, found a finding for contoso\anna on ews with count 1`,
		`T-1 another protocol: expected a finding on mapi, found a finding for contoso\anna on ews with count 1`,
		`T-1 another count: expected a finding with count 2, found a finding for contoso\anna on ews with count 1`,
		`T-1 never: expected a finding, found nothing in 1 sign-in`,
		`T-1 silent: ok`, `T-1 silent for ben: ok`,
		`T-1 not silent: expected nothing, found a finding for contoso\anna on ews with count 1; a finding for contoso\ben on mapi with count 1`,
		`T-1 unreadable: reading the log lines: no such sign-in: oops`,
		`T-2 breaks: the rule is broken: invalid operation: int(anna)`,
		`T-2 does not: ok`,
		`X-4 ntlm: ok`,
	}
	var got []string
	for _, r := range set.Test(replay, "") {
		if r.File != "test.yaml" || r.Line < 6 || r.Passed != (r.Why == "") {
			t.Errorf("result %+v", r)
		}
		if r.Passed {
			r.Why = "ok"
		}
		got = append(got, fmt.Sprintf("%s %s: %s", r.Rule, r.Test, r.Why))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	if b := set.Broken(); b != nil {
		t.Errorf("rules are broken by tests, not by what was read: %v", b)
	}
}

func TestTestsByIDOrName(t *testing.T) {
	t.Parallel()
	set := load(t, tried)
	for filter, want := range map[string]int{"": 14, "T-2": 2, "t-": 13, "basic": 11, "BREAKS": 2, "x-3": 0, "nothing": 0} {
		if got := len(set.Test(replay, filter)); got != want {
			t.Errorf("%q runs %d tests, want %d", filter, got, want)
		}
	}
}

func TestUntested(t *testing.T) {
	t.Parallel()
	got := fmt.Sprint(load(t, tried).Untested())
	if want := "[{X-3 true true} {X-4 false true}]"; got != want {
		t.Errorf("untested %s, want %s", got, want)
	}
}
