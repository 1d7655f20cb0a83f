package signin_test

import (
	"fmt"
	"testing"

	"github.com/outmode/outmode/internal/signin"
)

func classify(f signin.Facts) signin.SignIn {
	var s signin.SignIn
	classifier().Classify(&f, &s)
	return s
}

// Trap 8: the forms of a user. They are read, and never merged.
func TestTrap08UserForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		logged, key, name, domain string
		form                      signin.Form
		traffic                   signin.Traffic
	}{
		{`CONTOSO\Anna.Berg`, `contoso\anna.berg`, "anna.berg", "contoso", signin.Sam, signin.User},
		{"Anna.Berg@Contoso.com", "anna.berg@contoso.com", "anna.berg", "contoso.com", signin.UPN, signin.User},
		{"Anna.Berg", "anna.berg", "anna.berg", "", signin.Bare, signin.User},
		{"S-1-5-21-1000-2000-3000-4343", "s-1-5-21-1000-2000-3000-4343", "s-1-5-21-1000-2000-3000-4343", "", signin.SID, signin.User},
		{`CONTOSO\h.vogel\facilities`, `contoso\h.vogel\facilities`, "h.vogel", "contoso", signin.Sam, signin.User},
		{`anna@contoso.com\shared`, `anna@contoso.com\shared`, "anna", "contoso.com", signin.UPN, signin.User},
		{"contoso/anna/shared", "contoso/anna/shared", "anna", "contoso", signin.Sam, signin.User},
		{`CONTOSO\anna\room$`, `contoso\anna\room$`, "anna", "contoso", signin.Sam, signin.User}, // the client chose the mailbox
		{`CONTOSO\EX02$`, `contoso\ex02$`, "ex02$", "contoso", signin.Machine, signin.Server},
		{`NT AUTHORITY\SYSTEM`, `nt authority\system`, "system", "nt authority", signin.BuiltIn, signin.System},
		{`AUTORITE NT\Système (MSExchangeHMHost)`, `autorite nt\système (msexchangehmhost)`, "système (msexchangehmhost)", "autorite nt", signin.BuiltIn, signin.System},
		{`NT-AUTORITÄT\SYSTEM`, `nt-autorität\system`, "system", "nt-autorität", signin.BuiltIn, signin.System},
		{"NT-AUTORIT\xC4T\\SYSTEM", "nt-autorit\uFFFDt\\system", "system", "nt-autorit\uFFFDt", signin.BuiltIn, signin.System},
		{"S-1-5-18", "s-1-5-18", "s-1-5-18", "", signin.BuiltIn, signin.System},
		{`CONTOSO\HealthMailbox83d6781`, `contoso\healthmailbox83d6781`, "healthmailbox83d6781", "contoso", signin.Sam, signin.Probe},
		{"HealthMailbox83d6781be36b4bbf8893b03c2ee379ab@contoso.com", "healthmailbox83d6781be36b4bbf8893b03c2ee379ab@contoso.com", "healthmailbox83d6781be36b4bbf8893b03c2ee379ab", "contoso.com", signin.UPN, signin.Probe},
		{"SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}@contoso.com", "systemmailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}@contoso.com", "systemmailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}", "contoso.com", signin.UPN, signin.System},
		{`CONTOSO\SM_1234567890abcdef`, `contoso\sm_1234567890abcdef`, "sm_1234567890abcdef", "contoso", signin.Sam, signin.System},
		{`CONTOSO\sm_ith`, `contoso\sm_ith`, "sm_ith", "contoso", signin.Sam, signin.User},
	} {
		s := classify(proxy(c.logged, "Negotiate", true, 200))
		a := s.Account
		if a.Key != c.key || a.Name != c.name || a.Domain != c.domain || a.Form != c.form || a.Traffic != c.traffic {
			t.Errorf("%q: key %q name %q domain %q form %d traffic %v", c.logged, a.Key, a.Name, a.Domain, a.Form, a.Traffic)
		}
	}
}

func TestTwoSpellingsShareAKeyAndNoGuessJoinsThem(t *testing.T) {
	t.Parallel()
	key := func(logged string) string { return classify(proxy(logged, "Basic", true, 200)).Account.Key }
	if key(`CONTOSO\anna`) != key(`contoso\ANNA`) {
		t.Error("case tells no two accounts apart")
	}
	if key(`CONTOSO\anna`) == key("anna@contoso.com") || key("anna") == key(`CONTOSO\anna`) || key(`FABRIKAM\anna`) == key(`CONTOSO\anna`) {
		t.Error("two forms were taken for one account without proof")
	}
}

