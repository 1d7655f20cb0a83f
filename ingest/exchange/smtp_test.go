package exchange_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// talk reads a session of SMTP, each line given as event, data and context.
func talk(t *testing.T, lines ...string) []told {
	t.Helper()
	return read(t, byName(t, signin.SMTPLog, ""), session("08DD000000000001", lines...)...)
}

func session(id string, lines ...string) []string {
	var all []string
	for i, l := range lines {
		all = append(all, fmt.Sprintf(`2026-10-06T16:00:%02d.115Z,EX01\Default Frontend EX01,%s,%d,192.0.2.10:25,203.0.113.33:56026,%s`, i, id, i, l))
	}
	return all
}

// wantOne checks that line at, and no other, is a sign-in.
func wantOne(t *testing.T, all []told, at int, account string, auth signin.Auth, outcome signin.Outcome) {
	t.Helper()
	for i, x := range all {
		if i == at {
			wantSign(t, x, account, auth, outcome, signin.Proven)
			continue
		}
		wantVerdict(t, x, signin.OtherLine)
		if x.fact.Note == "" || x.fact.Logon != signin.NoLogon {
			t.Errorf("line %d: note %q, logon %d", i, x.fact.Note, x.fact.Logon)
		}
	}
}

func TestSMTPRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lines   []string
		at      int
		account string
	}{
		"failed, name, 535": {[]string{"<,AUTH LOGIN,", ">,334 <authentication response>,", "*,,Inbound AUTH LOGIN failed because of LogonDenied",
			"*,,User Name: irma@contoso.com", ">,535 5.7.3 Authentication unsuccessful,", "-,,Remote"}, 3, "irma@contoso.com"},
		"name, failed, 535": {[]string{"<,AUTH LOGIN,", "*,,User Name: irma@contoso.com", "*,,Inbound AUTH LOGIN failed because of LogonDenied", ">,535 5.7.3 Authentication unsuccessful,"}, 2, "irma@contoso.com"},
		"535, then a name":  {[]string{"<,AUTH LOGIN,", ">,535 5.7.3 Authentication unsuccessful,", "*,,User Name: irma@contoso.com"}, 1, ""},
		"failed, 535, name": {[]string{"<,AUTH LOGIN,", "*,,Inbound AUTH LOGIN failed because of LogonDenied", ">,535 5.7.3 Authentication unsuccessful,", "*,,User Name: irma@contoso.com"}, 2, ""},
		"name, 535":         {[]string{"<,AUTH LOGIN,", "*,,User Name: irma@contoso.com", ">,535 5.7.3 Authentication unsuccessful,"}, 2, "irma@contoso.com"},
		"doubled lines":     {[]string{"<,AUTH LOGIN,", ">,535 5.7.3 Authentication unsuccessful,", ">,535 5.7.3 Authentication unsuccessful,"}, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := talk(t, c.lines...)
			wantOne(t, all, c.at, c.account, signin.Basic, signin.Failure)
			x := all[c.at]
			if x.sign.Mechanism != signin.Login || x.fact.Server != "EX01" || x.fact.ServerAddr != "192.0.2.10" || x.fact.Port != 25 || x.fact.Address != "203.0.113.33" {
				t.Errorf("mechanism %v, %+v", x.sign.Mechanism, x.fact)
			}
		})
	}
}

func TestSMTPAccepted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lines []string
		at    int
	}{
		"proxied, 235":     {[]string{"+,,", "<,EHLO pc,", "<,AUTH LOGIN,", "*,,Proxy session was successfully set up. Session forirma@contoso.com will now be proxied", ">,235 2.7.0 Authentication successful,"}, 4},
		"with a blank":     {[]string{"<,AUTH LOGIN,", "*,,Proxy session was successfully set up. Session for irma@contoso.com will now be proxied", ">,235 2.7.0 Authentication successful,"}, 2},
		"235, proxied":     {[]string{"<,AUTH LOGIN,", ">,235 2.7.0 Authentication successful,", "<,MAIL FROM:<a@contoso.com>,", ">,550 5.7.60 no,", "*,,Proxy session was successfully set up. Session for irma@contoso.com will now be proxied"}, 4},
		"name, 235":        {[]string{"<,AUTH LOGIN,", "*,,User Name: irma@contoso.com", ">,235 2.7.0 Authentication successful,"}, 2},
		"authenticated":    {[]string{"<,AUTH LOGIN,", "*,irma@contoso.com,authenticated", ">,235 2.7.0 Authentication successful,"}, 1},
		"an odd 535":       {[]string{"<,AUTH LOGIN,", ">,235 2.7.0 Authentication successful,", ">,535 5.7.3 Authentication unsuccessful,", "*,,User Name: irma@contoso.com"}, 3},
		"beginning unseen": {[]string{"*,irma@contoso.com,authenticated", ">,235 2.7.0 Authentication successful,"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			auth := signin.Basic
			if name == "beginning unseen" {
				auth = signin.UnknownAuth
			}
			wantOne(t, talk(t, c.lines...), c.at, "irma@contoso.com", auth, signin.Success)
		})
	}
	all := talk(t, "<,AUTH NTLM,", ">,334 <authentication response>,", "*,CONTOSO\\irma,authenticated", ">,235 2.7.0 Authentication successful,",
		"<,AUTH LOGIN,", ">,235 2.7.0 Authentication successful,", "-,,Local")
	wantSign(t, all[2], `CONTOSO\irma`, signin.NTLM, signin.Success, signin.Proven)
	for _, i := range []int{0, 1, 3, 4, 5, 6} {
		wantVerdict(t, all[i], signin.OtherLine)
	}
	if !strings.Contains(all[6].fact.Note, "never named") {
		t.Errorf("the loss of a name is not told: %q", all[6].fact.Note)
	}
}

