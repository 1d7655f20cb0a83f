package main

import (
	"slices"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// What is covered of the time of a row. A zero is only as good as that.
const (
	wholly = "yes"  // every log that can tell of it was read
	partly = "part" // some was not, or not for all of that time
	not    = "no"
)

// A covered tells of rows by hour or day whether the logs that can tell of them were read. An hour is covered if it
// lies between the first and the last hour in which a log was heard, and in no gap.
type covered struct {
	all  []ingest.Coverage
	by   []signin.Column
	step int64 // the length of a row in milliseconds; 0 for rows without a time
	now  int64
	seen map[teller]string
}

// A teller is the logs that can tell of a row, and when; as far as the columns name them.
type teller struct {
	start    int64
	server   string
	kind     signin.Kind
	protocol signin.Protocol
}

const (
	hourMs = int64(time.Hour / time.Millisecond)
	dayMs  = 24 * hourMs
)

func newCovered(all []ingest.Coverage, by []signin.Column, now time.Time) *covered {
	c := &covered{all: all, by: by, now: now.UnixMilli(), seen: map[teller]string{}}
	if slices.Contains(by, signin.ByHour) {
		c.step = hourMs
	} else if slices.Contains(by, signin.ByDay) {
		c.step = dayMs
	}
	return c
}

// of says how much of a row is covered.
func (c *covered) of(g *signin.Group) string {
	t := teller{g.Start, g.Server, g.Kind, g.Protocol}
	word, ok := c.seen[t]
	if !ok {
		word = c.find(&t)
		c.seen[t] = word
	}
	return word
}

func (c *covered) find(t *teller) string {
	hours, of := int64(0), int64(0)
	told := map[string]bool{} // by server: some log of it can tell of the row
	for i := range c.all {
		l := &c.all[i]
		tells := c.tells(l, t)
		if c.could(l, t) {
			told[l.Server] = told[l.Server] || tells
		}
		if tells {
			of += c.step / hourMs
			for hour := t.start; hour < t.start+c.step; hour += hourMs {
				if coversHour(l, hour) {
					hours++
				}
			}
		}
	}
	for _, is := range told {
		if !is {
			of++ // of a server that keeps no such log nothing is known
		}
	}
	switch {
	case hours == 0:
		return not
	case hours < of, t.start+c.step > c.now: // it is not over yet
		return partly
	}
	return wholly
}

func coversHour(l *ingest.Coverage, hour int64) bool {
	return l.From < hour+hourMs && l.To >= hour && !slices.ContainsFunc(l.Gaps, func(g ingest.Gap) bool { return g.From <= hour && hour < g.To })
}

// could reports whether a log is of a server of Exchange which, by what the columns say, could tell of a row: each can
// keep all five kinds.
func (c *covered) could(l *ingest.Coverage, t *teller) bool {
	exchange := func(k signin.Kind) bool { return k != signin.UnknownKind && !k.Gateway() }
	return exchange(l.Kind) && (!slices.Contains(c.by, signin.ByServer) || l.Server == t.server) && (!slices.Contains(c.by, signin.ByDataset) || exchange(t.kind))
}

// tells reports whether a log can tell of a row, by what its columns say.
func (c *covered) tells(l *ingest.Coverage, t *teller) bool {
	if slices.Contains(c.by, signin.ByServer) && l.Server != t.server || slices.Contains(c.by, signin.ByDataset) && l.Kind != t.kind {
		return false
	}
	if !slices.Contains(c.by, signin.ByProtocol) {
		return true
	}
	mail := map[signin.Kind]signin.Protocol{signin.IMAPLog: signin.IMAP, signin.POPLog: signin.POP, signin.SMTPLog: signin.SMTP}
	switch l.Kind {
	case signin.IMAPLog, signin.POPLog, signin.SMTPLog:
		return t.protocol == mail[l.Kind]
	case signin.IIS, signin.HTTPProxy:
		return t.protocol != signin.IMAP && t.protocol != signin.POP && t.protocol != signin.SMTP
	}
	return true
}

// An unfilled is what fill made no rows of.
type unfilled struct {
	dark    int  // hours or days of which nothing was read
	tooMany bool // rows would have been too many
}

// fill adds rows that count 0 for the hours or days between two instants that are covered, of all that is seen in the
// other columns: a chart must not join what lies before a zero with what lies behind it. Of hours and days that are not
// covered it adds none: nothing is known of them.
func (c *covered) fill(groups *[]signin.Group, from, to int64) (left unfilled) {
	if c.step == 0 || len(c.all) == 0 || from > to {
		return left
	}
	from, to = from/c.step*c.step, to/c.step*c.step
	counted := map[int64]bool{}
	for i := range *groups {
		counted[(*groups)[i].Start] = true
	}
	any := newCovered(c.all, nil, time.UnixMilli(c.now)) // whichever log
	any.step = c.step
	for start := from; start <= to; start += c.step {
		if !counted[start] && any.of(&signin.Group{Start: start}) == not {
			left.dark++
		}
	}
	if slices.Contains(c.by, signin.ByUser) {
		return left // most accounts sign in at few hours
	}
	have, series := map[signin.Group]bool{}, map[signin.Group]bool{}
	if len(c.by) == 1 {
		series[signin.Group{}] = true
	}
	for _, g := range *groups {
		g.Count, g.Refused, g.First, g.Last = 0, 0, 0, 0
		have[g] = true
		g.Start = 0
		series[g] = true
	}
	if int64(len(series))*((to-from)/c.step+1) > maxGroups {
		left.tooMany = true
		return left
	}
	for g := range series {
		for g.Start = from; g.Start <= to; g.Start += c.step {
			if !have[g] && c.of(&g) != not {
				*groups = append(*groups, g)
			}
		}
	}
	signin.SortGroups(*groups, c.by)
	return left
}
