package tail

import (
	"bytes"
	"fmt"
	"io"
)

// A Framing is how a file marks where its records begin and end.
type Framing uint8

const (
	Lines  Framing = iota // each line is a record
	JSON                  // documents behind each other; the elements of an array, or of one that a path of Form leads to
	XML                   // <Event> elements, whatever stands around them
	CSV                   // lines, which go on behind a line end within quotes
	Blocks                // lines up to an empty one, as Format-List writes them
)

// String returns "lines", "json", "xml", "csv" or "blocks".
func (f Framing) String() string {
	switch f {
	case Lines:
		return "lines"
	case JSON:
		return "json"
	case XML:
		return "xml"
	case CSV:
		return "csv"
	case Blocks:
		return "blocks"
	}
	return fmt.Sprintf("framing(%d)", uint8(f))
}

// A Form is how a file is divided into records. The zero Form is lines.
type Form struct {
	Framing Framing
	// Arrays are the keys by which a JSON document wraps its records: {"response", "authlogs"} is the array authlogs of
	// the object response of the document. They are compared without regard to case. There may be 32 of them, of 4 keys
	// of 32 bytes.
	Arrays [][]string
}

// A Mark is where in a file reading goes on. The zero Mark is the beginning.
type Mark struct {
	Offset   int64
	Encoding Encoding // see Reset
	Context  []byte   // what Scanner.Context returned at Offset
}

// ResetForm makes s yield the records of r, whose first byte stands at a mark of the file. A record is yielded as a line
// is; Raw, Text and Offset are those of the record alone, without what stands around it. Offset plus Size is where the
// next one is looked for: behind the record, and in CSV and Blocks behind the line end that closes it. What stands
// between two records is of none: a range of the file that ends with a record holds what stands before it.
//
// Reading may be cut behind any record, before one that is not Terminated and, where there was none such, at Offset once
// Next has reported false: reading on from there with the Context yields the records that reading at once does.
//
// Framing is no validation. Text that is broken costs the record it is in, and seldom the one behind it. A record of
// more than MaxLine bytes is TooLong, and goes on to its end if it is well-formed. NULs between records are Padding.
// A byte order mark is of no record.
func (s *Scanner) ResetForm(r io.Reader, form Form, at Mark) error {
	s.Reset(r, at.Offset, at.Encoding)
	switch form.Framing {
	case JSON:
		s.json.arrays = form.Arrays
		s.framer = &s.json
	case XML:
		s.framer = &s.xml
	case CSV:
		s.framer = &s.csv
	case Blocks:
		s.framer = &s.blocks
	case Lines:
		if len(at.Context) > 0 {
			s.r = nil
			return fmt.Errorf("reading on at byte %d: lines have no context", at.Offset)
		}
		return nil
	}
	s.framing = form.Framing
	if s.framer == nil {
		s.r = nil
		return fmt.Errorf("reading records: there is no %v", form.Framing)
	}
	if err := s.framer.restore(at.Context); err != nil {
		s.framer, s.r = nil, nil
		return fmt.Errorf("reading on at byte %d: %w", at.Offset, err)
	}
	return nil
}

// Context returns what must be known to go on, beside the form and the encoding: in which array of which document that
// is. It is that behind the record, or before it if it is not Terminated; once Next has reported false, that at Offset.
// It is nil for lines, and mostly where nothing is open; never more than 256 bytes.
func (s *Scanner) Context() []byte {
	if s.framer == nil {
		return nil
	}
	return s.framer.context()
}

// A framer finds the records of a framing in a text that comes in pieces. It sees ASCII as it is; what else a text holds
// is of no meaning to it, and in UTF-16 each unit of that is one byte.
type framer interface {
	// start looks for the next record. n bytes stand before it, or before what must be seen again with more behind
	// it. It stops before a NUL.
	start(text []byte) (n int, found bool)
	// end looks for the end of the record that start found, in text that goes on where n of the last call of end, or of
	// start, said. An n below 0 is within the record, at most lookBack bytes before text.
	end(text []byte) (n int, v verdict)
	// undo goes back to where start found the record.
	undo()
	context() []byte
	restore(context []byte) error
}

// A verdict is what end found.
type verdict uint8

const (
	recordGoesOn verdict = iota
	recordEnds
	noRecord // it was none: records are looked for from there on
)

// lookBack is how far behind the end of a broken record it may be noticed, in bytes.
const lookBack = 4 << 10

