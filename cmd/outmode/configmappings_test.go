package main

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/internal/signin"
)

// fullMappings are mappings in which all that can be said differs from what is usual.
func fullMappings() []mfa.Mapping {
	json, adc := mfa.DefaultMapping(), mfa.DefaultMapping()
	json.Files = []string{"sso-*.log"}
	json.Source, json.Input = "sso", mfa.Input{Format: "json+kv", Root: "data.events", Message: "message", Separator: ",", Where: []mfa.Condition{{Field: "event", Words: []string{"login", "true", "5200"}}}}
	json.Time = mfa.MappedTime{Fields: []string{"time", "at"}, Layouts: []string{"unix_ms", "2006-01-02 15:04:05.000"}, Zone: "Europe/Berlin"}
	json.User = mfa.MappedUser{Fields: []string{"user.name"}, StripSuffix: []string{"#contoso"}}
	json.IP = mfa.MappedIP{Fields: []string{"client"}, List: "last", Unknown: []string{"", "N/A"}}
	json.ID.Fields, json.Application.Fields, json.Factor.Fields, json.Gateway.Fields = []string{"id"}, []string{"app"}, []string{"factor"}, []string{"host"}
	json.Outcome = mfa.MappedOutcome{Fields: []string{"result"}, Map: map[string]string{"ok": "passed", "a: b": "denied"}, Default: "error",
		When: []mfa.When{{If: []mfa.Condition{{Field: "factor", Words: []string{"code", "sms"}}, {Field: "result", Words: []string{"ok"}}}, Then: "helpdesk_code"}}}
	adc.Source, adc.Input = "adc", mfa.Input{Format: "regex", Patterns: []string{`^(?P<time>\S+) "(?P<user>[^"]*)' (?P<what>\w+)$`}}
	adc.Time.Fields, adc.User.Fields, adc.Outcome.Fields = []string{"time"}, []string{"user"}, []string{"what"}
	csv := adc
	csv.Source, csv.Input = "vpn", mfa.Input{Format: "csv", Columns: []string{"time", "user", "what"}}
	return []mfa.Mapping{json, adc, csv}
}

