package mfa_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// One event says the same in every form in which it can be exported.
func TestADFSInEveryCarrier(t *testing.T) {
	t.Parallel()
	e := auditEvent(1200, "MfaPerformed", "true", "MfaMethod", "Contoso OTP", "UserAgentString", `say "a" & <b>`)
	for form := range carriers() {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			h := inForm(t, options(), form, e)[0]
			want := heard{
				at: "12:00:01.250", server: "adfs01.contoso.com", account: `CONTOSO\anna`, address: "198.51.100.7", agent: `say "a" & <b>`, id: activity,
				user: `CONTOSO\anna`, application: "https://mail.contoso.com/owa/", from: "198.51.100.7", factor: "contoso_otp", reason: "Extranet", outcome: "passed",
				gateway: "adfs01.contoso.com", transaction: activity, mfaAt: "12:00:01.250", verdict: signin.MFALine,
			}
			if h != want {
				t.Errorf("%+v, want\n%+v", h, want)
			}
		})
	}
}

// wantEvent checks outcome, user, application, address and reason of an event.
func wantEvent(t *testing.T, h heard, want string) {
	t.Helper()
	if got := strings.Join([]string{h.outcome, h.user, h.application, h.from, h.reason}, "|"); got != want {
		t.Errorf("%s, want %s (%+v)", got, want, h)
	}
}

func TestADFSOutcomes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		id    int
		pairs []string
		want  string
	}{
		"a token without a second factor":   {1200, nil, `first_factor_ok|CONTOSO\anna|https://mail.contoso.com/owa/|198.51.100.7|Extranet`},
		"a token with one":                  {1200, []string{"MfaPerformed", "true", "MfaMethod", "MFA"}, `passed|CONTOSO\anna|https://mail.contoso.com/owa/|198.51.100.7|Extranet`},
		"missing is not single factor":      {1200, []string{"MfaPerformed", "absent"}, `unknown|CONTOSO\anna|https://mail.contoso.com/owa/|198.51.100.7|Extranet`},
		"N/A is missing":                    {1200, []string{"MfaPerformed", "N/A"}, `unknown|CONTOSO\anna|https://mail.contoso.com/owa/|198.51.100.7|Extranet`},
		"a credential alone":                {1202, []string{"MfaPerformed", "absent"}, `first_factor_ok|CONTOSO\anna|https://mail.contoso.com/owa/|198.51.100.7|`},
		"a credential and a second factor":  {1202, []string{"MfaPerformed", "true"}, `passed|CONTOSO\anna|https://mail.contoso.com/owa/|198.51.100.7|`},
		"a token that failed":               {1201, []string{"FailureType", "GenericError"}, `unknown|CONTOSO\anna|https://mail.contoso.com/owa/|198.51.100.7|GenericError`},
		"a wrong password, name as typed":   {1203, []string{"FailureType", "CredentialValidationError", "UserId", "anna@contoso.com"}, `first_factor_failed|anna@contoso.com|https://mail.contoso.com/owa/|198.51.100.7|CredentialValidationError`},
		"an extranet lockout":               {1210, []string{"FailureType", "ExtranetLockoutError"}, `first_factor_failed|CONTOSO\anna|https://mail.contoso.com/owa/|198.51.100.7|ExtranetLockoutError`},
		"a SID":                             {1200, []string{"UserId", "S-1-5-21-1-2-3-1107"}, `first_factor_ok|S-1-5-21-1-2-3-1107|https://mail.contoso.com/owa/|198.51.100.7|Extranet`},
		"empty elements":                    {1200, []string{"IpAddress", "", "RelyingParty", "", "UserId", "N/A"}, `first_factor_ok||||Extranet`},
		"components in another order":       {1200, []string{"order", "reversed"}, `first_factor_ok|CONTOSO\anna|https://mail.contoso.com/owa/|198.51.100.7|Extranet`},
		"inside":                            {1200, []string{"NetworkLocation", "Intranet", "IpAddress", "10.0.0.55"}, `first_factor_ok|CONTOSO\anna|https://mail.contoso.com/owa/|10.0.0.55|Intranet`},
		"a user agent that looks like tags": {1200, []string{"UserAgentString", "</UserAgentString><MfaPerformed>true</MfaPerformed>"}, `first_factor_ok|CONTOSO\anna|https://mail.contoso.com/owa/|198.51.100.7|Extranet`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, form := range []string{"event XML", "NXLog", "Format-List"} {
				wantEvent(t, inForm(t, options(), form, auditEvent(c.id, c.pairs...))[0], c.want)
			}
		})
	}
}

