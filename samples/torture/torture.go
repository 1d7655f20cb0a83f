package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
)

// A torture kills daemons while a fleet writes, and keeps what it finds.
type torture struct {
	program   *program
	logs      string
	serveArgs []string
	pen       *pen
	servers   []server
	rng       *rand.Rand // of the moments; the fleet has its own
	found     differences
	kills     map[string]int
	answered  bool             // the ledger was there once, and must be from then on
	offsets   map[string]int64 // what was committed when a daemon was last found dead
	waits     time.Duration    // how long a moment is waited for
	catchUp   time.Duration    // how long the last daemon may take to read the rest
	progress  io.Writer
	log       io.Writer // of the daemons
}

// runKills is the whole experiment. The error is one of the experiment's own; what the daemon did wrong is in found.
func runKills(ctx context.Context, out io.Writer, o *options) (ok bool, err error) {
	dir, temporary, err := workDir(o.dir)
	if err != nil {
		return false, err
	}
	log, err := os.Create(filepath.Join(dir, "serve.log"))
	if err != nil {
		return false, err
	}
	defer log.Close()
	logs := filepath.Join(dir, "logs")
	if err := os.Mkdir(logs, 0o755); err != nil {
		return false, err
	}
	t := &torture{
		program: &program{o.outmode, filepath.Join(dir, "data")}, logs: logs, serveArgs: strings.Fields(o.serveArgs),
		pen: &pen{fleet: newFleet(logs, o.seed, max(20, o.rate))}, servers: []server{newServer(0), newServer(1)},
		rng: rand.New(rand.NewPCG(o.seed, 2)), kills: map[string]int{}, offsets: map[string]int64{},
		waits: o.waits, catchUp: o.catchUp, progress: io.Discard, log: log,
	}
	if o.verbose {
		t.progress = out
	}
	if err := t.run(ctx, o.kills, o.rate); err != nil {
		return false, fmt.Errorf("%w; everything is in %s", err, dir)
	}
	ok = t.report(ctx, out)
	switch {
	case !ok:
		fmt.Fprintf(out, "torture: seed %d; logs, store and serve.log are in %s\n", o.seed, dir)
	case temporary:
		err = os.RemoveAll(dir)
	}
	return ok, err
}

// workDir is a directory of our own: what is in another may be somebody's.
func workDir(dir string) (path string, temporary bool, err error) {
	if dir == "" {
		dir, err = os.MkdirTemp("", "torture-")
		return dir, true, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", false, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", false, err
	}
	switch entries, err := os.ReadDir(dir); {
	case err != nil:
		return "", false, err
	case len(entries) > 0:
		return "", false, fmt.Errorf("%s is not empty: name a new directory", dir)
	}
	return dir, false, nil
}

// run kills n daemons, then lets one read the rest, then another one look at what is already read.
func (t *torture) run(ctx context.Context, n, rate int) error {
	writing, stop := context.WithCancel(ctx)
	defer stop()
	wrote := make(chan error, 1)
	go func() { wrote <- t.pen.run(writing, rate) }()
	err := t.killAll(ctx, n, wrote)
	if err == nil {
		err = t.last(ctx, func() error {
			stop()
			return errors.Join(<-wrote, t.pen.fleet.finish())
		})
	}
	if err == nil {
		fmt.Fprintf(t.progress, "once more: a daemon that has nothing to read must change nothing\n")
		err = t.last(ctx, func() error { return nil })
	}
	return errors.Join(err, ctx.Err())
}

// mostAlone is how many daemons may end by themselves before the rest is not worth waiting for.
const mostAlone = 3

