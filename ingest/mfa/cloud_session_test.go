package mfa_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/internal/signin"
)

// eventOf decodes a record of the clouds and returns its event.
func eventOf(tb testing.TB, record string) *signin.MFAFacts {
	tb.Helper()
	var f signin.Facts
	if got := decoderOf(tb, &mfa.Options{}, record).Decode([]byte(record), &f); got != ingest.Facts || f.MFA == nil {
		tb.Fatalf("decoded %v: %s", got, f.Note)
	}
	return f.MFA
}

const (
	entraAgent    = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0.0.0"
	sessionID     = "5e551019-0000-4000-8000-00000000abcd"
	entraToken    = `"uniqueTokenIdentifier":"AAAAAAAAAAAAAAAAAAAAAA",`
	entraSystem   = `"operatingSystem":"Windows10"`
	entraSession  = entraToken + `"sessionId":"` + sessionID + `",`
	entraSessions = entraToken + `"sessionId":"5E551019-0000-4000-8000-00000000ABCD","clientCredentialType":"none","originalTransferMethod":"none",`
)

// What AD FS proved has the id of the request there, whoever tells of it; what Entra proved, or a token of its own, has none.
func TestFederation(t *testing.T) {
	t.Parallel()
	const incoming, issuer, method = `"incomingTokenType":"none"`, `"tokenIssuerType":"AzureAD"`, `"authenticationMethodDetail":"Password in the cloud"`
	ual := func(operation, number, request string, pairs ...string) string {
		return ualRecord(operation, number, append([]string{"OAuth2:Authorize", request}, pairs...)...)
	}
	for name, c := range map[string]struct {
		record string
		want   string
	}{
		"Entra":                       {entraRecord(), ""},
		"a SAML token":                {entraRecord(incoming, `"incomingTokenType":"saml11"`), flowID},
		"one and another":             {entraRecord(incoming, `"incomingTokenType":"saml20,primaryRefreshToken"`), ""},
		"one of Entra's own":          {entraRecord(incoming, `"incomingTokenType":"refreshToken"`, issuer, `"tokenIssuerType":"ADFederationServices"`), ""},
		"issued by AD FS":             {entraRecord(issuer, `"tokenIssuerType":"ADFederationServices"`), flowID},
		"a sign-in to AD FS itself":   {entraRecord(issuer, `"tokenIssuerType":"ADFederationServices"`, `"category":"SignInLogs"`, `"category":"ADFSSignInLogs"`), ""},
		"a federated step":            {entraRecord(method, `"authenticationMethodDetail":"Federated"`), flowID},
		"a federated step, in vain":   {entraRecord(method, `"authenticationMethodDetail":"Federated"`, `"succeeded":true`, `"succeeded":false`), ""},
		"it did not succeed":          {entraRecord(incoming, `"incomingTokenType":"saml11"`, `"errorCode":0`, `"errorCode":50126`), ""},
		"an id that is none":          {strings.ReplaceAll(entraRecord(incoming, `"incomingTokenType":"saml11"`), flowID, "an id"), ""},
		"zeros":                       {strings.ReplaceAll(entraRecord(incoming, `"incomingTokenType":"saml11"`), flowID, "00000000-0000-0000-0000-000000000000"), ""},
		"large letters":               {strings.ReplaceAll(entraRecord(incoming, `"incomingTokenType":"saml11"`), flowID, strings.ToUpper(flowID)), flowID},
		"UAL":                         {ual("UserLoggedIn", "0", "OrgIdWsFederation:federation"), flowID},
		"UAL, without a number":       {ual("UserLoggedIn", "", "OrgIdWsFederation:federation"), flowID},
		"UAL, it failed":              {ual("UserLoginFailed", "50126", "OrgIdWsFederation:federation"), ""},
		"UAL, not federated":          {ual("UserLoggedIn", "0", "OAuth2:Token"), ""},
		"UAL, Entra as the federated": {ual("UserLoggedIn", "0", "Saml2:processrequest"), ""},
	} {
		if e := eventOf(t, c.record); string(e.Federation) != c.want {
			t.Errorf("%s: %q, want %q", name, e.Federation, c.want)
		}
	}
}

