package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/outmode/outmode/internal/store/sqlite"
	"github.com/outmode/outmode/rules"
)

// A shownFinding is what findings show -o json prints.
type shownFinding struct {
	keptFinding
	History     []change  `json:"history"`
	Outside     []outside `json:"outside"` // of exceptions that are about it, and do not cover it
	Description string    `json:"rule_description"`
	Investigate string    `json:"rule_note"`
	Remediation string    `json:"rule_remediation"`
}

type change struct {
	At    string `json:"at"`
	State string `json:"state"` // from then on
	By    string `json:"by"`
	Note  string `json:"note"`
}

type outside struct {
	Exception string   `json:"exception"`
	What      []string `json:"what"`
}

func newFindingsShow(g *globals) *cobra.Command {
	var f ruleFlags
	var data string
	c := &cobra.Command{
		Use:   "show ID",
		Short: "All of one finding: the lines that show it, what became of it, what to do",
		Long: `Show prints all of a finding. ID is the beginning of its id, as long as no other begins so.

-o json: one object: ` + findingKeys + `
history (at state by note) outside (exception what) rule_description rule_note rule_remediation.`,
		Example: "  outmode findings show 4Jx0cQ\n  outmode findings show 4Jx0cQ -o json",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("findings show needs the ID of a finding; \"outmode findings list\" lists them")
			}
			return atMost(1, "name one finding, \"outmode findings list -o json\" shows all")(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := g.format("table", "json"); err != nil {
				return err
			}
			set, err := f.loadWith(g, data)
			if err != nil {
				return err
			}
			store, err := g.readStore(c.Context(), data, sqlite.Options{Rules: set})
			if err != nil {
				return err
			}
			defer store.Close()
			return showFinding(c.Context(), g, store, set, args[0], g.storeFlags(data, data))
		},
	}
	c.SetFlagErrorFunc(dashError)
	f.flags(c)
	storeFlag(c, &data)
	return c
}

// dashError helps where the beginning of an id was taken for a flag.
func dashError(c *cobra.Command, err error) error {
	said, _, _ := strings.Cut(err.Error(), ": strconv.")
	return usagef("%s; %q lists the flags, and an ID that begins with - comes behind -- and a blank", said, c.CommandPath()+" --help")
}

// findFinding returns the only finding whose id begins so, with its evidence if deep is set.
// flags name the store in what is said.
func findFinding(ctx context.Context, store *sqlite.Store, prefix string, deep bool, flags string) (*sqlite.Finding, error) {
	var found []sqlite.Finding
	if prefix != "" && !strings.ContainsFunc(prefix, func(r rune) bool {
		return r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_'
	}) {
		var err error
		if found, err = store.Findings(ctx, sqlite.FindingFilter{Prefix: prefix, Bare: !deep}); err != nil {
			return nil, err
		}
	}
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("there is no finding %q; \"outmode findings list%s --all\" lists them", prefix, flags)
	case len(found) > 1:
		return nil, fmt.Errorf("the ids of %s begin with %q: write more of it", plural(len(found), "finding"), prefix)
	}
	return &found[0], nil
}

func showFinding(ctx context.Context, g *globals, store *sqlite.Store, set *rules.Set, id, flags string) error {
	f, err := findFinding(ctx, store, id, true, flags)
	if err != nil {
		return err
	}
	s := shownFinding{keptFinding: newKept(f), History: []change{}, Outside: []outside{}}
	history, err := store.History(ctx, f.ID)
	if err != nil {
		return err
	}
	for _, h := range history {
		s.History = append(s.History, change{stamp(h.At), h.State, h.Actor, h.Note})
	}
	var by *rules.Exception
	if f.Exception == nil {
		partly, err := store.Outside(ctx, f.ID, time.Now())
		if err != nil {
			return err
		}
		for _, o := range partly {
			s.Outside = append(s.Outside, outside(o))
		}
	} else if by, err = oneException(ctx, store, *f.Exception); err != nil {
		return err
	}
	known := false
	if n, ok := set.Number(f.Rule); ok {
		r := set.Rule(n)
		known, s.Description, s.Investigate, s.Remediation = true, r.Description, r.Note, r.Remediation
	}
	if g.output == "json" {
		return writeJSON(g.out, s)
	}
	_, err = io.WriteString(g.out, s.print(g.painter(), by, known, flags))
	return err
}

