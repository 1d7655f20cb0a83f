package mfa

import (
	"testing"
	"time"
)

func TestTimesOfWindowsEvents(t *testing.T) {
	t.Parallel()
	vienna := time.FixedZone("east", 7200)
	for in, want := range map[string]string{
		"2026-10-06T08:00:01.921880300Z":      "2026-10-06T08:00:01.921Z",
		"2026-10-06T08:00:01Z":                "2026-10-06T08:00:01.000Z",
		"2026-10-06T08:00:01.1234567+02:00":   "2026-10-06T06:00:01.123Z",
		"2026-10-06T08:00:01-0530":            "2026-10-06T13:30:01.000Z",
		"2026-10-06 08:00:01":                 "2026-10-06T06:00:01.000Z", // NXLog: local
		"2026-10-06T08:00:01.5":               "2026-10-06T06:00:01.500Z",
		"/Date(1791273601250)/":               "2026-10-06T08:00:01.250Z",
		"/Date(1791273601250+0200)/":          "2026-10-06T08:00:01.250Z",
		"10/6/2026 8:00:01 PM":                "2026-10-06T18:00:01.000Z",
		"10/6/2026 12:00:01 AM":               "2026-10-05T22:00:01.000Z",
		"10/6/2026 8:00:01\u202fAM":           "2026-10-06T06:00:01.000Z", // ICU's narrow blank
		"06/10/2026 08:00:01":                 "2026-10-06T06:00:01.000Z",
		"06.10.2026 08:00:01":                 "2026-10-06T06:00:01.000Z",
		"6.10.2026 8.00.01":                   "2026-10-06T06:00:01.000Z",
		"06-10-2026 08:00:01":                 "2026-10-06T06:00:01.000Z",
		"2026/10/06 08:00:01":                 "2026-10-06T06:00:01.000Z",
		"2026. 10. 06. 8:00:01":               "2026-10-06T06:00:01.000Z",
		"10/6/2026, 8:00:01.250 AM":           "2026-10-06T06:00:01.250Z",
		"6/10/2026 8:00:01 a. m.":             "2026-06-10T06:00:01.000Z",
		"2026-02-29T08:00:00Z":                "",
		"13/13/2026 08:00:00":                 "",
		"10/13/2026 08:00:00":                 "", // not in the order of the file
		"06.10.26 08:00:00":                   "",
		"1601-01-01T00:00:00Z":                "",
		"1970-01-01T00:00:00Z":                "",
		"/Date(0)/":                           "",
		"/Date(17912736012501234567)/":        "",
		"2026-10-06T24:00:00Z":                "",
		"2026-10-06T08:00:00 behind":          "",
		"2026-10-06":                          "",
		"Tuesday, October 6, 2026 8:00:01 AM": "",
		"":                                    "",
		"13/0/2026 13:00:00 PM":               "",
	} {
		c := winClock{zone: vienna}
		ms, ok := c.read([]byte(in))
		got := ""
		if ok {
			got = time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
		}
		if got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// What one date of the head tells holds for all of them.
func TestOrderOfDayAndMonth(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]dateOrder{
		"13/10/2026 8:00": dayFirst, "10/13/2026 8:00": monthFirst, "10/11/2026": anyOrder, "13/13/2026": anyOrder, "2026/10/13": anyOrder,
		"13.10.2026": anyOrder, "13-10-2026": dayFirst, "": anyOrder, "13/": anyOrder,
	} {
		if got := orderOf([]byte(in)); got != want {
			t.Errorf("%s: %d, want %d", in, got, want)
		}
	}
	c := winClock{order: monthFirst}
	if ms, ok := c.read([]byte("10/06/2026 20:00:00")); !ok || time.UnixMilli(ms).UTC().Month() != time.October {
		t.Error("month first is not read so")
	}
	c.order = dayFirst
	if ms, ok := c.read([]byte("10/06/2026 8:00:00 PM")); !ok || time.UnixMilli(ms).UTC().Month() != time.June {
		t.Error("day first is not read so")
	}
}

// FuzzWinClock holds it against the standard library, and asks of any text that what is read is after 1970.
func FuzzWinClock(f *testing.F) {
	f.Add("10/6/2026 8:00:01 PM", int64(1791273601250))
	f.Add("2026-10-06T08:00:01.1234567+02:00", int64(1))
	f.Fuzz(func(t *testing.T, text string, ms int64) {
		var c winClock
		if got, ok := c.read([]byte(text)); ok && got <= 0 {
			t.Fatalf("%q: %d", text, got)
		}
		if ms <= 0 || ms > 253402300799999 {
			return
		}
		at := time.UnixMilli(ms).UTC()
		for _, layout := range []string{"2006-01-02T15:04:05.000Z07:00", "2006-01-02 15:04:05.000", "1/2/2006 3:04:05.000 PM", "02.01.2006 15:04:05.000", "2006/01/02 15:04:05.000"} {
			if got, ok := c.read([]byte(at.Format(layout))); !ok || got != ms {
				t.Fatalf("%s: %d, %v, want %d", at.Format(layout), got, ok, ms)
			}
		}
	})
}
