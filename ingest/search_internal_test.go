package ingest

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
)

// A share that does not answer keeps nobody waiting, and what was known of it is not taken to be gone.
func TestDeadShare(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.log"), []byte("#Fields: date time\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		local, dead := &Root{Path: dir}, &Root{Path: "//EX02/OutmodeLogs"}
		f := &following{said: map[string]bool{}, opt: FollowOptions{Log: slog.New(slog.DiscardHandler)},
			searches: []*search{{roots: []*Root{local}}, {roots: []*Root{dead}, answer: make(chan found)}}}
		for range 2 {
			if got := f.find(t.Context()); len(got.inputs) != 1 || got.inputs[0].Path != filepath.ToSlash(filepath.Join(dir, "a.log")) {
				t.Errorf("found %v", got.inputs)
			}
		}
		if !f.unanswered("//EX02/OutmodeLogs/W3SVC1/u_ex.log") || f.unanswered(dir+"/a.log") {
			t.Error("which root did not answer is not known")
		}
		if !f.said["late "+dead.Path] {
			t.Error("nobody was told")
		}
		go func() { f.searches[1].answer <- found{} }()
		synctest.Wait()
		f.find(t.Context())
		if f.unanswered("//EX02/OutmodeLogs/W3SVC1/u_ex.log") || f.said["late "+dead.Path] {
			t.Error("its answer was not taken")
		}
	})
}
