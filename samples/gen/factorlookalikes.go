package main

// quietVisits look like something and are nothing; one is judged only once a log comes that was late.
func (s *story) quietVisits() {
	m := s.factors
	approved := func(kind, name, who, when string, clicks int64) int64 {
		p := s.people[who]
		t := s.visitWeb(who, when, p.outside, s.tools.browsers[1], true)
		m.asked(t+11*second, who, duoOWA, p.outside, "duo_push", "user_approved")
		for i := range clicks {
			s.click(who, t+(i+1)*19*minute, p.outside, s.tools.browsers[1])
		}
		m.expect(kind, name, p.account, t, "owa", "passed", duoLog(t))
		return t
	}
	approved(planted, "an approval in a log that came late", "y.toth", "2026-10-06 10:40:00", 0)
	approved(innocent, "one session of many requests", "j.brandt", "2026-10-06 06:31:00", 11)

	approved(innocent, "an approval at noon", "w.stone", "2026-10-06 12:25:00", 0)
	approved(innocent, "a session before its address changes", "d.egan", "2026-10-07 06:40:00", 0)
	t := s.visitWeb("d.egan", "2026-10-07 08:10:00", "192.0.2.177", s.tools.browsers[1], true)
	m.expect(innocent, "roaming within a session", `CONTOSO\d.egan`, t, "owa", "unknown", "")

	address := s.people["c.vidal"].outside
	t = s.visitWeb("c.vidal", "2026-10-06 17:45:00", address, s.tools.browsers[3], true)
	m.asked(t+8*second, "c.vidal", duoOWA, address, "duo_push", "user_mistake")
	m.asked(t+41*second, "c.vidal", duoOWA, address, "duo_push", "user_approved")
	m.expect(innocent, "the wrong button, then the right one", `CONTOSO\c.vidal`, t, "owa", "passed", duoLog(t))

	address = s.people["o.haas"].outside
	t = s.visitWeb("o.haas", "2026-10-07 06:12:00", address, s.tools.browsers[4], true)
	m.asked(t+6*second, "o.haas", duoOWA, address, "", "")
	m.asked(t+55*second, "o.haas", duoOWA, address, "duo_push", "user_approved")
	m.expect(innocent, "enrolled at the first logon", `CONTOSO\o.haas`, t, "owa", "passed", syncLog)

	t = s.visitWeb("p.sorensen", "2026-10-07 03:10:00", "198.51.100.33", s.tools.browsers[1], true)
	m.expect(innocent, "at night, which no log covers", `CONTOSO\p.sorensen`, t, "owa", "unknown", "")

	address = s.people["x.park"].outside
	t = s.visitWeb("x.park", "2026-10-06 16:40:00", address, s.tools.browsers[1], true)
	m.asked(t+9*second, "x.park", duoOWA, address, "duo_push", "user_approved")
	m.expect(innocent, "a name that two domains have", `CONTOSO\x.park`, t, "owa", "unknown", "")

	address = s.people["b.kowalski"].outside
	t = s.visitWeb("b.kowalski", "2026-10-06 11:52:00", address, s.tools.browsers[2], true)
	m.login(t-12*second, "PROXY01", "b.kowalski", duoOWA, address, "passed")
	m.expect(innocent, "approved at the proxy", `CONTOSO\b.kowalski`, t, "owa", "passed", authEvents)

	s.freeBusy()
	m.expect(innocent, "a health mailbox", `CONTOSO\HealthMailboxex017d0c41e`, at("2026-10-06 00:00:00"), "none", "", "")
}

// freeBusy is Exchange Online asking for free/busy on behalf of a person: a token, and nobody to ask for a second factor.
func (s *story) freeBusy() {
	for i, d := range days() {
		r := s.request(at(d+" 11:00:40"), s.ex01, s.vdirs.ews, "/EWS/Exchange.asmx").by(s.people["a.berg"], "Bearer", "192.0.2.230")
		r.agent, r.organization = s.tools.exchange[0], "contoso.com"
		if i == 0 {
			s.factors.expect(innocent, "hybrid free/busy", r.account, r.end, "ews", "not_covered", "")
		}
	}
}

