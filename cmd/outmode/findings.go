package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/internal/store/sqlite"
	"github.com/outmode/outmode/rules"
)

func newFindings(g *globals) *cobra.Command {
	return family(&cobra.Command{
		Use:   "findings",
		Short: "List, show and acknowledge what the rules found",
		Long: `A finding says that a rule holds for a subject. It is open until somebody acknowledges it, or until it was not seen
for some time while its logs were read (resolved). A resolved one that is seen again is open again. An exception
covers a finding: it stays in the list, and nobody is alerted.`,
		Example: "  outmode findings list --severity high\n  outmode findings show 4Jx0cQ\n  outmode findings ack 4Jx0cQ --note 'scanner, ticket 4711'",
	}, newFindingsList(g), newFindingsShow(g), newFindingsAck(g))
}

// family makes a command that only has others below it.
func family(c *cobra.Command, members ...*cobra.Command) *cobra.Command {
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		hint := fmt.Sprintf("%q lists them", c.CommandPath()+" --help")
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			hint = fmt.Sprintf("did you mean %s?", strings.Join(near, " or "))
		}
		return usagef("%s has no command %q; %s", c.Name(), args[0], hint)
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	c.SuggestionsMinimumDistance = 2
	c.AddCommand(members...)
	return c
}

// storeFlag is what every command has that reads the store.
func storeFlag(c *cobra.Command, data *string) {
	c.Flags().StringVar(data, "data", "", "directory of the store")
}

// A keptFinding is a finding of the store: what scan says of one, and what became of it.
type keptFinding struct {
	finding
	Opened  string `json:"opened"`  // when it was found first
	Changed string `json:"changed"` // its state
	By      string `json:"by"`      // a person, or outmode
	Note    string `json:"note"`
}

func newKept(f *sqlite.Finding) keptFinding {
	return keptFinding{finding: finding{Finding: f.Finding, Evidence: evidenceOf(f)}, Opened: stamp(f.Opened), Changed: stamp(f.Changed), By: f.Actor, Note: f.Note}
}

func evidenceOf(f *sqlite.Finding) []evidence {
	lines := []evidence{}
	for _, e := range f.Evidence {
		lines = append(lines, evidence{File: e.File, Offset: e.Offset, Length: e.Length, SHA256: e.SHA256, Line: e.Line, SignIn: e.SignIn})
	}
	return lines
}

// stamp is an instant as JSON tells it, "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return rfc3339(t.UnixMilli())
}

// findingKeys are the keys of a finding in JSON, for the help.
const findingKeys = `id rule name severity tags subject protocol state count first last exception evidence
(file offset length sha256 line signin) opened changed by note`

// findingsFlags are what findings list can be told.
type findingsFlags struct {
	*globals
	data     string
	states   []string
	severity string
	rules    []string
	user     string
	since    string
	all      bool
}

func newFindingsList(g *globals) *cobra.Command {
	f := &findingsFlags{globals: g}
	c := &cobra.Command{
		Use:   "list",
		Short: "The findings of the store, most severe first",
		Long: `List prints the findings that are open or acknowledged, most severe first. It works while "outmode serve" runs.
Those of OM-SYS rules are about the data itself: what could not be read, or fell silent. "outmode usage" shows the same
findings, resolved ones too and, with --since and --until, those of that time, counted in it.

-o json: one object, findings: ` + findingKeys + `.
-o ndjson: each on a line.`,
		Example: `  outmode findings list --data /var/lib/outmode
  outmode findings list --severity high --since 7d
  outmode findings list --all --user 'svc-*' -o json`,
		Args: atMost(0, "--rule, --user and --state choose findings, \"outmode findings show ID\" shows one"),
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c.Context()) },
	}
	fl := c.Flags()
	fl.StringSliceVar(&f.states, "state", nil, "open, acknowledged or resolved (default: the first two)")
	fl.StringVar(&f.severity, "severity", "", "this severity or a higher one")
	fl.StringSliceVar(&f.rules, "rule", nil, "id or tag of a rule, how ids begin (OM-20), or a pack (mfa-bypass)")
	fl.StringVar(&f.user, "user", "", "pattern, with * and ?, of an account")
	fl.StringVar(&f.since, "since", "", "seen since that day: 2026-10-06, 7d (days before now) or RFC 3339")
	fl.BoolVar(&f.all, "all", false, "resolved ones too")
	storeFlag(c, &f.data)
	return c
}

