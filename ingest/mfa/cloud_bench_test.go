package mfa_test

import (
	"encoding/json"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/internal/signin"
)

// benchCloud decodes one record over and over, and beside it reads it with encoding/json into a map, where it is JSON.
func benchCloud(b *testing.B, head string, record string, isJSON bool) {
	b.Run("decode", func(b *testing.B) {
		d := decoderOf(b, &mfa.Options{}, head)
		var f signin.Facts
		d.Decode([]byte(head), &f)
		raw := []byte(record)
		if got := d.Decode(raw, &f); got != ingest.Facts {
			b.Fatalf("decoded %d: %s", got, f.Note)
		}
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			d.Decode(raw, &f)
		}
	})
	if !isJSON {
		return
	}
	b.Run("encoding-json", func(b *testing.B) {
		raw := []byte(record)
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			var v map[string]any
			if err := json.Unmarshal(raw, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkEntraDecode(b *testing.B) { benchCloud(b, entraRecord(), entraRecord(), true) }
func BenchmarkEntraTable(b *testing.B)  { benchCloud(b, entraTable(), entraTable(), true) }
func BenchmarkEntraGraph(b *testing.B)  { benchCloud(b, entraGraph(), entraGraph(), true) }
func BenchmarkEntraPortal(b *testing.B) { benchCloud(b, portalHeader, portalRow("anna", ""), false) }
func BenchmarkUALDecode(b *testing.B) {
	benchCloud(b, ualRecord("UserLoggedIn", "0"), ualRecord("UserLoggedIn", "0"), true)
}
func BenchmarkUALCSV(b *testing.B) { benchCloud(b, ualHeader, ualRow("UserLoggedIn", "0"), false) }
