package sqlite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
)

const aDay = 24 * time.Hour

// short keeps little, so that few lines are old.
func short() Retention {
	return Retention{Hours: 2 * aDay, Days: 5 * aDay, Evidence: 3 * aDay, Findings: 20 * aDay}
}

// tenDays writes ten days of logs that end with the clock: HttpProxy in the morning, IIS all day.
func tenDays(k *kept) {
	first := k.clock.Add(-10 * aDay)
	k.write("proxy.LOG", keptProxyHead)
	k.write("u_ex.log", keptIISHead)
	for d := range 10 {
		at := first.Add(time.Duration(d) * aDay)
		for n := range 3 {
			k.write("proxy.LOG", proxied(at.Add(8*time.Hour+time.Duration(n)*time.Minute), `CONTOSO\anna`, "curl/8"))
		}
		k.write("u_ex.log", web(at.Add(8*time.Hour), "anna"), web(at.Add(8*time.Hour+time.Minute), "anna"), // told twice
			web(at.Add(14*time.Hour), "ben"), web(at.Add(14*time.Hour+time.Second), "ben")) // HttpProxy is silent
		for n := range 4 {
			k.write("u_ex.log", refused(at.Add(15*time.Hour+time.Duration(n)*time.Minute), "carla"))
		}
		k.write("u_ex.log", probe(at.Add(23*time.Hour)))
	}
}

