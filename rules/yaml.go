package rules

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of what is given to the YAML parser, which is recursive, and quadratic in the number of keys
// of one document.
const (
	maxTokens    = 200_000 // of a file
	maxDocTokens = 50_000
	maxKeys      = 5_000 // of a document
	maxMarks     = 1_000 // anchors, aliases and tags of a document
	maxDepth     = 64    // of brackets, and of dashes on one line
	maxVisits    = 50_000
)

// A source is a rule file while it is read: its text, with \n at every line end, and what is wrong
// with it.
type source struct {
	name     string
	dir      string
	text     string
	lines    []int // where each line begins in text
	docs     []*doc
	problems []Problem
}

func newSource(f *File) *source {
	s := &source{name: f.Name, dir: f.Dir}
	if len(f.Data) > maxFile {
		s.report(0, 0, "it is larger than 1 MiB; split it")
		return s
	}
	text := strings.TrimPrefix(string(f.Data), "\uFEFF")
	// The parser miscounts lines that end in \r\n. To YAML, \r alone ends a line too.
	s.text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	s.lines = append(s.lines, 0)
	for i := range len(s.text) {
		if s.text[i] == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	return s
}

func (s *source) report(line, column int, format string, args ...any) {
	message := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, fmt.Sprintf(format, args...))
	s.problems = append(s.problems, Problem{File: s.name, Line: line, Column: column, Message: message})
}

// A doc is one document of a source.
type doc struct {
	*source
	first   int // lines before it
	body    ast.Node
	anchors map[string]ast.Node
	visits  int
	spent   bool
}

// parse parses the documents of the file one by one, so that a mistake in one hides nothing of the
// others. A marker at the start of a line always ends a document: no scalar may hold one.
func (s *source) parse() {
	tokens, start := 0, 0
	for i := 1; i <= len(s.lines); i++ {
		if i < len(s.lines) && !marker(s.text[s.lines[i]:]) {
			continue
		}
		end := len(s.text)
		if i < len(s.lines) {
			end = s.lines[i]
		}
		d := &doc{source: s, first: start}
		text := s.text[s.lines[start]:end]
		if strings.HasPrefix(text, "...") {
			text = "#" + text[1:]
		}
		start = i
		if !utf8.ValidString(text) {
			s.report(d.first+1, 1, "this document is not UTF-8")
			continue
		}
		body, n := d.parse(text)
		if tokens += n; tokens > maxTokens {
			s.report(d.first+1, 1, "the file is too large from here on: more than %d tokens; split it", maxTokens)
			return
		}
		if body != nil {
			d.body = body
			s.docs = append(s.docs, d)
		}
	}
}

func marker(line string) bool {
	if !strings.HasPrefix(line, "---") && !strings.HasPrefix(line, "...") {
		return false
	}
	return len(line) == 3 || line[3] == '\n' || line[3] == ' ' || line[3] == '\t'
}

// parse returns the content of a document, or nil if it has none or a mistake, and its size.
func (d *doc) parse(text string) (body ast.Node, size int) {
	defer func() {
		if r := recover(); r != nil {
			d.report(d.first+1, 1, "this document cannot be read as YAML")
			body = nil
		}
	}()
	tokens := lexer.Tokenize(text)
	size = len(tokens)
	if !d.bounded(tokens) {
		return nil, size
	}
	f, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.syntax(err)
		return nil, size
	}
	for _, doc := range f.Docs {
		if doc.Body != nil {
			body = doc.Body
		}
	}
	if body != nil {
		d.anchors = map[string]ast.Node{}
		ast.Walk(anchorFinder{d.anchors}, body)
	}
	return body, size
}

func (d *doc) syntax(err error) {
	var placed interface {
		GetToken() *token.Token
		GetMessage() string
	}
	placed, ok := err.(interface {
		GetToken() *token.Token
		GetMessage() string
	})
	if !ok || placed.GetToken() == nil {
		d.report(d.first+1, 1, "YAML: %s", shorten(err.Error()))
		return
	}
	line, column := d.place(placed.GetToken())
	message, line, column := d.plainYAML(placed.GetMessage(), line, column)
	d.report(line, column, "%s", message)
}

// bounded refuses documents on which the parser would take too long or too deep.
func (d *doc) bounded(tokens token.Tokens) bool {
	open, dashes, line, keys, marks := 0, 0, 0, 0, 0
	refuse := func(t *token.Token, what string) bool {
		l, c := d.place(t)
		d.report(l, c, "YAML: %s", what)
		return false
	}
	for i, t := range tokens {
		if t.Position.Line != line {
			line, dashes = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			open++
		case token.SequenceEndType, token.MappingEndType:
			open--
		case token.SequenceEntryType:
			dashes++
		case token.MappingValueType:
			keys++
		case token.MappingKeyType:
			return refuse(t, "a key that is not a plain word (?) has no meaning here")
		case token.AnchorType, token.AliasType, token.TagType:
			marks++
		}
		switch {
		case open > maxDepth || dashes > maxDepth:
			return refuse(t, "nested too deeply")
		case keys > maxKeys || marks > maxMarks || i >= maxDocTokens:
			return refuse(t, "this document is too large; split it at --- lines")
		}
	}
	return true
}

type anchorFinder struct{ found map[string]ast.Node }

