package main

import (
	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/internal/signin"
)

// recognizer tells what a file is by its content: a log of Exchange or IIS, or of an MFA gateway.
func recognizer(gateways mfa.Options) func(head []byte) ingest.Format {
	return func(head []byte) ingest.Format {
		f := exchange.Recognize(head)
		if f.Decoder != nil || f.Name != "" && len(gateways.Mappings) == 0 {
			return f
		}
		// What is known and not counted may be what a mapping means.
		if g := gateways.Recognize(head); g.Name != "" && (f.Name == "" || g.Kind == signin.Mapped) {
			return g
		}
		return f
	}
}
