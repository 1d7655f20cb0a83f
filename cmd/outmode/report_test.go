package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

const (
	iisHead = "#Fields: date time s-computername cs-method cs-uri-stem s-port cs-username c-ip sc-status sc-substatus sc-win32-status\r\n"
	typed   = "#Fields: date time s-computername cs-method cs-uri-stem s-port cs-username c-ip sc-status AUTH_TYPE\r\n"
)

// logs writes files into a new folder and returns it.
func logs(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		write(t, filepath.Join(dir, name), []byte(content))
	}
	return dir
}

// says checks that a text holds some parts and lacks others, which begin with "not ".
func says(t *testing.T, text string, parts ...string) {
	t.Helper()
	flat := strings.Join(strings.Fields(text), " ") // notes are wrapped
	for _, p := range parts {
		if lacks, ok := strings.CutPrefix(p, "not "); ok && strings.Contains(flat, lacks) {
			t.Errorf("says %q:\n%s", lacks, text)
		} else if !ok && !strings.Contains(flat, p) {
			t.Errorf("does not say %q:\n%s", p, text)
		}
	}
}

// Without HttpProxy nothing is proven, and a zero must not look like an all-clear.
func TestIISAloneIsNoAllClear(t *testing.T) {
	t.Parallel()
	dir := logs(t, map[string]string{"u_ex261006.log": iisHead + "2026-10-06 08:00:00 EX01 POST /EWS/Exchange.asmx 443 CONTOSO\\anna 192.0.2.7 200 0 0\r\n"})
	says(t, must(t, exitDone, "scan", dir), "0 of 1 account signed in with a password",
		"Of 1 sign-in by 1 account the logs do not say how: they may be Basic too",
		"EX01: of 1 sign-in on ews IIS alone tells", "no HttpProxy log of EX01 was read: only it says how")
	dir = logs(t, map[string]string{"u_ex261006.log": typed + "2026-10-06 08:00:00 EX01 POST /EWS/Exchange.asmx 443 CONTOSO\\anna 192.0.2.7 200 Basic\r\n"})
	says(t, must(t, exitDone, "scan", dir), "1 of 1 account signed in with a password", "not IIS alone tells", "not may be Basic too")
}

// What one server lacks is said though another has it.
func TestMissingLogsAreSaidPerServer(t *testing.T) {
	t.Parallel()
	dir := logs(t, map[string]string{
		"a/u_ex261006.log": iisHead + "2026-10-06 08:00:00 EX02 POST /EWS/Exchange.asmx 443 CONTOSO\\anna 192.0.2.7 200 0 0\r\n",
		"b/a.LOG":          proxyHead + proxyLine(`CONTOSO\ben`, "x"),
	})
	says(t, must(t, exitDone, "scan", dir), "no HttpProxy log of EX02 was read", "no IIS log of EX01 was read", "no POP log of EX01, EX02 was read")
}

// The gaps in JSON are those of the notes, at both ends too.
func TestGapsAgree(t *testing.T) {
	t.Parallel()
	var r struct {
		Coverage []struct {
			Server, Kind string
			Complete     bool
			Gaps         []struct{ From, To, Reason string }
		}
		Notes []string
	}
	decode(t, contosoJSON(t), &r)
	gaps, notes := 0, 0
	for _, c := range r.Coverage {
		if c.Complete != (len(c.Gaps) == 0) {
			t.Errorf("%s %s: complete %v with %d gaps", c.Server, c.Kind, c.Complete, len(c.Gaps))
		}
		for _, g := range c.Gaps {
			gaps++
			want := fmt.Sprintf("%s: no %s data from %s to %s: %s", c.Server, c.Kind, strings.Replace(g.From[:16], "T", " ", 1), strings.Replace(g.To[:16], "T", " ", 1), g.Reason)
			if !strings.Contains(strings.Join(r.Notes, "\n"), want) {
				t.Errorf("no note says %q", want)
			}
		}
	}
	for _, n := range r.Notes {
		if strings.Contains(n, " data from ") {
			notes++
		}
	}
	if gaps != 3 || notes != 3 {
		t.Errorf("%d gaps, %d notes of them", gaps, notes)
	}
}

// Nothing is left out in silence, and a filtered report says that it is one.
func TestFiltersAreSaid(t *testing.T) {
	t.Parallel()
	dir := logs(t, map[string]string{"old/b.LOG": proxyHead + proxyLine(`CONTOSO\zoe`, "x"), "a.LOG": proxyHead + proxyLine(`CONTOSO\anna`, "x")})
	out := must(t, exitDone, "scan", dir, "--exclude", "old,svc-*", "--since", "2026-01-01")
	says(t, out, "filtered: from 2026-01-01 00:00, without old svc-*", "1 file or folder left out by --exclude: "+filepath.ToSlash(dir)+"/old",
		`--exclude "svc-*" fits nothing that was read`, `not --exclude "old" fits nothing`)
	out = must(t, exitDone, "scan", dir, "-o", "json", "--exclude", "path:*/old", "--service", "ann?")
	var r struct {
		Options  map[string]any
		Version  string
		Accounts []struct {
			User, Traffic string
			Forms         []string
		}
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(r.Options["exclude"], r.Options["service"], r.Options["since"]) != "[path:*/old] [ann?]" || r.Version == "" {
		t.Errorf("options %v of version %q", r.Options, r.Version)
	}
	if len(r.Accounts) != 1 || r.Accounts[0].Traffic != "service" {
		t.Errorf("accounts %+v", r.Accounts)
	}
	says(t, must(t, exitDone, "scan", dir, "--since", "2027-01-01"), "2 lines lie outside of --since and --until")
	says(t, must(t, exitDone, "scan", dir, "--service", "ann?"), `contoso\anna (service)`)
	for _, bad := range [][]string{{"--exclude", "user:anna"}, {"--exclude", "agent:*"}, {"--fail-on", ""}, {"--top", "many"}} {
		code, _, errs := outmode(t, "", append([]string{"scan", dir}, bad...)...)
		if code != exitUsage || strings.Contains(errs, "strconv") {
			t.Errorf("%q: exit %d %s", bad, code, errs)
		}
	}
}

// An account that opens a shared mailbox is one account, in lists and in findings.
func TestSharedMailboxIsNoAccount(t *testing.T) {
	t.Parallel()
	var r struct {
		Accounts []struct {
			User  string
			Forms []string
		}
		Findings []struct{ Rule, Subject string }
	}
	decode(t, contosoJSON(t), &r)
	known := map[string]bool{}
	for _, a := range r.Accounts {
		known[a.User] = true
		if a.User == `contoso\h.vogel` && fmt.Sprint(a.Forms) != `[contoso\h.vogel contoso\h.vogel\facilities]` {
			t.Errorf("forms %q", a.Forms)
		}
	}
	for _, f := range r.Findings {
		if strings.HasPrefix(f.Rule, "OM-100") && !known[f.Subject] {
			t.Errorf("%s is about %s, which no account is called", f.Rule, f.Subject)
		}
	}
}

// A command that is printed can be pasted.
func TestNextCommandIsQuoted(t *testing.T) {
	t.Parallel()
	dir := logs(t, map[string]string{"my logs/it's.LOG": proxyHead + proxyLine(`CONTOSO\anna`, "x")})
	out := must(t, exitDone, "scan", filepath.Join(dir, "my logs"))
	if !strings.Contains(out, `--line 2 '`+filepath.ToSlash(dir)+`/my logs/it'\''s.LOG'`) {
		t.Error(out[strings.Index(out, "\nNext"):])
	}
}
