package exchange_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/internal/signin"
)

func TestHTTPProxyColumnSets(t *testing.T) {
	t.Parallel()
	for _, n := range []int{53, 54, 64, 69, 70, 74} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			header := proxyHeader(n)
			if got := strings.Count(header, ",") + 1; got != n {
				t.Fatalf("the header of the test has %d columns", got)
			}
			rows := header
			if n == 54 {
				rows = proxyHeader(53) // the published header has a name that its rows do not
			}
			text := header + "\n#Software: Microsoft Exchange Server\n#Version: 15.00.0516.025\n#Log-type: HttpProxy Logs\n#Date: 2026-10-06T08:00:00.000Z\n#Fields: " +
				header + "\n" + proxyRow(rows, proxy("IsAuthenticated", "True", "GenericInfo", "A=1;B=2;")) + "\n"
			format, all := file(t, text)
			if format.Kind != signin.HTTPProxy || !format.Named || format.Sessions {
				t.Errorf("format = %+v", format)
			}
			wantDecoded(t, all, ingest.Directive, ingest.Directive, ingest.Directive, ingest.Directive, ingest.Directive, ingest.Directive, ingest.Facts)
			want := fact{
				Time: "2026-10-06T08:00:01.250Z", Server: "EX01", Account: `CONTOSO\anna`, AuthType: "Basic", Label: "Ews", Method: "POST",
				Path: "/EWS/Exchange.asmx", Agent: "ExchangeServicesClient/15.00.0913.015", Address: "198.51.100.23",
				ID: "3b0f6a52-7c1d-4e8a-9b3f-0d1e2f3a4b5c", Status: 200, Authenticated: true,
			}
			if got := all[6].fact; got != want {
				t.Errorf("facts:\n%+v\nwant:\n%+v", got, want)
			}
			wantSign(t, all[6], `CONTOSO\anna`, signin.Basic, signin.Success, signin.Proven)
		})
	}
}

