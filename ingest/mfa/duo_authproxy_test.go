package mfa

import (
	"fmt"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// authEvent is a line of authevents.log, changed by pairs of old and new text.
func authEvent(stage, status, message string, changes ...string) string {
	return strings.NewReplacer(changes...).Replace(fmt.Sprintf(`{"timestamp":"2026-10-06T08:00:05.250061Z","msg":%q,"username":"anna","auth_stage":%q,"status":%q,"client_ip":"198.51.100.23","server_section":"radius_server_auto","server_section_ikey":"DI0VPN0CONTOSO000001","factor":"push1","hostname":"proxy01","msg_type":"AUTH","log_namespace":"duoauthproxy.lib.log"}`,
		message, stage, status))
}

func second(status, message string) string {
	return authEvent("Secondary authentication", status, message)
}

func TestAuthEvents(t *testing.T) {
	t.Parallel()
	a := ask(t, newAuthProxy(&Options{}), second("Allow", "Success. Logging you in..."))[0]
	want := answer{verdict: signin.MFALine, kind: signin.DuoAuthProxy, time: "2026-10-06T08:00:05.250Z", server: "proxy01", outcome: signin.FactorPassed,
		mfa: "anna|DI0VPN0CONTOSO000001|198.51.100.23|push1|Success. Logging you in...|proxy01|"}
	if a != want {
		t.Errorf("%+v, want %+v", a, want)
	}
}

func TestAuthEventsOutcomes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ record, want string }{
		{second("Allow", "Failmode Safe - Allowed Duo login on preauth failure"), "fail_open"},
		{second("Reject", "Failmode Secure - Denied Duo login on preauth failure"), "denied"},
		{second("Error", "Failmode Secure - Denied Duo login on preauth failure"), "denied"}, // as LDAP and later steps say it
		{second("Allow", "Primary Only Mode - Secondary authentication bypassed"), "bypassed"},
		{second("Allow", "User exempted from 2FA"), "bypassed"},
		{second("Allow", "Exempt OU: cn=svc,ou=services,dc=contoso,dc=com"), "bypassed"},
		{second("Allow", "Primary bind exempted from 2FA"), "bypassed"},
		{second("Allow", "Duo authentication bypassed for anonymous bind"), "bypassed"},
		{second("Allow", "Duo preauth returned 'allow': 'Bypassing for a trusted network'"), "bypassed"},
		{second("Allow", "Duo preauth result was Account is active"), "bypassed"},
		{second("Reject", "Duo preauth result was Account is locked"), "denied"},
		{second("Reject", "User is not enrolled. Enrollment link sent."), "denied"},
		{second("Allow", "Duo authentication succeeded - Success. Logging you in..."), "passed"},
		{second("Reject", "Login timed out."), "timeout"},
		{second("Reject", "Duo authentication was rejected - Login timed out."), "timeout"},
		{second("Reject", "Login request reported as fraudulent."), "fraud"},
		{second("Reject", "Incorrect passcode. Please try again."), "denied"},
		{second("Allow", "Something that was never seen"), "unknown"}, // never a pass, never a bypass
		{second("Error", "Cannot decode password"), "error"},
		{second("Challenge", "Choose a factor"), "info"},
		{second("Deferred", "Success. Logging you in..."), "unknown"},
		{authEvent("Primary authentication", "Allow", "Primary authentication successful - "), "first_factor_ok"},
		{authEvent("Primary authentication", "Reject", "Primary credentials rejected - no"), "first_factor_failed"},
		{authEvent("Primary authentication", "Error", "Error performing primary authentication: x"), "error"},
		{authEvent("Unknown", "Error", "Cannot decode password"), "error"},
	} {
		wantOutcome(t, newAuthProxy(&Options{}), c.record, c.want)
	}
	o := &Options{Outcomes: func(k signin.Kind, word string) (signin.FactorOutcome, bool) {
		return signin.FactorPassed, k == signin.DuoAuthProxy && word == "gelukt. u wordt aangemeld..."
	}}
	wantOutcome(t, newAuthProxy(o), second("Allow", "Gelukt. U wordt aangemeld..."), "passed")
}

func TestAuthEventsForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		changes   []string
		time, mfa string
	}{
		{[]string{".250061Z", "Z"}, "2026-10-06T08:00:05.000Z", "anna|DI0VPN0CONTOSO000001|198.51.100.23"}, // no fraction where it is 0
		{[]string{`"username":"anna"`, `"dn":"CN=Anna,DC=contoso,DC=com"`, `"client_ip":"198.51.100.23",`, ""}, "2026-10-06T08:00:05.250Z", "CN=Anna,DC=contoso,DC=com|DI0VPN0CONTOSO000001|"},
		{[]string{`"anna"`, `"Unknown","dn":"cn=anna"`, `"198.51.100.23"`, `"Unknown"`}, "2026-10-06T08:00:05.250Z", "cn=anna|DI0VPN0CONTOSO000001|"},
		{[]string{"198.51.100.23", "198.51.100.23:1194"}, "2026-10-06T08:00:05.250Z", "anna|DI0VPN0CONTOSO000001|198.51.100.23"},
		{[]string{"198.51.100.23", "0.0.0.0"}, "2026-10-06T08:00:05.250Z", "anna|DI0VPN0CONTOSO000001|"},
		{[]string{"DI0VPN0CONTOSO000001", "Unknown"}, "2026-10-06T08:00:05.250Z", "anna|radius_server_auto|198.51.100.23"},
	} {
		a := ask(t, newAuthProxy(&Options{}), authEvent("Secondary authentication", "Allow", "Success. Logging you in...", c.changes...))[0]
		if a.time != c.time || !strings.HasPrefix(a.mfa, c.mfa+"|push1") {
			t.Errorf("%v: %+v", c.changes, a)
		}
	}
	for record, note := range map[string]string{
		authEvent("Secondary authentication", "Allow", "x", "2026-10-06T", "06-10-2026T"): noteNoTime,
		`{"timestamp":"2026-10-06T08:00:05Z","msg":"x"}`:                                  noteNoProxy,
		second("Allow", "x")[:40]:                                                         errCut.Error(),
	} {
		if a := ask(t, newAuthProxy(&Options{}), record)[0]; a.decoded != ingest.Malformed || a.note != note {
			t.Errorf("%s: %+v", record, a)
		}
	}
}

const ssoEvent = `{"timestamp":"2026-10-06T08:00:05.250061Z","msg":"Primary authentication succeeded","msg_type":"SSO","event_type":"ldap_query","query_type":"Primary authentication","status":"succeeded","server":"dc01","port":636,"username":"anna","proxy_key":"P1","reason":null,"hostname":"proxy01"}`

func TestSSOEventsAreOther(t *testing.T) {
	t.Parallel()
	all := ask(t, newAuthProxy(&Options{}), ssoEvent, strings.Replace(ssoEvent, `"msg_type":"SSO",`, "", 1), strings.Replace(ssoEvent, "2026", "MMXXVI", 1))
	for i, a := range all {
		if a.note != noteSSO || (a.decoded == ingest.Other) != (i == 2) || i < 2 && a.verdict != signin.OtherLine {
			t.Errorf("%d: %+v", i, a)
		}
	}
}

// proxyLog is a line of authproxy.log.
func proxyLog(at, message string) string {
	return "2026-10-06T10:" + at + ".250061+0200 [duoauthproxy.lib.log#info] " + message
}

const tuple = "(('192.0.2.1', 44703), anna, 9): "

func preauth(user, address string) string {
	return "http POST to https://api-contoso.duosecurity.com:443/rest/v1/preauth: failmode=safe&ipaddr=" + address + "&user=" + user
}

