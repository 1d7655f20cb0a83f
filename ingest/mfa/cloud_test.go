package mfa_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/internal/signin"
)

const (
	exchangeOnline = "00000002-0000-0ff1-ce00-000000000000"
	someID         = "7c1d4e8a-9b3f-4d1e-8f3a-4b5c6d7e8f00"
	flowID         = "3b0f6a52-7c1d-4e8a-9b3f-0d1e2f3a4b5c"
)

// A cloudFact is what a record came to, as text.
type cloudFact struct {
	decoded                                               ingest.Decoded
	verdict, time, account, address, resource, label      string
	authType, agent, id, note                             string
	code                                                  uint32
	user, application, factor, outcome, reason, from, txn string
}

func decoderOf(tb testing.TB, o *mfa.Options, head string) ingest.Decoder {
	tb.Helper()
	f := o.Recognize([]byte(head))
	if f.Decoder == nil {
		tb.Fatalf("not recognised: %q, %+v", head, f)
	}
	return f.Decoder()
}

// decodeAll decodes records, each from a buffer that is overwritten before the next.
func decodeAll(tb testing.TB, d ingest.Decoder, records ...string) []cloudFact {
	tb.Helper()
	c := signin.NewClassifier(&signin.Organisation{Internal: signin.DefaultInternal(), Published: func(r string) bool { return r == "Outlook on the web" }})
	var all []cloudFact
	for _, r := range records {
		raw := []byte(r)
		f := signin.Facts{Account: []byte("of the record before"), MFA: &signin.MFAFacts{}}
		x := cloudFact{decoded: d.Decode(raw, &f)}
		if string(raw) != r {
			tb.Fatalf("the record was changed: %q", raw)
		}
		x.note = f.Note
		if x.decoded == ingest.Facts {
			var s signin.SignIn
			c.Classify(&f, &s)
			x.verdict = s.Verdict.String()
			if s.Verdict == signin.SignInLine {
				x.verdict = strings.Join([]string{s.Protocol.String(), s.Auth.String(), s.Outcome.String()}, " ")
			}
			x.time = time.UnixMilli(f.Time).UTC().Format("2006-01-02T15:04:05.000Z")
			x.account, x.address, x.resource, x.label = string(f.Account), string(f.Address), string(f.Resource), string(f.Label)
			x.authType, x.agent, x.id, x.code = string(f.AuthType), string(f.Agent), string(f.RequestID), f.Win32
			if m := f.MFA; m != nil {
				x.user, x.application, x.factor, x.outcome = string(m.User), string(m.Application), string(m.Factor), m.Outcome.String()
				x.reason, x.from, x.txn = string(m.Reason), string(m.Address), string(m.Transaction)
				if m.Time != f.Time {
					tb.Fatalf("the event is of %d, the record of %d", m.Time, f.Time)
				}
			}
		} else if f.Time != 0 || f.MFA != nil || f.Account != nil {
			tb.Fatalf("decoded %d with facts: %q", x.decoded, r)
		}
		clear(raw)
		all = append(all, x)
	}
	return all
}

func decodeOne(tb testing.TB, record string) cloudFact {
	tb.Helper()
	return decodeAll(tb, decoderOf(tb, &mfa.Options{}, record), record)[0]
}

