package audit

import (
	"fmt"
	"slices"
)

// A Contradiction is a name that lines of logs, or a line and the map, give to several people. No line joins it to any.
type Contradiction struct {
	Text   string // lower case
	Form   Form
	With   []string // the names that stand beside it, in order
	Mapped bool     // the map says whose it is, and that holds
}

// A pairing decides which pairs of names join people. A SID is one account for ever, and so is the number of a user in Entra;
// DOMAIN\name and name@realm may be given to somebody else. So a name that stands beside two SIDs, or two such numbers, is
// two people's; one SID beside two names is a person who was renamed.
//
// It looks at all pairs and at the rows of the map at once: no order matters.
type pairing struct {
	j      *joiner
	beside map[int][]int // nodes that a line names together with a node
	row    map[int][]int // nodes that the map gives the person of a node, itself too
	wrong  map[int]bool  // nodes whose pairs join nobody
}

// pairUp joins the nodes of pairs, but for those that contradict. rows are the nodes of each row of the map.
func (j *joiner) pairUp(pairs [][2]string, rows [][]int) {
	p := &pairing{j: j, beside: map[int][]int{}, row: map[int][]int{}, wrong: map[int]bool{}}
	for _, pair := range pairs {
		a, b := take(pair[0]), take(pair[1])
		if !a.pairs() || !b.pairs() {
			continue // a bare name means whom Who says, wherever it stands
		}
		if n, m := j.node(a, inALine), j.node(b, inALine); n != m {
			p.beside[n], p.beside[m] = append(p.beside[n], m), append(p.beside[m], n)
		}
	}
	if len(p.beside) == 0 {
		return
	}
	for n, all := range p.beside {
		slices.Sort(all)
		p.beside[n] = slices.Compact(all)
		if len(p.beside[n]) > maxBeside {
			p.wrong[n] = true
		}
	}
	for _, row := range rows {
		for _, n := range row {
			if p.beside[n] != nil {
				p.row[n] = row
			}
		}
	}
	p.contest()
	p.settle()
	for n, all := range p.beside {
		for _, m := range all {
			if !p.wrong[n] && !p.wrong[m] {
				j.join(n, m)
				j.say(n, "one line names it together with "+j.texts[m].text())
				j.paired[n] = true
			}
		}
	}
	for n := range p.wrong {
		j.doubt(n, p.beside[n])
	}
}

// maxBeside is more names than a person has. What more stand beside is several people's.
const maxBeside = 32

// pairs reports whether a text can be paired.
func (w written) pairs() bool {
	return w.name != "" && (w.form == SamForm || w.form == UPNForm || w.form == SIDForm || w.form == GUIDForm)
}

// of are the nodes of a form that a line names together with a node, or that are in its row. A GUID of the map is left out:
// it is that of another directory.
func (p *pairing) of(n int, form Form) (found []int) {
	list := p.beside[n]
	if form != GUIDForm {
		list = append(list[:len(list):len(list)], p.row[n]...)
	}
	for _, m := range list {
		if m != n && p.j.texts[m].form == form && !slices.Contains(found, m) {
			found = append(found, m)
		}
	}
	return found
}

// keyed reports whether one SID, or one number, stands beside each of some names.
func (p *pairing) keyed(names []int) bool {
	beside := func(n int) []int { return append(p.of(n, SIDForm), p.of(n, GUIDForm)...) }
	keys := beside(names[0])
	for _, n := range names[1:] {
		others := beside(n)
		keys = slices.DeleteFunc(keys, func(k int) bool { return !slices.Contains(others, k) })
	}
	return len(keys) > 0
}

