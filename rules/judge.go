package rules

import (
	"github.com/outmode/outmode/internal/signin"
)

// A Judge says which rules a sign-in meets. It is for one goroutine; all Judges of a Set give the
// same pointers.
//
// It sorts what it sees into classes: values on which all conditions of a group agree are one class.
// Classes are few, so a sign-in's answer is found by looking up the class of each of its values and
// then the answer of the combination. All it remembers is bounded, and forgotten when it is full.
type Judge struct {
	set  *Set
	eval *evaluator

	tuples    map[tuple]*tupleAnswer
	accounts  map[*signin.Account]*class
	servers   map[string]*class
	addresses map[*signin.Address]*class
	agents    map[*signin.Client]*class
	paths     map[string]*class
	statuses  map[uint16]*class
	clocks    map[int64]*class
	classes   [groupCount]map[string]*class
	rows      map[rowKey]*answer
	lines     map[lineKey]*answer
	count     uint32 // numbers given to classes and tuples

	scratch []value
	packed  []byte // values, to find their class by
	text    []byte // the groups of ticks
	value   []byte // what a rule counts
}

// maxMemo bounds each memory of a Judge, in entries.
const maxMemo = 1 << 14

// A class is what the conditions of a group say of a value.
type class struct {
	number uint32
	values []value // in the order of the group, or of the conditions that were asked for
}

// A tuple is the fields of a sign-in of which there are few combinations.
type tuple struct {
	kind      signin.Kind
	protocol  signin.Protocol
	auth      signin.Auth
	mechanism signin.Mechanism
	outcome   signin.Outcome
	evidence  signin.Evidence
	traffic   signin.Traffic
	modern    signin.Modern
	flags     uint8
	client    string
}

func tupleOf(s *signin.SignIn) tuple {
	t := tuple{s.Facts.Kind, s.Protocol, s.Auth, s.Mechanism, s.Outcome, s.Evidence, s.Traffic, s.Client.Modern, 0, s.Client.Family}
	if s.Internal {
		t.flags |= 1
	}
	if s.Account.Privileged {
		t.flags |= 2
	}
	if s.Backend {
		t.flags |= 4
	}
	return t
}

// A tupleAnswer is what a tuple decides.
type tupleAnswer struct {
	number uint32
	ruling *ruling
	needs  uint16  // the groups of the key that are left, as bits
	mixed  []int32 // the conditions of mixedKeyGroup that are left
	answer *answer // if nothing of the key is left
}

type rowKey struct{ tuple, account, server, mixed uint32 }

type lineKey struct{ hits, address, agent, path, status, clock, mixed uint32 }

// NewJudge returns a Judge for one goroutine.
func (s *Set) NewJudge() *Judge {
	j := &Judge{set: s, eval: newEvaluator(),
		tuples: map[tuple]*tupleAnswer{}, accounts: map[*signin.Account]*class{}, servers: map[string]*class{},
		addresses: map[*signin.Address]*class{}, agents: map[*signin.Client]*class{}, paths: map[string]*class{},
		statuses: map[uint16]*class{}, clocks: map[int64]*class{}, rows: map[rowKey]*answer{}, lines: map[lineKey]*answer{}}
	for g := range j.classes {
		j.classes[g] = map[string]*class{}
	}
	return j
}

// keep adds an entry to a memory, which it empties first if it is full.
func keep[K comparable, V any](memory map[K]V, k K, v V) V {
	if len(memory) >= maxMemo {
		clear(memory)
	}
	memory[k] = v
	return v
}

