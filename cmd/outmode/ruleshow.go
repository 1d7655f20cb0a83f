package main

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/outmode/outmode/rules"
)

// listed is what rules list -o json prints of a rule, and rules show as well.
type listed struct {
	ID             string   `json:"id"`
	UUID           string   `json:"uuid,omitempty"`
	Name           string   `json:"name"`
	Severity       string   `json:"severity"`
	Type           string   `json:"type"`
	Status         string   `json:"status"`
	Version        int      `json:"version"`
	When           string   `json:"when,omitempty"`
	Steps          []string `json:"steps,omitempty"`
	Zone           string   `json:"zone,omitempty"`
	GroupBy        []string `json:"group_by"`
	Threshold      int      `json:"threshold,omitempty"`
	Distinct       string   `json:"distinct,omitempty"`
	Window         string   `json:"window,omitempty"`
	Baseline       string   `json:"baseline,omitempty"`
	ResolveAfter   string   `json:"resolve_after,omitempty"`
	Description    string   `json:"description"`
	Tags           []string `json:"tags"`
	Threat         []threat `json:"threat"`
	Controls       []string `json:"controls"`
	References     []string `json:"references"`
	FalsePositives []string `json:"false_positives"`
	Note           string   `json:"note"`
	Remediation    string   `json:"remediation"`
	Enforce        string   `json:"enforce,omitempty"`
	Tests          []string `json:"tests"` // their names
	File           string   `json:"file"`
	Line           int      `json:"line"`
}

type threat struct {
	Tactic       string `json:"tactic"`
	Technique    string `json:"technique"`
	Subtechnique string `json:"subtechnique,omitempty"`
}

func newListed(r *rules.Rule) listed {
	l := listed{ID: r.ID, UUID: r.UUID, Name: r.Name, Severity: r.Severity.String(), Type: r.Type.String(), Status: cmp.Or(r.Status, "stable"),
		Version: r.Version, When: r.When, Steps: r.Steps, Zone: r.Zone, GroupBy: list(r.GroupBy), Threshold: r.Threshold, Distinct: r.Distinct,
		Description: r.Description, Tags: list(r.Tags), Threat: []threat{}, Controls: list(r.Controls), References: list(r.References),
		FalsePositives: list(r.FalsePositives), Note: r.Note, Remediation: r.Remediation, Enforce: r.Enforce, Tests: []string{}, File: r.File, Line: r.Line}
	if r.Window > 0 {
		l.Window = rules.Spell(r.Window)
	}
	if r.Baseline > 0 {
		l.Baseline = rules.Spell(r.Baseline)
	}
	if r.ResolveAfter > 0 {
		l.ResolveAfter = rules.Spell(r.ResolveAfter)
	}
	for _, t := range r.Threat {
		l.Threat = append(l.Threat, threat(t))
	}
	for i := range r.Tests {
		l.Tests = append(l.Tests, r.Tests[i].Name)
	}
	return l
}

// ruleKeys are the keys of a rule in JSON, for the help.
const ruleKeys = `id uuid name severity type status version when steps zone group_by
threshold distinct window baseline resolve_after description tags threat (tactic technique subtechnique) controls
references false_positives note remediation enforce tests (their names) file line`

func newRulesShow(g *globals) *cobra.Command {
	var f ruleFlags
	c := &cobra.Command{
		Use:   "show ID",
		Short: "All of one rule: what it looks for, why, and what to do about a finding",
		Long: `Show prints all that a rule says of itself: its expressions, what it groups and counts, what it is for, when
it is wrong, how to investigate and what to do.

-o json: one object: ` + ruleKeys + ".",
		Example: "  outmode rules show OM-1032\n  outmode rules show CONTOSO-1 --rules ./my-rules -o json",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("rules show needs the ID of a rule, such as OM-1032; \"outmode rules list\" lists them")
			}
			return atMost(1, "name one rule, \"outmode rules list -o json\" shows all")(c, args)
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if err := g.format("table", "json"); err != nil {
				return err
			}
			set, err := f.load(g)
			if err != nil {
				return err
			}
			return showRule(g, set, args[0])
		},
	}
	f.flags(c)
	return c
}

