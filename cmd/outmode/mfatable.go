package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
)

// writeTable shows what must be looked at, the matrix, who is behind it, what is not protected, the gateways, what is
// missing, and the next commands last.
func (r *mfaReport) writeTable(w io.Writer, p *paint, top int, verbose bool) error {
	b := &strings.Builder{}
	t := mfaTable{r: r, w: b, p: p, top: top, verbose: verbose}
	t.headline()
	t.matrix()
	t.accounts()
	t.open()
	t.gateways()
	t.notes()
	t.next()
	_, err := io.WriteString(w, b.String())
	return err
}

// mfaWidth is where notes are broken, so that nothing needs more than 100 columns.
const mfaWidth = 92

type mfaTable struct {
	r       *mfaReport
	w       *strings.Builder
	p       *paint
	top     int
	verbose bool
}

func (t *mfaTable) printf(format string, args ...any) { fmt.Fprintf(t.w, format, args...) }

func (t *mfaTable) heading(s string) { t.printf("\n%s\n", t.p.in(bold, s)) }

func (t *mfaTable) headline() {
	r := t.r
	t.printf("%s\n", t.p.in(bold, "MFA at the doors of Exchange, from "+cell(r.data)))
	if r.Logons == 0 {
		t.printf("  No logon of that time is in the store.\n")
		return
	}
	t.printf("  %s to %s UTC: %s of %s\n", shortTime(r.Period.From), shortTime(r.Period.To), plural(r.Logons, "logon"), plural(r.Total, "account"))
	sum := map[signin.MFA]int64{}
	who := map[signin.MFA]map[string]bool{}
	for _, row := range r.rows {
		sum[row.mfa] += row.count
		if who[row.mfa] == nil {
			who[row.mfa] = map[string]bool{}
		}
		who[row.mfa][row.user] = true
	}
	most := 2*sum[signin.MFAUnknown] > r.Logons-sum[signin.MFANotCovered]
	if most {
		t.printf("  %s\n", wrap(fmt.Sprintf("Nothing can be said of %s of %s (unknown): %s", number(sum[signin.MFAUnknown]), plural(r.Logons, "logon"), t.causes()), mfaWidth, "    "))
	}
	bad := false
	for _, x := range []struct {
		m    signin.MFA
		what string
	}{{signin.MFAMissing, "no second factor where one was due (missing)"}, {signin.MFAFailOpen, "let in since the gateway did not answer (fail_open)"}, {signin.MFADenied, "the second factor was refused (denied)"},
		{signin.MFABypassed, "let in without the usual second factor (bypassed)"}} {
		if sum[x.m] > 0 {
			bad = true
			t.printf("  %s\n", t.p.in(red, fmt.Sprintf("%s of %s: %s", plural(sum[x.m], "logon"), plural(len(who[x.m]), "account"), x.what)))
		}
	}
	if !bad && !most && sum[signin.MFANotCovered] < r.Logons {
		t.printf("  No logon is known to have gone without a second factor where one was due.\n")
	}
	if n := sum[signin.MFAUnknown]; n > 0 && !most {
		t.printf("  %s\n", wrap(fmt.Sprintf("%s of which nothing can be said (unknown): %s", plural(n, "logon"), t.causes()), mfaWidth, "    "))
	}
	if sum[signin.MFANotCovered] > 0 {
		t.unprotected(len(who[signin.MFANotCovered]))
	}
}

// unprotected says how many logons no gateway guards.
func (t *mfaTable) unprotected(accounts int) {
	var logons, outside int64
	entries := map[string]bool{}
	for _, u := range t.r.Unprotected {
		logons += u.Logons
		entries[u.Entry] = true
		if u.Network == networkOf(false) {
			outside += u.Logons
		}
	}
	t.printf("  %s of %s at %s that no gateway protects, %s of them from outside\n", plural(logons, "logon"), plural(accounts, "account"), plural(len(entries), "entry point"), number(outside))
}

