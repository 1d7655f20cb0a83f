package ingest_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/store/sqlite"
)

// childEnv tells the test binary that it is a process of its own: one that runs as somebody else, or has other limits,
// or counts what it has open.
const childEnv = "OUTMODE_TEST_PIPELINE"

// TestPipelineChild is the other processes' main.
func TestPipelineChild(t *testing.T) {
	role, dir, ok := strings.Cut(os.Getenv(childEnv), ":")
	if !ok {
		t.Skip("for child processes")
	}
	s := &site{t: t, dir: filepath.Join(dir, "logs"), data: filepath.Join(dir, "data"), opt: options(), missing: map[string]bool{}, every: 20 * time.Millisecond}
	defer s.close()
	switch role {
	case "follow":
		s.log = slog.New(slog.NewTextHandler(os.Stdout, nil))
		s.follow()
		_, _ = os.Stdin.Read(make([]byte, 1)) // until the parent has seen enough
		s.must(s.unfollow())
	case "few files":
		fewFiles(s)
	case "leak":
		leak(s)
	}
}

// begin starts a child process as a user, and returns what ends it and returns what it said.
func begin(t *testing.T, role, dir string, user uint32) (end func() string) {
	t.Helper()
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Skipf("the test cannot start itself: %v", err)
	}
	defer self.Close()
	// By its descriptor: the directory in which it was built is for its owner alone.
	cmd := exec.CommandContext(t.Context(), "/proc/self/fd/3", "-test.run=^TestPipelineChild$", "-test.count=1")
	cmd.ExtraFiles = []*os.File{self}
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), childEnv+"="+role+":"+dir)
	if user != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("a process of its own cannot be started: %v", err)
	}
	return func() string {
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", role, err, out.String())
		}
		return out.String()
	}
}

// A folder or a file that must not be read for a time is told of once, and read on when it may be.
func TestFollowWaitsForPermission(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can run a process as somebody else")
	}
	const nobody = 65534
	base, err := os.MkdirTemp("", "outmode") // not t.TempDir, which is for its owner alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	s := &site{t: t, dir: filepath.Join(base, "logs"), data: filepath.Join(base, "data")}
	for _, err := range []error{os.Chmod(base, 0o755), os.MkdirAll(s.data, 0o755), os.Chown(s.data, nobody, nobody)} {
		s.must(err)
	}
	s.write("x/a.LOG", proxyHead+rowsOf(1, 3))
	s.write("y/b.LOG", proxyHead+rowsOf(4, 5))
	s.write("c.LOG", proxyHead+row(6))
	s.must(os.Chmod(s.dir, 0o755))
	// The store is read here while it is written there.
	s.store, err = sqlite.Open(t.Context(), s.data, sqlite.Options{Create: true})
	s.must(err)
	defer s.close()
	s.must(filepath.WalkDir(s.data, func(path string, _ os.DirEntry, err error) error { return os.Chown(path, nobody, nobody) }))
	end := begin(t, "follow", base, nobody)
	s.waitFor(6)
	s.must(os.Chmod(s.path("x"), 0o700))
	s.must(os.Chmod(s.path("y/b.LOG"), 0o600))
	s.append("x/a.LOG", row(7))
	s.append("y/b.LOG", row(8))
	for n := range 10 { // while the reader looks
		s.append("c.LOG", row(9+n))
		s.waitForLog("c.LOG")
	}
	s.must(os.Chmod(s.path("x"), 0o755))
	s.must(os.Chmod(s.path("y/b.LOG"), 0o644))
	s.append("x/a.LOG", row(19))
	s.waitFor(19)
	const want = "c.LOG read 11/12; x/a.LOG read 5/6; y/b.LOG read 3/4"
	eventually(t, func() string { // what could not be read is not shown any more
		if got := s.ledgerInWords(); got != want {
			return got
		}
		return ""
	})
	said := end()
	s.wants(19)
	for _, path := range []string{s.path("x"), s.path("y/b.LOG")} {
		if n := strings.Count(said, `cannot be read; it is tried again at every look" path=`+path+" "); n != 1 {
			t.Errorf("it said %d times that %s cannot be read\n%s", n, path, said)
		}
	}
}

// waitForLog waits until the last whole line of a log is committed.
func (s *site) waitForLog(name string) {
	s.t.Helper()
	eventually(s.t, func() string {
		known, err := s.store.Known(s.t.Context())
		s.must(err)
		for i := range known.Sources {
			if src := &known.Sources[i]; src.Path == s.path(name) && src.Offset == int64(len(s.read(name))) {
				return ""
			}
		}
		return name + " is not read"
	})
}

// With too few descriptors, what cannot be opened is read later, and nothing ends.
func TestFollowWaitsForDescriptors(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	base := filepath.Dir(s.dir)
	said := begin(t, "few files", base, 0)()
	for _, what := range []string{"cannot be read; it is tried again at every look", "cannot be followed"} {
		if n := strings.Count(said, what); n > 3 {
			t.Errorf("it said %d times that something %s\n%s", n, what, said)
		}
	}
}

