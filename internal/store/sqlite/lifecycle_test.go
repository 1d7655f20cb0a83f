package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/internal/store/sqlite"
)

const days = 24 * time.Hour

func TestFindingsAreListed(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.open()
	d.log(request{at: noon.Add(-2 * days), user: `CONTOSO\anna`, from: "198.51.100.7"}, request{at: noon.Add(-time.Hour), user: `CONTOSO\anna`, from: "198.51.100.7"},
		request{at: noon.Add(-3 * days), user: `ben@contoso.com`, from: "203.0.113.5", protocol: "Mapi"})
	d.file(deskIISHead + refusal(noon.Add(-time.Hour), `CONTOSO\carla`, "192.0.2.66") + refusal(noon.Add(-59*time.Minute), `CONTOSO\dora`, "192.0.2.66"))
	d.read(s)
	all := d.find(s, sqlite.FindingFilter{})
	var got []string
	for _, f := range all {
		got = append(got, fmt.Sprintf("%s %s %s|%s|%d %s %s %d", f.Level, f.Rule, f.Subject, f.Protocol, f.Count, f.State, f.Last.Sub(f.First), len(f.Evidence)))
		if len(f.ID) != 22 || f.Exception != nil || f.Tags == nil || !f.Opened.Equal(noon) {
			t.Errorf("%+v", f)
		}
	}
	want := []string{
		"critical T-3 192.0.2.66||2 open 1m0s 2",
		`high T-1 ben@contoso.com|mapi|1 open 0s 1`,
		`high T-1 contoso\anna|ews|2 open 47h0m0s 1`,
		`medium T-2 ben@contoso.com, 203.0.113.5|mapi|1 open 0s 1`,
		`medium T-2 contoso\anna, 198.51.100.7|ews|2 open 47h0m0s 2`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, f := range all {
		for _, e := range f.Evidence {
			if len(e.SHA256) != 64 || !strings.Contains(string(e.SignIn), `"@timestamp"`) || !strings.HasSuffix(e.File, ".LOG") || e.Line < 2 || e.Length == 0 {
				t.Errorf("%s: %+v", f.Rule, e)
			}
		}
	}
	for name, c := range map[string]struct {
		filter sqlite.FindingFilter
		want   int
	}{
		"severity":          {sqlite.FindingFilter{Severity: signin.High}, 3},
		"rule in any case":  {sqlite.FindingFilter{Rules: []string{"t-2"}}, 2},
		"tag":               {sqlite.FindingFilter{Rules: []string{"attack", "T-1"}}, 3},
		"state":             {sqlite.FindingFilter{States: []string{"resolved"}}, 0},
		"bare name":         {sqlite.FindingFilter{User: "anna"}, 2},
		"pattern of a name": {sqlite.FindingFilter{User: `contoso\*`}, 2},
		"nobody":            {sqlite.FindingFilter{User: "eve"}, 0},
		"since":             {sqlite.FindingFilter{Since: noon.Add(-days)}, 3},
		"prefix":            {sqlite.FindingFilter{Prefix: all[0].ID[:10]}, 1},
	} {
		if got := d.find(s, c.filter); len(got) != c.want {
			t.Errorf("%s: %d findings, want %d: %+v", name, len(got), c.want, got)
		}
	}
	if bare := d.find(s, sqlite.FindingFilter{Bare: true}); len(bare) != 5 || len(bare[0].Evidence) != 0 {
		t.Errorf("bare: %+v", bare)
	}
}

// Where the cited line was gone before it was looked at, the finding says so.
func TestEvidenceThatIsGone(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.open()
	d.log(request{at: noon, user: `CONTOSO\anna`, from: "198.51.100.7"})
	d.read(s)
	d.exec("UPDATE evidence SET sha256 = x'', document = NULL")
	if e := d.one(s, sqlite.FindingFilter{Rules: []string{"T-1"}}).Evidence; len(e) != 1 || e[0].SHA256 != "" || e[0].SignIn != nil {
		t.Errorf("%+v", e)
	}
}

func TestAcknowledge(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.open()
	d.log(request{at: noon, user: `CONTOSO\anna`, from: "198.51.100.7"}, request{at: noon, user: `CONTOSO\ben`, from: "198.51.100.8"})
	d.read(s)
	anna := d.one(s, sqlite.FindingFilter{User: "anna", Rules: []string{"T-1"}})
	ben := d.one(s, sqlite.FindingFilter{User: "ben", Rules: []string{"T-1"}})
	state := func() string { return d.one(s, sqlite.FindingFilter{Prefix: anna.ID}).State }
	if err := s.Acknowledge(t.Context(), []string{anna.ID, "no-such-id"}, "dora", "x"); !errors.Is(err, sqlite.ErrState) || state() != "open" {
		t.Fatalf("one of two is not there: %v, %s", err, state())
	}
	if err := s.Reopen(t.Context(), []string{anna.ID}, "dora", "x"); !errors.Is(err, sqlite.ErrState) {
		t.Errorf("an open one was reopened: %v", err)
	}
	if err := s.Acknowledge(t.Context(), []string{anna.ID, ben.ID}, "dora", "known"); err != nil || state() != "acknowledged" {
		t.Fatal(err, state())
	}
	if f := d.one(s, sqlite.FindingFilter{Prefix: anna.ID}); f.Actor != "dora" || f.Note != "known" || !f.Changed.Equal(d.now) {
		t.Errorf("%+v", f)
	}
	if err := s.Acknowledge(t.Context(), []string{anna.ID}, "eve", "known better"); err != nil {
		t.Error(err)
	}
	d.outbox(anna.ID)
	d.log(request{at: noon.Add(time.Minute), user: `CONTOSO\anna`, from: "198.51.100.7"})
	d.read(s)
	if state() != "acknowledged" || d.outbox(anna.ID) != "" {
		t.Error("it did not stay acknowledged")
	}
	if err := s.Reopen(t.Context(), []string{anna.ID}, "eve", "not so"); err != nil || state() != "open" {
		t.Error(err, state())
	}
	want := "open by outmode: opened\nacknowledged by dora: known\nacknowledged by eve: known better\nopen by eve: not so"
	if got := d.past(s, anna.ID); got != want {
		t.Errorf("history:\n%s\nwant\n%s", got, want)
	}
}

// Another process acknowledges while this one commits.
func TestAcknowledgeWhileAnotherCommits(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.open()
	d.log(request{at: noon, user: `CONTOSO\anna`, from: "198.51.100.7"})
	d.read(s)
	id := d.one(s, sqlite.FindingFilter{Rules: []string{"T-1"}}).ID
	other := d.open()
	var group sync.WaitGroup
	var committing error
	started := make(chan struct{})
	group.Go(func() {
		for i := range 20 {
			d.log(request{at: noon.Add(time.Duration(i) * time.Second), user: fmt.Sprintf(`CONTOSO\u%d`, i), from: "198.51.100.7"}, request{at: noon, user: `CONTOSO\anna`, from: "198.51.100.9"})
			if committing = d.tryRead(context.WithoutCancel(t.Context()), s); committing != nil {
				return
			}
			if i == 0 {
				close(started)
			}
		}
	})
	<-started
	for i := range 20 {
		if err := other.Acknowledge(t.Context(), []string{id}, "dora", fmt.Sprint(i)); err != nil {
			t.Error(err)
		}
		if err := other.Reopen(t.Context(), []string{id}, "dora", ""); err != nil {
			t.Error(err)
		}
	}
	if err := other.Acknowledge(t.Context(), []string{id}, "dora", "last"); err != nil {
		t.Error(err)
	}
	group.Wait()
	if committing != nil {
		t.Fatal(committing)
	}
	f := d.one(s, sqlite.FindingFilter{Prefix: id})
	if f.State != "acknowledged" || f.Note != "last" || f.Count != 21 || len(d.find(s, sqlite.FindingFilter{Rules: []string{"T-1"}})) != 21 {
		t.Errorf("%+v", f)
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	const after = 30 * days
	for name, c := range map[string]struct {
		later    time.Duration // the clock
		others   []request     // at times after noon
		hole     time.Duration // when one was noticed; 0 for none
		gap      bool          // no log is there of the time between
		noServer bool          // of the log with the hole
		want     string
	}{
		"too early":                                     {later: 29 * days, others: []request{{at: noon.Add(29 * days), server: "EX01"}}, want: "open"},
		"its log was heard":                             {later: 31 * days, others: []request{{at: noon.Add(31*days - time.Hour), server: "EX01"}}, want: "resolved"},
		"weeks without a log":                           {later: 31 * days, others: []request{{at: noon.Add(31*days - time.Hour), server: "EX01"}}, gap: true, want: "open"},
		"its log went silent":                           {later: 31 * days, others: []request{{at: noon.Add(31*days - time.Hour), server: "EX02"}, {at: noon.Add(20 * days), server: "EX01"}}, want: "open"},
		"nothing was heard any more":                    {later: 90 * days, others: []request{{at: noon.Add(20 * days), server: "EX01"}}, want: "open"},
		"all logs ended after it was silent":            {later: 90 * days, others: []request{{at: noon.Add(31 * days), server: "EX01"}}, want: "resolved"},
		"another server is heard later":                 {later: 90 * days, others: []request{{at: noon.Add(31 * days), server: "EX01"}, {at: noon.Add(60 * days), server: "EX02"}}, want: "open"},
		"a hole within the silence":                     {later: 31 * days, others: []request{{at: noon.Add(31*days - time.Hour), server: "EX01"}}, hole: 5 * days, want: "open"},
		"a hole of a log whose server nobody knows":     {later: 31 * days, others: []request{{at: noon.Add(31*days - time.Hour), server: "EX01"}}, hole: 5 * days, noServer: true, want: "open"},
		"a hole before it was seen":                     {later: 31 * days, others: []request{{at: noon.Add(31*days - time.Hour), server: "EX01"}}, hole: -5 * days, want: "resolved"},
		"a hole, and silence for long enough behind it": {later: 40 * days, others: []request{{at: noon.Add(40*days - time.Hour), server: "EX01"}}, hole: 5 * days, want: "resolved"},
		"a line from the future is not the present":     {later: 20 * days, others: []request{{at: noon.Add(90 * days), server: "EX01"}}, want: "open"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			s := d.open()
			d.log(request{at: noon, user: `CONTOSO\anna`, from: "198.51.100.7"})
			d.read(s)
			f := d.one(s, sqlite.FindingFilter{Rules: []string{"T-1"}})
			if got := d.outbox(f.ID); got != "opened" {
				t.Errorf("outbox: %q", got)
			}
			for _, r := range c.others {
				if r.server == "EX01" && !c.gap {
					d.idle(noon, r.at)
				}
				r.user, r.from = `CONTOSO\zoe`, "198.51.100.9"
				d.log(r)
			}
			d.now = noon.Add(c.later)
			d.read(s)
			if c.hole != 0 {
				at := noon.Add(c.hole).UnixMilli()
				d.exec(`INSERT INTO hole (source, at, bytes, "from", "to", reason) SELECT min(id), 1, 1, ?1, ?1, 'gone' FROM source`, at)
			}
			if c.noServer {
				d.exec("UPDATE source SET server = '', owner = '' WHERE id = (SELECT source FROM hole)")
			}
			if err := s.Resolve(t.Context(), d.now, after); err != nil {
				t.Fatal(err)
			}
			got := d.one(s, sqlite.FindingFilter{Prefix: f.ID})
			if got.State != c.want {
				t.Errorf("%s, want %s", got.State, c.want)
			}
			told, resolved := d.outbox(f.ID), strings.Contains(d.past(s, f.ID), "resolved by outmode: not seen since 2026-10-06 12:00, and its logs were read until")
			if resolved != (c.want == "resolved") || told != map[bool]string{true: "resolved"}[resolved && c.later < 90*days] {
				t.Errorf("outbox %q, history\n%s", told, d.past(s, f.ID))
			}
		})
	}
}

// A finding with a window is resolved too, by the logs that told it, after the time that its rule says.
func TestResolveAfterWhatTheRuleSays(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.open()
	d.file(deskIISHead + refusal(noon, `CONTOSO\carla`, "192.0.2.66") + refusal(noon.Add(time.Minute), `CONTOSO\dora`, "192.0.2.66"))
	d.read(s)
	f := d.one(s, sqlite.FindingFilter{})
	d.now = noon.Add(4 * days)
	d.log(request{at: d.now, user: `CONTOSO\zoe`, from: "198.51.100.9"})
	d.read(s)
	state := func() string {
		if err := s.Resolve(t.Context(), d.now, 30*days); err != nil {
			t.Fatal(err)
		}
		return d.one(s, sqlite.FindingFilter{Prefix: f.ID}).State
	}
	if got := state(); got != "open" {
		t.Errorf("%s, though no IIS log was heard", got)
	}
	d.idle(noon, d.now)
	d.file(deskIISHead + refusal(d.now, `CONTOSO\zoe`, "192.0.2.99"))
	d.read(s)
	if got := state(); got != "resolved" {
		t.Error(got)
	}
	d.file(deskIISHead + refusal(d.now, `CONTOSO\carla`, "192.0.2.66") + refusal(d.now.Add(time.Second), `CONTOSO\dora`, "192.0.2.66"))
	d.read(s)
	if got := state(); got != "open" {
		t.Errorf("%s after it was seen again", got)
	}
}

func TestReopenedWhenSeenAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.open()
	d.log(request{at: noon, user: `CONTOSO\anna`, from: "198.51.100.7"})
	d.read(s)
	f := d.one(s, sqlite.FindingFilter{Rules: []string{"T-1"}})
	if err := s.Acknowledge(t.Context(), []string{f.ID}, "dora", "known"); err != nil {
		t.Fatal(err)
	}
	d.now = noon.Add(40 * days)
	d.idle(noon, d.now)
	d.log(request{at: d.now, user: `CONTOSO\zoe`, from: "198.51.100.9"})
	d.read(s)
	if err := s.Resolve(t.Context(), d.now, 30*days); err != nil {
		t.Fatal(err)
	}
	d.outbox(f.ID)
	state := func() string { return d.one(s, sqlite.FindingFilter{Prefix: f.ID}).State }
	if state() != "resolved" {
		t.Fatal(state())
	}
	if err := s.Acknowledge(t.Context(), []string{f.ID}, "dora", "x"); !errors.Is(err, sqlite.ErrState) {
		t.Errorf("a resolved one was acknowledged: %v", err)
	}
	// An old log that comes late is no news.
	d.log(request{at: noon.Add(-5 * days), user: `CONTOSO\anna`, from: "198.51.100.7"})
	d.read(s)
	if state() != "resolved" {
		t.Error("an old sign-in opened it again")
	}
	d.log(request{at: d.now.Add(-3 * days), user: `CONTOSO\anna`, from: "198.51.100.7"})
	d.read(s)
	if got := d.outbox(f.ID); state() != "open" || got != "" {
		t.Errorf("seen again three days ago: %s, outbox %q", state(), got)
	}
	d.idle(d.now, d.now.Add(40*days))
	d.now = d.now.Add(40 * days)
	d.log(request{at: d.now, user: `CONTOSO\zoe`, from: "198.51.100.9"})
	d.read(s)
	if err := s.Resolve(t.Context(), d.now, 30*days); err != nil {
		t.Fatal(err)
	}
	if got := d.outbox(f.ID); state() != "resolved" || got != "resolved" {
		t.Errorf("%s, outbox %q", state(), got)
	}
	d.log(request{at: d.now.Add(-time.Minute), user: `CONTOSO\anna`, from: "198.51.100.7"})
	d.read(s)
	if got := d.outbox(f.ID); state() != "open" || got != "reopened" {
		t.Errorf("seen again now: %s, outbox %q", state(), got)
	}
	if got := d.past(s, f.ID); strings.Count(got, "open by outmode: seen again") != 2 {
		t.Error(got)
	}
}
