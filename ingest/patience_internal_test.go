package ingest

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// A shutLedger takes nothing for a time.
type shutLedger struct {
	Reviewer
	until time.Time
	told  [][]Refusal // by each commit that was taken
}

var errShut = errors.New("the disk is full")

func (l *shutLedger) Commit(_ context.Context, c *Commit) error {
	if time.Now().Before(l.until) {
		return errShut
	}
	l.told = append(l.told, c.Refused)
	return nil
}

func (l *shutLedger) Answer(context.Context, *Answer) error {
	if time.Now().Before(l.until) {
		return errShut
	}
	return nil
}

// A ledger that took nothing for more than a minute is told so by the first commit that it takes, and once.
func TestRefusalIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &shutLedger{}
		f := &following{p: &Pipeline{}, said: map[string]bool{}, opt: FollowOptions{Log: slog.New(slog.DiscardHandler)}}
		p, stop := newPatience(t.Context(), l, f)
		defer stop()
		start := time.Now()
		shut := func(d time.Duration) { l.until = time.Now().Add(d) }
		commit := func() {
			t.Helper()
			if err := p.Commit(t.Context(), &Commit{}); err != nil {
				t.Fatal(err)
			}
		}
		commit()
		shut(30 * time.Second)
		commit()
		shut(10 * time.Minute)
		commit()
		commit()
		if len(l.told) != 4 || len(l.told[0])+len(l.told[1])+len(l.told[3]) > 0 || len(l.told[2]) != 1 {
			t.Fatalf("told %v", l.told)
		}
		r := l.told[2][0]
		if from, took := time.UnixMilli(r.From).Sub(start), time.Duration(r.To-r.From)*time.Millisecond; from < 30*time.Second || from > 50*time.Second || took < 10*time.Minute || took > 10*time.Minute+longestPause || r.Why != errShut.Error() {
			t.Errorf("from %v on, for %v: %s", from, took, r.Why)
		}

		// What an answer waited for is told by the next commit, beside what that one waits for itself.
		shut(2 * time.Minute)
		if err := p.Answer(t.Context(), &Answer{}); err != nil {
			t.Fatal(err)
		}
		shut(3 * time.Minute)
		commit()
		commit()
		if last := l.told[4]; len(l.told) != 6 || len(last) != 2 || last[0].To > last[1].From || last[1].To-last[1].From < (3*time.Minute).Milliseconds() || len(l.told[5]) > 0 {
			t.Errorf("told %v", l.told[4:])
		}
	})
}
