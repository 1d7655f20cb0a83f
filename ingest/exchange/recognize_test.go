package exchange_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/internal/signin"
)

const (
	mailFields = "#Fields: dateTime,sessionId,seqNumber,sIp,cIp,user,duration,rqsize,rpsize,command,parameters,context,puid\n"
	smtpFields = "#Fields: date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context\n"
)

func iisLine(port int) string {
	return fmt.Sprintf("2026-10-06 08:00:01 192.0.2.10 POST /EWS/Exchange.asmx - %d - 198.51.100.3 x - 200 0 0 1\n", port)
}

func mailLine(port int, command string) string {
	return fmt.Sprintf("2026-10-06T08:00:01.514Z,0E,2,192.0.2.10:%d,203.0.113.5:35070,gerd,1,1,1,%s,,R=OK,\n", port, command)
}

func TestRecognizeCounted(t *testing.T) {
	t.Parallel()
	row := proxyRow(proxyHeader(74), proxy()) + "\n"
	for name, c := range map[string]struct {
		head            string
		kind            signin.Kind
		what            string
		named, sessions bool
	}{
		"IIS":                       {iisDefault + "\n" + iisLine(443), signin.IIS, "IIS W3C log, front end", false, false},
		"IIS back end":              {iisDefault + "\n" + iisLine(444) + iisLine(81), signin.IIS, "IIS W3C log, back end", false, false},
		"IIS both":                  {iisDefault + "\n" + iisLine(444) + iisLine(443), signin.IIS, "IIS W3C log, front end and back end", false, false},
		"IIS without lines":         {iisDefault + "\n", signin.IIS, "IIS W3C log", false, false},
		"IIS central":               {"#Fields: date time s-sitename s-computername s-ip cs-method cs-uri-stem s-port cs-username c-ip sc-status\n", signin.IIS, "IIS W3C log", true, false},
		"IIS, header after a line":  {iisLine(443) + iisDefault + "\n" + iisLine(444), signin.IIS, "IIS W3C log, back end", false, false},
		"IIS, reserved room":        {iisDefault + "\r\n" + strings.TrimSpace(iisLine(443)) + "\r\n" + strings.Repeat("\x00", 4096), signin.IIS, "IIS W3C log, front end", false, false},
		"HttpProxy, bare first":     {proxyHeader(74) + "\n#Software: Microsoft Exchange Server\n#Log-type: HttpProxy Logs\n#Fields: " + proxyHeader(74) + "\n" + row, signin.HTTPProxy, "HttpProxy log", true, false},
		"HttpProxy, only #Fields":   {"#Fields: " + proxyHeader(69) + "\n", signin.HTTPProxy, "HttpProxy log", true, false},
		"HttpProxy, bare only":      {strings.ToUpper(proxyHeader(64)) + "\n", signin.HTTPProxy, "HttpProxy log", true, false},
		"HttpProxy, mid-way":        {row[40:] + row + "#Log-type: HttpProxy Logs\n#Fields: " + proxyHeader(74) + "\n" + row, signin.HTTPProxy, "HttpProxy log", true, false},
		"HttpProxy, exported":       {`#TYPE System.Management.Automation.PSCustomObject` + "\n" + `"` + strings.ReplaceAll(proxyHeader(74), ",", `","`) + `"` + "\n", signin.HTTPProxy, "HttpProxy log", true, false},
		"HttpProxy, few columns":    {"#Fields: DateTime,RequestId,Protocol,UrlStem,AuthenticationType,IsAuthenticated,AuthenticatedUser\n", signin.HTTPProxy, "HttpProxy log", true, false},
		"HttpProxy, head cut":       {proxyHeader(74) + "\n" + row[:100], signin.HTTPProxy, "HttpProxy log", true, false},
		"IMAP by port":              {mailFields + mailLine(993, "x"), signin.IMAPLog, "IMAP4 log", false, true},
		"POP by port":               {"#Log-type: IMAP4 Log\n" + mailFields + mailLine(995, "login"), signin.POPLog, "POP3 log", false, true},
		"IMAP by command":           {mailFields + mailLine(10143, "authenticate"), signin.IMAPLog, "IMAP4 log", false, true},
		"POP by command":            {mailFields + mailLine(10110, "pass"), signin.POPLog, "POP3 log", false, true},
		"IMAP by its word":          {"#Log-type: IMAP4 Log\n" + mailFields, signin.IMAPLog, "IMAP4 log", false, true},
		"POP by its word":           {"#Software: Microsoft Exchange POP3 Server\n" + mailFields, signin.POPLog, "POP3 log", false, true},
		"POP, front and back":       {mailFields + mailLine(110, "pass") + mailLine(1995, "auth"), signin.POPLog, "POP3 log", false, true},
		"SMTP receive":              {"#Log-type: SMTP Receive Protocol Log\n" + smtpFields, signin.SMTPLog, "SMTP receive log", true, true},
		"SMTP, not saying which":    {smtpFields + "2026-10-06T16:00:00.115Z,EX01\\Default,0A,0,192.0.2.10:25,203.0.113.3:5,>,220 EX01,\n", signin.SMTPLog, "SMTP receive log", true, true},
		"SMTP, microsoft's columns": {strings.Replace(smtpFields, "#Fields: ", "", 1) + smtpFields, signin.SMTPLog, "SMTP receive log", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := exchange.Recognize([]byte(c.head))
			if f.Kind != c.kind || f.Name != c.what || f.Named != c.named || f.Sessions != c.sessions || f.Skip != "" || f.Decoder == nil {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestRecognizeSkipped(t *testing.T) {
	t.Parallel()
	const back = "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,ClientRequestId,AuthenticationType,IsAuthenticated,AuthenticatedUser"
	for name, c := range map[string]struct{ head, name, skip string }{
		"empty":              {"", "", "empty file"},
		"blank":              {"\r\n  \n", "", "empty file"},
		"reserved":           {strings.Repeat("\x00", 100), "", "empty file"},
		"JPEG":               {"\xFF\xD8\xFF\xE0\x00\x10JFIF\x00\x01\x01", "", "binary file, no log"},
		"zip":                {"PK\x03\x04\x14\x00\x08\x00\x08\x00log", "", "binary file, no log"},
		"tar":                {tarOf(t, "logs/u_ex.log", iisDefault+"\n"+iisLine(443)), "tar archive", "tar archive: unpack it first"},
		"tar of SMTP logs":   {tarOf(t, "RECV.LOG", "#Log-type: SMTP Receive Protocol Log\n"+smtpFields), "tar archive", "tar archive: unpack it first"},
		"tar, long name":     {tarOf(t, strings.Repeat("logs/", 50)+"é.log", iisDefault+"\n"), "tar archive", "tar archive: unpack it first"},
		"PDF":                {"%PDF-1.7\nplain enough\n", "", "binary file, no log"},
		"central binary":     {"\x01\x00\x08\x00EX01\x00\x00\x02\x00", "", ".ibl"},
		"noise":              {strings.Repeat("\x81\x92\xA3\x07", 50), "", "binary file, no log"},
		"prose":              {"Dear colleagues,\nplease find attached the log.\n", "", "not a log that Outmode reads"},
		"other CSV":          {"timestamp,user,factor\n2026-10-06T08:00:00Z,anna,push\n", "", "not a log that Outmode reads"},
		"rest of a log":      {proxyRow(proxyHeader(74), proxy()) + "\n", "", "from its beginning"},
		"rest of IIS":        {iisLine(443), "", "from its beginning"},
		"EWS":                {back + ",Organization,UserAgent,SoapAction,ImpersonatedUser\n", "EWS back-end log", "HttpProxy/Ews"},
		"EWS by its word":    {"#Log-type: EWS Logs\n#Fields: " + back + "\n", "EWS back-end log", "HttpProxy/Ews"},
		"Autodiscover":       {"#Log-type: Autodiscover Logs\n#Fields: " + back + ",SoapAction\n", "Autodiscover back-end log", "HttpProxy/Autodiscover"},
		"OAB":                {"#Log-type: OABDownload Logs\n#Fields: " + back + "\n", "OAB back-end log", "HttpProxy/Oab"},
		"MAPI":               {"DateTime,RequestId,MapiRequestId,ClientRequestId,RequestType,AuthenticationType,AuthenticatedUser\n", "MapiHttp back-end log", "HttpProxy/Mapi"},
		"same writer":        {"#Fields: " + back + "\n", "back-end log of an Exchange web service", "HttpProxy"},
		"RPC":                {"#Fields: date-time,session-id,seq-number,client-name,organization-info,client-software,rpc-status\n", "RPC Client Access log", "HttpProxy/RpcHttp"},
		"message tracking":   {"#Software: Microsoft Exchange Server\n#Log-type: Message Tracking Log\n#Fields: date-time,client-ip,server-ip,event-id,message-id\n", "message tracking log", "not sign-ins"},
		"AMSI":               {"DateTime,RequestId,Url\n#Log-type: HttpRequestFiltering Logs\n6/30/2026 10:03:57 AM,1,/\n", "HttpRequestFiltering (AMSI) log", "HttpProxy"},
		"SMTP send":          {"#Log-type: SMTP Send Protocol Log\n" + smtpFields, "SMTP send log", "receive"},
		"SMTP send, mute":    {smtpFields + "2026-10-06T16:00:00.115Z,To the world,0A,0,192.0.2.10:5000,203.0.113.3:25,<,220 mx,\n", "SMTP send log", "receive"},
		"Exchange, other":    {"#Software: Microsoft Exchange Server\n#Log-type: Connectivity Log\n#Fields: date-time,session,source\n", "log of Exchange of another sort", "HttpProxy"},
		"IMAP back end":      {mailFields + mailLine(1993, "authenticate"), "IMAP4 log, back end", "front end"},
		"POP back end":       {mailFields + mailLine(1995, "auth"), "POP3 log, back end", "front end"},
		"mail, header":       {mailFields, "POP3 or IMAP4 log", "header only"},
		"mail, unknown":      {mailFields + mailLine(5, "noop"), "POP3 or IMAP4 log", "neither"},
		"HTTPERR":            {"#Software: Microsoft HTTP API 2.0\n#Fields: date time c-ip c-port s-ip s-port cs-version cs-method cs-uri sc-status s-siteid s-reason s-queuename\n", "HTTPERR log", "never reached IIS"},
		"FTP":                {"#Fields: date time c-ip cs-username s-ip s-port cs-method cs-uri-stem sc-status x-session x-fullpath\n", "IIS FTP log", "FTP"},
		"other W3C":          {"#Fields: date time action protocol src-ip\n", "W3C log of another program", "#Fields"},
		"IIS format":         {"198.51.100.3, CONTOSO\\anna, 10/6/2026, 8:00:00, W3SVC1, EX01, 192.0.2.10, 12, 400, 900, 200, 0, POST, /EWS/Exchange.asmx, -,\n", "log in IIS format", "W3C"},
		"IIS format, IPv6":   {"2001:db8::7, -, 06.10.2026, 08:00:00, MSFTPSVC1, EX01, 192.0.2.10, 12, 400, 900, 200, 0, GET, /owa/, -,\n", "log in IIS format", "W3C"},
		"JSON with blanks":   {`{"time": "2026-10-06T08:00:00Z", "id": "/a/b", "zone": "a/b-c.d", "t": "8:00", "e": "W3SVC1", "f": 1, "g": 2, "h": 3, "i": 4, "j": 5, "k": 6, "l": 7, "m": "GET", "n": "/", "o": ""}` + "\n", "", "not a log that Outmode reads"},
		"array with blanks":  {`["198.51.100.3", "-", "10/6/2026", "8:00:00", "W3SVC1", "EX01", "192.0.2.10", 12, 400, 900, 200, 0, "GET", "/", "-"]` + "\n", "", "not a log that Outmode reads"},
		"no IIS: no service": {"198.51.100.3, -, 10/6/2026, 8:00:00, x, EX01, 192.0.2.10, 12, 400, 900, 200, 0, GET, /, -,\n", "", "not a log that Outmode reads"},
		"no IIS: no numbers": {"198.51.100.3, -, 10/6/2026, 8:00:00, W3SVC1, EX01, 192.0.2.10, 12, 400, x, 200, 0, GET, /, -,\n", "", "not a log that Outmode reads"},
		"no IIS: no address": {"web, -, 10/6/2026, 8:00:00, W3SVC1, EX01, 192.0.2.10, 12, 400, 900, 200, 0, GET, /, -,\n", "", "not a log that Outmode reads"},
		"NCSA":               {`198.51.100.3 - CONTOSO\anna [06/Oct/2026:08:00:00 +0200] "POST /EWS/Exchange.asmx HTTP/1.1" 200 900` + "\n", "NCSA log", "W3C"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := exchange.Recognize([]byte(c.head))
			if f.Kind != signin.UnknownKind || f.Decoder != nil || f.Name != c.name || !strings.Contains(f.Skip, c.skip) {
				t.Errorf("%+v, want name %q and a reason with %q", f, c.name, c.skip)
			}
		})
	}
}

// tarOf is a tar of one file.
func tarOf(t *testing.T, name, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o600})
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Who sends a request chooses its path. None that he can choose makes a log look like an archive.
func TestNoRequestMakesALogATar(t *testing.T) {
	t.Parallel()
	for at := range 600 {
		head := []byte(iisDefault + "\r\n" + strings.Repeat(iisLine(443), 5))
		if f := exchange.Recognize(append(head[:min(at, len(head))], "ustar\x0000"+string(head[min(at+8, len(head)):])...)); f.Name == "tar archive" {
			t.Errorf("with the magic at byte %d: %+v", at, f)
		}
	}
}

func TestByName(t *testing.T) {
	t.Parallel()
	for _, k := range []signin.Kind{signin.IIS, signin.HTTPProxy, signin.IMAPLog, signin.POPLog, signin.SMTPLog} {
		f, err := exchange.ByName(k, "")
		if err != nil || f.Kind != k || f.Decoder == nil || f.Skip != "" {
			t.Errorf("%v: %+v, %v", k, f, err)
		}
		if _, err := exchange.ByName(k, "#Fields: "+exchange.DefaultFields(k)); err != nil {
			t.Errorf("%v with #Fields: %v", k, err)
		}
		if _, err := exchange.ByName(k, "colour,shape"); err == nil {
			t.Errorf("%v: fields that it cannot read are taken", k)
		}
	}
	if _, err := exchange.ByName(signin.Duo, ""); err == nil || exchange.DefaultFields(signin.Duo) != "" {
		t.Errorf("Duo: %v", err)
	}
	if n := strings.Count(exchange.DefaultFields(signin.HTTPProxy), ",") + 1; n != 74 {
		t.Errorf("%d columns of HttpProxy, want 74", n)
	}
	f, err := exchange.ByName(signin.IIS, "date,time,s-computername,sc-status")
	if err != nil || !f.Named {
		t.Errorf("IIS with commas: %+v, %v", f, err)
	}
	// A header in the lines replaces the given one, and Reset brings it back.
	d := byName(t, signin.IIS, "date time sc-status")
	all := read(t, d, "2026-10-06 08:00:00 200", "#Fields: date time cs-method sc-status", "2026-10-06 08:00:00 GET 200")
	if all[0].fact.Status != 200 || all[2].fact.Method != "GET" {
		t.Errorf("%+v", all)
	}
	d.Reset(nil)
	if x := read(t, d, "2026-10-06 08:00:00 200")[0]; x.fact.Status != 200 {
		t.Errorf("after Reset: %+v", x.fact)
	}
}
