package ingest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/ingest/tail"
	"github.com/outmode/outmode/internal/signin"
)

const (
	proxyHead = "DateTime,RequestId,Protocol,UrlStem,AuthenticationType,IsAuthenticated,AuthenticatedUser,UserAgent,ClientIpAddress,ServerHostName,HttpStatus,BackEndStatus,ProxyAction,TargetServer,AnchorMailbox\r\n"
	iisHead   = "#Software: Microsoft Internet Information Services 10.0\r\n#Fields: date time s-computername s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status\r\n"
	iisBare   = "#Software: Microsoft Internet Information Services 10.0\r\n#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status\r\n"
)

// A request is what one client did; it can be told by HttpProxy, by IIS, or by both.
type request struct {
	at             string // 2026-10-06 08:15:00
	server         string
	user           string
	protocol, path string
	auth           string // "" for a refused credential without a name
	id             int
}

func (r request) guid() string {
	return fmt.Sprintf("%08x-0000-4000-8000-%012x", r.id*2654435761%(1<<32), r.id)
}

func (r request) proxy() string {
	if r.auth == "" {
		return fmt.Sprintf("%sZ,%s,%s,%s,Basic,false,,agent,198.51.100.7,%s,401,,,,\r\n", strings.Replace(r.at, " ", "T", 1), r.guid(), r.protocol, r.path, r.server)
	}
	return fmt.Sprintf("%sZ,%s,%s,%s,%s,true,%s,agent,198.51.100.7,%s,200,200,Proxy,x,\r\n", strings.Replace(r.at, " ", "T", 1), r.guid(), r.protocol, r.path, r.auth, r.user, r.server)
}

func (r request) iis(named bool) string {
	server := ""
	if named {
		server = r.server + " "
	}
	end := "200 0 0"
	if r.auth == "" {
		end = "401 1 1326"
	}
	return fmt.Sprintf("%s %s10.0.0.1 POST %s &cafeReqId=%s; 443 %s 198.51.100.7 agent %s\r\n", r.at, server, r.path, r.guid(), r.user, end)
}

// folder writes files and returns their directory.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func options() ingest.Options {
	return ingest.Options{Recognize: exchange.Recognize, Org: signin.Organisation{Internal: signin.DefaultInternal()}, Workers: 2}
}

func scan(t testing.TB, dir string, opt ingest.Options) *ingest.Result {
	t.Helper()
	inputs, _ := tail.Find([]string{dir}, tail.FindOptions{})
	res, err := ingest.Scan(t.Context(), inputs, opt)
	if err != nil {
		t.Fatal(err)
	}
	addsUp(t, res)
	return res
}

// addsUp checks the ledger's equations, which hold for every input.
func addsUp(t testing.TB, res *ingest.Result) {
	t.Helper()
	var sum signin.Lines
	for _, l := range res.Logs {
		if n := l.Lines.SignIn + l.Lines.MFA + l.Lines.Noise + l.Lines.Other + l.Lines.Malformed + l.Lines.Directive; n != l.Lines.Total {
			t.Errorf("%s: %+v does not add up", l.Input.Path, l.Lines)
		}
		sum.Add(l.Lines)
	}
	if sum != res.Lines {
		t.Errorf("sources %+v, total %+v", sum, res.Lines)
	}
	var rows int64
	for _, u := range res.Usage {
		rows += u.Count
	}
	if rows != res.Counted || res.Counted+res.ToldTwice != res.Lines.SignIn {
		t.Errorf("rows %d, counted %d, told twice %d, sign-in lines %d", rows, res.Counted, res.ToldTwice, res.Lines.SignIn)
	}
}

type truthRow struct{ User, Protocol, Auth, Mechanism, Outcome, Evidence string }

func rows(res *ingest.Result) map[truthRow]int64 {
	got := map[truthRow]int64{}
	for _, u := range res.Usage {
		got[truthRow{u.Account.Key, u.Protocol.String(), u.Auth.String(), u.Mechanism.String(), u.Outcome.String(), u.Evidence.String()}] += u.Count
	}
	return got
}

// The generator of the samples counts from its own model of people and requests. It shares no code
// with the decoders, the classifier or the fold.
