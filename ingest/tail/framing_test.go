package tail_test

import (
	"bytes"
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

var arrays = [][]string{{"records"}, {"value"}, {"authlogs"}, {"response", "authlogs"}}

func form(f tail.Framing) tail.Form { return tail.Form{Framing: f, Arrays: arrays} }

func framed(t testing.TB, r io.Reader, f tail.Framing, at tail.Mark) *tail.Scanner {
	t.Helper()
	s := new(tail.Scanner)
	if err := s.ResetForm(r, form(f), at); err != nil {
		t.Fatal(err)
	}
	return s
}

func recordsOf(t testing.TB, r io.Reader, f tail.Framing) []line {
	t.Helper()
	return rest(t, framed(t, r, f, tail.Mark{}))
}

// inParts reads a file as a checkpoint does: what stands before each cut to its end, and then on from where it is sure.
// wrap makes of each part's reader another one.
func inParts(t testing.TB, file []byte, f tail.Framing, cuts []int, wrap func(io.Reader) io.Reader) []line {
	t.Helper()
	at := tail.Mark{Encoding: tail.EncodingOf(file)}
	var ls []line
	s := new(tail.Scanner)
	for _, cut := range append(cuts, len(file)) {
		if int64(cut) < at.Offset {
			continue
		}
		if err := s.ResetForm(wrap(bytes.NewReader(file[at.Offset:cut])), form(f), at); err != nil {
			t.Fatal(err)
		}
		sure := true
		for s.Next() {
			if !s.Terminated() {
				sure = false
				at.Offset, at.Context = s.Offset(), s.Context()
				if cut == len(file) {
					ls = append(ls, current(s))
				}
				break
			}
			ls = append(ls, current(s))
			at.Offset, at.Context = s.Offset()+s.Size(), s.Context()
		}
		if sure {
			at.Offset, at.Context = s.Offset(), s.Context()
		}
		if len(at.Context) > 256 {
			t.Fatalf("a context of %d bytes", len(at.Context))
		}
	}
	return ls
}

func asIs(r io.Reader) io.Reader { return r }

// inOrder checks that records lie within the file, do not overlap, and are what stands there.
func inOrder(t testing.TB, ls []line, file []byte) {
	t.Helper()
	var at int64
	for i, l := range ls {
		if l.Offset < at || l.Size <= 0 || l.Offset+l.Size > int64(len(file)) {
			t.Fatalf("record %d: %v, behind %d, in %d bytes", i, l, at, len(file))
		}
		at = l.Offset + l.Size
		if raw := string(file[l.Offset:at]); !strings.HasPrefix(raw, l.Raw) || l.Raw == "" && l.State == tail.Complete && l.Size > 4 {
			t.Fatalf("record %d: %v is not what stands there: %.80q", i, l, raw)
		}
		if l.Terminated && l.State == tail.Unfinished || !l.Terminated && l.State == tail.Complete {
			t.Fatalf("record %d: %v", i, l)
		}
	}
}

// The tests of a framing: a file, and its records in short: their text, with the state before it if it is not complete.
var framings = map[tail.Framing]map[string]struct {
	file string
	want []string
}{
	tail.JSON: {
		"empty":                     {"", nil},
		"blanks":                    {" \r\n\t", nil},
		"one document":              {`{"a":1}`, []string{`{"a":1}`}},
		"documents":                 {`{"a":1}{"b":2} {"c":3}` + "\n" + `{"d":4}`, []string{`{"a":1}`, `{"b":2}`, `{"c":3}`, `{"d":4}`}},
		"array":                     {`[{"a":1},{"b":2}]`, []string{`{"a":1}`, `{"b":2}`}},
		"array, pretty":             {"[\r\n  {\r\n    \"a\": 1\r\n  },\r\n  {\r\n    \"b\": [ {\"x\": 1}, {\"x\": 2} ]\r\n  }\r\n]\r\n", []string{"{\r\n    \"a\": 1\r\n  }", "{\r\n    \"b\": [ {\"x\": 1}, {\"x\": 2} ]\r\n  }"}},
		"byte order mark":           {"\xef\xbb\xbf[{\"a\":1}]", []string{`{"a":1}`}},
		"marks between files":       {"\xef\xbb\xbf[{\"a\":1}]\xef\xbb\xbf[{\"b\":1}]", []string{`{"a":1}`, `{"b":1}`}},
		"wrapper":                   {`{"@odata.context":"x","value":[{"a":1},{"b":2}],"@odata.nextLink":"https://x/?$skiptoken={[\""}`, []string{`{"a":1}`, `{"b":2}`}},
		"wrapper, other case":       {`{"Value":[{"a":1}],"Count":1}`, []string{`{"a":1}`}},
		"wrapper of two keys":       {`{"stat":"OK","response":{"metadata":{"next_offset":["1","2"],"authlogs":[{"no":1}]},"authlogs":[{"a":1},{"b":2}],"more":[{"no":1}]}}`, []string{`{"a":1}`, `{"b":2}`}},
		"the inner wrapper alone":   {`{"authlogs":[{"a":1}],"metadata":{}}`, []string{`{"a":1}`}},
		"an array too deep":         {`{"x":{"value":[{"a":1}]}}`, []string{`{"x":{"value":[{"a":1}]}}`}},
		"a wrapper in an array":     {`[{"value":[{"a":1}]}]`, []string{`{"value":[{"a":1}]}`}},
		"an array of no objects":    {`{"value":[1,2]}`, []string{`{"value":[1,2]}`}},
		"no array":                  {`{"value":{"a":[{}]}} {"records":"[{"}`, []string{`{"value":{"a":[{}]}}`, `{"records":"[{"}`}},
		"an empty wrapper":          {`{"value":[ ],"x":{"y":[]}} {"a":1}`, []string{`{"a":1}`}},
		"two arrays in a wrapper":   {`{"value":[],"records":[{"a":1}],"authlogs":[{"b":1}]}`, []string{`{"a":1}`, `{"b":1}`}},
		"wrappers line by line":     {"{\"records\":[{\"a\":1},{\"b\":2}]}\r\n{\"records\":[{\"c\":3}]}\r\n", []string{`{"a":1}`, `{"b":2}`, `{"c":3}`}},
		"escapes":                   {`[{"a":"\"}],[{\\"},{"b":"\\\"\\\\"},{"c":"é\u0022"}]`, []string{`{"a":"\"}],[{\\"}`, `{"b":"\\\"\\\\"}`, `{"c":"é\u0022"}`}},
		"no objects":                {"[1, \"a,b]\" ,null,[2,[3]],-1.5e3\n,true]", []string{`1`, `"a,b]"`, `null`, `[2,[3]]`, `-1.5e3`, `true`}},
		"a word at the end":         {`[1,2`, []string{`1`, `unfinished 2`}},
		"truncated":                 {`{"value":[{"a":1},{"b":`, []string{`{"a":1}`, `unfinished {"b":`}},
		"truncated between":         {`{"value":[{"a":1},`, []string{`{"a":1}`}},
		"truncated behind":          {`{"value":[{"a":1}],"@odata.nextLi`, []string{`{"a":1}`}},
		"no JSON":                   {"hello world\r\n{\"a\":1}\nmore", []string{"hello world", `{"a":1}`, `unfinished more`}},
		"before JSON":               {"Nov 1 10:00:00 fw1 duo: {\"a\":1}\n", []string{"Nov 1 10:00:00 fw1 duo:", `{"a":1}`}},
		"padding":                   {"[{\"a\":1}\x00\x00\x00", []string{`{"a":1}`, "padding "}},
		"padding written over":      {"[{\"a\":1},\x00\x00{\"b\":1}]\x00", []string{`{"a":1}`, "padding ", `{"b":1}`, "padding "}},
		"NULs behind a wrapper":     {"{\"value\":[{\"a\":1}],\"x\":\"y\x00\x00", []string{`{"a":1}`, "padding "}},
		"a quote too many":          {`[{"a":1},{"b":"x"y"},{"c":3},{"d":4},{"e":5}]`, []string{`{"a":1}`, `{"b":"x"y"},`, `{"c":3}`, `{"d":4}`, `{"e":5}`}},
		"a quote too few":           {`[{"a":1},{"b":"x},{"c":3},{"d":4},{"e":5}]`, []string{`{"a":1}`, `{"b":"x},{"c":3},`, `{"d":4}`, `{"e":5}`}},
		"a quote between":           {`[{"a":1}",{"b":2},{"c":3}]`, []string{`{"a":1}`, `",{"`, `b":2}`, `{"c":3}`}},
		"a brace too few":           {`[{"a":{"x":1},{"b":2},{"c":3}]`, []string{`{"a":{"x":1},`, `{"b":2}`, `{"c":3}`}},
		"a brace too many":          {`[{"a":1}},{"b":2},{"c":3}]`, []string{`{"a":1}`, `{"b":2}`, `{"c":3}`}},
		"a bracket too few":         {`[{"a":[1,2},{"b":2},{"c":3}]`, []string{`{"a":[1,2},`, `{"b":2}`, `{"c":3}`}},
		"a line torn in a string":   {"{\"a\":\"x\n{\"b\":\"y\"}\n{\"c\":1}\n", []string{`{"a":"x`, `{"b":"y"}`, `{"c":1}`}},
		"a line torn elsewhere":     {"{\"a\":{\"x\":1\n{\"b\":\"y\"}\n{\"a\":1,\n{\"b\":2}\n{\"a\"\n{\"c\":1}\n", []string{`{"a":{"x":1`, `{"b":"y"}`, `{"a":1,`, `{"b":2}`, `{"a"`, `{"c":1}`}},
		"a wrapper torn":            {"{\"records\":[{\"a\":1}],\"next\":\"ht\n{\"records\":[{\"b\":1}]}\n", []string{`{"a":1}`, `{"b":1}`}},
		"a wrapper torn in its key": {"{\"records\":[{\"a\":1}],\"ne\n{\"records\":[{\"b\":1}]}\n", []string{`{"a":1}`, `{"b":1}`}},
		"a record torn in its key":  {"{\"records\":[{\"a\":1},{\"x\n{\"b\":1},{\"c\":2}]}\n", []string{`{"a":1}`, `{"x`, `{"b":1}`, `{"c":2}`}},
		"a string with a line end":  {"{\"a\":\"x\ny\"}\n{\"b\":1}", []string{"{\"a\":\"x\ny\"}", `{"b":1}`}},
		"stray brackets":            {`]}{"a":1}],}[{"b":1}`, []string{`{"a":1}`, `{"b":1}`}},
	},
	tail.XML: {
		"empty":               {"", nil},
		"concatenated":        {"<Event a='1'>x</Event><Event>y</Event>", []string{"<Event a='1'>x</Event>", "<Event>y</Event>"}},
		"lines":               {"<Event xmlns='u'><System/></Event>\r\n<Event xmlns='u'><System/></Event>\r\n", []string{"<Event xmlns='u'><System/></Event>", "<Event xmlns='u'><System/></Event>"}},
		"root and prolog":     {"\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-16\" standalone='yes'?>\r\n<!-- <Event>no</Event> --><Events>\r\n<Event>1</Event>\r\n<Event>2</Event>\r\n</Events>", []string{"<Event>1</Event>", "<Event>2</Event>"}},
		"prefixes and case":   {"<e:Event x:y='1'>a</e:Event><EVENT>b</EVENT><event/>", []string{"<e:Event x:y='1'>a</e:Event>", "<EVENT>b</EVENT>", "<event/>"}},
		"other names":         {"<Eventing><Event><EventID>1</EventID><EventData><Data Name='a>b'>x</Data></EventData><Event.X></Event.X></Event></Eventing><EventX/>", []string{"<Event><EventID>1</EventID><EventData><Data Name='a>b'>x</Data></EventData><Event.X></Event.X></Event>"}},
		"no end":              {"<Event><![CDATA[</Event>]]><!-- </Event> --><?x </Event> ?>&lt;/Event&gt;</Event >", []string{"<Event><![CDATA[</Event>]]><!-- </Event> --><?x </Event> ?>&lt;/Event&gt;</Event >"}},
		"within one another":  {"<Event><UserData><Event>x</Event><Event a='/'/></UserData></Event><Event/>", []string{"<Event><UserData><Event>x</Event><Event a='/'/></UserData></Event>", "<Event/>"}},
		"empty ones":          {"<Event a='/>'/><Event a=\"</Event>\"></Event>", []string{"<Event a='/>'/>", "<Event a=\"</Event>\"></Event>"}},
		"torn":                {"<Event><System>a</Sys<Event><System>b</System></Event>", []string{"<Event><System>a</Sys", "<Event><System>b</System></Event>"}},
		"torn, with prefixes": {"<e:Event>\n<e:System>a</e:Sys\n<e:Event a='1'>\n <!-- x --> <e:System>b</e:System></e:Event>", []string{"<e:Event>\n<e:System>a</e:Sys", "<e:Event a='1'>\n <!-- x --> <e:System>b</e:System></e:Event>"}},
		"truncated":           {"<Event>a</Event><Event>b</Eve", []string{"<Event>a</Event>", "unfinished <Event>b</Eve"}},
		"truncated tag":       {"<Event>a</Event><Eve", []string{"<Event>a</Event>"}},
		"padding":             {"<Event/>\x00\x00<!-- \x00 --><Event/>", []string{"<Event/>", "padding ", "padding ", "<Event/>"}},
		"no XML":              {"hello < world </ > <> <!x <? <Event/>?><Event/>", []string{"<Event/>"}},
	},
	tail.CSV: {
		"empty":                  {"", nil},
		"lines":                  {"a,b\r\n1,2\r\n\r\n3,4", []string{"a,b", "1,2", "", "unfinished 3,4"}},
		"PowerShell":             {"\xef\xbb\xbf#TYPE Selected.System.Object\r\n\"Id\",\"Message\"\r\n\"1\",\"a\r\n\r\nb \"\"c\"\"\r\n\"\r\n\"2\",\"\"\r\n", []string{"#TYPE Selected.System.Object", "\"Id\",\"Message\"", "\"1\",\"a\r\n\r\nb \"\"c\"\"\r\n\"", "\"2\",\"\""}},
		"semicolons and tabs":    {"a;\"b\nc\"\td\n\"e\n\"\t\"f\n\"\n", []string{"a;\"b\nc\"\td", "\"e\n\"\t\"f\n\""}},
		"quotes in a field":      {"5\" disk,\"x\"\n\"a \"b\" c\",d\n", []string{"5\" disk,\"x\"", "\"a \"b\" c\",d"}},
		"quotes of quotes":       {"\"\"\"\n\"\"\",\"\"\n", []string{"\"\"\"\n\"\"\",\"\""}},
		"a blank behind a quote": {"\"a\nb\" ,c\nd\n", []string{"\"a\nb\" ,c", "d"}},
		"a stray quote":          {"\"1\",\"a,b\n\"2\",\"c\"\n\"3\",\"d\"\n", []string{"\"1\",\"a,b", "\"2\",\"c\"", "\"3\",\"d\""}},
		"no end of a quote":      {"1,\"a\n2,b\n", []string{"unfinished 1,\"a\n2,b\n"}},
		"padding":                {"\x00\x00a\n\x00\n\x00", []string{"padding ", "a", "padding ", "", "padding "}},
	},
	tail.Blocks: {
		"empty":           {"", nil},
		"blank lines":     {"\r\n\r\n\n", nil},
		"Format-List":     {"\r\n\r\nId      : 1\r\nMessage : a\r\n          \r\n          b : c\r\n\r\nId      : 2\r\n\r\n\r\n", []string{"Id      : 1\r\nMessage : a\r\n          \r\n          b : c", "Id      : 2"}},
		"no line end":     {"a : 1\n\nb : 2\n", []string{"a : 1", "unfinished b : 2\n"}},
		"carriage return": {"a\n\r\nb\n\n", []string{"a", "b"}},
		"padding":         {"a : 1\n\n\x00\x00b : 2\n\n\x00", []string{"a : 1", "padding ", "b : 2", "padding "}},
	},
}

func TestFramings(t *testing.T) {
	t.Parallel()
	for f, tests := range framings {
		for name, tt := range tests {
			t.Run(f.String()+"/"+name, func(t *testing.T) {
				t.Parallel()
				ls := recordsOf(t, strings.NewReader(tt.file), f)
				if got := inShort(ls); !slices.Equal(got, tt.want) {
					t.Errorf("got  %q\nwant %q", got, tt.want)
				}
				inOrder(t, ls, []byte(tt.file))
				anyCut(t, []byte(tt.file), f, ls)
				for _, bigEndian := range []bool{false, true} {
					text := strings.ReplaceAll(tt.file, "\xef\xbb\xbf", "\ufeff")
					wide := utf16Bytes(text, bigEndian, !strings.HasPrefix(text, "\ufeff"))
					if len(text) == 0 {
						continue
					}
					ls := recordsOf(t, bytes.NewReader(wide), f)
					if got := inShort(ls); !slices.Equal(got, tt.want) {
						t.Errorf("UTF-16: got  %q\nwant %q", got, tt.want)
					}
					inOrder(t, ls, wide)
					anyCut(t, wide, f, ls)
				}
			})
		}
	}
}

func inShort(ls []line) []string {
	var got []string
	for _, l := range ls {
		if l.State != tail.Complete {
			l.Text = l.State.String() + " " + l.Text
		}
		got = append(got, l.Text)
	}
	return got
}

// anyCut checks that a file reads the same however it comes: byte by byte, and in two parts cut anywhere.
func anyCut(t testing.TB, file []byte, f tail.Framing, want []line) {
	t.Helper()
	sameLines(t, "byte by byte", recordsOf(t, iotest.OneByteReader(bytes.NewReader(file)), f), want)
	for cut := range file {
		sameLines(t, fmt.Sprintf("cut at %d", cut), inParts(t, file, f, []int{cut}, asIs), want)
	}
	every := make([]int, len(file))
	for i := range every {
		every[i] = i
	}
	sameLines(t, "cut everywhere", inParts(t, file, f, every, asIs), want)
}

// pieces are what random files of a framing are made of.
var pieces = map[tail.Framing][]string{
	tail.JSON: {`{`, `}`, `[`, `]`, `,`, `:`, `"`, `\`, "\n", " ", `"a"`, `{"a":1}`, `{"value":[`, `"response":{`, `"authlogs":[`, `],"x":"y"}`, `{"b":"` + strings.Repeat("x", 900) + `"},`, "\x00", "é", "1", `{"c":[{"d":"e\"f"},{"d":null}]},`, "{\r\n \"x\"\r\n:[]}"},
	tail.XML: {"<", ">", "/", "'", "<Event>", "</Event>", "<Events>", "</Events>", "<Event a='1'><System>x</System>", "<!--", "-->", "<![CDATA[", "]]>", "<?", "?>", "<e:Event/>", "x", "\r\n", "\x00", "é",
		"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System/><EventData>&lt;Event&gt;</EventData></Event>"},
	tail.CSV:    {`"`, `""`, ",", ";", "\n", "\r\n", "a", " ", "\x00", "é", "\"a\r\nb\",\"c\"\r\n", "#TYPE x\r\n", strings.Repeat("x", 700)},
	tail.Blocks: {"\n", "\r\n", "\r", " ", "Id : 1\r\n", "Message : a\r\n          b\r\n", "\r\n\r\n", "\x00", "é", "x"},
}

func TestPartsReadAsTheWhole(t *testing.T) {
	t.Parallel()
	for f, pieces := range pieces {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(150) {
				rng := rand.New(rand.NewPCG(seed, 11))
				var text strings.Builder
				for range rng.IntN(60) {
					text.WriteString(pieces[rng.IntN(len(pieces))])
				}
				file := []byte(text.String())
				if seed%3 > 0 {
					file = utf16Bytes(text.String(), seed%3 == 1, true)
				}
				want := recordsOf(t, bytes.NewReader(file), f)
				inOrder(t, want, file)
				short := func(r io.Reader) io.Reader { return shortReads{r, rng, 50} }
				sameLines(t, "short reads", recordsOf(t, short(bytes.NewReader(file)), f), want)
				for range 4 {
					var cuts []int
					for at := rng.IntN(40); at < len(file); at += 1 + rng.IntN(60) {
						cuts = append(cuts, at)
					}
					sameLines(t, fmt.Sprintf("seed %d, cut at %d", seed, cuts), inParts(t, file, f, cuts, short), want)
				}
			}
		})
	}
}

func TestLongRecords(t *testing.T) {
	t.Parallel()
	const max = tail.MaxLine
	long := strings.Repeat("x", max)
	deep := strings.Repeat(`[{"a":1},{"a":2}],`, max/10)
	tests := map[string]struct {
		f    tail.Framing
		file string
		want []string // with xs and the like left out
	}{
		"an object":            {tail.JSON, `[{"a":"` + long[7:] + `"},{"b":"` + long[8:] + `"},{"c":1}]`, []string{`too long `, `{"b":""}`, `{"c":1}`}},
		"an object of objects": {tail.JSON, `[{"a":[` + deep + `0]},{"c":1}]`, []string{`too long `, `{"c":1}`}},
		"a document":           {tail.JSON, `{"a":[` + deep + `0]}` + "\n" + `{"c":1}`, []string{`too long `, `{"c":1}`}},
		"before the records":   {tail.JSON, `{"x":[` + deep + `0],"value":[{"c":1}],"y":"` + long + long + `"}{"d":1}`, []string{`{"c":1}`, `{"d":1}`}},
		"unfinished":           {tail.JSON, `[{"a":"` + long, []string{`too long `}},
		"a string":             {tail.JSON, `["` + long + `","a"]`, []string{`too long `, `"a"`}},
		"a word":               {tail.JSON, `[` + long + `x,"a"]`, []string{`too long `, `"a"`}},
		"no JSON":              {tail.JSON, long + long + "\n{\"a\":1}", []string{`too long `, `{"a":1}`}},
		"a quote and no line":  {tail.JSON, `[{"a":"` + long + `,{"b":1},{"c":1},{"d":1}]`, []string{`too long `, `{"c":1}`, `{"d":1}`}},
		"a bracket and no end": {tail.JSON, `[{"a":[` + strings.Repeat(`{"b":1},`, 17*max/8) + `{"c":1}]`, []string{`too long `, `{"b":1}`, `{"c":1}`}},
		"an event":             {tail.XML, "<Event>" + long + "</Event><Event/>", []string{"too long ", "<Event/>"}},
		"a torn event":         {tail.XML, "<Event><System>" + long + "<Event a='1'><System/></Event>", []string{"too long ", "<Event a='1'><System/></Event>"}},
		"a torn comment":       {tail.XML, "<!-- " + long + long + "<Event/>", []string{"<Event/>"}},
		"a torn section":       {tail.XML, "<Event><![CDATA[ " + long + "</Event><Event/>", []string{"too long ", "<Event/>"}},
		"a line":               {tail.CSV, long + "x\na\n", []string{"too long ", "a"}},
		"the longest line":     {tail.CSV, long + "\r\na\n", []string{"", "a"}},
		"a quoted line":        {tail.CSV, "\"" + long + "\"\n\"a\nb\"\n", []string{"too long ", "\"a\nb\""}},
		"a stray quote":        {tail.CSV, "1,\"a\n" + strings.Repeat("2,b\n", max/8) + "3,c\n", []string{"1,\"a", "2,b", "3,c"}},
		"a block":              {tail.Blocks, "a : " + long + "\nb\n\nc\n\n", []string{"too long ", "c"}},
		"padding":              {tail.JSON, "[" + strings.Repeat("\x00", 3*max) + "{\"a\":1}]", []string{"padding ", `{"a":1}`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(3, uint64(len(tt.file))))
			for _, file := range [][]byte{[]byte(tt.file), utf16Bytes(tt.file, false, true)} {
				if len(file) > 20*max {
					break // it has been seen by now
				}
				ls := recordsOf(t, bytes.NewReader(file), tt.f)
				inOrder(t, ls, file)
				if len(file) == len(tt.file) {
					var got []string
					for _, text := range inShort(ls) {
						if text = strings.ReplaceAll(text, "x", ""); len(got) == 0 || text != got[len(got)-1] {
							got = append(got, text)
						}
					}
					if !slices.Equal(got, tt.want) {
						t.Errorf("got  %.200q\nwant %q", got, tt.want)
					}
				}
				short := func(r io.Reader) io.Reader { return shortReads{r, rng, 300_000} }
				sameLines(t, "short reads", recordsOf(t, short(bytes.NewReader(file)), tt.f), ls)
				sameLines(t, "cut", inParts(t, file, tt.f, []int{len(file) / 3 &^ 1, len(file) - 9, len(file) - 2}, short), ls)
			}
		})
	}
}

