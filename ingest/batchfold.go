package ingest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"net/netip"
	"slices"

	"github.com/outmode/outmode/internal/signin"
)

// batchSize is about how many bytes one batch covers where there is a backlog: enough for rows to repeat in it, and
// little enough that what is lost to a crash is read again at once.
const batchSize = 8 << 20

// A rowKey is what a row of a batch is found by.
type rowKey struct {
	key
	from uint32 // signin.SignIn.From
}

const flagWeak = 1 << 7

// A batchRow is an HourRow while it grows.
type batchRow struct {
	hits    *signin.Hits
	of      *Key
	address netip.Addr
	count   int64
	first   int64
	last    int64
	minutes uint64
	at      place
}

type countKey struct {
	day     int32
	verdict signin.Verdict
	reason  string
}

// A fold adds up the lines of one batch. It serves one worker, which uses it for one batch after the other.
type fold struct {
	w       *worker
	log     int
	batch   *Batch
	rows    map[rowKey]int32
	list    []batchRow
	keys    map[key]*Key // outlives the batch: a store knows a key again by its address
	counts  map[countKey]int64
	servers map[string]uint16 // outlives it too, since keys name servers by number
	names   []string
	words   map[string]string // of gateways; outlives it as well
	heard   map[voiceKey]*signin.Span
	ids     map[uint16]*sketch
	minutes minutes
	proofs  map[string]int        // by two names as logged: in the batch's, or -1 for none
	spelt   []byte                // a key of proofs
	cited   map[citedKey]struct{} // keys of which a line was cited already; bounded

	lastCount countKey
	pending   int64 // lines of lastCount not yet in counts
	lastVoice voiceKey
	saying    *signin.Span
	lastRow   rowKey
	last      int32 // of lastRow, plus one
}

type voiceKey struct {
	server   uint16
	kind     signin.Kind
	protocol signin.Protocol
	hour     int32
}

// A citedKey names a key in every batch of a worker.
type citedKey struct {
	account *signin.Account
	hits    *signin.Hits
	server  string
	key     key
}

const maxCited = 1 << 15

// maxKeys bounds how many keys a fold remembers from one batch to the next.
const maxKeys = 1 << 17

func newFold(w *worker) *fold {
	return &fold{w: w, cited: map[citedKey]struct{}{}, keys: map[key]*Key{}, servers: map[string]uint16{}}
}

// begin starts a batch at an offset of a log.
func (f *fold) begin(log int, from int64) {
	s := f.w.scan
	f.log, f.batch = log, &Batch{Log: s.logs[log].id, From: from, To: from, Range: from}
	f.rows, f.list, f.counts = make(map[rowKey]int32), f.list[:0], map[countKey]int64{}
	if len(f.keys) > maxKeys || len(f.names) > maxServers {
		f.keys, f.servers, f.names = map[key]*Key{}, map[string]uint16{}, nil
	}
	f.heard, f.ids = map[voiceKey]*signin.Span{}, map[uint16]*sketch{}
	f.minutes = minutes{bounds: bounds{minutes: scanMinutes, window: s.opt.Window}}
	f.proofs = map[string]int{}
	f.pending, f.saying, f.last = 0, nil, 0
	clear(f.w.servers) // more may be known of them by now
	f.w.lastName, f.w.lastServer = "", ""
}

