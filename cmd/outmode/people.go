package main

import (
	"slices"
	"strings"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// A person is what an account that signed in did, as bits: there may be many, and most are never
// printed one by one.
type person struct {
	name          string   // what findings call the account
	forms         []string // as logged: POP and IMAP add a shared mailbox to the account
	service       bool
	protocols     uint32 // a bit for each signin.Protocol
	auths         uint32
	basicOn       uint32 // the protocols on which it used Basic, where a switch can refuse that
	clients       []string
	count         int64
	first, last   int64
	basic, onPrem int64 // sign-ins that AllowBasicAuth* and BlockLegacyAuth* would refuse
	unknown       int64 // sign-ins of which no log says how
	lastBasic     int64
}

// people are the accounts with a successful sign-in, in the order of their first one.
type people []person

func newPeople(rows []signin.Usage) people {
	var ps people
	at, known := map[string]int{}, map[*signin.Account]int{}
	for i := range rows {
		u := &rows[i]
		if u.Outcome != signin.Success {
			continue
		}
		n, ok := known[u.Account]
		if !ok {
			name := rules.Subject(u.Account)
			if n, ok = at[name]; !ok {
				n = len(ps)
				at[name] = n
				ps = append(ps, person{name: name, first: u.First})
			}
			known[u.Account] = n
			ps[n].forms = append(ps[n].forms, u.Account.Key)
		}
		ps[n].add(u)
	}
	return ps
}

func (p *person) add(u *signin.Usage) {
	p.count += u.Count
	p.first, p.last = min(p.first, u.First), max(p.last, u.Last)
	p.protocols |= 1 << u.Protocol
	p.auths |= 1 << u.Auth
	if !slices.Contains(p.clients, u.Client) {
		p.clients = append(p.clients, u.Client)
	}
	if u.Auth == signin.UnknownAuth {
		p.unknown += u.Count
	}
	p.service = p.service || u.Traffic == signin.Service
	if signin.LegacyOnPrem(u.Kind, u.Protocol, u.Auth) {
		p.onPrem += u.Count
	}
	if signin.LegacyEXO(u.Protocol, u.Auth) {
		p.basic += u.Count
		p.lastBasic = max(p.lastBasic, u.Last)
		p.basicOn |= 1 << u.Protocol
	}
}

// words are the names of the bits that are set.
func words(bits uint32, field string) []string {
	out := []string{}
	for _, i := range bitsOf(bits) {
		out = append(out, signin.Words(field)[i])
	}
	return out
}

// list is the people as JSON tells them, by account.
func (ps people) list() []account {
	out := make([]account, 0, len(ps))
	for i := range ps {
		p := &ps[i]
		clients := slices.Sorted(slices.Values(p.clients))
		traffic := signin.User
		if p.service {
			traffic = signin.Service
		}
		out = append(out, account{User: p.name, Forms: slices.Sorted(slices.Values(p.forms)), Traffic: traffic.String(), Protocols: words(p.protocols, "protocol"), Auths: words(p.auths, "auth"),
			Clients: clients, LegacyEXO: p.basic > 0, LegacyOnPrem: p.onPrem > 0, Count: p.count, First: rfc3339(p.first), Last: rfc3339(p.last)})
	}
	slices.SortFunc(out, func(a, b account) int { return strings.Compare(a.User, b.User) })
	return out
}
