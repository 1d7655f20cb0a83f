package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

// today is when the certificates of the tests are judged.
func today() time.Time { return time.Date(2026, 10, 6, 12, 0, 0, 0, time.UTC) }

// checkText checks a configuration that stands in a folder of its own, and returns what is said of
// it, with that folder cut away.
func checkText(t testing.TB, dir, text string) (configChecked, []string) {
	t.Helper()
	file := write(t, filepath.Join(dir, "f"), []byte(text))
	found, err := checkConfig(t.Context(), file, today(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, p := range found.Problems {
		said = append(said, strings.ReplaceAll(filepath.ToSlash(p.String()), filepath.ToSlash(dir)+"/", ""))
	}
	return found, said
}

func TestConfigCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	write(t, in("logs/a.LOG"), []byte(proxyHead+proxyLine(`CONTOSO\anna`, "agent")))
	write(t, in("logs/b/u_ex.log"), []byte(w3cHead))
	write(t, in("logs/readme.txt"), []byte("no log\n"))
	write(t, in("text/readme.txt"), []byte("no log\n"))
	write(t, in("bad.yaml"), []byte("id: X-2\nname: two\nseverity: low\nwhen: user = \"a\"\n"))
	write(t, in("good.yaml"), []byte("id: X-3\nname: three\nseverity: low\nwhen: user == \"a\"\n"))
	if err := os.MkdirAll(in("empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"data: store\nsources: [{path: logs}]\n":                        "",
		"data: store\nsources: [{path: logs, exclude: [b, '*.txt']}]\n": "",
		"data: store\n":                                                            "f: warning: sources is empty: serve reads only the paths that it is given; \"outmode config init --logs PATH\" writes them here",
		"data: store\nsources: [{path: gone}]\n":                                   "f:2:18: sources[0].path: gone: not found: check the spelling and the current directory",
		"data: store\nsources: [{path: 'logs/*.gz'}]\n":                            "f:2:18: warning: sources[0].path: logs/*.gz: no match: check the pattern, or name the directory; a log that comes later is found",
		"data: store\nsources: [{path: empty}]\n":                                  "f:2:18: warning: sources[0].path: empty: no files",
		"data: store\nsources: [{path: logs, kind: imap}]\n":                       "f:2:18: warning: sources[0].path: 2 files not of kind imap, as kind says, but 1 httpproxy, 1 iis, 1 no log; write kind: auto",
		"data: good.yaml\nsources: [{path: logs}]\n":                               "f:1:7: data: good.yaml is no folder; name another one",
		"data: good.yaml/x\nsources: [{path: logs}]\n":                             "f:1:7: data: good.yaml/x: not a directory",
		"data: store\nsources: [{path: logs}]\nrules: {dirs: [bad.yaml]}\n":        "bad.yaml:4:12: equality is written ==, with two signs, not =",
		"data: store\nsources: [{path: logs}]\nrules: {dirs: [good.yaml]}\n":       "",
		"data: store\nsources: [{path: logs}]\nrules: {dirs: [none]}\n":            "none: no such file or folder",
		"data: store\nsources: [{path: logs}]\nrules: {builtin: false}\n":          "f:3:18: warning: rules.builtin is false and rules.dirs is empty: no rule applies, and nothing will be found",
		"data: store\nsources: [{path: logs}]\nlisten: ':9464'\n":                  "f:3:9: warning: listen :9464 is reached from other machines; set listen_auth and tls, or write 127.0.0.1",
		"data: store\nsources: [{path: logs}]\nlisten: '[::1]:9464'\n":             "",
		"data: store\nsources: [{path: logs}]\nlisten: localhost:9464\n":           "",
		"data: store\nsources: [{path: logs}]\nlisten_auth: {token_file: tok}\n":   "f:3:27: listen_auth.token: tok: no such file or directory",
		"data: store\nsources: [{path: logs}]\nlisten_auth: {token: env:OM_X}\n":   "f:3:22: warning: listen_auth.token: the environment variable OM_X is not set; set it for the account that runs outmode, or put the secret into a file",
		"data: 5\nsources: [{path: gone}, {path: 7}]\ntls: {cert: c, key: gone}\n": "f:1:7: data must be text; put \"5\" in quotes|f:2:18: sources[0].path: gone: not found: check the spelling and the current directory|f:2:32: sources[1].path must be text; put \"7\" in quotes|f:3:13: tls.cert: c: no such file or directory",
	} {
		if runtime.GOOS == "windows" && strings.Contains(want, "no such file or dir") {
			continue
		}
		_, said := checkText(t, dir, text)
		if got := strings.Join(said, "|"); got != want {
			t.Errorf("%q\n got %s\nwant %s", text, got, want)
		}
	}
	found, _ := checkText(t, dir, "data: store\nsources: [{path: logs}]\n")
	want := []checkedSource{{Path: in("logs"), Files: 3, Kinds: map[string]int{"httpproxy": 1, "iis": 1}, Other: 1}}
	if !reflect.DeepEqual(found.Sources, want) {
		t.Errorf("got %+v, want %+v", found.Sources, want)
	}
	_, said := checkText(t, dir, "data: store\nsources: [{path: text}]\n")
	if len(said) != 1 || !strings.Contains(said[0], "no file there is a log that is counted; ") || !strings.Contains(said[0], "text/readme.txt is not: ") {
		t.Errorf("got %q", said)
	}
}

// What is checked stays as it was: no folder, no file and no store is made.
func TestConfigCheckLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "store"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, data := range []string{"store", "new", "new/below"} {
		if found, said := checkText(t, dir, "data: "+data+"\n"); !found.OK || len(said) != 1 {
			t.Errorf("%s: %q", data, said)
		}
	}
	var names []string
	err := filepath.WalkDir(dir, func(p string, _ os.DirEntry, err error) error {
		names = append(names, filepath.Base(p))
		return err
	})
	if got := strings.Join(names[1:], " "); err != nil || got != "f store" {
		t.Errorf("left %q, %v", got, err)
	}
}

func TestConfigCheckOpensTheStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "f"), []byte("data: store\n"))
	var opened []string
	hook := func(dir string) error {
		opened = append(opened, dir)
		return errors.New("the store is of a later version")
	}
	if found, err := checkConfig(t.Context(), file, today(), hook); err != nil || !found.OK || len(opened) > 0 {
		t.Errorf("a store that there is not: %+v, %v, %v", found, err, opened)
	}
	if err := os.Mkdir(filepath.Join(dir, "store"), 0o700); err != nil {
		t.Fatal(err)
	}
	found, err := checkConfig(t.Context(), file, today(), hook)
	if err != nil || found.OK || found.Problems[0].Message != "data: the store is of a later version" || len(opened) != 1 || opened[0] != filepath.Join(dir, "store") {
		t.Errorf("%+v, %v, %v", found, err, opened)
	}
}

