package exchange_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/internal/signin"
)

// mail reads lines of POP3 or IMAP4, each given as user, command, parameters and context.
func mail(t *testing.T, kind signin.Kind, rest ...string) []told {
	t.Helper()
	port := map[signin.Kind]int{signin.IMAPLog: 143, signin.POPLog: 110}[kind]
	var lines []string
	for i, r := range rest {
		f := strings.SplitN(r, "|", 4)
		lines = append(lines, fmt.Sprintf(`2026-10-06T08:00:%02d.514Z,000000000000000E,%d,192.0.2.10:%d,203.0.113.5:35070,%s,168,31,31,%s,%s,%s,`, i, i, port, f[0], f[1], f[2], f[3]))
	}
	return read(t, byName(t, kind, ""), lines...)
}

const (
	noIMAP = `"R=""2 NO AUTHENTICATE failed."";Msg=""AuthFailed:LogonDenied,User: gerd"";ErrMsg=AuthFailed:LogonDenied"`
	noPOP  = `"R=""-ERR Authentication failure: unknown user name or bad password."";Msg=""AuthFailed:LogonDenied,User: gerd"";ErrMsg=AuthFailed:LogonDenied"`
	okIMAP = `"R=OK;Msg=""Proxy:ex01.contoso.com:1993:SSL;ProxySuccess"";LiveIdAR=OK;ActivityContextData=0cb2fd35"`
)

func TestIMAP(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line      string
		account   string
		auth      signin.Auth
		mechanism signin.Mechanism
		outcome   signin.Outcome
	}{
		{`gerd|authenticate|PLAIN|` + noIMAP, "gerd", signin.Basic, signin.Plain, signin.Failure},
		{`gerd|authenticate|PLAIN|` + okIMAP, "gerd", signin.Basic, signin.Plain, signin.Success},
		{`gerd|AUTHENTICATE|NTLM|R=ok`, "gerd", signin.NTLM, signin.NoMechanism, signin.Success},
		{`gerd|authenticate|GSSAPI|R=OK`, "gerd", signin.Negotiate, signin.NoMechanism, signin.Success},
		{`gerd@contoso.com|authenticate|XOAUTH2|R=OK`, "gerd@contoso.com", signin.OAuth, signin.NoMechanism, signin.Success},
		{`contoso\gerd\info|login|contoso\gerd *****|R=OK`, `contoso\gerd\info`, signin.Basic, signin.Login, signin.Success},
		{`|login| *****|"R=""a2 NO LOGIN failed."""`, "", signin.Basic, signin.Login, signin.Failure},
		{`|login|hanna *****|"R=""a2 NO LOGIN failed."""`, "hanna", signin.Basic, signin.Login, signin.Failure},
		{`|login|"""contoso\\hanna"" *****"|"R=""a2 NO LOGIN failed."""`, `contoso\hanna`, signin.Basic, signin.Login, signin.Failure},
		{`|login|hanna hunter2|"R=""a2 NO LOGIN failed."""`, "", signin.Basic, signin.Login, signin.Failure},
		{`|login|***** *****|` + noIMAP, "gerd", signin.Basic, signin.Login, signin.Failure},
		// The tag is the client's: it may be called OK.
		{`|login|hanna *****|"R=""OK NO LOGIN failed."""`, "hanna", signin.Basic, signin.Login, signin.Failure},
		{`hanna|login|hanna *****|"R=""NO OK LOGIN completed."""`, "hanna", signin.Basic, signin.Login, signin.Success},
	} {
		x := mail(t, signin.IMAPLog, c.line)[0]
		wantSign(t, x, c.account, c.auth, c.outcome, signin.Proven)
		if x.sign.Protocol != signin.IMAP || x.sign.Mechanism != c.mechanism || x.fact.Address != "203.0.113.5" || x.fact.ServerAddr != "192.0.2.10" || x.fact.Port != 143 {
			t.Errorf("%s: %v, mechanism %v, %+v", c.line, x.sign.Protocol, x.sign.Mechanism, x.fact)
		}
	}
	for _, line := range []string{
		`gerd|select|INBOX|R=OK`, `|capability||R=OK`, `|login|hanna *****|"R=""a2 BAD Command Argument Error. 12"""`,
		`gerd|login|gerd *****|`, `gerd|login|gerd *****|Msg=x`, `|login|hanna *****|"R=""OK"""`,
		`|login|hanna *****|"Msg=""x;R=OK"""`,
	} {
		x := mail(t, signin.IMAPLog, line)[0]
		wantVerdict(t, x, signin.OtherLine)
		if x.fact.Note == "" {
			t.Errorf("%s: no reason", line)
		}
	}
	x := read(t, byName(t, signin.IMAPLog, ""), `2026-10-06T08:00:00.514Z,0E,2,[2001:db8::10]:993,[2001:db8::5%3]:35070,gerd,168,31,31,authenticate,PLAIN,R=ok`)[0]
	wantSign(t, x, "gerd", signin.Basic, signin.Success, signin.Proven) // twelve columns: puid is missing
	if x.fact.ServerAddr != "2001:db8::10" || x.fact.Port != 993 || x.fact.Address != "2001:db8::5%3" {
		t.Errorf("facts = %+v", x.fact)
	}
	back := read(t, byName(t, signin.IMAPLog, ""), `2026-10-06T08:00:00.514Z,0E,2,192.0.2.10:1993,192.0.2.11:35070,gerd,168,31,31,authenticate,PLAIN,R=OK,`)[0]
	wantVerdict(t, back, signin.OtherLine)
	wantDecoded(t, read(t, byName(t, signin.IMAPLog, ""), `2026-10-06T08:00:00.514Z,0E,2`, `2026-10-06 08:00:00,0E,2,192.0.2.10:143,192.0.2.11:35070,gerd,168,31,31,authenticate,PLAIN,R=OK,`),
		ingest.Malformed, ingest.Malformed)
}

