package sqlite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// keptRules are one rule of each way to count: by usage rows, by a window, and by the debut of what only lines show.
const keptRules = `id: T-1
name: basic
severity: high
when: auth == "basic" && outcome == "success"
---
id: T-2
name: guesses
severity: high
type: threshold
threshold: 3
window: 10m
when: outcome == "failure" && user != ""
---
id: T-3
name: new program
severity: low
type: first_seen
baseline: 1d
group_by: [user, agent]
when: outcome == "success" && dataset == "outmode.httpproxy"
`

// A kept is a store that logs are read into, by a clock of its own.
type kept struct {
	*Store
	t     testing.TB
	logs  string
	clock time.Time
}

// keep opens a store in a new directory.
func keep(t testing.TB, r Retention) *kept {
	t.Helper()
	k := &kept{t: t, logs: t.TempDir(), clock: time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC)}
	k.open(t.TempDir(), r)
	return k
}

func (k *kept) open(dir string, r Retention) {
	k.t.Helper()
	set, problems := rules.Load([]rules.File{{Name: "kept.yaml", Data: []byte(keptRules)}})
	if len(problems) > 0 {
		k.t.Fatal(problems)
	}
	s, err := Open(k.t.Context(), dir, Options{Rules: set, Create: true, Retention: r, Now: func() time.Time { return k.clock }})
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { _ = s.Close() })
	k.Store = s
}

// write puts a log into the folder; more of it is appended.
func (k *kept) write(name string, lines ...string) {
	k.t.Helper()
	f, err := os.OpenFile(filepath.Join(k.logs, name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		k.t.Fatal(err)
	}
	if _, err := f.WriteString(strings.Join(lines, "")); err != nil {
		k.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		k.t.Fatal(err)
	}
}

// read reads what is behind, and notes what is not there any more.
func (k *kept) read() {
	k.t.Helper()
	ctx := context.Background()
	p, err := ingest.OpenPipeline(ctx, k, k.options())
	if err != nil {
		k.t.Fatal(err)
	}
	inputs, _ := tail.Find([]string{k.logs}, tail.FindOptions{})
	var missing []string
	for _, src := range p.Sources() {
		if !slices.ContainsFunc(inputs, func(in tail.Input) bool { return in.Path == src.Path }) && src.State != ingest.Gone {
			missing = append(missing, src.Path)
		}
	}
	for _, err := range []error{p.Recall(ctx, k), p.Meet(ctx, inputs), p.Miss(ctx, missing, k.clock), p.Fill(ctx), p.Review(ctx, k)} {
		if err != nil {
			k.t.Fatal(err)
		}
	}
}

// options are those by which logs are read, of Exchange and of gateways.
func (k *kept) options() ingest.Options {
	set := k.opt.Rules
	recognize := func(head []byte) ingest.Format {
		f := exchange.Recognize(head)
		if g := (&mfa.Options{}).Recognize(head); f.Name == "" && g.Name != "" {
			return g
		}
		return f
	}
	return ingest.Options{Recognize: recognize, Workers: 1, NewJudge: func() ingest.Judge { return set.NewJudge() }, Window: set.Window,
		Watch: func(first []signin.Minute, open bool) ingest.Watch {
			if w := set.Watch(first); w != nil {
				if open {
					w.Open()
				}
				return w
			}
			return nil
		}}
}

// settle lets the hours that ended before the clock count.
func (k *kept) settle() {
	k.t.Helper()
	if err := k.Settle(context.Background(), k.clock); err != nil {
		k.t.Fatal(err)
	}
}

// prune runs Prune until it is done, and returns how many steps it took.
func (k *kept) prune() (steps int) {
	k.t.Helper()
	for steps = 1; ; steps++ {
		done, err := k.Prune(context.Background(), k.clock)
		if err != nil {
			k.t.Fatal(err)
		}
		if done {
			return steps
		}
		if steps == 1000 {
			k.t.Fatal("Prune never ends")
		}
	}
}

// sound checks the store, and says what is wrong.
func (k *kept) sound() *Checked {
	k.t.Helper()
	c, err := k.Check(context.Background(), CheckOptions{Logs: true})
	if err != nil {
		k.t.Fatal(err)
	}
	for _, p := range c.Problems {
		k.t.Errorf("%s: %s", p.Invariant, p.Message)
	}
	return c
}

// n returns the number that a query gives.
func (k *kept) n(query string, args ...any) (n int64) {
	k.t.Helper()
	if err := k.Store.write.QueryRow(query, args...).Scan(&n); err != nil {
		k.t.Fatalf("%v in %s", err, query)
	}
	return n
}

// text returns the text that a query gives.
func (k *kept) text(query string, args ...any) (s string) {
	k.t.Helper()
	if err := k.Store.write.QueryRow(query, args...).Scan(&s); err != nil {
		k.t.Fatalf("%v in %s", err, query)
	}
	return s
}

func (k *kept) exec(query string, args ...any) {
	k.t.Helper()
	if _, err := k.Store.write.Exec(query, args...); err != nil {
		k.t.Fatalf("%v in %s", err, query)
	}
}

const (
	keptProxyHead = "DateTime,RequestId,Protocol,UrlStem,AuthenticationType,IsAuthenticated,AuthenticatedUser,UserAgent,ClientIpAddress,ServerHostName,HttpStatus,BackEndStatus,ProxyAction,TargetServer,AnchorMailbox\r\n"
	keptIISHead   = "#Fields: date time s-computername cs-method cs-uri-stem s-port cs-username c-ip sc-status sc-substatus sc-win32-status\r\n"
)

func clock(text string) time.Time {
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	panic(text)
}

// proxied is a line of HttpProxy: a sign-in with Basic.
func proxied(at time.Time, user, agent string) string {
	return at.Format("2006-01-02T15:04:05.000Z") + fmt.Sprintf(",0b1e6d3c-0000-4000-8000-%012x,Ews,/EWS/Exchange.asmx,Basic,true,%s,%s,198.51.100.7,EX01,200,200,Proxy,x,\r\n", at.Unix(), user, agent)
}

// web is a line of IIS: a success, which counts only where HttpProxy is silent.
func web(at time.Time, user string) string {
	return at.Format("2006-01-02 15:04:05") + ` EX01 POST /EWS/Exchange.asmx 443 CONTOSO\` + user + " 192.0.2.7 200 0 0\r\n"
}

// refused is a line of IIS: a wrong password.
func refused(at time.Time, user string) string {
	return at.Format("2006-01-02 15:04:05") + ` EX01 POST /EWS/Exchange.asmx 443 CONTOSO\` + user + " 198.51.100.66 401 1 1326\r\n"
}

// probe is a line of IIS by a health check.
func probe(at time.Time) string {
	return at.Format("2006-01-02 15:04:05") + " EX01 GET /EWS/healthcheck.htm 443 - 127.0.0.1 200 0 0\r\n"
}
