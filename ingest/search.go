package ingest

import (
	"context"
	"log/slog"
	"time"

	"github.com/outmode/outmode/ingest/tail"
)

// A search looks for the files of some roots. Those of a network have one each: a server that does not answer must not
// keep the others waiting.
type search struct {
	roots  []*Root
	answer chan found // of the search that is under way; nil for none
	late   bool       // it did not answer the last time
}

// A found is what a search found.
type found struct {
	inputs   []tail.Input
	problems []tail.Problem
}

// patienceWithRoots is how long an answer is waited for. A search that takes longer goes on, and is asked again.
const patienceWithRoots = 3 * time.Second

// searches divides the roots: all that are local are one search.
func searches(ctx context.Context, roots []Root) []*search {
	local := &search{}
	all := []*search{local}
	for i := range roots {
		r := &roots[i]
		is := make(chan bool, 1)
		go func() { // it may not answer
			_, network, _ := tail.Network(r.Path) // a path that is not there yet counts as local
			is <- network
		}()
		network := true
		select {
		case network = <-is:
		case <-time.After(patienceWithRoots):
		case <-ctx.Done():
		}
		if network || r.Poll {
			all = append(all, &search{roots: []*Root{r}})
		} else {
			local.roots = append(local.roots, r)
		}
	}
	return all
}

// find asks every search for its files. When ctx ends, what it returns is not all.
func (f *following) find(ctx context.Context) (all found) {
	if f.searches == nil {
		f.searches = searches(ctx, f.opt.Roots)
	}
	for _, s := range f.searches {
		if s.answer == nil && len(s.roots) > 0 {
			s.answer = make(chan found, 1)
			go s.run(f.excludes, s.answer)
		}
	}
	until := time.After(patienceWithRoots)
	for _, s := range f.searches {
		if s.answer == nil {
			continue
		}
		select {
		case x := <-s.answer:
			all.inputs, all.problems = append(all.inputs, x.inputs...), append(all.problems, x.problems...)
			s.answer, s.late = nil, false
			delete(f.said, "late "+s.roots[0].Path)
		case <-ctx.Done():
			return all
		case <-until:
			until = time.After(0)
			s.late = true
			f.say("late "+s.roots[0].Path, slog.LevelWarn, "a source does not answer; the others are read on", "path", s.roots[0].Path)
		}
	}
	return all
}

func (s *search) run(exclude func(path string) bool, answer chan<- found) {
	var paths []string
	for _, r := range s.roots {
		paths = append(paths, r.Path)
	}
	var x found
	x.inputs, x.problems = tail.Find(paths, tail.FindOptions{Exclude: exclude})
	answer <- x
}

// unanswered reports whether a path is below a root that did not answer.
func (f *following) unanswered(path string) bool {
	for _, s := range f.searches {
		for _, r := range s.roots {
			if s.late && r.holds(path) {
				return true
			}
		}
	}
	return false
}
