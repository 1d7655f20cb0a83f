package sqlite

import (
	"fmt"
	"slices"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// prove commits who is who as a log of a gateway that was read.
func (k *kept) prove(id int64, at string, pairs ...string) {
	k.t.Helper()
	ms := clock(at).UnixMilli()
	src := &ingest.Source{ID: id, Path: fmt.Sprint("adfs", id, ".xml"), State: ingest.Read, Kind: signin.ADFSLog, Plain: true, Size: 1000, Offset: 1000, First: ms, Last: ms}
	b := &ingest.Batch{Log: id, To: 1000, Events: []signin.MFAEvent{{Kind: signin.ADFSLog, Time: ms, User: "anna", Outcome: signin.FactorPassed, At: signin.Ref{Length: 1, Line: 1}}}}
	for i := 0; i < len(pairs); i += 2 {
		p, ok := signin.PairOf([]byte(pairs[i]), []byte(pairs[i+1]))
		if !ok {
			k.t.Fatal(pairs[i : i+2])
		}
		b.Proofs = append(b.Proofs, ingest.Proof{Pair: p, Last: ms}, ingest.Proof{Pair: p, Last: ms - 1})
	}
	if err := k.Commit(k.t.Context(), &ingest.Commit{Sources: []*ingest.Source{src}, Batches: []*ingest.Batch{b}}); err != nil {
		k.t.Fatal(err)
	}
}

// paired is what the store knows of who is who.
func (k *kept) paired() (all []string, lost int64) {
	k.t.Helper()
	k.view(func(v *MFAView) {
		pairs, n, err := v.Pairs(k.t.Context())
		if err != nil {
			k.t.Fatal(err)
		}
		for _, p := range pairs {
			all = append(all, p[0]+" "+p[1])
		}
		lost = n
	})
	slices.Sort(all)
	return all, lost
}

// Names of one person are kept once, until no line proved them for as long as days are kept, and never too many of them.
func TestPairs(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	stale := func() bool { return k.n("SELECT count(*) FROM meta WHERE name = ?", joinedStale) == 1 }
	k.prove(1, "2026-10-06 08:00", `CONTOSO\anna`, "anna@contoso.com", "S-1-5-21-1-2-3-1107", "anna@contoso.com")
	k.prove(2, "2026-10-07 08:00", `contoso\ANNA`, "Anna@contoso.com")
	want := []string{`anna@contoso.com contoso\anna`, "anna@contoso.com s-1-5-21-1-2-3-1107"}
	if got, lost := k.paired(); !slices.Equal(got, want) || lost != 0 {
		t.Fatalf("%q, %d", got, lost)
	}
	if !stale() {
		t.Error("nothing is to be joined again")
	}
	k.pairs = 3
	k.prove(3, "2026-10-07 09:00", `CONTOSO\ben`, "ben@contoso.com", `CONTOSO\carla`, "carla@contoso.com")
	if got, lost := k.paired(); len(got) != 3 || lost != 1 {
		t.Errorf("%q, %d", got, lost)
	}
	k.writer = nil // another process
	k.prove(4, "2026-10-07 10:00", `CONTOSO\carla`, "carla@contoso.com", `CONTOSO\anna`, "anna@contoso.com")
	if got, lost := k.paired(); len(got) != 3 || lost != 2 {
		t.Errorf("%q, %d", got, lost)
	}
}

// What no line says any more goes with the days, and then who is who is another matter: all is joined again.
func TestPairsGoWithTheDays(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	k.prove(1, "2025-08-01 08:00", `CONTOSO\anna`, "anna@contoso.com", `CONTOSO\ben`, "ben@contoso.com")
	k.prove(2, "2026-10-06 08:00", `CONTOSO\anna`, "anna@contoso.com", `CONTOSO\carla`, "carla@contoso.com")
	k.exec("DELETE FROM meta WHERE name = '" + joinedStale + "'")
	k.writer = nil
	k.prune()
	if got, _ := k.paired(); !slices.Equal(got, []string{`anna@contoso.com contoso\anna`, `carla@contoso.com contoso\carla`}) {
		t.Errorf("%q", got)
	}
	if k.n("SELECT count(*) FROM meta WHERE name = ?", joinedStale) != 1 {
		t.Error("nothing is to be joined again")
	}
	k.prove(3, "2025-08-01 08:00", `CONTOSO\ben`, "ben@contoso.com")
	if got, _ := k.paired(); len(got) != 2 {
		t.Errorf("what is too old was kept: %q", got)
	}
}
