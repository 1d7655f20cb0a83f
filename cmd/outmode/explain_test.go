package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/internal/signin"
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
		Rules, Counts                  []string
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
		if o.File != "-" || o.Line != int64(i+1) || o.Reason == "" || o.Rules == nil || o.Counts == nil {
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

// explainedLines runs explain -o ndjson and returns the verdict and the rules of each line.
func explainedLines(t *testing.T, stdin string, args ...string) (lines []explained) {
	t.Helper()
	code, out, errs := outmode(t, stdin, append([]string{"explain", "-o", "ndjson"}, args...)...)
	if code != exitDone {
		t.Fatalf("exit %d: %s", code, errs)
	}
	for line := range strings.Lines(out) {
		var x explained
		if err := json.Unmarshal([]byte(line), &x); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, x)
	}
	return lines
}

const w3cHead = "#Fields: date time cs-method cs-uri-stem s-port cs-username c-ip sc-status sc-substatus sc-win32-status\r\n"

func w3cRefused(clock, user string) string {
	return "2026-10-06 " + clock + " POST /EWS/Exchange.asmx 443 " + user + " 198.51.100.7 401 1 1326\r\n"
}

// A line cannot make a window full: only rules of type match fire on it, for the others it counts.
func TestExplainTellsCountingFromFiring(t *testing.T) {
	t.Parallel()
	refused := explainedLines(t, w3cHead+w3cRefused("08:00:00", `CONTOSO\anna`))[1]
	if got := strings.Join(refused.Rules, " ") + "|" + strings.Join(refused.Counts, " "); got != "|OM-1030 OM-1031 OM-1032 OM-1034" {
		t.Errorf("a refused line: %s", got)
	}
	let := explainedLines(t, proxyHead+proxyLine(`CONTOSO\anna`, "agent"))
	if got := strings.Join(let[1].Rules, " ") + "|" + strings.Join(let[1].Counts, " "); got != "OM-1003 OM-1021|OM-1022 OM-1032 OM-1034" {
		t.Errorf("an accepted line: %s", got)
	}
	if let[0].Rules == nil || let[0].Counts == nil {
		t.Errorf("a header: %+v", let[0])
	}
	_, out, _ := outmode(t, w3cHead+w3cRefused("08:00:00", `CONTOSO\anna`)+proxyHead, "explain")
	_, more, _ := outmode(t, proxyHead+proxyLine(`CONTOSO\anna`, "agent"), "explain")
	for _, want := range []string{
		"\n  counts    OM-1030 Password spray: one of 10 different user values within 1h per address\n",
		"\n  counts    OM-1032 A password that was accepted after many refusals: step 1 of 2 (10 of it within 1h before step 2) per user\n",
		"\n  counts    OM-1032 A password that was accepted after many refusals: step 2 of 2 (10 of step 1 within 1h before it) per user\n",
		"\n  counts    OM-1022 First Basic authentication of an account: only the first one after 7d of logs per user\n",
		"\n  fires     OM-1003 Basic authentication on Exchange Web Services\n",
	} {
		if !strings.Contains(out+more, want) {
			t.Errorf("does not say %q:\n%s%s", want, out, more)
		}
	}
	if strings.Contains(out, "fires") || strings.Contains(more, "fires     OM-1032") {
		t.Errorf("a rule with a window fires on a line:\n%s%s", out, more)
	}
}

