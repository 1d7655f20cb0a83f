package ingest

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

// FollowOptions are the choices of Follow.
type FollowOptions struct {
	Roots  []Root
	Every  time.Duration // between two looks at the folders; default 5 s
	Idle   time.Duration // a log that grew no more for so long is looked at, and not followed; default 10 min
	Log    *slog.Logger
	Keep   func(ctx context.Context, now time.Time) error // housekeeping, after each look; it must be short
	Report func(Progress)                                 // how far it is; must be quick
}

// A Root is a place where logs are.
type Root struct {
	Path    string // a file, a folder with all below it, or a glob
	Poll    bool   // never follow, only look: for network file systems that are not known as such
	Exclude func(path string) bool
	Server  string      // whose logs these are, where they do not say so
	Kind    signin.Kind // that of every file; UnknownKind: what each is
}

// Progress is how far a pipeline is.
type Progress struct {
	Looked  time.Time // when it last looked at the folders
	Caught  bool      // once all that was there was read
	Live    int       // logs that are followed
	Known   int       // logs on disk
	Unread  int       // files and folders that cannot be read, or not to their end
	Behind  int64     // bytes that are on disk and not committed
	Refused string    // why the ledger takes nothing at the moment; "" if it does
}

// A following is one run of Follow.
type following struct {
	p        *Pipeline
	ledger   Reviewer
	opt      FollowOptions
	arrivals chan arrival
	hints    *hints
	progress Progress
	missing  map[string]bool // paths that were not there the last time
	said     map[string]bool // problems that were told
	nextLook time.Time
	lastLook time.Time // when it ended
	adopted  time.Time // when it was last tried to find out whose logs some are
	changed  bool      // something was committed since the last review
	backlog  bool      // there may be something to read that is not followed
	searches []*search
	asking   sync.Mutex // guards what Root.Exclude remembers
}

// Follow reads what is there and then what comes, until ctx ends. What was read by then is committed. It returns an
// error only where it cannot go on: that of the ledger, if another process commits to it. A ledger that takes nothing
// at the moment is asked again, and meanwhile nothing is read; if it still takes nothing soon after ctx ended, its
// error is returned, and what it did not take is read again by the next Follow.
func (p *Pipeline) Follow(ctx context.Context, ledger Reviewer, opt FollowOptions) error {
	if opt.Every <= 0 {
		opt.Every = 5 * time.Second
	}
	if opt.Idle <= 0 {
		opt.Idle = 10 * time.Minute
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	f := &following{p: p, opt: opt, arrivals: make(chan arrival, 256), missing: map[string]bool{}, said: map[string]bool{}, changed: true}
	patient, stop := newPatience(ctx, ledger, f)
	defer stop()
	f.ledger, p.ledger, p.follows = patient, patient, true
	p.roots, p.every, p.log = opt.Roots, opt.Every, opt.Log
	defer func() { p.ledger = ledger }()
	f.hints = newHints(opt.Log)
	defer f.hints.close()
	defer context.AfterFunc(ctx, func() { p.scan.stopped.Store(true) })()
	err := errors.Join(f.run(ctx), f.stop())
	if patient.gaveUp != nil {
		return patient.gaveUp // also where it looks like the end of ctx: not all that was read is committed
	}
	return err
}

func (f *following) run(ctx context.Context) error {
	test := time.NewTicker(min(f.opt.Every, time.Second))
	defer test.Stop()
	if err := f.p.Recall(ctx, f.ledger); err != nil {
		return ignoreEnd(ctx, err)
	}
	for ctx.Err() == nil {
		now := time.Now()
		if !now.Before(f.nextLook) {
			if err := f.look(ctx, now); err != nil {
				return ignoreEnd(ctx, err)
			}
			f.lastLook = time.Now()
			f.nextLook = f.lastLook.Add(f.opt.Every)
		}
		more := f.backlog
		if f.backlog {
			var err error
			if more, err = f.p.fillSome(ctx, commitSize); err != nil {
				return ignoreEnd(ctx, err)
			}
			if f.changed = f.changed || more; !more {
				f.backlog, f.progress.Caught = false, true
				f.startLive(now)
			}
		}
		if err := f.wait(ctx, more, test.C); err != nil {
			return ignoreEnd(ctx, err)
		}
	}
	return nil
}

// ignoreEnd returns nil for the end of ctx.
func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx))) {
		return nil
	}
	return err
}

