package mfa

import (
	"bytes"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// The keys that DuoLogSync writes. A value ends where the next of them begins: nothing is escaped, and a value may hold
// blanks and other equals signs.
const (
	cefHost = iota // of the client's computer
	cefSource
	cefOutcome
	cefTime
	cefUser
	cefAdmin
	cefMessage
	cefCustom // cs1 to cs6, and behind them their labels
	cefKeys   = cefCustom + 2*cefCustoms

	cefCustoms = 6
)

// cefMark begins the header of a line, behind a prefix of syslog.
const cefMark = "CEF:0|Duo Security|DuoLogSync|"

// A cefLine is what a line of DuoLogSync's CEF holds.
type cefLine struct {
	host   []byte // of DuoLogSync, from the prefix
	stream []byte // authentication, administrator, telephony
	values [cefKeys][]byte
}

// cef decodes a line of DuoLogSync's CEF. Source: duosecurity/duo_log_sync, consumer/cef.py and the consumers beside it.
func (d *duo) cef(line []byte, f *signin.Facts) ingest.Decoded {
	var c cefLine
	if note := c.split(line); note != "" {
		return unread(f, note)
	}
	log, note := duoStreamOf(c.stream)
	switch log {
	case duoAuth:
		f.Kind = signin.Duo
	case duoAdmin:
		f.Kind = signin.DuoAdmin
	}
	var ok bool
	if f.Time, ok = epoch(c.values[cefTime]); !ok {
		if log == duoOther {
			f.Note = note
			return ingest.Other
		}
		return unread(f, noteNoTime)
	}
	f.Server = c.host
	switch log {
	case duoAuth:
		return d.cefAuth(&c, f)
	case duoAdmin:
		return d.action(f, c.custom("action"), c.custom("object"), c.values[cefMessage])
	}
	f.Note = note
	return ingest.Facts
}

func (d *duo) cefAuth(c *cefLine, f *signin.Facts) ingest.Decoded {
	factor := d.words.word(c.custom("factor"))
	d.event = signin.MFAFacts{
		Time: f.Time, User: c.values[cefUser], Application: c.custom("integration"), Address: bareHost(c.values[cefSource]),
		Factor: factor, Gateway: f.Server,
		Outcome: d.judge(isWord(c.custom("event_type"), "enrollment"), c.values[cefOutcome], factor, nil, duoCEFFactors),
	}
	f.MFA = &d.event
	return ingest.Facts
}

// split takes a line apart and returns what is wrong with it, or "".
func (c *cefLine) split(line []byte) string {
	prefix, rest, ok := bytes.Cut(line, []byte(cefMark))
	if !ok || !isSyslog(prefix) {
		return noteNoDuo
	}
	c.host = lastWord(prefix)
	var fields [4][]byte // version, signature, name, severity
	for i := range fields {
		if fields[i], rest, ok = bytes.Cut(rest, []byte{'|'}); !ok {
			return noteCEFCut
		}
	}
	c.stream = fields[1]
	last, from := -1, 0 // the key before, and where its value begins
	for i := 0; i < len(rest); i++ {
		if i > 0 && rest[i-1] != ' ' {
			continue
		}
		key, n := cefKey(rest[i:])
		if n == 0 {
			continue
		}
		if last >= 0 {
			c.values[last] = said(rest[from:i])
		}
		if c.values[key] != nil || key == last {
			return noteCEFTwice
		}
		c.values[key] = rest[i+n : i+n] // there, whatever its value is
		last, from = key, i+n
		i += n - 1
	}
	if last < 0 {
		return noteCEFCut
	}
	c.values[last] = said(rest[from:])
	for i, v := range c.values {
		if len(v) == 0 {
			c.values[i] = nil
		}
	}
	return ""
}

// said makes None, as Python writes it, an empty value.
func said(v []byte) []byte {
	if v = bytes.TrimSpace(v); string(v) == "None" {
		return v[:0]
	}
	return v
}

// custom returns the value of the custom string with that label.
func (c *cefLine) custom(label string) []byte {
	for i := range cefCustoms {
		if string(c.values[cefCustom+cefCustoms+i]) == label {
			return c.values[cefCustom+i]
		}
	}
	return nil
}

// cefKey returns the key that text begins with, and its length with the equals sign; 0 if there is none.
func cefKey(text []byte) (key, n int) {
	for i, name := range [...]string{cefHost: "dhost=", cefSource: "src=", cefOutcome: "outcome=", cefTime: "rt=", cefUser: "duser=", cefAdmin: "suser=", cefMessage: "msg="} {
		if bytes.HasPrefix(text, []byte(name)) {
			return i, len(name)
		}
	}
	if len(text) < 4 || text[0] != 'c' || text[1] != 's' || text[2]-'1' >= cefCustoms {
		return 0, 0
	}
	key = cefCustom + int(text[2]-'1')
	switch {
	case text[3] == '=':
		return key, 4
	case bytes.HasPrefix(text[3:], []byte("Label=")):
		return key + cefCustoms, len("cs1Label=")
	}
	return 0, 0
}

// isSyslog reports whether what stands before a CEF header is a prefix of syslog: nothing, or a priority, a time as
// RFC 3164 or RFC 5424 has it, and hosts. Of a line of another log, which somebody put the header into, it is not.
func isSyslog(prefix []byte) bool {
	if len(prefix) > 0 && prefix[0] == '<' {
		end := bytes.IndexByte(prefix, '>')
		if end < 0 {
			return false
		}
		prefix = prefix[end+1:]
	}
	if len(prefix) == 0 {
		return true
	}
	if len(prefix) > 200 || prefix[len(prefix)-1] != ' ' || bytes.ContainsAny(prefix, ",/|#[\"") {
		return false
	}
	prefix = bytes.TrimPrefix(prefix, []byte("1 "))
	if len(prefix) > dayTime && prefix[dayForm] == 'T' {
		var c calendar
		_, _, _, ok := c.read(prefix, nil)
		return ok
	}
	return len(prefix) >= len("Oct 06 10:00:07 ") && bytes.Contains([]byte("JanFebMarAprMayJunJulAugSepOctNovDec"), prefix[:3]) && prefix[3] == ' '
}

// lastWord returns the host of a prefix of syslog: the word before the header.
func lastWord(prefix []byte) []byte {
	prefix = bytes.TrimRight(prefix, " ")
	prefix = prefix[bytes.LastIndexByte(prefix, ' ')+1:]
	if len(prefix) == 0 || string(prefix) == "-" || prefix[0] == '<' || prefix[0]-'0' <= 9 && bytes.IndexByte(prefix, ':') > 0 { // a priority or a time
		return nil
	}
	return prefix
}
