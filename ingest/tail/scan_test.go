package tail_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/outmode/outmode/ingest/tail"
)

func ExampleScanner() {
	log := "#Software: Microsoft Internet Information Services 10.0\r\n" +
		"\x00\x00\x00#Date: 2023-01-09 19:00:00\r\n" + // the server crashed and went on
		"2023-01-09 19:00:01 10.0.0.1 GE" // and is writing now
	s := tail.NewScanner(strings.NewReader(log))
	for s.Next() {
		fmt.Printf("%d+%d %v: %s\n", s.Offset(), s.Size(), s.State(), s.Text())
	}
	fmt.Println(s.Err())
	// Output:
	// 0+57 complete: #Software: Microsoft Internet Information Services 10.0
	// 57+31 complete: #Date: 2023-01-09 19:00:00
	// 88+31 unfinished: 2023-01-09 19:00:01 10.0.0.1 GE
	// <nil>
}

func TestLineEndsPaddingAndMarks(t *testing.T) {
	t.Parallel()
	type short struct {
		text, raw string
		state     tail.State
	}
	tests := map[string]struct {
		file string
		want []short
	}{
		"empty file":                   {"", nil},
		"only line ends":               {"\n\r\n\n", []short{{"", "", tail.Complete}, {"", "", tail.Complete}, {"", "", tail.Complete}}},
		"LF only":                      {"a\nb\n", []short{{"a", "a", tail.Complete}, {"b", "b", tail.Complete}}},
		"CRLF":                         {"a\r\nb\r\n", []short{{"a", "a", tail.Complete}, {"b", "b", tail.Complete}}},
		"one CR is cut":                {"a\r\r\n", []short{{"a\r", "a\r", tail.Complete}}},
		"a CR inside stays":            {"a\rb\n", []short{{"a\rb", "a\rb", tail.Complete}}},
		"last line end missing":        {"a\nb", []short{{"a", "a", tail.Complete}, {"b", "b", tail.Unfinished}}},
		"torn between CR and LF":       {"a\r", []short{{"a", "a", tail.Unfinished}}},
		"only a CR":                    {"\r", []short{{"", "", tail.Unfinished}}},
		"mark":                         {"\xef\xbb\xbf#a\nb\n", []short{{"#a", "\xef\xbb\xbf#a", tail.Complete}, {"b", "b", tail.Complete}}},
		"only a mark":                  {"\xef\xbb\xbf", []short{{"", "\xef\xbb\xbf", tail.Unfinished}}},
		"mark inside is text":          {"a\n\xef\xbb\xbfb\n", []short{{"a", "a", tail.Complete}, {"\xef\xbb\xbfb", "\xef\xbb\xbfb", tail.Complete}}},
		"NULs reserved and not filled": {"a\n\x00\x00\x00", []short{{"a", "a", tail.Complete}, {"", "\x00\x00\x00", tail.Padding}}},
		"NULs after half a line":       {"a\x00\x00", []short{{"a\x00\x00", "a\x00\x00", tail.Unfinished}}},
		"NULs before the next line":    {"a\n\x00\x00b\r\nc\n", []short{{"a", "a", tail.Complete}, {"b", "\x00\x00b", tail.Complete}, {"c", "c", tail.Complete}}},
		"a line of NULs":               {"\x00\x00\r\na\n", []short{{"", "\x00\x00", tail.Padding}, {"a", "a", tail.Complete}}},
		"NULs after a mark":            {"\xef\xbb\xbf\x00\x00a\n", []short{{"a", "\xef\xbb\xbf\x00\x00a", tail.Complete}}},
		"NULs at the head are no UTF-16": {"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00a\n",
			[]short{{"a", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00a", tail.Complete}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ls := linesOf(t, strings.NewReader(tt.file))
			tiles(t, ls, len(tt.file))
			var got []short
			for _, l := range ls {
				got = append(got, short{l.Text, l.Raw, l.State})
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got  %v\nwant %v", got, tt.want)
			}
			sameLines(t, "against the promise", ls, naive([]byte(tt.file)))
		})
	}
}

// filler yields n bytes of c and then what follows, without holding them.
func filler(c byte, n int64, then string) io.Reader {
	return io.MultiReader(io.LimitReader(endless(c), n), strings.NewReader(then))
}

type endless byte

func (e endless) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	p[0] = byte(e)
	for n := 1; n < len(p); n *= 2 {
		copy(p[n:], p[:n])
	}
	return len(p), nil
}

