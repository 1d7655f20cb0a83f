package main

import (
	"path/filepath"
	"slices"
	"testing"
)

// What is kept was found by the rules of then. By others, all is joined anew: by one that is new, and by those that were
// left out while logs were read.
func TestOtherRulesAreJoinedAnew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	logs, data := filepath.Join(dir, "logs"), filepath.Join(dir, "data")
	proxy, duo := gated(t)
	mine := write(t, filepath.Join(dir, "mine.yaml"), []byte("id: OM-2099\nname: mine\nseverity: high\nwhen: mfa == \"missing\"\n"))
	write(t, filepath.Join(logs, "duo.ndjson"), []byte(duo))
	must(t, exitDone, "scan", "--data", data, logs)
	write(t, filepath.Join(logs, "proxy.LOG"), []byte(proxy))
	must(t, exitDone, "scan", "--data", data, "--no-builtin", logs)
	for _, rules := range [][]string{nil, {"--rules", mine}} {
		got, want := foundBy(t, slices.Concat([]string{"scan", "--data", data, logs}, rules)...), foundBy(t, slices.Concat([]string{"scan", logs}, rules)...)
		if !slices.Equal(got, want) || len(got) != 2+len(rules)/2 {
			t.Errorf("%v: the store has\n%v\na scan finds\n%v", rules, got, want)
		}
	}
}