func (a anchorFinder) Visit(n ast.Node) ast.Visitor {
	if n, ok := n.(*ast.AnchorNode); ok && n.Name != nil {
		a.found[n.Name.GetToken().Value] = n.Value
	}
	return a
}

// place is where a token stands in the file, counted from 1.
func (d *doc) place(t *token.Token) (line, column int) {
	if t == nil || t.Position == nil {
		return d.first + 1, 1
	}
	return min(d.first+t.Position.Line, len(d.lines)), max(t.Position.Column, 1)
}

func (d *doc) mistake(n ast.Node, format string, args ...any) {
	line, column := d.first+1, 1
	if n != nil {
		line, column = d.place(n.GetToken())
		// The token of a mapping is its first colon; its first key says more.
		if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
			line, column = d.place(m.Values[0].Key.GetToken())
		}
	}
	d.report(line, column, format, args...)
}

// resolve follows anchors and aliases. It returns nil, after reporting it, for what it cannot follow.
func (d *doc) resolve(n ast.Node) ast.Node {
	if d.visits++; d.visits > maxVisits {
		if !d.spent {
			d.spent = true
			d.mistake(n, "YAML: aliases make this document too large")
		}
		return nil
	}
	for range 8 {
		switch v := n.(type) {
		case *ast.AnchorNode:
			n = v.Value
		case *ast.AliasNode:
			name := v.Value.GetToken().Value
			to, ok := d.anchors[name]
			if !ok {
				d.mistake(v, "YAML: the alias %s has no anchor in this document; %s", quote("*"+name), signAdvice('*'))
				return nil
			}
			n = to
		case *ast.TagNode:
			d.mistake(v, "YAML: a tag (%s) has no meaning here; %s", quote(v.GetToken().Value), signAdvice('!'))
			return nil
		default:
			return n
		}
		if n == nil {
			return nil
		}
	}
	d.mistake(n, "YAML: this alias leads to itself")
	return nil
}

// pairs calls each for the keys of a mapping that are among known and not there twice, in their
// order, and reports the others.
func (d *doc) pairs(n ast.Node, what string, known []string, each func(key string, at, value ast.Node)) bool {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		if n != nil {
			d.mistake(n, "%s must be a mapping: key: value", what)
		}
		return false
	}
	seen := map[string]int{}
	for _, v := range m.Values {
		t := v.Key.GetToken()
		key := t.Value
		line, _ := d.place(t)
		switch first, twice := seen[key]; {
		case twice:
			d.mistake(v.Key, "%s has the key %s twice; it stands at line %d too", what, quote(key), first)
			continue
		case !contains(known, key):
			d.mistake(v.Key, "%s has no key %s%s", what, quote(key), suggest(key, known))
			continue
		}
		seen[key] = line
		value := d.resolve(v.Value)
		if _, ok := value.(*ast.NullNode); ok {
			d.mistake(v.Key, "%s has no value", quote(key))
			continue
		}
		if value != nil {
			each(key, v.Key, value)
		}
	}
	return true
}

// items calls each for the items of a list.
func (d *doc) items(n ast.Node, what string, each func(item ast.Node)) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		if text, ok := n.(*ast.StringNode); ok && text.Value != "" {
			d.mistake(n, "%s must be a list: [%s]", what, clip(text.Value))
			return
		}
		d.mistake(n, "%s must be a list: [a, b]", what)
		return
	}
	if len(s.Values) == 0 {
		d.mistake(n, "%s is an empty list; leave it out", what)
	}
	for _, v := range s.Values {
		if item := d.resolve(v); item != nil {
			each(item)
		}
	}
}

// textOf returns the text of a scalar.
func (d *doc) textOf(n ast.Node, what string) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		if strings.TrimSpace(v.Value) == "" {
			d.mistake(n, "%s is empty", what)
			return "", false
		}
		return v.Value, true
	case *ast.LiteralNode:
		if strings.TrimSpace(v.Value.Value) == "" {
			d.mistake(n, "%s is empty", what)
			return "", false
		}
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode, *ast.NullNode:
		d.mistake(n, "%s must be text; put %s in quotes", what, clip(n.GetToken().Value))
	default:
		d.mistake(n, "%s must be text", what)
	}
	return "", false
}

// textsOf returns the texts of a list.
func (d *doc) textsOf(n ast.Node, what string) (texts []string) {
	d.items(n, what, func(item ast.Node) {
		if s, ok := d.textOf(item, "an item of "+what); ok {
			texts = append(texts, s)
		}
	})
	return texts
}

// numberOf returns a whole number between low and high.
func (d *doc) numberOf(n ast.Node, what string, low, high int64) int64 {
	if v, ok := n.(*ast.IntegerNode); ok {
		if i, err := strconv.ParseInt(strings.ReplaceAll(v.GetToken().Value, "_", ""), 10, 64); err == nil && low <= i && i <= high {
			return i
		}
	}
	d.mistake(n, "%s must be a whole number from %d to %d", what, low, high)
	return 0
}

// boolOf returns true or false.
func (d *doc) boolOf(n ast.Node, what string) bool {
	if v, ok := n.(*ast.BoolNode); ok {
		return v.Value
	}
	d.mistake(n, "%s must be true or false", what)
	return false
}
