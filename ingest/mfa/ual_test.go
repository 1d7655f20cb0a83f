package mfa_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/internal/signin"
)

// ualRecord is a record of the Management API. number is its ErrorNumber; "" for none.
func ualRecord(operation, number string, pairs ...string) string {
	if number != "" {
		number = `,"ErrorNumber":"` + number + `"`
	}
	return replaced(`{"CreationTime":"2026-10-06T08:00:00","Id":"`+someID+`","Operation":"`+operation+`","OrganizationId":"11111111-2222-3333-4444-555555555555","RecordType":15,"ResultStatus":"Success",`+
		`"UserKey":"0b7c9d1e-2f3a-4b5c-8d6e-7f8091a2b3c4","UserType":0,"Version":1,"Workload":"AzureActiveDirectory","ClientIP":"198.51.100.7:8085","ObjectId":"`+exchangeOnline+`","UserId":"anna@contoso.com",`+
		`"AzureActiveDirectoryEventType":1,"ExtendedProperties":[{"Name":"ResultStatusDetail","Value":"Success"},{"Name":"UserAgent","Value":"Mozilla\/5.0 (X11; Linux x86_64)"},{"Name":"UserAuthenticationMethod","Value":"1"},`+
		`{"Name":"RequestType","Value":"OAuth2:Authorize"}],"ModifiedProperties":[],"Actor":[{"ID":"anna@contoso.com","Type":5}],"ActorContextId":"11111111-2222-3333-4444-555555555555","ActorIpAddress":"",`+
		`"InterSystemsId":"`+flowID+`","IntraSystemId":"`+someID+`","SupportTicketId":"","Target":[{"ID":"`+exchangeOnline+`","Type":0}],"ApplicationId":"9199bf20-a13f-4107-85dc-02114787ef48",`+
		`"DeviceProperties":[{"Name":"SessionId","Value":"b3a9b2b4-0000-4000-8000-000000000001"}]`+number+`}`, pairs)
}

const ualHeader = "RecordType,CreationDate,UserIds,Operations,AuditData"

// ualRow is a row of Search-UnifiedAuditLog. Its AuditData may hold line ends.
func ualRow(operation, number string, pairs ...string) string {
	return `"AzureActiveDirectoryStsLogon","06.10.2026 10:00:00","anna@contoso.com","` + operation + `","` +
		strings.ReplaceAll(strings.Replace(ualRecord(operation, number, pairs...), `,"RecordType"`, ",\r\n\"RecordType\"", 1), `"`, `""`) + `"`
}

func TestUALShapes(t *testing.T) {
	t.Parallel()
	want := cloudFact{decoded: ingest.Facts, verdict: "other oauth success", time: "2026-10-06T08:00:00.000Z", account: "anna@contoso.com", address: "198.51.100.7", resource: exchangeOnline,
		authType: "OAuth2:Authorize", agent: "Mozilla/5.0 (X11; Linux x86_64)", id: flowID, user: "anna@contoso.com", application: exchangeOnline, outcome: "unknown", reason: "OAuth2:Authorize",
		from: "198.51.100.7", txn: someID}
	inString := `{"RecordType":15,"CreationDate":"\/Date(1)\/","UserIds":"x","Operations":"UserLoggedIn","AuditData":` + fmt.Sprintf("%q", ualRecord("UserLoggedIn", "0")) + `}`
	graph := `{"id":"` + flowID + `","createdDateTime":"2026-10-06T09:00:00Z","auditLogRecordType":"x","operation":"UserLoginFailed","auditData":` + ualRecord("UserLoggedIn", "0") + `}`
	for name, record := range map[string]string{"record": ualRecord("UserLoggedIn", "0"), "without a number": ualRecord("UserLoggedIn", ""), "a number that is one": ualRecord("UserLoggedIn", "0", `"ErrorNumber":"0"`, `"ErrorNumber":0`),
		"in a string": inString, "Graph": graph, "lower-case keys": ualRecord("UserLoggedIn", "0", "CreationTime", "creationtime", "Operation", "operation", "UserId", "userid")} {
		if x := decodeOne(t, record); x != want {
			t.Errorf("%s:\n%+v, want\n%+v", name, x, want)
		}
	}
	rows := decodeAll(t, decoderOf(t, &mfa.Options{}, ualHeader), "#TYPE Selected.System.Management.Automation.PSCustomObject", ualHeader, ualRow("UserLoggedIn", "0"))
	if rows[0].decoded != ingest.Directive || rows[1].decoded != ingest.Directive || rows[2] != want {
		t.Errorf("CSV: %+v", rows)
	}
}

