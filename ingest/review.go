package ingest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

// A Reviewer is a ledger that wants logs to be read a second time: for later steps of rules whose first steps turned
// out to matter, and for lines that findings cite.
type Reviewer interface {
	Ledger
	// Review returns what is wanted, by what was committed so far.
	Review(ctx context.Context) (*Wanted, error)
	// Answer takes what was found.
	Answer(ctx context.Context, a *Answer) error
	// Overlapping returns the ranges with events of that period, in Unix milliseconds, in the order of logs and bytes.
	Overlapping(ctx context.Context, from, to int64) ([]LogRange, error)
}

// Wanted is what a ledger wants to be read again.
type Wanted struct {
	FirstSteps []signin.Minute // of groups whose later steps were not looked for
	Watched    []signin.Minute // first steps of the groups whose later steps matter from now on
	Past       []signin.Minute // those of all groups, also of the past; the first time that it is asked, and again when there may be more; else none
	Lines      []LogRange      // each holds one line that is cited
}

// A LogRange is a range of a log and what must be known to read it alone.
type LogRange struct {
	Log         int64
	From, To    int64
	First, Last int64  // of its events, Unix milliseconds
	Lines       int64  // before From
	Header      []byte // in force at From
}

// An Answer is what was found in a second reading.
type Answer struct {
	Steps []signin.Minute // the FirstSteps that were asked about
	Later []WaitingMinute // all minutes of later steps of their groups; At.File is not used, Logs tells them
	Logs  []int64         // of each of Later
	Cited []signin.Citation
	Of    []int64    // the log of each of Cited
	Lost  []LogRange // Lines that cannot be read any more
}

// Review reads again what the ledger wants to be read again, until it wants no more: what is found in one reading may
// cite lines that another must find.
func (p *Pipeline) Review(ctx context.Context, ledger Reviewer) error {
	for {
		if more, err := p.reviewOnce(ctx, ledger); err != nil || !more {
			return err
		}
	}
}

// Recall learns from the ledger what must be looked for in the lines to come. It is to be called before Fill.
func (p *Pipeline) Recall(ctx context.Context, ledger Reviewer) error {
	want, err := ledger.Review(ctx)
	if err == nil {
		p.watch(want)
	}
	return err
}

func (p *Pipeline) reviewOnce(ctx context.Context, ledger Reviewer) (answered bool, err error) {
	want, err := ledger.Review(ctx)
	if err != nil {
		return false, err
	}
	p.watch(want)
	a := &Answer{Steps: want.FirstSteps}
	if len(a.Steps) > 0 && p.scan.opt.Watch != nil {
		if err := p.later(ctx, ledger, a); err != nil {
			if ctx.Err() != nil {
				return false, err
			}
			if p.log != nil {
				p.log.Debug("what a rule looks for cannot be looked for at the moment", "err", err)
			}
			a = &Answer{}
		}
	}
	if p.scan.stopped.Load() {
		return false, ctx.Err() // half an answer would be for good
	}
	p.cite(want.Lines, a)
	if len(a.Steps)+len(a.Cited)+len(a.Lost) == 0 {
		return false, nil
	}
	return true, ledger.Answer(ctx, a)
}

// watches are several of them.
type watches []Watch

func (ws watches) Wants(t *signin.Tick, ms int64) bool {
	return slices.ContainsFunc(ws, func(w Watch) bool { return w.Wants(t, ms) })
}

func (ws watches) Overlaps(from, to int64) bool {
	return slices.ContainsFunc(ws, func(w Watch) bool { return w.Overlaps(from, to) })
}

// watch makes readers look for later steps: of groups that are at it now, and of those of the past, whose other logs
// may come late.
func (p *Pipeline) watch(want *Wanted) {
	p.scan.watch = nil
	if p.scan.opt.Watch == nil {
		return
	}
	if len(want.Past) > 0 {
		p.past = p.scan.opt.Watch(want.Past, false)
	}
	var all watches
	if p.past != nil {
		all = append(all, p.past)
	}
	if len(want.Watched) > 0 {
		if w := p.scan.opt.Watch(want.Watched, true); w != nil {
			all = append(all, w)
		}
	}
	if len(all) > 0 {
		p.scan.watch = all
	}
}

