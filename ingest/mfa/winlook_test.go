package mfa_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/internal/signin"
)

// exports are whole files of the kinds that this part knows, by a name.
func exports() map[string]string {
	all := map[string]string{"wap CSV": wapCSV, "wap JSON": wapJSON}
	write := func(name string, events ...win) {
		for form, carry := range carriers() {
			var lines []string
			for _, e := range events {
				heading, record := carry(e)
				if len(lines) == 0 {
					lines = heading
				}
				lines = append(lines, record)
			}
			sep := "\r\n"
			if form == "Format-List" {
				sep = "\r\n\r\n"
			}
			all[name+" "+form] = strings.Join(lines, sep) + sep
		}
	}
	write("adfs", auditEvent(1200), auditEvent(1203))
	write("nps", npsEvent(answered("Accepted", "anna", "Success")))
	write("other", win{id: 4624, provider: "Microsoft-Windows-Security-Auditing", at: noon, params: []string{"S-1-5-18"}, message: "An account was logged on"})
	return all
}

func TestRecognizeWindowsEvents(t *testing.T) {
	t.Parallel()
	kinds := map[string]signin.Kind{"adfs": signin.ADFSLog, "nps": signin.NPS}
	words := map[string]string{"adfs": "AD FS audit events, ", "nps": "NPS extension events, ", "other": "Windows events of other programs", "wap": "export of Web Application Proxy's applications"}
	for name, text := range exports() {
		what, form, _ := strings.Cut(name, " ")
		f := options().Recognize([]byte(text))
		if form == "Write-ADFSEventsSummary" && what != "adfs" {
			continue // it is written of AD FS alone
		}
		kind, counted := kinds[what]
		if f.Kind != kind || counted != (f.Decoder != nil) || counted == (f.Skip != "") || !strings.HasPrefix(f.Name, words[what]) || f.Sessions != (what == "adfs") {
			t.Errorf("%s: %+v", name, f)
		}
		if g := exchange.Recognize([]byte(text)); g.Kind != signin.UnknownKind || g.Name != "" {
			t.Errorf("%s is taken for Exchange's: %+v", name, g)
		}
		// The head is cut in the middle of a record, or begins with a byte order mark.
		for _, head := range []string{text + text[:len(text)/2], "\uFEFF" + text} {
			if g := options().Recognize([]byte(head)); g.Kind != f.Kind || g.Name != f.Name {
				t.Errorf("%s, cut: %+v", name, g)
			}
		}
	}
}

func TestRecognizeInAWrapper(t *testing.T) {
	t.Parallel()
	_, x := carriers()["event XML"](auditEvent(1200))
	_, j := carriers()["PowerShell 7 JSON"](auditEvent(1200))
	_, foreign := carriers()["event XML"](win{id: 4624, provider: "Microsoft-Windows-Security-Auditing", at: noon})
	for name, head := range map[string]string{
		"a root":                   `<?xml version="1.0" encoding="utf-16"?><Events>` + x + "</Events>",
		"an array":                 "[\r\n  " + j + ",\r\n  " + j + "\r\n]",
		"behind another program's": foreign + foreign + x,
	} {
		if f := options().Recognize([]byte(head)); f.Kind != signin.ADFSLog {
			t.Errorf("%s: %+v", name, f)
		}
	}
	for name, head := range map[string]string{
		"a name in the text of another's": `{"timestamp":1791270054,"user":{"name":"AD FS Auditing"},"reason":"<AuditBase"}`,
		"prose":                           "AD FS Auditing, 1200, <AuditBase", "empty": "", "XML": "<a><Event/></a>", "JSON": "[1,2]", "CSV": "Time,Id,Message\n1,2,3\n", "brace": "{",
	} {
		if f := options().Recognize([]byte(head)); f.Name != "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// Which of two numbers is the day, the first date of the head that can only be read one way tells for all.
func TestDatesOfAnotherCulture(t *testing.T) {
	t.Parallel()
	event := func(date string) string {
		return "TimeCreated  : " + date + "\r\nProviderName : AD FS Auditing\r\nId           : 1206\r\nMessage      : -\r\n\r\n"
	}
	for head, want := range map[string]string{
		event("06/10/2026 08:00:00"):                                   "2026-10-06",
		event("10/6/2026 8:00:00 AM"):                                  "2026-10-06",
		event("6/10/2026 8:00:00 AM") + event("13/10/2026 8:00:00 AM"): "2026-10-06", // Australia
		event("10/06/2026 08:00:00") + event("10/13/2026 08:00:00"):    "2026-10-06",
	} {
		d := options().Recognize([]byte(head)).Decoder()
		first, _, _ := strings.Cut(head, "\r\n\r\n")
		var f signin.Facts
		d.Decode([]byte(first), &f)
		if got := string(signin.AppendTime(nil, f.Time)); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", head, got, want)
		}
	}
}

// No log of Exchange is taken for a gateway's.
func TestNoLogOfExchangeIsRecognized(t *testing.T) {
	t.Parallel()
	seen := 0
	err := filepath.WalkDir("../../samples", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.Contains(filepath.ToSlash(path), "/EX0") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		seen++
		if f := options().Recognize(b[:min(len(b), 64<<10)]); f.Name != "" {
			t.Errorf("%s: %+v", path, f)
		}
		return nil
	})
	if err != nil || seen < 50 {
		t.Errorf("%d files, %v", seen, err)
	}
}