// add folds one line.
func (f *fold) add(l *line) {
	b, s := f.batch, l.s
	b.To, b.Lines = l.offset+l.size, l.number
	c := countKey{verdict: l.verdict}
	if l.verdict != signin.SignInLine {
		c.reason = l.reason
	}
	if l.decoded {
		ms := s.Facts.Time
		c.day = int32(ms / dayMs)
		if b.First == 0 || ms < b.First {
			b.First = ms
		}
		b.Last = max(b.Last, ms)
		if b.Server == "" {
			b.Server = s.Server
		}
		f.hear(s)
		if m := s.Facts.MFA; m != nil && m.Outcome != signin.NoFactor {
			b.Events = append(b.Events, f.event(m, l))
		}
		if len(s.Facts.Same) > 1 {
			f.prove(s.Facts.Same, ms)
		}
	}
	if c != f.lastCount {
		f.flushCount()
		f.lastCount = c
	}
	f.pending++
	if l.undated != nil && l.undated.Outcome != signin.FactorInfo { // it tells of something, and not when
		b.garbled(l.offset, l.offset+l.size)
	}
	switch l.verdict {
	case signin.Malformed:
		if f.w.scan.logs[f.log].Format.Kind.Factors() {
			b.garbled(l.offset, l.offset+l.size)
		}
	case signin.SignInLine:
		f.signIn(l)
	case signin.Noise:
		f.reserved(l)
	case signin.Directive:
		header := f.w.decoder(f.w.scan.logs[f.log].Format).Header()
		if n := len(b.Heads); n == 0 || !bytes.Equal(b.Heads[n-1].Header, header) {
			b.Heads = append(b.Heads, Head{l.offset, bytes.Clone(header)})
		}
	}
}

// maxGarbled bounds the stretches of a batch: the last one grows over what it is not about.
const maxGarbled = 64

func (b *Batch) garbled(from, to int64) {
	if n := len(b.Garbled); n > 0 && (b.Garbled[n-1].To == from || n == maxGarbled) {
		b.Garbled[n-1].To = to
		return
	}
	b.Garbled = append(b.Garbled, Stretch{from, to})
}

// prove notes that names are one person's. A batch says it once of the same two.
func (f *fold) prove(same [][]byte, ms int64) {
	for _, other := range same[1:] {
		f.spelt = append(append(append(f.spelt[:0], same[0]...), 0), other...)
		n, met := f.proofs[string(f.spelt)]
		if !met {
			n = -1
			if pair, ok := signin.PairOf(same[0], other); ok {
				n = len(f.batch.Proofs)
				f.batch.Proofs = append(f.batch.Proofs, Proof{pair, ms})
			}
			f.proofs[string(f.spelt)] = n
		}
		if n >= 0 {
			f.batch.Proofs[n].Last = max(f.batch.Proofs[n].Last, ms)
		}
	}
}

// event copies what a line says of a second factor. Words that repeat are kept once.
func (f *fold) event(m *signin.MFAFacts, l *line) signin.MFAEvent {
	e := signin.MFAEvent{Kind: l.s.Facts.Kind, Time: m.Time, User: string(m.User), Application: f.word(m.Application), Factor: f.word(m.Factor), Outcome: m.Outcome,
		Reason: f.word(m.Reason), Gateway: f.word(m.Gateway), Transaction: string(m.Transaction), Session: string(m.Session), Platform: m.Platform, Federation: string(m.Federation), Policy: m.Policy, At: l.ref(0)}
	if l.verdict == signin.SignInLine {
		e.SignIn = l.s.Outcome
	}
	if ip, ok := signin.ParseHost(string(m.Address)); ok && !ip.IsUnspecified() {
		e.Address = ip
	}
	return e
}

// maxWords bounds how many words of gateways are kept, whatever they write.
const maxWords = 1 << 12

func (f *fold) word(w []byte) string {
	if s, ok := f.words[string(w)]; ok {
		return s
	}
	if f.words == nil || len(f.words) >= maxWords {
		f.words = map[string]string{}
	}
	s := string(w)
	f.words[s] = s
	return s
}

func (f *fold) flushCount() {
	if f.pending > 0 {
		f.counts[f.lastCount] += f.pending
		f.pending = 0
	}
}

func (f *fold) server(name string) uint16 {
	if n, ok := f.servers[name]; ok {
		return n
	}
	n := uint16(len(f.names))
	f.servers[name], f.names = n, append(f.names, name)
	return n
}

