package ingest

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/outmode/outmode/ingest/tail"
)

// look finds out what files there are, and what became of those that are not there any more.
func (f *following) look(ctx context.Context, now time.Time) error {
	seen := f.find(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	inputs := seen.inputs
	f.tell(seen.problems)
	f.hints.watch(inputs)
	if err := f.p.Meet(ctx, inputs); err != nil {
		return err
	}
	if err := f.p.Trouble(ctx, seen.problems); err != nil {
		return err
	}
	there := make(map[string]bool, len(inputs))
	for i := range inputs {
		there[inputs[i].Path] = true
	}
	if err := f.miss(ctx, there, now); err != nil {
		return err
	}
	if f.progress.Caught && now.Sub(f.adopted) >= adoptEvery {
		f.adopted = now
		if err := f.p.adopt(ctx); err != nil {
			return err
		}
	}
	if f.opt.Keep != nil && f.progress.Caught { // while there is a backlog, what is missing may be in it
		err := f.opt.Keep(ctx, now)
		if ctx.Err() != nil {
			return ctx.Err() // that it was not ended is no trouble: the next Follow does it
		}
		if err != nil {
			f.say("keep", slog.LevelError, "housekeeping failed, and is tried again", "err", err)
		} else {
			delete(f.said, "keep")
		}
	}
	f.backlog = true
	f.progress.Looked, f.progress.Known = now, len(inputs)
	f.report()
	return nil
}

func (f *following) report() {
	f.progress.Behind, f.progress.Unread = 0, 0
	for _, src := range f.p.sources {
		if src.State == Unreadable || src.State == Incomplete {
			f.progress.Unread++
		}
		if src.log > 0 && src.readable() {
			f.progress.Behind += max(src.Size-src.Offset, 0)
		}
	}
	if f.opt.Report != nil {
		f.opt.Report(f.progress)
	}
}

func (f *following) excludes(path string) bool {
	f.asking.Lock()
	defer f.asking.Unlock()
	for i := range f.opt.Roots {
		if r := &f.opt.Roots[i]; r.Exclude != nil && r.holds(path) && r.Exclude(path) {
			return true
		}
	}
	return false
}

// holds reports whether a path is below the root.
func (r *Root) holds(path string) bool {
	root := filepath.ToSlash(r.Path)
	if i := strings.IndexAny(root, "*?["); i >= 0 {
		root = root[:strings.LastIndexByte(root[:i], '/')+1]
	}
	root = strings.TrimSuffix(root, "/")
	return path == root || root == "" || strings.HasPrefix(path, root+"/") || strings.HasPrefix(path, root+"!")
}

// miss tells the pipeline of logs whose files are gone. One look is not enough: a file that is being renamed or
// replaced is away for a moment.
func (f *following) miss(ctx context.Context, there map[string]bool, now time.Time) error {
	missing := map[string]bool{}
	var gone []string
	for path, src := range f.p.byPath {
		if there[path] || src.live != nil || f.unanswered(path) || src.log == 0 && !f.mine(path) {
			continue
		}
		disk, _, _ := strings.Cut(path, "!")
		if _, err := os.Lstat(filepath.FromSlash(disk)); !errors.Is(err, fs.ErrNotExist) {
			continue // it is there, and cannot be seen at the moment
		}
		if missing[path] = true; f.missing[path] {
			gone = append(gone, path)
		}
	}
	f.missing = missing
	if len(gone) == 0 {
		return nil
	}
	return f.p.Miss(ctx, gone, now)
}

func (f *following) mine(path string) bool {
	for i := range f.opt.Roots {
		if f.opt.Roots[i].holds(path) {
			return true
		}
	}
	return false
}

// tell logs what is wrong with files and folders, each once until it is well again.
func (f *following) tell(problems []tail.Problem) {
	now := map[string]bool{}
	for _, p := range problems {
		what := "problem " + p.Path + " " + string(p.Reason)
		now[what] = true
		level := slog.LevelWarn
		if p.Severity == tail.Note {
			level = slog.LevelDebug
		}
		f.say(what, level, "a file or folder cannot be read; it is tried again at every look", "path", p.Path, "err", p)
	}
	for what := range f.said {
		if strings.HasPrefix(what, "problem ") && !now[what] {
			delete(f.said, what)
			path, _, _ := strings.Cut(strings.TrimPrefix(what, "problem "), " ")
			f.opt.Log.Info("a file or folder can be read again, or is gone", "path", path)
		}
	}
}

// say logs something once, until it is forgotten in said.
func (f *following) say(what string, level slog.Level, message string, args ...any) {
	if !f.said[what] {
		f.said[what] = true
		f.opt.Log.Log(context.Background(), level, message, args...)
	}
}