// Not parallel: it looks at the memory of the process.
func TestArrayOf200MBInBoundedMemory(t *testing.T) {
	element := []byte(`{"id":"00000000-0000-0000-0000-000000000000","userPrincipalName":"anna@contoso.com","status":{"errorCode":0},"note":"` + strings.Repeat("x", 300) + `"},`)
	const n = 200 << 20 / 400
	file := io.MultiReader(strings.NewReader(`{"@odata.context":"`), io.LimitReader(endless('x'), 40<<20), strings.NewReader(`","value":[`),
		&again{text: element, times: n}, strings.NewReader(`{"last":1}],"more":[`), io.LimitReader(endless('['), 40<<20), strings.NewReader(`]`))
	var before, after runtime.MemStats
	s := framed(t, file, tail.JSON, tail.Mark{})
	runtime.ReadMemStats(&before)
	records := 0
	for s.Next() {
		records++
		if s.State() != tail.Complete {
			t.Fatalf("record %d is %v", records, s.State())
		}
	}
	runtime.ReadMemStats(&after)
	if records != n+1 || s.Err() != nil {
		t.Errorf("%d records, not %d; %v", records, n+1, s.Err())
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
		t.Errorf("took %d bytes", used)
	}
}

// again reads a text some times over.
type again struct {
	text  []byte
	at    int
	times int
}

