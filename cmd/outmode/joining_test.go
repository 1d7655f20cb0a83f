package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/internal/store/sqlite"
	"github.com/outmode/outmode/rules"
)

// duoRecord is a record of Duo's authentication log.
func duoRecord(t testing.TB, clock, user, reason, address string) string {
	at := onTheDay(t, clock)
	result := "success"
	if reason == "no_response" {
		result = "denied"
	}
	return fmt.Sprintf(`{"access_device":{"ip":%q},"application":{"key":"DI0OWA0CONTOSO000001","name":"Outlook on the web"},"event_type":"authentication","factor":"duo_push","isotimestamp":%q,"reason":%q,"result":%q,"timestamp":%d,"txid":"00000000-0000-4000-9000-%012d","user":{"key":"DU00","name":%q}}`,
		address, at.UTC().Format("2006-01-02T15:04:05.000000+00:00"), reason, result, at.Unix(), at.Unix()%1e9+int64(len(user)), user) + "\n"
}

// gated is the logs of a day: one person goes past the gateway, one refuses a push and then reads mail by EWS.
func gated(t testing.TB) (proxy, duo string) {
	proxy = proxyHead + atTheDoor(t, "08:00:00", `CONTOSO\anna`, "Owa", chrome, "198.51.100.7", "EX01") +
		atTheDoor(t, "09:30:00", `CONTOSO\anna`, "Owa", curl, "203.0.113.5", "EX01") + atTheDoor(t, "10:40:00", `CONTOSO\carla`, "Ews", curl, "203.0.113.9", "EX01") +
		atTheDoor(t, "09:40:00", `CONTOSO\ben`, "Owa", chrome, "198.51.100.8", "EX01")
	duo = duoRecord(t, "07:00:00", "ben", "user_approved", "198.51.100.8") + duoRecord(t, "08:00:09", "anna", "user_approved", "198.51.100.7") + duoRecord(t, "09:40:10", "ben", "user_approved", "198.51.100.8") +
		duoRecord(t, "10:10:00", "carla", "no_response", "203.0.113.9") + duoRecord(t, "18:00:00", "ben", "user_approved", "198.51.100.8")
	return proxy, duo
}

type joinedFinding struct {
	ID, Rule, Subject, Protocol, State string
	Count                              int64
	First, Last                        time.Time
	Evidence                           []struct {
		File   string
		Line   int64
		SHA256 string
		SignIn any
	}
}

// joined are the findings of rules that read mfa, in words.
func joined(all []joinedFinding) (words []string) {
	for _, f := range all {
		if !strings.HasPrefix(f.Rule, "OM-20") {
			continue
		}
		text := fmt.Sprint(f.Rule, " ", f.Subject, " ", f.Protocol, " ", f.State, " ", f.Count, " ", f.First.Format("15:04:05"), "-", f.Last.Format("15:04:05"))
		for _, e := range f.Evidence {
			text += fmt.Sprint(" ", filepath.Base(e.File), ":", e.Line)
			if len(e.SHA256) == 64 {
				text += fmt.Sprint(" signin ", e.SignIn != nil)
			}
		}
		words = append(words, text)
	}
	return words
}

func foundBy(t *testing.T, args ...string) []string {
	t.Helper()
	var out struct{ Findings []joinedFinding }
	decode(t, must(t, exitDone, append(args, "-o", "json")...), &out)
	return joined(out.Findings)
}

