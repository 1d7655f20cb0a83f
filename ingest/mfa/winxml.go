package mfa

import (
	"bytes"

	"github.com/outmode/outmode/ingest"
)

// xmlCarrier reads <Event> elements as wevtutil writes them, one after the other without a root or in <Events>, and as
// Event Viewer saves them.
type xmlCarrier struct {
	clock   winClock
	xml     xmlReader
	scratch []byte
}

func (c *xmlCarrier) head() []byte         { return nil }
func (c *xmlCarrier) reset([]byte)         {}
func (c *xmlCarrier) keep(v []byte) []byte { return c.text(bytes.TrimSpace(v)) }

func (c *xmlCarrier) text(raw []byte) []byte {
	if bytes.IndexByte(raw, '&') < 0 && bytes.IndexByte(raw, '<') < 0 {
		return raw
	}
	from := len(c.scratch)
	c.scratch = appendXMLText(c.scratch, raw)
	return c.scratch[from:len(c.scratch):len(c.scratch)]
}

func (c *xmlCarrier) read(record []byte, ev *winEvent) (ingest.Decoded, string) {
	c.scratch = c.scratch[:0]
	c.xml.reset(record)
	for {
		k := c.xml.next()
		if k == xmlText && len(bytes.TrimSpace(c.xml.text)) == 0 {
			continue
		}
		if k != xmlOpen || string(c.xml.name) != "Event" || c.xml.empty {
			return ingest.Malformed, noEventXML
		}
		break
	}
	var at, id []byte
	for {
		switch c.xml.next() {
		case xmlBad, xmlEnd:
			return ingest.Malformed, noEventXML
		case xmlClose:
			return ended(&c.clock, at, id, ev)
		case xmlOpen:
			if c.xml.empty {
				continue
			}
			ok := true
			switch string(c.xml.name) {
			case "System":
				at, id, ok = c.system(ev)
			case "EventData", "UserData":
				ok = c.data(ev, c.xml.deep)
			case "RenderingInfo":
				ok = c.rendered(ev)
			default:
				_, ok = c.xml.inner()
			}
			if !ok {
				return ingest.Malformed, noEventXML
			}
		}
	}
}

// ended reads the time and the number of an event, of which the one is needed and the other too.
func ended(clock *winClock, at, id []byte, ev *winEvent) (ingest.Decoded, string) {
	var ok bool
	if ev.at, ok = clock.read(at); !ok {
		return ingest.Malformed, noEventTime
	}
	if ev.id, ok = whole(id); !ok {
		return ingest.Malformed, noEventID
	}
	return ingest.Facts, ""
}

func (c *xmlCarrier) system(ev *winEvent) (at, id []byte, ok bool) {
	for {
		switch c.xml.next() {
		case xmlBad, xmlEnd:
			return nil, nil, false
		case xmlClose:
			return at, id, true
		case xmlOpen:
			switch string(c.xml.name) {
			case "Provider":
				ev.provider = c.keep(c.xml.attr("Name"))
			case "TimeCreated":
				at = c.xml.attr("SystemTime")
			case "Correlation":
				ev.activity = c.xml.attr("ActivityID")
			}
			name := c.xml.name
			raw, ok := c.xml.inner()
			if !ok {
				return nil, nil, false
			}
			switch string(name) {
			case "EventID":
				id = c.keep(raw)
			case "Computer":
				ev.computer = c.keep(raw)
			}
		}
	}
}

// data takes the texts of EventData, or of UserData, where each has a name of its own; deep is how deep the tag stands.
func (c *xmlCarrier) data(ev *winEvent, deep int) bool {
	for {
		switch c.xml.next() {
		case xmlBad, xmlEnd:
			return false
		case xmlClose:
			if c.xml.deep < deep {
				return true
			}
		case xmlOpen:
			if c.xml.empty {
				ev.param(nil)
				continue
			}
			if string(c.xml.name) != "Data" {
				continue
			}
			raw, ok := c.xml.inner()
			if !ok {
				return false
			}
			ev.param(raw)
		case xmlText, xmlCDATA:
			if len(bytes.TrimSpace(c.xml.text)) > 0 {
				ev.param(c.xml.text)
			}
		}
	}
}

func (c *xmlCarrier) rendered(ev *winEvent) bool {
	for {
		switch c.xml.next() {
		case xmlBad, xmlEnd:
			return false
		case xmlClose:
			return true
		case xmlOpen:
			message := string(c.xml.name) == "Message"
			raw, ok := c.xml.inner()
			if !ok {
				return false
			}
			if message {
				ev.message = raw
			}
		}
	}
}
