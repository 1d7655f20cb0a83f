package audit

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/outmode/outmode/internal/signin"
)

// A Source is one log of an MFA gateway, as far as it was read.
type Source struct {
	Kind         signin.Kind
	Server       string   // whose log it is; "" if it does not say
	Folder       string   // logs of one folder follow each other
	Applications []string // of which it tells
	First, Last  int64    // the first and the last event, Unix milliseconds; 0 without one
	Holes        []signin.Span
}

// A Coverage is the time in which a source was read: an event that is not there did not happen.
type Coverage []signin.Span

// Covers reports whether all of a span is covered.
func (c Coverage) Covers(from, to int64) bool {
	i, _ := slices.BinarySearchFunc(c, from, func(s signin.Span, t int64) int { return cmp.Compare(s.To, t) })
	return i < len(c) && c[i].From <= from && to <= c[i].To
}

// at is the span that holds an instant.
func (c Coverage) at(t int64) (signin.Span, bool) {
	i, _ := slices.BinarySearchFunc(c, t, func(s signin.Span, t int64) int { return cmp.Compare(s.To, t) })
	if i < len(c) && c[i].From <= t {
		return c[i], true
	}
	return signin.Span{}, false
}

// NewCoverage returns what some logs cover together: of each the time between its first and its last event but for its
// holes, and the time between two logs of a folder that follow each other.
//
// A gateway that begins a new log every day tells nothing at night, and the night is read all the same. Between two logs
// there is nothing missing if there is no room for a third: if the time between them is shorter than that from the
// beginning of one log to the beginning of the next, ever, and shorter than a day. A lost log leaves more.
func NewCoverage(logs []Source) Coverage {
	const longest = 24 * time.Hour
	type folder struct{ path, server string }
	folders := map[folder][]signin.Span{}
	var all, holes Coverage
	for i := range logs {
		if s := &logs[i]; s.First > 0 && s.First <= s.Last {
			in := folder{s.Folder, s.Server}
			folders[in] = append(folders[in], signin.Span{From: s.First, To: s.Last})
			holes = append(holes, s.Holes...)
		}
	}
	for _, spans := range folders {
		slices.SortFunc(spans, compareSpans)
		step := longest.Milliseconds()
		for i := 1; i < len(spans); i++ {
			if d := spans[i].From - spans[i-1].From; d > 0 {
				step = min(step, d)
			}
		}
		last := spans[0].To
		for i := 1; i < len(spans); i++ {
			if from := spans[i].From; from > last && from-last < step {
				all = append(all, signin.Span{From: last, To: from})
			}
			last = max(last, spans[i].To)
		}
		all = append(all, spans...)
	}
	return union(all).without(union(holes))
}

func compareSpans(a, b signin.Span) int {
	return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
}

// union sorts spans and joins those that touch.
func union(all Coverage) (out Coverage) {
	slices.SortFunc(all, compareSpans)
	for _, s := range all {
		if n := len(out); n > 0 && s.From <= out[n-1].To {
			out[n-1].To = max(out[n-1].To, s.To)
			continue
		}
		out = append(out, s)
	}
	return out
}

// without cuts holes out.
func (c Coverage) without(holes Coverage) (out Coverage) {
	for _, s := range c {
		for _, h := range holes {
			if h.To < s.From || h.From > s.To {
				continue
			}
			if h.From > s.From {
				out = append(out, signin.Span{From: s.From, To: h.From - 1})
			}
			if h.To >= s.To {
				s.From, s.To = 1, 0 // nothing is left
				break
			}
			s.From = max(s.From, h.To+1)
		}
		if s.From <= s.To {
			out = append(out, s)
		}
	}
	return out
}

// Without is all the time that is in none of some spans.
func Without(spans []signin.Span) []signin.Span {
	return Coverage{{From: math.MinInt64, To: math.MaxInt64}}.without(union(slices.Clone(spans)))
}

// Overlap is how much of a span is covered, in milliseconds.
func (c Coverage) Overlap(from, to int64) (ms int64) {
	for _, s := range c {
		ms += max(0, min(s.To, to)-max(s.From, from))
	}
	return ms
}

// A cover is what the logs of one gateway cover, of all servers or, of a kind that each server has of its own, of one.
type cover struct {
	all      Coverage
	byServer map[string]Coverage // nil unless the kind is one of these
}

func coverOf(g *Gateway, sources []Source) cover {
	byServer := map[string][]Source{}
	var nameless, all []Source
	for i := range sources {
		s := sources[i]
		if s.Kind != g.Kind || !g.told(s.Applications) {
			continue
		}
		all = append(all, s)
		if s.Server == "" {
			nameless = append(nameless, s)
		} else {
			byServer[shortName(s.Server)] = append(byServer[shortName(s.Server)], s)
		}
	}
	c := cover{all: NewCoverage(all)}
	if perServer(g.Kind) && len(byServer) > 0 {
		c.byServer = map[string]Coverage{"": NewCoverage(nameless)}
		for server, list := range byServer {
			c.byServer[server] = NewCoverage(append(list, nameless...))
		}
	}
	return c
}

// of is the coverage that counts for a server.
func (c *cover) of(server string) Coverage {
	if c.byServer == nil {
		return c.all
	}
	if own, ok := c.byServer[shortName(server)]; ok {
		return own
	}
	return c.byServer[""]
}
