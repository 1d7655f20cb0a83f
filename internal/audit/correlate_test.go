package audit_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
)

// at is an instant of the day on which all of it happens, in Unix milliseconds.
func at(clock string) int64 {
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.Parse(layout, clock); err == nil {
			return time.Date(2026, 10, 6, t.Hour(), t.Minute(), t.Second(), 0, time.UTC).UnixMilli()
		}
	}
	panic(clock)
}

const (
	home   = "198.51.100.7"
	train  = "198.51.100.99"
	abroad = "203.0.113.5"
)

// logon is a request; words change what is usual: ecp, ews, edge (another client), EX02, inside, backend, an address.
func logon(clock, account string, words ...string) audit.Use {
	w := &audit.Way{Account: strings.ToLower(account), Server: "EX01", Entry: signin.OWA, Client: "chrome"}
	from := netip.MustParseAddr(home)
	for _, word := range words {
		switch p, ok := signin.ParseProtocol(word); {
		case ok:
			w.Entry = p
		case word == "edge":
			w.Client = word
		case strings.HasPrefix(word, "EX"), word == audit.ExchangeOnline:
			w.Server = word
		case word == "inside":
			w.Internal = true
		case word == "backend":
			w.Backend = true
		default:
			from = netip.MustParseAddr(word)
		}
	}
	t := at(clock)
	return audit.Use{Way: w, Address: from, First: t, Last: t, Minutes: 1 << (t / 60_000 % 60)}
}

// told is an event of Duo; words change what is usual: a kind, an address, app:NAME, tx:ID.
func told(clock, user string, o signin.FactorOutcome, words ...string) signin.MFAEvent {
	e := signin.MFAEvent{Kind: signin.Duo, Time: at(clock), User: user, Application: "OWA", Outcome: o, Factor: "push"}
	for _, word := range words {
		if k, ok := signin.ParseKind(word); ok {
			e.Kind = k
		} else if app, ok := strings.CutPrefix(word, "app:"); ok {
			e.Application = app
		} else if tx, ok := strings.CutPrefix(word, "tx:"); ok {
			e.Transaction = tx
		} else {
			e.Address = netip.MustParseAddr(word)
		}
	}
	return e
}

// A world is what a correlation is asked about.
type world struct {
	known  audit.Known
	set    audit.Setup
	uses   []audit.Use
	events []signin.MFAEvent
}

// usual is a world in which Duo is read from 06:00 to 20:00, and anna, ben and carla are known to it.
func usual(uses []audit.Use, events ...signin.MFAEvent) *world {
	w := &world{uses: uses, events: append(events, told("06:00", "anna", signin.FactorPassed), told("06:10", "ben", signin.FactorPassed), told("20:00", "carla", signin.FactorPassed))}
	w.set.Sources = []audit.Source{{Kind: signin.Duo, Folder: "duo", First: at("06:00"), Last: at("20:00")}}
	return w
}

func (w *world) setup() audit.Setup {
	k := w.known
	for i := range w.uses {
		k.Proven = append(k.Proven, w.uses[i].Way.Account)
	}
	set := w.set
	set.Identities = audit.NewIdentities(k)
	return set
}

// judged is what is said of each logon: "time account entry word cause".
func (w *world) judged() []string {
	verdicts, _ := audit.Correlate(w.setup(), w.uses, w.events)
	return said(verdicts)
}

func said(verdicts []audit.Verdict) (all []string) {
	for _, v := range verdicts {
		all = append(all, fmt.Sprintf("%s %s %s %s %s", time.UnixMilli(v.Time).UTC().Format("15:04"), v.Account, v.Way.Entry, v.MFA, v.Cause))
	}
	return all
}

func logons(uses ...audit.Use) []audit.Use { return uses }

