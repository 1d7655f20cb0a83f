package exchange

import (
	"bytes"
	"net/netip"
	"strconv"
	"unicode/utf8"

	"github.com/outmode/outmode/ingest"
)

// skip is the Format of a log that is known and not counted.
func skip(name, why string) ingest.Format {
	return ingest.Format{Name: name, Skip: name + ": " + why}
}

// uncounted names the logs of Exchange that look like the ones that count, and why they do not.
// Source: reference/log-formats.md, sections 3.3 to 3.7.
func (g *glance) uncounted() (name, why string) {
	switch {
	case g.named("mapirequestid"):
		return "MapiHttp back-end log", "it shows the front end's identity, not how the client signed in; give HttpProxy/Mapi instead"
	case g.named("client-name", "rpc-status"):
		return "RPC Client Access log", "it has no column for how the client signed in; give HttpProxy/RpcHttp instead"
	case g.named("message-id", "event-id") || contains(g.logType, "message tracking"):
		return "message tracking log", "it follows messages, not sign-ins; give the SMTP receive logs instead"
	case contains(g.logType, "requestfiltering") || contains(g.logType, "amsi"):
		return "HttpRequestFiltering (AMSI) log", "it lists scanned requests, not sign-ins; give HttpProxy instead"
	case contains(g.logType, "autodiscover"):
		return "Autodiscover back-end log", "it shows the front end's identity, not how the client signed in; give HttpProxy/Autodiscover instead"
	case g.named("soapaction") || contains(g.logType, "ews"):
		return "EWS back-end log", "it shows the front end's identity, not how the client signed in; give HttpProxy/Ews instead"
	case contains(g.logType, "oab"):
		return "OAB back-end log", "it shows the front end's identity, not how the client signed in; give HttpProxy/Oab instead"
	case contains(g.logType, "mapi"):
		return "MapiHttp back-end log", "it shows the front end's identity, not how the client signed in; give HttpProxy/Mapi instead"
	case contains(g.logType, "powershell"):
		return "PowerShell back-end log", "it shows the front end's identity, not how the client signed in; give HttpProxy/PowerShell instead"
	case g.named("datetime", "majorversion", "buildversion") && !g.named("urlstem"):
		// The writer of HttpProxy's logs also writes those of the back ends, with the same first columns.
		return "back-end log of an Exchange web service", "it shows the front end's identity, not how the client signed in; give HttpProxy instead"
	}
	return "", ""
}

// NotALog is the Skip of a file that shows nothing that this package knows. Who asks other packages too says behind it
// what is read.
const NotALog = "not a log that Outmode reads"

// headless judges a file in whose head no header was found.
func (g *glance) headless() ingest.Format {
	if len(g.rows) > 0 {
		line := g.rows[0]
		switch {
		case isNCSA(line):
			return skip("NCSA log", "it is in local time and does not name the client's program; switch the site to W3C logging")
		case isIISFormat(line):
			return skip("log in IIS format", "it is in local time and has no columns for what matters; switch the site to W3C logging")
		}
		if len(line) > 20 && isTime(line) {
			return ingest.Format{Skip: "not a log that Outmode reads: no #Fields line and no header row in its first 64 KiB; if it is the rest of a log, give it from its beginning, or ask \"outmode explain\" about its lines with --type and --fields"}
		}
	}
	return ingest.Format{Skip: NotALog}
}

// isTime tells a line of a log whose header is elsewhere.
func isTime(line []byte) bool {
	var c clock
	first, _, _ := bytes.Cut(line, []byte{','})
	_, exchange := c.iso(first)
	_, w3c := c.midnight(line[:10])
	return exchange || w3c
}

// isNCSA tells the common log format: host, name, user, [06/Oct/2026:08:00:00 +0200], "request".
// Source: Microsoft's documentation of IIS logging.
func isNCSA(line []byte) bool {
	open := bytes.IndexByte(line, '[')
	if open < 0 || bytes.Count(line[:open], []byte{' '}) < 3 || len(line) < open+29 {
		return false
	}
	t := line[open:]
	return t[3] == '/' && t[7] == '/' && t[12] == ':' && t[27] == ']' && bytes.IndexByte(t, '"') >= 0
}

// isIISFormat tells IIS's own format: fifteen values, a comma and a blank between them. The first is the address of the
// client, the third a date and the fourth a time, both as the server's language writes them; then come the service and its
// instance (W3SVC1), two names, and five numbers. JSON has as many commas.
// Source: Microsoft's documentation of IIS logging.
func isIISFormat(line []byte) bool {
	values := bytes.Split(line, []byte(", "))
	if len(values) < 14 || !isAddress(values[0]) || !contains(values[4], "svc") {
		return false
	}
	for _, n := range values[7:12] {
		if _, err := strconv.ParseUint(string(n), 10, 64); err != nil {
			return false
		}
	}
	return bytes.IndexByte(values[3], ':') > 0 && len(values[2]) >= 6 && bytes.ContainsAny(values[2], "/.-")
}

func isAddress(text []byte) bool {
	_, err := netip.ParseAddr(string(text))
	return err == nil
}

// isTar tells an archive of tar by its first header: 512 bytes with a magic and a checksum. The magic alone would not
// do: whoever sends the first request of a day could put it into a log and so hide the log.
// Source: POSIX.1-2001, pax, ustar Interchange Format; the checksum is of the bytes, its own eight taken for blanks.
func isTar(head []byte) bool {
	const size, magic, sumFrom, sumTo = 512, 257, 148, 156
	if len(head) < size || !bytes.HasPrefix(head[magic:], []byte("ustar")) {
		return false
	}
	want, err := strconv.ParseInt(string(bytes.Trim(head[sumFrom:sumTo], " \x00")), 8, 64)
	for i, c := range head[:size] {
		if sumFrom <= i && i < sumTo {
			c = ' '
		}
		want -= int64(c)
	}
	return err == nil && want == 0
}

// isPacked tells pictures, documents, archives and Windows event logs (ElfFile) by their first bytes. In the text of a
// head, bytes that are no UTF-8 may have become U+FFFD.
func isPacked(head []byte) bool {
	for _, magic := range []string{"\xFF\xD8\xFF", "\uFFFD\uFFFD\uFFFD", "\x89PNG", "\uFFFDPNG", "GIF8", "%PDF-", "PK\x03\x04", "\x1F\x8B", "\x1F\uFFFD", "7z\xBC", "7z\uFFFD", "ElfFile\x00"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return false
}

// isBinary tells what is no text: NUL bytes between others, or much that is not UTF-8. The head may be cut within a
// letter, and a log in a local code page has some bytes that are none.
func isBinary(head []byte) bool {
	if bytes.IndexByte(head, 0) >= 0 {
		return true
	}
	odd := 0
	for rest := head; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		if r == utf8.RuneError && n == 1 || r < ' ' && r != '\t' && r != '\r' && r != '\n' {
			odd++
		}
		rest = rest[n:]
	}
	return odd > len(head)/10
}

// contains looks for a word in lower case.
func contains(text []byte, word string) bool {
	for i := 0; i+len(word) <= len(text); i++ {
		if equalFold(text[i:i+len(word)], word) {
			return true
		}
	}
	return false
}
