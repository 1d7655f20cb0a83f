package sqlite

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// heardFrom notes that a log was heard in the hours of some days.
func (k *kept) heardFrom(server string, kind signin.Kind, protocol signin.Protocol, from, to string, hours func(time.Time) bool) {
	k.exec("INSERT INTO server (name) VALUES (?) ON CONFLICT DO NOTHING", server)
	for at := clock(from); at.Before(clock(to)); at = at.Add(time.Hour) {
		if hours(at) {
			k.exec("INSERT INTO heard (server, kind, protocol, hour, first, last) SELECT id, ?, ?, ?, ?, ? FROM server WHERE name = ?", kind, protocol, at.UnixMilli()/hourMs,
				at.Add(10*time.Minute).UnixMilli(), at.Add(50*time.Minute).UnixMilli(), server)
		}
	}
}

func always(time.Time) bool { return true }

func inTheOffice(at time.Time) bool {
	return at.Weekday() != time.Saturday && at.Weekday() != time.Sunday && at.Hour() >= 7 && at.Hour() < 19
}

// A log is silent for too long by its own habit.
func TestSilent(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	const end = "2026-10-20 12:00" // a Tuesday
	k.heardFrom("EX01", signin.IIS, signin.EWS, "2026-10-01", end, always)
	k.heardFrom("EX01", signin.IIS, signin.MAPI, "2026-10-01", "2026-10-10", always)
	k.heardFrom("EX01", signin.IMAPLog, signin.IMAP, "2026-09-01", end, inTheOffice)
	k.heardFrom("EX02", signin.IIS, signin.EWS, "2026-10-20 02:00", end, always)                                                            // since this night
	k.heardFrom("EX02", signin.SMTPLog, signin.SMTP, "2026-10-16", end, always)                                                             // for four days
	k.heardFrom("EX03", signin.HTTPProxy, signin.EWS, "2026-09-01", "2026-10-05", always)                                                   // gone for two weeks
	k.heardFrom("EX03", signin.POPLog, signin.POP, "2026-09-01", end, func(at time.Time) bool { return at.Day()%2 == 0 && at.Hour() == 3 }) // every other night
	k.heardFrom("192.0.2.10", signin.IIS, signin.OAB, "2026-10-01", "2026-10-05", always)                                                   // EX01 before it was known
	k.exec("INSERT INTO server_address (ip, name) VALUES (x'c000020a', 'EX01.contoso.com')")
	silent := func(now string, after time.Duration) string {
		t.Helper()
		all, err := k.Silent(context.Background(), clock(now), after)
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		for _, x := range all {
			said = append(said, fmt.Sprintf("%s %s since %s usual %s", x.Server, x.Kind, x.Since.Format("02 15:04"), x.Usual))
		}
		return strings.Join(said, ", ")
	}
	const proxy = "EX03 httpproxy since 04 23:50 usual 2h0m0s"
	for now, want := range map[string]string{
		end:                proxy,
		"2026-10-20 14:45": proxy,
		"2026-10-20 14:55": "EX01 iis since 20 11:50 usual 2h0m0s, " + proxy,
		"2026-10-23 02:00": "EX01 iis since 20 11:50 usual 2h0m0s, " + proxy,                                                                                       // the mail protocols pause as long on weekends
		"2026-10-24 10:00": "EX01 iis since 20 11:50 usual 2h0m0s, EX01 imap since 20 11:50 usual 60h20m0s, " + proxy + ", EX03 pop since 20 03:50 usual 47h20m0s", // 90.5 h, and 71 h
	} {
		if got := silent(now, 0); got != want {
			t.Errorf("at %s: %s, want %s", now, got, want)
		}
	}
	if got := silent("2026-10-20 16:00", 4*time.Hour); got != "EX01 iis since 20 11:50 usual 4h0m0s, EX01 imap since 20 11:50 usual 4h0m0s, EX02 iis since 20 11:50 usual 4h0m0s, "+
		"EX02 smtp since 20 11:50 usual 4h0m0s, EX03 httpproxy since 04 23:50 usual 4h0m0s, EX03 pop since 20 03:50 usual 4h0m0s" {
		t.Errorf("with a limit: %s", got)
	}
}

// silentNow is the logs that fell silent, as Watch makes findings of them.
func (k *kept) silentNow(after time.Duration) string {
	k.t.Helper()
	if err := k.Watch(context.Background(), k.clock, after); err != nil {
		k.t.Fatal(err)
	}
	found, err := k.Findings(context.Background(), FindingFilter{Rules: []string{RuleSilent}, States: []string{stateOpen}})
	if err != nil {
		k.t.Fatal(err)
	}
	var said []string
	for _, f := range found {
		said = append(said, f.Subject+" since "+f.First.Format("02 15:04"))
	}
	return strings.Join(said, "; ")
}

// heardHourly writes a log of IIS with a line in each hour.
func (k *kept) heardHourly(name, from, to string) {
	for at := clock(from); at.Before(clock(to)); at = at.Add(time.Hour) {
		k.write(name, web(at, "anna"))
	}
}

