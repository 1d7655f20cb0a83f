package exchange_test

import (
	"strings"
	"testing"
	"time"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/ingest/exchange"
	"github.com/outmode/outmode/internal/signin"
)

// A fact is signin.Facts with text for bytes, so that it can be kept and compared.
type fact struct {
	Time                                         string
	Server, ServerAddr, Account, AuthType, Label string
	Method, Path, Agent, Address, Forwarded, ID  string
	Port, Status, Sub                            uint16
	Win32                                        uint32
	Authenticated, ServerToServer                bool
	Logon                                        signin.Logon
	Note                                         string
}

// A told is what one line came to.
type told struct {
	decoded ingest.Decoded
	fact    fact
	sign    signin.SignIn
}

func factOf(f *signin.Facts) fact {
	at := ""
	if f.Time != 0 {
		at = time.UnixMilli(f.Time).UTC().Format("2006-01-02T15:04:05.000Z")
	}
	return fact{
		Time: at, Server: string(f.Server), ServerAddr: string(f.ServerAddr), Account: string(f.Account), AuthType: string(f.AuthType),
		Label: string(f.Label), Method: string(f.Method), Path: string(f.Path), Agent: string(f.Agent), Address: string(f.Address),
		Forwarded: string(f.Forwarded), ID: string(f.RequestID), Port: f.ServerPort, Status: f.Status, Sub: f.SubStatus, Win32: f.Win32,
		Authenticated: f.Authenticated, ServerToServer: f.ServerToServer, Logon: f.Logon, Note: f.Note,
	}
}

func classifier() *signin.Classifier {
	return signin.NewClassifier(&signin.Organisation{Internal: signin.DefaultInternal()})
}

// read decodes and classifies lines. The line is overwritten before what was decoded is looked at again, so that
// a decoder that keeps it is found out by its next answer.
func read(t *testing.T, d ingest.Decoder, lines ...string) []told {
	t.Helper()
	c := classifier()
	var all []told
	for _, line := range lines {
		var f signin.Facts
		raw := []byte(line)
		x := told{decoded: d.Decode(raw, &f)}
		x.fact = factOf(&f)
		if x.decoded == ingest.Facts {
			c.Classify(&f, &x.sign)
			x.sign.Facts = nil
		}
		for i := range raw {
			raw[i] = '#'
		}
		all = append(all, x)
	}
	return all
}

// file recognizes text as a file and reads its lines.
func file(t *testing.T, text string) (ingest.Format, []told) {
	t.Helper()
	f := exchange.Recognize([]byte(text))
	if f.Decoder == nil {
		t.Fatalf("not counted: %s", f.Skip)
	}
	return f, read(t, f.Decoder(), strings.Split(strings.TrimSuffix(text, "\n"), "\n")...)
}

// facts leaves directives and blank lines out.
func facts(all []told) []told {
	var only []told
	for _, x := range all {
		if x.decoded == ingest.Facts {
			only = append(only, x)
		}
	}
	return only
}

func wantDecoded(t *testing.T, all []told, want ...ingest.Decoded) {
	t.Helper()
	if len(all) != len(want) {
		t.Fatalf("%d lines, want %d", len(all), len(want))
	}
	for i, x := range all {
		if x.decoded != want[i] {
			t.Errorf("line %d: decoded = %d, want %d (%s)", i+1, x.decoded, want[i], x.fact.Note)
		}
		if x.decoded == ingest.Malformed && x.fact != (fact{Note: x.fact.Note}) {
			t.Errorf("line %d: a malformed line left facts: %+v", i+1, x.fact)
		}
		if x.decoded == ingest.Malformed && x.fact.Note == "" {
			t.Errorf("line %d: malformed without a note", i+1)
		}
	}
}

