package tail_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest/tail"
)

// The library never comes back from a rename that happens while it waits for its consumer.
func TestFollowRotationWhileTheConsumerIsBlocked(t *testing.T) {
	inEveryMode(t, func(t *testing.T, opt tail.FollowOptions) {
		dir := tree(t, map[string]string{"a.log": "first\n"})
		path, old := filepath.Join(dir, "a.log"), filepath.Join(dir, "old.log")
		o := newOwner(t, path, opt)
		o.until(6)
		if !opt.Poll {
			eventually(t, "watched", o.f.Watched)
		}
		log := string(logOf(2 << 20))
		log = log[:strings.LastIndexByte(log, '\n')+1]
		add(t, path, log)
		eventually(t, "blocked", o.f.Blocked)
		rename(t, path, old)
		writeLog(t, path, "new\n")
		add(t, old, "last\n")

		is(t, o.f.Check(o.now), tail.ErrReplaced, path)
		rest := o.rest()
		same(t, "the old file", string(o.got)+rest, "first\n"+log+"last\n")
		o.f.Stop()

		n := newOwner(t, path, opt)
		n.until(4)
		add(t, path, "newer\n")
		n.until(10)
		same(t, "the new file", string(n.got), "new\nnewer\n")
	})
}

func TestFollowAppendRightBeforeRename(t *testing.T) {
	inEveryMode(t, func(t *testing.T, opt tail.FollowOptions) {
		for range 5 {
			dir := tree(t, map[string]string{"a.log": "first\n"})
			path := filepath.Join(dir, "a.log")
			o := newOwner(t, path, opt)
			o.until(6)
			add(t, path, "last\n")
			rename(t, path, filepath.Join(dir, "old.log"))
			writeLog(t, path, "new\n")
			if err := o.fails(); !errors.Is(err, tail.ErrGone) { // it was seen between the two
				is(t, err, tail.ErrReplaced, path)
			}
			rest := o.rest()
			same(t, "the old file", string(o.got)+rest, "first\nlast\n")
			o.f.Stop()
		}
	})
}

func TestFollowHalfLineAtRename(t *testing.T) {
	inEveryMode(t, func(t *testing.T, opt tail.FollowOptions) {
		dir := tree(t, map[string]string{"a.log": "first\nhal"})
		path, old := filepath.Join(dir, "a.log"), filepath.Join(dir, "old.log")
		o := newOwner(t, path, opt)
		o.until(6)
		rename(t, path, old)
		is(t, o.fails(), tail.ErrGone, path)
		rest := o.f.Rest()
		if half, err := io.ReadAll(rest); err != nil || string(half) != "hal" {
			t.Fatalf("%q, %v", half, err)
		}
		add(t, old, "f\n") // the writer was not done with it
		if more, err := io.ReadAll(rest); err != nil || string(more) != "f\n" {
			t.Fatalf("%q, %v", more, err)
		}
		if at := o.f.Delivered(); at != 6 {
			t.Errorf("delivered %d", at)
		}
	})
}

// What stands behind the last line may be another log's, if the file was rewritten since: whoever read it must ask.
func TestFollowRestOfARewrittenFile(t *testing.T) {
	inEveryMode(t, func(t *testing.T, opt tail.FollowOptions) {
		path := filepath.Join(tree(t, map[string]string{"a.log": "first\n"}), "a.log")
		o := newOwner(t, path, opt)
		o.until(6)
		rest := o.f.Rest()
		if err := o.f.Unchanged(); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(path, []byte("other\nlines\n"), 0); err != nil { // in its place
			t.Fatal(err)
		}
		if end, err := io.ReadAll(rest); err != nil || string(end) != "lines\n" {
			t.Fatalf("%q, %v", end, err)
		}
		is(t, o.f.Unchanged(), tail.ErrTruncated, path)
	})
}

func TestFollowDeletedFile(t *testing.T) {
	inEveryMode(t, func(t *testing.T, opt tail.FollowOptions) {
		path := filepath.Join(tree(t, map[string]string{"a.log": "first\n"}), "a.log")
		w, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		o := newOwner(t, path, opt)
		o.until(6)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if _, err := w.WriteString("last\n"); err != nil {
			t.Fatal(err)
		}
		is(t, o.fails(), tail.ErrGone, path)
		rest := o.rest()
		same(t, "the deleted file", string(o.got)+rest, "first\nlast\n")
		o.f.Stop()
		writeLog(t, path, "new\n")
		n := newOwner(t, path, opt)
		n.until(4)
	})
}