func (a *again) Read(p []byte) (int, error) {
	if a.times == 0 {
		return 0, io.EOF
	}
	n := copy(p, a.text[a.at:])
	if a.at += n; a.at == len(a.text) {
		a.at = 0
		a.times--
	}
	return n, nil
}

func TestContextsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, context := range []string{"x", "\x08:\x01\x01\x01\x01\x00\x00\x00\x00\xff", "\xff\xff\xff\xff\xff\xff\xff\xff", strings.Repeat("\x01", 40)} {
		for _, f := range []tail.Framing{tail.Lines, tail.JSON, tail.XML, tail.CSV, tail.Blocks, 99} {
			s := new(tail.Scanner)
			if err := s.ResetForm(strings.NewReader("x\n\n"), form(f), tail.Mark{Offset: 7, Context: []byte(context)}); err == nil || s.Next() {
				t.Errorf("%v reads on with %q", f, context)
			}
		}
	}
	many := make([][]string, 33)
	for i := range many {
		many[i] = []string{"a"}
	}
	for _, arrays := range [][][]string{many, {{}}, {{"a", "b", "c", "d", "e"}}, {{strings.Repeat("a", 33)}}} {
		if err := new(tail.Scanner).ResetForm(nil, tail.Form{Framing: tail.JSON, Arrays: arrays}, tail.Mark{}); err == nil {
			t.Errorf("paths %q are taken", arrays)
		}
	}
}

