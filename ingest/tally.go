package ingest

import (
	"cmp"
	"maps"
	"slices"

	"github.com/outmode/outmode/internal/signin"
)

// A tally is what lines add up to: of one worker, or of the whole scan. Adding tallies gives the same
// sum in any order, as long as no bound is reached; see scan.strict for when one is.
type tally struct {
	bounds   bounds
	rows     rowTable
	hits     []*signin.Hits // that rows have; the first is nil
	hitsAt   map[*signin.Hits]uint32
	accounts *accounts
	servers  []string
	serverID map[string]uint16 // by short name
	heard    map[voice]*heard
	minutes  minutes
	ids      map[uint16]*sketch // of request ids, by server
	noise    Causes
	other    Causes
	undated  undatedFactors
	told     int64 // sign-ins that another log tells too
	count    rowCount
	unsplit  int64 // sign-ins that such rules could not judge: there were too many
	over     bool  // a bound was reached

	saidBy  string // the server of the last line
	lastSay voice
	saying  *heard
	lastID  uint16
}

// bounds are how much a tally may hold, whatever a log says.
type bounds struct {
	accounts, refused int
	rows              int // of refused credentials; see rowCount
	minutes           int // of all rules or, in a second reading, of each
	window            func(rule int32) signin.Window
	inOrder           bool           // a bound will be reached: what falls to it goes by the first line
	crowds, strays    func() *crowds // nil in a second reading
}

// Bounds of the whole scan, and of one piece of work where those do not suffice.
const (
	scanAccounts, pieceAccounts = 1 << 17, 1 << 15
	scanRefused, pieceRefused   = 1 << 15, 1 << 13
	scanRows, pieceRows         = 1 << 16, 1 << 14
	scanMinutes, pieceMinutes   = 1 << 15, 1 << 14
	ruleMinutes                 = 1 << 14 // in a second reading, of each rule
)

func newTally(b bounds) *tally {
	return &tally{bounds: b, hits: []*signin.Hits{nil}, hitsAt: map[*signin.Hits]uint32{}, undated: undatedFactors{}, accounts: newAccounts(b.accounts, b.refused), serverID: map[string]uint16{},
		heard: map[voice]*heard{}, minutes: minutes{bounds: b}, ids: map[uint16]*sketch{}}
}

func (t *tally) reset() {
	t.rows.reset()
	t.hits = t.hits[:1]
	clear(t.hitsAt)
	t.accounts.reset()
	clear(t.servers)
	t.servers = t.servers[:0]
	clear(t.serverID)
	clear(t.heard)
	t.saidBy, t.saying = "", nil
	t.minutes = minutes{bounds: t.bounds}
	clear(t.ids)
	t.noise, t.other = nil, nil
	clear(t.undated)
	t.told, t.count, t.unsplit, t.over = 0, rowCount{}, 0, false
}

// empty reports whether nothing was added yet.
func (t *tally) empty() bool {
	return t.rows.n == 0 && len(t.servers) == 0 && len(t.noise) == 0 && len(t.other) == 0 && len(t.undated) == 0 && t.told == 0 && !t.over && len(t.minutes.of) == 0 && t.minutes.crowds == nil
}

// overfull reports whether a bound was reached, so that what was added depends on the order.
func (t *tally) overfull() bool { return t.over || t.accounts.over }

// add adds what o holds. o is of no use afterwards.
func (t *tally) add(o *tally) {
	servers := make([]uint16, len(o.servers))
	for i, name := range o.servers {
		servers[i] = t.server(name)
	}
	users := make(map[uint32]uint32, len(o.accounts.byKey))
	each := o.rows.each
	if t.bounds.inOrder {
		each = o.rows.inOrder
	}
	each(func(r *row) {
		if r.count == 0 {
			return // a row that only decides which rules depend on the line
		}
		k, hits := r.key, o.hits[o.rows.tail(r).hits]
		u, known := users[k.user]
		if refused := k.outcome == signin.Failure; !known || u == otherAccounts || refused {
			u = t.accounts.number(o.accounts.of[k.user], 0, refused)
			users[k.user] = u
		}
		k.user, k.server = u, servers[k.server]
		t.merge(o, r, k, t.placeOf(hits))
	})
	t.unsplit += o.unsplit
	t.minutes.merge(&o.minutes, servers)
	for v, h := range o.heard {
		v.server = servers[v.server]
		if t.heard[v] == nil {
			t.heard[v] = newHeard()
		}
		t.heard[v].merge(h)
	}
	for server, k := range o.ids {
		t.sketch(servers[server]).merge(k)
	}
	t.noise.Merge(o.noise)
	t.other.Merge(o.other)
	t.undated.merge(o.undated)
	t.told += o.told
	t.over = t.over || o.over
}

