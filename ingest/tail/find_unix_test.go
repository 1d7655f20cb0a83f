//go:build unix

package tail_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/outmode/outmode/ingest/tail"
)

func TestFIFOIsSkippedAndNeverWaitedFor(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a.log": "a", "raced.log": "r"})
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Skip(err)
	}
	opt := tail.FindOptions{}.WithSystem(func(path string) (*os.File, error) {
		if filepath.Base(path) == "raced.log" { // a FIFO takes its place after it was looked at
			os.Remove(path)
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Error(err)
			}
		}
		return tail.OpenShared(path)
	}, nil)
	inputs, problems := tail.Find([]string{dir, filepath.Join(dir, "fifo"), "/dev/null"}, opt)
	paths, complaints := found(dir, inputs, problems)
	expect(t, "inputs", paths, []string{"a.log"})
	expect(t, "problems", complaints, []string{"unread /dev/null: not a regular file", "note fifo: not a regular file", "unread fifo: not a regular file", "unread raced.log: not a regular file"})
}
