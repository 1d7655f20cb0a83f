package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// kill runs the experiment on a fake and returns what it printed.
func kill(t *testing.T, habit string, catchUp time.Duration) (ok bool, printed, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "work")
	o := &options{outmode: asFake(t, habit), dir: dir, kills: 3, rate: 1500, seed: 4, waits: 2 * time.Second, catchUp: catchUp}
	var out bytes.Buffer
	ok, err := runKills(t.Context(), &out, o)
	if err != nil {
		t.Fatal(err)
	}
	return ok, out.String(), dir
}

func TestHonestDaemonPasses(t *testing.T) {
	t.Parallel()
	ok, printed, _ := kill(t, "honest", time.Minute)
	if !ok || !strings.Contains(printed, "torture: 3 kills, ") || !strings.Contains(printed, ": nothing lost, nothing twice\n") {
		t.Errorf("an honest daemon was accused:\n%s", printed)
	}
}

// What is wrong is found, named, and its traces are kept.
func TestFaultsAreFound(t *testing.T) {
	for _, c := range []struct {
		habit string
		want  []string
	}{
		{"loses", []string{"in the ledger (-1)", "counted (-1)"}},
		{"doubles", []string{"counted (+1)"}},
		{"forgets", []string{"is missing (", "were not read to their ends"}},
		{"broken", []string{"database disk image is malformed"}},
		{"frail", []string{"the daemon ended by itself: exit status 1"}},
	} {
		t.Run(c.habit, func(t *testing.T) {
			t.Parallel()
			ok, printed, dir := kill(t, c.habit, time.Second)
			if ok || strings.Contains(printed, "nothing lost") {
				t.Errorf("a daemon that %s passed:\n%s", c.habit, printed)
			}
			for _, want := range append(c.want, dir) {
				if !strings.Contains(printed, want) {
					t.Errorf("want %q in:\n%s", want, printed)
				}
			}
			if _, err := os.Stat(filepath.Join(dir, "serve.log")); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLedgerIsCompared(t *testing.T) {
	w := newTally()
	f := w.open("/logs/a.log", "outmode.iis")
	w.line(f, told{}, 10)
	whole := source{Path: f.path, Offset: 10, Size: 10, Lines: f.lines}
	for _, c := range []struct {
		name   string
		change func(*ledger)
		want   string
	}{
		{"as it is", func(*ledger) {}, ""},
		{"a gap", func(l *ledger) { l.Sources[0].Gaps = []gap{{0, 17, "unreadable"}} }, "a gap from 0 to 17: unreadable"},
		{"not to its end", func(l *ledger) { l.Sources[0].Offset = 9 }, "read to 9 of 10 bytes"},
		{"another verdict", func(l *ledger) { l.Sources[0].Lines = lines{Total: 1, Noise: 1} }, "noise: 0 written, 1 in the ledger (+1)"},
		{"twice", func(l *ledger) { l.Sources = append(l.Sources, whole) }, "stands there twice"},
		{"a stranger", func(l *ledger) { l.Sources = append(l.Sources, source{Path: "/logs/b.log"}) }, "/logs/b.log was never written"},
		{"nothing", func(l *ledger) { l.Sources = nil }, "/logs/a.log is missing"},
	} {
		l := ledger{[]source{whole}}
		c.change(&l)
		var d differences
		compareLedger(&d, w, l)
		if got := d.String(); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: want %q, got %q", c.name, c.want, got)
		}
	}
}

func TestBoundsHoldAtAnyMoment(t *testing.T) {
	w := newTally()
	f := w.open("/logs/a.log", "outmode.iis")
	k := key{"EX01", "outmode.iis", "anna", "ews", "basic", "failure"}
	w.line(f, told{verdict: signIn, key: k}, 10)
	u := &usage{Usage: []usageRow{{"ex01", k.dataset, k.user, k.protocol, k.auth, k.outcome, 1}}}
	l := ledger{[]source{{Path: f.path, Offset: 10, Size: 10, Lines: f.lines}}}
	var d differences
	compareBounds(&d, "now", w, l, u, []server{newServer(0)})
	if len(d.all) != 0 {
		t.Errorf("what was written is no excess:\n%s", d.String())
	}
	u.Usage = append(u.Usage, u.Usage[0])
	l.Sources[0].Offset++
	l.Sources = append(l.Sources, source{Path: "/logs/b.log"})
	compareBounds(&d, "now", w, l, u, []server{newServer(0)})
	if len(d.all) != 3 {
		t.Errorf("want three differences:\n%s", d.String())
	}
}

func TestOnlyTwentyDifferencesAreShown(t *testing.T) {
	var d differences
	for range 23 {
		d.add("x")
	}
	if got := d.String(); strings.Count(got, "\n") != shown+1 || !strings.HasSuffix(got, "and 3 more\n") {
		t.Errorf("got:\n%s", got)
	}
}

func TestExitCodes(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "a"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	honest := asFake(t, "honest")
	for _, c := range []struct {
		args string
		code int
		say  string
	}{
		{"", exitUsage, "give -outmode"},
		{"-nonsense", exitUsage, "not defined"},
		{"-outmode " + filepath.Join(full, "none"), exitUsage, "no such file"},
		{"-outmode " + honest + " more", exitUsage, "want none"},
		{"-outmode " + honest + " -rate 0", exitUsage, "must be positive"},
		{"-outmode " + honest + " -dir " + full, exitFailed, "is not empty"},
		{"-outmode " + honest + " -sweep -calls fsync", exitFailed, "want CALL:ERROR"},
		{"-h", exitOK, "-kills"},
	} {
		var out, messages bytes.Buffer
		code := run(t.Context(), strings.Fields(c.args), &out, &messages)
		if code != c.code || !strings.Contains(messages.String(), c.say) {
			t.Errorf("torture %s: exit %d, want %d; want %q in:\n%s", c.args, code, c.code, c.say, messages.String())
		}
	}
}

func TestInterruptEndsTheExperiment(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o := &options{outmode: asFake(t, "honest"), dir: filepath.Join(t.TempDir(), "work"), kills: 1000, rate: 100, waits: time.Second, catchUp: time.Hour}
	var out bytes.Buffer
	if ok, err := runKills(ctx, &out, o); ok || err == nil {
		t.Errorf("an interrupted experiment proves nothing: %v, %s", err, out.String())
	}
}
