package exchange

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// The slots of IIS.
const (
	_ uint8 = iota
	iisDate
	iisTime
	iisComputer
	iisServer
	iisMethod
	iisStem
	iisQuery
	iisPort
	iisUser
	iisClient
	iisAgent
	iisStatus
	iisSub
	iisWin32
	iisForwarded // X-Forwarded-For
	iisOriginal  // other headers of balancers that name the client
	iisType
)

// iis decodes W3C logs of IIS: columns separated by single blanks, "-" for nothing, "+" for a blank inside a value.
type iis struct {
	table
	dated int64 // midnight of the day on which lines that carry no date fall
	began int64 // the time of day of the last of them, since midnight
	sure  bool  // dated is known
}

func newIIS(given []byte) *iis {
	d := &iis{table: table{sep: ' ', slot: iisSlot, check: iisCheck, given: given}}
	d.Reset(nil)
	return d
}

func iisSlot(name string) uint8 {
	switch name {
	case "date":
		return iisDate
	case "time":
		return iisTime
	case "s-computername":
		return iisComputer
	case "s-ip":
		return iisServer
	case "cs-method":
		return iisMethod
	case "cs-uri-stem":
		return iisStem
	case "cs-uri-query":
		return iisQuery
	case "s-port":
		return iisPort
	case "cs-username":
		return iisUser
	case "c-ip":
		return iisClient
	case "cs(user-agent)":
		return iisAgent
	case "sc-status":
		return iisStatus
	case "sc-substatus":
		return iisSub
	case "sc-win32-status":
		return iisWin32
	}
	return customSlot(name)
}

// customSlot tells the custom fields that matter. Their names are free text of the administrator's, so they are
// compared without the cs() of a request header and without dashes.
func customSlot(name string) uint8 {
	inner, header := strings.CutPrefix(name, "cs(")
	if header {
		inner = strings.TrimSuffix(inner, ")")
	}
	switch strings.Map(letters, inner) {
	case "xforwardedfor", "xff", "httpxforwardedfor":
		return iisForwarded
	case "clientip", "xclientip", "originalip", "xoriginalip", "originalclientip", "xoriginalclientip", "realip", "xrealip", "trueclientip":
		return iisOriginal
	case "authtype", "sauthtype", "csauthtype", "xauthtype", "authenticationtype", "authmethod":
		// In a request header of that name the client would say what it likes.
		if !header {
			return iisType
		}
	}
	return 0
}

func letters(r rune) rune {
	if 'a' <= r && r <= 'z' {
		return r
	}
	return -1
}

func iisCheck(l *layout) string {
	if !l.named(iisTime) {
		return "its #Fields has no time"
	}
	return ""
}

// Where a log has no date column the day is part of what the reader of its next part must know. It is kept behind the
// columns in the header, on a line of its own, which no column can have.
const dayMark = "\n#date:"

// Reset implements [ingest.Decoder].
func (d *iis) Reset(header []byte) {
	d.dated, d.began, d.sure = 0, 0, false
	if i := bytes.LastIndex(header, []byte(dayMark)); i >= 0 {
		d.dated, d.sure = d.midnight(header[i+len(dayMark):])
		if header = header[:i]; i == 0 {
			header = nil // only the day was known yet
		}
	}
	d.reset(header)
}

// Header implements [ingest.Decoder].
func (d *iis) Header() []byte {
	if d.layout != nil && d.layout.named(iisDate) || !d.sure {
		return d.header
	}
	n := len(d.header)
	h := append(d.header, dayMark...)
	h = appendDay(h, d.dated)
	d.header = h[:n] // keeps the room for the mark
	return h
}

// Decode implements [ingest.Decoder].
func (d *iis) Decode(line []byte, f *signin.Facts) ingest.Decoded {
	*f = signin.Facts{Kind: signin.IIS}
	line = trim(line)
	switch {
	case len(line) == 0:
		return ingest.Blank
	case line[0] == '#':
		d.directive(line)
		return ingest.Directive
	case d.layout == nil:
		f.Note = noFields
		return ingest.Malformed
	case d.layout.wrong != "":
		f.Note = d.layout.wrong
		return ingest.Malformed
	}
	note := d.request(line, f)
	if note != "" {
		*f = signin.Facts{Kind: signin.IIS, Note: note}
		return ingest.Malformed
	}
	return ingest.Facts
}

// directive also keeps the date of the "#Date: " line, which IIS writes whenever it begins to log.
func (d *iis) directive(line []byte) {
	if date, ok := cutFold(line, "#date:"); ok && len(date) >= 10 {
		if at, ok := d.midnight(date[:10]); ok {
			d.dated, d.began, d.sure = at, 0, true
		}
		return
	}
	d.table.directive(line)
}