func TestPrivilegedGoesByTheName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"Administrator": true, `CONTOSO\adm-lena`: true, `CONTOSO\lena-admin`: true, "t0.lena": true,
		`CONTOSO\anna.berg`: false, `CONTOSO\adam`: false, `CONTOSO\admiral.k`: false, "r.madman@contoso.com": false} {
		if got := classify(proxy(name, "Basic", true, 200)).Account.Privileged; got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Trap 6: a client's address is a list, has a port or a zone, or is junk.
func TestTrap06Addresses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		raw, want string
		internal  bool
	}{
		{"198.51.100.7", "198.51.100.7", false},
		{"10.1.2.3", "10.1.2.3", true},
		{"198.51.100.7:49660", "198.51.100.7", false},
		{"[2001:db8::7]:49660", "2001:db8::7", false},
		{"[2001:db8::7]", "2001:db8::7", false},
		{"fe80::1234:5678:123:245e%3", "fe80::1234:5678:123:245e", true},
		{"::ffff:10.1.2.3", "10.1.2.3", true},
		{"198.51.100.7  10.20.0.5", "198.51.100.7", false},
		{"198.51.100.7,10.20.0.5", "198.51.100.7", false},
		{"198.51.100.7,+10.20.0.5", "198.51.100.7", false},
		{"10.1.1.1  198.51.100.7", "10.1.1.1", false}, // an outsider put an inside address in front
		{"unknown  198.51.100.7", "198.51.100.7", false},
		{"<script>", "", false},
		{"", "", false},
		{"fd00::1", "fd00::1", true},
		{"127.0.0.1", "127.0.0.1", true},
	} {
		f := proxy(`CONTOSO\anna`, "Basic", true, 200)
		f.Address = []byte(c.raw)
		a := classify(f).Address
		if a.String() != c.want || a.Internal != c.internal {
			t.Errorf("%q: %q internal %v, want %q %v", c.raw, a, a.Internal, c.want, c.internal)
		}
	}
	f := iisLine(`CONTOSO\anna`, 200, 0, 0)
	f.Address, f.Forwarded = []byte("10.20.0.5"), []byte("203.0.113.9,10.20.0.5")
	if a := classify(f).Address; a.String() != "203.0.113.9" || a.Internal {
		t.Errorf("behind a balancer the X-Forwarded-For column counts: %v", a)
	}
	f.Forwarded = []byte("-")
	if a := classify(f).Address; a.String() != "10.20.0.5" {
		t.Errorf("an empty X-Forwarded-For column: %v", a)
	}
}

