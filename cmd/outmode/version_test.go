package main

import (
	"runtime/debug"
	"strings"
	"testing"
)

// A build says what it was made from, as far as the Go command noted it.
func TestVersionSaysWhatItIsBuiltFrom(t *testing.T) {
	t.Parallel()
	const commit = "b8accebf63a5941403954b790dc97d75fef7a509"
	stamped := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: commit}, {Key: "vcs.time", Value: "2026-11-26T05:25:20Z"}, {Key: "vcs.modified", Value: modified}}
	}
	for _, c := range []struct {
		info    *debug.BuildInfo
		version string
		says    []string
	}{
		{nil, "(devel)", []string{"commit not known: it was built with \"go run\""}},
		{&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "(devel)", []string{"commit not known"}},
		{&debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "v1.2.3", []string{"outmode v1.2.3 commit not known"}},
		{&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: stamped("false")}, "devel-b8accebf63a5", []string{"commit " + commit + " of 2026-11-26 05:25 UTC built", "not changes"}},
		{&debug.BuildInfo{Settings: stamped("true")}, "devel-b8accebf63a5+dirty", []string{"UTC, with changes that are in no commit"}},
		{&debug.BuildInfo{Main: debug.Module{Version: "v0.0.0-20261126052520-b8accebf63a5+dirty"}, Settings: stamped("true")}, "v0.0.0-20261126052520-b8accebf63a5+dirty", []string{"with changes"}},
		{&debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}}}, "devel-abc", []string{"commit abc built"}},
	} {
		b := buildOf(c.info)
		var text strings.Builder
		if err := b.write(&text); err != nil {
			t.Fatal(err)
		}
		if b.Version != c.version || b.Go == "" || !strings.Contains(b.System, "/") {
			t.Errorf("%+v, want %s", b, c.version)
		}
		says(t, text.String(), append(c.says, "outmode "+c.version, "built with go", "for "+b.System)...)
	}
	var b map[string]any
	decode(t, must(t, exitDone, "version", "-o", "json"), &b)
	for _, key := range []string{"version", "commit", "time", "modified", "go", "system"} {
		if _, there := b[key]; !there || len(b) != 6 {
			t.Errorf("%s is not in %v", key, b)
		}
	}
	if code, _, errs := outmode(t, "", "version", "-o", "csv"); code != exitUsage || !strings.Contains(errs, "table or json") {
		t.Errorf("exit %d: %s", code, errs)
	}
}
