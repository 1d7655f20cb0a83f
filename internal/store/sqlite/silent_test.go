package sqlite

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

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