// TestSMTPNotJudged are the answers of RFC 4954 that say nothing about a credential.
func TestSMTPNotJudged(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"504 5.7.4 Unrecognized authentication type", "454 4.7.0 Temporary authentication failure", "501 5.5.4 Invalid", "538 5.7.11 Encryption required", "421 4.7.0 Too many errors"} {
		for _, x := range talk(t, "<,AUTH LOGIN,", ">,"+answer+",", "*,,User Name: irma@contoso.com", "-,,Remote") {
			wantVerdict(t, x, signin.OtherLine)
		}
	}
	// The next attempt in the same session is one of its own.
	all := talk(t, "<,AUTH PLAIN,", ">,504 5.7.4 Unrecognized authentication type,", "<,AUTH LOGIN,", ">,535 5.7.3 Authentication unsuccessful,", "<,AUTH LOGIN,", ">,535 5.7.3 Authentication unsuccessful,")
	wantSign(t, all[3], "", signin.Basic, signin.Failure, signin.Proven)
	wantSign(t, all[5], "", signin.Basic, signin.Failure, signin.Proven)
	for _, x := range talk(t, "+,,", ">,220 EX01 Microsoft ESMTP,", "*,SMTPSubmit,Set Session Permissions", "?,,", ",,", "<,QUIT,", "*,,TLS protocol SP_PROT_TLS1_2_SERVER negotiation succeeded") {
		wantVerdict(t, x, signin.OtherLine)
	}
}

func TestSMTPServerToServer(t *testing.T) {
	t.Parallel()
	for _, lines := range [][]string{
		{"<,X-EXPS GSSAPI,", ">,334 <authentication response>,", ">,235 <authentication response>,"},
		{"<,X-EXPS EXCHANGEAUTH SHA256,", ">,235 <authentication response>,"},
		{"<,X-EXPS NTLM,", "*,CONTOSO\\EX02$,authenticated"},
		{"<,X-EXPS NTLM,", ">,535 5.7.3 Authentication unsuccessful,"},
	} {
		all := talk(t, lines...)
		last := all[len(all)-1]
		wantVerdict(t, last, signin.Noise)
		if !last.fact.ServerToServer || last.sign.Traffic != signin.Server {
			t.Errorf("%v: %+v", lines, last.fact)
		}
	}
	for _, verb := range []string{"X-ANONYMOUSTLS", "XPROXY SID=08DD IP=203.0.113.9 PORT=50100 DOMAIN=pc"} {
		all := talk(t, "<,"+verb+",", ">,220 2.0.0 SMTP server ready,", "<,AUTH LOGIN,", ">,535 5.7.3 Authentication unsuccessful,")
		if x := all[1]; !x.fact.ServerToServer || x.sign.Verdict != signin.OtherLine {
			t.Errorf("%s: %+v", verb, x.fact)
		}
		wantSign(t, all[3], "", signin.Basic, signin.Failure, signin.Proven)
	}
}

