package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/internal/store/sqlite"
)

// A usersReport is the answer of users.
type usersReport struct {
	Version  string        `json:"version"`
	Options  mfaOptions    `json:"options"`
	Period   period        `json:"period"`
	Users    []*listedUser `json:"users"`
	Unjoined *unjoined     `json:"unjoined,omitzero"` // nil where one person was asked for
	Notes    []string      `json:"notes"`

	data     string // directory of the store
	flags    string // of a next command: " --data DIR", and what else was told of people
	store    string // of one that knows no people: " --data DIR"
	from, to int64  // what was asked for
	rows     map[*audit.Person]*userRow
	unsure   map[string]*unsureRow  // by account: texts that may be any of several people
	met      map[*audit.Person]bool // signed in, ever
	maybe    map[*audit.Person][]string
	span     tally
	shared   int64 // sign-ins of accounts that the store does not tell apart
}

// A listedUser is one person as programs read it.
type listedUser struct {
	User         string           `json:"user"`
	Department   string           `json:"department"`
	Manager      string           `json:"manager"`
	Forms        []string         `json:"forms"`
	Names        []userName       `json:"names"`
	Protocols    []string         `json:"protocols"`
	Auths        []string         `json:"auths"`
	Ways         []userWay        `json:"ways"`
	Clients      []string         `json:"clients"`
	Traffic      string           `json:"traffic"`
	LegacyEXO    bool             `json:"legacy_exo"`
	LegacyOnPrem bool             `json:"legacy_onprem"`
	Count        int64            `json:"count"`
	First        string           `json:"first"`
	Last         string           `json:"last"`
	Logons       int64            `json:"logons"` // of the hours that are kept
	MFA          map[string]int64 `json:"mfa"`    // logons by what the gateways say
	Gateways     []userGateway    `json:"gateways"`
	Maybe        []string         `json:"maybe"`             // accounts that may be this person's, or another's
	Findings     []userFinding    `json:"findings,omitzero"` // nil where everybody was asked for

	row *userRow
}

// A userName is one text for the person.
type userName struct {
	Text string     `json:"text"`
	Form string     `json:"form"`
	Why  string     `json:"why"`
	Seen []userSeen `json:"seen"` // empty where only the map has it, or another time
}

type userSeen struct {
	Log     string `json:"log"` // kind
	SignIns int64  `json:"signins"`
	Events  int64  `json:"events"` // of a second factor; a record of Entra may be both
	First   string `json:"first"`
	Last    string `json:"last"`

	kind  signin.Kind
	tally tally
}

type userWay struct {
	Protocol string `json:"protocol"`
	Auth     string `json:"auth"`
	Count    int64  `json:"count"`
	First    string `json:"first"`
	Last     string `json:"last"`

	tally tally
}

// A userGateway is what one gateway knows of the person.
type userGateway struct {
	ID      string `json:"id"`
	Knows   bool   `json:"knows"`  // it told of more than a wrong password, ever
	Events  int64  `json:"events"` // in the period
	First   string `json:"first"`
	Last    string `json:"last"`
	Outcome string `json:"outcome"` // of the last

	tally tally
}

// A tally is how often something was seen, first and last; Unix milliseconds.
type tally struct{ count, first, last int64 }

func (t *tally) add(count, first, last int64) {
	if t.count == 0 {
		t.first, t.last = first, last
	}
	t.count += count
	t.first, t.last = min(t.first, first), max(t.last, last)
}

// A seenKey is a text as some kind of log writes it.
type seenKey struct {
	text string
	kind signin.Kind
}

// A seenRow is what a kind of log told under one text.
type seenRow struct {
	why             string // it means the person
	signIns, events tally
}

type wayRow struct {
	protocol signin.Protocol
	auth     signin.Auth
	tally
}

type heardRow struct {
	gateway string
	tally
	latest *signin.MFAEvent
}

