package audit

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/outmode/outmode/internal/signin"
)

// A SessionPlace is where a session of an identity provider was used on one platform, and when first.
type SessionPlace struct {
	Session  string
	Platform signin.Platform // NoPlatform where it is not known
	Address  netip.Addr
	First    int64 // Unix milliseconds
	Passed   bool  // a second factor was passed there, ever
}

// maxSessionPlaces is how many places of a session are told apart. Of one with more nothing is said.
const maxSessionPlaces = 64

// SessionPlaces are those of one session.
type SessionPlaces struct {
	Session string
	at      map[usedAt]SessionPlace
	on      signin.Platform // the first one that was met
	moved   bool            // it was used on several
}

type usedAt struct {
	platform signin.Platform
	address  netip.Addr
}

// Add adds an event of the session.
func (s *SessionPlaces) Add(e *signin.MFAEvent) {
	key := usedAt{e.Platform, e.Address}
	p, known := s.at[key]
	switch {
	case !known && len(s.at) > maxSessionPlaces:
		return
	case !known:
		if s.at == nil {
			s.at = map[usedAt]SessionPlace{}
		}
		p = SessionPlace{Session: s.Session, Platform: e.Platform, Address: e.Address, First: e.Time}
	}
	p.First, p.Passed = min(p.First, e.Time), p.Passed || e.Outcome == signin.FactorPassed
	s.at[key] = p
	if s.on == signin.NoPlatform {
		s.on = e.Platform
	}
	s.moved = s.moved || e.Platform != signin.NoPlatform && e.Platform != s.on
}

// AppendTo appends the places, if the session was used on several platforms and they could all be told apart.
func (s *SessionPlaces) AppendTo(all []SessionPlace) []SessionPlace {
	if !s.moved || len(s.at) > maxSessionPlaces {
		return all
	}
	for _, p := range s.at {
		all = append(all, p)
	}
	return all
}

// SessionsIn lists the places of the sessions that some events tell of, as far as they were used on several platforms.
func SessionsIn(events []signin.MFAEvent) (all []SessionPlace) {
	sessions := map[string]*SessionPlaces{}
	for i := range events {
		e := &events[i]
		if e.Session == "" {
			continue
		}
		if sessions[e.Session] == nil {
			sessions[e.Session] = &SessionPlaces{Session: e.Session}
		}
		sessions[e.Session].Add(e)
	}
	for _, s := range sessions {
		all = s.AppendTo(all)
	}
	return all
}

// An opened is where a session was opened, as far as is known, and where else it is its owner's.
type opened struct {
	at        int64 // when; what is told of the same instant belongs to nobody
	platforms map[signin.Platform]bool
	networks  map[netip.Prefix]bool
}

// learnSessions finds out where sessions were opened. Like the places of people they are known before anything is judged.
func (c *Correlator) learnSessions(all []SessionPlace) {
	c.opened = map[string]*opened{}
	all = slices.Clone(all) // the caller's
	slices.SortFunc(all, func(a, b SessionPlace) int {
		return cmp.Or(strings.Compare(a.Session, b.Session), cmp.Compare(a.First, b.First))
	})
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].Session == all[0].Session {
			n++
		}
		if s := openedAt(all[:n]); s != nil {
			c.opened[all[0].Session] = s
		}
		all = all[n:]
	}
}

// openedAt reads the places of one session, by time. It is opened at the first one of which the platform is known; all
// that was before or at the same time belongs to it, and so does wherever its owner passed a second factor. It returns nil
// where one of these has no address: any other may be the same.
func openedAt(places []SessionPlace) *opened {
	i := slices.IndexFunc(places, func(p SessionPlace) bool { return p.Platform != signin.NoPlatform })
	if i < 0 {
		return nil
	}
	s := &opened{at: places[i].First, platforms: map[signin.Platform]bool{}, networks: map[netip.Prefix]bool{}}
	for _, p := range places {
		if p.First > s.at && !p.Passed {
			continue
		}
		if !located(p.Address) {
			return nil
		}
		s.platforms[p.Platform] = true
		s.networks[networkOf(p.Address)] = true
	}
	return s
}

// networkOf is the network that an address is in, as small as providers give them to one customer.
func networkOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 24
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

// replayed reports whether the session of an event was opened on another platform and in another network, and nobody
// passed a second factor in it here. Networks change under a telephone, programs on a computer; a session that is on
// another computer elsewhere was carried there.
func (c *Correlator) replayed(e *event) bool {
	s := c.opened[e.Session]
	return s != nil && e.Platform != signin.NoPlatform && located(e.Address) && e.Time > s.at && !s.platforms[e.Platform] && !s.networks[networkOf(e.Address)]
}
