package rules_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// many is n sign-ins, a minute apart.
func many(n int, clock string, user string, words ...string) (out []*signin.SignIn) {
	for i := range n {
		s := signed(clock, user, words...)
		s.Facts.Time += int64(i) * 60_000
		out = append(out, s)
	}
	return out
}

// one is a list of one sign-in.
func one(clock, user string, words ...string) []*signin.SignIn {
	return []*signin.SignIn{signed(clock, user, words...)}
}

// Every type of rule, from sign-ins to findings: where it fires, where it does not, and at the border
// between the two.
func TestFindingsOfEveryType(t *testing.T) {
	t.Parallel()
	const (
		basic   = head + "when: auth == \"basic\" && outcome == \"success\"\n"
		byIP    = basic + "group_by: [address]\n"
		spray   = head + "type: threshold\nthreshold: 3\ndistinct: user\ngroup_by: [address]\nwindow: 10m\nwhen: outcome == \"failure\"\n"
		guess   = head + "type: threshold\nthreshold: 3\nwindow: 10m\nwhen: outcome == \"failure\"\n"
		fresh   = head + "type: first_seen\nbaseline: 2d\nwhen: auth == \"basic\"\n"
		freshIP = fresh + "group_by: [user, address]\n"
		cracked = head + "type: sequence\nthreshold: 3\nwindow: 10m\nsteps: ['outcome == \"failure\"', 'outcome == \"success\"']\n"
		silent  = head + "type: absence\nwindow: 1h\nwhen: protocol == \"ews\"\n"
		alone   = head + "type: absence\nwindow: 10m\ngroup_by: [user]\nsteps: ['protocol == \"autodiscover\"', 'protocol == \"mapi\"']\n"
	)
	for name, c := range map[string]struct {
		rule string
		days int
		in   [][]*signin.SignIn
		want []string
	}{
		"match":                          {basic, 1, [][]*signin.SignIn{many(2, "08:00:00", "anna"), one("09:00:00", "anna", "mapi"), one("08:30:00", "ben")}, []string{`T-1 contoso\anna|ews|2|08:00:00 to 08:01:00`, `T-1 contoso\anna|mapi|1|09:00:00 to 09:00:00`, `T-1 contoso\ben|ews|1|08:30:00 to 08:30:00`}},
		"match: none":                    {basic, 1, [][]*signin.SignIn{many(2, "08:00:00", "anna", "ntlm"), many(2, "08:00:00", "anna", "refused")}, nil},
		"match: nobody is named":         {basic, 1, [][]*signin.SignIn{one("08:00:00", "")}, []string{"T-1 (none)|ews|1|08:00:00 to 08:00:00"}},
		"match: two servers are one":     {basic, 1, [][]*signin.SignIn{one("08:00:00", "anna"), one("09:00:00", "anna", "EX02", "iis")}, []string{`T-1 contoso\anna|ews|2|08:00:00 to 09:00:00`}},
		"match: several fields":          {basic + "group_by: [server, protocol, user]\n", 1, [][]*signin.SignIn{one("08:00:00", "anna"), one("08:10:00", "anna", "EX02")}, []string{`T-1 EX01, contoso\anna|ews|1|08:00:00 to 08:00:00`, `T-1 EX02, contoso\anna|ews|1|08:10:00 to 08:10:00`}},
		"match: the protocol alone":      {basic + "group_by: [protocol]\n", 1, [][]*signin.SignIn{one("08:00:00", "anna"), one("08:10:00", "ben")}, []string{`T-1 ews|ews|2|08:00:00 to 08:10:00`}},
		"match by address":               {byIP, 1, [][]*signin.SignIn{one("08:00:00", "anna"), one("08:10:00", "ben"), one("08:20:00", "ben", "mapi"), one("08:30:00", "ben", "198.51.100.1")}, []string{"T-1 192.0.2.7|ews|2|08:00:00 to 08:10:00", "T-1 192.0.2.7|mapi|1|08:20:00 to 08:20:00", "T-1 198.51.100.1|ews|1|08:30:00 to 08:30:00"}},
		"match by address: not logged":   {byIP, 1, [][]*signin.SignIn{one("08:00:00", "anna", "nowhere")}, []string{"T-1 (none)|ews|1|08:00:00 to 08:00:00"}},
		"threshold":                      {guess, 1, [][]*signin.SignIn{many(3, "08:00:00", "anna", "refused")}, []string{`T-1 contoso\anna||3|08:00:00 to 08:02:00`}},
		"threshold: all protocols":       {guess, 1, [][]*signin.SignIn{many(2, "08:00:00", "anna", "refused"), one("08:05:00", "anna", "refused", "mapi")}, []string{`T-1 contoso\anna||3|08:00:00 to 08:05:00`}},
		"threshold: one too few":         {guess, 1, [][]*signin.SignIn{many(2, "08:00:00", "anna", "refused"), one("08:01:00", "anna")}, nil},
		"threshold: two accounts":        {guess, 1, [][]*signin.SignIn{many(2, "08:00:00", "anna", "refused"), one("08:01:00", "ben", "refused")}, nil},
		"threshold: nobody is named":     {guess, 1, [][]*signin.SignIn{many(5, "08:00:00", "", "refused")}, nil},
		"threshold: the last minute":     {guess, 1, [][]*signin.SignIn{many(2, "08:00:59", "anna", "refused"), one("08:09:00", "anna", "refused")}, []string{`T-1 contoso\anna||3|08:00:59 to 08:09:00`}},
		"threshold: a minute too late":   {guess, 1, [][]*signin.SignIn{many(2, "08:00:59", "anna", "refused"), one("08:10:00", "anna", "refused")}, nil},
		"threshold: over midnight":       {guess, 2, [][]*signin.SignIn{many(3, "23:59:30", "anna", "refused")}, []string{`T-1 contoso\anna||3|23:59:30 to 1d 00:01:30`}},
		"distinct":                       {spray, 1, [][]*signin.SignIn{one("08:00:00", "anna", "refused"), one("08:01:00", "ben", "refused"), one("08:02:00", "carl", "refused")}, []string{"T-1 192.0.2.7||3|08:00:00 to 08:02:00"}},
		"distinct: one account":          {spray, 1, [][]*signin.SignIn{many(9, "08:00:00", "anna", "refused"), one("08:01:00", "ben", "refused")}, nil},
		"distinct: nobody is no value":   {spray, 1, [][]*signin.SignIn{one("08:00:00", "anna", "refused"), one("08:01:00", "ben", "refused"), many(5, "08:02:00", "", "refused")}, nil},
		"distinct: two addresses":        {spray, 1, [][]*signin.SignIn{one("08:00:00", "anna", "refused"), one("08:01:00", "ben", "refused"), one("08:02:00", "carl", "refused", "198.51.100.1")}, nil},
		"distinct: too far apart":        {spray, 1, [][]*signin.SignIn{one("08:00:00", "anna", "refused"), one("08:01:00", "ben", "refused"), one("08:10:00", "carl", "refused")}, nil},
		"distinct: no address":           {spray, 1, [][]*signin.SignIn{one("08:00:00", "anna", "refused", "nowhere"), one("08:01:00", "ben", "refused", "nowhere"), one("08:02:00", "carl", "refused", "nowhere")}, nil},
		"first seen":                     {fresh, 5, [][]*signin.SignIn{one("3d 08:00:00", "anna"), one("4d 08:00:00", "anna", "mapi")}, []string{`T-1 contoso\anna||2|3d 08:00:00 to 4d 08:00:00`}},
		"first seen: in two days":        {fresh, 2, [][]*signin.SignIn{one("08:00:00", "anna"), one("1d 23:59:59", "ben"), one("12:00:00", "carl", "mapi")}, nil},
		"first seen: after learning":     {fresh, 5, [][]*signin.SignIn{one("2d 00:00:00", "anna")}, []string{`T-1 contoso\anna||1|2d 00:00:00 to 2d 00:00:00`}},
		"first seen: while learning":     {fresh, 5, [][]*signin.SignIn{one("1d 23:59:59", "anna"), one("4d 08:00:00", "anna")}, nil},
		"first seen: another account":    {fresh, 5, [][]*signin.SignIn{one("08:00:00", "anna"), one("4d 08:00:00", "ben"), one("4d 08:00:00", "anna")}, []string{`T-1 contoso\ben||1|4d 08:00:00 to 4d 08:00:00`}},
		"first seen: of another kind":    {fresh, 5, [][]*signin.SignIn{one("08:00:00", "anna", "ntlm"), one("4d 08:00:00", "anna")}, []string{`T-1 contoso\anna||1|4d 08:00:00 to 4d 08:00:00`}},
		"first seen from":                {freshIP, 5, [][]*signin.SignIn{one("08:00:00", "anna"), one("4d 08:00:00", "anna", "198.51.100.1")}, []string{`T-1 contoso\anna, 198.51.100.1||1|4d 08:00:00 to 4d 08:00:00`}},
		"first seen from: after":         {freshIP, 5, [][]*signin.SignIn{one("2d 00:00:00", "anna")}, []string{`T-1 contoso\anna, 192.0.2.7||1|2d 00:00:00 to 2d 00:00:00`}},
		"first seen from: learning":      {freshIP, 5, [][]*signin.SignIn{one("1d 23:59:59", "anna"), one("4d 08:00:00", "anna")}, nil},
		"sequence":                       {cracked, 1, [][]*signin.SignIn{many(3, "08:00:00", "anna", "refused"), one("08:05:00", "anna", "mapi")}, []string{`T-1 contoso\anna||4|08:00:00 to 08:05:00`}},
		"sequence: one too few":          {cracked, 1, [][]*signin.SignIn{many(2, "08:00:00", "anna", "refused"), one("08:05:00", "anna")}, nil},
		"sequence: never accepted":       {cracked, 1, [][]*signin.SignIn{many(9, "08:00:00", "anna", "refused"), one("08:05:00", "anna", "blocked")}, nil},
		"sequence: somebody else":        {cracked, 1, [][]*signin.SignIn{many(3, "08:00:00", "anna", "refused"), one("08:05:00", "ben")}, nil},
		"sequence: the wrong order":      {cracked, 1, [][]*signin.SignIn{one("07:59:59", "anna"), many(3, "08:00:00", "anna", "refused")}, nil},
		"sequence: the last instant":     {cracked, 1, [][]*signin.SignIn{many(3, "08:00:00", "anna", "refused"), one("08:10:00", "anna")}, []string{`T-1 contoso\anna||4|08:00:00 to 08:10:00`}},
		"sequence: a second too late":    {cracked, 1, [][]*signin.SignIn{many(3, "08:00:00", "anna", "refused"), one("08:10:01", "anna")}, nil},
		"absence":                        {silent, 1, [][]*signin.SignIn{many(3, "08:00:00", ""), one("10:00:00", "", "EX02"), one("23:30:00", "", "EX02")}, []string{"T-1 EX01||1|08:02:00 to 1d 00:00:00", "T-1 EX02||1|10:00:00 to 23:30:00"}},
		"absence: the last instant":      {silent, 1, [][]*signin.SignIn{one("22:00:00", "anna"), one("23:00:00", "anna"), one("23:00:01", "anna", "mapi")}, nil},
		"absence: a second too long":     {silent, 1, [][]*signin.SignIn{one("21:59:59", "anna"), one("23:00:00", "anna")}, []string{"T-1 EX01||1|21:59:59 to 23:00:00"}},
		"absence: never there":           {silent, 1, [][]*signin.SignIn{many(3, "08:00:00", "anna", "mapi")}, nil},
		"absence: not answered":          {alone, 1, [][]*signin.SignIn{one("08:00:00", "anna", "autodiscover"), one("07:59:00", "anna", "mapi"), one("08:01:00", "ben", "mapi")}, []string{`T-1 contoso\anna||1|08:00:00 to 08:00:00`}},
		"absence: answered":              {alone, 1, [][]*signin.SignIn{one("08:00:00", "anna", "autodiscover"), one("08:10:00", "anna", "mapi")}, nil},
		"absence: answered too late":     {alone, 1, [][]*signin.SignIn{one("08:00:00", "anna", "autodiscover"), one("08:10:01", "anna", "mapi")}, []string{`T-1 contoso\anna||1|08:00:00 to 08:00:00`}},
		"absence: the log ends too soon": {alone, 1, [][]*signin.SignIn{one("23:51:00", "anna", "autodiscover")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := load(t, c.rule)
			if got := summarized(find(set, days(c.days), numbered(slices.Concat(c.in...)...)...)); !slices.Equal(got, c.want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
			if broken := set.Broken(); len(broken) > 0 {
				t.Errorf("broken: %v", broken)
			}
		})
	}
}

// What is unknown is not new: without coverage of its log a group is never seen for the first time,
// and a rule without a baseline learns for a week.
func TestFirstSeenNeedsCoverage(t *testing.T) {
	t.Parallel()
	const fresh = head + "type: first_seen\nwhen: internal == false\n"
	for _, group := range []string{"", "group_by: [user, address]\n"} {
		set := load(t, fresh+group)
		line := numbered(signed("6d 12:00:00", "anna"), signed("7d 12:00:00", "ben"))
		if got := find(set, nil, line...); len(got) > 0 {
			t.Errorf("%q: found without coverage: %q", group, summarized(got))
		}
		other := map[signin.Kind]signin.Span{signin.IIS: days(30)[signin.IIS]}
		if got := find(set, other, line...); len(got) > 0 {
			t.Errorf("%q: found though only another log is covered: %q", group, summarized(got))
		}
		if got := find(set, days(30), line...); len(got) != 1 || !strings.HasPrefix(got[0].Subject, `contoso\ben`) {
			t.Errorf("%q: found %q, want ben, who came after a week", group, summarized(got))
		}
	}
}

// Where two logs tell of a group, it is the coverage of the log that told of it first that counts.
func TestFirstSeenGoesByTheLogThatToldFirst(t *testing.T) {
	t.Parallel()
	set := load(t, head+"type: first_seen\nbaseline: 2d\nwhen: auth == \"basic\"\n")
	covered := days(9)
	covered[signin.IIS] = signin.Span{From: at("00:00:00") + 7*24*3600_000, To: covered[signin.IIS].To}
	for name, c := range map[string]struct {
		in   []*signin.SignIn
		want int
	}{
		"by the log that was long there": {[]*signin.SignIn{signed("5d 08:00:00", "anna"), signed("8d 08:00:00", "anna", "iis")}, 1},
		"by the log that had just begun": {[]*signin.SignIn{signed("7d 08:00:00", "anna", "iis"), signed("8d 08:00:00", "anna")}, 0},
	} {
		if got := find(set, covered, numbered(c.in...)...); len(got) != c.want {
			t.Errorf("%s: %q, want %d", name, summarized(got), c.want)
		}
	}
}

const fourRules = `id: Z-1
name: z
severity: low
when: protocol == "mapi"
---
id: A-1
name: a
severity: low
tags: [one, two]
when: auth == "basic"
---
id: M-1
name: m
severity: critical
type: threshold
threshold: 2
window: 5m
when: protocol == "mapi"
---
id: B-1
name: b
severity: info
when: protocol == "imap"
`

// The most severe come first, then all is in the order of rule, subject and protocol.
func TestOrderOfFindings(t *testing.T) {
	t.Parallel()
	got := find(load(t, fourRules), days(1), numbered(signed("08:00:00", "ben", "imap"), signed("08:00:00", "ben", "mapi"), signed("08:01:00", "ben"),
		signed("08:02:00", "anna", "mapi"), signed("08:03:00", "ben", "mapi"))...)
	want := []string{
		`M-1 contoso\ben||2|08:00:00 to 08:03:00`, `A-1 contoso\anna|mapi|1|08:02:00 to 08:02:00`, `A-1 contoso\ben|ews|1|08:01:00 to 08:01:00`,
		`A-1 contoso\ben|imap|1|08:00:00 to 08:00:00`, `A-1 contoso\ben|mapi|2|08:00:00 to 08:03:00`, `Z-1 contoso\anna|mapi|1|08:02:00 to 08:02:00`,
		`Z-1 contoso\ben|mapi|2|08:00:00 to 08:03:00`, `B-1 contoso\ben|imap|1|08:00:00 to 08:00:00`,
	}
	if !slices.Equal(summarized(got), want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(summarized(got), "\n  "), strings.Join(want, "\n  "))
	}
}

