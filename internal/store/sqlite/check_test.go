package sqlite

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Whatever is broken by hand is named, with the numbers.
func TestCheckNamesWhatIsBroken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		breaks    string
		invariant string
		says      string
	}{
		"a range is gone":           {"DELETE FROM ledger WHERE start = 0 AND source = 1", LedgerRanges, "a range begins at byte"},
		"a range is moved":          {`UPDATE ledger SET "end" = "end" - 1 WHERE start = 0 AND source = 1`, LedgerRanges, "the one before it ends at"},
		"a range is empty":          {`UPDATE ledger SET "end" = start WHERE start = 0 AND source = 1`, LedgerRanges, "ends at 0"},
		"the checkpoint is moved":   {`UPDATE source SET "offset" = "offset" + 7 WHERE id = 1`, LedgerRanges, "its checkpoint is"},
		"a digest is changed":       {"UPDATE ledger SET digest = zeroblob(32) WHERE start = 0 AND source = 1", LedgerChain, "from the digests it is"},
		"a chain is changed":        {"UPDATE source SET chain = zeroblob(32) WHERE id = 1", LedgerChain, "that of the log 000000"},
		"lines are counted twice":   {"UPDATE line_count SET lines = lines + 1 WHERE source = 1 AND day = (SELECT max(day) FROM line_count)", LedgerLines, "lines were committed, and"},
		"the checkpoint's lines":    {"UPDATE ledger SET lines = lines + 1 WHERE source = 1", LedgerLines, "its checkpoint says"},
		"usage is not its days":     {"UPDATE usage SET count = count + 5 WHERE id = 1", UsageSums, "row 1 (contoso\\anna on EX01) counts"},
		"a usage row without days":  {"DELETE FROM day WHERE usage = 1", UsageSums, "its days 0"},
		"what is aged is changed":   {"UPDATE usage SET aged_count = 3 WHERE id = 1", UsageSums, "those that were dropped 3"},
		"a day is not its hours":    {"UPDATE hour SET count = count + 1 WHERE usage = 1", DaySums, "row 1 (contoso\\anna on EX01) counts"},
		"a day without hours":       {"DELETE FROM hour WHERE usage = 1", DaySums, "and its hours 0"},
		"hours of another minute":   {"UPDATE hour SET first = first + 1 WHERE usage = 1", DaySums, "its hours say: from"},
		"told twice, and counted":   {"UPDATE weak SET state = 1 WHERE state = 2", DaySums, "and its hours 2"},
		"hours that count no more":  {"UPDATE weak SET state = 2 WHERE state = 1", SignInLines, "lines with a sign-in, and"},
		"fewer told twice":          {"UPDATE weak SET count = count - 1 WHERE state = 2", WeakSums, "were told twice in the hour from 2026-10-"},
		"a sign-in less":            {"DELETE FROM weak WHERE state = 2", SignInLines, "0 told twice"},
		"a finding's usage is gone": {"DELETE FROM usage WHERE id = 1", References, "rows of table finding_usage point to usage 1"},
		"a finding is gone":         {"DELETE FROM finding WHERE rule = 'T-2'", References, "table evidence point to finding"},
		"a log is gone":             {"DELETE FROM source WHERE id = 1", References, "point to source 1, which is not there"},
		"evidence behind the end":   {"UPDATE evidence SET at = at + 1000000 WHERE finding = (SELECT min(finding) FROM evidence)", References, "were committed"},
		"a name is gone":            {"DELETE FROM account WHERE id = 1", References, "rows of table usage point to account 1"},
		"a group is gone":           {"DELETE FROM rule_group", References, "rows of table minute point to rule_group"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := keep(t, Retention{})
			k.clock = k.clock.Add(-7 * aDay)
			tenDays(k)
			k.clock = k.clock.Add(7 * aDay)
			k.read()
			k.write("proxy.LOG", proxied(clock("2026-10-13 01:00"), `CONTOSO\anna`, "curl/8")) // a second range
			k.read()
			k.settle()
			k.sound()
			k.exec(c.breaks)
			found, err := k.Check(context.Background(), CheckOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range found.Problems {
				if p.Invariant == c.invariant && strings.Contains(p.Message, c.says) {
					return
				}
			}
			t.Errorf("no %s with %q among %v", c.invariant, c.says, found.Problems)
		})
	}
}

// Thousands of problems are told briefly.
func TestCheckIsBrief(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	for n := range 15 {
		k.write("proxy"+string(rune('a'+n))+".LOG", keptProxyHead, proxied(clock("2026-10-19 08:00").Add(time.Duration(n)*time.Second), `CONTOSO\anna`, "curl/8"))
	}
	k.read()
	k.exec(`UPDATE source SET "offset" = "offset" - 1`)
	found, err := k.Check(context.Background(), CheckOptions{})
	if err != nil {
		t.Fatal(err)
	}
	n, last := 0, ""
	for _, p := range found.Problems {
		if p.Invariant == LedgerRanges {
			n, last = n+1, p.Message
		}
	}
	if n != tellAtMost+1 || last != "and 5 more of this sort" {
		t.Errorf("%d problems, the last is %q", n, last)
	}
}

// A log that was changed after it was read is found out.
func TestCheckLogs(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	tenDays(k)
	k.write("gone.log", keptIISHead, web(clock("2026-10-19 07:00"), "dora"))
	k.write("short.log", keptIISHead, web(clock("2026-10-19 06:00"), "emil"))
	k.read()
	if c := k.sound(); c.Counts["logs"] != 4 || c.Counts["bytes"] != k.n(`SELECT sum("offset") FROM source`) {
		t.Errorf("checked: %v", c.Counts)
	}
	path := filepath.Join(k.logs, "u_ex.log")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte("CONTOSO\\ben"), []byte("CONTOSO\\eva"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(k.logs, "gone.log")); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(k.logs, "short.log"), 40); err != nil {
		t.Fatal(err)
	}
	c, err := k.Check(context.Background(), CheckOptions{Logs: true})
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, p := range c.Problems {
		said = append(said, p.Invariant+" "+p.Message)
	}
	all := strings.Join(said, "\n")
	if len(said) != 2 || !strings.Contains(all, "u_ex.log: bytes 0 to") || !strings.Contains(all, "they were changed since") || !strings.Contains(all, "short.log ends at byte 40") {
		t.Errorf("found: %s", all)
	}
	if c.Counts["logs"] != 3 || c.Counts["logs_missing"] != 1 {
		t.Errorf("checked: %v", c.Counts)
	}
}

// A file whose bytes were flipped is not sound, wherever they are.
func TestCheckFindsDamage(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	tenDays(k)
	k.read()
	k.settle()
	dir := k.Dir()
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, fileName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tried, found := 0, 0
	for page := 1; page < len(whole)/8192; page += 4 { // but the first, without which it is no store
		tried++
		damaged := bytes.Clone(whole)
		for i := range 64 {
			damaged[page*8192+i] ^= 0xff
		}
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), dir, Options{})
		if err != nil {
			found++ // it says so at once
			continue
		}
		c, err := s.Check(t.Context(), CheckOptions{})
		if err != nil {
			t.Errorf("page %d: %v", page, err)
		} else if len(c.Problems) > 0 {
			found++
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	// Pages that hold nothing may hold anything.
	if tried-found > 1 || found == 0 {
		t.Errorf("damage in %d of %d pages was not found", tried-found, tried)
	}
}

// A check ends when nobody waits for it.
func TestCheckStops(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := k.Check(ctx, CheckOptions{Logs: true}); err == nil {
		t.Error("it goes on")
	}
}
