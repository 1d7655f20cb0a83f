package sqlite

import (
	"context"
	"fmt"
	"strings"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// agedSource is the number of a log that stands for all that were dropped, so that lines still add up to what is
// counted, and agedPath is its name.
const (
	agedSource = 0
	agedPath   = "(logs that aged out)/*"
)

// gone drops logs that are not on disk any more and of whose days nothing is kept, with their ledger. A log that a
// finding cites stays as long as the finding.
func (p *pruning) gone(ctx context.Context) (int64, error) {
	const few = 50 // each has ranges and counts by the hundred
	rows, err := p.w.QueryContext(ctx, `SELECT id FROM source s WHERE state = ?1 AND id <> ?2 AND CASE WHEN last > 0 THEN last ELSE modified / 1000000 END < ?3
		AND NOT EXISTS (SELECT 1 FROM evidence e WHERE e.source = s.id) AND NOT EXISTS (SELECT 1 FROM mfa_event m WHERE m.time < ?3 AND m.source = s.id) ORDER BY id LIMIT ?4`,
		string(ingest.Gone), agedSource, p.daysFrom*dayMs, few)
	if err != nil {
		return 0, err
	}
	var ids []any
	err = scan(rows, func() error {
		var id int64
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	})
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	if err := p.sumUp(ctx, ids); err != nil {
		return 0, err
	}
	these := " IN (?" + strings.Repeat(", ?", len(ids)-1) + ")"
	for _, query := range []string{
		"UPDATE usage SET source = 0, at = 0, length = 0, line = 0 WHERE source", "UPDATE cloud_signin SET source = 0, at = 0, length = 0, line = 0 WHERE source",
		"DELETE FROM line_count WHERE source", "DELETE FROM ledger WHERE source", "DELETE FROM head WHERE source", "DELETE FROM hole WHERE source", "DELETE FROM garbled WHERE source", "DELETE FROM source WHERE id",
	} {
		if _, err := p.w.tx.ExecContext(ctx, query+these, ids...); err != nil {
			return 0, fmt.Errorf("%w in %s", err, query)
		}
	}
	return int64(len(ids)), nil
}

// sumUp adds the lines of logs that go to those of the log that stands for them.
func (p *pruning) sumUp(ctx context.Context, ids []any) error {
	these := " IN (?" + strings.Repeat(", ?", len(ids)-1) + ")"
	var lines, first, last, before int64
	row := p.w.tx.QueryRowContext(ctx, "SELECT sum(lines), coalesce(min(CASE WHEN first > 0 THEN first END), 0), max(last) FROM source WHERE id"+these, ids...)
	if err := row.Scan(&lines, &first, &last); err != nil {
		return err
	}
	text, _, err := p.w.s.meta(ctx, p.w, "aged_sources")
	if err != nil {
		return err
	}
	_, _ = fmt.Sscan(text, &before) // of the first there is none
	n := before + int64(len(ids))
	if err := p.w.setMeta(ctx, "aged_sources", fmt.Sprint(n)); err != nil {
		return err
	}
	why := fmt.Sprintf("%d logs that went away, and whose events are older than what is kept: their ledger was dropped, their counts were not", n)
	if err := p.w.exec(ctx, `INSERT INTO source (id, path, file_id, head, head_size, name, kind, state, why, server, owner, encoding, plain, size, modified, done, "offset", lines, header, sessions, chain, unfinished, first, last)
		VALUES (?1, ?2, '', x'', 0, '', ?3, ?4, ?5, '', '', 0, 0, 0, 0, 1, 0, ?6, 0, NULL, zeroblob(32), '', ?7, ?8) ON CONFLICT DO UPDATE SET why = ?5, lines = lines + ?6,
		first = CASE WHEN first = 0 THEN ?7 WHEN ?7 = 0 THEN first ELSE min(first, ?7) END, last = max(last, ?8)`,
		agedSource, agedPath, signin.UnknownKind, string(ingest.Gone), why, lines, first, last); err != nil {
		return err
	}
	_, err = p.w.tx.ExecContext(ctx, fmt.Sprintf(`INSERT INTO line_count (source, day, verdict, reason, lines) SELECT %d, %d, verdict, reason, sum(lines) FROM line_count
		WHERE source%s GROUP BY verdict, reason ON CONFLICT DO UPDATE SET lines = lines + excluded.lines`, agedSource, agedDay, these), ids...)
	return err
}
