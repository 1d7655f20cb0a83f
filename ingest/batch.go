package ingest

import (
	"net/netip"

	"github.com/outmode/outmode/internal/signin"
)

// A Batch is a byte range of one log and all that its lines add up to. A store takes it as a whole, with the
// checkpoint behind it, or not at all.
type Batch struct {
	Log  int64 // the number of the log in the store
	From int64 // the first byte
	To   int64 // the first byte behind the range: the next batch's From

	// The ledger's range that this batch ends: it begins at From, or goes on where small batches follow each other.
	Range  int64
	Digest [32]byte // SHA-256 of the bytes from Range to To
	Chain  [32]byte // SHA-256 of the chain before Range, the digest, Range and To

	First, Last int64 // the earliest and the latest event, Unix milliseconds; 0 without one
	Lines       int64 // lines before To, from the beginning of the log
	Server      string
	Header      []byte // in force at To
	Sessions    []byte // what a decoder must remember at To; nil for most kinds of logs
	Heads       []Head // the headers that came into force within the range

	Counts  []Count
	Rows    []HourRow
	Heard   []Hearing
	Minutes []WaitingMinute
	IDs     []RequestID
	Cited   []RowCitation
	Events  []signin.MFAEvent // of gateways; their File is not used
	Proofs  []Proof           // who is who; one may stand twice
	Cloud   []CloudSignIn     // they are in no row
	Lost    int64             // ticks that were not kept: see minutes.lost
	Garbled []Stretch         // of gateways' logs: the lines that could not be understood
}

// A Stretch is a range of bytes of a log.
type Stretch struct{ From, To int64 }

// A Head is a header and the offset of the line that put it in force.
type Head struct {
	Offset int64
	Header []byte
}

// A Count is how many lines of one day were found to be the same for the same reason.
type Count struct {
	Day     int32 // since 1970, UTC; 0 for lines that have no time
	Verdict signin.Verdict
	Reason  string // "" for sign-ins
	Lines   int64
}

// A Key is what usage is counted by.
type Key struct {
	Server    string
	Account   *signin.Account
	Client    string // family
	Hits      *signin.Hits
	Kind      signin.Kind
	Protocol  signin.Protocol
	Auth      signin.Auth
	Mechanism signin.Mechanism
	Outcome   signin.Outcome
	Evidence  signin.Evidence
	Traffic   signin.Traffic
	Modern    signin.Modern
	Internal  bool
	Backend   bool
	Weak      bool // counts only where the other log of the server did not tell it
}

// Usage is a usage row of this key without a count.
func (k *Key) Usage() signin.Usage {
	return signin.Usage{Server: k.Server, Kind: k.Kind, Account: k.Account, Protocol: k.Protocol, Auth: k.Auth, Mechanism: k.Mechanism, Outcome: k.Outcome,
		Evidence: k.Evidence, Traffic: k.Traffic, Client: k.Client, Modern: k.Modern, Internal: k.Internal, Backend: k.Backend, Hits: k.Hits}
}

// An HourRow is the finest grain of usage: one key, hour and address.
type HourRow struct {
	Key     *Key // rows of one key share it
	Hour    int32
	Address netip.Addr // the zero Addr if the log gave none
	Count   int64
	First   int64 // Unix milliseconds
	Last    int64
	Minutes uint64     // the minutes of the hour with a sign-in, as bits
	At      signin.Ref // the first line; its File is not used
}

// A Hearing says that a server's log of a kind was read for an hour and a protocol.
type Hearing struct {
	Voice
	First, Last int64 // Unix milliseconds
}

// A Voice is one server speaking through one kind of log about one protocol in one hour of event time.
type Voice struct {
	Server   string
	Kind     signin.Kind
	Protocol signin.Protocol
	Hour     int32
}

// A WaitingMinute is a minute of a rule with a window. If it waits, it counts only in an hour in which the other log
// of the server was not heard.
type WaitingMinute struct {
	signin.Minute
	Waits bool
	For   Voice // whose hour it is: of the log that told it
	Cloud bool  // of a sign-in to the cloud: it counts only if that does
}

// A RequestID is the hash of a request's id that a server's HttpProxy told.
type RequestID struct {
	Server string
	Hash   uint64
}

// A Proof is two names of one person, and the last time a line said so.
type Proof struct {
	signin.Pair
	Last int64 // Unix milliseconds
}

// A RowCitation is the first line of a key on which a rule fires.
type RowCitation struct {
	Key *Key
	signin.Citation
}
