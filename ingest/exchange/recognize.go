package exchange

import (
	"bytes"
	"slices"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// Recognize says what a file is from its head: the first up to 64 KiB of its text, in UTF-8 without a byte order mark,
// possibly cut in the middle of a line. The path plays no part: files are renamed and folders moved.
//
// The Format of a file that is counted has a Kind and a Decoder. One that is not counted has UnknownKind and says in
// Skip why, and what to do. Name is empty where the head shows nothing that this package knows, so that another
// package may be asked.
func Recognize(head []byte) ingest.Format {
	if isTar(head) { // its first member may be a log, whose lines would be taken for the archive's
		return skip("tar archive", "unpack it first")
	}
	head = bytes.Trim(head, "\x00") // room that IIS reserves and never fills when the server crashes
	if len(bytes.TrimSpace(head)) == 0 {
		return ingest.Format{Skip: "empty file"}
	}
	g := look(head)
	switch {
	case g.header != nil && g.blanks:
		return g.w3c()
	case g.header != nil:
		return g.exchange()
	case isPacked(head):
		return ingest.Format{Skip: "binary file, no log"}
	case isBinary(head):
		return ingest.Format{Skip: "binary file, no log (if it is IIS's central binary log, .ibl: switch to W3C logging, central or per site)"}
	}
	return g.headless()
}

// A glance is what the head of a file shows.
type glance struct {
	software, logType []byte
	header            []byte // the first there is
	blanks            bool   // it is separated by blanks: W3C
	names             []string
	rows              [][]byte // the first lines that are neither headers nor directives
	after             int      // how many of them stand before the header
}

// maxRows is how many lines are looked at for ports and commands.
const maxRows = 64

func look(head []byte) *glance {
	g := &glance{}
	complete := head[:bytes.LastIndexByte(head, '\n')+1]
	if len(complete) == 0 {
		complete = head
	}
	for line := range bytes.Lines(complete) {
		g.line(trim(line))
		if g.header != nil && len(g.rows)-g.after >= maxRows {
			break
		}
	}
	g.rows = g.rows[g.after:]
	return g
}

func (g *glance) line(line []byte) {
	if len(line) == 0 {
		return
	}
	if line[0] != '#' {
		first, _, comma := bytes.Cut(line, []byte{','})
		if comma && isTimeColumn(bytes.Trim(first, `" `)) {
			g.found(line, false)
			return
		}
		g.rows = append(g.rows, line)
		return
	}
	if v, ok := cutFold(line, "#software:"); ok && g.software == nil {
		g.software = v
	}
	if v, ok := cutFold(line, "#log-type:"); ok && g.logType == nil {
		g.logType = v
	}
	if v, ok := cutFold(line, "#fields:"); ok && len(v) > 0 {
		g.found(v, bytes.IndexByte(v, ',') < 0)
	}
}

// found keeps the first header. Lines before it are of no use: what is in them is not known.
func (g *glance) found(header []byte, blanks bool) {
	if g.header != nil {
		return
	}
	g.header, g.blanks, g.after = header, blanks, len(g.rows)
	g.names = names(string(header), separator(blanks))
}

func separator(blanks bool) byte {
	if blanks {
		return ' '
	}
	return ','
}

func (g *glance) named(columns ...string) bool {
	for _, c := range columns {
		if !slices.Contains(g.names, c) {
			return false
		}
	}
	return true
}

// w3c tells IIS from other programs that write W3C logs.
func (g *glance) w3c() ingest.Format {
	switch {
	case g.named("s-reason") || g.named("s-queuename") || contains(g.software, "http api"):
		return skip("HTTPERR log", "it holds requests that never reached IIS, without an account; give the W3C logs of the sites")
	case g.named("x-session") || g.named("x-fullpath"):
		return skip("IIS FTP log", "FTP is no protocol of Exchange")
	case !g.named("sc-status") || !g.named("cs-uri-stem") && !g.named("cs-method") && !g.named("cs-username"):
		return skip("W3C log of another program", "its #Fields are not those of an IIS site")
	}
	f := iisFormat(nil)
	f.Name = g.iisName()
	f.Named = g.named("s-computername")
	// Without a date in the lines, the day depends on the lines before.
	f.Sessions = !g.named("date")
	return f
}

// iisName tells by the port of the first requests which site wrote them: Exchange's back end listens on 444 and 81.
func (g *glance) iisName() string {
	l := newLayout(g.names, iisSlot)
	var front, back bool
	for _, line := range g.rows {
		var r row
		if l.plain(line, ' ', &r) != l.columns {
			continue
		}
		switch string(r[iisPort]) {
		case "", "-":
		case "444", "81":
			back = true
		default:
			front = true
		}
	}
	switch {
	case front && back:
		return "IIS W3C log, front end and back end"
	case back:
		return "IIS W3C log, back end"
	case front:
		return "IIS W3C log, front end"
	}
	return "IIS W3C log"
}

// exchange tells the comma-separated logs of Exchange apart by their columns and, where those are
// equal, by what the log calls itself.
func (g *glance) exchange() ingest.Format {
	if name, why := g.uncounted(); name != "" {
		return skip(name, why)
	}
	switch {
	case g.named("urlstem", "authenticationtype", "isauthenticated", "authenticateduser"):
		return proxyFormat(nil)
	case g.named("sip", "cip", "command", "parameters", "context"):
		return g.mailbox()
	case g.named("connector-id", "session-id", "local-endpoint", "remote-endpoint", "event"):
		return g.smtp()
	}
	if contains(g.software, "exchange") || g.logType != nil {
		return skip("log of Exchange of another sort", "it does not show how clients sign in; give HttpProxy, POP3, IMAP4 and SMTP receive logs")
	}
	return g.headless()
}

// mailbox tells POP3 from IMAP4, and the front end's logs from the back end's.
func (g *glance) mailbox() ingest.Format {
	kind, back := g.mailboxKind()
	name := "POP3 or IMAP4 log"
	switch kind {
	case signin.POPLog:
		name = "POP3 log"
	case signin.IMAPLog:
		name = "IMAP4 log"
	}
	if back {
		return skip(name+", back end", "the front end signs in here for every client, always with PLAIN; give the front end's log instead")
	}
	switch {
	case kind != signin.UnknownKind:
		return mailboxFormat(kind, nil)
	case len(g.rows) == 0:
		return skip(name, "header only: no line shows which of the two it is")
	}
	return skip(name, "neither its ports nor its commands nor its #Log-type show which of the two it is")
}

// mailboxKind goes by the port of the server, then by the commands, then by what the log calls itself.
func (g *glance) mailboxKind() (k signin.Kind, back bool) {
	l := newLayout(g.names, mailboxSlot)
	t := table{sep: ',', layout: l}
	byPort, byCommand := signin.UnknownKind, signin.UnknownKind
	back = true
	for _, line := range g.rows {
		var r row
		if d, _ := t.split(line, &r); d != ingest.Facts {
			continue
		}
		_, port := endpoint(r[mailServer])
		if p := portKind(port); p != signin.UnknownKind {
			if byPort == signin.UnknownKind {
				byPort = p
			}
			back = back && isBackEnd(port)
		}
		if byCommand == signin.UnknownKind {
			byCommand = commandKind(r[mailCommand])
		}
	}
	if byPort != signin.UnknownKind {
		return byPort, back
	}
	if byCommand != signin.UnknownKind {
		return byCommand, false
	}
	for _, said := range [][]byte{g.logType, g.software} {
		switch {
		case contains(said, "imap"):
			return signin.IMAPLog, false
		case contains(said, "pop"):
			return signin.POPLog, false
		}
	}
	return signin.UnknownKind, false
}

// commandKind tells the two protocols by the commands that only one of them has.
// Source: RFC 1939, RFC 2449 and RFC 9051.
func commandKind(command []byte) signin.Kind {
	for _, c := range []string{"login", "authenticate", "select", "examine", "fetch", "search", "namespace", "lsub", "logout", "capability", "starttls"} {
		if equalFold(command, c) {
			return signin.IMAPLog
		}
	}
	for _, c := range []string{"user", "pass", "auth", "apop", "stat", "retr", "dele", "uidl", "top", "capa", "stls", "quit"} {
		if equalFold(command, c) {
			return signin.POPLog
		}
	}
	return signin.UnknownKind
}

// smtp tells receive logs from send logs, which have the same columns.
func (g *glance) smtp() ingest.Format {
	if contains(g.logType, "send") || !contains(g.logType, "receive") && g.sends() {
		return skip("SMTP send log", "there this server is the client; give the SMTP receive logs")
	}
	return smtpFormat(nil)
}

// sends tells a send log that does not say so: what comes in are answers, three digits, and what goes out are commands.
func (g *glance) sends() bool {
	t := table{sep: ',', layout: newLayout(g.names, smtpSlot)}
	for _, line := range g.rows {
		var r row
		if d, _ := t.split(line, &r); d != ingest.Facts || len(r[smtpEvent]) != 1 {
			continue
		}
		_, answer := code(r[smtpText])
		switch r[smtpEvent][0] {
		case '<':
			return answer
		case '>':
			return !answer
		}
	}
	return false
}
