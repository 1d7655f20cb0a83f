package mfa

import (
	"bytes"
	"slices"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// lookEntra knows the sign-ins of Entra. Those in JSON need the framing JSON with the arrays "records" (Event Hub) and
// "value" (Microsoft Graph), which takes lines and arrays of their own too; lines alone will do where the head begins with
// a whole record and a line end, and can be followed. Those in CSV need the framing CSV.
func lookEntra(o *Options, head []byte) ingest.Format {
	if record := firstRecord(head); record != nil {
		name := entraJSON(record)
		if name == "" {
			return ingest.Format{}
		}
		return ingest.Format{Kind: signin.Entra, Name: name, Decoder: func() ingest.Decoder { return newEntra(o, false) }}
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
		return ingest.Format{Kind: signin.Entra, Name: name, Decoder: func() ingest.Decoder { return newEntra(o, true) }}
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
	_ = p.pick(record) // a head is cut: what was read before that counts
	has := func(i int) bool { return p.values[i] != nil }
	switch {
	case has(1) && (has(10) || has(11)) && (containsFold(p.text(0), "microsoft.aadiam") || entraCategory(p.text(1)) != noCategory):
		return "Entra logs, diagnostic settings"
	case !has(2) || !has(3) && !has(9) || !has(4) && !has(5) || !has(6) && !has(7):
		if has(1) && containsFold(p.text(0), "/providers/microsoft.aadiam") {
			return "Entra logs, diagnostic settings"
		}
		return ""
	case has(8):
		return "Entra sign-ins, Log Analytics"
	}
	return "Entra sign-ins, Microsoft Graph or portal JSON"
}

// lookUAL knows the Unified Audit Log. In JSON it needs the framing JSON with the wrapper "value", in CSV the framing CSV.
func lookUAL(o *Options, head []byte) ingest.Format {
	if record := firstRecord(head); record != nil {
		if !ualJSON(record) {
			return ingest.Format{}
		}
		return ingest.Format{Kind: signin.UAL, Name: "Unified Audit Log, JSON", Decoder: func() ingest.Decoder { return newUAL(o, false) }}
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
	return ingest.Format{Kind: signin.UAL, Name: "Unified Audit Log, CSV", Decoder: func() ingest.Decoder { return newUAL(o, true) }}
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
// is, or that stands in it under one of the names that Microsoft gives to lists. It is nil for what is no JSON.
func firstRecord(head []byte) []byte {
	p := picker{data: trimRecord(head)}
	switch p.next() {
	case '[':
		p.at++
		return p.here()
	case '{':
	default:
		return nil
	}
	p.at++
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
	return p.data
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
