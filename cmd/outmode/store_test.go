package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// Usage says whom an address was let in as, and goes on with the store.
func TestUsageIsAboutTheStore(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	next := []string{`203.0.113.77 as contoso\t.okafor`, "outmode findings list --data " + data, "outmode usage --data " + data + " -o json", "not outmode scan"}
	says(t, must(t, exitDone, "scan", "--data", data, contoso()), next...)
	says(t, must(t, exitDone, "usage", "--data", data), next...)
}

// The rules of usage are those of the configuration, unless flags name others.
func TestUsageAppliesTheRulesOfTheConfiguration(t *testing.T) {
	t.Parallel()
	data, _ := stored(t, proxyLine(`CONTOSO\anna`, "agent"))
	file := write(t, filepath.Join(t.TempDir(), "outmode.yaml"), []byte("data: "+data+"\nrules:\n  builtin: false\n"))
	var r report
	decode(t, must(t, exitDone, "usage", "-c", file, "-o", "json"), &r)
	if !r.Options.NoBuiltin || len(r.Findings) != 0 {
		t.Errorf("%+v, %d findings", r.Options, len(r.Findings))
	}
	rule := write(t, filepath.Join(filepath.Dir(file), "own", "r.yaml"), []byte("rules: ["))
	write(t, file, []byte("data: "+data+"\nrules:\n  dirs: [own]\n"))
	if code, _, errs := outmode(t, "", "usage", "-c", file); code != exitError || !strings.Contains(errs, rule) {
		t.Errorf("exit %d: %s", code, errs)
	}
	must(t, exitDone, "usage", "-c", file, "--no-builtin")
	must(t, exitDone, "usage", "--data", data)
}

// Sign-ins that wait are told at the head and in the sum.
func TestTableTellsOfWaitingSignIns(t *testing.T) {
	t.Parallel()
	r := report{SignIns: signIns{Lines: 6, Counted: 1, ToldTwice: 2, Waiting: 3}, Period: period{From: "2026-10-06T08:00:00Z", To: "2026-10-06T09:00:00Z"}}
	var b strings.Builder
	if err := r.writeTable(&b, &paint{}, 20, false); err != nil {
		t.Fatal(err)
	}
	says(t, b.String(), "Not counted yet: 3 sign-in lines,", "6 sign-in lines = 1 counted + 2 told twice (by IIS and by HttpProxy) + 3 waiting (for the other log of their server)")
}

// A flag that is wrong is named, and no other.
func TestUsageNamesTheFlag(t *testing.T) {
	t.Parallel()
	if code, _, errs := outmode(t, "", "usage", "--data", t.TempDir(), "--top", "-1"); code != exitUsage || !strings.Contains(errs, "--top -1: it cannot be negative") || strings.Contains(errs, "--workers") {
		t.Errorf("exit %d: %s", code, errs)
	}
}
