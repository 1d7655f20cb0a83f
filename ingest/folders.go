package ingest

import (
	"cmp"
	"context"
	"time"

	"github.com/outmode/outmode/internal/signin"
)

// nameFolders finds out whose logs those are in which IIS does not name its computer, before their first lines are
// committed. What was found out for a folder once holds for the logs that come later; a server that cannot be found
// out is named by its folder, until HttpProxy tells.
func (p *Pipeline) nameFolders(ctx context.Context) error {
	var logs []int
	for _, at := range p.behind(func(k signin.Kind) bool { return k == signin.IIS }) {
		if p.unnamed(at) && p.byLog[at].Owner == "" {
			logs = append(logs, at)
		}
	}
	return p.nameLogs(ctx, logs)
}

// unnamed reports whether a log of IIS does not say whose it is.
func (p *Pipeline) unnamed(at int) bool {
	l := &p.scan.logs[at]
	return l.counted() && l.Format.Kind == signin.IIS && !l.Format.Named
}

func (p *Pipeline) nameLogs(ctx context.Context, logs []int) error {
	if len(logs) == 0 {
		return nil
	}
	owners, err := p.ledger.Owners(ctx)
	if err != nil {
		return err
	}
	s := p.scan
	s.matchAll(p.spare, logs, owners)
	for _, f := range s.folders {
		if f.Server != "" {
			p.folders[f.Path] = f.Server
		}
	}
	c := collector{p: p}
	for _, at := range logs {
		l, src := &s.logs[at], p.byLog[at]
		if l.owner == l.Folder() {
			l.owner = cmp.Or(p.folders[l.Folder()], l.owner)
		}
		if src.Owner == l.owner {
			continue
		}
		if src.Owner != "" {
			c.c.Adopted = append(c.c.Adopted, Adoption{src.ID, src.Owner, l.owner})
			src.Server = l.owner
		}
		src.Owner = l.owner
		c.changed(src)
	}
	return c.commit(ctx)
}

// adoptEvery is between two attempts to find out whose logs those of a folder are.
const adoptEvery = 5 * time.Minute

// adopt tries again with the logs of which it could not be found out so far.
func (p *Pipeline) adopt(ctx context.Context) error {
	var logs []int
	for at, src := range p.byLog {
		if p.unnamed(at) && src.Offset > 0 && src.Owner != "" && src.Owner == p.scan.logs[at].Folder() {
			logs = append(logs, at)
		}
	}
	return p.nameLogs(ctx, logs)
}
