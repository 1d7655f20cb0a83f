package audit_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/outmode/outmode/internal/audit"
)

// The bytes of S-1-5-21-1-2-3-1104 and of 6f9619ff-8b86-d011-b42d-00cf4fc964ff, as the directory keeps them.
const (
	sidBytes  = "\x01\x05\x00\x00\x00\x00\x00\x05\x15\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x50\x04\x00\x00"
	guidBytes = "\xff\x19\x96\x6f\x86\x8b\x11\xd0\xb4\x2d\x00\xcf\x4f\xc9\x64\xff"
	sidOf     = "S-1-5-21-1-2-3-1104"
	guidOf    = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
)

func inBase64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// ldifde is an export as ldifde writes it, of a person, a group and a computer.
var ldifde = "dn: CN=Anna Berg,OU=Sales,DC=contoso,DC=com\r\nchangetype: add\r\nobjectClass: top\r\nobjectClass: person\r\nobjectClass: organizationalPerson\r\nobjectClass: user\r\n" +
	"distinguishedName: CN=Anna Berg,OU=Sales,DC=contoso,\r\n DC=com\r\nobjectGUID:: " + inBase64(guidBytes) + "\r\nobjectSid:: " + inBase64(sidBytes) + "\r\nsAMAccountName: anna\r\nuserPrincipalName: a.berg@contoso.com\r\n" +
	"mail: anna.berg@contoso.com\r\ndepartment:: " + inBase64("Vertrieb Österreich") + "\r\nmanager: CN=Zoe,DC=contoso,DC=com\r\nthumbnailPhoto:: " + inBase64(strings.Repeat("x", 300)) + "\r\n\r\n" +
	"dn: CN=Domain Admins,CN=Users,DC=contoso,DC=com\r\nchangetype: add\r\nobjectClass: top\r\nobjectClass: group\r\nsAMAccountName: Domain Admins\r\n\r\n" +
	"dn: CN=EX01,OU=Servers,DC=contoso,DC=com\r\nchangetype: add\r\nobjectClass: user\r\nobjectClass: computer\r\nsAMAccountName: EX01$\r\n\r\n"

var ldapsearch = "# extended LDIF\n#\n# LDAPv3\n# filter: (&(objectClass=user)\n  (mail=*))\n\n# Anna Berg, Sales, contoso.com\ndn: CN=Anna Berg,OU=Sales,DC=contoso,DC=com\nsAMAccountName: anna\nuserPrincipalName: a.berg@contoso.com\n" +
	"mail: anna.berg@contoso.com\nmail: anna@contoso.com\nobjectSid:: " + inBase64(sidBytes) + "\nobjectGUID:: " + inBase64(guidBytes) + "\ndepartment:: " + inBase64("Vertrieb Österreich") +
	"\nmanager: CN=Zoe,DC=contoso,DC=com\n\n# search reference\nref: ldap://fabrikam.com/DC=fabrikam,DC=com\n\n# search result\nsearch: 2\nresult: 0 Success\n\n# numEntries: 1\n"

var csvde = "DN,objectClass,distinguishedName,sAMAccountName,userPrincipalName,mail,department,manager,objectGUID,objectSid\r\n" +
	`"CN=Anna Berg,OU=Sales,DC=contoso,DC=com",user,"CN=Anna Berg,OU=Sales,DC=contoso,DC=com",anna,a.berg@contoso.com,anna.berg@contoso.com,` + fmt.Sprintf("X'%x'", "Vertrieb Österreich") +
	`,"CN=Zoe,DC=contoso,DC=com",` + fmt.Sprintf("X'%x',X'%x'\r\n", guidBytes, sidBytes) +
	`"CN=EX01,OU=Servers,DC=contoso,DC=com",computer,"CN=EX01,OU=Servers,DC=contoso,DC=com",EX01$,,,,,,` + "\r\n"

// The directory's own exports are a map of people, as they are.
func TestExportsOfTheDirectory(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"ldifde": ldifde, "ldifde, version": "\xef\xbb\xbf\nversion: 1\n\n" + ldifde, "ldapsearch": ldapsearch, "csvde": csvde, "blank lines": strings.ReplaceAll(ldifde, "\r\n\r\n", "\r\n\r\n\r\n") + "\r\n"} {
		rows, err := audit.ReadPeople("people", []byte(text))
		if err != nil || len(rows) != 1 {
			t.Errorf("%s: %d rows, %v", name, len(rows), err)
			continue
		}
		r := rows[0]
		line := r.Line
		r.Line = 0
		want := audit.Row{File: "people", Sam: "anna", UPN: "a.berg@contoso.com", SID: sidOf, GUID: guidOf, Mail: "anna.berg@contoso.com", DN: "CN=Anna Berg,OU=Sales,DC=contoso,DC=com", Department: "Vertrieb Österreich", Manager: "CN=Zoe,DC=contoso,DC=com"}
		if r != want || line < 1 || line > 8 {
			t.Errorf("%s, line %d:\n%+v\nwant\n%+v", name, line, r, want)
		}
		// The directory says the DNS name of the domain: what Exchange calls it an alias says.
		id := audit.NewIdentities(audit.Known{People: rows, Proven: []string{`CONTOSO\anna`}, Aliases: [][2]string{{"CONTOSO", "contoso.com"}}})
		for _, text := range []string{`CONTOSO\anna`, "a.berg@contoso.com", sidOf, guidOf, "anna.berg@contoso.com", "cn=anna berg,ou=sales,dc=contoso,dc=com"} {
			if got := whom(id, text, audit.AnyForm); got != `contoso\anna` {
				t.Errorf("%s: %s is %s", name, text, got)
			}
		}
	}
}

