package mfa

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
)

// maxThreads bounds how many requests and tokens are held at a time: their records are written within seconds. The one
// that was begun first is forgotten first.
const maxThreads = 2048

// maxApart is how far the records of one request may lie apart, in milliseconds. What is further away is another's.
const maxApart = 60_000

// maxThreadText bounds each text that is kept of one. No account and no agent is as long.
const maxThreadText = 512

// A result is what became of a credential.
type result uint8

const (
	noResult  result = iota
	wasWrong         // it was refused
	wasDenied        // it was good, and the access control policy refused the token
	wasGood
)

// A thread is what several records say of one request, by its Activity ID, or of one token, by its Instance ID.
type thread struct {
	at       int64 // of its last record
	key      [36]byte
	activity [36]byte // that of an Instance ID
	linked   bool     // activity is known
	named    bool     // key is known

	user, party, address, agent, client, method []byte

	of             int    // 500 or 501: of which the names are
	sid, sam, name []byte // of one person: claims primarysid, windowsaccountname and upn
	torn           bool   // two claims of one type differ
	good           bool   // 412 said that the token was
	proved         int    // how many names were told to be one person's

	rank     uint8 // of the claim that user is from
	endpoint bool  // it is a username-mixed one
	mfa      bool  // the claim multipleauthn is there
	result   result
	passed   bool // the second factor was told
	told     bool // the sign-in was told

	next int32 // of the same bucket, 1 more than its place; 0 for none
}

// reset forgets what a thread says, and keeps its buffers.
func (t *thread) reset() {
	*t = thread{user: t.user[:0], party: t.party[:0], address: t.address[:0], agent: t.agent[:0], client: t.client[:0], method: t.method[:0],
		sid: t.sid[:0], sam: t.sam[:0], name: t.name[:0]}
}

// link keeps the Activity ID of an Instance ID.
func (t *thread) link(activity []byte) {
	if activity != nil {
		t.activity, t.linked = foldGUID(activity), true
	}
}

// id is what names the request for ever: its Activity ID, else the Instance ID.
func (t *thread) id() []byte {
	switch {
	case t.linked:
		return t.activity[:]
	case t.named:
		return t.key[:]
	}
	return nil
}

// set replaces a text by one that is not empty.
func set(to *[]byte, text []byte) {
	if len(text) > 0 {
		*to = keep(*to, text)
	}
}

// keep copies text into buf. What is too long to be true is not kept.
func keep(buf, text []byte) []byte {
	if len(text) > maxThreadText {
		return buf[:0]
	}
	return append(buf[:0], text...)
}

// foldGUID makes one of two spellings.
func foldGUID(id []byte) (key [36]byte) {
	for i := range key {
		c := id[i]
		if 'A' <= c && c <= 'F' {
			c += 'a' - 'A'
		}
		key[i] = c
	}
	return key
}

// threads is a ring of them that is found by name, and that stops allocating once it is full.
type threads struct {
	seed  maphash.Seed
	heads []int32
	ring  []thread
	at    int    // where the next one goes
	now   int64  // the time of the record at hand
	alone thread // for a record that cannot be joined with others
}

func (s *threads) clear() {
	clear(s.heads)
	s.ring, s.at = s.ring[:0], 0
}

// open returns the thread of an id, a fresh one if there is none, nil for a nil id. It is valid until the next call.
func (s *threads) open(id []byte) *thread {
	if len(id) != 36 {
		return nil
	}
	return s.openKey(foldGUID(id))
}

func (s *threads) openKey(key [36]byte) *thread {
	if s.heads == nil {
		s.seed = maphash.MakeSeed()
		s.heads = make([]int32, 2*maxThreads)
	}
	head := s.head(key)
	for i := *head; i != 0; i = s.ring[i-1].next {
		if t := &s.ring[i-1]; t.key == key {
			if s.stale(t) {
				next := t.next
				t.reset()
				t.key, t.named, t.next = key, true, next
			}
			t.at = s.now
			return t
		}
	}
	if s.at == maxThreads {
		s.at = 0
	}
	switch {
	case s.at < len(s.ring):
		s.unlink(s.at)
	case len(s.ring) < cap(s.ring): // keeps the buffers from before a clear
		s.ring = s.ring[:len(s.ring)+1]
	default:
		s.ring = append(s.ring, thread{})
	}
	t := &s.ring[s.at]
	t.reset()
	t.key, t.named, t.next, t.at = key, true, *head, s.now
	s.at++
	*head = int32(s.at)
	return t
}

