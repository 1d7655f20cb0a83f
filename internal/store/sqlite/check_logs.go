package sqlite

import (
	"context"
	"crypto/sha256"
	"io"
	"path/filepath"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/tail"
)

// logs hashes the committed ranges of the logs that are still there. A log that was rotated away or packed since it
// was looked at last is not there.
func (c *checker) logs(ctx context.Context) error {
	for i := range c.sources {
		l := &c.sources[i]
		if len(c.ranges[l.ID]) == 0 || l.State == ingest.Gone {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		in, ok := inputOf(l)
		if !ok {
			c.counts["logs_missing"]++
			continue
		}
		c.counts["logs"]++
		r, err := in.Open()
		if err != nil {
			c.problem(Logs, "%s cannot be read: %v", l.Path, err)
			continue
		}
		c.compare(ctx, l, tail.Stoppable(ctx, r))
		_ = r.Close()
	}
	return ctx.Err()
}

// inputOf finds the log's file, or the member of an archive that it is.
func inputOf(l *Listed) (tail.Input, bool) {
	found, _ := tail.Find([]string{filepath.FromSlash(l.Path)}, tail.FindOptions{})
	for _, in := range found {
		if in.Path == l.Path && in.Plain == l.Plain {
			return in, true
		}
	}
	return tail.Input{}, false
}

// compare holds a log against its ranges.
func (c *checker) compare(ctx context.Context, l *Listed, r io.Reader) {
	var at int64
	for _, of := range c.ranges[l.ID] {
		if ctx.Err() != nil {
			return
		}
		if skipped, err := io.CopyN(io.Discard, r, of.From-at); err != nil {
			if ctx.Err() != nil {
				return
			}
			c.problem(Logs, "%s ends at byte %d, and %d were committed", l.Path, at+skipped, l.Offset)
			return
		}
		h := sha256.New()
		n, err := io.Copy(h, io.LimitReader(r, of.To-of.From))
		at = of.From + n
		c.counts["bytes"] += n
		switch {
		case ctx.Err() != nil:
			return // it was stopped; nothing is wrong
		case err != nil:
			c.problem(Logs, "%s cannot be read at byte %d: %v", l.Path, at, err)
			return
		case at < of.To:
			c.problem(Logs, "%s ends at byte %d, and %d were committed: it was cut or replaced after it was read", l.Path, at, l.Offset)
			return
		case [32]byte(h.Sum(nil)) != of.Digest:
			c.problem(Logs, "%s: bytes %d to %d hash to %x, and to %x when they were read: they were changed since", l.Path, of.From, of.To, h.Sum(nil), of.Digest)
		}
	}
}
