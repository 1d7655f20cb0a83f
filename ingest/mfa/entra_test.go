package mfa_test

import (
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/internal/signin"
)

// replaced puts new texts for old ones, in pairs.
func replaced(record string, pairs []string) string {
	for i := 0; i+1 < len(pairs); i += 2 {
		if !strings.Contains(record, pairs[i]) {
			panic("the record has no " + pairs[i])
		}
		record = strings.Replace(record, pairs[i], pairs[i+1], 1)
	}
	return record
}

// entraSteps are a password that was right and a notification that was approved.
const entraSteps = `[{"authenticationStepDateTime":"2026-10-06T08:00:00Z","authenticationMethod":"Password","authenticationMethodDetail":"Password in the cloud","succeeded":true,` +
	`"authenticationStepResultDetail":"Correct password","authenticationStepRequirement":"Primary authentication","StatusSequence":0,"RequestSequence":1},` +
	`{"authenticationStepDateTime":"2026-10-06T08:00:09Z","authenticationMethod":"Mobile app notification","authenticationMethodDetail":"","succeeded":true,` +
	`"authenticationStepResultDetail":"MFA completed in Azure AD","authenticationStepRequirement":"Multifactor authentication"}]`

// entraRecord is a record of the diagnostic settings, of a browser.
func entraRecord(pairs ...string) string {
	return replaced(`{"time":"2026-10-06T08:14:09.1234567Z","resourceId":"/tenants/11111111-2222-3333-4444-555555555555/providers/Microsoft.aadiam","operationName":"Sign-in activity",`+
		`"operationVersion":"1.0","category":"SignInLogs","tenantId":"11111111-2222-3333-4444-555555555555","resultType":"0","resultSignature":"None","durationMs":0,`+
		`"callerIpAddress":"198.51.100.7","correlationId":"`+flowID+`","identity":"Anna Berg","Level":4,"location":"CH","properties":{"id":"`+someID+`",`+
		`"createdDateTime":"2026-10-06T08:00:00.1234567+00:00","userDisplayName":"Anna Berg","userPrincipalName":"anna@contoso.com","userId":"0b7c9d1e-2f3a-4b5c-8d6e-7f8091a2b3c4",`+
		`"appId":"9199bf20-a13f-4107-85dc-02114787ef48","appDisplayName":"One Outlook Web","ipAddress":"198.51.100.7","status":{"errorCode":0,"failureReason":"Other.","additionalDetails":""},`+
		`"clientAppUsed":"Browser","userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0.0.0","deviceDetail":{"deviceId":"","operatingSystem":"Windows10","browser":"Chrome 140.0.0"},`+
		`"location":{"city":"Bern","state":"Bern","countryOrRegion":"CH","geoCoordinates":{"latitude":46.9,"longitude":7.4}},"mfaDetail":{},"correlationId":"`+flowID+`",`+
		`"conditionalAccessStatus":"success","appliedConditionalAccessPolicies":[{"id":"77777777-8888-9999-aaaa-bbbbbbbbbbbb","displayName":"MFA for everybody","enforcedGrantControls":["Mfa"],"enforcedSessionControls":[],"result":"success","conditionsSatisfied":23,"conditionsNotSatisfied":0},`+
		`{"id":"77777777-8888-9999-aaaa-cccccccccccc","displayName":"Block legacy authentication","enforcedGrantControls":["Block"],"enforcedSessionControls":[],"result":"notApplied","conditionsSatisfied":1,"conditionsNotSatisfied":16}],`+
		`"authenticationContextClassReferences":[],"originalRequestId":"`+someID+`","isInteractive":true,"tokenIssuerName":"","tokenIssuerType":"AzureAD","authenticationProcessingDetails":[],"networkLocationDetails":[],`+
		`"processingTimeInMilliseconds":312,"riskDetail":"none","riskLevelAggregated":"none","riskState":"none","riskEventTypes":[],"riskEventTypes_v2":[],"resourceDisplayName":"Office 365 Exchange Online","resourceId":"`+exchangeOnline+`",`+
		`"resourceTenantId":"11111111-2222-3333-4444-555555555555","homeTenantId":"11111111-2222-3333-4444-555555555555","authenticationDetails":`+entraSteps+`,"authenticationRequirementPolicies":[{"requirementProvider":"multiConditionalAccess","detail":"Conditional Access"}],`+
		`"authenticationRequirement":"multiFactorAuthentication","alternateSignInName":"","signInIdentifier":"","servicePrincipalId":"","userType":"Member","crossTenantAccessType":"none","privateLinkDetails":{},"uniqueTokenIdentifier":"AAAAAAAAAAAAAAAAAAAAAA",`+
		`"incomingTokenType":"none","authenticationProtocol":"oAuth2","signInTokenProtectionStatus":"none","flaggedForReview":false,"autonomousSystemNumber":64500}}`, pairs)
}

