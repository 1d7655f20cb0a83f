package main

import (
	"errors"
	"math/rand/v2"
	"time"
)

// A fleet is all programs that write logs, and their account. The same seed and the same number of lines write the same
// bytes: the clock of the play moves with the lines, an hour per file.
type fleet struct {
	tally  *tally
	series []*series
	scene  scene
	begin  time.Time
	hour   int
	length int // lines of this hour
	left   int // of them, to be written
	mean   int // lines of an hour, on average
}

// newFleet is two servers, the second with fewer programs. mean is how many lines an hour has.
func newFleet(root string, seed uint64, mean int) *fleet {
	f := &fleet{
		tally: newTally(),
		scene: scene{cast: newCast(), rng: rand.New(rand.NewPCG(seed, 0x6f75746d6f6465))},
		begin: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC),
		hour:  -1,
		mean:  mean,
	}
	for n := range 2 {
		for i, p := range places() {
			if n == 0 || i < 2 || p.block || p.folder == "Imap4" {
				f.series = append(f.series, newSeries(root, newServer(n), p))
			}
		}
	}
	return f
}

// write writes n lines.
func (f *fleet) write(n int) error {
	for range n {
		if f.left == 0 {
			if err := f.strike(); err != nil {
				return err
			}
		}
		f.left--
		s := f.pick()
		f.set(s)
		if s.hour != f.hour {
			if err := s.roll(f.tally, &f.scene, f.hour); err != nil {
				return err
			}
		}
		if err := s.add(f.tally, &f.scene); err != nil {
			return err
		}
	}
	return nil
}

// strike begins an hour. Some programs have nothing to say in it: their file keeps to its header.
func (f *fleet) strike() error {
	f.hour++
	f.length = f.mean/2 + f.scene.rng.IntN(f.mean)
	f.left = f.length
	for _, s := range f.series[1:] {
		if !f.scene.chance(8) {
			continue
		}
		f.set(s)
		if err := s.roll(f.tally, &f.scene, f.hour); err != nil {
			return err
		}
		s.quiet = true
	}
	return nil
}

// pick is the program that writes the next line: the busy ones more often.
func (f *fleet) pick() *series {
	sum := 0
	for _, s := range f.series {
		if !s.quiet || s.hour != f.hour {
			sum += s.weight
		}
	}
	at := f.scene.rng.IntN(sum)
	for _, s := range f.series {
		if s.quiet && s.hour == f.hour {
			continue
		}
		if at -= s.weight; at < 0 {
			return s
		}
	}
	return f.series[0]
}

// set puts the scene at a server and at the present moment of the play. Lines are not quite in the order of their times.
func (f *fleet) set(s *series) {
	done := time.Duration(f.length-f.left) * 59 * time.Minute / time.Duration(f.length)
	f.scene.server = s.server
	f.scene.at = f.begin.Add(time.Duration(f.hour)*time.Hour + done + time.Duration(f.scene.rng.IntN(60000))*time.Millisecond)
}

// finish writes everything that is still in memory and closes all files.
func (f *fleet) finish() error {
	var err error
	for _, s := range f.series {
		f.set(s)
		err = errors.Join(err, s.finish(f.tally, &f.scene))
	}
	return err
}
