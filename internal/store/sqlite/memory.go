package sqlite

import (
	"context"
	"net/netip"

	"github.com/outmode/outmode/internal/signin"
)

// A memory is what a writer knows of a table whose rows are found by a key.
type memory[K comparable] struct {
	ids  map[K]int64
	next int64 // the number of the next row
	all  bool  // a key that is not in ids is not in the table
}

// maxCached bounds each memory of a writer, maxLoaded what it begins with, both in entries.
const (
	maxCached = 1 << 18
	maxLoaded = 1 << 16
)

// forget makes room. What is not in the table yet must be written before.
func (m *memory[K]) forget() {
	clear(m.ids)
	m.all = false
}

// remember keeps the number of a row.
func (m *memory[K]) remember(k K, id int64) { m.ids[k] = id }

// load reads a table of which each row has a number, unless it is too long.
func load[K comparable](ctx context.Context, s *Store, m *memory[K], table, columns string, key func(scan func(...any) error) (K, int64, error)) error {
	m.ids = map[K]int64{}
	var rows int64
	if err := s.write.QueryRowContext(ctx, "SELECT coalesce(max(id), 0) + 1, count(*) FROM "+table).Scan(&m.next, &rows); err != nil {
		return err
	}
	if rows > int64(min(maxLoaded, s.cached)) {
		return nil
	}
	m.all = true
	if rows == 0 {
		return nil
	}
	found, err := s.write.QueryContext(ctx, "SELECT "+columns+" FROM "+table)
	if err != nil {
		return err
	}
	return scan(found, func() error {
		k, id, err := key(found.Scan)
		m.ids[k] = id
		return err
	})
}

// remember fills the writer's memories.
func (w *writer) remember(ctx context.Context) error {
	err := load(ctx, w.s, &w.accounts, "account", "id, key", func(scan func(...any) error) (key string, id int64, err error) {
		return key, id, scan(&id, &key)
	})
	if err != nil {
		return err
	}
	err = load(ctx, w.s, &w.addresses, "address", "id, ip, seen", func(scan func(...any) error) (ip netip.Addr, id int64, err error) {
		var raw []byte
		var seen int64
		err = scan(&id, &raw, &seen)
		ip, _ = netip.AddrFromSlice(raw)
		w.seen[id] = seen
		return ip, id, err
	})
	if err != nil {
		return err
	}
	err = load(ctx, w.s, &w.groups, "rule_group", "id, rule, text", func(scan func(...any) error) (k groupKey, id int64, err error) {
		return k, id, scan(&id, &k.rule, &k.text)
	})
	if err != nil {
		return err
	}
	return load(ctx, w.s, &w.usage, "usage", "id, account, server, kind, protocol, auth, mechanism, outcome, evidence, traffic, client, modern, internal, backend, weak, verdict",
		func(scan func(...any) error) (u usageKey, id int64, err error) {
			var internal, backend, weak bool
			err = scan(&id, &u.account, &u.server, &u.kind, &u.protocol, &u.auth, &u.mechanism, &u.outcome, &u.evidence, &u.traffic, &u.client, &u.modern, &internal, &backend, &weak, &u.verdict)
			u.flags = bit(internal, isInternal) | bit(backend, isBackend) | bit(weak, isWeak)
			return u, id, err
		})
}

// account returns the number of an account, made if it is new.
func (w *writer) account(ctx context.Context, a *signin.Account) (int64, error) {
	if id, ok := w.accounts.ids[a.Key]; ok {
		return id, nil
	}
	if err := w.room(ctx, len(w.accounts.ids), w.accounts.forget); err != nil {
		return 0, err
	}
	id, err := w.find(ctx, w.accounts.all, "SELECT id FROM account WHERE key = ?", a.Key)
	if err == nil && id == 0 {
		id = w.accounts.next
		w.accounts.next++
		err = w.newAccounts.add(ctx, id, a.Key, a.Form, a.Traffic, a.Privileged, a.Name, a.Domain, a.Why)
	}
	w.accounts.remember(a.Key, id)
	return id, err
}

