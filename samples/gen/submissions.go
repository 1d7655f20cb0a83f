package main

import (
	"fmt"
	"strings"
)

// An smtpSession writes the lines of one connection to a receive connector.
type smtpSession struct {
	story     *story
	connector string
	id        string
	local     string
	remote    string
	at        int64
	sequence  int
	calendar  calendar
}

func (s *story) smtp(start int64, connector, port, remote string) *smtpSession {
	m := &smtpSession{
		story: s, connector: `EX01\` + connector + " EX01", id: fmt.Sprintf("08DE%012X", s.rng.Uint64()&0xffffffffff),
		local: "10.20.1.11:" + port, remote: fmt.Sprintf("%s:%d", remote, 49152+s.rng.IntN(16000)), at: start,
	}
	m.say("+", "", "", nil)
	m.say(">", "220 EX01.contoso.com Microsoft ESMTP MAIL Service ready, at your service", "", nil)
	m.say("<", "EHLO client", "", nil)
	m.say(">", "250  EX01.contoso.com Hello ["+remote+"] SIZE 37748736 STARTTLS AUTH NTLM LOGIN", "", nil)
	return m
}

// say writes one event of the conversation.
func (m *smtpSession) say(event, data, context string, conclusion *row) {
	m.at += 15 + m.story.jitter(40)
	if strings.ContainsAny(data, `",`) {
		data = `"` + strings.ReplaceAll(data, `"`, `""`) + `"`
	}
	text := fmt.Sprintf("%s,%s,%s,%d,%s,%s,%s,%s,%s", m.calendar.stamp(m.at), m.connector, m.id, m.sequence, m.local, m.remote, event, data, context)
	m.sequence++
	m.story.mail = append(m.story.mail, &mailLine{"smtp", m.at, text, conclusion})
}

func concludedSMTP(user, auth, mechanism, outcome string) *row {
	return &row{User: strings.ToLower(user), Protocol: "smtp", Auth: auth, Mechanism: mechanism, Outcome: outcome, Evidence: "proven"}
}

// end sends one message and leaves.
func (m *smtpSession) end(sender string) {
	m.say("<", "MAIL FROM:<"+sender+">", "", nil)
	m.say(">", "250 2.1.0 Sender OK", "", nil)
	m.say("<", "QUIT", "", nil)
	m.say("-", "", "Local", nil)
}

// submissions is everything sent over SMTP with a credential, and what only looks like it.
func (s *story) submissions() {
	s.scanners()
	s.mailPrograms()
	s.wrongPasswords()
	s.servers()
}

// scanners are the multifunction machines of the second floor.
func (s *story) scanners() {
	for _, d := range days() {
		every(d+" 06:20:00", d+" 15:00:00", hour, func(t int64) {
			m := s.smtp(t+s.jitter(20*minute), "Default Frontend", "25", "10.20.8.21")
			m.say("<", "AUTH LOGIN", "", nil)
			m.say(">", "334 <authentication response>", "", nil)
			m.say("*", "SMTPSubmit SMTPAcceptAnyRecipient BypassAntiSpam AcceptRoutingHeaders", "Set Session Permissions", nil)
			m.say("*", `CONTOSO\svc-scan`, "authenticated", concludedSMTP(`CONTOSO\svc-scan`, "basic", "login", "success"))
			m.say(">", "235 2.7.0 Authentication successful", "", nil)
			m.end("scan@contoso.com")
		})
	}
}

// mailPrograms submit on port 587, where the front end passes the session on; one uses a Windows credential.
func (s *story) mailPrograms() {
	for i, d := range days() {
		for n, user := range []string{"c.nakamura@contoso.com", "svc-report@contoso.com"} {
			m := s.smtp(at(d+" 09:05:00")+int64(n)*40*minute, "Client Frontend", "587", [2]string{"198.51.100.24", "10.20.3.52"}[n])
			m.say("<", "STARTTLS", "", nil)
			m.say("*", "", "TLS protocol SP_PROT_TLS1_2_SERVER negotiation succeeded", nil)
			m.say("<", "AUTH LOGIN", "", nil)
			m.say(">", "334 <authentication response>", "", nil)
			m.say("*", "", "Proxy session was successfully set up. Session for"+user+" will now be proxied", concludedSMTP(user, "basic", "login", "success"))
			m.say(">", "235 2.7.0 Authentication successful", "", nil)
			m.end(user)
		}
		if i == 1 {
			m := s.smtp(at(d+" 11:00:00"), "Default Frontend", "25", "10.20.3.60")
			m.say("<", "AUTH NTLM", "", nil)
			m.say(">", "334 <authentication response>", "", nil)
			m.say("*", `CONTOSO\svc-tools`, "authenticated", concludedSMTP(`CONTOSO\svc-tools`, "ntlm", "", "success"))
			m.say(">", "235 2.7.0 Authentication successful", "", nil)
			m.end("tools@contoso.com")
		}
	}
}

// wrongPasswords are guesses from outside; two sessions interleave, and one asks for a mechanism nobody offers.
func (s *story) wrongPasswords() {
	for i, user := range []string{"scan@contoso.com", "scanner@contoso.com", "info@contoso.com", "b.usman@contoso.com", "copier@contoso.com", "test"} {
		m := s.smtp(at("2026-10-06 23:15:00")+int64(i/2)*5*minute+int64(i%2)*100, "Default Frontend", "25", "203.0.113.150")
		m.say("<", "AUTH LOGIN", "", nil)
		m.say(">", "334 <authentication response>", "", nil)
		m.say("*", "", "Inbound AUTH LOGIN failed because of LogonDenied", nil)
		m.say("*", "", "User Name: "+user, concludedSMTP(user, "basic", "login", "failure"))
		m.say(">", "535 5.7.3 Authentication unsuccessful", "", nil)
		m.say("-", "", "Remote", nil)
	}
	m := s.smtp(at("2026-10-06 23:40:00"), "Default Frontend", "25", "203.0.113.150")
	m.say("<", "AUTH CRAM-MD5", "", nil)
	m.say(">", "504 5.7.4 Unrecognized authentication type", "", nil)
	m.say("-", "", "Remote", nil)
}

// servers hand mail to each other with credentials of their own.
func (s *story) servers() {
	every("2026-10-06 00:12:00", "2026-10-08 00:00:00", 6*hour, func(t int64) {
		m := s.smtp(t, "Default Frontend", "25", s.ex02.ip)
		m.say("<", "X-ANONYMOUSTLS", "", nil)
		m.say("<", "X-EXPS GSSAPI", "", nil)
		m.say("*", `CONTOSO\EX02$`, "authenticated", nil)
		m.say(">", "235 2.7.0 Authentication successful", "", nil)
		m.end("planning@contoso.com")
		m = s.smtp(t+2*minute, "Client Proxy", "465", s.ex03.ip)
		m.say("<", "X-EXPS EXCHANGEAUTH SHA256", "", nil)
		m.say(">", "235 2.7.0 Authentication successful", "", nil)
		m.say("<", "XPROXY SID=08DE5A7711000001 IP=198.51.100.24 PORT=50112 DOMAIN=client CAPABILITIES=0", "", nil)
		m.end("c.nakamura@contoso.com")
	})
}
