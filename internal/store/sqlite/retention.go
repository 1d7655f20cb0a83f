package sqlite

import (
	"context"
	"fmt"
	"time"
)

// Retention is how long each sort of record is kept, counted back from the newest event in the store or the clock,
// whichever is earlier. A zero field means its default.
type Retention struct {
	Hours    time.Duration // hour rows, the minutes of rules, what gateways told and sign-ins to the cloud; default 35 days
	Days     time.Duration // day rows; default 400 days
	Evidence time.Duration // of findings; default 90 days
	Findings time.Duration // those that are resolved; default 2 years
}

func (r Retention) orDefault() Retention {
	const day = 24 * time.Hour
	for _, f := range []struct {
		have *time.Duration
		days time.Duration
	}{{&r.Hours, 35}, {&r.Days, 400}, {&r.Evidence, 90}, {&r.Findings, 730}} {
		if *f.have <= 0 {
			*f.have = f.days * day
		}
	}
	return r
}

// keepOutbox is how long a message is kept that nobody sent.
const keepOutbox = 30 * 24 * time.Hour

// pruneRows bounds what one step of Prune changes, in rows, so that a commit never waits long for it.
const pruneRows = 2000

// agedDay and agedHour stand for all that were dropped, in line_count and in weak: the totals stay what they were.
const (
	agedDay  = -1
	agedHour = -1
)

// Prune drops what is older than it is to be kept: one small step per call, one transaction each, until it is done.
// It is for the process that commits, between its commits and when it has caught up: the hours of two logs that are
// both old are compared only while both are kept.
//
// What is dropped leaves its sums behind: usage rows keep their counts, logs their lines, findings what they counted.
// Ages are whole UTC days, so that a day is there as a whole or not at all; when nothing is old, a call reads one row.
func (s *Store) Prune(ctx context.Context, now time.Time) (done bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	w, err := s.ensureWriter(ctx)
	if err != nil {
		return false, err
	}
	p := newPruning(w, now)
	if w.newest == 0 {
		return true, nil // without an event nothing has an age
	}
	steps := p.steps()
	next, err := p.next(ctx)
	if err != nil {
		return false, fmt.Errorf("dropping what is old: %w", err)
	}
	if next >= len(steps) {
		return s.reclaim(ctx)
	}
	return false, s.change(ctx, fmt.Sprintf("dropping %s that are old", steps[next].what), func(ctx context.Context, _ *writer) error {
		n, err := steps[next].do(ctx)
		if err == nil && n == 0 {
			err = p.note(ctx, next+1)
		}
		return err
	})
}

// A pruning is what one call of Prune goes by.
type pruning struct {
	w         *writer
	hoursFrom int64 // the first day of which hours and minutes are kept, since 1970
	daysFrom  int64
	evidence  int64 // what was stored before it is not kept, Unix milliseconds
	findings  int64
	outbox    int64
}

func newPruning(w *writer, now time.Time) *pruning {
	r := w.s.opt.Retention
	from := func(keep time.Duration) int64 {
		return max(0, (min(w.newest, now.UnixMilli())-keep.Milliseconds())/dayMs)
	}
	return &pruning{w: w, hoursFrom: from(r.Hours), daysFrom: from(r.Days), evidence: from(r.Evidence) * dayMs, findings: from(r.Findings) * dayMs, outbox: from(keepOutbox) * dayMs}
}

// A pruneStep drops some rows of one sort and says how many; 0 when there are no more.
type pruneStep struct {
	what string
	do   func(context.Context) (int64, error)
}

// steps are in the order in which records depend on each other: a log goes when nothing points to it any more.
func (p *pruning) steps() []pruneStep {
	return []pruneStep{
		{"minutes of rules", p.minutes}, {"minutes of rules", p.debuts}, {"groups of rules", p.groups}, {"groups of rules", p.watches},
		{"hours", p.hours}, {"events of gateways", p.events}, {"sign-ins to the cloud", p.cloud}, {"names of one person", p.pairs}, {"days", p.days}, {"counts of lines", p.lineCounts}, {"hours that were heard", p.heard}, {"hours that were told twice", p.weak},
		{"documents of evidence", p.documents}, {"findings", p.resolved}, {"messages", p.unsent}, {"logs", p.gone},
		{"rows that count nothing", p.empty}, {"addresses", p.addresses}, {"columns of logs", p.headers},
	}
}

// String names the ages, so that it is known whether all steps were done for them.
func (p *pruning) String() string {
	return fmt.Sprintf("%d %d %d %d %d", p.hoursFrom, p.daysFrom, p.evidence/dayMs, p.findings/dayMs, p.outbox/dayMs)
}

