// Package sqlite is the embedded store: one SQLite file that holds what ingest commits (usage at three grains, the
// ledger, counts of rules with windows), what rules make of it (findings and their evidence) and what people say about
// it (acknowledgements, exceptions).
//
// One process at a time commits batches (see [Store.LockIngest]); any number of others read, and change findings and
// exceptions, while it does. A batch, all that is derived from it and the checkpoint behind it are one transaction:
// after a crash either all of it is there or nothing, and the log is read again from the checkpoint.
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/outmode/outmode/rules"
)

//go:embed schema1.sql
var schema1 string

// migrations are the steps from each version of the schema to the next. A step that was released never changes.
func migrations() []string { return []string{schema1} }

// fileName is the store's file in its directory.
const fileName = "outmode.db"

// applicationID marks the file as ours: "Omod".
const applicationID = 0x4f6d6f64

// Options are the choices of Open.
type Options struct {
	Rules     *rules.Set // what the store's verdicts are spelled with, and windows are decided by; nil for none
	Create    bool       // make the directory and the file if they are not there
	Reading   bool       // nothing will be written: it is no matter if nothing can be
	Retention Retention
	Now       func() time.Time // nil: time.Now
}

// A Store is an open store.
type Store struct {
	dir    string
	write  *sql.DB // one connection
	read   *sql.DB
	opt    Options
	writer *writer
	cached int   // bounds each memory of the writer, in entries
	pairs  int64 // bounds how many pairs of names are kept
	lock   *os.File

	reviewed bool        // Review told of the past
	past     int64       // on which day
	barred   atomic.Bool // the last write, as the file could not be written

	alone *stamp // of a file that is read without locks
}

// ErrNoStore says that there is no store in the directory.
var ErrNoStore = errors.New("there is no store")

// A NewerError says that a later version of the program wrote the store.
type NewerError struct {
	Path         string
	Schema, Know int
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("%s has schema %d, and this version of outmode knows %d: install the version that wrote it, or a later one; nothing was changed", e.Path, e.Schema, e.Know)
}

// Open opens the store of a directory and brings its schema up to date.
func Open(ctx context.Context, dir string, opt Options) (*Store, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	opt.Retention = opt.Retention.orDefault()
	dir, err := filepath.Abs(dir) // a URI has no relative paths
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	path := filepath.Join(dir, fileName)
	switch _, err := os.Stat(path); {
	case err == nil:
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("opening the store: %w", &FileError{path, NotOpened, err})
	case !errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("opening the store: %w", err)
	case !opt.Create:
		return nil, fmt.Errorf("%w in %s: \"outmode serve --data %s PATH\" or \"outmode scan --data %s PATH\" makes one", ErrNoStore, dir, dir, dir)
	default:
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("making the store's directory: %w", err)
		}
		if err := create(ctx, path); err != nil {
			return nil, fmt.Errorf("making the store: %w", tell(path, err))
		}
	}
	if fi, err := os.Stat(path); err == nil && fi.Size() == 0 {
		if !opt.Create {
			return nil, fmt.Errorf("%w in %s: outmode.db is empty, 0 bytes. If nothing was stored yet, the next start of \"outmode serve\" makes it; if something was, the file is damaged: put the last good backup in its place", ErrNoStore, dir)
		}
		if err := format(ctx, path); err != nil {
			return nil, fmt.Errorf("making the store: %w", tell(path, err))
		}
	}
	s := &Store{dir: dir, opt: opt, cached: maxCached, pairs: maxPairs}
	s.mend()
	if opt.Reading && !canWrite(path) {
		return s.openReading(ctx, path)
	}
	if s.write, err = pool(path, dsn(path)); err == nil {
		s.write.SetMaxOpenConns(1)
		s.read, err = pool(path, dsn(path)+"&_pragma=query_only(1)")
	}
	if err == nil {
		err = s.migrate(ctx, path)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// create puts a new file in its place, formatted already: another process may make the same one at the same time, and
// whose comes first stays. Where a file system has no links it is put there empty.
func create(ctx context.Context, path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), fileName+".new-*") // it will hold names: for nobody else to read
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := errors.Join(f.Close(), formatOnce(ctx, f.Name())); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err == nil || errors.Is(err, os.ErrExist) {
		return removeUnplaced(filepath.Dir(path))
	}
	if f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err == nil {
		err = f.Close()
	}
	return err
}

