package mfa

import (
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

const monoAt = "2026-10-06 10:00:05,250 INFO "

const (
	monoNoAPI    = `[CONTOSO\anna] By-username result is 0 `
	monoBadKey   = `[CONTOSO\anna] By-username result is OK {"InternalMessage":"The key of the application is wrong","Code":12,"Success":false}`
	monoForbids  = `[CONTOSO\anna] Mfa result is Forbidden {"Message":"No permission","InternalMessage":"anna is not assigned","Code":22,"Success":false}`
	monoOK       = `[CONTOSO\anna] Mfa result is OK {"Success":true}`
	monoErrorOfA = `[] White listed: /owa/auth/errorFE.aspx?httpCode=500`
)

func TestMonosign(t *testing.T) {
	t.Parallel()
	a := ask(t, newMonosign(&Options{}), monoAt+monoForbids)[0]
	want := answer{verdict: signin.MFALine, kind: signin.Monosign, time: "2026-10-06T10:00:05.250Z", outcome: signin.FactorDenied, mfa: `CONTOSO\anna||||anna is not assigned||`}
	if a != want {
		t.Errorf("%+v, want %+v", a, want)
	}
}

// The JSON decides, and not the status word.
func TestMonosignOutcomes(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		monoNoAPI:   "error", // no answer of HTTP at all
		monoBadKey:  "error",
		monoForbids: "denied",
		monoOK:      "passed",
		`[CONTOSO\anna] Mfa result is OK{"Success":true}`:                                     "passed",
		`[CONTOSO\anna] Mfa result is OK {"Success":true,"Code":0,"Message":null}`:            "passed",
		`[CONTOSO\anna] Mfa result is 0`:                                                      "error",
		`[CONTOSO\anna] Mfa result is OK {"Code":22,"Success":false}`:                         "denied",
		`[CONTOSO\anna] Mfa result is OK {"Code":12,"Success":false}`:                         "error",
		`[CONTOSO\anna] Mfa result is OK {"Code":77,"Success":false}`:                         "unknown",
		`[CONTOSO\anna] Mfa result is Forbidden {"Code":77,"Success":false}`:                  "denied",
		`[CONTOSO\anna] Mfa result is Forbidden {"Success":true}`:                             "unknown", // the two contradict each other
		`[CONTOSO\anna] Mfa result is OK`:                                                     "unknown", // without JSON nobody passed
		`[CONTOSO\anna] Mfa result is OK {}`:                                                  "unknown",
		`[CONTOSO\anna] Mfa result is OK {"Success":"yes"}`:                                   "unknown",
		`[CONTOSO\anna] Mfa result is OK {"Success":true`:                                     "unknown",
		`[CONTOSO\anna] Mfa result is Forbidden`:                                              "unknown",
		`[CONTOSO\anna] By-username result is OK {"Success":true}`:                            "info", // known to Monosign, and not asked yet
		`[CONTOSO\anna] By-username result is Forbidden {"Code":22,"Success":false}`:          "denied",
		`[CONTOSO\anna] By-username result is InternalServerError {"Success":false}`:          "unknown",
		`[x] Mfa result is OK {"Success":true}] By-username result is 0`:                      "unknown", // a name that was typed
		`[x] White listed: /owa/auth/errorFE.aspx] Mfa result is Forbidden {"Success":false}`: "unknown",
		`[info] Mfa result is OK {"Success":true}`:                                            "passed", // that is his name
		`The module was started`:                                                              "other",
		`[CONTOSO\anna] Something new`:                                                        "other",
	} {
		wantOutcome(t, newMonosign(&Options{}), monoAt+line, want)
	}
	o := &Options{Outcomes: func(k signin.Kind, word string) (signin.FactorOutcome, bool) {
		is, ok := map[string]signin.FactorOutcome{"code_77": signin.FactorTimeout, "/owa/healthcheck.htm": signin.FactorInfo, "serviceunavailable": signin.FactorError}[word]
		return is, ok && k == signin.Monosign
	}}
	wantOutcome(t, newMonosign(o), monoAt+`[CONTOSO\anna] Mfa result is OK {"Code":77,"Success":false}`, "timeout")
	wantOutcome(t, newMonosign(o), monoAt+`[] White listed: /owa/healthcheck.htm`, "info")
	wantOutcome(t, newMonosign(o), monoAt+`[CONTOSO\anna] Mfa result is ServiceUnavailable`, "error")
}

