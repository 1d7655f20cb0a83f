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
	logs, err := s.speakers(ctx, tx)
	if err != nil {
		return nil, err
	}
	from, to := p.days()
	within, err := tx.PrepareContext(ctx, heardOf)
	if err != nil {
		return nil, err
	}
	defer within.Close()
	var heard []ingest.Hearing
	for of, voices := range logs {
		for _, v := range voices {
			// One hour more at each side tells whether the silence at the edge of the period is a gap, which is longer.
			rows, err := within.QueryContext(ctx, v.server, v.kind, v.protocol, from*24-1, to*24+1)
			if err != nil {
				return nil, err
			}
			err = scan(rows, func() error {
				h := ingest.Hearing{Voice: ingest.Voice{Server: of.server, Kind: of.kind, Protocol: v.protocol}}
				err := rows.Scan(&h.First, &h.Last)
				heard = append(heard, h)
				return err
			})
			if err != nil {
				return nil, err
			}
		}
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

// heardOf reads what a voice was heard in the hours ?4 to ?5, and the first and the last that was ever heard of it.
const heardOf = `SELECT first, last FROM heard WHERE server = ?1 AND kind = ?2 AND protocol = ?3 AND hour >= ?4 AND hour < ?5
	UNION ALL SELECT first, last FROM (SELECT first, last FROM heard WHERE server = ?1 AND kind = ?2 AND protocol = ?3 ORDER BY hour LIMIT 1)
	UNION ALL SELECT first, last FROM (SELECT first, last FROM heard WHERE server = ?1 AND kind = ?2 AND protocol = ?3 ORDER BY hour DESC LIMIT 1)`

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
