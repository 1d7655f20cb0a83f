package rules_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// spelt lists findings without what a replay does not tell: the lines that show them.
func spelt(all []rules.Finding) (lines []string) {
	for _, f := range all {
		lines = append(lines, fmt.Sprintf("%s %s %s %q|%s %d %s %s", f.ID, f.Level, f.Rule, f.Subject, f.Protocol, f.Count, f.First.Format(time.RFC3339), f.Last.Format(time.RFC3339)))
	}
	slices.Sort(lines)
	return lines
}

// unequal shows two values that are not equal.
func unequal(want, got any) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return fmt.Sprintf("got\n%q\nwant\n%q", got, want)
}

// unlike shows the lines that only one of two lists has.
func unlike(want, got []string) string {
	var out []string
	for _, w := range want {
		if !slices.Contains(got, w) {
			out = append(out, "lacks "+w)
		}
	}
	for _, g := range got {
		if !slices.Contains(want, g) {
			out = append(out, "has   "+g)
		}
	}
	return strings.Join(out, "\n")
}

func keptOf(r *rules.Replay) (all []rules.Finding) {
	for _, k := range r.Kept {
		all = append(all, k.Finding)
	}
	return all
}

// rowRule writes a rule that reads what the key of a row tells alone.
func rowRule(r *rand.Rand, id int) string {
	conditions := []string{`auth == "basic"`, `outcome in ["success", "failure"]`, `user == "anna"`, `glob(user, "*n*")`, `domain == "contoso"`, `server == "EX01"`,
		`privileged`, `internal`, `backend`, `client == "family-1"`, `modern == "no"`, `legacy_exo`, `!legacy_onprem`, `dataset == "outmode.iis"`, `user != domain`,
		`protocol in ["mapi", "ews"]`, `evidence == "proven"`, `int(user) > 8`, `in_list(user, "some")`}
	when := pick(r, conditions)
	for range r.IntN(3) {
		when += pick(r, []string{" && ", " || "}) + pick(r, conditions)
	}
	text := fmt.Sprintf("id: R-%d\nname: n\nseverity: %s\ngroup_by: [%s]\nwhen: %q\n", id, pick(r, signin.Words("severity")),
		pick(r, []string{"user", "user, protocol", "server", "client, outcome", "protocol"}), when)
	if r.IntN(4) == 0 {
		text += "type: first_seen\nbaseline: 20d\n"
	}
	return text
}

// A set that was stored and replayed by another finds what that finds from the lines, whatever the rules are, as long as
// rows tell all that they read. What reads lines stays as it is where it is not changed.
func TestReplayFindsWhatTheLinesWould(t *testing.T) {
	t.Parallel()
	const lists = "lists:\n  some: [ben, \"a*\"]\n---\n"
	const lines = "id: L-1\nname: n\nseverity: low\nwhen: status == 401 || int(user) > 8 && hour > 12\n---\n" +
		"id: L-2\nname: n\nseverity: high\ngroup_by: [address]\nwhen: auth == \"basic\"\n---\n" +
		"id: L-3\nname: n\nseverity: high\ntype: threshold\nthreshold: 2\nwindow: 9d\nwhen: privileged\n---\n"
	for seed := range uint64(20) {
		r := newRand(seed)
		// Both sets number their rules differently.
		old, changed := lists, lists+rowRule(r, 0)+"---\n"+lines
		for i := range 4 {
			old += rowRule(r, i) + "---\n"
			if i > 0 {
				changed += rowRule(r, i) + "---\n"
			}
		}
		was, is := load(t, old+lines), load(t, changed)
		before, after := newPipeline(was), newPipeline(is)
		w := newWorld(r)
		for i := range 400 {
			l := logged{w.signIn(r), signin.Ref{Offset: int64(i)}}
			l.s.Internal = l.s.Address.Internal // as rows have it here
			before.add(l, nil)
			after.add(l, nil)
		}
		covered := map[signin.Kind]signin.Span{}
		for _, k := range []signin.Kind{signin.IIS, signin.HTTPProxy, signin.IMAPLog} {
			covered[k] = signin.Span{From: 1_790_000_000_000 - 10*24*3600*1000, To: 1_800_000_000_000}
		}
		want, had := is.Findings(after.observed(covered)), was.Findings(before.observed(covered))
		wantBroken := is.Broken()
		got := rules.NewReplay(was, is, before.observed(covered))
		if diff := unlike(spelt(want), spelt(append(keptOf(got), got.Opened...))); diff != "" {
			t.Fatalf("seed %d: %s\n%s\n%s", seed, diff, old, changed)
		}
		if n := len(had) - len(got.Kept); n != len(got.Lost) || len(got.Unplayable) > 0 {
			t.Errorf("seed %d: %d lost, want %d; %v", seed, len(got.Lost), n, got.Unplayable)
		}
		if diff := unequal(wantBroken, got.Broken); diff != "" {
			t.Errorf("seed %d: %s", seed, diff)
		}
	}
}

