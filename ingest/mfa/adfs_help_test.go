package mfa_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/internal/signin"
)

// A win is one event of a Windows log, to be carried in any form.
type win struct {
	id       int
	provider string
	at       time.Time
	computer string
	params   []string
	message  string
}

const activity = "5b0f3b0b-e875-4307-ba98-0a2f0d5aa2ce"

var noon = time.Date(2026, 10, 6, 12, 0, 1, 250e6, time.UTC)

// baseXML is an AuditBase, changed by pairs of an element's name and its text.
func baseXML(pairs ...string) string {
	v := map[string]string{
		"xsi": "AppTokenAudit", "AuditType": "AppToken", "AuditResult": "Success", "FailureType": "None", "ErrorCode": "N/A",
		"RelyingParty": "https://mail.contoso.com/owa/", "ClaimsProvider": "AD AUTHORITY", "UserId": `CONTOSO\anna`,
		"PrimaryAuth": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport", "DeviceAuth": "false", "DeviceId": "N/A",
		"MfaPerformed": "false", "MfaMethod": "N/A", "OAuthClientId": "N/A",
		"Server": "http://sts.contoso.com/adfs/services/trust", "AuthProtocol": "WSFederation", "NetworkLocation": "Extranet",
		"IpAddress": "198.51.100.7", "ForwardedIpAddress": "", "ProxyServer": "WAP01", "UserAgentString": "Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "Endpoint": "/adfs/ls/",
	}
	for i := 0; i < len(pairs); i += 2 {
		v[pairs[i]] = pairs[i+1]
	}
	leaf := func(names ...string) string {
		var b strings.Builder
		for _, n := range names {
			switch text, ok := v[n]; {
			case !ok, text == "absent":
			case text == "":
				fmt.Fprintf(&b, "      <%s />\r\n", n)
			default:
				fmt.Fprintf(&b, "      <%s>%s</%s>\r\n", n, escape(text), n)
			}
		}
		return b.String()
	}
	component := func(kind string, names ...string) string {
		return "    <Component xsi:type=\"" + kind + "\">\r\n" + leaf(names...) + "    </Component>\r\n"
	}
	all := []string{
		component("ResourceAuditComponent", "RelyingParty", "ClaimsProvider", "UserId"),
		component("AuthNAuditComponent", "PrimaryAuth", "DeviceAuth", "DeviceId", "MfaPerformed", "MfaMethod"),
		component("ProtocolAuditComponent", "OAuthClientId"),
		component("RequestAuditComponent", "Server", "AuthProtocol", "NetworkLocation", "IpAddress", "ForwardedIpAddress", "ProxyServer", "UserAgentString", "Endpoint", "X-MS-Client-Application"),
	}
	if v["order"] == "reversed" {
		all[0], all[1], all[2], all[3] = all[3], all[2], all[1], all[0]
	}
	return "<?xml version=\"1.0\" encoding=\"utf-16\"?>\r\n" +
		`<AuditBase xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="` + v["xsi"] + "\">\r\n" +
		leaf("AuditType", "AuditResult", "FailureType", "ErrorCode") +
		"  <ContextComponents>\r\n" + strings.Join(all, "") + "  </ContextComponents>\r\n</AuditBase>"
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// auditEvent is an event that holds an AuditBase.
func auditEvent(id int, pairs ...string) win {
	base := baseXML(pairs...)
	act := activity
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] == "activity" {
			act = pairs[i+1]
		}
	}
	return win{
		id: id, provider: "AD FS Auditing", at: noon, computer: "adfs01.contoso.com", params: []string{act, base},
		message: "What became of the token is in the XML. \r\n\r\nActivity ID: " + act + " \r\n\r\nMore \r\nXML: " + base + " ",
	}
}

