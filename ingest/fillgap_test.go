//go:build linux

package ingest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/outmode/outmode/ingest"
)

// A lineLedger notes where rows are said to begin.
type lineLedger struct {
	ingest.Reviewer
	t     *testing.T
	lines map[int64]int64 // by offset
}

func (l *lineLedger) Commit(ctx context.Context, c *ingest.Commit) error {
	for _, b := range c.Batches {
		for i := range b.Rows {
			l.lines[b.Rows[i].At.Offset] = b.Rows[i].At.Line
		}
		if b.Lines == 0 {
			l.t.Error("a batch without lines before its end")
		}
	}
	return l.Reviewer.Commit(ctx, c)
}

// big is a log of lines of so many bytes and more, all of one user, in which a row begins every hour.
func big(lines, size int) string {
	var b strings.Builder
	b.WriteString(proxyHead)
	r := rand.New(rand.NewPCG(1, 1))
	noise := make([]byte, size+997) // what is packed too small is taken for a trap
	for i := range noise {
		noise[i] = "abcdefghijklmnop"[r.IntN(16)]
	}
	for i := range lines {
		path := "/EWS/" + string(noise[i%997:i%997+size])
		b.WriteString(request{fmt.Sprintf("2026-10-06 %02d:15:00", i*24/lines), "EX01", `CONTOSO\u00001`, "Ews", path, "Basic", i}.proxy())
	}
	return b.String()
}

// A log that is read in one piece, and committed in several, numbers its lines through.
func TestLinesAreNumberedAcrossBatches(t *testing.T) {
	t.Parallel()
	const lines = 2_000 // 10 MB: two batches
	text := big(lines, 5000)
	for name, content := range map[string]string{"a.LOG": text, "a.LOG.gz": packed(text)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			l := &lineLedger{t: t, lines: map[int64]int64{}}
			s.before = func(r ingest.Reviewer) ingest.Reviewer {
				l.Reviewer = r
				return l
			}
			s.write(name, content)
			s.look()
			if len(l.lines) < 24 {
				t.Errorf("%d rows", len(l.lines))
			}
			for offset, line := range l.lines {
				if want := int64(strings.Count(text[:offset], "\n") + 1); line != want {
					t.Errorf("a row at byte %d is said to be in line %d, and is in line %d", offset, line, want)
				}
			}
			if got, want := s.told(), fmt.Sprintf("%s read %d/%d; users 1x%d", name, lines, lines+1, lines); got != want {
				t.Errorf("%s, want %s", got, want)
			}
			s.sound()
		})
	}
}

// A gate is a ledger that lets nothing through until it is opened.
type gate struct {
	ingest.Reviewer
	shut chan struct{}
	open chan struct{}
}

func (g *gate) Commit(ctx context.Context, c *ingest.Commit) error {
	if len(c.Batches) > 0 {
		select {
		case g.shut <- struct{}{}:
		default:
		}
		<-g.open
	}
	return g.Reviewer.Commit(ctx, c)
}

// What comes while the ledger is slow is committed at once, in several batches; the ledger's ranges still say what the
// bytes hash to, so that the log is known again by its bytes alone.
func TestBurstOfALogThatIsFollowed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	g := &gate{shut: make(chan struct{}, 1), open: make(chan struct{})}
	s.write("a.LOG", proxyHead+row(1))
	s.follow()
	s.settle()
	s.must(s.unfollow())
	s.close()
	s.before = func(r ingest.Reviewer) ingest.Reviewer {
		g.Reviewer = r
		return g
	}
	s.follow()
	opened := sync.OnceFunc(func() { close(g.open) })
	t.Cleanup(opened)
	eventually(t, func() string {
		if p := s.progress.Load(); s.looks.Load() < 2 || p.Live != 1 {
			return "it does not follow"
		}
		return ""
	})
	s.append("a.LOG", row(1))
	<-g.shut
	const lines = 170 // 10 MB; long ones, since only so many pieces wait
	s.append("a.LOG", strings.TrimPrefix(big(lines, 60_000), proxyHead))
	eventually(t, func() string {
		if n := s.queued(); n < 9<<20 {
			return fmt.Sprintf("%d bytes wait", n)
		}
		return ""
	})
	opened()
	s.waitFor(lines + 2)
	s.copy("a.LOG", "b.LOG")
	s.remove("a.LOG")
	s.settle()
	s.must(s.unfollow())
	if got := s.users(); got != fmt.Sprintf("1x%d", lines+2) {
		t.Errorf("users %s", got)
	}
	s.sound()
}

// queued is how far the followers have read: the position of the descriptors of the log, in this process.
func (s *site) queued() (most int64) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		s.t.Skip("there is no /proc")
	}
	for _, e := range entries {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err != nil || target != s.path("a.LOG") {
			continue
		}
		info, _ := os.ReadFile("/proc/self/fdinfo/" + e.Name())
		var pos int64
		_, _ = fmt.Sscanf(string(info), "pos:\t%d", &pos)
		most = max(most, pos)
	}
	return most
}

// Space that is reserved and longer than a batch does not keep a reader busy for ever.
func TestReservedSpaceIsNotReadForEver(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("a.LOG", proxyHead+rowsOf(1, 2))
	s.must(os.Truncate(s.path("a.LOG"), 20<<20))
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.look()
	}()
	eventually(t, func() string {
		select {
		case <-done:
			return ""
		default:
			return "it still reads"
		}
	})
	s.writeAt("a.LOG", rowsOf(3, 4), int64(len(proxyHead+rowsOf(1, 2))))
	s.look()
	if got, want := s.told(), "a.LOG read 4/6; users 1-4"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
