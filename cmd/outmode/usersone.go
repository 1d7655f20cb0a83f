package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/store/sqlite"
)

// A userFinding is a finding of the person: enough to ask for all of it.
type userFinding struct {
	ID       string `json:"id"`
	Rule     string `json:"rule"`
	Name     string `json:"name"`
	Severity string `json:"severity"`
	State    string `json:"state"`
	Protocol string `json:"protocol"`
	Count    int64  `json:"count"`
	First    string `json:"first"`
	Last     string `json:"last"`

	last int64
}

// showUser shows all of one person.
func (f *mfaFlags) showUser(ctx context.Context, store *sqlite.Store, r *usersReport, j *joining, p *audit.Person) error {
	u := r.user(j, r.row(p))
	found, err := findingsOf(ctx, store, j.Identities, p)
	if err != nil {
		return err
	}
	u.Findings = found
	r.Users = []*listedUser{u}
	r.setPeriod()
	switch f.output {
	case "json":
		return writeJSON(f.out, r)
	case "ndjson":
		return newEncoder(f.out).Encode(u)
	case "csv":
		return usersCSV(csv.NewWriter(f.out), r.Users)
	}
	b := &strings.Builder{}
	t := usersTable{r: r, w: b, p: f.painter(), top: f.top, verbose: f.verbose}
	t.user(j, u)
	_, err = io.WriteString(f.out, b.String())
	return err
}

// findingsOf are the findings about a person, those that hold first. A subject need not be an account (an address, a
// gateway): what counts is that the finding knows an account of that name.
func findingsOf(ctx context.Context, store *sqlite.Store, id *audit.Identities, p *audit.Person) ([]userFinding, error) {
	every, err := store.Findings(ctx, sqlite.FindingFilter{Bare: true})
	if err != nil {
		return nil, err
	}
	ids := map[string]map[string]bool{} // by subject: the findings with an account of that name
	mine := []userFinding{}
	for i := range every {
		x := &every[i]
		if x.Subject == "" || id.Who(x.Subject, audit.AnyForm).Person != p {
			continue
		}
		if ids[x.Subject] == nil {
			named, err := store.Findings(ctx, sqlite.FindingFilter{Bare: true, User: x.Subject})
			if err != nil {
				return nil, err
			}
			ids[x.Subject] = map[string]bool{}
			for k := range named {
				ids[x.Subject][named[k].ID] = true
			}
		}
		if ids[x.Subject][x.ID] {
			mine = append(mine, userFinding{ID: x.ID, Rule: x.Rule, Name: x.Name, Severity: x.Level, State: x.State, Protocol: x.Protocol, Count: x.Count, First: stamp(x.First), Last: stamp(x.Last), last: x.Last.UnixMilli()})
		}
	}
	slices.SortStableFunc(mine, func(a, b userFinding) int { // every comes most severe first
		return compareBools(a.State == "resolved", b.State == "resolved")
	})
	return mine, nil
}

func (t *usersTable) user(j *joining, u *listedUser) {
	r := t.r
	t.printf("%s\n", t.p.in(bold, cell(u.User)))
	if u.Department != "" {
		t.printf("  department   %s\n", cell(u.Department))
	}
	if u.Manager != "" {
		t.printf("  manager      %s\n", cell(u.Manager))
	}
	if u.Count > 0 {
		t.printf("  sign-ins     %s, %s to %s UTC\n", number(u.Count), shortTime(u.First), shortTime(u.Last))
	} else {
		t.printf("  sign-ins     none at that time\n")
	}
	if u.LegacyEXO {
		t.printf("  %s\n", t.p.in(red, fmt.Sprintf("with basic authentication: %s, which a block (AllowBasicAuth*) would refuse", plural(u.row.basic, "sign-in"))))
	}
	t.names(u)
	t.ways(u)
	t.factors(u)
	t.findings(u)
	if len(u.Maybe) > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("these may be this person's too, or somebody else's, and count for nobody: %s. \"outmode users%s\" says what would tell", some(u.Maybe), r.flags))
	}
	r.Notes = append(r.Notes, contraryTo(j, u.row.person)...)
	t.notes()
	t.heading("Next")
	if len(u.Findings) > 0 {
		t.printf("  outmode findings show%s %s    the lines behind the first one, and what to do\n", r.store, dashed(shortID(u.Findings[0].ID)))
	}
	t.printf("  outmode users%s    everybody, and what could not be joined\n", r.flags)
}

