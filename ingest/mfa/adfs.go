package mfa

import (
	"bytes"

	"github.com/outmode/outmode/internal/signin"
)

// audit is the element that events 1200 to 1210 of AD FS hold, whatever the language of the server.
const audit = "AuditBase"

// adfs tells what the audits of AD FS mean. Sources: Microsoft, "AD FS troubleshooting: auditing events and logging" and
// "Monitor AD FS using Microsoft Entra Connect Health" for the events; "Configure extranet lockout protection" for 512,
// 515 and 516.
//
//   - 1200 and 1201, a token was issued or was not, 1202 and 1203, a credential was right or was not, 1210, the extranet
//     lockout refused it: an event each, from the AuditBase in it. 411, 515 and 516 are events too, from their texts.
//   - 299 is an event of outcome info: it names no account, but who looks for the token of a federated sign-in finds it.
//   - 500 and 501 hold the claims of a token, ten to a record. Those of one Instance ID are put together: once the account
//     and the claim multipleauthn are known, the second factor was passed. That it is missing says nothing, since a claim
//     that is not in these records may be in the next: they are never a first factor alone.
//   - 500, and 501 once 412 says that the token was good, prove who is who: primarysid, windowsaccountname and upn of one
//     token are one person's. Of the caller and of whom a token was issued for the claims are apart: a service may act
//     for somebody. Only claims count that stand apart in the event: in a text a claim may hold the lines of another.
//   - A credential at a username-mixed endpoint with x-ms-client-application is a sign-in to Exchange Online too, basic.
//     The application stands in 410, or in the claims, and the result elsewhere (299 and 500: issued; 324: refused by the
//     access control policy): the sign-in is the record at which both are known, in whatever order. It is told once.
type adfs struct {
	options *Options
	audit   auditReader
	threads threads
	addr    addresses
	factor  []byte // in lower case
	word    []byte // looked up
	online  []byte // the resource of a sign-in to Exchange Online
	mixed   []byte // its authentication type
	same    [3][]byte
	request []byte // its id, in lower case
}

func newADFS(o *Options) *adfs {
	return &adfs{options: o, addr: addresses{proxies: o.Proxies}, online: []byte("00000002-0000-0ff1-ce00-000000000000"), mixed: []byte("usernamemixed")}
}

// adfsOutcomes are by the event, for tokens and credentials with what MfaPerformed says.
var adfsOutcomes = table{
	"1200 true": signin.FactorPassed, "1200 false": signin.FirstFactorOK,
	"1202 true": signin.FactorPassed, "1202 false": signin.FirstFactorOK, "1202": signin.FirstFactorOK,
	"1203": signin.FirstFactorFailed, "1210": signin.FirstFactorFailed, "411": signin.FirstFactorFailed, "516": signin.FirstFactorFailed,
	"515": signin.FactorInfo, "299": signin.FactorInfo,
	"multipleauthn": signin.FactorPassed,
}

// The remarks on records.
const (
	badAudit     = "its AuditBase is missing, cut or broken"
	noteProgram  = "an event of another program"
	noteEvent    = "an event of AD FS that tells of no credential and of no token"
	noteClaims   = "claims of a token, of which the other events of its Instance ID tell more"
	noteHeaders  = "the headers of a request, of which the other events of its Activity ID tell more"
	noteToldADFS = "what it tells, an earlier event of the same request told"
)

func (a *adfs) forget() { a.threads.clear() }

func (a *adfs) outcome(word string) signin.FactorOutcome {
	a.word = append(a.word[:0], word...)
	return a.options.outcome(signin.ADFSLog, adfsOutcomes, a.word)
}

// tell implements teller.
func (a *adfs) tell(d *winDecoder, f *signin.Facts) {
	if p := d.ev.provider; p != nil && !hasFold(p, "ad fs") {
		f.Note = noteProgram
		return
	}
	a.threads.now = d.ev.at
	switch d.ev.id {
	case 299, 324, 410, 411, 412, 500, 501, 515, 516:
		d.plain()
	}
	switch d.ev.id {
	case 1200, 1201, 1202, 1203, 1210:
		a.audited(d, f)
	case 299:
		a.issued(d, f)
	case 324, 412:
		a.link(d, f)
	case 410:
		a.headers(d, f)
	case 411:
		a.refused(d, f)
	case 500, 501:
		a.claims(d, f)
	case 515, 516:
		a.locked(d, f)
	default:
		f.Note = noteEvent
	}
	switch d.ev.id {
	case 299, 500, 501, 1200: // of a token that was issued: whoever is refused could choose the id of another one
	default:
		return
	}
	if f.MFA != nil && f.MFA.Transaction != nil {
		a.request = appendLower(a.request[:0], f.MFA.Transaction)
		f.MFA.Federation = a.request
	}
}

