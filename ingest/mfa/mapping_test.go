package mfa

import (
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

// A product is a gateway for which there is no decoder: its mapping, lines as it writes them, and what they come to.
type product struct {
	mapping func() Mapping
	lines   []string
	want    []string // outcome time user|application|address|factor|reason|gateway|transaction; else the remark
}

func declare(source, format string, set func(m *Mapping)) func() Mapping {
	return func() Mapping {
		m := DefaultMapping()
		m.Source, m.Input.Format = source, format
		m.Time.Fields, m.User.Fields, m.IP.Fields = []string{"time"}, []string{"user"}, []string{"ip"}
		m.Outcome.Fields = []string{"result"}
		set(&m)
		return m
	}
}

// products are the shapes of mfa-sources 5 that are no decoder's.
func products() map[string]product {
	return map[string]product{
		"Citrix ADC": {declare("citrix-adc", "regex", func(m *Mapping) {
			m.Input.Patterns = []string{`^(?:<\d+> ?)?(?P<time>\d[\d/]+:[\d:]+ GMT) (?P<host>\S+) \S+ : default (?:AAA|SSLVPN) (?P<what>LOGIN|LOGIN_FAILED) \d+ \d+ : +User (?P<user>\S+) - Client_ip (?P<ip>\S+)(?: .*?Failure_reason "(?P<result>[^"]*)")?`}
			m.Time.Layouts = []string{"01/02/2006:15:04:05 MST", "2006/01/02:15:04:05 MST"}
			m.Gateway.Fields = []string{"host"}
			m.Outcome.Fields = []string{"result", "what"}
			m.Outcome.Map = Words{"external authentication server denied access": "first_factor_failed", "login": "first_factor_ok"}
		}), []string{
			`10/06/2026:08:00:05 GMT ADC01 0-PPE-0 : default AAA LOGIN_FAILED 739121 0 : User anna - Client_ip 198.51.100.7 - Failure_reason "External authentication server denied access" - Browser Mozilla/5.0 (X11)`,
			`<134> 2026/10/06:08:00:09 GMT ADC01 0-PPE-0 : default SSLVPN LOGIN 739122 0 : User anna - Client_ip 198.51.100.7 - Nat_ip "Mapped Ip" - Vserver 192.0.2.20:443`,
			`10/06/2026:08:00:19 GMT ADC01 0-PPE-0 : default TCP CONN_TERMINATE 739123 0 : Source 192.0.2.1:443`,
			`10/06/2026:08:00:25 GMT ADC01 0-PPE-0 : default AAA LOGIN_FAILED 739124 0 : User bruno - Client_ip 198.51.100.8 - Failure_reason "Something new"`,
			`13/06/2026:08:00:25 GMT ADC01 0-PPE-0 : default AAA LOGIN_FAILED 739124 0 : User bruno - Client_ip 198.51.100.8 - Failure_reason "x"`,
		}, []string{
			"first_factor_failed 2026-10-06T08:00:05.000Z anna|citrix-adc|198.51.100.7||External authentication server denied access|ADC01|",
			"first_factor_ok 2026-10-06T08:00:09.000Z anna|citrix-adc|198.51.100.7||LOGIN|ADC01|",
			noteNoPairs,
			"unknown 2026-10-06T08:00:25.000Z bruno|citrix-adc|198.51.100.8||Something new|ADC01|",
			noteNoTime, // the day before the month: no layout says so
		}},
		"Cisco ISE": {declare("ise", "regex+kv", func(m *Mapping) {
			m.Input.Patterns = []string{`CISE_(?:Passed_Authentications|Failed_Attempts) \d+ \d+ \d+ (?P<time>\S+ \S+ [+-]\d\d:\d\d) \d+ (?P<code>\d+) \S+ [^,]*, (?P<rest>.*)$`}
			m.Input.Message, m.Input.Separator = "rest", ","
			m.User.Fields, m.IP.Fields, m.ID.Fields = []string{"UserName"}, []string{"Calling-Station-ID"}, []string{"CPMSessionID"}
			m.Time.Layouts = []string{"2006-01-02 15:04:05.000 -07:00"}
			m.Gateway.Fields = []string{"AcsSessionHost"}
			m.Factor.Fields = []string{"Authentication Method"}
			m.Outcome.Fields = []string{"code"}
			m.Outcome.Map = Words{"5200": "first_factor_ok", "5400": "denied"}
		}), []string{
			`Oct  6 10:00:05 ise01 CISE_Passed_Authentications 0000453439 1 0 2026-10-06 10:00:05.365 +02:00 0007121364 5200 NOTICE Passed-Authentication: Authentication succeeded, ConfigVersionId=10, Device IP Address=192.0.2.30, UserName=CONTOSO\\anna, Authentication Method=PAP_ASCII, Calling-Station-ID=198.51.100.7, CPMSessionID=ac14000a1,`,
			`Oct  6 10:01:05 ise01 CISE_Failed_Attempts 0000453440 1 0 2026-10-06 10:01:05.365 +02:00 0007121365 5400 NOTICE Failed-Attempt: Authentication failed, ConfigVersionId=10, UserName=bruno\, who=never, FailureReason=x`,
			`Oct  6 10:01:05 ise01 CISE_Failed_Attempts 0000453440 1 0 2026-10-06 10:01:05.365 +02:00 0007121365 5400 NOTICE Failed-Attempt: Authentication failed, UserName=bruno, UserName=anna`,
			`Oct  6 10:01:05 ise01 CISE_RADIUS_Accounting 0000453441 1 0 2026-10-06 10:01:05.365 +02:00 0007121366 3002 NOTICE Radius-Accounting: RADIUS Accounting watchdog update, UserName=anna`,
		}, []string{
			`first_factor_ok 2026-10-06T08:00:05.365Z CONTOSO\anna|ise|198.51.100.7|pap_ascii|5200||ac14000a1`,
			`denied 2026-10-06T08:01:05.365Z bruno, who=never|ise|||5400||`,
			noteTwice,
			noteNoPairs,
		}},
		"PingFederate": {declare("pingfederate", "regex+kv", func(m *Mapping) {
			m.Input.Patterns = []string{`^(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) (?P<pairs>.*)$`}
			m.Input.Message, m.Input.Where = "pairs", []Condition{{"event", []string{"AUTHN_ATTEMPT", "SSO"}}}
			m.User.Fields, m.ID.Fields, m.Application.Fields = []string{"subject"}, []string{"trackingid"}, []string{"connectionid"}
			m.Time.Zone = "Europe/Berlin"
			m.Outcome.Fields = []string{"status"}
			m.Outcome.Map = Words{"failure": "first_factor_failed"}
			m.Outcome.When = []When{{[]Condition{{"adapterid", []string{"PingID"}}, {"status", []string{"success"}}}, "passed"}, {[]Condition{{"status", []string{"success"}}}, "first_factor_ok"}}
		}), []string{
			`2026-10-06 10:00:05,682 trackingid="tid:a1" event="AUTHN_ATTEMPT" subject="anna@contoso.com" ip="198.51.100.7" connectionid="OWA" adapterid="HTMLForm" status="success"`,
			`2026-10-06 10:00:15,682 trackingid="tid:a1" event="AUTHN_ATTEMPT" subject="anna@contoso.com" ip="198.51.100.7" adapterid="PingID" status="success"`,
			`2026-10-06 10:01:05,682 trackingid="tid:a2" event="AUTHN_ATTEMPT" subject="a \"b\" status=\"success\"" ip="198.51.100.7" adapterid="HTMLForm" status="failure"`,
			`2026-10-06 10:01:05,682 trackingid="tid:a3" event="AUTHN_ATTEMPT" subject="" ip="198.51.100.7" status="inprogress"`,
			`2026-10-06 10:01:05,682 trackingid="tid:a4" event="SLO" subject="anna" status="success"`,
			`2026-10-06 10:01:05,682 trackingid="tid:a5" event="SSO" subject="anna`,
		}, []string{
			"first_factor_ok 2026-10-06T08:00:05.682Z anna@contoso.com|pingfederate/OWA|198.51.100.7||success||tid:a1",
			"passed 2026-10-06T08:00:15.682Z anna@contoso.com|pingfederate|198.51.100.7||success||tid:a1",
			`first_factor_failed 2026-10-06T08:01:05.682Z a "b" status="success"|pingfederate|198.51.100.7||failure||tid:a2`,
			"unknown 2026-10-06T08:01:05.682Z |pingfederate|198.51.100.7||inprogress||tid:a3",
			noteElsewhere,
			noteQuote,
		}},
		"FreeRADIUS": {declare("radius", "regex", func(m *Mapping) {
			m.Input.Patterns = []string{`^(?P<time>\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}) : Auth: \(\d+\) +(?P<result>Login OK|Login incorrect)(?: \([^)]*\))?: \[(?P<user>[^\]/]+)(?:/[^\]]*)?\] \(from client (?P<client>\S+) port \d+(?: cli (?P<ip>\S+))?\)`}
			m.Time.Layouts = []string{"Mon Jan _2 15:04:05 2006"}
			m.Gateway.Fields = []string{"client"}
			m.Outcome.Map = Words{"Login OK": "first_factor_ok", "Login incorrect": "first_factor_failed"}
		}), []string{
			`Tue Oct  6 08:00:05 2026 : Auth: (1240) Login OK: [CONTOSO\anna] (from client VPN01 port 8 cli 198.51.100.7)`,
			`Tue Oct  6 08:01:05 2026 : Auth: (1241)   Login incorrect (mschap: FAILED): [bruno/<via Auth-Type = mschap>] (from client VPN01 port 8 cli 0a-84-92-6c-48-1e)`,
			`Tue Oct  6 08:01:06 2026 : Info: Ready to process requests`,
		}, []string{
			`first_factor_ok 2026-10-06T08:00:05.000Z CONTOSO\anna|radius|198.51.100.7||Login OK|VPN01|`,
			`first_factor_failed 2026-10-06T08:01:05.000Z bruno|radius|||Login incorrect|VPN01|`,
			noteNoPairs,
		}},
		"Keycloak": {declare("keycloak", "ndjson+kv", func(m *Mapping) {
			m.Input.Message, m.Input.Where = "message", []Condition{{"loggerName", []string{"org.keycloak.events"}}}
			m.Time.Fields, m.User.Fields, m.IP.Fields = []string{"timestamp"}, []string{"username"}, []string{"ipAddress"}
			m.Application.Fields, m.Gateway.Fields = []string{"clientId"}, []string{"hostName"}
			m.Outcome.Fields = []string{"error", "type"}
			m.Outcome.Map = Words{"LOGIN": "first_factor_ok", "invalid_user_credentials": "first_factor_failed", "user_not_found": "first_factor_failed"}
		}), []string{
			`{"timestamp":"2026-10-06T08:00:05.123Z","loggerName":"org.keycloak.events","hostName":"kc01","message":"type=\"LOGIN_ERROR\", realmId=\"contoso\", clientId=\"owa\", userId=\"null\", ipAddress=\"198.51.100.7\", error=\"invalid_user_credentials\", username=\"anna\""}`,
			`{"timestamp":"2026-10-06T08:00:09.123Z","loggerName":"org.keycloak.events","hostName":"kc01","message":"type=LOGIN, realmId=contoso, clientId=owa, userId=7, ipAddress=198.51.100.7, username=anna"}`,
			`{"timestamp":"2026-10-06T08:00:10.123Z","loggerName":"org.keycloak.services","hostName":"kc01","message":"type=LOGIN username=anna"}`,
			`{"timestamp":"2026-10-06T08:00:10.123Z","loggerName":"org.keycloak.events"}`,
			`{"timestamp":`,
		}, []string{
			"first_factor_failed 2026-10-06T08:00:05.123Z anna|keycloak/owa|198.51.100.7||invalid_user_credentials|kc01|",
			"first_factor_ok 2026-10-06T08:00:09.123Z anna|keycloak/owa|198.51.100.7||LOGIN|kc01|",
			noteElsewhere,
			noteNoInner,
			errCut.Error(),
		}},
		"F5, one line": {declare("apm", "regex", func(m *Mapping) {
			m.Input.Patterns = []string{`^(?P<time>\S+) (?P<host>\S+) notice apmd\[\d+\]: \S+ /\S+:(?P<session>[0-9a-f]{8}): AD agent: Auth \(logon attempt:\d+\): authenticate with '(?P<user>[^']*)' (?P<result>\w+)`}
			m.ID.Fields, m.Gateway.Fields, m.IP.Fields = []string{"session"}, []string{"host"}, nil
			m.Outcome.Map = Words{"successful": "first_factor_ok", "failed": "first_factor_failed"}
		}), []string{
			`2026-10-06T10:00:05+02:00 f5a notice apmd[14173]: 01490010:5: /Common/owa:Common:145fae2d: AD agent: Auth (logon attempt:0): authenticate with 'anna' successful`,
		}, []string{"first_factor_ok 2026-10-06T08:00:05.000Z anna|apm|||successful|f5a|145fae2d"}},
		"syslog, 5424": {declare("gate", "syslog+json", func(m *Mapping) {
			m.Time.Fields, m.Gateway.Fields = []string{"syslog.time"}, []string{"syslog.host"}
			m.Input.Where = []Condition{{"syslog.program", []string{"gate"}}}
			m.Outcome.Map = Words{"ok": "passed"}
		}), []string{
			`<86>1 2026-10-06T10:00:05.5+02:00 gw01 gate 17 - [x@1 a="] b"] {"user":"anna","ip":"[2001:db8::7]:4711","result":"ok"}`,
			`<86>1 2026-10-06T10:00:06.5+02:00 gw01 cron 17 - - {"user":"anna","result":"ok"}`,
			`kernel: up`,
		}, []string{"passed 2026-10-06T08:00:05.500Z anna|gate|2001:db8::7||ok|gw01|", noteElsewhere, noteNoSyslog}},
		"syslog, 3164 and CEF": {declare("box", "syslog+cef", func(m *Mapping) {
			m.Time.Fields, m.Time.Layouts, m.User.Fields, m.IP.Fields = []string{"rt"}, []string{"unix_ms"}, []string{"suser"}, []string{"src"}
			m.Factor.Fields, m.Outcome.Fields, m.Gateway.Fields = []string{"cs1"}, []string{"outcome"}, []string{"syslog.host"}
			m.Input.Where = []Condition{{"vendor", []string{"Fabrikam"}}, {"signature", []string{"mfa"}}}
			m.Outcome.Map = Words{"granted": "passed"}
		}), []string{
			`<134>Oct  6 10:00:05 gw01 box[7]: CEF:0|Fabrikam|Gate|1|mfa|Second factor|5|rt=1791273605000 suser=a\=b anna src=198.51.100.7 cs1Label=factor cs1=Push Approval outcome=granted`,
			`<134>Oct  6 10:00:05 gw01 box[7]: CEF:0|Fabrikam|Gate|1|mfa|x|5|rt=1791273605000 suser=anna outcome=refused outcome=granted`,
			`<134>Oct  6 10:00:05 gw01 box[7]: CEF:0|Fabrikam|Gate|1|disk|x|5|rt=1791273605000`,
			`<134>Oct  6 10:00:05 gw01 box[7]: CEF:0|Fabrikam`,
			`<134>Oct  6 10:00:05 gw01 box[7]: up`,
		}, []string{"passed 2026-10-06T08:00:05.000Z a=b anna|box|198.51.100.7|push_approval|granted|gw01|", noteTwice, noteElsewhere, noteCEFHeader, noteNoCEF}},
		"CSV": {declare("vpn", "csv", func(m *Mapping) {
			m.Input.Separator = ";"
			m.Time.Fields, m.Time.Layouts = []string{"When"}, []string{"02.01.2006 15:04:05"}
			m.User.StripSuffix, m.IP.List, m.IP.Unknown = []string{"#CONTOSO"}, "last", []string{"n/a"}
			m.Outcome.Map = Words{"User approved": "passed"}
		}), []string{
			`When;User;IP;Result`,
			`06.10.2026 08:00:05;anna#contoso;"192.0.2.1, 198.51.100.7:443";"user_approved"`,
			`06.10.2026 08:00:06;bruno;N/A;`,
			`06.10.2026 08:00:06;;;`,
			`06.10.2026;bruno`,
		}, []string{"directive", "passed 2026-10-06T08:00:05.000Z anna|vpn|198.51.100.7||user_approved||", "unknown 2026-10-06T08:00:06.000Z bruno|vpn|||||", noteNothing, sheetFewer}},
		"CSV without a heading": {declare("rows", "csv", func(m *Mapping) {
			m.Input.Columns = []string{"time", "user", "ip", "result"}
			m.Time.Layouts = []string{"unix"}
			m.Outcome.Map = Words{"1": "passed"}
		}), []string{`1791273605,anna,198.51.100.7,1,more`, `1791273605000,anna,198.51.100.7,1`},
			[]string{"passed 2026-10-06T08:00:05.000Z anna|rows|198.51.100.7||1||", noteNoTime}},
	}
}

func (p *product) log(t testing.TB) *MappedLog {
	t.Helper()
	m := p.mapping()
	log, wrong := m.Compile()
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	return log
}

// declaredAs asks the mappings for a file of that name.
func (o *Options) declaredAs(name string, head []byte) ingest.Format {
	return o.Declared(head, func(pattern string) bool {
		fits, _ := path.Match(pattern, name)
		return fits
	})
}

func TestMappedProducts(t *testing.T) {
	t.Parallel()
	for name, p := range products() {
		var got []string
		for _, a := range ask(t, p.log(t).decoder(), p.lines...) {
			switch {
			case a.decoded == ingest.Directive:
				got = append(got, "directive")
			case a.outcome == signin.NoFactor:
				got = append(got, a.note)
			default:
				got = append(got, a.outcome.String()+" "+a.time+" "+a.mfa)
			}
			if a.kind != signin.Mapped {
				t.Errorf("%s: %+v", name, a)
			}
		}
		if !reflect.DeepEqual(got, p.want) {
			t.Errorf("%s\n got %s\nwant %s", name, strings.Join(got, "\n     "), strings.Join(p.want, "\n     "))
		}
	}
}

// Each is known by its content, and none for another one.
func TestMappedLook(t *testing.T) {
	t.Parallel()
	var o Options
	all := products()
	for _, p := range all {
		o.Mappings = append(o.Mappings, p.log(t))
	}
	for name, p := range all {
		source := p.mapping().Source
		f := o.declaredAs("a.log", []byte(strings.Join(p.lines, "\n")+"\n"))
		if f.Kind != signin.Mapped || f.Name != "log of the mapping "+source || f.Decoder == nil {
			t.Errorf("%s: %+v", name, f)
		}
		if len(p.lines) > 2 { // the last lines are of something else
			if f := o.declaredAs("a.log", []byte(p.lines[len(p.lines)-1]+"\n")); f.Name != "" {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
	twice := products()["FreeRADIUS"]
	other := twice.mapping()
	other.Source = "radius-2"
	log, _ := other.Compile()
	o.Mappings = append(o.Mappings, log)
	if f := o.declaredAs("a.log", []byte(twice.lines[0]+"\n")); f.Decoder != nil || !strings.Contains(f.Skip, "radius-2") || !strings.Contains(f.Skip, "both read it") {
		t.Errorf("%+v", f)
	}
	// Names of files tell them apart, and stand for their content.
	other.Files = []string{"radius-2*"}
	log, _ = other.Compile()
	o.Mappings[len(o.Mappings)-1] = log
	for file, want := range map[string]string{"radius.log": "log of the mapping radius", "radius-2.log": "log of the mapping radius-2"} {
		if f := o.declaredAs(file, []byte(twice.lines[0]+"\n")); f.Name != want {
			t.Errorf("%s: %+v", file, f)
		}
	}
	if f := o.declaredAs("radius-2.log", []byte(twice.lines[2]+"\n")); f.Name != "log of the mapping radius-2" {
		t.Errorf("%+v", f)
	}
	if f := o.declaredAs("a.log", []byte(twice.lines[0]+"\n\x00")); f.Name != "" {
		t.Errorf("binary: %+v", f)
	}
}

// JSON may stand in documents, in arrays and under a path.
func TestMappedJSONForms(t *testing.T) {
	t.Parallel()
	const record = `{"time":1791273605,"user":"anna","result":"ok"}`
	for text, format := range map[string]string{
		record + "\n" + record + "\n": "ndjson", "[" + record + ",\n" + record + "]": "json-array", record + record: "json",
		`{"meta":{"data":[]},"data":{"x":1,"events":[` + record + `,` + record + `]}}`: "json root",
	} {
		m := DefaultMapping()
		m.Source, m.Time.Fields, m.User.Fields, m.Outcome.Fields, m.Outcome.Map = "x", []string{"time"}, []string{"user"}, []string{"result"}, Words{"ok": "passed"}
		m.Input.Format, m.Input.Root, _ = strings.Cut(format, " ")
		if m.Input.Root != "" {
			m.Input.Root = "data.events"
		}
		log, wrong := m.Compile()
		if len(wrong) > 0 {
			t.Fatal(wrong)
		}
		o := Options{Mappings: []*MappedLog{log}}
		f := o.declaredAs("a.log", []byte(text))
		if f.Kind != signin.Mapped {
			t.Errorf("%s: %+v", format, f)
			continue
		}
		var s tail.Scanner
		if err := s.ResetForm(strings.NewReader(text), tail.Form{Framing: f.Framing, Arrays: f.Arrays}, tail.Mark{}); err != nil {
			t.Fatal(err)
		}
		n, d := 0, f.Decoder()
		var facts signin.Facts
		for s.Next() {
			if d.Decode(s.Text(), &facts) == ingest.Facts && facts.MFA != nil && facts.MFA.Outcome == signin.FactorPassed {
				n++
			}
		}
		if n != 2 {
			t.Errorf("%s: %d records", format, n)
		}
	}
}

// A scan counts every line once, wherever it cuts a file.
func TestScanMapped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var o Options
	want := map[string]signin.Lines{}
	for name, p := range products() {
		o.Mappings = append(o.Mappings, p.log(t))
		file := strings.NewReplacer(" ", "", ",", "").Replace(name) + ".log"
		var n signin.Lines
		for _, w := range p.want {
			switch {
			case w == "directive":
				n.Directive++
			case strings.Contains(w, "|"):
				n.MFA++
			case slices.Contains([]string{noteNoTime, noteTwice, noteQuote, sheetFewer, noteCEFHeader, errCut.Error()}, w):
				n.Malformed++
			default:
				n.Other++
			}
			n.Total++
		}
		want[file] = n
		if err := os.WriteFile(filepath.Join(dir, file), []byte(strings.Join(p.lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	inputs, problems := tail.Find([]string{dir}, tail.FindOptions{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, size := range []int64{64, 1 << 20} {
		res, err := ingest.Scan(t.Context(), inputs, ingest.Options{Recognize: o.Recognize, Declared: o.declaredAs, Workers: 2, PartSize: size})
		if err != nil {
			t.Fatal(err)
		}
		for i := range res.Logs {
			l := &res.Logs[i]
			if name := filepath.Base(l.Input.Path); l.Lines != want[name] || l.Format.Kind != signin.Mapped {
				t.Errorf("%s in parts of %d (%s%s): %+v, want %+v", name, size, l.Format.Name, l.Why, l.Lines, want[name])
			}
		}
	}
}

func TestLayouts(t *testing.T) {
	t.Parallel()
	const eight = 1791273605000
	for text, want := range map[string]int64{
		"rfc3339|2026-10-06T08:00:05Z": eight, "rfc3339|2026-10-06 10:00:05.250+02:00": eight + 250, "unix|1791273605": eight, "unix|1791273605.25": eight + 250, "unix|1791273605000": 0,
		"unix_ms|1791273605000": eight, "unix_ms|x": 0,
		"Jan 2, 2006 3:04:05 PM|Oct 6, 2026 8:00:05 AM": eight, "January 02 2006 03:04 pm|october 06 2026 08:00 am": eight - 5000, "Jan 2, 2006 3:04:05 PM|Oct 6, 2026 0:00:05 AM": 0,
		"02/Jan/2006:15:04:05 -0700|06/Oct/2026:10:00:05 +0200": eight, "2006-01-02T15:04:05.000Z07:00|2026-10-06T08:00:05.5Z": eight + 500, "06-1-2 15:04:05|26-10-6 8:00:05": eight,
		"2006-01-02 15:04:05|2026-10-06 08:00:05,250": eight + 250, "2006-01-02 15:04:05 MST|2026-10-06 08:00:05 UTC": eight, "2006-01-02 15:04:05 MST|2026-10-06 08:00:05 CEST": 0,
		"2006-01-02 15:04:05|2026-09-31 08:00:05": 0, "2006-01-02 15:04:05|2026-10-06 08:00:05 x": 0, "2006-01-02 15:04:05|2026-10-06 24:00:05": 0, "2006-01-02 15:04:05|": 0, "2006-01-02 15:04:05|1969-10-06 08:00:05": 0,
	} {
		form, value, _ := strings.Cut(text, "|")
		l, why := newLayout(form)
		if why != "" {
			t.Errorf("%s: %s", form, why)
			continue
		}
		var c calendar
		if ms, ok := l.read([]byte(value), &c, nil); ok != (want != 0) || ok && ms != want {
			t.Errorf("%s: %d, %v, want %d", text, ms, ok, want)
		}
	}
	for form, want := range map[string]string{
		"Jan _2 15:04:05": "names no year", "15:04:05": "is no layout with a date", "2006-01-02": "has no time of day", "yyyy-MM-dd HH:mm:ss": "is no layout", "2006-01-02 03:04:05": "has twelve hours and no PM", "": "is no layout",
	} {
		if _, why := newLayout(form); !strings.HasPrefix(why, want) {
			t.Errorf("%s: %q", form, why)
		}
	}
}

// The test is not parallel: testing.AllocsPerRun counts for the whole process. A line that a pattern fits costs one; the race
// detector lets pools forget, of which package regexp has two.
func TestMappedAllocations(t *testing.T) {
	for name, p := range products() {
		if m := p.mapping(); !strings.Contains(m.Input.Format, "regex") {
			t.Run(name, func(t *testing.T) { allocates(t, p.log(t).decoder(), p.lines) })
		}
	}
	p := products()["FreeRADIUS"]
	d, line, f := p.log(t).decoder(), []byte(p.lines[0]), signin.Facts{}
	other := []byte(p.lines[2])
	if n := testing.AllocsPerRun(10, func() { d.Decode(line, &f); d.Decode(other, &f) }); n > 3 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzMapped(f *testing.F) {
	for _, p := range products() {
		f.Add(strings.Join(p.lines, "\n"))
	}
	f.Add("a=\"\\\" b=c, d=\\,")
	f.Add("CEF:0|a\\|b|c|d|e|f|g|x=\\=\\")
	var logs []*MappedLog
	for _, p := range products() {
		logs = append(logs, p.log(f))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, log := range logs {
			d := log.decoder()
			for record := range strings.SplitSeq(text, "\n") {
				raw, facts := []byte(record), signin.Facts{Status: 999}
				got := d.Decode(raw, &facts)
				if string(raw) != record || facts.Kind != signin.Mapped || facts.Status != 0 {
					t.Fatalf("%q: %+v", record, facts)
				}
				if e := facts.MFA; (got == ingest.Facts) != (facts.Time > 0) || e != nil && (got != ingest.Facts || e.Outcome == signin.NoFactor || letsIn(e.Outcome) && e.Reason == nil) {
					t.Fatalf("%q: decoded %d, %+v", record, got, facts)
				}
			}
			log.reads([]byte(text))
		}
	})
}

func BenchmarkMapped(b *testing.B) {
	for _, name := range []string{"Keycloak", "PingFederate", "FreeRADIUS", "syslog, 3164 and CEF"} {
		p := products()[name]
		b.Run(name, func(b *testing.B) { benchGateway(b, p.log(b).decoder(), p.lines[:1]) })
	}
}
