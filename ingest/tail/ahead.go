package tail

import (
	"io"
	"sync"
)

// A readAhead reads r in a goroutine of its own, so that decompressing and what is done with the lines overlap. The
// goroutine ends with r, with r's first error, or with stop.
type readAhead struct {
	full chan chunk  // read, not yet consumed; closed by the goroutine
	free chan []byte // consumed
	quit chan struct{}
	once sync.Once

	now  chunk  // being consumed
	rest []byte // of now
}

type chunk struct {
	buf []byte // of aheadBlock bytes; nil if there was no free one
	n   int
	err error
}

const (
	aheadBlocks = 3 // one being filled, one waiting, one being consumed
	aheadBlock  = 128 << 10
)

func newReadAhead(r io.Reader) *readAhead {
	a := &readAhead{
		full: make(chan chunk, aheadBlocks),
		free: make(chan []byte, aheadBlocks),
		quit: make(chan struct{}),
	}
	for range aheadBlocks {
		a.free <- make([]byte, aheadBlock)
	}
	go a.run(r)
	return a
}

func (a *readAhead) run(r io.Reader) {
	defer close(a.full)
	for {
		c := chunk{}
		select {
		case c.buf = <-a.free:
		case <-a.quit:
			return
		}
		for c.n < len(c.buf) && c.err == nil {
			var n int
			n, c.err = r.Read(c.buf[c.n:])
			c.n += n
		}
		a.full <- c // never blocks: there are no more chunks than places
		if c.err != nil {
			return
		}
	}
}

// Read implements [io.Reader].
func (a *readAhead) Read(p []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.now.err != nil {
			return 0, a.now.err
		}
		if a.now.buf != nil {
			a.free <- a.now.buf
		}
		c, ok := <-a.full
		if !ok {
			return 0, io.ErrClosedPipe
		}
		a.now, a.rest = c, c.buf[:c.n]
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// stop ends the goroutine and waits for it.
func (a *readAhead) stop() {
	a.once.Do(func() { close(a.quit) })
	for range a.full {
	}
}