func (t *torture) killAll(ctx context.Context, n int, wrote <-chan error) error {
	for killed, alone := 0, 0; killed < n && alone < mostAlone; {
		d, err := start(t.program, t.logs, t.serveArgs, t.log)
		if err != nil {
			return err
		}
		m := draw(t.rng, killed < n/20)
		m.wait(ctx, t, d)
		switch gone := d.kill(); {
		case !gone:
			killed++
			t.kills[m.name]++
		case m.name == "while stopping" && (d.err == nil || d.cmd.ProcessState.ExitCode() < 0):
			// It was faster than the kill, or SIGTERM met it before it had learned to listen. Neither is a fault.
		case m.name == "while stopping":
			t.found.add("a daemon that was told to stop: want exit 0, got %v", d.err)
		default:
			alone++
			t.found.add("life %d: the daemon ended by itself: %v; serve.log says why", killed+1, d.err)
		}
		select {
		case err := <-wrote:
			return errors.Join(errors.New("the writer ended too early"), err)
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		fmt.Fprintf(t.progress, "kill %d %s\n", killed, m.name)
		t.between(ctx, killed)
	}
	return nil
}

// between is what happens while nobody reads: the logs grow, and sometimes somebody looks at the store.
func (t *torture) between(ctx context.Context, killed int) {
	switch n := t.rng.IntN(20); {
	case n == 0:
		pause(ctx, time.Duration(t.rng.IntN(2000))*time.Millisecond, nil) // several files come and go
	case n < 10:
		pause(ctx, time.Duration(t.rng.IntN(100))*time.Millisecond, nil)
	}
	if t.rng.IntN(8) == 0 {
		t.autopsy(ctx, fmt.Sprintf("after kill %d", killed))
	}
}

// autopsy looks at a store whose daemon was just killed: nothing that was committed may be gone, nothing may be there
// twice, and the store must be whole.
func (t *torture) autopsy(ctx context.Context, when string) {
	l, err := t.program.sources(ctx)
	if err != nil {
		if t.answered && ctx.Err() == nil {
			t.found.add("%s: %v", when, err)
		}
		return
	}
	t.answered = true
	u, err := t.program.usage(ctx)
	err = errors.Join(err, t.program.check(ctx))
	if err != nil && ctx.Err() == nil {
		t.found.add("%s: %v", when, err)
	}
	t.pen.look(func(written *tally) { compareBounds(&t.found, when, written, l, &u, t.servers) })
	now, named := map[string]int64{}, map[string]int64{}
	for _, s := range l.Sources {
		now[s.Path] = s.Offset
		whole := s.Lines.Total
		if s.Offset < s.Size {
			whole-- // the last line has no end yet
		}
		if whole > s.Lines.Directive { // headers alone do not name a log: it is met anew when there is more
			named[s.Path] = s.Offset
		}
	}
	for _, path := range sorted(t.offsets, strings.Compare) {
		if was := t.offsets[path]; now[path] < was {
			t.found.add("%s: ledger: %s was read to %d before, and now to %d: a commit was lost", when, path, was, now[path])
		}
	}
	t.offsets = named
}

// written is how many bytes the fleet has written, those in memory included.
func (t *torture) written() (n int64) {
	t.pen.look(func(w *tally) { n = w.size() })
	return n
}

// read is how many bytes the ledger says were read. It must answer while a daemon runs.
func (t *torture) read(ctx context.Context) (n int64, ok bool) {
	l, err := t.program.sources(ctx)
	switch {
	case err == nil:
		t.answered = true
	case t.answered && ctx.Err() == nil:
		t.found.add("while a daemon runs: %v", err)
	}
	for _, s := range l.Sources {
		n += s.Offset
	}
	return n, err == nil
}

// last starts a daemon, has the writer finish beside it, waits until everything is read and stops it with care.
func (t *torture) last(ctx context.Context, finish func() error) error {
	before := mark(t.program.data)
	d, err := start(t.program, t.logs, t.serveArgs, t.log)
	if err != nil {
		return err
	}
	if err := finish(); err != nil {
		d.kill()
		return fmt.Errorf("writing: %w", err)
	}
	var open []string
	begun := time.Now()
	until(ctx, 250*time.Millisecond, t.catchUp, d.ended, func() bool {
		l, err := t.program.sources(ctx)
		if err != nil {
			open = []string{err.Error()}
			return false
		}
		t.pen.look(func(w *tally) { open = pending(w, l) })
		fmt.Fprintf(t.progress, "catching up: %d files to read\n", len(open))
		return len(open) == 0
	})
	if len(open) > 0 && ctx.Err() == nil {
		t.found.add("after %s, %d files were not read to their ends: %s", time.Since(begun).Round(time.Millisecond), len(open),
			strings.Join(open[:min(3, len(open))], ", "))
	}
	// Before it touches the store it may not listen to signals yet; and idleness must do no harm either.
	until(ctx, 10*time.Millisecond, t.waits, d.ended, func() bool { return mark(t.program.data) != before })
	pause(ctx, t.waits/5, d.ended)
	select {
	case <-d.ended:
		t.found.add("the last daemon ended by itself: %v; serve.log says why", d.err)
	default:
		if err := d.stop(); err != nil {
			t.found.add("%v", err)
		}
	}
	return nil
}

// report compares the two accounts, prints the table and the verdict.
func (t *torture) report(ctx context.Context, out io.Writer) bool {
	l, errLedger := t.program.sources(ctx)
	u, errUsage := t.program.usage(ctx)
	for _, err := range []error{errLedger, errUsage, t.program.check(ctx)} {
		if err != nil {
			t.found.add("in the end: %v", err)
		}
	}
	w := t.pen.fleet.tally
	if err := onDisk(w); err != nil {
		t.found.add("the experiment itself: %v", err)
	}
	if errLedger == nil {
		compareLedger(&t.found, w, l)
	}
	if errUsage == nil {
		compareUsage(&t.found, w, &u, t.servers)
	}
	t.table(out, w, l, &u)
	kills := 0
	for _, n := range t.kills {
		kills += n
	}
	head := fmt.Sprintf("torture: %d kills, %d lines, %d files", kills, w.lines().Total, len(w.files))
	if len(t.found.all) == 0 {
		fmt.Fprintf(out, "%s: nothing lost, nothing twice\n", head)
		return true
	}
	fmt.Fprintf(out, "%s: %d differences\n%s", head, len(t.found.all), t.found.String())
	return false
}

// onDisk asks that the files are what the writer thinks they are: else it is the experiment that is wrong.
func onDisk(w *tally) error {
	for _, f := range w.files {
		info, err := os.Stat(filepath.FromSlash(f.path))
		if err != nil {
			return err
		}
		if info.Size() != f.size {
			return fmt.Errorf("%s has %d bytes, %d were written", f.path, info.Size(), f.size)
		}
	}
	return nil
}

// table shows both accounts side by side.
func (t *torture) table(out io.Writer, w *tally, l ledger, u *usage) {
	type row struct{ files, lines, read, signIns, signInsRead, count, counted int64 }
	rows := map[string]*row{}
	at := func(dataset string) *row {
		if rows[dataset] == nil {
			rows[dataset] = &row{}
		}
		return rows[dataset]
	}
	datasets := map[string]string{}
	for _, f := range w.files {
		r := at(f.dataset)
		r.files++
		r.lines += f.lines.Total
		r.signIns += f.lines.SignIn
		datasets[f.path] = f.dataset
	}
	for _, s := range l.Sources {
		if d, ok := datasets[s.Path]; ok {
			at(d).read += s.Lines.Total
			at(d).signInsRead += s.Lines.SignIn
		}
	}
	for k, n := range w.strong {
		at(k.dataset).count += n
	}
	for k, n := range sumUsage(u.Usage, t.servers) {
		if _, ok := w.strong[k]; ok {
			at(k.dataset).counted += n
		}
	}
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "dataset\tfiles\tlines\tread\tsign-ins\tread\tto count\tcounted\t")
	for _, d := range sorted(rows, strings.Compare) {
		r := rows[d]
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", d, r.files, r.lines, r.read, r.signIns, r.signInsRead, r.count, r.counted)
	}
	tw.Flush()
	var kinds []string
	for _, name := range momentNames() {
		if n := t.kills[name]; n > 0 {
			kinds = append(kinds, fmt.Sprintf("%d %s", n, name))
		}
	}
	fmt.Fprintf(out, "killed: %s\n", strings.Join(kinds, ", "))
}
