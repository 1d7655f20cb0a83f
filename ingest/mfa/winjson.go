package mfa

import (
	"bytes"
	"strconv"

	"github.com/outmode/outmode/ingest"
)

// jsonCarrier reads Windows events as Get-WinEvent | ConvertTo-Json, winlogbeat and NXLog write them, and the tables of
// Log Analytics.
type jsonCarrier struct {
	clock    winClock
	pick     *picker
	elements *picker    // of Properties
	xml      xmlCarrier // of EventData
}

// The paths of jsonCarrier, by what they lead to: the first that is there counts.
const (
	jsonTimes     = 0
	jsonIDs       = jsonTimes + 8
	jsonProviders = jsonIDs + 5
	jsonComputers = jsonProviders + 5
	jsonActivity  = jsonComputers + 6
	jsonMessages  = jsonActivity + 3
	jsonXML       = jsonMessages + 2
	jsonArray     = jsonXML + 1
	jsonParams    = jsonArray + 1
)

func newJSONCarrier(clock winClock) *jsonCarrier {
	paths := []string{
		// NXLog's EventTime is the event's, @timestamp may be when it was shipped. winlogbeat's @timestamp is the event's.
		"timecreated", "timecreated.value", "winlog.time_created", "eventtime", "timegenerated", "systemtime", "time", "@timestamp",
		"eventid", "id", "winlog.event_id", "event_id", "event.code",
		"providername", "sourcename", "winlog.provider_name", "eventsourcename", "source_name",
		"machinename", "hostname", "winlog.computer_name", "computer", "computer_name", "host.name",
		"activityid", "winlog.activity_id", "correlationid",
		"message", "renderedmessage",
		"eventdata",
		"properties",
	}
	for i := range maxParams { // winlogbeat's names of texts that have none
		paths = append(paths, "winlog.event_data.param"+strconv.Itoa(i+1))
	}
	return &jsonCarrier{clock: clock, pick: newPicker(paths...), elements: newPicker("value")}
}

func (c *jsonCarrier) head() []byte { return nil }
func (c *jsonCarrier) reset([]byte) {}

func (c *jsonCarrier) text(raw []byte) []byte {
	if len(raw) > 0 && raw[0] == '"' {
		return c.pick.unquote(raw)
	}
	return c.xml.text(raw) // a <Data> of EventData
}

// first returns the first of the paths from one up to another that has a text.
func (c *jsonCarrier) first(from, to int) []byte {
	for i := from; i < to; i++ {
		if v := spoken(c.pick.text(i)); v != nil {
			return v
		}
	}
	return nil
}

func (c *jsonCarrier) read(record []byte, ev *winEvent) (ingest.Decoded, string) {
	if err := c.pick.pick(record); err != nil {
		return ingest.Malformed, noEventJSON
	}
	c.xml.scratch = c.xml.scratch[:0]
	ev.provider = c.first(jsonProviders, jsonComputers)
	ev.computer = c.first(jsonComputers, jsonActivity)
	ev.activity = c.first(jsonActivity, jsonMessages)
	for i := jsonMessages; i < jsonXML && ev.message == nil; i++ {
		ev.message = c.string(i)
	}
	c.data(ev)
	// Always look for the audit, in whatever field it is.
	if !ev.holds(audit) {
		if raw := stringWith(record, audit); raw != nil {
			ev.message = raw
		}
	}
	var ok bool
	for i := jsonTimes; i < jsonIDs && !ok; i++ {
		ev.at, ok = c.clock.read(c.pick.text(i))
	}
	if !ok {
		return ingest.Malformed, noEventTime
	}
	for i := jsonIDs; i < jsonProviders; i++ {
		if c.pick.values[i] == nil {
			continue
		}
		if n, ok := c.pick.number(i); ok && 0 <= n && n < 1<<16 {
			ev.id = int(n)
			return ingest.Facts, ""
		}
	}
	return ingest.Malformed, noEventID
}

// string returns a value that is a string, as it stands there.
func (c *jsonCarrier) string(i int) []byte {
	if v := c.pick.values[i]; len(v) > 0 && v[0] == '"' {
		return v
	}
	return nil
}

// data takes the texts of the event from wherever they are.
func (c *jsonCarrier) data(ev *winEvent) {
	if v := c.pick.text(jsonXML); len(v) > 0 && bytes.IndexByte(v, '<') >= 0 {
		c.xml.xml.reset(v)
		if c.xml.xml.next() == xmlOpen && !c.xml.xml.empty {
			c.xml.data(ev, c.xml.xml.deep)
		}
		return
	}
	if v := c.pick.values[jsonArray]; len(v) > 0 && v[0] == '[' {
		each(v, func(element []byte) bool {
			switch {
			case element[0] == '"':
				ev.param(element)
			case c.elements.pick(element) == nil:
				ev.param(c.elements.values[0])
			}
			return true
		})
		return
	}
	for i := jsonParams; i < len(c.pick.values); i++ {
		if c.pick.values[i] == nil {
			break
		}
		ev.param(c.pick.values[i])
	}
}

// holds reports whether a text of the event holds a word, as it stands in the record.
func (e *winEvent) holds(word string) bool {
	for i := range e.n {
		if bytes.Contains(e.params[i], []byte(word)) {
			return true
		}
	}
	return bytes.Contains(e.message, []byte(word))
}

// stringWith returns the first string of a JSON text that holds a word, with its quotes.
func stringWith(record []byte, word string) []byte {
	if !bytes.Contains(record, []byte(word)) {
		return nil
	}
	p := picker{data: record}
	for {
		n := bytes.IndexByte(p.data[p.at:], '"')
		if n < 0 {
			return nil
		}
		p.at += n
		from := p.at
		s, err := p.str()
		if err != nil {
			return nil
		}
		if bytes.Contains(s, []byte(word)) {
			return p.data[from:p.at]
		}
	}
}
