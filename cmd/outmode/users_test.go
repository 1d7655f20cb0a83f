package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// duoRaw is a line of Duo's log: somebody was asked.
func duoRaw(t testing.TB, clock, user, reason, result, txid string) string {
	t.Helper()
	at, err := json.Marshal(user)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"timestamp":%d,"isotimestamp":"%s","event_type":"authentication","factor":"duo_push","reason":"%s","result":"%s","txid":"%s","user":{"name":%s},`+
		`"application":{"key":"DIXXXXXXXXXXXXXXXXXX","name":"Outlook Web App"},"access_device":{"ip":"198.51.100.7"},"eventtype":"auth_log","host":"api-0.duosecurity.com"}`+"\n",
		onTheDay(t, clock).Unix(), onTheDay(t, clock).Format("2006-01-02T15:04:05+00:00"), reason, result, txid, at)
}

// entraRaw is a record of Entra: somebody signed in to Exchange Online with a password alone.
func entraRaw(clock, user, id string) string {
	return fmt.Sprintf(`{"id":"%s","createdDateTime":"2026-10-06T%sZ","userPrincipalName":"%s","appDisplayName":"Microsoft Office","appId":"d3590ed6-52b3-4102-aeff-aad2292ab01c","ipAddress":"198.51.100.7",`+
		`"clientAppUsed":"Exchange Web Services","resourceDisplayName":"Office 365 Exchange Online","resourceId":"00000002-0000-0ff1-ce00-000000000000","correlationId":"%s","authenticationProtocol":"ropc",`+
		`"status":{"errorCode":0},"authenticationDetails":[{"authenticationMethod":"Password","succeeded":true,"authenticationStepRequirement":"Primary authentication"}]}`, id, clock, user, id)
}

// roster is a store of raw logs of HttpProxy, Duo and Entra. anna is in all three, ben in two domains, ghost only in Duo's.
func roster(t testing.TB) (data string) {
	t.Helper()
	dir := t.TempDir()
	data = filepath.Join(dir, "data")
	proxy := proxyHead + proxyLine(`CONTOSO\anna`, "Microsoft Office/16.0") + // Basic at EWS, 08:15
		atTheDoor(t, "09:00:00", `CONTOSO\anna`, "Owa", chrome, "198.51.100.7", "EX01") +
		atTheDoor(t, "09:30:00", `CONTOSO\ben`, "Owa", chrome, "198.51.100.8", "EX01") +
		atTheDoor(t, "09:40:00", `FABRIKAM\ben`, "Owa", chrome, "198.51.100.9", "EX01") +
		atTheDoor(t, "09:50:00", `ben`, "Owa", chrome, "198.51.100.9", "EX01") +
		atTheDoor(t, "10:00:00", `CONTOSO\carla`, "Owa", chrome, "198.51.100.10", "EX01")
	write(t, filepath.Join(dir, "logs", "proxy.LOG"), []byte(proxy))
	duo := duoRaw(t, "06:00:00", "carla", "user_approved", "success", "tx-0") + duoRaw(t, "09:00:10", "anna", "user_approved", "success", "tx-1") +
		duoRaw(t, "09:40:10", "ben", "user_approved", "success", "tx-2") + duoRaw(t, "11:00:00", "ghost", "deny_unenrolled_user", "denied", "tx-3") + duoRaw(t, "18:00:00", "carla", "user_approved", "success", "tx-4")
	write(t, filepath.Join(dir, "logs", "duo.log"), []byte(duo+duo)) // an export that overlaps tells nothing twice
	entra := `{"value":[` + entraRaw("12:00:00", "anna@contoso.com", "6a1f2b3c-1111-4222-8333-444455556666") + "]}\n"
	write(t, filepath.Join(dir, "logs", "entra.json"), []byte(entra))
	must(t, exitDone, "scan", "-q", "--data", data, filepath.Join(dir, "logs"))
	return data
}

func rosterMap(t testing.TB) string {
	return write(t, filepath.Join(t.TempDir(), "people.csv"), []byte("sam,domain,upn,sid,department,manager\r\nanna,CONTOSO,anna@contoso.com,S-1-5-21-7,Sales,zoe\r\nzoe,CONTOSO,zoe@contoso.com,S-1-5-21-8,Board,\r\n"))
}

func usersJSON(t *testing.T, args ...string) (r usersReport) {
	t.Helper()
	decode(t, must(t, exitDone, append([]string{"users", "-o", "json"}, args...)...), &r)
	return r
}

func named(t *testing.T, r *usersReport, name string) *listedUser {
	t.Helper()
	for _, u := range r.Users {
		if u.User == name {
			return u
		}
	}
	t.Fatalf("there is no %s", name)
	return nil
}

// Who is who, from raw lines of three logs: what is proven is joined, and what is not is told apart.
func TestUsersOfThreeLogs(t *testing.T) {
	t.Parallel()
	data, people := roster(t), rosterMap(t)
	r := usersJSON(t, "--data", data)
	var names []string
	for _, u := range r.Users {
		names = append(names, u.User)
	}
	if want := []string{"anna@contoso.com", `contoso\anna`, `contoso\ben`, `contoso\carla`, `fabrikam\ben`}; !slices.Equal(names, want) {
		t.Fatalf("%q, want %q", names, want)
	}
	if n := r.Unjoined; n == nil || n.SignIns != 1 || n.Events != 3 || len(n.Accounts) != 2 || n.Accounts[0].Account != "ben" || n.Accounts[0].Events != 1 || !slices.Equal(n.Accounts[0].Candidates, []string{`contoso\ben`, `fabrikam\ben`}) ||
		n.Accounts[0].Alias != "" || n.Accounts[1].Account != "anna" || n.Accounts[1].SignIns != 0 || len(n.Names) != 2 || len(n.Gateway) != 1 || n.Gateway[0].Account != "ghost" || n.Gateway[0].Events != 1 || !n.Gateway[0].Knows {
		t.Errorf("%+v", n)
	}
	if u := named(t, &r, `fabrikam\ben`); u.Count != 1 || !slices.Equal(u.Maybe, []string{"ben"}) || len(u.Gateways) != 0 || u.MFA["unknown"] != 1 {
		t.Errorf("%+v", u)
	}

	r = usersJSON(t, "--data", data, "--map", people)
	u := named(t, &r, `contoso\anna`)
	if u.Count != 3 || u.Department != "Sales" || u.Manager != "zoe" || !u.LegacyEXO || !u.LegacyOnPrem || u.First != "2026-10-06T08:15:00Z" || u.Last != "2026-10-06T12:00:00Z" || u.Logons != 3 || u.MFA["passed"] != 1 ||
		!slices.Equal(u.Forms, []string{`contoso\anna`, "anna@contoso.com", "s-1-5-21-7", "anna"}) || !slices.Equal(u.Protocols, []string{"ews", "owa"}) || !slices.Equal(u.Auths, []string{"basic", "forms"}) || len(u.Maybe) != 0 {
		t.Errorf("%+v", u)
	}
	seen := map[string]string{}
	for _, n := range u.Names {
		for _, s := range n.Seen {
			seen[n.Text] += fmt.Sprint(s.Log, " ", s.SignIns, "+", s.Events, " ", n.Form, ", ", n.Why, ", ", s.First[11:16], ";")
		}
	}
	for text, want := range map[string]string{`contoso\anna`: "httpproxy 2+0 sam, line 2 of the map, 08:15;", "anna": `duo 0+1 name, the only account of this name that is known is of contoso\anna, 09:00;`, "s-1-5-21-7": ""} {
		if seen[text] != want {
			t.Errorf("%s: %q, want %q", text, seen[text], want)
		}
	}
	if !strings.HasPrefix(seen["anna@contoso.com"], "entra 1+1 upn, ") {
		t.Errorf("%q", seen)
	}
	if w := u.Ways[0]; len(u.Ways) != 2 || w.Protocol != "ews" || w.Auth != "basic" || w.Count != 2 || w.Last != "2026-10-06T12:00:00Z" {
		t.Errorf("%+v", u.Ways)
	}
	if g := u.Gateways; len(g) != 2 || g[0].ID != "duo" || !g[0].Knows || g[0].Events != 1 || g[0].Outcome != "passed" || g[0].Last != "2026-10-06T09:00:10Z" || g[1].ID != "entra" {
		t.Errorf("%+v", g)
	}

	r = usersJSON(t, "--data", data, "--alias", "CONTOSO=contoso.com")
	if u := named(t, &r, `contoso\anna`); u.Count != 3 || !slices.Equal(u.Forms, []string{`contoso\anna`, "anna@contoso.com", "anna"}) {
		t.Errorf("%+v", u)
	}
	if one := usersJSON(t, "carla", "--data", data); one.Users[0].Findings == nil {
		t.Error("no findings must be an empty list")
	}
	if r.Options.Alias[0] != "CONTOSO=contoso.com" || len(r.Unjoined.Names) != 1 {
		t.Errorf("%+v", r.Options)
	}
	// A period has its sign-ins only, and the same people.
	if r := usersJSON(t, "--data", data, "--since", "2026-10-07"); len(r.Users) != 0 || len(r.Unjoined.Accounts) != 0 {
		t.Errorf("%+v", r)
	}
	if a, b := usersJSON(t, "--data", data, "--since", "2026-10-06", "--until", "2026-10-06"), usersJSON(t, "--data", data); len(a.Users) != len(b.Users) || a.Users[0].Count != b.Users[0].Count {
		t.Errorf("%+v", a)
	}
	if lines := strings.Count(must(t, exitDone, "users", "--data", data, "-o", "ndjson"), "\n"); lines != 5 {
		t.Errorf("%d lines", lines)
	}
}

// The fields are a contract, and a list is never null.
func TestUsersJSONContract(t *testing.T) {
	t.Parallel()
	var r struct {
		Users    []map[string]any
		Unjoined map[string]any
	}
	data := roster(t)
	text := must(t, exitDone, "users", "--data", data, "-o", "json")
	decode(t, text, &r)
	if strings.Contains(text, "null") {
		t.Error(text)
	}
	for _, field := range strings.Fields("user department manager forms names protocols auths ways clients traffic legacy_exo legacy_onprem count first last logons mfa gateways maybe") {
		if _, ok := r.Users[0][field]; !ok {
			t.Errorf("there is no %s", field)
		}
	}
	for _, field := range strings.Fields("signins events accounts names gateway_accounts") {
		if _, ok := r.Unjoined[field]; !ok {
			t.Errorf("there is no unjoined.%s", field)
		}
	}
	if _, ok := r.Users[0]["readiness"]; ok {
		t.Error("nothing is stored that says who is ready")
	}
	help := must(t, exitDone, "users", "--help")
	for field := range r.Users[0] {
		if !strings.Contains(help, field) {
			t.Errorf("the help does not name %s", field)
		}
	}
	if !strings.Contains(help, "outmode whatif") {
		t.Error("the help does not say where readiness is")
	}
}

// USER may be any name of a person. One that several have lists them, and one that nobody has says so.
func TestUsersOfOnePerson(t *testing.T) {
	t.Parallel()
	data, people := roster(t), rosterMap(t)
	for _, name := range []string{`CONTOSO\anna`, "anna", "ANNA@contoso.com", "s-1-5-21-7", ` \CONTOSO\anna `, `contoso\anna\shared`} {
		text := must(t, exitDone, "users", name, "--data", data, "--map", people)
		at := 0
		for _, want := range []string{`contoso\anna`, "Sales", "zoe", "3, 2026-10-06 08:15 to 2026-10-06 12:00 UTC", "with basic authentication: 2 sign-ins", "Names, and why", "line 2 of the map", "httpproxy: 2 sign-ins, ", "entra: 1 sign-in, 1 event, ", "in no log of that time", "duo: 1 event, ",
			"Signs in with", "ews", "owa", "Second factor", "passed", "duo", "yes", "Findings", "OM-1003", "Next", "outmode findings show --data ", "outmode users --data "} {
			n := strings.Index(text[at:], want)
			if n < 0 {
				t.Fatalf("%s: %q is not there, or not in its place:\n%s", name, want, text)
			}
			at += n
		}
	}
	r := usersJSON(t, `CONTOSO\anna`, "--data", data)
	if len(r.Users) != 1 || r.Unjoined != nil || len(r.Users[0].Findings) == 0 {
		t.Fatalf("%+v", r)
	}
	for _, f := range r.Users[0].Findings {
		if text := must(t, exitDone, "findings", "show", "--data", data, "-o", "json", "--", f.ID); !strings.Contains(text, f.Rule) || !strings.Contains(text, `contoso\\anna`) {
			t.Errorf("%s: %s", f.ID, text)
		}
	}
	if text := must(t, exitDone, "users", "zoe", "--data", data, "--map", people); !strings.Contains(text, "none at that time") || !strings.Contains(text, "Board") || !strings.Contains(text, "in no log of that time") {
		t.Errorf("somebody of the map who never signed in:\n%s", text)
	}
	if text := must(t, exitDone, "users", "ghost", "--data", data); !strings.Contains(text, "duo") || !strings.Contains(text, "none at that time") {
		t.Errorf("an account that only a gateway has:\n%s", text)
	}
	for name, want := range map[string]string{
		"ben":                 `"ben" may be any of contoso\ben, fabrikam\ben`,
		"nobody":              `has a user "nobody"`,
		`X\arl`:               `do you mean contoso\carla?`,
		"nobody\x1b[31m@evil": `nobody\x1b[31m@evil`,
	} {
		code, out, errs := outmode(t, "", "users", name, "--data", data)
		if code != exitError || out != "" || !strings.Contains(errs, want) || strings.Contains(errs, "\x1b") {
			t.Errorf("%q: exit %d %s%s, want %s", name, code, out, errs, want)
		}
		if name == "ben" && !strings.Contains(errs, `outmode users 'contoso\ben' --data `) && filepath.Separator == '/' {
			t.Errorf("it does not say what to type: %s", errs)
		}
	}
	must(t, exitDone, "users", `FABRIKAM\ben`, "--data", data)
	must(t, exitDone, "users", "ben", "--data", data, "--alias", "CONTOSO=FABRIKAM")
}

func TestUsersMistakes(t *testing.T) {
	t.Parallel()
	data := roster(t)
	for _, args := range [][]string{{"a", "b"}, {" "}, {"--alias", "CONTOSO"}, {"-o", "xml"}, {"--since", "never"}, {"--top", "-1"}, {"--map", ""}} {
		must(t, exitUsage, append([]string{"users", "--data", data}, args...)...)
	}
	must(t, exitError, "users", "--data", data, "--map", filepath.Join(t.TempDir(), "none.csv"))
	none := filepath.Join(t.TempDir(), "none")
	if code, _, errs := outmode(t, "", "users", "--data", none); code != exitError || !strings.Contains(errs, none) {
		t.Errorf("no store: exit %d %s", code, errs)
	}
	// Two rows that know one bare name: no name tells them apart, and the program says so and ends.
	twins := write(t, filepath.Join(t.TempDir(), "people.csv"), []byte("sam,mail\r\nkim,kim@a.com\r\nkim,kim@b.com\r\n"))
	if code, _, errs := outmode(t, "", "users", "kim", "--data", data, "--map", twins); code != exitError || !strings.Contains(errs, "outmode users kim@a.com") || !strings.Contains(errs, "outmode users kim@b.com") {
		t.Errorf("exit %d %s", code, errs)
	}
	empty := filepath.Join(t.TempDir(), "data")
	must(t, exitDone, "scan", "-q", "--data", empty, write(t, filepath.Join(t.TempDir(), "proxy.LOG"), []byte(proxyHead)))
	if text := must(t, exitDone, "users", "--data", empty); !strings.Contains(text, "Nobody signed in") {
		t.Error(text)
	}
	must(t, exitError, "users", "anna", "--data", empty)
}

// Whatever people write into their names and agents: no table breaks, no terminal obeys, no spreadsheet calculates.
func TestUsersOfHostileNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	evil := []string{"=cmd|'/c calc'!A1", "+1+1", "-2+3", "@sum(1)", "a\x1b[31mb", "\u202egnp.exe", "<script>alert(1)</script>", "x`$(id)'", "*", "?", "a\u2028b", strings.Repeat("long", 60), "名前🙂", "per%20cent", "a | b"}
	proxy, duo := proxyHead, ""
	for i, name := range evil {
		for _, domain := range []string{`CONTOSO\`, `FABRIKAM\`}[:1+i%2] {
			proxy += atTheDoor(t, fmt.Sprintf("09:%02d:00", i), `"`+domain+name+`"`, "Owa", `"`+name+`"`, "198.51.100.7", "EX01")
		}
		duo += duoRaw(t, fmt.Sprintf("09:%02d:05", i), name, "user_approved", "success", fmt.Sprint("tx-", i)) + duoRaw(t, fmt.Sprintf("10:%02d:05", i), "only\t"+name, "user_approved", "success", fmt.Sprint("ty-", i))
	}
	write(t, filepath.Join(dir, "logs", "proxy.LOG"), []byte(proxy))
	write(t, filepath.Join(dir, "logs", "duo.log"), []byte(duo))
	must(t, exitDone, "scan", "-q", "--data", data, filepath.Join(dir, "logs"))
	people := write(t, filepath.Join(dir, "people.csv"), []byte("sam,domain,upn,department,manager\r\n+1+1,FABRIKAM,=x@evil,\"=HYPERLINK(\"\"http://x\"\")\",\"\x1b]0;x\a\"\r\n"))
	check := func(text string) {
		t.Helper()
		for line := range strings.Lines(text) {
			line = strings.TrimRight(line, "\n")
			if strings.ContainsAny(line, "\x1b\x07\u202e\u2028\t") {
				t.Errorf("a terminal would obey %q", line)
			}
			if n := utf8.RuneCountInString(line); n > 100 && !strings.Contains(line, data) && !strings.Contains(line, evil[11][:200]) { // names are shown in full where they are the matter
				t.Errorf("%d columns: %s", n, line)
			}
		}
	}
	for _, args := range [][]string{{}, {"--top", "0"}, {"-v"}} {
		check(must(t, exitDone, append([]string{"users", "--data", data, "--map", people}, args...)...))
	}
	text := must(t, exitDone, "users", "--data", data, "--map", people, "-o", "json")
	if strings.ContainsAny(text, "\x1b\x07\u202e\u2028") {
		t.Error("JSON holds what a terminal obeys")
	}
	var r usersReport
	decode(t, text, &r)
	if len(r.Users) < len(evil) || len(r.Unjoined.Accounts) == 0 || len(r.Unjoined.Gateway) == 0 {
		t.Fatalf("%d users, %+v", len(r.Users), r.Unjoined)
	}
	for _, u := range r.Users {
		code, out, errs := outmode(t, "", "users", "--data", data, "--map", people, "--", u.User)
		if code != exitDone {
			t.Errorf("%q: %s", u.User, errs)
		}
		check(out)
	}
	records, err := csv.NewReader(strings.NewReader(must(t, exitDone, "users", "--data", data, "--map", people, "-o", "csv"))).ReadAll()
	if err != nil || len(records) != len(r.Users)+1 || records[0][0] != "user" {
		t.Fatalf("%d records, %v", len(records), err)
	}
	formula := false
	for _, rec := range records[1:] {
		for _, field := range rec {
			formula = formula || strings.HasPrefix(field, "'=HYPERLINK")
			if field != "" && strings.ContainsAny(field[:1], "=+-@\t\r") || strings.Contains(field, "\x1b") {
				t.Errorf("a spreadsheet would calculate %q", field)
			}
		}
	}
	if !formula {
		t.Error("the department is not there")
	}
}

// The list fits, begins with what matters and ends with what to do.
func TestUsersTable(t *testing.T) {
	t.Parallel()
	data := roster(t)
	for _, args := range [][]string{{}, {"-v"}, {"--top", "1"}, {"--alias", "CONTOSO=contoso.com"}} {
		text := must(t, exitDone, append([]string{"users", "--data", data}, args...)...)
		for line := range strings.Lines(strings.ReplaceAll(text, data, "DATA")) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 100 {
				t.Errorf("%d columns: %s", n, line)
			}
		}
		at := 0
		for _, want := range []string{"People in ", "known by several names", "Basic, LOGIN, PLAIN", "not joined: ", "People", "anna", "Not joined", "ben", "ghost", "duo", "would tell", "Next", "outmode users USER --data", "--alias ", "outmode mfa --data"} {
			n := strings.Index(text[at:], want)
			if n < 0 {
				t.Fatalf("%v: %q is not there, or not in its place:\n%s", args, want, text)
			}
			at += n
		}
	}
}
