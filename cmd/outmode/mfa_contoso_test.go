package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// The truth about second factors in the samples, which no code of Outmode took part in.
type mfaTruth struct {
	Alias string
	Logs  []struct {
		Path, Kind string
		Records    int
		Says       map[string]int
	}
	Cases []mfaTruthCase
}

type mfaTruthCase struct {
	Name, Kind, User, Time, Entry, MFA, Log string
	Tags                                    []string
}

// key is who and when, to the second: not every log tells more.
func (c *mfaTruthCase) key() string { return c.User + " " + c.Time[:19] }

func contosoTruth(t *testing.T) (truth mfaTruth) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "samples", "contoso.mfa.truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	decode(t, string(text), &truth)
	return truth
}

// contosoLogons scans the samples, without one file if one is named, and asks what is said of each logon.
func contosoLogons(t *testing.T, truth *mfaTruth, without string) map[string][]mfaLogon {
	t.Helper()
	return logonsIn(t, truth, scanContoso(t, without))
}

func scanContoso(t *testing.T, without string) (data string) {
	t.Helper()
	if without == "" {
		return contosoStore(t)
	}
	data = filepath.Join(t.TempDir(), "data")
	must(t, exitDone, "scan", "--data", data, "-q", contoso(), "--exclude", "path:*/"+without)
	return data
}

// logonsIn lists the logons of a store by who and when. Sign-ins to the cloud that Entra and the Unified Audit Log both tell
// are two as yet: so there is a list for every key.
func logonsIn(t *testing.T, truth *mfaTruth, data string) map[string][]mfaLogon {
	t.Helper()
	all := map[string][]mfaLogon{}
	for line := range strings.Lines(must(t, exitDone, "mfa", "--data", data, "--alias", truth.Alias, "-o", "ndjson")) {
		var l mfaLogon
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		key := l.Account + " " + l.Time[:19]
		all[key] = append(all[key], l)
	}
	return all
}

// asked reports whether a gateway may ask there for a second factor.
func (l *mfaLogon) asked() bool {
	return l.Entry == "owa" || l.Entry == "ecp" || l.Server == "online"
}

func saysAny(list []mfaLogon, word string) bool {
	for i := range list {
		if list[i].MFA == word {
			return true
		}
	}
	return false
}

// What is said of every logon of the samples that a gateway may be asked about is what the story says; of all others that
// none protects them. Every planted case is found, and of what only looks like one nothing is said.
func TestContosoMFAEqualsTheTruth(t *testing.T) {
	t.Parallel()
	truth := contosoTruth(t)
	logons := contosoLogons(t, &truth, "")
	known := map[string]bool{}
	kinds := map[string]int{}
	for _, c := range truth.Cases {
		known[c.key()] = true
		kinds[c.Kind]++
		got := logons[c.key()]
		switch {
		case c.Entry == "none":
			if len(got) > 0 {
				t.Errorf("%s: %s: it is a logon: %+v", c.Name, c.key(), got)
			}
		case !saysAny(got, c.MFA):
			t.Errorf("%s: %s: %+v, want %s", c.Name, c.key(), got, c.MFA)
		case got[0].Entry != c.Entry && len(got) == 1:
			t.Errorf("%s: %s: at %s, want %s", c.Name, c.key(), got[0].Entry, c.Entry)
		case len(got) > 1 && (got[0].Server != "online" || c.MFA != "missing" && saysAny(got, "missing")):
			t.Errorf("%s: %s: %+v", c.Name, c.key(), got)
		}
		if c.Kind == "planted" && len(c.Tags) == 0 && c.Log == "" || c.Kind == "innocent" && len(c.Tags) > 0 {
			t.Errorf("%s: a %s case with the tags %q", c.Name, c.Kind, c.Tags)
		}
	}
	for key, list := range logons {
		for _, l := range list {
			if l.asked() && !known[key] {
				t.Errorf("%s: %+v, and the story knows nothing of it", key, l)
			}
			if !l.asked() && l.MFA != "not_covered" {
				t.Errorf("%s: %s at %s, which nothing protects", key, l.MFA, l.Entry)
			}
		}
	}
	if kinds["planted"] < 13 || kinds["innocent"] < 20 {
		t.Errorf("%v", kinds)
	}
}

