package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// ErrExists says that there is a file already where a backup should go.
var ErrExists = errors.New("there is a file already")

// Backup writes the store, as it stands at one instant, into a new file that only its owner can read, and returns its
// size in bytes. Others go on reading and committing meanwhile. The file is there as a whole, checked, or not at all.
func (s *Store) Backup(ctx context.Context, file string) (size int64, err error) {
	defer func() {
		if err != nil {
			size, err = 0, fmt.Errorf("writing the backup %s: %w", file, err)
		}
	}()
	if _, err := os.Lstat(file); err == nil {
		return 0, fmt.Errorf("%w: nothing is written over; name another", ErrExists)
	}
	folder, err := filepath.Abs(filepath.Dir(file)) // SQLite takes file:x for an address
	if err != nil {
		return 0, err
	}
	f, err := os.CreateTemp(folder, ".outmode-backup-*") // has mode 0600
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("there is no folder %s; make it first", folder)
	}
	if err != nil {
		return 0, err
	}
	temporary := f.Name()
	defer func() {
		for _, suffix := range []string{"", "-journal", "-wal", "-shm"} {
			if e := os.Remove(temporary + suffix); e != nil && !errors.Is(e, fs.ErrNotExist) {
				err = errors.Join(err, e)
			}
		}
	}()
	if err := f.Close(); err != nil {
		return 0, err
	}
	if err := s.copyInto(ctx, temporary); err != nil {
		return 0, err
	}
	if err := checkCopy(ctx, temporary); err != nil {
		return 0, err
	}
	if size, err = settleFile(temporary); err != nil {
		return 0, err
	}
	return size, publish(temporary, file)
}

// copyInto copies the store by a connection of its own: the one that writes would keep commits waiting, and those that
// read may not write.
func (s *Store) copyInto(ctx context.Context, file string) error {
	db, err := sql.Open("sqlite", dsn(filepath.Join(s.dir, fileName)))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", file)
	return errors.Join(err, db.Close())
}

// checkCopy opens a copy without changing it and checks it from its first page to its last.
func checkCopy(ctx context.Context, file string) error {
	path := file
	if os.PathSeparator == '\\' {
		path = "/" + filepath.ToSlash(path)
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path}).String()+"?mode=ro&_pragma=query_only(1)")
	if err != nil {
		return err
	}
	var schema, owner int
	err = db.QueryRowContext(ctx, "SELECT user_version, application_id FROM pragma_user_version, pragma_application_id").Scan(&schema, &owner)
	if err == nil && (schema != len(migrations()) || owner != applicationID) {
		err = fmt.Errorf("the copy has schema %d of program %#x", schema, owner)
	}
	var wrong []string
	if err == nil {
		wrong, err = integrity(ctx, db)
	}
	if err == nil && len(wrong) > 0 {
		err = fmt.Errorf("the copy is damaged, and so may be the store: \"outmode store check\" tells: %s", strings.Join(wrong, "; "))
	}
	return errors.Join(err, db.Close())
}

// integrity returns what SQLite finds wrong with a file.
func integrity(ctx context.Context, q querier) (wrong []string, err error) {
	rows, err := q.QueryContext(ctx, "PRAGMA integrity_check(20)")
	if err != nil {
		return nil, err
	}
	err = scan(rows, func() error {
		var line string
		err := rows.Scan(&line)
		if line != "ok" {
			wrong = append(wrong, line)
		}
		return err
	})
	return wrong, err
}

// settleFile makes sure that a file outlasts a power cut, and returns its size.
func settleFile(file string) (int64, error) {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	fi, err := f.Stat()
	if err != nil {
		return 0, errors.Join(err, f.Close())
	}
	return fi.Size(), errors.Join(f.Sync(), f.Close())
}

// publish gives a file its name, unless somebody else took it meanwhile.
func publish(temporary, file string) error {
	err := os.Link(temporary, file) // never replaces
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%w: nothing is written over; name another", ErrExists)
	case err != nil: // not every file system can
		if _, err := os.Lstat(file); err == nil {
			return fmt.Errorf("%w: nothing is written over; name another", ErrExists)
		}
		if err := os.Rename(temporary, file); err != nil {
			return err
		}
	}
	if dir, err := os.Open(filepath.Dir(file)); err == nil {
		_ = dir.Sync() // not every system can
		_ = dir.Close()
	}
	return nil
}
