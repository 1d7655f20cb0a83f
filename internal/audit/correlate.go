package audit

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// A Setup is what a correlation must know beside the logons and the events.
type Setup struct {
	Identities *Identities
	Gateways   []Gateway // that are declared; those of which logs were read need not be
	Proxied    Proxied
	Sources    []Source // the logs of MFA gateways that were read
	Seen       []Seen
	Passes     []Pass
	Sessions   []SessionPlace
	Trusts     []Trust
	Habits     []Habit                  // of all days that are judged
	Clocks     map[string]*Clock        // those that are wrong, by id of the gateway; nil to find that out
	Blind      map[string][]signin.Span // per server: when its own log of logons was not read
	From, To   int64                    // logons of this time are judged, Unix milliseconds; To is behind it
	Judged     func(*Verdict)           // called for each, by time; the Verdict is the caller's
	Record     func(*rules.Record)      // called for each logon, event and blind spot of the period; the Record is lent
	Heard      func(*Heard)             // called for each event of the period that a gateway has of a user; it is lent
	Inside     []netip.Prefix           // the organisation's addresses, of events
}

// How a silence that is a failure is told from one that is not.
const (
	silenceIs  = 30 * time.Minute // M-02
	silenceOf  = 3                // events in the median hour of its day
	skewWithin = 30 * time.Minute
)

// A Correlator joins logons with the events of gateways: an outer join, since a bypass is mostly an event that is not
// there. It is fed hour after hour, so that its memory depends on some hours and not on the period, and what it says is
// the same for any length of the hours. It serves one goroutine.
type Correlator struct {
	set      Setup
	gateways []gateway
	byKind   map[signin.Kind][]int
	ofApp    map[appKey]int           // which gateway an event belongs to; -1 for none
	kinds    map[signin.Kind]Coverage // of all logs of a kind
	apps     map[appKey]bool          // of which logs tell; nil until it is asked for
	before   int64                    // the longest of all gateways, milliseconds
	lag      int64                    // so much later must be known before a logon is judged
	life     int64                    // the longest session

	ways    map[*Way]*way
	guards  map[string]*protection
	people  map[*Person]int32 // numbers, for keys
	nobody  map[string]int32  // of accounts that are not certain
	clients map[string]int32

	blindSpans map[string][]signin.Span

	grown, kept int // records: since the last time that old ones were let go of, and what was left then

	began    int64 // the first instant that was fed
	fed      int64 // the first that was not
	sessions map[sessionKey]*session
	pending  []item
	events   map[int32][]*event // by person, by time
	marks    []mark             // logons at protected entry points, by time
	from     map[origin][]mark  // the same by person and address
	address  map[newness]int64  // the last request of a session that was let in, by address
	client   map[newness]int64  // and by client
	told     map[eventKey]*event
	places   places
	trusted  trusted
	unissued map[string]bool     // of the hour at hand
	opened   map[string]*opened  // sessions of identity providers
	askings  []asking            // by time
	met      map[origin][]int64  // when somebody got through, by person and address
	watched  map[hourOf]*watched // of hours of which not all logons are judged
}

type way struct {
	who    int32
	match  Match
	client int32
	guard  *protection
}

type sessionKey struct {
	who, client, guard int32
	address            netip.Addr
	auth               signin.Auth
}

// A session is requests of one person with one client from one address, with no pause longer than its life.
type session struct {
	last  int64
	since int64
	let   bool // what is known of its logon does not speak against it
}

// A newness is what a session of a person may have shown already: an address, or a client.
type newness struct {
	who, guard, client int32
	address            netip.Addr
}

// An item is a logon, or the requests that follow one, until it is judged.
type item struct {
	use     Use
	t, end  int64
	way     *way
	session *session
	logon   bool
	exact   bool
}

type mark struct {
	t     int64
	who   int32
	addr  netip.Addr
	guard *protection
}

// An origin is where somebody logs on from. Of one person there can be very many: anybody has as many addresses as an IPv6
// network, and each of a person's events is held against the logons from its own.
type origin struct {
	who  int32
	addr netip.Addr
}

