package mfa

import (
	"bytes"
	"strings"

	"github.com/outmode/outmode/ingest"
)

// inJSON frames a log of JSON: as lines where each is a record, since lines are followed while they are written; else as
// documents, in which the records are the elements of an array, or of one that the paths lead to.
func inJSON(f ingest.Format, head []byte, arrays ...[]string) ingest.Format {
	if !recordLines(head, arrays) {
		f.Framing, f.Arrays = ingest.JSONRecords, arrays
	}
	return f
}

// recordLines reports whether the first line of a file is a whole record.
func recordLines(head []byte, arrays [][]string) bool {
	head = bytes.TrimLeft(head, "\x00 \t\r\n")
	line, _, whole := bytes.Cut(head, []byte{'\n'})
	var paths []string
	for _, keys := range arrays {
		paths = append(paths, strings.Join(keys, "."))
	}
	p := newPicker(paths...)
	if !whole || p.pick(trimRecord(line)) != nil {
		return false
	}
	for _, v := range p.values {
		if len(v) > 0 && v[0] == '[' {
			return false // it is a list of records
		}
	}
	return true
}
