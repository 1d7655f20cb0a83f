package ingest

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// ErrStale says that a batch does not begin where its log stands: somebody else committed meanwhile, or a batch is
// committed twice. Nothing of it was stored.
var ErrStale = errors.New("the batch does not begin where its log stands")

// patience is a ledger that is asked again until it answers: a disk that is full today has room tomorrow, and until then
// the logs keep what was not committed.
type patience struct {
	Reviewer
	ctx    context.Context // of Follow
	grace  context.Context // of what is asked of the ledger: it ends later
	f      *following
	past   []Refusal // that the ledger was not told of
	now    Refusal   // the one that goes on; the zero value for none
	gaveUp error     // what the ledger did not do before the end; then nothing more may be committed, for it knows less than the pipeline
}

// lastWait is how long the ledger may keep waiting who was told to end: what it does not take now is read again.
const lastWait = 2 * time.Second

// newPatience makes a ledger patient until ctx ends, and lastWait longer for what is under way then.
func newPatience(ctx context.Context, ledger Reviewer, f *following) (p *patience, stop func()) {
	grace, end := context.WithCancel(context.WithoutCancel(ctx))
	over := make(chan struct{})
	last := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(lastWait):
			end()
		case <-over:
		}
	})
	return &patience{Reviewer: ledger, ctx: ctx, grace: grace, f: f}, func() {
		last()
		close(over)
		end()
	}
}

// Commit also tells of the time in which the ledger took nothing: it could not be told then.
func (p *patience) Commit(_ context.Context, c *Commit) error {
	return p.again(func(ctx context.Context) error {
		p.over()
		c.Refused = p.past
		err := p.Reviewer.Commit(ctx, c)
		if err == nil {
			p.past = nil
			p.now = Refusal{}
		}
		return err
	})
}

// worthTelling is how long the ledger must have taken nothing for that to be a fact about the data, and not one of a
// busy moment.
const worthTelling = time.Minute

// over notes that the refusal that went on is over, unless the next attempt shows that it is not: then it grows.
func (p *patience) over() {
	p.now.To = time.Now().UnixMilli()
	switch last := len(p.past) - 1; {
	case p.now.From == 0 || p.now.To-p.now.From < worthTelling.Milliseconds():
	case last >= 0 && p.past[last].From == p.now.From:
		p.past[last] = p.now
	default:
		p.past = append(p.past, p.now)
	}
}

func (p *patience) Answer(_ context.Context, a *Answer) error {
	return p.again(func(ctx context.Context) error { return p.Reviewer.Answer(ctx, a) })
}

func (p *patience) Review(context.Context) (w *Wanted, err error) {
	err = p.again(func(ctx context.Context) error {
		w, err = p.Reviewer.Review(ctx)
		return err
	})
	return w, err
}

func (p *patience) Ranges(_ context.Context, log int64) (all []Range, err error) {
	err = p.again(func(ctx context.Context) error {
		all, err = p.Reviewer.Ranges(ctx, log)
		return err
	})
	return all, err
}

func (p *patience) Owners(context.Context) (owners map[uint64]string, err error) {
	err = p.again(func(ctx context.Context) error {
		owners, err = p.Reviewer.Owners(ctx)
		return err
	})
	return owners, err
}

func (p *patience) Overlapping(_ context.Context, from, to int64) (all []LogRange, err error) {
	err = p.again(func(ctx context.Context) error {
		all, err = p.Reviewer.Overlapping(ctx, from, to)
		return err
	})
	return all, err
}

// longestPause is between two attempts.
const longestPause = 15 * time.Second

// again does something until it works, or until the pipeline is told to end. It says once that it does not work, and
// once that it works again.
func (p *patience) again(do func(ctx context.Context) error) error {
	if p.gaveUp != nil {
		return p.gaveUp
	}
	begin := time.Now()
	for pause := 250 * time.Millisecond; ; pause = min(2*pause, longestPause) {
		err := do(p.grace)
		if err == nil {
			p.over()
			p.now = Refusal{}
			if p.f.progress.Refused != "" {
				p.f.progress.Refused = ""
				delete(p.f.said, "refused")
				p.f.opt.Log.Info("the store takes what is read again")
				p.f.report()
			}
			return nil
		}
		if errors.Is(err, ErrStale) || p.ctx.Err() != nil {
			p.gaveUp = err
			return err
		}
		if p.now.From == 0 {
			p.now.From = begin.UnixMilli()
		}
		p.now.Why = err.Error()
		p.f.progress.Refused = err.Error()
		p.f.say("refused", slog.LevelError, "the store takes nothing at the moment; nothing is lost, and it is tried again until it does", "err", err)
		p.f.report()
		select {
		case <-time.After(pause):
		case <-p.ctx.Done():
		}
	}
}