// address returns the number of an address that is told of on a day; 0 is none.
func (w *writer) address(ctx context.Context, ip netip.Addr, day int64) (int64, error) {
	if !ip.IsValid() {
		return 0, nil
	}
	ip = ip.WithZone("")
	id, ok := w.addresses.ids[ip]
	if !ok {
		if err := w.room(ctx, len(w.addresses.ids), w.forgetAddresses); err != nil {
			return 0, err
		}
		raw := ip.AsSlice()
		var err error
		if id, err = w.find(ctx, w.addresses.all, "SELECT id FROM address WHERE ip = ?", raw); err != nil {
			return 0, err
		}
		if id == 0 {
			id, w.seen[w.addresses.next] = w.addresses.next, day
			w.addresses.next++
			if err := w.newAddresses.add(ctx, id, raw, day); err != nil {
				return 0, err
			}
		}
		w.addresses.remember(ip, id)
	}
	if seen, ok := w.seen[id]; !ok || seen < day {
		w.seen[id], w.later[id] = day, day
	}
	return id, nil
}

func (w *writer) forgetAddresses() {
	w.addresses.forget()
	clear(w.seen)
}

// group returns the number of a rule's group, 0 if there is none.
func (w *writer) group(ctx context.Context, g groupKey) (int64, error) {
	if id, ok := w.groups.ids[g]; ok {
		return id, nil
	}
	if err := w.room(ctx, len(w.groups.ids), w.groups.forget); err != nil {
		return 0, err
	}
	id, err := w.find(ctx, w.groups.all, "SELECT id FROM rule_group WHERE rule = ? AND text = ?", g.rule, g.text)
	if id != 0 {
		w.groups.remember(g, id)
	}
	return id, err
}

// newGroup makes a group that is not there.
func (w *writer) newGroup(ctx context.Context, g groupKey, visible string) (int64, error) {
	id := w.groups.next
	w.groups.next++
	w.groups.remember(g, id)
	return id, w.newGroups.add(ctx, id, g.rule, g.text, visible)
}

// row returns the number of a key's usage row, and whether it is new: then it must be made.
func (w *writer) row(ctx context.Context, k usageKey) (id int64, isNew bool, err error) {
	if id, ok := w.usage.ids[k]; ok {
		return id, false, nil
	}
	if id := w.making[k]; id != 0 {
		return id, false, nil
	}
	if err := w.room(ctx, len(w.usage.ids), w.usage.forget); err != nil {
		return 0, false, err
	}
	id, err = w.find(ctx, w.usage.all, `SELECT id FROM usage INDEXED BY usage_account WHERE account = ? AND server = ? AND kind = ? AND protocol = ? AND auth = ? AND mechanism = ? AND outcome = ?
		AND evidence = ? AND traffic = ? AND client = ? AND modern = ? AND internal = ? AND backend = ? AND weak = ? AND verdict = ?`, k.columns()...)
	if err == nil && id == 0 {
		id, isNew = w.usage.next, true
		w.usage.next++
		w.making[k] = id
	}
	w.usage.remember(k, id)
	return id, isNew, err
}

// find returns the number that a query finds, 0 if there is none: for sure if all are known.
func (w *writer) find(ctx context.Context, allKnown bool, query string, key ...any) (id int64, err error) {
	if allKnown {
		return 0, nil
	}
	_, err = w.one(ctx, query, key, &id)
	return id, err
}

// room forgets what a memory holds if that is too much. The rows that are not written yet are first.
func (w *writer) room(ctx context.Context, entries int, forget func()) error {
	if entries < w.s.cached {
		return nil
	}
	err := w.flush(ctx)
	forget()
	return err
}

// flush writes the new rows that wait for company.
func (w *writer) flush(ctx context.Context) error {
	for _, b := range []*bulk{&w.newAccounts, &w.newAddresses, &w.newGroups} {
		if err := b.end(ctx); err != nil {
			return err
		}
	}
	for id, day := range w.later {
		if err := w.exec(ctx, "UPDATE address SET seen = max(seen, ?) WHERE id = ?", day, id); err != nil {
			return err
		}
	}
	clear(w.later)
	return nil
}
