package signin_test

import (
	"net/netip"
	"testing"

	"github.com/outmode/outmode/internal/signin"
)

// Of noise it is said how the account authenticated where its name is reserved and the line comes from no server; the verdict
// stays noise.
func TestReservedNames(t *testing.T) {
	t.Parallel()
	health := `CONTOSO\HealthMailbox0a1b`
	from := func(f signin.Facts, address string) signin.Facts {
		f.Address = []byte(address)
		return f
	}
	forwarded := func(f signin.Facts, socket, by string) signin.Facts {
		f.Address, f.Forwarded = []byte(socket), []byte(by)
		return f
	}
	logon := func(l signin.Logon) signin.Facts {
		return signin.Facts{Kind: signin.IMAPLog, Account: []byte("FederatedEmail.4c1f4d8b"), AuthType: []byte("login"), Logon: l, Address: []byte("198.51.100.7:50110")}
	}
	backend := iisLine(health, 200, 0, 0)
	backend.ServerPort = 444
	for name, c := range map[string]struct {
		f        signin.Facts
		want     string
		reserved bool
	}{
		"from outside": {proxy(health, "FBA", true, 200), "probe forms success proven", true},
		"from an address inside that is no server's": {from(proxy(health, "FBA", true, 200), "10.1.2.3"), "probe forms success proven", true},
		"then Exchange refused it":                   {proxy(health, "Basic", true, 401), "probe basic blocked proven", true},
		"IIS alone":                                  {iisLine(`CONTOSO\SystemMailbox{1}`, 200, 0, 0), "system unknown success inferred", true},
		"IMAP":                                       {logon(signin.Accepted), "system basic success proven", true},
		"a back end that was reached from outside":    {backend, "probe unknown success inferred", true},
		"a machine account":                           {proxy(`CONTOSO\EX02$`, "Negotiate", true, 200), "server negotiate success proven", true},
		"an address that is none":                     {from(proxy(health, "FBA", true, 200), "unknown"), "probe forms success proven", true},
		"the server's address is only claimed":        {forwarded(iisLine(health, 200, 0, 0), "198.51.100.7", "10.20.1.12"), "probe unknown success inferred", true},
		"it stands first of several":                  {from(proxy(health, "FBA", true, 200), "203.0.113.12  198.51.100.7"), "probe forms success proven", true},
		"loopback stands first of several":            {from(proxy(health, "FBA", true, 200), "127.0.0.1 198.51.100.7"), "probe forms success proven", true},
		"from the server itself":                      {from(proxy(health, "FBA", true, 200), "127.0.0.1"), "probe unknown unknown claimed", false},
		"from the server itself by its other address": {from(proxy(health, "FBA", true, 200), "fe80::1%3"), "probe unknown unknown claimed", false},
		"from another server":                         {from(proxy(health, "FBA", true, 200), "203.0.113.12"), "probe unknown unknown claimed", false},
		"the line does not say from where":            {from(proxy(health, "FBA", true, 200), "-"), "probe unknown unknown claimed", false},
		"the front end's connection to the back end":  {from(backend, "203.0.113.12"), "probe unknown unknown claimed", false},
		"a name that is only claimed":                 {proxy(health, "Basic", false, 401), "probe unknown unknown claimed", false},
		"a wrong password":                            {iisLine(health, 401, 1, 1326), "probe unknown unknown claimed", false},
		"a refused logon":                             {logon(signin.Refused), "system unknown unknown claimed", false},
		"named as noise by the operator":              {proxy(`CONTOSO\svc-monitor`, "Basic", true, 200), "system unknown unknown claimed", false},
	} {
		org := &signin.Organisation{Internal: signin.DefaultInternal(), Servers: map[netip.Addr]bool{netip.MustParseAddr("203.0.113.12"): true, netip.MustParseAddr("10.20.1.12"): true},
			Noise: func(a *signin.Account) (string, bool) { return "named", a.Name == "svc-monitor" }}
		var s signin.SignIn
		signin.NewClassifier(org).Classify(&c.f, &s)
		got := s.Traffic.String() + " " + s.Auth.String() + " " + s.Outcome.String() + " " + s.Evidence.String()
		if s.Verdict != signin.Noise || got != c.want || s.Reserved != c.reserved || s.Account == signin.Nobody() {
			t.Errorf("%s: %v %s, reserved %v, account %q; want noise %s, %v", name, s.Verdict, got, s.Reserved, s.Account.Key, c.want, c.reserved)
		}
	}
}

func BenchmarkClassifyNoise(b *testing.B) {
	c := classifier()
	for name, address := range map[string]string{"home": "127.0.0.1", "outside": "198.51.100.7"} {
		f := proxy(`CONTOSO\HealthMailbox0a1b`, "FBA", true, 200)
		f.Address = []byte(address)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var s signin.SignIn
			for b.Loop() {
				c.Classify(&f, &s)
			}
		})
	}
}
