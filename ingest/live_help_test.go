//go:build linux

package ingest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/store/sqlite"
	"github.com/outmode/outmode/rules"
)

// A site is a folder of logs, a store, and the pipeline between them: looked at by hand, or followed.
type site struct {
	t      *testing.T
	dir    string // of the logs
	data   string // of the store
	opt    ingest.Options
	set    *rules.Set
	store  *sqlite.Store
	ledger ingest.Reviewer // the store, or what stands before it
	before func(ingest.Reviewer) ingest.Reviewer
	p      *ingest.Pipeline

	missing map[string]bool // as of the last look by hand

	// Of one that is followed.
	every    time.Duration
	partly   bool // some logs are not followed, or cannot be read to their end
	log      *slog.Logger
	end      context.CancelFunc
	ended    chan error
	progress atomic.Pointer[ingest.Progress]
	looks    atomic.Int64
}

func newSite(t *testing.T) *site {
	t.Helper()
	base := t.TempDir()
	s := &site{t: t, dir: filepath.Join(base, "logs"), data: quickDir(t), opt: options(), missing: map[string]bool{}, every: 20 * time.Millisecond}
	if err := os.Mkdir(s.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.unfollow()
		s.close()
	})
	return s
}

// quickDir is a directory in memory, if there is such a thing: a disk's syncs are most of the time of these tests.
func quickDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "outmode")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

const storeFile = "outmode.db"

// emptyStore is a store with nothing in it: to make one takes longer than most of these tests.
var emptyStore = sync.OnceValue(func() []byte {
	dir, err := os.MkdirTemp("", "outmode")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	store, err := sqlite.Open(context.Background(), dir, sqlite.Options{Create: true})
	if err != nil {
		panic(err)
	}
	if err := store.Close(); err != nil { // merges the WAL
		panic(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, storeFile))
	if err != nil {
		panic(err)
	}
	return data
})

// open opens the store and a pipeline on it, as a process does that begins.
func (s *site) open() {
	s.t.Helper()
	var err error
	if _, none := os.Stat(filepath.Join(s.data, storeFile)); none != nil {
		s.must(os.MkdirAll(s.data, 0o700))
		s.must(os.WriteFile(filepath.Join(s.data, storeFile), emptyStore(), 0o600))
	}
	if s.store, err = sqlite.Open(s.t.Context(), s.data, sqlite.Options{Rules: s.set}); err != nil {
		s.t.Fatal(err)
	}
	if s.ledger = s.store; s.before != nil {
		s.ledger = s.before(s.store)
	}
	if s.p, err = ingest.OpenPipeline(s.t.Context(), s.ledger, s.opt); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) close() {
	if s.store != nil {
		if err := s.store.Close(); err != nil {
			s.t.Error(err)
		}
		s.store, s.p = nil, nil
	}
}

// find returns what discovery finds.
func (s *site) find() []tail.Input {
	inputs, _ := tail.Find([]string{s.dir}, tail.FindOptions{})
	return inputs
}

// look does once and by hand what Follow does at every look.
func (s *site) look() {
	s.t.Helper()
	if err := s.tryLook(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) tryLook() error {
	if s.p == nil {
		s.open()
	}
	ctx := s.t.Context()
	inputs := s.find()
	if err := s.p.Meet(ctx, inputs); err != nil {
		return err
	}
	if err := s.miss(inputs); err != nil {
		return err
	}
	return s.p.Fill(ctx)
}

// miss tells the pipeline of what is gone for the second time.
func (s *site) miss(inputs []tail.Input) error {
	there, missing := map[string]bool{}, map[string]bool{}
	for i := range inputs {
		there[inputs[i].Path] = true
	}
	var gone []string
	for _, src := range s.p.Sources() {
		disk, _, _ := strings.Cut(src.Path, "!")
		if _, err := os.Lstat(disk); there[src.Path] || src.State == ingest.Gone || !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if missing[src.Path] = true; s.missing[src.Path] {
			gone = append(gone, src.Path)
		}
	}
	s.missing = missing
	return s.p.Miss(s.t.Context(), gone, time.Now())
}

// follow starts Follow, with the store opened anew if it is not open.
func (s *site) follow() {
	s.t.Helper()
	if s.p == nil {
		s.open()
	}
	ctx, end := context.WithCancel(s.t.Context())
	s.end, s.ended = end, make(chan error, 1)
	p, ledger := s.p, s.ledger
	s.looks.Store(0)
	go func() {
		s.ended <- p.Follow(ctx, ledger, ingest.FollowOptions{Roots: []ingest.Root{{Path: s.dir}}, Every: s.every, Log: s.log,
			Report: func(p ingest.Progress) {
				if last := s.progress.Swap(&p); last == nil || !p.Looked.Equal(last.Looked) {
					s.looks.Add(1)
				}
			}})
	}()
}

// unfollow ends it and returns what it returned.
func (s *site) unfollow() error {
	if s.end == nil {
		return nil
	}
	s.end()
	s.end = nil
	return <-s.ended
}

// patience is how long a test waits for what must happen.
const patience = 40 * time.Second

// eventually waits until why is "", looking now and then.
func eventually(t testing.TB, why func() string) {
	t.Helper()
	if last := inTime(patience, why); last != "" {
		t.Fatalf("after %v: %s", patience, last)
	}
}

// inTime returns "" as soon as why does, and else what it returned last.
func inTime(most time.Duration, why func() string) string {
	deadline := time.After(most)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		last := why()
		if last == "" {
			return ""
		}
		select {
		case <-tick.C:
		case <-deadline:
			return last
		}
	}
}

