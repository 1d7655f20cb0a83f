package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The live set-up that README prints works as printed, but for where the logs and the store are.
func TestReadmeLiveSetUp(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, live, ok := strings.Cut(string(text), "## As a watch that goes on")
	live, _, found := strings.Cut(live, "\n## ")
	if !ok || !found {
		t.Fatal("README has no section about the watch")
	}
	dir := t.TempDir()
	logs, data, file := filepath.Join(dir, "logs"), filepath.Join(dir, "data"), filepath.Join(dir, "outmode.yaml")
	copyTree(t, filepath.Join(root, "samples", "contoso"), logs)
	words := regexp.MustCompile(`'[^']*'|\S+`)
	var d *served
	ran := 0
	for line := range strings.Lines(live) {
		command, ok := strings.CutPrefix(strings.TrimSpace(line), "./outmode ")
		if !ok {
			continue
		}
		ran++
		command, _, _ = strings.Cut(command, "#")
		var args []string
		for _, w := range words.FindAllString(command, -1) {
			w = strings.ReplaceAll(strings.Trim(w, "'"), "/path/to/logs", logs)
			w = strings.ReplaceAll(w, "./outmode-data", data)
			args = append(args, strings.ReplaceAll(w, "outmode.yaml", file))
		}
		switch {
		case args[0] == "serve":
			d = serve(t, args[1:]...)
			eventually(t, "it is ready", func() bool { code, _ := d.get(t, "/readyz"); return code == http.StatusOK })
		default:
			must(t, exitDone, args...)
		}
	}
	if ran < 7 || d == nil {
		t.Fatalf("%d commands were run", ran)
	}
	d.stop(t)
}