// Row judges what the fields of a usage row's key decide: hits that are Pending if a rule depends on
// the line besides. It never returns nil. Of the line it reads nothing else.
func (j *Judge) Row(s *signin.SignIn) *signin.Hits {
	k := tupleOf(s)
	t, ok := j.tuples[k]
	if !ok {
		t = keep(j.tuples, k, j.newTuple(s))
	}
	if t.answer != nil {
		return t.answer.hits
	}
	key := rowKey{tuple: t.number}
	var of [groupCount]*class
	if t.needs&(1<<accountGroup) != 0 {
		of[accountGroup] = j.account(s)
		key.account = of[accountGroup].number
	}
	if t.needs&(1<<serverGroup) != 0 {
		of[serverGroup] = j.server(s)
		key.server = of[serverGroup].number
	}
	if t.needs&(1<<mixedKeyGroup) != 0 {
		of[mixedKeyGroup] = j.direct(mixedKeyGroup, t.mixed, s)
		key.mixed = of[mixedKeyGroup].number
	}
	a, ok := j.rows[key]
	if !ok {
		a = keep(j.rows, key, j.set.answer(j.set.advance(t.ruling, j.lookup(&of, t.mixed))))
	}
	return a.hits
}

// Line completes hits that are Pending with the fields of this line. The result is not Pending.
func (j *Judge) Line(h *signin.Hits, s *signin.SignIn) *signin.Hits {
	if !h.Pending {
		return h
	}
	p := j.of(h)
	key := lineKey{hits: h.ID}
	var of [groupCount]*class
	if p.needs&(1<<addressGroup) != 0 {
		of[addressGroup] = j.address(s)
		key.address = of[addressGroup].number
	}
	if p.needs&(1<<agentGroup) != 0 {
		of[agentGroup] = j.agent(s)
		key.agent = of[agentGroup].number
	}
	if p.needs&(1<<pathGroup) != 0 {
		of[pathGroup] = j.path(s)
		key.path = of[pathGroup].number
	}
	if p.needs&(1<<statusGroup) != 0 {
		of[statusGroup] = j.status(s)
		key.status = of[statusGroup].number
	}
	if p.needs&(1<<clockGroup) != 0 {
		of[clockGroup] = j.clock(s)
		key.clock = of[clockGroup].number
	}
	if p.needs&(1<<mixedLineGroup) != 0 {
		of[mixedLineGroup] = j.direct(mixedLineGroup, p.mixed, s)
		key.mixed = of[mixedLineGroup].number
	}
	a, ok := j.lines[key]
	if !ok {
		a = keep(j.lines, key, j.set.answer(j.set.advance(p.ruling, j.lookup(&of, p.mixed))))
	}
	return a.hits
}

// lookup tells the values of conditions from the classes that are known. mixed lists the conditions
// of the mixed groups, in the order of their class.
func (j *Judge) lookup(of *[groupCount]*class, mixed []int32) func(cond int32) value {
	return func(cond int32) value {
		g := j.set.conditions[cond].group
		c := of[g]
		if c == nil {
			return unknown
		}
		if g != mixedKeyGroup && g != mixedLineGroup {
			return c.values[j.set.slots[cond]]
		}
		for i, m := range mixed {
			if m == cond {
				return c.values[i]
			}
		}
		return unknown
	}
}

func (j *Judge) newTuple(s *signin.SignIn) *tupleAnswer {
	j.eval.view.fillKey(s)
	var of [groupCount]*class
	of[tupleGroup] = j.evaluate(tupleGroup)
	j.count++
	t := &tupleAnswer{number: j.count, ruling: j.set.advance(j.set.start(lookAt(s.Traffic)), j.lookup(&of, nil))}
	for _, x := range t.ruling.rest {
		x.tree.conditions(func(cond int32) {
			g := j.set.conditions[cond].group
			if g < addressGroup {
				t.needs |= 1 << g
			}
			if g == mixedKeyGroup {
				t.mixed = append(t.mixed, cond)
			}
		})
	}
	if t.needs == 0 {
		t.answer = j.set.answer(t.ruling)
	}
	return t
}

// of returns the answer behind hits.
func (j *Judge) of(h *signin.Hits) *answer {
	if a := j.set.of(h); a != nil {
		return a
	}
	return j.set.answer(&ruling{}) // not from this set: nothing fires
}

