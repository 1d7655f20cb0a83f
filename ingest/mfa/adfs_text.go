package mfa

import (
	"bytes"

	"github.com/outmode/outmode/internal/signin"
)

// The texts of the events that hold no AuditBase are read from what they were written with, where the carrier has it: that
// is in no language. Else they are read from the message, by its English labels.

// plain makes the params those of AD FS, which begin with an id, or none: PowerShell writes the name of their type where it
// goes no deeper. The message is read where there are none.
func (d *winDecoder) plain() {
	if d.ev.n > 0 && !isGUID(bytes.TrimSpace(d.text(d.ev.params[0]))) {
		d.ev.n = 0
	}
	if d.words = nil; d.ev.n < 2 {
		d.words = d.text(d.ev.message)
	}
}

// id returns the Activity ID of an event, or of 299, 324, 412, 500 and 501 the Instance ID: the first param, or the first
// line that ends with a GUID.
func (d *winDecoder) id() []byte {
	if d.ev.n > 0 {
		if p := bytes.TrimSpace(d.text(d.ev.params[0])); isGUID(p) {
			return guid(p)
		}
	}
	id, _ := lineGUID(d.words)
	return id
}

// ids returns the Instance ID and the Activity ID of 299, 324 and 412.
func (d *winDecoder) ids() (instance, activity []byte) {
	if d.ev.n > 1 {
		return d.id(), guid(d.text(d.ev.params[1]))
	}
	instance, rest := lineGUID(d.words)
	activity, _ = lineGUID(rest)
	return instance, activity
}

// lineGUID returns the GUID that the first line ends with that ends with one, and what stands behind that line.
func lineGUID(text []byte) (id, rest []byte) {
	for len(text) > 0 {
		var line []byte
		line, text, _ = bytes.Cut(text, []byte("\n"))
		line = bytes.TrimSpace(line)
		if len(line) >= 36 && isGUID(line[len(line)-36:]) {
			return guid(line[len(line)-36:]), text
		}
	}
	return nil, nil
}

// labelled returns what stands behind a label that begins a line: the rest of the line, or the next line that is not
// empty. It is nil where the label stands twice: one of them is then in a name that somebody typed.
func labelled(text []byte, label string) []byte {
	var value []byte
	met, open := false, false
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		rest, is := bytes.CutPrefix(line, []byte(label))
		switch {
		case is && met:
			return nil
		case is:
			value = bytes.TrimSpace(rest)
			met, open = true, len(value) == 0
		case open && len(line) > 0:
			value, open = line, false
		}
	}
	return spoken(value)
}

// issued reads 299: a token for a relying party, by Instance ID and Activity ID. Whose it is stands in other records, which
// come before it or after it as the export is sorted: it names nobody, so that it says the same in both orders.
func (a *adfs) issued(d *winDecoder, f *signin.Facts) {
	instance, activity := d.ids()
	var party []byte
	if d.ev.n > 2 {
		party = spoken(d.text(d.ev.params[2]))
	} else {
		party = labelled(d.words, "Relying party:")
	}
	m := d.event(f, a.outcome("299"))
	m.Application, m.Transaction = party, first(activity, instance)
	f.RequestID = m.Transaction
	if t := a.threads.open(instance); t != nil {
		t.link(activity)
		set(&t.party, party)
		a.settle(t, wasGood, f)
	}
}

// link keeps which Activity ID an Instance ID belongs to, from 412, a token that was good, and from 324, one that the
// access control policy refused.
func (a *adfs) link(d *winDecoder, f *signin.Facts) {
	f.Note = noteEvent
	instance, activity := d.ids()
	t := a.threads.open(instance)
	if t == nil {
		return
	}
	t.link(activity)
	if d.ev.id == 412 {
		t.good = true
		f.Same = a.proof(t)
	}
	if d.ev.id == 324 && a.settle(t, wasDenied, f) {
		f.Note = ""
	}
}

// settle keeps what became of the token of an Instance ID, which may complete a sign-in.
func (a *adfs) settle(t *thread, r result, f *signin.Facts) bool {
	if t.result == noResult {
		t.result = r
	}
	return a.signIn(a.whole(t), f)
}

