package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/internal/store/sqlite"
)

func onTheDay(t testing.TB, clock string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04:05", "2026-10-06 "+clock)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// atTheDoor is a line of HttpProxy: somebody signed in.
func atTheDoor(t testing.TB, clock, user, entry, agent, address, server string) string {
	return onTheDay(t, clock).Format("2006-01-02T15:04:05.000Z") + fmt.Sprintf(",0b1e6d3c-0000-4000-8000-0000%s%02x,%s,/%s/,FBA,true,%s,%s,%s,%s,200,200,Proxy,x,\r\n", strings.ReplaceAll(clock, ":", ""), len(user), entry, strings.ToLower(entry), user, agent, address, server)
}

const (
	chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36"
	curl   = "curl/8.5"
)

// gatewayLog commits events as a log of that kind that was read.
func gatewayLog(t testing.TB, data string, id int64, kind signin.Kind, events ...signin.MFAEvent) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), data, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	src := &ingest.Source{ID: id, Path: fmt.Sprintf("mfa/%d.log", id), State: ingest.Read, Kind: kind, Plain: true, Size: 1000, Offset: 1000, First: 1 << 60}
	for i := range events {
		events[i].Kind, events[i].At = kind, signin.Ref{Offset: int64(i), Length: 1, Line: int64(i + 1)}
		src.First, src.Last = min(src.First, events[i].Time), max(src.Last, events[i].Time)
	}
	if len(events) == 0 {
		src.First = 0
	}
	if err := s.Commit(t.Context(), &ingest.Commit{Sources: []*ingest.Source{src}, Batches: []*ingest.Batch{{Log: id, From: 0, To: 1000, Events: events}}}); err != nil {
		t.Fatal(err)
	}
}

func factorOn(t testing.TB, clock, user string, o signin.FactorOutcome) signin.MFAEvent {
	return signin.MFAEvent{Time: onTheDay(t, clock).UnixMilli(), User: user, Application: "OWA", Factor: "duo_push", Outcome: o, Gateway: "duo"}
}

// doors is a store of one day: HttpProxy of two servers. Everybody in it is known to Duo but dora.
func doors(t testing.TB) (data string) {
	t.Helper()
	dir := t.TempDir()
	data = filepath.Join(dir, "data")
	lines := proxyHead
	for _, l := range []string{
		atTheDoor(t, "08:00:00", `CONTOSO\anna`, "Owa", chrome, "198.51.100.7", "EX01"),
		atTheDoor(t, "08:30:00", `CONTOSO\anna`, "Ecp", chrome, "198.51.100.7", "EX01"), // the same session
		atTheDoor(t, "09:00:00", `CONTOSO\anna`, "Owa", curl, "203.0.113.5", "EX01"),    // another address and client
		atTheDoor(t, "09:10:00", `CONTOSO\anna`, "Owa", chrome, "198.51.100.99", "EX01"),
		atTheDoor(t, "09:20:00", `CONTOSO\ben`, "Owa", chrome, "10.1.2.3", "EX01"),
		atTheDoor(t, "09:30:00", `CONTOSO\carla`, "Owa", chrome, "198.51.100.8", "EX01"),
		atTheDoor(t, "09:40:00", `CONTOSO\dora`, "Owa", chrome, "198.51.100.9", "EX02"),
		atTheDoor(t, "09:50:00", `CONTOSO\carla`, "Ews", curl, "198.51.100.8", "EX01"),
		atTheDoor(t, "10:00:00", `CONTOSO\eve`, "Owa", chrome, "198.51.100.10", "EX01"),
		atTheDoor(t, "10:10:00", `CONTOSO\finn`, "Owa", chrome, "198.51.100.11", "EX01"),
		atTheDoor(t, "10:20:00", `FABRIKAM\gil`, "Owa", chrome, "198.51.100.12", "EX01"),
		atTheDoor(t, "10:21:00", `CONTOSO\gil`, "Owa", chrome, "198.51.100.13", "EX01"),
		atTheDoor(t, "14:00:00", `CONTOSO\ben`, "Ecp", chrome, "198.51.100.20", "EX02"),
	} {
		lines += l
	}
	write(t, filepath.Join(dir, "logs", "proxy.LOG"), []byte(lines))
	must(t, exitDone, "scan", "--data", data, filepath.Join(dir, "logs"))
	return data
}

