package mfa

import (
	"bytes"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// The values of authevents.log and ssoevents.log, by the place of their paths.
const (
	proxyTime    = iota
	proxyMessage //
	proxyUser    //
	proxyDN      // LDAP
	proxyStage   // Primary authentication, Secondary authentication or Unknown
	proxyStatus  // Allow, Reject, Error or Challenge; of ssoevents.log succeeded or failed
	proxyClient  // absent of LDAP
	proxySection // of the configuration: radius_server_auto
	proxyKey     // the key of the application in Duo's Admin API
	proxyFactor  //
	proxyHost    // the computer that the proxy runs on
	proxySort    // AUTH or SSO
	proxyEvent   // of ssoevents.log: connectivity, ldap_query
	proxyJoined  // of ssoevents.log: which proxy
)

func proxyPicker() *picker {
	return newPicker("timestamp", "msg", "username", "dn", "auth_stage", "status", "client_ip", "server_section", "server_section_ikey", "factor", "hostname",
		"msg_type", "event_type", "proxy_key")
}

// authProxy decodes the logs of the Duo Authentication Proxy: authevents.log and ssoevents.log, a JSON object per line,
// and authproxy.log, which is text. Both tell of a login: authevents.log with the application and the host.
//
// Source: the published code of Duo Authentication Proxy 4.0.2, lib/log.py, lib/duo_async.py, lib/radius and
// modules/ldap_server_auto.py; Duo's reference of the proxy's configuration for the files and how to switch them on.
type authProxy struct {
	options *Options
	json    *picker
	times   calendar
	words   scribe
	event   signin.MFAFacts
	clients clients // authproxy.log
}

func newAuthProxy(o *Options) *authProxy { return &authProxy{options: o, json: proxyPicker()} }

// Header implements [ingest.Decoder]: there is none.
func (d *authProxy) Header() []byte { return nil }

// Reset implements [ingest.Decoder].
func (d *authProxy) Reset([]byte) { d.clients.clear() }

// The remarks on lines of the proxy.
const (
	noteSSO        = "ssoevents.log: what the proxy asked a directory for Duo's cloud; the second factor is in Duo's authentication log"
	noteNoProxy    = "a JSON record that is none of the proxy's: it has neither auth_stage nor proxy_key"
	noteEcho       = "what the proxy answered: the line before it says why"
	notePreauth    = "a second factor will be asked for"
	noteProxyTalk  = "a line of the proxy that tells of no second factor"
	noteGoesOn     = "it goes on with what the line before it tells"
	noteAmbiguous  = "the name of the user looks like the end of what stands before a message: where that begins cannot be known"
	noteNoUserLine = "a line that begins like one of a login and is none"
)

// Decode implements [ingest.Decoder].
func (d *authProxy) Decode(line []byte, f *signin.Facts) ingest.Decoded {
	*f = signin.Facts{Kind: signin.DuoAuthProxy}
	d.words.clear()
	if len(bytes.TrimSpace(line)) == 0 {
		return ingest.Blank
	}
	if line[0] != '{' {
		return d.text(line, f)
	}
	if err := d.json.pick(line); err != nil {
		return unread(f, err.Error())
	}
	return d.record(f)
}

// record is one of authevents.log or ssoevents.log. Its time is UTC, though early versions did not say so.
func (d *authProxy) record(f *signin.Facts) ingest.Decoded {
	p := d.json
	sso := isWord(p.text(proxySort), "sso") || p.values[proxyStage] == nil && (p.values[proxyJoined] != nil || p.values[proxyEvent] != nil)
	ms, rest, _, ok := d.times.read(bytes.TrimSpace(p.text(proxyTime)), nil)
	ok = ok && len(rest) == 0
	switch {
	case sso && !ok:
		f.Note = noteSSO
		return ingest.Other
	case sso:
		f.Time, f.Server, f.Note = ms, present(p.text(proxyHost)), noteSSO
		return ingest.Facts
	case p.values[proxyStage] == nil:
		return unread(f, noteNoProxy)
	case !ok:
		return unread(f, noteNoTime)
	}
	f.Time, f.Server = ms, present(p.text(proxyHost))
	application := d.told(proxyKey)
	if application == nil {
		application = d.told(proxySection)
	}
	user := d.told(proxyUser)
	if user == nil {
		user = d.told(proxyDN)
	}
	message := present(p.text(proxyMessage))
	d.event = signin.MFAFacts{
		Time: ms, User: user, Application: application, Address: bareHost(p.text(proxyClient)), Factor: d.words.word(p.text(proxyFactor)),
		Reason: message, Gateway: f.Server, Outcome: d.judge(p.text(proxyStage), p.text(proxyStatus), message),
	}
	f.MFA = &d.event
	return ingest.Facts
}

// told returns a value that the proxy knows: it writes Unknown for one that it does not.
func (d *authProxy) told(i int) []byte {
	if b := present(d.json.text(i)); string(b) != "Unknown" {
		return b
	}
	return nil
}

// A phrase is how a message of the proxy begins, in lower case, and what it says.
type phrase struct {
	begins string
	is     signin.FactorOutcome
}

// proxyAllowed are messages of logins that were let in. What Duo's cloud allowed before it asked for a factor is a bypass
// by its configuration: a status, a trusted network, a user who is not enrolled.
var proxyAllowed = [...]phrase{
	{"failmode safe - allowed duo login", signin.FactorFailOpen},
	{"primary only mode - secondary authentication bypassed", signin.FactorBypassed},
	{"user exempted from 2fa", signin.FactorBypassed},
	{"exempt ou: ", signin.FactorBypassed},
	{"primary bind exempted from 2fa", signin.FactorBypassed},
	{"duo authentication bypassed for anonymous bind", signin.FactorBypassed},
	{"duo preauth returned 'allow'", signin.FactorBypassed},
	{"duo preauth result was ", signin.FactorBypassed},
	{"duo authentication succeeded", signin.FactorPassed},
	{"success. logging you in", signin.FactorPassed},
}

// proxyRefused are messages of logins that were not let in.
var proxyRefused = [...]phrase{
	{"failmode secure - denied duo login", signin.FactorDenied},
	{"login timed out", signin.FactorTimeout},
	{"duo authentication was rejected - login timed out", signin.FactorTimeout},
	{"login request reported as fraudulent", signin.FactorFraud},
	{"duo authentication was rejected - login request reported as fraudulent", signin.FactorFraud},
}

func begins(phrases []phrase, message []byte) signin.FactorOutcome {
	for i := range phrases {
		if bytes.HasPrefix(message, []byte(phrases[i].begins)) {
			return phrases[i].is
		}
	}
	return signin.FactorUnknown
}

// judge reads a record of authevents.log. The operator's table is asked for the whole message, in lower case. A message
// that lets somebody in and is not known is no pass: the text is that of Duo's cloud, which may have asked for nothing.
func (d *authProxy) judge(stage, status, message []byte) signin.FactorOutcome {
	message = d.words.lower(message)
	if is := d.options.outcome(signin.DuoAuthProxy, nil, message); is != signin.FactorUnknown {
		return is
	}
	first := hasPrefixFold(stage, "primary")
	switch {
	case first && isWord(status, "allow"):
		return signin.FirstFactorOK
	case first && isWord(status, "reject"):
		return signin.FirstFactorFailed
	case isWord(status, "allow"):
		return begins(proxyAllowed[:], message)
	case isWord(status, "reject"), isWord(status, "error"):
		if is := begins(proxyRefused[:], message); is != signin.FactorUnknown {
			return is
		}
		if isWord(status, "error") {
			return signin.FactorError
		}
		return signin.FactorDenied
	case isWord(status, "challenge"):
		return signin.FactorInfo
	}
	return signin.FactorUnknown
}