// Of a sign-in with one factor it is said what Conditional Access left undone; one policy that asked is enough.
func TestPolicies(t *testing.T) {
	t.Parallel()
	policies := func(all string, pairs ...string) string {
		pairs = append([]string{`"authenticationRequirement":"multiFactorAuthentication"`, `"authenticationRequirement":"singleFactorAuthentication"`}, pairs...)
		return strings.Replace(entraRecord(pairs...), `"appliedConditionalAccessPolicies":[`, `"appliedConditionalAccessPolicies":[`+all+`],"was":[`, 1)
	}
	policy := func(control, result string, missed any) string {
		return fmt.Sprintf(`{"enforcedGrantControls":[%s],"result":%q,"conditionsNotSatisfied":%v}`, control, result, missed)
	}
	const browser, modern = `"clientAppUsed":"Browser"`, `"authenticationProtocol":"oAuth2"`
	mfa := func(result string) string { return policy(`"Mfa"`, result, 2) }
	block := policy(`"Block"`, "notApplied", 16)
	for name, c := range map[string]struct {
		record string
		want   signin.Policy
	}{
		"two factors":                {entraRecord(), signin.NoPolicy},
		"none":                       {policies(""), signin.NoPolicy},
		"left out":                   {policies(mfa("notApplied")), signin.PolicyNotApplied},
		"one of several controls":    {policies(policy(`"CompliantDevice", "MFA"`, "NotApplied", `"users"`)), signin.PolicyNotApplied},
		"reports":                    {policies(mfa("notApplied") + "," + mfa("reportOnlyFailure") + "," + mfa("notApplied")), signin.PolicyReportOnly},
		"a block that reports":       {policies(policy(`"Block"`, "reportOnlyFailure", 0)), signin.PolicyReportOnly},
		"another one held":           {policies(mfa("reportOnlyFailure") + "," + mfa("success")), signin.NoPolicy},
		"required all the same":      {strings.Replace(entraRecord(), `"result":"success"`, `"result":"notApplied"`, 1), signin.NoPolicy},
		"a block, a browser":         {policies(block), signin.NoPolicy},
		"a block, ROPC":              {policies(block, browser, `"clientAppUsed":"IMAP4"`, modern, `"authenticationProtocol":"ropc"`), signin.PolicyNotApplied},
		"a block, EWS with OAuth":    {policies(block, browser, `"clientAppUsed":"Exchange Web Services"`), signin.NoPolicy},
		"a block, nobody knows what": {policies(block, browser, `"clientAppUsed":""`, modern, `"authenticationProtocol":"none"`), signin.NoPolicy},
		"a risk, in bits":            {policies(policy(`"Mfa"`, "notApplied", 2+64)), signin.NoPolicy},
		"a risk, in words":           {policies(policy(`"Mfa"`, "notApplied", `"users,signInRisk"`)), signin.NoPolicy},
		"a device":                   {policies(policy(`"RequireCompliantDevice"`, "notApplied", 2)), signin.NoPolicy},
		"an unknown result":          {policies(mfa("unknownFutureValue")), signin.NoPolicy},
		"it failed":                  {policies(mfa("notApplied"), `"errorCode":0`, `"errorCode":50126`), signin.NoPolicy},
		"no policies":                {entraGraph(), signin.NoPolicy},
		"in a string":                {entraTable(`"Type":`, `"AppliedConditionalAccessPolicies":"[{\"enforcedGrantControls\":[\"Mfa\"],\"result\":\"reportOnlyFailure\"}]","Type":`), signin.PolicyReportOnly},
		"no list":                    {entraTable(`"Type":`, `"AppliedConditionalAccessPolicies":"many","Type":`), signin.NoPolicy},
	} {
		if e := eventOf(t, c.record); e.Policy != c.want {
			t.Errorf("%s: %q, want %q", name, e.Policy, c.want)
		}
	}
}

