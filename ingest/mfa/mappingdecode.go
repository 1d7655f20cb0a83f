package mfa

import (
	"bytes"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// mapped decodes a log as a mapping declares it.
type mapped struct {
	log          *MappedLog
	outer, inner splitter
	values       [][]byte // by field
	times        calendar
	words        scribe
	event        signin.MFAFacts
}

func (l *MappedLog) decoder() ingest.Decoder {
	d := &mapped{log: l, values: make([][]byte, len(l.names))}
	d.outer = l.splitter(l.outer)
	if l.inner != "" {
		d.inner = l.splitter(l.inner)
	}
	return d
}

func (l *MappedLog) splitter(format string) splitter {
	switch format {
	case formatCSV:
		return newCSVSplitter(l)
	case formatPairs:
		return newPairSplitter(l)
	case formatCEF:
		return newCEFSplitter(l)
	case formatRegex:
		return newRegexSplitter(l)
	case formatSyslog:
		return newSyslogSplitter(l)
	}
	return &jsonSplitter{newPicker(l.names...)}
}

// Header implements [ingest.Decoder].
func (d *mapped) Header() []byte {
	if s, ok := d.outer.(*csvSplitter); ok && !s.fixed {
		return s.header
	}
	return nil
}

// Reset implements [ingest.Decoder].
func (d *mapped) Reset(header []byte) {
	if s, ok := d.outer.(*csvSplitter); ok && !s.fixed {
		s.use(header)
	}
}

// Decode implements [ingest.Decoder].
func (d *mapped) Decode(record []byte, f *signin.Facts) ingest.Decoded {
	*f = signin.Facts{Kind: signin.Mapped}
	d.words.clear()
	clear(d.values)
	if record = trimRecord(record); len(record) == 0 {
		return ingest.Blank
	}
	got, note := d.outer.split(record, d.values)
	if got == ingest.Facts && d.inner != nil {
		if inner := d.values[d.log.message]; inner != nil {
			got, note = d.inner.split(inner, d.values)
		} else {
			got, note = ingest.Other, noteNoInner
		}
	}
	switch got {
	case ingest.Facts:
		return d.facts(f)
	case ingest.Malformed:
		return unread(f, note)
	}
	f.Note = note
	return got
}

// facts reads the fields of a record.
func (d *mapped) facts(f *signin.Facts) ingest.Decoded {
	l := d.log
	at, dated := d.when()
	user, word := d.user(), d.first(l.outcome)
	switch {
	case !d.all(l.where):
		f.Note = noteElsewhere
	case user == nil && word == nil:
		f.Note = noteNothing
	case !dated:
		return unread(f, noteNoTime)
	}
	if f.Note != "" {
		if !dated {
			return ingest.Other
		}
		f.Time = at
		return ingest.Facts
	}
	f.Time, f.Server = at, d.first(l.server)
	d.event = signin.MFAFacts{Time: at, User: user, Application: d.application(), Address: d.address(), Factor: d.words.word(d.first(l.factor)),
		Gateway: f.Server, Transaction: d.first(l.id)}
	d.event.Outcome, d.event.Reason = d.judge(word)
	f.MFA = &d.event
	return ingest.Facts
}

// application is what the record says is signed in to, behind the name of the mapping: what two gateways each call mail are
// two. The name alone where it says nothing.
func (d *mapped) application() []byte {
	if app := d.first(d.log.app); app != nil {
		return d.words.below(d.log.application, app)
	}
	return d.log.application
}

// first is the first of some fields that says something: a dash and null say that there is nothing.
func (d *mapped) first(fields []int) []byte {
	for _, i := range fields {
		if v := d.values[i]; v != nil && string(v) != "-" && !isWord(v, "null") {
			return v
		}
	}
	return nil
}

// when reads the time: the first field that one of the layouts reads.
func (d *mapped) when() (int64, bool) {
	for _, i := range d.log.time {
		for n := range d.log.layouts {
			if ms, ok := d.log.layouts[n].read(d.values[i], &d.times, d.log.zone); ok {
				return ms, true
			}
		}
	}
	return 0, false
}

// user names the person, without the ending that is no part of the name.
func (d *mapped) user() []byte {
	user := d.first(d.log.user)
	for _, s := range d.log.suffixes {
		if n := len(user) - len(s); n > 0 && equalFold(user[n:], s) {
			return user[:n]
		}
	}
	return user
}

// address is that of the client, one of a list.
func (d *mapped) address() []byte {
	b := d.first(d.log.ip)
	if d.log.last {
		b = b[bytes.LastIndexByte(b, ',')+1:]
	} else if comma := bytes.IndexByte(b, ','); comma >= 0 {
		b = b[:comma]
	}
	b = present(b)
	for _, word := range d.log.unknown {
		if isFolded(b, word) {
			return nil
		}
	}
	if d.log.stripPort {
		b = bareHost(b)
	}
	return b
}

// judge says what became of the second factor, and in which word the record says it.
func (d *mapped) judge(word []byte) (signin.FactorOutcome, []byte) {
	for i := range d.log.when {
		if w := &d.log.when[i]; d.all(w.tests) {
			return w.then, word
		}
	}
	for _, i := range d.log.outcome {
		if d.values[i] == nil {
			continue
		}
		if is, ok := d.log.words[string(d.words.word(d.values[i]))]; ok {
			return is, d.values[i]
		}
	}
	return d.log.otherwise, word
}

// all reports whether all conditions hold.
func (d *mapped) all(tests []test) bool {
	for i := range tests {
		if !d.holds(&tests[i]) {
			return false
		}
	}
	return true
}

func (d *mapped) holds(t *test) bool {
	for _, word := range t.words {
		if isFolded(d.values[t.field], word) {
			return true
		}
	}
	return false
}

// isFolded compares a text with a word as scribe.word writes it.
func isFolded(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i, c := range b {
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case c == ' ':
			c = '_'
		}
		if c != word[i] {
			return false
		}
	}
	return true
}