func TestConfigCheckStops(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "logs/a.LOG"), []byte(proxyHead))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := checkConfig(ctx, write(t, filepath.Join(dir, "f"), []byte("sources: [{path: logs}]\n")), today(), nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// certificate writes a certificate that is valid between two instants, and its key.
func certificate(t testing.TB, dir, name string, from, to time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.contoso.com"}, NotBefore: from, NotAfter: to}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, name+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	secretFile(t, filepath.Join(dir, name+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)
}

func secretFile(t testing.TB, name string, content []byte, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(write(t, name, content), mode); err != nil {
		t.Fatal(err)
	}
}

func TestConfigCheckCertificatesAndSecrets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := today()
	certificate(t, dir, "good", now.Add(-aDay), now.Add(aYear))
	certificate(t, dir, "old", now.Add(-aYear), now.Add(-time.Hour))
	certificate(t, dir, "new", now.Add(time.Hour), now.Add(aYear))
	certificate(t, dir, "short", now.Add(-aDay), now.Add(3*aDay))
	secretFile(t, filepath.Join(dir, "tok"), []byte("abcdefgh\n"), 0o600)
	secretFile(t, filepath.Join(dir, "open"), []byte("abcdefgh\n"), 0o644)
	secretFile(t, filepath.Join(dir, "void"), nil, 0o600)
	secretFile(t, filepath.Join(dir, "junk.crt"), []byte("no certificate"), 0o600)
	for text, want := range map[string]string{
		"tls: {cert: good.crt, key: good.key}\n":                                                       "",
		"tls: {cert: good.crt, key: old.key}\n":                                                        "f:4:13: tls.cert and tls.key cannot be used: private key does not match public key",
		"tls: {cert: junk.crt, key: old.key}\n":                                                        "f:4:13: tls.cert and tls.key cannot be used: failed to find any PEM data in certificate input",
		"tls: {cert: old.crt, key: old.key}\n":                                                         "f:4:13: tls.cert: the certificate expired at 2026-10-06 11:00 UTC; renew it",
		"tls: {cert: new.crt, key: new.key}\n":                                                         "f:4:13: tls.cert: the certificate is valid from 2026-10-06 13:00 UTC only; check the clock",
		"tls: {cert: short.crt, key: short.key}\n":                                                     "f:4:13: warning: tls.cert: the certificate expires at 2026-10-09 12:00 UTC; renew it",
		"listen_auth: {token_file: tok}\n":                                                             "",
		"listen_auth: {token_file: void}\n":                                                            "f:4:27: listen_auth.token: void is empty; it must hold the secret",
		"listen_auth: {token_file: open}\n":                                                            "f:4:27: warning: listen_auth.token: everybody on this machine can open open (mode 644); chmod 600 it",
		"listen: 0.0.0.0:9464\ntls: {cert: good.crt, key: good.key}\nlisten_auth: {token_file: tok}\n": "f:4:9: warning: listen 0.0.0.0:9464 is reached from other machines; let a firewall admit only who must read it",
		"listen: ''\ntls: {cert: good.crt, key: good.key}\nlisten_auth: {token_file: tok}\n":           "f:5:13: warning: tls.cert is of no use: listen is empty|f:6:27: warning: listen_auth is of no use: listen is empty",
		"listen: 192.0.2.1:9464\nlisten_auth: {token_file: tok}\n":                                     "f:4:9: warning: listen 192.0.2.1:9464 is reached from other machines; set tls, or write 127.0.0.1",
	} {
		if runtime.GOOS == "windows" && strings.Contains(want, "mode 644") {
			continue
		}
		_, said := checkText(t, dir, "data: store\nsources:\n- path: tok\n"+text)
		var got []string
		for _, s := range said {
			if !strings.Contains(s, "sources[0]") {
				got = append(got, s)
			}
		}
		if g := strings.Join(got, "|"); g != want {
			t.Errorf("%q\n got %s\nwant %s", text, g, want)
		}
	}
}

