package mfa

import "github.com/outmode/outmode/internal/signin"

// oktaEvents are the types of events that tell of a factor, or of how it is asked for, with the result or for every one.
// user.authentication.auth_via_mfa is judged by its factor. FactorUnknown stands where the reason says it. A policy that
// admits somebody, and a token for an application, say nothing of whether a factor was asked for. Which factors an external
// identity provider or a RADIUS client asked for is not known: these are not here.
// Source: Okta, catalogue of event types of the System Log.
var oktaEvents = table{
	"user.session.start_success": signin.FirstFactorOK,
	"user.session.start_failure": signin.FactorUnknown,

	"user.authentication.auth_via_ad_agent_success":   signin.FirstFactorOK,
	"user.authentication.auth_via_ad_agent_failure":   signin.FirstFactorFailed,
	"user.authentication.auth_via_ldap_agent_success": signin.FirstFactorOK,
	"user.authentication.auth_via_ldap_agent_failure": signin.FirstFactorFailed,
	"user.authentication.auth_via_iwa_success":        signin.FirstFactorOK,

	"user.mfa.okta_verify.deny_push":                signin.FactorDenied,
	"user.mfa.okta_verify.deny_push_upgrade_needed": signin.FactorDenied,
	"user.mfa.attempt_bypass_failure":               signin.FactorDenied,

	"policy.evaluate_sign_on_allow":     signin.FactorInfo,
	"policy.evaluate_sign_on_challenge": signin.FactorInfo,
	"policy.evaluate_sign_on_deny":      signin.FactorDenied,
	"policy.evaluate_sign_on":           signin.FactorUnknown, // skipped, and what comes to be: nobody says what they mean

	"user.authentication.sso":              signin.FactorInfo,
	"user.authentication.slo":              signin.FactorInfo,
	"user.authentication.universal_logout": signin.FactorInfo,

	"system.push.send_factor_verify_push":                signin.FactorInfo,
	"system.sms.send_factor_verify_message":              signin.FactorInfo,
	"system.voice.send_mfa_challenge_call":               signin.FactorInfo,
	"user.account.report_suspicious_activity_by_enduser": signin.FactorInfo,

	"user.mfa.factor.activate":     signin.FactorEnrolled,
	"user.mfa.factor.deactivate":   signin.FactorConfig,
	"user.mfa.factor.reset_all":    signin.FactorConfig,
	"user.mfa.factor.suspend":      signin.FactorConfig,
	"user.mfa.factor.unsuspend":    signin.FactorConfig,
	"user.mfa.factor.update":       signin.FactorConfig,
	"system.mfa.factor.activate":   signin.FactorConfig,
	"system.mfa.factor.deactivate": signin.FactorConfig,
	"policy.lifecycle.update":      signin.FactorConfig,
	"policy.lifecycle.deactivate":  signin.FactorConfig,
	"policy.lifecycle.delete":      signin.FactorConfig,
	"policy.rule.add":              signin.FactorConfig,
	"policy.rule.update":           signin.FactorConfig,
	"policy.rule.deactivate":       signin.FactorConfig,
	"policy.rule.delete":           signin.FactorConfig,
}

// oktaReasons are the reasons for which no session began. Others are those of policies.
var oktaReasons = table{
	"invalid_credentials": signin.FirstFactorFailed,
	"locked_out":          signin.FirstFactorFailed,
}

// oktaFactors are what the verification of a factor is worth: factors of both engines, names of authenticators, and sorts
// of credentials. Others are unknown.
var oktaFactors = table{
	"password_as_factor": signin.FirstFactorOK,
	"password":           signin.FirstFactorOK,
	"iwa":                signin.FirstFactorOK,

	"temporary_access_code": signin.FactorHelpdeskCode,

	"okta_verify":               signin.FactorPassed,
	"okta_verify_push":          signin.FactorPassed,
	"okta_soft_token":           signin.FactorPassed,
	"soft_token":                signin.FactorPassed,
	"signed_nonce":              signin.FactorPassed, // FastPass
	"push":                      signin.FactorPassed,
	"otp":                       signin.FactorPassed,
	"totp":                      signin.FactorPassed,
	"sms":                       signin.FactorPassed,
	"sms_factor":                signin.FactorPassed,
	"call":                      signin.FactorPassed,
	"call_factor":               signin.FactorPassed,
	"phone":                     signin.FactorPassed,
	"email":                     signin.FactorPassed,
	"email_factor":              signin.FactorPassed,
	"security_question":         signin.FactorPassed,
	"google_otp":                signin.FactorPassed,
	"google_authenticator":      signin.FactorPassed,
	"fido_webauthn":             signin.FactorPassed,
	"fido2_webauthn":            signin.FactorPassed,
	"fido_u2f":                  signin.FactorPassed,
	"webauthn":                  signin.FactorPassed,
	"u2f":                       signin.FactorPassed,
	"security_key_or_biometric": signin.FactorPassed,
	"yubikey_token":             signin.FactorPassed,
	"yubikey_otp":               signin.FactorPassed,
	"yubikey_authenticator":     signin.FactorPassed,
	"duo_security":              signin.FactorPassed,
	"rsa_token":                 signin.FactorPassed,
	"rsa_securid":               signin.FactorPassed,
	"symantec_token":            signin.FactorPassed,
	"symantec_vip":              signin.FactorPassed,
	"custom_hotp":               signin.FactorPassed,
	"custom_otp":                signin.FactorPassed,
}