func TestMistakesInExports(t *testing.T) {
	t.Parallel()
	entry := func(n int, lines ...string) string {
		return fmt.Sprintf("dn: CN=u%d,DC=contoso,DC=com\nsAMAccountName: u%d\nuserPrincipalName: u%d@contoso.com\n", n, n, n) + strings.Join(lines, "\n") + "\n\n"
	}
	sid := "objectSid: " + sidOf
	for text, want := range map[string]string{
		entry(1, sid) + entry(2) + entry(3, sid):                                                     "people.ldf:11: the SID " + sidOf + " stands at line 1 too",
		entry(1, sid) + entry(2, sid) + entry(3, sid):                                                "people.ldf:6: the SID " + sidOf + " stands at line 1 too; it can belong to one person only: remove one of the two rows (of 2 rows that another one contradicts; none is used)",
		entry(1, "objectSid:: "+inBase64(sidBytes), "objectSid: S-1-5-21-1-2-3-9"):                   "people.ldf:5: the entry of line 1 has a second objectsid",
		entry(1, "objectSid:: "+inBase64("short")):                                                   "people.ldf:4: the value of objectsid is no SID",
		entry(1, "objectGUID:: "+inBase64("short")):                                                  "people.ldf:4: the value of objectguid is no GUID",
		entry(1, "objectSid:: !"):                                                                    "people.ldf:4: the value of objectsid is no base64",
		entry(1, "mail:: "+inBase64("a\x00b")):                                                       "people.ldf:4: the value of mail is no text in UTF-8",
		entry(1, "department: \xff"):                                                                 "people.ldf:4: the value of department is no text",
		entry(1, "jpegPhoto:< file:///etc/passwd"):                                                   "people.ldf:4: the value of jpegphoto is in another file, which is not read",
		entry(1, "what is this"):                                                                     "people.ldf:4: it is no LDIF",
		entry(1, "changetype: modify"):                                                               `people.ldf:4: it is a change and no export: changetype "modify"`,
		entry(1) + "sAMAccountName: x\n":                                                             "people.ldf:6: an entry begins with \"samaccountname\" and not with dn",
		"dn: CN=a,DC=x\ndn: CN=b,DC=x\n":                                                             "people.ldf:2: a second dn",
		"dn: CN=a,DC=x\nsAMAccountName: a\n":                                                         "no entry names a person twice",
		"dn: CN=a,DC=x\ndescription: " + strings.Repeat("x", 2<<20) + "\n":                           "people.ldf:2: the line is longer than",
		"dn: CN=a,DC=x\ndescription: x\n" + strings.Repeat(" "+strings.Repeat("x", 1000)+"\n", 2000): "people.ldf:2: the line is longer than",
	} {
		if _, err := audit.ReadPeople("people.ldf", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.200q: %v, want %s", text, err, want)
		}
	}
	head := "DN,distinguishedName,sAMAccountName,objectSid\n"
	for text, want := range map[string]string{
		head + "x,y,anna,\n":      "people.csv:2: dn and distinguishedName differ",
		head + "x,x,anna,X'01'\n": "people.csv:2: objectSid is no SID",
		head + "x,x,anna,X'0'\n":  "people.csv:2: objectSid is X'...' and no hexadecimal number",
		head + "x,x,X'ff',\n":     "people.csv:2: sAMAccountName is no text",
		head + fmt.Sprintf("x,x,a,X'%x'\ny,y,b,%s\n", sidBytes, sidOf): "people.csv:3: the SID " + sidOf + " stands at line 2 too",
	} {
		if _, err := audit.ReadPeople("people.csv", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// Whatever a file holds: it is read, or a line of it is named.
func FuzzReadPeople(f *testing.F) {
	for _, seed := range []string{ldifde, ldapsearch, csvde, peopleCSV, "version: 1\ndn:: !\n", "dn: a\n b\n  c\n\n\n", "dn:\n:\n::\n", "a;b\n", "dn: x\nobjectSid:: AQ==\n", "DN,upn,sid\nX'',X'41',X'01'\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := audit.ReadPeople("people", data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "people:") {
				t.Errorf("which file? %v", err)
			}
			return
		}
		for i := range rows {
			if r := &rows[i]; r.File != "people" || r.Line < 1 || i > 0 && r.Line < rows[i-1].Line {
				t.Errorf("%+v", r)
			}
		}
		audit.NewIdentities(audit.Known{People: rows})
	})
}