// What is no sign-in takes a line, and rules that nearly fire are for those who ask.
func TestExplainIsShort(t *testing.T) {
	t.Parallel()
	health := strings.Replace(proxyLine(`CONTOSO\HealthMailbox1`, "x"), "198.51.100.7", "127.0.0.1", 1)
	text := "#Software: x\r\n" + proxyHead + proxyLine(`CONTOSO\anna`, "agent") + health + "\r\nbad\r\n" + proxyLine(`CONTOSO\ben`, "agent")
	_, out, _ := outmode(t, text, "explain")
	blocks := strings.Split(out, "\n\n")
	if len(blocks) != 4 || blocks[0] != "-:1  directive: header\n-:2  directive: header" || !strings.HasPrefix(blocks[1], "-:3  signin\n  why ") ||
		blocks[2] != "-:4  noise: health mailbox\n-:5  other: blank\n-:6  malformed: fewer columns than the header names: it has 1, the header names 15" ||
		!strings.HasPrefix(blocks[3], "-:7  signin\n") || !strings.HasSuffix(blocks[3], "\n") || strings.Contains(out, "nearly") {
		t.Errorf("%q\n%s", blocks, out)
	}
	_, all, _ := outmode(t, text, "explain", "-v")
	for _, want := range []string{"-:1  directive\n  why       header\n\n-:2  directive\n", "-:4  noise\n  why       health mailbox\n  time ", "\n  nearly    OM-"} {
		if !strings.Contains(all, want) {
			t.Errorf("-v does not say %q:\n%s", want, all)
		}
	}
	rule := write(t, filepath.Join(t.TempDir(), "rules.yaml"), []byte("id: X-1\nname: near\nseverity: low\nwhen: protocol == \"ews\" && user == \"ben\"\n"))
	_, near, _ := outmode(t, text, "explain", "--rules", rule, "--no-builtin")
	if !strings.Contains(near, "\n  nearly    X-1 near; not met: user == \"ben\"\n") || !strings.Contains(near, "\n  fires     X-1 near\n") || !strings.Contains(near, "-:4  noise: health mailbox\n") {
		t.Errorf("%s", near)
	}
}

// Noise on which a rule fires is told as what a person did is; the line stays noise.
func TestExplainReservedNoise(t *testing.T) {
	t.Parallel()
	text := proxyHead + proxyLine(`CONTOSO\HealthMailbox1`, "agent")
	l := explainedLines(t, text)[1]
	if l.Verdict != "noise" || l.Traffic != "probe" || l.SignIn != nil || strings.Join(l.Rules, " ") != "OM-2012" || len(l.Counts) > 0 {
		t.Errorf("%+v", l)
	}
	_, out, _ := outmode(t, text, "explain", "--line", "2")
	if !strings.HasPrefix(out, "-:2  noise\n  why       health mailbox\n") || !strings.Contains(out, "\n  verdict   basic success on ews, proven;") || !strings.HasSuffix(out, "\n  fires     OM-2012 A reserved name reads mail from outside\n") {
		t.Errorf("%s", out)
	}
}

func TestExplainLineThatIsNotThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	two := write(t, filepath.Join(dir, "two.LOG"), []byte(proxyHead+proxyLine(`CONTOSO\anna`, "agent")))
	one := write(t, filepath.Join(dir, "one.LOG"), []byte(proxyHead))
	none := write(t, filepath.Join(dir, "none.LOG"), nil)
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{exitUsage, "--line 0: lines are counted from 1", []string{"--line", "0", two}},
		{exitUsage, "--line -3: lines are counted from 1", []string{"--line", "-3", two}},
		{exitUsage, "--line", []string{"--line", "x", two}},
		{exitDone, "", []string{"--line", "2", two}},
		{exitError, "two.LOG has only 2 lines\n", []string{"--line", "3", two}},
		{exitError, "one.LOG has only 1 line\n", []string{"--line", "2", two, one}},
		{exitError, "none.LOG has no line\n", []string{"--line", "1", none}},
		{exitError, "two.LOG has only 2 lines\n", []string{"--line", "3", "-o", "ndjson", two}},
	} {
		code, out, errs := outmode(t, "", append([]string{"explain"}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.says) || c.says == "" && errs != "" {
			t.Errorf("%v: exit %d, %q, want %d, %q", c.args, code, errs, c.code, c.says)
		}
		if has := strings.Contains(out, ":2  signin"); has != (len(c.args) > 1 && c.args[1] == "2") {
			t.Errorf("%v prints %s", c.args, out)
		}
	}
}

