package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"

	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

// A Source is one log file as the ledger knows it: how to know it again, and how far it was committed.
type Source struct {
	ID       int64
	Path     string // as given, with /; of an archive's member a.zip!name
	FileID   string // volume and index, "" where the file system has none that lasts
	Head     [32]byte
	HeadSize int64  // Head is the SHA-256 of so many bytes from the beginning, at most headPrint
	Name     string // its kind and the hash of its first data line; "" before there is one
	Kind     signin.Kind
	State    State
	Why      string
	Server   string // whose log it is, as far as it is known
	Owner    string // the same, where its lines do not say so and request ids or the configuration did
	Encoding tail.Encoding
	Plain    bool // not an archive

	Size     int64 // bytes on disk when it was looked at last
	Modified int64 // Unix nanoseconds, of the file on disk
	Done     bool  // an archive was read to its end

	Offset     int64 // committed
	Lines      int64 // before Offset
	Header     []byte
	Sessions   []byte // what the decoder must remember there; where records are not lines, with the scanner's context before it
	Chain      [32]byte
	Unfinished string // what a line behind Offset that has no end yet is; "" without one
	First      int64
	Last       int64

	log      int        // its place in the reader's list, plus one; 0 while it is not on disk
	before   [32]byte   // the chain before the ledger's last range
	stuck    bool       // reading failed: not tried again before the file changes, or is looked at again
	noFollow bool       // it is looked at, and not followed
	tried    int64      // the size up to which it was read, the line without an end included
	live     *live      // what follows it; nil for nothing
	shrank   *shrinking // its file is shorter than what was read of it; nil if it is not
	open     *opening   // the ledger's range that goes on
}

// headPrint is how much of a file's beginning its fingerprint covers. Heads alone identify nothing: those of
// HttpProxy logs are alike beyond it.
const headPrint = 4 << 10

// A Hole is what will never be read of a log: it went away, shrank or was replaced before its end.
type Hole struct {
	Log    int64
	Offset int64 // from here on
	Bytes  int64 // so many, as far as it is known
	From   int64 // Unix milliseconds: the last event before it; 0 if there was none
	To     int64 // when it was noticed
	Reason string
}

// A Known is what a store remembers for a pipeline that begins.
type Known struct {
	Sources []Source
	Servers map[netip.Addr]string // addresses that servers gave themselves; "" where two share one
}

// A Commit is what a store takes in one transaction.
type Commit struct {
	Sources []*Source // new ones and those that changed; of batches' logs with the checkpoint behind them
	Batches []*Batch  // in the order of each log
	Holes   []Hole
	Servers map[netip.Addr]string
	Forget  []int64 // sources that turned out to be something else
	Adopted []Adoption
	Refused []Refusal // that were over when this was tried
}

// A Refusal is a time in which the ledger took nothing, Unix milliseconds: what was logged meanwhile was read, but late.
type Refusal struct {
	From int64  `json:"from"`
	To   int64  `json:"to"`
	Why  string `json:"why"`
}

// An Adoption says whose log one is that was thought to be of a server of its own: all that is known of that one is
// the other's.
type Adoption struct {
	Log      int64
	From, To string // servers
}

// A Ledger keeps what a pipeline commits.
type Ledger interface {
	Known(ctx context.Context) (*Known, error)
	// Commit stores all of c or nothing. It fails with ErrStale where a batch does not begin where its log stands.
	Commit(ctx context.Context, c *Commit) error
	// Ranges returns the ledger of a log, in the order of its bytes.
	Ranges(ctx context.Context, log int64) ([]Range, error)
	// Owners returns the servers' names by the hashes of request ids that they told.
	Owners(ctx context.Context) (map[uint64]string, error)
}

// print fingerprints the head of a log.
func (s *Source) print(head []byte) {
	head = head[:min(len(head), headPrint)]
	s.Head, s.HeadSize = sha256.Sum256(head), int64(len(head))
}

// begins reports whether a log with that head begins as s did.
func (s *Source) begins(head []byte) bool {
	return int64(len(head)) >= s.HeadSize && sha256.Sum256(head[:s.HeadSize]) == s.Head
}

// Link returns the chain behind a range of the ledger, from the chain before it: what a check of the ledger recomputes.
func Link(before, digest [32]byte, from, to int64) [32]byte {
	b := append(before[:], digest[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(from))
	return sha256.Sum256(binary.BigEndian.AppendUint64(b, uint64(to)))
}
