package rules_test

import (
	"strings"
	"testing"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// noise is a line of noise, of an account with a reserved name that authenticated.
func noise(clock, user string, traffic signin.Traffic) *signin.SignIn {
	s := signed(clock, user)
	s.Verdict, s.Traffic, s.Reserved = signin.Noise, traffic, true
	return s
}

// Only a rule that wants traffic to be what noise is looks at noise. What it must not be, or nothing of it, is about people.
func TestWhoAsksForNoise(t *testing.T) {
	t.Parallel()
	for when, asks := range map[string]bool{
		`outcome == "success"`:                                    false,
		`traffic == "probe"`:                                      true,
		`"probe" == traffic`:                                      true,
		`traffic in ["user", "probe"]`:                            true,
		`!(traffic != "probe")`:                                   true,
		`not (not (traffic in ["probe"]))`:                        true,
		`user == "eva" || traffic == "probe"`:                     true,
		`outcome == "success" ? traffic == "probe" : false`:       true,
		`traffic != "server" && outcome == "success"`:             false,
		`traffic not in ["server", "system"]`:                     false,
		`!(traffic in ["server", "system"])`:                      false,
		`traffic in ["user", "service"] && outcome == "success"`:  false,
		`traffic == "user" || user != "probe"`:                    false,
		`traffic == "system"`:                                     false, // it asks, and the line is a probe's
		`traffic == "probe" && outcome == "success" && internal`:  false,
		`traffic == "probe" && cidr(address, "192.0.2.0/24")`:     true,
		`traffic == "probe" && cidr(address, "198.51.100.0/24")`:  false,
		`traffic in ["probe"] && user matches "^healthmailbox1$"`: true,
	} {
		set := load(t, head+"when: '"+when+"'\n")
		line := noise("08:00:00", "healthmailbox1", signin.Probe)
		if got := len(find(set, nil, numbered(line)...)) > 0; got != asks {
			t.Errorf("%s fires on noise: %v, want %v", when, got, asks)
		}
		fires := false
		for _, x := range set.Explain(line) {
			fires = fires || x.Fires
		}
		if fires != asks {
			t.Errorf("%s: explained as one that fires: %v, want %v", when, fires, asks)
		}
	}
}

// A rule that asks for noise looks at people too, and what it finds of both is one finding for each group and protocol.
func TestNoiseAndPeople(t *testing.T) {
	t.Parallel()
	set := load(t, head+`when: outcome == "success" && (traffic == "probe" || user startsWith "migration")
---
id: T-2
name: In both
severity: low
type: threshold
threshold: 3
window: 1h
when: traffic in ["user", "probe"]
`)
	var got []string
	for _, f := range find(set, nil, numbered(noise("08:00:00", "healthmailbox1", signin.Probe), signed("08:10:00", "migration2"), signed("08:20:00", "anna"),
		noise("08:30:00", "healthmailbox1", signin.Probe), noise("08:31:00", "ex02$", signin.Server), noise("08:31:10", "healthmailbox1", signin.Probe))...) {
		got = append(got, strings.Join([]string{f.Rule, f.Subject, f.Protocol, f.First.Format("15:04"), f.Last.Format("15:04")}, " "))
	}
	want := `T-1 contoso\healthmailbox1 ews 08:00 08:31; T-1 contoso\migration2 ews 08:10 08:10; T-2 contoso\healthmailbox1  08:00 08:31`
	if strings.Join(got, "; ") != want {
		t.Errorf("found %s\nwant %s", strings.Join(got, "; "), want)
	}
}

// Rows tell nothing of noise, so a changed rule that asks for it cannot be replayed; one that stands keeps its findings.
func TestNoiseIsNotReplayed(t *testing.T) {
	t.Parallel()
	old := load(t, head+"when: traffic == \"probe\"\n")
	p := newPipeline(old)
	for _, l := range numbered(noise("08:00:00", "healthmailbox1", signin.Probe)) {
		p.add(l, nil)
	}
	seen := p.observed(nil)
	seen.Usage = nil // there are none of noise
	if r := rules.NewReplay(old, load(t, head+"when: traffic == \"probe\" # the same\n"), seen); len(r.Kept) != 1 || len(r.Lost)+len(r.Opened)+len(r.Unplayable) != 0 {
		t.Errorf("the same rule: %+v", r)
	}
	r := rules.NewReplay(old, load(t, head+"when: traffic == \"probe\" && internal\n"), seen)
	if len(r.Unplayable) != 1 || r.Unplayable[0].Field != "traffic" || r.Unplayable[0].Findings != 1 || len(r.Lost) != 0 {
		t.Errorf("a changed rule: %+v", r)
	}
}