// A finding is the same finding in every run, of every version: what was said about it before must
// still belong to it. What it is about is all that its id depends on.
func TestIDsOfFindings(t *testing.T) {
	t.Parallel()
	id := func(rule string, s *signin.SignIn) string {
		fs := find(load(t, rule), days(1), numbered(s)...)
		if len(fs) != 1 {
			t.Fatalf("%d findings", len(fs))
		}
		return fs[0].ID
	}
	anna := head + "when: auth == \"basic\"\n"
	const first = "64BGC6vVNbouoAF2JuclKo"
	ids := map[string]string{
		"later, by another rule text": id(strings.Replace(anna, "low", "high", 1)+"version: 7\n", signed("23:00:00", "anna", "EX02", "198.51.100.1")),
		"of another account":          id(anna, signed("08:00:00", "ben")),
		"on another protocol":         id(anna, signed("08:00:00", "anna", "mapi")),
		"of another rule":             id(strings.Replace(anna, "T-1", "T-2", 1), signed("08:00:00", "anna")),
		"the first":                   id(anna, signed("08:00:00", "anna")),
	}
	for name, got := range ids {
		if same := name == "the first" || strings.HasPrefix(name, "later"); (got == first) != same {
			t.Errorf("%s: %s", name, got)
		}
	}
	if len(slices.Compact(slices.Sorted(maps.Values(ids)))) != 4 {
		t.Errorf("ids: %v", ids)
	}
}

