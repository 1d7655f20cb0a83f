package sqlite_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/internal/store/sqlite"
	"github.com/outmode/outmode/rules"
)

// A finding with a window goes when another log turns out to have told its sign-ins too. What a person said of it does
// not: it is there again when the finding is.
func TestWithdrawnFindingKeepsWhatWasSaid(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		say  func(d *desk, s *sqlite.Store, id string)
		want string // when it is found again
	}{
		"nothing": {func(*desk, *sqlite.Store, string) {}, "open  "},
		"acknowledged": {func(d *desk, s *sqlite.Store, id string) {
			if err := s.Acknowledge(d.t.Context(), []string{id}, "dora", "a test"); err != nil {
				d.t.Fatal(err)
			}
		}, "acknowledged a test "},
		"excepted": {func(d *desk, s *sqlite.Store, _ string) {
			x, err := s.AddException(d.t.Context(), rules.Exception{Users: []string{"*"}, Rules: []string{"W-1"}, Reason: "r", Owner: "o", Expires: d.now.Add(20 * days)})
			if err == nil {
				err = s.ApplyExceptions(d.t.Context(), d.now)
			}
			if err != nil || x.ID == "" {
				d.t.Fatal(err)
			}
		}, "open  excepted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			set, problems := rules.Load([]rules.File{{Name: "w.yaml", Data: []byte("id: W-1\nname: w\nseverity: high\ntype: threshold\nthreshold: 2\nwindow: 1h\nwhen: outcome == \"success\" && dataset == \"outmode.iis\"\n")}})
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			d.set = set
			s := d.open()
			// IIS alone tells of them: they count as long as no HttpProxy log of that hour does.
			told := func(at time.Time) string {
				line := fmt.Sprintf("%s EX01 POST /EWS/Exchange.asmx 443 CONTOSO\\anna 192.0.2.66 200 0 0\r\n", at.Format("2006-01-02 15:04:05"))
				return deskIISHead + strings.Repeat(line, 3)
			}
			d.file(told(noon.Add(-5 * time.Hour)))
			d.read(s)
			f := d.one(s, sqlite.FindingFilter{})
			c.say(d, s, f.ID)
			d.outbox(f.ID)
			d.log(request{at: noon.Add(-5 * time.Hour), user: `CONTOSO\zoe`, from: "198.51.100.9"})
			d.read(s)
			if left := d.find(s, sqlite.FindingFilter{}); len(left) > 0 {
				t.Fatalf("it is not withdrawn: %+v", left)
			}
			covered, err := s.Covered(t.Context())
			if err != nil || len(covered) > 0 {
				t.Errorf("%v are covered, %v", covered, err)
			}
			for _, step := range []func() error{
				func() error { return s.Resolve(t.Context(), d.now.Add(60*days), time.Hour) },
				func() error { return s.ApplyExceptions(t.Context(), d.now) },
			} {
				if err := step(); err != nil {
					t.Fatal(err)
				}
			}
			if got := d.outbox(f.ID); got != "" {
				t.Errorf("somebody is told of what nobody can see: %s", got)
			}
			d.file(told(noon.Add(-time.Hour)))
			d.read(s)
			again := d.one(s, sqlite.FindingFilter{})
			got := fmt.Sprintf("%s %s ", again.State, again.Note)
			if again.Exception != nil {
				got += "excepted"
			}
			if again.ID != f.ID || got != c.want || again.Count != 3 || again.First != noon.Add(-time.Hour) || len(again.Evidence) == 0 {
				t.Errorf("%q, want %q: %+v", got, c.want, again)
			}
			if got := d.outbox(f.ID); (got == "opened") != (name == "nothing") {
				t.Errorf("outbox %q", got)
			}
		})
	}
}
