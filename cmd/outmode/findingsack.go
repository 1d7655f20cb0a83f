package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/internal/store/sqlite"
)

func newFindingsAck(g *globals) *cobra.Command {
	var data, by, note string
	var undo bool
	c := &cobra.Command{
		Use:   "ack ID...",
		Short: "Acknowledge findings: somebody knows of them",
		Long: `Ack says that somebody knows of a finding: it is not told again, and stays acknowledged when it is seen again. It is
all of them or none. ID is the beginning of an id, as long as no other begins so. It works while "outmode serve" runs.

What is to stay as it is, with an owner and an end, is an exception: "outmode exceptions add".

-o json: one object, findings, as "outmode findings list" prints them.`,
		Example: "  outmode findings ack 4Jx0cQ b81uwX --by anna --note 'scanner, ticket 4711'\n  outmode findings ack --undo 4Jx0cQ",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("findings ack needs the ID of a finding; \"outmode findings list\" lists them")
			}
			return nil
		},
		RunE: func(c *cobra.Command, ids []string) error {
			if err := g.format("table", "json"); err != nil {
				return err
			}
			who, err := signer(by, note)
			if err != nil {
				return err
			}
			store, err := g.openStore(c.Context(), data, sqlite.Options{})
			if err != nil {
				return err
			}
			defer store.Close()
			return acknowledge(c.Context(), g, store, ids, word{by: who, note: note, keep: !undo && !c.Flags().Changed("note"), undo: undo, flags: g.storeFlags(data, data)})
		},
	}
	c.SetFlagErrorFunc(dashError)
	c.Flags().StringVar(&by, "by", "", "who says so (default: the user of the operating system)")
	c.Flags().StringVar(&note, "note", "", "why (default: what was said before, if it is acknowledged)")
	c.Flags().BoolVar(&undo, "undo", false, "take an acknowledgement back")
	storeFlag(c, &data)
	return c
}

// maxNote bounds what a person says, in bytes.
const maxNote = 2000

// signer is who does something: by or, if that is empty, the user of the operating system. note is what they say.
func signer(by, note string) (string, error) {
	if by == "" {
		if u, err := user.Current(); err == nil {
			by = u.Username
		}
	}
	if by == "" {
		by = os.Getenv("USER") + os.Getenv("USERNAME")
	}
	unseen := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' || signin.Unseen(r) }
	switch {
	case strings.TrimSpace(by) == "":
		return "", usagef("--by NAME is missing: who does this?")
	case len(by) > 200 || len(note) > maxNote:
		return "", usagef("--by may have 200 bytes, --note %d", maxNote)
	case !utf8.ValidString(by+note) || strings.ContainsFunc(by+note, unseen):
		return "", usagef("--by or --note holds a character that nobody can see")
	}
	return by, nil
}

// A word is what somebody says of findings.
type word struct {
	by, note string
	keep     bool // the note of one that is acknowledged already
	undo     bool
	flags    string // that name the store in what is said
}

func acknowledge(ctx context.Context, g *globals, store *sqlite.Store, prefixes []string, w word) error {
	var ids []string
	notes := []string{w.note}
	under := map[string][]string{} // ids by note
	for _, prefix := range prefixes {
		f, err := findFinding(ctx, store, prefix, false, w.flags)
		if err != nil {
			return err
		}
		if !slices.Contains(ids, f.ID) {
			ids = append(ids, f.ID)
			note := w.note
			if w.keep && f.State == "acknowledged" {
				note = f.Note
			}
			if !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
			under[note] = append(under[note], f.ID)
		}
	}
	do, done := store.Acknowledge, "acknowledged"
	if w.undo {
		do, done = store.Reopen, "open again"
	}
	for _, note := range notes { // the first one has those that may be refused
		if len(under[note]) == 0 {
			continue
		}
		err := do(ctx, under[note], w.by, note)
		if errors.Is(err, sqlite.ErrState) && w.undo {
			return fmt.Errorf("%w: --undo takes back an acknowledgement", err)
		}
		if err != nil {
			return err
		}
	}
	var found []sqlite.Finding
	for _, id := range ids {
		f, err := findFinding(ctx, store, id, true, w.flags)
		if err != nil {
			return err
		}
		found = append(found, *f)
	}
	if g.output == "json" {
		return writeFindings(g.out, found)
	}
	for i := range found {
		f := &found[i]
		if _, err := fmt.Fprintf(g.out, "%s: %s %s of %s (%s)\n", done, f.Rule, cell(f.Name), cell(orDash(f.Subject)), f.ID); err != nil {
			return err
		}
	}
	return nil
}
