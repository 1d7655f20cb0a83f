package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// A heard is what a command writes while it runs.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(p)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("it never came true that %s", what)
		}
	}
}

// served is a daemon of a test.
type served struct {
	log  *heard
	end  context.CancelFunc
	done chan int
	url  string
}

// serve starts a daemon, and waits until it listens.
func serve(t *testing.T, args ...string) *served {
	t.Helper()
	ctx, end := context.WithCancel(context.Background())
	s := &served{log: &heard{}, end: end, done: make(chan int, 1)}
	go func() {
		s.done <- run(ctx, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...), streams{strings.NewReader(""), io.Discard, s.log})
	}()
	t.Cleanup(func() {
		end()
		if t.Failed() {
			t.Log(s.log.String())
		}
	})
	at := regexp.MustCompile(`msg=listening address=(\S+)`)
	eventually(t, "the daemon listens", func() bool {
		if m := at.FindStringSubmatch(s.log.String()); m != nil {
			s.url = "http://" + m[1]
		}
		return s.url != "" || len(s.done) > 0
	})
	if s.url == "" {
		t.Fatalf("the daemon ended: %s", s.log)
	}
	return s
}

// stop ends it as a service manager does, and expects that it ends well and soon.
func (s *served) stop(t *testing.T) {
	t.Helper()
	s.end()
	select {
	case code := <-s.done:
		if code != exitDone {
			t.Errorf("exit %d: %s", code, s.log)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it does not stop")
	}
	if !strings.Contains(s.log.String(), "everything that was read is committed") {
		t.Errorf("it does not say that all is committed: %s", s.log)
	}
}

func (s *served) get(t *testing.T, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// copyTree copies the sample's logs, as files that were not written to for a while.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * time.Hour) // a file that is no log may still become one while it is young
	err := filepath.WalkDir(to, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chtimes(path, old, old)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// appendTo appends to a log.
func appendTo(t *testing.T, file, text string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// What issue 4 calls done: a daemon with the configuration that config init wrote, on a copy of the sample that
// grows, shows in sources, findings list and /metrics what the story says.
func TestServeTellsTheStory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	logs, data, file := filepath.Join(dir, "logs"), filepath.Join(dir, "data"), filepath.Join(dir, "outmode.yaml")
	copyTree(t, filepath.Join(root, "samples", "contoso"), logs)
	must(t, exitDone, "config", "init", "--logs", logs, file)
	d := serve(t, "-c", file, "--data", data)
	eventually(t, "it is ready", func() bool { code, _ := d.get(t, "/readyz"); return code == http.StatusOK })

	var scanned, kept report
	decode(t, must(t, exitDone, "scan", logs, "-o", "json"), &scanned)
	eventually(t, "what was told once is settled, and logons are joined with events", func() bool {
		kept = report{}
		decode(t, must(t, exitDone, "usage", "--data", data, "-o", "json"), &kept)
		return kept.SignIns.Waiting == 0 && len(kept.Findings) == len(scanned.Findings)
	})
	if kept.Lines != scanned.Lines || kept.SignIns != scanned.SignIns || len(kept.Findings) != len(scanned.Findings) {
		t.Errorf("serve has %+v %+v and %d findings, scan %+v %+v and %d", kept.Lines, kept.SignIns, len(kept.Findings), scanned.Lines, scanned.SignIns, len(scanned.Findings))
	}

	// A new account signs in with Basic, in a log that is followed, torn in the middle of its line.
	log := filepath.Join(logs, "EX01", "HttpProxy", "Ews", "HttpProxy_2026100700-1.LOG")
	line := basicLine(t, log, `CONTOSO\n.newcomer`)
	appendTo(t, log, line[:100])
	appendTo(t, log, line[100:])
	var list struct{ Findings []finding }
	eventually(t, "the newcomer is found", func() bool {
		decode(t, must(t, exitDone, "findings", "list", "--data", data, "-o", "json"), &list)
		for _, f := range list.Findings {
			if f.Rule == "OM-1003" && f.Subject == `contoso\n.newcomer` {
				return f.Count == 1 && f.State == "open" && len(f.Evidence) == 1 && f.Evidence[0].SHA256 != ""
			}
		}
		return false
	})
	var sources struct{ Sources []source }
	decode(t, must(t, exitDone, "sources", "--data", data, "-o", "json"), &sources)
	if len(sources.Sources) != len(scanned.Sources) {
		t.Errorf("%d sources, scan read %d", len(sources.Sources), len(scanned.Sources))
	}
	for _, s := range sources.Sources {
		if s.Path == filepath.ToSlash(log) && (s.Offset != s.Size || s.Lines.Total != kept.linesOf(s.Path)+1) {
			t.Errorf("the ledger of the log that grew: %+v", s)
		}
	}
	_, metrics := d.get(t, "/metrics")
	for _, want := range []string{
		`outmode_signins_total{auth="basic",evidence="proven",outcome="success",protocol="ews"} 305`,
		`outmode_config_last_reload_successful 1`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	if strings.Contains(metrics, "newcomer") || strings.Contains(metrics, "hartwell") {
		t.Error("/metrics names a person")
	}
	d.stop(t)

	// Nothing is read twice by the next one.
	d = serve(t, "-c", file, "--data", data)
	eventually(t, "it is ready again", func() bool { code, _ := d.get(t, "/readyz"); return code == http.StatusOK })
	var again report
	decode(t, must(t, exitDone, "usage", "--data", data, "-o", "json"), &again)
	if again.Lines.Total != scanned.Lines.Total+1 || again.SignIns.Counted != scanned.SignIns.Counted+1 {
		t.Errorf("after a restart: %+v %+v", again.Lines, again.SignIns)
	}
	if out := must(t, exitDone, "store", "check", "--logs", "--data", data); !strings.Contains(out, "is sound") {
		t.Error(out)
	}
	d.stop(t)
}

func (r *report) linesOf(path string) int64 {
	for i := range r.Sources {
		if r.Sources[i].Path == path {
			return r.Sources[i].Lines.Total
		}
	}
	return -1
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in %.200s", err, text)
	}
}

// basicLine is a line of an HttpProxy log in which somebody else signed in with Basic.
func basicLine(t *testing.T, log, account string) string {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, `,Basic,true,CONTOSO\svc-erp,`) {
			return strings.Replace(line, `CONTOSO\svc-erp`, account, 1)
		}
	}
	t.Fatal("nobody signs in with Basic there")
	return ""
}

// A reload with a mistake keeps the old world, and says why; one without takes over.
func TestServeReloads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	logs, data, file := filepath.Join(dir, "logs"), filepath.Join(dir, "data"), filepath.Join(dir, "outmode.yaml")
	write(t, filepath.Join(logs, "a.LOG"), []byte(proxyHead+proxyLine(`CONTOSO\anna`, "agent")))
	config := "data: " + data + "\nsources:\n  - path: " + logs + "\n"
	write(t, file, []byte(config))
	d := serve(t, "-c", file)
	eventually(t, "it is ready", func() bool { code, _ := d.get(t, "/readyz"); return code == http.StatusOK })

	write(t, file, []byte(config+"retension:\n  days: 40d\n"))
	reloadSelf(t)
	eventually(t, "the mistake is told", func() bool {
		said := d.log.String()
		return strings.Contains(said, "the old ones stay") && strings.Contains(said, "retention")
	})
	if _, metrics := d.get(t, "/metrics"); !strings.Contains(metrics, "outmode_config_last_reload_successful 0") {
		t.Error("/metrics does not tell of the failed reload")
	}

	write(t, filepath.Join(dir, "more", "b.LOG"), []byte(proxyHead+proxyLine(`CONTOSO\per`, "agent")))
	write(t, file, []byte(config+"  - path: "+filepath.Join(dir, "more")+"\n"))
	reloadSelf(t)
	eventually(t, "the new source is read", func() bool {
		return strings.Contains(must(t, exitDone, "usage", "--data", data, "-o", "json"), `contoso\\per`)
	})
	d.stop(t)
}

