package exchange

import (
	"bytes"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// The slots of POP3 and IMAP4.
const (
	_ uint8 = iota
	mailTime
	mailSession
	mailServer
	mailClient
	mailUser
	mailCommand
	mailParameters
	mailContext
)

// mailbox decodes the protocol logs of POP3 and IMAP4: comma-separated, a line per command, and what the server
// answered in the column context. The field table that Microsoft's documentation prints for them is that of SMTP.
type mailbox struct {
	table
	kind     signin.Kind
	sessions sessions // POP3: the accounts that USER named
	login    []byte   // the mechanism of PASS, which has no name in the log
}

func newMailbox(kind signin.Kind, given []byte) *mailbox {
	d := &mailbox{table: table{sep: ',', slot: mailboxSlot, check: mailboxCheck, given: given}, kind: kind, login: []byte("login")}
	d.Reset(nil)
	return d
}

func mailboxSlot(name string) uint8 {
	switch name {
	case "datetime", "date-time":
		return mailTime
	case "sessionid":
		return mailSession
	case "sip":
		return mailServer
	case "cip":
		return mailClient
	case "user":
		return mailUser
	case "command":
		return mailCommand
	case "parameters":
		return mailParameters
	case "context":
		return mailContext
	}
	return 0
}

func mailboxCheck(l *layout) string {
	if !l.named(mailTime, mailUser, mailCommand, mailParameters, mailContext) {
		return "its header lacks dateTime, user, command, parameters or context: it is not that of POP3 or IMAP4"
	}
	return ""
}

// The remarks on commands that are no sign-ins.
const (
	noteBackEnd    = "back end: the front end signs in here, not the client"
	noteCommand    = "no logon command"
	noteUser       = "USER only names the account; PASS is the logon"
	noteMechanisms = "AUTH without a mechanism asks which there are"
	noteSyntax     = "the server did not understand the command: no credential was judged"
	noteNoAnswer   = "a logon command, but the log does not hold the answer"
)

// Reset implements [ingest.Decoder].
func (d *mailbox) Reset(header []byte) {
	d.sessions.clear()
	d.reset(header)
}

// Decode implements [ingest.Decoder].
func (d *mailbox) Decode(line []byte, f *signin.Facts) ingest.Decoded {
	*f = signin.Facts{Kind: d.kind}
	var r row
	decoded, note := d.csv(line, &r)
	if decoded == ingest.Facts {
		var ok bool
		if f.Time, ok = d.iso(r[mailTime]); ok {
			d.command(&r, f)
			return ingest.Facts
		}
		decoded, note = ingest.Malformed, badTime
	}
	f.Note = note
	return decoded
}

func (d *mailbox) command(r *row, f *signin.Facts) {
	f.ServerAddr, f.ServerPort = endpoint(r[mailServer])
	f.Address, _ = endpoint(r[mailClient])
	f.Account = said(r[mailUser])
	switch {
	case isBackEnd(f.ServerPort):
		f.Note = noteBackEnd
	case d.kind == signin.POPLog:
		d.pop(r, f)
	default:
		d.imap(r, f)
	}
}

func (d *mailbox) imap(r *row, f *signin.Facts) {
	command := r[mailCommand]
	switch {
	case equalFold(command, "login"):
		f.AuthType = command
	case equalFold(command, "authenticate"):
		f.AuthType = mechanism(r[mailParameters])
	default:
		f.Note = noteCommand
		return
	}
	d.answer(r, f)
	if f.Account == nil && equalFold(command, "login") {
		f.Account = d.typed(r[mailParameters])
	}
	d.named(r, f)
}

func (d *mailbox) pop(r *row, f *signin.Facts) {
	command, id, client := r[mailCommand], r[mailSession], r[mailClient]
	switch {
	case equalFold(command, "pass"):
		f.AuthType = d.login
		if x := d.sessions.find(id, client); x != nil {
			if f.Account == nil {
				f.Account = said(x.account)
			}
			d.sessions.drop(id, client)
		}
	case equalFold(command, "auth"):
		if len(bytes.TrimSpace(r[mailParameters])) == 0 {
			f.Note = noteMechanisms
			return
		}
		f.AuthType = mechanism(r[mailParameters])
	case equalFold(command, "apop"):
		f.AuthType = command
	case equalFold(command, "user"):
		x := d.sessions.open(id, client)
		x.account = keep(x.account, bytes.TrimSpace(r[mailParameters]))
		f.Note = noteUser
		return
	case equalFold(command, "quit"):
		d.sessions.drop(id, client)
		fallthrough
	default:
		f.Note = noteCommand
		return
	}
	d.answer(r, f)
	d.named(r, f)
}

// answer reads what the server answered to a logon command.
func (d *mailbox) answer(r *row, f *signin.Facts) {
	value, quoted, ok := response(r[mailContext])
	if !ok {
		f.Note = noteNoAnswer
		return
	}
	status, rest := firstWord(value)
	if d.kind == signin.IMAPLog {
		// The first word of what went to the client is the tag, and the client chooses it: it may read OK.
		second, _ := firstWord(rest)
		switch {
		case isStatus(second):
			status = second
		case quoted && len(second) == 0:
			status = nil
		}
	}
	switch {
	case equalFold(status, "ok"), equalFold(status, "+ok"):
		f.Logon = signin.Accepted
	case equalFold(status, "no"):
		f.Logon = signin.Refused
	case equalFold(status, "-err") && !contains(rest, "command is not valid") && !contains(rest, "protocol error"):
		f.Logon = signin.Refused
	case equalFold(status, "bad"), equalFold(status, "-err"):
		f.Note = noteSyntax
	default:
		f.Note = noteNoAnswer
	}
}

func isStatus(word []byte) bool {
	return equalFold(word, "ok") || equalFold(word, "no") || equalFold(word, "bad")
}

// response finds the value of R in a context such as R=OK;Msg="..." or R="a1 NO LOGIN failed.";Msg="...".
// Quoted text before it could be a client's, so that an R behind it is not believed.
func response(context []byte) (value []byte, quoted, ok bool) {
	for rest := context; len(rest) > 0; {
		pair, after, _ := bytes.Cut(rest, []byte{';'})
		if value, ok := cutFold(bytes.TrimLeft(pair, " "), "r="); ok {
			if len(value) == 0 || value[0] != '"' {
				return value, false, true
			}
			// The quoted value may hold a semicolon: it ends with its quote.
			value = rest[bytes.IndexByte(rest, '"')+1:]
			if end := bytes.IndexByte(value, '"'); end >= 0 {
				value = value[:end]
			}
			return value, true, true
		}
		if bytes.IndexByte(pair, '"') >= 0 {
			return nil, false, false
		}
		rest = after
	}
	return nil, false, false
}

// typed reads the account from the parameters of IMAP's LOGIN: the account, then stars for the password. Without stars
// behind it, a word is not known to be no password.
func (d *mailbox) typed(parameters []byte) []byte {
	parameters = bytes.TrimSpace(parameters)
	account, rest := firstWord(parameters)
	if len(parameters) > 0 && parameters[0] == '"' {
		if end, _ := closing(parameters); end > 0 {
			account, rest = parameters[1:end], parameters[end+1:]
			account = d.unescape(account)
		}
	}
	if rest = bytes.TrimSpace(rest); len(rest) == 0 || !stars(rest) || stars(account) {
		return nil
	}
	return account
}

// unescape takes the backslashes off that IMAP puts before \ and " in quotes.
func (d *mailbox) unescape(text []byte) []byte {
	if bytes.IndexByte(text, '\\') < 0 {
		return text
	}
	from := len(d.scratch)
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && (text[i+1] == '\\' || text[i+1] == '"') {
			i++
		}
		d.scratch = append(d.scratch, text[i])
	}
	return d.scratch[from:]
}

