package mfa

import (
	"bytes"
	"strconv"

	"github.com/outmode/outmode/internal/signin"
)

// What Entra ID and the Unified Audit Log share: error codes, results of a step, and how they write addresses and ids.

// entraCodes are what Entra's error codes say of a second factor. Codes of which the reason can lie before or behind the
// password (50055, 50057, 50144) and those of policies (53003) say nothing of it.
// Source: Microsoft Entra authentication and authorization error codes.
func entraCodes() table {
	return table{
		"50126": signin.FirstFactorFailed, "50034": signin.FirstFactorFailed, "50053": signin.FirstFactorFailed,
		"50056": signin.FirstFactorFailed, "50064": signin.FirstFactorFailed,

		"50072": signin.FirstFactorOK, "50074": signin.FirstFactorOK, "50076": signin.FirstFactorOK,
		"50078": signin.FirstFactorOK, "50079": signin.FirstFactorOK, "50158": signin.FirstFactorOK,

		"500121": signin.FactorDenied,

		"50058": signin.FactorInfo, "50089": signin.FactorInfo, "50097": signin.FactorInfo, "50132": signin.FactorInfo,
		"50133": signin.FactorInfo, "50140": signin.FactorInfo, "50155": signin.FactorInfo, "50161": signin.FactorInfo,
		"50173": signin.FactorInfo, "50199": signin.FactorInfo, "70043": signin.FactorInfo, "70044": signin.FactorInfo,
		"16000": signin.FactorInfo, "65001": signin.FactorInfo,
	}
}

// entraResults are the results of a step of a sign-in, and what status.additionalDetails says of the whole.
// Source: Microsoft, "Use the sign-ins report to review multifactor authentication events".
func entraResults() table {
	return table{
		"mfa completed in azure ad":                          signin.FactorPassed,
		"mfa completed in the cloud":                         signin.FactorPassed,
		"mfa successfully completed":                         signin.FactorPassed,
		"mfa requirement satisfied by strong authentication": signin.FactorPassed,

		"mfa requirement satisfied by claim in the token":                  signin.FactorRemembered,
		"mfa requirement satisfied by claim provided by external provider": signin.FactorRemembered,
		"mfa requirement skipped due to remembered device":                 signin.FactorRemembered,

		"mfa requirement skipped due to app password":      signin.FactorBypassed,
		"mfa requirement skipped due to location":          signin.FactorBypassed,
		"mfa requirement skipped due to registered device": signin.FactorBypassed,

		"mfa denied; fraud code entered":       signin.FactorFraud,
		"mfa denied; phone app reported fraud": signin.FactorFraud,

		"correct password":                      signin.FirstFactorOK,
		"mfa required in azure ad":              signin.FirstFactorOK,
		"user skipped multifactor registration": signin.FirstFactorOK,
	}
}

// entraFirstClaim begins the result of a step whose first factor a token vouched for. That was proven earlier, and what
// was asked for then this record does not say: nothing of a second factor, neither that it was given nor that it was not.
const entraFirstClaim = "first factor requirement satisfied by claim"

// entraMethods are what the method of a first step says where its result does not: a password is one factor, some others
// are two at once. A certificate is one or two, by a setting that the log does not tell, and is not here.
// Source: Microsoft, "Conditional Access authentication strength", the built-in multifactor strength.
func entraMethods() table {
	return table{
		"password":                   signin.FirstFactorOK,
		"windows hello for business": signin.FactorPassed,
		"fido2 security key":         signin.FactorPassed,
		"passkey":                    signin.FactorPassed,
		"passkey (fido2)":            signin.FactorPassed,
		"passwordless phone sign-in": signin.FactorPassed,
		"temporary access pass":      signin.FactorHelpdeskCode,
	}
}

// logonError returns the code of a name that the Unified Audit Log gives to one, in lower case, or 0.
// Source: Microsoft Entra authentication and authorization error codes.
func logonError(name []byte) uint32 {
	switch string(name) {
	case "invalidusernameorpassword":
		return 50126
	case "useraccountnotfound":
		return 50034
	case "idslocked":
		return 50053
	case "invalidpasswordexpiredpassword":
		return 50055
	case "userdisabled":
		return 50057
	case "userstrongauthenrollmentrequiredinterrupt":
		return 50072
	case "userstrongauthclientauthnrequiredinterrupt":
		return 50074
	case "userstrongauthclientauthnrequired":
		return 50076
	case "userstrongauthexpired":
		return 50078
	case "userstrongauthenrollmentrequired":
		return 50079
	case "authenticationfailedsaserror":
		return 500121
	case "externalsecuritychallenge":
		return 50158
	case "deviceauthenticationrequired":
		return 50097
	case "kmsiinterrupt":
		return 50140
	case "blockedbyconditionalaccess":
		return 53003
	}
	return 0
}

