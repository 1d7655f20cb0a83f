package main

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
)

// fullMFA is a configuration in which all that concerns gateways differs from its default.
func fullMFA() config {
	c := defaultConfig()
	c.Organisation.PublishedApps, c.Organisation.People, c.Organisation.Aliases = []string{"Outlook on the web"}, []string{"/people.csv"}, []string{"CONTOSO=contoso.com"}
	duo, entra, none := defaultDeclared("duo"), defaultDeclared("entra"), defaultDeclared(noGateway)
	duo.ID, duo.Applications, duo.Session, duo.UserForm = "duo-owa", []string{"OWA*"}, 2*time.Hour, "sam"
	duo.Protects.Entries, duo.Protects.Servers = []string{"owa", "ecp"}, []string{"EX01", audit.AllServers}
	duo.Window.Before, duo.Window.After = 0, time.Minute
	duo.Exempt.Users, duo.Exempt.Addresses = []string{`CONTOSO\svc-*`, "true", "a: b #c"}, []string{"10.20.0.0/16"}
	entra.Protects.Entries = []string{} // that it protects nothing is said
	none.Protects.Entries = []string{"ews"}
	mapped := defaultDeclared("mapped")
	mapped.Mapping = "adc"
	c.Gateways = []declaredGateway{duo, entra, none, none, defaultDeclared("nps"), mapped}
	c.MFA.Outcomes = configOutcomes{Duo: outcomeWords{"a_new_reason": "denied", "null": "passed", "x: y": "info"}, DuoAuthproxy: outcomeWords{"gelukt.": "passed"}, DuoAdmin: outcomeWords{"policy_create": "config"}, Monosign: outcomeWords{"code_77": "timeout", "/owa/x.htm": "info"},
		ADFS: outcomeWords{"1201": "error"}, Entra: outcomeWords{"50105": "denied", "größe": "bypassed"}, UAL: outcomeWords{"add member to role": "config"}, NPS: outcomeWords{"rejected phoneappnoresponse": "timeout"}, Okta: outcomeWords{"user.mfa.attempt_bypass success": "bypassed"}}
	c.Mappings = fullMappings()
	c.MFA.Zones = configZones{Monosign: "Europe/Berlin", ADFS: "America/New_York", NPS: "UTC"}
	c.MFA.Proxies, c.MFA.WAP = []string{"203.0.113.128/25"}, []string{"/wap.csv"}
	return c
}

func TestConfigOfMFARoundTrip(t *testing.T) {
	t.Parallel()
	c := fullMFA()
	got, said := readText(t, configText(&c))
	if len(said) > 0 || !reflect.DeepEqual(got, c) {
		t.Errorf("%v\n got %+v\nwant %+v\n%s", said, got, c, configText(&c))
	}
}

