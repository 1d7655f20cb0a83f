package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Known is what is known of who is who. The order of its lists does not matter.
type Known struct {
	People  []Row       // the map of people
	Aliases [][2]string // domains that are one: MONOFOR and monofor.com
	Pairs   [][2]string // texts that one line of a log proves to be one person's
	Proven  []string    // accounts that authenticated, as logged; refused names are not among them: anybody can send one
}

// A Person is whoever some texts mean.
type Person struct {
	Name       string // domain\sam if that is known, else the account as logged; lower case
	Department string // as the map says
	Manager    string

	forms []PersonForm
	rows  int     // of the map
	extra bool    // nobody signed in under one of the names, and no map has one
	named written // the Name, taken apart
}

// Alone reports whether nothing joins the person to anybody who signed in or is in the map: only what gateways write names
// them.
func (p *Person) Alone() bool { return p.extra }

// A PersonForm is one text for a person.
type PersonForm struct {
	Text string // lower case
	Form Form
	Why  string // it means this person
}

// InMap reports whether the map of people has the person.
func (p *Person) InMap() bool { return p.rows > 0 }

// Forms lists the texts that mean the person, and why, by form and text.
func (p *Person) Forms() []PersonForm { return slices.Clone(p.forms) }

// A Match is whom a text means.
type Match struct {
	Person     *Person   // nil if that is not certain
	Candidates []*Person // whom it may mean, by name; only without a Person
	Why        string    // in words
}

// Identities know which texts mean one person. They remember what they were asked: one serves one goroutine.
type Identities struct {
	aliases map[string]string    // a domain, to the one that stands for it
	nodes   map[written]*Person  // texts with a realm, SIDs, GUIDs and DNs
	names   map[string][]*Person // account names without their realm, each person once, by name
	sams    map[string][]*Person // the same of accounts in the form DOMAIN\name
	mails   map[written][]*Person
	doubts  map[written][]*Person // texts that lines give to several people, each once, by name
	extra   map[written]*Person
	asked   map[asked]Match

	contradictions []Contradiction
}

type asked struct {
	text string
	form Form
}

// NewIdentities joins texts to people. Two texts are one person only if the map, a line, or a declared alias says so; and
// neither a line nor an alias joins two rows of the map.
func NewIdentities(k Known) *Identities {
	k.People = slices.Clone(k.People)
	slices.SortStableFunc(k.People, func(a, b Row) int { return cmp.Compare(a.Line, b.Line) })
	return newJoiner(&k).identities(k.People)
}

// aliasesOf maps each domain to the first, in the order of the alphabet, of those that are one with it.
func aliasesOf(pairs [][2]string) map[string]string {
	all := map[string]string{}
	var find func(string) string
	find = func(s string) string {
		if next, ok := all[s]; ok && next != s {
			return find(next)
		}
		return s
	}
	for _, p := range pairs {
		a, b := find(strings.ToLower(p[0])), find(strings.ToLower(p[1]))
		if a > b {
			a, b = b, a
		}
		all[a], all[b] = a, a
	}
	for d := range all {
		all[d] = find(d)
	}
	return all
}

// Who returns whom a text means. form is how the log writes people, AnyForm to tell it from the text.
func (id *Identities) Who(text string, form Form) Match {
	key := asked{text, form}
	m, ok := id.asked[key]
	if !ok {
		m = id.who(text, form)
		if len(id.asked) >= maxAsked {
			clear(id.asked)
		}
		id.asked[key] = m
	}
	return m
}

// maxAsked bounds what is remembered: anybody can send names.
const maxAsked = 1 << 18

func (id *Identities) who(text string, form Form) Match {
	w := take(text)
	if w.name == "" {
		return Match{Why: "no account is named"}
	}
	spelt := w
	w.realm = cmp.Or(id.aliases[w.realm], w.realm)
	switch {
	case w.form == BareForm:
		return id.byName(w, form)
	case w.form == UPNForm && form == MailForm:
		return id.byMail(w, spelt)
	case form == SIDForm || form == GUIDForm || form == DNForm:
		if w.form != form {
			return Match{Person: id.alone(w), Why: fmt.Sprintf("it is no %s, as the gateway is said to write", form)}
		}
	}
	if people, ok := id.doubts[w]; ok {
		return Match{Candidates: people, Why: whyDoubt(people)}
	}
	if p := id.nodes[w]; p != nil {
		return Match{Person: p, Why: p.whyOf(spelt)}
	}
	other := w // under an alias the two forms of an account mean one person, unless the map knows its own of that form
	switch w.form {
	case SamForm:
		other.form = UPNForm
	case UPNForm:
		other.form = SamForm
	}
	if people, ok := id.doubts[other]; ok {
		return Match{Candidates: people, Why: whyDoubt(people)}
	}
	if p := id.nodes[other]; p != nil && other != w && !p.given(w.form) {
		return Match{Person: p, Why: "the same name in the same domain: " + w.realm}
	}
	if w.form == UPNForm && form != UPNForm {
		return id.byMail(w, spelt)
	}
	return Match{Person: id.alone(w), Why: "nothing else names this person"}
}

