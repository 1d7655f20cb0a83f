package tail

import (
	"bytes"
	"fmt"
	"io"
	"math"
)

// A State says what kind of line a [Scanner] stands on.
type State uint8

const (
	Complete   State = iota // text and line end
	Unfinished              // text, but the input ends before the line does
	TooLong                 // more than MaxLine bytes: they were counted and not kept
	Padding                 // NULs and nothing else, of any number: space that was reserved and never written
)

// String returns "complete", "unfinished", "too long" or "padding".
func (s State) String() string {
	switch s {
	case Complete:
		return "complete"
	case Unfinished:
		return "unfinished"
	case TooLong:
		return "too long"
	case Padding:
		return "padding"
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// MaxLine is the longest line, in bytes without its line end, whose content is available. IIS itself stops at 64 KiB.
const MaxLine = 1 << 20

const (
	maxLineEnd = 4                    // CR LF in UTF-16
	maxBuffer  = MaxLine + maxLineEnd // more than this without a line end is too long for certain
	block      = 256 << 10            // what fits a core's cache beside the decoder's own
	maxIdle    = 100                  // reads in a row that yield nothing
)

// A Scanner yields the lines of a stream or of a [Span], or its records: see ResetForm. A line ends with LF or CR LF; what follows the last line
// end is a line too, unless it is empty. The zero Scanner has no lines: see Reset and ResetSpan, which keep the
// buffer. It never keeps more than MaxLine bytes and a line end. It belongs to one goroutine.
type Scanner struct {
	buf        []byte
	base       int64 // offset in the file of buf[0]
	next, end  int   // buf[next:end] is read and not yet yielded
	fast       int   // a line that begins before it, and is not special, needs no second look
	limit      int64 // offset in the file at which no line may begin any more
	rawLo      int   // the current line is buf[rawLo:rawHi],
	textLo     int   // its text buf[textLo:rawHi], or wide
	rawHi      int
	wide       []byte // text converted from UTF-16
	off, size  int64
	state      State
	terminated bool

	encoding Encoding
	midLine  bool // a span may begin within a line, which is not its own
	atEnd    bool // r has ended: see err
	err      error
	r        io.Reader
	span     spanReader

	// Of a file whose records are not lines.
	framing Framing
	framer  framer // one of those below; nil for lines
	narrow  []byte // of UTF-16: buf as the framer sees it, from its begin on
	json    jsonFramer
	xml     xmlFramer
	csv     csvFramer
	blocks  blocksFramer
}

// NewScanner returns a Scanner over all of r.
func NewScanner(r io.Reader) *Scanner {
	s := new(Scanner)
	s.Reset(r, 0, Detect)
	return s
}

// Reset makes s yield the lines of r, whose first byte is the first of a line and stands at offset in the file. With
// Detect the encoding is told by the first bytes if offset is 0, and else taken to be UTF-8.
func (s *Scanner) Reset(r io.Reader, offset int64, encoding Encoding) {
	if encoding == Detect && offset != 0 {
		encoding = UTF8
	}
	*s = Scanner{buf: s.buf, wide: s.wide[:0], narrow: s.narrow[:0], r: r, base: offset, off: offset, limit: math.MaxInt64, encoding: encoding}
}

// Next moves to the next line and reports whether there is one. What Text and Raw returned before is void.
func (s *Scanner) Next() bool {
	if s.next < s.fast {
		line := s.buf[s.next:s.end]
		// One comparison for a line end that is not there (-1) and one that is too far away.
		if i := bytes.IndexByte(line, '\n'); uint(i) <= MaxLine && line[0] != 0 {
			hi := s.next + i
			s.off = s.base + int64(s.next)
			s.size = int64(i) + 1
			s.rawLo, s.textLo = s.next, s.next
			s.next = hi + 1
			if i > 0 && line[i-1] == '\r' {
				hi--
			}
			s.rawHi = hi
			return true
		}
	}
	return s.slow()
}

// Text returns the line for a decoder, in UTF-8: without line end, byte order mark and the NULs before it. It is
// valid until the next call of Next, and empty if State is TooLong or Padding.
func (s *Scanner) Text() []byte {
	if s.encoding > UTF8 {
		return s.wide
	}
	return s.buf[s.textLo:s.rawHi]
}

// Raw returns the line as it stands in the file, without line end: what evidence hashes. It is valid until the next
// call of Next, and empty if State is TooLong or if Padding is longer than MaxLine.
func (s *Scanner) Raw() []byte { return s.buf[s.rawLo:s.rawHi] }

// Offset returns where in the file the line begins, in bytes.
func (s *Scanner) Offset() int64 { return s.off }

// Size returns how many bytes of the file the line takes with its line end: Offset plus Size is the Offset of the
// next line.
func (s *Scanner) Size() int64 { return s.size }

// State returns what kind of line it is.
func (s *Scanner) State() State { return s.state }

// Terminated reports whether the line has its line end. Without it the line is the input's last, and in a live file
// its bytes may still change, be they text, Padding or TooLong: a checkpoint belongs before them.
func (s *Scanner) Terminated() bool { return s.terminated }

// Encoding returns the encoding of the input; Detect before the first line.
func (s *Scanner) Encoding() Encoding { return s.encoding }

// Err returns the error that ended reading, as the reader returned it; nil for the end of the input. The lines
// before it stand.
func (s *Scanner) Err() error {
	if s.err == io.EOF {
		return nil
	}
	return s.err
}