// duoDay is what Duo logged of it.
func duoDay(t testing.TB) []signin.MFAEvent {
	first := factorOn(t, "06:00:00", "finn", signin.FactorPassed)
	passed := factorOn(t, "08:00:12", "anna", signin.FactorPassed)
	passed.Address, passed.Transaction = netip.MustParseAddr("198.51.100.7"), "tx-1"
	return []signin.MFAEvent{first, passed, passed, factorOn(t, "09:20:05", "ben", signin.FactorRemembered), factorOn(t, "09:30:40", "carla", signin.FactorDenied), factorOn(t, "10:00:05", "eve", signin.FactorBypassed),
		factorOn(t, "10:10:05", "finn", signin.FactorFailOpen), factorOn(t, "10:20:05", "gil", signin.FactorPassed), factorOn(t, "18:00:00", "finn", signin.FactorPassed)}
}

type jsonMFA struct {
	Logons int64
	Cells  []struct {
		Entry, Network                                                 string
		Passed, Remembered, Bypassed, Denied, Missing, Unknown, Logons int64
		FailOpen                                                       int64 `json:"fail_open"`
		NotCovered                                                     int64 `json:"not_covered"`
		NotRequired                                                    int64 `json:"not_required"`
		Accounts                                                       int
		Causes                                                         map[string]int64
	}
	Gateways []struct {
		ID, Kind    string
		Declared    bool
		Protects    struct{ Entries, Servers []string }
		Alive       bool
		Events      int64
		Unjoined    int64
		Users       int
		SkewSeconds *int64 `json:"skew_seconds"`
	}
	Accounts []struct {
		User, Entry, Network, MFA, Cause, Reason string
		Count                                    int64
		Addresses                                []string
	}
	Unprotected []struct {
		Entry, Network string
		Logons         int64
	}
	Notes []string
}

func mfaJSON(t *testing.T, data string, args ...string) (m jsonMFA) {
	t.Helper()
	decode(t, must(t, exitDone, append([]string{"mfa", "--data", data, "-o", "json"}, args...)...), &m)
	return m
}

// perLogon is what is said of each logon: "time user entry network mfa cause".
func perLogon(t *testing.T, data string, args ...string) (all []string) {
	t.Helper()
	for line := range strings.Lines(must(t, exitDone, append([]string{"mfa", "--data", data, "-o", "ndjson"}, args...)...)) {
		var l mfaLogon
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if l.Reason == "" {
			t.Errorf("%s: no reason", line)
		}
		all = append(all, fmt.Sprint(l.Time[11:16], " ", l.User, " ", l.Entry, " ", l.Network, " ", l.MFA, " ", l.Cause))
	}
	return all
}