// byName joins a bare name to the one person that has an account of this name.
func (id *Identities) byName(w written, form Form) Match {
	people := id.names[w.name]
	if form == SamForm {
		people = id.sams[w.name]
	}
	switch len(people) {
	case 0:
		return Match{Person: id.alone(w), Why: "no log and no map names a domain for it"}
	case 1:
		return Match{Person: people[0], Why: "the only account of this name that is known is of " + people[0].Name}
	}
	return Match{Candidates: people, Why: fmt.Sprintf("%q may be any of %s: the map of people, or an alias for their domains, can tell", w.name, nameList(people))}
}

func (id *Identities) byMail(w, spelt written) Match {
	mail := written{MailForm, w.name, w.realm}
	switch people := id.mails[mail]; {
	case len(people) == 1:
		return Match{Person: people[0], Why: "the map gives this address of mail to " + people[0].Name}
	case len(people) > 1:
		return Match{Candidates: people, Why: fmt.Sprintf("the map gives the address %s@%s to %s", spelt.name, spelt.realm, nameList(people))}
	}
	if people, ok := id.doubts[w]; ok {
		return Match{Candidates: people, Why: whyDoubt(people)}
	}
	if p := id.nodes[w]; p != nil {
		return Match{Person: p, Why: p.whyOf(spelt)}
	}
	return Match{Person: id.alone(w), Why: "nothing else names this person"}
}

// Namesakes are the people who may be somebody, since one has an account DOMAIN\name and the other one name@realm, and
// nothing says whether the two domains are one. Two people of the map are not.
func (id *Identities) Namesakes(p *Person) (all []*Person) {
	for _, f := range p.forms {
		w := take(f.Text)
		if w.form != SamForm && w.form != UPNForm {
			continue
		}
		for _, o := range id.names[w.name] {
			alike := func(f PersonForm) bool { // an account of the same form would be another one
				return f.Form == w.form && take(f.Text).name == w.name
			}
			if o != p && (o.rows == 0 || p.rows == 0) && !slices.ContainsFunc(o.forms, alike) {
				all = append(all, o)
			}
		}
	}
	return all
}

func (id *Identities) alone(w written) *Person {
	p := id.extra[w]
	if p == nil {
		p = &Person{Name: w.text(), named: take(w.text()), forms: []PersonForm{{w.text(), w.form, "as logged"}}, extra: true}
		id.extra[w] = p
	}
	return p
}

// nameList names a few people.
func nameList(people []*Person) string {
	var names []string
	for _, p := range people[:min(len(people), 3)] {
		names = append(names, p.Name)
	}
	if more := len(people) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

func (w written) text() string {
	switch w.form {
	case SamForm:
		return w.realm + `\` + w.name
	case UPNForm, MailForm:
		return w.name + "@" + w.realm
	}
	return w.name
}

func (p *Person) whyOf(w written) string {
	for _, f := range p.forms {
		if f.Form == w.form && f.Text == w.text() {
			return f.Why
		}
	}
	return "an alias of its domain"
}

// given reports whether the map or a line gives the person an account of that form.
func (p *Person) given(form Form) bool {
	return slices.ContainsFunc(p.forms, func(f PersonForm) bool { return f.Form == form && rank(f.Why) < 2 })
}

// Ambiguous lists the account names that more than one person has, with those people, by name. A bare name among them
// joins nobody.
func (id *Identities) Ambiguous() [][]*Person {
	var names []string
	for name, people := range id.names {
		if len(people) > 1 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	all := make([][]*Person, 0, len(names))
	for _, n := range names {
		all = append(all, id.names[n])
	}
	return all
}
