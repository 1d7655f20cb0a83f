package tail_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"unicode/utf16"

	"github.com/outmode/outmode/ingest/tail"
)

// utf16Bytes encodes text, with a byte order mark if bom.
func utf16Bytes(text string, bigEndian, bom bool) []byte {
	var order binary.AppendByteOrder = binary.LittleEndian
	if bigEndian {
		order = binary.BigEndian
	}
	var b []byte
	if bom {
		b = order.AppendUint16(b, 0xfeff)
	}
	for _, u := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, u)
	}
	return b
}

// A line is all a Scanner says of one line, copied.
type line struct {
	Text, Raw    string
	Offset, Size int64
	State        tail.State
	Terminated   bool
}

func (l line) String() string {
	short := func(s string) string {
		if len(s) > 60 {
			return fmt.Sprintf("%q... (%d)", s[:60], len(s))
		}
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("{%s raw %s at %d+%d %v %v}", short(l.Text), short(l.Raw), l.Offset, l.Size, l.State, l.Terminated)
}

func current(s *tail.Scanner) line {
	return line{string(s.Text()), string(s.Raw()), s.Offset(), s.Size(), s.State(), s.Terminated()}
}

func rest(t testing.TB, s *tail.Scanner) []line {
	t.Helper()
	var ls []line
	for s.Next() {
		ls = append(ls, current(s))
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	if s.Next() {
		t.Fatalf("a line after the last: %v", current(s))
	}
	return ls
}

func linesOf(t testing.TB, r io.Reader) []line {
	t.Helper()
	return rest(t, tail.NewScanner(r))
}

func linesOfSpans(t testing.TB, file []byte, spans []tail.Span) []line {
	t.Helper()
	var s tail.Scanner
	var ls []line
	for _, span := range spans {
		s.ResetSpan(bytes.NewReader(file), span)
		part := rest(t, &s)
		for _, l := range part {
			if l.Offset < span.From || l.Offset >= span.To {
				t.Fatalf("%v does not begin in %v", l, span)
			}
		}
		ls = append(ls, part...)
	}
	return ls
}

// naive is the Scanner's promise for UTF-8, written to be read and not to be fast.
func naive(file []byte) []line {
	var ls []line
	for off := 0; off < len(file); {
		whole, terminated := file[off:], false
		if i := bytes.IndexByte(whole, '\n'); i >= 0 {
			whole, terminated = whole[:i+1], true
		}
		raw := bytes.TrimSuffix(bytes.TrimSuffix(whole, []byte("\n")), []byte("\r"))
		l := line{Raw: string(raw), Offset: int64(off), Size: int64(len(whole)), Terminated: terminated}
		text := raw
		if off == 0 {
			text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
		}
		l.Text = string(bytes.TrimLeft(text, "\x00"))
		switch {
		case len(raw) > 0 && len(bytes.Trim(raw, "\x00")) == 0:
			l.State = tail.Padding
		case len(raw) > tail.MaxLine:
			l.State = tail.TooLong
		case !terminated:
			l.State = tail.Unfinished
		}
		if len(raw) > tail.MaxLine {
			l.Raw, l.Text = "", ""
		}
		ls = append(ls, l)
		off += len(whole)
	}
	return ls
}

func sameLines(t testing.TB, what string, got, want []line) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Fatalf("%s: line %d is missing: %v", what, i, want[i])
		case i >= len(want):
			t.Fatalf("%s: line %d is too many: %v", what, i, got[i])
		case got[i] != want[i]:
			t.Fatalf("%s: line %d:\n got %v\nwant %v", what, i, got[i], want[i])
		}
	}
}

// tiles checks that the lines cover size bytes, each byte once.
func tiles(t testing.TB, ls []line, size int) {
	t.Helper()
	var at int64
	for i, l := range ls {
		if l.Offset != at || l.Size <= 0 {
			t.Fatalf("line %d: %v does not begin at %d", i, l, at)
		}
		at += l.Size
	}
	if at != int64(size) {
		t.Fatalf("lines cover %d of %d bytes", at, size)
	}
}

// cutAtRandom returns adjoining spans over size bytes, some of them empty.
func cutAtRandom(rng *rand.Rand, size int) []tail.Span {
	var spans []tail.Span
	for from := 0; from < size; {
		to := min(from+rng.IntN(max(size/3, 2)), size)
		spans = append(spans, tail.Span{From: int64(from), To: int64(to)})
		from = to
	}
	return spans
}

// shortReads reads from r in steps of any size, as a pipe does.
type shortReads struct {
	r   io.Reader
	rng *rand.Rand
	max int
}

func (s shortReads) Read(p []byte) (int, error) {
	if s.rng.IntN(16) == 0 {
		return 0, nil // allowed, though discouraged
	}
	return s.r.Read(p[:min(len(p), 1+s.rng.IntN(s.max))])
}
