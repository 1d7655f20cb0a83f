package audit

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Row is a person in the map of people, as an export of the directory gives it. Fields may be empty.
type Row struct {
	File                                  string // as errors call it
	Line                                  int    // in the file
	Sam, Domain, UPN, SID, Mail, DN, GUID string
	Department, Manager                   string
}

// column is where a row keeps what stands below a heading. The names of the directory's own attributes are known too, so
// that its export need not be touched.
func column(r *Row, heading string) *string {
	switch strings.ToLower(strings.TrimSpace(heading)) {
	case "sam", "samaccountname":
		return &r.Sam
	case "domain":
		return &r.Domain
	case "upn", "userprincipalname":
		return &r.UPN
	case "sid", "objectsid":
		return &r.SID
	case "mail":
		return &r.Mail
	case "dn", "distinguishedname":
		return &r.DN
	case "guid", "objectguid":
		return &r.GUID
	case "department":
		return &r.Department
	case "manager":
		return &r.Manager
	}
	return nil
}

// maxRows bounds how many people a map may have.
const maxRows = 1 << 20

// ReadPeople reads the map of people: CSV with a line of headings, of which sam, domain, upn, sid, mail, dn, guid,
// department and manager are known, in any case and order; others are ignored. Fields stand between commas, or between
// semicolons, as Excel writes them in many countries. It may be what csvde writes, or LDIF. file is what errors call it.
func ReadPeople(file string, data []byte) ([]Row, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if isLDIF(data) {
		return readLDIF(file, data)
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord = -1
	first, _, _ := bytes.Cut(data, []byte("\n"))
	if bytes.IndexByte(first, ',') < 0 && bytes.IndexByte(first, ';') >= 0 {
		r.Comma = ';'
	}
	wrong := func(err error) error {
		var p *csv.ParseError
		if errors.As(err, &p) {
			return fmt.Errorf("%s:%d: it is no CSV: %w", file, p.Line, p.Err)
		}
		return fmt.Errorf("%s: %w", file, err)
	}
	head, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: it is empty; it begins with a line of headings such as sam,domain,upn,sid,mail", file)
	} else if err != nil {
		return nil, wrong(err)
	}
	names := 0
	at, class := map[*string]int{}, -1
	var probe Row
	for i, h := range head {
		p := column(&probe, h)
		if p == nil {
			if strings.EqualFold(h, "objectClass") {
				class = i
			}
			continue
		}
		before, twice := at[p]
		if twice && p == &probe.DN && !strings.EqualFold(head[before], h) {
			continue // csvde writes both
		}
		if twice {
			return nil, fmt.Errorf("%s:1: the columns %d and %d (%q, %q) mean the same; leave one", file, before+1, i+1, head[before], h)
		}
		at[p] = i
		if p != &probe.Department && p != &probe.Manager && p != &probe.Domain {
			names++
		}
	}
	if names < 2 {
		return nil, fmt.Errorf("%s:1: it must have at least two of the columns sam, upn, sid, mail, dn and guid, which it is to join; it has %q", file, strings.Join(head, ","))
	}
	var rows []Row
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, wrong(err)
		}
		row := Row{File: file}
		row.Line, _ = r.FieldPos(0)
		if len(rows) == maxRows {
			return nil, fmt.Errorf("%s:%d: there are more than %d people", file, row.Line, maxRows)
		}
		if class >= 0 && class < len(fields) && !isPerson(strings.FieldsFunc(strings.ToLower(fields[class]), func(c rune) bool { return c == ';' || c == ' ' })) {
			continue
		}
		if err := row.read(head, fields); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, row.Line, err)
		}
		rows = append(rows, row)
	}
	return rows, CheckPeople(rows)
}

// read takes the fields of a line.
func (r *Row) read(head, fields []string) error {
	for i, f := range fields[:min(len(fields), len(head))] {
		to := column(r, head[i])
		if to == nil {
			continue
		}
		f = strings.TrimSpace(f)
		value, is, err := hexValue(f)
		switch {
		case err != nil:
			return fmt.Errorf("%s is X'...' and no hexadecimal number", head[i])
		case is:
			before := *to
			if err := r.fill(to, value, true); err != nil {
				return fmt.Errorf("%s %w", head[i], err)
			}
			f, *to = *to, before
		}
		switch {
		case *to == "" || strings.EqualFold(*to, f):
			*to = f
		case f != "": // of the two columns of csvde that have the DN
			return fmt.Errorf("dn and distinguishedName differ")
		}
	}
	return nil
}

// CheckPeople refuses two rows, of one file or of several, that claim what only one person has. Addresses of mail are not
// among that: an administrator's second account often has the first one's.
func CheckPeople(rows []Row) error {
	first := map[string]*Row{}
	var wrong error
	twice := 0
	for i := range rows {
		r := &rows[i]
		sam := ""
		if r.Sam != "" && r.realm() != "" {
			sam = r.realm() + `\` + r.Sam
		}
		for _, claim := range [][2]string{{"SID", r.SID}, {"GUID", r.GUID}, {"DN", r.DN}, {"account", sam}, {"UPN", r.UPN}} {
			what, value := claim[0], strings.ToLower(claim[1])
			if value == "" {
				continue
			}
			if other := first[what+value]; other != nil {
				at := fmt.Sprintf("line %d", other.Line)
				if other.File != r.File {
					at += " of " + other.File
				}
				if twice++; wrong == nil {
					wrong = fmt.Errorf("%s:%d: the %s %s stands at %s too; it can belong to one person only: remove one of the two rows", r.File, r.Line, what, claim[1], at)
				}
				break // of two rows that are alike one mistake is enough
			}
			first[what+value] = r
		}
	}
	if twice > 1 {
		return fmt.Errorf("%w (of %d rows that another one contradicts; none is used)", wrong, twice)
	}
	return wrong
}

// realm is where the account name holds, "" if the row does not say.
func (r *Row) realm() string {
	return cmp.Or(strings.ToLower(r.Domain), realmOfDN(r.DN))
}

// forms are what the row names its person by. A sAMAccountName without a realm is a bare name.
func (r *Row) forms() (all []written) {
	add := func(text string, want ...Form) {
		if text == "" {
			return
		}
		if w := take(text); slices.Contains(want, w.form) {
			all = append(all, w)
		}
	}
	if sam := strings.ToLower(r.Sam); sam != "" {
		if w := take(sam); w.form == SamForm { // an export that writes DOMAIN\name into the column
			all = append(all, w)
		} else if realm := r.realm(); realm != "" {
			all = append(all, written{SamForm, sam, realm})
		} else {
			all = append(all, written{BareForm, sam, ""})
		}
	}
	add(r.UPN, UPNForm)
	add(r.SID, SIDForm)
	add(r.GUID, GUIDForm)
	add(r.DN, DNForm)
	if w := take(r.Mail); w.form == UPNForm {
		w.form = MailForm
		all = append(all, w)
	}
	return all
}
