package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// mailLogs writes the POP, IMAP and SMTP logs, which only EX01 keeps.
func (f *folder) mailLogs() {
	for i, stamp := range []string{"20261006", "20261007"} {
		from, to := at(days()[i]+" 00:00:00"), at(next(days()[i]))
		f.mailFile("EX01/Imap4/IMAP4"+stamp+"00-1.LOG", "imap", from, to)
		f.mailFile("EX01/Pop3/POP3"+stamp+"00-1.LOG", "pop", from, to)
		f.mailFile("EX01/SmtpReceive/RECV"+stamp+"00-1.LOG", "smtp", from, to)
	}
	f.mailFile("EX01/Imap4/IMAP4BE2026100600-1.LOG", "imapbe", at("2026-10-06 00:00:00"), at("2026-10-08 00:00:00"))
}

func (f *folder) mailFile(path, log string, from, to int64) {
	fields := "dateTime,sessionId,seqNumber,sIp,cIp,user,duration,rqsize,rpsize,command,parameters,context,puid"
	title := map[string]string{"imap": "IMAP4 Log", "imapbe": "IMAP4 Log", "pop": "POP3 Log", "smtp": "SMTP Receive Protocol Log"}[log]
	head, kind, note := "", log, ""
	if log == "smtp" {
		fields = "date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context"
		head, note = bom, "byte order mark"
	}
	if log == "imapbe" {
		kind, note = "imap", "back end: repeats the front end"
	}
	var c calendar
	var b strings.Builder
	b.WriteString(head + "#Software: Microsoft Exchange Server\r\n#Version: 15.0.0.0\r\n#Log-type: " + title + "\r\n#Date: " + c.stamp(from+62) + "\r\n#Fields: " + fields + "\r\n")
	signins := 0
	for _, line := range f.story.mailOf(log, from, to) {
		b.WriteString(line.text + "\r\n")
		if line.row != nil {
			f.ledger.strong(*line.row)
			signins++
		}
	}
	f.add(path, kind, []byte(b.String()), signins, note)
}

// archive adds a log that exists only inside a zip, whose members carry no time of their own.
func (f *folder) archive(p proxyFile) {
	content, signins := f.renderProxy(p)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateHeader(&zip.FileHeader{Name: p.name, Method: zip.Store, Modified: time.UnixMilli(at("2026-10-08 06:00:00")).UTC()})
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		panic(err) // a buffer in memory does not fail
	}
	path := p.server.name + "/HttpProxy/" + p.folder + "/20261007.zip"
	f.files[path] = b.Bytes()
	f.ledger.files = append(f.ledger.files, fileCount{path, "httpproxy", countLines(content), signins, "one member; the only copy"})
}

// copies are files that say what other files say. None of them may count.
func (f *folder) copies() {
	original := f.files["EX01/HttpProxy/Ecp/HttpProxy_2026100600-1.LOG"]
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.NoCompression) // no compression: the bytes do not depend on the version of Go
	if err == nil {
		_, err = z.Write(original)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		panic(err) // a buffer in memory does not fail
	}
	path := "EX01/HttpProxy/Ecp/HttpProxy_2026100600-1.LOG.gz"
	f.files[path] = b.Bytes()
	f.ledger.files = append(f.ledger.files, fileCount{path, "httpproxy", countLines(original), 0, "copy of the file beside it"})

	original = f.files["EX01/HttpProxy/OAB/HttpProxy_2026100600-1.LOG"]
	text := "\ufeff" + string(original)
	var wide []byte
	for _, u := range utf16.Encode([]rune(text)) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	f.add("EX01/HttpProxy/OAB/oab-for-support.txt", "unknown", wide, 0, "UTF-16 copy of HttpProxy_2026100600-1.LOG")
	f.ledger.files[len(f.ledger.files)-1].Lines = countLines(original)
}

