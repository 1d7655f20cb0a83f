package main

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/internal/store/sqlite"
)

// A telling is what serve says of its work in its log: that it has caught up, and that findings opened. Log files
// travel, so nothing in them names an account: of findings about sign-ins there are numbers.
type telling struct {
	log    *slog.Logger
	lines  atomic.Int64 // committed since the last time
	caught bool
	late   bool  // there is a backlog that is worth to say that it is over
	told   int64 // when the findings opened that were told last, in the store's clock
}

// A backlog is told of once it is over if it was at least as long as the one, and it is over at the other: the last line
// of a log may wait for its end.
const (
	longBacklog = 8 << 20
	noBacklog   = 1 << 20
)

// progress says once that all that was there is read, and again when a long backlog is.
func (t *telling) progress(p ingest.Progress) {
	switch {
	case !p.Caught:
		return
	case p.Behind >= longBacklog:
		t.late = true
		return
	case t.caught && (!t.late || p.Behind > noBacklog):
		return
	}
	words := []any{"files", p.Known, "followed", p.Live, "lines", t.lines.Swap(0)}
	if p.Unread > 0 {
		words = append(words, "cannot_be_read", p.Unread)
	}
	t.caught, t.late = true, false
	t.log.Info("caught up", words...)
}

// findings says which opened since it was asked last.
func (t *telling) findings(ctx context.Context, store *sqlite.Store) error {
	opened, err := store.Opened(ctx, time.UnixMilli(t.told))
	if err != nil {
		return err
	}
	n, worst := map[string]int{}, signin.Severity(0)
	for i := range opened {
		o := &opened[i]
		t.told = max(t.told, o.At.UnixMilli())
		if !aboutData(o.Rule) {
			n[o.Severity.String()]++
			worst = max(worst, o.Severity)
			continue
		}
		words := strings.TrimPrefix(o.Note, o.Subject+": ")
		if o.Rule == sqlite.RuleExpiring {
			words = "\"outmode exceptions list\" shows it" // its words name accounts
		}
		t.log.Warn(o.Name, "rule", o.Rule, "of", plain(o.Subject), "words", plain(words))
	}
	if len(n) == 0 {
		return nil
	}
	level := slog.LevelInfo
	if worst >= signin.Critical {
		level = slog.LevelWarn
	}
	var all int
	var counts []any
	for _, word := range signin.Words("severity") {
		if n[word] > 0 {
			all += n[word]
			counts = append(counts, strings.ToLower(word), n[word])
		}
	}
	t.log.Log(ctx, level, "findings opened", append(append([]any{"count", all}, counts...), "next", "outmode findings list --data "+quoted(store.Dir()))...)
	return nil
}
