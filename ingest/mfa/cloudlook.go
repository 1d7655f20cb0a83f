package mfa

import (
	"bytes"
	"cmp"
	"errors"
	"slices"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// lists are the names that Microsoft gives to lists of records: of Event Hub, and of Microsoft Graph.
func lists() [][]string { return [][]string{{"records"}, {"value"}} }

// lookEntra knows the sign-ins of Entra.
func lookEntra(o *Options, head []byte) ingest.Format {
	if record := firstRecord(head); record != nil {
		name := entraJSON(record)
		if name == "" {
			return ingest.Format{}
		}
		return inJSON(ingest.Format{Kind: signin.Entra, Name: name, Decoder: func() ingest.Decoder { return newEntra(o, false) }}, head, lists()...)
	}
	s := newSheet(enFields, entraColumn)
	s.use(firstRow(head))
	has := func(field int) bool { return slices.Contains(s.columns, field) }
	portal := bytes.HasSuffix(bytes.ToLower(s.first), []byte("(utc)"))
	switch {
	case has(enTime) && has(enUser) && (has(enResult) || has(enStatus)) && (has(enApp) || has(enResource) || has(enClient)):
		name := "Entra sign-ins, CSV of Log Analytics"
		if portal {
			name = "Entra sign-ins, portal CSV"
		}
		return ingest.Format{Kind: signin.Entra, Name: name, Framing: ingest.CSVRecords, Decoder: func() ingest.Decoder { return newEntra(o, true) }}
	case portal && has(enTime) && has(enID) && !has(enUser):
		return ingest.Format{Name: "Entra sign-ins without users, portal CSV",
			Skip: "its rows name no person; give the files InteractiveSignIns and NonInteractiveSignIns"}
	case portal && !has(enID) && len(s.columns) >= translatedColumns:
		return ingest.Format{Name: "Entra sign-ins, portal CSV in another language",
			Skip: "its headings are translated: set the portal's language to English, or download JSON, and give that"}
	}
	return ingest.Format{}
}

// translatedColumns is fewer than the portal's download of sign-ins has, and more than other files have whose first column
// is a time in UTC.
const translatedColumns = 30

// entraJSON tells by its keys what a record of Entra is part of, or "".
func entraJSON(record []byte) string {
	p := newPicker("resourceId", "category", "createdDateTime", "userPrincipalName", "appDisplayName", "appId", "status", "resultType", "TimeGenerated",
		"servicePrincipalId", "properties", "properties.createdDateTime")
	cut := p.pick(record) // what was read before the end of a head counts
	has := func(i int) bool { return p.values[i] != nil }
	switch {
	case has(1) && (has(10) || has(11)) && (containsFold(p.text(0), "microsoft.aadiam") || entraCategory(p.text(1)) != noCategory):
		return "Entra logs, diagnostic settings"
	case !has(2) || !has(3) && !has(9) || !has(4) && !has(5) || !has(6) && !has(7):
		if has(1) && containsFold(p.text(0), "/providers/microsoft.aadiam") {
			return "Entra logs, diagnostic settings"
		}
		if errors.Is(cut, errCut) && bytes.Contains(record, []byte("enforcedGrantControls")) {
			return entraCut(record)
		}
		return ""
	case has(8):
		return "Entra sign-ins, Log Analytics"
	}
	return "Entra sign-ins, Microsoft Graph or portal JSON"
}

// entraCut tells the same of a record in which little but its policies stands before the end of a head: a tenant may have
// hundreds of them, and every record names them all. What is no sign-in has no list of such a name.
func entraCut(record []byte) string {
	p := picker{data: record}
	name := ""
	for p.at = bytes.IndexByte(record, '{') + 1; p.next() == '"'; p.at++ {
		key, err := p.str()
		if err != nil || p.next() != ':' {
			return ""
		}
		p.at++
		switch c := p.next(); {
		case isWord(key, "appliedconditionalaccesspolicies"):
			return cmp.Or(name, "Entra sign-ins, Microsoft Graph or portal JSON")
		case isWord(key, "conditionalaccesspolicies"):
			return cmp.Or(name, "Entra sign-ins, Log Analytics")
		case c == '{' && isWord(key, "properties"):
			name = "Entra logs, diagnostic settings"
			continue // with the keys in it
		}
		if p.skip(0) != nil || p.next() != ',' {
			return ""
		}
	}
	return ""
}

// lookUAL knows the Unified Audit Log.
func lookUAL(o *Options, head []byte) ingest.Format {
	if record := firstRecord(head); record != nil {
		if !ualJSON(record) {
			return ingest.Format{}
		}
		return inJSON(ingest.Format{Kind: signin.UAL, Name: "Unified Audit Log, JSON", Decoder: func() ingest.Decoder { return newUAL(o, false) }}, head, lists()...)
	}
	s := newSheet(2, func(name string) int {
		switch name {
		case "auditdata":
			return 0
		case "operations", "operation":
			return 1
		}
		return -1
	})
	if s.use(firstRow(head)); !slices.Contains(s.columns, 0) || !slices.Contains(s.columns, 1) {
		return ingest.Format{}
	}
	return ingest.Format{Kind: signin.UAL, Name: "Unified Audit Log, CSV", Framing: ingest.CSVRecords, Decoder: func() ingest.Decoder { return newUAL(o, true) }}
}

func ualJSON(record []byte) bool {
	p := newPicker("CreationTime", "Operation", "RecordType", "Workload", "auditLogRecordType", "AuditData", "Operations", "CreationDate")
	_ = p.pick(record)
	has := func(i int) bool { return p.values[i] != nil }
	return has(0) && has(1) && (has(2) || has(3)) || // of the Management API
		has(6) && (has(7) || has(5)) || // of Search-UnifiedAuditLog
		has(4) && has(1) // of Microsoft Graph
}

// firstRecord returns what the head of a JSON file begins with: its first object, or the first element of the array that it
// is, or that stands in it under one of the names that Microsoft gives to lists. Of lists without an element the next
// document is asked. It is nil for what is no JSON.
func firstRecord(head []byte) []byte {
	p := picker{data: trimRecord(head)}
	for range mostLooked {
		c := p.next()
		if c != '[' && c != '{' {
			return nil
		}
		from := p.at
		record := p.first()
		if record != nil || p.next() != ']' {
			return record
		}
		if p.at = from; p.skip(0) != nil {
			return nil
		}
	}
	return nil
}

// first returns what is left from the first record of the document that begins here, or nil: it is at the first element of
// its list then, or where that would stand.
func (p *picker) first() []byte {
	from := p.at
	p.at++
	if p.data[from] == '[' {
		return p.here()
	}
	for p.next() == '"' {
		key, err := p.str()
		if err != nil || p.next() != ':' {
			break
		}
		p.at++
		if c := p.next(); c == '[' && (isWord(key, "records") || isWord(key, "value")) {
			p.at++
			return p.here()
		}
		if p.skip(0) != nil || p.next() != ',' {
			break
		}
		p.at++
	}
	return p.data[from:]
}

// here returns what is left if an object begins it.
func (p *picker) here() []byte {
	if p.next() != '{' {
		return nil
	}
	return p.data[p.at:]
}

// firstRow returns the heading of a CSV file.
func firstRow(head []byte) []byte {
	for line := range bytes.Lines(trimRecord(head)) {
		if line = trimRecord(line); len(line) > 0 && !isType(line) {
			return line
		}
	}
	return nil
}
