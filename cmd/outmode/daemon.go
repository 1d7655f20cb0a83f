package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
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
	first   *config // what it was started with: some keys are not read again
	address string  // what it listens on, "" for nothing
	telling *telling
	untaken bool // the store did not take what was read last
}

// run serves until ctx ends. Every world is served until the next one is asked for and found good.
func (d *daemon) run(ctx context.Context, w *world) error {
	d.started = time.Now()
	d.telling = &telling{log: d.log, told: d.started.UnixMilli()}
	reload, stop := d.flags.host.reloads()
	defer stop()
	defer d.flags.host.watch(d.alive)()
	defer context.AfterFunc(ctx, d.flags.host.stopping)()
	d.first = &w.config
	store, err := openLocked(ctx, w) // before the port is taken: of a second daemon the store is what is wrong
	if err != nil {
		return d.stoppedEarly(ctx, err)
	}
	listener, err := d.listen(ctx, w)
	if err != nil {
		return errors.Join(d.stoppedEarly(ctx, err), store.Close())
	}
	defer func() { _ = listener.close() }()
	for {
		if w, err = d.serve(ctx, w, store, reload); err != nil {
			return err
		}
		if w == nil {
			break
		}
		if store, err = openLocked(ctx, w); err != nil && ctx.Err() != nil {
			break
		}
		if err != nil {
			return err
		}
	}
	if d.untaken {
		d.log.Info("stopped; what was not committed is read again by the next start")
	} else {
		d.log.Info("stopped; everything that was read is committed")
	}
	return nil
}

// stoppedEarly returns the error of a start, unless the operator ended it: that is what he wanted.
func (d *daemon) stoppedEarly(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	d.log.Info("stopped while it started; nothing was read", "err", err)
	return nil
}

// openLocked opens the store of a world for the only process that fills it.
func openLocked(ctx context.Context, w *world) (*sqlite.Store, error) {
	store, err := sqlite.Open(ctx, w.config.Data, w.options())
	if err != nil {
		return nil, err
	}
	if err := store.LockIngest(); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}

// serve serves one world, closes its store, and returns the next one, or nil when ctx has ended.
func (d *daemon) serve(ctx context.Context, w *world, store *sqlite.Store, reload <-chan struct{}) (next *world, err error) {
	defer func() {
		d.store.Store(nil)
		err = errors.Join(err, store.Close())
	}()
	d.store.Store(store)
	inner, end := context.WithCancel(ctx)
	defer end()
	chosen := make(chan *world, 1)
	go func() {
		for {
			select {
			case <-reload:
				if better := d.reload(w); better != nil {
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
	ledger := d.metrics.observe(store, &d.telling.lines)
	p, err := ingest.OpenPipeline(inner, ledger, w.opt)
	if err != nil && inner.Err() != nil { // a reload, or the end, before anything was read
		return <-chosen, nil
	}
	if err != nil {
		return nil, err
	}
	opt := w.follow
	opt.Log = d.log
	d.telling.caught = false // of this world
	opt.Report = func(p ingest.Progress) {
		d.state.Store(&p)
		d.metrics.progress(p)
		d.telling.progress(p)
		d.flags.host.status("%s", progressWords(p))
	}
	joins := newJoiner(inner, store, w, d.log)
	defer func() { // it reads the store
		end() // else a failure would wait for all that is being joined
		joins.wait()
	}()
	opt.Keep = keep(append(d.chores(store, w), &chore{every: joinEvery / 2, do: joins.look}))
	d.log.Info("reading logs", "data", w.config.Data, "sources", len(w.config.Sources), "rules", w.set.Len(), "listen", d.address, "version", version())
	d.flags.host.ready()
	err = p.Follow(inner, ledger, opt)
	if d.untaken = err != nil; d.untaken {
		if inner.Err() == nil || errors.Is(err, ingest.ErrStale) {
			return nil, fmt.Errorf("serve was stopped: %w", err)
		}
		d.log.Warn("the store did not take what was read last, and it was told to end: those lines are read again", "err", err)
	}
	end()
	return <-chosen, nil
}

// reload makes a new world, or says why the old one stays.
func (d *daemon) reload(old *world) *world {
	d.flags.host.reloading()
	w, err := d.flags.readWorld(d.args)
	var wrong *mistakes
	moved := err == nil && filepath.Clean(w.config.Data) != filepath.Clean(old.config.Data)
	d.metrics.reloaded(err == nil && !moved)
	switch {
	case errors.As(err, &wrong):
		d.log.Error("the configuration or the rules have mistakes; the old ones stay", "mistakes", len(wrong.all), "err", wrong.inALine())
	case err != nil:
		d.log.Error("the configuration or the rules have a mistake; the old ones stay", "err", err)
	case moved:
		d.log.Error("data cannot be changed by a reload; restart. The old configuration and rules stay", "data", old.config.Data, "configured", w.config.Data)
	default:
		d.log.Info("the configuration and the rules were read again")
		if keys := fixedKeys(d.first, &w.config); len(keys) > 0 {
			d.log.Warn("keys that a reload does not change were changed; restart for them", "keys", strings.Join(keys, " "))
		}
		return w
	}
	d.flags.host.ready()
	return nil
}

// fixedKeys are the keys in which two configurations differ and that hold until the process ends.
func fixedKeys(a, b *config) (keys []string) {
	for _, k := range []struct {
		name string
		same bool
	}{
		{"listen", a.Listen == b.Listen}, {"tls", a.TLS == b.TLS}, {"listen_auth", a.ListenAuth == b.ListenAuth}, {"log", a.Log == b.Log},
	} {
		if !k.same {
			keys = append(keys, k.name)
		}
	}
	return keys
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
		{every: time.Minute, do: func(ctx context.Context, _ time.Time) error { return d.telling.findings(ctx, store) }},
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
