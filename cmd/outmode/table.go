package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/outmode/outmode/internal/signin"
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
	var basic, onPrem, basicLines int64
	for _, a := range r.Accounts {
		if a.LegacyEXO {
			basic++
			basicLines += a.basic
		}
		if a.LegacyOnPrem {
			onPrem++
		}
	}
	t.printf("%s\n", t.p.in(bold, "Legacy authentication in "+cell(strings.Join(r.paths, " "))))
	if r.Period.From == "" {
		t.printf("  No sign-in could be looked for: no log with an event was read. See below what was found instead.\n")
		return
	}
	t.printf("  %s to %s UTC, %s, %s in %s\n\n", t.day(r.Period.From), t.day(r.Period.To), plural(len(t.serverNames()), "server"),
		plural(r.Lines.Total, "line"), plural(len(r.Sources), "file"))
	t.printf("  %s of %s signed in with a password sent as such (Basic, LOGIN, PLAIN): %s.\n",
		t.p.in(bold, number(basic)), plural(len(r.Accounts), "account"), plural(basicLines, "sign-in"))
	t.printf("  A block of basic authentication in Exchange Online (AllowBasicAuth*) would meet %s,\n", plural(basic, "account"))
	t.printf("  a block in Exchange Server (BlockLegacyAuth*: Basic, Digest, NTLM, Kerberos) %s.\n", plural(onPrem, "account"))
	if n := len(r.found); n > 0 {
		t.printf("  %s: %s.\n", plural(n, "finding"), t.severities())
	}
}

func (t *tableWriter) day(s string) string { return strings.Replace(s[:min(16, len(s))], "T", " ", 1) }

func (t *tableWriter) serverNames() map[string]bool {
	names := map[string]bool{}
	for _, c := range t.r.Coverage {
		if c.Kind == "iis" || c.Kind == "httpproxy" || len(names) == 0 {
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
	type cellKey struct{ protocol, auth string }
	counts := map[cellKey]int64{}
	users := map[string]map[string]bool{}
	auths := map[string]bool{}
	for i := range t.r.Usage {
		u := &t.r.Usage[i]
		if u.Outcome != "success" {
			continue
		}
		counts[cellKey{u.Protocol, u.Auth}] += u.Count
		auths[u.Auth] = true
		if users[u.Protocol] == nil {
			users[u.Protocol] = map[string]bool{}
		}
		users[u.Protocol][u.User] = true
	}
	if len(users) == 0 {
		return
	}
	t.heading("Successful sign-ins by protocol and authentication")
	columns := ordered(auths, "auth")
	head := []string{"protocol"}
	for _, a := range columns {
		head = append(head, ">"+a)
	}
	tb := newTable(append(head, ">accounts")...)
	for _, p := range ordered(users, "protocol") {
		row := []string{p}
		for _, a := range columns {
			row = append(row, blankZero(counts[cellKey{p, a}]))
		}
		tb.add(append(row, number(len(users[p])))...)
	}
	tb.write(t.w, t.p)
}

// ordered returns the keys in the order of the field's words, legacy first.
func ordered[V any](m map[string]V, field string) []string {
	words := signin.Words(field)
	rank := func(s string) int {
		if s == "unknown" || s == "other" {
			return len(words)
		}
		return slices.Index(words, s)
	}
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	return keys
}

func blankZero(n int64) string {
	if n == 0 {
		return "."
	}
	return number(n)
}

func (t *tableWriter) accounts() {
	var legacy []*account
	for i := range t.r.Accounts {
		if a := &t.r.Accounts[i]; a.LegacyEXO {
			legacy = append(legacy, a)
		}
	}
	if len(legacy) == 0 {
		if len(t.r.Accounts) > 0 {
			t.printf("\n  No account is proven to have used basic authentication in what was read.\n")
		}
		return
	}
	slices.SortFunc(legacy, func(a, b *account) int {
		return cmp.Or(cmp.Compare(b.basic, a.basic), cmp.Compare(a.User, b.User))
	})
	t.heading("Accounts that still use basic authentication")
	tb := newTable("account", "basic on", ">sign-ins", "last with basic", "also signs in with", "clients")
	for _, a := range legacy[:t.limit(len(legacy))] {
		tb.add(a.User, strings.Join(a.basicWays, " "), number(a.basic), minute(a.lastBasic), t.others(a), strings.Join(a.Clients, " "))
	}
	tb.write(t.w, t.p)
	t.more(len(legacy), "accounts")
}

// others are the ways of signing in that would remain after a block.
func (t *tableWriter) others(a *account) string {
	var other []string
	for _, auth := range a.Auths {
		if auth != "basic" {
			other = append(other, auth)
		}
	}
	if len(other) == 0 {
		return "nothing else"
	}
	return strings.Join(other, " ")
}

func (t *tableWriter) findings() {
	if len(t.r.found) == 0 {
		return
	}
	t.heading("Findings")
	tb := newTable("severity", "rule", "what", "who", "on", ">sign-ins", "last")
	for i := range t.r.found[:t.limit(len(t.r.found))] {
		f := &t.r.found[i]
		tb.add(f.Severity.String(), f.Rule, f.Name, orDash(f.Subject), orDash(f.Protocol), number(f.Count), minute(f.Last.UnixMilli()))
	}
	tb.write(t.w, t.p)
	t.more(len(t.r.found), "findings")
}

// refused sums up the credentials that were refused: their names are victims and not users.
func (t *tableWriter) refused() {
	var refused, nameless, blocked int64
	names, held := map[string]bool{}, map[string]bool{}
	for i := range t.r.Usage {
		switch u := &t.r.Usage[i]; {
		case u.Outcome == "blocked":
			blocked += u.Count
			held[u.User] = true
		case u.Outcome == "failure" && u.User == "":
			nameless += u.Count
		case u.Outcome == "failure":
			refused += u.Count
			names[u.User] = true
		}
	}
	if refused+nameless+blocked == 0 {
		return
	}
	t.heading("Not use")
	if refused+nameless > 0 {
		t.printf("  %s refused, for %s by name and %s without a name.\n", plural(refused+nameless, "credential"), plural(len(names), "account"), number(nameless))
	}
	if blocked > 0 {
		t.printf("  %s of %s passed the password and were then refused by policy.\n", plural(blocked, "sign-in"), plural(len(held), "account"))
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
