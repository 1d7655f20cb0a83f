package ingest

import (
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

// A Decoder turns the lines of one file, or its records, into facts. It draws no conclusions: signin.Classify does.
// A Decoder serves one file at a time and one goroutine.
type Decoder interface {
	// Decode reads one line, without its line end, or one record. A record may be broken: framing is no validation. It resets and fills f, which borrows from line.
	// It allocates nothing in the steady state.
	Decode(line []byte, f *signin.Facts) Decoded

	// Header returns the header in force (the text after "#Fields: ", or the bare row), for the
	// reader of the file's next part. It is valid until the next call of Decode.
	Header() []byte

	// Reset makes the Decoder ready for a file, or for a part of one, before which header was in
	// force; nil at the start of a file. Sessions and everything else are forgotten.
	Reset(header []byte)
}

// Decoded is what a Decoder found a line to be.
type Decoded uint8

// What a line can be to a Decoder.
const (
	Facts     Decoded = iota // the facts are filled: classify them
	Directive                // a header, or another line about the log itself
	Malformed                // the line should have been understood; Facts.Note says what is wrong
	Blank                    // nothing on it
	Other                    // understood, and without a time: it is counted and tells of no event. Facts.Note says what it is
	Undated                  // of a second factor, and without a time: Facts.MFA says what of, and no sign-in can be joined with it
)

// A Format is what the head of a file shows it to be.
type Format struct {
	Kind     signin.Kind    // UnknownKind where the file is not counted
	Skip     string         // why it is not counted, and what to do; "" if it is
	Name     string         // what it is, in words: "IIS W3C log, front end"; two Formats of one kind and name decode alike
	Sessions bool           // lines belong together: the file is never cut into parts
	Named    bool           // its lines name their server
	Framing  tail.Framing   // what its records are; each stands for a line
	Arrays   [][]string     // of JSON: see tail.Form
	Decoder  func() Decoder // nil where the file is not counted
}

// What the records of a Format are, for rooms that do not see ingest/tail. Lines is the zero value.
const (
	JSONRecords  = tail.JSON
	XMLRecords   = tail.XML
	CSVRecords   = tail.CSV
	BlockRecords = tail.Blocks
)