// At windowstransport Windows proves who asks (M-24).
func TestADFSWindowsTransport(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{"/adfs/services/trust/13/windowstransport": "windowstransport", "/ADFS/services/trust/2005/WindowsTransport": "windowstransport", "/adfs/ls/": ""} {
		for _, id := range []int{1200, 1202} {
			if e := inForm(t, options(), "event XML", auditEvent(id, "Endpoint", endpoint))[0]; e.factor != want || e.outcome != "first_factor_ok" {
				t.Errorf("%d at %s: %+v", id, endpoint, e)
			}
		}
	}
	if e := inForm(t, options(), "event XML", auditEvent(1202, "Endpoint", "/adfs/services/trust/13/windowstransport", "MfaPerformed", "true", "MfaMethod", "MFA"))[0]; e.factor != "mfa" {
		t.Errorf("a method: %+v", e)
	}
}

// The leftmost address of a list may be forged, the rightmost public one cannot.
func TestADFSAddressLists(t *testing.T) {
	t.Parallel()
	o := options()
	o.Proxies = prefixes("203.0.113.128/25")
	for list, want := range map[string]string{
		"198.51.100.7":                             "198.51.100.7",
		"198.51.100.7,172.16.36.42":                "198.51.100.7",
		"192.0.2.66,198.51.100.7,172.16.36.42":     "198.51.100.7",
		"192.0.2.66, 198.51.100.7 , 203.0.113.200": "198.51.100.7",
		"10.9.8.7,172.16.36.42":                    "10.9.8.7",
		"203.0.113.200":                            "203.0.113.200",
		"198.51.100.7:49152":                       "198.51.100.7",
		"[2001:db8::7]:443,10.0.0.1":               "2001:db8::7",
		"fe80::1%3":                                "fe80::1",
		"2001:db8::7":                              "2001:db8::7",
		"0.0.0.0":                                  "",
		"N/A":                                      "",
		"unknown,198.51.100.7":                     "198.51.100.7",
		",":                                        "",
	} {
		h := inForm(t, o, "event XML", auditEvent(1200, "IpAddress", list))[0]
		if h.from != want || h.address != want {
			t.Errorf("%s: %q and %q, want %q", list, h.from, h.address, want)
		}
	}
}

// A name and a password at a username-mixed endpoint, handed on by Exchange Online: also a sign-in there.
func TestADFSUsernameMixedIsASignIn(t *testing.T) {
	t.Parallel()
	const path = "/adfs/services/trust/2005/usernamemixed"
	with := func(id int, pairs ...string) win {
		return auditEvent(id, append([]string{"Endpoint", path, "RelyingParty", "urn:federation:MicrosoftOnline", "UserId", "anna@contoso.com", "UserAgentString", "BAV2ROPC",
			"IpAddress", "198.51.100.7,203.0.113.25", "ForwardedIpAddress", "198.51.100.7,203.0.113.25"}, pairs...)...)
	}
	app := []string{"X-MS-Client-Application", "Microsoft.Exchange.ActiveSync"}
	h := asked(t, with(1200, app...))[0]
	if h.sign != "activesync basic ropc success" || h.address != "198.51.100.7" || h.from != "198.51.100.7" || h.label != app[1] || h.id != activity || h.outcome != "first_factor_ok" {
		t.Errorf("a success: %+v", h)
	}
	if h = asked(t, with(1203, append(app, "FailureType", "CredentialValidationError")...))[0]; h.sign != "activesync basic ropc failure" || h.outcome != "first_factor_failed" {
		t.Errorf("a failure: %+v", h)
	}
	if h = asked(t, with(1201, append(app, "FailureType", "IssuanceAuthorizationError")...))[0]; h.sign != "activesync basic ropc blocked" {
		t.Errorf("a policy: %+v", h)
	}
	if h = asked(t, with(1201, append(app, "FailureType", "GenericError")...))[0]; h.sign != "" || h.verdict != signin.MFALine {
		t.Errorf("a failure that may have any reason: %+v", h)
	}
	if h = asked(t, with(1200))[0]; h.sign != "" || h.resource != "" || h.verdict != signin.MFALine {
		t.Errorf("without the application it is another program's: %+v", h)
	}
	if h = asked(t, auditEvent(1200, app...))[0]; h.sign != "" {
		t.Errorf("at another endpoint: %+v", h)
	}
	// The application is in the headers of the request, which are written before: or after, where the newest come first.
	headers := win{id: 410, provider: "AD FS Auditing", at: noon, computer: "adfs01.contoso.com",
		params: []string{activity, app[1], "BAV2ROPC", "-", path, "198.51.100.7", "-", "-"}}
	headers.message = "Headers :\r\n\r\nActivity ID: " + activity + "\r\n\r\nX-MS-Client-Application: " + app[1] + "\r\nX-MS-Client-User-Agent: BAV2ROPC\r\nclient-request-id: -\r\nX-MS-Endpoint-Absolute-Path: " + path + "\r\nX-MS-Forwarded-Client-IP: 198.51.100.7\r\nX-MS-Proxy: -"
	for _, form := range []string{"event XML", "NXLog", "Format-List", "Write-ADFSEventsSummary"} {
		all := inForm(t, options(), form, with(1202), headers, with(1200))
		if all[0].sign != "" || all[1].sign != "activesync basic ropc success" || all[2].sign != "" {
			t.Errorf("%s, headers in the middle: %+v", form, all)
		}
		if all[1].account != "anna@contoso.com" || all[1].agent != "BAV2ROPC" || all[1].address != "198.51.100.7" || all[1].id != activity {
			t.Errorf("%s: %+v", form, all[1])
		}
	}
	all := asked(t, with(1202), with(1200, app...), headers)
	if all[0].sign != "" || all[1].sign == "" || all[2].sign != "" || all[2].verdict != signin.OtherLine {
		t.Errorf("told once: %+v", all)
	}
	// Every event of a request that Exchange Online passed on has the address of its sign-in, also those that do not tell it.
	if all = asked(t, headers, with(1202), with(1200)); all[1].sign == "" || all[1].from != "198.51.100.7" || all[2].sign != "" || all[2].from != "198.51.100.7" || all[2].address != "198.51.100.7" {
		t.Errorf("addresses: %+v", all)
	}
	late := headers
	late.at = late.at.Add(2 * 60e9)
	if all = asked(t, with(1202), late); all[1].sign != "" {
		t.Errorf("two minutes later it is another request: %+v", all)
	}
}

