package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/outmode/outmode"

// mayImport is the whole policy: which rooms a room's files, tests apart, may see. A room that is not
// here may not exist.
func mayImport() map[string][]string {
	return map[string][]string{
		"internal/signin":       {},
		"ingest/tail":           {},
		"ingest":                {"internal/signin", "ingest/tail"},
		"ingest/exchange":       {"internal/signin", "ingest"},
		"ingest/mfa":            {"internal/signin", "ingest"},
		"rules":                 {"internal/signin"},
		"internal/audit":        {"internal/signin", "rules"},
		"internal/store/sqlite": {"internal/signin", "internal/audit", "ingest", "ingest/tail", "rules"},
		"samples/torture":       {},
		"cmd/outmode":           {"internal/signin", "ingest", "ingest/tail", "ingest/exchange", "ingest/mfa", "rules", "internal/audit", "internal/store/sqlite"},
		"samples/gen":           {},
		"samples/bench":         {},
	}
}

// onlyIn confines a library to the one room that is built on it.
func onlyIn() map[string]string {
	return map[string]string{
		"github.com/expr-lang/expr":    "rules",
		"github.com/goccy/go-yaml":     "rules",
		"github.com/spf13/cobra":       "cmd/outmode",
		"github.com/hpcloud/tail":      "ingest/tail",
		"github.com/fsnotify/fsnotify": "ingest",
		"modernc.org/sqlite":           "internal/store/sqlite",
	}
}

// goFiles gives every Go file of the repository to visit, by its path from the root.
func goFiles(t *testing.T, visit func(file string)) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(p, ".go") {
			rel, err := filepath.Rel(root, p)
			if err != nil {
				return err
			}
			visit(filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestImportPolicy(t *testing.T) {
	t.Parallel()
	policy, confined := mayImport(), onlyIn()
	seen := 0
	goFiles(t, func(file string) {
		room := path.Dir(file)
		allowed, known := policy[room]
		if !known {
			t.Errorf("%s: the room %q is not in the policy; a new room is a decision", file, room)
		}
		tree, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", file), nil, parser.ImportsOnly)
		if err != nil {
			t.Error(err)
			return
		}
		for _, spec := range tree.Imports {
			seen++
			imported, _ := strconv.Unquote(spec.Path.Value)
			ours, isOurs := strings.CutPrefix(imported, module+"/")
			switch {
			case room == "internal/signin" && !strings.HasSuffix(file, "_test.go") && strings.Contains(imported, "."):
				t.Errorf("%s imports %s: the nouns need the standard library only", file, imported)
			case isOurs && ours == "cmd/outmode":
				t.Errorf("%s imports %s: nothing imports the command", file, ours)
			case isOurs && !strings.HasSuffix(file, "_test.go") && !slices.Contains(allowed, ours):
				t.Errorf("%s imports %s: %s may import only %v", file, ours, room, allowed)
			}
			for library, owner := range confined {
				if (imported == library || strings.HasPrefix(imported, library+"/")) && room != owner {
					t.Errorf("%s imports %s, which belongs to %s", file, imported, owner)
				}
			}
		}
	})
	if seen == 0 {
		t.Error("no import was looked at")
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	documented := map[string]bool{}
	goFiles(t, func(file string) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		tree, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", file), nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Error(err)
			return
		}
		room := path.Dir(file)
		documented[room] = documented[room] || tree.Doc != nil && len(tree.Doc.Text()) > 40
	})
	for room, ok := range documented {
		if !ok {
			t.Errorf("package %s has no comment that says what it is for", room)
		}
	}
}

func TestHouseRules(t *testing.T) {
	t.Parallel()
	goFiles(t, func(file string) {
		text, err := os.ReadFile(filepath.Join("..", "..", file))
		if err != nil {
			t.Error(err)
			return
		}
		for n, line := range strings.Split(string(text), "\n") {
			switch {
			case strings.HasPrefix(line, "func init()"):
				t.Errorf("%s:%d: no init functions", file, n+1)
			case strings.HasSuffix(file, "_test.go") && strings.Contains(line, "time"+".Sleep("):
				t.Errorf("%s:%d: no sleeps in tests", file, n+1)
			}
		}
		if lines := strings.Count(string(text), "\n"); lines > 500 && !strings.HasSuffix(file, "_test.go") {
			t.Errorf("%s has %d lines: does it still hold one idea?", file, lines)
		}
	})
}

// A package variable is set where it is declared, and never again: state has an owner.
func TestPackageVariablesNeverChange(t *testing.T) {
	t.Parallel()
	variables, trees := map[string]map[string]bool{}, map[string]*ast.File{}
	goFiles(t, func(file string) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		tree, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", file), nil, 0)
		if err != nil {
			t.Error(err)
			return
		}
		room := path.Dir(file)
		trees[file] = tree
		for _, d := range tree.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
				for _, spec := range g.Specs {
					for _, name := range spec.(*ast.ValueSpec).Names {
						if variables[room] == nil {
							variables[room] = map[string]bool{}
						}
						variables[room][name.Name] = true
					}
				}
			}
		}
	})
	if len(variables) == 0 {
		t.Error("no package variable was looked at")
	}
	for file, tree := range trees {
		of := variables[path.Dir(file)]
		changed := func(e ast.Expr) {
			for {
				switch x := e.(type) {
				case *ast.IndexExpr:
					e = x.X
				case *ast.SelectorExpr:
					e = x.X
				case *ast.Ident:
					// A name that the parser resolved to something within a function is another one.
					if of[x.Name] && (x.Obj == nil || tree.Scope.Lookup(x.Name) == x.Obj) {
						t.Errorf("%s changes the package variable %s", file, x.Name)
					}
					return
				default:
					return
				}
			}
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.AssignStmt:
				for _, e := range x.Lhs {
					if x.Tok != token.DEFINE {
						changed(e)
					}
				}
			case *ast.IncDecStmt:
				changed(x.X)
			}
			return true
		})
	}
}