// hear notes that a log was read for this hour, as tally.hear does.
func (f *fold) hear(s *signin.SignIn) {
	facts := s.Facts
	if facts.Kind == signin.IIS && (facts.ServerPort == 444 || facts.ServerPort == 81) {
		return
	}
	server := f.server(s.Server)
	if v := (voiceKey{server, facts.Kind, s.Protocol, int32(facts.Time / hourMs)}); f.saying == nil || v != f.lastVoice {
		f.lastVoice = v
		if f.saying = f.heard[v]; f.saying == nil {
			f.saying = &signin.Span{From: facts.Time, To: facts.Time}
			f.heard[v] = f.saying
		}
	}
	f.saying.From, f.saying.To = min(f.saying.From, facts.Time), max(f.saying.To, facts.Time)
	if facts.Kind == signin.HTTPProxy {
		if h, ok := hashID(facts.RequestID); ok {
			if f.ids[server] == nil {
				f.ids[server] = &sketch{}
			}
			f.ids[server].add(h)
		}
	}
}

func (f *fold) signIn(l *line) {
	s := l.s
	ms := s.Facts.Time
	k := rowKey{key: key{user: s.Who, hour: int32(ms / hourMs), server: f.server(s.Server), kind: s.Facts.Kind, protocol: s.Protocol, auth: s.Auth,
		mechanism: s.Mechanism, outcome: s.Outcome, evidence: s.Evidence, traffic: s.Traffic, modern: s.Client.Modern, family: s.Client.Index}, from: s.From}
	if s.Internal {
		k.flags |= flagInternal
	}
	if s.Backend {
		k.flags |= flagBackend
	}
	if s.Weak {
		k.flags |= flagWeak
	}
	r := f.row(k, l)
	if r.hits != nil && r.hits.Pending {
		hits := f.w.judge.Line(r.hits, s)
		k.hits = hits.ID + 1
		r = f.rowOf(k, hits, l)
	}
	if s.Facts.Kind.Cloud() {
		f.cloud(r, l)
		return
	}
	r.count++
	r.first, r.last = min(r.first, ms), max(r.last, ms)
	r.minutes |= 1 << (ms / minuteMs % 60)
	if r.hits != nil && (r.hits.Ticks || r.hits.Later) {
		f.tick(r.hits, k, l)
	}
}

// reserved counts noise of a reserved name, as worker.addReserved does.
func (f *fold) reserved(l *line) {
	if hits := f.w.counted(l); hits != nil {
		f.tick(hits, rowKey{key: key{server: f.server(l.s.Server), kind: l.s.Facts.Kind, protocol: l.s.Protocol}}, l)
	}
}

// row returns the row of a key, judged if it is new.
func (f *fold) row(k rowKey, l *line) *batchRow {
	if f.last > 0 && k == f.lastRow {
		return &f.list[f.last-1]
	}
	var r *batchRow
	if n, ok := f.rows[k]; ok {
		r = &f.list[n]
		f.last = n + 1
	} else {
		var hits *signin.Hits
		if f.w.judge != nil {
			hits = f.w.judge.Row(l.s)
		}
		r = f.rowOf(k, hits, l)
		f.last = int32(len(f.list))
	}
	f.lastRow = k
	return r
}

