package ingest

import (
	"context"
	"crypto/sha256"
	"io"
	"os"
	"slices"

	"github.com/outmode/outmode/ingest/tail"
)

// A Range is a piece of the ledger: what the bytes of a log hash to.
type Range struct {
	From, To int64
	Digest   [32]byte
}

// meetNew decides what files are whose path is not that of a known log: a known log under another name, a copy of one
// or of one another, or a new log.
func (p *Pipeline) meetNew(ctx context.Context, c *collector, files []*met) error {
	logs := make([]Log, len(files))
	for i, f := range files {
		logs[i] = f.log
	}
	if err := findCopies(ctx, logs); err != nil { // among themselves
		return err
	}
	for i, f := range files {
		f.log = logs[i]
	}
	// The longest of several copies counts: it is looked at before the others.
	slices.SortStableFunc(files, func(a, b *met) int { return rank(a.log.State) - rank(b.log.State) })
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if f.log.State != Read {
			p.register(c, f)
			continue
		}
		p.forgetNameless(c, f)
		src, copyOf, err := p.findKnown(ctx, f)
		switch {
		case err != nil:
			return err
		case copyOf != "":
			f.log.State, f.log.Why = Duplicate, copyOf
			p.register(c, f)
		case src == nil:
			p.register(c, f)
		default:
			if p.byPath[src.Path] == src {
				delete(p.byPath, src.Path)
				c.anew = true // what stands there now is something else
			}
			p.goOn(c, src, f)
		}
	}
	return nil
}

func rank(s State) int {
	if s == Duplicate {
		return 1
	}
	return 0
}

// forgetNameless forgets what was known of a file by another of its names, if that was no more than a header.
func (p *Pipeline) forgetNameless(c *collector, f *met) {
	for _, s := range p.sources {
		if f.fileID != "" && s.FileID == f.fileID && s.Name == "" && f.log.Name != "" && s.First == 0 && s.Path != f.input.Path && s.State != Gone {
			p.forget(c, s)
			return
		}
	}
}

// findKnown returns the known log that a new file is, moved there, or of which one it is a copy, in words.
func (p *Pipeline) findKnown(ctx context.Context, f *met) (src *Source, copyOf string, err error) {
	for _, s := range p.sources {
		if s.is(f) && endsLine(s, f) {
			return s, "", nil // renamed, or found by another of its names
		}
	}
	if f.log.Name == "" {
		return nil, "", nil
	}
	for _, s := range p.sources {
		if s.Name != f.log.Name || s.State == Duplicate || s.State == NotCounted {
			continue
		}
		all, same, err := p.compare(ctx, s, f.input)
		switch {
		case err != nil:
			return nil, "", err
		case !same, !all && p.lost(s) && s.Path == f.input.Path: // it was cut, and will be written on
			continue
		case all && !p.stands(s):
			return s, "", nil // its file moved there, or was packed
		case all && p.longer(ctx, s, f):
			return s, "", nil // what was met before was the copy
		}
		return nil, "a copy of " + s.Path, ctx.Err()
	}
	for _, s := range p.sources {
		if s.Name != goneCopy+f.log.Name {
			continue
		}
		if all, _, err := p.compare(ctx, s, f.input); err != nil || all {
			return nil, s.Why, err // the same copy, or one of it
		}
	}
	return nil, "", nil
}

// is reports whether a file under another name is the log's own. One that went away is known by its head alone if that
// is all there was: the operating system gives its number to others.
func (s *Source) is(f *met) bool {
	return f.fileID != "" && s.FileID == f.fileID && s.Name == f.log.Name && s.State != Duplicate && (s.Offset > 0 || s.Name != "") && s.Plain && f.input.Plain &&
		f.input.Size >= s.Offset && s.begins(f.head) && (s.State != Gone && s.Path != f.input.Path || s.State == Gone && s.HeadSize >= s.Offset)
}

// lost reports whether something else stands where a log was, or nothing.
func (p *Pipeline) lost(s *Source) bool { return p.byPath[s.Path] != s }

// stands reports whether the file of a log is where it was.
func (p *Pipeline) stands(s *Source) bool {
	if s.log == 0 || s.State == Gone || p.lost(s) {
		return false
	}
	disk := p.scan.logs[s.log-1].Input.Disk
	_, err := os.Stat(disk)
	return err == nil && idOf(disk) == s.FileID
}

// longer reports whether a file goes on behind all that the known log's own file holds.
func (p *Pipeline) longer(ctx context.Context, s *Source, f *met) bool {
	known := p.scan.logs[s.log-1].Input
	r, err := tail.Relate(ctx, known, f.input)
	return err == nil && r == tail.FirstInSecond
}

// compare holds a file against what the ledger says of a log. same says that they are equal as far as both go, and
// all that the file holds everything that was committed.
//
// Where the file ends within a range of the ledger, only the log itself can tell, if it is there still. It may read all
// of a large file: it ends with ctx.
func (p *Pipeline) compare(ctx context.Context, s *Source, in tail.Input) (all, same bool, err error) {
	ranges, err := p.ledger.Ranges(ctx, s.ID)
	if err != nil {
		return false, false, err
	}
	file, err := in.Open()
	if err != nil {
		return false, false, nil // it cannot be read, which is told when it is met
	}
	defer file.Close()
	if len(ranges) == 0 && s.log > 0 {
		rel, _ := tail.Relate(ctx, p.scan.logs[s.log-1].Input, in)
		return true, rel != tail.Different, ctx.Err()
	}
	r := tail.Stoppable(ctx, file)
	var at int64
	for _, of := range ranges {
		if _, err := io.CopyN(io.Discard, r, of.From-at); err != nil {
			break
		}
		h := sha256.New()
		n, err := io.Copy(h, io.LimitReader(r, of.To-of.From))
		at = of.From + n
		switch {
		case ctx.Err() != nil:
			return false, false, ctx.Err()
		case err != nil || at < of.To:
			// It is cut short within this range.
			if s.log > 0 && p.stands(s) {
				rel, _ := tail.Relate(ctx, p.scan.logs[s.log-1].Input, in)
				return false, rel == tail.SecondInFirst || rel == tail.Same, ctx.Err()
			}
			return false, of.From > 0, nil
		case [32]byte(h.Sum(nil)) != of.Digest:
			return false, false, nil
		}
	}
	return at >= s.Offset, len(ranges) > 0, ctx.Err()
}
