package tail

import "github.com/hpcloud/tail/watch"

// MaxPiece is the most bytes of a Piece of more than one line.
const MaxPiece = maxPiece

// ByPath makes Follow give the library the file's path, as it must where there is no /proc.
func (o FollowOptions) ByPath() FollowOptions {
	o.byPath = true
	return o
}

// Blocked reports whether all pieces that may wait for a consumer do.
func (f *Follower) Blocked() bool { return len(f.pieces) == cap(f.pieces) && f.waiting.Load() }

// Watched reports whether the library waits for events. It is not to be asked of one that polls.
func (f *Follower) Watched() bool { return watch.Events(f.name) != nil }
