package exchange_test

import (
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/internal/signin"
)

// The traps of reference/log-formats.md, section 5, by their number there.

func TestTrap01HeaderAnywhere(t *testing.T) {
	t.Parallel()
	old, now := proxyHeader(69), proxyHeader(74)
	preamble := "#Software: Microsoft Exchange Server\n#Version: 15.02.1544.004\n#Log-type: HttpProxy Logs\n#Date: 2026-10-06T08:00:00.000Z\n#Fields: "
	names := strings.Split(now, ",")
	for i, j := 0, len(names)-1; i < j; i, j = i+1, j-1 {
		names[i], names[j] = names[j], names[i]
	}
	reversed := strings.Join(names, ",")
	_, all := file(t, old+"\n"+preamble+old+"\n"+proxyRow(old, proxy())+"\n"+preamble+now+"\n"+proxyRow(now, proxy("HttpStatus", "403"))+"\n"+
		now+"\n"+proxyRow(now, proxy("HttpStatus", "302"))+"\n#Fields: "+reversed+"\n"+proxyRow(reversed, proxy("HttpStatus", "500"))+"\n")
	got := facts(all)
	if len(got) != 4 {
		t.Fatalf("%d lines of facts, want 4", len(got))
	}
	for i, status := range []uint16{200, 403, 302, 500} {
		if got[i].fact.Status != status || got[i].fact.Account != `CONTOSO\anna` {
			t.Errorf("line %d: %+v", i, got[i].fact)
		}
	}
	_, all = file(t, iisDefault+"\n"+iisLine(443)+"#Software: Microsoft Internet Information Services 10.0\n#Fields: sc-status cs-username c-ip date time\n200 CONTOSO\\anna 198.51.100.3 2026-10-06 08:00:02\n")
	wantDecoded(t, all, ingest.Directive, ingest.Facts, ingest.Directive, ingest.Directive, ingest.Facts)
	wantSign(t, all[4], `CONTOSO\anna`, signin.UnknownAuth, signin.Success, signin.Inferred)
}

func TestTrap02LineEndsAndTails(t *testing.T) {
	t.Parallel()
	line := strings.TrimSpace(iisLine(443))
	d := byName(t, signin.IIS, "")
	wantDecoded(t, read(t, d, "\xEF\xBB\xBF"+iisDefault, line+"\r", strings.Repeat("\x00", 512), "\x00\x00"+line, line+"\x00\x00", "\r", line[:60]),
		ingest.Directive, ingest.Facts, ingest.Blank, ingest.Facts, ingest.Facts, ingest.Blank, ingest.Malformed)
	wantDecoded(t, read(t, byName(t, signin.HTTPProxy, ""), "\xEF\xBB\xBF"+proxyHeader(69)+"\r", proxyRow(proxyHeader(69), proxy())+"\r"), ingest.Directive, ingest.Facts)
}

