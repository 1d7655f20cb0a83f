package signin

import "hash/maphash"

// A memo remembers what bytes were parsed to: an open table of hashes, so that a known value costs
// one look at memory and no string. It is bounded: when its young half is full that becomes the old
// one and what was old and not asked for again is forgotten, so a flood of new values cannot push
// out the busy ones. Entries live on where they are referred to.
type memo[T any] struct {
	seed       maphash.Seed
	young, old []memoSlot[T]
	n          int // of young
}

type memoSlot[T any] struct {
	hash uint64
	raw  string
	val  *T
}

// Bounds of one memo: how many values the young half holds. An organisation of 20,000 fits the first
// growth; a hostile log names millions.
const (
	minMemo = 1 << 8
	maxMemo = 1 << 15
)

// find returns what raw was parsed to, and its hash for keep.
func (m *memo[T]) find(raw []byte) (*T, uint64) {
	if m.young == nil {
		m.seed = maphash.MakeSeed()
		m.young = make([]memoSlot[T], 2*minMemo)
	}
	h := maphash.Bytes(m.seed, raw)
	if v := lookup(m.young, h, raw); v != nil {
		return v, h
	}
	if m.old != nil {
		if v := lookup(m.old, h, raw); v != nil {
			return m.keep(h, string(raw), v), h
		}
	}
	return nil, h
}

func lookup[T any](slots []memoSlot[T], h uint64, raw []byte) *T {
	mask := uint64(len(slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		s := &slots[i]
		if s.val == nil {
			return nil
		}
		if s.hash == h && s.raw == string(raw) {
			return s.val
		}
	}
}

// keep remembers v for raw, of which h is the hash. It returns v.
func (m *memo[T]) keep(h uint64, raw string, v *T) *T {
	if 2*m.n >= len(m.young) {
		m.grow()
	}
	put(m.young, memoSlot[T]{h, raw, v})
	m.n++
	return v
}

func (m *memo[T]) grow() {
	if m.n >= maxMemo {
		m.old, m.young, m.n = m.young, make([]memoSlot[T], 2*minMemo), 0
		return
	}
	bigger := make([]memoSlot[T], 2*len(m.young))
	for _, s := range m.young {
		if s.val != nil {
			put(bigger, s)
		}
	}
	m.young = bigger
}

func put[T any](slots []memoSlot[T], s memoSlot[T]) {
	mask := uint64(len(slots) - 1)
	i := s.hash & mask
	for slots[i].val != nil {
		i = (i + 1) & mask
	}
	slots[i] = s
}
