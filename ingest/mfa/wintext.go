package mfa

import (
	"bytes"

	"github.com/outmode/outmode/ingest"
)

// A column is what a column of CSV, or a line of Format-List, holds of an event.
type column uint8

const (
	noColumn column = iota
	columnTime
	columnUTC // a time that is UTC though it does not say so
	columnID
	columnProvider
	columnComputer
	columnActivity
	columnMessage
	columnXML
	columns
)

// columnOf knows a column by its name, in lower case: those of Get-WinEvent, of Write-ADFSEventsSummary (Microsoft's
// AD FS toolbox) and of Log Analytics.
func columnOf(name []byte) column {
	var buf [24]byte
	if len(name) > len(buf) {
		return noColumn
	}
	switch string(appendLower(buf[:0], bytes.TrimSpace(name))) {
	case "timecreated", "time", "timegenerated", "eventtime":
		return columnTime
	case "timegenerated_[utc]":
		return columnUTC
	case "id", "eventid":
		return columnID
	case "providername", "source", "sourcename", "eventsourcename":
		return columnProvider
	case "machinename", "machine", "computer", "hostname":
		return columnComputer
	case "activityid", "correlationid":
		return columnActivity
	case "message", "details", "renderedmessage":
		return columnMessage
	case "eventdata":
		return columnXML
	}
	return noColumn
}

// textEvent is what csvCarrier and blockCarrier share: the columns of one event, and what they say.
type textEvent struct {
	clock   winClock
	values  [columns][]byte // as they stand in the record
	scratch []byte
	xml     xmlCarrier // of EventData
	utc     winClock
}

func (t *textEvent) begin() {
	t.values = [columns][]byte{}
	t.scratch = t.scratch[:0]
	t.xml.scratch = t.xml.scratch[:0]
}

// fill reads the event from its columns; text takes the escapes of the form off.
func (t *textEvent) fill(ev *winEvent, text func([]byte) []byte) (ingest.Decoded, string) {
	ev.provider = spoken(text(t.values[columnProvider]))
	ev.computer = spoken(text(t.values[columnComputer]))
	ev.activity = spoken(text(t.values[columnActivity]))
	ev.message = t.values[columnMessage]
	if v := t.values[columnXML]; len(v) > 0 {
		t.xml.xml.reset(text(v))
		if t.xml.xml.next() == xmlOpen && !t.xml.xml.empty {
			t.xml.data(ev, t.xml.xml.deep)
		}
	}
	clock, at := &t.clock, t.values[columnTime]
	if v := t.values[columnUTC]; v != nil {
		t.utc.order = t.clock.order
		clock, at = &t.utc, v
	}
	return ended(clock, text(at), text(t.values[columnID]), ev)
}

// csvCarrier reads what Export-Csv makes of Windows events: a heading, behind a line that begins with #TYPE in
// PowerShell 5, and records whose messages go over many lines. Between columns stands what the heading uses: a comma, a
// semicolon or a tab.
type csvCarrier struct {
	textEvent
	heading []byte
	sep     byte
	slots   []column // by column
	bad     string   // why records under this heading cannot be read
}

// maxCSVColumns bounds a heading: Get-WinEvent has 26.
const maxCSVColumns = 128

func (c *csvCarrier) head() []byte { return c.heading }

func (c *csvCarrier) reset(heading []byte) {
	c.heading, c.slots = c.heading[:0], c.slots[:0]
	if len(heading) > 0 {
		c.use(heading)
	}
}

// use puts a heading in force.
func (c *csvCarrier) use(heading []byte) {
	if c.slots = c.slots[:0]; !bytes.Equal(heading, c.heading) {
		c.heading = append(c.heading[:0], heading...)
	}
	c.sep = separatorOf(heading)
	var has [columns]bool
	for rest, more := heading, true; more && len(c.slots) < maxCSVColumns; {
		var name []byte
		if name, rest, more = csvField(rest, c.sep); name == nil && more {
			break
		}
		s := columnOf(bytes.Trim(name, `"`))
		if has[s] {
			s = noColumn
		}
		has[s] = s != noColumn
		c.slots = append(c.slots, s)
	}
	c.bad = ""
	if !has[columnTime] && !has[columnUTC] || !has[columnID] || !has[columnMessage] && !has[columnXML] {
		c.bad = "its heading lacks TimeCreated, Id or Message: these are no events that can be read"
	}
}

// separatorOf is what stands between the names of a heading.
func separatorOf(heading []byte) byte {
	best, most := byte(','), 0
	for _, sep := range []byte{',', ';', '\t'} {
		if n := bytes.Count(heading, []byte{sep}); n > most {
			best, most = sep, n
		}
	}
	return best
}

// csvField takes the first field off a record, as it stands there, with its quotes. The field is nil if its quotes are
// broken; more is false behind the last one.
func csvField(record []byte, sep byte) (field, rest []byte, more bool) {
	if len(record) == 0 || record[0] != '"' {
		n := bytes.IndexByte(record, sep)
		if n < 0 {
			return record[:len(record):len(record)], nil, false
		}
		return record[:n:n], record[n+1:], true
	}
	for i := 1; ; {
		n := bytes.IndexByte(record[i:], '"')
		if n < 0 {
			return nil, nil, true
		}
		i += n + 1
		switch {
		case i == len(record):
			return record, nil, false
		case record[i] == sep:
			return record[:i:i], record[i+1:], true
		case record[i] != '"':
			return nil, nil, true
		}
		i++
	}
}

