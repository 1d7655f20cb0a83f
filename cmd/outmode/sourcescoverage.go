package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// A sourceCoverage is the coverage of a server's logs of one kind, beside that of the others.
type sourceCoverage struct {
	coverage
	Elsewhere    []span `json:"elsewhere"` // before From or behind To: when other servers' logs of that kind were heard
	HoursMissing int64  `json:"hours_missing"`

	kind    signin.Kind
	missing []span // gaps and elsewhere, in order
}

// A span is a period of event time.
type span struct {
	From string `json:"from"`
	To   string `json:"to"`

	from, to int64
}

func newSpan(from, to int64) span { return span{rfc3339(from), rfc3339(to), from, to} }

// An absentLog is a kind of log that some servers have and others do not.
type absentLog struct {
	Kind    string   `json:"kind"`
	Servers []string `json:"servers"` // without one
}

// addCoverage says of which hours there is nothing: within what was read of a log, and beside that of the others.
func (r *sourcesReport) addCoverage(all []ingest.Coverage) {
	r.Coverage, r.Absent = []sourceCoverage{}, []absentLog{}
	spans := map[signin.Kind]signin.Span{}
	for i := range all {
		c := &all[i]
		s, ok := spans[c.Kind]
		if !ok {
			s = signin.Span{From: c.From, To: c.To}
		}
		spans[c.Kind] = signin.Span{From: min(s.From, c.From), To: max(s.To, c.To)}
	}
	for i, row := range coverageOf(all) {
		c := &all[i]
		out := sourceCoverage{coverage: row, Elsewhere: []span{}, kind: c.Kind}
		var missing []span
		for _, g := range allGaps(c, twin(all, c)) {
			missing = append(missing, newSpan(g.From, g.To))
		}
		// The logs of mail protocols are silent when nobody uses them: theirs begin and end when they like.
		if s := spans[c.Kind]; ingest.AroundTheClock(c.Kind) {
			if s.From < c.From-edge {
				out.Elsewhere = append(out.Elsewhere, newSpan(s.From, c.From))
			}
			if s.To > c.To+edge {
				out.Elsewhere = append(out.Elsewhere, newSpan(c.To, s.To))
			}
		}
		out.missing = united(append(missing, out.Elsewhere...))
		for _, s := range out.missing {
			out.HoursMissing += s.hours()
		}
		r.Coverage = append(r.Coverage, out)
	}
	r.addAbsent(all)
}

// hours is how many hours lie in a span of which nothing was heard: one in which a log begins or ends is heard.
func (s *span) hours() int64 { return s.to/hourMs - s.from/hourMs }

// united joins spans that overlap.
func united(all []span) []span {
	slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var out []span
	for _, s := range all {
		if n := len(out); n > 0 && s.from <= out[n-1].to {
			out[n-1] = newSpan(out[n-1].from, max(out[n-1].to, s.to))
			continue
		}
		out = append(out, s)
	}
	return out
}

// addAbsent names the Exchange servers without a log of a kind that another one has. A gateway is none of them, and what
// it lacks says nothing.
func (r *sourcesReport) addAbsent(all []ingest.Coverage) {
	has := map[signin.Kind]map[string]bool{}
	var servers []string
	for i := range all {
		c := &all[i]
		if c.Kind.Gateway() {
			continue
		}
		if has[c.Kind] == nil {
			has[c.Kind] = map[string]bool{}
		}
		has[c.Kind][c.Server] = true
		if !slices.Contains(servers, c.Server) {
			servers = append(servers, c.Server)
		}
	}
	slices.Sort(servers)
	for k := range signin.Words("kind") {
		kind := signin.Kind(k)
		absent := absentLog{Kind: kind.String()}
		for _, s := range servers {
			if has[kind] != nil && !has[kind][s] {
				absent.Servers = append(absent.Servers, s)
			}
		}
		if len(absent.Servers) > 0 {
			r.Absent = append(r.Absent, absent)
		}
	}
}

// coverageRows is how many logs with hours missing are shown where nobody asked for all.
const coverageRows = 12

// coverage shows of which hours there is nothing, the worst logs first. Logs of which nothing is missing are one row per
// kind, and servers without a log one line: with fifty servers it must still be read.
func (t *sourcesTable) coverage() {
	if len(t.r.Coverage) == 0 {
		return
	}
	t.heading("Coverage")
	var holed, whole []*sourceCoverage
	for i := range t.r.Coverage {
		if c := &t.r.Coverage[i]; c.HoursMissing > 0 || !c.Complete {
			holed = append(holed, c)
		} else {
			whole = append(whole, c)
		}
	}
	slices.SortStableFunc(holed, func(a, b *sourceCoverage) int { return cmp.Compare(b.HoursMissing, a.HoursMissing) })
	shown := holed
	if !t.verbose {
		shown = holed[:min(len(holed), coverageRows)]
	}
	tb := newTable("server", "kind", "from", "to", ">hours missing", "when")
	for _, c := range shown {
		when := t.when(c)
		tb.add(orDash(c.Server), c.Kind, shortTime(c.From), shortTime(c.To), number(c.HoursMissing), when[0])
		for _, more := range when[1:] {
			tb.add("", "", "", "", "", more)
		}
	}
	for len(whole) > 0 {
		of := []*sourceCoverage{whole[0]}
		if !t.verbose {
			of = nil
			for _, c := range whole {
				if c.kind == whole[0].kind {
					of = append(of, c)
				}
			}
		}
		whole = slices.DeleteFunc(whole, func(c *sourceCoverage) bool { return slices.Contains(of, c) })
		var servers []string
		from, to := of[0].From, of[0].To
		for _, c := range of {
			servers = append(servers, orDash(c.Server))
			from, to = min(from, c.From), max(to, c.To)
		}
		tb.add(some(servers), of[0].Kind, shortTime(from), shortTime(to), "complete")
	}
	tb.write(t.w, t.p)
	if hidden := len(holed) - len(shown); hidden > 0 {
		t.printf("  ... and %s more with hours missing: -v shows all\n", plural(hidden, "log"))
	}
	for i := 0; i < len(t.r.Absent); {
		servers := t.r.Absent[i].Servers
		var kinds []string
		for ; i < len(t.r.Absent) && slices.Equal(t.r.Absent[i].Servers, servers); i++ {
			kind, _ := signin.ParseKind(t.r.Absent[i].Kind)
			kinds = append(kinds, kindName(kind))
		}
		names := some(servers)
		if t.verbose {
			names = join(servers, ", ", " and ")
		}
		t.printf("  Of %s no %s log was read, and of other servers there is one.\n", cell(names), join(kinds, ", ", " or "))
	}
}

// when says which hours are missing of a log: the longest span or, where all is to be said, each of them.
func (t *sourcesTable) when(c *sourceCoverage) []string {
	if len(c.missing) == 0 {
		return []string{"a file was not read to its end"}
	}
	spans := slices.Clone(c.missing)
	if !t.verbose {
		slices.SortStableFunc(spans, func(a, b span) int { return cmp.Compare(b.hours(), a.hours()) })
		text := shortTime(spans[0].From) + " to " + shortTime(spans[0].To)
		if n := len(spans) - 1; n > 0 {
			text += fmt.Sprintf(", and %s more", plural(n, "time"))
		}
		return []string{text}
	}
	var all []string
	for _, s := range spans {
		all = append(all, shortTime(s.From)+" to "+shortTime(s.To))
	}
	return all
}