// NewCorrelator returns a correlator. Feed it from Margin before the period that is judged to Margin behind it.
func NewCorrelator(s Setup) *Correlator {
	c := &Correlator{set: s, byKind: map[signin.Kind][]int{}, kinds: map[signin.Kind]Coverage{}, ofApp: map[appKey]int{}, ways: map[*Way]*way{}, guards: map[string]*protection{}, people: map[*Person]int32{}, nobody: map[string]int32{},
		clients: map[string]int32{}, sessions: map[sessionKey]*session{}, events: map[int32][]*event{}, from: map[origin][]mark{}, address: map[newness]int64{}, client: map[newness]int64{},
		lag: skewWithin.Milliseconds(), life: DefaultSession.Milliseconds(), told: map[eventKey]*event{}, met: map[origin][]int64{}, watched: map[hourOf]*watched{}, blindSpans: map[string][]signin.Span{}}
	for server, spans := range s.Blind {
		c.blindSpans[shortName(server)] = append(c.blindSpans[shortName(server)], spans...)
	}
	for _, g := range s.Gateways {
		c.gateways = append(c.gateways, gateway{Gateway: g, Declared: true})
	}
	for k := range signin.Kind(len(signin.Words("kind"))) {
		read := slices.ContainsFunc(s.Sources, func(x Source) bool { return x.Kind == k })
		if k.Factors() && read && !slices.ContainsFunc(s.Gateways, func(g Gateway) bool { return g.Kind == k }) {
			c.gateways = append(c.gateways, gateway{Gateway: DefaultGateway(k)})
		}
	}
	for i := range c.gateways {
		g := &c.gateways[i]
		g.atProxy(&s.Proxied)
		g.known, g.maybe, g.habit, g.usual = map[int32]bool{}, map[int32]bool{}, map[int64]int{}, map[int64]bool{}
		g.stats.Outcomes = map[signin.FactorOutcome]int64{}
		g.cover = coverOf(&g.Gateway, s.Sources)
		for k := range s.Sources {
			if s.Sources[k].Kind == g.Kind && g.told(s.Sources[k].Applications) {
				g.logs++
			}
		}
		c.byKind[g.Kind] = append(c.byKind[g.Kind], i)
		c.before = max(c.before, g.Before.Milliseconds())
		c.lag = max(c.lag, g.After.Milliseconds())
		c.life = max(c.life, g.Session.Milliseconds())
	}
	for _, seen := range s.Seen {
		if i := c.gatewayOf(seen.Kind, seen.Application, ""); i >= 0 {
			g := &c.gateways[i]
			m := s.Identities.Who(seen.User, g.UserForm)
			if m.Person != nil {
				g.known[c.number(m.Person)] = true
				for _, p := range s.Identities.Namesakes(m.Person) {
					g.maybe[c.number(p)] = true
				}
			}
			for _, p := range m.Candidates {
				g.maybe[c.number(p)] = true
			}
		}
	}
	c.learnPlaces(s.Passes)
	c.learnSessions(s.Sessions)
	c.learnTrusts(s.Trusts)
	for _, h := range s.Habits {
		if i := c.gatewayOf(h.Kind, h.Application, ""); i >= 0 {
			c.gateways[i].habit[h.Hour] += h.Events
		}
	}
	for i := range c.gateways {
		g := &c.gateways[i]
		g.learn()
		if g.clock = s.Clocks[g.ID]; s.Clocks == nil && len(g.Entries) > 0 {
			g.timing = newTiming(len(g.known))
		}
	}
	return c
}

// Margin is how much more than the period must be fed, before and behind it, in milliseconds.
func (c *Correlator) Margin() (before, after int64) {
	return c.life + c.before + c.lag, c.lag
}

// Knows lists the ids of the gateways that ever told of a person something that is more than a wrong password.
func (c *Correlator) Knows(p *Person) (ids []string) {
	n, ok := c.people[p]
	for i := range c.gateways {
		if ok && c.gateways[i].known[n] {
			ids = append(ids, c.gateways[i].ID)
		}
	}
	return ids
}

// number is what stands for a person in keys; it never reaches an answer.
func (c *Correlator) number(p *Person) int32 {
	n, ok := c.people[p]
	if !ok {
		n = int32(len(c.people) + len(c.nobody))
		c.people[p] = n
	}
	return n
}

