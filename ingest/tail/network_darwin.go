package tail

import (
	"os"
	"strings"
	"syscall"
)

func networkKind(path string) (string, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		return "", &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	return networkName(&st), nil
}

func networkFile(f *os.File) (bool, error) {
	var st syscall.Statfs_t
	if err := syscall.Fstatfs(int(f.Fd()), &st); err != nil {
		return false, &os.PathError{Op: "fstatfs", Path: f.Name(), Err: err}
	}
	return networkName(&st) != "", nil
}

// networkName returns the name of a file system that is not local, and else "".
func networkName(st *syscall.Statfs_t) string {
	const mntLocal = 0x1000 // MNT_LOCAL of sys/mount.h
	var b strings.Builder
	for _, c := range st.Fstypename {
		if c == 0 {
			break
		}
		b.WriteByte(byte(c))
	}
	name := b.String()
	switch {
	case strings.Contains(name, "fuse"), st.Flags&mntLocal == 0:
		return name
	}
	switch name {
	case "nfs", "smbfs", "afpfs", "webdav", "ftp", "cifs":
		return name
	}
	return ""
}
