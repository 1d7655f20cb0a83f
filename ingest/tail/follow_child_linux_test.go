package tail_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	hpcloud "github.com/hpcloud/tail"

	"github.com/outmode/outmode/ingest/tail"
)

// childEnv tells the test binary that it is a process of its own: one that may be ended by the library, or that counts
// what it has open.
const childEnv = "OUTMODE_TEST_FOLLOW"

// child runs what TestFollowChild does for role, and returns what it printed and its exit status.
func child(t *testing.T, role, path string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFollowChild$", "-test.count=1")
	cmd.Env = append(os.Environ(), childEnv+"="+role+":"+path)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// TestFollowChild is the other processes' main.
func TestFollowChild(t *testing.T) {
	role, path, ok := strings.Cut(os.Getenv(childEnv), ":")
	if !ok {
		t.Skip("for child processes")
	}
	name, poll := strings.CutSuffix(role, " poll")
	opt := tail.FollowOptions{Poll: poll}
	switch name {
	case "leak":
		leak(t, path, opt)
	case "library":
		f, err := hpcloud.TailFile(path, hpcloud.Config{Follow: true, MustExist: true, Poll: poll, Logger: hpcloud.DiscardingLogger})
		if err != nil {
			t.Fatal(err)
		}
		<-f.Lines
		replaceParent(t, path, func() {}, func() bool {
			select {
			case <-f.Lines:
			default:
			}
			return false
		})
	case "by path":
		opt = opt.ByPath()
		fallthrough
	case "follow":
		o := newOwner(t, path, opt)
		commit := func(n int64) {
			for o.at < n {
				o.commit(<-o.f.Pieces())
			}
			fmt.Printf("committed %d\n", o.at)
		}
		commit(6)
		replaceParent(t, path, func() {
			is(t, o.f.Check(o.now), tail.ErrGone, path)
		}, func() bool {
			select { // it goes on in the file that it has open
			case p := <-o.f.Pieces():
				o.commit(p)
				fmt.Printf("committed %d\n", o.at)
			default:
			}
			return name == "follow" && o.at >= 6+50
		})
	}
}

// replaceParent moves the directory of path to "moved" beside it and puts a file in its place: a path through it is
// then no path (ENOTDIR). It writes into the file until done, or the library has ended the process.
func replaceParent(t *testing.T, path string, replaced func(), done func() bool) {
	t.Helper()
	eventually(t, "waiting", func() bool { return strings.Contains(stacks(), "ChangeEvents.func") })
	dir := filepath.Dir(path)
	moved := filepath.Join(filepath.Dir(dir), "moved")
	rename(t, dir, moved)
	writeLog(t, dir, "")
	replaced()
	eventually(t, "ended", func() bool {
		if fi, err := os.Stat(filepath.Join(moved, filepath.Base(path))); err == nil && fi.Size() < 10_000 {
			add(t, filepath.Join(moved, filepath.Base(path)), "again\n")
		}
		return done()
	})
}

// The library ends the process if it cannot look at its path for another reason than that there is nothing. A Follower
// on Linux outlives that. Where it has to give the library the path, as on other systems, the process ends, and a
// new one that begins at the committed offset delivers the rest.
func TestFollowParentBecomesAFile(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"", " poll"} {
		for _, c := range []struct {
			role   string
			status int
		}{{"library", 1}, {"by path", 1}, {"follow", 0}} {
			t.Run(c.role+mode, func(t *testing.T) {
				t.Parallel()
				root := tree(t, map[string]string{"logs/a.log": "first\n"})
				stdout, stderr, status := child(t, c.role+mode, filepath.Join(root, "logs", "a.log"))
				if status != c.status || strings.Contains(stderr, "FATAL -- Failed to stat file") != (status == 1) {
					t.Fatalf("status %d\n%s%s", status, stdout, stderr)
				}
				if c.role == "library" {
					return
				}
				var committed int64
				for _, line := range strings.Split(stdout, "\n") {
					if n, ok := strings.CutPrefix(line, "committed "); ok {
						committed, _ = strconv.ParseInt(n, 10, 64)
					}
				}
				moved := filepath.Join(root, "moved", "a.log")
				content, err := os.ReadFile(moved)
				if err != nil {
					t.Fatal(err)
				}
				if committed < 6 {
					t.Fatalf("committed %d of %d\n%s", committed, len(content), stdout)
				}
				next := newOwner(t, moved, tail.FollowOptions{})
				next.f.Stop()
				next.at = committed
				next.follow()
				next.until(int64(len(content)))
				same(t, "lines after", string(next.got), string(content[committed:]))
			})
		}
	}
}

// Nothing is left of followers in any state, and nothing is printed.
func TestFollowLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"leak", "leak poll"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, status := child(t, role, t.TempDir())
			if status != 0 || stderr != "" {
				t.Fatalf("status %d\n%s%s", status, stdout, stderr)
			}
		})
	}
}

func leak(t *testing.T, dir string, opt tail.FollowOptions) {
	const files = 300
	path := func(i int) string { return filepath.Join(dir, fmt.Sprintf("%03d.log", i)) }
	warm := func() { // the library keeps one goroutine, and one instance of events, for ever
		writeLog(t, path(0), "line\n")
		o := newOwner(t, path(0), opt)
		o.until(5)
		if !opt.Poll {
			eventually(t, "watched", o.f.Watched)
		}
		o.f.Stop()
	}
	warm()
	warm()
	eventually(t, "quiet", func() bool { return !strings.Contains(stacks(), "ChangeEvents") })
	goroutines, fds := runtime.NumGoroutine(), descriptors(t)
	big := string(logOf(1 << 20))
	for range 2 { // again with the same names
		followers := make([]*owner, files)
		for i := range followers {
			writeLog(t, path(i), "line\n")
			followers[i] = newOwner(t, path(i), opt)
		}
		for _, o := range followers {
			o.until(5)
		}
		if n := watches(t); opt.Poll != (n == 0) {
			t.Errorf("%d watches", n)
		}
		for i, o := range followers {
			switch i % 8 {
			case 1: // a line waits
				add(t, path(i), big)
			case 2:
				rename(t, path(i), path(i)+".old")
			case 3:
				os.Remove(path(i))
			case 4:
				writeLog(t, path(i), "")
			case 5: // another file in its place
				rename(t, path(i), path(i)+".old")
				writeLog(t, path(i), "line\nline\n")
			case 6:
				o.f.Rest()
			case 7: // stopped while it begins
				o.again()
			}
		}
		var all sync.WaitGroup
		for _, o := range followers {
			all.Go(o.f.Stop)
		}
		all.Wait()
		if n := watches(t); n != 0 {
			t.Errorf("%d watches are left", n)
		}
		if n := descriptors(t); n != fds {
			t.Errorf("%d descriptors, and %d before", n, fds)
		}
		if all := stacks(); !opt.Poll && strings.Contains(all, "ChangeEvents") {
			t.Errorf("a goroutine of the library's is left\n%s", all)
		}
		eventually(t, "without goroutines", func() bool { return runtime.NumGoroutine() <= goroutines })
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
