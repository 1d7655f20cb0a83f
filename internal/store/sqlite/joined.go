package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/outmode/outmode/internal/signin"
)

// What joining found is kept for all that is judged by it. joined_stale is the first instant of which something was
// committed since, joined_running the same of what is being joined, joined_covered how far the gateways' logs reached then,
// and joined_with what it was joined with.
const (
	joinedStale   = "joined_stale"
	joinedRunning = "joined_running"
	joinedCovered = "joined_covered"
	joinedWith    = "joined_with"
)

// BeginJoin reports whether logons must be joined with events again, and from when on, in Unix milliseconds: 0 for all that
// is kept. with names all that a verdict depends on and that is not in the store, such as what is declared of gateways; if
// it is another one than the last time, all is due. What is due stays so until SetJoined is told of it.
//
// It is called by whoever commits, between two batches.
func (s *Store) BeginJoin(ctx context.Context, with string) (from int64, due bool, err error) {
	if s.opt.Rules == nil || !s.opt.Rules.JudgesRecords() {
		return 0, false, nil
	}
	err = s.change(ctx, "looking for what must be joined", func(ctx context.Context, w *writer) error {
		var any bool
		if _, err := w.one(ctx, "SELECT EXISTS (SELECT 1 FROM mfa_event)", nil, &any); err != nil {
			return err
		}
		stale, isStale, err := s.metaNumber(ctx, w, joinedStale)
		if err != nil {
			return err
		}
		running, isRunning, err := s.metaNumber(ctx, w, joinedRunning)
		if err != nil {
			return err
		}
		covered, known, err := s.metaNumber(ctx, w, joinedCovered)
		if err != nil {
			return err
		}
		was, _, err := s.meta(ctx, w, joinedWith)
		if err != nil || !any && was == "" {
			return err
		}
		from, due = math.MaxInt64, true
		switch {
		case was != with:
			from = 0
		case isStale || isRunning:
			if isStale {
				from = stale
			}
			if isRunning {
				from = min(from, running)
			}
			if known {
				from = min(from, covered)
			}
		default:
			due = false
			return nil
		}
		w.staleFrom = math.MaxInt64
		if err := w.exec(ctx, "DELETE FROM meta WHERE name = ?", joinedStale); err != nil {
			return err
		}
		return w.setMeta(ctx, joinedRunning, fmt.Sprint(from))
	})
	return from, due, err
}

// A Joined is what the rules that judge records found in a time.
type Joined struct {
	From, To int64 // Unix milliseconds, in whole minutes; To is behind it
	Minutes  []signin.Minute
	Covered  int64  // how far the logs of the gateways reach
	With     string // see BeginJoin
}

// SetJoined replaces what the rules that judge records found in a time. Findings that hold no more are resolved, and say
// why: a late log of a gateway told more.
//
// It is called by whoever commits, between two batches.
func (s *Store) SetJoined(ctx context.Context, found *Joined) error {
	if s.opt.Rules == nil {
		return nil
	}
	return s.change(ctx, "keeping what joining logons with MFA events found", func(ctx context.Context, w *writer) error {
		kept, err := s.hoursFrom(ctx, w)
		if err != nil {
			return err
		}
		// What was dropped while it was joined counts in its findings already.
		j := joining{w: w, from: max(found.From/minuteMs, kept*dayMs/minuteMs), to: found.To / minuteMs, touched: map[groupName]bool{}}
		if err := j.clear(ctx); err != nil {
			return err
		}
		if err := j.add(ctx, found.Minutes); err != nil {
			return err
		}
		for g := range j.touched {
			if err := w.decideGroup(ctx, g); err != nil {
				return err
			}
		}
		if err := w.exec(ctx, "DELETE FROM meta WHERE name = ?", joinedRunning); err != nil {
			return err
		}
		if err := w.setMeta(ctx, joinedCovered, fmt.Sprint(found.Covered)); err != nil {
			return err
		}
		if err := w.setMeta(ctx, joinedWith, found.With); err != nil {
			return err
		}
		return w.announce(ctx)
	})
}

// stale notes that something of an instant was committed, or counts no more: what was joined of it is to be joined again.
// It does so whatever the rules are now: those of the next time may judge records.
func (w *writer) stale(ctx context.Context, at int64) error {
	if at >= w.staleFrom {
		return nil
	}
	w.staleFrom = at
	return w.setMeta(ctx, joinedStale, fmt.Sprint(at))
}

func (s *Store) metaNumber(ctx context.Context, q querier, name string) (n int64, found bool, err error) {
	text, found, err := s.meta(ctx, q, name)
	if err != nil || !found {
		return 0, false, err
	}
	n, err = strconv.ParseInt(text, 10, 64)
	return n, err == nil, err
}

// joinedRules are the ids of the rules that judge records.
func (s *Store) joinedRules() (ids []string) {
	for n := range s.opt.Rules.Len() {
		if s.opt.Rules.Joined(int32(n)) {
			ids = append(ids, s.opt.Rules.ID(int32(n)))
		}
	}
	return ids
}

const minuteMs = hourMs / 60

// A joining replaces minutes of rules that judge records.
type joining struct {
	w        *writer
	from, to int64 // Unix minutes
	touched  map[groupName]bool
}

