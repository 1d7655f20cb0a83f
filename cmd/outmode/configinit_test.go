package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/rules"
)

// The file that config init writes is documentation: it is kept, so that a change of it is read.
func TestConfigInitGolden(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the folders are others there")
	}
	const golden = "testdata/config.yaml"
	c := defaultConfig()
	got := configText(&c)
	if *update {
		write(t, golden, []byte(got))
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("config init differs from %s; read the difference, then: go test ./cmd/outmode -run Golden -update", golden)
	}
	for n, line := range strings.Split(got, "\n") {
		if len(line) > 120 || strings.TrimRight(line, " ") != line {
			t.Errorf("line %d is too long, or ends in a blank: %q", n+1, line)
		}
	}
}

func TestConfigInitIsTheDefault(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "config.yaml")
	code, _, errs := outmode(t, "", "config", "init", file)
	if code != exitDone || !strings.Contains(errs, "next: outmode config check "+file) {
		t.Fatalf("exit %d: %s", code, errs)
	}
	if c, problems := readConfig(file); len(problems) > 0 || !reflect.DeepEqual(c, defaultConfig()) {
		t.Errorf("%v\n got %+v\nwant %+v", problems, c, defaultConfig())
	}
	info, err := os.Stat(file)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, mode %v", err, info.Mode())
	}
	text, _ := os.ReadFile(file)
	if out := must(t, exitDone, "config", "init"); out != string(text) {
		t.Error("what is printed is not what is written")
	}
	write(t, file, []byte("mine"))
	if code, _, _ := outmode(t, "", "config", "init", file); code != exitError {
		t.Errorf("exit %d", code)
	}
	if text, _ := os.ReadFile(file); string(text) != "mine" {
		t.Errorf("init wrote over a file: %q", text)
	}
	must(t, exitDone, "config", "init", "--force", "-q", file)
	if left, _ := os.ReadDir(filepath.Dir(file)); len(left) != 1 {
		t.Errorf("left %v", left)
	}
	if info, err = os.Stat(file); err != nil || info.Size() < 1000 || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %d bytes, mode %v", err, info.Size(), info.Mode())
	}
}

// Every line that the file shows as an example is one that works once its # is gone.
func TestConfigExamplesWork(t *testing.T) {
	t.Parallel()
	c := defaultConfig()
	var lines []string
	for line := range strings.Lines(configText(&c)) {
		if bare := strings.TrimLeft(line, " #"); strings.HasPrefix(line, "  # ") && regexp.MustCompile(`^(- path|server|poll|token|- id|- kind|kind|protects):`).MatchString(bare) {
			line = strings.Replace(line, "# ", "", 1)
		}
		lines = append(lines, line)
	}
	got, said := readText(t, strings.Join(lines, ""))
	if len(said) > 0 || len(got.Sources) != 6 || got.Sources[5].Server != "EX02" || got.Sources[5].Poll != "always" || got.ListenAuth.Token.Env == "" || len(got.Gateways) != 2 || got.Gateways[0].ID != "duo-owa" {
		t.Errorf("%v %+v", said, got)
	}
}

func TestConfigInitWithLogs(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "my logs", "a.LOG"), []byte(proxyHead+proxyLine(`CONTOSO\anna`, "agent")))
	t.Chdir(dir)
	must(t, exitDone, "config", "init", "-q", "--logs", "my logs", "--logs", filepath.Join("my logs", "*.LOG"), "config.yaml")
	c, problems := readConfig("config.yaml")
	want := defaultConfig()
	want.Sources = []configSource{defaultSource(filepath.Join(dir, "my logs")), defaultSource(filepath.Join(dir, "my logs", "*.LOG"))}
	if len(problems) > 0 || !reflect.DeepEqual(c, want) {
		t.Errorf("%v\n got %+v\nwant %+v", problems, c, want)
	}
	// With a folder for the store that can be made, it passes config check.
	text, _ := os.ReadFile("config.yaml")
	write(t, "config.yaml", regexp.MustCompile(`(?m)^data: .*$`).ReplaceAll(text, []byte("data: store")))
	if out := must(t, exitDone, "config", "check", "config.yaml"); !strings.Contains(out, "1 httpproxy") || !strings.Contains(out, "config.yaml: no mistake; next: ") {
		t.Errorf("got %s", out)
	}
}

