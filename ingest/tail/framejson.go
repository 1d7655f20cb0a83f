package tail

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	maxArrays = 32 // bits of jsonFramer.key
	maxKeys   = 4
	maxKey    = 32

	// An element of an array that is longer, in units, is taken to lack its end: one torn behind an opening bracket
	// swallows its neighbours without a fault.
	maxElement = 16 * MaxLine
	// So many blanks may stand between the brace and the first key of an object that a broken one is followed by.
	maxIndent = 256
)

// A jsonFramer frames JSON. Between records it is in one of three places: between documents (depth 0), between the
// elements of an array of records (depth is level), or within a document around such an array (level 0).
//
// It knows enough of the grammar to notice at once that quotes or brackets do not match: a record that is broken ends
// before the next object that begins behind a comma, a closing brace or a line end.
type jsonFramer struct {
	arrays [][]string

	level  int             // of the array whose elements are records; 0 for none
	depth  int             // open brackets
	lists  uint64          // those among the first 64 that are square: bit 0 is the outermost
	alive  [maxKeys]uint32 // paths that lead on into the object open at depth 1, 2, ...
	key    uint32          // paths on which the key is before whose value it stands
	prev   byte            // the last byte that is neither blank nor within a string; '0' for all of numbers and words
	opened bool            // prev opened an array that a path leads to
	str    bool            // it stands within a string
	esc    bool            // behind a backslash there
	naming bool            // the string is a key that a path may go on with
	name   [maxKey]byte
	named  int // bytes of name; more than maxKey for a key that is longer

	// Of the record at hand.
	kind   byte  // how it begins: '{' for both brackets, '"', or '0' for all else
	pos    int64 // bytes of it that were seen
	lf     bool  // a line end stands behind prev
	sick   bool  // it is broken: it ends before the next object
	last   byte  // of one that is sick: prev, without regard to strings
	brace  int64 // of one that is sick: where the next object may begin; -1 for nowhere
	indent int   // blanks behind that
}

// A step is why walk stops.
type step uint8

const (
	stepOn     step = iota // the text ends
	stepClosed             // behind the end of the record, or of the document
	stepArray              // in an array whose elements are records, or behind it if it is empty
	stepTorn               // before the next record
	stepAstray             // the document is broken
	stepNUL                // before a NUL between records
)

// start implements framer.
func (j *jsonFramer) start(text []byte) (int, bool) {
	for i := 0; i < len(text); {
		if j.level == 0 && j.depth > 0 {
			n, s := j.walk(text[i:], false)
			i += n
			switch s {
			case stepAstray:
				j.forget()
			case stepNUL:
				return i, false
			}
			continue
		}
		switch c := text[i]; {
		case blank(c), c == ',', c == '}', c == bomUTF8[0], c == bomUTF8[1], c == bomUTF8[2]:
		case c == 0:
			return i, false
		case c == ']':
			j.level, j.depth, j.prev = 0, max(j.level-1, 0), ']'
		case c == '[' && j.level == 0:
			j.level, j.depth, j.lists = 1, 1, 1
		default:
			j.begin(c)
			return i, true
		}
		i++
	}
	return len(text), false
}

// forget makes it stand between documents.
func (j *jsonFramer) forget() { *j = jsonFramer{arrays: j.arrays} }

// begin makes it stand before a record that begins with c.
func (j *jsonFramer) begin(c byte) {
	switch j.kind = '0'; c {
	case '{', '[':
		j.kind = '{'
	case '"':
		j.kind = '"'
	}
	j.prev = '[' // what may come first
	j.opened, j.str, j.esc, j.naming = false, false, false, false
	j.pos, j.lf, j.sick, j.brace = 0, false, false, -1
}

// end implements framer.
func (j *jsonFramer) end(text []byte) (int, verdict) {
	switch j.kind {
	case '"':
		return j.endString(text)
	case '0':
		return j.endWord(text)
	}
	n := 0
	var s step
	if room := maxElement - j.pos; j.level > 0 && !j.sick && room < int64(len(text)) {
		if n, s = j.walk(text[:max(room, 0)], true); s == stepOn && !j.sick {
			j.sicken(false)
		}
	}
	if s == stepOn {
		var k int
		k, s = j.walk(text[n:], true)
		n += k
	}
	switch s {
	case stepClosed, stepTorn:
		j.undo()
		return n, recordEnds
	case stepArray:
		return n, noRecord
	}
	return n, recordGoesOn
}

// undo implements framer. Behind a record it stands as it did before it.
func (j *jsonFramer) undo() {
	j.depth, j.str, j.esc, j.naming, j.sick, j.opened = j.level, false, false, false, false, false
}

