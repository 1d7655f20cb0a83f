package sqlite

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// canWrite reports whether this account may write all that who opens a store needs to. Only what is asked for is opened,
// with all sharing: no lock of another handle ends with it.
func canWrite(path string) bool {
	const addFile = 0x2 // FILE_ADD_FILE of a folder, FILE_WRITE_DATA of a file
	may := func(name string) bool {
		p, err := windows.UTF16PtrFromString(name)
		if err != nil {
			return false
		}
		h, err := windows.CreateFile(p, addFile, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
		if err != nil {
			return false
		}
		return windows.CloseHandle(h) == nil
	}
	for _, suffix := range besides() {
		if exists(path+suffix) && !may(path+suffix) {
			return false
		}
	}
	return may(path) && may(filepath.Dir(path))
}
