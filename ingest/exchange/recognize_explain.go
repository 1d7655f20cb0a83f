package exchange

import (
	"bytes"
	"fmt"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// Explaining returns f with a Decoder whose remarks on lines that cannot be read say more: how many columns there are,
// and what to do about a header that is missing. They cost an allocation each, so they are for a person who asks about
// single lines, and not for a scan, which counts lines by remark.
func Explaining(f ingest.Format) ingest.Format {
	if decoder := f.Decoder; decoder != nil {
		f.Decoder = func() ingest.Decoder { return explaining{decoder()} }
	}
	return f
}

type explaining struct{ ingest.Decoder }

// Decode implements [ingest.Decoder].
func (e explaining) Decode(line []byte, f *signin.Facts) ingest.Decoded {
	d := e.Decoder.Decode(line, f)
	if d != ingest.Malformed {
		return d
	}
	switch f.Note {
	case noFields, noHeader:
		f.Note += "; give the log from its header on, or say what the lines are with --type and --fields"
	case fewer, more, badQuotes:
		if t, ok := e.Decoder.(interface {
			columns(line []byte) (has, named int)
		}); ok {
			has, named := t.columns(line)
			f.Note = fmt.Sprintf("%s: it has %d, the header names %d", f.Note, has, named)
		}
	}
	return d
}

// columns counts the columns of a line, and those that the header in force names.
func (t *table) columns(line []byte) (has, named int) {
	var r row
	line = trim(line)
	if t.sep == ',' && bytes.IndexByte(line, '"') >= 0 {
		if has, _ = t.layout.quoted(line, &r, nil); has > 0 {
			return has, t.layout.columns
		}
	}
	return t.layout.plain(line, t.sep, &r), t.layout.columns
}