// ResultStatus is Success on sign-ins that failed, and a sign-in that "logged in" may have been interrupted.
func TestTrapResultStatusIsNotTheResult(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ record, verdict, outcome, reason string }{
		"a second factor that was refused":  {ualRecord("UserLoginFailed", "500121"), "other oauth blocked", "denied", "500121"},
		"a wrong password, Success":         {ualRecord("UserLoginFailed", "50126"), "other oauth failure", "first_factor_failed", "50126"},
		"a wrong password, Failed":          {ualRecord("UserLoginFailed", "50126", `"ResultStatus":"Success"`, `"ResultStatus":"Failed"`), "other oauth failure", "first_factor_failed", "50126"},
		"a success, Failed":                 {ualRecord("UserLoggedIn", "0", `"ResultStatus":"Success"`, `"ResultStatus":"Failed"`), "other oauth success", "unknown", "OAuth2:Authorize"},
		"locked":                            {ualRecord("UserLoginFailed", "50053"), "other oauth failure", "first_factor_failed", "50053"},
		"must enrol":                        {ualRecord("UserLoginFailed", "50072"), "other oauth blocked", "first_factor_ok", "50072"},
		"UserLoggedIn with 50140":           {ualRecord("UserLoggedIn", "50140"), "mfa", "info", "50140"},
		"consent":                           {ualRecord("UserLoginFailed", "65001"), "mfa", "info", "65001"},
		"an unknown number":                 {ualRecord("UserLoginFailed", "900941"), "mfa", "unknown", "900941"},
		"UserLoggedIn, an unknown number":   {ualRecord("UserLoggedIn", "900941"), "mfa", "unknown", "900941"},
		"a name instead of a number":        {ualRecord("UserLoginFailed", "", `"Version":1`, `"LogonError":"InvalidUserNameOrPassword"`), "other oauth failure", "first_factor_failed", "50126"},
		"a name beside 0":                   {ualRecord("UserLoginFailed", "0", `"Version":1`, `"LogonError":"AuthenticationFailedSasError"`), "other oauth blocked", "denied", "500121"},
		"a name on a success":               {ualRecord("UserLoggedIn", "", `"Version":1`, `"LogonError":"KmsiInterrupt"`), "mfa", "info", "50140"},
		"an unknown name":                   {ualRecord("UserLoginFailed", "", `"Version":1`, `"LogonError":"FullMoon"`), "mfa", "unknown", "FullMoon"},
		"an unknown name on a success":      {ualRecord("UserLoggedIn", "0", `"Version":1`, `"LogonError":"FullMoon"`), "mfa", "unknown", "FullMoon"},
		"failed, and nothing says why":      {ualRecord("UserLoginFailed", "0"), "mfa", "unknown", ""},
		"failed, and no number":             {ualRecord("UserLoginFailed", "", `"ObjectId":"`+exchangeOnline+`"`, `"ObjectId":""`), "mfa", "unknown", ""},
		"a number beyond all":               {ualRecord("UserLoginFailed", "4294967296"), "mfa", "unknown", ""},
		"operations in another case":        {ualRecord("USERLOGINFAILED", "50126"), "other oauth failure", "first_factor_failed", "50126"},
		"a second factor of the web is not": {ualRecord("UserLoggedIn", "0", "OAuth2:Authorize", "SAS:ProcessAuth"), "other unknown success", "unknown", "SAS:ProcessAuth"},
	} {
		if x := decodeOne(t, c.record); x.decoded != ingest.Facts || x.verdict != c.verdict || x.outcome != c.outcome || x.reason != c.reason {
			t.Errorf("%s: %+v, want %s, %s, %s", name, x, c.verdict, c.outcome, c.reason)
		}
	}
}

