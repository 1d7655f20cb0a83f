package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// The ids under which conditions of the program's own work are findings: whatever makes the data incomplete.
const (
	RuleSilent    = "OM-SYS-01" // a server's log tells nothing for longer than its habit
	RuleHole      = "OM-SYS-02" // part of a log will never be read
	RuleUnread    = "OM-SYS-03" // a log cannot be read at the moment
	RuleMalformed = "OM-SYS-04" // more than one line in a hundred of a log is not understood
	RuleLost      = "OM-SYS-05" // there was more than is told apart
	RuleBroken    = "OM-SYS-06" // a rule fails on some sign-ins
	RuleExpiring  = "OM-SYS-07" // an exception expires soon
	RuleRefused   = "OM-SYS-08" // the store took nothing for a time
)

// OwnRules are the ids of all of them. No rule file has them.
func OwnRules() []string {
	return []string{RuleSilent, RuleHole, RuleUnread, RuleMalformed, RuleLost, RuleBroken, RuleExpiring, RuleRefused}
}

// A condition is one of them, as it is now.
type condition struct {
	rule, name, subject, note string
	severity                  signin.Severity
	count, first, last        int64
}

// Watch turns what is wrong with the data into findings, and resolves those of what is well again. silent is what
// Silent takes.
func (s *Store) Watch(ctx context.Context, now time.Time, silent time.Duration) error {
	all, err := s.conditions(ctx, now, silent)
	if err != nil {
		return fmt.Errorf("looking for what is missing: %w", err)
	}
	return s.change(ctx, "storing what is missing", func(ctx context.Context, w *writer) error { return w.conditions(ctx, all) })
}

