package tail_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest/tail"
)

// patience is when a test gives up to wait for a condition.
const patience = time.Minute

// inEveryMode runs test with all ways to follow.
func inEveryMode(t *testing.T, test func(*testing.T, tail.FollowOptions)) {
	t.Parallel()
	for name, opt := range map[string]tail.FollowOptions{
		"events":         {},
		"poll":           {Poll: true},
		"events by path": tail.FollowOptions{}.ByPath(),
		"poll by path":   tail.FollowOptions{Poll: true}.ByPath(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, opt)
		})
	}
}

// An owner does with a Follower what the contract asks of its owner: it calls Check, and follows again from the
// offset it has committed when the library has gone to sleep.
type owner struct {
	t       testing.TB
	path    string
	opt     tail.FollowOptions
	f       *tail.Follower
	at      int64 // committed
	got     []byte
	now     time.Time
	restart int
}

func newOwner(t testing.TB, path string, opt tail.FollowOptions) *owner {
	t.Helper()
	o := &owner{t: t, path: path, opt: opt, now: time.Unix(0, 0)}
	o.follow()
	t.Cleanup(func() { o.f.Stop() })
	return o
}

func (o *owner) follow() {
	o.t.Helper()
	f, err := tail.Follow(o.path, o.at, o.opt)
	if err != nil {
		o.t.Fatal(err)
	}
	o.f = f
}

// commit takes a piece and looks at what Follow promises of one.
func (o *owner) commit(p tail.Piece) {
	o.t.Helper()
	if p.From != o.at {
		o.t.Fatalf("a piece at %d, want %d", p.From, o.at)
	}
	if len(p.Data) == 0 || p.Data[len(p.Data)-1] != '\n' {
		o.t.Fatalf("a piece of %d bytes that is not of whole lines", len(p.Data))
	}
	if len(p.Data) > tail.MaxPiece && bytes.IndexByte(p.Data, '\n') != len(p.Data)-1 {
		o.t.Fatalf("a piece of %d bytes and several lines", len(p.Data))
	}
	o.at += int64(len(p.Data))
	o.got = append(o.got, p.Data...)
}

// until reads up to offset. Its time passes faster than that on the wall: 30 s in 0.6.
func (o *owner) until(offset int64) {
	o.t.Helper()
	if err := o.run(func() bool { return o.at >= offset }); err != nil {
		o.t.Fatalf("at %d of %d: %v", o.at, offset, err)
	}
}

// fails reads until the Follower does, and returns why.
func (o *owner) fails() error {
	o.t.Helper()
	return o.run(func() bool { return false })
}

func (o *owner) run(enough func() bool) error {
	o.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !enough() {
		select {
		case p, ok := <-o.f.Pieces():
			if ok {
				o.commit(p)
				continue
			}
			if err := o.f.Err(); !errors.Is(err, tail.ErrStalled) {
				return err
			}
			o.again()
		case <-tick.C:
			o.now = o.now.Add(time.Second)
			err := o.f.Check(o.now)
			if errors.Is(err, tail.ErrStalled) {
				o.again()
			} else if err != nil {
				return err
			}
		case <-deadline:
			o.t.Fatalf("nothing after byte %d", o.at)
		}
	}
	return nil
}

func (o *owner) again() {
	o.t.Helper()
	o.restart++
	o.f.Stop()
	o.follow()
}

// rest reads what a Follower that failed leaves: the pieces it was given, and the end of its file.
func (o *owner) rest() string {
	o.t.Helper()
	rest := o.f.Rest()
	for p := range o.f.Pieces() {
		o.commit(p)
	}
	if o.at != o.f.Delivered() {
		o.t.Errorf("delivered %d, received %d", o.f.Delivered(), o.at)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(rest); err != nil {
		o.t.Fatal(err)
	}
	return b.String()
}

func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not %s after %v", what, patience)
		}
	}
}