// How, from where and to what.
func TestUALFields(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		record, verdict, field, want string
		of                           func(cloudFact) string
	}{
		"the bridge of basic":            {record: ualRecord("UserLoggedIn", "0", `Mozilla\/5.0 (X11; Linux x86_64)`, "BAV2ROPC", "OAuth2:Authorize", "OAuth2:Token"), verdict: "other basic success", want: "BAV2ROPC", of: func(x cloudFact) string { return x.agent }},
		"WS-Trust":                       {record: ualRecord("UserLoginFailed", "50126", "OAuth2:Authorize", "OrgIdWsTrust2:process"), verdict: "other basic failure", want: "OrgIdWsTrust2:process", of: func(x cloudFact) string { return x.authType }},
		"another resource":               {record: ualRecord("UserLoggedIn", "0", exchangeOnline, "00000003-0000-0ff1-ce00-000000000000"), verdict: "mfa", want: "00000003-0000-0ff1-ce00-000000000000", of: func(x cloudFact) string { return x.resource }},
		"the resource in Target":         {record: ualRecord("UserLoggedIn", "0", `"ObjectId":"`+exchangeOnline+`"`, `"ObjectId":"Unknown"`), verdict: "other oauth success", want: exchangeOnline, of: func(x cloudFact) string { return x.resource }},
		"the client alone":               {record: ualRecord("UserLoginFailed", "50126", `"ObjectId":"`+exchangeOnline+`"`, `"ObjectId":"Not Available"`, `"Target":[{"ID":"`+exchangeOnline+`","Type":0}]`, `"Target":[]`, "9199bf20-a13f-4107-85dc-02114787ef48", exchangeOnline), verdict: "other oauth failure", want: exchangeOnline, of: func(x cloudFact) string { return x.resource }},
		"a client that is published":     {record: ualRecord("UserLoggedIn", "0", exchangeOnline, "00000002-0000-0000-c000-000000000000"), verdict: "mfa", want: "9199bf20-a13f-4107-85dc-02114787ef48", of: func(x cloudFact) string { return x.resource }},
		"the actor's address":            {record: ualRecord("UserLoggedIn", "0", `"ClientIP":"198.51.100.7:8085"`, `"ClientIP":"<null>"`, `"ActorIpAddress":""`, `"ActorIpAddress":"[2001:db8::5]:443"`), verdict: "other oauth success", want: "2001:db8::5", of: func(x cloudFact) string { return x.address }},
		"no correlation":                 {record: ualRecord("UserLoggedIn", "0", flowID, "00000000-0000-0000-0000-000000000000"), verdict: "other oauth success", want: someID, of: func(x cloudFact) string { return x.id }},
		"properties in a string":         {record: ualRecord("UserLoggedIn", "0", `[{"Name":"ResultStatusDetail","Value":"Success"},{"Name":"UserAgent","Value":"Mozilla\/5.0 (X11; Linux x86_64)"},{"Name":"UserAuthenticationMethod","Value":"1"},{"Name":"RequestType","Value":"OAuth2:Authorize"}]`, `"[{\"Name\":\"UserAgent\",\"Value\":\"CBAInPROD\"},1]"`), verdict: "other basic success", want: "CBAInPROD", of: func(x cloudFact) string { return x.agent }},
		"agents of the record before go": {record: ualRecord("UserLoggedIn", "0", `"ExtendedProperties"`, `"Else"`), verdict: "other unknown success", want: "", of: func(x cloudFact) string { return x.agent + x.authType + x.reason }},
	} {
		if x := decodeOne(t, c.record); x.verdict != c.verdict || c.of(x) != c.want {
			t.Errorf("%s: %+v, want %s with %q", name, x, c.verdict, c.want)
		}
	}
	for _, user := range []string{"", "Not Available", "Unknown"} {
		if x := decodeOne(t, ualRecord("UserLoginFailed", "50126", `"UserId":"anna@contoso.com"`, `"UserId":"`+user+`"`)); x.verdict != "other" || x.outcome != "" || !strings.Contains(x.note, "no user") {
			t.Errorf("%q: %+v", user, x)
		}
	}
}