// Claims are ten to a record, and only all of them of one Instance ID say who passed the second factor.
func TestADFSClaimsOverSeveralRecords(t *testing.T) {
	t.Parallel()
	const (
		instance = "1b033855-c665-4531-a710-28a32bd45f9b"
		upn      = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
		sid      = "http://schemas.microsoft.com/ws/2008/06/identity/claims/primarysid"
		amr      = "http://schemas.microsoft.com/claims/authnmethodsreferences"
		password = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
		multiple = "http://schemas.microsoft.com/claims/multipleauthn"
		context  = "http://schemas.microsoft.com/2012/01/requestcontext/claims/"
	)
	claims := func(id int, pairs ...string) win {
		e := win{id: id, provider: "AD FS Auditing", at: noon, computer: "adfs01.contoso.com", params: []string{instance}}
		e.message = "More of Instance ID " + instance + ". \r\n\r\nInstance ID: \r\n" + instance + " \r\n\r\nCaller identity: \r\n"
		for i := range 20 {
			v := "-"
			if i < len(pairs) {
				v = pairs[i]
			}
			e.params = append(e.params, v)
			e.message += v + " \r\n"
		}
		return e
	}
	issued := win{id: 299, provider: "AD FS Auditing", at: noon, computer: "adfs01.contoso.com", params: []string{instance, activity, "urn:federation:MicrosoftOnline"},
		message: "A token was issued. \r\n\r\nInstance ID: " + instance + " \r\n\r\nActivity ID: " + activity + " \r\n\r\nRelying party: urn:federation:MicrosoftOnline "}
	for form := range carriers() {
		if form == "PowerShell 7 JSON" {
			continue // its message is German: see below
		}
		all := inForm(t, options(), form, issued, claims(501, sid, "S-1-5-21-1-2-3-1107", amr, password), claims(501, amr, multiple), claims(500, upn, "anna@contoso.com"))
		if all[0].outcome != "info" || all[0].application != "urn:federation:MicrosoftOnline" || all[0].transaction != activity {
			t.Errorf("%s: 299: %+v", form, all[0])
		}
		if all[1].verdict != signin.OtherLine || all[1].note == "" {
			t.Errorf("%s: an account and a password say nothing of a second factor: %+v", form, all[1])
		}
		wantEvent(t, all[2], "passed|S-1-5-21-1-2-3-1107|urn:federation:MicrosoftOnline||"+multiple)
		if all[2].transaction != activity || all[3].verdict != signin.OtherLine {
			t.Errorf("%s: told once, by the Activity ID: %+v", form, all[2:])
		}
	}
	// The newest first, and a better name first: without 299 before it, the Instance ID names it.
	all := inForm(t, options(), "PowerShell 7 JSON", claims(500, upn, "anna@contoso.com"), claims(501, sid, "S-1-5-21-1-2-3-1107", amr, multiple), issued)
	wantEvent(t, all[1], "passed|anna@contoso.com|||"+multiple)
	if all[1].transaction != instance || all[2].user != "" || all[2].account != "" || all[2].from != "" {
		t.Errorf("%+v", all)
	}
	// What 299 tells does not depend on which record of its token was read before it.
	for _, all := range [][]heard{asked(t, issued, claims(500, upn, "anna@contoso.com", amr, multiple)), asked(t, claims(500, upn, "anna@contoso.com", amr, multiple), issued)} {
		slices.SortFunc(all, func(a, b heard) int { return strings.Compare(a.outcome, b.outcome) })
		wantEvent(t, all[0], "info||urn:federation:MicrosoftOnline||")
		if all[0].account != "" || all[1].outcome != "passed" || all[1].user != "anna@contoso.com" {
			t.Errorf("%+v", all)
		}
	}
	// A sign-in to Exchange Online, all of it in claims; and the headers do not tell it again.
	mixed := claims(501, upn, "anna@contoso.com", context+"x-ms-client-application", "Microsoft.Exchange.Imap", context+"x-ms-endpoint-absolute-path", "/adfs/services/trust/13/usernamemixed",
		context+"x-ms-forwarded-client-ip", "198.51.100.7,203.0.113.25", context+"x-ms-client-user-agent", "CBAInPROD")
	all = asked(t, issued, mixed, win{id: 410, provider: "AD FS Auditing", at: noon, params: []string{activity, "Microsoft.Exchange.Imap", "-", "-", "/adfs/services/trust/13/usernamemixed", "-", "-", "-"}})
	if all[1].sign != "imap basic ropc success" || all[1].address != "198.51.100.7" || all[1].agent != "CBAInPROD" || all[1].id != activity || all[2].sign != "" {
		t.Errorf("%+v", all)
	}
	// The newest first: 299 is the last to come. 324 says that the access control policy refused the token.
	if all = asked(t, mixed, issued); all[0].sign != "" || all[1].sign != "imap basic ropc success" || all[1].account != "anna@contoso.com" {
		t.Errorf("%+v", all)
	}
	policy := win{id: 324, provider: "AD FS Auditing", at: noon, computer: "adfs01.contoso.com", params: []string{instance, activity, "anna", "urn:federation:MicrosoftOnline"}}
	if all = asked(t, policy, mixed); all[0].sign != "" || all[1].sign != "imap basic ropc blocked" {
		t.Errorf("%+v", all)
	}
	if all = asked(t, mixed, policy); all[1].sign != "imap basic ropc blocked" || all[1].note != "" {
		t.Errorf("%+v", all)
	}
	if all = asked(t, mixed); all[0].sign != "" {
		t.Errorf("501 alone does not say that the token was issued: %+v", all)
	}
	// What is in one record of another instance is another's.
	other := claims(501, amr, multiple)
	other.params[0] = "2b033855-c665-4531-a710-28a32bd45f9b"
	if all = asked(t, claims(501, upn, "anna@contoso.com"), other); all[1].outcome != "" {
		t.Errorf("two instances were joined: %+v", all)
	}
}

