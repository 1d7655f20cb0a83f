package main

import (
	"fmt"
	"strings"
	"time"
)

// A step is one line of a session, without its time.
type step struct {
	text string
	told told
}

// A mailLog writes the log of a protocol that has sessions. A few are open at a time and their lines interleave; what a
// line tells can depend on an earlier one of its session, which the reader must then remember across a kill.
type mailLog struct {
	kind     string // imap, pop or smtp
	sessions [][]step
}

// maxOpen is how many sessions interleave.
const maxOpen = 4

func (m *mailLog) header(s *scene, fresh bool) string {
	name, fields, bom := "IMAP4 Log", mailFields, ""
	switch m.kind {
	case "pop":
		name = "POP3 Log"
	case "smtp":
		name, fields = "SMTP Receive Protocol Log", smtpFields
		if fresh {
			bom = "\uFEFF" // the writer of these logs puts one at the top
		}
	}
	return bom + "#Software: Microsoft Exchange Server\r\n#Version: 15.0.0.0\r\n#Log-type: " + name + "\r\n#Date: " + stamp(s.at) +
		"\r\n#Fields: " + fields + "\r\n"
}

const (
	mailFields = "dateTime,sessionId,seqNumber,sIp,cIp,user,duration,rqsize,rpsize,command,parameters,context,puid"
	smtpFields = "date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context"
)

func (m *mailLog) open() bool { return len(m.sessions) > 0 }

func (m *mailLog) line(s *scene) (string, told) {
	if len(m.sessions) == 0 || len(m.sessions) < maxOpen && s.chance(40) {
		m.sessions = append(m.sessions, m.session(s))
	}
	return m.closing(s)
}

func (m *mailLog) closing(s *scene) (string, told) {
	i := s.rng.IntN(len(m.sessions))
	next := m.sessions[i][0]
	if m.sessions[i] = m.sessions[i][1:]; len(m.sessions[i]) == 0 {
		m.sessions = append(m.sessions[:i], m.sessions[i+1:]...)
	}
	return stamp(s.at) + next.text, next.told
}

func (m *mailLog) session(s *scene) []step {
	switch m.kind {
	case "pop":
		return popSession(s)
	case "smtp":
		return smtpSession(s)
	}
	return imapSession(s)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func mailKey(s *scene, kind, user, auth, outcome string) told {
	return told{verdict: signIn, key: key{s.server.name, "outmode." + kind, strings.ToLower(user), kind, auth, outcome}}
}

// A dialogue collects the lines of a POP or IMAP session.
type dialogue struct {
	scene         *scene
	id, from, own string
	steps         []step
}

func newDialogue(s *scene, port string) *dialogue {
	return &dialogue{scene: s, id: fmt.Sprintf("%016X", s.rng.Uint64()), from: s.endpoint(), own: s.server.address + ":" + port}
}

func (d *dialogue) say(user, command, parameters, context string, what told) {
	if strings.ContainsAny(context, `",`) {
		context = `"` + strings.ReplaceAll(context, `"`, `""`) + `"`
	}
	d.steps = append(d.steps, step{fmt.Sprintf(",%s,%d,%s,%s,%s,%d,%d,%d,%s,%s,%s,", d.id, len(d.steps), d.own, d.from,
		user, 3+d.scene.rng.IntN(60), 4+len(command)+len(parameters), 20, command, parameters, context), what})
}

func imapSession(s *scene) []step {
	d := newDialogue(s, "143")
	user := s.account()
	d.say("", "OpenSession", "", "", told{})
	switch s.rng.IntN(8) {
	case 0:
		probe := s.health() + "@contoso.com"
		d.say(probe, "login", probe+" *****", "R=OK", told{verdict: noise})
	case 1:
		d.say(user, "login", user+" *****", `R="a2 NO LOGIN failed.";Msg="AuthFailed:LogonDenied";ErrMsg=AuthFailed:LogonDenied`,
			mailKey(s, "imap", user, "basic", "failure"))
	case 2:
		d.say(user, "authenticate", "NTLM", "R=OK", mailKey(s, "imap", user, "ntlm", "success"))
	case 3:
		d.say(user, "authenticate", "PLAIN", `R=OK;Msg="Proxy:ex01.contoso.com:1993:SSL;ProxySuccess"`, mailKey(s, "imap", user, "basic", "success"))
	default:
		d.say("", "capability", "", "R=OK", told{})
		d.say(user, "login", user+" *****", `R=OK;Msg="Proxy:ex01.contoso.com:1993:SSL;ProxySuccess"`, mailKey(s, "imap", user, "basic", "success"))
		d.say(user, "select", "INBOX", "R=OK", told{})
	}
	d.say(user, "logout", "", "R=OK", told{})
	return d.steps
}

// popSession sometimes names the account in USER alone, so that PASS is understood only with the line before it.
func popSession(s *scene) []step {
	d := newDialogue(s, "110")
	user := s.account()
	d.say("", "OpenSession", "", "", told{})
	named := user
	if s.chance(40) {
		named = ""
	}
	d.say(named, "user", user, "R=OK", told{})
	if s.chance(25) {
		d.say(named, "pass", "*****", `R="-ERR Logon failure: unknown user name or bad password.";Msg="AuthFailed:LogonDenied";ErrMsg=AuthFailed:LogonDenied`,
			mailKey(s, "pop", user, "basic", "failure"))
	} else {
		d.say(named, "pass", "*****", "R=OK", mailKey(s, "pop", user, "basic", "success"))
		d.say(user, "stat", "", "R=OK", told{})
	}
	d.say(user, "quit", "", "R=OK", told{})
	return d.steps
}

// smtpSession signs in over several lines. The one that counts is that at which result and account are both known.
func smtpSession(s *scene) []step {
	var steps []step
	id, from := fmt.Sprintf("08DE%012X", s.rng.Uint64()&0xffffffffffff), s.endpoint()
	say := func(event, data, context string, what told) {
		steps = append(steps, step{fmt.Sprintf(`,%s\Default Frontend %s,%s,%d,%s:25,%s,%s,%s,%s`, s.server.name, s.server.name, id, len(steps),
			s.server.address, from, event, data, context), what})
	}
	user := s.account()
	say("+", "", "", told{})
	say("<", "EHLO client", "", told{})
	mechanism, auth := "LOGIN", "basic"
	if s.chance(20) {
		mechanism, auth = "NTLM", "ntlm"
	}
	say("<", "AUTH "+mechanism, "", told{})
	say(">", "334 <authentication response>", "", told{})
	if s.chance(30) {
		say("*", "", "Inbound AUTH "+mechanism+" failed because of LogonDenied", told{})
		say("*", "", "User Name: "+user, mailKey(s, "smtp", user, auth, "failure"))
		say(">", "535 5.7.3 Authentication unsuccessful", "", told{})
		say("-", "", "Remote", told{})
		return steps
	}
	say("*", "SMTPSubmit SMTPAcceptAnyRecipient", "Set Session Permissions", told{})
	say("*", user, "authenticated", mailKey(s, "smtp", user, auth, "success"))
	say(">", "235 2.7.0 Authentication successful", "", told{})
	say("<", "QUIT", "", told{})
	say("-", "", "Local", told{})
	return steps
}
