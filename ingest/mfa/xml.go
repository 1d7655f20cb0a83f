package mfa

import (
	"bytes"
	"unicode/utf8"
)

// An xmlReader goes through the tags and texts of XML that is held in memory. It allocates nothing, knows no character
// set but UTF-8 (event XML says utf-16 in its prolog wherever it was copied to), resolves no entities but the five of XML
// and numbers, and refuses a DOCTYPE. Names are without their prefix. It is no validator: tags are counted, and names of
// end tags are compared by inner alone.
type xmlReader struct {
	data []byte
	at   int
	deep int

	kind  xmlKind
	name  []byte // of a tag
	attrs []byte // of a start tag, as they stand there
	text  []byte // between tags, as it stands there; of CDATA what it holds
	empty bool   // a start tag that is its own end: no end tag follows
}

type xmlKind uint8

const (
	xmlEnd   xmlKind = iota // of the text, with every tag closed
	xmlBad                  // it is broken, cut, or too deep
	xmlOpen                 // a start tag
	xmlClose                // an end tag
	xmlText
	xmlCDATA
)

func (x *xmlReader) reset(data []byte) { *x = xmlReader{data: data} }

// next goes on to the next tag or text. Comments and processing instructions are passed over.
func (x *xmlReader) next() xmlKind {
	x.kind = x.step()
	return x.kind
}

func (x *xmlReader) step() xmlKind {
	for x.at < len(x.data) {
		rest := x.data[x.at:]
		if rest[0] != '<' {
			n := bytes.IndexByte(rest, '<')
			if n < 0 {
				n = len(rest)
			}
			x.text = rest[:n]
			x.at += n
			return xmlText
		}
		if len(rest) == 1 {
			x.at = len(x.data)
			return xmlBad
		}
		switch rest[1] {
		case '/':
			return x.closeTag(rest)
		case '!':
			if bytes.HasPrefix(rest, []byte("<![CDATA[")) {
				from := x.at + 9
				if !x.past(9, "]]>") {
					return xmlBad
				}
				x.text = x.data[from : x.at-3]
				return xmlCDATA
			}
			if !bytes.HasPrefix(rest, []byte("<!--")) || !x.past(4, "-->") {
				x.at = len(x.data)
				return xmlBad
			}
		case '?':
			if !x.past(2, "?>") {
				return xmlBad
			}
		default:
			return x.openTag(rest)
		}
	}
	if x.deep > 0 {
		return xmlBad
	}
	return xmlEnd
}

// past goes behind the next end, which is looked for from skip bytes on.
func (x *xmlReader) past(skip int, end string) bool {
	n := bytes.Index(x.data[x.at+skip:], []byte(end))
	if n < 0 {
		x.at = len(x.data)
		return false
	}
	x.at += skip + n + len(end)
	return true
}

func (x *xmlReader) closeTag(rest []byte) xmlKind {
	n := bytes.IndexByte(rest, '>')
	name := xmlName(rest[2:])
	if n < 0 || len(name) == 0 || x.deep == 0 || len(bytes.TrimRight(rest[2+len(name):n], xmlBlanks)) > 0 {
		x.at = len(x.data)
		return xmlBad
	}
	x.deep--
	x.name = withoutPrefix(name)
	x.at += n + 1
	return xmlClose
}

func (x *xmlReader) openTag(rest []byte) xmlKind {
	name := xmlName(rest[1:])
	n := tagEnd(rest)
	if n < 0 || len(name) == 0 || x.deep >= maxDepth {
		x.at = len(x.data)
		return xmlBad
	}
	x.name = withoutPrefix(name)
	x.attrs = rest[1+len(name) : n]
	x.empty = len(x.attrs) > 0 && x.attrs[len(x.attrs)-1] == '/'
	if x.empty {
		x.attrs = x.attrs[:len(x.attrs)-1]
	} else {
		x.deep++
	}
	x.at += n + 1
	return xmlOpen
}

// tagEnd is where the > of a tag stands, which may also stand within quotes.
func tagEnd(tag []byte) int {
	for i := 1; i < len(tag); i++ {
		switch c := tag[i]; c {
		case '>':
			return i
		case '<':
			return -1
		case '"', '\'':
			n := bytes.IndexByte(tag[i+1:], c)
			if n < 0 {
				return -1
			}
			i += n + 1
		}
	}
	return -1
}

