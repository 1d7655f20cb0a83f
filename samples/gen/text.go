package main

import (
	"strconv"
	"time"
)

const hexDigits = "0123456789abcdef"

// append writes the id in lower-case hexadecimal with dashes.
func (g guid) append(dst []byte) []byte {
	var b [36]byte
	at := 0
	for i := range 32 {
		word, shift := g.hi, 60-4*i
		if i >= 16 {
			word, shift = g.lo, 60-4*(i-16)
		}
		if i == 8 || i == 12 || i == 16 || i == 20 {
			b[at] = '-'
			at++
		}
		b[at] = hexDigits[word>>shift&15]
		at++
	}
	return append(dst, b[:]...)
}

func (g guid) String() string { return string(g.append(nil)) }

const (
	second = int64(1000)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// A calendar writes instants. It remembers the day it wrote last, because a log rarely changes its day.
type calendar struct {
	day  int64
	text [10]byte
}

func (c *calendar) appendDate(dst []byte, ms int64) []byte {
	if d := ms / day; d != c.day || c.text[0] == 0 {
		c.day = d
		copy(c.text[:], time.UnixMilli(ms).UTC().Format(time.DateOnly))
	}
	return append(dst, c.text[:]...)
}

// appendClock writes hh:mm:ss.
func appendClock(dst []byte, ms int64) []byte {
	s := int(ms % day / second)
	h, m := s/3600, s/60%60
	s %= 60
	return append(dst, byte('0'+h/10), byte('0'+h%10), ':', byte('0'+m/10), byte('0'+m%10), ':', byte('0'+s/10), byte('0'+s%10))
}

// appendStamp writes an instant as Exchange does: 2026-10-06T08:00:00.000Z.
func (c *calendar) appendStamp(dst []byte, ms int64) []byte {
	dst = append(c.appendDate(dst, ms), 'T')
	dst = appendClock(dst, ms)
	f := int(ms % second)
	return append(dst, '.', byte('0'+f/100), byte('0'+f/10%10), byte('0'+f%10), 'Z')
}

func (c *calendar) stamp(ms int64) string { return string(c.appendStamp(nil, ms)) }

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

// at is an instant of the story, written as people write it. It panics on a typing error of ours.
func at(text string) int64 {
	t, err := time.Parse("2006-01-02 15:04:05", text)
	if err != nil {
		panic(err)
	}
	return t.UnixMilli()
}