func TestTrap03LongAndQuotedLines(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("Key=Value;", 10_000)
	for name, c := range map[string]struct{ value, agent string }{
		"long":             {long, "Outlook"},
		"doubled quotes":   {`"say ""hello"", twice"`, "Outlook"},
		"lone quote":       {`5" disk`, "Outlook"},
		"quote at the end": {`disk 5"`, "Outlook"},
		"opening quote":    {`"disk`, "Outlook"},
		"quoted early":     {"x", `"My ""own"" agent, 2"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := proxied(t, "GenericInfo", c.value, "UserAgent", c.agent)
			wantSign(t, x, `CONTOSO\anna`, signin.Basic, signin.Success, signin.Proven)
			want := "Outlook"
			if c.agent != want {
				want = `My "own" agent, 2`
			}
			if x.fact.Agent != want {
				t.Errorf("agent = %q", x.fact.Agent)
			}
		})
	}
}

func TestTrap04IsAuthenticatedCase(t *testing.T) {
	t.Parallel()
	for _, yes := range []string{"true", "True", "TRUE"} {
		for _, kind := range []string{"basic", "Basic", "BASIC"} {
			wantSign(t, proxied(t, "IsAuthenticated", yes, "AuthenticationType", kind), `CONTOSO\anna`, signin.Basic, signin.Success, signin.Proven)
		}
	}
	for _, no := range []string{"false", "False", "FALSE", ""} {
		x := proxied(t, "IsAuthenticated", no, "AuthenticatedUser", "", "HttpStatus", "401")
		wantSign(t, x, "", signin.Basic, signin.Failure, signin.Claimed)
		for _, kind := range []string{"FBA", "Bearer", "NTLM", "Negotiate", "Digest", "AWS4-HMAC-SHA256"} {
			wantVerdict(t, proxied(t, "IsAuthenticated", no, "AuthenticatedUser", "", "AuthenticationType", kind, "HttpStatus", "401"), signin.OtherLine)
		}
	}
}

func TestTrap05Handshakes(t *testing.T) {
	t.Parallel()
	// A handshake is three lines and one sign-in, and a 401 is no failure.
	all := iis(t,
		"2026-10-06 08:00:01 192.0.2.10 POST /EWS/Exchange.asmx - 443 - 198.51.100.3 x - 401 2 5 1",
		"2026-10-06 08:00:01 192.0.2.10 POST /EWS/Exchange.asmx - 443 - 198.51.100.3 x - 401 1 2148074254 1",
		`2026-10-06 08:00:01 192.0.2.10 POST /EWS/Exchange.asmx - 443 CONTOSO\anna 198.51.100.3 x - 200 0 0 1`)
	wantVerdict(t, all[0], signin.OtherLine)
	wantVerdict(t, all[1], signin.OtherLine)
	wantSign(t, all[2], `CONTOSO\anna`, signin.UnknownAuth, signin.Success, signin.Inferred)
}

func TestTrap05OnlyStatus200(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"200", "302", "403", "449", "500"} {
		wantSign(t, proxied(t, "HttpStatus", status), `CONTOSO\anna`, signin.Basic, signin.Success, signin.Proven)
	}
	wantSign(t, proxied(t, "HttpStatus", "401", "BackEndStatus", "401"), `CONTOSO\anna`, signin.Basic, signin.Blocked, signin.Proven)
}

func TestTrap05BackEndAndHealth(t *testing.T) {
	t.Parallel()
	all := iis(t,
		`2026-10-06 08:00:01 192.0.2.10 POST /EWS/Exchange.asmx - 444 CONTOSO\anna fe80::1%3 x - 200 0 0 1`,
		`2026-10-06 08:00:01 192.0.2.10 POST /EWS/Exchange.asmx - 443 CONTOSO\HealthMailbox0a1b2c3d4e 127.0.0.1 AMProbe/Local/ClientAccess - 200 0 0 1`,
		`2026-10-06 08:00:01 192.0.2.10 GET /owa/healthcheck.htm - 443 - 192.0.2.1 LoadBalancer - 200 0 0 1`)
	wantVerdict(t, all[0], signin.OtherLine)
	wantVerdict(t, all[1], signin.Noise)
	wantVerdict(t, all[2], signin.Noise)
}

func TestTrap05ToldTwice(t *testing.T) {
	t.Parallel()
	p := proxied(t, "RequestId", "3b0f6a52-7c1d-4e8a-9b3f-0d1e2f3a4b5c")
	i := iis(t, `2026-10-06 08:00:01 192.0.2.10 POST /EWS/Exchange.asmx &cafeReqId=3b0f6a52-7c1d-4e8a-9b3f-0d1e2f3a4b5c; 443 CONTOSO\anna 198.51.100.23 x - 200 0 0 1`)[0]
	if p.fact.ID == "" || p.fact.ID != i.fact.ID {
		t.Errorf("request ids %q and %q of one request", p.fact.ID, i.fact.ID)
	}
	if !i.sign.Weak || p.sign.Weak {
		t.Errorf("weak: IIS %v, HttpProxy %v", i.sign.Weak, p.sign.Weak)
	}
}

func TestTrap06ClientAddress(t *testing.T) {
	t.Parallel()
	for logged, want := range map[string]string{
		"203.0.113.7":                "203.0.113.7",
		"203.0.113.7  10.1.1.1":      "203.0.113.7",
		"203.0.113.7:49660":          "203.0.113.7",
		"[2001:db8::7]:49660":        "2001:db8::7",
		"fe80::1234:5678:1bc:245e%3": "fe80::1234:5678:1bc:245e",
		"unknown":                    "",
		"'; drop  203.0.113.7":       "203.0.113.7",
	} {
		x := proxied(t, "ClientIpAddress", logged)
		if x.fact.Address != logged || x.sign.Address.String() != want {
			t.Errorf("%q: logged %q, client %q, want %q", logged, x.fact.Address, x.sign.Address, want)
		}
	}
	// An outsider puts an inside address in front: the list is not inside.
	if x := proxied(t, "ClientIpAddress", "10.1.1.1  203.0.113.7"); x.sign.Address.Internal {
		t.Error("a spoofed list counts as inside")
	}
	x := read(t, byName(t, signin.IIS, "date time cs-username c-ip sc-status X-Forwarded-For"), `2026-10-06 08:00:00 CONTOSO\anna 192.0.2.1 200 203.0.113.7,10.1.1.1`)[0]
	if x.sign.Address.String() != "203.0.113.7" {
		t.Errorf("behind a balancer: %s", x.sign.Address)
	}
}

func TestTrap07Times(t *testing.T) {
	t.Parallel()
	// #Date is when logging began, and lines are not in order: each has its own time, in UTC.
	h := proxyHeader(74)
	all := read(t, byName(t, signin.HTTPProxy, ""), "#Date: 2026-10-06T16:00:11.000Z", proxyRow(h, proxy("DateTime", "2026-10-06T16:00:00.500Z")),
		proxyRow(h, proxy("DateTime", "2026-10-06T15:59:59.999Z")), proxyRow(h, proxy("DateTime", "2026-10-02T00:00:00.000Z")), proxyRow(h, proxy("DateTime", "2028-02-29T23:59:59.001Z")),
		proxyRow(h, proxy("DateTime", "6/30/2026 10:03:57 AM")))
	var got []string
	for _, x := range facts(all) {
		got = append(got, x.fact.Time)
	}
	if want := "2026-10-06T16:00:00.500Z 2026-10-06T15:59:59.999Z 2026-10-02T00:00:00.000Z 2028-02-29T23:59:59.001Z"; strings.Join(got, " ") != want {
		t.Errorf("times = %v", got)
	}
	if all[5].decoded != ingest.Malformed {
		t.Error("a time in the server's language is taken")
	}
	for _, bad := range []string{"2026-10-06T24:00:00.000Z", "2026-10-06T08:60:00.000Z", "2026-10-06T08:00:60.000Z", "2026-10-06T08:00:00.00Z", "2026-10-06T08:00:00.000+02", "2026-10-06 08:00:00.000Z",
		"1969-12-31T23:59:59.000Z", "2026-00-06T08:00:00.000Z", "2027-02-29T08:00:00.000Z", "2026-10-0:T08:00:00.000Z", "2026-10-06T08:00:0x.000Z", "2026-10-06T08:00:00.0x0Z", ""} {
		if x := read(t, byName(t, signin.HTTPProxy, ""), proxyRow(h, proxy("DateTime", "2026-10-06T08:59:59.000Z")), proxyRow(h, proxy("DateTime", bad)))[1]; x.decoded != ingest.Malformed {
			t.Errorf("%q was read as %s", bad, x.fact.Time)
		}
	}
	// Before the first line there is no hour and no day that could be the same.
	for _, bad := range []string{strings.Repeat("\x00", 13) + ":00:00Z", strings.Repeat("\x00", 10) + "T08:00:00Z"} {
		if x := read(t, byName(t, signin.HTTPProxy, ""), proxyRow(h, proxy("DateTime", bad)))[0]; x.decoded != ingest.Malformed {
			t.Errorf("%q was read as %s", bad, x.fact.Time)
		}
	}
}

func TestTrap08AccountForms(t *testing.T) {
	t.Parallel()
	for logged, form := range map[string]signin.Form{
		`CONTOSO\anna`: signin.Sam, "anna@contoso.com": signin.UPN, "anna": signin.Bare, "S-1-5-21-1-2-3-1107": signin.SID,
		`CONTOSO\EX01$`: signin.Machine, `AUTORITE NT\Système (MSExchangeHMHost)`: signin.BuiltIn,
	} {
		x := proxied(t, "AuthenticatedUser", logged)
		if x.fact.Account != logged || x.sign.Account.Form != form {
			t.Errorf("%q: logged %q, form %d", logged, x.fact.Account, x.sign.Account.Form)
		}
	}
	// The User= of ActiveSync is the client's word: it is nobody's account.
	x := iis(t, `2026-10-06 08:00:01 192.0.2.10 POST /Microsoft-Server-ActiveSync/default.eas Cmd=Sync&User=contoso.com%5Cvictim&DeviceId=1 443 CONTOSO\anna 203.0.113.4 x - 200 0 0 1`)[0]
	wantSign(t, x, `CONTOSO\anna`, signin.UnknownAuth, signin.Success, signin.Inferred)
	if strings.Contains(joined(x.fact), "victim") {
		t.Errorf("facts = %+v", x.fact)
	}
}

func TestTrap09OddQueries(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"&CorrelationID=<empty>;", "&", "+", "-", "a;b;c", "ClientRequestInfo=R:{0B7C}:106;RT:GetProps", "%5C%20"} {
		x := iis(t, "2026-10-06 08:00:01 192.0.2.10 POST /EWS/Exchange.asmx "+query+" 443 - 198.51.100.3 x - 200 0 0 1")
		if len(x) != 1 || x[0].fact.Port != 443 || x[0].fact.Account != "" {
			t.Errorf("%s: %+v", query, x)
		}
	}
	wantVerdict(t, proxied(t, "AuthenticatedUser", "-"), signin.OtherLine)
}

func TestTrap10UnknownValues(t *testing.T) {
	t.Parallel()
	x := proxied(t, "Protocol", "Hologram", "UrlStem", "/hologram", "AuthenticationType", "Retina")
	wantSign(t, x, `CONTOSO\anna`, signin.UnknownAuth, signin.Success, signin.Proven)
	if x.fact.Label != "Hologram" || x.fact.AuthType != "Retina" {
		t.Errorf("facts = %+v", x.fact)
	}
	h := proxyHeader(74) + ",Novelty"
	wantDecoded(t, read(t, byName(t, signin.HTTPProxy, ""), "#Novelty: yes", "#Fields: "+h, proxyRow(h, proxy("Novelty", "x"))), ingest.Directive, ingest.Directive, ingest.Facts)
}

func TestTrap11Secrets(t *testing.T) {
	t.Parallel()
	const secret = "YW5uYTpodW50ZXIy"
	for _, name := range []string{"Authorization", "authorization", "cs(Authorization)", "cs(Cookie)", "HTTP_AUTHORIZATION", "X-Authorization"} {
		for _, fields := range []string{name + " date time cs-uri-query sc-status", "date time cs-uri-query sc-status " + name} {
			line := "2026-10-06 08:00:00 msExchEcpCanary=" + secret + " 200 Basic+" + secret
			if strings.HasPrefix(fields, name) {
				line = "Basic+" + secret + " 2026-10-06 08:00:00 msExchEcpCanary=" + secret + " 200"
			}
			x := read(t, byName(t, signin.IIS, fields), line)[0]
			if x.decoded != ingest.Facts || strings.Contains(joined(x.fact), secret) {
				t.Errorf("%s: %+v", fields, x.fact)
			}
		}
	}
	f := exchange.Recognize([]byte("#Fields: date time cs-username sc-status cs(Authorization)\n2026-10-06 08:00:00 anna 200 Basic+" + secret + "\n"))
	if strings.Contains(f.Name+f.Skip, secret) {
		t.Errorf("the format names a secret: %+v", f)
	}
}
