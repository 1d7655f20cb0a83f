package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func checkJSON(t *testing.T, want int, args ...string) (r struct {
	OK       bool
	Problems []struct{ Invariant, Message string }
	Checked  map[string]int64
}) {
	t.Helper()
	if err := json.Unmarshal([]byte(must(t, want, append([]string{"store", "check", "-o", "json"}, args...)...)), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// The samples make a store that is sound, and stays it in its backup.
func TestStoreCheckAndBackup(t *testing.T) {
	t.Parallel()
	data := contosoStore(t)
	r := checkJSON(t, exitDone, "--data", data, "--logs")
	if !r.OK || len(r.Problems) != 0 || r.Problems == nil || r.Checked["sources"] == 0 || r.Checked["ranges"] == 0 || r.Checked["usage"] == 0 || r.Checked["logs"] == 0 || r.Checked["logs_missing"] != 0 {
		t.Errorf("%+v", r)
	}
	says(t, must(t, exitDone, "store", "check", "--data", data), "is sound", "checked: ", "--logs")
	copied := t.TempDir()
	file := filepath.Join(copied, "outmode.db")
	says(t, must(t, exitDone, "store", "backup", "--data", data, file), file+": ", " bytes, copied and checked in ")
	if again := checkJSON(t, exitDone, "--data", copied); again.Checked["lines"] != r.Checked["lines"] {
		t.Errorf("the copy has %v, the store %v", again.Checked, r.Checked)
	}
	if a, b := must(t, exitDone, "usage", "--data", data, "-o", "csv"), must(t, exitDone, "usage", "--data", copied, "-o", "csv"); a != b {
		t.Error("the copy tells something else")
	}
	code, _, errs := outmode(t, "", "store", "backup", "--data", data, file)
	if code != exitError {
		t.Errorf("over a file: exit %d", code)
	}
	says(t, errs, "there is a file already: nothing is written over")
	var b struct {
		File    string
		Bytes   int64
		Seconds float64
	}
	other := filepath.Join(copied, "other.db")
	if err := json.Unmarshal([]byte(must(t, exitDone, "store", "backup", "--data", data, other, "-o", "json")), &b); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(other)
	if err != nil || fi.Size() != b.Bytes || b.Seconds <= 0 || b.File != filepath.ToSlash(other) {
		t.Errorf("%+v, %v", b, err)
	}
}

// A store that is damaged is called so, whether it can be opened or not.
func TestStoreCheckFindsDamage(t *testing.T) {
	t.Parallel()
	data := contosoStore(t)
	file := filepath.Join(data, "outmode.db")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]int{"in the middle": len(whole) / 2, "at the beginning": 0} {
		damaged := append([]byte{}, whole...)
		for i := range 20_000 {
			damaged[from+i] ^= 0x5a
		}
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		r := checkJSON(t, exitError, "--data", data)
		if r.OK || len(r.Problems) == 0 || r.Problems[0].Invariant != "integrity" {
			t.Errorf("%s: %+v", name, r)
		}
		code, out, errs := outmode(t, "", "store", "check", "--data", data)
		if code != exitError {
			t.Errorf("%s: exit %d", name, code)
		}
		says(t, out, "What does not hold", "integrity", "put the last good backup in its place")
		says(t, errs, "is not sound: ")
		if code, _, _ := outmode(t, "", "store", "backup", "--data", data, filepath.Join(t.TempDir(), "x.db")); code != exitError {
			t.Errorf("%s: a backup of it: exit %d", name, code)
		}
	}
}

// A log that was changed after it was read is evidence of tampering.
func TestStoreCheckFindsTampering(t *testing.T) {
	t.Parallel()
	data, dir := storeOf(t, map[string]string{"u_ex.log": iisHead + iisLine})
	checkJSON(t, exitDone, "--data", data, "--logs")
	write(t, filepath.Join(dir, "u_ex.log"), []byte(iisHead+iisLine[:11]+"09"+iisLine[13:]))
	checkJSON(t, exitDone, "--data", data)
	r := checkJSON(t, exitError, "--data", data, "--logs")
	if len(r.Problems) != 1 || r.Problems[0].Invariant != "logs" {
		t.Errorf("%+v", r)
	}
}
