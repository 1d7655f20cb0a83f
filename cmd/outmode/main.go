// Command outmode finds out who still signs in to Microsoft Exchange with legacy authentication, from
// the logs that IIS and Exchange already write.
//
// It reads and reports. It changes nothing anywhere, and opens no connection.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes are part of the interface: scripts and CI read them. Where several hold, usage goes
// before error, error before findings, findings before incomplete.
const (
	exitDone       = 0
	exitError      = 1
	exitUsage      = 2
	exitIncomplete = 3 // done, but a log could not be read to its end
	exitFindings   = 4 // findings at or above --fail-on
)

func main() {
	// The working set is small and the garbage of a scan is bursty: collect early, and earlier still
	// before memory becomes what limits the machine.
	debug.SetGCPercent(25)
	if code, is := runAsService(os.Args[1:]); is {
		os.Exit(code)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := runFor(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}, &host{notify: dialNotify(os.Getenv)})
	stop()
	os.Exit(code)
}

// streams are what a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// An exit is an outcome that has a code of its own and, perhaps, nothing more to say.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// usagef is a mistake on the command line: what is wrong, and what to do.
func usagef(format string, args ...any) error { return &exit{exitUsage, fmt.Errorf(format, args...)} }

// run is the whole program: tests call it, and nothing below it exits.
func run(ctx context.Context, args []string, io streams) int { return runFor(ctx, args, io, nil) }

// runFor runs it for whatever started it.
func runFor(ctx context.Context, args []string, io streams, h *host) int {
	root := newRoot(io, h)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	var e *exit
	if !errors.As(err, &e) {
		e = &exit{exitError, err}
	}
	if e.err != nil {
		fmt.Fprintf(io.err, "outmode: %s\n", plain(e.err.Error()))
	}
	return e.code
}

func newRoot(io streams, h *host) *cobra.Command {
	g := &globals{streams: io, host: h}
	root := &cobra.Command{
		Use:   "outmode",
		Short: "Who still signs in to Exchange with legacy authentication, from the logs that are already there",
		Long: `Outmode reads the logs that IIS and Exchange already write, says for every account which protocol it
signed in with and how it proved who it was, and names the sign-ins with legacy authentication.

It reads and reports. It changes nothing and opens no connection.`,
		Version:       version(),
		Example:       "  outmode scan /logs\n  outmode explain u_ex261006.log\n  outmode rules list",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("outmode {{.Version}}\n")
	root.SetIn(io.in)
	root.SetOut(io.out)
	root.SetErr(io.err)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		said, _, _ := strings.Cut(err.Error(), ": strconv.") // of a number that is none
		return usagef("%s; %q lists the flags", said, c.CommandPath()+" --help")
	})
	g.flags(root)
	root.AddCommand(newScan(g), newServe(g), newUsage(g), newUsers(g), newMFA(g), newSources(g), newFindings(g), newExceptions(g), newStore(g), newExplain(g), newRules(g), newConfig(g), newService(g), newVersion(g))
	root.RunE = func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usagef("there is no command %q; \"outmode --help\" lists them", args[0])
		}
		return c.Help()
	}
	root.PersistentPostRunE = func(*cobra.Command, []string) error {
		if g.undisturbed == nil {
			return nil
		}
		return g.undisturbed()
	}
	root.Args = cobra.ArbitraryArgs
	return root
}

// globals are the flags that every command has.
type globals struct {
	streams
	host    *host
	network func(path string) (kind string, is bool, err error) // of a file system; nil: tail.Network
	config  string                                              // the file of -c; "" for none
	output  string
	noColor bool
	quiet   bool
	verbose bool

	undisturbed func() error // why what was shown of the store may be wrong; nil where it cannot be
}

func (g *globals) flags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVarP(&g.config, "config", "c", "", "configuration file of the daemon (default "+defaultConfigFile()+")")
	f.StringVarP(&g.output, "output", "o", "table", "table, json, ndjson or csv")
	f.BoolVar(&g.noColor, "no-color", false, "no colours (also: environment variable NO_COLOR)")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "no progress and no notes on standard error")
	f.BoolVarP(&g.verbose, "verbose", "v", false, "more detail: every file, every reason")
}

// format checks -o against what the command can write.
func (g *globals) format(can ...string) error {
	for _, f := range can {
		if f == g.output {
			return nil
		}
	}
	return usagef("-o %s: this command writes %s", g.output, join(can, ", ", " or "))
}
