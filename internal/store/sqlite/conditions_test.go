package sqlite

import (
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
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

// That the store took nothing for a time is a finding when it takes again, and for a month.
func TestRefusalIsAFinding(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	k.clock = clock("2026-10-06 09:00")
	src := &ingest.Source{ID: 1, Path: "a.LOG", State: ingest.Read, Plain: true}
	refused := func(from, to string) {
		t.Helper()
		r := ingest.Refusal{From: clock(from).UnixMilli(), To: clock(to).UnixMilli(), Why: "the disk is full"}
		if err := k.Commit(t.Context(), &ingest.Commit{Sources: []*ingest.Source{src}, Refused: []ingest.Refusal{r}}); err != nil {
			t.Fatal(err)
		}
	}
	watched := func(want ...string) {
		t.Helper()
		if err := k.Watch(t.Context(), k.clock, 0); err != nil {
			t.Fatal(err)
		}
		got := k.text("SELECT coalesce(group_concat(state || ' ' || count || ' ' || first || '-' || last || ' ' || note), '') FROM finding WHERE rule = ?", RuleRefused)
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("got %q, want %q", got, w)
			}
		}
		if len(want) == 0 && got != "" {
			t.Errorf("got %q", got)
		}
	}
	watched()
	refused("2026-10-06 08:15", "2026-10-06 08:47")
	watched("open 1 ", "from 2026-10-06 08:15:00 to 2026-10-06 08:47:00 UTC (32m0s) nothing could be committed", "the disk is full")
	dir := k.Dir()
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	k.open(dir, Retention{})
	k.clock = clock("2026-10-20 09:00")
	refused("2026-10-20 07:00", "2026-10-20 07:02")
	watched("open 2 ", "from 2026-10-20 07:00:00 to 2026-10-20 07:02:00 UTC (2m0s)", "; from 2026-10-06 08:15:00")
	if n := k.n("SELECT count(*) FROM history WHERE note LIKE 'again: %'"); n != 1 {
		t.Errorf("its history tells of %d more, want 1", n)
	}
	if n := k.n("SELECT count(*) FROM outbox x JOIN finding f ON f.id = x.finding WHERE f.rule = ?", RuleRefused); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
	k.clock = clock("2026-11-10 09:00")
	watched("open 1 ", "from 2026-10-20")
	k.clock = clock("2026-11-20 09:00")
	watched("resolved ")
	refused("2026-11-20 07:00", "2026-11-20 07:02")
	watched("open 1 ", "from 2026-11-20")
}

// A log of which no line is understood has no event: that is told all the same, and as of now.
func TestLogThatIsNotUnderstoodAtAll(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	k.write("u_ex.log", keptIISHead, strings.Repeat("2026-13-77 99:99:99 nonsense\r\n", 50))
	k.read()
	if err := k.Watch(t.Context(), k.clock, 0); err != nil {
		t.Fatal(err)
	}
	open, err := k.CountOpen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := k.n("SELECT count(*) FROM outbox x JOIN finding f ON f.id = x.finding WHERE f.rule = ? AND f.first = ?", RuleMalformed, k.clock.UnixMilli()); n != 1 || open[int(signin.Medium)] != 1 {
		t.Errorf("%d messages, and open are %v", n, open)
	}
}