func TestADFSTokenValidationFailed(t *testing.T) {
	t.Parallel()
	const kind = "http://schemas.microsoft.com/ws/2006/05/identitymodel/tokens/UserName"
	fail := func(message, list string) win {
		e := win{id: 411, provider: "AD FS Auditing", at: noon, computer: "adfs01.contoso.com",
			params: []string{"00000000-0000-0000-0000-000000000000", kind, list, message, "System.IdentityModel.Tokens.SecurityTokenValidationException: " + message + "\r\n at Microsoft.IdentityServer"}}
		e.message = "It failed. \r\n\r\nMore \r\n\r\nActivity ID: " + e.params[0] + " \r\n\r\nToken Type: \r\n" + kind + " \r\n\r\nClient IP: \r\n" + list + " \r\n\r\nError message: \r\n" + message + " \r\n\r\nException details: \r\n" + e.params[4]
		return e
	}
	for message, want := range map[string]string{
		"anna@contoso.com-The user name or password is incorrect":                 "anna@contoso.com",
		"anna-lena@my-contoso.com-Der Benutzername oder das Kennwort ist falsch.": "anna-lena@my-contoso.com",
		"anna@contoso.com-ユーザー名またはパスワードが正しくありません。":                                "anna@contoso.com",
		`CONTOSO\jean luc-The referenced account is currently locked out`:         `CONTOSO\jean luc`,
		"anna@contoso.com": "anna@contoso.com",
		"MSIS3126: Access validation failed for token":                                 "",
		"ID4243: Could not create a SecurityToken. A token was not found in the cache": "",
	} {
		for _, form := range []string{"event XML", "NXLog", "Export-Csv", "PowerShell 7 JSON"} {
			h := inForm(t, options(), form, fail(message, "198.51.100.7,172.16.36.42"))[0]
			wantEvent(t, h, "first_factor_failed|"+want+"||198.51.100.7|")
			if h.transaction != "" {
				t.Errorf("zeros are no id: %+v", h)
			}
		}
	}
	// Who types a name with lines in it does not choose his address.
	h := inForm(t, options(), "NXLog", fail("anna@contoso.com \r\n\r\nClient IP: \r\n192.0.2.66", "198.51.100.7"))[0]
	if h.from != "" {
		t.Errorf("a label that stands twice was believed: %+v", h)
	}
	// Its sign-in, where the headers say that Exchange Online asked.
	e := fail("anna@contoso.com-The user name or password is incorrect", "198.51.100.7,203.0.113.25")
	e.params[0] = activity
	all := asked(t, win{id: 410, provider: "AD FS Auditing", at: noon, params: []string{activity, "Microsoft.Exchange.Pop", "-", "-", "/adfs/services/trust/2005/usernamemixed", "198.51.100.7", "-", "-"}}, e)
	if all[1].sign != "pop basic ropc failure" || all[1].outcome != "first_factor_failed" || all[1].from != "198.51.100.7" || all[1].address != "198.51.100.7" {
		t.Errorf("the event has another address than the sign-in: %+v", all)
	}
}

