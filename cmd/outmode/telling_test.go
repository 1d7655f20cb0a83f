package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
)

// It is said once that all is read, and again only after a backlog that was long.
func TestTellsWhenItHasCaughtUp(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	x := &telling{log: slog.New(slog.NewTextHandler(&out, nil))}
	for _, p := range []ingest.Progress{{Behind: 1 << 30}, {Known: 7, Caught: true}, {Known: 7, Caught: true, Behind: 100}, {Known: 7, Caught: true}, {Known: 8, Caught: true, Behind: longBacklog},
		{Known: 8, Caught: true, Behind: 2 * noBacklog}, {Known: 8, Caught: true, Behind: 10, Unread: 2}, {Known: 8, Caught: true}} {
		x.lines.Add(100)
		x.progress(p)
	}
	said := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(said) != 2 || !strings.HasSuffix(said[0], `msg="caught up" files=7 followed=0 lines=200`) || !strings.HasSuffix(said[1], `msg="caught up" files=8 followed=0 lines=500 cannot_be_read=2`) {
		t.Errorf("%q", said)
	}
}

// Serve says how far it is, what is wrong with the data, in words, and how many findings opened, of whom not.
func TestServeSaysWhatItFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	logs, file := filepath.Join(dir, "logs"), filepath.Join(dir, "outmode.yaml")
	packed := zipped([]byte(proxyHead + proxyLine(`CONTOSO\carla`, "x")))
	write(t, filepath.Join(logs, "a.LOG"), []byte(proxyHead+proxyLine(`CONTOSO\anna`, "agent")))
	write(t, filepath.Join(logs, "torn.LOG.gz"), packed[:len(packed)-9])
	write(t, file, []byte("data: "+filepath.Join(dir, "data")+"\ndiscover:\n  every: 1s\nsources:\n  - path: "+logs+"\n"))
	d := serve(t, "-c", file)
	eventually(t, "findings are told", func() bool { return strings.Contains(d.log.String(), "findings opened") })
	said := d.log.String()
	for _, want := range []string{`level=INFO msg="caught up" files=2 `, " cannot_be_read=1\n"} { // after each reload, and other tests ask for some
		if !strings.Contains(said, want) {
			t.Errorf("the log does not say %q", want)
		}
	}
	for _, want := range []string{`level=WARN msg="A log cannot be read" rule=OM-SYS-03 of=` + filepath.ToSlash(filepath.Join(logs, "torn.LOG.gz")) + ` words="archive is truncated`,
		`outmode findings list --data `} {
		if strings.Count(said, want) != 1 {
			t.Errorf("the log does not say %q once", want)
		}
	}
	if strings.Contains(strings.ToLower(said), "anna") || strings.Contains(strings.ToLower(said), "carla") {
		t.Error("the log names an account")
	}
	if code, body := d.get(t, "/readyz"); code != http.StatusOK || body != "ready: caught up with what can be read (2 logs); 1 cannot be read: \"outmode sources\" says which, and why\n" {
		t.Errorf("/readyz: %d %q", code, body)
	}
	d.stop(t)
	if said := d.log.String(); strings.Count(said, "OM-SYS-03") != 1 {
		t.Errorf("it repeats itself: %s", said)
	}
}
