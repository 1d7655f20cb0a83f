package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// maxPairs bounds how many pairs of names are kept, whatever a log holds: two or three for each of 50,000 people.
const maxPairs = 1 << 17

// pairsLost is how many were left out for that.
const pairsLost = "pairs_lost"

// storePairs writes which names are one person's. A pair that is new, and one that goes, change who is who: all that is
// kept is to be joined again.
func (t *turn) storePairs(ctx context.Context, batches []*ingest.Batch) error {
	w := t.w
	last := map[signin.Pair]int64{}
	for _, b := range batches {
		for _, p := range b.Proofs {
			last[p.Pair] = max(last[p.Pair], p.Last)
		}
	}
	if len(last) == 0 {
		return nil
	}
	today, lost := w.s.opt.Now().UnixMilli()/dayMs, int64(0)
	oldest := w.horizon(w.s.opt.Retention.Days) / dayMs
	order := make([]signin.Pair, 0, len(last))
	for p := range last {
		order = append(order, p)
	}
	slices.SortFunc(order, func(a, b signin.Pair) int { return cmp.Or(cmp.Compare(a.One, b.One), cmp.Compare(a.Other, b.Other)) })
	for _, p := range order {
		day := min(last[p]/dayMs, today) // a clock that goes wrong keeps none for ever
		if known, ok := w.paired[p]; ok && known >= day || day < oldest {
			continue
		}
		var have int64
		met, err := w.one(ctx, "SELECT day FROM pair WHERE one = ? AND other = ?", []any{p.One, p.Other}, &have)
		switch {
		case err != nil:
			return err
		case met && have < day:
			err = w.exec(ctx, "UPDATE pair SET day = ? WHERE one = ? AND other = ?", day, p.One, p.Other)
		case !met:
			if w.pairs < 0 {
				if _, err := w.one(ctx, "SELECT count(*) FROM pair", nil, &w.pairs); err != nil {
					return err
				}
			}
			if w.pairs >= w.s.pairs {
				lost++
				continue
			}
			w.pairs++
			if err = w.exec(ctx, "INSERT INTO pair (one, other, day) VALUES (?, ?, ?)", p.One, p.Other, day); err == nil {
				err = w.stale(ctx, last[p])
			}
		}
		if err != nil {
			return err
		}
		if len(w.paired) >= w.s.cached {
			clear(w.paired)
		}
		w.paired[p] = max(day, have)
	}
	if lost == 0 {
		return nil
	}
	was, _, err := w.s.metaNumber(ctx, w, pairsLost)
	if err != nil {
		return err
	}
	return w.setMeta(ctx, pairsLost, fmt.Sprint(was+lost))
}

// Pairs lists the names that lines proved to be one person's, and how many times one was left out since there are too many.
func (v *MFAView) Pairs(ctx context.Context) (all [][2]string, lost int64, err error) {
	const what = "who is who"
	rows, err := v.tx.QueryContext(ctx, "SELECT one, other FROM pair")
	if err != nil {
		return nil, 0, reading(what, err)
	}
	err = scan(rows, func() error {
		var p [2]string
		err := rows.Scan(&p[0], &p[1])
		all = append(all, p)
		return err
	})
	if err == nil {
		lost, _, err = v.s.metaNumber(ctx, v.tx, pairsLost)
	}
	return all, lost, reading(what, err)
}

// pairs drops those that no line proved for as long as days are kept.
func (p *pruning) pairs(ctx context.Context) (int64, error) {
	n, err := p.change(ctx, "DELETE FROM pair WHERE (one, other) IN (SELECT one, other FROM pair INDEXED BY pair_day WHERE day < ? LIMIT ?)", p.daysFrom, pruneRows)
	if n > 0 {
		clear(p.w.paired)
		p.w.pairs = -1
		err = cmp.Or(err, p.w.stale(ctx, p.w.newest))
	}
	return n, err
}
