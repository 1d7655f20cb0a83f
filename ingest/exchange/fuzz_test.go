package exchange_test

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/internal/signin"
)

// fuzzDecoder checks what holds of every line whatever is on it. text is cut into lines, so that sessions and headers
// take part.
func fuzzDecoder(t *testing.T, kind signin.Kind, text string) {
	d := byName(t, kind, "")
	c := classifier()
	var seen []byte
	for line := range strings.SplitSeq(text, "\n") {
		raw := []byte(line)
		seen = append(append(seen, raw...), '\n')
		f := signin.Facts{Status: 999, Account: []byte("of the line before")}
		got := d.Decode(raw, &f)
		if string(raw) != line {
			t.Fatalf("the line was changed: %q", raw)
		}
		if f.Kind != kind {
			t.Fatalf("kind = %v", f.Kind)
		}
		x := factOf(&f)
		switch got {
		case ingest.Facts:
			var s signin.SignIn
			c.Classify(&f, &s)
			borrowed(t, seen, &f)
		case ingest.Malformed:
			if x.Note == "" {
				t.Fatalf("%q: malformed without a note", line)
			}
			x.Note = ""
			fallthrough
		case ingest.Directive, ingest.Blank:
			if x != (fact{}) {
				t.Fatalf("%q: decoded %d with facts %+v", line, got, x)
			}
		default:
			t.Fatalf("%q: decoded = %d", line, got)
		}
		if len(d.Header()) > len(seen)+2000 {
			t.Fatalf("a header of %d bytes", len(d.Header()))
		}
	}
	// What is in force can be handed on. An empty header is none.
	if len(d.Header()) == 0 {
		return
	}
	next := byName(t, kind, "")
	next.Reset(append([]byte(nil), d.Header()...))
	if !bytes.Equal(next.Header(), d.Header()) {
		t.Fatalf("header %q became %q", d.Header(), next.Header())
	}
}