// A set that is held against itself opens and loses nothing, whatever its rules read.
func TestReplayOfTheSameSet(t *testing.T) {
	t.Parallel()
	const old = "id: T-1\nname: a\nseverity: low\nwhen: hour > 6 && status > 0\n---\nid: T-2\nname: b\nseverity: low\ngroup_by: [address]\nwhen: auth == \"basic\"\n---\n" +
		"id: T-3\nname: c\nseverity: low\ntype: sequence\nwindow: 20d\nsteps:\n  - auth == \"basic\"\n  - in_list(address, \"nets\")\n---\nlists: {nets: [\"10.*\", 192.0.2.7]}\n"
	// A comment, other blanks, the order of a list: nothing of it has a meaning.
	same := strings.NewReplacer("hour > 6 && status > 0", "\"hour>6  && /* any */ status > 0\"", "[\"10.*\", 192.0.2.7]", "[192.0.2.7, \"10.*\"]").Replace(old)
	was := load(t, old)
	p := newPipeline(was)
	r := newRand(7)
	w := newWorld(r)
	for i := range 300 {
		p.add(logged{w.signIn(r), signin.Ref{Offset: int64(i)}}, nil)
	}
	o := p.observed(nil)
	had := was.Findings(o)
	for _, changed := range []string{old, same} {
		got := rules.NewReplay(was, load(t, changed), o)
		if diff := unlike(spelt(had), spelt(keptOf(got))); diff != "" || len(had) < 10 {
			t.Error(diff)
		}
		if n := len(got.Opened) + len(got.Lost) + len(got.Changed) + len(got.Unplayable) + len(got.Added) + len(got.Removed); n > 0 {
			t.Errorf("%+v", got)
		}
		for _, k := range got.Kept {
			if k.Before != k.Count {
				t.Errorf("%s: %d before, %d after", k.Rule, k.Before, k.Count)
			}
		}
	}
}

