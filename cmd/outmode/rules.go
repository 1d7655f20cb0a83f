package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

func newRules(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:     "rules",
		Short:   "List, show, check and test the rules",
		Example: "  outmode rules list\n  outmode rules show OM-1032\n  outmode rules check ./my-rules\n  outmode rules test",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			hint := fmt.Sprintf("%q lists them", c.CommandPath()+" --help")
			if near := c.SuggestionsFor(args[0]); len(near) > 0 {
				hint = fmt.Sprintf("did you mean %s?", strings.Join(near, " or "))
			}
			return usagef("rules has no command %q; %s", args[0], hint)
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.SuggestionsMinimumDistance = 2
	c.AddCommand(newRulesList(g), newRulesShow(g), newRulesCheck(g), newRulesTest(g), newRulesDiff(g))
	return c
}

// atMost is the mistake of giving a command more arguments than it takes.
func atMost(n int, hint string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) <= n {
			return nil
		}
		takes := "no argument"
		if n == 1 {
			takes = "one argument"
		}
		return usagef("%s takes %s; %q is too many: %s", strings.TrimPrefix(c.CommandPath(), "outmode "), takes, args[n], hint)
	}
}

func newRulesList(g *globals) *cobra.Command {
	var f ruleFlags
	c := &cobra.Command{
		Use:     "list",
		Short:   "The rules that scan applies",
		Long:    "List prints the rules that scan applies.\n\n-o json: one object, rules: " + ruleKeys + ".",
		Example: "  outmode rules list\n  outmode rules list --rules ./my-rules -o json",
		Args:    atMost(0, "--rules adds a folder of rules, \"outmode rules show ID\" shows one rule"),
		RunE: func(*cobra.Command, []string) error {
			if err := g.format("table", "json"); err != nil {
				return err
			}
			set, err := f.load(g)
			if err != nil {
				return err
			}
			return listRules(g, set)
		},
	}
	f.flags(c)
	return c
}

func listRules(g *globals, set *rules.Set) error {
	out := struct {
		Rules []listed `json:"rules"`
	}{[]listed{}}
	t := newTable("id", "severity", "type", "name")
	for _, r := range set.Rules() {
		out.Rules = append(out.Rules, newListed(&r))
		t.add(r.ID, r.Severity.String(), r.Type.String(), r.Name)
	}
	if g.output == "json" {
		return writeJSON(g.out, out)
	}
	t.write(g.out, g.painter())
	_, err := fmt.Fprintf(g.out, "\n%s. outmode rules show ID tells all of one\n", plural(len(out.Rules), "rule"))
	return err
}

// list is never null in JSON.
func list(s []string) []string { return append([]string{}, s...) }

func newRulesCheck(g *globals) *cobra.Command {
	var builtin bool
	c := &cobra.Command{
		Use:   "check [PATH...]",
		Short: "Name every mistake in rule files, with its place",
		Long: `Check reads rule files (or folders of *.yaml) and names every mistake of every file at once, as
file:line:column: message. Without PATH it checks the built-in rules. Exit code 1 if there is a mistake,
or a PATH holds no rule.
-o json: one object, problems: file line column message.`,
		Example: "  outmode rules check ./my-rules\n  outmode rules check ./my-rules -o json",
		RunE: func(_ *cobra.Command, args []string) error {
			if err := g.format("table", "json"); err != nil {
				return err
			}
			return checkRules(g, args, builtin || len(args) == 0)
		},
	}
	c.Flags().BoolVar(&builtin, "with-builtin", false, "together with the built-in rules, whose ids they must not repeat")
	return c
}

