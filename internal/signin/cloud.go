package signin

import "bytes"

// gateway judges a line of an MFA gateway or of an identity provider. It is a sign-in where it says that somebody signed
// in to Exchange; else, where it tells of a second factor, an event.
func (c *Classifier) gateway(f *Facts, s *SignIn) {
	s.Client = c.bare[UnknownKind]
	if len(f.Resource) > 0 && c.isExchange(f.Resource) {
		c.cloud(f, s)
	}
	switch {
	case s.Verdict != OtherLine:
	case f.MFA != nil && f.MFA.Outcome != NoFactor:
		s.Verdict, s.Reason = MFALine, f.Note
	case f.Note != "":
		s.Reason = f.Note
	default:
		s.Reason = "it tells of no second factor, and of no sign-in to Exchange"
	}
}

// isExchange reports whether a sign-in to a resource is one to Exchange: Exchange Online, or an application that the
// operator declared to be Exchange. Source: Microsoft, "Verify first-party Microsoft applications in sign-in reports".
func (c *Classifier) isExchange(resource []byte) bool {
	return equalFold(resource, "00000002-0000-0ff1-ce00-000000000000") || equalFold(resource, "office 365 exchange online") ||
		c.org.Published != nil && c.org.Published(string(resource))
}

// cloud judges a sign-in that Entra, the Unified Audit Log or AD FS tell of.
func (c *Classifier) cloud(f *Facts, s *SignIn) {
	s.Protocol = cloudProtocol(f.Label)
	if !blank(f.Account) {
		c.account(f.Account, false, s)
	}
	if s.Account == nobody || c.noise(f, s) {
		return
	}
	auth, mechanism := cloudAuth(f)
	switch o, why := cloudOutcome(f.Win32); o {
	case UnknownOutcome:
	default:
		c.judge(s, auth, o, Proven, why)
		s.Mechanism = mechanism
	}
}

// cloudProtocol reads Entra's clientAppUsed, and the x-ms-client-application that Exchange Online hands to AD FS.
// Source: Microsoft Graph, signIn resource type; AD FS 2.0 claims for client access policies.
func cloudProtocol(app []byte) Protocol {
	var buf [48]byte
	switch string(bytes.TrimPrefix(lower(buf[:], bytes.TrimSpace(app)), []byte("microsoft.exchange."))) {
	case "autodiscover":
		return Autodiscover
	case "exchange activesync", "exchange activesync (supported)", "exchange activesync (unsupported)", "activesync":
		return ActiveSync
	case "exchange online powershell", "powershell":
		return PowerShell
	case "exchange web services", "webservices":
		return EWS
	case "imap4", "imap":
		return IMAP
	case "pop3", "pop", "popimap":
		return POP
	case "authenticated smtp", "smtp":
		return SMTP
	case "mapi over http", "mapi":
		return MAPI
	case "offline address book", "offlineaddressbook":
		return OAB
	case "outlook anywhere (rpc over http)", "outlook anywhere", "rpc":
		return RPC
	case "outlook service", "universal outlook":
		return OutlookService
	case "reporting web services":
		return Reporting
	case "browser":
		return Browser
	case "mobile apps and desktop clients":
		return App
	}
	return OtherProtocol
}

// cloudAuth reads how the client of a cloud sign-in proved who it was. BAV2ROPC and CBAInPROD are the agents of the
// bridge by which Exchange Online passes on a name and a password.
func cloudAuth(f *Facts) (Auth, Mechanism) {
	var buf [24]byte
	switch string(lower(buf[:], bytes.TrimSpace(f.AuthType))) {
	case "ropc", "rpoc", "usernamemixed":
		return Basic, ROPC
	case "oauth2":
		if !bridged(f.Agent) {
			return OAuth, NoMechanism
		}
	}
	if bridged(f.Agent) {
		return Basic, ROPC
	}
	return UnknownAuth, NoMechanism
}

func bridged(agent []byte) bool {
	return bytes.Contains(agent, []byte("BAV2ROPC")) || bytes.Contains(agent, []byte("CBAInPROD"))
}

// cloudOutcome reads the error code of Entra and of the Unified Audit Log. An interrupt, such as the question whether to
// stay signed in, is neither a success nor a failure. Source: Microsoft Entra authentication error codes.
func cloudOutcome(code uint32) (Outcome, string) {
	switch code {
	case 0:
		return Success, "the identity provider states that this account signed in"
	case 50126, 50034, 50053, 50055, 50056, 50057, 50144, 50064:
		return Failure, "the identity provider refused the name or the password"
	case 50072, 50074, 50076, 50078, 50079, 50158, 500121:
		return Blocked, "the password was right, and a second factor was asked for and not given"
	case 53000, 53001, 53002, 53003, 53004, 50131:
		return Blocked, "the password was right, and a policy refused the sign-in"
	}
	return UnknownOutcome, ""
}
