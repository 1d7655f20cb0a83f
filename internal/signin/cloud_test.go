package signin_test

import (
	"strings"
	"testing"

	"github.com/outmode/outmode/internal/signin"
)

const exchangeOnline = "00000002-0000-0ff1-ce00-000000000000"

func cloud(protocol, app string, code uint32) signin.Facts {
	return signin.Facts{Kind: signin.Entra, Account: []byte("anna@contoso.com"), Resource: []byte(exchangeOnline), Label: []byte(app),
		AuthType: []byte(protocol), Win32: code, Agent: []byte("Mozilla/5.0"), Address: []byte("198.51.100.7")}
}

// What a record of an identity provider means: "protocol auth outcome evidence account", or its verdict and reason.
func TestClassifyCloud(t *testing.T) {
	t.Parallel()
	event := func(o signin.FactorOutcome) func(*signin.Facts) {
		return func(f *signin.Facts) { f.MFA = &signin.MFAFacts{User: f.Account, Outcome: o} }
	}
	agent := func(a string) func(*signin.Facts) { return func(f *signin.Facts) { f.Agent = []byte(a) } }
	to := func(r string) func(*signin.Facts) { return func(f *signin.Facts) { f.Resource = []byte(r) } }
	as := func(account string) func(*signin.Facts) { return func(f *signin.Facts) { f.Account = []byte(account) } }
	const anna = " proven anna@contoso.com"
	for name, c := range map[string]struct {
		f    signin.Facts
		with []func(*signin.Facts)
		want string
	}{
		"oAuth2 is modern":                              {f: cloud("oAuth2", "Browser", 0), want: "browser oauth success" + anna},
		"ropc is a password":                            {f: cloud("ropc", "Exchange Web Services", 0), want: "ews basic/ropc success" + anna},
		"rpoc is a typo of ropc":                        {f: cloud("rpoc", "Exchange ActiveSync", 0), want: "activesync basic/ropc success" + anna},
		"ROPC in capitals, with blanks":                 {f: cloud(" ROPC ", "IMAP4", 0), want: "imap basic/ropc success" + anna},
		"usernamemixed is a password at AD FS":          {f: cloud("usernamemixed", "Microsoft.Exchange.Imap", 0), want: "imap basic/ropc success" + anna},
		"WS-Trust's active endpoint is a password":      {f: cloud("OrgIdWsTrust2:process", "", 50126), want: "other basic/ropc failure" + anna},
		"seamless usernamemixed is a password":          {f: cloud("WindowsAuthenticationController:usernamemixed", "", 0), want: "other basic/ropc success" + anna},
		"OAuth2:Authorize is a page":                    {f: cloud("OAuth2:Authorize", "", 0), want: "other oauth success" + anna},
		"OAuth2:Token may carry a password":             {f: cloud("OAuth2:Token", "", 0), want: "other unknown success" + anna},
		"none says nothing":                             {f: cloud("none", "POP3", 0), want: "pop unknown success" + anna},
		"deviceCode is a code of another device":        {f: cloud("deviceCode", "Browser", 0), want: "browser unknown/device_code success" + anna},
		"authenticationTransfer is none of these":       {f: cloud("authenticationTransfer", "Browser", 0), want: "browser unknown success" + anna},
		"an endless protocol is unknown":                {f: cloud(strings.Repeat("ropc", 99), "Browser", 0), want: "browser unknown success" + anna},
		"BAV2ROPC is the bridge":                        {f: cloud("", "Other clients", 0), with: []func(*signin.Facts){agent("BAV2ROPC")}, want: "other basic/ropc success" + anna},
		"BAV2ROPC in brackets":                          {f: cloud("", "IMAP4", 0), with: []func(*signin.Facts){agent("Unknown(BAV2ROPC)")}, want: "imap basic/ropc success" + anna},
		"CBAInPROD is the bridge, whatever is said":     {f: cloud("oAuth2", "POP3", 0), with: []func(*signin.Facts){agent("CBAInPROD")}, want: "pop basic/ropc success" + anna},
		"CBAInTAR is the bridge":                        {f: cloud("", "IMAP", 0), with: []func(*signin.Facts){agent("CBAInTAR")}, want: "imap basic/ropc success" + anna},
		"EAS over OAuth is not basic":                   {f: cloud("oAuth2", "Exchange ActiveSync", 0), want: "activesync oauth success" + anna},
		"by the resource's name":                        {f: cloud("oAuth2", "Browser", 0), with: []func(*signin.Facts){to("Office 365 Exchange Online")}, want: "browser oauth success" + anna},
		"the id in capitals":                            {f: cloud("oAuth2", "Browser", 0), with: []func(*signin.Facts){to(strings.ToUpper(exchangeOnline))}, want: "browser oauth success" + anna},
		"SharePoint is an event only":                   {f: cloud("oAuth2", "Browser", 0), with: []func(*signin.Facts){to("00000003-0000-0ff1-ce00-000000000000"), event(signin.FactorPassed)}, want: "mfa a second factor was asked for and given"},
		"another resource, and nothing of a factor":     {f: cloud("oAuth2", "Browser", 0), with: []func(*signin.Facts){to("Portal")}, want: "other it tells of no second factor, and of no sign-in to Exchange"},
		"a passed factor stays with its sign-in":        {f: cloud("oAuth2", "Browser", 0), with: []func(*signin.Facts){event(signin.FactorPassed)}, want: "browser oauth success" + anna},
		"an interrupt is an event":                      {f: cloud("oAuth2", "Browser", 50140), with: []func(*signin.Facts){event(signin.FactorInfo)}, want: "mfa a step of a sign-in"},
		"an interrupt without an event is no sign-in":   {f: cloud("oAuth2", "Browser", 50140), want: "other it tells of no second factor"},
		"an unknown word is unknown":                    {f: cloud("oAuth2", "Browser", 50140), with: []func(*signin.Facts){event(signin.FactorUnknown)}, want: "mfa it does not say, in a word that is known"},
		"nobody is nobody's sign-in":                    {f: cloud("oAuth2", "Browser", 0), with: []func(*signin.Facts){as("")}, want: "other it tells of no second factor"},
		"a health mailbox is noise":                     {f: cloud("ropc", "IMAP4", 0), with: []func(*signin.Facts){as("HealthMailbox0a1b@contoso.com")}, want: "noise probe"},
		"a person with a probe's agent is a person":     {f: cloud("ropc", "IMAP4", 0), with: []func(*signin.Facts){agent("AMProbe/Local/ClientAccess")}, want: "imap basic/ropc success" + anna},
		"a user whom nobody knows by name but by an id": {f: cloud("oAuth2", "Browser", 50034), with: []func(*signin.Facts){as("0b7c9d1e-2f3a-4b5c-8d6e-7f8091a2b3c4")}, want: "browser oauth failure proven 0b7c9d1e-2f3a-4b5c-8d6e-7f8091a2b3c4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, change := range c.with {
				change(&c.f)
			}
			var s signin.SignIn
			classifier().Classify(&c.f, &s)
			if got := said(&s, c.want); got != c.want {
				t.Errorf("got %q (%s), want %q", got, s.Reason, c.want)
			}
			if s.Reason == "" {
				t.Error("no reason")
			}
			if s.Weak || s.Backend {
				t.Error("a cloud sign-in is neither weak nor of a back end")
			}
		})
	}
}