// A log that was silent already when it was read for the first time fell not silent; what speaks after that, or spoke
// not long before, does.
func TestNothingFallsSilentBeforeItIsRead(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	k.clock = clock("2026-10-20 12:00")
	k.write("u_ex.log", keptIISHead)
	k.heardHourly("u_ex.log", "2026-10-01", "2026-10-10")
	check := func(want string) {
		t.Helper()
		for _, after := range []time.Duration{0, 3 * time.Hour} { // the habit is the same
			if got := k.silentNow(after); got != want {
				t.Errorf("at %s, after %v: %q, want %q", k.clock.Format("02 15:04"), after, got, want)
			}
		}
	}
	k.read()
	check("")
	k.clock = clock("2026-11-20")
	check("") // however long
	k.heardHourly("u_ex.log", "2026-10-10", "2026-10-12")
	k.read() // more of the past changes nothing
	check("")
	k.heardHourly("u_ex.log", "2026-11-19 20:00", "2026-11-20")
	k.read()
	check("")
	k.clock = clock("2026-11-20 01:59")
	check("")
	k.clock = clock("2026-11-20 12:00")
	if got := k.silentNow(0); got != "" {
		t.Errorf("there is no habit of four hours: %q", got)
	}
	if got := k.silentNow(3 * time.Hour); got != "EX01, iis since 19 23:00" {
		t.Errorf("it fell silent: %q", got)
	}
	k.heardHourly("u_ex.log", "2026-11-20", "2026-11-20 12:00")
	k.read()
	check("")

	// To the millisecond: silent for as long as the limit when it is met, it may fall silent; for longer, it may not.
	for _, c := range []struct {
		met  time.Duration // after the last line
		want string
	}{{3 * time.Hour, "EX01, iis since 09 23:00"}, {3*time.Hour + time.Millisecond, ""}} {
		k := keep(t, Retention{})
		k.clock = clock("2026-10-09 23:00").Add(c.met)
		k.write("u_ex.log", keptIISHead)
		k.heardHourly("u_ex.log", "2026-10-01", "2026-10-10")
		k.read()
		for _, after := range []time.Duration{0, 3 * time.Hour} {
			k.clock = clock("2026-10-09 23:00").Add(c.met)
			if got := k.silentNow(after); got != "" {
				t.Errorf("met after %v: %q", c.met, got)
			}
			k.clock = clock("2026-10-10 02:01")
			if got := k.silentNow(after); got != c.want {
				t.Errorf("met after %v, later: %q, want %q", c.met, got, c.want)
			}
		}
	}
}

// Each log has its own beginning; that of a server with two names is the earlier one, and it outlives the process.
func TestEachLogIsMetOnce(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	k.clock = clock("2026-10-10 00:00")
	k.write("u_ex.log", keptIISHead)
	k.heardHourly("u_ex.log", "2026-10-01", "2026-10-10")
	k.read()
	k.clock = clock("2026-10-20 00:00")
	k.write("proxy.LOG", keptProxyHead)
	for at := clock("2026-10-01"); at.Before(clock("2026-10-10")); at = at.Add(time.Hour) {
		k.write("proxy.LOG", proxied(at, `CONTOSO\anna`, "curl/8"))
	}
	dir := k.Dir()
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	k.open(dir, Retention{})
	k.read()
	if got := k.silentNow(0); got != "EX01, iis since 09 23:00" {
		t.Errorf("%q: IIS was read while it spoke, HttpProxy long after it", got)
	}
	k.exec("UPDATE meta SET value = ? WHERE name LIKE 'met %' AND name LIKE '% 1'", k.clock.UnixMilli())
	if got := k.silentNow(0); got != "" {
		t.Errorf("%q: nothing was read while it spoke", got)
	}
	k.heardFrom("192.0.2.10", signin.IIS, signin.OAB, "2026-10-01", "2026-10-05", always) // of which nothing is noted: it was always there
	k.exec("INSERT INTO server_address (ip, name) VALUES (x'c000020a', 'EX01.contoso.com')")
	if got := k.silentNow(0); got != "EX01, iis since 09 23:00" {
		t.Errorf("%q: a server by two names", got)
	}
}

// Who turns out to be another server is known for as long.
func TestAdoptedLogsWereMetBefore(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	commit := func(log int64, server string, adopt ...ingest.Adoption) {
		t.Helper()
		at := clock("2026-10-09 23:00").Add(time.Duration(log) * time.Minute).UnixMilli()
		var heard []ingest.Hearing
		for h := range int64(48) {
			then := at - h*hourMs
			heard = append(heard, ingest.Hearing{Voice: ingest.Voice{Server: server, Kind: signin.IIS, Protocol: signin.EWS, Hour: int32(then / hourMs)}, First: then, Last: then})
		}
		b := &ingest.Batch{Log: log, To: 1, First: at, Last: at, Lines: 1, Heard: heard, Counts: []ingest.Count{{Day: int32(at / dayMs), Verdict: signin.Noise, Reason: "probe", Lines: 1}}}
		b.Chain = ingest.Link([32]byte{}, b.Digest, 0, 1)
		src := &ingest.Source{ID: log, Path: server, Kind: signin.IIS, State: ingest.Read, Offset: 1, Lines: 1, Chain: b.Chain}
		if err := k.Commit(context.Background(), &ingest.Commit{Sources: []*ingest.Source{src}, Batches: []*ingest.Batch{b}, Adopted: adopt}); err != nil {
			t.Fatal(err)
		}
	}
	k.clock = clock("2026-10-10 00:00")
	commit(1, "folder")
	k.clock = clock("2026-10-20 00:00")
	commit(2, "EX02")
	if got := k.silentNow(0); got != "folder, iis since 09 23:01" {
		t.Errorf("before: %q", got)
	}
	commit(3, "EX03", ingest.Adoption{From: "folder", To: "EX01"}) // of which nothing was heard
	if got := k.silentNow(0); got != "EX01, iis since 09 23:01" {
		t.Errorf("adopted by one that is new: %q", got)
	}
	commit(4, "EX03", ingest.Adoption{From: "EX01", To: "EX02"})
	if got := k.silentNow(0); got != "EX02, iis since 09 23:02" {
		t.Errorf("adopted by one that was met later: %q", got)
	}
}
