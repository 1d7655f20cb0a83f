package tail

import (
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	hpcloud "github.com/hpcloud/tail"
	"github.com/hpcloud/tail/watch"
)

// Why a file cannot be followed on, from [Follower.Check], [Follower.Err] and [Follow]. The errors wrap one of these
// and name the path, the offset and what to do.
var (
	ErrStalled   = errors.New("stalled")                  // whole lines lie unread: follow again from the committed offset
	ErrLongLine  = errors.New("line too long to follow")  // more than MaxLine: a Scanner must read it
	ErrTruncated = errors.New("truncated or rewritten")   // the bytes that were delivered are not there any more
	ErrReplaced  = errors.New("replaced by another file") // the path names another file: the old one's end is in Rest
	ErrGone      = errors.New("gone")                     // the path names nothing: the file's end is in Rest
)

const (
	maxPiece    = 256 << 10 // bytes of a Piece, unless it is one line
	bufferSize  = 2         // pieces that wait for the consumer
	anchorSize  = 512       // bytes before an offset that tell whether it still is where it was: more than a line's end
	watchGone   = 5 * time.Second
	stallByRule = 30 * time.Second
)

// FollowOptions are the choices of [Follow]. The zero value is right for a local disk on Linux.
type FollowOptions struct {
	// Poll looks at the file four times a second instead of waiting for events. It is for Windows, where NTFS
	// reports a write late while the writer holds the file.
	Poll  bool
	Stall time.Duration // how long whole lines may lie unread before Check returns ErrStalled; default 30 s

	byPath bool // tests: as where there is no /proc
}

// A Piece is the bytes of one or more whole lines as they stand in the file, line ends, byte order mark and NULs
// included. It belongs to whoever received it.
type Piece struct {
	From int64 // offset in the file, in bytes, of the first
	Data []byte
}

// A Follower delivers what is appended to one file, whole line by whole line. It is made by [Follow] and must be
// ended by Stop. All methods may be called from any goroutine.
//
// It stands on github.com/hpcloud/tail, which loses wake-ups, never comes back from a rename that happens while it
// is busy, and does not notice a rewrite. So the owner calls Check about every second, and commits offsets: a Follower
// that has ended can be replaced by a new one, from the committed offset, without loss.
type Follower struct {
	path   string // as the owner named it
	name   string // under which the library knows it
	opt    FollowOptions
	file   *os.File // our own: it is the file that is followed, whatever its path names by now
	tail   *hpcloud.Tail
	notes  notes
	pieces chan Piece

	halt    sync.Once
	stop    chan struct{} // closed: end
	ended   chan struct{} // closed: no goroutine is left, and err stands
	err     error
	waiting atomic.Bool // for the consumer

	mu        sync.Mutex
	delivered int64
	anchor    []byte // the last bytes before delivered

	checks  sync.Mutex // guards the rest, and file against being closed
	scanned int64      // no line ends between delivered, as it was then, and here
	since   time.Time  // since when whole lines lie unread at sinceAt; zero if they do not
	sinceAt int64
}

// Follow delivers the lines of the plain UTF-8 file path from offset on, which is the begin of a line, and then those
// that are appended. The file must exist; an offset behind its end, or not behind a line end, is ErrTruncated.
//
// At most one Follower may follow a file, by whatever path, at a time: the library keeps one watch per file for the
// whole process and takes it away from both. Files on network file systems are not for it: see [Network].
//
// The library ends the process if its own look at the path fails for any reason but that there is nothing. On Linux it
// is therefore given a path that stands as long as the Follower does. Elsewhere the path is looked at before; if a
// directory above it becomes unreadable later, the process ends, and the next one begins at the committed offset.
func Follow(path string, offset int64, opt FollowOptions) (*Follower, error) {
	if opt.Stall <= 0 {
		opt.Stall = stallByRule
	}
	f := &Follower{
		path: path, opt: opt, delivered: offset, scanned: offset,
		pieces: make(chan Piece, bufferSize), stop: make(chan struct{}), ended: make(chan struct{}),
	}
	if err := f.open(offset); err != nil {
		return nil, err
	}
	if err := f.start(offset); err != nil {
		f.file.Close()
		return nil, err
	}
	go f.run()
	return f, nil
}

// open opens our own handle, and looks whether offset is a place to begin.
func (f *Follower) open(offset int64) error {
	fi, err := os.Stat(f.path) // not by opening: that would wake whoever writes to a FIFO
	if err == nil && !fi.Mode().IsRegular() {
		err = errNotRegular
	}
	if err == nil && offset < 0 {
		err = fmt.Errorf("at byte %d: %w", offset, os.ErrInvalid)
	}
	if err != nil {
		return fmt.Errorf("following %s: %w", f.path, err)
	}
	if f.file, err = openShared(f.path); err != nil {
		return fmt.Errorf("following %s: %w", f.path, err)
	}
	f.anchor = make([]byte, min(anchorSize, offset))
	_, err = f.file.ReadAt(f.anchor, offset-int64(len(f.anchor)))
	switch {
	case len(f.anchor) == 0:
		return nil
	case errors.Is(err, io.EOF):
		err = f.fault(ErrTruncated, offset, "it ends before: read it again from the start")
	case err != nil:
		err = fmt.Errorf("following %s: reading before byte %d: %w", f.path, offset, err)
	case f.anchor[len(f.anchor)-1] != '\n':
		err = f.fault(ErrTruncated, offset, "no line begins there: read it again from the start")
	}
	if err != nil {
		f.file.Close()
	}
	return err
}

// start starts the library.
func (f *Follower) start(offset int64) error {
	abs, err := filepath.Abs(f.path)
	if err != nil {
		return fmt.Errorf("following %s: %w", f.path, err)
	}
	f.name = abs
	own, ok := ownPath(f.file)
	if ok && !f.opt.byPath {
		f.name = own
	}
	if !f.opt.Poll {
		// The library would end the process if it got no instance of events, and fail late if it got no watch.
		// Watch and RemoveWatch are a pair: one RemoveWatch too many, such as in the library's Cleanup, and the next
		// watch on that name is never removed.
		err := eventsAvailable()
		if err == nil {
			err = watch.Watch(f.name)
		}
		if err != nil {
			return fmt.Errorf("following %s: no events from the operating system: raise its limits, or poll: %w", f.path, err)
		}
		watch.RemoveWatch(f.name)
	}
	f.tail, err = hpcloud.TailFile(f.name, hpcloud.Config{
		Location: &hpcloud.SeekInfo{Offset: offset, Whence: io.SeekStart}, MustExist: true, Follow: true, Poll: f.opt.Poll,
		Logger: log.New(&f.notes, "", 0),
	})
	if err != nil {
		return fmt.Errorf("following %s: %w", f.path, err)
	}
	if f.name == own {
		return nil
	}
	// The library has opened the path a second time: it must have found the same file.
	if err := f.lookAtPath(offset); err != nil {
		f.endLibrary()
		return err
	}
	return nil
}

// Pieces returns where the lines come: as many in a piece as there are at once, up to 256 KiB or one line. A consumer
// that does not read makes the Follower wait, which then holds three pieces and two lines. It is closed when nothing
// comes any more: see Err.
func (f *Follower) Pieces() <-chan Piece { return f.pieces }

// Delivered returns the offset in the file, in bytes, behind the last line that Pieces was given.
func (f *Follower) Delivered() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.delivered
}

// Err returns why Pieces was closed: nil after Stop and Rest, and before. A file that is renamed or removed may end with
// ErrReplaced or ErrGone here, or only in Check.
func (f *Follower) Err() error {
	select {
	case <-f.ended:
		return f.err
	default:
		return nil
	}
}

// Stop ends the Follower and returns when its goroutines and the library's have ended, its files are closed and its
// watch is removed, whether anybody reads Pieces or not. Pieces that it was given can still be read. One thing is left
// with Poll: a goroutine of the library's that sleeps for 250 ms at most, without a file. Calling it twice does nothing.
func (f *Follower) Stop() {
	f.end()
	f.checks.Lock()
	defer f.checks.Unlock()
	f.file.Close() // of a file that was only read; closing it twice does nothing
}

// Rest ends the Follower but for its file, and returns the bytes behind Delivered, up to the end that the file has when
// they are read: that of a file which was renamed or removed, with the line that was not yet ended. What is still in
// Pieces is not among them. It can be read until Stop, again and again while somebody still writes. Whether the file was
// rewritten in the meantime is told by Unchanged, after the reading.
func (f *Follower) Rest() *io.SectionReader {
	f.end()
	at := f.Delivered()
	return io.NewSectionReader(f.file, at, math.MaxInt64-at)
}

// Unchanged returns ErrTruncated unless the last bytes that were delivered stand in the file where they stood.
func (f *Follower) Unchanged() error {
	f.mu.Lock()
	at, anchor := f.delivered, f.anchor
	f.mu.Unlock()
	var scratch []byte
	return f.sameBefore(at, anchor, &scratch)
}

func (f *Follower) end() {
	f.halt.Do(func() { close(f.stop) })
	<-f.ended
}

// run is the goroutine between the library and the consumer.
func (f *Follower) run() {
	p := pump{f: f, piece: Piece{From: f.delivered}, anchor: f.anchor}
	err := p.run()
	reason := f.endLibrary()
	if errors.Is(err, errLibraryEnded) {
		err = f.whyEnded(reason)
	}
	f.err = err
	close(f.ended)
	close(f.pieces)
}

// endLibrary ends the library's goroutines and returns why they ended, nil if they were told to or the file is gone.
func (f *Follower) endLibrary() error {
	f.tail.Kill(nil)
	for range f.tail.Lines { // it does not look up while a line waits
	}
	reason := f.tail.Wait()
	if _, failed := reason.(syscall.Errno); f.opt.Poll || failed { // as adding a watch failed: there is none
		return reason
	}
	// The goroutine that waits for events is not part of Wait. The library closes this channel when it has gone and
	// has removed its watch; events that are taken from it here have nobody else to go to.
	events := watch.Events(f.name)
	if events == nil {
		return reason
	}
	giveUp := time.NewTimer(watchGone)
	defer giveUp.Stop()
	for {
		select {
		case _, ok := <-events:
			if !ok {
				return reason
			}
		case <-giveUp.C:
			return reason
		}
	}
}

// whyEnded tells why the library ended by itself. What became of the path comes first: the library, where it looks at
// the path, takes a shorter file in the place of a renamed one for a truncated one, and fails if there is none.
func (f *Follower) whyEnded(reason error) error {
	at := f.Delivered()
	switch err := f.lookAtPath(at); {
	case err != nil:
		return err
	case f.notes.truncated:
		return f.fault(ErrTruncated, at, "it became shorter: read it again from the start")
	case reason != nil:
		return fmt.Errorf("following %s at byte %d: %w", f.path, at, reason)
	}
	return f.fault(ErrStalled, at, "it was moved away and back: follow it again from the committed offset")
}

// fault returns kind with the path, the offset and what to do.
func (f *Follower) fault(kind error, at int64, advice string) error {
	return fmt.Errorf("following %s at byte %d: %w: %s", f.path, at, kind, advice)
}
