package ingest

import (
	"bytes"
	"cmp"
	"iter"
	"maps"
	"slices"

	"github.com/outmode/outmode/internal/signin"
)

// A key is what a usage row is found by. Its numbers are places in the lists of one tally.
type key struct {
	user      uint32
	hits      uint32 // signin.Hits.ID + 1 where the line decides, else 0
	hour      int32  // of rows that wait until the other log was read; else 0
	server    uint16
	kind      signin.Kind
	protocol  signin.Protocol
	auth      signin.Auth
	mechanism signin.Mechanism
	outcome   signin.Outcome
	evidence  signin.Evidence
	traffic   signin.Traffic
	modern    signin.Modern
	family    uint8
	flags     uint8
}

const (
	flagInternal = 1 << iota
	flagBackend
)

// hash mixes the key. It is the same in every run, but nothing that is printed depends on it.
func (k *key) hash() uint64 {
	a := uint64(k.user)<<32 | uint64(k.hits)
	b := uint64(uint32(k.hour))<<32 | uint64(k.server)<<16 | uint64(k.kind)<<8 | uint64(k.protocol)
	c := uint64(k.auth)<<56 | uint64(k.mechanism)<<48 | uint64(k.outcome)<<40 | uint64(k.evidence)<<32 |
		uint64(k.traffic)<<24 | uint64(k.modern)<<16 | uint64(k.family)<<8 | uint64(k.flags)
	h := a*0x9E3779B97F4A7C15 ^ b*0xC2B2AE3D27D4EB4F ^ c*0x165667B19E3779F9
	h ^= h >> 32
	h *= 0xD6E8FEB86659FD93
	return h ^ h>>29
}

// A row is a usage row while it grows: what every line touches, one cache line of it. Neither it nor
// its tail holds a pointer, so that the collector need not look at rows.
type row struct {
	key   key
	count int64
	first int64
	last  int64
	days  days
	from  uint32 // signin.SignIn.From of the last one
	tail  uint32 // the place of its tail plus one, and asks; 0 where there is no row
}

// What a row asks of every line, noted in it so that most lines need not look at its tail.
const (
	asksLine  = 1 << 31 // its hits are pending
	asksTicks = 1 << 30 // some rule counts it in a window
	tailMask  = asksTicks - 1
)

// A rowTail is what few lines of a row touch.
type rowTail struct {
	hits      uint32 // place in tally.hits
	seen      uint32 // how many of addresses are set
	at        place  // the first line
	addresses [sampled][16]byte
}

// sampled is how many addresses a row shows: the smallest ones, whatever order they come in.
const sampled = 3

// A place is a signin.Ref, packed.
type place struct {
	offset, line int64
	file, length int32
}

func (p place) ref() signin.Ref {
	return signin.Ref{File: int(p.file), Offset: p.offset, Length: int(p.length), Line: p.line}
}

func (p place) before(o place) bool {
	return p.file < o.file || p.file == o.file && p.offset < o.offset
}

// see keeps the smallest addresses of a row, in ascending order.
func (t *rowTail) see(a [16]byte) {
	i := 0
	for ; i < int(t.seen); i++ {
		switch bytes.Compare(a[:], t.addresses[i][:]) {
		case 0:
			return
		case -1:
			goto insert
		}
	}
	if i == sampled {
		return
	}
insert:
	copy(t.addresses[i+1:], t.addresses[i:])
	t.addresses[i] = a
	t.seen = min(t.seen+1, sampled)
}

// A rowTable finds rows by their key. The rows are the slots of the table, so that a known key costs
// one look at memory; their tails lie in chunks, so that a growing table copies none of them.
type rowTable struct {
	slots []row
	tails [][]rowTail
	n     int
	more  map[uint32]map[int32]struct{} // by tail: days that do not fit row.days
}

const (
	chunkBits = 10
	chunkMask = 1<<chunkBits - 1
)

// tail returns the tail of a row.
func (t *rowTable) tail(r *row) *rowTail {
	i := r.tail&tailMask - 1
	return &t.tails[i>>chunkBits][i&chunkMask]
}

// each gives every row to visit, in no order.
func (t *rowTable) each(visit func(*row)) {
	for i := range t.slots {
		if t.slots[i].tail != 0 {
			visit(&t.slots[i])
		}
	}
}

