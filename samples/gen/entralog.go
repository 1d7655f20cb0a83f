package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	entraPath  = "entra/insights-logs-signinlogs.json"
	ualPath    = "ual/ual-export.csv"
	tenant     = "5c0a7050-1111-4222-8333-444455556666"
	exchangeID = "00000002-0000-0ff1-ce00-000000000000"
)

// A cloudSignIn is a sign-in that Entra judged.
type cloudSignIn struct {
	t         int64
	user      string
	address   string
	client    string // clientAppUsed
	agent     string
	protocol  string // authenticationProtocol
	code      int
	factors   cloudFactors
	resource  string
	id, joint guid // joint is the correlation id, which AD FS and the Unified Audit Log know too
	audited   bool // the Unified Audit Log tells of it
}

// cloudFactors is which factors a sign-in was asked for.
type cloudFactors int

const (
	passwordAlone cloudFactors = iota
	passwordAndApp
	claimOfToken // both factors were proven earlier
	claimOfADFS  // AD FS asked for both
	wrongPassword
)

// says is the outcome that must be read from Entra's record.
func (c *cloudSignIn) says() string {
	switch {
	case c.code == 50140:
		return "info"
	case c.factors == wrongPassword:
		return "first_factor_failed"
	case c.factors == passwordAndApp:
		return "passed"
	case c.factors == passwordAlone:
		return "first_factor_ok"
	}
	return "remembered"
}

// inCloud records a sign-in to Exchange Online.
func (m *factors) inCloud(when, user, address, client, agent, protocol string, factors cloudFactors) *cloudSignIn {
	m.cloud = append(m.cloud, cloudSignIn{t: at(when), user: user + "@contoso.com", address: address, client: client, agent: agent, protocol: protocol, factors: factors, resource: exchangeID, id: m.id(), joint: m.id()})
	return &m.cloud[len(m.cloud)-1]
}

// steps are the authenticationDetails of a sign-in.
func (c *cloudSignIn) steps() string {
	at := time.UnixMilli(c.t).UTC().Format("2006-01-02T15:04:05") + "+00:00"
	step := func(method, detail, ok, result, requirement string) string {
		return `{"authenticationStepDateTime":"` + at + `","authenticationMethod":"` + method + `","authenticationMethodDetail":"` + detail + `","succeeded":` + ok + `,"authenticationStepResultDetail":"` + result +
			`","authenticationStepRequirement":"` + requirement + `","StatusSequence":0,"RequestSequence":1}`
	}
	const first, second = "Primary authentication", "Multifactor authentication"
	password := step("Password", "Password Hash Sync", "true", "Correct password", first)
	earlier := step("Previously satisfied", "", "true", "First factor requirement satisfied by claim in the token", first)
	switch c.factors {
	case passwordAlone:
		return password
	case passwordAndApp:
		return password + "," + step("Mobile app notification", "", "true", "MFA completed in Azure AD", second)
	case claimOfToken:
		return earlier + "," + step("Previously satisfied", "", "true", "MFA requirement satisfied by claim in the token", second)
	case claimOfADFS:
		return step("Federated", "", "true", "", first) + "," + step("Previously satisfied", "", "true", "MFA requirement satisfied by claim provided by external provider", second)
	}
	return step("Password", "Password Hash Sync", "false", "Incorrect password", first)
}

// record is the sign-in as the diagnostic settings write it. The time of its envelope is minutes late, as theirs is.
func (c *cloudSignIn) record() string {
	created, sent := time.UnixMilli(c.t).UTC(), time.UnixMilli(c.t+4*minute+int64(c.id.lo%200)*second).UTC()
	requirement, applied, issuer, token, additional := "multiFactorAuthentication", "success", "AzureAD", "none", ""
	switch c.factors {
	case passwordAlone, wrongPassword:
		requirement, applied = "singleFactorAuthentication", "notApplied"
	case passwordAndApp:
		additional = "MFA completed in Azure AD"
	case claimOfToken: // what was required is not what was done
		requirement, additional = "singleFactorAuthentication", "MFA requirement satisfied by claim in the token"
	case claimOfADFS:
		issuer, token, additional = "ADFederationServices", "saml11", "MFA requirement satisfied by claim provided by external provider"
	}
	reason := "Other."
	switch c.code {
	case 50140:
		reason = "This error occurred due to 'Keep me signed in' interrupt when the user was signing-in."
	case 50126:
		reason = "Error validating credentials due to invalid username or password."
	}
	policy := func(id, name, control, result string) string {
		return `{"id":"5c0a7050-` + id + `-4222-8333-444455556666","displayName":"` + name + `","enforcedGrantControls":["` + control + `"],"enforcedSessionControls":[],"result":"` + result + `","conditionsSatisfied":1,"conditionsNotSatisfied":16}`
	}
	who, _, _ := strings.Cut(c.user, "@")
	const name = "Office 365 Exchange Online"
	app := `"appId":"` + exchangeID + `","appDisplayName":"` + name + `"`
	if c.client == "Browser" {
		app = `"appId":"9199bf20-a13f-4107-85dc-02114787ef48","appDisplayName":"One Outlook Web"`
	}
	return `{"time":"` + sent.Format("2006-01-02T15:04:05.0000000Z") + `","resourceId":"/tenants/` + tenant + `/providers/Microsoft.aadiam","operationName":"Sign-in activity","operationVersion":"1.0","category":"SignInLogs","tenantId":"` + tenant +
		`","resultType":"` + fmt.Sprint(c.code) + `","resultSignature":"None","durationMs":0,"callerIpAddress":"` + c.address + `","correlationId":"` + c.joint.String() + `","identity":"` + who + `","Level":4,"location":"AT","properties":{"id":"` + c.id.String() +
		`","createdDateTime":"` + created.Format("2006-01-02T15:04:05") + `+00:00","userDisplayName":"` + who + `","userPrincipalName":"` + c.user + `",` + app + `,"ipAddress":"` + c.address +
		`","status":{"errorCode":` + fmt.Sprint(c.code) + `,"failureReason":"` + reason + `","additionalDetails":` + quote(additional) + `},"clientAppUsed":"` + c.client + `","userAgent":` + quote(c.agent) +
		`,"deviceDetail":{"deviceId":"","operatingSystem":"","browser":""},"mfaDetail":{},"correlationId":"` + c.joint.String() + `","conditionalAccessStatus":"` + applied + `","appliedConditionalAccessPolicies":[` +
		policy("aaaa", "Second factor for everybody", "Mfa", applied) + `,` + policy("bbbb", "Block legacy authentication", "Block", "notApplied") + `],"isInteractive":true,"tokenIssuerName":"","tokenIssuerType":"` + issuer +
		`","networkLocationDetails":[],"riskState":"none","resourceDisplayName":"` + name + `","resourceId":"` + c.resource + `","homeTenantId":"` + tenant + `","authenticationDetails":[` + c.steps() + `],"authenticationRequirement":"` + requirement +
		`","signInIdentifier":"` + c.user + `","servicePrincipalId":"","userType":"Member","crossTenantAccessType":"none","uniqueTokenIdentifier":"","incomingTokenType":"` + token + `","authenticationProtocol":"` + c.protocol + `"}}`
}