// heads are what files of the clouds begin with, by the name under which they are recognised.
func heads() map[string][]string {
	r, g := entraRecord(), entraGraph()
	const empty = `{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#auditLogs/signIns","value":[]}` + "\n"
	// What is seen of a record that begins with more policies than a head has room for.
	policies := strings.Repeat(`{"id":"77777777-8888-9999-aaaa-bbbbbbbbbbbb","displayName":"For everybody","enforcedGrantControls":["Mfa"],"result":"notApplied"},`, 600)[:64<<10]
	return map[string][]string{
		"Entra logs, diagnostic settings": {
			r + "\r\n" + r + "\r\n", "\xEF\xBB\xBF" + r, `{"records":[` + r + `,` + r + `]}`, "[\n" + r + "]", strings.ToLower(r[:200]) + r[200:], r[:900], r[:260],
			`{"RECORDS": [` + r[:900],
			`{"time":"2026-10-06T08:05:00Z","resourceId":"/tenants/0/providers/Microsoft.aadiam","category":"AuditLogs","properties":{"activityDateTime":"2026-10-06T08:00:00Z"}}`,
			strings.Replace(r, `"resourceId":"/tenants/11111111-2222-3333-4444-555555555555/providers/Microsoft.aadiam",`, "", 1),
			`{"Level":4,"callerIpAddress":"198.51.100.7","correlationId":"x","properties":{"appDisplayName":"x","appliedConditionalAccessPolicies":[` + policies,
			`{"records":[{"properties":{"appliedConditionalAccessPolicies":[` + policies,
		},
		"Entra sign-ins, Microsoft Graph or portal JSON": {
			`{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#auditLogs/signIns","@odata.nextLink":"https://graph.microsoft.com/x","value":[` + g + `,` + g + `]}`,
			"[" + g + "]", g, "  [\r\n  " + g, "{\"value\":[" + g[:len(g)-20],
			`{"appliedConditionalAccessPolicies":[` + policies, "[\n {\n  \"id\": \"x\",\n  \"appliedConditionalAccessPolicies\" : [\n" + policies,
			empty + `{"value":[` + g + `]}`, "[]\r\n[" + g + "]\r\n",
		},
		"Entra sign-ins, Log Analytics": {
			entraTable(), "[" + entraTable() + "," + entraTable() + "]",
			`[{"AppDisplayName":"x","AuthenticationRequirement":"singleFactorAuthentication","ConditionalAccessPolicies":"[` + strings.ReplaceAll(policies, `"`, `\"`),
		},
		"Entra sign-ins, portal CSV":           {portalHeader + "\r\n" + portalRow("x", "") + "\r\n", "\xEF\xBB\xBF" + portalHeader, quotedHeader(portalHeader) + "\n"},
		"Entra sign-ins, CSV of Log Analytics": {tableHeader + "\n" + tableRow + "\n"},
		"Unified Audit Log, JSON": {
			ualRecord("UserLoggedIn", ""), "[" + ualRecord("UserLoginFailed", "") + "]", "[\n  " + ualRecord("MailItemsAccessed", "")[:250],
			`{"RecordType":15,"CreationDate":"\/Date(1791273600000)\/","UserIds":"anna@contoso.com","Operations":"UserLoggedIn","AuditData":"{}"}`,
			`{"value":[{"id":"1","createdDateTime":"2026-10-06T08:00:00Z","auditLogRecordType":"azureActiveDirectoryStsLogon","operation":"UserLoggedIn","userPrincipalName":"anna@contoso.com","auditData":{}}]}`,
		},
		"Unified Audit Log, CSV": {ualHeader + "\n" + ualRow("UserLoggedIn", ""), "#TYPE Deserialized.Microsoft.Exchange\r\n" + quotedHeader(ualHeader) + "\r\n", "RecordId,CreationDate,RecordType,Operation,UserId,AuditData,AssociatedAdminUnits,AssociatedAdminUnitsNames\n"},
	}
}

func quotedHeader(h string) string { return `"` + strings.ReplaceAll(h, ",", `","`) + `"` }

// Each file is known by its content, cut or not, and by its own look alone.
func TestRecognizeCloud(t *testing.T) {
	t.Parallel()
	for name, all := range heads() {
		for _, head := range all {
			f := (&mfa.Options{}).Recognize([]byte(head))
			want := signin.Entra
			if strings.HasPrefix(name, "Unified") {
				want = signin.UAL
			}
			if f.Name != name || f.Kind != want || f.Decoder == nil || f.Skip != "" {
				t.Errorf("%q: %+v, want %s", head, f, name)
			}
			if f := exchange.Recognize([]byte(head)); f.Name != "" {
				t.Errorf("%q is taken for a log of Exchange: %s", head, f.Name)
			}
		}
	}
}

