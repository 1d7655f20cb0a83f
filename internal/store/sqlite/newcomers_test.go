package sqlite

import (
	"testing"

	"github.com/outmode/outmode/rules"
)

// Whether somebody is new depends on logs that may come later: on older sign-ins of theirs, and on how far the logs
// reach back.
func TestNewcomersAreDecidedAgain(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	set, problems := rules.Load([]rules.File{{Name: "new.yaml", Data: []byte(`
id: T-9
name: new account
severity: low
type: first_seen
baseline: 1d
group_by: [user]
when: outcome == "success"
`)}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	k.opt.Rules = set
	step := func(name, at, user, want string) {
		t.Helper()
		k.write(name, keptProxyHead, proxied(clock(at), user, "sync-tool/1.0"))
		k.read()
		k.settle()
		if got := k.text("SELECT coalesce(group_concat(subject || ' ' || state, ', '), '') FROM (SELECT subject, state FROM finding WHERE rule = 'T-9' ORDER BY subject)"); got != want {
			t.Errorf("after %s: %s; want %s", name, got, want)
		}
	}
	step("a.LOG", "2026-10-06 08:00", "anna", "anna candidate")
	step("b.LOG", "2026-10-16 08:00", "bob", "anna candidate, bob open")
	step("late.LOG", "2026-10-06 20:00", "bob", "anna candidate, bob candidate")
	step("older.LOG", "2026-10-05 08:00", "carl", "anna open, bob open, carl candidate")
	step("oldest.LOG", "2026-10-05 07:00", "bob", "anna open, bob candidate, carl candidate")
}

// The same where only lines tell who is new: an agent, an address.
func TestNewcomersOfMinutesAreDecidedAgain(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	step := func(name, want string, lines ...string) {
		t.Helper()
		k.write(name, append([]string{keptProxyHead}, lines...)...)
		k.read()
		k.settle()
		if got := k.text("SELECT coalesce(group_concat(line, '; '), '') FROM (SELECT subject || ' ' || count AS line FROM finding WHERE rule = 'T-3' AND count > 0 ORDER BY 1)"); got != want {
			t.Errorf("after %s: %s; want %s", name, got, want)
		}
		k.sound()
	}
	step("a.LOG", "", proxied(clock("2026-10-06 08:00"), `CONTOSO\anna`, "curl/8"), proxied(clock("2026-10-06 09:00"), `CONTOSO\anna`, "curl/8"))
	step("b.LOG", `contoso\anna, curl/8 2`, proxied(clock("2026-10-04 08:00"), `CONTOSO\carl`, "curl/8"))
	step("c.LOG", "", proxied(clock("2026-10-04 09:00"), `CONTOSO\anna`, "curl/8"))
	step("d.LOG", `contoso\anna, curl/8 3; contoso\carl, curl/8 1`, proxied(clock("2026-10-03 07:00"), `CONTOSO\dora`, "curl/8"))
}

// A finding that was dropped, since it had been resolved for long, is what it was when it is made again: of all rows of
// the account, and open if the account was new.
func TestFindingsThatWereDroppedAreMadeAgain(t *testing.T) {
	t.Parallel()
	k := keep(t, short())
	k.judgeBy(keptRules + "---\nid: T-9\nname: new account\nseverity: low\ntype: first_seen\nbaseline: 1d\nwhen: outcome == \"success\"\n")
	k.clock = clock("2026-10-20 12:00")
	at := clock("2026-10-19 08:00")
	k.write("a.LOG", keptProxyHead, proxied(at.Add(-2*aDay), `CONTOSO\anna`, "curl/8"), proxied(at, `CONTOSO\bob`, "curl/8"), proxied(at, `CONTOSO\bob`, "Thunderbird/115"))
	k.read()
	k.settle()
	found := func() string {
		return k.text(`SELECT group_concat(line, '; ') FROM (SELECT f.rule || ' ' || f.state || ' ' || sum(u.count) || ' of ' || count(*) AS line
			FROM finding f JOIN finding_usage x ON x.finding = f.id JOIN usage u ON u.id = x.usage WHERE f.subject LIKE '%bob' GROUP BY f.id ORDER BY 1)`)
	}
	if got := found(); got != "T-1 open 2 of 2; T-9 open 2 of 2" {
		t.Fatal(got)
	}
	k.exec("UPDATE finding SET state = 'resolved', changed = ?, last = ? WHERE subject LIKE '%bob'", clock("2026-01-01").UnixMilli(), at.UnixMilli())
	k.prune()
	if n := k.n("SELECT count(*) FROM finding WHERE subject LIKE '%bob'"); n != 0 {
		t.Fatalf("%d findings are left", n)
	}
	k.write("a.LOG", proxied(at.Add(aDay), `CONTOSO\bob`, "curl/8"))
	k.read()
	if got := found(); got != "T-1 open 3 of 2; T-9 open 3 of 2" {
		t.Error(got)
	}
	k.sound()
}

// Retention and a start of the process change nothing about who is new: what shows since when logs were heard is kept
// less long than whoever was new is seen.
func TestNewcomersOutliveTheHours(t *testing.T) {
	t.Parallel()
	k := keep(t, short())
	k.judgeBy("id: T-9\nname: new account\nseverity: low\ntype: first_seen\nbaseline: 1d\nwhen: outcome == \"success\"\n")
	k.clock = clock("2026-10-20 12:00")
	k.write("a.LOG", keptProxyHead, proxied(clock("2026-10-01 08:00"), `CONTOSO\anna`, "curl/8"))
	for day := range 15 {
		k.write("a.LOG", proxied(clock("2026-10-05 08:00").AddDate(0, 0, day), `CONTOSO\bob`, "curl/8"))
	}
	k.read()
	k.settle()
	k.prune()
	for _, when := range []string{"before", "after"} {
		if got := k.text("SELECT group_concat(subject || ' ' || state, ', ') FROM (SELECT subject, state FROM finding ORDER BY subject)"); got != `contoso\anna candidate, contoso\bob open` {
			t.Errorf("%s a start: %s", when, got)
		}
		k.writer = nil
		k.settle()
	}
}