// federatedVisits are those who come through AD FS. It issues a token to the one from outside without a second factor.
func (s *story) federatedVisits() {
	m := s.factors
	for _, r := range s.requests {
		if r.label == "ADFS" && r.stem == "/ecp/" {
			m.federated(r.end-4*second, `CONTOSO\`+r.account[:len(r.account)-len("@contoso.com")], relyingECP, r.ip, true)
			m.expect(innocent, "a token with a second factor", r.account, r.end, "ecp", "passed", adfsPath)
		}
	}
	p := s.people["l.moreau"]
	t := at("2026-10-07 18:31:00")
	for i := range int64(3) {
		r := s.request(t+i*minute, s.ex01, s.vdirs.owa, "/owa/").by(p, "ADFS", "198.51.100.190")
		r.account, r.name, r.anchor, r.agent, r.scheme = p.upn, p.upn, "Smtp~"+p.upn, s.tools.browsers[3], ""
	}
	m.federated(t-6*second, p.account, relyingOWA, "198.51.100.190", false)
	m.expect(planted, "a token without a second factor, for outside", p.upn, t, "owa", "missing", adfsPath, "m-22")

	for _, d := range days() { // typing errors of people at work
		for i, who := range []string{"q.tran", "n.weber", "r.lind", "s.gallo", "e.jonsson", "z.ito", "r.iyer"} {
			m.tokens = append(m.tokens, tokenAudit{t: at(d+" 07:13:00") + int64(i)*2*hour, event: 1203, user: who + "@contoso.com", party: relyingOWA, address: s.people[who].inside, activity: m.id()})
		}
	}
}

// cloudVisits are sign-ins of the pilots of Exchange Online.
func (s *story) cloudVisits() {
	m := s.factors
	const browser, oauth = "Browser", "oAuth2"
	chrome := s.tools.browsers[1].sent
	expect := func(c *cloudSignIn, kind, name, entry, mfa string, tags ...string) {
		m.expect(kind, name, c.user, c.t, entry, mfa, entraPath, tags...)
	}
	home := func(who string) string { return s.people[who].outside }
	modern := func(when, who, name, mfa string, factors cloudFactors) *cloudSignIn {
		c := m.inCloud(when, who, home(who), browser, chrome, oauth, factors)
		c.audited = true
		expect(c, innocent, name, "browser", mfa)
		return c
	}
	modern("2026-10-06 07:45:10", "r.lind", "a policy that is not applied, on a modern sign-in", "passed", passwordAndApp)
	modern("2026-10-06 08:10:30", "e.jonsson", "satisfied by claim", "remembered", claimOfToken)

	asked := m.inCloud("2026-10-06 09:02:05", "s.gallo", home("s.gallo"), browser, chrome, oauth, passwordAndApp)
	asked.code, asked.audited = 50140, true
	m.expect(innocent, "stay signed in?", asked.user, asked.t, "none", "", "")
	modern("2026-10-06 09:02:14", "s.gallo", "and the sign-in behind it", "passed", passwordAndApp)

	wrong := m.inCloud("2026-10-06 11:20:00", "s.gallo", home("s.gallo"), browser, chrome, oauth, wrongPassword)
	wrong.code, wrong.audited = 50126, true
	m.expect(innocent, "a wrong password in the cloud", wrong.user, wrong.t, "none", "", "")

	federated := m.inCloud("2026-10-06 12:10:00", "l.dahl", home("l.dahl"), browser, chrome, "wsFederation", claimOfADFS)
	federated.audited = true
	federated.joint = m.federated(federated.t-3*second, `CONTOSO\l.dahl`, relyingCloud, home("l.dahl"), true)
	expect(federated, innocent, "AD FS asked, and Entra believes it", "browser", "remembered")

	bridge := m.inCloud("2026-10-06 22:14:00", "e.jonsson", "203.0.113.166", "Exchange ActiveSync", "BAV2ROPC", "ropc", passwordAlone)
	bridge.audited = true // which says of it no more than that it was a success
	expect(bridge, planted, "a password that Exchange Online passed on", "activesync", "missing", "m-19", "m-20", "m-21")
	imap := m.inCloud("2026-10-07 12:40:00", "b.usman", "203.0.113.167", "IMAP4", "", "none", passwordAlone)
	expect(imap, planted, "IMAP in the cloud, one factor", "imap", "missing", "m-20", "m-21")

	modern("2026-10-07 08:30:00", "b.usman", "a browser in the morning", "passed", passwordAndApp)
	modern("2026-10-07 15:00:20", "s.gallo", "a browser in the afternoon", "passed", passwordAndApp)
}