// endString looks for the end of a record that is a string.
func (j *jsonFramer) endString(text []byte) (int, verdict) {
	n := 0
	if j.pos == 0 && len(text) > 0 {
		j.str, n = true, 1
	}
	if n < len(text) {
		n += j.string(text[n:])
	}
	j.pos += int64(n)
	if j.str && !j.sick {
		return n, recordGoesOn
	}
	j.str, j.esc, j.sick = false, false, false
	return n, recordEnds
}

// endWord looks for the end of a record that is a number, a word or no JSON: a line between documents, or what stands
// between two commas.
func (j *jsonFramer) endWord(text []byte) (int, verdict) {
	for i, c := range text {
		switch {
		case c == '\n', c == 0, c == '{', c == '[', j.level > 0 && (c == ',' || c == ']'):
			if i > 0 || j.pos > 0 {
				return i, recordEnds
			}
		}
	}
	j.pos += int64(len(text))
	return len(text), recordGoesOn
}

// walk goes through text within a record, or within a document around an array of records, up to the first step.
func (j *jsonFramer) walk(text []byte, record bool) (n int, s step) {
	i := 0
	defer func() { j.pos += int64(n) }()
	for i < len(text) {
		if j.str && record && !j.sick {
			i += j.string(text[i:])
			continue
		}
		c := text[i]
		if j.sick {
			if !record {
				return i, stepAstray
			}
			if j.next(c, j.pos+int64(i)) {
				return int(j.brace - j.pos), stepTorn
			}
		}
		switch {
		case c == 0 && !record:
			return i, stepNUL
		case j.str:
			if j.stringByte(c) {
				i++
			}
			continue
		}
		switch c {
		case ' ', '\t', '\r':
			i++
			continue
		case '\n':
			j.lf = true
			i++
			continue
		case '"':
			switch j.prev {
			case '{', ',':
				d := j.depth
				j.naming = j.level == 0 && !j.sick && d > 0 && d <= maxKeys && j.lists>>(d-1)&1 == 0 && j.alive[d-1] != 0
				j.named = 0
			case ':', '[':
			default:
				if j.sicken(j.lf) {
					continue
				}
			}
			j.str, j.opened = true, false
		case '{', '[':
			if c == '{' && j.opened && !j.sick {
				j.opened, j.level = false, j.depth
				return i, stepArray
			}
			if (j.prev != ':' && j.prev != '[' && (j.prev != ',' || !j.inList())) && j.sicken(j.lf) {
				continue
			}
			j.open(c)
		case '}', ']':
			if j.depth <= 64 && j.inList() != (c == ']') && j.sicken(j.lf) {
				continue
			}
			empty := j.opened && c == ']' && !j.sick
			j.opened, j.depth = false, j.depth-1
			if empty || j.depth <= j.level {
				j.prev, j.lf = c, false
				if empty {
					return i + 1, stepArray
				}
				return i + 1, stepClosed
			}
		case ':':
		case ',':
			j.key, j.opened = 0, false
		default:
			switch j.prev {
			case '"', '}', ']':
				if j.sicken(j.lf) {
					continue
				}
			}
			c, j.opened = '0', false
		}
		j.prev, j.lf = c, false
		i++
	}
	return len(text), stepOn
}

// inList reports whether the innermost open bracket is square, as far as it is known.
func (j *jsonFramer) inList() bool {
	return j.depth > 64 || j.depth > 0 && j.lists>>(j.depth-1)&1 == 1
}

// open opens a bracket.
func (j *jsonFramer) open(c byte) {
	d := j.depth
	j.opened = false
	if j.level == 0 && !j.sick {
		var on uint32
		for p, path := range j.arrays {
			switch {
			case c == '[' && d > 0 && j.key>>p&1 == 1 && len(path) == d:
				j.opened = true
			case c == '{' && (d == 0 || j.key>>p&1 == 1 && len(path) > d):
				on |= 1 << p
			}
		}
		if d < maxKeys {
			j.alive[d] = on
		}
	}
	j.key = 0
	if j.depth++; d < 64 {
		j.lists &^= 1 << d
		if c == '[' {
			j.lists |= 1 << d
		}
	}
}

// string goes through text within a string, up to its end or to a line end, which no string holds.
func (j *jsonFramer) string(text []byte) int {
	from, i := 0, 0
	if j.esc {
		if j.esc = false; text[0] != '\n' {
			i = 1
		}
	}
	for {
		end := len(text)
		if q := bytes.IndexByte(text[i:], '"'); q >= 0 {
			end = i + q
		}
		if k := bytes.IndexByte(text[i:end], '\n'); k >= 0 {
			j.sicken(false)
			return i + k
		}
		for i < end {
			b := bytes.IndexByte(text[i:end], '\\')
			if b < 0 {
				break
			}
			i += b + 2
		}
		switch {
		case i > len(text):
			j.esc = true
			j.spell(text[from:])
			return len(text)
		case i > end: // the quote is escaped
			continue
		case end == len(text):
			j.spell(text[from:])
			return end
		}
		j.spell(text[from:end])
		j.endKey()
		j.str = false
		return end + 1
	}
}

