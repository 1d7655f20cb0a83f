package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// A groupKey names a group of a rule, a groupName all groups that are decided together.
type groupKey struct {
	rule int64
	text string
}

type groupName struct {
	rule    int64
	visible string
}

// maxGroupsADay bounds how many groups one day of event time may add to a rule: anybody can send names, and addresses
// are many. What is beyond is counted.
const maxGroupsADay = 1 << 15

// errCrowded says that a group is one too many.
var errCrowded = errors.New("there are too many groups")

type ruleDay struct{ rule, day int64 }

type minuteKey struct {
	group, minute int64
	step          int32
	waits         voice // its hour is not part of it
}

// storeMinutes adds to the minutes of rules with windows.
func (t *turn) storeMinutes(ctx context.Context, batches []*ingest.Batch) error {
	if t.w.s.opt.Rules == nil {
		return nil
	}
	all := map[minuteKey]*signin.Minute{}
	var order []minuteKey
	lost := int64(0)
	for _, b := range batches {
		lost += b.Lost
		for i := range b.Minutes {
			m := &b.Minutes[i]
			m.At.File = int(b.Log)
			k, err := t.minute(ctx, m)
			if errors.Is(err, errCrowded) {
				lost += m.Count
				continue
			}
			if err != nil {
				return err
			}
			have := all[k]
			if have == nil {
				sum := m.Minute // a batch that could not be stored is handed in again, as it was
				all[k] = &sum
				order = append(order, k)
				continue
			}
			have.Count += m.Count
			have.First, have.Last = min(have.First, m.First), max(have.Last, m.Last)
			have.Distinct = t.w.union(m.Rule, have.Distinct, m.Distinct)
		}
	}
	if lost > 0 {
		if err := t.w.lose(ctx, lost); err != nil {
			return err
		}
	}
	if err := t.w.flush(ctx); err != nil {
		return err
	}
	rows := bulk{w: t.w, columns: 14, insert: `INSERT INTO minute ("group", step, minute, wait_server, wait_kind, wait_protocol, count, first, last, seen, source, at, length, line)`,
		onMeet: "ON CONFLICT DO UPDATE SET count = count + excluded.count, first = min(first, excluded.first), last = max(last, excluded.last), seen = coalesce(excluded.seen, seen)"}
	for _, k := range order {
		m := all[k]
		key := []any{k.group, k.step, k.minute, k.waits.server, k.waits.kind, k.waits.protocol}
		seen, err := t.w.distinct(ctx, key, m)
		if err == nil {
			err = rows.add(ctx, append(key, m.Count, m.First, m.Last, pack(seen), m.At.File, m.At.Offset, m.At.Length, m.At.Line)...)
		}
		if err != nil {
			return err
		}
	}
	return rows.end(ctx)
}

// minute returns the key of a minute, and notes that its group must be decided.
func (t *turn) minute(ctx context.Context, m *ingest.WaitingMinute) (k minuteKey, err error) {
	w := t.w
	set := w.s.opt.Rules
	rule, err := w.rules.id(ctx, w, set.ID(m.Rule))
	if err != nil {
		return k, err
	}
	g := groupKey{rule, m.Group}
	visible := set.VisibleGroup(m.Rule, m.Group)
	if k.group, err = w.group(ctx, g); err != nil {
		return k, err
	}
	if k.group == 0 {
		day := ruleDay{rule, m.Minute.Minute / (24 * 60)}
		if w.crowd[day]++; w.crowd[day] > maxGroupsADay {
			return k, errCrowded
		}
		if k.group, err = w.newGroup(ctx, g, visible); err != nil {
			return k, err
		}
		if visible == m.Group {
			w.ticked[groupName{rule, visible}] = 0 // no other group is decided together with it
		}
	}
	if err := t.tick(ctx, groupName{rule, visible}, m); err != nil {
		return k, err
	}
	k.step, k.minute = m.Step, m.Minute.Minute
	if m.Cloud {
		k.waits.server = cloudMinutes
	}
	if m.Waits {
		if k.waits, err = w.voice(ctx, m.For); err != nil {
			return k, err
		}
		k.waits.hour = 0
	}
	return k, nil
}

// tick counts a minute for its group, and notes that the group must be decided. Most groups never have enough ticks for
// a finding, such as a password that somebody mistyped: those need no decision.
func (t *turn) tick(ctx context.Context, g groupName, m *ingest.WaitingMinute) error {
	w := t.w
	have, known := w.ticked[g]
	if !known {
		if _, err := w.one(ctx, `SELECT coalesce(sum(m.count), 0) FROM rule_group g JOIN minute m ON m."group" = g.id WHERE g.rule = ? AND g.visible = ?`, []any{g.rule, g.visible}, &have); err != nil {
			return err
		}
	}
	w.ticked[g] = have + m.Count
	if w.ticked[g] >= w.s.opt.Rules.Window(m.Rule).Threshold {
		t.touched[g] = true
	}
	return nil
}

