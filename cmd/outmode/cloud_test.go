package main

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const (
	graphPage = `{"@odata.context":"x","value":[
{"id":"6a1f2b3c-1111-4222-8333-444455556666","createdDateTime":"2026-10-06T08:15:00Z","userPrincipalName":"anna.berg@contoso.com","appDisplayName":"Microsoft Office","appId":"d3590ed6-52b3-4102-aeff-aad2292ab01c",
 "ipAddress":"198.51.100.7","clientAppUsed":"Exchange Web Services","resourceDisplayName":"Office 365 Exchange Online","resourceId":"00000002-0000-0ff1-ce00-000000000000","correlationId":"c1",
 "authenticationProtocol":"ropc","authenticationRequirement":"singleFactorAuthentication","status":{"errorCode":0,"failureReason":"Other."},
 "authenticationDetails":[{"authenticationMethod":"Password","succeeded":true,"authenticationStepRequirement":"Primary authentication"}]},
{"id":"7a1f2b3c-1111-4222-8333-444455556666","createdDateTime":"2026-10-06T08:16:00Z","userPrincipalName":"ben@contoso.com","appDisplayName":"One Outlook Web","appId":"d3590ed6","ipAddress":"198.51.100.8",
 "clientAppUsed":"Browser","resourceDisplayName":"Office 365 Exchange Online","resourceId":"00000002-0000-0ff1-ce00-000000000000","correlationId":"c2",
 "status":{"errorCode":0,"additionalDetails":"MFA requirement satisfied by claim in the token"}}]}
`
	auditLine = `{"CreationTime":"2026-10-06T08:15:01","Id":"8a1f2b3c-1111-4222-8333-444455556666","Operation":"UserLoggedIn","RecordType":15,"ResultStatus":"Success","UserId":"anna.berg@contoso.com","Workload":"AzureActiveDirectory",` +
		`"ClientIP":"198.51.100.7","ObjectId":"00000002-0000-0ff1-ce00-000000000000","ExtendedProperties":[{"Name":"UserAgent","Value":"BAV2ROPC"},{"Name":"RequestType","Value":"OAuth2:Token"}],"InterSystemsId":"c1","ErrorNumber":"0"}` + "\n"
	duoLine = `{"timestamp":1791274510,"isotimestamp":"2026-10-06T08:15:10+00:00","event_type":"authentication","factor":"duo_push","reason":"user_approved","result":"success","txid":"9f79ad67-e7f5-4f33-850c-75175d79253a",` +
		`"user":{"name":"anna.berg"},"application":{"key":"DIXXXXXXXXXXXXXXXXXX","name":"Outlook Web App"},"access_device":{"ip":"198.51.100.7:51234"},"eventtype":"auth_log","host":"api-0.duosecurity.com"}` + "\n"
)

// Exports of identity providers and gateways are read from the file to the terminal.
func TestScanOfClouds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "graph.json"), []byte(graphPage))
	write(t, filepath.Join(dir, "duo.log"), []byte(duoLine))
	var r struct {
		Lines struct{ Total, SignIn, MFA int64 }
		Usage []struct {
			User, Dataset, Protocol, Auth, Mechanism, Outcome string
			LegacyEXO                                         bool `json:"legacy_exo"`
			LegacyOnPrem                                      bool `json:"legacy_onprem"`
		}
		Notes []string
	}
	scan := func() {
		t.Helper()
		_, out, errs := outmode(t, "", "scan", "-o", "json", dir)
		r.Notes = nil
		if decode(t, out, &r); errs != "" {
			t.Error(errs)
		}
	}
	scan()
	if r.Lines.Total != 3 || r.Lines.SignIn != 2 || r.Lines.MFA != 1 || len(r.Usage) != 2 {
		t.Fatalf("%+v", r)
	}
	if u := r.Usage[0]; u.User != "anna.berg@contoso.com" || u.Dataset != "outmode.entra" || u.Protocol != "ews" || u.Auth != "basic" || u.Mechanism != "ropc" || !u.LegacyEXO || u.LegacyOnPrem {
		t.Errorf("%+v", u)
	}
	if notes := strings.Join(r.Notes, "\n"); strings.Contains(notes, "HttpProxy") {
		t.Error(notes)
	}
	write(t, filepath.Join(dir, "audit.json"), []byte(auditLine))
	scan()
	if notes := strings.Join(r.Notes, "\n"); r.Lines.SignIn != 3 || len(r.Usage) != 2 || strings.Contains(notes, "Exchange Online") {
		t.Errorf("%+v", r)
	}
	says(t, must(t, exitDone, "scan", dir), "3 sign-in lines = 2 counted + 1 told twice (by several logs of the cloud)")
	// Whether one without an id is told elsewhere too is not known.
	write(t, filepath.Join(dir, "audit2.json"), []byte(strings.NewReplacer("InterSystemsId", "x", "08:15:01", "08:17:01").Replace(auditLine)))
	scan()
	if notes := strings.Join(r.Notes, "\n"); len(r.Usage) != 3 || !strings.Contains(notes, "1 sign-in to Exchange Online without an id") {
		t.Errorf("%+v", r)
	}
}