func TestLongestLine(t *testing.T) {
	t.Parallel()
	const max = tail.MaxLine
	tests := map[string]struct {
		fill  byte
		n     int64
		then  string
		state tail.State
		size  int64 // of the text
	}{
		"longest, LF":                {'a', max, "\nb\n", tail.Complete, max},
		"longest, CRLF":              {'a', max, "\r\nb\n", tail.Complete, max},
		"longest, unfinished":        {'a', max, "", tail.Unfinished, max},
		"longest, torn CRLF":         {'a', max, "\r", tail.Unfinished, max},
		"one more, LF":               {'a', max + 1, "\nb\n", tail.TooLong, 0},
		"one more, CRLF":             {'a', max + 1, "\r\nb\n", tail.TooLong, 0},
		"one more is a CR":           {'a', max, "\r\r\nb\n", tail.TooLong, 0},
		"one more, unfinished":       {'a', max + 1, "", tail.TooLong, 0},
		"several buffers":            {'a', 5*max + 3, "\r\nb\n", tail.TooLong, 0},
		"several buffers unfinished": {'a', 5 * max, "", tail.TooLong, 0},
		"NULs, LF":                   {0, 5*max + 3, "\nb\n", tail.Padding, 0},
		"NULs, CRLF":                 {0, 5*max + 4, "\r\nb\n", tail.Padding, 0},
		"NULs to the end":            {0, 5 * max, "", tail.Padding, 0},
		"NULs, then text":            {0, 5 * max, "a\nb\n", tail.TooLong, 0},
		"text, then NULs":            {'a', 2 * max, strings.Repeat("\x00", 3*max) + "\nb\n", tail.TooLong, 0},
		"NULs one more":              {0, max + 1, "\nb\n", tail.Padding, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, err := io.ReadAll(filler(tt.fill, tt.n, tt.then))
			if err != nil {
				t.Fatal(err)
			}
			want := naive(file)
			if want[0].State != tt.state || int64(len(want[0].Text)) != tt.size {
				t.Fatalf("the test itself is wrong: %v", want[0])
			}
			sameLines(t, "whole", linesOf(t, bytes.NewReader(file)), want)
			var s tail.Scanner
			s.Reset(filler('a', max, "\n"), 0, tail.Detect)
			rest(t, &s)
			second := append([]byte("\n"), file...)
			s.Reset(bytes.NewReader(second), 0, tail.Detect)
			sameLines(t, "as second line, in a buffer that has grown", rest(t, &s), naive(second))
			rng := rand.New(rand.NewPCG(1, uint64(tt.n)))
			sameLines(t, "short reads", linesOf(t, shortReads{bytes.NewReader(file), rng, 70_000}), want)
			sameLines(t, "cut", linesOfSpans(t, file, cutAtRandom(rng, len(file))), want)
		})
	}
}

// Not parallel: it looks at the memory of the process.
func TestLineOf200MBIsCountedInBoundedMemory(t *testing.T) {
	const size = 200 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s := tail.NewScanner(filler('a', size, "\nb\n"))
	var states []tail.State
	var sizes []int64
	for s.Next() {
		states, sizes = append(states, s.State()), append(sizes, s.Size())
	}
	runtime.ReadMemStats(&after)
	if !slices.Equal(states, []tail.State{tail.TooLong, tail.Complete}) || !slices.Equal(sizes, []int64{size + 1, 2}) {
		t.Errorf("got %v of %v bytes", states, sizes)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
		t.Errorf("took %d bytes", used)
	}
}

// Not parallel: testing.AllocsPerRun.
func TestNoAllocationPerLineOrFile(t *testing.T) {
	log := logOf(3 << 20)
	wide := utf16Bytes(string(log[:1<<20]), false, true)
	r := bytes.NewReader(nil)
	var s tail.Scanner
	read := func() {
		r.Reset(log)
		s.Reset(r, 0, tail.Detect)
		for s.Next() {
		}
		s.ResetSpan(r, tail.Span{From: 1 << 20, To: 2 << 20})
		for s.Next() {
		}
		r.Reset(wide)
		s.Reset(r, 0, tail.Detect)
		for s.Next() {
		}
	}
	if n := testing.AllocsPerRun(3, read); n != 0 {
		t.Errorf("%v allocations per run", n)
	}
}

