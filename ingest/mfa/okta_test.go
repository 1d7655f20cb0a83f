package mfa

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

// An oktaEventOf is an event as the System Log gives it, in which keys are replaced by what is said.
func oktaEventOf(event, result, reason, factor string, targets ...string) string {
	quoted := func(s string) string {
		if s == "" {
			return "null"
		}
		return `"` + s + `"`
	}
	return fmt.Sprintf(`{"actor":{"id":"00u1","type":"User","alternateId":"anna@contoso.com","displayName":"Anna","detailEntry":null},"client":{"userAgent":{"rawUserAgent":"Mozilla/5.0","os":"Windows 10","browser":"CHROME"},"zone":"null","device":"Computer","id":null,"ipAddress":"198.51.100.7","geographicalContext":{"city":"Berlin","geolocation":{"lat":52.5,"lon":13.4}}},`+
		`"device":null,"authenticationContext":{"authenticationProvider":"FACTOR_PROVIDER","credentialProvider":"OKTA_CREDENTIAL_PROVIDER","credentialType":null,"issuer":null,"interface":null,"authenticationStep":0,"externalSessionId":"102x"},"displayMessage":"x","eventType":%s,"outcome":{"result":%s,"reason":%s},"published":"2026-10-06T08:00:05.250Z",`+
		`"securityContext":{"asNumber":64496,"isProxy":false},"severity":"INFO","debugContext":{"debugData":{"requestUri":"/idp/idx/identify","factor":%s,"factorIntent":"AUTHENTICATION"}},"legacyEventType":"core.user.factor.attempt_success","transaction":{"type":"WEB","id":"Y1","detail":{}},"uuid":"e504f214-0000-11ef-8000-000000000001","version":"0",`+
		`"request":{"ipChain":[{"ip":"198.51.100.7","version":"V4","source":null}]},"target":[%s]}`, quoted(event), quoted(result), quoted(reason), quoted(factor), strings.Join(targets, ","))
}

const (
	verifyEvent = "user.authentication.auth_via_mfa"
	oktaApp     = `{"id":"0oa1","type":"AppInstance","alternateId":"Outlook","displayName":"Outlook \"on\" the web","detailEntry":{"signOnModeType":"WS_FEDERATION"}}`
	oktaUser    = `{"id":"00u2","type":"User","alternateId":"bruno@contoso.com","displayName":"Bruno","detailEntry":null}`
	oktaPasswd  = `{"id":"kd1","type":"AuthenticatorEnrollment","alternateId":"unknown","displayName":"Password","detailEntry":{"methodTypeUsed":"Password"}}`
	oktaVerify  = `{"id":"kd2","type":"AuthenticatorEnrollment","alternateId":"unknown","displayName":"Okta Verify","detailEntry":{"methodTypeUsed":"Get a push notification"}}`
	oktaPolicy  = `{"id":"00p1","type":"PolicyEntity","alternateId":"unknown","displayName":"Default Policy","detailEntry":{"policyType":"OktaSignOn"}}`
)

