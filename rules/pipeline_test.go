package rules_test

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

// A logged is a sign-in and where its line stands.
type logged struct {
	s  *signin.SignIn
	at signin.Ref
}

// A pipeline folds sign-ins as ingest does: rows of what they have in common, and minutes of the rules
// that count. It is written anew here, and simply, since ingest bounds what it keeps.
type pipeline struct {
	judge   *rules.Judge
	limit   func(rule int32) int
	usage   map[string]*signin.Usage
	minutes map[string]*signin.Minute
}

func newPipeline(set *rules.Set) *pipeline {
	return &pipeline{set.NewJudge(), limitOf(set), map[string]*signin.Usage{}, map[string]*signin.Minute{}}
}

// limitOf tells how many distinct values of a minute of a rule matter.
func limitOf(set *rules.Set) func(rule int32) int {
	return func(rule int32) int { return set.Window(rule).Distinct }
}

// add folds one sign-in. later says which ticks of later steps are kept; nil keeps all.
func (p *pipeline) add(l logged, later func(*signin.Tick, int64) bool) {
	s, ms := l.s, l.s.Facts.Time
	hits := p.judge.Line(p.judge.Row(s), s)
	key := fmt.Sprint(s.Server, s.Facts.Kind, s.Account.Key, s.Account.Name, s.Account.Domain, s.Account.Privileged, s.Protocol, s.Auth, s.Mechanism,
		s.Outcome, s.Evidence, s.Traffic, s.Client.Family, s.Client.Modern, s.Address.Internal, s.Backend, hits.ID)
	u := p.usage[key]
	if u == nil {
		u = &signin.Usage{Server: s.Server, Kind: s.Facts.Kind, Account: s.Account, Protocol: s.Protocol, Auth: s.Auth, Mechanism: s.Mechanism,
			Outcome: s.Outcome, Evidence: s.Evidence, Traffic: s.Traffic, Client: s.Client.Family, Modern: s.Client.Modern,
			Internal: s.Address.Internal, Backend: s.Backend, First: ms, Last: ms, Hits: hits, At: l.at}
		p.usage[key] = u
	}
	u.Count++
	u.First, u.Last = min(u.First, ms), max(u.Last, ms)
	if l.at.Before(u.At) {
		u.At = l.at
	}
	for _, t := range p.judge.Ticks(nil, hits, s) {
		if t.Step == 0 || later == nil || later(&t, ms) {
			p.tick(t, ms, l.at)
		}
	}
}

func (p *pipeline) tick(t signin.Tick, ms int64, at signin.Ref) {
	key := fmt.Sprint(t.Rule, t.Step, string(t.Group), ms/60_000)
	m := p.minutes[key]
	if m == nil {
		m = &signin.Minute{Rule: t.Rule, Step: t.Step, Group: string(t.Group), Minute: ms / 60_000, First: ms, Last: ms, At: at}
		p.minutes[key] = m
	}
	m.Count++
	m.First, m.Last = min(m.First, ms), max(m.Last, ms)
	if at.Before(m.At) {
		m.At = at
	}
	if t.Distinct != 0 && len(m.Distinct) < p.limit(t.Rule) && !slices.Contains(m.Distinct, t.Distinct) {
		m.Distinct = append(m.Distinct, t.Distinct)
	}
}

// merge adds what another pipeline of the same set saw, as the sum of workers does.
func (p *pipeline) merge(o *pipeline) {
	for key, u := range o.usage {
		to := p.usage[key]
		if to == nil {
			p.usage[key] = u
			continue
		}
		to.Count += u.Count
		to.First, to.Last = min(to.First, u.First), max(to.Last, u.Last)
		if u.At.Before(to.At) {
			to.At = u.At
		}
	}
	for key, m := range o.minutes {
		to := p.minutes[key]
		if to == nil {
			p.minutes[key] = m
			continue
		}
		to.Count += m.Count
		to.First, to.Last = min(to.First, m.First), max(to.Last, m.Last)
		if m.At.Before(to.At) {
			to.At = m.At
		}
		for _, d := range m.Distinct {
			if len(to.Distinct) < p.limit(m.Rule) && !slices.Contains(to.Distinct, d) {
				to.Distinct = append(to.Distinct, d)
			}
		}
	}
}

// observed is what a pipeline saw. Maps give it in any order, which must not matter.
func (p *pipeline) observed(covered map[signin.Kind]signin.Span) rules.Observed {
	o := rules.Observed{Covered: covered}
	for _, u := range p.usage {
		o.Usage = append(o.Usage, *u)
	}
	for _, m := range p.minutes {
		o.Minutes = append(o.Minutes, *m)
	}
	return o
}

