package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

// A filled is what reading a job gave.
type filled struct {
	job
	batches    []*Batch
	unfinished string // see Source.Unfinished
	more       bool   // there is more than was read at once
	err        error
}

// mostAtOnce bounds how many bytes of a log that cannot be cut are read before they are committed.
const mostAtOnce = 32 * batchSize

// A sessionDecoder is one whose lines belong together: what it remembers is part of the checkpoint.
type sessionDecoder interface {
	Decoder
	Sessions() []byte              // nil if there is nothing to remember
	Restore(sessions []byte) error // after Reset
}

// read folds the lines of a job into batches. Only lines with an end are part of them.
func (f *fold) read(st job) (out filled) {
	out.job = st
	w := f.w
	log := &w.scan.logs[st.log]
	from := st.span.From
	place, sessions, err := log.checkpoint(st.sessions)
	if err != nil {
		out.err = fmt.Errorf("going on in %s at byte %d: %w", log.Input.Path, from, err)
		return out
	}
	digest, close, err := w.openJob(log, st, place)
	if errors.Is(err, errStopped) {
		return out // nothing is wrong with it
	}
	if err != nil {
		out.err = err
		return out
	}
	defer close()
	var dec Decoder
	if log.decode {
		dec = w.decoder(log.Format)
		dec.Reset(st.header)
		if d, ok := dec.(sessionDecoder); ok && sessions != nil {
			if err := d.Restore(sessions); err != nil {
				out.err = fmt.Errorf("going on in %s at byte %d: %w", log.Input.Path, from, err)
			}
		}
	}
	sc := &w.scanner
	cut := func() {
		b := f.end()
		if dec != nil {
			b.Header = bytes.Clone(dec.Header())
			if d, ok := dec.(sessionDecoder); ok {
				b.Sessions = d.Sessions()
			}
		}
		if log.framed() {
			b.Sessions = remember(sc.Context(), b.Sessions)
		}
		if b.Digest, err = digest(b.From, b.To); err != nil && out.err == nil {
			out.err = err
			return
		}
		if b.To > b.From {
			out.batches = append(out.batches, b)
		}
		f.begin(st.log, b.To)
	}
	l := line{s: &w.sign}
	unnamed := log.decode && log.Name == "" && log.Input.Size < headSize && st.data == nil && st.wanted.To == 0
	f.begin(st.log, from)
	stopped := false
	for !stopped && sc.Next() {
		if !sc.Terminated() {
			w.understand(log, dec, sc, &l)
			out.unfinished = l.reason
			break
		}
		if st.wanted.To > 0 && sc.Offset() >= st.wanted.To {
			break
		}
		l.number++
		l.raw, l.offset, l.size = sc.Raw(), sc.Offset(), sc.Size()
		w.understand(log, dec, sc, &l)
		if unnamed && (l.decoded || l.verdict == signin.Malformed) {
			out.unfinished = reasonUnfinished // as it was when it was looked at: the next look says whether it is a copy
			if log.framed() {
				return out // the scanner stands behind what is not to be committed
			}
			break
		}
		if l.number == 1 && !log.framed() {
			f.batch.From, f.batch.Range = l.offset, l.offset // a job may begin within a line that is not its own
		}
		f.add(&l)
		stopped = l.number&0xfff == 0 && w.scan.stopped.Load()
		if l.offset+l.size-f.batch.From >= batchSize && st.whole {
			if cut(); out.err != nil || l.offset+l.size >= max(from+mostAtOnce, st.wanted.To) {
				out.more = out.err == nil
				return out
			}
		}
	}
	if log.framed() && !stopped && st.wanted.To == 0 {
		f.batch.To, f.batch.Lines = sc.Offset(), l.number // what stands behind the last record belongs to its batch
	}
	if out.err == nil && (st.wanted.To == 0 || f.batch.To < st.wanted.To) { // damage behind what is wanted does not matter
		out.err = sc.Err()
	}
	failed := out.err
	out.err = nil
	if cut(); out.err == nil {
		out.err = failed
	}
	return out
}