// loginLines are those of one login.
func loginLines() []string {
	return []string{
		proxyLog("00:00", "Received new request id 9 from ('192.0.2.1', 44703)"),
		proxyLog("00:00", tuple+"login attempt for username 'anna'"),
		proxyLog("00:01", preauth("anna", "198.51.100.23%3A1194")),
		proxyLog("00:02", tuple+"Got preauth result for: 'auth'"),
		proxyLog("00:02", "Invalid single ip: 198.51.100.23:1194."),
		proxyLog("00:02", "http POST to https://api-contoso.duosecurity.com:443/rest/v1/auth: auto=123456&factor=auto&ipaddr=0.0.0.0&user=anna"),
		proxyLog("01:02", tuple+"Duo authentication returned 'deny': 'Login timed out.'"),
		proxyLog("01:02", tuple+"Returning response code 3: AccessReject"),
		proxyLog("01:02", tuple+"Sending response"),
	}
}

// Several lines tell of one login; what became of it is one event, and where the user came from another line says.
func TestAuthProxyLogin(t *testing.T) {
	t.Parallel()
	d := newAuthProxy(&Options{})
	all := ask(t, d, loginLines()...)
	var got []string
	for _, a := range all {
		got = append(got, a.outcome.String())
		if strings.Contains(a.mfa, "123456") {
			t.Errorf("a passcode: %+v", a)
		}
		if a.verdict == signin.OtherLine && a.note == "" {
			t.Errorf("no note: %+v", a)
		}
	}
	if s := strings.Join(got, ","); s != ",,config,,,,timeout,," {
		t.Error(s)
	}
	want := answer{verdict: signin.MFALine, kind: signin.DuoAuthProxy, time: "2026-10-06T08:01:02.250Z", outcome: signin.FactorTimeout, mfa: "anna||198.51.100.23||Login timed out.||"}
	if all[6] != want {
		t.Errorf("%+v, want %+v", all[6], want)
	}
	want = answer{verdict: signin.MFALine, kind: signin.DuoAuthProxy, time: "2026-10-06T08:00:01.250Z", outcome: signin.FactorConfig, mfa: "anna||198.51.100.23||failmode=safe||"}
	if all[2] != want {
		t.Errorf("%+v, want %+v", all[2], want)
	}
	if all[7].note != noteEcho {
		t.Errorf("%+v", all[7])
	}
}

