package tail_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest/tail"
)

// What Find prints of a member names it: it can be given back, and then is all that is listed.
func TestFindTakesThePathOfAMember(t *testing.T) {
	t.Parallel()
	zipped := string(zipOf(t, "u_ex1.log", "1", "W3SVC1/2026/u_ex2.log", "2", `W3SVC1\u_ex3.log`, "3", "packed.log.gz", string(gzipOf(t, "4")), "we!rd [1].log", "5", "same", "6", "same", "7", "bad\x1b.log", "8"))
	dir := tree(t, map[string]string{"a.zip": zipped, "logs!old/b.zip": zipped, "odd!name": zipped, "real.zip!u_ex1.log": "itself", "real.zip": zipped})
	all, _ := tail.Find([]string{dir}, tail.FindOptions{})
	if len(all) != 4*8+1 {
		t.Fatalf("%d inputs", len(all))
	}
	for _, whole := range all {
		inputs, problems := tail.Find([]string{whole.Path}, tail.FindOptions{Exclude: func(string) bool { return true }})
		if strings.HasSuffix(whole.Path, "real.zip!u_ex1.log") {
			if len(inputs) != 1 || content(t, inputs[0]) != "itself" || !inputs[0].Plain {
				t.Errorf("%s: the file of that very name is not what is found: %v, %v", whole.Path, inputs, problems)
			}
			continue
		}
		if len(inputs) != 1 || len(problems) != 0 || inputs[0].Path != whole.Path || inputs[0].Size != whole.Size || inputs[0].Disk != whole.Disk || content(t, inputs[0]) != content(t, whole) {
			t.Errorf("%s: got %v, %v", whole.Path, inputs, problems)
		}
	}
	// As the archive spells it, with the other slash.
	inputs, problems := tail.Find([]string{filepath.Join(dir, "a.zip") + `!W3SVC1\u_ex3.log`}, tail.FindOptions{})
	if len(inputs) != 1 || len(problems) != 0 || content(t, inputs[0]) != "3" {
		t.Errorf("got %v, %v", inputs, problems)
	}
}

