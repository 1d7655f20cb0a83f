package sqlite

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/outmode/outmode/rules"
)

// pruneTime bounds how long a step goes on with groups that must be decided anew.
const pruneTime = 50 * time.Millisecond

// oldMinutes are the minutes m before ?1 of groups g that may go: the hour of their weak rows is settled.
const oldMinutes = `FROM minute m INDEXED BY minute_age JOIN rule_group g ON g.id = m."group" LEFT JOIN weak k ON m.wait_kind > 0 AND k.server = m.wait_server AND k.kind = m.wait_kind
	AND k.protocol = m.wait_protocol AND k.hour = m.minute / 60 WHERE m.minute < ?1 AND k.state IS NOT 0`

// notTheFirst holds for minutes that are not the first of their group that counts.
const notTheFirst = ` AND EXISTS (SELECT 1 FROM minute e LEFT JOIN weak x ON e.wait_kind > 0 AND x.server = e.wait_server AND x.kind = e.wait_kind AND x.protocol = e.wait_protocol
	AND x.hour = e.minute / 60 WHERE e."group" = m."group" AND e.step = m.step AND e.minute < m.minute AND (e.wait_kind = 0 OR x.state = 1))`

// minutes drops the minutes of rules that look at a window alone.
func (p *pruning) minutes(ctx context.Context) (int64, error) {
	// The hours go next. Nothing may be taken out of what is not there as a whole.
	if err := p.w.noHoursBefore(ctx, p.hoursFrom); err != nil {
		return 0, err
	}
	debuts, err := p.debutRules(ctx)
	if err != nil {
		return 0, err
	}
	return p.dropMinutes(ctx, " AND g.rule NOT IN ("+debuts+")")
}

// debuts drops the minutes of first_seen rules but for the first of each group: without it the next would look like
// the debut.
func (p *pruning) debuts(ctx context.Context) (int64, error) {
	debuts, err := p.debutRules(ctx)
	if err != nil {
		return 0, err
	}
	return p.dropMinutes(ctx, " AND g.rule IN ("+debuts+")"+notTheFirst)
}

// debutRules lists the numbers of first_seen rules, and of those that the set does not have: they may be some.
func (p *pruning) debutRules(ctx context.Context) (string, error) {
	rows, err := p.w.QueryContext(ctx, "SELECT CAST(id AS TEXT), name FROM rule")
	if err != nil {
		return "", err
	}
	numbers := []string{"0"}
	err = scan(rows, func() error {
		var id, name string
		err := rows.Scan(&id, &name)
		if r := p.rule(name); r == nil || r.Type == rules.FirstSeen {
			numbers = append(numbers, id)
		}
		return err
	})
	return strings.Join(numbers, ", "), err
}

// rule returns the rule of that name, nil if the set has none.
func (p *pruning) rule(name string) *rules.Rule {
	set := p.w.s.opt.Rules
	if set == nil {
		return nil
	}
	if n, ok := set.Number(name); ok {
		return set.Rule(n)
	}
	return nil
}