func TestConfigMFAMistakes(t *testing.T) {
	t.Parallel()
	outcomes := "unknown, passed, remembered, bypassed, helpdesk_code, fail_open, denied, fraud, timeout, error, first_factor_ok, first_factor_failed, enrolled, config or info"
	for text, want := range map[string]string{
		"gateways: {kind: duo}\n":                                   `f:1:11: gateways must be a list: lines that begin with -, or [a, b]`,
		"gateways: [duo]\n":                                         `f:1:12: a gateway must be a mapping; write kind: duo`,
		"gateways:\n- kind: dou\n":                                  `f:2:9: gateways[0].kind cannot be "dou"; write duo, duo_authproxy, monosign, adfs, entra, ual, wap, nps, okta, mapped or none`,
		"gateways:\n- kind: duo\n  protect: {}\n":                   `f:3:3: gateways[0] has no key "protect"; did you mean "protects"?`,
		"gateways:\n- kind: duo\n  protects: {entrys: [owa]}\n":     `f:3:14: gateways[0].protects has no key "entrys"; did you mean "entries"?`,
		"gateways:\n- kind: duo\n  window: {before: 2}\n":           `f:3:20: gateways[0].window.before needs a unit; write 30s, 5m, 12h, 35d or 2y`,
		"gateways:\n- kind: duo\n- kind: nps\n- {kind: duo}\n":      `f:4:3: the gateway at line 2 has the id "duo" too; give each an id of its own`,
		"gateways:\n- kind: duo\n  kind:nps\n":                      `f:3:8: a blank is missing behind the colon; write kind: nps`,
		"mfa: {outcome: {}}\n":                                      `f:1:7: mfa has no key "outcome"; did you mean "outcomes"?`,
		"mfa: {outcomes: {doo: {}}}\n":                              `f:1:18: mfa.outcomes has no key "doo"; did you mean "duo"?`,
		"mfa: {outcomes: {duo: [x]}}\n":                             `f:1:23: mfa.outcomes.duo must be a mapping: a word of the gateway: an outcome`,
		"mfa: {outcomes: {duo: {x: pased}}}\n":                      `f:1:27: mfa.outcomes.duo: "pased" is no outcome; did you mean "passed"?`,
		"mfa: {outcomes: {duo: {x: 5}}}\n":                          `f:1:27: mfa.outcomes.duo: "5" is no outcome; write ` + outcomes,
		"mfa: {outcomes: {duo: {x: }}}\n":                           `f:1:26: mfa.outcomes.duo: "" is no outcome; write ` + outcomes,
		"mfa:\n  outcomes:\n    duo:\n      A: info\n      a: info": `f:5:7: mfa.outcomes.duo: "a" stands at line 4 too; case does not count`,
		"mfa: {outcomes: {duo: {'': info}}}\n":                      `f:1:24: mfa.outcomes.duo has a word that is empty`,
		"mfa: {zones: {adfs: Europe/Berlyn}}\n":                     `f:1:21: mfa.zones.adfs "Europe/Berlyn" is no time zone; write a name of the IANA: Europe/Berlin`,
		"mfa: {zones: {adfs: Local}}\n":                             `f:1:21: mfa.zones.adfs "Local" is no time zone; write a name of the IANA: Europe/Berlin`,
		"mfa: {zones: {adfs: 2}}\n":                                 `f:1:21: mfa.zones.adfs must be text; put "2" in quotes`,
		"mfa: {zones: {entra: UTC}}\n":                              `f:1:15: mfa.zones has no key "entra"; there is monosign, adfs and nps`,
		"mfa: {proxies: [wap01]}\n":                                 `f:1:17: mfa.proxies "wap01" is no address range; write 10.0.0.0/8 or 192.0.2.1`,
		"mfa: {wap: /wap.csv}\n":                                    `f:1:12: mfa.wap must be a list: lines that begin with -, or [a, b]`,
		"mfa: {wap: [~/wap.csv]}\n":                                 `f:1:13: mfa.wap: nothing replaces "~/wap.csv" here; write the path out`,
		"organisation: {aliases: [CONTOSO]}\n":                      `f:1:26: organisation.aliases "CONTOSO" is no pair of domains; write CONTOSO=contoso.com`,
		"organisation: {published_apps: ['Outlook*']}\n":            `f:1:33: organisation.published_apps "Outlook*" is no application; write its id or its whole name`,
		"organisation: {people: people.csv}\n":                      `f:1:24: organisation.people must be a list: lines that begin with -, or [a, b]`,
		"aliases: [a=b]\n":                                          `f:1:1: the configuration has no key "aliases"; it stands below organisation`,
	} {
		_, said := readText(t, text)
		if got := strings.Join(said, "|"); got != want {
			t.Errorf("%q\n got %s\nwant %s", text, got, want)
		}
	}
}