// later looks for later steps of rules in all that was committed.
func (p *Pipeline) later(ctx context.Context, ledger Reviewer, a *Answer) error {
	watch := p.scan.opt.Watch(a.Steps, false)
	if watch == nil {
		return nil
	}
	first, last := a.Steps[0].First, a.Steps[0].Last
	for i := range a.Steps {
		first, last = min(first, a.Steps[i].First), max(last, a.Steps[i].Last)
	}
	const day = dayMs // no window is longer that is worth a second reading
	ranges, err := ledger.Overlapping(ctx, first-day, last+day)
	if err != nil {
		return err
	}
	var jobs []job
	for _, r := range ranges {
		if !watch.Overlaps(r.First, r.Last) {
			continue
		}
		if j, ok := p.jobOf(r); ok {
			jobs = append(jobs, j)
		}
	}
	live := p.scan.watch
	p.scan.watch = watch
	defer func() { p.scan.watch = live }()
	var mu sync.Mutex
	return ordered(ctx, p.scan.opt.Workers, len(jobs), func() func(int) filled {
		mu.Lock() // workers share nothing but what they are made from
		defer mu.Unlock()
		f := newFold(newWorker(p.scan))
		return func(i int) filled { return f.read(jobs[i]) }
	}, func(r filled) error {
		if r.err != nil {
			return fmt.Errorf("looking for later steps: %w", r.err) // an answer would be for good
		}
		for _, b := range r.batches {
			for i := range b.Cloud {
				for _, m := range b.Cloud[i].Ticks {
					b.Minutes = append(b.Minutes, WaitingMinute{Minute: m, Cloud: true})
				}
			}
			for _, m := range b.Minutes {
				if m.Step > 0 && m.At.Offset >= r.wanted.From && m.At.Offset < r.wanted.To {
					m.At.Line += r.lines
					a.Later = append(a.Later, m)
					a.Logs = append(a.Logs, b.Log)
				}
			}
		}
		return nil
	})
}

// jobOf makes a range a job. Where lines cannot be understood alone, all before them is read too.
func (p *Pipeline) jobOf(r LogRange) (job, bool) {
	src := p.byID(r.Log)
	if src == nil || src.log == 0 || src.Offset < r.To {
		return job{}, false
	}
	l := &p.scan.logs[src.log-1]
	j := job{part: part{log: src.log - 1, span: tail.Span{From: r.From, To: r.To}, header: r.Header, whole: !l.cuttable()}, lines: r.Lines, wanted: r}
	if j.whole {
		j.span.From, j.header, j.lines = 0, nil, 0
	}
	return j, true
}

func (p *Pipeline) byID(id int64) *Source {
	for _, s := range p.sources {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// readableNow reports whether a log can be read, so that what it does not hold will not come.
func (p *Pipeline) readableNow(log int) bool {
	r, err := p.scan.logs[log].Input.Open()
	return err == nil && r.Close() == nil && !p.scan.stopped.Load()
}

// cite reads lines again that findings cite.
func (p *Pipeline) cite(lines []LogRange, a *Answer) {
	w := p.spare
	for _, want := range lines {
		j, ok := p.jobOf(want)
		if !ok {
			if src := p.byID(want.Log); src == nil || src.State == Gone {
				a.Lost = append(a.Lost, want)
			}
			continue // of a log that is not looked at in this run
		}
		cited := map[signin.Ref]*signin.Citation{}
		ref := signin.Ref{File: j.log, Offset: want.From}
		w.cite(j.part, []signin.Ref{ref}, cited)
		if c := cited[ref]; c != nil {
			a.Cited, a.Of = append(a.Cited, *c), append(a.Of, want.Log)
		} else if p.readableNow(j.log) {
			a.Lost = append(a.Lost, want)
		}
	}
}
