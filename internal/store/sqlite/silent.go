package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/outmode/outmode/internal/signin"
)

// A Silence is a server's log of a kind that told nothing for longer than is usual.
type Silence struct {
	Server string
	Kind   signin.Kind
	Since  time.Time     // the last event that was read
	Usual  time.Duration // the longest silence that it is known for, at least 2 h; where a limit was given, that limit
}

const (
	// learnFor is how far back before the last event a habit is learned: two weekends.
	learnFor = 14 * 24 * time.Hour
	// leastSilence is the least that is usual: a log may be written late, and health checks may pause.
	leastSilence = 2 * time.Hour
	// learnAtLeast and learnRound are how long a log must have been heard before its silence says anything: a weekend
	// must have been among it, but for logs that are written around the clock.
	learnAtLeast = 7 * 24 * time.Hour
	learnRound   = 24 * time.Hour
)

// Silent returns the logs that told nothing for longer than their habit, by server and kind: longer than one and a half
// times the longest silence of the 14 days before their last event, and than 3 hours. With after above 0 that is the
// limit for all of them. A log that was heard for less than a week (IIS and HttpProxy: a day) has no habit yet.
//
// One that was silent for that long already when it was first read, and told nothing since, did not fall silent: it is a
// log of the past, such as everybody tries the program with.
//
// It goes by the time of events: ask for followed logs, when what is there was read.
func (s *Store) Silent(ctx context.Context, now time.Time, after time.Duration) ([]Silence, error) {
	var all []Silence
	err := s.snapshot(ctx, func(tx *sql.Tx) error {
		logs, err := s.speakers(ctx, tx)
		if err != nil {
			return err
		}
		met, err := metLogs(ctx, tx)
		if err != nil {
			return err
		}
		for of, known := range logs {
			spans, err := lately(ctx, tx, known)
			if err != nil {
				return err
			}
			first := met[logKey{known[0].server, known[0].kind}]
			for _, v := range known[1:] {
				first = min(first, met[logKey{v.server, v.kind}])
			}
			if x, ok := silence(spans, of.kind, time.UnixMilli(first), now, after); ok {
				x.Server = of.server
				all = append(all, x)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading what was heard: %w", err)
	}
	slices.SortFunc(all, func(a, b Silence) int { return cmp.Or(cmp.Compare(a.Server, b.Server), cmp.Compare(a.Kind, b.Kind)) })
	return all, nil
}

// A speaker is a server, by all its names, that speaks through logs of one kind.
type speaker struct {
	server string
	kind   signin.Kind
}

// speakers returns whoever was heard, and under which names and of which protocols.
func (s *Store) speakers(ctx context.Context, q querier) (map[speaker][]voice, error) {
	names, err := s.serverNames(ctx, q)
	if err != nil {
		return nil, err
	}
	servers := map[int64]string{}
	rows, err := q.QueryContext(ctx, "SELECT id, name FROM server")
	if err != nil {
		return nil, err
	}
	err = scan(rows, func() error {
		var id int64
		var name string
		err := rows.Scan(&id, &name)
		servers[id] = cmp.Or(names[name], name)
		return err
	})
	if err != nil {
		return nil, err
	}
	all, err := voices(ctx, q, "heard")
	logs := map[speaker][]voice{}
	for _, v := range all {
		of := speaker{servers[v.server], v.kind}
		logs[of] = append(logs[of], v)
	}
	return logs, err
}

// silence decides one log from the hours in which it was heard, of all its protocols. met is when it was first read.
func silence(spans []signin.Span, kind signin.Kind, met, now time.Time, after time.Duration) (x Silence, ok bool) {
	slices.SortFunc(spans, func(a, b signin.Span) int { return cmp.Compare(a.From, b.From) })
	last, longest := spans[0].To, int64(0)
	for _, h := range spans {
		longest = max(longest, h.From-last)
		last = max(last, h.To)
	}
	x = Silence{Kind: kind, Since: time.UnixMilli(last).UTC(), Usual: after}
	fell := func(limit time.Duration) bool { return now.Sub(x.Since) > limit && met.Sub(x.Since) <= limit }
	if after > 0 {
		return x, fell(after)
	}
	enough := learnAtLeast
	if kind == signin.IIS || kind == signin.HTTPProxy {
		enough = learnRound
	}
	if last-spans[0].From < enough.Milliseconds() {
		return x, false
	}
	x.Usual = max(time.Duration(longest)*time.Millisecond, leastSilence)
	return x, fell(x.Usual * 3 / 2)
}

// lately returns the hours that were heard of the protocols of a log, in the time before the last.
func lately(ctx context.Context, q querier, protocols []voice) ([]signin.Span, error) {
	var spans []signin.Span
	var last int64
	for _, v := range protocols {
		rows, err := q.QueryContext(ctx, "SELECT max(hour) FROM heard WHERE server = ? AND kind = ? AND protocol = ?", v.server, v.kind, v.protocol)
		if err != nil {
			return nil, err
		}
		err = scan(rows, func() error {
			var hour int64
			err := rows.Scan(&hour)
			last = max(last, hour)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	from := last - int64(learnFor/time.Hour)
	for _, v := range protocols {
		rows, err := q.QueryContext(ctx, "SELECT first, last FROM heard WHERE server = ? AND kind = ? AND protocol = ? AND hour >= ?", v.server, v.kind, v.protocol, from)
		if err != nil {
			return nil, err
		}
		err = scan(rows, func() error {
			var h signin.Span
			err := rows.Scan(&h.From, &h.To)
			spans = append(spans, h)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return spans, nil
}

// metPrefix is what the names in table meta begin with under which it is kept when each log was first read.
const metPrefix = "met "

func metName(k logKey) string { return fmt.Sprintf("%s%d %d", metPrefix, k.server, k.kind) }

// metLogs returns when each log was first read, Unix milliseconds. Of one that was read before that was kept nothing is
// said: as if it was always there.
func metLogs(ctx context.Context, q querier) (map[logKey]int64, error) {
	rows, err := q.QueryContext(ctx, "SELECT name, value FROM meta WHERE name >= ? AND name < ?", metPrefix, metPrefix+"~")
	if err != nil {
		return nil, err
	}
	met := map[logKey]int64{}
	err = scan(rows, func() error {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return err
		}
		var k logKey
		var at int64
		if _, err := fmt.Sscanf(name+" "+value, metPrefix+"%d %d %d", &k.server, &k.kind, &at); err != nil {
			return fmt.Errorf("reading when a log was first read: %q is %q: %w", name, value, err)
		}
		met[k] = at
		return nil
	})
	return met, err
}

// meetLog notes when a log is heard that never was before. It is asked before the hour is stored.
func (w *writer) meetLog(ctx context.Context, k logKey) error {
	if w.met[k] {
		return nil
	}
	var one int
	known, err := w.one(ctx, "SELECT 1 FROM heard WHERE server = ? AND kind = ? LIMIT 1", []any{k.server, k.kind}, &one)
	if err == nil && !known {
		err = w.setMeta(ctx, metName(k), fmt.Sprint(w.s.opt.Now().UnixMilli()))
	}
	w.met[k] = err == nil
	return err
}

// adoptMet makes a log known for as long as another one is that turned out to be the same. It is asked before what was
// heard is moved.
func (w *writer) adoptMet(ctx context.Context, from, to logKey) error {
	met, err := metLogs(ctx, w)
	if err != nil {
		return err
	}
	var one int
	known, err := w.one(ctx, "SELECT 1 FROM heard WHERE server = ? AND kind = ? LIMIT 1", []any{to.server, to.kind}, &one)
	if err != nil {
		return err
	}
	at := met[from]
	if known {
		at = min(at, met[to])
	}
	w.met[to] = true
	return w.setMeta(ctx, metName(to), fmt.Sprint(at))
}