// contest finds the names that are several people's by what stands directly beside them, then the SIDs and numbers that
// are by what stands beside their names.
func (p *pairing) contest() {
	for n := range p.beside {
		other := UPNForm
		switch form := p.j.texts[n].form; {
		case p.wrong[n]:
		case form == UPNForm:
			other = SamForm
			fallthrough
		case form == SamForm:
			names := p.of(n, other)
			if len(p.of(n, SIDForm)) > 1 || len(p.of(n, GUIDForm)) > 1 || len(names) > 1 && !p.keyed(append(names, n)) {
				p.wrong[n] = true
			}
		}
	}
	var keys []int
	for n := range p.beside {
		form := p.j.texts[n].form
		if p.wrong[n] || form != SIDForm && form != GUIDForm {
			continue
		}
		other := SIDForm + GUIDForm - form
		found := p.of(n, other)
		for _, m := range p.beside[n] {
			if !p.wrong[m] {
				found = append(found, p.of(m, other)...)
			}
		}
		slices.Sort(found)
		if len(slices.Compact(found)) > 1 {
			keys = append(keys, n)
		}
	}
	for _, n := range keys {
		p.wrong[n] = true
	}
}

// A cluster is who would be one person by the pairs.
type cluster struct {
	rows  int
	nodes [formCount][]int // by form; GUIDs are those of lines
	many  bool             // more than a person has
}

// settle looks at who would be one person by what is left: no two rows of the map, no two SIDs or numbers, and several
// accounts or principal names only where one SID or number stands beside each. Of others no pair joins anybody.
func (p *pairing) settle() {
	try := joiner{above: slices.Clone(p.j.above)}
	for n, all := range p.beside {
		for _, m := range all {
			if !p.wrong[n] && !p.wrong[m] {
				try.join(n, m)
			}
		}
	}
	clusters := map[int]*cluster{}
	for n := range p.beside {
		if p.wrong[n] {
			continue
		}
		root := try.find(n)
		if clusters[root] == nil {
			clusters[root] = &cluster{}
		}
		clusters[root].add(p.j, n)
		for _, m := range p.row[n] {
			if p.j.texts[m].form != GUIDForm {
				clusters[root].add(p.j, m)
			}
		}
	}
	for _, row := range p.j.rowOf {
		if c := clusters[try.find(row)]; c != nil {
			c.rows++
		}
	}
	var wrong []int
	for n := range p.beside {
		if !p.wrong[n] && !p.isOne(clusters[try.find(n)]) {
			wrong = append(wrong, n)
		}
	}
	for _, n := range wrong {
		p.wrong[n] = true
	}
}

func (c *cluster) add(j *joiner, n int) {
	list := &c.nodes[j.texts[n].form]
	switch {
	case slices.Contains(*list, n):
	case len(*list) == maxBeside:
		c.many = true
	default:
		*list = append(*list, n)
	}
}

// isOne reports whether nothing says that a cluster is more than one person.
func (p *pairing) isOne(c *cluster) bool {
	if c.many || c.rows > 1 || len(c.nodes[SIDForm]) > 1 || len(c.nodes[GUIDForm]) > 1 {
		return false
	}
	for _, names := range [...][]int{c.nodes[SamForm], c.nodes[UPNForm]} {
		if len(names) > 1 && !p.keyed(names) {
			return false
		}
	}
	return true
}

// doubt notes that nobody knows whose a node is, of those beside which it stands.
func (j *joiner) doubt(n int, beside []int) {
	beside = beside[:min(len(beside), maxBeside)]
	c := Contradiction{Text: j.texts[n].text(), Form: j.texts[n].form, Mapped: j.mapped[n]}
	for _, m := range beside {
		c.With = append(c.With, j.texts[m].text())
	}
	slices.Sort(c.With)
	j.contradictions = append(j.contradictions, c)
	if !c.Mapped { // else the map says it
		j.doubts[n] = beside
	}
}

// inALine is why a text is known that no pair and nothing else joins.
const inALine = "a line of a log names it"

// Contradictions are the names that lines of logs give to several people, by text.
func (id *Identities) Contradictions() []Contradiction { return slices.Clone(id.contradictions) }

// whyDoubt says why nobody knows whose a name is.
func whyDoubt(people []*Person) string {
	return fmt.Sprintf("lines of logs name it together with several people: %s. The map of people can tell whose it is", nameList(people))
}
