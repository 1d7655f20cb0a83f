package sqlite

import "testing"

// A line that comes when its hour was settled already is cited like one that came in time.
func TestLateLinesAreCited(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		k := keep(t, Retention{})
		k.judgeBy("id: T-5\nname: signed in\nseverity: high\nwhen: outcome == \"success\"\n")
		k.write("u_ex1.log", keptIISHead, web(clock("2026-10-19 08:00"), "dora"))
		k.read()
		if late {
			k.settle()
		}
		k.write("u_ex2.log", keptIISHead, web(clock("2026-10-19 08:10"), "emil"))
		k.write("u_ex1.log", web(clock("2026-10-19 08:30"), "fred"))
		k.read()
		k.settle()
		k.read() // what is cited is looked at
		if got, want := k.found(), "T-5 contoso\\dora open cites 120\nT-5 contoso\\emil open cites 120\nT-5 contoso\\fred open cites 205"; got != want {
			t.Errorf("late %v:\n%s\nwant\n%s", late, got, want)
		}
		if n := k.n("SELECT count(*) FROM evidence WHERE sha256 IS NULL OR document IS NULL"); n != 0 {
			t.Errorf("late %v: %d lines are cited that nobody looked at", late, n)
		}
		k.sound()
	}
}
