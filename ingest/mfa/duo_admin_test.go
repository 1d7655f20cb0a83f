package mfa

import (
	"fmt"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// duoAdminRecord is a record of the administrator log; object and description are JSON.
func duoAdminRecord(action, object, description string) string {
	return fmt.Sprintf(`{"action":%q,"description":%s,"isotimestamp":"2026-10-06T08:00:05+00:00","object":%s,"timestamp":1791273605,"username":"An Admin"}`, action, description, object)
}

func TestDuoAdmin(t *testing.T) {
	t.Parallel()
	a := ask(t, newDuo(&Options{}, signin.DuoAdmin), duoAdminRecord("user_update", `"bruno"`, `"{\"status\": \"Bypass\"}"`))[0]
	want := answer{verdict: signin.MFALine, kind: signin.DuoAdmin, time: "2026-10-06T08:00:05.000Z", outcome: signin.FactorConfig, mfa: "bruno||||user_update bypass||"}
	if a != want {
		t.Errorf("%+v, want %+v", a, want)
	}
}

// The description is JSON within a string, and sometimes broken: the action counts all the same.
func TestDuoAdminActions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ action, description, want, reason string }{
		{"bypass_create", `"{\"bypass\": \"\", \"count\": 1, \"valid_secs\": 3600}"`, "config", "bypass_create"},
		{"bypass_create", `"\"bypass\": \"\", \"count\": 1"`, "config", "bypass_create"}, // without its braces
		{"bypass_create", `"{\"count\": "`, "config", "bypass_create"},
		{"bypass_create", `null`, "config", "bypass_create"},
		{"BYPASS_CREATE", `""`, "config", "bypass_create"},
		{"bypass_view", `null`, "config", "bypass_view"},
		{"integration_skey_view", `null`, "config", "integration_skey_view"},
		{"policy_update", `"{}"`, "config", "policy_update"},
		{"deactivation_send", `null`, "config", "deactivation_send"},
		{"user_update", `"{\"status\": \"Bypass\"}"`, "config", "user_update bypass"},
		{"user_update", `{"status": "Bypass"}`, "config", "user_update bypass"},
		{"user_update", `"\"status\": \"Bypass\", \"notes\": \"x\""`, "config", "user_update bypass"},
		{"user_update", `"{\"trusted_endpoint_status\": \"x\", \"status\": \"Bypass\""`, "config", "user_update bypass"},
		{"user_update", `"{\"status\": \"Locked Out\"}"`, "other", ""},
		{"user_update", `"{\"realname\": \"Bypass\"}"`, "other", ""},
		{"user_update", `"{\"realname\": \"broken"`, "config", "user_update"}, // nobody knows what status it set
		{"user_create", `"{\"status\": \"Bypass\"}"`, "config", "user_create bypass"},
		{"group_update", `"{\"status\": \"bypass\"}"`, "config", "group_update bypass"},
		{"user_create", `"broken"`, "other", ""},
		{"admin_login", `null`, "other", ""},
		{"bypass_delete", `null`, "other", ""},
		{"admin_2fa_error", `"{\"error\": \"Login request reported as fraudulent.\"}"`, "other", ""},
		{"", `null`, "malformed", ""},
	} {
		record := duoAdminRecord(c.action, `"bruno"`, c.description)
		wantOutcome(t, newDuo(&Options{}, signin.DuoAdmin), record, c.want)
		if a := ask(t, newDuo(&Options{}, signin.DuoAdmin), record)[0]; c.reason != "" && a.mfa != "bruno||||"+c.reason+"||" {
			t.Errorf("%s %s: %s", c.action, c.description, a.mfa)
		}
	}
}

func TestDuoAdminNeedsATime(t *testing.T) {
	t.Parallel()
	record := strings.NewReplacer("2026-10-06T08:00:05+00:00", "soon", "1791273605", "null").Replace(duoAdminRecord("bypass_create", "null", "null"))
	if a := ask(t, newDuo(&Options{}, signin.DuoAdmin), record)[0]; a.decoded != ingest.Malformed || a.note != noteNoTime {
		t.Errorf("%+v", a)
	}
}
