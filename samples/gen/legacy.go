package main

// legacy is everything at Contoso that still sends a password or a Windows credential with each request.
func (s *story) legacy() {
	s.phoneOfTheCFO()
	s.erpConnector()
	s.reportScript()
	s.warehouse()
	s.macs()
	s.shellFromHome()
	s.pilot()
	s.certificates()
	s.badLuck()
}

// phoneOfTheCFO is an iPhone of 2013 that nobody dares to replace.
func (s *story) phoneOfTheCFO() {
	p := s.people["m.hartwell"]
	p.phone = s.tools.legacyPhones[0]
	p.sync = "&User=contoso.com%5Cm.hartwell&DeviceId=OLDIPHONEOFTHECFO000000000&DeviceType=iPhone"
	for _, d := range days() {
		every(d+" 05:10:00", d+" 22:00:00", 48*minute, func(t int64) {
			r := s.request(t+s.jitter(9*minute), s.anyServer(), s.vdirs.eas, easStem).by(p, "Basic", "198.51.100.18")
			r.agent, r.query = p.phone, "Cmd=Sync"+p.sync
			if r.forward != "" {
				r.forward += ", 10.20.0.4"
			}
		})
	}
}

// erpConnector polls mailboxes day and night, as regular as a clock.
func (s *story) erpConnector() {
	p := s.people["svc-erp"]
	agent := newClient("ERP-Connector/2.1 (EWS Managed API 2.2)")
	every("2026-10-06 00:03:10", "2026-10-08 00:00:00", 10*minute, func(t int64) {
		r := s.request(t+s.jitter(4*second), s.anyServer(), s.vdirs.ews, "/EWS/Exchange.asmx").by(p, "Basic", "10.20.3.40")
		r.agent = agent
	})
}

// reportScript runs at night and has been forgotten.
func (s *story) reportScript() {
	p := s.people["svc-report"]
	for _, d := range days() {
		for i, agent := range newClients("python-requests/2.31.0", "ExchangeServicesClient/0.0.0.0", "Java/17.0.9") {
			r := s.request(at(d+" 03:30:00")+int64(i)*minute, s.ex01, s.vdirs.ews, "/EWS/Exchange.asmx").by(p, "Basic", "10.20.3.52")
			r.agent = agent
			if i == 0 {
				r.query = `report="open%20orders"&format=csv`
			}
		}
	}
	broken := s.request(at("2026-10-07 03:34:00"), s.ex01, s.vdirs.ews, "/EWS/Exchange.asmx").by(p, "Basic", "10.20.3.52").answered(500, 500)
	broken.agent = newClient("Java/17.0.9")
	broken.errors = `WebException=System.Net.WebException: The remote server said "500, try later", and closed;`
}

// warehouse has a computer that only runs Outlook 2010.
func (s *story) warehouse() {
	p := s.people["w.stone"]
	for _, d := range days() {
		for i := range int64(4) {
			t := at(d+" 05:40:00") + i*2*hour + s.jitter(hour)
			for _, method := range []string{"RPC_IN_DATA", "RPC_OUT_DATA"} {
				r := s.request(t+s.jitter(second), s.ex01, s.vdirs.rpc, "/rpc/rpcproxy.dll").by(p, "Basic", "10.20.9.14")
				r.method, r.agent, r.taken, r.query, r.anchor = method, s.tools.msrpc, 20*minute, p.mapi[10:]+":6001", p.mailbox
			}
		}
		r := s.request(at(d+" 05:38:00"), s.ex02, s.vdirs.autodiscover, "/autodiscover/autodiscover.xml").by(p, "NTLM", "10.20.9.14")
		r.agent, r.host = s.tools.outlook[0], "autodiscover.contoso.com"
	}
}

// macs are calendars and mail programs of Apple that use NTLM, partly from outside.
func (s *story) macs() {
	for _, d := range days() {
		for i, who := range []string{"s.alvarez", "s.alvarez", "r.iyer", "r.iyer"} {
			p := s.people[who]
			address := "192.0.2.61"
			if who == "r.iyer" {
				address = p.inside
			}
			for n := range int64(3) {
				r := s.request(at(d+" 07:05:00")+n*3*hour+s.jitter(hour), s.anyServer(), s.vdirs.ews, "/EWS/Exchange.asmx").by(p, "NTLM", address)
				r.agent = s.tools.macs[[4]int{3, 4, 2, 2}[i]]
			}
		}
	}
}

