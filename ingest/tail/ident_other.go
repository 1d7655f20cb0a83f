//go:build !windows

package tail

import (
	"os"
	"syscall"
)

// identifyOpen returns the zero id if f is on a network file system.
func identifyOpen(f *os.File) (fileID, error) {
	fi, err := f.Stat()
	if err != nil {
		return fileID{}, err
	}
	network, err := networkFile(f)
	st, ok := fi.Sys().(*syscall.Stat_t)
	if err != nil || network || !ok {
		return fileID{}, err
	}
	return fileID{volume: uint64(st.Dev), index: st.Ino}, nil
}
