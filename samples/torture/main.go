// Torture proves by experiment that the daemon loses nothing and counts nothing twice.
//
//	go run ./samples/torture -outmode bin/outmode [-kills 200] [-seed S] [-dir DIR] [-v]
//	go run ./samples/torture -outmode bin/outmode -sweep [-calls CALL:ERROR,...] [-seed S] [-dir DIR] [-v]
//	go run ./samples/torture -write-only DIR [-rate N] [-files F] [-for D] [-seed S]
//
// The first kills `outmode serve` again and again while logs are written as IIS and Exchange write them, and compares
// the writer's own account with the ledger and the usage of the store. The second lets every system call of a small
// `outmode scan --data` fail once, by strace. The third only writes, for demonstrations.
//
// Exit codes: 0 as it must be, 1 something differs or went wrong, 2 usage, 3 strace is not installed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

const (
	exitOK = iota
	exitFailed
	exitUsage
	exitNoStrace
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are the flags.
type options struct {
	outmode, dir, writeOnly, calls, serveArgs string
	kills, rate, files, lines                 int
	seed                                      uint64
	span, catchUp, waits                      time.Duration
	sweep, verbose                            bool
}

func (o *options) define(flags *flag.FlagSet) {
	flags.StringVar(&o.outmode, "outmode", "", "the program under test")
	flags.StringVar(&o.dir, "dir", "", "an empty or new directory for logs and store (default: a temporary one, removed if all is well)")
	flags.Uint64Var(&o.seed, "seed", 1, "the same seed writes the same lines and draws the same moments")
	flags.BoolVar(&o.verbose, "v", false, "say what is being done")
	flags.IntVar(&o.kills, "kills", 200, "how many daemons to kill")
	flags.IntVar(&o.rate, "rate", 2000, "lines written a second; an hour of the logs has as many")
	flags.DurationVar(&o.catchUp, "catch-up", 3*time.Minute, "how long the last daemon may take to read the rest")
	flags.DurationVar(&o.waits, "wait", 5*time.Second, "how long the moment of a kill is waited for")
	flags.StringVar(&o.serveArgs, "serve-args", "", "more arguments for `outmode serve`, separated by blanks")
	flags.BoolVar(&o.sweep, "sweep", false, "let every system call of a scan fail once")
	flags.StringVar(&o.calls, "calls", defaultCalls, "what fails in a sweep, and how")
	flags.IntVar(&o.lines, "lines", 1000, "lines of the logs of a sweep")
	flags.StringVar(&o.writeOnly, "write-only", "", "only append lines to files below this `directory`, with the present time in them")
	flags.IntVar(&o.files, "files", 10, "files of -write-only")
	flags.DurationVar(&o.span, "for", 10*time.Second, "how long -write-only writes")
}

func run(ctx context.Context, args []string, out, messages io.Writer) int {
	flags := flag.NewFlagSet("torture", flag.ContinueOnError)
	flags.SetOutput(messages)
	var o options
	o.define(flags)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitOK
		}
		return exitUsage
	}
	if err := o.complete(flags.NArg()); err != nil {
		fmt.Fprintln(messages, "torture:", err)
		return exitUsage
	}
	ok, err := o.run(ctx, out)
	switch {
	case errors.Is(err, exec.ErrNotFound):
		fmt.Fprintln(messages, "torture: strace is not installed: apt-get install strace (Debian, Ubuntu), dnf install strace (Fedora)")
		return exitNoStrace
	case err != nil:
		fmt.Fprintln(messages, "torture:", err)
		return exitFailed
	case !ok:
		return exitFailed
	}
	return exitOK
}

func (o *options) run(ctx context.Context, out io.Writer) (ok bool, err error) {
	switch {
	case o.writeOnly != "":
		err := writeOnly(ctx, out, o)
		return err == nil, err
	case o.sweep:
		return runSweep(ctx, out, o)
	}
	return runKills(ctx, out, o)
}

// complete checks the flags against each other.
func (o *options) complete(more int) error {
	switch {
	case more > 0:
		return errors.New("arguments behind the flags: want none")
	case o.rate <= 0 || o.files <= 0 || o.kills < 0 || o.lines <= 0:
		return errors.New("-rate, -files and -lines must be positive, -kills not negative")
	case o.writeOnly != "":
		return nil
	case o.outmode == "":
		return errors.New("which program: give -outmode, or -write-only DIR")
	}
	path, err := filepath.Abs(o.outmode)
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("-outmode: %w", err)
	}
	o.outmode = path
	return nil
}
