package mfa

import (
	"bytes"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// A form is how a text is written, as far as its head shows.
type form uint8

const (
	formOther  form = iota
	formXML         // <Event> elements
	formJSON        // objects, one behind the other or in an array
	formCSV         // with a heading
	formBlocks      // Format-List
)

var formNames = [...]string{formXML: "event XML", formJSON: "JSON", formCSV: "CSV", formBlocks: "Format-List"}

// formOf tells the form by how the text begins.
func formOf(head []byte) form {
	head = bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF")))
	switch {
	case len(head) == 0:
		return formOther
	case head[0] == '<':
		return formXML
	case head[0] == '{' || head[0] == '[':
		return formJSON
	case hasFold(head, "#type"):
		return formCSV
	}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	switch {
	case colon(line) >= 0:
		return formBlocks
	case bytes.IndexByte(line, separatorOf(line)) >= 0:
		return formCSV
	}
	return formOther
}

// firstHeading is the first line of CSV that is not #TYPE.
func firstHeading(head []byte) []byte {
	for line := range bytes.Lines(head) {
		if line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\xEF\xBB\xBF"))); len(line) > 0 && !hasFold(line, "#type") {
			return line
		}
	}
	return nil
}

// records gives the records of a head to visit, until it returns false. The last one, which may be cut, is left out but
// where the form shows that it is whole.
func records(f form, head []byte, visit func(record []byte) bool) {
	switch f {
	case formXML:
		for {
			from := bytes.Index(head, []byte("<Event"))
			if from < 0 || from+6 == len(head) {
				return
			}
			if c := head[from+6]; c != '>' && bytes.IndexByte([]byte(xmlBlanks), c) < 0 { // <Events>, <EventData>
				head = head[from+6:]
				continue
			}
			end := bytes.Index(head[from:], []byte("</Event>"))
			if end < 0 || !visit(head[from:from+end+8]) {
				return
			}
			head = head[from+end+8:]
		}
	case formJSON:
		documents(head, visit)
	case formCSV:
		for len(head) > 0 {
			end := recordEnd(head)
			if end < 0 || !visit(bytes.TrimRight(head[:end], "\r\n")) {
				return
			}
			head = head[end:]
		}
	case formBlocks:
		for len(head) > 0 {
			block := bytes.TrimLeft(head, "\r\n")
			end := bytes.Index(block, []byte("\n\n"))
			if crlf := bytes.Index(block, []byte("\n\r\n")); crlf >= 0 && (end < 0 || crlf < end) {
				end = crlf
			}
			if end < 0 {
				visit(block)
				return
			}
			if !visit(block[:end]) {
				return
			}
			head = block[end:]
		}
	}
}

// recordEnd is behind the line end that closes the first record of CSV; -1 if there is none.
func recordEnd(text []byte) int {
	quoted := false
	for i, c := range text {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '\n' && !quoted:
			return i + 1
		}
	}
	return -1
}