// Whom AD FS names by several names in one token is one person without an alias too: what is said of those logons is the
// truth.
func TestContosoJoinsCallersOfADFS(t *testing.T) {
	t.Parallel()
	truth := contosoTruth(t)
	data := scanContoso(t, "")
	truth.Alias = "CONTOSO=contoso.test" // a domain that nobody has
	logons, told := logonsIn(t, &truth, data), 0
	for _, c := range truth.Cases {
		if strings.HasPrefix(c.Log, "adfs/") {
			told++
			if got := logons[c.key()]; !saysAny(got, c.MFA) {
				t.Errorf("%s: %s: %+v, want %s", c.Name, c.key(), got, c.MFA)
			}
		}
	}
	if told < 5 {
		t.Errorf("the truth has %d logons at AD FS", told)
	}
	r := usersJSON(t, "--data", data)
	for _, name := range []string{"l.dahl", "l.moreau"} {
		u := named(t, &r, `contoso\`+name)
		if len(u.Names) < 3 || !strings.HasPrefix(u.Names[1].Why, "one line names it together with s-1-5-21-") || u.Logons == 0 {
			t.Errorf("%+v", u)
		}
	}
	for _, g := range r.Unjoined.Gateway {
		if strings.Contains(g.Account, "l.dahl") || strings.Contains(g.Account, "l.moreau") {
			t.Errorf("%+v", g)
		}
	}
}

// What scan finds in the samples by the rules that know gateways is the story and nothing but the story: a finding for
// every planted case, and none about somebody of whom it does not tell.
func TestContosoFindsThePlantedCases(t *testing.T) {
	t.Parallel()
	truth := contosoTruth(t)
	var scan struct {
		Findings []struct {
			Rule, Subject string
			Tags          []string
			Evidence      []any
		}
	}
	decode(t, contosoJSON(t), &scan)
	bare := func(user string) string {
		_, name, slash := strings.Cut(user, `\`)
		if !slash {
			name = user
		}
		name, _, _ = strings.Cut(name, "@")
		return name
	}
	// Patterns whose findings are about a gateway or an address; and that of people who read mail with a password from
	// outside and are asked for a second factor elsewhere, of whom the story of legacy authentication is full.
	// And what is said of the gateways themselves: without an alias of the two domains most names are ambiguous, and the
	// events of the VPN have no address.
	const mail, blind = "catalogue.m-09", "catalogue.m-31"
	elsewhere := map[string]bool{"catalogue.m-02": true, "catalogue.m-04": true, "catalogue.m-11": true, "catalogue.m-29": true, blind: true}
	wanted, found := map[string]string{}, map[string]string{}
	for _, c := range truth.Cases {
		for _, tag := range c.Tags {
			who := bare(c.User)
			if elsewhere[tag] {
				who = ""
			}
			wanted[tag+" "+who] = c.Name
		}
	}
	for _, f := range scan.Findings {
		for _, tag := range f.Tags {
			who := bare(f.Subject)
			if elsewhere[tag] {
				who = ""
			}
			if strings.HasPrefix(tag, "catalogue.") {
				found[tag+" "+who] = f.Rule
			}
		}
	}
	for key, name := range wanted {
		if found[key] == "" {
			t.Errorf("%s: no finding for %s", name, key)
		}
	}
	for key, rule := range found {
		tag, _, _ := strings.Cut(key, " ")
		if wanted[key] == "" && tag != mail && tag != blind && key != "catalogue.m-29 " && key != "catalogue.m-30 n.haddad" {
			t.Errorf("%s finds %s, of which the story does not tell", rule, key)
		}
	}
}

// The documents of a scan say of every sign-in what is said of the logon of its session.
func TestContosoDocumentsSayMFA(t *testing.T) {
	t.Parallel()
	data := scanContoso(t, "")
	logons := map[string]string{} // by account, address, entry and time
	for line := range strings.Lines(must(t, exitDone, "mfa", "--data", data, "-o", "ndjson")) {
		var l mfaLogon
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		logons[strings.Join([]string{l.Account, l.Address, l.Entry, l.Time}, " ")] = l.MFA
	}
	count, matched := map[string]int{}, 0
	for line := range strings.Lines(must(t, exitDone, "scan", "-o", "ndjson", contoso())) {
		var d struct {
			Time    string `json:"@timestamp"`
			User    struct{ Name, Domain, Email string }
			Source  struct{ IP string }
			Outmode struct{ MFA, Outcome, Protocol string }
		}
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		if d.Outmode.Outcome != "success" {
			if d.Outmode.MFA != "unknown" {
				t.Errorf("%s", line)
			}
			continue
		}
		count[d.Outmode.Protocol+" "+d.Outmode.MFA]++
		account := d.User.Email
		if account == "" {
			account = d.User.Domain + `\` + d.User.Name
		}
		if want, ok := logons[strings.Join([]string{strings.ToLower(account), d.Source.IP, d.Outmode.Protocol, d.Time}, " ")]; ok {
			if matched++; want != d.Outmode.MFA {
				t.Errorf("%s: the logon is %s", line, want)
			}
		}
	}
	if matched < 150 || count["owa missing"] == 0 || count["owa passed"] < 50 || count["ews unknown"] > 0 || count["owa fail_open"] == 0 {
		t.Errorf("%d logons were met; %v", matched, count)
	}
}

// Every record of every gateway's log is read as what it was written for.
func TestContosoMFARecordsSayWhatTheTruthSays(t *testing.T) {
	t.Parallel()
	for _, log := range contosoTruth(t).Logs {
		says, records := map[string]int{}, 0
		for line := range strings.Lines(must(t, exitDone, "explain", "-o", "ndjson", filepath.Join(contoso(), log.Path))) {
			var e struct {
				Verdict string
				MFA     *struct{ Outcome string }
			}
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			records++
			if e.MFA != nil {
				says[e.MFA.Outcome]++
			} else {
				says[e.Verdict]++
			}
		}
		if records != log.Records || !maps.Equal(says, log.Says) {
			t.Errorf("%s: %d records %v, want %d %v", log.Path, records, says, log.Records, log.Says)
		}
	}
}

// A log that is not there is no proof of anything: without any one log of a gateway nothing becomes missing, and what it
// proved becomes unknown, unless another gateway says as much. Sign-ins that only it tells are gone.
func TestContosoMFAWithoutAnyOneLog(t *testing.T) {
	t.Parallel()
	truth := contosoTruth(t)
	whole := contosoLogons(t, &truth, "")
	affected := make([]int, len(truth.Logs)) // cases
	t.Run("without", func(t *testing.T) {    // ends with the last of them
		for i, log := range truth.Logs {
			t.Run(strings.ReplaceAll(log.Path, "/", " "), func(t *testing.T) {
				t.Parallel()
				logons := contosoLogons(t, &truth, log.Path)
				for key, list := range logons {
					if saysAny(list, "missing") && !saysAny(whole[key], "missing") {
						t.Errorf("%s: %+v", key, list)
					}
				}
				for _, c := range truth.Cases {
					was, is := whole[c.key()], logons[c.key()]
					switch {
					case c.Entry == "none":
					case c.Log != log.Path:
						if !saysAny(is, c.MFA) {
							t.Errorf("%s: %s: %+v, and was %s: that log has nothing to do with it", c.Name, c.key(), is, c.MFA)
						}
					default:
						affected[i]++
						for _, l := range is {
							if l.MFA != "unknown" && (l.MFA != was[0].MFA || l.Gateway == was[0].Gateway) {
								t.Errorf("%s: %s: %+v, and was %s by %s", c.Name, c.key(), l, c.MFA, was[0].Gateway)
							}
						}
						if len(is) == 0 && was[0].Server != "online" {
							t.Errorf("%s: %s: the logon is gone", c.Name, c.key())
						}
					}
				}
			})
		}
	})
	for i, log := range truth.Logs {
		if affected[i] == 0 && log.Kind != "ual" { // it proves nothing
			t.Errorf("%s: no case needs it", log.Path)
		}
	}
}

// A log that comes late says what it would have said in time: until then nothing is missing, and then all is as if it had
// been there from the beginning.
func TestContosoMFALateLog(t *testing.T) {
	t.Parallel()
	truth := contosoTruth(t)
	late := ""
	for _, log := range truth.Logs {
		if strings.Contains(log.Path, ".late.") {
			late = log.Path
		}
	}
	data := scanContoso(t, late)
	waiting := 0
	before := logonsIn(t, &truth, data)
	for _, c := range truth.Cases {
		if c.Log == late && saysAny(before[c.key()], "unknown") {
			waiting++
		}
	}
	if late == "" || waiting < 5 {
		t.Errorf("%d logons wait for %q", waiting, late)
	}
	must(t, exitDone, "scan", "--data", data, "-q", filepath.Join(contoso(), late))
	whole, is := contosoLogons(t, &truth, ""), logonsIn(t, &truth, data)
	if len(is) != len(whole) {
		t.Errorf("%d logons, %d in one scan", len(is), len(whole))
	}
	for key, want := range whole {
		if got := is[key]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, in one scan %+v", key, got, want)
		}
	}
}
