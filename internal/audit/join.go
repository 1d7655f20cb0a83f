package audit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A joiner makes people of texts. A node is a text, or a row of the map; joined nodes are one person. What may have to be
// refused, aliases and bare names, is decided over all of it at once, so that no order matters.
type joiner struct {
	aliases map[string]string
	index   map[written]int
	texts   []written         // of nodes; the zero value of a row
	spelt   map[int][]written // how logs and the map write a text whose domain has an alias: that is what people know
	why     []string          // the text means its person
	above   []int             // the tree of joined nodes
	rowOf   []int             // the node of each row of the map
	mapped  map[int]bool      // nodes of texts that the map gives
	paired  map[int]bool      // nodes that a pair joins
	proven  map[int]bool      // nodes of accounts that signed in
	doubts  map[int][]int     // nodes of whom pairs say two things, with those beside them

	contradictions []Contradiction
}

func newJoiner(k *Known) *joiner {
	j := &joiner{aliases: aliasesOf(k.Aliases), index: map[written]int{}, mapped: map[int]bool{}, spelt: map[int][]written{},
		paired: map[int]bool{}, proven: map[int]bool{}, doubts: map[int][]int{}}
	var rows [][]int
	for i := range k.People {
		r := &k.People[i]
		row := len(j.texts)
		j.texts, j.why, j.above, j.rowOf = append(j.texts, written{}), append(j.why, ""), append(j.above, row), append(j.rowOf, row)
		var nodes []int
		for _, w := range r.forms() {
			if w.form != BareForm && w.form != MailForm {
				n := j.node(w, fmt.Sprintf("line %d of the map", r.Line))
				j.mapped[n] = true
				j.join(row, n)
				nodes = append(nodes, n)
			}
		}
		if len(k.Pairs) > 0 {
			rows = append(rows, nodes)
		}
	}
	j.pairUp(k.Pairs, rows)
	for _, text := range k.Proven {
		if w := take(text); w.form != BareForm && w.name != "" {
			j.proven[j.node(w, "it signed in under this name")] = true
		}
	}
	j.joinAliases()
	j.joinBareRows(k.People)
	return j
}

// node is the node of a text that is no bare name.
func (j *joiner) node(w written, why string) int {
	spelt := w
	w.realm = cmp.Or(j.aliases[w.realm], w.realm)
	n, ok := j.index[w]
	if !ok {
		n = len(j.texts)
		j.index[w] = n
		j.texts, j.why, j.above = append(j.texts, w), append(j.why, why), append(j.above, n)
	} else {
		j.say(n, why)
	}
	if j.aliases[spelt.realm] != "" && !slices.Contains(j.spelt[n], spelt) {
		j.spelt[n] = append(j.spelt[n], spelt)
	}
	return n
}

// say keeps the better of two reasons why a node means its person.
func (j *joiner) say(n int, why string) {
	if cmp.Or(cmp.Compare(rank(why), rank(j.why[n])), strings.Compare(why, j.why[n])) < 0 {
		j.why[n] = why
	}
}

// rank orders reasons: the map first, then a line that joins, then that it was used.
func rank(why string) int {
	switch {
	case strings.HasPrefix(why, "line "):
		return 0
	case strings.HasPrefix(why, "one line"):
		return 1
	case why == inALine:
		return 3
	}
	return 2
}

func (j *joiner) find(n int) int {
	for j.above[n] != n {
		j.above[n] = j.above[j.above[n]]
		n = j.above[n]
	}
	return n
}

func (j *joiner) join(a, b int) { j.above[j.find(a)] = j.find(b) }

// A link is two nodes that may be one person.
type link struct {
	a, b int
	why  string // b means a's person
}

// joinAliases joins DOMAIN\name and name@realm where both domains are one: by an alias, or since they are spelled alike.
// The map and pairs go before: where they give the one person another account of that form, they are two.
func (j *joiner) joinAliases() {
	has := map[written]bool{} // root and form, of what the map and pairs give
	for _, given := range [...]map[int]bool{j.mapped, j.paired} {
		for n := range given {
			has[written{form: j.texts[n].form, name: fmt.Sprint(j.find(n))}] = true
		}
	}
	var links []link
	for n, w := range j.texts {
		if w.form != SamForm || j.doubts[n] != nil {
			continue
		}
		upn, ok := j.index[written{UPNForm, w.name, w.realm}]
		if !ok || j.doubts[upn] != nil || has[written{form: UPNForm, name: fmt.Sprint(j.find(n))}] || has[written{form: SamForm, name: fmt.Sprint(j.find(upn))}] {
			continue
		}
		links = append(links, link{n, upn, "the same name in the same domain: " + w.realm})
	}
	j.tryAll(links)
}

// joinBareRows joins a row that names an account and no domain to the one person who has an account of that name.
func (j *joiner) joinBareRows(rows []Row) {
	owners := map[string]map[int]bool{}
	for n, w := range j.texts {
		if w.form == SamForm || w.form == UPNForm {
			if owners[w.name] == nil {
				owners[w.name] = map[int]bool{}
			}
			owners[w.name][j.find(n)] = true
		}
	}
	claims := map[string]int{}
	for i := range rows {
		for _, w := range rows[i].forms() {
			if w.form == BareForm {
				claims[w.name]++
			}
		}
	}
	var links []link
	for i := range rows {
		for _, w := range rows[i].forms() {
			if w.form == BareForm && claims[w.name] == 1 && len(owners[w.name]) == 1 && !owners[w.name][j.find(j.rowOf[i])] {
				for owner := range owners[w.name] {
					links = append(links, link{j.rowOf[i], owner, ""})
				}
			}
		}
	}
	j.tryAll(links)
}