func TestAuthProxyOutcomes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ message, want, user string }{
		{tuple + "Duo authentication returned 'allow': 'Success. Logging you in...'", "passed", "anna"},
		{tuple + "Duo authentication returned 'allow': 'Some new text'", "unknown", "anna"}, // never a pass
		{tuple + "Duo authentication returned 'allow': 'Erfolg.'", "unknown", "anna"},       // the operator's table knows the language
		{tuple + "Duo authentication returned 'allow'", "unknown", "anna"},
		{tuple + "Duo authentication returned 'allow': 'Duo authentication succeeded - Success. Logging you in...'", "passed", "anna"},
		{tuple + "Duo authentication returned 'allow': 'User exempted from 2FA'", "bypassed", "anna"},
		{tuple + "Duo authentication returned 'deny': 'Erfolg.'", "denied", "anna"},
		{tuple + "Duo authentication returned 'later': 'Success. Logging you in...'", "unknown", "anna"},
		{tuple + "Duo authentication returned 'allow': 'Failmode Safe - Allowed Duo login on preauth failure'", "fail_open", "anna"}, // it calls that allowed
		{tuple + "Duo authentication returned 'allow': 'Primary Only Mode - Secondary authentication bypassed'", "bypassed", "anna"},
		{tuple + "Failmode Safe - Allowed Duo login on preauth failure", "fail_open", "anna"},
		{tuple + "Failmode Secure - Denied Duo login on preauth failure", "denied", "anna"},
		{tuple + "Primary Only Mode - Secondary authentication bypassed", "bypassed", "anna"},
		{tuple + "Duo preauth returned 'allow': 'User exempted from 2FA'", "bypassed", "anna"},
		{tuple + "Duo preauth returned 'allow': 'Some new text'", "bypassed", "anna"}, // no factor was asked for
		{tuple + "Duo preauth returned 'allow'", "bypassed", "anna"},
		{tuple + "Duo preauth returned 'auth'", "other", ""},
		{tuple + "Duo preauth returned 'deny': 'Your account is disabled'", "denied", "anna"},
		{tuple + "Got preauth result for: 'allow'", "bypassed", "anna"},
		{tuple + "Got preauth result for: 'enroll'", "denied", "anna"},
		{tuple + "Got preauth result for: 'a new one'", "unknown", "anna"},
		{tuple + "Primary credentials rejected - no", "first_factor_failed", "anna"},
		{tuple + "Error performing primary authentication: no host", "error", "anna"},
		{tuple + "Success. Logging you in...", "other", ""},
		{"(('192.0.2.1', 44703), CONTOSO\\anna, 9): Got preauth result for: 'allow'", "bypassed", `CONTOSO\anna`},
		{"(('192.0.2.1', 44703), anna, van, 9): Got preauth result for: 'allow'", "bypassed", "anna, van"},
		{"(('2001:db8::1', 44703, 0, 0), anna, 9): Got preauth result for: 'allow'", "bypassed", "anna"},
		{"(('192.0.2.1', 44703), None, 9): Got preauth result for: 'allow'", "bypassed", ""},
		{"(('192.0.2.1', 44703), 9): Got preauth result for: 'allow'", "bypassed", ""}, // a name that it cannot print
		{"[Request from 192.0.2.9:50123] Got preauth result for anna: 'auth'", "other", ""},
		{"[Request from 192.0.2.9:50123] Got preauth result for anna: 'allow'", "bypassed", "anna"},
		{"[Request from 192.0.2.9:50123] Got preauth result for x: 'allow': 'deny'", "denied", "x: 'allow'"},
		{"[Request from 192.0.2.9:50123] Duo authentication returned 'allow' for anna: 'Success. Logging you in...'", "passed", "anna"},
		{"[Request from 192.0.2.9:50123] Duo authentication returned 'allow' for anna: 'Some new text'", "unknown", "anna"},
		{"[Request from 192.0.2.9:50123] Duo authentication returned 'deny' for anna: 'Login timed out.'", "timeout", "anna"},
		{"[Request from 192.0.2.9:50123] Success. Logging you in...", "other", ""}, // the echo of the line before
		{"[Request from 192.0.2.9:50123] Primary bind exempted from 2FA", "bypassed", ""},
		{"[Request from 192.0.2.9:50123] Exempt OU: CN=svc,OU=services", "bypassed", "CN=svc,OU=services"},
		{"[Request from 192.0.2.9:50123] Failmode Safe - Allowed Duo login on preauth failure", "fail_open", ""},
		{"Duo preauth call failed", "other", ""},
		{preauth("anna", "198.51.100.23"), "config", "anna"},
		{strings.Replace(preauth("CONTOSO%5Canna", "0.0.0.0"), "safe", "secure", 1), "config", `CONTOSO\anna`},
	} {
		line := proxyLog("00:00", c.message)
		wantOutcome(t, newAuthProxy(&Options{}), line, c.want)
		if user, _, _ := strings.Cut(ask(t, newAuthProxy(&Options{}), line)[0].mfa, "|"); user != c.user {
			t.Errorf("%s: user %q, want %q", line, user, c.user)
		}
	}
}

// A text in another language is known by the operator's table, in the text of the log as in authevents.log.
func TestAuthProxyWords(t *testing.T) {
	t.Parallel()
	o := &Options{Outcomes: func(k signin.Kind, word string) (signin.FactorOutcome, bool) {
		return signin.FactorPassed, k == signin.DuoAuthProxy && word == "erfolg."
	}}
	wantOutcome(t, newAuthProxy(o), proxyLog("00:00", tuple+"Duo authentication returned 'allow': 'Erfolg.'"), "passed")
}

