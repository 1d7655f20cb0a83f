package tail

import (
	"fmt"
	"os"
)

// Network reports whether what path names lies on a network file system, or on another one that sends no events for
// what others write or whose file ids do not last (FUSE, a folder of a virtual machine's host): such a file is not for
// [Follow] but for a [Scanner], again and again. kind is what the file system is called ("nfs", "smb2", "fuse.sshfs",
// "unc"), and empty if network is false. An overlay of a container counts as local.
func Network(path string) (kind string, network bool, err error) {
	if _, err := os.Stat(path); err != nil {
		return "", false, fmt.Errorf("looking for the file system of %s: %w", path, err)
	}
	if kind, err = networkKind(path); err != nil {
		return "", false, fmt.Errorf("looking for the file system of %s: %w", path, err)
	}
	return kind, kind != "", nil
}