// next returns the step to go on with: they are all done once for the same ages.
func (p *pruning) next(ctx context.Context) (int, error) {
	text, found, err := p.w.s.meta(ctx, p.w.s.write, "pruned")
	if err != nil || !found {
		return 0, err
	}
	var next int
	if _, err := fmt.Sscanf(text, p.String()+": %d", &next); err != nil {
		return 0, nil // the ages moved on
	}
	return next, nil
}

func (p *pruning) note(ctx context.Context, next int) error {
	return p.w.setMeta(ctx, "pruned", fmt.Sprintf("%s: %d", p, next))
}

// change runs a statement and returns how many rows it changed.
func (p *pruning) change(ctx context.Context, query string, args ...any) (int64, error) {
	st, err := p.w.stmt(ctx, query)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(ctx, args...)
	if err != nil {
		return 0, fmt.Errorf("%w in %s", err, query)
	}
	return res.RowsAffected()
}

// meta returns what was noted under a name.
func (s *Store) meta(ctx context.Context, q querier, name string) (value string, found bool, err error) {
	rows, err := q.QueryContext(ctx, "SELECT value FROM meta WHERE name = ?", name)
	if err != nil {
		return "", false, err
	}
	err = scan(rows, func() error {
		found = true
		return rows.Scan(&value)
	})
	return value, found, err
}

func (w *writer) setMeta(ctx context.Context, name, value string) error {
	return w.exec(ctx, "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", name, value)
}

// hoursFrom is the first day, since 1970, of which all hour rows are there. Sums of earlier days cannot be made anew.
func (s *Store) hoursFrom(ctx context.Context, q querier) (int64, error) {
	text, found, err := s.meta(ctx, q, "hours_from")
	if err != nil || !found {
		return 0, err
	}
	var day int64
	if _, err := fmt.Sscan(text, &day); err != nil {
		return 0, fmt.Errorf("reading from when on hours are kept: %q is no number", text)
	}
	return day, nil
}

// noHoursBefore notes that hour rows before a day are not all there.
func (w *writer) noHoursBefore(ctx context.Context, day int64) error {
	return w.exec(ctx, `INSERT INTO meta (name, value) VALUES ('hours_from', ?) ON CONFLICT DO UPDATE SET value = excluded.value
		WHERE CAST(value AS INTEGER) < CAST(excluded.value AS INTEGER)`, fmt.Sprint(day))
}

// reclaim gives the disk space of what was dropped back, when it is a good part of the file: less is soon filled
// again. It is done in small pieces, too. What the log of the last transactions holds is merged into the file, unless
// somebody reads it: then they do it who come after.
func (s *Store) reclaim(ctx context.Context) (done bool, err error) {
	const piece = 256 // pages: 2 MiB
	free, all, err := s.pages(ctx)
	if err != nil {
		return false, fmt.Errorf("giving back disk space: %w", err)
	}
	if free < 2*piece || free*4 < all {
		return true, nil
	}
	rows, err := s.write.QueryContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", piece))
	if err == nil {
		err = scan(rows, func() error { return nil }) // a row per page
	}
	left, _, e := s.pages(ctx)
	if err == nil {
		err = e
	}
	if err != nil {
		return false, fmt.Errorf("giving back disk space: %w", err)
	}
	if left < 2*piece || left*4 < all {
		return true, s.truncateLog(ctx)
	}
	return left >= free, nil // a file that was not made for it keeps what it has
}

// pages returns how many pages of the file are free, and how many there are.
func (s *Store) pages(ctx context.Context) (free, all int64, err error) {
	err = s.write.QueryRowContext(ctx, "SELECT freelist_count, page_count FROM pragma_freelist_count, pragma_page_count").Scan(&free, &all)
	return free, all, err
}

// truncateLog merges the write-ahead log into the file and makes it empty, if nobody holds it at the moment.
func (s *Store) truncateLog(ctx context.Context) error {
	c, err := s.write.Conn(ctx)
	if err != nil {
		return fmt.Errorf("merging the log of transactions: %w", err)
	}
	defer c.Close()
	var patience, busy, n, moved int64
	if err := c.QueryRowContext(ctx, "PRAGMA busy_timeout").Scan(&patience); err != nil {
		return fmt.Errorf("merging the log of transactions: %w", err)
	}
	// No reader is waited for: this connection is the one that commits.
	if _, err := c.ExecContext(ctx, "PRAGMA busy_timeout = 0"); err != nil {
		return fmt.Errorf("merging the log of transactions: %w", err)
	}
	err = c.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &n, &moved)
	if _, e := c.ExecContext(context.WithoutCancel(ctx), fmt.Sprintf("PRAGMA busy_timeout = %d", patience)); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("merging the log of transactions: %w", err)
	}
	return nil
}