func stars(b []byte) bool { return len(bytes.Trim(b, `*"`)) == 0 }

// named looks for the account in the message of a refusal, "AuthFailed:LogonDenied,User: name".
func (d *mailbox) named(r *row, f *signin.Facts) {
	if f.Account != nil || f.Logon != signin.Refused {
		return
	}
	context := r[mailContext]
	at := bytes.Index(context, []byte("User: "))
	if at < 0 {
		return
	}
	name := context[at+len("User: "):]
	if end := bytes.IndexAny(name, `",;`); end >= 0 {
		name = name[:end]
	}
	f.Account = said(bytes.TrimSpace(name))
}

// mechanism reads the name of a SASL mechanism, the first word of the parameters, or nil if what stands there cannot be
// one. Source: RFC 4422, which allows 20 letters, digits, dashes and underscores.
func mechanism(parameters []byte) []byte {
	name, _ := firstWord(parameters)
	if len(name) > 20 {
		return nil
	}
	for _, c := range name {
		if l := lower(c); (l < 'a' || l > 'z') && c-'0' > 9 && c != '-' && c != '_' {
			return nil
		}
	}
	return said(name)
}

// firstWord splits text after its first word. Blanks before it do not count.
func firstWord(text []byte) (word, rest []byte) {
	text = bytes.TrimLeft(text, " ")
	word, rest, _ = bytes.Cut(text, []byte{' '})
	return word, rest
}

// endpoint reads "ip:port" and "[ip]:port". The port is 0 and the address as it stands where there is no port.
func endpoint(b []byte) (address []byte, port uint16) {
	colon := bytes.LastIndexByte(b, ':')
	if colon < 0 || colon+1 == len(b) {
		return said(b), 0
	}
	address = b[:colon]
	switch {
	case len(address) >= 2 && address[0] == '[' && address[len(address)-1] == ']':
		address = address[1 : len(address)-1]
	case bytes.IndexByte(address, ':') >= 0: // an IPv6 address without brackets has no port
		return b, 0
	}
	n, ok := number(b[colon+1:], 1<<16-1)
	if !ok {
		return said(b), 0
	}
	return said(address), uint16(n)
}

// portKind tells POP3 from IMAP4 by the server's port: the standard ones, and those of the back end.
func portKind(port uint16) signin.Kind {
	switch port {
	case 143, 993, 1993:
		return signin.IMAPLog
	case 110, 995, 1995:
		return signin.POPLog
	}
	return signin.UnknownKind
}

// isBackEnd tells the ports on which the back end listens for the front end.
func isBackEnd(port uint16) bool { return port == 1993 || port == 1995 }