// Who has lines without a header is told what to do, and what the columns are.
func TestExplainSaysHowToNameColumns(t *testing.T) {
	t.Parallel()
	line := w3cRefused("08:00:00", `CONTOSO\anna`)
	for name, c := range map[string]struct {
		stdin, says string
		args        []string
	}{
		"no header":         {line, "give it from its beginning, or ask \"outmode explain\" about its lines with --type and --fields", nil},
		"before the header": {line + w3cHead, "no #Fields before it; give the log from its header on, or say what the lines are with --type and --fields", nil},
		"other columns":     {line, "fewer columns than the header names: it has 10, the header names 15; --fields says which columns it has, \"outmode explain --help\" shows the usual ones", []string{"--type", "iis"}},
		"wrong columns":     {line, "more columns than the header names: it has 10, the header names 3; --fields says", []string{"--type", "iis", "--fields", "date time sc-status"}},
		"their own header":  {w3cHead + "2026-10-06 08:00:00 POST\r\n", "fewer columns than the header names: it has 3, the header names 10\n", nil},
	} {
		code, out, errs := outmode(t, c.stdin, append([]string{"explain"}, c.args...)...)
		if code != exitDone || !strings.Contains(out, c.says) {
			t.Errorf("%s: exit %d, does not say %q:\n%s%s", name, code, c.says, out, errs)
		}
	}
	help := must(t, exitDone, "explain", "--help")
	for _, k := range []signin.Kind{signin.IIS, signin.HTTPProxy, signin.IMAPLog, signin.POPLog, signin.SMTPLog} {
		joined := strings.NewReplacer("\n    ", "", ",", "", " ", "").Replace(help)
		if want := strings.NewReplacer(",", "", " ", "").Replace(exchange.DefaultFields(k)); !strings.Contains(joined, want) {
			t.Errorf("the help does not have the columns of %v", k)
		}
	}
	for line := range strings.Lines(help) {
		if strings.Contains(line, ",RequestId") && len(line) > 110 || strings.HasSuffix(line, " \n") {
			t.Errorf("a line of the help: %q", line)
		}
	}
}

