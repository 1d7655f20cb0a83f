package mfa

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// duoV2 is a record of the authentication log v2, changed by pairs of key and JSON.
func duoV2(pairs ...string) string {
	v := map[string]json.RawMessage{
		"access_device":    json.RawMessage(`{"browser":"Edge","ip":"198.51.100.23","is_firewall_enabled":"unknown","location":{"city":"Utrecht"},"security_agents":null}`),
		"alias":            json.RawMessage(`""`),
		"application":      json.RawMessage(`{"key":"DI0OWA0CONTOSO000001","name":"Outlook on the web"}`),
		"auth_device":      json.RawMessage(`{"ip":"203.0.113.9","name":"+1 555 0100"}`),
		"email":            json.RawMessage(`"anna@contoso.com"`),
		"event_type":       json.RawMessage(`"authentication"`),
		"factor":           json.RawMessage(`"duo_push"`),
		"isotimestamp":     json.RawMessage(`"2026-10-06T08:00:05.250061+00:00"`),
		"ood_software":     json.RawMessage(`null`),
		"reason":           json.RawMessage(`"user_approved"`),
		"result":           json.RawMessage(`"success"`),
		"timestamp":        json.RawMessage(`1791273605`),
		"txid":             json.RawMessage(`"0a1b2c3d-0000-4000-8000-000000000001"`),
		"user":             json.RawMessage(`{"groups":["Staff (from AD sync \"Contoso\")"],"key":"DU00","name":"anna"}`),
		"passport_new_one": json.RawMessage(`{"a":[1,2,{"reason":"bypass_user"}]}`),
	}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			delete(v, pairs[i])
			continue
		}
		v[pairs[i]] = json.RawMessage(pairs[i+1])
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// duoSynced is a record as DuoLogSync writes it.
func duoSynced(stream string, pairs ...string) string {
	return duoV2(append([]string{"eventtype", `"` + stream + `"`, "host", `"api-contoso.duosecurity.com"`}, pairs...)...)
}

const duoV1 = `{"timestamp":1791273605,"eventtype":"authentication","host":"api-contoso.duosecurity.com","username":"anna","factor":"Duo Push","result":"SUCCESS","reason":"User approved","ip":"198.51.100.23","new_enrollment":false,"integration":"Outlook on the web","device":"555-0100","location":{},"access_device":{}}`

func TestDuoV2(t *testing.T) {
	t.Parallel()
	a := ask(t, newDuo(&Options{}, signin.Duo), duoV2())[0]
	want := answer{verdict: signin.MFALine, kind: signin.Duo, time: "2026-10-06T08:00:05.250Z", outcome: signin.FactorPassed,
		mfa: "anna|DI0OWA0CONTOSO000001|198.51.100.23|duo_push|user_approved||0a1b2c3d-0000-4000-8000-000000000001"}
	if a != want {
		t.Errorf("%+v, want %+v", a, want)
	}
}

func TestDuoV1HasDisplayForms(t *testing.T) {
	t.Parallel()
	a := ask(t, newDuo(&Options{}, signin.Duo), duoV1)[0]
	want := answer{verdict: signin.MFALine, kind: signin.Duo, time: "2026-10-06T08:00:05.000Z", outcome: signin.FactorPassed, server: "api-contoso.duosecurity.com",
		mfa: "anna|Outlook on the web|198.51.100.23|duo_push|user_approved|api-contoso.duosecurity.com|"}
	if a != want {
		t.Errorf("%+v, want %+v", a, want)
	}
	for reason, want := range map[string]string{"Bypass user": "bypassed", "Valid passcode": "passed", "Something new": "unknown"} {
		wantOutcome(t, newDuo(&Options{}, signin.Duo), strings.Replace(duoV1, "User approved", reason, 1), want)
	}
	for result, want := range map[string]string{"FAILURE": "denied", "ERROR": "error", "FRAUD": "fraud", "Success": "passed", "PENDING": "unknown"} {
		wantOutcome(t, newDuo(&Options{}, signin.Duo), strings.Replace(duoV1, "SUCCESS", result, 1), want)
	}
}