// Every mistake has its place, and what can never give an event is one.
func TestMappingMistakes(t *testing.T) {
	t.Parallel()
	item := func(lines ...string) string { return "mappings:\n- " + strings.Join(lines, "\n  ") + "\n" }
	rest := func(lines ...string) string {
		return item(append([]string{"source: x"}, append(lines, "time: {fields: [time]}", "user: {fields: [user]}", "outcome: {fields: [what], map: {ok: passed}}")...)...)
	}
	const all = `(?P<time>a)(?P<user>b)(?P<what>c)`
	for text, want := range map[string]string{
		rest("input: {format: kv}"):                               "",
		rest("input: {format: regex, patterns: ['" + all + "']}"): "",
		"mappings: {source: x}\n":                                 `f:1:11: mappings must be a list: lines that begin with -, or [a, b]`,
		"mappings: [x]\n":                                         `f:1:12: a mapping must have keys; write source: and its name`,
		item("source: a b"):                                       `f:2:11: mappings[0].source "a b" is no name; write a short one, such as citrix-adc`,
		rest("inputs: {format: kv}"):                              `f:3:3: mappings[0] has no key "inputs"; did you mean "input"?`,
		rest("input: {format: xml}"):                              `f:3:19: mappings[0].input.format: "xml" is no format; write json, ndjson, json-array, csv, kv, cef or regex; or one in another: syslog+kv, json+kv, regex+kv and their like`,
		rest("input: {format: csv+kv}"):                           `f:3:19: mappings[0].input.format: "csv+kv" is no format; write json, ndjson, json-array, csv, kv, cef or regex; or one in another: syslog+kv, json+kv, regex+kv and their like`,
		rest("input: {format: json+kv}"):                          `f:3:19: mappings[0].input.format: json+kv needs message: the field in which the kv stands`,
		rest("input: {format: kv, root: a}"):                      `f:3:29: mappings[0].input.root: only JSON has a root; its format is json or json-array`,
		rest("input: {format: syslog+csv}"):                       `f:3:19: mappings[0].input.format: CSV in another format has no heading; write columns: and their names`,
		rest("input: {format: regex}"):                            `f:3:19: mappings[0].input.format: regex needs patterns: a list of expressions with named groups, such as (?P<user>\S+)`,
		rest("input: {format: kv, columns: [a]}"):                 `f:3:32: mappings[0].input.columns: only CSV has columns; its format is csv`,
		rest("input: {format: csv, separator: '|'}"):              `f:3:35: mappings[0].input.separator: CSV has commas, semicolons or tabs between its columns; read other text with regex`,
		rest("input:", "  format: regex", "  patterns:", "  - '"+all+"'", "  - '(?=x)'"):                  "f:7:7: mappings[0].input.patterns[1]: the pattern cannot be read: invalid or unsupported Perl syntax: `(?=`; it is RE2, which looks neither ahead nor back",
		rest("input:", "  format: regex", "  patterns:", "  - '(?P<time>a)(?P<what>c)'"):                  `f:8:19: mappings[0].user.fields[0]: no record has a field "user"; there is time, what`,
		rest("input:", "  format: regex", "  patterns:", "  - '"+all+"'", "  - '(?P<user>a)(?P<what>c)'"): `f:7:7: mappings[0].input.patterns[1]: a line that it fits never gives a time: it has no group of time.fields (time)`,
		rest("input: {format: csv, columns: [time, user, that]}"):                                         `f:6:22: mappings[0].outcome.fields[0]: no record has a field "what"; there is time, user, that`,
		rest("input: {format: kv, where: {event: []}}"):                                                   `f:3:31: mappings[0].input.where.event: it has no words; write event: [a, b]`,
		item("source: x", "input: {format: kv}", "user: {fields: [user]}", "outcome: {fields: [what]}"):   `f:2:3: mappings[0].time: without time.fields this mapping never gives an event with a time; write time: {fields: [...]}`,
	} {
		_, said := readText(t, text)
		if got := strings.Join(said, "|"); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
}

// What a mapping declares is read by every command that reads logs, from a file or from the configuration.
func TestMappedLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const mapping = `- source: sso
  input: {format: ndjson, where: {event: [second_factor]}}
  time: {fields: [time]}
  user: {fields: [user.name], strip_suffix: ['@contoso.com']}
  ip: {fields: [client.ip]}
  id: {fields: [id]}
  outcome: {fields: [result], map: {approved: passed, declined: denied}}
`
	file := write(t, filepath.Join(dir, "m.yaml"), []byte(mapping))
	config := write(t, filepath.Join(dir, "c.yaml"), []byte("mappings:\n"+mapping))
	log := write(t, filepath.Join(dir, "logs", "sso.log"), []byte(`{"time":"2026-10-06T08:00:05Z","event":"second_factor","id":"1","user":{"name":"anna@contoso.com"},"client":{"ip":"198.51.100.7:4711"},"result":"Approved"}
{"time":"2026-10-06T08:01:05Z","event":"second_factor","id":"2","user":{"name":"bruno@contoso.com"},"client":{"ip":"198.51.100.8"},"result":"Sent"}
{"time":"2026-10-06T08:02:05Z","event":"health"}
`))
	for _, how := range [][]string{{"--mapping", file}, {"-c", config}} {
		var lines struct{ Lines []explained }
		decode(t, must(t, exitDone, append([]string{"explain", "-o", "json", log}, how...)...), &lines)
		want := []explainedMFA{{"2026-10-06T08:00:05Z", "anna", "sso", "198.51.100.7", "", "passed", "Approved", "", "1"}, {"2026-10-06T08:01:05Z", "bruno", "sso", "198.51.100.8", "", "unknown", "Sent", "", "2"}}
		if len(lines.Lines) != 3 || lines.Lines[2].Verdict != "other" {
			t.Fatalf("%v: %+v", how, lines)
		}
		for i, w := range want {
			if m := lines.Lines[i].MFA; m == nil || *m != w {
				t.Errorf("%v, line %d: %+v, want %+v", how, i+1, m, w)
			}
		}
		var r report
		decode(t, must(t, exitDone, append([]string{"scan", "-o", "json", filepath.Dir(log)}, how...)...), &r)
		if r.Lines.MFA != 2 || r.Lines.Other != 1 || len(r.Sources) != 1 || r.Sources[0].Kind != "mapped" {
			t.Errorf("%v: %+v %+v", how, r.Lines, r.Sources)
		}
	}
	if _, _, errs := outmode(t, "", "scan", "--mapping", write(t, filepath.Join(dir, "bad.yaml"), []byte("- source: x\n  input: {format: kv}\n  tme: {}\n")), log); !strings.Contains(errs, `bad.yaml:3:3: mappings[0] has no key "tme"; did you mean "time"?`) {
		t.Error(errs)
	}
	must(t, exitUsage, "scan", "--mapping", "", log)
	f := &serveFlags{globals: &globals{config: write(t, filepath.Join(dir, "serve.yaml"), []byte("data: "+dir+"\nsources:\n- path: "+log+"\n"))}, mapped: []string{file}}
	w, err := f.readWorld(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.opt.Declared(log, []byte(`{"time":"2026-10-06T08:00:05Z","event":"second_factor","user":{"name":"anna"},"result":"approved"}`+"\n")); got.Kind != signin.Mapped {
		t.Errorf("serve --mapping: %+v", got)
	}
	f.mapped = []string{filepath.Join(dir, "bad.yaml")} // a reload keeps what there is
	if _, err := f.readWorld(nil); err == nil {
		t.Error("a mistake was taken")
	}
}

// Two logs that call an application alike are of two gateways: what the one tells admits nobody at the other.
func TestMappedGatewaysOfOneApplication(t *testing.T) {
	t.Parallel()
	dir, line := t.TempDir(), func(log, clock, user string) string {
		return "log=" + log + " time=2026-10-06T" + clock + "Z user=" + user + " ip=198.51.100.7 app=sso/mail result=ok\n"
	}
	write(t, filepath.Join(dir, "logs", "HttpProxy", "a.LOG"), []byte(proxyHead+atTheDoor(t, "08:00:00", `CONTOSO\anna`, "Owa", chrome, "198.51.100.7", "EX01")+atTheDoor(t, "09:00:00", `CONTOSO\ben`, "Owa", chrome, "198.51.100.7", "EX01")))
	write(t, filepath.Join(dir, "logs", "sso", "sso.log"), []byte(line("sso", "07:00:00", "finn")+line("sso", "07:59:57", "anna")+line("sso", "12:00:00", "ben")+line("sso", "20:00:00", "finn")))
	write(t, filepath.Join(dir, "logs", "vpn", "vpn.log"), []byte(line("vpn", "07:00:00", "finn")+line("vpn", "08:59:57", "ben")+line("vpn", "20:00:00", "finn")))
	mapping := func(source string) string {
		return "- {source: " + source + ", input: {format: kv, where: {log: [" + source + "]}}, time: {fields: [time]}, user: {fields: [user]}, ip: {fields: [ip]}, application: {fields: [app]}, outcome: {fields: [result], map: {ok: passed}}}\n"
	}
	for i, gateway := range []string{"mapping: sso", "applications: [sso/sso/mail]", "applications: [sso, 'SSO/*']"} {
		data := filepath.Join(dir, "data", strconv.Itoa(i))
		config := write(t, filepath.Join(dir, "c.yaml"), []byte("data: "+data+"\ngateways:\n- kind: mapped\n  "+gateway+"\n  protects: {entries: [owa, ecp]}\nmappings:\n"+mapping("sso")+mapping("vpn")))
		must(t, exitDone, "scan", "-c", config, "--data", data, filepath.Join(dir, "logs"))
		want := []string{`08:00 contoso\anna owa outside passed said`, `09:00 contoso\ben owa outside missing no_event`}
		if got := perLogon(t, data, "-c", config); !slices.Equal(got, want) {
			t.Errorf("%s\n got %q\nwant %q", gateway, got, want)
		}
	}
}

// A gateway over a mapping is joined with logons as any other.
func TestMappedGateway(t *testing.T) {
	t.Parallel()
	dir, line := t.TempDir(), func(clock, user, result string) string {
		return "time=2026-10-06T" + clock + "+02:00 user=" + user + " ip=198.51.100.7 result=" + result + "\n"
	}
	write(t, filepath.Join(dir, "logs", "HttpProxy", "a.LOG"), []byte(proxyHead+atTheDoor(t, "08:00:00", `CONTOSO\anna`, "Owa", chrome, "198.51.100.7", "EX01")+atTheDoor(t, "09:00:00", `CONTOSO\ben`, "Owa", chrome, "198.51.100.7", "EX01")+
		atTheDoor(t, "10:00:00", `CONTOSO\carla`, "Owa", chrome, "198.51.100.7", "EX01")+atTheDoor(t, "15:00:00", `CONTOSO\ben`, "Owa", curl, "203.0.113.5", "EX01")))
	write(t, filepath.Join(dir, "logs", "sso", "sso.log"), []byte(line("09:00:00", "finn", "ok")+line("09:59:57", "anna", "ok")+line("10:59:57", "ben", "ok")+line("11:59:57", "carla", "sent")+line("20:00:00", "finn", "ok")))
	const mapping = "mappings:\n- {source: sso, input: {format: kv}, time: {fields: [time]}, user: {fields: [user]}, ip: {fields: [ip]}, outcome: {fields: [result], map: {ok: passed}}}\n"
	config := write(t, filepath.Join(dir, "c.yaml"), []byte("data: "+filepath.Join(dir, "data")+"\ngateways:\n- kind: mapped\n  mapping: sso\n  protects: {entries: [owa, ecp]}\n"+mapping))
	must(t, exitDone, "scan", "-c", config, "--data", filepath.Join(dir, "data"), filepath.Join(dir, "logs"))
	got := perLogon(t, filepath.Join(dir, "data"), "-c", config)
	want := []string{`08:00 contoso\anna owa outside passed said`, `09:00 contoso\ben owa outside passed said`, `10:00 contoso\carla owa outside unknown unknown_word`, `15:00 contoso\ben owa outside missing no_event`}
	if !slices.Equal(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
	for text, want := range map[string]string{
		"gateways: [{kind: mapped, mapping: ssp}]\n" + mapping: `f:1:36: gateways[0].mapping: no mapping has the source "ssp"; there is sso`,
		"gateways: [{kind: mapped, mapping: sso}]\n":           ``,
		"gateways: [{kind: duo, mapping: sso}]\n":              `f:1:33: gateways[0].mapping is for kind: mapped, and instead of applications`,
		"gateways: [{kind: mapped, mapping: SSO}]\n" + strings.Replace(mapping, "user:", "application: {fields: [app]}, user:", 1): ``,
		"gateways: [{kind: mapped, applications: [sso, sso/mail, '*/mail', 's*']}]\n" + mapping:                                    ``,
		"gateways: [{kind: mapped, applications: [mail]}]\n":                                                                       ``,
		"gateways: [{kind: mapped, applications: [sso/x, mail]}]\n" + mapping:                                                      `f:1:49: gateways[0].applications[1]: "mail" begins with no source of a mapping, as the applications of each do; write "sso/mail"`,
		"gateways: [{kind: duo, applications: [mail]}]\n" + mapping:                                                                ``,
	} {
		if _, said := readText(t, text); strings.Join(said, "|") != want {
			t.Errorf("%s\n got %v\nwant %s", text, said, want)
		}
	}
}

// What the page shows of a mapping is what the program says.
func TestDocumentedMapping(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	list, texts := blocks(t, "configuration.md", "yaml"), blocks(t, "configuration.md", "text")
	at := slices.IndexFunc(list, func(text string) bool { return strings.HasPrefix(text, "- source: ") })
	if at < 0 || len(texts) != 2 {
		t.Fatalf("is the page still read? %q %q", list, texts)
	}
	out := must(t, exitDone, "explain", "--mapping", write(t, filepath.Join(dir, "adc.yaml"), []byte(list[at]+"\n")), write(t, filepath.Join(dir, "ns.log"), []byte(texts[0]+"\n")))
	var said []string
	for line := range strings.Lines(out) {
		if text, ok := strings.CutPrefix(line, "  mfa       "); ok {
			said = append(said, strings.TrimSpace(text))
		}
	}
	if got := strings.Join(said, "\n"); got != texts[1] {
		t.Errorf("\n got %s\nwant %s", got, texts[1])
	}
}

// Two mappings that read one file are a mistake that is named wherever the file is met.
func TestMappingsOfOneFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := write(t, filepath.Join(dir, "a.log"), []byte("time=2026-10-06T08:00:05Z user=anna result=ok\n"))
	const both = "the mappings one and two both read it; let input.where or input.patterns of one fit fewer records, or name the files of one"
	mapping := func(source string) string {
		return "- {source: " + source + ", input: {format: kv}, time: {fields: [time]}, user: {fields: [user]}, outcome: {fields: [result]}}\n"
	}
	file := write(t, filepath.Join(dir, "c.yaml"), []byte("data: "+dir+"\nsources:\n- path: "+log+"\nmappings:\n"+mapping("one")+mapping("two")))
	var checked configChecked
	decode(t, must(t, exitError, "config", "check", "-o", "json", file), &checked)
	if len(checked.Problems) != 1 || checked.Problems[0].Line != 3 || checked.OK || !strings.HasSuffix(checked.Problems[0].Message, both) {
		t.Errorf("%+v", checked)
	}
	var r report
	decode(t, must(t, exitDone, "scan", "-c", file, "-o", "json", log), &r)
	if len(r.Notes) == 0 || !strings.Contains(r.Notes[0], both) {
		t.Errorf("%q", r.Notes)
	}
}

// Where the records that are meant are rare, the name of the file says what it is; what is built in is asked first.
func TestMappingOfNamedFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "m.yaml"), []byte("- {source: sso, files: ['*/gate/*.log'], input: {format: regex, patterns: ['^(?P<time>\\S+) (?P<user>\\S+) (?P<result>ok|no)$']}, time: {fields: [time]}, user: {fields: [user]}, outcome: {fields: [result], map: {ok: passed}}}\n"))
	noise := strings.Repeat("up and running\n", 10_000)
	write(t, filepath.Join(dir, "logs", "gate", "a.log"), []byte(noise+"2026-10-06T08:00:05Z anna ok\n"))
	write(t, filepath.Join(dir, "logs", "other", "a.log"), []byte("2026-10-06T08:00:05Z anna ok\n"))
	write(t, filepath.Join(dir, "logs", "gate", "duo.log"), []byte(monosignLine))
	var r report
	decode(t, must(t, exitDone, "scan", "--mapping", file, "-o", "json", filepath.Join(dir, "logs")), &r)
	kinds := map[string]string{}
	for _, s := range r.Sources {
		kinds[filepath.Base(filepath.Dir(s.Path))+"/"+filepath.Base(s.Path)] = s.Kind
	}
	if want := map[string]string{"gate/a.log": "mapped", "other/a.log": "unknown", "gate/duo.log": "monosign"}; !maps.Equal(kinds, want) || r.Lines.MFA != 2 {
		t.Errorf("%v, want %v; %+v", kinds, want, r.Lines)
	}
}
