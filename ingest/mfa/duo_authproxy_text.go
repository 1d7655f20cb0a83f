package mfa

import (
	"bytes"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// text decodes a line of authproxy.log: a time with its zone, what wrote it in brackets, a message.
func (d *authProxy) text(line []byte, f *signin.Facts) ingest.Decoded {
	ms, rest, zoned, ok := d.times.read(line, d.options.Zone)
	if !ok || !zoned {
		if len(line) > dayTime && line[0]-'0' <= 9 && line[4] == '-' {
			return unread(f, noteNoTime)
		}
		f.Note = noteGoesOn // a configuration that was printed, or where the program was when something failed
		return ingest.Other
	}
	f.Time, f.Note = ms, noteProxyTalk
	end := bytes.Index(rest, []byte("] "))
	if end < 0 || !bytes.HasPrefix(rest, []byte(" [")) {
		return ingest.Facts
	}
	message := rest[end+len("] "):]
	switch {
	case bytes.HasPrefix(message, []byte("http POST to https://")):
		d.post(message, f)
	case bytes.HasPrefix(message, []byte("((")):
		return d.radius(message, f)
	case bytes.HasPrefix(message, []byte("[Request from ")):
		if _, said, ok := bytes.Cut(message, []byte("] ")); ok {
			d.ldap(said, f)
		}
	}
	return ingest.Facts
}

// tell makes the line an event.
func (d *authProxy) tell(f *signin.Facts, user []byte, o signin.FactorOutcome, reason []byte) {
	f.Note = ""
	if string(user) == "None" {
		user = nil
	}
	d.event = signin.MFAFacts{Time: f.Time, User: present(user), Outcome: o, Reason: present(reason)}
	d.event.Address = d.clients.of(d.event.User, f.Time)
	f.MFA = &d.event
}

// post reads what the proxy sent to Duo. The question whether a user needs a factor names what the proxy does if nobody
// answers, and the address that the user came from; the request that follows it holds a passcode and is not read.
func (d *authProxy) post(message []byte, f *signin.Facts) {
	url, form, ok := bytes.Cut(message, []byte(": "))
	if !ok || !bytes.HasSuffix(url, []byte("/preauth")) {
		return
	}
	var user, address, failmode []byte
	for pair := range bytes.SplitSeq(form, []byte{'&'}) {
		key, value, _ := bytes.Cut(pair, []byte{'='})
		switch string(key) {
		case "user":
			user = present(d.words.unescape(value))
		case "ipaddr":
			address = bareHost(d.words.unescape(value))
		case "failmode":
			failmode = pair
		}
	}
	d.clients.note(user, address, f.Time)
	if failmode != nil {
		d.tell(f, user, signin.FactorConfig, d.words.lower(failmode))
		d.event.Address = address
	}
}

// radius reads a line of a RADIUS login: (('192.0.2.1', 44703), anna, 9): and a message. The address is that of the
// device that asks, not the user's. The name of the user is as typed: what may end in two places is not believed.
func (d *authProxy) radius(message []byte, f *signin.Facts) ingest.Decoded {
	from := bytes.Index(message, []byte("), "))
	if from < 0 {
		return unread(f, noteNoUserLine)
	}
	from += len("), ")
	user, said, found := []byte(nil), []byte(nil), false
	for i := from; ; {
		n := bytes.Index(message[i:], []byte("): "))
		if n < 0 {
			break
		}
		if i += n; numbered(message[from:i]) {
			if found {
				return unread(f, noteAmbiguous)
			}
			found, user, said = true, message[from:i], message[i+len("): "):]
		}
		i++
	}
	if !found {
		return unread(f, noteNoUserLine)
	}
	if comma := bytes.LastIndexByte(user, ','); comma >= 0 {
		user = user[:comma]
	} else {
		user = nil // a name that cannot be printed is left out
	}
	d.login(said, user, f)
	return ingest.Facts
}

// numbered reports whether text ends with the number of a request, behind a comma if there is anything before it.
func numbered(text []byte) bool {
	end := len(text)
	for end > 0 && text[end-1]-'0' <= 9 {
		end--
	}
	return end < len(text) && (end == 0 || bytes.HasSuffix(text[:end], []byte(", ")))
}

// ldap reads a message of an LDAP login, which names the user itself, if it does.
func (d *authProxy) ldap(said []byte, f *signin.Facts) {
	for _, begin := range [...]string{"Duo authentication returned '", "Got preauth result for "} {
		rest, ok := bytes.CutPrefix(said, []byte(begin))
		if !ok {
			continue
		}
		end := bytes.LastIndex(rest, []byte(": '"))
		if end < 0 {
			return
		}
		user, value := rest[:end], bytes.TrimSuffix(rest[end+len(": '"):], []byte{'\''})
		if begin == "Got preauth result for " {
			d.preauth(value, user, nil, f)
			return
		}
		if result, who, ok := bytes.Cut(user, []byte("' for ")); ok {
			d.returned(result, value, who, f)
		}
		return
	}
	var user []byte
	if dn, ok := bytes.CutPrefix(said, []byte("Exempt OU: ")); ok {
		user = dn
	}
	d.phrase(said, user, f)
}

// login reads a message of a RADIUS login.
func (d *authProxy) login(said, user []byte, f *signin.Facts) {
	switch {
	case bytes.HasPrefix(said, []byte("Returning response code ")), bytes.HasPrefix(said, []byte("Sending response")):
		f.Note = noteEcho
		return
	case bytes.HasPrefix(said, []byte("Primary credentials rejected")):
		d.tell(f, user, signin.FirstFactorFailed, said)
		return
	case bytes.HasPrefix(said, []byte("Error performing primary authentication")):
		d.tell(f, user, signin.FactorError, said)
		return
	}
	if rest, ok := bytes.CutPrefix(said, []byte("Duo authentication returned '")); ok {
		result, status, _ := bytes.Cut(rest, []byte{'\''})
		d.returned(result, quoted(status), user, f)
		return
	}
	for _, begin := range [...]string{"Got preauth result for: '", "Duo preauth returned '"} {
		if rest, ok := bytes.CutPrefix(said, []byte(begin)); ok {
			result, status, _ := bytes.Cut(rest, []byte{'\''})
			d.preauth(result, user, quoted(status), f)
			return
		}
	}
	d.phrase(said, user, f)
}

// quoted returns the text of : 'Login timed out.'
func quoted(status []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimPrefix(status, []byte(": '")), []byte{'\''})
}

