package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	driversqlite "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

// Trouble is what can be wrong with the file of a store, rather than with what was asked of it.
type Trouble int

// What can be wrong with a file.
const (
	NoTrouble Trouble = iota
	NotWritable
	NotOpened
	DiskFull
	Damaged
	Held // by another process
)

// A FileError says what is wrong with the file of a store, and what to do. It says nothing of the statement that met it:
// no other would have fared better.
type FileError struct {
	Path    string
	Trouble Trouble
	Err     error // of SQLite, with its code
}

func (e *FileError) Error() string {
	dir, name := filepath.Split(e.Path)
	dir = filepath.Clean(dir)
	switch e.Trouble {
	case NotWritable:
		return fmt.Sprintf("%s cannot be written: the account that runs outmode needs the right to write to the folder, to %s and, where they are, to %s-wal and %s-shm; give it to all of them", e.Path, name, name, name)
	case NotOpened:
		return fmt.Sprintf("%s cannot be opened: the account that runs outmode needs the right to enter the folder and to read %s, %s-wal and %s-shm, and who writes must be able to make the latter two", e.Path, name, name, name)
	case DiskFull:
		return fmt.Sprintf("there is no room for %s: make room on the disk of %s, or see to the quota of the account", e.Path, dir)
	case Damaged:
		return fmt.Sprintf("%s is damaged, or no store: keep a copy of %s; \"outmode store check --data %s\" says what does not hold; then put the last good backup in its place, or read the logs into a new folder", e.Path, dir, dir)
	case Held:
		return fmt.Sprintf("%s is held by another process: try again, and see what has it open if that stays so", e.Path)
	}
	return fmt.Sprintf("%s: %v", e.Path, e.Err)
}

func (e *FileError) Unwrap() error { return e.Err }

// tell is where SQLite's words about a file become ours: its codes name neither the file nor what to do. What is no
// trouble of the file stays as it is, with the statement.
func tell(path string, err error) error {
	var known *FileError
	var e *driversqlite.Error
	if err == nil || errors.As(err, &known) || !errors.As(err, &e) {
		return err
	}
	var t Trouble
	switch e.Code() & 0xff { // the rest says more than anybody can act on
	case codes.SQLITE_READONLY:
		t = NotWritable
	case codes.SQLITE_CANTOPEN, codes.SQLITE_PERM, codes.SQLITE_AUTH:
		t = NotOpened
	case codes.SQLITE_FULL:
		t = DiskFull
	case codes.SQLITE_CORRUPT, codes.SQLITE_NOTADB:
		t = Damaged
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED:
		t = Held
	default:
		return err
	}
	return &FileError{Path: path, Trouble: t, Err: err}
}

// isPassing reports whether an error may be another process that makes the file, too.
func isPassing(err error) bool {
	var e *driversqlite.Error
	return errors.As(err, &e) && (e.Code()&0xff == codes.SQLITE_IOERR || e.Code()&0xff == codes.SQLITE_BUSY)
}

// hasTrouble reports whether an error is that trouble with the file; NoTrouble: none.
func hasTrouble(err error, t Trouble) bool {
	var e *FileError
	if !errors.As(err, &e) {
		return t == NoTrouble
	}
	return e.Trouble == t
}

// tell is tell for the file of a store.
func (s *Store) tell(err error) error { return tell(s.path(), err) }

func (s *Store) path() string { return filepath.Join(s.dir, fileName) }

// A connector opens connections to a file: most of what is wrong with it shows there.
type connector struct {
	driver    driver.Driver
	path, dsn string
}

func (c *connector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open(c.dsn)
	return conn, tell(c.path, err)
}

func (c *connector) Driver() driver.Driver { return c.driver }

// pool is sql.Open for a file.
func pool(path, dsn string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn) // opens nothing, yet
	if err != nil {
		return nil, err
	}
	d := db.Driver()
	return sql.OpenDB(&connector{d, path, dsn}), db.Close()
}

// letGo closes the connections that nobody uses, before the next write when one was refused. A connection that found its file read-only
// stays so, and so does the memory that all of a process share (-shm), until the last of them is closed: when the right
// has come back, the next attempt has it.
func (s *Store) letGo() {
	for _, db := range s.pools() {
		db.SetMaxIdleConns(0)
		db.SetMaxIdleConns(2) // as many as by default
	}
	s.mend()
}

// mend gives the two files beside the rights of the file: SQLite made them with those that it had then. They are of this
// account, else that changes nothing. The file itself is not opened: to close it again would end the locks of all
// connections of this process.
func (s *Store) mend() {
	fi, err := os.Stat(s.path())
	if err != nil || fi.Mode().Perm()&0o200 == 0 {
		return
	}
	for _, suffix := range besides() {
		if beside, err := os.Stat(s.path() + suffix); err == nil && beside.Mode().Perm()&0o200 == 0 {
			_ = os.Chmod(s.path()+suffix, fi.Mode().Perm()) // if not, the next write says what is missing
		}
	}
}

// besides are what SQLite keeps beside a file that is open.
func besides() []string { return []string{"-wal", "-shm"} }

// Writable reports why nothing can be written, by a write that changes nothing: a file that is read-only is only met by
// the first statement. That another process writes at the moment is no reason.
func (s *Store) Writable(ctx context.Context) error {
	err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM meta WHERE 0")
		return err
	})
	if hasTrouble(err, Held) {
		return nil
	}
	return err
}
