package rules_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// allMinutes is what a judge found, all of it.
func allMinutes(j *rules.RecordJudge) []signin.Minute {
	minutes, _ := j.Minutes()
	return minutes
}

func loadText(t *testing.T, text string) *rules.Set {
	t.Helper()
	set, problems := rules.Load([]rules.File{{Name: "test.yaml", Data: []byte(text)}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return set
}

// A rule that reads mfa judges records, and only those; others judge only sign-ins.
func TestRulesThatReadMFAJudgeRecords(t *testing.T) {
	t.Parallel()
	set := loadText(t, `
id: J-1
name: no second factor
severity: high
when: mfa == "missing" && !internal
---
id: J-2
name: many refused, then one that passed
severity: high
type: sequence
threshold: 3
window: 30m
steps:
  - record == "event" && factor_outcome in ["denied", "timeout"]
  - record == "event" && factor_outcome == "passed"
---
id: J-3
name: a spray
severity: high
type: threshold
threshold: 2
distinct: user
window: 30m
group_by: [address]
when: factor_outcome == "first_factor_failed"
---
id: S-1
name: any success
severity: low
when: outcome == "success"
`)
	for n, want := range []bool{true, true, true, false} {
		if got := set.Joined(int32(n)); got != want {
			t.Errorf("rule %d: joined is %v", n, got)
		}
	}
	at := time.Date(2026, 10, 6, 8, 0, 0, 0, time.UTC).UnixMilli()
	minute := time.Minute.Milliseconds()
	event := func(o signin.FactorOutcome, user string, minutes int64) *rules.Record {
		return &rules.Record{Event: true, Kind: signin.Duo, Time: at + minutes*minute, Subject: user, User: user, Result: o, Gateway: "duo", Address: netip.MustParseAddr("203.0.113.9"), At: signin.Ref{Offset: minutes}}
	}
	j := set.NewRecordJudge()
	for _, r := range []*rules.Record{
		{Time: at, Kind: signin.HTTPProxy, Subject: `contoso\anna`, User: "anna", Protocol: signin.OWA, Outcome: signin.Success, MFA: signin.MFAMissing, Reason: "no_event"},
		{Time: at, Kind: signin.HTTPProxy, Subject: `contoso\bert`, User: "bert", Protocol: signin.OWA, Outcome: signin.Success, MFA: signin.MFAMissing, Internal: true},
		{Time: at, Kind: signin.HTTPProxy, Subject: `contoso\cleo`, User: "cleo", Protocol: signin.OWA, Outcome: signin.Success, MFA: signin.MFAUnknown, Reason: "not_covered"},
		event(signin.FactorDenied, `contoso\dora`, 1), event(signin.FactorTimeout, `contoso\dora`, 2), event(signin.FactorDenied, `contoso\dora`, 3), event(signin.FactorPassed, `contoso\dora`, 4),
		event(signin.FactorDenied, `contoso\emil`, 1), event(signin.FactorTimeout, `contoso\emil`, 2), event(signin.FactorPassed, `contoso\emil`, 4),
		event(signin.FirstFactorFailed, `contoso\a`, 1), event(signin.FirstFactorFailed, `contoso\b`, 2), event(signin.FirstFactorFailed, ``, 2),
	} {
		j.Take(r)
	}
	var got []string
	for _, f := range set.Findings(rules.Observed{Minutes: allMinutes(j)}) {
		got = append(got, fmt.Sprint(f.Rule, " ", f.Subject, " ", f.Protocol, " ", f.Count))
	}
	want := []string{`J-1 contoso\anna owa 1`, `J-2 contoso\dora  4`, `J-3 203.0.113.9  2`}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
	if len(allMinutes(j)) != 0 {
		t.Error("minutes are handed out twice")
	}
	// On a sign-in only the fourth has a say.
	s := signin.SignIn{Verdict: signin.SignInLine, Outcome: signin.Success, Account: &signin.Account{Key: "anna", Name: "anna"}, Client: &signin.Client{}, Address: &signin.Address{}, Facts: &signin.Facts{Kind: signin.IIS}}
	if h := set.NewJudge().Row(&s); len(h.Match) != 1 || h.Match[0] != 3 || h.Ticks || h.Pending {
		t.Errorf("a sign-in has the hits %+v", h)
	}
	if all := set.Explain(&s); len(all) != 1 || all[0].Rule != "S-1" {
		t.Errorf("a sign-in is explained by %+v", all)
	}
}

// What a record has not cannot be asked of it.
func TestRulesThatReadMFACannotReadLines(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`when: mfa == "missing" && path == "/owa"`:                                 "of those path is not known",
		`when: factor == "push" && agent contains "x"`:                             "of those agent is not known",
		"when: mfa == \"missing\"\ngroup_by: [status]":                             "of those status is not known",
		"type: first_seen\nwhen: mfa == \"remembered\"\ngroup_by: [user, address]": "a rule of type first_seen cannot read mfa",
		`when: mfa == "absent"`:                                                    "absent",
		`when: factor_outcome == "ok"`:                                             "ok",
		`when: record == "line"`:                                                   "line",
	} {
		_, problems := rules.Load([]rules.File{{Name: "test.yaml", Data: []byte("id: J-1\nname: x\nseverity: low\n" + text + "\n")}})
		if len(problems) == 0 || !strings.Contains(fmt.Sprint(problems), want) {
			t.Errorf("%s: %v, want %q", text, problems, want)
		}
	}
}

// Splitting into conditions and remembering what is decided changes nothing: a rule says of a record what its whole
// expression says.
func TestRecordsAreJudgedAsThePlainExpressionSays(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 11))
	atoms := []string{`mfa == "missing"`, `mfa in ["passed", "remembered"]`, `mfa_reason == "no_event"`, `record == "event"`, `factor_outcome == "denied"`, `user == "anna"`, `internal`, `enrolled`, `gateway == "duo"`,
		`hour >= 12`, `cidr(address, "192.0.2.0/24")`, `protocol == "owa"`, `application contains "mail"`, `domain != ""`, `int(user) > 3`, `replayed`, `outcome == "success"`, `issuer == "silent"`, `policy != ""`}
	var text strings.Builder
	var trees []string
	for n := range 40 {
		expr := "mfa != \"denied\" && " + atoms[r.IntN(len(atoms))]
		for range r.IntN(4) {
			part := atoms[r.IntN(len(atoms))]
			if r.IntN(3) == 0 {
				part = "!(" + part + ")"
			}
			expr = "(" + expr + ") " + []string{"&&", "||"}[r.IntN(2)] + " " + part
		}
		trees = append(trees, expr)
		fmt.Fprintf(&text, "---\nid: P-%d\nname: x\nseverity: low\nwhen: %q\n", 1000+n, expr)
	}
	set := loadText(t, text.String())
	j := set.NewRecordJudge()
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	var plain []*rules.Plain
	for _, expr := range trees {
		p, err := rules.CompilePlain(set, expr, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		plain = append(plain, p)
	}
	for range 400 {
		rec := rules.Record{Event: r.IntN(2) == 0, Time: 1791273600000 + r.Int64N(86_400_000), Subject: "x", User: pick("anna", "7", "2"), Domain: pick("", "contoso"), Internal: r.IntN(2) == 0, Enrolled: r.IntN(2) == 0, Replayed: r.IntN(2) == 0, Policy: signin.Policy(r.IntN(len(signin.Words("policy")))), Issuer: signin.Issuer(r.IntN(len(signin.Words("issuer")))), Outcome: signin.Outcome(r.IntN(3)),
			MFA: signin.MFA(r.IntN(len(signin.Words("mfa")))), Reason: pick("no_event", "said", ""), Result: signin.FactorOutcome(r.IntN(len(signin.Words("factor_outcome")))), Gateway: pick("duo", "adfs"),
			Protocol: signin.Protocol(r.IntN(len(signin.Words("protocol")))), Application: pick("mail", "vpn"), Address: netip.MustParseAddr(pick("192.0.2.7", "203.0.113.1"))}
		j.Take(&rec)
		broken := map[string]bool{}
		for _, b := range j.Broken() {
			broken[b.Rule] = true
		}
		fires := map[int32]bool{}
		for _, m := range allMinutes(j) {
			fires[m.Rule] = true
		}
		for n, expr := range trees {
			want := plain[n].RunRecord(&rec)
			if fires[int32(n)] != (want == "true") || want == "error" && !broken[fmt.Sprintf("P-%d", 1000+n)] {
				t.Fatalf("%s: %v, the expression says %s, of %+v", expr, fires[int32(n)], want, rec)
			}
		}
	}
}

