package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"github.com/outmode/outmode/rules"
)

// A difference is rules diff as another program reads it.
type difference struct {
	Opened, Kept, Lost []map[string]any
	NotReplayable      []struct {
		Rule, Field, Reason string
		Findings            int
	} `json:"not_replayable"`
	Changed        []struct{ Rule, Field, Old, New string }
	Added, Removed []string
	Broken         []broken `json:"broken_rules"`
	Notes          []string
}

func rulesDiff(t *testing.T, args ...string) (d difference) {
	t.Helper()
	decode(t, must(t, exitDone, append([]string{"rules", "diff", "-o", "json"}, args...)...), &d)
	return d
}

const extraRules = `id: X-1
name: EWS by other clients
severity: critical
tags: [mine]
when: protocol == "ews" && client != "outlook" && !in_list(user, "ours")
---
id: X-2
name: An account is new
severity: low
type: first_seen
baseline: 1d
when: outcome == "success" && traffic == "user"
---
id: X-3
name: Per server and client
severity: info
group_by: [server, client]
when: legacy_onprem && evidence == "proven"
---
lists: {ours: [svc-erp]}
`

// A set opens nothing and loses nothing against itself, and what is added opens exactly what a scan finds more.
func TestRulesDiffOpensWhatScanFinds(t *testing.T) {
	t.Parallel()
	data, dir := contosoStore(t), t.TempDir()
	extra := write(t, filepath.Join(dir, "extra.yaml"), []byte(extraRules))
	byID := func(args ...string) map[string]map[string]any {
		var scanned struct{ Findings []map[string]any }
		decode(t, must(t, exitDone, append([]string{"scan", "-o", "json", contoso()}, args...)...), &scanned)
		found := map[string]map[string]any{}
		for _, f := range scanned.Findings {
			delete(f, "evidence")
			found[f["id"].(string)] = f
		}
		return found
	}
	before, after := byID(), byID("--rules", extra)

	same := rulesDiff(t, "builtin", "builtin", "--data", data)
	if len(same.Kept) != len(before) || len(before) == 0 || len(same.Opened)+len(same.Lost)+len(same.NotReplayable)+len(same.Changed)+len(same.Added)+len(same.Removed) > 0 {
		t.Errorf("%d of %d stay: %+v", len(same.Kept), len(before), same)
	}
	for _, f := range same.Kept {
		count := f["count_before"]
		delete(f, "count_before")
		if want := before[f["id"].(string)]; !reflect.DeepEqual(f, want) || count != want["count"] {
			t.Errorf("stays %v, scan says %v", f, want)
		}
	}
	more := rulesDiff(t, "builtin", "builtin+"+extra, "--data", data)
	if len(more.Opened) != len(after)-len(before) || len(more.Opened) < 20 || len(more.Kept) != len(before) || len(more.Lost)+len(more.NotReplayable) > 0 {
		t.Errorf("%d open, scan finds %d more; %d stay, %d are lost, %v", len(more.Opened), len(after)-len(before), len(more.Kept), len(more.Lost), more.NotReplayable)
	}
	byRule := map[any]int{}
	for _, f := range more.Opened {
		byRule[f["rule"]]++
		if want := after[f["id"].(string)]; !reflect.DeepEqual(f, want) {
			t.Errorf("would open %v, scan says %v", f, want)
		}
	}
	if len(byRule) != 3 || fmt.Sprint(more.Added) != "[X-1 X-2 X-3]" {
		t.Errorf("%v of %v", byRule, more.Added)
	}
	// The other way round they are lost; and so are the built-in ones, which are not part of a folder.
	builtin, _ := rules.Load(rules.Builtin())
	less := rulesDiff(t, "builtin+"+extra, extra, "--data", data)
	if len(less.Lost) != len(before) || len(less.Kept) != len(more.Opened) || len(less.Opened) > 0 || len(less.Removed) != builtin.Len() {
		t.Errorf("%d are lost, %d stay, %d open, %v are gone", len(less.Lost), len(less.Kept), len(less.Opened), less.Removed)
	}
}

