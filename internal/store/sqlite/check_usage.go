package sqlite

import (
	"context"
	"database/sql"
	"time"
)

// who names a usage row u, to be read by a person.
const who = `coalesce((SELECT a.key FROM account a WHERE a.id = u.account), '') || ' on ' || coalesce((SELECT v.name FROM server v WHERE v.id = u.server), '')`

// usage checks the sums over all time.
func (c *checker) usage(ctx context.Context) error {
	return c.each(ctx, `SELECT u.id, `+who+`, u.count, u.aged_count, d.count FROM usage u
		JOIN (SELECT id, coalesce(sum(d.count), 0) AS count FROM usage LEFT JOIN day d ON d.usage = usage.id GROUP BY id) d ON d.id = u.id WHERE u.count <> u.aged_count + d.count`, nil, func(rows *sql.Rows) error {
		var id, count, aged, days int64
		var name string
		err := rows.Scan(&id, &name, &count, &aged, &days)
		c.problem(UsageSums, "row %d (%s) counts %d, its days %d and those that were dropped %d", id, name, count, days, aged)
		return err
	})
}

// sumsOfHours adds up the hours of day ?1 that count, by usage row.
const sumsOfHours = `SELECT h.usage AS usage, sum(h.count) AS count, min(h.hour * 3600000 + h.first) AS first, max(h.hour * 3600000 + h.last) AS last, sum(DISTINCT 1 << (h.hour % 24)) AS hours
	FROM hour h JOIN usage u ON u.id = h.usage LEFT JOIN weak k ON u.weak = 1 AND k.server = u.server AND k.kind = u.kind AND k.protocol = u.protocol AND k.hour = h.hour
	WHERE h.hour BETWEEN ?1 * 24 AND ?1 * 24 + 23 AND (u.weak = 0 OR k.state = 1) GROUP BY h.usage`

// days checks the days whose hours are all there, one after the other: they are many.
func (c *checker) days(ctx context.Context) error {
	from, err := c.completeFrom(ctx)
	if err != nil {
		return err
	}
	var days []int64
	err = c.each(ctx, "SELECT DISTINCT day FROM day WHERE day >= ?1 UNION SELECT DISTINCT hour / 24 FROM hour WHERE hour >= ?1 * 24 ORDER BY 1", []any{from}, func(rows *sql.Rows) error {
		var day int64
		err := rows.Scan(&day)
		days = append(days, day)
		return err
	})
	if err != nil {
		return err
	}
	for _, day := range days {
		date := time.UnixMilli(day * dayMs).UTC().Format(time.DateOnly)
		// Not a full join: SQLite makes that a loop in a loop.
		err := c.each(ctx, `SELECT u.id, `+who+`, d.count, d.first, d.last, d.hours, d.s_count, d.s_first, d.s_last, d.s_hours FROM (
			SELECT usage, sum(count) AS count, sum(first) AS first, sum(last) AS last, sum(hours) AS hours, sum(s_count) AS s_count, sum(s_first) AS s_first, sum(s_last) AS s_last, sum(s_hours) AS s_hours
			FROM (SELECT usage, count, first, last, hours, 0 AS s_count, 0 AS s_first, 0 AS s_last, 0 AS s_hours FROM day WHERE day = ?1
				UNION ALL SELECT usage, 0, 0, 0, 0, count, first, last, hours FROM (`+sumsOfHours+`)) GROUP BY usage) d JOIN usage u ON u.id = d.usage
			WHERE (d.count, d.first, d.last, d.hours) IS NOT (d.s_count, d.s_first, d.s_last, d.s_hours)`, []any{day}, func(rows *sql.Rows) error {
			var id int64
			var name string
			var d, s daySum
			if err := rows.Scan(&id, &name, &d.count, &d.first, &d.last, &d.hours, &s.count, &s.first, &s.last, &s.hours); err != nil {
				return err
			}
			if d.count != s.count {
				c.problem(DaySums, "row %d (%s) counts %d on %s, and its hours %d", id, name, d.count, date, s.count)
			} else {
				c.problem(DaySums, "row %d (%s) says of %s: from %d to %d, hours %#x; its hours say: from %d to %d, hours %#x", id, name, date, d.first, d.last, d.hours, s.first, s.last, s.hours)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// completeFrom is the first day of which all hour rows must be there.
func (c *checker) completeFrom(ctx context.Context) (int64, error) {
	from, err := c.s.hoursFrom(ctx, c.q)
	if err != nil {
		return 0, err
	}
	newest, err := c.number(ctx, "SELECT coalesce(max(last), 0) FROM heard")
	if err != nil {
		return 0, err
	}
	// Of older logs no hours were written.
	oldest := min(newest, c.s.opt.Now().UnixMilli()) - c.s.opt.Retention.Hours.Milliseconds()
	return max(from, (oldest+dayMs-1)/dayMs), nil
}

// weak checks the hours that wait, count or were told twice.
func (c *checker) weak(ctx context.Context) error {
	from, err := c.completeFrom(ctx)
	if err != nil {
		return err
	}
	return c.each(ctx, `SELECT coalesce((SELECT v.name FROM server v WHERE v.id = k.server), ''), k.hour, k.state, k.count, coalesce((SELECT sum(h.count) FROM usage u JOIN hour h ON h.hour = k.hour AND h.usage = u.id
		WHERE u.weak = 1 AND u.server = k.server AND u.kind = k.kind AND u.protocol = k.protocol), 0) AS rows FROM weak k WHERE k.hour >= ? AND k.count <> rows AND k.kind NOT IN (`+cloudKinds()+`)`, []any{from * 24}, func(rows *sql.Rows) error {
		var server string
		var hour, count, sum int64
		var state int
		err := rows.Scan(&server, &hour, &state, &count, &sum)
		word := [...]string{waiting: "wait", counted: "count", toldTwice: "were told twice"}[min(max(state, 0), toldTwice)]
		c.problem(WeakSums, "%s: %d sign-ins %s in the hour from %s, and its rows have %d", server, count, word, time.UnixMilli(hour*hourMs).UTC().Format(time.RFC3339), sum)
		return err
	})
}

// cloud checks that the hours of sign-ins to the cloud are the sums of those that are kept one by one.
func (c *checker) cloud(ctx context.Context) error {
	from, err := c.completeFrom(ctx)
	if err != nil {
		return err
	}
	return c.each(ctx, `SELECT u.id, `+who+`, sum(d.hours), sum(d.kept) FROM (
		SELECT h.usage AS usage, h.count AS hours, 0 AS kept FROM usage x JOIN hour h ON h.usage = x.id WHERE x.kind IN (`+cloudKinds()+`) AND h.hour >= ?1 * 24
		UNION ALL SELECT usage, 0, 1 FROM cloud_signin WHERE time >= ?1 * 86400000) d JOIN usage u ON u.id = d.usage GROUP BY u.id HAVING sum(d.hours) <> sum(d.kept)`, []any{from}, func(rows *sql.Rows) error {
		var id, hours, kept int64
		var name string
		err := rows.Scan(&id, &name, &hours, &kept)
		c.problem(CloudSums, "the hours of row %d (%s) count %d sign-ins to the cloud, and %d are kept", id, name, hours, kept)
		return err
	})
}