// A userRow adds up what one person did. There are as many as people: what is few for each is a list and no map.
type userRow struct {
	person          *audit.Person
	seen            map[seenKey]*seenRow // an account that opens shared mailboxes has many texts
	ways            []wayRow
	clients         []string
	service         bool
	basic, onPrem   int64
	all             tally
	logons          int64
	mfa             [int(signin.MFANotRequired) + 1]int64 // by signin.MFA
	heard           []heardRow
	protocols, auth uint32
}

func newUsersReport(f *mfaFlags, data string, notes []string) *usersReport {
	r := &usersReport{Version: version(), Options: f.used, Users: []*listedUser{}, Notes: append([]string{}, notes...), data: data, store: f.storeFlags(f.data, data), from: f.from, to: f.to,
		rows: map[*audit.Person]*userRow{}, unsure: map[string]*unsureRow{}, met: map[*audit.Person]bool{}}
	r.flags = r.store
	if f.declare != "" {
		r.flags += " --gateway " + quoted(f.declare)
	}
	for _, w := range f.wap {
		r.flags += " --wap " + quoted(w)
	}
	if f.people != "" {
		r.flags += " --map " + quoted(f.people)
	}
	for _, a := range f.aliases {
		r.flags += " --alias " + quoted(a)
	}
	return r
}

// gather reads who signed in and what the gateways told. The sign-ins come first: whoever signs in between the two is known
// to the second.
func (r *usersReport) gather(ctx context.Context, store *sqlite.Store, j *joining) error {
	res, err := store.Result(ctx, sqlite.Period{From: r.from, To: r.to})
	if err != nil {
		return err
	}
	j.since, j.until = r.from, r.to
	j.Judged, j.Heard = r.judged, r.hear
	return store.MFA(ctx, func(v *sqlite.MFAView) error {
		if err := j.identify(ctx, v); err != nil {
			return err
		}
		for _, text := range j.known.Proven {
			if p := j.Identities.Who(text, audit.AnyForm).Person; p != nil {
				r.met[p] = true
			}
		}
		for i := range res.Usage {
			if u := &res.Usage[i]; u.Outcome == signin.Success {
				r.use(u, j.Identities)
			}
		}
		res = nil // it is large, and joining needs room
		gateways, err := j.run(ctx, v)
		if err != nil {
			return err
		}
		r.addNotes(j, len(gateways))
		return nil
	})
}

func (r *usersReport) row(p *audit.Person) *userRow {
	row := r.rows[p]
	if row == nil {
		row = &userRow{person: p, seen: map[seenKey]*seenRow{}}
		r.rows[p] = row
	}
	return row
}

// see is where a kind of log is counted that has a text for the person.
func (row *userRow) see(text, why string, kind signin.Kind) *seenRow {
	_, text = audit.Spelling(text)
	s := row.seen[seenKey{text, kind}]
	if s == nil {
		s = &seenRow{why: why}
		row.seen[seenKey{text, kind}] = s
	}
	return s
}

// in is where sign-ins of one way in are counted.
func (row *userRow) in(p signin.Protocol, a signin.Auth) *wayRow {
	for i := range row.ways {
		if w := &row.ways[i]; w.protocol == p && w.auth == a {
			return w
		}
	}
	row.ways = append(row.ways, wayRow{protocol: p, auth: a})
	return &row.ways[len(row.ways)-1]
}

// by is where events of one gateway are counted.
func (row *userRow) by(gateway string) *heardRow {
	for i := range row.heard {
		if row.heard[i].gateway == gateway {
			return &row.heard[i]
		}
	}
	row.heard = append(row.heard, heardRow{gateway: gateway})
	return &row.heard[len(row.heard)-1]
}