func TestAnyCutAnyReadSameLines(t *testing.T) {
	t.Parallel()
	pieces := []string{"\n", "\r\n", "\r", "\x00", "\x00\x00\x00\x00\n", "a", "2023-01-09 19:00:01 10.0.0.1 GET /ews - 443\r\n", "\xef\xbb\xbf", "é", strings.Repeat("x", 700) + "\n", strings.Repeat("long", 70_000) + "\r\n"}
	for seed := range uint64(16) {
		rng := rand.New(rand.NewPCG(seed, 7))
		var file []byte
		for range rng.IntN(60) {
			file = append(file, pieces[rng.IntN(len(pieces))]...)
		}
		want := naive(file)
		tiles(t, want, len(file))
		sameLines(t, "whole", linesOf(t, bytes.NewReader(file)), want)
		sameLines(t, "short reads", linesOf(t, shortReads{bytes.NewReader(file), rng, 500}), want)
		sameLines(t, "data with error", linesOf(t, iotest.DataErrReader(bytes.NewReader(file))), want)
		for range 3 {
			sameLines(t, "cut", linesOfSpans(t, file, cutAtRandom(rng, len(file))), want)
		}
	}
}

func TestEveryCutOfASmallFile(t *testing.T) {
	t.Parallel()
	file := []byte("\xef\xbb\xbfone\r\n\ntwo\n\x00\x00three\r\nfour")
	want := naive(file)
	for part := int64(1); part <= int64(len(file))+1; part++ {
		sameLines(t, fmt.Sprintf("parts of %d", part), linesOfSpans(t, file, tail.Cut(int64(len(file)), part)), want)
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	tests := []struct {
		size, part int64
		want       []tail.Span
	}{
		{0, 10, nil},
		{-1, 10, nil},
		{10, 0, []tail.Span{{From: 0, To: 10}}},
		{10, 10, []tail.Span{{From: 0, To: 10}}},
		{11, 10, []tail.Span{{From: 0, To: 10}, {From: 10, To: 11}}},
	}
	for _, tt := range tests {
		if got := tail.Cut(tt.size, tt.part); !slices.Equal(got, tt.want) {
			t.Errorf("Cut(%d, %d) = %v, want %v", tt.size, tt.part, got, tt.want)
		}
	}
}

func TestLinesBeforeAnErrorStand(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk on fire")
	s := tail.NewScanner(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)))
	var got []string
	for s.Next() {
		got = append(got, fmt.Sprintf("%s %v", s.Text(), s.State()))
	}
	if !slices.Equal(got, []string{"a complete", "b unfinished"}) || !errors.Is(s.Err(), broken) {
		t.Errorf("got %q, %v", got, s.Err())
	}
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestReaderThatNeverYieldsEnds(t *testing.T) {
	t.Parallel()
	s := tail.NewScanner(idle{})
	if s.Next() || !errors.Is(s.Err(), io.ErrNoProgress) {
		t.Errorf("got %v", s.Err())
	}
}

func TestScannerWithoutInput(t *testing.T) {
	t.Parallel()
	var s tail.Scanner
	if s.Next() || s.Err() != nil || len(s.Text())+len(s.Raw()) != 0 {
		t.Error("the zero Scanner has lines")
	}
}

func TestResetForgetsTheFileBefore(t *testing.T) {
	t.Parallel()
	s := tail.NewScanner(bytes.NewReader(utf16Bytes("wide enough\nx", false, true)))
	s.Next()
	s.Reset(strings.NewReader("a\nb"), 100, tail.Detect)
	sameLines(t, "after Reset", rest(t, s), []line{
		{Text: "a", Raw: "a", Offset: 100, Size: 2, Terminated: true},
		{Text: "b", Raw: "b", Offset: 102, Size: 1, State: tail.Unfinished},
	})
}

func FuzzScanner(f *testing.F) {
	for _, seed := range []string{"", "a\nb", "a\r\n\r\n", "\x00\x00a\n\x00", "\xef\xbb\xbf#a\r\nb", "\xff\xfea\x00\n\x00", "\xfe\xff\x00a\x00\n\x00"} {
		f.Add([]byte(seed), uint64(1))
	}
	f.Add(utf16Bytes("#Software: x\r\n😀\u0a0a\r\n", false, false), uint64(2))
	f.Fuzz(func(t *testing.T, file []byte, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 3))
		whole := linesOf(t, bytes.NewReader(file))
		tiles(t, whole, len(file))
		sameLines(t, "one byte", linesOf(t, iotest.OneByteReader(bytes.NewReader(file))), whole)
		sameLines(t, "short reads", linesOf(t, shortReads{bytes.NewReader(file), rng, 40}), whole)
		if tail.EncodingOf(file) != tail.UTF8 {
			return
		}
		sameLines(t, "against the promise", whole, naive(file))
		sameLines(t, "cut", linesOfSpans(t, file, cutAtRandom(rng, len(file))), whole)
	})
}
