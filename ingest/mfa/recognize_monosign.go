package mfa

import (
	"bytes"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// monosignLook knows the log of Monosign's module by its three sorts of lines. Its records are lines.
func monosignLook(o *Options, head []byte) ingest.Format {
	var c calendar
	for line := range headLines(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF"))) {
		if _, ok := monoSplit(&c, line, nil); ok {
			return ingest.Format{Kind: signin.Monosign, Name: "Monosign log of the IIS module for Exchange", Decoder: func() ingest.Decoder { return newMonosign(o) }}
		}
	}
	return ingest.Format{}
}
