package signin

import "net/netip"

// Lines counts the lines of a file by what they were found to be. Total is always the sum of the
// others: no line is lost.
type Lines struct {
	Total     int64 `json:"total"`
	SignIn    int64 `json:"signin"`
	MFA       int64 `json:"mfa"`
	Noise     int64 `json:"noise"`
	Other     int64 `json:"other"`
	Malformed int64 `json:"malformed"`
	Directive int64 `json:"directive"`
}

// Count adds one line.
func (l *Lines) Count(v Verdict) { l.CountN(v, 1) }

// CountN adds n lines.
func (l *Lines) CountN(v Verdict, n int64) {
	l.Total += n
	switch v {
	case SignInLine:
		l.SignIn += n
	case MFALine:
		l.MFA += n
	case Noise:
		l.Noise += n
	case Malformed:
		l.Malformed += n
	case Directive:
		l.Directive += n
	default:
		l.Other += n
	}
}

// Add adds the counts of o.
func (l *Lines) Add(o Lines) {
	l.Total += o.Total
	l.SignIn += o.SignIn
	l.MFA += o.MFA
	l.Noise += o.Noise
	l.Other += o.Other
	l.Malformed += o.Malformed
	l.Directive += o.Directive
}

// A Usage is a summary row: how often an account signed in one way, over all the time that was read.
type Usage struct {
	Server    string
	Kind      Kind
	Account   *Account // Key is what the row is keyed by; Nobody for a nameless refusal
	Protocol  Protocol
	Auth      Auth
	Mechanism Mechanism
	Outcome   Outcome
	Evidence  Evidence
	Traffic   Traffic
	Client    string // family
	Modern    Modern
	Internal  bool
	Backend   bool
	Count     int64
	First     int64 // Unix milliseconds
	Last      int64
	Days      []int32      // the UTC days with a sign-in, as days since 1970, ascending
	Addresses []netip.Addr // a sample: the smallest ones
	Hits      *Hits        // the rules that fire; nil for none
	At        Ref          // the first line
}

// A Citation is what a finding shows of one line: where it stands, what its bytes hash to, and the
// document of the sign-in. It never holds the raw text.
type Citation struct {
	At       Ref
	SHA256   [32]byte // of the bytes without the line end, as they stand in the decompressed file
	Document []byte   // the JSON of the sign-in, see AppendDocument; nil for an event of a gateway that is none
}

// A Span is a period of event time, in Unix milliseconds, both ends included.
type Span struct{ From, To int64 }

// Hits are the rules that a sign-in meets, by their place in the rule set. Equal sets are one Hits,
// so that a pointer can be part of a key.
type Hits struct {
	ID      uint32
	Match   []int32 // rules of type match and first_seen that fire
	Ticks   bool    // some rule counts this sign-in in a window: ask for its ticks
	Later   bool    // some rule counts it as a step behind its first: that matters where the first was seen
	Pending bool    // some rule depends on the line: ask again with the line
	Ruling  any     // what they mean to the room that gave them
}

// A Tick is one count for a rule with a window: a sign-in that meets a step of the rule.
type Tick struct {
	Rule     int32
	Step     int32
	Group    []byte // the values of group_by, joined by tabs; borrowed until the next ticks are asked for
	Distinct uint64 // the hash of the value that is counted once; 0 where every sign-in counts
}

// A Minute is what is kept of the ticks of one rule, step and group within one minute of event time.
type Minute struct {
	Rule     int32
	Step     int32
	Group    string
	Minute   int64 // Unix minutes
	Count    int64
	First    int64 // Unix milliseconds
	Last     int64
	Distinct []uint64 // at most as many as the rule's threshold
	At       Ref      // the first line
}

// A Window is what the minutes of one rule are for.
type Window struct {
	Threshold int64 // a window matters that holds so many ticks; 1 or less: every minute matters
	Minutes   int64 // its length
	Distinct  int   // how many distinct values of one minute matter
}