// borrowed checks that every value stands in what was read.
func borrowed(t *testing.T, seen []byte, f *signin.Facts) {
	t.Helper()
	// A quote of a CSV value may have been undoubled, and a backslash of an SMTP parameter taken away.
	unquoted := bytes.ReplaceAll(seen, []byte(`""`), []byte(`"`))
	unescaped := bytes.ReplaceAll(unquoted, []byte(`\`), nil)
	for _, v := range [][]byte{f.Server, f.ServerAddr, f.Account, f.AuthType, f.Label, f.Method, f.Path, f.Agent, f.Address, f.Forwarded, f.RequestID} {
		if v != nil && len(v) == 0 {
			t.Fatal("a value is empty and not nil")
		}
		once := bytes.ReplaceAll(v, []byte(`""`), []byte(`"`))
		if string(v) != "login" && !bytes.Contains(unquoted, v) && !bytes.Contains(unquoted, once) &&
			!bytes.Contains(unescaped, bytes.ReplaceAll(once, []byte(`\`), nil)) {
			t.Fatalf("%q stands nowhere in what was read", v)
		}
	}
}

func FuzzIIS(f *testing.F) {
	f.Add(strings.Join(hotIIS(), "\n"))
	f.Add(iisDefault + "\n" + iisLine(443) + "#Fields: time sc-status\n#Date: 2026-10-06 08:00:00\n08:00:00 200")
	f.Add("#Fields: \n#Fields: #date:2026-10-06\n-")
	f.Add("#Fields:0 #date:")
	f.Add("#Fields:\n#Date: 2026-10-06 08:00:00")
	f.Add("#Fields: time #date:2026-10-06\n#Date: 2026-10-07 08:00:00\n08:00:00 -")
	f.Fuzz(func(t *testing.T, text string) { fuzzDecoder(t, signin.IIS, text) })
}

func FuzzHTTPProxy(f *testing.F) {
	f.Add(strings.Join(hotProxy(), "\n"))
	f.Add(proxyHeader(54) + "\n" + proxyRow(proxyHeader(53), proxy("UserAgent", `"a ""b"" c"`)))
	f.Fuzz(func(t *testing.T, text string) { fuzzDecoder(t, signin.HTTPProxy, text) })
}

func FuzzMailbox(f *testing.F) {
	f.Add(strings.Join(hotIMAP(), "\n"))
	f.Add(mailLine(110, "user") + mailLine(110, "pass"))
	f.Fuzz(func(t *testing.T, text string) {
		fuzzDecoder(t, signin.IMAPLog, text)
		fuzzDecoder(t, signin.POPLog, text)
	})
}

func FuzzSMTP(f *testing.F) {
	f.Add(strings.Join(hotSMTP(), "\n"))
	f.Add(strings.Join(session("0A", "<,AUTH LOGIN,", "*,,Inbound AUTH LOGIN failed because of LogonDenied", "*,,User Name: irma", ">,535 no,", "-,,"), "\n"))
	f.Fuzz(func(t *testing.T, text string) { fuzzDecoder(t, signin.SMTPLog, text) })
}

// FuzzAuthorization puts a password into an Authorization column, whatever the rest of the line is.
func FuzzAuthorization(f *testing.F) {
	f.Add("date time cs-username sc-status", "2026-10-06 08:00:00 anna 200", true)
	f.Add("AUTH_TYPE date time", "Basic 2026-10-06 08:00:00", false)
	f.Fuzz(func(t *testing.T, fields, line string, first bool) {
		const secret = "\x7FaHVudGVyMg==\x7F"
		format, err := exchange.ByName(signin.IIS, "date time "+fields+" cs(Authorization)")
		if err != nil || strings.ContainsAny(fields, "\r\n") {
			return
		}
		line = "2026-10-06 08:00:00 " + line + " Basic+" + secret
		if first {
			format, err = exchange.ByName(signin.IIS, "cs(Authorization) date time "+fields)
			line = "Basic+" + secret + " 2026-10-06 08:00:00 " + line[:len(line)-len(" Basic+"+secret)]
		}
		if err != nil {
			return
		}
		var facts signin.Facts
		format.Decoder().Decode([]byte(line), &facts)
		if strings.Contains(joined(factOf(&facts)), secret) {
			t.Fatalf("%s\n%s: the password is in the facts: %+v", fields, line, factOf(&facts))
		}
	})
}

// FuzzQuoting writes a row with encoding/csv and reads it back.
func FuzzQuoting(f *testing.F) {
	f.Add(`CONTOSO\anna`, `say "hello", twice`, "/x,y")
	f.Add(`"`, `""`, `","`)
	f.Fuzz(func(t *testing.T, account, agent, path string) {
		if strings.ContainsAny(account+agent+path, "\r\n\x00") {
			return
		}
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		if err := w.Write([]string{"2026-10-06T08:00:00.000Z", "Basic", "true", account, agent, path, "end"}); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		d := byName(t, signin.HTTPProxy, "DateTime,AuthenticationType,IsAuthenticated,AuthenticatedUser,UserAgent,UrlStem,GenericInfo")
		x := read(t, d, strings.TrimSuffix(b.String(), "\n"))[0]
		if x.decoded != ingest.Facts || x.fact.Account != account || x.fact.Agent != agent || x.fact.Path != path {
			t.Errorf("%q: decoded %d (%s), %q %q %q", b.String(), x.decoded, x.fact.Note, x.fact.Account, x.fact.Agent, x.fact.Path)
		}
	})
}

func FuzzRecognize(f *testing.F) {
	for _, s := range []string{"", iisDefault + "\n" + iisLine(443), proxyHeader(74) + "\n", mailFields + mailLine(143, "login"), smtpFields, "PK\x03\x04", "a [06/Oct", "a, b, c"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		format := exchange.Recognize(head)
		counted := format.Kind != signin.UnknownKind
		if counted != (format.Decoder != nil) || counted == (format.Skip != "") {
			t.Fatalf("%+v", format)
		}
		if counted {
			var facts signin.Facts
			d := format.Decoder()
			for line := range bytes.SplitSeq(head, []byte("\n")) {
				d.Decode(line, &facts)
			}
		}
	})
}
