package ingest

import "github.com/outmode/outmode/internal/signin"

// A CloudSignIn is one sign-in to the cloud, as one line tells of it.
type CloudSignIn struct {
	HourRow                 // what it adds, if it counts
	Shared  string          // the id by which several logs name it; one by which no other does begins with a colon, or it has none
	Record  string          // the id of the record itself, if its kind of log has such
	Weight  int64           // of two with the same names the heavier counts
	Ticks   []signin.Minute // of rules with windows, each of this sign-in alone; At.File is not used
}

// renumber makes the numbers of its lines those of the whole log.
func (c *CloudSignIn) renumber(before int64) {
	c.At.Line += before
	for i := range c.Ticks {
		c.Ticks[i].At.Line += before
	}
}

// cloud adds a sign-in to the cloud to the batch. Whether it counts is for the store to say, which knows the others.
func (f *fold) cloud(r *batchRow, l *line) {
	s, w := l.s, f.w
	ms := s.Facts.Time
	n := w.nameCloud(l)
	c := CloudSignIn{Shared: string(n.shared), Record: string(n.record), Weight: n.weight,
		HourRow: HourRow{Key: r.of, Hour: int32(ms / hourMs), Address: r.address, Count: 1, First: ms, Last: ms, Minutes: 1 << (ms / minuteMs % 60), At: l.ref(0)}}
	if r.hits != nil && (r.hits.Ticks || r.hits.Later) {
		w.ticks = w.judge.Ticks(w.ticks[:0], r.hits, s)
		for i := range w.ticks {
			t := &w.ticks[i]
			if t.Step > 0 && (w.scan.watch == nil || !w.scan.watch.Wants(t, ms)) {
				continue
			}
			m := signin.Minute{Rule: t.Rule, Step: t.Step, Group: string(t.Group), Minute: ms / minuteMs, Count: 1, First: ms, Last: ms, At: c.At}
			if t.Distinct != 0 {
				m.Distinct = []uint64{t.Distinct}
			}
			c.Ticks = append(c.Ticks, m)
		}
	}
	f.batch.Cloud = append(f.batch.Cloud, c)
}
