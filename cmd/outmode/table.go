package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// writeTable is the answer on a terminal: what matters first, the proof after it, the next step last.
func (r *report) writeTable(w io.Writer, p *paint, top int, verbose bool) error {
	out := &strings.Builder{}
	t := tableWriter{r: r, w: out, p: p, top: top, verbose: verbose}
	t.headline()
	t.matrix()
	t.accounts()
	t.findings()
	t.refused()
	t.ledger()
	t.notes()
	t.next()
	_, err := io.WriteString(w, out.String())
	return err
}

type tableWriter struct {
	r       *report
	w       *strings.Builder
	p       *paint
	top     int
	verbose bool
}

func (t *tableWriter) printf(format string, args ...any) { fmt.Fprintf(t.w, format, args...) }

func (t *tableWriter) heading(s string) { t.printf("\n%s\n", t.p.in(bold, s)) }

// limit is how many of n rows are shown.
func (t *tableWriter) limit(n int) int {
	if t.top == 0 || n <= t.top {
		return n
	}
	return t.top
}

func (t *tableWriter) more(n int, what string) {
	if hidden := n - t.limit(n); hidden > 0 {
		t.printf("  ... and %s more %s: --top 0 shows all\n", number(hidden), what)
	}
}

func (t *tableWriter) headline() {
	r := t.r
	var basic, onPrem, unknown int
	var signIns, untold int64
	for i := range r.people {
		p := &r.people[i]
		basic, signIns = basic+min(1, int(p.basic)), signIns+p.basic
		onPrem += min(1, int(p.onPrem))
		unknown, untold = unknown+min(1, int(p.unknown)), untold+p.unknown
	}
	t.printf("%s\n", t.p.in(bold, "Legacy authentication in "+cell(strings.Join(r.paths, " "))))
	t.filtered()
	if r.Period.From == "" {
		t.printf("  No sign-in could be looked for: %s. See below what was found instead.\n", t.nothing())
		return
	}
	t.printf("  %s to %s UTC, %s, %s in %s\n\n", t.day(r.Period.From), t.day(r.Period.To), plural(len(t.serverNames()), "server"),
		plural(r.Lines.Total, "line"), plural(len(r.Sources), "file"))
	t.printf("  %s of %s signed in with a password sent as such (Basic, LOGIN, PLAIN): %s.\n",
		t.p.in(bold, number(basic)), plural(len(r.people), "account"), plural(signIns, "sign-in"))
	if untold > 0 {
		t.printf("  Of %s by %s the logs do not say how: they may be Basic too.\n", plural(untold, "sign-in"), plural(unknown, "account"))
	}
	t.printf("  A block of basic authentication in Exchange Online (AllowBasicAuth*) would meet %s,\n", plural(basic, "account"))
	t.printf("  a block in Exchange Server (BlockLegacyAuth*: Basic, Digest, NTLM, Kerberos) %s.\n", plural(onPrem, "account"))
	if n := r.SignIns.Waiting; n > 0 {
		t.printf("  Not counted yet: %s, until it is known whether the other log of their server tells them too.\n", plural(n, "sign-in line"))
	}
	if n := len(r.found); n > 0 {
		when := ""
		if r.store != "" && (r.Options.Since != "" || r.Options.Until != "") {
			when = " of this time"
		}
		t.printf("  %s%s: %s%s.\n", plural(n, "finding"), when, t.severities(), standing(r.found))
	}
}

// filtered says by which flags the numbers are not those of all that was given.
func (t *tableWriter) filtered() {
	var by []string
	if o := t.r.Options; o.Since != "" || o.Until != "" || len(o.Exclude) > 0 {
		if o.Since != "" {
			by = append(by, "from "+t.day(o.Since))
		}
		if o.Until != "" {
			by = append(by, "before "+t.day(o.Until))
		}
		if len(o.Exclude) > 0 {
			by = append(by, "without "+strings.Join(o.Exclude, " "))
		}
		t.printf("  filtered: %s\n", cell(strings.Join(by, ", ")))
	}
}

