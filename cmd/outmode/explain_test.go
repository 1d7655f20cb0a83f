package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func sha(b []byte) [32]byte { return sha256.Sum256(b) }

func TestExplainNDJSON(t *testing.T) {
	t.Parallel()
	text := "#Software: x\r\n" + proxyHead + proxyLine(`CONTOSO\anna`, "agent") + proxyLine(`CONTOSO\HealthMailbox1`, "x") + "\r\nbad\r\n"
	code, out, errs := outmode(t, text, "explain", "-o", "ndjson")
	if code != exitDone {
		t.Fatalf("exit %d: %s", code, errs)
	}
	type object struct {
		File, Verdict, Reason, Traffic string
		Line, Offset                   int64
		SignIn                         map[string]any
		Rules                          []string
	}
	var got []object
	for line := range strings.Lines(out) {
		var o object
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatal(err)
		}
		got = append(got, o)
	}
	var verdicts []string
	for i, o := range got {
		verdicts = append(verdicts, o.Verdict)
		if o.File != "-" || o.Line != int64(i+1) || o.Reason == "" || o.Rules == nil {
			t.Errorf("%+v", o)
		}
	}
	if want := "directive directive signin noise other malformed"; strings.Join(verdicts, " ") != want {
		t.Errorf("verdicts %v", verdicts)
	}
	if got[2].SignIn == nil || len(got[2].Rules) == 0 || got[2].Traffic != "user" || got[3].Traffic != "probe" || got[3].SignIn != nil {
		t.Errorf("%+v\n%+v", got[2], got[3])
	}
	if want := int64(len("#Software: x\r\n" + proxyHead)); got[2].Offset != want {
		t.Errorf("offset %d, want %d", got[2].Offset, want)
	}
}

func TestExplainSaysWhy(t *testing.T) {
	t.Parallel()
	_, out, _ := outmode(t, proxyHead+proxyLine(`CONTOSO\anna`, "Microsoft Office/14.0 (Windows NT 6.1; Microsoft Outlook 14.0.7252; Pro)"), "explain", "--line", "2")
	for _, want := range []string{"-:2  signin", "the server states that this account authenticated", `account   CONTOSO\anna`, "basic success on ews, proven; client outlook-2010 (modern authentication: no)",
		"legacy in Exchange Online (AllowBasicAuth*) and Exchange Server (BlockLegacyAuth*)", "fires     "} {
		if !strings.Contains(out, want) {
			t.Errorf("does not say %q:\n%s", want, out)
		}
	}
}

func TestExplainLinesWithoutHeader(t *testing.T) {
	t.Parallel()
	line := "2026-10-06 08:15:00 10.0.0.1 POST /EWS/Exchange.asmx - 443 CONTOSO\\anna 198.51.100.7 agent - 401 1 1326 15\n"
	if code, out, errs := outmode(t, line, "explain", "--type", "iis", "-o", "ndjson"); code != exitDone || !strings.Contains(out, `"outcome":"failure"`) {
		t.Errorf("the usual columns: exit %d %s%s", code, out, errs)
	}
	if code, out, errs := outmode(t, "2026-10-06,08:15:00,anna,200\n", "explain", "--type", "iis", "--fields", "date time cs-username sc-status", "-o", "ndjson"); code != exitDone || !strings.Contains(out, `"malformed"`) {
		t.Errorf("wrong columns: exit %d %s%s", code, out, errs)
	}
	if code, out, errs := outmode(t, "2026-10-06 08:15:00 anna 200\n", "explain", "--type", "iis", "--fields", "date time cs-username sc-status", "-o", "ndjson"); code != exitDone || !strings.Contains(out, `"success"`) {
		t.Errorf("given columns: exit %d %s%s", code, out, errs)
	}
}

// Every built-in rule has a test in which it fires and one in which it does not, and all pass.
func TestBuiltinRules(t *testing.T) {
	t.Parallel()
	out := must(t, exitDone, "rules", "test", "-o", "json")
	var r struct {
		Tests    []tested
		Untested []string
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Untested) > 0 || len(r.Tests) == 0 {
		t.Errorf("%d tests; without both: %v", len(r.Tests), r.Untested)
	}
	var l struct{ Rules []listed }
	if err := json.Unmarshal([]byte(must(t, exitDone, "rules", "list", "-o", "json")), &l); err != nil {
		t.Fatal(err)
	}
	for _, rule := range l.Rules {
		if rule.Description == "" || len(rule.Controls) == 0 || len(rule.FalsePositives) == 0 || len(rule.Tags) == 0 {
			t.Errorf("%s lacks a description, controls, false positives or tags", rule.ID)
		}
	}
	must(t, exitDone, "rules", "check")
}

