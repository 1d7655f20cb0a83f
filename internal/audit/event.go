package audit

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/outmode/outmode/internal/signin"
)

// An event is one of a gateway that is known, for one person whom it may be about.
type event struct {
	*signin.MFAEvent
	gateway int
	used    bool // a logon is its own
	maybe   bool // it names somebody else, too
}

// A Heard is an event of a gateway, and whom it is about. One that is told twice is heard once; its outcome may become the
// fuller one of the second telling.
type Heard struct {
	Gateway string // its ID
	Event   *signin.MFAEvent
	Who     Match
}

// An eventKey is what two records of one event have in common.
type eventKey struct {
	kind                                  signin.Kind
	outcome                               signin.FactorOutcome
	time                                  int64
	transaction, user, app, address, with string
}

func keyOf(e *signin.MFAEvent) eventKey {
	if e.Transaction != "" {
		k := eventKey{kind: e.Kind, transaction: e.Transaction, outcome: e.Outcome}
		switch e.Kind {
		case signin.Entra:
			k.outcome = 0 // of two records of one sign-in the fuller stands
		case signin.ADFSLog:
			k.with = e.Reason                // of the token it is where it went to; of the credential there is none
			k.user = strings.ToLower(e.User) // clients choose the id, which could be that of somebody else's request
		case signin.Mapped: // several gateways are of this kind, and each counts in its own way
			k.time, k.user, k.app = e.Time, e.User, e.Application
		}
		return k
	}
	return eventKey{kind: e.Kind, time: e.Time, user: e.User, app: e.Application, address: e.Address.String(), with: e.Factor, outcome: e.Outcome}
}

// weight orders outcomes by how much they say of a second factor.
func weight(o signin.FactorOutcome) int {
	switch o {
	case signin.NoFactor:
		return 0
	case signin.FactorUnknown, signin.FactorInfo, signin.FactorConfig:
		return 1
	case signin.FirstFactorOK, signin.FirstFactorFailed:
		return 2
	}
	return 3
}

func compareEvents(a, b *signin.MFAEvent) int {
	return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Kind, b.Kind), strings.Compare(a.Transaction, b.Transaction), cmp.Compare(weight(b.Outcome), weight(a.Outcome)), cmp.Compare(a.Outcome, b.Outcome),
		strings.Compare(a.User, b.User), strings.Compare(a.Application, b.Application), a.Address.Compare(b.Address), strings.Compare(a.Factor, b.Factor), strings.Compare(a.Gateway, b.Gateway),
		strings.Compare(a.Reason, b.Reason), cmp.Compare(known(b), known(a)), cmp.Compare(a.At.File, b.At.File), cmp.Compare(a.At.Offset, b.At.Offset))
}

// known counts what only fuller exports say of an event.
func known(e *signin.MFAEvent) (n int) {
	for _, has := range [...]bool{e.Address.IsValid(), e.SignIn != 0, e.Session != "", e.Platform != 0, e.Federation != "", e.Policy != 0} {
		if has {
			n++
		}
	}
	return n
}

// complete lets a telling of an event stand that says more of its outcome, and adds what only the other one says.
func complete(have, more *signin.MFAEvent) {
	if weight(more.Outcome) > weight(have.Outcome) {
		have.Outcome, have.Reason, have.Factor, have.At = more.Outcome, more.Reason, more.Factor, more.At
	}
	if !have.Address.IsValid() {
		have.Address = more.Address
	}
	have.SignIn, have.Platform, have.Policy = cmp.Or(have.SignIn, more.SignIn), cmp.Or(have.Platform, more.Platform), cmp.Or(have.Policy, more.Policy)
	have.Session, have.Federation = cmp.Or(have.Session, more.Session), cmp.Or(have.Federation, more.Federation)
}

// toldWithin bounds how far two records of one event can be apart: two exports write its time alike, or with other
// fractions of a second. Without a bound every transaction would have to be remembered for ever.
const toldWithin = time.Hour

// takeEvents sorts events by person. Exports overlap, and a log can be read from two places: an event that is told twice
// is one.
func (c *Correlator) takeEvents(events []signin.MFAEvent) {
	order := make([]*signin.MFAEvent, 0, len(events))
	for i := range events {
		order = append(order, &events[i])
	}
	slices.SortFunc(order, compareEvents)
	// What several tell is put together before anything is said of it.
	type telling struct {
		key eventKey
		signin.MFAEvent
	}
	once := make([]*telling, 0, len(order))
	at := make(map[eventKey]*telling, len(order))
	for _, e := range order {
		key := keyOf(e)
		if have := at[key]; have != nil && e.Time-have.Time <= toldWithin.Milliseconds() {
			complete(&have.MFAEvent, e)
			continue
		}
		t := &telling{key, *e}
		at[key], once = t, append(once, t)
	}
	for _, t := range once {
		if have := c.told[t.key]; have != nil && t.Time-have.Time <= toldWithin.Milliseconds() {
			c.fuller(have, &t.MFAEvent)
			continue
		}
		c.told[t.key] = c.takeEvent(&t.MFAEvent)
	}
}

