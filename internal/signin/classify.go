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

	Published func(resource string) bool // applications of Entra, by id or name, that stand for Exchange: those behind Application Proxy
}

// A Classifier gives every line its meaning. It remembers how it read accounts, agents and
// addresses, so that a line costs look-ups and no parsing; it keeps no memory of lines. One
// Classifier serves one goroutine.
type Classifier struct {
	org      *Organisation
	families []family
	accounts memo[Account]
	byKey    memo[Account] // so that two spellings of one key are one Account
	agents   memo[Client]
	plus     memo[Client] // agents with + for blanks
	plusAcct memo[Account]
	address  memo[Address]
	exchange memo[bool] // whether a resource of a cloud sign-in stands for Exchange
	serial   uint32     // of the last account or address
	bare     [kindCount]*Client
}

// Nobody is the account of a line that names none.
func Nobody() *Account { return nobody }

// nobodySerial is the serial of Nobody; 0 is that of OtherAccounts.
const nobodySerial = 1

// OtherAccounts stands for the accounts beyond the number that are told apart.
func OtherAccounts() *Account { return crowd }

var (
	nobody    = &Account{Serial: nobodySerial}
	crowd     = &Account{Key: "(other accounts)", Name: "(other accounts)", Form: Bare}
	noAddress = &Address{}
)

// NewClassifier returns a Classifier for lines of org's servers.
func NewClassifier(org *Organisation) *Classifier {
	c := &Classifier{org: org, families: families(), serial: nobodySerial, agents: memo[Client]{max: maxAgents}, plus: memo[Client]{max: maxAgents}}
	for k := range c.bare {
		c.bare[k] = protocolClient(Kind(k))
	}
	return c
}

// Classify says what the line is of which f are the facts, and fills s. It never fails: a line it
// cannot place is OtherLine, with the reason.
func (c *Classifier) Classify(f *Facts, s *SignIn) {
	*s = SignIn{Verdict: OtherLine, Facts: f, Account: nobody, Who: nobodySerial, Address: noAddress}
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
		if f.Kind.Gateway() {
			c.gateway(f, s)
			return
		}
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
		c.account(f.Account, f.Kind == IIS, s)
	}
}

// noise marks s as noise where the account, or with nobody named the path or the agent, says so.
// A person is never noise because of an agent: an attacker could hide behind a probe's.
func (c *Classifier) noise(f *Facts, s *SignIn) bool {
	if s.Account != nobody {
		if !s.Traffic.Noise() {
			return false
		}
		if s.Account.Reserved && !c.near(f) {
			c.reserved(f, s)
		}
		s.Verdict, s.Reason = Noise, s.Account.Why
		return true
	}
	if len(f.Agent) > 0 {
		s.Client = c.client(f)
	}
	why, ok := "health check", s.Client.Probe || hasSuffixFold(f.Path, "/healthcheck.htm")
	if !ok && c.org.Probe != nil {
		why, ok = c.org.Probe(s.Client.Agent, c.addressOf(f).val.IP)
	}
	if ok {
		s.Verdict, s.Traffic, s.Reason = Noise, Probe, why
	}
	return ok
}

// judge makes s a sign-in.
func (c *Classifier) judge(s *SignIn, a Auth, o Outcome, e Evidence, reason string) {
	s.Verdict = SignInLine
	s.Auth, s.Outcome, s.Evidence, s.Reason = a, o, e, reason
	s.Client = c.client(s.Facts)
	from := c.addressOf(s.Facts)
	s.Address, s.From, s.Internal = from.val, uint32(from.mark>>1), from.mark&1 != 0
	if s.Internal && forwarded(s.Facts) && len(s.Facts.Address) > 0 {
		s.Internal = c.addressSlot(s.Facts.Address).mark&1 != 0 // what is forwarded is only claimed
	}
}

// near reports whether a line came from where the accounts that Exchange reserves are at home: from the server itself or
// another one. So does one that does not say where it came from.
func (c *Classifier) near(f *Facts) bool {
	return c.nearby(f.Address) && (!forwarded(f) || c.nearby(f.Forwarded))
}

func (c *Classifier) nearby(raw []byte) bool {
	a := c.addressSlot(raw).val
	if a.Raw == "" {
		return true
	}
	return a.Local && a.Internal || !a.Several && c.org.Servers[a.IP] // what stands first of several is only claimed
}

// reserved fills s with how an account of a reserved name authenticated, and leaves it alone if it did not: gateways let
// such names pass, so somebody may have made one.
func (c *Classifier) reserved(f *Facts, s *SignIn) {
	was := *s
	switch f.Kind {
	case HTTPProxy:
		c.httpProxyRequest(f, s)
	case IIS:
		c.iisSignIn(f, s)
	default:
		c.logonAnswer(f, s)
	}
	if s.Verdict != SignInLine || s.Outcome == Failure {
		*s = was
		return
	}
	s.Reserved = true
}

func (c *Classifier) httpProxy(f *Facts, s *SignIn) {
	if !c.noise(f, s) {
		c.httpProxyRequest(f, s)
	}
}

func (c *Classifier) httpProxyRequest(f *Facts, s *SignIn) {
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
	s.name(nobody) // the name on an unauthenticated line is only claimed
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
	if !c.noise(f, s) {
		c.iisSignIn(f, s)
	}
}

