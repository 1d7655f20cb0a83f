//go:build linux

package ingest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
)

// A stoppingLedger is told to stop in the middle of a comparison: when it is asked what a log hashes to.
type stoppingLedger struct {
	ingest.Reviewer
	stop func()
}

func (l *stoppingLedger) Ranges(ctx context.Context, log int64) ([]ingest.Range, error) {
	all, err := l.Reviewer.Ranges(context.WithoutCancel(ctx), log)
	l.stop()
	return all, err
}

// A comparison that is stopped concludes nothing: what the file is, is found out by the next start.
func TestStoppedWhileItCompares(t *testing.T) {
	t.Parallel()
	all := proxyHead + rowsOf(1, 9)
	for name, c := range map[string]struct{ text, users string }{
		"same.LOG":    {all, "1-9"},
		"same.LOG.gz": {packed(all), "1-9"},
		"shorter.LOG": {proxyHead + rowsOf(1, 4), "1-9"},
		"longer.LOG":  {all + row(10), "1-10"},
		"other.LOG":   {proxyHead + rowsOf(1, 1) + rowsOf(3, 9), "1x2 2 3-9x2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.write("a.LOG", all)
			s.look()
			s.close()
			ctx, end := context.WithCancel(t.Context())
			s.before = func(r ingest.Reviewer) ingest.Reviewer { return &stoppingLedger{r, end} }
			s.open()
			s.write(name, c.text)
			if err := s.p.Meet(ctx, s.find()); !errors.Is(err, context.Canceled) {
				t.Errorf("it ended with %v", err)
			}
			for _, src := range s.p.Sources() {
				if src.Path != filepath.ToSlash(s.path("a.LOG")) {
					t.Errorf("it took %s for %s (%s)", src.Path, src.State, src.Why)
				}
			}
			s.close()
			s.before = nil
			s.look()
			if got := s.users(); got != c.users {
				t.Errorf("users %s, want %s", got, c.users)
			}
		})
	}
}

// Housekeeping that a reload ended is no trouble.
func TestStoppedWhileItKeepsHouse(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("a.LOG", proxyHead+row(1))
	s.open()
	ctx, end := context.WithCancel(t.Context())
	var log bytes.Buffer
	err := s.p.Follow(ctx, s.store, ingest.FollowOptions{Roots: []ingest.Root{{Path: s.dir}}, Every: 10 * time.Millisecond, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Keep: func(ctx context.Context, _ time.Time) error {
			end()
			return fmt.Errorf("keeping house: %w", ctx.Err())
		}})
	if err != nil || strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("%v: %s", err, log.String())
	}
}
