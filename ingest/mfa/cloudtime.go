package mfa

import (
	"bytes"
	"strconv"
	"time"
)

// cloudTime reads a time of Entra or of the Unified Audit Log, in Unix milliseconds: ISO 8601 with a T or a blank, up to
// nine decimals and an optional zone, "1/9/2007 9:41:00 AM +01:00" with or without what follows the minute's seconds, and
// the "/Date(1167644460000)/" of Windows PowerShell. All are UTC unless they name a zone: Microsoft Graph, signIn resource
// type; Office 365 Management Activity API schema, CreationTime. A date with slashes is read month first, as .NET's
// invariant culture writes it; 0 and before is no time.
func cloudTime(b []byte) (int64, bool) {
	b = bytes.TrimSpace(b)
	var at int64
	var ok bool
	switch {
	case bytes.HasPrefix(b, []byte("/Date(")) && bytes.HasSuffix(b, []byte(")/")):
		at, ok = wholeNumber(b[len("/Date(") : len(b)-len(")/")])
	case len(b) > 10 && b[4] == '-':
		at, ok = isoTime(b)
	default:
		at, ok = slashTime(b)
	}
	return at, ok && at > 0
}

func isoTime(b []byte) (int64, bool) {
	year, ok1 := wholeNumber(b[:4])
	month, ok2 := wholeNumber(b[5:7])
	day, ok3 := wholeNumber(b[8:10])
	if !ok1 || !ok2 || !ok3 || b[7] != '-' || b[10] != 'T' && b[10] != ' ' {
		return 0, false
	}
	return clockTime(year, month, day, b[11:])
}

func slashTime(b []byte) (int64, bool) {
	date, rest, ok := bytes.Cut(b, []byte{' '})
	var parts [3]int64
	date = bytes.TrimSuffix(date, []byte{','}) // a browser writes one
	for i := range parts {
		var part []byte
		part, date, _ = bytes.Cut(date, []byte{'/'})
		if len(part) != 4 && (i == 2 || len(part) > 2) {
			return 0, false
		}
		n, is := wholeNumber(part)
		parts[i], ok = n, ok && is
	}
	if !ok || len(date) > 0 {
		return 0, false
	}
	return clockTime(parts[2], parts[0], parts[1], rest)
}

// clockTime reads what follows a date: "09:41:00.5", "9:41:00 AM", each with or without a zone.
func clockTime(year, month, day int64, b []byte) (int64, bool) {
	var parts [3]int64
	for i := range parts {
		n := 0
		for n < len(b) && n < 2 && '0' <= b[n] && b[n] <= '9' {
			n++
		}
		v, ok := wholeNumber(b[:n])
		if !ok {
			return 0, false
		}
		parts[i], b = v, b[n:]
		if i < 2 {
			if len(b) == 0 || b[0] != ':' {
				return 0, false
			}
			b = b[1:]
		}
	}
	ms, b, ok := decimals(b)
	if !ok {
		return 0, false
	}
	if parts[0], b, ok = halfDay(parts[0], b); !ok {
		return 0, false
	}
	zone, ok := zoneOffset(b)
	if !ok || parts[0] > 23 || parts[1] > 59 || parts[2] > 59 || month < 1 || month > 12 {
		return 0, false
	}
	t := time.Date(int(year), time.Month(month), int(day), int(parts[0]), int(parts[1]), int(parts[2]), 0, time.UTC)
	// time.Date turns the 31st of September into the 1st of October.
	if t.Day() != int(day) || year < 1970 {
		return 0, false
	}
	return t.UnixMilli() + ms - zone, true
}

// decimals reads ".6816663" as milliseconds, cut and not rounded.
func decimals(b []byte) (ms int64, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '.' {
		return 0, b, true
	}
	n := 1
	for ; n < len(b) && '0' <= b[n] && b[n] <= '9'; n++ {
		if n <= 3 {
			ms = 10*ms + int64(b[n]-'0')
		}
	}
	for i := n; i <= 3; i++ {
		ms *= 10
	}
	return ms, b[n:], n > 1
}

// halfDay reads AM and PM. Newer versions of .NET and of browsers put a narrow no-break space before it.
func halfDay(hour int64, b []byte) (int64, []byte, bool) {
	rest := bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\u202F")), " ")
	if len(rest) < 2 || rest[1]|0x20 != 'm' || rest[0]|0x20 != 'a' && rest[0]|0x20 != 'p' {
		return hour, b, true
	}
	if hour < 1 || hour > 12 {
		return 0, nil, false
	}
	hour %= 12
	if rest[0]|0x20 == 'p' {
		hour += 12
	}
	return hour, rest[2:], true
}

// zoneOffset reads "Z", "+02:00", "+0200", and nothing, in milliseconds east of Greenwich.
func zoneOffset(b []byte) (int64, bool) {
	b = bytes.TrimSpace(b)
	if len(b) == 0 || len(b) == 1 && b[0]|0x20 == 'z' {
		return 0, true
	}
	if b[0] != '+' && b[0] != '-' || len(b) != len("+0200") && (len(b) != len("+02:00") || b[3] != ':') {
		return 0, false
	}
	h, ok1 := wholeNumber(b[1:3])
	m, ok2 := wholeNumber(b[len(b)-2:])
	ms := (h*60 + m) * 60_000
	if b[0] == '-' {
		ms = -ms
	}
	return ms, ok1 && ok2 && h <= 14 && m <= 59
}

// wholeNumber reads a number of up to 18 digits, without a sign.
func wholeNumber(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	return n, err == nil
}
