package ingest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"slices"
	"sync"

	"github.com/outmode/outmode/internal/signin"
)

// Entra, the Unified Audit Log and AD FS tell of the same sign-ins. Each names them by an id that they share: the
// correlationId of Entra is the InterSystemsId of the Unified Audit Log and the Activity ID of AD FS. Of the sign-ins with
// one id those count that the best of these logs tells of; it may tell of several, such as one without the second factor
// and the one with it behind it. Each of them has an id of its own record, by which it counts once, in however many
// exports it is.
//
// Clients choose the id: somebody's sign-in must not hide behind that of another person. Entra and the Unified Audit Log
// write people alike, and tell of one sign-in only where they name one person; AD FS may write the same person otherwise.

// A cloudName is how a log names a sign-in to the cloud.
type cloudName struct {
	shared []byte // the id that others name it by, in lower case; nil where it has none
	alone  bool   // no other log names it so: the id is of the record, behind a colon
	record []byte // the id of the record itself; of AD FS, whose records have none, who it was
	weight int64  // of two that tell of one record the heavier counts: the fuller or, of two that are equally full, always the same
}

// nameCloud names the sign-in of a line. The name is borrowed until the next one is asked for.
func (w *worker) nameCloud(l *line) cloudName {
	s := l.s
	sum := sha256.Sum256(l.raw)
	n := cloudName{weight: int64(fullness(s))<<60 | int64(binary.BigEndian.Uint64(sum[:])>>4)}
	w.ids[0] = appendLower(w.ids[0][:0], s.Facts.Shared)
	if n.alone = len(w.ids[0]) == 0; n.alone {
		w.ids[0] = appendLower(append(w.ids[0], ':'), s.Facts.RequestID)
	}
	if len(w.ids[0]) > 1 {
		n.shared = w.ids[0]
	}
	if s.Facts.Kind == signin.ADFSLog {
		w.ids[1] = append(w.ids[1][:0], s.Account.Name...) // what its records tell of one person's request is one sign-in
		n.record = w.ids[1]
		return n
	}
	if m := s.Facts.MFA; m != nil {
		w.ids[1] = appendLower(w.ids[1][:0], m.Transaction)
	} else {
		w.ids[1] = w.ids[1][:0]
	}
	if len(w.ids[1]) == 0 {
		w.ids[1] = hex.AppendEncode(w.ids[1], sum[:16])
	}
	n.record = w.ids[1]
	return n
}

func appendLower(b, text []byte) []byte {
	from := len(b)
	b = append(b, text...)
	for i, c := range b[from:] {
		if 'A' <= c && c <= 'Z' {
			b[from+i] = c + 'a' - 'A'
		}
	}
	return b
}

// fullness is how much a record says: less is left of it in some exports than in others.
func fullness(s *signin.SignIn) (n uint8) {
	if s.Auth != signin.UnknownAuth {
		n += 4
	}
	if s.Protocol != signin.OtherProtocol {
		n += 2
	}
	if len(s.Facts.Agent) > 0 {
		n++
	}
	return n
}

// clouds are the lines of a scan whose sign-in another line tells too. They are found in a reading of the logs of the
// cloud before all others, so that every later reading knows them.
type clouds struct {
	lines map[int][]uint64 // by log: bits, one for each shortest of its offset
	alone int64            // sign-ins that count and have no id that other logs name them by
}

// shortest is less than any record takes that names an account, a time, what the sign-in is to and an id.
const shortest = 32

// told reports whether the line at an offset is one of them.
func (c *clouds) told(log int, offset int64) bool {
	if c == nil {
		return false
	}
	of, i := c.lines[log], offset/shortest
	return i/64 < int64(len(of)) && of[i/64]&(1<<(i%64)) != 0
}

func (c *clouds) tell(log int, offset int64) {
	of, i := c.lines[log], offset/shortest
	if n := int(i/64) + 1; n > len(of) {
		of = append(of, make([]uint64, n-len(of))...)
		c.lines[log] = of
	}
	of[i/64] |= 1 << (i % 64)
}

// A telling is what one line tells of a sign-in to the cloud, as hashes.
type telling struct {
	shared, record uint64
	who            uint64 // the bare name
	weight         int64
	offset         int64
	log            int32
	rank           int8
	alone          bool
}