// tryAll joins what is linked, but for links that would, all together, make one person of two rows of the map, or of two
// SIDs.
func (j *joiner) tryAll(links []link) {
	try := joiner{above: slices.Clone(j.above)}
	for _, l := range links {
		try.join(l.a, l.b)
	}
	before, rows := map[int]bool{}, map[int]int{}
	for _, row := range j.rowOf {
		if !before[j.find(row)] { // rows that a line of a log joined are one already
			before[j.find(row)] = true
			rows[try.find(row)]++
		}
	}
	sids := map[int]int{}
	for n, w := range j.texts {
		if w.form == SIDForm {
			sids[try.find(n)]++
		}
	}
	for _, l := range links {
		if root := try.find(l.a); rows[root] < 2 && sids[root] < 2 {
			j.join(l.a, l.b)
			if l.why != "" && rank(j.why[l.b]) >= 2 {
				j.why[l.b] = l.why
			}
		}
	}
}

// identities makes the people.
func (j *joiner) identities(rows []Row) *Identities {
	id := &Identities{aliases: j.aliases, nodes: map[written]*Person{}, names: map[string][]*Person{}, sams: map[string][]*Person{}, mails: map[written][]*Person{}, doubts: map[written][]*Person{}, extra: map[written]*Person{}, asked: map[asked]Match{}}
	people := map[int]*Person{}
	of := func(n int) *Person {
		root := j.find(n)
		if people[root] == nil {
			people[root] = &Person{}
		}
		return people[root]
	}
	for i := range rows {
		r, p := &rows[i], of(j.rowOf[i])
		p.rows++
		// Of rows that are one person the first that says it counts.
		p.Department, p.Manager = cmp.Or(p.Department, r.Department), cmp.Or(p.Manager, r.Manager)
		for _, w := range r.forms() {
			text := w.text()
			switch w.form {
			case BareForm:
				id.names[w.name], id.sams[w.name] = append(id.names[w.name], p), append(id.sams[w.name], p)
			case MailForm:
				w.realm = cmp.Or(j.aliases[w.realm], w.realm)
				id.mails[w] = append(id.mails[w], p)
			default:
				continue
			}
			p.forms = append(p.forms, PersonForm{text, w.form, fmt.Sprintf("line %d of the map", r.Line)})
		}
	}
	proven := map[*Person]bool{}
	for n := range j.proven {
		proven[of(n)] = true
	}
	for n, beside := range j.doubts {
		var all []*Person
		for _, m := range beside {
			all = append(all, of(m))
		}
		id.doubts[j.texts[n]] = all
	}
	for w, n := range j.index {
		p := of(n)
		id.nodes[w] = p
		// Whom only lines of gateways name: no account of the logs is ambiguous for that.
		p.extra = p.rows == 0 && !proven[p]
		spelt := j.spelt[n]
		if len(spelt) == 0 {
			spelt = []written{w}
		}
		for _, s := range spelt {
			p.forms = append(p.forms, PersonForm{s.text(), s.form, j.why[n]})
		}
		if p.extra {
			continue
		}
		whose := []*Person{p}
		if all, ok := id.doubts[w]; ok {
			whose = all
		}
		switch w.form {
		case SamForm:
			id.names[w.name], id.sams[w.name] = append(id.names[w.name], whose...), append(id.sams[w.name], whose...)
		case UPNForm:
			id.names[w.name] = append(id.names[w.name], whose...)
		}
	}
	for p := range maps.Values(people) {
		slices.SortFunc(p.forms, func(a, b PersonForm) int {
			return cmp.Or(cmp.Compare(a.Form, b.Form), strings.Compare(a.Text, b.Text), strings.Compare(a.Why, b.Why))
		})
		p.forms = slices.CompactFunc(p.forms, func(a, b PersonForm) bool { return a.Form == b.Form && a.Text == b.Text })
		p.Name = nameOf(p.forms)
		p.named = take(p.Name)
	}
	for _, list := range []map[string][]*Person{id.names, id.sams} {
		for name, all := range list {
			list[name] = unique(all)
		}
	}
	for _, list := range []map[written][]*Person{id.mails, id.doubts} {
		for w, all := range list {
			list[w] = unique(all)
		}
	}
	id.contradictions = j.contradictions
	slices.SortFunc(id.contradictions, func(a, b Contradiction) int { return strings.Compare(a.Text, b.Text) })
	return id
}

// nameOf is the first of some forms, in their order: SamForm comes first. Of DOMAIN\name and domain.example\name it is the
// former, as Exchange logs it.
func nameOf(forms []PersonForm) string {
	if len(forms) == 0 {
		return ""
	}
	for _, f := range forms {
		if domain, _, _ := strings.Cut(f.Text, `\`); f.Form == SamForm && !strings.Contains(domain, ".") {
			return f.Text
		}
	}
	return forms[0].Text
}

// unique sorts people by name and drops those that stand twice.
func unique(all []*Person) []*Person {
	slices.SortFunc(all, comparePeople)
	return slices.Compact(all)
}

// comparePeople orders people by name, and those of one name by all that is known of them.
func comparePeople(a, b *Person) int {
	if a == b {
		return 0
	}
	return cmp.Or(strings.Compare(a.Name, b.Name), slices.CompareFunc(a.forms, b.forms, func(x, y PersonForm) int {
		return cmp.Or(strings.Compare(x.Text, y.Text), strings.Compare(x.Why, y.Why))
	}))
}