// nothing says why there is nothing to tell.
func (t *tableWriter) nothing() string {
	for _, c := range t.r.Other {
		if c.Reason == ingest.ReasonOutside {
			return fmt.Sprintf("%s lie outside of --since and --until", plural(c.Lines, "line"))
		}
	}
	return "no log with an event was read"
}

func (t *tableWriter) day(s string) string { return strings.Replace(s[:min(16, len(s))], "T", " ", 1) }

func (t *tableWriter) serverNames() map[string]bool {
	names := map[string]bool{}
	for _, c := range t.r.Coverage {
		if k, _ := signin.ParseKind(c.Kind); !k.Gateway() {
			names[c.Server] = true
		}
	}
	return names
}

func (t *tableWriter) severities() string {
	count := map[signin.Severity]int{}
	for _, f := range t.r.found {
		count[f.Severity]++
	}
	var parts []string
	for s := signin.Critical; ; s-- {
		if count[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[s], s))
		}
		if s == signin.Info {
			return strings.Join(parts, ", ")
		}
	}
}

// matrix shows the successful sign-ins per protocol and authentication type.
func (t *tableWriter) matrix() {
	type way struct {
		p signin.Protocol
		a signin.Auth
	}
	counts := map[way]int64{}
	var protocols, auths uint32
	for i := range t.r.rows {
		if u := &t.r.rows[i]; u.Outcome == signin.Success {
			counts[way{u.Protocol, u.Auth}] += u.Count
			protocols |= 1 << u.Protocol
			auths |= 1 << u.Auth
		}
	}
	if protocols == 0 {
		return
	}
	t.heading("Successful sign-ins by protocol and authentication")
	columns := bitsOf(auths)
	head := []string{"protocol"}
	for _, a := range columns {
		head = append(head, ">"+signin.Auth(a).String())
	}
	tb := newTable(append(head, ">accounts")...)
	for _, p := range bitsOf(protocols) {
		row := []string{signin.Protocol(p).String()}
		for _, a := range columns {
			row = append(row, blankZero(counts[way{signin.Protocol(p), signin.Auth(a)}]))
		}
		n := 0
		for i := range t.r.people {
			if t.r.people[i].protocols&(1<<p) != 0 {
				n++
			}
		}
		tb.add(append(row, number(n))...)
	}
	tb.write(t.w, t.p)
}

// bitsOf lists the bits that are set, in the order of their words; the first, which is unknown or
// other, comes last.
func bitsOf(set uint32) (list []uint8) {
	for i := uint8(1); i < 32; i++ {
		if set&(1<<i) != 0 {
			list = append(list, i)
		}
	}
	if set&1 != 0 {
		list = append(list, 0)
	}
	return list
}

func blankZero(n int64) string {
	if n == 0 {
		return "."
	}
	return number(n)
}

func (t *tableWriter) accounts() {
	var legacy []*person
	for i := range t.r.people {
		if p := &t.r.people[i]; p.basic > 0 {
			legacy = append(legacy, p)
		}
	}
	if len(legacy) == 0 {
		if len(t.r.people) > 0 {
			t.printf("\n  No account is proven to have used basic authentication.\n")
		}
		return
	}
	slices.SortFunc(legacy, func(a, b *person) int {
		return cmp.Or(cmp.Compare(b.basic, a.basic), cmp.Compare(a.name, b.name))
	})
	t.heading("Accounts that still use basic authentication")
	tb := newTable("account", "basic on", ">sign-ins", "last with basic", "also signs in with", "clients")
	for _, p := range legacy[:t.limit(len(legacy))] {
		slices.Sort(p.clients)
		name := p.name
		if p.service {
			name += " (service)"
		}
		tb.add(name, strings.Join(words(p.basicOn, "protocol"), " "), number(p.basic), minute(p.lastBasic), p.others(), strings.Join(p.clients, " "))
	}
	tb.write(t.w, t.p)
	t.more(len(legacy), "accounts")
}

