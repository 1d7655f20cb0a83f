package signin

import "net/netip"

// A FactorOutcome is what became of a second factor, as a gateway tells it.
type FactorOutcome uint8

// The outcomes. Every word of every vendor is turned into one of these by a table; one that is not in it is
// FactorUnknown, never a pass and never a bypass.
const (
	NoFactor      FactorOutcome = iota // the line tells of no second factor
	FactorUnknown                      // it tells of one, in a word that is not known
	FactorPassed
	FactorRemembered   // proven earlier on this device
	FactorBypassed     // not asked for, by configuration
	FactorHelpdeskCode // passed with a code that an administrator gave
	FactorFailOpen     // let in since the gateway did not answer
	FactorDenied
	FactorFraud // denied, and reported as not one's own
	FactorTimeout
	FactorError
	FirstFactorOK // a password was right; nothing is said of a second factor
	FirstFactorFailed
	FactorEnrolled
	FactorConfig // how the gateway is set, or a change of it
	FactorInfo
	factorCount
)

var factorNames = [factorCount]string{"", "unknown", "passed", "remembered", "bypassed", "helpdesk_code", "fail_open", "denied", "fraud", "timeout", "error",
	"first_factor_ok", "first_factor_failed", "enrolled", "config", "info"}

func (o FactorOutcome) String() string { return name(factorNames[:], uint8(o), "factor outcome") }

// ParseFactorOutcome returns the outcome of a word; false if it is none.
func ParseFactorOutcome(word string) (FactorOutcome, bool) {
	for i, w := range factorNames {
		if i > 0 && w == word {
			return FactorOutcome(i), true
		}
	}
	return NoFactor, false
}

// NoFactorField is the reason of an event of outcome unknown whose record has no field that could say more: an export of
// Entra without authenticationRequirement and authenticationDetails. No word of a gateway is behind it.
const NoFactorField = "no field for a second factor"

// MFAFacts are what one line or record of a gateway says of one person's second factor. A decoder fills them; the bytes
// are borrowed like those of Facts.
type MFAFacts struct {
	Time        int64  // Unix milliseconds, UTC
	User        []byte // as the gateway wrote it
	Application []byte
	Address     []byte // of the client, as logged: a list, a port and a zone are possible
	Factor      []byte // the vendor's word, lower-case, blanks as _
	Outcome     FactorOutcome
	Reason      []byte // the vendor's word
	Gateway     []byte // the server that wrote it
	Transaction []byte // what names it for ever
	Session     []byte // in which an identity provider let somebody in: its id, in lower case
	Platform    Platform
	Federation  []byte // the request at AD FS that proved somebody: its id, in lower case; of an event of AD FS its own
	Policy      Policy
}

// A Platform is what somebody signed in on, as coarse as it takes to tell two computers apart: a tablet calls itself a
// desktop of its maker, and one computer holds many programs.
type Platform uint8

// The platforms.
const (
	NoPlatform Platform = iota // it does not say, or contradicts itself
	Windows
	Apple
	Linux // Android and ChromeOS, too
	Script
)

// A Policy is what Conditional Access did not do about a sign-in that one factor was enough for.
type Policy uint8

// What it did not do.
const (
	NoPolicy         Policy = iota // it is not known, it asked for a second factor, or no policy would have
	PolicyNotApplied               // a policy that asks for one, or blocks, did not apply
	PolicyReportOnly               // one would have stopped it, but only reports
	policyCount
)

var policyNames = [policyCount]string{"", "not_applied", "report_only_failure"}

func (p Policy) String() string { return name(policyNames[:], uint8(p), "policy") }

// An Issuer is what AD FS knows of a token by which somebody signed in elsewhere.
type Issuer uint8

// What it knows.
const (
	NoIssuer     Issuer = iota // it is not due to know of it, or it is not known whether it does
	IssuerSeen                 // it told of the request for it
	IssuerSilent               // it did not, though it would have
	issuerCount
)

var issuerNames = [issuerCount]string{"", "seen", "silent"}

func (i Issuer) String() string { return name(issuerNames[:], uint8(i), "issuer") }

// An MFAEvent is what an MFA gateway logged of one person's second factor.
type MFAEvent struct {
	Kind        Kind
	Time        int64  // Unix milliseconds
	User        string // as the gateway wrote it
	Application string
	Address     netip.Addr // the zero Addr if it gave none
	Factor      string     // the gateway's word, lower-case
	Outcome     FactorOutcome
	Reason      string
	Gateway     string  // the server that wrote it
	Transaction string  // what names it for ever, "" if nothing does
	SignIn      Outcome // of the sign-in that the same record tells of; UnknownOutcome if it tells of none
	Session     string  // in which an identity provider let somebody in, "" if it did not, or does not say
	Platform    Platform
	Federation  string // the request at AD FS that proved somebody, "" if none did; of an event of AD FS its own
	Policy      Policy
	At          Ref
}
