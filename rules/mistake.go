package rules

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// plainly puts what expr says of an expression that it cannot read into words that say what to write
// instead. A message that it does not know stays as it is.
func plainly(text string, f *fault) *fault {
	s := snippet{[]rune(text), f.offset}
	s.at = min(max(s.at, 0), len(s.text))
	token, unexpected := strings.CutPrefix(f.message, "unexpected token ")
	switch {
	case token == "EOF", f.message == "unexpected end of expression":
		return s.endsEarly()
	case unexpected:
		kind, value, _ := strings.Cut(token, "(")
		value, err := strconv.Unquote(strings.TrimSuffix(value, ")"))
		if err != nil { // the message was cut
			value = string(s.text[s.at:])
		}
		return s.unexpected(kind, value)
	case f.message == "literal not terminated":
		if quote, at := s.openQuote(); quote != 0 {
			return faultf(at, "the text that begins with this %c has no closing %c", quote, quote)
		}
	case f.message == "unclosed comment":
		return faultf(f.offset, "the comment /* has no closing */")
	case f.message == "invalid char escape":
		return faultf(f.offset, "a backslash in a text is written twice, as in \"\\\\d+\"; or put the text in backquotes: `\\d+`")
	case strings.HasPrefix(f.message, "bad number syntax"):
		return faultf(f.offset, "this is no number; a text must stand in quotes")
	case strings.HasPrefix(f.message, "unrecognized character"):
		return s.character(f)
	case strings.HasPrefix(f.message, "a map key must be"):
		return faultf(f.offset, "{ } has no meaning in rules; a list is written [\"a\", \"b\"]")
	}
	return f
}

// A snippet is an expression and a place in it, in runes.
type snippet struct {
	text []rune
	at   int
}

func (s snippet) here(format string, args ...any) *fault { return faultf(s.at, format, args...) }

// rune returns the rune so many places from here, or 0.
func (s snippet) rune(offset int) rune {
	if i := s.at + offset; i >= 0 && i < len(s.text) {
		return s.text[i]
	}
	return 0
}

// before returns the word or the sign before here, and where it begins.
func (s snippet) before() (word string, at int) {
	end := s.at
	for end > 0 && blankRune(s.text[end-1]) {
		end--
	}
	if end == 0 {
		return "", 0
	}
	from := end - 1
	same := func(r rune) bool { return !blankRune(r) && letter(r) == letter(s.text[end-1]) }
	if !strings.ContainsRune("()[]{}\"'`", s.text[from]) {
		for from > 0 && same(s.text[from-1]) && !strings.ContainsRune("()[]{}\"'`", s.text[from-1]) {
			from--
		}
	}
	return string(s.text[from:end]), from
}

// outside calls each for the runes that stand in no text and no comment.
func (s snippet) outside(each func(i int, r rune)) skipper {
	var skip skipper
	for i, r := range s.text {
		if !skip.over(r) {
			each(i, r)
		}
	}
	return skip
}

// openQuote returns the quote that is not closed, and where it stands.
func (s snippet) openQuote() (quote rune, at int) {
	var skip skipper
	for i, r := range s.text {
		was := skip.quote
		if skip.over(r); was == 0 && skip.quote != 0 {
			at = i
		}
	}
	if strings.ContainsRune("\"'`", skip.quote) {
		return skip.quote, at
	}
	return 0, 0
}

// brackets returns where a bracket stands that is not closed, the innermost one, and one that closes
// nothing, the first; -1 for none.
func (s snippet) brackets() (open, closing int) {
	var stack []int
	closing = -1
	s.outside(func(i int, r rune) {
		switch {
		case strings.ContainsRune("([{", r):
			stack = append(stack, i)
		case !strings.ContainsRune(")]}", r) || closing >= 0:
		case len(stack) == 0 || s.text[stack[len(stack)-1]] != opening(r):
			closing = i
		default:
			stack = stack[:len(stack)-1]
		}
	})
	if len(stack) == 0 {
		return -1, closing
	}
	return stack[len(stack)-1], closing
}

func opening(r rune) rune { return map[rune]rune{')': '(', ']': '[', '}': '{'}[r] }

// endsEarly says what is missing at the end.
func (s snippet) endsEarly() *fault {
	if open, _ := s.brackets(); open >= 0 {
		return faultf(open, "this %c is never closed", s.text[open])
	}
	pipe, question, colon := -1, false, false
	call := slices.Index(s.text, '(') // a single | hands a value to a call
	s.outside(func(i int, r rune) {
		at := snippet{s.text, i}
		switch {
		case r == '|' && at.rune(1) != '|' && at.rune(-1) != '|' && call < 0:
			pipe = i
		case r == '?' && at.rune(1) != '?' && at.rune(-1) != '?' && at.rune(1) != '.':
			question = true
		case r == ':':
			colon = true
		}
	})
	last, _ := snippet{s.text, len(s.text)}.before()
	switch {
	case pipe >= 0:
		return faultf(pipe, "or is written ||, with two signs")
	case question && !colon:
		return s.here("the expression ends too early: a ? b : c needs all three parts")
	}
	return s.here("the expression ends too early: something must follow %s", quote(last))
}

