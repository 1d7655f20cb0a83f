package mfa

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

// A scan reads all of them together, and every line is one thing.
func TestScanGateways(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, lines := range map[string][]string{
		"duo.log":        append(hotDuo(), `{"eventtype":"telephony","timestamp":1791273605}`, `{"a":1}`),
		"cef.log":        {cefPrefix + duoCEF("OWA", "duo_push", "denied", "anna")},
		"admin.log":      {duoAdminRecord("bypass_create", `"bruno"`, "null"), duoAdminRecord("admin_login", "null", "null")},
		"authproxy.log":  append(loginLines(), "\tof a traceback"),
		"authevents.log": hotAuthEvents(),
		"monosign.log":   append(hotMonosign(), monoOK),
		"undated.log":    {monoOK, monoNoAPI, ""},
		"answer.json":    {`{"stat": "OK", "response": {"metadata": {"next_offset": ["1", "a"], "total_objects": 2}, "authlogs": [`, duoV2() + ",", duoV2("result", `"denied"`), "]}}"},
		"array.json":     {"[", duoV2("txid", `"1"`), ", ", duoV2("txid", `"2"`), "]"},
		"wrapped.json":   {`{"authlogs":[` + duoV2("txid", `"3"`) + `],"metadata":{}}`, `{"authlogs":[` + duoV2("txid", `"4"`) + `],"metadata":{}}`},
		"polls.json":     {`{"stat":"OK","response":{"authlogs":[]}}`, `{"stat":"OK","response":{"authlogs":[` + duoV2("txid", `"6"`) + `]}}`, `{"stat":"OK","response":{"authlogs":[]}}`},
		"v1.json":        {`{"stat":"OK","response":[` + strings.ReplaceAll(duoV1, `"eventtype":"authentication",`, "") + `]}`},
		"pretty.json":    {indented(t, duoSynced("auth_log")), indented(t, duoSynced("auth_log", "txid", `"5"`))},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	inputs, problems := tail.Find([]string{dir}, tail.FindOptions{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var o Options
	res, err := ingest.Scan(t.Context(), inputs, ingest.Options{Recognize: o.Recognize, Workers: 1, PartSize: 64})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]signin.Lines{
		"duo.log":        {Total: 5, MFA: 3, Other: 1, Malformed: 1},
		"cef.log":        {Total: 1, MFA: 1},
		"admin.log":      {Total: 2, MFA: 1, Other: 1},
		"authproxy.log":  {Total: 10, MFA: 2, Other: 8},
		"authevents.log": {Total: 3, MFA: 3},
		"monosign.log":   {Total: 6, MFA: 6}, // one of them has no time
		"undated.log":    {Total: 3, MFA: 2, Other: 1},
		"answer.json":    {Total: 2, MFA: 2},
		"array.json":     {Total: 2, MFA: 2},
		"wrapped.json":   {Total: 2, MFA: 2},
		"polls.json":     {Total: 1, MFA: 1},
		"v1.json":        {Total: 1, MFA: 1},
		"pretty.json":    {Total: 2, MFA: 2},
	}
	for i := range res.Logs {
		l := &res.Logs[i]
		name := filepath.Base(l.Input.Path)
		if l.Lines != want[name] {
			t.Errorf("%s (%s): %+v, want %+v", name, l.Format.Name, l.Lines, want[name])
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("not read: %v", want)
	}
}

func indented(t *testing.T, record string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(record), "", "  "); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Wherever reading stops and goes on, what the lines say is the same.
func TestAuthProxyGoesOnAnywhere(t *testing.T) {
	t.Parallel()
	lines := append(loginLines(), proxyLog("01:03", preauth("anna", "203.0.113.99")), proxyLog("01:04", tuple+"Got preauth result for: 'allow'"))
	whole := ask(t, newAuthProxy(&Options{}), lines...)
	for cut := range lines {
		first := newAuthProxy(&Options{})
		all := ask(t, first, lines[:cut]...)
		next := newAuthProxy(&Options{})
		next.Reset(nil)
		if saved := first.Sessions(); saved != nil {
			if err := next.Restore(saved); err != nil {
				t.Fatal(err)
			}
		}
		if all = append(all, ask(t, next, lines[cut:]...)...); !reflect.DeepEqual(all, whole) {
			t.Errorf("cut before line %d: %+v, want %+v", cut, all, whole)
		}
	}
}
