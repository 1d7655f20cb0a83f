package signin_test

import (
	"strings"
	"testing"

	"github.com/outmode/outmode/internal/signin"
)

// Only names that one person alone can have are paired: nobody becomes somebody by a name that anybody may bear.
func TestPairs(t *testing.T) {
	t.Parallel()
	const guid = "6F9619FF-8B86-D011-B42D-00CF4FC964FF"
	for _, c := range [][3]string{
		{"Anna@Contoso.com", `CONTOSO\anna`, `anna@contoso.com contoso\anna`},
		{`CONTOSO\anna`, "Anna@Contoso.com", `anna@contoso.com contoso\anna`},
		{"S-1-5-21-1-2-3-1104", "anna@contoso.com", "anna@contoso.com s-1-5-21-1-2-3-1104"},
		{guid, "anna_fabrikam.com#ext#@contoso.com", strings.ToLower(guid) + " anna_fabrikam.com#ext#@contoso.com"},
		{`CONTOSO\anna berg`, "anna@contoso.com", `anna@contoso.com contoso\anna berg`},
	} {
		p, ok := signin.PairOf([]byte(c[0]), []byte(c[1]))
		if got := p.One + " " + p.Other; !ok || got != c[2] {
			t.Errorf("%q and %q: %q, %v, want %q", c[0], c[1], got, ok, c[2])
		}
	}
	for _, none := range []string{"", "anna", "-", `\anna`, `CONTOSO\`, "@contoso.com", "anna@", "anna@x@contoso.com", `CONTOSO\anna\shared`, "anna@contoso.com/shared", `anna@contoso.com\shared`, "anna berg@contoso.com", " anna@contoso.com",
		"S-1-5-18", "S-1-5-32-544", "S-1-5-21-1-2-3", "S-1-5-21-1-2-3-4-5", "S-1-5-21-1-2-3-x", "S-1-5-21-1-2-3-99999999999", "00000000-0000-0000-0000-000000000000", "{" + guid + "}",
		`NT AUTHORITY\SYSTEM`, `CONTOSO\EX01$`, "HealthMailbox83d6781@contoso.com", "SystemMailbox{1f05a927}@contoso.com", "CN=Anna,DC=contoso,DC=com", "a\nb@contoso.com", "a\u202eb@contoso.com", "\xff@contoso.com", "CONTOSO\\anna@contoso.com",
		strings.Repeat("a", 300) + "@contoso.com", "http://schemas.contoso.com/upn", "BEN@contoso.com"} {
		if p, ok := signin.PairOf([]byte(none), []byte("ben@contoso.com")); ok {
			t.Errorf("%q: %+v", none, p)
		}
	}
}
