package rules

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
)

// placeIn returns where, in the file, the rune of a scalar's value stands that comes after the first
// offset runes. Folding, escapes and indentation change only what is blank, so the value and its
// source agree on the letters: the place is found by counting those.
func (d *doc) placeIn(n ast.Node, value string, offset int) (line, column int) {
	letters := 0
	for _, r := range value {
		if offset--; offset < 0 {
			break
		}
		if !blankRune(r) {
			letters++
		}
	}
	line, column = d.place(n.GetToken())
	if line < 1 || line > len(d.lines) {
		return line, column
	}
	w := scalarWalk{text: d.text, at: d.lines[line-1], line: line, column: 1}
	for w.column < column && w.at < len(w.text) {
		w.next()
	}
	w.open()
	for {
		at := w // the place of the next letter
		r, ok := w.letter()
		if !ok {
			return at.last[0], at.last[1]
		}
		if blankRune(r) {
			continue
		}
		if letters--; letters < 0 {
			return w.begin[0], w.begin[1]
		}
	}
}

func blankRune(r rune) bool { return r == ' ' || r == '\n' || r == '\t' || r == '\r' }

// A scalarWalk reads the letters of a scalar from its source.
type scalarWalk struct {
	text         string
	at           int
	line, column int
	style        byte   // the quote, | for a block, 0 for a plain scalar
	begin        [2]int // line and column of the letter that was read last
	last         [2]int // of what follows it
}

func (w *scalarWalk) next() rune {
	r, n := utf8.DecodeRuneInString(w.text[w.at:])
	w.at += n
	if r == '\n' {
		w.line, w.column = w.line+1, 1
	} else {
		w.column++
	}
	return r
}

// open steps over what introduces the scalar.
func (w *scalarWalk) open() {
	w.last = [2]int{w.line, w.column}
	if w.at >= len(w.text) {
		return
	}
	switch c := w.text[w.at]; c {
	case '"', '\'':
		w.style = c
		w.next()
	case '|', '>':
		w.style = '|'
		for w.at < len(w.text) && w.next() != '\n' {
		}
	}
	w.last = [2]int{w.line, w.column}
}

// letter reads one letter as the scalar means it. A line break that is escaped is a blank here.
func (w *scalarWalk) letter() (rune, bool) {
	if w.at >= len(w.text) {
		return 0, false
	}
	w.begin = [2]int{w.line, w.column}
	r := w.next()
	switch {
	case w.style == '"' && r == '"':
		return 0, false
	case w.style == '\'' && r == '\'':
		if !strings.HasPrefix(w.text[w.at:], "'") {
			return 0, false
		}
		w.next()
	case w.style == '"' && r == '\\' && w.at < len(w.text):
		r = w.escape()
	}
	if !blankRune(r) {
		w.last = [2]int{w.line, w.column}
	}
	return r, true
}

func (w *scalarWalk) escape() rune {
	switch c := w.next(); c {
	case 'n', 't', 'r', ' ', '\t', '\n':
		return ' '
	case 'x', 'u', 'U':
		digits := map[rune]int{'x': 2, 'u': 4, 'U': 8}[c]
		if w.at+digits > len(w.text) {
			return c
		}
		v, err := strconv.ParseUint(w.text[w.at:w.at+digits], 16, 32)
		if err != nil {
			return c
		}
		w.at, w.column = w.at+digits, w.column+digits
		return rune(v)
	default:
		return c
	}
}
