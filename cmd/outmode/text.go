package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/outmode/outmode/internal/signin"
)

// plain makes text from a log fit for a terminal: control characters, the ones that turn the
// direction of writing and the line separators become \u{...}, so that no log line can move the
// cursor, hide text or forge a line.
func plain(s string) string {
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		if r == '\n' || r == '\t' || visible(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\u{%x}`, r)
		}
	}
	return b.String()
}

// cell is plain for one cell of a table: a line break or a tab would break the table.
func cell(s string) string {
	if isPlain(s) {
		return s // as nearly every cell is
	}
	return strings.ReplaceAll(strings.ReplaceAll(plain(s), "\n", `\n`), "\t", `\t`)
}

func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c >= 0x7f {
			return false
		}
	}
	return true
}

func visible(r rune) bool {
	return unicode.IsPrint(r) && !unicode.Is(unicode.Bidi_Control, r) && r != '\u2028' && r != '\u2029'
}

// wrap breaks text between words so that no line is longer than width, if its words allow it; the
// lines behind the first begin with indent.
func wrap(text string, width int, indent string) string {
	var b strings.Builder
	length := 0
	for i, word := range strings.Split(text, " ") {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case length+1+n > width:
			b.WriteString("\n" + indent)
			length = 0
		default:
			b.WriteByte(' ')
			length++
		}
		b.WriteString(word)
		length += n
	}
	return b.String()
}

// join lists words: "a, b or c".
func join(words []string, comma, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], comma) + last + words[len(words)-1]
}

// number groups the digits by thousands.
func number[T ~int | ~int64](n T) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural is "1 account", "2 accounts".
func plural[T ~int | ~int64](n T, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + one + "s"
}

// minute prints an instant as an admin reads it; everything is UTC.
func minute(ms int64) string {
	if ms == 0 {
		return "-"
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04")
}

func rfc3339(ms int64) string {
	if ms == 0 {
		return ""
	}
	return string(signin.AppendTime(nil, ms))
}

// A table aligns columns: text to the left, numbers to the right.
type table struct {
	head  []string
	right []bool
	rows  [][]string
}

// newTable takes the headings; one that begins with ">" is of a column of numbers.
func newTable(head ...string) *table {
	t := &table{}
	for _, h := range head {
		name, right := strings.CutPrefix(h, ">")
		t.head, t.right = append(t.head, name), append(t.right, right)
	}
	return t
}

func (t *table) add(cells ...string) {
	for i := range cells {
		cells[i] = cell(cells[i])
	}
	t.rows = append(t.rows, cells)
}

func (t *table) write(w io.Writer, p *paint) {
	width := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, c := range row {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	line := func(cells []string, style string) {
		var b strings.Builder
		for i, c := range cells {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c))
			if t.right[i] {
				c = pad + c
			} else if i < len(cells)-1 {
				c += pad
			}
			if i > 0 {
				b.WriteString("  ")
			}
			b.WriteString(c)
		}
		fmt.Fprintf(w, "  %s\n", p.in(style, strings.TrimRight(b.String(), " ")))
	}
	line(t.head, dim)
	for _, row := range t.rows {
		line(row, "")
	}
}

// paint colours text where the terminal can show it.
type paint struct{ on bool }

const (
	bold = "1"
	dim  = "2"
	red  = "31"
)

func (p *paint) in(style, s string) string {
	if !p.on || style == "" {
		return s
	}
	return "\x1b[" + style + "m" + s + "\x1b[0m"
}

// painter decides on colours: only on a terminal, and only if nobody objects.
func (g *globals) painter() *paint {
	return &paint{on: !g.noColor && os.Getenv("NO_COLOR") == "" && isTerminal(g.out)}
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
