package signin

import (
	"fmt"
	"slices"
)

// A Protocol is how the client spoke to Exchange.
type Protocol uint8

// The protocols, in the order in which tables show them.
const (
	OtherProtocol Protocol = iota
	Autodiscover
	MAPI
	EWS
	OAB
	RPC
	ActiveSync
	OWA
	ECP
	PowerShell
	REST
	OutlookService
	Reporting
	IMAP
	POP
	SMTP
	Browser // Entra's "Browser"
	App     // Entra's "Mobile Apps and Desktop clients"
	protocolCount
)

var protocolNames = [protocolCount]string{"other", "autodiscover", "mapi", "ews", "oab", "rpc", "activesync", "owa", "ecp",
	"powershell", "rest", "outlookservice", "reporting", "imap", "pop", "smtp", "browser", "app"}

// An Auth is how the client proved who it was.
type Auth uint8

// The authentication types. IMAP, POP and SMTP LOGIN and PLAIN are Basic with a Mechanism.
const (
	UnknownAuth Auth = iota
	Basic
	Digest
	NTLM
	Kerberos
	Negotiate
	Forms
	OAuth
	ADFS
	Certificate
	WSSecurity
	Anonymous
	authCount
)

var authNames = [authCount]string{"unknown", "basic", "digest", "ntlm", "kerberos", "negotiate", "forms", "oauth", "adfs",
	"certificate", "wssecurity", "anonymous"}

// A Mechanism says which form of Basic was used where HTTP was not, or that somebody else's code let a device in.
type Mechanism uint8

// The mechanisms. NoMechanism is every sign-in that is not one of the others, HTTP Basic included.
const (
	NoMechanism Mechanism = iota
	Login                 // IMAP LOGIN, POP USER and PASS, SMTP AUTH LOGIN
	Plain                 // SASL PLAIN
	ROPC                  // Entra's resource owner password credentials
	DeviceCode            // Entra's device code flow: a code that one device shows is confirmed on another one. It is no Basic
	mechanismCount
)

var mechanismNames = [mechanismCount]string{"", "login", "plain", "ropc", "device_code"}

// An Outcome is what became of the credential.
type Outcome uint8

// The outcomes. Success says that the account authenticated, whatever the HTTP status was.
const (
	UnknownOutcome Outcome = iota
	Success
	Failure   // the credential was refused
	Challenge // a leg of a handshake: no credential was judged
	Blocked   // the credential was good, then policy refused it
	outcomeCount
)

var outcomeNames = [outcomeCount]string{"unknown", "success", "failure", "challenge", "blocked"}

// An Evidence is the grade of what a line proves.
type Evidence uint8

// The grades, weakest first.
const (
	Claimed  Evidence = iota // text that the client controls
	Inferred                 // several facts point to it
	Proven                   // the server states it
	evidenceCount
)

var evidenceNames = [evidenceCount]string{"claimed", "inferred", "proven"}

// A Traffic is who was behind a line. Only User and Service count as use.
type Traffic uint8

// The sorts of traffic.
const (
	User    Traffic = iota
	Service         // by an operator's pattern only
	Probe           // health mailboxes, load balancers, managed availability
	Server          // machine accounts and server-to-server calls
	System          // built-in accounts
	trafficCount
)

var trafficNames = [trafficCount]string{"user", "service", "probe", "server", "system"}

// Noise reports whether such traffic counts as no use.
func (t Traffic) Noise() bool { return t != User && t != Service }

// A Modern says whether a client can do modern authentication.
type Modern uint8

// The three answers.
const (
	ModernUnknown Modern = iota
	ModernYes
	ModernNo
	modernCount
)

var modernNames = [modernCount]string{"unknown", "yes", "no"}

// A Verdict is what a line was found to be. Every line has exactly one.
type Verdict uint8

// The verdicts, in the order in which they are tried.
const (
	Malformed  Verdict = iota // should have been understood and was not
	Directive                 // a header or another line about the log itself
	Noise                     // probes, servers and system accounts
	SignInLine                // a sign-in
	MFALine                   // an event of an MFA gateway
	OtherLine                 // understood, and about something else
	verdictCount
)

var verdictNames = [verdictCount]string{"malformed", "directive", "noise", "signin", "mfa", "other"}

// A Kind is the sort of a log file. Its dataset is "outmode." and its name.
type Kind uint8

// The kinds of files.
const (
	UnknownKind Kind = iota
	IIS
	HTTPProxy
	IMAPLog
	POPLog
	SMTPLog
	Duo
	DuoAuthProxy
	DuoAdmin
	Monosign
	ADFSLog
	Entra
	UAL
	WAP
	NPS
	Okta
	Mapped
	kindCount
)

var kindNames = [kindCount]string{"unknown", "iis", "httpproxy", "imap", "pop", "smtp", "duo", "duo_authproxy", "duo_admin",
	"monosign", "adfs", "entra", "ual", "wap", "nps", "okta", "mapped"}

// A Severity is how much a finding matters.
type Severity uint8

// The severities, least first.
const (
	Info Severity = iota
	Low
	Medium
	High
	Critical
	severityCount
)

var severityNames = [severityCount]string{"info", "low", "medium", "high", "critical"}

// MFA is what the gateways say of a sign-in.
type MFA uint8

// The words of MFA. Until gateways are correlated every sign-in is MFAUnknown.
const (
	MFAUnknown MFA = iota
	MFAPassed
	MFARemembered
	MFABypassed
	MFAFailOpen
	MFADenied
	MFAMissing
	MFANotCovered
	MFANotRequired
	mfaCount
)

