package exchange

import (
	"bytes"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// The slots of SMTP receive.
const (
	_ uint8 = iota
	smtpTime
	smtpConnector
	smtpSession
	smtpLocal
	smtpRemote
	smtpEvent
	smtpText
	smtpContext
)

// smtp decodes the protocol logs of SMTP receive connectors: comma-separated, a line per line of the conversation, the
// sessions interleaved. The lines of a logon name the mechanism, the account and the result one after the other, in an
// order that depends on the connector: the sign-in is the line at which result and account are both known.
type smtp struct {
	table
	sessions sessions
}

// A stage is how far an attempt to sign in is.
type stage uint8

const (
	waiting  stage = iota // for the result; also of a session of which the beginning was not seen
	refused               // the log said that it failed, and has not named the account yet
	accepted              // the server answered 235, and the log has not named the account yet
	told                  // the sign-in was told, or the attempt ended without a judgement
)

func newSMTP(given []byte) *smtp {
	d := &smtp{table: table{sep: ',', slot: smtpSlot, check: smtpCheck, given: given}}
	d.Reset(nil)
	return d
}

func smtpSlot(name string) uint8 {
	switch name {
	case "date-time", "datetime":
		return smtpTime
	case "connector-id":
		return smtpConnector
	case "session-id":
		return smtpSession
	case "local-endpoint":
		return smtpLocal
	case "remote-endpoint":
		return smtpRemote
	case "event":
		return smtpEvent
	case "data":
		return smtpText
	case "context":
		return smtpContext
	}
	return 0
}

func smtpCheck(l *layout) string {
	if !l.named(smtpTime, smtpSession, smtpEvent, smtpText, smtpContext) {
		return "its header lacks date-time, session-id, event, data or context: it is not that of SMTP"
	}
	return ""
}

// The remarks on lines that are no sign-ins.
const (
	noteTalk       = "a line of the conversation that is not about a logon"
	noteAttempt    = "a logon command; the answer follows"
	noteServer     = "server-to-server authentication"
	noteMore       = "the server asks for the credential"
	noteRefused    = "a logon was refused; the account follows"
	noteAccepted   = "a logon was accepted; the account is not named yet"
	noteNamed      = "it names the account; the result follows"
	noteTold       = "a logon that an earlier line told"
	noteTemporary  = "temporary failure: no credential was judged"
	noteUnjudged   = "the server did not take the logon command: no credential was judged"
	noteDisconnect = "the session ends"
	noteNobody     = "the session ends; a logon was accepted, but the log never named the account"
	noteNoResult   = "the session ends; a logon was refused, but the log never named the account"
	noteEvent      = "an event that is not known"
)

// Reset implements [ingest.Decoder].
func (d *smtp) Reset(header []byte) {
	d.sessions.clear()
	d.reset(header)
}

// Decode implements [ingest.Decoder].
func (d *smtp) Decode(line []byte, f *signin.Facts) ingest.Decoded {
	*f = signin.Facts{Kind: signin.SMTPLog}
	var r row
	decoded, note := d.csv(line, &r)
	if decoded == ingest.Facts {
		var ok bool
		if f.Time, ok = d.iso(r[smtpTime]); ok {
			d.event(&r, f)
			return ingest.Facts
		}
		decoded, note = ingest.Malformed, badTime
	}
	f.Note = note
	return decoded
}

func (d *smtp) event(r *row, f *signin.Facts) {
	server, _, _ := bytes.Cut(r[smtpConnector], []byte{'\\'})
	f.Server = said(server)
	f.ServerAddr, f.ServerPort = endpoint(r[smtpLocal])
	f.Address, _ = endpoint(r[smtpRemote])
	f.Note = noteTalk
	if len(r[smtpEvent]) != 1 {
		f.Note = noteEvent
		return
	}
	switch r[smtpEvent][0] {
	case '<':
		d.command(r, f)
	case '>':
		d.reply(r, f)
	case '*':
		d.remark(r, f)
	case '+':
		d.sessions.drop(r[smtpConnector], r[smtpSession])
	case '-':
		d.disconnect(r, f)
	default:
		f.Note = noteEvent
	}
}

// command begins an attempt where the client, or another server, says AUTH or the like.
func (d *smtp) command(r *row, f *signin.Facts) {
	verb, rest := firstWord(r[smtpText])
	var name []byte
	server := true
	switch {
	case equalFold(verb, "auth"):
		name = mechanism(rest)
		server = equalFold(name, "exchangeauth")
	case equalFold(verb, "x-exps"):
		name = mechanism(rest)
	case equalFold(verb, "x-anonymoustls"), equalFold(verb, "exchangeauth"),
		equalFold(verb, "xproxy"), equalFold(verb, "xproxyfrom"), equalFold(verb, "xproxyto"):
	default:
		return
	}
	s := d.sessions.open(r[smtpConnector], r[smtpSession])
	s.account, s.mechanism = s.account[:0], keep(s.mechanism, name)
	s.stage, s.server = waiting, server
	f.AuthType, f.ServerToServer = name, server
	f.Note = noteAttempt
	if server {
		f.Note = noteServer
	}
}

// reply reads an answer of the server's. Source: RFC 4954, which says what the codes mean.
func (d *smtp) reply(r *row, f *signin.Facts) {
	n, ok := code(r[smtpText])
	if !ok {
		return
	}
	var s *session
	if n == 235 || n == 535 {
		s = d.sessions.open(r[smtpConnector], r[smtpSession])
	} else if s = d.sessions.find(r[smtpConnector], r[smtpSession]); s == nil || s.stage != waiting {
		return
	}
	switch {
	case n == 334:
		f.Note = noteMore
	case s.stage == told, n == 535 && s.stage == accepted:
		f.Note = noteTold
	case n == 235 && s.server, n == 235 && len(s.account) > 0:
		s.tell(f, signin.Accepted)
	case n == 235:
		s.stage = accepted
		f.Note = noteAccepted
	case n == 535:
		s.tell(f, signin.Refused)
	case s.server:
		s.stage = told
		f.ServerToServer, f.Note = true, noteServer
	case n == 432 || n == 454 || n == 421:
		s.stage = told
		f.Note = noteTemporary
	case n >= 400:
		s.stage = told
		f.Note = noteUnjudged
	}
}

// tell makes the line the sign-in of the session's attempt.
func (s *session) tell(f *signin.Facts, result signin.Logon) {
	s.stage = told
	f.Note = ""
	f.Logon, f.ServerToServer = result, s.server
	f.Account, f.AuthType = said(s.account), said(s.mechanism)
}

// remark reads what the server noted about the session.
func (d *smtp) remark(r *row, f *signin.Facts) {
	const (
		proxied   = "proxy session was successfully set up. session for"
		willProxy = "will now be proxied"
	)
	context := r[smtpContext]
	if inbound, ok := cutFold(context, "inbound "); ok {
		if name, _, ok := bytes.Cut(inbound, []byte(" failed because of ")); ok {
			d.failed(r, name, f)
		}
		return
	}
	if name, ok := cutFold(context, "user name:"); ok {
		d.names(r, name, f)
		return
	}
	if name, ok := cutFold(context, proxied); ok {
		if len(name) >= len(willProxy) && equalFold(name[len(name)-len(willProxy):], willProxy) {
			d.names(r, bytes.TrimSpace(name[:len(name)-len(willProxy)]), f)
		}
		return
	}
	if equalFold(context, "authenticated") && len(r[smtpText]) > 0 {
		s := d.sessions.open(r[smtpConnector], r[smtpSession])
		if s.stage == told {
			f.Note = noteTold
			return
		}
		s.account = keep(s.account, r[smtpText])
		s.tell(f, signin.Accepted)
	}
}

// failed notes that the attempt was refused. name is what failed, such as "AUTH LOGIN" or "Negotiate".
func (d *smtp) failed(r *row, name []byte, f *signin.Facts) {
	s := d.sessions.open(r[smtpConnector], r[smtpSession])
	if len(s.mechanism) == 0 {
		verb, rest := firstWord(name)
		s.server = s.server || equalFold(verb, "x-exps")
		if len(rest) > 0 {
			name = rest
		}
		s.mechanism = keep(s.mechanism, mechanism(name))
	}
	switch {
	case s.stage == told:
		f.Note = noteTold
	case len(s.account) > 0:
		s.tell(f, signin.Refused)
	default:
		s.stage = refused
		f.Note = noteRefused
	}
}

// names notes whose attempt it is.
func (d *smtp) names(r *row, account []byte, f *signin.Facts) {
	if len(account) == 0 {
		return
	}
	s := d.sessions.open(r[smtpConnector], r[smtpSession])
	if s.stage == told {
		f.Note = noteTold
		return
	}
	s.account = keep(s.account, account)
	switch s.stage {
	case refused:
		s.tell(f, signin.Refused)
	case accepted:
		s.tell(f, signin.Accepted)
	default:
		f.Note = noteNamed
	}
}

func (d *smtp) disconnect(r *row, f *signin.Facts) {
	f.Note = noteDisconnect
	s := d.sessions.find(r[smtpConnector], r[smtpSession])
	if s == nil {
		return
	}
	switch s.stage {
	case accepted:
		f.Note = noteNobody
	case refused:
		f.Note = noteNoResult
	}
	d.sessions.drop(r[smtpConnector], r[smtpSession])
}

// code reads the three digits with which an answer begins.
func code(text []byte) (int, bool) {
	if len(text) < 3 || text[0]-'0' > 9 || text[1]-'0' > 9 || text[2]-'0' > 9 || len(text) > 3 && text[3] != ' ' && text[3] != '-' {
		return 0, false
	}
	return int(text[0]-'0')*100 + int(text[1]-'0')*10 + int(text[2]-'0'), true
}