// What is somebody else's is left to him.
func TestRecognizeNoCloud(t *testing.T) {
	t.Parallel()
	for _, head := range []string{
		`{"value":[]}`, `[]`, `{"records":[]}` + "\n" + `{"records":[]}`, `{"value":[],"x":{}} {"y":1}`,
		`{"conditionalAccessPolicies":[{"grantControls":{"builtInControls":["mfa"]},"displayName":"`,      // the policies themselves
		`{"appliedConditionalAccessPolicies":[{"enforcedGrantControls":["Mfa"]}],"a":1}`,                  // whole, and no sign-in
		`{"message":"\"appliedConditionalAccessPolicies\":[{\"enforcedGrantControls\":[","other":[{"x":"`, // a text
		`{"a":{"appliedConditionalAccessPolicies":[{"enforcedGrantControls":["Mfa"]}]},"b":["`,
		"", "[", "{", "[]", "{}", "[1,2]", `["a"]`, `{"records":[]}`, `{"value":[1]}`, `{"records":"x"}`, "text", "a,b,c\n1,2,3\n", "\x00\x00", `{"value":`, `{"a" 1}`,
		`{"access_device":{"ip":"198.51.100.7"},"event_type":"authentication","factor":"duo_push","isotimestamp":"2026-10-06T08:00:00+00:00","reason":"user_approved","result":"success","txid":"` + someID + `","user":{"name":"anna"}}`,
		`{"actor":{"alternateId":"anna@contoso.com"},"eventType":"user.session.start","outcome":{"result":"SUCCESS"},"published":"2026-10-06T08:00:00.000Z","uuid":"` + someID + `"}`,
		`[{"TimeCreated":"\/Date(1791273600000)\/","Id":1200,"ProviderName":"AD FS Auditing","Message":"x"}]`,
		`{"EventTime":"2026-10-06 08:00:00","EventID":1203,"SourceName":"AD FS Auditing","Message":"x"}`,
		`{"time":"2026-10-06T08:00:00Z","resourceId":"/SUBSCRIPTIONS/X/PROVIDERS/MICROSOFT.KEYVAULT/VAULTS/Y","category":"AuditEvent","properties":{"id":"x"}}`,
		`{"createdDateTime":"2026-10-06T08:00:00Z","userPrincipalName":"anna@contoso.com"}`,
		"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='AD FS Auditing'/></System></Event>",
		"Date (UTC),User,Risk state\n", `[CONTOSO\anna] Mfa result is Forbidden {"Code":22,"Success":false}`,
		"2026-10-06T08:00:00.000000-0400 [duoauthproxy.lib.log#info] x", "Time,EventID,Details,CorrelationID,Machine,Log\n",
	} {
		if f := (&mfa.Options{}).Recognize([]byte(head)); f.Kind == signin.Entra || f.Kind == signin.UAL || strings.Contains(f.Name, "Entra") {
			t.Errorf("%q: %+v", head, f)
		}
	}
}

// No log of the example organisation is taken for one of an identity provider.
func TestRecognizeNoSample(t *testing.T) {
	t.Parallel()
	n := 0
	err := filepath.WalkDir("../../samples/contoso", func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.Contains(filepath.ToSlash(path), "/EX0") {
			return err
		}
		head, err := os.ReadFile(path)
		if f := (&mfa.Options{}).Recognize(head[:min(len(head), 64<<10)]); f.Name != "" && (f.Kind == signin.Entra || f.Kind == signin.UAL) {
			t.Errorf("%s: %+v", path, f)
		}
		n++
		return err
	})
	if err != nil || n < 20 {
		t.Errorf("%d files, %v", n, err)
	}
}

