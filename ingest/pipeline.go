package ingest

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"math"
	"net/netip"
	"path"
	"slices"
	"sync"
	"time"

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
	follows bool          // files grow
	roots   []Root        // of Follow
	every   time.Duration // between two looks of Follow
	log     *slog.Logger  // nil for none

	mu    sync.Mutex // guards the rest
	folds []*fold
	free  []int // places of logs that are gone, plus one
	past  Watch // see watch
	lent  int   // of folds
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
		if n := len(p.free); n > 0 {
			src.log, p.free = p.free[n-1], p.free[:n-1]
		} else {
			s.logs = append(s.logs, Log{})
			src.log = len(s.logs)
		}
		p.byLog[src.log-1] = src
	}
	l := &s.logs[src.log-1]
	*l = log
	l.id, l.owner = src.ID, src.Owner
	l.head, l.headSize = src.Head, src.HeadSize
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
		if want(l.Format.Kind) && src.live == nil && p.isBehind(src) {
			logs = append(logs, at)
		}
	}
	slices.SortFunc(logs, func(a, b int) int { return compareText(p.byLog[a].Path, p.byLog[b].Path) })
	return logs
}

// isBehind reports whether there is something to read that was not tried.
func (p *Pipeline) isBehind(s *Source) bool {
	if !s.readable() || s.stuck {
		return false
	}
	if p.follows && s.State == NotCounted && s.Size < headSize && time.Since(time.Unix(0, s.Modified)) < time.Minute {
		return false // it may yet show what it is
	}
	return s.Plain && s.Size > s.Offset && s.Size != s.tried || !s.Plain && !s.Done
}

func (s *Source) readable() bool { return s.State != Unreadable && s.State != Gone }

// Fill reads all that is behind, HttpProxy and the mail protocols before IIS, and commits it.
func (p *Pipeline) Fill(ctx context.Context) error {
	for more := true; more; {
		var err error
		if more, err = p.fillSome(ctx, math.MaxInt64); err != nil {
			return err
		}
	}
	return p.adopt(ctx)
}

// fillSome reads about so many bytes of what is behind, and reports whether there is more.
func (p *Pipeline) fillSome(ctx context.Context, limit int64) (more bool, err error) {
	if logs := p.behind(func(k signin.Kind) bool { return k != signin.IIS }); len(logs) > 0 {
		return true, p.fill(ctx, logs, limit)
	}
	if err := p.nameFolders(ctx); err != nil {
		return false, err
	}
	logs := p.behind(func(k signin.Kind) bool { return k == signin.IIS })
	return len(logs) > 0, p.fill(ctx, logs, limit)
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
const commitSize = 128 << 20

// commitRows is how many rows and minutes are committed at once, whatever they were made of: in a flood of names each
// line makes some.
const commitRows = 1 << 16

// fill reads what is behind of those logs with all workers, about so many bytes of it, and commits it in order.
func (p *Pipeline) fill(ctx context.Context, logs []int, limit int64) error {
	units := p.jobs(logs, limit)
	c := collector{p: p}
	err := ordered(ctx, p.scan.opt.Workers, len(units), func() func(int) []filled {
		f := p.borrow()
		return func(i int) []filled {
			var out []filled
			for _, j := range units[i] {
				out = append(out, f.read(j))
				p.scan.progress(j.part)
			}
			return out
		}
	}, func(read []filled) error {
		for i := range read {
			c.take(&read[i])
		}
		if c.bytes < commitSize && c.rows < commitRows {
			return nil
		}
		return c.commit(ctx)
	})
	p.lent = 0
	// What was read is good, whatever ended the reading.
	return cmp.Or(err, c.commit(context.WithoutCancel(ctx)))
}

// borrow returns a fold that nobody else uses until lent is 0 again: what its worker remembers of accounts and agents
// is of use to the next reading.
func (p *Pipeline) borrow() *fold {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lent++; p.lent > len(p.folds) {
		p.folds = append(p.folds, newFold(newWorker(p.scan)))
	}
	return p.folds[p.lent-1]
}

// jobs are the pieces of work of some logs, small ones together.
func (p *Pipeline) jobs(logs []int, limit int64) [][]job {
	var units [][]job
	var open []job
	var size int64
	for _, at := range logs {
		if limit <= 0 {
			break
		}
		l, src := &p.scan.logs[at], p.byLog[at]
		limit -= l.Input.Size - src.Offset
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
		for from := src.Offset; from < l.Input.Size && from-src.Offset <= l.Input.Size-src.Offset+limit; from += batchSize {
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
