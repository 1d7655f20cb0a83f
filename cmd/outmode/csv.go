package main

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// writeCSV writes the usage rows, one per line, under the names that they have in JSON.
func (r *report) writeCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	_ = c.Write([]string{"server", "dataset", "user", "protocol", "auth", "mechanism", "outcome", "evidence", "traffic", "client",
		"internal", "backend", "count", "first", "last", "days", "addresses", "legacy_exo", "legacy_onprem"})
	for _, u := range usageRows(r.rows) {
		row := []string{u.Server, u.Dataset, u.User, u.Protocol, u.Auth, u.Mechanism, u.Outcome, u.Evidence, u.Traffic, u.Client,
			strconv.FormatBool(u.Internal), strconv.FormatBool(u.Backend), strconv.FormatInt(u.Count, 10), u.First, u.Last, strconv.Itoa(u.Days),
			strings.Join(u.Addresses, " "), strconv.FormatBool(u.LegacyEXO), strconv.FormatBool(u.LegacyOnPrem)}
		for i := range row {
			row[i] = harmless(row[i])
		}
		_ = c.Write(row)
	}
	c.Flush()
	return c.Error()
}

// harmless puts an apostrophe before text that a spreadsheet would take for a formula: names and
// agents are written by whoever sends requests. Control characters are made visible.
// Source: OWASP, "CSV Injection".
func harmless(s string) string {
	s = plain(s)
	first := strings.TrimLeftFunc(s, func(r rune) bool { return unicode.IsSpace(r) && r != '\t' && r != '\n' })
	if first != "" && strings.ContainsAny(first[:1], "=+-@\t\r\n") || strings.HasPrefix(first, "＝") || strings.HasPrefix(first, "＋") || strings.HasPrefix(first, "－") || strings.HasPrefix(first, "＠") {
		return "'" + s
	}
	return s
}
