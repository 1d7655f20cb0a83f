package exchange_test

import (
	"fmt"
	"testing"

	"github.com/outmode/outmode/internal/signin"
)

// TestNoAllocations reads lines that were read before, so that headers, sessions and scratch are as
// large as they get. The test is not parallel: testing.AllocsPerRun counts for the whole process.
func TestNoAllocations(t *testing.T) {
	quoted := proxyRow(proxyHeader(74), proxy("UserAgent", `"my ""own"" agent"`))
	for name, c := range map[string]struct {
		kind  signin.Kind
		lines []string
	}{
		"IIS":        {signin.IIS, append(hotIIS(), iisDefault, "#Date: 2026-10-06 08:00:00", "bad", "")},
		"HttpProxy":  {signin.HTTPProxy, append(hotProxy(), quoted, proxyHeader(69), proxyRow(proxyHeader(69), proxy()), proxyHeader(74), "bad", "")},
		"IMAP":       {signin.IMAPLog, append(hotIMAP(), mailLine(143, "login"))},
		"POP":        {signin.POPLog, []string{mailLine(110, "user"), mailLine(110, "pass"), mailLine(110, "auth")}},
		"SMTP":       {signin.SMTPLog, hotSMTP()},
		"SMTP, full": {signin.SMTPLog, manySessions()},
	} {
		d := byName(t, c.kind, "")
		var raw [][]byte
		for _, l := range c.lines {
			raw = append(raw, []byte(l))
		}
		var f signin.Facts
		all := func() {
			for _, l := range raw {
				d.Decode(l, &f)
			}
		}
		all()
		all()
		if n := testing.AllocsPerRun(3, all); n != 0 {
			t.Errorf("%s: %v allocations in %d lines", name, n, len(raw))
		}
	}
}

// manySessions opens more sessions than are kept.
func manySessions() []string {
	var lines []string
	for i := range 10_000 {
		lines = append(lines, session(fmt.Sprintf("%016X", i), "<,AUTH LOGIN,", "*,,User Name: irma@contoso.com")...)
	}
	return lines
}
