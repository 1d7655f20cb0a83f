package audit

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
)

// maxLDIFLine bounds a line with all that is folded behind it: of the attributes that are wanted none is as long.
const maxLDIFLine = 1 << 20

// isLDIF reports whether data begins like LDIF: RFC 2849, as ldifde and ldapsearch write it.
func isLDIF(data []byte) bool {
	for line := range bytes.Lines(data) {
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 || line[0] == '#' || line[0] == ' ' { // a remark may be folded
			continue
		}
		name, _, ok := bytes.Cut(line, []byte{':'})
		return ok && (strings.EqualFold(string(name), "dn") || strings.EqualFold(string(name), "version"))
	}
	return false
}

// An ldifReader reads the entries of LDIF.
type ldifReader struct {
	file string
	rest []byte
	next int // the number of the next line
	line []byte
	at   int // the number of line
}

func (l *ldifReader) wrong(format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", l.file, l.at, fmt.Errorf(format, args...))
}

// scan takes the next line, with those that are folded behind it. An empty one ends an entry.
func (l *ldifReader) scan() (more bool, err error) {
	if len(l.rest) == 0 {
		return false, nil
	}
	l.line, l.at = l.physical(), l.next-1
	if len(l.line) == 0 {
		return true, nil
	}
	folded := false
	for len(l.rest) > 0 && l.rest[0] == ' ' {
		if !folded {
			l.line, folded = bytes.Clone(l.line), true
		}
		if l.line = append(l.line, l.physical()[1:]...); len(l.line) > maxLDIFLine {
			break
		}
	}
	if len(l.line) > maxLDIFLine {
		return false, l.wrong("the line is longer than %d bytes; export only the attributes that are needed", maxLDIFLine)
	}
	return true, nil
}

func (l *ldifReader) physical() []byte {
	line, rest, _ := bytes.Cut(l.rest, []byte{'\n'})
	l.rest = rest
	l.next++
	return bytes.TrimSuffix(line, []byte{'\r'})
}

// attribute takes the line apart: name: text, or name:: base64.
func (l *ldifReader) attribute() (name string, value []byte, raw bool, err error) {
	key, value, ok := bytes.Cut(l.line, []byte{':'})
	if !ok {
		return "", nil, false, l.wrong("it is no LDIF: a line is neither name: value nor folded (it begins with a blank then)")
	}
	name = strings.ToLower(strings.TrimSpace(string(key)))
	name = strings.TrimSuffix(name, ";binary")
	switch {
	case bytes.HasPrefix(value, []byte{':'}):
		value, raw = bytes.TrimSpace(value[1:]), true
		text := make([]byte, base64.StdEncoding.DecodedLen(len(value)))
		n, err := base64.StdEncoding.Decode(text, value)
		if err != nil {
			return "", nil, false, l.wrong("the value of %s is no base64", name)
		}
		value = text[:n]
	case bytes.HasPrefix(value, []byte{'<'}):
		return "", nil, false, l.wrong("the value of %s is in another file, which is not read", name)
	default:
		value = bytes.TrimLeft(value, " ")
	}
	return name, value, raw, nil
}

// An ldifEntry is one while it is read.
type ldifEntry struct {
	row     Row
	classes []string
	named   bool // it begins with dn
	tail    bool // it is what ldapsearch adds: the result, or a reference to another server
}

// readLDIF reads the people of an export of the directory. What has an object class and is no person is left out.
func readLDIF(file string, data []byte) ([]Row, error) {
	l := &ldifReader{file: file, rest: data, next: 1}
	var rows []Row
	entry := ldifEntry{}
	end := func() error {
		e := entry
		entry = ldifEntry{}
		if r := &e.row; !e.named || !isPerson(e.classes) || r.Sam == "" && r.UPN == "" && r.SID == "" && r.Mail == "" {
			return nil
		}
		if len(rows) == maxRows {
			return fmt.Errorf("%s:%d: there are more than %d people", file, e.row.Line, maxRows)
		}
		rows = append(rows, e.row)
		return nil
	}
	for {
		more, err := l.scan()
		switch {
		case err != nil:
			return nil, err
		case !more:
			if err := end(); err != nil {
				return nil, err
			}
			if !joinsNames(rows) {
				return nil, fmt.Errorf("%s: no entry names a person twice; export at least two of sAMAccountName, userPrincipalName, objectSid, mail and objectGUID", file)
			}
			return rows, CheckPeople(rows)
		case len(l.line) == 0:
			if err := end(); err != nil {
				return nil, err
			}
		case l.line[0] == '#':
		default:
			if err := entry.take(l); err != nil {
				return nil, err
			}
		}
	}
}

// take reads a line of the entry.
func (e *ldifEntry) take(l *ldifReader) error {
	name, value, raw, err := l.attribute()
	switch {
	case err != nil:
		return err
	case e.tail, name == "version" && !e.named:
		return nil
	case !e.named && (name == "search" || name == "result" || name == "ref"):
		e.tail = true
		return nil
	case name == "dn" && e.named:
		return l.wrong("a second dn: between two entries there is an empty line")
	case !e.named && name != "dn":
		return l.wrong("an entry begins with %s and not with dn", clipped(name))
	case name == "dn":
		e.named = true
		e.row.File, e.row.Line = l.file, l.at
	case name == "objectclass":
		e.classes = append(e.classes, strings.ToLower(string(value)))
		return nil
	case name == "changetype":
		if strings.EqualFold(string(value), "add") { // as ldifde writes of every entry
			return nil
		}
		return l.wrong("it is a change and no export: changetype %s", clipped(string(value)))
	case name == "domain" || name == "sam" || name == "upn" || name == "sid" || name == "guid":
		return nil // columns of ours, and not what the directory calls its attributes
	}
	to := column(&e.row, name)
	if to == nil || len(value) == 0 {
		return nil
	}
	before := *to
	if err := e.row.fill(to, value, raw); err != nil {
		return l.wrong("the value of %s %w", name, err)
	}
	switch {
	case before == "" || strings.EqualFold(before, *to):
	case to == &e.row.Mail || to == &e.row.Department || to == &e.row.Manager: // which may have several
		*to = before
	default:
		return l.wrong("the entry of line %d has a second %s: %s", e.row.Line, name, clipped(*to))
	}
	return nil
}

// joinsNames reports whether some row has two names of a person at least, a DN not counted.
func joinsNames(rows []Row) bool {
	for i := range rows {
		n := 0
		for _, w := range rows[i].forms() {
			if w.form != DNForm {
				n++
			}
		}
		if n > 1 {
			return true
		}
	}
	return false
}

// clipped is a text of a file for a message.
func clipped(s string) string {
	const most = 60
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return fmt.Sprintf("%q", s)
}
