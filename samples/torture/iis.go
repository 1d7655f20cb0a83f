package main

import (
	"strconv"
	"strings"
)

// An iisLog writes the W3C log of a front end's site.
type iisLog struct {
	columns []string
}

// iisLayouts are orders of the same columns. A reader that goes by the order it met first, or that forgets the order when
// it resumes in the middle of a file, takes addresses for accounts.
func iisLayouts() [][]string {
	return [][]string{
		strings.Fields("date time s-computername s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) " +
			"cs(Referer) sc-status sc-substatus sc-win32-status time-taken"),
		strings.Fields("date time s-computername s-ip cs-method cs-uri-stem cs-uri-query s-port c-ip cs-username cs(Referer) " +
			"cs(User-Agent) sc-status sc-win32-status sc-substatus time-taken"),
		strings.Fields("date time s-sitename s-computername s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs-version " +
			"cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status sc-bytes time-taken"),
	}
}

func (l *iisLog) header(s *scene, _ bool) string {
	l.columns = pick(s, iisLayouts())
	return "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: " + s.at.Format("2006-01-02 15:04:05") +
		"\r\n#Fields: " + strings.Join(l.columns, " ") + "\r\n"
}

func (l *iisLog) open() bool { return false }

func (l *iisLog) closing(s *scene) (string, told) { return l.line(s) }

// A hit is one request to the site.
type hit struct {
	stem, user, agent, status, substatus, win32 string
}

// line writes one request. Refused passwords are the sign-ins that only IIS tells; successes wait for HttpProxy.
func (l *iisLog) line(s *scene) (string, told) {
	place := pick(s, []struct{ stem, protocol string }{
		{"/EWS/Exchange.asmx", "ews"}, {"/Microsoft-Server-ActiveSync/default.eas", "activesync"}, {"/Autodiscover/Autodiscover.xml", "autodiscover"},
	})
	h := hit{place.stem, "", pick(s, s.agents), "401", "2", "5"}
	keyed := key{s.server.name, "outmode.iis", "", place.protocol, "", ""}
	switch n := s.rng.IntN(1000); {
	case n < 150:
		h.user, h.agent = s.health()+"@contoso.com", "AMProbe/Local/ClientAccess"
		h.status, h.substatus, h.win32 = "200", "0", "0"
		return l.row(s, &h), told{verdict: noise}
	case n < 450:
		if s.chance(50) {
			h.substatus, h.win32 = "1", "2148074254"
		}
		return l.row(s, &h), told{verdict: other}
	case n < 750:
		h.user = s.account()
		h.status, h.substatus, h.win32 = "200", "0", "0"
		keyed.user, keyed.auth, keyed.outcome = strings.ToLower(h.user), "unknown", "success"
		return l.row(s, &h), told{signIn, keyed, true}
	case n < 752:
		return "", told{verdict: other}
	}
	h.user = s.account()
	h.substatus, h.win32 = "1", pick(s, []string{"1326", "1326", "1326", "1909", "1330", "1331", "1907", "1793"})
	keyed.user, keyed.auth, keyed.outcome = strings.ToLower(h.user), "basic", "failure"
	return l.row(s, &h), told{verdict: signIn, key: keyed}
}

func (l *iisLog) row(s *scene, h *hit) string {
	c := make([]string, len(l.columns))
	for i, name := range l.columns {
		v := l.value(s, h, name)
		if v == "" {
			v = "-"
		}
		c[i] = strings.ReplaceAll(v, " ", "+")
	}
	return strings.Join(c, " ")
}

func (l *iisLog) value(s *scene, h *hit, name string) string {
	switch name {
	case "date":
		return s.at.Format("2006-01-02")
	case "time":
		return s.at.Format("15:04:05")
	case "s-sitename":
		return "W3SVC1"
	case "s-computername":
		return s.server.name
	case "s-ip":
		return s.server.address
	case "cs-method":
		return "POST"
	case "cs-uri-stem":
		return h.stem
	case "cs-uri-query":
		query := "&CorrelationID=<empty>;&cafeReqId=" + s.guid() + ";"
		if n := s.length(); n > 1000 {
			query = strings.Repeat("x", n) + query
		}
		return query
	case "s-port":
		return "443"
	case "cs-username":
		return h.user
	case "c-ip":
		return s.from()
	case "cs-version":
		return "HTTP/1.1"
	case "cs(User-Agent)":
		return h.agent
	case "sc-status":
		return h.status
	case "sc-substatus":
		return h.substatus
	case "sc-win32-status":
		return h.win32
	case "sc-bytes", "time-taken":
		return strconv.Itoa(s.rng.IntN(2000))
	}
	return ""
}
