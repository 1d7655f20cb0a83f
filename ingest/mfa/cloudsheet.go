package mfa

import (
	"bytes"
	"strings"
)

// A sheet reads the records of an exported CSV file (RFC 4180) by the names of its columns: exports differ in which there
// are, and in what order. A record is whole: a value in quotes may hold line ends. It serves one goroutine, and cells are
// valid until its next record.
type sheet struct {
	field   func(name string) int // the field of a column, by its name in lower case without blanks; -1 if nobody needs it
	header  []byte                // in force; empty before there is one
	first   []byte                // the name of the first column, as it stands there
	columns []int                 // the field of each
	cells   [][]byte              // by field: nil if the file has no such column, or nothing in it
	scratch []byte                // values that had doubled quotes
	comma   byte                  // what stands between two columns
	open    bool                  // a record may have more columns than the heading names
}

// The remarks on records of a sheet.
const (
	sheetHeader = "no heading before it"
	sheetQuotes = "its quotes do not make the columns that the heading names"
	sheetFewer  = "fewer columns than the heading names"
	sheetMore   = "more columns than the heading names"
)

func newSheet(fields int, field func(name string) int) *sheet {
	return &sheet{field: field, cells: make([][]byte, fields), comma: ','}
}

// use puts a heading in force; an empty one is none. Where a name stands twice, the first counts.
func (s *sheet) use(header []byte) {
	if header = bytes.TrimSpace(header); len(header) > 0 && bytes.Equal(header, s.header) {
		return
	}
	s.header = append(s.header[:0], header...)
	s.first, s.columns = nil, s.columns[:0]
	if len(s.header) == 0 {
		return
	}
	taken := make([]bool, len(s.cells))
	for i, rest, more := 0, s.header, true; more; i++ {
		var cell []byte
		if cell, rest, more = s.cell(rest); more && rest == nil {
			break
		}
		if i == 0 {
			s.first = cell
		}
		f := s.field(columnName(cell))
		if f >= 0 && taken[f] {
			f = -1
		}
		if f >= 0 {
			taken[f] = true
		}
		s.columns = append(s.columns, f)
	}
}

// columnName is what a column is known by: "Sign-in error code", "CreatedDateTime [UTC]" and "CreatedDateTime" differ in
// nothing that matters.
func columnName(heading []byte) string {
	name := strings.ReplaceAll(strings.ToLower(string(heading)), " ", "")
	return strings.TrimSuffix(name, "[utc]")
}

// isHeader tells a heading, at the top of a file or where files were joined, by the name of its first column.
func (s *sheet) isHeader(record []byte) bool {
	if len(s.header) == 0 {
		return true
	}
	s.scratch = s.scratch[:0]
	first, _, _ := s.cell(record)
	return len(s.first) > 0 && bytes.Equal(first, s.first)
}

// isType tells the line that Windows PowerShell's Export-Csv puts before the heading.
func isType(record []byte) bool { return hasPrefixFold(record, "#type ") }

// read fills cells and says what is wrong with the record, or "".
func (s *sheet) read(record []byte) string {
	clear(s.cells)
	s.scratch = s.scratch[:0]
	if len(s.header) == 0 {
		return sheetHeader
	}
	n := 0
	for rest, more := record, true; more; n++ {
		var cell []byte
		if cell, rest, more = s.cell(rest); more && rest == nil {
			return sheetQuotes
		}
		if n < len(s.columns) && s.columns[n] >= 0 {
			s.cells[s.columns[n]] = orNil(cell)
		}
	}
	switch {
	case n < len(s.columns):
		return sheetFewer
	case n > len(s.columns) && !s.open:
		return sheetMore
	}
	return ""
}

// cell cuts the first value off. more says that another one follows in rest; it is nil, and more true, where the quotes
// are not in pairs.
func (s *sheet) cell(record []byte) (cell, rest []byte, more bool) {
	if len(record) == 0 || record[0] != '"' {
		cell, rest, more = bytes.Cut(record, []byte{s.comma})
		if rest == nil {
			rest = record[len(record):]
		}
		return cell, rest, more
	}
	doubled := false
	end := 1
	for {
		at := bytes.IndexByte(record[end:], '"')
		if at < 0 {
			return nil, nil, true
		}
		if end += at; end+1 == len(record) || record[end+1] != '"' {
			break
		}
		doubled = true
		end += 2
	}
	cell, rest = record[1:end], record[end+1:]
	if doubled {
		from := len(s.scratch)
		for i := 0; i < len(cell); i++ {
			s.scratch = append(s.scratch, cell[i])
			if cell[i] == '"' {
				i++
			}
		}
		cell = s.scratch[from:len(s.scratch):len(s.scratch)]
	}
	switch {
	case len(rest) == 0:
		return cell, rest, false
	case rest[0] != s.comma:
		return nil, nil, true
	}
	return cell, rest[1:], true
}
