//go:build linux

package ingest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
)

// A failingLedger fails one of its commits.
type failingLedger struct {
	ingest.Reviewer
	at      int64 // the commit that fails, from 1
	times   int64 // so often in a row
	after   bool  // it is committed all the same
	commits atomic.Int64
	batches atomic.Bool // the one that failed held lines
}

func (l *failingLedger) Commit(ctx context.Context, c *ingest.Commit) error {
	n := l.commits.Add(1)
	if n < l.at || n >= l.at+l.times {
		return l.Reviewer.Commit(ctx, c)
	}
	l.batches.Store(len(c.Batches) > 0)
	if l.after {
		if err := l.Reviewer.Commit(ctx, c); err != nil {
			return err
		}
	}
	return errFlaky
}

// words are what a log says, and how often.
type words struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(p)
}

func (w *words) count(what string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Count(w.buf.String(), what)
}

const (
	saysRefused = "the store takes nothing at the moment"
	saysAgain   = "the store takes what is read again"
)

// wants checks that the users from 1 to n were counted, each once, and those alone.
func (s *site) wants(n int) {
	s.t.Helper()
	if got, want := s.users(), fmt.Sprintf("1-%d", n); got != want {
		s.t.Errorf("users %s, want %s", got, want)
	}
	s.sound()
}

// Whichever commit fails, nothing is lost and nothing counts twice. One that fails is tried again, and told once. One
// that was taken all the same ends the reader where it held lines: nobody can know, and the next reader goes on where
// the store stands.
func TestFollowOutlivesCommitsThatFail(t *testing.T) {
	t.Parallel()
	for at := int64(1); at <= 6; at++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("commit %d, taken %v", at, after), func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				said := &words{}
				s.log = slog.New(slog.NewTextHandler(said, nil))
				var l *failingLedger
				s.before = func(r ingest.Reviewer) ingest.Reviewer {
					l = &failingLedger{Reviewer: r, at: at, times: 2, after: after}
					if after {
						l.times = 1
					}
					return l
				}
				s.write("a.LOG", proxyHead+rowsOf(1, 3))
				s.follow()
				users := 3
				var ended error
				for ended == nil && l.commits.Load() < at+2 { // so that one is the k-th, and two come behind it
					was := l.commits.Load()
					users++
					s.append("a.LOG", row(users))
					eventually(t, func() string {
						select {
						case ended = <-s.ended:
							s.end = nil
							return ""
						default:
						}
						if l.commits.Load() == was {
							return "nothing is committed"
						}
						return ""
					})
				}
				if ended == nil && after && l.batches.Load() {
					ended, s.end = <-s.ended, nil
				}
				switch {
				case ended != nil && (!after || !l.batches.Load() || !errors.Is(ended, ingest.ErrStale)):
					t.Fatalf("it ended: %v", ended)
				case after && l.batches.Load() && ended == nil:
					t.Fatal("it went on, and cannot know what was committed")
				}
				if ended != nil {
					s.close()
					s.before = nil
					s.follow()
				}
				s.waitFor(int64(users))
				if err := s.unfollow(); err != nil {
					t.Error(err)
				}
				s.wants(users)
				if refused, again := said.count(saysRefused), said.count(saysAgain); refused != 1 || ended == nil && again != 1 {
					t.Errorf("it said %d times that it is refused, and %d times that it is not any more\n%s", refused, again, said.buf.String())
				}
			})
		}
	}
}

// What was read while the ledger refuses is not lost when the reader is told to end.
func TestStoppedWhileTheStoreRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var l *failingLedger
	s.before = func(r ingest.Reviewer) ingest.Reviewer {
		l = &failingLedger{Reviewer: r, at: 4, times: 1 << 40}
		return l
	}
	s.write("a.LOG", proxyHead+rowsOf(1, 3))
	s.write("b.LOG", proxyHead+rowsOf(4, 6))
	s.follow()
	s.append("a.LOG", row(7))
	eventually(t, func() string {
		s.append("b.LOG", "\r\n") // a blank line, so that there is always something to commit
		if p := s.progress.Load(); p == nil || p.Refused == "" {
			return "nothing is refused"
		}
		return ""
	})
	s.append("a.LOG", row(8))
	begin := time.Now()
	if err := s.unfollow(); !errors.Is(err, errFlaky) {
		t.Errorf("it ended with %v", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %v to end", took)
	}
	s.close()
	s.before = nil
	s.follow()
	s.waitFor(8)
	s.must(s.unfollow())
	s.wants(8)
}

// refuses runs a story in which the store cannot be written for a time: spoil makes it so, and mend ends it.
func (s *site) refuses(spoil, mend func()) {
	t := s.t
	said := &words{}
	s.log = slog.New(slog.NewTextHandler(said, nil))
	s.write("a.LOG", proxyHead+rowsOf(1, 3))
	s.follow()
	s.settle()
	spoil()
	users := 3
	eventually(t, func() string {
		users++
		s.append("a.LOG", row(users))
		if p := s.progress.Load(); p.Refused == "" {
			return "it is not refused"
		}
		return ""
	})
	for range 20 {
		users++
		s.append("a.LOG", row(users))
	}
	mend()
	s.waitFor(int64(users))
	eventually(t, func() string {
		if p := s.progress.Load(); p.Refused != "" {
			return "it still says that it is refused: " + p.Refused
		}
		return ""
	})
	s.must(s.unfollow())
	s.wants(users)
	if said.count(saysRefused) != 1 || said.count(saysAgain) != 1 {
		t.Errorf("it said\n%s", said.buf.String())
	}
}

func TestFollowWaitsForAFullDisk(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.data = t.TempDir()
	if err := syscall.Mount("tmpfs", s.data, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("a small disk cannot be made: %v", err)
	}
	t.Cleanup(func() {
		s.unfollow()
		s.close()
		if err := syscall.Unmount(s.data, 0); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(s.data, "ballast")
	s.refuses(func() {
		f, err := os.Create(ballast)
		s.must(err)
		defer f.Close()
		for size := 1 << 20; size > 0; { // the last page too
			if _, err := f.Write(make([]byte, size)); err != nil {
				size /= 2
			}
		}
	}, func() { s.must(os.Remove(ballast)) })
}

func TestFollowWaitsForAStoreThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.data = t.TempDir() // on a disk: not every file system in memory knows the attribute
	chattr := func(how string) error {
		out, err := exec.CommandContext(t.Context(), "chattr", how, filepath.Join(s.data, "outmode.db-wal"), filepath.Join(s.data, "outmode.db")).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		return err
	}
	t.Cleanup(func() { _ = chattr("-i") })
	s.open()
	if err := chattr("+i"); err != nil {
		t.Skipf("files cannot be made immutable: %v", err)
	}
	s.must(chattr("-i"))
	s.refuses(func() { s.must(chattr("+i")) }, func() { s.must(chattr("-i")) })
}