// lose notes that so many ticks were not kept.
func (w *writer) lose(ctx context.Context, ticks int64) error {
	return w.exec(ctx, "INSERT INTO meta (name, value) VALUES ('lost', ?) ON CONFLICT DO UPDATE SET value = value + excluded.value", fmt.Sprint(ticks))
}

// distinct returns the distinct values of a minute, with those that are in the store.
func (w *writer) distinct(ctx context.Context, key []any, m *signin.Minute) ([]uint64, error) {
	if len(m.Distinct) == 0 {
		return nil, nil
	}
	var have []byte
	_, err := w.one(ctx, `SELECT seen FROM minute WHERE "group" = ? AND step = ? AND minute = ? AND wait_server = ? AND wait_kind = ? AND wait_protocol = ?`, key, &have)
	return w.union(m.Rule, unpack(have), m.Distinct), err
}

// union adds distinct values, at most as many as matter.
func (w *writer) union(rule int32, a, b []uint64) []uint64 {
	most := max(len(a), len(b), w.s.opt.Rules.Window(rule).Distinct)
	for _, v := range b {
		if len(a) < most && !slices.Contains(a, v) {
			a = append(slices.Clip(a), v)
		}
	}
	return a
}

func pack(values []uint64) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

func unpack(b []byte) []uint64 {
	var values []uint64
	for ; len(b) >= 8; b = b[8:] {
		values = append(values, binary.LittleEndian.Uint64(b))
	}
	return values
}

// touchWaiting notes the groups with minutes that wait for an hour.
func (t *turn) touchWaiting(ctx context.Context, v voice) error {
	return t.touch(ctx, `SELECT DISTINCT g.rule, g.visible FROM minute m JOIN rule_group g ON g.id = m."group"
		WHERE m.wait_kind > 0 AND m.wait_server = ? AND m.wait_kind = ? AND m.wait_protocol = ? AND m.minute BETWEEN ?4 * 60 AND ?4 * 60 + 59`, v.server, v.kind, v.protocol, v.hour)
}

// touchSettling notes those with minutes that wait for any hour which is about to be settled.
func (t *turn) touchSettling(ctx context.Context, before int64) error {
	return t.touch(ctx, `SELECT DISTINCT g.rule, g.visible FROM weak k JOIN minute m ON m.wait_kind > 0 AND m.wait_server = k.server AND m.wait_kind = k.kind
		AND m.wait_protocol = k.protocol AND m.minute BETWEEN k.hour * 60 AND k.hour * 60 + 59 JOIN rule_group g ON g.id = m."group" WHERE k.state = 0 AND k.hour < ?`, before)
}

func (t *turn) touch(ctx context.Context, query string, args ...any) error {
	rows, err := t.w.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	return scan(rows, func() error {
		var g groupName
		err := rows.Scan(&g.rule, &g.visible)
		t.touched[g] = true
		return err
	})
}

// minutesThatCount reads the minutes of rules that count: of all groups, or of those decided together with one.
const minutesThatCount = `SELECT r.name, g.text, m.step, m.minute, m.count, m.first, m.last, m.seen, m.source, m.at, m.length, m.line
	FROM rule_group g JOIN rule r ON r.id = g.rule JOIN minute m ON m."group" = g.id
	LEFT JOIN weak k ON m.wait_kind > 0 AND k.server = m.wait_server AND k.kind = m.wait_kind AND k.protocol = m.wait_protocol AND k.hour = m.minute / 60
	WHERE (m.wait_kind = 0 OR k.state = 1)`

func (s *Store) minutes(ctx context.Context, q querier, where string, args ...any) ([]signin.Minute, error) {
	return s.minutesOf(ctx, q, minutesThatCount+where, args...)
}

func (s *Store) minutesOf(ctx context.Context, q querier, query string, args ...any) ([]signin.Minute, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	var all []signin.Minute
	err = scan(rows, func() error {
		var m signin.Minute
		var rule string
		var seen []byte
		if err := rows.Scan(&rule, &m.Group, &m.Step, &m.Minute, &m.Count, &m.First, &m.Last, &seen, &m.At.File, &m.At.Offset, &m.At.Length, &m.At.Line); err != nil {
			return err
		}
		n, ok := s.opt.Rules.Number(rule)
		if ok {
			m.Rule, m.Distinct = n, unpack(seen)
			all = append(all, m)
		}
		return nil
	})
	return all, err
}
