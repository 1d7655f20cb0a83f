package sqlite

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Every connection of both pools has every setting.
func TestSettingsOfEveryConnection(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	k.Store.write.SetMaxOpenConns(3) // to see more than the one
	for name, pool := range map[string]struct {
		db        *sql.DB
		queryOnly string
	}{"write": {k.Store.write, "0"}, "read": {k.Store.read, "1"}} {
		var conns []*sql.Conn
		for range 3 {
			c, err := pool.db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			conns = append(conns, c)
		}
		for i, c := range conns {
			for pragma, want := range map[string]string{"busy_timeout": "10000", "journal_mode": "wal", "synchronous": "1", "foreign_keys": "1", "query_only": pool.queryOnly,
				"page_size": "8192", "temp_store": "2", "user_version": fmt.Sprint(len(migrations())), "application_id": fmt.Sprint(applicationID)} {
				var got string
				if err := c.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
					t.Errorf("connection %d of pool %s: %s is %s, want %s (%v)", i+1, name, pragma, got, want, err)
				}
			}
		}
		if _, err := conns[2].ExecContext(t.Context(), "INSERT INTO meta (name, value) VALUES ('x', 'y')"); (err == nil) == (name == "read") {
			t.Errorf("pool %s writes: %v", name, err)
		}
	}
}

// A store of a later version is refused, and not touched.
func TestNewerStore(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	k.exec(fmt.Sprintf("PRAGMA user_version = %d", len(migrations())+1))
	dir := k.Dir()
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, fileName)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), dir, Options{Create: true})
	var newer *NewerError
	if !errors.As(err, &newer) || newer.Schema != len(migrations())+1 || newer.Know != len(migrations()) || newer.Path != path {
		t.Errorf("opening it: %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("it was changed: %v", err)
	}
}

func TestNoStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := Open(t.Context(), dir, Options{}); !errors.Is(err, ErrNoStore) {
		t.Errorf("opening an empty directory: %v", err)
	}
	if _, err := Open(t.Context(), filepath.Join(dir, "none"), Options{}); !errors.Is(err, ErrNoStore) {
		t.Errorf("opening no directory: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("opening left %v (%v)", left, err)
	}
	if err := os.WriteFile(filepath.Join(dir, fileName), []byte(strings.Repeat("this is no store\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, Options{Create: true}); err == nil || !strings.Contains(err.Error(), fileName) {
		t.Errorf("opening another file: %v", err)
	}
}

// childOf names the store that a child process is to work on, and what it is to do.
const childOf = "OUTMODE_TEST_STORE"

// TestChild is what a child process of a test does; alone it does nothing.
func TestChild(t *testing.T) {
	task, dir, ok := strings.Cut(os.Getenv(childOf), " ")
	if !ok {
		t.Skip("only in a child process")
	}
	if task == "open" {
		fmt.Println("ready")
		_, _ = io.ReadAll(os.Stdin) // all begin at once
	}
	s, err := Open(t.Context(), dir, Options{Create: true})
	if err == nil && task == "lock" {
		err = s.LockIngest()
	}
	fmt.Println("said:", err)
	if task == "lock" {
		_, _ = io.ReadAll(os.Stdin) // until the parent goes, or kills it
	}
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		t.Error(err)
	}
}

// A child is a process of this very program that works on a store.
type child struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func newChild(t *testing.T, task, dir string) *child {
	t.Helper()
	c := &child{Cmd: exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$")}
	c.Env = append(os.Environ(), childOf+"="+task+" "+dir)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.in, c.out = in, bufio.NewReader(out)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// said waits for what the child says behind a word.
func (c *child) said(t *testing.T, word string) string {
	t.Helper()
	for {
		line, err := c.out.ReadString('\n')
		if err != nil {
			t.Fatalf("the child ended: %v", err)
		}
		if text, ok := strings.CutPrefix(line, word); ok {
			return strings.TrimSpace(text)
		}
	}
}

// One process commits to a store, and when it is killed another can.
func TestLockIngest(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	if err := k.LockIngest(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), k.Dir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := again.LockIngest(); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("a second time in one process: %v", err)
	}
	c := newChild(t, "lock", k.Dir())
	if said := c.said(t, "said:"); !strings.Contains(said, ErrLocked.Error()) {
		t.Errorf("a child says %q", said)
	}
	_ = c.in.Close()
	_ = c.Wait()
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	c = newChild(t, "lock", again.Dir())
	if said := c.said(t, "said:"); said != "<nil>" {
		t.Errorf("a child says %q, and nobody holds it", said)
	}
	if err := again.LockIngest(); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", c.Process.Pid)) {
		t.Errorf("while a child holds it: %v", err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if err := again.LockIngest(); err != nil {
		t.Errorf("after the child was killed: %v", err)
	}
}

// Whoever comes first makes the store, and the others find it.
func TestOpenAtOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	children := []*child{newChild(t, "open", dir), newChild(t, "open", dir)}
	for _, c := range children {
		c.said(t, "ready")
	}
	errs := make([]error, 4)
	var wg sync.WaitGroup
	for _, c := range children {
		_ = c.in.Close()
	}
	for i := range errs {
		wg.Go(func() {
			s, err := Open(context.Background(), dir, Options{Create: true})
			if err == nil {
				err = s.Close()
			}
			errs[i] = err
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	for _, c := range children {
		if said := c.said(t, "said:"); said != "<nil>" {
			t.Errorf("a child says %q", said)
		}
		_, _ = io.Copy(io.Discard, c.out)
		if err := c.Wait(); err != nil {
			t.Errorf("a child: %v", err)
		}
	}
	s, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c, err := s.Check(t.Context(), CheckOptions{})
	if err != nil || len(c.Problems) > 0 {
		t.Errorf("%v, %v", c, err)
	}
}
