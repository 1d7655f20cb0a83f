package main

// morningVisits are the visits to Outlook on the web that the office pays anyway. Duo asks; on the second day it remembers
// two devices that it asked on the first, and a person whose phone is broken has a code of the helpdesk's.
func (s *story) morningVisits() {
	m := s.factors
	for _, r := range s.requests {
		if r.label != "FBA" || !r.authenticated || r.action != "FindConversation" {
			continue
		}
		who, address, t := r.account[len(`CONTOSO\`):], r.ip, r.end
		if r.forward != "" {
			address = r.forward
		}
		factor, reason, word, name, kind := "duo_push", "user_approved", "passed", "a push that was approved", innocent
		var tags []string
		later := dayOf(t) != dayOf(at(days()[0]+" 00:00:00"))
		switch {
		case later && (who == "c.nakamura" || who == "m.costa"):
			factor, reason, word, name = "remembered_device", "remembered_device", "remembered", "a remembered device, from where it was remembered"
		case later && who == "n.haddad":
			factor, reason, word, name, kind, tags = "bypass_code", "valid_passcode", "bypassed", "a helpdesk code", planted, []string{"m-13"}
			m.admin = append(m.admin,
				duoAction{t - 13*minute, "admin_login", "", `{"ip_address": "10.20.7.60", "factor": "push"}`, "other"},
				duoAction{t - 12*minute, "bypass_create", who, `{"bypass": "", "count": 1, "valid_secs": 3600, "auto_generated": true, "remaining_uses": 1}`, "config"})
		case who == "a.young":
			factor, name = "phone_call", "a call that was answered"
		case who == "h.jansen":
			factor, reason, name = "duo_mobile_passcode", "valid_passcode", "a passcode"
		}
		e := m.asked(t-(8+m.rng.Int64N(15))*second+m.rng.Int64N(second), who, duoOWA, address, factor, reason)
		if word == "remembered" {
			e.rememberedAfter = "duo_push"
		}
		m.expect(kind, name, r.account, t, "owa", word, duoLog(e.t), tags...)
	}
}

// travellers are those who work over the VPN, which Duo protects as well: the pulse of the gateway.
func travellers() []string {
	return []string{"m.hartwell", "a.berg", "p.sorensen", "h.vogel", "n.weber", "q.tran", "g.rossi", "s.alvarez", "k.fischer", "e.quist", "s.gallo"}
}

// tunnels are logins to the VPN, four an hour from morning till evening, but for the hour in which Contoso could not
// reach Duo: then the proxy let in whoever came.
func (s *story) tunnels() {
	m, n := s.factors, 0
	for _, d := range days() {
		for t := at(d + " 05:32:00"); t < at(d+" 20:50:00"); t += 15 * minute {
			who := travellers()[n%len(travellers())]
			n++
			asked := t + m.rng.Int64N(4*minute)
			host, address, says := [2]string{"PROXY01", "PROXY02"}[n%2], s.people[who].outside, "passed"
			switch {
			case asked > at("2026-10-07 12:58:00") && asked < at("2026-10-07 14:08:00"):
				if says = "fail_open"; n%2 == 0 {
					continue // the first proxy is out of order itself
				}
			case n%17 == 0:
				says = "timeout"
			}
			m.login(asked, host, who, duoVPN, address, says)
			if says == "fail_open" {
				continue // Duo's cloud was not reached, and knows nothing
			}
			reason := "user_approved"
			if says == "timeout" {
				reason = "no_response"
			}
			m.asked(asked+7*second, who, duoVPN, "", "duo_push", reason)
		}
	}
}

// openGateway is the hour without Duo: whoever has the password is let in.
func (s *story) openGateway() {
	m := s.factors
	for _, v := range [][2]string{{"g.rossi", "13:20:10"}, {"s.alvarez", "13:34:40"}, {"e.quist", "13:46:05"}} {
		t := s.visitWeb(v[0], "2026-10-07 "+v[1], s.people[v[0]].outside, s.tools.browsers[1], true)
		m.expect(planted, "a gateway that is silent and open", s.people[v[0]].account, t, "owa", "fail_open", syncLog, "m-02")
	}
	p := s.people["d.ferrari"]
	t := s.visitWeb("d.ferrari", "2026-10-07 13:26:30", p.outside, s.tools.browsers[2], true)
	m.login(t-5*second, "PROXY02", "d.ferrari", duoOWA, p.outside, "fail_open")
	m.expect(planted, "a proxy that says it let in", p.account, t, "owa", "fail_open", proxyText, "m-02", "m-04")
}

// waivedFactors are those whom a gateway does not ask, and says so.
func (s *story) waivedFactors() {
	m := s.factors
	t := s.visitWeb("v.kaya", "2026-10-06 14:05:00", s.people["v.kaya"].outside, s.tools.browsers[1], true)
	m.asked(t+2*second, "v.kaya", duoOWA, s.people["v.kaya"].outside, "not_available", "allow_unenrolled_user")
	m.expect(planted, "not enrolled, and let in", `CONTOSO\v.kaya`, t, "owa", "bypassed", duoLog(t), "m-05", "m-18")

	t = s.visitWeb("o.lefevre", "2026-10-06 09:50:00", s.people["o.lefevre"].outside, s.tools.browsers[0], true)
	m.login(t-4*second, "PROXY01", "o.lefevre", duoOWA, s.people["o.lefevre"].outside, "bypassed")
	m.expect(planted, "exempt at the proxy", `CONTOSO\o.lefevre`, t, "owa", "bypassed", authEvents, "m-05", "m-06")

	t = s.visitWeb("u.sato", "2026-10-06 13:30:00", s.people["u.sato"].outside, s.tools.browsers[1], true)
	m.expect(planted, "nobody ever asked", `CONTOSO\u.sato`, t, "owa", "unknown", "", "m-03")
}

// stolenSessions are logons that the owner of the account did not make.
func (s *story) stolenSessions() {
	m := s.factors
	const elsewhere = "203.0.113.88"
	for _, when := range []string{"20:02:10", "20:09:31", "20:15:02", "20:21:44"} { // he wants to sleep, and gives in
		reason := "user_cancelled"
		if when == "20:15:02" {
			reason = "no_response"
		}
		m.asked(at("2026-10-06 "+when), "f.oduya", duoOWA, "203.0.113.61", "duo_push", reason).country = "Atlantis"
	}
	t := s.visitWeb("f.oduya", "2026-10-06 20:27:00", "203.0.113.61", s.tools.browsers[6], true)
	m.asked(t+12*second, "f.oduya", duoOWA, "203.0.113.61", "duo_push", "user_approved").country = "Atlantis"
	m.expect(planted, "a push that was approved at last", `CONTOSO\f.oduya`, t, "owa", "passed", duoLog(t), "m-14")

	t = s.visitWeb("k.lindqvist", "2026-10-07 16:05:00", elsewhere, s.tools.browsers[6], true)
	m.expect(planted, "a session that nobody approved", `CONTOSO\k.lindqvist`, t, "owa", "missing", syncLog, "m-01")

	t = s.visitWeb("r.iyer", "2026-10-07 17:20:00", "203.0.113.200", s.tools.browsers[6], true)
	e := m.asked(t+3*second, "r.iyer", duoOWA, "203.0.113.200", "remembered_device", "remembered_device")
	e.country, e.rememberedAfter = "Atlantis", "duo_push"
	m.expect(planted, "a remembered device, from where it was never asked", `CONTOSO\r.iyer`, t, "owa", "remembered", syncLog, "m-16")
}

// refusedFactors are logons that a second factor stopped, and one that then found a door without.
func (s *story) refusedFactors() {
	m := s.factors
	const thief = "203.0.113.119"
	t := s.visitWeb("i.petrov", "2026-10-07 11:10:00", thief, s.tools.browsers[6], false)
	m.asked(t+14*second, "i.petrov", duoOWA, thief, "duo_push", "user_cancelled").country = "Atlantis"
	m.expect(planted, "refused at the web", `CONTOSO\i.petrov`, t, "owa", "denied", syncLog, "m-08")
	for i := range int64(3) {
		r := s.request(at("2026-10-07 11:31:20")+i*4*minute, s.ex01, s.vdirs.ews, "/EWS/Exchange.asmx").by(s.people["i.petrov"], "Basic", thief)
		r.agent, r.out = s.tools.scripts[0], 90000
		if i == 0 {
			m.expect(planted, "and let in with a password alone", `CONTOSO\i.petrov`, r.end, "ews", "not_covered", "", "m-08", "m-09")
		}
	}
	m.expect(planted, "past the gateway, at the back end", `CONTOSO\j.brandt`, at("2026-10-06 17:20:00"), "ews", "not_covered", "", "m-11")

	t = s.visitWeb("t.novak", "2026-10-06 15:25:00", "203.0.113.120", s.tools.browsers[6], false)
	m.asked(t+20*second, "t.novak", duoOWA, "203.0.113.120", "duo_push", "user_marked_fraud").country = "Atlantis"
	m.expect(planted, "a push that was reported", `CONTOSO\t.novak`, t, "owa", "denied", duoLog(t), "m-15")
}
