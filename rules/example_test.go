package rules_test

import (
	"fmt"
	"time"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// Rules are loaded, a Judge says which of them a sign-in meets, and what was judged becomes findings.
func Example() {
	set, problems := rules.Load([]rules.File{{Name: "my.yaml", Data: []byte(`
id: MY-1
name: Basic authentication of a service account
severity: high
when: auth == "basic" && outcome == "success" && glob(user, "svc-*")
`)}})
	if len(problems) > 0 {
		fmt.Println(problems)
		return
	}

	// A decoder reads this from a log line.
	facts := signin.Facts{Kind: signin.HTTPProxy, Time: time.Date(2026, 10, 6, 8, 0, 0, 0, time.UTC).UnixMilli(), Label: []byte("Ews"),
		AuthType: []byte("Basic"), Authenticated: true, Account: []byte(`CONTOSO\svc-scan`), Status: 200, Address: []byte("192.0.2.7")}
	classifier := signin.NewClassifier(&signin.Organisation{Internal: signin.DefaultInternal()})
	var s signin.SignIn
	classifier.Classify(&facts, &s)

	judge := set.NewJudge() // one for each worker
	hits := judge.Line(judge.Row(&s), &s)
	row := signin.Usage{Kind: facts.Kind, Account: s.Account, Protocol: s.Protocol, Auth: s.Auth, Outcome: s.Outcome, Evidence: s.Evidence,
		Count: 1, First: facts.Time, Last: facts.Time, Hits: hits}
	for _, f := range set.Findings(rules.Observed{Usage: []signin.Usage{row}}) {
		fmt.Printf("%s %s: %s on %s, %d times, last %s\n", f.Level, f.Rule, f.Subject, f.Protocol, f.Count, f.Last.Format(time.DateTime))
	}
	// Output: high MY-1: contoso\svc-scan on ews, 1 times, last 2026-10-06 08:00:00
}

// Every mistake of every file is named at once, at its place.
func ExampleLoad() {
	_, problems := rules.Load([]rules.File{{Name: "my.yaml", Data: []byte(`id: MY-1
nmae: a typo
severity: high
when: protocol == "ewss" && internal
`)}})
	for _, p := range problems {
		fmt.Println(p)
	}
	// Output:
	// my.yaml:1:1: this rule has no name
	// my.yaml:2:1: a rule has no key "nmae"; did you mean "name"?
	// my.yaml:4:19: protocol is never "ewss"; did you mean "ews"?
}

// Explain names the clause of a rule that a sign-in does not meet.
func ExampleSet_Explain() {
	set, _ := rules.Load([]rules.File{{Name: "my.yaml", Data: []byte(`
id: MY-1
name: Basic from outside
severity: high
when: auth == "basic" && outcome == "success" && !(address startsWith "10.")
`)}})
	facts := signin.Facts{Kind: signin.HTTPProxy, Label: []byte("Ews"), AuthType: []byte("Basic"), Authenticated: true,
		Account: []byte(`CONTOSO\anna`), Status: 200, Address: []byte("10.1.2.3")}
	var s signin.SignIn
	signin.NewClassifier(&signin.Organisation{}).Classify(&facts, &s)
	for _, x := range set.Explain(&s) {
		fmt.Println(x.Rule, "fires:", x.Fires, "nearly:", x.Nearly, "not met:", x.Missing())
	}
	// Output: MY-1 fires: false nearly: true not met: !(address startsWith "10.")
}