// The portal writes its headings in the language of who downloads.
func TestRecognizeSkippedPortal(t *testing.T) {
	t.Parallel()
	german := "Datum (UTC),Anforderungs-ID,Benutzer-Agent,Korrelations-ID,Benutzer-ID,Benutzer,Benutzername,Anwendung,Ressource,IP-Adresse,Client-App" + strings.Repeat(",Spalte", 30)
	for head, want := range map[string]string{
		german + "\n": "translated",
		"Date (UTC),Request ID,Correlation ID,Service principal ID,Service principal name,Resource,IP address,Status\n": "no person",
	} {
		if f := (&mfa.Options{}).Recognize([]byte(head)); f.Kind != signin.UnknownKind || f.Decoder != nil || f.Name == "" || !strings.Contains(f.Skip, want) {
			t.Errorf("%q: %+v, want a reason with %q", head, f, want)
		}
	}
}

// The time layouts that were met: mfa-sources 4.1, and what PowerShell makes of them.
func TestCloudTimes(t *testing.T) {
	t.Parallel()
	const nine = "2026-01-09T09:41:00."
	for text, want := range map[string]string{
		"01/09/2026 09:41:00": nine + "000Z", "1/9/2026 9:41:00 AM": nine + "000Z", "1/9/2026 10:41:00 AM +01:00": nine + "000Z", "2026-01-09T09:41:00": nine + "000Z",
		"2026-01-09T09:41:00.22Z": nine + "220Z", "2026-01-09T09:41:00.6816663Z": nine + "681Z", "2026-01-09T09:41:00.535404056Z": nine + "535Z",
		"2026-01-09T09:41:00.992099+00:00": nine + "992Z", "2026-01-09T11:41:00+02:00": nine + "000Z", "2026-01-09 09:41:00.056": nine + "056Z",
		"2026-01-09T04:11:00-0530": nine + "000Z", "1/9/2026, 9:41:00 PM": "2026-01-09T21:41:00.000Z", "1/9/2026 12:00:00 AM": "2026-01-09T00:00:00.000Z",
		"1/9/2026 12:30:00 PM": "2026-01-09T12:30:00.000Z", `\/Date(1767951660000)\/`: nine + "000Z", "2026-01-09T09:41:00z": nine + "000Z",
		"1/9/2026, 9:41:00\u202fAM": nine + "000Z", " 2026-01-09T09:41:00Z ": nine + "000Z",

		"": "", "null": "", "2026-01-09": "", "2026-02-30T09:41:00Z": "", "2026-01-09T24:00:00Z": "", "2026-01-09T09:60:00Z": "", "13/09/2026 09:41:00": "", "1/9/26 9:41:00": "",
		"0001-01-01T00:00:00Z": "", "1970-01-01T00:00:00Z": "", "2026-01-09T09:41:00.Z": "", "2026-01-09T09:41:00+2": "", "2026-01-09T09:41": "", "13:00:00": "",
		"1/9/2026 13:41:00 PM": "", "2026-01-09T09:41:00+15:00": "", "2026-01-09T09:41:00Z and more": "", "2026-O1-09T09:41:00Z": "", "/Date(x)/": "", "/Date()/": "",
		"1/9/2026/1 9:41:00": "", "1//2026 9:41:00": "", "99999999999999999999": "",
	} {
		x := decodeAll(t, decoderOf(t, &mfa.Options{}, entraGraph()), strings.Replace(entraGraph(), "2026-10-06T08:00:00Z", text, 1))[0]
		if x.time != want || (want == "") != (x.decoded == ingest.Malformed) || want == "" && x.note == "" {
			t.Errorf("%q: %q (%s), want %q", text, x.time, x.note, want)
		}
	}
}

