package rules

import (
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/outmode/outmode/internal/signin"
)

// A Record is what a rule looks at that reads mfa or another field of that sort: a logon with what the gateways say of
// it, an event of a gateway, or a gateway whose events are of little use for an hour. Records come of joining the two, and not of a line.
type Record struct {
	Event      bool // an event of a gateway
	Gateways   bool // what is wrong with a gateway itself; if it is neither, a logon
	Kind       signin.Kind
	Time       int64 // Unix milliseconds
	Server     string
	Subject    string // who it was, as findings name people
	User       string // the bare account
	Domain     string
	Privileged bool
	Protocol   signin.Protocol // of a logon; an event has none
	Auth       signin.Auth
	Mechanism  signin.Mechanism
	Outcome    signin.Outcome // of an event that is a sign-in to Exchange Online, too
	Evidence   signin.Evidence
	Client     string
	Internal   bool
	Backend    bool
	Address    netip.Addr

	MFA         signin.MFA
	Reason      string // the gateway's word where it said something, else the cause of what is said
	Factor      string
	Result      signin.FactorOutcome // of the event, also of one that belongs to a logon
	Application string
	Gateway     string        // its id
	Enrolled    bool          // some gateway told of this person, ever
	NewAddress  bool          // of an event: the person passed a second factor before it, and never from its address
	Replayed    bool          // of an event: its session was opened on another platform and in another network
	Issuer      signin.Issuer // of an event: what AD FS knows of the token
	Policy      signin.Policy // of an event: what Conditional Access did not do
	Unmet       bool          // of an event: a second factor was asked for or refused, and not given afterwards from its address
	At          signin.Ref
}

// fill sets all that an expression sees of a record, but for hour and weekday.
func (v *view) fill(r *Record) {
	*v = view{Time: time.UnixMilli(r.Time).UTC(), Server: cut(r.Server), Dataset: dataset(r.Kind), User: cut(r.User), Domain: cut(r.Domain), Mechanism: r.Mechanism.String(), Client: cut(r.Client),
		Internal: r.Internal, Privileged: r.Privileged, Backend: r.Backend, MFA: r.MFA.String(), MFAReason: cut(r.Reason), Record: "logon", Factor: cut(r.Factor), FactorOutcome: r.Result.String(),
		Application: cut(r.Application), Gateway: cut(r.Gateway), Enrolled: r.Enrolled, NewAddress: r.NewAddress, Replayed: r.Replayed, Issuer: r.Issuer.String(), Policy: r.Policy.String(), Unmet: r.Unmet}
	if r.Address.IsValid() {
		v.Address = r.Address.String()
	}
	switch {
	case r.Event:
		if v.Record = "event"; r.Outcome != signin.UnknownOutcome {
			v.Outcome = r.Outcome.String()
		}
		return
	case r.Gateways:
		v.Record, v.MFA = "gateway", ""
		return
	}
	v.Protocol, v.Auth, v.Outcome, v.Evidence = r.Protocol.String(), r.Auth.String(), r.Outcome.String(), r.Evidence.String()
	v.LegacyEXO, v.LegacyOnPrem = signin.LegacyEXO(r.Protocol, r.Auth), signin.LegacyOnPrem(r.Kind, r.Protocol, r.Auth)
}

// A RecordJudge judges records and adds up what it finds to minutes. It is for one goroutine.
type RecordJudge struct {
	set     *Set
	eval    *evaluator
	known   map[recordKey]*ruling
	minutes map[minuteOf]*signin.Minute
	broken  map[breach]int64
	lost    int64
	newest  int64 // Unix milliseconds
	pruneAt int   // minutes
	pruned  int64 // what was the newest then
}

// NewRecordJudge returns a judge by the rules that read what joining logons with events decides.
func (s *Set) NewRecordJudge() *RecordJudge {
	return &RecordJudge{set: s, eval: newEvaluator(), known: map[recordKey]*ruling{}, minutes: map[minuteOf]*signin.Minute{}, broken: map[breach]int64{}, pruneAt: minPruned}
}

// RecordRules tells apart sets of which the rules that judge records may find another thing: what is kept was found by
// the rules of then.
func (s *Set) RecordRules() string {
	var b strings.Builder
	for n := range s.rules {
		if r := &s.rules[n]; r.joined {
			b.WriteString(strconv.Quote(r.ID))
			for _, c := range s.definition(int32(n)) {
				b.WriteString(" " + c.key + strconv.Quote(c.meaning()))
			}
		}
	}
	return b.String()
}

