package mfa

import (
	"bytes"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// unread empties the facts of a record that should have been understood and was not.
func unread(f *signin.Facts, note string) ingest.Decoded {
	*f = signin.Facts{Kind: f.Kind, Note: note}
	return ingest.Malformed
}

// present makes an empty value, or one of blanks, nil: the log did not say.
func present(b []byte) []byte { return orNil(bytes.TrimSpace(b)) }

// indexFold finds a word in lower case; -1 if it is not there.
func indexFold(b []byte, word string) int {
	for i := 0; i+len(word) <= len(b); i++ {
		if equalFold(b[i:i+len(word)], word) {
			return i
		}
	}
	return -1
}

// A scribe writes the words that do not stand in a record as they are wanted. They are valid until the next clear.
type scribe struct{ text []byte }

func (s *scribe) clear() { s.text = s.text[:0] }

// word writes b in lower case, blanks as _: "Duo Push" and duo_push are one word. Nothing is nil.
func (s *scribe) word(b []byte) []byte { return s.fold(b, '_') }

// lower writes b in lower case. Nothing is nil.
func (s *scribe) lower(b []byte) []byte { return s.fold(b, ' ') }

func (s *scribe) fold(b []byte, blank byte) []byte {
	from := len(s.text)
	s.text = lowerInto(s.text, present(b), blank)
	return s.since(from)
}

// copy keeps a text as it is. Nothing is nil.
func (s *scribe) copy(b []byte) []byte {
	from := len(s.text)
	s.text = append(s.text, b...)
	return s.since(from)
}

// joined writes two words as one, with _ between them.
func (s *scribe) joined(a, b []byte) []byte {
	from := len(s.text)
	s.text = append(lowerInto(s.text, present(a), '_'), '_')
	s.text = lowerInto(s.text, present(b), '_')
	return s.since(from)
}

// below writes two texts as they are, with / between them.
func (s *scribe) below(a, b []byte) []byte {
	from := len(s.text)
	s.text = append(append(append(s.text, a...), '/'), b...)
	return s.since(from)
}

func (s *scribe) since(from int) []byte {
	if from == len(s.text) {
		return nil
	}
	return s.text[from:len(s.text):len(s.text)]
}

// unescape writes a value of a form that was sent by POST, as it was before.
func (s *scribe) unescape(b []byte) []byte {
	from := len(s.text)
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == '+' {
			c = ' '
		}
		if c == '%' && i+2 < len(b) {
			if hi, lo := nibble(b[i+1]), nibble(b[i+2]); hi < 16 && lo < 16 {
				c = hi<<4 | lo
				i += 2
			}
		}
		s.text = append(s.text, c)
	}
	return s.since(from)
}

func nibble(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 16
}

// bareHost takes the port off an address, in all the ways in which gateways write one, and returns nil for what is none.
// Of IPv6 they are [2001:db8::1]:1234 and, without brackets, #1234, p1234, " port 1234" and .1234 behind the address.
// Source: the test set of elastic/integrations for Cisco Duo.
func bareHost(b []byte) []byte {
	b = present(b)
	if len(b) > 0 && b[0] == '[' {
		if end := bytes.IndexByte(b, ']'); end > 0 {
			b = b[1:end]
		}
	}
	switch colons := bytes.Count(b, []byte{':'}); {
	case colons == 1:
		b = b[:bytes.IndexByte(b, ':')]
	case colons > 1:
		if end := bytes.IndexByte(b, 'p'); end > 0 {
			b = b[:end]
		}
		if bytes.Count(b, []byte{'.'}) == 1 {
			b = b[:bytes.IndexByte(b, '.')]
		}
	}
	if end := bytes.IndexAny(b, "# ,"); end >= 0 {
		b = b[:end]
	}
	if !isHost(b) || string(b) == "0.0.0.0" || string(b) == "::" {
		return nil
	}
	return b
}

// isHost reports whether b can be an address: not what one is, for that nothing need be stored.
func isHost(b []byte) bool {
	marks := 0
	for _, c := range b {
		switch {
		case c == '.', c == ':':
			marks++
		case c == '%': // a zone
			return marks > 1
		case nibble(c) > 15:
			return false
		}
	}
	return marks > 1
}