// TestHTTPProxyShapes are the shapes of the public samples a to o, with invented names.
func TestHTTPProxyShapes(t *testing.T) {
	t.Parallel()
	t.Run("a autodiscover NTLM", func(t *testing.T) {
		t.Parallel()
		x := proxied(t, "Protocol", "Autodiscover", "UrlStem", "/autodiscover/autodiscover.xml", "AuthenticationType", "NTLM", "UserAgent", "AppleExchangeWebServices/818.120.2 accountsd/113")
		wantSign(t, x, `CONTOSO\anna`, signin.NTLM, signin.Success, signin.Proven)
	})
	t.Run("b ActiveSync, right password, 403", func(t *testing.T) {
		t.Parallel()
		x := proxied(t, "Protocol", "Eas", "UrlStem", "/Microsoft-Server-ActiveSync/default.eas", "HttpStatus", "403", "Method", "OPTIONS",
			"GenericErrors", "WebExceptionStatus=ProtocolError;WebException=L'accès est refusé é;")
		wantSign(t, x, `CONTOSO\anna`, signin.Basic, signin.Success, signin.Proven)
		if x.sign.Protocol != signin.ActiveSync {
			t.Errorf("protocol = %v", x.sign.Protocol)
		}
	})
	t.Run("c forwarded address with port, client gone", func(t *testing.T) {
		t.Parallel()
		x := proxied(t, "Protocol", "Eas", "UserAgent", "Outlook-iOS-Android/1.0", "ClientIpAddress", "203.0.113.37:49660", "BackEndStatus", "", "ErrorCode", "ClientDisconnect")
		wantSign(t, x, `CONTOSO\anna`, signin.Basic, signin.Success, signin.Proven)
		if got := x.sign.Address.String(); got != "203.0.113.37" {
			t.Errorf("address = %s", got)
		}
	})
	t.Run("d scanner claims NTLM", func(t *testing.T) {
		t.Parallel()
		wantVerdict(t, proxied(t, "Protocol", "RpcHttp", "UrlStem", "/rpc", "AuthenticationType", "NTLM", "IsAuthenticated", "false", "AuthenticatedUser", "",
			"HttpStatus", "401", "Method", "GET", "UserAgent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML  like Gecko)"), signin.OtherLine)
	})
	t.Run("e, g anonymous pages of the logon form", func(t *testing.T) {
		t.Parallel()
		for _, status := range []string{"302", "200"} {
			wantVerdict(t, proxied(t, "Protocol", "Owa", "UrlStem", "/owa/admin.cfg", "AuthenticationType", "FBA", "IsAuthenticated", "false", "AuthenticatedUser", "", "HttpStatus", status), signin.OtherLine)
		}
	})
	t.Run("f a session of the logon form", func(t *testing.T) {
		t.Parallel()
		wantSign(t, proxied(t, "Protocol", "Ecp", "AuthenticationType", "FBA"), `CONTOSO\anna`, signin.Forms, signin.Success, signin.Proven)
	})
	t.Run("h, i probes", func(t *testing.T) {
		t.Parallel()
		for _, from := range []string{"127.0.0.1", "fe80::1234:5678:1bc:245e%3"} {
			wantVerdict(t, proxied(t, "AuthenticationType", "Negotiate", "AuthenticatedUser", `CONTOSO\HealthMailbox0a1b2c3`, "ClientIpAddress", from, "UserAgent", "AMProbe/Local/ClientAccess"), signin.Noise)
		}
	})
	t.Run("j Outlook over MAPI", func(t *testing.T) {
		t.Parallel()
		x := proxied(t, "Protocol", "Mapi", "UrlStem", "/mapi/emsmdb/", "AuthenticationType", "Negotiate", "ClientRequestId", "R:{0B7C9D1E-0000-0000-0000-000000000000}:1;RT:Connect;CI:{1}:2",
			"UserAgent", "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.16731; Pro)")
		wantSign(t, x, `CONTOSO\anna`, signin.Negotiate, signin.Success, signin.Proven)
		if x.sign.Protocol != signin.MAPI {
			t.Errorf("protocol = %v", x.sign.Protocol)
		}
	})
	t.Run("k PowerShell Kerberos", func(t *testing.T) {
		t.Parallel()
		wantSign(t, proxied(t, "Protocol", "PowerShell", "UrlStem", "/powershell", "ProtocolAction", "New-PSSession:Receive", "AuthenticationType", "Kerberos", "UserAgent", "Microsoft WinRM Client"),
			`CONTOSO\anna`, signin.Kerberos, signin.Success, signin.Proven)
	})
	t.Run("l federation inside the message", func(t *testing.T) {
		t.Parallel()
		x := proxied(t, "Protocol", "Autodiscover", "UrlStem", "/autodiscover/autodiscover.svc/WSSecurity", "AuthenticationType", "", "IsAuthenticated", "false", "AuthenticatedUser", "", "HttpStatus", "401", "ErrorCode", "ProtocolError")
		wantVerdict(t, x, signin.OtherLine)
		if x.fact.AuthType != "" || x.fact.Account != "" {
			t.Errorf("facts = %+v", x.fact)
		}
	})
	t.Run("m explicit logon in the stem", func(t *testing.T) {
		t.Parallel()
		x := proxied(t, "Protocol", "Autodiscover", "UrlStem", "/autodiscover/carla@fabrikam.com/autodiscover.xml", "AuthenticationType", "Negotiate", "AuthenticatedUser", `FABRIKAM\carla`, "HttpStatus", "302")
		wantSign(t, x, `FABRIKAM\carla`, signin.Negotiate, signin.Success, signin.Proven)
	})
	t.Run("n, o early versions", func(t *testing.T) {
		t.Parallel()
		for _, n := range []int{53, 64} {
			h := proxyHeader(n)
			x := read(t, byName(t, signin.HTTPProxy, h), proxyRow(h, proxy("RequestId", "d40cbe9ba27642d280cba142bcc98f4b", "IsAuthenticated", "True", "TotalRequestTime", "16272.3359")))[0]
			wantSign(t, x, `CONTOSO\anna`, signin.Basic, signin.Success, signin.Proven)
			if x.fact.ID != "d40cbe9ba27642d280cba142bcc98f4b" {
				t.Errorf("request id = %q, want it as logged", x.fact.ID)
			}
		}
	})
}

