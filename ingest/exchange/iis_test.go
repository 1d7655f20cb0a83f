package exchange_test

import (
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/internal/signin"
)

const iisDefault = "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken"

// iis reads lines under the default fields.
func iis(t *testing.T, lines ...string) []told {
	t.Helper()
	return facts(read(t, byName(t, signin.IIS, ""), lines...))
}

func TestIISFacts(t *testing.T) {
	t.Parallel()
	text := "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Date: 2026-10-06 08:00:00\n" +
		"#Fields: date time s-computername s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken X-Forwarded-For AUTH_TYPE\n" +
		`2026-10-06 08:00:01 EX01 192.0.2.10 POST /EWS/Exchange.asmx &CorrelationID=<empty>;&cafeReqId=3b0f6a52-7c1d-4e8a-9b3f-0d1e2f3a4b5c; 443 CONTOSO\anna 192.0.2.1 OC/16.0.5266.1000+(Skype+for+Business) - 401 1 2148074254 52 203.0.113.7 Basic` + "\n"
	format, all := file(t, text)
	if format.Kind != signin.IIS || !format.Named || format.Sessions || format.Name != "IIS W3C log, front end" {
		t.Errorf("format = %+v", format)
	}
	wantDecoded(t, all, ingest.Directive, ingest.Directive, ingest.Directive, ingest.Directive, ingest.Facts)
	want := fact{
		Time: "2026-10-06T08:00:01.000Z", Server: "EX01", ServerAddr: "192.0.2.10", Account: `CONTOSO\anna`, AuthType: "Basic", Method: "POST", Path: "/EWS/Exchange.asmx",
		Agent: "OC/16.0.5266.1000+(Skype+for+Business)", Address: "192.0.2.1", Forwarded: "203.0.113.7", ID: "3b0f6a52-7c1d-4e8a-9b3f-0d1e2f3a4b5c",
		Port: 443, Status: 401, Sub: 1, Win32: 2148074254,
	}
	if got := all[4].fact; got != want {
		t.Errorf("facts:\n%+v\nwant:\n%+v", got, want)
	}
}

