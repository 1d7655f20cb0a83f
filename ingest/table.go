package ingest

import "github.com/outmode/outmode/internal/signin"

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

// A row is a usage row while it grows: what every line touches, one cache line of it.
type row struct {
	key   key
	count int64
	first int64
	last  int64
	days  days
	from  *signin.Address // the last one
}

// A rowTail is what few lines of a row touch.
type rowTail struct {
	hits      *signin.Hits
	at        signin.Ref // the first line
	addresses [sampled]sighting
	days      map[int32]struct{} // that do not fit row.days
}

// sampled is how many addresses a row shows: the first ones, in the order of path and offset.
const sampled = 3

// A sighting is an address and where it first appears.
type sighting struct {
	address *signin.Address
	offset  int64
	file    int32
}

func (s sighting) before(o sighting) bool {
	return s.file < o.file || s.file == o.file && s.offset < o.offset
}

// see keeps the first few addresses of a row, whatever order they come in.
func (t *rowTail) see(s sighting) {
	if !s.address.IP.IsValid() {
		return
	}
	for i := range t.addresses {
		have := &t.addresses[i]
		switch {
		case have.address == nil:
			*have = s
			return
		case have.address.IP == s.address.IP:
			if s.before(*have) {
				*have = s
				t.sink(i)
			}
			return
		case s.before(*have):
			t.insert(i, s)
			return
		}
	}
}

// sink moves a sighting that became earlier to its place.
func (t *rowTail) sink(i int) {
	for ; i > 0 && t.addresses[i].before(t.addresses[i-1]); i-- {
		t.addresses[i], t.addresses[i-1] = t.addresses[i-1], t.addresses[i]
	}
}

// insert puts a sighting at place i; an older one of the same address, or else the last, makes room.
func (t *rowTail) insert(i int, s sighting) {
	end := sampled - 1
	for j := i; j < sampled; j++ {
		if a := t.addresses[j].address; a == nil || a.IP == s.address.IP {
			end = j
			break
		}
	}
	copy(t.addresses[i+1:end+1], t.addresses[i:end])
	t.addresses[i] = s
}

// A rowTable finds rows by their key. Rows lie in chunks, so that a growing table copies none.
type rowTable struct {
	slots []rowSlot
	rows  [][]row
	tails [][]rowTail // of the rows, in their order
	n     int32
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

// add puts a row into the table, which must not hold its key.
func (t *rowTable) add(r row, tail rowTail, h uint64) (place int32, asks uint32) {
	if 2*int(t.n) >= len(t.slots) {
		t.slots = make([]rowSlot, max(1<<chunkBits, 2*len(t.slots)))
		for i := range t.n {
			t.put(t.row(i).key.hash(), uint32(i+1)|t.tail(i).asks())
		}
	}
	if int(t.n>>chunkBits) == len(t.rows) {
		t.rows = append(t.rows, make([]row, 1<<chunkBits))
		t.tails = append(t.tails, make([]rowTail, 1<<chunkBits))
	}
	place = t.n
	t.n++
	*t.row(place), *t.tail(place) = r, tail
	t.put(h, uint32(t.n)|tail.asks())
	return place, tail.asks()
}

func (t *rowTail) asks() (asks uint32) {
	if t.hits != nil && t.hits.Pending {
		asks |= asksLine
	}
	if t.hits != nil && t.hits.Ticks {
		asks |= asksTicks
	}
	return asks
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

// merge adds a row whose key is of this table's tally.
func (t *rowTable) merge(r *row, tail *rowTail) {
	h := r.key.hash()
	i, _ := t.find(&r.key, h)
	if i < 0 {
		t.add(*r, *tail, h)
		return
	}
	to, toTail := t.row(i), t.tail(i)
	to.count += r.count
	to.first, to.last = min(to.first, r.first), max(to.last, r.last)
	if to.days != r.days || tail.days != nil {
		eachDay(r.days, tail, func(day int32) {
			if !to.days.add(day) {
				toTail.addDay(day)
			}
		})
	}
	if tail.at.Before(toTail.at) {
		toTail.at = tail.at
	}
	for _, s := range tail.addresses {
		if s.address != nil {
			toTail.see(s)
		}
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

func (t *rowTail) addDay(day int32) {
	if t.days == nil {
		t.days = map[int32]struct{}{}
	}
	t.days[day] = struct{}{}
}

// eachDay gives every day of a row to visit; a day may come twice.
func eachDay(d days, t *rowTail, visit func(int32)) {
	for n := range int32(32) {
		if d.mask&(1<<n) != 0 {
			visit(d.base + n)
		}
	}
	for day := range t.days {
		visit(day)
	}
}