func (s *threads) stale(t *thread) bool { return t.at < s.now-maxApart || t.at > s.now+maxApart }

func (s *threads) head(key [36]byte) *int32 {
	return &s.heads[maphash.Bytes(s.seed, key[:])%uint64(len(s.heads))]
}

// unlink takes the thread at a place out of its bucket.
func (s *threads) unlink(place int) {
	to := s.head(s.ring[place].key)
	for *to != int32(place+1) {
		to = &s.ring[*to-1].next
	}
	*to = s.ring[place].next
}

// A keptThread is one as a checkpoint holds it.
type keptThread struct {
	At       int64  `json:"at"`
	Key      string `json:"key"`
	Activity string `json:"activity,omitempty"`
	User     []byte `json:"user,omitempty"`
	Party    []byte `json:"party,omitempty"`
	Address  []byte `json:"address,omitempty"`
	Agent    []byte `json:"agent,omitempty"`
	Client   []byte `json:"client,omitempty"`
	Method   []byte `json:"method,omitempty"`
	Of       int    `json:"of,omitempty"`
	SID      []byte `json:"sid,omitempty"`
	Sam      []byte `json:"sam,omitempty"`
	Name     []byte `json:"name,omitempty"`
	Torn     bool   `json:"torn,omitempty"`
	Good     bool   `json:"good,omitempty"`
	Proved   int    `json:"proved,omitempty"`
	Rank     uint8  `json:"rank,omitempty"`
	Endpoint bool   `json:"endpoint,omitempty"`
	MFA      bool   `json:"mfa,omitempty"`
	Result   result `json:"result,omitempty"`
	Passed   bool   `json:"passed,omitempty"`
	Told     bool   `json:"told,omitempty"`
}

// Sessions returns the requests and tokens of which more records may come, for a checkpoint; nil for none.
func (a *adfs) Sessions() []byte {
	s := &a.threads
	var all []keptThread
	for i := range s.ring {
		t := &s.ring[(s.at+i)%len(s.ring)] // the oldest first
		if s.stale(t) {
			continue
		}
		k := keptThread{t.at, string(t.key[:]), "", t.user, t.party, t.address, t.agent, t.client, t.method, t.of, t.sid, t.sam, t.name, t.torn, t.good, t.proved, t.rank, t.endpoint, t.mfa, t.result, t.passed, t.told}
		if t.linked {
			k.Activity = string(t.activity[:])
		}
		all = append(all, k)
	}
	if all == nil {
		return nil
	}
	b, err := json.Marshal(all)
	if err != nil {
		return nil // texts, numbers and booleans always can be
	}
	return b
}

// Restore makes it go on with the requests and tokens of a checkpoint. It is called after Reset.
func (a *adfs) Restore(saved []byte) error {
	var all []keptThread
	if err := json.Unmarshal(saved, &all); err != nil {
		return fmt.Errorf("the requests of its checkpoint cannot be read: %w", err)
	}
	for _, k := range all {
		a.threads.now = k.At
		t := a.threads.open([]byte(k.Key))
		if t == nil {
			return fmt.Errorf("the requests of its checkpoint cannot be read: %q is no id", k.Key)
		}
		if isGUID([]byte(k.Activity)) {
			t.link([]byte(k.Activity))
		}
		t.user, t.party, t.address = keep(t.user, k.User), keep(t.party, k.Party), keep(t.address, k.Address)
		t.agent, t.client, t.method = keep(t.agent, k.Agent), keep(t.client, k.Client), keep(t.method, k.Method)
		t.of, t.torn, t.good, t.proved = k.Of, k.Torn, k.Good, k.Proved
		t.sid, t.sam, t.name = keep(t.sid, k.SID), keep(t.sam, k.Sam), keep(t.name, k.Name)
		t.rank, t.endpoint, t.mfa, t.result, t.passed, t.told = k.Rank, k.Endpoint, k.MFA, k.Result, k.Passed, k.Told
	}
	return nil
}
