package mfa

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// An answer is what one record came to, in texts that can be kept and compared.
type answer struct {
	decoded ingest.Decoded
	verdict signin.Verdict
	kind    signin.Kind
	time    string
	server  string
	note    string
	outcome signin.FactorOutcome
	mfa     string // user|application|address|factor|reason|gateway|transaction
}

func answerOf(d ingest.Decoded, f *signin.Facts) answer {
	a := answer{decoded: d, kind: f.Kind, server: string(f.Server), note: f.Note}
	if f.Time != 0 {
		a.time = time.UnixMilli(f.Time).UTC().Format("2006-01-02T15:04:05.000Z")
	}
	if m := f.MFA; m != nil {
		a.outcome = m.Outcome
		a.mfa = fmt.Sprintf("%s|%s|%s|%s|%s|%s|%s", m.User, m.Application, m.Address, m.Factor, m.Reason, m.Gateway, m.Transaction)
	}
	return a
}

// ask decodes and classifies records. Each is overwritten behind its decoding, so that a decoder that keeps it is found
// out by its next answer.
func ask(t *testing.T, d ingest.Decoder, records ...string) []answer {
	t.Helper()
	c := signin.NewClassifier(&signin.Organisation{Internal: signin.DefaultInternal()})
	var all []answer
	for _, record := range records {
		var f signin.Facts
		raw := []byte(record)
		decoded := d.Decode(raw, &f)
		a := answerOf(decoded, &f)
		switch decoded {
		case ingest.Facts:
			if f.Time == 0 || f.MFA != nil && f.MFA.Time != f.Time {
				t.Errorf("%s: time %d", record, f.Time)
			}
			var s signin.SignIn
			c.Classify(&f, &s)
			a.verdict = s.Verdict
		case ingest.Undated:
			if f.Note == "" || f.MFA == nil || f.MFA.Outcome == signin.NoFactor || f.Time != 0 || f.MFA.Time != 0 {
				t.Errorf("%s: undated with %+v", record, f)
			}
		case ingest.Other, ingest.Malformed:
			if f.Note == "" || f.MFA != nil || f.Time != 0 {
				t.Errorf("%s: decoded %d with %+v", record, decoded, f)
			}
		}
		for i := range raw {
			raw[i] = '#'
		}
		all = append(all, a)
	}
	return all
}

// outcomes asks for outcomes only; of a record that is no event, for its verdict or what it was decoded to.
func outcomes(t *testing.T, d ingest.Decoder, records ...string) []string {
	t.Helper()
	var all []string
	for _, a := range ask(t, d, records...) {
		switch {
		case a.decoded == ingest.Malformed:
			all = append(all, "malformed")
		case a.decoded == ingest.Other:
			all = append(all, "undated")
		case a.verdict == signin.MFALine:
			all = append(all, a.outcome.String())
		default:
			all = append(all, a.verdict.String())
		}
	}
	return all
}

// wantOutcome asks for the outcome of one record.
func wantOutcome(t *testing.T, d ingest.Decoder, record, want string) {
	t.Helper()
	if got := outcomes(t, d, record)[0]; got != want {
		t.Errorf("%s: %s, want %s", record, got, want)
	}
}

// allocates counts what decoding records allocates once they were all seen. It must not run in parallel.
func allocates(t *testing.T, d ingest.Decoder, records []string) {
	t.Helper()
	var raw [][]byte
	for _, r := range records {
		raw = append(raw, []byte(r))
	}
	var f signin.Facts
	all := func() {
		for _, r := range raw {
			d.Decode(r, &f)
		}
	}
	all()
	all()
	if n := testing.AllocsPerRun(10, all); n != 0 {
		t.Errorf("%v allocations in %d records", n, len(records))
	}
}

// fuzzGateway checks what holds of every record whatever is in it: values come from the record, or from those before
// it where a login spans lines.
func fuzzGateway(t *testing.T, d ingest.Decoder, text string, kinds ...signin.Kind) {
	var seen []byte
	for record := range strings.SplitSeq(text, "\n") {
		raw := []byte(record)
		f := signin.Facts{Status: 999, Account: []byte("of the record before")}
		got := d.Decode(raw, &f)
		if string(raw) != record {
			t.Fatalf("the record was changed: %q", raw)
		}
		seen = append(append(seen, strings.ToLower(record)...), '\n')
		known := false
		for _, k := range kinds {
			known = known || f.Kind == k
		}
		if !known || f.Status != 0 || f.Account != nil {
			t.Fatalf("%q: %+v", record, f)
		}
		switch got {
		case ingest.Facts, ingest.Undated:
			if got == ingest.Facts && f.Time <= 0 || got == ingest.Undated && (f.Time != 0 || f.MFA == nil || f.Note == "") {
				t.Fatalf("%q: decoded %d with %+v", record, got, f)
			}
			if m := f.MFA; m == nil {
				if f.Note == "" {
					t.Fatalf("%q: neither an event nor a note", record)
				}
			} else if m.Time != f.Time || m.Outcome == signin.NoFactor {
				t.Fatalf("%q: %+v", record, m)
			} else {
				for _, v := range [][]byte{f.Server, m.User, m.Application, m.Address, m.Factor, m.Reason, m.Gateway, m.Transaction} {
					if v != nil && len(v) == 0 {
						t.Fatalf("%q: a value is empty and not nil", record)
					}
					from(t, seen, v)
				}
			}
		case ingest.Malformed, ingest.Other:
			if f.Note == "" || f.MFA != nil || f.Time != 0 {
				t.Fatalf("%q: decoded %d with %+v", record, got, f)
			}
		case ingest.Blank:
			if strings.TrimSpace(record) != "" {
				t.Fatalf("%q: blank", record)
			}
		default:
			t.Fatalf("%q: decoded %d", record, got)
		}
	}
}

// from checks that every letter and digit of a value stands in what was read: escapes, case and blanks may differ.
func from(t *testing.T, seen, value []byte) {
	t.Helper()
	if bytes.ContainsAny(seen, `\%+`) { // an escape may be any letter
		return
	}
	for part := range bytes.FieldsFuncSeq(bytes.ToLower(value), func(r rune) bool { return r == ' ' || r == '_' }) {
		if !bytes.Contains(seen, part) {
			t.Fatalf("%q stands nowhere in %q", part, seen)
		}
	}
}

func newYork(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Skip(err) // the machine has no table of zones
	}
	return zone
}
