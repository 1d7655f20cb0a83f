package mfa

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// flat writes what an xmlReader finds: names, attributes n and type, texts.
func flat(data []byte) (string, bool) {
	var x xmlReader
	var b, text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			fmt.Fprintf(&b, "%q", text.String())
			text.Reset()
		}
	}
	for x.reset(data); ; {
		switch x.next() {
		case xmlEnd:
			flush()
			return b.String(), true
		case xmlBad:
			return b.String(), false
		case xmlOpen:
			flush()
			fmt.Fprintf(&b, "<%s", x.name)
			for _, a := range []string{"n", "type"} {
				if v := x.attr(a); v != nil {
					fmt.Fprintf(&b, " %s=%q", a, appendEntities(nil, v))
				}
			}
			b.WriteString(">")
			if x.empty {
				fmt.Fprintf(&b, "</%s>", x.name)
			}
		case xmlClose:
			flush()
			fmt.Fprintf(&b, "</%s>", x.name)
		case xmlText:
			text.Write(appendEntities(nil, x.text))
		case xmlCDATA:
			text.Write(x.text)
		}
	}
}

func TestXML(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`<?xml version="1.0" encoding="utf-16"?><a n='1'>x</a>`: `<a n="1">"x"</a>`,
		`<a><!-- <b> --><c/>1<![CDATA[<d>&amp;]]>2</a>`:         `<a><c></c>"1<d>&amp;2"</a>`,
		`<p:a q:type="x:y" n = "&gt;>"></p:a >`:                 `<a n=">>" type="x:y"></a>`,
		`<a n="'"/>&lt;&#65;&#x1F600;&nbsp;&;`:                  `<a n="'"></a>"<A😀&nbsp;&;"`,
		``:                                                      ``,
	} {
		if got, ok := flat([]byte(in)); !ok || got != want {
			t.Errorf("%s: %s, %v, want %s", in, got, ok, want)
		}
	}
	for _, in := range []string{`<a>`, `</a>`, `<a`, `<a n="x>`, `<a><!-- </a>`, `<a><![CDATA[</a>`, `<>`, `<!DOCTYPE a>`, `<a></a x>`, `<?xml`, `<a<b>`,
		strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100)} {
		if got, ok := flat([]byte(in)); ok {
			t.Errorf("%s is taken: %s", in, got)
		}
	}
}

func TestXMLInner(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`<a>x<b>y</b><!-- </a> -->z</a>rest`: `x<b>y</b><!-- </a> -->z`,
		`<a/>`:                               "",
		`<a>x</b>`:                           "!",
		`<a>x`:                               "!",
	} {
		var x xmlReader
		x.reset([]byte(in))
		x.next()
		raw, ok := x.inner()
		if got := string(raw); ok && got != want || ok == (want == "!") {
			t.Errorf("%s: %q, %v, want %q", in, got, ok, want)
		}
	}
	const nested = `a &amp; b<!-- c --><![CDATA[ & d]]><Audit x="1">&lt;</Audit>`
	if got := string(appendXMLText(nil, []byte(nested))); got != `a & b & d<Audit x="1"><</Audit>` {
		t.Error(got)
	}
}

// FuzzXML holds the reader against encoding/xml: what that reads, it reads alike.
func FuzzXML(f *testing.F) {
	f.Add([]byte(`<a n="1" xmlns:p="u"><p:b p:type="x:y">t&amp;<![CDATA[c]]></p:b><!-- x --><c/></a>`))
	f.Add([]byte(`<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='AD FS Auditing'/></System></Event>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, ok := flat(data)
		d := xml.NewDecoder(bytes.NewReader(data))
		var b, text strings.Builder
		flush := func() {
			if text.Len() > 0 {
				fmt.Fprintf(&b, "%q", text.String())
				text.Reset()
			}
		}
		for depth := 0; ; {
			tok, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return
			}
			switch v := tok.(type) {
			case xml.StartElement:
				flush()
				fmt.Fprintf(&b, "<%s", v.Name.Local)
				for _, name := range []string{"n", "type"} {
					for _, a := range v.Attr {
						if a.Name.Local == name {
							fmt.Fprintf(&b, " %s=%q", name, a.Value)
							break
						}
					}
				}
				b.WriteString(">")
				if depth++; depth > maxDepth || strings.Contains(v.Name.Local, ":") {
					return
				}
			case xml.EndElement:
				flush()
				fmt.Fprintf(&b, "</%s>", v.Name.Local)
				depth--
			case xml.CharData:
				text.Write(v)
			case xml.Directive:
				return
			}
		}
		flush()
		if bytes.ContainsAny(data, "\r") { // encoding/xml turns CR LF into LF
			return
		}
		if !ok || got != b.String() {
			t.Fatalf("%q:\n%s (%v), want\n%s", data, got, ok, b.String())
		}
	})
}
