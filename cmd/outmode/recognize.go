package main

import (
	"path"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/rules"
)

// whatIsRead names every log that is recognised.
const whatIsRead = ": it reads IIS W3C, HttpProxy, POP3, IMAP4 and SMTP receive logs, as Exchange writes them, and of MFA: Duo (Admin API, DuoLogSync), " +
	"Duo Authentication Proxy, Monosign, AD FS, Web Application Proxy, NPS extension, Okta, Entra sign-ins and the Unified Audit Log, and what mappings describe; plain or packed"

// recognizer tells what a file is by its content: a log of Exchange or IIS, or of an MFA gateway.
func recognizer(gateways mfa.Options) func(head []byte) ingest.Format {
	return func(head []byte) ingest.Format {
		f := exchange.Recognize(head)
		if f.Name == "" {
			if g := gateways.Recognize(head); g.Name != "" {
				return g
			}
			if f.Skip == exchange.NotALog {
				f.Skip += whatIsRead
			}
		}
		return f
	}
}

// declarer tells what the mappings say of a file that recognizer knows nothing of that is counted; nil where there are none.
func declarer(gateways mfa.Options) func(file string, head []byte) ingest.Format {
	if len(gateways.Mappings) == 0 {
		return nil
	}
	return func(file string, head []byte) ingest.Format {
		return gateways.Declared(head, func(pattern string) bool { return rules.Glob(pattern, path.Base(file)) || rules.Glob(pattern, file) })
	}
}
