package rules

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A File is a rule file in memory.
type File struct {
	Name string // as messages name it
	Data []byte // YAML, at most 1 MiB
	Dir  string // where the files lie that its tests name; "" if they can name none
}

// maxFile bounds a rule file and a file of test lines, in bytes.
const maxFile = 1 << 20

// A Problem is a mistake in a rule file. Line and Column count from 1; 0 means the whole file.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

func (p Problem) String() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %s", p.File, p.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
}

func sortProblems(ps []Problem, files []File) {
	place := map[string]int{}
	for i, f := range files {
		place[f.Name] = i
	}
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(place[a.File], place[b.File]), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

//go:embed packs/*.yaml
var packs embed.FS

// Builtin returns the rule files that the program brings along.
func Builtin() []File {
	entries, err := packs.ReadDir("packs")
	if err != nil {
		return nil
	}
	var files []File
	for _, e := range entries {
		data, err := packs.ReadFile("packs/" + e.Name())
		if err == nil {
			files = append(files, File{Name: "builtin/" + e.Name(), Data: data})
		}
	}
	return files
}

// ReadDir reads the rule files (*.yaml, *.yml) of a folder, in order of name, or the one file that
// dir names. What cannot be read is a problem; the rest is returned all the same.
func ReadDir(dir string) ([]File, []Problem) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, []Problem{{File: dir, Message: "no such file or folder"}}
	case err != nil:
		return nil, []Problem{{File: dir, Message: "reading the rules: " + reason(err)}}
	}
	if !info.IsDir() {
		return readFiles(filepath.Dir(dir), []string{filepath.Base(dir)})
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, []Problem{{File: dir, Message: "reading the rules: " + reason(err)}}
	}
	var names []string
	for _, e := range entries {
		if ext := strings.ToLower(filepath.Ext(e.Name())); !e.IsDir() && (ext == ".yaml" || ext == ".yml") {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return nil, []Problem{{File: dir, Message: "holds no rule: there is no *.yaml file in this folder"}}
	}
	return readFiles(dir, names)
}

func readFiles(dir string, names []string) (files []File, problems []Problem) {
	for _, name := range names {
		path := filepath.Join(dir, name)
		data, err := readLimited(path)
		if err != nil {
			problems = append(problems, Problem{File: path, Message: "reading the rules: " + reason(err)})
			continue
		}
		files = append(files, File{Name: path, Data: data, Dir: dir})
	}
	return files, problems
}

func readLimited(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f)
}

func readAll(f fs.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a file")
	}
	buf, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if len(buf) > maxFile {
		return nil, errors.New("it is larger than 1 MiB; split it")
	}
	return buf, err
}

// In returns how many rules and named lists stand in a file.
func (s *Set) In(file string) (rules, lists int) {
	for i := range s.rules {
		if s.rules[i].File == file {
			rules++
		}
	}
	for _, l := range s.lists {
		if l.file == file {
			lists++
		}
	}
	return rules, lists
}

// reason is the error without the path, which the message has already.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// lines returns the lines of a test log, from memory or from the file beside the rule.
func (l *TestLog) lines(dir string) ([]byte, error) {
	if l.file == "" {
		return l.Lines, nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.Open(filepath.FromSlash(l.file))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f)
}
