package mfa

import (
	"bytes"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// monosignLook knows the log of Monosign's module by its three sorts of lines. Its records are lines. In which order it
// writes day and month, its first date tells that can be read one way only.
func monosignLook(o *Options, head []byte) ingest.Format {
	head = bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF"))
	order := anyOrder
	for line := range headLines(head) {
		if order = orderOf(bytes.TrimLeft(line, "[")); order != anyOrder {
			break
		}
	}
	c, found := newMonoClock(o, order), false
	for line := range headLines(head) {
		if _, found = monoSplit(&c, line); found {
			break
		}
	}
	if !found {
		return ingest.Format{}
	}
	return ingest.Format{Kind: signin.Monosign, Name: "Monosign log of the IIS module for Exchange", Decoder: func() ingest.Decoder {
		d := newMonosign(o)
		d.clock = newMonoClock(o, order)
		return d
	}}
}