// clear drops the minutes of the time.
func (j *joining) clear(ctx context.Context) error {
	ids := jsonList(j.w.s.joinedRules())
	rows, err := j.w.QueryContext(ctx, `SELECT DISTINCT g.rule, g.visible FROM rule r JOIN rule_group g ON g.rule = r.id JOIN minute m ON m."group" = g.id
		WHERE r.name IN (SELECT value FROM json_each(?)) AND m.minute >= ? AND m.minute < ?`, ids, j.from, j.to)
	if err != nil {
		return err
	}
	err = scan(rows, func() error {
		var g groupName
		err := rows.Scan(&g.rule, &g.visible)
		j.touched[g] = true
		return err
	})
	if err != nil {
		return err
	}
	return j.w.exec(ctx, `DELETE FROM minute WHERE "group" IN (SELECT g.id FROM rule r JOIN rule_group g ON g.rule = r.id WHERE r.name IN (SELECT value FROM json_each(?))) AND minute >= ? AND minute < ?`,
		ids, j.from, j.to)
}

// add stores minutes. Of groups there may be no more than of other rules.
func (j *joining) add(ctx context.Context, minutes []signin.Minute) error {
	w, set := j.w, j.w.s.opt.Rules
	slices.SortFunc(minutes, compareMinutes) // which of too many groups are left out must not depend on chance
	rows := bulk{w: w, columns: 14, insert: `INSERT INTO minute ("group", step, minute, wait_server, wait_kind, wait_protocol, count, first, last, seen, source, at, length, line)`}
	lost := int64(0)
	for i := range minutes {
		m := &minutes[i]
		if m.Minute < j.from {
			continue
		}
		rule, err := w.rules.id(ctx, w, set.ID(m.Rule))
		if err != nil {
			return err
		}
		g := groupKey{rule, m.Group}
		group, err := w.group(ctx, g)
		if err != nil {
			return err
		}
		visible := set.VisibleGroup(m.Rule, m.Group)
		if group == 0 {
			day := ruleDay{rule, m.Minute / (24 * 60)}
			if w.crowd[day]++; w.crowd[day] > maxGroupsADay {
				lost += m.Count
				continue
			}
			if group, err = w.newGroup(ctx, g, visible); err != nil {
				return err
			}
		}
		j.touched[groupName{rule, visible}] = true
		if err := rows.add(ctx, group, m.Step, m.Minute, 0, 0, 0, m.Count, m.First, m.Last, pack(m.Distinct), m.At.File, m.At.Offset, m.At.Length, m.At.Line); err != nil {
			return err
		}
	}
	if err := rows.end(ctx); err != nil {
		return err
	}
	if lost > 0 {
		if err := w.lose(ctx, lost); err != nil {
			return err
		}
	}
	return w.flush(ctx)
}

func compareMinutes(a, b signin.Minute) int {
	return cmp.Or(cmp.Compare(a.Minute, b.Minute), cmp.Compare(a.Rule, b.Rule), strings.Compare(a.Group, b.Group), cmp.Compare(a.Step, b.Step))
}

// toldMore is why a finding of a rule that judges records is resolved at once.
const toldMore = "it does not hold any more: what the gateways logged was read since, or other gateways were declared"

// holdNoMore resolves the findings of a group that somebody may have been told of and that do not hold any more. One that
// is resolved already stays, too, and says why: it has a history.
func (w *writer) holdNoMore(ctx context.Context, g groupName, keep []string) error {
	rows, err := w.QueryContext(ctx, `SELECT id, exception = '' AND last >= ? AND state != 'resolved' FROM finding WHERE rule_id = ? AND rule_id > 0 AND visible = ? AND aged_count = 0 AND count > 0 AND opened > 0
		AND state IN ('open', 'acknowledged', 'resolved') AND note != '`+toldMore+`' AND id NOT IN (SELECT value FROM json_each(?)) ORDER BY id`, w.s.opt.Now().Add(-tellWithin).UnixMilli(), g.rule, g.visible, jsonList(keep))
	if err != nil {
		return err
	}
	tell := map[string]bool{}
	var ids []string
	err = scan(rows, func() error {
		var id string
		var told bool
		err := rows.Scan(&id, &told)
		ids, tell[id] = append(ids, id), told
		return err
	})
	now := w.s.opt.Now().UnixMilli()
	for _, id := range ids {
		if err == nil {
			err = w.exec(ctx, "UPDATE finding SET state = ?, changed = ?, actor = ?, note = ? WHERE id = ?", stateResolved, now, outmode, toldMore, id)
		}
		if err == nil {
			err = w.exec(ctx, "INSERT INTO history (finding, at, state, actor, note) VALUES (?, ?, ?, ?, ?)", id, now, stateResolved, outmode, toldMore)
		}
		if err == nil && tell[id] {
			err = w.exec(ctx, "INSERT INTO outbox (at, finding, event) VALUES (?, ?, ?)", now, id, stateResolved)
		}
	}
	return err
}

// holdAgain opens a finding that holdNoMore resolved. One that a person had acknowledged is so again: what holds is what
// the person knows of.
func (w *writer) holdAgain(ctx context.Context, id string, last int64) error {
	var state, actor, note string
	found, err := w.one(ctx, "SELECT state, actor, note FROM history WHERE finding = ? AND state <> 'resolved' ORDER BY at DESC, rowid DESC LIMIT 1", []any{id}, &state, &actor, &note)
	if err != nil {
		return err
	}
	if !found || state != stateAcknowledged {
		return w.reopen(ctx, id, last)
	}
	now := w.s.opt.Now().UnixMilli()
	if err := w.exec(ctx, "UPDATE finding SET state = ?, changed = ?, actor = ?, note = ? WHERE id = ?", stateAcknowledged, now, actor, note, id); err != nil {
		return err
	}
	return w.exec(ctx, "INSERT INTO history (finding, at, state, actor, note) VALUES (?, ?, ?, ?, ?)", id, now, stateAcknowledged, actor, note)
}
