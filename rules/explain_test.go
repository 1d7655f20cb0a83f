package rules_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// told is an explanation as the tests write it: the step where there are several, what the rule does,
// and the clauses that do not hold.
func told(x rules.Explanation) string {
	word := "no"
	switch {
	case x.Fires:
		word = "fires"
	case x.Counts:
		word = "counts as " + x.As
	case x.Error != "":
		word = "error"
	case x.Nearly:
		word = "nearly"
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", x.Step, word, x.Missing()))
}

func TestExplain(t *testing.T) {
	t.Parallel()
	basic := signed("08:00:00", "anna")
	const run = head + "type: sequence\nwindow: 1h\n"
	for name, c := range map[string]struct {
		rule string
		s    *signin.SignIn
		want string
	}{
		"fires":                       {rule(`auth == "basic" && protocol == "ews"`), basic, `0 fires`},
		"one clause is false":         {rule(`auth == "basic" && protocol == "mapi"`), basic, `0 nearly protocol == "mapi"`},
		"two clauses are false":       {rule(`auth == "ntlm" && protocol == "mapi" && !internal`), basic, `0 no auth == "ntlm" and protocol == "mapi"`},
		"a single clause is not near": {rule(`protocol == "mapi"`), basic, `0 no protocol == "mapi"`},
		"or is one clause":            {rule(`auth == "basic" && (protocol == "mapi" || internal)`), basic, `0 nearly protocol == "mapi" || internal`},
		"or of which one holds":       {rule(`auth == "basic" && (protocol == "ews" || internal)`), basic, `0 fires`},
		"and within or":               {rule(`internal || auth == "basic" && protocol == "mapi"`), basic, `0 no internal || (auth == "basic" && protocol == "mapi")`},
		"not":                         {rule(`auth == "basic" && !(protocol == "ews") && not backend`), basic, `0 nearly !(protocol == "ews")`},
		"not of or":                   {rule(`auth == "basic" && !(internal || protocol == "ews")`), basic, `0 nearly !(internal || protocol == "ews")`},
		"blanks and lines":            {head + "when: |\n  auth == \"basic\"   and\n    (status   ==\n  401)\n", basic, `0 nearly status == 401`},
		"a function":                  {rule(`auth == "basic" && cidr(address, "10.0.0.0/8")`), basic, `0 nearly cidr(address, "10.0.0.0/8")`},
		"the zone of the rule":        {head + "zone: Europe/Vienna\nwhen: auth == \"basic\" && hour == 8\n", basic, `0 nearly hour == 8`},
		"in the zone of the rule":     {head + "zone: Europe/Vienna\nwhen: auth == \"basic\" && hour == 10\n", basic, `0 fires`},
		"an error":                    {rule(`auth == "basic" && int(user) > 3`), basic, `0 error int(user) > 3`},
		"an error that is not met":    {rule(`auth == "ntlm" && int(user) > 3`), basic, `0 no auth == "ntlm" and int(user) > 3`},
		"a constant":                  {rule(`auth == "basic" && 1 == 2`), basic, `0 no false`},
		"the first step":              {run + "steps: ['auth == \"basic\"', 'auth == \"ntlm\"']\n", basic, `0 counts as step 1 of 2 (step 2 within 1h after it) per user`},
		"the second step":             {run + "steps: ['auth == \"ntlm\" && internal', 'auth == \"basic\"']\n", basic, `1 counts as step 2 of 2 (step 1 within 1h before it) per user`},
		"the second after ten":        {run + "threshold: 10\nsteps: ['auth == \"ntlm\"', 'auth == \"basic\"']\n", basic, `1 counts as step 2 of 2 (10 of step 1 within 1h before it) per user`},
		"the first of ten":            {run + "threshold: 10\nsteps: ['auth == \"basic\"', internal]\n", basic, `0 counts as step 1 of 2 (10 of it within 1h before step 2) per user`},
		"the first of three steps":    {run + "threshold: 2\nsteps: ['auth == \"basic\"', internal, backend]\n", basic, `0 counts as step 1 of 3 (all in their order within 1h, 2 of step 1) per user`},
		"the second of three steps":   {run + "steps: [internal, 'auth == \"basic\"', backend]\n", basic, `1 counts as step 2 of 3 (all in their order within 1h) per user`},
		"the third of three steps":    {run + "threshold: 2\nsteps: [internal, backend, 'auth == \"basic\"']\n", basic, `2 counts as step 3 of 3 (all in their order within 1h, 2 of step 1) per user`},
		"two steps at once":           {run + "steps: ['auth == \"basic\"', 'protocol == \"ews\"']\n", basic, `0 counts as step 1 of 2 (step 2 within 1h after it) and step 2 of 2 (step 1 within 1h before it) per user`},
		"nearly the second step":      {run + "steps: ['internal', 'auth == \"basic\" && internal']\n", basic, `1 nearly internal`},
		"no step":                     {run + "steps: ['internal', 'backend']\n", basic, `0 no internal`},
		"it counts, whatever comes":   {head + "type: threshold\nthreshold: 9\nwindow: 90m\nwhen: auth == \"basic\"\n", basic, `0 counts as one of 9 within 1h30m per user`},
		"different values":            {head + "type: threshold\nthreshold: 9\ndistinct: user\ngroup_by: [address, protocol]\nwindow: 90s\nwhen: auth == \"basic\"\n", basic, `0 counts as one of 9 different user values within 1m30s per address and protocol`},
		"the first":                   {head + "type: first_seen\nwhen: auth == \"basic\"\n", basic, `0 counts as only the first one after 7d of logs per user`},
		"silence":                     {head + "type: absence\nwindow: 2h\nwhen: auth == \"basic\"\n", basic, `0 counts as the rule fires if no other comes within 2h per server`},
		"unanswered":                  {head + "type: absence\nwindow: 30m\ngroup_by: [user]\nsteps: ['auth == \"basic\"', internal]\n", basic, `0 counts as step 1 of 2 (the rule fires if step 2 does not come within 30m) per user`},
		"an answer":                   {head + "type: absence\nwindow: 30m\ngroup_by: [user]\nsteps: [internal, 'auth == \"basic\"']\n", basic, `1 counts as step 2 of 2 (it answers a step 1 within 30m before it) per user`},
		"nobody to count for":         {head + "type: threshold\nthreshold: 9\nwindow: 1h\nwhen: auth == \"basic\"\n", signed("08:00:00", ""), `0 nearly user != ""`},
		"no address to count for":     {head + "type: threshold\nthreshold: 9\nwindow: 1h\ngroup_by: [address]\nwhen: auth == \"basic\"\n", signed("08:00:00", "anna", "nowhere"), `0 nearly address != ""`},
		"no value to count":           {head + "type: threshold\nthreshold: 9\ndistinct: path\nwindow: 1h\nwhen: auth == \"basic\"\n", signed("08:00:00", "anna", "path="), `0 nearly path != ""`},
		"match counts no one":         {head + "group_by: [user, address]\nwhen: auth == \"basic\"\n", signed("08:00:00", "", "nowhere"), `0 fires`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := load(t, c.rule)
			all := set.Explain(c.s)
			if len(all) != 1 || told(all[0]) != c.want {
				t.Fatalf("got %+v\n as %q, want %q", all, told(all[0]), c.want)
			}
			x, r := all[0], set.Rules()[0]
			if x.Rule != r.ID || x.Name != r.Name || x.Severity != r.Severity || len(x.Clauses) == 0 {
				t.Errorf("it does not name the rule: %+v", x)
			}
			for _, clause := range x.Clauses {
				if clause.Text == "" || clause.Value != "true" && clause.Value != "false" && clause.Value != "error" {
					t.Errorf("clause %+v", clause)
				}
			}
		})
	}
}

