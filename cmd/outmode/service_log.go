package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// rotateAt is how large a log file grows, and rotateKeep how many older ones stay beside it.
const (
	rotateAt   = 10 << 20
	rotateKeep = 4
)

// A rotating is a log file that begins anew when it is full. The older ones have a number behind their name, 1 is the
// latest. None of them ever holds more than twice rotateAt, whatever happens.
type rotating struct {
	path string
	at   int64
	keep int

	mu   sync.Mutex
	file *os.File
	size int64
	next int64 // the size at which the file is to begin anew
	lost int   // messages that had no room
}

func openRotating(path string) (*rotating, error) {
	r := &rotating{path: path, at: rotateAt, keep: rotateKeep}
	if err := r.open(); err != nil {
		return nil, fmt.Errorf("opening the log file: %w: the account of the service needs the right to write there", err)
	}
	return r, nil
}

func (r *rotating) open() error {
	f, err := os.OpenFile(r.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	r.file, r.size, r.next = f, info.Size(), r.at
	return nil
}

// Write appends one message.
func (r *rotating) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size > 0 && r.size+int64(len(p)) > r.next {
		r.rotate()
	}
	switch {
	case r.file == nil:
		if err := r.open(); err != nil {
			r.lost++
			return 0, err
		}
	case r.size+int64(len(p)) > 2*r.at && r.size > 0:
		r.lost++
		return len(p), nil
	}
	if r.lost > 0 {
		n, _ := fmt.Fprintf(r.file, "%s before this there was no room for\n", plural(r.lost, "message"))
		r.size, r.lost = r.size+int64(n), 0
	}
	n, err := r.file.Write(p)
	r.size += int64(n)
	return n, err
}

// rotate lets the file begin anew. On Windows it cannot while another program shows the file: then it goes on growing
// for a while, and it is tried again.
func (r *rotating) rotate() {
	if r.file != nil {
		_ = r.file.Close()
		r.file = nil
	}
	name := func(i int) string { return fmt.Sprintf("%s.%d", r.path, i) }
	for i := r.keep - 1; i > 0; i-- {
		_ = os.Rename(name(i), name(i+1)) // most often there is none
	}
	err := os.Rename(r.path, name(1))
	if r.open() == nil && err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.next = r.size + r.at/16
	}
}

// Close closes the file. What is written later opens it again.
func (r *rotating) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}

// The log of the system belongs to all services: it gets warnings and errors, and no more than eventsMost of them in
// eventsSpan.
const (
	eventsMost = 20
	eventsSpan = 10 * time.Minute
	eventSize  = 30000 // an event of Windows holds less than 32,767 characters
)

// An eventWriter makes an event of every write of a handler.
type eventWriter struct {
	report func(level slog.Level, text string) error
	now    func() time.Time

	mu    sync.Mutex
	since time.Time
	told  int
	left  int
}

// eventHandler returns a handler whose messages become events.
func eventHandler(report func(level slog.Level, text string) error, now func() time.Time) slog.Handler {
	return slog.NewTextHandler(&eventWriter{report: report, now: now}, &slog.HandlerOptions{
		Level: slog.LevelWarn,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{} // an event has its own
			}
			return a
		},
	})
}

func (e *eventWriter) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now := e.now(); now.Sub(e.since) >= eventsSpan || now.Before(e.since) {
		if e.left > 0 {
			_ = e.report(slog.LevelWarn, fmt.Sprintf("%s more did not become events; %s beside the store has them", plural(e.left, "message"), logFile))
		}
		e.since, e.told, e.left = now, 0, 0
	}
	if e.told >= eventsMost {
		e.left++
		return len(p), nil
	}
	e.told++
	level, text := slog.LevelError, string(p)
	if rest, is := strings.CutPrefix(text, "level=WARN "); is {
		level, text = slog.LevelWarn, rest
	} else if rest, is := strings.CutPrefix(text, "level=ERROR "); is {
		text = rest
	}
	return len(p), e.report(level, eventText(text))
}

// eventText is what an event can hold.
func eventText(s string) string {
	s = plain(strings.TrimSpace(s)) // Windows refuses a NUL
	if len(s) > eventSize {
		s = strings.ToValidUTF8(s[:eventSize], "") + "…"
	}
	return s
}
