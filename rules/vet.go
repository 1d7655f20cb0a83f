package rules

import (
	"math"
	"reflect"
	"regexp/syntax"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
)

// maxPattern bounds a compiled regular expression, in instructions: matching 2 KiB of text takes at
// most 2,048 times as many steps.
const maxPattern = 4_000

// A vetting lets through what ends soon, allocates no more than its input is long, and means the same
// tomorrow: comparisons of fields, calculations with numbers, and a few functions. Everything else of
// the language is refused by name.
type vetting struct {
	lists   map[string]*list
	least   *fault
	pattern bool // a pattern is at fault, of which expr complains too, in a worse place
}

func (v *vetting) first() *fault { return v.least }

func (v *vetting) add(f *fault) {
	if v.least == nil || f.offset < v.least.offset {
		v.least = f
	}
}

func (v *vetting) refuse(n ast.Node, format string, args ...any) {
	v.add(faultf(n.Location().From, format, args...))
}

func (v *vetting) nodes(list []ast.Node, parent ast.Node) {
	for _, n := range list {
		v.node(n, parent)
	}
}

func (v *vetting) node(n, parent ast.Node) {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		v.name(n)
	case *ast.IntegerNode, *ast.BoolNode, *ast.StringNode:
	case *ast.FloatNode:
		if math.IsInf(n.Value, 0) || math.IsNaN(n.Value) {
			v.refuse(n, "this number is not finite")
		}
	case *ast.UnaryNode:
		v.node(n.Node, n)
	case *ast.BinaryNode:
		v.binary(n)
	case *ast.ConditionalNode:
		v.nodes([]ast.Node{n.Cond, n.Exp1, n.Exp2}, n)
	case *ast.CallNode:
		v.call(n)
	case *ast.BuiltinNode:
		v.builtin(n)
	case *ast.NilNode:
		v.refuse(n, "nil: a field always has a value; compare with \"\" or 0")
	case *ast.ArrayNode:
		v.refuse(n, "a list can only stand right of in")
	case *ast.MemberNode, *ast.ChainNode:
		v.refuse(n, "fields have no members; for the parts of time there are hour and weekday")
	case *ast.SliceNode:
		v.refuse(n, "slices are not available; use startsWith, endsWith, contains, matches or glob")
	case *ast.VariableDeclaratorNode, *ast.SequenceNode:
		v.refuse(n, "a rule is one expression, without let and ;")
	case *ast.PredicateNode, *ast.PointerNode:
		v.refuse(n, "loops are refused")
	default:
		v.refuse(n, "this is not available in rules")
	}
}

func (v *vetting) name(n *ast.IdentifierNode) {
	if _, ok := parseField(n.Value); !ok {
		v.refuse(n, "there is no field %s%s", quote(n.Value), fieldHint(n.Value))
	}
}

func (v *vetting) binary(n *ast.BinaryNode) {
	switch n.Operator {
	case "in":
		v.node(n.Left, n)
		v.choices(n)
		return
	case "matches":
		v.node(n.Left, n)
		v.regexp(n.Right)
		return
	case "==", "!=":
		v.compare(n.Left, n.Right)
		v.compare(n.Right, n.Left)
	case "/", "%":
		if c, ok := n.Right.(*ast.IntegerNode); ok && c.Value == 0 {
			v.refuse(n, "division by zero")
		} else if f, ok := n.Right.(*ast.FloatNode); ok && f.Value == 0 {
			v.refuse(n, "division by zero")
		}
	case "and", "&&", "or", "||", "<", ">", "<=", ">=", "+", "-", "*", "contains", "startsWith", "endsWith":
	case "**", "^":
		v.refuse(n, "powers are refused: they soon leave the numbers")
	case "..":
		v.refuse(n, "a range can only stand right of in, with two whole numbers")
	default:
		v.refuse(n, "the operator %s is not available in rules", quote(n.Operator))
	}
	v.node(n.Left, n)
	v.node(n.Right, n)
}

