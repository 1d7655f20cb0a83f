package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

// A met is a file that discovery found, and what its content shows it to be.
type met struct {
	input    tail.Input
	log      Log
	head     []byte
	servers  map[string]string
	fileID   string
	modified int64 // Unix nanoseconds
}

// Meet tells the pipeline of the files that are there. What they are is read from their content, and each is a log
// that was met before, or a copy of one, or a new one. What is behind is read by the next Fill. Inputs of which
// nothing changed cost a look-up.
//
// Of a log that is known and not among inputs, see Miss. A pipeline whose ledger failed is of no use any more: it knows
// what the ledger does not.
func (p *Pipeline) Meet(ctx context.Context, inputs []tail.Input) error {
	again, err := p.meet(ctx, inputs)
	if again && err == nil {
		_, err = p.meet(ctx, inputs)
	}
	return err
}

// meet reports whether files must be met again, since what was found out of one changed what others are.
func (p *Pipeline) meet(ctx context.Context, inputs []tail.Input) (again bool, err error) {
	files, err := p.look(ctx, inputs)
	if err != nil {
		return false, err
	}
	for i := range files {
		for addr, name := range files[i].servers {
			p.knowServer(addr, name)
		}
	}
	c := collector{p: p}
	fresh := files[:0]
	var lost []*Source // whose file holds another log now
	for _, f := range files {
		src := p.byPath[f.input.Path]
		if src == nil {
			fresh = append(fresh, f)
			continue
		}
		if src.live != nil && f.log.State != Read {
			continue // it went away since it was found: its follower, which has it open, knows better what it is
		}
		switch why, err := p.stillIs(ctx, src, f); {
		case err != nil:
			return false, err
		case why == "":
			p.goOn(&c, src, f)
		case why == rewritten:
			// Look again: until then it stays what it was.
		case src.live != nil:
			// Its follower has the file open, and has lines of it that are on their way: it finds out by itself.
		case why == becameLog:
			p.forget(&c, src)
			fresh = append(fresh, f)
		default:
			src.Why = why
			delete(p.byPath, src.Path)
			lost = append(lost, src)
			fresh = append(fresh, f)
		}
	}
	if err := p.meetNew(ctx, &c, fresh); err != nil {
		return false, err
	}
	now := time.Now()
	for _, src := range lost {
		if p.byPath[src.Path] != src && !slices.Contains(c.c.Forget, src.ID) {
			c.lose(src, now, src.Why)
		}
	}
	return c.anew, c.commit(ctx)
}

// look opens the inputs that may have changed, with all workers, and tells what they are.
func (p *Pipeline) look(ctx context.Context, inputs []tail.Input) ([]*met, error) {
	files := make([]*met, len(inputs))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range p.scan.opt.Workers {
		wg.Go(func() {
			id := &identifier{recognize: p.scan.opt.Recognize, declared: p.scan.opt.Declared, growing: true}
			for i := next.Add(1) - 1; i < int64(len(inputs)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				files[i] = p.lookAt(id, inputs[i])
			}
		})
	}
	wg.Wait()
	return slices.DeleteFunc(files, func(f *met) bool { return f == nil }), ctx.Err()
}

// lookAt returns nil for a file that is as it was, and for one that went away since it was found: it may have another
// name by now, or be packed, and the next look tells what became of it.
func (p *Pipeline) lookAt(id *identifier, in tail.Input) *met {
	f := &met{input: in}
	if in.Disk != "" {
		fi, err := os.Stat(in.Disk)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err == nil:
			f.modified = fi.ModTime().UnixNano()
		}
		f.fileID = idOf(in.Disk)
		if src := p.byPath[in.Path]; src != nil && src.log > 0 && src.FileID == f.fileID && src.Size == in.Size && src.Modified == f.modified && src.quiet() {
			return nil
		}
	}
	f.log, f.servers = id.identify(in)
	if errors.Is(f.log.Err, fs.ErrNotExist) {
		return nil
	}
	f.head = bytes.Clone(bytes.TrimRight(id.raw[:min(id.n, headPrint)], "\x00")) // reserved space is written over
	if r := p.rootOf(in.Path); r != nil && r.Kind != signin.UnknownKind && f.log.State == Read && f.log.Format.Kind != r.Kind {
		f.log.State = NotCounted
		f.log.Why = fmt.Sprintf("its kind is %s, and the configuration wants only %s here", f.log.Format.Kind, r.Kind)
	}
	return f
}

