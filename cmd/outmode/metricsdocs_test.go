package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// The page lists every metric of this program with its labels and its words, and no other.
func TestMetricsArePrinted(t *testing.T) {
	t.Parallel()
	all := make(chan *prometheus.Desc, 1000)
	newMetrics().registry.Describe(all)
	close(all)
	about := regexp.MustCompile(`fqName: "(outmode_[a-z_]+)", help: "(.*?)",.* variableLabels: \{([a-z_, ]*)\}`)
	var want []string
	for d := range all {
		m := about.FindStringSubmatch(d.String())
		if m == nil {
			continue // of Go and of the process
		}
		labels := ""
		for _, l := range strings.FieldsFunc(m[3], func(r rune) bool { return r == ',' || r == ' ' }) {
			labels += " `" + l + "`"
		}
		want = append(want, "| `"+m[1]+"` |"+labels+" | "+strings.ReplaceAll(m[2], `\"`, `"`)+" |")
	}
	slices.Sort(want)
	file := filepath.Join(root, "docs", "metrics.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| `outmode_") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if len(want) < 15 || !slices.Equal(got, want) {
		t.Errorf("%s must have these rows:\n%s", file, strings.Join(want, "\n"))
	}
}