// Feed takes what happened next. Hours follow each other; time that is left out is time in which nothing happened.
func (c *Correlator) Feed(h Hour) {
	if c.fed == 0 {
		c.began = h.From
	}
	c.fed, c.unissued = h.To, h.Unissued
	c.takeEvents(h.Events)
	c.takeUses(h.Uses)
	for i := range c.gateways {
		if k := c.gateways[i].timing; k != nil {
			k.advance()
		}
	}
	c.advance(c.fed - c.lag)
	// What is too old is never asked for. It is let go of when there is as much again, so that doing so costs no more than
	// what it is about.
	if c.grown += len(h.Uses) + len(h.Events); c.grown > c.kept {
		c.forget(c.fed - c.lag)
		c.grown, c.kept = 0, len(c.sessions)+len(c.address)+len(c.client)+len(c.told)+len(c.marks)
	}
}

// Close judges what is left, and returns what is known of the gateways.
func (c *Correlator) Close() []GatewayReport {
	c.advance(1<<63 - 1)
	return c.report()
}

// Correlate is what a Correlator says of all that is given, judged by time. set.Judged is not needed; Seen, Passes, Sessions,
// Trusts, Habits and the period are taken from what is given where they are not set.
func Correlate(set Setup, uses []Use, events []signin.MFAEvent) ([]Verdict, []GatewayReport) {
	var all []Verdict
	set.Judged = func(v *Verdict) { all = append(all, *v) }
	if set.To == 0 {
		set.From, set.To = -1<<62, 1<<62
	}
	if set.Seen == nil {
		set.Seen = SeenIn(events)
	}
	if set.Passes == nil {
		set.Passes = PassesIn(events)
	}
	if set.Sessions == nil {
		set.Sessions = SessionsIn(events)
	}
	if set.Trusts == nil {
		set.Trusts = TrustsIn(events)
	}
	if set.Habits == nil {
		set.Habits = HabitsIn(events)
	}
	h := Hour{From: 1<<63 - 1, Uses: uses, Events: events, Unissued: UnissuedIn(events)}
	for i := range uses {
		h.From, h.To = min(h.From, uses[i].First), max(h.To, uses[i].Last+1)
	}
	for i := range events {
		h.From, h.To = min(h.From, events[i].Time), max(h.To, events[i].Time+1)
	}
	if set.Clocks == nil {
		dry := set
		dry.Judged, dry.Record, dry.Heard = nil, nil, nil
		c := NewCorrelator(dry)
		c.Feed(h)
		c.Close()
		set.Clocks = c.Clocks()
	}
	c := NewCorrelator(set)
	c.Feed(h)
	return all, c.Close()
}

// wayOf looks up whose way it is, and what guards it.
func (c *Correlator) wayOf(w *Way) *way {
	if have := c.ways[w]; have != nil {
		return have
	}
	out := &way{match: c.set.Identities.Who(w.Account, AnyForm), guard: c.guard(w.Entry, w.Server, w.Backend, w.Internal)}
	if out.match.Person != nil {
		out.who = c.number(out.match.Person)
	} else {
		out.who = c.stranger(w.Account)
	}
	n, ok := c.clients[w.Client]
	if !ok {
		n = int32(len(c.clients))
		c.clients[w.Client] = n
	}
	out.client = n
	c.ways[w] = out
	return out
}

const (
	hourMs   = int64(time.Hour / time.Millisecond)
	minuteMs = int64(time.Minute / time.Millisecond)
)

