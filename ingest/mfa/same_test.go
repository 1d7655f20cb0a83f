package mfa_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/internal/signin"
)

// sameIn are the names that each record proves to be one person's.
func sameIn(d ingest.Decoder, records ...string) (all []string) {
	for _, r := range records {
		raw := []byte(r)
		f := signin.Facts{Same: [][]byte{[]byte("of the record before")}}
		d.Decode(raw, &f)
		var names []string
		for _, n := range f.Same {
			names = append(names, string(n))
		}
		all = append(all, strings.Join(names, " "))
		for i := range raw {
			raw[i] = '#'
		}
	}
	return all
}

// A record of the cloud proves the number and the name of whoever signed in, if it is a success of the tenant's own user.
func TestNamesOfCloudRecords(t *testing.T) {
	t.Parallel()
	const id = "0b7c9d1e-2f3a-4b5c-8d6e-7f8091a2b3c4"
	anna := id + " anna@contoso.com"
	for name, c := range map[string]struct{ head, record, want string }{
		"diagnostic settings":  {"", entraRecord(), anna},
		"Graph":                {"", entraGraph(), id + " Anna@contoso.com"},
		"Log Analytics":        {"", entraTable(), "1b7c9d1e-2f3a-4b5c-8d6e-7f8091a2b3c4 bruno@contoso.com"},
		"portal":               {portalHeader, portalRow("anna", "x"), anna},
		"a wrong password":     {"", entraRecord(`"errorCode":0`, `"errorCode":50126`), ""},
		"an interrupt":         {"", entraRecord(`"errorCode":0`, `"errorCode":50140`), ""},
		"a guest":              {"", entraRecord(`"userType":"Member"`, `"userType":"Guest"`), ""},
		"another tenant":       {"", entraRecord(`"crossTenantAccessType":"none"`, `"crossTenantAccessType":"b2bCollaboration"`), ""},
		"no name":              {"", entraRecord(`"userPrincipalName":"anna@contoso.com"`, `"userPrincipalName":""`, `"signInIdentifier":""`, `"signInIdentifier":"anna@contoso.com"`), ""},
		"a name that is typed": {"", entraRecord(`"signInIdentifier":""`, `"signInIdentifier":"ben@contoso.com"`), anna},
		"UAL":                  {"", ualRecord("UserLoggedIn", ""), anna},
		"UAL, CSV":             {ualHeader, ualRow("UserLoggedIn", "0"), anna},
		"UAL, interrupt":       {"", ualRecord("UserLoggedIn", "50140"), ""},
		"UAL, failure":         {"", ualRecord("UserLoginFailed", ""), ""},
		"UAL, another key":     {"", ualRecord("UserLoggedIn", "", id, "10030000A96D9DDF@contoso.com"), ""},
	} {
		head := c.record
		if c.head != "" {
			head = c.head + "\r\n" + c.record + "\r\n"
		}
		d := decoderOf(t, &mfa.Options{}, head)
		if c.head != "" {
			sameIn(d, c.head)
		}
		if got := sameIn(d, c.record)[0]; got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// Duo names an account, an alias and an address of mail. Who wrote the latter two it does not say.
func TestDuoProvesNoNames(t *testing.T) {
	t.Parallel()
	record := `{"timestamp":1790000000,"event_type":"authentication","result":"success","reason":"user_approved","factor":"duo_push","txid":"t","alias":"CONTOSO\\ben","email":"ben@contoso.com","user":{"name":"anna@contoso.com"},"application":{"key":"DIX"}}`
	if got := sameIn(decoderOf(t, &mfa.Options{}, record), record)[0]; got != "" {
		t.Errorf("%q", got)
	}
}

// The claims of one token prove who is who, if they stand apart in the event and the token was good.
func TestNamesOfTokens(t *testing.T) {
	t.Parallel()
	const (
		instance = "1b033855-c665-4531-a710-5b9012c7a771"
		upn      = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
		sam      = "http://schemas.microsoft.com/ws/2008/06/identity/claims/windowsaccountname"
		sid      = "http://schemas.microsoft.com/ws/2008/06/identity/claims/primarysid"
		agent    = "http://schemas.microsoft.com/2012/01/requestcontext/claims/x-ms-client-user-agent"
		s, s2    = "S-1-5-21-1-2-3-1107", "S-1-5-21-1-2-3-1108"
		anna     = s + ` CONTOSO\anna anna@contoso.com`
	)
	event := func(id int, params ...string) win {
		e := win{id: id, provider: "AD FS Auditing", at: noon, computer: "adfs01.contoso.com", params: append([]string{instance}, params...), message: "Instance ID: " + instance + "\r\nIdentity: \r\n" + strings.Join(params, "\r\n") + "\r\n"}
		for len(e.params) < 21 && id >= 500 {
			e.params = append(e.params, "-")
		}
		return e
	}
	good := event(412, activity, "http://schemas.microsoft.com/ws/2006/05/servicemodel/tokens/SecureConversation", "-")
	proved := func(form string, events ...win) string {
		d, raw := exportOf(t, form, events...)
		var all []string
		for _, r := range raw {
			all = append(all, sameIn(d, string(r))...)
		}
		return strings.Join(all, "|")
	}
	for name, c := range map[string]struct {
		want   string
		events []win
	}{
		"issued":                {s + " anna@contoso.com", []win{event(500, sid, s, upn, "anna@contoso.com")}},
		"a caller":              {"||" + anna, []win{event(501, sid, s, sam, `CONTOSO\anna`, upn, "anna@contoso.com"), event(299, activity, "x"), good}},
		"told once":             {"|" + anna + "|", []win{good, event(501, sid, s, sam, `CONTOSO\anna`, upn, "anna@contoso.com"), event(501, sid, s)}},
		"two records":           {"|" + s + " anna@contoso.com|" + anna, []win{event(500, upn, "anna@contoso.com"), event(500, sid, s), event(500, sam, `CONTOSO\anna`)}},
		"a caller, not good":    {"", []win{event(501, sid, s, upn, "anna@contoso.com")}},
		"no SID":                {"", []win{event(500, sam, `CONTOSO\anna`, upn, "anna@contoso.com")}},
		"on behalf of":          {"||", []win{good, event(501, sam, `CONTOSO\svc`, upn, "svc@contoso.com"), event(500, sid, s)}},
		"two of a type":         {"", []win{event(500, sid, s, upn, "anna@contoso.com", upn, "ben@contoso.com")}},
		"two SIDs":              {"", []win{event(500, sid, s, sid, s2, upn, "anna@contoso.com")}},
		"a text that moved up":  {"", []win{event(500, agent, sid, s, upn, "ben@contoso.com")}},
		"an agent like a claim": {s + " anna@contoso.com", []win{event(500, agent, upn, sid, s, upn, "anna@contoso.com")}},
	} {
		if got := proved("event XML", c.events...); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	// In a text a claim may hold the lines of another one: it proves nothing.
	for _, form := range []string{"NXLog", "Export-Csv", "Format-List", "PowerShell 5 JSON, shallow"} {
		if got := strings.Trim(proved(form, event(500, sid, s, upn, "anna@contoso.com")), "|"); got != "" {
			t.Errorf("%s: %q", form, got)
		}
	}
	for _, form := range []string{"winlogbeat", "PowerShell 7 JSON", "Log Analytics CSV", "event XML, CDATA"} {
		if got := strings.Trim(proved(form, event(500, sid, s, upn, "anna@contoso.com")), "|"); got != s+" anna@contoso.com" {
			t.Errorf("%s: %q", form, got)
		}
	}
	// A checkpoint between the records changes nothing.
	d, raw := exportOf(t, "event XML", good, event(501, sid, s, upn, "anna@contoso.com"))
	sameIn(d, string(raw[0]))
	saved := d.(interface{ Sessions() []byte }).Sessions()
	if !json.Valid(saved) {
		t.Fatalf("%q", saved)
	}
	again, _ := exportOf(t, "event XML", good)
	again.Reset(nil)
	if err := again.(interface{ Restore([]byte) error }).Restore(saved); err != nil {
		t.Fatal(err)
	}
	if got := sameIn(again, string(raw[1]))[0]; got != s+" anna@contoso.com" {
		t.Errorf("behind a checkpoint: %q", got)
	}
}
