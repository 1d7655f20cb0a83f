package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/outmode/outmode/internal/signin"
)

func (f *mfaFlags) writeUsers(r *usersReport) error {
	switch f.output {
	case "json":
		return writeJSON(f.out, r)
	case "ndjson":
		e := newEncoder(f.out)
		for _, u := range r.Users {
			if err := e.Encode(u); err != nil {
				return err
			}
		}
		return nil
	case "csv":
		return usersCSV(csv.NewWriter(f.out), r.Users)
	}
	return r.writeTable(f.out, f.painter(), f.top, f.verbose)
}

// wordsOfMFA are the words for logons, the worst first.
func wordsOfMFA() [int(signin.MFANotRequired) + 1]signin.MFA {
	return [...]signin.MFA{signin.MFAMissing, signin.MFAFailOpen, signin.MFADenied, signin.MFABypassed, signin.MFAUnknown, signin.MFANotCovered, signin.MFAPassed, signin.MFARemembered, signin.MFANotRequired}
}

// usersCSV writes a line for each person. Several values of a field have a blank and a bar between them: names have blanks.
func usersCSV(c *csv.Writer, users []*listedUser) error {
	head := []string{"user", "forms", "department", "manager", "protocols", "auths", "clients", "traffic", "legacy_exo", "legacy_onprem", "count", "first", "last", "logons"}
	for _, m := range wordsOfMFA() {
		head = append(head, m.String())
	}
	_ = c.Write(append(head, "gateways", "gateway_last", "maybe"))
	for _, u := range users {
		row := []string{u.User, strings.Join(u.Forms, " | "), u.Department, u.Manager, strings.Join(u.Protocols, " "), strings.Join(u.Auths, " "), strings.Join(u.Clients, " "), u.Traffic,
			strconv.FormatBool(u.LegacyEXO), strconv.FormatBool(u.LegacyOnPrem), strconv.FormatInt(u.Count, 10), u.First, u.Last, strconv.FormatInt(u.Logons, 10)}
		for _, m := range wordsOfMFA() {
			row = append(row, strconv.FormatInt(u.MFA[m.String()], 10))
		}
		ids, last := u.known()
		row = append(row, strings.Join(ids, " | "), rfc3339(last), strings.Join(u.Maybe, " | "))
		for i := range row {
			row[i] = harmless(row[i])
		}
		_ = c.Write(row)
	}
	c.Flush()
	return c.Error()
}

// known are the gateways that know the person, and when one told of them last.
func (u *listedUser) known() (ids []string, last int64) {
	for i := range u.Gateways {
		if g := &u.Gateways[i]; g.Knows {
			ids = append(ids, g.ID)
		}
		last = max(last, u.Gateways[i].tally.last)
	}
	return ids, last
}

// A usersTable is what people read.
type usersTable struct {
	r       *usersReport
	w       *strings.Builder
	p       *paint
	top     int
	verbose bool
}

func (r *usersReport) writeTable(w io.Writer, p *paint, top int, verbose bool) error {
	b := &strings.Builder{}
	t := usersTable{r: r, w: b, p: p, top: top, verbose: verbose}
	t.headline()
	t.people()
	t.unjoined()
	t.notes()
	t.next()
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *usersTable) printf(format string, args ...any) { fmt.Fprintf(t.w, format, args...) }

func (t *usersTable) heading(s string) { t.printf("\n%s\n", t.p.in(bold, s)) }

func (t *usersTable) limit(n int) int {
	if t.top == 0 {
		return n
	}
	return min(n, t.top)
}

func (t *usersTable) more(n int, what string) {
	if hidden := n - t.limit(n); hidden > 0 {
		t.printf("  ... and %s more %s: --top 0 shows all\n", number(hidden), what)
	}
}

func (t *usersTable) headline() {
	r := t.r
	t.printf("%s\n", t.p.in(bold, "People in "+cell(r.data)))
	if len(r.Users) == 0 && r.Unjoined.empty() {
		t.printf("  Nobody signed in at that time, as far as the store knows.\n")
		return
	}
	several, basic, unseen := 0, 0, 0
	for _, u := range r.Users {
		if len(u.Names) > 1 {
			several++
		}
		if u.LegacyEXO {
			basic++
		}
		if ids, _ := u.known(); len(ids) == 0 {
			unseen++
		}
	}
	is := "are"
	if len(r.Users) == 1 {
		is = "is"
	}
	t.printf("  %s to %s UTC: %s, of whom %s known by several names\n", shortTime(r.Period.From), shortTime(r.Period.To), persons(len(r.Users)), number(several))
	t.printf("  %s signed in with a password sent as such (Basic, LOGIN, PLAIN); %s %s known to no gateway\n", number(basic), number(unseen), is)
	if n := r.Unjoined; !n.empty() {
		t.printf("  %s\n", t.p.in(red, wrap(fmt.Sprintf("not joined: %s that may be any of several people (%s, counted for nobody), and %s under which nobody signed in",
			plural(len(n.Accounts), "account"), plural(n.SignIns, "sign-in"), plural(len(n.Gateway), "gateway account")), mfaWidth, "    ")))
	}
}

func persons(n int) string {
	if n == 1 {
		return "1 person"
	}
	return number(n) + " people"
}

func (n *unjoined) empty() bool {
	return len(n.Accounts)+len(n.Names)+len(n.Gateway)+len(n.Contrary) == 0
}

