package sqlite

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
)

// A garble is the stretches of a gateway's log that could not be understood, in the order of its bytes. When what they tell
// of happened, their neighbours say: a log is in the order of time, or in the opposite one.
type garble struct {
	stretches   []stretch
	first, last neighbour // of all events of the log
}

type stretch struct {
	at, end       int64 // in between there may be lines that were understood, where there are very many that were not
	before, after neighbour
}

// A neighbour is the event of a log that is nearest to a stretch, on one side.
type neighbour struct {
	at, time int64
	known    bool
}

// event takes an event of the log, in any order.
func (g *garble) event(at, time int64) {
	this := neighbour{at, time, true}
	if !g.first.known || at < g.first.at {
		g.first = this
	}
	if !g.last.known || at > g.last.at {
		g.last = this
	}
	n, _ := slices.BinarySearchFunc(g.stretches, at, func(s stretch, at int64) int { return cmp.Compare(s.at, at) })
	if n > 0 && at < g.stretches[n-1].end {
		return
	}
	if n < len(g.stretches) {
		if before := &g.stretches[n].before; !before.known || at > before.at {
			*before = this
		}
	}
	if n > 0 {
		if after := &g.stretches[n-1].after; !after.known || at < after.at {
			*after = this
		}
	}
}

// unbounded is how long a stretch without a neighbour on one side is taken to last there: logs follow each other within
// a day, and of what is farther off another one tells.
const unbounded = int64(24 * time.Hour / time.Millisecond)

// holes are the times of which the stretches may tell; none where the log tells of nothing else, and covers nothing. Where
// one has a neighbour on one side only, it is bounded by the logs of the same folder.
func (g *garble) holes(log *audit.Source, all []audit.Source) (holes []signin.Span) {
	backward := g.last.time < g.first.time
	for i := range g.stretches[1:] { // a neighbour that is not known is that of the next stretch: no event stands between them
		if s := &g.stretches[i+1]; !s.before.known {
			s.before = g.stretches[i].before
		}
	}
	for i := len(g.stretches) - 2; i >= 0; i-- {
		if s := &g.stretches[i]; !s.after.known {
			s.after = g.stretches[i+1].after
		}
	}
	for _, s := range g.stretches {
		var h signin.Span
		switch t := max(s.before.time, s.after.time); {
		case s.before.known && s.after.known:
			h = signin.Span{From: min(s.before.time, s.after.time), To: t}
		case !s.before.known && !s.after.known:
			continue
		case s.before.known != backward: // it is the latest of the log
			h = signin.Span{From: t, To: t + unbounded}
			for i := range all {
				if o := &all[i]; o.Kind == log.Kind && o.Folder == log.Folder && o.First > t {
					h.To = min(h.To, o.First)
				}
			}
		default:
			h = signin.Span{From: t - unbounded, To: t}
			for i := range all {
				if o := &all[i]; o.Kind == log.Kind && o.Folder == log.Folder && o.Last > 0 && o.Last < t {
					h.From = max(h.From, o.Last)
				}
			}
		}
		holes = append(holes, h)
	}
	return holes
}

func (v *MFAView) garbled(ctx context.Context) (map[int64]*garble, error) {
	rows, err := v.tx.QueryContext(ctx, `SELECT source, at, "end" FROM garbled ORDER BY source, at`)
	if err != nil {
		return nil, err
	}
	all := map[int64]*garble{}
	return all, scan(rows, func() error {
		var source, at, end int64
		err := rows.Scan(&source, &at, &end)
		if all[source] == nil {
			all[source] = &garble{}
		}
		all[source].stretches = append(all[source].stretches, stretch{at: at, end: end})
		return err
	})
}
