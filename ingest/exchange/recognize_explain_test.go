package exchange_test

import (
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/internal/signin"
)

// Who asks about one line is told how many columns it has; a scan counts lines by remarks that never change.
func TestExplainingCountsColumns(t *testing.T) {
	t.Parallel()
	const noHeader = "; give the log from its header on, or say what the lines are with --type and --fields"
	for name, c := range map[string]struct {
		kind         signin.Kind
		fields       string
		line         string
		short, long  string
		recognizable string // where fields are empty: the head of a log whose first line is line
	}{
		"IIS, fewer":  {kind: signin.IIS, fields: "date time cs-username sc-status", line: "2026-10-06 08:00:00 200", short: "fewer columns than the header names", long: ": it has 3, the header names 4"},
		"IIS, more":   {kind: signin.IIS, fields: "date time sc-status", line: "2026-10-06 08:00:00 anna b 200\r", short: "more columns than the header names", long: ": it has 5, the header names 3"},
		"IIS, commas": {kind: signin.IIS, fields: "date time cs-username sc-status", line: "2026-10-06,08:00:00,anna,200", short: "fewer columns than the header names", long: ": it has 1, the header names 4"},
		"commas":      {kind: signin.HTTPProxy, fields: "DateTime,AuthenticationType,IsAuthenticated,AuthenticatedUser", line: "2026-10-06T08:00:00Z,Basic", short: "fewer columns than the header names", long: ": it has 2, the header names 4"},
		"quotes":      {kind: signin.HTTPProxy, fields: "DateTime,AuthenticationType,IsAuthenticated,AuthenticatedUser", line: `2026-10-06T08:00:00Z,"a,b"`, short: "its quotes and commas do not make the columns that the header names", long: ": it has 2, the header names 4"},
		"open quote":  {kind: signin.HTTPProxy, fields: "DateTime,AuthenticationType,IsAuthenticated,AuthenticatedUser", line: `2026-10-06T08:00:00Z,"a`, short: "its quotes and commas do not make the columns that the header names", long: ": it has 2, the header names 4"},
		"a bad time":  {kind: signin.IIS, fields: "date time sc-status", line: "2026-10-06 8am 200", short: "the time cannot be read"},
		"no #Fields":  {recognizable: iisDefault, line: iisLine(443), short: "no #Fields before it", long: noHeader},
		"no header":   {recognizable: smtpFields, line: "2026-10-06T16:00:00.115Z,EX01", short: "no header before it", long: noHeader},
	} {
		f := exchange.Recognize([]byte(c.line + "\n" + c.recognizable + "\n"))
		if c.fields != "" {
			var err error
			if f, err = exchange.ByName(c.kind, c.fields); err != nil {
				t.Fatal(err)
			}
		}
		var plain, explained signin.Facts
		d := f.Decoder()
		d.Reset(nil)
		e := exchange.Explaining(f).Decoder()
		e.Reset(nil)
		if got := d.Decode([]byte(c.line), &plain); got != ingest.Malformed || plain.Note != c.short {
			t.Errorf("%s: %v, %q, want %q", name, got, plain.Note, c.short)
		}
		if got := e.Decode([]byte(c.line), &explained); got != ingest.Malformed || explained.Note != c.short+c.long {
			t.Errorf("%s: %v, %q, want %q", name, got, explained.Note, c.short+c.long)
		}
	}
	if f := exchange.Explaining(ingest.Format{Skip: "no log"}); f.Decoder != nil || f.Skip != "no log" {
		t.Errorf("%+v", f)
	}
}
