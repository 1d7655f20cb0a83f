package tail

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// FindOptions are the choices of [Find]. The zero value is of use, except that "-" needs Stdin.
type FindOptions struct {
	Stdin    io.Reader              // what "-" names
	SpoolDir string                 // where standard input is copied to; default os.TempDir()
	Exclude  func(path string) bool // what is not wanted of that which a walk, a glob or a zip yields; asked with an Input.Path
	Limits   Limits                 // for archives and standard input

	open    func(string) (*os.File, error)      // default openShared; tests refuse with it
	readDir func(string) ([]fs.DirEntry, error) // default os.ReadDir
}

// Find lists the log streams behind paths, and what it met and did not list. A path is a file, a directory (walked
// with all below it, symbolic links included), a glob where no file has that very name, one member of a zip in the form
// of [Input].Path ("a.zip!dir/a.log", again where no file has that very name), or "-" for standard input, which is read
// to its end and copied to disk (see [Cleanup]). Archives are known by their content.
//
// Both lists are sorted by Path, bytewise. One file is listed once, however many ways lead to it: under the name
// that was met first, in the order of paths and of names in a directory. Nothing that is wrong with one file keeps
// another from being listed.
func Find(paths []string, opt FindOptions) ([]Input, []Problem) {
	opt.Limits = opt.Limits.orDefault()
	if opt.SpoolDir == "" {
		opt.SpoolDir = os.TempDir()
	}
	if opt.open == nil {
		opt.open = openShared
	}
	if opt.readDir == nil {
		opt.readDir = os.ReadDir
	}
	w := &finder{opt: opt, files: make(map[fileID]string), members: make(map[memberID]string), dirs: make(map[fileID]string)}
	for _, arg := range paths {
		w.argument(arg)
	}
	if w.spool != nil && !slices.ContainsFunc(w.inputs, func(in Input) bool { return in.src.spool != nil }) {
		w.spool.remove() // nobody else knows of it
	}
	slices.SortStableFunc(w.inputs, func(a, b Input) int { return strings.Compare(a.Path, b.Path) })
	slices.SortStableFunc(w.problems, func(a, b Problem) int { return strings.Compare(a.Path, b.Path) })
	return w.inputs, w.problems
}

// A fileID names a file or directory whatever way it was reached by: volume and index, or else the real path.
type fileID struct {
	volume, index uint64
	path          string
}

func identifyByPath(path string) fileID {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return fileID{path: path}
}

// A finder is one call of Find. Where a method takes disk and path, the first is for the operating system and the
// second is what is printed.
type finder struct {
	opt      FindOptions
	inputs   []Input
	problems []Problem
	files    map[fileID]string // path by which it was listed
	members  map[memberID]string
	dirs     map[fileID]string // path by which it was walked
	above    []fileID          // the directories being walked, outermost first
	spool    *spool
}

func (w *finder) problem(p Problem) { w.problems = append(w.problems, p) }

func (w *finder) excluded(path string) bool { return w.opt.Exclude != nil && w.opt.Exclude(path) }

func (w *finder) argument(arg string) {
	if arg == "-" {
		w.stdin()
		return
	}
	path := filepath.ToSlash(arg)
	_, err := os.Lstat(arg)
	switch {
	case errors.Is(err, fs.ErrPermission): // also of a glob: it would match nothing, and not say why
		w.problem(Problem{Path: path, Reason: Denied, Err: err, Severity: Unread})
	case err != nil && w.memberOf(arg):
	case err != nil && strings.ContainsAny(arg, "*?["):
		w.glob(arg)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		w.problem(Problem{Path: path, Reason: NotFound, Err: err, Severity: Missing})
	case err != nil:
		w.problem(Problem{Path: path, Reason: reasonOf(err), Err: err, Severity: Unread})
	default:
		w.visit(arg, path, Missing)
	}
}

func (w *finder) glob(pattern string) {
	path := filepath.ToSlash(pattern)
	matches, err := filepath.Glob(pattern)
	switch {
	case err != nil:
		w.problem(Problem{Path: path, Reason: BadPattern, Err: err, Severity: Missing})
	case len(matches) == 0:
		w.problem(Problem{Path: path, Reason: NoMatch, Severity: Missing})
	}
	for _, m := range matches { // in lexical order
		if p := filepath.ToSlash(m); !w.excluded(p) {
			w.visit(m, p, Note)
		}
	}
}