// What scan prints of a member of an archive can be given to explain.
func TestExplainOfAMember(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range map[string]string{"W3SVC1/2026/u_ex.log": w3cHead + w3cRefused("08:00:00", `CONTOSO\anna`), "p.LOG": proxyHead} {
		w, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	archive := write(t, filepath.Join(t.TempDir(), "a.zip"), b.Bytes())
	r := scanJSON(t, exitDone, archive)
	if len(r.Sources) != 2 {
		t.Fatalf("%+v", r.Sources)
	}
	for _, s := range r.Sources {
		if lines := explainedLines(t, "", s.Path); len(lines) == 0 || lines[0].File != s.Path {
			t.Errorf("%s: %+v", s.Path, lines)
		}
	}
	if code, _, errs := outmode(t, "", "explain", archive+"!u_ex.log"); code != exitError || !strings.Contains(errs, "no such member: there is ") || !strings.Contains(errs, "!W3SVC1/2026/u_ex.log") {
		t.Errorf("exit %d, %s", code, errs)
	}
}

// A tar, packed or not, is no log of the lines that its members have.
func TestTarsAreNotCounted(t *testing.T) {
	t.Parallel()
	var b, packed bytes.Buffer
	w := tar.NewWriter(&b)
	text := w3cHead + w3cRefused("08:00:00", `CONTOSO\anna`)
	err := w.WriteHeader(&tar.Header{Name: "u_ex.log", Size: int64(len(text)), Mode: 0o600})
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	g := gzip.NewWriter(&packed)
	if err = errors.Join(err, w.Close()); err == nil {
		_, err = g.Write(b.Bytes())
	}
	if err := errors.Join(err, g.Close()); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.tar"), b.Bytes())
	write(t, filepath.Join(dir, "a.tar.gz"), packed.Bytes())
	r := scanJSON(t, exitDone, dir)
	if len(r.Sources) != 2 || r.Lines["signin"]+r.Lines["malformed"] != 0 || !strings.Contains(strings.Join(r.Notes, "\n"), "not counted") {
		t.Errorf("%+v\n%v\n%v", r.Sources, r.Lines, r.Notes)
	}
	for _, s := range r.Sources {
		if s.State != "not_counted" {
			t.Errorf("%+v", s)
		}
		if _, out, _ := outmode(t, "", "explain", "--line", "1", s.Path); !strings.Contains(out, ":1  other: tar archive: unpack it first\n") {
			t.Errorf("%s: %s", s.Path, out)
		}
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

// JSON is one object however many lines there are, none included.
func TestExplainJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		lines int
	}{{proxyHead, 1}, {proxyHead + proxyLine("anna", "x") + proxyLine("ben", "x"), 3}, {"", 0}} {
		code, out, errs := outmode(t, c.text, "explain", "-o", "json", "-")
		var got struct{ Lines []map[string]any }
		if err := json.Unmarshal([]byte(out), &got); err != nil || len(got.Lines) != c.lines || code != exitDone {
			t.Errorf("%q: exit %d, %v: %s%s", c.text, code, err, out, errs)
		}
	}
}

// HttpProxy logs the first word of an Authorization header, which may be the password itself.
func TestExplainShowsNoCredential(t *testing.T) {
	t.Parallel()
	line := strings.Replace(proxyLine("", "x"), "Basic,true", "YW5uYTpodW50ZXIyc2VjcmV0,false", 1)
	for _, format := range []string{"table", "ndjson"} {
		code, out, _ := outmode(t, proxyHead+line, "explain", "-v", "-o", format, "-")
		if code != exitDone || strings.Contains(out, "YW5uY") || !strings.Contains(out, "other") {
			t.Errorf("exit %d: %s", code, out)
		}
	}
}

// A rule that fails on a line did not decide that it does not fire.
func TestExplainShowsBrokenRules(t *testing.T) {
	file := write(t, filepath.Join(t.TempDir(), "rules.yaml"), []byte("id: X-1\nname: broken\nseverity: low\nwhen: protocol == \"ews\" && int(user) > 3\n"))
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
	file := write(t, filepath.Join(t.TempDir(), "rules.yaml"), []byte(rule))
	if out := must(t, exitDone, "rules", "test", "--no-builtin", "--rules", file); !strings.Contains(out, "2 passed, 0 failed") {
		t.Error(out)
	}
	file = write(t, filepath.Join(t.TempDir(), "rules.yaml"), []byte(strings.Replace(rule, "DateTime, ", "", 1)))
	if out := must(t, exitError, "rules", "test", "--no-builtin", "--rules", file); !strings.Contains(out, "the test's fields: ") {
		t.Error(out)
	}
}

// A rule that reads mfa fires on no line: explain says so where somebody may wait for it.
func TestExplainOfJoinedRules(t *testing.T) {
	t.Parallel()
	const said = "rules that read mfa judge logons joined with events"
	dir := t.TempDir()
	door := write(t, filepath.Join(dir, "proxy.LOG"), []byte(proxyHead+proxyLine(`CONTOSO\anna`, "agent")))
	own := write(t, filepath.Join(dir, "own.yaml"), []byte("id: X-1\nname: missing\nseverity: low\nwhen: mfa == \"missing\"\n"))
	for _, c := range []struct {
		want bool
		args []string
	}{
		{false, []string{door}},
		{true, []string{door, "--rules", own}},
		{true, []string{filepath.Join(contoso(), "duo", "duo-auth-2026100605.json")}},
	} {
		if text := must(t, exitDone, append([]string{"explain"}, c.args...)...); strings.Contains(text, said) != c.want {
			t.Errorf("%v: %s", c.args, text)
		}
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
	ran, dir := map[string]bool{}, t.TempDir()
	for _, file := range append([]string{"README.md", "CONTRIBUTING.md"}, globFiles(t, "docs/*.md")...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			command, ok := strings.CutPrefix(strings.TrimSpace(line), "go run ./cmd/outmode ")
			args := strings.Fields(strings.Split(command, "#")[0])
			for i := range args { // nothing is left behind in the repository
				if i > 0 && args[i-1] == "--data" {
					args[i] = filepath.Join(dir, args[i])
				}
			}
			if !ok || ran[strings.Join(args, " ")] {
				continue
			}
			ran[strings.Join(args, " ")] = true
			if code, _, errs := outmode(t, "", args...); code != exitDone {
				t.Errorf("%s: %s: exit %d %s", file, command, code, errs)
			}
		}
	}
	if len(ran) == 0 {
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