// weight says which of several steps tells what became of the sign-in: one that got it through before one that did not,
// and any that is about a second factor, in whatever words, before one that is about the password.
func weight(o signin.FactorOutcome) int {
	switch o {
	case signin.FactorPassed:
		return 12
	case signin.FactorHelpdeskCode:
		return 11
	case signin.FactorRemembered:
		return 10
	case signin.FactorBypassed:
		return 9
	case signin.FactorFailOpen:
		return 8
	case signin.FactorFraud:
		return 7
	case signin.FactorDenied:
		return 6
	case signin.FactorTimeout:
		return 5
	case signin.FactorError:
		return 4
	case signin.FactorUnknown:
		return 3
	case signin.FirstFactorOK:
		return 2
	}
	return 1
}

// refused reports whether an outcome says that a second factor was asked for and refused.
func refused(o signin.FactorOutcome) bool {
	return o == signin.FactorDenied || o == signin.FactorFraud || o == signin.FactorTimeout
}

// A words holds texts of one record that are not bytes of it. It is reused.
type words struct {
	lower, number, reason, factor, session, request []byte
}

// lowered returns text in lower case, until the next call.
func (w *words) lowered(text []byte) []byte {
	w.lower = lowerInto(w.lower[:0], text, ' ')
	return w.lower
}

// code returns an error code as text.
func (w *words) code(n uint32) []byte {
	w.number = strconv.AppendUint(w.number[:0], uint64(n), 10)
	return w.number
}

// because keeps the vendor's word for an outcome.
func (w *words) because(text []byte) []byte {
	w.reason = append(w.reason[:0], text...)
	return orNil(w.reason)
}

// sessionID keeps the id of a session until the next record.
func (w *words) sessionID(text []byte) []byte {
	w.session = idInto(w.session[:0], text)
	return orNil(w.session)
}

// requestID keeps the id of a request until the next record.
func (w *words) requestID(text []byte) []byte {
	w.request = idInto(w.request[:0], text)
	return orNil(w.request)
}

// idInto appends an id: exports write them in large letters or in small ones. Any other text is none.
func idInto(dst, text []byte) []byte {
	if text = sharedID(text); !isID(text) {
		return dst
	}
	return lowerInto(dst, text, ' ')
}

// named keeps the name of a factor: lower-case, blanks as _.
func (w *words) named(text []byte) []byte {
	w.factor = lowerInto(w.factor[:0], text, '_')
	return orNil(w.factor)
}

func lowerInto(dst, text []byte, blank byte) []byte {
	for _, c := range text {
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case c == ' ':
			c = blank
		}
		dst = append(dst, c)
	}
	return dst
}

// orNil makes what is no text nil: the log did not say.
func orNil(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// known makes the words by which Microsoft says that there is no value nil.
func known(b []byte) []byte {
	b = bytes.TrimSpace(b)
	for _, word := range []string{"", "-", "n/a", "none", "unknown", "not available", "<null>"} {
		if isWord(b, word) {
			return nil
		}
	}
	return b
}

// cloudHost returns an address without brackets and port: "192.0.2.1:8085", "[2001:db8::1]:443". An IPv6 address without
// brackets has no port.
func cloudHost(b []byte) []byte {
	b = known(b)
	if len(b) > 0 && b[0] == '[' {
		if host, _, ok := bytes.Cut(b[1:], []byte{']'}); ok {
			b = host
		}
	} else if i := bytes.IndexByte(b, ':'); i >= 0 && bytes.IndexByte(b[i+1:], ':') < 0 {
		b = b[:i]
	}
	if string(b) == "0.0.0.0" || string(b) == "::" {
		return nil
	}
	return orNil(b)
}

// isID tells an id from a name.
func isID(b []byte) bool {
	if len(b) != 36 {
		return false
	}
	for i, c := range b {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return false
			}
		}
	}
	return true
}

// sharedID returns the first id that is one: all zeros are none.
func sharedID(ids ...[]byte) []byte {
	for _, id := range ids {
		if id = known(id); id != nil && string(id) != "00000000-0000-0000-0000-000000000000" {
			return id
		}
	}
	return nil
}

// isWord is equalFold for texts of any length.
func isWord(b []byte, lower string) bool { return len(b) == len(lower) && equalFold(b, lower) }

func hasPrefixFold(b []byte, lower string) bool {
	return len(b) >= len(lower) && equalFold(b[:len(lower)], lower)
}

func containsFold(b []byte, lower string) bool {
	for i := 0; i+len(lower) <= len(b); i++ {
		if equalFold(b[i:i+len(lower)], lower) {
			return true
		}
	}
	return false
}
