package rules

import (
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"
	_ "time/tzdata" // zones, where the machine has no table of them

	"github.com/goccy/go-yaml/ast"
)

// Load compiles rule files to a Set. If anything is wrong it returns no Set and every problem of
// every file, in the order of the files and of the places in them.
func Load(files []File) (*Set, []Problem) {
	l := loader{lists: map[string]*list{}, listAt: map[string]string{}, shapes: map[string]*regexp.Regexp{}}
	sources := make([]*source, len(files))
	var wg sync.WaitGroup
	for i := range files {
		wg.Go(func() { // most of the time that loading takes is spent on reading YAML
			sources[i] = newSource(&files[i])
			sources[i].parse()
		})
	}
	wg.Wait()
	for _, s := range sources {
		for _, d := range s.docs {
			l.document(d)
		}
	}
	set := l.compile()
	l.unique()
	var problems []Problem
	for _, s := range sources {
		problems = append(problems, s.problems...)
	}
	if len(problems) > 0 {
		sortProblems(problems, files)
		return nil, problems
	}
	return set, nil
}

// A draft is a rule as its file spells it, with the places that messages need.
type draft struct {
	Rule
	doc    *doc
	body   *ast.MappingNode
	at     map[string]ast.Node // the values, by key
	source []ast.Node          // of the expressions, When or Steps
	zone   *time.Location
	odd    bool // the type is no type: what depends on it is not checked
	shapes map[string]*regexp.Regexp
}

// expressions are the texts that the rule compiles.
func (d *draft) expressions() []string {
	if d.When != "" {
		return []string{d.When}
	}
	return d.Steps
}

// A loader gathers what the files hold.
type loader struct {
	drafts []*draft
	lists  map[string]*list
	listAt map[string]string         // file:line of a list
	shapes map[string]*regexp.Regexp // by pattern: compiling one costs more than reading a rule
}

// document reads one document: lists, or a rule.
func (l *loader) document(d *doc) {
	n := d.resolve(d.body)
	m, ok := n.(*ast.MappingNode)
	if !ok {
		if n != nil {
			d.mistake(n, "a document must be a rule: a mapping with id, name, severity and when")
		}
		return
	}
	if slices.ContainsFunc(m.Values, func(v *ast.MappingValueNode) bool { return v.Key.GetToken().Value == "lists" }) {
		l.namedLists(d, m)
		return
	}
	dr := &draft{doc: d, body: m, at: map[string]ast.Node{}, zone: time.UTC, shapes: l.shapes}
	dr.File = d.name
	dr.Line, dr.Column = d.place(m.Values[0].Key.GetToken())
	if m.IsFlowStyle {
		dr.Line, dr.Column = d.place(m.GetToken())
	}
	dr.read()
	l.drafts = append(l.drafts, dr)
}

// namedLists reads a document of lists.
func (l *loader) namedLists(d *doc, m *ast.MappingNode) {
	for _, v := range m.Values {
		if v.Key.GetToken().Value != "lists" {
			d.mistake(v.Key, "lists stand in a document of their own, without %s; put --- between them", quote(v.Key.GetToken().Value))
			return
		}
	}
	d.pairs(m, "a document of lists", []string{"lists"}, func(_ string, _, all ast.Node) {
		names, ok := all.(*ast.MappingNode)
		if !ok {
			d.mistake(all, "lists must be a mapping: a name and a list of texts")
			return
		}
		var known []string
		for _, v := range names.Values {
			known = append(known, v.Key.GetToken().Value)
		}
		d.pairs(names, "lists", known, func(name string, at, value ast.Node) {
			line, _ := d.place(at.GetToken())
			if first, ok := l.listAt[name]; ok {
				d.mistake(at, "the list %s stands at %s too", quote(name), first)
				return
			}
			l.listAt[name] = fmt.Sprintf("%s:%d", d.name, line)
			made, err := newList(name, d.textsOf(value, "the list "+quote(name)))
			if err != nil {
				d.mistake(value, "the list %s: %s", quote(name), err)
				made = &list{name: name}
			}
			made.file = d.name
			l.lists[name] = made
		})
	})
}