// Of what reads lines, or counts in a window, the store holds what was found; nothing is guessed of a changed rule.
func TestRulesDiffOfLinesAndWindows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const rule = "id: %s\nname: %s\nseverity: %s\nwhen: %s\n---\n"
	const window = "id: W-1\nname: often\nseverity: high\ntype: threshold\nthreshold: %d\nwindow: 1h\nwhen: outcome == \"failure\"\n"
	old := write(t, filepath.Join(dir, "old.yaml"), fmt.Appendf(nil, rule+rule+rule+window, "L-1", "stays", "low", "status == 200", "L-2", "changes", "low", "hour > 3",
		"L-3", "goes", "high", "hour > 3 && auth == \"basic\"", 5))
	changed := write(t, filepath.Join(dir, "new", "new.yaml"), fmt.Appendf(nil, rule+rule+window, "L-1", "is renamed", "high", "status == 200", "L-2", "changes", "low", "hour > 4", 6))
	data := filepath.Join(t.TempDir(), "data")
	must(t, exitDone, "scan", "--data", data, contoso(), "-q", "--rules", old, "--no-builtin")
	count := map[any]int{}
	for _, f := range listedFindings(t, "--data", data) {
		count[f["rule"]]++
	}
	if len(count) != 4 {
		t.Fatal(count)
	}
	d := rulesDiff(t, old, filepath.Dir(changed), "--data", data)
	if len(d.Opened) > 0 || len(d.Kept) != count["L-1"] || len(d.Lost) != count["L-3"] || len(d.NotReplayable) != 2 {
		t.Fatalf("of %v %d open, %d stay, %d are lost: %v", count, len(d.Opened), len(d.Kept), len(d.Lost), d.NotReplayable)
	}
	for i, want := range []string{"L-2 hour " + fmt.Sprint(count["L-2"]), "W-1 threshold " + fmt.Sprint(count["W-1"])} {
		if n := d.NotReplayable[i]; fmt.Sprint(n.Rule, " ", n.Field, " ", n.Findings) != want {
			t.Errorf("%+v, want %s", n, want)
		}
	}
	if got := fmt.Sprint(d.Changed); got != "[{L-1 name stays is renamed} {L-1 severity low high} {L-2 when hour > 3 hour > 4} {W-1 threshold 5 6}]" {
		t.Error(got)
	}
	if f := d.Kept[0]; f["severity"] != "high" || f["name"] != "is renamed" {
		t.Error(f)
	}
	table := must(t, exitDone, "rules", "diff", old, filepath.Dir(changed), "--data", data, "--top", "1")
	says(t, table, fmt.Sprintf("0 would open, %d stay, %d would be lost; 2 rules cannot be replayed over", count["L-1"], count["L-3"]),
		"high L-3 goes 0 0 "+fmt.Sprint(count["L-3"])+" gone", "name changed, severity low -> high", "threshold 5 -> 6, cannot be replayed", fmt.Sprintf("... and %d more; --top 0 shows all", count["L-3"]-1),
		"it reads hour, which only the line tells", "Next outmode scan --rules "+quoted(filepath.Dir(changed))+" --no-builtin LOGS")
	if head, _, _ := strings.Cut(table, ";"); !strings.HasPrefix(head, "0 would open") {
		t.Error("the summary is not the first line")
	}
	none := must(t, exitDone, "rules", "diff", old, old, "--data", data, "--until", "2020-01-01")
	says(t, none, "0 would open, 0 stay, 0 would be lost; 0 rules cannot be replayed over 0 sign-ins", "no sign-in is stored in this period", "not Next")
	day := rulesDiff(t, old, old, "--data", data, "--since", "2026-10-07", "--until", "2026-10-07")
	if len(day.Kept) == 0 || len(day.Kept) >= len(listedFindings(t, "--data", data)) {
		t.Errorf("%d findings of one day", len(day.Kept))
	}
}

// What people said of a finding is shown with it, and a rule that fails is named.
func TestRulesDiffShowsTheStateOfFindings(t *testing.T) {
	t.Parallel()
	data, _ := stored(t, proxyLine(`CONTOSO\anna`, "agent"))
	for _, f := range listedFindings(t, "--rule", "OM-1003", "--data", data) {
		must(t, exitDone, "findings", "ack", "--data", data, "--note", "known", "--", f["id"].(string))
	}
	file := write(t, filepath.Join(t.TempDir(), "one.yaml"), []byte("id: X-1\nname: fails\nseverity: low\nwhen: int(user) > 1\n"))
	d := rulesDiff(t, "builtin", file, "--data", data)
	states := map[any]any{}
	for _, f := range d.Lost {
		states[f["rule"]] = f["state"]
	}
	if states["OM-1003"] != "acknowledged" || states["OM-1021"] != "open" {
		t.Error(states)
	}
	if len(d.Broken) != 1 || d.Broken[0].Rule != "X-1" || d.Broken[0].Count != 1 || len(d.Notes) != 1 {
		t.Errorf("%+v %v", d.Broken, d.Notes)
	}
	says(t, must(t, exitDone, "rules", "diff", "builtin", file, "--data", data), "rule X-1 of the new set is broken: invalid operation: int(", "last state", "acknowledged")
}