func TestFindSaysThatThereIsNoSuchMember(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a.zip": string(zipOf(t, "W3SVC1/u_ex1.log", "1", "W3SVC2/u_ex1.log", "2")), "a.log": "a", "broken.zip": "PK\x03\x04 and no more", "empty.zip": string(zipOf(t))})
	for arg, want := range map[string]string{
		"a.zip!u_ex9.log":        "missing a.zip!u_ex9.log: no such member",
		"a.zip!u_ex1.log":        "missing a.zip!u_ex1.log: no such member as a.zip!W3SVC1/u_ex1.log",
		"a.zip!w3svc2/U_EX1.log": "missing a.zip!w3svc2/U_EX1.log: no such member as a.zip!W3SVC1/u_ex1.log",
		"a.zip!W3SVC2/":          "missing a.zip!W3SVC2/: no such member as a.zip!W3SVC2/u_ex1.log",
		"a.zip!W3SVC2":           "missing a.zip!W3SVC2: no such member as a.zip!W3SVC2/u_ex1.log",
		"a.zip!":                 "missing a.zip!: no such member",
		"a.zip!*.txt":            "missing a.zip!*.txt: no such member",
		"empty.zip!x":            "missing empty.zip!x: no such member",
		"a.log!u_ex1.log":        "missing a.log!u_ex1.log: not found",
		"gone.zip!u_ex1.log":     "missing gone.zip!u_ex1.log: not found",
		"broken.zip!u_ex1.log":   "unread broken.zip: corrupt zip",
		"!u_ex1.log":             "missing !u_ex1.log: not found",
	} {
		inputs, problems := tail.Find([]string{filepath.Join(dir, "x")[:len(dir)+1] + arg}, tail.FindOptions{})
		paths, complaints := found(dir, inputs, problems)
		expect(t, arg, paths, nil)
		expect(t, arg, complaints, []string{want})
	}
	for want, p := range map[string]tail.Problem{
		"a.zip!x.log: no such member: name the archive alone to read all that is in it":                         {Path: "a.zip!x.log", Reason: tail.NoMember},
		"a.zip!x.log: no such member: there is a.zip!d/x.log: name the archive alone to read all that is in it": {Path: "a.zip!x.log", Reason: tail.NoMember, Other: "a.zip!d/x.log"},
		"a.log!x.log: not found: a.log is no zip archive: check the spelling and the current directory":         {Path: "a.log!x.log", Reason: tail.NotFound, Err: errors.New("a.log is no zip archive")},
	} {
		if got := p.Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// A member is read once, whether it is named, or the archive, or both, and in any order.
func TestFindListsAMemberOnce(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a.zip": string(zipOf(t, "x/a.log", "a", "b.log", "b"))})
	archive := filepath.Join(dir, "a.zip")
	for _, args := range [][]string{{archive, archive + "!b.log"}, {archive + "!b.log", archive}} {
		inputs, problems := tail.Find(args, tail.FindOptions{})
		paths, complaints := found(dir, inputs, problems)
		expect(t, "inputs", paths, []string{"a.zip!b.log", "a.zip!x/a.log"})
		expect(t, "problems", complaints, []string{"note a.zip!b.log: same file as a.zip!b.log"})
	}
	link(t, "a.zip", filepath.Join(dir, "link"))
	inputs, problems := tail.Find([]string{archive + "!b.log", filepath.Join(dir, "link") + "!b.log", filepath.Join(dir, "link") + "!x/a.log"}, tail.FindOptions{})
	paths, complaints := found(dir, inputs, problems)
	expect(t, "linked", paths, []string{"a.zip!b.log", "link!x/a.log"})
	expect(t, "problems", complaints, []string{"note link!b.log: same file as a.zip!b.log"})
}

// The limits hold for a member that is named as for one that is met.
func TestAMemberThatIsNamedIsLimited(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a.zip": string(zipOf(t, "a.log", strings.Repeat("a", 1000), "b.log", "b", "inner.zip", string(zipOf(t, "x", "x"))))})
	archive := filepath.Join(dir, "a.zip")
	inputs, problems := tail.Find([]string{archive + "!a.log"}, tail.FindOptions{Limits: tail.Limits{MaxExpanded: 999}})
	if len(inputs) != 1 || len(problems) != 0 {
		t.Fatalf("got %v, %v", inputs, problems)
	}
	var limit *tail.LimitError
	if got, err := read(t, inputs[0]); len(got) != 999 || !errors.As(err, &limit) || limit.Limit != tail.LimitExpanded {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	inputs, problems = tail.Find([]string{archive + "!a.log"}, tail.FindOptions{Limits: tail.Limits{MaxMembers: 2}})
	if len(inputs) != 0 || len(problems) != 1 || problems[0].Reason != tail.TooMany {
		t.Errorf("got %v, %v", inputs, problems)
	}
	inputs, problems = tail.Find([]string{archive + "!inner.zip"}, tail.FindOptions{})
	if len(inputs) != 0 || len(problems) != 1 || problems[0].Reason != tail.ZipInZip {
		t.Errorf("got %v, %v", inputs, problems)
	}
}

// A glob of a name that is also a member's stays a glob where there is no such archive.
func TestFindPrefersTheMemberToTheGlobOfItsName(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a.zip": string(zipOf(t, "u[1].log", "member")), "b!u1.log": "file"})
	inputs, _ := tail.Find([]string{filepath.Join(dir, "a.zip") + "!u[1].log"}, tail.FindOptions{})
	if len(inputs) != 1 || content(t, inputs[0]) != "member" {
		t.Errorf("got %v", inputs)
	}
	inputs, problems := tail.Find([]string{filepath.Join(dir, "b") + "!u[1].log"}, tail.FindOptions{})
	if len(inputs) != 1 || len(problems) != 0 || content(t, inputs[0]) != "file" {
		t.Errorf("got %v, %v", inputs, problems)
	}
}

// A tar is listed as any file: whoever asks what it is says so, whether it is packed or not.
func TestATarIsListedForWhoeverTellsWhatItIs(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: "a.log", Size: 2, Mode: 0o600}), write(w, "a\n"), w.Close()); err != nil {
		t.Fatal(err)
	}
	dir := tree(t, map[string]string{"a.tar": b.String(), "a.tgz": string(gzipOf(t, b.String())), "z": string(zipOf(t, "a.tar", b.String()))})
	inputs, problems := tail.Find([]string{dir}, tail.FindOptions{})
	paths, complaints := found(dir, inputs, problems)
	expect(t, "inputs", paths, []string{"a.tar", "a.tgz", "z!a.tar"})
	expect(t, "problems", complaints, nil)
	for _, in := range inputs {
		if got := content(t, in); got != b.String() {
			t.Errorf("%s has %d bytes", in.Path, len(got))
		}
	}
}

func write(w *tar.Writer, text string) error {
	_, err := w.Write([]byte(text))
	return err
}