func (c *Classifier) iisSignIn(f *Facts, s *SignIn) {
	backend := f.ServerPort == 444 || f.ServerPort == 81
	if backend && (s.Account == nobody || !c.stranger(f)) {
		s.Reason = "back end: it shows the front end's identity, not how the client signed in"
		return
	}
	c.iisRequest(f, s)
	if s.Verdict == SignInLine {
		s.Backend = backend
		s.Weak = s.Outcome != Failure && !backend && (s.Protocol != OtherProtocol || proxied(f.Path))
		if backend {
			s.Evidence = Inferred
			s.Reason = "the back end was reached by an address that is no known server"
		}
	}
}

// stranger reports whether a back end was reached from an address that is no server's. What the front
// end forwards says nothing about that: anybody can write it, and every request has it.
func (c *Classifier) stranger(f *Facts) bool {
	a := c.addressSlot(f.Address).val
	return a.IP.IsValid() && !a.Local && !c.org.Servers[a.IP]
}

func (c *Classifier) iisRequest(f *Facts, s *SignIn) {
	auth, _ := authOf(f.AuthType)
	logged := len(f.AuthType) > 0 && !(len(f.AuthType) == 1 && f.AuthType[0] == '-')
	switch {
	case equalFold(f.Path, "/owa/auth.owa"):
		s.Reason = "the logon form answers 302 to a right and to a wrong password"
	case s.Account != nobody && f.Status == 401 && logged && !refusedLogon(f.Win32):
		c.judge(s, auth, Blocked, Proven, "IIS logged the account and how it authenticated (AUTH_TYPE), then answered 401: a policy or Exchange refused it")
	case s.Account != nobody && f.Status != 401 && logged:
		c.judge(s, auth, Success, Proven, "IIS logged the account and how it authenticated (AUTH_TYPE)")
	case s.Account != nobody && f.Status != 401:
		c.judge(s, UnknownAuth, Success, Inferred, "IIS names the account but not how it authenticated; add the server variable AUTH_TYPE as a custom field, or give the HttpProxy logs, to prove it")
	case s.Account != nobody && f.SubStatus == 1 && refusedLogon(f.Win32):
		c.judge(s, Basic, Failure, Inferred, "401.1 with the account's name and a logon error: a Basic credential that was refused")
	case f.Status == 403 && certificateRefused(f.SubStatus):
		s.name(nobody)
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
		c.account(f.Account, false, s)
	}
	if f.ServerToServer {
		s.Verdict, s.Traffic, s.Reason = Noise, Server, "server-to-server authentication"
		return
	}
	if !c.noise(f, s) {
		c.logonAnswer(f, s)
	}
}

func (c *Classifier) logonAnswer(f *Facts, s *SignIn) {
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

// account finds or reads the account of a line and puts it into s.
func (c *Classifier) account(raw []byte, blanks bool, s *SignIn) {
	m := &c.accounts
	if blanks {
		m = &c.plusAcct
	}
	slot := m.find(raw)
	if slot.val == nil {
		slot.val = c.newAccount(raw, blanks)
		slot.mark = uint64(slot.val.Serial)<<8 | uint64(slot.val.Traffic)
		m.keep(slot, len(raw))
	}
	s.Account, s.Who, s.Traffic = slot.val, uint32(slot.mark>>8), Traffic(slot.mark&0xff)
}

func (c *Classifier) newAccount(raw []byte, blanks bool) *Account {
	a := parseAccount(raw, blanks)
	same := c.byKey.find([]byte(a.Key))
	if same.val != nil {
		return same.val
	}
	if a.Traffic == User && c.org.Noise != nil {
		if why, ok := c.org.Noise(a); ok {
			a.Traffic, a.Why = System, why
		}
	}
	if a.Traffic == User && c.org.Service != nil && c.org.Service(a) {
		a.Traffic, a.Why = Service, "named as a service account by the operator"
	}
	c.serial++
	a.Serial = c.serial
	same.val = a
	c.byKey.keep(same, len(a.Key))
	return a
}

// name puts an account into s.
func (s *SignIn) name(a *Account) { s.Account, s.Who, s.Traffic = a, a.Serial, a.Traffic }

func (c *Classifier) client(f *Facts) *Client {
	if len(f.Agent) == 0 {
		return c.bare[f.Kind]
	}
	m, blanks := &c.agents, f.Kind == IIS
	if blanks {
		m = &c.plus
	}
	slot := m.find(f.Agent)
	if slot.val == nil {
		slot.val = parseClient(f.Agent, blanks, c.families)
		m.keep(slot, min(len(f.Agent), maxAgent))
	}
	return slot.val
}

// addressOf finds or reads where a line came from, as far as it is told.
func (c *Classifier) addressOf(f *Facts) memoSlot[Address] {
	if forwarded(f) {
		return c.addressSlot(f.Forwarded)
	}
	return c.addressSlot(f.Address)
}

func forwarded(f *Facts) bool {
	return len(f.Forwarded) > 0 && !(len(f.Forwarded) == 1 && f.Forwarded[0] == '-')
}

// addressSlot finds or reads an address. The mark is its serial, and whether it is inside.
func (c *Classifier) addressSlot(raw []byte) memoSlot[Address] {
	if len(raw) == 0 || len(raw) == 1 && raw[0] == '-' {
		return memoSlot[Address]{val: noAddress}
	}
	slot := c.address.find(raw)
	if slot.val != nil {
		return slot
	}
	slot.val = parseAddress(raw, c.org.Internal)
	if slot.val.IP.IsValid() {
		c.serial++
		slot.mark = uint64(c.serial) << 1
	}
	if slot.val.Internal {
		slot.mark |= 1
	}
	return c.address.keep(slot, len(raw))
}
