package audit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/outmode/outmode/internal/audit"
)

const (
	sid1  = "s-1-5-21-1-2-3-1101"
	sid2  = "s-1-5-21-1-2-3-1102"
	guid1 = "11111111-2222-3333-4444-555555555555"
	guid2 = "11111111-2222-3333-4444-666666666666"
)

// Who is one person by pairs, and who is not: what two people may have had joins nobody.
func TestPairsJoinNoTwoPeople(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pairs [][2]string
		csv   string
		alias string
		want  map[string]string // a text, to whom it means
		doubt string            // the contradictions
	}{
		"one person": {pairs: [][2]string{{sid1, `CONTOSO\anna`}, {sid1, "anna@contoso.com"}, {guid1, "anna@contoso.com"}},
			want: map[string]string{"anna@contoso.com": `contoso\anna`, sid1: `contoso\anna`, guid1: `contoso\anna`, "anna": `contoso\anna`}},
		"who was renamed": {pairs: [][2]string{{sid1, `CONTOSO\anna`}, {sid1, "anna@contoso.com"}, {sid1, "anna.berg@contoso.com"}},
			want: map[string]string{"anna@contoso.com": `contoso\anna`, "anna.berg@contoso.com": `contoso\anna`}},
		"a name of two accounts": {pairs: [][2]string{{sid1, `CONTOSO\anna`}, {sid1, "anna@contoso.com"}, {sid2, `CONTOSO\anna2`}, {sid2, "anna@contoso.com"}},
			want: map[string]string{"anna@contoso.com": `? contoso\anna contoso\anna2`, sid1: `contoso\anna`, sid2: `contoso\anna2`}, doubt: "anna@contoso.com"},
		"a name of two users of the cloud": {pairs: [][2]string{{guid1, "anna@contoso.com"}, {guid2, "anna@contoso.com"}, {sid1, "anna@contoso.com"}, {sid1, `CONTOSO\anna`}},
			want: map[string]string{"anna@contoso.com": "? " + guid1 + " " + guid2 + ` contoso\anna`, sid1: `contoso\anna`}, doubt: "anna@contoso.com"},
		"a number with two accounts": {pairs: [][2]string{{guid1, "anna@contoso.com"}, {guid1, "ben@contoso.com"}, {sid1, "anna@contoso.com"}, {sid2, "ben@contoso.com"}},
			want: map[string]string{guid1: "? anna@contoso.com ben@contoso.com", sid1: "anna@contoso.com", sid2: "ben@contoso.com"}, doubt: guid1},
		"an account with two names, and no SID": {pairs: [][2]string{{`CONTOSO\anna`, "anna@contoso.com"}, {`CONTOSO\anna`, "ben@contoso.com"}},
			want: map[string]string{`CONTOSO\anna`: "? anna@contoso.com ben@contoso.com", "ben@contoso.com": "ben@contoso.com"}, doubt: `contoso\anna`},
		"a chain of names": {pairs: [][2]string{{guid1, "anna@contoso.com"}, {guid1, "ben@contoso.com"}, {`CONTOSO\anna`, "anna@contoso.com"}, {`CONTOSO\ben`, "ben@contoso.com"}},
			want:  map[string]string{"anna@contoso.com": "? " + guid1 + ` contoso\anna`, `CONTOSO\ben`: "? ben@contoso.com"},
			doubt: guid1 + ` anna@contoso.com ben@contoso.com contoso\anna contoso\ben`},
		"against the map": {pairs: [][2]string{{sid2, "anna@contoso.com"}}, csv: "sam,domain,upn,sid\nanna,CONTOSO,anna@contoso.com," + sid1 + "\n",
			want: map[string]string{"anna@contoso.com": `contoso\anna`, sid2: sid2, sid1: `contoso\anna`}, doubt: "anna@contoso.com"},
		"what the map says too": {pairs: [][2]string{{sid1, "anna@contoso.com"}, {guid1, "anna@contoso.com"}}, csv: "sam,domain,upn,sid,guid\nanna,CONTOSO,anna@contoso.com," + sid1 + "," + guid2 + "\n",
			want: map[string]string{"anna@contoso.com": `contoso\anna`, guid1: `contoso\anna`, guid2: `contoso\anna`}},
		"two people of the map": {pairs: [][2]string{{sid1, "ben@contoso.com"}}, csv: "sam,domain,upn,sid\nanna,CONTOSO,," + sid1 + "\nben,CONTOSO,ben@contoso.com,\n",
			want: map[string]string{"ben@contoso.com": `contoso\ben`, sid1: `contoso\anna`}, doubt: "ben@contoso.com " + sid1},
		"the map tells": {pairs: [][2]string{{sid1, `CONTOSO\anna`}, {sid1, "anna@contoso.com"}, {sid2, "anna@contoso.com"}}, csv: "sam,domain,upn,sid\nanna,CONTOSO,anna@contoso.com," + sid1 + "\n",
			want: map[string]string{"anna@contoso.com": `contoso\anna`, sid2: sid2}, doubt: "anna@contoso.com"},
		"a line before an alias": {pairs: [][2]string{{sid1, `CONTOSO\anna`}, {sid1, "a.berg@contoso.com"}}, alias: "CONTOSO=contoso.com",
			want: map[string]string{"anna@contoso.com": "anna@contoso.com", "a.berg@contoso.com": `contoso\anna`}},
		"an alias of two SIDs": {pairs: [][2]string{{sid1, `CONTOSO\anna`}, {sid2, "anna@contoso.com"}}, alias: "CONTOSO=contoso.com",
			want: map[string]string{"anna@contoso.com": "anna@contoso.com", `CONTOSO\anna`: `contoso\anna`}},
		"a line and an alias": {pairs: [][2]string{{sid1, "anna@contoso.com"}}, alias: "CONTOSO=contoso.com",
			want: map[string]string{"anna@contoso.com": `contoso\anna`, sid1: `contoso\anna`}},
	} {
		k := audit.Known{Pairs: c.pairs, Proven: []string{`CONTOSO\anna`, "anna@contoso.com"}}
		if c.csv != "" {
			k.People = people(t, c.csv)
		}
		if c.alias != "" {
			k.Aliases = [][2]string{{"CONTOSO", "contoso.com"}}
		}
		id := audit.NewIdentities(k)
		for text, want := range c.want {
			if got := whom(id, text, audit.AnyForm); got != want {
				t.Errorf("%s: %s is %q, want %q", name, text, got, want)
			}
		}
		var doubt []string
		for _, x := range id.Contradictions() {
			doubt = append(doubt, x.Text)
		}
		if got := strings.Join(doubt, " "); got != c.doubt {
			t.Errorf("%s: contradictions %q, want %q", name, got, c.doubt)
		}
	}
}