// oneException returns an exception by its id.
func oneException(ctx context.Context, store *sqlite.Store, id string) (*rules.Exception, error) {
	all, err := store.Exceptions(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(x rules.Exception) bool { return x.ID == id })
	if i < 0 {
		return nil, fmt.Errorf("exception %s is not in the store", id)
	}
	return &all[i], nil
}

// print is a finding for people: what, who and when, then the proof, then what to do. by is the exception that covers
// it; known says that its rule is one of those that are loaded.
func (s *shownFinding) print(p *paint, by *rules.Exception, known bool, flags string) string {
	var b strings.Builder
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "  %-10s %s\n", name, strings.ReplaceAll(plain(value), "\n", "\n             "))
		}
	}
	section := func(name, text string) {
		if text == "" {
			return
		}
		fmt.Fprintf(&b, "\n%s\n", p.in(bold, name))
		for _, line := range wrapped(plain(text), 104) {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	fmt.Fprintf(&b, "%s\n", p.in(bold, cell(s.Rule+"  "+s.Name)))
	row("id", s.ID)
	row("severity", s.Level)
	row("state", s.stateText())
	if s.By == "" {
		row("note", s.Note) // of what is wrong with the data
	}
	row("who", cell(orDash(s.Subject)))
	row("on", s.Protocol)
	row("count", number(s.Count))
	row("seen", minute(s.First.UnixMilli())+" to "+minute(s.Last.UnixMilli())+" UTC")
	row("tags", strings.Join(s.Tags, " "))
	if by != nil {
		row("exception", cell(fmt.Sprintf("%s of %s until %s: %s", by.ID, by.Owner, minute(by.Expires.UnixMilli()), by.Reason)))
	}
	for _, o := range s.Outside {
		row("outside", cell(fmt.Sprintf("of exception %s: %s", o.Exception, strings.Join(o.What, ", "))))
	}
	if len(s.Evidence) > 0 {
		fmt.Fprintf(&b, "\n%s\n", p.in(bold, "Evidence"))
		for _, e := range s.Evidence {
			as := ""
			if account := accountOf(e.SignIn); account != "" {
				as = " as " + cell(account)
			}
			fmt.Fprintf(&b, "  %s line %s%s (byte %s, %s)\n", cell(e.File), number(e.Line), as, number(e.Offset), plural(e.Length, "byte"))
			sum := e.SHA256
			if sum == "" {
				sum = "the line was gone before it was looked at"
			}
			fmt.Fprintf(&b, "    sha256 %s\n", sum)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", p.in(bold, "History"))
	for _, h := range s.History {
		fmt.Fprintf(&b, "  %s  %-12s  %s\n", strings.Replace(h.At[:16], "T", " ", 1), h.State, cell(strings.TrimSuffix(h.By+": "+h.Note, ": ")))
	}
	section("Description", s.Description)
	section("How to investigate", s.Investigate)
	section("What to do", s.Remediation)
	if !known && !strings.HasPrefix(s.Rule, ownRules) {
		section("How to investigate", "The rule "+s.Rule+" is not one of those that are loaded: name its folder with --rules.")
	}
	fmt.Fprintf(&b, "\n%s\n", p.in(bold, "Next"))
	b.WriteString(s.next(flags))
	return b.String()
}

// ownRules is how the ids of rules begin that stand in no file: the program's own, of what is wrong with the data.
const ownRules = "OM-SYS-"

func (s *shownFinding) stateText() string {
	if s.By == "" {
		return s.State
	}
	text := fmt.Sprintf("%s by %s on %s UTC", s.State, s.By, strings.Replace(s.Changed[:16], "T", " ", 1))
	if s.Note != "" {
		text += ": " + s.Note
	}
	return text
}

// next is what to do now. flags name the store.
func (s *shownFinding) next(flags string) string {
	var b strings.Builder
	if n := len(s.Evidence); n > 0 {
		e := s.Evidence[n-1]
		fmt.Fprintf(&b, "  outmode explain --line %d %s    what its line says\n", e.Line, quoted(e.File))
	}
	switch id := dashed(shortID(s.ID)); s.State {
	case "open":
		fmt.Fprintf(&b, "  outmode findings ack%s --note TEXT %s    it is known\n", flags, id)
	case "acknowledged":
		fmt.Fprintf(&b, "  outmode findings ack%s --undo %s    it is not known after all\n", flags, id)
	}
	return b.String()
}
