package mfa

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A picker finds the values of some paths in a JSON object. It reads the object once, keeps the wanted values as they
// stand there and skips the others unread. Keys are compared without regard to case: exports spell them differently.
// It serves one goroutine, and what it returns is valid until its next pick.
type picker struct {
	root    *branch
	values  [][]byte // by path: as it stands in the object; nil if it is not there or null
	scratch []byte   // texts with escapes, unescaped
	data    []byte
	at      int
}

// A branch is the wanted keys of one object.
type branch struct {
	keys []twig
}

type twig struct {
	key   string // lower-case
	value int    // in values; -1 if only what is below is wanted
	below *branch
}

// newPicker makes a picker of paths such as "user.name". A value is known by the place of its path.
func newPicker(paths ...string) *picker {
	p := &picker{root: &branch{}, values: make([][]byte, len(paths))}
	for i, path := range paths {
		at := p.root
		keys := strings.Split(strings.ToLower(path), ".")
		for n, key := range keys {
			t := at.twig([]byte(key))
			if t == nil {
				at.keys = append(at.keys, twig{key: key, value: -1})
				t = &at.keys[len(at.keys)-1]
			}
			if n == len(keys)-1 {
				t.value = i
				break
			}
			if t.below == nil {
				t.below = &branch{}
			}
			at = t.below
		}
	}
	return p
}

func (b *branch) twig(key []byte) *twig {
	for i := range b.keys {
		if t := &b.keys[i]; len(t.key) == len(key) && equalFold(key, t.key) {
			return t
		}
	}
	return nil
}

