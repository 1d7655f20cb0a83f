package tail_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/outmode/outmode/ingest/tail"
)

func TestUTF16IsConvertedAndNotCutInsideACharacter(t *testing.T) {
	t.Parallel()
	const text = "#Fields: a b\r\nजॊ\u0a0a\u0a00\u000a\u0a01\u010a\u0100\u0a05\u0100😀\r\r\n\nend"
	want := []string{"#Fields: a b", "जॊ\u0a0a\u0a00", "\u0a01\u010a\u0100\u0a05\u0100😀\r", "", "end"}
	for _, big := range []bool{false, true} {
		for _, bom := range []bool{false, true} {
			file := utf16Bytes(text, big, bom)
			for name, r := range map[string]io.Reader{"whole": bytes.NewReader(file), "one byte": iotest.OneByteReader(bytes.NewReader(file))} {
				ls := linesOf(t, r)
				tiles(t, ls, len(file))
				var got []string
				for _, l := range ls {
					got = append(got, l.Text)
				}
				if !slices.Equal(got, want) {
					t.Errorf("big endian %v, mark %v, %s: got %q, want %q", big, bom, name, got, want)
				}
				if last := ls[len(ls)-1]; last.State != tail.Unfinished || last.Raw != string(utf16Bytes("end", big, false)) {
					t.Errorf("last line: %v", last)
				}
				if raw := ls[1].Raw; raw != string(utf16Bytes(want[1], big, false)) {
					t.Errorf("raw: %q", raw)
				}
			}
		}
	}
}

func TestUTF16Damage(t *testing.T) {
	t.Parallel()
	le := func(units ...uint16) string {
		b := []byte{0xff, 0xfe}
		for _, u := range units {
			b = append(b, byte(u), byte(u>>8))
		}
		return string(b)
	}
	tests := map[string]struct {
		file string
		text string
	}{
		"high surrogate alone":      {le('a', 0xd83d, '\n'), "a\ufffd"},
		"low surrogate alone":       {le(0xde00, 'a', '\n'), "\ufffda"},
		"high surrogate before a":   {le(0xd83d, 'a', '\n'), "\ufffda"},
		"high surrogate twice":      {le(0xd83d, 0xd83d, 0xde00, '\n'), "\ufffd😀"},
		"odd last byte":             {le('a') + "b", "a\ufffd"},
		"ASCII line end at the end": {le('a') + "\n", "a\ufffd"},
		"NULs before":               {le(0, 0, 'a', '\n'), "a"},
		"a second mark is text":     {le(0xfeff, 'a', '\n'), "\ufeffa"},
	}
	for name, tt := range tests {
		ls := linesOf(t, strings.NewReader(tt.file))
		tiles(t, ls, len(tt.file))
		if len(ls) != 1 || ls[0].Text != tt.text {
			t.Errorf("%s: got %v, want %q", name, ls, tt.text)
		}
	}
}

func TestResumeInsideUTF16(t *testing.T) {
	t.Parallel()
	file := utf16Bytes("first\r\nsecond\r\n", false, true)
	all := linesOf(t, bytes.NewReader(file))
	var s tail.Scanner
	s.Reset(bytes.NewReader(file[all[1].Offset:]), all[1].Offset, tail.UTF16LE)
	sameLines(t, "resumed", rest(t, &s), all[1:])
}

func TestEncodingOf(t *testing.T) {
	t.Parallel()
	tests := map[string]tail.Encoding{
		"":                            tail.UTF8,
		"#Software: M":                tail.UTF8,
		"\xef\xbb\xbf#So":             tail.UTF8,
		"\xff\xfe#\x00":               tail.UTF16LE,
		"\xfe\xff\x00#":               tail.UTF16BE,
		"#\x00S\x00o\x00f\x00t":       tail.UTF16LE,
		"\x00#\x00S\x00o\x00f":        tail.UTF16BE,
		"a\x00b\x00":                  tail.UTF8, // too little to tell
		strings.Repeat("\x00", 64):    tail.UTF8,
		"abc\x00d\x00e\x00f\x00g\x00": tail.UTF8,
	}
	for head, want := range tests {
		if got := tail.EncodingOf([]byte(head)); got != want {
			t.Errorf("%q: got %v, want %v", head, got, want)
		}
	}
}

func TestLongUTF16Line(t *testing.T) {
	t.Parallel()
	for _, big := range []bool{false, true} {
		for _, n := range []int{tail.MaxLine / 2, tail.MaxLine/2 + 1, tail.MaxLine/2 + 100_000} {
			for _, fill := range []string{"\u0a0d", "\x00"} {
				file := utf16Bytes("#head of the file\n"+strings.Repeat(fill, n)+"\r\nb", big, false)
				for seed := range uint64(4) {
					ls := linesOf(t, shortReads{bytes.NewReader(file), rand.New(rand.NewPCG(2, seed)), 90_001})
					tiles(t, ls, len(file))
					want := tail.Complete
					switch {
					case fill == "\x00":
						want = tail.Padding
					case 2*n > tail.MaxLine:
						want = tail.TooLong
					}
					if len(ls) != 3 || ls[1].State != want || ls[2].Text != "b" {
						t.Errorf("big endian %v, %d units of %q: %v", big, n, fill, ls)
					}
				}
			}
		}
	}
}

func TestSpanOfUTF16FromTheStart(t *testing.T) {
	t.Parallel()
	file := utf16Bytes("first\r\nsecond\r\n", true, true)
	sameLines(t, "span", linesOfSpans(t, file, []tail.Span{{From: 0, To: int64(len(file))}}), linesOf(t, bytes.NewReader(file)))
}
