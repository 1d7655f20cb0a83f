package mfa

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// hotDuo are records as DuoLogSync writes them all day, about 700 bytes each.
func hotDuo() []string {
	return []string{
		duoSynced("auth_log"),
		duoSynced("auth_log", "factor", `"remembered_device"`, "reason", `"remembered_device"`, "user", `{"groups":[],"name":"CONTOSO\\bruno"}`, "isotimestamp", `"2026-10-06T08:00:06.101061+00:00"`),
		duoSynced("auth_log", "result", `"denied"`, "reason", `"no_response"`, "access_device", `{"ip":"2001:db8::7#1234"}`, "isotimestamp", `"2026-10-06T08:01:06.101061+00:00"`),
	}
}

// The test is not parallel: testing.AllocsPerRun counts for the whole process.
func TestDuoNoAllocations(t *testing.T) {
	allocates(t, newDuo(&Options{}, signin.Duo), append(hotDuo(), duoV1, "bad", "", `{"eventtype":"trust_monitor"}`,
		cefPrefix+duoCEF("OWA", "Remembered Device", "success", "anna"),
		duoAdminRecord("user_update", `"bruno"`, `"{\"status\": \"Bypass\"}"`), duoAdminRecord("user_update", `"bruno"`, `"\"status\": \"Bypass\""`)))
}

func FuzzDuo(f *testing.F) {
	f.Add(strings.Join(hotDuo(), "\n"))
	f.Add(duoV1 + "\n" + cefPrefix + duoCEF("OWA", "duo_push", "denied", "anna"))
	f.Add(duoAdminRecord("user_update", `"bruno"`, `"\"status\": \"Bypass"`) + "\n" + duoAdminRecord("user_update", `"bruno"`, `"`))
	f.Add(`CEF:0|Duo Security|DuoLogSync|2|administrator|a|5|msg=" cs1Label=action cs1=group_update rt=1791273605`)
	f.Fuzz(func(t *testing.T, text string) {
		fuzzGateway(t, newDuo(&Options{}, signin.Duo), text, signin.Duo, signin.DuoAdmin)
	})
}

// FuzzCalendar reads what was read again, as it would be written.
func FuzzCalendar(f *testing.F) {
	f.Add("2026-10-06T08:00:05.250061+00:00")
	f.Add("06.10.2026 08:00:05,25 x")
	f.Add("2026/10/06 08:00:05-0730")
	f.Fuzz(func(t *testing.T, text string) {
		var c calendar
		ms, rest, zoned, ok := c.read([]byte(text), nil)
		if !ok {
			return
		}
		if ms <= 0 || len(rest) > len(text)-dayTime {
			t.Fatalf("%q: %d, %q", text, ms, rest)
		}
		again, _, z, ok := c.read([]byte(text), nil)
		if !ok || again != ms || z != zoned {
			t.Fatalf("%q: %d, then %d", text, ms, again)
		}
	})
}

// benchGateway decodes records in turn.
func benchGateway(b *testing.B, d ingest.Decoder, records []string) {
	b.Helper()
	raw, size := make([][]byte, len(records)), 0
	var f signin.Facts
	for i, r := range records {
		raw[i] = []byte(r)
		size += len(r)
		if got := d.Decode(raw[i], &f); got != ingest.Facts {
			b.Fatalf("%s: decoded %d, %s", r, got, f.Note)
		}
	}
	b.SetBytes(int64(size / len(records)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		d.Decode(raw[i], &f)
		if i++; i == len(raw) {
			i = 0
		}
	}
}

// benchJSON is what encoding/json takes for the same bytes.
func benchJSON(b *testing.B, records []string) {
	b.Helper()
	size := 0
	for _, r := range records {
		size += len(r)
	}
	b.SetBytes(int64(size / len(records)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		var v map[string]any
		if err := json.Unmarshal([]byte(records[i]), &v); err != nil {
			b.Fatal(err)
		}
		if i++; i == len(records) {
			i = 0
		}
	}
}

func BenchmarkDuo(b *testing.B) {
	b.Run("decode", func(b *testing.B) { benchGateway(b, newDuo(&Options{}, signin.Duo), hotDuo()) })
	b.Run("encoding-json", func(b *testing.B) { benchJSON(b, hotDuo()) })
	b.Run("cef", func(b *testing.B) {
		benchGateway(b, newDuo(&Options{}, signin.Duo), []string{cefPrefix + duoCEF("Outlook on the web", "duo_push", "denied", "anna")})
	})
}
