// Package ingest turns log files into what is kept of them: usage rows, minutes for rules with
// windows, and the ledger that says of every line what became of it.
//
// Scan is the entry. It identifies every input by its content, leaves out what was met before, reads
// HttpProxy and the mail protocols first and IIS after them, each file cut into parts that workers
// decode, classify and fold, and merges the parts in the order of path and offset, so that the result
// does not depend on the number of workers. One request that both IIS and HttpProxy tell counts once.
//
// The room declares what it needs of others (Decoder, Judge, Format); the command hands them in.
package ingest

import "github.com/outmode/outmode/internal/signin"

// A Judge says which rules a sign-in meets. One Judge serves one worker; its answers are canonical:
// equal sets of rules are one pointer, whichever Judge gave it.
type Judge interface {
	// Row judges what the fields of a usage row's key decide. It never returns nil.
	Row(s *signin.SignIn) *signin.Hits
	// Line completes hits that are Pending with the fields of this line.
	Line(h *signin.Hits, s *signin.SignIn) *signin.Hits
	// Ticks appends what this sign-in counts in rules with windows.
	Ticks(dst []signin.Tick, h *signin.Hits, s *signin.SignIn) []signin.Tick
}

// A Watch says where later steps of rules matter: the first steps were seen there.
type Watch interface {
	// Wants reports whether a tick of a later step matters, at that Unix millisecond.
	Wants(t *signin.Tick, ms int64) bool
	// Overlaps reports whether any could matter in a period of event time.
	Overlaps(from, to int64) bool
}

// Options are the choices of a Scan.
type Options struct {
	Recognize func(head []byte) Format              // what a file is, from its first lines
	Declared  func(path string, head []byte) Format // what the operator says that a file is which is not counted else; nil: nothing
	Org       signin.Organisation                   // Servers is added to, from the logs' own heads
	NewJudge  func() Judge                          // nil: no rules
	Window    func(rule int32) signin.Window        // of the rules that Judge's ticks are of
	// Watch says where the later steps matter: near the first ones or, if open, at any time behind them. nil, or
	// returning nil: nowhere.
	Watch    func(firstSteps []signin.Minute, open bool) Watch
	Workers  int                     // default: one per processor
	Since    int64                   // Unix milliseconds; lines before it are other. 0: no bound
	Until    int64                   // lines at or after it are other. 0: no bound
	Progress func(done, total int64) // bytes on disk; called from several goroutines
	PartSize int64                   // where big files are cut; default 64 MiB
}

const (
	defaultPart = 64 << 20
	groupSize   = 8 << 20  // small files are read together up to this size
	headSize    = 64 << 10 // what is read of a file to tell what it is
	headLines   = 32       // of which so many are understood, for the addresses that servers give themselves
)
