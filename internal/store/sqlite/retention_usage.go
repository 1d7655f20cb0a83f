package sqlite

import (
	"context"
	"maps"
	"slices"
)

// hours drops hour rows, but for those of hours whose weak rows wait still.
func (p *pruning) hours(ctx context.Context) (int64, error) {
	if n, err := p.change(ctx, `DELETE FROM hour WHERE (hour, usage, address) IN (SELECT h.hour, h.usage, h.address FROM hour h JOIN usage u ON u.id = h.usage
		LEFT JOIN weak k ON u.weak = 1 AND k.server = u.server AND k.kind = u.kind AND k.protocol = u.protocol AND k.hour = h.hour
		WHERE h.hour < ? AND k.state IS NOT 0 ORDER BY h.hour LIMIT ?)`, p.hoursFrom*24, pruneRows); n > 0 || err != nil {
		return n, err
	}
	return p.change(ctx, `DELETE FROM weak_line WHERE (usage, hour) IN (SELECT l.usage, l.hour FROM weak_line l JOIN usage u ON u.id = l.usage
		LEFT JOIN weak k ON k.server = u.server AND k.kind = u.kind AND k.protocol = u.protocol AND k.hour = l.hour WHERE l.hour < ? AND k.state IS NOT 0 LIMIT ?)`,
		p.hoursFrom*24, pruneRows)
}

// days drops day rows and adds them to what is known of days without rows.
func (p *pruning) days(ctx context.Context) (int64, error) {
	rows, err := p.w.QueryContext(ctx, "SELECT day, usage, count, first, last FROM day WHERE day < ? ORDER BY day, usage LIMIT ?", p.daysFrom, pruneRows)
	if err != nil {
		return 0, err
	}
	var keys []dayKey
	aged := map[int64]*daySum{}
	err = scan(rows, func() error {
		var k dayKey
		var count, first, last int64
		if err := rows.Scan(&k.day, &k.usage, &count, &first, &last); err != nil {
			return err
		}
		if aged[k.usage] == nil {
			aged[k.usage] = &daySum{}
		}
		aged[k.usage].add(count, first, last, 0)
		keys = append(keys, k)
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, k := range keys {
		if err := p.w.exec(ctx, "DELETE FROM day WHERE day = ? AND usage = ?", k.day, k.usage); err != nil {
			return 0, err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(aged)) {
		if err := p.w.age(ctx, id, aged[id]); err != nil {
			return 0, err
		}
	}
	return int64(len(keys)), nil
}

// lineCounts adds the counts of old days up, by log. Day 0 is of lines without a time.
func (p *pruning) lineCounts(ctx context.Context) (int64, error) {
	rows, err := p.w.QueryContext(ctx, "SELECT source, day, verdict, reason, lines FROM line_count WHERE day > 0 AND day < ? LIMIT ?", p.daysFrom, pruneRows)
	if err != nil {
		return 0, err
	}
	counts := map[lineCount]int64{}
	err = scan(rows, func() error {
		var c lineCount
		var n int64
		err := rows.Scan(&c.source, &c.day, &c.verdict, &c.reason, &n)
		counts[c] = n
		return err
	})
	if err != nil {
		return 0, err
	}
	for c, n := range counts {
		if err := p.w.exec(ctx, "DELETE FROM line_count WHERE source = ? AND day = ? AND verdict = ? AND reason = ?", c.source, c.day, c.verdict, c.reason); err != nil {
			return 0, err
		}
		if err := p.w.exec(ctx, "INSERT INTO line_count (source, day, verdict, reason, lines) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET lines = lines + excluded.lines",
			c.source, agedDay, c.verdict, c.reason, n); err != nil {
			return 0, err
		}
	}
	return int64(len(counts)), nil
}

// heard drops what was heard of hours of which no day is kept.
func (p *pruning) heard(ctx context.Context) (n int64, err error) {
	if err := p.w.noteCovered(ctx); err != nil {
		return 0, err
	}
	return p.perVoice(ctx, "heard", func(v voice) (int64, error) {
		return p.change(ctx, "DELETE FROM heard WHERE server = ? AND kind = ? AND protocol = ? AND hour < ?", v.server, v.kind, v.protocol, p.daysFrom*24)
	})
}

// weak drops hours with weak rows, but for those that wait, and adds up what was told twice.
func (p *pruning) weak(ctx context.Context) (n int64, err error) {
	return p.perVoice(ctx, "weak", func(v voice) (int64, error) {
		key := []any{v.server, v.kind, v.protocol, p.daysFrom * 24}
		const old = `FROM weak WHERE server = ?1 AND kind = ?2 AND protocol = ?3 AND hour >= 0 AND hour < ?4 `
		if err := p.w.exec(ctx, `INSERT INTO weak (server, kind, protocol, hour, state, count) SELECT server, kind, protocol, ?5, 2, sum(count) `+old+`AND state = 2 GROUP BY server, kind, protocol
			ON CONFLICT DO UPDATE SET count = count + excluded.count`, append(key, agedHour)...); err != nil {
			return 0, err
		}
		twice, err := p.change(ctx, "DELETE "+old+"AND state = 2", key...)
		if err != nil {
			return 0, err
		}
		// A minute that is kept longer counts because its hour does.
		once, err := p.change(ctx, "DELETE "+old+`AND state = 1 AND NOT EXISTS (SELECT 1 FROM minute m WHERE m.wait_kind > 0 AND m.wait_server = weak.server AND m.wait_kind = weak.kind
			AND m.wait_protocol = weak.protocol AND m.minute BETWEEN weak.hour * 60 AND weak.hour * 60 + 59)`, key...)
		return twice + once, err
	})
}

// perVoice drops rows of each voice, until they are enough for one step.
func (p *pruning) perVoice(ctx context.Context, table string, drop func(voice) (int64, error)) (n int64, err error) {
	all, err := voices(ctx, p.w, table)
	if err != nil {
		return 0, err
	}
	for _, v := range all {
		dropped, err := drop(v)
		if err != nil {
			return 0, err
		}
		if n += dropped; n >= pruneRows {
			break
		}
	}
	if n > 0 {
		clear(p.w.heard) // it may know what is gone
		clear(p.w.met)
	}
	return n, nil
}

// voices returns the servers, kinds and protocols of table heard or weak, without their hours. Each is found by a
// look-up behind the one before: there are thousands of hours of each.
func voices(ctx context.Context, q querier, table string) ([]voice, error) {
	var all []voice
	last := voice{server: -1}
	for {
		rows, err := q.QueryContext(ctx, "SELECT server, kind, protocol FROM "+table+" WHERE (server, kind, protocol) > (?, ?, ?) ORDER BY server, kind, protocol LIMIT 1",
			last.server, last.kind, last.protocol)
		if err != nil {
			return nil, err
		}
		found := false
		err = scan(rows, func() error {
			found = true
			return rows.Scan(&last.server, &last.kind, &last.protocol)
		})
		if err != nil || !found {
			return all, err
		}
		all = append(all, last)
	}
}
