package main

import (
	"bytes"
	"encoding/base64"
)

const bom = "\xef\xbb\xbf"

// A proxyFile is one HttpProxy log: of which folder, over which span.
type proxyFile struct {
	server   *server
	folder   string
	name     string
	from, to string
	upgrade  string // when the server got a new build, in the middle of the file
	reopened string // when the file was opened again, with the same build
	upper    bool
	bom      bool
}

// proxyLogs writes the HttpProxy logs that Contoso still has.
func (f *folder) proxyLogs() {
	s := f.story
	for _, folder := range []string{"Autodiscover", "Eas", "Ews", "Mapi", "Owa", "Ecp", "OAB", "RpcHttp", "PowerShell", "Rest"} {
		for i, d := range days() {
			p := proxyFile{server: s.ex01, folder: folder, from: d + " 00:00:00", to: next(d), name: "HttpProxy_" + []string{"2026100600", "2026100700"}[i] + "-1.LOG"}
			p.bom = folder == "Owa" && i == 0
			if folder == "Ews" && i == 0 {
				p.reopened = d + " 13:00:00"
			}
			f.proxyFile(p)
		}
	}
	for _, folder := range []string{"Autodiscover", "Eas", "Ews", "Mapi", "Owa"} {
		f.proxyFile(proxyFile{server: s.ex02, folder: folder, from: "2026-10-06 00:00:00", to: "2026-10-06 18:00:00", name: "HttpProxy_2026100600-1.LOG", upper: folder == "Eas"})
		f.proxyFile(proxyFile{server: s.ex02, folder: folder, from: "2026-10-07 02:00:00", to: "2026-10-08 00:00:00", name: "HttpProxy_2026100702-1.LOG", upgrade: "2026-10-07 12:00:00"})
	}
	f.proxyFile(proxyFile{server: s.ex03, folder: "Ews", from: "2026-10-07 06:00:00", to: "2026-10-08 00:00:00", name: "HttpProxy_2026100706-1.LOG"})
	f.archive(proxyFile{server: s.ex03, folder: "Eas", from: "2026-10-07 06:00:00", to: "2026-10-08 00:00:00", name: "HttpProxy_2026100706-1.LOG"})
}

func next(d string) string {
	if d == days()[0] {
		return days()[1] + " 00:00:00"
	}
	return "2026-10-08 00:00:00"
}

func (f *folder) proxyFile(p proxyFile) {
	content, signins := f.renderProxy(p)
	f.add(p.server.name+"/HttpProxy/"+p.folder+"/"+p.name, "httpproxy", content, signins, "")
}

// renderProxy writes the lines of a file and tells the ledger of each.
func (f *folder) renderProxy(p proxyFile) ([]byte, int) {
	w := newProxyWriter(p.server.build)
	w.brief, w.upper = true, p.upper
	var b []byte
	if p.bom {
		b = append(b, bom...)
	}
	b = w.appendHeader(b, at(p.from)+400, true)
	signins := 0
	for _, r := range f.during(p.server, p.from, p.to, func(r *request) bool { return r.vdir != nil && r.vdir.folder == p.folder && !r.unseenByProxy }) {
		if p.upgrade != "" && r.end >= at(p.upgrade) {
			w = newProxyWriter(build2016CU23())
			w.brief = true
			b, p.upgrade = w.appendHeader(b, at(p.upgrade), false), ""
		}
		if p.reopened != "" && r.end >= at(p.reopened) {
			b, p.reopened = w.appendHeader(b, at(p.reopened), false), ""
		}
		b = w.appendLine(b, r)
		told, weak := toldByProxy(r)
		if f.ledger.line("httpproxy", r, told, weak) {
			signins++
		}
	}
	return b, signins
}

// An iisFile is one IIS log: of which site, over which span, with which columns.
type iisFile struct {
	server   *server
	path     string
	from, to string
	fields   []field
	later    []field // the columns after an admin changed them
	changed  string  // when that was
	password bool    // the Authorization header is logged
	note     string
}