// strays are files that lie around in every such folder and that are no logs of sign-ins.
func (f *folder) strays() {
	f.add("EX01/W3SVC1/u_in261006.log", "unknown", []byte(strings.Join([]string{
		`10.20.7.33, CONTOSO\n.weber, 10/06/2026, 09:12:44, W3SVC1, EX01, 10.20.1.11, 31, 612, 4096, 200, 0, POST, /EWS/Exchange.asmx, -,`,
		`10.20.0.5, -, 10/06/2026, 09:12:50, W3SVC1, EX01, 10.20.1.11, 1, 120, 15, 200, 0, GET, /owa/healthcheck.htm, -,`, ""}, "\r\n")), 0, "IIS format: local time, no columns named")
	f.add("EX01/W3SVC1/u_nc261006.log", "unknown", []byte(strings.Join([]string{
		`10.20.7.33 - CONTOSO\n.weber [06/Oct/2026:09:12:44 +0200] "POST /EWS/Exchange.asmx HTTP/1.1" 200 4096`,
		`10.20.0.5 - - [06/Oct/2026:09:12:50 +0200] "GET /owa/healthcheck.htm HTTP/1.1" 200 15`, ""}, "\r\n")), 0, "NCSA format")
	f.add("EX01/Ews/Ews_2026100609-1.LOG", "unknown", f.ewsBackEnd(), 0, "EWS back end: its AuthenticationType is not the client's")
	f.add("notes.txt", "unknown", []byte("Copied on 8 October for the audit.\nEX02 dropped its proxy logs on the evening of the 6th: the folder was full.\nAsk facilities who reads their mailbox.\n"), 0, "no log")
	picture, err := base64.StdEncoding.DecodeString(tinyPicture)
	if err != nil {
		panic(err) // a constant of ours
	}
	f.add("EX03/W3SVC1/screenshot.log", "unknown", picture, 0, "a picture")
}

// ewsBackEnd is the log of the EWS back end, written by the writer of the HttpProxy log with columns of its own.
func (f *folder) ewsBackEnd() []byte {
	const fields = "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,ClientRequestId,AuthenticationType,IsAuthenticated,AuthenticatedUser,Organization,UserAgent,VersionInfo,ClientIpAddress,ServerHostName,FrontEndServer,SoapAction,HttpStatus,ErrorCode,ImpersonatedUser,GenericInfo,GenericErrors"
	var c calendar
	b := []byte(fields + "\r\n#Software: Microsoft Exchange Server\r\n#Version: 15.02.1544.004\r\n#Log-type: EWS Logs\r\n#Date: " + c.stamp(at("2026-10-06 09:00:00")) + "\r\n#Fields: " + fields + "\r\n")
	for i, account := range []string{`CONTOSO\svc-erp`, "n.weber@contoso.com", `CONTOSO\HealthMailboxex017d0c41e`, `CONTOSO\svc-rooms`} {
		b = c.appendStamp(b, at("2026-10-06 09:03:10")+int64(i)*7*minute)
		b = append(guid{uint64(i)*0x9e3779b97f4a7c15 + 77, 0x8d20000000000000 + uint64(i)}.append(append(b, ',')), ",15,2,1544,4,,Logon,true,"...)
		b = append(append(b, account...), ",,ERP-Connector/2.1 (EWS Managed API 2.2),Target=Exchange2013_SP1;,10.20.3.40,EX01,EX02.contoso.com,FindItem,200,,,MailboxRPCCount=3;,\r\n"...)
	}
	return b
}

// mailOf are the lines of one mail log in a span, in the order of time: sessions interleave.
func (s *story) mailOf(log string, from, to int64) []*mailLine {
	var list []*mailLine
	for _, line := range s.mail {
		if line.log == log && line.at >= from && line.at < to {
			list = append(list, line)
		}
	}
	slices.SortStableFunc(list, func(a, b *mailLine) int { return int(a.at - b.at) })
	return list
}
