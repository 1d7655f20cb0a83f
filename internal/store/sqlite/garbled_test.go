package sqlite

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
)

// What could not be understood happened between its neighbours, whatever the order of the log and of reading it.
func TestGarbledIsAHoleBetweenItsNeighbours(t *testing.T) {
	t.Parallel()
	const day = unbounded
	log := audit.Source{Kind: signin.Duo, Folder: "duo"}
	logs := []audit.Source{log}
	for _, c := range []struct {
		name    string
		garbled []int64
		events  [][2]int64 // offset and time
		want    string
	}{
		{"in the middle", []int64{150}, [][2]int64{{100, 1000}, {200, 2000}, {300, 3000}}, "[{1000 2000}]"},
		{"newest first", []int64{150}, [][2]int64{{100, 3000}, {200, 2000}, {300, 1000}}, "[{2000 3000}]"},
		{"two without an event between them", []int64{150, 160}, [][2]int64{{100, 1000}, {200, 2000}}, "[{1000 2000} {1000 2000}]"},
		{"at the beginning", []int64{0}, [][2]int64{{100, 2 * day}, {200, 3 * day}}, fmt.Sprint("[{", day, " ", 2*day, "}]")},
		{"at the end, twice", []int64{250, 260}, [][2]int64{{100, 2 * day}, {200, 3 * day}}, fmt.Sprint("[{", 3*day, " ", 4*day, "} {", 3*day, " ", 4*day, "}]")},
		{"at the end, newest first", []int64{250}, [][2]int64{{100, 3 * day}, {200, 2 * day}}, fmt.Sprint("[{", day, " ", 2*day, "}]")},
		{"nothing else", []int64{0, 10}, nil, "[]"},
	} {
		for range 5 {
			g := garble{}
			for _, at := range c.garbled {
				g.stretches = append(g.stretches, stretch{at: at, end: at + 1})
			}
			rand.Shuffle(len(c.events), func(a, b int) { c.events[a], c.events[b] = c.events[b], c.events[a] })
			for _, e := range c.events {
				g.event(e[0], e[1])
			}
			if got := fmt.Sprint(g.holes(&log, logs)); got != c.want {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
		}
	}
}

// Logs of the same folder bound what is open on one side, and lines within a stretch are no neighbours of it.
func TestGarbledIsBoundedByOtherLogs(t *testing.T) {
	t.Parallel()
	g := garble{stretches: []stretch{{at: 150, end: 300}}}
	for _, e := range [][2]int64{{100, 1000}, {200, 2000}} {
		g.event(e[0], e[1])
	}
	logs := []audit.Source{{Kind: signin.Duo, Folder: "duo", First: 500, Last: 2000}, {Kind: signin.Duo, Folder: "other", First: 1500}, {Kind: signin.Duo, Folder: "duo", First: 5000, Last: 9000}}
	if got := fmt.Sprint(g.holes(&logs[0], logs)); got != "[{1000 5000}]" {
		t.Error(got)
	}
}

// A record that could not be read may be the one that is missing: the log does not cover its time, in one reading or many.
func TestGarbledRecordIsNotCovered(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	record := func(clock, user string) string {
		return `{"event_type":"authentication","factor":"duo_push","isotimestamp":"2026-10-19T` + clock + `.000000+00:00","reason":"user_approved","result":"success","txid":"` + clock + user + `","user":{"name":"` + user + `"}}` + "\n"
	}
	broken := record("10:05:10", "anna")
	k.write("duo.json", record("08:00:00", "anna"), record("10:00:00", "ben"), broken[:len(broken)-30]+"\n", record("10:10:00", "ben"), record("18:00:00", "ben"))
	k.read()
	covered := func() audit.Coverage {
		var c audit.Coverage
		k.view(func(v *MFAView) { c = audit.NewCoverage(ok[*Told](k)(v.Told(t.Context(), 0, 1<<60)).Sources) })
		return c
	}
	if c := covered(); c.Covers(clock("2026-10-19 10:03").UnixMilli(), clock("2026-10-19 10:09").UnixMilli()) || !c.Covers(clock("2026-10-19 11:03").UnixMilli(), clock("2026-10-19 11:09").UnixMilli()) ||
		!c.Covers(clock("2026-10-19 09:03").UnixMilli(), clock("2026-10-19 09:09").UnixMilli()) {
		t.Errorf("covered: %v", c)
	}
	if n := k.n("SELECT count(*) FROM garbled"); n != 1 {
		t.Errorf("%d stretches, want 1", n)
	}
}
