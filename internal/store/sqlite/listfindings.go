package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// A Finding is a finding as the store keeps it: what a rule found, and what became of it.
type Finding struct {
	rules.Finding
	Opened   time.Time // when it was found first; UTC
	Changed  time.Time // its state, last
	Actor    string    // who changed it: a person, or outmode
	Note     string
	Evidence []Evidence // at most three lines, in the order in which the rule wants them
}

// Evidence is a line that shows a finding.
type Evidence struct {
	File   string // as it is called now
	Offset int64
	Length int
	Line   int64
	SHA256 string          // hexadecimal; "" where the line was gone before it was looked at
	SignIn json.RawMessage // the document of the sign-in; nil where there is none
}

// A FindingFilter chooses findings. What is zero chooses nothing.
type FindingFilter struct {
	Prefix   string          // of the id
	States   []string        // any of them; none means all
	Severity signin.Severity // this or a higher one
	Rules    []string        // ids or tags, any of them
	User     string          // a pattern of accounts, see rules.Names
	Since    time.Time       // seen then or later
	Bare     bool            // without evidence
}

// Findings returns the findings that hold or held, most severe first, then by rule, subject and protocol.
func (s *Store) Findings(ctx context.Context, f FindingFilter) ([]Finding, error) {
	all, err := s.readFindings(ctx, f)
	if err == nil && f.User != "" {
		all, err = s.ofUser(ctx, all, f.User)
	}
	if err == nil && !f.Bare {
		err = s.addEvidence(ctx, all)
	}
	if err != nil {
		return nil, fmt.Errorf("reading findings: %w", s.tell(err))
	}
	slices.SortFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Subject, b.Subject), strings.Compare(a.Protocol, b.Protocol))
	})
	return all, nil
}

// summed is a finding with how often it was seen, first and last: of usage, what its rows hold now. An exception that is
// over at ?1 covers nothing, though nobody applied that yet.
const summed = `SELECT f.id, f.rule, f.name, f.severity, f.tags, f.subject, f.protocol, f.state,
	CASE WHEN f.exception != '' THEN coalesce((SELECT e.id FROM exception e WHERE e.id = f.exception AND e.removed = 0 AND e.expires > ?1), '') ELSE '' END, f.opened, f.changed, f.actor, f.note,
	CASE f.counted WHEN 'window' THEN f.count ELSE coalesce(sum(u.count), 0) END AS seen,
	CASE f.counted WHEN 'window' THEN f.first ELSE coalesce(min(u.first), 0) END AS since,
	CASE f.counted WHEN 'window' THEN f.last ELSE coalesce(max(u.last), 0) END AS until
	FROM finding f LEFT JOIN finding_usage x ON x.finding = f.id LEFT JOIN usage u ON u.id = x.usage AND u.count > 0`

func (s *Store) readFindings(ctx context.Context, f FindingFilter) ([]Finding, error) {
	where, args := " WHERE f.state != ?", []any{s.opt.Now().UnixMilli(), stateCandidate}
	and := func(term string, value ...any) { where, args = where+" AND "+term, append(args, value...) }
	if f.Prefix != "" {
		and("f.id BETWEEN ? AND ?", f.Prefix, f.Prefix+"~") // which is behind all that an id can hold
	}
	if len(f.States) > 0 {
		and("f.state IN (SELECT value FROM json_each(?))", jsonList(f.States))
	}
	if f.Severity > 0 {
		and("f.severity >= ?", f.Severity)
	}
	if len(f.Rules) > 0 {
		var low []string
		for _, r := range f.Rules {
			low = append(low, strings.ToLower(r))
		}
		and("(lower(f.rule) IN (SELECT value FROM json_each(?)) OR EXISTS (SELECT 1 FROM json_each(f.tags) t WHERE t.value IN (SELECT value FROM json_each(?))))", jsonList(low), jsonList(low))
	}
	having := " GROUP BY f.id HAVING seen > 0"
	if !f.Since.IsZero() {
		having, args = having+" AND until >= ?", append(args, f.Since.UnixMilli())
	}
	rows, err := s.read.QueryContext(ctx, summed+where+having, args...)
	if err != nil {
		return nil, err
	}
	var all []Finding
	err = scan(rows, func() error {
		var x Finding
		var tags, exception string
		var opened, changed, first, last int64
		err := rows.Scan(&x.ID, &x.Rule, &x.Name, &x.Severity, &tags, &x.Subject, &x.Protocol, &x.State, &exception, &opened, &changed, &x.Actor, &x.Note, &x.Count, &first, &last)
		if err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(tags), &x.Tags); err != nil {
			return fmt.Errorf("the tags of %s: %w", x.ID, err)
		}
		if exception != "" {
			x.Exception = &exception
		}
		x.Level = x.Severity.String()
		x.First, x.Last, x.Opened, x.Changed = instant(first), instant(last), instant(opened), instant(changed)
		x.Evidence = []Evidence{}
		all = append(all, x)
		return nil
	})
	return all, err
}

