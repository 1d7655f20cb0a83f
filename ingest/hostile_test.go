package ingest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// withRules are options by which rules judge.
func withRules(t testing.TB, set *rules.Set) ingest.Options {
	t.Helper()
	opt := options()
	opt.NewJudge = func() ingest.Judge { return set.NewJudge() }
	opt.Window = set.Window
	opt.Watch = func(m []signin.Minute, _ bool) ingest.Watch {
		if w := set.Watch(m); w != nil {
			return w
		}
		return nil
	}
	return opt
}

func load(t testing.TB, files ...rules.File) *rules.Set {
	t.Helper()
	set, problems := rules.Load(files)
	if problems != nil {
		t.Fatal(problems)
	}
	return set
}

func findings(set *rules.Set, res *ingest.Result) (found []string) {
	for _, f := range set.Findings(rules.Observed{Usage: res.Usage, Minutes: res.Minutes, Covered: res.Covered}) {
		found = append(found, fmt.Sprintf("%s %s %d", f.Rule, f.Subject, f.Count))
	}
	return found
}

// A flood of refused names takes a bucket of its own, and cannot push out those who signed in.
func TestFloodOfNamesIsBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(iisHead)
	for i := range 60_000 {
		r := request{"2026-10-06 08:15:00", "EX01", fmt.Sprintf("victim%d", i), "", "/EWS/Exchange.asmx", "", i}
		b.WriteString(r.iis(true))
	}
	last := request{"2026-10-06 08:16:00", "EX01", `CONTOSO\anna`, "", "/EWS/Exchange.asmx", "x", 1}
	b.WriteString(last.iis(true))
	dir := folder(t, map[string]string{"a.log": b.String()})
	var crowded int64
	for _, workers := range []int{1, 4} {
		opt := options()
		opt.Workers, opt.PartSize = workers, 1<<20
		res := scan(t, dir, opt)
		got := rows(res)
		if got[truthRow{`contoso\anna`, "ews", "unknown", "", "success", "inferred"}] != 1 {
			t.Error("the account that signed in was pushed out")
		}
		if n := got[truthRow{"(other accounts)", "ews", "basic", "", "failure", "inferred"}]; n == 0 || n != res.Crowded {
			t.Errorf("bucket %d, said %d", n, res.Crowded)
		}
		if crowded != 0 && crowded != res.Crowded {
			t.Errorf("the bound depends on the number of workers: %d and %d", crowded, res.Crowded)
		}
		crowded = res.Crowded
	}
}

// More refused names than minutes fit hide neither a guessed account nor the sign-in behind it.
func TestFloodOfNamesHidesNoAttack(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(iisHead)
	line := func(n int, user, address, end string) {
		at := time.Date(2026, 10, 6, 0, 0, n/2, 0, time.UTC)
		fmt.Fprintf(&b, "%s EX01 10.0.0.1 POST /EWS/Exchange.asmx - 443 %s %s agent %s\r\n", at.Format("2006-01-02 15:04:05"), user, address, end)
	}
	const refused = "401 1 1326"
	for n := range 140_000 {
		line(n, fmt.Sprintf("CONTOSO\\u%d", n), "192.0.2.1", refused)
		if n > 70_000 && n%100 == 0 && n < 74_000 {
			line(n, "CONTOSO\\anna", "198.51.100.7", refused)
		}
	}
	line(140_000, "CONTOSO\\ben", "192.0.2.1", "200 0 0")
	dir := folder(t, map[string]string{"u_ex261006.log": b.String()})
	set := load(t, rules.Builtin()...)
	var want string
	for _, workers := range []int{1, 3} {
		opt := withRules(t, set)
		opt.Workers, opt.PartSize = workers, 3<<20
		res := scan(t, dir, opt)
		got := findings(set, res)
		for _, f := range []string{`OM-1030 192.0.2.1 140000`, `OM-1031 contoso\anna 39`, `OM-1034 192.0.2.1 `} {
			if !slices.ContainsFunc(got, func(g string) bool { return strings.HasPrefix(g, f) }) {
				t.Errorf("%d workers: no finding %s among %q", workers, f, got)
			}
		}
		if res.Lost != 0 {
			t.Errorf("%d counts lost", res.Lost)
		}
		if all := fmt.Sprint(got, res.Minutes); want == "" {
			want = all
		} else if all != want {
			t.Errorf("%d workers: %s\none: %s", workers, all[:200], want[:200])
		}
	}
}