// carriers are the forms of an export, each a heading, records and how to write one.
func carriers() map[string]func(e win) (heading []string, record string) {
	quoted := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	local := func(e win) string { return e.at.In(vienna()).Format("2006-01-02 15:04:05.000") }
	xmlOf := func(e win, data func(string) string, extra string) string {
		var b strings.Builder
		fmt.Fprintf(&b, "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='%s'/><EventID Qualifiers='0'>%d</EventID>"+
			"<Level>0</Level><Keywords>0x80a0000000000000</Keywords><TimeCreated SystemTime='%s'/><EventRecordID>7</EventRecordID><Channel>Security</Channel>"+
			"<Computer>%s</Computer><Security UserID='S-1-5-21-1-2-3-1107'/></System><EventData>", e.provider, e.id, e.at.Format("2006-01-02T15:04:05.000000000Z"), e.computer)
		for _, p := range e.params {
			fmt.Fprintf(&b, "<Data>%s</Data>", data(p))
		}
		return b.String() + "</EventData>" + extra + "</Event>"
	}
	jsonOf := func(v any) string {
		b, err := json.Marshal(v) // escapes < as \u003c, as ConvertTo-Json does
		if err != nil {
			panic(err)
		}
		return string(b)
	}
	values := func(e win) (all []any) {
		for _, p := range e.params {
			all = append(all, map[string]string{"Value": p})
		}
		return all
	}
	return map[string]func(e win) ([]string, string){
		"event XML": func(e win) ([]string, string) { return nil, xmlOf(e, escape, "") },
		"event XML, CDATA": func(e win) ([]string, string) {
			return nil, xmlOf(e, func(s string) string { return "<![CDATA[" + s + "]]>" }, "")
		},
		"event XML, rendered": func(e win) ([]string, string) {
			return nil, xmlOf(e, escape, "<RenderingInfo Culture='de-DE'><Message>"+escape(e.message)+"</Message></RenderingInfo>")
		},
		"PowerShell 5 JSON": func(e win) ([]string, string) {
			return nil, strings.ReplaceAll(jsonOf(map[string]any{"Id": e.id, "Version": 0, "ProviderName": e.provider, "LogName": "Security", "MachineName": e.computer, "UserId": nil,
				"TimeCreated": fmt.Sprintf("/Date(%d)/", e.at.UnixMilli()), "Message": e.message, "Properties": values(e)}), "/Date", `\/Date`)
		},
		"PowerShell 5 JSON, shallow": func(e win) ([]string, string) {
			return nil, jsonOf(map[string]any{"Id": e.id, "ProviderName": e.provider, "MachineName": e.computer, "TimeCreated": fmt.Sprintf("/Date(%d)/", e.at.UnixMilli()),
				"Message": e.message, "Properties": []string{"System.Diagnostics.Eventing.Reader.EventProperty", "System.Diagnostics.Eventing.Reader.EventProperty"}})
		},
		"PowerShell 7 JSON": func(e win) ([]string, string) {
			return nil, jsonOf(map[string]any{"Id": e.id, "ProviderName": e.provider, "MachineName": e.computer, "TimeCreated": e.at.In(vienna()).Format(time.RFC3339Nano),
				"Message": "Nachricht in der Sprache des Servers", "Properties": values(e)})
		},
		"winlogbeat": func(e win) ([]string, string) {
			data := map[string]string{}
			for i, p := range e.params {
				data[fmt.Sprintf("param%d", i+1)] = p
			}
			return nil, jsonOf(map[string]any{"@timestamp": e.at.Format(time.RFC3339Nano), "message": e.message, "event": map[string]any{"code": fmt.Sprint(e.id), "created": "2026-10-06T13:00:00Z"},
				"winlog": map[string]any{"event_id": e.id, "provider_name": e.provider, "computer_name": e.computer, "channel": "Security", "event_data": data}})
		},
		"NXLog": func(e win) ([]string, string) {
			return nil, jsonOf(map[string]any{"EventTime": local(e), "EventReceivedTime": "2026-10-06 15:00:09", "Hostname": e.computer, "Keywords": -9182839640208441000,
				"EventID": e.id, "SourceName": e.provider, "Task": 3, "Message": e.message})
		},
		"Export-Csv": func(e win) ([]string, string) {
			return []string{"#TYPE System.Diagnostics.Eventing.Reader.EventLogRecord", `"Message","Id","Version","ProviderName","LogName","MachineName","UserId","TimeCreated","ActivityId"`},
				strings.Join([]string{quoted(e.message), quoted(fmt.Sprint(e.id)), `"0"`, quoted(e.provider), `"Security"`, quoted(e.computer), `"S-1-5-18"`, quoted(e.at.In(vienna()).Format("1/2/2006 3:04:05.000 PM")), ""}, ",")
		},
		"Export-Csv, semicolons": func(e win) ([]string, string) {
			return []string{`"TimeCreated";"ProviderName";"Id";"MachineName";"Message"`},
				strings.Join([]string{quoted(e.at.In(vienna()).Format("02.01.2006 15:04:05.000")), quoted(e.provider), quoted(fmt.Sprint(e.id)), quoted(e.computer), quoted(e.message)}, ";")
		},
		"Write-ADFSEventsSummary": func(e win) ([]string, string) {
			return []string{`#TYPE Selected.System.Object`, `"Time","EventID","Details","CorrelationID","Machine","Log"`},
				strings.Join([]string{quoted(e.at.In(vienna()).Format("1/2/2006 3:04:05.000 PM")), quoted(fmt.Sprint(e.id)), quoted(e.message), quoted(activity), quoted(e.computer), `"Security"`}, ",")
		},
		"Log Analytics CSV": func(e win) ([]string, string) {
			x := "<EventData>"
			for _, p := range e.params {
				x += "<Data>" + escape(p) + "</Data>"
			}
			return []string{"TenantId,TimeGenerated [UTC],Computer,EventSourceName,EventID,EventData"},
				strings.Join([]string{"t", quoted(e.at.Format("1/2/2006, 3:04:05.000 PM")), e.computer, e.provider, fmt.Sprint(e.id), quoted(x + "</EventData>")}, ",")
		},
		"Format-List": func(e win) ([]string, string) {
			message := strings.ReplaceAll(e.message, "\r\n", "\r\n               ")
			return nil, "TimeCreated  : " + e.at.In(vienna()).Format("02/01/2006 15:04:05.000") + "\r\nProviderName : " + e.provider + "\r\nId           : " + fmt.Sprint(e.id) +
				"\r\nMachineName  : " + e.computer + "\r\nMessage      : " + message
		},
	}
}

