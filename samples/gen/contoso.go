package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A folder is the directory that Contoso's admin copied: its files by name, and the ledger of what they tell.
type folder struct {
	story  *story
	ledger *ledger
	files  map[string][]byte

	gateways []gatewayLog
}

// newFolder writes the whole story down, in memory.
func newFolder() *folder {
	f := &folder{story: newStory(), ledger: newLedger(), files: make(map[string][]byte)}
	f.proxyLogs()
	f.iisLogs()
	f.mailLogs()
	f.copies()
	f.strays()
	f.gatewayLogs()
	return f
}

// add puts a file into the folder and its lines into the ledger.
func (f *folder) add(path, kind string, content []byte, signins int, note string) {
	if _, ok := f.files[path]; ok {
		panic("written twice: " + path)
	}
	f.files[path] = content
	f.ledger.files = append(f.ledger.files, fileCount{path, kind, countLines(content), signins, note})
}

// countLines counts line feeds, and a last line without one.
func countLines(content []byte) int {
	n := strings.Count(string(content), "\n")
	if len(content) > 0 && content[len(content)-1] != '\n' {
		n++
	}
	return n
}

// during are the requests of a server that ended in a span of the story and that a log would tell.
func (f *folder) during(on *server, from, to string, tells func(*request) bool) []*request {
	var list []*request
	for _, r := range f.story.requests {
		if r.server == on && r.end >= at(from) && r.end < at(to) && tells(r) {
			list = append(list, r)
		}
	}
	return list
}

// paths are the names of the files in order.
func (f *folder) paths() []string {
	var list []string
	for path := range f.files {
		list = append(list, path)
	}
	slices.Sort(list)
	return list
}

// writeContoso writes the folder to dir, and the truths about it beside it.
func writeContoso(dir string) (*truth, error) {
	f := newFolder()
	for _, path := range f.paths() {
		name := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(name, f.files[path], 0o644); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Clean(dir)+".mfa.truth.json", f.mfaTruth(), 0o644); err != nil {
		return nil, err
	}
	t := f.ledger.settle()
	return t, os.WriteFile(filepath.Clean(dir)+".truth.json", t.json(), 0o644)
}

// summary is the truth in lines for people.
func (t *truth) summary() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d files, %d lines: %d tell a sign-in, %d of them again, %d count\n", len(t.Files), t.Lines, t.SignInLines, t.ToldTwice, t.Counted)
	for _, r := range t.Rows {
		fmt.Fprintf(&b, "%6d  %-44s %-12s %-11s %-5s %-7s %s\n", r.Count, r.User, r.Protocol, r.Auth, r.Mechanism, r.Outcome, r.Evidence)
	}
	return b.String()
}
