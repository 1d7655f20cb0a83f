package main

import (
	"fmt"
	"strings"
)

// A mailLine is one line of a POP, IMAP or SMTP log and what must be concluded from it, if anything.
type mailLine struct {
	log  string // imap, imapbe, pop or smtp
	at   int64
	text string
	row  *row
}

// A mailSession writes the lines of one connection to a POP or IMAP server.
type mailSession struct {
	story    *story
	log      string
	id       string
	local    string
	remote   string
	at       int64
	sequence int
	calendar calendar
}

func (s *story) session(log string, start int64, remote string) *mailSession {
	port := map[string]string{"imap": "143", "imapbe": "1993", "pop": "110"}[log]
	return &mailSession{
		story: s, log: log, at: start, id: fmt.Sprintf("%016X", s.rng.Uint64()&0xffffffff),
		local: "10.20.1.11:" + port, remote: fmt.Sprintf("%s:%d", remote, 49152+s.rng.IntN(16000)),
	}
}

// say writes one command and its answer. The answer is in the context column, quoted where it holds quotes.
func (m *mailSession) say(user, command, parameters, context string, conclusion *row) {
	m.at += 40 + m.story.jitter(90)
	if strings.ContainsAny(context, `",`) {
		context = `"` + strings.ReplaceAll(context, `"`, `""`) + `"`
	}
	text := fmt.Sprintf("%s,%s,%d,%s,%s,%s,%d,%d,%d,%s,%s,%s,", m.calendar.stamp(m.at), m.id, m.sequence, m.local, m.remote,
		user, 3+m.story.jitter(60), 4+len(command)+len(parameters), 20, command, parameters, context)
	m.sequence++
	m.story.mail = append(m.story.mail, &mailLine{m.log, m.at, text, conclusion})
}

// concluded is what a logon command proves.
func (m *mailSession) concluded(user, auth, mechanism string, good bool) *row {
	outcome := "failure"
	if good {
		outcome = "success"
	}
	return &row{User: strings.ToLower(user), Protocol: m.log, Auth: auth, Mechanism: mechanism, Outcome: outcome, Evidence: "proven"}
}

// mailboxes is everything read over IMAP and POP.
func (s *story) mailboxes() {
	s.macOverIMAP()
	s.otherIMAP()
	s.stuffing()
	s.facilities()
	s.otherPOP()
	s.mailProbes()
}

func (s *story) imapLogin(start int64, user, remote string, good, named bool) {
	m := s.session("imap", start, remote)
	m.say("", "OpenSession", "", "", nil)
	m.say("", "capability", "", "R=OK", nil)
	if good {
		m.say(user, "login", user+" *****", `R=OK;Msg="Proxy:EX01.contoso.com:1993:SSL;ProxySuccess"`, m.concluded(user, "basic", "login", true))
		m.say(user, "select", "INBOX", "R=OK", nil)
		m.say(user, "logout", "", "R=OK", nil)
		return
	}
	if !named {
		user = ""
	}
	m.say(user, "login", " *****", `R="a2 NO LOGIN failed.";Msg="AuthFailed:LogonDenied";ErrMsg=AuthFailed:LogonDenied`, m.concluded(user, "basic", "login", false))
	m.say(user, "CloseSession", "", "", nil)
}

// macOverIMAP is Chie's Mac, which has read mail with LOGIN since before anybody asked.
func (s *story) macOverIMAP() {
	for _, d := range days() {
		every(d+" 06:00:00", d+" 18:00:00", 45*minute, func(t int64) {
			s.imapLogin(t+s.jitter(9*minute), "c.nakamura", "198.51.100.24", true, true)
		})
	}
}

