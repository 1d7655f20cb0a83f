package rules_test

import (
	"slices"
	"testing"
)

// A clause is shown as its rule spells it: not cut where a list or a call begins, and without a second
// "not" in front of its own.
func TestClausesAsTheyAreSpelled(t *testing.T) {
	t.Parallel()
	s := signed("08:00:00", "anna")
	for when, want := range map[string][]string{
		`protocol in ["pop", "imap"] && internal`:                 {`protocol in ["pop", "imap"]`, `internal`},
		`status in [401, 403]`:                                    {`status in [401, 403]`},
		`protocol not in ["ews"] and internal`:                    {`protocol not in ["ews"]`, `internal`},
		`user not contains "a" && status not in 200..299`:         {`user not contains "a"`, `status not in 200..299`},
		`!legacy_exo && !internal`:                                {`!legacy_exo`, `!internal`},
		`not legacy_exo and not cidr(address, "192.0.2.0/24")`:    {`!legacy_exo`, `!cidr(address, "192.0.2.0/24")`},
		`!(user in ["anna"])`:                                     {`!(user in ["anna"])`},
		`!(internal || user in ["anna"])`:                         {`!(internal || user in ["anna"])`},
		`status < -5`:                                             {`status < -5`},
		`-5 > status`:                                             {`-5 > status`},
		`time < date("2020-01-01") and internal`:                  {`time < date("2020-01-01")`, `internal`},
		`(status) == 401 && (hour + 1) * 2 > 90`:                  {`(status) == 401`, `(hour + 1) * 2 > 90`},
		`user == "android" && user == "a && b) ("`:                {`user == "android"`, `user == "a && b) ("`},
		`!internal == true && user in ["x"] // why`:               {`!internal == true`, `user in ["x"]`},
		`(internal ? backend : user in ["y"]) || user in ["pop"]`: {`(internal ? backend : user in ["y"]) || user in ["pop"]`},
	} {
		var got []string
		for _, c := range load(t, head+"when: '"+when+"'\n").Explain(s)[0].Clauses {
			got = append(got, c.Text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s\n got %q\nwant %q", when, got, want)
		}
	}
}