// Scan finds the same with a store and without one, in whatever order the logs came, and so does usage.
func TestScanJoinsLogonsWithEvents(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	proxy, duo := gated(t)
	logs := filepath.Join(dir, "logs")
	a, b := write(t, filepath.Join(logs, "proxy.LOG"), []byte(proxy)), write(t, filepath.Join(logs, "duo.ndjson"), []byte(duo))
	want := []string{
		`OM-2008 contoso\carla  open 2 10:10:00-10:40:00 duo.ndjson:4 signin false proxy.LOG:4 signin true`,
		`OM-2001 contoso\anna owa open 1 09:30:00-09:30:00 proxy.LOG:3 signin true`,
	}
	if got := foundBy(t, "scan", logs); !slices.Equal(got, want) {
		t.Errorf("scan found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for n, order := range [][]string{{logs}, {a, b}, {b, a}} {
		data := filepath.Join(dir, fmt.Sprint("data", n))
		for _, path := range order {
			must(t, exitDone, "scan", "--data", data, path)
		}
		for _, command := range []string{"usage", "findings"} {
			args := []string{command, "--data", data}
			if command == "findings" {
				args = []string{"findings", "list", "--data", data}
			}
			want := slices.Clone(want)
			for i := range want { // of a line in a log that the last scan was not given no more is known than where it stands
				if n > 0 {
					want[i] = strings.NewReplacer(" signin true", "", " signin false", "").Replace(want[i])
				}
			}
			got := foundBy(t, args...)
			for i := range got {
				if n > 0 {
					got[i] = strings.NewReplacer(" signin true", "", " signin false", "").Replace(got[i])
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v: %s found\n%s\nwant\n%s", order, command, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
		must(t, exitDone, "store", "check", "--logs", "--data", data)
	}
	if got := foundBy(t, "scan", a); len(got) != 0 {
		t.Errorf("without a gateway's log: %v", got)
	}
}

// A late log of the gateway has the event that was missing: the finding resolves itself, and says why. It opens again when
// it holds again.
func TestAFindingResolvesWhenTheMissingEventArrives(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	proxy, duo := gated(t)
	data := filepath.Join(dir, "data")
	must(t, exitDone, "scan", "--data", data, write(t, filepath.Join(dir, "proxy.LOG"), []byte(proxy)), write(t, filepath.Join(dir, "duo.ndjson"), []byte(duo)))
	var before, after struct{ Findings []joinedFinding }
	decode(t, must(t, exitDone, "findings", "list", "--data", data, "-o", "json"), &before)
	late := write(t, filepath.Join(dir, "late.ndjson"), []byte(duoRecord(t, "09:30:20", "anna", "user_approved", "203.0.113.5")))
	must(t, exitDone, "scan", "--data", data, late)
	decode(t, must(t, exitDone, "findings", "list", "--data", data, "-o", "json"), &after)
	is := func(rule string) func(joinedFinding) bool {
		return func(f joinedFinding) bool { return f.Rule == rule }
	}
	i := slices.IndexFunc(before.Findings, is("OM-2001"))
	if i < 0 || slices.ContainsFunc(after.Findings, is("OM-2001")) {
		t.Fatalf("before %v, after %v", joined(before.Findings), joined(after.Findings))
	}
	out := must(t, exitDone, "findings", "show", before.Findings[i].ID, "--data", data)
	if !strings.Contains(out, "resolved") || !strings.Contains(out, "what the gateways logged was read since") {
		t.Errorf("it shows\n%s", out)
	}
	// What did not change stays as it was.
	before.Findings = slices.DeleteFunc(before.Findings, is("OM-2001"))
	if !reflect.DeepEqual(before.Findings, after.Findings) {
		t.Errorf("others were\n%v\nand are\n%v", before.Findings, after.Findings)
	}
}

// While logs are read, what is new is joined beside them: only when something is due, and what was not kept stays due.
func TestJoiner(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	proxy, duo := gated(t)
	set, problems := rules.Load(rules.Builtin())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, "data"), sqlite.Options{Rules: set, Create: true, Now: func() time.Time { return onTheDay(t, "20:00:00") }})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	opt := ingest.Options{Recognize: recognizer(mfa.Options{}), Org: signin.Organisation{Internal: signin.DefaultInternal()}}
	judgeBy(&opt, set)
	read := func() {
		t.Helper()
		inputs, _ := tail.Find([]string{filepath.Join(dir, "logs")}, tail.FindOptions{})
		if _, err := fillOnce(t.Context(), store, inputs, nil, opt); err != nil {
			t.Fatal(err)
		}
	}
	found := func() (words []string) {
		t.Helper()
		all, err := store.Findings(t.Context(), sqlite.FindingFilter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range all {
			if strings.HasPrefix(f.Rule, "OM-20") {
				words = append(words, f.Rule+" "+f.State)
			}
		}
		return words
	}
	w := &world{set: set, opt: opt, join: joining{Setup: audit.Setup{Inside: opt.Org.Internal}}}
	j := newJoiner(t.Context(), store, w, slog.New(slog.DiscardHandler))
	now := time.Date(2026, 10, 6, 20, 0, 0, 0, time.UTC)
	step := func(j *joiner) (begun bool) {
		t.Helper()
		now = now.Add(2 * joinEvery)
		if err := j.look(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		return j.done != nil
	}
	keep := func(j *joiner) {
		t.Helper()
		r := <-j.done
		j.done = nil
		if err := j.keep(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "logs", "proxy.LOG"), []byte(proxy))
	read()
	if step(j) {
		t.Error("without a gateway's event it joins")
	}
	write(t, filepath.Join(dir, "logs", "duo.ndjson"), []byte(duo))
	read()
	if !step(j) {
		t.Fatal("it does not join what is new")
	}
	<-j.done // the process ends here: nothing was kept
	j = newJoiner(t.Context(), store, w, slog.New(slog.DiscardHandler))
	if !step(j) {
		t.Fatal("what was not kept is not due any more")
	}
	keep(j)
	if got, want := found(), []string{"OM-2008 open", "OM-2001 open"}; !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
	if step(j) {
		t.Error("it joins though nothing is new")
	}
	write(t, filepath.Join(dir, "logs", "late.ndjson"), []byte(duoRecord(t, "09:30:20", "anna", "user_approved", "203.0.113.5")))
	read()
	if !step(j) {
		t.Fatal("a late log is not joined")
	}
	keep(j)
	if got, want := found(), []string{"OM-2008 open", "OM-2001 resolved"}; !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
	// What is declared of the gateways changes what is due, and all of it.
	w.join.Inside = append(w.join.Inside, netip.MustParsePrefix("203.0.113.0/24"))
	if j = newJoiner(t.Context(), store, w, slog.New(slog.DiscardHandler)); !step(j) {
		t.Error("another organisation is not joined anew")
	}
	j.wait()
}

// What is said of remembered devices and of gateways is the same whichever log came first: each of them last, joined
// before it came and again with it.
func TestJoinedFindingsDependOnNoOrder(t *testing.T) {
	t.Parallel()
	proxy, duo := proxyHead, ""
	for hour := range 4 {
		for i := range 3 {
			who, from := fmt.Sprintf("user%d%d", hour, i), fmt.Sprintf("198.51.100.%d", 10+3*hour+i)
			proxy += atTheDoor(t, fmt.Sprintf("%02d:%02d:00", 8+hour, 10*i), `CONTOSO\`+who, "Owa", chrome, from, "EX01")
			duo += duoRecord(t, fmt.Sprintf("%02d:%02d:00", 8+hour, 15+10*i), who, "user_approved", from) // fifteen minutes late
		}
	}
	early := duoRecord(t, "07:00:00", "user00", "user_approved", "203.0.113.4")
	remembered := strings.NewReplacer(`"user_approved"`, `"remembered_device"`, `"duo_push"`, `"remembered_device"`).Replace(duoRecord(t, "11:30:00", "user00", "user_approved", "203.0.113.9"))
	logs := map[string]string{"a.LOG": proxy, "duo-1.log": early, "duo-2.log": duo, "duo-3.log": remembered}
	dir := t.TempDir()
	for name, text := range logs {
		write(t, filepath.Join(dir, name), []byte(text))
	}
	said := func(data string) (all []string) {
		for _, f := range listedFindings(t, "--data", data) {
			if rule := f["rule"]; f["state"] == "open" && (rule == "OM-2016" || rule == "OM-2039") {
				all = append(all, fmt.Sprint(rule, " ", f["subject"], " ", f["count"], " ", f["first"], " ", f["last"]))
			}
		}
		return all
	}
	whole := filepath.Join(t.TempDir(), "data")
	must(t, exitDone, "scan", "--data", whole, "-q", dir)
	want := said(whole)
	if len(want) != 2 || !strings.HasPrefix(want[0], `OM-2016 contoso\user00 1 `) || !strings.HasPrefix(want[1], "OM-2039 duo ") {
		t.Fatalf("%q", want)
	}
	for last := range logs {
		data := filepath.Join(t.TempDir(), "data")
		must(t, exitDone, "scan", "--data", data, "-q", "--exclude", "path:*/"+last, dir)
		must(t, exitDone, "scan", "--data", data, "-q", filepath.Join(dir, last))
		if got := said(data); !slices.Equal(got, want) {
			t.Errorf("%s came last: %q, want %q", last, got, want)
		}
	}
}