// Not parallel: testing.AllocsPerRun.
func TestNoAllocationPerRecord(t *testing.T) {
	files := map[tail.Framing][]byte{
		tail.JSON:   []byte("[" + strings.Repeat(`{"a":"b"},`, 1000) + "1]"),
		tail.XML:    []byte(strings.Repeat("<Event>x</Event>", 1000)),
		tail.CSV:    []byte(strings.Repeat("\"a\nb\"\n", 1000)),
		tail.Blocks: []byte(strings.Repeat("a : 1\n\n", 1000)),
	}
	r := bytes.NewReader(nil)
	s := new(tail.Scanner)
	for f, file := range files {
		for _, file := range [][]byte{file, utf16Bytes(string(file), false, true)} {
			n := testing.AllocsPerRun(3, func() {
				r.Reset(file)
				if err := s.ResetForm(r, form(f), tail.Mark{}); err != nil {
					t.Fatal(err)
				}
				for s.Next() {
				}
			})
			if n > 1 { // form
				t.Errorf("%v: %v allocations per run", f, n)
			}
		}
	}
}

func FuzzFraming(f *testing.F) {
	for framing, tests := range framings {
		for _, tt := range tests {
			f.Add([]byte(tt.file), uint8(framing), uint64(1))
			f.Add(utf16Bytes(tt.file, false, true), uint8(framing), uint64(2))
		}
	}
	f.Fuzz(func(t *testing.T, file []byte, framing uint8, seed uint64) {
		f := tail.Framing(framing%4) + tail.JSON
		rng := rand.New(rand.NewPCG(seed, 3))
		whole := recordsOf(t, bytes.NewReader(file), f)
		inOrder(t, whole, file)
		sameLines(t, "one byte", recordsOf(t, iotest.OneByteReader(bytes.NewReader(file)), f), whole)
		short := func(r io.Reader) io.Reader { return shortReads{r, rng, 40} }
		var cuts []int
		for at := rng.IntN(20); at < len(file); at += 1 + rng.IntN(40) {
			cuts = append(cuts, at)
		}
		sameLines(t, "cut", inParts(t, file, f, cuts, short), whole)
	})
}
