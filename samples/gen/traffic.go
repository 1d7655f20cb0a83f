package main

import (
	"fmt"
	"math/rand/v2"
)

// Traffic is an endless stream of requests of a crowd against one front end. Request n of one seed is the
// same whatever log is written of it, so an IIS and an HttpProxy file can tell the same day.
type traffic struct {
	rng    *rand.Rand
	crowd  *crowd
	tools  *arsenal
	server *server
	vdirs  *vdirs
	mix    [1024]func(*traffic, *request)
	clock  float64 // milliseconds since 1970 of the next request
	step   float64 // average distance of two requests
}

// A share is how often a kind of request occurs among 1024.
type share struct {
	of   int
	fill func(*traffic, *request)
}

// shares is the mix of a working day: about 40 % of it are probes, and a fifth are legs of a handshake.
func shares() []share {
	return []share{
		{110, (*traffic).loadBalancer}, {150, (*traffic).localProbe}, {150, (*traffic).mapiProbe},
		{90, (*traffic).outlookLeg}, {196, (*traffic).outlook}, {24, (*traffic).discovery},
		{20, (*traffic).phoneLeg}, {106, (*traffic).phone}, {60, (*traffic).application}, {40, (*traffic).autodiscover},
		{54, (*traffic).webmail}, {10, (*traffic).anonymousWeb}, {6, (*traffic).anywhere}, {3, (*traffic).oab},
		{2, (*traffic).shell}, {3, (*traffic).refused},
	}
}

// newTraffic starts a stream on the morning of the story and spreads n requests over the days.
func newTraffic(seed uint64, users int, n, days float64) *traffic {
	rng := rand.New(rand.NewPCG(seed, 0x6f75746d6f6465))
	t := &traffic{
		rng: rng, tools: newArsenal(), server: newServer("EX01", "10.20.1.11", build2019()), vdirs: newVdirs(),
		clock: float64(at("2026-10-06 00:00:00")), step: days * float64(day) / n,
	}
	t.crowd = newCrowd(users, rng, t.tools)
	for i := range t.crowd.members {
		if i&7 != 0 { // the others share addresses, as behind a mobile carrier
			t.crowd.members[i].outside = fmt.Sprintf("2001:db8:%x:%x::%x", i>>8, i&255, 1+i%89)
		}
	}
	i := 0
	for _, s := range shares() {
		for range s.of {
			t.mix[i] = s.fill
			i++
		}
	}
	return t
}

// next overwrites r with the next request.
func (t *traffic) next(r *request) {
	dice := t.rng.Uint64()
	t.clock += t.step * float64(dice&0xffff) / 0x8000
	*r = request{
		end: int64(t.clock), taken: 4 + int64(dice>>16&63), noise: dice >> 24, id: guid{t.rng.Uint64(), t.rng.Uint64()},
		server: t.server, port: "443", host: "mail.contoso.com", suffix: suffixCafe, method: "POST", status: 200, backend: 200,
		in: int64(dice >> 20 & 0xfff), out: int64(dice >> 30 & 0x3fff),
	}
	t.mix[dice>>54](t, r)
}

// anyone picks a person; some are far busier than others.
func (t *traffic) anyone() *member {
	dice := t.rng.Uint64()
	skewed := (dice >> 32) * (dice & 0xffffffff) >> 32
	return &t.crowd.members[skewed*uint64(len(t.crowd.members))>>32]
}

// signed fills in who made the request and how it was authenticated.
func (r *request) signed(m *member, label, ip string) {
	r.label, r.authenticated, r.account, r.name, r.ip = label, true, m.account, m.account, ip
	if label == "Bearer" {
		r.account, r.name = m.upn, m.upn
	}
	r.anchor = m.sid
}

// unanswered turns the request into the first leg of a handshake: nobody is known yet.
func (r *request) unanswered(label string, substatus int, win32 uint32) {
	r.label, r.status, r.substatus, r.win32, r.backend, r.taken = label, 401, substatus, win32, 0, 1
}

func (t *traffic) loadBalancer(r *request) {
	all := t.vdirs.balanced()
	v := all[r.noise%uint64(len(all))]
	r.vdir, r.stem, r.method, r.agent, r.ip, r.backend = v, v.health, "GET", t.tools.healthcheck, "10.20.0.5", 0
}

func (t *traffic) localProbe(r *request) {
	m := &t.crowd.probes[r.noise%uint64(len(t.crowd.probes))]
	r.vdir, r.stem, r.method, r.agent = t.vdirs.ews, "/ews/", "GET", t.tools.amProbe
	if r.noise&64 != 0 {
		r.stem, r.method, r.agent = "/EWS/Exchange.asmx", "POST", t.tools.ewsProbe
	}
	r.host = "localhost"
	r.signed(m, "Negotiate", "127.0.0.1")
}

func (t *traffic) mapiProbe(r *request) {
	m := &t.crowd.probes[r.noise%uint64(len(t.crowd.probes))]
	r.vdir, r.stem, r.query, r.agent, r.host, r.cookie = t.vdirs.mapi, "/mapi/emsmdb/", m.mapi, t.tools.mapiProbe, t.server.fqdn, m.cookie
	r.signed(m, "Negotiate", t.server.local)
	r.anchor, r.ticket = m.mailbox, m.connected
}

