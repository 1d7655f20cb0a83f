package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// A sweep lets one system call of a scan fail at a time and asks whether the store survives it.
type sweep struct {
	strace    string
	outmode   string
	dir, logs string
	want      storeState // of a store that nothing happened to
	calls     map[string]int
	rng       *rand.Rand
	out       io.Writer
	verbose   bool
}

// A fault is a system call and how it fails.
type fault struct{ call, errno string }

// defaultCalls are what a store and its logs are read and written with. SQLite in Go opens with open, Go with openat.
const defaultCalls = "pread64:EIO,pwrite64:ENOSPC,pwrite64:EIO,fsync:EIO,fsync:ENOSPC,fdatasync:EIO,fdatasync:ENOSPC,ftruncate:EIO,ftruncate:ENOSPC," +
	"openat:EMFILE,openat:EIO,openat:ENOSPC,open:EMFILE,open:EIO,open:ENOSPC,renameat:EIO,renameat:ENOSPC,rename:EIO,rename:ENOSPC,unlink:EIO,unlinkat:EIO,read:EIO"

func parseFaults(text string) ([]fault, error) {
	var all []fault
	for part := range strings.SplitSeq(text, ",") {
		call, errno, ok := strings.Cut(strings.TrimSpace(part), ":")
		if !ok || call == "" || errno == "" {
			return nil, fmt.Errorf("-calls: %q: want CALL:ERROR, as in pwrite64:ENOSPC", part)
		}
		all = append(all, fault{call, errno})
	}
	return all, nil
}

// runSweep makes the logs and what must come of them, then lets every call fail.
func runSweep(ctx context.Context, out io.Writer, o *options) (ok bool, err error) {
	faults, err := parseFaults(o.calls)
	if err != nil {
		return false, err
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		return false, exec.ErrNotFound
	}
	dir, temporary, err := workDir(o.dir)
	if err != nil {
		return false, err
	}
	s := &sweep{strace: strace, outmode: o.outmode, dir: dir, logs: filepath.Join(dir, "logs"), rng: rand.New(rand.NewPCG(o.seed, 3)), out: out, verbose: o.verbose}
	ok, err = s.run(ctx, faults, o)
	switch {
	case err != nil:
		return false, fmt.Errorf("%w; everything is in %s", err, dir)
	case !ok:
		fmt.Fprintf(out, "torture: the logs and the stores of the failures are in %s\n", dir)
	case temporary:
		err = os.RemoveAll(dir)
	}
	return ok, err
}

func (s *sweep) run(ctx context.Context, faults []fault, o *options) (bool, error) {
	f := newFleet(s.logs, o.seed, max(20, o.lines/3))
	f.scene.tidy = true // so that only what was injected can be a reason for an exit code
	if err := errors.Join(f.write(o.lines), f.finish()); err != nil {
		return false, fmt.Errorf("writing the logs: %w", err)
	}
	if err := s.undisturbed(ctx, f); err != nil {
		return false, err
	}
	if err := s.count(ctx, faults); err != nil {
		return false, err
	}
	var runs, failures int
	for _, fault := range faults {
		if s.calls[fault.call] == 0 {
			fmt.Fprintf(s.out, "%-10s %-7s never called\n", fault.call, fault.errno)
			continue
		}
		r, err := s.every(ctx, fault)
		if err != nil {
			return false, err
		}
		fmt.Fprintf(s.out, "%-10s %-7s %3d calls a thread, %3d runs, %3d hit: %3d told, %3d survived, %d failed\n", fault.call, fault.errno,
			s.calls[fault.call], r.runs, r.hit, r.told, r.survived, len(r.failures))
		for _, text := range r.failures {
			fmt.Fprintf(s.out, "  %s\n", text)
		}
		runs += r.runs
		failures += len(r.failures)
	}
	if failures > 0 {
		fmt.Fprintf(s.out, "torture: %d runs with a failing system call: %d failures\n", runs, failures)
		return false, nil
	}
	fmt.Fprintf(s.out, "torture: %d runs with a failing system call: nothing lost, nothing twice, nothing kept from the operator\n", runs)
	return true, nil
}

// undisturbed makes the store that all others must come to equal, and asks that it is right.
func (s *sweep) undisturbed(ctx context.Context, f *fleet) error {
	data := filepath.Join(s.dir, "undisturbed")
	if r := s.scan(ctx, data); r.err != nil || r.code != 0 {
		return fmt.Errorf("the undisturbed scan: %s", r)
	}
	p := &program{s.outmode, data}
	var d differences
	l, err := p.sources(ctx)
	u, err2 := p.usage(ctx)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	compareLedger(&d, f.tally, l)
	compareUsage(&d, f.tally, &u, []server{newServer(0), newServer(1)})
	if len(d.all) > 0 {
		return fmt.Errorf("the undisturbed store is wrong already:\n%s", d.String())
	}
	s.want, err = s.state(ctx, data)
	return err
}

// A storeState is what a store says, in a form that can be compared.
type storeState struct {
	usage  map[string]string // every member of the object that matters, as text
	rows   []string
	ledger []source
}

func (s *sweep) state(ctx context.Context, data string) (storeState, error) {
	p := &program{s.outmode, data}
	var all map[string]json.RawMessage
	err := p.ask(ctx, &all, "usage", "--data", data, "-o", "json")
	if err != nil {
		return storeState{}, err
	}
	state := storeState{usage: map[string]string{}}
	for _, name := range []string{"period", "lines", "signins"} {
		if state.usage[name], err = canonicalJSON(all[name]); err != nil {
			return storeState{}, fmt.Errorf("usage: %s: %w", name, err)
		}
	}
	var rows []json.RawMessage
	if err := json.Unmarshal(all["usage"], &rows); err != nil {
		return storeState{}, fmt.Errorf("usage: %w", err)
	}
	for _, r := range rows {
		text, err := canonicalJSON(r)
		if err != nil {
			return storeState{}, err
		}
		state.rows = append(state.rows, text)
	}
	slices.Sort(state.rows)
	l, err := p.sources(ctx)
	slices.SortFunc(l.Sources, func(a, b source) int { return strings.Compare(a.Path, b.Path) })
	state.ledger = l.Sources
	return state, err
}

// canonicalJSON spells equal values equally.
func canonicalJSON(raw json.RawMessage) (string, error) {
	if raw == nil {
		return "", nil
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return "", err
	}
	text, err := json.Marshal(v)
	return string(text), err
}

// differs says in what a store is not as the undisturbed one, or "".
func (want *storeState) differs(got *storeState) string {
	for _, name := range sorted(want.usage, strings.Compare) {
		if got.usage[name] != want.usage[name] {
			return fmt.Sprintf("usage: %s: want %s, got %s", name, want.usage[name], got.usage[name])
		}
	}
	for i, row := range want.rows {
		if i >= len(got.rows) || got.rows[i] != row {
			return fmt.Sprintf("usage: %d rows, want %d; the first that differs should be %s", len(got.rows), len(want.rows), row)
		}
	}
	if len(got.rows) > len(want.rows) {
		return fmt.Sprintf("usage: %d rows, want %d", len(got.rows), len(want.rows))
	}
	for i := range want.ledger {
		if i >= len(got.ledger) || !reflect.DeepEqual(got.ledger[i], want.ledger[i]) {
			return fmt.Sprintf("ledger: not the same from %s on", want.ledger[i].Path)
		}
	}
	if len(got.ledger) > len(want.ledger) {
		return fmt.Sprintf("ledger: %d files, want %d", len(got.ledger), len(want.ledger))
	}
	return ""
}