// Who is refused chooses paths and agents too: their rows are bounded, and no count is lost.
func TestFloodOfWaysIsBounded(t *testing.T) {
	t.Parallel()
	paths := []string{"/autodiscover/a.xml", "/mapi/emsmdb/", "/EWS/Exchange.asmx", "/OAB/x", "/rpc/rpcproxy.dll", "/Microsoft-Server-ActiveSync", "/owa/x", "/ecp/x", "/powershell", "/api/v2.0"}
	agents := []string{"MSRPC", "MacOutlook/16", "Outlook-iOS/1", "Apple-iPhone/1", "Android/1", "touchdown", "thunderbird", "davmail", "python", "Mozilla/5.0"}
	var b strings.Builder
	b.WriteString(iisHead)
	for n := range 100_000 {
		fmt.Fprintf(&b, "2026-10-06 08:00:00 EX01 10.0.0.1 POST %s - 443 CONTOSO\\u%d 192.0.2.1 %s 401 1 1326\r\n", paths[n%10], n/100, agents[n/10%10])
	}
	dir := folder(t, map[string]string{"a.log": b.String()})
	var want string
	for _, workers := range []int{1, 3} {
		opt := options()
		opt.Workers, opt.PartSize = workers, 2<<20
		res := scan(t, dir, opt)
		if len(res.Usage) > 70_000 || res.Crowded == 0 || res.Counted != 100_000 {
			t.Errorf("%d rows, %d in the bucket, %d counted", len(res.Usage), res.Crowded, res.Counted)
		}
		if all := fmt.Sprint(len(res.Usage), res.Crowded, rows(res)); want == "" {
			want = all
		} else if all != want {
			t.Errorf("%d workers: another result", workers)
		}
	}
}

// Rules see one server where two logs spell it in two ways, whichever is read first.
func TestServerIsOneInEverySpelling(t *testing.T) {
	t.Parallel()
	set := load(t, rules.File{Name: "a.yaml", Data: []byte("id: T-1\nname: a\nseverity: low\ngroup_by: [server]\nwhen: server == \"EX01\"\n")})
	files := map[string]string{}
	for i, server := range []string{"EX01", "ex01.contoso.com", "Ex01", "EX01.CONTOSO.COM"} {
		files[fmt.Sprintf("%d.LOG", i)] = proxyHead + request{"2026-10-06 08:15:00", server, `CONTOSO\anna`, "Ews", "/EWS/Exchange.asmx", "Basic", i}.proxy()
	}
	dir := folder(t, files)
	for _, workers := range []int{1, 4} {
		opt := withRules(t, set)
		opt.Workers = workers
		res := scan(t, dir, opt)
		if got := findings(set, res); len(got) != 1 || got[0] != "T-1 EX01 4" || len(res.Usage) != 1 || res.Usage[0].Server != "EX01" {
			t.Errorf("%d workers: %q, rows %+v", workers, got, res.Usage)
		}
	}
}

// One request with the id of another server decides nothing about whose log it is.
func TestForgedRequestIDDecidesNothing(t *testing.T) {
	t.Parallel()
	files := map[string]string{"a/EX01.LOG": proxyHead, "b/EX02.LOG": proxyHead, "iis/u_ex.log": iisBare}
	for i := range 40 {
		own := request{"2026-10-06 08:15:00", "EX01", `CONTOSO\anna`, "Ews", "/EWS/Exchange.asmx", "Basic", i}
		other := request{"2026-10-06 08:15:00", "EX02", `CONTOSO\ben`, "Ews", "/EWS/Exchange.asmx", "Basic", 1000 + i}
		files["a/EX01.LOG"] += own.proxy()
		files["b/EX02.LOG"] += other.proxy()
		if i == 0 {
			files["iis/u_ex.log"] += strings.Replace(other.iis(false), `CONTOSO\ben`, "-", 1)
		}
		files["iis/u_ex.log"] += own.iis(false)
	}
	res := scan(t, folder(t, files), options())
	if len(res.Folders) != 1 || res.Folders[0].Server != "EX01" || res.Counted != 80 || res.ToldTwice != 40 {
		t.Errorf("%+v, counted %d, told twice %d", res.Folders, res.Counted, res.ToldTwice)
	}
}

// The logs of several servers may lie in one folder, or in archives beside each other.
func TestLogsOfTwoServersInOneFolder(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for s, server := range []string{"EX01", "EX02"} {
		iis, name := iisBare, fmt.Sprintf("u_ex26100%d.log", s)
		for i := range 20 {
			r := request{"2026-10-06 08:15:00", server, `CONTOSO\anna`, "Ews", "/EWS/Exchange.asmx", "Basic", 100*s + i}
			files[server+".LOG"] += r.proxy()
			iis += r.iis(false)
		}
		files[server+".LOG"] = proxyHead + files[server+".LOG"]
		files["flat/"+name] = iis
	}
	res := scan(t, folder(t, files), options())
	if len(res.Folders) != 2 || res.Folders[0].Server != "EX01" || res.Folders[1].Server != "EX02" || !strings.HasSuffix(res.Folders[1].Path, "u_ex261001.log") {
		t.Fatalf("%+v", res.Folders)
	}
	if res.Counted != 40 || res.ToldTwice != 40 {
		t.Errorf("counted %d, told twice %d", res.Counted, res.ToldTwice)
	}
	for _, l := range res.Logs {
		if l.Format.Kind == signin.IIS && l.Server != "EX0"+string(l.Input.Path[len(l.Input.Path)-5]+1) {
			t.Errorf("%s is of %s", l.Input.Path, l.Server)
		}
	}
}

