//go:build linux

package ingest_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

// A reporter is a decoder of records {"time","user"}. It must be given the records that have a number, {"n"}, in their
// order, each once, however often it is made anew: it remembers the last of them.
type reporter struct {
	last int
	in   struct {
		Time time.Time `json:"time"`
		User string    `json:"user"`
		N    int       `json:"n"`
	}
}

func (d *reporter) Decode(record []byte, f *signin.Facts) ingest.Decoded {
	*f = signin.Facts{Kind: signin.HTTPProxy}
	d.in.User, d.in.N = "", 0
	switch err := json.Unmarshal(record, &d.in); {
	case string(record) == "null":
		return ingest.Blank
	case err != nil || d.in.User == "":
		f.Note = "no record"
		return ingest.Malformed
	case d.in.N > 0 && d.in.N != d.last+1:
		f.Note = "not the next record"
		return ingest.Malformed
	}
	d.last = max(d.last, d.in.N)
	f.Time, f.Account = d.in.Time.UnixMilli(), []byte(d.in.User)
	f.Server, f.Address, f.AuthType, f.Label, f.Path = []byte("EX01"), []byte("198.51.100.7"), []byte("Basic"), []byte("Ews"), []byte("/EWS/Exchange.asmx")
	f.Authenticated, f.Status = true, 200
	return ingest.Facts
}

func (d *reporter) Header() []byte   { return nil }
func (d *reporter) Reset([]byte)     { d.last = 0 }
func (d *reporter) Sessions() []byte { return binary.AppendUvarint(nil, uint64(d.last)) }
func (d *reporter) Restore(b []byte) error {
	n, _ := binary.Uvarint(b)
	d.last = int(n)
	return nil
}

// recognizeTales knows JSON, and what Exchange writes.
func recognizeTales(head []byte) ingest.Format {
	if bytes.Contains(head, []byte(`"user"`)) {
		return ingest.Format{Kind: signin.HTTPProxy, Name: "tales", Named: true, Framing: tail.JSON, Arrays: [][]string{{"records"}, {"response", "authlogs"}}, Decoder: func() ingest.Decoder { return &reporter{} }}
	}
	return exchange.Recognize(head)
}

func taleOf(n int) string {
	return fmt.Sprintf(`{"time": "2026-10-06T08:15:00Z", "n": %d, "user": "CONTOSO\\u%05d"}`, n, n)
}

func talesOf(from, to int, between string) string {
	var tales []string
	for n := from; n <= to; n++ {
		tales = append(tales, taleOf(n))
	}
	return strings.Join(tales, between)
}

// taleForms are documents with the tales 1 to 9.
func taleForms() map[string]string {
	array := "[\r\n  " + talesOf(1, 9, ",\r\n  ") + "\r\n]\r\n"
	return map[string]string{
		"array":            array,
		"on one line":      "[" + talesOf(1, 9, ",") + "]",
		"documents":        talesOf(1, 9, "\n") + "\n",
		"wrapper":          `{"stat":"OK","response":{"metadata":{"total":9},"authlogs":` + array + `,"next":["a",{"b":1}]}}`,
		"a wrapper a line": `{"records":[` + talesOf(1, 3, ",") + "]}\r\n" + `{"records":[` + talesOf(4, 4, ",") + "]}\r\n" + `{"records":[` + talesOf(5, 9, ",") + "]}\r\n",
		"several arrays":   "[" + talesOf(1, 5, ",") + "]\n[]\n[" + talesOf(6, 9, ",") + "]",
		"UTF-16":           wide(array),
		"UTF-16, wrapped":  wide(`{"records": ` + array + `, "more": {}}`),
	}
}

func taleOptions() ingest.Options {
	opt := options()
	opt.Recognize = recognizeTales
	return opt
}

func TestScanOfRecords(t *testing.T) {
	t.Parallel()
	for name, text := range taleForms() {
		for file, content := range map[string]string{"a.json": text, "a.json.gz": packed(text)} {
			t.Run(name+"/"+file, func(t *testing.T) {
				t.Parallel()
				opt := taleOptions()
				opt.PartSize = 100 // a log of records is not cut
				res := scan(t, folder(t, map[string]string{file: content}), opt)
				if l := res.Logs[0]; res.Counted != 9 || l.Lines.Total != 9 || l.State != ingest.Read || l.Offset != int64(len(text)) {
					t.Errorf("%d counted, %+v, %v, read to %d of %d", res.Counted, l.Lines, l.State, l.Offset, len(text))
				}
				n := 0
				err := res.Documents(t.Context(), func(doc []byte) error {
					n += bytes.Count(doc, []byte("\n"))
					return nil
				})
				if n != 9 || err != nil {
					t.Errorf("%d documents, %v", n, err)
				}
			})
		}
	}
}

