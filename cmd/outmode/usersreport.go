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

type wayKey struct {
	protocol signin.Protocol
	auth     signin.Auth
}

// A seenKey is a text as some kind of log writes it.
type seenKey struct {
	text  string
	kind  signin.Kind
	event bool // else a sign-in
}

// A userRow adds up what one person did.
type userRow struct {
	person          *audit.Person
	whys            map[string]string // by text: why it means the person
	seen            map[seenKey]*tally
	ways            map[wayKey]*tally
	clients         map[string]bool
	service         bool
	basic, onPrem   int64
	all             tally
	logons          int64
	mfa             map[signin.MFA]int64
	heard           map[string]*tally
	told            map[string]*signin.MFAEvent // the last, by gateway
	protocols, auth uint32
}

func newUsersReport(f *mfaFlags, data string, notes []string) *usersReport {
	r := &usersReport{Version: version(), Options: f.used, Users: []*listedUser{}, Notes: append([]string{}, notes...), data: data, store: f.storeFlags(data), from: f.from, to: f.to,
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
		row = &userRow{person: p, whys: map[string]string{}, seen: map[seenKey]*tally{}, ways: map[wayKey]*tally{}, clients: map[string]bool{}, mfa: map[signin.MFA]int64{},
			heard: map[string]*tally{}, told: map[string]*signin.MFAEvent{}}
		r.rows[p] = row
	}
	return row
}

// see notes that a kind of log has a text for the person.
func (row *userRow) see(text, why string, kind signin.Kind, event bool, count, first, last int64) {
	_, text = audit.Spelling(text)
	row.whys[text] = why
	add(row.seen, seenKey{text, kind, event}, count, first, last)
}

func add[K comparable](to map[K]*tally, key K, count, first, last int64) {
	t := to[key]
	if t == nil {
		t = &tally{}
		to[key] = t
	}
	t.add(count, first, last)
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
	row.see(u.Account.Key, m.Why, u.Kind, false, u.Count, u.First, u.Last)
	row.all.add(u.Count, u.First, u.Last)
	add(row.ways, wayKey{u.Protocol, u.Auth}, u.Count, u.First, u.Last)
	row.clients[u.Client] = true
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
		row.see(e.User, h.Who.Why, e.Kind, true, 1, e.Time, e.Time)
		add(row.heard, h.Gateway, 1, e.Time, e.Time)
		if last := row.told[h.Gateway]; last == nil || last.Time <= e.Time {
			row.told[h.Gateway] = e
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
	r.Notes = append(r.Notes, m.Notes...)
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
		Clients: append([]string{}, slices.Sorted(maps.Keys(row.clients))...), Traffic: signin.User.String(), LegacyEXO: row.basic > 0, LegacyOnPrem: row.onPrem > 0, Count: row.all.count, First: rfc3339(row.all.first), Last: rfc3339(row.all.last),
		Logons: row.logons, MFA: map[string]int64{}, Gateways: []userGateway{}, Maybe: []string{}, row: row}
	if row.service {
		u.Traffic = signin.Service.String()
	}
	for _, n := range u.Names {
		u.Forms = append(u.Forms, n.Text)
	}
	for k, t := range row.ways {
		u.Ways = append(u.Ways, userWay{k.protocol.String(), k.auth.String(), t.count, rfc3339(t.first), rfc3339(t.last), *t})
	}
	slices.SortFunc(u.Ways, func(a, b userWay) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Protocol, b.Protocol), strings.Compare(a.Auth, b.Auth))
	})
	for m, n := range row.mfa {
		u.MFA[m.String()] = n
	}
	var knows []string
	if j.knows != nil {
		knows = j.knows(p)
	}
	ids := map[string]bool{}
	for _, id := range knows {
		ids[id] = true
	}
	for id := range row.heard {
		ids[id] = true
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		g := userGateway{ID: id, Knows: slices.Contains(knows, id)}
		if t := row.heard[id]; t != nil {
			g.Events, g.First, g.Last, g.Outcome, g.tally = t.count, rfc3339(t.first), rfc3339(t.last), row.told[id].Outcome.String(), *t
		}
		u.Gateways = append(u.Gateways, g)
	}
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
	if len(row.whys) == 0 {
		return row.person.Name
	}
	return slices.Min(slices.Collect(maps.Keys(row.whys)))
}

// names are all that mean the person: what is known, and what logs write besides (a shared mailbox behind the account, a
// domain of which only an alias is known).
func (row *userRow) names() []userName {
	all := []userName{}
	have := map[string]bool{}
	for _, f := range row.person.Forms() {
		all = append(all, userName{Text: f.Text, Form: f.Form.String(), Why: f.Why, Seen: row.seenAs(f.Text)})
		have[f.Text] = true
	}
	for _, text := range slices.Sorted(maps.Keys(row.whys)) {
		if !have[text] {
			form, _ := audit.Spelling(text)
			all = append(all, userName{Text: text, Form: form.String(), Why: row.whys[text], Seen: row.seenAs(text)})
		}
	}
	return all
}

func (row *userRow) seenAs(text string) []userSeen {
	all := []userSeen{}
	for k := range signin.Kind(len(signin.Words("kind"))) {
		var both tally
		s := userSeen{Log: k.String()}
		for event, n := range map[bool]*int64{false: &s.SignIns, true: &s.Events} {
			if t := row.seen[seenKey{text, k, event}]; t != nil {
				*n = t.count
				both.add(t.count, t.first, t.last)
			}
		}
		if both.count > 0 {
			s.First, s.Last, s.tally = rfc3339(both.first), rfc3339(both.last), both
			all = append(all, s)
		}
	}
	return all
}
