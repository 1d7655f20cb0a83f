package main

import "strings"

// innocents are the lines that look like something and are nothing: half of all there are.
func (s *story) innocents() {
	s.probes()
	s.balancerChecks()
	s.machines()
	s.federation()
	s.behindTheScenes()
}

// probeClients are the agents of Exchange's own monitoring.
func probeClients() []*client {
	return newClients("AMProbe/Local/ClientAccess", "Ews_AM_Probe/Local (ExchangeServicesClient/15.02.1544.004)", "TestActiveSyncConnectivity",
		"MSExchangeHM", "HealthManager", "ExchangeInternalEwsClient", "ExchangeWebServicesProxy", "RpcClientAccess.Monitoring",
		"MSExchangeMonitoring", "Local.ActiveMonitoring/1.0")
}

// healthMailbox is an account of the monitoring of one server.
func (s *story) healthMailbox(on *server, n int) *person {
	sam := "HealthMailbox" + strings.ToLower(on.name) + [4]string{"7d0c41e", "a3b95f2", "11e6c08", "f4427ad"}[n%4]
	p := &person{}
	p.account, p.upn = `CONTOSO\`+sam, sam+"@contoso.com"
	p.sid = "Sid~S-1-5-21-1004336348-1177238915-682003330-" + string(appendInt(nil, int64(1090+n%4)))
	p.mailbox = "MailboxGuid~1b7dabb2-40cf-4f0e-8d20-00000000000" + string(rune('0'+n%4))
	return p
}

// probes asks the applications of every server twice an hour whether they still work.
func (s *story) probes() {
	agents := probeClients()
	n := 0
	every("2026-10-06 00:01:00", "2026-10-08 00:00:00", hour/2, func(t int64) {
		for _, on := range []*server{s.ex01, s.ex02, s.ex03} {
			n++
			p := s.healthMailbox(on, n)
			ews := s.request(t+s.jitter(minute), on, s.vdirs.ews, "/ews/").by(p, "Negotiate", "127.0.0.1")
			ews.agent, ews.host, ews.method = agents[n%len(agents)], "localhost", "GET"
			mapi := s.request(t+minute+s.jitter(minute), on, s.vdirs.mapi, "/mapi/emsmdb/").by(p, "Negotiate", on.local)
			mapi.agent, mapi.anchor, mapi.query = s.tools.mapiProbe, p.mailbox, "MailboxId="+p.mailbox[12:]+"@contoso.com"
			s.activeSyncProbe(p, t+2*minute, on)
			if t%hour > hour/2 {
				continue
			}
			discover := s.request(t+3*minute+s.jitter(minute), on, s.vdirs.autodiscover, "/autodiscover/autodiscover.xml").by(p, "Negotiate", "::1")
			discover.agent = agents[0]
			page := s.request(t+4*minute+s.jitter(minute), on, s.vdirs.owa, "/owa/auth/logon.aspx").comesFrom("127.0.0.1")
			page.method, page.agent, page.label, page.backend = "GET", agents[0], "FBA", 0
			if on == s.ex01 && t%(4*hour) < 2*minute {
				s.shellProbe(p, t+5*minute)
			}
		}
	})
}

// activeSyncProbe signs in with Basic, as no person should, after an attempt without a password.
func (s *story) activeSyncProbe(p *person, t int64, on *server) {
	ask := s.request(t, on, s.vdirs.eas, easStem).comesFrom("127.0.0.1")
	ask.method, ask.agent, ask.query = "OPTIONS", s.tools.amProbe, "Cmd=OPTIONS"
	ask.unanswered("", 2, 5)
	r := s.request(t+second, on, s.vdirs.eas, easStem).by(p, "Basic", "127.0.0.1")
	r.agent, r.account, r.name, r.query = s.tools.amProbe, p.upn, p.upn, "Cmd=Settings&DeviceId=EASProbe&DeviceType=EASProbe"
}

func (s *story) shellProbe(p *person, t int64) {
	r := s.request(t, s.ex01, s.vdirs.powershell, "/PowerShell").by(p, "Kerberos", s.ex01.ip)
	r.agent, r.action, r.query = s.tools.winRM, "New-PSSession:Receive", "clientApplication=ActiveMonitor;PSVersion=5.1.20348.2849"
}

// balancerChecks are answered before anybody signs in. The HttpProxy log does not mention them.
func (s *story) balancerChecks() {
	every("2026-10-06 00:00:20", "2026-10-08 00:00:00", 30*minute, func(t int64) {
		for n, on := range []*server{s.ex01, s.ex02, s.ex03} {
			all := s.vdirs.balanced()
			v := all[(int(t/hour)+n)%len(all)]
			r := s.request(t+int64(n)*second, on, v, v.health).comesFrom(balancer)
			r.method, r.agent, r.backend, r.unseenByProxy = "GET", s.tools.healthcheck, 0, true
		}
	})
}

// machines are servers and services that sign in with accounts of their own.
func (s *story) machines() {
	for n, account := range []string{
		`CONTOSO\EX02$`, `CONTOSO\EX03$`, `NT AUTHORITY\SYSTEM`, `AUTORITE NT\Système (MSExchangeHMHost)`, "S-1-5-18",
		`CONTOSO\SM_8f3ab5c0d6e24d3fa`, `CONTOSO\SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}`, `CONTOSO\EX02$`,
	} {
		r := s.request(at("2026-10-06 04:10:00")+int64(n)*5*minute, s.ex01, s.vdirs.ews, "/EWS/Exchange.asmx").by(&person{}, "Negotiate", s.ex02.ip)
		r.account, r.name, r.anchor = account, account, "Smtp~SystemMailbox@contoso.com"
		r.agent = s.tools.exchange[1]
	}
	for _, d := range days() {
		move := s.request(at(d+" 22:30:00"), s.ex01, s.vdirs.ews, "/EWS/mrsproxy.svc").by(&person{}, "Negotiate", s.ex03.ip)
		move.account, move.name, move.anchor, move.agent = `CONTOSO\EX03$`, `CONTOSO\EX03$`, "", newClient("Exchange/15.20.9182.15/MRS")
	}
}

// federation is Fabrikam and the cloud asking for free/busy: the signature is inside the message.
func (s *story) federation() {
	agents := newClients("ASProxy/CrossForest/EmailDomain/EXCH/15.01.2507.035", "ASAutoDiscover/CrossForest/EmailDomain/15.02.1544.004",
		"TestOrganizationRelationship/1.1", "Exchange/15.20.9182.15", "ASProxy/CrossForest/EmailDomain/EXCH/08.03.0083.000")
	for _, d := range days() {
		for n, agent := range agents {
			v, stem := s.vdirs.ews, "/EWS/Exchange.asmx/WSSecurity"
			if n%2 == 1 {
				v, stem = s.vdirs.autodiscover, "/autodiscover/autodiscover.svc/WSSecurity"
			}
			r := s.request(at(d+" 08:20:00")+int64(n)*41*minute, s.anyServer(), v, stem).comesFrom("198.51.100.50")
			r.agent, r.anchor, r.organization = agent, "Smtp~planning@contoso.com", "contoso.com"
			if n == 2 {
				r.answered(401, 401)
			}
		}
		meta := s.request(at(d+" 08:19:00"), s.ex01, s.vdirs.autodiscover, "/autodiscover/metadata/json/1").comesFrom("198.51.100.50")
		meta.method, meta.agent = "GET", agents[3]
		feed := s.request(at(d+" 12:19:00"), s.ex01, s.vdirs.calendar, "/owa/calendar/rooms@contoso.com/Calendar/calendar.ics").comesFrom("198.51.100.51")
		feed.method, feed.agent, feed.label = "GET", newClient("Google-Calendar-Importer"), "Anonymous"
	}
	p := &person{}
	p.account, p.sid = `FABRIKAM\svc-avail`, ""
	r := s.request(at("2026-10-06 10:20:00"), s.ex01, s.vdirs.ews, "/EWS/Exchange.asmx").by(p, "Basic", "198.51.100.50")
	r.agent, r.anchor = agents[4], "Smtp~planning@contoso.com"
}

// behindTheScenes is the back end of EX01: it repeats what the front ends pass on, with names and without meaning.
func (s *story) behindTheScenes() {
	every("2026-10-06 00:02:00", "2026-10-08 00:00:00", 4*hour, func(t int64) {
		r := s.request(t, s.ex01, s.vdirs.mapi, "/mapi/emsmdb/").comesFrom(s.ex01.local)
		r.behind()
		r.name, r.agent, r.query = "Anonymous", s.tools.outlook[7], s.people["n.weber"].mapi
		r = s.request(t+second, s.ex01, s.vdirs.ews, "/EWS/Exchange.asmx").by(s.people["n.weber"], "Negotiate", s.ex02.ip)
		r.behind()
		r.agent = s.tools.outlook[7]
		r = s.request(t+2*second, s.ex01, s.vdirs.eas, "/Microsoft-Server-ActiveSync/Proxy/default.eas").by(s.people["m.hartwell"], "Negotiate", s.ex01.local)
		r.behind()
		r.agent, r.query = s.tools.legacyPhones[0], "Cmd=Sync&User=m.hartwell&DeviceType=iPhone&Log=PrxFrom:fe80%3a%3a11%254_V141_As:AllowedG_Mbx:EX01_Throttle0_"
		r = s.request(t+3*second, s.ex01, s.vdirs.ews, "/EWS/Exchange.asmx").by(s.healthMailbox(s.ex01, 1), "Negotiate", "::1")
		r.behind()
		r.agent = s.tools.ewsProbe
	})
}