// documents gives JSON objects to visit: one behind the other, or in an array.
func documents(text []byte, visit func(doc []byte) bool) {
	p := picker{data: bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF"))}
	for {
		switch c := p.next(); c {
		case '[', ',':
			p.at++
		case '{':
			from := p.at
			if p.skip(0) != nil || !visit(p.data[from:p.at]) {
				return
			}
		default:
			return
		}
	}
}

// newCarrier returns what reads a form; nil if nothing does.
func (f form) newCarrier(clock winClock) carrier {
	switch f {
	case formXML:
		return &xmlCarrier{clock: clock}
	case formJSON:
		return newJSONCarrier(clock)
	case formCSV:
		return &csvCarrier{textEvent: textEvent{clock: clock}}
	case formBlocks:
		return &blockCarrier{textEvent: textEvent{clock: clock}}
	}
	return nil
}

// framed says in f what the records of the form are.
func (x form) framed(f ingest.Format, head []byte) ingest.Format {
	switch x {
	case formXML:
		f.Framing = ingest.XMLRecords
	case formJSON:
		return inJSON(f, head)
	case formCSV:
		f.Framing = ingest.CSVRecords
	case formBlocks:
		f.Framing = ingest.BlockRecords
	}
	return f
}

// An exportLook is what the head of an export of Windows events shows.
type exportLook struct {
	form  form
	clock winClock
}

// name tells one export from another that is decoded otherwise.
func (x exportLook) name() string {
	switch x.clock.order {
	case dayFirst:
		return formNames[x.form] + ", day before month"
	case monthFirst:
		return formNames[x.form] + ", month before day"
	}
	return formNames[x.form]
}

// lookAt reads the events of a head, in times of the zone of a kind, and gives them to is, until it says that one is its program's. ok is false if none is.
func (o *Options) lookAt(head []byte, kind signin.Kind, is func(d *winDecoder) bool) (x exportLook, ok bool) {
	head = bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF"))
	x = exportLook{form: formOf(head), clock: winClock{zone: o.zone(kind)}}
	d := winDecoder{carrier: x.form.newCarrier(x.clock)}
	if d.carrier == nil {
		return x, false
	}
	records(x.form, head, func(record []byte) bool {
		d.ev, d.words = winEvent{}, nil
		decoded, note := d.read(record, &d.ev)
		// A time that cannot be read is no reason not to know the program.
		ok = ok || (decoded == ingest.Facts || note == noEventTime) && is(&d)
		if t := d.dates(); t != nil && x.clock.order == anyOrder {
			x.clock.order = orderOf(bytes.TrimSpace(d.text(t)))
		}
		return !ok || x.clock.order == anyOrder && x.form >= formCSV
	})
	return x, ok
}

// dates is the time of the event at hand where its order is not fixed.
func (d *winDecoder) dates() []byte {
	switch c := d.carrier.(type) {
	case *csvCarrier:
		return c.values[columnTime]
	case *blockCarrier:
		return c.values[columnTime]
	}
	return nil
}

// lookADFS knows exports of AD FS's audits: by their provider; where that is not exported, by an AuditBase in an event of
// its number, or by the names that Write-ADFSEventsSummary gives. Their records belong together.
func lookADFS(o *Options, head []byte) ingest.Format {
	summary := isSummary(head)
	x, ok := o.lookAt(head, signin.ADFSLog, func(d *winDecoder) bool {
		if p := d.ev.provider; p != nil {
			return hasFold(p, "ad fs")
		}
		return summary || d.ev.id >= 1200 && d.ev.id <= 1210 && d.ev.holds(audit)
	})
	if !ok {
		return ingest.Format{}
	}
	return x.form.framed(ingest.Format{
		Kind: signin.ADFSLog, Name: "AD FS audit events, " + x.name(), Sessions: true, Named: true,
		Decoder: func() ingest.Decoder { return newADFSDecoder(o, x.form.newCarrier(x.clock)) },
	}, head)
}

// isSummary knows what Write-ADFSEventsSummary writes: Time, EventID, Details, CorrelationID, Machine, Log.
func isSummary(head []byte) bool {
	switch formOf(head) {
	case formCSV:
		heading := bytes.ToLower(firstHeading(head))
		return bytes.Contains(heading, []byte("eventid")) && bytes.Contains(heading, []byte("details")) && bytes.Contains(heading, []byte("correlationid"))
	case formBlocks:
		return bytes.Contains(head, []byte("\nEventID ")) && bytes.Contains(head, []byte("\nDetails ")) && bytes.Contains(head, []byte("\nCorrelationID "))
	}
	return false
}

// lookNPS knows exports of the NPS extension's events: by their provider, or by how their text begins.
func lookNPS(o *Options, head []byte) ingest.Format {
	x, ok := o.lookAt(head, signin.NPS, func(d *winDecoder) bool {
		if p := d.ev.provider; p != nil {
			return contains(p, "azuremfa")
		}
		return bytes.HasPrefix(d.text(d.ev.message), []byte(npsName))
	})
	if !ok {
		return ingest.Format{}
	}
	return x.form.framed(ingest.Format{
		Kind: signin.NPS, Name: "NPS extension events, " + x.name(), Named: true,
		Decoder: func() ingest.Decoder {
			return &winDecoder{carrier: x.form.newCarrier(x.clock), teller: &nps{options: o}, kind: signin.NPS}
		},
	}, head)
}

// lookEvents knows Windows events of which none in the head is of a program that is read: it is asked behind all others.
func lookEvents(o *Options, head []byte) ingest.Format {
	_, ok := o.lookAt(head, signin.UnknownKind, func(d *winDecoder) bool { return d.ev.provider != nil && d.ev.id > 0 })
	if !ok {
		return ingest.Format{}
	}
	return notCounted("Windows events of other programs", "none of the first is of AD FS or of the NPS extension; export those alone, by their provider")
}
