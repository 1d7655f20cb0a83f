package main

import (
	"context"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"time"
)

// A moment is when a daemon is killed. wait returns when the moment has come, or done is closed.
type moment struct {
	name string
	wait func(ctx context.Context, t *torture, d *daemon)
}

// The names of moments, in the order of the table.
func momentNames() []string {
	return []string{"at birth", "soon", "late", "at a commit", "after progress", "caught up", "while stopping"}
}

// draw picks a moment. The first of all kills fall into the making of the store, which happens only once.
func draw(rng *rand.Rand, early bool) moment {
	n := rng.IntN(100)
	if early {
		n = rng.IntN(40)
	}
	switch {
	case n < 25:
		return after("at birth", time.Duration(rng.IntN(60))*time.Millisecond)
	case n < 40:
		return after("soon", time.Duration(60+rng.IntN(440))*time.Millisecond)
	case n < 45:
		return after("late", time.Duration(500+rng.IntN(2500))*time.Millisecond)
	case n < 75:
		return atCommit(1+rng.IntN(12), time.Duration(rng.IntN(4000))*time.Microsecond)
	case n < 85:
		return onceRead("after progress", 1, time.Duration(rng.IntN(200))*time.Millisecond)
	case n < 90:
		return onceRead("caught up", 1<<62, time.Duration(rng.IntN(200))*time.Millisecond)
	}
	return whileStopping(time.Duration(50+rng.IntN(800))*time.Millisecond, time.Duration(rng.IntN(40))*time.Millisecond)
}

func after(name string, d time.Duration) moment {
	return moment{name, func(ctx context.Context, _ *torture, life *daemon) { pause(ctx, d, life.ended) }}
}

// pause waits, but not for longer than ctx and the daemon live.
func pause(ctx context.Context, d time.Duration, ended <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-ended:
	case <-timer.C:
	}
}

// until asks again and again whether the moment has come, for a while.
func until(ctx context.Context, every, most time.Duration, ended <-chan struct{}, come func() bool) {
	for end := time.Now().Add(most); time.Now().Before(end) && ctx.Err() == nil && !come(); {
		select {
		case <-ended:
			return
		default:
		}
		pause(ctx, every, ended)
	}
}

// atCommit waits until the store's files have changed so often: a write is under way or was just done.
func atCommit(changes int, more time.Duration) moment {
	return moment{"at a commit", func(ctx context.Context, t *torture, d *daemon) {
		last := mark(t.program.data)
		until(ctx, time.Millisecond/2, t.waits, d.ended, func() bool {
			if now := mark(t.program.data); now != last {
				last = now
				changes--
			}
			return changes <= 0
		})
		pause(ctx, more, d.ended)
	}}
}

// A storeMark is different after the files of a store were written.
type storeMark struct {
	files, size, newest int64
}

func mark(dir string) storeMark {
	var m storeMark
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // it is being made, or a file was just removed
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			m.files++
			m.size += info.Size()
			m.newest = max(m.newest, info.ModTime().UnixNano())
		}
		return nil
	})
	return m
}

// onceRead waits until the ledger says that so many more bytes were read, or as many as are there.
func onceRead(name string, bytes int64, more time.Duration) moment {
	return moment{name, func(ctx context.Context, t *torture, d *daemon) {
		there := t.written()
		first, _ := t.read(ctx)
		until(ctx, 50*time.Millisecond, t.waits, d.ended, func() bool {
			now, ok := t.read(ctx)
			return ok && (now-first >= bytes || now >= there)
		})
		pause(ctx, more, d.ended)
	}}
}

// whileStopping kills a daemon that was told to stop and is about to.
func whileStopping(first, then time.Duration) moment {
	return moment{"while stopping", func(ctx context.Context, _ *torture, d *daemon) {
		pause(ctx, first, d.ended)
		d.terminate()
		pause(ctx, then, d.ended)
	}}
}