// entraGraph is an element of the answer of Graph v1.0: it has no field of a second factor but additionalDetails.
func entraGraph(pairs ...string) string {
	return replaced(`{"id":"`+someID+`","createdDateTime":"2026-10-06T08:00:00Z","userDisplayName":"Anna Berg","userPrincipalName":"Anna@contoso.com","userId":"0b7c9d1e-2f3a-4b5c-8d6e-7f8091a2b3c4",`+
		`"appId":"9199bf20-a13f-4107-85dc-02114787ef48","appDisplayName":"One Outlook Web","ipAddress":"2001:db8::17","clientAppUsed":"Browser","correlationId":"`+flowID+`","conditionalAccessStatus":"success",`+
		`"isInteractive":true,"riskDetail":"none","resourceDisplayName":"Office 365 Exchange Online","resourceId":"`+exchangeOnline+`","status":{"errorCode":0,"failureReason":"Other.","additionalDetails":null},`+
		`"deviceDetail":{"deviceId":""},"location":{"city":"Bern"},"appliedConditionalAccessPolicies":[]}`, pairs)
}

// entraTable is a row of Log Analytics: capitals, and JSON in strings.
func entraTable(pairs ...string) string {
	return replaced(`{"TenantId":"66666666-2222-3333-4444-555555555555","SourceSystem":"Azure AD","TimeGenerated":"2026-10-06T08:13:00.5Z","ResourceId":"/tenants/11111111-2222-3333-4444-555555555555/providers/Microsoft.aadiam",`+
		`"OperationName":"Sign-in activity","Category":"NonInteractiveUserSignInLogs","ResultType":"0","CorrelationId":"`+flowID+`","Identity":"Bruno Keller","Level":"4","Location":"CH",`+
		`"AppDisplayName":"Outlook Mobile","AppId":"27922004-5251-4030-b22d-91ecd9a37ea4","AuthenticationDetails":"[{\"authenticationMethod\":\"Previously satisfied\",\"succeeded\":true,\"authenticationStepResultDetail\":\"MFA requirement satisfied by claim in the token\",\"authenticationStepRequirement\":\"\"}]",`+
		`"AuthenticationProtocol":"none","AuthenticationRequirement":"singleFactorAuthentication","ClientAppUsed":"Mobile Apps and Desktop clients","CreatedDateTime":"2026-10-06T08:00:00.25Z","DeviceDetail":"{}","Id":"`+someID+`","IPAddress":"203.0.113.9","MfaDetail":"",`+
		`"ResourceDisplayName":"Office 365 Exchange Online","ResourceIdentity":"`+exchangeOnline+`","Status":"{\"errorCode\":0}","UserAgent":"Outlook-iOS/2.0","UserId":"1b7c9d1e-2f3a-4b5c-8d6e-7f8091a2b3c4","UserPrincipalName":"bruno@contoso.com","Type":"AADNonInteractiveUserSignInLogs"}`, pairs)
}

const portalHeader = "Date (UTC),Request ID,User agent,Correlation ID,User ID,User,Username,User type,Cross tenant access type,Incoming token type,Authentication Protocol," +
	"Application,Application ID ,Resource,Resource ID ,IP address,Location,Status,Sign-in error code,Failure reason,Client app,Multifactor authentication result," +
	"Multifactor authentication auth method,Authentication requirement,Sign-in identifier,Incoming token type,Conditional Access"

// portalRow is a row of the portal's CSV. Its agent may hold what it likes.
func portalRow(user, agent string, pairs ...string) string {
	return replaced(`2026-10-06T08:00:00Z,`+someID+`,"Mozilla/5.0, `+agent+`",`+flowID+`,0b7c9d1e-2f3a-4b5c-8d6e-7f8091a2b3c4,"Berg, Anna",`+user+`@contoso.com,Member,none,none,oAuth2,`+
		`One Outlook Web,9199bf20-a13f-4107-85dc-02114787ef48,Office 365 Exchange Online,`+exchangeOnline+`,198.51.100.7,"Bern, Bern, CH",Success,,Other.,Browser,MFA completed in Azure AD,`+
		`Mobile app notification,Multifactor authentication,,none,Success`, pairs)
}

