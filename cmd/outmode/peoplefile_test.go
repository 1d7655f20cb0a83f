package main

import (
	"encoding/base64"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// utf16Of is a text as Windows writes it in Unicode: little-endian, behind a mark.
func utf16Of(text string) []byte {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(text)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}

// The map of people may be what ldifde writes, in Unicode too. A mistake in it names the file and the lines.
func TestMapOfLDIF(t *testing.T) {
	t.Parallel()
	data := roster(t)
	sid := base64.StdEncoding.EncodeToString([]byte("\x01\x05\x00\x00\x00\x00\x00\x05\x15\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x50\x04\x00\x00"))
	entry := "dn: CN=Anna,OU=Sales,DC=contoso,DC=com\r\nchangetype: add\r\nobjectClass: user\r\nsAMAccountName: anna\r\nuserPrincipalName: anna@contoso.com\r\nobjectSid:: " + sid + "\r\ndepartment: Öffentliches\r\n\r\n"
	people := write(t, filepath.Join(t.TempDir(), "people.ldf"), utf16Of(entry))
	r := usersJSON(t, "--data", data, "--map", people, "--alias", "CONTOSO=contoso.com")
	if u := named(t, &r, `contoso\anna`); u.Count != 3 || u.Department != "Öffentliches" || !slices.Contains(u.Forms, "s-1-5-21-1-2-3-1104") {
		t.Errorf("%+v", u)
	}
	twice := write(t, filepath.Join(t.TempDir(), "twice.ldf"), []byte(entry+strings.NewReplacer("CN=Anna", "CN=Ben", "anna", "ben").Replace(entry)))
	for _, command := range []string{"users", "mfa"} {
		code, _, errs := outmode(t, "", command, "--data", data, "--map", twice)
		if code != exitError || !strings.Contains(errs, "twice.ldf:9: the SID S-1-5-21-1-2-3-1104 stands at line 1 too") {
			t.Errorf("%s: exit %d %s", command, code, errs)
		}
	}
}