// find judges sign-ins and returns the findings. covered nil is all of the days around them.
func find(set *rules.Set, covered map[signin.Kind]signin.Span, lines ...logged) []rules.Finding {
	p := newPipeline(set)
	for _, l := range lines {
		p.add(l, nil)
	}
	return set.Findings(p.observed(covered))
}

// numbered gives each sign-in a line of its own.
func numbered(all ...*signin.SignIn) (lines []logged) {
	for i, s := range all {
		lines = append(lines, logged{s, signin.Ref{Offset: int64(100 * i), Line: int64(i + 1)}})
	}
	return lines
}

// signed is a sign-in that rules of these tests look for, at a time such as "08:00:00" or, days later,
// "3d 08:00:00": Basic on EWS with HttpProxy's word for it, from outside. words change it.
func signed(clock, user string, words ...string) *signin.SignIn {
	days := 0
	if d, rest, ok := strings.Cut(clock, "d "); ok {
		if _, err := fmt.Sscan(d, &days); err != nil {
			panic(err)
		}
		clock = rest
	}
	ms := at(clock) + int64(days)*24*time.Hour.Milliseconds()
	s := &signin.SignIn{Verdict: signin.SignInLine, Protocol: signin.EWS, Auth: signin.Basic, Outcome: signin.Success, Evidence: signin.Proven,
		Server: "EX01", Account: signin.Nobody(), Client: &signin.Client{Agent: "curl/8", Family: "curl", Version: "8"},
		Address: address("192.0.2.7"), Facts: &signin.Facts{Kind: signin.HTTPProxy, Time: ms, Path: []byte("/EWS/Exchange.asmx"), Status: 200}}
	if user != "" {
		s.Account = &signin.Account{Name: user, Domain: "contoso", Key: `contoso\` + user, Form: signin.Sam}
	}
	for _, w := range words {
		change(s, w)
	}
	return s
}

func change(s *signin.SignIn, word string) {
	if ip, err := netip.ParseAddr(word); err == nil {
		s.Address = address(ip.String())
		return
	}
	if p, ok := signin.ParseProtocol(word); ok && word != "other" {
		s.Protocol = p
		return
	}
	switch word {
	case "refused":
		s.Outcome, s.Facts.Status = signin.Failure, 401
	case "blocked":
		s.Outcome, s.Facts.Status = signin.Blocked, 401
	case "ntlm":
		s.Auth = signin.NTLM
	case "iis":
		s.Facts.Kind = signin.IIS
	case "privileged":
		s.Account.Privileged = true
	case "backend":
		s.Backend = true
	case "EX02":
		s.Server = word
	case "nowhere":
		s.Address = &signin.Address{}
	default:
		if path, ok := strings.CutPrefix(word, "path="); ok {
			s.Facts.Path = []byte(path)
			return
		}
		if agent, ok := strings.CutPrefix(word, "agent="); ok {
			s.Client = &signin.Client{Agent: agent, Family: "program", Version: agent}
			return
		}
		panic("a sign-in has no " + word)
	}
}

func address(ip string) *signin.Address {
	a := netip.MustParseAddr(ip)
	return &signin.Address{Raw: ip, IP: a, Internal: a.IsPrivate()}
}

// summarized is what tests compare of findings: rule, subject, protocol, count and the time, with the
// day where it is not the first.
func summarized(fs []rules.Finding) (out []string) {
	clock := func(t time.Time) string {
		if n := int(t.Sub(day) / (24 * time.Hour)); n > 0 {
			return fmt.Sprintf("%dd %s", n, t.Format("15:04:05"))
		}
		return t.Format("15:04:05")
	}
	for _, f := range fs {
		out = append(out, fmt.Sprintf("%s %s|%s|%d|%s to %s", f.Rule, f.Subject, f.Protocol, f.Count, clock(f.First), clock(f.Last)))
	}
	return out
}

// days covers both kinds of log that signed makes, from day on.
func days(n int) map[signin.Kind]signin.Span {
	span := signin.Span{From: day.UnixMilli(), To: day.AddDate(0, 0, n).UnixMilli()}
	return map[signin.Kind]signin.Span{signin.HTTPProxy: span, signin.IIS: span}
}

// dealt is the sum of n pipelines of one set, to which sign-ins were dealt as workers take them.
func dealt(set *rules.Set, n int, lines []logged, to func(i int) int) *pipeline {
	var all []*pipeline
	for range n {
		all = append(all, newPipeline(set))
	}
	for i, l := range lines {
		all[to(i)].add(l, nil)
	}
	for _, p := range all[1:] {
		all[0].merge(p)
	}
	return all[0]
}

func sortLines(lines []logged) {
	slices.SortFunc(lines, func(a, b logged) int {
		return cmp.Or(cmp.Compare(a.at.File, b.at.File), cmp.Compare(a.at.Offset, b.at.Offset))
	})
}
