package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/internal/store/sqlite"
)

// jsonGrouped is usage --by as another program reads it.
type jsonGrouped struct {
	By      []string
	SignIns struct {
		Lines, Counted, Waiting int64
		ToldTwice               int64 `json:"told_twice"`
		NotKept                 int64 `json:"not_kept"`
	}
	Usage    []map[string]any
	Coverage []map[string]any
	Notes    []string
}

func groupedJSON(t *testing.T, data string, args ...string) (g jsonGrouped) {
	t.Helper()
	decode(t, must(t, exitDone, append([]string{"usage", "--data", data, "-o", "json"}, args...)...), &g)
	return g
}

// By whatever columns, for whatever period, the counts are those of the usage rows.
func TestUsageByCountsWhatUsageCounts(t *testing.T) {
	t.Parallel()
	data := contosoStore(t)
	for _, period := range [][]string{{}, {"--since", "2026-10-06", "--until", "2026-10-06"}, {"--since", "2026-10-07"}} {
		var plain jsonReport
		decode(t, must(t, exitDone, append([]string{"usage", "--data", data, "-o", "json"}, period...)...), &plain)
		for _, by := range []string{"hour", "day", "server,dataset", "user", "protocol,auth,mechanism", "outcome,evidence,traffic", "client,internal,backend", "day,auth", "hour,server,outcome", "hour,user"} {
			g := groupedJSON(t, data, append([]string{"--by", by}, period...)...)
			s := g.SignIns
			if s.Lines != plain.SignIns.Lines || s.Counted != plain.SignIns.Counted || s.ToldTwice != plain.SignIns.Told_Twice || s.Waiting != 0 || s.NotKept != 0 {
				t.Errorf("%v by %s: %+v, usage says %+v", period, by, s, plain.SignIns)
			}
			var keys []string
			for _, c := range g.By {
				if c != "hour" && c != "day" {
					keys = append(keys, c)
				}
			}
			want, got := sumBy(plain.Usage, keys), sumBy(g.Usage, keys)
			if !maps.Equal(want, got) || sumBy(g.Usage, nil)[""] != s.Counted {
				t.Errorf("%v by %s: %v, want %v", period, by, got, want)
			}
		}
	}
}

// sumBy adds up the counts of rows that are alike in some keys.
func sumBy(rows []map[string]any, keys []string) map[string]int64 {
	sums := map[string]int64{}
	for _, r := range rows {
		var key []string
		for _, k := range keys {
			key = append(key, fmt.Sprint(r[k]))
		}
		if n := int64(r["count"].(float64)); n > 0 {
			sums[strings.Join(key, "\t")] += n
		}
	}
	return sums
}

