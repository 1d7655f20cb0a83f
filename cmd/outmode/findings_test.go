package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/outmode/outmode/internal/store/sqlite"
)

// stored scans a log into a new store and returns the store's directory and the log.
func stored(t *testing.T, lines ...string) (data, log string) {
	t.Helper()
	dir := t.TempDir()
	data, log = filepath.Join(dir, "data"), write(t, filepath.Join(dir, "logs", "a.LOG"), []byte(proxyHead+strings.Join(lines, "")))
	must(t, exitDone, "scan", "--data", data, log, "-q")
	return data, log
}

// listedFindings is findings list as another program reads it.
func listedFindings(t *testing.T, args ...string) (found []map[string]any) {
	t.Helper()
	var out struct{ Findings []map[string]any }
	if err := json.Unmarshal([]byte(must(t, exitDone, append([]string{"findings", "list", "-o", "json"}, args...)...)), &out); err != nil {
		t.Fatal(err)
	}
	return out.Findings
}

// The list says of a finding what scan says of it, in the same words, and what became of it.
func TestFindingsAreThoseOfScan(t *testing.T) {
	t.Parallel()
	data := contosoStore(t)
	var scanned struct{ Findings []map[string]any }
	decode(t, contosoJSON(t), &scanned)
	found := listedFindings(t, "--data", data)
	if len(found) == 0 || len(found) != len(scanned.Findings) {
		t.Fatalf("%d findings, scan has %d", len(found), len(scanned.Findings))
	}
	for i, want := range scanned.Findings {
		for key := range want {
			if !reflect.DeepEqual(found[i][key], want[key]) {
				t.Errorf("finding %v: %s is %v, scan says %v", want["id"], key, found[i][key], want[key])
			}
		}
	}
	for _, key := range []string{"id", "rule", "severity", "tags", "subject", "protocol", "state", "count", "first", "last", "exception", "evidence", "opened", "changed", "by", "note"} {
		if _, there := found[0][key]; !there {
			t.Errorf("the key %s is missing", key)
		}
	}
}

func TestFindingsList(t *testing.T) {
	t.Parallel()
	data, _ := stored(t, proxyLine(`CONTOSO\anna`, "agent"), proxyLine(`CONTOSO\ben`, "agent"), proxyLine(`CONTOSO\adm-carla`, "agent"))
	all := listedFindings(t, "--data", data)
	first := all[0]["id"].(string)
	table := must(t, exitDone, "findings", "list", "--data", data)
	says(t, table, "critical open "+dashed(first[:8])+" OM-1020", `contoso\adm-carla`, fmt.Sprintf("%d findings: 1 critical,", len(all)), "outmode findings show --data "+data+" "+dashed(first[:8]))
	if lines := strings.Split(strings.TrimSpace(must(t, exitDone, "findings", "list", "-o", "ndjson", "--data", data)), "\n"); len(lines) != len(all) || !strings.Contains(lines[0], `"id":"`+first+`"`) {
		t.Errorf("ndjson has %d lines", len(lines))
	}
	records, err := csv.NewReader(strings.NewReader(must(t, exitDone, "findings", "list", "-o", "csv", "--data", data))).ReadAll()
	if err != nil || len(records) != len(all)+1 || records[0][0] != "id" || records[1][3] != "critical" {
		t.Errorf("csv: %v, %v", err, records)
	}
	for want, args := range map[string][]string{
		"1": {"--severity", "critical"}, "0": {"--state", "resolved"}, "00": {"--since", "2026-10-07"}, "000": {"--user", "eve"},
	} {
		if got := listedFindings(t, append(args, "--data", data)...); fmt.Sprint(len(got)) != want[:1] {
			t.Errorf("%v: %d findings", args, len(got))
		}
	}
	for _, f := range listedFindings(t, "--user", "ANNA", "--rule", "legacy-auth", "--data", data) {
		if f["subject"] != `contoso\anna` {
			t.Errorf("%v is of somebody else", f)
		}
	}
	says(t, must(t, exitDone, "findings", "list", "--user", "eve", "--data", data), "No finding is in the store that fits")
}

// A command that is named can be copied: it names the store, by the configuration too.
func TestFindingsNameTheStore(t *testing.T) {
	t.Parallel()
	data, _ := stored(t, proxyLine(`CONTOSO\anna`, "agent"))
	file := write(t, filepath.Join(t.TempDir(), "config.yaml"), []byte("data: '"+data+"'\n"))
	for flag, value := range map[string]string{"--data": data, "-c": file} {
		says(t, must(t, exitDone, "findings", "list", flag, value), "outmode findings show "+flag+" "+value+" ")
		for _, args := range [][]string{{"show"}, {"ack", "--by", "anna"}} {
			if _, _, errs := outmode(t, "", append(append([]string{"findings"}, args...), flag, value, "zzzzzzzz")...); !strings.Contains(errs, "outmode findings list "+flag+" "+value+" --all") {
				t.Errorf("%v: %s", args, errs)
			}
		}
	}
}

