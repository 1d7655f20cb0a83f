package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/outmode/outmode/internal/store/sqlite"
	"github.com/outmode/outmode/rules"
)

// While logs are read, logons are joined with events at most so often, and so seldom that it takes a twentieth of the time.
const (
	joinEvery = 5 * time.Second
	joinShare = 20
)

// A joiner joins logons with events while logs are read: it reads the store beside who commits to it, and hands over
// what it found between two batches.
type joiner struct {
	ctx    context.Context
	store  *sqlite.Store
	set    *rules.Set
	with   joining
	name   string // of it: people are many, and it is asked for often
	log    *slog.Logger
	next   time.Time        // not before
	done   chan joinedOrNot // nil while nothing is being joined
	broken map[string]bool  // rules that were told of
}

type joinedOrNot struct {
	found  *sqlite.Joined
	broken []rules.Broken
	err    error
	took   time.Duration
}

func newJoiner(ctx context.Context, store *sqlite.Store, w *world, log *slog.Logger) *joiner {
	return &joiner{ctx: ctx, store: store, set: w.set, with: w.join, name: w.join.name(w.set), log: log, broken: map[string]bool{}}
}

// look keeps what was found, and begins anew when that is due.
func (j *joiner) look(ctx context.Context, now time.Time) error {
	if j.done != nil {
		select {
		case r := <-j.done:
			j.done, j.next = nil, now.Add(max(joinEvery, joinShare*r.took))
			return j.keep(ctx, r)
		default:
			return nil
		}
	}
	if now.Before(j.next) {
		return nil
	}
	due, err := j.store.BeginJoin(ctx, j.name)
	if err != nil || !due {
		return err
	}
	j.done = make(chan joinedOrNot, 1)
	go func(done chan<- joinedOrNot) {
		begun := time.Now()
		with := j.with
		found, broken, err := with.judge(j.ctx, j.store, j.set)
		done <- joinedOrNot{found, broken, err, time.Since(begun)}
	}(j.done)
	return nil
}

// keep stores what was found. What could not be joined is still due.
func (j *joiner) keep(ctx context.Context, r joinedOrNot) error {
	if r.err != nil {
		return r.err
	}
	for _, b := range r.broken {
		if !j.broken[b.Rule] {
			j.broken[b.Rule] = true
			j.log.Warn("a rule is broken; it judges nothing where that happens", "rule", b.Rule, "err", b.Error)
		}
	}
	return j.store.SetJoined(ctx, r.found)
}

// wait waits for what is being joined, which ends with the context: what it found is not kept, and still due.
func (j *joiner) wait() {
	if j.done != nil {
		<-j.done
	}
}
