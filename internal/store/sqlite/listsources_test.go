package sqlite

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// The ledger tells of every log what became of its lines, and what is missing.
func TestListSources(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	at := clock("2026-10-19 08:00")
	iis := keptIISHead + web(at, "anna") + refused(at, "ben") + probe(at) + "broken\r\n" + "2026-10-19 08:0"
	k.write("a.log", iis)
	k.write("b.log", keptIISHead, web(at, "anna"), refused(at, "ben")) // the same first lines: a copy that is shorter
	k.write("c.txt", "nothing that is known\nat all\n")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(keptProxyHead + proxied(at, `CONTOSO\anna`, "curl/8")))
	_ = z.Close()
	k.write("d.LOG.gz", packed.String())
	k.write("e.LOG.gz", packed.String()[:packed.Len()-9]) // torn
	k.write("f.log", keptIISHead, web(at, "carla"))
	k.read()
	if err := os.Remove(filepath.Join(k.logs, "f.log")); err != nil {
		t.Fatal(err)
	}
	k.read()
	k.exec(`INSERT INTO hole (source, at, bytes, "from", "to", reason) SELECT id, "offset", 99, last, ?, 'it went' FROM source WHERE path LIKE '%f.log'`, k.clock.UnixMilli())
	list, err := k.List(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Listed{}
	for _, l := range list {
		got[filepath.Base(l.Path)] = l
		if n := l.Lines; n.Total != n.SignIn+n.MFA+n.Noise+n.Other+n.Malformed+n.Directive {
			t.Errorf("%s: the lines do not add up: %+v", l.Path, n)
		}
	}
	a := got["a.log"]
	if want := (signin.Lines{Total: 6, SignIn: 2, Noise: 1, Other: 1, Malformed: 1, Directive: 1}); a.Lines != want || a.State != ingest.Read || a.Kind != signin.IIS || a.Server != "EX01" {
		t.Errorf("a.log: %+v", a)
	}
	if a.Unfinished == "" || a.Lag(a.Size) != int64(len("2026-10-19 08:0")) || a.Offset+a.Lag(a.Size) != int64(len(iis)) || len(a.Malformed) != 1 || a.Chain == [32]byte{} {
		t.Errorf("a.log: %+v, lag %d", a, a.Lag(a.Size))
	}
	if b := got["b.log"]; b.State != ingest.Duplicate || !strings.HasSuffix(b.DuplicateOf, "a.log") || b.Lines.Other != b.Lines.Total || b.Lines.Total != 3 {
		t.Errorf("b.log: %+v", b)
	}
	if c := got["c.txt"]; c.State != ingest.NotCounted || c.Why == "" || c.Lines.Other != 2 {
		t.Errorf("c.txt: %+v", c)
	}
	if d := got["d.LOG.gz"]; d.State != ingest.Read || d.Lag(d.Size) != 0 || d.Lines.SignIn != 1 || !d.Done {
		t.Errorf("d.LOG.gz: %+v", d)
	}
	if e := got["e.LOG.gz"]; e.State != ingest.Incomplete && e.State != ingest.Duplicate || e.Why == "" {
		t.Errorf("e.LOG.gz: %+v", e)
	}
	f := got["f.log"]
	if f.State != ingest.Gone || f.Lag(f.Size) != 0 || len(f.Holes) != 1 || f.Holes[0].Bytes != 99 || f.Holes[0].From != at.UnixMilli() || f.Holes[0].To != k.clock.UnixMilli() {
		t.Errorf("f.log: %+v", f)
	}
}
