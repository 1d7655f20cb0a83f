package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/internal/store/sqlite"
	"github.com/outmode/outmode/rules"
)

// A rulesDifference is what rules diff -o json prints.
type rulesDifference struct {
	Opened        []rules.Finding `json:"opened"`
	Kept          []keptBoth      `json:"kept"`
	Lost          []rules.Finding `json:"lost"`
	NotReplayable []notReplayable `json:"not_replayable"`
	Changed       []rules.Change  `json:"changed"`
	Added         []string        `json:"added"`
	Removed       []string        `json:"removed"`
	Broken        []broken        `json:"broken_rules"` // of the new set
	Notes         []string        `json:"notes"`

	signIns  int64
	from, to int64  // of the sign-ins
	dir      string // of the store
	changed  string // as the argument names the new set
}

// A keptBoth is a finding of both sets.
type keptBoth struct {
	rules.Finding
	Before int64 `json:"count_before"`
}

type notReplayable struct {
	Rule     string `json:"rule"`
	Field    string `json:"field"`
	Reason   string `json:"reason"`
	Findings int    `json:"findings"`
}

func newRulesDifference(r *rules.Replay, stored []sqlite.Finding) *rulesDifference {
	byID := make(map[string]*sqlite.Finding, len(stored))
	for i := range stored {
		byID[stored[i].ID] = &stored[i]
	}
	// What people said of a finding is theirs, whichever set finds it.
	as := func(f rules.Finding) rules.Finding {
		if have := byID[f.ID]; have != nil {
			f.State, f.Exception = have.State, have.Exception
		}
		return f
	}
	d := &rulesDifference{Opened: []rules.Finding{}, Kept: []keptBoth{}, Lost: []rules.Finding{}, NotReplayable: []notReplayable{},
		Changed: append([]rules.Change{}, r.Changed...), Added: list(r.Added), Removed: list(r.Removed), Broken: []broken{}, Notes: []string{}}
	for _, f := range r.Opened {
		d.Opened = append(d.Opened, as(f))
	}
	for _, k := range r.Kept {
		d.Kept = append(d.Kept, keptBoth{as(k.Finding), k.Before})
	}
	for _, f := range r.Lost {
		d.Lost = append(d.Lost, as(f))
	}
	for _, u := range r.Unplayable {
		d.NotReplayable = append(d.NotReplayable, notReplayable(u))
	}
	for _, b := range r.Broken {
		d.Broken = append(d.Broken, broken{b.Rule, b.Count, b.Error})
		d.Notes = append(d.Notes, fmt.Sprintf("rule %s of the new set is broken: %s; it judged nothing where that happened (%s)", b.Rule, b.Error, plural(b.Count, "time")))
	}
	if r.Unjudged > 0 {
		d.Notes = append(d.Notes, fmt.Sprintf("%s of accounts that are not told apart were not judged by the rules that are new and look at accounts", plural(r.Unjudged, "sign-in")))
	}
	return d
}

// write prints the difference for people.
func (d *rulesDifference) write(g *globals, was, is *rules.Set, top int) error {
	var b strings.Builder
	p := g.painter()
	fmt.Fprintf(&b, "%s\n", p.in(bold, fmt.Sprintf("%s would open, %s %s, %s would be lost; %s cannot be replayed", number(len(d.Opened)),
		number(len(d.Kept)), verb(len(d.Kept), "stays", "stay"), number(len(d.Lost)), plural(len(d.NotReplayable), "rule"))))
	fmt.Fprintf(&b, "  over %s", plural(d.signIns, "sign-in"))
	if d.signIns > 0 {
		fmt.Fprintf(&b, " from %s to %s UTC", minute(d.from), minute(d.to))
	}
	fmt.Fprintf(&b, " in %s\n", cell(d.dir))
	if t := d.byRule(was, is); len(t.rows) > 0 {
		fmt.Fprintf(&b, "\n%s\n", p.in(bold, "Rules"))
		t.write(&b, p)
	}
	writeSome(&b, p, "Would open", d.Opened, top)
	writeSome(&b, p, "Would be lost", d.Lost, top)
	if len(d.NotReplayable) > 0 {
		fmt.Fprintf(&b, "\n%s\n", p.in(bold, "Cannot be replayed"))
		t := newTable("rule", ">findings", "why")
		for _, n := range d.NotReplayable {
			t.add(n.Rule, number(n.Findings), n.Reason)
		}
		t.write(&b, p)
	}
	if len(d.Notes) > 0 {
		fmt.Fprintf(&b, "\n%s\n", p.in(bold, "What is missing, and why"))
		for _, n := range d.Notes {
			fmt.Fprintf(&b, "  - %s\n", cell(n))
		}
	}
	if next := d.next(); next != "" {
		fmt.Fprintf(&b, "\n%s\n  %s\n", p.in(bold, "Next"), next)
	}
	_, err := io.WriteString(g.out, b.String())
	return err
}

