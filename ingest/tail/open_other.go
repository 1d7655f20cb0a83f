//go:build !windows

package tail

import (
	"io/fs"
	"os"
	"syscall"
)

// openShared opens path for reading. O_NONBLOCK is for the FIFO that took the file's place after it was looked at:
// opening it returns at once instead of waiting for a writer. It means nothing to a regular file.
func openShared(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// identify names the file or directory behind path whatever way it was reached by.
func identify(path string, fi fs.FileInfo) fileID {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok && st.Ino != 0 {
		return fileID{volume: uint64(st.Dev), index: st.Ino}
	}
	return identifyByPath(path)
}

// inUse reports whether err says that another program holds the file; only Windows has such locks.
func inUse(error) bool { return false }
