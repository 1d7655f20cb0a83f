package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/outmode/outmode/internal/store/sqlite"
)

// The refusals stand in a file that comes after the one of the success, and later in time within it come
// first. The evidence tells what happened all the same, and its last line names who was let in.
func TestEvidenceOfASequenceEndsWithTheSignIn(t *testing.T) {
	t.Parallel()
	refused := ""
	for n := 10; n > 0; n-- { // the last refusal first, as in an export that was sorted the other way round
		refused += w3cRefused(fmt.Sprintf("08:%02d:05", n), `CONTOSO\anna`)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.LOG"), []byte(proxyHead+proxyLine(`CONTOSO\anna`, "agent")))
	write(t, filepath.Join(dir, "b", "u_ex.log"), []byte(w3cHead+refused))
	found := map[string]string{}
	for _, f := range scanJSON(t, exitDone, dir).Findings {
		var lines []string
		for _, e := range f.Evidence {
			event := e.SignIn["event"].(map[string]any)
			user := e.SignIn["user"].(map[string]any)
			lines = append(lines, fmt.Sprintf("%s:%d %s %v", filepath.Base(e.File), e.Line, event["outcome"], user["name"]))
		}
		found[f.Rule] = strings.Join(lines, ", ")
	}
	for _, rule := range []string{"OM-1032", "OM-1034"} {
		if want := "u_ex.log:11 failure anna, u_ex.log:10 failure anna, a.LOG:2 success anna"; found[rule] != want {
			t.Errorf("%s cites %s, want %s", rule, found[rule], want)
		}
	}
}

func TestRulesArguments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	empty := write(t, filepath.Join(dir, "empty.yaml"), nil)
	comment := write(t, filepath.Join(dir, "comment.yaml"), []byte("# nothing yet\n"))
	lists := write(t, filepath.Join(dir, "lists.yaml"), []byte("lists: {vips: [anna]}\n"))
	rule := write(t, filepath.Join(dir, "rule.yaml"), []byte("id: X-1\nname: one\nseverity: low\nwhen: in_list(user, \"vips\")\n"))
	bad := write(t, filepath.Join(dir, "bad.yaml"), []byte("id: X-2\nname: two\nseverity: low\nwhen: user = \"a\"\n"))
	folder := filepath.Dir(write(t, filepath.Join(dir, "folder", "readme.txt"), []byte("no")))
	gone := filepath.Join(dir, "gone")
	for _, c := range []struct {
		code int
		says string // all that is said on standard error, after "outmode: "
		args []string
	}{
		{exitUsage, `rules has no command "foo"; "outmode rules --help" lists them`, []string{"foo"}},
		{exitUsage, `rules has no command "chekc"; did you mean check?`, []string{"chekc"}},
		{exitUsage, `rules list takes no argument; "foo" is too many: --rules adds a folder of rules, "outmode rules show ID" shows one rule`, []string{"list", "foo"}},
		{exitUsage, `rules test takes one argument; "B" is too many: put a FILTER of several words in quotes`, []string{"test", "A", "B"}},
		{exitUsage, `rules show needs the ID of a rule, such as OM-1032; "outmode rules list" lists them`, []string{"show"}},
		{exitUsage, `rules show takes one argument; "B" is too many: name one rule, "outmode rules list -o json" shows all`, []string{"show", "A", "B"}},
		{exitError, `there is no rule "NOPE"; "outmode rules list" lists them`, []string{"show", "NOPE"}},
		{exitError, `there is no rule "1032"; did you mean OM-1032?`, []string{"show", "1032"}},
		{exitError, `no rule has "NOPE" in its id or name; "outmode rules list" lists them`, []string{"test", "NOPE"}},
		{exitError, `there is no rule to test: --no-builtin leaves out those of the program, --rules adds others`, []string{"test", "--no-builtin"}},
		{exitError, gone + ": no such file or folder", []string{"check", gone}},
		{exitError, empty + ": holds no rule", []string{"check", empty}},
		{exitError, comment + ": holds no rule", []string{"check", rule, lists, comment}},
		{exitError, folder + ": holds no rule: there is no *.yaml file in this folder", []string{"check", folder}},
		{exitError, lists + ": holds no rule", []string{"check", lists}},
		{exitDone, "", []string{"check", lists, rule}},
		{exitDone, "", []string{"test", "OM-1001"}},
		{exitDone, "", []string{"test", "password SPRAY"}},
		{exitError, gone + ": no such file or folder\noutmode: 1 mistake in the rules", []string{"check", gone, bad}},
	} {
		code, out, errs := outmode(t, "", append([]string{"rules"}, c.args...)...)
		want := "outmode: " + c.says + "\n"
		if c.says == "" {
			want = ""
		}
		if code != c.code || errs != want {
			t.Errorf("rules %v: exit %d, want %d\n got %swant %s", c.args, code, c.code, errs, want)
		}
		if c.args[0] == "check" && code != exitDone && strings.Contains(out, "no mistake") {
			t.Errorf("rules %v: %s", c.args, out)
		}
	}
	if code, _, errs := outmode(t, "", "version", "x"); code != exitUsage || !strings.Contains(errs, `version takes no argument; "x" is too many`) {
		t.Errorf("version x: exit %d, %s", code, errs)
	}
	// A program is told the same.
	for path, want := range map[string]string{gone: "no such file or folder", empty: "holds no rule"} {
		_, out, _ := outmode(t, "", "rules", "check", "-o", "json", path)
		var r struct {
			Problems []struct{ File, Message string }
		}
		if err := json.Unmarshal([]byte(out), &r); err != nil || len(r.Problems) != 1 || r.Problems[0].File != path || r.Problems[0].Message != want {
			t.Errorf("%v: %s", err, out)
		}
	}
}

