package mfa_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/internal/signin"
)

// fuzzCloud checks what holds of every record whatever is in it. text is cut into records at its line ends.
func fuzzCloud(t *testing.T, head, text string) {
	d := decoderOf(t, &mfa.Options{}, head)
	kind := signin.Entra
	if strings.Contains(head, "Operation") {
		kind = signin.UAL
	}
	c := signin.NewClassifier(&signin.Organisation{Internal: signin.DefaultInternal(), Published: func(r string) bool { return r == "Outlook on the web" }})
	for record := range strings.SplitSeq(text, "\n") {
		raw := []byte(record)
		f := signin.Facts{Status: 999, Account: []byte("of the record before")}
		got := d.Decode(raw, &f)
		if string(raw) != record {
			t.Fatalf("the record was changed: %q", raw)
		}
		if f.Kind != kind || f.Status != 0 {
			t.Fatalf("%q: %+v", record, f)
		}
		if got == ingest.Facts {
			if f.Time <= 0 {
				t.Fatalf("%q: facts without a time", record)
			}
			if f.MFA == nil && f.Note == "" {
				t.Fatalf("%q: neither an event nor a note", record)
			}
			stands(t, raw, &f)
			var s signin.SignIn
			c.Classify(&f, &s)
			if s.Reason == "" {
				t.Fatalf("%q: no reason", record)
			}
			continue
		}
		if (got == ingest.Malformed) != (f.Note != "") || f.Time != 0 || f.MFA != nil || f.Account != nil || f.Resource != nil || got > ingest.Blank {
			t.Fatalf("%q: decoded %d, %+v", record, got, f)
		}
	}
	if h := d.Header(); len(h) > 0 {
		next := decoderOf(t, &mfa.Options{}, head)
		next.Reset(bytes.Clone(h))
		if !bytes.Equal(next.Header(), h) {
			t.Fatalf("header %q became %q", h, next.Header())
		}
	}
}

// stands checks that every value stands in its record. Escapes and doubled quotes hide how.
func stands(t *testing.T, record []byte, f *signin.Facts) {
	t.Helper()
	m := f.MFA
	if m == nil {
		m = &signin.MFAFacts{}
	}
	for _, v := range [][]byte{f.Account, f.Address, f.Agent, f.Label, f.AuthType, f.Resource, f.RequestID, m.User, m.Application, m.Address, m.Transaction} {
		if v != nil && len(v) == 0 {
			t.Fatalf("%q: a value is empty and not nil", record)
		}
		if !bytes.ContainsAny(record, `\"`) && !bytes.Contains(record, v) || !bytes.Contains(record, []byte(`\`)) && !bytes.Contains(record, []byte(`""`)) && !bytes.Contains(record, v) {
			t.Fatalf("%q: %q stands nowhere in it", record, v)
		}
	}
	if m.Outcome == signin.NoFactor && f.MFA != nil {
		t.Fatalf("%q: an event that tells of nothing", record)
	}
}

func FuzzEntra(f *testing.F) {
	f.Add(entraRecord())
	f.Add(entraGraph())
	f.Add(entraTable())
	f.Add(portalHeader + "\n" + portalRow("anna", `a ""b""`) + "\n" + portalHeader)
	f.Add(tableHeader + "\n" + tableRow)
	f.Add(`{"createdDateTime":"1/9/2026 9:41:00 AM +01:00","userPrincipalName":"\u0061","resultType":0,"properties":{"status":"{\"errorCode\":50126}","authenticationDetails":"[1,{}]"}}`)
	f.Add("Date (UTC),Username,Status,Client app\n2026-10-06T08:00:00Z,anna,\"Success\",\n,,,")
	f.Fuzz(func(t *testing.T, text string) {
		fuzzCloud(t, entraRecord(), text)
		fuzzCloud(t, portalHeader, text)
	})
}

func FuzzUAL(f *testing.F) {
	f.Add(ualRecord("UserLoggedIn", "0"))
	f.Add(ualRecord("UserLoginFailed", "500121"))
	f.Add(ualRecord("Disable Strong Authentication.", "") + "\n" + ualRecord("Update user.", ""))
	f.Add(ualHeader + "\n" + strings.ReplaceAll(ualRow("UserLoggedIn", ""), "\r\n", ""))
	f.Add(`{"AuditData":"{\"Operation\":\"UserLoggedIn\",\"CreationTime\":\"2026-10-06T08:00:00\",\"UserId\":\"a\",\"ExtendedProperties\":[{\"Name\":\"UserAgent\",\"Value\":\"x\"}]}"}`)
	f.Fuzz(func(t *testing.T, text string) {
		fuzzCloud(t, ualRecord("UserLoggedIn", ""), text)
		fuzzCloud(t, ualHeader, text)
	})
}

func FuzzRecognizeCloud(f *testing.F) {
	for _, all := range heads() {
		for _, head := range all {
			f.Add([]byte(head))
		}
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		format := (&mfa.Options{}).Recognize(head)
		if (format.Kind != signin.UnknownKind) != (format.Decoder != nil) || format.Name == "" && (format.Decoder != nil || format.Skip != "") || format.Skip != "" && format.Decoder != nil {
			t.Fatalf("%+v", format)
		}
	})
}
