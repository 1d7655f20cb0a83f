package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tokenRaw is what AD FS audits of one token: that it was good, and the claims of the caller.
func tokenRaw(clock, instance, sid, sam, upn string) string {
	event := func(id int, params ...string) string {
		data := ""
		for _, p := range params {
			data += "<Data>" + p + "</Data>"
		}
		return fmt.Sprintf("<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='AD FS Auditing'/><EventID Qualifiers='0'>%d</EventID><Keywords>0x80a0000000000000</Keywords>"+
			"<TimeCreated SystemTime='2026-10-06T%s.000000000Z'/><Channel>Security</Channel><Computer>ADFS01.contoso.com</Computer></System><EventData>%s</EventData></Event>\r\n", id, clock, data)
	}
	const soap, ms = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/", "http://schemas.microsoft.com/ws/2008/06/identity/claims/"
	return event(412, instance, "00000000-0000-0000-0000-000000000000", "x", "-") + event(501, instance, ms+"primarysid", sid, ms+"windowsaccountname", sam, soap+"upn", upn)
}

// scanned is a store of the roster's logs and of more.
func scanned(t *testing.T, data, name, text string) {
	t.Helper()
	must(t, exitDone, "scan", "-q", "--data", data, write(t, filepath.Join(t.TempDir(), name), []byte(text)))
}

// What one line proves joins the names of a person, without a map and without an alias; and what contradicts joins nobody
// and is shown.
func TestUsersByProvenNames(t *testing.T) {
	t.Parallel()
	data := roster(t)
	scanned(t, data, "adfs.xml", tokenRaw("07:00:00", "1b033855-c665-4531-a710-5b9012c7a771", "S-1-5-21-1-2-3-1107", `CONTOSO\anna`, "anna@contoso.com"))
	r := usersJSON(t, "--data", data)
	u := named(t, &r, `contoso\anna`)
	if u.Count != 3 || !slices.Equal(u.Forms, []string{`contoso\anna`, "anna@contoso.com", "s-1-5-21-1-2-3-1107", "anna"}) || len(r.Unjoined.Contrary) != 0 {
		t.Fatalf("%+v", u)
	}
	if why := u.Names[1].Why; why != "one line names it together with s-1-5-21-1-2-3-1107" {
		t.Errorf("%q", why)
	}
	must(t, exitDone, "users", "anna@contoso.com", "--data", data)

	// The same name of another account: nobody knows whose it is, and it is nobody's.
	scanned(t, data, "adfs2.xml", tokenRaw("07:30:00", "1b033855-c665-4531-a710-5b9012c7a772", "S-1-5-21-1-2-3-1190", `FABRIKAM\ben`, "anna@contoso.com"))
	r = usersJSON(t, "--data", data)
	if u := named(t, &r, `contoso\anna`); u.Count != 2 || slices.Contains(u.Forms, "anna@contoso.com") {
		t.Errorf("%+v", u)
	}
	if c := r.Unjoined.Contrary; len(c) != 1 || c[0].Account != "anna@contoso.com" || c[0].Mapped || len(c[0].With) != 2 {
		t.Errorf("%+v", r.Unjoined.Contrary)
	}
	if a := r.Unjoined.Accounts; !slices.ContainsFunc(a, func(a unsureAccount) bool {
		return a.Account == "anna@contoso.com" && a.SignIns == 1 && slices.Equal(a.Candidates, []string{`contoso\anna`, `fabrikam\ben`}) && a.Alias == "" && strings.Contains(a.Tell, "a row of the map")
	}) {
		t.Errorf("%+v", a)
	}
	for _, args := range [][]string{{"users"}, {"mfa"}, {"users", `CONTOSO\anna`}} {
		if text := must(t, exitDone, append(args, "--data", data)...); !strings.Contains(text, "logs contradict") || !strings.Contains(text, "anna@contoso.com") {
			t.Errorf("%v: %s", args, text)
		}
	}
	if code, _, errs := outmode(t, "", "users", "anna@contoso.com", "--data", data); code != exitError || !strings.Contains(errs, "several people") {
		t.Errorf("exit %d %s", code, errs)
	}
	// The map tells.
	people := write(t, filepath.Join(t.TempDir(), "people.csv"), []byte("sam,domain,upn,sid\r\nanna,CONTOSO,anna@contoso.com,S-1-5-21-1-2-3-1107\r\n"))
	r = usersJSON(t, "--data", data, "--map", people)
	if u := named(t, &r, `contoso\anna`); u.Count != 3 || !r.Unjoined.Contrary[0].Mapped {
		t.Errorf("%+v, %+v", u, r.Unjoined.Contrary)
	}
}

// A line that proves who is who changes what is said of a logon: what is kept is joined again.
func TestProvenNamesAreJoinedAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	proxy := proxyHead
	duo := ""
	for hour := 6; hour < 18; hour++ { // the gateway's habit, and what it covers
		for n := range 4 {
			duo += duoRaw(t, fmt.Sprintf("%02d:%02d:00", hour, 10*n), "carla@contoso.com", "user_approved", "success", fmt.Sprint("tx-", hour, "-", n))
		}
	}
	duo += duoRaw(t, "07:05:00", `CONTOSO\anna`, "user_approved", "success", "tx-a") + duoRaw(t, "09:00:10", "a.berg@contoso.com", "user_approved", "success", "tx-b")
	proxy += atTheDoor(t, "09:00:00", `CONTOSO\anna`, "Owa", chrome, "198.51.100.7", "EX01")
	write(t, filepath.Join(dir, "logs", "proxy.LOG"), []byte(proxy))
	write(t, filepath.Join(dir, "logs", "duo.log"), []byte(duo))
	must(t, exitDone, "scan", "-q", "--data", data, filepath.Join(dir, "logs"))
	open := func() string {
		return must(t, exitDone, "findings", "list", "--rule", "OM-2001", "--data", data, "-o", "json")
	}
	if !strings.Contains(open(), `contoso\\anna`) {
		t.Fatalf("the approval under another name joined by itself: %s\n%s", open(), must(t, exitDone, "mfa", "--data", data, "-o", "ndjson"))
	}
	scanned(t, data, "adfs.xml", tokenRaw("08:59:00", "1b033855-c665-4531-a710-5b9012c7a771", "S-1-5-21-1-2-3-1107", `CONTOSO\anna`, "a.berg@contoso.com"))
	if text := open(); strings.Contains(text, `"open"`) {
		t.Errorf("%s", text)
	}
	if text := must(t, exitDone, "mfa", "--data", data, "-o", "ndjson"); !strings.Contains(text, `"mfa":"passed"`) {
		t.Errorf("%s", text)
	}
}