// openJob puts the scanner before the first line or record of a job. place is the scanner's
// context there. digest returns the SHA-256 of a range of it, which must follow the one asked for before.
func (w *worker) openJob(log *Log, st job, place []byte) (digest func(from, to int64) ([32]byte, error), close func() error, err error) {
	if st.data != nil {
		w.scanner.Reset(bytes.NewReader(st.data), st.span.From, tail.UTF8)
		return func(from, to int64) ([32]byte, error) {
			return sha256.Sum256(st.data[from-st.span.From : to-st.span.From]), nil
		}, func() error { return nil }, nil
	}
	if !log.Input.Plain {
		r, err := log.Input.Open()
		if err != nil {
			return nil, nil, err
		}
		if err := w.scan.skip(r, st.span.From); err != nil {
			return nil, nil, errors.Join(fmt.Errorf("%s is shorter than it was: %w", log.Input.Path, err), r.Close())
		}
		t := &tee{r: r, at: st.span.From}
		if err := log.records(&w.scanner, t, st.span.From, place); err != nil {
			return nil, nil, errors.Join(err, r.Close())
		}
		return t.digest, r.Close, nil
	}
	file, err := log.Input.OpenAt()
	if err != nil {
		return nil, nil, err
	}
	if same, err := beginsSo(file, log.head, log.headSize); err != nil {
		return nil, nil, errors.Join(err, file.Close())
	} else if !same {
		return nil, nil, errors.Join(fmt.Errorf("%s holds another log since it was looked at", log.Input.Path), file.Close())
	}
	if st.whole {
		if err := log.records(&w.scanner, io.NewSectionReader(file, st.span.From, file.Size()-st.span.From), st.span.From, place); err != nil {
			return nil, nil, errors.Join(err, file.Close())
		}
	} else {
		w.scanner.ResetSpan(file, st.span)
	}
	return func(from, to int64) ([32]byte, error) { return digestOf(context.Background(), file, from, to) }, file.Close, nil // of a batch
}

var errStopped = errors.New("reading was stopped")

// skip reads over the first bytes of an archive, which may take long.
func (s *scan) skip(r io.Reader, n int64) error {
	const block = 1 << 20
	for ; n > 0; n -= block {
		if s.stopped.Load() {
			return errStopped
		}
		if _, err := io.CopyN(io.Discard, r, min(n, block)); err != nil {
			return err
		}
	}
	return nil
}

// beginsSo reports whether a file begins as it did when it was looked at: meanwhile another one may have got its name.
func beginsSo(file io.ReaderAt, head [32]byte, size int64) (bool, error) {
	var b [headPrint]byte
	n, err := file.ReadAt(b[:size], 0)
	if err != nil && err != io.EOF {
		return false, err
	}
	return int64(n) == size && sha256.Sum256(b[:n]) == head, nil
}

// digestOf reads a range again, which is in memory still if it was just read.
func digestOf(ctx context.Context, r io.ReaderAt, from, to int64) ([32]byte, error) {
	h := sha256.New()
	if n, err := io.Copy(h, tail.Stoppable(ctx, io.NewSectionReader(r, from, to-from))); err != nil {
		return [32]byte{}, fmt.Errorf("hashing: %w", err)
	} else if n != to-from {
		return [32]byte{}, fmt.Errorf("hashing: %d bytes are missing before byte %d: the file was changed while it was read", to-from-n, to)
	}
	return [32]byte(h.Sum(nil)), nil
}

// A tee remembers what is read until it is hashed: an archive is read once.
type tee struct {
	r    io.Reader
	at   int64 // offset of kept[0]
	kept []byte
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.kept = append(t.kept, p[:n]...)
	return n, err
}

func (t *tee) digest(from, to int64) ([32]byte, error) {
	sum := sha256.Sum256(t.kept[from-t.at : to-t.at])
	t.kept = append(t.kept[:0], t.kept[to-t.at:]...)
	t.at = to
	return sum, nil
}

