package mfa

import (
	"bytes"
	"slices"
	"strings"

	"github.com/outmode/outmode/ingest"
)

// cefSplitter reads CEF: the fields of its header are vendor, product, version, signature, name and severity. A value of
// the extension ends where the next key begins; a backslash goes before an equals sign that is part of it.
// Source: ArcSight, Common Event Format.
type cefSplitter struct {
	names   []string // lower-case
	header  [6]int   // the field of each of the header, or -1
	scratch []byte
	seen    []bool
}

func newCEFSplitter(l *MappedLog) *cefSplitter {
	s := &cefSplitter{seen: make([]bool, len(l.names))}
	for _, n := range l.names {
		s.names = append(s.names, strings.ToLower(n))
	}
	for i, name := range [...]string{"vendor", "product", "version", "signature", "name", "severity"} {
		s.header[i] = slices.Index(s.names, name)
	}
	return s
}

func (s *cefSplitter) split(text []byte, values [][]byte) (ingest.Decoded, string) {
	clear(s.seen)
	s.scratch = s.scratch[:0]
	at := bytes.Index(text, []byte("CEF:"))
	if at < 0 {
		return ingest.Other, noteNoCEF
	}
	_, text, ok := bytes.Cut(text[at:], []byte{'|'})
	for i := 0; i < len(s.header) && ok; i++ {
		var field []byte
		if field, text, ok = s.pipe(text); ok && s.header[i] >= 0 && values[s.header[i]] == nil {
			values[s.header[i]] = present(field)
		}
	}
	if !ok {
		return ingest.Malformed, noteCEFHeader
	}
	field, from := -1, 0
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			i++
		case text[i] == '=':
			key := text[from:i]
			if blank := bytes.LastIndexByte(key, ' '); blank >= 0 {
				key = key[blank+1:]
			}
			if !isCEFKey(key) {
				continue // an equals sign that should have been escaped
			}
			s.keep(field, text[from:i-len(key)], values)
			if field = s.place(key); field >= 0 {
				if s.seen[field] {
					return ingest.Malformed, noteTwice
				}
				s.seen[field] = true
			}
			from = i + 1
		}
	}
	s.keep(field, text[min(from, len(text)):], values)
	return ingest.Facts, ""
}

func (s *cefSplitter) keep(field int, value []byte, values [][]byte) {
	if field >= 0 && values[field] == nil {
		values[field] = present(s.unescaped(value))
	}
}

func (s *cefSplitter) place(key []byte) int {
	return slices.IndexFunc(s.names, func(n string) bool { return isWord(key, n) })
}

// pipe takes a field of the header off.
func (s *cefSplitter) pipe(text []byte) (field, rest []byte, ok bool) {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '|':
			return s.unescaped(text[:i]), text[i+1:], true
		}
	}
	return nil, nil, false
}

func (s *cefSplitter) unescaped(b []byte) []byte {
	if bytes.IndexByte(b, '\\') < 0 {
		return b
	}
	from := len(s.scratch)
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) && strings.IndexByte(`\|=`, b[i+1]) >= 0 {
			i++
		}
		s.scratch = append(s.scratch, b[i])
	}
	return s.scratch[from:len(s.scratch):len(s.scratch)]
}

func isCEFKey(b []byte) bool {
	for _, c := range b {
		if c != '_' && c != '.' && c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return len(b) > 0
}

// syslogSplitter takes the prefix of RFC 3164 or RFC 5424 off; what follows is syslog.message.
type syslogSplitter struct{ time, host, program, message int }

func newSyslogSplitter(l *MappedLog) *syslogSplitter {
	place := func(name string) int { return slices.Index(l.names, name) }
	return &syslogSplitter{place(syslogTime), place(syslogHost), place(syslogProgram), place(syslogMessage)}
}

func (s *syslogSplitter) split(text []byte, values [][]byte) (ingest.Decoded, string) {
	if len(text) > 0 && text[0] == '<' {
		_, rest, ok := bytes.Cut(text[:min(len(text), 5)], []byte{'>'})
		if !ok {
			return ingest.Other, noteNoSyslog
		}
		text = text[min(len(text), 5)-len(rest):]
	}
	set := func(field int, value []byte) {
		if field >= 0 {
			values[field] = present(value)
		}
	}
	if rest, ok := bytes.CutPrefix(text, []byte("1 ")); ok {
		var head [5][]byte // time, host, program, process, message id
		for i := range head {
			if head[i], rest, ok = bytes.Cut(rest, []byte{' '}); !ok {
				return ingest.Other, noteNoSyslog
			}
		}
		if rest, ok = structured(rest); !ok {
			return ingest.Other, noteNoSyslog
		}
		set(s.time, head[0])
		set(s.host, head[1])
		set(s.program, head[2])
		set(s.message, bytes.TrimPrefix(rest, []byte("\xEF\xBB\xBF")))
		return ingest.Facts, ""
	}
	stamp, rest, ok := syslogStamp(text)
	if !ok {
		return ingest.Other, noteNoSyslog
	}
	set(s.time, stamp)
	host, rest, _ := bytes.Cut(rest, []byte{' '})
	set(s.host, host)
	if colon := bytes.IndexByte(rest, ':'); colon > 0 && bytes.IndexByte(rest[:colon], ' ') < 0 {
		program, _, _ := bytes.Cut(rest[:colon], []byte{'['})
		set(s.program, program)
		rest = rest[colon+1:]
	}
	set(s.message, rest)
	return ingest.Facts, ""
}

// syslogStamp takes "Oct  6 08:00:05 ", or a time of RFC 3339, off.
func syslogStamp(b []byte) (stamp, rest []byte, ok bool) {
	const form = "Oct  6 08:00:05"
	if len(b) > len(form) && b[3] == ' ' && b[6] == ' ' && b[9] == ':' && b[12] == ':' && b[len(form)] == ' ' {
		return b[:len(form)], b[len(form)+1:], true
	}
	if stamp, rest, ok = bytes.Cut(b, []byte{' '}); !ok || len(stamp) < dayTime || stamp[4] != '-' || stamp[dayForm] != 'T' {
		return nil, nil, false
	}
	return stamp, rest, true
}

// structured takes the structured data of RFC 5424 off.
func structured(b []byte) (rest []byte, ok bool) {
	if rest, ok = bytes.CutPrefix(b, []byte{'-'}); ok {
		return bytes.TrimPrefix(rest, []byte{' '}), len(rest) == 0 || rest[0] == ' '
	}
	quoted, open := false, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[':
			open = true
		case c == ']':
			open = false
		case c == ' ' && !open:
			return b[i+1:], i > 0
		}
	}
	return nil, len(b) > 0 && !open && !quoted
}
