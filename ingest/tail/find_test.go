package tail_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/outmode/outmode/ingest/tail"
)

// tree writes files below a new directory, each with its own name as content unless content is given.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func link(t testing.TB, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Skip("no symbolic links here:", err)
	}
}

// found is what Find says, with dir cut from all paths: "path" and "severity path: reason[ as other]".
func found(dir string, inputs []tail.Input, problems []tail.Problem) (paths, complaints []string) {
	under := func(p string) string { return strings.TrimPrefix(p, filepath.ToSlash(dir)+"/") }
	for _, in := range inputs {
		paths = append(paths, under(in.Path))
	}
	for _, p := range problems {
		c := p.Severity.String() + " " + under(p.Path) + ": " + string(p.Reason)
		if p.Other != "" {
			c += " as " + under(p.Other)
		}
		complaints = append(complaints, c)
	}
	return paths, complaints
}

func expect(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func TestFindWalksInBytewiseOrderOfPaths(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"logs/b.log": "b", "logs/a/z.log": "z", "logs/a.log": "a", "logs/B.log": "B", "logs/.hidden": "h", "logs/empty": ""})
	for _, arg := range []string{"/logs", "/logs/"} {
		inputs, problems := tail.Find([]string{dir + arg}, tail.FindOptions{})
		paths, complaints := found(dir, inputs, problems)
		expect(t, "inputs", paths, []string{"logs/.hidden", "logs/B.log", "logs/a.log", "logs/a/z.log", "logs/b.log", "logs/empty"})
		expect(t, "problems", complaints, nil)
		if in := inputs[2]; !in.Plain || in.Size != 1 || in.Disk != filepath.Join(dir, "logs", "a.log") {
			t.Errorf("got %+v", in)
		}
	}
}

func TestFindKeepsPathsAsGiven(t *testing.T) {
	dir := tree(t, map[string]string{"logs/a/b.log": "b"})
	t.Chdir(dir)
	for arg, want := range map[string]string{"logs": "logs/a/b.log", "./logs/": "./logs/a/b.log", ".": "./logs/a/b.log", "logs/a/b.log": "logs/a/b.log", "logs/../logs": "logs/../logs/a/b.log", "l*/a": "logs/a/b.log"} {
		inputs, problems := tail.Find([]string{arg}, tail.FindOptions{})
		if len(problems) != 0 || len(inputs) != 1 || inputs[0].Path != want {
			t.Errorf("%s: got %v, %v", arg, inputs, problems)
		}
	}
}

func TestFindTellsWhatIsMissing(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a.log": "a", "empty/dir/.keep": ""})
	os.Remove(filepath.Join(dir, "empty/dir/.keep"))
	args := []string{"gone.log", "*.txt", "[", "a.log/b", "empty", "a.log"}
	for i := range args {
		args[i] = filepath.Join(dir, args[i])
	}
	inputs, problems := tail.Find(append(args, ""), tail.FindOptions{})
	paths, complaints := found(dir, inputs, problems)
	expect(t, "inputs", paths, []string{"a.log"})
	expect(t, "problems", complaints, []string{"missing : not found", "missing *.txt: no match", "missing [: bad pattern", "missing a.log/b: not found", "note empty: no files", "missing gone.log: not found"})
}

func TestFindPrefersTheFileToTheGlobOfItsName(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"[1].log": "x", "1.log": "y", "u_ex1.log": "1", "u_ex2.log": "2", "u_ex/3.log": "3"})
	inputs, problems := tail.Find([]string{filepath.Join(dir, "[1].log")}, tail.FindOptions{})
	paths, complaints := found(dir, inputs, problems)
	expect(t, "literal", paths, []string{"[1].log"})
	inputs, problems = tail.Find([]string{filepath.Join(dir, "u_ex*")}, tail.FindOptions{})
	paths, complaints2 := found(dir, inputs, problems)
	expect(t, "glob", paths, []string{"u_ex/3.log", "u_ex1.log", "u_ex2.log"})
	expect(t, "problems", append(complaints, complaints2...), nil)
}

