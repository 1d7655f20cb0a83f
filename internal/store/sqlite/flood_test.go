package sqlite

import (
	"testing"

	"github.com/outmode/outmode/rules"
)

// judgeBy makes a store judge by other rules.
func (k *kept) judgeBy(text string) {
	k.t.Helper()
	set, problems := rules.Load([]rules.File{{Name: "other.yaml", Data: []byte(text)}})
	if len(problems) > 0 {
		k.t.Fatal(problems)
	}
	k.opt.Rules, k.writer = set, nil
}

// found is every finding with its state and the lines that it cites.
func (k *kept) found() string {
	k.t.Helper()
	return k.text(`SELECT coalesce(group_concat(line, char(10)), '') FROM (SELECT f.rule || ' ' || f.subject || ' ' || f.state || ' cites ' ||
		(SELECT coalesce(group_concat(at, ' '), 'nothing') FROM (SELECT e.at FROM evidence e WHERE e.finding = f.id ORDER BY e.path, e.at)) AS line FROM finding f ORDER BY 1)`)
}

// Refused names that are too many are one account, and what is cited of them is cited by its finding: names that were
// made up leave nothing else behind.
func TestRefusedNamesTooManyAreCitedAsOne(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	k.judgeBy("id: T-4\nname: refused\nseverity: high\nwhen: outcome == \"failure\" && user != \"\"\n")
	at := clock("2026-10-19 08:00")
	k.write("u_ex.log", keptIISHead, refused(at, "anna"))
	k.read()
	k.writer.refused[int32(at.UnixMilli()/dayMs)] = maxRefusedADay - 1
	k.write("u_ex.log", refused(at, "bert"), refused(at, "carl"), refused(at, "dora"), refused(at, "anna"), refused(at, "emil"), refused(at, "fred"))
	k.read()
	k.sound()
	want := `T-4 (other accounts) open cites 304 396 580
T-4 contoso\anna open cites 120 488
T-4 contoso\bert open cites 212`
	if got := k.found(); got != want {
		t.Errorf("found:\n%s\nwant\n%s", got, want)
	}
}

// That the same few rows are written again and again, with every commit of a log that is followed, makes them no flood:
// their addresses are told apart. Where there are too many rows they are not.
func TestRefusalsOfFewRowsAreNoFlood(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	at := clock("2026-10-19 08:00")
	hour := int32(at.UnixMilli() / hourMs)
	more := func(address string, written int) int64 {
		t.Helper()
		k.read()
		k.writer.refusals[hour] = written
		k.write("u_ex.log", from(refused(at, "anna"), address))
		k.read()
		return k.n("SELECT count(*) FROM hour WHERE address = 0")
	}
	k.write("u_ex.log", keptIISHead, refused(at, "anna"))
	if n := more("203.0.113.1", maxRefusalsAnHour); n != 0 || k.writer.refusals[hour] != 2 {
		t.Errorf("%d rows without an address, and %d were counted", n, k.writer.refusals[hour])
	}
	if n := more("203.0.113.2", maxRefusalsAnHour+1); n != 1 {
		t.Errorf("%d rows without an address, want 1", n)
	}
	k.sound()
}
