package ingest

import (
	"context"
	"encoding/binary"
	"errors"
	"io"

	"github.com/outmode/outmode/ingest/tail"
)

// framed reports whether the log's records are something else than lines. Such a log is read by one worker at a time,
// and never followed.
func (l *Log) framed() bool { return l.Format.Framing != tail.Lines }

// records puts a scanner where a log is read on at an offset; place is the scanner's context there, of a checkpoint.
func (l *Log) records(s *tail.Scanner, r io.Reader, offset int64, place []byte) error {
	form := tail.Form{Framing: l.Format.Framing, Arrays: l.Format.Arrays}
	return s.ResetForm(r, form, tail.Mark{Offset: offset, Encoding: l.encoding, Context: place})
}

var errCheckpoint = errors.New("its checkpoint cannot be read")

// checkpoint divides what was remembered of a log, see Source.Sessions, into what is for its scanner and what for its
// decoder.
func (l *Log) checkpoint(remembered []byte) (place, sessions []byte, err error) {
	if !l.framed() || len(remembered) == 0 {
		return nil, remembered, nil
	}
	n, width := binary.Uvarint(remembered)
	if width <= 0 || n > uint64(len(remembered)-width) {
		return nil, nil, errCheckpoint
	}
	place, sessions = remembered[width:width+int(n)], remembered[width+int(n):]
	if len(sessions) == 0 {
		sessions = nil
	}
	return place, sessions, nil
}

// remember makes what checkpoint divides.
func remember(place, sessions []byte) []byte {
	if len(place)+len(sessions) == 0 {
		return nil
	}
	b := binary.AppendUvarint(nil, uint64(len(place)))
	return append(append(b, place...), sessions...)
}

// endsAlike reports whether a file that changed holds still what was read last of a log of records: what is no list of
// lines is seldom written on, and often written anew.
func (p *Pipeline) endsAlike(ctx context.Context, src *Source, f *met) (bool, error) {
	if !f.log.framed() || !f.input.Plain || src.Offset == 0 || src.Size == f.input.Size && src.Modified == f.modified {
		return true, nil
	}
	ranges, err := p.ledger.Ranges(ctx, src.ID)
	if err != nil || len(ranges) == 0 {
		return true, err
	}
	file, err := f.input.OpenAt()
	if err != nil {
		return true, nil // it cannot be read, which is told when it is
	}
	defer file.Close()
	last := ranges[len(ranges)-1]
	sum, err := digestOf(ctx, file, last.From, last.To)
	return err != nil || sum == last.Digest, ctx.Err()
}
