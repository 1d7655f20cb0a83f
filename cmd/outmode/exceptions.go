package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/outmode/outmode/internal/store/sqlite"
	"github.com/outmode/outmode/rules"
)

func newExceptions(g *globals) *cobra.Command {
	return family(&cobra.Command{
		Use:   "exceptions",
		Short: "Add, list and remove exceptions, which expire",
		Long: `An exception is a named, owned and dated reason to say nothing of what the rules find. It covers a finding if every
condition that it names holds for every sign-in of it; the finding then stays in the list, and nobody is alerted. A
finding of which only a part is covered fires: "outmode findings show" says what lies outside.

An exception ends, at most 400 days from now: then what it covered fires again.`,
		Example: "  outmode exceptions add --user svc-scan --address 10.1.7.0/24 --protocol smtp --reason 'scanner, replaced in May' --owner anna --expires 90d\n  outmode exceptions list\n  outmode exceptions remove x-4tq2mzsa --note 'scanner is gone'",
	}, newExceptionsAdd(g), newExceptionsList(g), newExceptionsRemove(g))
}

// A listedException is what exceptions list -o json prints of one.
type listedException struct {
	ID          string   `json:"id"`
	State       string   `json:"state"`
	Users       []string `json:"users"`
	GroupFile   string   `json:"group_file"`
	Addresses   []string `json:"addresses"`
	Clients     []string `json:"clients"`
	Protocols   []string `json:"protocols"`
	Rules       []string `json:"rules"`
	Reason      string   `json:"reason"`
	Owner       string   `json:"owner"`
	Ticket      string   `json:"ticket"`
	Approver    string   `json:"approver"`
	Created     string   `json:"created"`
	Expires     string   `json:"expires"`
	Removed     string   `json:"removed"`
	RemovedBy   string   `json:"removed_by"`
	RemovedNote string   `json:"removed_note"`
	Findings    int      `json:"findings"` // that it covers, resolved ones aside
}

// exceptionKeys are its keys, for the help.
const exceptionKeys = `id state (active expiring expired removed) users group_file addresses clients
protocols rules reason owner ticket approver created expires removed removed_by removed_note findings`

func newListedException(x *rules.Exception, now time.Time, findings int) listedException {
	return listedException{ID: x.ID, State: x.State(now), Users: list(x.Users), GroupFile: x.GroupFile, Addresses: list(x.Addresses), Clients: list(x.Clients),
		Protocols: list(x.Protocols), Rules: list(x.Rules), Reason: x.Reason, Owner: x.Owner, Ticket: x.Ticket, Approver: x.Approver, Created: stamp(x.Created),
		Expires: stamp(x.Expires), Removed: stamp(x.Removed), RemovedBy: x.RemovedBy, RemovedNote: x.RemovedNote, Findings: findings}
}

// exceptionFlags are what exceptions add can be told.
type exceptionFlags struct {
	*globals
	ruleFlags
	data, expires string
	x             rules.Exception
}

