package main

import (
	"context"
	"database/sql"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// hold takes the lock of those who write to a store, as another process may for long, until letGo.
func hold(t *testing.T, data string) (letGo func()) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(data, "outmode.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := db.ExecContext(context.Background(), "ROLLBACK"); err != nil {
			t.Error(err)
		}
	}
}

// stopsSoon stops a daemon, and expects that it ends well within five seconds, whatever it waits for.
func (s *served) stopsSoon(t *testing.T, what string) {
	t.Helper()
	s.end()
	select {
	case code := <-s.done:
		if code != exitDone {
			t.Errorf("%s: exit %d: %s", what, code, s.log)
		}
	case <-time.After(5 * time.Second):
		t.Fatalf("%s: it does not stop: %s", what, s.log)
	}
}

// Another process that writes for long delays a stop by some seconds at most, and what was not committed comes later.
// It is not parallel: the reload of another test would change what is told.
func TestServeStopsWhileTheStoreIsHeld(t *testing.T) {
	dir := t.TempDir()
	logs, data := filepath.Join(dir, "logs"), filepath.Join(dir, "data")
	log := write(t, filepath.Join(logs, "a.LOG"), []byte(proxyHead+proxyLine(`CONTOSO\anna`, "agent")))
	d := serve(t, "--data", data, logs)
	ready := func() bool { code, _ := d.get(t, "/readyz"); return code == http.StatusOK }
	eventually(t, "it is ready", ready)
	letGo := hold(t, data)
	appendTo(t, log, proxyLine(`CONTOSO\ben`, "agent"))
	eventually(t, "the store takes nothing", func() bool { _, said := d.get(t, "/readyz"); return strings.Contains(said, "the store takes nothing") })
	d.stopsSoon(t, "with lines to commit")
	if said := d.log.String(); !strings.Contains(said, "the store did not take what was read last") || !strings.Contains(said, "is read again by the next start") || strings.Contains(said, "everything that was read is committed") {
		t.Errorf("it does not say what is left: %s", said)
	}

	// At its start: what it found waits to be registered.
	write(t, filepath.Join(logs, "b.LOG"), []byte(strings.Replace(proxyHead+proxyLine(`CONTOSO\carla`, "agent"), "08:15", "08:16", 1)))
	d = serve(t, "--data", data, logs)
	eventually(t, "it looks for logs", func() bool { return strings.Contains(d.log.String(), "reading logs") })
	d.stopsSoon(t, "at its first look")
	letGo()

	d = serve(t, "--data", data, logs)
	eventually(t, "it is ready", ready)
	d.stop(t)
	var r report
	decode(t, must(t, exitDone, "usage", "--data", data, "-o", "json"), &r)
	if r.SignIns.Counted != 3 {
		t.Errorf("%d sign-ins are counted, want 3", r.SignIns.Counted)
	}
	if out := must(t, exitDone, "store", "check", "--logs", "--data", data); !strings.Contains(out, "is sound") {
		t.Error(out)
	}
}

// A start that the operator ends was no failure, however far it was.
func TestServeStoppedWhileItOpensTheStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	write(t, filepath.Join(data, "outmode.db"), nil)
	log := write(t, filepath.Join(dir, "logs", "a.LOG"), []byte(proxyHead))
	defer hold(t, data)()
	ctx, end := context.WithTimeout(t.Context(), 300*time.Millisecond) // so that it waits for the store by then
	defer end()
	d := &served{log: &heard{}, end: end, done: make(chan int, 1)}
	go func() {
		d.done <- run(ctx, []string{"serve", "--listen", "", "--data", data, log}, streams{strings.NewReader(""), io.Discard, d.log})
	}()
	<-ctx.Done()
	d.stopsSoon(t, "while it opens the store")
	if !strings.Contains(d.log.String(), "stopped while it started") {
		t.Errorf("it says %s", d.log)
	}
	if fi, err := os.Stat(filepath.Join(data, "outmode.db")); err != nil || fi.Size() > 0 {
		t.Errorf("the store was written to: %v, %v", fi, err)
	}
}

// A store that takes nothing when a reload comes does not end the daemon.
func TestServeReloadsWhileTheStoreIsHeld(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	logs, data := filepath.Join(dir, "logs"), filepath.Join(dir, "data")
	log := write(t, filepath.Join(logs, "a.LOG"), []byte(proxyHead+proxyLine(`CONTOSO\anna`, "agent")))
	file := write(t, filepath.Join(dir, "outmode.yaml"), []byte("data: "+data+"\nsources:\n  - path: "+logs+"\n"))
	d := serve(t, "-c", file)
	eventually(t, "it is ready", func() bool { code, _ := d.get(t, "/readyz"); return code == http.StatusOK })
	letGo := hold(t, data)
	appendTo(t, log, proxyLine(`CONTOSO\ben`, "agent"))
	reloadSelf(t)
	eventually(t, "it reads with the new configuration", func() bool { return strings.Count(d.log.String(), "reading logs") == 2 })
	letGo()
	eventually(t, "the line is committed", func() bool {
		return strings.Contains(must(t, exitDone, "usage", "--data", data, "-o", "json"), `contoso\\ben`)
	})
	d.stop(t)
}
