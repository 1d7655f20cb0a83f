package rules

import (
	"errors"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
)

var errDate = errors.New("date takes a constant: date(\"2026-01-31T00:00:00Z\")")

// The names that calls have once their constants were read. No source can spell them.
const (
	boundCIDR = "\x00cidr"
	boundGlob = "\x00glob"
	boundList = "\x00in_list"
)

// functions declares our functions to expr: as rules write them, and bound to their constants.
func (l *language) functions() []expr.Option {
	return []expr.Option{
		expr.Function("cidr", func(args ...any) (any, error) {
			ranges, err := newRanges(texts(args[1:]))
			if err != nil {
				return nil, err
			}
			return ranges.hold(args[0].(string)), nil
		}, new(func(string, ...string) bool)),
		expr.Function("glob", func(args ...any) (any, error) {
			g, err := newGlob(args[1].(string))
			if err != nil {
				return nil, err
			}
			return g.match(args[0].(string)), nil
		}, new(func(string, string) bool)),
		expr.Function("in_list", func(args ...any) (any, error) {
			list, ok := l.lists[args[1].(string)]
			if !ok {
				return nil, errors.New("there is no list " + quote(args[1].(string)))
			}
			return list.holds(args[0].(string)), nil
		}, new(func(string, string) bool)),
		expr.Function(boundCIDR, func(args ...any) (any, error) {
			return args[1].(*ranges).hold(args[0].(string)), nil
		}, new(func(string, *ranges) bool)),
		expr.Function(boundGlob, func(args ...any) (any, error) {
			return args[1].(*glob).match(args[0].(string)), nil
		}, new(func(string, *glob) bool)),
		expr.Function(boundList, func(args ...any) (any, error) {
			return args[1].(*list).holds(args[0].(string)), nil
		}, new(func(string, *list) bool)),
	}
}

func texts(args []any) []string {
	var out []string
	for _, a := range args {
		out = append(out, a.(string))
	}
	return out
}

// bind reads the constants of calls once: ranges, patterns, lists and dates. The tree was vetted.
func bind(root *ast.Node, lists map[string]*list) {
	ast.Walk(root, visitor(func(n *ast.Node) {
		switch call := (*n).(type) {
		case *ast.BuiltinNode:
			if call.Name == "date" {
				if t, err := dateOf(call); err == nil {
					ast.Patch(n, &ast.ConstantNode{Value: t})
				}
			}
		case *ast.CallNode:
			var constants []string
			for _, a := range call.Arguments[1:] {
				constants = append(constants, a.(*ast.StringNode).Value)
			}
			name, value := boundTo(call.Callee.(*ast.IdentifierNode).Value, constants, lists)
			callee := &ast.IdentifierNode{Value: name}
			callee.SetLocation(call.Callee.Location())
			constant := &ast.ConstantNode{Value: value}
			constant.SetLocation(call.Arguments[len(call.Arguments)-1].Location())
			ast.Patch(n, &ast.CallNode{Callee: callee, Arguments: []ast.Node{call.Arguments[0], constant}})
		}
	}))
}

func boundTo(name string, constants []string, lists map[string]*list) (string, any) {
	switch name {
	case "cidr":
		r, _ := newRanges(constants)
		return boundCIDR, r
	case "glob":
		g, _ := newGlob(constants[0])
		return boundGlob, g
	}
	return boundList, lists[constants[0]]
}

// ranges are ranges of addresses.
type ranges struct {
	key      string
	prefixes []netip.Prefix
}

func parsePrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}

func newRanges(texts []string) (*ranges, error) {
	r := &ranges{key: strings.Join(texts, " ")}
	for _, s := range texts {
		p, err := parsePrefix(s)
		if err != nil {
			return nil, err
		}
		r.prefixes = append(r.prefixes, p)
	}
	return r, nil
}

// hold reports whether the address lies in one of the ranges. A text that is no address lies in none.
func (r *ranges) hold(address string) bool {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(r.prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

// A glob is a pattern of letters, ? for any one and * for any number of letters. It ignores case and
// takes time linear in the text: the parts between the stars are looked for from left to right, each
// where it first fits, and never again.
type glob struct {
	key   string
	parts []string // in lower case
}

// maxGlob bounds a pattern, in bytes, since a part with a ? is tried at every place.
const maxGlob = 512

func newGlob(pattern string) (*glob, error) {
	switch {
	case pattern == "":
		return nil, errors.New("an empty pattern fits nothing; compare with \"\"")
	case len(pattern) > maxGlob:
		return nil, errors.New("the pattern is longer than 512 bytes")
	}
	return &glob{key: pattern, parts: strings.Split(strings.ToLower(pattern), "*")}, nil
}

// Glob reports whether the whole of a text fits a pattern, as the function glob of rules does; a
// pattern that is empty or longer than 512 bytes fits nothing.
func Glob(pattern, text string) bool {
	g, err := newGlob(pattern)
	return err == nil && g.match(text)
}

func (g *glob) match(s string) bool {
	s = strings.ToLower(s)
	first, last := g.parts[0], g.parts[len(g.parts)-1]
	n, ok := partAt(s, first)
	if !ok {
		return false
	}
	if len(g.parts) == 1 {
		return n == len(s)
	}
	s = s[n:]
	for _, part := range g.parts[1 : len(g.parts)-1] {
		i, n := findPart(s, part)
		if i < 0 {
			return false
		}
		s = s[i+n:]
	}
	tail := len(s)
	for range utf8.RuneCountInString(last) {
		if tail == 0 {
			return false
		}
		_, n := utf8.DecodeLastRuneInString(s[:tail])
		tail -= n
	}
	n, ok = partAt(s[tail:], last)
	return ok && tail+n == len(s)
}

// partAt reports whether s begins with part, and how many bytes that takes.
func partAt(s, part string) (int, bool) {
	at := 0
	for _, r := range part {
		if at >= len(s) {
			return 0, false
		}
		have, n := utf8.DecodeRuneInString(s[at:])
		if have != r && r != '?' {
			return 0, false
		}
		at += n
	}
	return at, true
}

// findPart returns where part first fits in s, and how many bytes it takes there.
func findPart(s, part string) (at, size int) {
	if !strings.Contains(part, "?") {
		return strings.Index(s, part), len(part)
	}
	for i := range s {
		if n, ok := partAt(s[i:], part); ok {
			return i, n
		}
	}
	return -1, 0
}

// A list is a named list of values: exact ones, and patterns with * or ?. It ignores case.
type list struct {
	name  string
	file  string // where it stands
	exact map[string]struct{}
	globs []*glob
}

func newList(name string, values []string) (*list, error) {
	l := &list{name: name, exact: map[string]struct{}{}}
	for _, v := range values {
		if !strings.ContainsAny(v, "*?") {
			l.exact[strings.ToLower(v)] = struct{}{}
			continue
		}
		g, err := newGlob(v)
		if err != nil {
			return nil, err
		}
		l.globs = append(l.globs, g)
	}
	return l, nil
}

func (l *list) holds(value string) bool {
	value = strings.ToLower(value)
	if _, ok := l.exact[value]; ok {
		return true
	}
	return slices.ContainsFunc(l.globs, func(g *glob) bool { return g.match(value) })
}

func listNames(lists map[string]*list) []string {
	var names []string
	for name := range lists {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
