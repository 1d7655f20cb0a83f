package audit

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// advance judges what happened before an instant, in the order of time.
func (c *Correlator) advance(before int64) {
	c.tellAskings(before)
	n := 0
	for n < len(c.pending) && c.pending[n].t < before {
		it := &c.pending[n]
		n++
		if it.logon {
			v := c.judge(it)
			it.session.let = v.MFA != signin.MFAMissing && v.MFA != signin.MFADenied || c.early(it)
			if c.set.From <= v.Time && v.Time < c.set.To {
				if c.set.Judged != nil {
					c.set.Judged(v)
				}
				c.recordLogon(it, v)
			}
		}
		if it.session.let && !it.way.guard.declared {
			c.shown(it)
		}
	}
	c.pending = slices.Clone(c.pending[n:])
	c.recordGateways(before)
}

// early reports whether a logon is so near to the first instant that was fed that its session may be an older one.
func (c *Correlator) early(it *item) bool { return it.session.since < c.began+it.way.guard.session }

// shown notes the address and the client of a session that was let in.
func (c *Correlator) shown(it *item) {
	w := it.way
	a, b := newness{who: w.who, guard: w.guard.index, address: it.use.Address}, newness{who: w.who, guard: w.guard.index, client: w.client}
	c.address[a], c.client[b] = max(c.address[a], it.end), max(c.client[b], it.end)
}

// judge says what the gateways say of a logon.
func (c *Correlator) judge(it *item) *Verdict {
	w, u := it.way, it.use.Way
	v := &Verdict{Time: it.t, Exact: it.exact, Person: w.match.Person, Account: u.Account, Way: u, Address: it.use.Address}
	switch {
	case u.Backend:
		return v.is(signin.MFANotCovered, BackEnd, "", "it reached the back end directly: gateways stand at the front end")
	case w.guard.passed:
		return v.is(signin.MFANotCovered, Unprotected, "", "Web Application Proxy publishes "+u.Entry.String()+" as pass-through: nobody is asked by AD FS there")
	case w.guard.declared:
		return v.is(signin.MFANotCovered, Unprotected, "", "no gateway protects "+u.Entry.String()+" on "+cmp.Or(u.Server, "this server"))
	}
	own, doubtful := c.ownEvent(it)
	if own != nil && c.said(v, own) {
		c.doubtAddress(v, own)
		return v
	}
	for _, i := range w.guard.gateways {
		if g := &c.gateways[i]; g.exempts(w.match.Person, u.Account, it.use.Address) {
			return v.is(signin.MFANotRequired, Exempted, g.ID, g.ID+" does not ask here: the declared policy exempts it")
		}
	}
	if c.goesOn(it) {
		return v.is(signin.MFAUnknown, Roaming, "", "it goes on from a session of this account that is not over, with a new address or a new client: no event is due")
	}
	if len(w.guard.gateways) == 0 {
		return v.is(signin.MFAUnknown, NoGateway, "", "no log of an MFA gateway was read that protects "+u.Entry.String()+", and none is declared")
	}
	c.absent(v, it, own, doubtful)
	if v.MFA == signin.MFAMissing && c.blind(u.Server, it.t-w.guard.session, it.t) {
		v.Doubt = fmt.Sprintf("the log of %s does not reach back over the %s before it: a session may have been opened then", cmp.Or(u.Server, "its server"), spanWords(w.guard.session))
	}
	return v
}

func (v *Verdict) is(m signin.MFA, c Cause, gateway, reason string) *Verdict {
	v.MFA, v.Cause, v.Gateway, v.Reason = m, c, gateway, reason
	return v
}

