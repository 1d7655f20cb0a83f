package rules

import "strings"

// plainYAML puts what the YAML parser says of a place into words that say what to write instead. It may
// name a better place. A message that it does not know stays as it is.
func (d *doc) plainYAML(message string, line, column int) (string, int, int) {
	text := []rune(d.line(line))
	at := min(max(column-1, 0), len(text))
	if sign, i := valueSign(text, at); sign != 0 {
		return signAdvice(sign), line, i + 1
	}
	says := func(part string) bool { return strings.Contains(message, part) }
	switch {
	case says("found character '\t'"):
		return "YAML wants blanks instead of a tab", line, column
	case says("could not find end character"):
		if at < len(text) {
			return "the text that begins with this " + string(text[at]) + " has no closing " + string(text[at]), line, column
		}
	case says("found unknown escape character"):
		return `within " a backslash begins an escape; put the text in single quotes instead`, line, column
	case says("value is not allowed in this context"):
		switch before := strings.TrimRight(string(text[:at]), " "); {
		case says("mapping value"):
			return d.misplacedColon(line, column, string(text[at:]))
		case strings.HasSuffix(before, `"`):
			return `this stands behind the closing "; within the quotes write \" for one, or put the whole in single quotes`, line, column
		case strings.HasSuffix(before, `'`):
			return `this stands behind the closing '; within the quotes write '' for one`, line, column
		}
	case says("non-map value is specified"):
		return "a line must be key: value, with a blank after the colon; one that continues a text begins with blanks", line, column
	case says("',' or ']' must be specified"):
		return "a comma is missing before this, or the closing ] of the list", line, column
	case says("',' or '}' must be specified"):
		return "a comma is missing before this, or the closing } of the mapping", line, column
	case says("end token ']' not found"):
		return "this [ is never closed", line, column
	case says("end token '}'"):
		return "this { is never closed", line, column
	case says("block sequence entries are not allowed"):
		return "a list whose items begin with - begins on the next line; on this one it is written [a, b]", line, column
	}
	return "YAML: " + shorten(message), line, column
}

// misplacedColon is about a colon that makes a key where none can be.
func (d *doc) misplacedColon(line, column int, rest string) (string, int, int) {
	if strings.Contains(rest, ": ") || strings.HasSuffix(rest, ":") {
		return "a text that holds a colon and a blank must stand in quotes, or on the lines after >-", line, column
	}
	for next := line + 1; next <= len(d.lines); next++ {
		text := d.line(next)
		if indent := len(text) - len(strings.TrimLeft(text, " ")); indent < len(text) {
			line, column = next, indent+1
			break
		}
	}
	return "this line begins further right than the keys: begin a key where the others begin, and put a text that goes on over lines in quotes, or after >-", line, column
}

// valueSign returns the sign that means something to YAML with which a value of the line begins, the
// last one up to at.
func valueSign(text []rune, at int) (rune, int) {
	for i := min(at, len(text)-1); i > 0; i-- {
		if !strings.ContainsRune("!&*%@`", text[i]) {
			continue
		}
		before := strings.TrimRight(string(text[:i]), " ")
		switch {
		case strings.HasSuffix(before, "["), strings.HasSuffix(before, ","):
			return text[i], i
		case text[i-1] == ' ' && (strings.HasSuffix(before, ":") || strings.TrimLeft(before, " ") == "-"):
			return text[i], i
		}
	}
	return 0, 0
}

// signAdvice says what to do about a value that begins with a sign of YAML's.
func signAdvice(sign rune) string {
	if sign == '!' {
		return "an expression that begins with ! must stand in quotes"
	}
	return "a text that begins with " + string(sign) + " must stand in quotes"
}

// line is the text of a line of the file, counted from 1.
func (s *source) line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	text, _, _ := strings.Cut(s.text[s.lines[n-1]:], "\n")
	return text
}