// Who types a user name could write the rest of a line into it.
func TestAuthProxyIsNotForged(t *testing.T) {
	t.Parallel()
	d := newAuthProxy(&Options{})
	for _, message := range []string{
		"(('192.0.2.1', 44703), bruno, 9): Duo authentication returned 'allow': 'Success. Logging you in...', 9): login attempt for username 'x'",
		"(('192.0.2.1', 44703), x, 9): login attempt for username 'bruno, 9): Duo authentication returned 'allow': 'Success'",
	} {
		if a := ask(t, d, proxyLog("00:00", message))[0]; a.decoded != ingest.Malformed || a.note != noteAmbiguous {
			t.Errorf("%s: %+v", message, a)
		}
	}
	// A name in what is sent to Duo is escaped.
	a := ask(t, d, proxyLog("00:00", preauth("x%26user%3Dbruno", "198.51.100.23")))[0]
	if !strings.HasPrefix(a.mfa, "x&user=bruno|") {
		t.Errorf("%+v", a)
	}
}

func TestAuthProxyLines(t *testing.T) {
	t.Parallel()
	d := newAuthProxy(&Options{Zone: newYork(t)})
	for line, want := range map[string]string{
		"2026-10-06T10:00:00+0200 [DuoForwardServer (UDP)] " + tuple + "Got preauth result for: 'allow'": "bypassed", // before version 3
		"\tTraceback (most recent call last):":                           "undated",
		"Traceback (most recent call last):":                             "undated",
		"2026-10-06T10:00:00.250061 [duoauthproxy.lib.log#info] no zone": "malformed",
		"2026-13-06T10:00:00.250061+0200 [duoauthproxy.lib.log#info] x":  "malformed",
		"2026-10-06T10:00:00.250061+0200":                                "other",
		"2026-10-06T10:00:00.250061+0200 [duoauthproxy.lib.log#info] ((": "malformed",
		proxyLog("00:00", "(('192.0.2.1', 44703), anna"):                 "malformed",
	} {
		wantOutcome(t, d, line, want)
	}
	if a := ask(t, d, "  ")[0]; a.decoded != ingest.Blank {
		t.Errorf("%+v", a)
	}
}

// Where a user came from holds for a login and no longer; of one who comes from two places it is not known.
func TestAuthProxyAddresses(t *testing.T) {
	t.Parallel()
	result := func(at, user string) string {
		return proxyLog(at, "(('192.0.2.1', 44703), "+user+", 9): Duo authentication returned 'allow': 'Success. Logging you in...'")
	}
	address := func(a answer) string { return strings.Split(a.mfa, "|")[2] }
	d := newAuthProxy(&Options{})
	all := ask(t, d, proxyLog("00:00", preauth("anna", "198.51.100.23")), proxyLog("00:01", preauth("bruno", "203.0.113.7")),
		result("00:30", "anna"), result("00:31", "bruno"), result("00:32", "carla"), result("05:00", "anna"),
		proxyLog("06:00", preauth("anna", "198.51.100.23")), proxyLog("06:01", preauth("anna", "203.0.113.99")), result("06:10", "anna"))
	for i, want := range map[int]string{2: "198.51.100.23", 3: "203.0.113.7", 4: "", 5: "", 8: ""} {
		if got := address(all[i]); got != want {
			t.Errorf("line %d: %q, want %q", i, got, want)
		}
	}

	// They are part of a checkpoint.
	d.Reset(nil)
	if d.Sessions() != nil {
		t.Errorf("sessions of nothing: %s", d.Sessions())
	}
	ask(t, d, proxyLog("00:00", preauth("anna", "198.51.100.23")))
	saved := d.Sessions()
	next := newAuthProxy(&Options{})
	next.Reset(nil)
	if err := next.Restore(saved); err != nil {
		t.Fatal(err)
	}
	if got := address(ask(t, next, result("00:30", "anna"))[0]); got != "198.51.100.23" {
		t.Errorf("after a restart: %q", got)
	}
	if err := next.Restore([]byte("no")); err == nil {
		t.Error("a broken checkpoint was taken")
	}

	// They are bounded: the oldest is forgotten.
	d.Reset(nil)
	for i := range mostClients + 1 {
		ask(t, d, proxyLog("00:00", preauth(fmt.Sprintf("user%d", i), "198.51.100.23")))
	}
	if got := ask(t, d, result("00:01", "user0"), result("00:01", "user1")); address(got[0]) != "" || address(got[1]) != "198.51.100.23" {
		t.Errorf("%+v", got)
	}
}