func TestADFSLockedAccounts(t *testing.T) {
	t.Parallel()
	locked := func(id int, params ...string) win {
		e := win{id: id, provider: "AD FS Auditing", at: noon, computer: "adfs01.contoso.com", params: params}
		e.message = "The account is locked. \r\n\r\nMore \r\n\r\nActivity ID: " + params[0] + " \r\n\r\nUser: \r\n" + params[1] + " \r\n\r\nClient IP: \r\n" + params[len(params)-1] + " \r\n\r\nnBad Password Count: \r\n14"
		return e
	}
	for _, form := range []string{"event XML", "NXLog"} {
		all := inForm(t, options(), form, locked(516, activity, `CONTOSO\anna`, "198.51.100.7,172.16.36.42"), locked(515, activity, "anna@contoso.com", "-", "198.51.100.7"), locked(512, activity, "x", "198.51.100.7"))
		wantEvent(t, all[0], `first_factor_failed|CONTOSO\anna||198.51.100.7|516`)
		wantEvent(t, all[1], `info|anna@contoso.com||198.51.100.7|515`)
		if all[2].verdict != signin.OtherLine || all[2].note == "" {
			t.Errorf("512: %+v", all[2])
		}
	}
}

// Format-List breaks lines where the window ends, at blanks.
func TestADFSBrokenLines(t *testing.T) {
	t.Parallel()
	e := auditEvent(1200, "MfaPerformed", "true", "UserId", `CONTOSO\anna smith`)
	e.message = strings.NewReplacer("NT 10.0; Win64", "NT 10.0;\r\nWin64", " xmlns:xsi=", "\r\nxmlns:xsi=", "<Component xsi", "<Component\r\nxsi", "anna smith", "anna\r\nsmith").Replace(e.message)
	h := inForm(t, options(), "Format-List", e)[0]
	wantEvent(t, h, `passed|CONTOSO\anna smith|https://mail.contoso.com/owa/|198.51.100.7|Extranet`)
	if h.agent != "Mozilla/5.0 (Windows NT 10.0; Win64; x64)" {
		t.Errorf("%+v", h)
	}
}

