package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// A liveWriter appends to a number of files with the present time in the lines, for demonstrations and for measuring
// how late the daemon is. Whole lines reach the file at every tick.
type liveWriter struct {
	tally  *tally
	series []*series
	scene  scene
	next   int // the series that has its turn
}

// newLive spreads the programs over as many servers as the number of files asks for.
func newLive(root string, seed uint64, files int) *liveWriter {
	w := &liveWriter{tally: newTally(), scene: scene{cast: newCast(), rng: rand.New(rand.NewPCG(seed, 1))}}
	all := places()
	for i := range files {
		w.series = append(w.series, newSeries(root, newServer(i/len(all)), all[i%len(all)]))
	}
	return w
}

// write appends n lines, one file after the other.
func (w *liveWriter) write(n int, now time.Time) error {
	hour := int(now.Unix() / 3600)
	w.scene.at = now.UTC()
	for range n {
		s := w.series[w.next]
		w.next = (w.next + 1) % len(w.series)
		w.scene.server = s.server
		if s.hour != hour {
			if err := s.roll(w.tally, &w.scene, hour); err != nil {
				return err
			}
			if err := s.endings(); err != nil {
				return err
			}
		}
		s.write(w.tally, &w.scene)
	}
	for _, s := range w.series {
		if s.current == nil {
			continue
		}
		if err := s.current.flush(len(s.current.pending)); err != nil {
			return err
		}
	}
	return nil
}

func (w *liveWriter) finish() error {
	for _, s := range w.series {
		w.scene.server = s.server
		if err := s.finish(w.tally, &w.scene); err != nil {
			return err
		}
	}
	return nil
}

// A total is what -write-only prints in the end.
type total struct {
	Files   int     `json:"files"`
	Lines   lines   `json:"lines"`
	SignIns int64   `json:"signins_that_count"` // those of them that no other log tells
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
}

// writeOnly appends for a while and prints what it wrote. An interrupt ends it early, with the same care.
func writeOnly(ctx context.Context, out io.Writer, o *options) error {
	w := newLive(o.writeOnly, o.seed, o.files)
	ctx, cancel := context.WithTimeout(ctx, o.span)
	defer cancel()
	start := time.Now()
	err := paced(ctx, o.rate, func(n int) error { return w.write(n, time.Now()) })
	if err == nil {
		err = w.finish()
	}
	if err != nil {
		return fmt.Errorf("writing below %s: %w", o.writeOnly, err)
	}
	t := total{Files: len(w.tally.files), Lines: w.tally.lines(), Bytes: w.tally.size(), Seconds: time.Since(start).Seconds()}
	for _, n := range w.tally.strong {
		t.SignIns += n
	}
	return json.NewEncoder(out).Encode(t)
}