// All forms tell the same rows; the table leaves zeros out where other columns would make many.
func TestUsageByInEveryForm(t *testing.T) {
	t.Parallel()
	data := contosoStore(t)
	const by = "hour,protocol,internal"
	g := groupedJSON(t, data, "--by", by)
	lines := strings.Split(strings.TrimSpace(must(t, exitDone, "usage", "--data", data, "--by", by, "-o", "ndjson")), "\n")
	records, err := csv.NewReader(strings.NewReader(must(t, exitDone, "usage", "--data", data, "--by", by, "-o", "csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	head := strings.Split("hour protocol internal count refused first last covered", " ")
	if len(lines) != len(g.Usage) || len(records) != len(lines)+1 || !slices.Equal(records[0], head) {
		t.Fatalf("%d rows, %d lines, %d records under %v", len(g.Usage), len(lines), len(records)-1, records[0])
	}
	zeros := 0
	for i, row := range g.Usage {
		var line map[string]any
		if err := json.Unmarshal([]byte(lines[i]), &line); err != nil || !maps.Equal(line, row) || len(row) != len(head) {
			t.Fatalf("%s is not %v: %v", lines[i], row, err)
		}
		for k, name := range head {
			if fmt.Sprint(row[name]) != records[i+1][k] {
				t.Fatalf("%v is not %v", records[i+1], row)
			}
		}
		if row["count"] == 0.0 {
			zeros++
		}
	}
	table := must(t, exitDone, "usage", "--data", data, "--by", by)
	says(t, table, "Sign-ins by hour, protocol and internal in "+data, "2,257 sign-in lines = 1,338 counted + 919 told twice", fmt.Sprintf("%s with 0 not shown: -v shows them", plural(zeros, "row")),
		"outmode sources --data "+data)
	if n := strings.Count(must(t, exitDone, "usage", "--data", data, "--by", by, "-v"), "\n"); zeros == 0 || n != strings.Count(table, "\n")+zeros-1 {
		t.Errorf("%d lines with the %d zeros", n, zeros)
	}
	says(t, must(t, exitDone, "usage", "--data", data, "--by", "server"), "EX01 889 ", "first last", "not covered")
}

func TestUsageByArguments(t *testing.T) {
	t.Parallel()
	data, _ := stored(t, proxyLine(`=cmd`, "agent"))
	for by, want := range map[string]string{
		"protocl":   `there is no column "protocl"; did you mean "protocol"? The columns are hour, day, server,`,
		"day,acct":  `there is no column "acct". The columns are`,
		"":          "names no column between its commas",
		"day,,auth": "names no column between its commas",
		"day,day":   "day is there twice",
		"day,hour":  "an hour names its day",
	} {
		if code, out, errs := outmode(t, "", "usage", "--data", data, "--by", by); code != exitUsage || !strings.Contains(errs, want) || out != "" {
			t.Errorf("--by %q: exit %d: %s%s", by, code, out, errs)
		}
	}
	for _, flag := range []string{"--top=3", "--no-builtin", "--rules=x"} {
		if code, _, errs := outmode(t, "", "usage", "--data", data, "--by", "day", flag); code != exitUsage || !strings.Contains(errs, "does not change what --by counts") {
			t.Errorf("%s: exit %d: %s", flag, code, errs)
		}
	}
	if code, _, errs := outmode(t, "", "usage", "--data", data, "-o", "ndjson"); code != exitUsage {
		t.Errorf("ndjson without --by: exit %d: %s", code, errs)
	}
	says(t, must(t, exitDone, "usage", "--data", data, "--by", "user", "-o", "csv"), "'=cmd")
	says(t, must(t, exitDone, "usage", "--data", data, "--by", "hour", "--since", "2027-01-01"), "No log with an event of that time was read")
	if g := groupedJSON(t, data, "--by", "hour,server", "--since", "2027-01-01"); len(g.Usage) != 0 || len(g.Coverage) == 0 {
		t.Errorf("%+v", g)
	}
}

// at is an instant of the 6th of October 2026.
func at(clock string) int64 {
	t, err := time.Parse(time.DateTime, "2026-10-06 "+clock)
	if err != nil {
		panic(err)
	}
	return t.UnixMilli()
}

// A zero is said only of what was covered, by the logs that can tell of the row.
func TestZerosHaveCoverage(t *testing.T) {
	t.Parallel()
	cover := []ingest.Coverage{
		{Server: "EX01", Kind: signin.IIS, From: at("08:10:00"), To: at("15:50:00"), Gaps: []ingest.Gap{{From: at("10:00:00"), To: at("12:00:00")}}},
		{Server: "EX02", Kind: signin.IIS, From: at("11:10:00"), To: at("15:50:00")},
		{Server: "EX01", Kind: signin.IMAPLog, From: at("09:10:00"), To: at("14:50:00")},
	}
	group := func(clock, server string, p signin.Protocol) signin.Group {
		return signin.Group{Start: at(clock + ":00:00"), Server: server, Protocol: p, Count: 1, First: at(clock + ":30:00"), Last: at(clock + ":30:00")}
	}
	for _, c := range []struct {
		by   []signin.Column
		have []signin.Group
		want string
		left unfilled
	}{
		{[]signin.Column{signin.ByHour}, []signin.Group{group("13", "", 0)}, "08 part 0, 09 part 0, 10 part 0, 11 part 0, 12 yes 0, 13 yes 1, 14 yes 0, 15 part 0", unfilled{}},
		{[]signin.Column{signin.ByHour, signin.ByServer}, []signin.Group{group("13", "EX01", 0), group("13", "EX02", 0)},
			"08 EX01 part 0, 09 EX01 yes 0, 10 EX01 part 0, 11 EX01 part 0, 11 EX02 yes 0, 12 EX01 yes 0, 12 EX02 yes 0, 13 EX01 yes 1, 13 EX02 yes 1, 14 EX01 yes 0, 14 EX02 yes 0, 15 EX01 part 0, 15 EX02 part 0", unfilled{}},
		{[]signin.Column{signin.ByHour, signin.ByProtocol}, []signin.Group{group("13", "", signin.EWS), group("13", "", signin.IMAP)},
			// EX02 keeps no log of IMAP.
			"08 ews part 0, 09 ews part 0, 09 imap part 0, 10 imap part 0, 11 ews part 0, 11 imap part 0, 12 ews yes 0, 12 imap part 0, 13 ews yes 1, 13 imap part 1, 14 ews yes 0, 14 imap part 0, 15 ews part 0", unfilled{}},
		{[]signin.Column{signin.ByHour, signin.ByUser}, []signin.Group{group("13", "", 0)}, "13 - yes 1", unfilled{}},
		{[]signin.Column{signin.ByDay}, nil, "00 part 0", unfilled{}},
	} {
		x := newCovered(cover, c.by, time.UnixMilli(at("15:55:00")))
		groups := c.have
		from, to := spanOf(cover, 0, 0)
		left := x.fill(&groups, from, to)
		var said []string
		for i := range groups {
			text := instantHour(groups[i].Start)
			for _, column := range c.by[1:] {
				text += " " + orDash(groups[i].Value(column))
			}
			said = append(said, fmt.Sprint(text, " ", x.of(&groups[i]), " ", groups[i].Count))
		}
		if got := strings.Join(said, ", "); got != c.want || left != c.left {
			t.Errorf("by %v: %s, %+v\nwant %s", c.by, got, left, c.want)
		}
	}
	for i := range cover { // the day after is over by now, and the hours between were told by nobody
		cover[i].Gaps = []ingest.Gap{{From: at("10:00:00"), To: at("13:00:00")}}
	}
	x := newCovered(cover, []signin.Column{signin.ByHour}, time.UnixMilli(at("23:55:00")))
	var groups []signin.Group
	if left := x.fill(&groups, at("08:10:00"), at("15:50:00")); left.dark != 3 || len(groups) != 5 || x.of(&groups[4]) != partly || x.of(&signin.Group{Start: at("11:00:00")}) != not {
		t.Errorf("%+v: %v", left, groups)
	}
	if left := x.fill(&groups, at("08:10:00"), at("15:50:00")+maxGroups*hourMs); !left.tooMany {
		t.Errorf("%+v", left)
	}
}

func instantHour(ms int64) string { return time.UnixMilli(ms).UTC().Format("15") }

// What the rows do not hold is said in words.
func TestUsageByNotes(t *testing.T) {
	t.Parallel()
	kept := at("00:00:00")
	for _, c := range []struct {
		by    signin.Column
		since int64
		g     sqlite.Grouped
		want  string
	}{
		{signin.ByHour, 0, sqlite.Grouped{NotKept: 7, KeptFrom: kept}, "no row has the 7 sign-ins before 2026-10-06: of that time hours are not kept any more (retention.hours). --by day has them"},
		{signin.ByDay, 0, sqlite.Grouped{NotKept: 1, KeptFrom: kept}, "no row has the 1 sign-in before 2026-10-06: of that time days are not kept any more"},
		{signin.ByDay, kept - dayMs, sqlite.Grouped{KeptFrom: kept}, "of the time before 2026-10-06 no days are kept any more"},
		{signin.ByHour, kept - dayMs, sqlite.Grouped{KeptFrom: kept}, "no hours are kept any more (retention.hours)"},
		{signin.ByAuth, kept - dayMs, sqlite.Grouped{KeptFrom: kept}, "no days are kept any more (retention.days)"},
		{signin.ByAuth, kept, sqlite.Grouped{KeptFrom: kept}, ""},
		{signin.ByDay, 0, sqlite.Grouped{Waiting: 3}, "3 sign-in lines not counted yet"},
	} {
		r := newGrouped(&c.g, []signin.Column{c.by}, &scanFlags{globals: &globals{}, from: c.since}, time.UnixMilli(kept))
		if got := strings.Join(r.Notes, "; "); !strings.Contains(got, c.want) || got != "" && c.want == "" {
			t.Errorf("by %v: %q, want %q", c.by, got, c.want)
		}
	}
}

// A mail protocol that left no line for weeks, and servers that keep no log of it, are no zeros that are covered.
func TestMailLogsThatAreMissing(t *testing.T) {
	t.Parallel()
	pop, err := os.ReadFile(filepath.Join(root, "samples", "contoso", "EX01", "Pop3", "POP32026100600-1.LOG"))
	if err != nil {
		t.Fatal(err)
	}
	web := proxyHead + proxyLine(`CONTOSO\anna`, "x") + on("2026-10-08", proxyLine(`CONTOSO\anna`, "x")) + on("2026-11-10", proxyLine(`CONTOSO\anna`, "x")) + on("2026-11-20", proxyLine(`CONTOSO\anna`, "x"))
	data, _ := storeOf(t, map[string]string{"EX01/POP3a.LOG": string(pop), "EX01/POP3b.LOG": strings.ReplaceAll(string(pop), "2026-10-06", "2026-11-20"),
		"a.LOG": web, "b.LOG": strings.ReplaceAll(web, "EX01", "EX02")})
	var r struct {
		Usage    []struct{ Day, Protocol, Covered string }
		Coverage []struct {
			Server, Kind string
			Complete     bool
			Gaps         []struct{ From, To string }
		}
		Notes []string
	}
	decode(t, must(t, exitDone, "usage", "--data", data, "--by", "day,protocol", "-o", "json", "--since", "2026-10-06", "--until", "2026-11-21"), &r)
	if !strings.Contains(strings.Join(r.Notes, "\n"), "no POP log of ") && !strings.Contains(strings.Join(r.Notes, "\n"), "no IMAP log of ") {
		t.Errorf("the notes: %q", r.Notes)
	}
	days := 0
	for _, u := range r.Usage {
		if u.Protocol != "pop" {
			continue
		}
		if days++; u.Covered == wholly || u.Day > "2026-10-06" && u.Day < "2026-11-20" {
			t.Errorf("%+v", u)
		}
	}
	found := false
	for _, c := range r.Coverage {
		if c.Kind == "pop" {
			found = !c.Complete && len(c.Gaps) == 1 && strings.HasPrefix(c.Gaps[0].From, "2026-10-0") && strings.HasPrefix(c.Gaps[0].To, "2026-11-20")
		}
	}
	if days != 2 || !found {
		t.Errorf("%d days, %+v", days, r.Coverage)
	}
}
