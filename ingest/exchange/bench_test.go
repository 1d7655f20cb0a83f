package exchange_test

import (
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/internal/signin"
)

// benchDecode decodes the lines in turn. A file that is read to its end begins again.
func benchDecode(b *testing.B, kind signin.Kind, fields string, lines []string) {
	b.Helper()
	d := byName(b, kind, fields)
	raw, size := make([][]byte, len(lines)), 0
	for i, l := range lines {
		raw[i] = []byte(l)
		size += len(l)
	}
	var f signin.Facts
	for _, l := range raw {
		if got := d.Decode(l, &f); got != ingest.Facts {
			b.Fatalf("Decode(%s) = %v, %s", l, got, f.Note)
		}
	}
	b.SetBytes(int64(size / len(lines)))
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		d.Decode(raw[i%len(raw)], &f)
	}
}

func byName(tb testing.TB, kind signin.Kind, fields string) ingest.Decoder {
	tb.Helper()
	format, err := exchange.ByName(kind, fields)
	if err != nil {
		tb.Fatal(err)
	}
	return format.Decoder()
}

// hotIIS are lines as a front end writes them all day, about 330 bytes each.
func hotIIS() []string {
	const query = "&CorrelationID=<empty>;&ClientId=QWERTYUIOPASDFGHJKLZ&cafeReqId=3b0f6a52-7c1d-4e8a-9b3f-0d1e2f3a4b5c;&encoding=;"
	return []string{
		"2026-10-06 08:00:01 192.0.2.10 POST /mapi/emsmdb/ MailboxId=0b7c9d1e-2f3a-4b5c-8d6e-7f8091a2b3c4@contoso.com" + query + ` 443 CONTOSO\anna 198.51.100.23 Microsoft+Office/16.0+(Windows+NT+10.0;+Microsoft+Outlook+16.0.17928;+Pro) - 200 0 0 31`,
		"2026-10-06 08:00:01 192.0.2.10 POST /Microsoft-Server-ActiveSync/default.eas Cmd=Ping&User=contoso.com%5Cbruno&DeviceId=ABCDEF0123456789ABCDEF0123456789&DeviceType=iPhone" + query + ` 443 bruno@contoso.com 203.0.113.77 Apple-iPhone15C2/2107.102 - 200 0 0 540021`,
		"2026-10-06 08:00:02 192.0.2.10 POST /EWS/Exchange.asmx " + query + " 443 - 198.51.100.24 ExchangeServicesClient/15.00.0913.015+(compatible;+an+application+of+the+house;+build+2026.10) - 401 1 2148074254 2",
	}
}

// hotProxy are lines of 74 columns, about 1 KB each.
func hotProxy() []string {
	tail := ",412,1873,0,,0,0,,0,,0,,0,0,,0,31,0,0,1,0,22,0,0,0,0,24,7,31,0,31,1," +
		"?MailboxId=0b7c9d1e-2f3a-4b5c-8d6e-7f8091a2b3c4@contoso.com,," +
		"BeginRequest=2026-10-06T08:00:01.100Z;CorrelationID=<empty>;ProxyState-Run=None;FEAuth=BEVersion-1942061552;BeginGetServerLocator=2026-10-06T08:00:01.101Z;OnServerLocator=2026-10-06T08:00:01.101Z;" +
		"NewConnection=192.0.2.11&0;BeginGetResponse=2026-10-06T08:00:01.104Z;OnResponseReady=2026-10-06T08:00:01.129Z;EndGetResponse=2026-10-06T08:00:01.129Z;ProxyState-Complete=ProxyResponseData;SharedCacheGuard=0;EndRequest=2026-10-06T08:00:01.131Z;S:ServiceCommonMetadata.Cookie=0a1b2c3d4e5f;," +
		",,0b7c9d1e-2f3a-4b5c-8d6e-7f8091a2b3c4,,,CafeV1"
	head := []string{
		`2026-10-06T08:00:01.131Z,3b0f6a52-7c1d-4e8a-9b3f-0d1e2f3a4b5c,15,2,1544,4,R:1;RT:Execute;CI:2;CID:3,Mapi,mail.contoso.com,/mapi/emsmdb/,,Negotiate,true,CONTOSO\anna,contoso.com,MailboxGuid~0b7c9d1e-2f3a-4b5c-8d6e-7f8091a2b3c4,Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17928; Pro),198.51.100.23,EX01,200,200,,POST,Proxy,ex01.contoso.com,15.02.1544.000,IntraForest`,
		`2026-10-06T08:00:02.004Z,4c1f6a52-7c1d-4e8a-9b3f-0d1e2f3a4b5c,15,2,1544,4,,Eas,mail.contoso.com,/Microsoft-Server-ActiveSync/default.eas,,Basic,true,CONTOSO\bruno,,Sid~S-1-5-21-1-2-3-1107,Apple-iPhone15C2/2107.102,203.0.113.77,EX01,200,200,,POST,Proxy,ex01.contoso.com,15.02.1544.000,IntraForest`,
	}
	n := strings.Count(exchange.DefaultFields(signin.HTTPProxy), ",")
	var lines []string
	for _, h := range head {
		l := h + tail
		// The last columns are filled from the right; what is missing in the middle is empty.
		missing := n - strings.Count(l, ",")
		lines = append(lines, h+strings.Repeat(",", missing)+tail)
	}
	return lines
}

func hotIMAP() []string {
	return []string{
		`2026-10-06T08:00:01.131Z,000000000000000E,2,192.0.2.10:993,198.51.100.23:51234,anna,168,31,31,authenticate,PLAIN,"R=OK;Msg=""Proxy:ex01.contoso.com:1993:SSL;ProxySuccess"";LiveIdAR=OK",`,
		`2026-10-06T08:00:01.331Z,000000000000000F,2,192.0.2.10:993,203.0.113.77:40001,,12,31,31,login,bruno *****,"R=""a2 NO LOGIN failed."";Msg=""AuthFailed:LogonDenied,User: bruno"";ErrMsg=AuthFailed:LogonDenied",`,
		`2026-10-06T08:00:01.441Z,000000000000000E,3,192.0.2.10:993,198.51.100.23:51234,anna,3,14,120,select,INBOX,R=OK,`,
	}
}

func hotSMTP() []string {
	var lines []string
	for i, l := range []string{"+,,", "<,EHLO anna-pc,", "<,AUTH LOGIN,", ">,334 <authentication response>,",
		"*,,Proxy session was successfully set up. Session for anna@contoso.com will now be proxied", ">,235 2.7.0 Authentication successful,", "-,,Local"} {
		lines = append(lines, `2026-10-06T08:00:01.131Z,EX01\Client Frontend EX01,08DD000000000001,`+string(rune('0'+i))+`,192.0.2.10:587,203.0.113.9:50100,`+l)
	}
	return lines
}

func BenchmarkIISDecode(b *testing.B)       { benchDecode(b, signin.IIS, "", hotIIS()) }
func BenchmarkHTTPProxyDecode(b *testing.B) { benchDecode(b, signin.HTTPProxy, "", hotProxy()) }
func BenchmarkIMAPDecode(b *testing.B)      { benchDecode(b, signin.IMAPLog, "", hotIMAP()) }
func BenchmarkSMTPDecode(b *testing.B)      { benchDecode(b, signin.SMTPLog, "", hotSMTP()) }