// A recordKey is the fields of a record of which there are few combinations.
type recordKey struct {
	event, gateways, privileged, internal, backend, enrolled, newAddress, replayed, unmet bool
	kind                                                                                  signin.Kind
	protocol                                                                              signin.Protocol
	auth                                                                                  signin.Auth
	mechanism                                                                             signin.Mechanism
	outcome                                                                               signin.Outcome
	evidence                                                                              signin.Evidence
	mfa                                                                                   signin.MFA
	result                                                                                signin.FactorOutcome
	issuer                                                                                signin.Issuer
	policy                                                                                signin.Policy
	server, client, reason, factor, app, gateway                                          string
}

// ownFields are those of which there are many: conditions on them are evaluated for each record.
const ownFields fieldSet = 1<<userField | 1<<domainField | 1<<addressField | 1<<timeField | 1<<hourField | 1<<weekdayField

type minuteOf struct {
	rule, step int32
	group      string
	minute     int64
}

// Take judges a record. Records come in the order of time, give or take some hours.
func (j *RecordJudge) Take(r *Record) {
	j.newest = max(j.newest, r.Time)
	key := recordKey{r.Event, r.Gateways, r.Privileged, r.Internal, r.Backend, r.Enrolled, r.NewAddress, r.Replayed, r.Unmet, r.Kind, r.Protocol, r.Auth, r.Mechanism, r.Outcome, r.Evidence, r.MFA, r.Result, r.Issuer, r.Policy, r.Server, r.Client, r.Reason, r.Factor, r.Application, r.Gateway}
	rule := j.known[key]
	filled := false
	if rule == nil {
		j.eval.view.fill(r)
		filled = true
		rule = keep(j.known, key, j.set.advance(j.set.start(atRecords), func(cond int32) value {
			if j.set.conditions[cond].fields&ownFields != 0 {
				return unknown
			}
			return j.run(cond)
		}))
	}
	if len(rule.ticks) == 0 && len(rule.rest) == 0 && len(rule.broken) == 0 {
		return
	}
	if !filled {
		j.eval.view.fill(r)
	}
	if len(rule.rest) > 0 {
		rule = j.set.advance(rule, j.run)
	}
	for _, t := range rule.ticks {
		j.tick(t, r)
	}
	for _, b := range rule.broken {
		j.broken[b]++
	}
}

// Broken returns the rules that failed on a record, by id.
func (j *RecordJudge) Broken() []Broken { return j.set.brokenBy(j.broken) }

func (j *RecordJudge) run(cond int32) value {
	v, message := j.eval.run(&j.set.conditions[cond])
	if v == failed {
		j.set.fail(cond, message)
	}
	return v
}

// tick counts a record for a step of a rule. As of sign-ins, a rule about accounts or addresses counts nothing where
// there is none, unless it is of type match.
func (j *RecordJudge) tick(t tickOf, r *Record) {
	rule := &j.set.rules[t.rule]
	values := make([]string, len(rule.group))
	for i, f := range rule.group {
		values[i] = strings.ReplaceAll(j.value(f, rule, r), "\t", " ") // one within a value would pretend to be a border
		if i < rule.visible && rule.Type != Match && values[i] == "" && (f == userField || f == addressField) {
			return
		}
	}
	var distinct []uint64
	if rule.byValue {
		text := j.value(rule.distinct, rule, r)
		if text == "" {
			return
		}
		distinct = []uint64{hashOf([]byte(text))}
	}
	key := minuteOf{t.rule, t.step, strings.Join(values, "\t"), r.Time / time.Minute.Milliseconds()}
	m := j.minutes[key]
	if m == nil {
		if len(j.minutes) >= j.pruneAt && j.newest-j.pruned >= pruneEvery.Milliseconds() {
			j.prune(j.newest - settledAfter.Milliseconds())
			j.pruneAt, j.pruned = min(maxRecordMinutes, max(minPruned, 2*len(j.minutes))), j.newest
		}
		if len(j.minutes) >= maxRecordMinutes {
			j.lost++
			return
		}
		m = &signin.Minute{Rule: t.rule, Step: t.step, Group: key.group, Minute: key.minute, First: r.Time, Last: r.Time, At: r.At}
		j.minutes[key] = m
	}
	m.Count++
	if r.Time < m.First || r.Time == m.First && r.At.Before(m.At) {
		m.At = r.At
	}
	m.First, m.Last = min(m.First, r.Time), max(m.Last, r.Time)
	m.Distinct = addDistinct(m.Distinct, distinct, rule.Threshold)
}