// A collector puts what was read in order, links it to the ledger and commits it.
type collector struct {
	p     *Pipeline
	c     Commit
	bytes int64
	rows  int
	again *fold
	anew  bool // files must be met again
}

// take adds what reading a job gave. Jobs of a log come in their order.
func (c *collector) take(r *filled) {
	src, log := c.p.byLog[r.log], &c.p.scan.logs[r.log]
	if !r.first && (r.span.From > src.Offset || src.stuck) {
		return // the one before it was not read to its end
	}
	if !r.first && !bytes.Equal(src.Header, r.header) {
		if c.again == nil {
			c.again = newFold(c.p.spare)
		}
		st := r.job
		st.header = src.Header
		*r = c.again.read(st)
	}
	c.changed(src)
	lines := src.Lines
	for _, b := range r.batches {
		if r.data == nil {
			src.extend(b, nil)
		} else {
			src.extend(b, r.data[b.From-r.span.From:b.To-r.span.From])
		}
		c.link(src, b, lines)
	}
	if r.err == nil {
		src.Unfinished = r.unfinished
	}
	if r.err == nil && !r.more && (r.whole || r.span.To >= log.Input.Size || r.unfinished != "") && !c.p.scan.stopped.Load() {
		src.tried = log.Input.Size
	}
	switch {
	case r.err != nil:
		src.stuck, log.Err = true, r.err
		if src.State != Duplicate {
			src.State, src.Why = Incomplete, r.err.Error()
		}
		if system := (*fs.PathError)(nil); errors.As(r.err, &system) {
			src.Modified = 0 // it is no fault of its content: look again, even if nothing changes
		}
	case r.more:
	case !src.Plain:
		src.Done = !c.p.scan.stopped.Load()
	}
}

// link adds a batch to the ledger behind what was committed of its log. lines stand before the job that it is of.
func (c *collector) link(src *Source, b *Batch, lines int64) {
	for i := range b.Rows {
		b.Rows[i].At.Line += lines
	}
	for i := range b.Minutes {
		b.Minutes[i].At.Line += lines
	}
	for i := range b.Cited {
		b.Cited[i].At.Line += lines
	}
	for i := range b.Cloud {
		b.Cloud[i].renumber(lines)
	}
	for i := range b.Events {
		b.Events[i].At.Line += lines
	}
	b.Lines += lines
	if b.Range == b.From {
		src.before = src.Chain
	}
	b.Chain = Link(src.before, b.Digest, b.Range, b.To)
	src.Offset, src.Lines, src.Header, src.Sessions, src.Chain = b.To, b.Lines, b.Header, b.Sessions, b.Chain
	if src.Server == "" {
		src.Server = b.Server
	}
	if b.First != 0 {
		if src.First == 0 || b.First < src.First {
			src.First = b.First
		}
		src.Last = max(src.Last, b.Last)
	}
	c.c.Batches = append(c.c.Batches, b)
	c.bytes += b.To - b.From
	c.rows += len(b.Rows) + len(b.Minutes) + 2*len(b.Cloud)
}

func (c *collector) changed(src *Source) {
	for _, s := range c.c.Sources {
		if s == src {
			return
		}
	}
	c.c.Sources = append(c.c.Sources, src)
}

func (c *collector) commit(ctx context.Context) error {
	err := c.p.commit(ctx, &c.c)
	c.c, c.bytes, c.rows = Commit{}, 0, 0
	return err
}

// commit hands c to the ledger.
func (p *Pipeline) commit(ctx context.Context, c *Commit) error {
	if p.dirty {
		c.Servers = p.scan.names
	}
	if len(c.Sources)+len(c.Batches)+len(c.Holes)+len(c.Servers)+len(c.Forget)+len(c.Adopted) == 0 {
		return nil
	}
	if err := p.ledger.Commit(ctx, c); err != nil {
		return err
	}
	p.dirty = false
	return nil
}