// wantSign checks that x is a sign-in of the account that is logged so, or of nobody. Of an account that is spelled in
// several ways the classifier may show another spelling, and of a shared mailbox it shows the account in front of it.
func wantSign(t *testing.T, x told, account string, auth signin.Auth, outcome signin.Outcome, evidence signin.Evidence) {
	t.Helper()
	s := x.sign
	if x.decoded != ingest.Facts || s.Verdict != signin.SignInLine {
		t.Errorf("%v (%s%s), want a sign-in", s.Verdict, s.Reason, x.fact.Note)
		return
	}
	key := s.Account.Key
	same := (key == "") == (account == "") && strings.HasPrefix(strings.ToLower(account), key) && (account == "" || x.fact.Account == account)
	if !same || s.Auth != auth || s.Outcome != outcome || s.Evidence != evidence {
		t.Errorf("sign-in of %q, %v, %v, %v; want %q, %v, %v, %v", key, s.Auth, s.Outcome, s.Evidence, account, auth, outcome, evidence)
	}
}

// wantVerdict checks that x is a line of facts with that verdict.
func wantVerdict(t *testing.T, x told, v signin.Verdict) {
	t.Helper()
	if x.decoded != ingest.Facts || x.sign.Verdict != v {
		t.Errorf("decoded %d, verdict %v of %q (%s%s), want %v", x.decoded, x.sign.Verdict, x.fact.Account, x.sign.Reason, x.fact.Note, v)
	}
}

// proxyHeader is the header of HttpProxy in one of its versions.
func proxyHeader(columns int) string {
	all := strings.Split(exchange.DefaultFields(signin.HTTPProxy), ",")
	without := func(names ...string) []string {
		var rest []string
		for _, c := range all[:69] {
			keep := true
			for _, n := range names {
				keep = keep && c != n
			}
			if keep {
				rest = append(rest, c)
			}
		}
		return rest
	}
	switch columns {
	case 70:
		return strings.Join(all[:70], ",")
	case 69:
		return strings.Join(all[:69], ",")
	case 64: // 2013 CU3: which five are missing was never published
		return strings.Join(without("SharedCacheLatencyBreakup", "TotalSharedCacheLatency", "RouteRefresherLatency", "BackEndGenericInfo", "ServerLocatorHost"), ",")
	case 53: // 2013 RTM
		return strings.Join(without("UrlHost", "RoutingType", "SharedCacheLatencyBreakup", "TotalSharedCacheLatency", "RouteRefresherLatency",
			"BackEndGenericInfo", "ServerLocatorHost", "GlsLatencyBreakup", "AccountForestLatencyBreakup", "TotalAccountForestLatency",
			"ResourceForestLatencyBreakup", "TotalResourceForestLatency", "KerberosAuthHeaderLatency", "HandlerCompletionLatency",
			"RequestHandlerLatency", "ProxyTime"), ",")
	case 54: // its published header
		return strings.Replace(proxyHeader(53), "TargetServer,", "TargetServer,,", 1)
	}
	return strings.Join(all, ",")
}

// proxyRow writes a line under header: the values by column name, the rest empty.
func proxyRow(header string, values map[string]string) string {
	names := strings.Split(header, ",")
	row := make([]string, len(names))
	for i, n := range names {
		row[i] = values[n]
	}
	return strings.Join(row, ",")
}

// proxy is a plain HttpProxy request, changed by pairs of column and value.
func proxy(pairs ...string) map[string]string {
	v := map[string]string{
		"DateTime": "2026-10-06T08:00:01.250Z", "RequestId": "3b0f6a52-7c1d-4e8a-9b3f-0d1e2f3a4b5c", "MajorVersion": "15", "MinorVersion": "2",
		"Protocol": "Ews", "UrlHost": "mail.contoso.com", "UrlStem": "/EWS/Exchange.asmx", "AuthenticationType": "Basic", "IsAuthenticated": "true",
		"AuthenticatedUser": `CONTOSO\anna`, "UserAgent": "ExchangeServicesClient/15.00.0913.015", "ClientIpAddress": "198.51.100.23",
		"ServerHostName": "EX01", "HttpStatus": "200", "BackEndStatus": "200", "Method": "POST", "ProxyAction": "Proxy",
	}
	for i := 0; i < len(pairs); i += 2 {
		v[pairs[i]] = pairs[i+1]
	}
	return v
}

// proxied reads one request under today's header.
func proxied(t *testing.T, pairs ...string) told {
	t.Helper()
	return read(t, byName(t, signin.HTTPProxy, ""), proxyRow(proxyHeader(74), proxy(pairs...)))[0]
}
