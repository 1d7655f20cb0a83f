package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// hold takes the lock of writers from outside until the test lets it go.
func hold(t *testing.T, file string) (letGo func()) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
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

// soonStopped runs something that waits, and expects that it ends with its context and not with the patience of SQLite.
func soonStopped(t *testing.T, what string, do func(ctx context.Context) error) {
	t.Helper()
	ctx, end := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer end()
	done := make(chan error, 1)
	go func() { done <- do(ctx) }()
	select {
	case err := <-done:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", what, err)
		}
	case <-time.After(5 * time.Second):
		t.Fatalf("%s does not notice that it was told to stop", what)
	}
}

// Whoever waits for a lock that another process has is stopped by the context, wherever it waits.
func TestStopWhileAnotherProcessWrites(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	file := filepath.Join(k.Dir(), fileName)
	letGo := hold(t, file)
	ran := false
	soonStopped(t, "a transaction", func(ctx context.Context) error {
		return k.update(ctx, func(context.Context, *sql.Tx) error { ran = true; return nil })
	})
	letGo()
	if err := k.update(t.Context(), func(context.Context, *sql.Tx) error { return nil }); err != nil || ran {
		t.Errorf("the connection is of no use afterwards: %v, %v", err, ran)
	}

	empty := filepath.Join(t.TempDir(), fileName) // that somebody else is making
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	letGo = hold(t, empty)
	open := func(ctx context.Context) error {
		s, err := Open(ctx, filepath.Dir(empty), Options{Create: true})
		if err == nil {
			err = s.Close()
		}
		return err
	}
	soonStopped(t, "making the file", open)
	letGo()
	if err := format(t.Context(), empty); err != nil {
		t.Fatal(err)
	}
	letGo = hold(t, empty)
	soonStopped(t, "making the tables", open)
	letGo()
	if err := open(t.Context()); err != nil {
		t.Error(err)
	}
}

// What has begun is carried through: a stop in the middle of a transaction leaves nobody in doubt.
func TestStopInATransaction(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	ctx, end := context.WithCancel(t.Context())
	err := k.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		end()
		_, err := tx.ExecContext(ctx, "INSERT INTO meta (name, value) VALUES ('x', 'y')")
		return err
	})
	if err != nil || k.text("SELECT value FROM meta WHERE name = 'x'") != "y" {
		t.Errorf("%v", err)
	}
}
