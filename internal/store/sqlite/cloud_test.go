package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"html"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// cloudRules are one rule of each way to count.
const cloudRules = `id: C-1
name: signed in
severity: high
when: outcome == "success"
---
id: C-2
name: guesses
severity: high
type: threshold
threshold: 3
window: 30m
when: outcome == "failure" && user != ""
---
id: C-4
name: many names
severity: high
type: threshold
threshold: 2
distinct: user
window: 1h
group_by: [address]
when: outcome == "failure" && user != ""
---
id: C-5
name: new program
severity: low
type: first_seen
baseline: 1h
group_by: [user, agent]
when: outcome == "success"
---
id: C-6
name: by its agent
severity: low
when: agent contains "BAV2ROPC" && outcome == "success"
`

// A cloudEvent is one sign-in to Exchange Online.
type cloudEvent struct {
	at              time.Time
	user            int
	shared          string
	record          string
	code            int
	client, address string
}

func (e cloudEvent) entra(full bool) string {
	protocol := ""
	if full {
		protocol = `"authenticationProtocol":"ropc","userAgent":"BAV2ROPC",`
	}
	return fmt.Sprintf(`{"id":%q,"createdDateTime":%q,"userPrincipalName":"u%d@contoso.com","appId":"9199bf20-a13f-4107-85dc-02114787ef48","appDisplayName":"Office","ipAddress":%q,"clientAppUsed":%q,`+
		`"correlationId":%q,%s"resourceDisplayName":"Office 365 Exchange Online","resourceId":"00000002-0000-0ff1-ce00-000000000000","status":{"errorCode":%d}}`+"\n",
		e.record, e.at.Format(time.RFC3339), e.user, e.address, e.client, strings.ToUpper(e.shared), protocol, e.code)
}

func (e cloudEvent) ual() string {
	operation := "UserLoggedIn"
	if e.code != 0 {
		operation = "UserLoginFailed"
	}
	return fmt.Sprintf(`{"CreationTime":%q,"Id":"ual-%s","Operation":%q,"RecordType":15,"ResultStatus":"Success","UserId":"u%d@contoso.com","Workload":"AzureActiveDirectory","ClientIP":%q,`+
		`"ObjectId":"00000002-0000-0ff1-ce00-000000000000","ExtendedProperties":[{"Name":"UserAgent","Value":"BAV2ROPC"},{"Name":"RequestType","Value":"OAuth2:Token"}],"InterSystemsId":%q,"ErrorNumber":"%d"}`+"\n",
		e.at.Add(time.Second).Format("2006-01-02T15:04:05"), e.record, operation, e.user, e.address, e.shared, e.code)
}

func (e cloudEvent) adfs() string {
	id := 1200
	if e.code != 0 {
		id = 1203
	}
	base := fmt.Sprintf(`<?xml version="1.0" encoding="utf-16"?><AuditBase xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="AppTokenAudit"><AuditType>AppToken</AuditType><ContextComponents>`+
		`<Component xsi:type="ResourceAuditComponent"><RelyingParty>urn:federation:MicrosoftOnline</RelyingParty><UserId>CONTOSO\u%d</UserId></Component>`+
		`<Component xsi:type="RequestAuditComponent"><IpAddress>%s</IpAddress><ForwardedIpAddress>%s</ForwardedIpAddress><UserAgentString>BAV2ROPC</UserAgentString><Endpoint>/adfs/services/trust/2005/usernamemixed</Endpoint>`+
		`<X-MS-Client-Application>Microsoft.Exchange.IMAP</X-MS-Client-Application></Component></ContextComponents></AuditBase>`, e.user, e.address, e.address)
	return fmt.Sprintf(`<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='AD FS Auditing'/><EventID>%d</EventID><TimeCreated SystemTime='%s'/><EventRecordID>7</EventRecordID>`+
		`<Channel>Security</Channel><Computer>adfs01.contoso.com</Computer></System><EventData><Data>%s</Data><Data>%s</Data></EventData></Event>`+"\n",
		id, e.at.Add(-time.Second).Format("2006-01-02T15:04:05.000000000Z"), e.shared, html.EscapeString(base))
}