// All that a rule says of itself can be read, by people and by programs.
func TestRulesShow(t *testing.T) {
	t.Parallel()
	file := write(t, filepath.Join(t.TempDir(), "all.yaml"), []byte(`id: X-1
uuid: 00000000-0000-4000-8000-000000000001
name: Everything
version: 3
status: test
severity: high
type: threshold
when: |
  auth == "basic" &&
    hour > 3
zone: Europe/Vienna
group_by: [address, protocol]
threshold: 5
distinct: user
window: 90m
resolve_after: 336h
description: >-
  `+strings.Repeat("words ", 40)+`
tags: [one, two]
threat: [{tactic: TA0006, technique: T1110, subtechnique: T1110.003}, {tactic: TA0001, technique: T1078}]
controls: [cis.m365/5.2.2.3]
references: [https://example.com/a, https://example.com/b]
false_positives: [first, "second \e[31m"]
note: |
  - look here
  - and there
remediation: Mend it.
enforce: {policy: block-ews}
tests:
  - {name: none, log: x, expect: {fires: false}}
`))
	const want = `X-1  Everything
  severity   high
  type       threshold
  status     test
  version    3
  file       FILE:1
  when       auth == "basic" &&
               hour > 3
  zone       Europe/Vienna
  group by   address, protocol
  threshold  5 different values of user
  window     1h30m
  resolve    after 14d
  tags       one two
  threat     TA0006 T1110.003, TA0001 T1078
  controls   cis.m365/5.2.2.3
  enforce    block-ews
  uuid       00000000-0000-4000-8000-000000000001

Description
  words words words words words words words words words words words words words words words words words
  words words words words words words words words words words words words words words words words words
  words words words words words words

False positives
  - first
  - second \u{1b}[31m

How to investigate
  - look here
  - and there

What to do
  Mend it.

References
  - https://example.com/a
  - https://example.com/b

Tests
  none
`
	if got := must(t, exitDone, "rules", "show", "x-1", "--no-builtin", "--rules", file); got != strings.Replace(want, "FILE", file, 1) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	var one map[string]any
	if err := json.Unmarshal([]byte(must(t, exitDone, "rules", "show", "X-1", "-o", "json", "--no-builtin", "--rules", file)), &one); err != nil {
		t.Fatal(err)
	}
	var all struct{ Rules []map[string]any }
	if err := json.Unmarshal([]byte(must(t, exitDone, "rules", "list", "-o", "json", "--no-builtin", "--rules", file)), &all); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(one) != fmt.Sprint(all.Rules[0]) {
		t.Errorf("show says\n%v\nlist says\n%v", one, all.Rules[0])
	}
	if one["window"] != "1h30m" || one["threshold"] != 5.0 || one["distinct"] != "user" || one["note"] != "- look here\n- and there\n" ||
		fmt.Sprint(one["threat"]) != "[map[subtechnique:T1110.003 tactic:TA0006 technique:T1110] map[tactic:TA0001 technique:T1078]]" {
		t.Errorf("%v", one)
	}
	// The help names every key, and a rule that says all of itself has every key but those of other types.
	for _, key := range strings.Fields(strings.NewReplacer("(tactic technique subtechnique)", "", "(their names)", "").Replace(ruleKeys)) {
		if _, ok := one[key]; !ok && key != "steps" && key != "baseline" {
			t.Errorf("the JSON has no %s", key)
		}
		delete(one, key)
	}
	if len(one) > 0 {
		t.Errorf("the help does not name %v", one)
	}
	for _, args := range [][]string{{"rules", "show", "OM-1022"}, {"rules", "show", "OM-1032"}} {
		out := must(t, exitDone, args...)
		if !strings.Contains(out, "\n  baseline   7d\n") && !strings.Contains(out, "\n  step 2     auth in [") || !strings.Contains(out, "How to investigate") {
			t.Errorf("%v: %s", args, out)
		}
	}
}