// rootOf returns the root that a path is below, or nil.
func (p *Pipeline) rootOf(path string) *Root {
	for i := range p.roots {
		if p.roots[i].holds(path) {
			return &p.roots[i]
		}
	}
	return nil
}

// idOf names the file at a path, "" where it has no name that lasts.
func idOf(disk string) string {
	id, err := tail.Identify(disk)
	if err != nil {
		return ""
	}
	return string(id)
}

// quiet reports whether there is nothing to do for a log as long as its file does not change.
func (s *Source) quiet() bool {
	return s.live != nil || s.stuck && !s.Plain || s.State == Gone || s.Done || s.Plain && !s.stuck && s.State != Incomplete && (s.Offset == s.Size || s.tried == s.Size)
}

// knowServer notes an address of a server, and that it must be committed.
func (p *Pipeline) knowServer(addr, name string) {
	before := len(p.scan.names)
	p.scan.knowServer(addr, name)
	p.dirty = p.dirty || len(p.scan.names) != before
}

// stillIs returns why the file at the path of a log is another log now, or "" if it is the one.
func (p *Pipeline) stillIs(ctx context.Context, src *Source, f *met) (why string, err error) {
	switch {
	case f.log.State == Unreadable:
		return "", nil // what it is cannot be seen
	case src.State == NotCounted && f.log.State == Read && src.Offset > 0, src.Name == "" && f.log.Name != "" && src.First == 0:
		return becameLog, nil // unless lines were counted: then it is a log of its own by now
	case src.State == Duplicate && src.Size != f.input.Size && !p.staysCopy(ctx, src, f.input):
		return becameLog, ctx.Err()
	case src.Offset == 0 && src.HeadSize == 0:
		return "", nil // nothing was seen of it
	case src.Plain && f.input.Plain && f.input.Size < src.Offset && p.rewriting(src, f, time.Now()):
		return rewritten, nil
	case src.Plain && f.input.Plain && f.input.Size < src.Offset:
		return fmt.Sprintf("the file shrank from %d to %d bytes: it was truncated or replaced", src.Offset, f.input.Size), nil
	case !src.begins(f.head):
		return "the file holds another log now", nil
	}
	alike, err := p.endsAlike(ctx, src, f)
	switch {
	case err != nil:
		return "", err
	case !alike, src.shrank != nil, src.FileID != "" && f.fileID != "" && src.FileID != f.fileID, src.Plain != f.input.Plain, !src.Plain && src.Size != f.input.Size, !endsLine(src, f):
		_, same, err := p.compare(ctx, src, f.input)
		src.shrank = nil
		if err != nil || same {
			return "", err
		}
		return "the file was replaced by another log that begins alike", nil
	}
	return "", nil
}

// rewritten says of a file that it is shorter than what was read of it, and that it may be in the middle of being
// written anew: a copy over it begins so.
const rewritten = "it is being written anew"

// A shrinking is a file that is shorter than what was read of it.
type shrinking struct {
	since, changed time.Time
	size, modified int64
}

// longestRewrite is how long a file may take that does not show yet whether it is the same log.
const longestRewrite = time.Minute

// rewriting reports whether a file that shrank may yet become the log again that it was: it begins so, as far as that
// can be told, and it grows.
func (p *Pipeline) rewriting(src *Source, f *met, now time.Time) bool {
	if !p.follows || f.input.Size >= src.HeadSize && !src.begins(f.head) {
		return false
	}
	s := src.shrank
	if s == nil {
		s = &shrinking{since: now}
		src.shrank = s
	}
	if s.size != f.input.Size || s.modified != f.modified {
		s.size, s.modified, s.changed = f.input.Size, f.modified, now
	}
	if now.Sub(s.changed) > 2*p.every || f.input.Size < src.HeadSize && now.Sub(s.since) > longestRewrite {
		src.shrank = nil
		return false
	}
	return true
}

