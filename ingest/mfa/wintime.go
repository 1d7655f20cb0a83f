package mfa

import (
	"bytes"
	"time"
)

// A dateOrder is in which order a file writes the day and the month where it writes neither first of all the year nor
// puts dots between them.
type dateOrder uint8

const (
	anyOrder dateOrder = iota // no date of its head tells: month first where AM or PM follows, else day first
	dayFirst
	monthFirst
)

// A winClock reads the times that exports of Windows events hold, in Unix milliseconds, UTC.
type winClock struct {
	zone  *time.Location // of times that name none; nil: UTC
	order dateOrder
}

// read reads a time: /Date(1791270000000)/ of PowerShell 5; ISO 8601 with a T or a blank, a fraction of any length, a
// zone or none; and what a culture makes of it, as Export-Csv and Format-List write it. ok is false for anything else,
// and for a time that is not after 1970: 0 is no time.
func (c *winClock) read(b []byte) (ms int64, ok bool) {
	b = bytes.TrimSpace(b)
	if rest, is := bytes.CutPrefix(b, []byte("/Date(")); is {
		ms, ok = ticks(rest)
	} else {
		ms, ok = c.calendar(b)
	}
	return ms, ok && ms > 0
}

// ticks reads what follows on /Date(: milliseconds since 1970 in UTC. The zone behind them is how they were shown.
func ticks(b []byte) (int64, bool) {
	n, i := int64(0), 0
	for i < len(b) && i < 15 && '0' <= b[i] && b[i] <= '9' {
		n = 10*n + int64(b[i]-'0')
		i++
	}
	rest := b[i:]
	if len(rest) > 1 && (rest[0] == '+' || rest[0] == '-') {
		rest = bytes.TrimLeft(rest[1:], "0123456789")
	}
	return n, i > 0 && string(rest) == ")/"
}

// calendar reads a date and a time of day.
func (c *winClock) calendar(b []byte) (int64, bool) {
	var n [3]int
	rest, separator := b, byte(0)
	first := 0 // digits of the first number
	for i := range n {
		digits := 0
		for digits < len(rest) && '0' <= rest[digits] && rest[digits] <= '9' {
			n[i] = 10*n[i] + int(rest[digits]-'0')
			if digits++; digits > 4 {
				return 0, false
			}
		}
		if digits == 0 {
			return 0, false
		}
		if i == 0 {
			first = digits
		}
		rest = rest[digits:]
		if i == 2 {
			break
		}
		if len(rest) == 0 || rest[0] != '/' && rest[0] != '.' && rest[0] != '-' || i == 1 && rest[0] != separator {
			return 0, false
		}
		separator = rest[0]
		rest = bytes.TrimLeft(rest[1:], " ")
	}
	rest = bytes.TrimPrefix(rest, []byte(".")) // as in Hungary
	if bytes.HasPrefix(rest, []byte(", ")) {   // as Log Analytics exports it
		rest = rest[1:]
	}
	iso := first == 4 && separator == '-'
	if len(rest) == 0 || rest[0] != ' ' && (rest[0] != 'T' || !iso) {
		return 0, false
	}
	t, ok := timeOfDay(rest[1:], iso)
	if !ok {
		return 0, false
	}
	year, month, day, ok := c.date(n, first, separator, t.half)
	if !ok {
		return 0, false
	}
	zone := c.zone
	if t.zoned || zone == nil {
		zone = time.UTC
	}
	at := time.Date(year, time.Month(month), day, t.hour, t.minute, t.second, t.nano, zone)
	// time.Date turns the 31st of September into the 1st of October.
	if at.Day() != day || int(at.Month()) != month {
		return 0, false
	}
	return at.UnixMilli() - int64(t.offset)*int64(time.Minute/time.Millisecond), true
}

// date says what the three numbers of a date are.
func (c *winClock) date(n [3]int, first int, separator byte, half bool) (year, month, day int, ok bool) {
	switch {
	case first == 4:
		year, month, day = n[0], n[1], n[2]
	case separator == '.', c.order == dayFirst, c.order == anyOrder && !half:
		day, month, year = n[0], n[1], n[2]
	default:
		month, day, year = n[0], n[1], n[2]
	}
	return year, month, day, year >= 1970 && 1 <= month && month <= 12 && 1 <= day && day <= 31
}