// The words reach the decoders as these look them up.
func TestConfiguredGateways(t *testing.T) {
	t.Parallel()
	c, said := readText(t, `
mfa:
  outcomes:
    duo: {Brand New Reason: Denied}
`)
	if len(said) != 1 || !strings.Contains(said[0], `"Denied" is no outcome; did you mean "denied"?`) {
		t.Errorf("%v", said)
	}
	c, said = readText(t, `
mfa:
  outcomes:
    duo: {Brand New Reason: denied}
    entra: {50105: bypassed, 'GRÖSSE X': info}
  zones: {nps: Europe/Berlin}
  proxies: [203.0.113.7]
`)
	o := c.MFA.gateways()
	if len(said) > 0 || !slices.Equal(o.Proxies, []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")}) || len(o.Zones) != 1 || o.Zones[signin.NPS].String() != "Europe/Berlin" {
		t.Errorf("%v %+v", said, o)
	}
	for _, q := range []struct {
		kind signin.Kind
		word string
		want signin.FactorOutcome
	}{
		{signin.Duo, "brand_new_reason", signin.FactorDenied}, {signin.Entra, "50105", signin.FactorBypassed}, {signin.Entra, "grÖsse x", signin.FactorInfo},
		{signin.Duo, "50105", signin.NoFactor}, {signin.NPS, "brand_new_reason", signin.NoFactor},
	} {
		if is, ok := o.Outcomes(q.kind, q.word); is != q.want || ok != (q.want != signin.NoFactor) {
			t.Errorf("%v %q: %v, %v", q.kind, q.word, is, ok)
		}
	}
	c = defaultConfig()
	if o := c.MFA.gateways(); o.Outcomes != nil || len(o.Zones)+len(o.Proxies) > 0 {
		t.Errorf("by default %+v", o)
	}
}

const (
	monosignLine = `2026-10-06 10:00:05,250 INFO [CONTOSO\anna] Mfa result is MaybeLater` + "\n"
	outlookApp   = `{"value":[{"id":"9a1f2b3c-1111-4222-8333-444455556666","createdDateTime":"2026-10-06T08:16:00Z","userPrincipalName":"ben@contoso.com","appDisplayName":"Outlook on the web","appId":"5d0f1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b","ipAddress":"198.51.100.8",` +
		`"clientAppUsed":"Browser","resourceDisplayName":"Outlook on the web","resourceId":"5d0f1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b","correlationId":"c2","authenticationProtocol":"oAuth2","status":{"errorCode":0,"additionalDetails":"MFA requirement satisfied by claim in the token"}}]}` + "\n"
)

// What a configuration says of logs holds for the commands that read them, if -c names it.
func TestScanAndExplainByConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := write(t, filepath.Join(dir, "mono.log"), []byte(monosignLine))
	cloud := write(t, filepath.Join(dir, "entra.json"), []byte(outlookApp))
	file := write(t, filepath.Join(dir, "c.yaml"), []byte("mfa:\n  outcomes:\n    monosign: {MaybeLater: timeout}\n  zones: {monosign: Europe/Berlin}\norganisation: {published_apps: [outlook on the web]}\n"))
	line := func(args ...string) string {
		t.Helper()
		var x struct {
			Verdict string
			MFA     struct{ Time, Outcome string }
		}
		decode(t, must(t, exitDone, append([]string{"explain", "-o", "ndjson"}, args...)...), &x)
		return x.Verdict + " " + x.MFA.Time + " " + x.MFA.Outcome
	}
	for want, args := range map[string][]string{
		"mfa 2026-10-06T10:00:05Z unknown":        {log},
		"mfa 2026-10-06T08:00:05Z timeout":        {"-c", file, log},
		"mfa 2026-10-06T08:16:00Z remembered":     {cloud},
		"signin 2026-10-06T08:16:00Z remembered":  {"--published-app", "5D0F1A2B-3c4d-4e5f-8a9b-0c1d2e3f4a5b", cloud},
		"signin 2026-10-06T08:16:00Z remembered ": {"-c", file, cloud},
		"mfa 2026-10-06T08:16:00Z remembered ":    {"-c", file, "--published-app", "Expenses", cloud},
	} {
		if got := line(args...); got != strings.TrimSpace(want) && !strings.HasPrefix(strings.ReplaceAll(got, ".250Z", "Z"), strings.TrimSpace(want)) {
			t.Errorf("%v: %s, want %s", args, got, want)
		}
	}
	var r report
	decode(t, must(t, exitDone, "scan", "-c", file, "-o", "json", dir), &r)
	if r.Lines.SignIn != 1 || r.Lines.MFA != 1 || !slices.Equal(r.Options.PublishedApps, []string{"outlook on the web"}) {
		t.Errorf("%+v %+v", r.Lines, r.Options)
	}
	for _, args := range [][]string{{"--published-app", ""}, {"--published-app", "Out*"}} {
		must(t, exitUsage, append([]string{"scan", dir}, args...)...)
	}
	must(t, exitError, "scan", "-c", write(t, filepath.Join(dir, "bad.yaml"), []byte("mfa: {zone: x}\n")), dir)
}