// becameLog is why a file is met anew that did not show yet what it is, or of which log.
const becameLog = "its first lines did not show what it is"

// staysCopy reports whether what a copy grew by stands in the log too, where that goes on itself.
func (p *Pipeline) staysCopy(ctx context.Context, src *Source, in tail.Input) bool {
	for _, s := range p.sources {
		if s.Name == src.Name && s.State != Duplicate && p.stands(s) && sameFrom(ctx, p.scan.logs[s.log-1].Input, in, src.Offset) {
			return true
		}
	}
	return false
}

// sameFrom reports whether a plain file holds all of another from an offset on.
func sameFrom(ctx context.Context, all, some tail.Input, from int64) bool {
	var digests [2][32]byte
	var size int64
	for i, in := range []tail.Input{some, all} {
		f, err := in.OpenAt()
		if err != nil {
			return false
		}
		defer f.Close()
		if i == 0 {
			size = f.Size()
		}
		if digests[i], err = digestOf(ctx, f, from, size); err != nil {
			return false
		}
	}
	return digests[0] == digests[1]
}

// forget makes a source one that was never met. Nothing but lines was counted of it.
func (p *Pipeline) forget(c *collector, src *Source) {
	c.anew = true
	c.c.Forget = append(c.c.Forget, src.ID)
	c.c.Sources = slices.DeleteFunc(c.c.Sources, func(s *Source) bool { return s == src })
	delete(p.byPath, src.Path)
	p.release(src)
	p.sources = slices.DeleteFunc(p.sources, func(s *Source) bool { return s == src })
}

// release takes a source off the reader.
func (p *Pipeline) release(src *Source) {
	if src.log > 0 {
		delete(p.byLog, src.log-1)
		p.scan.logs[src.log-1] = Log{}
		p.free = append(p.free, src.log)
		src.log = 0
	}
}

// endsLine reports whether the byte before the committed offset is a line end still. Of records that are not lines none
// need stand there: see endsAlike.
func endsLine(src *Source, f *met) bool {
	if !f.input.Plain || src.Offset == 0 || src.Encoding != tail.UTF8 || f.log.framed() {
		return true
	}
	file, err := f.input.OpenAt()
	if err != nil {
		return true
	}
	defer file.Close()
	var b [1]byte
	_, err = file.ReadAt(b[:], src.Offset-1)
	return err != nil && err != io.EOF || b[0] == '\n'
}

// goOn takes a file as the log that it was.
func (p *Pipeline) goOn(c *collector, src *Source, f *met) {
	before := *src
	src.Path, src.Size, src.Modified, src.Plain = f.input.Path, f.input.Size, f.modified, f.input.Plain
	if f.fileID != "" || f.log.State != Unreadable {
		src.FileID = f.fileID
	}
	src.stuck = false
	if src.Size != before.Size || src.Modified != before.Modified || src.FileID != before.FileID {
		src.tried, src.Done = 0, false // what was reserved may be written by now, and an archive may have grown
	}
	p.byPath[src.Path] = src
	switch {
	case f.log.State == Unreadable:
		src.stuck, src.Modified = true, 0 // look again, even if nothing changes
		if src.State != Duplicate && src.State != NotCounted {
			src.Why, src.State = f.log.Err.Error(), Incomplete
		}
		if src.State == Incomplete && src.Offset == 0 {
			src.State = Unreadable
		}
	case src.State == Duplicate:
		src.Encoding = f.log.encoding
	case src.State == Unreadable, src.State == Incomplete, src.State == Gone, src.State == NotCounted && f.log.State == Read && src.Offset == 0:
		src.State, src.Why = f.log.State, f.log.Why
	}
	if src.State != Unreadable {
		if src.Name == "" {
			src.Name = f.log.Name
		}
		if src.Offset == 0 || src.Kind != f.log.Format.Kind && src.State == Read {
			src.Kind, src.Encoding = f.log.Format.Kind, f.log.encoding
		}
		if src.HeadSize < headPrint {
			src.print(f.head)
		}
	}
	p.place(src, f.log)
	if src.changedSince(&before) {
		c.changed(src)
	}
}

