package ingest

import (
	"bytes"
	"iter"
	"maps"

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
	from  uint32 // signin.Address.Serial of the last one
}

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

// A rowTable finds rows by their key. Rows lie in chunks, so that a growing table copies none.
type rowTable struct {
	slots []rowSlot
	rows  [][]row
	tails [][]rowTail // of the rows, in their order
	n     int32
	more  map[int32]map[int32]struct{} // days of rows that do not fit row.days
}

type rowSlot struct {
	tag uint32 // the high half of the hash
	row uint32 // its place plus one, and asks
}

// What a row asks of every line, noted in its slot so that most lines need not look at its tail.
const (
	asksLine  = 1 << 31 // its hits are pending
	asksTicks = 1 << 30 // some rule counts it in a window
	placeMask = asksTicks - 1
)

const (
	chunkBits = 10
	chunkMask = 1<<chunkBits - 1
)

func (t *rowTable) row(i int32) *row      { return &t.rows[i>>chunkBits][i&chunkMask] }
func (t *rowTable) tail(i int32) *rowTail { return &t.tails[i>>chunkBits][i&chunkMask] }

// find returns the place of k's row and what it asks, or -1.
func (t *rowTable) find(k *key, h uint64) (place int32, asks uint32) {
	if len(t.slots) == 0 {
		return -1, 0
	}
	mask := uint64(len(t.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		s := t.slots[i]
		if s.row == 0 {
			return -1, 0
		}
		if s.tag == uint32(h>>32) {
			if place := int32(s.row&placeMask) - 1; t.row(place).key == *k {
				return place, s.row &^ placeMask
			}
		}
	}
}

// add puts a row that asks into the table, which must not hold its key.
func (t *rowTable) add(r row, tail rowTail, h uint64, asks uint32) (place int32) {
	if 2*int(t.n) >= len(t.slots) {
		t.grow()
	}
	if int(t.n>>chunkBits) == len(t.rows) {
		t.rows = append(t.rows, make([]row, 1<<chunkBits))
		t.tails = append(t.tails, make([]rowTail, 1<<chunkBits))
	}
	place = t.n
	t.n++
	*t.row(place), *t.tail(place) = r, tail
	t.put(h, uint32(t.n)|asks)
	return place
}

func (t *rowTable) grow() {
	old := t.slots
	t.slots = make([]rowSlot, max(1<<chunkBits, 2*len(old)))
	for _, s := range old {
		if s.row != 0 {
			t.put(t.row(int32(s.row&placeMask)-1).key.hash(), s.row)
		}
	}
}

func (t *rowTable) put(h uint64, row uint32) {
	mask := uint64(len(t.slots) - 1)
	i := h & mask
	for t.slots[i].row != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = rowSlot{uint32(h >> 32), row}
}

func (t *rowTable) reset() { *t = rowTable{} }

// merge adds row i of another table, under the key that it has in this table's tally.
func (t *rowTable) merge(o *rowTable, i int32, k key, hits uint32) {
	r, tail := *o.row(i), *o.tail(i)
	r.key, tail.hits = k, hits
	h := k.hash()
	place, _ := t.find(&k, h)
	if place < 0 {
		place = t.add(r, tail, h, 0)
		if more := o.more[i]; more != nil {
			t.addDays(place, maps.Keys(more))
		}
		return
	}
	to, toTail := t.row(place), t.tail(place)
	to.count += r.count
	to.first, to.last = min(to.first, r.first), max(to.last, r.last)
	if to.days != r.days || o.more[i] != nil {
		t.addDays(place, o.days(i))
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
func (t *rowTable) addDay(place, day int32) {
	if t.row(place).days.add(day) {
		return
	}
	if t.more == nil {
		t.more = map[int32]map[int32]struct{}{}
	}
	if t.more[place] == nil {
		t.more[place] = map[int32]struct{}{}
	}
	t.more[place][day] = struct{}{}
}

func (t *rowTable) addDays(place int32, days iter.Seq[int32]) {
	for day := range days {
		t.addDay(place, day)
	}
}

// days gives every day of a row; a day may come twice.
func (t *rowTable) days(place int32) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		d := t.row(place).days
		for n := range int32(32) {
			if d.mask&(1<<n) != 0 && !yield(d.base+n) {
				return
			}
		}
		for day := range t.more[place] {
			if !yield(day) {
				return
			}
		}
	}
}