// What the logon page is made of is let through for everybody; anything else that is let through is a bypass. The page
// of the error that the module's own refusal leads to is none.
func TestMonosignWhiteList(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		monoErrorOfA: "info",
		`[CONTOSO\anna] White listed: /owa/auth/errorFE.aspx?httpCode=500`:                 "info",
		`[] White listed: /owa/auth/logon.aspx?url=https://mail.contoso.com/owa/&reason=0`: "info",
		`[] White listed: /OWA/Auth/15.2.1544/themes/resources/favicon.ico`:                "info",
		`[CONTOSO\anna] White listed: /owa/auth/logon.aspx`:                                "bypassed",
		`[] White listed: /owa/service.svc?action=GetItem`:                                 "bypassed",
		`[CONTOSO\anna] White listed: /owa/ev.owa?x=/owa/auth/`:                            "bypassed",
		`[] White listed: /owa/auth/../service.svc`:                                        "bypassed",
		`[] White listed: /owa/auth/%2e%2e/service.svc`:                                    "bypassed",
		`[] White listed: /owa/auth/..\service.svc`:                                        "bypassed",
		`[] White listed: /ecp/auth/errorFE.aspx`:                                          "bypassed",
		`[] White listed: /owa/auth/errorFE.aspx/x.js`:                                     "info",
		`[] White listed: `: "other",
	} {
		wantOutcome(t, newMonosign(&Options{}), monoAt+line, want)
	}
	// A query may hold anything: it stays in the log.
	a := ask(t, newMonosign(&Options{}), monoAt+`[CONTOSO\anna] White listed: /owa/Calendar/x.ics?token=0a1b2c`)[0]
	if a.mfa != `CONTOSO\anna||||/owa/Calendar/x.ics||` {
		t.Errorf("%+v", a)
	}
}

// Where a line has no time it tells the same, without a time, and is not malformed. What is none of the three is other.
func TestMonosignWithoutATime(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]struct{ note, outcome, mfa string }{
		monoNoAPI:    {noteMonoError, "error", `CONTOSO\anna||||0||`},
		monoBadKey:   {noteMonoError, "error", `CONTOSO\anna||||The key of the application is wrong||`},
		monoForbids:  {noteMonoDenied, "denied", `CONTOSO\anna||||anna is not assigned||`},
		monoOK:       {noteMonoPassed, "passed", `CONTOSO\anna||||OK||`},
		monoErrorOfA: {noteMonoInfo, "info", `||||/owa/auth/errorFE.aspx||`},
		`[CONTOSO\anna] White listed: /owa/service.svc`: {noteMonoBypassed, "bypassed", `CONTOSO\anna||||/owa/service.svc||`},
		`[CONTOSO\anna] Mfa result is OK`:               {noteMonoUnknown, "unknown", `CONTOSO\anna||||OK||`},
		`[10:00:05 INF] ` + monoForbids:                 {noteMonoDenied, "denied", `CONTOSO\anna||||anna is not assigned||`}, // of which day?
	} {
		a := ask(t, newMonosign(&Options{}), line)[0]
		if a.decoded != ingest.Undated || a.note != want.note || a.outcome.String() != want.outcome || a.mfa != want.mfa || a.time != "" {
			t.Errorf("%s: %+v, want %+v", line, a, want)
		}
	}
	for _, line := range []string{"anything", "2026-10-36 10:00:05 " + monoOK} {
		if a := ask(t, newMonosign(&Options{}), line)[0]; a.decoded != ingest.Other || a.note != noteMonoOther || a.outcome != signin.NoFactor {
			t.Errorf("%s: %+v", line, a)
		}
	}
	if a := ask(t, newMonosign(&Options{}), "")[0]; a.decoded != ingest.Blank {
		t.Errorf("%+v", a)
	}
}