func checkRules(g *globals, paths []string, builtin bool) error {
	var files []rules.File
	if builtin {
		files = rules.Builtin()
	}
	var bad []rules.Problem // paths that give no rules; they are no mistakes in rules
	given := map[string][]rules.File{}
	for _, path := range paths {
		more, unread := rules.ReadDir(path)
		files, bad, given[path] = append(files, more...), append(bad, unread...), more
	}
	set, mistakes := rules.Load(files)
	if set != nil {
		bad = append(bad, withoutRules(set, paths, given)...)
	}
	if g.output == "json" {
		if err := writeJSON(g.out, struct {
			Problems []rules.Problem `json:"problems"`
		}{append(append([]rules.Problem{}, bad...), mistakes...)}); err != nil {
			return err
		}
	} else {
		for _, p := range mistakes {
			fmt.Fprintln(g.out, plain(p.String()))
		}
	}
	var said []string
	for _, p := range bad {
		said = append(said, p.String())
	}
	if len(mistakes) > 0 {
		said = append(said, plural(len(mistakes), "mistake")+" in the rules")
	}
	if n := len(said); n > 0 {
		for _, s := range said[:n-1] {
			fmt.Fprintf(g.err, "outmode: %s\n", plain(s))
		}
		return &exit{exitError, errors.New(said[n-1])}
	}
	if g.output == "table" {
		fmt.Fprintf(g.out, "%s, no mistake\n", plural(set.Len(), "rule"))
	}
	return nil
}

// withoutRules names the paths that hold no rule, of which somebody thinks that they do. One that holds
// lists alone is of use beside others.
func withoutRules(set *rules.Set, paths []string, given map[string][]rules.File) (bad []rules.Problem) {
	some := false
	var idle []rules.Problem
	for _, path := range paths {
		ruled, lists := 0, 0
		for _, f := range given[path] {
			r, l := set.In(f.Name)
			ruled, lists = ruled+r, lists+l
		}
		p := rules.Problem{File: path, Message: "holds no rule"}
		switch {
		case ruled > 0:
			some = true
		case lists > 0:
			idle = append(idle, p)
		case len(given[path]) > 0: // else it is said already
			bad = append(bad, p)
		}
	}
	if !some {
		bad = append(bad, idle...)
	}
	return bad
}

// tested is what rules test -o json prints of a test.
type tested struct {
	Rule   string `json:"rule"`
	Test   string `json:"test"`
	File   string `json:"file"`
	Line   int    `json:"line"`
	Passed bool   `json:"passed"`
	Why    string `json:"why,omitempty"`
}

func newRulesTest(g *globals) *cobra.Command {
	var f ruleFlags
	c := &cobra.Command{
		Use:   "test [FILTER]",
		Short: "Run the tests that stand in the rules, from raw log lines",
		Long: `Test runs the raw log lines of every rule's tests through the real decoders and the real pipeline, and
compares the findings. FILTER takes rules whose id or name holds it. Exit code 1 if a test fails, or there is
no such rule.
-o json: one object, tests: rule test file line passed why; untested: rules without a positive and a negative test.`,
		Example: "  outmode rules test\n  outmode rules test OM-1001\n  outmode rules test --rules ./my-rules --no-builtin",
		Args:    atMost(1, "put a FILTER of several words in quotes"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := g.format("table", "json"); err != nil {
				return err
			}
			set, err := f.load(g)
			if err != nil {
				return err
			}
			return testRules(c.Context(), g, set, strings.Join(args, ""))
		},
	}
	f.flags(c)
	return c
}

func testRules(ctx context.Context, g *globals, set *rules.Set, filter string) error {
	chosen := map[string]bool{}
	for _, r := range set.Select(filter) {
		chosen[r.ID] = true
	}
	results := set.Test(func(set *rules.Set, logs []rules.TestLog, joined bool) (rules.Observed, error) {
		return replay(ctx, set, logs, joined)
	}, filter)
	out := struct {
		Tests    []tested `json:"tests"`
		Untested []string `json:"untested"`
	}{[]tested{}, []string{}}
	failed := 0
	for _, r := range results {
		out.Tests = append(out.Tests, tested(r))
		if !r.Passed {
			failed++
		}
	}
	for _, u := range set.Untested() {
		if chosen[u.Rule] {
			out.Untested = append(out.Untested, u.Rule)
		}
	}
	if g.output == "json" {
		if err := writeJSON(g.out, out); err != nil {
			return err
		}
	} else if len(chosen) > 0 {
		printTests(g, out.Tests, out.Untested, failed)
	}
	switch {
	case set.Len() == 0:
		return &exit{exitError, errors.New("there is no rule to test: --no-builtin leaves out those of the program, --rules adds others")}
	case len(chosen) == 0:
		return &exit{exitError, fmt.Errorf("no rule has %q in its id or name; \"outmode rules list\" lists them", filter)}
	case failed > 0:
		return &exit{exitError, errors.New("some rule tests failed")}
	}
	return nil
}