// compare refuses a comparison of a field with a value that it cannot have.
func (v *vetting) compare(side, other ast.Node) {
	f, ok := side.(*ast.IdentifierNode)
	if !ok {
		return
	}
	known := words(f.Value)
	if s, ok := other.(*ast.StringNode); ok && known != nil && !contains(known, s.Value) {
		hint := suggest(s.Value, known)
		if contains(known, "outmode."+s.Value) {
			hint = "; did you mean " + quote("outmode."+s.Value) + "?"
		}
		if hint == "" {
			hint = "; it is one of " + listed(known)
		}
		v.refuse(s, "%s is never %s%s", f.Value, quote(s.Value), hint)
	}
}

// choices checks what stands right of in: a list of texts, a list of whole numbers, or a range.
func (v *vetting) choices(n *ast.BinaryNode) {
	switch right := n.Right.(type) {
	case *ast.BinaryNode:
		_, from := right.Left.(*ast.IntegerNode)
		_, to := right.Right.(*ast.IntegerNode)
		if right.Operator == ".." && from && to {
			return
		}
	case *ast.ArrayNode:
		texts, numbers := 0, 0
		for _, item := range right.Nodes {
			switch item.(type) {
			case *ast.StringNode:
				texts++
				v.compare(n.Left, item)
			case *ast.IntegerNode:
				numbers++
			}
		}
		if count := len(right.Nodes); count > 0 && (texts == count || numbers == count) {
			return
		}
	}
	v.refuse(n.Right, "right of in must stand a list of constants of one type, such as [\"a\", \"b\"] or [401, 403], or a range such as 400..499; for a named list write in_list(value, \"name\")")
}

// regexp checks a regular expression.
func (v *vetting) regexp(n ast.Node) {
	s, ok := n.(*ast.StringNode)
	if !ok {
		v.refuse(n, "the pattern of matches must be a constant")
		return
	}
	re, err := syntax.Parse(s.Value, syntax.Perl)
	if err != nil {
		v.pattern = true
		hint := ""
		if wrong, ok := err.(*syntax.Error); ok && wrong.Code == syntax.ErrMissingRepeatArgument {
			hint = "; any text is .*"
		}
		v.refuse(n, "%s%s", shorten(err.Error()), hint)
		return
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil || len(prog.Inst) > maxPattern {
		v.refuse(n, "the pattern is too large")
	}
}

func (v *vetting) call(n *ast.CallNode) {
	name, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		v.refuse(n, "fields have no methods%s", methodHint(n.Callee))
		return
	}
	v.nodes(n.Arguments, n)
	switch name.Value {
	case "cidr":
		v.ranges(n)
	case "glob":
		if s := v.constant(n, "glob", "glob(path, \"/ews/*\")"); s != nil {
			if _, err := newGlob(s.Value); err != nil {
				v.refuse(s, "%s", err)
			}
		}
	case "in_list":
		s := v.constant(n, "in_list", "in_list(user, \"name\")")
		if s == nil {
			return
		}
		if _, ok := v.lists[s.Value]; !ok {
			v.refuse(s, "there is no list %s%s", quote(s.Value), suggest(s.Value, listNames(v.lists)))
		}
	default:
		v.refuse(n, "there is no function %s%s", quote(name.Value), functionHint(name.Value))
	}
}

// constant returns the second of two arguments, if it is a text.
func (v *vetting) constant(n *ast.CallNode, name, example string) *ast.StringNode {
	if len(n.Arguments) == 2 {
		if s, ok := n.Arguments[1].(*ast.StringNode); ok {
			return s
		}
	}
	v.refuse(n, "%s takes a value and a constant: %s", name, example)
	return nil
}

