package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/outmode/outmode/ingest"
)

// A host is what started the program, where that is no shell: systemd, or the service control manager of Windows. The
// nil host is a shell, which wants to be told nothing. It belongs to serve; no other command asks it anything.
type host struct {
	notify  *notifier       // systemd; nil for none
	wishes  <-chan struct{} // to reload; nil: they come as a signal
	serving func()          // is called once logs are read; nil for nothing
	events  slog.Handler    // the log of the system, for warnings; nil for none
	spill   *spill          // what stands for standard error where there is none
}

// reloads returns where the wish to reload comes from.
func (h *host) reloads() (wishes <-chan struct{}, stop func()) {
	if h != nil && h.wishes != nil {
		return h.wishes, func() {}
	}
	return reloads()
}

// ready says that logs are read from now on; after a reload, too, and after one that failed.
func (h *host) ready() {
	if h == nil {
		return
	}
	h.notify.send("READY=1")
	if h.serving != nil {
		h.serving()
	}
}

// reloading says that the configuration is read again; ready must follow.
func (h *host) reloading() {
	if h != nil {
		h.notify.reloading()
	}
}

// stopping says that the end has begun.
func (h *host) stopping() {
	if h != nil {
		h.notify.send("STOPPING=1")
	}
}

// status says in words how far it is; "systemctl status" shows it.
func (h *host) status(format string, args ...any) {
	if h != nil {
		h.notify.status(fmt.Sprintf(format, args...))
	}
}

// watch tells the host that this process is alive, as often as it wants to know, until stop is called.
func (h *host) watch(alive func() bool) (stop func()) {
	if h == nil || h.notify == nil || h.notify.every == 0 {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(h.notify.every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if alive() {
					h.notify.send("WATCHDOG=1")
				}
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// late says for how long the folders were not looked at, and whether that is too long.
func (d *daemon) late() (since time.Duration, is bool) {
	p := d.state.Load()
	last := p.Looked
	if last.IsZero() {
		last = d.started
	}
	since = time.Since(last)
	return since, since > 15*stale && p.Refused == ""
}

// alive is what the watchdog of the host goes by: that of /healthz.
func (d *daemon) alive() bool {
	_, late := d.late()
	return !late
}

// progressWords says how far reading is, in steps that are large enough not to be said all the time.
func progressWords(p ingest.Progress) string {
	switch {
	case p.Refused != "":
		return "the store takes nothing at the moment: " + p.Refused
	case !p.Caught:
		return fmt.Sprintf("reading what was there: %s MiB of %s are left", number(p.Behind>>20), plural(p.Known, "log"))
	}
	return fmt.Sprintf("caught up: %s, %s of them followed", plural(p.Known, "log"), number(p.Live))
}

// logFile is the log of a service that has no standard error, in the directory of the store.
const logFile = "outmode.log"

// logger returns where serve tells of itself: standard error or, without one, a file beside the store and the log of
// the system.
func (h *host) logger(stderr io.Writer, c *config) (log *slog.Logger, done func() error, err error) {
	if h == nil || h.events == nil {
		return newLogger(stderr, c.Log), func() error { return nil }, nil
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, nil, fmt.Errorf("making the store's directory: %w", err)
	}
	file, err := openRotating(filepath.Join(c.Data, logFile))
	if err != nil {
		return nil, nil, err
	}
	h.spill.into(file)
	done = func() error {
		h.spill.into(nil)
		return file.Close()
	}
	return slog.New(slog.NewMultiHandler(newLogger(file, c.Log).Handler(), h.events)), done, nil
}

// A spill stands for standard error where there is none. It keeps the last of what was written, for the log of the
// system, and passes it on to a file as soon as there is one.
type spill struct {
	mu   sync.Mutex
	last []byte
	file io.Writer // nil: not yet, or not any more
}

// spillSize is how much is kept: an event of Windows holds less than 32,767 characters.
const spillSize = 16 << 10

func (s *spill) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = append(s.last, p...)
	if extra := len(s.last) - spillSize; extra > 0 {
		s.last = append(s.last[:0], s.last[extra:]...)
	}
	if s.file != nil {
		_, _ = s.file.Write(p) // whoever wrote this can do nothing about it
	}
	return len(p), nil
}

func (s *spill) into(w io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.file = w
}

// text is the last of what was written.
func (s *spill) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.last)
}