// --rule takes what rules are called elsewhere, and says what none is called.
func TestFindingsByRule(t *testing.T) {
	t.Parallel()
	data, _ := stored(t, proxyLine(`CONTOSO\anna`, "agent"))
	all := len(listedFindings(t, "--data", data))
	for _, name := range []string{"OM-1", "om-10", "legacy-auth", "LEGACY-AUTH-1-http"} {
		code, out, errs := outmode(t, "", "findings", "list", "--data", data, "--rule", name, "-o", "ndjson")
		if n := strings.Count(out, "\n"); code != exitDone || errs != "" || n == 0 || n > all {
			t.Errorf("%s: exit %d, %d of %d findings: %s", name, code, n, all, errs)
		}
	}
	if _, out, errs := outmode(t, "", "findings", "list", "--data", data, "--rule", "mfa-bypas"); !strings.Contains(errs, `no rule has the id, the tag or the pack "mfa-bypas"`) || !strings.Contains(out, "outmode findings list --data "+data+" --all") {
		t.Errorf("%s%s", out, errs)
	}
	for _, name := range []string{"mfa-bypass", "mfa", "OM-SYS-01"} { // which exist, and found nothing
		if _, out, errs := outmode(t, "", "findings", "list", "--data", data, "--rule", name); errs != "" || !strings.Contains(out, "No finding") {
			t.Errorf("%s: %s%s", name, out, errs)
		}
	}
}

func TestFindingsShowAndAck(t *testing.T) {
	t.Parallel()
	data, log := stored(t, proxyLine(`CONTOSO\anna`, "agent"), proxyLine(`CONTOSO\ben`, "agent"))
	found := listedFindings(t, "--user", "anna", "--rule", "OM-1003", "--data", data)
	if len(found) != 1 {
		t.Fatalf("%d findings", len(found))
	}
	id := found[0]["id"].(string)
	show := func(args ...string) string {
		return must(t, exitDone, append(append([]string{"findings", "show", "--data", data}, args...), "--", id[:10])...)
	}
	says(t, show(), "OM-1003", "id "+id, "state open", `who contoso\anna`, "count 1", "seen 2026-10-06 08:15 to 2026-10-06 08:15 UTC", log+` line 2 as contoso\anna (byte `, "sha256 ",
		"open outmode: opened", "How to investigate", "What to do", "outmode explain --line 2 "+log, "outmode findings ack --data "+data+" --note TEXT "+dashed(id[:8]))
	out := must(t, exitDone, "findings", "ack", "--data", data, "--by", "dora", "--note", "a scanner\n", "--", id)
	says(t, out, "acknowledged: OM-1003", `contoso\anna`, id)
	says(t, show(), "state acknowledged by dora on", "UTC: a scanner", "acknowledged dora: a scanner", "outmode findings ack --data "+data+" --undo "+dashed(id[:8]))
	says(t, must(t, exitDone, "findings", "list", "--data", data, "--state", "acknowledged"), "1 finding:")
	must(t, exitDone, "findings", "ack", "--data", data, "--by", "dora", "--", id) // keeps the note
	var shown map[string]any
	if err := json.Unmarshal([]byte(show("-o", "json")), &shown); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"id", "evidence", "history", "outside", "rule_description", "rule_note", "rule_remediation"} {
		if _, there := shown[key]; !there {
			t.Errorf("show has no %s", key)
		}
	}
	if shown["state"] != "acknowledged" || shown["by"] != "dora" || shown["note"] != "a scanner\n" || len(shown["history"].([]any)) != 3 {
		t.Errorf("%v", shown)
	}
	says(t, must(t, exitDone, "findings", "ack", "--undo", "--data", data, "--", id), "open again: OM-1003")
	says(t, must(t, exitDone, "findings", "show", "--no-builtin", "--data", data, "--", id), "is not one of those that are loaded: name its folder with --rules")
	for _, c := range []struct {
		want int
		say  string
		args []string
	}{
		{exitError, "there is no finding \"zzzzzzzzzz\"", []string{"show", "zzzzzzzzzz"}},
		{exitError, "there is no finding \"%\"", []string{"show", "%"}},
		{exitError, "there is no finding \"\"", []string{"ack", ""}},
		{exitError, "--undo takes back an acknowledgement", []string{"ack", "--undo", "--", id}},
		{exitUsage, "findings show needs the ID", []string{"show"}},
		{exitUsage, "findings ack needs the ID", []string{"ack"}},
		{exitUsage, "comes behind --", []string{"show", "-zz"}},
		{exitUsage, "nobody can see", []string{"ack", "--note", "\x1b[31m", "x"}},
		{exitUsage, "--all and --state", []string{"list", "--all", "--state", "open"}},
		{exitUsage, "--state \"closed\" is no state", []string{"list", "--state", "closed"}},
		{exitUsage, "--severity \"bad\" is no severity", []string{"list", "--severity", "bad"}},
		{exitUsage, "would fit everything", []string{"list", "--user", "*"}},
		{exitUsage, "is no day", []string{"list", "--since", "soon"}},
		{exitUsage, "did you mean list", []string{"lsit"}},
	} {
		args := append([]string{"findings", c.args[0], "--data", data}, c.args[1:]...)
		if c.args[0] == "lsit" {
			args = []string{"findings", "lsit"}
		}
		code, _, errs := outmode(t, "", args...)
		if code != c.want || !strings.Contains(errs, c.say) {
			t.Errorf("outmode %s: exit %d, want %d; said %q, want %q", strings.Join(args, " "), code, c.want, errs, c.say)
		}
	}
	code, _, errs := outmode(t, "", "findings", "list", "--data", filepath.Join(t.TempDir(), "none"))
	if code != exitError || !strings.Contains(errs, "there is no store") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