// rowOf returns the row of a key that was judged.
func (f *fold) rowOf(k rowKey, hits *signin.Hits, l *line) *batchRow {
	if n, ok := f.rows[k]; ok {
		return &f.list[n]
	}
	s := l.s
	ms := s.Facts.Time
	f.rows[k] = int32(len(f.list))
	f.list = append(f.list, batchRow{hits: hits, address: s.Address.IP, first: ms, last: ms, at: place{l.offset, l.number, 0, int32(len(l.raw))}})
	r := &f.list[len(f.list)-1]
	if hits != nil && hits.Pending {
		return r // only rows behind it are counted
	}
	of := k.key
	of.hour = 0
	if r.of = f.keys[of]; r.of == nil || r.of.Account != s.Account || r.of.Hits != hits {
		r.of = &Key{Server: s.Server, Account: s.Account, Client: s.Client.Family, Hits: hits, Kind: s.Facts.Kind, Protocol: s.Protocol, Auth: s.Auth,
			Mechanism: s.Mechanism, Outcome: s.Outcome, Evidence: s.Evidence, Traffic: s.Traffic, Modern: s.Client.Modern, Internal: s.Internal,
			Backend: s.Backend, Weak: s.Weak}
		f.keys[of] = r.of
		if hits != nil && len(hits.Match) > 0 {
			f.cite(r.of, of, l)
		}
	}
	return r
}

// cite keeps what a finding may show of the first line of a key. It is made here because nothing else is sure to
// find the line again: the log may be gone, or its session too long ago.
func (f *fold) cite(of *Key, k key, l *line) {
	k.user, k.server = 0, 0 // their numbers are of one batch
	c := citedKey{l.s.Account, of.Hits, of.Server, k}
	if _, done := f.cited[c]; done {
		return
	}
	if len(f.cited) >= maxCited {
		clear(f.cited)
	}
	f.cited[c] = struct{}{}
	log := &f.w.scan.logs[f.log]
	f.batch.Cited = append(f.batch.Cited, RowCitation{of, signin.Citation{At: l.ref(0), SHA256: sha256.Sum256(l.raw), Document: f.w.document(nil, log, l)}})
}

// tick counts the sign-in in the minutes of rules with windows: the first step of all, later ones where they are watched.
func (f *fold) tick(hits *signin.Hits, k rowKey, l *line) {
	w := f.w
	w.ticks = w.judge.Ticks(w.ticks[:0], hits, l.s)
	until := wait{}
	if l.s.Weak {
		until = wait{true, k.server, k.kind, k.protocol}
	}
	for i := range w.ticks {
		if t := &w.ticks[i]; t.Step == 0 || w.scan.watch != nil && w.scan.watch.Wants(t, l.s.Facts.Time) {
			f.minutes.tick(t, until, l.ref(0), l.s.Facts.Time)
		}
	}
}

// end returns the batch, which ends before the next line.
func (f *fold) end() *Batch {
	b := f.batch
	f.flushCount()
	for k, n := range f.counts {
		b.Counts = append(b.Counts, Count{k.day, k.verdict, k.reason, n})
	}
	b.Rows = make([]HourRow, 0, len(f.rows)) // batches wait for each other: room for more would double what they take
	b.Minutes = make([]WaitingMinute, 0, len(f.minutes.order))
	for k, n := range f.rows {
		r := &f.list[n]
		if r.count > 0 {
			b.Rows = append(b.Rows, HourRow{Key: r.of, Hour: k.hour, Address: r.address, Count: r.count, First: r.first, Last: r.last, Minutes: r.minutes, At: r.at.ref()})
		}
	}
	slices.SortFunc(b.Rows, func(x, y HourRow) int { return cmp.Compare(x.At.Offset, y.At.Offset) })
	for v, span := range f.heard {
		b.Heard = append(b.Heard, Hearing{Voice{f.names[v.server], v.kind, v.protocol, v.hour}, span.From, span.To})
	}
	for server, k := range f.ids {
		k.trim()
		for _, h := range k.hashes {
			b.IDs = append(b.IDs, RequestID{f.names[server], h})
		}
	}
	for _, mk := range f.minutes.order {
		m := WaitingMinute{Minute: *f.minutes.of[mk], Waits: mk.weak}
		if mk.weak {
			m.For = Voice{f.names[mk.server], mk.kind, mk.protocol, int32(mk.minute / 60)}
		}
		b.Minutes = append(b.Minutes, m)
	}
	b.Lost = f.minutes.lost
	f.batch = nil
	return b
}
