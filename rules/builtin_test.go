package rules_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// A built-in rule tells an analyst what it looks for, an auditor what it is for, and carries its own
// proof: a test in which it fires, and one in which it does not.
func TestBuiltinRulesAreComplete(t *testing.T) {
	t.Parallel()
	set, problems := rules.Load(rules.Builtin())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if set.Len() < 20 {
		t.Errorf("%d rules: is a file of the pack missing?", set.Len())
	}
	uuids, names := map[string]string{}, map[string]string{}
	for _, r := range set.Rules() {
		for what, ok := range map[string]bool{
			"an id OM-nnnn":                   strings.HasPrefix(r.ID, "OM-") && len(r.ID) == 7,
			"a uuid of its own":               r.UUID != "" && uuids[r.UUID] == "",
			"a name of its own":               r.Name != "" && names[r.Name] == "",
			"a version":                       r.Version > 0,
			"a status":                        r.Status != "",
			"a description":                   len(strings.Fields(r.Description)) >= 10,
			"tags":                            len(r.Tags) > 0,
			"a MITRE technique":               len(r.Threat) > 0,
			"controls":                        len(r.Controls) > 0,
			"references":                      len(r.References) > 0,
			"false positives":                 len(r.FalsePositives) > 0,
			"a note on how to investigate":    r.Note != "",
			"a remediation":                   r.Remediation != "",
			"a severity that asks for a look": r.Severity > signin.Info,
		} {
			if !ok {
				t.Errorf("%s (%s:%d) has not %s", r.ID, r.File, r.Line, what)
			}
		}
		uuids[r.UUID], names[r.Name] = r.ID, r.ID
		for _, threat := range r.Threat {
			if threat.Tactic == "" || threat.Technique == "" {
				t.Errorf("%s: threat %+v", r.ID, threat)
			}
		}
		if !slices.ContainsFunc(r.Tests, func(test rules.Test) bool { return test.Expect.Fires && test.Expect.Subject != "" }) {
			t.Errorf("%s: no test says for whom it fires", r.ID)
		}
		for _, test := range r.Tests {
			for _, log := range test.Logs {
				if len(log.Lines) == 0 {
					t.Errorf("%s: the test %q has a log without lines", r.ID, test.Name)
				}
			}
		}
	}
	for _, u := range set.Untested() {
		t.Errorf("%s lacks a test in which it fires (%v) or in which it does not (%v)", u.Rule, u.Positive, u.Negative)
	}
}

// What is in the log of an example is invented, down to the addresses: RFC 5737, RFC 3849 and private ones.
func TestBuiltinTestsNameNobody(t *testing.T) {
	t.Parallel()
	set, _ := rules.Load(rules.Builtin())
	for _, r := range set.Rules() {
		for _, test := range r.Tests {
			for _, log := range test.Logs {
				for _, word := range strings.FieldsFunc(string(log.Lines), func(r rune) bool { return strings.ContainsRune(" ,;=\n\"<>", r) }) {
					if ip, ok := signin.ParseHost(word); ok && !documentation(ip.String()) && !ip.IsPrivate() && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() {
						t.Errorf("%s: the test %q has the address %s", r.ID, test.Name, word)
					}
				}
			}
		}
	}
}

func documentation(ip string) bool {
	for _, prefix := range []string{"192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:"} {
		if strings.HasPrefix(ip, prefix) {
			return true
		}
	}
	return false
}
