package audit_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
)

// A password from the person's own address does not stand before a second factor that was passed on a telephone elsewhere,
// nor does an earlier refusal before what let the person in from an address that was not logged.
func TestWhatSaysMoreIsTheLogonsOwn(t *testing.T) {
	t.Parallel()
	w := usual(logons(logon("10:05", `CONTOSO\anna`)), told("10:05:10", "anna", signin.FactorPassed, abroad), told("10:04:50", `CONTOSO\anna`, signin.FirstFactorOK, "adfs", home))
	w.set.Sources = append(w.set.Sources, audit.Source{Kind: signin.ADFSLog, Folder: "adfs", First: at("06:00"), Last: at("20:00")})
	expect(t, w, `10:05 contoso\anna owa passed said`)
	w = usual(logons(logon("10:05", `CONTOSO\anna`)), told("10:04:10", "anna", signin.FactorDenied, home), told("10:05:10", "anna", signin.FactorPassed))
	expect(t, w, `10:05 contoso\anna owa passed said`)
	// One that was passed elsewhere does not excuse what was refused here.
	w = usual(logons(logon("10:05", `CONTOSO\anna`)), told("10:04:10", "anna", signin.FactorDenied, home), told("10:05:10", "anna", signin.FactorPassed, abroad))
	expect(t, w, `10:05 contoso\anna owa denied said`)
}

// A second factor that was given for another address may be of another logon, or of a thief's: that is said.
func TestSecondFactorOfAnotherAddress(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from  string
		doubt bool
	}{{abroad, true}, {home, false}, {"10.0.0.7", false}, {"0.0.0.0", false}} {
		w := usual(logons(logon("10:05", `CONTOSO\anna`)), told("10:05:10", "anna", signin.FactorPassed, c.from))
		w.set.Inside = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		if v, _ := audit.Correlate(w.setup(), w.uses, w.events); v[0].MFA != signin.MFAPassed || (v[0].Doubt != "") != c.doubt {
			t.Errorf("%s: %+v", c.from, v[0])
		}
	}
}

// A token of AD FS for another relying party says nothing of Outlook on the web, unless it is declared to.
func TestTokenForAnotherRelyingParty(t *testing.T) {
	t.Parallel()
	for application, want := range map[string]string{
		"https://salesforce.example.com/":    "missing no_event",
		"urn:federation:MicrosoftOnline":     "missing no_event",
		"https://mail.contoso.com/owa/":      "passed said",
		"https://mail.contoso.com/ECP/":      "passed said",
		"urn:AppProxy:com":                   "passed said",
		"":                                   "passed said",
		"Outlook on the web":                 "passed said",
		"https://mail.contoso.com/owa/?x=1":  "passed said",
		"https://idp.example.com/adfs/saml2": "missing no_event",
	} {
		w := usual(logons(logon("10:05", `CONTOSO\anna`)), told("10:05:10", `CONTOSO\anna`, signin.FactorPassed, "adfs", home, "app:"+application), told("07:00", `CONTOSO\anna`, signin.FactorPassed, "adfs"))
		w.set.Sources = []audit.Source{{Kind: signin.ADFSLog, Folder: "adfs", First: at("06:00"), Last: at("20:00")}}
		expect(t, w, `10:05 contoso\anna owa `+want)
		g := audit.DefaultGateway(signin.ADFSLog)
		g.Applications = []string{"*"}
		w.set.Gateways = []audit.Gateway{g}
		expect(t, w, `10:05 contoso\anna owa passed said`)
	}
}

// Clients choose the activity id of AD FS: one person's event is not another's, whatever id it has.
func TestActivityIDsOfTwoPeople(t *testing.T) {
	t.Parallel()
	w := usual(nil, told("10:05", `CONTOSO\anna`, signin.FirstFactorOK, "adfs", "tx:1"), told("10:05", `contoso\ANNA`, signin.FirstFactorOK, "adfs", "tx:1"), told("10:06", `CONTOSO\ben`, signin.FirstFactorOK, "adfs", "tx:1"))
	w.set.Sources = []audit.Source{{Kind: signin.ADFSLog, First: at("06:00"), Last: at("20:00")}}
	if _, g := audit.Correlate(w.setup(), w.uses, w.events); g[0].Events != 2 {
		t.Errorf("%d events, want 2", g[0].Events)
	}
}

// Whom the policy exempts is not asked from a new address either.
func TestExemptFromElsewhere(t *testing.T) {
	t.Parallel()
	w := usual(logons(logon("10:05", `CONTOSO\svc-a`), logon("11:05", `CONTOSO\svc-a`, train)))
	g := audit.DefaultGateway(signin.Duo)
	g.Exempt.Users = []string{`contoso\svc-*`}
	w.set.Gateways = []audit.Gateway{g}
	expect(t, w, `10:05 contoso\svc-a owa not_required exempt`, `11:05 contoso\svc-a owa not_required exempt`)
}

// Of a day on which the gateway told nothing at all the days around it say what is usual.
func TestWholeDaySilent(t *testing.T) {
	t.Parallel()
	w := daysOf(30, 3, func(int) time.Duration { return 0 })
	day := at("00:00") + 86_400_000
	var left []signin.MFAEvent
	for _, e := range w.events {
		if e.Time < day || e.Time >= day+86_400_000 {
			left = append(left, e)
		}
	}
	w.events = left
	words := map[string]int{}
	verdicts, _ := audit.Correlate(w.setup(), w.uses, w.events)
	for _, v := range verdicts {
		if v.Time >= day && v.Time < day+86_400_000 {
			words[v.MFA.String()+" "+v.Cause.String()]++
		}
	}
	if words["fail_open silence"] < 29 || words["missing no_event"] > 0 {
		t.Errorf("%v", words)
	}
}
