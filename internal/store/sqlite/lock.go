package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// ErrLocked says that another process commits to the store.
var ErrLocked = errors.New("another outmode process reads logs into this store")

// LockIngest makes this process the one that commits batches, until it closes the store or ends, however it ends.
func (s *Store) LockIngest() error {
	f, err := os.OpenFile(filepath.Join(s.dir, "ingest.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("locking the store: %w: the account that runs outmode needs the right to write to that file and to the folder", err)
	}
	if err != nil {
		return fmt.Errorf("locking the store: %w", err)
	}
	if err := lockFile(f); err != nil {
		who, _ := io.ReadAll(io.LimitReader(f, 100))
		f.Close()
		if errors.Is(err, errHeld) {
			return fmt.Errorf("%w (%s): stop it first, or let it read these logs too", ErrLocked, strings.TrimSpace(string(who)))
		}
		return fmt.Errorf("locking the store: %w", err)
	}
	s.lock = f
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt(fmt.Appendf(nil, "process %d\n", os.Getpid()), 0) // it informs people, nothing depends on it
	}
	return nil
}

var errHeld = errors.New("locked")
