package ingest

import (
	"slices"

	"github.com/outmode/outmode/internal/signin"
)

const hourMs = 3_600_000

// A voice is one server speaking through one kind of log.
type voice struct {
	server uint16 // its number in the tally
	kind   signin.Kind
}

// heard is what was read of one voice: the hours of event time in which it told of each protocol, a
// line of noise included, and the first and the last instant. It decides what was told twice, and it
// is what coverage is made of.
type heard struct {
	hours       map[signin.Protocol]map[int32]struct{}
	last        [32]int32 // by protocol: the hour of the latest line, which is nearly always the next one's
	first, till int64
}

func newHeard() *heard {
	return &heard{hours: map[signin.Protocol]map[int32]struct{}{}}
}

func (h *heard) add(p signin.Protocol, ms int64) {
	if h.first == 0 || ms < h.first {
		h.first = ms
	}
	if ms > h.till {
		h.till = ms
	}
	hour := int32(ms / hourMs)
	if h.last[p] == hour {
		return
	}
	h.last[p] = hour
	if h.hours[p] == nil {
		h.hours[p] = map[int32]struct{}{}
	}
	h.hours[p][hour] = struct{}{}
}

func (h *heard) in(p signin.Protocol, hour int32) bool {
	if h == nil {
		return false
	}
	_, ok := h.hours[p][hour]
	return ok
}

func (h *heard) merge(o *heard) {
	if h.first == 0 || o.first < h.first {
		h.first = o.first
	}
	h.till = max(h.till, o.till)
	for p, hours := range o.hours {
		if h.hours[p] == nil {
			h.hours[p] = map[int32]struct{}{}
		}
		for hour := range hours {
			h.hours[p][hour] = struct{}{}
		}
	}
}

// A Gap is a period in which a server wrote nothing, for longer than use alone explains.
type Gap struct {
	From, To int64 // Unix milliseconds
	Reason   string
}

// Silence is the shortest run of whole hours without a line that counts as a gap. Health checks make IIS and HttpProxy
// write every few minutes, day and night. A log of a mail protocol may well be silent over a weekend; of a week in which
// there is not even a file nobody can say that the protocol was not used.
func Silence(k signin.Kind) int32 {
	if AroundTheClock(k) {
		return 2
	}
	return 7 * 24
}

// AroundTheClock reports whether a kind of log is written all the time, so that its silence says something. Logs of the
// mail protocols are silent when nobody uses them.
func AroundTheClock(k signin.Kind) bool { return k == signin.IIS || k == signin.HTTPProxy }

// gaps returns the runs of silent hours between the first and the last line.
func (h *heard) gaps(kind signin.Kind) []Gap {
	silence := Silence(kind)
	all := map[int32]struct{}{}
	for _, hours := range h.hours {
		for hour := range hours {
			all[hour] = struct{}{}
		}
	}
	sorted := make([]int32, 0, len(all))
	for hour := range all {
		sorted = append(sorted, hour)
	}
	slices.Sort(sorted)
	var gaps []Gap
	for i := 1; i < len(sorted); i++ {
		if from, to := sorted[i-1]+1, sorted[i]; to-from >= silence {
			gaps = append(gaps, Gap{int64(from) * hourMs, int64(to) * hourMs, "no line was logged"})
		}
	}
	return gaps
}

// A Coverage says for which period a server's logs of one kind were read.
type Coverage struct {
	Server   string
	Kind     signin.Kind
	From, To int64 // the first and the last event, Unix milliseconds
	Complete bool  // no gap, and every file of it was read to its end
	Gaps     []Gap
}