func TestRulesDiffArguments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, _ := stored(t, proxyLine(`CONTOSO\anna`, "agent"))
	bad := write(t, filepath.Join(dir, "bad.yaml"), []byte("id: X-2\nname: two\nseverity: low\nwhen: user = \"a\"\n"))
	clash := write(t, filepath.Join(dir, "clash.yaml"), []byte("id: OM-1001\nname: two\nseverity: low\nwhen: user == \"a\"\n"))
	lists := write(t, filepath.Join(dir, "lists.yaml"), []byte("lists: {vips: [anna]}\n"))
	gone := filepath.Join(dir, "gone")
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{exitUsage, "rules diff needs OLD and NEW", nil},
		{exitUsage, "rules diff needs OLD and NEW", []string{"builtin"}},
		{exitUsage, `rules diff takes two arguments; "c" is too many`, []string{"builtin", "b", "c"}},
		{exitUsage, `"builtin+" names no rules`, []string{"builtin", "builtin+"}},
		{exitUsage, `"" names no rules`, []string{"", "builtin"}},
		{exitUsage, `--since "soon" is no day`, []string{"builtin", "builtin", "--since", "soon"}},
		{exitUsage, "--until 2026-10-01 is before --since 2026-10-06", []string{"builtin", "builtin", "--since", "2026-10-06", "--until", "2026-10-01"}},
		{exitUsage, "--top cannot be negative", []string{"builtin", "builtin", "--top", "-1"}},
		{exitUsage, "-o csv: this command writes table or json", []string{"builtin", "builtin", "-o", "csv"}},
		{exitError, gone + ": no such file or folder\n" + bad + ":4:12: equality is written ==, with two signs, not =\noutmode: the rules cannot be used; nothing was compared", []string{gone, "builtin+" + bad}},
		{exitError, lists + ": holds no rule", []string{"builtin", "builtin+" + lists}},
		{exitError, "is that of the rule at builtin/", []string{"builtin", "builtin+" + clash}},
		{exitDone, "", []string{"builtin", clash}},
		{exitError, "there is no store", []string{"builtin", "builtin", "--data", gone}},
	} {
		args := append([]string{"rules", "diff", "--data", data}, c.args...)
		code, out, errs := outmode(t, "", args...)
		if code != c.code || !strings.Contains(errs, c.says) || code != exitDone && out != "" {
			t.Errorf("outmode %v: exit %d, want %d; said %q, want %q", args, code, c.code, errs, c.says)
		}
	}
	says(t, must(t, exitDone, "rules", "diff", "--help"), "not_replayable (rule field reason findings", "builtin+PATH for both together", "Exit codes: 0 done, whatever the difference is")
	if _, err := os.Stat(gone); err == nil {
		t.Error("a store was made")
	}
}

// Neither whoever sends requests nor whoever writes rules reaches the terminal.
func TestRulesDiffOfHostileText(t *testing.T) {
	t.Parallel()
	var lines []string
	for _, h := range []string{"\x1b[2J\x1b[31mroot", "a\u202egnp.exe", "\u2028line", "\xff\xfebytes", "c1\u009b31m"} {
		lines = append(lines, proxyLine(h, "agent"))
	}
	data, _ := stored(t, lines...)
	file := write(t, filepath.Join(t.TempDir(), "x.yaml"), []byte("id: X-1\nname: \"an \\u009b31m\\u202e name\"\nseverity: low\nwhen: user != \"\\u202e\"\n"))
	if d := rulesDiff(t, "builtin", file, "--data", data); len(d.Opened) != len(lines) || len(d.Lost) < len(lines) {
		t.Fatalf("%d open, %d are lost", len(d.Opened), len(d.Lost))
	}
	for _, args := range [][]string{{"builtin", file}, {file, "builtin"}, {"builtin", file, "-o", "json"}} {
		for _, r := range must(t, exitDone, append([]string{"rules", "diff", "--data", data}, args...)...) {
			if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028') {
				t.Errorf("%v prints %U", args, r)
				break
			}
		}
	}
}
