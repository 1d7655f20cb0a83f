package audit_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
)

func whom(id *audit.Identities, text string, form audit.Form) string {
	m := id.Who(text, form)
	if m.Person != nil {
		return m.Person.Name
	}
	var names []string
	for _, p := range m.Candidates {
		names = append(names, p.Name)
	}
	return "? " + strings.Join(names, " ")
}

const peopleCSV = "\ufeffSAM,Domain,upn,SID,Mail,DN,guid,Department,Manager,color\r\n" +
	`john.smith,MONOFOR,john.smith@monofor.com,S-1-5-21-1-2-3-1104,j.smith@monofor.com,"CN=Smith\, John,OU=Sales,DC=monofor,DC=com",{6F9619FF-8B86-D011-B42D-00CF4FC964FF},Sales,ann,blue` + "\r\n" +
	"ann,MONOFOR,ann.lee@monofor.com,S-1-5-21-1-2-3-1105,shared@monofor.com,,,,,\r\n" +
	"adm-ann,MONOFOR,adm-ann@monofor.com,S-1-5-21-1-2-3-1106,shared@monofor.com,,,,,\r\n"

func people(t *testing.T, text string) []audit.Row {
	t.Helper()
	rows, err := audit.ReadPeople("people.csv", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// Every form in which gateways write one person leads to that person, through the map.
func TestFormsOfOnePerson(t *testing.T) {
	t.Parallel()
	id := audit.NewIdentities(audit.Known{People: people(t, peopleCSV)})
	for _, text := range []string{`MONOFOR\John.Smith`, `\MONOFOR\john.smith`, "john.smith", "john.smith@monofor.com", "j.smith@monofor.com", "s-1-5-21-1-2-3-1104", "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
		`CN=Smith\, John, OU=Sales, DC=monofor, DC=com`, `monofor\john.smith\shared`, `john.smith@monofor.com/shared`} {
		if got := whom(id, text, audit.AnyForm); got != `monofor\john.smith` {
			t.Errorf("%s is %s", text, got)
		}
	}
	p := id.Who("john.smith", audit.AnyForm).Person
	if p.Department != "Sales" || p.Manager != "ann" || len(p.Forms()) != 6 {
		t.Errorf("%+v", p)
	}
	for _, f := range p.Forms() {
		if f.Why != "line 2 of the map" {
			t.Errorf("%+v", f)
		}
	}
	if got := whom(id, "shared@monofor.com", audit.AnyForm); got != `? monofor\adm-ann monofor\ann` {
		t.Errorf("an address of two people is %s", got)
	}
}

// A bare name joins the one domain in which it is proven, and none if it is proven in two.
func TestBareNames(t *testing.T) {
	t.Parallel()
	one := audit.Known{Proven: []string{`CONTOSO\anna`, `CONTOSO\ben`, `FABRIKAM\ben`, "carla@contoso.com", "dora"}}
	for _, c := range []struct {
		text string
		form audit.Form
		want string
	}{
		{"anna", audit.AnyForm, `contoso\anna`}, {"ben", audit.AnyForm, `? contoso\ben fabrikam\ben`}, {`FABRIKAM\ben`, audit.AnyForm, `fabrikam\ben`}, {"carla", audit.AnyForm, "carla@contoso.com"},
		{"carla", audit.SamForm, "carla"}, {"dora", audit.AnyForm, "dora"}, {"eve", audit.AnyForm, "eve"}, {"anna@fabrikam.com", audit.AnyForm, "anna@fabrikam.com"},
	} {
		if got := whom(audit.NewIdentities(one), c.text, c.form); got != c.want {
			t.Errorf("%s (%s) is %s, want %s", c.text, c.form, got, c.want)
		}
	}
}

func TestAliases(t *testing.T) {
	t.Parallel()
	k := audit.Known{Proven: []string{`MONOFOR\john`, "john@monofor.com", `MONOFOR\kim`}}
	if got := whom(audit.NewIdentities(k), "john", audit.AnyForm); got != `? john@monofor.com monofor\john` {
		t.Errorf("without an alias: %s", got)
	}
	k.Aliases = [][2]string{{"MONOFOR", "monofor.com"}, {"monofor.com", "monofor.local"}}
	id := audit.NewIdentities(k)
	for text, want := range map[string]string{"john": `monofor\john`, "john@monofor.com": `monofor\john`, "john@monofor.local": `monofor\john`, "kim@monofor.com": `monofor\kim`, `MONOFOR.LOCAL\kim`: `monofor\kim`} {
		if got := whom(id, text, audit.AnyForm); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	if len(id.Ambiguous()) != 0 {
		t.Errorf("ambiguous: %v", id.Ambiguous())
	}
}

// The account name of one person can be the UPN of another: an alias never makes them one where the map says so.
func TestAnAliasNeverGoesAgainstTheMap(t *testing.T) {
	t.Parallel()
	k := audit.Known{Aliases: [][2]string{{"MONOFOR", "monofor.com"}}, Proven: []string{`MONOFOR\john`},
		People: people(t, "sam,domain,upn\njohn2,MONOFOR,john@monofor.com\n")}
	id := audit.NewIdentities(k)
	if a, b := whom(id, `MONOFOR\john`, audit.AnyForm), whom(id, "john@monofor.com", audit.AnyForm); a != `monofor\john` || b != `monofor\john2` {
		t.Errorf("%s and %s", a, b)
	}
	k.Proven = nil // asked for an account that nothing else names
	if got := whom(audit.NewIdentities(k), `MONOFOR\john`, audit.AnyForm); got != `monofor\john` {
		t.Errorf("%s", got)
	}
}

func TestPairsOnOneLine(t *testing.T) {
	t.Parallel()
	id := audit.NewIdentities(audit.Known{Pairs: [][2]string{{"anna@contoso.com", "6f9619ff-8b86-d011-b42d-00cf4fc964ff"}, {`CONTOSO\anna`, "anna@contoso.com"}, {"anna", `FABRIKAM\anna`}}})
	p := id.Who("6f9619ff-8b86-d011-b42d-00cf4fc964ff", audit.AnyForm).Person
	if p.Name != `contoso\anna` || len(p.Forms()) != 3 || p.Forms()[2].Why != "one line names it together with anna@contoso.com" {
		t.Errorf("%+v", p)
	}
}

// A row that names an account and no domain is the one account of that name, and nobody where there are two.
func TestRowsWithoutADomain(t *testing.T) {
	t.Parallel()
	rows := people(t, "sam,mail,sid\nanna,anna.berg@contoso.com,S-1-5-21-9\nben,ben.b@contoso.com,S-1-5-21-8\n")
	id := audit.NewIdentities(audit.Known{People: rows, Proven: []string{`CONTOSO\anna`, `CONTOSO\ben`, `FABRIKAM\ben`}})
	for text, want := range map[string]string{"anna.berg@contoso.com": `contoso\anna`, "S-1-5-21-9": `contoso\anna`, "ben.b@contoso.com": "ben.b@contoso.com", "ben": `? ben.b@contoso.com contoso\ben fabrikam\ben`} {
		if got := whom(id, text, audit.AnyForm); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}

func TestMistakesInTheMap(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "is empty", "name,age\n": "at least two of the columns", "sam,SID,upn,objectSid\n": "mean the same",
		"sam,sid\na,S-1-5-21-1\nb,\nc,s-1-5-21-1\n": "people.csv:4: the SID s-1-5-21-1 stands at line 2 too",
		"sam,domain,sid\na,X,S-1\nA,x,S-2\n":        `people.csv:3: the account x\A stands at line 2 too`,
		"sam,upn\n\"a\nb,a@x.com\n":                 "is no CSV",
	} {
		if _, err := audit.ReadPeople("people.csv", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	rows := people(t, "sAMAccountName;userPrincipalName;distinguishedName\nanna;anna@contoso.com;CN=Anna,DC=contoso,DC=com\n")
	if got := whom(audit.NewIdentities(audit.Known{People: rows}), `contoso.com\anna`, audit.AnyForm); got != `contoso.com\anna` {
		t.Errorf("an export of the directory: %s", got)
	}
}

// The same facts make the same people in whatever order they come.
func TestIdentitiesDoNotDependOnOrder(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 7))
	for round := range 300 {
		var k audit.Known
		realms, names := []string{"A", "B", "a.com", "b.com"}, []string{"u", "v", "w", "x"}
		one := func(list []string) string { return list[rng.IntN(len(list))] }
		text := func() string {
			if rng.IntN(2) == 0 {
				return one(realms[:2]) + `\` + one(names)
			}
			return one(names) + "@" + one(realms[2:])
		}
		for range rng.IntN(6) {
			k.Proven = append(k.Proven, text())
		}
		for range rng.IntN(3) {
			k.Pairs = append(k.Pairs, [2]string{text(), text()})
		}
		ids := []string{"S-1-5-21-1-2-3-1", "S-1-5-21-1-2-3-2", "11111111-2222-3333-4444-555555555555", "11111111-2222-3333-4444-666666666666"}
		for range rng.IntN(5) {
			k.Pairs = append(k.Pairs, [2]string{one(ids), text()})
		}
		if rng.IntN(2) == 0 {
			k.Aliases = [][2]string{{"A", "a.com"}, {"B", "b.com"}}
		}
		for i := range rng.IntN(4) {
			r := audit.Row{Line: i + 2, Sam: one(names), UPN: one(names) + "@" + one(realms[2:]), Mail: one(names) + "@mail.com"}
			if rng.IntN(2) == 0 {
				r.Domain = one(realms[:2])
			}
			k.People = append(k.People, r)
		}
		told := func() string {
			id := audit.NewIdentities(k)
			var all []string
			for _, r := range realms {
				for _, n := range names {
					for _, s := range []string{r + `\` + n, n + "@" + r, n, n + "@mail.com"} {
						m := id.Who(s, audit.AnyForm)
						line := s + " " + m.Why
						for _, p := range append(slices.Clone(m.Candidates), m.Person) {
							if p != nil {
								line += fmt.Sprint(" ", p.Name, p.Forms())
							}
						}
						all = append(all, line)
					}
				}
			}
			for _, s := range ids {
				all = append(all, whom(id, s, audit.AnyForm))
			}
			return strings.Join(append(all, fmt.Sprint(id.Contradictions())), "\n")
		}
		want := told()
		for range 3 {
			rng.Shuffle(len(k.Proven), func(a, b int) { k.Proven[a], k.Proven[b] = k.Proven[b], k.Proven[a] })
			rng.Shuffle(len(k.Pairs), func(a, b int) { k.Pairs[a], k.Pairs[b] = k.Pairs[b], k.Pairs[a] })
			rng.Shuffle(len(k.People), func(a, b int) { k.People[a], k.People[b] = k.People[b], k.People[a] })
			if got := told(); got != want {
				t.Fatalf("round %d:\n%s\nwant\n%s", round, got, want)
			}
		}
	}
}

// Under an alias people keep the names that logs and the map write: the domain that stands for the others may be one that
// nobody ever wrote.
func TestAnAliasChangesNoName(t *testing.T) {
	t.Parallel()
	rows := people(t, "sam,domain,upn,mail\r\nben,CONTOSO,ben@contoso.com,b@contoso.com\r\n")
	for _, alias := range [][2]string{{"CONTOSO", "contoso.com"}, {"contoso.com", "CONTOSO"}, {"CONTOSO", "ad.contoso.com"}, {"AAA", "CONTOSO"}} {
		id := audit.NewIdentities(audit.Known{People: rows, Proven: []string{`CONTOSO\anna`, "anna@contoso.com", `contoso.com\anna`}, Aliases: [][2]string{alias, {"CONTOSO", "contoso.com"}}})
		for text, want := range map[string][]string{"anna@contoso.com": {`contoso.com\anna`, `contoso\anna`, "anna@contoso.com"}, `CONTOSO\ben`: {`contoso\ben`, "ben@contoso.com", "b@contoso.com"}} {
			p := id.Who(text, audit.AnyForm).Person
			var texts []string
			for _, f := range p.Forms() {
				texts = append(texts, f.Text)
				if m := id.Who(f.Text, f.Form); m.Person != p || m.Why != f.Why && f.Form != audit.MailForm {
					t.Errorf("%v: %s: %+v, want %s", alias, f.Text, m, f.Why)
				}
			}
			if !slices.Equal(texts, want) || !strings.HasPrefix(p.Name, `contoso\`) {
				t.Errorf("%v: %s is %s: %q, want %q", alias, text, p.Name, texts, want)
			}
		}
	}
}

func TestSpelling(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{` CONTOSO\Anna\Shared `: `sam contoso\anna\shared`, "Anna@Contoso.com": "upn anna@contoso.com", "Anna": "name anna", "S-1-5-21-7": "sid s-1-5-21-7",
		"{6F9619FF-8B86-D011-B42D-00CF4FC964FF}": "guid 6f9619ff-8b86-d011-b42d-00cf4fc964ff", "CN=Anna, DC=x": "dn cn=anna,dc=x", "": "name "} {
		form, got := audit.Spelling(text)
		if got = form.String() + " " + got; got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// What gateways tell of people is heard once, with whom it is about; and who is known to which gateway.
func TestHeard(t *testing.T) {
	t.Parallel()
	id := audit.NewIdentities(audit.Known{Proven: []string{`CONTOSO\anna`, `CONTOSO\ben`, `FABRIKAM\ben`, `CONTOSO\carla`}})
	event := func(user string, at int64, o signin.FactorOutcome) signin.MFAEvent {
		return signin.MFAEvent{Kind: signin.Duo, Time: at, User: user, Outcome: o}
	}
	var got []string
	var knows func(*audit.Person) []string
	set := audit.Setup{Identities: id, From: 1, To: 100, Sources: []audit.Source{{Kind: signin.Duo, First: 1, Last: 100}},
		Heard: func(h *audit.Heard) {
			who := "nobody"
			if h.Who.Person != nil {
				who = h.Who.Person.Name
			}
			got = append(got, fmt.Sprint(h.Gateway, " ", h.Event.User, " ", who, " ", len(h.Who.Candidates)))
		}}
	events := []signin.MFAEvent{event("anna", 5, signin.FactorPassed), event("anna", 5, signin.FactorPassed), event("ben", 6, signin.FactorPassed), event("carla", 7, signin.FirstFactorFailed), event("ghost", 8, signin.FactorDenied),
		event("anna", 9, signin.FactorConfig), event("anna", 200, signin.FactorPassed)}
	set.Seen, set.Habits = audit.SeenIn(events), audit.HabitsIn(events)
	c := audit.NewCorrelator(set)
	knows = c.Knows
	c.Feed(audit.Hour{From: 0, To: 1000, Events: events})
	c.Close()
	want := []string{`duo anna contoso\anna 0`, "duo ben nobody 2", `duo carla contoso\carla 0`, "duo ghost ghost 0"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for user, want := range map[string]int{"anna": 1, "carla": 0, "ghost": 1} {
		if ids := knows(id.Who(user, audit.AnyForm).Person); len(ids) != want {
			t.Errorf("%s is known to %v", user, ids)
		}
	}
	if !id.Who("ghost", audit.AnyForm).Person.Alone() || id.Who("anna", audit.AnyForm).Person.Alone() || id.Who("anna", audit.AnyForm).Person.InMap() {
		t.Error("who is alone?")
	}
}