func TestFindListsAFileOnceHoweverOftenItIsReached(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"logs/a.log": "a", "logs/sub/b.log": "b", "other/c.log": "c"})
	if err := os.Link(filepath.Join(dir, "logs/a.log"), filepath.Join(dir, "logs/hard.log")); err != nil {
		t.Skip(err)
	}
	link(t, "a.log", filepath.Join(dir, "logs/soft.log"))
	link(t, filepath.Join(dir, "other"), filepath.Join(dir, "logs/linked"))
	args := []string{filepath.Join(dir, "logs"), filepath.Join(dir, "logs/a.log"), filepath.Join(dir, "logs/sub"), filepath.Join(dir, "other")}
	inputs, problems := tail.Find(args, tail.FindOptions{})
	paths, complaints := found(dir, inputs, problems)
	expect(t, "inputs", paths, []string{"logs/a.log", "logs/linked/c.log", "logs/sub/b.log"})
	expect(t, "problems", complaints, []string{
		"note logs/a.log: same file as logs/a.log", "note logs/hard.log: same file as logs/a.log", "note logs/soft.log: same file as logs/a.log",
		"note logs/sub: same directory as logs/sub", "note other: same directory as logs/linked",
	})
	if msg := problems[1].Error(); !strings.HasSuffix(msg, "logs/hard.log: same file as "+filepath.ToSlash(dir)+"/logs/a.log: read once") {
		t.Errorf("message: %s", msg)
	}
}

func TestFindSaysDirectoryLoopsAndDanglingLinks(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"logs/a.log": "a", "logs/sub/b.log": "b"})
	link(t, dir, filepath.Join(dir, "logs/sub/up"))
	link(t, "nowhere", filepath.Join(dir, "logs/dead"))
	link(t, "self", filepath.Join(dir, "logs/self"))
	inputs, problems := tail.Find([]string{dir, filepath.Join(dir, "logs/dead")}, tail.FindOptions{})
	paths, complaints := found(dir, inputs, problems)
	expect(t, "inputs", paths, []string{"logs/a.log", "logs/sub/b.log"})
	expect(t, "problems", complaints, []string{
		"note logs/dead: dangling link", "missing logs/dead: dangling link", "unread logs/self: unreadable", "note logs/sub/up: directory loop as " + filepath.ToSlash(dir),
	})
}

// As root nothing is refused by its mode, so the refusal is the test's own; what Find makes of it is what is tested.
func TestFindGoesOnBehindWhatMayNotBeRead(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a.log": "a", "b.log": "b", "c/d.log": "d", "e/f.log": "f", "g.log": "g"})
	refuse := func(path string) error { return &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission} }
	opt := tail.FindOptions{}.WithSystem(func(path string) (*os.File, error) {
		switch filepath.Base(path) {
		case "b.log":
			return nil, refuse(path)
		case "g.log":
			return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("bad sector")}
		}
		return tail.OpenShared(path)
	}, func(path string) ([]fs.DirEntry, error) {
		if filepath.Base(path) == "c" {
			return nil, refuse(path)
		}
		return os.ReadDir(path)
	})
	inputs, problems := tail.Find([]string{dir}, opt)
	paths, complaints := found(dir, inputs, problems)
	expect(t, "inputs", paths, []string{"a.log", "e/f.log"})
	expect(t, "problems", complaints, []string{"unread b.log: permission denied", "unread c: permission denied", "unread g.log: unreadable"})
	if msg := problems[0].Error(); !strings.HasSuffix(msg, "/b.log: permission denied: run as an account that may read it") || !errors.Is(problems[0], fs.ErrPermission) {
		t.Errorf("message: %s", msg)
	}
	if msg := problems[2].Error(); !strings.HasSuffix(msg, "/g.log: unreadable: bad sector: check the disk or the share") {
		t.Errorf("message: %s", msg)
	}
}

func TestFindSaysWhatVanishedWhileItWalked(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a.log": "a", "b.log": "b", "c.log": "c"})
	opt := tail.FindOptions{}.WithSystem(func(path string) (*os.File, error) {
		if filepath.Base(path) == "a.log" {
			os.Remove(path)
			os.Remove(filepath.Join(dir, "b.log"))
		}
		return tail.OpenShared(path)
	}, nil)
	inputs, problems := tail.Find([]string{dir}, opt)
	paths, complaints := found(dir, inputs, problems)
	expect(t, "inputs", paths, []string{"c.log"})
	expect(t, "problems", complaints, []string{"note a.log: vanished", "note b.log: vanished"})
}