// takeUses finds the logons: requests with none of the same session within its life before them.
func (c *Correlator) takeUses(uses []Use) {
	type place struct {
		first int64
		i     int32
	}
	order := make([]place, len(uses))
	for i := range uses {
		order[i] = place{uses[i].First, int32(i)}
	}
	slices.SortFunc(order, func(a, b place) int {
		if a.first != b.first {
			return cmp.Compare(a.first, b.first)
		}
		return compareUses(&uses[a.i], &uses[b.i])
	})
	from := len(c.pending)
	c.pending = slices.Grow(c.pending, len(uses))
	for _, p := range order {
		u := &uses[p.i]
		w := c.wayOf(u.Way)
		key := sessionKey{who: w.who, client: w.client, guard: w.guard.index, address: u.Address}
		u.runs(w.guard.session, func(start, end int64, exact bool) {
			if w.guard.declared {
				key.auth = u.Way.Auth // nothing asks there: a second way to prove who one is is a logon of its own
			}
			s := c.sessions[key]
			logon := s == nil || start-s.last > w.guard.session
			if logon {
				s = &session{since: start}
				c.sessions[key] = s
			}
			s.last = max(s.last, end)
			c.pending = append(c.pending, item{use: *u, t: start, end: end, way: w, session: s, logon: logon, exact: exact})
		})
	}
	slices.SortStableFunc(c.pending[from:], func(a, b item) int { return cmp.Compare(a.t, b.t) })
	for i := from; i < len(c.pending); i++ {
		if it := &c.pending[i]; it.logon && !it.way.guard.declared {
			m := mark{it.t, it.way.who, it.use.Address, it.way.guard}
			c.marks = append(c.marks, m)
			o := origin{m.who, m.addr}
			c.from[o] = append(c.from[o], m)
			c.timeLogon(it)
		}
	}
}

func compareUses(a, b *Use) int {
	return cmp.Or(strings.Compare(a.Way.Account, b.Way.Account), cmp.Compare(a.Way.Entry, b.Way.Entry), strings.Compare(a.Way.Server, b.Way.Server),
		strings.Compare(a.Way.Client, b.Way.Client), a.Address.Compare(b.Address), cmp.Compare(a.Last, b.Last), cmp.Compare(a.Minutes, b.Minutes), compareFlags(a.Way, b.Way))
}

func compareFlags(a, b *Way) int {
	bits := func(w *Way) (n int) {
		if w.Internal {
			n = 1
		}
		if w.Backend {
			n += 2
		}
		if w.Privileged {
			n += 4
		}
		return n
	}
	return cmp.Or(cmp.Compare(bits(a), bits(b)), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Auth, b.Auth), cmp.Compare(a.Mechanism, b.Mechanism), cmp.Compare(a.Evidence, b.Evidence))
}

// runs cuts the use of an hour where it pauses for longer than a session lives. The first request is exact to the
// millisecond; of others only the minute is known.
func (u *Use) runs(life int64, do func(start, end int64, exact bool)) {
	if life >= hourMs {
		do(u.First, u.Last, true)
		return
	}
	hour := u.First - u.First%hourMs
	start, end, exact := u.First, u.First, true
	for m := range int64(60) {
		at := hour + m*minuteMs
		if u.Minutes&(1<<m) == 0 || at <= u.First {
			continue
		}
		if at-end > life {
			do(start, end, exact)
			start, exact = at, false
		}
		end = min(at, u.Last)
	}
	do(start, max(start, end), exact)
}

// forget lets go of what no logon behind an instant needs.
func (c *Correlator) forget(before int64) {
	for k, s := range c.sessions {
		if s.last < c.fed-c.life {
			delete(c.sessions, k)
		}
	}
	for _, seen := range []map[newness]int64{c.address, c.client} {
		for k, last := range seen {
			if last < before-c.life {
				delete(seen, k)
			}
		}
	}
	for k, e := range c.told {
		if e.Time < c.fed-toldWithin.Milliseconds() {
			delete(c.told, k)
		}
	}
	old := before - max(c.before, c.lag)
	c.forgetMet(old)
	for who, list := range c.events {
		if n := slices.IndexFunc(list, func(e *event) bool { return e.Time >= old }); n < 0 {
			delete(c.events, who)
		} else if n > 0 {
			c.events[who] = slices.Clone(list[n:])
		}
	}
	for o, list := range c.from {
		if n := slices.IndexFunc(list, func(m mark) bool { return m.t >= old }); n < 0 {
			delete(c.from, o)
		} else if n > 0 {
			c.from[o] = slices.Clone(list[n:])
		}
	}
	n, _ := slices.BinarySearchFunc(c.marks, old, func(m mark, t int64) int { return cmp.Compare(m.t, t) })
	c.marks = slices.Clone(c.marks[n:])
	for i := range c.gateways {
		g := &c.gateways[i]
		n, _ := slices.BinarySearch(g.times, old)
		g.times = slices.Clone(g.times[n:])
	}
}