// The store says of logs of the cloud what a scan of them does, by whatever columns and in whatever order they came.
func TestUsageOfCloudsIsThatOfAScan(t *testing.T) {
	t.Parallel()
	dir, data := t.TempDir(), filepath.Join(t.TempDir(), "data")
	again := strings.Replace(auditLine, `"InterSystemsId":"c1"`, `"InterSystemsId":"c9"`, 1)
	for name, content := range map[string]string{"audit.json": auditLine + strings.Replace(again, "8a1f2b3c", "9a1f2b3c", 1), "more.json": strings.NewReplacer("anna.berg", "ben", "8a1f2b3c", "aa1f2b3c", `"c9"`, `"c2"`).Replace(again),
		"nameless.json": strings.NewReplacer("InterSystemsId", "x", "8a1f2b3c", "ba1f2b3c").Replace(auditLine)} {
		write(t, filepath.Join(dir, name), []byte(content))
		must(t, exitDone, "scan", "--data", data, dir)
	}
	write(t, filepath.Join(dir, "graph.json"), []byte(graphPage))
	must(t, exitDone, "scan", "--data", data, dir)
	type said struct {
		SignIns  any
		Usage    []map[string]any
		Accounts any
		Findings []struct{ ID, State string }
		Notes    []string
	}
	var scanned, stored said
	decode(t, must(t, exitDone, "scan", "-o", "json", dir), &scanned)
	decode(t, must(t, exitDone, "usage", "--data", data, "-o", "json"), &stored)
	if !reflect.DeepEqual(scanned, stored) {
		t.Errorf("scan says\n%+v\nand usage\n%+v", scanned, stored)
	}
	if len(stored.Usage) != 3 || fmt.Sprint(stored.SignIns) != "map[counted:4 lines:6 told_twice:2 waiting:0]" {
		t.Errorf("%+v", stored)
	}
	for _, by := range []string{"hour,dataset", "day,user", "dataset,protocol"} {
		if g := groupedJSON(t, data, "--by", by); g.SignIns.Counted != 4 || g.SignIns.ToldTwice != 2 || sumBy(g.Usage, nil)[""] != 4 {
			t.Errorf("by %s: %+v", by, g)
		}
	}
	says(t, must(t, exitDone, "usage", "--data", data, "--by", "day"), "6 sign-in lines = 4 counted + 2 told twice (by several logs of the cloud)")
	must(t, exitDone, "store", "check", "--logs", "--data", data)
}

// explain tells what a line says of a second factor.
func TestExplainOfAGateway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "duo.log"), []byte(duoLine))
	_, out, _ := outmode(t, "", "explain", "-o", "ndjson", filepath.Join(dir, "duo.log"))
	var x struct {
		Verdict string
		MFA     map[string]string
	}
	decode(t, out, &x)
	want := map[string]string{"time": "2026-10-06T08:15:10Z", "user": "anna.berg", "application": "DIXXXXXXXXXXXXXXXXXX", "address": "198.51.100.7", "factor": "duo_push", "outcome": "passed",
		"reason": "user_approved", "gateway": "api-0.duosecurity.com", "transaction": "9f79ad67-e7f5-4f33-850c-75175d79253a"}
	for name, value := range want {
		if x.MFA[name] != value {
			t.Errorf("%s is %q, want %q", name, x.MFA[name], value)
		}
	}
	if x.Verdict != "mfa" || len(x.MFA) != len(want) {
		t.Errorf("%+v", x)
	}
}

