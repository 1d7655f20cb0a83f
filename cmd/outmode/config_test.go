package main

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

// readText reads a configuration from a text, and names the file "f" in what is wrong with it.
func readText(t testing.TB, text string) (config, []string) {
	t.Helper()
	file := write(t, filepath.Join(t.TempDir(), "f"), []byte(text))
	c, problems := readConfig(file)
	var said []string
	for _, p := range problems {
		if p.Severity != isError || p.File != file {
			t.Errorf("severity %q, file %q", p.Severity, p.File)
		}
		said = append(said, strings.ReplaceAll(p.String(), file+":", "f:"))
	}
	return c, said
}

func TestConfigMistakes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"retension:\n  days: 1y\n":                       `f:1:1: the configuration has no key "retension"; did you mean "retention"?`,
		"retention:\n  day: 1y\n":                        `f:2:3: retention has no key "day"; did you mean "days"?`,
		"idle_after: 5m\n":                               `f:1:1: the configuration has no key "idle_after"; it stands below discover`,
		"alerts: []\n":                                   `f:1:1: the configuration has no key "alerts"; there is data, sources, discover, organisation, gateways, mappings, mfa, rules, retention, listen, tls, listen_auth and log`,
		"gateways:\n- id: duo\n":                         `f:2:3: gateways[0] has no kind; write kind: and one of duo, duo_authproxy, monosign, adfs, entra, ual, wap, nps, okta, mapped or none`,
		"sources:\n- path: /x\n  sever: EX01\n":          `f:3:3: sources[0] has no key "sever"; did you mean "server"?`,
		"listen_auth:\n  token_fil: x\n":                 `f:2:3: listen_auth has no key "token_fil"; did you mean "token_file"?`,
		"data: /a\ndata: /b\n":                           `f:2:1: the key "data" stands twice; it stands at line 1 too`,
		"data: [a]\n":                                    `f:1:7: data must be one text`,
		"data: 5\n":                                      `f:1:7: data must be text; put "5" in quotes`,
		"data: ''\n":                                     `f:1:7: data is empty`,
		"data:\n":                                        `f:1:7: data has no value; write one, or remove the key`,
		"listen:\n":                                      `f:1:9: listen has no value; write '' for none`,
		"data: '%ProgramData%\\Outmode'\n":               `f:1:7: data: nothing replaces "%ProgramData%" here; write the path out`,
		"data: ~/outmode\n":                              `f:1:7: data: nothing replaces "~/outmode" here; write the path out`,
		"data: ${HOME}/outmode\n":                        `f:1:7: data: nothing replaces "${HOME}/outmode" here; write the path out`,
		"data: \"C:\\new\\data\"\n":                      `f:1:15: within " a backslash begins an escape; put the text in single quotes instead`,
		"data: \"C:\\new\"\n":                            `f:1:7: data: a path holds no control characters; put a path with backslashes in single quotes`,
		"discover:\n  every: 5\n":                        `f:2:10: discover.every needs a unit; write 30s, 5m, 12h, 35d or 2y`,
		"discover: {every: 5 s}\n":                       `f:1:19: discover.every "5 s" is no duration; write 30s, 5m, 12h, 35d or 2y`,
		"discover: {every: [5s]}\n":                      `f:1:19: discover.every must be a duration; write 30s, 5m, 12h, 35d or 2y`,
		"discover: {silent_after: never}\n":              `f:1:26: discover.silent_after "never" is no duration; write auto, or 30s, 5m, 12h, 35d or 2y`,
		"discover: {every: 2d}\n":                        `f:1:19: discover.every must be from 1s to 1h`,
		"retention: {days: 200y}\n":                      `f:1:19: retention.days "200y" is no duration; write 30s, 5m, 12h, 35d or 2y`,
		"retention: {days: 10d}\n":                       `f:1:19: retention.days (10d) must not be shorter than retention.hours (35d)`,
		"retention: {hours: 2y}\n":                       `f:1:20: retention.days (400d) must not be shorter than retention.hours (2y)`,
		"discover: 5s\n":                                 `f:1:11: discover must be a mapping: key: value`,
		"- a\n":                                          `f:1:1: the configuration must be a mapping: key: value`,
		"organisation:\n  internal: [10.0.0.0/33]\n":     `f:2:14: organisation.internal "10.0.0.0/33" is no address range; write 10.0.0.0/8 or 192.0.2.1`,
		"organisation:\n  internal: 10.0.0.0/8\n":        `f:2:13: organisation.internal must be a list: lines that begin with -, or [a, b]`,
		"organisation: {service: ['*']}\n":               `f:1:26: organisation.service "*" would fit everything`,
		"organisation: {exclude: ['file:x*']}\n":         `f:1:26: organisation.exclude "file:x*": there is no file:; write a pattern of accounts, or path:, agent: or address: before it`,
		"organisation: {exclude: ['address:10']}\n":      `f:1:26: organisation.exclude "10" is no address range; write 10.0.0.0/8 or 192.0.2.1`,
		"organisation: {servers: [ex01]}\n":              `f:1:26: organisation.servers "ex01" is no IP address`,
		"organisation: {servers: [1]}\n":                 `f:1:26: an item of organisation.servers must be text; put "1" in quotes`,
		"organisation: {service: ['']}\n":                `f:1:26: an item of organisation.service is empty`,
		"organisation: {service: [*.bak]}\n":             `f:1:26: aliases have no meaning here: write out what is meant; a text that begins with * must stand in quotes|f:1:26: an item of organisation.service has no value; write one, or remove the key`,
		"rules: {builtin: yes please}\n":                 `f:1:18: rules.builtin must be true or false`,
		"sources: /logs\n":                               `f:1:10: sources must be a list: lines that begin with -, or [a, b]`,
		"sources: [/logs]\n":                             `f:1:11: a source must be a mapping; write path: before "/logs"`,
		"sources:\n- kind: iis\n":                        `f:2:3: sources[0] has no path`,
		"sources:\n- {path: /a, kind: duo}\n":            `f:2:20: sources[0].kind cannot be "duo"; write auto, iis, httpproxy, imap, pop or smtp`,
		"sources:\n- {path: /a, poll: no}\n":             `f:2:20: sources[0].poll cannot be "no"; write auto or always`,
		"sources:\n- {path: /a, server: 'EX 01'}\n":      `f:2:22: sources[0].server "EX 01" is no name of a server; write it as the logs do: EX01`,
		"sources:\n- path: /a/[x\n":                      `f:2:9: sources[0].path "/a/[x" is a pattern that cannot be read; close every [ with a ]`,
		"sources:\n- path: /a\n- path: /b\n- path: /a\n": `f:4:9: sources[2].path "/a" stands at line 2 too`,
		"listen: 9464\n":                                 `f:1:9: listen must be text; put "9464" in quotes`,
		"listen: localhost\n":                            `f:1:9: listen "localhost" is no address with a port; write 127.0.0.1:9464`,
		"listen: 127.0.0.1:99999\n":                      `f:1:9: listen: the port must be a number from 1 to 65535, and is "99999"`,
		"listen: http://127.0.0.1:1\n":                   `f:1:9: listen "http://127.0.0.1:1" is no address with a port; write 127.0.0.1:9464`,
		"tls: {cert: /c}\n":                              `f:1:13: tls.cert needs tls.key, the private key of that certificate`,
		"tls: {key: /k}\n":                               `f:1:12: tls.key needs tls.cert, the certificate of that key`,
		"log: {level: trace}\n":                          `f:1:14: log.level cannot be "trace"; write debug, info, warn or error`,
		"log: {format: JSON}\n":                          `f:1:15: log.format cannot be "JSON"; write text or json`,
		"listen_auth: {token: abc}\n":                    `f:1:22: listen_auth.token must not stand in this file; write token_file: PATH of a file that holds nothing else, or token: env:NAME of an environment variable`,
		"listen_auth: {token: env:A-B}\n":                `f:1:22: listen_auth.token: after env: stands the name of an environment variable, of letters, digits and _`,
		"listen_auth: {token: env:A, token_file: /t}\n":  `f:1:29: listen_auth.token and listen_auth.token_file exclude each other; remove one`,
		"listen_auth: {token_file: ''}\n":                `f:1:27: listen_auth.token_file must be the path of a file that holds the secret and nothing else`,
		"data: /a\n---\ndata: /b\n":                      `f:3:1: this file can hold one document only; remove the line --- and what follows it`,
		"data: /a\n\tlisten: ''\n":                       `f:2:1: YAML wants blanks instead of a tab`,
	} {
		_, said := readText(t, text)
		if got := strings.Join(said, "|"); got != want {
			t.Errorf("%q\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestConfigNamesEveryMistake(t *testing.T) {
	t.Parallel()
	_, said := readText(t, `data: 5
sources:
- path: /a
  kind: nope
- pth: /b
discover:
  every: fast
  every: 5s
organisation:
  internal: [10.0.0.0/8, 10.0.0.300, 192.0.2.1, x]
tsl: {}
retention:
  days: 1
listen: nowhere
log: loud
`)
	var places []string
	for _, s := range said {
		places = append(places, strings.Join(strings.SplitN(s, ":", 4)[1:3], ":"))
	}
	if got, want := strings.Join(places, " "), "1:7 4:9 5:3 5:3 7:10 8:3 10:26 10:49 11:1 13:9 14:9 15:6"; got != want {
		t.Errorf("got %s, want %s\n%s", got, want, strings.Join(said, "\n"))
	}
}

func TestConfigRefusesBombs(t *testing.T) {
	t.Parallel()
	bomb := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c <= 'z'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s*%c]\n", c, c, strings.Repeat(fmt.Sprintf("*%c, ", c-1), 8), c-1)
	}
	_, said := readText(t, bomb)
	if len(said) < 10 || !strings.Contains(said[0], "anchors have no meaning here") && !strings.Contains(said[1], "anchors have no meaning here") {
		t.Errorf("%d problems: %.500q", len(said), said)
	}
	for name, text := range map[string]string{
		"larger than":       "# " + strings.Repeat("x", 2<<20),
		"too large":         "sources: [" + strings.Repeat("{a: b}, ", 6000) + "]\n",
		"nested too deeply": "sources: " + strings.Repeat("[", 10_000),
	} {
		if _, said := readText(t, text); len(said) != 1 || !strings.Contains(said[0], name) {
			t.Errorf("%s: %.500q", name, said)
		}
	}
}

