package sqlite

import (
	"context"
	"fmt"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// adopt makes all that is known of one server another's: it turned out that they are the same. What the other log of
// that server told too counts no more.
func (t *turn) adopt(ctx context.Context, a ingest.Adoption) error {
	w := t.w
	from, err := w.servers.id(ctx, w, a.From)
	if err != nil {
		return err
	}
	to, err := w.servers.id(ctx, w, a.To)
	if err != nil {
		return err
	}
	rows, err := w.QueryContext(ctx, "SELECT kind, protocol, hour, state FROM weak WHERE server = ?", from)
	if err != nil {
		return err
	}
	type hour struct {
		v     voice
		state int
	}
	var hours []hour
	err = scan(rows, func() error {
		h := hour{v: voice{server: to}}
		err := rows.Scan(&h.v.kind, &h.v.protocol, &h.v.hour, &h.state)
		hours = append(hours, h)
		return err
	})
	if err != nil {
		return err
	}
	for i := range hours {
		if err := t.alike(ctx, from, hours[i].v, &hours[i].state); err != nil {
			return err
		}
	}
	for _, query := range []string{
		"UPDATE usage SET server = ?2 WHERE server = ?1",
		`INSERT INTO weak (server, kind, protocol, hour, state, count) SELECT ?2, kind, protocol, hour, state, count FROM weak WHERE server = ?1
			ON CONFLICT DO UPDATE SET count = count + excluded.count, state = max(state, excluded.state)`,
		"DELETE FROM weak WHERE server = ?1 AND ?2 = ?2",
		`INSERT INTO minute ("group", step, minute, wait_server, wait_kind, wait_protocol, count, first, last, seen, source, at, length, line)
			SELECT "group", step, minute, ?2, wait_kind, wait_protocol, count, first, last, seen, source, at, length, line FROM minute WHERE wait_kind > 0 AND wait_server = ?1
			ON CONFLICT DO UPDATE SET count = count + excluded.count, first = min(first, excluded.first), last = max(last, excluded.last)`,
		"DELETE FROM minute WHERE wait_kind > 0 AND wait_server = ?1 AND ?2 = ?2",
		`INSERT INTO request_id (server, hash) SELECT ?2, hash FROM request_id WHERE server = ?1 ON CONFLICT DO NOTHING`,
	} {
		if err := w.exec(ctx, query, from, to); err != nil {
			return fmt.Errorf("joining %s to %s: %w", a.From, a.To, err)
		}
	}
	w.usage.forget() // its keys name the old server
	clear(w.rows)
	if err := t.adoptHeard(ctx, from, to); err != nil {
		return err
	}
	for _, h := range hours {
		var one int
		told, err := w.one(ctx, "SELECT 1 FROM heard WHERE server = ? AND kind = ? AND protocol = ? AND hour = ?", []any{to, twin(h.v.kind), h.v.protocol, h.v.hour}, &one)
		if err != nil {
			return err
		}
		if told && h.state != toldTwice {
			if err := t.silence(ctx, h.v); err != nil {
				return err
			}
		}
	}
	return nil
}

// alike brings the weak rows that a server has of an hour, and those of v that they become one with, into one state.
func (t *turn) alike(ctx context.Context, server int64, v voice, state *int) error {
	w := t.w
	var theirs int
	key := []any{v.server, v.kind, v.protocol, v.hour}
	found, err := w.one(ctx, "SELECT state FROM weak WHERE server = ? AND kind = ? AND protocol = ? AND hour = ?", key, &theirs)
	if err != nil || !found || theirs == *state {
		return err
	}
	// What counts yields, and what waits yields to what was told twice.
	whose, have, want := voice{server, v.kind, v.protocol, v.hour}, *state, theirs
	if *state != counted && (theirs == counted || *state == toldTwice) {
		whose, have, want = v, theirs, *state
	}
	*state = want
	from, err := w.s.hoursFrom(ctx, w)
	if err != nil {
		return err
	}
	key = []any{whose.server, whose.kind, whose.protocol, whose.hour}
	switch {
	case have == counted && int64(v.hour/24) < from: // its hours are gone: it counts for good
		return w.exec(ctx, "DELETE FROM weak WHERE server = ? AND kind = ? AND protocol = ? AND hour = ?", key...)
	case want == toldTwice:
		return t.silence(ctx, whose)
	}
	// One counts and the other waits: both wait.
	if err := w.exec(ctx, "UPDATE weak SET state = 0 WHERE server = ? AND kind = ? AND protocol = ? AND hour = ?", key...); err != nil {
		return err
	}
	if err := t.touchWaiting(ctx, whose); err != nil {
		return err
	}
	return w.takeOut(ctx, whose)
}

// adoptHeard moves what was heard of a server to another, whose weak rows of those hours were told twice then.
func (t *turn) adoptHeard(ctx context.Context, from, to int64) error {
	w := t.w
	rows, err := w.QueryContext(ctx, "SELECT kind, protocol, hour, first, last FROM heard WHERE server = ?", from)
	if err != nil {
		return err
	}
	moved := map[voice]signin.Span{}
	err = scan(rows, func() error {
		v := voice{server: to}
		var span signin.Span
		err := rows.Scan(&v.kind, &v.protocol, &v.hour, &span.From, &span.To)
		moved[v] = span
		return err
	})
	if err != nil {
		return err
	}
	kinds := map[signin.Kind]bool{}
	for v := range moved {
		kinds[v.kind] = true
	}
	for kind := range kinds {
		if err := w.adoptMet(ctx, logKey{from, kind}, logKey{to, kind}); err != nil {
			return err
		}
	}
	if err := w.exec(ctx, "DELETE FROM heard WHERE server = ?", from); err != nil {
		return err
	}
	clear(w.heard)
	into := &turn{w: w, heard: moved, touched: t.touched}
	return into.storeHeard(ctx)
}
