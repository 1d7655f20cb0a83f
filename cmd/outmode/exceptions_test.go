package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/internal/store/sqlite"
)

func listedExceptions(t *testing.T, args ...string) (all []map[string]any) {
	t.Helper()
	var out struct{ Exceptions []map[string]any }
	if err := json.Unmarshal([]byte(must(t, exitDone, append([]string{"exceptions", "list", "-o", "json"}, args...)...)), &out); err != nil {
		t.Fatal(err)
	}
	return out.Exceptions
}

// An exception covers what it says at once, in another process than the one that reads, and its end makes it fire again.
func TestExceptions(t *testing.T) {
	t.Parallel()
	data, _ := stored(t, proxyLine(`CONTOSO\svc-scan`, "agent"), proxyLine(`CONTOSO\anna`, "agent"))
	says(t, must(t, exitDone, "exceptions", "list", "--data", data), "0 exceptions", "outmode exceptions add --help")
	out := must(t, exitDone, "exceptions", "add", "--data", data, "--user", "svc-scan", "--address", "198.51.100.0/24", "--protocol", "EWS", "--rule", "om-1003",
		"--reason", "a scanner", "--owner", "anna", "--ticket", "4711", "--approver", "carla", "--expires", "90d")
	says(t, out, "exception x-", "of anna until", "covers 1 finding")
	all := listedExceptions(t, "--data", data)
	if len(all) != 1 {
		t.Fatalf("%v", all)
	}
	x := all[0]
	for key, want := range map[string]any{"state": "active", "group_file": "", "reason": "a scanner", "owner": "anna", "ticket": "4711", "approver": "carla", "findings": 1.0, "removed": ""} {
		if x[key] != want {
			t.Errorf("%s is %v, want %v", key, x[key], want)
		}
	}
	for key, want := range map[string]string{"users": "svc-scan", "addresses": "198.51.100.0/24", "protocols": "ews", "rules": "OM-1003"} {
		if list := x[key].([]any); len(list) != 1 || list[0] != want {
			t.Errorf("%s is %v, want %v", key, x[key], want)
		}
	}
	if list, ok := x["clients"].([]any); !ok || len(list) != 0 {
		t.Errorf("clients is %v", x["clients"])
	}
	id := x["id"].(string)
	covered := func() (ids []string) {
		for _, f := range listedFindings(t, "--data", data) {
			if f["exception"] == id {
				ids = append(ids, f["id"].(string))
			}
		}
		return ids
	}
	if len(covered()) != 1 {
		t.Fatal(covered())
	}
	says(t, must(t, exitDone, "findings", "show", "--data", data, "--", covered()[0]), "exception "+id+" of anna until", "covered by exception "+id)
	says(t, must(t, exitDone, "findings", "list", "--data", data), "1 covered by an exception", id)
	says(t, must(t, exitDone, "exceptions", "list", "--data", data), id+" active svc-scan ews, 198.51.100.0/24, OM-1003", "1 anna a scanner", "1 exception", "not ends in")
	finding := covered()[0]
	says(t, must(t, exitDone, "exceptions", "remove", id[:5], "--data", data, "--by", "dora", "--note", "it is gone"), "exception "+id+" of anna removed: it covered 1 finding")
	if len(covered()) != 0 {
		t.Error("it still covers")
	}
	says(t, must(t, exitDone, "findings", "show", "--data", data, "--", finding), "open outmode: exception "+id+" removed by dora: it is gone")
	says(t, must(t, exitDone, "exceptions", "list", "--data", data), "0 exceptions, 1 more that expired or was removed: --all")
	if all := listedExceptions(t, "--all", "--data", data); len(all) != 1 || all[0]["state"] != "removed" || all[0]["removed_by"] != "dora" || all[0]["removed_note"] != "it is gone" || all[0]["removed"] == "" {
		t.Errorf("%v", all)
	}
	code, _, errs := outmode(t, "", "exceptions", "remove", id, "--data", data)
	if code != exitError || !strings.Contains(errs, "is removed already") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

// What is covered in part fires, and show says why.
func TestExceptionInPart(t *testing.T) {
	t.Parallel()
	data, _ := stored(t, proxyLine(`CONTOSO\svc-scan`, "agent"), strings.Replace(proxyLine(`CONTOSO\svc-scan`, "agent"), "198.51.100.7", "203.0.113.9", 1))
	says(t, must(t, exitDone, "exceptions", "add", "--data", data, "--user", "svc-*", "--address", "198.51.100.7", "--rule", "OM-1003", "--reason", "r", "--owner", "o", "--expires", "10d"),
		"covers 0 findings", "what of a finding lies outside of it")
	f := listedFindings(t, "--rule", "OM-1003", "--data", data)[0]
	says(t, must(t, exitDone, "findings", "show", "--data", data, "--", f["id"].(string)), "outside of exception x-", "address 203.0.113.9")
	says(t, must(t, exitDone, "exceptions", "list", "--data", data), "active", "1 exception")
	says(t, must(t, exitDone, "exceptions", "add", "--data", data, "--user", "nobody-like-this", "--rule", "OM-1003", "--reason", "r", "--owner", "o", "--expires", "10d"),
		"covers 0 findings", "no account that was seen so far is one of those that it names")
}

func TestExceptionOfAGroup(t *testing.T) {
	t.Parallel()
	data, _ := stored(t, proxyLine(`CONTOSO\anna`, "agent"), proxyLine(`CONTOSO\ben`, "agent"))
	group := write(t, filepath.Join(t.TempDir(), "pilots.txt"), []byte("# pilots\ncontoso\\anna\n"))
	args := []string{"exceptions", "add", "--data", data, "--group", group, "--rule", "legacy-auth", "--reason", "migrated last", "--owner", "ben", "--expires", time.Now().AddDate(0, 1, 0).Format(time.DateOnly)}
	must(t, exitDone, args...)
	for _, f := range listedFindings(t, "--data", data, "--rule", "OM-1003") {
		if (f["exception"] != nil) != (f["subject"] == `contoso\anna`) {
			t.Errorf("%v is covered by %v", f["subject"], f["exception"])
		}
	}
	if x := listedExceptions(t, "--data", data)[0]; x["group_file"] != group {
		t.Errorf("%v", x)
	}
	if err := os.Remove(group); err != nil {
		t.Fatal(err)
	}
	says(t, must(t, exitDone, "exceptions", "list", "--data", data), "reading the group file", "what it covers stays as it was")
	if code, _, errs := outmode(t, "", args...); code != exitError || !strings.Contains(errs, "reading the group file "+group) {
		t.Errorf("exit %d: %s", code, errs)
	}
	write(t, group, []byte("# nobody\n"))
	if code, _, errs := outmode(t, "", args...); code != exitError || !strings.Contains(errs, "names no account") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

// A condition of the program's own work has an id that stands in no rule file.
func TestExceptionOfTheProgramItself(t *testing.T) {
	t.Parallel()
	data, _ := stored(t, proxyLine(`CONTOSO\anna`, "agent"))
	add := func(rule string) { // each will expire soon, and that is a finding
		must(t, exitDone, "exceptions", "add", "--data", data, "--user", "*", "--rule", rule, "--reason", "r", "--owner", "o", "--expires", "5d", "--no-builtin")
	}
	for _, rule := range sqlite.OwnRules() {
		add(strings.ToLower(rule))
	}
	for _, x := range listedExceptions(t, "--data", data) {
		if got := x["rules"].([]any)[0].(string); !slices.Contains(sqlite.OwnRules(), got) {
			t.Errorf("an exception of %s", got)
		}
	}
	s, err := sqlite.Open(t.Context(), data, sqlite.Options{})
	if err == nil {
		err = s.Watch(t.Context(), time.Now().AddDate(0, 0, 4), 0)
		defer s.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	found := listedFindings(t, "--data", data, "--rule", sqlite.RuleExpiring)
	for _, f := range found {
		if f["exception"] == nil {
			t.Errorf("%v is not covered", f)
		}
	}
	if len(found) == 0 {
		t.Error("there is no finding")
	}
}

func TestExceptionsThatAreRefused(t *testing.T) {
	t.Parallel()
	data, _ := stored(t, proxyLine(`CONTOSO\anna`, "agent"))
	for say, change := range map[string][]string{
		"needs --user PATTERN or --group FILE":              {"--user"},
		"needs --expires":                                   {"--expires"},
		"needs a reason":                                    {"--reason"},
		"needs an owner":                                    {"--owner"},
		"\"soon\" is no end":                                {"--expires", "soon"},
		"which is over":                                     {"--expires", "2020-01-01"},
		"it may last 400d at most":                          {"--expires", "401d"},
		"needs another condition":                           {"--user", "*"},
		"the user pattern \"\": is empty":                   {"--user", ""},
		"there is no protocol \"imao\"; did you mean":       {"--protocol", "imao"},
		"is no range of addresses":                          {"--address", "10.0.0.0/99"},
		"fits everything: leave it out":                     {"--address", "0.0.0.0/0"},
		"the client pattern \"*\" fits everything":          {"--client", "*"},
		"--rule \"OM-9999\" is no id and no tag of a rule;": {"--rule", "OM-9999"},
	} {
		flags := map[string]string{"--user": "svc-scan", "--reason": "r", "--owner": "o", "--expires": "90d"}
		if len(change) == 1 {
			delete(flags, change[0])
		} else {
			flags[change[0]] = change[1]
		}
		args := []string{"exceptions", "add", "--data", data}
		for flag, value := range flags {
			args = append(args, flag, value)
		}
		code, _, errs := outmode(t, "", args...)
		if code != exitUsage || !strings.Contains(errs, say) {
			t.Errorf("%v: exit %d; said %q, want %q", change, code, errs, say)
		}
	}
	if all := listedExceptions(t, "--all", "--data", data); len(all) != 0 {
		t.Errorf("one was added: %v", all)
	}
	for say, args := range map[string][]string{"there is no exception \"x-zz\"": {"x-zz"}, "needs the ID of an exception": {}} {
		if code, _, errs := outmode(t, "", append([]string{"exceptions", "remove", "--data", data}, args...)...); code == exitDone || !strings.Contains(errs, say) {
			t.Errorf("exit %d: %s", code, errs)
		}
	}
}
