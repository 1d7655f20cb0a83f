package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// contoso is the folder of the samples, from that of the tests.
func contoso() string { return filepath.Join(root, "samples", "contoso") }

// What scan prints of the samples in JSON, and the store that it makes of them, for the tests that are about what is said
// of them: with race detection a scan takes seconds, and there are dozens of those tests.
var (
	contosoScanned = sync.OnceValues(func() (string, error) { return runQuietly("scan", "-o", "json", contoso()) })
	contosoStored  = sync.OnceValues(func() (file []byte, err error) {
		dir, err := os.MkdirTemp("", "outmode-contoso-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		if _, err := runQuietly("scan", "--data", dir, "-q", contoso()); err != nil {
			return nil, err
		}
		if _, err := os.Stat(filepath.Join(dir, "outmode.db-wal")); err == nil {
			return nil, fmt.Errorf("the store in %s is in more than one file", dir)
		}
		return os.ReadFile(filepath.Join(dir, "outmode.db"))
	})
)

func runQuietly(args ...string) (string, error) {
	var out, errs bytes.Buffer
	if code := run(context.Background(), args, streams{strings.NewReader(""), &out, &errs}); code != exitDone {
		return "", fmt.Errorf("outmode %s: exit %d\n%s", strings.Join(args, " "), code, errs.String())
	}
	return out.String(), nil
}

// contosoJSON is what scan prints of the samples.
func contosoJSON(t *testing.T) string {
	t.Helper()
	out, err := contosoScanned()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// contosoStore is a store with the samples in it, for this test alone.
func contosoStore(t *testing.T) (data string) {
	t.Helper()
	file, err := contosoStored()
	if err != nil {
		t.Fatal(err)
	}
	data = filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "outmode.db"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	return data
}
