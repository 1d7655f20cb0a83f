package tail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"

	hpcloud "github.com/hpcloud/tail"
)

var errLibraryEnded = errors.New("the library ended")

// A pump makes pieces of the library's lines. It is one call of Follower.run.
type pump struct {
	f     *Follower
	piece Piece         // what was gathered and not yet given to the consumer
	sure  int           // bytes of piece.Data that verify has seen
	next  *hpcloud.Line // the line that did not fit; else nil
	end   error         // why no more lines come; else nil

	anchor  []byte // the last bytes before piece.From, as they were delivered
	after   []byte // the last bytes of piece.Data likewise
	scratch []byte
}

// run returns nil if the Follower was told to end, and else why no more lines come.
func (p *pump) run() error {
	for {
		if p.next != nil {
			line := p.next
			p.next = nil
			p.take(line, true)
		} else if p.end != nil {
			return p.end
		} else {
			select {
			case line, ok := <-p.f.tail.Lines:
				p.take(line, ok)
			case <-p.f.stop:
				return nil
			}
		}
		p.gather()
		p.verify()
		if len(p.piece.Data) > 0 && !p.deliver() {
			return nil
		}
	}
}

// take adds a line from the library; ok is false if there was none, and none will be.
func (p *pump) take(line *hpcloud.Line, ok bool) {
	switch {
	case !ok:
		p.end = errLibraryEnded
	case len(line.Text) > MaxLine+1: // and a CR
		p.end = p.f.fault(ErrLongLine, p.piece.From+int64(len(p.piece.Data)), "read on with a scanner")
	case len(p.piece.Data) > 0 && len(p.piece.Data)+len(line.Text)+1 > maxPiece:
		p.next = line
	default:
		p.piece.Data = append(append(p.piece.Data, line.Text...), '\n')
	}
}

// room reports whether a line can be taken.
func (p *pump) room() bool {
	return p.end == nil && p.next == nil && len(p.piece.Data) < maxPiece
}

// gather takes the lines that are there at once. The library hands them over one by one, and needs a moment for each:
// to yield a few times is long enough for that, and too short for anybody who waits for a line.
func (p *pump) gather() {
	const patience = 50
	for tries := 0; tries < patience && p.room(); {
		select {
		case line, ok := <-p.f.tail.Lines:
			p.take(line, ok)
			tries = 0
		default:
			runtime.Gosched()
			tries++
		}
	}
}

// verify makes sure that what was gathered stands behind what was delivered, and else drops it and ends. The library
// reads on at the old offset if a file is rewritten and becomes as long as it was before it looks.
func (p *pump) verify() {
	if len(p.piece.Data) == p.sure {
		return
	}
	if err := p.f.sameBefore(p.piece.From, p.anchor, &p.scratch); err != nil {
		p.piece.Data = p.piece.Data[:p.sure]
		p.next, p.end = nil, err
		return
	}
	p.sure = len(p.piece.Data)
	p.after = append(p.after[:0], p.anchor...)
	if p.sure >= anchorSize {
		p.after = p.after[:0]
	}
	p.after = append(p.after, p.piece.Data[max(0, p.sure-anchorSize):]...)
	p.after = p.after[max(0, len(p.after)-anchorSize):]
}

// deliver gives the piece to the consumer, and gathers on while it is busy. It returns false if the Follower was told
// to end.
func (p *pump) deliver() bool {
	p.f.waiting.Store(true)
	defer p.f.waiting.Store(false)
	for {
		var lines <-chan *hpcloud.Line
		if p.room() {
			lines = p.f.tail.Lines
		}
		select {
		case p.f.pieces <- p.piece:
			p.delivered()
			return true
		case line, ok := <-lines:
			p.take(line, ok)
			p.verify()
		case <-p.f.stop:
			return false
		}
	}
}

func (p *pump) delivered() {
	p.anchor, p.after = append(p.anchor[:0:0], p.after...), p.after[:0]
	p.piece = Piece{From: p.piece.From + int64(p.sure)}
	p.sure = 0
	p.f.mu.Lock()
	defer p.f.mu.Unlock()
	p.f.delivered, p.f.anchor = p.piece.From, p.anchor
}

// sameBefore returns ErrTruncated unless anchor stands in the file before offset. scratch is kept for the next call.
func (f *Follower) sameBefore(offset int64, anchor []byte, scratch *[]byte) error {
	if len(anchor) == 0 {
		return nil
	}
	if *scratch == nil {
		*scratch = make([]byte, anchorSize)
	}
	got := (*scratch)[:len(anchor)]
	_, err := f.file.ReadAt(got, offset-int64(len(anchor)))
	switch {
	case errors.Is(err, io.EOF):
		return f.fault(ErrTruncated, offset, "it ends before: read it again from the start")
	case err != nil:
		return fmt.Errorf("following %s: reading before byte %d: %w", f.path, offset, err)
	case !bytes.Equal(got, anchor):
		return f.fault(ErrTruncated, offset, "other bytes stand before: read it again from the start")
	}
	return nil
}

// notes take what the library logs, which it does in the goroutine that reads the file.
type notes struct {
	truncated bool // to be read when Lines is closed
}

// Write ends the library where it has found that the file became shorter: it would read it again from the start, and
// its lines would be taken for those behind the old ones. What it logs else is known by other ways. That it says so
// before it opens the file again, and in which words, is what v1.0.0 does; a test notices if that changes.
func (n *notes) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, []byte("Re-opening truncated file")) {
		n.truncated = true
		runtime.Goexit() // its deferred calls close the file and Lines
	}
	return len(p), nil
}
