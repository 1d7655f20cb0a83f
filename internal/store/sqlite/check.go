package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// CheckOptions are the choices of Check.
type CheckOptions struct {
	Logs bool // hash the logs that are still there and hold them against the ledger
}

// A Problem is something that does not hold in a store and must.
type Problem struct {
	Invariant string `json:"invariant"` // one of the words below
	Message   string `json:"message"`   // what is wrong and where, with the numbers
}

// What must hold in a store.
const (
	Integrity    = "integrity"     // SQLite can read the file, and its indexes agree with its tables
	References   = "references"    // no record points to one that is not there
	LedgerRanges = "ledger_ranges" // the ranges of a log adjoin, from its first byte to its checkpoint
	LedgerChain  = "ledger_chain"  // the chain over the digests of the ranges is the one that was committed
	LedgerLines  = "ledger_lines"  // the lines of a log add up to those before its checkpoint
	UsageSums    = "usage_sums"    // a usage row is the sum of its days, and of those that were dropped
	DaySums      = "day_sums"      // a day row is the sum of its hours, as long as they are kept
	CloudSums    = "cloud_sums"    // the hours of sign-ins to the cloud are the sums of those that are kept one by one
	WeakSums     = "weak_sums"     // an hour with weak rows has as many sign-ins as these rows
	SignInLines  = "signin_lines"  // sign-in lines = counted + told twice + waiting
	Logs         = "logs"          // the logs on disk hash to what the ledger says
)

// Checked is the outcome of a check.
type Checked struct {
	Problems []Problem
	Counts   map[string]int64 // how many of what was checked: sources, ranges, lines, usage, days, hours, findings, evidence, logs, logs_missing, bytes
}

// Check holds the store against what must be true of it, as it stands at one instant; others may commit meanwhile. An
// error is only about the check itself: a file that cannot be read is a problem.
func (s *Store) Check(ctx context.Context, opt CheckOptions) (*Checked, error) {
	c := &checker{s: s, counts: map[string]int64{}, of: map[string]int{}}
	err := s.snapshot(ctx, func(tx *sql.Tx) error {
		c.q = tx
		for _, step := range []struct {
			invariant string
			do        func(context.Context) error
		}{
			{Integrity, c.integrity}, {References, c.references}, {LedgerRanges, c.ledger}, {LedgerLines, c.lines}, {UsageSums, c.usage}, {DaySums, c.days}, {WeakSums, c.weak}, {CloudSums, c.cloud},
			{SignInLines, c.signIns}, {Integrity, c.size},
		} {
			err := step.do(ctx)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				c.problem(step.invariant, "it cannot be checked: %v", err)
			}
		}
		return nil
	})
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("checking the store: %w", ctx.Err())
	case err != nil:
		c.problem(Integrity, "it cannot be read: %v", err)
	}
	if opt.Logs {
		if err := c.logs(ctx); err != nil {
			return nil, fmt.Errorf("checking the logs: %w", err)
		}
	}
	return c.done(), nil
}

// A checker is a check while it goes on.
type checker struct {
	s        *Store
	q        querier
	problems []Problem
	counts   map[string]int64
	of       map[string]int // problems by invariant
	sources  []Listed
	ranges   map[int64][]ingest.Range
}

// tellAtMost bounds how many problems of one sort are told; the others are counted.
const tellAtMost = 10

func (c *checker) problem(invariant, format string, args ...any) {
	if c.of[invariant]++; c.of[invariant] <= tellAtMost {
		c.problems = append(c.problems, Problem{invariant, fmt.Sprintf(format, args...)})
	}
}

func (c *checker) done() *Checked {
	for _, p := range append([]Problem(nil), c.problems...) {
		if more := c.of[p.Invariant] - tellAtMost; more > 0 {
			c.problems = append(c.problems, Problem{p.Invariant, fmt.Sprintf("and %d more of this sort", more)})
			c.of[p.Invariant] = 0
		}
	}
	return &Checked{Problems: c.problems, Counts: c.counts}
}

// each gives every row of a query to do.
func (c *checker) each(ctx context.Context, query string, args []any, do func(*sql.Rows) error) error {
	rows, err := c.q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	return scan(rows, func() error { return do(rows) })
}

// number returns the only value of a query.
func (c *checker) number(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = c.each(ctx, query, args, func(rows *sql.Rows) error { return rows.Scan(&n) })
	return n, err
}

