package ingest

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

// A scan is one reading of a list of inputs.
type scan struct {
	opt     Options
	logs    []Log
	folders []Folder
	sum     *tally
	settled bool // every row is decided
	// A worker adds up all that it reads and the sums are added in the end, in any order. That is
	// fast, and right unless a bound is reached or a part turns out to stand under another header.
	// Then everything is read again strictly: piece by piece, each with bounds of its own, added in
	// the order of path and offset, so that what falls to a bound does not depend on the workers.
	strict  bool
	wantIDs bool // some IIS log does not name its server
	waiting bool // an IIS log will be read: HttpProxy's nameless refusals wait for it
	// What HttpProxy told, by the short name of the server; complete before the first IIS line is folded.
	proxied map[string]*heard
	iis     map[string]*heard // the same of IIS, once the rows are settled
	cloud   *clouds           // what several logs tell of sign-ins to the cloud; nil where none was read
	done    atomic.Int64
	total   int64
	stopped atomic.Bool // the context has ended: workers read no further
	// The names that servers give to their own addresses, for logs that have only the address.
	// "" where two servers share one, as a virtual address of a balancer.
	names map[netip.Addr]string
	watch Watch                           // of a pipeline: where later steps matter; nil for nowhere
	mfa   func(*signin.SignIn) signin.MFA // what documents say of a sign-in; nil for nothing
	// What minutes are poured into, made when that is needed first.
	crowds, strays func() *crowds
	pruned         *crowds // strays, once it was made
}

// Scan reads the inputs once and returns what they add up to. A log that cannot be read is part of
// the result and no error; the only errors are ctx's.
func Scan(ctx context.Context, inputs []tail.Input, opt Options) (*Result, error) {
	s := newScan(inputs, opt)
	defer context.AfterFunc(ctx, func() { s.stopped.Store(true) })()
	if err := s.identifyAll(ctx); err != nil {
		return nil, err
	}
	if err := findCopies(ctx, s.logs); err != nil {
		return nil, err
	}
	s.plan()
	if err := s.compareClouds(ctx); err != nil {
		return nil, err
	}
	err := s.readBoth(ctx)
	if errors.Is(err, errStrict) {
		s.restart()
		err = s.readBoth(ctx)
	}
	if err != nil {
		return nil, err
	}
	r := s.result()
	return r, s.readAgain(ctx, r)
}

// errStrict says that the scan must be done again, strictly.
var errStrict = errors.New("a bound was reached")

// readBoth reads IIS after everything else, when it is known what HttpProxy tells.
func (s *scan) readBoth(ctx context.Context) error {
	if err := s.readAll(ctx, func(k signin.Kind) bool { return k != signin.IIS }); err != nil {
		return err
	}
	s.proxied = s.sum.byServer(signin.HTTPProxy)
	s.matchFolders(newWorker(s))
	return s.readAll(ctx, func(k signin.Kind) bool { return k == signin.IIS })
}

// restart forgets what was read and not what the logs are.
func (s *scan) restart() {
	s.strict, s.proxied = true, nil
	s.pour()
	s.sum = newTally(s.bounds(scanAccounts, scanRefused, scanRows, scanMinutes))
	s.done.Store(0)
	for i := range s.logs {
		s.logs[i].forget()
	}
}

func (s *scan) bounds(accounts, refused, rows, minutes int) bounds {
	return bounds{accounts: accounts, refused: refused, rows: rows, minutes: minutes, window: s.opt.Window, crowds: s.crowds, strays: s.strays, inOrder: s.strict}
}

func newScan(inputs []tail.Input, opt Options) *scan {
	if opt.Workers <= 0 {
		opt.Workers = runtime.GOMAXPROCS(0)
	}
	if opt.PartSize <= 0 {
		opt.PartSize = defaultPart
	}
	if opt.Window == nil {
		opt.Window = func(int32) signin.Window { return signin.Window{} }
	}
	s := &scan{opt: opt, logs: make([]Log, len(inputs))}
	s.pour()
	s.sum = newTally(s.bounds(scanAccounts, scanRefused, scanRows, scanMinutes))
	for i, in := range inputs {
		s.logs[i].Input = in
		s.total += in.Size
	}
	return s
}

func (s *scan) pour() {
	s.pruned = nil
	s.strays = sync.OnceValue(func() *crowds {
		s.pruned = newCrowds(strayBits, s.opt.Window)
		return s.pruned
	})
	s.crowds = sync.OnceValue(func() *crowds {
		c := newCrowds(crowdBits, s.opt.Window)
		c.also = s.strays()
		return c
	})
}

