package rules

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

// A group says what a condition depends on, and so for what it is evaluated once.
type group uint8

// The groups. Those before addressGroup are decided by the key of a usage row.
const (
	tupleGroup   group = iota // the fields of which there are few combinations
	accountGroup              // user, domain
	serverGroup
	mixedKeyGroup // fields of several of the above: evaluated for each row
	addressGroup
	agentGroup // agent, client_version
	pathGroup
	statusGroup
	clockGroup     // hour, weekday
	mixedLineGroup // any other: evaluated for each line
	groupCount
)

// groupFields are the fields that a condition of each group may read. The first group that has all of
// a condition's fields is its own.
func groupFields() [groupCount]fieldSet {
	account := setOf(userField, domainField)
	tuple := keyFields &^ account &^ setOf(serverField)
	return [groupCount]fieldSet{
		tupleGroup: tuple, accountGroup: account, serverGroup: setOf(serverField), mixedKeyGroup: keyFields,
		addressGroup: setOf(addressField), agentGroup: setOf(agentField, versionField), pathGroup: setOf(pathField),
		statusGroup: setOf(statusField), clockGroup: setOf(hourField, weekdayField), mixedLineGroup: 1<<fieldCount - 1,
	}
}

// A condition is a part of an expression without &&, || and !: what is evaluated at one go.
type condition struct {
	text    string // its source
	program *vm.Program
	fields  fieldSet
	group   group
	mayFail bool
	zone    *time.Location // not nil if it reads hour or weekday
}

// A value is the outcome of a condition or an expression.
type value uint8

// The values. Unknown stands for what is not decided yet.
const (
	no value = iota
	yes
	failed
	unknown
)

// A tree is an expression of conditions. Trees are shared and never change.
type tree struct {
	op      op
	cond    int32 // of a leaf; of a constant that failed: the condition that did
	value   value // of a constant
	a, b    *tree
	mayFail bool
}

type op uint8

const (
	leaf op = iota
	constant
	and
	or
	not
)

// A splitter cuts expressions into conditions, and keeps equal ones once.
type splitter struct {
	language   *language
	conditions []condition
	known      map[string]int32 // by meaning
}

// split returns the tree of an expression. text is its source.
func (sp *splitter) split(n ast.Node, text string, zone *time.Location) (*tree, error) {
	return sp.node(n, []rune(text), text, zone)
}

func (sp *splitter) node(n ast.Node, runes []rune, text string, zone *time.Location) (*tree, error) {
	switch n := n.(type) {
	case *ast.BoolNode:
		if n.Value {
			return &tree{op: constant, value: yes}, nil
		}
		return &tree{op: constant, value: no}, nil
	case *ast.UnaryNode:
		// Of "not in" and the like the location is that of the second word: they stay one condition, as
		// they are spelled.
		if at := n.Location(); (n.Operator == "!" || n.Operator == "not") && (spells(runes, at, "!") || spells(runes, at, "not")) {
			a, err := sp.node(n.Node, runes, text, zone)
			if err != nil {
				return nil, err
			}
			return &tree{op: not, a: a, mayFail: a.mayFail}, nil
		}
	case *ast.BinaryNode:
		o, ok := connective(n, runes)
		if !ok {
			break
		}
		a, err := sp.node(n.Left, runes, text, zone)
		if err != nil {
			return nil, err
		}
		b, err := sp.node(n.Right, runes, text, zone)
		if err != nil {
			return nil, err
		}
		return &tree{op: o, a: a, b: b, mayFail: a.mayFail || b.mayFail}, nil
	}
	return sp.leaf(n, runes, text, zone)
}

// connective reports whether n is an and or an or that the source spells. Those that expr makes of
// ranges and of chained comparisons stay within their condition.
func connective(n *ast.BinaryNode, runes []rune) (op, bool) {
	at := n.Location()
	switch n.Operator {
	case "and", "&&":
		return and, spells(runes, at, "and") || spells(runes, at, "&&")
	case "or", "||":
		return or, spells(runes, at, "or") || spells(runes, at, "||")
	}
	return 0, false
}

// spells reports whether the source has that word there.
func spells(runes []rune, at file.Location, word string) bool {
	return at.From >= 0 && at.To <= len(runes) && at.From < at.To && string(runes[at.From:at.To]) == word
}

func (sp *splitter) leaf(n ast.Node, runes []rune, text string, zone *time.Location) (*tree, error) {
	c := condition{text: strings.Join(strings.Fields(span(n, runes)), " ")}
	walk(n, func(part ast.Node) {
		switch part := part.(type) {
		case *ast.IdentifierNode:
			if f, ok := parseField(part.Value); ok {
				c.fields |= setOf(f)
			}
		case *ast.BuiltinNode:
			c.mayFail = c.mayFail || part.Name == "int" || part.Name == "float"
		case *ast.BinaryNode:
			c.mayFail = c.mayFail || part.Operator == "%"
		}
	})
	key := meaning(n)
	if c.fields.has(hourField) || c.fields.has(weekdayField) {
		c.zone = zone
		key += " " + zone.String()
	}
	id, ok := sp.known[key]
	if !ok {
		var err error
		if c.program, err = sp.language.program(n, text); err != nil {
			return nil, err
		}
		fields := groupFields()
		c.group = group(slices.IndexFunc(fields[:], c.fields.within))
		id = int32(len(sp.conditions))
		sp.conditions, sp.known[key] = append(sp.conditions, c), id
	}
	return &tree{op: leaf, cond: id, mayFail: c.mayFail}, nil
}

