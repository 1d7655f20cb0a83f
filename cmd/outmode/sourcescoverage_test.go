package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// covers is sources' block on coverage, and its lines.
func covers(all []ingest.Coverage, verbose bool) (r *sourcesReport, block string) {
	r = newSourcesReport("/data", nil, nil)
	r.addCoverage(all)
	t := sourcesTable{r: r, w: &strings.Builder{}, p: &paint{}, verbose: verbose}
	t.coverage()
	return r, t.w.String()
}

// Hours are missing in gaps, and before and behind what was read where the server's other log or another server's was
// read; no hour is missing twice.
func TestSourcesSayWhichHoursAreMissing(t *testing.T) {
	t.Parallel()
	all := []ingest.Coverage{
		{Server: "EX01", Kind: signin.IIS, From: at("00:10:00"), To: at("23:50:00"), Complete: true},
		{Server: "EX01", Kind: signin.HTTPProxy, From: at("06:20:00"), To: at("23:50:00"), Gaps: []ingest.Gap{{From: at("10:00:00"), To: at("12:00:00")}, {From: at("14:00:00"), To: at("19:00:00")}}},
		{Server: "EX01", Kind: signin.IMAPLog, From: at("08:00:00"), To: at("16:00:00"), Complete: true},
		{Server: "EX02", Kind: signin.IIS, From: at("05:30:00"), To: at("20:40:00"), Complete: true},
		{Server: "EX02", Kind: signin.HTTPProxy, From: at("07:00:00"), To: at("23:10:00"), Complete: true}, // begins less than two hours after the others
		{Server: "EX03", Kind: signin.IMAPLog, From: at("00:00:00"), To: at("23:00:00")},
	}
	r, block := covers(all, false)
	for i, want := range []string{
		"EX01 iis 0 true", "EX01 httpproxy 13 false 00:10-06:20 10:00-12:00 14:00-19:00", "EX01 imap 0 true",
		"EX02 iis 8 false 00:10-05:30 20:40-23:50", "EX02 httpproxy 0 true", "EX03 imap 0 false",
	} {
		c := &r.Coverage[i]
		got := fmt.Sprint(c.Server, " ", c.Kind, " ", c.HoursMissing, " ", c.Complete)
		for _, s := range c.missing {
			got += " " + s.From[11:16] + "-" + s.To[11:16]
		}
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if e := r.Coverage[3].Elsewhere; len(e) != 2 || e[0].From != "2026-10-06T00:10:00Z" || e[1].To != "2026-10-06T23:50:00Z" {
		t.Errorf("%+v", e)
	}
	says(t, block, "EX01 httpproxy 2026-10-06 06:20 2026-10-06 23:50 13 2026-10-06 00:10 to 2026-10-06 06:20, and 2 times more", "EX02 iis 2026-10-06 05:30 2026-10-06 20:40 8 2026-10-06 00:10 to 2026-10-06 05:30, and 1 time more",
		"EX03 imap 2026-10-06 00:00 2026-10-06 23:00 0 a file was not read to its end", "EX01 iis 2026-10-06 00:10 2026-10-06 23:50 complete",
		"Of EX03 no IIS or HttpProxy log was read, and of other servers there is one.", "Of EX02 no IMAP log was read")
	if _, block = covers(all, true); strings.Count(block, "\n") != 2+1+6+3+2 {
		t.Errorf("with every gap:\n%s", block)
	}
	if _, block = covers(nil, false); block != "" {
		t.Errorf("of nothing it says %q", block)
	}
}

// Of fifty servers, all well or all with gaps, no more is shown than can be read.
func TestCoverageOfManyServersIsShort(t *testing.T) {
	t.Parallel()
	var all []ingest.Coverage
	for i := range 50 {
		for _, kind := range []signin.Kind{signin.IIS, signin.HTTPProxy, signin.IMAPLog, signin.POPLog} {
			if kind == signin.POPLog && i%2 == 0 {
				continue
			}
			all = append(all, ingest.Coverage{Server: fmt.Sprintf("EX%02d", i), Kind: kind, From: at("00:10:00"), To: at("23:50:00"), Complete: true})
		}
	}
	_, block := covers(all, false)
	if n := strings.Count(block, "\n"); n > 8 {
		t.Errorf("%d lines:\n%s", n, block)
	}
	says(t, block, "EX00, EX01, EX02 and 47 more iis 2026-10-06 00:10 2026-10-06 23:50 complete", "Of EX00, EX02, EX04 and 22 more no POP log was read")
	for i := range all {
		all[i].Gaps, all[i].Complete = []ingest.Gap{{From: at("10:00:00"), To: at("12:00:00") + int64(i)*hourMs}}, false
	}
	_, block = covers(all, false)
	if n := strings.Count(block, "\n"); n > 18 {
		t.Errorf("%d lines:\n%s", n, block)
	}
	says(t, block, "... and 163 logs more with hours missing: -v shows all")
}

// The samples miss what their story says, and the coverage is that of usage.
func TestSourcesShowCoverage(t *testing.T) {
	t.Parallel()
	data := contosoStore(t)
	text := must(t, exitDone, "sources", "--data", data)
	says(t, text, "EX02 httpproxy 2026-10-06 00:01 2026-10-07 23:33 8 2026-10-06 18:00 to 2026-10-07 02:00", "EX01, EX02 iis 2026-10-06 00:00 2026-10-07 23:53 complete", "Of EX02, EX03 no IMAP, POP or SMTP log was read")
	if coverage, next := strings.Index(text, "\nCoverage"), strings.Index(text, "\nNext"); coverage < strings.Index(text, "What was read") || next < coverage {
		t.Error("the coverage does not come between what was read and the next step")
	}
	var sources, used struct{ Coverage []map[string]any }
	decode(t, must(t, exitDone, "sources", "--data", data, "-o", "json"), &sources)
	decode(t, must(t, exitDone, "usage", "--data", data, "-o", "json"), &used)
	if len(sources.Coverage) != len(used.Coverage) {
		t.Fatalf("%d logs, in usage %d", len(sources.Coverage), len(used.Coverage))
	}
	for i, want := range used.Coverage {
		for key, value := range want {
			if got := sources.Coverage[i][key]; fmt.Sprint(got) != fmt.Sprint(value) {
				t.Errorf("%v: %s is %v, in usage %v", want["server"], key, got, value)
			}
		}
	}
}
