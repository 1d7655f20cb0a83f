package audit_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// proven is a sign-in that AD FS proved; the kind of the log may be among the words.
func proven(clock, user, request string, words ...string) signin.MFAEvent {
	e := told(clock, user, signin.FactorUnknown, append([]string{"entra", "tx:" + clock + user + request}, words...)...)
	e.Federation, e.SignIn = request, signin.Success
	return e
}

// issued is a request at AD FS.
func issued(clock, request string) signin.MFAEvent {
	e := told(clock, `CONTOSO\anna`, signin.FactorInfo, "adfs", "tx:"+request)
	e.Federation = request
	return e
}

// federated is a day of n sign-ins of contoso.com, each of which AD FS told, from 08:00 to 16:00, and more.
func federated(n int, more ...signin.MFAEvent) *world {
	for i := range n {
		clock := fmt.Sprintf("%02d:%02d", 8+i*8/n, 7*i%60)
		more = append(more, issued(clock, fmt.Sprint("r", i)), proven(clock, "ben@contoso.com", fmt.Sprint("r", i)))
	}
	w := usual(nil, more...)
	w.set.Sources = append(w.set.Sources, audit.Source{Kind: signin.ADFSLog, Server: "adfs01.contoso.com", Folder: "adfs", First: at("08:00"), Last: at("16:00")}, audit.Source{Kind: signin.Entra, First: at("06:00"), Last: at("20:00")})
	return w
}

// issuers lists what AD FS knows of the sign-ins of anna, ben excepted: "time word".
func issuers(w *world, prepare func(*audit.Setup)) (all []string) {
	set := w.setup()
	set.Record = func(r *rules.Record) {
		if r.Issuer != signin.NoIssuer && r.User != "ben" {
			all = append(all, time.UnixMilli(r.Time).UTC().Format("15:04 ")+r.Issuer.String())
		}
	}
	if prepare != nil {
		prepare(&set)
	}
	audit.Correlate(set, w.uses, w.events)
	slices.Sort(all)
	return all
}