func TestSMTPInterleaved(t *testing.T) {
	t.Parallel()
	a := session("08DD00000000000A", "+,,", "<,AUTH LOGIN,", "*,,User Name: irma@contoso.com", ">,235 2.7.0 Authentication successful,", "-,,Local")
	b := session("08DD00000000000B", "+,,", "<,AUTH NTLM,", "*,,Inbound AUTH NTLM failed because of LogonDenied", `*,,"User Name: jan, the second"`, "-,,Local")
	var lines []string
	for i := range a {
		lines = append(lines, a[i], b[i])
	}
	all := read(t, byName(t, signin.SMTPLog, ""), lines...)
	wantSign(t, all[6], "irma@contoso.com", signin.Basic, signin.Success, signin.Proven)
	wantSign(t, all[7], "jan, the second", signin.NTLM, signin.Failure, signin.Proven)
	// Another connector, the same session id: another session.
	other := strings.Replace(session("08DD00000000000A", "*,,User Name: karl")[0], "Default Frontend", "Client Frontend", 1)
	all = read(t, byName(t, signin.SMTPLog, ""), a[1], other, session("08DD00000000000A", ">,235 2.7.0 Authentication successful,")[0])
	if x := all[2]; x.fact.Logon != signin.NoLogon {
		t.Errorf("the account of another connector was taken: %+v", x.fact)
	}
	wantDecoded(t, read(t, byName(t, signin.SMTPLog, ""), "2026-10-06T16:00:00.115Z,EX01", a[0]+",x"), ingest.Malformed, ingest.Malformed)
}

// TestSMTPSessionsBounded has more sessions open than are kept. The latest still know their account.
func TestSMTPSessionsBounded(t *testing.T) {
	t.Parallel()
	d := byName(t, signin.SMTPLog, "")
	const n = 20000
	for i := range n {
		read(t, d, session(fmt.Sprintf("%016X", i), "<,AUTH LOGIN,", fmt.Sprintf("*,,User Name: user%d", i))...)
	}
	ok := func(i int) string {
		return read(t, d, session(fmt.Sprintf("%016X", i), ">,235 2.7.0 Authentication successful,")...)[0].fact.Account
	}
	if got := ok(n - 1); got != fmt.Sprintf("user%d", n-1) {
		t.Errorf("the latest session: %q", got)
	}
	if got := ok(0); got != "" {
		t.Errorf("the oldest session: %q", got)
	}
}

// TestSMTPBeginningUnseen begins in the middle of a session, as after a restart.
func TestSMTPBeginningUnseen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		failed string
		auth   signin.Auth
		server bool
	}{{"AUTH LOGIN", signin.Basic, false}, {"AUTH NTLM", signin.NTLM, false}, {"Negotiate", signin.Negotiate, false}, {"X-EXPS GSSAPI", signin.Negotiate, true}} {
		all := talk(t, "*,,Inbound "+c.failed+" failed because of LogonDenied", "*,,User Name: ", "*,,User Name: irma@contoso.com", "*,,Inbound "+c.failed+" failed because of LogonDenied", "*,,User Name: irma@contoso.com", "*,irma@contoso.com,authenticated")
		if c.server {
			wantVerdict(t, all[2], signin.Noise)
			continue
		}
		wantOne(t, all, 2, "irma@contoso.com", c.auth, signin.Failure)
	}
	wantOne(t, talk(t, ">,535 5.7.3 Authentication unsuccessful,"), 0, "", signin.UnknownAuth, signin.Failure)
}

func TestSMTPOddLines(t *testing.T) {
	t.Parallel()
	all := talk(t, "<,AUTH LOGIN,", "*,,Inbound AUTH LOGIN failed because of LogonDenied", "-,,Remote", "-,,Remote")
	if note := all[2].fact.Note; !strings.Contains(note, "never named") {
		t.Errorf("a refusal whose account was never named: %q", note)
	}
	long := "*,,User Name: " + strings.Repeat("x", 5000)
	wantOne(t, talk(t, "<,AUTH LOGIN,", "*,,Inbound AUTH LOGIN failed because of LogonDenied", long), 2, "", signin.Basic, signin.Failure)
	// What stands in the place of a mechanism and cannot be one may be a secret.
	for _, odd := range []string{"=aHVudGVyMg==", strings.Repeat("A", 21)} {
		if x := talk(t, "<,AUTH "+odd+",")[0]; x.fact.AuthType != "" {
			t.Errorf("AUTH %s: %+v", odd, x.fact)
		}
	}
	for local, want := range map[string]string{"192.0.2.10:25": "192.0.2.10/25", "[2001:db8::1]:587": "2001:db8::1/587", "2001:db8::1": "2001:db8::1/0", "192.0.2.10": "192.0.2.10/0", "192.0.2.10:x": "192.0.2.10:x/0", ":25": "/25", "": "/0"} {
		line := `2026-10-06T16:00:00.115Z,EX01,0A,1,` + local + `,203.0.113.33:56026,+,,`
		x := read(t, byName(t, signin.SMTPLog, ""), line)[0]
		if got := fmt.Sprintf("%s/%d", x.fact.ServerAddr, x.fact.Port); got != want || x.fact.Server != "EX01" {
			t.Errorf("%q: %s, want %s", local, got, want)
		}
	}
	wantDecoded(t, read(t, byName(t, signin.SMTPLog, ""), `2026-10-06T16:00:00.11Z,EX01,0A,1,,,+,,`), ingest.Malformed)
}