func (t *traffic) outlook(r *request) {
	m := t.anyone()
	r.vdir, r.stem, r.query, r.agent, r.cookie = t.vdirs.mapi, "/mapi/emsmdb/", m.mapi, m.outlook, m.cookie
	r.signed(m, m.scheme, m.inside)
	r.anchor, r.ticket, r.organization = m.mailbox, m.connected, "contoso.com"
	switch {
	case r.noise&7 == 0:
		r.taken += 60 * second
	case r.noise&15 == 1:
		r.stem = "/mapi/nspi/"
	}
}

func (t *traffic) outlookLeg(r *request) {
	m := t.anyone()
	r.vdir, r.stem, r.query, r.agent, r.ip, r.cookie = t.vdirs.mapi, "/mapi/emsmdb/", m.mapi, m.outlook, m.inside, m.cookie
	r.unanswered("Negotiate", 1, 2148074254)
}

// discovery is the empty Bearer by which a client asks where tokens are issued.
func (t *traffic) discovery(r *request) {
	m := t.anyone()
	r.vdir, r.stem, r.agent, r.ip = t.vdirs.autodiscover, "/autodiscover/autodiscover.xml", m.outlook, m.outside
	r.unanswered("Bearer", 0, 0)
}

func (t *traffic) phoneLeg(r *request) {
	m := t.anyone()
	r.vdir, r.stem, r.query, r.method, r.agent, r.ip = t.vdirs.eas, easStem, m.sync, "OPTIONS", m.phone, m.outside
	r.unanswered("", 2, 5)
}

func (t *traffic) phone(r *request) {
	m := t.anyone()
	r.vdir, r.stem, r.agent = t.vdirs.eas, easStem, m.phone
	r.query, r.cookie, r.info = m.sync, m.cookie, "ActSt=Sync;"
	if r.noise&3 == 0 {
		r.taken += 470 * second
	}
	r.signed(m, "Basic", m.outside)
	if !m.legacy {
		r.signed(m, "Bearer", m.outside)
	}
	if r.noise&0x1f0 == 0 {
		r.status, r.backend = 403, 403
	}
}

func (t *traffic) application(r *request) {
	m := t.anyone()
	r.vdir, r.stem, r.agent, r.cookie = t.vdirs.ews, "/EWS/Exchange.asmx", m.outlook, m.cookie
	scheme := m.scheme
	if r.noise&31 == 0 {
		scheme = "Basic"
		r.agent = t.tools.ews[r.noise>>5%uint64(len(t.tools.ews))]
	}
	r.signed(m, scheme, m.inside)
}

func (t *traffic) autodiscover(r *request) {
	m := t.anyone()
	r.vdir, r.stem, r.agent, r.host, r.cookie = t.vdirs.autodiscover, "/autodiscover/autodiscover.xml", m.outlook, "autodiscover.contoso.com", m.cookie
	r.signed(m, m.scheme, m.inside)
}

func (t *traffic) webmail(r *request) {
	m := t.anyone()
	r.vdir, r.stem, r.query, r.action = t.vdirs.owa, "/owa/service.svc", "action=GetItem&ID=-17&AC=1", "GetItem"
	r.agent, r.cookie, r.suffix, r.referer = m.browser, m.cookie, suffixEncoding, "https://mail.contoso.com/owa/"
	r.signed(m, "FBA", m.outside)
}

func (t *traffic) anonymousWeb(r *request) {
	m := t.anyone()
	r.vdir, r.stem, r.method, r.agent, r.ip, r.label = t.vdirs.owa, "/owa/auth/logon.aspx", "GET", m.browser, m.outside, "FBA"
	r.query, r.suffix, r.backend = "url=https%3a%2f%2fmail.contoso.com%2fowa%2f&reason=0", suffixEncoding, 0
}

func (t *traffic) anywhere(r *request) {
	m := t.anyone()
	r.vdir, r.stem, r.method, r.agent = t.vdirs.rpc, "/rpc/rpcproxy.dll", "RPC_OUT_DATA", t.tools.msrpc
	r.query = m.mailbox[len("MailboxGuid~"):] + "@contoso.com:6001"
	r.signed(m, "NTLM", m.inside)
	r.taken += 300 * second
}

func (t *traffic) oab(r *request) {
	m := t.anyone()
	r.vdir, r.stem, r.method, r.agent = t.vdirs.oab, "/OAB/0f7c1a52-66b1-4d0f-9a57-2c8b1f04a9de/oab.xml", "GET", m.outlook
	r.signed(m, "Negotiate", m.inside)
}

func (t *traffic) shell(r *request) {
	m := t.anyone()
	r.vdir, r.stem, r.query, r.agent = t.vdirs.powershell, "/PowerShell", "PSVersion=5.1.20348.2849", t.tools.winRM
	r.action = "Get-Mailbox:Command"
	r.signed(m, "Kerberos", m.inside)
}

// refused is a wrong password: IIS knows whose, the HttpProxy log does not.
func (t *traffic) refused(r *request) {
	m := t.anyone()
	r.vdir, r.stem, r.query, r.agent, r.ip, r.name = t.vdirs.eas, easStem, m.sync, m.phone, m.outside, m.account
	r.unanswered("Basic", 1, 1326)
}