// What is old goes, and every sum stays what it was.
func TestPruneKeepsTheSums(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	tenDays(k)
	k.read()
	k.settle()
	k.sound()
	k.opt.Retention = short()
	sums := func() string {
		return fmt.Sprint("usage ", k.n("SELECT sum(count) FROM usage"), " lines ", k.n("SELECT sum(lines) FROM line_count"), " twice ", k.n("SELECT sum(count) FROM weak WHERE state = 2"),
			" first ", k.n("SELECT min(first) FROM usage"), " last ", k.n("SELECT max(last) FROM usage"), " found ", k.text("SELECT group_concat(id || count || first || last) FROM (SELECT * FROM finding ORDER BY id)"))
	}
	before := sums()
	if n := k.n("SELECT count(*) FROM day WHERE day < ?", k.clock.Add(-6*aDay).UnixMilli()/dayMs); n == 0 {
		t.Fatal("no day is old: nothing is tested")
	}
	steps := k.prune()
	if after := sums(); after != before {
		t.Errorf("after: %s\nbefore: %s", after, before)
	}
	c := k.sound()
	if c.Counts["days"] == 0 || c.Counts["hours"] == 0 || c.Counts["lines"] != k.n("SELECT sum(lines) FROM source") {
		t.Errorf("checked: %v", c.Counts)
	}
	newest := k.n("SELECT max(last) FROM heard")
	hours, days := (newest-short().Hours.Milliseconds())/dayMs, (newest-short().Days.Milliseconds())/dayMs
	for query, want := range map[string]int64{
		"SELECT min(day) FROM day":        days,
		"SELECT min(hour) / 24 FROM hour": hours,
		"SELECT min(minute) / 1440 FROM minute WHERE \"group\" IN (SELECT g.id FROM rule_group g JOIN rule r ON r.id = g.rule WHERE r.name = 'T-2')": hours,
		"SELECT min(hour) / 24 FROM heard":                                  days,
		"SELECT min(hour) / 24 FROM weak WHERE hour >= 0":                   days,
		"SELECT min(day) FROM line_count WHERE day > 0":                     days,
		"SELECT count(*) FROM line_count WHERE day = -1":                    k.n("SELECT count(*) FROM (SELECT DISTINCT source, verdict, reason FROM line_count WHERE day = -1)"),
		"SELECT count FROM weak WHERE hour = -1":                            2 * (days - (k.clock.Add(-10*aDay).UnixMilli() / dayMs)),
		"SELECT count(*) FROM usage WHERE aged_count = 0 AND count > 0":     0,
		"SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'hours_from'": hours,
	} {
		if got := k.n(query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
	if again := k.prune(); again != 1 || steps < 10 {
		t.Errorf("Prune took %d steps, and then %d", steps, again)
	}
	k.clock = k.clock.Add(aDay) // the clock alone makes nothing older: no event came
	if again := k.prune(); again != 1 {
		t.Errorf("a day without an event took %d steps", again)
	}
}

// Logs of the future make nothing old.
func TestPruneByTheClock(t *testing.T) {
	t.Parallel()
	k := keep(t, short())
	k.clock = clock("2026-10-12")
	k.write("u_ex.log", keptIISHead, web(clock("2026-10-11 08:00"), "anna"), web(clock("2099-10-11 08:00"), "anna"))
	k.read()
	k.settle()
	k.prune()
	if n := k.n("SELECT count(*) FROM hour"); n != 2 {
		t.Errorf("%d hour rows, want 2", n)
	}
}

// An hour that waits for the other log is kept however old it is, and is dropped when it is settled.
func TestPruneKeepsWhatWaits(t *testing.T) {
	t.Parallel()
	k := keep(t, short())
	k.write("u_ex.log", keptIISHead, web(clock("2026-10-01 08:00"), "anna"), refused(clock("2026-10-01 09:00"), "anna"), probe(clock("2026-10-19 23:00")))
	k.read()
	k.prune()
	if n := k.n("SELECT count(*) FROM hour"); n != 1 {
		t.Errorf("%d hour rows wait, want 1", n)
	}
	if n := k.n("SELECT count(*) FROM weak"); n != 1 {
		t.Errorf("%d hours wait, want 1", n)
	}
	k.sound()
	k.settle()
	k.exec("DELETE FROM meta WHERE name = 'pruned'") // the next day
	k.prune()
	if n := k.n("SELECT count(*) FROM hour") + k.n("SELECT count(*) FROM weak"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	if n := k.n("SELECT sum(aged_count) FROM usage"); n != 2 {
		t.Errorf("%d sign-ins are known still, want 2", n)
	}
	k.sound()
}

// A finding of a window counts what it counted, though the minutes that show it are gone, and goes on counting.
func TestPruneKeepsWhatWindowsFound(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	guesses := func(from string, n int) (lines []string) {
		for i := range n {
			lines = append(lines, refused(clock(from).Add(time.Duration(i)*time.Minute), "anna"))
		}
		return lines
	}
	k.write("u_ex.log", append([]string{keptIISHead}, guesses("2026-10-01 08:00", 5)...)...)
	k.write("u_ex.log", guesses("2026-10-17 23:58", 4)...) // on both sides of what is kept
	k.write("u_ex.log", probe(clock("2026-10-20 01:00")))
	k.clock = clock("2026-10-20 02:00")
	k.read()
	finding := func() string {
		return k.text("SELECT count || ' ' || aged_count || ' ' || first || ' ' || last || ' ' || state FROM finding WHERE rule = 'T-2'")
	}
	first, last := clock("2026-10-01 08:00").UnixMilli(), clock("2026-10-18 00:01").UnixMilli()
	want := func(count, aged int) {
		t.Helper()
		if got, want := finding(), fmt.Sprintf("%d %d %d %d open", count, aged, first, last); got != want {
			t.Errorf("the finding is %s, want %s", got, want)
		}
	}
	want(9, 0)
	k.opt.Retention = short()
	cited := k.text("SELECT group_concat(at || hex(sha256)) FROM evidence")
	k.prune()
	if n := k.n("SELECT count(*) FROM minute"); n != 2 {
		t.Errorf("%d minutes are left, want 2", n)
	}
	want(9, 9) // two of the last four are left, and show nothing alone
	if now := k.text("SELECT group_concat(at || hex(sha256)) FROM evidence"); now != cited {
		t.Errorf("it cites %s, and %s before", now, cited)
	}
	k.write("u_ex.log", guesses("2026-10-20 01:10", 3)...)
	last = clock("2026-10-20 01:12").UnixMilli()
	k.read()
	want(12, 9)
	if now := k.text("SELECT group_concat(at || hex(sha256)) FROM evidence"); now != cited {
		t.Errorf("it cites %s, and %s before: these came first", now, cited)
	}
	k.exec("DELETE FROM meta WHERE name = 'pruned'")
	k.prune()
	want(12, 9)
	k.write("u_ex.log", probe(clock("2026-10-29 01:00")))
	k.clock = clock("2026-10-29 02:00")
	k.read()
	k.prune()
	want(12, 12)
	if n := k.n("SELECT count(*) FROM rule_group WHERE rule = (SELECT id FROM rule WHERE name = 'T-2')"); n != 0 {
		t.Errorf("%d groups without a minute", n)
	}
	k.sound()
}

// The first minute of a debut is kept: without it the next one would look like the debut.
func TestPruneKeepsDebuts(t *testing.T) {
	t.Parallel()
	k := keep(t, short())
	k.write("proxy.LOG", keptProxyHead)
	for d := range 12 {
		k.write("proxy.LOG", proxied(clock("2026-10-08 08:00").Add(time.Duration(d)*aDay), `CONTOSO\anna`, "curl/8"))
	}
	k.clock = clock("2026-10-19 09:00")
	k.read()
	const found = "SELECT count(*) FROM finding WHERE rule = 'T-3' AND state = 'open'"
	if n := k.n(found); n != 0 {
		t.Fatalf("%d findings of a program that was there from the beginning", n)
	}
	k.prune()
	if n := k.n("SELECT count(*) FROM minute"); n != 4 {
		t.Errorf("%d minutes, want the first and three", n)
	}
	k.write("proxy.LOG", proxied(clock("2026-10-19 10:00"), `CONTOSO\anna`, "curl/8"))
	k.read()
	if n := k.n(found); n != 0 {
		t.Errorf("%d findings of an old program", n)
	}
	k.write("proxy.LOG", proxied(clock("2026-10-19 11:00"), `CONTOSO\anna`, "new/1"))
	k.read()
	if n := k.n(found); n != 1 {
		t.Errorf("%d findings of a new program, want 1", n)
	}
	k.sound()
}

// A rule that was taken away leaves findings whose count stays.
func TestPruneWithoutTheRule(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	tenDays(k)
	k.read()
	k.settle()
	k.opt.Retention = short()
	before := k.n("SELECT count FROM finding WHERE rule = 'T-2'")
	k.exec("UPDATE rule SET name = 'T-0' WHERE name = 'T-2'")
	k.prune()
	if n := k.n("SELECT count FROM finding WHERE rule = 'T-2'"); n != before {
		t.Errorf("the finding counts %d, want %d", n, before)
	}
	if n := k.n("SELECT aged_count FROM finding WHERE rule = 'T-2'"); n == 0 || n > before {
		t.Errorf("of %d, %d are of minutes that were dropped", before, n)
	}
	k.sound()
}

// Documents go, and what proves them stays.
func TestPruneEvidence(t *testing.T) {
	t.Parallel()
	k := keep(t, short())
	k.write("proxy.LOG", keptProxyHead, proxied(clock("2026-10-19 23:00"), `CONTOSO\anna`, "curl/8"))
	k.read()
	const of = ` AND finding = (SELECT id FROM finding WHERE rule = 'T-1' AND subject = 'contoso\anna')`
	const documents, proofs = "SELECT count(*) FROM evidence WHERE document IS NOT NULL" + of, "SELECT count(*) FROM evidence WHERE length(sha256) = 32 AND length > 0" + of
	if k.n(documents) != 1 || k.n(proofs) != 1 {
		t.Fatalf("%d documents and %d proofs, want 1", k.n(documents), k.n(proofs))
	}
	k.prune()
	if k.n(documents) != 1 {
		t.Error("a document is gone that is new")
	}
	k.write("proxy.LOG", proxied(clock("2026-10-24 01:00"), `CONTOSO\ben`, "curl/8"))
	k.clock = clock("2026-10-24 02:00")
	k.read()
	k.prune()
	if k.n(documents) != 0 || k.n(proofs) != 1 {
		t.Errorf("%d documents and %d proofs, want 0 and 1", k.n(documents), k.n(proofs))
	}
	k.sound()
}

// A finding goes with all that is about it when it was resolved for long.
func TestPruneFindings(t *testing.T) {
	t.Parallel()
	k := keep(t, short())
	k.write("proxy.LOG", keptProxyHead, proxied(clock("2026-10-19 23:00"), `CONTOSO\anna`, "curl/8"), proxied(clock("2026-10-19 23:01"), `CONTOSO\ben`, "curl/8"))
	k.read()
	k.exec("UPDATE finding SET state = 'resolved', changed = ? WHERE subject = 'contoso\\anna'", k.clock.UnixMilli())
	k.exec("INSERT INTO history (finding, at, state, actor, note) SELECT id, 1, state, '', '' FROM finding")
	k.write("proxy.LOG", proxied(clock("2026-11-08 01:00"), `CONTOSO\carla`, "curl/8"))
	k.clock = clock("2026-11-08 02:00")
	k.read()
	k.prune()
	if n := k.n("SELECT count(*) FROM finding WHERE rule = 'T-1'"); n != 3 {
		t.Errorf("%d findings after 19 days, want 3", n)
	}
	k.write("proxy.LOG", proxied(clock("2026-11-11 01:00"), `CONTOSO\carla`, "curl/8"))
	k.clock = clock("2026-11-11 02:00")
	k.read()
	k.prune()
	for query, want := range map[string]int64{"SELECT count(*) FROM finding WHERE rule = 'T-1'": 2, "SELECT count(*) FROM history WHERE finding NOT IN (SELECT id FROM finding)": 0, "SELECT count(*) FROM finding_usage x JOIN finding f ON f.id = x.finding WHERE rule = 'T-1'": 2} {
		if n := k.n(query); n != want {
			t.Errorf("%s: %d, want %d", query, n, want)
		}
	}
	k.sound()
	k.write("proxy.LOG", proxied(clock("2026-11-11 03:00"), `CONTOSO\anna`, "curl/8"))
	k.clock = clock("2026-11-11 04:00")
	k.read()
	if n := k.n("SELECT count(*) FROM finding WHERE rule = 'T-1' AND subject = 'contoso\\anna' AND state = 'open' AND opened > 0"); n != 1 {
		t.Errorf("%d findings of an account that was seen again, want 1", n)
	}
	k.sound()
}

// A message that nobody sent for a month is too late.
func TestPruneOutbox(t *testing.T) {
	t.Parallel()
	k := keep(t, short())
	k.write("proxy.LOG", keptProxyHead, proxied(k.clock.Add(-time.Hour), `CONTOSO\anna`, "curl/8"))
	k.read()
	k.exec("DELETE FROM outbox")
	for _, age := range []time.Duration{29, 32} {
		k.exec("INSERT INTO outbox (at, finding, event) VALUES (?, '', 'opened')", k.clock.Add(-age*aDay).UnixMilli())
	}
	k.prune()
	if n := k.n("SELECT count(*) FROM outbox"); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
}

// Logs that went away and whose days are gone go too. What was counted of them stays counted.
func TestPruneSources(t *testing.T) {
	t.Parallel()
	k := keep(t, short())
	k.write("u_ex1.log", keptIISHead, web(clock("2026-10-01 08:00"), "anna"), probe(clock("2026-10-01 09:00")))
	k.write("u_ex2.log", keptIISHead, web(clock("2026-10-02 08:00"), "anna"))
	k.write("proxy1.LOG", keptProxyHead, proxied(clock("2026-10-03 08:00"), `CONTOSO\ben`, "curl/8")) // a finding cites it
	k.write("u_ex3.log", keptIISHead, web(clock("2026-10-04 08:00"), "anna"))
	k.write("u_ex4.log", keptIISHead, web(clock("2026-10-19 08:00"), "anna"))
	k.read()
	k.settle()
	lines, counted := k.n("SELECT sum(lines) FROM source"), k.n("SELECT sum(count) FROM usage")
	for _, name := range []string{"u_ex1.log", "u_ex2.log", "proxy1.LOG", "u_ex4.log"} {
		if err := os.Remove(filepath.Join(k.logs, name)); err != nil {
			t.Fatal(err)
		}
	}
	k.read()
	k.prune()
	list, err := k.List(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range list {
		names = append(names, filepath.Base(list[i].Path)+" "+string(list[i].State))
	}
	if got, want := strings.Join(names, ", "), "* gone, proxy1.LOG gone, u_ex3.log read, u_ex4.log gone"; got != want {
		t.Errorf("the ledger has %s, want %s", got, want)
	}
	aged := list[0]
	if aged.Lines.Total != 5 || aged.Lines.SignIn != 2 || aged.Lines.Noise != 1 || !strings.HasPrefix(aged.Why, "2 logs ") || aged.First != clock("2026-10-01 08:00").UnixMilli() {
		t.Errorf("the log that stands for those that aged out: %+v", aged)
	}
	if n := k.n("SELECT sum(lines) FROM source"); n != lines {
		t.Errorf("%d lines, want %d", n, lines)
	}
	if n := k.n("SELECT sum(count) FROM usage"); n != counted {
		t.Errorf("%d sign-ins, want %d", n, counted)
	}
	k.sound()
	// They are gone for the pipeline, too, and new logs get numbers of their own.
	if err := os.Remove(filepath.Join(k.logs, "u_ex3.log")); err != nil {
		t.Fatal(err)
	}
	k.write("u_ex5.log", keptIISHead, web(clock("2026-10-20 08:00"), "anna"))
	k.clock = clock("2026-10-21 08:00")
	k.read()
	k.settle()
	k.prune()
	if list, err = k.List(context.Background()); err != nil || len(list) != 4 || !strings.HasPrefix(list[0].Why, "3 logs ") || list[0].State != ingest.Gone {
		t.Errorf("%v, %+v", err, list)
	}
	k.sound()
}

// Free pages go back to the disk once they are a good part of the file.
func TestPruneGivesSpaceBack(t *testing.T) {
	t.Parallel()
	k := keep(t, short())
	tenDays(k)
	k.read()
	if k.n("PRAGMA auto_vacuum") != 2 {
		t.Skip("stores are not made with auto_vacuum = INCREMENTAL")
	}
	k.exec("CREATE TABLE heap (x BLOB)")
	k.exec("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500) INSERT INTO heap SELECT zeroblob(8000) FROM n")
	k.exec("DROP TABLE heap")
	before := k.n("PRAGMA page_count")
	k.prune()
	if after := k.n("PRAGMA page_count"); after > before/2 {
		t.Errorf("%d pages of %d are left", after, before)
	}
	fi, err := os.Stat(filepath.Join(k.Dir(), fileName+"-wal"))
	if err != nil || fi.Size() > 1<<20 {
		t.Errorf("the log of transactions: %v, %v", fi, err)
	}
	k.sound()
}

// A log that comes when the hours it tells of are gone takes nothing out of their days, which cannot be made anew.
func TestLateLogAfterPrune(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	tenDays(k)
	k.read()
	k.settle()
	k.opt.Retention = short()
	k.prune()
	counted := k.n("SELECT sum(count) FROM usage")
	kept := (k.clock.UnixMilli()-dayMs)/dayMs - k.n("SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'hours_from'") + 1
	k.write("late.LOG", keptProxyHead)
	for d := range 10 { // of each day the hour in which IIS was alone, old and new
		k.write("late.LOG", proxied(k.clock.Add(-10*aDay+time.Duration(d)*aDay+14*time.Hour), `CONTOSO\dora`, "curl/8"))
	}
	k.read()
	k.settle()
	if n := k.n("SELECT sum(count) FROM usage"); n != counted+10-2*kept {
		t.Errorf("%d sign-ins count, want %d + 10 - 2 * %d", n, counted, kept)
	}
	k.sound()
	k.exec("DELETE FROM meta WHERE name = 'pruned'")
	k.prune()
	k.sound()
}

// A result of all time has what was dropped in its totals; one of a period has not.
func TestResultAfterPrune(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	tenDays(k)
	k.read()
	k.settle()
	result := func(p Period) *ingest.Result {
		t.Helper()
		r, err := k.Result(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		if r.Lines.SignIn != r.Counted+r.ToldTwice+r.Waiting {
			t.Errorf("%d lines with a sign-in, and %d counted + %d told twice + %d waiting", r.Lines.SignIn, r.Counted, r.ToldTwice, r.Waiting)
		}
		return r
	}
	all, lately := result(Period{}), result(Period{From: k.clock.Add(-2 * aDay).UnixMilli()})
	k.opt.Retention = short()
	k.prune()
	if r := result(Period{}); r.Lines != all.Lines || r.Counted != all.Counted || r.ToldTwice != all.ToldTwice {
		t.Errorf("of all time: %+v, %d counted; before: %+v, %d", r.Lines, r.Counted, all.Lines, all.Counted)
	}
	if r := result(Period{From: k.clock.Add(-2 * aDay).UnixMilli()}); r.Lines != lately.Lines || r.Counted != lately.Counted {
		t.Errorf("of two days: %+v, %d counted; before: %+v, %d", r.Lines, r.Counted, lately.Lines, lately.Counted)
	}
	result(Period{To: k.clock.UnixMilli()})
}
