package rules_test

import (
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

var today = time.Date(2026, 10, 6, 12, 0, 0, 0, time.UTC)

// good is an exception without a mistake.
func good() rules.Exception {
	return rules.Exception{Users: []string{"svc-scan"}, Reason: "scanner", Owner: "anna", Expires: today.AddDate(0, 0, 90)}
}

func TestExceptionIsChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*rules.Exception)
		want   string // what is wrong; "" for nothing
	}{
		"nothing":                      {func(*rules.Exception) {}, ""},
		"a group alone":                {func(x *rules.Exception) { x.Users, x.GroupFile = nil, "/etc/pilots.txt" }, ""},
		"no account":                   {func(x *rules.Exception) { x.Users = nil }, "needs accounts"},
		"an empty pattern":             {func(x *rules.Exception) { x.Users = []string{""} }, `the user pattern "": is empty`},
		"a blank one":                  {func(x *rules.Exception) { x.Users = []string{" "} }, "is empty"},
		"everybody":                    {func(x *rules.Exception) { x.Users = []string{"*"} }, "another condition"},
		"everybody in other words":     {func(x *rules.Exception) { x.Users = []string{`*\??*`} }, "another condition"},
		"everybody among others":       {func(x *rules.Exception) { x.Users = []string{"anna", "*@*"} }, "another condition"},
		"everybody from somewhere":     {func(x *rules.Exception) { x.Users, x.Addresses = []string{"*"}, []string{"192.0.2.0/24"} }, ""},
		"a long pattern":               {func(x *rules.Exception) { x.Users = []string{strings.Repeat("a", 513)} }, "longer than 512 bytes"},
		"a pattern that hides":         {func(x *rules.Exception) { x.Users = []string{"a\u202eb"} }, "nobody can see"},
		"a pattern that is not UTF-8":  {func(x *rules.Exception) { x.Users = []string{"a\xff"} }, "is not UTF-8"},
		"too many":                     {func(x *rules.Exception) { x.Users = make([]string, 101) }, "at most 100 users"},
		"every client":                 {func(x *rules.Exception) { x.Clients = []string{"**"} }, "fits everything: leave it out"},
		"every address":                {func(x *rules.Exception) { x.Addresses = []string{"::/0"} }, "fits everything: leave it out"},
		"no address":                   {func(x *rules.Exception) { x.Addresses = []string{"10.0.0.0/33"} }, "is no range of addresses"},
		"no protocol":                  {func(x *rules.Exception) { x.Protocols = []string{"imao"} }, `there is no protocol "imao"; did you mean "imap"?`},
		"a pattern of rules":           {func(x *rules.Exception) { x.Rules = []string{"OM-*"} }, "is no id and no tag"},
		"no reason":                    {func(x *rules.Exception) { x.Reason = "" }, "needs a reason"},
		"a reason of blanks":           {func(x *rules.Exception) { x.Reason = "  " }, "the reason is empty"},
		"an owner of two lines":        {func(x *rules.Exception) { x.Owner = "a\nb" }, "the owner holds a character"},
		"no owner":                     {func(x *rules.Exception) { x.Owner = "" }, "needs an owner"},
		"a long ticket":                {func(x *rules.Exception) { x.Ticket = strings.Repeat("1", 201) }, "longer than 200 bytes"},
		"no end":                       {func(x *rules.Exception) { x.Expires = time.Time{} }, "needs an end"},
		"an end that is over":          {func(x *rules.Exception) { x.Expires = today }, "which is over"},
		"the last possible end":        {func(x *rules.Exception) { x.Expires = today.AddDate(0, 0, 400) }, ""},
		"an end that is too far ahead": {func(x *rules.Exception) { x.Expires = today.AddDate(0, 0, 401) }, "it may last 400d at most"},
	} {
		x := good()
		c.change(&x)
		err := x.Check(today)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	x := rules.Exception{Protocols: []string{"x"}}
	if err := x.Check(today); strings.Count(err.Error(), "\n") != 4 {
		t.Errorf("not every mistake is named:\n%v", err)
	}
}

