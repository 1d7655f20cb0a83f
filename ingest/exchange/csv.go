package exchange

import (
	"bytes"
	"slices"
)

// A row is the values of one line by slot, the number that a decoder gives to a column it needs. Slot 0 takes what
// nobody needs. Rows live on the stack of Decode: nothing in them outlives the line.
type row [maxSlots][]byte

const maxSlots = 18

// A layout is where the columns that a decoder needs stand under one header. It never changes.
type layout struct {
	columns int
	slots   []uint8 // by column, up to the last that is needed
	has     uint32  // the slots that the header names, as bits
	first   string  // the name of the first column
	dated   bool    // the first columns are date and time
	wrong   string  // why lines under this header cannot be read, or ""
	short   *layout // for rows that may lack one of the columns, or nil
}

// named reports whether the header names the column of every slot.
func (l *layout) named(slots ...uint8) bool {
	for _, s := range slots {
		if l.has&(1<<s) == 0 {
			return false
		}
	}
	return true
}

// newLayout finds the columns that slot knows. Where a name stands twice, the first counts: an
// administrator's custom field comes last and cannot stand in for IIS's own.
func newLayout(names []string, slot func(name string) uint8) *layout {
	l := &layout{columns: len(names), first: names[0]}
	var nameless []int
	for i, name := range names {
		s := slot(name)
		if l.has&(1<<s) != 0 {
			s = 0
		}
		l.slots = append(l.slots, s)
		if s != 0 {
			l.has |= 1 << s
		}
		if name == "" {
			nameless = append(nameless, i)
		}
	}
	for len(l.slots) > 0 && l.slots[len(l.slots)-1] == 0 {
		l.slots = l.slots[:len(l.slots)-1]
	}
	l.dated = len(l.slots) > 1 && names[0] == "date" && names[1] == "time"
	// The header of Exchange 2013 RTM has a name too many, an empty one, for which its rows have no column. Rows of POP3
	// and IMAP4 may lack the last column.
	switch n := len(names) - 1; {
	case len(nameless) == 1 && n > 0:
		l.short = newLayout(slices.Delete(slices.Clone(names), nameless[0], nameless[0]+1), slot)
	case names[n] == "puid" && n > 0:
		l.short = newLayout(names[:n], slot)
	}
	return l
}

// plain fills r from a line without quotes and returns how many columns it has.
func (l *layout) plain(line []byte, sep byte, r *row) int {
	return split(l.slots, line, sep, r)
}

// w3c does what plain does for a line of IIS. Date and time come first and are always as long: a blank within them
// is left to those who read them, and who refuse it.
func (l *layout) w3c(line []byte, r *row) int {
	if l.dated && len(line) > 19 && line[10] == ' ' && line[19] == ' ' {
		r[l.slots[0]], r[l.slots[1]] = line[:10], line[11:19]
		return 2 + split(l.slots[2:], line[20:], ' ', r)
	}
	return split(l.slots, line, ' ', r)
}

func split(slots []uint8, line []byte, sep byte, r *row) int {
	rest := line
	for i, slot := range slots {
		at := first(rest, sep)
		if at < 0 {
			r[slot] = rest
			return i + 1
		}
		r[slot], rest = rest[:at], rest[at+1:]
	}
	return len(slots) + 1 + bytes.Count(rest, []byte{sep})
}

// first is bytes.IndexByte, for columns: half of them are no longer than four bytes, for which a call costs more than a
// look. Splitting a line of IIS is a fifth faster for it.
func first(b []byte, sep byte) int {
	if len(b) > 4 {
		switch sep {
		case b[0]:
			return 0
		case b[1]:
			return 1
		case b[2]:
			return 2
		case b[3]:
			return 3
		case b[4]:
			return 4
		}
	}
	return bytes.IndexByte(b, sep)
}

// quoted fills r from a line of RFC 4180 and returns how many columns it has, or 0 if a quote is not closed or is
// followed by anything but a comma. A quote inside a field that does not begin with one is text. Values with
// doubled quotes are copied to scratch, which is returned.
func (l *layout) quoted(line []byte, r *row, scratch []byte) (int, []byte) {
	scratch = scratch[:0]
	for column, rest := 0, line; ; column++ {
		var slot uint8
		if column < len(l.slots) {
			slot = l.slots[column]
		}
		if len(rest) == 0 || rest[0] != '"' {
			at := first(rest, ',')
			if at < 0 {
				r[slot] = rest
				return column + 1, scratch
			}
			r[slot], rest = rest[:at], rest[at+1:]
			continue
		}
		end, doubled := closing(rest)
		if end < 0 || end+1 < len(rest) && rest[end+1] != ',' {
			return 0, scratch
		}
		r[slot] = rest[1:end]
		if doubled && slot != 0 {
			from := len(scratch)
			scratch = undouble(scratch, rest[1:end])
			r[slot] = scratch[from:]
		}
		if end+1 == len(rest) {
			return column + 1, scratch
		}
		rest = rest[end+2:]
	}
}

// closing returns where the field that begins with a quote ends, at its closing quote, or -1; and whether there are
// doubled quotes before it.
func closing(field []byte) (end int, doubled bool) {
	for i := 1; ; i += 2 {
		at := bytes.IndexByte(field[i:], '"')
		if at < 0 {
			return -1, doubled
		}
		i += at
		if i+1 == len(field) || field[i+1] != '"' {
			return i, doubled
		}
		doubled = true
	}
}

// undouble appends text to dst, every two quotes as one.
func undouble(dst, text []byte) []byte {
	for {
		at := bytes.IndexByte(text, '"')
		if at < 0 || at+1 == len(text) {
			return append(dst, text...)
		}
		dst = append(dst, text[:at+1]...)
		text = text[at+2:]
	}
}
