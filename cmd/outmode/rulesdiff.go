package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/outmode/outmode/internal/store/sqlite"
	"github.com/outmode/outmode/rules"
)

// rulesDiffFlags are what rules diff can be told.
type rulesDiffFlags struct {
	*globals
	since, until string
	data         string
	top          int
}

func newRulesDiff(g *globals) *cobra.Command {
	f := &rulesDiffFlags{globals: g}
	c := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Which findings a changed rule set would open, keep and lose over what is stored",
		Long: `Diff judges the sign-ins of the store by two rule sets and compares the findings, before you use the new one. It
changes nothing, and works while "outmode serve" runs. OLD, with which the store was filled, and NEW are each a folder
of rule files, one file, the word builtin, or builtin+PATH for both together; alone, a PATH has no built-in rules.

A rule of type match or first_seen that reads and groups by fields of a row alone (docs/rules.md says which are) is
judged again, exactly. Of any other rule only what was found is stored: if both sets define it alike its findings stay,
or go with the rule; else it cannot be replayed, and "outmode scan --rules NEW LOGS" tells what it finds. Of a
first_seen rule, what lies before --since counts as not read.

Exit codes: 0 done, whatever the difference is, 1 error, 2 usage.

-o json: one object: opened, kept and lost (findings: id rule name severity tags subject protocol state count first last
exception; kept ones have count_before besides), not_replayable (rule field reason findings: how many it has now),
changed (rule field old new), added and removed (ids of rules), broken_rules (rule count error), notes.`,
		Example: `  outmode rules diff builtin builtin+./my-rules --data /var/lib/outmode
  outmode rules diff ./rules-of-last-week ./my-rules --since 30d
  outmode rules diff builtin+./my-rules builtin+./new-rules -o json > difference.json`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) < 2:
				return usagef("rules diff needs OLD and NEW: each a folder of rules, one file, builtin, or builtin+PATH")
			case len(args) > 2:
				return usagef("rules diff takes two arguments; %q is too many: builtin+PATH adds rules to the built-in ones", args[2])
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return f.run(c.Context(), args[0], args[1]) },
	}
	fl := c.Flags()
	fl.StringVar(&f.since, "since", "", "first day to count, in whole UTC days: 2026-10-06, 7d (days before now) or RFC 3339")
	fl.StringVar(&f.until, "until", "", "last day to count, in the same forms")
	fl.IntVar(&f.top, "top", 20, "how many findings of each sort the table shows; 0 for all")
	storeFlag(c, &f.data)
	return c
}

// period checks the flags.
func (f *rulesDiffFlags) period(now time.Time) (p sqlite.Period, err error) {
	if p.From, err = dayFlag("--since", f.since, now); err != nil {
		return p, err
	}
	if p.To, err = dayFlag("--until", f.until, now); err != nil {
		return p, err
	}
	if f.until != "" {
		p.To += 24 * time.Hour.Milliseconds() // the day that is named still counts
	}
	switch {
	case p.To > 0 && p.To <= p.From:
		return p, usagef("--until %s is before --since %s", f.until, f.since)
	case f.top < 0:
		return p, usagef("--top cannot be negative")
	}
	return p, nil
}

func (f *rulesDiffFlags) run(ctx context.Context, old, changed string) error {
	if err := f.format("table", "json"); err != nil {
		return err
	}
	p, err := f.period(time.Now())
	if err != nil {
		return err
	}
	was, is, err := loadBoth(f.globals, old, changed)
	if err != nil {
		return err
	}
	store, err := f.readStore(ctx, f.data, sqlite.Options{Rules: was})
	if err != nil {
		return err
	}
	defer store.Close()
	res, err := store.Result(ctx, p)
	if err != nil {
		return err
	}
	stored, err := store.Findings(ctx, sqlite.FindingFilter{Bare: true})
	if err != nil {
		return err
	}
	d := newRulesDifference(rules.NewReplay(was, is, observed(res)), stored)
	d.signIns, d.dir, d.changed = res.Counted, store.Dir(), changed
	for i := range res.Usage {
		u := &res.Usage[i]
		if d.from == 0 || u.First < d.from {
			d.from = u.First
		}
		d.to = max(d.to, u.Last)
	}
	if res.Counted == 0 {
		d.Notes = append(d.Notes, "no sign-in is stored in this period; \"outmode sources\" shows what was read")
	}
	if f.output == "json" {
		return writeJSON(f.out, d)
	}
	return d.write(f.globals, was, is, f.top)
}

// The word for the built-in rules, and what stands between it and a path.
const (
	builtinRules = "builtin"
	builtinPlus  = builtinRules + "+"
)

// readRules reads what OLD or NEW names, and says what of it gives no rules.
func readRules(arg string) (*rules.Set, []rules.Problem) {
	if arg == builtinRules {
		return rules.Load(rules.Builtin())
	}
	var files []rules.File
	path, both := strings.CutPrefix(arg, builtinPlus)
	if both {
		files = rules.Builtin()
	}
	given, problems := rules.ReadDir(path)
	set, mistakes := rules.Load(append(files, given...))
	if problems = append(problems, mistakes...); len(problems) == 0 {
		problems = withoutRules(set, []string{path}, map[string][]rules.File{path: given})
	}
	return set, problems
}

// loadBoth compiles both sets, or names every mistake of both.
func loadBoth(g *globals, old, changed string) (was, is *rules.Set, err error) {
	var said []string
	load := func(arg string) *rules.Set {
		set, problems := readRules(arg)
		for _, p := range problems {
			if text := plain(p.String()); !slices.Contains(said, text) {
				said = append(said, text)
			}
		}
		return set
	}
	for _, arg := range []string{old, changed} {
		if arg == "" || arg == builtinPlus {
			return nil, nil, usagef("rules diff: %q names no rules: write a folder, a file, builtin, or builtin+PATH", arg)
		}
	}
	if was, is = load(old), load(changed); len(said) == 0 {
		return was, is, nil
	}
	for _, text := range said {
		fmt.Fprintln(g.err, text)
	}
	return nil, nil, &exit{exitError, errors.New("the rules cannot be used; nothing was compared. \"outmode rules check\" checks rules alone")}
}
