package mfa_test

import (
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/mfa"
)

// entraAudit is a record of Entra's audit log.
func entraAudit(operation, target string, pairs ...string) string {
	return replaced(`{"time":"2026-10-06T08:05:00Z","resourceId":"/tenants/0/providers/Microsoft.aadiam","operationName":"`+operation+`","category":"AuditLogs","properties":{"id":"Directory_1","category":"Policy",`+
		`"result":"success","activityDisplayName":"`+operation+`","activityDateTime":"2026-10-06T08:00:00.5Z","initiatedBy":{"user":{"userPrincipalName":"admin@contoso.com","ipAddress":"198.51.100.9"}},"targetResources":[`+target+`]}}`, pairs)
}

// Entra's own audit log tells of the directory what the Unified Audit Log tells (M-15, M-30).
func TestEntraDirectory(t *testing.T) {
	t.Parallel()
	const bert, policy = `{"displayName":"Bert","userPrincipalName":"bert@contoso.com"}`, `{"displayName":"MFA for everybody","userPrincipalName":null},{"userPrincipalName":"bert@contoso.com"}`
	changed := func(property string) string {
		return `{"displayName":null,"userPrincipalName":"bert@contoso.com","modifiedProperties":[{"displayName":"City","oldValue":"[]","newValue":"[\"StrongAuthenticationMethod\"]"},` +
			`{"displayName":"` + property + `","oldValue":"[1]","newValue":"[]"}]}`
	}
	for name, c := range map[string]struct{ record, outcome, user, application, reason string }{
		"switched off":      {entraAudit("Disable Strong Authentication", bert), "config", "bert@contoso.com", "", "Disable Strong Authentication"},
		"fraud":             {entraAudit("Fraud reported - no action taken", bert), "fraud", "bert@contoso.com", "", "Fraud reported - no action taken"},
		"enrolled":          {entraAudit("User registered security info", bert), "enrolled", "bert@contoso.com", "", "User registered security info"},
		"a policy deleted":  {entraAudit("Delete conditional access policy", policy), "config", "admin@contoso.com", "MFA for everybody", "Delete conditional access policy"},
		"about nothing":     {entraAudit("Set domain authentication.", ""), "config", "admin@contoso.com", "", "Set domain authentication"},
		"by nobody":         {entraAudit("Set domain authentication", "", `"initiatedBy":{"user"`, `"initiatedBy":{"app"`), "config", "", "", "Set domain authentication"},
		"taken away":        {entraAudit("Update user", changed("StrongAuthenticationMethod")), "config", "bert@contoso.com", "", "Update user"},
		"a later target":    {entraAudit("Update user.", `{"userPrincipalName":"carl@contoso.com"},7,`+changed("strongAuthenticationRequirement")), "config", "bert@contoso.com", "", "Update user"},
		"only named":        {entraAudit("Update user", changed("Included StrongAuthenticationMethod")), "", "", "", ""},
		"nothing modified":  {entraAudit("Update user", bert), "", "", "", ""},
		"of a group":        {entraAudit("Update group", changed("StrongAuthenticationMethod")), "", "", "", ""},
		"not taken away":    {entraAudit("Update user", changed("StrongAuthenticationMethod"), `"success"`, `"failure"`), "", "", "", ""},
		"it failed":         {entraAudit("Disable Strong Authentication", bert, `"success"`, `"failure"`), "", "", "", ""},
		"something else":    {entraAudit("Add group", bert), "", "", "", ""},
		"a word not known":  {entraAudit("Fraud reported tomorrow", bert), "", "", "", ""},
		"of another record": {entraAudit("Disable Strong Authentication", bert, "activityDisplayName", "x"), "", "", "", ""},
	} {
		x := decodeAll(t, decoderOf(t, &mfa.Options{}, entraRecord()), c.record)[0]
		want := "mfa"
		if c.outcome == "" {
			want = "other"
		}
		if x.decoded != ingest.Facts || x.verdict != want || x.time != "2026-10-06T08:00:00.500Z" || x.outcome != c.outcome || x.user != c.user || x.application != c.application || x.reason != c.reason || x.resource != "" {
			t.Errorf("%s: %+v", name, x)
		}
		if c.user == "bert@contoso.com" && x.from != "198.51.100.9" || want == "mfa" && x.txn != "Directory_1" {
			t.Errorf("%s: from %q, %q", name, x.from, x.txn)
		}
	}
}