// equalFold compares a key with one in lower case.
func equalFold(key []byte, lower string) bool {
	for i, c := range key {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// What is wrong with a record that is no JSON object.
var (
	errNoObject = errors.New("not a JSON object")
	errCut      = errors.New("the JSON ends too early")
	errSyntax   = errors.New("the JSON is broken")
	errDeep     = errors.New("the JSON is nested too deeply")
	errTrailing = errors.New("there is more behind the JSON object")
)

// maxDepth bounds how deeply a record may be nested.
const maxDepth = 64

// pick reads an object.
func (p *picker) pick(record []byte) error {
	clear(p.values)
	p.scratch = p.scratch[:0]
	p.data, p.at = record, 0
	p.blanks()
	if p.at == len(p.data) || p.data[p.at] != '{' {
		return errNoObject
	}
	if err := p.object(p.root, 0); err != nil {
		return err
	}
	if p.blanks(); p.at != len(p.data) {
		return errTrailing
	}
	return nil
}

func (p *picker) blanks() {
	for p.at < len(p.data) {
		switch p.data[p.at] {
		case ' ', '\t', '\r', '\n':
			p.at++
		default:
			return
		}
	}
}

// next returns the next byte that is not blank, 0 at the end.
func (p *picker) next() byte {
	if p.blanks(); p.at == len(p.data) {
		return 0
	}
	return p.data[p.at]
}

// object reads an object that begins here, for the wanted keys of b.
func (p *picker) object(b *branch, depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	p.at++
	if p.next() == '}' {
		p.at++
		return nil
	}
	for {
		if p.next() != '"' {
			return p.broken()
		}
		key, err := p.str()
		if err != nil {
			return err
		}
		if p.next() != ':' {
			return p.broken()
		}
		p.at++
		c := p.next()
		from := p.at
		t := b.twig(key)
		switch {
		case t != nil && t.below != nil && c == '{':
			err = p.object(t.below, depth+1)
		default:
			err = p.skip(depth)
		}
		if err != nil {
			return err
		}
		if t != nil && t.value >= 0 {
			p.values[t.value] = notNull(p.data[from:p.at])
		}
		switch p.next() {
		case ',':
			p.at++
		case '}':
			p.at++
			return nil
		default:
			return p.broken()
		}
	}
}

func notNull(v []byte) []byte {
	if string(v) == "null" {
		return nil
	}
	return v
}

func (p *picker) broken() error {
	if p.at >= len(p.data) {
		return errCut
	}
	return errSyntax
}

// str returns the text between the quotes that begin here, as it stands there.
func (p *picker) str() ([]byte, error) {
	from := p.at + 1
	for i := from; ; {
		n := bytes.IndexByte(p.data[i:], '"')
		if n < 0 {
			p.at = len(p.data)
			return nil, errCut
		}
		i += n
		escapes := 0
		for i-escapes > from && p.data[i-escapes-1] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			p.at = i + 1
			return p.data[from:i], nil
		}
		i++
	}
}

// skip passes over a value.
func (p *picker) skip(depth int) error {
	switch c := p.next(); c {
	case 0:
		return errCut
	case '"':
		_, err := p.str()
		return err
	case '{', '[':
		return p.nest(depth)
	default:
		from := p.at
		for p.at < len(p.data) && literal(p.data[p.at]) {
			p.at++
		}
		return validLiteral(p.data[from:p.at], p.at == len(p.data))
	}
}

// nest passes over an object or an array: by its brackets, which must be in pairs.
func (p *picker) nest(depth int) error {
	var open [maxDepth]byte
	n := 0
	for {
		i := p.at
		for i < len(p.data) && !structural(p.data[i]) {
			i++
		}
		if p.at = i; i == len(p.data) {
			return errCut
		}
		switch c := p.data[i]; c {
		case '"':
			if _, err := p.str(); err != nil {
				return err
			}
			continue
		case '{', '[':
			if n+depth >= maxDepth {
				return errDeep
			}
			open[n] = c
			n++
		default:
			if n--; n < 0 || open[n] != c-2 { // '{'+2 is '}', '['+2 is ']'
				return errSyntax
			}
		}
		if p.at++; n == 0 {
			return nil
		}
	}
}

func structural(c byte) bool { return c == '"' || c|0x20 == '{' || c|0x20 == '}' }

func literal(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || c == '-' || c == '+' || c == '.' || c == 'E'
}

// validLiteral checks a number or a word.
func validLiteral(v []byte, atEnd bool) error {
	switch {
	case atEnd:
		return errCut
	case len(v) == 0:
		return errSyntax
	}
	switch string(v) {
	case "true", "false", "null":
		return nil
	}
	if c := v[len(v)-1]; (v[0] == '-' || '0' <= v[0] && v[0] <= '9') && '0' <= c && c <= '9' {
		return nil
	}
	return errSyntax
}

// text returns a value as text: a string without its quotes and escapes, a number or a word as it stands there. Of an
// object and an array it returns nil, as of what is not there.
func (p *picker) text(i int) []byte {
	return p.unquote(p.values[i])
}

func (p *picker) unquote(v []byte) []byte {
	switch {
	case len(v) == 0, v[0] == '{', v[0] == '[':
		return nil
	case v[0] != '"':
		return v
	}
	v = v[1 : len(v)-1]
	if bytes.IndexByte(v, '\\') < 0 {
		return v
	}
	from := len(p.scratch)
	p.scratch = appendUnescaped(p.scratch, v)
	return p.scratch[from:len(p.scratch):len(p.scratch)]
}

// json returns a value that is an object or an array, also where it was put into a string.
func (p *picker) json(i int) []byte {
	v := p.values[i]
	if len(v) > 0 && v[0] == '"' {
		v = bytes.TrimSpace(p.unquote(v))
	}
	if len(v) == 0 || v[0] != '{' && v[0] != '[' {
		return nil
	}
	return v
}

// number returns a value that is a whole number, in a string or not.
func (p *picker) number(i int) (int64, bool) {
	n, err := strconv.ParseInt(string(p.text(i)), 10, 64)
	return n, err == nil
}

// each gives the elements of an array to visit, until it returns false. What is no array has none.
func each(array []byte, visit func(element []byte) bool) {
	p := picker{data: array}
	if p.next() != '[' {
		return
	}
	p.at++
	for p.next() != ']' {
		from := p.at
		if p.skip(0) != nil || !visit(p.data[from:p.at]) {
			return
		}
		if p.next() != ',' {
			return
		}
		p.at++
		p.blanks()
	}
}

// appendUnescaped appends the text of a JSON string. An escape that is none stands for itself.
func appendUnescaped(b, s []byte) []byte {
	for {
		n := bytes.IndexByte(s, '\\')
		if n < 0 || n+1 == len(s) {
			return append(b, s...)
		}
		b = append(b, s[:n]...)
		s = s[n:]
		size := 2
		switch c := s[1]; c {
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'u':
			var r rune
			if r, size = hexRune(s); r < utf8.RuneSelf {
				b = append(b, byte(r))
			} else {
				b = utf8.AppendRune(b, r)
			}
		default:
			b = append(b, c)
		}
		s = s[size:]
	}
}

// hexRune reads \uXXXX, two of them if they are a pair, and returns how long that is.
func hexRune(s []byte) (rune, int) {
	hi, ok := hex4(s)
	if !ok {
		return utf8.RuneError, 2
	}
	if !utf16.IsSurrogate(hi) {
		return hi, 6
	}
	if lo, ok := hex4(s[6:]); ok {
		if r := utf16.DecodeRune(hi, lo); r != utf8.RuneError {
			return r, 12
		}
	}
	return utf8.RuneError, 6
}

func hex4(s []byte) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range s[2:6] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
