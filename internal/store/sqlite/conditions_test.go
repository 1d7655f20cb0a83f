package sqlite

import (
	"strings"
	"testing"
	"time"
)

// Every part of a log that is missing is told: by the count of the finding, in its words and in its history, whatever
// was said of the others.
func TestSecondHoleIsTold(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	k.write("proxy.LOG", keptProxyHead, proxied(k.clock.Add(-time.Hour), `CONTOSO\anna`, "curl/8"))
	k.read()
	hole := func(at, from, to int64, reason string) {
		k.exec(`INSERT INTO hole (source, at, bytes, "from", "to", reason) VALUES (1, ?, 100, ?, ?, ?)`, at, from, to, reason)
	}
	watch := func() {
		t.Helper()
		if err := k.Watch(t.Context(), k.clock, 0); err != nil {
			t.Fatal(err)
		}
	}
	found := func(want string) {
		t.Helper()
		if got := k.text("SELECT group_concat(state || ' ' || count || ' ' || first || '-' || last || ' ' || note) FROM finding WHERE rule = ?", RuleHole); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	history := func(want int64) {
		t.Helper()
		if n := k.n("SELECT count(*) FROM history WHERE note LIKE 'more is missing: %'"); n != want {
			t.Errorf("its history tells of %d more, want %d", n, want)
		}
	}
	hole(500, 1000, 2000, "it shrank")
	watch()
	watch()
	found("open 1 1000-2000 it shrank: 100 bytes from byte 500")
	history(0)
	hole(700, 3000, 4000, "it went away")
	watch()
	watch()
	found("open 2 1000-4000 it shrank: 100 bytes from byte 500; it went away: 100 bytes from byte 700")
	history(1)
	id := k.text("SELECT id FROM finding WHERE rule = ?", RuleHole)
	if err := k.Acknowledge(t.Context(), []string{id}, "dora", "the disk was full"); err != nil {
		t.Fatal(err)
	}
	hole(900, 500, 4000, "third")
	hole(950, 500, 4500, "fourth")
	watch()
	found("acknowledged 4 500-4500 the disk was full")
	history(2)
	if text := k.text("SELECT note FROM history ORDER BY id DESC LIMIT 1"); !strings.HasSuffix(text, "third: 100 bytes from byte 900; and 1 more") {
		t.Error(text)
	}
	k.exec("DELETE FROM hole WHERE at < 900")
	watch()
	found("acknowledged 2 500-4500 the disk was full")
	history(2)
	k.exec("DELETE FROM hole")
	watch()
	found("resolved 2 500-4500 the disk was full")
	hole(990, 5000, 6000, "again")
	watch()
	found("open 1 5000-6000 again: 100 bytes from byte 990")
	history(2)
}
