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
	reload, stop := reloads()
	defer stop()
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
	}
	opt.Keep = func(ctx context.Context, now time.Time) error { return d.keep(ctx, store, w, now) }
	d.log.Info("reading logs", "data", w.config.Data, "sources", len(w.config.Sources), "rules", w.set.Len(), "listen", w.config.Listen, "version", version())
	if err := p.Follow(inner, ledger, opt); err != nil {
		return nil, fmt.Errorf("serve was stopped: %w", err)
	}
	end()
	return <-chosen, nil
}

// reload makes a new world, or says why the old one stays.
func (d *daemon) reload() *world {
	w, err := d.flags.world(d.args)
	d.metrics.reloaded(err == nil)
	if err != nil {
		d.log.Error("the configuration or the rules have a mistake; the old ones stay", "err", err)
		return nil
	}
	d.log.Info("the configuration and the rules were read again")
	return w
}

// keep does what is to be done now and then.
func (d *daemon) keep(ctx context.Context, store *sqlite.Store, w *world, now time.Time) error {
	return store.Settle(ctx, now.Add(-settleAfter))
}