func TestOktaEvents(t *testing.T) {
	t.Parallel()
	for record, want := range map[string]string{
		oktaEventOf(verifyEvent, "SUCCESS", "", "OKTA_VERIFY_PUSH", oktaUser, oktaApp):                                                  `passed anna@contoso.com|Outlook "on" the web|198.51.100.7|okta_verify_push|success||e504f214-0000-11ef-8000-000000000001`,
		oktaEventOf(verifyEvent, "SUCCESS", "", "", oktaVerify):                                                                         "passed anna@contoso.com||198.51.100.7|okta_verify|success|",
		oktaEventOf(verifyEvent, "SUCCESS", "", "PASSWORD_AS_FACTOR", oktaPasswd):                                                       "first_factor_ok anna@contoso.com||198.51.100.7|password_as_factor|success|",
		oktaEventOf(verifyEvent, "SUCCESS", "", "", oktaPasswd):                                                                         "first_factor_ok anna@contoso.com||198.51.100.7|password|success|",
		oktaEventOf(verifyEvent, "FAILURE", "INVALID_CREDENTIALS", "PASSWORD_AS_FACTOR"):                                                "first_factor_failed anna@contoso.com||198.51.100.7|password_as_factor|INVALID_CREDENTIALS|",
		oktaEventOf(verifyEvent, "FAILURE", "INVALID_CREDENTIALS", "sms_factor"):                                                        "denied anna@contoso.com||198.51.100.7|sms_factor|INVALID_CREDENTIALS|",
		oktaEventOf(verifyEvent, "FAILURE", "PUSH_TIMEOUT", "OKTA_VERIFY_PUSH"):                                                         "timeout anna@contoso.com||198.51.100.7|okta_verify_push|PUSH_TIMEOUT|",
		oktaEventOf(verifyEvent, "FAILURE", "x", "A_NEW_FACTOR"):                                                                        "denied anna@contoso.com||198.51.100.7|a_new_factor|x|",
		oktaEventOf(verifyEvent, "SUCCESS", "", "A_NEW_FACTOR"):                                                                         "unknown anna@contoso.com||198.51.100.7|a_new_factor|success|",
		oktaEventOf(verifyEvent, "SUCCESS", "", ""):                                                                                     "unknown anna@contoso.com||198.51.100.7||success|",
		oktaEventOf(verifyEvent, "FAILURE", "INVALID_CREDENTIALS", ""):                                                                  "unknown anna@contoso.com||198.51.100.7||INVALID_CREDENTIALS|",
		oktaEventOf(verifyEvent, "SKIPPED", "", "OKTA_VERIFY_PUSH"):                                                                     "unknown anna@contoso.com||198.51.100.7|okta_verify_push|skipped|",
		oktaEventOf(verifyEvent, "SUCCESS", "", "TEMPORARY_ACCESS_CODE"):                                                                "helpdesk_code anna@contoso.com||198.51.100.7|temporary_access_code|success|",
		strings.Replace(oktaEventOf(verifyEvent, "SUCCESS", "", "EMAIL_FACTOR"), `"AUTHENTICATION"`, `"CREDENTIAL_RECOVERY"`, 1):        "info anna@contoso.com||198.51.100.7|email_factor|success|",
		strings.Replace(oktaEventOf(verifyEvent, "SUCCESS", "", ""), `"credentialType":null`, `"credentialType":"OTP"`, 1):              "passed anna@contoso.com||198.51.100.7|otp|success|",
		oktaEventOf("user.session.start", "SUCCESS", "", ""):                                                                            "first_factor_ok anna@contoso.com||198.51.100.7||success|",
		oktaEventOf("user.session.start", "FAILURE", "INVALID_CREDENTIALS", ""):                                                         "first_factor_failed anna@contoso.com||198.51.100.7||INVALID_CREDENTIALS|",
		oktaEventOf("user.session.start", "FAILURE", "VERIFICATION_ERROR", ""):                                                          "unknown anna@contoso.com||198.51.100.7||VERIFICATION_ERROR|",
		oktaEventOf("user.authentication.auth_via_AD_agent", "FAILURE", "x", ""):                                                        "first_factor_failed anna@contoso.com||198.51.100.7||x|",
		oktaEventOf("user.mfa.okta_verify.deny_push", "FAILURE", "User rejected Okta push verify", ""):                                  "denied anna@contoso.com||198.51.100.7||User rejected Okta push verify|",
		oktaEventOf("policy.evaluate_sign_on", "CHALLENGE", "Sign-on policy evaluation resulted in CHALLENGE", "", oktaPolicy):          "info anna@contoso.com||198.51.100.7||Sign-on policy evaluation resulted in CHALLENGE|",
		oktaEventOf("policy.evaluate_sign_on", "ALLOW", "", ""):                                                                         "info anna@contoso.com||198.51.100.7||allow|",
		oktaEventOf("policy.evaluate_sign_on", "SKIPPED", "", ""):                                                                       "unknown anna@contoso.com||198.51.100.7||skipped|",
		oktaEventOf("policy.evaluate_sign_on", "WAVED_ON", "", ""):                                                                      "unknown anna@contoso.com||198.51.100.7||waved_on|",
		oktaEventOf("policy.evaluate_sign_on", "", "", ""):                                                                              "unknown anna@contoso.com||198.51.100.7|||",
		oktaEventOf("policy.evaluate_sign_on", "DENY", "", ""):                                                                          "denied anna@contoso.com||198.51.100.7||deny|",
		oktaEventOf("user.authentication.sso", "SUCCESS", "", "", oktaApp):                                                              `info anna@contoso.com|Outlook "on" the web|198.51.100.7||success|`,
		oktaEventOf("user.authentication.auth_via_radius", "SUCCESS", "", ""):                                                           "unknown anna@contoso.com||198.51.100.7||success|",
		oktaEventOf("user.mfa.factor.activate", "SUCCESS", "", "", oktaUser):                                                            "enrolled bruno@contoso.com||198.51.100.7||success|",
		oktaEventOf("user.mfa.factor.reset_all", "SUCCESS", "", "", oktaUser):                                                           "config bruno@contoso.com||198.51.100.7||success|",
		oktaEventOf("user.mfa.factor.reset_all", "FAILURE", "", "", oktaUser):                                                           "info anna@contoso.com||198.51.100.7||failure|",
		oktaEventOf("policy.rule.update", "SUCCESS", "", "", oktaPolicy):                                                                "config Default Policy||198.51.100.7||success|",
		strings.Replace(oktaEventOf("system.mfa.factor.deactivate", "SUCCESS", "", ""), `"type":"User"`, `"type":"SystemPrincipal"`, 1): "config ||198.51.100.7||success|",
		oktaEventOf("application.lifecycle.update", "SUCCESS", "", ""):                                                                  "other " + noteOktaOther,
		oktaEventOf("", "SUCCESS", "", ""):                                                                                              "malformed " + noteOktaNone,
		strings.Replace(oktaEventOf(verifyEvent, "SUCCESS", "", "x"), `"published"`, `"at"`, 1):                                         "malformed " + noteNoTime,
		`{"uuid"`: "malformed " + errCut.Error(),
	} {
		a := ask(t, newOkta(&Options{}), record)[0]
		got := a.outcome.String() + " " + a.mfa
		switch {
		case a.decoded == ingest.Malformed:
			got = "malformed " + a.note
		case a.outcome == signin.NoFactor:
			got = "other " + a.note
		case a.time != "2026-10-06T08:00:05.250Z":
			t.Errorf("%s: %s", record, a.time)
		}
		if !strings.Contains(want, "|e504") { // it is the same of each
			got = strings.TrimSuffix(got, "|e504f214-0000-11ef-8000-000000000001")
		}
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", record, got, want)
		}
	}
}