func TestRulesCheckNamesEveryMistake(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), []byte("id: X-1\nname: one\nseverity: hihg\nwhen: protocol == \"ewss\"\ncolour: red\n---\nid: X-1\nname: two\nseverity: low\nwhen: usr == \"anna\"\n"))
	write(t, filepath.Join(dir, "b.yaml"), []byte("id: X-2\nname: three\nwhen: now() > time\n"))
	code, out, errs := outmode(t, "", "rules", "check", dir, "-o", "json")
	if code != exitError {
		t.Fatalf("exit %d: %s", code, errs)
	}
	var r struct {
		Problems []struct {
			File, Message string
			Line, Column  int
		}
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	places := map[string]bool{}
	for _, p := range r.Problems {
		if p.Line == 0 || p.Column == 0 || p.Message == "" {
			t.Errorf("%+v", p)
		}
		places[filepath.Base(p.File)] = true
	}
	if len(r.Problems) < 7 || len(places) != 2 {
		t.Errorf("severity, value, key, duplicate id, field, missing severity and now() are 7 mistakes; named %d: %+v", len(r.Problems), r.Problems)
	}
	code, _, errs = outmode(t, "", "scan", "--rules", dir, dir)
	if code != exitError || !strings.Contains(errs, "a.yaml:3:") || !strings.Contains(errs, "nothing was read") {
		t.Errorf("scan with broken rules: exit %d, %s", code, errs)
	}
}

func TestRulesTestFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), []byte("id: X-1\nname: one\nseverity: low\nwhen: user == \"anna\"\ntests:\n  - name: never\n    type: iis\n    fields: date time cs-username sc-status\n    log: 2026-10-06 08:15:00 ben 200\n    expect: {fires: true}\n"))
	code, out, _ := outmode(t, "", "rules", "test", "--rules", dir, "--no-builtin")
	if code != exitError || !strings.Contains(out, "0 passed, 1 failed") || !strings.Contains(out, "X-1") {
		t.Errorf("exit %d: %s", code, out)
	}
}

// A rule that fails on a line did not decide that it does not fire.
func TestExplainShowsBrokenRules(t *testing.T) {
	file := write(t, "rules.yaml", []byte("id: X-1\nname: broken\nseverity: low\nwhen: protocol == \"ews\" && int(user) > 3\n"))
	code, out, errs := outmode(t, "2026-10-06T08:00:00Z,Ews,CONTOSO\\anna,true,Basic\n", "explain", "--no-builtin", "--rules", file,
		"--type", "httpproxy", "--fields", "DateTime,Protocol,AuthenticatedUser,IsAuthenticated,AuthenticationType", "-")
	if code != exitDone || !strings.Contains(out, "broken    X-1 broken; ") || strings.Contains(out, "nearly") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
}

// The columns of a test are what it says they are, however few.
func TestRulesTestTakesTheGivenFields(t *testing.T) {
	const rule = "id: X-1\nname: few\nseverity: low\nwhen: protocol == \"ews\" && outcome == \"success\"\ntests:\n" +
		"  - name: one\n    type: httpproxy\n    fields: [DateTime, Protocol, AuthenticatedUser, IsAuthenticated, AuthenticationType]\n    log: 2026-10-06T08:00:00Z,Ews,CONTOSO\\anna,true,Basic\n    expect: {fires: true}\n" +
		"  - name: two\n    type: iis\n    fields: date,time,cs-uri-stem,cs-username,sc-status\n    log: 2026-10-06 08:00:00 /EWS/Exchange.asmx CONTOSO\\anna 401\n    expect: {fires: false}\n"
	file := write(t, "rules.yaml", []byte(rule))
	if out := must(t, exitDone, "rules", "test", "--no-builtin", "--rules", file); !strings.Contains(out, "2 passed, 0 failed") {
		t.Error(out)
	}
	file = write(t, "rules.yaml", []byte(strings.Replace(rule, "DateTime, ", "", 1)))
	if out := must(t, exitError, "rules", "test", "--no-builtin", "--rules", file); !strings.Contains(out, "the test's fields: ") {
		t.Error(out)
	}
}

// What docs/rules.md shows passes its own tests.
func TestDocumentedRulesPassTheirTests(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "rules.md"))
	if err != nil {
		t.Fatal(err)
	}
	dir, tested := t.TempDir(), 0
	for n, block := range strings.Split(string(text), "```yaml\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		if !strings.Contains(block, "\ntests:") {
			continue
		}
		tested++
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.yaml", n)), []byte(block), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out := must(t, exitDone, "rules", "test", "--no-builtin", "--rules", dir); tested < 2 || !strings.Contains(out, " 0 failed") || strings.Contains(out, "without") {
		t.Errorf("%d rules with tests\n%s", tested, out)
	}
}

// The commands that README and the documentation print are run as printed.
func TestDocumentedCommandsRun(t *testing.T) {
	t.Chdir(root)
	ran := 0
	for _, file := range append([]string{"README.md", "CONTRIBUTING.md"}, globFiles(t, "docs/*.md")...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			command, ok := strings.CutPrefix(strings.TrimSpace(line), "go run ./cmd/outmode ")
			if !ok {
				continue
			}
			ran++
			args := strings.Fields(strings.Split(command, "#")[0])
			if code, _, errs := outmode(t, "", args...); code != exitDone {
				t.Errorf("%s: %s: exit %d %s", file, command, code, errs)
			}
		}
	}
	if ran == 0 {
		t.Error("no command was run")
	}
}

func globFiles(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return files
}
