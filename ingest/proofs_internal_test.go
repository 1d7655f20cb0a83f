package ingest

import (
	"slices"
	"testing"

	"github.com/outmode/outmode/internal/signin"
)

// A batch says once that two names are one person's, with the last time a line said so, and of names that anybody may have
// nothing. It is not parallel: testing.AllocsPerRun counts for the whole process.
func TestProofsAreToldOnce(t *testing.T) {
	f := &fold{batch: &Batch{}, proofs: map[string]int{}}
	sid, sam, upn := []byte("S-1-5-21-1-2-3-1107"), []byte(`CONTOSO\anna`), []byte("anna@contoso.com")
	f.prove([][]byte{sid, sam, upn}, 2000)
	f.prove([][]byte{sid, upn}, 3000)
	f.prove([][]byte{sid, sam}, 1000)
	f.prove([][]byte{sid, []byte(`CONTOSO\EX01$`), []byte("anna"), []byte(`NT AUTHORITY\SYSTEM`)}, 4000)
	want := []Proof{{signin.Pair{One: `contoso\anna`, Other: "s-1-5-21-1-2-3-1107"}, 2000}, {signin.Pair{One: "anna@contoso.com", Other: "s-1-5-21-1-2-3-1107"}, 3000}}
	if !slices.Equal(f.batch.Proofs, want) {
		t.Errorf("%+v", f.batch.Proofs)
	}
	same := [][]byte{sid, sam, upn}
	if n := testing.AllocsPerRun(100, func() { f.prove(same, 1) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
