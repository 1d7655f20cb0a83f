package sqlite

import (
	"cmp"
	"context"
	"maps"
	"slices"
)

// takeOutCloud subtracts sign-ins to the cloud that counted and that a better log told of. The sums of their hours and days
// are made anew from those that are left.
func (t *turn) takeOutCloud(ctx context.Context, out []cloudRow) error {
	w := t.w
	hours, days, usages := map[rowKey]bool{}, map[dayKey]bool{}, map[int64]bool{}
	for i := range out {
		r := &out[i]
		if err := w.exec(ctx, "DELETE FROM cloud_signin WHERE id = ?", r.id); err != nil {
			return err
		}
		if err := w.stale(ctx, r.time); err != nil {
			return err
		}
		hours[rowKey{r.usage, r.address, r.voice.hour}] = true
		days[dayKey{r.usage, r.voice.hour / 24}] = true
		usages[r.usage] = true
	}
	for _, k := range slices.SortedFunc(maps.Keys(hours), func(a, b rowKey) int {
		return cmp.Or(cmp.Compare(a.usage, b.usage), cmp.Compare(a.hour, b.hour), cmp.Compare(a.address, b.address))
	}) {
		if err := w.hourAnew(ctx, k); err != nil {
			return err
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(days), func(a, b dayKey) int { return cmp.Or(cmp.Compare(a.usage, b.usage), cmp.Compare(a.day, b.day)) }) {
		for _, query := range []string{
			"DELETE FROM day WHERE day = ?2 AND usage = ?1",
			`INSERT INTO day (day, usage, count, first, last, hours) SELECT ?2, ?1, count(*), min(time), max(time), sum(DISTINCT 1 << (time / 3600000 % 24))
				FROM cloud_signin WHERE usage = ?1 AND time >= ?2 * 86400000 AND time < (?2 + 1) * 86400000 HAVING count(*) > 0`,
		} {
			if err := w.exec(ctx, query, k.usage, k.day); err != nil {
				return err
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(usages)) {
		for _, query := range []string{
			"UPDATE usage SET (count, first, last) = (SELECT coalesce(sum(count), 0), coalesce(min(first), 0), coalesce(max(last), 0) FROM day WHERE usage = ?1) WHERE id = ?1",
			"UPDATE usage SET first = CASE WHEN count = 0 THEN aged_first ELSE min(first, aged_first) END, last = max(last, aged_last), count = count + aged_count WHERE aged_count > 0 AND id = ?1",
		} {
			if err := w.exec(ctx, query, id); err != nil {
				return err
			}
		}
		delete(w.debuts, id)
		delete(w.settled, id)
		t.debuts[id] = true
	}
	if len(out) > 0 {
		w.earlier = true // some may be seen first later than it seemed
	}
	return cmp.Or(t.moveFirst(ctx, out), t.moveEvidence(ctx, out), t.minutesAnew(ctx, out))
}

// hourAnew makes the hour row of a usage row and an address from the sign-ins that are left. Old ones have none.
func (w *writer) hourAnew(ctx context.Context, k rowKey) error {
	var one int
	there, err := w.one(ctx, "SELECT 1 FROM hour WHERE hour = ? AND usage = ? AND address = ?", []any{k.hour, k.usage, k.address}, &one)
	if err != nil || !there {
		return err
	}
	if err := w.exec(ctx, "DELETE FROM hour WHERE hour = ? AND usage = ? AND address = ?", k.hour, k.usage, k.address); err != nil {
		return err
	}
	const left = "FROM cloud_signin WHERE usage = ?2 AND address = ?3 AND time >= ?1 * 3600000 AND time < (?1 + 1) * 3600000"
	return w.exec(ctx, `INSERT INTO hour (hour, usage, address, count, first, last, minutes, source, at, length, line)
		SELECT ?1, ?2, ?3, n, time - ?1 * 3600000, latest - ?1 * 3600000, minutes, source, at, length, line FROM
		(SELECT count(*) AS n, max(time) AS latest, sum(DISTINCT 1 << (time / 60000 % 60)) AS minutes `+left+`),
		(SELECT time, source, at, length, line `+left+` ORDER BY time, source, at LIMIT 1)`, k.hour, k.usage, k.address)
}

// moveFirst makes usage rows whose first line is told twice point to the first of those that count.
func (t *turn) moveFirst(ctx context.Context, out []cloudRow) error {
	for i := range out {
		if err := t.w.exec(ctx, `UPDATE usage SET (source, at, length, line) = (SELECT c.source, c.at, c.length, c.line FROM cloud_signin c JOIN source s ON s.id = c.source
			WHERE c.usage = ?1 ORDER BY s.path, c.at LIMIT 1) WHERE id = ?1 AND source = ?2 AND at = ?3 AND EXISTS (SELECT 1 FROM cloud_signin c JOIN source s ON s.id = c.source WHERE c.usage = ?1)`,
			out[i].usage, out[i].source, out[i].at); err != nil {
			return err
		}
	}
	return nil
}

// moveEvidence makes findings that cite lines which are told twice cite others of their usage rows, if there are some.
func (t *turn) moveEvidence(ctx context.Context, out []cloudRow) error {
	w := t.w
	short := map[string]bool{} // findings that cite a line less
	for i := range out {
		r := &out[i]
		rows, err := w.QueryContext(ctx, "SELECT x.finding FROM finding_usage x INDEXED BY finding_usage_usage CROSS JOIN evidence e ON e.finding = x.finding AND e.source = ?2 AND e.at = ?3 WHERE x.usage = ?1", r.usage, r.source, r.at)
		if err != nil {
			return err
		}
		var of []string
		err = scan(rows, func() error {
			var id string
			err := rows.Scan(&id)
			of = append(of, id)
			return err
		})
		if err != nil {
			return err
		}
		for _, id := range of {
			if err := w.exec(ctx, "DELETE FROM evidence WHERE finding = ? AND source = ? AND at = ?", id, r.source, r.at); err != nil {
				return err
			}
			delete(w.cited, id)
			short[id] = true
		}
	}
	now := w.s.opt.Now().UnixMilli()
	for _, id := range slices.Sorted(maps.Keys(short)) {
		if err := w.exec(ctx, `INSERT INTO evidence (finding, source, at, path, length, line, step, sha256, document, stored)
			SELECT ?1, source, at, path, length, line, 0, NULL, NULL, ?2 FROM (SELECT c.source, c.at, s.path, c.length, c.line, row_number() OVER (PARTITION BY c.usage ORDER BY s.path, c.at) AS n
			FROM finding_usage x JOIN cloud_signin c ON c.usage = x.usage JOIN source s ON s.id = c.source WHERE x.finding = ?1) WHERE n = 1 ORDER BY path, at LIMIT ?3 ON CONFLICT DO NOTHING`, id, now, maxEvidence); err != nil {
			return err
		}
		if err := w.exec(ctx, "DELETE FROM evidence WHERE finding = ?1 AND (source, at) IN (SELECT source, at FROM evidence WHERE finding = ?1 ORDER BY path, at LIMIT -1 OFFSET ?2)", id, maxEvidence); err != nil {
			return err
		}
	}
	return nil
}
