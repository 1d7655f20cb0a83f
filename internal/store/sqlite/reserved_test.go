package sqlite

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// reservedRules: the first asks for noise and for people alike, the second says nothing of traffic.
const reservedRules = `id: R-1
name: reserved
severity: high
when: outcome == "success" && !internal && (traffic in ["probe", "system"] || user startsWith "migration")
---
id: R-2
name: anybody
severity: low
when: outcome == "success"
`

// reserved is what the rules find in the logs, once by the store and once by a scan, which must say the same of them.
func (k *kept) reserved(what string) string {
	k.t.Helper()
	all, err := k.Findings(k.t.Context(), FindingFilter{})
	if err != nil {
		k.t.Fatal(err)
	}
	store, scan := "", ""
	for i := range all {
		store += finding(&all[i].Finding)
		for _, e := range all[i].Evidence {
			if len(e.SHA256) != 64 || !strings.Contains(string(e.SignIn), `"outcome":"success"`) {
				k.t.Errorf("%s: %s %s cites %s at %d with %q, %s", what, all[i].Rule, all[i].Subject, e.File, e.Offset, e.SHA256, e.SignIn)
			}
		}
		if len(all[i].Evidence) == 0 {
			k.t.Errorf("%s: %s %s cites nothing", what, all[i].Rule, all[i].Subject)
		}
	}
	res := k.rescan()
	for _, f := range k.opt.Rules.Findings(rules.Observed{Usage: res.Usage, Minutes: res.Minutes, Covered: res.Covered}) {
		scan += finding(&f)
		cited := res.Cite(f.Evidence)
		for _, at := range f.Evidence {
			if cited[at] == nil || cited[at].Document == nil {
				k.t.Errorf("%s: a scan cites no line of %s %s", what, f.Rule, f.Subject)
			}
		}
	}
	if store != scan {
		k.t.Errorf("%s: the store finds\n%sand a scan\n%s", what, store, scan)
	}
	if stored, err := k.Result(k.t.Context(), Period{}); err != nil || stored.Lines != res.Lines || stored.Counted != res.Counted || stored.ToldTwice != res.ToldTwice {
		k.t.Errorf("%s: %v; the store has %+v, a scan %+v", what, err, stored, res)
	}
	return store
}

func (k *kept) rescan() *ingest.Result {
	k.t.Helper()
	inputs, _ := tail.Find([]string{k.logs}, tail.FindOptions{})
	opt := k.options()
	opt.Workers, opt.PartSize = 2, 4096
	opt.Org.Internal, opt.Org.Servers = signin.DefaultInternal(), map[netip.Addr]bool{netip.MustParseAddr("192.0.2.11"): true}
	res, err := ingest.Scan(k.t.Context(), inputs, opt)
	if err != nil {
		k.t.Fatal(err)
	}
	return res
}