// settle waits until Follow has looked several times and has committed all whole lines on disk, and follows what it can.
func (s *site) settle() {
	s.t.Helper()
	from := s.looks.Load()
	eventually(s.t, func() string {
		select {
		case err := <-s.ended:
			s.ended <- err
			s.t.Fatalf("Follow ended: %v", err)
		default:
		}
		if s.looks.Load() < from+3 {
			return "it does not look"
		}
		return s.unsettled()
	})
}

// unsettled says what is on disk and not in the ledger.
func (s *site) unsettled() string {
	known, err := s.store.Known(s.t.Context())
	if err != nil {
		return err.Error()
	}
	byPath := map[string]*ingest.Source{}
	live := 0
	for i := range known.Sources {
		if src := &known.Sources[i]; src.State != ingest.Gone {
			byPath[src.Path] = src
		}
	}
	for _, in := range s.find() {
		src := byPath[in.Path]
		if src == nil {
			return in.Path + " is not known"
		}
		delete(byPath, in.Path)
		size, end, err := lastLine(in.Disk, src.Encoding)
		if err != nil {
			return err.Error()
		}
		switch {
		case src.State == ingest.NotCounted, s.partly && !in.Plain && src.Offset > 0:
		case in.Plain && src.Offset != end, !in.Plain && !src.Done:
			return fmt.Sprintf("%s (%s, %s) was committed up to %d, and its last line ends at %d", in.Path, src.State, src.Why, src.Offset, end)
		}
		if fi, err := os.Stat(in.Disk); err == nil && src.State == ingest.Read && src.Name != "" && src.Plain && src.Encoding == tail.UTF8 && time.Since(fi.ModTime()) < 10*time.Minute && size-end <= tail.MaxLine {
			live++
		}
	}
	for path := range byPath {
		return path + " is in the ledger and not on disk"
	}
	if p := s.progress.Load(); p.Live != live && !s.partly {
		return fmt.Sprintf("%d logs are followed, not %d", p.Live, live)
	}
	return ""
}

// lastLine returns how long a file is, and where its last whole line ends.
func lastLine(path string, encoding tail.Encoding) (size, end int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	const most = 3 << 20 // more than a line
	size = fi.Size()
	from := max(0, size-most)
	data := make([]byte, size-from)
	_, err = f.ReadAt(data, from)
	if i := bytes.LastIndexByte(data, '\n'); i >= 0 {
		end = from + int64(i) + 1
	}
	if encoding == tail.UTF16LE {
		end = (end + 1) &^ 1
	}
	return size, end, err
}

// path is that of a log.
func (s *site) path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

// The verbs of those who write logs.

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) write(name, text string) {
	s.t.Helper()
	s.must(os.MkdirAll(filepath.Dir(s.path(name)), 0o755))
	s.must(os.WriteFile(s.path(name), []byte(text), 0o644))
}