// Whatever a configuration holds, it is written so that it is read back.
func TestConfigTextRoundTrip(t *testing.T) {
	t.Parallel()
	c := defaultConfig()
	nasty := []string{"a: b", "a #b", "'q'", `"q"`, "- x", "true", "NO", "null", "~x", "[x]", "{x}", "*x", "&x", "!x", "%x", "@x", "`x", "süd", "x\u202ey", "x\ty", "1", "1.5", "0x1f", "1e3", "12:30", " x ", `C:\new\x`, `\\EX01\c$`, "x\U0001F600", "=", "<<", "---", "? x", "|", ">", "x:", "x\u0085y", "x\u2028y", strings.Repeat("x ", 200)}
	c.Organisation.Service, c.Organisation.Exclude = nasty, []string{"agent:x y*", "path:*.bak"}
	c.Sources = []configSource{{`C:\a b`, "iis", "EX01", "always", nasty}, {"/süd/*.log", "auto", "", "auto", nil}}
	c.ListenAuth.Token.File = "/a b"
	c.Rules = configRules{Dirs: []string{"/a"}, ResolveAfter: 45 * aDay}
	c.Discover.SilentAfter = 90 * 60 * 1e9
	c.Listen = ""
	got, said := readText(t, configText(&c))
	if len(said) > 0 || !reflect.DeepEqual(got, c) {
		t.Errorf("%v\n got %+v\nwant %+v\n%s", said, got, c, configText(&c))
	}
}

// leaves lists the addresses of everything that a configuration keeps.
func leaves(v reflect.Value, name string, found map[any]string) {
	if _, secret := v.Interface().(secretRef); v.Kind() == reflect.Struct && !secret {
		for i := range v.NumField() {
			leaves(v.Field(i), name+"."+v.Type().Field(i).Name, found)
		}
		return
	}
	found[v.Addr().Interface()] = strings.TrimPrefix(name, ".")
}

// described takes away what the keys describe, and returns their names, sections included.
func described[T any](t *testing.T, keys []configKey[T], of *T, within string, found map[any]string) (names []string) {
	for _, k := range keys {
		name := strings.TrimPrefix(within+"."+k.name, ".")
		names = append(names, name)
		if len(k.doc) < 8 {
			t.Errorf("%s is not explained", name)
		}
		if k.in != nil {
			names = append(names, described(t, k.in, of, name, found)...)
			continue
		}
		at := k.at(of)
		if field, ok := found[at]; !ok || !strings.EqualFold(strings.ReplaceAll(name, "_", ""), field) {
			t.Errorf("the key %s is kept in %q", name, field)
		}
		delete(found, at)
	}
	return names
}

// One table describes the keys. Every field has a key, every key a field of that name, and each is in
// the file that init writes and in the schema.
func TestConfigKeysAreComplete(t *testing.T) {
	t.Parallel()
	c, s, g, m, found := defaultConfig(), defaultSource(""), defaultDeclared(""), mfa.DefaultMapping(), map[any]string{}
	leaves(reflect.ValueOf(&c).Elem(), "", found)
	names := described(t, configKeys(), &c, "", found)
	leaves(reflect.ValueOf(&s).Elem(), "", found)
	inSource := described(t, sourceKeys(), &s, "", found)
	leaves(reflect.ValueOf(&g).Elem(), "", found)
	inGateway := described(t, gatewayKeys(), &g, "", found)
	leaves(reflect.ValueOf(&m).Elem(), "", found)
	inMapping := described(t, mappingKeys(), &m, "", found)
	for _, field := range found {
		t.Errorf("the field %s has no key", field)
	}
	text, schema := configText(&c), configSchema()
	for _, name := range names {
		parts := strings.Split(name, ".")
		indent := strings.Repeat(keyIndent, len(parts)-1)
		if !strings.Contains(text, "\n"+indent+parts[len(parts)-1]+":") && !strings.Contains(text, "\n"+indent+"# "+parts[len(parts)-1]+":") {
			t.Errorf("config init does not write %s", name)
		}
		at := schema
		for _, p := range parts {
			if at = at.Properties[p]; at == nil {
				t.Errorf("config schema does not describe %s", name)
				break
			}
		}
	}
	for _, name := range inSource {
		if schema.Properties["sources"].Items.Properties[name] == nil || !strings.Contains(text, "\n#   "+name+" ") {
			t.Errorf("sources: %s is missing", name)
		}
	}
	for list, names := range map[string][]string{"gateways": inGateway, "mappings": inMapping} {
		for _, name := range names {
			at := schema.Properties[list].Items
			for p := range strings.SplitSeq(name, ".") {
				if at = at.Properties[p]; at == nil {
					break
				}
			}
			if at == nil || at.Properties == nil && !strings.Contains(text, "\n#   "+name+" ") {
				t.Errorf("%s: %s is missing", list, name)
			}
		}
	}
	if schema.Properties["listen_auth"].Properties["token_file"] == nil || len(names) < 29 {
		t.Errorf("%d keys: %v", len(names), names)
	}
}