const (
	tableHeader = `"TimeGenerated [UTC]","CreatedDateTime [UTC]",UserPrincipalName,AppDisplayName,ResourceId,ResourceIdentity,ResourceDisplayName,IPAddress,ClientAppUsed,ResultType,Status,AuthenticationDetails,Id,CorrelationId`
	tableRow    = `"10/6/2026, 8:13:00.500 AM","10/6/2026, 8:00:00.250 AM",bruno@contoso.com,Outlook Mobile,/tenants/0/providers/Microsoft.aadiam,` + exchangeOnline + `,Office 365 Exchange Online,203.0.113.9,Exchange ActiveSync,0,"{""errorCode"":0}",` +
		`"[{""authenticationMethod"":""Password"",""succeeded"":true,""authenticationStepRequirement"":""Primary authentication""}]",` + someID + `,` + flowID
)

// The shapes of one record: mfa-sources 4.1.
func TestEntraShapes(t *testing.T) {
	t.Parallel()
	full := decodeOne(t, entraRecord())
	want := cloudFact{decoded: ingest.Facts, verdict: "browser oauth success", time: "2026-10-06T08:00:00.123Z", account: "anna@contoso.com", address: "198.51.100.7", resource: exchangeOnline,
		label: "Browser", authType: "oAuth2", agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0.0.0", id: flowID, user: "anna@contoso.com", application: "Office 365 Exchange Online",
		factor: "mobile_app_notification", outcome: "passed", reason: "MFA completed in Azure AD", from: "198.51.100.7", txn: someID}
	if full != want {
		t.Errorf("diagnostic settings:\n%+v, want\n%+v", full, want)
	}
	inString := entraRecord()
	from := strings.Index(inString, `"properties":`) + len(`"properties":`)
	inString = inString[:from] + `"` + strings.ReplaceAll(inString[from:len(inString)-1], `"`, `\"`) + `"}`
	lower := entraRecord("resourceId", "resourceid", "correlationId", "correlationid", "resultType", "resulttype", "callerIpAddress", "calleripaddress", "Level", "level", "operationName", "operationname")
	for name, record := range map[string]string{"properties in a string": inString, "lower-case envelope": lower,
		"properties first": `{` + entraRecord()[from-len(`"properties":`):len(entraRecord())-1] + `,` + entraRecord()[1:from-len(`,"properties":`)] + `}`} {
		if x := decodeAll(t, decoderOf(t, &mfa.Options{}, entraRecord()), record)[0]; x != want {
			t.Errorf("%s:\n%+v, want\n%+v", name, x, want)
		}
	}
	if x := decodeOne(t, entraTable()); x.verdict != "app unknown success" || x.resource != exchangeOnline || x.time != "2026-10-06T08:00:00.250Z" || x.outcome != "remembered" ||
		x.factor != "previously_satisfied" || x.id != flowID || x.txn != someID || x.address != "203.0.113.9" || x.account != "bruno@contoso.com" {
		t.Errorf("Log Analytics: %+v", x)
	}
	rows := decodeAll(t, decoderOf(t, &mfa.Options{}, portalHeader), portalHeader, portalRow("anna", `a ""b""`), portalRow("anna", "\r\nb", "Success,,Other.", "Interrupted,50074,"))
	if x := rows[1]; x.verdict != "browser oauth success" || x.agent != `Mozilla/5.0, a "b"` || x.outcome != "passed" || x.factor != "mobile_app_notification" || x.time != "2026-10-06T08:00:00.000Z" || x.txn != someID {
		t.Errorf("portal CSV: %+v", x)
	}
	if x := rows[2]; x.verdict != "browser oauth blocked" || x.code != 50074 || x.agent != "Mozilla/5.0, \r\nb" || x.outcome != "first_factor_ok" || x.reason != "50074" {
		t.Errorf("portal CSV, interrupted: %+v", x)
	}
	table := decodeAll(t, decoderOf(t, &mfa.Options{}, tableHeader), tableHeader, tableRow)[1]
	if table.verdict != "activesync unknown success" || table.time != "2026-10-06T08:00:00.250Z" || table.outcome != "first_factor_ok" || table.resource != exchangeOnline || table.reason != "Password" {
		t.Errorf("CSV of Log Analytics: %+v", table)
	}
}