func showRule(g *globals, set *rules.Set, id string) error {
	for _, r := range set.Rules() {
		if !strings.EqualFold(r.ID, id) {
			continue
		}
		if g.output == "json" {
			return writeJSON(g.out, newListed(&r))
		}
		return printRule(g, newListed(&r))
	}
	hint := "\"outmode rules list\" lists them"
	if near := set.Select(id); len(near) > 0 && len(near) <= 3 {
		var ids []string
		for _, r := range near {
			ids = append(ids, r.ID)
		}
		hint = fmt.Sprintf("did you mean %s?", join(ids, ", ", " or "))
	}
	return &exit{exitError, fmt.Errorf("there is no rule %q; %s", id, hint)}
}

func printRule(g *globals, r listed) error {
	var b strings.Builder
	p := g.painter()
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "  %-10s %s\n", name, strings.ReplaceAll(plain(strings.TrimRight(value, "\n")), "\n", "\n             "))
		}
	}
	section := func(name string, paragraphs ...string) {
		if strings.Join(paragraphs, "") == "" {
			return
		}
		fmt.Fprintf(&b, "\n%s\n", p.in(bold, name))
		for _, text := range paragraphs {
			lead := "  "
			if len(paragraphs) > 1 {
				lead = "  - "
			}
			for _, line := range wrapped(plain(text), 104) {
				fmt.Fprintf(&b, "%s%s\n", lead, line)
				lead = strings.Repeat(" ", len(lead))
			}
		}
	}
	fmt.Fprintf(&b, "%s\n", p.in(bold, cell(r.ID+"  "+r.Name)))
	row("severity", r.Severity)
	row("type", r.Type)
	row("status", r.Status)
	row("version", positive(r.Version))
	row("file", fmt.Sprintf("%s:%d", r.File, r.Line))
	row("when", r.When)
	for i, s := range r.Steps {
		row(fmt.Sprintf("step %d", i+1), s)
	}
	row("zone", r.Zone)
	row("group by", strings.Join(r.GroupBy, ", "))
	row("threshold", r.threshold())
	row("window", r.Window)
	row("baseline", r.Baseline)
	row("resolve", after(r.ResolveAfter))
	row("tags", strings.Join(r.Tags, " "))
	var threats []string
	for _, t := range r.Threat {
		threats = append(threats, t.Tactic+" "+cmp.Or(t.Subtechnique, t.Technique))
	}
	row("threat", strings.Join(threats, ", "))
	row("controls", strings.Join(r.Controls, ", "))
	row("enforce", r.Enforce)
	row("uuid", r.UUID)
	section("Description", r.Description)
	section("False positives", r.FalsePositives...)
	section("How to investigate", r.Note)
	section("What to do", r.Remediation)
	section("References", r.References...)
	section("Tests", r.Tests...)
	_, err := io.WriteString(g.out, b.String())
	return err
}

// positive is a number, and nothing for 0, which stands for none.
func positive(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// after is when, for people; "" for nothing said.
func after(span string) string {
	if span == "" {
		return ""
	}
	return "after " + span
}

// threshold says what must come how often.
func (r *listed) threshold() string {
	switch {
	case r.Distinct != "":
		return fmt.Sprintf("%d different values of %s", r.Threshold, r.Distinct)
	case len(r.Steps) > 0 && r.Threshold > 0:
		return fmt.Sprintf("%d of step 1", r.Threshold)
	}
	return positive(r.Threshold)
}

// wrapped breaks a text into lines at blanks, and keeps the breaks that it has: it may be Markdown.
func wrapped(text string, width int) (lines []string) {
	for paragraph := range strings.Lines(strings.TrimRight(text, "\n")) {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			if line != "" && utf8.RuneCountInString(line+" "+word) > width {
				lines, line = append(lines, line), ""
			}
			line = strings.TrimPrefix(line+" "+word, " ")
		}
		lines = append(lines, line)
	}
	return lines
}