// TestIISShapes are the shapes of the public samples a to l, with invented names.
func TestIISShapes(t *testing.T) {
	t.Parallel()
	const custom = "date time s-computername s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken X-Forwarded-For port"
	t.Run("a forwarded", func(t *testing.T) {
		t.Parallel()
		x := read(t, byName(t, signin.IIS, custom), `2026-10-06 07:37:00 EX01 192.0.2.31 POST /EWS/Exchange.asmx &CorrelationID=<empty>;&cafeReqId=12d62000-56b5-0000-a9f7-a9e934ecb2d5; 443 CONTOSO\anna 192.0.2.75 OC/16.0.5266.1000+(Skype+for+Business) - 200 0 0 52 10.10.10.7 59050`)[0]
		wantSign(t, x, `CONTOSO\anna`, signin.UnknownAuth, signin.Success, signin.Inferred)
		if x.sign.Address.String() != "10.10.10.7" {
			t.Errorf("address = %s, want the forwarded one", x.sign.Address)
		}
	})
	t.Run("b back end", func(t *testing.T) {
		t.Parallel()
		all := read(t, byName(t, signin.IIS, custom),
			`2026-10-06 08:58:45 EX02 fe80::d9e3:e981:da2d:427b%3 POST /mapi/emsmdb/ MailboxId=0b7c9d1e-2f3a-4b5c-8d6e-7f8091a2b3c4@contoso.com 444 Anonymous fe80::d9e3:e981:da2d:427b%3 Microsoft+Office/16.0+(Windows+NT+6.2;+ucmapi+16.0.5404;+Pro) - 200 0 0 4 10.0.61.69,10.93.4.75 36391`,
			`2026-10-06 08:58:33 EX02 fe80::d9e3:e981:da2d:427b%3 POST /autodiscover/autodiscover.xml &reqId=bc5918ae-b6a0-0000-9b09-bb94ce79a2fc 444 CONTOSO\bruno 203.0.113.40 curl/8 - 200 0 0 78 - 51385`)
		// The front end forwards the client's list in a custom column: the line is still the back end's.
		wantVerdict(t, all[0], signin.OtherLine)
		wantSign(t, all[1], `CONTOSO\bruno`, signin.UnknownAuth, signin.Success, signin.Inferred)
		if !all[1].sign.Backend {
			t.Error("a client that reached port 444 itself is not told as such")
		}
	})
	all := iis(t,
		`2026-10-06 11:22:56 192.0.2.10 POST /Autodiscover/Autodiscover.xml &CorrelationID=<empty>;&ClientId=VXRIEZFV0YQQFWRSGGW&cafeReqId=4e73377c-eca8-4fc9-9383-88765ed99457; 443 - 198.51.100.38 Microsoft+Office/16.0 - 401 1 2148074254 1`,
		`2026-10-06 11:22:56 192.0.2.10 POST /Autodiscover/Autodiscover.xml &CorrelationID=<empty>;&cafeReqId=98de9d99-62b7-485e-bda3-d46564798d99; 443 CONTOSO\dora 198.51.100.38 Microsoft+Office/16.0 - 200 0 0 12`,
		`2026-10-06 13:58:41 192.0.2.10 POST /Microsoft-Server-ActiveSync/default.eas User=dora&DeviceId=N273TC3QE567&DeviceType=iPad&Cmd=Search&CorrelationID=<empty>;&cafeReqId=fffa581c-de62-4a3b-a609-8e99f9882d63; 443 CONTOSO\dora 198.51.100.83 Apple-iPad7C2/1805.212 - 200 0 0 63`,
		`2026-10-06 13:58:42 192.0.2.10 OPTIONS /Microsoft-Server-ActiveSync/default.eas - 443 - 203.0.113.4 Outlook-iOS-Android/1.0 - 401 2 5 171`,
		`2026-10-06 13:58:43 192.0.2.10 POST /Microsoft-Server-ActiveSync/default.eas - 443 sales@contoso.com 203.0.113.4 Outlook-iOS-Android/1.0 - 200 0 0 748`,
		`2026-10-06 13:58:44 192.0.2.10 RPC_OUT_DATA /rpc/rpcproxy.dll ex.contoso.com:6001 443 CONTOSO\emil 10.0.0.10 MSRPC - 503 3 0 15`,
		`2026-10-06 13:58:45 192.0.2.10 RPC_IN_DATA /rpc/rpcproxy.dll 80d0a577-0000@contoso.com:6001&CorrelationID=<empty>;&RequestId=b7fc8567-1111-2222-3333-444455556666&cafeReqId=b7fc8567-1111-2222-3333-444455556666; 443 Contoso\emil 203.0.113.10 MSRPC - 401 1 1326 15`,
		`2026-10-06 13:58:46 ::1 GET /OWA/auth.owa &encoding=; 443 - ::1 AMProbe/Local/ClientAccess - 403 7 5 19`,
		`2026-10-06 13:58:47 192.0.2.10 POST /owa/ev.owa2 ns=PendingRequest&ev=FinishNotificationRequest&CorrelationID=<empty>;&LogoffReason=LoginTimeoutPost&cafeReqId=4f3a79d6-1111-2222-3333-444455556666;&encoding=; 443 - 10.203.140.1 Mozilla/5.0+(X) - 440 0 0 121`,
		`2026-10-06 13:58:48 192.0.2.10 POST /EWS/Exchange.asmx &CorrelationID=<empty>;&cafeReqId=9f422915-1111-2222-3333-444455556666; 443 contoso\svc-freebusy 198.51.100.3 ASProxy/CrossForest/EmailDomain/EXCH/08.03.0083.000 - 403 0 0 718`,
	)
	t.Run("c handshake", func(t *testing.T) {
		t.Parallel()
		wantVerdict(t, all[0], signin.OtherLine)
		wantSign(t, all[1], `CONTOSO\dora`, signin.UnknownAuth, signin.Success, signin.Inferred)
		if all[0].fact.ID != "4e73377c-eca8-4fc9-9383-88765ed99457" {
			t.Errorf("request id = %q", all[0].fact.ID)
		}
	})
	t.Run("d, e ActiveSync", func(t *testing.T) {
		t.Parallel()
		wantSign(t, all[2], `CONTOSO\dora`, signin.UnknownAuth, signin.Success, signin.Inferred)
		wantVerdict(t, all[3], signin.OtherLine)
		wantSign(t, all[4], "sales@contoso.com", signin.UnknownAuth, signin.Success, signin.Inferred)
	})
	t.Run("f RPC over HTTP", func(t *testing.T) {
		t.Parallel()
		wantSign(t, all[5], `CONTOSO\emil`, signin.UnknownAuth, signin.Success, signin.Inferred)
		wantSign(t, all[6], `Contoso\emil`, signin.Basic, signin.Failure, signin.Inferred)
		if all[6].sign.Protocol != signin.RPC || all[6].fact.ID != "b7fc8567-1111-2222-3333-444455556666" {
			t.Errorf("protocol = %v, id = %q", all[6].sign.Protocol, all[6].fact.ID)
		}
	})
	t.Run("g, i, j", func(t *testing.T) {
		t.Parallel()
		wantVerdict(t, all[7], signin.Noise)
		wantVerdict(t, all[8], signin.OtherLine)
		wantSign(t, all[9], `contoso\svc-freebusy`, signin.UnknownAuth, signin.Success, signin.Inferred)
	})
	t.Run("h, k, l long queries", func(t *testing.T) {
		t.Parallel()
		const noReferer = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status time-taken"
		all := read(t, byName(t, signin.IIS, noReferer),
			`2026-10-06 10:00:00 192.0.2.10 POST /Microsoft-Server-ActiveSync/default.eas Cmd=Ping&User=contoso.com%5Cfred&DeviceId=androidc5370&DeviceType=KSAndroid&Log=V141_LdapC1_RpcC28_S3_Error:PingCollisionDetected_Mbx:EX01_Throttle0_Budget:(A)Conn%3a1_ 443 contoso.com\fred 203.0.113.27 KSAndroid/5.1.1-EAS-1.3 200 0 0 218`,
			`2026-10-06 10:00:00 fe80::2063:570a:9da1:9b71%12 POST /Microsoft-Server-ActiveSync/Proxy/default.eas Cmd=Search&User=fred&Log=PrxFrom:fe80%3a%3a2063%2512_V141_ 444 CONTOSO\fred fe80::2063:570a:9da1:9b71%12 Python 200 0 0 326`,
			`2026-10-06 10:00:00 fe80::1%3 POST /mapi/nspi/ MailboxId=0b7c&FrontEnd=EX01.CONTOSO.COM&RequestId=e393c31b-1111-2222-3333-444455556666&ClientRequestInfo=R:{0B7C}:106;RT:GetProps;CI:{0B7C}:5&ResponseInfo=XRC:0;SC:0 444 Anonymous fe80::1%3 Microsoft+Office/16.0 200 0 0 5`)
		wantSign(t, all[0], `contoso.com\fred`, signin.UnknownAuth, signin.Success, signin.Inferred)
		wantVerdict(t, all[1], signin.OtherLine)
		wantVerdict(t, all[2], signin.OtherLine)
		if all[2].fact.ID != "" {
			t.Errorf("request id = %q: RequestId of a back end is not cafeReqId", all[2].fact.ID)
		}
	})
}

