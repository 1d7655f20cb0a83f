package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/internal/store/sqlite"
	"github.com/outmode/outmode/rules"
)

// Rules as people write them: by usage, by lines, with a window.
const deskRules = `
id: T-1
name: Basic
severity: high
tags: [legacy-auth, basic]
when: auth == "basic" && outcome == "success"
---
id: T-2
name: Basic of an account from an address
severity: medium
tags: [legacy-auth]
group_by: [user, address]
when: auth == "basic" && outcome == "success" && address != ""
---
id: T-3
name: Many refusals
severity: critical
tags: [attack]
type: threshold
group_by: [address]
threshold: 2
window: 1h
resolve_after: 3d
when: auth == "basic" && outcome == "failure" && user != ""
`

// A desk is a store that is filled from log lines, and a clock.
type desk struct {
	t    *testing.T
	logs string
	data string
	set  *rules.Set
	now  time.Time
	seq  int
}

// noon is when the tests begin.
var noon = time.Date(2026, 10, 6, 12, 0, 0, 0, time.UTC)

func newDesk(t *testing.T) *desk {
	t.Helper()
	set, problems := rules.Load([]rules.File{{Name: "desk.yaml", Data: []byte(deskRules)}})
	for _, p := range problems {
		t.Fatal(p)
	}
	dir := t.TempDir()
	d := &desk{t: t, logs: filepath.Join(dir, "logs"), data: filepath.Join(dir, "data"), set: set, now: noon}
	if err := os.Mkdir(d.logs, 0o755); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) open() *sqlite.Store {
	d.t.Helper()
	s, err := sqlite.Open(d.t.Context(), d.data, sqlite.Options{Rules: d.set, Create: true, Now: func() time.Time { return d.now }})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = s.Close() })
	return s
}

// A request is one line of an HttpProxy log.
type request struct {
	at                          time.Time
	user, agent, from, protocol string
	server                      string
}

const deskHead = "DateTime,RequestId,Protocol,UrlStem,AuthenticationType,IsAuthenticated,AuthenticatedUser,UserAgent,ClientIpAddress,ServerHostName,HttpStatus,Method\r\n"

func (r request) line(n int) string {
	server, protocol, agent := r.server, r.protocol, r.agent
	if server == "" {
		server = "EX01"
	}
	if protocol == "" {
		protocol = "Ews"
	}
	if agent == "" {
		agent = "python-requests/2.31.0"
	}
	return fmt.Sprintf("%s,00000000-0000-4000-8000-%012d,%s,/%s/x,Basic,true,%s,%s,%s,%s,200,POST\r\n", r.at.Format("2006-01-02T15:04:05.000Z"), n, protocol, strings.ToLower(protocol), r.user, agent, r.from, server)
}

// refusal is a line of an IIS log with a wrong password.
func refusal(at time.Time, user, from string) string {
	return fmt.Sprintf("%s EX01 POST /EWS/Exchange.asmx 443 %s %s 401 1 1326\r\n", at.Format("2006-01-02 15:04:05"), user, from)
}

const deskIISHead = "#Fields: date time s-computername cs-method cs-uri-stem s-port cs-username c-ip sc-status sc-substatus sc-win32-status\r\n"

// log writes a new HttpProxy log.
func (d *desk) log(requests ...request) string {
	d.t.Helper()
	text := deskHead
	for _, r := range requests {
		d.seq++
		text += r.line(d.seq)
	}
	return d.file(text)
}

// idle writes logs of both kinds in which nothing happens, from one time up to another: that the server is up is all they say.
func (d *desk) idle(from, to time.Time) {
	d.t.Helper()
	proxy, iis := deskHead, deskIISHead
	for at := from; at.Before(to); at = at.Add(12 * time.Hour) {
		proxy += at.Format("2006-01-02T15:04:05.000Z") + ",,Ews,/ews/x,,false,,agent,198.51.100.9,EX01,401,POST\r\n"
		iis += at.Format("2006-01-02 15:04:05") + " EX01 GET /EWS/healthcheck.htm 443 - 192.0.2.9 200 0 0\r\n"
	}
	d.file(proxy)
	d.file(iis)
}

func (d *desk) file(text string) string {
	d.t.Helper()
	d.seq++
	name := filepath.Join(d.logs, fmt.Sprintf("%04d.LOG", d.seq))
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
	return name
}

// read reads into the store what is new in the logs, as serve does.
func (d *desk) read(s *sqlite.Store) {
	d.t.Helper()
	if err := d.tryRead(d.t.Context(), s); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) tryRead(ctx context.Context, s *sqlite.Store) error {
	opt := ingest.Options{Recognize: exchange.Recognize, Workers: 1, Org: signin.Organisation{Internal: signin.DefaultInternal()},
		NewJudge: func() ingest.Judge { return d.set.NewJudge() }, Window: d.set.Window}
	inputs, _ := tail.Find([]string{d.logs}, tail.FindOptions{})
	p, err := ingest.OpenPipeline(ctx, s, opt)
	if err == nil {
		err = p.Meet(ctx, inputs)
	}
	if err == nil {
		err = p.Fill(ctx)
	}
	if err == nil {
		err = s.Settle(ctx, time.UnixMilli(math.MaxInt64))
	}
	if err == nil {
		err = p.Review(ctx, s)
	}
	return err
}

// one returns the only finding that fits.
func (d *desk) one(s *sqlite.Store, f sqlite.FindingFilter) sqlite.Finding {
	d.t.Helper()
	all := d.find(s, f)
	if len(all) != 1 {
		d.t.Fatalf("%d findings, want one: %+v", len(all), all)
	}
	return all[0]
}

func (d *desk) find(s *sqlite.Store, f sqlite.FindingFilter) []sqlite.Finding {
	d.t.Helper()
	all, err := s.Findings(d.t.Context(), f)
	if err != nil {
		d.t.Fatal(err)
	}
	return all
}

// db opens the store's file beside the store.
func (d *desk) db() *sql.DB {
	d.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(d.data, "outmode.db"))
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = db.Close() })
	return db
}

// outbox takes out the events for a finding.
func (d *desk) outbox(finding string) string {
	d.t.Helper()
	db := d.db()
	rows, err := db.QueryContext(d.t.Context(), "SELECT event FROM outbox WHERE finding = ? ORDER BY id", finding)
	if err != nil {
		d.t.Fatal(err)
	}
	defer rows.Close()
	var events []string
	for rows.Next() {
		var e string
		if err := rows.Scan(&e); err != nil {
			d.t.Fatal(err)
		}
		events = append(events, e)
	}
	if err := rows.Err(); err != nil {
		d.t.Fatal(err)
	}
	d.exec("DELETE FROM outbox WHERE finding = ?", finding)
	return strings.Join(events, " ")
}

func (d *desk) exec(query string, args ...any) {
	d.t.Helper()
	if _, err := d.db().ExecContext(d.t.Context(), query, args...); err != nil {
		d.t.Fatal(err)
	}
}

// past is the history of a finding as words.
func (d *desk) past(s *sqlite.Store, finding string) string {
	d.t.Helper()
	all, err := s.History(d.t.Context(), finding)
	if err != nil {
		d.t.Fatal(err)
	}
	var lines []string
	for _, c := range all {
		lines = append(lines, fmt.Sprintf("%s by %s: %s", c.State, c.Actor, c.Note))
	}
	return strings.Join(lines, "\n")
}