// compile makes the set, and reports what is wrong with expressions.
func (l *loader) compile() *Set {
	set := newSet(l.lists)
	sp := &splitter{language: newLanguage(l.lists), known: map[string]int32{}}
	for _, dr := range l.drafts {
		var trees []*tree
		noise := false
		for i, text := range dr.expressions() {
			root, bad := sp.language.parse(text)
			if bad != nil {
				line, column := dr.doc.placeIn(dr.source[i], text, bad.offset)
				dr.doc.report(line, column, "%s", bad.message)
				continue
			}
			t, err := sp.split(root, text, dr.zone)
			if err != nil {
				dr.doc.mistake(dr.source[i], "this expression cannot be compiled: %s", shorten(err.Error()))
				continue
			}
			trees = append(trees, t)
			noise = noise || asksNoise(root, true)
		}
		r := dr.compiled(noise)
		reads := setOf(r.group[:r.visible]...)
		if r.byValue {
			reads |= 1 << r.distinct
		}
		for _, t := range trees {
			t.conditions(func(cond int32) { reads |= sp.conditions[cond].fields })
		}
		if r.joined = reads&joinedFields != 0; r.joined {
			dr.joinedTogether(&r, reads)
		}
		set.add(r, trees)
	}
	set.seal(sp.conditions)
	return set
}

// compiled completes a rule with what judging needs. noise says that it asks for noise: of that there are no usage rows, so
// all that the rule finds is counted by minutes.
func (d *draft) compiled(noise bool) compiled {
	r := compiled{Rule: d.Rule, zone: d.zone, noise: noise}
	for _, name := range d.GroupBy {
		f, _ := parseField(name)
		r.group = append(r.group, f)
	}
	r.visible = len(r.group)
	perLine := slices.ContainsFunc(r.group, func(f field) bool { return !keyFields.has(f) })
	r.ticks = r.Type == Threshold || r.Type == Sequence || r.Type == Absence || perLine || noise
	if d.Distinct != "" {
		r.distinct, r.byValue = parseField(d.Distinct)
	}
	if r.ticks {
		r.hide()
	}
	return r
}

// hide adds to the group of a rule that is decided by minutes what its findings need to know besides.
func (r *compiled) hide() {
	hidden := map[Type]field{Match: protocolField, FirstSeen: datasetField, Absence: datasetField}
	if f, ok := hidden[r.Type]; ok && !slices.Contains(r.group, f) {
		r.group = append(r.group, f)
	}
}

// joinedTogether completes a rule that judges records, and reports what it reads that no record has.
func (d *draft) joinedTogether(r *compiled, reads fieldSet) {
	for f := range fieldCount {
		if reads.has(f) && !recordFields.has(f) {
			d.doc.report(d.Line, d.Column, "this rule reads %s, so it looks at logons that were joined with what MFA gateways logged; of those %s is not known", firstOf(reads&joinedFields), f)
		}
	}
	if d.Type == Absence || d.Type == FirstSeen {
		d.doc.report(d.Line, d.Column, "a rule of type %s cannot read %s: a late log of a gateway may change what it looked at", d.Type, firstOf(reads&joinedFields))
	}
	if !r.ticks { // what its minutes add up to can be replaced when a late log tells more
		r.ticks = true
		r.hide()
	}
}

// unique reports ids and uuids that several rules have.
func (l *loader) unique() {
	ids, uuids := map[string]*draft{}, map[string]*draft{}
	check := func(seen map[string]*draft, d *draft, key, value string) {
		if value == "" {
			return
		}
		if first, ok := seen[value]; ok {
			line, column := first.doc.place(first.at[key].GetToken())
			d.doc.mistake(d.at[key], "the %s %s is that of the rule at %s:%d:%d too", key, quote(value), first.File, line, column)
			return
		}
		seen[value] = d
	}
	for _, d := range l.drafts {
		check(ids, d, "id", d.ID)
		check(uuids, d, "uuid", d.UUID)
	}
}