// What weakens the second factor is an event: of whom it is about, else of who did it (M-30).
func TestUALDirectory(t *testing.T) {
	t.Parallel()
	about := func(operation, object string) string {
		return ualRecord(operation, "", `"RecordType":15`, `"RecordType":8`, exchangeOnline, object, `"UserId":"anna@contoso.com"`, `"UserId":"admin@contoso.com"`)
	}
	const strong = `"ModifiedProperties":[{"Name":"StrongAuthenticationRequirement","NewValue":"[]","OldValue":"[x]"}]`
	for name, c := range map[string]struct{ record, outcome, user, application, reason string }{
		"switched off":                  {about("Disable Strong Authentication.", "bert@contoso.com"), "config", "bert@contoso.com", "", "Disable Strong Authentication"},
		"methods deleted":               {about("User deleted security info", "bert@contoso.com"), "config", "bert@contoso.com", "", "User deleted security info"},
		"a policy changed":              {about("Update conditional access policy", "MFA for everybody"), "config", "admin@contoso.com", "MFA for everybody", "Update conditional access policy"},
		"a policy deleted":              {about("Delete conditional access policy.", "Not Available"), "config", "admin@contoso.com", "", "Delete conditional access policy"},
		"a policy added":                {about("Add conditional access policy", "MFA for few"), "config", "admin@contoso.com", "MFA for few", "Add conditional access policy"},
		"a trusted network":             {about("Update named location", "Head office"), "config", "admin@contoso.com", "Head office", "Update named location"},
		"a domain federated":            {about("Set domain authentication.", "fabrikam.com"), "config", "admin@contoso.com", "fabrikam.com", "Set domain authentication"},
		"enrolled":                      {about("User registered security info", "bert@contoso.com"), "enrolled", "bert@contoso.com", "", "User registered security info"},
		"fraud":                         {about("Fraud reported - user is blocked for MFA", "bert@contoso.com"), "fraud", "bert@contoso.com", "", "Fraud reported - user is blocked for MFA"},
		"a user's strong factor":        {replaced(about("Update user.", "bert@contoso.com"), []string{`"ModifiedProperties":[]`, strong}), "config", "bert@contoso.com", "", "Update user"},
		"a user's title":                {replaced(about("Update user.", "bert@contoso.com"), []string{`"ModifiedProperties":[]`, `"ModifiedProperties":[{"Name":"JobTitle","NewValue":"StrongAuthentication"}]`}), "", "", "", ""},
		"a user":                        {about("Update user.", "bert@contoso.com"), "", "", "", ""},
		"a group, by a strong property": {replaced(about("Update group.", "bert@contoso.com"), []string{`"ModifiedProperties":[]`, strong}), "", "", "", ""},
		"mail":                          {about("MailItemsAccessed", "bert@contoso.com"), "", "", "", ""},
		"a token of a forest":           {about("ForeignRealmIndexLogonInitialAuthUsingADFSFederatedToken", "x"), "", "", "", ""},
	} {
		x := decodeOne(t, c.record)
		want := "mfa"
		if c.outcome == "" {
			want = "other"
		}
		if x.decoded != ingest.Facts || x.verdict != want || x.outcome != c.outcome || x.user != c.user || x.application != c.application || x.reason != c.reason || x.resource != "" {
			t.Errorf("%s: %+v", name, x)
		}
		if want == "other" && !strings.Contains(x.note, "neither a sign-in nor") {
			t.Errorf("%s: note %q", name, x.note)
		}
	}
	o := &mfa.Options{Outcomes: func(k signin.Kind, word string) (signin.FactorOutcome, bool) {
		return signin.FactorConfig, k == signin.UAL && word == "add member to role"
	}}
	if x := decodeAll(t, decoderOf(t, o, ualHeader), ualHeader, ualRow("Add member to role.", ""))[1]; x.outcome != "config" {
		t.Errorf("an operation of the operator's: %+v", x)
	}
}

