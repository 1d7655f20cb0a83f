package signin

import "bytes"

// gateway judges a line of an MFA gateway or of an identity provider. It is a sign-in where it says that somebody signed
// in to Exchange; else, where it tells of a second factor, an event.
func (c *Classifier) gateway(f *Facts, s *SignIn) {
	s.Client = c.bare[UnknownKind]
	if c.toExchange(f) {
		c.cloud(f, s)
	}
	switch {
	case s.Verdict != OtherLine:
	case f.MFA != nil && f.MFA.Outcome != NoFactor:
		s.Verdict, s.Reason = MFALine, f.Note
		if s.Reason == "" {
			s.Reason = factorReason(f.MFA.Outcome)
		}
	case f.Note != "":
		s.Reason = f.Note
	default:
		s.Reason = "it tells of no second factor, and of no sign-in to Exchange"
	}
}

// toExchange reports whether a cloud sign-in is one to Exchange: Exchange Online, or an application that the operator
// declared to be Exchange, by its id or by its name, of which a record that names both gives the name to its event.
// Source: Microsoft, "Verify first-party Microsoft applications in sign-in reports".
func (c *Classifier) toExchange(f *Facts) bool {
	switch {
	case len(f.Resource) == 0:
		return false
	case equalFold(f.Resource, "00000002-0000-0ff1-ce00-000000000000"), equalFold(f.Resource, "office 365 exchange online"):
		return true
	}
	return c.published(f.Resource) || f.MFA != nil && c.published(f.MFA.Application)
}

// published asks the operator once for every name.
func (c *Classifier) published(name []byte) bool {
	if c.org.Published == nil || len(name) == 0 {
		return false
	}
	slot := c.exchange.find(name)
	if slot.val == nil {
		is := c.org.Published(string(name))
		slot.val = &is
		c.exchange.keep(slot, len(name))
	}
	return *slot.val
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

// cloudAuth reads how the client of a cloud sign-in proved who it was: Entra's authenticationProtocol, with the typo that
// some exports have, or the RequestType of the Unified Audit Log. WS-Trust's active endpoints take a name and a password;
// OAuth2:Token takes either a password or a token and does not say which. BAV2ROPC, CBAInPROD and CBAInTAR are the agents
// of the bridge by which Exchange Online passes on a name and a password.
func cloudAuth(f *Facts) (Auth, Mechanism) {
	var buf [48]byte
	switch string(lower(buf[:], bytes.TrimSpace(f.AuthType))) {
	case "ropc", "rpoc", "usernamemixed", "orgidwstrust2:process", "windowsauthenticationcontroller:usernamemixed":
		return Basic, ROPC
	case "devicecode":
		return UnknownAuth, DeviceCode
	case "oauth2", "oauth2:authorize":
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
	return bytes.Contains(agent, []byte("BAV2ROPC")) || bytes.Contains(agent, []byte("CBAInPROD")) || bytes.Contains(agent, []byte("CBAInTAR"))
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

// factorReason says in words what an event of a second factor tells.
func factorReason(o FactorOutcome) string {
	switch o {
	case FactorPassed:
		return "a second factor was asked for and given"
	case FactorRemembered:
		return "a second factor was proven earlier, and not asked for again"
	case FactorBypassed:
		return "no second factor was asked for: the gateway is set so"
	case FactorHelpdeskCode:
		return "the second factor was a code that an administrator gave"
	case FactorFailOpen:
		return "no second factor was asked for: the gateway could not, and let in"
	case FactorDenied:
		return "the second factor was refused"
	case FactorFraud:
		return "the person says that the sign-in was somebody else's"
	case FactorTimeout:
		return "nobody answered when the second factor was asked for"
	case FactorError:
		return "the gateway failed"
	case FirstFactorOK:
		return "the first factor was right; nothing is said of a second one"
	case FirstFactorFailed:
		return "the first factor was wrong"
	case FactorEnrolled:
		return "a second factor was enrolled"
	case FactorConfig:
		return "how the second factor is set, or a change of it"
	case FactorInfo:
		return "a step of a sign-in: it says nothing of its end"
	}
	return "it does not say, in a word that is known, what became of the second factor"
}
