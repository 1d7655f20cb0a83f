package tail_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest/tail"
)

// signIns returns an answer of Microsoft Graph of about size bytes on one line.
func signIns(size int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"@odata.context":"https://graph.microsoft.com/beta/$metadata#auditLogs/signIns","value":[`)
	for i := 0; b.Len() < size; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"%08x-1111-4111-8111-111111111111","createdDateTime":"2026-10-06T08:%02d:%02dZ","userDisplayName":"Anna Berg","userPrincipalName":"anna%d@contoso.com",`+
			`"appId":"00000002-0000-0ff1-ce00-000000000000","appDisplayName":"Office 365 Exchange Online","ipAddress":"192.0.2.%d","clientAppUsed":"Exchange ActiveSync",`+
			`"userAgent":"Apple-iPhone13C2/2001.55","conditionalAccessStatus":"notApplied","isInteractive":true,"riskDetail":"none","status":{"errorCode":0,"failureReason":"Other.","additionalDetails":null},`+
			`"appliedConditionalAccessPolicies":[{"id":"77777777-7777-4777-8777-777777777777","displayName":"Block legacy authentication","enforcedGrantControls":["Block"],"result":"notApplied"},`+
			`{"id":"77777777-7777-4777-8777-777777777778","displayName":"Require MFA","enforcedGrantControls":["Mfa"],"result":"notApplied"}],"location":{"city":"Oslo","countryOrRegion":"NO","geoCoordinates":{"latitude":59.9,"longitude":10.7}}}`,
			i, i/60%60, i%60, i%977, i%199)
	}
	b.WriteString(`],"@odata.nextLink":"https://graph.microsoft.com/beta/auditLogs/signIns?$skiptoken=x"}`)
	return b.Bytes()
}

func BenchmarkFraming(b *testing.B) {
	event := `<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='AD FS Auditing'/><EventID>1200</EventID></System><EventData><Data>5b0f3b0b-e875-4307-ba98-0a2f0d5aa2ce</Data><Data>` +
		strings.Repeat(`&lt;Component xsi:type="ResourceAuditComponent"&gt; &lt;RelyingParty&gt;urn:federation:MicrosoftOnline&lt;/RelyingParty&gt;`+"\r\n", 20) + "</Data></EventData></Event>\r\n"
	const size = 16 << 20
	for _, bench := range []struct {
		name string
		f    tail.Framing
		file []byte
	}{
		{"json", tail.JSON, signIns(size)},
		{"json-strings", tail.JSON, []byte("[" + strings.Repeat(`{"time":"2026-10-06T08:15:00Z","message":"`+strings.Repeat("The Federation Service issued a valid token. ", 40)+`"},`, size/1840) + "1]")},
		{"json-escapes", tail.JSON, []byte("[" + strings.Repeat(`{"AuditData":"{\"CreationTime\":\"2026-10-06T08:15:00\",\"Operation\":\"UserLoggedIn\",\"UserId\":\"anna@contoso.com\"}"},`, size/120) + "1]")},
		{"json-utf16", tail.JSON, utf16Bytes(string(signIns(size/2)), false, true)},
		{"xml", tail.XML, []byte(strings.Repeat(event, size/len(event)))},
		{"csv", tail.CSV, []byte(strings.Repeat("\"1200\",\"Information\",\"The Federation Service issued a valid token.\r\n\r\nActivity ID: 5b0f3b0b-e875-4307-ba98-0a2f0d5aa2ce\",\"AD FS Auditing\"\r\n", size/140))},
		{"blocks", tail.Blocks, []byte(strings.Repeat("TimeCreated  : 10/6/2026 8:15:00 AM\r\nProviderName : AD FS Auditing\r\nId           : 1200\r\nMessage      : The Federation Service issued a valid token.\r\n\r\n", size/150))},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := bytes.NewReader(bench.file)
			s := new(tail.Scanner)
			b.SetBytes(int64(len(bench.file)))
			b.ReportAllocs()
			for b.Loop() {
				r.Reset(bench.file)
				if err := s.ResetForm(r, form(bench.f), tail.Mark{}); err != nil {
					b.Fatal(err)
				}
				for s.Next() {
					if s.State() != tail.Complete {
						b.Fatalf("%v at %d", s.State(), s.Offset())
					}
				}
			}
		})
	}
}
