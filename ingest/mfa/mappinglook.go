package mfa

import (
	"bytes"
	"slices"
	"strings"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// mostRead is how many records of a head a mapping is tried on: among the lines of a server of many trades one about a
// logon may be rare.
const mostRead = 512

// ManyMappings is the name of the Format of a file that several mappings read, which is not counted.
const ManyMappings = "log of several mappings"

// Declared says what a file is of which nothing else is known that is counted: the log of a mapping of which a pattern of
// file names fits it, which named says, else of one that makes an event of one of its first records. Two that read a file
// are told apart by nobody: it is not counted. Name is empty where no mapping reads it.
func (o *Options) Declared(head []byte, named func(pattern string) bool) ingest.Format {
	if bytes.IndexByte(head, 0) >= 0 || len(bytes.TrimSpace(head)) == 0 {
		return ingest.Format{}
	}
	var by []*MappedLog
	for _, l := range o.Mappings {
		if slices.ContainsFunc(l.files, named) {
			by = append(by, l)
		}
	}
	if len(by) == 0 {
		for _, l := range o.Mappings {
			if len(l.files) == 0 && l.reads(head) {
				by = append(by, l)
			}
		}
	}
	switch len(by) {
	case 0:
		return ingest.Format{}
	case 1:
		return by[0].format(head)
	}
	names := by[0].source
	for _, l := range by[1:] {
		names += " and " + l.source
	}
	return ingest.Format{Name: ManyMappings, Skip: "the mappings " + names + " both read it; let input.where or input.patterns of one fit fewer records, or name the files of one"}
}

// reads reports whether the mapping makes an event of one of the first records of a file, one that names somebody.
func (l *MappedLog) reads(head []byte) bool {
	f := l.format(head)
	d := f.Decoder()
	fits, n := false, 0
	var facts signin.Facts
	try := func(record []byte) bool {
		d.Decode(record, &facts)
		fits = facts.MFA != nil && facts.MFA.User != nil
		n++
		return !fits && n < mostRead
	}
	if f.Framing == ingest.JSONRecords {
		objectsIn(head, l.root, try)
	} else {
		lines := head
		if end := bytes.LastIndexByte(head, '\n'); end >= 0 {
			lines = head[:end]
		}
		for line := range bytes.Lines(lines) {
			if !try(line) {
				break
			}
		}
	}
	return fits
}

// format is that of the mapping's files.
func (l *MappedLog) format(head []byte) ingest.Format {
	f := ingest.Format{Kind: signin.Mapped, Name: "log of the mapping " + l.source, Named: len(l.server) > 0, Decoder: l.decoder}
	switch l.outer {
	case formatJSON, formatArray:
		if len(l.root) > 0 {
			return inJSON(f, head, l.root)
		}
		return inJSON(f, head)
	case formatCSV:
		f.Framing = ingest.CSVRecords
	}
	return f
}

// objectsIn gives the records of a head of JSON to visit, until it returns false: documents behind each other, the objects
// of an array, or those of the array to which root leads. The last may be cut.
func objectsIn(head []byte, root []string, visit func(record []byte) bool) {
	p := picker{data: trimRecord(head)}
	if len(root) == 0 || p.descend(root) {
		objects(p.data[p.at:], visit)
	}
}

// descend goes to the value to which keys lead.
func (p *picker) descend(keys []string) bool {
	for _, key := range keys {
		if p.next() != '{' {
			return false
		}
		p.at++
		for {
			if p.next() != '"' {
				return false
			}
			k, err := p.str()
			if err != nil || p.next() != ':' {
				return false
			}
			p.at++
			if isWord(k, strings.ToLower(key)) {
				break
			}
			if p.skip(0) != nil || p.next() != ',' {
				return false
			}
			p.at++
		}
	}
	return true
}
