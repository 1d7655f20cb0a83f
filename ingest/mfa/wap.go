package mfa

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/outmode/outmode/ingest"
)

// A PublishedApplication is one that Web Application Proxy publishes, as Get-WebApplicationProxyApplication exports it.
// The export is configuration: its rows have no time, so that it is no log and is not counted. What it proves is that a
// path leads past AD FS.
type PublishedApplication struct {
	Name              string
	ExternalURL       string // "https://mail.contoso.com/ews/"
	BackendURL        string
	Preauthentication string // "ADFS", "PassThrough" and others, as exported
	RelyingParty      string // the name of AD FS for it
}

// PassThrough reports whether requests go to the application without being asked for a token of AD FS.
func (a *PublishedApplication) PassThrough() bool {
	return strings.EqualFold(a.Preauthentication, "passthrough")
}

// ByADFS reports whether requests need a token of AD FS first: of all clients (ADFS), or of some sorts of them
// (ADFSforRichClients and others). Source: Add-WebApplicationProxyApplication.
func (a *PublishedApplication) ByADFS() bool { return hasFold([]byte(a.Preauthentication), "adfs") }

// maxPublished bounds an export, in bytes: one of ten thousand applications is smaller.
const maxPublished = 16 << 20

// PublishedApplications reads an export in CSV (Export-Csv, with or without #TYPE; a comma, a semicolon or a tab between
// columns) or in JSON (ConvertTo-Json), in UTF-8. It fails where the columns ExternalUrl or ExternalPreauthentication are
// missing, and where a row has no ExternalUrl: what is not read there would be taken for protected.
func PublishedApplications(export []byte) ([]PublishedApplication, error) {
	if len(export) > maxPublished {
		return nil, fmt.Errorf("an export of %d bytes is longer than one of published applications can be", len(export))
	}
	export = bytes.TrimSpace(bytes.TrimPrefix(export, []byte("\xEF\xBB\xBF")))
	var rows []map[string]string
	var err error
	if len(export) > 0 && (export[0] == '{' || export[0] == '[') {
		rows, err = jsonRows(export)
	} else {
		rows, err = csvRows(export)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the published applications: %w", err)
	}
	var all []PublishedApplication
	for i, row := range rows {
		a := PublishedApplication{
			Name: row["name"], ExternalURL: row["externalurl"], BackendURL: row["backendserverurl"], Preauthentication: row["externalpreauthentication"],
			RelyingParty: row["adfsrelyingpartyname"],
		}
		if a.ExternalURL == "" || a.Preauthentication == "" {
			return nil, fmt.Errorf("reading the published applications: number %d (%q) has no ExternalUrl or no ExternalPreauthentication; export all properties", i+1, a.Name)
		}
		all = append(all, a)
	}
	return all, nil
}

func jsonRows(export []byte) ([]map[string]string, error) {
	var objects []map[string]any
	if export[0] == '{' { // ConvertTo-Json makes no array of one
		export = append(append([]byte{'['}, export...), ']')
	}
	d := json.NewDecoder(bytes.NewReader(export))
	d.UseNumber()
	if err := d.Decode(&objects); err != nil {
		return nil, err
	}
	var rows []map[string]string
	for _, o := range objects {
		row := make(map[string]string)
		for k, v := range o {
			if m, ok := v.(map[string]any); ok { // a value that PowerShell wrapped
				v = m["value"]
			}
			if v != nil {
				row[strings.ToLower(k)] = strings.TrimSpace(fmt.Sprint(v))
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func csvRows(export []byte) ([]map[string]string, error) {
	if hasFold(export, "#type") {
		_, export, _ = bytes.Cut(export, []byte("\n"))
	}
	heading, _, _ := bytes.Cut(export, []byte("\n"))
	r := csv.NewReader(bytes.NewReader(export))
	r.Comma = rune(separatorOf(heading))
	records, err := r.ReadAll()
	if err != nil {
		return nil, err
	}
	if len(records) == 0 {
		return nil, errors.New("there is nothing in it")
	}
	names := records[0]
	for i := range names {
		names[i] = strings.ToLower(strings.TrimSpace(names[i]))
	}
	var rows []map[string]string
	for _, values := range records[1:] {
		row := make(map[string]string)
		for i, v := range values {
			row[names[i]] = strings.TrimSpace(v)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// lookWAP knows that export by its columns.
func lookWAP(_ *Options, head []byte) ingest.Format {
	var url, mode bool
	switch formOf(head) {
	case formJSON:
		documents(head, func(doc []byte) bool {
			p := newPicker("externalurl", "externalpreauthentication", "backendserverurl")
			if p.pick(doc) == nil {
				url, mode = p.values[0] != nil && p.values[2] != nil, p.values[1] != nil
			}
			return false
		})
	case formCSV:
		heading := bytes.ToLower(firstHeading(head))
		url = bytes.Contains(heading, []byte("externalurl")) && bytes.Contains(heading, []byte("backendserverurl"))
		mode = bytes.Contains(heading, []byte("externalpreauthentication"))
	}
	if !url || !mode {
		return ingest.Format{}
	}
	return notCounted("export of Web Application Proxy's applications", "it is configuration, not a log: it says which paths go past AD FS, and its rows have no time")
}

func notCounted(name, why string) ingest.Format {
	return ingest.Format{Name: name, Skip: name + ": " + why}
}
