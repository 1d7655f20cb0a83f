package sqlite_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/internal/store/sqlite"
	"github.com/outmode/outmode/rules"
)

// BenchmarkLive measures goal P9: how long after a line was flushed its finding is committed, at a steady rate over
// many logs, and what share of a core that takes. One run lasts some seconds, whatever b.N is.
func BenchmarkLive(b *testing.B) {
	for _, c := range []struct{ rate, files int }{{2000, 50}, {5000, 50}, {20_000, 200}} {
		b.Run(fmt.Sprintf("%d-lines-%d-files", c.rate, c.files), func(b *testing.B) {
			lasting := 3 * time.Second
			if testing.Short() {
				lasting /= 10
			}
			for b.Loop() {
				live(b, c.rate, c.files, lasting)
			}
		})
	}
}

// A stopwatch is a store that notes how long lines took to be committed.
type stopwatch struct {
	*sqlite.Store
	mu      sync.Mutex
	flushed map[string][]flush // by path, in the order of offsets
	took    []time.Duration
	lines   int64
}

// A flush is when a line was flushed that ends at an offset.
type flush struct {
	end int64
	at  time.Time
}

func (s *stopwatch) Commit(ctx context.Context, c *ingest.Commit) error {
	if err := s.Store.Commit(ctx, c); err != nil {
		return err
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, src := range c.Sources {
		waiting := s.flushed[src.Path]
		for len(waiting) > 0 && waiting[0].end <= src.Offset {
			s.took = append(s.took, now.Sub(waiting[0].at))
			waiting = waiting[1:]
			s.lines++
		}
		s.flushed[src.Path] = waiting
	}
	return nil
}

const liveHead = "#Software: Microsoft Exchange Server\r\n#Version: 15.02.1118.007\r\n#Log-type: HttpProxy Logs\r\n#Date: 2026-10-06T08:00:00.000Z\r\n" +
	"#Fields: DateTime,RequestId,Protocol,UrlStem,AuthenticationType,IsAuthenticated,AuthenticatedUser,UserAgent,ClientIpAddress,ServerHostName,HttpStatus\r\n"

func live(b *testing.B, rate, files int, lasting time.Duration) {
	set, problems := rules.Load(rules.Builtin())
	if len(problems) > 0 {
		b.Fatal(problems)
	}
	dir := b.TempDir()
	store, err := sqlite.Open(b.Context(), filepath.Join(dir, "data"), sqlite.Options{Rules: set, Create: true})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	logs := filepath.Join(dir, "logs")
	writers := make([]*os.File, files)
	for i := range writers {
		folder := filepath.Join(logs, fmt.Sprintf("EX%02d", i))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			b.Fatal(err)
		}
		if writers[i], err = os.Create(filepath.Join(folder, "HttpProxy_2026100608-1.LOG")); err != nil {
			b.Fatal(err)
		}
		defer writers[i].Close()
		first := fmt.Sprintf("2026-10-06T07:59:59.%03dZ,,Ews,/EWS/Exchange.asmx,,false,,probe,198.51.100.1,EX%02d,200\r\n", i, i)
		if _, err := writers[i].WriteString(liveHead + first); err != nil {
			b.Fatal(err)
		}
	}
	watch := &stopwatch{Store: store, flushed: map[string][]flush{}}
	opt := ingest.Options{Recognize: exchange.Recognize, Org: signin.Organisation{Internal: signin.DefaultInternal()}, Window: set.Window,
		NewJudge: func() ingest.Judge { return set.NewJudge() }}
	p, err := ingest.OpenPipeline(b.Context(), watch, opt)
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	followed := make(chan struct{})
	var once sync.Once
	ended := make(chan error, 1)
	go func() {
		ended <- p.Follow(ctx, watch, ingest.FollowOptions{Roots: []ingest.Root{{Path: logs}}, Every: 200 * time.Millisecond, Report: func(p ingest.Progress) {
			if p.Live == files {
				once.Do(func() { close(followed) })
			}
		}})
	}()
	select {
	case <-followed:
	case <-time.After(time.Minute):
		b.Fatal("the logs are not followed")
	}
	known := int64(0)
	for ; known < knownAccounts; known++ {
		watch.writeLine(b, writers, known, fmt.Sprintf(`CONTOSO\user%04d`, known))
	}
	watch.await(b, known)
	watch.took = nil
	before := cpu(b)
	start := time.Now()
	written := known + writeSteadily(b, watch, writers, rate, lasting)
	took := time.Since(start)
	watch.await(b, written)
	used := cpu(b) - before
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	slices.Sort(watch.took)
	at := func(share float64) float64 {
		return float64(watch.took[int(share*float64(len(watch.took)-1))].Microseconds()) / 1000
	}
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
	b.ReportMetric(100*used.Seconds()/took.Seconds(), "cpu-%")
	b.ReportMetric(float64(written-known)/took.Seconds(), "lines/s")
	b.ReportMetric(0, "ns/op")
}

// await waits until so many sign-ins are committed.
func (s *stopwatch) await(b *testing.B, lines int64) {
	b.Helper()
	for deadline := time.Now().Add(time.Minute); ; <-time.After(2 * time.Millisecond) {
		s.mu.Lock()
		have := s.lines
		s.mu.Unlock()
		if have == lines {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("%d lines were written, %d are committed", lines, have)
		}
	}
}

// knownAccounts is how many accounts sign in again and again.
const knownAccounts = 1000

// writeSteadily writes lines at a rate, each to one of the logs, and flushes each at once. One in five hundred is of a
// new account; the others count in findings that are open.
func writeSteadily(b *testing.B, watch *stopwatch, writers []*os.File, rate int, lasting time.Duration) (written int64) {
	b.Helper()
	start := time.Now()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for now := start; now.Sub(start) < lasting; now = <-tick.C {
		for due := int64(now.Sub(start).Seconds() * float64(rate)); written < due; written++ {
			user := fmt.Sprintf("user%04d", written%knownAccounts)
			if written%500 == 0 {
				user = fmt.Sprintf("new%07d", written) // opens findings of its own
			}
			watch.writeLine(b, writers, written, `CONTOSO\`+user)
		}
	}
	return written
}

// writeLine writes the n-th line, of an account that signs in with Basic.
func (s *stopwatch) writeLine(b *testing.B, writers []*os.File, n int64, user string) {
	b.Helper()
	at := time.Date(2026, 10, 6, 8, 0, 0, 0, time.UTC).Add(time.Duration(n) * 100 * time.Microsecond)
	i := n % int64(len(writers))
	line := fmt.Appendf(nil, "%s,%032x,Ews,/EWS/Exchange.asmx,Basic,true,%s,ExchangeServicesClient/15.00.0913.015,198.51.100.%d,EX%02d,200\r\n",
		at.Format("2006-01-02T15:04:05.000Z"), n, user, n%250, i)
	path := filepath.ToSlash(writers[i].Name())
	s.mu.Lock()
	from, err := writers[i].Seek(0, io.SeekCurrent)
	if err == nil {
		s.flushed[path] = append(s.flushed[path], flush{from + int64(len(line)), time.Now()})
	}
	s.mu.Unlock()
	if err == nil {
		_, err = writers[i].Write(line)
	}
	if err != nil {
		b.Fatal(err)
	}
}