func TestExcludeIsAskedOfWhatWasFoundNotOfWhatWasNamed(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a.log": "a", "b.ibl": "b", "skip/c.log": "c", "z": string(zipOf(t, "in/d.log", "d", "in/e.ibl", "e"))})
	opt := tail.FindOptions{Exclude: func(p string) bool { return strings.HasSuffix(p, ".ibl") || strings.HasSuffix(p, "/skip") }}
	inputs, problems := tail.Find([]string{dir}, opt)
	paths, complaints := found(dir, inputs, problems)
	expect(t, "walk", paths, []string{"a.log", "z!in/d.log"})
	inputs, problems = tail.Find([]string{filepath.Join(dir, "*.ibl")}, opt)
	paths, complaints2 := found(dir, inputs, problems)
	expect(t, "glob", paths, nil)
	inputs, problems = tail.Find([]string{filepath.Join(dir, "b.ibl")}, opt)
	paths, complaints3 := found(dir, inputs, problems)
	expect(t, "named", paths, []string{"b.ibl"})
	expect(t, "problems", slices.Concat(complaints, complaints2, complaints3), nil)
}

func TestStdinIsSpooledPrivatelyReadTwiceAndRemoved(t *testing.T) {
	t.Parallel()
	spool := t.TempDir()
	inputs, problems := tail.Find([]string{"-", "-"}, tail.FindOptions{Stdin: strings.NewReader("a\nb\n"), SpoolDir: spool})
	paths, complaints := found("", inputs, problems)
	expect(t, "inputs", paths, []string{"-"})
	expect(t, "problems", complaints, []string{"note -: same file as -"})
	for range 2 {
		if got := content(t, inputs[0]); got != "a\nb\n" {
			t.Errorf("got %q", got)
		}
	}
	if in := inputs[0]; !in.Plain || in.Size != 4 || in.Disk != "" {
		t.Errorf("got %+v", in)
	}
	f, err := inputs[0].OpenAt()
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 8)
	if n, err := f.ReadAt(p, 2); string(p[:n]) != "b\n" || err != io.EOF {
		t.Errorf("got %q, %v", p[:n], err)
	}
	for _, e := range dirEntries(t, spool) { // where an open file cannot be removed
		if fi, err := e.Info(); err == nil && fi.Mode().Perm()&0o077 != 0 {
			t.Errorf("others may read %v", fi.Mode())
		}
	}
	for range 2 {
		if err := tail.Cleanup(inputs); err != nil {
			t.Error(err)
		}
	}
	if left := dirEntries(t, spool); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func dirEntries(t *testing.T, dir string) []fs.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestStdinMayBeAnArchive(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		stdin []byte
		want  map[string]string
	}{
		"gzip":     {gzipOf(t, "a\n"), map[string]string{"-": "a\n"}},
		"zip":      {zipOf(t, "x/a.log", "a", "b.log.gz", string(gzipOf(t, "b"))), map[string]string{"-!b.log.gz": "b", "-!x/a.log": "a"}},
		"empty":    {nil, map[string]string{"-": ""}},
		"zip of 0": {zipOf(t), map[string]string{}},
	} {
		inputs, problems := tail.Find([]string{"-"}, tail.FindOptions{Stdin: iotest.HalfReader(strings.NewReader(string(tt.stdin))), SpoolDir: t.TempDir()})
		if len(problems) != 0 || len(inputs) != len(tt.want) {
			t.Errorf("%s: got %v, %v", name, inputs, problems)
		}
		for _, in := range inputs {
			if got := content(t, in); got != tt.want[in.Path] {
				t.Errorf("%s: %s has %q", name, in.Path, got)
			}
		}
		if err := tail.Cleanup(inputs); err != nil {
			t.Error(err)
		}
	}
}

