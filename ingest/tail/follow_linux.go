package tail

import (
	"os"
	"strconv"
	"syscall"
)

// ownPath returns a path that leads to the open file f as long as it is open, whatever becomes of the path by which it
// was opened.
func ownPath(f *os.File) (string, bool) {
	path := "/proc/self/fd/" + strconv.FormatUint(uint64(f.Fd()), 10)
	fi, err := os.Stat(path)
	if err != nil {
		return "", false
	}
	own, err := f.Stat()
	return path, err == nil && os.SameFile(fi, own)
}

// eventsAvailable reports why there is no instance of inotify to be had: a user has 128 of them.
func eventsAvailable() error {
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("inotify_init1", err)
	}
	return syscall.Close(fd)
}
