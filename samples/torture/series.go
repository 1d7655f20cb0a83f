package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A series is the log of one program on one server: one file after the other.
type series struct {
	server server
	place  place
	dir    string // of its files
	format format
	weight int // how busy it is

	hour    int // of the file that is written; -1 before the first
	current *logFile
	ending  []*logFile // of hours that are over; the last lines are still in memory
	quiet   bool       // no more lines in this hour
}

// A place is where a program puts its logs.
type place struct {
	folder  string
	name    string // of a file, before the hour
	dataset string
	format  func() format
	weight  int
	block   bool // flushed by blocks of 64 KiB, as HTTP.sys does; else whenever the program feels like it
}

// places are the programs of a front end.
func places() []place {
	var all []place
	busy := map[string]int{"Ews": 6, "Mapi": 6, "Eas": 3}
	for _, v := range vdirs() {
		all = append(all, place{"HttpProxy/" + v.folder, "HttpProxy_", "outmode.httpproxy", func() format { return &proxyLog{vdir: v} }, max(1, busy[v.folder]), false})
	}
	mail := func(folder, name, kind string) place {
		return place{folder, name, "outmode." + kind, func() format { return &mailLog{kind: kind} }, 2, false}
	}
	return append(all,
		place{"W3SVC1", "u_ex", "outmode.iis", func() format { return &iisLog{} }, 8, true},
		mail("Imap4", "IMAP4", "imap"), mail("Pop3", "POP3", "pop"), mail("SmtpReceive", "RECV", "smtp"))
}

// file is the name of the n-th file of an hour.
func (p *place) file(at time.Time, n int) string {
	switch {
	case !p.block:
		return fmt.Sprintf("%s%s-%d.LOG", p.name, at.Format("2006010215"), n)
	case n == 1:
		return p.name + at.Format("06010215") + ".log"
	}
	return fmt.Sprintf("%s%s_%d.log", p.name, at.Format("06010215"), n)
}

func newSeries(root string, s server, p place) *series {
	return &series{server: s, place: p, dir: filepath.Join(root, s.name, filepath.FromSlash(p.folder)), format: p.format(), weight: p.weight, hour: -1}
}

// A logFile is a file and what the program has not handed to the system yet.
type logFile struct {
	file    *os.File
	pending []byte
	tally   *fileTally
}

// create makes the file of an hour. A file that is there already is another run's, and is left alone.
func (s *series) create(t *tally, at time.Time) error {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	for n := 1; ; n++ {
		path := filepath.Join(s.dir, s.place.file(at, n))
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o644)
		switch {
		case errors.Is(err, fs.ErrExist):
			continue
		case err != nil:
			return err
		}
		s.current = &logFile{file: f, tally: t.open(filepath.ToSlash(path), s.place.dataset)}
		return nil
	}
}

// put writes lines into memory and into the account. Header text has its line ends.
func (f *logFile) put(t *tally, text string, what told) {
	f.pending = append(append(f.pending, text...), "\r\n"...)
	t.line(f.tally, what, len(text)+2)
}

func (f *logFile) header(t *tally, text string) {
	for line := range strings.Lines(text) {
		f.put(t, strings.TrimSuffix(line, "\r\n"), told{verdict: directive})
	}
}

// flush hands the first n bytes to the system, in one write, wherever that cuts.
func (f *logFile) flush(n int) error {
	if n == 0 {
		return nil
	}
	written, err := f.file.Write(f.pending[:n])
	f.pending = append(f.pending[:0], f.pending[written:]...)
	return err
}

// end hands over what is left and closes the file.
func (f *logFile) end() error {
	return errors.Join(f.flush(len(f.pending)), f.file.Close())
}

// blockSize is how much HTTP.sys collects before it writes.
const blockSize = 64 << 10

// settle decides what of the memory is flushed after a line.
func (s *series) settle(sc *scene) error {
	f := s.current
	for len(f.pending) >= blockSize {
		if err := f.flush(blockSize); err != nil {
			return err
		}
	}
	odds := 15.0
	if s.place.block {
		odds = 0.3
	}
	if len(f.pending) == 0 || !sc.chance(odds) {
		return nil
	}
	if sc.chance(50) {
		return f.flush(len(f.pending))
	}
	return f.flush(1 + sc.rng.IntN(len(f.pending)))
}

// roll opens the file of an hour. The last lines of the hour before may reach the disk after the first of the new one.
func (s *series) roll(t *tally, sc *scene, hour int) error {
	if s.current != nil {
		s.hangUp(t, sc)
		s.ending = append(s.ending, s.current)
	}
	s.hour, s.quiet = hour, false
	if err := s.create(t, sc.at); err != nil {
		return err
	}
	s.current.header(t, s.format.header(sc, true))
	switch n := len(s.current.pending); sc.rng.IntN(4) {
	case 0:
		return s.current.flush(n)
	case 1:
		return s.current.flush(1 + sc.rng.IntN(n)) // half a header: nobody can tell yet what the file is
	}
	return nil
}

// hangUp writes the last lines of all sessions.
func (s *series) hangUp(t *tally, sc *scene) {
	for s.format.open() {
		text, what := s.format.closing(sc)
		s.current.put(t, text, what)
	}
}

// write writes one line into memory, sometimes with a header before it: the program was started again.
func (s *series) write(t *tally, sc *scene) {
	if sc.chance(0.7) {
		s.hangUp(t, sc)
		s.current.header(t, s.format.header(sc, false))
	}
	text, what := s.format.line(sc)
	s.current.put(t, text, what)
}

// add writes one line and flushes when the program would.
func (s *series) add(t *tally, sc *scene) error {
	if len(s.ending) > 0 && sc.chance(20) {
		if err := s.endings(); err != nil {
			return err
		}
	}
	s.write(t, sc)
	return s.settle(sc)
}

// endings closes the files of past hours.
func (s *series) endings() error {
	var err error
	for _, f := range s.ending {
		err = errors.Join(err, f.end())
	}
	s.ending = nil
	return err
}

// finish ends all sessions and closes everything: from then on the files do not change.
func (s *series) finish(t *tally, sc *scene) error {
	if s.current == nil {
		return nil
	}
	s.hangUp(t, sc)
	s.ending, s.current = append(s.ending, s.current), nil
	return s.endings()
}