// evaluate runs all conditions of a group over the view, and returns the class.
func (j *Judge) evaluate(g group) *class {
	j.scratch = j.scratch[:0]
	for _, cond := range j.set.groups[g] {
		j.scratch = append(j.scratch, j.run(cond))
	}
	return j.class(g)
}

func (j *Judge) run(cond int32) value {
	v, message := j.eval.run(&j.set.conditions[cond])
	if v == failed {
		j.set.fail(cond, message)
	}
	return v
}

// class returns the class of the values in scratch.
func (j *Judge) class(g group) *class {
	j.packed = j.packed[:0]
	for _, v := range j.scratch {
		j.packed = append(j.packed, byte(v))
	}
	if c, ok := j.classes[g][string(j.packed)]; ok {
		return c
	}
	j.count++
	c := &class{number: j.count, values: append([]value(nil), j.scratch...)}
	return keep(j.classes[g], string(j.packed), c)
}

// direct runs some conditions of a mixed group, which no single value decides.
func (j *Judge) direct(g group, conds []int32, s *signin.SignIn) *class {
	j.eval.view.fillKey(s)
	if g == mixedLineGroup {
		var fields fieldSet
		for _, cond := range conds {
			fields |= j.set.conditions[cond].fields
		}
		j.eval.view.fillLine(s, fields)
	}
	j.scratch = j.scratch[:0]
	for _, cond := range conds {
		j.scratch = append(j.scratch, j.run(cond))
	}
	return j.class(g)
}

func (j *Judge) account(s *signin.SignIn) *class {
	c, ok := j.accounts[s.Account]
	if !ok {
		j.eval.view.fillKey(s)
		c = keep(j.accounts, s.Account, j.evaluate(accountGroup))
	}
	return c
}

func (j *Judge) server(s *signin.SignIn) *class {
	c, ok := j.servers[s.Server]
	if !ok {
		j.eval.view.fillKey(s)
		c = keep(j.servers, s.Server, j.evaluate(serverGroup))
	}
	return c
}

func (j *Judge) address(s *signin.SignIn) *class {
	c, ok := j.addresses[s.Address]
	if !ok {
		j.eval.view.fillLine(s, setOf(addressField))
		c = keep(j.addresses, s.Address, j.evaluate(addressGroup))
	}
	return c
}

func (j *Judge) agent(s *signin.SignIn) *class {
	c, ok := j.agents[s.Client]
	if !ok {
		j.eval.view.fillLine(s, setOf(agentField, versionField))
		c = keep(j.agents, s.Client, j.evaluate(agentGroup))
	}
	return c
}

func (j *Judge) path(s *signin.SignIn) *class {
	path := cutBytes(s.Facts.Path)
	c, ok := j.paths[string(path)]
	if !ok {
		j.eval.view.fillLine(s, setOf(pathField))
		c = keep(j.paths, string(path), j.evaluate(pathGroup))
	}
	return c
}

func (j *Judge) status(s *signin.SignIn) *class {
	c, ok := j.statuses[s.Facts.Status]
	if !ok {
		j.eval.view.fillLine(s, setOf(statusField))
		c = keep(j.statuses, s.Facts.Status, j.evaluate(statusGroup))
	}
	return c
}

// Since firstQuarters, in Unix milliseconds, every zone on earth is a multiple of a quarter of an
// hour away from UTC, so that hour and weekday change at no other time.
const (
	firstQuarters = 473_385_600_000 // 1985
	quarter       = 15 * 60 * 1000
)

func (j *Judge) clock(s *signin.SignIn) *class {
	ms := s.Facts.Time
	if ms < firstQuarters {
		j.eval.view.fillLine(s, setOf(timeField))
		return j.evaluate(clockGroup)
	}
	c, ok := j.clocks[ms/quarter]
	if !ok {
		j.eval.view.fillLine(s, setOf(timeField))
		c = keep(j.clocks, ms/quarter, j.evaluate(clockGroup))
	}
	return c
}
