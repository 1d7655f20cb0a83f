package main

import (
	"slices"
	"strings"

	"github.com/outmode/outmode/internal/signin"
)

// A person is what an account that signed in did, as bits: there may be many, and most are never
// printed one by one.
type person struct {
	account       *signin.Account
	protocols     uint32 // a bit for each signin.Protocol
	auths         uint32
	basicOn       uint32 // the protocols on which it used Basic, where a switch can refuse that
	clients       []string
	count         int64
	first, last   int64
	basic, onPrem int64 // sign-ins that AllowBasicAuth* and BlockLegacyAuth* would refuse
	lastBasic     int64
}

// people are the accounts with a successful sign-in, in the order of their first one.
type people []person

func newPeople(rows []signin.Usage) people {
	var ps people
	at := map[*signin.Account]int{}
	for i := range rows {
		u := &rows[i]
		if u.Outcome != signin.Success {
			continue
		}
		n, ok := at[u.Account]
		if !ok {
			n = len(ps)
			at[u.Account] = n
			ps = append(ps, person{account: u.Account, first: u.First})
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
	if signin.LegacyOnPrem(u.Protocol, u.Auth) {
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
		out = append(out, account{User: p.account.Key, Forms: []string{p.account.Key}, Protocols: words(p.protocols, "protocol"), Auths: words(p.auths, "auth"),
			Clients: clients, LegacyEXO: p.basic > 0, LegacyOnPrem: p.onPrem > 0, Count: p.count, First: rfc3339(p.first), Last: rfc3339(p.last)})
	}
	slices.SortFunc(out, func(a, b account) int { return strings.Compare(a.User, b.User) })
	return out
}