func (c *checker) integrity(ctx context.Context) error {
	wrong, err := integrity(ctx, c.q)
	for _, line := range wrong {
		c.problem(Integrity, "%s", line)
	}
	if err != nil {
		return err
	}
	return c.each(ctx, "SELECT \"table\", coalesce(rowid, 0), parent FROM pragma_foreign_key_check", nil, func(rows *sql.Rows) error {
		var table, parent string
		var row int64
		err := rows.Scan(&table, &row, &parent)
		c.problem(References, "row %d of table %s points to a row of %s that is not there", row, table, parent)
		return err
	})
}

// size counts what was checked.
func (c *checker) size(ctx context.Context) error {
	for table, name := range map[string]string{"usage": "usage", "day": "days", "hour": "hours", "finding": "findings", "evidence": "evidence"} {
		n, err := c.number(ctx, "SELECT count(*) FROM "+table)
		if err != nil {
			return err
		}
		c.counts[name] = n
	}
	return nil
}

// references finds records that point nowhere.
func (c *checker) references(ctx context.Context) error {
	for _, r := range []struct{ table, column, to, key, but string }{
		{"usage", "server", "server", "id", ""}, {"usage", "account", "account", "id", ""}, {"usage", "client", "client", "id", ""}, {"usage", "verdict", "verdict", "id", "verdict <> 0"},
		{"usage", "source", "source", "id", ""}, {"day", "usage", "usage", "id", ""}, {"hour", "usage", "usage", "id", ""}, {"hour", "address", "address", "id", "address <> 0"},
		{"mfa_event", "source", "source", "id", ""}, {"mfa_event", "address", "address", "id", "address <> 0"}, {"cloud_signin", "address", "address", "id", "address <> 0"}, {"cloud_signin", "usage", "usage", "id", ""}, {"cloud_signin", "source", "source", "id", "source <> 0"},
		{"ledger", "source", "source", "id", ""}, {"head", "source", "source", "id", ""}, {"head", "header", "header", "id", ""}, {"hole", "source", "source", "id", ""}, {"garbled", "source", "source", "id", ""},
		{"line_count", "source", "source", "id", ""}, {"line_count", "reason", "reason", "id", "reason <> 0"}, {"source", "header", "header", "id", "header <> 0"},
		{"heard", "server", "server", "id", ""}, {"weak", "server", "server", "id", ""}, {"weak_line", "usage", "usage", "id", ""},
		{"minute", `"group"`, "rule_group", "id", ""}, {"rule_group", "rule", "rule", "id", ""},
		{"finding_usage", "finding", "finding", "id", ""}, {"finding_usage", "usage", "usage", "id", ""},
		{"evidence", "finding", "finding", "id", ""}, {"evidence", "source", "source", "id", ""},
	} {
		where := "NOT EXISTS (SELECT 1 FROM " + r.to + " t WHERE t." + r.key + " = x." + r.column + ")"
		if r.but != "" {
			where += " AND " + r.but
		}
		err := c.each(ctx, "SELECT CAST(x."+r.column+" AS TEXT), count(*) FROM "+r.table+" x WHERE "+where+" GROUP BY 1 LIMIT 100", nil, func(rows *sql.Rows) error {
			var to string
			var n int64
			err := rows.Scan(&to, &n)
			c.problem(References, "%d rows of table %s point to %s %s, which is not there", n, r.table, r.to, to)
			return err
		})
		if err != nil {
			return err
		}
	}
	// A line that is cited was committed.
	return c.each(ctx, `SELECT e.finding, e.path, e.at, e.length, s."offset" FROM evidence e JOIN source s ON s.id = e.source WHERE e.at + e.length > s."offset" LIMIT 100`, nil, func(rows *sql.Rows) error {
		var finding, path string
		var at, length, offset int64
		err := rows.Scan(&finding, &path, &at, &length, &offset)
		c.problem(References, "finding %s cites bytes %d to %d of %s, of which %d were committed", finding, at, at+length, path, offset)
		return err
	})
}