// dropMinutes drops the oldest minutes that fit. Of groups that have findings all go at once, since each time they
// must be decided anew.
func (p *pruning) dropMinutes(ctx context.Context, fit string) (n int64, err error) {
	type old struct {
		name groupName
		key  minuteKey
	}
	before := p.hoursFrom * 24 * 60
	rows, err := p.w.QueryContext(ctx, `SELECT g.rule, g.visible, m."group", m.step, m.minute, m.wait_server, m.wait_kind, m.wait_protocol `+oldMinutes+fit+" ORDER BY m.minute LIMIT ?2", before, pruneRows)
	if err != nil {
		return 0, err
	}
	var all []old
	err = scan(rows, func() error {
		var o old
		err := rows.Scan(&o.name.rule, &o.name.visible, &o.key.group, &o.key.step, &o.key.minute, &o.key.waits.server, &o.key.waits.kind, &o.key.waits.protocol)
		all = append(all, o)
		return err
	})
	if err != nil {
		return 0, err
	}
	start := time.Now()
	decided := map[groupName]bool{}
	for _, o := range all {
		has, ok := decided[o.name]
		if !ok {
			held, err := p.held(ctx, o.name)
			if err != nil {
				return 0, err
			}
			if has = len(held) > 0; has {
				if n > pruneRows || n > 0 && time.Since(start) > pruneTime {
					continue // the next step comes to it
				}
				dropped, err := p.ageGroup(ctx, o.name, held, before, fit)
				if err != nil {
					return 0, err
				}
				n += dropped
			}
			decided[o.name] = has
		}
		if has {
			continue
		}
		k := o.key
		if err := p.w.exec(ctx, `DELETE FROM minute WHERE "group" = ? AND step = ? AND minute = ? AND wait_server = ? AND wait_kind = ? AND wait_protocol = ?`,
			k.group, k.step, k.minute, k.waits.server, k.waits.kind, k.waits.protocol); err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// A held finding is one that the minutes of a group hold up.
type held struct {
	id    string
	count int64
}

func (p *pruning) held(ctx context.Context, g groupName) ([]held, error) {
	rows, err := p.w.QueryContext(ctx, "SELECT id, count FROM finding WHERE rule_id = ? AND rule_id > 0 AND visible = ?", g.rule, g.visible)
	if err != nil {
		return nil, err
	}
	var all []held
	err = scan(rows, func() error {
		var h held
		err := rows.Scan(&h.id, &h.count)
		all = append(all, h)
		return err
	})
	return all, err
}

// ageGroup drops the old minutes of a group, and notes how much of what its findings count the minutes that are left
// do not show any more. The findings themselves, and what they cite, stay as they are.
func (p *pruning) ageGroup(ctx context.Context, g groupName, all []held, before int64, fit string) (int64, error) {
	n, err := p.change(ctx, `DELETE FROM minute WHERE ("group", step, minute, wait_server, wait_kind, wait_protocol) IN (SELECT m."group", m.step, m.minute, m.wait_server, m.wait_kind, m.wait_protocol `+
		strings.Replace(oldMinutes, "INDEXED BY minute_age", "", 1)+fit+" AND g.rule = ?2 AND g.visible = ?3)", before, g.rule, g.visible)
	if err != nil {
		return 0, err
	}
	left, err := p.decidable(ctx, g)
	if err != nil {
		return 0, err
	}
	for _, h := range all {
		shown, known := left[h.id]
		if !known {
			shown = left[""]
		}
		if err := p.w.exec(ctx, "UPDATE finding SET aged_count = max(0, count - ?), aged_first = first WHERE id = ?", shown, h.id); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// decidable returns what the minutes of a group show, by the ids of findings. Where its rule is not in the set, what
// they may show at most is that of "".
func (p *pruning) decidable(ctx context.Context, g groupName) (map[string]int64, error) {
	var name string
	if _, err := p.w.one(ctx, "SELECT name FROM rule WHERE id = ?", []any{g.rule}, &name); err != nil {
		return nil, err
	}
	left := map[string]int64{}
	if p.rule(name) == nil {
		var most int64
		_, err := p.w.one(ctx, `SELECT coalesce(sum(m.count), 0) FROM rule_group g JOIN minute m ON m."group" = g.id WHERE g.rule = ? AND g.visible = ?`, []any{g.rule, g.visible}, &most)
		left[""] = most
		return left, err
	}
	minutes, err := p.w.s.minutes(ctx, p.w, " AND g.rule = ? AND g.visible = ?", g.rule, g.visible)
	if err != nil {
		return nil, err
	}
	for _, f := range p.w.s.opt.Rules.Decide(rules.Observed{Minutes: minutes, Covered: p.w.covered}) {
		left[f.ID] = f.Count
	}
	return left, nil
}

// groups drops groups without a minute.
func (p *pruning) groups(ctx context.Context) (int64, error) {
	n, err := p.change(ctx, `DELETE FROM rule_group WHERE id IN (SELECT g.id FROM rule_group g WHERE NOT EXISTS (SELECT 1 FROM minute m WHERE m."group" = g.id) LIMIT ?)`, pruneRows)
	p.w.groups.forget() // it may know what is gone
	return n, err
}

// watches drops what is known of groups that are gone.
func (p *pruning) watches(ctx context.Context) (int64, error) {
	return p.change(ctx, `DELETE FROM watch WHERE (rule, visible) IN (SELECT x.rule, x.visible FROM watch x
		WHERE NOT EXISTS (SELECT 1 FROM rule_group g WHERE g.rule = x.rule AND g.visible = x.visible) LIMIT ?)`, pruneRows)
}

// documents drops what evidence shows of its lines. What proves the line stays: where it stood, and its hash.
func (p *pruning) documents(ctx context.Context) (int64, error) {
	return p.change(ctx, `UPDATE evidence SET document = NULL WHERE (finding, source, at) IN (SELECT finding, source, at FROM evidence INDEXED BY evidence_age
		WHERE document IS NOT NULL AND stored < ? ORDER BY stored LIMIT ?)`, p.evidence, pruneRows)
}

// resolved drops findings that have been resolved for long, with all that is about them.
func (p *pruning) resolved(ctx context.Context) (int64, error) {
	const few = 100 // each takes several rows with it
	rows, err := p.w.QueryContext(ctx, "SELECT id FROM finding INDEXED BY finding_resolved WHERE state = 'resolved' AND changed < ? ORDER BY changed LIMIT ?", p.findings, few)
	if err != nil {
		return 0, err
	}
	var ids []string
	err = scan(rows, func() error {
		var id string
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	})
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		for _, query := range []string{"DELETE FROM evidence WHERE finding = ?", "DELETE FROM history WHERE finding = ?", "DELETE FROM finding_usage WHERE finding = ?",
			"DELETE FROM outbox WHERE finding = ?", "DELETE FROM finding WHERE id = ?"} {
			if err := p.w.exec(ctx, query, id); err != nil {
				return 0, err
			}
		}
	}
	if len(ids) > 0 {
		err = p.w.setMeta(ctx, "findings_dropped", "yes")
		clear(p.w.cited)
		clear(p.w.opened)
		clear(p.w.settled) // it may know what is gone
	}
	return int64(len(ids)), err
}

// unsent drops messages that are too old to be sent.
func (p *pruning) unsent(ctx context.Context) (int64, error) {
	return p.change(ctx, "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE at < ? LIMIT ?)", p.outbox, pruneRows)
}

// openAgain opens the findings of a usage row that were dropped, since it was seen again.
func (w *writer) openAgain(ctx context.Context, usage int64) error {
	set := w.s.opt.Rules
	rows, err := w.s.usageRows(ctx, w, "u.id = ?", usage)
	if err != nil {
		return err
	}
	made := map[string]bool{}
	for i := range rows {
		for _, target := range set.Targets(&rows[i]) {
			var one int
			found, err := w.one(ctx, "SELECT 1 FROM finding WHERE id = ?", []any{target.ID}, &one)
			if err == nil && !found {
				made[target.ID] = true
				delete(w.opened, target.ID)
				err = w.open(ctx, target, set)
			}
			if err == nil {
				err = w.exec(ctx, "INSERT INTO finding_usage (finding, usage) VALUES (?, ?) ON CONFLICT DO NOTHING", target.ID, usage)
			}
			if err != nil {
				return err
			}
		}
	}
	return w.countAgain(ctx, usage, made)
}

// countAgain makes the other rows of an account count in findings that are made again, as they did. Whoever was new
// once is new still, as for a store that never dropped the finding.
func (w *writer) countAgain(ctx context.Context, usage int64, made map[string]bool) error {
	if len(made) == 0 {
		return nil
	}
	rows, err := w.s.readUsage(ctx, w, "u.account = (SELECT account FROM usage WHERE id = ?)", usage)
	if err != nil {
		return err
	}
	for i := range rows {
		for _, target := range w.s.opt.Rules.Targets(&rows[i].Usage) {
			if !made[target.ID] {
				continue
			}
			if err := w.exec(ctx, "INSERT INTO finding_usage (finding, usage) VALUES (?, ?) ON CONFLICT DO NOTHING", target.ID, rows[i].id); err != nil {
				return err
			}
		}
	}
	ids, err := w.firstSeen(ctx, "id IN (SELECT value FROM json_each(?))", jsonList(slices.Sorted(maps.Keys(made))))
	if err != nil {
		return err
	}
	return w.decideFirstSeen(ctx, ids)
}
