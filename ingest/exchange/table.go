package exchange

import (
	"bytes"
	"slices"
	"strings"

	"github.com/outmode/outmode/ingest"
)

// A table is what all decoders share: the header in force, and the rows under it.
type table struct {
	clock
	sep     byte                    // a blank for W3C, else a comma
	slot    func(name string) uint8 // the slot of a column, its name in lower case; 0 if it is not needed
	check   func(l *layout) string  // why lines under such a header cannot be read, or ""
	given   []byte                  // the header that the operator gave, or nil
	header  []byte                  // in force
	layout  *layout                 // of header; nil before there is one
	known   map[string]*layout      // headers met, for files that declare theirs again and again
	scratch []byte                  // values that had doubled quotes
}

// maxLayouts bounds how many headers are remembered: a log has one, and a new one after an update.
const maxLayouts = 32

// The remarks on lines that cannot be read. They are constants: a Note costs no allocation.
const (
	noFields   = "no #Fields before it"
	noHeader   = "no header before it"
	fewer      = "fewer columns than the header names"
	more       = "more columns than the header names"
	badQuotes  = "its quotes and commas do not make the columns that the header names"
	badTime    = "the time cannot be read"
	badDate    = "the date cannot be read"
	badPort    = "s-port is no port"
	badStatus  = "the HTTP status is no number"
	badSub     = "sc-substatus is no number"
	badWin32   = "sc-win32-status is no number"
	badBoolean = "IsAuthenticated is neither true nor false"
)

// Header implements [ingest.Decoder].
func (t *table) Header() []byte { return t.header }

// reset implements the part of Reset that is about the header.
func (t *table) reset(header []byte) {
	if header == nil {
		header = t.given
	}
	if header == nil {
		t.header, t.layout = t.header[:0], nil
		return
	}
	t.use(header)
}

// use puts header in force.
func (t *table) use(header []byte) {
	header = bytes.TrimSpace(header)
	if t.layout != nil && bytes.Equal(header, t.header) {
		return
	}
	t.header = append(t.header[:0], header...)
	t.layout = t.known[string(header)]
	if t.layout != nil {
		return
	}
	if t.known == nil || len(t.known) >= maxLayouts {
		t.known = make(map[string]*layout)
	}
	t.layout = newLayout(names(string(header), t.sep), t.slot)
	t.layout.wrong = t.check(t.layout)
	t.known[string(header)] = t.layout
}

// names splits a header. Tools that export CSV put quotes around names.
func names(header string, sep byte) []string {
	header = strings.ToLower(header)
	if sep == ' ' {
		if f := strings.Fields(header); len(f) > 0 {
			return f
		}
		return []string{""}
	}
	f := strings.Split(header, string(sep))
	for i := range f {
		f[i] = strings.Trim(f[i], `" `)
	}
	return f
}

// directive takes the header from a "#Fields: " line; other directives change nothing.
func (t *table) directive(line []byte) {
	// One that names no column changes nothing: an empty header could not be told from none.
	if header, ok := cutFold(line, "#fields:"); ok && len(bytes.TrimSpace(header)) > 0 {
		t.use(header)
	}
}

// csv reads a line of a comma-separated log into r.
func (t *table) csv(line []byte, r *row) (d ingest.Decoded, note string) {
	line = trim(line)
	switch {
	case len(line) == 0:
		return ingest.Blank, ""
	case line[0] == '#':
		t.directive(line)
		return ingest.Directive, ""
	case (line[0]|0x20 >= 'a' || line[0] == '"') && t.isHeader(line):
		t.use(line)
		return ingest.Directive, ""
	case t.layout == nil:
		return ingest.Malformed, noHeader
	case t.layout.wrong != "":
		return ingest.Malformed, t.layout.wrong
	}
	return t.split(line, r)
}

// isHeader tells a bare header row, which stands at the top of a log or in the middle of it, by its first column.
func (t *table) isHeader(line []byte) bool {
	first, _, _ := bytes.Cut(line, []byte{','})
	first = bytes.Trim(first, `" `)
	return isTimeColumn(first) || t.layout != nil && t.layout.first != "" && equalFold(first, t.layout.first)
}

// isTimeColumn tells the names under which Exchange's logs put the time of the line, always in the first column.
func isTimeColumn(name []byte) bool {
	return equalFold(name, "datetime") || equalFold(name, "date-time") || equalFold(name, "timestamp")
}

// split fills r. Quotes are rare, and a stray one must not hide a line: where RFC 4180 does not
// give the right number of columns, a plain split may.
func (t *table) split(line []byte, r *row) (ingest.Decoded, string) {
	l := t.layout
	quotes := bytes.IndexByte(line, '"') >= 0
	if quotes {
		var n int
		if n, t.scratch = l.quoted(line, r, t.scratch); n == l.columns {
			return ingest.Facts, ""
		}
		if s := l.short; s != nil && n == s.columns {
			if !slices.Equal(s.slots, l.slots) {
				_, t.scratch = s.quoted(line, r, t.scratch)
			}
			return ingest.Facts, ""
		}
	}
	n := l.plain(line, t.sep, r)
	switch {
	case n == l.columns:
		return ingest.Facts, ""
	case l.short != nil && n == l.short.columns:
		l.short.plain(line, t.sep, r)
		return ingest.Facts, ""
	case quotes:
		return ingest.Malformed, badQuotes
	case n < l.columns:
		return ingest.Malformed, fewer
	}
	return ingest.Malformed, more
}

// trim takes off what is not part of a line: a line end, a byte order mark, and the NUL bytes that a crash leaves
// before or after what was written. A line of blanks becomes empty.
func trim(line []byte) []byte {
	if n := len(line); n > 0 && line[0] > ' ' && line[0] < 0xEF && line[n-1] > ' ' {
		return line
	}
	line = bytes.Trim(line, "\x00\r\n")
	line = bytes.TrimPrefix(line, []byte("\xEF\xBB\xBF"))
	if len(bytes.TrimSpace(line)) == 0 {
		return nil
	}
	return line
}

// equalFold compares with a lower-case ASCII word.
func equalFold(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i, c := range b {
		if lower(c) != word[i] {
			return false
		}
	}
	return true
}

// cutFold takes prefix, in lower case, from the front of b, with the blanks behind it.
func cutFold(b []byte, prefix string) (rest []byte, ok bool) {
	if len(b) < len(prefix) || !equalFold(b[:len(prefix)], prefix) {
		return nil, false
	}
	return bytes.TrimSpace(b[len(prefix):]), true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