func (s *Store) conditions(ctx context.Context, now time.Time, after time.Duration) ([]condition, error) {
	var all []condition
	silent, err := s.Silent(ctx, now, after)
	if err != nil {
		return nil, err
	}
	for _, x := range silent {
		all = append(all, condition{RuleSilent, "A log fell silent", x.Server + ", " + x.Kind.String(),
			fmt.Sprintf("nothing was logged for longer than %v, the longest silence it is known for: see whether the service runs and still logs to the same folder", x.Usual.Round(time.Minute)),
			signin.Medium, 1, x.Since.UnixMilli(), now.UnixMilli()})
	}
	for _, q := range []struct {
		c    condition
		text string
	}{
		{condition{rule: RuleHole, name: "Part of a log will never be read", severity: signin.High},
			`SELECT s.path, h.reason || ': ' || h.bytes || ' bytes from byte ' || h.at, 1, CASE WHEN h."from" > 0 THEN h."from" ELSE h."to" END, h."to" FROM hole h JOIN source s ON s.id = h.source ORDER BY s.path, h.id`},
		{condition{rule: RuleUnread, name: "A log cannot be read", severity: signin.High},
			`SELECT path, why, 1, CASE WHEN last > 0 THEN last ELSE ?1 END, ?1 FROM source WHERE state IN ('unreadable', 'incomplete')`},
		{condition{rule: RuleMalformed, name: "A log is not understood", severity: signin.Medium},
			`SELECT s.path, sum(CASE n.verdict WHEN 0 THEN n.lines END) || ' of ' || sum(n.lines) || ' lines are malformed', sum(CASE n.verdict WHEN 0 THEN n.lines END), CASE WHEN s.last > 0 THEN s.first ELSE ?1 END, CASE WHEN s.last > 0 THEN s.last ELSE ?1 END
			FROM line_count n JOIN source s ON s.id = n.source GROUP BY s.id HAVING 100 * coalesce(sum(CASE n.verdict WHEN 0 THEN n.lines END), 0) > sum(n.lines)`},
		{condition{rule: RuleLost, name: "There was more than is told apart", severity: signin.Low},
			`SELECT 'rules with a window', value || ' counts of rules with a window were not kept: an attack may be larger than its finding says', CAST(value AS INTEGER), ?1, ?1 FROM meta WHERE name = 'lost'`},
	} {
		rows, err := s.read.QueryContext(ctx, q.text, now.UnixMilli())
		if err != nil {
			return nil, err
		}
		err = scan(rows, func() error {
			c := q.c
			err := rows.Scan(&c.subject, &c.note, &c.count, &c.first, &c.last)
			all = append(all, c)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	ending, err := s.Expiring(ctx, now)
	if err != nil {
		return nil, err
	}
	for i := range ending {
		x := &ending[i]
		all = append(all, condition{RuleExpiring, "An exception expires soon", x.ID, "for " + strings.TrimSpace(strings.Join(x.Users, " ")+" "+x.GroupFile) + ", of " + x.Owner + ": extend it, or let its findings fire again",
			signin.Low, 1, x.ExpiringFrom().UnixMilli(), now.UnixMilli()})
	}
	refused, err := s.refused(ctx, now)
	if err != nil {
		return nil, err
	}
	all = append(all, refused...)
	broken, err := s.brokenRules(ctx)
	return append(merged(all), broken...), err
}

// keepRefusals is how long it is told that the store took nothing: whoever looks at what was found must see for which
// time it was found late.
const keepRefusals = 30 * 24 * time.Hour

// refuse notes that the store took nothing for a time. It could not be noted then.
func (w *writer) refuse(ctx context.Context, more []ingest.Refusal) error {
	const most = 100
	all, err := w.s.refusals(ctx, w)
	if err != nil {
		return err
	}
	all = append(all, more...)
	from := w.s.opt.Now().Add(-keepRefusals).UnixMilli()
	all = slices.DeleteFunc(all, func(r ingest.Refusal) bool { return r.To < from })
	text, err := json.Marshal(all[max(0, len(all)-most):])
	if err != nil {
		return err
	}
	return w.setMeta(ctx, "refused", string(text))
}

func (s *Store) refusals(ctx context.Context, q querier) (all []ingest.Refusal, err error) {
	text, found, err := s.meta(ctx, q, "refused")
	if err != nil || !found {
		return nil, err
	}
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("reading when the store took nothing: %w", err)
	}
	return all, nil
}

// refused returns the times in which the store took nothing, the latest first.
func (s *Store) refused(ctx context.Context, now time.Time) ([]condition, error) {
	refusals, err := s.refusals(ctx, s.read)
	if err != nil {
		return nil, err
	}
	var all []condition
	for _, r := range slices.Backward(refusals) {
		from, to := time.UnixMilli(r.From).UTC(), time.UnixMilli(r.To).UTC()
		if to.Before(now.Add(-keepRefusals)) {
			continue
		}
		all = append(all, condition{RuleRefused, "The store took nothing for a time", "the store",
			fmt.Sprintf("from %s to %s UTC (%v) nothing could be committed; what was logged was read afterwards, and what it shows was found late: %s",
				from.Format(time.DateTime), to.Format(time.DateTime), to.Sub(from).Round(time.Second), r.Why), signin.Medium, 1, r.From, r.To})
	}
	return all, nil
}

// merged makes conditions of one rule and subject one: it is one finding, and what is told of it must grow with each.
func merged(all []condition) []condition {
	const most = 3 // are told in words
	type name struct{ rule, subject string }
	at, told := map[name]int{}, map[name]int{}
	var out []condition
	for _, c := range all {
		n := name{c.rule, c.subject}
		told[n]++
		i, met := at[n]
		if !met {
			at[n] = len(out)
			out = append(out, c)
			continue
		}
		have := &out[i]
		have.count += c.count
		have.first, have.last = min(have.first, c.first), max(have.last, c.last)
		if told[n] <= most {
			have.note += "; " + c.note
		}
	}
	for n, times := range told {
		if times > most {
			out[at[n]].note += fmt.Sprintf("; and %d more", times-most)
		}
	}
	return out
}

// brokenRules returns the rules that failed on a sign-in.
func (s *Store) brokenRules(ctx context.Context) ([]condition, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT v.words, sum(u.count), min(u.first), max(u.last) FROM usage u JOIN verdict v ON v.id = u.verdict WHERE u.count > 0 GROUP BY v.id")
	if err != nil {
		return nil, err
	}
	byRule := map[string]*condition{}
	err = scan(rows, func() error {
		var words string
		var count, first, last int64
		if err := rows.Scan(&words, &count, &first, &last); err != nil {
			return err
		}
		var v rules.Verdict
		if err := json.Unmarshal([]byte(words), &v); err != nil {
			return err
		}
		for _, text := range v.Broken {
			if byRule[text] == nil {
				byRule[text] = &condition{RuleBroken, "A rule fails", text, "it judged nothing where that happened: mend the rule", signin.Medium, 0, first, last}
			}
			c := byRule[text]
			c.count += count
			c.first, c.last = min(c.first, first), max(c.last, last)
		}
		return nil
	})
	var all []condition
	for _, c := range byRule {
		all = append(all, *c)
	}
	return all, err
}

// conditions stores them.
func (w *writer) conditions(ctx context.Context, all []condition) error {
	var ids []string
	for _, c := range all {
		id := rules.FindingID(c.rule, c.subject, "")
		ids = append(ids, id)
		r := &rules.Rule{ID: c.rule, Name: c.name, Severity: c.severity, Tags: []string{"outmode"}}
		if err := w.insertFinding(ctx, id, r, c.subject, "", stateOpen, "window", 0, ""); err != nil {
			return err
		}
		var state string
		var before, last int64
		if _, err := w.one(ctx, "SELECT state, count, last FROM finding WHERE id = ?", []any{id}, &state, &before, &last); err != nil {
			return err
		}
		if state == stateResolved {
			if err := w.reopen(ctx, id, c.last); err != nil {
				return err
			}
		}
		if err := w.exec(ctx, "UPDATE finding SET count = ?, first = ?, last = max(last, ?), note = CASE state WHEN 'acknowledged' THEN note ELSE ? END WHERE id = ?",
			c.count, c.first, c.last, c.note, id); err != nil {
			return err
		}
		more := ""
		switch {
		case before == 0 || state == stateResolved:
		case c.rule == RuleHole && c.count > before:
			more = "more is missing: "
		case c.rule == RuleRefused && c.last > last:
			more = "again: "
		}
		if more != "" { // whoever acknowledged the others did not know of it
			if err := w.exec(ctx, "INSERT INTO history (finding, at, state, actor, note) VALUES (?, ?, ?, ?, ?)", id, w.s.opt.Now().UnixMilli(), state, outmode, more+c.note); err != nil {
				return err
			}
		}
	}
	now := w.s.opt.Now().UnixMilli()
	const well = "rule LIKE 'OM-SYS-%' AND state IN ('open', 'acknowledged') AND id NOT IN (SELECT value FROM json_each(?1))"
	if err := w.exec(ctx, "INSERT INTO history (finding, at, state, actor, note) SELECT id, ?2, 'resolved', 'outmode', 'it is well again' FROM finding WHERE "+well, jsonList(ids), now); err != nil {
		return err
	}
	if err := w.exec(ctx, "UPDATE finding SET state = 'resolved', changed = ?2 WHERE "+well, jsonList(ids), now); err != nil {
		return err
	}
	return w.announce(ctx)
}

// CountOpen counts the findings that are open and that no exception covers, by severity.
func (s *Store) CountOpen(ctx context.Context) (map[int]int, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT severity, count(*) FROM finding WHERE state = 'open' AND opened > 0 AND exception = '' GROUP BY severity")
	if err != nil {
		return nil, fmt.Errorf("counting findings: %w", err)
	}
	open := map[int]int{}
	err = scan(rows, func() error {
		var severity, n int
		err := rows.Scan(&severity, &n)
		open[severity] = n
		return err
	})
	return open, err
}

// An Opening is a finding that began to hold, or holds again.
type Opening struct {
	Rule, Name, Subject, Note string
	Severity                  signin.Severity
	At                        time.Time
}

// Opened returns what opened after an instant and is open, the earliest first. What an exception covers is not told of,
// nor what a person opened again.
func (s *Store) Opened(ctx context.Context, after time.Time) ([]Opening, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT rule, name, subject, note, severity, changed FROM finding WHERE state = 'open' AND opened > 0 AND exception = '' AND changed > ? AND actor IN ('', ?) ORDER BY changed, id",
		after.UnixMilli(), outmode)
	if err != nil {
		return nil, fmt.Errorf("reading what opened: %w", s.tell(err))
	}
	var all []Opening
	err = scan(rows, func() error {
		var o Opening
		var at int64
		err := rows.Scan(&o.Rule, &o.Name, &o.Subject, &o.Note, &o.Severity, &at)
		o.At = time.UnixMilli(at)
		all = append(all, o)
		return err
	})
	return all, s.tell(err)
}
