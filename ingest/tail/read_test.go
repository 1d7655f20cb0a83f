package tail_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/outmode/outmode/ingest/tail"
)

func gzipOf(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// zipOf packs pairs of name and content; a content of less than 100 bytes is stored.
func zipOf(t testing.TB, pairs ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for pair := range slices.Chunk(pairs, 2) {
		h := &zip.FileHeader{Name: pair[0], Method: zip.Deflate}
		if len(pair[1]) < 100 {
			h.Method = zip.Store
		}
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, pair[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read returns the whole stream and the error that ended it, nil for io.EOF.
func read(t testing.TB, in tail.Input) (string, error) {
	t.Helper()
	r, err := in.Open()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if again, err2 := r.Read(make([]byte, 1)); again != 0 || err == nil && err2 != io.EOF || err != nil && err2 != err {
		t.Errorf("%s: after %v, Read returned %d, %v", in.Path, err, again, err2)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	return string(b), err
}

func content(t testing.TB, in tail.Input) string {
	t.Helper()
	text, err := read(t, in)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// one writes file and returns the only input in it.
func one(t testing.TB, file []byte, limits tail.Limits) tail.Input {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.log") // content decides, not the name
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	inputs, problems := tail.Find([]string{path}, tail.FindOptions{Limits: limits})
	if len(inputs) != 1 || len(problems) != 0 {
		t.Fatalf("found %v, %v", inputs, problems)
	}
	return inputs[0]
}

func TestArchivesAreKnownByContent(t *testing.T) {
	t.Parallel()
	log := string(logOf(700 << 10)) // beyond a block of the goroutine
	zipped := zipOf(t, `dir\a.log`, log, "dir/", "", "../../b.log", "b", `C:\c.log.gz`, string(gzipOf(t, log)), "bad\x1b[2J\u202e.log", "d")
	dir := tree(t, map[string]string{
		"a.gz": "not compressed", "b.log": string(gzipOf(t, log)), "c.log": string(gzipOf(t, "one\n")) + string(gzipOf(t, "two\n")),
		"d.log": string(zipped), "e.zip": "neither",
	})
	inputs, problems := tail.Find([]string{dir}, tail.FindOptions{})
	paths, complaints := found(dir, inputs, problems)
	want := map[string]string{
		"a.gz": "not compressed", "b.log": log, "c.log": "one\ntwo\n", "d.log!../../b.log": "b", "d.log!C:/c.log.gz": log,
		"d.log!bad\ufffd[2J\ufffd.log": "d", "d.log!dir/a.log": log, "e.zip": "neither",
	}
	for i, in := range inputs {
		if got := content(t, in); got != want[paths[i]] || want[paths[i]] == "" {
			t.Errorf("%s has %d bytes, want %d", paths[i], len(got), len(want[paths[i]]))
		}
		archive := strings.Contains(in.Path, "!") || paths[i] == "b.log" || paths[i] == "c.log"
		if in.Plain == archive {
			t.Errorf("%s: Plain is %v", paths[i], in.Plain)
		}
		if _, err := in.OpenAt(); archive && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: OpenAt: %v", paths[i], err)
		}
	}
	if len(paths) != len(want) || !slices.IsSorted(paths) {
		t.Errorf("got %q", paths)
	}
	expect(t, "problems", complaints, nil)
}

func TestZipMembersThatAreNotOpened(t *testing.T) {
	t.Parallel()
	inner := zipOf(t, "x", "x")
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	raw := func(name string, method, flags uint16, mode os.FileMode, text string) {
		h := &zip.FileHeader{Name: name, Method: method, Flags: flags, CompressedSize64: uint64(len(text)), UncompressedSize64: uint64(len(text))}
		h.SetMode(mode)
		w, err := z.CreateRaw(h)
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	raw("deflate64.log", 9, 0, 0o600, "????")
	raw("secret.log", zip.Store, 1, 0o600, "????")
	raw("link", zip.Store, 0, os.ModeSymlink|0o777, "/etc/passwd")
	raw("inner", zip.Store, 0, 0o600, string(inner))
	raw("a.xz", zip.Store, 0, 0o600, "\xfd7zXZ\x00")
	raw("same", zip.Store, 0, 0o600, "1")
	raw("same", zip.Store, 0, 0o600, "2")
	raw("same#2", zip.Store, 0, 0o600, "3")
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	dir := tree(t, map[string]string{"z": b.String(), "broken.zip": "PK\x03\x04 and no more", "cut.zip": b.String()[:b.Len()-30], "b.7z": "7z\xbc\xaf\x27\x1c\x00\x04"})
	inputs, problems := tail.Find([]string{dir}, tail.FindOptions{})
	paths, complaints := found(dir, inputs, problems)
	expect(t, "inputs", paths, []string{"z!same", "z!same#2", "z!same#2#2"})
	expect(t, "problems", complaints, []string{
		"unread b.7z: unsupported compression", "unread broken.zip: corrupt zip", "unread cut.zip: corrupt zip", "unread z!a.xz: unsupported compression",
		"unread z!deflate64.log: unsupported compression", "unread z!inner: zip in zip", "note z!link: not a regular file",
		"note z!same: same name as z!same#2", "note z!same#2: same name as z!same#2#2", "unread z!secret.log: encrypted",
	})
	for i, want := range []string{"1", "2", "3"} {
		if got := content(t, inputs[i]); got != want {
			t.Errorf("%s has %q", paths[i], got)
		}
	}
}

func TestFileThatShrinksOrGrowsWhileItIsRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.log")
	for _, file := range [][]byte{logOf(1 << 20), gzipOf(t, string(logOf(2<<20)))} {
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		inputs, _ := tail.Find([]string{path}, tail.FindOptions{})
		r, err := inputs[0].Open()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, 1000); err != nil {
			t.Fatal(err)
		}
		_, err = io.ReadAll(r)
		var shrunk *tail.ShrunkError
		if damaged := (*tail.TruncatedError)(nil); !errors.As(err, &shrunk) || errors.As(err, &damaged) || shrunk.Want != int64(len(file)) || shrunk.Got > shrunk.Want || shrunk.Path != filepath.ToSlash(path) {
			t.Errorf("error: %v", err)
		}
		r.Close()
	}

	if err := os.WriteFile(path, logOf(1000), 0o600); err != nil {
		t.Fatal(err)
	}
	inputs, _ := tail.Find([]string{path}, tail.FindOptions{})
	f, err := inputs[0].OpenAt()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.WriteFile(path, logOf(5000), 0o600); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 2000)
	if n, err := f.ReadAt(p, 500); n != 500 || err != io.EOF || f.Size() != 1000 {
		t.Errorf("what was appended is seen: %d, %v of %d", n, err, f.Size())
	}
	if fi, err := f.Stat(); err != nil || fi.Size() != 5000 {
		t.Errorf("Stat: %v, %v", fi, err)
	}
	if err := os.Truncate(path, 10); err != nil {
		t.Fatal(err)
	}
	var s tail.Scanner
	var shrunk *tail.ShrunkError
	for s.ResetSpan(f, tail.Span{From: 0, To: 1000}); s.Next(); {
	}
	if !errors.As(s.Err(), &shrunk) || shrunk.Got != 10 || shrunk.Want != 1000 {
		t.Errorf("Scanner: %v", s.Err())
	}
}

// A goroutine that is left blocked when the function ends fails a synctest.Test.
func TestCloseEndsTheGoroutine(t *testing.T) {
	t.Parallel()
	in := one(t, gzipOf(t, string(logOf(2<<20))), tail.Limits{})
	for name, use := range map[string]func(r *tail.Reader){
		"unread":    func(*tail.Reader) {},
		"all ahead": func(*tail.Reader) { synctest.Wait() },
		"some read": func(r *tail.Reader) { io.CopyN(io.Discard, r, 1<<20) },
		"all read":  func(r *tail.Reader) { io.Copy(io.Discard, r) },
	} {
		synctest.Test(t, func(t *testing.T) {
			r, err := in.Open()
			if err != nil {
				t.Fatal(err)
			}
			use(r)
			if err := r.Close(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if n, err := r.Read(make([]byte, 1)); n != 0 || err == nil {
				t.Errorf("%s: read %d after Close", name, n)
			}
		})
	}
}

func TestOpenOfWhatIsGone(t *testing.T) {
	t.Parallel()
	in := one(t, []byte("a"), tail.Limits{})
	if err := os.Remove(in.Disk); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Open(); !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "opening "+in.Path+": ") {
		t.Errorf("error: %v", err)
	}
	if _, _, err := in.Digest(1); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Digest: %v", err)
	}
	if _, err := tail.Relate(t.Context(), in, in); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Relate: %v", err)
	}
}

func TestDigestIsOfTheLogAndNotOfTheArchive(t *testing.T) {
	t.Parallel()
	log := string(logOf(400 << 10))
	plain, packed := one(t, []byte(log), tail.Limits{}), one(t, gzipOf(t, log), tail.Limits{})
	for n, covered := range map[int64]int{0: 0, 1: 1, 200_000: 200_000, int64(len(log)): len(log), 1 << 40: len(log)} {
		want := sha256.Sum256([]byte(log[:covered]))
		for _, in := range []tail.Input{plain, packed} {
			if got, size, err := in.Digest(n); got != want || size != int64(covered) || err != nil {
				t.Errorf("%d bytes: got %x of %d, %v", n, got, size, err)
			}
		}
	}
}

func TestRelate(t *testing.T) {
	t.Parallel()
	log := logOf(400 << 10)
	other := bytes.Clone(log)
	other[len(other)-1]++
	whole := one(t, log, tail.Limits{})
	cut := gzipOf(t, string(log))
	const is, holds = tail.FirstInSecond, tail.SecondInFirst // the whole log in the file; the file in the whole log
	for name, tt := range map[string]struct {
		file    []byte
		want    tail.Relation
		damaged bool
	}{
		"compressed":        {gzipOf(t, string(log)), tail.Same, false},
		"shorter":           {log[:131_073], holds, false},
		"a block":           {log[:128<<10], holds, false},
		"longer":            {append(bytes.Clone(log), 'x'), is, false},
		"last byte differs": {other, tail.Different, false},
		"first differs":     {append([]byte("x"), log...), tail.Different, false},
		"empty":             {nil, holds, false},
		"damaged":           {cut[:len(cut)/2], holds, true},
		"reserved":          {append(bytes.Clone(log[:200_000]), make([]byte, 400<<10)...), holds, false},
		"reserved, longer":  {append(bytes.Clone(log), make([]byte, 64<<10)...), is, false},
		"NULs within":       {append(append(bytes.Clone(log[:200_000]), make([]byte, 100)...), 'x'), tail.Different, false},
	} {
		in := one(t, tt.file, tail.Limits{})
		swapped := [...]tail.Relation{tail.Different, tail.Same, tail.SecondInFirst, tail.FirstInSecond}[tt.want]
		for i, pair := range [][2]tail.Input{{whole, in}, {in, whole}} {
			got, err := tail.Relate(t.Context(), pair[0], pair[1])
			var damaged *tail.TruncatedError
			if got != [2]tail.Relation{tt.want, swapped}[i] || errors.As(err, &damaged) != tt.damaged || err != nil && !tt.damaged {
				t.Errorf("%s, %d: got %v, %v", name, i, got, err)
			}
		}
	}
}

// A comparison ends with its context, at once and without an answer.
func TestRelateIsStopped(t *testing.T) {
	t.Parallel()
	log := logOf(400 << 10)
	ctx, stop := context.WithCancel(t.Context())
	in := one(t, log, tail.Limits{})
	r, err := in.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	reading := tail.Stoppable(ctx, r)
	if n, err := reading.Read(make([]byte, 100)); n != 100 || err != nil {
		t.Errorf("before: %d bytes, %v", n, err)
	}
	stop()
	if n, err := io.Copy(io.Discard, reading); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("after: %d bytes, %v", n, err)
	}
	if r, err := tail.Relate(ctx, in, in); r != tail.Different || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", r, err)
	}
}
