package tail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"syscall"
	"time"
)

// Check compares what was delivered with the file, at the time now; the owner calls it about every second. It returns
// nil, or an error that wraps ErrStalled, ErrLongLine, ErrTruncated, ErrReplaced or ErrGone, upon which the owner calls
// Stop, or first Rest. Any other error is the operating system's and may pass. Once Pieces is closed it returns Err.
//
// The file is read, not only looked at: while a writer holds a file, NTFS says that it is shorter than it is. That lines
// wait because nobody reads Pieces is no stall.
func (f *Follower) Check(now time.Time) error {
	f.checks.Lock()
	defer f.checks.Unlock()
	select {
	case <-f.ended:
		return f.err
	default:
	}
	at := f.Delivered()
	if err := f.lookAtPath(at); err != nil {
		return err
	}
	if err := f.Unchanged(); err != nil {
		return err
	}
	whole, err := f.unread(at)
	if err != nil {
		return err
	}
	switch {
	case !whole:
		f.since = time.Time{}
	case f.since.IsZero(), f.sinceAt != at, f.waiting.Load():
		f.since, f.sinceAt = now, at
	case now.Sub(f.since) > f.opt.Stall:
		return f.fault(ErrStalled, at, fmt.Sprintf("whole lines were not delivered in %v: follow it again from the committed offset", now.Sub(f.since)))
	}
	return nil
}

// lookAtPath tells whether the path still names the file.
func (f *Follower) lookAtPath(at int64) error {
	fi, err := os.Stat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR),
		runtime.GOOS == "windows" && errors.Is(err, fs.ErrPermission): // removed, but for our handle
		return f.fault(ErrGone, at, "read its rest")
	case err != nil:
		return fmt.Errorf("following %s at byte %d: looking whether it is still there: %w", f.path, at, err)
	}
	own, err := f.file.Stat()
	if err != nil {
		return fmt.Errorf("following %s at byte %d: %w", f.path, at, err)
	}
	if !os.SameFile(fi, own) {
		return f.fault(ErrReplaced, at, "read its rest, then the other from the start")
	}
	return nil
}

// unread reports whether a line ends behind at. It does not read again where it found none, and returns ErrLongLine
// if there is none for too long.
func (f *Follower) unread(at int64) (bool, error) {
	buf := make([]byte, 4<<10)
	f.scanned = max(f.scanned, at)
	for {
		n, err := f.file.ReadAt(buf, f.scanned)
		if bytes.IndexByte(buf[:n], '\n') >= 0 {
			return true, nil
		}
		f.scanned += int64(n)
		if f.scanned-at > MaxLine {
			return false, f.fault(ErrLongLine, at, fmt.Sprintf("no line ends in %d bytes: read on with a scanner", f.scanned-at))
		}
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("following %s: reading at byte %d: %w", f.path, f.scanned, err)
		}
	}
}
