package ingest

import (
	"cmp"
	"slices"
	"strings"

	"github.com/outmode/outmode/internal/signin"
)

// A Result is what a scan found.
type Result struct {
	Logs      []Log // in order of path
	Folders   []Folder
	Lines     signin.Lines   // of all logs
	Counted   int64          // sign-ins in Usage
	ToldTwice int64          // sign-ins that another log tells too; Counted + ToldTwice = Lines.SignIn
	Usage     []signin.Usage // in the order of their first lines
	Minutes   []signin.Minute
	Noise     Causes // by reason, most first
	Other     Causes
	Covered   map[signin.Kind]signin.Span
	Coverage  []Coverage
	Crowded   int64 // sign-ins of accounts beyond the number that are told apart
	Lost      int64 // counts of rules with windows beyond the number that is kept

	scan *scan
}

func (s *scan) result() *Result {
	t := s.sum
	s.iis = t.byServer(signin.IIS)
	t.settle(s.iis)
	s.settled = true
	r := &Result{Logs: s.logs, Folders: s.folders, ToldTwice: t.told, Noise: t.noise, Other: t.other, Lost: t.lost, scan: s}
	for i := range s.logs {
		r.Lines.Add(s.logs[i].Lines)
	}
	names := &[256]string{}
	r.Usage = make([]signin.Usage, 0, t.rows.n)
	for i := range t.rows.n {
		u := s.usage(t.rows.row(i), t.rows.tail(i), names)
		if r.Counted += u.Count; u.Account == signin.OtherAccounts() {
			r.Crowded += u.Count
		}
		r.Usage = append(r.Usage, u)
	}
	t.rows = rowTable{}
	slices.SortFunc(r.Usage, func(a, b signin.Usage) int { return compareRefs(a.At, b.At) })
	for _, mk := range t.order {
		m := *t.minutes[mk]
		m.At.Line = s.logs[m.At.File].lineAt(m.At.Offset, m.At.Line)
		r.Minutes = append(r.Minutes, m)
	}
	slices.SortFunc(r.Minutes, compareMinutes)
	r.Noise.sort()
	r.Other.sort()
	r.cover(s)
	return r
}

func (s *scan) usage(r *row, tail *rowTail, names *[256]string) signin.Usage {
	k, t := r.key, s.sum
	if names[k.family] == "" {
		names[k.family] = signin.FamilyName(k.family)
	}
	u := signin.Usage{Server: t.servers[k.server], Kind: k.kind, Account: t.accounts.list[k.user], Protocol: k.protocol, Auth: k.auth,
		Mechanism: k.mechanism, Outcome: k.outcome, Evidence: k.evidence, Traffic: k.traffic, Client: names[k.family], Modern: k.modern,
		Internal: k.flags&flagInternal != 0, Backend: k.flags&flagBackend != 0, Count: r.count, First: r.first, Last: r.last,
		Hits: tail.hits, At: tail.at}
	u.At.Line = s.logs[u.At.File].lineAt(u.At.Offset, u.At.Line)
	eachDay(r.days, tail, func(day int32) { u.Days = append(u.Days, day) })
	slices.Sort(u.Days)
	u.Days = slices.Compact(u.Days)
	for _, a := range tail.addresses {
		if a.address != nil {
			u.Addresses = append(u.Addresses, a.address.String())
		}
	}
	return u
}

func compareRefs(a, b signin.Ref) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Offset, b.Offset))
}

func compareMinutes(a, b signin.Minute) int {
	return cmp.Or(cmp.Compare(a.Rule, b.Rule), strings.Compare(a.Group, b.Group), cmp.Compare(a.Minute, b.Minute), cmp.Compare(a.Step, b.Step))
}

func (c Causes) sort() {
	slices.SortFunc(c, func(a, b Cause) int {
		if a.Lines != b.Lines {
			return int(b.Lines - a.Lines)
		}
		return strings.Compare(a.Reason, b.Reason)
	})
}

// cover says for which period there is data.
func (r *Result) cover(s *scan) {
	r.Covered = map[signin.Kind]signin.Span{}
	broken := map[voice]bool{}
	for i := range s.logs {
		if l := &s.logs[i]; l.State == Incomplete {
			broken[voice{s.sum.server(l.Server), l.Format.Kind}] = true
		}
	}
	for v, h := range s.sum.heard {
		span, ok := r.Covered[v.kind]
		if !ok {
			span = signin.Span{From: h.first, To: h.till}
		}
		r.Covered[v.kind] = signin.Span{From: min(span.From, h.first), To: max(span.To, h.till)}
		c := Coverage{Server: s.sum.servers[v.server], Kind: v.kind, From: h.first, To: h.till, Gaps: h.gaps(v.kind)}
		c.Complete = len(c.Gaps) == 0 && !broken[v]
		r.Coverage = append(r.Coverage, c)
	}
	slices.SortFunc(r.Coverage, func(a, b Coverage) int {
		if c := strings.Compare(a.Server, b.Server); c != 0 {
			return c
		}
		return int(a.Kind) - int(b.Kind)
	})
}
