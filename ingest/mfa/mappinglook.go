package mfa

import (
	"bytes"
	"strings"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// mostRead is how many records of a head a mapping is tried on: among the lines of a server of many trades one about a
// logon may be rare.
const mostRead = 512

// ManyMappings is the name of the Format of a file that several mappings read, which is not counted.
const ManyMappings = "log of several mappings"

// declared asks the mappings. Two that read a file are told apart by nobody: it is not counted.
func (o *Options) declared(head []byte) (f ingest.Format) {
	if bytes.IndexByte(head, 0) >= 0 {
		return f
	}
	var by []string
	for _, l := range o.Mappings {
		if g := l.look(head); g.Name != "" {
			f = g
			by = append(by, l.source)
		}
	}
	if len(by) > 1 {
		return ingest.Format{Name: ManyMappings, Skip: "the mappings " + strings.Join(by, " and ") +
			" both read it; let input.where or input.patterns of one fit fewer records"}
	}
	return f
}

// look knows a file of the mapping by a record that it makes an event of, one that names somebody.
func (l *MappedLog) look(head []byte) ingest.Format {
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
		objects(head, l.root, try)
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
	if !fits {
		return ingest.Format{}
	}
	return f
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

// objects gives the records of a head of JSON to visit, until it returns false: documents behind each other, the objects
// of an array, or those of the array to which root leads. The last may be cut.
func objects(head []byte, root []string, visit func(record []byte) bool) {
	p := picker{data: trimRecord(head)}
	if len(root) > 0 && !p.descend(root) {
		return
	}
	for {
		for c := p.next(); c == '[' || c == ',' || c == ']'; c = p.next() {
			p.at++
		}
		from := p.at
		if p.next() != '{' {
			return
		}
		if p.skip(0) != nil {
			p.at = len(p.data)
		}
		if !visit(p.data[from:p.at]) {
			return
		}
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
