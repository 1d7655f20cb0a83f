package main

import (
	"bytes"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestSamplesOfCalls(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	if got := samples(rng, 5); !slices.Equal(got, []int{1, 2, 3, 4, 5, 6, 7, 8}) {
		t.Errorf("of five calls: %v", got)
	}
	for _, calls := range []int{41, 57, 100, 4000} {
		got := samples(rng, calls)
		if len(got) > 2*firstOf || !slices.IsSorted(got) || got[firstOf-1] != firstOf || got[len(got)-1] > calls {
			t.Errorf("of %d calls: %v", calls, got)
		}
		if last := got[len(got)-1]; last < calls*9/10 {
			t.Errorf("of %d calls: the last ones are never tried: %v", calls, got)
		}
	}
}

func TestBusiestThread(t *testing.T) {
	got := busiest(`11 read(3, "x", 1) = 1
12 read(3,  <unfinished ...>
11 fsync(4) = 0
12 <... read resumed>"y", 1) = 1
12 read(3, "", 1) = 0
12 +++ exited with 0 +++
`)
	if got["read"] != 2 || got["fsync"] != 1 || len(got) != 2 {
		t.Errorf("got %v", got)
	}
}

func TestToldTheOperator(t *testing.T) {
	for _, c := range []struct {
		run  scanned
		want bool
	}{
		{scanned{code: 1, said: "outmode: disk I/O error\n"}, true},
		{scanned{code: 1, said: " \n", printed: "input/output error"}, false},
		{scanned{code: 3, printed: "  - a.log: read up to byte 0: Input/output\n    error"}, true},
		{scanned{code: 3, printed: "What was read"}, false},
	} {
		if got := c.run.told(); got != c.want {
			t.Errorf("%+v: told %t, want %t", c.run, got, c.want)
		}
	}
}

// sweeping runs a sweep of fsync over a fake.
func sweeping(t *testing.T, habit, calls string) (ok bool, printed string) {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not installed")
	}
	bin := asFake(t, habit)
	if text, err := exec.Command("strace", "-f", "-o", filepath.Join(t.TempDir(), "t"), bin, "store").CombinedOutput(); err != nil {
		t.Skipf("strace may not trace here: %v: %s", err, text)
	}
	var out bytes.Buffer
	o := &options{outmode: bin, dir: filepath.Join(t.TempDir(), "work"), seed: 1, lines: 200, calls: calls}
	ok, err := runSweep(t.Context(), &out, o)
	if err != nil {
		t.Fatal(err)
	}
	return ok, out.String()
}

func TestSweep(t *testing.T) {
	for _, c := range []struct {
		habit, calls string
		ok           bool
		want         string
	}{
		{"honest", "fsync:EIO,renameat:ENOSPC,fdatasync:EIO", true, "nothing kept from the operator"},
		{"deaf", "fsync:EIO", false, "silent loss: "},
		{"mute", "fsync:EIO", false, "failed and did not say why"},
	} {
		t.Run(c.habit, func(t *testing.T) {
			t.Parallel()
			ok, printed := sweeping(t, c.habit, c.calls)
			if ok != c.ok || !strings.Contains(printed, c.want) {
				t.Errorf("ok %t, want %t; want %q in:\n%s", ok, c.ok, c.want, printed)
			}
			if !c.ok && !strings.Contains(printed, "again: strace -f -e trace=fsync -e inject=fsync:error=EIO:when=1 ") {
				t.Errorf("how to see it again is not said:\n%s", printed)
			}
		})
	}
}