// AD FS is silent of a sign-in if it would have told of it, as far as anybody can know; else nothing is said.
func TestIssuer(t *testing.T) {
	t.Parallel()
	const anna = "anna@contoso.com"
	node := func(from, to string, server, folder string) func(*world) {
		return func(w *world) {
			w.set.Sources = append(w.set.Sources, audit.Source{Kind: signin.ADFSLog, Server: server, Folder: folder, First: at(from), Last: at(to)})
		}
	}
	for name, c := range map[string]struct {
		w    *world
		more func(*world)
		want string
	}{
		"told":                            {federated(10, proven("12:00", anna, "x"), issued("12:00", "x")), nil, "12:00 seen"},
		"told at another time":            {federated(10, proven("12:00", anna, "x"), issued("15:30", "x")), nil, "12:00 seen"},
		"silent":                          {federated(10, proven("12:00", anna, "x")), nil, "12:00 silent"},
		"silent, in large letters":        {federated(10, proven("12:00", "Anna@CONTOSO.COM", "x", "ual")), nil, "12:00 silent"},
		"not by AD FS":                    {federated(10, proven("12:00", anna, "")), nil, ""},
		"one of two is silent":            {federated(10, proven("12:00", anna, "x"), proven("12:30", anna, "y"), issued("12:30", "y")), nil, "12:00 silent, 12:30 seen"},
		"too few that it told":            {federated(9, proven("12:00", anna, "x")), nil, ""},
		"too many that it did not":        {federated(19, proven("12:00", anna, "x"), proven("12:10", anna, "y")), nil, ""},
		"another domain":                  {federated(20, proven("12:00", "anna@fabrikam.com", "x")), nil, ""},
		"no domain":                       {federated(20, proven("12:00", "anna", "x")), nil, ""},
		"before its log begins":           {federated(10, proven("07:59", anna, "x")), nil, ""},
		"less than an hour before it end": {federated(10, proven("15:01", anna, "x")), nil, ""},
		"two servers":                     {federated(10, proven("12:00", anna, "x")), node("11:00", "13:00", "adfs02", "adfs"), "12:00 silent"},
		"another server was not read":     {federated(10, proven("12:00", anna, "x")), node("12:01", "20:00", "ADFS02", "adfs"), ""},
		"nor is it said whose the log is": {federated(10, proven("12:00", anna, "x")), node("12:01", "20:00", "", "others"), ""},
		"one server, two logs":            {federated(10, proven("12:00", anna, "x")), node("15:00", "20:00", "adfs01", "adfs"), "12:00 silent"},
		"a log without events": {federated(10, proven("12:00", anna, "x")), func(w *world) {
			w.set.Sources = append(w.set.Sources, audit.Source{Kind: signin.ADFSLog, Server: "adfs03"})
		}, "12:00 silent"},
		"a hole in its log": {federated(10, proven("12:00", anna, "x")), func(w *world) {
			w.set.Sources[1].Holes = []signin.Span{{From: at("12:30"), To: at("12:31")}}
		}, ""},
		"no log": {federated(10, proven("12:00", anna, "x")), func(w *world) { w.set.Sources = w.set.Sources[:1] }, ""},
		"it was silent in these hours": {federated(10, proven("12:20", anna, "x")), func(w *world) {
			w.events = slices.DeleteFunc(w.events, func(e signin.MFAEvent) bool {
				return e.Kind == signin.ADFSLog && (e.Time-at("12:00"))/hour == 0 && e.Time < at("13:00") && e.Time > at("11:00")
			})
			for i := range 40 {
				w.events = append(w.events, issued("15:00", fmt.Sprint("q", i)), proven("15:00", "ben@contoso.com", fmt.Sprint("q", i)))
			}
		}, ""},
		"of that day it told less than half": {federated(10, proven("12:00", anna, "x")), func(w *world) {
			w.set.Trusts = append(audit.TrustsIn(w.events), audit.Trust{Domain: "contoso.com", Day: at("00:00")/(24*hour) - 1, Seen: 500})
			w.set.Trusts[slices.IndexFunc(w.set.Trusts, func(t audit.Trust) bool { return t.Domain == "contoso.com" })] = audit.Trust{Domain: "contoso.com", Day: at("00:00") / (24 * hour), Seen: 4, Silent: 5}
		}, ""},
	} {
		if c.more != nil {
			c.more(c.w)
		}
		if got := strings.Join(issuers(c.w, nil), ", "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// The order of arrival changes nothing, and a period by itself says what it says within all of the time.
func TestIssuerDependsOnNoOrderAndNoPeriod(t *testing.T) {
	t.Parallel()
	dice := rand.New(rand.NewPCG(25, 25))
	found := map[string]int{}
	for round := range 40 {
		var events []signin.MFAEvent
		for i := range dice.IntN(6) {
			request := fmt.Sprint("x", i)
			events = append(events, proven(fmt.Sprintf("%02d:%02d", 8+dice.IntN(8), dice.IntN(60)), []string{"anna@contoso.com", "anna@fabrikam.com"}[dice.IntN(2)], request))
			if dice.IntN(3) == 0 {
				events = append(events, issued(fmt.Sprintf("%02d:%02d", 8+dice.IntN(8), dice.IntN(60)), request))
			}
		}
		w := federated(20+dice.IntN(20), events...)
		want := issuers(w, nil)
		for _, s := range want {
			found[s[6:]]++
		}
		dice.Shuffle(len(w.events), func(i, j int) { w.events[i], w.events[j] = w.events[j], w.events[i] })
		if got := issuers(w, nil); !slices.Equal(got, want) {
			t.Fatalf("round %d: %q in another order %q", round, want, got)
		}
		want = slices.DeleteFunc(want, func(s string) bool { return s < "12:00" })
		if got := issuers(w, func(s *audit.Setup) { s.From, s.To = at("12:00"), at("20:00") }); !slices.Equal(got, want) {
			t.Fatalf("round %d: the afternoon says %q, within the day %q", round, got, want)
		}
	}
	if found["seen"] == 0 || found["silent"] == 0 {
		t.Errorf("found %v", found)
	}
}

// Whatever a log says, of so many domains is kept and no more: of those that are left out nothing is said.
func TestTrustsAreBounded(t *testing.T) {
	t.Parallel()
	var f audit.Federation
	for i := range 10_000 {
		e := proven("12:00", fmt.Sprintf("x@%d.example", i), fmt.Sprint(i))
		f.Add(&e)
	}
	if n := len(f.Trusts()); n != 1<<12 {
		t.Errorf("%d are kept", n)
	}
}