// isHeading tells a heading from an event: its columns are named, and one of them is a time.
func isHeading(record []byte) bool {
	if bytes.IndexByte(record, '\n') >= 0 {
		return false
	}
	var has [columns]bool
	for rest, more, n := record, true, 0; more && n < maxCSVColumns; n++ {
		var name []byte
		if name, rest, more = csvField(rest, separatorOf(record)); name == nil && more {
			return false
		}
		has[columnOf(bytes.Trim(name, `"`))] = true
	}
	return (has[columnTime] || has[columnUTC]) && has[columnID]
}

func (c *csvCarrier) text(raw []byte) []byte {
	if len(raw) < 2 || raw[0] != '"' {
		return raw
	}
	raw = raw[1 : len(raw)-1]
	if bytes.IndexByte(raw, '"') < 0 {
		return raw
	}
	from := len(c.scratch)
	for {
		n := bytes.IndexByte(raw, '"')
		if n < 0 || n+1 >= len(raw) {
			c.scratch = append(c.scratch, raw...)
			return c.scratch[from:len(c.scratch):len(c.scratch)]
		}
		c.scratch = append(c.scratch, raw[:n+1]...)
		raw = raw[n+2:]
	}
}

func (c *csvCarrier) read(record []byte, ev *winEvent) (ingest.Decoded, string) {
	c.begin()
	switch {
	case hasFold(record, "#type"):
		return ingest.Directive, ""
	case isHeading(record):
		c.use(record)
		return ingest.Directive, ""
	case len(c.slots) == 0:
		return ingest.Malformed, noEventHeading
	case c.bad != "":
		return ingest.Malformed, c.bad
	}
	rest, more := record, true
	var found []byte
	for i := 0; more; i++ {
		var field []byte
		if field, rest, more = csvField(rest, c.sep); field == nil && more {
			return ingest.Malformed, noEventQuotes
		}
		if i < len(c.slots) {
			c.values[c.slots[i]] = field
		}
		if found == nil && bytes.Contains(field, []byte(audit)) {
			found = field
		}
		if !more && i+1 < len(c.slots) {
			return ingest.Malformed, noEventFewer
		}
	}
	d, note := c.fill(ev, c.text)
	if found != nil && !ev.holds(audit) {
		ev.message = found
	}
	return d, note
}

// blockCarrier reads what Format-List makes of Windows events: lines of a name, blanks, a colon and a value, in blocks
// with an empty line between them. The lines of a value behind its first begin with as many blanks as stand before it.
// Format-List breaks lines at the width of the window, so that Out-File needs -Width.
type blockCarrier struct {
	textEvent
	indent int // how far from the left the values begin
}

func (c *blockCarrier) head() []byte { return nil }
func (c *blockCarrier) reset([]byte) {}

// text takes the blanks off the lines of a value. raw begins behind the colon of its first line.
func (c *blockCarrier) text(raw []byte) []byte {
	raw = bytes.TrimSpace(raw)
	if bytes.IndexByte(raw, '\n') < 0 {
		return raw
	}
	from := len(c.scratch)
	for line := range bytes.Lines(raw) {
		n := 0
		for len(c.scratch) > from && n < len(line) && n < c.indent && line[n] == ' ' {
			n++
		}
		c.scratch = append(c.scratch, line[n:]...)
	}
	return c.scratch[from:len(c.scratch):len(c.scratch)]
}

// colon is where the colon stands behind the name that a line begins with; -1 if it begins with none.
func colon(line []byte) int {
	n := bytes.IndexByte(line, ':')
	if n < 2 || line[n-1] != ' ' {
		return -1
	}
	for _, c := range bytes.TrimRight(line[:n], " ") {
		if l := c | 0x20; (l < 'a' || l > 'z') && c != '_' && (c < '0' || c > '9') {
			return -1
		}
	}
	if line[0] == ' ' {
		return -1
	}
	return n
}

func (c *blockCarrier) read(record []byte, ev *winEvent) (ingest.Decoded, string) {
	c.begin()
	at := colon(record)
	if at < 0 {
		return ingest.Malformed, noEventBlock
	}
	c.indent = at + 2
	var open column
	from, offset := 0, 0
	var found []byte
	keep := func(end int) {
		v := record[from:end]
		if c.values[open] == nil {
			c.values[open] = v
		}
		if found == nil && bytes.Contains(v, []byte(audit)) {
			found = v
		}
	}
	for line := range bytes.Lines(record) {
		// A name in the text of a message stands further right.
		if colon(line) == at {
			if offset > 0 {
				keep(offset)
			}
			open, from = columnOf(line[:at]), offset+at+1
		}
		offset += len(line)
	}
	keep(offset)
	d, note := c.fill(ev, c.text)
	if found != nil && !ev.holds(audit) {
		ev.message = found
	}
	return d, note
}