// Every rule is explained, in the order of the rules, and explaining does not make a rule broken.
func TestExplainEveryRule(t *testing.T) {
	t.Parallel()
	set := load(t, brokenRules)
	s := signed("08:00:00", "anna", "agent=x")
	all := set.Explain(s)
	for i, r := range set.Rules() {
		if i >= len(all) || all[i].Rule != r.ID {
			t.Fatalf("explanation %d of %d is not of %s", i, len(all), r.ID)
		}
	}
	if all[0].Error == "" || all[0].Fires || !all[5].Fires || all[3].Error != "" {
		t.Errorf("%+v", all)
	}
	if len(find(set, days(1))) != 0 || len(set.Broken()) != 0 {
		t.Errorf("broken by being explained: %v", set.Broken())
	}
}

// What Explain says of a sign-in is what judging it says.
func TestExplainAgreesWithJudge(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 8))
		rs, w := newRandomSet(t, r, 15), newWorld(r)
		j := rs.set.NewJudge()
		for range 60 {
			s := w.signIn(r)
			hits := j.Line(j.Row(s), s)
			for i, x := range rs.set.Explain(s) {
				steps := rs.set.Ruled(hits, i)
				nameless := x.Nearly && x.Clauses[len(x.Clauses)-1].Text == `user != ""` // of a rule that counts accounts
				got := "false"
				switch {
				case x.Fires, x.Counts, nameless:
					got = "true"
				case x.Error != "":
					got = "error"
				}
				if got != steps[x.Step] || (x.Fires || x.Counts) && x.Nearly || x.Fires && x.Type != rules.Match || x.Counts && x.Type == rules.Match {
					t.Fatalf("seed %d, rule %d: Explain says %s of step %d, the judge %v\n%s", seed, i, got, x.Step, steps, rs.source[i][x.Step])
				}
				// The step that is shown is one that is met, if any is.
				for _, step := range steps {
					if step == "true" && got != "true" {
						t.Fatalf("seed %d, rule %d: a step is met and %+v is shown", seed, i, x)
					}
				}
				// What is said to count is counted, and nothing else.
				ticks := j.Ticks(nil, hits, s)
				if x.Type != rules.Match && x.Counts != slices.ContainsFunc(ticks, func(t signin.Tick) bool { return t.Rule == int32(i) }) {
					t.Fatalf("seed %d, rule %d: it is said to count: %v; ticks %+v", seed, i, x.Counts, ticks)
				}
			}
		}
	}
}
