package main

import (
	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/ingest/mfa"
)

// recognizer tells what a file is by its content: a log of Exchange or IIS, or of an MFA gateway.
func recognizer(gateways mfa.Options) func(head []byte) ingest.Format {
	return func(head []byte) ingest.Format {
		f := exchange.Recognize(head)
		if f.Name == "" {
			if g := gateways.Recognize(head); g.Name != "" {
				return g
			}
		}
		return f
	}
}