// causes sums up why something is unknown, the most first.
func (t *mfaTable) causes() string {
	count := map[audit.Cause]int64{}
	for _, row := range t.r.rows {
		if row.mfa == signin.MFAUnknown {
			count[row.cause] += row.count
		}
	}
	var parts []string
	for _, c := range slices.SortedFunc(maps.Keys(count), func(a, b audit.Cause) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b))
	}) {
		parts = append(parts, number(count[c])+" "+causeWords(c))
	}
	return strings.Join(parts, ", ")
}

// causeWords says a cause in a few words.
func causeWords(c audit.Cause) string {
	switch c {
	case audit.NoGateway:
		return "no gateway known"
	case audit.NoLog:
		return "no log of the gateway"
	case audit.NotCovered:
		return "not covered by its log"
	case audit.NeverSeen:
		return "never seen by it"
	case audit.Ambiguous:
		return "who it is is not certain"
	case audit.Nameless:
		return "without a name"
	case audit.Roaming:
		return "roaming in a session"
	case audit.UnknownWord:
		return "with a word that is not known"
	case audit.NoField:
		return "of a log without a field for it"
	case audit.WrongClock:
		return "its clock is wrong"
	case audit.GatewayError:
		return "with an error of the gateway"
	}
	return strings.ReplaceAll(c.String(), "_", " ")
}

// matrix shows the entry points of which gateways say something; those that are simply not protected follow below.
func (t *mfaTable) matrix() {
	words := []signin.MFA{signin.MFAMissing, signin.MFAFailOpen, signin.MFADenied, signin.MFABypassed, signin.MFAUnknown, signin.MFAPassed, signin.MFARemembered, signin.MFANotRequired, signin.MFANotCovered}
	used := map[signin.MFA]bool{signin.MFAMissing: true, signin.MFAPassed: true, signin.MFAUnknown: true}
	rows := 0
	for i := range t.r.Cells {
		c := &t.r.Cells[i]
		if c.NotCovered == c.Logons {
			continue
		}
		rows++
		for _, m := range words {
			used[m] = used[m] || *c.of(m) > 0
		}
	}
	if rows == 0 {
		return
	}
	words = slices.DeleteFunc(words, func(m signin.MFA) bool { return !used[m] })
	t.heading("Logons, by entry point and what the gateways say")
	head := []string{"entry", "network"}
	for _, m := range words {
		head = append(head, ">"+shortWord(m))
	}
	tb := newTable(append(head, ">accounts")...)
	for i := range t.r.Cells {
		c := &t.r.Cells[i]
		if c.NotCovered == c.Logons {
			continue
		}
		row := []string{c.Entry, c.Network}
		for _, m := range words {
			row = append(row, blankZero(*c.of(m)))
		}
		tb.add(append(row, number(c.Accounts))...)
	}
	tb.write(t.w, t.p)
}

// shortWord heads a narrow column: nine of them must fit.
func shortWord(m signin.MFA) string {
	switch m {
	case signin.MFARemembered:
		return "remember."
	case signin.MFANotRequired:
		return "exempt"
	case signin.MFANotCovered:
		return "no gate"
	}
	return m.String()
}

func (t *mfaTable) accounts() {
	var list []*mfaAccount
	for i := range t.r.Accounts {
		if a := &t.r.Accounts[i]; weightOf(a.row.mfa, a.row.cause) <= 5 || t.verbose && a.row.mfa == signin.MFAUnknown {
			list = append(list, a)
		}
	}
	if len(list) == 0 {
		return
	}
	t.heading("Accounts behind it")
	tb := newTable("what", "account", "on", ">logons", "last", "from")
	shown := list
	if t.top > 0 {
		shown = list[:min(len(list), t.top)]
	}
	for _, a := range shown {
		what := a.MFA
		switch a.row.cause {
		case audit.NeverSeen:
			what = "never seen"
		case audit.BackEnd:
			what = "back end"
		default:
			if a.row.mfa == signin.MFAUnknown {
				what = causeWords(a.row.cause)
			}
		}
		tb.add(what, shorten(a.User, 34), a.Entry+" "+a.Network, number(a.Count), minute(a.row.last), firstOf(a.Addresses))
	}
	tb.write(t.w, t.p)
	if more := len(list) - len(shown); more > 0 {
		t.printf("  ... and %s more: --top 0 shows all\n", number(more))
	}
	if !t.verbose {
		t.printf("  -v says why of each\n")
		return
	}
	t.heading("Why")
	for _, a := range shown {
		text := fmt.Sprintf("%s, %s %s: %s", a.User, a.Entry, a.Network, a.Reason)
		if a.Doubt != "" {
			text += "; but " + a.Doubt
		}
		t.printf("  - %s\n", wrap(cell(text), mfaWidth, "    "))
	}
}