func expect(t *testing.T, w *world, want ...string) {
	t.Helper()
	if got := w.judged(); !slices.Equal(got, want) {
		t.Errorf("\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Every word, each with what makes it.
func TestWords(t *testing.T) {
	t.Parallel()
	anna := `CONTOSO\anna`
	for outcome, want := range map[signin.FactorOutcome]string{
		signin.FactorPassed: "passed said", signin.FactorRemembered: "remembered said", signin.FactorBypassed: "bypassed said", signin.FactorHelpdeskCode: "bypassed said", signin.FactorFailOpen: "fail_open said",
		signin.FactorDenied: "denied said", signin.FactorFraud: "denied said", signin.FactorTimeout: "denied said", signin.FactorUnknown: "unknown unknown_word", signin.FactorError: "unknown gateway_error",
		signin.FirstFactorOK: "missing one_factor", signin.FirstFactorFailed: "missing no_event", signin.FactorInfo: "missing no_event", signin.FactorConfig: "missing no_event",
	} {
		expect(t, usual(logons(logon("09:00", anna)), told("09:00:20", "anna", outcome)), `09:00 contoso\anna owa `+want)
	}
	// A record that has no field for a second factor is no word that could be mapped.
	for reason, want := range map[string]string{signin.NoFactorField: "unknown no_field", "a new word": "unknown unknown_word", "": "unknown unknown_word"} {
		e := told("09:00:20", "anna", signin.FactorUnknown)
		e.Reason = reason
		expect(t, usual(logons(logon("09:00", anna)), e), `09:00 contoso\anna owa `+want)
	}
	// The window: 2 min before to 5 min after.
	for clock, want := range map[string]string{"08:57:59": "missing no_event", "08:58": "passed said", "09:05": "passed said", "09:05:01": "missing no_event"} {
		expect(t, usual(logons(logon("09:00", anna)), told(clock, "anna", signin.FactorPassed)), `09:00 contoso\anna owa `+want)
	}
	// What nothing protects, and what is reached behind the gateway.
	expect(t, usual(logons(logon("09:00", anna, "ews"), logon("09:01", anna, "backend"), logon("09:02", anna, "imap"))),
		`09:00 contoso\anna ews not_covered unprotected`, `09:01 contoso\anna owa not_covered back_end`, `09:02 contoso\anna imap not_covered unprotected`)
	exempt := usual(logons(logon("09:00", anna), logon("09:00", `CONTOSO\ben`, abroad)))
	g := audit.DefaultGateway(signin.Duo)
	g.Exempt = audit.Exempt{Users: []string{`contoso\b*`}, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	exempt.set.Gateways = []audit.Gateway{g}
	expect(t, exempt, `09:00 contoso\anna owa missing no_event`, `09:00 contoso\ben owa not_required exempt`)
}

// Where there is no coverage, nothing is missing.
func TestNoCoverageIsUnknown(t *testing.T) {
	t.Parallel()
	anna := `CONTOSO\anna`
	one := func(words ...string) []audit.Use { return logons(logon("09:00", anna, words...)) }
	late := usual(one())
	late.set.Sources[0].First = at("08:59")
	expect(t, late, `09:00 contoso\anna owa unknown not_covered`)
	early := usual(one())
	early.set.Sources[0].Last = at("09:04")
	expect(t, early, `09:00 contoso\anna owa unknown not_covered`)
	hole := usual(one())
	hole.set.Sources[0].Holes = []signin.Span{{From: at("09:03"), To: at("09:10")}}
	expect(t, hole, `09:00 contoso\anna owa unknown not_covered`)
	none := usual(one())
	none.set.Sources, none.events = nil, nil
	expect(t, none, `09:00 contoso\anna owa unknown no_gateway`)
	empty := usual(one())
	empty.set.Sources[0].First, empty.set.Sources[0].Last, empty.events = 0, 0, nil
	expect(t, empty, `09:00 contoso\anna owa unknown not_covered`)
	declared := usual(one())
	declared.set.Sources, declared.events, declared.set.Gateways = nil, nil, []audit.Gateway{audit.DefaultGateway(signin.Duo)}
	expect(t, declared, `09:00 contoso\anna owa unknown no_log`)
	never := usual(logons(logon("09:00", `CONTOSO\dora`)))
	expect(t, never, `09:00 contoso\dora owa unknown never_seen`)
	typed := usual(logons(logon("09:00", `CONTOSO\dora`)), told("07:00", "dora", signin.FirstFactorFailed))
	expect(t, typed, `09:00 contoso\dora owa unknown never_seen`)
	expect(t, usual(logons(logon("09:00", ""))), "09:00  owa unknown nameless")
	// A module's log covers its own server.
	module := func(servers ...string) *world {
		w := usual(logons(logon("09:00", anna), logon("09:10", anna, "EX02", "edge", abroad)), told("07:00", anna, signin.FactorPassed, "monosign"))
		w.set.Sources = nil
		for _, s := range servers {
			w.set.Sources = append(w.set.Sources, audit.Source{Kind: signin.Monosign, Folder: s, Server: s, First: at("06:00"), Last: at("20:00")})
		}
		return w
	}
	expect(t, module("EX01.contoso.com", "EX02"), `09:00 contoso\anna owa missing no_event`, `09:10 contoso\anna owa missing no_event`)
	expect(t, module("EX01"), `09:00 contoso\anna owa missing no_event`, `09:10 contoso\anna owa unknown not_covered`)
}

// What the configuration says of entry points.
func TestDeclaredProtection(t *testing.T) {
	t.Parallel()
	uses := logons(logon("09:00", `CONTOSO\anna`), logon("09:01", `CONTOSO\ben`, "ecp"), logon("09:02", `CONTOSO\carla`, "EX02"), logon("09:03", `CONTOSO\carla`, "ews"))
	w := usual(uses)
	g := audit.DefaultGateway(signin.Duo)
	g.Entries, g.Servers = []signin.Protocol{signin.OWA}, []string{"ex01.contoso.com"}
	w.set.Gateways = []audit.Gateway{g}
	expect(t, w, `09:00 contoso\anna owa missing no_event`, `09:01 contoso\ben ecp not_covered unprotected`, `09:02 contoso\carla owa not_covered unprotected`, `09:03 contoso\carla ews not_covered unprotected`)
	w = usual(uses)
	w.set.Gateways = []audit.Gateway{{Entries: []signin.Protocol{signin.OWA, signin.ECP}, Servers: []string{audit.AllServers}}}
	expect(t, w, `09:00 contoso\anna owa not_covered unprotected`, `09:01 contoso\ben ecp not_covered unprotected`, `09:02 contoso\carla owa not_covered unprotected`, `09:03 contoso\carla ews not_covered unprotected`)
	// A proxy protects nothing until it is declared, and its events count for their user all the same; never where
	// nothing protects.
	w = usual(uses, told("09:00:10", "anna", signin.FactorPassed, "nps"), told("09:03:10", "carla", signin.FactorPassed, "nps"))
	w.set.Sources = []audit.Source{{Kind: signin.NPS, First: at("06:00"), Last: at("20:00")}}
	expect(t, w, `09:00 contoso\anna owa passed said`, `09:01 contoso\ben ecp unknown no_gateway`, `09:02 contoso\carla owa passed said`, `09:03 contoso\carla ews not_covered unprotected`)
	// Entra protects Exchange Online, and no server.
	w = usual(logons(logon("09:00", "anna@contoso.com", "browser", audit.ExchangeOnline), logon("09:00", "anna@contoso.com")), told("09:00", "anna@contoso.com", signin.FactorPassed, "entra"))
	w.set.Sources = []audit.Source{{Kind: signin.Entra, First: at("06:00"), Last: at("20:00")}}
	expect(t, w, `09:00 anna@contoso.com owa unknown no_gateway`, `09:00 anna@contoso.com browser passed said`)
	// Applications tell two gateways of one kind apart.
	w = usual(logons(logon("09:00", `CONTOSO\anna`)), told("09:00:10", "anna", signin.FactorPassed, "app:VPN"))
	g = audit.DefaultGateway(signin.Duo)
	g.Applications = []string{"owa*"}
	w.set.Gateways = []audit.Gateway{g}
	expect(t, w, `09:00 contoso\anna owa missing no_event`)
}

func TestSessions(t *testing.T) {
	t.Parallel()
	anna := `CONTOSO\anna`
	ok := told("09:00:20", "anna", signin.FactorPassed)
	// OWA and ECP share one; it lives 6 h after the last request.
	expect(t, usual(logons(logon("09:00", anna), logon("10:00", anna, "ecp"), logon("15:59", anna), logon("19:00", anna, "EX02")), ok), `09:00 contoso\anna owa passed said`)
	expect(t, usual(logons(logon("09:00", anna), logon("15:01", anna)), ok), `09:00 contoso\anna owa passed said`, `15:01 contoso\anna owa missing no_event`)
	// One of address and client is new: roaming. Both: judged by itself.
	expect(t, usual(logons(logon("09:00", anna), logon("09:30", anna, train), logon("10:00", anna, "edge"), logon("10:30", anna, "edge", abroad)), ok),
		`09:00 contoso\anna owa passed said`, `09:30 contoso\anna owa unknown roaming`, `10:00 contoso\anna owa unknown roaming`, `10:30 contoso\anna owa unknown roaming`)
	expect(t, usual(logons(logon("09:00", anna), logon("09:04", anna, "edge", abroad)), ok), `09:00 contoso\anna owa passed said`, `09:04 contoso\anna owa missing no_event`)
	expect(t, usual(logons(logon("09:00", anna), logon("15:30", anna, train)), ok), `09:00 contoso\anna owa passed said`, `15:30 contoso\anna owa missing no_event`)
	// From a session that nobody let in, nobody roams, once the beginning of the logs is past.
	expect(t, usual(logons(logon("06:30", `CONTOSO\ben`), logon("13:00", anna), logon("13:30", anna, train))),
		`06:30 contoso\ben owa missing no_event`, `13:00 contoso\anna owa missing no_event`, `13:30 contoso\anna owa missing no_event`)
	// The life that the gateway is said to have, to the minute.
	short := usual(logons(logon("09:00", anna), logon("09:10", anna), logon("09:26", anna)), ok)
	g := audit.DefaultGateway(signin.Duo)
	g.Session = 15 * time.Minute
	short.set.Gateways = []audit.Gateway{g}
	expect(t, short, `09:00 contoso\anna owa passed said`, `09:26 contoso\anna owa missing no_event`)
	row := logon("09:00", anna) // one hour row, with a pause
	row.Last, row.Minutes = at("09:41"), 1<<0|1<<10|1<<40|1<<41
	short.uses = logons(row)
	expect(t, short, `09:00 contoso\anna owa passed said`, `09:40 contoso\anna owa missing no_event`)
}

// An event belongs to one logon: the one from its address, if there is one.
func TestEventsBelongToOneLogon(t *testing.T) {
	t.Parallel()
	anna := `CONTOSO\anna`
	expect(t, usual(logons(logon("09:00", anna, "edge", abroad), logon("09:01", anna)), told("09:01:20", "anna", signin.FactorPassed, home)),
		`09:00 contoso\anna owa missing no_event`, `09:01 contoso\anna owa passed said`)
	expect(t, usual(logons(logon("09:00", anna)), told("09:01:20", "anna", signin.FactorPassed, "192.0.2.200")), `09:00 contoso\anna owa passed said`)
	// Refused, tried again and approved.
	expect(t, usual(logons(logon("09:00", anna)), told("09:00:30", "anna", signin.FactorDenied), told("09:01:30", "anna", signin.FactorPassed)), `09:00 contoso\anna owa passed said`)
	expect(t, usual(logons(logon("09:00", anna), logon("09:03", anna, "edge", abroad)), told("09:00:30", "anna", signin.FactorPassed), told("09:03:30", "anna", signin.FactorDenied)),
		`09:00 contoso\anna owa passed said`, `09:03 contoso\anna owa denied said`)
}

func TestEventsToldTwiceAreOne(t *testing.T) {
	t.Parallel()
	anna := `CONTOSO\anna`
	uses := logons(logon("09:00", anna), logon("09:03", anna, "edge", abroad))
	e := told("09:00:20", "anna", signin.FactorPassed)
	w := usual(uses, e, e)
	expect(t, w, `09:00 contoso\anna owa passed said`, `09:03 contoso\anna owa missing no_event`)
	a, b := told("09:00:20", "anna", signin.FactorPassed, "tx:1"), told("09:00:21", "anna", signin.FactorPassed, "tx:1")
	w = usual(uses, a, b)
	expect(t, w, `09:00 contoso\anna owa passed said`, `09:03 contoso\anna owa missing no_event`)
	if _, g := audit.Correlate(w.setup(), w.uses, w.events); len(g) != 1 || g[0].Events != 4 {
		t.Errorf("%+v", g)
	}
	b.Transaction = "2"
	uses = logons(uses[0], logon("09:02", anna, "edge", abroad))
	expect(t, usual(uses, a, b), `09:00 contoso\anna owa passed said`, `09:02 contoso\anna owa passed said`)
	// Of two Entra records with one id the fuller stands.
	w = usual(logons(logon("09:00", "anna@contoso.com", "browser", audit.ExchangeOnline)), told("09:00", "anna@contoso.com", signin.FactorUnknown, "entra", "tx:1"), told("09:00", "anna@contoso.com", signin.FactorPassed, "entra", "tx:1"))
	w.set.Sources = []audit.Source{{Kind: signin.Entra, First: at("06:00"), Last: at("20:00")}}
	expect(t, w, `09:00 anna@contoso.com browser passed said`)
	// Of a mapping the kind is no gateway: two of them count from 1.
	one, two := told("09:00:20", "anna", signin.FactorPassed, "mapped", "app:adc", "tx:1"), told("09:00:20", "anna", signin.FactorPassed, "mapped", "app:sso", "tx:1")
	w = usual(logons(logon("09:00", anna)), one, two, two)
	w.set.Gateways = []audit.Gateway{audit.DefaultGateway(signin.Mapped), audit.DefaultGateway(signin.Mapped)}
	w.set.Gateways[0].Applications, w.set.Gateways[1].Applications = []string{"adc"}, []string{"sso"}
	w.set.Sources = []audit.Source{{Kind: signin.Mapped, First: at("06:00"), Last: at("20:00")}}
	if _, g := audit.Correlate(w.setup(), w.uses, w.events); len(g) != 2 || g[0].Events != 1 || g[1].Events != 1 {
		t.Errorf("%+v", g)
	}
}

// A name that may be two people's is a candidate: it proves nothing, and nothing is missing.
func TestCandidates(t *testing.T) {
	t.Parallel()
	uses := logons(logon("09:00", `CONTOSO\anna`), logon("09:00", `FABRIKAM\anna`, abroad), logon("09:10", "anna", train, "edge"))
	expect(t, usual(uses, told("09:00:20", "anna", signin.FactorPassed)),
		`09:00 contoso\anna owa unknown ambiguous`, `09:00 fabrikam\anna owa unknown ambiguous`, `09:10 anna owa unknown ambiguous`)
	w := usual(uses, told("09:00:20", `CONTOSO\anna`, signin.FactorPassed))
	expect(t, w, `09:00 contoso\anna owa passed said`, `09:00 fabrikam\anna owa unknown ambiguous`, `09:10 anna owa unknown ambiguous`)
	w.known.Aliases = [][2]string{{"contoso", "fabrikam"}}
	expect(t, w, `09:00 contoso\anna owa passed said`, `09:00 fabrikam\anna owa unknown roaming`, `09:10 anna owa missing no_event`)
	if _, g := audit.Correlate(usual(uses).setup(), uses, usual(uses).events); g[0].Unjoined != 1 {
		t.Errorf("%d events are of nobody in particular", g[0].Unjoined)
	}
}

// busy adds events of others, every 5 minutes of an hour but for a pause.
func busy(from, to string, not ...string) (events []signin.MFAEvent) {
	for t := at(from); t < at(to); t += 5 * 60_000 {
		if len(not) == 2 && t > at(not[0]) && t < at(not[1]) {
			continue
		}
		e := told("06:00", "eve", signin.FactorPassed)
		e.Time = t
		events = append(events, e)
	}
	return events
}

// A gateway that is silent on a busy day while others log on let them in.
func TestSilence(t *testing.T) {
	t.Parallel()
	uses := logons(logon("10:20", `CONTOSO\anna`), logon("10:25", `CONTOSO\ben`, abroad))
	w := usual(uses, busy("07:00", "19:00", "10:00", "10:40")...)
	expect(t, w, `10:20 contoso\anna owa fail_open silence`, `10:25 contoso\ben owa fail_open silence`)
	w = usual(uses[:1], busy("07:00", "19:00", "10:00", "10:40")...) // nobody else logged on
	expect(t, w, `10:20 contoso\anna owa missing no_event`)
	w = usual(uses, busy("07:00", "19:00", "10:05", "10:30")...) // 25 min
	expect(t, w, `10:20 contoso\anna owa missing no_event`, `10:25 contoso\ben owa missing no_event`)
	w = usual(uses, told("10:00", "eve", signin.FactorPassed), told("10:50", "eve", signin.FactorPassed)) // a quiet day
	expect(t, w, `10:20 contoso\anna owa missing no_event`, `10:25 contoso\ben owa missing no_event`)
	w = usual(uses, busy("07:00", "19:00", "10:00", "10:40")...)
	w.set.Sources[0].Holes = []signin.Span{{From: at("10:01"), To: at("10:39")}} // it was not read
	expect(t, w, `10:20 contoso\anna owa unknown not_covered`, `10:25 contoso\ben owa unknown not_covered`)
}

// The clock of a gateway is measured and told of, and nothing is moved by it.
func TestSkew(t *testing.T) {
	t.Parallel()
	var uses []audit.Use
	var events, wrong []signin.MFAEvent
	for i := range 9 {
		clock, name := fmt.Sprintf("09:%02d", 5*i), fmt.Sprintf("user%d", i)
		uses = append(uses, logon(clock, `CONTOSO\`+name))
		e := told(clock, name, signin.FactorPassed)
		e.Time += int64(50+i) * 1000
		events = append(events, e)
		e.Time += 9 * 60_000
		wrong = append(wrong, e)
	}
	w := usual(uses, events...)
	_, g := audit.Correlate(w.setup(), w.uses, w.events)
	if g[0].Skew != (audit.Skew{Seconds: 54, Pairs: 9}) {
		t.Errorf("%+v", g[0].Skew)
	}
	w = usual(uses, wrong...)
	v, g := audit.Correlate(w.setup(), w.uses, w.events)
	if g[0].Skew.Pairs != 0 || g[0].Near != (audit.Skew{Seconds: 594, Pairs: 9}) || v[0].MFA != signin.MFAUnknown || v[0].Cause != audit.WrongClock {
		t.Errorf("%+v %+v %+v", g[0].Skew, g[0].Near, v[0])
	}
}

// Where the log of logons begins, what looks like a logon may be a session that is older.
func TestDoubt(t *testing.T) {
	t.Parallel()
	w := usual(logons(logon("09:00", `CONTOSO\anna`), logon("15:30", `CONTOSO\ben`)))
	w.set.Blind = map[string][]signin.Span{"EX01": {{From: 0, To: at("09:00")}}}
	v, _ := audit.Correlate(w.setup(), w.uses, w.events)
	if v[0].MFA != signin.MFAMissing || v[0].Doubt != "the log of EX01 does not reach back over the 6h before it: a session may have been opened then" || v[1].Doubt != "" {
		t.Errorf("%+v %+v", v[0], v[1])
	}
}

// random is a day of a few people with all that can happen.
func random(rng *rand.Rand) *world {
	w := &world{}
	one := func(list ...string) string { return list[rng.IntN(len(list))] }
	clock := func() string { return fmt.Sprintf("%02d:%02d:%02d", rng.IntN(24), rng.IntN(60), rng.IntN(60)) }
	for range rng.IntN(60) {
		u := logon(clock(), one(`A\u`, `A\v`, `B\v`, "w@a.com", `A\w`, "x"), one("owa", "ecp", "ews"), one("EX01", "EX02"), one("edge", "inside"), one(home, train, abroad))
		if rng.IntN(3) == 0 { // an hour row with several minutes
			u.Minutes |= 1 << 59
			u.Last = u.First - u.First%3_600_000 + 59*60_000 + 59_000
		}
		w.uses = append(w.uses, u)
	}
	for range rng.IntN(120) {
		o := signin.FactorOutcome(1 + rng.IntN(15))
		e := told(clock(), one("u", "v", `A\v`, "w", "w@a.com", "x"), o, one("duo", "monosign", "nps"), one("app:a", "app:b"))
		if len(w.uses) > 0 && rng.IntN(2) == 0 {
			e.Time = w.uses[rng.IntN(len(w.uses))].First + int64(rng.IntN(400)-100)*1000
		}
		if rng.IntN(3) == 0 {
			e.Transaction = one("1", "2", "3", "4")
		}
		w.events = append(w.events, e)
	}
	for _, k := range []signin.Kind{signin.Duo, signin.Monosign, signin.NPS} {
		if rng.IntN(4) > 0 {
			w.set.Sources = append(w.set.Sources, audit.Source{Kind: k, Server: one("", "EX01"), First: at(fmt.Sprintf("%02d:00", rng.IntN(12))), Last: at("23:00")})
		}
	}
	if rng.IntN(2) == 0 {
		g := audit.DefaultGateway(signin.Duo)
		g.Applications, g.Session = []string{"a"}, time.Duration(10+rng.IntN(500))*time.Minute
		w.set.Gateways = append(w.set.Gateways, g)
	}
	return w
}

// Whatever the order in which it arrived, and whatever the length of the hours that it is fed in, the same data say the
// same.
func TestCorrelationDoesNotDependOnOrderOrWindows(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(11, 3))
	words := map[signin.MFA]int{}
	for round := range 400 {
		w := random(rng)
		set := w.setup()
		set.Seen, set.Habits, set.From, set.To = audit.SeenIn(w.events), audit.HabitsIn(w.events), 0, 1<<62
		text := func(v *audit.Verdict) string {
			return fmt.Sprint(v.Time, v.Account, v.Way.Entry, v.Way.Server, v.Way.Client, v.Address, v.MFA, v.Cause, v.Gateway, v.Reason, v.Doubt)
		}
		run := func(step int64) (all []string, gates string) {
			set.Judged = func(v *audit.Verdict) { all = append(all, text(v)) }
			set.Identities = w.setup().Identities
			c := audit.NewCorrelator(set)
			for from := at("00:00"); from < at("00:00")+26*3_600_000; from += step {
				h := audit.Hour{From: from, To: from + step}
				for _, u := range w.uses {
					if from <= u.First && u.First < h.To {
						h.Uses = append(h.Uses, u)
					}
				}
				for _, e := range w.events {
					if from <= e.Time && e.Time < h.To {
						h.Events = append(h.Events, e)
					}
				}
				c.Feed(h)
			}
			for _, g := range c.Close() {
				gates += fmt.Sprintln(g.ID, g.Events, g.Unjoined, g.Skew, g.Near, g.Known)
			}
			for _, k := range c.Clocks() {
				gates += fmt.Sprintln(*k)
			}
			return all, gates
		}
		set.Clocks = nil
		want, gates := run(26 * 3_600_000)
		for _, step := range []int64{3_600_000, 2 * 3_600_000} {
			rng.Shuffle(len(w.uses), func(a, b int) { w.uses[a], w.uses[b] = w.uses[b], w.uses[a] })
			rng.Shuffle(len(w.events), func(a, b int) { w.events[a], w.events[b] = w.events[b], w.events[a] })
			got, g := run(step)
			if !slices.Equal(got, want) {
				t.Fatalf("round %d, %d ms at a time:\n%s\nwant\n%s", round, step, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if g != gates {
				t.Fatalf("round %d: %s, want %s", round, g, gates)
			}
		}
		verdicts, _ := audit.Correlate(set, w.uses, w.events)
		for _, v := range verdicts {
			words[v.MFA]++
		}
		// Without the gateways' logs nothing is missing, and nothing failed open.
		set.Sources, set.Seen, set.Habits = nil, nil, nil
		verdicts, _ = audit.Correlate(set, w.uses, nil)
		for _, v := range verdicts {
			if v.MFA != signin.MFAUnknown && v.MFA != signin.MFANotCovered {
				t.Fatalf("round %d: without a log of a gateway: %s", round, text(&v))
			}
		}
	}
	if len(words) < 7 {
		t.Errorf("the rounds say too little: %v", words)
	}
}

// Whoever has a password and an IPv6 network logs on from as many addresses as he likes: the work is not that of all
// logons for each event.
func BenchmarkManyAddressesOfOnePerson(b *testing.B) {
	const n = 1000
	at := int64(1791280800000)
	w := &audit.Way{Account: `contoso\anna`, Server: "EX01", Entry: signin.OWA, Client: "curl"}
	var uses []audit.Use
	var events []signin.MFAEvent
	for i := range n {
		t := at + int64(i)*100
		uses = append(uses, audit.Use{Way: w, Address: netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)}), First: t, Last: t, Minutes: 1})
		events = append(events, signin.MFAEvent{Kind: signin.Duo, Time: t, User: "anna", Address: netip.AddrFrom4([4]byte{198, 0, byte(i >> 8), byte(i)}), Outcome: signin.FactorDenied, Transaction: fmt.Sprint(i)})
	}
	set := audit.Setup{Identities: audit.NewIdentities(audit.Known{Proven: []string{`contoso\anna`}}), Sources: []audit.Source{{Kind: signin.Duo, First: at - 1e8, Last: at + 1e8}}}
	for b.Loop() {
		audit.Correlate(set, uses, events)
	}
}