// unexpected says what to write instead of the token that stands here.
func (s snippet) unexpected(kind, value string) *fault {
	switch kind {
	case "Operator":
		return s.operator(value)
	case "Identifier":
		return s.word(value)
	case "Bracket":
		if _, closing := s.brackets(); closing == s.at {
			return s.here("this %s closes nothing: its opening bracket is missing", value)
		}
		if open, _ := s.brackets(); value == "{" || value == "}" && open < 0 {
			return s.here("{ } has no meaning in rules; a list is written [\"a\", \"b\"]")
		}
		if strings.Contains(")]}", value) {
			return s.here("something is missing before this %s", value)
		}
	case "Number":
		if address, at := s.address(); address != "" {
			return faultf(at, "an address must stand in quotes: %s", quote(address))
		}
	}
	return s.here("an operator such as == or && is missing before this")
}

// address returns the address that stands here without quotes, and where it begins.
func (s snippet) address() (string, int) {
	part := func(r rune) bool { return unicode.IsDigit(r) || r == '.' || r == '/' }
	from, to := s.at, s.at
	for from > 0 && part(s.text[from-1]) {
		from--
	}
	for to < len(s.text) && part(s.text[to]) {
		to++
	}
	if text := string(s.text[from:to]); strings.Count(text, ".") >= 3 {
		return text, from
	}
	return "", 0
}

// operator is about a sign, or a word that is one, where none can stand.
func (s snippet) operator(value string) *fault {
	last, _ := s.before()
	switch value {
	case "=":
		return s.equals()
	case "&", "&=", "&*":
		return s.here("and is written &&, with two signs")
	case ",":
		if before := string(s.text[:s.at]); strings.LastIndex(before, " in ") > strings.LastIndexAny(before, "&|") {
			return s.here("the list of in must stand in brackets: [\"a\", \"b\"]")
		}
		return s.here("a comma has no meaning here; conditions are combined with && or ||")
	case "#":
		return s.here("# has no meaning in an expression; a comment of YAML needs a blank before it")
	case "!":
		return s.here("! can only stand before a condition; inequality is written !=, and other words take not: user not contains \"a\"")
	case "contains", "startsWith", "endsWith", "matches":
		return s.here("%s stands between two values: user %s \"a\"", value, value)
	case "in":
		return s.here("in stands between a value and a list: protocol in [\"ews\", \"mapi\"]")
	case ":":
		return s.here("a colon has no meaning here; equality is written ==")
	case "*", "/", "%", "+", "^":
		return s.here("%s needs a number on both sides; a text must stand in quotes", value)
	case "==", "!=", "<", "<=", ">", ">=":
		switch {
		case s.rune(-1) == '<':
			return s.here("inequality is written !=")
		case last == "not" || last == "!":
			return s.here("inequality is written !=, without not")
		case contains([]string{"and", "or", "&&", "||"}, last):
			return s.here("each side of %s must be a whole condition: name the field before %s again", last, value)
		}
	}
	return s.here("something is missing before %s", value)
}

// equals is about a single =.
func (s snippet) equals() *fault {
	switch before := s.rune(-1); {
	case s.rune(1) == '>':
		return s.here("at least is written >=")
	case s.rune(1) == '<':
		return s.here("at most is written <=")
	case s.rune(1) == '~':
		return s.here("a pattern is tested with matches: user matches \"^svc-\"")
	case before == '=' && s.rune(-2) == '!':
		return s.here("inequality is written !=, with one =")
	case before == '=':
		return s.here("equality is written ==, with two signs")
	}
	if last, _ := s.before(); last == "!" {
		return s.here("inequality is written !=, without a blank")
	}
	return s.here("equality is written ==, with two signs, not =")
}