// orderOf looks at a date that begins b: it tells the order where one of its numbers can be no month.
func orderOf(b []byte) dateOrder {
	one, rest := leading(b)
	if one == 0 || len(rest) == 0 || rest[0] != '/' && rest[0] != '-' {
		return anyOrder
	}
	two, rest2 := leading(rest[1:])
	switch {
	case two == 0 || len(rest2) == 0 || rest2[0] != rest[0] || one > 31 || two > 31:
		return anyOrder
	case one > 12 && two <= 12:
		return dayFirst
	case two > 12 && one <= 12:
		return monthFirst
	}
	return anyOrder
}

func leading(b []byte) (n int, rest []byte) {
	i := 0
	for i < len(b) && i < 4 && '0' <= b[i] && b[i] <= '9' {
		n = 10*n + int(b[i]-'0')
		i++
	}
	return n, b[i:]
}

// A winTimeOfDay is a time of day.
type winTimeOfDay struct {
	hour, minute, second, nano int
	half                       bool // AM or PM stands behind it
	zoned                      bool
	offset                     int // minutes east of UTC
}

// timeOfDay reads "8:00", "08:00:00.1234567", "8:00:00 PM" and, where the date is ISO's, a zone behind it.
func timeOfDay(b []byte, iso bool) (t winTimeOfDay, ok bool) {
	b = bytes.TrimLeft(b, " ")
	if t.hour, b, ok = upTo(b, 23); !ok || len(b) == 0 || b[0] != ':' && b[0] != '.' {
		return t, false
	}
	colon := b[0]
	if t.minute, b, ok = upTo(b[1:], 59); !ok {
		return t, false
	}
	if len(b) > 0 && b[0] == colon {
		if t.second, b, ok = upTo(b[1:], 59); !ok {
			return t, false
		}
	}
	if len(b) > 1 && (b[0] == '.' || b[0] == ',') {
		scale, i := int(time.Second), 1
		for ; i < len(b) && '0' <= b[i] && b[i] <= '9'; i++ {
			if scale /= 10; scale > 0 {
				t.nano += int(b[i]-'0') * scale
			}
		}
		b = b[i:]
	}
	if iso && len(b) > 0 && b[0] != ' ' {
		return t, t.zone(b)
	}
	return t, t.halfDay(bytes.TrimSpace(b))
}

// upTo reads one or two digits.
func upTo(b []byte, most int) (n int, rest []byte, ok bool) {
	i := 0
	for i < len(b) && i < 2 && '0' <= b[i] && b[i] <= '9' {
		n = 10*n + int(b[i]-'0')
		i++
	}
	return n, b[i:], i > 0 && n <= most
}

// zone reads Z, +02:00 or +0200.
func (t *winTimeOfDay) zone(b []byte) bool {
	t.zoned = true
	if len(b) == 1 {
		return b[0]|0x20 == 'z'
	}
	sign := 1
	switch b[0] {
	case '+':
	case '-':
		sign = -1
	default:
		return false
	}
	hours, rest, ok := upTo(b[1:], 14)
	rest = bytes.TrimPrefix(rest, []byte(":"))
	minutes, rest, ok2 := upTo(rest, 59)
	t.offset = sign * (60*hours + minutes)
	return ok && ok2 && len(rest) == 0
}

// halfDay reads AM and PM, which some cultures write with dots and blanks: a. m.
func (t *winTimeOfDay) halfDay(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	var word [2]byte
	n := 0
	for _, c := range b {
		switch {
		case c == '.' || c == ' ' || c >= 0x80: // between the two may stand a narrow blank
		case n < 2:
			word[n] = c | 0x20
			n++
		default:
			return false
		}
	}
	if n != 2 || word[1] != 'm' || word[0] != 'a' && word[0] != 'p' || t.hour == 0 || t.hour > 12 {
		return false
	}
	t.half = true
	t.hour %= 12
	if word[0] == 'p' {
		t.hour += 12
	}
	return true
}