// reservedLogs are a log of IIS and one of HttpProxy. In the hour at eight both tell, at nine IIS alone, and there nothing but
// noise would wait for HttpProxy.
func reservedLogs(day string) (iis, proxy string) {
	at := func(hm string) time.Time { return clock(day + " " + hm) }
	web := func(hm, user, from string) string {
		return at(hm).Format("2006-01-02 15:04:05") + ` EX01 POST /EWS/Exchange.asmx 443 CONTOSO\` + user + " " + from + " 200 0 0\r\n"
	}
	iis = keptIISHead + web("08:10", "HealthMailbox1", "198.51.100.7") + web("08:20", "migration2", "198.51.100.7") + web("08:30", "HealthMailbox1", "127.0.0.1") +
		web("09:10", "HealthMailbox1", "198.51.100.7") + web("09:40", "HealthMailbox2", "198.51.100.8") + web("09:50", "HealthMailbox3", "192.0.2.11") + web("09:55", "HealthMailbox3", "10.20.1.12")
	proxy = keptProxyHead + proxied(at("08:10"), `CONTOSO\HealthMailbox1`, "curl/8") + proxied(at("08:20"), `CONTOSO\migration2`, "curl/8") +
		strings.ReplaceAll(proxied(at("08:30"), `CONTOSO\HealthMailbox1`, "curl/8"), "198.51.100.7", "127.0.0.1")
	return iis, proxy
}

const reservedFound = `R-1 contoso\healthmailbox1 ews 2 2026-10-19 08:10:00 2026-10-19 09:10:00
R-1 contoso\healthmailbox2 ews 1 2026-10-19 09:40:00 2026-10-19 09:40:00
R-1 contoso\migration2 ews 1 2026-10-19 08:20:00 2026-10-19 08:20:00
R-2 contoso\migration2 ews 1 2026-10-19 08:20:00 2026-10-19 08:20:00
`

// Noise of a reserved name is counted for rules that ask for it, once however many logs tell of it, and alike by a scan and
// by the store in any order of logs. It is in no usage row, and stays noise in the ledger.
func TestReservedNoiseInAnyOrder(t *testing.T) {
	t.Parallel()
	iis, proxy := reservedLogs("2026-10-19")
	for name, order := range map[string][]string{
		"IIS first": {"iis", "settle", "proxy"}, "IIS first, and HttpProxy in time": {"iis", "proxy"}, "HttpProxy first": {"proxy", "iis"}, "HttpProxy settled": {"proxy", "settle", "iis"},
	} {
		k := keep(t, Retention{})
		k.judgeBy(reservedRules)
		for _, what := range order {
			switch what {
			case "iis":
				k.write("u_ex.log", iis)
				k.readFrom()
			case "proxy":
				k.write("proxy.LOG", proxy)
				k.readFrom()
			case "settle":
				k.settle()
				k.readFrom()
			}
		}
		k.settle()
		k.readFrom()
		k.sound()
		if got := k.reserved(name); got != reservedFound {
			t.Errorf("%s:\n%swant\n%s", name, got, reservedFound)
		}
		if n := k.n("SELECT count(*) FROM usage u JOIN account a ON a.id = u.account WHERE a.name LIKE 'healthmailbox%'"); n != 0 {
			t.Errorf("%s: noise is in %d usage rows", name, n)
		}
		if n := k.n("SELECT sum(lines) FROM line_count WHERE verdict = ?", signin.Noise); n != 8 {
			t.Errorf("%s: %d lines of noise, want 8", name, n)
		}
	}
}

// readFrom reads what is new, by the addresses of an organisation.
func (k *kept) readFrom() {
	k.t.Helper()
	ctx := k.t.Context()
	opt := k.options()
	opt.Org.Internal, opt.Org.Servers = signin.DefaultInternal(), map[netip.Addr]bool{netip.MustParseAddr("192.0.2.11"): true}
	p, err := ingest.OpenPipeline(ctx, k, opt)
	if err != nil {
		k.t.Fatal(err)
	}
	inputs, _ := tail.Find([]string{k.logs}, tail.FindOptions{})
	for _, err := range []error{p.Recall(ctx, k), p.Meet(ctx, inputs), p.Fill(ctx), p.Review(ctx, k)} {
		if err != nil {
			k.t.Fatal(err)
		}
	}
}

// What waits for HttpProxy counts for nothing until its hour is settled, goes when HttpProxy turns out to have told of it, and
// when it is old its finding keeps the count.
func TestReservedNoiseWaitsIsWithdrawnAndAges(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	k.judgeBy(reservedRules)
	at := clock("2026-10-19 08:10")
	k.write("u_ex.log", keptIISHead, web(at, "HealthMailbox1"), web(at.Add(time.Hour), "HealthMailbox2"))
	k.read()
	count := func(want string) {
		t.Helper()
		k.sound()
		if got := k.text("SELECT coalesce(group_concat(line, ', '), '') FROM (SELECT subject || ' ' || count AS line FROM finding WHERE count > 0 ORDER BY 1)"); got != want {
			t.Errorf("found %q, want %q", got, want)
		}
	}
	count("")
	k.settle()
	count(`contoso\healthmailbox1 1, contoso\healthmailbox2 1`)
	k.write("proxy.LOG", keptProxyHead, proxied(at.Add(time.Minute), `CONTOSO\anna`, "curl/8"))
	k.read()
	count(`contoso\healthmailbox2 1`)
	k.clock = at.Add(60 * 24 * time.Hour)
	k.write("later.log", keptIISHead, web(k.clock.Add(-3*time.Hour), "HealthMailbox2"))
	k.read()
	k.settle()
	k.prune()
	count(`contoso\healthmailbox2 2`)
	if n := k.n("SELECT count(*) FROM minute"); n != 1 {
		t.Errorf("%d minutes are kept, want 1", n)
	}
}

// Anybody who writes a log can make up names: a day adds so many to a rule and no more, and what is left out is told.
func TestReservedNamesThatAreTooMany(t *testing.T) {
	t.Parallel()
	k := keep(t, Retention{})
	k.judgeBy(reservedRules)
	at := clock("2026-10-19 08:00")
	lines := func(from, to int) string {
		var b strings.Builder
		for i := from; i < to; i++ {
			b.WriteString(proxied(at, fmt.Sprintf(`CONTOSO\HealthMailbox%07d`, i), "curl/8"))
		}
		return b.String()
	}
	k.write("proxy.LOG", keptProxyHead, lines(0, 1))
	k.read()
	rule := k.n("SELECT id FROM rule WHERE name = 'R-1'")
	k.writer.crowd[ruleDay{rule, at.UnixMilli() / dayMs}] = maxGroupsADay - 1
	k.write("proxy.LOG", lines(1, 5))
	k.read()
	k.sound()
	res, err := k.Result(t.Context(), Period{})
	if err != nil {
		t.Fatal(err)
	}
	if n := k.n("SELECT count(*) FROM finding"); n != 2 || res.Lines.Noise != 5 {
		t.Errorf("%d findings, %d lines of noise; want 2 and 5", n, res.Lines.Noise)
	}
	if lost := k.text("SELECT value FROM meta WHERE name = 'lost'"); lost != "3" {
		t.Errorf("%s counts were lost, want 3", lost)
	}

	const names = 50_000
	k.write("proxy2.LOG", keptProxyHead, lines(5, names))
	scanned := k.rescan()
	found := k.opt.Rules.Findings(rules.Observed{Usage: scanned.Usage, Minutes: scanned.Minutes, Covered: scanned.Covered})
	if scanned.Lines.Noise != names || len(found) < 1000 || len(found) > 1<<14 || int64(len(found))+scanned.Lost != names {
		t.Errorf("a scan of %d lines of noise finds %d and lost %d", scanned.Lines.Noise, len(found), scanned.Lost)
	}
}
