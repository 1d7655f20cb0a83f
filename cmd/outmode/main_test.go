package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

var update = flag.Bool("update", false, "write the golden files anew")

const root = "../.."

// outmode runs the program in this process, from the root of the repository where the test is there.
func outmode(t testing.TB, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, streams{strings.NewReader(stdin), &out, &errs})
	return code, out.String(), errs.String()
}

// must runs the program and expects that exit code.
func must(t testing.TB, want int, args ...string) string {
	t.Helper()
	code, out, errs := outmode(t, "", args...)
	if code != want {
		t.Fatalf("outmode %s: exit %d, want %d\n%s", strings.Join(args, " "), code, want, errs)
	}
	return out
}

func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

const proxyHead = "DateTime,RequestId,Protocol,UrlStem,AuthenticationType,IsAuthenticated,AuthenticatedUser,UserAgent,ClientIpAddress,ServerHostName,HttpStatus,BackEndStatus,ProxyAction,TargetServer,AnchorMailbox\r\n"

func proxyLine(user, agent string) string {
	return "2026-10-06T08:15:00.000Z,0b1e6d3c-0000-4000-8000-000000000001,Ews,/EWS/Exchange.asmx,Basic,true," + user + "," + agent + ",198.51.100.7,EX01,200,200,Proxy,x,\r\n"
}

// The first run reads like a case: what it prints is kept beside the samples.
func TestContosoGolden(t *testing.T) {
	t.Chdir(root)
	for name, args := range map[string][]string{
		"samples/contoso.expected.txt": {"scan", "samples/contoso"},
		"samples/contoso.expected.csv": {"scan", "samples/contoso", "-o", "csv"},
	} {
		got := must(t, exitDone, args...)
		if *update {
			write(t, name, []byte(got))
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("outmode %s differs from %s; read the difference, then: go test ./cmd/outmode -run Golden -update", strings.Join(args, " "), name)
		}
	}
}

// The JSON as another program would read it.
type jsonReport struct {
	Lines    map[string]int64
	SignIns  struct{ Lines, Counted, Told_Twice int64 }
	Usage    []map[string]any
	Accounts []struct {
		User         string
		Count        int64
		LegacyEXO    bool `json:"legacy_exo"`
		LegacyOnPrem bool `json:"legacy_onprem"`
	}
	Findings []struct {
		ID, Rule, Severity, Subject, Protocol, State, First, Last string
		Tags                                                      []string
		Count                                                     int64
		Exception                                                 any
		Evidence                                                  []struct {
			File, SHA256   string
			Offset, Length int64
			Line           int64
			SignIn         map[string]any
		}
	}
	Sources []struct {
		Path, Kind, State string
		Lines             map[string]int64
		Gaps              []any
	}
	Coverage []struct {
		Server, Kind, From, To string
		Complete               bool
		Gaps                   []map[string]any
	}
	Notes []string
}

func scanJSON(t testing.TB, want int, args ...string) jsonReport {
	t.Helper()
	out := must(t, want, append([]string{"scan", "-o", "json"}, args...)...)
	var r jsonReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// What README says of the ledger: every line is in one of its columns, per folder, per file and in total.
func TestLedgerAddsUp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{contoso()}, {contoso(), "-v"}} {
		_, text, _ := strings.Cut(must(t, exitDone, append([]string{"scan"}, args...)...), "\nWhat was read\n")
		text, _, _ = strings.Cut(text, "\n\n")
		head, text, _ := strings.Cut(text, "\n")
		files, from, rows := strings.Index(head, "  files")+len("  files"), strings.Index(head, "  from"), 0
		for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
			var n []int
			for _, cell := range strings.Fields(line[files:min(from, len(line))]) {
				v, err := strconv.Atoi(strings.ReplaceAll(cell, ",", ""))
				if err != nil {
					t.Fatalf("%s: %v", line, err)
				}
				n = append(n, v)
			}
			if rows++; len(n) != 7 || n[1]+n[2]+n[3]+n[4]+n[5]+n[6] != n[0] {
				t.Errorf("%v: %s", n, line)
			}
		}
		if rows < 10 {
			t.Errorf("%d rows: is the table still read?", rows)
		}
	}
}