func newExceptionsAdd(g *globals) *cobra.Command {
	f := &exceptionFlags{globals: g}
	c := &cobra.Command{
		Use:   "add",
		Short: "Add an exception",
		Long: `Add makes an exception for the accounts of --user and --group, and applies it at once. The other conditions narrow it:
give as many as are true. An account is named as findings name it (contoso\svc-scan, svc-scan@contoso.com), or by its bare
name, which is that of any domain. An address is the one that the log names: behind a proxy that passes X-Forwarded-For on,
the client may have written it.

-o json: the exception: ` + exceptionKeys + `.`,
		Example: `  outmode exceptions add --user svc-scan --address 10.1.7.0/24 --protocol smtp --reason 'scanner, replaced in May' --owner anna --ticket 4711 --expires 90d
  outmode exceptions add --group pilots.txt --rule legacy-auth --reason 'migrated last' --owner ben --approver carla --expires 2026-12-31`,
		Args: atMost(0, "every condition is a flag"),
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c.Context()) },
	}
	fl := c.Flags()
	fl.StringArrayVar(&f.x.Users, "user", nil, "account, or pattern of accounts with * and ?; may be given several times")
	fl.StringVar(&f.x.GroupFile, "group", "", "file with one account per line; what follows a # is a comment. It is read again whenever exceptions are applied")
	fl.StringSliceVar(&f.x.Addresses, "address", nil, "range of addresses, such as 10.1.7.0/24, or one address")
	fl.StringArrayVar(&f.x.Clients, "client", nil, "client family, or pattern of them; may be given several times")
	fl.StringSliceVar(&f.x.Protocols, "protocol", nil, "protocol, such as smtp")
	fl.StringSliceVar(&f.x.Rules, "rule", nil, "id or tag of a rule")
	fl.StringVar(&f.x.Reason, "reason", "", "why it is all right, and what is done instead; required")
	fl.StringVar(&f.x.Owner, "owner", "", "who answers for it; required")
	fl.StringVar(&f.x.Ticket, "ticket", "", "where it is tracked")
	fl.StringVar(&f.x.Approver, "approver", "", "who allowed it")
	fl.StringVar(&f.expires, "expires", "", "when it ends: 90d, a date (its last day, in UTC) or RFC 3339; required, at most 400d ahead")
	f.ruleFlags.flags(c)
	storeFlag(c, &f.data)
	return c
}

// build checks the flags.
func (f *exceptionFlags) build(now time.Time) error {
	x := &f.x
	for i := range x.Protocols {
		x.Protocols[i] = strings.ToLower(x.Protocols[i])
	}
	switch {
	case len(x.Users) == 0 && x.GroupFile == "":
		return usagef("exceptions add needs --user PATTERN or --group FILE")
	case f.expires == "":
		return usagef("exceptions add needs --expires, such as 90d: nothing is excused for good")
	}
	var err error
	if x.Expires, err = rules.ParseExpires(f.expires, now); err != nil {
		return usagef("--expires %v", err)
	}
	if err := x.Check(now); err != nil {
		return usagef("%s; %q lists the flags", strings.ReplaceAll(err.Error(), "\n", "; "), "outmode exceptions add --help")
	}
	set, err := f.ruleFlags.load(f.globals)
	if err != nil {
		return err
	}
	for i, name := range x.Rules {
		if x.Rules[i] = known(set, name); x.Rules[i] == "" {
			return usagef("--rule %q is no id and no tag of a rule; \"outmode rules list\" lists the rules, --rules adds some", name)
		}
	}
	if x.GroupFile == "" {
		return nil
	}
	if x.GroupFile, err = filepath.Abs(x.GroupFile); err != nil {
		return fmt.Errorf("--group: %w", err)
	}
	group, err := rules.ReadGroup(x.GroupFile)
	if err == nil && len(group) == 0 {
		err = fmt.Errorf("--group: %s names no account", x.GroupFile)
	}
	return err
}

// known is a rule's id or a tag as the rules spell it, or the id of a condition of the program's own work; "" if there is
// none.
func known(set *rules.Set, name string) string {
	for _, id := range sqlite.OwnRules() {
		if strings.EqualFold(id, name) {
			return id
		}
	}
	for _, r := range set.Rules() {
		if strings.EqualFold(r.ID, name) {
			return r.ID
		}
		if i := slices.IndexFunc(r.Tags, func(t string) bool { return strings.EqualFold(t, name) }); i >= 0 {
			return r.Tags[i]
		}
	}
	return ""
}

