package mfa_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// reported checks what holds of a record, whatever is in it.
func reported(t *testing.T, kind signin.Kind, d ingest.Decoder, record []byte) {
	t.Helper()
	before := bytes.Clone(record)
	m := signin.MFAFacts{User: []byte("of the record before")}
	f := signin.Facts{Status: 999, Account: m.User, MFA: &m}
	got := d.Decode(record, &f)
	if !bytes.Equal(record, before) {
		t.Fatalf("the record was changed: %q", record)
	}
	if f.Kind != kind {
		t.Fatalf("kind = %v", f.Kind)
	}
	switch got {
	case ingest.Facts:
		if f.Time <= 0 || f.MFA != nil && (f.MFA.Time != f.Time || f.MFA.Outcome == signin.NoFactor) {
			t.Fatalf("%q: at %d, %+v", record, f.Time, f.MFA)
		}
		if f.MFA == nil && f.Resource == nil && f.Note == "" {
			t.Fatalf("%q: it tells nothing, and does not say why", record)
		}
		var s signin.SignIn
		signin.NewClassifier(&signin.Organisation{}).Classify(&f, &s)
		texts := [][]byte{f.Server, f.Account, f.AuthType, f.Label, f.Path, f.Agent, f.Address, f.RequestID, f.Resource}
		if f.MFA != nil {
			texts = append(texts, f.MFA.User, f.MFA.Application, f.MFA.Address, f.MFA.Factor, f.MFA.Reason, f.MFA.Gateway, f.MFA.Transaction)
		}
		for _, v := range texts {
			if v != nil && len(v) == 0 {
				t.Fatalf("%q: a value is empty and not nil", record)
			}
			if len(v) > len(record)+512 { // of another record of the request
				t.Fatalf("%q: a value of %d bytes", record, len(v))
			}
		}
	case ingest.Malformed:
		if f.Note == "" || f.Time != 0 || f.Account != nil || f.MFA != nil || f.Server != nil {
			t.Fatalf("%q: malformed: %+v", record, f)
		}
	case ingest.Directive, ingest.Blank:
		if f.Time != 0 || f.MFA != nil || f.Account != nil {
			t.Fatalf("%q: decoded %d: %+v", record, got, f)
		}
	default:
		t.Fatalf("%q: decoded = %d", record, got)
	}
}

// fuzzForms decodes two records in every form; what the first leaves behind takes part in the second.
func fuzzForms(f *testing.F, kind signin.Kind, seeds ...win) {
	type known struct {
		lines  []string // heading and a record
		format ingest.Format
	}
	forms := map[string]known{}
	for form, carry := range carriers() {
		heading, record := carry(seeds[0])
		k := known{lines: append(heading, record)}
		k.format = options().Recognize([]byte(strings.Join(k.lines, "\r\n") + "\r\n"))
		if k.format.Kind == kind { // Write-ADFSEventsSummary is of AD FS
			forms[form] = k
		}
		for _, e := range seeds {
			_, record := carry(e)
			f.Add([]byte(record), []byte(record[:len(record)/2]))
		}
	}
	f.Add([]byte(`<Event><System><Provider Name="AD FS"/><EventID>1200</EventID><TimeCreated SystemTime="2026-10-06T08:00:00Z"/></System><UserData><a><b>x&amp;y</b></a></UserData></Event>`), []byte("\x00\r\n"))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		for form, k := range forms {
			d := k.format.Decoder()
			for _, l := range k.lines {
				reported(t, kind, d, []byte(l))
			}
			reported(t, kind, d, one)
			reported(t, kind, d, two)
			if n := len(d.Header()); n > len(one)+len(two)+len(k.lines[0])+200 {
				t.Fatalf("%s: a header of %d bytes", form, n)
			}
			next := k.format.Decoder()
			next.Reset(bytes.Clone(d.Header()))
			if !bytes.Equal(next.Header(), d.Header()) {
				t.Fatalf("%s: header %q became %q", form, d.Header(), next.Header())
			}
		}
		options().Recognize(one)
	})
}

func FuzzADFS(f *testing.F) {
	fuzzForms(f, signin.ADFSLog, auditEvent(1200), auditEvent(1203, "Endpoint", "/adfs/services/trust/13/usernamemixed", "X-MS-Client-Application", "Microsoft.Exchange.Mapi"),
		win{id: 411, provider: "AD FS Auditing", at: noon, params: []string{activity, "http://x/UserName", "198.51.100.7", "anna-The name"}, message: "Activity ID: " + activity + "\r\nClient IP: \r\n198.51.100.7\r\nError message: anna-The name"},
		win{id: 501, provider: "AD FS Auditing", at: noon, params: []string{activity, "http://schemas.xmlsoap.org/claims/UPN", "anna"}, message: "Instance ID: " + activity + "\r\nCaller:\r\nhttp://schemas.xmlsoap.org/claims/UPN\r\nanna"},
		win{id: 515, provider: "AD FS Auditing", at: noon, params: []string{activity, "anna", "-"}, message: "User:\r\nanna\r\nUser:\r\nb"})
}

func FuzzNPS(f *testing.F) {
	fuzzForms(f, signin.NPS, npsEvent(answered("Accepted", "anna", "Success")), npsEvent("NPS Extension for Azure MFA: Challenge requested in Authentication Ext for User anna."))
}

// FuzzADFSAudit writes an AuditBase with any texts and reads them back, in every form.
func FuzzADFSAudit(f *testing.F) {
	f.Add(`CONTOSO\anna`, `say "a" & <b>`, "https://mail.contoso.com/owa/")
	f.Add("]]>", "&lt;AuditBase", "<!-- -->")
	f.Fuzz(func(t *testing.T, user, agent, party string) {
		for _, s := range []string{user, agent, party} {
			b, err := json.Marshal(s)
			trimmed := strings.TrimSpace(s)
			if err != nil || trimmed != s || s == "" || s == "-" || s == "N/A" || s == "None" || s == "absent" || strings.ContainsAny(s, "\r\n\x00") || strings.Contains(string(b), `\ufffd`) || strings.Contains(s, "]]>") {
				return
			}
		}
		for form := range carriers() {
			h := inForm(t, options(), form, auditEvent(1200, "UserId", user, "UserAgentString", agent, "RelyingParty", party))[0]
			if got := fmt.Sprintf("%q %q %q", h.user, h.agent, h.application); got != fmt.Sprintf("%q %q %q", user, agent, party) {
				t.Fatalf("%s: %s, want %q %q %q (%s)", form, got, user, agent, party, h.note)
			}
		}
	})
}
