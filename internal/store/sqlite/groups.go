package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// A UsageFilter chooses sign-ins.
type UsageFilter struct {
	Period // its zero value is all time
}

// Grouped are the sign-ins that count, by some columns, and what must be known beside them.
type Grouped struct {
	Groups  []signin.Group // in the order of their columns
	Counted int64          // in Groups

	// Lines = Counted + ToldTwice + Waiting + NotKept.
	Lines     int64 // that are sign-ins
	ToldTwice int64 // another log tells them too
	Waiting   int64 // it is not known yet whether another log tells them too
	NotKept   int64 // they count, and rows as fine as the columns ask for are not kept of their time any more

	KeptFrom int64             // the first instant of which such rows are kept, Unix milliseconds; 0 for all time
	Coverage []ingest.Coverage // see Store.Coverage
}

// A grain is the rows that some columns are answered from.
type grain struct {
	from  string // tables, with usage as u
	where string // ?1 and ?2 are the first day and the one behind the last
	start string // of the period of a row, in Unix milliseconds
	count string
	first string
	last  string
}

func hourGrain() grain {
	return grain{from: `hour x JOIN usage u ON u.id = x.usage
		LEFT JOIN weak k ON u.weak = 1 AND k.server = u.server AND k.kind = u.kind AND k.protocol = u.protocol AND k.hour = x.hour`,
		where: "x.hour >= ?1 * 24 AND x.hour < ?2 * 24 AND (u.weak = 0 OR k.state = 1)", start: "x.hour * 3600000",
		count: "x.count", first: "x.hour * 3600000 + x.first", last: "x.hour * 3600000 + x.last"}
}

func dayGrain() grain {
	return grain{from: "day x JOIN usage u ON u.id = x.usage", where: "x.day >= ?1 AND x.day < ?2", start: "x.day * 86400000",
		count: "x.count", first: "x.first", last: "x.last"}
}

func summaryGrain() grain {
	return grain{from: "usage u", where: "u.count > 0 AND ?1 < ?2", start: "0", count: "u.count", first: "u.first", last: "u.last"}
}

