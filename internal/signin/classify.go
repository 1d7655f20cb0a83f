package signin

import (
	"net/netip"
)

// An Organisation is what the operator knows and a log line does not say.
type Organisation struct {
	Internal []netip.Prefix      // what is inside; DefaultInternal unless the operator names others
	Servers  map[netip.Addr]bool // addresses of Exchange servers
	Noise    func(account *Account) (why string, ok bool)
	Service  func(account *Account) bool
	Probe    func(agent string, from netip.Addr) (why string, ok bool) // more health checks
}

// A Classifier gives every line its meaning. It remembers how it read accounts, agents and
// addresses, so that a line costs look-ups and no parsing; it keeps no memory of lines. One
// Classifier serves one goroutine.
type Classifier struct {
	org      *Organisation
	families []family
	accounts memo[Account]
	agents   memo[Client]
	plus     memo[Client] // agents with + for blanks
	plusAcct memo[Account]
	address  memo[Address]
	serial   uint32 // of the last address
	bare     [kindCount]*Client
}

// Nobody is the account of a line that names none.
func Nobody() *Account { return nobody }

// OtherAccounts stands for the accounts beyond the number that are told apart.
func OtherAccounts() *Account { return crowd }

var (
	nobody    = &Account{}
	crowd     = &Account{Logged: "(other accounts)", Key: "(other accounts)", Name: "(other accounts)", Form: Bare}
	noAddress = &Address{}
)

// NewClassifier returns a Classifier for lines of org's servers.
func NewClassifier(org *Organisation) *Classifier {
	c := &Classifier{org: org, families: families()}
	for k := range c.bare {
		c.bare[k] = protocolClient(Kind(k))
	}
	return c
}

// Classify says what the line is of which f are the facts, and fills s. It never fails: a line it
// cannot place is OtherLine, with the reason.
func (c *Classifier) Classify(f *Facts, s *SignIn) {
	*s = SignIn{Verdict: OtherLine, Facts: f, Account: nobody, Address: noAddress}
	switch f.Kind {
	case HTTPProxy:
		c.web(f, s)
		c.httpProxy(f, s)
	case IIS:
		c.web(f, s)
		c.iis(f, s)
	case IMAPLog, POPLog, SMTPLog:
		c.logon(f, s)
	default:
		s.Client = c.bare[UnknownKind]
		s.Reason = "not a kind of log that is read"
	}
}

// web resolves what an HTTP request is about and whose account it names. From where and with what it
// came is looked up only for lines that turn out to need it: most do not.
func (c *Classifier) web(f *Facts, s *SignIn) {
	s.Protocol = protocolOf(f.Label, f.Path)
	s.Client = c.bare[UnknownKind]
	if !blank(f.Account) {
		s.Account = c.account(f.Account, f.Kind == IIS)
	}
}

// noise marks s as noise where the account, or with nobody named the path or the agent, says so.
// A person is never noise because of an agent: an attacker could hide behind a probe's.
func (c *Classifier) noise(f *Facts, s *SignIn) bool {
	if s.Account != nobody {
		if s.Account.Traffic == User || s.Account.Traffic == Service {
			return false
		}
		s.Verdict, s.Traffic, s.Reason = Noise, s.Account.Traffic, s.Account.Why
		return true
	}
	if len(f.Agent) > 0 {
		s.Client = c.client(f)
	}
	why, ok := "health check", s.Client.Probe || hasSuffixFold(f.Path, "/healthcheck.htm")
	if !ok && c.org.Probe != nil {
		why, ok = c.org.Probe(s.Client.Agent, c.addressOf(f).IP)
	}
	if ok {
		s.Verdict, s.Traffic, s.Reason = Noise, Probe, why
	}
	return ok
}

// judge makes s a sign-in.
func (c *Classifier) judge(s *SignIn, a Auth, o Outcome, e Evidence, reason string) {
	s.Verdict, s.Traffic = SignInLine, s.Account.Traffic
	s.Auth, s.Outcome, s.Evidence, s.Reason = a, o, e, reason
	s.Client, s.Address = c.client(s.Facts), c.addressOf(s.Facts)
}

