package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What the operator knows and a log does not say.
func TestOperatorsFlags(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.LOG"), []byte(proxyHead+proxyLine(`CONTOSO\svc-erp`, "x")+proxyLine(`CONTOSO\svc-monitor`, "x")+proxyLine(`CONTOSO\anna`, "x")))
	write(t, filepath.Join(dir, "old", "b.LOG"), []byte(proxyHead+proxyLine(`CONTOSO\zoe`, "x")))
	for _, c := range []struct {
		args         string
		users, noise string
	}{
		{"", `contoso\anna contoso\svc-erp contoso\svc-monitor contoso\zoe`, ""},
		{"--exclude svc-monitor", `contoso\anna contoso\svc-erp contoso\zoe`, "left out by --exclude"},
		{`--exclude CONTOSO\svc-*`, `contoso\anna contoso\zoe`, "left out by --exclude"},
		{"--exclude b.LOG", `contoso\anna contoso\svc-erp contoso\svc-monitor`, ""},
		{"--exclude path:*/old", `contoso\anna contoso\svc-erp contoso\svc-monitor`, ""},
		{"--service svc-*", `contoso\anna contoso\svc-erp contoso\svc-monitor contoso\zoe`, ""},
	} {
		args := append([]string{"scan", "-o", "csv", dir}, strings.Fields(c.args)...)
		out := must(t, exitDone, args...)
		for _, u := range []string{`contoso\anna`, `contoso\svc-erp`, `contoso\svc-monitor`, `contoso\zoe`} {
			if strings.Contains(out, u+",") != strings.Contains(c.users, u) {
				t.Errorf("%q: %s", c.args, u)
			}
		}
		if strings.HasPrefix(c.args, "--service") && strings.Count(out, ",service,") != 2 {
			t.Errorf("service accounts are not told apart:\n%s", out)
		}
		if table := must(t, exitDone, append([]string{"scan", dir}, strings.Fields(c.args)...)...); !strings.Contains(table, c.noise) {
			t.Errorf("%q: the table does not say %q", c.args, c.noise)
		}
	}
	if out := must(t, exitDone, "scan", "-o", "csv", "--internal", "198.51.100.0/24", dir); strings.Contains(out, ",false,false,1") {
		t.Errorf("--internal is not heeded:\n%s", out)
	}
}

func TestDayFlag(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 10, 8, 15, 4, 5, 0, time.UTC)
	for value, want := range map[string]string{
		"0d": "2026-10-08", "7d": "2026-10-01", "2026-10-06": "2026-10-06", "2026-10-06T23:59:59Z": "2026-10-06", "2026-10-06T23:59:59-02:00": "2026-10-07",
	} {
		ms, err := dayFlag("--since", value, now)
		if got := time.UnixMilli(ms).UTC().Format(time.RFC3339); err != nil || got != want+"T00:00:00Z" {
			t.Errorf("%s: %s, %v", value, got, err)
		}
	}
	for _, value := range []string{"7", "-7d", "7days", "10/06/2026", "d"} {
		if _, err := dayFlag("--since", value, now); err == nil {
			t.Errorf("%q is taken for a day", value)
		}
	}
}

func TestProgressBar(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	bar := bar{w: &b, last: -1}
	bar.update(10, 100)
	bar.update(10, 100)
	bar.update(250, 100)
	bar.done()
	if got := b.String(); strings.Count(got, "\r") != 3 || !strings.Contains(got, " 10 %") || !strings.Contains(got, "100 %") || !strings.HasSuffix(got, "\x1b[K") {
		t.Errorf("%q", got)
	}
	quiet := (&globals{streams: streams{err: &b}}).progress()
	quiet.update(1, 2)
	quiet.done()
	if quiet.w != nil {
		t.Error("a bar is drawn where there is no terminal")
	}
}
