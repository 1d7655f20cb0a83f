package exchange

import "time"

// A clock reads the times of a file's lines, in Unix milliseconds, UTC. Neighbouring lines share their hour, so the
// calendar is asked once per hour and not once per line.
type clock struct {
	hour   [13]byte // "2026-10-06T08"
	hourAt int64
	date   [10]byte // "2026-10-06"
	dateAt int64
}

const (
	second = int64(time.Second / time.Millisecond)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// iso reads "2026-10-06T08:00:00.123Z", with or without the fraction, as Exchange writes it, and nothing else.
func (c *clock) iso(b []byte) (int64, bool) {
	var ms int
	switch {
	case len(b) == 24 && b[19] == '.' && b[23] == 'Z':
		tens, ok := two(b[20:22])
		if !ok || b[22]-'0' > 9 {
			return 0, false
		}
		ms = 10*tens + int(b[22]-'0')
	case len(b) == 20 && b[19] == 'Z':
	default:
		return 0, false
	}
	if (b[0] == 0 || string(b[:13]) != string(c.hour[:])) && !c.turn(b[:13]) {
		return 0, false
	}
	mi, ok1 := two(b[14:16])
	s, ok2 := two(b[17:19])
	if !ok1 || !ok2 || b[13] != ':' || b[16] != ':' || mi > 59 || s > 59 {
		return 0, false
	}
	return c.hourAt + int64(mi)*minute + int64(s)*second + int64(ms), true
}

// turn makes the hour "2026-10-06T08" the one that is remembered.
func (c *clock) turn(b []byte) bool {
	at, ok := c.midnight(b[:10])
	h, ok2 := two(b[11:13])
	if !ok || !ok2 || b[10] != 'T' || h > 23 {
		return false
	}
	c.hourAt = at + int64(h)*hour
	copy(c.hour[:], b)
	return true
}

// midnight reads "2026-10-06". A day that the calendar does not have is refused.
func (c *clock) midnight(b []byte) (int64, bool) {
	if len(b) != 10 {
		return 0, false
	}
	if b[0] != 0 && string(b) == string(c.date[:]) { // before the first date it is all NUL
		return c.dateAt, true
	}
	century, ok1 := two(b[0:2])
	year, ok2 := two(b[2:4])
	month, ok3 := two(b[5:7])
	d, ok4 := two(b[8:10])
	if !ok1 || !ok2 || !ok3 || !ok4 || b[4] != '-' || b[7] != '-' {
		return 0, false
	}
	t := time.Date(100*century+year, time.Month(month), d, 0, 0, 0, 0, time.UTC)
	// time.Date turns the 31st of September into the 1st of October.
	if t.Day() != d || int(t.Month()) != month || t.Year() < 1970 {
		return 0, false
	}
	c.dateAt = t.UnixMilli()
	copy(c.date[:], b)
	return c.dateAt, true
}

// timeOfDay reads "08:00:00", in milliseconds since midnight.
func timeOfDay(b []byte) (int64, bool) {
	if len(b) != 8 || b[2] != ':' || b[5] != ':' {
		return 0, false
	}
	h, ok1 := two(b[0:2])
	mi, ok2 := two(b[3:5])
	s, ok3 := two(b[6:8])
	ok := ok1 && ok2 && ok3 && h <= 23 && mi <= 59 && s <= 59
	return int64(h)*hour + int64(mi)*minute + int64(s)*second, ok
}

// two reads two digits.
func two(b []byte) (int, bool) {
	tens, ones := b[0]-'0', b[1]-'0' // anything but a digit becomes more than 9
	return int(tens)*10 + int(ones), tens <= 9 && ones <= 9
}

// number reads an unsigned decimal up to most. Nothing and a dash are 0: the log did not say.
func number(b []byte, most uint64) (uint64, bool) {
	if len(b) == 0 || len(b) == 1 && b[0] == '-' {
		return 0, true
	}
	if len(b) > 10 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		d := c - '0'
		if d > 9 {
			return 0, false
		}
		n = 10*n + uint64(d)
	}
	return n, n <= most
}

// appendDay writes the date of midnight at, as midnight reads it.
func appendDay(dst []byte, at int64) []byte {
	return time.UnixMilli(at).UTC().AppendFormat(dst, time.DateOnly)
}
