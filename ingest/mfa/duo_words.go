package mfa

import "github.com/outmode/outmode/internal/signin"

// duoReasons are the reasons of Duo's authentication log. bypass_user is the status of a user and no bypass code.
// Source: Duo's Admin API documentation; rapid7/insightconnect-plugins and panther-labs/panther-analysis list more.
var duoReasons = table{
	"user_approved":             signin.FactorPassed,
	"valid_passcode":            signin.FactorPassed,
	"verification_code_correct": signin.FactorPassed,

	"bypass_user":                              signin.FactorBypassed,
	"allow_unenrolled_user":                    signin.FactorBypassed,
	"allow_unenrolled_user_on_trusted_network": signin.FactorBypassed,
	"trusted_network":                          signin.FactorBypassed,
	"trusted_location":                         signin.FactorBypassed,
	"allowed_by_policy":                        signin.FactorBypassed,

	"remembered_device": signin.FactorRemembered,

	"user_marked_fraud": signin.FactorFraud,
	"anomalous_push":    signin.FactorFraud,

	"no_response":     signin.FactorTimeout,
	"no_keys_pressed": signin.FactorTimeout,
	"call_timed_out":  signin.FactorTimeout,

	"error": signin.FactorError,

	"user_mistake":                                    signin.FactorDenied,
	"user_cancelled":                                  signin.FactorDenied,
	"anonymous_ip":                                    signin.FactorDenied,
	"denied_by_policy":                                signin.FactorDenied,
	"denied_network":                                  signin.FactorDenied,
	"deny_unenrolled_user":                            signin.FactorDenied,
	"location_restricted":                             signin.FactorDenied,
	"factor_restricted":                               signin.FactorDenied,
	"platform_restricted":                             signin.FactorDenied,
	"version_restricted":                              signin.FactorDenied,
	"software_restricted":                             signin.FactorDenied,
	"out_of_date":                                     signin.FactorDenied,
	"rooted_device":                                   signin.FactorDenied,
	"no_screen_lock":                                  signin.FactorDenied,
	"no_disk_encryption":                              signin.FactorDenied,
	"touch_id_disabled":                               signin.FactorDenied,
	"touchid_disabled":                                signin.FactorDenied,
	"endpoint_is_not_trusted":                         signin.FactorDenied,
	"endpoint_failed_google_verification":             signin.FactorDenied,
	"endpoint_is_not_in_management_system":            signin.FactorDenied,
	"could_not_determine_if_endpoint_was_trusted":     signin.FactorDenied,
	"no_duo_certificate_present":                      signin.FactorDenied,
	"user_provided_invalid_certificate":               signin.FactorDenied,
	"invalid_management_certificate_collection_state": signin.FactorDenied,
	"user_not_in_permitted_group":                     signin.FactorDenied,
	"no_referring_hostname_provided":                  signin.FactorDenied,
	"invalid_referring_hostname_provided":             signin.FactorDenied,
	"no_web_referer_match":                            signin.FactorDenied,
	"locked_out":                                      signin.FactorDenied,
	"user_disabled":                                   signin.FactorDenied,
	"user_not_exist":                                  signin.FactorDenied,
	"no_activated_duo_mobile_account":                 signin.FactorDenied,
	"invalid_passcode":                                signin.FactorDenied,
	"invalid_device":                                  signin.FactorDenied,
}

// duoFactors are the factors of Duo's authentication log that say by themselves what a success was.
var duoFactors = table{
	"bypass_code":       signin.FactorHelpdeskCode,
	"remembered_device": signin.FactorRemembered,
	"trusted_network":   signin.FactorBypassed,
}

// duoCEFFactors are those of DuoLogSync's CEF, which has no reason: of any other success it cannot be known what it was.
var duoCEFFactors = table{
	"bypass_code":       signin.FactorHelpdeskCode,
	"remembered_device": signin.FactorRemembered,
}

// duoActions are the actions of the administrator log that open a bypass, give away what one can be made with, or
// weaken what Duo asks for. Those that set a status are judged by it.
// Source: Duo's Admin API documentation, administrator logs; panther-labs/panther-analysis, rules for Duo.
var duoActions = table{
	"bypass_create":                    signin.FactorConfig,
	"bypass_view":                      signin.FactorConfig,
	"integration_skey_view":            signin.FactorConfig, // with the secret a session of Duo for OWA can be forged
	"integration_skey_bulk_view":       signin.FactorConfig,
	"integration_update":               signin.FactorConfig,
	"integration_delete":               signin.FactorConfig,
	"integration_policy_assign":        signin.FactorConfig,
	"integration_policy_unassign":      signin.FactorConfig,
	"integration_group_policy_add":     signin.FactorConfig,
	"integration_group_policy_remove":  signin.FactorConfig,
	"policy_update":                    signin.FactorConfig,
	"policy_delete":                    signin.FactorConfig,
	"update_admin_factor_restrictions": signin.FactorConfig,
}