// verb is the first form for one, else the second.
func verb(n int, one, several string) string {
	if n == 1 {
		return one
	}
	return several
}

// next is the command that tells the rest.
func (d *rulesDifference) next() string {
	if len(d.NotReplayable) == 0 {
		return ""
	}
	path, both := strings.CutPrefix(d.changed, builtinPlus)
	switch {
	case d.changed == builtinRules:
		return "outmode scan LOGS    what the rules find that cannot be replayed"
	case both:
		return fmt.Sprintf("outmode scan --rules %s LOGS    what the rules find that cannot be replayed", quoted(path))
	}
	return fmt.Sprintf("outmode scan --rules %s --no-builtin LOGS    what the rules find that cannot be replayed", quoted(path))
}

// byRule counts the findings of each rule that has any or is not the same in both sets, most severe rules first.
func (d *rulesDifference) byRule(was, is *rules.Set) *table {
	type row struct {
		opened, kept, lost int
		what               []string
	}
	rows := map[string]*row{}
	of := func(id string) *row {
		if rows[id] == nil {
			rows[id] = &row{}
		}
		return rows[id]
	}
	for i := range d.Opened {
		of(d.Opened[i].Rule).opened++
	}
	for i := range d.Kept {
		of(d.Kept[i].Rule).kept++
	}
	for i := range d.Lost {
		of(d.Lost[i].Rule).lost++
	}
	for _, id := range d.Added {
		of(id).what = append(of(id).what, "new")
	}
	for _, id := range d.Removed {
		of(id).what = append(of(id).what, "gone")
	}
	for _, c := range d.Changed {
		of(c.Rule).what = append(of(c.Rule).what, changeOf(c))
	}
	for _, n := range d.NotReplayable {
		of(n.Rule).what = append(of(n.Rule).what, "cannot be replayed")
	}
	all := is.Rules()
	for _, r := range was.Rules() {
		if slices.Contains(d.Removed, r.ID) {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b rules.Rule) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), strings.Compare(a.ID, b.ID))
	})
	t := newTable("severity", "rule", "what", ">opens", ">stay", ">lost", "change")
	for _, r := range all {
		if x := rows[r.ID]; x != nil {
			t.add(r.Severity.String(), r.ID, r.Name, number(x.opened), number(x.kept), number(x.lost), orDash(strings.Join(x.what, ", ")))
		}
	}
	return t
}

// changeOf tells a change on one line; what is long is in the JSON.
func changeOf(c rules.Change) string {
	if len(c.Old)+len(c.New) > 40 || c.Field == "name" {
		return c.Field + " changed"
	}
	return fmt.Sprintf("%s %s -> %s", c.Field, cmp.Or(c.Old, "(none)"), cmp.Or(c.New, "(none)"))
}

// writeSome prints the first of some findings; they are most severe first.
func writeSome(b *strings.Builder, p *paint, head string, all []rules.Finding, top int) {
	if len(all) == 0 {
		return
	}
	shown := all
	if top > 0 {
		shown = all[:min(top, len(all))]
	}
	counts := map[signin.Severity]int{}
	for i := range all {
		counts[all[i].Severity]++
	}
	fmt.Fprintf(b, "\n%s: %s\n", p.in(bold, head), bySeverity(counts))
	t := newTable("severity", "rule", "what", "who", "on", ">count", "last", "state")
	for i := range shown {
		f := &shown[i]
		t.add(f.Level, f.Rule, f.Name, orDash(f.Subject), orDash(f.Protocol), number(f.Count), minute(f.Last.UnixMilli()), f.State)
	}
	t.write(b, p)
	if n := len(all) - len(shown); n > 0 {
		fmt.Fprintf(b, "  ... and %s more; --top 0 shows all\n", number(n))
	}
}
