package tail_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/outmode/outmode/ingest/tail"
)

// logOf returns size bytes of lines of about 330 bytes, as IIS writes them; they repeat after 256 KiB.
func logOf(size int) []byte {
	const distinct = 256 << 10
	var b bytes.Buffer
	for i := 0; b.Len() < max(1, min(size, distinct)); i++ {
		fmt.Fprintf(&b, "2023-01-09 19:%02d:%02d 10.0.0.%d POST /Microsoft-Server-ActiveSync/default.eas Cmd=Ping&User=user%d%%40contoso.com&DeviceId=ApplC%08X&DeviceType=iPhone&CorrelationID=<empty>;&cafeReqId=0b7f%08x-66a3-4b9f-9c9c-%012d; 443 contoso\\user%d 192.0.2.%d Apple-iPhone13C2/2001.55 - 200 0 0 %d\r\n", i/60%60, i%60, i%250, i%977, i*7919, i*104729, i, i%977, i%199, i%9000)
	}
	return bytes.Repeat(b.Bytes(), size/b.Len()+1)[:size]
}

func BenchmarkScanner(b *testing.B) {
	log := logOf(64 << 20)
	r := bytes.NewReader(log)
	s := tail.NewScanner(r)
	b.SetBytes(int64(len(log)))
	b.ReportAllocs()
	for b.Loop() {
		r.Reset(log)
		s.Reset(r, 0, tail.Detect)
		n := 0
		for s.Next() {
			n += len(s.Text())
		}
		if n == 0 {
			b.Fatal("no lines")
		}
	}
}

func BenchmarkScannerUTF16(b *testing.B) {
	log := utf16Bytes(string(logOf(8<<20)), false, true)
	r := bytes.NewReader(log)
	s := tail.NewScanner(r)
	b.SetBytes(int64(len(log)))
	b.ReportAllocs()
	for b.Loop() {
		r.Reset(log)
		s.Reset(r, 0, tail.Detect)
		for s.Next() {
		}
	}
}

func BenchmarkSpans(b *testing.B) {
	path := filepath.Join(b.TempDir(), "a.log")
	if err := os.WriteFile(path, logOf(64<<20), 0o600); err != nil {
		b.Fatal(err)
	}
	inputs, _ := tail.Find([]string{path}, tail.FindOptions{})
	f, err := inputs[0].OpenAt()
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	b.SetBytes(f.Size())
	b.RunParallel(func(pb *testing.PB) {
		var s tail.Scanner
		for pb.Next() {
			for _, span := range tail.Cut(f.Size(), 16<<20) {
				s.ResetSpan(f, span)
				for s.Next() {
				}
			}
		}
	})
}
