package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// next of a serve that runs: the messages that tell of its life, in order; how far it is is left out.
func milestones(next func() string) func() string {
	return func() string {
		for {
			if state, _, _ := strings.Cut(next(), "\n"); !strings.HasPrefix(state, "STATUS=") {
				return state
			}
		}
	}
}

// Systemd is told when serve reads logs, of every reload, whether it was good or not, and of the end.
func TestServeTellsSystemd(t *testing.T) {
	t.Parallel()
	socket, next := systemd(t)
	next = milestones(next)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "logs", "a.LOG"), []byte(proxyHead+proxyLine(`CONTOSO\anna`, "agent")))
	config := write(t, filepath.Join(dir, "config.yaml"), []byte("data: store\nlisten: ''\nsources:\n  - path: logs\n"))
	wishes := make(chan struct{}, 1)
	h := &host{notify: dialNotify(environment(map[string]string{"NOTIFY_SOCKET": socket})), wishes: wishes}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	code := make(chan int, 1)
	go func() {
		code <- runFor(ctx, []string{"serve", "-c", config}, streams{strings.NewReader(""), io.Discard, io.Discard}, h)
	}()
	expect := func(want ...string) {
		t.Helper()
		for _, w := range want {
			if got := next(); got != w {
				t.Fatalf("sent %q, want %q", got, w)
			}
		}
	}
	expect("READY=1")
	wishes <- struct{}{}
	expect("RELOADING=1", "READY=1")
	write(t, config, []byte("dta: store\n"))
	wishes <- struct{}{}
	expect("RELOADING=1", "READY=1")
	cancel()
	expect("STOPPING=1")
	if got := <-code; got != exitDone {
		t.Errorf("exit %d", got)
	}
}

// As a service of Windows it has no standard error: what it says is in a file beside the store, what is wrong also in
// the log of the system, and what keeps it from starting is kept for there.
func TestServeWithoutStandardError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "logs", "a.LOG"), []byte(proxyHead+proxyLine(`CONTOSO\anna`, "agent")))
	config := write(t, filepath.Join(dir, "config.yaml"), []byte("data: store\nlisten: ''\nsources:\n  - path: logs\n  - path: gone\n"))
	var mu sync.Mutex
	var events bytes.Buffer
	serve := func(ctx context.Context, h *host) (int, *spill) {
		h.spill = &spill{}
		h.events = eventHandler(func(level slog.Level, text string) error {
			mu.Lock()
			defer mu.Unlock()
			_, err := events.WriteString(level.String() + " " + text + "\n")
			return err
		}, time.Now)
		return runFor(ctx, []string{"serve", "-c", config}, streams{strings.NewReader(""), h.spill, h.spill}, h), h.spill
	}
	ctx, cancel := context.WithCancel(t.Context())
	code, _ := serve(ctx, &host{wishes: make(chan struct{}), serving: cancel})
	text, err := os.ReadFile(filepath.Join(dir, "store", logFile))
	if code != exitDone || err != nil || !strings.Contains(string(text), "reading logs") || !strings.Contains(string(text), "stopped; everything") {
		t.Errorf("exit %d, %v, the file has\n%s", code, err, text)
	}
	write(t, config, []byte("dta: store\n"))
	code, said := serve(t.Context(), &host{wishes: make(chan struct{})})
	if code != exitError || !strings.Contains(said.text(), "config.yaml:1:1") || !strings.Contains(said.text(), "cannot be used") {
		t.Errorf("exit %d, said %q", code, said.text())
	}
	mu.Lock()
	defer mu.Unlock()
	if strings.Contains(events.String(), "reading logs") {
		t.Errorf("what is usual became an event: %s", events.String())
	}
}