// Two findings may begin alike.
func TestPrefixOfSeveral(t *testing.T) {
	t.Parallel()
	var lines []string
	for i := range 70 {
		lines = append(lines, proxyLine(fmt.Sprintf(`CONTOSO\u%d`, i), "agent"))
	}
	data, _ := stored(t, lines...)
	seen := map[string]bool{}
	for _, f := range listedFindings(t, "--data", data) { // more of them than there are letters
		begin := f["id"].(string)[:1]
		if seen[begin] {
			code, _, errs := outmode(t, "", "findings", "ack", "--data", data, "--", begin)
			if code != exitError || !strings.Contains(errs, "begin with \""+begin+"\": write more of it") {
				t.Errorf("exit %d: %s", code, errs)
			}
			return
		}
		seen[begin] = true
	}
	t.Error("no two begin alike")
}

// What whoever sends requests wrote reaches neither the terminal nor a spreadsheet as more than text.
func TestFindingsOfHostileText(t *testing.T) {
	t.Parallel()
	var lines []string
	for _, h := range []string{"=cmd|' /C calc'!A0", "\x1b[2J\x1b[31mroot", "a\u202egnp.exe", "@SUM(1+1)", "\u2028line", "\xff\xfebytes", "c1\u009b31m"} {
		lines = append(lines, proxyLine(h, "agent"))
	}
	data, _ := stored(t, lines...)
	outputs := [][]string{{"findings", "list"}, {"findings", "list", "-o", "json"}, {"findings", "list", "-o", "ndjson"}, {"findings", "list", "-o", "csv"}}
	for _, f := range listedFindings(t, "--data", data) {
		outputs = append(outputs, []string{"findings", "show", "--", f["id"].(string)})
	}
	for _, args := range outputs {
		args = slices.Insert(slices.Clone(args), 2, "--data", data)
		for _, r := range must(t, exitDone, args...) {
			if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028') {
				t.Errorf("outmode %v prints %U", args, r)
				break
			}
		}
	}
	records, err := csv.NewReader(strings.NewReader(must(t, exitDone, "findings", "list", "-o", "csv", "--data", data))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range records {
		for i, c := range rec {
			if i > 0 && c != "" && strings.ContainsAny(c[:1], "=+-@\t\r") {
				t.Errorf("a spreadsheet takes %q for a formula", c)
			}
		}
	}
}

// What is wrong with the data is a finding that has no rule in a file.
func TestFindingsOfTheProgramItself(t *testing.T) {
	t.Parallel()
	data, _ := stored(t, proxyLine(`CONTOSO\anna`, "agent"))
	must(t, exitDone, "exceptions", "add", "--data", data, "--user", "ben", "--reason", "r", "--owner", "carla", "--expires", "5d")
	s, err := sqlite.Open(t.Context(), data, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Watch(t.Context(), time.Now().AddDate(0, 0, 4), 0); err != nil {
		t.Fatal(err)
	}
	for _, f := range listedFindings(t, "--data", data, "--rule", sqlite.RuleExpiring) {
		says(t, must(t, exitDone, "findings", "show", "--data", data, "--", f["id"].(string)), "OM-SYS-07 An exception expires soon", "note for", "extend it", "not is not one of those that are loaded")
		return
	}
	t.Error("there is no finding")
}