// inOrder gives every row to visit, by their first lines.
func (t *rowTable) inOrder(visit func(*row)) {
	rows := make([]*row, 0, t.n)
	t.each(func(r *row) { rows = append(rows, r) })
	slices.SortFunc(rows, func(a, b *row) int {
		x, y := t.tail(a).at, t.tail(b).at
		return cmp.Or(cmp.Compare(x.file, y.file), cmp.Compare(x.offset, y.offset))
	})
	for _, r := range rows {
		visit(r)
	}
}

// find returns k's row, or nil. It is valid until the next add.
func (t *rowTable) find(k *key, h uint64) *row {
	if len(t.slots) == 0 {
		return nil
	}
	mask := uint64(len(t.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		r := &t.slots[i]
		if r.tail == 0 {
			return nil
		}
		if r.key == *k {
			return r
		}
	}
}

// add puts a row that asks into the table, which must not hold its key, and returns it.
func (t *rowTable) add(r row, tail rowTail, h uint64, asks uint32) *row {
	if 5*t.n >= 3*len(t.slots) {
		t.grow()
	}
	if t.n>>chunkBits == len(t.tails) {
		t.tails = append(t.tails, make([]rowTail, 1<<chunkBits))
	}
	t.n++
	r.tail = uint32(t.n) | asks
	*t.tail(&r) = tail
	return t.put(&r, h)
}

func (t *rowTable) put(r *row, h uint64) *row {
	mask := uint64(len(t.slots) - 1)
	i := h & mask
	for t.slots[i].tail != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = *r
	return &t.slots[i]
}

func (t *rowTable) grow() {
	old := t.slots
	t.slots = make([]row, max(1<<chunkBits, 2*len(old)))
	for i := range old {
		if r := &old[i]; r.tail != 0 {
			t.put(r, r.key.hash())
		}
	}
}

func (t *rowTable) reset() { *t = rowTable{} }

// merge adds a row of another table, under the key and the hits that it has in this table's tally.
func (t *rowTable) merge(o *rowTable, r *row, k key, hits uint32) {
	h := k.hash()
	tail := o.tail(r)
	to := t.find(&k, h)
	if to == nil {
		fresh, freshTail := *r, *tail
		fresh.key, fresh.from, freshTail.hits = k, 0, hits
		to = t.add(fresh, freshTail, h, 0)
		if more := o.more[r.tail&tailMask]; more != nil {
			t.addDays(to, maps.Keys(more))
		}
		return
	}
	toTail := t.tail(to)
	to.count += r.count
	to.first, to.last = min(to.first, r.first), max(to.last, r.last)
	if to.days != r.days || o.more[r.tail&tailMask] != nil {
		t.addDays(to, o.days(r))
	}
	if tail.at.before(toTail.at) {
		toTail.at = tail.at
	}
	for _, a := range tail.addresses[:tail.seen] {
		toTail.see(a)
	}
}

const dayMs = 86_400_000

// days is a set of days since 1970: the first that came, and 31 behind it. Nearly all rows of a scan
// need no more.
type days struct {
	base int32
	mask uint32
}

// add reports whether day fits the set, and then adds it.
func (d *days) add(day int32) bool {
	if d.mask == 0 {
		d.base = day
	}
	n := day - d.base
	if n < 0 || n > 31 {
		return false
	}
	d.mask |= 1 << n
	return true
}

// addDay adds a day to a row.
func (t *rowTable) addDay(r *row, day int32) {
	if r.days.add(day) {
		return
	}
	at := r.tail & tailMask
	if t.more == nil {
		t.more = map[uint32]map[int32]struct{}{}
	}
	if t.more[at] == nil {
		t.more[at] = map[int32]struct{}{}
	}
	t.more[at][day] = struct{}{}
}

func (t *rowTable) addDays(r *row, days iter.Seq[int32]) {
	for day := range days {
		t.addDay(r, day)
	}
}

// days gives every day of a row; a day may come twice.
func (t *rowTable) days(r *row) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for n := range int32(32) {
			if r.days.mask&(1<<n) != 0 && !yield(r.days.base+n) {
				return
			}
		}
		for day := range t.more[r.tail&tailMask] {
			if !yield(day) {
				return
			}
		}
	}
}