func (f *folder) entraLog() {
	m := f.story.factors
	slices.SortStableFunc(m.cloud, func(a, b cloudSignIn) int { return cmp.Compare(a.t, b.t) })
	g := gatewayLog{Path: entraPath, Kind: "entra", Note: "records of the diagnostic settings, a JSON object per line"}
	var b []byte
	for i := range m.cloud {
		b = append(append(b, m.cloud[i].record()...), "\r\n"...)
		g.tell(m.cloud[i].says())
	}
	f.addGateway(g, b)
}

// audit is the sign-in as the Unified Audit Log tells it. ResultStatus is Success whatever became of it.
func (c *cloudSignIn) audit() string {
	at := time.UnixMilli(c.t).UTC().Format("2006-01-02T15:04:05")
	operation, request := "UserLoggedIn", "OAuth2:Authorize"
	switch {
	case c.code == 50140:
		request = "Kmsi:kmsi"
	case c.code == 50126:
		operation, request = "UserLoginFailed", "Login:login"
	case c.protocol == "ropc":
		request = "OAuth2:Token"
	}
	data := `{"CreationTime":"` + at + `","Id":"` + c.id.String() + `","Operation":"` + operation + `","OrganizationId":"` + tenant + `","RecordType":15,"ResultStatus":"Success","UserKey":"` + c.user + `","UserType":0,"Version":1,"Workload":"AzureActiveDirectory","ClientIP":"` +
		c.address + `","ObjectId":"` + c.resource + `","UserId":"` + c.user + `","AzureActiveDirectoryEventType":1,"ExtendedProperties":[{"Name":"ResultStatusDetail","Value":"Success"},{"Name":"UserAgent","Value":` + quote(c.agent) + `},{"Name":"UserAuthenticationMethod","Value":"16"},{"Name":"RequestType","Value":"` +
		request + `"}],"ModifiedProperties":[],"Actor":[{"ID":"` + c.user + `","Type":5}],"ActorContextId":"` + tenant + `","ActorIpAddress":"` + c.address + `","InterSystemsId":"` + c.joint.String() + `","IntraSystemId":"` + c.id.String() +
		`","SupportTicketId":"","Target":[{"ID":"` + c.resource + `","Type":0}],"TargetContextId":"` + tenant + `","ApplicationId":"9199bf20-a13f-4107-85dc-02114787ef48","DeviceProperties":[],"ErrorNumber":"` + fmt.Sprint(c.code) + `"}`
	return `"AzureActiveDirectoryStsLogon","` + at + `","` + c.user + `","` + operation + `","` + strings.ReplaceAll(data, `"`, `""`) + `"`
}

// auditSays is the outcome that must be read from it: of a success it does not say how many factors there were.
func (c *cloudSignIn) auditSays() string {
	if c.code == 0 {
		return "unknown"
	}
	return c.says()
}

func (f *folder) auditLog() {
	g := gatewayLog{Path: ualPath, Kind: "ual", Note: "CSV of Search-UnifiedAuditLog"}
	b := []byte(`"RecordType","CreationDate","UserIds","Operations","AuditData"` + "\r\n")
	g.tell("directive")
	m := f.story.factors
	for i := range m.cloud {
		if c := &m.cloud[i]; c.audited {
			b = append(append(b, c.audit()...), "\r\n"...)
			g.tell(c.auditSays())
		}
	}
	f.addGateway(g, b)
}