func TestIISCustomFields(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"X-Forwarded-For", "x-forwarded-for", "X_Forwarded_For", "XFF", "cs(X-Forwarded-For)", "Client-IP", "OriginalIP", "HTTP_X_FORWARDED_FOR"} {
		x := read(t, byName(t, signin.IIS, "date time c-ip sc-status "+name), "2026-10-06 08:00:00 192.0.2.1 200 203.0.113.7,+10.1.1.1")[0]
		if x.fact.Forwarded != "203.0.113.7,+10.1.1.1" || x.fact.Address != "192.0.2.1" {
			t.Errorf("%s: facts = %+v", name, x.fact)
		}
	}
	for _, name := range []string{"AUTH_TYPE", "auth-type", "authtype", "s-auth-type", "cs-auth-type", "AuthenticationType"} {
		all := read(t, byName(t, signin.IIS, "date time sc-status "+name), "2026-10-06 08:00:00 200 Negotiate", "2026-10-06 08:00:00 200 -")
		if all[0].fact.AuthType != "Negotiate" || all[1].fact.AuthType != "" {
			t.Errorf("%s: %q and %q", name, all[0].fact.AuthType, all[1].fact.AuthType)
		}
	}
	// Both balancer headers are columns and the first is empty.
	x := read(t, byName(t, signin.IIS, "date time sc-status Client-IP X-Forwarded-For"), "2026-10-06 08:00:00 200 203.0.113.9 -")[0]
	if x.fact.Forwarded != "203.0.113.9" {
		t.Errorf("forwarded = %q", x.fact.Forwarded)
	}
	// A request header named so is the client's word, a whole header is a password, a later column cannot stand in for IIS's own.
	for fields, line := range map[string]string{
		"date time sc-status cs(Auth-Type)":                         "2026-10-06 08:00:00 200 Kerberos",
		"date time sc-status AUTH_TYPE":                             "2026-10-06 08:00:00 200 Basic+YW5uYTpodW50ZXIy",
		"date time sc-status auth-type":                             "2026-10-06 08:00:00 200 YW5uYTpodW50ZXIyaHVudGVyMg==",
		"date time sc-status Authorization cs(Authorization)":       "2026-10-06 08:00:00 200 Basic+YW5uYTpodW50ZXIy Basic+YW5uYTpodW50ZXIy",
		"date time cs-username sc-status cs-username s-auth-type_x": "2026-10-06 08:00:00 - 200 YW5uYTpodW50ZXIy -",
	} {
		if x := read(t, byName(t, signin.IIS, fields), line)[0]; x.decoded != ingest.Facts || x.fact.AuthType+x.fact.Account != "" {
			t.Errorf("%s: %+v", fields, x.fact)
		}
	}
}

