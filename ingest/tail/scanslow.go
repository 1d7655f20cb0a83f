package tail

import (
	"bytes"
	"io"
)

// slow is Next for every line that needs more than a search for the line end: it reads, tells the encoding, and
// knows all special lines.
func (s *Scanner) slow() bool {
	s.fast = 0
	if s.encoding == Detect {
		for s.end-s.next < encodingHead && s.fill() {
		}
		s.encoding = EncodingOf(s.buf[s.next:s.end])
	}
	if s.framer != nil && s.limit >= 0 && s.framed() {
		return true
	}
	if s.framer != nil || s.midLine && !s.skipLine() || s.base+int64(s.next) >= s.limit || !s.line() {
		s.off, s.size = s.base+int64(s.next), 0
		s.rawLo, s.textLo, s.rawHi, s.wide = 0, 0, 0, s.wide[:0]
		s.limit = -1
		return false
	}
	if s.encoding == UTF8 && s.state == Complete {
		s.fast = int(min(int64(s.end), s.limit-s.base))
	}
	return true
}

// line yields the line at next. It reports false if the input has ended.
func (s *Scanner) line() bool {
	seen := 0 // bytes that hold no line end
	for {
		if i, width := s.lineEnd(seen); i >= 0 {
			s.yield(i, width)
			return true
		}
		seen = (s.end - s.next) &^ 1
		switch {
		case s.end-s.next >= maxBuffer:
			s.long()
			return true
		case s.fill():
		case s.next == s.end:
			return false
		default:
			s.yield(s.end-s.next, 0)
			return true
		}
	}
}

// lineEnd searches the line at next for its LF, from its byte seen on. It returns how many bytes stand before the LF
// and how many the LF takes; -1 if there is none.
func (s *Scanner) lineEnd(seen int) (i, width int) {
	line := s.buf[s.next:s.end]
	for seen < len(line) {
		j := bytes.IndexByte(line[seen:], '\n')
		if j < 0 {
			break
		}
		j += seen
		switch {
		case s.encoding == UTF8:
			return j, 1
		case s.encoding == UTF16LE && j&1 == 0 && j+1 < len(line) && line[j+1] == 0:
			return j, 2
		case s.encoding == UTF16BE && j&1 == 1 && line[j-1] == 0:
			return j - 1, 2
		}
		seen = j + 1 // half of another character
	}
	return -1, 0
}

// withoutCR returns line without the CR of its line end.
func (s *Scanner) withoutCR(line []byte) []byte {
	n := len(line)
	switch {
	case s.encoding == UTF8 && n >= 1 && line[n-1] == '\r':
		return line[:n-1]
	case s.encoding == UTF16LE && n >= 2 && n&1 == 0 && line[n-2] == '\r' && line[n-1] == 0:
		return line[:n-2]
	case s.encoding == UTF16BE && n >= 2 && n&1 == 0 && line[n-2] == 0 && line[n-1] == '\r':
		return line[:n-2]
	}
	return line
}

// yield makes the n bytes at next the current line; width is the size of the LF after them, 0 if there is none.
func (s *Scanner) yield(n, width int) {
	s.off, s.size = s.base+int64(s.next), int64(n+width)
	raw := s.withoutCR(s.buf[s.next : s.next+n])
	s.rawLo, s.rawHi = s.next, s.next+len(raw)
	s.next += n + width
	s.terminated = width > 0
	switch {
	case len(raw) > 0 && allNUL(raw):
		s.state = Padding
	case len(raw) > MaxLine:
		s.state = TooLong
	case width == 0:
		s.state = Unfinished
	default:
		s.state = Complete
	}
	switch {
	case len(raw) > MaxLine:
		s.rawHi = s.rawLo
		s.textLo, s.wide = s.rawLo, s.wide[:0]
	case s.encoding == UTF8:
		text := raw
		if s.off == 0 {
			text = bytes.TrimPrefix(text, []byte(bomUTF8))
		}
		for len(text) > 0 && text[0] == 0 {
			text = text[1:]
		}
		s.textLo = s.rawHi - len(text)
	default:
		s.wide = s.encoding.appendUTF8(s.wide[:0], raw, s.off == 0)
	}
}

// long yields the line at next, which fills the buffer, without keeping it.
func (s *Scanner) long() {
	off := s.base + int64(s.next)
	padding := true
	for {
		// The last bytes may be the first half of a line end. Characters of UTF-16 stay whole.
		drop := max(s.end-s.next-maxLineEnd, 0) &^ 1
		padding = padding && allNUL(s.buf[s.next:s.next+drop])
		s.next += drop
		if !s.fill() {
			s.yield(s.end-s.next, 0)
			break
		}
		if i, width := s.lineEnd(0); i >= 0 {
			s.yield(i, width)
			break
		}
	}
	rest := s.rawHi - s.rawLo
	padding = padding && (s.state == Padding || s.state != TooLong && rest == 0)
	s.size += s.off - off
	s.off = off
	s.rawHi, s.textLo, s.wide = s.rawLo, s.rawLo, s.wide[:0]
	s.state = TooLong
	if padding {
		s.state = Padding
	}
}

// skipLine moves next behind the first LF. It reports false if that is not before limit.
func (s *Scanner) skipLine() bool {
	s.midLine = false
	for {
		if i := bytes.IndexByte(s.buf[s.next:s.end], '\n'); i >= 0 {
			s.next += i + 1
			return true
		}
		s.next = s.end
		if s.base+int64(s.next) >= s.limit || !s.fill() {
			return false
		}
	}
}

// fill moves what is not yet yielded to the front of the buffer and reads once behind it. It reports false if nothing
// more can be read.
func (s *Scanner) fill() bool {
	if s.atEnd || s.r == nil {
		return false
	}
	if s.next > 0 {
		s.end = copy(s.buf, s.buf[s.next:s.end])
		s.base += int64(s.next)
		s.next = 0
	}
	if s.end == len(s.buf) {
		size := maxBuffer // a line that does not fit into one block is rare
		if s.end == 0 {
			size = block
		}
		grown := make([]byte, size)
		copy(grown, s.buf)
		s.buf = grown
	}
	for range maxIdle {
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		if err != nil {
			s.atEnd, s.err = true, err
		}
		if n > 0 || err != nil {
			return n > 0
		}
	}
	s.atEnd, s.err = true, io.ErrNoProgress
	return false
}

// allNUL reports whether line has no byte but NUL.
func allNUL(line []byte) bool {
	return len(line) == 0 || line[0] == 0 && bytes.Equal(line[1:], line[:len(line)-1])
}