// A sign-in that succeeded says in which session it did and on what; where agent and system contradict each other, nothing.
func TestSessions(t *testing.T) {
	t.Parallel()
	entra := func(session string, pairs ...string) string {
		return entraRecord(append([]string{entraToken, session}, pairs...)...)
	}
	agent := func(text, system string) string {
		return entra(entraSession, entraAgent, text, entraSystem, `"operatingSystem":"`+system+`"`)
	}
	ual := func(pairs ...string) string { return ualRecord("UserLoggedIn", "0", pairs...) }
	const device, system = `[{"Name":"SessionId","Value":"b3a9b2b4-0000-4000-8000-000000000001"}]`, `[{"Name":"OS","Value":%q},{"Name":"SessionId","Value":"B3A9B2B4-0000-4000-8000-000000000001"}]`
	const ualSession, ualAgent = "b3a9b2b4-0000-4000-8000-000000000001", `Mozilla\/5.0 (X11; Linux x86_64)`
	for name, c := range map[string]struct {
		record, session string
		on              signin.Platform
	}{
		"a browser on Windows":     {entra(entraSession), sessionID, signin.Windows},
		"large letters":            {entra(entraSessions), sessionID, signin.Windows},
		"no session":               {entra(entraToken), "", signin.NoPlatform},
		"no id":                    {entra(entraToken + `"sessionId":"a session",`), "", signin.NoPlatform},
		"zeros":                    {entra(entraToken + `"sessionId":"00000000-0000-0000-0000-000000000000",`), "", signin.NoPlatform},
		"a program with a secret":  {entra(entraSession + `"clientCredentialType":"clientSecret",`), "", signin.NoPlatform},
		"a later kind of secret":   {entra(entraSession + `"clientCredentialType":"unknownFutureValue",`), "", signin.NoPlatform},
		"handed on by a code":      {entra(entraSession + `"originalTransferMethod":"deviceCodeFlow",`), "", signin.NoPlatform},
		"it did not succeed":       {entra(entraSession, `"errorCode":0`, `"errorCode":500121`), "", signin.NoPlatform},
		"a telephone":              {agent("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15", "Ios 19.0"), sessionID, signin.Apple},
		"a tablet as a desktop":    {agent("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15", "MacOs"), sessionID, signin.Apple},
		"Outlook on Android":       {agent("Outlook-Android/2.0", ""), sessionID, signin.Linux},
		"one for both":             {agent("Outlook-iOS-Android/1.0", ""), sessionID, signin.NoPlatform},
		"a script":                 {agent("Python-Requests/2.32", "Windows10"), sessionID, signin.Script},
		"axios":                    {agent("axios/1.7.9", ""), sessionID, signin.Script},
		"an agent that is unknown": {agent("a program", "Android 16"), sessionID, signin.Linux},
		"nothing of either":        {agent("a program", ""), sessionID, signin.NoPlatform},
		"a contradiction":          {agent("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", "Windows10"), sessionID, signin.NoPlatform},
		"an agent that is all":     {agent("Windows Android iPhone", ""), sessionID, signin.NoPlatform},
		"Log Analytics":            {entraTable(`"Type":`, `"SessionId":"`+sessionID+`","Type":`), sessionID, signin.Apple},
		"UAL":                      {ual(), ualSession, signin.Linux},
		"UAL, its system":          {ual(ualAgent, "a program", device, fmt.Sprintf(system, "Windows 10")), ualSession, signin.Windows},
		"UAL, a contradiction":     {ual(device, fmt.Sprintf(system, "Windows 10")), ualSession, signin.NoPlatform},
		"UAL, no session":          {ual(device, "[]"), "", signin.NoPlatform},
		"UAL, it failed":           {ualRecord("UserLoginFailed", "500121"), "", signin.NoPlatform},
	} {
		if e := eventOf(t, c.record); string(e.Session) != c.session || e.Platform != c.on {
			t.Errorf("%s: session %q on %d, want %q on %d", name, e.Session, e.Platform, c.session, c.on)
		}
	}
}