// Every word of clientAppUsed, and of x-ms-client-application.
func TestCloudProtocol(t *testing.T) {
	t.Parallel()
	for app, want := range map[string]string{
		"Authenticated SMTP": "smtp", "SMTP": "smtp", "Autodiscover": "autodiscover", "Exchange ActiveSync": "activesync",
		"Exchange ActiveSync (supported)": "activesync", "Exchange ActiveSync (unsupported)": "activesync",
		"Exchange Online PowerShell": "powershell", "Exchange Web Services": "ews", "IMAP4": "imap", "IMAP": "imap", "MAPI Over HTTP": "mapi", "MAPI": "mapi",
		"Offline Address Book": "oab", "Outlook Anywhere (RPC over HTTP)": "rpc", "Outlook Anywhere": "rpc", "Outlook Service": "outlookservice",
		"Universal Outlook": "outlookservice", "POP3": "pop", "POP": "pop", "Reporting Web Services": "reporting", "Other clients": "other", "Other client": "other",
		"Browser": "browser", "Mobile Apps and Desktop clients": "app", "mobile apps and desktop clients ": "app", "Unknown": "other", "": "other", "-": "other",
		"Microsoft.Exchange.ActiveSync": "activesync", "Microsoft.Exchange.Autodiscover": "autodiscover", "Microsoft.Exchange.OfflineAddressBook": "oab",
		"Microsoft.Exchange.RPC": "rpc", "Microsoft.Exchange.WebServices": "ews", "Microsoft.Exchange.Mapi": "mapi", "Microsoft.Exchange.Powershell": "powershell",
		"Microsoft.Exchange.SMTP": "smtp", "Microsoft.Exchange.PopImap": "pop", "Microsoft.Exchange.Pop": "pop", "Microsoft.Exchange.Imap": "imap",
		strings.Repeat("IMAP4", 50): "other",
	} {
		f := cloud("ropc", app, 0)
		var s signin.SignIn
		classifier().Classify(&f, &s)
		if s.Verdict != signin.SignInLine || s.Protocol.String() != want {
			t.Errorf("%.60q: %v %v, want %s", app, s.Verdict, s.Protocol, want)
		}
	}
}

