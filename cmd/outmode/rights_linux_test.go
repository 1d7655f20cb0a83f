package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// asNobody runs the test again as an account to which rights matter, in a folder of its own, and reports whether this
// is that run.
func asNobody(t *testing.T) (dir string, is bool) {
	t.Helper()
	const env = "OUTMODE_TEST_NOBODY"
	if dir = os.Getenv(env); dir != "" {
		return dir, true
	}
	if os.Getuid() != 0 {
		return t.TempDir(), true
	}
	const nobody = 65534
	dir, err := os.MkdirTemp("", "outmode") // not t.TempDir, which is for its owner alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	// By its descriptor: the directory in which it was built is for its owner alone.
	cmd := exec.CommandContext(t.Context(), "/proc/self/fd/3", "-test.run=^"+t.Name()+"$", "-test.count=1")
	cmd.ExtraFiles, cmd.Dir, cmd.Env = []*os.File{self}, "/", append(os.Environ(), env+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
	return dir, false
}

func chmod(t *testing.T, mode os.FileMode, paths ...string) {
	t.Helper()
	for _, p := range paths {
		if err := os.Chmod(p, mode); err != nil {
			t.Fatal(err)
		}
	}
}

// A store that cannot be written is read by all that only reads, and told of by all that writes; serve goes on by
// itself when it can be written again.
func TestStoreThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	dir, is := asNobody(t)
	if !is {
		return
	}
	logs, data, file := filepath.Join(dir, "logs"), filepath.Join(dir, "data"), filepath.Join(dir, "config.yaml")
	log := filepath.Join(logs, "a.LOG")
	write(t, log, []byte(proxyHead+proxyLine(`CONTOSO\anna`, "agent")))
	write(t, file, []byte("data: "+data+"\nsources:\n  - path: "+logs+"\n"))
	must(t, exitDone, "scan", "--data", data, logs)
	db := filepath.Join(data, "outmode.db")
	chmod(t, 0o400, db)
	chmod(t, 0o555, data)
	for _, args := range [][]string{{"usage"}, {"usage", "--by", "day"}, {"users"}, {"sources"}, {"findings", "list"}, {"exceptions", "list"}, {"store", "check"}, {"rules", "diff", "", filepath.Join(dir, "new.yaml")}} {
		if args[0] == "rules" {
			write(t, args[3], []byte("id: T-1\nname: Basic\nseverity: high\nwhen: auth == \"basic\"\n"))
			args[2] = args[3]
		}
		must(t, exitDone, append(args, "--data", data)...)
	}
	if left, err := os.ReadDir(data); err != nil || len(left) != 2 {
		t.Errorf("reading left %v, %v", left, err)
	}
	chmod(t, 0o755, data)
	const says = " cannot be written: the account that runs outmode needs the right"
	for _, args := range [][]string{{"config", "check", file}, {"exceptions", "add", "--data", data, "--user", "anna", "--reason", "x", "--owner", "x", "--expires", "7d"}} {
		if code, out, errs := outmode(t, "", args...); code != exitError || !strings.Contains(out+errs, db+says) {
			t.Errorf("%v: exit %d: %s%s", args, code, out, errs)
		}
	}
	d := serve(t, "-c", file)
	appendTo(t, log, proxyLine(`CONTOSO\per`, "agent"))
	eventually(t, "it is told that nothing can be written", func() bool {
		code, body := d.get(t, "/readyz")
		return code == http.StatusServiceUnavailable && strings.Contains(body, db+says)
	})
	if said := d.log.String(); !strings.Contains(said, db+says) || strings.Contains(said, "INSERT") {
		t.Errorf("the log: %s", said)
	}
	chmod(t, 0o600, db) // not what SQLite made beside it
	eventually(t, "it goes on", func() bool {
		return strings.Contains(must(t, exitDone, "usage", "--data", data, "-o", "json"), `contoso\\per`)
	})
	d.stop(t)
}

// What may not be read is told once in each output, and its path once in each line; a folder has no bytes.
func TestNamesWhatIsDeniedOnce(t *testing.T) {
	t.Parallel()
	dir, is := asNobody(t)
	if !is {
		return
	}
	logs, data := filepath.Join(dir, "logs"), filepath.Join(dir, "data")
	write(t, filepath.Join(logs, "a.LOG"), []byte(proxyHead+proxyLine(`CONTOSO\anna`, "agent")))
	write(t, filepath.Join(logs, "b.LOG"), []byte(proxyHead))
	write(t, filepath.Join(logs, "folder", "c.LOG"), []byte(proxyHead))
	chmod(t, 0, filepath.Join(logs, "b.LOG"), filepath.Join(logs, "folder"))
	for _, args := range [][]string{{"scan", logs}, {"scan", "--data", data, logs}, {"usage", "--data", data}, {"sources", "--data", data}} {
		code, out, errs := outmode(t, "", args...)
		if code != exitIncomplete && args[0] != "usage" {
			t.Errorf("%v: exit %d: %s", args, code, errs)
		}
		if n := strings.Count(out, "permission denied"); n != 2 || strings.Contains(out, "byte 0") {
			t.Errorf("%v: told %d times: %s", args, n, out)
		}
		for line := range strings.Lines(out) {
			if strings.Contains(line, "permission denied") && strings.Count(line, "b.LOG")+strings.Count(line, "folder") != 1 {
				t.Errorf("%v: %s", args, line)
			}
		}
	}
	chmod(t, 0o700, filepath.Join(logs, "folder"))
}