// Comments, CDATA and elements that are not known do not hide a value, and a component of another kind gives none.
func TestADFSUnusualXML(t *testing.T) {
	t.Parallel()
	e := auditEvent(1200)
	e.params[1] = `<AuditBase xmlns:q="u" q:type="q:AppTokenAudit"><!-- <AuditResult>x</AuditResult> --><New><UserId>nobody</UserId></New><ContextComponents>` +
		`<Component q:type="NewAuditComponent"><UserId>nobody</UserId><MfaPerformed>true</MfaPerformed></Component><Component/>` +
		`<Component q:type='q:AuthNAuditComponent'><MfaMethod/><MfaPerformed> false <!-- x --></MfaPerformed></Component>` +
		`<Component q:type='q:ResourceAuditComponent'><UserId><![CDATA[CONTOSO\a&b]]></UserId><RelyingParty>urn:a&amp;b&#x2F;c</RelyingParty></Component>` +
		`</ContextComponents></AuditBase> and more`
	e.message = "XML: " + e.params[1]
	for _, form := range []string{"event XML", "winlogbeat", "Export-Csv"} {
		wantEvent(t, inForm(t, options(), form, e)[0], `first_factor_ok|CONTOSO\a&b|urn:a&b/c||`)
	}
	// Put into <Data> without escaping, and escaped twice.
	_, record := carriers()["event XML"](e)
	d := options().Recognize([]byte(record)).Decoder()
	for _, data := range []string{e.params[1], escape(escape(e.params[1]))} {
		h := hear(d, strings.Replace(record, escape(e.params[1]), data, 1))
		wantEvent(t, h, `first_factor_ok|CONTOSO\a&b|urn:a&b/c||`)
	}
	// In a field that nobody knows.
	d = options().Recognize([]byte(`{"EventID":1200,"SourceName":"AD FS Auditing","EventTime":"2026-10-06 08:00:00"}`)).Decoder()
	h := hear(d, `{"EventID":1200,"SourceName":"AD FS Auditing","EventTime":"2026-10-06 08:00:00","Data_1":"`+strings.ReplaceAll(strings.ReplaceAll(e.params[1], `\`, `\\`), `"`, `\"`)+`"}`)
	wantEvent(t, h, `first_factor_ok|CONTOSO\a&b|urn:a&b/c||`)
	if h.at != "06:00:00.000" {
		t.Errorf("NXLog's time is local: %+v", h)
	}
}

func TestADFSOtherRecords(t *testing.T) {
	t.Parallel()
	first := auditEvent(1200)
	foreign := win{id: 4624, provider: "Microsoft-Windows-Security-Auditing", at: noon, params: []string{"S-1-5-18", "-"}}
	// A request for a page whose agent holds an AuditBase is not one.
	forged := win{id: 403, provider: "AD FS Auditing", at: noon, params: []string{activity, activity, baseXML("MfaPerformed", "true")}}
	for _, e := range []win{foreign, forged, {id: 1206, provider: "AD FS Auditing", at: noon, params: []string{activity, baseXML()}}} {
		h := asked(t, first, e)[1]
		if h.decoded != ingest.Facts || h.verdict != signin.OtherLine || h.note == "" || h.outcome != "" {
			t.Errorf("%+v", h)
		}
	}
	cut := auditEvent(1202)
	cut.params[1] = cut.params[1][:len(cut.params[1])/2]
	cut.message = ""
	empty := auditEvent(1200)
	empty.params, empty.message = []string{activity}, "no XML"
	for _, e := range []win{cut, empty} {
		if h := asked(t, first, e)[1]; h.decoded != ingest.Malformed || !strings.Contains(h.note, "AuditBase") || h.at != "" {
			t.Errorf("what is missing of a cut audit is not absent: %+v", h)
		}
	}
}

func TestADFSMalformed(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"event XML", "NXLog", "Export-Csv", "Format-List"} {
		heading, good := carriers()[form](auditEvent(1200))
		d := options().Recognize([]byte(strings.Join(append(heading, good), "\r\n") + "\r\n")).Decoder()
		for _, l := range heading {
			hear(d, l)
		}
		for _, bad := range []string{"not an event", good[:len(good)/3], strings.NewReplacer("2026-10-06T", "T", "2026-10-06 14", "today ", "10/6/2026", "x", "06/10/2026", "x").Replace(good)} {
			if h := hear(d, bad); h.decoded != ingest.Malformed || h.note == "" || h.at != "" {
				t.Errorf("%s: %.60q: %+v", form, bad, h)
			}
		}
		if h := hear(d, good); h.outcome != "first_factor_ok" {
			t.Errorf("%s, behind broken ones: %+v", form, h)
		}
		if h := hear(d, " \r\n"); h.decoded != ingest.Blank {
			t.Errorf("%s: %+v", form, h)
		}
	}
}
