package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/outmode/outmode/internal/store/sqlite"
)

func newStore(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:     "store",
		Short:   "Check the store and back it up",
		Long:    `Store keeps the store sound: check proves that it is, backup copies it. Both work while "outmode serve" runs.`,
		Example: "  outmode store check --data /var/lib/outmode\n  outmode store backup --data /var/lib/outmode /backup/outmode.db",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			hint := fmt.Sprintf("%q lists them", c.CommandPath()+" --help")
			if near := c.SuggestionsFor(args[0]); len(near) > 0 {
				hint = fmt.Sprintf("did you mean %s?", strings.Join(near, " or "))
			}
			return usagef("store has no command %q; %s", args[0], hint)
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.SuggestionsMinimumDistance = 2
	c.AddCommand(newStoreCheck(g), newStoreBackup(g))
	return c
}

func newStoreCheck(g *globals) *cobra.Command {
	var data string
	var logs bool
	c := &cobra.Command{
		Use:   "check",
		Short: "Prove that the store is sound, or say what is not",
		Long: `Check reads the whole store and proves that it can be trusted: the file is intact; of every log the ranges that
were read adjoin, and hash to what was committed; every line was counted once; the sums of usage are those of their
days and hours; every sign-in line is counted, told twice or waiting; nothing points nowhere. It changes nothing.

--logs also hashes the logs that are still on disk and compares them with what was read: it finds logs that were
changed afterwards. A log that was rotated away or packed meanwhile is counted as logs_missing.

Exit codes: 0 sound, 1 not (or it could not be checked), 2 usage.

-o json: one object: ok, problems (invariant message) and checked (how many sources, ranges, lines, usage, days, hours,
findings, evidence, and with --logs logs, logs_missing, bytes).`,
		Example: "  outmode store check --data /var/lib/outmode\n  outmode store check --data /var/lib/outmode --logs -o json",
		Args:    atMost(0, "the store is named by --data DIR"),
		RunE:    func(c *cobra.Command, _ []string) error { return g.runStoreCheck(c.Context(), data, logs) },
	}
	c.Flags().StringVar(&data, "data", "", "directory of the store")
	c.Flags().BoolVar(&logs, "logs", false, "hash the logs on disk, too")
	return c
}

// storeChecked is the answer of store check.
type storeChecked struct {
	OK       bool             `json:"ok"`
	Problems []sqlite.Problem `json:"problems"`
	Checked  map[string]int64 `json:"checked"`
}

func (g *globals) runStoreCheck(ctx context.Context, data string, logs bool) error {
	if err := g.format("table", "json"); err != nil {
		return err
	}
	dir, err := g.dataDir(data)
	if err != nil {
		return err
	}
	found, err := g.checkWhole(ctx, dir, logs)
	if err != nil {
		return err
	}
	return found.write(g, dir, logs)
}

// checkWhole checks the store of a directory. That it cannot be opened is a problem of the store, but where there is
// none, or one that this program is too old for.
func (g *globals) checkWhole(ctx context.Context, dir string, logs bool) (*storeChecked, error) {
	store, err := g.readStore(ctx, dir, sqlite.Options{})
	var newer *sqlite.NewerError
	switch {
	case errors.Is(err, sqlite.ErrNoStore), errors.As(err, &newer), ctx.Err() != nil:
		return nil, err
	case err != nil:
		return &storeChecked{Problems: []sqlite.Problem{{Invariant: sqlite.Integrity, Message: err.Error()}}, Checked: map[string]int64{}}, nil
	}
	defer store.Close()
	c, err := store.Check(ctx, sqlite.CheckOptions{Logs: logs})
	if err != nil {
		return nil, err
	}
	return &storeChecked{OK: len(c.Problems) == 0, Problems: append([]sqlite.Problem{}, c.Problems...), Checked: c.Counts}, nil
}

func (c *storeChecked) write(g *globals, dir string, logs bool) error {
	unsound := &exit{exitError, fmt.Errorf("the store in %s is not sound: %s", dir, plural(len(c.Problems), "problem"))}
	if g.output == "json" {
		if err := writeJSON(g.out, c); err != nil || c.OK {
			return err
		}
		return unsound
	}
	out := &strings.Builder{}
	p := g.painter()
	if c.OK {
		fmt.Fprintf(out, "%s\n", p.in(bold, "The store in "+cell(dir)+" is sound"))
	} else {
		fmt.Fprintf(out, "%s\n", p.in(bold, "What does not hold in the store in "+cell(dir)))
		t := newTable("what", "where, and what the numbers are")
		for _, x := range c.Problems {
			t.add(x.Invariant, x.Message)
		}
		t.write(out, p)
	}
	var parts []string
	for _, what := range slices.Sorted(maps.Keys(c.Checked)) {
		parts = append(parts, strings.ReplaceAll(what, "_", " ")+" "+number(c.Checked[what]))
	}
	if len(parts) > 0 {
		fmt.Fprintf(out, "  checked: %s\n", strings.Join(parts, ", "))
	}
	fmt.Fprintf(out, "\n%s\n", p.in(bold, "Next"))
	switch {
	case !c.OK:
		fmt.Fprintf(out, "  Stop \"outmode serve\" and keep a copy of %s. Then put the last good backup in its place, or read the\n  logs into a new directory: outmode serve --data DIR PATH\n", quoted(dir))
	case logs:
		fmt.Fprintf(out, "  outmode store backup --data %s FILE    a copy that is checked, too\n", quoted(dir))
	default:
		fmt.Fprintf(out, "  outmode store check --data %s --logs    holds the logs on disk against the ledger, too\n", quoted(dir))
	}
	if _, err := fmt.Fprint(g.out, out.String()); err != nil || c.OK {
		return err
	}
	return unsound
}

func newStoreBackup(g *globals) *cobra.Command {
	var data string
	c := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the store into one file, while it is used",
		Long: `Backup writes the store, as it stands at one instant, into FILE, which only its owner can read, and checks the copy.
"outmode serve" goes on meanwhile. FILE must not be there yet; it appears when it is complete, and a backup that
fails leaves nothing.

To restore: stop serve, and put the copy in the place of outmode.db in an empty directory of the store.

-o json: one object: file, bytes, seconds.`,
		Example: "  outmode store backup --data /var/lib/outmode /backup/outmode-2026-10-06.db",
		Args:    backupFile,
		RunE:    func(c *cobra.Command, args []string) error { return g.runStoreBackup(c.Context(), data, args[0]) },
	}
	c.Flags().StringVar(&data, "data", "", "directory of the store")
	return c
}

func backupFile(c *cobra.Command, args []string) error {
	if len(args) == 0 || args[0] == "" {
		return usagef("FILE is missing: where to write the copy")
	}
	return atMost(1, "write one FILE")(c, args)
}

func (g *globals) runStoreBackup(ctx context.Context, data, file string) error {
	if err := g.format("table", "json"); err != nil {
		return err
	}
	store, err := g.openStore(ctx, data, sqlite.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	start := time.Now()
	size, err := store.Backup(ctx, file)
	if err != nil {
		return err
	}
	took := time.Since(start)
	if g.output == "json" {
		return writeJSON(g.out, struct {
			File    string  `json:"file"`
			Bytes   int64   `json:"bytes"`
			Seconds float64 `json:"seconds"`
		}{filepath.ToSlash(file), size, took.Seconds()})
	}
	_, err = fmt.Fprintf(g.out, "%s: %s, copied and checked in %s\n", cell(file), plural(size, "byte"), took.Round(time.Millisecond))
	return err
}
