package signin_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"unicode/utf8"

	"github.com/outmode/outmode/internal/signin"
)

func TestDocumentIsTheContract(t *testing.T) {
	t.Parallel()
	f := proxy("Anna.Berg@contoso.com", "Basic", true, 200)
	f.Time, f.Method, f.RequestID = 1791244903172, []byte("POST"), []byte("0b1e6d3c-0000-4000-8000-000000000001")
	s := classify(f)
	s.Server = "EX01"
	got := string(signin.AppendDocument(nil, &s, signin.Place{Path: "logs/a.log", ID: "abc", Offset: 17, Length: 300}))
	want := `{"@timestamp":"2026-10-06T00:01:43.172Z","ecs":{"version":"8.17.0"},"event":{"kind":"event","category":["authentication"],"type":["start"],"action":"signin","outcome":"success","dataset":"outmode.httpproxy","id":"abc"},` +
		`"user":{"name":"anna.berg","domain":"contoso.com","email":"anna.berg@contoso.com"},"source":{"ip":"198.51.100.7","address":"198.51.100.7"},` +
		`"user_agent":{"original":"ExchangeServicesClient/15.00.0913.015"},"http":{"request":{"method":"POST"},"response":{"status_code":200}},"url":{"path":"/EWS/Exchange.asmx"},` +
		`"observer":{"hostname":"EX01"},"log":{"file":{"path":"logs/a.log"}},` +
		`"outmode":{"protocol":"ews","auth":"basic","outcome":"success","evidence":"proven","traffic":"user","client":{"family":"ews-application","version":"15.00.0913.015","modern":"unknown"},` +
		`"internal":false,"backend":false,"mfa":"unknown","request_id":"0b1e6d3c-0000-4000-8000-000000000001","offset":17,"length":300}}`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestDocumentLeavesOutWhatWasNotLogged(t *testing.T) {
	t.Parallel()
	s := classify(signin.Facts{Kind: signin.SMTPLog, Logon: signin.Refused, AuthType: []byte("login")})
	var doc map[string]any
	if err := json.Unmarshal(signin.AppendDocument(nil, &s, signin.Place{}), &doc); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"user", "source", "http", "url", "observer", "user_agent"} {
		if _, ok := doc[key]; ok {
			t.Errorf("%s stands there without a value", key)
		}
	}
}

// Whatever a client writes, the document stays one JSON object on one line and holds its text.
func FuzzDocument(f *testing.F) {
	f.Add(`CONTOSO\anna`, "agent", "/EWS/", "198.51.100.7")
	f.Add("a\"b\\c\x00\x1b[31m", "\u2028\u2029\u202e", "\xff\xfe", "1.2.3.4, x")
	f.Add("HealthMailbox", "", "", "")
	f.Fuzz(func(t *testing.T, user, agent, path, address string) {
		facts := proxy(user, "Basic", true, 200)
		facts.Agent, facts.Path, facts.Address = []byte(agent), []byte(path), []byte(address)
		s := classify(facts)
		out := signin.AppendDocument(nil, &s, signin.Place{Path: path, ID: "x"})
		var doc struct {
			URL struct{ Path string }
		}
		if err := json.Unmarshal(out, &doc); err != nil {
			t.Fatalf("%v in %q", err, out)
		}
		for _, c := range out {
			if c < 0x20 {
				t.Fatalf("a control character in %q", out)
			}
		}
		if utf8.ValidString(path) && doc.URL.Path != path {
			t.Errorf("path %q became %q", path, doc.URL.Path)
		}
	})
}

func BenchmarkClassify(b *testing.B) {
	c := classifier()
	var lines []signin.Facts
	for i := range 1000 {
		f := proxy(fmt.Sprintf(`CONTOSO\user%d`, i), "Basic", true, 200)
		f.Address = fmt.Appendf(nil, "10.1.%d.%d", i/250, i%250)
		lines = append(lines, f)
	}
	var s signin.SignIn
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		c.Classify(&lines[i%len(lines)], &s)
		i++
	}
}

func Example() {
	c := signin.NewClassifier(&signin.Organisation{Internal: signin.DefaultInternal()})
	facts := signin.Facts{Kind: signin.HTTPProxy, Label: []byte("Eas"), Account: []byte(`CONTOSO\anna`), AuthType: []byte("Basic"),
		Authenticated: true, Status: 403, Agent: []byte("Apple-iPhone3C1/901.334"), Address: []byte("198.51.100.7")}
	var s signin.SignIn
	c.Classify(&facts, &s)
	fmt.Println(s.Verdict, s.Protocol, s.Auth, s.Outcome, s.Evidence)
	fmt.Println(s.Account.Key, s.Client.Family, "modern:", s.Client.Modern, "internal:", s.Address.Internal)
	fmt.Println("legacy:", signin.LegacyEXO(s.Protocol, s.Auth), signin.LegacyOnPrem(facts.Kind, s.Protocol, s.Auth))
	// Output:
	// signin activesync basic success proven
	// contoso\anna ios-mail modern: no internal: false
	// legacy: true true
}
