package rules_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// problems loads one file and returns what is wrong with it.
func problems(yaml string) []string {
	_, ps := rules.Load([]rules.File{{Name: "f", Data: []byte(yaml)}})
	var out []string
	for _, p := range ps {
		out = append(out, p.String())
	}
	return out
}

const head = "id: T-1\nname: Test\nseverity: low\n"

func TestLoadReadsEverything(t *testing.T) {
	t.Parallel()
	set := load(t, `
id: X-1
uuid: 5B0F3C1A-0000-4000-8000-000000000001
name: "Everything"
version: 3
status: experimental
severity: critical
type: threshold
description: what it is
when: |
  protocol == "ews" &&
    auth == "basic"
zone: Europe/Vienna
group_by: [address, protocol]
threshold: 5
distinct: user
window: 90m
tags: [a, b-c]
threat: [{tactic: TA0006, technique: T1110, subtechnique: T1110.003}]
controls: ["nist.800-53r5/IA-2(1)"]
references: [https://example.com/a]
false_positives: [none]
note: look
remediation: fix
enforce: {policy: block-ews}
tests:
  - {name: one, type: iis, fields: [date, time], log: x, expect: {fires: false}}
  - name: two
    logs: [{type: imap, log: a}, {log: b}]
    expect: {fires: true, subject: s, protocol: ews, count: 2}
`)
	r := set.Rules()[0]
	if r.Severity != signin.Critical || r.Type != rules.Threshold || r.Window != 90*time.Minute || r.Threshold != 5 || r.Distinct != "user" ||
		!slices.Equal(r.GroupBy, []string{"address", "protocol"}) || r.Zone != "Europe/Vienna" || r.UUID != "5b0f3c1a-0000-4000-8000-000000000001" ||
		r.Version != 3 || r.Status != "experimental" || r.Enforce != "block-ews" || r.Line != 2 || r.File != "test.yaml" {
		t.Errorf("rule = %+v", r)
	}
	want := []rules.Test{
		{Name: "one", Line: 27, Logs: []rules.TestLog{{Kind: signin.IIS, Fields: "date,time", Lines: []byte("x\n")}}},
		{Name: "two", Line: 28, Logs: []rules.TestLog{{Kind: signin.IMAPLog, Lines: []byte("a\n")}, {Lines: []byte("b\n")}},
			Expect: rules.Expect{Fires: true, Subject: "s", Protocol: "ews", Count: 2}}}
	if got := fmt.Sprint(r.Tests); got != fmt.Sprint(want) {
		t.Errorf("tests = %s\n  want %v", got, want)
	}
	if w := set.Window(0); w.Distinct != 5 || w.Threshold != 5 || set.Window(7) != (signin.Window{}) || set.Len() != 1 {
		t.Errorf("window %+v of %d rules", w, set.Len())
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	set := load(t, "id: A-1\nname: a\nseverity: low\nwhen: internal\n---\nid: A-2\nname: b\nseverity: low\ntype: first_seen\nwhen: internal\n---\nid: A-3\nname: c\nseverity: low\ntype: absence\nwindow: 1h\nwhen: internal\n")
	rs := set.Rules()
	if rs[0].Type != rules.Match || rs[0].GroupBy[0] != "user" || rs[1].Baseline != 7*24*time.Hour || rs[2].GroupBy[0] != "server" {
		t.Errorf("%+v", rs)
	}
}

// Every mistake is named at once, each at its place.
func TestEveryMistakeAtItsPlace(t *testing.T) {
	t.Parallel()
	got := problems(`# a comment
id: T-1
nam: Test
severity: hihg
type: treshold
status: [stable]
version: "1"
when: protocol == "ewss"
tags: [ok, Not Ok]
threat: [{tactic: TA6, technique: T1110}, {tactic: TA0001, technique: T1078, subtechnique: T1110.001}]
controls: [x]
references: [ftp://x]
group_by: [user, adress, user]
id: T-2
zone: Mars/Olympus
window: 5 minutes
uuid: 12
tests:
  - log: x
  - name: n
    typ: iis
    expect: {fires: yes}
enforce: {policy: a, now: true}
note:
`)
	want := []string{
		`f:2:1: this rule has no name`,
		`f:3:1: a rule has no key "nam"; did you mean "name"?`,
		`f:4:11: severity cannot be "hihg"; did you mean "high"?`,
		`f:5:7: type cannot be "treshold"; did you mean "threshold"?`,
		`f:6:9: status must be text`,
		`f:7:10: version must be a whole number from 1 to 2147483647`,
		`f:8:19: protocol is never "ewss"; did you mean "ews"?`,
		`f:9:12: an item of tags must be lower-case words such as legacy-auth, not "Not Ok"`,
		`f:10:19: tactic must be a MITRE ATT&CK tactic such as TA0006, not "TA6"`,
		`f:10:43: T1110.001 is not a sub-technique of T1078`,
		`f:11:12: an item of controls must be framework/control, such as cis.m365/5.2.2.3, not "x"`,
		`f:12:14: a reference must be an address that begins with https://`,
		`f:13:18: group_by: there is no field "adress"; did you mean "address"?`,
		`f:13:26: group_by names user twice`,
		`f:14:1: a rule has the key "id" twice; it stands at line 2 too`,
		`f:15:7: zone must be an IANA name such as Europe/Vienna, not "Mars/Olympus"`,
		`f:16:9: window must be a time such as 30m, 12h or 7d, at most 400d, not "5 minutes"`,
		`f:17:7: uuid must be text; put 12 in quotes`,
		`f:19:5: a test needs a name`,
		`f:21:5: a test has no key "typ"; did you mean "type"?`,
		`f:20:5: a test needs either log, with raw lines, or file`,
		`f:22:21: fires must be true or false`,
		`f:23:22: enforce has no key "now"`,
		`f:24:1: "note" has no value`,
	}
	slices.Sort(got)
	slices.Sort(want)
	for i := range max(len(got), len(want)) {
		g, w := "", ""
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// The place of a mistake in an expression is right in every style of scalar.
func TestPlaceWithinScalars(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ yaml, at string }{
		"plain":              {`when: internal && oops`, "4:19"},
		"plain, two lines":   {"when: internal\n  && oops", "5:6"},
		"double quotes":      {`when: "user == \"\u00e4\" && oops"`, "4:30"},
		"single quotes":      {`when: 'user == ''x'' && oops'`, "4:25"},
		"double, escapes":    {`when: "user == \"a\\\\\" && \` + "\n" + `   oops"`, "5:4"},
		"literal":            {"when: |\n  internal &&\n    oops", "6:5"},
		"literal, indented":  {"when: |2\n    internal &&\n    oops", "6:5"},
		"literal, stripped":  {"when: |- # why\n  internal && oops", "5:15"},
		"folded":             {"when: >\n  internal\n\n  && oops\n  && backend", "7:6"},
		"letters":            {`when: user == "äöü" && oops`, "4:24"},
		"comment":            {"when: internal || oops # comment", "4:19"},
		"windows":            {"when: |\r\n  internal &&\r\n  oops\r\n", "6:3"},
		"at the end":         {"when: internal &&", "4:17"},
		"at the end, folded": {"when: >-\n  internal &&\n", "5:13"},
		"step":               {"type: sequence\nwindow: 1h\nsteps:\n  - internal\n  - |\n    backend && oops", "9:16"},
		"alias":              {"note: &w internal && oops\nwhen: *w", "4:22"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, bom := range []string{"", "\uFEFF"} {
				got := problems(bom + head + c.yaml)
				if len(got) != 1 || !strings.HasPrefix(got[0], "f:"+c.at+": ") {
					t.Errorf("got %q, want one at %s", got, c.at)
				}
			}
		})
	}
}

func TestOneBrokenDocumentHidesNothing(t *testing.T) {
	t.Parallel()
	_, ps := rules.Load([]rules.File{
		{Name: "a", Data: []byte("id: [\n---\n" + head + "when: oops\n--- # next\nid: {a: 1\n...\n---\n\n")},
		{Name: "b", Data: []byte("\xff\xfe")},
		{Name: "c", Data: []byte(head + "when: internal\n---\n- 1\n")},
		{Name: "d", Data: []byte(strings.Replace(head, "T-1", "T-9", 1) + "uuid: 00000000-0000-4000-8000-000000000000\nwhen: internal\n---\nid: T-1\nname: other\nseverity: low\nuuid: 00000000-0000-4000-8000-000000000000\nwhen: backend\n")},
		{Name: "e", Data: make([]byte, 1<<20+1)},
	})
	var got []string
	for _, p := range ps {
		got = append(got, fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column))
	}
	want := []string{"a:1:5", "a:6:7", "a:8:5", "b:1:1", "c:1:5", "c:6:1", "d:7:5", "d:10:7", "e:0:0"}
	if !slices.Equal(got, want) {
		t.Errorf("places %v, want %v\n%v", got, want, ps)
	}
}

func TestTypesAndTheirKeys(t *testing.T) {
	t.Parallel()
	for yaml, want := range map[string]string{
		"type: threshold\nwhen: internal":                                                                    "a rule of type threshold needs threshold",
		"type: threshold\nthreshold: 3\nwhen: internal":                                                      "a rule of type threshold needs window",
		"type: sequence\nwindow: 1h\nsteps: [internal]":                                                      "a sequence needs at least two steps",
		"type: sequence\nwindow: 1h\nwhen: internal":                                                         "a rule of type sequence needs steps",
		"type: absence\nwindow: 1h\nsteps: [internal, backend, internal]":                                    "an absence has two steps",
		"type: first_seen\nwindow: 1h\nwhen: internal":                                                       "a rule of type first_seen has no window",
		"threshold: 3\nwhen: internal":                                                                       "set type: threshold or sequence",
		"window: 3d\nwhen: internal":                                                                         "set type: threshold, sequence or absence",
		"baseline: 3d\nwhen: internal":                                                                       "set type: first_seen",
		"type: threshold\nthreshold: 3\nwindow: 1h\ndistinct: user\ngroup_by: [user]\nwhen: internal":        "take it out of group_by",
		"type: threshold\nthreshold: 99999\nwindow: 1h\ndistinct: user\ngroup_by: [address]\nwhen: internal": "at most 10000",
		"type: absence\nwindow: 1h\nwhen: internal\nsteps: [internal, backend]":                              "when or steps, not both",
		"when: internal\ngroup_by: [time]":                                                                   "cannot be time",
		"when: [internal]":                                                                                   "when must be text",
		"when: true":                                                                                         "put true in quotes",
		"when: ''":                                                                                           "when is empty",
		"name: x":                                                                                            `has the key "name" twice`,
		"lists: {a: [b]}\nwhen: internal":                                                                    "lists stand in a document of their own",
		"when: internal\ntests: [{name: a, fields: [x], log: y, expect: {fires: true}}]":                     "fields need a type",
		"when: internal\ntests: [{name: a, file: x.log, expect: {fires: true}}]":                             "cannot name files",
		"when: internal\ntests: [{name: a, log: x}]":                                                         "a test needs expect",
		"when: internal\ntests: []":                                                                          "empty list",
		"when: !!str internal":                                                                               "has no meaning here",
		"when: *nowhere":                                                                                     "has no anchor",
		"? [a]\n: b":                                                                                         "has no meaning here",
	} {
		got := strings.Join(problems(head+yaml+"\n"), "\n")
		if !strings.Contains(got, want) {
			t.Errorf("%s\n got %s\nwant %s", yaml, got, want)
		}
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	for yaml, want := range map[string]string{
		"lists: {a: [x]}\n---\nlists: {a: [y]}": `f:3:9: the list "a" stands at f:1 too`,
		"lists: {a: 1}":                         `f:1:12: the list "a" must be a list: [a, b]`,
		"lists: {a: [1]}":                       `f:1:13: an item of the list "a" must be text; put 1 in quotes`,
		"lists: [a]":                            "f:1:8: lists must be a mapping: a name and a list of texts",
		head + "when: in_list(user, \"vip\")\n---\nlists: {vips: [anna]}": `f:4:21: there is no list "vip"; did you mean "vips"?`,
		head + "when: in_list(user, domain)":                              "f:4:7: in_list takes a value and a constant: in_list(user, \"name\")",
	} {
		if got := problems(yaml + "\n"); len(got) != 1 || got[0] != want {
			t.Errorf("%s\n got %q\nwant %q", yaml, got, want)
		}
	}
}

// Files that were made to take all memory, all stack or all day are refused, and soon.
func TestBombs(t *testing.T) {
	t.Parallel()
	var aliases strings.Builder
	aliases.WriteString("a: &a [x, x, x, x, x, x, x, x]\n")
	for c := 'b'; c < 'j'; c++ {
		fmt.Fprintf(&aliases, "%c: &%c [%s*%c]\n", c, c, strings.Repeat(fmt.Sprintf("*%c, ", c-1), 7), c-1)
	}
	const n = 200_000
	var tests strings.Builder
	tests.WriteString(head + "when: internal\nnote: &f [" + strings.Repeat("a, ", 900) + "b]\nremediation: &t {name: n, type: iis, fields: *f, log: x, expect: {fires: true}}\ntests: [" + strings.Repeat("*t, ", 900) + "*t]\n")
	for name, yaml := range map[string]string{
		"aliases": aliases.String(), "aliases of tests": tests.String(), "brackets": strings.Repeat("[", n), "braces": strings.Repeat("{a: ", n), "dashes": strings.Repeat("- ", n),
		"keys": strings.Repeat("a: ", n), "anchors": strings.Repeat("&a ", n), "question marks": strings.Repeat("? ", n), "tags": strings.Repeat("!!a ", n),
		"many keys": strings.Repeat("abcdefg: hijklm\n", n/4), "items": "a: [" + strings.Repeat("a,", n) + "]", "commas": strings.Repeat(",", n), "quotes": strings.Repeat("\"", n),
		"when": head + "when: '" + strings.Repeat("(", 60_000) + "'", "not": head + "when: '" + strings.Repeat("!", 60_000) + "internal'",
		"and": head + "when: 'internal" + strings.Repeat(" && internal", 5_000) + "'", "documents": strings.Repeat("---\na: 1\n", n/10),
		"self": "a: &a *a\n", "self list": head + "when: internal\ntests: &a [*a]\n", "deep": deep(1200),
	} {
		if got := problems(yaml); len(got) == 0 {
			t.Errorf("%s: no problem", name)
		}
	}
}

// deep is a mapping in a mapping in a mapping, each further in.
func deep(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestMessagesQuoteLittle(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5000)
	for _, yaml := range []string{
		long + ": 1\n", head + "severity2: " + long + "\nwhen: " + long, head + "when: auth == '" + long + "'", head + "when: \"user == '" + long + "\"",
		head + "type: " + long + "\nwhen: internal", head + "when: in_list(user, \"" + long + "\")", head + "when: cidr(address, \"" + long + "\")",
		head + "when: user matches \"(" + long + "\"", head + "when: " + long + "(user)", head + "when: internal " + long, head + "when: user." + long, "a: *" + long, "a: !" + long + " b",
		head + "when: date(\"" + long + "\") < time", "'" + long, head + "when: \"user == 5 + '" + long + "'\"",
	} {
		for _, p := range problems(yaml) {
			if strings.Count(p, "x") > 200 {
				t.Errorf("%d bytes are quoted: %.300s", strings.Count(p, "x"), p)
			}
		}
	}
}

func TestReadDir(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"b.yml": strings.Replace(head, "T-1", "T-2", 1) + "when: internal\n", "a.yaml": head + "when: internal\ntests: [{name: a, file: logs/x.log, expect: {fires: true}}]\n",
		"readme.txt": "no", "big.yaml": strings.Repeat("#", 1<<20+1), "logs/x.log": "one\n", "folder.yaml/x": ""} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, ps := rules.ReadDir(dir)
	if len(files) != 2 || filepath.Base(files[0].Name) != "a.yaml" || len(ps) != 1 || !strings.Contains(ps[0].String(), "larger than 1 MiB") {
		t.Fatalf("files %v, problems %v", files, ps)
	}
	set, bad := rules.Load(files)
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	var lines string
	results := set.Test(func(_ *rules.Set, logs []rules.TestLog, _ bool) (rules.Observed, error) {
		lines = string(logs[0].Lines)
		return rules.Observed{}, nil
	}, "")
	if lines != "one\n" || len(results) != 1 || results[0].Passed {
		t.Errorf("lines %q, results %+v", lines, results)
	}
	if one, ps := rules.ReadDir(filepath.Join(dir, "b.yml")); len(one) != 1 || len(ps) != 0 {
		t.Errorf("one file: %v %v", one, ps)
	}
	if _, ps := rules.ReadDir(filepath.Join(dir, "nowhere")); len(ps) != 1 {
		t.Errorf("no folder: %v", ps)
	}
	if _, ps := rules.ReadDir(filepath.Join(dir, "logs")); len(ps) != 1 {
		t.Errorf("a folder without rules: %v", ps)
	}
	for _, path := range []string{"../a.yaml", "/etc/passwd", "nowhere.log"} {
		f := rules.File{Name: "f", Dir: dir, Data: []byte(head + "when: internal\ntests: [{name: a, file: " + path + ", expect: {fires: true}}]\n")}
		if _, ps := rules.Load([]rules.File{f}); len(ps) != 1 {
			t.Errorf("file: %s: %v", path, ps)
		}
	}
}