func TestReplaySaysWhatCannotBeReplayed(t *testing.T) {
	t.Parallel()
	const old = `
id: A-1
name: from a net
severity: low
tags: [one]
when: in_list(address, "nets")
---
id: A-2
name: many
severity: low
type: threshold
threshold: 10
window: 1h
when: auth == "basic"
---
id: A-3
name: at night
severity: low
zone: Europe/Vienna
when: hour < 6 && auth == "basic"
---
id: A-4
name: basic
severity: low
zone: Europe/Vienna
when: auth == "basic"
---
lists:
  nets: ["10.*"]
`
	for _, c := range []struct {
		name, from, to string
		want           []rules.Unplayable
		changed        []rules.Change
	}{
		{"threshold", "threshold: 10", "threshold: 20", []rules.Unplayable{{Rule: "A-2", Field: "threshold", Reason: "its threshold was changed from 10 to 20, and what it counts within a window was kept for the old rule alone"}},
			[]rules.Change{{Rule: "A-2", Field: "threshold", Old: "10", New: "20"}}},
		{"window", "window: 1h", "window: 90m", []rules.Unplayable{{Rule: "A-2", Field: "window", Reason: "its window was changed from 1h to 1h30m, and what it counts within a window was kept for the old rule alone"}},
			[]rules.Change{{Rule: "A-2", Field: "window", Old: "1h", New: "1h30m"}}},
		{"a list", `["10.*"]`, `["10.*", 192.0.2.7]`, []rules.Unplayable{{Rule: "A-1", Field: "address", Reason: "it reads address, which only the line tells, and lines are not kept"}},
			[]rules.Change{{Rule: "A-1", Field: "lists", Old: `nets: "10.*"`, New: `nets: "10.*" "192.0.2.7"`}}},
		{"the zone that a rule reads", "zone: Europe/Vienna", "zone: Asia/Tokyo", []rules.Unplayable{{Rule: "A-3", Field: "hour", Reason: "it reads hour, which only the line tells, and lines are not kept"}},
			[]rules.Change{{Rule: "A-3", Field: "zone", Old: "Europe/Vienna", New: "Asia/Tokyo"}}},
		{"words", "tags: [one]", "tags: [one, two]\nresolve_after: 3d", nil,
			[]rules.Change{{Rule: "A-1", Field: "tags", Old: "one", New: "one two"}, {Rule: "A-1", Field: "resolve_after", New: "3d"}}},
		{"a line's field in the group", "when: auth == \"basic\"\n---\nlists", "group_by: [user, agent]\nwhen: auth == \"basic\"\n---\nlists",
			[]rules.Unplayable{{Rule: "A-4", Field: "agent", Reason: "it groups by agent, which only the line tells, and lines are not kept"}},
			[]rules.Change{{Rule: "A-4", Field: "group_by", Old: "user", New: "user agent"}}},
		{"a new rule with a window", "id: A-2", "id: N-1", []rules.Unplayable{{Rule: "N-1", Field: "window", Reason: "what it counts within a window was not kept"}}, nil},
		{"a new rule that counts what joining tells", "type: threshold\nthreshold: 10\n", "type: threshold\nthreshold: 10\ndistinct: factor\n", []rules.Unplayable{{Rule: "A-2", Field: "factor", Reason: "it reads factor: its findings are those of the next time that logons are joined with what gateways logged"}},
			[]rules.Change{{Rule: "A-2", Field: "distinct", New: "factor"}}},
		{"from the line to the row", `when: in_list(address, "nets")`, `when: auth == "basic"`, nil,
			[]rules.Change{{Rule: "A-1", Field: "when", Old: `in_list(address, "nets")`, New: `auth == "basic"`}, {Rule: "A-1", Field: "lists", Old: `nets: "10.*"`}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := strings.ReplaceAll(old, c.from, c.to)
			if text == old {
				t.Fatal("nothing is changed")
			}
			got := rules.NewReplay(load(t, old), load(t, text), rules.Observed{})
			if diff := unequal(c.want, got.Unplayable); diff != "" {
				t.Error(diff)
			}
			if diff := unequal(c.changed, got.Changed); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What is found by a rule that cannot be replayed is neither kept nor lost, and a rule that is gone takes its findings.
func TestReplayOfARuleThatIsGone(t *testing.T) {
	t.Parallel()
	was := load(t, "id: T-1\nname: a\nseverity: low\nwhen: status >= 0\n---\nid: T-2\nname: b\nseverity: low\nwhen: status >= 0 && auth != \"ntlm\"\n")
	p := newPipeline(was)
	r := newRand(3)
	w := newWorld(r)
	for i := range 50 {
		p.add(logged{w.signIn(r), signin.Ref{Offset: int64(i)}}, nil)
	}
	count := map[string]int{}
	for _, f := range was.Findings(p.observed(nil)) {
		count[f.Rule]++
	}
	got := rules.NewReplay(was, load(t, "id: T-1\nname: a\nseverity: low\nwhen: status >= 1\n"), p.observed(nil))
	if len(got.Unplayable) != 1 || got.Unplayable[0].Findings != count["T-1"] || len(got.Lost) != count["T-2"] || count["T-2"] == 0 || len(got.Kept)+len(got.Opened) > 0 {
		t.Errorf("of %v: %+v, %d lost, %d kept, %d opened", count, got.Unplayable, len(got.Lost), len(got.Kept), len(got.Opened))
	}
	if !slices.Equal(got.Removed, []string{"T-2"}) {
		t.Error(got.Removed)
	}
}

// Of accounts that are not told apart a rule that is new and asks who it was says nothing, and that is said.
func TestReplayOfTheCrowd(t *testing.T) {
	t.Parallel()
	was := load(t, "id: T-1\nname: a\nseverity: low\nwhen: user == \"anna\"\n")
	judge := was.NewJudge()
	r := newRand(5)
	w := newWorld(r)
	var o rules.Observed
	for range 200 {
		s := w.signIn(r)
		h := judge.Row(s)
		if len(h.Match) == 0 {
			continue
		}
		o.Usage = append(o.Usage, signin.Usage{Kind: s.Facts.Kind, Account: signin.OtherAccounts(), Protocol: s.Protocol, Auth: s.Auth, Client: "other", Count: 2, First: 1, Last: 2, Hits: h})
	}
	got := rules.NewReplay(was, load(t, "id: T-1\nname: a\nseverity: low\nwhen: user == \"anna\"\n---\nid: T-2\nname: b\nseverity: low\nwhen: user != \"anna\"\n---\nid: T-3\nname: b\nseverity: low\nwhen: auth != \"ntlm\"\n"), o)
	found := map[string]bool{}
	for _, f := range append(keptOf(got), got.Opened...) {
		found[f.Rule] = true
	}
	if len(o.Usage) == 0 || got.Unjudged != 2*int64(len(o.Usage)) || !found["T-1"] || found["T-2"] || !found["T-3"] || len(got.Lost) > 0 {
		t.Errorf("%d not judged, found by %v, %d lost", got.Unjudged, found, len(got.Lost))
	}
}