// runConfig runs a config command of the program.
func runConfig(t testing.TB, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return outmode(t, "", append([]string{"config"}, args...)...)
}

func TestConfigCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	write(t, in("logs/a.LOG"), []byte(proxyHead+proxyLine(`CONTOSO\anna`, "agent")))
	good := write(t, in("good.yaml"), []byte("data: store\nsources: [{path: logs}]\n"))
	warned := write(t, in("warned.yaml"), []byte("data: store\n"))
	bad := write(t, in("bad.yaml"), []byte("dta: store\nlisten: x\n"))
	for _, c := range []struct {
		code           int
		stdout, stderr string
		args           []string
	}{
		{exitDone, good + ": no mistake; next: outmode serve -c " + good + "\n", "", []string{"check", good}},
		{exitDone, good + ": no mistake; next: outmode serve -c " + good + "\n", "", []string{"check", "-c", good}},
		{exitDone, warned + ": no mistake, 1 warning; next: ", "", []string{"check", warned}},
		{exitError, bad + ":1:1: the configuration has no key \"dta\"; did you mean \"data\"?\n" + bad + ":2:9: listen \"x\" is no address", "outmode: " + bad + ": 2 mistakes, 1 warning\n", []string{"check", bad}},
		{exitError, "", in("gone") + ": 1 mistake", []string{"check", in("gone")}},
		{exitUsage, "", `config check takes one argument; "b" is too many: check one file at a time`, []string{"check", good, "b"}},
		{exitUsage, "", "name one", []string{"check", "-c", good, bad}},
		{exitUsage, "", "-o csv: this command writes table or json", []string{"check", good, "-o", "csv"}},
		{exitUsage, "", "FILE is empty", []string{"check", ""}},
		{exitUsage, "", "unknown flag: --nope", []string{"check", "--nope"}},
		{exitUsage, "", `config has no command "chekc"; did you mean check?`, []string{"chekc"}},
		{exitUsage, "", "-o json: this command writes table", []string{"init", "-o", "json"}},
		{exitUsage, "", "--force needs a FILE", []string{"init", "--force"}},
		{exitUsage, "", "is no path of logs", []string{"init", "--logs", ""}},
		{exitUsage, "", "is no path of logs", []string{"init", "--logs", "-"}},
		{exitUsage, "", "give --logs before every path", []string{"init", "--logs", "a", "b", "c"}},
		{exitUsage, "", "not UTF-8", []string{"init", "--logs", "a\xff"}},
		{exitError, "", good + " is there already; --force writes over it", []string{"init", good}},
		{exitError, "", "there is no folder " + in("none"), []string{"init", in("none/x.yaml")}},
		{exitError, "", "there is no folder " + in("none"), []string{"init", "--force", in("none/x.yaml")}},
		{exitUsage, "", "config schema takes no argument", []string{"schema", "x"}},
		{exitDone, "Usage:", "", nil},
	} {
		code, out, errs := runConfig(t, c.args...)
		if code != c.code || !strings.Contains(out, c.stdout) || !strings.Contains(errs, c.stderr) {
			t.Errorf("config %q: exit %d, want %d\n got %s%swant %s\n%s", c.args, code, c.code, out, errs, c.stdout, c.stderr)
		}
	}
	code, out, _ := runConfig(t, "check", bad, "-o", "json")
	var found configChecked
	if err := json.Unmarshal([]byte(out), &found); err != nil || code != exitError || found.OK || len(found.Problems) != 3 || found.Sources == nil {
		t.Errorf("exit %d, %v: %s", code, err, out)
	}
	if want := (configProblem{bad, 1, 1, isError, `the configuration has no key "dta"; did you mean "data"?`}); found.Problems[0] != want {
		t.Errorf("got %+v", found.Problems[0])
	}
	code, out, _ = runConfig(t, "check", good, "-o", "json")
	want := fmt.Sprintf("{\n  \"problems\": [],\n  \"ok\": true,\n  \"sources\": [\n    {\n      \"path\": %q,", in("logs"))
	if code != exitDone || !strings.HasPrefix(out, want) {
		t.Errorf("exit %d: %s", code, out)
	}
}

