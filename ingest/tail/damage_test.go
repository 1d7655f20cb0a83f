package tail_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest/tail"
)

func TestDamagedArchiveDeliversWhatItHas(t *testing.T) {
	t.Parallel()
	log := string(logOf(300 << 10))
	whole := gzipOf(t, log)
	flip := func(b []byte, at int) []byte {
		b = bytes.Clone(b)
		b[at] ^= 0xff
		return b
	}
	tests := map[string]struct {
		file []byte
		want error // nil: any
		all  bool  // the log is complete
	}{
		"cut in the middle":    {whole[:len(whole)/2], io.ErrUnexpectedEOF, false},
		"cut in the checksum":  {whole[:len(whole)-5], io.ErrUnexpectedEOF, true},
		"cut in the header":    {whole[:7], io.ErrUnexpectedEOF, false},
		"magic alone":          {whole[:2], io.ErrUnexpectedEOF, false},
		"wrong checksum":       {flip(whole, len(whole)-6), gzip.ErrChecksum, true},
		"garbage behind":       {append(bytes.Clone(whole), "garbage garbage"...), gzip.ErrHeader, true},
		"zeros behind":         {append(bytes.Clone(whole), make([]byte, 512)...), gzip.ErrHeader, true},
		"second member broken": {slices.Concat(whole, gzipOf(t, "b")[:10]), io.ErrUnexpectedEOF, true},
		"flipped in the block": {flip(whole, len(whole)/2), nil, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := read(t, one(t, tt.file, tail.Limits{}))
			var damaged *tail.TruncatedError
			if !errors.As(err, &damaged) || tt.want != nil && !errors.Is(err, tt.want) {
				t.Fatalf("error: %v", err)
			}
			if damaged.Delivered != int64(len(got)) {
				t.Errorf("delivered %d, says %d", len(got), damaged.Delivered)
			}
			if tt.all && got != log || tt.want != nil && !strings.HasPrefix(log, got) {
				t.Errorf("got %d of %d bytes", len(got), len(log))
			}
			if name == "cut in the middle" && len(got) < len(log)/3 {
				t.Errorf("only %d of %d bytes", len(got), len(log))
			}
		})
	}
}

func TestArchiveEmptiedAfterItWasFound(t *testing.T) {
	t.Parallel()
	in := one(t, gzipOf(t, "a"), tail.Limits{})
	if err := os.Truncate(in.Disk, 0); err != nil {
		t.Fatal(err)
	}
	if got, err := read(t, in); got != "" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestDamagedZipMember(t *testing.T) {
	t.Parallel()
	log := string(logOf(300 << 10))
	var packed bytes.Buffer
	fw, err := flate.NewWriter(&packed, flate.BestSpeed)
	if err == nil {
		_, err = io.WriteString(fw, log)
	}
	if err := errors.Join(err, fw.Close()); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		body []byte
		size int
		want error
	}{
		"cut":            {packed.Bytes()[:packed.Len()/2], len(log), io.ErrUnexpectedEOF},
		"wrong checksum": {packed.Bytes(), len(log), gzip.ErrChecksum},
		"shorter":        {packed.Bytes(), len(log) + 1, io.ErrUnexpectedEOF},
		"longer":         {packed.Bytes(), len(log) - 1, nil},
	} {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		w, err := z.CreateRaw(&zip.FileHeader{Name: "a", Method: zip.Deflate, CRC32: 1, CompressedSize64: uint64(len(tt.body)), UncompressedSize64: uint64(tt.size)})
		if err == nil {
			_, err = w.Write(tt.body)
		}
		if err := errors.Join(err, z.Close()); err != nil {
			t.Fatal(err)
		}
		got, err := read(t, one(t, b.Bytes(), tail.Limits{}))
		var damaged *tail.TruncatedError
		if !errors.As(err, &damaged) || tt.want != nil && !errors.Is(err, tt.want) || !strings.HasPrefix(log, got) || len(got) < len(log)/3 {
			t.Errorf("%s: got %d bytes, %v", name, len(got), err)
		}
	}
}