func (s *site) append(name, text string) {
	s.t.Helper()
	s.must(os.MkdirAll(filepath.Dir(s.path(name)), 0o755))
	f, err := os.OpenFile(s.path(name), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	s.must(err)
	_, err = f.WriteString(text)
	s.must(errors.Join(err, f.Close()))
}

// writeAt writes into a file that is there.
func (s *site) writeAt(name, text string, at int64) {
	s.t.Helper()
	f, err := os.OpenFile(s.path(name), os.O_WRONLY, 0o644)
	s.must(err)
	_, err = f.WriteAt([]byte(text), at)
	s.must(errors.Join(err, f.Close()))
}

func (s *site) read(name string) string {
	s.t.Helper()
	data, err := os.ReadFile(s.path(name))
	s.must(err)
	return string(data)
}

func (s *site) rename(from, to string) { s.t.Helper(); s.must(os.Rename(s.path(from), s.path(to))) }
func (s *site) remove(name string)     { s.t.Helper(); s.must(os.Remove(s.path(name))) }
func (s *site) copy(from, to string)   { s.t.Helper(); s.write(to, s.read(from)) }
func (s *site) gzip(from, to string)   { s.t.Helper(); s.write(to, packed(s.read(from))) }
func (s *site) link(target, name string) {
	s.t.Helper()
	s.must(os.Symlink(s.path(target), s.path(name)))
}
func (s *site) truncate(name string, n int64) { s.t.Helper(); s.must(os.Truncate(s.path(name), n)) }

// row is a line of HttpProxy that tells of a sign-in of the n-th user: one line, one user, so that what was counted
// says which lines were.
func row(n int) string {
	return request{"2026-10-06 08:15:00", "EX01", fmt.Sprintf(`CONTOSO\u%05d`, n), "Ews", "/EWS/Exchange.asmx", "Basic", n}.proxy()
}

// rowsOf are the lines of users from to to.
func rowsOf(from, to int) string {
	var b strings.Builder
	for n := from; n <= to; n++ {
		b.WriteString(row(n))
	}
	return b.String()
}

var userNumber = regexp.MustCompile(`u(\d{5})`)

// counted returns how often each user was counted.
func (s *site) counted() map[int]int {
	s.t.Helper()
	res, err := s.store.Result(s.t.Context(), sqlite.Period{})
	s.must(err)
	got := map[int]int{}
	for _, u := range res.Usage {
		m := userNumber.FindStringSubmatch(u.Account.Key)
		if m == nil {
			s.t.Errorf("a sign-in of %q", u.Account.Key)
			continue
		}
		n, _ := strconv.Atoi(m[1])
		got[n] += int(u.Count)
	}
	return got
}

// users spells who was counted: "1-4 7x2".
func (s *site) users() string {
	s.t.Helper()
	got := s.counted()
	var numbers []int
	for n := range got {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	var parts []string
	for i := 0; i < len(numbers); {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 && got[numbers[j+1]] == got[numbers[i]] {
			j++
		}
		part := strconv.Itoa(numbers[i])
		if j > i {
			part += "-" + strconv.Itoa(numbers[j])
		}
		if times := got[numbers[i]]; times != 1 {
			part += fmt.Sprintf("x%d", times)
		}
		parts = append(parts, part)
		i = j + 1
	}
	return strings.Join(parts, " ")
}

// ledgerInWords tells per log its state, the sign-ins among its lines, and what will never be read of it.
func (s *site) ledgerInWords() string {
	s.t.Helper()
	all, err := s.store.List(s.t.Context())
	s.must(err)
	var lines []string
	for _, l := range all {
		n := l.Lines
		if n.SignIn+n.MFA+n.Noise+n.Other+n.Malformed+n.Directive != n.Total {
			s.t.Errorf("%s: %+v does not add up", l.Path, n)
		}
		text := fmt.Sprintf("%s %s %d/%d", strings.TrimPrefix(strings.TrimPrefix(l.Path, filepath.ToSlash(s.dir)), "/"), l.State, n.SignIn, n.Total)
		for _, h := range l.Holes {
			text += fmt.Sprintf(" hole of %d", h.Bytes)
		}
		lines = append(lines, text)
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}

// told is the ledger in words, and who was counted in all.
func (s *site) told() string {
	s.t.Helper()
	return s.ledgerInWords() + "; users " + s.users()
}

// waitFor waits until the ledger holds so many sign-ins.
func (s *site) waitFor(signIns int64) {
	s.t.Helper()
	eventually(s.t, func() string {
		all, err := s.store.List(s.t.Context())
		s.must(err)
		var have int64
		for i := range all {
			have += all[i].Lines.SignIn
		}
		if have != signIns {
			return fmt.Sprintf("%d sign-ins are in the ledger, not %d", have, signIns)
		}
		return ""
	})
}

// sound checks what must hold in every store, and that the logs on disk hash to what the ledger says.
func (s *site) sound() {
	s.t.Helper()
	checked, err := s.store.Check(s.t.Context(), sqlite.CheckOptions{Logs: true})
	s.must(err)
	for _, p := range checked.Problems {
		s.t.Errorf("%s: %s", p.Invariant, p.Message)
	}
}
