package tail

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// Digest returns the SHA-256 of the first n bytes of the log, decompressed, and how many bytes it covers: fewer than
// n where the log is shorter. With an error of reading, both tell of what could be read.
func (in Input) Digest(n int64) ([sha256.Size]byte, int64, error) {
	h := sha256.New()
	var covered int64
	r, err := in.Open()
	if err == nil {
		covered, err = io.Copy(h, io.LimitReader(r, n))
		err = errors.Join(err, r.Close())
	}
	if err != nil {
		err = fmt.Errorf("hashing: %w", err)
	}
	return [sha256.Size]byte(h.Sum(nil)), covered, err
}

// A Relation says how the content of two logs compares.
type Relation uint8

// The relations.
const (
	Different Relation = iota
	Same
	FirstInSecond
	SecondInFirst
)

// Relate reports whether one of two logs, decompressed, begins with all of the other, but for NULs at the end of a
// snapshot: space that was reserved and not written yet. It reads both at once, block by block, up to the first
// difference or the end of the shorter. With an error of reading, the answer holds for what could be read; with that of
// ctx, which has ended, there is none.
func Relate(ctx context.Context, a, b Input) (Relation, error) {
	ra, err := a.Open()
	if err != nil {
		return Different, fmt.Errorf("comparing: %w", err)
	}
	defer ra.Close()
	rb, err := b.Open()
	if err != nil {
		return Different, fmt.Errorf("comparing: %w", err)
	}
	defer rb.Close()

	const block = 128 << 10
	bufA, bufB := make([]byte, block), make([]byte, block)
	for {
		if err := ctx.Err(); err != nil {
			return Different, err
		}
		na, errA := io.ReadFull(ra, bufA)
		nb, errB := io.ReadFull(rb, bufB)
		n := min(na, nb)
		if !bytes.Equal(bufA[:n], bufB[:n]) {
			i := 0
			for bufA[i] == bufB[i] {
				i++
			}
			switch {
			case onlyNUL(bufA[i:na], Stoppable(ctx, ra)):
				return FirstInSecond, ctx.Err()
			case onlyNUL(bufB[i:nb], Stoppable(ctx, rb)):
				return SecondInFirst, ctx.Err()
			}
			return Different, ctx.Err()
		}
		if errA != nil || errB != nil {
			r := Same
			switch {
			case na < nb || errB == nil:
				r = FirstInSecond
			case na > nb || errA == nil:
				r = SecondInFirst
			}
			return r, errors.Join(damage(errA), damage(errB))
		}
	}
}

// onlyNUL reports whether nothing but NULs is left of a log, of which rest is read already.
func onlyNUL(rest []byte, r io.Reader) bool {
	buf := make([]byte, 32<<10)
	for {
		if !allNUL(rest) {
			return false
		}
		n, err := r.Read(buf)
		if rest = buf[:n]; err != nil {
			return allNUL(rest)
		}
	}
}

// damage is the error of io.ReadFull unless it is the plain end of the stream.
func damage(err error) error {
	if err == nil || err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil
	}
	return fmt.Errorf("comparing: %w", err)
}

// Stoppable returns a reader that fails with the error of ctx once it has ended: what reads a whole log in one call
// stops within one block.
func Stoppable(ctx context.Context, r io.Reader) io.Reader { return &stoppable{ctx, r} }

type stoppable struct {
	ctx context.Context
	r   io.Reader
}

func (s *stoppable) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}
