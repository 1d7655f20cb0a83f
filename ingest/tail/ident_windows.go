package tail

import (
	"os"

	"golang.org/x/sys/windows"
)

// identifyOpen returns the zero id if f is on a network file system.
func identifyOpen(f *os.File) (fileID, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return fileID{}, err
	}
	var d windows.ByHandleFileInformation
	var remote bool
	var infoErr error
	err = conn.Control(func(fd uintptr) {
		h := windows.Handle(fd)
		infoErr = windows.GetFileInformationByHandle(h, &d)
		remote = isRemote(h)
	})
	if err == nil && infoErr != nil {
		err = os.NewSyscallError("GetFileInformationByHandle", infoErr)
	}
	if err != nil || remote {
		return fileID{}, err
	}
	return fileID{volume: uint64(d.VolumeSerialNumber), index: uint64(d.FileIndexHigh)<<32 | uint64(d.FileIndexLow)}, nil
}

// isRemote reports whether h has a network protocol; asking for it fails for a file on a local disk.
func isRemote(h windows.Handle) bool {
	var info [256]byte // FILE_REMOTE_PROTOCOL_INFO has 116 or 180
	return windows.GetFileInformationByHandleEx(h, windows.FileRemoteProtocolInfo, &info[0], uint32(len(info))) == nil
}
