package signin_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/outmode/outmode/internal/signin"
)

func classifier() *signin.Classifier {
	return signin.NewClassifier(&signin.Organisation{Internal: signin.DefaultInternal(), Servers: map[netip.Addr]bool{netip.MustParseAddr("10.20.1.12"): true}})
}

func proxy(user, auth string, authed bool, status uint16) signin.Facts {
	return signin.Facts{Kind: signin.HTTPProxy, Label: []byte("Ews"), Path: []byte("/EWS/Exchange.asmx"), Account: []byte(user),
		AuthType: []byte(auth), Authenticated: authed, Status: status, Agent: []byte("ExchangeServicesClient/15.00.0913.015"), Address: []byte("198.51.100.7")}
}

func iisLine(user string, status, sub uint16, win32 uint32) signin.Facts {
	return signin.Facts{Kind: signin.IIS, Path: []byte("/Microsoft-Server-ActiveSync/default.eas"), Account: []byte(user), Status: status, SubStatus: sub,
		Win32: win32, ServerPort: 443, Agent: []byte("Apple-iPhone15C2/2107.102"), Address: []byte("198.51.100.7")}
}

func with(f signin.Facts, change func(*signin.Facts)) signin.Facts {
	change(&f)
	return f
}

// What a line means, as section 3 of the design says it: "protocol auth outcome evidence account", or
// the verdict and its traffic.
func TestClassify(t *testing.T) {
	t.Parallel()
	port := func(p uint16) func(*signin.Facts) { return func(f *signin.Facts) { f.ServerPort = p } }
	for name, c := range map[string]struct {
		f    signin.Facts
		want string
		weak bool
	}{
		"proxy: authenticated with an account is a proven success":  {f: proxy(`CONTOSO\anna`, "Basic", true, 200), want: `ews basic success proven contoso\anna`},
		"proxy: whatever the status: 403":                           {f: proxy(`CONTOSO\anna`, "Basic", true, 403), want: `ews basic success proven contoso\anna`},
		"proxy: whatever the status: 500":                           {f: proxy(`CONTOSO\anna`, "basic", true, 500), want: `ews basic success proven contoso\anna`},
		"proxy: whatever the status: 449":                           {f: proxy(`CONTOSO\anna`, "BASIC", true, 449), want: `ews basic success proven contoso\anna`},
		"proxy: authenticated and then 401 is blocked":              {f: proxy(`CONTOSO\anna`, "Basic", true, 401), want: `ews basic blocked proven contoso\anna`},
		"proxy: Basic, false, 401 is a claimed failure of nobody":   {f: proxy("", "Basic", false, 401), want: "ews basic failure claimed ", weak: true},
		"proxy: a name on an unauthenticated line is not believed":  {f: proxy(`CONTOSO\victim`, "Basic", false, 401), want: "ews basic failure claimed ", weak: true},
		"proxy: Basic, false, 200 is no sign-in":                    {f: proxy("", "Basic", false, 200), want: "other"},
		"proxy: the scheme of an NTLM challenge is only claimed":    {f: proxy("", "NTLM", false, 401), want: "other challenge"},
		"proxy: an empty Bearer is discovery":                       {f: proxy("", "Bearer", false, 401), want: "other challenge"},
		"proxy: FBA is stamped on anonymous pages":                  {f: proxy("", "FBA", false, 200), want: "other anonymous"},
		"proxy: authenticated without an account":                   {f: proxy("", "Negotiate", true, 200), want: "other"},
		"proxy: FBA with an account is a session of the logon form": {f: proxy(`CONTOSO\anna`, "FBA", true, 302), want: `ews forms success proven contoso\anna`},
		"proxy: Bearer with an account is modern":                   {f: proxy("anna@contoso.com", "Bearer", true, 200), want: "ews oauth success proven anna@contoso.com"},
		"proxy: ADFS":                                                   {f: proxy("anna@contoso.com", "ADFS", true, 200), want: "ews adfs success proven anna@contoso.com"},
		"proxy: a mapped certificate":                                   {f: proxy(`CONTOSO\anna`, "SSL/PCT", true, 200), want: `ews certificate success proven contoso\anna`},
		"proxy: LiveIdBasic is Basic":                                   {f: proxy(`CONTOSO\anna`, "LiveIdBasic", true, 200), want: `ews basic success proven contoso\anna`},
		"proxy: LiveIdNegotiate with its semicolon":                     {f: proxy(`CONTOSO\anna`, "LiveIdNegotiate;NegoCap", true, 200), want: `ews negotiate success proven contoso\anna`},
		"proxy: an unknown scheme stays unknown":                        {f: proxy(`CONTOSO\anna`, "AWS4-HMAC-SHA256", true, 200), want: `ews unknown success proven contoso\anna`},
		"proxy: a health mailbox is noise":                              {f: proxy(`CONTOSO\HealthMailbox0a1b`, "Basic", true, 200), want: "noise probe"},
		"proxy: a machine account is noise":                             {f: proxy(`CONTOSO\EX02$`, "Negotiate", true, 200), want: "noise server"},
		"proxy: localised SYSTEM is noise":                              {f: proxy(`AUTORITE NT\Système (MSExchangeHMHost)`, "Negotiate", true, 200), want: "noise system"},
		"proxy: a probe's agent with nobody named is noise":             {f: with(proxy("", "Basic", false, 401), func(f *signin.Facts) { f.Agent = []byte("AMProbe/Local/ClientAccess") }), want: "noise probe"},
		"proxy: a person with a probe's agent is no noise":              {f: with(proxy(`CONTOSO\anna`, "Basic", true, 200), func(f *signin.Facts) { f.Agent = []byte("AMProbe/Local/ClientAccess") }), want: `ews basic success proven contoso\anna`},
		"proxy: healthcheck.htm is noise":                               {f: with(proxy("", "", false, 200), func(f *signin.Facts) { f.Path = []byte("/ews/HealthCheck.htm") }), want: "noise probe"},
		"proxy: WSSecurity authenticates inside the message":            {f: with(proxy("", "", false, 401), func(f *signin.Facts) { f.Path = []byte("/EWS/Exchange.asmx/WSSecurity") }), want: "other anonymous"},
		"iis: an account and not 401 is inferred, auth unknown":         {f: iisLine("anna@contoso.com", 200, 0, 0), want: "activesync unknown success inferred anna@contoso.com", weak: true},
		"iis: also with 500":                                            {f: iisLine("anna@contoso.com", 500, 0, 0), want: "activesync unknown success inferred anna@contoso.com", weak: true},
		"iis: AUTH_TYPE proves it":                                      {f: with(iisLine(`CONTOSO\anna`, 200, 0, 0), func(f *signin.Facts) { f.AuthType = []byte("Basic") }), want: `activesync basic success proven contoso\anna`, weak: true},
		"iis: AUTH_TYPE - says nothing":                                 {f: with(iisLine(`CONTOSO\anna`, 200, 0, 0), func(f *signin.Facts) { f.AuthType = []byte("-") }), want: `activesync unknown success inferred contoso\anna`, weak: true},
		"iis: AUTH_TYPE and 401 is a good credential, refused":          {f: with(iisLine(`CONTOSO\anna`, 401, 0, 0), func(f *signin.Facts) { f.AuthType = []byte("Basic") }), want: `activesync basic blocked proven contoso\anna`, weak: true},
		"iis: AUTH_TYPE and a logon error is a refusal":                 {f: with(iisLine(`CONTOSO\anna`, 401, 1, 1326), func(f *signin.Facts) { f.AuthType = []byte("Basic") }), want: `activesync basic failure inferred contoso\anna`},
		"iis: what is no proxied path is told by IIS alone":             {f: with(iisLine(`CONTOSO\anna`, 200, 0, 0), func(f *signin.Facts) { f.Path = []byte("/certsrv/") }), want: `other unknown success inferred contoso\anna`},
		"iis: 401.1 1326 with a name is a refused Basic logon":          {f: iisLine(`CONTOSO\anna`, 401, 1, 1326), want: `activesync basic failure inferred contoso\anna`},
		"iis: 401.1 1909 locked out":                                    {f: iisLine("anna", 401, 1, 1909), want: "activesync basic failure inferred anna"},
		"iis: 401.1 1907 must change":                                   {f: iisLine("anna", 401, 1, 1907), want: "activesync basic failure inferred anna"},
		"iis: 401.1 1330 password expired":                              {f: iisLine("anna", 401, 1, 1330), want: "activesync basic failure inferred anna"},
		"iis: 401.1 1331 disabled":                                      {f: iisLine("anna", 401, 1, 1331), want: "activesync basic failure inferred anna"},
		"iis: 401.1 1793 account expired":                               {f: iisLine("anna", 401, 1, 1793), want: "activesync basic failure inferred anna"},
		"iis: 401.1 1326 without a name is no one's":                    {f: iisLine("-", 401, 1, 1326), want: "other challenge"},
		"iis: 401.1 with SEC_E_NO_CREDENTIALS is a handshake leg":       {f: iisLine("-", 401, 1, 2148074254), want: "other challenge"},
		"iis: 401.2 5 is neutral":                                       {f: iisLine("-", 401, 2, 5), want: "other challenge"},
		"iis: 401.0 with a name is Exchange's own refusal":              {f: iisLine(`CONTOSO\anna`, 401, 0, 0), want: "other challenge"},
		"iis: 403.7 certificate required":                               {f: iisLine("-", 403, 7, 5), want: "activesync certificate failure inferred "},
		"iis: 403.16 untrusted chain":                                   {f: iisLine("-", 403, 16, 2148204809), want: "activesync certificate failure inferred "},
		"iis: 403.4 is about SSL":                                       {f: iisLine("-", 403, 4, 5), want: "other anonymous"},
		"iis: a probe gets 403.7 too":                                   {f: with(iisLine("-", 403, 7, 5), func(f *signin.Facts) { f.Agent = []byte("AMProbe/Local/ClientAccess") }), want: "noise probe"},
		"iis: the logon form's answer says nothing":                     {f: with(iisLine("anna", 302, 0, 0), func(f *signin.Facts) { f.Path = []byte("/OWA/auth.owa") }), want: "other"},
		"iis: a refused person with a probe's agent is no noise":        {f: with(iisLine(`CONTOSO\anna`, 401, 1, 1326), func(f *signin.Facts) { f.Agent = []byte("AMProbe/Local/ClientAccess") }), want: `activesync basic failure inferred contoso\anna`},
		"iis: + is a blank":                                             {f: iisLine(`NT+AUTHORITY\SYSTEM`, 200, 0, 0), want: "noise system", weak: true},
		"back end: the front end's identity is no sign-in":              {f: with(iisLine(`CONTOSO\anna`, 200, 0, 0), func(f *signin.Facts) { f.ServerPort, f.Address = 444, []byte("fe80::1234:5678:123a:245e%3") }), want: "other back end"},
		"back end: a known server":                                      {f: with(iisLine(`CONTOSO\anna`, 200, 0, 0), func(f *signin.Facts) { f.ServerPort, f.Address = 444, []byte("10.20.1.12") }), want: "other back end"},
		"back end: loopback":                                            {f: with(iisLine(`CONTOSO\anna`, 200, 0, 0), func(f *signin.Facts) { f.ServerPort, f.Address = 444, []byte("::1") }), want: "other back end"},
		"back end: an address that is no server is a sign-in, inferred": {f: with(iisLine(`CONTOSO\anna`, 200, 0, 0), port(444)), want: `activesync unknown success inferred contoso\anna`},
		"back end: Anonymous is nobody":                                 {f: with(iisLine("Anonymous", 200, 0, 0), port(444)), want: "other back end"},
		"imap: an accepted LOGIN":                                       {f: signin.Facts{Kind: signin.IMAPLog, Logon: signin.Accepted, AuthType: []byte("login"), Account: []byte(`CONTOSO\anna`)}, want: `imap basic/login success proven contoso\anna`},
		"imap: a refused PLAIN":                                         {f: signin.Facts{Kind: signin.IMAPLog, Logon: signin.Refused, AuthType: []byte("PLAIN"), Account: []byte("anna")}, want: "imap basic/plain failure proven anna"},
		"pop: GSSAPI is Windows":                                        {f: signin.Facts{Kind: signin.POPLog, Logon: signin.Accepted, AuthType: []byte("GSSAPI"), Account: []byte("anna")}, want: "pop negotiate success proven anna"},
		"pop: XOAUTH2 is modern":                                        {f: signin.Facts{Kind: signin.POPLog, Logon: signin.Accepted, AuthType: []byte("XOAUTH2"), Account: []byte("anna")}, want: "pop oauth success proven anna"},
		"pop: no logon command":                                         {f: signin.Facts{Kind: signin.POPLog, Account: []byte("anna")}, want: "other"},
		"smtp: server to server":                                        {f: signin.Facts{Kind: signin.SMTPLog, Logon: signin.Accepted, ServerToServer: true, AuthType: []byte("exchangeauth")}, want: "noise server"},
		"smtp: accepted, but nobody is named":                           {f: signin.Facts{Kind: signin.SMTPLog, Logon: signin.Accepted, AuthType: []byte("login")}, want: "other"},
		"smtp: refused without a name":                                  {f: signin.Facts{Kind: signin.SMTPLog, Logon: signin.Refused, AuthType: []byte("login")}, want: "smtp basic/login failure proven "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s signin.SignIn
			classifier().Classify(&c.f, &s)
			if got := said(&s, c.want); got != c.want {
				t.Errorf("got %q (%s), want %q", got, s.Reason, c.want)
			}
			if s.Weak != c.weak {
				t.Errorf("weak = %v, want %v", s.Weak, c.weak)
			}
			if s.Reason == "" {
				t.Error("no reason")
			}
		})
	}
}

