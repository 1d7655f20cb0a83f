//go:build !windows

package sqlite

import (
	"errors"
	"os"
	"syscall"
)

// lockFile locks the file for this process alone, or fails with errHeld.
func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errHeld
	}
	return err
}