func TestStdinThatFails(t *testing.T) {
	t.Parallel()
	broken := io.MultiReader(strings.NewReader("a\n"), iotest.ErrReader(errors.New("pipe burst")))
	inputs, problems := tail.Find([]string{"-"}, tail.FindOptions{Stdin: broken, SpoolDir: t.TempDir()})
	defer tail.Cleanup(inputs)
	if len(problems) != 1 || problems[0].Reason != tail.Spool || len(inputs) != 1 || content(t, inputs[0]) != "a\n" {
		t.Errorf("got %v, %v", inputs, problems)
	}
	inputs, problems = tail.Find([]string{"-"}, tail.FindOptions{Stdin: strings.NewReader("a"), SpoolDir: filepath.Join(t.TempDir(), "gone")})
	if len(inputs) != 0 || len(problems) != 1 || problems[0].Reason != tail.Spool {
		t.Errorf("no place: got %v, %v", inputs, problems)
	}
	inputs, problems = tail.Find([]string{"-"}, tail.FindOptions{})
	if len(inputs) != 0 || len(problems) != 1 || problems[0].Reason != tail.NoStdin {
		t.Errorf("no stdin: got %v, %v", inputs, problems)
	}
	var limit *tail.LimitError
	for size, want := range map[int64]bool{4: true, 5: false} {
		inputs, problems = tail.Find([]string{"-"}, tail.FindOptions{Stdin: strings.NewReader("abcde"), SpoolDir: t.TempDir(), Limits: tail.Limits{MaxExpanded: size}})
		defer tail.Cleanup(inputs)
		if got := len(problems) == 1 && errors.As(problems[0], &limit); got != want || content(t, inputs[0]) != "abcde"[:size] {
			t.Errorf("limit %d: got %v, %v", size, inputs, problems)
		}
	}
}

func TestWordsDoNotChange(t *testing.T) {
	t.Parallel()
	got := []string{tail.Note.String(), tail.Unread.String(), tail.Missing.String(), tail.Severity(9).String(),
		tail.Complete.String(), tail.Unfinished.String(), tail.TooLong.String(), tail.Padding.String(), tail.State(9).String(),
		tail.Detect.String(), tail.UTF8.String(), tail.UTF16LE.String(), tail.UTF16BE.String()}
	expect(t, "words", got, []string{"note", "unread", "missing", "severity(9)", "complete", "unfinished", "too long", "padding", "state(9)",
		"detect", "utf-8", "utf-16le", "utf-16be"})
}

// What, where, and what to do.
func TestMessages(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		`"": not found: check the spelling and the current directory`:                                                tail.Problem{Reason: tail.NotFound, Err: fs.ErrNotExist},
		"*.log: no match: check the pattern, or name the directory":                                                  tail.Problem{Path: "*.log", Reason: tail.NoMatch},
		"a.zip!b.zip: zip in zip: unpack the outer archive and name the directory":                                   tail.Problem{Path: "a.zip!b.zip", Reason: tail.ZipInZip},
		"a.zip!b: same name: listed as a.zip!b#2":                                                                    tail.Problem{Path: "a.zip!b", Reason: tail.SameName, Other: "a.zip!b#2"},
		"a/b: directory loop as a: read once":                                                                        tail.Problem{Path: "a/b", Reason: tail.DirLoop, Other: "a"},
		"pipe: not a regular file: pipe it into standard input and name -":                                           tail.Problem{Path: "pipe", Reason: tail.NotRegular},
		"a.zip: has more than 5 members: if these are really logs, unpack it and name the directory":                 tail.Problem{Path: "a.zip", Reason: tail.TooMany, Err: &tail.LimitError{Path: "a.zip", Limit: tail.LimitMembers, Allowed: 5}},
		"a.gz: expands to more than 200 times its size: if these are really logs, unpack it and name the file":       &tail.LimitError{Path: "a.gz", Limit: tail.LimitRatio, Allowed: 200},
		"a.gz: has more than 9 bytes: if these are really logs, unpack it and name the file":                         &tail.LimitError{Path: "a.gz", Limit: tail.LimitExpanded, Allowed: 9},
		"a.log: shrank from 9 to 4 bytes while it was read: read it again from the start":                            &tail.ShrunkError{Path: "a.log", Want: 9, Got: 4},
		"a.gz: archive is truncated or corrupt after 7 bytes of log (unexpected EOF): copy it again from its origin": &tail.TruncatedError{Path: "a.gz", Delivered: 7, Err: io.ErrUnexpectedEOF},
	} {
		if got := err.Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
