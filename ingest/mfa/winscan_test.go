package mfa_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

// wide is text as PowerShell's > writes it.
func wide(text string) string {
	b := []byte{0xFF, 0xFE}
	for _, u := range utf16.Encode([]rune(text)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

// A scan finds the records of every form, and each is one thing.
func TestScanWindowsEvents(t *testing.T) {
	t.Parallel()
	for name, encode := range map[string]func(string) string{"UTF-8": func(s string) string { return s }, "UTF-16": wide} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scanWindowsEvents(t, encode)
		})
	}
}

func scanWindowsEvents(t *testing.T, encode func(string) string) {
	const mixed = "/adfs/services/trust/13/usernamemixed"
	events := []win{
		auditEvent(1200, "MfaPerformed", "true", "UserAgentString", `say "a" & <b>`),
		auditEvent(1203, "activity", "00000001-c665-4531-a710-28a32bd45f9b", "Endpoint", mixed, "X-MS-Client-Application", "Microsoft.Exchange.Mapi"),
		{id: 1206, provider: "AD FS Auditing", at: noon, params: []string{activity}, message: "Signed out.\r\n\r\nActivity ID: " + activity},
	}
	want := map[string]signin.Lines{}
	dir := t.TempDir()
	file := func(name, text string, lines signin.Lines) {
		want[name] = lines
		if err := os.WriteFile(filepath.Join(dir, name), []byte(encode(text)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	three := signin.Lines{Total: 3, SignIn: 1, MFA: 1, Other: 1}
	for form, carry := range carriers() {
		var lines, records []string
		for _, e := range events {
			heading, record := carry(e)
			if lines == nil {
				lines = heading
			}
			lines, records = append(lines, record), append(records, record)
		}
		sep := "\r\n"
		if form == "Format-List" {
			sep = "\r\n\r\n"
		}
		w := three
		w.Directive = int64(len(lines) - len(records))
		w.Total += w.Directive
		text := strings.Join(lines, sep) + sep
		if strings.HasPrefix(form, "event XML") || form == "Format-List" {
			text = "\r\n" + text // as PowerShell begins
		}
		file(form+".log", text, w)
		switch {
		case strings.HasPrefix(form, "event XML"):
			file(form+", one line.xml", strings.Join(records, "")+"\n", three)
			file(form+", root.xml", `<?xml version="1.0" encoding="utf-8" standalone="yes"?>`+"\r\n<Events>"+strings.Join(records, "")+"</Events>\r\n", three)
		case records[0][0] == '{':
			file(form+", array.json", "[\r\n    "+strings.Join(records, ",\r\n    ")+"\r\n]\r\n", three)
		}
	}
	file("wap.csv", wapCSV, signin.Lines{Total: 4, Other: 4})
	file("nps.xml", func() string {
		_, r := carriers()["event XML"](npsEvent(answered("Rejected", "anna", "UserNotFound")))
		return r + "\r\n" + r + "\r\n"
	}(), signin.Lines{Total: 2, MFA: 2})
	inputs, problems := tail.Find([]string{dir}, tail.FindOptions{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	res, err := ingest.Scan(t.Context(), inputs, ingest.Options{Recognize: options().Recognize, Workers: 1, PartSize: 64})
	if err != nil {
		t.Fatal(err)
	}
	for i := range res.Logs {
		l := &res.Logs[i]
		name := filepath.Base(l.Input.Path)
		if l.Lines != want[name] {
			t.Errorf("%s (%s): %+v, want %+v", name, l.Format.Name, l.Lines, want[name])
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("not read: %v", want)
	}
}