// violations is as much of a validator of JSON Schema as the schema needs.
func violations(s *jsonSchema, n rules.Node, at string) (bad []string) {
	kind := map[rules.NodeKind]string{rules.NullNode: "null", rules.BoolNode: "boolean", rules.NumberNode: "number", rules.TextNode: "string", rules.ListNode: "array", rules.MappingNode: "object"}[n.Kind]
	fail := func(format string, args ...any) { bad = append(bad, at+": "+fmt.Sprintf(format, args...)) }
	if len(s.Type) > 0 && !slices.Contains(s.Type, kind) {
		fail("is %s, not %v", kind, s.Type)
		return bad
	}
	if kind == "string" {
		if s.Enum != nil && !slices.Contains(s.Enum, n.Text) {
			fail("%q is none of %v", n.Text, s.Enum)
		}
		if s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(n.Text) {
			fail("%q does not fit %s", n.Text, s.Pattern)
		}
		if len(n.Text) < s.MinLength {
			fail("is too short")
		}
	}
	for i, item := range n.Items {
		bad = append(bad, violations(s.Items, item, fmt.Sprintf("%s[%d]", at, i))...)
	}
	for _, k := range n.Keys {
		if p := s.Properties[k.Name]; p != nil {
			bad = append(bad, violations(p, k.Value, at+"."+k.Name)...)
		} else if p := s.Patterns["."]; p != nil && k.Name != "" {
			bad = append(bad, violations(p, k.Value, at+"."+k.Name)...)
		} else if s.Additional != nil && !*s.Additional {
			fail("has no key %s", k.Name)
		}
	}
	for _, name := range s.Required {
		if kind == "object" && !slices.ContainsFunc(n.Keys, func(k rules.Key) bool { return k.Name == name }) {
			fail("lacks %s", name)
		}
	}
	return bad
}

func TestConfigSchema(t *testing.T) {
	t.Parallel()
	var schema jsonSchema // as another program reads it
	out := must(t, exitDone, "config", "schema")
	if err := json.Unmarshal([]byte(out), &schema); err != nil || schema.Schema != "https://json-schema.org/draft/2020-12/schema" {
		t.Fatal(err, schema.Schema)
	}
	if must(t, exitDone, "config", "schema", "-o", "json") != out {
		t.Error("-o json prints another schema")
	}
	c := defaultConfig()
	full := c
	full.Sources = []configSource{{"/a", "iis", "EX01", "always", []string{"x"}}}
	full.ListenAuth.Token.Env = "X"
	full.Gateways, full.MFA, full.Mappings = fullMFA().Gateways, fullMFA().MFA, fullMappings()
	for text, want := range map[string]string{
		"":                                "",
		configText(&c):                    "",
		configText(&full):                 "",
		"listen_auth: {token_file: /a}":   "",
		"data: 5":                         ".data: is number, not [string]",
		"dat: x":                          ": has no key dat",
		"sources: [{kind: iis}]":          ".sources[0]: lacks path",
		"sources: [{path: /a, kind: x}]":  `.sources[0].kind: "x" is none of [auto iis httpproxy imap pop smtp]`,
		"discover: {every: 5}":            ".discover.every: is number, not [string]",
		"discover: {silent_after: never}": `.discover.silent_after: "never" does not fit ^(auto|([0-9]{1,9}[smhdy])+)$`,
		"listen_auth: {token: abc}":       `.listen_auth.token: "abc" does not fit ^env:[A-Za-z_][A-Za-z0-9_]*$`,
		"rules: {builtin: 'no'}":          ".rules.builtin: is string, not [boolean]",
		"data: ''":                        ".data: is too short",
		"gateways: [{id: x}]":             ".gateways[0]: lacks kind",
		"gateways: [{kind: dou}]":         `.gateways[0].kind: "dou" is none of [duo duo_authproxy monosign adfs entra ual wap nps okta mapped none]`,
		"gateways: [{kind: duo, protects: {entry: [owa]}}]": ".gateways[0].protects: has no key entry",
		"mfa: {outcomes: {nps: {x: passed}, wap: {}}}":      ".mfa.outcomes: has no key wap",
		"mfa: {outcomes: {duo: {x: pased}}}":                `.mfa.outcomes.duo.x: "pased" is none of [` + strings.Join(outcomeNames(), " ") + "]",
		"mappings: [{source: x, input: {format: kv}}]":      ".mappings[0]: lacks time|.mappings[0]: lacks user|.mappings[0]: lacks outcome",
		"organisation: {service: x}":                        ".organisation.service: is string, not [array null]",
	} {
		n, problems := rules.ReadYAML(rules.File{Name: "f", Data: []byte(text)})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if got := strings.Join(violations(&schema, n, ""), "|"); got != want {
			t.Errorf("%.60q\n got %s\nwant %s", text, got, want)
		}
	}
}

// The store that config init is told of stands in the file as a path that means the same everywhere.
func TestConfigInitData(t *testing.T) {
	t.Parallel()
	want, err := filepath.Abs("own-data")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "c.yaml")
	must(t, exitDone, "config", "init", "--logs", root, "--data", "./own-data", file)
	if c, problems := readConfig(file); len(problems) > 0 || c.Data != want {
		t.Errorf("data is %s, want %s: %v", c.Data, want, problems)
	}
	if code, _, errs := outmode(t, "", "config", "init", "--data", ""); code != exitUsage || !strings.Contains(errs, "--data is empty") {
		t.Errorf("exit %d: %s", code, errs)
	}
}