func TestPOP(t *testing.T) {
	t.Parallel()
	all := mail(t, signin.POPLog,
		`|user|gerd|R=OK`,
		`|pass|*****|"R=""+OK User successfully logged on."""`,
		`|user|hanna|R=OK`,
		`|pass|*****|`+strings.Replace(noPOP, "User: gerd", "", 1),
		`|pass|*****|R=ok`,
		`gerd|auth| PLAIN|`+noPOP,
		`gerd|auth| XOAUTH2|R=OK`,
		`gerd|auth||R=OK`,
		`gerd|apop|gerd c4c9334bac560ecc979e58001b3e22fb|R=OK`,
		`|pass|*****|"R=""-ERR Command is not valid in this state."""`,
		`gerd|stat||R=OK`,
		`|quit||R=OK`)
	wantVerdict(t, all[0], signin.OtherLine)
	wantSign(t, all[1], "gerd", signin.Basic, signin.Success, signin.Proven)
	wantSign(t, all[3], "hanna", signin.Basic, signin.Failure, signin.Proven)
	wantVerdict(t, all[4], signin.OtherLine) // accepted, but nobody is named: what USER said was used up
	wantSign(t, all[5], "gerd", signin.Basic, signin.Failure, signin.Proven)
	wantSign(t, all[6], "gerd", signin.OAuth, signin.Success, signin.Proven)
	wantVerdict(t, all[7], signin.OtherLine)
	wantSign(t, all[8], "gerd", signin.UnknownAuth, signin.Success, signin.Proven)
	for _, x := range all[9:] {
		wantVerdict(t, x, signin.OtherLine)
	}
	if all[1].sign.Mechanism != signin.Login || all[5].sign.Mechanism != signin.Plain || all[1].sign.Protocol != signin.POP {
		t.Errorf("mechanisms %v, %v", all[1].sign.Mechanism, all[5].sign.Mechanism)
	}
	if f, _ := exchange.ByName(signin.POPLog, ""); !f.Sessions {
		t.Error("PASS needs USER, and yet the file may be cut")
	}
}

// TestPOPSessionsBounded opens more sessions than are kept: the latest still know their account, the first do not.
func TestPOPSessionsBounded(t *testing.T) {
	t.Parallel()
	d := byName(t, signin.POPLog, "")
	line := func(i int, command, parameters string) string {
		return fmt.Sprintf(`2026-10-06T08:00:00.514Z,%016X,1,192.0.2.10:110,203.0.113.5:%d,,1,1,1,%s,%s,R=OK,`, i, 1024+i%60000, command, parameters)
	}
	const n = 20000
	for i := range n {
		read(t, d, line(i, "user", fmt.Sprintf("user%d", i)))
	}
	for i, want := range map[int]string{n - 1: fmt.Sprintf("user%d", n-1), n - 8000: fmt.Sprintf("user%d", n-8000), 0: "", n - 8300: ""} {
		if got := read(t, d, line(i, "pass", "*****"))[0].fact.Account; got != want {
			t.Errorf("session %d: account %q, want %q", i, got, want)
		}
	}
	d.Reset(d.Header())
	if got := read(t, d, line(n-2, "pass", "*****"))[0].fact.Account; got != "" {
		t.Errorf("after Reset a session still knows %q", got)
	}
}