func TestScanOfBrokenRecords(t *testing.T) {
	t.Parallel()
	long := `{"user":"` + strings.Repeat("x", tail.MaxLine) + `"}`
	text := `{"records":[` + talesOf(1, 2, ",") + `,7,{"user":"x"y"},` + long + "," + talesOf(3, 4, ",") + `,{"time":"2026`
	res := scan(t, folder(t, map[string]string{"a.json": text}), taleOptions())
	if l := res.Logs[0].Lines; l.SignIn != 4 || l.Malformed != 3 || l.Other != 1 || l.Total != 8 {
		t.Errorf("%+v, %v", l, res.Logs[0].Causes)
	}
}

// An export in UTF-16 and a packed one are copies; one that begins like it is not.
func TestCopiesOfRecords(t *testing.T) {
	t.Parallel()
	array := "[" + talesOf(1, 9, ",") + "]"
	res := scan(t, folder(t, map[string]string{"a.json": array, "b.json.gz": packed(array), "c.json": wide(array), "d.json": wide("[" + talesOf(1, 4, ",") + "]"), "e.json": "[" + talesOf(1, 2, ",")}), taleOptions())
	if res.Counted != 9 || res.Lines.Total != 9+9+9+4+2 {
		t.Errorf("%d counted of %+v", res.Counted, res.Lines)
	}
	other := "[" + talesOf(1, 3, ",") + `,{"time":"2026-10-06T08:15:00Z","user":"CONTOSO\\u00077"}]`
	res = scan(t, folder(t, map[string]string{"a.json": array, "b.json": other}), taleOptions())
	if res.Counted != 13 {
		t.Errorf("%d counted", res.Counted)
	}
}

func TestExplainOfRecords(t *testing.T) {
	t.Parallel()
	text := "\xef\xbb\xbf{\"records\": [\n" + talesOf(1, 2, ",\n") + ", 3]}"
	inputs, _ := tail.Find([]string{folder(t, map[string]string{"a.json": text})}, tail.FindOptions{})
	var got []string
	_, err := ingest.Explain(t.Context(), inputs, taleOptions(), func(e ingest.Explained) error {
		got = append(got, fmt.Sprintf("%d %v %s", e.Line, e.Verdict, text[e.Offset:e.Offset+int64(e.Length)]))
		return nil
	})
	if want := []string{"1 signin " + taleOf(1), "2 signin " + taleOf(2), "3 malformed 3"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got  %q, %v\nwant %q", got, err, want)
	}
}

// A document that grows in pieces of any size is read once, by one reader or by many.
func TestRecordsThatGrow(t *testing.T) {
	t.Parallel()
	for name, text := range taleForms() {
		for _, mode := range []string{"looked", "followed", "by another reader each time"} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				s.opt = taleOptions()
				if mode == "followed" {
					s.partly = true // it is not followed
					s.follow()
				}
				step := len(text)/7 + 1
				for at, to := 0, 1; at < len(text); at, to = to, to+step { // the first byte alone shows nothing
					s.append("a.json", text[at:min(to, len(text))])
					if mode == "followed" {
						from := s.looks.Load()
						eventually(t, func() string {
							if s.looks.Load() < from+2 {
								return "it does not look"
							}
							return ""
						})
						continue
					}
					if mode != "looked" {
						s.close()
					}
					s.look()
				}
				if mode == "followed" {
					s.waitFor(9)
					if live := s.progress.Load().Live; live != 0 {
						t.Errorf("%d logs are followed", live)
					}
					s.must(s.unfollow())
				}
				if told := s.told(); told != "a.json read 9/9; users 1-9" {
					t.Error(told)
				}
				known, err := s.store.Known(t.Context())
				s.must(err)
				if src := known.Sources[0]; src.Offset != int64(len(text)) || src.Lines != 9 || src.Unfinished != "" {
					t.Errorf("%d records read to %d of %d, %q", src.Lines, src.Offset, len(text), src.Unfinished)
				}
				s.sound()
			})
		}
	}
}

func TestRecordWithoutAnEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.opt = taleOptions()
	s.write("a.json", `{"response": {"authlogs": [`+talesOf(1, 2, ", ")+", "+taleOf(3)[:30])
	s.look()
	if told := s.told(); told != "a.json read 2/3; users 1-2" {
		t.Error(told)
	}
	all, err := s.store.List(t.Context())
	s.must(err)
	if !strings.Contains(all[0].Unfinished, "unfinished") {
		t.Errorf("%q is its end", all[0].Unfinished)
	}
	s.append("a.json", taleOf(3)[30:]+`]}, "stat": "OK"}`)
	s.close()
	s.look()
	if told := s.told(); told != "a.json read 3/3; users 1-3" {
		t.Error(told)
	}
	s.remove("a.json")
	s.look()
	s.look()
	if told := s.told(); told != "a.json gone 3/3; users 1-3" {
		t.Error(told)
	}
}

