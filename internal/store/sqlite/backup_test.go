package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// files are the names in a directory.
func files(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// A backup made while commits go on is a store that is sound.
func TestBackupWhileCommitsGoOn(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	tenDays(k)
	k.read()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			k.write("proxy.LOG", proxied(k.clock.Add(-time.Hour+time.Duration(n)*time.Second), `CONTOSO\anna`, "curl/8"))
			k.read()
		}
	}()
	dir := filepath.Join(t.TempDir(), "it's 100% #1")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a b.db", "outmode.db"} {
		path := filepath.Join(dir, name)
		size, err := k.Backup(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		fi, err := os.Stat(path)
		if err != nil || fi.Size() != size || size == 0 || runtime.GOOS != "windows" && fi.Mode().Perm() != 0o600 {
			t.Errorf("%v (%v), want 0600 and %d bytes", fi, err, size)
		}
	}
	close(stop)
	<-stopped
	if got := files(t, dir); got != "a b.db outmode.db" {
		t.Errorf("the folder holds %s", got)
	}
	s, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c, err := s.Check(t.Context(), CheckOptions{Logs: true})
	if err != nil || len(c.Problems) > 0 || c.Counts["lines"] < 90 {
		t.Errorf("%v, %v", err, c)
	}
}

// A backup writes over nothing, and one that fails leaves nothing.
func TestBackupThatFails(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	tenDays(k)
	k.read()
	dir := t.TempDir()
	there := filepath.Join(dir, "there.db")
	if err := os.WriteFile(there, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		file string
		says string
	}{
		"a file":      {context.Background(), there, "nothing is written over"},
		"a directory": {context.Background(), dir, "nothing is written over"},
		"no folder":   {context.Background(), filepath.Join(dir, "none", "x.db"), "make it first"},
		"stopped":     {ended, filepath.Join(dir, "x.db"), "context canceled"},
	} {
		if size, err := k.Backup(c.ctx, c.file); err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), c.file) || size != 0 {
			t.Errorf("%s: %d, %v", name, size, err)
		}
	}
	if _, err := k.Backup(context.Background(), there); !errors.Is(err, ErrExists) {
		t.Errorf("over a file: %v", err)
	}
	k.exec("PRAGMA application_id = 1")
	if _, err := k.Backup(context.Background(), filepath.Join(dir, "x.db")); err == nil || !strings.Contains(err.Error(), "program 0x1") {
		t.Errorf("of another program: %v", err)
	}
	if got := files(t, dir); got != "there.db" {
		t.Errorf("the folder holds %s", got)
	}
	if text, err := os.ReadFile(there); err != nil || string(text) != "mine" {
		t.Errorf("the file that was there holds %q (%v)", text, err)
	}
}

// Somebody may take the name while the copy is made.
func TestPublishNeverReplaces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	for _, name := range []string{a, b} {
		if err := os.WriteFile(name, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := publish(a, b); !errors.Is(err, ErrExists) {
		t.Errorf("publishing over a file: %v", err)
	}
	if text, err := os.ReadFile(b); err != nil || string(text) != b {
		t.Errorf("it holds %q (%v)", text, err)
	}
}
