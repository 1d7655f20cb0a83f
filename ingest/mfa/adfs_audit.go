package mfa

import "bytes"

// An auditReader reads the AuditBase of AD FS, the XML in its events 1200 to 1210. What is N/A, or empty, is nil.
type auditReader struct {
	result, failure, code []byte
	party, user           []byte // of ResourceAuditComponent
	performed, method     []byte // of AuthNAuditComponent
	location, address     []byte // of RequestAuditComponent
	forwarded, network    []byte
	agent, endpoint       []byte
	client                []byte // x-ms-client-application

	xml     xmlReader
	scratch []byte
}

// read reads the AuditBase that text begins with. It reports false if it is broken or cut: what is missing then is not
// absent. What stands behind it does not matter.
func (r *auditReader) read(text []byte) bool {
	*r = auditReader{scratch: r.scratch[:0]}
	r.xml.reset(text)
	if r.xml.next() != xmlOpen || string(r.xml.name) != audit || r.xml.empty {
		return false
	}
	for {
		switch r.xml.next() {
		case xmlBad, xmlEnd:
			return false
		case xmlClose:
			return true
		case xmlOpen:
			if !r.child() {
				return false
			}
		}
	}
}

func (r *auditReader) child() bool {
	var to *[]byte
	switch string(r.xml.name) {
	case "ContextComponents":
		return r.xml.empty || r.components()
	case "AuditResult":
		to = &r.result
	case "FailureType":
		to = &r.failure
	case "ErrorCode":
		to = &r.code
	}
	return r.value(to)
}

// value takes the text of the element at hand.
func (r *auditReader) value(to *[]byte) bool {
	raw, ok := r.xml.inner()
	if !ok {
		return false
	}
	if to != nil && *to == nil {
		*to = r.text(raw)
	}
	return true
}

// text makes one line of a value: Format-List breaks long ones.
func (r *auditReader) text(raw []byte) []byte {
	raw = bytes.TrimSpace(raw)
	if bytes.IndexByte(raw, '&') >= 0 || bytes.IndexByte(raw, '<') >= 0 || bytes.IndexByte(raw, '\n') >= 0 {
		from := len(r.scratch)
		r.scratch = appendXMLText(r.scratch, raw)
		r.scratch = r.scratch[:from+len(oneLine(r.scratch[from:]))]
		raw = r.scratch[from:len(r.scratch):len(r.scratch)]
	}
	if raw = spoken(raw); string(raw) == "None" {
		return nil
	}
	return raw
}

// oneLine makes a blank of every line end and the blanks around it, in place.
func oneLine(text []byte) []byte {
	out := text[:0]
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c != '\n' && c != '\r' {
			out = append(out, c)
			continue
		}
		for i+1 < len(text) && (text[i+1] == ' ' || text[i+1] == '\n' || text[i+1] == '\r') {
			i++
		}
		out = append(bytes.TrimRight(out, " "), ' ')
	}
	return out
}

// components reads the components, which may stand in any order.
func (r *auditReader) components() bool {
	for {
		switch r.xml.next() {
		case xmlBad, xmlEnd:
			return false
		case xmlClose:
			return true
		case xmlOpen:
			if r.xml.empty {
				continue
			}
			if !r.component(withoutPrefix(r.xml.attr("type"))) {
				return false
			}
		}
	}
}

func (r *auditReader) component(kind []byte) bool {
	for {
		switch r.xml.next() {
		case xmlBad, xmlEnd:
			return false
		case xmlClose:
			return true
		case xmlOpen:
			if !r.value(r.leaf(kind, r.xml.name)) {
				return false
			}
		}
	}
}

// leaf is where a value of a component goes; nil if it is not needed.
func (r *auditReader) leaf(kind, name []byte) *[]byte {
	switch string(kind) {
	case "ResourceAuditComponent":
		switch string(name) {
		case "RelyingParty":
			return &r.party
		case "UserId":
			return &r.user
		}
	case "AuthNAuditComponent":
		switch string(name) {
		case "MfaPerformed":
			return &r.performed
		case "MfaMethod":
			return &r.method
		}
	case "RequestAuditComponent":
		switch string(name) {
		case "NetworkLocation":
			return &r.location
		case "IpAddress":
			return &r.address
		case "ForwardedIpAddress":
			return &r.forwarded
		case "NetworkIpAddress":
			return &r.network
		case "UserAgentString":
			return &r.agent
		case "Endpoint":
			return &r.endpoint
		}
	}
	var buf [24]byte
	if len(name) <= len(buf) && string(appendLower(buf[:0], name)) == "x-ms-client-application" {
		return &r.client
	}
	return nil
}
