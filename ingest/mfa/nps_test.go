package mfa_test

import (
	"strings"
	"testing"

	"github.com/outmode/outmode/internal/signin"
)

const cid = "430ef057-7941-44ff-a0b1-240e7d74cedc"

// npsEvent is an event of the extension; what it says is its only text.
func npsEvent(text string) win {
	return win{id: 1, provider: "Microsoft-AzureMfa-AuthZ", at: noon, computer: "nps01.contoso.com", params: []string{text}, message: text}
}

func answered(what, user, response string) string {
	return "NPS Extension for Azure MFA:  CID: " + cid + " : Access " + what + " for user " + user + " with Azure MFA response: " + response + " and message: session 7"
}

func TestNPSInEveryCarrier(t *testing.T) {
	t.Parallel()
	for form := range carriers() {
		if form == "Write-ADFSEventsSummary" {
			continue // of AD FS alone
		}
		e := npsEvent(answered("Accepted", "anna@contoso.com", "Success"))
		if form == "PowerShell 5 JSON, shallow" {
			e.params = nil
		}
		h := inForm(t, options(), form, e)[0]
		want := heard{at: "12:00:01.250", server: "nps01.contoso.com", account: "anna@contoso.com", id: cid, user: "anna@contoso.com", reason: "Success", outcome: "passed",
			gateway: "nps01.contoso.com", transaction: cid, mfaAt: "12:00:01.250", verdict: signin.MFALine}
		if h != want {
			t.Errorf("%s: %+v, want\n%+v", form, h, want)
		}
	}
}

func TestNPSOutcomes(t *testing.T) {
	t.Parallel()
	const mixed = "bob with Azure MFA response: Success and message: x"
	first := npsEvent(answered("Accepted", "anna", "Success"))
	for text, want := range map[string]string{
		answered("Accepted", `CONTOSO\anna`, "Success"):                                                                          `passed|CONTOSO\anna||` + "|Success",
		answered("Accepted", "anna", "UserNotFound"):                                                                             "bypassed|anna|||UserNotFound", // REQUIRE_USER_MATCH=FALSE
		answered("Accepted", "anna", "SomethingNew"):                                                                             "unknown|anna|||SomethingNew",
		answered("Rejected", "anna", "UserNotFound"):                                                                             "denied|anna|||UserNotFound",
		answered("Rejected", "anna", "SMSAuthFailedMaxAllowedCodeRetryReached"):                                                  "denied|anna|||SMSAuthFailedMaxAllowedCodeRetryReached",
		answered("Rejected", "anna smith", "SomethingNew"):                                                                       "denied|anna smith|||SomethingNew",
		answered("Rejected", mixed, "UserNotFound"):                                                                              "denied||||", // who types that name chooses no response
		answered("Accepted", mixed, "SomethingNew"):                                                                              "unknown||||",
		"NPS Extension for Azure MFA: Challenge requested in Authentication Ext for User anna.":                                  "info|anna|||",
		"NPS Extension for Azure MFA:  CID: " + cid + " : Challenge requested in Authentication Ext for User anna with state 1f": "info|anna|||",
		"NPS Extension for Azure MFA only performs Secondary Auth for Radius requests in AccessAccept State. Request received for User anna with response state AccessReject, ignoring request.":                                                  "first_factor_failed|anna|||AccessReject",
		"NPS Extension for Azure MFA only performs Secondary Auth for Radius requests in AccessAccept State. Request received for User anna with response state AccessChallenge, ignoring request.":                                               "info|anna|||AccessChallenge",
		"NPS Extension for Azure MFA: NPS Extension for Azure MFA only performs Secondary Auth for Radius requests in AccessAccept State. Request received for User anna with response state AccessReject, ignoring request.":                     "first_factor_failed|anna|||AccessReject",
		"NPS Extension for Azure MFA:  CID: " + cid + " : NPS Extension for Azure MFA only performs Secondary Auth for Radius requests in AccessAccept State. Request received for User anna with response state AccessReject, ignoring request.": "first_factor_failed|anna|||AccessReject",
		"NPS Extension for Azure MFA:  CID: " + cid + " :Exception in Authentication Ext for User anna :: ErrorCode:: ESTS_TOKEN_ERROR Msg:: x":                                                                                                   "error|anna|||ESTS_TOKEN_ERROR",
		"NPS Extension for Azure MFA: the service started":                           "||||",
		"a text with Access Accepted for user anna with Azure MFA response: Success": "||||",
	} {
		for _, form := range []string{"event XML", "Export-Csv"} {
			h := inForm(t, options(), form, first, npsEvent(text))[1]
			wantEvent(t, h, want)
			if (h.outcome == "") != (h.verdict == signin.OtherLine) || h.outcome == "" && h.note == "" {
				t.Errorf("%s: %+v", text, h)
			}
		}
	}
}

// Format-List breaks a line where the window ends.
func TestNPSBrokenLines(t *testing.T) {
	t.Parallel()
	e := npsEvent(strings.Replace(answered("Rejected", "anna", "UserNotFound"), " with Azure MFA ", " with Azure\r\nMFA ", 1))
	wantEvent(t, inForm(t, options(), "Format-List", e)[0], "denied|anna|||UserNotFound")
}

// The operator's table comes before the decoder's.
func TestOperatorsOutcomes(t *testing.T) {
	t.Parallel()
	o := options()
	o.Outcomes = func(kind signin.Kind, word string) (signin.FactorOutcome, bool) {
		switch {
		case kind == signin.NPS && word == "rejected phoneappnoresponse":
			return signin.FactorTimeout, true
		case kind == signin.ADFSLog && word == "1201":
			return signin.FactorError, true
		}
		return signin.NoFactor, false
	}
	wantEvent(t, inForm(t, o, "event XML", npsEvent(answered("Rejected", "anna", "PhoneAppNoResponse")))[0], "timeout|anna|||PhoneAppNoResponse")
	if h := inForm(t, o, "event XML", auditEvent(1201))[0]; h.outcome != "error" {
		t.Errorf("%+v", h)
	}
}
