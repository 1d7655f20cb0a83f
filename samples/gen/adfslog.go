package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

const adfsPath = "adfs/ADFS01-security.xml"

// A tokenAudit is an audit event of AD FS of level Basic, or one of two of level Verbose, which name the caller.
type tokenAudit struct {
	t        int64
	event    int // 1200 a token, 1202 a credential, 1203 a credential that was wrong, 412 a token that was good, 501 its caller
	user     string
	party    string
	mfa      bool
	outside  bool
	address  string
	activity guid
}

const (
	relyingOWA   = "https://mail.contoso.com/owa/"
	relyingECP   = "https://mail.contoso.com/ecp/"
	relyingCloud = "urn:federation:MicrosoftOnline"
)

// federated records that AD FS judged a password and issued a token for it, and returns the id that the cloud shares.
func (m *factors) federated(t int64, user, party, address string, mfa bool) guid {
	id, outside := m.id(), !isInside(address)
	m.tokens = append(m.tokens,
		tokenAudit{t: t - second, event: 1202, user: user, party: party, mfa: false, outside: outside, address: address, activity: id},
		tokenAudit{t: t - second/2, event: 412, user: user, party: party, activity: id},
		tokenAudit{t: t - second/2, event: 501, user: user, party: party, activity: id},
		tokenAudit{t: t, event: 1200, user: user, party: party, mfa: mfa, outside: outside, address: address, activity: id})
	return id
}

// says is the outcome of the event.
func (a *tokenAudit) says() string {
	switch {
	case a.event < 1200:
		return "other"
	case a.event == 1203:
		return "first_factor_failed"
	case a.mfa:
		return "passed"
	}
	return "first_factor_ok"
}

// texts are what the event was written with.
func (a *tokenAudit) texts() []string {
	instance := guid{a.activity.lo, a.activity.hi}.String()
	switch a.event {
	case 412:
		return []string{instance, a.activity.String(), "http://schemas.microsoft.com/ws/2006/05/servicemodel/tokens/SecureConversation", a.party}
	case 501:
		const soap, ms = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/", "http://schemas.microsoft.com/ws/2008/06/identity/claims/"
		_, name, _ := strings.Cut(strings.ToLower(a.user), `\`)
		claims := []string{instance, ms + "windowsaccountname", a.user, soap + "name", a.user, ms + "primarysid", sidOf(name), soap + "upn", name + "@contoso.com"}
		for len(claims) < 21 {
			claims = append(claims, "-")
		}
		return claims
	}
	return []string{a.activity.String(), a.audit()}
}

// sidOf is the SID of an account of the domain.
func sidOf(name string) string {
	rid := 0
	for _, c := range name {
		rid = (rid*31 + int(c)) % 8000
	}
	return fmt.Sprintf("S-1-5-21-1004336348-1177238915-682003330-%d", 1200+rid)
}

// audit is the AuditBase of the event.
func (a *tokenAudit) audit() string {
	kind, result, failure, code := "AppToken", "Success", "None", "N/A"
	switch a.event {
	case 1202:
		kind = "FreshCredential"
	case 1203:
		kind, result, failure = "FreshCredential", "Failure", "CredentialValidationError"
	}
	location, proxy, method := "Intranet", "N/A", "N/A"
	if a.outside {
		location, proxy = "Extranet", "WAP01"
	}
	if a.mfa {
		method = "MFA"
	}
	return strings.Join([]string{
		`<?xml version="1.0" encoding="utf-16"?>`,
		`<AuditBase xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="` + kind + `Audit">`,
		`  <AuditType>` + kind + `</AuditType>`, `  <AuditResult>` + result + `</AuditResult>`, `  <FailureType>` + failure + `</FailureType>`, `  <ErrorCode>` + code + `</ErrorCode>`,
		`  <ContextComponents>`,
		`    <Component xsi:type="ResourceAuditComponent">`,
		`      <RelyingParty>` + a.party + `</RelyingParty>`, `      <ClaimsProvider>AD AUTHORITY</ClaimsProvider>`, `      <UserId>` + a.user + `</UserId>`,
		`    </Component>`, `    <Component xsi:type="AuthNAuditComponent">`,
		`      <PrimaryAuth>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</PrimaryAuth>`, `      <DeviceAuth>false</DeviceAuth>`, `      <DeviceId>N/A</DeviceId>`,
		`      <MfaPerformed>` + fmt.Sprint(a.mfa) + `</MfaPerformed>`, `      <MfaMethod>` + method + `</MfaMethod>`,
		`    </Component>`, `    <Component xsi:type="ProtocolAuditComponent">`, `      <OAuthClientId>N/A</OAuthClientId>`, `      <OAuthGrant>N/A</OAuthGrant>`,
		`    </Component>`, `    <Component xsi:type="RequestAuditComponent">`,
		`      <Server>http://sts.contoso.com/adfs/services/trust</Server>`, `      <AuthProtocol>WSFederation</AuthProtocol>`, `      <NetworkLocation>` + location + `</NetworkLocation>`,
		`      <IpAddress>` + a.address + `</IpAddress>`, `      <ForwardedIpAddress />`, `      <ProxyIpAddress>N/A</ProxyIpAddress>`, `      <NetworkIpAddress>N/A</NetworkIpAddress>`, `      <ProxyServer>` + proxy + `</ProxyServer>`,
		`      <UserAgentString>Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36</UserAgentString>`, `      <Endpoint>/adfs/ls/</Endpoint>`,
		`    </Component>`, `  </ContextComponents>`, `</AuditBase>`}, "\r\n")
}

// xml is the event as wevtutil prints it: on one line, but for the line ends within its data.
func (a *tokenAudit) xml(number int) string {
	keywords, data := "0x80a0000000000000", ""
	if a.event == 1203 {
		keywords = "0x8090000000000000"
	}
	for _, text := range a.texts() {
		data += "<Data>" + strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text) + "</Data>"
	}
	return fmt.Sprintf("<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='AD FS Auditing'/><EventID Qualifiers='0'>%d</EventID><Level>0</Level><Task>3</Task><Keywords>%s</Keywords>"+
		"<TimeCreated SystemTime='%s'/><EventRecordID>%d</EventRecordID><Channel>Security</Channel><Computer>ADFS01.contoso.com</Computer><Security UserID='S-1-5-21-1004336348-1177238915-682003330-1190'/></System>"+
		"<EventData>%s</EventData></Event>", a.event, keywords, time.UnixMilli(a.t).UTC().Format("2006-01-02T15:04:05.0000000Z"), 480100+number, data)
}

func (f *folder) adfsLog() {
	m := f.story.factors
	slices.SortStableFunc(m.tokens, func(a, b tokenAudit) int { return cmp.Compare(a.t, b.t) })
	g := gatewayLog{Path: adfsPath, Kind: "adfs", Note: "events as wevtutil prints them: a record has many lines"}
	var b bytes.Buffer
	for i := range m.tokens {
		b.WriteString(m.tokens[i].xml(i) + "\r\n")
		g.tell(m.tokens[i].says())
	}
	f.addGateway(g, b.Bytes())
}
