package mfa

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/outmode/outmode/ingest"
)

// A splitter takes a text apart into the fields that a mapping names. It fills those that are nil still; they are valid
// until its next text.
type splitter interface {
	// split returns Facts, or what else the text is, and a remark on it.
	split(text []byte, values [][]byte) (ingest.Decoded, string)
}

// The remarks on records of a mapping.
const (
	noteNoPairs   = "a line that no pattern of the mapping fits"
	noteLongLine  = "longer than 32 KiB: no pattern is tried on it"
	noteNoCEF     = "no CEF"
	noteCEFHeader = "the header of CEF is cut"
	noteTwice     = "a field that the mapping reads stands in it twice: what it says cannot be known"
	noteQuote     = "a quote in it is not closed"
	noteNoSyslog  = "it has no prefix of syslog"
	noteNoInner   = "it has no text in the field that the mapping reads on"
	noteElsewhere = "none of the records that the mapping means (where)"
	noteNothing   = "it names neither a user nor an outcome"
)

// jsonSplitter reads JSON objects.
type jsonSplitter struct{ *picker }

func (s *jsonSplitter) split(text []byte, values [][]byte) (ingest.Decoded, string) {
	if err := s.pick(text); err != nil {
		return ingest.Malformed, err.Error()
	}
	for i := range values {
		if values[i] == nil {
			values[i] = present(s.text(i))
		}
	}
	return ingest.Facts, ""
}

// csvSplitter reads rows. fixed says that the mapping names the columns, and that there is no heading.
type csvSplitter struct {
	*sheet
	fixed bool
}

func newCSVSplitter(l *MappedLog) *csvSplitter {
	names := make([]string, len(l.names))
	for i, n := range l.names {
		names[i] = columnName([]byte(n))
	}
	s := &csvSplitter{sheet: newSheet(len(names), func(name string) int { return slices.Index(names, name) }), fixed: len(l.columns) > 0}
	if l.separator != 0 {
		s.comma = l.separator
	}
	if s.fixed {
		s.open = true
		s.use([]byte(strings.Join(l.columns, string(s.comma))))
	}
	return s
}

func (s *csvSplitter) split(text []byte, values [][]byte) (ingest.Decoded, string) {
	if !s.fixed && (isType(text) || s.isHeader(text)) {
		if !isType(text) {
			s.use(text)
		}
		return ingest.Directive, ""
	}
	if note := s.read(text); note != "" {
		return ingest.Malformed, note
	}
	for i := range values {
		if values[i] == nil {
			values[i] = present(s.cells[i])
		}
	}
	return ingest.Facts, ""
}

// longestLine is how long a line may be that is compared with patterns.
const longestLine = 32 << 10

// regexSplitter reads what the first pattern that fits finds. It allocates once for a line that one fits.
type regexSplitter struct {
	patterns []*regexp.Regexp
	groups   [][]int // of each pattern: the field of each group, or -1
}

func newRegexSplitter(l *MappedLog) *regexSplitter {
	s := &regexSplitter{patterns: l.patterns}
	for _, re := range l.patterns {
		var fields []int
		for _, name := range re.SubexpNames() {
			fields = append(fields, slices.Index(l.names, name))
		}
		s.groups = append(s.groups, fields)
	}
	return s
}

func (s *regexSplitter) split(text []byte, values [][]byte) (ingest.Decoded, string) {
	if len(text) > longestLine {
		return ingest.Malformed, noteLongLine
	}
	for p, re := range s.patterns {
		at := re.FindSubmatchIndex(text)
		if at == nil {
			continue
		}
		for g, field := range s.groups[p] {
			if field < 0 || at[2*g] < 0 || values[field] != nil {
				continue
			}
			values[field] = present(text[at[2*g]:at[2*g+1]])
		}
		return ingest.Facts, ""
	}
	return ingest.Other, noteNoPairs
}

// pairSplitter reads key=value and key="value". Without a separator blanks stand between two, a comma or semicolon before
// them is no part of a value, and words without an equals sign are of no meaning. With one, keys may hold blanks, and a
// backslash goes before a separator that is part of a value.
type pairSplitter struct {
	names     []string // lower-case
	separator byte
	scratch   []byte
	seen      []bool
}

func newPairSplitter(l *MappedLog) *pairSplitter {
	s := &pairSplitter{separator: l.separator, seen: make([]bool, len(l.names))}
	for _, n := range l.names {
		s.names = append(s.names, strings.ToLower(n))
	}
	return s
}

func (s *pairSplitter) split(text []byte, values [][]byte) (ingest.Decoded, string) {
	clear(s.seen)
	s.scratch = s.scratch[:0]
	for len(text) > 0 {
		key, rest, is := s.key(text)
		if !is {
			text = rest
			continue
		}
		value, rest, ok := s.value(rest)
		if !ok {
			return ingest.Malformed, noteQuote
		}
		text = rest
		if i := s.place(key); i >= 0 {
			if s.seen[i] {
				return ingest.Malformed, noteTwice
			}
			if s.seen[i] = true; values[i] == nil {
				values[i] = present(value)
			}
		}
	}
	return ingest.Facts, ""
}

func (s *pairSplitter) place(key []byte) int {
	for i, n := range s.names {
		if isWord(key, n) {
			return i
		}
	}
	return -1
}

// key takes a key and its equals sign off, or a word that is none.
func (s *pairSplitter) key(text []byte) (key, rest []byte, ok bool) {
	for i, c := range text {
		switch {
		case c == '=':
			return bytes.TrimSpace(text[:i]), text[i+1:], true
		case s.separator != 0 && c == s.separator, s.separator == 0 && c <= ' ':
			return nil, text[i+1:], false
		}
	}
	return nil, nil, false
}

// value takes a value off.
func (s *pairSplitter) value(text []byte) (value, rest []byte, ok bool) {
	if s.separator != 0 {
		text = bytes.TrimLeft(text, " \t")
	}
	if len(text) > 0 && text[0] == '"' {
		return s.quoted(text[1:])
	}
	end, escaped := 0, false
	for ; end < len(text); end++ {
		c := text[end]
		if s.separator != 0 && c == '\\' && end+1 < len(text) && (text[end+1] == s.separator || text[end+1] == '\\') {
			escaped = true
			end++
			continue
		}
		if s.separator != 0 && c == s.separator || s.separator == 0 && c <= ' ' {
			break
		}
	}
	value, rest = text[:end], text[min(end+1, len(text)):]
	if s.separator == 0 {
		value = bytes.TrimRight(value, ",;")
	}
	if escaped {
		value = s.unescaped(value)
	}
	return value, rest, true
}

// quoted takes a value off up to its closing quote. A backslash goes before a quote that is part of it.
func (s *pairSplitter) quoted(text []byte) (value, rest []byte, ok bool) {
	escaped := false
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			if value = text[:i]; escaped {
				value = s.unescaped(value)
			}
			return value, text[i+1:], true
		}
	}
	return nil, nil, false
}

// unescaped takes away the backslashes before quotes, backslashes and separators.
func (s *pairSplitter) unescaped(b []byte) []byte {
	from := len(s.scratch)
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) && (b[i+1] == '"' || b[i+1] == '\\' || s.separator != 0 && b[i+1] == s.separator) {
			i++
		}
		s.scratch = append(s.scratch, b[i])
	}
	return s.scratch[from:len(s.scratch):len(s.scratch)]
}