// What the operator says goes before the tables.
func TestOktaOutcomes(t *testing.T) {
	t.Parallel()
	words := table{"user.mfa.attempt_bypass_success": signin.FactorBypassed, "a_new_factor": signin.FactorPassed, "user.authentication.auth_via_radius_success": signin.FactorPassed, "push_expired": signin.FactorTimeout}
	o := &Options{Outcomes: func(kind signin.Kind, word string) (signin.FactorOutcome, bool) {
		is, ok := words[word]
		return is, ok && kind == signin.Okta
	}}
	got := outcomes(t, newOkta(o), oktaEventOf("user.mfa.attempt_bypass", "SUCCESS", "", ""), oktaEventOf(verifyEvent, "SUCCESS", "", "A New Factor"), oktaEventOf("user.authentication.auth_via_radius", "SUCCESS", "", ""),
		oktaEventOf(verifyEvent, "FAILURE", "PUSH_EXPIRED", "push"))
	if want := []string{"bypassed", "passed", "passed", "timeout"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// The API gives arrays, what collects them writes lines, and an event hook wraps its events.
func TestOktaForms(t *testing.T) {
	t.Parallel()
	e := oktaEventOf(verifyEvent, "SUCCESS", "", "push")
	const hook = `{"eventType":"com.okta.event_hook","eventTypeVersion":"1.0","cloudEventsVersion":"0.1","source":"https://contoso.okta.com/api/v1/eventHooks/who1","eventId":"1","eventTime":"2026-10-06T08:00:09.000Z","contentType":"application/json","data":{"events":[%s]}}`
	for text, want := range map[string]string{
		e + "\n" + e + "\n":                      "Okta System Log 2",
		"\xEF\xBB\xBF[" + e + ",\r\n " + e + "]": "Okta System Log 2",
		indented(t, "["+e+"]"):                   "Okta System Log 1",
		e:                                        "Okta System Log 1",
		fmt.Sprintf(hook, e+","+e):               "Okta System Log, event hook 2",
		fmt.Sprintf(hook, e) + "\n" + fmt.Sprintf(hook, e) + "\n": "Okta System Log, event hook 2",
	} {
		f := (&Options{}).Recognize([]byte(text))
		if f.Kind != signin.Okta {
			t.Errorf("%.60s: %+v", text, f)
			continue
		}
		var s tail.Scanner
		if err := s.ResetForm(strings.NewReader(text), tail.Form{Framing: f.Framing, Arrays: f.Arrays}, tail.Mark{}); err != nil {
			t.Fatal(err)
		}
		n, d := 0, f.Decoder()
		var facts signin.Facts
		for s.Next() {
			if d.Decode(s.Text(), &facts) == ingest.Facts && facts.MFA != nil && facts.MFA.Outcome == signin.FactorPassed {
				n++
			}
		}
		if got := fmt.Sprintf("%s %d", f.Name, n); got != want {
			t.Errorf("%.60s: %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "[", "{}", "[]", `{"eventType":"x","published":"y","uuid":"z"}`, `{"data":{"events":[{}]}}`, strings.Replace(e, "eventType", "type", 1), duoV2(), `{"uuid":"` + strings.ReplaceAll(e, `"`, `\"`) + `"}`} {
		if f := oktaLook(&Options{}, []byte(text)); f.Name != "" {
			t.Errorf("%.60s: %+v", text, f)
		}
	}
	for name, h := range gatewayHeads() {
		if f := oktaLook(&Options{}, []byte(h.text)); f.Name != "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
	for i, l := range looks() {
		if f := l(&Options{}, []byte(e+"\n")); f.Name != "" && f.Kind != signin.Okta {
			t.Errorf("look %d: %+v", i, f)
		}
	}
}

func hotOkta() []string {
	return []string{oktaEventOf(verifyEvent, "SUCCESS", "", "OKTA_VERIFY_PUSH", oktaUser, oktaApp), oktaEventOf("user.session.start", "SUCCESS", "", ""), oktaEventOf("user.authentication.sso", "SUCCESS", "", "", oktaUser, oktaApp)}
}

// The test is not parallel: testing.AllocsPerRun counts for the whole process.
func TestOktaNoAllocations(t *testing.T) {
	allocates(t, newOkta(&Options{}), append(hotOkta(), "bad", "", oktaEventOf("a.b", "SUCCESS", "", ""), oktaEventOf(verifyEvent, "FAILURE", "x", "", oktaVerify)))
}

func FuzzOkta(f *testing.F) {
	f.Add(strings.Join(hotOkta(), "\n"))
	f.Add(oktaEventOf("user.mfa.factor.reset_all", "SUCCESS", "", "", oktaUser) + "\n" + `{"eventType":"user.mfa.x","published":"2026-10-06T08:00:05Z","target":[{"type":"User"},1]}`)
	f.Fuzz(func(t *testing.T, text string) {
		fuzzGateway(t, newOkta(&Options{}), text, signin.Okta)
		oktaLook(&Options{}, []byte(text))
	})
}

func BenchmarkOkta(b *testing.B) {
	b.Run("decode", func(b *testing.B) { benchGateway(b, newOkta(&Options{}), hotOkta()) })
	b.Run("encoding-json", func(b *testing.B) { benchJSON(b, hotOkta()) })
}