// word is about a word where an operator should stand.
func (s snippet) word(value string) *fault {
	last, at := s.before()
	if last != "not" && strings.EqualFold(last, "not") {
		return faultf(at, "not is written in lower case, or as !")
	}
	switch strings.ToLower(value) {
	case "and":
		return s.here("and is written in lower case, or as &&")
	case "or":
		return s.here("or is written in lower case, or as ||")
	case "like", "ilike":
		return s.here("there is no operator %s; write glob(user, \"svc-*\"), or matches with a regular expression", quote(value))
	case "is", "eq", "equals", "equal":
		return s.here("equality is written ==, not %s", value)
	case "ne", "neq":
		return s.here("inequality is written !=, not %s", value)
	case "between":
		return s.here("a range is written with in and two dots: hour in 8..17")
	}
	if near := nearest(value, []string{"contains", "startsWith", "endsWith", "matches"}); near != "" {
		return s.here("there is no operator %s; did you mean %s?", quote(value), quote(near))
	}
	if contains(functionNames(), last) {
		return faultf(at, "the value of %s must stand in brackets: %s(%s)", last, last, clip(value))
	}
	return s.here("an operator is missing before %s; conditions are combined with && or ||", quote(value))
}

// character is about a sign that the language does not have.
func (s snippet) character(f *fault) *fault {
	switch r := s.rune(0); r {
	case '“', '”', '„', '‟', '«', '»':
		return s.here("%c is no quote of the language; write \"", r)
	case '‘', '’', '‚', '´':
		return s.here("%c is no quote of the language; write '", r)
	case '~':
		return s.here("a pattern is tested with matches: user matches \"^svc-\"")
	case '\\':
		return s.here("a backslash can only stand in a text, which must stand in quotes")
	case 0:
		return f
	default:
		return s.here("the sign %s has no meaning in an expression; a text must stand in quotes", quote(string(r)))
	}
}

// plainTypes puts what expr says of names and types into words.
func plainTypes(f *fault) *fault {
	between := func(before, middle, after string) (string, string, bool) {
		rest, ok := strings.CutPrefix(f.message, before)
		x, y, both := strings.Cut(rest, middle)
		return x, strings.TrimSuffix(y, after), ok && both
	}
	if got, ok := strings.CutPrefix(f.message, "expected bool, but got "); ok {
		return faultf(f.offset, "this is %s; a rule needs a condition, which is true or false, such as user == \"anna\"", typeWord(got))
	}
	if name, ok := strings.CutPrefix(f.message, "unknown name "); ok {
		return faultf(f.offset, "there is no field %s%s", quote(name), fieldHint(name))
	}
	if left, item, ok := between("cannot use ", " as type ", " in array"); ok {
		return faultf(f.offset, "left of in stands %s, and its list holds %s; texts stand in quotes, numbers without", typeWord(left), typeWord(item))
	}
	if got, call, ok := between("cannot use ", " as argument (type ", ""); ok {
		if takes, name, ok := strings.Cut(call, ") to call "); ok {
			return faultf(f.offset, "%s takes %s, and this is %s", strings.TrimSpace(name), typeWord(takes), typeWord(got))
		}
	}
	if name, got, ok := between("invalid argument for ", " (type ", ")"); ok {
		return faultf(f.offset, "%s does not take %s", name, typeWord(got))
	}
	if operator, got, ok := between("invalid operation: ", " (mismatched type ", ")"); ok {
		hint := ""
		if operator != "-" && operator != "+" {
			hint = "; compare it first: user == \"\""
		}
		return faultf(f.offset, "%s cannot stand before %s%s", operator, typeWord(got), hint)
	}
	operator, types, ok := between("invalid operation: ", " (mismatched types ", ")")
	if left, right, both := strings.Cut(types, " and "); ok && both {
		return faultf(f.offset, "%s cannot stand between %s and %s%s", operator, typeWord(left), typeWord(right), typeHint(operator, left, right))
	}
	return f
}

// typeHint says what to write where an operator stands between values of two types.
func typeHint(operator, left, right string) string {
	number := func(t string) bool { return t == "int" || t == "float64" }
	switch {
	case operator == "in" && number(left) && left == right:
		return "; a range is written 400..499"
	case operator == "in":
		return "; right of in stands a list, [\"a\", \"b\"]; of addresses write cidr(address, \"192.0.2.0/24\")"
	case contains([]string{"and", "&&", "or", "||"}, operator):
		return "; each side must be a whole condition: user == \"a\" " + operator + " user == \"b\""
	case left == "time.Time" || right == "time.Time":
		return "; write date(\"2026-01-31\")"
	case left == "bool" || right == "bool":
		return "; true and false stand without quotes"
	case number(left) && right == "string":
		return "; a number stands without quotes, and int(x) makes one of a text"
	case left == "string" && number(right):
		return "; a text stands in quotes, and int(x) makes a number of one"
	}
	return ""
}

// typeWord names a type of the language as rules know it.
func typeWord(name string) string {
	switch name {
	case "string":
		return "a text"
	case "int":
		return "a whole number"
	case "float64":
		return "a number"
	case "bool":
		return "a condition"
	case "time.Time":
		return "an instant"
	}
	return name
}