// contraryTo says what lines of logs say of a person's names that joins nobody.
func contraryTo(j *joining, p *audit.Person) (notes []string) {
	mine := map[string]bool{}
	for _, f := range p.Forms() {
		mine[f.Text] = true
	}
	for _, c := range contraryNames(j.Identities) {
		if mine[c.Account] || slices.ContainsFunc(c.With, func(s string) bool { return mine[s] }) {
			notes = append(notes, fmt.Sprintf("logs contradict: lines name %s together with %s, which joins nobody: %s", c.Account, some(c.With), c.Tell))
		}
	}
	return notes
}

// names shows each name with why it is the person's, and below it where it was seen.
func (t *usersTable) names(u *listedUser) {
	t.heading("Names, and why they are one person")
	for _, n := range u.Names {
		t.printf("  %s\n", wrap(cell(fmt.Sprintf("%s (%s): %s", n.Text, n.Form, n.Why)), mfaWidth, "    "))
		if len(n.Seen) == 0 {
			t.printf("    in no log of that time\n")
			continue
		}
		for _, s := range n.Seen {
			var what []string
			if s.SignIns > 0 {
				what = append(what, plural(s.SignIns, "sign-in"))
			}
			if s.Events > 0 {
				what = append(what, plural(s.Events, "event"))
			}
			t.printf("    %s: %s, %s to %s\n", s.Log, strings.Join(what, ", "), minute(s.tally.first), minute(s.tally.last))
		}
	}
}

func (t *usersTable) ways(u *listedUser) {
	if len(u.Ways) == 0 {
		return
	}
	t.heading("Signs in with")
	tb := newTable("protocol", "authentication", ">sign-ins", "first", "last")
	for _, w := range u.Ways {
		tb.add(w.Protocol, w.Auth, number(w.Count), minute(w.tally.first), minute(w.tally.last))
	}
	tb.write(t.w, t.p)
	var clients []string
	for _, c := range u.Clients {
		clients = append(clients, short(c, 34))
	}
	t.printf("  clients: %s\n", wrap(cell(orDash(strings.Join(clients, ", "))), mfaWidth-9, "    "))
}

// factors shows what the gateways say of the logons, and what they know of the person.
func (t *usersTable) factors(u *listedUser) {
	t.heading("Second factor")
	if u.Logons == 0 {
		t.printf("  no logon of which hours are kept\n")
	} else {
		tb := newTable("what the gateways say", ">logons")
		for _, m := range wordsOfMFA() {
			if n := u.MFA[m.String()]; n > 0 {
				tb.add(m.String(), number(n))
			}
		}
		tb.write(t.w, t.p)
	}
	if len(u.Gateways) == 0 {
		t.printf("  no gateway ever told of this person\n")
		return
	}
	tb := newTable("gateway", "knows the person", ">events", "last", "which said")
	for i := range u.Gateways {
		g := &u.Gateways[i]
		knows := "yes"
		if !g.Knows {
			knows = "no: refused passwords only"
		}
		tb.add(short(g.ID, 26), knows, number(g.Events), minute(g.tally.last), cmp.Or(g.Outcome, "-"))
	}
	tb.write(t.w, t.p)
}

func (t *usersTable) findings(u *listedUser) {
	t.heading("Findings")
	if len(u.Findings) == 0 {
		t.printf("  none\n")
		return
	}
	tb := newTable("severity", "state", "id", "rule", "what", "on", ">count", "last")
	for i := range u.Findings[:t.limit(len(u.Findings))] {
		f := &u.Findings[i]
		tb.add(f.Severity, f.State, dashed(shortID(f.ID)), f.Rule, short(f.Name, 28), orDash(f.Protocol), number(f.Count), day(f.last))
	}
	tb.write(t.w, t.p)
	t.more(len(u.Findings), "findings")
}
