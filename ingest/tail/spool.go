package tail

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// A spool is a copy of standard input on disk, so that it can be read twice and at any offset.
type spool struct {
	file *os.File
	size int64
	gone bool // the name was removed at once: what has it now is someone else's

	once sync.Once
	err  error // of remove
}

// newSpool copies at most limit bytes of r to a new file in dir that only this user can read. The spool stands with
// the bytes that were read even when r fails or has more than limit; it is nil when nothing could be stored.
func newSpool(r io.Reader, dir string, limit int64) (*spool, error) {
	f, err := os.CreateTemp(dir, "outmode-stdin-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("copying standard input: %w", err)
	}
	// Where a file can be removed while it is open, nothing is left behind even by a crash.
	s := &spool{file: f, gone: os.Remove(f.Name()) == nil}
	in := &counter{r: io.LimitReader(r, limit)}
	_, err = io.Copy(f, in)
	s.size = in.n
	switch {
	case err == nil && s.size == limit && more(r):
		return s, &LimitError{Path: "-", Limit: LimitExpanded, Allowed: limit}
	case err == nil:
		return s, nil
	case in.err != nil && !errors.Is(in.err, io.EOF):
		return s, fmt.Errorf("reading standard input: %w", in.err)
	}
	return nil, errors.Join(fmt.Errorf("copying standard input: %w", err), s.remove())
}

// more reports whether r has another byte.
func more(r io.Reader) bool {
	n, _ := io.ReadFull(r, make([]byte, 1))
	return n > 0
}

func (s *spool) remove() error {
	s.once.Do(func() {
		s.err = s.file.Close()
		if s.gone {
			return
		}
		if err := os.Remove(s.file.Name()); err != nil {
			s.err = errors.Join(s.err, fmt.Errorf("removing the copy of standard input: %w", err))
		}
	})
	return s.err
}