// What a collector writes before a line: a time in the zone that the operator names, unless it names one itself.
func TestMonosignTimes(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{
		"2026-10-06 10:00:05 ":                                     "2026-10-06T14:00:05.000Z",
		"2026-10-06 10:00:05,250 INFO ":                            "2026-10-06T14:00:05.250Z",
		"2026-10-06T10:00:05.250+02:00 ":                           "2026-10-06T08:00:05.250Z",
		"2026-10-06T10:00:05Z\t":                                   "2026-10-06T10:00:05.000Z",
		"[2026-10-06 10:00:05] [DEBUG] ":                           "2026-10-06T14:00:05.000Z",
		"[INF] 2026/10/06 10:00:05.5 - ":                           "2026-10-06T14:00:05.500Z",
		"06.10.2026 10:00:05 | ERROR: ":                            "2026-10-06T14:00:05.000Z",
		"2026-01-06 10:00:05 ":                                     "2026-01-06T15:00:05.000Z", // winter
		"2026-10-06 10:00:05.123 +03:00 [INF] ":                    "2026-10-06T07:00:05.123Z", // Serilog: its zone goes before the operator's
		"2026-10-06 10:00:05.123 -05:00 [INF] ":                    "2026-10-06T15:00:05.123Z",
		"[2026-10-06 10:00:05 INF] ":                               "2026-10-06T14:00:05.000Z",
		"[2026-10-06 10:00:05.250 +03:00 INF] [12] ":               "2026-10-06T07:00:05.250Z",
		"2026-10-06T10:00:05.1234567+03:00 INFO ":                  "2026-10-06T07:00:05.123Z",
		"2026-10-06 10:00:05,123 [12] INFO MonoSign.IISModule - ":  "2026-10-06T14:00:05.123Z", // log4net
		"2026-10-06 10:00:05,123 [12] INFO  MonoSign - ":           "2026-10-06T14:00:05.123Z",
		"INFO  2026-10-06 10:00:05,123 [12] MonoSign.IISModule : ": "2026-10-06T14:00:05.123Z",
		"2026-10-06 10:00:05.1234|INFO|MonoSign.Module|":           "2026-10-06T14:00:05.123Z", // NLog
		"2026-10-06 10:00:05.1234|INFO|Module|":                    "2026-10-06T14:00:05.123Z",
		"2026-10-06 10:00:05.1234|12|WARN|MonoSign.Module|":        "2026-10-06T14:00:05.123Z",
		"10/6/2026 10:00:05 AM ":                                   "2026-10-06T14:00:05.000Z",
		"10/6/2026 2:00:05 PM - ":                                  "2026-10-06T18:00:05.000Z",
		"10/6/2026 10:00:05 AM +03:00 ":                            "2026-10-06T07:00:05.000Z", // of DateTimeOffset
		"[10/6/2026 10:00:05 AM] [INFO] ":                          "2026-10-06T14:00:05.000Z",
		"6.10.2026 9:00:05 ":                                       "2026-10-06T13:00:05.000Z",
		"6/10/2026 10:00:05 ":                                      "2026-10-06T14:00:05.000Z", // no AM or PM: the day first
		"2026-10-06 10:00:05 +25:00 ":                              "",                         // no zone
		"2026-10-06 10:00:05 2025-01-01 00:00:00 ":                 "",                         // not a prefix that is known
		"2026-10-06 10:00:05 INFO INFO ":                           "",
		"2026-10-06 10:00:05 [12] [13] ":                           "",
		"2026-10-06 10:00:05 Asking ":                              "", // a word may begin a message of another sort
		"2026-10-06 10:00:05 Asking for ":                          "",
		"13/13/2026 10:00:05 ":                                     "",
	} {
		a := ask(t, newMonosign(&Options{Zone: newYork(t)}), prefix+monoOK)[0]
		if want != "" && (a.time != want || a.outcome != signin.FactorPassed) || want == "" && a.outcome != signin.NoFactor {
			t.Errorf("%q: %+v, want %s", prefix, a, want)
		}
	}
}

// A name that was typed is no part of a prefix: a logger writes each of its parts once.
func TestMonosignPrefixIsNotForged(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		`2026-10-06 10:00:05 [INF] [INF] [CONTOSO\bruno] Mfa result is OK {"Success":true}`,
		`2026-10-06 10:00:05,123 [12] INFO MonoSign.IISModule - [13] [CONTOSO\bruno] Mfa result is OK {"Success":true}`,
		`2026-10-06 10:00:05 [INF] [x] [CONTOSO\bruno] Mfa result is OK {"Success":true}`,
		`2026-10-06 10:00:05 [INF] [2026-10-06 11:00:05] [CONTOSO\bruno] Mfa result is OK {"Success":true}`,
		`2026-10-06 10:00:05 [INF] User [CONTOSO\bruno] Mfa result is OK {"Success":true}`,
	} {
		if a := ask(t, newMonosign(&Options{}), line)[0]; a.outcome != signin.NoFactor || strings.Contains(a.mfa, "bruno") {
			t.Errorf("%s: %+v", line, a)
		}
	}
}

