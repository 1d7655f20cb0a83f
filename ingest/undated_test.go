package ingest_test

import (
	"testing"

	"github.com/outmode/outmode/ingest"
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
