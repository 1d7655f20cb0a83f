package ingest

import (
	"cmp"
	"context"

	"github.com/outmode/outmode/internal/signin"
)

// nameFolders finds out whose logs those are in which IIS does not name its computer, before their first lines are
// committed. What was found out for a folder once holds for the logs that come later; a server that never could be
// found out is named by its folder.
func (p *Pipeline) nameFolders(ctx context.Context) error {
	var logs []int
	for _, at := range p.behind(func(k signin.Kind) bool { return k == signin.IIS }) {
		l, src := &p.scan.logs[at], p.byLog[at]
		if l.counted() && !l.Format.Named && src.Owner == "" {
			logs = append(logs, at)
		}
	}
	if len(logs) == 0 {
		return nil
	}
	owners, err := p.ledger.Owners(ctx)
	if err != nil {
		return err
	}
	s := p.scan
	s.matchAll(p.spare, logs, owners)
	c := collector{p: p}
	for _, at := range logs {
		l, src := &s.logs[at], p.byLog[at]
		if l.owner == l.Folder() {
			l.owner = cmp.Or(p.folders[l.Folder()], l.owner)
		}
		src.Owner = l.owner
		c.changed(src)
	}
	for _, f := range s.folders {
		if f.Server != "" {
			p.folders[f.Path] = f.Server
		}
	}
	return c.commit(ctx)
}
