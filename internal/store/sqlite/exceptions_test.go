package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/internal/store/sqlite"
	"github.com/outmode/outmode/rules"
)

// except adds an exception and applies it.
func (d *desk) except(s *sqlite.Store, x rules.Exception) string {
	d.t.Helper()
	if x.Expires.IsZero() {
		x.Expires = d.now.Add(90 * days)
	}
	x.Reason, x.Owner = "scanner", "anna"
	x, err := s.AddException(d.t.Context(), x)
	if err != nil {
		d.t.Fatal(err)
	}
	d.apply(s)
	return x.ID
}

func (d *desk) apply(s *sqlite.Store) {
	d.t.Helper()
	if err := s.ApplyExceptions(d.t.Context(), d.now); err != nil {
		d.t.Fatal(err)
	}
}

// under is the exception that covers a finding, "" for none.
func (d *desk) under(s *sqlite.Store, finding string) string {
	d.t.Helper()
	f := d.one(s, sqlite.FindingFilter{Prefix: finding})
	if f.Exception == nil {
		return ""
	}
	return *f.Exception
}

func TestWhatAnExceptionCovers(t *testing.T) {
	t.Parallel()
	scan := request{at: noon, user: `CONTOSO\svc-scan`, from: "10.1.7.5"}
	elsewhere, nowhere, other, phone := scan, scan, scan, scan
	elsewhere.from, nowhere.from = "203.0.113.9", "unknown"
	other.user, phone.agent = `FABRIKAM\svc-scan`, "Android/8.0.0-EAS-2.0"
	t1, t2, t3 := "T-1", "T-2", "T-3"
	one := []request{scan}
	for name, c := range map[string]struct {
		lines   []request
		x       rules.Exception
		rule    string // the finding that is looked at, of contoso's svc-scan
		covered bool
		outside string // what findings show says
	}{
		"the account":                     {one, rules.Exception{Users: []string{"svc-scan"}}, t1, true, ""},
		"the account in another domain":   {one, rules.Exception{Users: []string{`fabrikam\*`}}, t1, false, ""},
		"somebody else":                   {one, rules.Exception{Users: []string{"anna"}}, t1, false, ""},
		"its address":                     {one, rules.Exception{Users: []string{"svc-*"}, Addresses: []string{"10.1.0.0/16"}}, t1, true, ""},
		"another address too":             {[]request{scan, elsewhere}, rules.Exception{Users: []string{"svc-*"}, Addresses: []string{"10.1.0.0/16"}}, t1, false, "address 203.0.113.9"},
		"a line without an address":       {[]request{scan, nowhere}, rules.Exception{Users: []string{"svc-*"}, Addresses: []string{"10.1.0.0/16"}}, t1, false, "an address that is not known"},
		"both addresses":                  {[]request{scan, elsewhere}, rules.Exception{Users: []string{"svc-*"}, Addresses: []string{"10.1.0.0/16", "203.0.113.9"}}, t1, true, ""},
		"its protocol":                    {one, rules.Exception{Users: []string{"svc-*"}, Protocols: []string{"ews"}}, t1, true, ""},
		"another protocol":                {one, rules.Exception{Users: []string{"svc-*"}, Protocols: []string{"imap"}}, t1, false, "protocol ews"},
		"its client":                      {one, rules.Exception{Users: []string{"svc-*"}, Clients: []string{"scr*"}}, t1, true, ""},
		"another client too":              {[]request{scan, phone}, rules.Exception{Users: []string{"svc-*"}, Clients: []string{"scr*"}}, t1, false, "client "},
		"its rule":                        {one, rules.Exception{Users: []string{"svc-*"}, Rules: []string{"T-1"}}, t1, true, ""},
		"a tag of its rule":               {one, rules.Exception{Users: []string{"svc-*"}, Rules: []string{"attack", "legacy-auth"}}, t1, true, ""},
		"another rule":                    {one, rules.Exception{Users: []string{"svc-*"}, Rules: []string{"T-9"}}, t1, false, ""},
		"everybody from there":            {one, rules.Exception{Users: []string{"*"}, Addresses: []string{"10.1.7.0/24"}}, t1, true, ""},
		"accounts alike are told apart":   {[]request{scan, other}, rules.Exception{Users: []string{`contoso\svc-scan`}}, t1, true, ""},
		"by lines: account and address":   {one, rules.Exception{Users: []string{"svc-scan"}, Addresses: []string{"10.1.7.5"}, Protocols: []string{"ews"}}, t2, true, ""},
		"by lines: another address":       {one, rules.Exception{Users: []string{"svc-scan"}, Addresses: []string{"10.1.8.0/24"}}, t2, false, "address 10.1.7.5"},
		"by lines: clients are not told":  {one, rules.Exception{Users: []string{"svc-scan"}, Clients: []string{"scr*"}}, t2, false, "all clients together"},
		"refusals: accounts are not told": {nil, rules.Exception{Users: []string{"c*"}}, t3, false, ""},
		"refusals: everybody from there":  {nil, rules.Exception{Users: []string{"*"}, Addresses: []string{"192.0.2.66"}}, t3, true, ""},
		"refusals: protocols not told":    {nil, rules.Exception{Users: []string{"*"}, Protocols: []string{"ews"}}, t3, false, "all protocols together"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			s := d.open()
			d.log(c.lines...)
			d.file(deskIISHead + refusal(noon, `CONTOSO\carla`, "192.0.2.66") + refusal(noon, `CONTOSO\clara`, "192.0.2.66"))
			d.read(s)
			filter := sqlite.FindingFilter{Rules: []string{c.rule}}
			if c.rule != t3 {
				filter.User = `contoso\svc-scan`
			}
			f := d.one(s, filter)
			id := d.except(s, c.x)
			want := ""
			if c.covered {
				want = id
			}
			if got := d.under(s, f.ID); got != want {
				t.Errorf("under %q, want %q", got, want)
			}
			var said []string
			all, err := s.Outside(t.Context(), f.ID, d.now)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range all {
				if o.Exception != id {
					t.Errorf("of %s", o.Exception)
				}
				said = append(said, o.What...)
			}
			if got := strings.Join(said, ", "); got != c.outside && (c.outside == "" || !strings.HasPrefix(got, c.outside)) {
				t.Errorf("outside: %q, want %q", got, c.outside)
			}
			wantOutbox := map[bool]string{false: "opened"}[c.covered] // what was not told yet need not be told any more
			if got := d.outbox(f.ID); got != wantOutbox {
				t.Errorf("outbox %q, want %q", got, wantOutbox)
			}
			if n, err := s.Covered(t.Context()); err != nil || (n[id] > 0) != (c.covered || n[id] > 0) || c.covered && n[id] == 0 {
				t.Errorf("covers %v, %v", n, err)
			}
		})
	}
}