// Addresses lose their port in every form, and those that mean nothing are none.
func TestCloudAddresses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"198.51.100.7": "198.51.100.7", "198.51.100.7:8085": "198.51.100.7", "[2001:db8::1]:443": "2001:db8::1", "[2001:db8::1]": "2001:db8::1", "2001:db8::1": "2001:db8::1",
		" 198.51.100.7 ": "198.51.100.7", "0.0.0.0": "", "0.0.0.0:0": "", "N/A": "", "-": "", "": "", "::": "", "<null>": "", "Not Available": "",
	} {
		x := decodeOne(t, strings.Replace(ualRecord("UserLoggedIn", ""), `"ClientIP":"198.51.100.7:8085"`, fmt.Sprintf(`"ClientIP":%q`, text), 1))
		if x.address != want || x.from != want {
			t.Errorf("%q: %q, %q, want %q", text, x.address, x.from, want)
		}
	}
}

// The test is not parallel: testing.AllocsPerRun counts for the whole process.
func TestCloudAllocatesNothing(t *testing.T) {
	for name, records := range map[string][]string{
		"diagnostic settings": {entraRecord(), entraRecord(entraToken, entraSessions), entraRecord(`"incomingTokenType":"none"`, `"incomingTokenType":"saml11"`, `"authenticationRequirement":"multiFactorAuthentication"`, `"authenticationRequirement":"singleFactorAuthentication"`, `"conditionsNotSatisfied":0`, `"conditionsNotSatisfied":2`), entraRecord(`"errorCode":0`, `"errorCode":500121`), entraRecord("Password", `Pass\u0077ord`), "bad", ""},
		"Log Analytics":       {entraTable(), entraTable(), `{"createdDateTime":"x"}`},
		"Graph":               {entraGraph()},
		"portal":              {portalHeader, portalRow("x", `a ""quoted"" agent`), portalRow("y", ""), "bad"},
		"UAL":                 {ualRecord("UserLoggedIn", ""), ualRecord("UserLoginFailed", "500121"), ualRecord("Update user.", ""), "bad", ""},
		"UAL, CSV":            {ualHeader, ualRow("UserLoggedIn", ""), ualRow("UserLoginFailed", "50126"), "bad"},
	} {
		d := decoderOf(t, &mfa.Options{}, records[0])
		var raw [][]byte
		for _, r := range records {
			raw = append(raw, []byte(r))
		}
		var f signin.Facts
		all := func() {
			for _, r := range raw {
				d.Decode(r, &f)
			}
		}
		all()
		all()
		if n := testing.AllocsPerRun(10, all); n != 0 {
			t.Errorf("%s: %v allocations in %d records", name, n, len(raw))
		}
	}
}

// A heading is handed on to whoever reads the next part of a file.
func TestCloudHeader(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ header, row string }{{portalHeader, portalRow("x", "")}, {ualHeader, ualRow("UserLoggedIn", "")}} {
		first := decoderOf(t, &mfa.Options{}, c.header)
		if x := decodeAll(t, first, "#TYPE x", c.header, c.row, c.header, c.row, "a,b"); x[0].decoded != ingest.Directive || x[1].decoded != ingest.Directive ||
			x[2].decoded != ingest.Facts || x[3].decoded != ingest.Directive || x[4] != x[2] || x[5].decoded != ingest.Malformed || x[5].note == "" {
			t.Errorf("%+v", x)
		}
		next := decoderOf(t, &mfa.Options{}, c.header)
		next.Reset(bytes.Clone(first.Header()))
		if x := decodeAll(t, next, c.row, c.row+`,"x"`, `"`+c.row); x[0].decoded != ingest.Facts || x[1].decoded != ingest.Malformed || x[2].decoded != ingest.Malformed {
			t.Errorf("after Reset: %+v", x)
		}
		next.Reset(nil)
		if len(next.Header()) != 0 {
			t.Errorf("after Reset(nil): header %q", next.Header())
		}
	}
	d := decoderOf(t, &mfa.Options{}, entraGraph())
	if d.Reset([]byte("x")); d.Header() != nil {
		t.Error("JSON has no header")
	}
}