// A key without a blank behind its colon is named as that, where it stands.
func TestConfigCheckFindsAMissingBlank(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"data:/tmp/x\nsources:\n  - path: /tmp\n":                                ":1:6: a blank is missing behind the colon; write data: /tmp/x",
		"data: /tmp/x\nsources:\n  - path:/tmp\n":                                ":3:10: a blank is missing behind the colon; write path: /tmp",
		"data: /tmp/x\r\nlog:\r\n  level:info\r\nsources:\r\n  - path: /tmp\r\n": ":3:9: a blank is missing behind the colon; write level: info",
		"# c\nlisten:127.0.0.1:9464\ndata:/tmp/x\nsources:\n  - path: /tmp\n":    ":2:8: a blank is missing behind the colon; write listen: 127.0.0.1:9464",
	} {
		file := write(t, filepath.Join(t.TempDir(), "c.yaml"), []byte(text))
		_, problems := readConfig(file)
		if len(problems) == 0 || problems[0].String() != file+want || len(problems) > 2 {
			t.Errorf("%q: %v", text, problems)
		}
	}
	if _, problems := readConfig(write(t, filepath.Join(t.TempDir(), "c.yaml"), []byte("data: 'level:info'\nsources:\n  - path: /tmp\n"))); len(problems) > 0 {
		t.Error(problems)
	}
}