// width is how many bytes of the file one byte for a framer takes.
func (s *Scanner) width() int {
	if s.encoding > UTF8 {
		return 2
	}
	return 1
}

// framed is slow for a file with a framing.
func (s *Scanner) framed() bool {
	if s.base == 0 && s.next == 0 {
		s.skipMark()
	}
	for {
		text := s.text(0)
		n, found := s.framer.start(text)
		s.next += n * s.width()
		switch {
		case found:
			if s.record() {
				return true
			}
		case n < len(text) && text[n] == 0:
			s.padding()
			return true
		case !s.more():
			return false
		}
	}
}

// skipMark moves next behind the byte order mark.
func (s *Scanner) skipMark() {
	bom := bomUTF8
	switch s.encoding {
	case UTF16LE:
		bom = bomUTF16LE
	case UTF16BE:
		bom = bomUTF16BE
	}
	for s.end < len(bom) && s.fill() {
	}
	if bytes.HasPrefix(s.buf[:s.end], []byte(bom)) {
		s.next = len(bom)
	}
}

// record yields the record at next. It reports false if that turned out to be none, and is behind it then.
func (s *Scanner) record() bool {
	off := s.base + int64(s.next)
	long := false
	for seen := 0; ; {
		n, v := s.framer.end(s.text(seen))
		seen += n * s.width()
		switch {
		case v == recordEnds:
			s.take(off, seen, long, true)
			return true
		case v == noRecord:
			s.next += seen
			return false
		}
		if long = long || s.end-s.next >= maxBuffer; long {
			drop := max(seen-lookBack, 0)
			s.next += drop
			seen -= drop
		}
		if !s.more() {
			s.take(off, s.end-s.next, long, false)
			s.framer.undo()
			return true
		}
	}
}

// take makes what stands from off to n bytes behind next the current record.
func (s *Scanner) take(off int64, n int, long, terminated bool) {
	raw := n
	if terminated {
		raw = s.trimmed(n)
	}
	s.rawLo, s.rawHi = s.next, s.next+raw
	s.next += n
	s.off, s.size, s.terminated = off, s.base+int64(s.next)-off, terminated
	switch {
	case long || raw > MaxLine:
		s.state, s.rawHi = TooLong, s.rawLo
	case terminated:
		s.state = Complete
	default:
		s.state = Unfinished
	}
	s.textLo = s.rawLo
	if s.wide = s.wide[:0]; s.encoding > UTF8 {
		s.wide = s.encoding.appendUTF8(s.wide, s.Raw(), false)
	}
}

// trimmed is how many of n bytes at next are left without the line end, and without blanks where those are of no meaning.
func (s *Scanner) trimmed(n int) int {
	w := s.width()
	text := s.text(0)[:n/w]
	if s.framing == CSV {
		text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	} else {
		for len(text) > 0 && blank(text[len(text)-1]) {
			text = text[:len(text)-1]
		}
	}
	return len(text) * w
}

// padding yields the NULs at next.
func (s *Scanner) padding() {
	off, long := s.base+int64(s.next), false
	n, ended := 0, false
	for {
		text := s.text(n)
		i := 0
		for i < len(text) && text[i] == 0 {
			i++
		}
		n += i * s.width()
		if ended = i < len(text); ended {
			break
		}
		if long = long || n >= MaxLine; long {
			s.next, n = s.next+n, 0
		}
		if !s.more() {
			break
		}
	}
	s.rawLo, s.rawHi = s.next, s.next+n
	s.next += n
	s.off, s.size, s.state, s.terminated = off, s.base+int64(s.next)-off, Padding, ended
	if long {
		s.rawHi = s.rawLo
	}
	s.textLo, s.wide = s.rawHi, s.wide[:0]
}

// text returns what is read behind next and seen, as a framer sees it.
func (s *Scanner) text(seen int) []byte {
	if s.encoding <= UTF8 {
		return s.buf[s.next+seen : s.end]
	}
	s.narrow = s.encoding.appendNarrow(s.narrow, s.buf[2*len(s.narrow):s.end&^1])
	return s.narrow[(s.next+seen)/2:]
}

// more reads more behind what is read. It reports false if there is none.
func (s *Scanner) more() bool {
	base := s.base
	ok := s.fill()
	if moved := min(int(s.base-base)/2, len(s.narrow)); moved > 0 {
		s.narrow = s.narrow[:copy(s.narrow, s.narrow[moved:])]
	}
	return ok
}

// blank reports whether c is a blank or a line end.
func blank(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }
