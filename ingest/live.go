package ingest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"github.com/outmode/outmode/ingest/tail"
)

// A live log is one that is followed.
type live struct {
	src  *Source
	path string // of the source, when it was begun to be followed
	f    *tail.Follower
	grew time.Time     // when its last piece came
	done chan struct{} // closed when nothing comes any more
}

// An arrival is a piece of a log that is followed.
type arrival struct {
	live  *live
	piece tail.Piece
}

// maxLive bounds how many logs are followed at once; the others are looked at.
const maxLive = 512

// stallAfter is how long a line may lie unread in a log that is followed, since no event came or one was lost.
const stallAfter = 5 * time.Second

// startLive follows the logs that are caught up with and still grow, but for those that hold no more than a header: they
// may yet turn out to be copies that are being made. A follower knows lines: logs of other records are looked at.
func (f *following) startLive(now time.Time) {
	refused := false
	for _, src := range f.p.byLog {
		l := &f.p.scan.logs[src.log-1]
		if src.live != nil || f.progress.Live >= maxLive || src.noFollow || !src.Plain || src.State != Read || src.Name == "" || src.Encoding != tail.UTF8 || l.framed() || l.Input.Disk == "" ||
			now.Sub(time.Unix(0, src.Modified)) > f.opt.Idle || f.p.isBehind(src) {
			continue
		}
		if looks, err := f.looksOnly(l.Input.Disk, src.Path); looks || err != nil {
			src.noFollow = looks // what cannot be found out now can be later
			continue
		}
		follower, err := tail.Follow(l.Input.Disk, src.Offset, tail.FollowOptions{Poll: pollsFiles, Stall: stallAfter})
		switch {
		case errors.Is(err, tail.ErrTruncated), errors.Is(err, fs.ErrNotExist):
			continue // what became of it is found out by the next look
		case err != nil:
			refused = true
			f.say("follow", slog.LevelWarn, "logs cannot be followed, and are looked at instead", "path", src.Path, "err", err)
			continue
		}
		if !f.follows(follower, src, now) {
			follower.Stop()
			f.nextLook = time.Time{}
			continue
		}
		src.live = &live{src: src, path: src.Path, f: follower, grew: now, done: make(chan struct{})}
		f.progress.Live++
		go src.live.forward(f.arrivals)
	}
	if !refused {
		delete(f.said, "follow")
	}
}

// follows reports whether a follower has opened the file that was looked at: another one may have got its name since.
func (f *following) follows(follower *tail.Follower, src *Source, now time.Time) bool {
	file, err := f.p.scan.logs[src.log-1].Input.OpenAt()
	if err != nil {
		return false
	}
	defer file.Close()
	same, err := beginsSo(file, src.Head, src.HeadSize)
	return err == nil && same && follower.Check(now) == nil // which says whether both are one
}

// looksOnly reports whether a file is looked at and not followed: where it is on a network, or where the operator says so.
func (f *following) looksOnly(disk, path string) (bool, error) {
	for i := range f.opt.Roots {
		if r := &f.opt.Roots[i]; r.Poll && r.holds(path) {
			return true, nil
		}
	}
	kind, network, err := tail.Network(disk)
	if network {
		f.say("network "+kind, slog.LevelInfo, "logs on this file system are looked at, and not followed", "path", path, "filesystem", kind, "every", f.opt.Every)
	}
	return network, err
}

// forward passes the pieces on until the follower ends.
func (l *live) forward(to chan<- arrival) {
	defer close(l.done)
	for piece := range l.f.Pieces() {
		to <- arrival{l, piece}
	}
}

// drain receives until nothing more comes of a log whose follower was ended.
func (f *following) drain(l *live) (pieces []arrival) {
	for {
		select {
		case a := <-f.arrivals:
			pieces = append(pieces, a)
			continue
		case <-l.done:
		}
		break
	}
	for len(f.arrivals) > 0 {
		pieces = append(pieces, <-f.arrivals)
	}
	return pieces
}

// unfollow ends the following of a log; its next lines are read from the committed offset.
func (f *following) unfollow(ctx context.Context, src *Source) error {
	l := src.live
	l.f.Stop()
	err := f.commit(ctx, f.drain(l))
	src.live, src.tried = nil, 0
	f.progress.Live--
	return err
}

// finish reads the end of a file that was renamed or removed, through the handle that is open still.
func (f *following) finish(ctx context.Context, src *Source) error {
	l := src.live
	rest, at := l.f.Rest(), l.f.Delivered()
	if err := f.commit(ctx, f.drain(l)); err != nil {
		return err
	}
	for src.Offset >= at {
		data, err := io.ReadAll(io.NewSectionReader(rest, src.Offset-at, 16*batchSize))
		if errors.Is(l.f.Unchanged(), tail.ErrTruncated) {
			break // it went on as another log: what was read is not this one's
		}
		if err != nil {
			f.opt.Log.Warn("the end of a log that was renamed or removed cannot be read", "path", src.Path, "offset", src.Offset, "err", err)
		}
		n := lastLineEnd(data)
		if src.Plain { // else its archive took its place
			src.Size = src.Offset + int64(len(data))
		}
		if n == 0 || err != nil {
			break
		}
		if err := f.commit(ctx, []arrival{{l, tail.Piece{From: src.Offset, Data: data[:n]}}}); err != nil {
			return err
		}
	}
	return nil
}

// lastLineEnd is how many bytes there are up to the last line end.
func lastLineEnd(data []byte) int { return bytes.LastIndexByte(data, '\n') + 1 }

// stop ends the followers and commits what they had delivered.
func (f *following) stop() error {
	for _, src := range f.p.sources {
		if src.live != nil {
			src.live.f.Stop()
		}
	}
	var pieces []arrival
	for _, src := range f.p.sources {
		if src.live != nil {
			pieces = append(pieces, f.drain(src.live)...)
		}
	}
	err := f.commit(context.Background(), pieces)
	for _, src := range f.p.sources {
		src.live = nil
	}
	return err
}

// check looks after the logs that are followed, about every second.
func (f *following) check(ctx context.Context, now time.Time) error {
	for _, src := range f.p.sources {
		if src.live == nil {
			continue
		}
		why := src.live.f.Check(now)
		moved := src.live.path != src.Path // or a longer copy took its place
		if why == nil && !moved && now.Sub(src.live.grew) <= f.opt.Idle {
			continue
		}
		if moved || errors.Is(why, tail.ErrGone) || errors.Is(why, tail.ErrReplaced) {
			if err := f.finish(ctx, src); err != nil {
				return err
			}
		}
		src.noFollow = src.noFollow || errors.Is(why, tail.ErrLongLine)
		if why != nil {
			f.opt.Log.Debug("a log is read on from its committed offset", "path", src.Path, "offset", src.Offset, "why", why)
		}
		if err := f.unfollow(ctx, src); err != nil {
			return err
		}
		f.nextLook = time.Time{}
	}
	f.report()
	if f.changed {
		f.changed = false
		return f.p.Review(ctx, f.ledger)
	}
	return nil
}
