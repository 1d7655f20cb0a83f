package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary is also the program under test, where it is called by another name: fake-HABIT. It answers what the
// contract asks by reading the files, and has the habit of being wrong in one way.
func TestMain(m *testing.M) {
	if habit, ok := strings.CutPrefix(filepath.Base(os.Args[0]), "fake-"); ok {
		if err := fake(habit, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "fake:", err)
			os.Exit(1)
		}
		return
	}
	// The race detector makes every program sleep for a second when it ends, the fakes too.
	if os.Getenv("GORACE") == "" {
		os.Setenv("GORACE", "atexit_sleep_ms=0")
	}
	os.Exit(m.Run())
}

// asFake is the path of a fake.
func asFake(t *testing.T, habit string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "fake-"+habit)
	if err := os.Symlink(self, path); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	return path
}

func fake(habit string, args []string) error {
	var data string
	var rest []string
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "--data":
			i++
			data = args[i]
		case "-o":
			i++
		default:
			rest = append(rest, args[i])
		}
	}
	switch rest[0] {
	case "serve":
		return fakeServe(habit, data, rest[1])
	case "scan":
		return fakeScan(habit, data, rest[1])
	case "store":
		if habit == "broken" {
			return errors.New("database disk image is malformed")
		}
		return nil
	}
	return fakeAnswer(habit, data, rest[0])
}

// fakeServe remembers where the logs are, and writes into the store again and again.
func fakeServe(habit, data, logs string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if habit == "frail" {
		return errors.New("out of sorts")
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		return err
	}
	if err := replace(filepath.Join(data, "logs"), []byte(logs)); err != nil {
		return err
	}
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for n := 0; ; n++ {
		if err := replace(filepath.Join(data, "beat"), []byte(fmt.Sprint(n))); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// replace writes a file as one does who expects to be killed.
func replace(path string, text []byte) error {
	f, err := os.Create(path + ".new")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// fakeScan keeps what the logs say.
func fakeScan(habit, data, logs string) error {
	answers := map[string]any{}
	for _, question := range []string{"sources", "usage"} {
		a, err := understand(habit, logs, question)
		if err != nil {
			return err
		}
		answers[question] = a
	}
	text, err := json.Marshal(answers)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		return err
	}
	err = replace(filepath.Join(data, "store"), text)
	switch {
	case err != nil && habit == "deaf":
		return nil // and the lines are lost
	case err != nil && habit == "mute":
		os.Exit(1)
	}
	return err
}

func fakeAnswer(habit, data, question string) error {
	stored, err := os.ReadFile(filepath.Join(data, "store"))
	if err == nil {
		var answers map[string]json.RawMessage
		if err := json.Unmarshal(stored, &answers); err != nil {
			return err
		}
		_, err := os.Stdout.Write(answers[question])
		return err
	}
	if habit == "deaf" { // it would answer anything
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"sources": []any{}, "usage": []any{}})
	}
	logs, err := os.ReadFile(filepath.Join(data, "logs"))
	if err != nil {
		return err
	}
	a, err := understand(habit, string(logs), question)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(a)
}

// understand reads the logs and answers, in the manner of the habit.
func understand(habit, logs, question string) (any, error) {
	r, err := readTree(logs)
	if err != nil {
		return nil, err
	}
	strong, weak := r.usage()
	first := -1
	for i, e := range r.events {
		if e.told.verdict == signIn && !e.told.weak {
			first = i
			break
		}
	}
	if first >= 0 {
		e := r.events[first]
		switch habit {
		case "loses":
			strong[e.told.key]--
			r.byFile[e.path].count(signIn, -1)
		case "doubles":
			strong[e.told.key]++
		case "forgets":
			r.files = r.files[1:]
		}
	}
	if question == "sources" {
		for i := range r.files {
			r.files[i].Lines = *r.byFile[r.files[i].Path]
		}
		return ledger{r.files}, nil
	}
	var u usage
	for _, m := range []map[key]int64{strong, weak} {
		for k, n := range m {
			server := k.server
			if k.protocol == "imap" { // whose log knows the address alone
				server = map[string]string{"EX01": newServer(0).address, "EX02": newServer(1).address}[server]
			}
			u.Usage = append(u.Usage, usageRow{server, k.dataset, k.user, k.protocol, k.auth, k.outcome, n})
			u.SignIns.Counted += n
		}
	}
	for _, l := range r.byFile {
		u.Lines.add(*l)
	}
	u.SignIns.Lines = u.Lines.SignIn
	return u, nil
}