// claims reads 500 and 501: an Instance ID, then claims, each a type and a value.
func (a *adfs) claims(d *winDecoder, f *signin.Facts) {
	f.Note = noteClaims
	instance := d.id()
	t := a.threads.open(instance)
	if t == nil {
		t = &a.threads.alone
		t.reset()
	}
	if id := guid(d.ev.activity); id != nil {
		t.link(id)
	}
	if d.ev.n > 1 {
		for i := 1; i+1 < d.ev.n; i += 2 {
			a.claim(t, d.text(d.ev.params[i]), d.text(d.ev.params[i+1]))
		}
		a.names(d, t)
		f.Same = a.proof(t)
	} else {
		var kind []byte
		for line := range bytes.Lines(d.words) {
			line = bytes.TrimSpace(line)
			switch {
			case len(line) == 0:
			case kind != nil:
				a.claim(t, kind, line)
				kind = nil
			case hasFold(line, "http://") || hasFold(line, "https://") || hasFold(line, "urn:"):
				kind = line
			}
		}
	}
	f.RequestID = t.id()
	if t.mfa && !t.passed && len(t.user) > 0 {
		t.passed = true
		m := d.event(f, a.outcome("multipleauthn"))
		m.User, m.Application, m.Transaction = t.user, spoken(t.party), t.id()
		m.Address = spoken(t.address)
		m.Reason = t.method
		f.Account, f.Address, f.Note = m.User, m.Address, ""
	}
	if d.ev.id == 500 && t.result == noResult { // claims of 501 may be those of a token that was refused
		t.result = wasGood
	}
	if a.signIn(a.whole(t), f) {
		f.Note = ""
	}
	if t.passed && f.MFA == nil && f.Note != "" {
		f.Note = noteToldADFS
	}
}

// whole puts what is known by an Instance ID to what is known by its Activity ID, so that a sign-in is told once.
func (a *adfs) whole(t *thread) *thread {
	if !t.linked {
		return t
	}
	other := a.threads.openKey(t.activity)
	for _, c := range []struct{ to, from *[]byte }{{&other.user, &t.user}, {&other.client, &t.client}, {&other.address, &t.address}, {&other.agent, &t.agent}} {
		if len(*c.to) == 0 {
			set(c.to, *c.from)
		}
	}
	other.endpoint = other.endpoint || t.endpoint
	if other.result == noResult {
		other.result = t.result
	}
	return other
}

// claim keeps what a claim says. Source of the types: Microsoft, claims of AD FS, and "x-ms-..." in its client access
// policies.
func (a *adfs) claim(t *thread, kind, value []byte) {
	value = spoken(value)
	if value == nil {
		return
	}
	rank := uint8(0)
	switch string(bytes.TrimSpace(kind)) {
	case claimUPN:
		rank = 6
	case "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/implicitupn":
		rank = 5
	case "http://schemas.xmlsoap.org/claims/UPN":
		rank = 4
	case claimSam:
		rank = 3
	case "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name":
		rank = 2
	case claimSID:
		rank = 1
	case "http://schemas.microsoft.com/claims/authnmethodsreferences":
		if hasSuffix(value, "/multipleauthn") {
			t.mfa = true
			t.method = keep(t.method, value)
		}
	case "http://schemas.microsoft.com/2012/01/requestcontext/claims/x-ms-client-application":
		set(&t.client, value)
	case "http://schemas.microsoft.com/2012/01/requestcontext/claims/x-ms-client-user-agent":
		set(&t.agent, value)
	case "http://schemas.microsoft.com/2012/01/requestcontext/claims/x-ms-endpoint-absolute-path":
		t.endpoint = t.endpoint || mixedEndpoint(value)
	case "http://schemas.microsoft.com/2012/01/requestcontext/claims/x-ms-forwarded-client-ip":
		set(&t.address, a.addr.leftmost(value))
	}
	if rank > t.rank {
		t.rank = rank
		set(&t.user, value)
	}
}

func hasSuffix(text []byte, suffix string) bool { return bytes.HasSuffix(text, []byte(suffix)) }