func TestHTTPProxyMalformed(t *testing.T) {
	t.Parallel()
	h := proxyHeader(74)
	good := proxyRow(h, proxy())
	for name, line := range map[string]string{
		"too few":        strings.TrimSuffix(good, ","),
		"too many":       good + ",",
		"time":           strings.Replace(good, "08:00:01.250Z", "08:00:61.250Z", 1),
		"local time":     strings.Replace(good, ".250Z", ".250", 1),
		"day":            strings.Replace(good, "2026-10-06", "2026-09-31", 1),
		"American time":  strings.Replace(good, "2026-10-06T08:00:01.250Z", "10/6/2026 8:00:01 AM", 1),
		"authenticated":  proxyRow(h, proxy("IsAuthenticated", "maybe")),
		"status":         proxyRow(h, proxy("HttpStatus", "2OO")),
		"IIS":            `2026-10-06 08:00:01 192.0.2.10 POST /EWS/Exchange.asmx - 443 CONTOSO\anna 198.51.100.23 x - 200 0 0 52`,
		"half a line":    good[:200],
		"unclosed quote": strings.TrimSuffix(proxyRow(h, proxy("GenericInfo", `"a`)), ","),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantDecoded(t, read(t, byName(t, signin.HTTPProxy, ""), line), ingest.Malformed)
		})
	}
	without := strings.Replace(good, ".250Z", "Z", 1)
	if x := read(t, byName(t, signin.HTTPProxy, ""), without)[0]; x.fact.Time != "2026-10-06T08:00:01.000Z" {
		t.Errorf("time without a fraction = %q (%s)", x.fact.Time, x.fact.Note)
	}
	d := exchange.Recognize([]byte(h + "\n")).Decoder()
	wantDecoded(t, read(t, d, good, h, good), ingest.Malformed, ingest.Directive, ingest.Facts)
}

func TestHTTPProxyHeaderAndReset(t *testing.T) {
	t.Parallel()
	old, now := proxyHeader(69), proxyHeader(74)
	d := exchange.Recognize([]byte(now + "\n")).Decoder()
	read(t, d, now, "#Fields: "+old, proxyRow(old, proxy()))
	if got := string(d.Header()); got != old {
		t.Errorf("header = %.40q, want the one after the update", got)
	}
	next := exchange.Recognize([]byte(now + "\n")).Decoder()
	next.Reset(d.Header())
	wantDecoded(t, read(t, next, proxyRow(old, proxy()), proxyRow(now, proxy())), ingest.Facts, ingest.Malformed)
	next.Reset(nil)
	wantDecoded(t, read(t, next, proxyRow(old, proxy())), ingest.Malformed)
}

func TestHTTPProxySecrets(t *testing.T) {
	t.Parallel()
	x := proxied(t, "UrlQuery", "?msExchEcpCanary=s3cr3t", "BackEndCookie", "Database~s3cr3t", "GenericInfo", "S:ServiceCommonMetadata.Cookie=s3cr3t;", "AnchorMailbox", "s3cr3t")
	if x.decoded != ingest.Facts || strings.Contains(joined(x.fact), "s3cr3t") {
		t.Errorf("facts = %+v", x.fact)
	}
}

// joined is all text of a fact.
func joined(f fact) string {
	return strings.Join([]string{f.Server, f.ServerAddr, f.Account, f.AuthType, f.Label, f.Method, f.Path, f.Agent, f.Address, f.Forwarded, f.ID, f.Note}, "\x01")
}
