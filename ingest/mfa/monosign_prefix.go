package mfa

import (
	"bytes"
	"time"

	"github.com/outmode/outmode/internal/signin"
)

// A monoClock reads the times that loggers of .NET write, in whichever layout.
type monoClock struct {
	zone    *time.Location
	times   calendar
	culture winClock
}

func newMonoClock(o *Options, order dateOrder) monoClock {
	zone := o.zone(signin.Monosign)
	return monoClock{zone: zone, culture: winClock{zone: zone, order: order}}
}

// A monoPrefix is what a logger wrote before a message, each at most once: a time, a level, the number of a thread and the
// name of a logger, in any order, bare or in brackets. A second one is part of the message: of a name in brackets that
// somebody typed, say.
//
//	2026-10-06 08:00:00.123 +03:00 [INF]                        Serilog
//	[2026-10-06 08:00:00 INF]                                   Serilog
//	2026-10-06 08:00:00,123 [12] INFO MonoSign.IISModule -      log4net
//	2026-10-06 08:00:00.1234|INFO|MonoSign.IISModule|           NLog
//	10/6/2026 8:00:00 AM                                        DateTime.ToString
type monoPrefix struct {
	at                           int64 // Unix milliseconds; 0 for no time, or one without a day
	timed, leveled, threaded, by bool
}

// take takes one part of a prefix off a line: nil if it begins with none.
func (p *monoPrefix) take(c *monoClock, line []byte) []byte {
	if len(line) == 0 {
		return nil
	}
	if line[0] != '[' {
		return p.word(c, line)
	}
	taken := *p
	for rest := line[1:]; ; rest = bytes.TrimLeft(rest, " |,") {
		if rest = taken.word(c, rest); len(rest) == 0 {
			return nil
		}
		if rest[0] == ']' {
			*p = taken
			return rest[1:]
		}
	}
}

// word takes off a part that stands in no brackets of its own.
func (p *monoPrefix) word(c *monoClock, line []byte) []byte {
	if !p.timed {
		if ms, rest, ok := c.read(line); ok {
			p.at, p.timed = ms, true
			return rest
		}
		if n := dayless(line); n > 0 {
			p.timed = true
			return line[n:]
		}
	}
	if n := level(line); n > 0 && !p.leveled {
		p.leveled = true
		return line[n:]
	}
	if !p.timed {
		return nil // what is no time and no level is known behind a time only
	}
	if n := threadNumber(line); n > 0 && !p.threaded {
		p.threaded = true
		return line[n:]
	}
	if n := logger(line); n > 0 && !p.by {
		p.by = true
		return line[n:]
	}
	return nil
}

// read reads the time that b begins with. A zone that stands in the line goes before the one that the operator named.
func (c *monoClock) read(b []byte) (ms int64, rest []byte, ok bool) {
	ms, rest, zoned, ok := c.times.read(b, c.zone)
	if zoned {
		return ms, rest, ok
	}
	culture := !ok
	if culture {
		n := cultured(b)
		if ms, ok = c.culture.read(b[:n]); !ok {
			return 0, b, false
		}
		rest = b[n:]
	}
	// Serilog and DateTimeOffset put a blank before the zone.
	if len(rest) < len(" +03:00") || rest[0] != ' ' || rest[4] != ':' {
		return ms, rest, true
	}
	east, behind, zoned := offset(rest[1:])
	if !zoned {
		return ms, rest, true
	}
	at := b[:len(b)-len(rest)]
	if culture {
		utc := winClock{order: c.culture.order}
		ms, ok = utc.read(at)
	} else {
		ms, _, _, ok = c.times.read(at, nil)
	}
	ms -= east
	return ms, behind, ok && ms > 0
}

// cultured returns the length of a time as a culture writes it that b begins with, or 0: 10/6/2026 8:00:00 AM.
func cultured(b []byte) int {
	n, sep := 0, byte(0)
	for i, most := range [...]int{2, 2, 4, 2, 2, 2} {
		d := 0
		for d < most && n+d < len(b) && b[n+d]-'0' <= 9 {
			d++
		}
		if n += d; d == 0 || i == 2 && d < 4 || n == len(b) && i < 5 {
			return 0
		}
		switch {
		case i == 5:
		case i == 0:
			if sep = b[n]; sep != '/' && sep != '.' && sep != '-' {
				return 0
			}
			n++
		case i == 1 && b[n] == sep, i == 2 && b[n] == ' ', i > 2 && b[n] == ':':
			n++
		case i == 2 && bytes.HasPrefix(b[n:], []byte(", ")):
			n += 2
		default:
			return 0
		}
	}
	_, rest := millis(b[n:])
	n = len(b) - len(rest)
	if len(rest) > 2 && rest[0] == ' ' && (rest[1]|0x20 == 'a' || rest[1]|0x20 == 'p') && rest[2]|0x20 == 'm' && (len(rest) == 3 || !wordy(rest[3])) {
		n += 3
	}
	return n
}

// dayless returns the length of a time of day that b begins with, or 0: 08:00:00.
func dayless(b []byte) int {
	const form = len("08:00:00")
	if len(b) < form || b[2] != ':' || b[5] != ':' {
		return 0
	}
	for _, i := range [...]int{0, 1, 3, 4, 6, 7} {
		if b[i]-'0' > 9 {
			return 0
		}
	}
	_, rest := millis(b[form:])
	return len(b) - len(rest)
}

// level returns the length of the level that text begins with, or 0.
func level(text []byte) int {
	end := 0
	for end < len(text) && 'a' <= text[end]|0x20 && text[end]|0x20 <= 'z' {
		end++
	}
	if end < len(text) && wordy(text[end]) {
		return 0
	}
	for _, l := range [...]string{"trace", "trc", "verbose", "vrb", "debug", "dbg", "info", "inf", "information", "warn", "wrn", "warning", "error", "err", "fatal", "ftl", "critical"} {
		if isWord(text[:end], l) {
			return end
		}
	}
	return 0
}

// threadNumber returns the length of the number of a thread that text begins with, or 0.
func threadNumber(text []byte) int {
	n := 0
	for n < len(text) && text[n]-'0' <= 9 {
		n++
	}
	if n == 0 || n > 10 || n < len(text) && wordy(text[n]) {
		return 0
	}
	return n
}

// logger returns the length of the name of a logger that text begins with, or 0. It is the name of a type, with dots, or a
// word that a bar or a dash sets apart: a word alone may begin a message.
func logger(text []byte) int {
	const longest = 128
	n, dots := 0, 0
	for n < len(text) && n < longest && wordy(text[n]) {
		if text[n] == '.' && n > 0 {
			dots++
		}
		n++
	}
	rest := bytes.TrimLeft(text[n:], " ")
	switch {
	case n == 0 || n == longest || text[n-1] == '.' || len(rest) == 0:
		return 0
	case dots > 0, rest[0] == '|', bytes.HasPrefix(rest, []byte("- ")):
		return n
	}
	return 0
}

// wordy reports whether a byte may stand in the name of a type.
func wordy(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || c-'0' <= 9 || c == '.' || c == '_' || c == '+' || c == '`'
}