// The terminal, JSON, NDJSON and CSV tell the same numbers.
func TestOutputsAgree(t *testing.T) {
	t.Parallel()
	var r jsonReport
	decode(t, contosoJSON(t), &r)
	var rows int64
	for _, u := range r.Usage {
		rows += int64(u["count"].(float64))
	}
	docs := strings.Count(must(t, exitDone, "scan", "-o", "ndjson", contoso()), "\n")
	records, err := csv.NewReader(strings.NewReader(must(t, exitDone, "scan", "-o", "csv", contoso()))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var csvRows int64
	for _, rec := range records[1:] {
		n, err := strconv.ParseInt(rec[12], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		csvRows += n
	}
	table := must(t, exitDone, "scan", contoso())
	said := fmt.Sprintf("%s sign-in lines = %s counted + %s told twice", number(r.SignIns.Lines), number(r.SignIns.Counted), number(r.SignIns.Told_Twice))
	if rows != r.SignIns.Counted || int64(docs) != rows || csvRows != rows || !strings.Contains(table, said) {
		t.Errorf("json %d (rows %d), ndjson %d, csv %d; the table must say %q", r.SignIns.Counted, rows, docs, csvRows, said)
	}
	if r.SignIns.Counted+r.SignIns.Told_Twice != r.SignIns.Lines || r.Lines["signin"] != r.SignIns.Lines {
		t.Errorf("sign-ins do not add up: %+v of %v", r.SignIns, r.Lines)
	}
	if len(records)-1 != len(r.Usage) {
		t.Errorf("%d rows in CSV, %d in JSON", len(records)-1, len(r.Usage))
	}
	ledger(t, r.Lines)
	sum := map[string]int64{}
	for _, s := range r.Sources {
		ledger(t, s.Lines)
		for k, n := range s.Lines {
			sum[k] += n
		}
	}
	if fmt.Sprint(sum) != fmt.Sprint(r.Lines) {
		t.Errorf("sources %v, total %v", sum, r.Lines)
	}
}

func ledger(t *testing.T, l map[string]int64) {
	t.Helper()
	if len(l) != 7 || l["signin"]+l["mfa"]+l["noise"]+l["other"]+l["malformed"]+l["directive"] != l["total"] {
		t.Errorf("lines do not add up: %v", l)
	}
}

func TestOutputIsTheSameForAnyNumberOfWorkers(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"table", "json", "ndjson", "csv"} {
		one := must(t, exitDone, "scan", "-o", format, "--workers", "1", contoso())
		for _, n := range []string{"2", "9"} {
			if got := must(t, exitDone, "scan", "-o", format, "--workers", n, contoso()); got != one {
				t.Errorf("-o %s differs between 1 and %s workers", format, n)
			}
		}
	}
}

// Evidence points to the very bytes, holds their hash and never their text.
func TestEvidenceCanBeChecked(t *testing.T) {
	t.Parallel()
	var r jsonReport
	decode(t, contosoJSON(t), &r)
	if len(r.Findings) == 0 {
		t.Fatal("no finding")
	}
	for _, f := range r.Findings {
		if f.ID == "" || f.State != "open" || f.Exception != nil || f.Tags == nil || f.Severity == "" || len(f.Evidence) == 0 {
			t.Errorf("%+v", f)
		}
		for _, e := range f.Evidence {
			if strings.Contains(e.File, "!") || strings.HasSuffix(e.File, ".gz") {
				continue
			}
			data, err := os.ReadFile(e.File)
			if err != nil {
				t.Fatal(err)
			}
			raw := data[e.Offset : e.Offset+e.Length]
			if got := fmt.Sprintf("%x", sha(raw)); got != e.SHA256 {
				t.Errorf("%s:%d: hash %s, want %s", e.File, e.Line, got, e.SHA256)
			}
			event := !strings.Contains(e.File, "contoso/EX0")                                      // in the log of a gateway
			if n := int64(bytes.Count(data[:e.Offset], []byte("\n"))) + 1; n != e.Line && !event { // of records that are not lines it is the number of the record
				t.Errorf("%s: line %d, said %d", e.File, n, e.Line)
			}
			if (e.SignIn["event"] == nil || e.SignIn["outmode"] == nil) && !(event && e.SignIn == nil) {
				t.Errorf("%s:%d: no document", e.File, e.Line)
			}
		}
	}
}

// No canary, cookie, password or other secret of the samples is ever printed.
func TestNothingSecretIsPrinted(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"scan", contoso(), "-v", "--top", "0"}, {"scan", contoso(), "-o", "json"}, {"scan", contoso(), "-o", "ndjson"},
		{"scan", contoso(), "-o", "csv"}, {"explain", contoso()}, {"explain", contoso(), "-o", "ndjson"},
	} {
		_, out, errs := outmode(t, "", args...)
		for _, secret := range []string{"NotARealSecret", "not-a-real-password", "bm90LWEtcmVhbC1wYXNzd29yZA", "msExchEcpCanary", "Authorization: "} {
			if strings.Contains(out+errs, secret) {
				t.Errorf("outmode %s prints %q", strings.Join(args, " "), secret)
			}
		}
	}
}

