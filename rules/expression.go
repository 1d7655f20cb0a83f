package rules

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/optimizer"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// Bounds of an expression.
const (
	maxSource   = 64 << 10
	maxNodes    = 10_000
	maxBrackets = 200
)

// A fault is what is wrong with an expression, at a rune of it.
type fault struct {
	offset  int
	message string
}

func faultf(offset int, format string, args ...any) *fault {
	return &fault{offset, fmt.Sprintf(format, args...)}
}

// A language is expr as rules may use it, with the lists of one rule set. It compiles one expression
// after the other; it is not for several goroutines.
type language struct {
	config *conf.Config
	lists  map[string]*list
}

func newLanguage(lists map[string]*list) *language {
	l := &language{config: conf.CreateNew(), lists: lists}
	for _, option := range l.options() {
		option(l.config)
	}
	return l
}

// options are those with which expr itself would compile a rule's expression.
func (l *language) options() []expr.Option {
	options := []expr.Option{expr.Env(view{}), expr.AsBool(), expr.MaxNodes(maxNodes)}
	return append(options, l.functions()...)
}

// parse reads and checks an expression, and returns its tree as expr would compile it.
func (l *language) parse(text string) (root ast.Node, bad *fault) {
	defer func() {
		if r := recover(); r != nil {
			root, bad = nil, faultf(0, "this expression cannot be compiled: %s", shorten(fmt.Sprint(r)))
		}
	}()
	if bad := bounded(text); bad != nil {
		return nil, bad
	}
	tree, err := parser.ParseWithConfig(text, l.config)
	if err != nil {
		return nil, plainly(text, faultOf(err))
	}
	vet := &vetting{lists: l.lists}
	vet.node(tree.Node, nil)
	if _, err = checker.Check(tree, l.config); err != nil {
		if f := faultOf(err); !vet.pattern || !strings.HasPrefix(f.message, "error parsing regexp") {
			vet.add(plainTypes(f))
		}
	}
	if bad := vet.first(); bad != nil {
		return nil, bad
	}
	if bad := vetTypes(tree.Node); bad != nil {
		return nil, bad
	}
	bind(&tree.Node, l.lists)
	if _, err := checker.Check(tree, l.config); err != nil {
		return nil, plainTypes(faultOf(err))
	}
	if err := optimizer.Optimize(&tree.Node, l.config); err != nil {
		return nil, faultOf(err)
	}
	if bad := vetConstants(tree.Node); bad != nil {
		return nil, bad
	}
	return tree.Node, nil
}

// program compiles a part of a tree that parse returned. text is the whole expression, of which the
// part is a part.
func (l *language) program(part ast.Node, text string) (*vm.Program, error) {
	return compiler.Compile(&parser.Tree{Node: part, Source: file.NewSource(text)}, l.config)
}

func faultOf(err error) *fault {
	var placed *file.Error
	if errors.As(err, &placed) {
		return faultf(placed.From, "%s", shorten(placed.Message))
	}
	return faultf(0, "%s", shorten(err.Error()))
}

// bounded refuses what the parser, which is recursive, should not see.
func bounded(text string) *fault {
	if len(text) > maxSource {
		return faultf(0, "the expression is longer than 64 KiB")
	}
	depth, offset, skip := 0, 0, skipper{}
	for _, r := range text {
		if !skip.over(r) {
			switch r {
			case '(', '[', '{':
				if depth++; depth > maxBrackets {
					return faultf(offset, "more than %d brackets within each other", maxBrackets)
				}
			case ')', ']', '}':
				depth--
			}
		}
		offset++
	}
	return nil
}

// A skipper tells, rune by rune, what of an expression stands in a string or a comment.
type skipper struct {
	quote   rune // the string's, or '/' or '*' for a comment
	escaped bool
	before  rune
}

func (s *skipper) over(r rune) bool {
	before := s.before
	s.before = r
	switch {
	case s.escaped:
		s.escaped = false
	case s.quote == 0 && (r == '"' || r == '\'' || r == '`'):
		s.quote = r
	case s.quote == 0 && before == '/' && (r == '/' || r == '*'):
		s.quote, s.before = r, 0
	case s.quote == 0:
		return false
	case s.quote == '/':
		if r == '\n' {
			s.quote = 0
		}
	case s.quote == '*':
		if before == '*' && r == '/' {
			s.quote, s.before = 0, 0
		}
	case r == '\\' && s.quote != '`':
		s.escaped = true
	case r == s.quote:
		s.quote = 0
	}
	return true
}

// span is the source of a part of a tree, for people to read. Not every node knows where it ends (a
// list that was made a map, a call that was made a constant), so the part is taken to reach to what can
// follow one: a connective, a bracket that it did not open, a comment, or the end.
func span(part ast.Node, text []rune) string {
	from, to := len(text), 0
	walk(part, func(n ast.Node) {
		if at := n.Location(); at.To > at.From && at.To <= len(text) {
			from, to = min(from, at.From), max(to, at.To)
		}
	})
	if from >= to {
		return part.String()
	}
	open, least, end, skip := 0, 0, len(text), skipper{}
	for i := from; i < len(text); i++ {
		if skip.over(text[i]) {
			continue
		}
		if i >= to && open <= least && follows(text, i) {
			end = i
			break
		}
		switch text[i] {
		case '(', '[', '{':
			open++
		case ')', ']', '}':
			open--
			least = min(least, open)
		}
	}
	for ; least < 0 && from > 0; from-- {
		if text[from-1] == '(' {
			least++
		}
	}
	return string(text[from:end])
}

// follows reports whether at i stands what ends the part before it.
func follows(text []rune, i int) bool {
	word := func(w string) bool {
		to := i + len(w)
		return to <= len(text) && string(text[i:to]) == w && (i == 0 || !letter(text[i-1])) && (to == len(text) || !letter(text[to]))
	}
	two := string(text[i:min(i+2, len(text))])
	return text[i] == ')' || text[i] == '}' || two == "&&" || two == "||" || two == "//" || two == "/*" || word("and") || word("or")
}

func letter(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// walk calls each for every node of a tree.
func walk(root ast.Node, each func(ast.Node)) {
	ast.Walk(&root, visitor(func(n *ast.Node) { each(*n) }))
}

type visitor func(*ast.Node)

func (v visitor) Visit(n *ast.Node) { v(n) }
