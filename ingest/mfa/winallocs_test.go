package mfa_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// exportOf is a file of events in a form: its decoder and its records.
func exportOf(tb testing.TB, form string, events ...win) (ingest.Decoder, [][]byte) {
	tb.Helper()
	var text []byte
	var raw [][]byte
	for _, e := range events {
		heading, record := carriers()[form](e)
		if raw == nil {
			for _, l := range heading {
				raw = append(raw, []byte(l))
			}
		}
		raw = append(raw, []byte(record))
	}
	for _, r := range raw {
		text = append(append(text, r...), "\r\n"...)
	}
	f := options().Recognize(text)
	if f.Decoder == nil {
		tb.Fatalf("%s: not recognised", form)
	}
	return f.Decoder(), raw
}

// manyInstances are more tokens than are held at a time.
func manyInstances() []win {
	all := []win{auditEvent(1200)}
	for i := range 5000 {
		all = append(all, win{id: 299, provider: "AD FS Auditing", at: noon, params: []string{fmt.Sprintf("1b033855-c665-4531-a710-%012d", i), activity, "urn:federation:MicrosoftOnline"}})
	}
	return all
}

// TestWindowsEventsAllocateNothing reads records that were read before. It is not parallel: testing.AllocsPerRun counts for
// the whole process.
func TestWindowsEventsAllocateNothing(t *testing.T) {
	claims := win{id: 501, provider: "AD FS Auditing", at: noon, params: []string{activity, "http://schemas.xmlsoap.org/claims/UPN", "anna"}, message: "Instance ID: " + activity + "\r\nCaller:\r\nhttp://schemas.xmlsoap.org/claims/UPN\r\nanna"}
	names := win{id: 500, provider: "AD FS Auditing", at: noon, params: []string{activity, "http://schemas.microsoft.com/ws/2008/06/identity/claims/primarysid", "S-1-5-21-1-2-3-1107", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn", "a&b@contoso.com"}, message: "x"}
	failed := win{id: 411, provider: "AD FS Auditing", at: noon, params: []string{activity, "http://x/UserName", "198.51.100.7", "anna-The name"}, message: "Activity ID: " + activity + "\r\nClient IP: \r\n198.51.100.7\r\nError message: anna-The name"}
	for form := range carriers() {
		d, raw := exportOf(t, form, auditEvent(1200, "UserAgentString", "a & b"), auditEvent(1203, "Endpoint", "/adfs/services/trust/13/usernamemixed", "X-MS-Client-Application", "Microsoft.Exchange.Mapi"), claims, names, failed)
		noAllocations(t, form, d, append(raw, []byte("bad"), nil))
		if form != "Write-ADFSEventsSummary" {
			d, raw = exportOf(t, form, npsEvent(answered("Accepted", "anna", "Success")))
			noAllocations(t, "NPS, "+form, d, raw)
		}
	}
	d, raw := exportOf(t, "event XML", manyInstances()...)
	noAllocations(t, "many instances", d, raw)
}

func noAllocations(t *testing.T, name string, d ingest.Decoder, raw [][]byte) {
	t.Helper()
	var f signin.Facts
	all := func() {
		for _, r := range raw {
			d.Decode(r, &f)
		}
	}
	all()
	all()
	if n := testing.AllocsPerRun(3, all); n != 0 {
		t.Errorf("%s: %v allocations in %d records", name, n, len(raw))
	}
}

// What was read up to a checkpoint and is restored behind it goes on as if it had been read at once.
func TestADFSSessionsAcrossACheckpoint(t *testing.T) {
	t.Parallel()
	type sessions interface {
		ingest.Decoder
		Sessions() []byte
		Restore([]byte) error
	}
	const mixed = "/adfs/services/trust/2005/usernamemixed"
	var events []win
	for i := range 3 {
		id := fmt.Sprintf("0000000%d-c665-4531-a710-28a32bd45f9b", i+1)
		instance := fmt.Sprintf("1000000%d-c665-4531-a710-28a32bd45f9b", i+1)
		events = append(events,
			win{id: 410, provider: "AD FS Auditing", at: noon, params: []string{id, "Microsoft.Exchange.Imap", "-", "-", mixed, "198.51.100.7", "-", "-"}},
			win{id: 299, provider: "AD FS Auditing", at: noon, params: []string{instance, id, "urn:federation:MicrosoftOnline"}},
			auditEvent(1202, "activity", id, "Endpoint", mixed),
			win{id: 501, provider: "AD FS Auditing", at: noon, params: []string{instance, "http://schemas.xmlsoap.org/claims/UPN", "anna", "http://schemas.microsoft.com/claims/authnmethodsreferences", "http://schemas.microsoft.com/claims/multipleauthn"}},
			auditEvent(1200, "activity", id, "Endpoint", mixed))
	}
	// The records of the three requests are mixed.
	slices.SortStableFunc(events, func(a, b win) int { return a.id - b.id })
	d, raw := exportOf(t, "event XML", events...)
	var want []heard
	for _, r := range raw {
		want = append(want, hear(d, string(r)))
	}
	for cut := range raw {
		one, _ := exportOf(t, "event XML", events...)
		two, _ := exportOf(t, "event XML", events...)
		for i, r := range raw {
			if i == cut {
				two.Reset(one.Header())
				if saved := one.(sessions).Sessions(); saved != nil {
					if err := two.(sessions).Restore(saved); err != nil {
						t.Fatal(err)
					}
				}
				one = two
			}
			if got := hear(one, string(r)); got != want[i] {
				t.Fatalf("cut before record %d: record %d is %+v, want %+v", cut, i, got, want[i])
			}
		}
	}
	signs := 0
	for _, h := range want {
		if h.sign != "" {
			signs++
		}
	}
	if signs != 3 {
		t.Errorf("%d sign-ins, want 3", signs)
	}
	for _, bad := range []string{"", "{", `[{"key":"x"}]`} {
		if err := d.(sessions).Restore([]byte(bad)); err == nil {
			t.Errorf("%q is taken for requests", bad)
		}
	}
	d.Reset(nil)
	if saved := d.(sessions).Sessions(); saved != nil {
		t.Errorf("after Reset: %s", saved)
	}
}

func BenchmarkADFS(b *testing.B) {
	for _, form := range []string{"event XML", "PowerShell 7 JSON", "winlogbeat", "NXLog", "Export-Csv", "Format-List"} {
		d, raw := exportOf(b, form, auditEvent(1200, "MfaPerformed", "true"))
		record := raw[len(raw)-1]
		var f signin.Facts
		for _, r := range raw {
			d.Decode(r, &f)
		}
		b.Run(form, func(b *testing.B) {
			b.SetBytes(int64(len(record)))
			b.ReportAllocs()
			for b.Loop() {
				if d.Decode(record, &f) != ingest.Facts {
					b.Fatal(f.Note)
				}
			}
		})
		if record[0] == '{' {
			b.Run(form+", encoding-json alone", func(b *testing.B) {
				b.SetBytes(int64(len(record)))
				b.ReportAllocs()
				for b.Loop() {
					var v map[string]any
					if err := json.Unmarshal(record, &v); err != nil {
						b.Fatal(err)
					}
				}
			})
			_, base, _ := strings.Cut(baseXML("MfaPerformed", "true"), "?>")
			b.Run(form+", encoding-json and encoding-xml", func(b *testing.B) {
				b.SetBytes(int64(len(record)))
				b.ReportAllocs()
				for b.Loop() {
					var v map[string]any
					var a any = &struct {
						Components []struct {
							Party string `xml:"RelyingParty"`
							User  string `xml:"UserId"`
							MFA   bool   `xml:"MfaPerformed"`
							Agent string `xml:"UserAgentString"`
						} `xml:"ContextComponents>Component"`
					}{}
					if err := errors.Join(json.Unmarshal(record, &v), xml.Unmarshal([]byte(base), a)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkNPS(b *testing.B) {
	d, raw := exportOf(b, "event XML", npsEvent(answered("Accepted", "anna", "Success")))
	var f signin.Facts
	b.SetBytes(int64(len(raw[0])))
	b.ReportAllocs()
	for b.Loop() {
		d.Decode(raw[0], &f)
	}
}