// firstOf is the first address, and how many more there are.
func firstOf(all []string) string {
	if len(all) < 2 {
		return orDash(strings.Join(all, ""))
	}
	return fmt.Sprintf("%s +%d", all[0], len(all)-1)
}

// fitting names as many as fit into a width, one at least, and says how many more there are.
func fitting(names []string, width int) string {
	text := ""
	for i, n := range names {
		n = shorten(n, 34)
		if i > 0 && len([]rune(text))+2+len([]rune(n)) > width {
			return fmt.Sprintf("%s +%d", text, len(names)-i)
		}
		if i > 0 {
			text += ", "
		}
		text += n
	}
	return text
}

// shorten cuts the middle out of a text.
func shorten(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most-9]) + "…" + string(r[len(r)-8:])
}

// open lists the entry points that no gateway protects and that are in use, those from outside first.
func (t *mfaTable) open() {
	if len(t.r.Unprotected) == 0 {
		return
	}
	t.heading("In use, and no gateway protects it")
	tb := newTable("entry", "network", ">accounts", ">logons", "who")
	for _, u := range t.r.Unprotected {
		var who []string
		for i := range t.r.Accounts {
			if a := &t.r.Accounts[i]; a.Entry == u.Entry && a.Network == u.Network && a.row.mfa == signin.MFANotCovered && !slices.Contains(who, a.User) {
				who = append(who, a.User)
			}
		}
		tb.add(u.Entry, u.Network, number(u.Accounts), number(u.Logons), fitting(who, 50))
	}
	tb.write(t.w, t.p)
}

func (t *mfaTable) gateways() {
	if len(t.r.Gateways) == 0 {
		return
	}
	t.heading("Gateways")
	tb := newTable("gateway", "kind", "protects", "alive", ">events", ">users", ">covered", ">skew")
	for i := range t.r.Gateways {
		g := &t.r.Gateways[i]
		alive, skew, what := "no", "-", "nothing declared"
		if g.Alive {
			alive = "yes"
		}
		if g.SkewSeconds != nil {
			skew = fmt.Sprintf("%d s", *g.SkewSeconds)
		}
		if len(g.Protects.Entries) > 5 {
			what = strings.Join(g.Protects.Servers, " ")
		} else if len(g.Protects.Entries) > 0 {
			what = strings.Join(g.Protects.Entries, " ") + " on " + strings.Join(g.Protects.Servers, " ")
		}
		tb.add(shorten(g.ID, 20), g.Kind, shorten(what, 26), alive, number(g.Events), number(g.Users), fmt.Sprintf("%.0f/%.0f h", g.CoveredHours, g.PeriodHours), skew)
	}
	tb.write(t.w, t.p)
}

func (t *mfaTable) notes() {
	if len(t.r.Notes) == 0 {
		return
	}
	t.heading("What is missing, and why")
	for _, s := range t.r.Notes {
		t.printf("  - %s\n", wrap(cell(s), mfaWidth, "    "))
	}
}

func (t *mfaTable) next() {
	t.heading("Next")
	store := t.r.store
	if !t.r.declared {
		t.printf("  outmode mfa%s --gateway FILE    with what your gateways protect: docs/mfa.md\n", store)
	}
	t.printf("  outmode findings list%s --rule mfa    what the rules found in it\n", store)
	t.printf("  outmode mfa%s -o ndjson    every logon, what is said of it, and why\n", store)
	t.printf("  outmode sources%s    which logs were read, and from when to when\n", store)
}
