package tail

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

func networkKind(path string) (string, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		return "", &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	kind := networkMagic(uint32(st.Type))
	if kind == fuse {
		return fuseName(path), nil
	}
	return kind, nil
}

// fuse is what every file system of FUSE says of itself, be it a share or a disk.
const fuse = "fuse"

// fuseName is what a file system of FUSE is mounted as ("fuse.sshfs", "fuseblk", "virtiofs"): its number is that of all.
func fuseName(path string) string {
	var st unix.Stat_t
	mounts, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return fuse
	}
	defer mounts.Close()
	if err := unix.Stat(path, &st); err != nil {
		return fuse
	}
	return mountedAs(mounts, unix.Major(st.Dev), unix.Minor(st.Dev))
}

// mountedAs finds the type of a mounted device in a list as proc_pid_mountinfo(5) describes it.
func mountedAs(mounts io.Reader, major, minor uint32) string {
	device := fmt.Sprintf("%d:%d", major, minor)
	for lines := bufio.NewScanner(mounts); lines.Scan(); {
		place, kind, _ := strings.Cut(lines.Text(), " - ") // blanks in names are escaped
		if f := strings.Fields(place); len(f) < 3 || f[2] != device {
			continue
		}
		if f := strings.Fields(kind); len(f) > 0 {
			return f[0]
		}
	}
	return fuse
}

func networkFile(f *os.File) (bool, error) {
	var st syscall.Statfs_t
	if err := syscall.Fstatfs(int(f.Fd()), &st); err != nil {
		return false, &os.PathError{Op: "fstatfs", Path: f.Name(), Err: err}
	}
	return networkMagic(uint32(st.Type)) != "", nil
}

// networkMagic names the file system of a statfs type, or returns "" for those that are local. The numbers are of
// linux/magic.h and of the file systems' own sources; GlusterFS, sshfs, virtiofs and object stores are FUSE.
func networkMagic(magic uint32) string {
	switch magic {
	case 0x6969:
		return "nfs"
	case 0x517b:
		return "smb"
	case 0xff534d42:
		return "cifs"
	case 0xfe534d42:
		return "smb2"
	case 0x65735546:
		return fuse
	case 0x01021997: // also a Windows drive in WSL
		return "9p"
	case 0x5346414f, 0x6b414653: // OpenAFS, Linux
		return "afs"
	case 0x73757245:
		return "coda"
	case 0x564c:
		return "ncp"
	case 0x00c36400:
		return "ceph"
	case 0x0bd00bd0:
		return "lustre"
	case 0x47504653:
		return "gpfs"
	case 0x01161970:
		return "gfs2"
	case 0x7461636f:
		return "ocfs2"
	case 0x19830326:
		return "beegfs"
	case 0x20030528:
		return "orangefs"
	case 0xaad7aaea:
		return "panfs"
	case 0x786f4256:
		return "vboxsf"
	case 0xbacbacbc:
		return "vmhgfs"
	case 0x7c7c6673:
		return "prl_fs"
	}
	return ""
}