// meaning is a text that two trees share only if they always have the same value.
func meaning(n ast.Node) string {
	all := func(list ...ast.Node) string {
		var b strings.Builder
		for _, n := range list {
			b.WriteString(meaning(n))
			b.WriteByte(' ')
		}
		return b.String()
	}
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return n.Value
	case *ast.IntegerNode:
		return strconv.Itoa(n.Value)
	case *ast.FloatNode:
		return "f" + strconv.FormatFloat(n.Value, 'g', -1, 64)
	case *ast.BoolNode:
		return strconv.FormatBool(n.Value)
	case *ast.StringNode:
		return strconv.Quote(n.Value)
	case *ast.UnaryNode:
		return "(" + n.Operator + " " + all(n.Node) + ")"
	case *ast.BinaryNode:
		return "(" + n.Operator + " " + all(n.Left, n.Right) + ")"
	case *ast.ConditionalNode:
		return "(? " + all(n.Cond, n.Exp1, n.Exp2) + ")"
	case *ast.BuiltinNode:
		return "(" + n.Name + " " + all(n.Arguments...) + ")"
	case *ast.CallNode:
		return "(" + meaning(n.Callee) + " " + all(n.Arguments...) + ")"
	case *ast.ConstantNode:
		return constantMeaning(n.Value)
	}
	return fmt.Sprintf("(%T %p)", n, n) // never equal to another
}

func constantMeaning(v any) string {
	switch v := v.(type) {
	case map[string]struct{}:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, strconv.Quote(k))
		}
		slices.Sort(keys)
		return "[" + strings.Join(keys, " ") + "]"
	case map[int]struct{}:
		keys := make([]int, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		return fmt.Sprint(keys)
	case time.Time:
		return "t" + strconv.FormatInt(v.UnixNano(), 10)
	case *ranges:
		return strconv.Quote(v.key)
	case *glob:
		return strconv.Quote(v.key)
	case *list:
		return strconv.Quote(v.name)
	}
	return fmt.Sprintf("%#v", v)
}

// reduce returns what is left of t once some conditions are known. What it returns has, whatever the
// unknown conditions turn out to be, the value that t has: where a condition that may fail stands
// before one that is known, it is kept, since a failure of it would be the value.
func (t *tree) reduce(of func(cond int32) value) *tree {
	switch t.op {
	case leaf:
		if v := of(t.cond); v != unknown {
			return &tree{op: constant, value: v, cond: t.cond, mayFail: v == failed}
		}
	case not:
		a := t.a.reduce(of)
		switch {
		case a.op != constant:
			return &tree{op: not, a: a, mayFail: a.mayFail}
		case a.value == failed:
			return a
		}
		return &tree{op: constant, value: yes - a.value}
	case and, or:
		neutral := yes // what leaves the other side to decide
		if t.op == or {
			neutral = no
		}
		a := t.a.reduce(of)
		if a.op == constant {
			if a.value == neutral {
				return t.b.reduce(of)
			}
			return a
		}
		b := t.b.reduce(of)
		if b.op == constant {
			if b.value == neutral {
				return a
			}
			if b.value != failed && !a.mayFail {
				return b
			}
		}
		return &tree{op: t.op, a: a, b: b, mayFail: a.mayFail || b.mayFail}
	}
	return t
}

// conditions calls each for every condition of t.
func (t *tree) conditions(each func(cond int32)) {
	switch t.op {
	case leaf:
		each(t.cond)
	case not:
		t.a.conditions(each)
	case and, or:
		t.a.conditions(each)
		t.b.conditions(each)
	}
}

// appendKey appends a text that equal trees share.
func (t *tree) appendKey(b []byte) []byte {
	b = append(b, byte('a'+t.op))
	switch t.op {
	case leaf:
		b = strconv.AppendInt(b, int64(t.cond), 10)
	case constant:
		b = append(b, byte('0'+t.value))
		if t.value == failed {
			b = strconv.AppendInt(b, int64(t.cond), 10)
		}
	case not:
		b = t.a.appendKey(b)
	default:
		b = t.b.appendKey(t.a.appendKey(b))
	}
	return append(b, ';')
}

// An evaluator runs conditions. It is for one goroutine.
type evaluator struct {
	vm   vm.VM
	view view
}

// maxMemory bounds what the virtual machine may make for one condition, in elements.
const maxMemory = 100_000

func newEvaluator() *evaluator { return &evaluator{vm: vm.VM{MemoryBudget: maxMemory}} }

// run evaluates c over the view. message is why it failed.
func (e *evaluator) run(c *condition) (v value, message string) {
	if c.zone != nil {
		e.view.setZone(c.zone)
	}
	out, err := e.vm.Run(c.program, &e.view)
	if err != nil {
		return failed, failure(err)
	}
	if out == true {
		return yes, ""
	}
	return no, ""
}

// failure is the error's own sentence, without the source that expr adds.
func failure(err error) string {
	var placed *file.Error
	if errors.As(err, &placed) {
		return shorten(placed.Message)
	}
	return shorten(err.Error())
}