// Every row of the table of clients, by an agent as it is logged.
func TestClientFamilies(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"Microsoft Office/12.0 (Windows NT 6.1; Microsoft Outlook 12.0.6661; Pro)":   "outlook-2007 12.0.6661 no",
		"Microsoft Office/14.0 (Windows NT 6.1; Microsoft Outlook 14.0.7252; Pro)":   "outlook-2010 14.0.7252 no",
		"Microsoft Office/15.0 (Windows NT 6.2; Microsoft Outlook 15.0.5553; Pro)":   "outlook-2013 15.0.5553 unknown",
		"Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17932; Pro)": "outlook 16.0.17932 yes",
		"Microsoft Office/16.0 (Windows NT 10.0; ucmapi 16.0.5404; Pro)":             "skype-for-business-mapi 16.0.5404 unknown",
		"MSRPC": "outlook-anywhere  no",
		"MacOutlook/16.89.24090815 (Intelx64 Mac OS X Version 14.6.1)": "outlook-mac 16.89.24090815 yes",
		"MacOutlook/14.7.7.170905 (Intel Mac OS X 10.9)":               "outlook-mac-2011 14.7.7.170905 no",
		"Outlook-Windows/1.2024.1001":                                  "outlook-new 1.2024.1001 unknown",
		"Apple-iPhone15C2/2107.102":                                    "ios-mail 2107.102 yes",
		"Apple-iPad7C2/1505.302":                                       "ios-mail 1505.302 yes",
		"Apple-iPad7C2/1505.301":                                       "ios-mail 1505.301 no",
		"Apple-iPhone3C1/901.334":                                      "ios-mail 901.334 no",
		"Apple-iPhone/junk":                                            "ios-mail junk unknown",
		"AppleExchangeWebServices/818.120.2 accountsd/113":             "macos-mail 818.120.2 unknown",
		"Mac OS X/10.15.7 (19H15) CalendarAgent/433":                   "macos-mail 10.15.7 unknown",
		"Outlook-iOS-Android/1.0":                                      "outlook-mobile 1.0 yes",
		"KSAndroid/5.1.1-EAS-1.3":                                      "android-legacy 5.1.1-EAS-1.3 no",
		"SAMSUNG-SM-G7102/101.40402":                                   "android-legacy 101.40402 no",
		"Android-SAMSUNG-SM-A515F/101.10":                              "android 101.10 unknown",
		"Android/8.0.0-EAS-2.0":                                        "android 8.0.0-EAS-2.0 unknown",
		"Nine/4.9.4d":                                                  "nine 4.9.4d unknown",
		"TouchDown(MSRPC)/8.5":                                         "touchdown 8.5 unknown",
		"MSFT-WP/8.10.14219":                                           "windows-phone 8.10.14219 unknown",
		"MSFT-WIN-4/10.0.17763":                                        "windows-mail 10.0.17763 unknown",
		"OC/16.0.5266.1000 (Skype for Business)":                       "skype-for-business 16.0.5266.1000 yes",
		"OC/15.0.4420.1017 (Microsoft Lync)":                           "lync 15.0.4420.1017 no",
		"Sipe/1.18.2":                                                  "pidgin-sipe 1.18.2 no",
		"ExchangeServicesClient/15.00.0913.015":                        "ews-application 15.00.0913.015 unknown",
		"ERP-Connector/2.1 (EWS Managed API 2.2)":                      "ews-application 2.1 unknown",
		"python-requests/2.25.1":                                       "script 2.25.1 unknown",
		"Java/1.8.0_292":                                               "script 1.8.0_292 unknown",
		"curl/8.5.0":                                                   "script 8.5.0 unknown",
		"":                                                             "none  unknown",
		"Evolution/3.10.2":                                             "evolution 3.10.2 unknown",
		"Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Thunderbird/115.6.0": "thunderbird 5.0 unknown",
		"DavMail Gateway 6.2": "davmail  unknown",
		"ASProxy/CrossForest/EmailDomain/EXCH/08.03.0083.000": "exchange CrossForest/EmailDomain/EXCH/08.03.0083.000 unknown",
		"TestOrganizationRelationship/1.1":                    "exchange 1.1 unknown",
		"Microsoft WinRM Client":                              "powershell  unknown",
		"Microsoft BITS/7.8":                                  "bits 7.8 unknown",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML  like Gecko) Chrome/129.0.0.0 Safari/537.36": "browser 5.0 unknown",
		"Contoso Frobnicator/9": "other 9 unknown",
	} {
		f := proxy(`CONTOSO\anna`, "Basic", true, 200)
		f.Agent = []byte(agent)
		c := classify(f).Client
		if got := fmt.Sprintf("%s %s %s", c.Family, c.Version, c.Modern); got != want {
			t.Errorf("%q: %q, want %q", agent, got, want)
		}
		if got := signin.FamilyName(c.Index); got != c.Family {
			t.Errorf("%q: index %d names %q", agent, c.Index, got)
		}
	}
}

func TestAgentsOfIISHavePlusForBlank(t *testing.T) {
	t.Parallel()
	f := iisLine(`CONTOSO\anna`, 200, 0, 0)
	f.Agent = []byte("Microsoft+Office/14.0+(Windows+NT+6.1;+Microsoft+Outlook+14.0.7252;+Pro)")
	if c := classify(f).Client; c.Family != "outlook-2010" || c.Version != "14.0.7252" {
		t.Errorf("%+v", c)
	}
}

// A flood of new values neither grows the memory of a classifier without bound nor changes an answer.
func TestMemoIsBoundedAndRight(t *testing.T) {
	t.Parallel()
	c := classifier()
	for i := range 200_000 {
		name := fmt.Sprintf(`CONTOSO\user%d`, i%70_000)
		f := proxy(name, "Basic", true, 200)
		f.Address = fmt.Appendf(nil, "203.0.113.%d", i%250)
		var s signin.SignIn
		c.Classify(&f, &s)
		if want := fmt.Sprintf(`contoso\user%d`, i%70_000); s.Account.Key != want {
			t.Fatalf("line %d: %q, want %q", i, s.Account.Key, want)
		}
	}
}
