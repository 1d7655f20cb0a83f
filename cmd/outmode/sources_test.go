package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/internal/store/sqlite"
)

// storeOf reads logs into a new store and returns both folders.
func storeOf(t *testing.T, files map[string]string) (data, dir string) {
	t.Helper()
	dir, data = logs(t, files), filepath.Join(t.TempDir(), "data")
	code, _, errs := outmode(t, "", "scan", "--data", data, dir)
	if code != exitDone && code != exitIncomplete {
		t.Fatalf("scan: exit %d: %s", code, errs)
	}
	return data, dir
}

// The JSON as another program would read it.
type jsonSources struct {
	Lines    map[string]int64
	LagBytes int64 `json:"lag_bytes"`
	Sources  []struct {
		Path, Kind, Server, State, Why, Unfinished, Chain string
		Size, Offset                                      int64
		Lines                                             map[string]int64
		FirstEvent                                        string `json:"first_event"`
		LastEvent                                         string `json:"last_event"`
		LagBytes                                          int64  `json:"lag_bytes"`
		DuplicateOf                                       string `json:"duplicate_of"`
		Gaps                                              []struct{ From, To, Reason string }
		Malformed                                         []struct {
			Reason string
			Lines  int64
		}
	}
}

func sourcesJSON(t *testing.T, want int, data string) map[string]int {
	t.Helper()
	at := map[string]int{}
	for i, s := range readSources(t, want, data).Sources {
		at[filepath.Base(s.Path)] = i
	}
	return at
}