func (s *story) otherIMAP() {
	for i, c := range []struct{ user, mechanism, auth, word string }{
		{"k.fischer@contoso.com", "PLAIN", "basic", "plain"}, {"k.fischer@contoso.com", "PLAIN", "basic", "plain"},
		{`CONTOSO\e.quist`, "NTLM", "ntlm", ""}, {"c.vidal@contoso.com", "XOAUTH2", "oauth", ""},
	} {
		m := s.session("imap", at("2026-10-06 10:00:00")+int64(i)*25*minute, "198.51.100.91")
		m.say("", "OpenSession", "", "", nil)
		m.say(c.user, "authenticate", c.mechanism, `R=OK;Msg="Proxy:EX01.contoso.com:1993:SSL;ProxySuccess"`, m.concluded(c.user, c.auth, c.word, true))
		m.say(c.user, "logout", "", "R=OK", nil)
	}
	m := s.session("imap", at("2026-10-06 12:20:00"), "198.51.100.91")
	m.say("k.fischer", "authenticate", "PLAIN", `R="2 NO AUTHENTICATE failed.";Msg="AuthFailed:LogonDenied,User: k.fischer";ErrMsg=AuthFailed:LogonDenied`,
		m.concluded("k.fischer", "basic", "plain", false))
}

// stuffing tries a list of leaked passwords on one account, from several addresses at once.
func (s *story) stuffing() {
	for i := range int64(80) {
		remote := fmt.Sprintf("198.51.100.%d", 201+i%4)
		s.imapLogin(at("2026-10-07 02:10:00")+i*23*second, "k.lindqvist", remote, false, i%8 != 7)
	}
}

// facilities read a shared mailbox with a person's password.
func (s *story) facilities() {
	const user = `CONTOSO\h.vogel\facilities`
	for _, d := range days() {
		every(d+" 05:00:00", d+" 17:00:00", 30*minute, func(t int64) {
			m := s.session("pop", t+s.jitter(minute), "10.20.6.15")
			m.say("", "OpenSession", "", "", nil)
			m.say(user, "user", user, "R=OK", nil)
			m.say(user, "pass", "*****", `R=OK;Msg="Proxy:EX01.contoso.com:1995:SSL;ProxySuccess"`, m.concluded(user, "basic", "login", true))
			m.say(user, "stat", "", "R=OK", nil)
			m.say(user, "quit", "", "R=OK", nil)
		})
	}
}

func (s *story) otherPOP() {
	for i, d := range days() {
		m := s.session("pop", at(d+" 07:45:00"), "10.20.3.60")
		m.say("", "OpenSession", "", "", nil)
		m.say("svc-tools", "auth", " PLAIN", "R=ok", m.concluded("svc-tools", "basic", "plain", true))
		if i == 0 { // this writer leaves the last column out
			last := s.mail[len(s.mail)-1]
			last.text = strings.TrimSuffix(last.text, ",")
		}
		m.say("svc-tools", "quit", "", "R=OK", nil)
		m = s.session("pop", at(d+" 07:50:00"), "203.0.113.140")
		m.say("h.vogel", "user", "h.vogel", "R=OK", nil)
		m.say("h.vogel", "pass", "*****", `R="-ERR Logon failure: unknown user name or bad password.";Msg="AuthFailed:LogonDenied,User: h.vogel";ErrMsg=AuthFailed:LogonDenied`,
			m.concluded("h.vogel", "basic", "login", false))
		m = s.session("pop", at(d+" 07:55:00"), "203.0.113.140")
		m.say("svc-scan", "auth", " PLAIN", `R="-ERR Authentication failure: unknown user name or bad password.";Msg="AuthFailed:LogonDenied,User: svc-scan";ErrMsg=AuthFailed:LogonDenied`,
			m.concluded("svc-scan", "basic", "plain", false))
	}
}

// mailProbes are the monitoring's own sessions, and the back end's view of everybody else's.
func (s *story) mailProbes() {
	every("2026-10-06 00:06:00", "2026-10-08 00:00:00", 4*hour, func(t int64) {
		user := s.healthMailbox(s.ex01, 2).upn
		m := s.session("imap", t, "127.0.0.1")
		m.say(user, "login", user+" *****", "R=OK", nil)
		m = s.session("pop", t+minute, "127.0.0.1")
		m.say(user, "user", user, "R=OK", nil)
		m.say(user, "pass", "*****", "R=OK", nil)
		m = s.session("imapbe", t+2*minute, "10.20.1.11")
		m.say("c.nakamura", "authenticate", "PLAIN", "R=OK", nil)
		m.say("c.nakamura", "select", "INBOX", "R=OK", nil)
	})
}
