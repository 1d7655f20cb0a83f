package signin

import (
	"cmp"
	"hash/maphash"
)

// A memo remembers what bytes were parsed to, so that a known value costs one look at memory and no
// string. Values are told apart by a hash of 64 bits under a key that is drawn anew for every memo:
// nobody can make two that collide, by chance two of ten million new values meet a remembered one
// once in thirty million scans, and comparing the bytes themselves would cost another look at memory
// for every column of every line.
//
// It is bounded: when its young half is full that becomes the old one, and what was old and not asked
// for again is forgotten, so a flood of new values cannot push out the busy ones. Entries live on
// where they are referred to.
type memo[T any] struct {
	key        maphash.Seed
	young, old []memoSlot[T]
	n, size    int // of young: values, and bytes that they were read from
	max        int // that the young half holds; 0 is maxMemo
}

// A memoSlot is one value, and a mark that says of it what most lines ask: looking at the value itself
// is one more look at memory.
type memoSlot[T any] struct {
	hash uint64
	val  *T
	mark uint64
}

// Bounds of one memo: how many values the young half holds. An organisation of 20,000 fits, with as
// many addresses and far fewer agents; a hostile log names millions.
const (
	minMemo   = 1 << 8
	maxMemo   = 1 << 15
	maxAgents = 1 << 13
	maxBytes  = 4 << 20 // that the values of the young half were read from
)

// find returns the slot of raw. Its value is nil if raw is not known; then it is for keep.
func (m *memo[T]) find(raw []byte) memoSlot[T] {
	if m.young == nil {
		m.key = maphash.MakeSeed()
		m.young = make([]memoSlot[T], 2*minMemo)
	}
	h := maphash.Bytes(m.key, raw)
	if s := lookup(m.young, h); s != nil {
		return *s
	}
	if m.old != nil {
		if s := lookup(m.old, h); s != nil {
			return m.keep(*s, len(raw))
		}
	}
	return memoSlot[T]{hash: h}
}

func lookup[T any](slots []memoSlot[T], h uint64) *memoSlot[T] {
	mask := uint64(len(slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		s := &slots[i]
		if s.val == nil {
			return nil
		}
		if s.hash == h {
			return s
		}
	}
}

// keep remembers a slot of a value that was read from so many bytes, and returns it.
func (m *memo[T]) keep(s memoSlot[T], size int) memoSlot[T] {
	switch full := 2*m.n >= len(m.young); {
	case m.size+size > maxBytes, full && m.n >= cmp.Or(m.max, maxMemo):
		m.old, m.young, m.n, m.size = m.young, make([]memoSlot[T], 2*minMemo), 0, 0
	case full:
		bigger := make([]memoSlot[T], 2*len(m.young))
		for _, s := range m.young {
			if s.val != nil {
				put(bigger, s)
			}
		}
		m.young = bigger
	}
	put(m.young, s)
	m.n++
	m.size += size
	return s
}

func put[T any](slots []memoSlot[T], s memoSlot[T]) {
	mask := uint64(len(slots) - 1)
	i := s.hash & mask
	for slots[i].val != nil {
		i = (i + 1) & mask
	}
	slots[i] = s
}
