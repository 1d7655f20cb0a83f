package ingest

import (
	"math"
	"sync/atomic"

	"github.com/outmode/outmode/internal/signin"
)

// crowds says of a rule's group how many of its ticks fall into a stretch of time, or more than do:
// it is a count-min sketch, of fixed size, over stretches as long as the rule's window. A window that
// is full lies in two stretches next to each other that are full together, so nothing that can fire
// is overlooked. Counts only grow and stop at 255, which stands for any number: what they end as does
// not depend on the order, and several workers may add at once.
type crowds struct {
	window func(rule int32) signin.Window
	cells  [2][]atomic.Uint32 // four counts each
	also   *crowds            // what was counted elsewhere, or nil
	full   atomic.Bool        // some window may be full of what was added
}

const (
	crowdBits = 22 // 16 MiB for each of the two
	strayBits = 18 // 1 MiB
	crowdMax  = math.MaxUint8
)

func newCrowds(bits int, window func(rule int32) signin.Window) *crowds {
	c := &crowds{window: window}
	for i := range c.cells {
		c.cells[i] = make([]atomic.Uint32, 1<<bits)
	}
	return c
}

// add counts n ticks of a minute of the group with that crowdHash.
func (c *crowds) add(rule int32, h uint64, minute, n int64) {
	w := c.window(rule)
	if w.Threshold <= 1 {
		return // every minute of it matters
	}
	for i := range c.cells {
		cell, shift := c.cell(i, h, stretch(minute, w))
		for {
			old := cell.Load()
			have := old >> shift & crowdMax
			sum := uint32(min(int64(have)+n, crowdMax))
			if sum == have || cell.CompareAndSwap(old, old&^(crowdMax<<shift)|sum<<shift) {
				break
			}
		}
	}
	// Of two that add to one window at once, the later one sees what both added.
	if !c.full.Load() && c.holds(h, stretch(minute, w), w) {
		c.full.Store(true)
	}
}

// promises reports whether a minute may lie in a window that is full.
func (c *crowds) promises(rule int32, group []byte, minute int64) bool {
	w := c.window(rule)
	if w.Threshold <= 1 {
		return true
	}
	return c.holds(crowdHash(rule, group), stretch(minute, w), w)
}

// holds reports whether a window that begins or ends in a stretch may be full.
func (c *crowds) holds(h uint64, at int64, w signin.Window) bool {
	here := c.count(h, at)
	return c.count(h, at-1)+here >= min(w.Threshold, crowdMax) || here+c.count(h, at+1) >= min(w.Threshold, crowdMax)
}

func (c *crowds) count(h uint64, stretch int64) int64 {
	if c == nil {
		return 0
	}
	n := int64(crowdMax)
	for i := range c.cells {
		cell, shift := c.cell(i, h, stretch)
		n = min(n, int64(cell.Load()>>shift&crowdMax))
	}
	return n + c.also.count(h, stretch)
}

func stretch(minute int64, w signin.Window) int64 { return minute / max(w.Minutes, 1) }

// cell returns where the row keeps a count, and how far it must be shifted.
func (c *crowds) cell(row int, h uint64, stretch int64) (*atomic.Uint32, int) {
	h = (h ^ uint64(stretch)*0x9E3779B97F4A7C15) * [2]uint64{0xD6E8FEB86659FD93, 0xC2B2AE3D27D4EB4F}[row]
	h ^= h >> 32
	return &c.cells[row][h>>2&uint64(len(c.cells[row])-1)], int(h&3) * 8
}

// crowdHash is FNV-1a: the same in every run, so that a run keeps what the one before it kept.
func crowdHash[T string | []byte](rule int32, group T) uint64 {
	h := uint64(14695981039346656037) ^ uint64(uint32(rule))*0x165667B19E3779F9
	for i := range len(group) {
		h = (h ^ uint64(group[i])) * 1099511628211
	}
	return h
}
