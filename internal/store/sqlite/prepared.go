package sqlite

import (
	"context"
	"database/sql"
	"fmt"
)

// A reader is a querier that prepares each statement once: what is asked for every hour or every log takes longer to
// prepare than to answer. The rows of a statement must be closed before it is asked again.
type reader struct {
	tx    *sql.Tx // ends the statements
	stmts map[string]*sql.Stmt
}

func newReader(tx *sql.Tx) *reader { return &reader{tx, map[string]*sql.Stmt{}} }

func (r *reader) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if st := r.stmts[query]; st != nil {
		return st, nil
	}
	st, err := r.tx.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("%w in %s", err, query)
	}
	r.stmts[query] = st
	return st, nil
}

func (r *reader) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	st, err := r.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}

// one scans the only row of a query.
func (r *reader) one(ctx context.Context, query string, args []any, into ...any) error {
	st, err := r.stmt(ctx, query)
	if err != nil {
		return err
	}
	return st.QueryRowContext(ctx, args...).Scan(into...)
}
