package main

import (
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/internal/signin"
)

// spacedSignIn is a sign-in as Python and jq -c with blanks write it: a comma and a blank between keys, as between the
// values of IIS's own format.
const spacedSignIn = `{"id": "6a1f2b3c-1111-4222-8333-444455556666", "createdDateTime": "2026-10-06T08:15:00Z", "userDisplayName": "Anna", "userPrincipalName": "anna.berg@contoso.com", "userId": "0b7c9d1e-2f3a-4b5c-8d6e-7f8091a2b3c4", ` +
	`"appId": "d3590ed6-52b3-4102-aeff-aad2292ab01c", "appDisplayName": "Microsoft Office", "ipAddress": "198.51.100.7", "clientAppUsed": "Exchange Web Services", "resourceDisplayName": "Office 365 Exchange Online", ` +
	`"resourceId": "00000002-0000-0ff1-ce00-000000000000", "correlationId": "c1", "isInteractive": true, "authenticationProtocol": "ropc", "status": {"errorCode": 0, "failureReason": "Other."}}`

// A file of JSON is never a log in IIS format, whatever its blanks.
func TestRecognizeSpacedJSON(t *testing.T) {
	t.Parallel()
	diagnostic := `{"time": "2026-10-06T08:25:00Z", "resourceId": "/tenants/11111111-2222-3333-4444-555555555555/providers/Microsoft.aadiam", "operationName": "Sign-in activity", "operationVersion": "1.0", "category": "SignInLogs", ` +
		`"tenantId": "11111111-2222-3333-4444-555555555555", "resultType": "0", "resultSignature": "None", "durationMs": 0, "callerIpAddress": "198.51.100.7", "correlationId": "c1", "identity": "Anna", "Level": 4, "location": "CH", "properties": ` + spacedSignIn + `}`
	analytics := strings.NewReplacer(`"createdDateTime"`, `"TimeGenerated": "2026-10-06T08:25:00Z", "ResultType": "0", "CreatedDateTime"`, `"userPrincipalName"`, `"UserPrincipalName"`, `"appId"`, `"AppId"`).Replace(spacedSignIn)
	duo := `{"access_device": {"ip": "198.51.100.7", "os": "Windows", "browser": "Edge", "hostname": null}, "alias": "", "application": {"key": "DIXXXXXXXXXXXXXXXXXX", "name": "OWA"}, "email": "", "event_type": "authentication", "factor": "duo_push", ` +
		`"isotimestamp": "2026-10-06T08:15:10+00:00", "reason": "user_approved", "result": "success", "timestamp": 1791274510, "txid": "9f79ad67-e7f5-4f33-850c-75175d79253a", "user": {"groups": [], "key": "DU0", "name": "anna.berg"}}`
	unified := `{"CreationTime": "2026-10-06T08:15:01", "Id": "8a1f2b3c-1111-4222-8333-444455556666", "Operation": "UserLoggedIn", "OrganizationId": "11111111-2222-3333-4444-555555555555", "RecordType": 15, "ResultStatus": "Success", "UserKey": "k", ` +
		`"UserType": 0, "Version": 1, "Workload": "AzureActiveDirectory", "ClientIP": "198.51.100.7", "ObjectId": "00000002-0000-0ff1-ce00-000000000000", "UserId": "anna.berg@contoso.com", "ActorIpAddress": "198.51.100.7", "ErrorNumber": "0"}`
	for name, c := range map[string]struct {
		text string
		kind signin.Kind
	}{
		"diagnostic settings":     {diagnostic + "\r\n" + diagnostic + "\r\n", signin.Entra},
		"diagnostic, list":        {"[" + diagnostic + ", " + diagnostic + "]", signin.Entra},
		"Event Hub":               {`{"records": [` + diagnostic + ", " + diagnostic + `]}`, signin.Entra},
		"Graph":                   {`{"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#auditLogs/signIns", "value": [` + spacedSignIn + ", " + spacedSignIn + `]}`, signin.Entra},
		"portal":                  {" \n[" + spacedSignIn + "]", signin.Entra},
		"Log Analytics, one line": {"[" + analytics + ", " + analytics + "]", signin.Entra},
		"Duo":                     {`{"stat": "OK", "response": {"authlogs": [` + duo + ", " + duo + `]}}`, signin.Duo},
		"Unified Audit Log":       {unified + "\n", signin.UAL},
		"Unified Audit Log, list": {"[" + unified + ", " + unified + "]", signin.UAL},
	} {
		if f := recognizer(mfa.Options{})([]byte(c.text)); f.Kind != c.kind || f.Decoder == nil || f.Skip != "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// Whoever gives a file that is no log reads which logs there are, those of gateways too.
func TestRecognizeNothing(t *testing.T) {
	t.Parallel()
	f := recognizer(mfa.Options{})([]byte("Dear colleagues,\nplease find attached the log.\n"))
	for _, log := range []string{"not a log that Outmode reads: ", "HttpProxy", "Duo", "Monosign", "AD FS", "NPS", "Entra", "Unified Audit Log"} {
		if f.Kind != signin.UnknownKind || !strings.Contains(f.Skip, log) {
			t.Errorf("no %q in %+v", log, f)
		}
	}
}
