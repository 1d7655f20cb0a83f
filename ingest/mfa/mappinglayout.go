package mfa

import (
	"bytes"
	"strings"
	"time"
)

// The layouts that are words.
const (
	layoutISO      = "rfc3339" // and what calendar reads
	layoutUnix     = "unix"
	layoutUnixMsec = "unix_ms"
)

// A layout is how a time is written: one of the words, or the steps of a layout of Go's package time. It is read here
// without an allocation, and stricter: a zone that is a word must be UTC or GMT, since others mean several.
type layout struct {
	word  string
	steps []step
}

// A step is one part of a layout.
type step struct {
	part    part
	literal string
}

type part uint8

const (
	literalPart part = iota
	yearPart
	shortYearPart // of this century
	monthPart
	monthNamePart
	longMonthPart
	dayNamePart
	longDayPart
	dayPart // one or two digits, and a blank before one
	hourPart
	hour12Part
	minutePart
	secondPart
	halfPart // AM or PM
	fractionPart
	offsetPart // Z, +02:00, +0200
	zonePart   // UTC, GMT
)

// parts are the parts of a layout as Go writes them, longer ones before those that begin like them.
func parts() []step {
	return []step{
		{longMonthPart, "January"}, {monthNamePart, "Jan"}, {longDayPart, "Monday"}, {dayNamePart, "Mon"}, {zonePart, "MST"},
		{yearPart, "2006"}, {offsetPart, "Z07:00"}, {offsetPart, "Z0700"}, {offsetPart, "-07:00"}, {offsetPart, "-0700"},
		{monthPart, "01"}, {dayPart, "02"}, {hour12Part, "03"}, {minutePart, "04"}, {secondPart, "05"}, {shortYearPart, "06"},
		{hourPart, "15"}, {dayPart, "_2"}, {halfPart, "PM"}, {halfPart, "pm"},
		{monthPart, "1"}, {dayPart, "2"}, {hour12Part, "3"}, {minutePart, "4"}, {secondPart, "5"},
	}
}

// newLayout reads a layout and says what is wrong with it, or "".
func newLayout(text string) (l layout, why string) {
	switch text {
	case layoutISO, layoutUnix, layoutUnixMsec:
		return layout{word: text}, ""
	}
	has := map[part]bool{}
	for rest := text; rest != ""; {
		s := nextStep(rest)
		rest = rest[len(s.literal):]
		if n := len(l.steps); s.part == literalPart && n > 0 && l.steps[n-1].part == literalPart {
			l.steps[n-1].literal += s.literal
			continue
		}
		has[s.part] = true
		l.steps = append(l.steps, s)
	}
	month := has[monthPart] || has[monthNamePart] || has[longMonthPart]
	switch {
	case !has[yearPart] && !has[shortYearPart] && (month || has[dayPart]):
		return l, "names no year, and it cannot be guessed: let what writes the log write one, or take the time from another field"
	case !has[yearPart] && !has[shortYearPart] || !month || !has[dayPart]:
		return l, "is no layout with a date; write rfc3339, unix, unix_ms, or the time 2006-01-02 15:04:05 as the log would write it"
	case !has[hourPart] && !has[hour12Part] || !has[minutePart]:
		return l, "has no time of day; write the time 2006-01-02 15:04:05 as the log would write it"
	case has[hour12Part] && !has[halfPart]:
		return l, "has twelve hours and no PM; write 15 for hours from 0 to 23"
	}
	return l, ""
}

func nextStep(text string) step {
	for _, p := range parts() {
		if strings.HasPrefix(text, p.literal) {
			return p
		}
	}
	if text[0] == '.' || text[0] == ',' { // .000 and .999
		n := 1
		for n < len(text) && text[n] == text[1] && (text[1] == '0' || text[1] == '9') {
			n++
		}
		if n > 1 && (n == len(text) || text[n]-'0' > 9) { // 02.01.2006 has none
			return step{fractionPart, text[:n]}
		}
	}
	return step{literalPart, text[:1]}
}

// read reads a time, in Unix milliseconds. A time that names no zone is one of zone; nil is UTC.
func (l *layout) read(b []byte, c *calendar, zone *time.Location) (int64, bool) {
	switch l.word {
	case layoutISO:
		ms, rest, _, ok := c.read(b, zone)
		return ms, ok && len(rest) == 0
	case layoutUnix:
		ms, ok := epoch(b)
		return ms, ok && seconds(b)
	case layoutUnixMsec:
		ms, ok := wholeNumber(b)
		return ms, ok && ms > 0 && ms < 1e14
	}
	return l.walk(b, zone)
}