// The envelope's time is minutes late: it is never taken for the event's (mfa-sources 0.4).
func TestTrapEnvelopeTimeIsExportTime(t *testing.T) {
	t.Parallel()
	d := decoderOf(t, &mfa.Options{}, entraRecord())
	for _, record := range []string{entraRecord(`"createdDateTime":"2026-10-06T08:00:00.1234567+00:00",`, ""), entraTable(`"CreatedDateTime":"2026-10-06T08:00:00.25Z",`, "")} {
		if x := decodeAll(t, d, record)[0]; x.decoded != ingest.Malformed || !strings.Contains(x.note, "exported") {
			t.Errorf("%+v", x)
		}
	}
}

// A missing field is not single factor (mfa-sources 0.3): Graph v1.0 has none.
func TestTrapV1HasNoMFAFields(t *testing.T) {
	t.Parallel()
	if x := decodeOne(t, entraGraph()); x.outcome != "unknown" || x.verdict != "browser unknown success" || x.reason != signin.NoFactorField || x.factor != "" || x.account != "Anna@contoso.com" {
		t.Errorf("%+v", x)
	}
	x := decodeOne(t, entraGraph(`"additionalDetails":null`, `"additionalDetails":"MFA requirement satisfied by claim in the token"`))
	if x.outcome != "remembered" || x.reason != "MFA requirement satisfied by claim in the token" {
		t.Errorf("the only hint of v1.0: %+v", x)
	}
	// A field that is there and says nothing is another matter.
	for _, record := range []string{entraRecord(entraSteps, "[]"), entraGraph(`"isInteractive":true`, `"isInteractive":true,"authenticationRequirement":""`), entraGraph(`"isInteractive":true`, `"isInteractive":true,"authenticationDetails":[]`)} {
		if x := decodeOne(t, record); x.outcome != "unknown" || x.reason != "" {
			t.Errorf("it has the field: %+v", x)
		}
	}
	if x := decodeOne(t, entraGraph(`"errorCode":0`, `"errorCode":7999999`)); x.outcome != "unknown" || x.reason != "7999999" {
		t.Errorf("its code is a word: %+v", x)
	}
	// failureReason is "Other." on success, and whatever it says is not looked at.
	if x := decodeOne(t, entraGraph(`"failureReason":"Other."`, `"failureReason":"MFA completed in Azure AD"`)); x.outcome != "unknown" {
		t.Errorf("failureReason: %+v", x)
	}
}

