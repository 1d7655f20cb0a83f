package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// cloudMinutes stands where other minutes name the server that they wait for: minutes of sign-ins to the cloud are apart from
// the others of their group, so that they can be made anew. They do not wait.
const cloudMinutes = -1

// A cloudTick is what a sign-in counts for a rule with a window.
type cloudTick struct {
	Rule     string `json:"rule"`
	Step     int32  `json:"step"`
	Group    string `json:"group"`
	Distinct uint64 `json:"distinct,omitempty"`
}

func (t *turn) cloudTick(m *signin.Minute) cloudTick {
	tick := cloudTick{Rule: t.w.s.opt.Rules.ID(m.Rule), Step: m.Step, Group: m.Group}
	if len(m.Distinct) > 0 {
		tick.Distinct = m.Distinct[0]
	}
	return tick
}

// tickCloud makes the minutes in which a sign-in counts, and returns what is kept of them: text, or nil.
func (t *turn) tickCloud(r *cloudRow) (any, error) {
	if t.w.s.opt.Rules == nil || len(r.fresh.Ticks) == 0 {
		return nil, nil
	}
	if n := len(t.cloud.ticked); n == 0 || t.cloud.ticked[n-1].Log != r.source {
		t.cloud.ticked = append(t.cloud.ticked, &ingest.Batch{Log: r.source})
	}
	b := t.cloud.ticked[len(t.cloud.ticked)-1]
	all := make([]cloudTick, 0, len(r.fresh.Ticks))
	for i := range r.fresh.Ticks {
		m := &r.fresh.Ticks[i]
		b.Minutes = append(b.Minutes, ingest.WaitingMinute{Minute: *m, Cloud: true})
		all = append(all, t.cloudTick(m))
	}
	text, err := json.Marshal(all)
	return string(text), err
}

// answers reports whether a minute that was found in a second reading counts, and keeps it with its sign-in.
func (t *turn) answers(ctx context.Context, log int64, m *ingest.WaitingMinute) (bool, error) {
	if !m.Cloud {
		return true, nil
	}
	var id int64
	var text sql.NullString
	found, err := t.w.one(ctx, "SELECT id, ticks FROM cloud_signin WHERE time = ? AND source = ? AND at = ?", []any{m.First, log, m.At.Offset}, &id, &text)
	if err != nil {
		return false, err
	}
	if !found { // it is told twice, or its row is not kept any more
		err := t.recallCloud(ctx)
		return m.First/dayMs < t.cloud.kept, err
	}
	all, err := cloudTicks(text)
	if err != nil {
		return false, err
	}
	tick := t.cloudTick(&m.Minute)
	if slices.Contains(all, tick) {
		return true, nil
	}
	after, err := json.Marshal(append(all, tick))
	if err != nil {
		return false, err
	}
	return true, t.w.exec(ctx, "UPDATE cloud_signin SET ticks = ? WHERE id = ?", string(after), id)
}

func cloudTicks(text sql.NullString) (all []cloudTick, err error) {
	if text.Valid {
		if err = json.Unmarshal([]byte(text.String), &all); err != nil {
			err = fmt.Errorf("reading the minutes of a sign-in to the cloud: %w", err)
		}
	}
	return all, err
}

// A cloudMinute names a minute of a group.
type cloudMinute struct {
	minute int64
	rule   string
	step   int32
	group  string
}

// minutesAnew makes the minutes in which sign-ins counted that were taken out anew, from those that are left.
func (t *turn) minutesAnew(ctx context.Context, out []cloudRow) error {
	all := map[cloudMinute]*signin.Minute{}
	var order []cloudMinute
	for i := range out {
		ticks, err := cloudTicks(out[i].ticks)
		if err != nil {
			return err
		}
		for _, tick := range ticks {
			k := cloudMinute{out[i].time / 60_000, tick.Rule, tick.Step, tick.Group}
			if _, ok := all[k]; !ok {
				all[k] = nil
				order = append(order, k)
			}
		}
	}
	slices.SortFunc(order, func(a, b cloudMinute) int {
		return cmp.Or(cmp.Compare(a.minute, b.minute), cmp.Compare(a.rule, b.rule), cmp.Compare(a.step, b.step), cmp.Compare(a.group, b.group))
	})
	for i, k := range order {
		if i == 0 || k.minute != order[i-1].minute {
			if err := t.w.readCloudMinute(ctx, k.minute, all); err != nil {
				return err
			}
		}
		if err := t.minuteAnew(ctx, k, all[k]); err != nil {
			return err
		}
	}
	return nil
}

// readCloudMinute adds up what the sign-ins of a minute count in the minutes that are asked for.
func (w *writer) readCloudMinute(ctx context.Context, minute int64, all map[cloudMinute]*signin.Minute) error {
	rows, err := w.QueryContext(ctx, "SELECT time, source, at, length, line, ticks FROM cloud_signin WHERE time >= ?1 * 60000 AND time < (?1 + 1) * 60000 AND ticks IS NOT NULL ORDER BY source, at", minute)
	if err != nil {
		return err
	}
	return scan(rows, func() error {
		var time int64
		var at signin.Ref
		var text sql.NullString
		if err := rows.Scan(&time, &at.File, &at.Offset, &at.Length, &at.Line, &text); err != nil {
			return err
		}
		ticks, err := cloudTicks(text)
		for _, tick := range ticks {
			k := cloudMinute{minute, tick.Rule, tick.Step, tick.Group}
			m, ok := all[k]
			n, known := w.s.opt.Rules.Number(tick.Rule)
			if !ok || !known {
				continue
			}
			if m == nil {
				m = &signin.Minute{First: time, Last: time, At: at}
				all[k] = m
			}
			m.Count++
			m.First, m.Last = min(m.First, time), max(m.Last, time)
			if tick.Distinct != 0 {
				m.Distinct = w.union(n, m.Distinct, []uint64{tick.Distinct})
			}
		}
		return err
	})
}

// minuteAnew writes a minute, nil for one in which nothing counts any more, and notes that its group must be decided.
func (t *turn) minuteAnew(ctx context.Context, k cloudMinute, m *signin.Minute) error {
	w := t.w
	var group, rule int64
	var visible string
	found, err := w.one(ctx, `SELECT g.id, g.rule, g.visible FROM rule r JOIN rule_group g ON g.rule = r.id AND g.text = ? JOIN minute m ON m."group" = g.id AND m.step = ? AND m.minute = ?
		AND m.wait_server = ? WHERE r.name = ?`, []any{k.group, k.step, k.minute, cloudMinutes, k.rule}, &group, &rule, &visible)
	if err != nil || !found {
		return err // it is not kept any more
	}
	t.touched[groupName{rule, visible}] = true
	key := []any{group, k.step, k.minute, cloudMinutes}
	if m == nil {
		return w.exec(ctx, `DELETE FROM minute WHERE "group" = ? AND step = ? AND minute = ? AND wait_server = ?`, key...)
	}
	return w.exec(ctx, `UPDATE minute SET count = ?5, first = ?6, last = ?7, seen = ?8, source = ?9, at = ?10, length = ?11, line = ?12 WHERE "group" = ?1 AND step = ?2 AND minute = ?3 AND wait_server = ?4`,
		append(key, m.Count, m.First, m.Last, pack(m.Distinct), m.At.File, m.At.Offset, m.At.Length, m.At.Line)...)
}
