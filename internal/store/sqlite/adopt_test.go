package sqlite

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

func TestAdoptConflict(t *testing.T) {
	run := func(settled, heard string, late bool) {
		k := keep(t, Retention{})
		adoptCase(t, k, settled, heard, late)
	}
	for _, settled := range []string{"", "a", "b", "ab"} {
		for _, heard := range []string{"", "a", "b", "ab"} {
			for _, late := range []bool{false, true} {
				run(settled, heard, late)
			}
		}
	}
}

func adoptCase(t *testing.T, k *kept, settled, heard string, late bool) {
	at := clock("2026-10-19 08:00").UnixMilli()
	acc := &signin.Account{Key: "a", Name: "a"}
	commit := func(log int64, server string, kind signin.Kind, weak bool, adopt ...ingest.Adoption) {
		key := &ingest.Key{Server: server, Account: acc, Client: "x", Kind: kind, Protocol: signin.EWS, Outcome: signin.Success, Weak: weak}
		v := ingest.Voice{Server: server, Kind: kind, Protocol: signin.EWS, Hour: int32(at / hourMs)}
		b := &ingest.Batch{Log: log, To: 1, First: at, Last: at, Lines: 1, Heard: []ingest.Hearing{{Voice: v, First: at, Last: at}},
			Counts: []ingest.Count{{Day: int32(at / dayMs), Verdict: signin.SignInLine, Lines: 1}},
			Rows:   []ingest.HourRow{{Key: key, Hour: v.Hour, Address: netip.MustParseAddr("192.0.2.7"), Count: 1, First: at, Last: at, Minutes: 1}}}
		b.Chain = ingest.Link([32]byte{}, b.Digest, 0, 1)
		src := &ingest.Source{ID: log, Path: server, Kind: kind, State: ingest.Read, Offset: 1, Lines: 1, Chain: b.Chain}
		if err := k.Commit(context.Background(), &ingest.Commit{Sources: []*ingest.Source{src}, Batches: []*ingest.Batch{b}, Adopted: adopt}); err != nil {
			t.Fatal(err)
		}
	}
	id := int64(0)
	next := func() int64 { id++; return id }
	for _, server := range []string{"a", "b"} {
		commit(next(), server, signin.IIS, true)
		if strings.Contains(settled, server) {
			k.settle()
		}
	}
	for _, server := range []string{"a", "b"} {
		if strings.Contains(heard, server) {
			commit(next(), server, signin.HTTPProxy, false)
		}
	}
	k.sound()
	if late {
		at += 3 * dayMs
		commit(next(), "c", signin.POPLog, false)
		at -= 3 * dayMs
		k.clock = k.clock.Add(4 * aDay)
		k.opt.Retention = Retention{Hours: 1, Days: 400 * aDay, Evidence: aDay, Findings: aDay}
		k.prune()
	}
	commit(next(), "c", signin.POPLog, false, ingest.Adoption{From: "a", To: "b"})
	k.sound()
	k.settle()
	k.sound()
	if t.Failed() {
		t.Fatal(settled, "|", heard, "|", late)
	}
}
