package rules

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// A NodeKind is what a [Node] is.
type NodeKind uint8

// The kinds of nodes.
const (
	NullNode    NodeKind = iota // a key without a value, or an empty file
	BoolNode                    // true or false
	NumberNode                  // a number, as written
	TextNode                    // any other scalar
	ListNode                    // [a, b]
	MappingNode                 // key: value
)

// A Node is a value in a YAML file that holds no rules and is read as strictly as one that does: the
// configuration of the program. Line and Column count from 1.
type Node struct {
	Kind         NodeKind
	Line, Column int
	Text         string // of a scalar
	Items        []Node // of a list
	Keys         []Key  // of a mapping, in their order, each once
}

// A Key is one of a mapping, with its place.
type Key struct {
	Name         string
	Line, Column int
	Value        Node
}

// ReadYAML parses a file that holds one document, and returns its content and all that is wrong with
// it as YAML: syntax, keys that stand twice, further documents, and what is given to nobody here:
// anchors, aliases and tags. No message repeats a value, which may be a secret. A Node that comes
// with problems holds what could be read; it is null if the syntax is wrong.
func ReadYAML(f File) (Node, []Problem) {
	s := newSource(&f)
	if len(s.lines) > 0 { // else it is too large, and newSource said so
		s.parse()
	}
	root := Node{Line: 1, Column: 1}
	for i, d := range s.docs {
		if i > 0 {
			d.mistake(d.body, "this file can hold one document only; remove the line --- and what follows it")
			break
		}
		root = d.node(d.body)
	}
	for i := range s.problems { // a set of rules can be cut in pieces, another file cannot
		for _, advice := range []string{"; split it at --- lines", "; split it"} {
			s.problems[i].Message = strings.TrimSuffix(s.problems[i].Message, advice)
		}
	}
	sortProblems(s.problems, nil)
	return root, s.problems
}

// Nearest returns the known word that takes the fewest edits to become word, or "" if none is near.
func Nearest(word string, known []string) string { return nearest(word, known) }

func (d *doc) node(n ast.Node) Node {
	line, column := d.place(n.GetToken())
	out := Node{Line: line, Column: column}
	switch v := n.(type) {
	case *ast.NullNode:
	case *ast.BoolNode:
		out.Kind, out.Text = BoolNode, "false"
		if v.Value {
			out.Text = "true"
		}
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		out.Kind, out.Text = NumberNode, n.GetToken().Value
	case *ast.StringNode:
		out.Kind, out.Text = TextNode, v.Value
	case *ast.LiteralNode:
		out.Kind, out.Text = TextNode, v.Value.Value
	case *ast.SequenceNode:
		out.Kind = ListNode
		for _, item := range v.Values {
			out.Items = append(out.Items, d.node(item))
		}
	case *ast.MappingNode:
		d.mapping(v, &out)
	case *ast.AnchorNode:
		d.mistake(n, "anchors have no meaning here; %s", signAdvice('&'))
	case *ast.AliasNode:
		d.mistake(n, "aliases have no meaning here: write out what is meant; %s", signAdvice('*'))
	default: // a tag
		d.mistake(n, "tags have no meaning here; a text that begins with ! must stand in quotes")
	}
	return out
}

func (d *doc) mapping(m *ast.MappingNode, out *Node) {
	out.Kind = MappingNode
	first := map[string]int{}
	for _, v := range m.Values {
		t := v.Key.GetToken()
		line, column := d.place(t)
		if at, twice := first[t.Value]; twice {
			d.mistake(v.Key, "the key %s stands twice; it stands at line %d too", quote(t.Value), at)
			continue
		}
		first[t.Value] = line
		out.Keys = append(out.Keys, Key{t.Value, line, column, d.node(v.Value)})
	}
	if !m.IsFlowStyle && len(out.Keys) > 0 { // the token of a mapping is its first colon
		out.Line, out.Column = out.Keys[0].Line, out.Keys[0].Column
	}
}