// filter checks the flags and makes a filter of them.
func (f *findingsFlags) filter() (sqlite.FindingFilter, error) {
	filter := sqlite.FindingFilter{States: []string{"open", "acknowledged"}, Rules: f.rules, Bare: f.output == "table" || f.output == "csv"}
	states := []string{"open", "acknowledged", "resolved"}
	switch {
	case f.all && len(f.states) > 0:
		return filter, usagef("--all and --state are one too many: --all means every state")
	case f.all:
		filter.States = states
	case len(f.states) > 0:
		filter.States = f.states
	}
	for _, s := range filter.States {
		if !slices.Contains(states, s) {
			return filter, usagef("--state %q is no state; write %s", s, join(states, ", ", " or "))
		}
	}
	var err error
	if filter.Severity, err = severityFlag("--severity", f.severity); err != nil {
		return filter, err
	}
	if f.user != "" {
		user, err := patterns("--user", []string{f.user})
		if err != nil {
			return filter, err
		}
		filter.User = user[0]
	}
	since, err := dayFlag("--since", f.since, time.Now())
	if since != 0 {
		filter.Since = time.UnixMilli(since)
	}
	return filter, err
}

func (f *findingsFlags) run(ctx context.Context) error {
	if err := f.format("table", "json", "ndjson", "csv"); err != nil {
		return err
	}
	filter, err := f.filter()
	if err != nil {
		return err
	}
	store, err := f.readStore(ctx, f.data, sqlite.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	if filter.Rules, err = f.named(ctx, store); err != nil {
		return err
	}
	found, err := store.Findings(ctx, filter)
	if err != nil {
		return err
	}
	switch f.output {
	case "json":
		return writeFindings(f.out, found)
	case "ndjson":
		e := newEncoder(f.out)
		for i := range found {
			if err := e.Encode(newKept(&found[i])); err != nil {
				return err
			}
		}
		return nil
	case "csv":
		return findingsCSV(f.out, found)
	}
	resolved := 0
	if len(f.states) == 0 && !f.all {
		filter.States = []string{"resolved"}
		hidden, err := store.Findings(ctx, filter)
		if err != nil {
			return err
		}
		resolved = len(hidden)
	}
	return f.table(found, resolved)
}

// named makes ids and tags of what --rule names, and says what is none.
func (f *findingsFlags) named(ctx context.Context, store *sqlite.Store) (all []string, err error) {
	if len(f.rules) == 0 {
		return nil, nil
	}
	var known []rules.Rule
	set, err := (&ruleFlags{}).loadWith(f.globals, f.data)
	if err != nil {
		return nil, err
	}
	known = set.Rules()
	kept, err := store.Findings(ctx, sqlite.FindingFilter{Bare: true}) // of rules that are not loaded, too
	if err != nil {
		return nil, err
	}
	for i := range kept {
		known = append(known, rules.Rule{ID: kept[i].Rule, Tags: kept[i].Tags})
	}
	for _, name := range f.rules {
		ids := rulesNamed(known, name)
		if len(ids) == 0 && !strings.HasPrefix(strings.ToUpper(name), ownRules) {
			fmt.Fprintf(f.err, "no rule has the id, the tag or the pack %q, and no id begins so; \"outmode rules list\" lists the rules\n", plain(name))
		}
		all = append(append(all, name), ids...)
	}
	return all, nil
}

// rulesNamed are the ids of the rules that have the id or tag; where there is none, of those whose id begins so or whose
// pack is called so.
func rulesNamed(known []rules.Rule, name string) (ids []string) {
	of := func(fits func(r *rules.Rule) bool) {
		for i := range known {
			if len(name) > 0 && fits(&known[i]) {
				ids = append(ids, known[i].ID)
			}
		}
	}
	name = strings.ToLower(name)
	of(func(r *rules.Rule) bool { return strings.ToLower(r.ID) == name || slices.Contains(r.Tags, name) })
	if len(ids) == 0 {
		of(func(r *rules.Rule) bool {
			pack := strings.ToLower(strings.TrimSuffix(path.Base(filepath.ToSlash(r.File)), path.Ext(r.File)))
			return strings.HasPrefix(strings.ToLower(r.ID), name) || pack == name || packPart.ReplaceAllString(pack, "") == name
		})
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// packPart is how a file of a pack that has several is called behind the pack's name.
var packPart = regexp.MustCompile(`-[0-9]+-.*$`)

func writeFindings(w io.Writer, found []sqlite.Finding) error {
	out := struct {
		Findings []keptFinding `json:"findings"`
	}{[]keptFinding{}}
	for i := range found {
		out.Findings = append(out.Findings, newKept(&found[i]))
	}
	return writeJSON(w, out)
}

func findingsCSV(w io.Writer, found []sqlite.Finding) error {
	c := csv.NewWriter(w)
	_ = c.Write([]string{"id", "rule", "name", "severity", "tags", "subject", "protocol", "state", "count", "first", "last", "exception", "opened", "changed", "by", "note"})
	for i := range found {
		k := newKept(&found[i])
		row := []string{k.ID, k.Rule, k.Name, k.Level, strings.Join(k.Tags, " "), k.Subject, k.Protocol, k.State, strconv.FormatInt(k.Count, 10), stamp(k.First), stamp(k.Last),
			exceptionOf(k.Finding), k.Opened, k.Changed, k.By, k.Note}
		for i := range row {
			row[i] = harmless(row[i])
		}
		_ = c.Write(row)
	}
	c.Flush()
	return c.Error()
}

// exceptionOf is the exception that covers a finding, "" for none.
func exceptionOf(f rules.Finding) string {
	if f.Exception == nil {
		return ""
	}
	return *f.Exception
}

// shortID is enough of an id to type. One that begins with a dash would be taken for a flag: see dashed.
func shortID(id string) string { return id[:min(len(id), 8)] }

func (f *findingsFlags) table(found []sqlite.Finding, resolved int) error {
	var b strings.Builder
	counts := map[signin.Severity]int{}
	var plainly []rules.Finding
	t := newTable("severity", "state", "id", "rule", "what", "who", "on", ">count", "last", "exception")
	for i := range found {
		x := &found[i]
		plainly = append(plainly, x.Finding)
		counts[x.Severity]++
		t.add(x.Level, x.State, dashed(shortID(x.ID)), x.Rule, x.Name, orDash(x.Subject), orDash(x.Protocol), number(x.Count), minute(x.Last.UnixMilli()), orDash(exceptionOf(x.Finding)))
	}
	if len(found) == 0 {
		_, err := fmt.Fprintf(f.out, "No finding is in the store that fits. outmode findings list%s --all lists resolved ones too, outmode sources%s what was read\n", f.storeFlags(f.data, f.data), f.storeFlags(f.data, f.data))
		return err
	}
	t.write(&b, f.painter())
	fmt.Fprintf(&b, "\n  %s: %s%s", plural(len(found), "finding"), bySeverity(counts), standing(plainly))
	if resolved > 0 {
		fmt.Fprintf(&b, ". Not listed: %s resolved, which --all lists too", number(resolved))
	}
	fmt.Fprintf(&b, "\n  outmode findings show%s %s    all of the first one\n", f.storeFlags(f.data, f.data), dashed(shortID(found[0].ID)))
	_, err := io.WriteString(f.out, b.String())
	return err
}

// dashed is an id as an argument, to be copied from a table too.
func dashed(id string) string {
	if strings.HasPrefix(id, "-") {
		return "-- " + id
	}
	return id
}

// bySeverity is "1 critical, 3 high".
func bySeverity(counts map[signin.Severity]int) string {
	var parts []string
	for i, word := range slices.Backward(signin.Words("severity")) {
		if n := counts[signin.Severity(i)]; n > 0 {
			parts = append(parts, number(n)+" "+word)
		}
	}
	return strings.Join(parts, ", ")
}