func fewFiles(s *site) {
	const files = 100
	s.log = slog.New(slog.NewTextHandler(os.Stdout, nil))
	users := 0
	for i := range files {
		text := proxyHead + row(users+1)
		users++
		if i%10 == 0 {
			text = packed(text)
		}
		s.write(fmt.Sprintf("%03d.LOG", i), text)
	}
	s.open()
	// A look opens a few files at a time, and a log that is followed stays open.
	var was syscall.Rlimit
	s.must(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was))
	limit := func(n uint64) {
		s.must(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: was.Max}))
	}
	few := uint64(descriptors(s.t))
	limit(few + 24)
	s.follow()
	s.looksOn(10)
	limit(few) // and now not even one more
	s.looksOn(10)
	select {
	case err := <-s.ended:
		s.t.Fatalf("it ended: %v", err)
	default:
	}
	limit(was.Cur)
	for i := range files {
		if i%10 != 0 {
			users++
			s.append(fmt.Sprintf("%03d.LOG", i), row(users))
		}
	}
	s.settle()
	s.must(s.unfollow())
	s.wants(users)
}

// looksOn waits until Follow has looked so many times more.
func (s *site) looksOn(n int64) {
	s.t.Helper()
	from := s.looks.Load()
	eventually(s.t, func() string {
		if s.looks.Load() < from+n {
			return "it does not look"
		}
		return ""
	})
}

// Nothing is left of a pipeline that followed hundreds of logs, and it ends soon: while it is idle, while there is a
// backlog, and while its ledger is slow.
func TestFollowLeavesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	begin(t, "leak", filepath.Dir(s.dir), 0)()
}

// A slowLedger takes a while for each commit.
type slowLedger struct {
	ingest.Reviewer
	pause time.Duration
}

func (l *slowLedger) Commit(ctx context.Context, c *ingest.Commit) error {
	<-time.After(l.pause)
	return l.Reviewer.Commit(ctx, c)
}

func leak(s *site) {
	const files = 300
	t := s.t
	name := func(i int) string { return fmt.Sprintf("%d/%03d.LOG", i%7, i) }
	users := 0
	grow := func(text func() string) {
		for i := range files {
			s.append(name(i), text())
		}
	}
	line := func() string { users++; return row(users) }
	grow(func() string { return proxyHead + line() })
	var goroutines, fds int
	for round, story := range []struct {
		pause   time.Duration
		backlog bool
	}{{}, {}, {pause: 300 * time.Millisecond}, {backlog: true}} { // the first one leaves what the library keeps for ever
		s.before = func(r ingest.Reviewer) ingest.Reviewer { return &slowLedger{r, story.pause} }
		s.follow()
		s.settle()
		grow(line)
		if story.backlog {
			s.write("backlog.LOG", proxyHead)
			backlog := strings.TrimPrefix(big(200, 5000), proxyHead)
			for range 40 {
				s.append("backlog.LOG", backlog)
			}
			from := s.looks.Load()
			eventually(t, func() string {
				if s.looks.Load() == from {
					return "it does not look"
				}
				return ""
			})
		} else if story.pause == 0 {
			s.settle()
		}
		if n := watches(t); n < files {
			t.Errorf("round %d: %d watches", round, n)
		}
		begin := time.Now()
		s.must(s.unfollow())
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("round %d: it took %v to end", round, took)
		}
		s.close()
		if n := watches(t); n != 0 {
			t.Errorf("round %d: %d watches are left", round, n)
		}
		if round == 0 {
			eventually(t, func() string {
				if strings.Contains(stacks(), "ChangeEvents") {
					return "the library's goroutines are not gone"
				}
				return ""
			})
			goroutines, fds = runtime.NumGoroutine(), descriptors(t)
			continue
		}
		if n := descriptors(t); n != fds {
			t.Errorf("round %d: %d descriptors, and %d before", round, n, fds)
		}
		if left := inTime(patience/4, func() string {
			if n := runtime.NumGoroutine(); n > goroutines {
				return fmt.Sprintf("%d goroutines, and %d before", n, goroutines)
			}
			return ""
		}); left != "" {
			t.Errorf("round %d: %s\n%s", round, left, stacks())
		}
	}
	s.before = nil
	s.remove("backlog.LOG")
	s.follow()
	s.settle()
	s.must(s.unfollow())
	got := s.counted()
	for n := 2; n <= users; n++ {
		if got[n] != 1 {
			t.Errorf("line %d counts %d times", n, got[n])
		}
	}
}

func stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// watches counts what inotify watches for this process.
func watches(t *testing.T) int {
	t.Helper()
	infos, err := filepath.Glob("/proc/self/fdinfo/*")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, info := range infos {
		f, err := os.Open(info)
		if err != nil {
			continue // the descriptor of the listing itself
		}
		for s := bufio.NewScanner(f); s.Scan(); {
			if strings.HasPrefix(s.Text(), "inotify wd:") {
				n++
			}
		}
		f.Close()
	}
	return n
}
