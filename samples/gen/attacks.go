package main

import "strings"

const (
	sprayer = "203.0.113.77"
	scanner = "192.0.2.66"
)

// attacks are what must be found: a spray with one hit, and a workstation that knocks at the back door.
func (s *story) attacks() {
	s.spray()
	s.hit()
	s.backDoor()
}

// sprayed are the names on the attacker's list: some exist, some are only likely.
func (s *story) sprayed() []string {
	list := []string{`CONTOSO\administrator`, `CONTOSO\scanner`, `CONTOSO\helpdesk`, `CONTOSO\backup`}
	for _, name := range s.order[:21] {
		list = append(list, `CONTOSO\`+name)
	}
	return list
}

// spray tries three passwords on everybody on the evening of the second day.
func (s *story) spray() {
	agents := newClients("python-requests/2.31.0", "AppleExchangeWebServices/814.80.3 accountsd/113")
	labels := []string{"Basic", "Basic", "Basic", "basic", "BASIC"}
	for round := range int64(3) {
		for i, name := range s.sprayed() {
			t := at("2026-10-07 19:05:00") + round*15*minute + int64(i)*20*second + s.jitter(9*second)
			v, stem, query := s.vdirs.ews, "/EWS/Exchange.asmx", ""
			if (int64(i)+round)%2 == 0 {
				v, stem, query = s.vdirs.eas, easStem, "Cmd=OPTIONS&User="+strings.Replace(name, `\`, "%5C", 1)+"&DeviceId=PY0001&DeviceType=Python"
			}
			r := s.request(t, s.anyServer(), v, stem).refused(name, labels[i%len(labels)], 1326, sprayer)
			r.agent, r.query = agents[i%2], query
		}
	}
}

// hit is the one password that was guessed, and what was read with it.
func (s *story) hit() {
	p := s.people["t.okafor"]
	for i := range int64(7) {
		r := s.request(at("2026-10-07 19:41:07")+i*38*second, s.ex01, s.vdirs.ews, "/EWS/Exchange.asmx").by(p, "Basic", sprayer)
		r.agent = newClient("python-requests/2.31.0")
		r.out = 180000 + i*70021
		if i == 3 {
			r.account, r.name = `CONTOSO\T.Okafor`, `CONTOSO\T.Okafor`
		}
	}
}

// backDoor is a workstation that speaks to the back end of EX01, past everything the front end would refuse.
func (s *story) backDoor() {
	p := s.people["j.brandt"]
	for i := range int64(12) {
		r := s.request(at("2026-10-06 17:20:00")+i*3*minute, s.ex01, s.vdirs.ews, "/EWS/Exchange.asmx").by(p, "Negotiate", "10.20.7.99")
		r.behind()
		r.agent = newClient("curl/8.5.0")
	}
}

// reservedName is an account that somebody made in the evening, under a name that Duo's module lets through, and what it read
// at night: on EX02 while that had no HttpProxy log, and on EX01. No line of it is a sign-in.
func (s *story) reservedName() {
	p := &person{}
	p.account = `CONTOSO\HealthMailboxd41c7e0`
	const from = "203.0.113.91"
	mail := s.request(at("2026-10-07 01:20:00"), s.ex02, s.vdirs.ews, "/EWS/Exchange.asmx").by(p, "Basic", from)
	mail.agent = newClient("python-requests/2.31.0")
	for i := range int64(4) {
		r := s.request(at("2026-10-07 02:31:00")+i*41*second, s.ex01, s.vdirs.owa, "/owa/service.svc").by(p, "FBA", from)
		r.agent, r.scheme, r.query = s.tools.browsers[1], "", "action=FindItem&app=Mail"
	}
	s.factors.expect(planted, "a name that the gateway lets through", p.account, at("2026-10-07 02:31:00"), "none", "", "", "m-12")
}

// behind sends the request to the back-end site, which only front ends should speak to.
func (r *request) behind() {
	r.port, r.suffix, r.unseenByProxy = "444", suffixBackend, true
}

// strangers are scanners: loud, and nobody ever let them in.
func (s *story) strangers() {
	zgrab, chrome := newClient("Mozilla/5.0 zgrab/0.x"), s.tools.browsers[6]
	for i, d := range days() {
		t := at(d+" 01:17:00") + int64(i)*hour
		rpc := s.request(t, s.ex01, s.vdirs.rpc, "/rpc").comesFrom(scanner)
		rpc.method, rpc.agent, rpc.host = "GET", chrome, "192.0.2.10"
		rpc.unanswered("NTLM", 1, 2148074254)
		for n, stem := range []string{"/owa/admin.cfg", "/owa/.env", "/owa/auth/x.js", "/ecp/Current/exporttool/exporttool.application"} {
			r := s.request(t+int64(n)*3*second, s.ex01, s.vdirs.owa, stem).comesFrom(scanner)
			r.method, r.agent, r.label, r.status, r.backend = "GET", zgrab, "FBA", 302, 0
			r.info = "NoCookies=302 - GET/E14AuthPost;"
			if n == 3 {
				r.vdir, r.info = s.vdirs.ecp, "Krb=UA;CT=An;"
				r.answered(200, 200)
			}
		}
		s.proxyShell(t + 40*second)
		r := s.request(t+2*minute, s.ex01, nil, "/remote/login").comesFrom(scanner)
		r.method, r.agent, r.suffix, r.status, r.win32, r.unseenByProxy = "GET", zgrab, suffixNone, 404, 2, true
		junk := s.request(t+3*minute, s.ex01, s.vdirs.ews, "/EWS/Exchange.asmx").comesFrom(scanner)
		junk.agent = zgrab
		junk.unanswered("AWS4-HMAC-SHA256", 0, 0)
	}
	s.forgedAddresses()
}

// proxyShell hides one application in the query of another, and asks the control panel to be somebody else.
func (s *story) proxyShell(t int64) {
	for i, query := range []string{"@evil/mapi/nspi/?&Email=autodiscover/autodiscover.json%3f@evil", "@evil/powershell/?X-Rps-CAT=" + secret("token", dayOf(t))} {
		r := s.request(t+int64(i)*second, s.ex01, s.vdirs.autodiscover, "/autodiscover/autodiscover.json").comesFrom(scanner)
		r.agent, r.query, r.status, r.backend = newClient("python-requests/2.31.0"), query, 401, 0
	}
	r := s.request(t+5*second, s.ex01, s.vdirs.ecp, "/ecp/proxyLogon.ecp").comesFrom(scanner)
	r.agent, r.label, r.anchor = s.tools.none, "FBA", "ServerInfo~EX01.contoso.com/ecp"
	r.answered(241, 241)
}

// dayOf is which of the two days an instant belongs to.
func dayOf(t int64) int { return int(t/day) % 2 }

// forgedAddresses come with an X-Forwarded-For of their own: lists, ports, zones and nonsense.
func (s *story) forgedAddresses() {
	for n, forward := range []string{
		"203.0.113.9, 10.20.0.5", "203.0.113.9, 198.51.100.9, 10.20.0.5", "[2001:db8::77]:50123", "fe80::1cee:20ff:fe11:99%3",
		"' OR 1=1 --", "unknown, 203.0.113.9", "127.0.0.1, 203.0.113.9", "203.0.113.9:443, 10.20.0.5:59050",
	} {
		r := s.request(at("2026-10-07 03:05:00")+int64(n)*7*second, s.ex02, s.vdirs.ews, "/EWS/Exchange.asmx").comesFrom(scanner)
		r.forward, r.agent = forward, newClient("curl/8.5.0")
		r.unanswered("", 2, 5)
	}
}