func TestIISRequestID(t *testing.T) {
	t.Parallel()
	const id = "3b0f6a52-7c1d-4e8a-9b3f-0d1e2f3a4b5c"
	for query, want := range map[string]string{
		"&cafeReqId=" + id + ";":                             id,
		"cafeReqId=" + id:                                    id,
		"a=b&cafeReqId=" + id + "&encoding=;":                id,
		"&cafeReqId=3B0F6A527C1D4E8A9B3F0D1E2F3A4B5C;":       "3B0F6A527C1D4E8A9B3F0D1E2F3A4B5C",
		"cafeReqId=forged&x&cafeReqId=" + id + ";":           id, // the client's own query stands first
		"cafeReqId=" + id + "&cafeReqId=<script>;":           "",
		"&cafeReqId=" + id + "0;":                            "",
		"&cafeReqId=3b0f6a52-7c1d-4e8a-9b3f-0d1e2f3a4b":      "",
		"&cafeReqId=3b0f6a52-7c1d-4e8a-9b3f0d1e2f3a4b5cc":    "",
		"&cafeReqId=3b0f6a52-7c1d-4e8a-9b3f-0d1e2f3a4bXX":    "",
		"&cafeReqId=\x10b0f6a52-7c1d-4e8a-9b3f-0d1e2f3a4b5c": "",
		"&mycafeReqId=" + id + ";":                           "",
		"&cafeReqId=":                                        "",
		"cafeReqId":                                          "",
		"-":                                                  "",
	} {
		if got := iis(t, "2026-10-06 08:00:01 192.0.2.10 POST /EWS/Exchange.asmx "+query+" 443 - 198.51.100.3 x - 200 0 0 1")[0].fact.ID; got != want {
			t.Errorf("%s: id = %q, want %q", query, got, want)
		}
	}
}

