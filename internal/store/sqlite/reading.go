package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// A stamp is what shows that a file was changed.
type stamp struct {
	size     int64
	modified time.Time
}

// ErrChanged says that the store was written while it was read without locks.
var ErrChanged = errors.New("the store was written while it was read, and this account has no right to the locks that keep the two apart: what was shown may be wrong; run the command again")

// openReading opens a store of which this account may only read the file or the folder, in one of two ways.
//
// Where -wal and -shm are, they tell how far the others are: mode=ro reads with them, beside a process that writes as well
// as after one that was killed.
//
// Where neither is, no process has the store open, for SQLite keeps -shm as long as one has. It would want to make both
// here, and cannot, or would leave files that belong to the wrong account and shut the service out. So the file is read
// as one that nobody changes (immutable=1), which takes no locks; should a process begin to write meanwhile,
// [Store.Undisturbed] says so afterwards.
func (s *Store) openReading(ctx context.Context, path string) (*Store, error) {
	how := "?mode=ro"
	if wal, _ := os.Stat(path + "-wal"); (wal == nil || wal.Size() == 0) && !exists(path+"-shm") {
		how = "?immutable=1"
		before, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("opening the store: %w", err)
		}
		s.alone = &stamp{before.Size(), before.ModTime()}
	}
	var err error
	if s.read, err = pool(path, dsnOf(path)+how+"&_pragma=busy_timeout(10000)&_pragma=query_only(1)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-32768)"); err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	var version int
	err = s.read.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version)
	switch know := len(migrations()); {
	case hasTrouble(tell(path, err), NotWritable): // of SQLite, that -shm cannot be made
		err = fmt.Errorf("opening the store: %w", &FileError{path, NotOpened, err})
	case err != nil:
		err = openingFailed(path, err)
	case version > know:
		err = &NewerError{path, version, know}
	case version < know:
		err = fmt.Errorf("%s has schema %d, and this version of outmode reads %d: the next start of \"outmode serve\" brings it there", path, version, know)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Undisturbed returns ErrChanged if a store that is read without locks was written since it was opened.
func (s *Store) Undisturbed() error {
	if s.alone == nil {
		return nil
	}
	if fi, err := os.Stat(s.path()); err != nil || fi.Size() != s.alone.size || !fi.ModTime().Equal(s.alone.modified) {
		return fmt.Errorf("%s: %w", s.path(), ErrChanged)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
