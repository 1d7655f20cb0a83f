package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// debut notes when a usage row was first seen. Findings of who was never seen before depend on it.
func (t *turn) debut(ctx context.Context, usage, first int64) error {
	w := t.w
	if len(w.newcomers()) == 0 {
		return nil
	}
	known, ok := w.debuts[usage]
	if !ok && t.fresh[usage] == nil {
		if _, err := w.one(ctx, "SELECT first FROM usage WHERE id = ? AND count > 0", []any{usage}, &known); err != nil {
			return err
		}
	}
	if known == 0 || first < known {
		known, t.debuts[usage] = first, true
	}
	if len(w.debuts) >= w.s.cached {
		clear(w.debuts)
	}
	w.debuts[usage] = known
	return nil
}

// decideDebuts decides the findings in which rows count whose first sign-in is another than it was.
func (t *turn) decideDebuts(ctx context.Context) error {
	if len(t.debuts) == 0 {
		return nil
	}
	ids, err := json.Marshal(slices.Sorted(maps.Keys(t.debuts)))
	if err != nil {
		return err
	}
	findings, err := t.w.firstSeen(ctx, "id IN (SELECT x.finding FROM json_each(?) r JOIN finding_usage x ON x.usage = r.value)", string(ids))
	if err != nil {
		return err
	}
	return t.w.decideFirstSeen(ctx, findings)
}

// decideFirstSeen opens findings whose first sign-in came after there was time to learn what is usual, and makes them
// candidates again if older logs show that it was usual.
func (w *writer) decideFirstSeen(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	rows, err := w.s.usageRows(ctx, w, "u.id IN (SELECT x.usage FROM json_each(?) r JOIN finding_usage x ON x.finding = r.value)", jsonList(ids))
	if err != nil {
		return err
	}
	var holds []string
	for _, f := range w.s.opt.Rules.Decide(rules.Observed{Usage: rows, Covered: w.covered}) {
		holds = append(holds, f.ID)
	}
	const of = " AND id IN (SELECT value FROM json_each(?1)) AND id "
	if err := w.exec(ctx, "UPDATE finding SET state = 'open' WHERE state = 'candidate'"+of+"IN (SELECT value FROM json_each(?2))", jsonList(ids), jsonList(holds)); err != nil {
		return err
	}
	return w.exec(ctx, "UPDATE finding SET state = 'candidate', opened = 0 WHERE state = 'open'"+of+"NOT IN (SELECT value FROM json_each(?2))", jsonList(ids), jsonList(holds))
}

// firstMinute chooses of the minutes that count the first of each group.
const firstMinute = ` AND m.step = 0 AND m.minute = (SELECT e.minute FROM minute e LEFT JOIN weak x ON e.wait_kind > 0 AND x.server = e.wait_server AND x.kind = e.wait_kind
	AND x.protocol = e.wait_protocol AND x.hour = e.minute / 60 WHERE e."group" = g.id AND e.step = 0 AND (e.wait_kind = 0 OR x.state = 1) ORDER BY e.minute LIMIT 1)`

// touchDebuts touches the groups of first_seen rules that minutes decide, and that are new now and were not, or the
// other way round. When a group was first seen is all that matters.
func (t *turn) touchDebuts(ctx context.Context) error {
	w, set := t.w, t.w.s.opt.Rules
	if len(w.newcomers()) == 0 {
		return nil
	}
	minutes, err := w.s.minutes(ctx, w, firstMinute+" AND g.rule IN (SELECT id FROM rule WHERE name IN (SELECT value FROM json_each(?)))", jsonList(w.newcomers()))
	if err != nil {
		return err
	}
	groups := map[groupName][]signin.Minute{}
	for i := range minutes {
		m := &minutes[i]
		rule, err := w.rules.id(ctx, w, set.ID(m.Rule))
		if err != nil {
			return err
		}
		g := groupName{rule, set.VisibleGroup(m.Rule, m.Group)}
		groups[g] = append(groups[g], *m)
	}
	held := map[groupName]bool{}
	rows, err := w.QueryContext(ctx, "SELECT rule_id, visible FROM finding WHERE rule_id > 0 AND count > 0 AND rule IN (SELECT value FROM json_each(?))", jsonList(w.newcomers()))
	if err != nil {
		return err
	}
	err = scan(rows, func() error {
		var g groupName
		err := rows.Scan(&g.rule, &g.visible)
		held[g] = true
		return err
	})
	if err != nil {
		return err
	}
	for g, first := range groups {
		if held[g] != (len(set.Decide(rules.Observed{Minutes: first, Covered: w.covered})) > 0) {
			t.touched[g] = true
		}
	}
	return nil
}

// newcomers are the rules that look at who was never seen before.
func (w *writer) newcomers() []string {
	if w.newcomerRules == nil && w.s.opt.Rules != nil {
		w.newcomerRules = []string{}
		for _, r := range w.s.opt.Rules.Rules() {
			if r.Type == rules.FirstSeen {
				w.newcomerRules = append(w.newcomerRules, r.ID)
			}
		}
	}
	return w.newcomerRules
}

// firstSeen returns the findings of those rules, candidates included.
func (w *writer) firstSeen(ctx context.Context, where string, args ...any) (ids []string, err error) {
	args = append(args, jsonList(w.newcomers()))
	rows, err := w.QueryContext(ctx, "SELECT id FROM finding WHERE counted = 'usage' AND "+where+" AND rule IN (SELECT value FROM json_each(?))", args...)
	if err != nil {
		return nil, err
	}
	err = scan(rows, func() error {
		var id string
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// noteCovered notes from when to when each kind of log was heard, before hours of that are dropped: whoever was new once
// is new still.
func (w *writer) noteCovered(ctx context.Context) error {
	text, err := json.Marshal(w.covered)
	if err != nil {
		return err
	}
	return w.setMeta(ctx, "covered", string(text))
}

// recallCovered adds what was noted to what the hours say that are kept.
func (w *writer) recallCovered(ctx context.Context) error {
	text, found, err := w.s.meta(ctx, w.s.write, "covered")
	if err != nil || !found {
		return err
	}
	var noted map[signin.Kind]signin.Span
	if err := json.Unmarshal([]byte(text), &noted); err != nil {
		return fmt.Errorf("reading since when logs were heard: %w", err)
	}
	for kind, was := range noted {
		if is, ok := w.covered[kind]; ok {
			was = signin.Span{From: min(was.From, is.From), To: max(was.To, is.To)}
		}
		w.covered[kind] = was
	}
	return nil
}