// What is new and covered is in the list at once, and nobody is told.
func TestCoveredFromTheStart(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.open()
	id := d.except(s, rules.Exception{Users: []string{"svc-scan"}, Addresses: []string{"10.1.7.0/24"}})
	d.log(request{at: noon, user: `CONTOSO\svc-scan`, from: "10.1.7.5"}, request{at: noon, user: `CONTOSO\svc-scan`, from: "10.1.8.5", protocol: "Mapi"})
	d.read(s)
	for _, f := range d.find(s, sqlite.FindingFilter{Rules: []string{"T-1"}}) {
		by, told := d.under(s, f.ID), d.outbox(f.ID)
		if f.Protocol == "ews" && (by != id || told != "" || !strings.Contains(d.past(s, f.ID), "open by outmode: opened; covered by exception "+id+" of anna until 2027-01-04 12:00: scanner")) {
			t.Errorf("covered by %q, outbox %q, history\n%s", by, told, d.past(s, f.ID))
		}
		if f.Protocol == "mapi" && (by != "" || told != "opened") {
			t.Errorf("covered by %q, outbox %q", by, told)
		}
	}
}

func TestExceptionExpires(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.open()
	scan := request{at: noon, user: `CONTOSO\svc-scan`, from: "10.1.7.5"}
	d.log(scan)
	d.read(s)
	f := d.one(s, sqlite.FindingFilter{Rules: []string{"T-1"}})
	id := d.except(s, rules.Exception{Users: []string{"svc-scan"}, Rules: []string{"T-1"}, Expires: noon.Add(20 * days)})
	if err := s.Acknowledge(t.Context(), []string{f.ID}, "dora", "known"); err != nil {
		t.Fatal(err)
	}
	expiring := func() int {
		all, err := s.Expiring(t.Context(), d.now)
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	if expiring() != 0 || d.under(s, f.ID) != id {
		t.Error("20 days before its end")
	}
	d.now = noon.Add(20*days - time.Millisecond)
	scan.at = d.now.Add(-time.Hour)
	d.log(scan)
	d.read(s)
	d.apply(s)
	if expiring() != 1 || d.under(s, f.ID) != id || d.outbox(f.ID) != "" {
		t.Error("within its last day")
	}
	d.now = noon.Add(20 * days)
	if d.under(s, f.ID) != "" {
		t.Error("it is over, though nobody applied that yet")
	}
	d.apply(s)
	got := d.one(s, sqlite.FindingFilter{Prefix: f.ID})
	if note := "exception " + id + " expired"; got.Exception != nil || got.State != "open" || got.Note != note || got.Actor != "outmode" || d.outbox(f.ID) != "reopened" || !strings.HasSuffix(d.past(s, f.ID), "open by outmode: "+note) {
		t.Errorf("%+v\n%s", got, d.past(s, f.ID))
	}
	before := d.past(s, f.ID)
	d.apply(s)
	if d.past(s, f.ID) != before || d.outbox(f.ID) != "" || expiring() != 0 {
		t.Error("it expired twice")
	}
	if err := s.RemoveException(t.Context(), id, "dora", ""); !errors.Is(err, sqlite.ErrOver) {
		t.Error(err)
	}
}

func TestExceptionIsRemoved(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s, other := d.open(), d.open()
	d.log(request{at: noon, user: `CONTOSO\svc-scan`, from: "10.1.7.5"})
	d.read(s)
	f := d.one(s, sqlite.FindingFilter{Rules: []string{"T-1"}})
	short := d.except(other, rules.Exception{Users: []string{"svc-scan"}, Expires: noon.Add(10 * days)})
	long := d.except(other, rules.Exception{Users: []string{"svc-*"}, Expires: noon.Add(20 * days)})
	if d.under(s, f.ID) != short {
		t.Error("it changed exceptions without need")
	}
	remove := func(id string) {
		if err := other.RemoveException(t.Context(), id, "dora", "it is gone"); err != nil {
			t.Fatal(err)
		}
		d.apply(other)
	}
	d.outbox(f.ID)
	if remove(short); d.under(s, f.ID) != long || d.outbox(f.ID) != "" || !strings.Contains(d.past(s, f.ID), "exception "+short+" removed by dora: it is gone; covered by exception "+long) {
		t.Errorf("the other one does not cover it:\n%s", d.past(s, f.ID))
	}
	if remove(long); d.under(s, f.ID) != "" || d.outbox(f.ID) != "reopened" || !strings.HasSuffix(d.past(s, f.ID), "open by outmode: exception "+long+" removed by dora: it is gone") {
		t.Errorf("it does not fire:\n%s", d.past(s, f.ID))
	}
	all, err := s.Exceptions(t.Context())
	if err != nil || len(all) != 2 || all[1].State(d.now) != "removed" || all[1].RemovedBy != "dora" || all[1].RemovedNote != "it is gone" {
		t.Errorf("%+v, %v", all, err)
	}
}

// What is new and lies outside of an exception ends the cover.
func TestExceptionIsOutgrown(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.open()
	d.log(request{at: noon, user: `CONTOSO\svc-scan`, from: "10.1.7.5"})
	d.read(s)
	f := d.one(s, sqlite.FindingFilter{Rules: []string{"T-1"}})
	id := d.except(s, rules.Exception{Users: []string{"svc-scan"}, Addresses: []string{"10.1.7.0/24"}})
	if d.under(s, f.ID) != id {
		t.Fatal("it is not covered")
	}
	d.log(request{at: noon.Add(time.Hour), user: `CONTOSO\svc-scan`, from: "203.0.113.9"})
	d.read(s)
	d.apply(s)
	if note := "exception " + id + " does not cover it any more: address 203.0.113.9"; d.under(s, f.ID) != "" || d.outbox(f.ID) != "reopened" || !strings.Contains(d.past(s, f.ID), note) {
		t.Error(d.past(s, f.ID))
	}
}

// Nobody is told of what is history, nor of what is resolved.
func TestNobodyIsToldOfHistory(t *testing.T) {
	t.Parallel()
	for name, resolved := range map[string]bool{"an old log": false, "a resolved finding": true} {
		d := newDesk(t)
		s := d.open()
		d.log(request{at: noon.Add(-40 * days), user: `CONTOSO\svc-scan`, from: "10.1.7.5"})
		if resolved {
			d.idle(noon.Add(-40*days), noon)
			d.log(request{at: noon, user: `CONTOSO\zoe`, from: "10.1.7.9"})
		}
		d.read(s)
		f := d.one(s, sqlite.FindingFilter{Rules: []string{"T-1"}, User: "svc-scan"})
		id := d.except(s, rules.Exception{Users: []string{"svc-scan"}})
		if resolved {
			if err := s.Resolve(t.Context(), d.now, 30*days); err != nil {
				t.Fatal(err)
			}
		}
		if got := d.one(s, sqlite.FindingFilter{Prefix: f.ID}).State; (got == "resolved") != resolved {
			t.Errorf("%s: %s", name, got)
		}
		if err := s.RemoveException(t.Context(), id, "dora", ""); err != nil {
			t.Fatal(err)
		}
		d.apply(s)
		if d.under(s, f.ID) != "" || d.outbox(f.ID) != "" || !strings.Contains(d.past(s, f.ID), "exception "+id+" removed by dora") {
			t.Errorf("%s: history\n%s", name, d.past(s, f.ID))
		}
	}
}

// A group file is read again each time. While it cannot be read, what it covers stays as it was.
func TestGroupFile(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.open()
	file := filepath.Join(t.TempDir(), "pilots.txt")
	group := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d.log(request{at: noon, user: `CONTOSO\anna`, from: "10.1.7.5"}, request{at: noon, user: `ben@contoso.com`, from: "10.1.7.6"})
	d.read(s)
	group("# pilots\nCONTOSO\\anna\n")
	id := d.except(s, rules.Exception{GroupFile: file, Rules: []string{"T-1"}})
	anna := d.one(s, sqlite.FindingFilter{Rules: []string{"T-1"}, User: "anna"}).ID
	ben := d.one(s, sqlite.FindingFilter{Rules: []string{"T-1"}, User: "ben"}).ID
	if d.under(s, anna) != id || d.under(s, ben) != "" {
		t.Fatal("it does not cover the group")
	}
	group("anna\nben\n")
	if d.apply(s); d.under(s, anna) != id || d.under(s, ben) != id {
		t.Error("a new member is not covered")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := s.ApplyExceptions(t.Context(), d.now); err == nil || !strings.Contains(err.Error(), id) || !strings.Contains(err.Error(), file) {
		t.Errorf("no word of the file: %v", err)
	}
	if d.under(s, anna) != id || d.under(s, ben) != id {
		t.Error("what it covered fires because its file is gone")
	}
	group("ben\n")
	if d.apply(s); d.under(s, anna) != "" || d.under(s, ben) != id || d.outbox(anna) != "reopened" {
		t.Error("who left the group is still covered")
	}
}

// Once the hours are dropped nobody knows any more from where: what was covered stays so, and nothing new is.
func TestAddressesThatAreNotKept(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.open()
	d.log(request{at: noon, user: `CONTOSO\svc-scan`, from: "10.1.7.5"})
	d.read(s)
	f := d.one(s, sqlite.FindingFilter{Rules: []string{"T-1"}})
	x := rules.Exception{Users: []string{"svc-scan"}, Addresses: []string{"10.1.7.0/24"}}
	id := d.except(s, x)
	d.exec("DELETE FROM hour")
	if d.apply(s); d.under(s, f.ID) != id {
		t.Error("it fires because its hours are not kept")
	}
	if err := s.RemoveException(t.Context(), id, "dora", ""); err != nil {
		t.Fatal(err)
	}
	if d.except(s, x); d.under(s, f.ID) != "" {
		t.Error("it is covered by what nobody can know")
	}
	if out, err := s.Outside(t.Context(), f.ID, d.now); err != nil || len(out) != 1 || out[0].What[0] != "addresses that are not kept any more" {
		t.Errorf("%+v, %v", out, err)
	}
}

// What the store is given is checked there too.
func TestBadExceptionIsRefused(t *testing.T) {
	t.Parallel()
	s := newDesk(t).open()
	if _, err := s.AddException(t.Context(), rules.Exception{Users: []string{"*"}, Reason: "r", Owner: "o", Expires: noon.Add(days)}); err == nil {
		t.Error("an exception for everything was added")
	}
}
