package rules

import (
	"slices"

	"github.com/expr-lang/expr/ast"

	"github.com/outmode/outmode/internal/signin"
)

// asksNoise reports whether an expression asks for noise: whether it compares traffic with a word for it, and wants them to
// be equal. Only such a rule looks at noise, and of that only at accounts with a reserved name that authenticated: a rule
// that says nothing of traffic, or what it must not be, is about people. holds is false below a not.
func asksNoise(n ast.Node, holds bool) bool {
	switch n := n.(type) {
	case *ast.UnaryNode:
		if n.Operator == "!" || n.Operator == "not" {
			holds = !holds
		}
		return asksNoise(n.Node, holds)
	case *ast.BinaryNode:
		switch n.Operator {
		case "==", "in":
			return holds && (isTraffic(n.Left) && namesNoise(n.Right) || isTraffic(n.Right) && namesNoise(n.Left))
		case "!=":
			return !holds && (isTraffic(n.Left) && namesNoise(n.Right) || isTraffic(n.Right) && namesNoise(n.Left))
		}
		return asksNoise(n.Left, holds) || asksNoise(n.Right, holds)
	case *ast.ConditionalNode:
		return asksNoise(n.Cond, holds) || asksNoise(n.Exp1, holds) || asksNoise(n.Exp2, holds)
	}
	return false
}

func isTraffic(n ast.Node) bool {
	name, ok := n.(*ast.IdentifierNode)
	return ok && name.Value == trafficField.String()
}

// namesNoise reports whether a constant is a word for noise, or a list that holds one. The optimizer makes lists sets.
func namesNoise(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.StringNode:
		return isNoise(n.Value)
	case *ast.ArrayNode:
		return slices.ContainsFunc(n.Nodes, namesNoise)
	case *ast.ConstantNode:
		if set, ok := n.Value.(map[string]struct{}); ok {
			for word := range set {
				if isNoise(word) {
					return true
				}
			}
		}
	}
	return false
}

func isNoise(word string) bool {
	i := slices.Index(signin.Words("traffic"), word)
	return i >= 0 && signin.Traffic(i).Noise()
}
