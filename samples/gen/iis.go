package main

// A field is one column of an IIS W3C log.
type field uint8

const (
	fieldDate field = iota
	fieldTime
	fieldSite
	fieldComputer
	fieldServerIP
	fieldMethod
	fieldStem
	fieldQuery
	fieldPort
	fieldUser
	fieldClientIP
	fieldAgent
	fieldReferer
	fieldStatus
	fieldSubstatus
	fieldWin32
	fieldTaken
	fieldHost
	fieldForward
	fieldAuthType
	fieldAuthorization
	fieldCount
)

// fieldName is the column's name in #Fields. The last three are custom fields, named by an admin.
func fieldName(f field) string {
	return [fieldCount]string{
		"date", "time", "s-sitename", "s-computername", "s-ip", "cs-method", "cs-uri-stem", "cs-uri-query", "s-port",
		"cs-username", "c-ip", "cs(User-Agent)", "cs(Referer)", "sc-status", "sc-substatus", "sc-win32-status",
		"time-taken", "cs-host", "X-Forwarded-For", "AUTH_TYPE", "Authorization",
	}[f]
}

// defaultFields is what IIS logs when nobody touched the settings.
func defaultFields() []field {
	return []field{
		fieldDate, fieldTime, fieldServerIP, fieldMethod, fieldStem, fieldQuery, fieldPort, fieldUser, fieldClientIP,
		fieldAgent, fieldReferer, fieldStatus, fieldSubstatus, fieldWin32, fieldTaken,
	}
}

// namedFields is the default with the computer's name, as an admin with several servers wants it.
func namedFields() []field {
	f := defaultFields()
	return append([]field{f[0], f[1], fieldComputer}, f[2:]...)
}

// busyFields is what a large site logs: which site, which computer, and the name the client asked for.
func busyFields() []field {
	f := namedFields()
	return append([]field{f[0], f[1], fieldSite}, append(f[2:], fieldHost)...)
}

// An iisWriter renders requests as lines of an IIS W3C log with one list of fields.
type iisWriter struct {
	fields   []field
	calendar calendar
	site     string // s-sitename
}

// appendHeader writes the four directives as W3SVC does when it opens a log, or opens it again.
func (w *iisWriter) appendHeader(dst []byte, ms int64) []byte {
	dst = append(dst, "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: "...)
	dst = append(w.calendar.appendDate(dst, ms), ' ')
	dst = append(appendClock(dst, ms), "\r\n#Fields:"...)
	for _, f := range w.fields {
		dst = append(append(dst, ' '), fieldName(f)...)
	}
	return append(dst, "\r\n"...)
}

// appendLine writes one request.
func (w *iisWriter) appendLine(dst []byte, r *request) []byte {
	for i, f := range w.fields {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = w.appendField(dst, f, r)
	}
	return append(dst, "\r\n"...)
}

func (w *iisWriter) appendField(dst []byte, f field, r *request) []byte {
	switch f {
	case fieldDate:
		return w.calendar.appendDate(dst, r.end)
	case fieldTime:
		return appendClock(dst, r.end)
	case fieldSite:
		return append(dst, w.site...)
	case fieldComputer:
		return append(dst, r.server.name...)
	case fieldServerIP:
		return append(dst, r.serverIP()...)
	case fieldMethod:
		return append(dst, r.method...)
	case fieldStem:
		return append(dst, r.stem...)
	case fieldQuery:
		return appendQuery(dst, r)
	case fieldPort:
		return append(dst, r.port...)
	case fieldStatus:
		return appendInt(dst, int64(r.status))
	case fieldSubstatus:
		return appendInt(dst, int64(r.substatus))
	case fieldWin32:
		return appendInt(dst, int64(r.win32))
	case fieldTaken:
		return appendInt(dst, r.taken)
	}
	return appendWord(dst, w.word(f, r))
}

// word is a field whose value may be missing.
func (w *iisWriter) word(f field, r *request) string {
	switch f {
	case fieldUser:
		return r.name
	case fieldClientIP:
		return r.ip
	case fieldAgent:
		return r.agent.iis
	case fieldReferer:
		return r.referer
	case fieldHost:
		return r.host
	case fieldForward:
		return r.forward
	case fieldAuthType:
		return r.scheme
	case fieldAuthorization:
		return r.secret
	}
	return ""
}

// appendWord writes a value with plus signs for spaces, and a hyphen for nothing.
func appendWord(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, '-')
	}
	from := len(dst)
	dst = append(dst, s...)
	for i := from; i < len(dst); i++ {
		if dst[i] == ' ' {
			dst[i] = '+'
		}
	}
	return dst
}

// appendQuery writes what the client asked and what the Exchange front end appended to it. The
// appended part begins with an ampersand even when the client asked nothing.
func appendQuery(dst []byte, r *request) []byte {
	if r.query == "" && r.suffix == suffixNone {
		return append(dst, '-')
	}
	dst = append(dst, r.query...)
	switch r.suffix {
	case suffixNone:
		return dst
	case suffixBackend:
		return r.id.append(append(dst, "&reqId="...))
	}
	dst = append(dst, "&CorrelationID=<empty>;"...)
	if r.cookie != "" {
		dst = append(append(dst, "&ClientId="...), r.cookie...)
	}
	dst = append(r.id.append(append(dst, "&cafeReqId="...)), ';')
	if r.suffix == suffixEncoding {
		dst = append(dst, "&encoding=;"...)
	}
	return dst
}

// serverIP is the address the client connected to: the server's own, or the loopback it came by.
func (r *request) serverIP() string {
	switch r.ip {
	case "127.0.0.1", "::1":
		return r.ip
	case r.server.local:
		return r.server.local
	}
	return r.server.ip
}
