package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/store/sqlite"
)

func newUsers(g *globals) *cobra.Command {
	f := &mfaFlags{scanFlags: scanFlags{globals: g}}
	c := &cobra.Command{
		Use:   "users [USER]",
		Short: "Who the accounts are: every name of a person, how they sign in, and what the gateways know of them",
		Long: `Users lists the people behind the accounts of the store: who signed in, under which names and why these are one
person, with which protocols, authentication and clients, and what the MFA gateways know of them. Names that are only
refused are nobody's. What cannot be joined is counted apart: accounts that may be any of several people, with the
alias or the map that would tell, and accounts of gateways under which nobody signed in.

With USER, any name of a person, it shows all of that one: each name, why it is theirs and which logs have it, the
ways in, the logons by what the gateways say of them, the findings. A name that several people have is an error that
lists them.

Names are joined as "outmode mfa" joins them: by --map, --alias, and lines that prove two names at once; where those
contradict, they join nobody and are listed. docs/users.md says how to
join what is not. Sign-ins are counted by day (400 days), logons and events by the hours that are kept (35 days).

Whether somebody is ready for a block (readiness, reason, next) comes with "outmode whatif", which is not there yet.

-o json: one object: version options (since until gateway map alias wap) period users (user department manager forms
names protocols auths ways clients traffic legacy_exo legacy_onprem count first last logons mfa gateways maybe; names:
text form why seen (log signins events first last); ways: protocol auth count first last; mfa: logons per word;
gateways: id knows events first last outcome; maybe: accounts that may be theirs) unjoined (signins events accounts
names gateway_accounts contradictions) notes. With USER users has one, with findings (id rule name severity state protocol count
first last), and there is no unjoined. -o ndjson: a user per line. -o csv: the same without names, ways and details.`,
		Example: `  outmode users --data /var/lib/outmode
  outmode users --data /var/lib/outmode --map people.csv --alias CONTOSO=contoso.com
  outmode users 'CONTOSO\anna' --data /var/lib/outmode
  outmode users anna@contoso.com -c /etc/outmode/config.yaml -o json
  outmode users --data /var/lib/outmode -o json | jq '.unjoined'`,
		Args: atMost(1, `name one person, in quotes if the name has a \ or a blank`),
		RunE: func(c *cobra.Command, args []string) error { return f.runUsers(c.Context(), args) },
	}
	f.joinFlags(c)
	c.Flags().IntVar(&f.top, "top", 20, "how many people the table shows; 0 for all")
	f.given = c.Flags().Changed
	return c
}

func (f *mfaFlags) runUsers(ctx context.Context, args []string) error {
	if err := f.format("table", "json", "ndjson", "csv"); err != nil {
		return err
	}
	if _, err := f.options(); err != nil {
		return err
	}
	if len(args) > 0 && strings.TrimSpace(args[0]) == "" {
		return usagef("USER is empty; name a person, or leave it out for all")
	}
	j, notes, err := f.told()
	if err != nil {
		return err
	}
	store, err := f.readStore(ctx, f.data, sqlite.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	collectForStore()
	var r *usersReport
	err = j.settled(func() error {
		r = newUsersReport(f, store.Dir(), notes)
		return r.gather(ctx, store, &j)
	})
	if err != nil {
		return err
	}
	if len(args) == 0 {
		r.finish(&j)
		return f.writeUsers(r)
	}
	p, err := r.find(&j, args[0])
	if err != nil {
		return err
	}
	return f.showUser(ctx, store, r, &j, p)
}

// find is whom the command line names.
func (r *usersReport) find(j *joining, text string) (*audit.Person, error) {
	m := j.Identities.Who(text, audit.AnyForm)
	switch {
	case len(m.Candidates) > 0:
		return nil, fmt.Errorf("%s. Name one of them: %s", m.Why, r.commands(j, m.Candidates))
	case m.Person == nil || m.Person.Alone() && r.rows[m.Person] == nil && !r.met[m.Person] && (j.knows == nil || len(j.knows(m.Person)) == 0):
		return nil, fmt.Errorf("no log of the store and no map has a user %q, and a name that was only ever refused is nobody's%s", text, r.near(text))
	}
	return m.Person, nil
}

// commands are what to type for one of some people.
func (r *usersReport) commands(j *joining, people []*audit.Person) string {
	var all []string
	for _, p := range people[:min(len(people), 5)] {
		all = append(all, "outmode users "+quoted(typable(j.Identities, p))+r.flags)
	}
	if more := len(people) - len(all); more > 0 {
		all = append(all, fmt.Sprintf("%d more", more))
	}
	return join(all, "; ", " or ")
}

// typable is the first name of a person that means nobody else.
func typable(id *audit.Identities, p *audit.Person) string {
	for _, f := range p.Forms() {
		if id.Who(f.Text, audit.AnyForm).Person == p {
			return f.Text
		}
	}
	return p.Name
}

// near names those whose names hold a text, or else the list.
func (r *usersReport) near(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	if i := strings.LastIndexAny(text, `\/`); i >= 0 {
		text = text[i+1:]
	}
	text, _, _ = strings.Cut(text, "@")
	var like []string
	if text != "" {
		for p := range r.rows {
			if slices.ContainsFunc(p.Forms(), func(f audit.PersonForm) bool { return strings.Contains(f.Text, text) }) {
				like = append(like, p.Name)
			}
		}
	}
	slices.Sort(like)
	if len(like) == 0 {
		return fmt.Sprintf("; \"outmode users%s\" lists who is known", r.flags)
	}
	return "; do you mean " + some(like) + "?"
}