// A Sum is how often something was seen, first and last.
type Sum struct {
	Count       int64
	First, Last time.Time
}

// CountedIn returns how often findings that count rows of usage were seen in a period. One that was not is left out.
func (s *Store) CountedIn(ctx context.Context, p Period, ids []string) (map[string]Sum, error) {
	from, to := p.days()
	rows, err := s.read.QueryContext(ctx, `SELECT x.finding, sum(d.count), min(d.first), max(d.last) FROM finding_usage x JOIN usage u ON u.id = x.usage AND u.count > 0 JOIN day d ON d.usage = x.usage
		WHERE x.finding IN (SELECT value FROM json_each(?)) AND d.day >= ? AND d.day < ? GROUP BY x.finding`, jsonList(ids), from, to)
	if err != nil {
		return nil, fmt.Errorf("counting findings in a period: %w", s.tell(err))
	}
	sums := map[string]Sum{}
	err = scan(rows, func() error {
		var id string
		var n, first, last int64
		err := rows.Scan(&id, &n, &first, &last)
		sums[id] = Sum{n, instant(first), instant(last)}
		return err
	})
	return sums, s.tell(err)
}

// instant is a Unix millisecond of the store as a time; 0 is the zero time.
func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// idsOf are the ids of findings as a JSON array.
func idsOf(all []Finding) string {
	ids := make([]string, len(all))
	for i := range all {
		ids[i] = all[i].ID
	}
	return jsonList(ids)
}

// ofUser keeps the findings with an account that fits a pattern.
func (s *Store) ofUser(ctx context.Context, all []Finding, pattern string) ([]Finding, error) {
	fits := map[string]bool{}
	err := s.subjects(ctx, s.read, " AND f.id IN (SELECT value FROM json_each(?))", []any{idsOf(all)}, func(sub *subject) error {
		for _, use := range sub.uses {
			fits[sub.id] = fits[sub.id] || slices.ContainsFunc(use.Names, func(n string) bool { return rules.Glob(pattern, n) })
		}
		return nil
	})
	return slices.DeleteFunc(all, func(f Finding) bool { return !fits[f.ID] }), err
}

func (s *Store) addEvidence(ctx context.Context, all []Finding) error {
	at := make(map[string]int, len(all))
	for i := range all {
		at[all[i].ID] = i
	}
	rows, err := s.read.QueryContext(ctx, `SELECT e.finding, coalesce(s.path, e.path), e.at, e.length, e.line, e.sha256, e.document
		FROM evidence e LEFT JOIN source s ON s.id = e.source WHERE e.finding IN (SELECT value FROM json_each(?)) ORDER BY e.finding, e.step, 2, e.at`, idsOf(all))
	if err != nil {
		return err
	}
	return scan(rows, func() error {
		var id string
		var e Evidence
		var sum []byte
		var document sql.NullString
		if err := rows.Scan(&id, &e.File, &e.Offset, &e.Length, &e.Line, &sum, &document); err != nil {
			return err
		}
		e.SHA256 = hex.EncodeToString(sum)
		if document.String != "" {
			e.SignIn = json.RawMessage(document.String)
		}
		f := &all[at[id]]
		f.Evidence = append(f.Evidence, e)
		return nil
	})
}

// A Change is a row of a finding's history.
type Change struct {
	At    time.Time // UTC
	State string    // of the finding, from then on
	Actor string    // a person, or outmode
	Note  string
}

// History returns what became of a finding, in order.
func (s *Store) History(ctx context.Context, finding string) ([]Change, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT at, state, actor, note FROM history WHERE finding = ? ORDER BY id", finding)
	if err != nil {
		return nil, fmt.Errorf("reading the history of a finding: %w", err)
	}
	all := []Change{}
	err = scan(rows, func() error {
		var c Change
		var at int64
		err := rows.Scan(&at, &c.State, &c.Actor, &c.Note)
		c.At = instant(at)
		all = append(all, c)
		return err
	})
	return all, err
}