func authProxyHeads() map[string]head {
	return map[string]head{
		"authevents":         {second("Allow", "x") + "\n", signin.DuoAuthProxy, "Duo Authentication Proxy log, authevents.log", true},
		"authevents, cut":    {second("Allow", "x")[:len(second("Allow", "x"))-30], signin.DuoAuthProxy, "Duo Authentication Proxy log, authevents.log", true},
		"authevents, early":  {authEvent("Secondary authentication", "Allow", "x", `"hostname":"proxy01","msg_type":"AUTH",`, "") + "\n", signin.DuoAuthProxy, "Duo Authentication Proxy log, authevents.log", false},
		"ssoevents":          {ssoEvent + "\n", signin.DuoAuthProxy, "Duo Authentication Proxy log, ssoevents.log", true},
		"authproxy":          {strings.Join(loginLines(), "\n"), signin.DuoAuthProxy, "Duo Authentication Proxy log, authproxy.log", false},
		"authproxy, midway":  {"  of a traceback\n" + strings.Join(loginLines(), "\r\n"), signin.DuoAuthProxy, "Duo Authentication Proxy log, authproxy.log", false},
		"authproxy, early":   {"2026-10-06T10:00:00+0200 [DuoForwardServer (UDP)] Received new request id 9 from ('192.0.2.1', 44703)\n", signin.DuoAuthProxy, "Duo Authentication Proxy log, authproxy.log", false},
		"authproxy, startup": {"2026-10-06T10:00:00+0200 [-] Duo Security Authentication Proxy 2.4.8 - Init Complete\n", signin.DuoAuthProxy, "Duo Authentication Proxy log, authproxy.log", false},
	}
}

func hotAuthEvents() []string {
	return []string{authEvent("Primary authentication", "Allow", "Primary authentication successful - "), second("Allow", "Success. Logging you in..."), second("Reject", "Login timed out.")}
}

// The test is not parallel: testing.AllocsPerRun counts for the whole process.
func TestAuthProxyNoAllocations(t *testing.T) {
	allocates(t, newAuthProxy(&Options{}), append(append(hotAuthEvents(), ssoEvent, "{", ""), loginLines()...))
}

func FuzzAuthProxy(f *testing.F) {
	f.Add(strings.Join(loginLines(), "\n"))
	f.Add(strings.Join(hotAuthEvents(), "\n") + "\n" + ssoEvent)
	f.Add(proxyLog("00:00", "[Request from 192.0.2.9:50123] Duo authentication returned 'allow' for anna: 'Success'"))
	f.Add(proxyLog("00:00", "(('', 1), ): ") + "\n" + proxyLog("00:00", "(('', 1), 9): "))
	f.Fuzz(func(t *testing.T, text string) {
		fuzzGateway(t, newAuthProxy(&Options{}), text, signin.DuoAuthProxy)
	})
}

func BenchmarkAuthProxy(b *testing.B) {
	b.Run("decode", func(b *testing.B) { benchGateway(b, newAuthProxy(&Options{}), hotAuthEvents()) })
	b.Run("encoding-json", func(b *testing.B) { benchJSON(b, hotAuthEvents()) })
	b.Run("text", func(b *testing.B) { benchGateway(b, newAuthProxy(&Options{}), loginLines()) })
}
