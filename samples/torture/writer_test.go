package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// agree reads back what was written and asks that the writer's account is right.
func agree(t *testing.T, root string, w *tally) *reading {
	t.Helper()
	r, err := readTree(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.files) != len(w.files) {
		t.Errorf("%d files, want %d", len(r.files), len(w.files))
	}
	for _, f := range w.files {
		got := r.byFile[f.path]
		if got == nil {
			t.Fatalf("%s is missing", f.path)
		}
		if *got != f.lines || r.dataset[f.path] != f.dataset {
			t.Errorf("%s: read %+v of %s, written %+v of %s", f.path, *got, r.dataset[f.path], f.lines, f.dataset)
		}
	}
	for _, f := range r.files {
		if f.Size != f.Offset {
			t.Errorf("%s does not end with a line end", f.Path)
		}
	}
	if err := onDisk(w); err != nil {
		t.Error(err)
	}
	strong, weak := r.usage()
	if !maps.Equal(strong, w.strong) {
		t.Errorf("sign-ins that count: read %d keys, written %d, or other numbers", len(strong), len(w.strong))
	}
	if !maps.Equal(weak, w.weak) {
		t.Errorf("weak sign-ins: read %d keys, written %d, or other numbers", len(weak), len(w.weak))
	}
	return r
}

func fleetOf(t *testing.T, seed uint64, mean, n int) (string, *fleet) {
	t.Helper()
	root := t.TempDir()
	f := newFleet(root, seed, mean)
	if err := f.write(n); err != nil {
		t.Fatal(err)
	}
	return root, f
}

func TestAccountIsWhatTheFilesSay(t *testing.T) {
	for seed := range uint64(3) {
		root, f := fleetOf(t, seed, 1200, 4000)
		if err := f.finish(); err != nil {
			t.Fatal(err)
		}
		agree(t, root, f.tally)
	}
}

// All that makes reading hard must be there: else the experiment proves less than it says.
func TestFilesHoldTheTraps(t *testing.T) {
	root, f := fleetOf(t, 7, 1500, 12000)
	if err := f.finish(); err != nil {
		t.Fatal(err)
	}
	agree(t, root, f.tally)
	traps := map[string]bool{
		"header only": false, "header again": false, "other columns": false, "long line": false, "more than one byte": false,
		"blank line": false, "malformed line": false, "byte order mark": false, "quotes": false,
	}
	for _, file := range f.tally.files {
		raw, err := os.ReadFile(filepath.FromSlash(file.path))
		if err != nil {
			t.Fatal(err)
		}
		text := string(raw)
		if strings.Count(text, "\n") != strings.Count(text, "\r\n") {
			t.Errorf("%s: a line ends without CR LF", file.path)
		}
		var headers []string
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "#Fields") {
				headers = append(headers, line)
			}
			if len(line) > longest {
				t.Errorf("%s: a line has %d bytes, more than any server writes", file.path, len(line))
			}
			traps["long line"] = traps["long line"] || len(line) > 10_000
			traps["blank line"] = traps["blank line"] || line == "\r\n"
		}
		again := len(headers) > 1
		traps["header again"] = traps["header again"] || again
		traps["other columns"] = traps["other columns"] || again && len(slices.Compact(headers)) > 1
		traps["header only"] = traps["header only"] || file.lines.Total == file.lines.Directive
		traps["more than one byte"] = traps["more than one byte"] || strings.Contains(text, "大輔")
		traps["malformed line"] = traps["malformed line"] || file.lines.Malformed > 0
		traps["byte order mark"] = traps["byte order mark"] || strings.HasPrefix(text, "\uFEFF")
		traps["quotes"] = traps["quotes"] || strings.Contains(text, `""Öko""`)
	}
	for name, met := range traps {
		if !met {
			t.Errorf("no file with this trap: %s", name)
		}
	}
	datasets := map[string]bool{}
	for k := range f.tally.strong {
		datasets[k.dataset] = true
	}
	if len(datasets) != 5 {
		t.Errorf("sign-ins that count come from %v, want five kinds of logs", datasets)
	}
}

// While the fleet writes, files end in the middle of lines, and some have not even their header.
func TestFlushesTearLines(t *testing.T) {
	root, f := fleetOf(t, 3, 1500, 1)
	torn, empty, blocks := 0, 0, 0
	sizes := map[string]int{}
	for range 4000 {
		if err := f.write(3); err != nil {
			t.Fatal(err)
		}
		for _, s := range f.series {
			if s.current == nil {
				continue
			}
			raw, err := os.ReadFile(filepath.FromSlash(s.current.tally.path))
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case len(raw) == 0:
				empty++
			case raw[len(raw)-1] != '\n':
				torn++
				if len(raw)-sizes[s.current.tally.path] == blockSize {
					blocks++
				}
			}
			sizes[s.current.tally.path] = len(raw)
		}
		if torn > 0 && empty > 0 && blocks > 0 {
			break
		}
	}
	if torn == 0 || empty == 0 || blocks == 0 {
		t.Errorf("%d torn lines, %d empty files, %d writes of whole blocks seen, want some of each", torn, empty, blocks)
	}
	if err := f.finish(); err != nil {
		t.Fatal(err)
	}
	agree(t, root, f.tally)
}

func TestSameSeedSameBytes(t *testing.T) {
	var trees [2]map[string]string
	for i := range trees {
		root, f := fleetOf(t, 11, 500, 2000)
		if err := f.finish(); err != nil {
			t.Fatal(err)
		}
		trees[i] = map[string]string{}
		for _, file := range f.tally.files {
			raw, err := os.ReadFile(filepath.FromSlash(file.path))
			if err != nil {
				t.Fatal(err)
			}
			trees[i][strings.TrimPrefix(file.path, filepath.ToSlash(root))] = string(raw)
		}
	}
	if !maps.Equal(trees[0], trees[1]) {
		t.Error("two runs with one seed wrote different files")
	}
}

func TestLiveWriter(t *testing.T) {
	root := t.TempDir()
	now := time.Date(2026, 10, 6, 8, 59, 59, 0, time.UTC)
	w := newLive(root, 1, 13)
	for range 12 {
		if err := w.write(100, now); err != nil {
			t.Fatal(err)
		}
		r, err := readTree(root)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.files {
			if f.Size != f.Offset {
				t.Fatalf("%s ends in the middle of a line", f.Path)
			}
		}
		now = now.Add(100 * time.Millisecond)
	}
	if err := w.finish(); err != nil {
		t.Fatal(err)
	}
	agree(t, root, w.tally)
	if want := 2 * 13; len(w.tally.files) != want { // the hour struck
		t.Errorf("%d files, want %d", len(w.tally.files), want)
	}
}

// A second run beside the first leaves its files alone.
func TestWriteOnlyTwice(t *testing.T) {
	root := t.TempDir()
	o := &options{writeOnly: root, rate: 4000, files: 11, seed: 5, span: 50 * time.Millisecond}
	var files int
	var sum lines
	for range 2 {
		var out bytes.Buffer
		if err := writeOnly(t.Context(), &out, o); err != nil {
			t.Fatal(err)
		}
		var got total
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if bytes.Count(out.Bytes(), []byte("\n")) != 1 {
			t.Errorf("totals are not one line: %q", out.String())
		}
		files += got.Files
		sum.add(got.Lines)
	}
	r, err := readTree(root)
	if err != nil {
		t.Fatal(err)
	}
	var read lines
	for _, l := range r.byFile {
		read.add(*l)
	}
	if len(r.files) != files || read != sum {
		t.Errorf("read %d files, %+v; written %d, %+v", len(r.files), read, files, sum)
	}
}
