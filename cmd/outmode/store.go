package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/store/sqlite"
	"github.com/outmode/outmode/rules"
)

// openStore opens the store that --data names, or the configuration.
func (g *globals) openStore(ctx context.Context, flag string, opt sqlite.Options) (*sqlite.Store, error) {
	dir, err := g.dataDir(flag)
	if err != nil {
		return nil, err
	}
	if s, err := sqlite.Open(ctx, dir, opt); !errors.Is(err, sqlite.ErrNoStore) || !holdsFiles(dir) {
		return s, err
	}
	return nil, fmt.Errorf("%w in %s, which holds other files. If they are logs, read them into a store in a folder of its own: \"outmode scan --data outmode-data %s\", then --data outmode-data", sqlite.ErrNoStore, dir, quoted(dir))
}

// holdsFiles reports whether a folder has something in it that is no store.
func holdsFiles(dir string) bool {
	all, err := os.ReadDir(dir)
	return err == nil && len(all) > 0 && !exists(filepath.Join(dir, "outmode.db"))
}

// readStore opens it for a command that only reads: who may not write the store can use these, too.
func (g *globals) readStore(ctx context.Context, flag string, opt sqlite.Options) (s *sqlite.Store, err error) {
	opt.Reading = true
	if s, err = g.openStore(ctx, flag, opt); err == nil {
		g.undisturbed = s.Undisturbed
	}
	return s, err
}

// checkStore opens the store of a directory, if there is one, finds out whether it can be written, and closes it again.
func checkStore(dir string) error {
	s, err := sqlite.Open(context.Background(), dir, sqlite.Options{})
	if errors.Is(err, sqlite.ErrNoStore) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(s.Writable(context.Background()), s.Close())
}

// dataDir is the directory of the store: that of --data, else that of the configuration, if one is named or there.
func (g *globals) dataDir(flag string) (string, error) {
	if flag != "" {
		return flag, nil
	}
	file := g.config
	if file == "" {
		if file = defaultConfigFile(); !exists(file) {
			return "", usagef("--data DIR is missing: the directory of the store that \"outmode serve\" or \"outmode scan --data\" fills")
		}
	}
	c, err := soundConfig(file)
	return c.Data, err
}

func soundConfig(file string) (config, error) {
	c, problems := readConfig(file)
	if len(problems) > 0 {
		return c, fmt.Errorf("%s; \"outmode config check\" lists every mistake", problems[0])
	}
	return c, nil
}

// loadWith compiles the rules that the flags name or, if they name none, those of the configuration by which serve
// fills the store.
func (f *ruleFlags) loadWith(g *globals, data string) (*rules.Set, error) {
	if file := g.configBehind(data); file != "" && len(f.dirs) == 0 && !f.noBuiltin {
		c, err := soundConfig(file)
		if err != nil {
			return nil, err
		}
		*f = c.ruleFlags()
	}
	return f.load(g)
}

// configBehind is the configuration by which a store is filled: the one that is named or, without --data, the one in its
// usual place; "" for none.
func (g *globals) configBehind(data string) string {
	if g.config == "" && data == "" && exists(defaultConfigFile()) {
		return defaultConfigFile()
	}
	return g.config
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// collectForStore tunes the garbage collection of a process that fills a store: rows live long here, see main, but for a
// flood of names, whose rows are many. GOMEMLIMIT overrides the limit.
func collectForStore() {
	debug.SetGCPercent(100)
	const most = 320 << 20
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(most)
	}
}

// scanInto reads the logs into a store and reports what the store then holds for the period.
func (f *scanFlags) scanInto(ctx context.Context, args []string, inputs []tail.Input, problems []tail.Problem, opt ingest.Options, set *rules.Set) (*report, error) {
	with, err := f.joins(opt.Org.Internal)
	if err != nil {
		return nil, err
	}
	store, err := f.openStore(ctx, f.data, sqlite.Options{Rules: set, Create: true})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	if err := store.LockIngest(); err != nil {
		return nil, err
	}
	collectForStore()
	opt.Since, opt.Until = 0, 0 // the store keeps all; the report is of the period
	p, err := fillOnce(ctx, store, inputs, problems, opt)
	if err != nil {
		return nil, err
	}
	broken, err := joinInto(ctx, store, set, with)
	if err != nil {
		return nil, err
	}
	if err := p.Review(ctx, store); err != nil {
		return nil, err
	}
	rep, err := f.reportOf(ctx, store, problems, set, args)
	if err == nil {
		rep.addBroken(broken)
	}
	return rep, err
}

// reportOf reports what a store holds for the period.
func (f *scanFlags) reportOf(ctx context.Context, store *sqlite.Store, problems []tail.Problem, set *rules.Set, paths []string) (*report, error) {
	res, err := store.Result(ctx, sqlite.Period{From: f.from, To: f.to})
	if err != nil {
		return nil, err
	}
	cite, err := store.Cite(ctx, res)
	if err != nil {
		return nil, err
	}
	kept, err := store.Findings(ctx, sqlite.FindingFilter{})
	if err != nil {
		return nil, err
	}
	rep := newReport(res, problems, set, f, paths)
	in, err := newcomersIn(ctx, store, kept, set, sqlite.Period{From: f.from, To: f.to})
	if err != nil {
		return nil, err
	}
	rep.addKept(kept, in, set, f.from, f.to)
	rep.citations, rep.store = cite, store.Dir()
	return rep, nil
}

func newUsage(g *globals) *cobra.Command {
	f := &scanFlags{globals: g}
	var by string
	c := &cobra.Command{
		Use:   "usage",
		Short: "What scan prints, from the store and for any period",
		Long: `Usage prints from the store what scan prints from files: who signs in with what, which rules fire, and what became
of every line that was read. It works while "outmode serve" runs. Without --rules and --no-builtin its rules are those
of the configuration, if there is one. Its findings are those of "outmode findings list" and resolved ones; with --since
and --until those of that time, counted in it.

` + groupedHelp,
		Example: `  outmode usage --data /var/lib/outmode --since 7d
  outmode usage --data /var/lib/outmode --since 2026-10-01 --until 2026-10-31 -o json > october.json
  outmode usage --data /var/lib/outmode --since 30d --by day,auth -o csv > chart.csv
  outmode usage --data /var/lib/outmode --since 1d --by hour,server`,
		Args: atMost(0, "the store is named by --data DIR"),
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed("by") {
				return f.runGrouped(c.Context(), by, c.Flags().Changed)
			}
			return f.runUsage(c.Context())
		},
	}
	f.periodFlags(c)
	f.ruleFlags.flags(c)
	c.Flags().StringVar(&f.data, "data", "", "directory of the store")
	c.Flags().IntVar(&f.top, "top", 20, "how many accounts the table shows; 0 for all")
	c.Flags().StringVar(&by, "by", "", "count the sign-ins by these columns instead: hour or day, and any of server, user, protocol, ...")
	f.given = c.Flags().Changed
	return c
}

func (f *scanFlags) runUsage(ctx context.Context) error {
	if err := f.format("table", "json", "csv"); err != nil {
		return err
	}
	if _, err := f.options(); err != nil {
		return err
	}
	set, err := f.ruleFlags.loadWith(f.globals, f.data)
	if err != nil {
		return err
	}
	store, err := f.readStore(ctx, f.data, sqlite.Options{Rules: set})
	if err != nil {
		return err
	}
	defer store.Close()
	rep, err := f.reportOf(ctx, store, nil, set, []string{store.Dir()})
	if err != nil {
		return err
	}
	if f.output == "table" {
		rep.letIn(set)
	}
	return f.write(ctx, rep, nil)
}
