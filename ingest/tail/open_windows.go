package tail

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	shareAll = syscall.FILE_SHARE_READ | syscall.FILE_SHARE_WRITE | syscall.FILE_SHARE_DELETE

	errSharingViolation = syscall.Errno(32)
	errLockViolation    = syscall.Errno(33)
)

// openShared opens path for reading and lets every other program write, rename and delete it meanwhile: os.Open
// does not share deletion, and would make the retention script that removes old IIS logs fail.
func openShared(path string) (*os.File, error) {
	h, err := createFile(path, syscall.GENERIC_READ, syscall.FILE_ATTRIBUTE_NORMAL)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), nil
}

// identify names the file or directory behind path whatever way it was reached by. Access 0 asks for attributes
// only, which succeeds for files that may not be read.
func identify(path string, _ fs.FileInfo) fileID {
	h, err := createFile(path, 0, syscall.FILE_FLAG_BACKUP_SEMANTICS)
	if err != nil {
		return identifyByPath(path)
	}
	defer syscall.CloseHandle(h)
	var d syscall.ByHandleFileInformation
	if err := syscall.GetFileInformationByHandle(h, &d); err != nil || d.FileIndexHigh|d.FileIndexLow == 0 {
		return identifyByPath(path) // some network shares have no file index
	}
	return fileID{volume: uint64(d.VolumeSerialNumber), index: uint64(d.FileIndexHigh)<<32 | uint64(d.FileIndexLow)}
}

func createFile(path string, access, flags uint32) (syscall.Handle, error) {
	name, err := syscall.UTF16PtrFromString(extended(path))
	if err != nil {
		return syscall.InvalidHandle, err
	}
	return syscall.CreateFile(name, access, shareAll, nil, syscall.OPEN_EXISTING, flags, 0)
}

// extended gives a long path the form that Windows before 10 needs beyond 260 characters.
func extended(path string) string {
	const longest = 248
	if len(path) < longest || strings.HasPrefix(path, `\\?\`) {
		return path
	}
	abs, err := filepath.Abs(path)
	switch {
	case err != nil:
		return path
	case strings.HasPrefix(abs, `\\`):
		return `\\?\UNC\` + abs[2:]
	}
	return `\\?\` + abs
}

// inUse reports whether err says that another program holds the file.
func inUse(err error) bool {
	return errors.Is(err, errSharingViolation) || errors.Is(err, errLockViolation)
}