// said puts a verdict into words; of a line that is no sign-in as many of its reason as want asks for.
func said(s *signin.SignIn, want string) string {
	switch s.Verdict {
	case signin.SignInLine:
		auth := s.Auth.String()
		if s.Mechanism != signin.NoMechanism {
			auth += "/" + s.Mechanism.String()
		}
		return strings.Join([]string{s.Protocol.String(), auth, s.Outcome.String(), s.Evidence.String(), s.Account.Key}, " ")
	case signin.Noise:
		return "noise " + s.Traffic.String()
	}
	text := s.Verdict.String()
	if _, reason, ok := strings.Cut(want, " "); ok && strings.HasPrefix(s.Reason, reason) {
		text += " " + reason
	}
	return text
}

func TestProtocolByLabelThenPathNeverByQuery(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ label, path, want string }{
		{"Eas", "", "activesync"}, {"eas", "", "activesync"}, {"OwaCalendar", "", "owa"}, {"RpcHttp", "", "rpc"}, {"Rest", "", "rest"},
		{"ReportingWebService", "", "reporting"}, {"Xrop", "/xrop", "other"}, {"PowerShellLiveId", "", "powershell"},
		{"BrandNew", "/EWS/Exchange.asmx", "ews"}, {"", "/Autodiscover/Autodiscover.xml", "autodiscover"},
		{"", "/autodiscover/autodiscover.json", "autodiscover"}, {"", "/MAPI/emsmdb/", "mapi"}, {"", "/rpcwithcert/rpcproxy.dll", "rpc"},
		{"", "/Microsoft-Server-ActiveSync/Proxy/default.eas", "activesync"}, {"", "/ecp/ReportingWebService/x", "reporting"}, {"", "/ecp/", "ecp"},
		{"", "/powershell-liveid", "powershell"}, {"", "/api/v2.0/me", "rest"}, {"", "/certsrv/x", "other"}, {"", "", "other"}, {"", "ews", "other"},
		{"", "/" + strings.Repeat("a", 500), "other"},
	} {
		f := signin.Facts{Kind: signin.HTTPProxy, Label: []byte(c.label), Path: []byte(c.path)}
		var s signin.SignIn
		classifier().Classify(&f, &s)
		if s.Protocol.String() != c.want {
			t.Errorf("label %q path %.40q: %v, want %s", c.label, c.path, s.Protocol, c.want)
		}
	}
}