// A success is no pass by itself.
func TestDuoOutcomes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ result, factor, reason, want string }{
		{`"success"`, `"duo_push"`, `"user_approved"`, "passed"},
		{`"success"`, `"hardware_token"`, `"valid_passcode"`, "passed"},
		{`"success"`, `"duo_push"`, `"verification_code_correct"`, "passed"},
		{`"success"`, `"duo_push"`, `"bypass_user"`, "bypassed"}, // the status of a user, and no code
		{`"success"`, `"not_available"`, `"allow_unenrolled_user"`, "bypassed"},
		{`"success"`, `"trusted_network"`, `"trusted_network"`, "bypassed"},
		{`"success"`, `"trusted_network"`, `null`, "bypassed"}, // a factor and a reason
		{`"success"`, `null`, `"trusted_network"`, "bypassed"},
		{`"success"`, `"trusted_network"`, `"user_approved"`, "bypassed"},
		{`"success"`, `"remembered_device"`, `"remembered_device"`, "remembered"},
		{`"success"`, `"remembered_device"`, `null`, "remembered"},
		{`"success"`, `"bypass_code"`, `"valid_passcode"`, "helpdesk_code"},
		{`"success"`, `"Bypass Code"`, `"Valid passcode"`, "helpdesk_code"},
		{`"denied"`, `"bypass_code"`, `"invalid_passcode"`, "denied"},
		{`"denied"`, `"duo_push"`, `"no_response"`, "timeout"},
		{`"denied"`, `"phone_call"`, `"no_keys_pressed"`, "timeout"},
		{`"denied"`, `"phone_call"`, `"call_timed_out"`, "timeout"},
		{`"fraud"`, `"duo_push"`, `"user_marked_fraud"`, "fraud"},
		{`"denied"`, `"duo_push"`, `"anomalous_push"`, "fraud"},
		{`"denied"`, `"duo_push"`, `"user_cancelled"`, "denied"},
		{`"denied"`, `"duo_push"`, `"locked_out"`, "denied"},
		{`"denied"`, `"duo_push"`, `"a_new_reason"`, "denied"},
		{`"denied"`, `"duo_push"`, `null`, "denied"},
		{`"denied"`, `"duo_push"`, `"error"`, "error"},
		{`"denied"`, `"duo_push"`, `"user_approved"`, "denied"}, // it was not, whatever the reason says
		{`"success"`, `"duo_push"`, `"a_new_reason"`, "unknown"},
		{`"success"`, `"a_new_factor"`, `null`, "unknown"},
		{`"success"`, `"duo_push"`, `null`, "unknown"},
		{`"success"`, `"duo_push"`, `"user_cancelled"`, "unknown"},
		{`"allow"`, `"duo_push"`, `"user_approved"`, "unknown"},
		{`null`, `"duo_push"`, `"bypass_user"`, "unknown"},
	} {
		wantOutcome(t, newDuo(&Options{}, signin.Duo), duoV2("result", c.result, "factor", c.factor, "reason", c.reason), c.want)
	}
}

// What Duo remembers that a person marked as fraud, the person marked when they refuse the next one (M-15).
func TestDuoMarkedAsFraud(t *testing.T) {
	t.Parallel()
	for detectors, want := range map[string]string{`["USER_MARKED_FRAUD"]`: "fraud", `["X", "user_marked_fraud"]`: "fraud", `["X"]`: "denied", `null`: "denied", `[]`: "denied", `"USER_MARKED_FRAUD"`: "denied", `{"a":["USER_MARKED_FRAUD"]}`: "denied"} {
		for _, part := range []string{"more_secure_auth", "remember_me"} {
			wantOutcome(t, newDuo(&Options{}, signin.Duo), duoV2("result", `"denied"`, "adaptive_trust_assessments", `{"`+part+`":{"detected_attack_detectors":`+detectors+`}}`), want)
		}
	}
	wantOutcome(t, newDuo(&Options{}, signin.Duo), duoV2("adaptive_trust_assessments", `{"more_secure_auth":{"detected_attack_detectors":["USER_MARKED_FRAUD"]}}`), "passed")
}

func TestDuoEnrollmentHasNoReason(t *testing.T) {
	t.Parallel()
	wantOutcome(t, newDuo(&Options{}, signin.Duo), duoSynced("auth_log", "event_type", `"enrollment"`, "factor", `"not_available"`, "reason", "null"), "enrolled")
}