func TestConfigValues(t *testing.T) {
	t.Parallel()
	file := write(t, filepath.Join(t.TempDir(), "f"), []byte(`
data: store
sources:
- path: logs/*.log
- {path: 'C:\logs', kind: iis, server: EX01, poll: always, exclude: [old, '*.bak']}
- path: \\EX02\c$\logs
discover: {every: 1m30s, silent_after: 2h}
organisation:
rules: {dirs: [my, /etc/rules], builtin: false}
retention: {findings: 1y10d}
listen: ''
tls: {cert: c.pem, key: k.pem}
listen_auth: {token_file: t}
log: {level: debug, format: json}
`))
	c, problems := readConfig(file)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	dir := filepath.Dir(file)
	in := func(name string) string { return filepath.Join(dir, name) }
	want := defaultConfig()
	want.Data = in("store")
	want.Sources = []configSource{defaultSource(in("logs/*.log")), {`C:\logs`, "iis", "EX01", "always", []string{"old", "*.bak"}}, defaultSource(`\\EX02\c$\logs`)}
	want.Discover.Every, want.Discover.SilentAfter = 90*time.Second, 2*time.Hour
	want.Rules.Dirs, want.Rules.Builtin = []string{in("my"), "/etc/rules"}, false
	want.Retention.Findings = 375 * aDay
	want.Listen = ""
	want.TLS = configTLS{in("c.pem"), in("k.pem")}
	want.ListenAuth.Token.File = in("t")
	want.Log = configLog{"json", "debug"}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	if c.Log.level() != slog.LevelDebug || defaultConfig().Log.level() != slog.LevelInfo {
		t.Errorf("level %v", c.Log.level())
	}
	if s := c.Sources[1]; !s.excludes("C:/logs/old") || !s.excludes("C:/logs/a.bak") || s.excludes("C:/logs/a.log") {
		t.Error("exclude fits wrongly")
	}
}