// Every field of a line is written by whoever sends requests. None of it may move a cursor, turn the
// direction of writing, become a formula, or break a table.
func TestHostileText(t *testing.T) {
	t.Parallel()
	hostile := []string{"=cmd|' /C calc'!A0", "\x1b[2J\x1b[31mroot", "a\u202egnp.exe", "@SUM(1+1)", "\x07bell", "-2+3", "+1", "<script>alert(1)</script>", "\u2028line", "\xff\xfebytes", "a\u0085b", "c1\u009b31m", "del\x7f"}
	text := proxyHead
	for _, h := range hostile {
		text += proxyLine(`CONTOSO\`+h, h) + proxyLine(h, "agent")
	}
	log := write(t, filepath.Join(t.TempDir(), "a.LOG"), []byte(text))
	for _, args := range [][]string{{"scan", log, "-v", "--top", "0"}, {"explain", log}, {"scan", "-o", "csv", log}, {"scan", "-o", "json", log}, {"scan", "-o", "ndjson", log}, {"explain", "-o", "ndjson", log}} {
		_, out, errs := outmode(t, "", args...)
		for _, r := range out + errs {
			if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028') {
				t.Errorf("outmode %s prints %U", args[0], r)
				break
			}
		}
	}
	records, err := csv.NewReader(strings.NewReader(must(t, exitDone, "scan", "-o", "csv", log))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range records {
		for _, c := range rec {
			if c != "" && strings.ContainsAny(c[:1], "=+-@\t\r") {
				t.Errorf("a spreadsheet takes %q for a formula", c)
			}
		}
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := write(t, filepath.Join(dir, "a.LOG"), []byte(proxyHead+proxyLine(`CONTOSO\anna`, "agent")))
	bad := write(t, filepath.Join(dir, "bad", "a.LOG"), []byte(proxyHead+"2026-10-06T08:15:00.000Z,too,few\r\n"+proxyLine(`CONTOSO\anna`, "agent")))
	for _, c := range []struct {
		want int
		say  string
		args []string
	}{
		{exitDone, "", []string{"scan", log}},
		{exitUsage, "scan needs a PATH", []string{"scan"}},
		{exitUsage, "there is no command \"scna\"", []string{"scna"}},
		{exitUsage, "unknown flag: --sinse", []string{"scan", "--sinse", "7d", log}},
		{exitUsage, "--since \"yesterday\" is no day", []string{"scan", "--since", "yesterday", log}},
		{exitUsage, "is before --since", []string{"scan", "--since", "2026-10-07", "--until", "2026-10-06", log}},
		{exitUsage, "-o xml: this command writes table, json, ndjson or csv", []string{"scan", "-o", "xml", log}},
		{exitUsage, "--fail-on \"bad\" is no severity", []string{"scan", "--fail-on", "bad", log}},
		{exitUsage, "--internal \"10.0.0.0/99\" is no address range", []string{"scan", "--internal", "10.0.0.0/99", log}},
		{exitUsage, "would fit everything", []string{"scan", "--exclude", "*", log}},
		{exitError, "no-such-folder", []string{"scan", filepath.Join(dir, "no-such-folder")}},
		{exitFindings, "", []string{"scan", "--fail-on", "low", log}},
		{exitDone, "", []string{"scan", "--fail-on", "low", "--no-builtin", log}},
		{exitIncomplete, "", []string{"scan", bad}},
		{exitFindings, "", []string{"scan", "--fail-on", "low", bad}}, // findings before incomplete
		{exitUsage, "--fields needs --type", []string{"explain", "--fields", "a,b", log}},
		{exitUsage, "is no kind of log", []string{"explain", "--type", "syslog", log}},
		{exitDone, "", []string{"version"}},
		{exitDone, "", []string{"--help"}},
	} {
		code, _, errs := outmode(t, "", c.args...)
		if code != c.want || !strings.Contains(errs, c.say) {
			t.Errorf("outmode %s: exit %d, want %d; said %q, want %q", strings.Join(c.args, " "), code, c.want, errs, c.say)
		}
	}
}

// Each bad input has a message that says what, where and what to do, and one never stops the others.
func TestBadInput(t *testing.T) {
	t.Parallel()
	good := []byte(proxyHead + proxyLine(`CONTOSO\anna`, "agent"))
	for name, c := range map[string]struct {
		make func(t *testing.T, dir string)
		want int
		say  string
	}{
		"empty file":  {func(t *testing.T, d string) { write(t, filepath.Join(d, "e.log"), nil) }, exitDone, "e.log: not counted: empty file"},
		"header only": {func(t *testing.T, d string) { write(t, filepath.Join(d, "h.log"), []byte(proxyHead)) }, exitDone, ""},
		"a binary": {func(t *testing.T, d string) {
			write(t, filepath.Join(d, "b.log"), bytes.Repeat([]byte{0, 1, 2, 255, 10}, 999))
		}, exitDone, "b.log: not counted: binary file"},
		"a JPEG": {func(t *testing.T, d string) {
			write(t, filepath.Join(d, "p.log"), []byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01"))
		}, exitDone, "p.log: not counted: binary file"},
		"a letter":       {func(t *testing.T, d string) { write(t, filepath.Join(d, "n.txt"), []byte("Dear colleagues,\n")) }, exitDone, "n.txt: not counted: not a log that Outmode reads"},
		"directory loop": {func(t *testing.T, d string) { link(t, d, filepath.Join(d, "loop")) }, exitDone, "directory loop"},
		"dangling link":  {func(t *testing.T, d string) { link(t, filepath.Join(d, "gone"), filepath.Join(d, "l.log")) }, exitDone, "dangling link"},
		"truncated gzip": {func(t *testing.T, d string) {
			z := zipped(bytes.Repeat(good, 500))
			write(t, filepath.Join(d, "t.gz"), z[:len(z)-9])
		}, exitIncomplete, "t.gz: read up to byte"},
		"zip bomb": {func(t *testing.T, d string) {
			write(t, filepath.Join(d, "b.gz"), zipped(append(append([]byte{}, good...), make([]byte, 64<<20)...)))
		}, exitIncomplete, "b.gz: read up to byte"},
		"a line of 200 MB": {func(t *testing.T, d string) { longLine(t, filepath.Join(d, "long.log")) }, exitIncomplete, "long.log: 1 of 3 lines malformed: longer than 1 MiB"},
		"a zip": {func(t *testing.T, d string) {
			write(t, filepath.Join(d, "a.zip"), archive(t, "x.LOG", []byte(proxyHead+proxyLine(`CONTOSO\zoe`, "a"))))
		}, exitDone, ""},
		"zip in zip": {func(t *testing.T, d string) {
			write(t, filepath.Join(d, "a.zip"), archive(t, "b.zip", archive(t, "c.LOG", good)))
		}, exitIncomplete, "zip in zip"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, filepath.Join(dir, "a.LOG"), good)
			c.make(t, dir)
			r := scanJSON(t, c.want, dir)
			if r.Lines["signin"] < 1 {
				t.Error("the good file beside it was not read")
			}
			if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, c.say) {
				t.Errorf("notes say\n%s\nand not %q", notes, c.say)
			}
			ledger(t, r.Lines)
		})
	}
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

func zipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

func archive(t *testing.T, name string, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	w, err := z.Create(name)
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func longLine(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = io.WriteString(f, proxyHead)
	for chunk := bytes.Repeat([]byte("x"), 1<<20); err == nil && chunk != nil; {
		for range 200 {
			if _, err = f.Write(chunk); err != nil {
				break
			}
		}
		chunk = nil
	}
	if err == nil {
		_, err = io.WriteString(f, "\r\n"+proxyLine(`CONTOSO\ben`, "agent"))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestStandardInput(t *testing.T) {
	t.Parallel()
	text := proxyHead + proxyLine(`CONTOSO\anna`, "agent")
	code, out, errs := outmode(t, text, "scan", "-o", "ndjson", "-")
	if code != exitDone || strings.Count(out, "\n") != 1 || !strings.Contains(out, `"path":"-"`) {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}
