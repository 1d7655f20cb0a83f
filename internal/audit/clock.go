package audit

import (
	"cmp"
	"hash/fnv"
	"slices"
	"time"

	"github.com/outmode/outmode/internal/signin"
)

// A Clock is by how much the times of a gateway's log are wrong, where that is more than its window allows: its clock is,
// or its log writes times of a zone that nobody declared. Milliseconds, ahead of the time of logons; 0 where it is right.
type Clock struct {
	Days  map[int64]int64 // days since 1970 of which enough is known
	Else  int64           // of all others
	Mixed map[int64]int64 // days on which it is right for some and wrong for others: of one server, or of an hour
}

// Off is by how much it is wrong at an instant in Unix milliseconds.
func (k *Clock) Off(t int64) int64 {
	if d, ok := k.Days[t/(24*hourMs)]; ok {
		return d
	}
	return k.Else
}

// Doubt is by how much it may be wrong at an instant for some, in milliseconds: what is not there may be elsewhere.
func (k *Clock) Doubt(t int64) int64 { return cmp.Or(k.Off(t), k.Mixed[t/(24*hourMs)]) }

const (
	clockReach  = int64(14 * 60) // minutes: no zone is farther from UTC
	clockPeople = 4096           // of so many of its people a gateway's clock is judged
	clockEach   = 16             // logons and events of one person that are held against each other
	clockPairs  = 5              // it takes so many to speak of a clock
	clockBlur   = 5              // minutes: people take their time
)

// A timing holds each event of a person against each logon within the reach. Where clocks agree, one difference, of a
// minute or so, is by far the commonest; where they do not, another one is. Nearer events alone would not show it: within
// half an hour there may be none.
type timing struct {
	share  uint64 // of so many people one is looked at
	people map[int32]*meetings
	days   map[int64]*differences // by the day of the logon
	queue  []sighting             // of what is fed at once
}

// A sighting is an event of a person, or a logon.
type sighting struct {
	t     int64
	who   int32
	event bool
}

// meetings are the last logons and events of a person, Unix milliseconds, and the differences that count already: of each
// few minutes of a day one, so that nobody makes a clock wrong alone.
type meetings struct {
	logons, events []int64
	counted        map[[2]int64]bool
}

// differences count pairs by the minutes from logon to event.
type differences struct {
	pairs [2*clockReach + 1]int32
	total int64
}

func newTiming(people int) *timing {
	return &timing{share: uint64(people/clockPeople + 1), people: map[int32]*meetings{}, days: map[int64]*differences{}}
}

// of returns what is known of a person, nil if this one is not looked at. Which people are does not depend on any order.
func (k *timing) of(p *Person, n int32) *meetings {
	m := k.people[n]
	if m == nil {
		h := fnv.New64a()
		_, _ = h.Write([]byte(p.Name))
		if h.Sum64()%k.share == 0 {
			m = &meetings{}
			k.people[n] = m
		}
	}
	return m
}

func (k *timing) see(p *Person, s sighting) {
	if k.of(p, s.who) != nil {
		k.queue = append(k.queue, s)
	}
}

// advance pairs what was seen, in the order of time.
func (k *timing) advance() {
	slices.SortFunc(k.queue, func(a, b sighting) int { return cmp.Or(cmp.Compare(a.t, b.t), cmp.Compare(a.who, b.who)) })
	for _, s := range k.queue {
		m := k.people[s.who]
		if s.event {
			m.events = recent(m.events, s.t)
			for _, l := range m.logons {
				k.pair(m, l, s.t)
			}
			continue
		}
		m.logons = recent(m.logons, s.t)
		for _, e := range m.events {
			k.pair(m, s.t, e)
		}
	}
	k.queue = k.queue[:0]
}

func recent(all []int64, t int64) []int64 {
	drop := max(0, len(all)+1-clockEach)
	for drop < len(all) && t-all[drop] > 2*clockReach*minuteMs {
		drop++
	}
	return append(all[drop:], t)
}

func (k *timing) pair(m *meetings, logon, event int64) {
	d := (event-logon)/minuteMs + clockReach
	if event < logon {
		d = clockReach - (logon-event+minuteMs-1)/minuteMs
	}
	if d < 0 || d > 2*clockReach {
		return
	}
	day := logon / (24 * hourMs)
	if once := [2]int64{day, d / clockBlur}; m.counted[once] {
		return
	} else if m.counted == nil || len(m.counted) >= clockEach*clockEach {
		m.counted = map[[2]int64]bool{once: true}
	} else {
		m.counted[once] = true
	}
	if k.days[day] == nil {
		k.days[day] = &differences{}
	}
	k.days[day].pairs[d]++
	k.days[day].total++
}