// What Duo and Exchange tell together, from a real store.
func TestMFAOfEveryLogon(t *testing.T) {
	t.Parallel()
	data := doors(t)
	gatewayLog(t, data, 1000, signin.Duo, duoDay(t)...)
	want := []string{
		`08:00 contoso\anna owa outside passed said`,
		`09:00 contoso\anna owa outside missing no_event`,
		`09:10 contoso\anna owa outside unknown roaming`,
		`09:20 contoso\ben owa inside remembered said`,
		`09:30 contoso\carla owa outside denied said`,
		`09:40 contoso\dora owa outside unknown never_seen`,
		`09:50 contoso\carla ews outside not_covered unprotected`,
		`10:00 contoso\eve owa outside bypassed said`,
		`10:10 contoso\finn owa outside fail_open said`,
		`10:20 fabrikam\gil owa outside unknown ambiguous`,
		`10:21 contoso\gil owa outside unknown ambiguous`,
		`14:00 contoso\ben ecp outside unknown roaming`,
	}
	if got := perLogon(t, data); !slices.Equal(got, want) {
		t.Errorf("\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	m := mfaJSON(t, data)
	c := m.Cells[0]
	if m.Logons != 12 || len(m.Cells) != 4 || c.Entry != "owa" || c.Network != "outside" || c.Missing != 1 || c.FailOpen != 1 || c.Denied != 1 || c.Bypassed != 1 || c.Passed != 1 || c.Unknown != 4 || c.Logons != 9 || c.Accounts != 7 ||
		c.Causes["ambiguous"] != 2 || c.Causes["roaming"] != 1 || c.Causes["never_seen"] != 1 || c.Causes["no_event"] != 1 {
		t.Errorf("%+v", m)
	}
	if len(m.Unprotected) != 1 || m.Unprotected[0].Entry != "ews" || m.Accounts[0].User != `contoso\anna` || m.Accounts[0].MFA != "missing" || !slices.Equal(m.Accounts[0].Addresses, []string{"203.0.113.5"}) {
		t.Errorf("%+v %+v", m.Unprotected, m.Accounts)
	}
	if g := m.Gateways[0]; len(m.Gateways) != 1 || g.ID != "duo" || g.Declared || !g.Alive || g.Events != 8 || g.Unjoined != 1 || g.Users != 5 || g.SkewSeconds == nil || *g.SkewSeconds != 5 || !slices.Equal(g.Protects.Entries, []string{"owa", "ecp"}) {
		t.Errorf("%+v", m.Gateways)
	}
	for _, n := range m.Notes { // one equal name of two NetBIOS names is chance
		if strings.Contains(n, "--alias CONTOSO=FABRIKAM") {
			t.Error(n)
		}
	}
	for _, want := range []string{"duo is not declared", "1 event of duo: the user may be any of several people", `1 account never seen by the gateway`, "1 account name known in two domains"} {
		if !slices.ContainsFunc(m.Notes, func(n string) bool { return strings.Contains(n, want) }) {
			t.Errorf("no note says %q: %q", want, m.Notes)
		}
	}
}

// What is declared and fits nothing is named, with what there is: it must not look like a log that was not read.
func TestMFAOfWhatFitsNothing(t *testing.T) {
	t.Parallel()
	data := doors(t)
	gatewayLog(t, data, 1000, signin.Duo, duoDay(t)...)
	mapped := factorOn(t, "08:00:12", "anna", signin.FactorPassed)
	mapped.Application = "citrix-adc"
	gatewayLog(t, data, 1001, signin.Mapped, mapped)
	gateways := write(t, filepath.Join(t.TempDir(), "g.yaml"), []byte(`- kind: duo
  applications: ['DI*']
  protects: {entries: [owa], servers: [EX9, EX01, '*']}
- kind: mapped
  mapping: citrix
  protects: {entries: [ecp], servers: [ex0?]}
- kind: mapped
  mapping: citrix-adc
- kind: none
  protects: {entries: [ews], servers: [mail.contoso.com]}
`))
	notes := strings.Join(mfaJSON(t, data, "--gateway", gateways, "--alias", "CONTOSO=contoso.test", "--alias", "CONTOSO=FABRIKAM").Notes, "\n")
	for _, want := range []string{"duo names the server EX9 (gateways), and no logon of this period is on one that fits: they are on EX01, EX02", "kind: none names the server mail.contoso.com ",
		"no event of duo has an application that fits di* (gateways); read were OWA", "duo is declared, and what was read is of other applications", "no log was read by a mapping whose source or application is citrix (gateways); read were citrix-adc",
		"the alias CONTOSO=contoso.test joins nothing: no name of this period is of the domain contoso.test; they are of contoso, fabrikam"} {
		if !strings.Contains(notes, want) {
			t.Errorf("no note says %q:\n%s", want, notes)
		}
	}
	for _, wrong := range []string{"ex0?", "is citrix-adc", "server EX01", "no log of it was read", "CONTOSO=FABRIKAM joins"} {
		if strings.Contains(notes, wrong) {
			t.Errorf("%q:\n%s", wrong, notes)
		}
	}
}

// Whoever has read a log of a gateway learns of the command that says more, from files and from a store; a folder of logs is
// no store, and none is to be made in it.
func TestMFAIsANextStep(t *testing.T) {
	t.Parallel()
	data, logs := filepath.Join(t.TempDir(), "data"), filepath.Join(contoso(), "duo")
	says(t, must(t, exitDone, "scan", logs), "outmode scan --data outmode-data "+logs, "outmode mfa --data outmode-data ")
	says(t, must(t, exitDone, "scan", "--data", data, logs), "outmode mfa --data "+data+" ")
	if text := must(t, exitDone, "scan", filepath.Join(contoso(), "EX01", "Pop3")); strings.Contains(text, "outmode mfa") {
		t.Error(text)
	}
	says(t, must(t, exitDone, "mfa", "--data", data), "outmode findings list --data "+data+" --rule mfa")
	if code, _, errs := outmode(t, "", "mfa", "--data", logs); code != exitError || !strings.Contains(errs, "outmode scan --data outmode-data "+logs) || strings.Contains(errs, "scan --data "+logs) {
		t.Errorf("exit %d: %s", code, errs)
	}
}

// The headline begins with what is not known, and never reassures where nothing is known.
func TestMFAHeadline(t *testing.T) {
	t.Parallel()
	data := doors(t)
	const calm = "No logon is known to have gone without"
	head := func(args ...string) string {
		text, _, _ := strings.Cut(must(t, exitDone, append([]string{"mfa", "--data", data}, args...)...), "\n\n")
		return text
	}
	nobody := write(t, filepath.Join(t.TempDir(), "g.yaml"), []byte("- kind: none\n  protects: {entries: [owa, ecp]}\n"))
	for want, args := range map[string][]string{
		"\n  Nothing can be said of 11 of 12 logons (unknown): 9 no gateway known,":                  nil,
		"\n  1 logon of 1 account at 1 entry point that no gateway protects, 1 of them from outside": {},
		"at 3 entry points that no gateway protects, 11 of them from outside":                        {"--gateway", nobody},
	} {
		if text := head(args...); !strings.Contains(text, want) || strings.Contains(text, calm) {
			t.Errorf("%v: %s\nwant %q", args, text, want)
		}
	}
	gatewayLog(t, data, 1000, signin.Duo, duoDay(t)...)
	if text := head(); strings.Contains(text, "Nothing can be said") || !strings.Contains(text, "5 logons of which nothing can be said") || !strings.Contains(text, "that no gateway protects") {
		t.Error(text)
	}
}

// Without the gateway's events nothing is missing: the same logons are unknown.
func TestMFAWithoutEventsIsUnknown(t *testing.T) {
	t.Parallel()
	data := doors(t)
	check := func(what, cause string, args ...string) {
		t.Helper()
		for _, c := range mfaJSON(t, data, args...).Cells {
			if protected := c.Entry == "owa" || c.Entry == "ecp"; protected && (c.Unknown != c.Logons || c.Causes[cause]+c.Causes["roaming"] != c.Logons) || !protected && c.NotCovered != c.Logons {
				t.Errorf("%s: %+v", what, c)
			}
		}
	}
	check("no log of a gateway", "no_gateway")
	if m := mfaJSON(t, data); len(m.Gateways) != 0 || !strings.Contains(m.Notes[0], "no log of an MFA gateway was read") {
		t.Errorf("%+v %q", m.Gateways, m.Notes)
	}
	declared := write(t, filepath.Join(t.TempDir(), "g.yaml"), []byte("- kind: duo\n"))
	check("declared, and no log", "no_log", "--gateway", declared)
	gatewayLog(t, data, 1000, signin.Duo)
	check("a log without events", "not_covered")
	gatewayLog(t, data, 1001, signin.Duo, factorOn(t, "08:00:00", "anna", signin.FactorPassed), factorOn(t, "08:30:00", "anna", signin.FactorPassed))
	for _, l := range perLogon(t, data) {
		if strings.Contains(l, "missing") || strings.Contains(l, "fail_open") {
			t.Errorf("behind the end of the log: %s", l)
		}
	}
}

// A gateway that falls silent on a busy day while people log on let them in; the hours of the store do not cut that.
func TestMFAOfASilentGateway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	lines := proxyHead + atTheDoor(t, "10:50:00", `CONTOSO\anna`, "Owa", chrome, "198.51.100.7", "EX01") + atTheDoor(t, "11:10:00", `CONTOSO\ben`, "Owa", chrome, "198.51.100.8", "EX01") + atTheDoor(t, "13:00:00", `CONTOSO\carla`, "Owa", chrome, "198.51.100.9", "EX01")
	write(t, filepath.Join(dir, "logs", "proxy.LOG"), []byte(lines))
	must(t, exitDone, "scan", "--data", data, filepath.Join(dir, "logs"))
	var events []signin.MFAEvent
	for at := onTheDay(t, "07:00:00"); at.Before(onTheDay(t, "19:00:00")); at = at.Add(10 * time.Minute) {
		if at.After(onTheDay(t, "10:40:00")) && at.Before(onTheDay(t, "11:20:00")) {
			continue
		}
		e := factorOn(t, "07:00:00", "carla", signin.FactorPassed)
		e.Time = at.Add(-time.Minute).UnixMilli() // before 13:00 by a minute, too
		events = append(events, e)
	}
	gatewayLog(t, data, 1000, signin.Duo, events...)
	want := []string{`10:50 contoso\anna owa outside fail_open silence`, `11:10 contoso\ben owa outside fail_open silence`, `13:00 contoso\carla owa outside passed said`}
	if got := perLogon(t, data); !slices.Equal(got, want) {
		t.Errorf("\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A clock that is wrong by more than the window makes events lie out of it: that is said, nothing is moved, and nobody is
// accused.
func TestMFAOfAWrongClock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	lines := proxyHead
	events := []signin.MFAEvent{factorOn(t, "06:00:00", "nobody", signin.FactorPassed), factorOn(t, "20:00:00", "nobody", signin.FactorPassed)}
	for i := range 8 {
		clock, name := fmt.Sprintf("09:%02d:00", 7*i), fmt.Sprintf("user%d", i)
		lines += atTheDoor(t, clock, `CONTOSO\`+name, "Owa", chrome, "198.51.100.7", "EX01")
		e := factorOn(t, clock, name, signin.FactorPassed)
		e.Time += (8*time.Minute + 10*time.Second).Milliseconds()
		events = append(events, e)
	}
	write(t, filepath.Join(dir, "logs", "proxy.LOG"), []byte(lines))
	must(t, exitDone, "scan", "--data", data, filepath.Join(dir, "logs"))
	gatewayLog(t, data, 1000, signin.Duo, events...)
	m := mfaJSON(t, data)
	if m.Cells[0].Unknown != 8 || m.Gateways[0].SkewSeconds == nil || *m.Gateways[0].SkewSeconds != 480 || !slices.ContainsFunc(m.Notes, func(n string) bool {
		return strings.Contains(n, "the clock of duo seems to be 8 minutes ahead on 1 of 1 day: its events are joined with nothing there, and what depends on them is unknown. Set the clock right, or declare a wider window")
	}) {
		t.Errorf("%+v %+v %q", m.Cells, m.Gateways, m.Notes)
	}
	for _, l := range perLogon(t, data) { // printed one by one: only once it is known
		if !strings.HasSuffix(l, "owa outside unknown clock") {
			t.Error(l)
		}
	}
	wide := write(t, filepath.Join(dir, "g.yaml"), []byte("- kind: duo\n  window: {after: 10m}\n"))
	if m := mfaJSON(t, data, "--gateway", wide); m.Cells[0].Passed != 8 || *m.Gateways[0].SkewSeconds != 490 {
		t.Errorf("%+v %+v", m.Cells, m.Gateways)
	}
}

// What the files say changes what is said.
func TestMFAByWhatIsDeclared(t *testing.T) {
	t.Parallel()
	data := doors(t)
	gatewayLog(t, data, 1000, signin.Duo, duoDay(t)...)
	dir := t.TempDir()
	gateways := write(t, filepath.Join(dir, "g.yaml"), []byte(`# what protects Exchange
- id: duo-owa
  kind: duo
  applications: [OWA]
  protects: {entries: [owa], servers: [EX01]}
  window: {before: 30s, after: 2m}
  session: 2h
  user_form: sam
  exempt: {users: ['*\anna'], addresses: [192.0.2.0/24]}
- kind: none
  protects: {entries: [ecp]}
`))
	people := write(t, filepath.Join(dir, "people.csv"), []byte("sam,domain,upn\r\ngil,CONTOSO,gil@contoso.com\r\n"))
	got := perLogon(t, data, "--gateway", gateways, "--map", people, "--alias", "CONTOSO=FABRIKAM")
	want := []string{
		`08:00 contoso\anna owa outside passed said`,
		`08:30 contoso\anna ecp outside not_covered unprotected`,
		`09:00 contoso\anna owa outside not_required exempt`,
		`09:10 contoso\anna owa outside not_required exempt`,
		`09:20 contoso\ben owa inside remembered said`,
		`09:30 contoso\carla owa outside denied said`,
		`09:40 contoso\dora owa outside not_covered unprotected`,
		`09:50 contoso\carla ews outside not_covered unprotected`,
		`10:00 contoso\eve owa outside bypassed said`,
		`10:10 contoso\finn owa outside fail_open said`,
		`10:20 contoso\gil owa outside passed said`,
		`10:21 contoso\gil owa outside unknown roaming`,
		`14:00 contoso\ben ecp outside not_covered unprotected`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if m := mfaJSON(t, data, "--gateway", gateways); m.Gateways[0].ID != "duo-owa" || !m.Gateways[0].Declared {
		t.Errorf("%+v", m.Gateways)
	}
}

func TestMFAMistakes(t *testing.T) {
	t.Parallel()
	data, dir := doors(t), t.TempDir()
	for text, want := range map[string]string{
		"kind: duo\n":                  "must be a list",
		"- duo\n":                      "a gateway must be a mapping; write kind: duo",
		"- id: x\n":                    "gateways[0] has no kind",
		"- kind: dou\n":                `cannot be "dou"; write duo`,
		"- kind: duo\n  protect: {}\n": `has no key "protect"; did you mean "protects"?`,
		"- kind: duo\n  protects: {entries: [ova]}\n": `cannot be "ova"`,
		"- kind: duo\n  session: 6\n":                 "session needs a unit",
		"- kind: duo\n  user_form: dom\n":             "write auto, sam, upn, mail, sid, guid or dn",
		"- kind: duo\n- kind: duo\n":                  `the gateway at line 1 has the id "duo" too`,
		"- kind: none\n":                              "says of nothing that nothing protects it",
		"- kind: duo\n  exempt: {addresses: [x]}\n":   `exempt.addresses "x" is no address range`,
		"- kind: duo\n  exempt: {users: ['*']}\n":     "would fit everything",
		"- kind: duo\n  kind: nps\n":                  "g.yaml:2:3",
	} {
		_, out, errs := outmode(t, "", "mfa", "--data", data, "--gateway", write(t, filepath.Join(dir, "g.yaml"), []byte(text)))
		if !strings.Contains(errs, want) || !strings.Contains(errs, "g.yaml:") {
			t.Errorf("%q: %s%s, want %s", text, out, errs, want)
		}
	}
	for _, args := range [][]string{{"--alias", "CONTOSO"}, {"--alias", "=x"}, {"-o", "xml"}, {"--since", "never"}, {"--top", "-1"}} {
		must(t, exitUsage, append([]string{"mfa", "--data", data}, args...)...)
	}
	people := write(t, filepath.Join(dir, "people.csv"), []byte("sam,sid\na,S-1-5-21-7\nb,S-1-5-21-7\n"))
	if code, _, errs := outmode(t, "", "mfa", "--data", data, "--map", people); code != exitError || !strings.Contains(errs, "people.csv:3: the SID S-1-5-21-7 stands at line 2 too") {
		t.Errorf("exit %d: %s", code, errs)
	}
	must(t, exitError, "mfa", "--data", data, "--map", filepath.Join(dir, "none.csv"))
}

// The table fits, begins with what matters and ends with what to do.
func TestMFATable(t *testing.T) {
	t.Parallel()
	data := doors(t)
	gatewayLog(t, data, 1000, signin.Duo, duoDay(t)...)
	for _, args := range [][]string{{}, {"-v"}, {"--top", "1"}} {
		text := must(t, exitDone, append([]string{"mfa", "--data", data}, args...)...)
		for line := range strings.Lines(strings.ReplaceAll(text, data, "DATA")) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 100 {
				t.Errorf("%d columns: %s", n, line)
			}
		}
		order := []string{"1 logon of 1 account: no second factor", "entry", "missing", "Accounts behind it", `contoso\anna`, "In use, and no gateway protects it", "ews", "Gateways", "duo", "What is missing, and why", "Next", "outmode mfa", "outmode sources"}
		at := 0
		for _, want := range order {
			n := strings.Index(text[at:], want)
			if n < 0 {
				t.Fatalf("%q is not there, or not in its place:\n%s", want, text)
			}
			at += n
		}
		if v := slices.Contains(args, "-v"); v != strings.Contains(text, "who it is is not certain  fabrikam\\gil") {
			t.Errorf("%v: the accounts behind unknown\n%s", args, text)
		}
		if slices.Contains(args, "-v") && !strings.Contains(strings.Join(strings.Fields(text), " "), "duo protects owa, covers this time and knows this person, and has no event from 2m before to 5m after") {
			t.Errorf("%s", text)
		}
	}
	if text := must(t, exitDone, "mfa", "--data", data, "-o", "csv"); !strings.HasPrefix(text, "entry,network,passed,remembered,bypassed,fail_open,denied,missing,not_covered,unknown,not_required,logons,accounts\nowa,outside,1,0,1,1,1,1,0,4,0,9,7\n") {
		t.Errorf("%s", text)
	}
	if text := must(t, exitDone, "mfa", "--data", data, "--since", "2026-10-08"); !strings.Contains(text, "No logon of that time is in the store") || !strings.Contains(text, "no event of that time: it has 2026-10-06 06:00 to 2026-10-06") {
		t.Errorf("%s", text)
	}
	// A period says of its logons what the whole says of them.
	if a, b := perLogon(t, data, "--since", "2026-10-06", "--until", "2026-10-06"), perLogon(t, data); !slices.Equal(a, b) {
		t.Errorf("%v, want %v", a, b)
	}
}

// What the page shows can be copied.
func TestMFADocumentedGateways(t *testing.T) {
	t.Parallel()
	all := blocks(t, "mfa.md", "yaml")
	if len(all) == 0 {
		t.Fatal("is the page still read?")
	}
	for _, text := range all {
		if !strings.HasPrefix(text, "- id: ") && !strings.HasPrefix(text, "- kind: ") {
			continue // it is about something else
		}
		g, err := readGateways(write(t, filepath.Join(t.TempDir(), "gateways.yaml"), []byte(text)))
		if err != nil || len(g) != 2 || g[0].ID != "duo-owa" || len(g[0].Exempt.Networks) != 1 || g[1].Kind != signin.UnknownKind {
			t.Errorf("%+v, %v", g, err)
		}
	}
}
