package tail

import (
	"bytes"
	"encoding/binary"
)

const (
	maxName = 128     // of an element, with its prefix
	maxTag  = 1 << 10 // a start tag that is longer, in units, is none
	maxGap  = MaxLine // a comment or the like that is longer, in units, is none
)

// A section is a part of XML in which tags are none.
type section uint8

const (
	noSection section = iota
	comment
	cdata
	instruction
	sections
)

// ends are what the sections end with.
var ends = [sections]string{comment: "-->", cdata: "]]>", instruction: "?>"}

// An xmlFramer frames event XML. All that stands outside of Event elements is between records. An Event within an Event
// is part of it, unless System is its first child, as it is of every event: then the one before it was torn.
type xmlFramer struct {
	section section
	run     int64 // units of it that were seen

	// Of the record at hand.
	pos    int64
	depth  int   // Events that are open
	tag    bool  // it stands in the start tag of an Event
	quote  byte  // around an attribute's value there; 0 outside
	slash  bool  // behind a slash there
	at     int64 // where that tag begins
	first  bool  // it stands behind that tag
	ending bool  // it stands in the last end tag
}

// start implements framer.
func (x *xmlFramer) start(text []byte) (int, bool) {
	for i := 0; i < len(text); {
		rest := text[i:]
		if x.section != noSection {
			was := *x
			n := x.skip(rest)
			if z := bytes.IndexByte(rest[:n], 0); z >= 0 { // what is reserved may be written yet
				x.section, x.run = was.section, was.run+int64(z)
				return i + z, false
			}
			if i += n; n == 0 && x.section != noSection {
				return i, false
			}
			continue
		}
		k := bytes.IndexByte(rest, '<')
		between := rest[:max(k, 0)]
		if k < 0 {
			between = rest
		}
		if z := bytes.IndexByte(between, 0); z >= 0 {
			return i + z, false
		}
		if i += len(between); k < 0 {
			break
		}
		n, what, known := markup(text[i:])
		switch {
		case !known:
			return i, false
		case what == openEvent:
			*x = xmlFramer{}
			return i, true
		case what > 0 && what < markupKind(sections):
			x.section, x.run = section(what), 0
		}
		i += n
	}
	return len(text), false
}

// skip goes through a section, and returns how many bytes of text it takes. What may be half of its end stays.
func (x *xmlFramer) skip(text []byte) int {
	end := ends[x.section]
	room := int(maxGap - x.run)
	n := len(text) - len(end) + 1
	found := false
	if k := bytes.Index(text[:min(len(text), room+len(end))], []byte(end)); k >= 0 {
		n, found = k+len(end), true
	}
	if n = max(n, 0); !found && n > room {
		n, found = max(room, 0), true
	}
	if x.run += int64(n); found {
		x.section, x.run = noSection, 0
	}
	return n
}

// A markupKind is what stands at a '<'; below sections it is one of those.
type markupKind uint8

const (
	openEvent markupKind = iota + markupKind(sections)
	closeEvent
	openSystem
	otherTag
)

// markup tells what begins with the '<' at the begin of text, and how many bytes of it are only that. It is not known
// where text is too short to tell.
func markup(text []byte) (n int, what markupKind, known bool) {
	for what, begin := range [sections]string{comment: "<!--", cdata: "<![CDATA[", instruction: "<?"} {
		switch {
		case begin == "":
		case bytes.HasPrefix(text, []byte(begin)):
			return len(begin), markupKind(what), true
		case len(text) < len(begin) && bytes.HasPrefix([]byte(begin), text):
			return 0, 0, false
		}
	}
	from := 1
	if len(text) > 1 && text[1] == '/' {
		from = 2
	}
	n = from
	for n < len(text) && !blank(text[n]) && text[n] != '>' && text[n] != '/' && text[n] != '<' && text[n] != 0 {
		n++
	}
	if n == len(text) && n <= maxName {
		return 0, 0, false
	}
	name := text[from:n]
	name = name[bytes.LastIndexByte(name, ':')+1:]
	switch {
	case n > maxName:
	case bytes.EqualFold(name, []byte("Event")) && from == 2:
		return n, closeEvent, true
	case bytes.EqualFold(name, []byte("Event")):
		return n, openEvent, true
	case bytes.EqualFold(name, []byte("System")) && from == 1:
		return n, openSystem, true
	}
	return from, otherTag, true
}

// end implements framer.
func (x *xmlFramer) end(text []byte) (int, verdict) {
	before := x.pos
	for i := 0; i < len(text); {
		x.pos = before + int64(i)
		rest := text[i:]
		switch {
		case x.ending:
			k := bytes.IndexByte(rest, '>')
			if k < 0 {
				i = len(text)
				continue
			}
			*x = xmlFramer{}
			return i + k + 1, recordEnds
		case x.section != noSection:
			n := x.skip(rest)
			if i += n; n == 0 && x.section != noSection {
				return i, recordGoesOn
			}
			continue
		case x.tag:
			i++
			if x.inTag(rest[0]) && x.depth == 0 {
				*x = xmlFramer{}
				return i, recordEnds
			}
			continue
		case x.first && blank(rest[0]):
			i++
			continue
		}
		k := bytes.IndexByte(rest, '<')
		if k != 0 {
			x.first = false
			if i += k; k < 0 {
				i = len(text)
			}
			continue
		}
		n, what, known := markup(rest)
		if !known {
			return i, recordGoesOn
		}
		first := x.first
		x.first = false
		switch what {
		case openEvent:
			x.tag, x.quote, x.slash, x.at = true, 0, false, x.pos
		case closeEvent:
			x.depth--
			x.ending = x.depth <= 0
		case openSystem:
			if first && x.depth > 1 && x.pos-x.at <= maxTag+maxName {
				n := int(x.at - before)
				*x = xmlFramer{}
				return n, recordEnds
			}
		case otherTag:
		default:
			x.section, x.run, x.first = section(what), 0, first
		}
		i += n
	}
	x.pos = before + int64(len(text))
	return len(text), recordGoesOn
}

// inTag looks at the next byte of the start tag of an Event, and reports whether that is its last.
func (x *xmlFramer) inTag(c byte) bool {
	switch {
	case x.pos-x.at > maxTag, c == '>' && x.quote == 0:
		x.tag = false
		if x.slash && c == '>' {
			return true
		}
		x.depth++
		x.first = x.depth > 1
	case c == x.quote:
		x.quote = 0
	case x.quote == 0 && (c == '"' || c == '\''):
		x.quote = c
	}
	x.slash = c == '/' && x.quote == 0
	return false
}

// undo implements framer.
func (x *xmlFramer) undo() { *x = xmlFramer{} }

// context implements framer.
func (x *xmlFramer) context() []byte {
	if x.section == noSection {
		return nil
	}
	return binary.AppendUvarint([]byte{byte(x.section)}, uint64(x.run))
}

// restore implements framer.
func (x *xmlFramer) restore(context []byte) error {
	if len(context) == 0 {
		return nil
	}
	run, n := binary.Uvarint(context[1:])
	if s := section(context[0]); s == noSection || s >= sections || n != len(context)-1 || run > maxGap {
		return errContext
	}
	x.section, x.run = section(context[0]), int64(run)
	return nil
}