func (v *vetting) ranges(n *ast.CallNode) {
	if len(n.Arguments) < 2 {
		v.refuse(n, "cidr takes an address and ranges: cidr(address, \"192.0.2.0/24\")")
		return
	}
	for _, a := range n.Arguments[1:] {
		s, ok := a.(*ast.StringNode)
		if !ok {
			v.refuse(a, "the ranges of cidr must be constants")
		} else if _, err := parsePrefix(s.Value); err != nil {
			v.refuse(s, "%s is not a range of addresses; write 192.0.2.0/24 or 2001:db8::/32", quote(s.Value))
		}
	}
}

// allowedBuiltins are the functions of expr that a rule can call: what they return is no longer than
// what they are given.
func allowedBuiltins() []string {
	return []string{"len", "lower", "upper", "trim", "trimPrefix", "trimSuffix", "hasPrefix", "hasSuffix", "indexOf", "lastIndexOf",
		"abs", "int", "float", "date"}
}

func functionNames() []string { return append(allowedBuiltins(), "cidr", "in_list", "glob") }

func (v *vetting) builtin(n *ast.BuiltinNode) {
	switch {
	case n.Name == "now":
		v.refuse(n, "now() is refused: a rule must find tomorrow what it finds today; use time, hour and weekday")
	case builtin.Builtins[builtin.Index[n.Name]].Predicate:
		v.refuse(n, "%s() is refused: a rule must not loop", n.Name)
	case !contains(allowedBuiltins(), n.Name):
		v.refuse(n, "%s() is not available in rules%s", n.Name, functionHint(n.Name))
	case n.Name == "date":
		for _, a := range n.Arguments {
			if _, ok := a.(*ast.StringNode); !ok {
				v.refuse(n, "date takes a constant: date(\"2026-01-31T00:00:00Z\")")
				return
			}
		}
		if _, err := dateOf(n); err != nil {
			v.refuse(n, "%s", shorten(err.Error()))
		}
	default:
		v.nodes(n.Arguments, n)
	}
}

// dateOf is the value of date() with constants.
func dateOf(n *ast.BuiltinNode) (time.Time, error) {
	var args []any
	for _, a := range n.Arguments {
		args = append(args, a.(*ast.StringNode).Value)
	}
	if len(args) == 0 || len(args) > 3 {
		return time.Time{}, errDate
	}
	out, err := builtin.Builtins[builtin.Index["date"]].Func(args...)
	if err != nil {
		return time.Time{}, err
	}
	t, _ := out.(time.Time)
	return t, nil
}

// vetTypes refuses what depends on types: it sees a tree that was checked.
func vetTypes(root ast.Node) *fault {
	v := &vetting{}
	walk(root, func(n ast.Node) {
		b, ok := n.(*ast.BinaryNode)
		if !ok {
			return
		}
		switch b.Operator {
		case "+":
			if b.Left.Type().Kind() == reflect.String {
				v.refuse(b, "texts cannot be joined with +: it can allocate without limit")
			}
		case "-":
			if b.Left.Type().Kind() == reflect.Struct {
				v.refuse(b, "times cannot be subtracted; compare them, or give the rule a window")
			}
		case "in":
			if r, ok := b.Right.(*ast.BinaryNode); ok && b.Left.Type().Kind() != reflect.Int {
				v.refuse(r, "a range needs a whole number left of in")
			}
		}
	})
	return v.first()
}

// vetConstants refuses calculations that leave the numbers: it sees a tree whose constants were
// folded.
func vetConstants(root ast.Node) *fault {
	v := &vetting{}
	walk(root, func(n ast.Node) {
		switch n := n.(type) {
		case *ast.FloatNode:
			if math.IsInf(n.Value, 0) || math.IsNaN(n.Value) {
				v.refuse(n, "this constant is not finite")
			}
		case *ast.BinaryNode:
			if c, ok := n.Right.(*ast.IntegerNode); ok && c.Value == 0 && (n.Operator == "/" || n.Operator == "%") {
				v.refuse(n, "division by zero")
			}
		}
	})
	return v.first()
}
