package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"

	"github.com/outmode/outmode/ingest"
)

// Coverage returns for every log that was ever heard, by server and kind, from when to when that was. Its gaps are
// those within the period: a log that fell silent before it is among them, with an end that lies before it.
func (s *Store) Coverage(ctx context.Context, p Period) (all []ingest.Coverage, err error) {
	err = s.snapshot(ctx, func(tx *sql.Tx) error {
		all, err = s.coverage(ctx, tx, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading what was heard: %w", err)
	}
	return all, nil
}

func (s *Store) coverage(ctx context.Context, tx *sql.Tx, p Period) ([]ingest.Coverage, error) {
	again := newReader(tx)
	logs, err := s.speakers(ctx, again)
	if err != nil {
		return nil, err
	}
	from, to := p.days()
	var heard []ingest.Hearing
	for of, voices := range logs {
		e := ear{again: again, of: of, ever: hours{math.MaxInt64, 0}, heard: heard}
		// Nearly as much more at each side as makes a gap tells whether the silence at the edge of the period is one.
		more := int64(ingest.Silence(of.kind)) - 1
		if err := e.hear(ctx, voices, from*24-more, to*24-1+more); err != nil {
			return nil, err
		}
		heard = e.heard
	}
	broken, err := s.brokenLogs(ctx, tx)
	if err != nil {
		return nil, err
	}
	var r ingest.Result
	r.Cover(heard)
	if p.To == 0 {
		p.To = math.MaxInt64
	}
	for i := range r.Coverage {
		c := &r.Coverage[i]
		c.Gaps = slices.DeleteFunc(c.Gaps, func(g ingest.Gap) bool { return g.To <= p.From || g.From >= p.To })
		for k := range c.Gaps {
			g := &c.Gaps[k]
			g.From, g.To = max(g.From, p.From), min(g.To, p.To)
		}
		c.Complete = len(c.Gaps) == 0 && !broken[speaker{ingest.ShortName(c.Server), c.Kind}]
	}
	return r.Coverage, nil
}

// An ear finds out in which hours a log was heard. A store has millions of rows of that, ten protocols say the same of
// most hours, and most logs were heard in all of them: what counting can tell is not read.
type ear struct {
	again *reader
	of    speaker
	ever  hours // the first and the last of all time
	heard []ingest.Hearing
}

// hours are some in a row, both ends included.
type hours struct{ from, to int64 }

// hear adds the first and the last that was ever heard of the log, and each hour within some in which it was heard.
func (e *ear) hear(ctx context.Context, voices []voice, from, to int64) error {
	for _, v := range voices {
		rows, err := e.again.QueryContext(ctx, `SELECT hour, first, last FROM (SELECT hour, first, last FROM heard WHERE server = ?1 AND kind = ?2 AND protocol = ?3 ORDER BY hour LIMIT 1)
			UNION ALL SELECT hour, first, last FROM (SELECT hour, first, last FROM heard WHERE server = ?1 AND kind = ?2 AND protocol = ?3 ORDER BY hour DESC LIMIT 1)`, v.server, v.kind, v.protocol)
		if err != nil {
			return err
		}
		err = scan(rows, func() error {
			var hour, first, last int64
			err := rows.Scan(&hour, &first, &last)
			e.ever.from, e.ever.to = min(e.ever.from, hour), max(e.ever.to, hour)
			e.add(first, last)
			return err
		})
		if err != nil {
			return err
		}
	}
	counts := map[voice]int64{}
	within := hours{max(from, e.ever.from), min(to, e.ever.to)}
	for _, v := range voices {
		n, err := e.count(ctx, v, within)
		if err != nil {
			return err
		}
		if counts[v] = n; n == within.to-within.from+1 {
			break // no other is needed
		}
	}
	slices.SortFunc(voices, func(a, b voice) int { return cmp.Compare(counts[b], counts[a]) })
	silent := []hours{within}
	for _, v := range voices {
		var left []hours
		for _, s := range silent {
			more, err := e.split(ctx, v, s)
			if err != nil {
				return err
			}
			left = append(left, more...)
		}
		silent = left
	}
	return nil
}

func (e *ear) add(first, last int64) {
	e.heard = append(e.heard, ingest.Hearing{Voice: ingest.Voice{Server: e.of.server, Kind: e.of.kind}, First: first, Last: last})
}

// addHour adds an hour of which it does not matter when in it something was heard: of the first and the last it does.
func (e *ear) addHour(hour int64) {
	if e.ever.from < hour && hour < e.ever.to {
		e.add(hour*hourMs, hour*hourMs)
	}
}

func (e *ear) count(ctx context.Context, v voice, in hours) (n int64, err error) {
	err = e.again.one(ctx, "SELECT count(*) FROM heard WHERE server = ? AND kind = ? AND protocol = ? AND hour BETWEEN ? AND ?", []any{v.server, v.kind, v.protocol, in.from, in.to}, &n)
	return n, err
}

// split adds the hours in which a voice was heard, and returns those in which it was not.
func (e *ear) split(ctx context.Context, v voice, in hours) (silent []hours, err error) {
	n, err := e.count(ctx, v, in)
	switch {
	case err != nil || in.from > in.to:
		return nil, err
	case n == 0:
		return []hours{in}, nil
	case n == in.to-in.from+1:
		for hour := in.from; hour <= in.to; hour++ {
			e.addHour(hour)
		}
		return nil, nil
	}
	rows, err := e.again.QueryContext(ctx, "SELECT hour FROM heard WHERE server = ? AND kind = ? AND protocol = ? AND hour BETWEEN ? AND ? ORDER BY hour", v.server, v.kind, v.protocol, in.from, in.to)
	if err != nil {
		return nil, err
	}
	next := in.from
	err = scan(rows, func() error {
		var hour int64
		err := rows.Scan(&hour)
		if hour > next {
			silent = append(silent, hours{next, hour - 1})
		}
		next = hour + 1
		e.addHour(hour)
		return err
	})
	if next <= in.to {
		silent = append(silent, hours{next, in.to})
	}
	return silent, err
}

// brokenLogs are those with a file that could not be read to its end.
func (s *Store) brokenLogs(ctx context.Context, tx *sql.Tx) (map[speaker]bool, error) {
	names, err := s.serverNames(ctx, tx)
	if err != nil {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, "SELECT DISTINCT server, kind FROM source WHERE state = ?", string(ingest.Incomplete))
	if err != nil {
		return nil, err
	}
	broken := map[speaker]bool{}
	err = scan(rows, func() error {
		var of speaker
		err := rows.Scan(&of.server, &of.kind)
		broken[speaker{ingest.ShortName(cmp.Or(names[of.server], of.server)), of.kind}] = true
		return err
	})
	return broken, err
}