// ledger checks the ranges of each log and the chain over them.
func (c *checker) ledger(ctx context.Context) (err error) {
	if c.sources, err = listSources(ctx, c.q); err != nil {
		return err
	}
	type entry struct {
		ingest.Range
		chain [32]byte
		lines int64
	}
	ledger := map[int64][]entry{}
	err = c.each(ctx, `SELECT source, start, "end", digest, chain, lines FROM ledger ORDER BY source, start`, nil, func(rows *sql.Rows) error {
		var source int64
		var e entry
		var digest, chain []byte
		err := rows.Scan(&source, &e.From, &e.To, &digest, &chain, &e.lines)
		copy(e.Digest[:], digest)
		copy(e.chain[:], chain)
		ledger[source] = append(ledger[source], e)
		c.counts["ranges"]++
		return err
	})
	if err != nil {
		return err
	}
	c.ranges = map[int64][]ingest.Range{}
	before, err := c.linesBefore(ctx)
	if err != nil {
		return err
	}
	for i := range c.sources {
		l := &c.sources[i]
		c.counts["sources"]++
		var at, lines int64
		var chain [32]byte
		for _, e := range ledger[l.ID] {
			if e.From != at {
				c.problem(LedgerRanges, "%s: a range begins at byte %d, the one before it ends at %d", l.Path, e.From, at)
			}
			if e.To <= e.From {
				c.problem(LedgerRanges, "%s: the range from byte %d ends at %d", l.Path, e.From, e.To)
			}
			if link := ingest.Link(chain, e.Digest, e.From, e.To); link != e.chain {
				c.problem(LedgerChain, "%s: the chain behind bytes %d to %d is %x, and from the digests it is %x", l.Path, e.From, e.To, e.chain, link)
			}
			if e.lines < lines {
				c.problem(LedgerLines, "%s: %d lines before byte %d, and %d before byte %d", l.Path, lines, e.From, e.lines, e.To)
			}
			at, chain, lines = e.To, e.chain, e.lines
			c.ranges[l.ID] = append(c.ranges[l.ID], e.Range)
		}
		if at != l.Offset {
			c.problem(LedgerRanges, "%s: the ranges end at byte %d, its checkpoint is %d", l.Path, at, l.Offset)
		}
		if chain != l.Chain {
			c.problem(LedgerChain, "%s: the chain behind the last range is %x, that of the log %x", l.Path, chain, l.Chain)
		}
		if l.ID != agedSource && lines != before[l.ID] {
			c.problem(LedgerLines, "%s: %d lines before the end of the last range, its checkpoint says %d", l.Path, lines, before[l.ID])
		}
	}
	return nil
}

// linesBefore returns how many lines each log has before its checkpoint.
func (c *checker) linesBefore(ctx context.Context) (map[int64]int64, error) {
	lines := map[int64]int64{}
	err := c.each(ctx, "SELECT id, lines FROM source", nil, func(rows *sql.Rows) error {
		var id, n int64
		err := rows.Scan(&id, &n)
		lines[id] = n
		return err
	})
	return lines, err
}

// lines checks that every line of each log was counted once.
func (c *checker) lines(ctx context.Context) error {
	return c.each(ctx, "SELECT s.path, s.lines, coalesce((SELECT sum(n.lines) FROM line_count n WHERE n.source = s.id), 0) FROM source s", nil, func(rows *sql.Rows) error {
		var path string
		var lines, counted int64
		if err := rows.Scan(&path, &lines, &counted); err != nil {
			return err
		}
		if c.counts["lines"] += lines; lines != counted {
			c.problem(LedgerLines, "%s: %d lines were committed, and %d counted", path, lines, counted)
		}
		return nil
	})
}

// signIns checks that every line with a sign-in is counted, told twice or waiting.
func (c *checker) signIns(ctx context.Context) error {
	var n [4]int64
	for i, query := range []string{"SELECT coalesce(sum(lines), 0) FROM line_count WHERE verdict = ?1", "SELECT coalesce(sum(count), 0) FROM usage WHERE ?1 = ?1",
		"SELECT coalesce(sum(count), 0) FROM weak WHERE state = 2 AND ?1 = ?1", "SELECT coalesce(sum(count), 0) FROM weak WHERE state = 0 AND ?1 = ?1"} {
		var err error
		if n[i], err = c.number(ctx, query, signin.SignInLine); err != nil {
			return err
		}
	}
	if n[0] != n[1]+n[2]+n[3] {
		c.problem(SignInLines, "%d lines with a sign-in, and %d counted + %d told twice + %d waiting = %d", n[0], n[1], n[2], n[3], n[1]+n[2]+n[3])
	}
	return nil
}
