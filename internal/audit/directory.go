package audit

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What is wrong with a value of the directory.
var (
	errNoSID  = errors.New("is no SID")
	errNoGUID = errors.New("is no GUID")
	errNoText = errors.New("is no text in UTF-8")
)

// fill sets a field of a row to a value as the directory has it. A SID and a GUID may be their bytes.
func (r *Row) fill(to *string, value []byte, raw bool) error {
	text := ""
	switch {
	case raw && to == &r.SID && !strings.HasPrefix(strings.ToLower(string(value)), "s-1-"):
		sid, ok := sidText(value)
		if !ok {
			return errNoSID
		}
		text = sid
	case raw && to == &r.GUID && len(value) == 16:
		text = guidText(value)
	case !utf8.Valid(value), strings.ContainsFunc(string(value), unicode.IsControl):
		return errNoText
	case raw && to == &r.GUID:
		if _, ok := guidOf(strings.ToLower(string(value))); !ok {
			return errNoGUID
		}
		text = string(value)
	default:
		text = strings.TrimSpace(string(value))
	}
	*to = text
	return nil
}

// sidText reads the bytes of a SID: revision, count, authority, and the parts of the name, each little-endian.
func sidText(b []byte) (string, bool) {
	if len(b) < 8 || b[0] != 1 || b[1] > 15 || len(b) != 8+4*int(b[1]) {
		return "", false
	}
	authority := uint64(binary.BigEndian.Uint16(b[2:]))<<32 | uint64(binary.BigEndian.Uint32(b[4:]))
	text := fmt.Sprintf("S-1-%d", authority)
	for at := 8; at < len(b); at += 4 {
		text += fmt.Sprintf("-%d", binary.LittleEndian.Uint32(b[at:]))
	}
	return text, true
}

// guidText reads the 16 bytes of a GUID, of which the first three parts are little-endian.
func guidText(b []byte) string {
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint16(b[4:]), binary.LittleEndian.Uint16(b[6:]), b[8:10], b[10:16])
}

// hexValue reads X'...', as csvde writes what is no ASCII text.
func hexValue(s string) (value []byte, is bool, err error) {
	rest, ok := strings.CutPrefix(s, "X'")
	if !ok || !strings.HasSuffix(rest, "'") {
		return nil, false, nil
	}
	value, err = hex.DecodeString(strings.TrimSuffix(rest, "'"))
	return value, true, err
}

// isPerson reports whether an object of these classes, in lower case, may sign in and is no computer. Of one whose classes
// were not exported that is not known.
func isPerson(classes []string) bool {
	has := func(class string) bool { return slices.Contains(classes, class) }
	if len(classes) == 0 {
		return true
	}
	return (has("user") || has("person") || has("inetorgperson")) && !has("computer") && !has("contact") && !has("group")
}
