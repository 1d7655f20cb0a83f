package mfa_test

import (
	"fmt"
	"strings"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/internal/signin"
)

// A file is recognized by its head and decoded record by record. Only the first of these successes is one of a second
// factor: the user of the second has a status that asks for none.
func ExampleOptions_Recognize() {
	const log = `{"eventtype":"auth_log","host":"api-contoso.duosecurity.com","event_type":"authentication","isotimestamp":"2026-10-06T08:00:05+00:00","user":{"name":"anna"},"factor":"duo_push","result":"success","reason":"user_approved"}
{"eventtype":"auth_log","host":"api-contoso.duosecurity.com","event_type":"authentication","isotimestamp":"2026-10-06T08:01:05+00:00","user":{"name":"bruno"},"factor":"not_available","result":"success","reason":"bypass_user"}
{"eventtype":"telephony_log","host":"api-contoso.duosecurity.com","timestamp":1791273605,"credits":1}`
	var o mfa.Options
	format := o.Recognize([]byte(log))
	fmt.Println(format.Name)

	decoder := format.Decoder()
	classifier := signin.NewClassifier(&signin.Organisation{})
	for record := range strings.SplitSeq(log, "\n") {
		var f signin.Facts
		var s signin.SignIn
		if decoder.Decode([]byte(record), &f) != ingest.Facts {
			continue
		}
		switch classifier.Classify(&f, &s); s.Verdict {
		case signin.MFALine:
			fmt.Printf("%s: %v (%s)\n", f.MFA.User, f.MFA.Outcome, f.MFA.Reason)
		default:
			fmt.Println(s.Reason)
		}
	}
	// Output:
	// Duo authentication log, DuoLogSync JSON
	// anna: passed (user_approved)
	// bruno: bypassed (bypass_user)
	// Duo's telephony log: messages and calls that were paid for, no second factor
}