// The steps of a sign-in: what became of the second factor.
func TestEntraSteps(t *testing.T) {
	t.Parallel()
	const first = `{"authenticationMethod":"Password","succeeded":true,"authenticationStepResultDetail":"Correct password","authenticationStepRequirement":"Primary authentication"}`
	step := func(method, result, requirement, succeeded string) string {
		return `{"authenticationMethod":"` + method + `","succeeded":` + succeeded + `,"authenticationStepResultDetail":"` + result + `","authenticationStepRequirement":"` + requirement + `"}`
	}
	const multi = "Multi-factor authentication"
	for name, c := range map[string]struct{ steps, code, details, want string }{
		"a password alone":                      {first, "0", "", "first_factor_ok||Correct password"},
		"a password hash, no result":            {step("Password", "", "Primary authentication", "true"), "0", "", "first_factor_ok||Password"},
		"none":                                  {"", "0", "", "unknown||"},
		"completed":                             {first + "," + step("Text message", "MFA completed in Azure AD", multi, "true"), "0", "", "passed|text_message|MFA completed in Azure AD"},
		"completed, in new words, no sentence":  {first + "," + step("Text message", "", multi, "true"), "0", "", "passed|text_message|Text message"},
		"completed, but not succeeded":          {first + "," + step("Text message", "MFA completed in Azure AD", multi, "false"), "0", "", "unknown|text_message|MFA completed in Azure AD"},
		"an unknown result is no pass":          {first + "," + step("Text message", "MFA waived by moonlight", multi, "true"), "0", "", "unknown|text_message|MFA waived by moonlight"},
		"succeeded in a string":                 {first + "," + step("Voice", "", multi, `"True"`), "0", "", "passed|voice|Voice"},
		"required, not given":                   {first + "," + step("Text message", "MFA required in Azure AD", multi, "false"), "50074", "", "first_factor_ok|text_message|50074"},
		"by claim":                              {step("Previously satisfied", "MFA requirement satisfied by claim in the token", "Primary authentication", "true"), "0", "", "remembered|previously_satisfied|MFA requirement satisfied by claim in the token"},
		"first factor by claim is no second":    {step("Previously satisfied", "First factor requirement satisfied by claim in the token", "Primary authentication", "true"), "0", "", "unknown||First factor requirement satisfied by claim in the token"},
		"a password by claim is no second":      {step("Password", "First factor requirement satisfied by claim in the token", "Primary authentication", "true"), "0", "", "unknown||First factor requirement satisfied by claim in the token"},
		"a first factor by claim, then one":     {step("Previously satisfied", "First factor requirement satisfied by claim in the token", "Primary authentication", "true") + "," + step("Voice", "MFA completed in Azure AD", multi, "true"), "0", "", "passed|voice|MFA completed in Azure AD"},
		"a first factor by claim, one due":      {step("Previously satisfied", "First factor requirement satisfied by claim in the token", "Primary authentication", "true"), "50076", "", "first_factor_ok||50076"},
		"both by claim":                         {step("Previously satisfied", "First factor requirement satisfied by claim in the token", "Primary authentication", "true"), "0", "MFA requirement satisfied by claim in the token", "remembered||MFA requirement satisfied by claim in the token"},
		"by an external provider's claim":       {first, "0", "MFA requirement satisfied by claim provided by external provider", "remembered||MFA requirement satisfied by claim provided by external provider"},
		"a trusted place":                       {first + "," + step("", "MFA requirement skipped due to location", "", "true"), "0", "", "bypassed||MFA requirement skipped due to location"},
		"an app password":                       {step("Password", "MFA requirement skipped due to app password", "", "true"), "0", "", "bypassed|password|MFA requirement skipped due to app password"},
		"a remembered device":                   {first, "0", "MFA requirement skipped due to remembered device", "remembered||MFA requirement skipped due to remembered device"},
		"skipped registration":                  {"", "0", "User skipped multifactor registration", "first_factor_ok||User skipped multifactor registration"},
		"declined, then approved":               {first + "," + step("Mobile app notification", "MFA denied; user declined the authentication", multi, "false") + "," + step("Text message", "MFA completed in Azure AD", multi, "true"), "0", "", "passed|text_message|MFA completed in Azure AD"},
		"declined":                              {first + "," + step("Mobile app notification", "MFA denied; user declined the authentication", multi, "false"), "500121", "", "denied|mobile_app_notification|500121"},
		"declined, and an interrupt's code":     {first + "," + step("Mobile app notification", "MFA denied; user is asleep", multi, "false"), "50074", "", "denied|mobile_app_notification|MFA denied; user is asleep"},
		"reported as fraud":                     {first + "," + step("Mobile app notification", "MFA Denied; Phone App Reported Fraud", multi, "false"), "500121", "", "fraud|mobile_app_notification|MFA Denied; Phone App Reported Fraud"},
		"fraud in the sentence":                 {"", "500121", "MFA denied; Fraud Code Entered", "fraud||MFA denied; Fraud Code Entered"},
		"a key is two factors":                  {step("FIDO2 security key", "", "Primary authentication", "true"), "0", "", "passed||FIDO2 security key"},
		"Windows Hello":                         {step("Windows Hello for Business", "", "Primary authentication", "true"), "0", "", "passed||Windows Hello for Business"},
		"a certificate may be one":              {step("X.509 Certificate", "", "Primary authentication", "true"), "0", "", "unknown||X.509 Certificate"},
		"a pass of an administrator":            {step("Temporary Access Pass", "", "Primary authentication", "true"), "0", "", "helpdesk_code||Temporary Access Pass"},
		"stay signed in?":                       {first, "50140", "", "info||50140"},
		"wrong password":                        {step("Password", "Invalid username or password", "Primary authentication", "false"), "50126", "", "first_factor_failed||50126"},
		"a wrong password, then the right one":  {step("Password", "Invalid username or password", "Primary authentication", "false") + "," + first, "0", "", "first_factor_ok||Correct password"},
		"blocked by a policy":                   {first, "53003", "", "first_factor_ok||53003"},
		"blocked by a policy, after the factor": {first + "," + step("Voice", "MFA completed in Azure AD", multi, "true"), "53003", "", "passed|voice|MFA completed in Azure AD"},
		"blocked by a policy, no steps":         {"", "53003", "", "unknown||53003"},
		"an unknown code":                       {"", "7999999", "", "unknown||7999999"},
		"an external control":                   {first, "50158", "", "first_factor_ok||50158"},
		"a step that is no object":              {`1,"x",` + first, "0", "", "first_factor_ok||Correct password"},
		"an escaped method":                     {first + "," + step(`T\u0065xt message`, `MFA completed in \u0041zure AD`, multi, "true") + "," + step(`V\u006fice`, "", "", "false"), "0", "", "passed|text_message|MFA completed in Azure AD"},
	} {
		x := decodeOne(t, entraRecord(entraSteps, "["+c.steps+"]", `"errorCode":0`, `"errorCode":`+c.code, `"additionalDetails":""`, `"additionalDetails":"`+c.details+`"`))
		if got := x.outcome + "|" + x.factor + "|" + x.reason; x.decoded != ingest.Facts || got != c.want {
			t.Errorf("%s: %q, want %q (%s)", name, got, c.want, x.note)
		}
	}
	if x := decodeOne(t, entraRecord(entraSteps, "[]", `"mfaDetail":{}`, `"mfaDetail":{"authMethod":"Text message","authDetail":"+XX 5"}`)); x.factor != "text_message" || x.outcome != "unknown" {
		t.Errorf("mfaDetail names a method and no result: %+v", x)
	}
}

