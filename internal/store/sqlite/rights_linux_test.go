package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// asNobody runs the test again as an account to which rights matter, in a folder of its own, and reports whether this
// is that run.
func asNobody(t *testing.T) (dir string, is bool) {
	t.Helper()
	const env = "OUTMODE_TEST_NOBODY"
	if dir = os.Getenv(env); dir != "" {
		return dir, true
	}
	if os.Getuid() != 0 {
		return t.TempDir(), true
	}
	const nobody = 65534
	dir, err := os.MkdirTemp("", "outmode") // not t.TempDir, which is for its owner alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	// By its descriptor: the directory in which it was built is for its owner alone.
	cmd := exec.CommandContext(t.Context(), "/proc/self/fd/3", "-test.run=^"+t.Name()+"$", "-test.count=1")
	cmd.ExtraFiles, cmd.Dir, cmd.Env = []*os.File{self}, "/", append(os.Environ(), env+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
	return dir, false
}

func chmod(t *testing.T, mode os.FileMode, paths ...string) {
	t.Helper()
	for _, p := range paths {
		if err := os.Chmod(p, mode); err != nil {
			t.Fatal(err)
		}
	}
}

// A store that could not be written can be as soon as it may, though SQLite made its two files with the rights of then.
func TestWritesWhenTheRightComesBack(t *testing.T) {
	t.Parallel()
	base, is := asNobody(t)
	if !is {
		return
	}
	ctx := context.Background()
	dir := filepath.Join(base, "store")
	s, err := Open(ctx, dir, Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, fileName)
	chmod(t, 0o400, file)
	if s, err = Open(ctx, dir, Options{}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	write := func() error {
		return s.change(ctx, "writing a word", func(ctx context.Context, w *writer) error {
			return w.exec(ctx, "INSERT INTO meta (name, value) VALUES ('x', 'y') ON CONFLICT DO NOTHING")
		})
	}
	for range 2 {
		err := write()
		if !hasTrouble(err, NotWritable) || !strings.HasPrefix(err.Error(), "writing a word: "+file+" cannot be written: ") || strings.Contains(err.Error(), "INSERT") || !strings.Contains(err.Error(), "outmode.db-shm") {
			t.Fatalf("a file that is read-only: %v", err)
		}
	}
	if err := s.Writable(ctx); !hasTrouble(err, NotWritable) {
		t.Errorf("asked whether it can be written: %v", err)
	}
	if fi, err := os.Stat(file + "-shm"); err != nil || fi.Mode().Perm() != 0o400 {
		t.Errorf("the test is about a -shm that is read-only: %v, %v", fi, err)
	}
	chmod(t, 0o600, file)
	if err := write(); err != nil {
		t.Errorf("when it may be written: %v", err)
	}
	if err := s.Writable(ctx); err != nil {
		t.Errorf("asked whether it can be written: %v", err)
	}
	var got string
	if err := s.read.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = 'x'").Scan(&got); err != nil || got != "y" {
		t.Errorf("who reads finds %q, %v", got, err)
	}
}

// Who may only read can, whoever writes or was killed meanwhile, and leaves nothing behind.
func TestReadsWithoutTheRightToWrite(t *testing.T) {
	t.Parallel()
	base, is := asNobody(t)
	if !is {
		return
	}
	ctx := context.Background()
	dir := filepath.Join(base, "store")
	file := filepath.Join(dir, fileName)
	s, err := Open(ctx, dir, Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	put := func(value string) {
		t.Helper()
		err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO meta (name, value) VALUES ('x', ?1) ON CONFLICT DO UPDATE SET value = ?1", value)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	reads := func(when, want string) *Store {
		t.Helper()
		r, err := Open(ctx, dir, Options{Reading: true})
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		var got string
		if err := r.read.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = 'x'").Scan(&got); err != nil || got != want {
			t.Errorf("%s: read %q, %v, want %q", when, got, err, want)
		}
		if err := r.update(ctx, func(context.Context, *sql.Tx) error { return nil }); !hasTrouble(err, NotWritable) {
			t.Errorf("%s: writing: %v", when, err)
		}
		return r
	}
	put("open")
	chmod(t, 0o555, dir)
	chmod(t, 0o444, file, file+"-wal", file+"-shm")
	_ = reads("while it is open", "open").Close()
	// Killed: what it left is copied as it stands.
	chmod(t, 0o755, dir)
	left := filepath.Join(base, "killed")
	if err := os.CopyFS(left, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	chmod(t, 0o644, file, file+"-wal", file+"-shm")
	put("closed")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string][2]os.FileMode{"the folder": {0o555, 0o644}, "the file": {0o755, 0o444}, "both": {0o555, 0o444}} {
		chmod(t, mode[0], dir)
		chmod(t, mode[1], file)
		r := reads("where "+name+" is read-only", "closed")
		if err := r.Undisturbed(); err != nil {
			t.Error(err)
		}
		_ = r.Close()
		if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
			t.Errorf("reading left %v, %v", left, err)
		}
	}
	chmod(t, 0o755, dir)
	chmod(t, 0o444, file)
	r := reads("before somebody writes", "closed")
	chmod(t, 0o644, file)
	if s, err = Open(ctx, dir, Options{}); err != nil {
		t.Fatal(err)
	}
	put("later")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.Undisturbed(); !errors.Is(err, ErrChanged) {
		t.Errorf("it was written meanwhile: %v", err)
	}
	_ = r.Close()

	dir, file = left, filepath.Join(left, fileName)
	chmod(t, 0o444, file, file+"-wal", file+"-shm")
	chmod(t, 0o555, dir)
	_ = reads("after it was killed", "open").Close()
	chmod(t, 0o755, dir)
	if err := os.Remove(file + "-shm"); err != nil {
		t.Fatal(err)
	}
	chmod(t, 0o555, dir)
	if _, err := Open(ctx, dir, Options{Reading: true}); !hasTrouble(err, NotOpened) || !strings.Contains(err.Error(), file) {
		t.Errorf("with transactions that cannot be read: %v", err)
	}
	chmod(t, 0, dir)
	for _, reading := range []bool{true, false} {
		if _, err := Open(ctx, dir, Options{Reading: reading}); !hasTrouble(err, NotOpened) || strings.Count(err.Error(), file) != 1 {
			t.Errorf("in a folder that cannot be entered: %v", err)
		}
	}
	chmod(t, 0o755, dir) // so that it can be removed
}

// An empty file is no store yet, or none any more: that is said, and it is left alone.
func TestEmptyFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, fileName)
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, reading := range []bool{true, false} {
		if _, err := Open(t.Context(), dir, Options{Reading: reading}); !errors.Is(err, ErrNoStore) || !strings.Contains(err.Error(), "outmode.db is empty") {
			t.Errorf("opening it: %v", err)
		}
	}
	if fi, err := os.Stat(file); err != nil || fi.Size() != 0 {
		t.Errorf("it was changed: %v, %v", fi, err)
	}
	if err := os.WriteFile(file, []byte(strings.Repeat("this is no store\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, Options{Reading: true}); !hasTrouble(err, Damaged) || !strings.Contains(err.Error(), file+" is damaged, or no store: ") {
		t.Errorf("opening another file: %v", err)
	}
}
