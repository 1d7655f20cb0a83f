package ingest

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Where there are more tellings than are held, the parts that they are read in decide the same as one.
func TestTellingsInParts(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var all []telling
	for n := range 5000 {
		all = append(all, telling{shared: uint64(r.IntN(1500)) * 0x9E3779B97F4A7C15 >> 3, record: uint64(r.IntN(3)), who: uint64(r.IntN(2)), weight: int64(r.IntN(2)), log: int32(r.IntN(3)), offset: int64(n) * shortest, rank: int8(1 + r.IntN(3)), alone: n%7 == 0})
	}
	decide := func(most, chunk int) (*clouds, uint64) {
		c := &clouds{lines: map[int][]uint64{}}
		ts := &tellings{most: most, parts: 1}
		for ; ts.part < ts.parts; ts.part++ {
			r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			for more := range slices.Chunk(all, chunk) {
				ts.add(more)
			}
			if len(ts.all) > 2*most {
				t.Errorf("%d tellings are held, of at most %d", len(ts.all), most)
			}
			ts.decide(c)
		}
		return c, ts.parts
	}
	whole, _ := decide(1<<20, 256)
	told := 0
	for _, most := range []int{3000, 700, 100} {
		parted, parts := decide(most, 17)
		if parts < 2 || whole.alone != parted.alone || whole.alone == 0 {
			t.Errorf("%d parts: %d and %d have no shared id", parts, whole.alone, parted.alone)
		}
		told = 0
		for _, x := range all {
			if whole.told(int(x.log), x.offset) != parted.told(int(x.log), x.offset) {
				t.Fatalf("in %d parts %+v is decided otherwise", parts, x)
			}
			if whole.told(int(x.log), x.offset) {
				told++
			}
		}
	}
	if told < 2000 || told > 4000 {
		t.Errorf("%d of %d are told twice", told, len(all))
	}
}