// Copies of a document are found whenever they come, also in part, and it may be packed.
func TestCopiesOfRecordsThatGrow(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.opt = taleOptions()
	text := "[" + talesOf(1, 9, ",\n") + "]\n"
	half := len(text) / 2
	s.write("a.json", text[:half])
	s.look()
	s.write("b.json", text[:half-40])
	s.look()
	s.append("a.json", text[half:])
	s.look()
	s.append("b.json", text[half-40:half+40])
	s.look()
	if users := s.users(); users != "1-9" {
		t.Errorf("users %s; %s", users, s.ledgerInWords())
	}
	s.gzip("a.json", "a.json.gz")
	s.remove("a.json")
	s.close()
	s.look()
	s.look()
	s.look()
	if told := s.told(); !strings.HasPrefix(told, "a.json.gz read 9/9; b.json duplicate 0/6; users 1-9") {
		t.Error(told)
	}
	s.sound()
}

// A document that is written anew, with one record more where its end was, is another log: all of it is read.
func TestRecordsWrittenAnew(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.opt = taleOptions()
	pad := `{"x":"` + strings.Repeat("-", 5000) + `"}` // the heads are alike
	text := func(n int) string {
		return `{"records":[` + taleOf(1) + "," + pad + "," + talesOf(2, n, ",") + `],"stat":"OK"}`
	}
	s.write("a.json", text(4))
	s.look()
	s.writeAt("a.json", text(6), 0)
	s.look()
	if told := s.told(); !strings.Contains(told, "a.json read 6/7") || !strings.HasSuffix(told, "users 1-4x2 5-6") {
		t.Error(told)
	}
}

// A document of many batches is read on where a process left it.
func TestManyBatchesOfRecords(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.opt = taleOptions()
	var b strings.Builder
	b.WriteString(`{"stat":"OK","response":{"authlogs":[`)
	const n = 300
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, `{"n":%d,"time":"2026-10-06T08:15:00Z","user":"CONTOSO\\u%05d","note":"%s"},`, i, i, strings.Repeat(`\"},{\"`, 16<<10))
	}
	text := strings.TrimSuffix(b.String(), ",") + `],"metadata":{}}}`
	s.write("a.json", text[:len(text)/2])
	s.look()
	s.close()
	s.append("a.json", text[len(text)/2:])
	s.look()
	if told := s.told(); told != fmt.Sprintf("a.json read %d/%d; users 1-%d", n, n, n) {
		t.Error(told)
	}
	s.sound()
	known, err := s.store.Known(t.Context())
	s.must(err)
	ranges, err := s.store.Ranges(t.Context(), known.Sources[0].ID)
	s.must(err)
	var at int64
	for _, r := range ranges {
		if r.From != at {
			t.Errorf("a range begins at %d, not at %d", r.From, at)
		}
		at = r.To
	}
	if len(ranges) < 4 || at != int64(len(text)) {
		t.Errorf("%d ranges up to %d of %d", len(ranges), at, len(text))
	}
}

// What stands behind the last record is a batch of its own where one has just ended.
func TestEndBehindABatchOfRecords(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.opt = taleOptions()
	var records []string
	for n := 1; n <= 9; n++ { // nine of these are a batch
		records = append(records, strings.TrimSuffix(taleOf(n), "}")+`,"x":"`+strings.Repeat("x", 940_000)+`"}`)
	}
	s.write("a.json", "["+strings.Join(records, ",")+strings.Repeat(" ", 100)+"]")
	s.look()
	known, err := s.store.Known(t.Context())
	s.must(err)
	if src := known.Sources[0]; src.Offset != src.Size || src.Lines != 9 || s.told() != "a.json read 9/9; users 1-9" {
		t.Errorf("%d records read to %d of %d: %s", src.Lines, src.Offset, src.Size, s.told())
	}
	s.append("a.json", "\n["+taleOf(10)+"]")
	s.close()
	s.look()
	if told := s.told(); told != "a.json read 10/10; users 1-10" {
		t.Error(told)
	}
	s.sound()
}

// A first record that is completed between being looked at and being read waits for the next look, which names the log.
func TestFirstRecordThatCompletesLate(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.opt = taleOptions()
	s.write("a.json", `[null, `+taleOf(1)[:60])
	s.open()
	s.must(s.p.Meet(t.Context(), s.find()))
	s.append("a.json", taleOf(1)[60:]+",")
	s.must(s.p.Fill(t.Context()))
	if src := s.p.Sources()[0]; src.Lines != 0 || src.Unfinished == "" {
		t.Errorf("%d records of a log without a name, %q", src.Lines, src.Unfinished)
	}
	s.append("a.json", talesOf(2, 3, ",")+"]")
	s.look()
	if told := s.told(); told != "a.json read 3/4; users 1-3" {
		t.Error(told)
	}
	if src := s.p.Sources()[0]; src.Name == "" || src.Lines != 4 {
		t.Errorf("%q of %d records", src.Name, src.Lines)
	}
}
