package main

// clients lets every client family that can be met be met at least once, in innocent hands where possible.
func (s *story) clients() {
	s.newerMacs()
	s.skype()
	s.applications()
	s.thirdParty()
	s.meetingRooms()
	s.mobileOutlook()
	s.tokens()
}

// visit is one EWS request of a person with some client.
func (s *story) visit(who, label, when string, agent *client, address string) *request {
	p := s.people[who]
	if address == "" {
		address = p.inside
	}
	r := s.request(at(when), s.ex01, s.vdirs.ews, "/EWS/Exchange.asmx").by(p, label, address)
	r.agent = agent
	return r
}

func (s *story) newerMacs() {
	s.visit("g.rossi", "Bearer", "2026-10-06 07:20:00", s.tools.macs[0], "")
	s.visit("g.rossi", "Bearer", "2026-10-07 07:21:00", s.tools.macs[0], "")
	s.visit("m.costa", "Negotiate", "2026-10-06 07:30:00", s.tools.macs[1], "")
	s.visit("c.nakamura", "NTLM", "2026-10-06 07:40:00", s.tools.macs[5], "198.51.100.24")
}

func (s *story) skype() {
	for i, agent := range append(s.tools.skype, newClient("Sipe/1.25.0")) {
		who := [5]string{"q.tran", "t.novak", "n.weber", "d.egan", "z.ito"}[i]
		when := "2026-10-06 08:1" + string(rune('0'+i)) + ":30"
		s.visit(who, "NTLM", when, agent, "")
	}
}

// applications are programs that nobody sees; all but the report script use Windows credentials or tokens.
func (s *story) applications() {
	agents := append(newClients("Python/3.11 aiohttp/3.9.1", "Apache-HttpClient/4.5.14 (Java/11.0.21)", "Go-http-client/1.1", "curl/8.5.0",
		"PHP-SOAP-CURL", "exchangelib/5.4.0 (python-requests/2.31.0)", "ExchangeServicesClient/15.00.0913.015", ""), s.tools.scripts[0])
	for i, agent := range agents {
		s.visit("svc-tools", "NTLM", "2026-10-06 11:0"+string(rune('0'+i))+":00", agent, "10.20.3.60")
	}
}

// thirdParty are mail programs that nobody ordered. One of them sends Basic.
func (s *story) thirdParty() {
	for i, c := range []struct{ who, label, agent string }{
		{"z.ito", "NTLM", "Evolution/3.50.3"}, {"k.fischer", "NTLM", "Thunderbird/115.8.0 (ExQuilla 115.0.1)"},
		{"h.jansen", "Basic", "DavMail Gateway 6.2.1"}, {"e.quist", "Negotiate", "eM Client/9.2.2093.0"},
		{"c.vidal", "Negotiate", "Mailbird/3.0.18"}, {"d.egan", "NTLM", `Mailer "Nightly" 0.3`},
	} {
		agent := newClient(c.agent)
		if c.who == "d.egan" {
			agent.proxy = `"Mailer ""Nightly"" 0.3"`
		}
		s.visit(c.who, c.label, "2026-10-07 12:1"+string(rune('0'+i))+":00", agent, "")
	}
}

func (s *story) meetingRooms() {
	agent := newClient("RoomPanel/4.7 (ExchangeServicesClient/15.01.2106.013)")
	p := s.people["svc-rooms"]
	every("2026-10-06 05:02:00", "2026-10-07 18:00:00", 2*hour, func(t int64) {
		r := s.request(t, s.anyServer(), s.vdirs.ews, "/EWS/Exchange.asmx").by(p, "NTLM", "10.20.8.30")
		r.agent = agent
	})
}

// mobileOutlook comes through a cloud of its own; what the server sees is the cloud's address, with a port.
func (s *story) mobileOutlook() {
	p := s.people["o.lefevre"]
	for i, d := range days() {
		r := s.request(at(d+" 08:00:20"), s.ex02, s.vdirs.eas, easStem).by(p, "Bearer", "192.0.2.201")
		r.forward = "192.0.2.201:49660"
		r.agent, r.query = s.tools.outlookMobile, "User=o.lefevre%40contoso.com&DeviceId=0CLOUD"+letters(s.rng, 20)+"&DeviceType=Outlook&Cmd=Sync"
		if i == 1 {
			r.errorCode, r.backend = "ClientDisconnect", 0
		}
	}
}

// tokens are the interfaces that speak OAuth by design: REST, and the new Outlook asking for it.
func (s *story) tokens() {
	for _, d := range days() {
		for i, who := range []string{"a.berg", "l.dahl", "x.park"} {
			p := s.people[who]
			r := s.request(at(d+" 09:40:00")+int64(i)*minute, s.ex01, s.vdirs.rest, "/api/v2.0/me/calendarview").by(p, "Bearer", p.outside)
			r.method, r.agent, r.query = "GET", newClient("SchedulingService/1.4"), "startDateTime=2026-10-06T00%3a00%3a00"
		}
	}
	r := s.request(at("2026-10-06 09:45:00"), s.ex01, s.vdirs.autodiscover, "/autodiscover/autodiscover.json/v1.0/r.lind@contoso.com").comesFrom(s.people["r.lind"].inside)
	r.method, r.agent, r.query, r.label = "GET", newClient("Outlook-Windows/1.2026.915.100"), "Protocol=AutodiscoverV1", ""
}