// What was required is not what was done.
func TestTrapRequirementIsNoResult(t *testing.T) {
	t.Parallel()
	if x := decodeOne(t, entraRecord(entraSteps, "[]")); x.outcome != "unknown" {
		t.Errorf("multiFactorAuthentication required, nothing told: %s", x.outcome)
	}
	if x := decodeOne(t, entraTable()); x.outcome != "remembered" { // singleFactorAuthentication, satisfied by claim: no bypass
		t.Errorf("single factor with a claim: %s", x.outcome)
	}
}

// What is no sign-in to Exchange is an event only; an interrupt is neither success nor failure.
func TestEntraVerdicts(t *testing.T) {
	t.Parallel()
	to := func(id, name string) string {
		return entraRecord(exchangeOnline, id, `"resourceDisplayName":"Office 365 Exchange Online"`, `"resourceDisplayName":"`+name+`"`)
	}
	for name, c := range map[string]struct{ record, want, resource string }{
		"SharePoint":                        {to("00000003-0000-0ff1-ce00-000000000000", "Office 365 SharePoint Online"), "mfa", "00000003-0000-0ff1-ce00-000000000000"},
		"stay signed in?":                   {entraRecord(`"errorCode":0`, `"errorCode":50140`), "mfa", exchangeOnline},
		"consent":                           {entraRecord(`"errorCode":0`, `"errorCode":"65001"`), "mfa", exchangeOnline},
		"a code in resultType alone":        {entraRecord(`"errorCode":0,`, "", `"resultType":"0"`, `"resultType":50126`), "browser oauth failure", exchangeOnline},
		"blocked by a policy":               {entraRecord(`"errorCode":0`, `"errorCode":53003`), "browser oauth blocked", exchangeOnline},
		"ROPC":                              {entraRecord("oAuth2", "ropc", `"clientAppUsed":"Browser"`, `"clientAppUsed":"Exchange Web Services"`), "ews basic success", exchangeOnline},
		"the bridge of basic":               {entraRecord("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0.0.0", "Unknown(BAV2ROPC)", `"clientAppUsed":"Browser"`, `"clientAppUsed":"IMAP4"`), "imap basic success", exchangeOnline},
		"a published application":           {to("5d0f1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b", "Outlook on the web"), "browser oauth success", "5d0f1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b"},
		"published, and the directory's":    {replaced(to(`00000002-0000-0000-c000-000000000000`, "Windows Azure Active Directory"), []string{"One Outlook Web", "Outlook on the web"}), "browser oauth success", "9199bf20-a13f-4107-85dc-02114787ef48"},
		"no resource, by the application":   {replaced(to("", ""), []string{"One Outlook Web", "Outlook on the web"}), "browser oauth success", "9199bf20-a13f-4107-85dc-02114787ef48"},
		"a resource with a name alone":      {to("", "Office 365 Exchange Online"), "browser oauth success", "Office 365 Exchange Online"},
		"no application, no resource":       {replaced(to("", ""), []string{"One Outlook Web", "", "9199bf20-a13f-4107-85dc-02114787ef48", ""}), "mfa", ""},
		"ADFSSignInLogs are of a person":    {entraRecord("SignInLogs", "ADFSSignInLogs"), "browser oauth success", exchangeOnline},
		"non-interactive ones are sign-ins": {entraRecord("SignInLogs", "NonInteractiveUserSignInLogs"), "browser oauth success", exchangeOnline},
	} {
		if x := decodeOne(t, c.record); x.verdict != c.want || x.resource != c.resource {
			t.Errorf("%s: %s to %q, want %s to %q (%+v)", name, x.verdict, x.resource, c.want, c.resource, x)
		}
	}
}