// Every class of error code. What is none of a sign-in is no sign-in: neither success nor failure.
func TestCloudOutcome(t *testing.T) {
	t.Parallel()
	for want, codes := range map[string][]uint32{
		"success": {0},
		"failure": {50034, 50053, 50055, 50056, 50057, 50064, 50126, 50144},
		"blocked": {50072, 50074, 50076, 50078, 50079, 50131, 50158, 53000, 53001, 53002, 53003, 53004, 500121},
		"no sign-in": {50058, 50088, 50089, 50097, 50105, 50132, 50133, 50140, 50155, 50161, 50173, 50199, 16000, 65001, 70043, 70044,
			7000112, 7000113, 7000215, 1, 501260, 1<<32 - 1},
	} {
		for _, code := range codes {
			for _, k := range []signin.Kind{signin.Entra, signin.UAL, signin.ADFSLog} {
				f := cloud("ropc", "IMAP4", code)
				f.Kind = k
				f.MFA = &signin.MFAFacts{Outcome: signin.FactorInfo}
				var s signin.SignIn
				classifier().Classify(&f, &s)
				got := "no sign-in"
				if s.Verdict == signin.SignInLine {
					got = s.Outcome.String()
				} else if s.Verdict != signin.MFALine {
					got = s.Verdict.String()
				}
				if got != want {
					t.Errorf("%v %d: %s, want %s", k, code, got, want)
				}
			}
		}
	}
}

// A published application is known by the id or by the name that the operator declared, and asked for once.
func TestPublishedApplication(t *testing.T) {
	asked := 0
	c := signin.NewClassifier(&signin.Organisation{Published: func(resource string) bool {
		asked++
		return strings.EqualFold(resource, "Outlook on the web") || resource == "5d0f1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b"
	}})
	byID, byName, by := cloud("oAuth2", "Browser", 0), cloud("oAuth2", "Browser", 0), cloud("oAuth2", "Browser", 0)
	byID.Resource = []byte("5d0f1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b")
	byName.Resource = []byte("6e0f1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b")
	byName.MFA = &signin.MFAFacts{Application: []byte("outlook on the web"), Outcome: signin.FactorPassed}
	by.Resource = []byte("7f0f1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b")
	by.MFA = &signin.MFAFacts{Application: []byte("Expenses"), Outcome: signin.FactorPassed}
	var s signin.SignIn
	for want, f := range map[signin.Verdict][]*signin.Facts{signin.SignInLine: {&byID, &byName}, signin.MFALine: {&by}} {
		for _, f := range f {
			if c.Classify(f, &s); s.Verdict != want {
				t.Errorf("%s: %v, want %v", f.Resource, s.Verdict, want)
			}
		}
	}
	once := asked
	if n := testing.AllocsPerRun(100, func() {
		c.Classify(&byID, &s)
		c.Classify(&byName, &s)
		c.Classify(&by, &s)
	}); n != 0 || asked != once {
		t.Errorf("%v allocations, asked %d more times", n, asked-once)
	}
	// A name alone is no resource: an event of a gateway of one's own is not a sign-in.
	f := signin.Facts{Kind: signin.Duo, Account: []byte("anna"), MFA: &signin.MFAFacts{Application: []byte("Outlook on the web"), Outcome: signin.FactorPassed}}
	if c.Classify(&f, &s); s.Verdict != signin.MFALine {
		t.Errorf("Duo: %v", s.Verdict)
	}
}

// Every outcome of a factor has a reason, and none is the other's.
func TestFactorReasons(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, word := range []string{"unknown", "passed", "remembered", "bypassed", "helpdesk_code", "fail_open", "denied", "fraud", "timeout", "error",
		"first_factor_ok", "first_factor_failed", "enrolled", "config", "info"} {
		o, ok := signin.ParseFactorOutcome(word)
		f := signin.Facts{Kind: signin.Okta, MFA: &signin.MFAFacts{Outcome: o}}
		var s signin.SignIn
		classifier().Classify(&f, &s)
		if other := seen[s.Reason]; !ok || s.Verdict != signin.MFALine || s.Reason == "" || other != "" {
			t.Errorf("%s: %v, %v, %q, as %q", word, ok, s.Verdict, s.Reason, other)
		}
		seen[s.Reason] = word
	}
	f := signin.Facts{Kind: signin.Okta, Note: "a note of the decoder", MFA: &signin.MFAFacts{Outcome: signin.FactorPassed}}
	var s signin.SignIn
	if classifier().Classify(&f, &s); s.Reason != f.Note {
		t.Errorf("%q, want the decoder's note", s.Reason)
	}
}
