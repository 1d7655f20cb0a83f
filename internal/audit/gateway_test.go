package audit_test

import (
	"strings"
	"testing"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
)

// What Web Application Proxy publishes says what AD FS protects, where that is not declared.
func TestProxied(t *testing.T) {
	t.Parallel()
	anna, ben := `CONTOSO\anna`, `CONTOSO\ben`
	uses := logons(logon("09:00", anna), logon("09:01", ben, "ecp"), logon("09:02", anna, "ews"), logon("09:03", ben, "ews", "inside"))
	adfs := func(declared ...audit.Gateway) *world {
		w := usual(uses, told("06:00", "anna", signin.FactorPassed, "adfs"), told("06:00", "ben", signin.FactorPassed, "adfs"), told("09:01:10", "ben", signin.FactorPassed, "adfs"))
		w.set.Sources = []audit.Source{{Kind: signin.ADFSLog, First: at("06:00"), Last: at("20:00")}}
		w.set.Gateways = declared
		return w
	}
	usually := []string{`09:00 contoso\anna owa missing no_event`, `09:01 contoso\ben ecp passed said`, `09:02 contoso\anna ews not_covered unprotected`, `09:03 contoso\ben ews not_covered unprotected`}
	expect(t, adfs(), usually...)

	// Pass-through of OWA: nobody was asked there. ECP stays as it was; EWS behind AD FS is protected from outside.
	proxied := audit.Proxied{PassThrough: []signin.Protocol{signin.OWA}, ByADFS: []signin.Protocol{signin.ECP, signin.EWS}}
	w := adfs()
	w.set.Proxied = proxied
	past := []string{`09:00 contoso\anna owa not_covered unprotected`, `09:01 contoso\ben ecp passed said`, `09:02 contoso\anna ews missing no_event`, `09:03 contoso\ben ews not_covered unprotected`}
	expect(t, w, past...)
	verdicts, gateways := audit.Correlate(w.setup(), w.uses, w.events)
	if !strings.Contains(verdicts[0].Reason, "Web Application Proxy publishes owa as pass-through") || len(gateways) != 1 || len(gateways[0].Entries) != 2 || gateways[0].Declared {
		t.Errorf("%q %+v", verdicts[0].Reason, gateways)
	}
	// Of a gateway of which only the kind is declared, the same holds.
	w = adfs(audit.DefaultGateway(signin.ADFSLog))
	w.set.Proxied = proxied
	expect(t, w, past...)

	// What is declared goes before the export.
	g := audit.DefaultGateway(signin.ADFSLog)
	g.Usual = false
	w = adfs(g)
	w.set.Proxied = proxied
	expect(t, w, usually...)

	// Another gateway still protects what the proxy passes by AD FS, whose events do not count there.
	w = adfs()
	w.set.Proxied = audit.Proxied{PassThrough: []signin.Protocol{signin.OWA, signin.ECP}}
	w.set.Sources = append(w.set.Sources, audit.Source{Kind: signin.Duo, First: at("06:00"), Last: at("20:00")})
	w.events = append(w.events, told("09:00:10", "anna", signin.FactorPassed), told("09:00:05", "anna", signin.FactorDenied, "adfs"))
	expect(t, w, `09:00 contoso\anna owa passed said`, `09:01 contoso\ben ecp missing no_event`, usually[2], usually[3])

	// Without a log of AD FS it is not known who asks: pass-through says only that AD FS does not, preauthentication that
	// it does.
	w = usual(uses)
	w.set.Sources, w.set.Proxied = nil, proxied
	expect(t, w, `09:00 contoso\anna owa unknown no_gateway`, `09:01 contoso\ben ecp unknown no_gateway`, `09:02 contoso\anna ews unknown no_gateway`, `09:03 contoso\ben ews not_covered unprotected`)
}

// Two maps may not claim one person either.
func TestPeopleOfTwoFiles(t *testing.T) {
	t.Parallel()
	one, err := audit.ReadPeople("one.csv", []byte("sam,domain,upn\nanna,CONTOSO,anna@contoso.com\n"))
	if err != nil {
		t.Fatal(err)
	}
	two, err := audit.ReadPeople("two.csv", []byte("sam,domain,upn\nben,CONTOSO,ben@contoso.com\nann,CONTOSO,anna@contoso.com\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := audit.CheckPeople(append(one, two...)); err == nil || !strings.HasPrefix(err.Error(), "two.csv:3: the UPN anna@contoso.com stands at line 2 of one.csv too") {
		t.Error(err)
	}
	if err := audit.CheckPeople(append(one, two[0])); err != nil {
		t.Error(err)
	}
}