func writeLog(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func add(t testing.TB, path, content string) {
	t.Helper()
	w, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.WriteString(content); err != nil {
		t.Fatal(err)
	}
}

func rename(t testing.TB, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// is fails the test unless err is of the kind that is wanted, and says where.
func is(t testing.TB, err, kind error, path string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got %v, want %v", err, kind)
	}
	for _, part := range []string{path, "at byte ", ": " + kind.Error() + ": "} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
}

func same(t testing.TB, what, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	t.Fatalf("%s: %d bytes, want %d; they differ at %d: %.40q, want %.40q", what, len(got), len(want), i, got[i:], want[i:])
}

func TestFollowDeliversALoneLineAtOnce(t *testing.T) {
	inEveryMode(t, func(t *testing.T, opt tail.FollowOptions) {
		path := filepath.Join(tree(t, map[string]string{"a.log": "one\ntwo\nhal"}), "a.log")
		o := newOwner(t, path, opt)
		o.until(8)
		same(t, "lines", string(o.got), "one\ntwo\n")
		add(t, path, "f\n")
		o.until(13)
		add(t, path, "three\n")
		o.until(19)
		same(t, "lines", string(o.got), "one\ntwo\nhalf\nthree\n")
		o.f.Stop()
		if p, ok := <-o.f.Pieces(); ok || o.f.Err() != nil || o.f.Check(o.now) != nil {
			t.Errorf("after Stop: %v, %v, %v, %v", p, ok, o.f.Err(), o.f.Check(o.now))
		}
	})
}

// What the library may not touch: CR LF, byte order mark, NULs before a line, empty lines, a lone CR, what is no UTF-8.
func TestFollowKeepsEveryByte(t *testing.T) {
	inEveryMode(t, func(t *testing.T, opt tail.FollowOptions) {
		for name, content := range map[string]string{
			"CR LF":      "a\r\nb\r\n",
			"BOM":        "\ufeff#Fields: date\r\n",
			"NUL":        "a\n\x00\x00\x00\x00z\n\x00\n",
			"empty":      "\n\n\r\n\n",
			"CR":         "a\rb\r\r\n",
			"no UTF-8":   "\xff\xfe\x80\n\xc3\n",
			"UTF-16 tag": "\xff\xfea\x00\n",
		} {
			path := filepath.Join(tree(t, map[string]string{"a.log": content}), "a.log")
			o := newOwner(t, path, opt)
			o.until(int64(len(content)))
			same(t, name, string(o.got), content)
			o.f.Stop()
		}
	})
}

// Offsets are exact, whatever the lines are and however they are torn, also when following begins anew at any of them.
func TestFollowOffsetsAreExact(t *testing.T) {
	inEveryMode(t, func(t *testing.T, opt tail.FollowOptions) {
		const lines = 3000
		seed := uint64(len(t.Name()))
		path := filepath.Join(t.TempDir(), "a.log")
		r := rand.New(rand.NewPCG(seed, 1))
		var content []byte
		for i := range lines {
			n := r.IntN(120)
			if i%500 == 250 {
				n = 70_000
			}
			for range n {
				c := byte(r.Uint32())
				if c == '\n' {
					c = '\r'
				}
				content = append(content, c)
			}
			if r.IntN(2) == 0 {
				content = append(content, '\r')
			}
			content = append(content, '\n')
		}
		writeLog(t, path, "")
		o := newOwner(t, path, opt)

		rounds := 60
		if opt.Poll {
			rounds = 5
		}
		w, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		for round, from := 0, 0; round < rounds; round++ {
			to := len(content)
			if round < rounds-1 {
				to = from + r.IntN((len(content)-from)/3+1)
			}
			torn := rand.New(rand.NewPCG(seed, uint64(round)+2))
			var writer sync.WaitGroup
			writer.Go(func() {
				for rest := content[from:to]; len(rest) > 0; {
					n := min(len(rest), 1+torn.IntN(400))
					if torn.IntN(50) == 0 {
						n = min(len(rest), 100_000)
					}
					if _, err := w.Write(rest[:n]); err != nil {
						t.Error(err)
					}
					rest = rest[n:]
					runtime.Gosched()
				}
			})
			o.until(int64(bytes.LastIndexByte(content[:to], '\n') + 1))
			writer.Wait()
			if round%4 == 3 { // as after a crash: the lines that were not committed come again
				o.again()
			}
			from = to
		}
		same(t, "lines", string(o.got), string(content))
	})
}

// A consumer that does not read bounds what is held, and what it then reads comes in few pieces.
func TestFollowWaitsForItsConsumer(t *testing.T) {
	inEveryMode(t, func(t *testing.T, opt tail.FollowOptions) {
		content := string(logOf(4 << 20))
		content = content[:strings.LastIndexByte(content, '\n')+1]
		path := filepath.Join(tree(t, map[string]string{"a.log": content}), "a.log")
		o := newOwner(t, path, opt)
		eventually(t, "blocked", o.f.Blocked)
		for i := range 100 { // waiting for the consumer is no stall
			if err := o.f.Check(time.Unix(int64(i)*60, 0)); err != nil {
				t.Fatal(err)
			}
		}
		rest := o.rest()
		if o.at > 3*tail.MaxPiece {
			t.Errorf("%d bytes were held", o.at)
		}
		same(t, "lines and rest", string(o.got)+rest, content)
	})
}

func TestFollowStopWhileALineWaits(t *testing.T) {
	inEveryMode(t, func(t *testing.T, opt tail.FollowOptions) {
		path := filepath.Join(tree(t, map[string]string{"a.log": string(logOf(2 << 20))}), "a.log")
		o := newOwner(t, path, opt)
		eventually(t, "blocked", o.f.Blocked)
		var all sync.WaitGroup
		for range 3 { // at once, and again
			all.Go(o.f.Stop)
		}
		all.Wait()
		o.f.Stop()
		for p := range o.f.Pieces() {
			o.commit(p)
		}
		if err := o.f.Err(); err != nil || o.at != o.f.Delivered() {
			t.Errorf("err %v, %d received, %d delivered", err, o.at, o.f.Delivered())
		}
	})
}

// At any moment of its life.
func TestFollowStopAtOnce(t *testing.T) {
	inEveryMode(t, func(t *testing.T, opt tail.FollowOptions) {
		path := filepath.Join(tree(t, map[string]string{"a.log": string(logOf(16 << 10))}), "a.log")
		for i := range 50 {
			o := newOwner(t, path, opt)
			for range i {
				runtime.Gosched()
			}
			o.f.Stop()
		}
	})
}

// The library removes its watch by the name alone, some time after it has ended: the next Follower of the path would
// lose its own.
func TestFollowStopWaitsForItsWatchToBeRemoved(t *testing.T) {
	t.Parallel()
	path := filepath.Join(tree(t, map[string]string{"a.log": "line\n"}), "a.log")
	o := newOwner(t, path, tail.FollowOptions{}.ByPath())
	for i := range 50 {
		o.until(int64(5 * (i + 1)))
		eventually(t, "watched", o.f.Watched)
		o.f.Stop()
		if o.f.Watched() {
			t.Fatal("still watched")
		}
		o.again()
		add(t, path, "line\n")
	}
}

func TestFollowRefuses(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a.log": "one\ntwo\n", "cut.log": "one\ntw"})
	for _, c := range []struct {
		path   string
		offset int64
		want   error
	}{
		{"none.log", 0, fs.ErrNotExist},
		{"a.log", -1, fs.ErrInvalid},
		{"a.log", 9, tail.ErrTruncated},
		{"a.log", 6, tail.ErrTruncated},
		{"cut.log", 6, tail.ErrTruncated},
		{"a.log", 8, nil},
		{"cut.log", 4, nil},
	} {
		f, err := tail.Follow(filepath.Join(dir, c.path), c.offset, tail.FollowOptions{})
		if err == nil {
			f.Stop()
		}
		if !errors.Is(err, c.want) || err != nil && !strings.Contains(err.Error(), filepath.Join(dir, c.path)) {
			t.Errorf("%s at %d: got %v, want %v", c.path, c.offset, err, c.want)
		}
	}
	if _, err := tail.Follow(dir, 0, tail.FollowOptions{}); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a directory: %v", err)
	}
}

func BenchmarkFollow(b *testing.B) {
	log := logOf(32 << 20)
	log = log[:bytes.LastIndexByte(log, '\n')+1]
	lines := bytes.Count(log, []byte("\n"))
	path := filepath.Join(b.TempDir(), "a.log")
	writeLog(b, path, string(log))
	b.SetBytes(int64(len(log)))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	pieces := 0
	for b.Loop() {
		f, err := tail.Follow(path, 0, tail.FollowOptions{})
		if err != nil {
			b.Fatal(err)
		}
		for n := 0; n < len(log); pieces++ {
			n += len((<-f.Pieces()).Data)
		}
		f.Stop()
	}
	runtime.ReadMemStats(&after)
	n := float64(b.N) * float64(lines)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n, "ns/line")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/n, "allocs/line")
	b.ReportMetric(n/float64(pieces), "lines/piece")
}
