package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// The time of the last event never goes back: neither by a log that is read late, nor by a restart.
func TestLastEventIsTheLatest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	logs, data := filepath.Join(dir, "logs"), filepath.Join(dir, "data")
	write(t, filepath.Join(logs, "a.LOG"), []byte(proxyHead+proxyLine(`CONTOSO\anna`, "agent")))
	const latest = "outmode_source_last_event_timestamp_seconds{kind=\"httpproxy\"} 1.7912745e+09\n" // 2026-10-06 08:15
	shows := func(d *served, what string) bool {
		_, metrics := d.get(t, "/metrics")
		return strings.Contains(metrics, what)
	}
	d := serve(t, "--data", data, logs)
	eventually(t, "the first log is read", func() bool { return shows(d, latest) })
	late := strings.NewReplacer("2026-10-06T08:15", "2026-10-05T08:15").Replace(proxyHead + proxyLine(`CONTOSO\ben`, "agent"))
	write(t, filepath.Join(logs, "late.LOG"), []byte(late))
	eventually(t, "the late log is read", func() bool { return shows(d, `outmode_source_lines_total{kind="httpproxy",verdict="signin"} 2`) })
	if !shows(d, latest) {
		t.Error("the late log moved it back")
	}
	d.stop(t)

	d = serve(t, "--data", data, logs)
	eventually(t, "it is ready again", func() bool { code, _ := d.get(t, "/readyz"); return code == http.StatusOK })
	if !shows(d, latest) {
		t.Error("it is not known after a restart")
	}
	d.stop(t)
}