// use takes sign-ins of the store.
func (r *usersReport) use(u *signin.Usage, id *audit.Identities) {
	r.span.add(u.Count, u.First, u.Last)
	if u.Account == signin.OtherAccounts() || u.Account.Key == "" { // it may be anybody
		r.shared += u.Count
		return
	}
	m := id.Who(u.Account.Key, audit.AnyForm)
	if m.Person == nil {
		r.mayBe(u.Account.Key, &m).signIns.add(u.Count, u.First, u.Last)
		return
	}
	row := r.row(m.Person)
	row.see(u.Account.Key, m.Why, u.Kind).signIns.add(u.Count, u.First, u.Last)
	row.all.add(u.Count, u.First, u.Last)
	row.in(u.Protocol, u.Auth).add(u.Count, u.First, u.Last)
	if !slices.Contains(row.clients, u.Client) {
		row.clients = append(row.clients, u.Client)
	}
	row.protocols |= 1 << u.Protocol
	row.auth |= 1 << u.Auth
	row.service = row.service || u.Traffic == signin.Service
	if signin.LegacyEXO(u.Protocol, u.Auth) {
		row.basic += u.Count
	}
	if signin.LegacyOnPrem(u.Kind, u.Protocol, u.Auth) {
		row.onPrem += u.Count
	}
}

// judged takes a logon.
func (r *usersReport) judged(v *audit.Verdict) {
	if v.Person == nil { // whose sign-ins count for nobody: so do its logons
		return
	}
	row := r.row(v.Person)
	row.logons++
	row.mfa[v.MFA]++
}

// hear takes an event of a gateway.
func (r *usersReport) hear(h *audit.Heard) {
	e := h.Event
	r.span.add(1, e.Time, e.Time)
	switch {
	case h.Who.Person != nil:
		row := r.row(h.Who.Person)
		row.see(e.User, h.Who.Why, e.Kind).events.add(1, e.Time, e.Time)
		by := row.by(h.Gateway)
		by.add(1, e.Time, e.Time)
		if by.latest == nil || by.latest.Time <= e.Time {
			by.latest = e
		}
	case len(h.Who.Candidates) > 0:
		u := r.mayBe(e.User, &h.Who)
		u.events.add(1, e.Time, e.Time)
		u.gateways[h.Gateway] = true
	}
}

// addNotes says what the figures leave out.
func (r *usersReport) addNotes(j *joining, gateways int) {
	m := mfaReport{}
	if gateways == 0 && j.From < j.To {
		m.note("no log of an MFA gateway was read: nothing is known of a second factor. Read one: outmode scan --data %s PATH", quoted(r.data))
	}
	if j.kept > 0 && r.from < j.kept {
		m.note("of the time before %s no hours are kept any more (retention.hours): sign-ins count, logons and events do not", minute(j.kept))
	}
	if r.shared > 0 {
		m.note("%s of accounts that the store does not tell apart: whose they are is not known", plural(r.shared, "sign-in"))
	}
	r.Notes = append(append(r.Notes, m.Notes...), j.doubts()...)
}

// finish makes the lists, and tells apart whom nothing joins.
func (r *usersReport) finish(j *joining) {
	r.Unjoined = r.newUnjoined(j)
	for _, row := range r.rows {
		if !r.stranger(row) {
			r.Users = append(r.Users, r.user(j, row))
		}
	}
	slices.SortFunc(r.Users, func(a, b *listedUser) int {
		return cmp.Or(strings.Compare(a.User, b.User), slices.Compare(a.Forms, b.Forms))
	})
	r.setPeriod()
}

func (r *usersReport) setPeriod() { r.Period = period{rfc3339(r.span.first), rfc3339(r.span.last)} }