// audited reads an event that holds an AuditBase.
func (a *adfs) audited(d *winDecoder, f *signin.Facts) {
	found := false
	d.texts(audit, func(text []byte) bool {
		d.words = text
		if text, found = a.find(d, text); found {
			found = a.audit.read(text)
		}
		return !found
	})
	if !found {
		f.Note = badAudit
		return
	}
	activity := d.id()
	if activity == nil {
		activity = guid(d.ev.activity)
	}
	r := &a.audit
	m := d.event(f, a.auditOutcome(d.ev.id, r.performed))
	m.User, m.Application, m.Transaction = r.user, r.party, activity
	m.Address = a.addr.client(first(r.address, r.forwarded, r.network))
	m.Reason = first(r.failure, r.code)
	if m.Reason == nil && d.ev.id == 1200 { // of a token; a credential that was right may be followed by a second factor
		m.Reason = spoken(r.location)
	}
	a.factor = appendLower(a.factor[:0], r.method)
	if m.Factor = spoken(a.factor); m.Factor == nil && contains(r.endpoint, transport) {
		m.Factor = append(a.factor[:0], transport...)
	}
	f.Account, f.Address, f.Agent, f.Path, f.RequestID = m.User, m.Address, r.agent, r.endpoint, m.Transaction
	if mixedEndpoint(r.endpoint) {
		a.mixedSignIn(d, f)
	}
}

func (a *adfs) auditOutcome(id int, performed []byte) signin.FactorOutcome {
	switch {
	case id == 1201:
		return a.outcome("1201")
	case id == 1203:
		return a.outcome("1203")
	case id == 1210:
		return a.outcome("1210")
	case id == 1200 && sameWord(performed, "true"):
		return a.outcome("1200 true")
	case id == 1200 && sameWord(performed, "false"):
		return a.outcome("1200 false")
	case id == 1200:
		return a.outcome("1200")
	case sameWord(performed, "true"):
		return a.outcome("1202 true")
	case sameWord(performed, "false"):
		return a.outcome("1202 false")
	}
	return a.outcome("1202")
}

// find returns a text from its AuditBase on, also where its escapes were escaped again on the way.
func (a *adfs) find(d *winDecoder, text []byte) ([]byte, bool) {
	if n := bytes.Index(text, []byte("<"+audit)); n >= 0 {
		return text[n:], true
	}
	if n := bytes.Index(text, []byte("&lt;"+audit)); n >= 0 {
		d.more = appendEntities(d.more[:0], text[n:])
		return d.more, true
	}
	return nil, false
}

// mixedSignIn looks at a credential that was judged at a username-mixed endpoint.
func (a *adfs) mixedSignIn(d *winDecoder, f *signin.Facts) {
	r := &a.audit
	result := noResult
	switch d.ev.id {
	case 1200, 1202:
		result = wasGood
	case 1203, 1210:
		result = wasWrong
	case 1201: // it may have failed for reasons that are not the account's
		if contains(r.failure, "authoriz") || contains(r.code, "authoriz") {
			result = wasDenied
		}
	}
	t := a.threads.open(d.mfa.Transaction)
	if t == nil { // no other record can be joined with it
		t = &a.threads.alone
		t.reset()
	}
	t.endpoint = true
	set(&t.client, r.client)
	set(&t.user, r.user)
	set(&t.agent, r.agent)
	set(&t.address, a.addr.leftmost(first(r.forwarded, r.address)))
	if result != noResult && t.result == noResult {
		t.result = result
	}
	a.signIn(t, f)
	a.passedOn(t, &d.mfa, f)
}

// passedOn gives the event of a request that Exchange Online passed on the address of the sign-in that it is of: of these
// lists the client's is the leftmost, and the others are Exchange Online's.
func (a *adfs) passedOn(t *thread, m *signin.MFAFacts, f *signin.Facts) {
	if t.endpoint && len(t.client) > 0 && len(t.address) > 0 {
		m.Address = spoken(t.address)
		f.Address = m.Address
	}
}

// signIn makes f a sign-in to Exchange Online if all is known that makes it one, and it was not told before.
func (a *adfs) signIn(t *thread, f *signin.Facts) bool {
	if t.told || !t.endpoint || len(t.client) == 0 || len(t.user) == 0 || t.result == noResult {
		return false
	}
	t.told = true
	f.Account, f.Label, f.AuthType, f.Resource = t.user, t.client, a.mixed, a.online
	f.Address, f.Agent = spoken(t.address), spoken(t.agent)
	f.RequestID = t.id()
	f.Shared = f.RequestID
	switch t.result {
	case wasWrong:
		f.Win32 = 50126
	case wasDenied:
		f.Win32 = 53003
	}
	return true
}

// transport is the endpoint at which Windows itself proves who asks: no second factor can be asked for there.
const transport = "windowstransport"

func mixedEndpoint(path []byte) bool { return contains(path, "/usernamemixed") }

// first returns the first text that is one.
func first(texts ...[]byte) []byte {
	for _, t := range texts {
		if len(t) > 0 {
			return t
		}
	}
	return nil
}

// contains reports whether text holds a word in lower case.
func contains(text []byte, lower string) bool {
	for i := 0; i+len(lower) <= len(text); i++ {
		if sameWord(text[i:i+len(lower)], lower) {
			return true
		}
	}
	return false
}

// An adfsDecoder is a decoder of AD FS whose requests are part of the checkpoint.
type adfsDecoder struct {
	winDecoder
	*adfs
}

func newADFSDecoder(o *Options, c carrier) *adfsDecoder {
	a := newADFS(o)
	return &adfsDecoder{winDecoder{carrier: c, teller: a, kind: signin.ADFSLog}, a}
}
