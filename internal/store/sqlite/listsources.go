package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// A Listed is a log as the ledger shows it.
type Listed struct {
	ID          int64
	Path        string // as given, with /; of an archive's member a.zip!name
	Kind        signin.Kind
	Server      string // "" while it is not known
	State       ingest.State
	Why         string // why it is not read, or not to its end; "" where nothing is to be said
	DuplicateOf string // the path of the log that counts, of a duplicate
	Plain       bool   // not an archive
	Done        bool   // an archive was read to its end
	Size        int64  // bytes on disk when it was looked at last
	Offset      int64  // committed, in decompressed bytes
	Lines       signin.Lines
	Malformed   ingest.Causes
	Unfinished  string // what a line behind Offset is that has no end yet, counted in Lines as other; "" without one
	Chain       [32]byte
	First, Last int64 // events, Unix milliseconds; 0 without one
	Holes       []ingest.Hole
}

// Lag is how many bytes of a file of that size were not committed yet, an unfinished last line included. Of an archive
// that was not read to its end it is not known: it is then the size of the archive.
func (l *Listed) Lag(size int64) int64 {
	switch {
	case l.State == ingest.Gone: // what is missing of it is a hole
		return 0
	case l.Plain:
		return max(0, size-l.Offset)
	case l.Done:
		return 0
	}
	return size
}

// List returns the logs of the ledger, in the order of their paths, as they stand at one instant.
func (s *Store) List(ctx context.Context) ([]Listed, error) {
	var all []Listed
	err := s.snapshot(ctx, func(tx *sql.Tx) error {
		names, err := s.serverNames(ctx, tx)
		if err != nil {
			return err
		}
		all, err = listSources(ctx, tx)
		for i := range all {
			all[i].Server = cmp.Or(names[all[i].Server], all[i].Server)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the ledger: %w", err)
	}
	return all, nil
}

// snapshot runs what reads several times and must see the same.
func (s *Store) snapshot(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return s.tell(err)
	}
	defer tx.Rollback() // nothing was written
	return s.tell(do(tx))
}

func listSources(ctx context.Context, q querier) ([]Listed, error) {
	rows, err := q.QueryContext(ctx, `SELECT id, path, kind, server, state, why, plain, done, size, "offset", chain, unfinished, first, last FROM source ORDER BY path, id`)
	if err != nil {
		return nil, err
	}
	var all []Listed
	at := map[int64]int{}
	err = scan(rows, func() error {
		var l Listed
		var chain []byte
		err := rows.Scan(&l.ID, &l.Path, &l.Kind, &l.Server, &l.State, &l.Why, &l.Plain, &l.Done, &l.Size, &l.Offset, &chain, &l.Unfinished, &l.First, &l.Last)
		copy(l.Chain[:], chain)
		if l.State == ingest.Duplicate {
			l.DuplicateOf, _ = strings.CutPrefix(l.Why, "a copy of ")
		}
		if l.Unfinished != "" {
			l.Lines.Count(signin.OtherLine)
		}
		at[l.ID] = len(all)
		all = append(all, l)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := listLines(ctx, q, all, at); err != nil {
		return nil, err
	}
	rows, err = q.QueryContext(ctx, `SELECT source, at, bytes, "from", "to", reason FROM hole ORDER BY id`)
	if err != nil {
		return nil, err
	}
	err = scan(rows, func() error {
		var h ingest.Hole
		err := rows.Scan(&h.Log, &h.Offset, &h.Bytes, &h.From, &h.To, &h.Reason)
		if i, ok := at[h.Log]; ok {
			all[i].Holes = append(all[i].Holes, h)
		}
		return err
	})
	return all, err
}

func listLines(ctx context.Context, q querier, all []Listed, at map[int64]int) error {
	rows, err := q.QueryContext(ctx, `SELECT n.source, n.verdict, coalesce(r.name, ''), sum(n.lines) FROM line_count n LEFT JOIN reason r ON r.id = n.reason
		GROUP BY n.source, n.verdict, n.reason`)
	if err != nil {
		return err
	}
	err = scan(rows, func() error {
		var source, lines int64
		var verdict signin.Verdict
		var reason string
		if err := rows.Scan(&source, &verdict, &reason, &lines); err != nil {
			return err
		}
		if i, ok := at[source]; ok {
			all[i].Lines.CountN(verdict, lines)
			if verdict == signin.Malformed {
				all[i].Malformed.Add(reason, lines)
			}
		}
		return nil
	})
	for i := range all {
		all[i].Malformed.Sort()
	}
	return err
}