// iisLogs writes the IIS logs.
func (f *folder) iisLogs() {
	s := f.story
	f.iisFile(iisFile{server: s.ex01, path: "EX01/W3SVC1/u_ex261006.log", from: "2026-10-06 00:00:00", to: next(days()[0]), fields: namedFields()})
	f.iisFile(iisFile{server: s.ex01, path: "EX01/W3SVC1/u_ex261007.log", from: "2026-10-07 00:00:00", to: next(days()[1]), fields: namedFields(),
		changed: "2026-10-07 09:00:00", later: shuffledFields(), note: "columns change their order at 09:00"})
	forwarded := append(defaultFields(), fieldForward)
	f.iisFile(iisFile{server: s.ex02, path: "EX02/W3SVC1/u_ex261006_x.log", from: "2026-10-06 00:00:00", to: next(days()[0]), fields: forwarded, note: "NUL bytes at the end"})
	f.iisFile(iisFile{server: s.ex02, path: "EX02/W3SVC1/u_ex261007_x.log", from: "2026-10-07 00:00:00", to: next(days()[1]), fields: forwarded})
	typed := append(namedFields(), fieldAuthType)
	f.iisFile(iisFile{server: s.ex03, path: "EX03/W3SVC1/u_ex261006_x.log", from: "2026-10-06 00:00:00", to: next(days()[0]), fields: typed})
	f.iisFile(iisFile{server: s.ex03, path: "EX03/W3SVC1/u_ex261007_x.log", from: "2026-10-07 00:00:00", to: "2026-10-07 16:00:00", fields: append(typed, fieldAuthorization),
		password: true, note: "holds passwords; cut in the middle of its last line"})
	f.backEnd(s.ex01, "EX01/W3SVC2/u_ex261006.log", "2026-10-06 00:00:00", next(days()[0]))
	f.backEnd(s.ex01, "EX01/W3SVC2/u_ex261007.log", "2026-10-07 00:00:00", next(days()[1]))
	head := (&iisWriter{fields: namedFields()}).appendHeader(nil, at("2026-10-08 00:00:00"))
	f.add("EX01/W3SVC1/u_ex261008.log", "iis", head, 0, "header only")
	f.add("EX02/W3SVC1/u_ex261008_x.log", "unknown", nil, 0, "empty")
}

// shuffledFields is what an admin chose who wanted the site's name and the status early.
func shuffledFields() []field {
	return []field{
		fieldDate, fieldTime, fieldSite, fieldComputer, fieldServerIP, fieldStatus, fieldSubstatus, fieldWin32, fieldMethod,
		fieldStem, fieldQuery, fieldPort, fieldClientIP, fieldUser, fieldAgent, fieldReferer, fieldTaken,
	}
}

func (f *folder) iisFile(file iisFile) {
	w := &iisWriter{fields: file.fields, site: "W3SVC1"}
	b := w.appendHeader(nil, at(file.from))
	signins := 0
	list := f.during(file.server, file.from, file.to, func(r *request) bool { return r.port == "443" })
	for i, r := range list {
		if file.changed != "" && r.end >= at(file.changed) {
			w.fields = file.later
			b, file.changed = w.appendHeader(b, at(file.changed)), ""
		}
		b = w.appendLine(b, f.withSecret(r, file.password))
		if file.password && i == len(list)-1 {
			b = b[:len(b)-len(" 0 0 12 Negotiate -\r\n")] // the copy was made while the line was being written
			break
		}
		told, weak := toldByIIS(r, file.server.name == "EX03")
		if f.ledger.line("iis", r, told, weak) {
			signins++
		}
	}
	if file.note == "NUL bytes at the end" {
		b = append(b, bytes.Repeat([]byte{0}, 512)...)
	}
	f.add(file.path, "iis", b, signins, file.note)
}

// withSecret adds the header that the careless site logs.
func (f *folder) withSecret(r *request, logged bool) *request {
	if !logged || r.scheme != "Basic" {
		return r
	}
	with := *r
	with.secret = "Basic " + base64.StdEncoding.EncodeToString([]byte("user:not-a-real-password"))
	return &with
}

func (f *folder) backEnd(on *server, path, from, to string) {
	w := &iisWriter{fields: namedFields()}
	b := w.appendHeader(nil, at(from))
	signins := 0
	for _, r := range f.during(on, from, to, func(r *request) bool { return r.port == "444" }) {
		b = w.appendLine(b, r)
		told := toldByBackEnd(r, []*server{f.story.ex01, f.story.ex02, f.story.ex03})
		if f.ledger.line("iis", r, told, false) {
			signins++
		}
	}
	f.add(path, "iis", b, signins, "back end, port 444")
}