func (c *Classifier) httpProxy(f *Facts, s *SignIn) {
	if c.noise(f, s) {
		return
	}
	auth, _ := authOf(f.AuthType)
	if f.Authenticated && s.Account != nobody {
		if auth == UnknownAuth && isWSSecurity(f.Path) {
			auth = WSSecurity
		}
		if f.Status == 401 {
			c.judge(s, auth, Blocked, Proven, "the front end accepted the credential, then Exchange answered 401: a policy or the back end refused it")
			return
		}
		c.judge(s, auth, Success, Proven, "the server states that this account authenticated (IsAuthenticated true)")
		return
	}
	s.Account = nobody // the name on an unauthenticated line is only claimed
	if f.Authenticated {
		s.Reason = "authenticated, but the line names no account"
		return
	}
	if auth == Basic && f.Status == 401 {
		c.judge(s, Basic, Failure, Claimed, "a Basic credential was offered and the answer was 401: wrong, or not looked at; HttpProxy does not name the account")
		s.Weak = true
		return
	}
	s.Reason = unauthenticated(auth, f)
}

// unauthenticated says why a line on which nobody authenticated is not a sign-in.
func unauthenticated(auth Auth, f *Facts) string {
	switch {
	case isWSSecurity(f.Path):
		return "anonymous: WS-Security authenticates inside the message"
	case auth == NTLM || auth == Negotiate || auth == Kerberos:
		return "challenge: a leg of the handshake, no credential was judged"
	case auth == OAuth && f.Status == 401:
		return "challenge: a Bearer header without an accepted token, as discovery sends it"
	case auth == Forms:
		return "anonymous: a page of the logon form, or a redirect to it"
	case f.Status == 401:
		return "challenge: no credential was accepted"
	}
	return "anonymous: nobody authenticated"
}

func isWSSecurity(path []byte) bool {
	return hasSuffixFold(path, "/wssecurity") || hasSuffixFold(path, "/wssecurity/symmetrickey") || hasSuffixFold(path, "/wssecurity/x509cert")
}

func (c *Classifier) iis(f *Facts, s *SignIn) {
	if c.noise(f, s) {
		return
	}
	backend := f.ServerPort == 444 || f.ServerPort == 81
	if backend && (s.Account == nobody || !c.stranger(f)) {
		s.Reason = "back end: it shows the front end's identity, not how the client signed in"
		return
	}
	c.iisRequest(f, s)
	if s.Verdict == SignInLine {
		s.Backend = backend
		s.Weak = s.Outcome == Success && !backend
		if backend {
			s.Evidence = Inferred
			s.Reason = "the back end was reached by an address that is no known server"
		}
	}
}

// stranger reports whether a back end was reached from an address that is no server's.
func (c *Classifier) stranger(f *Facts) bool {
	a := c.addressOf(f)
	return a.IP.IsValid() && !a.Local && !c.org.Servers[a.IP]
}

func (c *Classifier) iisRequest(f *Facts, s *SignIn) {
	auth, _ := authOf(f.AuthType)
	logged := len(f.AuthType) > 0 && !(len(f.AuthType) == 1 && f.AuthType[0] == '-')
	switch {
	case equalFold(f.Path, "/owa/auth.owa"):
		s.Reason = "the logon form answers 302 to a right and to a wrong password"
	case s.Account != nobody && f.Status != 401 && logged:
		c.judge(s, auth, Success, Proven, "IIS logged the account and how it authenticated (AUTH_TYPE)")
	case s.Account != nobody && f.Status != 401:
		c.judge(s, UnknownAuth, Success, Inferred, "IIS names the account but not how it authenticated; add the server variable AUTH_TYPE as a custom field, or give the HttpProxy logs, to prove it")
	case s.Account != nobody && f.SubStatus == 1 && refusedLogon(f.Win32):
		c.judge(s, Basic, Failure, Inferred, "401.1 with the account's name and a logon error: a Basic credential that was refused")
	case f.Status == 403 && certificateRefused(f.SubStatus):
		s.Account = nobody
		c.judge(s, Certificate, Failure, Inferred, "403 for a client certificate that is missing or was refused")
	case f.Status == 401:
		s.Reason = "challenge: no credential was judged"
	default:
		s.Reason = "anonymous: nobody authenticated"
	}
}