// userPrincipalName is an id where the directory has no such user.
func TestTrapUserPrincipalNameIsGUID(t *testing.T) {
	t.Parallel()
	const id = "0b7c9d1e-2f3a-4b5c-8d6e-7f8091a2b3c4"
	for name, c := range map[string]struct{ typed, alternate, want string }{
		"nothing else":   {"", "", id},
		"what was typed": {"bert@contoso.com", "", "bert@contoso.com"},
		"a phone number": {"+41 00 000 00 00", "", id},
		"an alternate":   {"", "bert@fabrikam.com", "bert@fabrikam.com"},
	} {
		x := decodeOne(t, entraRecord(`"userPrincipalName":"anna@contoso.com"`, `"userPrincipalName":"`+id+`"`, `"signInIdentifier":""`, `"signInIdentifier":"`+c.typed+`"`,
			`"alternateSignInName":""`, `"alternateSignInName":"`+c.alternate+`"`, `"errorCode":0`, `"errorCode":50034`))
		if x.account != c.want || x.user != c.want || x.verdict != "browser oauth failure" || x.outcome != "first_factor_failed" {
			t.Errorf("%s: %+v", name, x)
		}
	}
	if x := decodeOne(t, entraRecord(`"signInIdentifier":""`, `"signInIdentifier":"somebody@contoso.com"`)); x.account != "anna@contoso.com" {
		t.Errorf("a name that is one stays: %s", x.account)
	}
}

// Not every record is a person's sign-in, and none of these is malformed.
func TestEntraOther(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ record, note, time string }{
		"a service principal":                {entraRecord("SignInLogs", "ServicePrincipalSignInLogs"), "application", "2026-10-06T08:00:00.123Z"},
		"a managed identity":                 {entraRecord("SignInLogs", "ManagedIdentitySignInLogs"), "application", "2026-10-06T08:00:00.123Z"},
		"Microsoft's own":                    {entraRecord("SignInLogs", "microsoftServicePrincipalSignInLogs"), "application", "2026-10-06T08:00:00.123Z"},
		"a service principal, no category":   {entraGraph(`"userPrincipalName":"Anna@contoso.com"`, `"userPrincipalName":"","servicePrincipalId":"`+someID+`"`), "application", "2026-10-06T08:00:00.000Z"},
		"nobody":                             {entraGraph(`"Anna@contoso.com"`, `""`), "no user", "2026-10-06T08:00:00.000Z"},
		"an audit record, by its own time":   {`{"time":"2026-10-06T08:05:00Z","resourceId":"/x/Microsoft.aadiam","category":"AuditLogs","properties":{"activityDateTime":"2026-10-06T08:00:00Z"}}`, "something else", "2026-10-06T08:00:00.000Z"},
		"a record with an export time alone": {`{"time":"2026-10-06T08:05:00Z","resourceId":"/x/Microsoft.aadiam","category":"RiskyUsers","properties":{}}`, "something else", "2026-10-06T08:05:00.000Z"},
	} {
		x := decodeAll(t, decoderOf(t, &mfa.Options{}, entraRecord()), c.record)[0]
		if x.decoded != ingest.Facts || x.verdict != "other" || !strings.Contains(x.note, c.note) || x.time != c.time || x.outcome != "" {
			t.Errorf("%s: %+v", name, x)
		}
	}
}