// request fills f and returns what is wrong with the line, or "".
func (d *iis) request(line []byte, f *signin.Facts) string {
	var r row
	switch n := d.layout.w3c(line, &r); {
	case n < d.layout.columns:
		return fewer
	case n > d.layout.columns:
		return more
	}
	if note := d.when(&r, f); note != "" {
		return note
	}
	port, ok1 := number(r[iisPort], 1<<16-1)
	status, ok2 := number(r[iisStatus], 999)
	sub, ok3 := number(r[iisSub], 1<<16-1)
	win32, ok4 := number(r[iisWin32], 1<<32-1)
	switch {
	case !ok1:
		return badPort
	case !ok2:
		return badStatus
	case !ok3:
		return badSub
	case !ok4:
		return badWin32
	}
	f.ServerPort, f.Status, f.SubStatus, f.Win32 = uint16(port), uint16(status), uint16(sub), uint32(win32)
	f.Server = dash(r[iisComputer])
	f.ServerAddr = dash(r[iisServer])
	f.Account = dash(r[iisUser])
	f.Method = dash(r[iisMethod])
	f.Path = dash(r[iisStem])
	f.Agent = dash(r[iisAgent])
	f.Address = dash(r[iisClient])
	f.RequestID = requestID(r[iisQuery])
	if f.Forwarded = dash(r[iisForwarded]); f.Forwarded == nil {
		f.Forwarded = dash(r[iisOriginal])
	}
	if word(r[iisType]) {
		f.AuthType = r[iisType]
	}
	return ""
}

// when fills the time, from the line or, where only the time of day is logged, from the last "#Date".
func (d *iis) when(r *row, f *signin.Facts) string {
	tod, ok := timeOfDay(r[iisTime])
	if !ok {
		return badTime
	}
	if d.layout.named(iisDate) {
		date, ok := d.midnight(r[iisDate])
		if !ok {
			return badDate
		}
		f.Time = date + tod
		return ""
	}
	if !d.sure {
		return "its #Fields has no date and there is no #Date before it"
	}
	// Lines are in order but for a little: a time that is an hour back is tomorrow's.
	if tod < d.began-hour {
		d.dated += day
	}
	d.began = tod
	f.Time = d.dated + tod
	return ""
}

// requestID takes the id that Exchange's front end appends to the query, as "&cafeReqId=<guid>;". The client's own query
// comes first and may hold another, so the last one counts.
func requestID(query []byte) []byte {
	const key = "cafeReqId="
	// Nearly always it stands last, or last but for the encoding, and need not be looked for.
	tail := bytes.TrimSuffix(bytes.TrimSuffix(query, []byte("&encoding=;")), []byte(";"))
	if n := len(tail) - len(key) - 36; n > 0 && string(tail[n:n+len(key)]) == key && tail[n-1] == '&' && isGUID(tail[n+len(key):]) {
		return tail[n+len(key):]
	}
	for end := len(query); ; {
		at := bytes.LastIndexByte(query[:end], '=')
		if at < 0 {
			return nil
		}
		end = at
		start := at + 1 - len(key)
		if start < 0 || string(query[start:at+1]) != key || start > 0 && query[start-1] != '&' && query[start-1] != ';' && query[start-1] != '?' {
			continue
		}
		id := query[at+1:]
		if stop := bytes.IndexAny(id, ";&"); stop >= 0 {
			id = id[:stop]
		}
		if !isGUID(id) {
			return nil
		}
		return id
	}
}

// isGUID tells 32 hexadecimal digits, with dashes in their places or without any.
func isGUID(b []byte) bool {
	le := binary.LittleEndian
	switch len(b) {
	case 32:
		return hex8(le.Uint64(b)) && hex8(le.Uint64(b[8:])) && hex8(le.Uint64(b[16:])) && hex8(le.Uint64(b[24:]))
	case 36:
		return b[8] == '-' && b[13] == '-' && b[18] == '-' && b[23] == '-' &&
			hex8(le.Uint64(b)) && hex8(uint64(le.Uint32(b[9:]))<<32|uint64(le.Uint32(b[14:]))) &&
			hex8(uint64(le.Uint32(b[19:]))<<32|uint64(le.Uint32(b[24:]))) && hex8(le.Uint64(b[28:]))
	}
	return false
}

// hex8 tells eight hexadecimal digits, all at once because it is asked for every line: in each byte below 0x80, adding
// what is missing from a bound to 0x80 sets the top bit where the bound is reached.
func hex8(x uint64) bool {
	const (
		ones = 0x0101010101010101
		top  = 0x80 * ones
	)
	small := x | 0x20*ones
	digit := (x + (0x80-'0')*ones) &^ (x + (0x80-'9'-1)*ones)
	letter := (small + (0x80-'a')*ones) &^ (small + (0x80-'f'-1)*ones)
	return x&top == 0 && (digit|letter)&top == top
}

// word tells a value that can be an authentication type. Whatever else stands in a column that is called so, such as
// a whole Authorization header with its password, is not copied.
func word(b []byte) bool {
	if len(b) == 0 || len(b) > 24 || len(b) == 1 && b[0] == '-' {
		return false
	}
	for _, c := range b {
		if l := lower(c); (l < 'a' || l > 'z') && c != '/' && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// dash makes "-" nil: the log did not say.
func dash(b []byte) []byte {
	if len(b) == 0 || len(b) == 1 && b[0] == '-' {
		return nil
	}
	return b
}