// Monosign prints lines without a time. They tell of nobody's sign-in, and of how many people and paths all the same.
func TestScanOfLinesWithoutATime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := write(t, filepath.Join(dir, "log.txt"), []byte("[CONTOSO\\anna] By-username result is 0 \n[contoso\\anna] By-username result is 0 \n"+
		`[CONTOSO\bruno] Mfa result is Forbidden {"Message":"No permission","InternalMessage":"bruno is not assigned","Code":22,"Success":false}`+"\n[CONTOSO\\anna] White listed: /owa/service.svc?x\n"))
	const note = "4 lines of Monosign tell of a second factor and have no time: no sign-in can be joined with them. Let what collects the log write the time before each line (docs/mfa.md). They tell of: " +
		`1 bypassed, 1 user: contoso\anna, 1 path: /owa/service.svc, let through without a second factor; 1 denied, 1 user: contoso\bruno; 2 error, 1 user: contoso\anna, 1 reason: 0, its API could not be reached`
	var r struct {
		Lines map[string]int64
		Notes []string
	}
	decode(t, must(t, exitDone, "scan", "-o", "json", log), &r)
	if r.Lines["mfa"] != 4 || r.Lines["total"] != 4 || len(r.Notes) != 1 || r.Notes[0] != note {
		t.Errorf("%+v", r)
	}
	_, out, _ := outmode(t, "", "explain", "-o", "ndjson", "--line", "3", log)
	var x struct {
		Verdict string
		MFA     map[string]string
	}
	if decode(t, out, &x); x.Verdict != "mfa" || x.MFA["outcome"] != "denied" || x.MFA["user"] != `CONTOSO\bruno` || x.MFA["time"] != "" {
		t.Errorf("%+v", x)
	}
	data := filepath.Join(dir, "data")
	decode(t, must(t, exitDone, "scan", "--data", data, "-o", "json", log), &r)
	if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, "4 lines of Monosign tell of a second factor and have no time") || !strings.Contains(notes, "They tell of: 2 Monosign could not be asked; 1 a path that was let through without a second factor; 1 a second factor that was refused") {
		t.Error(notes)
	}
	var kept struct {
		Sources []struct{ Lines map[string]int64 }
	}
	decode(t, must(t, exitDone, "sources", "--data", data, "-o", "json"), &kept)
	if len(kept.Sources) != 1 || kept.Sources[0].Lines["mfa"] != 4 {
		t.Errorf("%+v", kept)
	}
	must(t, exitDone, "store", "check", "--logs", "--data", data)
}

// Graph v1.0 has no columns for a second factor: that is said, and no word is asked for that nobody wrote.
func TestMFAWithoutItsColumns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var thin, thick []string
	for minute := range 4 {
		r := strings.NewReplacer("08:15", fmt.Sprintf("08:1%d", minute), "anna.berg", fmt.Sprintf("user%d", minute), `"c1"`, fmt.Sprintf(`"c%d"`, minute), "6a1f2b3c", fmt.Sprintf("6a1f2b3%d", minute), "0b7c9d1e", fmt.Sprintf("0b7c9d1%d", minute), `"ropc"`, `"none"`, "Exchange Web Services", "Browser").Replace(spacedSignIn)
		thin, thick = append(thin, r), append(thick, strings.Replace(r, `"status"`, `"authenticationRequirement": "singleFactorAuthentication", "authenticationDetails": [], "status"`, 1))
	}
	for name, c := range map[string]struct {
		records []string
		cause   string
		says    bool
	}{"thin": {thin, "no_field", true}, "thick": {thick, "unknown_word", false}} {
		data := filepath.Join(dir, name)
		must(t, exitDone, "scan", "--data", data, write(t, filepath.Join(dir, name+".json"), []byte(strings.Join(c.records, "\n")+"\n")))
		text := must(t, exitDone, "mfa", "--data", data, "-o", "ndjson")
		if strings.Count(text, `"cause":"`+c.cause+`"`) != 4 || strings.Contains(text, "map the word") || strings.Contains(text, "authenticationRequirement") != c.says {
			t.Errorf("%s: %s", name, text)
		}
		var r struct{ Notes []string }
		decode(t, must(t, exitDone, "mfa", "--data", data, "-o", "json"), &r)
		const note = "4 of the 4 events of entra that say something of a logon have no authenticationRequirement and no authenticationDetails: "
		if strings.Contains(strings.Join(r.Notes, "\n"), note) != c.says {
			t.Errorf("%s: %q", name, r.Notes)
		}
	}
}