// Whom only lines of gateways name is nobody who signed in: nobody's bare name is ambiguous for that.
func TestPairsOfStrangers(t *testing.T) {
	t.Parallel()
	id := audit.NewIdentities(audit.Known{Pairs: [][2]string{{guid1, "anna@contoso.com"}}, Proven: []string{`CONTOSO\anna`}})
	if got := whom(id, "anna", audit.AnyForm); got != `contoso\anna` {
		t.Errorf("anna is %s", got)
	}
	p := id.Who(guid1, audit.AnyForm).Person
	if !p.Alone() || len(p.Forms()) != 2 || p.Forms()[1].Why != "one line names it together with anna@contoso.com" {
		t.Errorf("%+v", p)
	}
}

// However many names a log gives to one account, it takes no longer and no more than it must.
func TestPairsWithoutEnd(t *testing.T) {
	t.Parallel()
	var k audit.Known
	for i := range 20_000 {
		k.Pairs = append(k.Pairs, [2]string{sid1, fmt.Sprintf("u%d@contoso.com", i)}, [2]string{fmt.Sprintf(`C\a%d`, i), fmt.Sprintf("c%d@contoso.com", i)}, [2]string{fmt.Sprintf("S-1-5-21-9-9-9-%d", i), fmt.Sprintf("c%d@contoso.com", i/2)})
	}
	id := audit.NewIdentities(k)
	if m := id.Who(sid1, audit.AnyForm); m.Person != nil || len(m.Candidates) != 32 {
		t.Errorf("%v, %d", m.Person, len(m.Candidates))
	}
	if got := id.Contradictions(); len(got) == 0 || slices.ContainsFunc(got, func(c audit.Contradiction) bool { return len(c.With) > 32 }) {
		t.Errorf("%d", len(got))
	}
}