// What docs/rules.md shows on a terminal is what the program prints there, in this order. "..." stands
// for any lines.
func TestDocumentedSessions(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "rules.md"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "samples", "contoso"), os.DirFS(filepath.Join(root, "samples", "contoso"))); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "refused.log"), []byte(w3cHead+w3cRefused("08:00:00", `CONTOSO\svc-erp`)))
	t.Chdir(dir)
	ran := 0
	blocks := strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n```")
	for i := 1; i < len(blocks); i += 2 {
		_, block, _ := strings.Cut(blocks[i], "\n") // behind the language
		command, want, _ := strings.Cut(block, "\n")
		switch {
		case strings.HasPrefix(block, "id: CONTOSO-1\n"):
			write(t, filepath.Join("my-rules", "service.yaml"), []byte(block+"\n"))
		case strings.HasPrefix(command, "$ outmode "):
			ran++
			_, out, errs := outmode(t, "", strings.Fields(command)[2:]...)
			got := strings.ReplaceAll(strings.TrimRight(out+errs, "\n")+"\n", `my-rules\`, "my-rules/")
			if !shown(want).MatchString(got) {
				t.Errorf("%s\n got\n%.3000s\nthe page shows\n%s", command, got, want)
			}
		}
	}
	if ran < 6 {
		t.Errorf("%d commands were run: is the page still read?", ran)
	}
}

// shown is a pattern of what a page shows of an output.
func shown(text string) *regexp.Regexp {
	var b strings.Builder
	for line := range strings.Lines(text + "\n") {
		if line == "...\n" {
			b.WriteString(`(.*\n)*`)
		} else {
			b.WriteString(regexp.QuoteMeta(line))
		}
	}
	return regexp.MustCompile("^" + b.String() + "$")
}

// What docs/troubleshooting.md puts in quotes is said by the program. "…" stands for what differs.
func TestTroubleshootingQuotesTheProgram(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "iis", "u_ex.log"), []byte(w3cHead+"2026-10-06 08:00:00 POST /EWS/Exchange.asmx 443 CONTOSO\\anna 198.51.100.7 200 0 0\r\n"+w3cRefused("08:00:00", `CONTOSO\anna`)))
	write(t, filepath.Join(dir, "proxy", "a.LOG"), []byte(proxyHead+proxyLine(`CONTOSO\anna`, "agent")+"cut\r\n"))
	tarred := make([]byte, 512)
	copy(tarred, "a.log")
	copy(tarred[148:], fmt.Sprintf("%06o\x00 ", int('a'+'.'+'l'+'o'+'g'+'u'+'s'+'t'+'a'+'r'+8*' ')))
	copy(tarred[257:], "ustar")
	write(t, filepath.Join(dir, "a.tar"), tarred)
	var said strings.Builder
	for _, args := range [][]string{{"scan", filepath.Join(dir, "iis")}, {"scan", dir}, {"explain", filepath.Join(dir, "iis")}} {
		_, out, errs := outmode(t, "", args...)
		said.WriteString(out + errs)
	}
	data := filepath.Join(dir, "data")
	store, err := sqlite.Open(t.Context(), data, sqlite.Options{Create: true})
	if err == nil {
		err = store.LockIngest()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	_, _, locked := outmode(t, "", "scan", "--data", data, filepath.Join(dir, "iis"))
	said.WriteString(locked + (&sqlite.NewerError{Path: data, Schema: 2, Know: 1}).Error())
	said.WriteString((&sqlite.FileError{Path: filepath.Join(data, "outmode.db"), Trouble: sqlite.NotWritable}).Error())
	for name, text := range map[string]string{"empty": "", "damaged": strings.Repeat("no store", 1000)} {
		write(t, filepath.Join(dir, name, "outmode.db"), []byte(text))
		_, _, errs := outmode(t, "", "usage", "--data", filepath.Join(dir, name))
		said.WriteString(errs)
	}
	shared := &globals{network: func(string) (string, bool, error) { return "nfs", true, nil }}
	said.WriteString(shared.storeOn("share").Error())
	output := strings.Join(strings.Fields(said.String()), " ") // however it is broken into lines
	code := regexp.MustCompile("`[^`]*`")
	quotes := regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(code.ReplaceAllString(string(text), ""), -1)
	for _, q := range quotes {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.Join(strings.Fields(q[1]), " ")), "…", ".{1,60}")
		if !regexp.MustCompile(pattern).MatchString(output) {
			t.Errorf("the program does not say %q:\n%s", q[1], said.String())
		}
	}
	if len(quotes) < 5 {
		t.Errorf("%d quotes: is the page still read?", len(quotes))
	}
}
