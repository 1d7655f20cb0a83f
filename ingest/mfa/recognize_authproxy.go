package mfa

import (
	"bytes"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// authProxyLook knows the logs of the Duo Authentication Proxy. Their records are lines.
func authProxyLook(o *Options, head []byte) ingest.Format {
	head = bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF"))
	if json := jsonHead(head); json != nil {
		return authProxyJSON(o, json)
	}
	var c calendar
	for line := range headLines(head) {
		_, rest, zoned, ok := c.read(line, nil)
		if !ok || !zoned || !bytes.HasPrefix(rest, []byte(" [")) {
			continue
		}
		from, message, _ := bytes.Cut(rest[len(" ["):], []byte("] "))
		// Other programs built on Twisted begin their lines alike.
		if bytes.HasPrefix(from, []byte("duoauthproxy.")) || bytes.HasPrefix(from, []byte("Duo")) || bytes.HasPrefix(message, []byte("Duo Security Authentication Proxy ")) {
			f := authProxyFormat(o, "Duo Authentication Proxy log, authproxy.log", false)
			f.Sessions = true // from where a user came stands in another line than what became of the login
			return f
		}
	}
	return ingest.Format{}
}

func authProxyFormat(o *Options, name string, named bool) ingest.Format {
	return ingest.Format{Kind: signin.DuoAuthProxy, Name: name, Named: named, Decoder: func() ingest.Decoder { return newAuthProxy(o) }}
}

func authProxyJSON(o *Options, json []byte) ingest.Format {
	p := proxyPicker()
	var f ingest.Format
	eachObject(json, func(record []byte) bool {
		_ = p.pick(record)
		has := func(i int) bool { return p.values[i] != nil }
		switch {
		case has(proxyStage) && has(proxyStatus) && has(proxyMessage) && (has(proxySection) || has(proxyKey)):
			f = authProxyFormat(o, "Duo Authentication Proxy log, authevents.log", has(proxyHost))
		case has(proxyEvent) && has(proxyJoined) && has(proxyHost) && has(proxyMessage):
			f = authProxyFormat(o, "Duo Authentication Proxy log, ssoevents.log", true)
		}
		return f.Name == ""
	})
	return f
}