var mfaNames = [mfaCount]string{"unknown", "passed", "remembered", "bypassed", "fail_open", "denied", "missing", "not_covered", "not_required"}

func (p Protocol) String() string  { return name(protocolNames[:], uint8(p), "protocol") }
func (a Auth) String() string      { return name(authNames[:], uint8(a), "auth") }
func (m Mechanism) String() string { return name(mechanismNames[:], uint8(m), "mechanism") }
func (o Outcome) String() string   { return name(outcomeNames[:], uint8(o), "outcome") }
func (e Evidence) String() string  { return name(evidenceNames[:], uint8(e), "evidence") }
func (t Traffic) String() string   { return name(trafficNames[:], uint8(t), "traffic") }
func (m Modern) String() string    { return name(modernNames[:], uint8(m), "modern") }
func (v Verdict) String() string   { return name(verdictNames[:], uint8(v), "verdict") }
func (k Kind) String() string      { return name(kindNames[:], uint8(k), "kind") }
func (s Severity) String() string  { return name(severityNames[:], uint8(s), "severity") }
func (m MFA) String() string       { return name(mfaNames[:], uint8(m), "mfa") }

// Gateway reports whether it is a log of an MFA gateway or an identity provider, and not of an Exchange server.
func (k Kind) Gateway() bool { return k >= Duo && k <= Mapped }

// Factors reports whether it holds events of second factors. Duo's administrator log tells how Duo is set.
func (k Kind) Factors() bool { return k.Gateway() && k != DuoAdmin }

// Cloud reports whether its sign-ins are to Exchange Online.
func (k Kind) Cloud() bool { return k.CloudRank() > 0 }

// CloudRank orders the kinds of logs that tell of one sign-in to Exchange Online: what the lowest tells of it stands, for
// it says most. It is 0 for all others.
func (k Kind) CloudRank() int {
	switch k {
	case Entra:
		return 1
	case UAL:
		return 2
	case ADFSLog:
		return 3
	}
	return 0
}

// Dataset is the value of event.dataset for lines of this kind of file.
func (k Kind) Dataset() string { return "outmode." + k.String() }

// name never panics: a value that is not in its table prints as what it is.
func name(names []string, v uint8, what string) string {
	if int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprintf("%s(%d)", what, v)
}

// ParseProtocol returns the protocol spelled s.
func ParseProtocol(s string) (Protocol, bool) { return parse[Protocol](protocolNames[:], s) }

// ParseKind returns the kind of file spelled s.
func ParseKind(s string) (Kind, bool) { return parse[Kind](kindNames[:], s) }

// ParseSeverity returns the severity spelled s.
func ParseSeverity(s string) (Severity, bool) { return parse[Severity](severityNames[:], s) }

func parse[T ~uint8](names []string, s string) (T, bool) {
	i := slices.Index(names, s)
	return T(max(i, 0)), i >= 0
}

// Words returns the values that the field of that name can have, as rules, columns and JSON spell
// them, or nil for a field that is not enumerated. The caller must not change the slice.
func Words(field string) []string {
	switch field {
	case "protocol":
		return protocolNames[:]
	case "auth":
		return authNames[:]
	case "mechanism":
		return mechanismNames[:]
	case "outcome":
		return outcomeNames[:]
	case "evidence":
		return evidenceNames[:]
	case "traffic":
		return trafficNames[:]
	case "modern":
		return modernNames[:]
	case "mfa":
		return mfaNames[:]
	case "factor_outcome":
		return factorNames[:]
	case "issuer":
		return issuerNames[:]
	case "policy":
		return policyNames[:]
	case "record":
		return recordNames[:]
	case "severity":
		return severityNames[:]
	case "kind":
		return kindNames[:]
	case "weekday":
		return weekdayNames[:]
	case "column":
		return columnNames[:]
	}
	return nil
}

// recordNames are what a rule that reads mfa can look at.
var recordNames = [...]string{"logon", "event", "gateway"}

var weekdayNames = [...]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// LegacyEXO reports whether a block with Exchange Online's AllowBasicAuth* switches would refuse
// this combination: Basic, on a protocol that has such a switch.
// Source: New-AuthenticationPolicy in Microsoft's ExchangePowerShell reference.
func LegacyEXO(p Protocol, a Auth) bool {
	if a != Basic {
		return false
	}
	switch p {
	case ActiveSync, Autodiscover, IMAP, MAPI, OAB, OutlookService, POP, PowerShell, Reporting, RPC, SMTP, EWS:
		return true
	}
	return false
}

// LegacyOnPrem reports whether a block with the BlockLegacyAuth* switches of Exchange Server 2019
// would refuse this combination. OWA, ECP, PowerShell and SMTP have no such switch, and a sign-in to Exchange Online, which
// the logs of an identity provider tell of, does not come to that server.
// Source: "Disable legacy authentication in Exchange Server hybrid" in Microsoft's documentation.
func LegacyOnPrem(k Kind, p Protocol, a Auth) bool {
	if k.Cloud() {
		return false
	}
	switch a {
	case Basic, Digest, NTLM, Kerberos, Negotiate:
	default:
		return false
	}
	switch p {
	case ActiveSync, Autodiscover, IMAP, MAPI, OAB, POP, RPC, EWS:
		return true
	}
	return false
}