// returned judges the answer to the request for a factor. The proxy also calls it allowed when it failed open, so that a
// text that lets somebody in and is not known is no pass.
func (d *authProxy) returned(result, status, user []byte, f *signin.Facts) {
	word := d.words.lower(status)
	is := d.options.outcome(signin.DuoAuthProxy, nil, word)
	if is == signin.FactorUnknown {
		switch {
		case string(result) == "allow":
			is = begins(proxyAllowed[:], word)
		case string(result) == "deny":
			if is = begins(proxyRefused[:], word); is == signin.FactorUnknown {
				is = signin.FactorDenied
			}
		}
	}
	d.tell(f, user, is, status)
}

// preauth judges what Duo said before a factor was asked for.
func (d *authProxy) preauth(result, user, status []byte, f *signin.Facts) {
	if len(status) == 0 {
		status = result
	}
	is := d.options.outcome(signin.DuoAuthProxy, nil, d.words.lower(status))
	if is == signin.FactorUnknown {
		switch string(result) {
		case "auth":
			f.Note = notePreauth
			return
		case "allow":
			is = signin.FactorBypassed
		case "deny", "enroll":
			is = signin.FactorDenied
		}
	}
	d.tell(f, user, is, status)
}

// phrase looks for a message that says by itself what became of a login.
func (d *authProxy) phrase(said, user []byte, f *signin.Facts) {
	word := d.words.lower(said)
	for _, phrases := range [...][]phrase{proxyAllowed[:6], proxyRefused[:1]} { // those of the proxy itself; the cloud's are an echo
		if is := begins(phrases, word); is != signin.FactorUnknown {
			if by := d.options.outcome(signin.DuoAuthProxy, nil, word); by != signin.FactorUnknown {
				is = by
			}
			d.tell(f, user, is, said)
			return
		}
	}
}
