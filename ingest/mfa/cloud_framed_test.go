package mfa_test

import (
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

// Whole files, cut into records by the framing that the look asks for: every record is understood.
func TestCloudFiles(t *testing.T) {
	t.Parallel()
	e, g, u := entraRecord(), entraGraph(), ualRecord("UserLoginFailed", "500121")
	lists := tail.Form{Framing: tail.JSON, Arrays: [][]string{{"records"}, {"value"}}}
	lines, table := tail.Form{}, tail.Form{Framing: tail.CSV}
	for name, c := range map[string]struct {
		file  string
		forms []tail.Form
		facts int
	}{
		"a blob, lines with CRLF":        {e + "\r\n" + e + "\r\n" + entraRecord("SignInLogs", "AuditLogs") + "\r\n", []tail.Form{lists, lines}, 3},
		"messages of an Event Hub":       {`{"records":[` + e + `,` + e + `]}` + "\n" + `{"records": [` + e + `]}` + "\n", []tail.Form{lists}, 3},
		"pages of Microsoft Graph":       {`{"@odata.context":"x","value":[` + g + `,` + g + `],"@odata.nextLink":"y"}` + "\n" + `{"value":[]}{"value":[` + g + `]}`, []tail.Form{lists}, 3},
		"the portal's JSON, indented":    {"\xEF\xBB\xBF[\r\n  " + strings.ReplaceAll(g, `,"`, ",\r\n    \"") + ",\r\n  " + g + "\r\n]\r\n", []tail.Form{lists}, 2},
		"rows of Log Analytics":          {"[" + entraTable() + ",\n" + entraTable() + "]", []tail.Form{lists}, 2},
		"the portal's CSV":               {"\xEF\xBB\xBF" + portalHeader + "\r\n" + portalRow("anna", "\r\n,\"\"x\"\"") + "\r\n" + portalRow("bert", "") + "\r\n", []tail.Form{table}, 2},
		"CSV of Log Analytics":           {tableHeader + "\n" + tableRow + "\n" + tableRow, []tail.Form{table}, 2},
		"records of the Management API":  {"[" + u + "," + u + "]", []tail.Form{lists}, 2},
		"the Unified Audit Log in lines": {u + "\n" + ualRecord("MailItemsAccessed", "") + "\n", []tail.Form{lists, lines}, 2},
		"Search-UnifiedAuditLog":         {"#TYPE Deserialized.X\r\n" + quotedHeader(ualHeader) + "\r\n" + ualRow("UserLoggedIn", "0") + "\r\n" + ualRow("UserLoginFailed", "50126") + "\r\n", []tail.Form{table}, 2},
	} {
		for _, form := range c.forms {
			d := decoderOf(t, &mfa.Options{}, c.file[:min(len(c.file), 64<<10)])
			var s tail.Scanner
			if err := s.ResetForm(strings.NewReader(c.file), form, tail.Mark{}); err != nil {
				t.Fatal(err)
			}
			n := 0
			for s.Next() {
				var f signin.Facts
				switch got := d.Decode(s.Text(), &f); got {
				case ingest.Facts:
					n++
				case ingest.Directive:
					if form.Framing != tail.CSV {
						t.Errorf("%s, %v: a directive: %q", name, form.Framing, s.Text())
					}
				default:
					t.Errorf("%s, %v: decoded %d (%s): %q", name, form.Framing, got, f.Note, s.Text())
				}
			}
			if err := s.Err(); err != nil || n != c.facts {
				t.Errorf("%s, %v: %d records understood, want %d (%v)", name, form.Framing, n, c.facts, err)
			}
		}
	}
}