func (f *exceptionFlags) run(ctx context.Context) error {
	if err := f.format("table", "json"); err != nil {
		return err
	}
	now := time.Now()
	if err := f.build(now); err != nil {
		return err
	}
	store, err := f.openStore(ctx, f.data, sqlite.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	x, err := store.AddException(ctx, f.x)
	if err != nil {
		return err
	}
	covered, err := f.apply(ctx, store)
	if err != nil {
		return fmt.Errorf("exception %s was added: %w", x.ID, err)
	}
	if f.output == "json" {
		return writeJSON(f.out, newListedException(&x, now, covered[x.ID]))
	}
	next := "outmode exceptions list    all of them"
	if covered[x.ID] == 0 {
		next = "outmode findings show ID    what of a finding lies outside of it"
		seen, err := store.Named(ctx, &x)
		if err != nil {
			return fmt.Errorf("exception %s was added: %w", x.ID, err)
		}
		if !seen {
			next = "no account that was seen so far is one of those that it names: see how accounts are written in \"outmode usage --by user\"; \"outmode exceptions remove " + x.ID + "\" ends it"
		}
	}
	_, err = fmt.Fprintf(f.out, "exception %s of %s until %s UTC covers %s\n  %s\n", x.ID, cell(x.Owner), minute(x.Expires.UnixMilli()), plural(covered[x.ID], "finding"), next)
	return err
}

// apply brings the findings up to date, says what stood in the way, and returns how many each exception covers.
func (g *globals) apply(ctx context.Context, store *sqlite.Store) (map[string]int, error) {
	err := store.ApplyExceptions(ctx, time.Now())
	covered, unread := store.Covered(ctx)
	if unread != nil {
		return nil, errors.Join(err, unread)
	}
	if err != nil {
		fmt.Fprintf(g.err, "outmode: %s\n", plain(err.Error()))
	}
	return covered, nil
}

func newExceptionsRemove(g *globals) *cobra.Command {
	var data, by, note string
	c := &cobra.Command{
		Use:   "remove ID",
		Short: "End an exception now: what it covered fires again",
		Long: `Remove ends an exception. It stays on record, and what it covered fires again. ID is the beginning of its id, as long
as no other begins so.

-o json: the exception: ` + exceptionKeys + `.`,
		Example: "  outmode exceptions remove x-4tq2mzsa --by anna --note 'scanner is gone'",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("exceptions remove needs the ID of an exception; \"outmode exceptions list\" lists them")
			}
			return atMost(1, "name one exception")(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
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
			return removeException(c.Context(), g, store, args[0], who, note)
		},
	}
	c.Flags().StringVar(&by, "by", "", "who says so (default: the user of the operating system)")
	c.Flags().StringVar(&note, "note", "", "why")
	storeFlag(c, &data)
	return c
}

func removeException(ctx context.Context, g *globals, store *sqlite.Store, prefix, by, note string) error {
	all, err := store.Exceptions(ctx)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(x rules.Exception) bool { return prefix == "" || !strings.HasPrefix(x.ID, strings.ToLower(prefix)) })
	switch {
	case len(all) == 0:
		return fmt.Errorf("there is no exception %q; \"outmode exceptions list --all\" lists them", prefix)
	case len(all) > 1:
		return fmt.Errorf("the ids of %s begin with %q: write more of it", plural(len(all), "exception"), prefix)
	}
	id := all[0].ID
	covered, err := store.Covered(ctx)
	if err != nil {
		return err
	}
	before := covered[id]
	if err := store.RemoveException(ctx, id, by, note); err != nil {
		if errors.Is(err, sqlite.ErrOver) {
			return fmt.Errorf("exception %s is %s already", id, all[0].State(time.Now()))
		}
		return err
	}
	if _, err := g.apply(ctx, store); err != nil {
		return fmt.Errorf("exception %s was removed: %w", id, err)
	}
	if g.output == "json" {
		x, err := oneException(ctx, store, id)
		if err != nil {
			return err
		}
		return writeJSON(g.out, newListedException(x, time.Now(), 0))
	}
	_, err = fmt.Fprintf(g.out, "exception %s of %s removed: it covered %s\n  outmode findings list    what fires now\n", id, cell(all[0].Owner), plural(before, "finding"))
	return err
}
