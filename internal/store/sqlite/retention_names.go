package sqlite

import (
	"context"
	"time"
)

// What is told of once and pointed to by many goes when nothing points to it any more. Servers, clients, rules, verdicts
// and reasons stay: there are few of each, whatever is logged.

// events drops what gateways told, with the hours that it is compared with.
func (p *pruning) events(ctx context.Context) (int64, error) {
	return p.change(ctx, "DELETE FROM mfa_event WHERE (time, source, at) IN (SELECT time, source, at FROM mfa_event WHERE time < ? ORDER BY time LIMIT ?)", p.hoursFrom*dayMs, pruneRows)
}

// cloud drops sign-ins to the cloud, which keep their rows as long as hours are kept. The sums of their days cannot be made
// anew from then on: what counts then counts for good.
func (p *pruning) cloud(ctx context.Context) (int64, error) {
	if err := p.w.cloudFrom(ctx, p.hoursFrom); err != nil {
		return 0, err
	}
	return p.change(ctx, "DELETE FROM cloud_signin WHERE id IN (SELECT id FROM cloud_signin INDEXED BY cloud_signin_time WHERE time < ? ORDER BY time LIMIT ?)", p.hoursFrom*dayMs, pruneRows)
}

// addresses drops those that no hour and no event has. All of the days that are kept were seen since; older hours are
// there only while they wait for the other log.
func (p *pruning) addresses(ctx context.Context) (int64, error) {
	n, err := p.change(ctx, `DELETE FROM address WHERE id IN (SELECT id FROM address INDEXED BY address_seen WHERE seen < ?1
		AND id NOT IN (SELECT address FROM hour WHERE hour < ?1 * 24) LIMIT ?2)`, p.hoursFrom, pruneRows)
	if n > 0 {
		p.w.forgetAddresses() // it may know what is gone
	}
	return n, err
}

// empty drops usage rows that count nothing, and accounts that are left without one: all that one log told of them the
// other told too, and the hours in which it did are gone. If they are seen again they are made again. Older hours than
// are kept may be there still: they wait for the other log, or did until a moment ago.
func (p *pruning) empty(ctx context.Context) (int64, error) {
	if p.daysFrom > p.hoursFrom {
		return 0, nil // which hours have weak rows is not known as long as they are kept
	}
	w := p.w
	var last int64
	if _, err := w.one(ctx, "SELECT coalesce(max(id), 0) FROM usage", nil, &last); err != nil {
		return 0, err
	}
	if w.emptied >= last {
		w.emptied = 0
		return 0, nil
	}
	type row struct{ id, account, server, kind, protocol int64 }
	rows, err := w.QueryContext(ctx, `SELECT id, account, server, kind, protocol FROM usage u WHERE id > ?1 AND id <= ?1 + ?2 AND (weak = 1 OR kind IN (`+cloudKinds()+`)) AND count = 0
		AND NOT EXISTS (SELECT 1 FROM day d WHERE d.usage = u.id) AND NOT EXISTS (SELECT 1 FROM weak_line l WHERE l.usage = u.id)
		AND NOT EXISTS (SELECT 1 FROM finding_usage f WHERE f.usage = u.id) AND id NOT IN (SELECT usage FROM hour WHERE hour < ?3) ORDER BY id`, w.emptied, pruneRows, p.hoursFrom*24)
	if err != nil {
		return 0, err
	}
	var all []row
	err = scan(rows, func() error {
		var r row
		err := rows.Scan(&r.id, &r.account, &r.server, &r.kind, &r.protocol)
		all = append(all, r)
		return err
	})
	if err != nil {
		return 0, err
	}
	start := time.Now()
	next, dropped := w.emptied+pruneRows, false
	for _, r := range all {
		if time.Since(start) > pruneTime {
			next = r.id - 1 // the next step comes to it
			break
		}
		var one int
		held, err := w.one(ctx, `SELECT 1 FROM weak k WHERE server = ? AND kind = ? AND protocol = ? AND hour >= ? AND EXISTS (SELECT 1 FROM hour h WHERE h.hour = k.hour AND h.usage = ?)
			ORDER BY hour DESC LIMIT 1`, []any{r.server, r.kind, r.protocol, p.hoursFrom * 24, r.id}, &one)
		if err == nil && !held {
			dropped = true
			err = w.exec(ctx, "DELETE FROM usage WHERE id = ?", r.id)
			if err == nil {
				err = w.exec(ctx, "DELETE FROM account WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM usage u WHERE u.account = ?1)", r.account)
			}
		}
		if err != nil {
			return 0, err
		}
	}
	w.emptied = next
	if dropped {
		w.usage.forget() // they may know what is gone
		w.accounts.forget()
		clear(w.rows)
		clear(w.settled)
		clear(w.debuts)
	}
	return 1, nil // until the last row was looked at
}

// headers drops columns that no log has any more.
func (p *pruning) headers(ctx context.Context) (int64, error) {
	n, err := p.change(ctx, "DELETE FROM header WHERE id NOT IN (SELECT header FROM head) AND id NOT IN (SELECT header FROM source)")
	clear(p.w.headers.ids) // it may know what is gone
	return n, err
}
