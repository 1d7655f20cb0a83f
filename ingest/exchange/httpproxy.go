package exchange

import (
	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// The slots of HttpProxy.
const (
	_ uint8 = iota
	proxyTime
	proxyID
	proxyLabel
	proxyStem
	proxyType
	proxyTrue
	proxyUser
	proxyAgent
	proxyClient
	proxyServer
	proxyStatus
	proxyMethod
)

// httpProxy decodes the front end's HttpProxy logs: comma-separated, 53 to 74 columns, by version.
type httpProxy struct{ table }

func newHTTPProxy(given []byte) *httpProxy {
	d := &httpProxy{table{sep: ',', slot: proxySlot, check: proxyCheck, given: given}}
	d.Reset(nil)
	return d
}

func proxySlot(name string) uint8 {
	switch name {
	case "datetime", "date-time", "timestamp":
		return proxyTime
	case "requestid":
		return proxyID
	case "protocol":
		return proxyLabel
	case "urlstem":
		return proxyStem
	case "authenticationtype":
		return proxyType
	case "isauthenticated":
		return proxyTrue
	case "authenticateduser":
		return proxyUser
	case "useragent":
		return proxyAgent
	case "clientipaddress":
		return proxyClient
	case "serverhostname":
		return proxyServer
	case "httpstatus":
		return proxyStatus
	case "method":
		return proxyMethod
	}
	return 0
}

func proxyCheck(l *layout) string {
	switch {
	case !l.named(proxyTime):
		return "its header has no DateTime column"
	case !l.named(proxyType, proxyTrue, proxyUser):
		return "its header lacks AuthenticationType, IsAuthenticated or AuthenticatedUser: it is not HttpProxy's"
	}
	return ""
}

// Reset implements [ingest.Decoder].
func (d *httpProxy) Reset(header []byte) { d.reset(header) }

// Decode implements [ingest.Decoder].
func (d *httpProxy) Decode(line []byte, f *signin.Facts) ingest.Decoded {
	*f = signin.Facts{Kind: signin.HTTPProxy}
	var r row
	decoded, note := d.csv(line, &r)
	if decoded == ingest.Facts {
		if note = d.facts(&r, f); note == "" {
			return ingest.Facts
		}
		*f = signin.Facts{Kind: signin.HTTPProxy}
		decoded = ingest.Malformed
	}
	f.Note = note
	return decoded
}

// facts fills f and returns what is wrong with the row, or "".
func (d *httpProxy) facts(r *row, f *signin.Facts) string {
	var ok bool
	if f.Time, ok = d.iso(r[proxyTime]); !ok {
		return badTime
	}
	if f.Authenticated, ok = boolean(r[proxyTrue]); !ok {
		return badBoolean
	}
	status, ok := number(r[proxyStatus], 999)
	if !ok {
		return badStatus
	}
	f.Status = uint16(status)
	f.Server = said(r[proxyServer])
	f.Account = said(r[proxyUser])
	f.AuthType = said(r[proxyType])
	f.Label = said(r[proxyLabel])
	f.Method = said(r[proxyMethod])
	f.Path = said(r[proxyStem])
	f.Agent = said(r[proxyAgent])
	f.Address = said(r[proxyClient])
	f.RequestID = said(r[proxyID])
	return ""
}

// boolean reads IsAuthenticated: Exchange 2013 begins it with a capital, later versions do not.
func boolean(b []byte) (value, ok bool) {
	switch {
	case equalFold(b, "true"):
		return true, true
	case equalFold(b, "false"), len(b) == 0:
		return false, true
	}
	return false, false
}

// said makes an empty value nil: the log did not say.
func said(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}