// others are the ways of signing in that would remain after a block.
func (p *person) others() string {
	other := words(p.auths&^(1<<signin.Basic), "auth")
	if len(other) == 0 {
		return "nothing else"
	}
	return strings.Join(other, " ")
}

// findings shows one row for each rule that fires; with -v one for each finding.
func (t *tableWriter) findings() {
	if len(t.r.found) == 0 {
		return
	}
	t.heading("Findings")
	if t.verbose {
		t.everyFinding()
		return
	}
	tb := newTable("severity", "rule", "what", ">findings", ">count", "last", "who")
	for _, group := range byRule(t.r.found) {
		var count int64
		last := group[0].Last
		for _, f := range group {
			count += f.Count
			if f.Last.After(last) {
				last = f.Last
			}
		}
		tb.add(group[0].Severity.String(), group[0].Rule, group[0].Name, number(len(group)), number(count), minute(last.UnixMilli()), t.who(group))
	}
	tb.write(t.w, t.p)
	t.printf("  -v shows every finding\n")
}

func (t *tableWriter) everyFinding() {
	tb := newTable("severity", "rule", "what", "who", "on", ">count", "last")
	for i := range t.r.found {
		f := &t.r.found[i]
		tb.add(f.Severity.String(), f.Rule, f.Name, t.subject(f), orDash(f.Protocol), number(f.Count), minute(f.Last.UnixMilli()))
	}
	tb.write(t.w, t.p)
}

// subject is whom a finding is about and, of an address that was let in, as whom.
func (t *tableWriter) subject(f *rules.Finding) string {
	if account := t.r.opened[f.ID]; account != "" {
		return f.Subject + " as " + account
	}
	return orDash(f.Subject)
}

// byRule cuts findings, which are in the order of severity and rule, into those of each rule.
func byRule(found []rules.Finding) [][]rules.Finding {
	var groups [][]rules.Finding
	for len(found) > 0 {
		n := 1
		for n < len(found) && found[n].Rule == found[0].Rule {
			n++
		}
		groups, found = append(groups, found[:n]), found[n:]
	}
	return groups
}

// who names the subjects that count most.
func (t *tableWriter) who(group []rules.Finding) string {
	group = slices.Clone(group)
	slices.SortStableFunc(group, func(a, b rules.Finding) int { return cmp.Compare(b.Count, a.Count) })
	var names []string
	for i := range group {
		names = append(names, t.subject(&group[i]))
	}
	return some(names)
}

// refused sums up the credentials that were refused: their names are victims and not users.
func (t *tableWriter) refused() {
	var refused, nameless, blocked int64
	names, held := map[*signin.Account]bool{}, map[*signin.Account]bool{}
	for i := range t.r.rows {
		switch u := &t.r.rows[i]; {
		case u.Outcome == signin.Blocked:
			blocked += u.Count
			held[u.Account] = true
		case u.Outcome == signin.Failure && u.Account.Key == "":
			nameless += u.Count
		case u.Outcome == signin.Failure:
			refused += u.Count
			names[u.Account] = true
		}
	}
	if refused+nameless+blocked == 0 {
		return
	}
	t.heading("Not use")
	if refused+nameless > 0 {
		t.printf("  %s refused: %s for %s, %s without a name.\n", plural(refused+nameless, "credential"), number(refused), plural(len(names), "named account"), number(nameless))
	}
	if blocked > 0 {
		var who []string
		for a := range held {
			who = append(who, rules.Subject(a))
		}
		slices.Sort(who)
		t.printf("  %s gave a right password and were then refused by policy: %s.\n", plural(blocked, "sign-in"), cell(some(slices.Compact(who))))
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
