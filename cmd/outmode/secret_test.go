package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const canary = "hunter2-correct-horse"

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	s := newSecret(canary)
	if s.Reveal() != canary {
		t.Fatal("Reveal does not return the secret")
	}
	type holder struct {
		Name  string
		Token Secret
		Ptr   *Secret
		Map   map[string]Secret
		List  []any
		inner Secret
	}
	h := holder{"n", s, &s, map[string]Secret{"k": s}, []any{s, &s}, s}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%10.3s", "%!"} {
		fmt.Fprintf(&out, verb+"\n", s)
		fmt.Fprintf(&out, verb+"\n", &s)
		fmt.Fprintf(&out, verb+"\n", []Secret{s})
		fmt.Fprintf(&out, verb+"\n", h)
		fmt.Fprintf(&out, verb+"\n", &h)
	}
	fmt.Fprintln(&out, s, &s, h.Token, h.List, h.Map)
	fmt.Fprint(&out, fmt.Errorf("wrapped: %v", s))
	for _, v := range []any{s, &s, h, &h, []Secret{s}} {
		if err := json.NewEncoder(&out).Encode(v); err != nil {
			t.Error(err)
		}
	}
	if err := xml.NewEncoder(&out).Encode(s); err != nil {
		t.Error(err)
	}
	for _, logger := range []*slog.Logger{slog.New(slog.NewTextHandler(&out, nil)), slog.New(slog.NewJSONHandler(&out, nil))} {
		logger.Info("x", "s", s, "p", &s, "list", []Secret{s}, slog.Group("g", "s", s))
		logger.With("s", s).Error("y", "token", h.Token)
	}
	text := out.String()
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), canary[:3] + "%"} {
		if strings.Contains(text, form) {
			t.Errorf("the secret leaks as %s:\n%s", form, text)
		}
	}
	if !strings.Contains(text, secretMask) {
		t.Errorf("nothing says that there is a secret:\n%s", text)
	}
}

func TestSecretRefRead(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) secretRef {
		return secretRef{File: write(t, filepath.Join(dir, name), []byte(content))}
	}
	t.Setenv("OUTMODE_TEST_TOKEN", canary)
	t.Setenv("OUTMODE_TEST_EMPTY", "")
	for _, c := range []struct {
		ref  secretRef
		want string
		says string
	}{
		{secretRef{}, "", ""},
		{secretRef{Env: "OUTMODE_TEST_TOKEN"}, canary, ""},
		{file("lf", canary+"\n"), canary, ""},
		{file("crlf", canary+"\r\n"), canary, ""},
		{file("none", canary), canary, ""},
		{secretRef{Env: "OUTMODE_TEST_EMPTY"}, "", "the environment variable OUTMODE_TEST_EMPTY is empty"},
		{secretRef{Env: "OUTMODE_TEST_UNSET"}, "", "OUTMODE_TEST_UNSET is not set; set it"},
		{file("empty", "\n"), "", "empty is empty; it must hold the secret"},
		{file("two", canary+"\n"+canary+"\n"), "", "must hold the secret alone: one line"},
		{file("blank", " "+canary), "", "must hold the secret alone"},
		{file("huge", strings.Repeat(canary, 10000)), "", "larger than 65,536 bytes"},
		{secretRef{File: dir}, "", "it is not a file"},
		{secretRef{File: filepath.Join(dir, "gone")}, "", "no such file"},
	} {
		got, err := c.ref.read()
		if got.Reveal() != c.want || (err == nil) != (c.says == "") {
			t.Errorf("%+v: got %d bytes, %v", c.ref, len(got.Reveal()), err)
		}
		if err != nil && (!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), canary)) {
			t.Errorf("%+v: got %q, want %q and no secret", c.ref, err, c.says)
		}
	}
}

// Whatever an administrator writes where a secret stands, no message, no dump and no error repeats it.
func TestNoMessageRepeatsASecret(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"listen_auth:\n  token: CANARY\n", "listen_auth: {token: CANARY}\n", "listen_auth: CANARY\n", "listen_auth: [CANARY]\n",
		"listen_auth:\n  token: 'CANARY'\n", "listen_auth:\n  token: |\n    CANARY\n", "listen_auth:\n  token: [CANARY]\n", "listen_auth:\n  token: {CANARY: CANARY}\n",
		"listen_auth:\n  token: env:CANARY\n", "listen_auth:\n  token: env:CANARY!\n", "listen_auth:\n  token: $CANARY\n", "listen_auth:\n  token: a: CANARY\n",
		"listen_auth:\n  token: \"CANARY\n", "listen_auth:\n  token: &CANARY\n", "listen_auth:\n  token: *CANARY\n", "listen_auth:\n  token: !CANARY\n", "listen_auth:\n  token: !!CANARY x\n",
		"listen_auth:\n  token: @CANARY\n", "listen_auth:\n  token: `CANARY\n", "listen_auth:\n  token: %CANARY\n", "listen_auth:\n  token: \"\\CANARY\"\n", "listen_auth:\n  token: CANARY\n  token: CANARY\n",
		"listen_auth:\n  token: [CANARY\n", "listen_auth:\n  token: {CANARY\n", "listen_auth:\n  token: CANARY\n  token_file: CANARY\n", "listen_auth:\n  tokn: CANARY\n",
		"listen_auth:\n  token_file: [CANARY]\n", "listen_auth:\n  token_file: ~CANARY\n", "listen_auth:\n  token_file: ${CANARY}\n", "listen_auth:\n\ttoken: CANARY\n", "token: CANARY\n",
		"listen_auth:\n  token: 'CANARY' CANARY\n", "listen_auth:\n  token: >-\n  CANARY\n", "listen_auth:\n  token: -CANARY\n  - CANARY\n", "listen_auth:\n token:\n  - CANARY\n CANARY\n",
	} {
		file := write(t, filepath.Join(t.TempDir(), "c.yaml"), []byte(strings.ReplaceAll(text, "CANARY", canary)))
		c, problems := readConfig(file)
		said := fmt.Sprintf("%v", problems)
		// A file may be named; what stands in its place may be a name, too.
		if strings.Contains(text, "token: env:CANARY\n") {
			if len(problems) != 1 {
				t.Errorf("%q: %s", text, said)
			}
		}
		if len(problems) == 0 || strings.Contains(said, canary) {
			t.Errorf("%q: %s", text, said)
		}
		if dump := fmt.Sprintf("%+v", c.ListenAuth) + configText(&c); strings.Contains(dump, canary) && !strings.Contains(text, "token_file: CANARY") {
			t.Errorf("%q: the configuration repeats it:\n%s", text, dump)
		}
	}
}

func TestConfigDumpHoldsNoSecret(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("OUTMODE_TEST_TOKEN", canary)
	write(t, filepath.Join(dir, "token"), []byte(canary))
	for _, line := range []string{"token_file: token", "token: env:OUTMODE_TEST_TOKEN"} {
		c, problems := readConfig(write(t, filepath.Join(dir, "c.yaml"), []byte("listen_auth:\n  "+line+"\n")))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		token, err := c.ListenAuth.Token.read()
		if err != nil || token.Reveal() != canary {
			t.Fatalf("%s: %v", line, err)
		}
		object, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		dump := fmt.Sprintf("%v %+v %#v %s %v", c, c, c, object, token) + configText(&c)
		if strings.Contains(dump, canary) {
			t.Errorf("the dump holds the secret:\n%s", dump)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "token")); err != nil {
		t.Error(err)
	}
}