// wait waits for something to do, not at all while there is a backlog, and does it.
func (f *following) wait(ctx context.Context, backlog bool, test <-chan time.Time) error {
	if backlog {
		select {
		case a := <-f.arrivals:
			return f.take(ctx, a)
		case now := <-test:
			return f.check(ctx, now)
		case <-ctx.Done():
		default:
		}
		return nil
	}
	select {
	case a := <-f.arrivals:
		return f.take(ctx, a)
	case now := <-test:
		return f.check(ctx, now)
	case <-f.hints.woken():
		f.nextLook = f.lastLook.Add(f.opt.Every / 10) // there may be no end of them
	case <-ctx.Done():
	}
	return nil
}

// gatherFor is how long a line waits for others to be committed with: a commit costs as much for one as for some.
const gatherFor = 6 * time.Millisecond

// take commits what arrived, and what else comes soon.
func (f *following) take(ctx context.Context, a arrival) error {
	pieces := []arrival{a}
	enough := time.NewTimer(gatherFor)
	defer enough.Stop()
	for size := len(a.piece.Data); size < commitSize/4; {
		select {
		case a := <-f.arrivals:
			pieces = append(pieces, a)
			size += len(a.piece.Data)
			continue
		case <-enough.C:
		case <-ctx.Done():
		}
		break
	}
	f.changed = true
	return f.commit(ctx, pieces)
}

// commit folds pieces with all workers and commits them together.
func (f *following) commit(ctx context.Context, pieces []arrival) error {
	p := f.p
	byLog := map[*live][]job{}
	var order []*live
	for _, a := range pieces {
		if a.live.src.live != a.live {
			continue // it was given up: its lines are read again
		}
		a.live.grew = time.Now()
		src := a.live.src
		if byLog[a.live] == nil {
			order = append(order, a.live)
		}
		n := int64(len(a.piece.Data))
		byLog[a.live] = append(byLog[a.live], job{part: part{log: src.log - 1, span: tail.Span{From: a.piece.From, To: a.piece.From + n}, data: a.piece.Data, whole: true, first: true}})
	}
	c := collector{p: p}
	err := ordered(ctx, p.scan.opt.Workers, len(order), func() func(int) []filled {
		fold := p.borrow()
		return func(i int) []filled { return fold.readPieces(order[i].src, byLog[order[i]]) }
	}, func(read []filled) error {
		for i := range read {
			c.take(&read[i])
		}
		return nil
	})
	p.lent = 0
	for _, l := range order {
		if l.src.Size < l.src.Offset {
			l.src.Size = l.src.Offset
		}
	}
	if done := c.commit(context.WithoutCancel(ctx)); err == nil {
		err = done
	}
	return err
}

// readPieces folds the pieces of one log that follow each other as one. A piece that does not begin where the log
// stands is not for it: its follower is behind the times, and is stopped by the next check.
func (f *fold) readPieces(src *Source, jobs []job) []filled {
	var all []byte
	from := src.Offset
	for _, j := range jobs {
		if j.span.From == from+int64(len(all)) {
			all = append(all, j.data...)
		}
	}
	if len(jobs) == 1 && jobs[0].span.From == from {
		all = jobs[0].data
	}
	if len(all) == 0 {
		return nil
	}
	j := jobs[0]
	j.data, j.span = all, tail.Span{From: from, To: from + int64(len(all))}
	j.header, j.sessions = src.Header, src.Sessions
	return []filled{f.read(j)}
}
