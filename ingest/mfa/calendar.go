package mfa

import "time"

// A calendar reads the times of gateways, in Unix milliseconds, UTC. Neighbouring records share their day, so that a day
// is looked up once.
type calendar struct {
	day [10]byte // as it stands in the log
	at  int64    // its midnight in UTC
	y   int
	m   time.Month
	d   int
}

const (
	dayForm = len("2026-10-06")
	dayTime = len("2026-10-06T08:00:00")
)

// read reads the time that b begins with, and returns what stands behind it: 2026-10-06T08:00:00 or 2026/10/06 08:00:00
// or 06.10.2026 08:00:00, with a fraction behind a point or a comma or without, then Z or +02:00 or +0200. A time that
// names no zone is one of zone; nil is UTC. zoned says whether it named one. What is not after 1970 began is no time.
func (c *calendar) read(b []byte, zone *time.Location) (ms int64, rest []byte, zoned, ok bool) {
	if len(b) < dayTime || b[dayForm] != 'T' && b[dayForm] != ' ' && b[dayForm] != 't' || !c.turn(b[:dayForm]) {
		return 0, b, false, false
	}
	h, ok1 := digits(b[11:13])
	mi, ok2 := digits(b[14:16])
	s, ok3 := digits(b[17:19])
	if !ok1 || !ok2 || !ok3 || b[13] != ':' || b[16] != ':' || h > 23 || mi > 59 || s > 59 {
		return 0, b, false, false
	}
	fraction, rest := millis(b[dayTime:])
	offset, rest, zoned := offset(rest)
	switch {
	case zoned || zone == nil || zone == time.UTC:
		ms = c.at + int64(h)*3_600_000 + int64(mi)*60_000 + int64(s)*1000 - offset
	default:
		ms = time.Date(c.y, c.m, c.d, h, mi, s, 0, zone).UnixMilli()
	}
	ms += fraction
	return ms, rest, zoned, ms > 0
}

// turn makes the day b the one that is remembered. A day that the calendar does not have is refused.
func (c *calendar) turn(b []byte) bool {
	if b[0] != 0 && string(b) == string(c.day[:]) { // before the first day it is all NUL
		return true
	}
	var y, m, d []byte
	switch {
	case b[4] == b[7] && (b[4] == '-' || b[4] == '/'):
		y, m, d = b[:4], b[5:7], b[8:]
	case b[2] == '.' && b[5] == '.':
		y, m, d = b[6:], b[3:5], b[:2]
	default:
		return false
	}
	year, ok1 := digits(y)
	month, ok2 := digits(m)
	dd, ok3 := digits(d)
	if !ok1 || !ok2 || !ok3 {
		return false
	}
	t := time.Date(year, time.Month(month), dd, 0, 0, 0, 0, time.UTC)
	// time.Date turns the 31st of September into the 1st of October.
	if t.Day() != dd || int(t.Month()) != month || year < 1970 {
		return false
	}
	copy(c.day[:], b)
	c.at, c.y, c.m, c.d = t.UnixMilli(), year, time.Month(month), dd
	return true
}

// millis reads the fraction of a second that b begins with, if it does.
func millis(b []byte) (ms int64, rest []byte) {
	if len(b) < 2 || b[0] != '.' && b[0] != ',' || b[1]-'0' > 9 {
		return 0, b
	}
	i, unit := 1, int64(100)
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		ms += int64(b[i]-'0') * unit
		unit /= 10
	}
	return ms, b[i:]
}

// offset reads the zone that b begins with, in milliseconds east of Greenwich.
func offset(b []byte) (ms int64, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, b, false
	}
	if b[0] == 'Z' || b[0] == 'z' {
		return 0, b[1:], true
	}
	if b[0] != '+' && b[0] != '-' || len(b) < len("+0200") {
		return 0, b, false
	}
	minutes, end := b[3:5], len("+0200")
	if b[3] == ':' {
		if len(b) < len("+02:00") {
			return 0, b, false
		}
		minutes, end = b[4:6], len("+02:00")
	}
	h, ok1 := digits(b[1:3])
	m, ok2 := digits(minutes)
	if !ok1 || !ok2 || h > 15 || m > 59 {
		return 0, b, false
	}
	ms = int64(h)*3_600_000 + int64(m)*60_000
	if b[0] == '-' {
		ms = -ms
	}
	return ms, b[end:], true
}

// epoch reads seconds since 1970, with a fraction or without, or milliseconds: which of them the number can only be, for
// 1e11 seconds are the year 5138, and as many milliseconds are in 1973.
func epoch(b []byte) (ms int64, ok bool) {
	n, rest := int64(0), b
	for len(rest) > 0 && rest[0]-'0' <= 9 && n < 1e14 {
		n, rest = 10*n+int64(rest[0]-'0'), rest[1:]
	}
	fraction, rest := millis(rest)
	if len(rest) > 0 || n >= 1e14 {
		return 0, false
	}
	if n < 1e11 {
		n = 1000*n + fraction
	}
	return n, n > 0
}

// digits reads a number of digits only.
func digits(b []byte) (int, bool) {
	n := 0
	for _, c := range b {
		if c -= '0'; c > 9 {
			return 0, false
		}
		n = 10*n + int(c)
	}
	return n, true
}
