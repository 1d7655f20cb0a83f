package ingest

import (
	"cmp"
	"net/netip"
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
	ToldTwice int64          // sign-ins that another log tells too; Counted + ToldTwice + Waiting = Lines.SignIn
	Waiting   int64          // sign-ins that count unless another log tells them too, which is not known yet
	Usage     []signin.Usage // in the order of their first lines
	Minutes   []signin.Minute
	Noise     Causes // by reason, most first
	Other     Causes
	Undated   []UndatedFactor // in the order of kind and outcome
	Covered   map[signin.Kind]signin.Span
	Coverage  []Coverage
	Unshared  int64 // counted sign-ins to the cloud without an id by which another log would name them
	Crowded   int64 // sign-ins of accounts beyond the number that are told apart
	Lost      int64 // counts of rules with windows beyond the number that is kept

	scan *scan
}

func (s *scan) result() *Result {
	t := s.sum
	s.iis = t.byServer(signin.IIS)
	t.settle(s.iis)
	s.settled = true
	r := &Result{Logs: s.logs, Folders: s.folders, ToldTwice: t.told, Noise: t.noise, Other: t.other, Undated: t.undated.list(), Lost: t.unsplit, scan: s}
	if s.cloud != nil {
		r.Unshared = s.cloud.alone
	}
	for i := range s.logs {
		r.Lines.Add(s.logs[i].Lines)
	}
	r.addUsage(t)
	r.addMinutes(&t.minutes)
	r.Noise.Sort()
	r.Other.Sort()
	r.cover(s)
	return r
}

// addMinutes adds minutes, and leaves all in the order of rule, group and time.
func (r *Result) addMinutes(all *minutes) {
	r.Lost += all.lost
	for _, mk := range all.order {
		m := *all.of[mk]
		m.At.Line = r.Logs[m.At.File].lineAt(m.At.Offset, m.At.Line)
		r.Minutes = append(r.Minutes, m)
	}
	slices.SortFunc(r.Minutes, compareMinutes)
}

// addUsage turns the rows into usage, in the order of their first lines, and lets go of them.
func (r *Result) addUsage(t *tally) {
	u := newUsages(t, r.Logs)
	r.Usage = make([]signin.Usage, 0, t.rows.n)
	t.rows.inOrder(func(of *row) {
		if of.count == 0 {
			return
		}
		row := u.row(of)
		if r.Counted += row.Count; row.Account == signin.OtherAccounts() {
			r.Crowded += row.Count
		}
		r.Usage = append(r.Usage, row)
	})
	t.rows = rowTable{}
}

// usages makes usage rows; the lists in them share their memory.
type usages struct {
	t         *tally
	logs      []Log
	names     [256]string
	days      []int32
	addresses []netip.Addr
}

func newUsages(t *tally, logs []Log) *usages {
	days, addresses := 0, 0
	t.rows.each(func(r *row) {
		addresses += int(t.rows.tail(r).seen)
		for range t.rows.days(r) {
			days++
		}
	})
	return &usages{t: t, logs: logs, days: make([]int32, 0, days), addresses: make([]netip.Addr, 0, addresses)}
}

func (u *usages) row(r *row) signin.Usage {
	t, k := u.t, r.key
	tail := t.rows.tail(r)
	if u.names[k.family] == "" {
		u.names[k.family] = signin.FamilyName(k.family)
	}
	out := signin.Usage{Server: t.servers[k.server], Kind: k.kind, Account: t.accounts.of[k.user], Protocol: k.protocol, Auth: k.auth,
		Mechanism: k.mechanism, Outcome: k.outcome, Evidence: k.evidence, Traffic: k.traffic, Client: u.names[k.family], Modern: k.modern,
		Internal: k.flags&flagInternal != 0, Backend: k.flags&flagBackend != 0, Count: r.count, First: r.first, Last: r.last,
		Hits: t.hits[tail.hits], At: tail.at.ref()}
	out.At.Line = u.logs[out.At.File].lineAt(out.At.Offset, out.At.Line)
	from := len(u.days)
	for day := range t.rows.days(r) {
		u.days = append(u.days, day)
	}
	out.Days = u.days[from:len(u.days):len(u.days)]
	slices.Sort(out.Days)
	out.Days = slices.Compact(out.Days)
	from = len(u.addresses)
	for _, a := range tail.addresses[:tail.seen] {
		if ip := netip.AddrFrom16(a).Unmap(); !ip.IsUnspecified() {
			u.addresses = append(u.addresses, ip)
		}
	}
	out.Addresses = u.addresses[from:len(u.addresses):len(u.addresses)]
	return out
}

func compareMinutes(a, b signin.Minute) int {
	return cmp.Or(cmp.Compare(a.Rule, b.Rule), strings.Compare(a.Group, b.Group), cmp.Compare(a.Minute, b.Minute), cmp.Compare(a.Step, b.Step))
}

// Sort puts the reasons with the most lines first.
func (c Causes) Sort() {
	slices.SortFunc(c, func(a, b Cause) int {
		if a.Lines != b.Lines {
			return int(b.Lines - a.Lines)
		}
		return strings.Compare(a.Reason, b.Reason)
	})
}

// cover says for which period there is data.
func (r *Result) cover(s *scan) {
	heard := make(map[speaker]*heard, len(s.sum.heard))
	for v, h := range s.sum.heard {
		heard[speaker{s.sum.servers[v.server], v.kind}] = h
	}
	r.coverBy(heard)
}

// A speaker is one server speaking through one kind of log.
type speaker struct {
	server string
	kind   signin.Kind
}

// Cover says for which period there is data, from what was heard.
func (r *Result) Cover(all []Hearing) {
	heard := map[speaker]*heard{}
	for i := range all {
		v := speaker{all[i].Server, all[i].Kind}
		if heard[v] == nil {
			heard[v] = newHeard()
		}
		heard[v].add(all[i].Protocol, all[i].First)
		heard[v].add(all[i].Protocol, all[i].Last)
	}
	r.coverBy(heard)
}

func (r *Result) coverBy(heard map[speaker]*heard) {
	r.Covered = map[signin.Kind]signin.Span{}
	broken := map[speaker]bool{}
	for i := range r.Logs {
		if l := &r.Logs[i]; l.State == Incomplete {
			broken[speaker{short(l.Server), l.Format.Kind}] = true
		}
	}
	for v, h := range heard {
		span, ok := r.Covered[v.kind]
		if !ok {
			span = signin.Span{From: h.first, To: h.till}
		}
		r.Covered[v.kind] = signin.Span{From: min(span.From, h.first), To: max(span.To, h.till)}
		c := Coverage{Server: v.server, Kind: v.kind, From: h.first, To: h.till, Gaps: h.gaps(v.kind)}
		c.Complete = len(c.Gaps) == 0 && !broken[speaker{short(v.server), v.kind}]
		r.Coverage = append(r.Coverage, c)
	}
	slices.SortFunc(r.Coverage, func(a, b Coverage) int {
		return cmp.Or(strings.Compare(a.Server, b.Server), cmp.Compare(a.Kind, b.Kind))
	})
}
