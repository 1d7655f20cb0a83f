package mfa

import (
	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// An export is the half of a decoder that Entra and the Unified Audit Log share: both come as JSON and as CSV.
type export struct {
	kind  signin.Kind
	sheet *sheet // nil: the records are JSON
}

// Header implements [ingest.Decoder].
func (e *export) Header() []byte {
	if e.sheet == nil {
		return nil
	}
	return e.sheet.header
}

// Reset implements [ingest.Decoder].
func (e *export) Reset(header []byte) {
	if e.sheet != nil {
		e.sheet.use(header)
	}
}

// A reader is the other half.
type reader interface {
	pick(record []byte) (note string)    // reads the JSON of a record
	row() (note string)                  // takes the cells of the sheet
	facts(f *signin.Facts) (note string) // of what was read
}

// decode reads a record for r, which says what is wrong with it.
func (e *export) decode(record []byte, f *signin.Facts, r reader) ingest.Decoded {
	*f = signin.Facts{Kind: e.kind}
	record = trimRecord(record)
	note := ""
	switch {
	case len(record) == 0:
		return ingest.Blank
	case e.sheet == nil:
		note = r.pick(record)
	case isType(record):
		return ingest.Directive
	case e.sheet.isHeader(record):
		e.sheet.use(record)
		return ingest.Directive
	default:
		if note = e.sheet.read(record); note == "" {
			note = r.row()
		}
	}
	if note == "" {
		note = r.facts(f)
	}
	if note != "" {
		*f = signin.Facts{Kind: e.kind, Note: note}
		return ingest.Malformed
	}
	return ingest.Facts
}
