package main

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
)

// An mfaWords says of a sign-in what is said of the logon that its session began with. It is filled first and asked then:
// by several goroutines.
type mfaWords struct {
	people  map[string]string // who an account is, where that is certain
	logons  map[wordKey][]wordAt
	servers map[string]int32
}

// A wordKey is what the requests of a session share, whichever of the servers with the same gateways they reach.
type wordKey struct {
	who, client string
	address     netip.Addr
	entry       signin.Protocol // OWA of ECP too
	online      bool
}

type wordAt struct {
	time   int64
	server int32
	mfa    signin.MFA
}

func newMFAWords() *mfaWords {
	return &mfaWords{people: map[string]string{}, logons: map[wordKey][]wordAt{}, servers: map[string]int32{}}
}

// add takes what is said of a logon. Logons come by time.
func (w *mfaWords) add(v *audit.Verdict) {
	key := wordKey{v.Account, v.Way.Client, v.Address, entryOf(v.Way.Entry), v.Way.Server == audit.ExchangeOnline}
	if v.Person != nil {
		key.who = v.Person.Name
	}
	server, ok := w.servers[v.Way.Server]
	if !ok {
		server = int32(len(w.servers))
		w.servers[v.Way.Server] = server
	}
	w.logons[key] = append(w.logons[key], wordAt{v.Time, server, v.MFA})
}

// know takes who the accounts of the rows are.
func (w *mfaWords) know(rows []signin.Usage, who *audit.Identities) {
	for i := range rows {
		if m := who.Who(rows[i].Account.Key, audit.AnyForm); m.Person != nil {
			w.people[rows[i].Account.Key] = m.Person.Name
		}
	}
}

func entryOf(p signin.Protocol) signin.Protocol {
	if p == signin.ECP {
		return signin.OWA
	}
	return p
}

// of is the word for a sign-in: that of the last logon before it, of its own server if that has one that is not older than
// a session may be.
func (w *mfaWords) of(s *signin.SignIn) signin.MFA {
	if s.Outcome != signin.Success {
		return signin.MFAUnknown // nobody logged on
	}
	key := wordKey{cmp.Or(w.people[s.Account.Key], s.Account.Key), s.Client.Family, s.Address.IP, entryOf(s.Protocol), s.Facts.Kind.Cloud()}
	logons := w.logons[key]
	n, _ := slices.BinarySearchFunc(logons, s.Facts.Time+1, func(l wordAt, t int64) int { return cmp.Compare(l.time, t) })
	if n == 0 {
		return signin.MFAUnknown
	}
	server, known := w.servers[s.Server]
	for i := n - 1; known && i >= 0 && s.Facts.Time-logons[i].time <= audit.DefaultSession.Milliseconds(); i-- {
		if logons[i].server == server {
			return logons[i].mfa
		}
	}
	return logons[n-1].mfa
}