// refusedLogon tells the Windows logon errors of an account that was named and refused: wrong
// password, locked out, must change, expired, disabled, account expired.
// Source: Microsoft's list of system error codes.
func refusedLogon(win32 uint32) bool {
	switch win32 {
	case 1326, 1909, 1907, 1330, 1331, 1793:
		return true
	}
	return false
}

// certificateRefused tells the substatus codes of 403 that are about client certificates.
// Source: Microsoft's "HTTP status code in IIS".
func certificateRefused(sub uint16) bool {
	switch sub {
	case 7, 12, 13, 16, 17:
		return true
	}
	return false
}

// logon judges the answer to a logon command of POP, IMAP or SMTP.
func (c *Classifier) logon(f *Facts, s *SignIn) {
	s.Client = c.bare[f.Kind]
	switch f.Kind {
	case IMAPLog:
		s.Protocol = IMAP
	case POPLog:
		s.Protocol = POP
	case SMTPLog:
		s.Protocol = SMTP
	}
	if f.Logon == NoLogon {
		s.Reason = f.Note
		if s.Reason == "" {
			s.Reason = "no logon command"
		}
		return
	}
	if !blank(f.Account) {
		s.Account = c.account(f.Account, false)
	}
	if f.ServerToServer {
		s.Verdict, s.Traffic, s.Reason = Noise, Server, "server-to-server authentication"
		return
	}
	if c.noise(f, s) {
		return
	}
	auth, mechanism := authOf(f.AuthType)
	switch {
	case f.Logon == Refused:
		c.judge(s, auth, Failure, Proven, "the server refused the logon command")
	case s.Account == nobody:
		s.Reason = "a logon was accepted, but the log does not name the account"
		return
	default:
		c.judge(s, auth, Success, Proven, "the server accepted the logon command of this account")
	}
	s.Mechanism = mechanism
}

func (c *Classifier) account(raw []byte, blanks bool) *Account {
	m := &c.accounts
	if blanks {
		m = &c.plusAcct
	}
	a, h := m.find(raw)
	if a != nil {
		return a
	}
	a = parseAccount(raw, blanks)
	if a.Traffic == User && c.org.Noise != nil {
		if why, ok := c.org.Noise(a); ok {
			a.Traffic, a.Why = System, why
		}
	}
	if a.Traffic == User && c.org.Service != nil && c.org.Service(a) {
		a.Traffic, a.Why = Service, "named as a service account by the operator"
	}
	return m.keep(h, a)
}

func (c *Classifier) client(f *Facts) *Client {
	if len(f.Agent) == 0 {
		return c.bare[f.Kind]
	}
	m, blanks := &c.agents, f.Kind == IIS
	if blanks {
		m = &c.plus
	}
	cl, h := m.find(f.Agent)
	if cl != nil {
		return cl
	}
	return m.keep(h, parseClient(f.Agent, blanks, c.families))
}

func (c *Classifier) addressOf(f *Facts) *Address {
	raw := f.Address
	if len(f.Forwarded) > 0 && !(len(f.Forwarded) == 1 && f.Forwarded[0] == '-') {
		raw = f.Forwarded
	}
	if len(raw) == 0 || len(raw) == 1 && raw[0] == '-' {
		return noAddress
	}
	a, h := c.address.find(raw)
	if a != nil {
		return a
	}
	a = parseAddress(raw, c.org.Internal)
	c.serial++
	a.Serial = c.serial
	return c.address.keep(h, a)
}