// Windows PowerShell 5 writes UTF-16 where output is redirected: "outmode config init > config.yaml".
func TestConfigInUTF16(t *testing.T) {
	t.Parallel()
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		var data []byte
		for _, u := range utf16.Encode([]rune("\ufeffdata: /süd\r\n")) {
			data = order.AppendUint16(data, u)
		}
		if c, said := readText(t, string(data)); len(said) > 0 || c.Data != "/süd" {
			t.Errorf("%v: %q %v", order, c.Data, said)
		}
	}
}

func TestConfigThatIsNoFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for path, want := range map[string]string{
		filepath.Join(dir, "gone"): `; "outmode config init ` + filepath.Join(dir, "gone") + `" writes one`,
		dir:                        dir + ": it is not a file",
	} {
		if _, problems := readConfig(path); len(problems) != 1 || !strings.Contains(problems[0].String(), want) {
			t.Errorf("%s: %v", path, problems)
		}
	}
}

func TestOverride(t *testing.T) {
	t.Parallel()
	c := defaultConfig()
	c.Sources = []configSource{{Path: "/a", Kind: "iis", Server: "EX01", Poll: "always"}, defaultSource("/b")}
	before := c
	c.override("", nil)
	if !reflect.DeepEqual(c, before) {
		t.Errorf("no flag changed %+v", c)
	}
	c.override("/data", []string{"/c", "/a/"})
	if c.Data != "/data" || len(c.Sources) != 2 || !reflect.DeepEqual(c.Sources[0], defaultSource("/c")) || c.Sources[1].Server != "EX01" {
		t.Errorf("got %+v", c)
	}
	if len(before.Sources) != 2 || before.Sources[0].Path != "/a" {
		t.Error("override changed what others hold")
	}
}