// What is wrong with a gateway is a record that has no second factor and no logon; logons at one without a log count too.
func TestRecordsOfGateways(t *testing.T) {
	t.Parallel()
	set, problems := rules.Load(append(rules.Builtin(), rules.File{Name: "test.yaml", Data: []byte(`
id: J-9
name: what only logons have
severity: low
when: mfa == "unknown" && mfa_reason != "no_log" || record == "gateway" && (len(protocol) + len(outcome) + len(mfa) > 0 || new_address)
`)}))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	at := time.Date(2026, 10, 6, 8, 0, 0, 0, time.UTC).UnixMilli()
	j := set.NewRecordJudge()
	for i := range int64(3) {
		hour := at + i*time.Hour.Milliseconds()
		j.Take(&rules.Record{Gateways: true, Kind: signin.Duo, Time: hour, Gateway: "duo", Reason: []string{"clock", "users", "addresses"}[i], At: signin.Ref{Offset: i}})
		j.Take(&rules.Record{Kind: signin.HTTPProxy, Time: hour, Subject: `contoso\anna`, User: "anna", Protocol: signin.OWA, Outcome: signin.Success, Reason: "no_log", Gateway: "nps"})
		j.Take(&rules.Record{Gateways: true, Kind: signin.Okta, Time: hour, Gateway: "okta", Reason: "a word of a later version"})
		j.Take(&rules.Record{Gateways: true, Kind: signin.ADFSLog, Time: at + i*2*24*time.Hour.Milliseconds(), Gateway: "adfs", Reason: "users"})
	}
	var got []string
	for _, f := range set.Findings(rules.Observed{Minutes: allMinutes(j)}) {
		got = append(got, fmt.Sprint(f.Rule, " ", f.Subject, " ", f.Protocol, " ", f.Count))
	}
	if want := []string{"OM-2039 duo  3", "OM-2039 nps  3"}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}
