package audit

import (
	"net/netip"

	"github.com/outmode/outmode/internal/signin"
)

// A Cause is why the gateways are taken to say what a Verdict says.
type Cause uint8

// The causes.
const (
	Said         Cause = iota // an event of a gateway says so
	Silence                   // the gateway told nothing while others logged on
	NoEvent                   // a gateway that would have told has no event
	OneFactor                 // it told of the password and of no second factor
	Exempted                  // a declared policy
	Unprotected               // nothing protects the entry point
	BackEnd                   // the front end, where gateways stand, was passed by
	NoGateway                 // no gateway is known that protects it: no log of one was read, and none is declared
	NoLog                     // a gateway is declared to protect it, and no log of it was read
	NotCovered                // its log does not cover that time
	NeverSeen                 // it never told of this person
	Ambiguous                 // who the account is, or whom an event names, is not certain
	Nameless                  // the sign-in names nobody
	Roaming                   // it goes on from a session, with a new address or a new client
	UnknownWord               // an event has an outcome that is not known
	GatewayError              // an event tells of an error
	WrongClock                // the times of its log are wrong
	NoField                   // an event is of a log that has no field for a second factor
	causeCount
)

var causeNames = [causeCount]string{"said", "silence", "no_event", "one_factor", "exempt", "unprotected", "back_end", "no_gateway", "no_log", "not_covered", "never_seen", "ambiguous",
	"nameless", "roaming", "unknown_word", "gateway_error", "clock", "no_field"}

func (c Cause) String() string { return causeNames[min(c, causeCount-1)] }

// A Verdict is what the gateways say of one logon.
type Verdict struct {
	Time    int64   // of the first request that is known, Unix milliseconds
	Exact   bool    // to the millisecond, else to the minute
	Person  *Person // nil where it is not certain who the account is
	Account string  // as logged, lower case
	Way     *Way
	Address netip.Addr

	MFA     signin.MFA
	Cause   Cause
	Gateway string           // ID of the one that said so, or did not; "" for none
	Event   *signin.MFAEvent // that says so; nil without one
	Reason  string           // in words
	Doubt   string           // what may be wrong with it; "" for nothing
}

// A Way is how an account signs in: the key of the hour rows, as far as it matters here.
type Way struct {
	Account    string // as logged, lower case; "" for nobody
	Server     string // ExchangeOnline of sign-ins to the cloud
	Entry      signin.Protocol
	Client     string // family
	Internal   bool
	Backend    bool
	Kind       signin.Kind // of the log that told it
	Auth       signin.Auth
	Mechanism  signin.Mechanism
	Evidence   signin.Evidence
	Privileged bool
}

// A Use is the successful sign-ins in one way from one address within one hour: an hour row.
type Use struct {
	Way         *Way // rows of one way share it
	Address     netip.Addr
	First, Last int64      // Unix milliseconds
	Minutes     uint64     // of the hour with a sign-in, as bits
	At          signin.Ref // the line of First; without a length where no more than its file is known
}

// An Hour is what happened within some time, in any order: an hour of the store, or more.
type Hour struct {
	From, To int64 // Unix milliseconds; To is behind it
	Uses     []Use
	Events   []signin.MFAEvent
	Unissued map[string]bool // federations of the events of which no event of AD FS tells, at any time
}

// A Seen is a user of whom a gateway told something that is more than a wrong password.
type Seen struct {
	Kind        signin.Kind
	Application string
	User        string
}

// A Habit is how many events were told in an hour.
type Habit struct {
	Kind        signin.Kind
	Application string
	Hour        int64 // since 1970
	Events      int
}