func vienna() *time.Location { return time.FixedZone("Vienna", 7200) }

// A heard is what one record came to, with text for bytes.
type heard struct {
	decoded                                   ingest.Decoded
	note, at, server, account, address, agent string
	label, resource, id                       string
	win32                                     uint32
	user, application, from, factor, reason   string
	outcome, gateway, transaction, mfaAt      string
	verdict                                   signin.Verdict
	sign                                      string // protocol, auth, mechanism, outcome of a sign-in
}

func hear(d ingest.Decoder, record string) heard {
	var f signin.Facts
	raw := []byte(record)
	h := heard{decoded: d.Decode(raw, &f)}
	at := func(ms int64) string {
		if ms == 0 {
			return ""
		}
		return time.UnixMilli(ms).UTC().Format("15:04:05.000")
	}
	h.note, h.at, h.server, h.account, h.address, h.agent = f.Note, at(f.Time), string(f.Server), string(f.Account), string(f.Address), string(f.Agent)
	h.label, h.resource, h.id, h.win32 = string(f.Label), string(f.Resource), string(f.RequestID), f.Win32
	if m := f.MFA; m != nil {
		h.user, h.application, h.from, h.factor, h.reason = string(m.User), string(m.Application), string(m.Address), string(m.Factor), string(m.Reason)
		h.outcome, h.gateway, h.transaction, h.mfaAt = m.Outcome.String(), string(m.Gateway), string(m.Transaction), at(m.Time)
	}
	if h.decoded == ingest.Facts {
		var s signin.SignIn
		signin.NewClassifier(&signin.Organisation{Internal: signin.DefaultInternal()}).Classify(&f, &s)
		if h.verdict = s.Verdict; s.Verdict == signin.SignInLine {
			h.sign = fmt.Sprint(s.Protocol, " ", s.Auth, " ", s.Mechanism, " ", s.Outcome)
		}
	}
	for i := range raw {
		raw[i] = '#'
	}
	return h
}

func options() *mfa.Options { return &mfa.Options{Zone: vienna()} }

// inForm recognizes records in one of the forms and decodes them; the first one must be known by itself.
func inForm(t *testing.T, o *mfa.Options, form string, events ...win) []heard {
	t.Helper()
	write := carriers()[form]
	var all []string
	for _, e := range events {
		heading, record := write(e)
		if len(all) == 0 {
			all = heading
		}
		all = append(all, record)
	}
	sep := "\r\n"
	if form == "Format-List" {
		sep = "\r\n\r\n"
	}
	f := o.Recognize([]byte(strings.Join(all, sep) + sep))
	if f.Decoder == nil {
		t.Fatalf("%s: not recognised: %+v", form, f)
	}
	d := f.Decoder()
	var out []heard
	for _, r := range all {
		if h := hear(d, r); h.decoded != ingest.Directive {
			out = append(out, h)
		}
	}
	return out
}

// asked decodes events of one file in event XML.
func asked(t *testing.T, events ...win) []heard {
	t.Helper()
	return inForm(t, options(), "event XML", events...)
}