func TestExceptionEnds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		"90d":                  today.AddDate(0, 0, 90),
		"2026-12-31":           time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), // the day itself still counts
		"2026-12-31T18:00:00Z": time.Date(2026, 12, 31, 18, 0, 0, 0, time.UTC),
		"never":                {}, "": {}, "90": {}, "-5d": {}, "31.12.2026": {}, "99999999d": {},
	} {
		got, err := rules.ParseExpires(text, today)
		if !got.Equal(want) || (err == nil) != !want.IsZero() {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	x := good()
	for after, want := range map[int]string{0: "active", 75: "active", 76: "expiring", 89: "expiring", 90: "expired", 900: "expired"} {
		at := today.AddDate(0, 0, after)
		if got := x.State(at); got != want || x.Holds(at) != (after < 90) {
			t.Errorf("after %d days: %s, holds %v", after, got, x.Holds(at))
		}
	}
	for life, from := range map[int]time.Duration{400: 386 * 24 * time.Hour, 56: 42 * 24 * time.Hour, 28: 21 * 24 * time.Hour, 4: 3 * 24 * time.Hour, 1: 18 * time.Hour} {
		x := good()
		x.Created = today
		x.Expires = x.Created.AddDate(0, 0, life)
		if before, at := x.State(x.Created.Add(from-1)), x.State(x.Created.Add(from)); before != "active" || at != "expiring" {
			t.Errorf("of %d days, %v after it was made: %s, and then %s", life, from, before, at)
		}
	}
	if x.Removed = today; x.State(today) != "removed" || x.Holds(today) {
		t.Error("it was removed, and holds")
	}
}

func TestCover(t *testing.T) {
	t.Parallel()
	scan := rules.Use{Names: []string{`contoso\svc-scan`, "svc-scan"}, Protocol: "smtp", Client: "Scanner"}
	nobody := rules.Use{Protocol: "smtp", Client: "Scanner"}
	for name, c := range map[string]struct {
		change func(*rules.Exception)
		use    rules.Use
		want   string
	}{
		"the bare name in any domain":          {func(*rules.Exception) {}, scan, ""},
		"the whole name":                       {func(x *rules.Exception) { x.Users = []string{`CONTOSO\SVC-SCAN`} }, scan, ""},
		"another domain":                       {func(x *rules.Exception) { x.Users = []string{`fabrikam\svc-scan`} }, scan, `account contoso\svc-scan`},
		"a pattern":                            {func(x *rules.Exception) { x.Users = []string{"svc-*"} }, scan, ""},
		"somebody else":                        {func(x *rules.Exception) { x.Users = []string{"svc-scanner"} }, scan, `account contoso\svc-scan`},
		"one of two":                           {func(x *rules.Exception) { x.Users = []string{"x", "svc-scan"} }, scan, ""},
		"a member of the group":                {func(x *rules.Exception) { x.Users = nil }, rules.Use{Names: []string{`contoso\pilot`, "pilot"}}, ""},
		"no member of the group":               {func(x *rules.Exception) { x.Users = nil }, scan, `account contoso\svc-scan`},
		"no name is nobody's":                  {func(x *rules.Exception) { x.Users = []string{"s*", "?*x*"} }, nobody, "no account is named"},
		"no name, and everybody from there":    {func(x *rules.Exception) { x.Users, x.Addresses = []string{"*"}, []string{"192.0.2.0/24"} }, nobody, ""},
		"its protocol":                         {func(x *rules.Exception) { x.Protocols = []string{"imap", "smtp"} }, scan, ""},
		"another protocol":                     {func(x *rules.Exception) { x.Protocols = []string{"imap"} }, scan, "protocol smtp"},
		"a finding of all protocols":           {func(x *rules.Exception) { x.Protocols = []string{"smtp"} }, rules.Use{Names: scan.Names}, "all protocols together"},
		"its client":                           {func(x *rules.Exception) { x.Clients = []string{"scan*"} }, scan, ""},
		"another client":                       {func(x *rules.Exception) { x.Clients = []string{"outlook"} }, scan, "client Scanner"},
		"a finding that tells no clients":      {func(x *rules.Exception) { x.Clients = []string{"scanner"} }, rules.Use{Names: scan.Names}, "all clients together"},
		"addresses are asked for on their own": {func(x *rules.Exception) { x.Addresses = []string{"192.0.2.0/24"} }, scan, ""},
	} {
		x := good()
		c.change(&x)
		if got := x.Cover(rules.Group{"pilot": true}).Outside(c.use); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	x := good()
	x.Rules, x.Addresses = []string{"OM-1001", "pop"}, []string{"192.0.2.0/24", "2001:db8::7"}
	c := x.Cover(nil)
	if !c.About("OM-1001", nil) || !c.About("X", []string{"basic", "pop"}) || c.About("OM-1002", []string{"imap"}) {
		t.Error("About")
	}
	for text, want := range map[string]string{"192.0.2.7": "", "::ffff:192.0.2.7": "", "2001:db8::7": "", "2001:db8::7%eth0": "", "2001:db8::8": "address 2001:db8::8", "198.51.100.1": "address 198.51.100.1"} {
		if got := c.OutsideAddress(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	if got := c.OutsideAddress(netip.Addr{}); got != "an address that is not known" {
		t.Error(got)
	}
}

// Usage rows and groups of rules name the same account alike.
func TestNames(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		a    signin.Account
		want string
	}{
		"sam":            {signin.Account{Key: `contoso\anna`, Domain: "contoso", Name: "anna", Form: signin.Sam}, `contoso\anna anna`},
		"upn":            {signin.Account{Key: "anna@contoso.com", Domain: "contoso.com", Name: "anna", Form: signin.UPN}, "anna@contoso.com anna"},
		"bare":           {signin.Account{Key: "anna", Name: "anna", Form: signin.Bare}, "anna"},
		"nobody":         {*signin.Nobody(), ""},
		"those together": {*signin.OtherAccounts(), ""},
	} {
		if got := strings.Join(rules.Names(&c.a), " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if got := strings.Join(rules.NamesOf(rules.Subject(&c.a)), " "); got != c.want {
			t.Errorf("%s as a group: %q, want %q", name, got, c.want)
		}
	}
	shared := signin.Account{Key: `contoso\anna\info`, Domain: "contoso", Name: "anna", Form: signin.Sam} // POP with a shared mailbox
	if got := strings.Join(rules.Names(&shared), " "); got != `contoso\anna contoso\anna\info anna` {
		t.Error(got)
	}
}

func TestReadGroup(t *testing.T) {
	t.Parallel()
	utf16le := func(s string) string {
		b := []byte{0xff, 0xfe}
		for _, u := range utf16.Encode([]rune(s)) {
			b = binary.LittleEndian.AppendUint16(b, u)
		}
		return string(b)
	}
	for name, c := range map[string]struct{ text, want, bad string }{
		"plain":        {"# pilots\nCONTOSO\\Anna\r\n\n  ben@contoso.com  # Ben\nc#d\n", "", ""},
		"utf-8":        {"\xef\xbb\xbfanna\n", "", ""},
		"powershell":   {utf16le("anna\r\nben\r\n"), "", ""},
		"empty":        {"", "", ""},
		"a pattern":    {"anna\n*\n", "", ":2: a group file has one account"},
		"what hides":   {"an\x00na\n", "", ":1: the line holds a character"},
		"a long line":  {strings.Repeat("a", 600), "", ":1: a group file has one account"},
		"a JPEG":       {"\xff\xd8\xff\xe0\x00\x10JFIF", "", ":1: the line is not UTF-8"},
		"without end":  {strings.Repeat("# nothing\n", 2<<20), "", "it is larger than 16 MiB"},
		"two in one":   {"anna ben\n", "", ""}, // a name may hold a blank
		"comment only": {"#anna", "", ""},
	} {
		want := map[string]string{"plain": `contoso\anna ben@contoso.com c#d`, "utf-8": "anna", "powershell": "anna ben", "two in one": "anna ben"}[name]
		file := filepath.Join(t.TempDir(), "group.txt")
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		g, err := rules.ReadGroup(file)
		if (err == nil) != (c.bad == "") || err != nil && (!strings.Contains(err.Error(), c.bad) || !strings.Contains(err.Error(), file)) {
			t.Errorf("%s: %v, want %q", name, err, c.bad)
		}
		for _, n := range strings.Fields(want) {
			if name == "two in one" {
				n = want
			}
			if !g[n] {
				t.Errorf("%s: %q is not in %v", name, n, g)
			}
		}
		if err == nil && want == "" && len(g) > 0 {
			t.Errorf("%s: %v", name, g)
		}
	}
	for _, path := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none.txt")} {
		if _, err := rules.ReadGroup(path); err == nil || !strings.Contains(err.Error(), "reading the group file "+path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A rule may say when its findings are resolved.
func TestResolveAfter(t *testing.T) {
	t.Parallel()
	const rule = "id: X-1\nname: x\nseverity: low\nwhen: internal\n"
	set, problems := rules.Load([]rules.File{{Name: "a.yaml", Data: []byte(rule + "resolve_after: 14d\n")}})
	if len(problems) > 0 || set.Rules()[0].ResolveAfter != 14*24*time.Hour {
		t.Error(problems)
	}
	if _, problems := rules.Load([]rules.File{{Name: "a.yaml", Data: []byte(rule + "resolve_after: never\n")}}); len(problems) != 1 || !strings.Contains(problems[0].Message, "resolve_after must be a time") {
		t.Error(problems)
	}
}
