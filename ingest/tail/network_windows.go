package tail

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// networkKind looks at the path as it is written and at what it leads to by links and junctions.
func networkKind(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if kind, err := volumeKind(filepath.VolumeName(abs)); kind != "" || err != nil {
		return kind, err
	}
	target, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return "", nil // it cannot follow every junction; Stat could
	}
	return volumeKind(filepath.VolumeName(target))
}

// volumeKind takes "C:", `\\server\share`, `\\?\C:` or `\\?\UNC\server\share`.
func volumeKind(volume string) (string, error) {
	switch {
	case hasPrefixFold(volume, `\\?\UNC\`), hasPrefixFold(volume, `\\.\UNC\`):
		return "unc", nil
	case strings.HasPrefix(volume, `\\?\`), strings.HasPrefix(volume, `\\.\`):
	case strings.HasPrefix(volume, `\\`):
		return "unc", nil
	}
	root, err := windows.UTF16PtrFromString(volume + `\`)
	if err != nil {
		return "", &os.PathError{Op: "GetDriveType", Path: volume, Err: err}
	}
	if windows.GetDriveType(root) == windows.DRIVE_REMOTE {
		return "remote drive", nil
	}
	return "", nil
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
