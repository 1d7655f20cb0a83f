package rules_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// analysts writes n rules such as people write: over the key, over accounts and, with lines, over what
// only a line tells.
func analysts(n int, lines bool) string {
	whens := []string{
		`protocol == "ews" && auth == "basic" && outcome == "success" && user == "svc%d"`,
		`protocol in ["mapi", "rpc"] && auth == "ntlm" && !internal && domain == "contoso" && glob(user, "adm%d*")`,
		`client == "script" && (user startsWith "test%d" || privileged)`,
		`legacy_onprem && modern == "no" && domain == "d%d.contoso.com"`,
		`!legacy_exo && client == "browser" && server == "EX%d"`,
		`outcome == "blocked" && auth in ["basic", "digest"] && user != "x%d"`,
	}
	if lines {
		whens = []string{
			`outcome == "failure" && cidr(address, "203.0.113.%d/32")`,
			`auth == "basic" && status == %d`,
			`auth == "basic" && hour >= 22 && user != "x%d"`,
			`path contains "/x%d/"`,
			`agent matches "^program-%d" && !internal`,
			`weekday in ["saturday", "sunday"] && privileged && glob(agent, "*%d")`,
		}
	}
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "---\nid: A-%d\nname: bench\nseverity: info\nwhen: >-\n  "+whens[i%len(whens)]+"\n", i, i%200)
	}
	return b.String()
}

func pack(tb testing.TB, more string) *rules.Set {
	tb.Helper()
	set, problems := rules.Load(append(rules.Builtin(), rules.File{Name: "more", Data: []byte(more)}))
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	return set
}

// newcomers are sign-ins of accounts of which each comes once: more of them than a Judge remembers, so
// that it has not met the account of any, as when a row is new. They come in so many combinations of
// protocol, authentication, outcome, client and the like.
func newcomers(combinations int) (all []*signin.SignIn) {
	r := newRand(1)
	w := newWorld(r)
	var kinds []*signin.SignIn
	for range combinations {
		kinds = append(kinds, w.signIn(r))
	}
	for i := range 20_000 {
		s := *kinds[i%combinations]
		name := fmt.Sprintf("user%d", i)
		s.Account = &signin.Account{Name: name, Domain: "contoso", Key: `contoso\` + name, Form: signin.Sam}
		all = append(all, &s)
	}
	return all
}

// BenchmarkRow judges a sign-in whose usage row is new: mostly since the account is, seldom since
// nobody signed in that way before.
func BenchmarkRow(b *testing.B) {
	for _, c := range []struct {
		name, more   string
		combinations int
	}{{"builtin", "", 50}, {"200rules", analysts(180, false), 50}, {"builtin/new-combination", "", 20_000}, {"200rules/new-combination", analysts(180, false), 20_000}} {
		b.Run(c.name, func(b *testing.B) {
			j, all := pack(b, c.more).NewJudge(), newcomers(c.combinations)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				j.Row(all[i%len(all)])
				i++
			}
		})
	}
}

// BenchmarkLine judges a line whose usage row is known, by rules that read what only lines tell.
func BenchmarkLine(b *testing.B) {
	for _, c := range []struct{ name, more string }{{"builtin", ""}, {"200rules", analysts(180, true)}} {
		b.Run(c.name, func(b *testing.B) {
			j := pack(b, c.more).NewJudge()
			r := newRand(2)
			w := newWorld(r)
			var all []*signin.SignIn
			var rows []*signin.Hits
			for range 5_000 {
				s := w.signIn(r)
				all, rows = append(all, s), append(rows, j.Row(s))
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				j.Line(rows[i%len(rows)], all[i%len(all)])
				i++
			}
		})
	}
}

// BenchmarkLoad compiles the built-in pack, which every command does first.
func BenchmarkLoad(b *testing.B) {
	files := rules.Builtin()
	b.ReportAllocs()
	for b.Loop() {
		if _, problems := rules.Load(files); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}

// BenchmarkFindings turns a day's rows and minutes into findings.
func BenchmarkFindings(b *testing.B) {
	set := load(b, everyType)
	p := newPipeline(set)
	for _, l := range randomDay(1, 5_000) {
		p.add(l, nil)
	}
	o := p.observed(days(1))
	b.ReportAllocs()
	for b.Loop() {
		set.Findings(o)
	}
}
