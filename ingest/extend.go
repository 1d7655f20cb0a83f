package ingest

import (
	"crypto/sha256"
	"hash"
)

// An opening is a range of the ledger that goes on with the next piece of a log that is followed: or a busy log would
// make thousands of ranges an hour.
type opening struct {
	from, to int64
	sum      hash.Hash
}

// rangeSize is where a range ends that goes on.
const rangeSize = 1 << 20

// extend makes a batch the end of the range that is open, if it can be; data is its bytes, if they are at hand.
func (s *Source) extend(b *Batch, data []byte) {
	b.Range = b.From
	if data == nil {
		s.open = nil
		return
	}
	if s.open == nil || s.open.to != b.From || b.From-s.open.from >= rangeSize {
		s.open = &opening{from: b.From, sum: sha256.New()}
	}
	s.open.sum.Write(data)
	s.open.to = b.To
	b.Range, b.Digest = s.open.from, [32]byte(s.open.sum.Sum(nil))
}
