package main

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"time"
)

// An mfaCase is a logon, or something that looks like one, and what must be said of it.
type mfaCase struct {
	Name  string   `json:"name"`
	Kind  string   `json:"kind"`  // planted: it must be found; innocent: it must stay silent
	User  string   `json:"user"`  // the account as its log writes it, lower case
	Time  string   `json:"time"`  // of the first request, or of the record
	Entry string   `json:"entry"` // none: it is no logon at all
	MFA   string   `json:"mfa"`
	Tags  []string `json:"tags"`
	Log   string   `json:"log"` // the gateway's log without which nobody could say so; empty: none told of it
}

// factors is what the gateways of Contoso saw in the two days, and what must be concluded. Its dice are its own, so that
// the logs of Exchange do not depend on it.
type factors struct {
	rng    *rand.Rand
	duo    []duoEvent
	admin  []duoAction
	logins []proxyLogin
	tokens []tokenAudit
	cloud  []cloudSignIn
	cases  []mfaCase
}

func newFactors() *factors { return &factors{rng: rand.New(rand.NewPCG(20261006, 0x6d6661))} }

// id is the next id that a gateway gives.
func (m *factors) id() guid { return guid{m.rng.Uint64(), m.rng.Uint64()} }

const (
	planted  = "planted"
	innocent = "innocent"
)

// expect writes down what must be said of a logon.
func (m *factors) expect(kind, name, user string, t int64, entry, mfa, log string, tags ...string) {
	c := mfaCase{Name: name, Kind: kind, User: strings.ToLower(user), Time: time.UnixMilli(t).UTC().Format("2006-01-02T15:04:05.000Z"), Entry: entry, MFA: mfa, Log: log, Tags: []string{}}
	for _, t := range tags {
		c.Tags = append(c.Tags, "catalogue."+t)
	}
	m.cases = append(m.cases, c)
}

// secondFactors lets the gateways ask whoever comes to the web, and adds the visits that only they can judge.
func (s *story) secondFactors() {
	s.morningVisits()
	s.tunnels()
	s.openGateway()
	s.waivedFactors()
	s.stolenSessions()
	s.refusedFactors()
	s.quietVisits()
	s.federatedVisits()
	s.cloudVisits()
}

// visitWeb is a logon to Outlook on the web of EX01: the form, and the first page, which the module of the gateway sends
// to its prompt. in is whether a session follows. It returns the instant of the first page, which is that of the logon.
func (s *story) visitWeb(who, when, address string, agent *client, in bool) int64 {
	p, t := s.people[who], at(when)+s.jitter(second)
	form := s.request(t-second, s.ex01, s.vdirs.owa, "/owa/auth.owa").comesFrom(address)
	form.agent, form.label, form.referer = agent, "FBA", "https://mail.contoso.com/owa/auth/logon.aspx"
	form.status, form.backend = 302, 0
	page := s.request(t, s.ex01, s.vdirs.owa, "/owa/").by(p, "FBA", address)
	page.method, page.agent, page.scheme, page.status, page.backend = "GET", agent, "", 302, 0
	if in {
		s.click(who, t+25*second, address, agent)
		s.click(who, t+4*minute, address, agent)
	}
	return t
}

// click is one more request of a session in Outlook on the web.
func (s *story) click(who string, t int64, address string, agent *client) {
	p := s.people[who]
	r := s.request(t, s.ex01, s.vdirs.owa, "/owa/service.svc").by(p, "FBA", address)
	r.agent, r.cookie, r.action, r.scheme = agent, p.cookie, "GetItem", ""
	r.query = "action=GetItem&UA=0&X-OWA-CANARY=" + secret("canary", 11)
	r.routeCookie = "Server~EX01.contoso.com~1942061552~" + secret("cookie", 11)
	r.referer = "https://mail.contoso.com/owa/"
}

// A gatewayLog is a log of a gateway and what its records say, by their outcomes; a record that says nothing of a second
// factor is counted under the word of its verdict.
type gatewayLog struct {
	Path    string         `json:"path"`
	Kind    string         `json:"kind"`
	Records int            `json:"records"`
	Says    map[string]int `json:"says"`
	Note    string         `json:"note,omitempty"`
}

// tell counts a record of a log.
func (g *gatewayLog) tell(word string) {
	if g.Says == nil {
		g.Says = map[string]int{}
	}
	g.Records++
	g.Says[word]++
}

// addGateway puts a log of a gateway into the folder. The truth about sign-ins to Exchange counts its lines and nothing
// else of it; what it says is in a truth of its own.
func (f *folder) addGateway(g gatewayLog, content []byte) {
	f.add(g.Path, g.Kind, content, 0, g.Note)
	f.gateways = append(f.gateways, g)
}

// gatewayLogs writes the logs of all gateways.
func (f *folder) gatewayLogs() {
	f.duoLogs()
	f.authProxyLogs()
	f.adfsLog()
	f.entraLog()
	f.auditLog()
}

// mfaTruth is the document about second factors beside the samples: one log, and one case, a line.
func (f *folder) mfaTruth() []byte {
	b := appendList([]byte("{\"alias\":\"CONTOSO=contoso.com\",\n\"logs\":"), f.gateways)
	b = appendList(append(b, ",\n\"cases\":"...), f.story.factors.cases)
	return append(b, "}\n"...)
}

// quote writes a text as JSON does. Duo writes null for what there is not.
func quote(text string) string {
	if text == "" {
		return "null"
	}
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always marshals
	}
	return string(b)
}
