package mfa_test

import (
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/internal/signin"
)

// What names a sign-in for the other logs is apart from what names the record: the first may be missing, and then nothing
// stands for it.
func TestSharedIDs(t *testing.T) {
	t.Parallel()
	entra, ual := entraGraph(), ualRecord("UserLoggedIn", "")
	for name, x := range map[string]struct{ record, shared, own string }{
		"Entra":                     {entra, flowID, someID},
		"Entra without correlation": {strings.Replace(entra, "correlationId", "x", 1), "", someID},
		"Entra, zeros":              {strings.Replace(entra, flowID, "00000000-0000-0000-0000-000000000000", 1), "", someID},
		"UAL":                       {ual, flowID, someID},
		"UAL without correlation":   {strings.Replace(ual, "InterSystemsId", "x", 1), "", someID},
	} {
		var f signin.Facts
		decoderOf(t, &mfa.Options{}, x.record).Decode([]byte(x.record), &f)
		if f.MFA == nil || string(f.Shared) != x.shared || string(f.MFA.Transaction) != x.own || len(f.RequestID) == 0 {
			t.Errorf("%s: %q, %+v", name, f.Shared, f.MFA)
		}
	}
}
