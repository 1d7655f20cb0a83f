package tail_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/outmode/outmode/ingest/tail"
)

func TestIdentifyNamesTheFileAndNotThePath(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a.log": "a", "b.log": "b"})
	a, b, moved := filepath.Join(dir, "a.log"), filepath.Join(dir, "b.log"), filepath.Join(dir, "moved.log")
	id := func(path string) tail.FileID {
		t.Helper()
		id, err := tail.Identify(path)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	if _, network, err := tail.Network(dir); err != nil || network {
		t.Skip("the temporary directory is on a network:", err)
	}
	first := id(a)
	if !regexp.MustCompile(`^[0-9a-f]+:[0-9a-f]+$`).MatchString(string(first)) {
		t.Errorf("%q", first)
	}
	if first == id(b) || first == id(dir) || id(b) == id(dir) {
		t.Errorf("one id for several: %q, %q, %q", first, id(b), id(dir))
	}
	f, err := tail.OpenLive(a)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rename(t, a, moved)
	writeLog(t, a, "another")
	if got := id(moved); got != first {
		t.Errorf("after a rename %q, before %q", got, first)
	}
	if got := id(a); got == first {
		t.Errorf("the file in its place has the same, %q", got)
	}
	if got, err := tail.IdentifyFile(f); err != nil || got != first {
		t.Errorf("of the open file %q, %v, want %q", got, err, first)
	}
}

func TestIdentifyErrors(t *testing.T) {
	t.Parallel()
	none := filepath.Join(t.TempDir(), "none.log")
	if id, err := tail.Identify(none); id != "" || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%q, %v", id, err)
	}
	if _, _, err := tail.Network(none); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := tail.OpenLive(none); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	f, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if id, err := tail.IdentifyFile(f); id != "" || !errors.Is(err, os.ErrClosed) {
		t.Errorf("%q, %v", id, err)
	}
}
