package tail

import "bytes"

// A csvFramer frames CSV with commas, semicolons or tabs. A quote opens a field only where the field begins; two within
// it are one of its text. A quoted field that is not over after half of MaxLine, or whose quote is followed by something
// else than a separator, was opened by a stray quote if it holds a line end: its record ends at the first of them. So
// a stray quote costs the line it is in. Behind half of MaxLine the next line end ends a record.
type csvFramer struct {
	pos    int64
	field  bool  // a field begins here
	quoted bool  // it stands within quotes
	half   bool  // behind a quote there, which ends them or is the first of two
	lf     int64 // where the first line end within the quotes ends; 0 for none
	long   bool  // quotes are of no meaning any more
}

// start implements framer.
func (c *csvFramer) start(text []byte) (int, bool) {
	if len(text) == 0 || text[0] == 0 {
		return 0, false
	}
	*c = csvFramer{field: true}
	return 0, true
}

// end implements framer.
func (c *csvFramer) end(text []byte) (int, verdict) {
	const longest = MaxLine / 2 // as many bytes of UTF-16 are in memory still
	before := c.pos
	if room := max(longest-before, 0); !c.long && room < int64(len(text)) {
		if n, v := c.scan(text[:room]); v == recordEnds {
			return n, v
		}
		if c.quoted && c.lf > 0 {
			return int(c.lf - before), recordEnds
		}
		c.long, c.quoted, c.half = true, false, false
		n, v := c.scan(text[room:])
		return int(room) + n, v
	}
	return c.scan(text)
}

// scan goes through text up to the end of the record.
func (c *csvFramer) scan(text []byte) (int, verdict) {
	before := c.pos
	c.pos += int64(len(text))
	for i := 0; i < len(text); {
		rest := text[i:]
		switch {
		case c.half:
			c.half = false
			switch rest[0] {
			case '"':
				i++
				continue
			case ',', ';', '\t', '\r', '\n', ' ':
			default:
				if c.lf > 0 {
					return int(c.lf - before), recordEnds
				}
			}
			c.quoted, c.field = false, false
		case c.quoted:
			k := bytes.IndexByte(rest, '"')
			within := rest[:max(k, 0)]
			if k < 0 {
				within = rest
			}
			if n := bytes.IndexByte(within, '\n'); n >= 0 && c.lf == 0 {
				c.lf = before + int64(i+n) + 1
			}
			i += len(within)
			if k >= 0 {
				c.half = true
				i++
			}
		default:
			for ; i < len(text); i++ {
				switch b := text[i]; {
				case b == '\n':
					return i + 1, recordEnds
				case b == '"' && c.field && !c.long:
					c.quoted, c.lf = true, 0
				}
				if c.quoted {
					i++
					break
				}
				c.field = separates(text[i])
			}
		}
	}
	return len(text), recordGoesOn
}

func separates(c byte) bool { return c == ',' || c == ';' || c == '\t' }

func (c *csvFramer) undo() {}

func (c *csvFramer) context() []byte { return nil }

// restore implements framer.
func (c *csvFramer) restore(context []byte) error { return noContext(context) }

func noContext(context []byte) error {
	if len(context) > 0 {
		return errContext
	}
	return nil
}

// A blocksFramer frames blocks of lines. Only a line without a single byte ends one: the empty lines of a value are
// blanks, as many as its other lines begin with.
type blocksFramer struct {
	fresh bool // a line begins here, but for a CR
}

// start implements framer.
func (b *blocksFramer) start(text []byte) (int, bool) {
	for i, c := range text {
		if !blank(c) {
			b.fresh = false
			return i, c != 0
		}
	}
	return len(text), false
}

// end implements framer.
func (b *blocksFramer) end(text []byte) (int, verdict) {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case b.fresh && c == '\n':
			return i + 1, recordEnds
		case b.fresh && c == '\r':
			continue
		}
		b.fresh = false
		k := bytes.IndexByte(text[i:], '\n')
		if k < 0 {
			break
		}
		i += k
		b.fresh = true
	}
	return len(text), recordGoesOn
}

func (b *blocksFramer) undo() {}

func (b *blocksFramer) context() []byte { return nil }

// restore implements framer.
func (b *blocksFramer) restore(context []byte) error { return noContext(context) }