const xmlBlanks = " \t\r\n"

// xmlName is the name that b begins with; empty if there is none.
func xmlName(b []byte) []byte {
	for i, c := range b {
		switch c {
		case ' ', '\t', '\r', '\n', '/', '>':
			return b[:i]
		case '<', '=', '"', '\'', '&', '!', '?':
			return nil
		}
	}
	return nil
}

func withoutPrefix(name []byte) []byte {
	if n := bytes.LastIndexByte(name, ':'); n >= 0 {
		return name[n+1:]
	}
	return name
}

// attr returns the value of an attribute of the start tag, its entities as they stand there; nil if there is none. The
// name is compared without prefix.
func (x *xmlReader) attr(name string) []byte {
	for rest := x.attrs; ; {
		n := bytes.IndexByte(rest, '=')
		if n < 0 {
			return nil
		}
		key := withoutPrefix(bytes.Trim(rest[:n], xmlBlanks))
		rest = bytes.TrimLeft(rest[n+1:], xmlBlanks)
		if len(rest) < 2 || rest[0] != '"' && rest[0] != '\'' {
			return nil
		}
		end := bytes.IndexByte(rest[1:], rest[0])
		if end < 0 {
			return nil
		}
		if string(key) == name {
			return rest[1 : end+1]
		}
		rest = rest[end+2:]
	}
}

// inner goes behind the end tag of the start tag at hand and returns what stands between them, as it stands there. It
// reports false if that tag is missing, or is one of another name.
func (x *xmlReader) inner() ([]byte, bool) {
	if x.empty {
		return nil, true
	}
	name, from, deep := x.name, x.at, x.deep
	for {
		before := x.at
		switch x.next() {
		case xmlEnd, xmlBad:
			return nil, false
		case xmlClose:
			if x.deep < deep {
				return x.data[from:before:before], bytes.Equal(x.name, name)
			}
		}
	}
}

// appendXMLText appends the text of what stands between two tags: entities resolved, CDATA unwrapped, comments and
// processing instructions left out. Tags within it stay as they are, for XML that was put into XML unescaped.
func appendXMLText(dst, raw []byte) []byte {
	if bytes.IndexByte(raw, '<') < 0 {
		return appendEntities(dst, raw)
	}
	x := xmlReader{data: raw}
	for {
		before := x.at
		switch x.next() {
		case xmlEnd:
			return dst
		case xmlBad:
			return append(dst, raw[before:]...)
		case xmlText:
			dst = appendEntities(dst, x.text)
		case xmlCDATA:
			dst = append(dst, x.text...)
		default:
			dst = append(dst, raw[before:x.at]...)
		}
	}
}

// appendEntities appends text with its entities resolved. One that is not known stands for itself.
func appendEntities(dst, text []byte) []byte {
	for {
		n := bytes.IndexByte(text, '&')
		if n < 0 {
			return append(dst, text...)
		}
		dst = append(dst, text[:n]...)
		text = text[n:]
		r, size := entity(text)
		if size == 0 {
			dst, text = append(dst, '&'), text[1:]
			continue
		}
		dst, text = utf8.AppendRune(dst, r), text[size:]
	}
}

// maxEntity bounds how long an entity is looked for: the longest is &#x0010FFFF;, zeros included that nobody writes.
const maxEntity = 16

// entity reads the one that text begins with. size is 0 if it is none.
func entity(text []byte) (r rune, size int) {
	end := bytes.IndexByte(text[:min(len(text), maxEntity)], ';')
	if end < 2 {
		return 0, 0
	}
	name := text[1:end]
	switch string(name) {
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "amp":
		return '&', end + 1
	case "quot":
		return '"', end + 1
	case "apos":
		return '\'', end + 1
	}
	if name[0] != '#' || len(name) < 2 {
		return 0, 0
	}
	digits, base := name[1:], rune(10)
	if digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	if len(digits) == 0 {
		return 0, 0
	}
	for _, c := range digits {
		d, ok := digit(c)
		if !ok || d >= base {
			return 0, 0
		}
		if r = r*base + d; r > utf8.MaxRune {
			return 0, 0
		}
	}
	return r, end + 1
}

func digit(c byte) (rune, bool) {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0'), true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return rune(c|0x20-'a') + 10, true
	}
	return 0, false
}