func TestUALMalformed(t *testing.T) {
	t.Parallel()
	d := decoderOf(t, &mfa.Options{}, ualRecord("UserLoggedIn", ""))
	for record, note := range map[string]string{
		"text": "not a JSON object", ualRecord("UserLoggedIn", "")[:300]: "ends too early", `{"CreationTime":"2026-10-06T08:00:00"}`: "no Operation", `{"Operation":"."}`: "no Operation",
		`{"Operation":"UserLoggedIn"}`: "no CreationTime", `{"Operation":"UserLoggedIn","CreationTime":"soon"}`: "cannot be read", `{"AuditData":"x"}`: "AuditData", `{"AuditData":[]}`: "AuditData",
	} {
		if x := decodeAll(t, d, record)[0]; x.decoded != ingest.Malformed || !strings.Contains(x.note, note) {
			t.Errorf("%.60s: %+v, want a note with %q", record, x, note)
		}
	}
	if x := decodeAll(t, d, "\r\n")[0]; x.decoded != ingest.Blank {
		t.Errorf("blank: %+v", x)
	}
	rows := decodeAll(t, decoderOf(t, &mfa.Options{}, ualHeader), ualHeader, `1,2,3,4,`, `1,2,3,4,{`, `1,2,3`, `1,2,3,4,5,6`, `1,2,3,4,"{`, `1,2,3,4,"{}"x`)
	for i, note := range []string{"AuditData", "AuditData", "fewer", "more", "quotes", "quotes"} {
		if x := rows[i+1]; x.decoded != ingest.Malformed || !strings.Contains(x.note, note) {
			t.Errorf("row %d: %+v, want a note with %q", i, x, note)
		}
	}
}

// The names of errors stand for the codes that Entra and the Unified Audit Log share, and mean the same there.
func TestCloudCodes(t *testing.T) {
	t.Parallel()
	names := map[string]string{"50126": "InvalidUserNameOrPassword", "50034": "UserAccountNotFound", "50053": "IdsLocked", "50055": "InvalidPasswordExpiredPassword", "50057": "UserDisabled",
		"50072": "UserStrongAuthEnrollmentRequiredInterrupt", "50074": "UserStrongAuthClientAuthNRequiredInterrupt", "50076": "UserStrongAuthClientAuthNRequired", "50078": "UserStrongAuthExpired",
		"50079": "UserStrongAuthEnrollmentRequired", "500121": "AuthenticationFailedSasError", "50158": "ExternalSecurityChallenge", "50097": "DeviceAuthenticationRequired", "50140": "KmsiInterrupt",
		"53003": "BlockedByConditionalAccess"}
	for want, codes := range map[string]string{
		"first_factor_failed": "50034 50053 50056 50064 50126",
		"first_factor_ok":     "50072 50074 50076 50078 50079 50158",
		"denied":              "500121",
		"info":                "50058 50089 50097 50132 50133 50140 50155 50161 50173 50199 70043 70044 16000 65001",
		"unknown":             "50055 50057 50088 50105 50131 50144 53000 53001 53002 53003 53004 7000112 7000113 7000215 1",
	} {
		for code := range strings.FieldsSeq(codes) {
			records := []string{entraRecord(entraSteps, "[]", `"errorCode":0`, `"errorCode":`+code), ualRecord("UserLoginFailed", code), ualRecord("UserLoggedIn", code)}
			if name := names[code]; name != "" {
				records = append(records, ualRecord("UserLoginFailed", "", `"Version":1`, `"LogonError":"`+name+`"`))
			}
			for _, record := range records {
				if x := decodeOne(t, record); x.outcome != want || x.reason != code || x.verdict == "other" || strings.HasSuffix(x.verdict, "success") {
					t.Errorf("%s: %s, %s because of %s, want %s", code, x.verdict, x.outcome, x.reason, want)
				}
			}
		}
	}
}