// merge adds a row of another tally, under the key and the hits that it has here.
func (t *tally) merge(o *tally, r *row, k key, hits uint32) {
	if h := k.hash(); t.rows.find(&k, h) == nil && !t.fits(&k) && !t.crowd(&k, t.hits[hits]) {
		hits = 0
	}
	n := t.rows.n
	t.rows.merge(&o.rows, r, k, hits)
	if t.rows.n > n {
		t.grew(&k)
	}
}

// A rowCount counts the rows that requests of anybody can multiply: those of refused credentials, by
// any name, path and agent, and those that only rules about lines tell apart.
type rowCount struct{ refused, refusedSplit, split int }

// of returns the count that a row of the key adds to and its bound, or nil for a row without one: of
// those who signed in there are as many as the organisation has.
func (c *rowCount) of(k *key, rows int) (count *int, limit int) {
	switch refused := k.outcome == signin.Failure; {
	case refused && k.hits == 0:
		return &c.refused, rows
	case refused:
		return &c.refusedSplit, 2 * rows
	case k.hits != 0:
		return &c.split, 8 * rows
	}
	return nil, 0
}

// fits reports whether there is room for a row of a new key.
func (t *tally) fits(k *key) bool {
	count, limit := t.count.of(k, t.bounds.rows)
	return count == nil || *count < limit
}

func (t *tally) grew(k *key) {
	if count, _ := t.count.of(k, 0); count != nil {
		*count++
	}
}

// crowd makes the key one of which there are few, and reports whether its row can have those hits.
func (t *tally) crowd(k *key, hits *signin.Hits) bool {
	t.over = true
	k.hits = 0
	if k.outcome == signin.Failure {
		k.user, k.family, k.modern = otherAccounts, 0, 0
	}
	if hits == nil {
		return false
	}
	k.hits = hits.ID + 1
	if !t.fits(k) {
		k.hits = 0
		return false
	}
	return true
}

// placeOf is where hits are in the tally's list.
func (t *tally) placeOf(hits *signin.Hits) uint32 {
	if hits == nil {
		return 0
	}
	at, ok := t.hitsAt[hits]
	if !ok {
		at = uint32(len(t.hits))
		t.hits = append(t.hits, hits)
		t.hitsAt[hits] = at
	}
	return at
}

// server numbers a server. Two spellings of one name are one server, shown in the spelling that sorts
// first: the same one whatever order they come in.
func (t *tally) server(name string) uint16 {
	id, ok := t.serverID[short(name)]
	if ok {
		t.servers[id] = min(t.servers[id], name)
		return id
	}
	if len(t.servers) >= maxServers && name != otherServers {
		t.over = true
		return t.server(otherServers)
	}
	id = uint16(len(t.servers))
	t.servers = append(t.servers, name)
	t.serverID[short(name)] = id
	return id
}

// serverOf is server for the next line, which is mostly of the same one.
func (t *tally) serverOf(name string) uint16 {
	if t.saidBy != name || len(t.servers) == 0 {
		t.saidBy, t.lastID = name, t.server(name)
	}
	return t.lastID
}

func (t *tally) sketch(server uint16) *sketch {
	if t.ids[server] == nil {
		t.ids[server] = &sketch{}
	}
	return t.ids[server]
}

// hear notes that a server's log was read for this hour. What a back end logs says nothing about
// its front end.
func (t *tally) hear(s *signin.SignIn) {
	f := s.Facts
	if f.Kind == signin.IIS && (f.ServerPort == 444 || f.ServerPort == 81) {
		return
	}
	if v := (voice{t.serverOf(s.Server), f.Kind}); t.saying == nil || v != t.lastSay {
		t.lastSay = v
		if t.saying = t.heard[v]; t.saying == nil {
			t.saying = newHeard()
			t.heard[v] = t.saying
		}
	}
	t.saying.add(s.Protocol, f.Time)
}

// byServer returns what was heard from one kind of log, by the short name of the server.
func (t *tally) byServer(kind signin.Kind) map[string]*heard {
	by := map[string]*heard{}
	for v, h := range t.heard {
		if v.kind == kind {
			by[short(t.servers[v.server])] = h
		}
	}
	return by
}

// settle decides the rows that waited for IIS: a refusal without a name counts only in an hour of its
// server and protocol in which IIS was not read.
func (t *tally) settle(iis map[string]*heard) {
	if !t.waits() {
		return
	}
	waiting := t.rows
	t.rows = rowTable{}
	waiting.each(func(r *row) {
		if r.key.hour != 0 && iis[short(t.servers[r.key.server])].in(r.key.protocol, r.key.hour) {
			t.told += r.count
			return
		}
		k := r.key
		k.hour = 0
		t.rows.merge(&waiting, r, k, waiting.tail(r).hits)
	})
	t.minutes.settle(func(mk *minuteKey) bool {
		return iis[short(t.servers[mk.server])].in(mk.protocol, int32(mk.minute/60))
	})
}

// waits reports whether a row waits for IIS.
func (t *tally) waits() (waits bool) {
	t.rows.each(func(r *row) { waits = waits || r.key.hour != 0 })
	return waits
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}