// user is what is known of a person.
func (r *usersReport) user(j *joining, row *userRow) *listedUser {
	p := row.person
	u := &listedUser{User: p.Name, Department: p.Department, Manager: p.Manager, Names: row.names(), Forms: []string{}, Protocols: words(row.protocols, "protocol"), Auths: words(row.auth, "auth"), Ways: []userWay{},
		Clients: append([]string{}, slices.Sorted(slices.Values(row.clients))...), Traffic: signin.User.String(), LegacyEXO: row.basic > 0, LegacyOnPrem: row.onPrem > 0, Count: row.all.count, First: rfc3339(row.all.first), Last: rfc3339(row.all.last),
		Logons: row.logons, MFA: map[string]int64{}, Gateways: []userGateway{}, Maybe: []string{}, row: row}
	if row.service {
		u.Traffic = signin.Service.String()
	}
	for _, n := range u.Names {
		u.Forms = append(u.Forms, n.Text)
	}
	for _, w := range row.ways {
		u.Ways = append(u.Ways, userWay{w.protocol.String(), w.auth.String(), w.count, rfc3339(w.first), rfc3339(w.last), w.tally})
	}
	slices.SortFunc(u.Ways, func(a, b userWay) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Protocol, b.Protocol), strings.Compare(a.Auth, b.Auth))
	})
	for m, n := range row.mfa {
		if n > 0 {
			u.MFA[signin.MFA(m).String()] = n
		}
	}
	var knows []string
	if j.knows != nil {
		knows = j.knows(p)
	}
	for _, h := range row.heard {
		u.Gateways = append(u.Gateways, userGateway{ID: h.gateway, Knows: slices.Contains(knows, h.gateway), Events: h.count, First: rfc3339(h.first), Last: rfc3339(h.last), Outcome: h.latest.Outcome.String(), tally: h.tally})
	}
	for _, id := range knows {
		if !slices.ContainsFunc(row.heard, func(h heardRow) bool { return h.gateway == id }) {
			u.Gateways = append(u.Gateways, userGateway{ID: id, Knows: true})
		}
	}
	slices.SortFunc(u.Gateways, func(a, b userGateway) int { return strings.Compare(a.ID, b.ID) })
	u.Maybe = append(u.Maybe, r.maybeOf(j)[p]...)
	return u
}

// maybeOf lists, by person, the accounts that may be theirs: those of several people, and those of gateways under which
// nobody signed in while the person has the same name in another domain.
func (r *usersReport) maybeOf(j *joining) map[*audit.Person][]string {
	if r.maybe != nil {
		return r.maybe
	}
	r.maybe = map[*audit.Person][]string{}
	for account, x := range r.unsure {
		for _, p := range x.match.Candidates {
			r.maybe[p] = append(r.maybe[p], account)
		}
	}
	for p, row := range r.rows {
		if r.stranger(row) {
			for _, like := range j.Identities.Namesakes(p) {
				r.maybe[like] = append(r.maybe[like], row.account())
			}
		}
	}
	for p, all := range r.maybe {
		slices.Sort(all)
		r.maybe[p] = slices.Compact(all)
	}
	return r.maybe
}

// stranger reports whether nobody signed in under the only name that somebody has.
func (r *usersReport) stranger(row *userRow) bool {
	return row.all.count == 0 && !r.met[row.person] && row.person.Alone()
}

// account is the first text of the logs for the person: the person itself may know it by the alias of its domain.
func (row *userRow) account() string {
	first := ""
	for k := range row.seen {
		if first == "" || k.text < first {
			first = k.text
		}
	}
	return cmp.Or(first, row.person.Name)
}

// names are all that mean the person: what is known, and what logs write besides (a shared mailbox behind the account, a
// domain of which only an alias is known).
func (row *userRow) names() []userName {
	seen, why := map[string][]userSeen{}, map[string]string{}
	for k, s := range row.seen {
		both := s.signIns
		if s.events.count > 0 {
			both.add(s.events.count, s.events.first, s.events.last)
		}
		seen[k.text] = append(seen[k.text], userSeen{k.kind.String(), s.signIns.count, s.events.count, rfc3339(both.first), rfc3339(both.last), k.kind, both})
		if old, ok := why[k.text]; !ok || s.why < old { // two gateways may write people in two forms
			why[k.text] = s.why
		}
	}
	as := func(text string) []userSeen {
		slices.SortFunc(seen[text], func(a, b userSeen) int { return cmp.Compare(a.kind, b.kind) }) // Exchange's own logs first
		return append([]userSeen{}, seen[text]...)
	}
	all := []userName{}
	for _, f := range row.person.Forms() {
		all = append(all, userName{Text: f.Text, Form: f.Form.String(), Why: f.Why, Seen: as(f.Text)})
		delete(why, f.Text)
	}
	for _, text := range slices.Sorted(maps.Keys(why)) {
		form, _ := audit.Spelling(text)
		all = append(all, userName{Text: text, Form: form.String(), Why: why[text], Seen: as(text)})
	}
	return all
}