// addDistinct adds hashes, at most as many as matter.
func addDistinct(have, more []uint64, most int) []uint64 {
	for _, v := range more {
		if len(have) < most && !slices.Contains(have, v) {
			have = append(have, v)
		}
	}
	return have
}

// value is a field's value as text, for groups. The view holds the record.
func (j *RecordJudge) value(f field, rule *compiled, r *Record) string {
	v := &j.eval.view
	switch f {
	case serverField:
		return v.Server
	case datasetField:
		return v.Dataset
	case userField:
		return cut(r.Subject)
	case domainField:
		return v.Domain
	case protocolField:
		return v.Protocol
	case authField:
		return v.Auth
	case mechanismField:
		return v.Mechanism
	case outcomeField:
		return v.Outcome
	case evidenceField:
		return v.Evidence
	case clientField:
		return v.Client
	case internalField:
		return strconv.FormatBool(v.Internal)
	case privilegedField:
		return strconv.FormatBool(v.Privileged)
	case backendField:
		return strconv.FormatBool(v.Backend)
	case legacyEXOField:
		return strconv.FormatBool(v.LegacyEXO)
	case legacyOnPremField:
		return strconv.FormatBool(v.LegacyOnPrem)
	case hourField:
		v.setZone(rule.zone)
		return strconv.Itoa(v.Hour)
	case weekdayField:
		v.setZone(rule.zone)
		return v.Weekday
	case addressField:
		return v.Address
	case mfaField:
		return v.MFA
	case mfaReasonField:
		return v.MFAReason
	case recordField:
		return v.Record
	case factorField:
		return v.Factor
	case factorOutcomeField:
		return v.FactorOutcome
	case applicationField:
		return v.Application
	case gatewayField:
		return v.Gateway
	case enrolledField:
		return strconv.FormatBool(v.Enrolled)
	case newAddressField:
		return strconv.FormatBool(v.NewAddress)
	case replayedField:
		return strconv.FormatBool(v.Replayed)
	case issuerField:
		return v.Issuer
	case policyField:
		return v.Policy
	case unmetField:
		return strconv.FormatBool(v.Unmet)
	}
	return ""
}

// maxRecordMinutes bounds what is found: anybody can send names. From minPruned minutes on those that do not matter are
// looked for, each time when there are twice as many as mattered.
const (
	maxRecordMinutes = 1 << 19
	minPruned        = 1 << 16
)

// settledAfter is how much younger than a record one must be for all of the time of the former to have been judged. Logons
// are judged when the events that may follow them are known, which is hours at most.
const settledAfter = 24 * time.Hour

// pruneEvery is how much time must have gone by for more to be settled: where very much is found at once, looking each time
// would take longer than all else.
const pruneEvery = time.Hour

// prune drops later steps where no first one promises anything: of second factors that were passed there are very many,
// and few follow a row of refusals. Those behind an instant in Unix milliseconds stay, since a first step may come yet.
func (j *RecordJudge) prune(before int64) {
	first := promised{}
	for _, m := range j.minutes {
		if m.Step == 0 && len(j.set.rules[m.Rule].steps) > 1 {
			first.add(j.set, m)
		}
	}
	spans := first.spans(j.set)
	for key, m := range j.minutes {
		rule := &j.set.rules[m.Rule]
		if m.Step == 0 || m.Last >= before-2*rule.Window.Milliseconds() {
			continue
		}
		if span, ok := spans[watched{m.Rule, rule.visibleGroup(m.Group)}]; !ok || m.Last < span.From || span.To < m.First {
			delete(j.minutes, key)
		}
	}
}

// Minutes returns what was found since the last time, in no order, and how many records were found beyond what is kept.
func (j *RecordJudge) Minutes() (minutes []signin.Minute, lost int64) {
	j.prune(math.MaxInt64)
	all := make([]signin.Minute, 0, len(j.minutes))
	for _, m := range j.minutes {
		all = append(all, *m)
	}
	clear(j.minutes)
	lost, j.lost = j.lost, 0
	return all, lost
}