// Day and month stand in the order of the first date of the head that can be read one way only.
func TestMonosignDateOrder(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]string{
		"10/13/2026 10:00:05 " + monoNoAPI: "2026-10-06T10:00:05.000Z",
		"13/10/2026 10:00:05 " + monoNoAPI: "2026-06-10T10:00:05.000Z",
		"10/6/2026 10:00:05 " + monoNoAPI:  "2026-06-10T10:00:05.000Z",
	} {
		f := (&Options{}).Recognize([]byte(head + "\n"))
		if f.Kind != signin.Monosign {
			t.Fatalf("%s: %+v", head, f)
		}
		if a := ask(t, f.Decoder(), "10/6/2026 10:00:05 "+monoOK)[0]; a.time != want {
			t.Errorf("after %s: %+v, want %s", head, a, want)
		}
	}
}

// A zone of its own goes before the one of all.
func TestZonesByKind(t *testing.T) {
	t.Parallel()
	o := &Options{Zone: time.FixedZone("", -3600), Zones: map[signin.Kind]*time.Location{signin.Monosign: newYork(t), signin.NPS: time.UTC}}
	if a := ask(t, newMonosign(o), "2026-10-06 10:00:05 "+monoOK)[0]; a.time != "2026-10-06T14:00:05.000Z" {
		t.Errorf("%+v", a)
	}
	for kind, want := range map[signin.Kind]string{signin.NPS: "UTC", signin.ADFSLog: ""} {
		if got := o.zone(kind).String(); got != want {
			t.Errorf("%v: %q, want %q", kind, got, want)
		}
	}
}

func monosignHeads() map[string]head {
	const name = "Monosign log of the IIS module for Exchange"
	return map[string]head{
		"bare":         {strings.Join([]string{monoNoAPI, monoBadKey, monoErrorOfA}, "\r\n"), signin.Monosign, name, false},
		"one line":     {monoErrorOfA, signin.Monosign, name, false},
		"dated":        {"\xEF\xBB\xBFstarted\n" + monoAt + monoForbids + "\n", signin.Monosign, name, false},
		"Serilog":      {"2026-10-06 08:00:00.123 +03:00 [INF] started\n2026-10-06 08:00:00.123 +03:00 [INF] " + monoOK + "\n", signin.Monosign, name, false},
		"Serilog, []":  {"[2026-10-06 08:00:00 INF] " + monoOK + "\n", signin.Monosign, name, false},
		"Serilog, day": {"[08:00:00 INF] " + monoOK + "\n", signin.Monosign, name, false},
		"log4net":      {"2026-10-06 08:00:00,123 [12] INFO MonoSign.IISModule - " + monoOK + "\r\n", signin.Monosign, name, false},
		"NLog":         {"2026-10-06 08:00:00.1234|INFO|MonoSign.Module|" + monoOK + "\n", signin.Monosign, name, false},
		"DateTime":     {"10/6/2026 8:00:00 AM " + monoOK + "\n", signin.Monosign, name, false},
		"CEF for name": {"[" + duoCEF("OWA", "duo_push", "success", "anna") + "] By-username result is 0\n", signin.Monosign, name, false},
	}
}

func hotMonosign() []string {
	return []string{monoAt + monoNoAPI, monoAt + monoBadKey, monoAt + monoForbids, monoAt + monoOK, monoAt + monoErrorOfA}
}

// The test is not parallel: testing.AllocsPerRun counts for the whole process.
func TestMonosignNoAllocations(t *testing.T) {
	allocates(t, newMonosign(&Options{Zone: newYork(t)}), append(hotMonosign(), monoOK, "x", "", "2026-10-06 08:00:00.123 +03:00 [INF] "+monoOK, "2026-10-06 08:00:00,123 [12] INFO MonoSign.IISModule - "+monoOK,
		"10/6/2026 8:00:00 AM "+monoOK, "10/6/2026 8:00:00 AM +03:00 "+monoOK))
}

func FuzzMonosign(f *testing.F) {
	f.Add(strings.Join(hotMonosign(), "\n"))
	f.Add("10/6/2026 8:00:00 AM +03:00 " + monoOK + "\n[2026-10-06 08:00:00 INF] " + monoOK + "\n2026-10-06 08:00:00,123 [12] INFO Mono.Sign - " + monoOK + "\n08:00:00|1|A.b|" + monoOK)
	f.Add("[INF] 06.10.2026 10:00:05 - [] White listed: /\n[info] [debug] x\n[] Mfa result is  {}")
	f.Fuzz(func(t *testing.T, text string) {
		fuzzGateway(t, newMonosign(&Options{}), text, signin.Monosign)
	})
}

func BenchmarkMonosign(b *testing.B) { benchGateway(b, newMonosign(&Options{}), hotMonosign()) }
