package main

// office is two ordinary days of everybody with ordinary habits. Contoso works from 6 to 16 hours UTC.
func (s *story) office() {
	for _, d := range days() {
		for _, name := range s.order {
			p := s.people[name]
			start := at(d+" 06:00:00") + s.jitter(90*minute)
			if p.habits&(deskOutlook|modernDesk) != 0 {
				s.desk(p, start)
			}
			if p.habits&modernPhone != 0 {
				s.modernPhone(p, start-hour)
			}
			if p.habits&basicPhone != 0 {
				s.oldPhone(p, start-hour)
			}
			if p.habits&formsWebmail != 0 {
				s.webmail(p, start+2*hour)
			}
			if p.habits&federatedWeb != 0 {
				s.federatedWeb(p, start+3*hour)
			}
		}
	}
}

// desk is a day of Outlook: Autodiscover, the handshake, the mailbox, free/busy, sometimes the address book.
func (s *story) desk(p *person, start int64) {
	label := "Negotiate"
	on := s.anyServer()
	if p.habits&modernDesk != 0 {
		label = "Bearer"
		s.emptyBearer(p, start, on, p.inside)
	}
	r := s.request(start+2*second, on, s.vdirs.autodiscover, "/autodiscover/autodiscover.xml").by(p, label, p.inside)
	r.agent, r.host = p.outlook, "autodiscover.contoso.com"
	if label == "Negotiate" {
		s.handshake(p, start+3*second, on)
	}
	s.mapi(p, start+4*second, on, "Connect", label)
	s.mapi(p, start+20*minute+s.jitter(minute), on, "Execute", label)
	long := s.mapi(p, start+4*hour+s.jitter(hour), on, "NotificationWait", label)
	long.taken = 15*minute + 32
	s.mapi(p, start+7*hour+s.jitter(hour), s.anyServer(), "Execute", label)
	r = s.request(start+2*hour+s.jitter(hour), s.anyServer(), s.vdirs.ews, "/EWS/Exchange.asmx").by(p, label, p.inside)
	r.agent, r.cookie = p.outlook, p.cookie
	if s.rng.IntN(4) == 0 {
		book := s.request(start+5*minute, s.ex01, s.vdirs.oab, "/OAB/5d1c7ab0-0c55-4b0a-8a6e-1f3c29e4d7b2/oab.xml").by(p, label, p.inside)
		book.method, book.agent = "GET", p.outlook
	}
}

func (s *story) mapi(p *person, end int64, on *server, verb, label string) *request {
	r := s.request(end, on, s.vdirs.mapi, "/mapi/emsmdb/").by(p, label, p.inside)
	r.query, r.agent, r.cookie, r.anchor, r.organization = p.mapi, p.outlook, p.cookie, p.mailbox, "contoso.com"
	r.ticket = "R:{" + p.connected[3:39] + "}:4;RT:" + verb
	return r
}

// handshake is the leg before a Windows sign-in: a refusal that judges nobody.
func (s *story) handshake(p *person, end int64, on *server) {
	r := s.request(end, on, s.vdirs.mapi, "/mapi/emsmdb/").comesFrom(p.inside)
	r.query, r.agent, r.cookie = p.mapi, p.outlook, p.cookie
	r.unanswered("Negotiate", 1, 2148074254)
}

// emptyBearer is how a client asks where tokens are issued.
func (s *story) emptyBearer(p *person, end int64, on *server, address string) {
	r := s.request(end, on, s.vdirs.autodiscover, "/autodiscover/autodiscover.xml").comesFrom(address)
	r.agent, r.host = p.outlook, "autodiscover.contoso.com"
	r.unanswered("Bearer", 0, 0)
}

// modernPhone synchronises with a token; it asks without one first.
func (s *story) modernPhone(p *person, start int64) {
	ask := s.request(start, s.ex01, s.vdirs.eas, easStem).comesFrom(p.outside)
	ask.method, ask.agent, ask.query = "OPTIONS", p.phone, "Cmd=OPTIONS"+p.sync
	ask.unanswered("Bearer", 0, 0)
	for i := range int64(2) {
		r := s.request(start+minute+i*5*hour+s.jitter(hour), s.anyServer(), s.vdirs.eas, easStem).by(p, "Bearer", p.outside)
		r.agent, r.query = p.phone, "Cmd=Sync"+p.sync
	}
}

// oldPhone sends the password with every request. Now and then it begins with none, which is no failure.
func (s *story) oldPhone(p *person, start int64) {
	ask := s.request(start, s.ex01, s.vdirs.eas, easStem).comesFrom(p.outside)
	ask.method, ask.agent, ask.query = "OPTIONS", p.phone, "Cmd=OPTIONS"+p.sync
	ask.unanswered("", 2, 5)
	for i, verb := range []string{"FolderSync", "Sync", "Ping", "Sync"} {
		r := s.request(start+minute+int64(i)*3*hour+s.jitter(hour), s.anyServer(), s.vdirs.eas, easStem).by(p, "Basic", p.outside)
		r.agent, r.query = p.phone, "Cmd="+verb+p.sync
		if verb == "Ping" {
			r.taken = 8 * minute
		}
	}
}

// webmail is a visit to Outlook on the web: the form, the password, some clicks.
func (s *story) webmail(p *person, start int64) {
	on := [2]*server{s.ex01, s.ex02}[s.rng.IntN(2)]
	page := s.request(start, on, s.vdirs.owa, "/owa/auth/logon.aspx").comesFrom(p.outside)
	page.method, page.agent, page.label, page.backend = "GET", p.browser, "FBA", 0
	page.query = "url=https%3a%2f%2fmail.contoso.com%2fowa%2f&reason=0"
	form := s.request(start+20*second, on, s.vdirs.owa, "/owa/auth.owa").comesFrom(p.outside)
	form.agent, form.label, form.referer = p.browser, "FBA", "https://mail.contoso.com/owa/auth/logon.aspx"
	form.status, form.backend = 302, 0
	for i, action := range []string{"FindConversation", "GetItem"} {
		r := s.request(start+minute+int64(i)*11*minute, on, s.vdirs.owa, "/owa/service.svc").by(p, "FBA", p.outside)
		r.agent, r.cookie, r.action, r.scheme = p.browser, p.cookie, action, ""
		r.query = "action=" + action + "&UA=0&X-OWA-CANARY=" + secret("canary", i)
		r.routeCookie = "Server~" + on.fqdn + "~1942061552~" + secret("cookie", i)
		r.referer = "https://mail.contoso.com/owa/"
	}
}

// federatedWeb is a visit to the control panel through AD FS.
func (s *story) federatedWeb(p *person, start int64) {
	for i, stem := range []string{"/ecp/", "/ecp/DDI/DDIService.svc/GetList", "/owa/service.svc"} {
		v := s.vdirs.ecp
		if i == 2 {
			v = s.vdirs.owa
		}
		r := s.request(start+int64(i)*minute, s.ex01, v, stem).by(p, "ADFS", p.inside)
		r.account, r.name, r.anchor, r.agent, r.scheme = p.upn, p.upn, "Smtp~"+p.upn, p.browser, ""
		if v == s.vdirs.ecp && i == 1 {
			r.query = "ActivityCorrelationID=61&schema=MailboxService&msExchEcpCanary=" + secret("canary", 7)
		}
	}
}

// secret is a value that must never be shown by anything that reads these logs. They all carry the same words.
func secret(kind string, n int) string {
	return "NotARealSecret-" + kind + "-" + string(appendInt(nil, int64(n)))
}
