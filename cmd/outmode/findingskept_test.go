package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/internal/store/sqlite"
)

// on is a line of HttpProxy of that day.
func on(day, line string) string { return strings.Replace(line, "2026-10-06", day, 1) }

// Usage and findings list name the same findings, in the same words, and each says what the other leaves out.
func TestUsageHasTheFindingsOfTheList(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	packed := zipped([]byte(proxyHead + proxyLine(`CONTOSO\carla`, "x")))
	var quiet strings.Builder // that the server was up is all it says: what is not seen of it is over
	quiet.WriteString(proxyHead)
	for day := time.Date(2026, 10, 7, 0, 0, 0, 0, time.UTC); day.Before(time.Date(2026, 12, 6, 0, 0, 0, 0, time.UTC)); day = day.AddDate(0, 0, 1) {
		quiet.WriteString(strings.Replace(on(day.Format(time.DateOnly), proxyLine("", "x")), "Basic,true", ",false", 1))
	}
	dir := logs(t, map[string]string{
		"a.LOG":       proxyHead + proxyLine(`CONTOSO\anna`, "x") + on("2026-12-05", proxyLine(`CONTOSO\ben`, "x")) + on("2026-12-06", proxyLine(`CONTOSO\dora`, "x")),
		"quiet.LOG":   quiet.String(),
		"b.LOG":       proxyHead + on("2026-12-06", proxyLine(`CONTOSO\adm-eve`, "x")),
		"torn.LOG.gz": string(packed[:len(packed)-9]),
	})
	must(t, exitIncomplete, "scan", "--data", data, dir)
	must(t, exitDone, "exceptions", "add", "--data", data, "--user", `contoso\ben`, "--reason", "r", "--owner", "o", "--expires", "5d")
	dora := listedFindings(t, "--data", data, "--user", "dora")
	must(t, exitDone, "findings", "ack", "--data", data, "--note", "n", "--", dora[0]["id"].(string))
	s, err := sqlite.Open(t.Context(), data, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	at := time.Date(2026, 12, 6, 12, 0, 0, 0, time.UTC)
	if err := s.Resolve(t.Context(), at, 30*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := s.Watch(t.Context(), time.Now(), 0); err != nil {
		t.Fatal(err)
	}
	byID := func(found []map[string]any) map[string]map[string]any {
		m := map[string]map[string]any{}
		for _, f := range found {
			m[f["id"].(string)] = f
		}
		return m
	}
	usage := func(args ...string) []map[string]any {
		var r struct{ Findings []map[string]any }
		decode(t, must(t, exitDone, append([]string{"usage", "--data", data, "-o", "json"}, args...)...), &r)
		return r.Findings
	}
	list, all, used := byID(listedFindings(t, "--data", data)), byID(listedFindings(t, "--data", data, "--all")), byID(usage())
	states, own := map[string]int{}, 0
	for id, want := range all {
		for key, got := range used[id] {
			if !reflect.DeepEqual(got, want[key]) {
				t.Errorf("%v: %s is %v, in the list %v", want["rule"], key, got, want[key])
			}
		}
		states[want["state"].(string)]++
		if strings.HasPrefix(want["rule"].(string), "OM-SYS") {
			own++
		}
		if want["exception"] != nil {
			states["covered"]++
		}
	}
	if !slices.Equal(slices.Sorted(maps.Keys(all)), slices.Sorted(maps.Keys(used))) || len(list) == len(all) || own == 0 || states["open"] == 0 || states["acknowledged"] == 0 || states["resolved"] == 0 || states["covered"] == 0 {
		t.Fatalf("%d listed, %d in all, %d in usage, %d about the data, %v", len(list), len(all), len(used), own, states)
	}
	says(t, must(t, exitDone, "usage", "--data", data), fmt.Sprintf("%d findings: ", len(used)),
		fmt.Sprintf("; %d about the data itself (OM-SYS); %d acknowledged; %d covered by an exception; %d resolved.", own, states["acknowledged"], states["covered"], states["resolved"]))
	says(t, must(t, exitDone, "findings", "list", "--data", data), fmt.Sprintf("%d findings: ", len(list)),
		fmt.Sprintf("; %d about the data itself (OM-SYS); %d acknowledged; %d covered by an exception. Not listed: %d resolved, which --all lists too", own, states["acknowledged"], states["covered"], states["resolved"]))
	says(t, must(t, exitDone, "findings", "list", "--data", data, "--all"), fmt.Sprintf("%d resolved", states["resolved"]), "not Not listed")

	for _, f := range usage("--since", "2026-10-06", "--until", "2026-10-06") {
		if who := f["subject"].(string); !strings.Contains(who, "anna") && !strings.Contains(who, "carla") && !strings.Contains(who, "torn") || f["rule"] == sqlite.RuleExpiring {
			t.Errorf("%v of %s is of another time", f["rule"], who)
		}
	}
	says(t, must(t, exitDone, "usage", "--data", data, "--since", "2026-12-06"), "findings of this time: ")

	// Of rules that do not apply there are none, and that is said.
	var r report
	decode(t, must(t, exitDone, "usage", "--data", data, "--no-builtin", "-o", "json"), &r)
	if len(r.Findings) != own || !strings.Contains(strings.Join(r.Notes, "\n"), "the store has findings of OM-10") {
		t.Errorf("%d findings, %q", len(r.Findings), r.Notes)
	}
}

// An account that was there before the period is none that was never seen before it.
func TestNobodyIsFirstSeenByThePeriod(t *testing.T) {
	t.Parallel()
	rule := write(t, filepath.Join(t.TempDir(), "r.yaml"), []byte("id: T-1\nname: a new account\nseverity: low\ntype: first_seen\nbaseline: 2d\ngroup_by: [user]\nwhen: outcome == \"success\"\n"))
	lines := proxyHead
	for _, day := range []string{"01", "02", "10", "11", "12", "13", "14"} {
		lines += on("2026-10-"+day, proxyLine(`CONTOSO\ben`, "x"))
	}
	lines += on("2026-10-01", proxyLine(`CONTOSO\anna`, "x")) + on("2026-10-14", proxyLine(`CONTOSO\anna`, "x")) + on("2026-10-14", proxyLine(`CONTOSO\carla`, "x"))
	data := filepath.Join(t.TempDir(), "data")
	must(t, exitDone, "scan", "--data", data, "--rules", rule, "--no-builtin", logs(t, map[string]string{"a.LOG": lines}))
	// Of the last days alone there would be no time to learn what is usual.
	for _, args := range [][]string{nil, {"--since", "2026-10-10"}, {"--since", "2026-10-14"}, {"--since", "2026-10-14", "--until", "2026-10-14"}} {
		var r report
		decode(t, must(t, exitDone, append([]string{"usage", "--data", data, "--rules", rule, "--no-builtin", "-o", "json"}, args...)...), &r)
		if len(r.Findings) != 1 || r.Findings[0].Subject != `contoso\carla` || r.Findings[0].Count != 1 || len(r.Findings[0].Evidence) != 1 {
			t.Errorf("%v: %+v", args, r.Findings)
		}
	}
	var r report
	decode(t, must(t, exitDone, "usage", "--data", data, "--rules", rule, "--no-builtin", "-o", "json", "--until", "2026-10-13"), &r)
	if len(r.Findings) != 0 {
		t.Errorf("before she was seen: %+v", r.Findings)
	}
}