// The operator's table comes before that of the package, in both directions.
func TestDuoOperatorsTable(t *testing.T) {
	t.Parallel()
	o := &Options{Outcomes: func(k signin.Kind, word string) (signin.FactorOutcome, bool) {
		is, ok := map[string]signin.FactorOutcome{"a_new_reason": signin.FactorPassed, "trusted_location": signin.FactorPassed, "policy_create": signin.FactorConfig}[word]
		return is, ok && (k == signin.Duo || word == "policy_create")
	}}
	wantOutcome(t, newDuo(o, signin.Duo), duoV2("reason", `"a_new_reason"`), "passed")
	wantOutcome(t, newDuo(o, signin.Duo), duoV2("reason", `"trusted_location"`), "passed")
	wantOutcome(t, newDuo(o, signin.Duo), duoV2("reason", `"bypass_user"`), "bypassed")
	wantOutcome(t, newDuo(o, signin.Duo), duoAdminRecord("policy_create", `"Global"`, "null"), "config")
}

func TestDuoTimes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ iso, seconds, want string }{
		{`"2026-10-06T08:00:05.250061+00:00"`, "1", "2026-10-06T08:00:05.250Z"},
		{`"2026-10-06T10:00:05+02:00"`, "1", "2026-10-06T08:00:05.000Z"},
		{`"2026-10-06 08:00:05"`, `"2026-10-06 08:00:05"`, "2026-10-06T08:00:05.000Z"}, // rewritten: no zone, and UTC
		{"null", `"2026-10-06 08:00:05"`, "2026-10-06T08:00:05.000Z"},
		{"", "1791273605", "2026-10-06T08:00:05.000Z"},
		{"", `"1791273605"`, "2026-10-06T08:00:05.000Z"},
		{"", "1791273605.5", "2026-10-06T08:00:05.500Z"},
		{"", "1791273605250", "2026-10-06T08:00:05.250Z"},
		{`"yesterday"`, "1791273605", "2026-10-06T08:00:05.000Z"},
		{`"2026-02-30T08:00:05Z"`, "", ""},
		{"", "0", ""}, {"", "-5", ""}, {"", "", ""}, {`"1970-01-01T00:00:00Z"`, "", ""},
	} {
		// Zone is that of times whose format does not fix it: Duo's does.
		a := ask(t, newDuo(&Options{Zone: newYork(t)}, signin.Duo), duoV2("isotimestamp", c.iso, "timestamp", c.seconds))[0]
		if a.time != c.want || (a.decoded == ingest.Malformed) != (c.want == "") {
			t.Errorf("%s, %s: %+v, want %s", c.iso, c.seconds, a, c.want)
		}
	}
}

// The address of the device that approved is not where the login came from.
func TestDuoAddresses(t *testing.T) {
	t.Parallel()
	for ip, want := range map[string]string{
		`"198.51.100.23"`: "198.51.100.23", `"198.51.100.23:1234"`: "198.51.100.23", `"[2001:db8::7]:1234"`: "2001:db8::7", `"2001:db8::7#1234"`: "2001:db8::7",
		`"2001:db8::7p1234"`: "2001:db8::7", `"2001:db8::7 port 1234"`: "2001:db8::7", `"2001:db8::7.1234"`: "2001:db8::7", `"::ffff:198.51.100.23"`: "::ffff:198.51.100.23",
		`"2001:db8::7"`: "2001:db8::7", `"fe80::7%eth0"`: "fe80::7%eth0", `"198.51.100.23, 10.0.0.1"`: "198.51.100.23",
		"null": "", `""`: "", `"0.0.0.0"`: "", `"0.0.0.0:1194"`: "", `"::"`: "", `"-"`: "", `"N/A"`: "", `"unknown"`: "", `"anna-pc"`: "",
	} {
		a := ask(t, newDuo(&Options{}, signin.Duo), duoV2("access_device", `{"ip":`+ip+`}`))[0]
		if got := strings.Split(a.mfa, "|")[2]; got != want {
			t.Errorf("%s: %q, want %q", ip, got, want)
		}
	}
	if got := ask(t, newDuo(&Options{}, signin.Duo), duoV2("access_device", "null"))[0]; strings.Split(got.mfa, "|")[2] != "" {
		t.Errorf("without a device: %s", got.mfa)
	}
}

func TestDuoUser(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ user, alias, mail, want string }{
		{`{"name":"anna"}`, `"a.alias"`, `"anna@contoso.com"`, "anna"},
		{`{"name":null}`, `"a.alias"`, `"anna@contoso.com"`, "a.alias"},
		{`{}`, `"none"`, `"anna@contoso.com"`, "anna@contoso.com"},
		{`null`, `"unknown"`, `"anna@contoso.com"`, "anna@contoso.com"},
		{`null`, `""`, `null`, ""},
		{`{"name":"unknown"}`, `""`, `"none"`, "unknown"}, // it may be somebody's
		{`{"name":"CONTOSO\\anna"}`, `""`, `""`, `CONTOSO\anna`},
	} {
		a := ask(t, newDuo(&Options{}, signin.Duo), duoV2("user", c.user, "alias", c.alias, "email", c.mail))[0]
		if got := strings.Split(a.mfa, "|")[0]; got != c.want || a.verdict != signin.MFALine {
			t.Errorf("%s %s %s: %q, want %q", c.user, c.alias, c.mail, got, c.want)
		}
	}
}