// seconds reports whether a number is too small to be one of milliseconds.
func seconds(b []byte) bool {
	whole, _, _ := bytes.Cut(b, []byte{'.'})
	n, ok := wholeNumber(whole)
	return ok && n < 1e11
}

// A reading is a time while it is read.
type reading struct {
	year, month, day, hour, minute, second int
	ms, offset                             int64
	zoned, pm, half                        bool
}

func (l *layout) walk(b []byte, zone *time.Location) (int64, bool) {
	var r reading
	for i := range l.steps {
		var ok bool
		if b, ok = r.step(&l.steps[i], b); !ok {
			return 0, false
		}
		if l.steps[i].part == secondPart && (i+1 == len(l.steps) || l.steps[i+1].part != fractionPart) {
			r.ms, b = millis(b)
		}
	}
	if len(b) > 0 || r.month < 1 || r.month > 12 || r.hour > 23 || r.minute > 59 || r.second > 59 || r.year < 1970 {
		return 0, false
	}
	if r.half {
		if r.hour < 1 || r.hour > 12 {
			return 0, false
		}
		if r.hour %= 12; r.pm {
			r.hour += 12
		}
	}
	if r.zoned || zone == nil {
		zone = time.UTC
	}
	t := time.Date(r.year, time.Month(r.month), r.day, r.hour, r.minute, r.second, 0, zone)
	if t.Day() != r.day && time.Date(r.year, time.Month(r.month), r.day, 0, 0, 0, 0, time.UTC).Day() != r.day { // there is no such day
		return 0, false
	}
	ms := t.UnixMilli() + r.ms - r.offset
	return ms, ms > 0
}

func (r *reading) step(s *step, b []byte) (rest []byte, ok bool) {
	switch s.part {
	case literalPart:
		return bytes.CutPrefix(b, []byte(s.literal))
	case yearPart:
		return number(b, 4, 4, &r.year)
	case shortYearPart:
		rest, ok = number(b, 2, 2, &r.year)
		r.year += 2000
		return rest, ok
	case monthPart:
		return number(b, len(s.literal), 2, &r.month)
	case dayPart:
		return number(bytes.TrimPrefix(b, []byte{' '}), 1, 2, &r.day)
	case hourPart, hour12Part:
		return number(b, 1, 2, &r.hour)
	case minutePart:
		return number(b, len(s.literal), 2, &r.minute)
	case secondPart:
		return number(b, len(s.literal), 2, &r.second)
	case fractionPart:
		r.ms, rest = millis(b)
		return rest, len(rest) < len(b)
	case monthNamePart, longMonthPart:
		for m := time.January; m <= time.December; m++ {
			if rest, ok = cutName(b, m.String(), s.part == longMonthPart); ok {
				r.month = int(m)
				return rest, true
			}
		}
	case dayNamePart, longDayPart:
		for d := time.Sunday; d <= time.Saturday; d++ {
			if rest, ok = cutName(b, d.String(), s.part == longDayPart); ok {
				return rest, true
			}
		}
	case halfPart:
		if len(b) < 2 || b[1]|0x20 != 'm' || b[0]|0x20 != 'a' && b[0]|0x20 != 'p' {
			return b, false
		}
		r.half, r.pm = true, b[0]|0x20 == 'p'
		return b[2:], true
	case offsetPart:
		r.offset, rest, r.zoned = offset(b)
		return rest, r.zoned
	case zonePart:
		r.zoned = true
		if len(b) < 3 || !equalFold(b[:3], "utc") && !equalFold(b[:3], "gmt") {
			return b, false
		}
		return b[3:], true
	}
	return b, false
}

// cutName takes the English name of a month or a day off, whole or its first three letters. Case does not count.
func cutName(b []byte, name string, whole bool) (rest []byte, ok bool) {
	if !whole {
		name = name[:3]
	}
	if len(b) < len(name) {
		return b, false
	}
	for i := range len(name) {
		if b[i]|0x20 != name[i]|0x20 {
			return b, false
		}
	}
	return b[len(name):], true
}

// number takes a number of so many digits off.
func number(b []byte, least, most int, to *int) (rest []byte, ok bool) {
	n := 0
	for n < len(b) && n < most && b[n]-'0' <= 9 {
		n++
	}
	if n < least {
		return b, false
	}
	*to, ok = digits(b[:n])
	return b[n:], ok
}