// A cloudWorld is what several logs tell of the same sign-ins: lines by the export that they are in.
func cloudWorld(r *rand.Rand) map[string][]string {
	exports := map[string][]string{}
	add := func(export, line string) { exports[export] = append(exports[export], line) }
	at := clock("2026-10-18 22:00")
	for n := range 60 {
		at = at.Add(time.Duration(r.IntN(20*60)) * time.Second)
		shared := fmt.Sprintf("%08x-0000-4000-8000-00000000000a", n)
		told := r.IntN(7) + 1 // bits: Entra, UAL, AD FS
		records := 1
		if r.IntN(4) == 0 {
			records = 2
		}
		user, address := r.IntN(4), fmt.Sprintf("198.51.100.%d", r.IntN(3))
		for m := range records {
			e := cloudEvent{at: at.Add(time.Duration(m) * time.Second), user: user, shared: shared, record: fmt.Sprintf("%08x-0000-4000-8000-00000000000%d", n, m), address: address,
				code: []int{0, 50126, 53003}[r.IntN(3)], client: []string{"IMAP4", "Exchange Web Services", "Browser"}[r.IntN(3)]}
			if told&1 != 0 {
				full := r.IntN(2) == 0
				add("entra1", e.entra(full))
				if r.IntN(3) == 0 {
					add("entra2", e.entra(!full))
				}
			}
			if told&2 != 0 {
				if r.IntN(6) == 0 { // somebody else chose the same id
					e.user = (user + 1) % 4
				}
				add("ual1", e.ual())
				if r.IntN(3) == 0 {
					add("ual2", e.ual())
				}
			}
			if told&4 != 0 && m == 0 {
				add("adfs1", e.adfs())
				if r.IntN(3) == 0 {
					add("adfs2", e.adfs())
				}
			}
		}
	}
	return exports
}

// said is all that a result says of sign-ins, in an order of its own.
func said(res *ingest.Result) string {
	var lines []string
	for i := range res.Usage {
		u := &res.Usage[i]
		lines = append(lines, fmt.Sprint(u.Server, u.Kind, " ", u.Account.Key, " ", u.Protocol, u.Auth, u.Mechanism, u.Outcome, u.Evidence, u.Traffic, u.Client, u.Modern, u.Internal, u.Backend, u.Count, " ", u.First, u.Last, u.Days, u.Addresses))
	}
	slices.Sort(lines)
	return fmt.Sprintln(res.Lines.SignIn, res.ToldTwice) + fmt.Sprintln(res.Counted, res.Waiting, res.Lines.SignIn-res.Counted-res.ToldTwice) + strings.Join(lines, "\n")
}

func finding(f *rules.Finding) string {
	return fmt.Sprintln(f.Rule, f.Subject, f.Protocol, f.Count, f.First.Format(time.DateTime), f.Last.Format(time.DateTime))
}

// Whatever order the logs come in and however they are cut, a sign-in to the cloud counts once, by the best log that tells of
// it; and a scan of the same files says what the store does.
func TestCloudSignInsCountOnce(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			world := cloudWorld(r)
			var first string
			for range 3 {
				k := keep(t, Retention{})
				k.judgeBy(cloudRules)
				for _, step := range cloudSteps(r, world) {
					k.write(step.file, step.lines...)
					if r.IntN(2) == 0 {
						k.read()
					}
					if r.IntN(4) == 0 {
						k.settle()
					}
				}
				k.read()
				k.settle()
				k.read()
				k.sound()
				stored := k.said()
				if scanned := k.scan(); scanned != stored {
					t.Fatalf("the scan and the store:\n%s", unlike(scanned, stored))
				}
				_, stored, _ = strings.Cut(stored, "\n") // a file that begins another is a copy of it, and its lines are none
				if first = cmp.Or(first, stored); first != stored {
					t.Fatalf("one order and another:\n%s", unlike(first, stored))
				}
			}
		})
	}
}

// unlike are the lines that only one of two texts has.
func unlike(a, b string) (text string) {
	for _, x := range [][3]string{{"< ", a, b}, {"> ", b, a}} {
		for line := range strings.Lines(x[1]) {
			if !strings.Contains(x[2], line) {
				text += x[0] + line
			}
		}
	}
	return text
}

