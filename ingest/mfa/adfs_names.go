package mfa

import "bytes"

// The claims by which the directory knows a person. Nobody writes them for oneself. Source: Microsoft, claim types of AD FS.
const (
	claimUPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
	claimSam = "http://schemas.microsoft.com/ws/2008/06/identity/claims/windowsaccountname"
	claimSID = "http://schemas.microsoft.com/ws/2008/06/identity/claims/primarysid"
)

// names keeps the names of 500 and 501 that are one person's. A record whose types are none, since a text is missing in the
// export and the others moved up, has none.
func (a *adfs) names(d *winDecoder, t *thread) {
	if t.of != d.ev.id { // the caller is not always whom the token is for
		t.of, t.torn, t.proved = d.ev.id, false, 0
		t.sid, t.sam, t.name = t.sid[:0], t.sam[:0], t.name[:0]
	}
	for i := 1; i+1 < d.ev.n; i += 2 {
		if kind := spoken(d.text(d.ev.params[i])); kind != nil && !hasFold(kind, "http://") && !hasFold(kind, "https://") && !hasFold(kind, "urn:") {
			t.torn = true
			return
		}
	}
	for i := 1; i+1 < d.ev.n; i += 2 {
		var to *[]byte
		switch string(bytes.TrimSpace(d.text(d.ev.params[i]))) {
		case claimSID:
			to = &t.sid
		case claimSam:
			to = &t.sam
		case claimUPN:
			to = &t.name
		default:
			continue
		}
		switch value := spoken(d.text(d.ev.params[i+1])); {
		case value == nil:
		case len(*to) > 0 && !bytes.EqualFold(*to, value):
			t.torn = true
		default:
			set(to, value)
		}
	}
}

// proof returns the names of a token that are one person's, once more of them are known than were told; nil for none.
// Without a SID nothing is proven: an account may be named anew, and its old name be given to somebody else.
func (a *adfs) proof(t *thread) [][]byte {
	if t.torn || len(t.sid) == 0 || t.of != 500 && !t.good {
		return nil
	}
	all := append(a.same[:0], t.sid)
	for _, name := range [...][]byte{t.sam, t.name} {
		if len(name) > 0 {
			all = append(all, name)
		}
	}
	if len(all) < 2 || len(all) <= t.proved {
		return nil
	}
	t.proved = len(all)
	return all
}