func TestIISMalformed(t *testing.T) {
	t.Parallel()
	const good = `2026-10-06 08:00:01 192.0.2.10 POST /EWS/Exchange.asmx - 443 CONTOSO\anna 198.51.100.3 x - 200 0 0 1`
	swap := func(old, now string) string { return strings.Replace(good, old, now, 1) }
	for name, line := range map[string]string{
		"too few": strings.TrimSuffix(good, " 1"), "too many": good + " 1", "month": swap("2026-10", "2026-13"), "leap day": swap("2026-10-06", "2026-02-29"),
		"time": swap("08:00:01", "08:60:01"), "short time": swap("08:00:01", "8:00:01"), "port": swap(" 443 ", " https "), "high port": swap(" 443 ", " 65536 "),
		"status": swap(" 200 ", " OK "), "substatus": swap(" 200 0 ", " 200 x "), "win32": swap(" 0 1", " 4294967296 1"),
		"a line of HttpProxy": proxyRow(proxyHeader(74), proxy()), "a run of blanks": swap(" 443 ", "  443 "),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantDecoded(t, read(t, byName(t, signin.IIS, ""), line), ingest.Malformed)
		})
	}
	d := exchange.Recognize([]byte(iisDefault + "\n")).Decoder()
	all := read(t, d, good, "#Fields: sc-status cs-uri-stem", "200 /", iisDefault, good, "", "  ")
	wantDecoded(t, all, ingest.Malformed, ingest.Directive, ingest.Malformed, ingest.Directive, ingest.Facts, ingest.Blank, ingest.Blank)
	if note := all[0].fact.Note; note != "no #Fields before it" {
		t.Errorf("note = %q", note)
	}
	if x := read(t, byName(t, signin.IIS, ""), swap("443 CONTOSO\\anna", "- -"))[0]; x.decoded != ingest.Facts || x.fact.Port != 0 || x.fact.Account != "" {
		t.Errorf("dashes: %+v", x.fact)
	}
}

func TestIISTimeOnly(t *testing.T) {
	t.Parallel()
	const fields = "#Fields: time c-ip cs-method cs-uri-stem cs-username sc-status"
	format, all := file(t, "#Software: Microsoft Internet Information Services 10.0\n#Date: 2026-10-06 22:00:00\n"+fields+`
22:00:01 198.51.100.3 POST /EWS/Exchange.asmx CONTOSO\anna 200
21:59:59 198.51.100.3 POST /EWS/Exchange.asmx CONTOSO\anna 200
00:00:01 198.51.100.3 POST /EWS/Exchange.asmx CONTOSO\anna 200
#Date: 2026-10-09 10:00:00
10:00:00 198.51.100.3 POST /EWS/Exchange.asmx CONTOSO\anna 200
`)
	if !format.Sessions {
		t.Error("the day of a line depends on the lines before, and yet the file may be cut")
	}
	var got []string
	for _, x := range facts(all) {
		got = append(got, x.fact.Time)
	}
	want := "2026-10-06T22:00:01.000Z 2026-10-06T21:59:59.000Z 2026-10-07T00:00:01.000Z 2026-10-09T10:00:00.000Z"
	if strings.Join(got, " ") != want {
		t.Errorf("times = %v, want %v", got, want)
	}
	d := format.Decoder()
	read(t, d, "#Date: 2026-10-06 22:00:00", fields, `22:00:01 198.51.100.3 POST / - 200`)
	d.Reset(append([]byte(nil), d.Header()...))
	if x := read(t, d, `22:00:02 198.51.100.3 POST / - 200`)[0]; x.fact.Time != "2026-10-06T22:00:02.000Z" {
		t.Errorf("after a resume: %q (%s)", x.fact.Time, x.fact.Note)
	}
	d.Reset(nil)
	wantDecoded(t, read(t, d, fields, `22:00:02 198.51.100.3 POST / - 200`), ingest.Directive, ingest.Malformed)
}