// tellings are those of one reading. Where there are more than memory should hold, they are those whose id falls into one
// of several parts, and the logs are read once for each part.
type tellings struct {
	mu    sync.Mutex
	all   []telling
	most  int
	part  uint64
	parts uint64 // a power of two
}

// maxTellings are 48 MB, and the sign-ins to the cloud that some thousand people make in a month.
const maxTellings = 1 << 20

func (t *tellings) add(more []telling) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range more {
		if more[i].shared%t.parts != t.part {
			continue
		}
		if len(t.all) >= t.most && t.part == 0 && bits.OnesCount64(t.parts-1) < 16 { // later parts are as large as the first
			t.parts *= 2
			t.all = slices.DeleteFunc(t.all, func(o telling) bool { return o.shared%t.parts != 0 })
			if more[i].shared%t.parts != 0 {
				continue
			}
		}
		t.all = append(t.all, more[i])
	}
}

// decide tells c of all but those that count, and forgets them.
func (t *tellings) decide(c *clouds) {
	slices.SortFunc(t.all, func(a, b telling) int {
		return cmp.Or(cmp.Compare(a.shared, b.shared), cmp.Compare(a.rank, b.rank), cmp.Compare(a.record, b.record), cmp.Compare(b.weight, a.weight),
			cmp.Compare(a.log, b.log), cmp.Compare(a.offset, b.offset))
	})
	adfs := int8(signin.ADFSLog.CloudRank())
	best, from := int8(0), 0 // of the id, and where its tellings begin
	for i := range t.all {
		x := &t.all[i]
		if i == 0 || x.shared != t.all[i-1].shared {
			best, from = x.rank, i
		} else if last := &t.all[i-1]; x.rank == last.rank && x.record == last.record || x.rank > best && (x.rank == adfs || better(t.all[from:i], x)) {
			c.tell(int(x.log), x.offset)
			continue
		}
		if x.alone {
			c.alone++
		}
	}
	t.all = t.all[:0]
}

// better reports whether a better log tells of the same person's sign-in.
func better(all []telling, x *telling) bool {
	return slices.ContainsFunc(all, func(o telling) bool { return o.rank < x.rank && o.who == x.who })
}

// compareClouds finds out what several logs tell of sign-ins to the cloud.
func (s *scan) compareClouds(ctx context.Context) error {
	units := s.units(signin.Kind.Cloud)
	units = slices.DeleteFunc(units, func(parts []part) bool {
		return !slices.ContainsFunc(parts, func(p part) bool { return s.logs[p.log].decode })
	})
	if len(units) == 0 {
		return nil
	}
	c := &clouds{lines: map[int][]uint64{}}
	t := &tellings{most: maxTellings, parts: 1}
	for ; t.part < t.parts; t.part++ {
		err := ordered(ctx, s.opt.Workers, len(units), func() func(int) int64 {
			w := newWorker(s)
			return func(i int) int64 { return w.compare(units[i], t) }
		}, func(alone int64) error {
			if t.part == 0 {
				c.alone += alone
			}
			return nil
		})
		if err != nil {
			return err
		}
		t.decide(c)
	}
	s.cloud = c
	return nil
}

// compare gathers what some parts tell, and returns how many of their sign-ins have no id at all.
func (w *worker) compare(parts []part, t *tellings) (alone int64) {
	const some = 256
	var all []telling
	for _, p := range parts {
		if !w.scan.logs[p.log].decode {
			continue
		}
		w.read(p, func(l *line) {
			if l.verdict != signin.SignInLine {
				return
			}
			n := w.nameCloud(l)
			if n.shared == nil {
				alone++
				return
			}
			all = append(all, telling{hashText(n.shared), hashText(n.record), hashText([]byte(l.s.Account.Name)), n.weight, l.offset, int32(p.log), int8(l.s.Facts.Kind.CloudRank()), n.alone})
			if len(all) == some {
				t.add(all)
				all = all[:0]
			}
		})
	}
	t.add(all)
	return alone
}

// hashText is a hash that nobody can make two ids share.
func hashText(text []byte) uint64 {
	sum := sha256.Sum256(text)
	return binary.LittleEndian.Uint64(sum[:])
}