// stringByte is string for one byte. It reports false for a line end that makes the text sick.
func (j *jsonFramer) stringByte(c byte) bool {
	switch {
	case c == '\n' && !j.sick:
		j.esc = false
		j.sicken(false)
		return false
	case j.esc:
		j.esc = false
		j.spell([]byte{c})
	case c == '"':
		j.endKey()
		j.str = false
	default:
		j.esc = c == '\\'
		j.spell([]byte{c})
	}
	return true
}

// spell adds to the name of a key.
func (j *jsonFramer) spell(b []byte) {
	if !j.naming {
		return
	}
	copy(j.name[min(j.named, maxKey):], b)
	j.named = min(j.named+len(b), maxKey+1)
}

// endKey finds the paths that a key is on.
func (j *jsonFramer) endKey() {
	if !j.naming {
		return
	}
	j.naming, j.key = false, 0
	if j.named > maxKey || j.sick {
		return
	}
	for p, path := range j.arrays {
		if d := j.depth; j.alive[d-1]>>p&1 == 1 && len(path) >= d && bytes.EqualFold(j.name[:j.named], []byte(path[d-1])) {
			j.key |= 1 << p
		}
	}
}

// sicken makes the record sick, and reports whether it was well before.
func (j *jsonFramer) sicken(lf bool) bool {
	if j.sick {
		return false
	}
	j.sick, j.last, j.lf, j.brace = true, j.prev, lf, -1
	j.opened = false
	return true
}

// next looks at c, which stands at pos of a record that is sick, and reports whether it shows that the next record
// begins at brace.
func (j *jsonFramer) next(c byte, pos int64) bool {
	if j.brace >= 0 {
		switch {
		case c == '"':
			return true
		case blank(c) && j.indent < maxIndent:
			j.indent++
		default:
			j.brace = -1
		}
	}
	if c == '{' && (j.lf || j.last == ',' || j.last == '}') {
		j.brace, j.indent = pos, 0
	}
	switch {
	case c == '\n':
		j.lf = true
	case !blank(c):
		j.last, j.lf = c, false
	}
	return false
}

// context implements framer.
func (j *jsonFramer) context() []byte {
	if j.depth == 0 {
		return nil
	}
	var flags byte
	for i, f := range []bool{j.opened, j.str, j.esc, j.naming} {
		if f {
			flags |= 1 << i
		}
	}
	b := []byte{flags, j.prev}
	for _, n := range []uint64{uint64(j.level), uint64(j.depth), j.lists, uint64(j.key)} {
		b = binary.AppendUvarint(b, n)
	}
	for _, a := range j.alive {
		b = binary.AppendUvarint(b, uint64(a))
	}
	if j.naming {
		b = append(append(b, byte(j.named)), j.name[:min(j.named, maxKey)]...)
	}
	return b
}

var errContext = errors.New("the context is not one of this framing")

// restore implements framer.
func (j *jsonFramer) restore(context []byte) error {
	if len(j.arrays) > maxArrays {
		return fmt.Errorf("%d paths lead to arrays: at most %d can", len(j.arrays), maxArrays)
	}
	for _, path := range j.arrays {
		if len(path) == 0 || len(path) > maxKeys {
			return fmt.Errorf("a path of %d keys: it has 1 to %d", len(path), maxKeys)
		}
		for _, key := range path {
			if len(key) > maxKey {
				return fmt.Errorf("the key %q is longer than %d bytes", key, maxKey)
			}
		}
	}
	if len(context) == 0 {
		return nil
	}
	if len(context) < 2 {
		return errContext
	}
	flags, b := context[0], context[2:]
	j.prev = context[1]
	j.opened, j.str, j.esc, j.naming = flags&1 != 0, flags&2 != 0, flags&4 != 0, flags&8 != 0
	var n [4 + maxKeys]uint64
	for i := range n {
		v, width := binary.Uvarint(b)
		if width <= 0 {
			return errContext
		}
		n[i], b = v, b[width:]
	}
	const most = 1 << 48 // brackets: more than bytes that anybody has
	if n[0] > n[1] || n[1] == 0 || n[1] > most {
		return errContext
	}
	j.level, j.depth, j.lists, j.key = int(n[0]), int(n[1]), n[2], uint32(n[3])
	for i := range j.alive {
		j.alive[i] = uint32(n[4+i])
	}
	if j.naming {
		if len(b) == 0 || b[0] > maxKey+1 || len(b) != 1+min(int(b[0]), maxKey) || j.depth > maxKeys {
			return errContext
		}
		j.named = int(b[0])
		copy(j.name[:], b[1:])
	} else if len(b) > 0 {
		return errContext
	}
	return nil
}