// What is wrong with a configuration is told by the log, in its format, each mistake with its place.
func TestServeTellsMistakesOfAReloadInItsLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	logs, file := filepath.Join(dir, "logs"), filepath.Join(dir, "outmode.yaml")
	write(t, filepath.Join(logs, "a.LOG"), []byte(proxyHead+proxyLine(`CONTOSO\anna`, "agent")))
	config := "data: " + filepath.Join(dir, "data") + "\nlog:\n  format: json\nsources:\n  - path: " + logs + "\n"
	write(t, file, []byte(config))
	ctx, end := context.WithCancel(t.Context())
	log, done := &heard{}, make(chan int, 1)
	go func() {
		done <- run(ctx, []string{"serve", "--listen", "", "-c", file}, streams{strings.NewReader(""), io.Discard, log})
	}()
	eventually(t, "it reads", func() bool { return strings.Contains(log.String(), "reading logs") })
	bad := config + "discover:\n  often: 1s\nretention:\n"
	for i := range 12 {
		bad += fmt.Sprintf("  x%d: 1\n", i)
	}
	write(t, file, []byte(bad))
	reloadSelf(t)
	eventually(t, "the mistakes are told", func() bool { return strings.Contains(log.String(), "the old ones stay") })
	end()
	if code := <-done; code != exitDone {
		t.Errorf("exit %d", code)
	}
	for line := range strings.Lines(log.String()) {
		var said struct {
			Level, Msg, Err string
			Mistakes        int
		}
		decode(t, line, &said) // nothing else stands between
		if strings.Contains(said.Msg, "the old ones stay") {
			if said.Level != "ERROR" || said.Mistakes != 13 {
				t.Errorf("%+v", said)
			}
			says(t, said.Err, file+":7:3: ", "often", file+":9:3: ", "x8", "; and 3 more: ")
		}
	}
	if strings.Contains(log.String(), "context canceled") {
		t.Error(log.String())
	}
}