func TestFollowStopAfterDeletion(t *testing.T) {
	inEveryMode(t, func(t *testing.T, opt tail.FollowOptions) {
		path := filepath.Join(tree(t, map[string]string{"a.log": string(logOf(2 << 20))}), "a.log")
		o := newOwner(t, path, opt)
		eventually(t, "blocked", o.f.Blocked)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		o.f.Stop()
		if err := o.f.Err(); err != nil {
			t.Error(err)
		}
	})
}

// The library reads a file that became shorter again from its start, with no mark between the lines.
func TestFollowTruncated(t *testing.T) {
	inEveryMode(t, func(t *testing.T, opt tail.FollowOptions) {
		path := filepath.Join(tree(t, map[string]string{"a.log": "old1\nold2\n"}), "a.log")
		o := newOwner(t, path, opt)
		o.until(10)
		writeLog(t, path, "new\n")
		is(t, o.fails(), tail.ErrTruncated, path)
		same(t, "rest", o.rest(), "")
		same(t, "lines", string(o.got), "old1\nold2\n")
	})
}

// Without Check: when the library notices, what it then reads is not delivered. It does not notice every time.
func TestFollowEndsWhereTheLibraryReadsAgain(t *testing.T) {
	inEveryMode(t, func(t *testing.T, opt tail.FollowOptions) {
		path := filepath.Join(tree(t, map[string]string{"a.log": "old1\nold2\n"}), "a.log")
		o := newOwner(t, path, opt)
		o.until(10)
		if !opt.Poll {
			eventually(t, "watched", o.f.Watched)
		}
		shrink := time.NewTicker(400 * time.Millisecond) // a poll sees one size after the other
		defer shrink.Stop()
		deadline := time.After(patience)
		for i := 0; ; i++ {
			if i%2 == 0 {
				writeLog(t, path, "n1\nn2\n")
			} else {
				writeLog(t, path, "n\n")
			}
			select {
			case p, ok := <-o.f.Pieces():
				if ok {
					t.Fatalf("delivered %q at %d", p.Data, p.From)
				}
				is(t, o.f.Err(), tail.ErrTruncated, path)
				is(t, o.f.Check(o.now), tail.ErrTruncated, path)
				if !strings.Contains(o.f.Err().Error(), "it became shorter") { // as told by the library, before it reads
					t.Error(o.f.Err())
				}
				return
			case <-shrink.C:
			case <-deadline:
				t.Fatal("the library does not notice")
			}
		}
	})
}

// The library reads on in the middle of other lines.
func TestFollowRewrittenLonger(t *testing.T) {
	inEveryMode(t, func(t *testing.T, opt tail.FollowOptions) {
		path := filepath.Join(tree(t, map[string]string{"a.log": "aaaa\nbbbb\n"}), "a.log")
		o := newOwner(t, path, opt)
		o.until(10)
		writeLog(t, path, "cccc\ndddd\neeee\nffff\n")
		is(t, o.fails(), tail.ErrTruncated, path)
		same(t, "lines", string(o.got), "aaaa\nbbbb\n")
	})
}

// What copytruncate does to a writer that does not append: a hole of NULs up to where it was.
func TestFollowHoleOfNULs(t *testing.T) {
	inEveryMode(t, func(t *testing.T, opt tail.FollowOptions) {
		path := filepath.Join(tree(t, map[string]string{"a.log": "aaaa\nbbbb\n"}), "a.log")
		o := newOwner(t, path, opt)
		o.until(10)
		if err := os.Truncate(path, 0); err != nil {
			t.Fatal(err)
		}
		w, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		if _, err := w.WriteAt([]byte("cccc\n"), 10); err != nil {
			t.Fatal(err)
		}
		is(t, o.fails(), tail.ErrTruncated, path)
		same(t, "lines", string(o.got), "aaaa\nbbbb\n")
	})
}

// What a Follower cannot see: another file with the same 512 bytes before the offset. The owner compares its head.
func TestFollowRewrittenWithTheSameBytesBefore(t *testing.T) {
	inEveryMode(t, func(t *testing.T, opt tail.FollowOptions) {
		const tail512 = 512
		repeated := strings.Repeat("0123456789abcde\n", tail512/16)
		path := filepath.Join(tree(t, map[string]string{"a.log": "#old\n" + repeated}), "a.log")
		o := newOwner(t, path, opt)
		o.until(5 + tail512)
		writeLog(t, path, "#new\n"+repeated+"more\n")
		err := o.run(func() bool { return o.at == 5+tail512+5 })
		if err == nil {
			same(t, "lines", string(o.got), "#old\n"+repeated+"more\n")
		} else { // it was seen while it was short
			is(t, err, tail.ErrTruncated, path)
		}
	})
}

