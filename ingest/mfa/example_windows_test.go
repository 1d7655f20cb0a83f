package mfa_test

import (
	"fmt"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/internal/signin"
)

// An export of AD FS's audits is known by its events, and each event is decoded by itself.
func ExampleOptions_Recognize_adfs() {
	const event = `<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='AD FS Auditing'/><EventID>1200</EventID>` +
		`<TimeCreated SystemTime='2026-10-06T08:00:01.9218803Z'/><Computer>adfs01.contoso.com</Computer></System><EventData>` +
		`<Data>5b0f3b0b-e875-4307-ba98-0a2f0d5aa2ce</Data><Data>&lt;?xml version="1.0" encoding="utf-16"?&gt;&lt;AuditBase xsi:type="AppTokenAudit"&gt;&lt;ContextComponents&gt;` +
		`&lt;Component xsi:type="ResourceAuditComponent"&gt;&lt;UserId&gt;CONTOSO\anna&lt;/UserId&gt;&lt;RelyingParty&gt;https://mail.contoso.com/owa/&lt;/RelyingParty&gt;&lt;/Component&gt;` +
		`&lt;Component xsi:type="AuthNAuditComponent"&gt;&lt;MfaPerformed&gt;true&lt;/MfaPerformed&gt;&lt;MfaMethod&gt;MFA&lt;/MfaMethod&gt;&lt;/Component&gt;` +
		`&lt;/ContextComponents&gt;&lt;/AuditBase&gt;</Data></EventData></Event>`
	var o mfa.Options
	format := o.Recognize([]byte(event))
	fmt.Println(format.Name)
	var f signin.Facts
	if format.Decoder().Decode([]byte(event), &f) == ingest.Facts {
		fmt.Printf("%s at %s: %v (%s), %s\n", f.MFA.User, f.MFA.Application, f.MFA.Outcome, f.MFA.Factor, f.MFA.Gateway)
	}
	// Output:
	// AD FS audit events, event XML
	// CONTOSO\anna at https://mail.contoso.com/owa/: passed (mfa), adfs01.contoso.com
}

// What Web Application Proxy publishes is configuration: it is read apart from logs.
func ExamplePublishedApplications() {
	applications, err := mfa.PublishedApplications([]byte(`"Name","ExternalUrl","ExternalPreauthentication"
"Outlook on the web","https://mail.contoso.com/owa/","ADFS"
"Everything else","https://mail.contoso.com/","PassThrough"
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range applications {
		fmt.Println(a.ExternalURL, a.PassThrough())
	}
	// Output:
	// https://mail.contoso.com/owa/ false
	// https://mail.contoso.com/ true
}