// The JSON of a finding is a contract; a command adds evidence to it.
func TestFindingJSON(t *testing.T) {
	t.Parallel()
	fs := find(load(t, fourRules), days(1), numbered(signed("08:00:00", "anna"), signed("08:00:01", "anna", "imap"))...)
	text, err := json.Marshal(fs[len(fs)-1])
	if err != nil {
		t.Fatal(err)
	}
	id := fs[len(fs)-1].ID
	want := `{"id":"` + id + `","rule":"B-1","name":"b","severity":"info","tags":[],"subject":"contoso\\anna","protocol":"imap","state":"open",` +
		`"count":1,"first":"2026-10-06T08:00:01Z","last":"2026-10-06T08:00:01Z","exception":null}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if text, err = json.Marshal(fs[0].Tags); err != nil || string(text) != `["one","two"]` {
		t.Errorf("tags %s, %v", text, err)
	}
}

// A finding cites the first lines, three at most; of a sequence, the line that completed it is the last.
func TestEvidence(t *testing.T) {
	t.Parallel()
	places := func(f rules.Finding) (offsets []int64) {
		for _, at := range f.Evidence {
			offsets = append(offsets, at.Offset)
		}
		return offsets
	}
	set := load(t, head+"when: auth == \"basic\"\n---\nid: T-2\nname: s\nseverity: critical\ntype: sequence\nthreshold: 4\nwindow: 10m\nsteps: ['outcome == \"failure\"', 'outcome == \"success\"']\n")
	in := append(many(4, "08:00:00", "anna", "refused"), signed("08:05:00", "anna"), signed("08:06:00", "anna", "EX02"))
	fs := find(set, days(1), numbered(in...)...)
	if len(fs) != 2 || fs[0].Rule != "T-2" {
		t.Fatalf("findings %q", summarized(fs))
	}
	if got := places(fs[0]); !slices.Equal(got, []int64{0, 100, 400}) {
		t.Errorf("a sequence cites %v, want the first two refusals and the first success", got)
	}
	// Rows of one account are one line each: the refusals, the success, the success on the other server.
	if got := places(fs[1]); !slices.Equal(got, []int64{0, 400, 500}) {
		t.Errorf("a match cites %v", got)
	}
	lines := numbered(append(in, many(9, "12:00:00", "anna", "iis")...)...)
	slices.Reverse(lines)
	for i := range lines {
		lines[i].at.File = i / 5
	}
	want := slices.Clone(lines)
	sortLines(want)
	for _, f := range find(set, days(1), lines...) {
		if len(f.Evidence) != 3 || f.Rule == "T-1" && f.Evidence[0] != want[0].at {
			t.Errorf("%s cites %+v", f.Rule, f.Evidence)
		}
	}
}

// The evidence of a sequence tells it as it happened, whatever the names of the files: the steps in their
// order, the last of them last.
func TestEvidenceOfASequenceGoesByItsSteps(t *testing.T) {
	t.Parallel()
	const steps = head + "type: sequence\nwindow: 1h\nsteps: [%s]\n"
	type at struct {
		file int
		s    *signin.SignIn
	}
	for name, c := range map[string]struct {
		steps string
		in    []at
		want  []int // places in in
	}{
		"the last step in the first file": {"'outcome == \"failure\"', 'outcome == \"success\"'",
			[]at{{0, signed("08:30:00", "anna")}, {1, signed("08:20:00", "anna", "refused")}, {2, signed("08:10:00", "anna", "refused")}, {3, signed("08:00:00", "anna", "refused")}}, []int{3, 2, 0}},
		"earlier lines in later files": {"'outcome == \"failure\"', 'outcome == \"success\"'",
			[]at{{0, signed("11:30:00", "anna")}, {0, signed("11:20:00", "anna", "refused")}, {5, signed("08:00:00", "anna", "refused")}, {5, signed("08:10:00", "anna")}}, []int{2, 1, 3}},
		"a line of two steps is cited for the later": {"'auth == \"basic\"', 'outcome == \"success\"'",
			[]at{{0, signed("08:30:00", "anna")}, {1, signed("08:00:00", "anna", "refused")}}, []int{1, 0}},
		"of four steps the last three": {"'protocol == \"pop\"', 'protocol == \"imap\"', 'protocol == \"ews\"', 'protocol == \"mapi\"'",
			[]at{{0, signed("08:30:00", "anna", "mapi")}, {1, signed("08:20:00", "anna")}, {2, signed("08:10:00", "anna", "imap")}, {3, signed("08:00:00", "anna", "pop")}}, []int{2, 1, 0}},
		"more of the last step": {"'protocol == \"pop\"', 'protocol == \"imap\"'",
			[]at{{0, signed("08:30:00", "anna", "imap")}, {0, signed("08:20:00", "anna", "imap")}, {2, signed("08:10:00", "anna", "pop")}}, []int{2, 1, 0}},
	} {
		set := load(t, fmt.Sprintf(steps, c.steps))
		var lines []logged
		for i, l := range c.in {
			lines = append(lines, logged{l.s, signin.Ref{File: l.file, Offset: int64(100 * i)}})
		}
		fs := find(set, days(1), lines...)
		if len(fs) != 1 {
			t.Errorf("%s: findings %q", name, summarized(fs))
			continue
		}
		var got []int
		for _, ref := range fs[0].Evidence {
			got = append(got, int(ref.Offset/100))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: cites %v, want %v", name, got, c.want)
		}
	}
}

// Rows and minutes that were judged by a larger set, as before a change of rules, do no harm.
func TestFindingsOfALargerSet(t *testing.T) {
	t.Parallel()
	p := newPipeline(load(t, fourRules))
	for _, l := range numbered(append(many(3, "08:00:00", "anna", "mapi"), signed("08:00:00", "anna", "imap"))...) {
		p.add(l, nil)
	}
	o := p.observed(days(1))
	o.Usage = append(o.Usage, signin.Usage{Account: signin.Nobody(), Count: 1}, signin.Usage{Account: signin.Nobody(), Hits: &signin.Hits{Match: []int32{0}}})
	o.Minutes = append(o.Minutes, signin.Minute{Rule: -1, Count: 9}, signin.Minute{Rule: 99, Count: 9})
	small := load(t, head+"when: protocol == \"pop\"\n")
	for _, f := range small.Findings(o) {
		if f.Rule != "T-1" || f.Count == 0 {
			t.Errorf("finding %+v", f)
		}
	}
	if b := small.Broken(); len(b) > 0 {
		t.Errorf("broken: %v", b)
	}
}