// DuoLogSync may write all logs into one file. None of its records is malformed.
func TestDuoLogSyncStreams(t *testing.T) {
	t.Parallel()
	records := []string{
		duoSynced("auth_log"),
		`{"eventtype":"telephony_log","host":"api-contoso.duosecurity.com","context":"authentication","credits":1,"phone":"+15550100","timestamp":1791273605,"type":"sms"}`,
		`{"eventtype":"telephony","telephony_id":"5","ts":"2026-10-06T08:00:05.1+00:00","credits":0,"txid":"x"}`,
		`{"eventtype":"offline_log","host":"api-contoso.duosecurity.com","action":"o2fa_user_provisioned","isotimestamp":"2026-10-06T08:00:05+00:00","username":"anna"}`,
		`{"eventtype":"trust_monitor","surfaced_timestamp":1791273605000,"type":"auth","triage_event_uri":"https://admin.duosecurity.com/"}`,
		`{"eventtype":"trust_monitor","type":"auth"}`,
		`{"eventtype":"a_new_log","host":"api-contoso.duosecurity.com","result":"success","timestamp":1791273605}`,
		`{"action":{"name":"bypass_create"},"activity_id":"1","ts":"2026-10-06T08:00:05.1+00:00"}`,
		`{"eventtype":"administrator","host":"api-contoso.duosecurity.com","action":"bypass_create","object":"bruno","description":null,"username":"An Admin","timestamp":1791273605,"isotimestamp":"2026-10-06T08:00:05+00:00"}`,
	}
	want := "passed other other other other undated other other config"
	if got := strings.Join(outcomes(t, newDuo(&Options{}, signin.Duo), records...), " "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	all := ask(t, newDuo(&Options{}, signin.Duo), records...)
	if all[8].kind != signin.DuoAdmin || all[0].kind != signin.Duo {
		t.Errorf("kinds %v and %v", all[0].kind, all[8].kind)
	}
	for _, a := range all[1:8] {
		if a.note == "" {
			t.Errorf("no note: %+v", a)
		}
	}
}

func TestDuoMalformed(t *testing.T) {
	t.Parallel()
	d := newDuo(&Options{}, signin.Duo)
	for record, note := range map[string]string{
		`{"a":1}`:                           noteDuoUnknown,
		duoV2()[:200]:                       errCut.Error(),
		duoV2() + "x":                       errTrailing.Error(),
		`[1]`:                               noteNoDuo,
		"2026-10-06 08:00:05 anna approved": noteNoDuo,
		`CEF:0|Other|Thing|1|authentication|a|5|duser=x`:                            noteNoDuo,
		`CEF:0|Duo Security|DuoLogSync|2.0`:                                         noteCEFCut,
		`CEF:0|Duo Security|DuoLogSync|2.0|authentication|authentication|5|nothing`: noteCEFCut,
	} {
		if a := ask(t, d, record)[0]; a.decoded != ingest.Malformed || a.note != note {
			t.Errorf("%s: %+v, want %s", record, a, note)
		}
	}
	if a := ask(t, d, " \r")[0]; a.decoded != ingest.Blank {
		t.Errorf("%+v", a)
	}
}

const cefPrefix = "Oct 06 10:00:07 dls01 "

// duoCEF is a line of DuoLogSync's CEF.
func duoCEF(app, factor, outcome, user string) string {
	return fmt.Sprintf("CEF:0|Duo Security|DuoLogSync|2.3.0|authentication|authentication|5|dhost=None src=198.51.100.23 cs1Label=integration cs1=%s cs2Label=event_type cs2=authentication cs3Label=factor cs3=%s outcome=%s rt=1791273605000 duser=%s",
		app, factor, outcome, user)
}

func TestDuoCEF(t *testing.T) {
	t.Parallel()
	a := ask(t, newDuo(&Options{}, signin.Duo), cefPrefix+duoCEF("Outlook a=b on the web", "duo_push", "denied", "anna"))[0]
	want := answer{verdict: signin.MFALine, kind: signin.Duo, time: "2026-10-06T08:00:05.000Z", server: "dls01", outcome: signin.FactorDenied,
		mfa: "anna|Outlook a=b on the web|198.51.100.23|duo_push||dls01|"}
	if a != want {
		t.Errorf("%+v, want %+v", a, want)
	}
	for _, c := range []struct{ factor, outcome, want string }{
		{"remembered_device", "success", "remembered"}, {"bypass_code", "success", "helpdesk_code"}, {"duo_push", "success", "unknown"},
		{"trusted_network", "success", "unknown"}, {"None", "success", "unknown"}, {"duo_push", "fraud", "fraud"}, {"bypass_code", "denied", "denied"}, {"duo_push", "None", "unknown"},
	} {
		wantOutcome(t, newDuo(&Options{}, signin.Duo), duoCEF("OWA", c.factor, c.outcome, "anna"), c.want)
	}
}

func TestDuoCEFNoneIsAbsent(t *testing.T) {
	t.Parallel()
	line := strings.NewReplacer("src=198.51.100.23", "src=None", "cs1=OWA", "cs1=None", "duser=anna", "duser=None").Replace(duoCEF("OWA", "duo_push", "denied", "anna"))
	if a := ask(t, newDuo(&Options{}, signin.Duo), line)[0]; a.mfa != "|||duo_push|||" {
		t.Errorf("%+v", a)
	}
	if a := ask(t, newDuo(&Options{}, signin.Duo), strings.Replace(duoCEF("OWA", "duo_push", "denied", "anna"), "rt=1791273605000", "rt=None", 1))[0]; a.note != noteNoTime {
		t.Errorf("%+v", a)
	}
	// Before version 2.1 rt was in seconds.
	if a := ask(t, newDuo(&Options{}, signin.Duo), strings.Replace(duoCEF("OWA", "duo_push", "denied", "anna"), "rt=1791273605000", "rt=1791273605", 1))[0]; a.time != "2026-10-06T08:00:05.000Z" {
		t.Errorf("%+v", a)
	}
}

// Nothing is escaped in this CEF: a host or a user may be called like the rest of a line, and must not be believed.
func TestDuoCEFIsNotForged(t *testing.T) {
	t.Parallel()
	d := newDuo(&Options{}, signin.Duo)
	for _, line := range []string{
		strings.Replace(duoCEF("OWA", "duo_push", "denied", "anna"), "dhost=None", "dhost=x outcome=success cs3Label=factor cs3=remembered_device duser=bruno", 1),
		duoCEF("OWA", "duo_push", "denied", "anna outcome=success"),
		duoCEF("OWA", "duo_push", "denied", "anna duser=bruno"),
		duoCEF("OWA", "duo_push", "denied", "anna duser="),
	} {
		if a := ask(t, d, line)[0]; a.decoded != ingest.Malformed || a.note != noteCEFTwice {
			t.Errorf("%s: %+v", line, a)
		}
	}
	// A fourth custom string is not the factor of a line that has one.
	wantOutcome(t, d, duoCEF("OWA", "duo_push", "success", "anna cs4Label=factor cs4=remembered_device"), "unknown")
}

func TestDuoCEFStreams(t *testing.T) {
	t.Parallel()
	const head = "CEF:0|Duo Security|DuoLogSync|2.3.0|"
	lines := []string{
		cefPrefix + head + `administrator|user_update|5|cs1Label=action cs1=user_update msg={"status": "Bypass", "note": "for a week"} cs2Label=event_type cs2=administrator cs3Label=object cs3=bruno rt=1791273605000 cs4Label=type cs4=None suser=An Admin`,
		cefPrefix + head + `administrator|admin_login|5|cs1Label=action cs1=admin_login msg=None cs2Label=event_type cs2=administrator cs3Label=object cs3=None rt=1791273605000 suser=An Admin`,
		cefPrefix + head + `telephony|telephony|5|cs1Label=context cs1=authentication rt=1791273605000 cs2Label=phone cs2=+15550100`,
		cefPrefix + head + `telephony|telephony|5|cs1Label=context cs1=authentication rt=None`,
	}
	if got := strings.Join(outcomes(t, newDuo(&Options{}, signin.Duo), lines...), " "); got != "config other other undated" {
		t.Error(got)
	}
	if a := ask(t, newDuo(&Options{}, signin.Duo), lines[0])[0]; a.kind != signin.DuoAdmin || a.mfa != "bruno||||user_update bypass|dls01|" {
		t.Errorf("%+v", a)
	}
}
