package mfa_test

import (
	"fmt"
	"strings"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/internal/signin"
)

// A file is recognised by its head and decoded record by record: here each is a line.
func ExampleOptions_Recognize_entra() {
	const log = `{"category":"SignInLogs","resourceId":"/tenants/x/providers/Microsoft.aadiam","time":"2026-10-06T08:14:09Z","properties":{"createdDateTime":"2026-10-06T08:00:00Z","userPrincipalName":"anna@contoso.com","appDisplayName":"One Outlook Web","resourceDisplayName":"Office 365 Exchange Online","clientAppUsed":"Browser","authenticationProtocol":"oAuth2","status":{"errorCode":0,"additionalDetails":"MFA completed in Azure AD"}}}
{"category":"SignInLogs","resourceId":"/tenants/x/providers/Microsoft.aadiam","time":"2026-10-06T08:20:00Z","properties":{"createdDateTime":"2026-10-06T08:05:00Z","userPrincipalName":"bert@contoso.com","appDisplayName":"Office 365 Exchange Online","resourceDisplayName":"Office 365 Exchange Online","clientAppUsed":"IMAP4","userAgent":"BAV2ROPC","status":{"errorCode":0}}}
{"category":"SignInLogs","time":"2026-10-06T08:20:00Z","properties":{}}`
	options := &mfa.Options{}
	format := options.Recognize([]byte(log))
	fmt.Println(format.Name)

	decoder := format.Decoder()
	classifier := signin.NewClassifier(&signin.Organisation{Internal: signin.DefaultInternal()})
	for record := range strings.SplitSeq(log, "\n") {
		var f signin.Facts
		var s signin.SignIn
		if decoder.Decode([]byte(record), &f) != ingest.Facts {
			fmt.Println(f.Note)
			continue
		}
		classifier.Classify(&f, &s)
		fmt.Println(s.Time().Format("15:04"), s.Account.Key, s.Protocol, s.Auth, s.Outcome, "mfa:", f.MFA.Outcome)
	}
	// Output:
	// Entra logs, diagnostic settings
	// 08:00 anna@contoso.com browser oauth success mfa: passed
	// 08:05 bert@contoso.com imap basic success mfa: unknown
	// no createdDateTime: time and TimeGenerated say when the record was exported, and not when the sign-in was
}