// judge tells what is wrong with a clock, nil if nothing is known to be.
func (k *timing) judge(g *Gateway) *Clock {
	var all differences
	c := &Clock{Days: map[int64]int64{}, Mixed: map[int64]int64{}}
	wrong := false
	for day, d := range k.days {
		for i, n := range d.pairs {
			all.pairs[i] += n
		}
		all.total += d.total
		switch skew, mixed, known := d.skew(g); {
		case known && mixed:
			c.Days[day], c.Mixed[day] = 0, skew
			wrong = true
		case known:
			c.Days[day] = skew
			wrong = wrong || skew != 0
		}
	}
	if skew, mixed, known := all.skew(g); known && !mixed {
		c.Else = skew
		wrong = wrong || skew != 0
	}
	if !wrong {
		return nil
	}
	return c
}

// skew is the commonest difference in milliseconds, 0 if it lies in the window of the gateway; it is known if there are
// enough pairs and it stands out. mixed: it is that of many, and others lie in the window.
func (d *differences) skew(g *Gateway) (ms int64, mixed, known bool) {
	from, to := clockReach-int64(g.Before/time.Minute)-1, clockReach+int64(g.After/time.Minute)+1
	var within, most int64
	at := int64(-1)
	sum := int64(0)
	for i := range int64(len(d.pairs)) {
		sum += int64(d.pairs[i])
		if i >= clockBlur {
			sum -= int64(d.pairs[i-clockBlur])
		}
		if from <= i && i <= to {
			within += int64(d.pairs[i])
		}
		if first := max(0, i-clockBlur+1); (i < from || first > to) && sum > most {
			most, at = sum, first
		}
	}
	level := d.total * clockBlur / int64(len(d.pairs)) // what chance makes of it
	switch out := most >= clockPairs && most > 5*level; {
	case out && 4*most > within:
		middle := at // the fullest minute
		for i := at; i < min(at+clockBlur, int64(len(d.pairs))); i++ {
			if d.pairs[i] > d.pairs[middle] {
				middle = i
			}
		}
		return zoned(middle-clockReach) * minuteMs, most <= 3*within, true
	case within >= clockPairs && within >= most:
		return 0, false, true
	}
	return 0, false, false
}

// zoned is a difference of two zones where it is as good as one: they are quarters of an hour apart.
func zoned(minutes int64) int64 {
	const quarter, near = 15, 2
	if off := ((minutes+near)%quarter + quarter) % quarter; off <= 2*near {
		return minutes + near - off
	}
	return minutes
}

// Clocks returns the clocks that turn out to be wrong, by the id of their gateway: what was judged must be judged again with
// them in the Setup. It is for behind Close, and of no use where they were in the Setup.
func (c *Correlator) Clocks() map[string]*Clock {
	all := map[string]*Clock{}
	for i := range c.gateways {
		if g := &c.gateways[i]; g.timing != nil {
			if k := g.timing.judge(&g.Gateway); k != nil {
				all[g.ID] = k
			}
		}
	}
	return all
}

// timeEvent holds an event that says something of a logon against the person's logons.
func (c *Correlator) timeEvent(g *gateway, e *signin.MFAEvent, p *Person) {
	if g.timing == nil || p == nil {
		return
	}
	if _, ok := good(e.Outcome); ok || refused(e.Outcome) {
		g.timing.see(p, sighting{e.Time, c.number(p), true})
	}
}

// timeLogon holds a logon against the person's events.
func (c *Correlator) timeLogon(it *item) {
	if p := it.way.match.Person; p != nil && it.exact {
		for _, i := range it.way.guard.gateways {
			if g := &c.gateways[i]; g.timing != nil {
				g.timing.see(p, sighting{it.t, it.way.who, false})
			}
		}
	}
}

// doubted is by how much the gateway's clock may be wrong for some, see Clock.Doubt.
func (g *gateway) doubted(t int64) int64 {
	if g.clock == nil {
		return 0
	}
	return g.clock.Doubt(t)
}

// wrong is by how much the gateway's clock is known to be wrong at an instant, in milliseconds.
func (g *gateway) wrong(t int64) int64 {
	if g.clock == nil {
		return 0
	}
	return g.clock.Off(t)
}
