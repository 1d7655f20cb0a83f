package tail

import (
	"fmt"
	"io"
)

// Limits bound what reading an archive may cost. A zero field means its default.
type Limits struct {
	MaxRatio    int   // expanded bytes per compressed byte, once 16 MiB were expanded; default 200
	MaxExpanded int64 // expanded bytes of one gzip file or zip member, and bytes of standard input; default 64 GiB
	MaxMembers  int   // members of one zip; default 100,000
}

// ratioGrace is how many expanded bytes MaxRatio lets pass: a small log that repeats itself is no bomb.
const ratioGrace = 16 << 20

func (l Limits) orDefault() Limits {
	if l.MaxRatio <= 0 {
		l.MaxRatio = 200
	}
	if l.MaxExpanded <= 0 {
		l.MaxExpanded = 64 << 30
	}
	if l.MaxMembers <= 0 {
		l.MaxMembers = 100_000
	}
	return l
}

// A Limit names a field of [Limits].
type Limit string

const (
	LimitRatio    Limit = "MaxRatio"
	LimitExpanded Limit = "MaxExpanded"
	LimitMembers  Limit = "MaxMembers"
)

// A LimitError says that an archive expands to more than [Limits] allow. What was read before it stands.
type LimitError struct {
	Path    string
	Limit   Limit
	Allowed int64 // the limit's value
}

func (e *LimitError) Error() string {
	var what string
	unpacked := "file"
	switch e.Limit {
	case LimitRatio:
		what = fmt.Sprintf("expands to more than %d times its size", e.Allowed)
	case LimitExpanded:
		what = fmt.Sprintf("has more than %d bytes", e.Allowed)
	case LimitMembers:
		what = fmt.Sprintf("has more than %d members", e.Allowed)
		unpacked = "directory"
	}
	if e.Path == "-" {
		return fmt.Sprintf("%s: %s: name a file instead", e.Path, what)
	}
	return fmt.Sprintf("%s: %s: if these are really logs, unpack it and name the %s", e.Path, what, unpacked)
}

// A limiter passes on what r expands to until a limit is reached.
type limiter struct {
	r      io.Reader
	disk   *counter // compressed bytes read so far
	n      int64    // expanded bytes passed on
	limits Limits
	path   string
}

func (l *limiter) Read(p []byte) (int, error) {
	if l.n > ratioGrace && l.n/int64(l.limits.MaxRatio) > l.disk.n {
		return 0, &LimitError{Path: l.path, Limit: LimitRatio, Allowed: int64(l.limits.MaxRatio)}
	}
	rest := l.limits.MaxExpanded - l.n
	if rest > 0 {
		p = p[:min(int64(len(p)), rest)]
		n, err := l.r.Read(p)
		l.n += int64(n)
		return n, err
	}
	// Exactly as much as allowed is allowed: only one more byte is too much.
	n, err := io.ReadFull(l.r, make([]byte, 1))
	if n > 0 {
		return 0, &LimitError{Path: l.path, Limit: LimitExpanded, Allowed: l.limits.MaxExpanded}
	}
	return 0, err
}

// A counter counts what was read from r, and keeps its error apart from those of who reads through it.
type counter struct {
	r   io.Reader
	n   int64
	err error
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil {
		c.err = err
	}
	return n, err
}
