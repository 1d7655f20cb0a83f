package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/outmode/outmode/internal/store/sqlite"
	"github.com/outmode/outmode/rules"
)

func newExceptionsList(g *globals) *cobra.Command {
	var data string
	var all bool
	c := &cobra.Command{
		Use:   "list",
		Short: "The exceptions in force, and which of them end soon",
		Long: `List prints the exceptions in force, and how many findings each covers now. One of which 14 days
are left, or a quarter of its life if that is less, is expiring.

-o json: one object, exceptions: ` + exceptionKeys + `.`,
		Example: "  outmode exceptions list\n  outmode exceptions list --all -o json",
		Args:    atMost(0, "--all lists those that are over too"),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := g.format("table", "json"); err != nil {
				return err
			}
			store, err := g.readStore(c.Context(), data, sqlite.Options{})
			if err != nil {
				return err
			}
			defer store.Close()
			return listExceptions(c.Context(), g, store, all)
		},
	}
	c.Flags().BoolVar(&all, "all", false, "those that expired or were removed too")
	storeFlag(c, &data)
	return c
}

func listExceptions(ctx context.Context, g *globals, store *sqlite.Store, all bool) error {
	now := time.Now()
	have, err := store.Exceptions(ctx)
	if err != nil {
		return err
	}
	covered, err := store.Covered(ctx)
	if err != nil {
		return err
	}
	out := struct {
		Exceptions []listedException `json:"exceptions"`
	}{[]listedException{}}
	over := 0
	for i := range have {
		if x := &have[i]; all || x.Holds(now) {
			out.Exceptions = append(out.Exceptions, newListedException(x, now, covered[x.ID]))
		} else {
			over++
		}
	}
	if g.output == "json" {
		return writeJSON(g.out, out)
	}
	ending, err := store.Expiring(ctx, now)
	if err != nil {
		return err
	}
	_, err = io.WriteString(g.out, exceptionsTable(g.painter(), out.Exceptions, over, ending, now))
	return err
}

// exceptionsTable is the exceptions for people. over is how many are not shown, ending are those that end soon.
func exceptionsTable(p *paint, xs []listedException, over int, ending []rules.Exception, now time.Time) string {
	var b strings.Builder
	if len(xs) > 0 {
		t := newTable("id", "state", "who", "what", "expires", ">findings", "owner", "reason")
		for _, x := range xs {
			t.add(x.ID, x.State, x.who(), x.what(), strings.Replace(x.Expires[:16], "T", " ", 1), number(x.Findings), x.Owner, x.Reason)
		}
		t.write(&b, p)
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "  %s", plural(len(xs), "exception"))
	if over > 0 {
		fmt.Fprintf(&b, ", %s more that expired or %s removed: --all", number(over), map[bool]string{true: "was", false: "were"}[over == 1])
	}
	b.WriteByte('\n')
	for i := range ending {
		x := &ending[i]
		fmt.Fprintf(&b, "  %s of %s ends in %s: then what it covers fires again. If it must go on, add a new one\n", x.ID, cell(x.Owner), daysUntil(x.Expires, now))
	}
	for i := range xs {
		if xs[i].GroupFile == "" || xs[i].State == rules.ExceptionExpired || xs[i].State == rules.ExceptionRemoved {
			continue
		}
		if _, err := rules.ReadGroup(xs[i].GroupFile); err != nil {
			fmt.Fprintf(&b, "  %s: %s; what it covers stays as it was\n", xs[i].ID, cell(err.Error()))
		}
	}
	b.WriteString("  outmode exceptions add --help    how to make one\n")
	return b.String()
}

// who is which accounts an exception is about.
func (x *listedException) who() string {
	who := strings.Join(x.Users, " ")
	if x.GroupFile != "" {
		who = strings.TrimPrefix(who+" group "+filepath.Base(x.GroupFile), " ")
	}
	return who
}

// what is its other conditions.
func (x *listedException) what() string {
	var parts []string
	for _, l := range [][]string{x.Protocols, x.Addresses, x.Clients, x.Rules} {
		if len(l) > 0 {
			parts = append(parts, strings.Join(l, " "))
		}
	}
	if len(parts) == 0 {
		return "anything"
	}
	return strings.Join(parts, ", ")
}

// daysUntil is how long it is until then: "less than a day", "3 days".
func daysUntil(t, now time.Time) string {
	days := int(t.Sub(now).Round(24*time.Hour) / (24 * time.Hour))
	if days == 0 {
		return "less than a day"
	}
	return plural(days, "day")
}