// A cloudStep appends lines to a file.
type cloudStep struct {
	file  string
	lines []string
}

// begin is a first line that no other log has: a log that begins another is a copy of it.
func begin(export, name string) string {
	e := cloudEvent{at: clock("2026-10-18 22:00"), shared: name, record: name, client: "Browser", address: "198.51.100.9"}
	switch export[0] {
	case 'e':
		return strings.NewReplacer("Office 365 Exchange Online", "Windows Azure", "00000002-0000-0ff1-ce00-000000000000", "797f4846-ba00-4fd7-ba43-dac1f8f63013").Replace(e.entra(false))
	case 'u':
		return strings.Replace(e.ual(), "00000002-0000-0ff1-ce00-000000000000", "797f4846-ba00-4fd7-ba43-dac1f8f63013", 1)
	}
	return strings.Replace(e.adfs(), "usernamemixed", "windowstransport", 1)
}

// cloudSteps cuts exports into files and puts them into some order. A file begins with its first lines.
func cloudSteps(r *rand.Rand, world map[string][]string) []cloudStep {
	var files [][]cloudStep
	for _, export := range slices.Sorted(func(yield func(string) bool) {
		for name := range world {
			if !yield(name) {
				return
			}
		}
	}) {
		lines := world[export]
		for part := 0; len(lines) > 0; part++ {
			n := min(len(lines), 1+r.IntN(40))
			name := fmt.Sprintf("%c-%s-%d.log", 'a'+r.IntN(26), export, part)
			steps := []cloudStep{{name, []string{begin(export, name)}}}
			for of := lines[:n]; len(of) > 0; {
				m := min(len(of), 1+r.IntN(20))
				steps, of = append(steps, cloudStep{name, of[:m]}), of[m:]
			}
			files, lines = append(files, steps), lines[n:]
		}
	}
	var all []cloudStep
	for len(files) > 0 {
		i := r.IntN(len(files))
		all = append(all, files[i][0])
		if files[i] = files[i][1:]; len(files[i]) == 0 {
			files = slices.Delete(files, i, i+1)
		}
	}
	return all
}

// said is all that the store says of sign-ins, and what its rules find.
func (k *kept) said() string {
	k.t.Helper()
	res, err := k.Result(k.t.Context(), Period{})
	if err != nil {
		k.t.Fatal(err)
	}
	text := said(res) + "\n"
	all, err := k.Findings(k.t.Context(), FindingFilter{})
	if err != nil {
		k.t.Fatal(err)
	}
	for i := range all {
		text += finding(&all[i].Finding)
		if n := len(all[i].Evidence); n == 0 || n > maxEvidence {
			k.t.Errorf("%s cites %d lines", all[i].Rule, n)
		}
		for _, e := range all[i].Evidence {
			at := int64(e.Offset)
			if n := k.n("SELECT count(*) FROM cloud_signin c JOIN source s ON s.id = c.source WHERE c.at = ? AND s.path = ?", at, e.File); n != 1 || e.SignIn == nil {
				k.t.Errorf("%s %s cites a line that does not count: %s at %d, %s", all[i].Rule, all[i].Subject, e.File, at, e.SignIn)
			}
		}
	}
	return text
}

// scan says the same of the files.
func (k *kept) scan() string {
	k.t.Helper()
	inputs, _ := tail.Find([]string{k.logs}, tail.FindOptions{})
	opt := k.options()
	opt.Workers, opt.PartSize = 2, 4096
	res, err := ingest.Scan(context.Background(), inputs, opt)
	if err != nil {
		k.t.Fatal(err)
	}
	text := said(res) + "\n"
	for _, f := range k.opt.Rules.Findings(rules.Observed{Usage: res.Usage, Minutes: res.Minutes, Covered: res.Covered}) {
		text += finding(&f)
	}
	documents := int64(0)
	if err := res.Documents(context.Background(), func(lines []byte) error {
		documents += int64(strings.Count(string(lines), "\n"))
		return nil
	}); err != nil || documents != res.Counted {
		k.t.Errorf("%d documents of %d sign-ins, %v", documents, res.Counted, err)
	}
	return text
}

