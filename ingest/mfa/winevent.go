package mfa

import (
	"bytes"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// A winEvent is one event of the Windows event log, whoever carried it here. Its texts are borrowed from the record or
// from the carrier.
type winEvent struct {
	at       int64 // Unix milliseconds
	id       int
	provider []byte // nil where the carrier does not say
	computer []byte
	activity []byte // the activity id of the System part, or of a column

	// params are the texts that the event was written with, in their order, message is what Windows made of them in the
	// language of the server. Both are as they stand in the record: see carrier.text.
	params  [maxParams][]byte
	n       int
	message []byte
}

// maxParams is how many of its texts are read of an event: AD FS 500 and 501 have 21.
const maxParams = 24

func (e *winEvent) param(raw []byte) {
	if e.n < maxParams {
		e.params[e.n] = raw
		e.n++
	}
}

// A carrier reads Windows events in one of the forms in which they are exported.
type carrier interface {
	// read fills ev. Where it returns something else than Facts, note says why.
	read(record []byte, ev *winEvent) (d ingest.Decoded, note string)
	// text returns a param or a message without the escapes of the form, valid until the next read.
	text(raw []byte) []byte
	// head returns the heading in force, reset puts one in force.
	head() []byte
	reset(heading []byte)
}

// The remarks on records that cannot be read.
const (
	noEventTime    = "the event has no time that can be read"
	noEventID      = "the event has no number"
	noEventXML     = "not an <Event>, or its XML is broken"
	noEventJSON    = "not an event in JSON"
	noEventHeading = "no heading before it"
	noEventQuotes  = "its quotes and separators do not make columns"
	noEventFewer   = "fewer columns than the heading names"
	noEventBlock   = "not a block of names and values as Format-List writes them, or the rest of one whose empty lines lost their blanks"
)

// A teller says what an event means. f is reset but for its kind, time and server.
type teller interface {
	tell(d *winDecoder, f *signin.Facts)
	forget()
}

// A winDecoder decodes the exports of one program's Windows events.
type winDecoder struct {
	carrier
	teller
	kind  signin.Kind
	ev    winEvent
	mfa   signin.MFAFacts
	words []byte // the message, where it is read
	more  []byte // texts that were escaped twice
}

// Decode implements [ingest.Decoder].
func (d *winDecoder) Decode(record []byte, f *signin.Facts) ingest.Decoded {
	*f = signin.Facts{Kind: d.kind}
	record = bytes.TrimPrefix(bytes.Trim(record, "\x00\r\n"), []byte("\xEF\xBB\xBF"))
	if len(bytes.TrimSpace(record)) == 0 {
		return ingest.Blank
	}
	d.ev, d.mfa, d.words, d.more = winEvent{}, signin.MFAFacts{}, nil, d.more[:0]
	decoded, note := d.read(record, &d.ev)
	if decoded != ingest.Facts {
		f.Note = note
		return decoded
	}
	f.Time, f.Server = d.ev.at, spoken(d.ev.computer)
	d.tell(d, f)
	if f.Note == badAudit {
		*f = signin.Facts{Kind: d.kind, Note: f.Note}
		return ingest.Malformed
	}
	return ingest.Facts
}

// Header implements [ingest.Decoder].
func (d *winDecoder) Header() []byte { return d.head() }

// Reset implements [ingest.Decoder].
func (d *winDecoder) Reset(header []byte) {
	d.reset(header)
	d.forget()
}

// event makes f the one event of a second factor that the record tells.
func (d *winDecoder) event(f *signin.Facts, o signin.FactorOutcome) *signin.MFAFacts {
	d.mfa.Time, d.mfa.Gateway, d.mfa.Outcome = f.Time, f.Server, o
	f.MFA = &d.mfa
	return &d.mfa
}

// texts gives the texts of the event to visit, the params first, until it returns false. Only those are unescaped that
// hold word as it stands; "" for all.
func (d *winDecoder) texts(word string, visit func(text []byte) bool) {
	for i := range d.ev.n + 1 {
		raw := d.ev.message
		if i < d.ev.n {
			raw = d.ev.params[i]
		}
		if len(raw) > 0 && (word == "" || bytes.Contains(raw, []byte(word))) && !visit(d.text(raw)) {
			return
		}
	}
}

// spoken is nil for what stands for nothing: "", "-" and "N/A".
func spoken(text []byte) []byte {
	text = bytes.TrimSpace(text)
	switch string(text) {
	case "", "-", "N/A":
		return nil
	}
	return text
}

// whole reads the number of an event.
func whole(text []byte) (n int, ok bool) {
	text = bytes.TrimSpace(text)
	for _, c := range text {
		if c < '0' || c > '9' || n >= 1<<16 {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, len(text) > 0 && n < 1<<16
}

// sameWord compares a text with a word in lower case.
func sameWord(text []byte, lower string) bool {
	return len(text) == len(lower) && equalFold(text, lower)
}

// hasFold reports whether text begins with a word in lower case.
func hasFold(text []byte, lower string) bool {
	return len(text) >= len(lower) && equalFold(text[:len(lower)], lower)
}

// appendLower appends text in lower case, blanks as _.
func appendLower(dst, text []byte) []byte {
	for _, c := range text {
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case c == ' ':
			c = '_'
		}
		dst = append(dst, c)
	}
	return dst
}

// isGUID reports whether text is one, with dashes and without braces.
func isGUID(text []byte) bool {
	if len(text) != 36 {
		return false
	}
	for i, c := range text {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if _, ok := digit(c); !ok {
				return false
			}
		}
	}
	return true
}

// guid is nil for what is no GUID, and for the one of zeros alone.
func guid(text []byte) []byte {
	text = bytes.Trim(text, "{} \t\r\n")
	if !isGUID(text) || len(bytes.Trim(text, "0-")) == 0 {
		return nil
	}
	return text
}