// Usage groups the sign-ins that count. Its rows are the finest that it needs: those of hours or days if it groups by
// them, of days for a period, else the sums over all time. Of a day of which such rows are not all kept it returns
// nothing and says how much that is.
func (s *Store) Usage(ctx context.Context, f UsageFilter, by ...signin.Column) (*Grouped, error) {
	g := &Grouped{}
	err := s.snapshot(ctx, func(tx *sql.Tx) error {
		p, err := s.sinceKept(ctx, tx, f.Period)
		if err != nil {
			return err
		}
		from, to := p.days()
		kept, err := s.keptFrom(ctx, tx, by)
		if err != nil {
			return err
		}
		if err := g.sums(ctx, tx, from, to, kept); err != nil {
			return err
		}
		of := summaryGrain()
		switch {
		case slices.Contains(by, signin.ByHour):
			of, from = hourGrain(), max(from, kept)
		case slices.Contains(by, signin.ByDay):
			of, from = dayGrain(), max(from, kept)
		case f.Period != Period{}:
			of, g.NotKept = dayGrain(), 0
		default:
			kept, g.NotKept = 0, 0
		}
		if g.KeptFrom = kept * dayMs; from < to {
			if err := s.group(ctx, tx, g, of, from, to, by); err != nil {
				return err
			}
		}
		g.Coverage, err = s.coverage(ctx, tx, f.Period)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading usage by %s: %w", columnsOf(by), err)
	}
	return g, nil
}

func columnsOf(by []signin.Column) string {
	var names []string
	for _, c := range by {
		names = append(names, c.String())
	}
	return strings.Join(names, ", ")
}

// daysFrom is the first day of which day rows are all kept, since 1970. What was dropped of a day is counted apart from
// it, so that a day with anything dropped is none that can be shown.
func daysFrom(ctx context.Context, tx *sql.Tx) (day int64, err error) {
	var last int64
	err = tx.QueryRowContext(ctx, "SELECT coalesce(max(aged_last), 0) FROM usage WHERE aged_count > 0").Scan(&last)
	if last > 0 {
		day = last/dayMs + 1
	}
	return day, err
}

// keptFrom is the first day of which rows for the columns are all kept.
func (s *Store) keptFrom(ctx context.Context, tx *sql.Tx, by []signin.Column) (day int64, err error) {
	day, err = daysFrom(ctx, tx)
	if err == nil && slices.Contains(by, signin.ByHour) {
		hours, err := s.hoursFrom(ctx, tx)
		return max(day, hours), err
	}
	return day, err
}

// sinceKept is a period without the days of which something was dropped: their lines may be there still. A log that is
// older than what is kept leaves such days until the next Prune.
func (s *Store) sinceKept(ctx context.Context, tx *sql.Tx, p Period) (Period, error) {
	day, err := daysFrom(ctx, tx)
	if p == (Period{}) || day*dayMs <= p.From {
		return p, err
	}
	if p.From = day * dayMs; p.To > 0 {
		p.To = max(p.To, p.From)
	}
	return p, err
}

// sums fills in what the groups must add up to.
func (g *Grouped) sums(ctx context.Context, tx *sql.Tx, from, to, kept int64) error {
	err := tx.QueryRowContext(ctx, `SELECT (SELECT coalesce(sum(lines), 0) FROM line_count WHERE verdict = ?4 AND (day = 0 OR day >= ?1 AND day < ?2)),
		(SELECT coalesce(sum(count), 0) FROM day WHERE day >= ?1 AND day < min(?2, ?3)) + (SELECT CASE WHEN ?1 < 0 THEN coalesce(sum(aged_count), 0) ELSE 0 END FROM usage)`,
		from, to, kept, signin.SignInLine).Scan(&g.Lines, &g.NotKept)
	if err != nil {
		return err
	}
	g.ToldTwice, g.Waiting, err = weakSums(ctx, tx, from, to)
	return err
}

// weakSums returns how many lines of those days another log told too, and of how many that is not known yet.
func weakSums(ctx context.Context, tx *sql.Tx, from, to int64) (twice, waits int64, err error) {
	err = tx.QueryRowContext(ctx, `SELECT coalesce(sum(CASE state WHEN 2 THEN count END), 0), coalesce(sum(CASE state WHEN 0 THEN count END), 0) FROM weak WHERE hour >= ? AND hour < ?`,
		from*24, to*24).Scan(&twice, &waits)
	return twice, waits, err
}

// group reads the groups.
func (s *Store) group(ctx context.Context, tx *sql.Tx, g *Grouped, of grain, from, to int64, by []signin.Column) error {
	names, err := s.serverNames(ctx, tx)
	if err != nil {
		return err
	}
	aliases, err := json.Marshal(names)
	if err != nil {
		return err
	}
	columns := []string{"NULL"} // so that there is one to group by
	for _, c := range by {
		columns = append(columns, expression(c, of))
	}
	with, joins, args := "", of.from, []any{from, to}
	if slices.Contains(by, signin.ByServer) { // the names of one server are one server
		with = "WITH v AS MATERIALIZED (SELECT s.id, coalesce(n.value, s.name) AS name FROM server s LEFT JOIN json_each(?3) n ON n.key = s.name) "
		joins += " JOIN v ON v.id = u.server"
		args = append(args, string(aliases))
	}
	if slices.Contains(by, signin.ByUser) {
		joins += " JOIN account a ON a.id = u.account"
	}
	if slices.Contains(by, signin.ByClient) {
		joins += " JOIN client c ON c.id = u.client"
	}
	key := strings.Join(columns, ", ")
	query := fmt.Sprintf("%sSELECT %s, sum(%s), sum(CASE u.outcome WHEN %d THEN %s ELSE 0 END), min(%s), max(%s) FROM %s WHERE %s GROUP BY %s",
		with, key, of.count, signin.Failure, of.count, of.first, of.last, joins, of.where, key)
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	err = scan(rows, func() error {
		var x signin.Group
		into := []any{new(any)}
		for _, c := range by {
			into = append(into, place(c, &x))
		}
		err := rows.Scan(append(into, &x.Count, &x.Refused, &x.First, &x.Last)...)
		g.Groups = append(g.Groups, x)
		g.Counted += x.Count
		return err
	})
	signin.SortGroups(g.Groups, by)
	return err
}

// expression is a column in SQL.
func expression(c signin.Column, of grain) string {
	switch c {
	case signin.ByHour, signin.ByDay:
		return of.start
	case signin.ByServer:
		return "v.name"
	case signin.ByDataset:
		return "u.kind"
	case signin.ByUser:
		return "a.key"
	case signin.ByClient:
		return "c.name"
	}
	return "u." + c.String()
}

// place is where the value of a column is put.
func place(c signin.Column, g *signin.Group) any {
	switch c {
	case signin.ByHour, signin.ByDay:
		return &g.Start
	case signin.ByServer:
		return &g.Server
	case signin.ByDataset:
		return &g.Kind
	case signin.ByUser:
		return &g.User
	case signin.ByProtocol:
		return &g.Protocol
	case signin.ByAuth:
		return &g.Auth
	case signin.ByMechanism:
		return &g.Mechanism
	case signin.ByOutcome:
		return &g.Outcome
	case signin.ByEvidence:
		return &g.Evidence
	case signin.ByTraffic:
		return &g.Traffic
	case signin.ByClient:
		return &g.Client
	case signin.ByInternal:
		return &g.Internal
	}
	return &g.Backend
}