// people shows those first who use Basic: they are whom it is about.
func (t *usersTable) people() {
	if len(t.r.Users) == 0 {
		return
	}
	list := slices.Clone(t.r.Users)
	slices.SortStableFunc(list, func(a, b *listedUser) int {
		return cmp.Or(cmp.Compare(b.row.basic, a.row.basic), cmp.Compare(b.Count, a.Count))
	})
	t.heading("People")
	tb := newTable("person", ">names", "signs in with", ">sign-ins", "last", "second factor")
	for _, u := range list[:t.limit(len(list))] {
		var ways []string
		for _, w := range u.Ways {
			ways = append(ways, w.Protocol+" "+w.Auth)
		}
		tb.add(short(u.User, 28), number(len(u.Names)), orDash(fitting(ways, 24)), number(u.Count), day(u.row.all.last), u.factor())
	}
	tb.write(t.w, t.p)
	t.more(len(list), "people")
	if t.verbose {
		t.heading("Names, and why they are one person")
		for _, u := range list[:t.limit(len(list))] {
			t.printf("  %s\n", cell(u.User))
			for _, n := range u.Names {
				t.printf("    %s\n", wrap(cell(fmt.Sprintf("%s (%s): %s", n.Text, n.Form, n.Why)), mfaWidth, "      "))
			}
		}
	}
}

// short cuts the middle out of a text as it is shown: what a terminal would obey is longer there.
func short(s string, most int) string { return shorten(cell(s), most) }

func cells(all []string) (shown []string) {
	for _, s := range all {
		shown = append(shown, cell(s))
	}
	return shown
}

// day is the date of an instant, UTC.
func day(ms int64) string {
	date, _, _ := strings.Cut(minute(ms), " ")
	return date
}

// factor is the worst that the gateways say of the person's logons.
func (u *listedUser) factor() string {
	for _, m := range wordsOfMFA() {
		if n := u.MFA[m.String()]; n > 0 {
			text := m.String() + " " + number(n)
			if rest := u.Logons - n; rest > 0 {
				text += " of " + number(u.Logons)
			}
			return text
		}
	}
	return "-"
}

// unjoined shows who may be whom, and what would tell.
func (t *usersTable) unjoined() {
	n := t.r.Unjoined
	if n.empty() {
		return
	}
	t.heading("Not joined")
	if len(n.Accounts) > 0 {
		tb := newTable("account", ">sign-ins", ">events", "last", "may be")
		for i := range n.Accounts[:t.limit(len(n.Accounts))] {
			a := &n.Accounts[i]
			tb.add(short(a.Account, 24), number(a.SignIns), number(a.Events), day(a.last), fitting(cells(a.Candidates), 38))
		}
		tb.write(t.w, t.p)
		t.more(len(n.Accounts), "accounts")
	}
	if len(n.Gateway) > 0 {
		tb := newTable("gateway account", "gateway", "known", ">events", "last", "may be")
		for i := range n.Gateway[:t.limit(len(n.Gateway))] {
			g := &n.Gateway[i]
			knows := "no"
			if g.Knows {
				knows = "yes"
			}
			tb.add(short(g.Account, 28), short(g.Gateway, 12), knows, number(g.Events), day(g.last), orDash(fitting(cells(g.Candidates), 24)))
		}
		tb.write(t.w, t.p)
		t.more(len(n.Gateway), "accounts")
	}
	if len(n.Contrary) > 0 {
		tb := newTable("logs contradict of", "and name it together with")
		for i := range n.Contrary[:t.limit(len(n.Contrary))] {
			c := &n.Contrary[i]
			tb.add(short(c.Account, 40), fitting(cells(c.With), 50))
		}
		tb.write(t.w, t.p)
		t.more(len(n.Contrary), "names")
	}
	for _, text := range n.tells() {
		t.printf("  - %s\n", wrap(cell(text), mfaWidth, "    "))
	}
}

// tells sums up what would tell who is who, for the most names first.
func (n *unjoined) tells() (all []string) {
	count, who := map[string]int{}, map[string][]string{}
	for _, s := range n.Names {
		count[s.Tell]++
		who[s.Tell] = append(who[s.Tell], strings.Join(s.People[:min(len(s.People), 2)], " and "))
	}
	for _, g := range n.Gateway {
		count[g.Tell]++
		who[g.Tell] = append(who[g.Tell], g.Account)
	}
	for _, a := range n.Accounts { // an address of mail that two rows of the map have is no account name
		if count[a.Tell] == 0 {
			count[a.Tell]++
			who[a.Tell] = []string{a.Account}
		}
	}
	for tell := range count {
		all = append(all, tell)
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), strings.Compare(a, b)) })
	for i, tell := range all {
		slices.Sort(who[tell])
		all[i] = fmt.Sprintf("%s (%s): %s", plural(count[tell], "name"), some(slices.Compact(who[tell])), tell)
	}
	return all
}

// alias is the one that would join the most; "" for none.
func (n *unjoined) alias() string {
	count := map[string]int{}
	for _, s := range n.Names {
		count[s.Alias]++
	}
	for _, g := range n.Gateway {
		count[g.Alias]++
	}
	delete(count, "")
	best := ""
	for _, a := range slices.Sorted(maps.Keys(count)) {
		if best == "" || count[a] > count[best] {
			best = a
		}
	}
	return best
}

func (t *usersTable) notes() {
	if len(t.r.Notes) == 0 {
		return
	}
	t.heading("What is missing, and why")
	for _, s := range t.r.Notes {
		t.printf("  - %s\n", wrap(cell(s), mfaWidth, "    "))
	}
}

func (t *usersTable) next() {
	r := t.r
	t.heading("Next")
	if len(r.Users) > 0 {
		t.printf("  outmode users USER%s    all of one person, by any name\n", r.flags)
	}
	if !r.Unjoined.empty() {
		alias := "--map people.csv"
		if best := r.Unjoined.alias(); best != "" {
			alias = "--alias " + quoted(best)
		}
		t.printf("  outmode users%s %s    if that is so\n", r.flags, alias)
	}
	t.printf("  outmode mfa%s    who got in without a second factor\n", r.flags)
}