// visit lists the file disk, or what is below it. absent is how bad it is if there is nothing: an argument was
// promised to exist, an entry of a directory may go away.
func (w *finder) visit(disk, path string, absent Severity) {
	fi, err := os.Stat(disk)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		reason := Vanished
		if _, err := os.Lstat(disk); err == nil {
			reason = DanglingLink
		}
		w.problem(Problem{Path: path, Reason: reason, Err: err, Severity: absent})
	case err != nil:
		w.problem(Problem{Path: path, Reason: reasonOf(err), Err: err, Severity: Unread})
	case fi.IsDir():
		w.directory(disk, path, fi, absent == Missing)
	case fi.Mode().IsRegular():
		w.regular(disk, path, fi)
	default:
		p := Problem{Path: path, Reason: NotRegular, Severity: Note}
		if absent == Missing {
			p.Severity = Unread
		}
		w.problem(p)
	}
}

// directory walks disk. named says that it is an argument, of which it is worth saying that it is empty.
func (w *finder) directory(disk, path string, fi fs.FileInfo, named bool) {
	id := identify(disk, fi)
	if first, ok := w.dirs[id]; ok {
		reason := SameDir
		if slices.Contains(w.above, id) {
			reason = DirLoop
		}
		w.problem(Problem{Path: path, Reason: reason, Other: first, Severity: Note})
		return
	}
	w.dirs[id] = path
	w.above = append(w.above, id)
	defer func() { w.above = w.above[:len(w.above)-1] }()

	before := len(w.inputs) + len(w.problems)
	entries, err := w.opt.readDir(disk) // sorted; what was read before an error stands
	if err != nil {
		w.problem(Problem{Path: path, Reason: reasonOf(err), Err: err, Severity: Unread})
	}
	for _, e := range entries {
		if p := within(path, e.Name()); !w.excluded(p) {
			w.visit(filepath.Join(disk, e.Name()), p, Note)
		}
	}
	if named && len(w.inputs)+len(w.problems) == before {
		w.problem(Problem{Path: path, Reason: NoFiles, Severity: Note})
	}
}

// within is the printed path of an entry of the directory dir.
func within(dir, name string) string {
	if strings.HasSuffix(dir, "/") {
		return dir + name
	}
	return dir + "/" + name
}

func (w *finder) regular(disk, path string, fi fs.FileInfo) {
	id := identify(disk, fi)
	if first, ok := w.files[id]; ok {
		w.problem(Problem{Path: path, Reason: SameFile, Other: first, Severity: Note})
		return
	}
	w.files[id] = path
	w.list(Input{Path: path, Disk: disk, src: source{disk: disk, open: w.opt.open}}, id, "")
}

func (w *finder) stdin() {
	const path = "-"
	id := fileID{path: path}
	if first, ok := w.files[id]; ok {
		w.problem(Problem{Path: path, Reason: SameFile, Other: first, Severity: Note})
		return
	}
	w.files[id] = path
	if w.opt.Stdin == nil {
		w.problem(Problem{Path: path, Reason: NoStdin, Severity: Missing})
		return
	}
	s, err := newSpool(w.opt.Stdin, w.opt.SpoolDir, w.opt.Limits.MaxExpanded)
	if err != nil {
		w.problem(Problem{Path: path, Reason: Spool, Err: err, Severity: Unread})
	}
	if s != nil {
		w.spool = s
		w.list(Input{Path: path, src: source{spool: s}}, id, "")
	}
}

// list looks into the file of in and lists what it is: one input, or the members of a zip. Of these it lists only the one
// with the path that is wanted, where there is one.
func (w *finder) list(in Input, id fileID, wanted string) {
	f, err := in.src.openFile(in.Path)
	if err != nil {
		reason := reasonOf(err)
		if errors.Is(err, errNotRegular) {
			reason = NotRegular
		}
		p := Problem{Path: in.Path, Reason: reason, Err: err, Severity: Unread}
		if reason == Vanished {
			p.Severity = Note
		}
		w.problem(p)
		return
	}
	defer f.Close()
	head := make([]byte, headSize)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		w.problem(Problem{Path: in.Path, Reason: reasonOf(err), Err: err, Severity: Unread})
		return
	}
	in.Size, in.limits = f.size, w.opt.Limits
	what := contentOf(head[:n])
	if wanted != "" && what != contentZip {
		w.problem(Problem{Path: wanted, Reason: NotFound, Err: fmt.Errorf("%s is no zip archive", in.Path), Severity: Missing})
		return
	}
	switch what {
	case contentZip:
		w.zip(in, f, id, wanted)
		return
	case contentForeign:
		w.problem(Problem{Path: in.Path, Reason: Compression, Severity: Unread})
		return
	case contentGzip:
		in.form = formGzip
	default:
		in.Plain = true
	}
	w.inputs = append(w.inputs, in)
}
