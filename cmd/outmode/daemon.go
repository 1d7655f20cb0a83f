package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/store/sqlite"
)

// A daemon is one run of serve.
type daemon struct {
	flags   *serveFlags
	args    []string
	log     *slog.Logger
	metrics *metrics
	store   atomic.Pointer[sqlite.Store]
	state   atomic.Pointer[ingest.Progress]
	started time.Time
}

// run serves until ctx ends. Every world is served until the next one is asked for and found good.
func (d *daemon) run(ctx context.Context, w *world) error {
	d.started = time.Now()
	reload, stop := d.flags.host.reloads()
	defer stop()
	defer d.flags.host.watch(d.alive)()
	defer context.AfterFunc(ctx, d.flags.host.stopping)()
	listener, err := d.listen(ctx, w)
	if err != nil {
		return err
	}
	defer func() { _ = listener.close() }()
	for w != nil {
		next, err := d.serve(ctx, w, reload)
		if err != nil {
			return err
		}
		w = next
	}
	d.log.Info("stopped; everything that was read is committed")
	return nil
}

// serve serves one world, and returns the next one, or nil when ctx has ended.
func (d *daemon) serve(ctx context.Context, w *world, reload <-chan struct{}) (next *world, err error) {
	store, err := sqlite.Open(ctx, w.config.Data, w.options())
	if err != nil {
		return nil, err
	}
	defer func() {
		d.store.Store(nil)
		err = errors.Join(err, store.Close())
	}()
	if err := store.LockIngest(); err != nil {
		return nil, err
	}
	d.store.Store(store)
	inner, end := context.WithCancel(ctx)
	defer end()
	chosen := make(chan *world, 1)
	go func() {
		for {
			select {
			case <-reload:
				if better := d.reload(); better != nil {
					chosen <- better
					end()
					return
				}
			case <-inner.Done():
				close(chosen)
				return
			}
		}
	}()
	ledger := d.metrics.observe(store)
	p, err := ingest.OpenPipeline(inner, ledger, w.opt)
	if err != nil {
		return nil, err
	}
	opt := w.follow
	opt.Log = d.log
	opt.Report = func(p ingest.Progress) {
		d.state.Store(&p)
		d.metrics.progress(p)
		d.flags.host.status("%s", progressWords(p))
	}
	opt.Keep = keep(d.chores(store, w))
	d.log.Info("reading logs", "data", w.config.Data, "sources", len(w.config.Sources), "rules", w.set.Len(), "listen", w.config.Listen, "version", version())
	d.flags.host.ready()
	if err := p.Follow(inner, ledger, opt); err != nil {
		return nil, fmt.Errorf("serve was stopped: %w", err)
	}
	end()
	return <-chosen, nil
}

// reload makes a new world, or says why the old one stays.
func (d *daemon) reload() *world {
	d.flags.host.reloading()
	w, err := d.flags.world(d.args)
	d.metrics.reloaded(err == nil)
	if err != nil {
		d.log.Error("the configuration or the rules have a mistake; the old ones stay", "err", err)
		d.flags.host.ready()
		return nil
	}
	d.log.Info("the configuration and the rules were read again")
	return w
}

// A chore is done now and then.
type chore struct {
	every time.Duration
	do    func(ctx context.Context, now time.Time) error
	last  time.Time
}

// chores are what keeps a store in order while logs are read into it.
func (d *daemon) chores(store *sqlite.Store, w *world) []*chore {
	return []*chore{
		{every: 10 * time.Second, do: func(ctx context.Context, now time.Time) error { return store.Settle(ctx, now.Add(-settleAfter)) }},
		{every: 15 * time.Second, do: func(ctx context.Context, now time.Time) error {
			return store.Watch(ctx, now, w.config.Discover.SilentAfter)
		}},
		{every: time.Minute, do: func(ctx context.Context, now time.Time) error {
			return store.Resolve(ctx, now, w.config.Rules.ResolveAfter)
		}},
		{every: 30 * time.Second, do: store.ApplyExceptions},
		{every: time.Minute, do: func(ctx context.Context, now time.Time) error { return prune(ctx, store, now) }},
		{every: 30 * time.Second, do: func(ctx context.Context, _ time.Time) error { return d.metrics.findings(ctx, store) }},
	}
}

// prune drops what is too old, for a second at most: lines are waiting.
func prune(ctx context.Context, store *sqlite.Store, now time.Time) error {
	until := time.Now().Add(time.Second)
	for time.Now().Before(until) {
		if done, err := store.Prune(ctx, now); done || err != nil {
			return err
		}
	}
	return nil
}

// keep does the chores that are due.
func keep(chores []*chore) func(ctx context.Context, now time.Time) error {
	return func(ctx context.Context, now time.Time) error {
		var errs []error
		for _, c := range chores {
			if now.Sub(c.last) >= c.every {
				c.last = now
				errs = append(errs, c.do(ctx, now))
			}
		}
		return errors.Join(errs...)
	}
}
