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
}

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
	Gateway     string // the server that wrote it
	Transaction string // what names it for ever, "" if nothing does
	At          Ref
}