func TestOrganisationOfConfig(t *testing.T) {
	t.Parallel()
	c := defaultConfig()
	c.Organisation = configOrganisation{Internal: []string{"192.0.2.0/24"}, Service: []string{"svc-*"}, Exclude: []string{"probe-*"}, Servers: []string{"192.0.2.9"}}
	o := c.organisation()
	org, err := o.build()
	if err != nil || len(org.Internal) != 1 || len(org.Servers) != 1 || org.Service == nil || org.Noise == nil {
		t.Errorf("%+v, %v", org, err)
	}
	d := defaultConfig()
	o = d.organisation()
	if org, err = o.build(); err != nil || len(org.Internal) < 2 {
		t.Errorf("%+v, %v", org, err)
	}
}

func TestSpans(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"30s": 30 * time.Second, "5m": 5 * time.Minute, "12h": 12 * time.Hour, "35d": 35 * aDay, "400d": 400 * aDay, "2y": 730 * aDay, "1h30m": 90 * time.Minute, "100y": 100 * aYear, "0s": 0} {
		got, ok := parseSpan(text)
		if !ok || got != want || spanWords(got) != text {
			t.Errorf("%s: %v, %v, %s", text, got, ok, spanWords(got))
		}
	}
	for _, text := range []string{"", "5", "s", "-5s", "5 s", "1.5h", "5ms", "5w", "5S", "101y", "99y99y", "9999999999s", "99999999999999999999d", "5s\n"} {
		if got, ok := parseSpan(text); ok {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

func FuzzConfig(f *testing.F) {
	c := defaultConfig()
	c.Sources = []configSource{{"/a", "iis", "EX01", "always", []string{"x"}}}
	f.Add([]byte(configText(&c)))
	c = fullMFA()
	f.Add([]byte(configText(&c)))
	for _, seed := range []string{"", "gateways: [{kind: duo, protects: {entries: []}, window: {before: 0s}}]", "gateways:\n- kind: none\n  protects:\n    entries: [owa]", "mfa: {outcomes: {duo: {'A b': passed, 1: denied}}, zones: {adfs: UTC}}", "data: /x", "sources:\n- path: a", "listen_auth: {token: env:A}", "rules: {dirs: [x]}", "\xff\xfea\x00", "organisation: {exclude: ['a*']}"} {
		f.Add([]byte(seed))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(dir, "f")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		got, problems := readConfig(file)
		if len(problems) > 0 {
			return
		}
		// What is accepted is written and read back as it is.
		write(t, file, []byte(configText(&got)))
		again, problems := readConfig(file)
		if len(problems) > 0 || !reflect.DeepEqual(got, again) && runtime.GOOS != "windows" {
			t.Errorf("%v\n got %+v\nfrom %+v\n%s", problems, again, got, configText(&got))
		}
	})
}