func readSources(t *testing.T, want int, data string) (r jsonSources) {
	t.Helper()
	if err := json.Unmarshal([]byte(must(t, want, "sources", "--data", data, "-o", "json")), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

const iisLine = "2026-10-06 08:00:00 EX01 POST /EWS/Exchange.asmx 443 CONTOSO\\anna 192.0.2.7 200 0 0\r\n"

// What the ledger says of every log is there in every form, and adds up.
func TestSources(t *testing.T) {
	t.Parallel()
	data, dir := storeOf(t, map[string]string{
		"iis/u_ex1.log": iisHead + iisLine + "2026-10-06 08:00:00 EX01 POST /EWS/Exch",
		"iis/u_ex2.log": iisHead + iisLine,
		"proxy/a.LOG":   proxyHead + proxyLine(`CONTOSO\anna`, "x"),
		"proxy/b.txt":   "nothing\nthat is known\n",
	})
	r := readSources(t, exitDone, data)
	at := sourcesJSON(t, exitDone, data)
	sums := map[string]int64{}
	for _, s := range r.Sources {
		var total int64
		for what, n := range s.Lines {
			sums[what] += n
			if what != "total" {
				total += n
			}
		}
		if total != s.Lines["total"] || len(s.Lines) != 7 || len(s.Chain) != 64 || s.Gaps == nil {
			t.Errorf("%+v", s)
		}
	}
	for what, n := range r.Lines {
		if sums[what] != n {
			t.Errorf("%d %s in the sources, and %d in the sums", sums[what], what, n)
		}
	}
	one := r.Sources[at["u_ex1.log"]]
	if one.LagBytes != one.Size-one.Offset || one.LagBytes == 0 || one.Unfinished == "" || one.Lines["total"] != 3 || one.Lines["other"] != 1 || one.Kind != "iis" ||
		one.Server != "EX01" || one.FirstEvent != "2026-10-06T08:00:00Z" || one.Path != filepath.ToSlash(filepath.Join(dir, "iis", "u_ex1.log")) {
		t.Errorf("%+v", one)
	}
	if two := r.Sources[at["u_ex2.log"]]; two.State != "duplicate" || two.DuplicateOf != one.Path || two.LagBytes != 0 {
		t.Errorf("%+v", two)
	}
	if b := r.Sources[at["b.txt"]]; b.State != "not_counted" || b.Why == "" {
		t.Errorf("%+v", b)
	}
	if n := strings.Count(must(t, exitDone, "sources", "--data", data, "-o", "ndjson"), "\n"); n != 4 {
		t.Errorf("%d lines of NDJSON, want 4", n)
	}
	rows, err := csv.NewReader(strings.NewReader(must(t, exitDone, "sources", "--data", data, "-o", "csv"))).ReadAll()
	if err != nil || len(rows) != 5 || rows[0][0] != "path" || rows[1][0] != r.Sources[0].Path {
		t.Errorf("CSV: %v, %v", err, rows)
	}
	text := must(t, exitDone, "sources", "--data", data)
	says(t, text, "4 logs, 9 lines, 2026-10-06 08:00 to 2026-10-06 08:15 UTC", "Not read yet: 39 bytes of 1 log", "its last line has no end yet", "iis (duplicate)", "unknown (not counted)",
		"outmode sources --data "+data+" -v", "outmode store check --data "+data, "not u_ex2.log")
	if missing, read := strings.Index(text, "What is missing"), strings.Index(text, "What was read"); missing < 0 || missing > read {
		t.Error("what is missing does not come first")
	}
	says(t, must(t, exitDone, "sources", "--data", data, "-v"), "u_ex2.log", "u_ex1.log")
}

// A file that grew since it was read is behind, though nobody reads it.
func TestSourcesLookAtTheFiles(t *testing.T) {
	t.Parallel()
	data, dir := storeOf(t, map[string]string{"u_ex.log": iisHead + iisLine})
	if n := readSources(t, exitDone, data).LagBytes; n != 0 {
		t.Errorf("%d bytes are not read", n)
	}
	says(t, must(t, exitDone, "sources", "--data", data), "Every log was read to its end")
	write(t, filepath.Join(dir, "u_ex.log"), []byte(iisHead+iisLine+iisLine))
	r := readSources(t, exitDone, data)
	if r.LagBytes != int64(len(iisLine)) || r.Sources[0].Size != int64(len(iisHead)+2*len(iisLine)) {
		t.Errorf("%+v", r)
	}
	says(t, must(t, exitDone, "sources", "--data", data), "it grew since it was read")
	if err := os.Remove(filepath.Join(dir, "u_ex.log")); err != nil {
		t.Fatal(err)
	}
	if n := readSources(t, exitDone, data).LagBytes; n != 0 {
		t.Errorf("%d bytes of a file that is not there are not read", n)
	}
}

// A log that cannot be read to its end is said first, and by the exit code.
func TestSourcesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	packed := zipped([]byte(proxyHead + proxyLine(`CONTOSO\anna`, "x")))
	data, _ := storeOf(t, map[string]string{"torn.LOG.gz": string(packed[:len(packed)-9]), "u_ex.log": iisHead + iisLine + strings.Repeat("broken line\r\n", 3)})
	r := readSources(t, exitIncomplete, data)
	torn := r.Sources[0]
	if torn.State != "incomplete" || torn.Why == "" || len(torn.Gaps) != 1 || !strings.HasPrefix(torn.Gaps[0].Reason, "from byte ") {
		t.Errorf("%+v", torn)
	}
	if m := r.Sources[1].Malformed; len(m) == 0 || m[0].Lines != 3 {
		t.Errorf("%+v", r.Sources[1])
	}
	says(t, must(t, exitIncomplete, "sources", "--data", data), "Not readable to its end: 1 log", "incomplete", "from byte",
		"Not understood: more than 1 % of the lines of 1 log", "3 of 5 lines malformed: ")
}

// A path is written by whoever may make files, and reaches no terminal and no spreadsheet as it is.
func TestSourcesWithHostileNames(t *testing.T) {
	t.Parallel()
	data, _ := storeOf(t, map[string]string{"=cmd\x1b[31m\u202e.log": iisHead + iisLine, "x.log": iisHead})
	for _, args := range [][]string{{"-o", "table", "-v"}, {"-o", "json"}, {"-o", "ndjson"}, {"-o", "csv"}} {
		out := must(t, exitDone, append([]string{"sources", "--data", data}, args...)...)
		if strings.ContainsAny(out, "\x1b\u202e") {
			t.Errorf("%v: %q", args, out)
		}
	}
}

func TestSourcesArguments(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	for _, c := range []struct {
		want int
		says string
		args []string
	}{
		{exitError, "there is no store in " + empty, []string{"sources", "--data", empty}},
		{exitUsage, "the store is named by --data DIR", []string{"sources", "x"}},
		{exitUsage, "this command writes table, json, ndjson or csv", []string{"sources", "--data", empty, "-o", "xml"}},
		{exitError, "there is no store in " + empty, []string{"store", "check", "--data", empty}},
		{exitUsage, "this command writes table or json", []string{"store", "check", "--data", empty, "-o", "csv"}},
		{exitUsage, "did you mean check?", []string{"store", "chek"}},
		{exitUsage, "FILE is missing", []string{"store", "backup", "--data", empty}},
		{exitUsage, "write one FILE", []string{"store", "backup", "--data", empty, "a", "b"}},
		{exitError, "there is no store in " + empty, []string{"store", "backup", "--data", empty, filepath.Join(empty, "a")}},
	} {
		code, out, errs := outmode(t, "", c.args...)
		if code != c.want || !strings.Contains(errs, c.says) || out != "" {
			t.Errorf("outmode %v: exit %d, %q, %q", c.args, code, errs, out)
		}
	}
	if left, err := os.ReadDir(empty); err != nil || len(left) > 0 {
		t.Errorf("they left %v", left)
	}
}

// A share that does not answer keeps nobody waiting.
func TestSizesHavePatience(t *testing.T) {
	t.Parallel()
	if sizes := sizesNow(t.Context(), []sqlite.Listed{{Path: filepath.ToSlash(t.TempDir()), Plain: true}}, time.Minute); len(sizes) != 0 {
		t.Errorf("a directory has the size %v", sizes)
	}
	file := write(t, filepath.Join(t.TempDir(), "a"), bytes.Repeat([]byte("x"), 7))
	if sizes := sizesNow(t.Context(), []sqlite.Listed{{Path: filepath.ToSlash(file), Plain: true}}, time.Minute); len(sizes) != 1 || sizes[filepath.ToSlash(file)] != 7 {
		t.Errorf("the sizes are %v", sizes)
	}
	_ = sizesNow(t.Context(), []sqlite.Listed{{Path: filepath.ToSlash(file), Plain: true}}, 0)
}

// Why a log does not count is told by -v, and nobody waits for its end; why the end of another is not read is told always.
func TestSourcesSayWhy(t *testing.T) {
	t.Parallel()
	head := proxyHead + proxyLine(`CONTOSO\anna`, "x")
	data, _ := storeOf(t, map[string]string{"a.LOG": head, "b.LOG": head, "c.log": "just words", "d.log": iisHead + iisLine + strings.Repeat("\x00", 4096)})
	says(t, must(t, exitDone, "sources", "--data", data, "-v"), "why", "a copy of ", "not a log that Outmode reads")
	says(t, must(t, exitDone, "sources", "--data", data), "not a copy of", "Not read yet: 4,096 bytes of 1 log.", "padding: NUL bytes that were reserved", "not has no end yet")
}
