package main

import (
	"fmt"
	"path/filepath"
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

// A joinedStore is a store that is filled and joined step by step.
type joinedStore struct {
	t   *testing.T
	dir string
	*sqlite.Store
	set  *rules.Set
	opt  ingest.Options
	now  time.Time
	with joining
}

func newJoinedStore(t *testing.T, r sqlite.Retention) *joinedStore {
	t.Helper()
	set, problems := rules.Load(rules.Builtin())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	x := &joinedStore{t: t, dir: t.TempDir(), set: set, now: onTheDay(t, "20:00:00")}
	var err error
	if x.Store, err = sqlite.Open(t.Context(), filepath.Join(x.dir, "data"), sqlite.Options{Rules: set, Create: true, Retention: r, Now: func() time.Time { return x.now }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	x.opt = ingest.Options{Recognize: recognizer(mfa.Options{}), Org: signin.Organisation{Internal: signin.DefaultInternal()}}
	judgeBy(&x.opt, set)
	return x
}

func (x *joinedStore) read(name, text string) {
	x.t.Helper()
	inputs, _ := tail.Find([]string{write(x.t, filepath.Join(x.dir, "logs", name), []byte(text))}, tail.FindOptions{})
	if _, err := fillOnce(x.t.Context(), x.Store, inputs, nil, x.opt); err != nil {
		x.t.Fatal(err)
	}
}

func (x *joinedStore) join() {
	x.t.Helper()
	if _, err := joinInto(x.t.Context(), x.Store, x.set, x.with); err != nil {
		x.t.Fatal(err)
	}
}

func (x *joinedStore) prune() {
	x.t.Helper()
	for done := false; !done; {
		var err error
		if done, err = x.Prune(x.t.Context(), x.now); err != nil {
			x.t.Fatal(err)
		}
	}
}

// bypasses are the findings of M-01.
func (x *joinedStore) bypasses() (words, ids []string) {
	x.t.Helper()
	all, err := x.Findings(x.t.Context(), sqlite.FindingFilter{})
	if err != nil {
		x.t.Fatal(err)
	}
	for _, f := range all {
		if f.Rule == "OM-2001" {
			words, ids = append(words, fmt.Sprint(f.Subject, " ", f.State, " ", f.Count)), append(ids, f.ID)
		}
	}
	return words, ids
}

func (x *joinedStore) want(when string, want ...string) {
	x.t.Helper()
	if got, _ := x.bypasses(); !slices.Equal(got, want) {
		x.t.Errorf("%s there are %v, want %v", when, got, want)
	}
}

// What a person acknowledged stays so when it holds again.
func TestAFindingThatHoldsAgainIsStillAcknowledged(t *testing.T) {
	t.Parallel()
	x := newJoinedStore(t, sqlite.Retention{})
	proxy, duo := gated(t)
	x.read("proxy.LOG", proxy)
	x.read("duo.ndjson", duo)
	x.join()
	_, ids := x.bypasses()
	if err := x.Acknowledge(t.Context(), ids, "eve", "a test of ours"); err != nil {
		t.Fatal(err)
	}
	x.with.Gateways = []audit.Gateway{{ID: "none", Entries: []signin.Protocol{signin.OWA}, Servers: []string{audit.AllServers}}}
	x.join()
	x.want("while nothing protects owa", `contoso\anna resolved 1`)
	x.with.Gateways = nil
	x.join()
	x.want("when something does again", `contoso\anna acknowledged 1`)
}

// What was not seen for long is resolved. When it turns out that it never held, it stays: it has a history.
func TestAResolvedFindingThatNeverHeldStays(t *testing.T) {
	t.Parallel()
	x := newJoinedStore(t, sqlite.Retention{})
	proxy, duo := gated(t)
	x.read("proxy.LOG", proxy)
	x.read("duo.ndjson", duo)
	x.join()
	if err := x.Resolve(t.Context(), x.now, time.Hour); err != nil {
		t.Fatal(err)
	}
	x.want("at first", `contoso\anna resolved 1`)
	x.read("late.ndjson", duoRecord(t, "09:30:20", "anna", "user_approved", "203.0.113.5"))
	x.join()
	x.want("with a late log", `contoso\anna resolved 1`)
}

// What is dropped while it is being joined does not count twice.
func TestWhatIsDroppedWhileItIsJoinedCountsOnce(t *testing.T) {
	t.Parallel()
	x := newJoinedStore(t, sqlite.Retention{Hours: 36 * time.Hour})
	proxy, duo := gated(t)
	x.read("proxy.LOG", proxy)
	x.read("duo.ndjson", duo)
	x.join()
	x.now = x.now.Add(48 * time.Hour)
	later := onTheDay(t, "20:00:00").AddDate(0, 0, 2)
	x.read("later.LOG", strings.ReplaceAll(proxyHead+atTheDoor(t, "19:00:00", `CONTOSO\ben`, "Ews", curl, "198.51.100.8", "EX01"), "2026-10-06", later.Format("2006-01-02")))
	x.with.Inside = signin.DefaultInternal()
	due, err := x.BeginJoin(t.Context(), x.with.name(x.set))
	if err != nil || !due {
		t.Fatal(due, err)
	}
	with := x.with
	found, _, err := with.judge(t.Context(), x.Store, x.set)
	if err != nil {
		t.Fatal(err)
	}
	x.prune()
	if err := x.SetJoined(t.Context(), found); err != nil {
		t.Fatal(err)
	}
	x.want("then", `contoso\anna open 1`)
}