func TestFollowSymlinkToAnotherFile(t *testing.T) {
	inEveryMode(t, func(t *testing.T, opt tail.FollowOptions) {
		dir := tree(t, map[string]string{"1.log": "one\n", "2.log": "two\n"})
		path := filepath.Join(dir, "now.log")
		link(t, filepath.Join(dir, "1.log"), path)
		o := newOwner(t, path, opt)
		o.until(4)
		link(t, filepath.Join(dir, "2.log"), path+".next")
		rename(t, path+".next", path)
		add(t, filepath.Join(dir, "1.log"), "last\n")
		is(t, o.fails(), tail.ErrReplaced, path)
		rest := o.rest()
		same(t, "the old file", string(o.got)+rest, "one\nlast\n")
	})
}

// The library reads a line that is not ended again from its begin whenever it grows.
func TestFollowLineWithoutEnd(t *testing.T) {
	inEveryMode(t, func(t *testing.T, opt tail.FollowOptions) {
		path := filepath.Join(tree(t, map[string]string{"a.log": "first\n"}), "a.log")
		o := newOwner(t, path, opt)
		o.until(6)
		add(t, path, strings.Repeat("x", tail.MaxLine))
		if err := o.f.Check(o.now); err != nil {
			t.Fatalf("a line of MaxLine bytes: %v", err)
		}
		add(t, path, "y")
		is(t, o.f.Check(o.now), tail.ErrLongLine, path)
		if at := o.f.Delivered(); at != 6 {
			t.Errorf("delivered %d", at)
		}
	})
}

func TestFollowLongLine(t *testing.T) {
	inEveryMode(t, func(t *testing.T, opt tail.FollowOptions) {
		longest := "first\n" + strings.Repeat("x", tail.MaxLine) + "\r\nnext\n"
		path := filepath.Join(tree(t, map[string]string{"a.log": longest}), "a.log")
		o := newOwner(t, path, opt)
		o.until(int64(len(longest)))
		same(t, "lines", string(o.got), longest)
		add(t, path, "ok\n"+strings.Repeat("y", tail.MaxLine+2)+"\n")
		is(t, o.fails(), tail.ErrLongLine, path)
		if at := o.rest(); o.f.Delivered() != int64(len(longest)+3) || len(at) != tail.MaxLine+3 {
			t.Errorf("delivered %d, rest %d", o.f.Delivered(), len(at))
		}
	})
}

// A rename there and back while the library is busy: the path is right, and nothing will ever wake it.
func TestFollowStalled(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]tail.FollowOptions{"own path": {}, "by path": tail.FollowOptions{}.ByPath()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(tree(t, map[string]string{"a.log": "first\n"}), "a.log")
			o := newOwner(t, path, opt)
			o.until(6)
			eventually(t, "watched", o.f.Watched)
			log := string(logOf(2 << 20))
			log = log[:strings.LastIndexByte(log, '\n')+1]
			add(t, path, log)
			eventually(t, "blocked", o.f.Blocked)
			rename(t, path, path+".away")
			eventually(t, "unwatched", func() bool { return !o.f.Watched() })
			rename(t, path+".away", path)
			for o.at < int64(6+len(log)) {
				o.commit(<-o.f.Pieces())
			}
			want := "first\n" + log
			var err error
			t0 := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
			eventually(t, "stalled", func() bool { // not yet while the library reads on to the end
				add(t, path, "late\n")
				want += "late\n"
				t0 = t0.Add(time.Hour)
				if err = o.f.Check(t0); err == nil {
					for _, s := range []time.Duration{1, 29, 30} {
						if err := o.f.Check(t0.Add(s * time.Second)); err != nil {
							t.Fatalf("after %d s: %v", s, err)
						}
					}
					err = o.f.Check(t0.Add(31 * time.Second))
				}
				for {
					select {
					case p := <-o.f.Pieces():
						o.commit(p)
						continue
					default:
					}
					return err != nil
				}
			})
			is(t, err, tail.ErrStalled, path)
			if !strings.Contains(err.Error(), "follow it again from the committed offset") {
				t.Error(err)
			}
			o.again()
			o.until(int64(len(want)))
			same(t, "lines", string(o.got), want)
		})
	}
}
