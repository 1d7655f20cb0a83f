package exchange_test

import (
	"fmt"
	"strings"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/internal/signin"
)

// A file is recognized by its head and decoded line by line.
func ExampleRecognize() {
	const log = `#Software: Microsoft Internet Information Services 10.0
#Fields: date time cs-method cs-uri-stem s-port cs-username c-ip sc-status sc-substatus sc-win32-status
2026-10-06 08:00:01 POST /EWS/Exchange.asmx 443 - 198.51.100.3 401 2 5
2026-10-06 08:00:02 POST /EWS/Exchange.asmx 443 CONTOSO\anna 198.51.100.3 401 1 1326
a line that is none`
	format := exchange.Recognize([]byte(log))
	fmt.Println(format.Name)

	decoder := format.Decoder()
	classifier := signin.NewClassifier(&signin.Organisation{Internal: signin.DefaultInternal()})
	for line := range strings.SplitSeq(log, "\n") {
		var f signin.Facts
		var s signin.SignIn
		switch decoder.Decode([]byte(line), &f) {
		case ingest.Facts:
			classifier.Classify(&f, &s)
			fmt.Println(s.Verdict, s.Account.Key, s.Auth, s.Outcome)
		case ingest.Malformed:
			fmt.Println("malformed:", f.Note)
		}
	}
	// Output:
	// IIS W3C log, front end
	// other  unknown unknown
	// signin contoso\anna basic failure
	// malformed: fewer columns than the header names
}

// Of a log that is not counted it is said why, and what to give instead.
func ExampleRecognize_skip() {
	format := exchange.Recognize([]byte("#Log-type: SMTP Send Protocol Log\n#Fields: " + exchange.DefaultFields(signin.SMTPLog) + "\n"))
	fmt.Println(format.Skip)
	// Output: SMTP send log: there this server is the client; give the SMTP receive logs
}

// Single lines are decoded under a header that is given.
func ExampleByName() {
	format, err := exchange.ByName(signin.HTTPProxy, "DateTime,Protocol,AuthenticationType,IsAuthenticated,AuthenticatedUser")
	if err != nil {
		fmt.Println(err)
		return
	}
	var f signin.Facts
	format.Decoder().Decode([]byte(`2026-10-06T08:00:00.000Z,Eas,Basic,true,CONTOSO\anna`), &f)
	fmt.Printf("%s %s %v\n", f.Account, f.AuthType, f.Authenticated)
	// Output: CONTOSO\anna Basic true
}
