package ingest_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

// undated decodes lines that tell of something and not when.
type undated struct{}

func (undated) Decode(_ []byte, f *signin.Facts) ingest.Decoded {
	*f = signin.Facts{Kind: signin.Monosign, Note: "no time"}
	return ingest.Other
}
func (undated) Header() []byte { return nil }
func (undated) Reset([]byte)   {}

// factors decodes lines "outcome user reason" that do not say when.
type factors struct{ mfa signin.MFAFacts }

func (d *factors) Decode(line []byte, f *signin.Facts) ingest.Decoded {
	word := bytes.SplitN(line, []byte(" "), 3)
	o, _ := signin.ParseFactorOutcome(string(word[0]))
	d.mfa = signin.MFAFacts{Outcome: o, User: word[1], Reason: word[2]}
	*f = signin.Facts{Kind: signin.Monosign, Note: "no time", MFA: &d.mfa}
	return ingest.Undated
}
func (*factors) Header() []byte { return nil }
func (*factors) Reset([]byte)   {}

// Lines that tell of a second factor and not when are counted as such, and by what they tell; they are no events, and
// make no log begin in 1970.
func TestUndatedFactors(t *testing.T) {
	t.Parallel()
	opt := options()
	opt.Recognize = func([]byte) ingest.Format {
		return ingest.Format{Kind: signin.Monosign, Name: "a log", Decoder: func() ingest.Decoder { return &factors{} }}
	}
	opt.Workers, opt.PartSize = 2, 64
	var many strings.Builder
	for i := range 300 {
		fmt.Fprintf(&many, "passed user%d ok\n", i)
	}
	files := map[string]string{"a.log": "denied CONTOSO\\anna no\ndenied contoso\\anna no\nerror bruno 0\nbypassed  /owa/\nbypassed carla /ecp/\n", "b.log": "denied dora no\nbypassed carla /owa/\n" + many.String()}
	res := scan(t, folder(t, files), opt)
	if l := res.Lines; l.MFA != 307 || l.Total != 307 || res.Logs[0].First != 0 || res.Logs[0].Last != 0 || len(res.Other) != 0 {
		t.Errorf("%+v, %+v", l, res.Other)
	}
	var got []string
	for _, u := range res.Undated {
		got = append(got, fmt.Sprint(u.Kind, " ", u.Outcome, " ", u.Lines, " ", len(u.Users.All), u.Users.More, " ", u.Reasons.All))
	}
	want := []string{"monosign passed 300 256 true [ok]", "monosign bypassed 3 1 false [/ecp/ /owa/]", "monosign denied 3 2 false [no]", "monosign error 1 1 false [0]"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	visited := 0
	inputs, _ := tail.Find([]string{folder(t, files)}, tail.FindOptions{})
	_, err := ingest.Explain(t.Context(), inputs, opt, func(e ingest.Explained) error {
		if visited++; e.Verdict != signin.MFALine || e.SignIn != nil || e.Undated == nil || e.Reason != "no time" {
			t.Errorf("%+v", e)
		}
		return nil
	})
	if err != nil || visited != 307 {
		t.Errorf("%d lines, %v", visited, err)
	}
}

// A line that has no time is counted under its reason, and makes no log begin in 1970.
func TestOtherNeedsNoTime(t *testing.T) {
	t.Parallel()
	opt := options()
	opt.Recognize = func([]byte) ingest.Format {
		return ingest.Format{Kind: signin.Monosign, Name: "a log", Decoder: func() ingest.Decoder { return undated{} }}
	}
	res := scan(t, folder(t, map[string]string{"a.log": "one\ntwo\n"}), opt)
	if l := res.Lines; l.Other != 2 || l.Total != 2 {
		t.Errorf("%+v", l)
	}
	if l := res.Logs[0]; l.First != 0 || l.Last != 0 || l.Name == "" {
		t.Errorf("%q has events from %d to %d", l.Name, l.First, l.Last)
	}
	if len(res.Other) != 1 || res.Other[0].Reason != "no time" {
		t.Errorf("reasons %+v", res.Other)
	}
}