// cloudPair is a sign-in as AD FS and as Entra tell of it.
func cloudPair(at string) (adfs, entra string) {
	e := cloudEvent{at: clock(at), user: 1, shared: fmt.Sprintf("%08x-0000-4000-8000-00000000000a", clock(at).Unix()), record: at, address: "198.51.100.7", client: "IMAP4"}
	return e.adfs(), e.entra(true)
}

// A sign-in is taken out of what is kept of it. What is so old that its row is dropped counts for good.
func TestCloudSignInsThatAreOld(t *testing.T) {
	t.Parallel()
	k := keep(t, short())
	k.judgeBy("id: C-1\nname: signed in\nseverity: high\nwhen: outcome == \"success\" && dataset == \"outmode.adfs\"\n")
	k.clock = clock("2026-10-20 12:00")
	oldA, oldE := cloudPair("2026-10-14 08:00")
	newA, newE := cloudPair("2026-10-20 08:00")
	sums := func(what string, want ...int64) {
		t.Helper()
		k.sound()
		res, err := k.Result(t.Context(), Period{})
		if err != nil {
			t.Fatal(err)
		}
		if got := []int64{res.Lines.SignIn, res.Counted, res.ToldTwice}; !slices.Equal(got, want) {
			t.Errorf("%s: lines, counted and told twice %v, want %v", what, got, want)
		}
	}
	k.write("adfs.xml", oldA, newA)
	k.read()
	k.prune()
	sums("by AD FS", 2, 2, 0)
	if n := k.n("SELECT count(*) FROM cloud_signin"); n != 1 {
		t.Errorf("%d rows are kept", n)
	}
	k.write("entra.json", newE)
	k.read()
	sums("a new one by Entra too", 3, 2, 1)
	if all, err := k.Findings(t.Context(), FindingFilter{}); err != nil || len(all) != 1 || all[0].Count != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	k.write("entra.json", oldE)
	k.read()
	sums("an old one of which no row is left", 4, 3, 1)
	k.prune()
	k.clock = clock("2026-10-30 12:00")
	later, _ := cloudPair("2026-10-30 08:00")
	k.write("late.xml", later)
	k.read()
	k.prune()
	sums("later", 5, 4, 1)
	if n := k.n("SELECT count(*) FROM cloud_signin"); n != 1 {
		t.Errorf("%d rows are kept", n)
	}
}

// A better log that comes when what counted cannot be taken out any more is told twice itself.
func TestCloudSignInsThatCountForGood(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	a, e := cloudPair("2026-10-19 08:00")
	k.write("adfs.xml", a)
	k.read()
	k.exec("INSERT INTO meta (name, value) VALUES (?, ?)", cloudKept, fmt.Sprint(clock("2026-10-20").UnixMilli()/dayMs))
	k.write("entra.json", e)
	k.read()
	k.sound()
	res, err := k.Result(t.Context(), Period{})
	if err != nil || res.Counted != 1 || res.ToldTwice != 1 || res.Usage[0].Kind != signin.ADFSLog {
		t.Errorf("%+v, %v", res, err)
	}
}

// A usage row of which nothing counts any more goes, with its account.
func TestPruneEmptyRowsOfTheCloud(t *testing.T) {
	t.Parallel()
	k := keep(t, short())
	k.clock = clock("2026-10-20 12:00")
	a, e := cloudPair("2026-10-20 08:00")
	k.write("adfs.xml", a)
	k.read()
	k.exec("DELETE FROM finding_usage")
	k.write("entra.json", e)
	k.read()
	k.prune()
	k.sound()
	if accounts, empty := k.n("SELECT count(*) FROM account"), k.n("SELECT count(*) FROM usage WHERE count = 0"); accounts != 1 || empty != 0 {
		t.Errorf("%d accounts, %d rows without a count", accounts, empty)
	}
}