// A reload takes over what is said of gateways' logs, or keeps the old and says why. No signal is sent: every daemon of
// the tests would hear it.
func TestReloadOfGateways(t *testing.T) {
	t.Parallel()
	dir, log := t.TempDir(), &heard{}
	file := filepath.Join(dir, "outmode.yaml")
	config := "data: " + filepath.Join(dir, "data") + "\nsources:\n  - path: " + dir + "\n"
	write(t, file, []byte(config+"gateways: [{kind: duo}]\n"))
	d := &daemon{flags: &serveFlags{globals: &globals{config: file}}, log: newLogger(log, configLog{Format: "text", Level: "info"}), metrics: newMetrics()}
	w, err := d.flags.readWorld(nil)
	if err != nil {
		t.Fatal(err)
	}
	d.first = &w.config
	outcome := func(w *world) (of signin.FactorOutcome) {
		var f signin.Facts
		w.opt.Recognize([]byte(monosignLine)).Decoder().Decode([]byte(monosignLine), &f)
		return f.MFA.Outcome
	}
	if is := outcome(w); is != signin.FactorUnknown || w.opt.Org.Published != nil {
		t.Errorf("by default it is %v", is)
	}
	for _, wrong := range []string{"mfa: {outcomes: {monosign: {maybelater: timed_out}}}\n", "gateways: [{kind: dou}]\n"} {
		write(t, file, []byte(config+wrong))
		if d.reload(w) != nil {
			t.Errorf("%s was taken over", wrong)
		}
	}
	for _, want := range []string{"the old ones stay", `is no outcome; did you mean`, `gateways[0].kind cannot be`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q: %s", want, log)
		}
	}
	write(t, file, []byte(config+"mfa: {outcomes: {monosign: {maybelater: timeout}}}\norganisation: {published_apps: [Outlook on the web]}\n"))
	if better := d.reload(w); better == nil || outcome(better) != signin.FactorTimeout || !better.opt.Org.Published("outlook on the web") || outcome(w) != signin.FactorUnknown {
		t.Errorf("%+v: %s", better, log)
	}
}

func TestConfigCheckReadsPeopleAndPublished(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.csv"), []byte("sam,domain,sid\nanna,CONTOSO,S-1-5-21-7\n"))
	write(t, filepath.Join(dir, "b.csv"), []byte("sam,domain,sid\nben,CONTOSO,S-1-5-21-7\n"))
	write(t, filepath.Join(dir, "wap.csv"), []byte(wapExport))
	write(t, filepath.Join(dir, "bad.csv"), []byte("Name\nx\n"))
	const sources = "data: store\n"
	for text, want := range map[string]string{
		"organisation: {people: [a.csv]}\nmfa: {wap: [wap.csv]}\n": "",
		"organisation: {people: [a.csv, none.csv]}\n":              "f:2:32: organisation.people: reading the map of people: ",
		"organisation: {people: [a.csv, b.csv]}\n":                 "f:2:24: organisation.people: b.csv:2: the SID S-1-5-21-7 stands at line 2 of a.csv too",
		"mfa: {wap: [wap.csv, bad.csv]}\n":                         "f:2:22: mfa.wap: bad.csv: reading the published applications: number 1",
	} {
		found, said := checkText(t, dir, sources+text)
		all := strings.Join(said, "|")
		if found.OK != (want == "") || !strings.Contains(all, want) {
			t.Errorf("%s\n got %s\nwant %s", text, all, want)
		}
	}
}