// A reload never ends the daemon because of another store, and says what it does not change.
func TestServeReloadKeepsDataAndListen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	logs, file := filepath.Join(dir, "logs"), filepath.Join(dir, "outmode.yaml")
	write(t, filepath.Join(logs, "a.LOG"), []byte(proxyHead+proxyLine(`CONTOSO\anna`, "agent")))
	sources := "sources:\n  - path: " + logs + "\n"
	write(t, file, []byte("data: data\n"+sources))
	d := serve(t, "-c", file)
	eventually(t, "it is ready", func() bool { code, _ := d.get(t, "/readyz"); return code == http.StatusOK })

	write(t, file, []byte("data: other\n"+sources))
	reloadSelf(t)
	eventually(t, "data is refused", func() bool { return strings.Contains(d.log.String(), "data cannot be changed by a reload; restart") })
	if _, metrics := d.get(t, "/metrics"); !strings.Contains(metrics, "outmode_config_last_reload_successful 0") {
		t.Error("/metrics does not tell of the refused reload")
	}
	if exists(filepath.Join(dir, "other")) {
		t.Error("the other store was made")
	}

	write(t, file, []byte("data: data\nlog:\n  level: warn\n"+sources))
	reloadSelf(t)
	address := strings.TrimPrefix(d.url, "http://")
	eventually(t, "what needs a restart is told", func() bool {
		said := d.log.String()
		_, after, ok := strings.Cut(said, "restart for them")
		return ok && strings.HasPrefix(after, "\" keys=log\n") && strings.Contains(after, "reading logs") && strings.Count(said, "listen="+address) >= 2
	})

	// Of a second daemon the store is what is wrong, even where the port is taken, too.
	code, _, errs := outmode(t, "", "serve", "-c", file, "--listen", address)
	if code != exitError || strings.Contains(errs, "listening on") || !strings.Contains(errs, "another outmode process reads logs into this store") {
		t.Errorf("exit %d: %s", code, errs)
	}
	d.stop(t)
}

// What cannot be served is told before anything is done.
func TestServeRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	for _, c := range []struct {
		code int
		args []string
		says string
	}{
		{exitUsage, []string{"serve", "--data", data}, "no logs to read"},
		{exitUsage, []string{"serve", "-o", "json", "--data", data, dir}, "-o json"},
		{exitError, []string{"serve", "-c", filepath.Join(dir, "absent.yaml")}, "absent.yaml"},
		{exitError, []string{"serve", "--data", data, "--listen", "203.0.113.1:9464", dir}, "listening on 203.0.113.1:9464"},
		{exitError, []string{"usage", "--data", filepath.Join(dir, "nowhere")}, "there is no store"},
	} {
		code, _, errs := outmode(t, "", c.args...)
		if code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("%v: exit %d, want %d and %q: %s", c.args, code, c.code, c.says, errs)
		}
	}
}