func (s *Source) changedSince(o *Source) bool {
	return s.Path != o.Path || s.FileID != o.FileID || s.Size != o.Size || s.Modified != o.Modified || s.State != o.State || s.Why != o.Why || s.Name != o.Name || s.HeadSize != o.HeadSize
}

// register makes a file a log of its own.
func (p *Pipeline) register(c *collector, f *met) *Source {
	src := &Source{ID: p.nextID, Path: f.input.Path, FileID: f.fileID, Name: f.log.Name, Kind: f.log.Format.Kind, State: f.log.State, Why: f.log.Why,
		Encoding: f.log.encoding, Plain: f.input.Plain, Size: f.input.Size, Modified: f.modified}
	p.nextID++
	if r := p.rootOf(src.Path); r != nil {
		src.Owner = r.Server
	}
	if f.log.Err != nil {
		src.Why, src.stuck, src.Modified = f.log.Err.Error(), true, 0
	}
	src.print(f.head)
	p.sources = append(p.sources, src)
	p.byPath[src.Path] = src
	p.place(src, f.log)
	c.changed(src)
	return src
}

// lose notes that the rest of a log will not be read, unless one of its copies has it.
func (c *collector) lose(src *Source, now time.Time, why string) {
	left := src.Size - src.Offset
	other := c.p.byPath[src.Path]
	replaced := other != nil && src.Name != "" && other.Name == src.Name // it begins alike: lines of it may be read again
	if src.State != Duplicate && src.State != NotCounted && (replaced || src.Plain && left > 0 || !src.Plain && !src.Done) {
		c.c.Holes = append(c.c.Holes, Hole{Log: src.ID, Offset: src.Offset, Bytes: max(left, 0), From: src.Last, To: now.UnixMilli(), Reason: why})
		if c.p.log != nil {
			c.p.log.Warn("part of a log will not be read, or is read again", "path", src.Path, "offset", src.Offset, "bytes", max(left, 0), "why", why)
		}
	}
	for _, s := range slices.Clone(c.p.sources) {
		if s.State == Duplicate && s.Name == src.Name && src.State != Duplicate && (s.Plain && s.Size > src.Offset || !s.Plain && (!s.Done || s.Offset > src.Offset)) {
			c.p.forget(c, s)
		}
	}
	if src.State == Duplicate {
		src.Name, why = goneCopy+src.Name, src.Why
	}
	src.State, src.Why = Gone, why
	c.p.release(src)
	c.changed(src)
}

// goneCopy stands before the name of a copy that went away. None of its lines counted: no log goes on behind them.
const goneCopy = "copy "

// Miss tells the pipeline that a log is not on disk any more.
func (p *Pipeline) Miss(ctx context.Context, paths []string, now time.Time) error {
	c := collector{p: p}
	for _, path := range paths {
		if src := p.byPath[path]; src != nil {
			delete(p.byPath, path)
			why := "the file went away"
			if src.Plain && src.Size > src.Offset {
				why = "the file went away before it was read to its end"
			}
			c.lose(src, now, why)
		}
	}
	return c.commit(ctx)
}

// Trouble tells the pipeline of files and folders that cannot be read, and makes them known: what is missing must be
// seen. Those that are well again, or gone, are forgotten.
func (p *Pipeline) Trouble(ctx context.Context, problems []tail.Problem) error {
	c := collector{p: p}
	now := map[string]bool{}
	for i := range problems {
		x := &problems[i]
		if x.Severity == tail.Note {
			continue
		}
		now[x.Path] = true
		src := p.byPath[x.Path]
		switch {
		case src == nil:
			src = &Source{ID: p.nextID, Path: x.Path, State: Unreadable, Why: x.Error(), Plain: true, stuck: true}
			p.nextID++
			p.sources, p.byPath[src.Path] = append(p.sources, src), src
			c.changed(src)
		case src.live == nil && src.State != Gone && src.State != Unreadable && src.Why != x.Error():
			src.State, src.Why = Incomplete, x.Error()
			c.changed(src)
		}
	}
	for path, src := range p.byPath {
		if src.State == Unreadable && src.Offset == 0 && src.log == 0 && !now[path] {
			p.forget(&c, src)
		}
	}
	return c.commit(ctx)
}
