package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkScan reads the example organisation as scan does, rules and report included.
func BenchmarkScan(b *testing.B) {
	b.Chdir(root)
	b.ReportAllocs()
	for b.Loop() {
		if code, _, errs := outmode(b, "", "scan", "-o", "table", "samples/contoso"); code != exitDone {
			b.Fatal(errs)
		}
	}
}

// BenchmarkScanLines reads one log of 100,000 lines of a thousand accounts.
func BenchmarkScanLines(b *testing.B) {
	name := filepath.Join(b.TempDir(), "a.LOG")
	text := []byte(proxyHead)
	for i := range 100_000 {
		text = append(text, proxyLine(fmt.Sprintf(`CONTOSO\user%d`, i*7919%1000), "Apple-iPhone15C2/2107.102")...)
	}
	if err := os.WriteFile(name, text, 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if code, _, errs := outmode(b, "", "scan", name); code != exitDone {
			b.Fatal(errs)
		}
	}
}