func spanWords(ms int64) string {
	text := strings.TrimSuffix((time.Duration(ms) * time.Millisecond).String(), "0s")
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// doubtAddress says that a second factor was given elsewhere than the logon came from: a telephone that is asked has its own
// address with few gateways, and a thief has another one than the person who approves.
func (c *Correlator) doubtAddress(v *Verdict, e *event) {
	if v.MFA != signin.MFAPassed && v.MFA != signin.MFARemembered || !located(e.Address) || !located(v.Address) || e.Address == v.Address || v.Way.Internal || c.inside(e.Address) {
		return
	}
	v.Doubt = fmt.Sprintf("it was given for %s, and the logon came from %s: it may be another one of this person, or somebody else's", e.Address, v.Address)
}

// said fills in what an event says, if it says something of a second factor.
func (c *Correlator) said(v *Verdict, e *event) bool {
	g := &c.gateways[e.gateway]
	words := fmt.Sprintf("%s logged %s%s, %s %s", g.ID, e.Outcome, because(e.MFAEvent), delta(e.Time-v.Time), "this logon")
	m, ok := good(e.Outcome)
	switch {
	case ok:
		v.is(m, Said, g.ID, words)
	case refused(e.Outcome):
		v.is(signin.MFADenied, Said, g.ID, words+"; Exchange logged the sign-in all the same")
	case e.Outcome == signin.FactorUnknown && e.Kind == signin.UAL:
		v.is(signin.MFAUnknown, NoField, g.ID, words+": the Unified Audit Log has no field for a second factor; give Entra's sign-ins, too")
	case e.Outcome == signin.FactorUnknown && e.Reason == signin.NoFactorField:
		v.is(signin.MFAUnknown, NoField, g.ID, words+": the record has no authenticationRequirement and no authenticationDetails; export with the diagnostic settings, or from Microsoft Graph beta")
	case e.Outcome == signin.FactorUnknown && e.Reason == "":
		v.is(signin.MFAUnknown, UnknownWord, g.ID, words+": it does not say what became of the second factor")
	case e.Outcome == signin.FactorUnknown:
		v.is(signin.MFAUnknown, UnknownWord, g.ID, words+": what that means is not known; map the word")
	case e.Outcome == signin.FactorError:
		v.is(signin.MFAUnknown, GatewayError, g.ID, words+": it does not say whether the logon was let in")
	default:
		return false
	}
	v.Event = e.MFAEvent
	return true
}

func because(e *signin.MFAEvent) string {
	switch {
	case e.Reason != "" && e.Factor != "":
		return " (" + e.Reason + ", " + e.Factor + ")"
	case e.Reason+e.Factor != "":
		return " (" + e.Reason + e.Factor + ")"
	}
	return ""
}

func delta(ms int64) string {
	if ms < 0 {
		return fmt.Sprintf("%d s before", -ms/1000)
	}
	return fmt.Sprintf("%d s after", ms/1000)
}

// ownEvent returns the event that belongs to a logon: of those in its window that no other logon has, one that says
// something of a second factor before one of a password; one from its own address or from nowhere before one from
// elsewhere; and then what says most. doubtful: there is one that may be about somebody else.
func (c *Correlator) ownEvent(it *item) (own *event, doubtful *event) {
	list := c.events[it.way.who]
	i, _ := slices.BinarySearchFunc(list, it.t-max(c.before, c.lag), func(e *event, t int64) int { return cmp.Compare(e.Time, t) })
	best := [6]int64{1 << 62}
	nearest := int64(1 << 62)
	skew := -1
	var near signin.Ref
	for ; i < len(list) && list[i].Time <= it.t+c.lag; i++ {
		e := list[i]
		g := &c.gateways[e.gateway]
		if !it.way.guard.counting[e.gateway] || !g.AsksFor(it.way.guard.class, e.Application) {
			continue
		}
		d := e.Time - it.t
		if it.exact && !e.maybe && abs(d) < abs(nearest) && abs(d) <= skewWithin.Milliseconds() {
			nearest, skew, near = d, e.gateway, e.At
		}
		rank, says := rankOf(e.MFAEvent)
		if e.used || !says || g.wrong(it.t) != 0 || g.wrong(e.Time) != 0 || d < -g.Before.Milliseconds() || d > g.After.Milliseconds() {
			continue
		}
		if e.maybe {
			doubtful = e
			continue
		}
		var one, away, nowhere int64
		if rank >= rankOne {
			one = 1
		}
		switch {
		case !located(e.Address):
			nowhere = 1
		case e.Address == it.use.Address:
		case c.another(it, e):
			continue
		default:
			away = 1
		}
		if this := [6]int64{one, away, int64(rank), nowhere, abs(d), int64(e.gateway)}; slices.Compare(this[:], best[:]) < 0 {
			own, best = e, this
		}
	}
	if skew >= 0 {
		c.gateways[skew].stats.near(nearest)
		w := c.watch(skew, it.t)
		if w.wide.n == 0 {
			w.far = near
		}
		w.wide.add(nearest)
	}
	if own != nil {
		own.used = true
		if _, ok := good(own.Outcome); it.exact && (ok || refused(own.Outcome)) {
			c.gateways[own.gateway].stats.pair(own.Time - it.t)
			c.watch(own.gateway, it.t).pairs.add(own.Time - it.t)
		}
	}
	return own, doubtful
}

func abs(n int64) int64 { return max(n, -n) }

// another reports whether another logon of the person, from the address of the event, may be what the event is about.
func (c *Correlator) another(it *item, e *event) bool {
	g := &c.gateways[e.gateway]
	for _, m := range c.from[origin{it.way.who, e.Address}] {
		if d := e.Time - m.t; d >= -g.Before.Milliseconds() && d <= g.After.Milliseconds() {
			return true
		}
	}
	return false
}

// goesOn reports whether the person has a session that was let in, and is not over, with this address or this client. Of
// a logon without an address nobody can say that its address is new.
func (c *Correlator) goesOn(it *item) bool {
	w := it.way
	since := it.t - w.guard.session
	seen := func(last int64, ok bool) bool { return ok && last >= since }
	last, ok := c.client[newness{who: w.who, guard: w.guard.index, client: w.client}]
	if seen(last, ok) {
		return true
	}
	last, ok = c.address[newness{who: w.who, guard: w.guard.index, address: it.use.Address}]
	return seen(last, ok)
}

// exempts reports whether the declared policy does not ask this person, or not from there.
func (g *gateway) exempts(p *Person, account string, from netip.Addr) bool {
	for _, n := range g.Exempt.Networks {
		if from.IsValid() && n.Contains(from) {
			return true
		}
	}
	for _, pattern := range g.Exempt.Users {
		if rules.Glob(pattern, account) {
			return true
		}
		if p != nil && slices.ContainsFunc(p.forms, func(f PersonForm) bool { return rules.Glob(pattern, f.Text) }) {
			return true
		}
	}
	return false
}

// absent says what it means that no event says anything of a second factor.
func (c *Correlator) absent(v *Verdict, it *item, own, doubtful *event) {
	w := it.way
	var covering, silent, knowing, guessed *gateway
	var dark, lost *gateway // those that know the person and do not cover the time, and those of which there is no log
	var wrong *gateway      // its clock is
	for _, i := range w.guard.gateways {
		g := &c.gateways[i]
		cover := g.cover.of(v.Way.Server)
		covered := cover.Covers(it.t-g.Before.Milliseconds(), it.t+g.After.Milliseconds())
		switch {
		case g.logs == 0:
			lost = cmp.Or(lost, g)
		case g.doubted(it.t) != 0:
			wrong = cmp.Or(wrong, g)
		case covered:
			covering = cmp.Or(covering, g)
			if c.silent(g, i, cover, it) {
				silent = cmp.Or(silent, g)
			}
		}
		if g.known[w.who] {
			knowing = cmp.Or(knowing, g)
		}
		if g.maybe[w.who] {
			guessed = cmp.Or(guessed, g)
		}
		if !covered && (g.known[w.who] || g.maybe[w.who]) {
			dark = cmp.Or(dark, g)
		}
	}
	switch {
	case v.Account == "" || w.match.Person == nil && len(w.match.Candidates) == 0:
		v.is(signin.MFAUnknown, Nameless, "", "it names nobody")
	case wrong != nil:
		v.is(signin.MFAUnknown, WrongClock, wrong.ID, fmt.Sprintf("the clock of %s, or the zone that its log is read in, seems to be wrong by %s, for some at least: what is not there may be elsewhere", wrong.ID, spanWords(abs(wrong.doubted(it.t)))))
	case silent != nil:
		v.is(signin.MFAFailOpen, Silence, silent.ID, fmt.Sprintf("%s told nothing for at least %s, in which others logged on too, on a day on which it usually does", silent.ID, spanWords(silenceIs.Milliseconds())))
	case w.match.Person == nil:
		v.is(signin.MFAUnknown, Ambiguous, "", w.match.Why)
	case lost != nil:
		v.is(signin.MFAUnknown, NoLog, lost.ID, "no log of "+lost.ID+", which is declared to protect it, was read")
	case doubtful != nil:
		v.is(signin.MFAUnknown, Ambiguous, c.gateways[doubtful.gateway].ID, fmt.Sprintf("%s logged %s of %q, which may be somebody else", c.gateways[doubtful.gateway].ID, doubtful.Outcome, doubtful.User))
	case dark != nil:
		v.is(signin.MFAUnknown, NotCovered, dark.ID, fmt.Sprintf("the log of %s that was read does not cover this time", dark.ID))
	case covering == nil:
		g := &c.gateways[w.guard.gateways[0]]
		v.is(signin.MFAUnknown, NotCovered, g.ID, fmt.Sprintf("the log of %s that was read does not cover this time", g.ID))
	case guessed != nil && knowing == nil:
		v.is(signin.MFAUnknown, Ambiguous, guessed.ID, guessed.ID+" writes a name that may be this person's or somebody else's: the map of people, or an alias for their domains, can tell")
	case guessed != nil:
		v.is(signin.MFAUnknown, Ambiguous, guessed.ID, guessed.ID+" also writes a name that may be this person's or somebody else's")
	case knowing == nil:
		v.is(signin.MFAUnknown, NeverSeen, covering.ID, covering.ID+" covers this time and never told of this person: not enrolled, or under another name")
	case own != nil && own.Outcome == signin.FirstFactorOK:
		g := &c.gateways[own.gateway]
		v.is(signin.MFAMissing, OneFactor, g.ID, fmt.Sprintf("%s logged the password (%s) and no second factor", g.ID, delta(own.Time-v.Time)+" this logon"))
		v.Event = own.MFAEvent
	default:
		v.is(signin.MFAMissing, NoEvent, knowing.ID, fmt.Sprintf("%s protects %s, covers this time and knows this person, and has no event from %s before to %s after", knowing.ID, v.Way.Entry,
			spanWords(knowing.Before.Milliseconds()), spanWords(knowing.After.Milliseconds())))
	}
}

// silent reports whether a logon lies in a silence of a gateway that says something: one of 30 minutes at least, within
// what was read of it, on a day of which the median hour has at least 3 events, and in which others logged on. It looks
// no farther than 30 minutes to either side.
func (c *Correlator) silent(g *gateway, place int, cover Coverage, it *item) bool {
	if !g.usualOn(it.t / hourMs / 24) {
		return false
	}
	span, ok := cover.at(it.t)
	if !ok {
		return false
	}
	reach := silenceIs.Milliseconds()
	from, to := max(span.From, it.t-reach), min(span.To, it.t+reach)
	i, _ := slices.BinarySearch(g.times, it.t+1)
	if i > 0 {
		from = max(from, g.times[i-1])
	}
	if i < len(g.times) {
		to = min(to, g.times[i])
	}
	if to-from < reach {
		return false
	}
	k, _ := slices.BinarySearchFunc(c.marks, from, func(m mark, t int64) int { return cmp.Compare(m.t, t) })
	for ; k < len(c.marks) && c.marks[k].t <= to; k++ {
		if m := &c.marks[k]; m.who != it.way.who && slices.Contains(m.guard.gateways, place) {
			return true
		}
	}
	return false
}

// blind reports whether the log of a server's logons was not read for a part of some time.
func (c *Correlator) blind(server string, from, to int64) bool {
	for _, s := range c.blindSpans[shortName(server)] {
		if s.From < to && s.To > from {
			return true
		}
	}
	return false
}