func TestOperatorsPatterns(t *testing.T) {
	t.Parallel()
	org := &signin.Organisation{
		Noise:   func(a *signin.Account) (string, bool) { return "monitoring", a.Name == "svc-monitor" },
		Service: func(a *signin.Account) bool { return strings.HasPrefix(a.Name, "svc-") },
		Probe: func(agent string, from netip.Addr) (string, bool) {
			return "balancer", agent == "LB" || from == netip.MustParseAddr("10.20.0.5")
		},
	}
	c := signin.NewClassifier(org)
	classify := func(f signin.Facts) signin.SignIn {
		var s signin.SignIn
		c.Classify(&f, &s)
		return s
	}
	if s := classify(proxy(`CONTOSO\svc-monitor`, "Basic", true, 200)); s.Verdict != signin.Noise || s.Reason != "monitoring" {
		t.Errorf("a pattern of noise: %v %s", s.Verdict, s.Reason)
	}
	if s := classify(proxy(`CONTOSO\svc-erp`, "Basic", true, 200)); s.Verdict != signin.SignInLine || s.Traffic != signin.Service {
		t.Errorf("a pattern of service accounts: %v %v", s.Verdict, s.Traffic)
	}
	if s := classify(with(proxy("", "", false, 401), func(f *signin.Facts) { f.Address = []byte("10.20.0.5") })); s.Verdict != signin.Noise {
		t.Errorf("a balancer's address with nobody named: %v", s.Verdict)
	}
	if s := classify(with(proxy(`CONTOSO\anna`, "Basic", true, 200), func(f *signin.Facts) { f.Address = []byte("10.20.0.5") })); s.Verdict != signin.SignInLine {
		t.Errorf("a person behind the balancer: %v", s.Verdict)
	}
}

// Classify allocates nothing for what it has seen before.
func TestClassifyAllocatesNothing(t *testing.T) {
	c := classifier()
	lines := []signin.Facts{proxy(`CONTOSO\anna`, "Basic", true, 200), iisLine("anna@contoso.com", 200, 0, 0), iisLine(`CONTOSO\anna`, 401, 1, 1326), proxy("", "NTLM", false, 401)}
	var s signin.SignIn
	if n := testing.AllocsPerRun(100, func() {
		for i := range lines {
			c.Classify(&lines[i], &s)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