func TestBombsAreStopped(t *testing.T) {
	t.Parallel()
	zeros := strings.Repeat("\x00", 1<<20) // 1000 times larger than packed
	packed := bytes.Repeat(gzipOf(t, zeros), 17)
	tests := map[string]struct {
		file   []byte
		limits tail.Limits
		limit  tail.Limit
		min    int
		max    int
	}{
		"ratio, gzip":         {packed, tail.Limits{}, tail.LimitRatio, 16 << 20, 16<<20 + 256<<10},
		"ratio, zip":          {zipOf(t, "a", strings.Repeat(zeros, 17)), tail.Limits{}, tail.LimitRatio, 16 << 20, 16<<20 + 256<<10},
		"ratio, gzip in zip":  {zipOf(t, "a", string(packed)), tail.Limits{}, tail.LimitRatio, 16 << 20, 16<<20 + 256<<10},
		"ratio allowed":       {packed, tail.Limits{MaxRatio: 2000}, "", 17 << 20, 17 << 20},
		"size":                {gzipOf(t, zeros[:1000]), tail.Limits{MaxExpanded: 999}, tail.LimitExpanded, 999, 999},
		"size exactly":        {gzipOf(t, zeros[:1000]), tail.Limits{MaxExpanded: 1000}, "", 1000, 1000},
		"size, zip":           {zipOf(t, "a", zeros[:1000]), tail.Limits{MaxExpanded: 999}, tail.LimitExpanded, 999, 999},
		"a plain file is not": {[]byte(zeros[:1000]), tail.Limits{MaxExpanded: 10}, "", 1000, 1000},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := one(t, tt.file, tt.limits)
			got, err := read(t, in)
			var limit *tail.LimitError
			if errors.As(err, &limit); tt.limit == "" && err != nil || tt.limit != "" && (limit == nil || limit.Limit != tt.limit || limit.Path != in.Path) {
				t.Errorf("error: %v", err)
			}
			if len(got) < tt.min || len(got) > tt.max {
				t.Errorf("delivered %d bytes", len(got))
			}
		})
	}
}

// Not parallel: it looks at the memory of the process.
func TestZipDirectoryIsNotCollectedBeforeItIsCounted(t *testing.T) {
	pairs := slices.Repeat([]string{"m", ""}, 20_000)
	path := filepath.Join(t.TempDir(), "z")
	if err := os.WriteFile(path, zipOf(t, pairs...), 0o600); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, problems := tail.Find([]string{path}, tail.FindOptions{Limits: tail.Limits{MaxMembers: 2}})
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 2<<20 || len(problems) != 1 {
		t.Errorf("took %d bytes to say %v", used, problems)
	}
}

func TestZipWithTooManyOrOverlappingMembers(t *testing.T) {
	t.Parallel()
	pairs := slices.Repeat([]string{"m", ""}, 3)
	two := zipOf(t, "a", strings.Repeat("a", 90), "b", strings.Repeat("b", 90))
	// Both members claim more than half of the file.
	lying := bytes.Clone(two)
	for at := bytes.Index(lying, []byte("PK\x01\x02")); at >= 0; {
		binary.LittleEndian.PutUint32(lying[at+20:], uint32(len(two)/2+1))
		next := bytes.Index(lying[at+4:], []byte("PK\x01\x02"))
		if next < 0 {
			break
		}
		at += 4 + next
	}
	dir := tree(t, map[string]string{"fits": string(two), "more": string(zipOf(t, pairs...)), "overlap": string(lying)})
	inputs, problems := tail.Find([]string{dir}, tail.FindOptions{Limits: tail.Limits{MaxMembers: 2}})
	paths, complaints := found(dir, inputs, problems)
	expect(t, "inputs", paths, []string{"fits!a", "fits!b"})
	expect(t, "problems", complaints, []string{"unread more: too many members", "unread overlap: corrupt zip"})
	var limit *tail.LimitError
	if !errors.As(problems[0], &limit) || limit.Limit != tail.LimitMembers || limit.Allowed != 2 {
		t.Errorf("got %v", problems[0])
	}
}

func FuzzFindZip(f *testing.F) {
	f.Add(zipOf(f, "a", "a", `b\c`, strings.Repeat("b", 200)))
	f.Add(gzipOf(f, "a"))
	f.Fuzz(func(t *testing.T, file []byte) {
		inputs, problems := tail.Find([]string{"-"}, tail.FindOptions{Stdin: bytes.NewReader(file), SpoolDir: t.TempDir(), Limits: tail.Limits{MaxExpanded: 1 << 20, MaxMembers: 50}})
		defer tail.Cleanup(inputs)
		if len(inputs)+len(problems) == 0 && len(file) < 22 {
			t.Error("neither an input nor a problem")
		}
		for _, in := range inputs {
			r, err := in.Open()
			if err != nil {
				t.Fatal(err)
			}
			n, err := io.Copy(io.Discard, r)
			var damaged *tail.TruncatedError
			var limit *tail.LimitError
			if n > 1<<20 && !in.Plain || err != nil && !errors.As(err, &damaged) && !errors.As(err, &limit) {
				t.Errorf("%s: %d bytes, %v", in.Path, n, err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}