// fuller lets what a second record of a sign-in says stand where the first one said less.
func (c *Correlator) fuller(have *event, e *signin.MFAEvent) {
	if weight(e.Outcome) <= weight(have.Outcome) || have.used {
		return
	}
	if have.gateway >= 0 {
		s := &c.gateways[have.gateway].stats
		s.Outcomes[have.Outcome]--
		s.Outcomes[e.Outcome]++
	}
	complete(have.MFAEvent, e)
	form := AnyForm
	if have.gateway >= 0 {
		form = c.gateways[have.gateway].UserForm
	}
	c.noteMet(have.MFAEvent, c.set.Identities.Who(have.User, form).Person)
}

// takeEvent files an event that was not told before.
func (c *Correlator) takeEvent(e *signin.MFAEvent) *event {
	x := &event{MFAEvent: e, gateway: c.gatewayOf(e.Kind, e.Application, shortName(e.Gateway))}
	inPeriod := c.set.From <= e.Time && e.Time < c.set.To
	if x.gateway < 0 { // of an administrator, or of an application that is no gateway's
		who := c.set.Identities.Who(e.User, AnyForm).Person
		c.noteMet(e, who)
		if inPeriod {
			c.recordEvent(e.Kind.String(), x, who)
		}
		return x
	}
	g := &c.gateways[x.gateway]
	if inPeriod {
		g.stats.Events++
		g.stats.Outcomes[e.Outcome]++
		g.stats.Last = max(g.stats.Last, e.Time)
	}
	m := c.set.Identities.Who(e.User, g.UserForm)
	c.noteMet(e, m.Person)
	if inPeriod {
		c.recordEvent(g.ID, x, m.Person)
	}
	if e.Outcome == signin.FactorConfig {
		return x
	}
	if inPeriod && c.set.Heard != nil {
		c.set.Heard(&Heard{g.ID, e, m})
	}
	g.times = append(g.times, e.Time)
	c.watchEvent(x, m)
	c.timeEvent(g, e, m.Person)
	if m.Person != nil {
		n := c.number(m.Person)
		c.events[n] = append(c.events[n], x)
	} else if inPeriod && len(m.Candidates) > 0 {
		g.stats.Unjoined++
	}
	for _, p := range m.Candidates {
		n := c.number(p)
		c.events[n] = append(c.events[n], &event{MFAEvent: e, gateway: x.gateway, maybe: true})
	}
	return x
}

// Shows reports whether an event of that outcome shows that its user is known to the gateway. Anybody can type a name and
// a wrong password.
func Shows(o signin.FactorOutcome) bool {
	switch o {
	case signin.NoFactor, signin.FirstFactorFailed, signin.FactorConfig, signin.FactorInfo:
		return false
	}
	return true
}

// SeenIn lists the users that some events show.
func SeenIn(events []signin.MFAEvent) (all []Seen) {
	have := map[Seen]bool{}
	for i := range events {
		e := &events[i]
		if s := (Seen{e.Kind, e.Application, e.User}); Shows(e.Outcome) && !have[s] {
			have[s] = true
			all = append(all, s)
		}
	}
	return all
}

// HabitsIn counts events by hour. One that is told twice is one.
func HabitsIn(events []signin.MFAEvent) (all []Habit) {
	at, told := map[Habit]int{}, map[eventKey]bool{}
	for i := range events {
		e := &events[i]
		if key := keyOf(e); !told[key] {
			told[key] = true
			h := Habit{Kind: e.Kind, Application: e.Application, Hour: e.Time / hourMs}
			n, ok := at[h]
			if !ok {
				n = len(all)
				at[h] = n
				all = append(all, h)
			}
			all[n].Events++
		}
	}
	return all
}

// good, refused: what an outcome says of a second factor.
func good(o signin.FactorOutcome) (signin.MFA, bool) {
	switch o {
	case signin.FactorPassed:
		return signin.MFAPassed, true
	case signin.FactorRemembered:
		return signin.MFARemembered, true
	case signin.FactorBypassed, signin.FactorHelpdeskCode:
		return signin.MFABypassed, true
	case signin.FactorFailOpen:
		return signin.MFAFailOpen, true
	}
	return signin.MFAUnknown, false
}

func refused(o signin.FactorOutcome) bool {
	return o == signin.FactorDenied || o == signin.FactorFraud || o == signin.FactorTimeout
}

const rankOne = 8

// rankOf orders the events of one logon: what let it in goes before what refused an earlier try, and that before what says
// nothing of a second factor. ok is false for what says nothing of a logon at all.
// From rankOne on it tells of the password alone.
func rankOf(e *signin.MFAEvent) (rank int, ok bool) {
	switch e.Outcome {
	case signin.FactorPassed:
		return 0, true
	case signin.FactorRemembered:
		return 1, true
	case signin.FactorHelpdeskCode:
		return 2, true
	case signin.FactorBypassed:
		return 3, true
	case signin.FactorFailOpen:
		return 4, true
	case signin.FactorDenied, signin.FactorFraud, signin.FactorTimeout:
		return 5, true
	case signin.FactorError:
		return 6, true
	case signin.FactorUnknown:
		if e.Kind == signin.UAL {
			return rankOne + 1, true // it has no field for a second factor: whoever tells of the password alone knows more
		}
		return 7, true
	case signin.FirstFactorOK:
		return rankOne, true
	}
	return 0, false
}