// removeUnplaced removes what processes left that were killed while they made a store.
func removeUnplaced(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, fileName+".new-*"))
	for _, name := range left {
		if fi, err := os.Stat(name); err == nil && time.Since(fi.ModTime()) > time.Minute {
			_ = os.Remove(name) // it is in nobody's way
		}
	}
	return err
}

// format chooses for an empty file what cannot be chosen later, in the one order in which that is possible: the driver
// applies what stands in a DSN in the order of the alphabet. Who does it a second time changes nothing. Who does
// it while another does may find that the journal is gone, or the lock, which is told as an error of the disk or at
// once as a lock: he does it again.
func format(ctx context.Context, path string) (err error) {
	const most, patience = 20, 10 * time.Second
	begun := time.Now()
	for range most {
		if err = formatOnce(ctx, path); !isPassing(err) || time.Since(begun) > patience {
			break
		}
	}
	return err
}

func formatOnce(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", dsnOf(path)+"?_busy_timeout=10000")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(ctx, "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL")
	return errors.Join(err, db.Close())
}

// dsnOf names the file.
func dsnOf(path string) string {
	if os.PathSeparator == '\\' {
		path = "/" + filepath.ToSlash(path)
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// dsn carries every setting, so that each connection of a pool has it.
func dsn(path string) string {
	if os.PathSeparator == '\\' {
		path = "/" + filepath.ToSlash(path)
	}
	settings := []string{
		"busy_timeout(10000)", // another process may hold the file for a moment
		"page_size(8192)",
		"journal_mode(WAL)",
		"synchronous(NORMAL)", // a power cut may take the last commits, checkpoints included: the logs are read again
		"foreign_keys(1)",
		"temp_store(MEMORY)",
		"cache_size(-32768)",
		"journal_size_limit(67108864)",
	}
	return dsnOf(path) + "?_txlock=immediate&_pragma=" + strings.Join(settings, "&_pragma=")
}

// openingFailed says which file it was, once.
func openingFailed(path string, err error) error {
	if err = tell(path, err); hasTrouble(err, NoTrouble) {
		return fmt.Errorf("opening the store %s: %w", path, err)
	}
	return fmt.Errorf("opening the store: %w", err)
}

func (s *Store) migrate(ctx context.Context, path string) error {
	var version int
	if err := s.write.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return openingFailed(path, err)
	}
	steps := migrations()
	if version > len(steps) {
		return &NewerError{path, version, len(steps)}
	}
	if version == len(steps) {
		return nil
	}
	return s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		// Another process may have been faster.
		if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
			return err
		}
		for ; version < len(steps); version++ {
			if _, err := tx.ExecContext(ctx, steps[version]); err != nil {
				return fmt.Errorf("bringing the store %s to schema %d: %w", path, version+1, err)
			}
		}
		_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, version))
		return err
	})
}

// update runs a transaction that writes. ctx ends the wait for its turn, which another process may have for long; what
// has begun is carried through, so that nobody has to wonder whether it was.
func (s *Store) update(ctx context.Context, do func(context.Context, *sql.Tx) error) error {
	if s.write == nil {
		return &FileError{Path: s.path(), Trouble: NotWritable}
	}
	if s.barred.Swap(false) {
		s.letGo()
	}
	err := s.tell(s.transact(ctx, do))
	s.barred.Store(hasTrouble(err, NotWritable))
	return err
}

func (s *Store) transact(ctx context.Context, do func(context.Context, *sql.Tx) error) error {
	turn, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	begun := context.AfterFunc(ctx, end)
	tx, err := s.write.BeginTx(turn, nil)
	if !begun() { // ctx has ended
		if err == nil {
			err = ignoreDone(tx.Rollback())
		}
		return fmt.Errorf("writing to the store: %w", cmp.Or(ctx.Err(), err))
	}
	if err != nil {
		return fmt.Errorf("writing to the store: %w", err)
	}
	// A context that can end costs a goroutine per statement; a transaction is short.
	if err := do(context.WithoutCancel(ctx), tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("writing to the store: %w", errors.Join(err, ignoreDone(tx.Rollback())))
	}
	return nil
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// Close closes the store. A WAL that no other process uses is merged into the file.
func (s *Store) Close() error {
	var errs []error
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	for _, db := range s.pools() {
		errs = append(errs, db.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// pools are the connections that are kept.
func (s *Store) pools() (all []*sql.DB) {
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			all = append(all, db)
		}
	}
	return all
}

// Dir is the directory of the store.
func (s *Store) Dir() string { return s.dir }
