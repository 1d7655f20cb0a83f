//go:build !windows

package sqlite

import (
	"path/filepath"

	"golang.org/x/sys/unix"
)

// canWrite reports whether this account may write all that who opens a store needs to. Nothing is opened: see letGo.
func canWrite(path string) bool {
	for _, suffix := range besides() {
		if exists(path+suffix) && unix.Access(path+suffix, unix.W_OK) != nil {
			return false
		}
	}
	return unix.Access(path, unix.W_OK) == nil && unix.Access(filepath.Dir(path), unix.W_OK|unix.X_OK) == nil
}
