package ingest

import (
	"context"
	"maps"
	"net/netip"
	"path"
	"slices"

	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

// A Pipeline reads logs into a ledger: what is there already, and what comes. One goroutine calls it; it makes its own
// to read with.
type Pipeline struct {
	scan    *scan
	ledger  Ledger
	sources []*Source // all that are known, on disk or not
	byPath  map[string]*Source
	byLog   map[int]*Source // by their place in scan.logs
	folders map[string]string
	nextID  int64
	dirty   bool // the addresses of servers changed since the last commit
	spare   *worker
}

// OpenPipeline goes on where the ledger stands.
func OpenPipeline(ctx context.Context, ledger Ledger, opt Options) (*Pipeline, error) {
	known, err := ledger.Known(ctx)
	if err != nil {
		return nil, err
	}
	s := newScan(nil, opt)
	s.strict, s.wantIDs = true, true
	servers := maps.Clone(s.opt.Org.Servers)
	if servers == nil {
		servers = map[netip.Addr]bool{}
	}
	s.opt.Org.Servers, s.names = servers, known.Servers
	if s.names == nil {
		s.names = map[netip.Addr]string{}
	}
	for ip := range s.names {
		servers[ip] = true
	}
	p := &Pipeline{scan: s, ledger: ledger, byPath: map[string]*Source{}, byLog: map[int]*Source{}, folders: map[string]string{}, nextID: 1}
	for i := range known.Sources {
		src := &known.Sources[i]
		p.sources = append(p.sources, src)
		if src.State != Gone {
			p.byPath[src.Path] = src
		}
		if folder := path.Dir(src.Path); src.Owner != "" && src.Owner != folder {
			p.folders[folder] = src.Owner
		}
		p.nextID = max(p.nextID, src.ID+1)
	}
	p.spare = newWorker(s)
	return p, nil
}

// Sources returns what is known of every log, in the order in which they were met. It is valid until the next call.
func (p *Pipeline) Sources() []*Source { return p.sources }

// place returns the reader's log of a source, made if it was not on disk before.
func (p *Pipeline) place(src *Source, log Log) *Log {
	s := p.scan
	if src.log == 0 {
		s.logs = append(s.logs, Log{})
		src.log = len(s.logs)
		p.byLog[src.log-1] = src
	}
	l := &s.logs[src.log-1]
	*l = log
	l.id, l.owner = src.ID, src.Owner
	l.State = src.State
	l.decode = l.counted() && l.Format.Decoder != nil
	if src.Header != nil {
		l.header = src.Header
	}
	return l
}

// behind returns the places of the logs that hold more than was committed, in order of path.
func (p *Pipeline) behind(want func(signin.Kind) bool) []int {
	var logs []int
	for at, src := range p.byLog {
		l := &p.scan.logs[at]
		if want(l.Format.Kind) && src.readable() && (src.Plain && src.Size > src.Offset || !src.Plain && !src.Done) && !src.stuck {
			logs = append(logs, at)
		}
	}
	slices.SortFunc(logs, func(a, b int) int { return compareText(p.byLog[a].Path, p.byLog[b].Path) })
	return logs
}

func (s *Source) readable() bool { return s.State != Unreadable && s.State != Gone }

// Fill reads all that is behind, HttpProxy and the mail protocols before IIS, and commits it.
func (p *Pipeline) Fill(ctx context.Context) error {
	if err := p.fill(ctx, p.behind(func(k signin.Kind) bool { return k != signin.IIS })); err != nil {
		return err
	}
	if err := p.nameFolders(ctx); err != nil {
		return err
	}
	return p.fill(ctx, p.behind(func(k signin.Kind) bool { return k == signin.IIS }))
}

// A job is a part of a log that is read as batches.
type job struct {
	part
	sessions []byte
	lines    int64    // before it, in a second reading
	wanted   LogRange // of a second reading
}

// commitSize is about how many bytes of logs are committed at once while there is a backlog: rows repeat in batches
// that follow each other.
const commitSize = 48 << 20

// fill reads what is behind of those logs with all workers and commits it in order.
func (p *Pipeline) fill(ctx context.Context, logs []int) error {
	for len(logs) > 0 {
		units := p.jobs(logs)
		c := collector{p: p}
		err := ordered(ctx, p.scan.opt.Workers, len(units), func() func(int) []filled {
			w := newWorker(p.scan)
			f := newFold(w)
			return func(i int) []filled {
				var out []filled
				for _, st := range units[i] {
					out = append(out, f.read(st))
					p.scan.progress(st.part)
				}
				return out
			}
		}, func(read []filled) error {
			for i := range read {
				c.take(&read[i])
			}
			if c.bytes < commitSize {
				return nil
			}
			return c.commit(ctx)
		})
		// What was read is good, whatever ended the reading.
		if done := c.commit(context.WithoutCancel(ctx)); err == nil {
			err = done
		}
		if err != nil {
			return err
		}
		logs = c.more
	}
	return nil
}

// jobs are the pieces of work of some logs, small ones together.
func (p *Pipeline) jobs(logs []int) [][]job {
	var units [][]job
	var open []job
	var size int64
	for _, at := range logs {
		l, src := &p.scan.logs[at], p.byLog[at]
		p.scan.total += l.Input.Size - src.Offset
		first := job{part: part{log: at, from: src.Offset, header: src.Header, first: true, whole: !l.cuttable()}, sessions: src.Sessions}
		if first.whole || l.Input.Size-src.Offset <= batchSize {
			first.span = tail.Span{From: src.Offset, To: max(l.Input.Size, src.Offset)}
			if n := first.span.To - first.span.From; size+n > batchSize && len(open) > 0 {
				units, open, size = append(units, open), nil, 0
			} else {
				size += n
			}
			open = append(open, first)
			continue
		}
		for from := src.Offset; from < l.Input.Size; from += batchSize {
			st := first
			st.span = tail.Span{From: from, To: min(from+batchSize, l.Input.Size)}
			if from > src.Offset {
				st.first, st.header, st.sessions = false, l.header, nil
			}
			units = append(units, []job{st})
		}
	}
	if len(open) > 0 {
		units = append(units, open)
	}
	return units
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