func (s *scan) identifyAll(ctx context.Context) error {
	var next atomic.Int64
	var mu sync.Mutex
	servers := maps.Clone(s.opt.Org.Servers)
	if servers == nil {
		servers = map[netip.Addr]bool{}
	}
	s.opt.Org.Servers, s.names = servers, map[netip.Addr]string{}
	var wg sync.WaitGroup
	for range s.opt.Workers {
		wg.Go(func() {
			id := &identifier{recognize: s.opt.Recognize, declared: s.opt.Declared}
			for i := next.Add(1) - 1; i < int64(len(s.logs)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				log, addrs := id.identify(s.logs[i].Input)
				s.logs[i] = log
				mu.Lock()
				for addr, name := range addrs {
					s.knowServer(addr, name)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}

// knowServer remembers the address of a server, and its name if the log gives both.
func (s *scan) knowServer(addr, name string) {
	ip, ok := signin.ParseHost(addr)
	if !ok || ip.IsLoopback() || ip.IsLinkLocalUnicast() {
		return
	}
	s.opt.Org.Servers[ip] = true
	if name == "" {
		return
	}
	if known, ok := s.names[ip]; ok && short(known) != short(name) {
		name = ""
	} else if ok {
		name = min(known, name) // two spellings: the same one whichever log came first
	}
	s.names[ip] = name
}

// plan looks at what there is to read.
func (s *scan) plan() {
	for i := range s.logs {
		l := &s.logs[i]
		l.decode = l.counted()
		if l.decode && l.Format.Kind == signin.IIS {
			s.waiting = true
			s.wantIDs = s.wantIDs || !l.Format.Named
		}
	}
}

// cuttable reports whether the log can be read in parts: a plain file whose lines stand alone.
func (l *Log) cuttable() bool {
	return l.Input.Plain && l.encoding == tail.UTF8 && !l.Format.Sessions && !l.framed() && l.decode
}

// A head is a header and the offset of the line that put it in force.
type head struct {
	offset int64
	header []byte
}

func noteHead(heads []head, offset int64, header []byte) []head {
	if n := len(heads); n > 0 && bytes.Equal(heads[n-1].header, header) {
		return heads
	}
	return append(heads, head{offset, bytes.Clone(header)})
}

// headerAt is the header that a part which begins at offset stands under: before the log was read,
// the one of its first data line is taken to be it.
func (l *Log) headerAt(offset int64) []byte {
	header := l.header
	if offset == 0 {
		header = nil
	}
	for _, h := range l.heads {
		if h.offset < offset {
			header = h.header
		}
	}
	return header
}

// units groups the logs that want names into pieces of work of about the same size, in the order of
// path and offset. What they are does not depend on the number of workers.
func (s *scan) units(want func(signin.Kind) bool) [][]part {
	var units [][]part
	var open []part
	var size int64
	flush := func() {
		if len(open) > 0 {
			units = append(units, open)
		}
		open, size = nil, 0
	}
	for i := range s.logs {
		l := &s.logs[i]
		if l.State == Unreadable || !want(l.Format.Kind) {
			continue
		}
		spans := []tail.Span{{}}
		if l.cuttable() {
			spans = tail.Cut(l.Input.Size, s.opt.PartSize)
		}
		for n, span := range spans {
			p := part{log: i, span: span, header: l.headerAt(span.From), whole: !l.cuttable(), first: n == 0, last: n == len(spans)-1}
			if size += max(span.To-span.From, l.Input.Size/int64(len(spans))); size > groupSize {
				flush()
				size = 0
			}
			open = append(open, p)
			if !l.Input.Plain || len(spans) > 1 {
				flush()
			}
		}
	}
	flush()
	return units
}

// A piece is a unit that was read.
type piece struct {
	parts []partResult
	tally *tally // of this piece alone; nil unless the scan is strict
	over  bool   // a bound was reached
}

type partResult struct {
	part
	end    ending
	lines  signin.Lines
	causes Causes
	server string
	from   int64 // the earliest and the latest event
	to     int64
	ticked bool
	count  int64 // of lines
	heads  []head
}

// readAll reads the units of some kinds with all workers and adds them up.
func (s *scan) readAll(ctx context.Context, want func(signin.Kind) bool) error {
	units := s.units(want)
	var mu sync.Mutex
	var sums []*tally
	err := ordered(ctx, s.opt.Workers, len(units), func() func(int) *piece {
		w := newWorker(s)
		if s.strict {
			return func(i int) *piece {
				w.begin(newTally(s.bounds(pieceAccounts, pieceRefused, pieceRows, pieceMinutes)))
				return w.readUnit(units[i])
			}
		}
		w.begin(newTally(s.sum.bounds))
		mu.Lock()
		sums = append(sums, w.tally)
		mu.Unlock()
		return func(i int) *piece { return w.readUnit(units[i]) }
	}, s.take(newWorker(s)))
	if err != nil {
		return err
	}
	for i, t := range sums {
		if s.sum.empty() {
			s.sum = t
		} else {
			s.sum.add(t)
		}
		sums[i] = nil // its memory is free while the others are added
	}
	if s.sum.overfull() && !s.strict {
		return errStrict
	}
	return nil
}

// take adds up the ledger of the pieces as they come in order and, of a strict scan, their tallies.
func (s *scan) take(spare *worker) func(*piece) error {
	headers := map[int][]byte{} // in force where the reading of a log stands
	return func(p *piece) error {
		if r := &p.parts[0]; !r.first && !bytes.Equal(headers[r.log], r.header) {
			if !s.strict {
				return errStrict
			}
			r.header = headers[r.log]
			p.tally.reset()
			spare.begin(p.tally)
			*r = spare.foldPart(r.part)
		}
		for i := range p.parts {
			r := &p.parts[i]
			s.logs[r.log].take(r)
			headers[r.log] = r.end.header
			if r.last {
				delete(headers, r.log)
			}
		}
		if s.strict {
			s.sum.add(p.tally)
		} else if p.over {
			return errStrict
		}
		return nil
	}
}

// ordered does n pieces of work with some workers and takes the results one by one in their order.
// A worker may be only a little ahead of what was taken: results in between take memory.
func ordered[T any](ctx context.Context, workers, n int, start func() func(int) T, take func(T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ready := make([]chan T, n)
	for i := range ready {
		ready[i] = make(chan T, 1)
	}
	ahead := make(chan struct{}, workers+1)
	var next atomic.Int64
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel(nil)
	for range min(workers, n) {
		wg.Go(func() {
			work := start()
			for {
				select {
				case ahead <- struct{}{}:
				case <-ctx.Done():
					return
				}
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				ready[i] <- work(i)
			}
		})
	}
	for i := range ready {
		select {
		case r := <-ready[i]:
			if err := take(r); err != nil {
				return err
			}
			<-ahead
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// begin makes the worker add up in t from now on.
func (w *worker) begin(t *tally) {
	w.tally = t
	clear(w.servers) // its bound must not depend on what this worker read before
	w.lastName, w.lastServer = "", ""
}

func (w *worker) readUnit(parts []part) *piece {
	p := &piece{}
	for _, pt := range parts {
		p.parts = append(p.parts, w.foldPart(pt))
		w.scan.progress(pt)
	}
	if w.scan.strict {
		p.tally = w.tally
	}
	p.over = w.tally.overfull()
	return p
}

// foldPart reads one part into the worker's tally.
func (w *worker) foldPart(pt part) partResult {
	r := partResult{part: pt}
	w.ticked = false
	r.end = w.read(pt, func(l *line) {
		r.lines.Count(l.verdict)
		r.count = l.number
		switch l.verdict {
		case signin.Malformed:
			r.causes.Add(l.reason, 1)
		case signin.Directive:
			r.heads = noteHead(r.heads, l.offset, w.decoder(w.scan.logs[pt.log].Format).Header())
		}
		if l.decoded {
			if ms := l.s.Facts.Time; r.from == 0 {
				r.from, r.to, r.server = ms, ms, l.s.Server
			} else {
				r.from, r.to = min(r.from, ms), max(r.to, ms)
			}
		}
		w.add(pt.log, l)
	})
	r.ticked = w.ticked
	return r
}

func (s *scan) progress(p part) {
	n := p.span.To - p.span.From
	if p.whole {
		n = s.logs[p.log].Input.Size
	}
	if done := s.done.Add(n); s.opt.Progress != nil {
		s.opt.Progress(done, s.total)
	}
}

// What a weak sign-in is: one that IIS and HttpProxy both may tell.
type weakness uint8

const (
	counts    weakness = iota // the other log was not read for this hour
	toldTwice                 // the other log tells it too
	waits                     // the other log was not read yet
)

// weak decides what a weak sign-in is, as far as that is known by now.
func (w *worker) weak(si *signin.SignIn) weakness {
	s := w.scan
	hour := int32(si.Facts.Time / hourMs)
	switch {
	case si.Facts.Kind == signin.IIS:
		if w.proxied.find(si.Server, s.proxied).in(si.Protocol, hour) {
			return toldTwice
		}
	case s.settled:
		if w.iis.find(si.Server, s.iis).in(si.Protocol, hour) {
			return toldTwice
		}
	case s.waiting:
		return waits
	}
	return counts
}

// toldTwice reports whether another line tells the sign-in too, and that one counts.
func (w *worker) toldTwice(log int, l *line) bool {
	return l.s.Weak && w.weak(l.s) == toldTwice || l.s.Facts.Kind.Cloud() && w.scan.cloud.told(log, l.offset)
}

// A lookup remembers the last server that was looked up: the next line is mostly of the same one.
type lookup struct {
	server string
	heard  *heard
	known  bool
}

func (l *lookup) find(server string, among map[string]*heard) *heard {
	if !l.known || l.server != server {
		*l = lookup{server, among[short(server)], true}
	}
	return l.heard
}