func printTests(g *globals, tests []tested, untested []string, failed int) {
	for _, t := range tests {
		if !t.Passed {
			fmt.Fprintf(g.out, "%s:%d: %s: %q: %s\n", plain(t.File), t.Line, t.Rule, plain(t.Test), plain(t.Why))
		} else if g.verbose {
			fmt.Fprintf(g.out, "ok  %s  %s\n", t.Rule, plain(t.Test))
		}
	}
	fmt.Fprintf(g.out, "%d passed, %d failed\n", len(tests)-failed, failed)
	if len(untested) > 0 {
		fmt.Fprintf(g.out, "without a positive and a negative test: %s\n", strings.Join(untested, " "))
	}
}

// replay reads the lines of a rule's test as scan would read them from files.
func replay(ctx context.Context, set *rules.Set, logs []rules.TestLog, joined bool) (rules.Observed, error) {
	dir, err := os.MkdirTemp("", "outmode-rules-")
	if err != nil {
		return rules.Observed{}, fmt.Errorf("making a folder for the lines of a test: %w", err)
	}
	defer os.RemoveAll(dir)
	named := map[string]ingest.Format{}
	for i, l := range logs {
		header := headerOf(l)
		if header != "" {
			if named[header], err = exchange.ByName(l.Kind, l.Fields); err != nil {
				return rules.Observed{}, fmt.Errorf("the test's fields: %w", err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.log", i)), append([]byte(header), terminated(l.Lines)...), 0o600); err != nil {
			return rules.Observed{}, fmt.Errorf("writing the lines of a test: %w", err)
		}
	}
	others := recognizer(mfa.Options{})
	recognize := func(head []byte) ingest.Format {
		for header, format := range named {
			if bytes.HasPrefix(head, []byte(header)) {
				return format
			}
		}
		return others(head)
	}
	inputs, _ := tail.Find([]string{dir}, tail.FindOptions{})
	opt := ingest.Options{Recognize: recognize, Workers: 1, Org: signin.Organisation{Internal: signin.DefaultInternal()}}
	judgeBy(&opt, set)
	res, err := ingest.Scan(ctx, inputs, opt)
	if err != nil {
		return rules.Observed{}, err
	}
	for _, l := range res.Logs {
		switch {
		case l.Why != "":
			return rules.Observed{}, fmt.Errorf("the lines are not counted: %s", l.Why)
		case l.Lines.Malformed > 0:
			return rules.Observed{}, fmt.Errorf("%d malformed: %s", l.Lines.Malformed, l.Causes[0].Reason)
		}
	}
	if joined {
		if _, err := joinScan(ctx, inputs, opt, set, joining{Setup: audit.Setup{Inside: opt.Org.Internal}}, res, false); err != nil {
			return rules.Observed{}, err
		}
	}
	return observed(res), nil
}

func observed(res *ingest.Result) rules.Observed {
	return rules.Observed{Usage: res.Usage, Minutes: res.Minutes, Covered: res.Covered}
}

func terminated(lines []byte) []byte {
	if len(lines) > 0 && lines[len(lines)-1] != '\n' {
		lines = append(lines[:len(lines):len(lines)], '\n')
	}
	return lines
}

// headerOf is what must stand before lines of which the test says the kind and that come without a header.
func headerOf(l rules.TestLog) string {
	if l.Kind == signin.UnknownKind {
		return ""
	}
	fields := l.Fields
	if fields == "" {
		if text := strings.ToLower(string(l.Lines)); strings.HasPrefix(text, "#") || strings.HasPrefix(text, "datetime,") {
			return ""
		}
		fields = exchange.DefaultFields(l.Kind)
	}
	if l.Kind == signin.IIS {
		fields = strings.ReplaceAll(fields, ",", " ")
	}
	// The first line says the kind to whoever reads the file, and keeps headers of two kinds apart.
	return "#Log-type: " + l.Kind.String() + "\n#Fields: " + fields + "\n"
}
