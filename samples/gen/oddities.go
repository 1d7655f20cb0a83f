package main

import "strings"

// oddities are single requests that a reader may stumble over.
func (s *story) oddities() {
	s.spellings()
	s.longLine()
	s.loneQuote()
	s.elsewhere()
}

// spellings are the ways an account can be written; none of them may be merged blindly.
func (s *story) spellings() {
	for n, account := range []string{"x.park", "X.Park@Contoso.com", `contoso\X.PARK`, "S-1-5-21-1004336348-1177238915-682003330-1129", `FABRIKAM\x.park`} {
		r := s.request(at("2026-10-06 13:30:00")+int64(n)*minute, s.ex01, s.vdirs.ews, "/EWS/Exchange.asmx").by(s.people["x.park"], "Negotiate", "10.20.7.49")
		r.account, r.name, r.agent = account, account, s.tools.outlook[9]
	}
	p := s.people["n.haddad"]
	r := s.request(at("2026-10-06 13:50:00"), s.ex01, s.vdirs.eas, easStem).by(p, "Basic", p.outside)
	r.agent, r.query = p.phone, "Cmd=Ping&User=domain.test%5Cfrontdesk&DeviceId=RECEPTION000000000000000000&DeviceType=iPad"
	r = s.request(at("2026-10-06 13:55:00"), s.ex01, s.vdirs.eas, easStem).by(p, "Basic", p.outside)
	r.agent, r.query = p.phone, "jRMJBBBSZWNlcHRpb25QaG9uZQAAB0FuZHJvaWQ="
	discover := s.request(at("2026-10-06 13:56:00"), s.ex01, s.vdirs.autodiscover, "/autodiscover/n.weber..contoso.com/autodiscover.xml").by(s.people["n.weber"], "Negotiate", "10.20.7.41")
	discover.agent = s.people["n.weber"].outlook
	probe := s.request(at("2026-10-06 13:58:00"), s.ex01, s.vdirs.ews, "/EWS/Exchange.asmx").by(s.people["d.egan"], "NTLM", "10.20.7.55")
	probe.agent = s.tools.amProbe
}

// longLine is longer than the buffer that many a reader trusts.
func (s *story) longLine() {
	p := s.people["q.tran"]
	r := s.mapi(p, at("2026-10-07 10:10:10"), s.ex01, "Execute", "Negotiate")
	r.info = "Trail=" + strings.Repeat("BackEnd+retry+", 5120) + "end;"
}

// loneQuote has a quotation mark where the writer should have doubled it.
func (s *story) loneQuote() {
	r := s.request(at("2026-10-07 10:20:00"), s.ex01, s.vdirs.ews, "/EWS/Exchange.asmx").by(s.people["n.weber"], "Negotiate", "10.20.7.41")
	r.agent = &client{sent: `Ruler 12" wide`, iis: `Ruler+12"+wide`, proxy: `Ruler 12" wide`}
}

// elsewhere are requests to things that are no mail protocol.
func (s *story) elsewhere() {
	for n, stem := range []string{"/", "/aspnet_client/", "/owa/prem/15.2.1544.4/scripts/boot.js"} {
		r := s.request(at("2026-10-06 09:00:30")+int64(n)*second, s.ex02, nil, stem).comesFrom("198.51.100.77")
		r.method, r.agent, r.suffix, r.backend, r.unseenByProxy = "GET", s.tools.browsers[0], suffixNone, 0, true
		if n == 2 {
			r.vdir = s.vdirs.owa
		}
	}
	push := &vdir{"PushNotifications", "Rest", "/pushnotifications", "other", ""}
	r := s.request(at("2026-10-07 04:00:00"), s.ex01, push, "/PushNotifications/service.svc/PublishNotifications").by(&person{}, "Negotiate", s.ex01.local)
	r.account, r.name, r.anchor = `CONTOSO\EX01$`, `CONTOSO\EX01$`, ""
}
