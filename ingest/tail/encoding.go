package tail

import (
	"bytes"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// An Encoding is how a file writes its characters.
type Encoding uint8

const (
	Detect  Encoding = iota // not known: look at the first bytes
	UTF8                    // or any other encoding in which a line feed is the byte 0x0A
	UTF16LE                 // what PowerShell's > and Out-File write
	UTF16BE
)

// String returns "detect", "utf-8", "utf-16le" or "utf-16be".
func (e Encoding) String() string {
	switch e {
	case Detect:
		return "detect"
	case UTF8:
		return "utf-8"
	case UTF16LE:
		return "utf-16le"
	case UTF16BE:
		return "utf-16be"
	}
	return fmt.Sprintf("encoding(%d)", uint8(e))
}

const (
	bomUTF8    = "\xef\xbb\xbf"
	bomUTF16LE = "\xff\xfe"
	bomUTF16BE = "\xfe\xff"

	encodingHead = 16 // bytes that EncodingOf looks at
)

// EncodingOf tells the encoding of a file from its first bytes, of which 16 are enough: by the byte order mark, or
// by every second byte being NUL, as in ASCII text in UTF-16. It never returns Detect. Padding of NULs alone is no
// pattern. Only a UTF-8 file may be cut.
func EncodingOf(head []byte) Encoding {
	switch {
	case bytes.HasPrefix(head, []byte(bomUTF16LE)):
		return UTF16LE
	case bytes.HasPrefix(head, []byte(bomUTF16BE)):
		return UTF16BE
	case len(head) < encodingHead/2: // too little to tell
		return UTF8
	}
	head = head[:min(len(head), encodingHead)&^1]
	le, be := true, true
	for i := 0; i < len(head); i += 2 {
		le = le && head[i] != 0 && head[i+1] == 0
		be = be && head[i] == 0 && head[i+1] != 0
	}
	switch {
	case le:
		return UTF16LE
	case be:
		return UTF16BE
	}
	return UTF8
}

// appendUTF8 appends the UTF-16 in raw to dst as UTF-8, without a byte order mark at its start if bom, and without
// NULs at its start. Half a surrogate pair and an odd last byte become U+FFFD.
func (e Encoding) appendUTF8(dst, raw []byte, bom bool) []byte {
	hi, lo := 0, 1
	if e == UTF16LE {
		hi, lo = 1, 0
	}
	unit := func(i int) rune { return rune(raw[i+hi])<<8 | rune(raw[i+lo]) }
	i := 0
	if bom && len(raw) >= 2 && unit(0) == 0xfeff {
		i = 2
	}
	for i+1 < len(raw) && unit(i) == 0 {
		i += 2
	}
	for ; i+1 < len(raw); i += 2 {
		r := unit(i)
		if utf16.IsSurrogate(r) {
			pair := utf8.RuneError
			if i+3 < len(raw) {
				pair = utf16.DecodeRune(r, unit(i+2))
			}
			if r = pair; pair != utf8.RuneError {
				i += 2
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	if i < len(raw) {
		dst = utf8.AppendRune(dst, utf8.RuneError)
	}
	return dst
}

// appendNarrow appends one byte for each unit of the UTF-16 in raw to dst: ASCII as it is, a byte order mark as the first
// byte of that of UTF-8, all else as a byte that no syntax has.
func (e Encoding) appendNarrow(dst, raw []byte) []byte {
	hi, lo := 0, 1
	if e == UTF16LE {
		hi, lo = 1, 0
	}
	for i := 0; i+1 < len(raw); i += 2 {
		c := raw[i+lo]
		switch {
		case raw[i+hi] == 0xfe && c == 0xff:
			c = bomUTF8[0]
		case raw[i+hi] != 0 || c >= 0x80:
			c = 0x80
		}
		dst = append(dst, c)
	}
	return dst
}
