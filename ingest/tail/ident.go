package tail

import (
	"fmt"
	"os"
)

// A FileID names a file on this machine whatever its path is, as text that can be stored: volume and index, in hex, with
// a colon between. It is empty where there is no such name, or none that lasts: on network file systems the index may
// change. An index is used again once its file is removed, and on Unix the volume is the number of the device, which may
// be another one after a restart of the machine: what was read of the file must be compared too.
type FileID string

// Identify returns the id of the file or directory that path names. Its permission to be read is not needed.
func Identify(path string) (FileID, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("identifying %s: %w", path, err)
	}
	_, network, err := Network(path)
	if err != nil {
		return "", fmt.Errorf("identifying %s: %w", path, err)
	}
	if network {
		return "", nil
	}
	return storable(identify(path, fi)), nil
}

// IdentifyFile returns the id of an open file or directory, whatever its path names by now.
func IdentifyFile(f *os.File) (FileID, error) {
	id, err := identifyOpen(f)
	if err != nil {
		return "", fmt.Errorf("identifying %s: %w", f.Name(), err)
	}
	return storable(id), nil
}

// storable returns the text of id, unless all that is known is a path.
func storable(id fileID) FileID {
	if id.path != "" || id.index == 0 {
		return ""
	}
	return FileID(fmt.Sprintf("%x:%x", id.volume, id.index))
}

// OpenLive opens path for reading, as [Follow] does: every other program can write, rename and delete the file
// meanwhile, which [os.Open] does not allow on Windows. A FIFO is opened without waiting for its writer.
func OpenLive(path string) (*os.File, error) {
	return openShared(path)
}