func TestEntraMalformed(t *testing.T) {
	t.Parallel()
	d := decoderOf(t, &mfa.Options{}, entraRecord())
	for record, note := range map[string]string{
		"text": "not a JSON object", "[1]": "not a JSON object", "null": "not a JSON object", entraRecord()[:500]: "ends too early", entraRecord() + "}": "more behind",
		`{"createdDateTime":"2026-10-06T08:00:00Z","properties":[]}`:  "properties",
		`{"createdDateTime":"2026-10-06T08:00:00Z","properties":"{"}`: "properties",
		`{"a":1}`:                         "no createdDateTime",
		`{"createdDateTime":"yesterday"}`: "cannot be read",
		`{"createdDateTime":"2026-10-06T08:00:00Z","userPrincipalName":"anna@contoso.com"}`:                      "no status.errorCode",
		`{"createdDateTime":"2026-10-06T08:00:00Z","userPrincipalName":"anna@contoso.com","status":{}}`:          "no status.errorCode",
		`{"createdDateTime":"2026-10-06T08:00:00Z","userPrincipalName":"a@contoso.com","resultType":4294967296}`: "no status.errorCode",
		`{"createdDateTime":"2026-10-06T08:00:00Z","userPrincipalName":"a@contoso.com","status":"{broken"}`:      "",
		`{"category":"AuditLogs","properties":{}}`:                                                               "cannot be read",
	} {
		x := decodeAll(t, d, record)[0]
		if note == "" { // a status in words that are not known is no success
			if x.decoded != ingest.Facts || x.verdict != "mfa" || x.outcome != "unknown" {
				t.Errorf("%s: %+v", record, x)
			}
			continue
		}
		if x.decoded != ingest.Malformed || !strings.Contains(x.note, note) {
			t.Errorf("%.80s: %+v, want a note with %q", record, x, note)
		}
	}
	if x := decodeAll(t, d, " \r\n")[0]; x.decoded != ingest.Blank {
		t.Errorf("blanks: %+v", x)
	}
	// A status in words, without a code: a failure is never taken for the success that code 0 is.
	rows := decodeAll(t, decoderOf(t, &mfa.Options{}, portalHeader), portalHeader, portalRow("anna", "", "Success,,Other.,Browser,MFA completed in Azure AD", "Failure,,Other.,Browser,"),
		portalRow("anna", "", "Success,,Other.,Browser", "Success,None,Other.,Browser"))
	if x := rows[1]; x.verdict != "mfa" || x.outcome != "unknown" || x.reason != "Failure" || x.resource != "" {
		t.Errorf("a failure without a code: %+v", x)
	}
	if x := rows[2]; x.verdict != "browser oauth success" {
		t.Errorf("a success without a code: %+v", x)
	}
}

// The operator's table comes before the vendor's, for codes, results and methods.
func TestEntraOperatorsTable(t *testing.T) {
	t.Parallel()
	asked := map[string]bool{}
	o := &mfa.Options{Outcomes: func(k signin.Kind, word string) (signin.FactorOutcome, bool) {
		asked[word] = true
		is, ok := map[string]signin.FactorOutcome{"50105": signin.FactorDenied, "mfa completed in azure ad": signin.FactorUnknown, "mfa waived by moonlight": signin.FactorBypassed, "x.509 certificate": signin.FactorPassed}[word]
		return is, ok && k == signin.Entra
	}}
	d := decoderOf(t, o, entraRecord())
	for want, record := range map[string]string{
		"denied":   entraRecord(`"errorCode":0`, `"errorCode":50105`),
		"unknown":  entraRecord(),
		"bypassed": entraRecord("MFA completed in Azure AD", "MFA waived by moonlight"),
		"passed":   entraRecord(entraSteps, `[{"authenticationMethod":"X.509 Certificate","succeeded":true}]`),
	} {
		if x := decodeAll(t, d, record)[0]; x.outcome != want {
			t.Errorf("%s, want %s", x.outcome, want)
		}
	}
	if !asked["correct password"] || asked["Correct password"] {
		t.Errorf("asked for %v, want lower case", asked)
	}
}

// The id is what Entra, the Unified Audit Log and AD FS share, not the one of the record.
func TestEntraSharedID(t *testing.T) {
	t.Parallel()
	if x := decodeOne(t, entraGraph(flowID, "00000000-0000-0000-0000-000000000000")); x.id != someID || x.txn != someID {
		t.Errorf("all zeros are no id: %+v", x)
	}
}