const wapExport = `"Name","ExternalUrl","BackendServerUrl","ExternalPreauthentication"
"Outlook on the web","https://mail.contoso.com/owa/","https://ex.contoso.com/owa/","PassThrough"
"Control panel","https://mail.contoso.com/ecp/","https://ex.contoso.com/ecp/","ADFS"
`

// What the configuration says is what a file says for --gateway, --map and --wap; flags go before it, --alias beside it.
func TestMFAByConfiguration(t *testing.T) {
	t.Parallel()
	data, dir := doors(t), t.TempDir()
	gatewayLog(t, data, 1000, signin.Duo, duoDay(t)...)
	list := "- id: duo-owa\n  kind: duo\n  applications: [OWA]\n  protects: {entries: [owa], servers: [EX01]}\n  session: 2h\n- kind: none\n  protects: {entries: [ecp]}\n"
	people := "sam,domain,upn\r\ngil,CONTOSO,gil@contoso.com\r\n"
	write(t, filepath.Join(dir, "g.yaml"), []byte(list))
	write(t, filepath.Join(dir, "people.csv"), []byte(people))
	file := write(t, filepath.Join(dir, "c.yaml"), []byte(fmt.Sprintf("data: %s\ngateways:\n%sorganisation:\n  people: [people.csv]\n  aliases: [CONTOSO=FABRIKAM]\n", data, list)))
	want := perLogon(t, data, "--gateway", filepath.Join(dir, "g.yaml"), "--map", filepath.Join(dir, "people.csv"), "--alias", "CONTOSO=FABRIKAM")
	if got := perLogon(t, data, "-c", file); !slices.Equal(got, want) || !slices.ContainsFunc(got, func(l string) bool { return strings.Contains(l, `10:20 contoso\gil owa outside passed`) }) {
		t.Errorf("\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	var r mfaReport
	decode(t, must(t, exitDone, "mfa", "-c", file, "--alias", "X=y", "-o", "json"), &r) // the store is the configuration's, too
	if o := r.Options; o.Gateway != file || o.Map != filepath.Join(dir, "people.csv") || !slices.Equal(o.Alias, []string{"X=y", "CONTOSO=FABRIKAM"}) || len(o.WAP) != 0 || !r.Gateways[0].Declared {
		t.Errorf("%+v", o)
	}
	// A flag goes before.
	other := write(t, filepath.Join(dir, "other.yaml"), []byte("- kind: none\n  protects: {entries: [owa, ecp]}\n"))
	if m := mfaJSON(t, data, "-c", file, "--gateway", other); m.Cells[0].NotCovered != m.Cells[0].Logons {
		t.Errorf("%+v", m.Cells)
	}
	if text := must(t, exitDone, "mfa", "-c", file); strings.Contains(text, "--gateway FILE") || !strings.Contains(text, "outmode mfa -c "+file+" -o ndjson ") || !strings.Contains(text, "outmode sources -c "+file+" ") {
		t.Errorf("it advises to declare what is declared, or forgets the configuration:\n%s", text)
	}
	for _, flag := range []string{"--gateway", "--map"} {
		must(t, exitUsage, "mfa", "-c", file, flag, "")
	}
	must(t, exitError, "mfa", "--data", data, "-c", write(t, filepath.Join(dir, "bad.yaml"), []byte("gateways: [{kind: dou}]\n")))
}