// The later step of a sequence is one sign-in too, and goes when it turns out to be told twice.
func TestCloudSignInsInSequences(t *testing.T) {
	t.Parallel()
	const rule = "id: C-3\nname: guessed\nseverity: high\ntype: sequence\nthreshold: 2\nwindow: 2h\nsteps:\n  - outcome == \"failure\" && user != \"\"\n  - outcome == \"success\"\n"
	event := func(at string, code int) cloudEvent {
		return cloudEvent{at: clock(at), user: 1, shared: fmt.Sprintf("%08x-0000-4000-8000-00000000000a", clock(at).Unix()), record: at, address: "198.51.100.7", client: "IMAP4", code: code}
	}
	first, second, then := event("2026-10-19 08:00", 50126), event("2026-10-19 08:10", 50126), event("2026-10-19 08:20", 0)
	blocked := then
	blocked.code = 53003
	for name, x := range map[string]struct {
		ual, entra []cloudEvent
		want       int
	}{
		"as it was":           {[]cloudEvent{first, second, then}, []cloudEvent{first, then}, 1},
		"a step less":         {[]cloudEvent{first, second, then}, []cloudEvent{first, blocked}, 0},
		"guesses less":        {[]cloudEvent{first, second, then}, []cloudEvent{event("2026-10-19 08:00", 0)}, 0},
		"none by Entra":       {[]cloudEvent{first, second, then}, nil, 1},
		"all by Entra":        {[]cloudEvent{first, second, then}, []cloudEvent{first, second, then}, 1},
		"all but the success": {[]cloudEvent{first, second, then}, []cloudEvent{first, second}, 1},
	} {
		for _, late := range []bool{false, true} {
			k := keep(t, Retention{})
			k.judgeBy(rule)
			for _, e := range x.ual {
				k.write("ual.json", e.ual())
			}
			if late {
				k.read()
				k.read()
			}
			for _, e := range x.entra {
				k.write("entra.json", e.entra(true))
			}
			k.read()
			k.read()
			k.sound()
			scanned, stored := k.scan(), k.said()
			if found := strings.Count(stored, "C-3"); scanned != stored || found != x.want {
				t.Errorf("%s, late %v: %d findings, want %d\n%s", name, late, found, x.want, unlike(scanned, stored))
			}
		}
	}
}

// A log that does not name its server has none, whatever was read before it.
func TestServersOfLogsThatNameNone(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	k.judgeBy(cloudRules)
	a, _ := cloudPair("2026-10-19 08:00")
	_, e := cloudPair("2026-10-19 08:10")
	k.write("a.xml", a)
	k.write("b.json", e)
	k.read()
	if servers := k.text("SELECT group_concat(v.name || ':' || u.kind, ' ') FROM (SELECT * FROM usage ORDER BY kind) u JOIN server v ON v.id = u.server"); servers != fmt.Sprintf("ADFS01:%d :%d", signin.ADFSLog, signin.Entra) {
		t.Error(servers)
	}
}

// Clients choose the id by which logs name a request: whoever takes somebody else's hides nothing by it.
func TestCloudSignInsOfTwoPeopleWithOneID(t *testing.T) {
	t.Parallel()
	const shared = "00000001-0000-4000-8000-00000000000a"
	anna := cloudEvent{at: clock("2026-10-19 08:00"), user: 1, shared: shared, record: "00000001-0000-4000-8000-000000000001", client: "Browser", address: "198.51.100.1"}
	mallory := cloudEvent{at: clock("2026-10-19 15:00"), user: 2, shared: shared, record: "00000001-0000-4000-8000-000000000002", client: "IMAP4", address: "203.0.113.9"}
	for _, order := range [][]string{{"a-entra.log", "b-ual.log"}, {"b-entra.log", "a-ual.log"}} {
		k := keep(t, Retention{})
		k.write(order[0], begin("entra", "1"), anna.entra(true))
		k.write(order[1], begin("ual", "2"), anna.ual(), mallory.ual())
		k.read()
		k.settle()
		if n := k.n("SELECT sum(count) FROM usage"); n != 2 {
			t.Errorf("%v: %d sign-ins, want that of each", order, n)
		}
		if stored, scanned := k.said(), k.scan(); stored != scanned {
			t.Errorf("%v: %s", order, unlike(scanned, stored))
		}
	}
}