// headers reads 410: an Activity ID, then headers of the request, "-" for those it did not have. The params are told by
// their form: only Exchange Online sends an application, and an endpoint is a path.
func (a *adfs) headers(d *winDecoder, f *signin.Facts) {
	f.Note = noteHeaders
	activity := d.id()
	var client, agent, path, list []byte
	if d.ev.n > 1 {
		for i := 1; i < d.ev.n; i++ {
			v := spoken(d.text(d.ev.params[i]))
			switch {
			case v == nil:
			case hasFold(v, "microsoft.exchange.") && client == nil:
				client = v
				if i == 1 && d.ev.n > 2 {
					agent = spoken(d.text(d.ev.params[2]))
				}
			case hasFold(v, "/adfs/") && path == nil:
				path = v
			case list == nil && a.addr.leftmost(v) != nil:
				list = v
			}
		}
	} else {
		client, agent = labelled(d.words, "X-MS-Client-Application:"), labelled(d.words, "X-MS-Client-User-Agent:")
		path, list = labelled(d.words, "X-MS-Endpoint-Absolute-Path:"), labelled(d.words, "X-MS-Forwarded-Client-IP:")
	}
	f.RequestID = activity
	if client == nil {
		return
	}
	t := a.threads.open(activity)
	if t == nil {
		return
	}
	t.endpoint = t.endpoint || mixedEndpoint(path)
	set(&t.client, client)
	set(&t.agent, agent)
	set(&t.address, a.addr.leftmost(list))
	if a.signIn(t, f) {
		f.Note = ""
	}
}

// refused reads 411: the token that a credential is was not good. The account stands before the error, or alone.
func (a *adfs) refused(d *winDecoder, f *signin.Facts) {
	activity := d.id()
	var user, list []byte
	if d.ev.n > 1 {
		for i := 1; i < d.ev.n; i++ {
			v := d.text(d.ev.params[i])
			switch {
			case list == nil && a.addr.client(v) != nil:
				list = v
			case user == nil && !hasFold(v, "http") && !hasFold(v, "urn:") && !hasFold(v, "system."):
				user = erring(v)
			}
		}
	} else {
		user, list = erring(labelled(d.words, "Error message:")), labelled(d.words, "Client IP:")
	}
	m := d.event(f, a.outcome("411"))
	m.User, m.Transaction = user, activity
	m.Address = a.addr.client(list)
	f.Account, f.Address, f.RequestID = m.User, m.Address, activity
	t := a.threads.open(activity)
	if t == nil || user == nil {
		return
	}
	set(&t.user, user)
	if len(t.address) == 0 {
		set(&t.address, a.addr.leftmost(list))
	}
	if t.result == noResult {
		t.result = wasWrong
	}
	a.signIn(t, f)
	a.passedOn(t, m, f)
}

// erring returns the account in an error message of 411: "anna@contoso.com-The user name or password is incorrect" in the
// language of the server, or the account alone. It is nil where there is none.
func erring(text []byte) []byte {
	text = bytes.TrimSpace(text)
	if n := bytes.Index(text, []byte("-The ")); n >= 0 {
		return spoken(text[:n])
	}
	word, _, sentence := bytes.Cut(text, []byte(" "))
	for i := len(word) - 1; i >= 0; i-- { // of Japanese, a sentence has no blanks
		if word[i] == '-' && (sentence || i+1 < len(word) && word[i+1] >= 0x80) {
			return spoken(word[:i])
		}
	}
	if sentence || bytes.IndexByte(text, ':') >= 0 || bytes.IndexByte(text, '\n') >= 0 {
		return nil
	}
	return spoken(text)
}

// locked reads 515 and 516: Activity ID, account, addresses; with a certificate of the device between them in some
// versions.
func (a *adfs) locked(d *winDecoder, f *signin.Facts) {
	activity := d.id()
	var user, list []byte
	if d.ev.n > 1 {
		user = spoken(d.text(d.ev.params[1]))
		for i := 2; i < d.ev.n && list == nil; i++ {
			if v := d.text(d.ev.params[i]); a.addr.client(v) != nil {
				list = v
			}
		}
	} else {
		user, list = labelled(d.words, "User:"), labelled(d.words, "Client IP:")
	}
	word := "516"
	if d.ev.id == 515 {
		word = "515"
	}
	m := d.event(f, a.outcome(word))
	m.User, m.Transaction, m.Address = user, activity, a.addr.client(list)
	m.Reason = a.word // the number: 411 is a wrong password, too, and locks nobody
	f.Account, f.Address, f.RequestID = m.User, m.Address, activity
}
