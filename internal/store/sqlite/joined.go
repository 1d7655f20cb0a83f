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
// committed since, joined_running the same of what is being joined, joined_with what it was joined with, and joined_lost
// how much of it was left out.
const (
	joinedStale   = "joined_stale"
	joinedRunning = "joined_running"
	joinedWith    = "joined_with"
	joinedLost    = "joined_lost"
)

// BeginJoin reports whether logons must be joined with events again: all that is kept, since what is said of a logon
// depends on all that the gateways told, such as who is known to them and which time they cover. with names all that a
// verdict depends on and that is not in the store, such as what is declared of gateways. What is due stays so until
// SetJoined is told of it.
//
// It is called by whoever commits, between two batches.
func (s *Store) BeginJoin(ctx context.Context, with string) (due bool, err error) {
	if s.opt.Rules == nil || !s.opt.Rules.JudgesRecords() {
		return false, nil
	}
	err = s.change(ctx, "looking for what must be joined", func(ctx context.Context, w *writer) error {
		var told bool
		if _, err := w.one(ctx, "SELECT EXISTS (SELECT 1 FROM mfa_event)", nil, &told); err != nil {
			return err
		}
		was, _, err := s.meta(ctx, w, joinedWith)
		if err != nil || !told && was == "" {
			return err
		}
		var waits bool
		if _, err := w.one(ctx, "SELECT EXISTS (SELECT 1 FROM meta WHERE name IN (?, ?))", []any{joinedStale, joinedRunning}, &waits); err != nil {
			return err
		}
		if due = waits || was != with; !due {
			return nil
		}
		w.staleFrom = math.MaxInt64
		if err := w.exec(ctx, "DELETE FROM meta WHERE name = ?", joinedStale); err != nil {
			return err
		}
		return w.setMeta(ctx, joinedRunning, "1")
	})
	return due, err
}

// A Joined is what the rules that judge records found in a time.
type Joined struct {
	From, To int64 // Unix milliseconds, in whole minutes; To is behind it
	Minutes  []signin.Minute
	Lost     int64  // records that were found and are not among them
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
		j := joining{w: w, from: max(found.From/minuteMs, kept*dayMs/minuteMs), to: found.To / minuteMs, lost: found.Lost, touched: map[groupName]bool{}}
		if err := j.replace(ctx, found.Minutes); err != nil {
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

// A joining replaces minutes of rules that judge records. Most are as they were: only others are written.
type joining struct {
	w        *writer
	from, to int64 // Unix minutes
	lost     int64
	touched  map[groupName]bool
}

// A joinedKey is where a minute stands, a joinedMinute what it holds.
type joinedKey struct {
	group  int64
	step   int32
	minute int64
}

type joinedMinute struct {
	count, first, last, source, at, length, line int64
	seen                                         string
	name                                         groupName
}

// stored reads the minutes of the time.
func (j *joining) stored(ctx context.Context) (map[joinedKey]joinedMinute, error) {
	rows, err := j.w.QueryContext(ctx, `SELECT g.rule, g.visible, g.id, m.step, m.minute, m.count, m.first, m.last, m.seen, m.source, m.at, m.length, m.line
		FROM rule r JOIN rule_group g ON g.rule = r.id JOIN minute m ON m."group" = g.id WHERE r.name IN (SELECT value FROM json_each(?)) AND m.minute >= ? AND m.minute < ?`,
		jsonList(j.w.s.joinedRules()), j.from, j.to)
	if err != nil {
		return nil, err
	}
	all := map[joinedKey]joinedMinute{}
	return all, scan(rows, func() error {
		var k joinedKey
		var m joinedMinute
		var seen []byte
		err := rows.Scan(&m.name.rule, &m.name.visible, &k.group, &k.step, &k.minute, &m.count, &m.first, &m.last, &seen, &m.source, &m.at, &m.length, &m.line)
		m.seen = string(seen)
		all[k] = m
		return err
	})
}

// replace stores minutes in place of those of the time. Of groups there may be no more than of other rules.
func (j *joining) replace(ctx context.Context, minutes []signin.Minute) error {
	w, set := j.w, j.w.s.opt.Rules
	have, err := j.stored(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(minutes, compareMinutes) // which of too many groups are left out must not depend on chance
	var fresh []joinedKey
	values := map[joinedKey]joinedMinute{}
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
				j.lost += m.Count
				continue
			}
			if group, err = w.newGroup(ctx, g, visible); err != nil {
				return err
			}
		}
		slices.Sort(m.Distinct)
		k := joinedKey{group, m.Step, m.Minute}
		is := joinedMinute{m.Count, m.First, m.Last, int64(m.At.File), m.At.Offset, int64(m.At.Length), m.At.Line, string(pack(m.Distinct)), groupName{rule, visible}}
		if have[k] == is {
			delete(have, k)
			continue
		}
		fresh, values[k] = append(fresh, k), is
		j.touched[is.name] = true
	}
	for k, m := range have {
		j.touched[m.name] = true
		if err := w.exec(ctx, `DELETE FROM minute WHERE "group" = ? AND step = ? AND minute = ? AND wait_server = 0 AND wait_kind = 0 AND wait_protocol = 0`, k.group, k.step, k.minute); err != nil {
			return err
		}
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	rows := bulk{w: w, columns: 14, insert: `INSERT INTO minute ("group", step, minute, wait_server, wait_kind, wait_protocol, count, first, last, seen, source, at, length, line)`}
	for _, k := range fresh {
		m := values[k]
		var seen any
		if m.seen != "" {
			seen = []byte(m.seen)
		}
		if err := rows.add(ctx, k.group, k.step, k.minute, 0, 0, 0, m.count, m.first, m.last, seen, m.source, m.at, m.length, m.line); err != nil {
			return err
		}
	}
	if err := rows.end(ctx); err != nil {
		return err
	}
	return j.tellLost(ctx)
}

// tellLost notes how much was left out: the same is every time.
func (j *joining) tellLost(ctx context.Context) error {
	was, _, err := j.w.s.metaNumber(ctx, j.w, joinedLost)
	if err != nil || j.lost <= was {
		return err
	}
	if err := j.w.lose(ctx, j.lost-was); err != nil {
		return err
	}
	return j.w.setMeta(ctx, joinedLost, fmt.Sprint(j.lost))
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
