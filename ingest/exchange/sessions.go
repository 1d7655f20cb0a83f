package exchange

import (
	"bytes"
	"hash/maphash"
)

// maxSessions bounds how many sessions a file has open at a time; the one that was silent longest is forgotten first.
const maxSessions = 8192

// maxKept bounds each text that a session keeps. No account and no session's name is as long.
const maxKept = 512

// A session is what must be remembered between the lines of a connection.
type session struct {
	key       []byte
	account   []byte // the account that was named
	mechanism []byte // SMTP: of the attempt
	stage     stage  // SMTP: how far the attempt is
	server    bool   // SMTP: the attempt is another server's

	hash         uint64
	next         int32 // in the same bucket
	older, newer int32
}

// sessions is a table of sessions that stops allocating once it is full. Slot 0 is the anchor of the
// ring that orders them by age: its newer one is the oldest of all.
type sessions struct {
	seed  maphash.Seed
	heads []int32 // by hash; 0 for none
	slots []session
	free  int32 // the first of those given back, chained by next
	key   []byte
}

// find returns the session of that name, or nil. It is valid until the next call of open.
func (s *sessions) find(a, b []byte) *session {
	if len(s.slots) == 0 {
		return nil
	}
	i := s.index(a, b)
	if i == 0 {
		return nil
	}
	s.unring(i)
	s.ring(i)
	return &s.slots[i]
}

// open returns the session of that name, a fresh one if there is none.
func (s *sessions) open(a, b []byte) *session {
	if x := s.find(a, b); x != nil {
		return x
	}
	if len(s.slots) == 0 {
		s.seed = maphash.MakeSeed()
		s.heads = make([]int32, 2*maxSessions)
		s.slots = make([]session, 1, 64)
	}
	h := s.name(a, b)
	i := s.take()
	x := &s.slots[i]
	*x = session{key: append(x.key[:0], s.key...), account: x.account[:0], mechanism: x.mechanism[:0], hash: h}
	head := s.head(h)
	x.next, *head = *head, i
	s.ring(i)
	return x
}

// drop forgets the session of that name. What it kept stays readable until the next call of open.
func (s *sessions) drop(a, b []byte) {
	if len(s.slots) == 0 {
		return
	}
	if i := s.index(a, b); i != 0 {
		s.remove(i)
		s.slots[i].next, s.free = s.free, i
	}
}

// clear forgets all sessions.
func (s *sessions) clear() {
	clear(s.heads)
	s.free = 0
	if len(s.slots) > 0 {
		s.slots = s.slots[:1]
		s.slots[0] = session{}
	}
}

// name makes the key of a session, and its hash.
func (s *sessions) name(a, b []byte) uint64 {
	s.key = append(append(append(s.key[:0], a...), 0), b...)
	s.key = s.key[:min(len(s.key), maxKept)]
	return maphash.Bytes(s.seed, s.key)
}

func (s *sessions) head(h uint64) *int32 { return &s.heads[h%uint64(len(s.heads))] }

func (s *sessions) index(a, b []byte) int32 {
	h := s.name(a, b)
	i := *s.head(h)
	for i != 0 && (s.slots[i].hash != h || !bytes.Equal(s.slots[i].key, s.key)) {
		i = s.slots[i].next
	}
	return i
}

// take returns a slot for a new session: one that was given back, a new one, or the oldest session's.
func (s *sessions) take() int32 {
	switch n := len(s.slots); {
	case s.free != 0:
		i := s.free
		s.free = s.slots[i].next
		return i
	case n < cap(s.slots) && n <= maxSessions:
		s.slots = s.slots[:n+1] // keeps the buffers from before a clear
		return int32(n)
	case n <= maxSessions:
		s.slots = append(s.slots, session{})
		return int32(n)
	}
	oldest := s.slots[0].newer
	s.remove(oldest)
	return oldest
}

// remove takes slot i out of its bucket and out of the ring.
func (s *sessions) remove(i int32) {
	at := s.head(s.slots[i].hash)
	for *at != i {
		at = &s.slots[*at].next
	}
	*at = s.slots[i].next
	s.unring(i)
}

func (s *sessions) ring(i int32) {
	newest := s.slots[0].older
	s.slots[i].older, s.slots[i].newer = newest, 0
	s.slots[newest].newer = i
	s.slots[0].older = i
}

func (s *sessions) unring(i int32) {
	x := &s.slots[i]
	s.slots[x.older].newer = x.newer
	s.slots[x.newer].older = x.older
}

// keep copies text into a buffer of the session's. What is too long to be true is not kept.
func keep(buf, text []byte) []byte {
	if len(text) > maxKept {
		return buf[:0]
	}
	return append(buf[:0], text...)
}