// A copy is a copy though it is cut off, though it is a snapshot with reserved room, and though its
// first line is longer than what is read to recognise a log.
func TestDamagedAndPaddedCopiesCountOnce(t *testing.T) {
	t.Parallel()
	reqs := morning()
	long := strings.Replace(reqs[0].proxy(), ",agent,", ","+strings.Repeat("x", 90<<10)+",", 1)
	full := proxyHead + long
	for range 2000 {
		full += reqs[3].proxy()
	}
	zip := packed(full)
	res := scan(t, folder(t, map[string]string{"a.LOG": full, "b.LOG.gz": zip[:len(zip)/2], "c.LOG": full[:150<<10] + strings.Repeat("\x00", 256<<10)}), options())
	if res.Counted != 2001 {
		t.Errorf("counted %d", res.Counted)
	}
	for i, want := range []ingest.State{ingest.Read, ingest.Duplicate, ingest.Duplicate} {
		if l := res.Logs[i]; l.State != want || (l.Err != nil) != (i == 1) {
			t.Errorf("%s: %s, %v", l.Input.Path, l.State, l.Err)
		}
	}
}

// What HttpProxy tells of one other application says nothing about the rest of the site.
func TestOtherApplicationsAreNotToldTwice(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"p.LOG": proxyHead + request{"2026-10-06 08:10:00", "EX01", `CONTOSO\ben`, "PushNotifications", "/PushNotifications/x", "Kerberos", 1}.proxy(),
		"i.log": iisHead + request{"2026-10-06 08:20:00", "EX01", `CONTOSO\anna`, "", "/certsrv/", "x", 2}.iis(true) +
			request{"2026-10-06 08:10:00", "EX01", `CONTOSO\ben`, "", "/PushNotifications/x", "x", 1}.iis(true),
	}
	res := scan(t, folder(t, files), options())
	if res.Counted != 2 || res.ToldTwice != 1 {
		t.Errorf("counted %d, told twice %d", res.Counted, res.ToldTwice)
	}
}

// What a client or a balancer writes into X-Forwarded-For makes nobody a client of the back end, and
// no outsider an insider.
func TestForwardedAddressIsOnlyClaimed(t *testing.T) {
	t.Parallel()
	const head = "#Fields: date time s-computername s-ip cs-method cs-uri-stem s-port cs-username c-ip sc-status X-Forwarded-For\r\n"
	line := func(port, from, forwarded string) string {
		return fmt.Sprintf("2026-10-06 08:15:00 EX01 10.0.0.1 POST /EWS/Exchange.asmx %s CONTOSO\\ben %s 200 %s\r\n", port, from, forwarded)
	}
	for _, c := range []struct {
		line              string
		backend, internal string
	}{
		{line("444", "fe80::1%3", "10.0.40.92,10.93.4.75"), "", ""},
		{line("444", "10.0.0.1", "198.51.100.7"), "", ""},
		{line("444", "10.20.7.99", "127.0.0.1"), "true", "true"},
		{line("443", "203.0.113.66", "10.1.2.3"), "false", "false"},
		{line("443", "10.1.1.1", "203.0.113.66"), "false", "false"},
		{line("443", "10.1.1.1", "10.1.2.3"), "false", "true"},
		{line("443", "10.1.1.1", "-"), "false", "true"},
	} {
		res := scan(t, folder(t, map[string]string{"u_ex.log": head + c.line}), options())
		backend, internal := "", ""
		for _, u := range res.Usage {
			backend, internal = fmt.Sprint(u.Backend), fmt.Sprint(u.Internal)
		}
		if backend != c.backend || internal != c.internal {
			t.Errorf("%q: backend %q, internal %q", c.line, backend, internal)
		}
	}
}

// The documents are the same for any number of workers, an identifier in two spellings included.
func TestDocumentsAreTheSameForAnyNumberOfWorkers(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for i := range 6 {
		sid := "S-1-5-21-1000-2000-3000-4343"
		if i%2 == 1 {
			sid = strings.ToLower(sid)
		}
		files[fmt.Sprintf("%d.LOG", i)] = proxyHead + request{"2026-10-06 08:15:00", "EX01", sid, "Ews", "/EWS/Exchange.asmx", "Basic", i}.proxy()
	}
	dir := folder(t, files)
	var want string
	for _, workers := range []int{1, 2, 6} {
		opt := options()
		opt.Workers = workers
		var got strings.Builder
		if err := scan(t, dir, opt).Documents(t.Context(), func(lines []byte) error { got.Write(lines); return nil }); err != nil {
			t.Fatal(err)
		}
		if strings.Count(got.String(), `"id":"S-1-5-21-1000-2000-3000-4343"`) != 6 {
			t.Errorf("%d workers: %s", workers, got.String())
		}
		if want == "" {
			want = got.String()
		} else if got.String() != want {
			t.Errorf("%d workers: other documents", workers)
		}
	}
}