// shellFromHome is an administrator whose session sends her password as it is, from her kitchen.
func (s *story) shellFromHome() {
	p := s.people["adm-lena"]
	for i, verb := range []string{"New-PSSession:Receive", "Get-Mailbox:Command", "Set-CASMailbox:Command", "Get-MailboxStatistics:Command", "Remove-PSSession:Delete"} {
		r := s.request(at("2026-10-06 19:12:00")+int64(i)*4*minute, s.ex01, s.vdirs.powershell, "/PowerShell").by(p, "Basic", "198.51.100.140")
		r.action, r.agent, r.query = verb, s.tools.winRM, "PSVersion=5.1.20348.2849"
	}
}

// pilot has been given the authentication policy that blocks Basic; his phone has not been told.
func (s *story) pilot() {
	p := s.people["p.sorensen"]
	phone := newClient("SAMSUNG-SM-G7102/101.40402")
	p.sync = "&User=contoso.com%5Cp.sorensen&DeviceId=SEC0PILOT0000000000000000A&DeviceType=SAMSUNG"
	every("2026-10-06 05:25:00", "2026-10-07 21:00:00", hour, func(t int64) {
		r := s.request(t+s.jitter(3*minute), s.ex01, s.vdirs.eas, easStem).by(p, "Basic", "198.51.100.33").answered(401, 401)
		r.agent, r.query = phone, "Cmd=Sync"+p.sync
	})
}

// certificates: one phone has a client certificate, others are turned away without one.
func (s *story) certificates() {
	p := s.people["d.ferrari"]
	for _, d := range days() {
		for i := range int64(4) {
			r := s.request(at(d+" 06:15:00")+i*2*hour, s.ex01, s.vdirs.eas, easStem).by(p, "SSL/PCT", "192.0.2.88")
			r.agent, r.query = s.tools.phones[4], "Cmd=Sync"+p.sync
		}
	}
	for i, sub := range []int{7, 13, 16, 17, 12, 7} {
		r := s.request(at("2026-10-06 14:20:00")+int64(i)*17*minute, s.ex02, s.vdirs.eas, easStem).comesFrom("192.0.2.90")
		r.agent, r.status, r.substatus, r.win32, r.backend = s.tools.phones[2], 403, sub, 5, 0
		if sub == 16 {
			r.win32 = 2148204809
		}
		r.unseenByProxy = true
	}
}

// badLuck are good passwords whose requests went wrong afterwards, and bad ones of honest people.
func (s *story) badLuck() {
	for _, c := range []struct {
		who             string
		when            string
		status, backend int
	}{{"n.haddad", "2026-10-06 09:31:00", 403, 403}, {"n.haddad", "2026-10-07 09:33:00", 403, 403}, {"f.oduya", "2026-10-06 10:02:00", 449, 449}} {
		p := s.people[c.who]
		r := s.request(at(c.when), s.ex01, s.vdirs.eas, easStem).by(p, "Basic", p.outside).answered(c.status, c.backend)
		r.agent, r.query = p.phone, "Cmd=Provision"+p.sync
	}
	p := s.people["h.jansen"]
	r := s.request(at("2026-10-06 08:44:00"), s.ex01, s.vdirs.autodiscover, "/autodiscover/autodiscover.xml").by(p, "Basic", p.outside).answered(302, 302)
	r.agent, r.errorCode, r.errors = newClient("DavMail Gateway 6.2.1"), "", ""
	for i, code := range []uint32{1326, 1909, 1330, 1907, 1331, 1793} {
		who := s.people[[6]string{"b.kowalski", "b.kowalski", "o.haas", "i.petrov", "u.sato", "e.quist"}[i]]
		f := s.request(at("2026-10-06 16:05:00")+int64(i)*6*minute, s.ex02, s.vdirs.eas, easStem).refused(who.account, "Basic", code, who.outside)
		f.agent, f.query = who.phone, "Cmd=Sync"+who.sync
	}
}
