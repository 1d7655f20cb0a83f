package main

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/outmode/outmode/internal/audit"
)

// An unjoined is what could not be joined: a figure of its own, so that nobody takes a person for two, or two for one,
// without being told.
type unjoined struct {
	SignIns  int64             `json:"signins"` // of accounts that may be any of several people: they count for nobody
	Events   int64             `json:"events"`  // of gateways, of such accounts and of those that join nobody
	Accounts []unsureAccount   `json:"accounts"`
	Names    []sharedName      `json:"names"`
	Gateway  []strangerAccount `json:"gateway_accounts"`
	Contrary []contraryName    `json:"contradictions"`
}

// A contraryName is one that lines of logs give to several people, or to others than the map does.
type contraryName struct {
	Account string   `json:"account"`
	Form    string   `json:"form"`
	With    []string `json:"with"`   // what stands beside it
	Mapped  bool     `json:"mapped"` // the map says whose it is, and that holds; else it is nobody's
	Tell    string   `json:"tell"`
}

func contraryNames(id *audit.Identities) []contraryName {
	all := []contraryName{}
	for _, c := range id.Contradictions() {
		tell := "a map of people (--map) would tell"
		if c.Mapped {
			tell = "the map tells; lines that say something else join nobody"
		}
		all = append(all, contraryName{c.Text, c.Form.String(), c.With, c.Mapped, tell})
	}
	return all
}

// An unsureAccount may be any of several people.
type unsureAccount struct {
	Account    string   `json:"account"`
	SignIns    int64    `json:"signins"`
	Events     int64    `json:"events"`
	Gateways   []string `json:"gateways"`
	First      string   `json:"first"`
	Last       string   `json:"last"`
	Candidates []string `json:"candidates"`
	Why        string   `json:"why"`
	Tell       string   `json:"tell"`  // what would tell who it is
	Alias      string   `json:"alias"` // that would, if its two domains are one; "" for none

	last int64
}

// A sharedName is an account name that several people have.
type sharedName struct {
	People []string `json:"people"`
	Tell   string   `json:"tell"`
	Alias  string   `json:"alias"`
}

// A strangerAccount is one of a gateway under which nobody ever signed in.
type strangerAccount struct {
	Account    string   `json:"account"`
	Gateway    string   `json:"gateway"`
	Knows      bool     `json:"knows"` // the gateway told of more than a wrong password
	Events     int64    `json:"events"`
	First      string   `json:"first"`
	Last       string   `json:"last"`
	Candidates []string `json:"candidates"` // people with an account of this name in another domain
	Tell       string   `json:"tell"`
	Alias      string   `json:"alias"`

	last int64
}

// An unsureRow adds up what an account did that may be any of several people.
type unsureRow struct {
	match           audit.Match
	signIns, events tally
	gateways        map[string]bool
}

func (r *usersReport) mayBe(account string, m *audit.Match) *unsureRow {
	_, account = audit.Spelling(account)
	x := r.unsure[account]
	if x == nil {
		x = &unsureRow{match: *m, gateways: map[string]bool{}}
		r.unsure[account] = x
	}
	return x
}

// tell says what would tell who of some people it is.
func tell(people []*audit.Person) (text, alias string) {
	mapped := 0
	for _, p := range people {
		if p.InMap() {
			mapped++
		}
	}
	if mapped == len(people) {
		return "the map has all of them: the log, or the gateway, must write more than this name", ""
	}
	if alias, alike := aliasFor(people); alias != "" && !alike && mapped < 2 {
		return "--alias " + alias + " would tell, if they are one domain; else a map of people (--map)", alias
	}
	return "a map of people (--map) would tell", ""
}

func (r *usersReport) newUnjoined(j *joining) *unjoined {
	u := &unjoined{Accounts: []unsureAccount{}, Names: []sharedName{}, Gateway: []strangerAccount{}, Contrary: contraryNames(j.Identities)}
	contrary := map[string]bool{}
	for i := range u.Contrary {
		contrary[u.Contrary[i].Account] = true
	}
	for account, x := range r.unsure {
		a := unsureAccount{Account: account, SignIns: x.signIns.count, Events: x.events.count, Gateways: append([]string{}, slices.Sorted(maps.Keys(x.gateways))...), Candidates: namesOf(x.match.Candidates), Why: x.match.Why}
		if a.Tell, a.Alias = tell(x.match.Candidates); contrary[account] { // which no alias settles
			a.Tell, a.Alias = "a row of the map of people (--map) with this name would tell", ""
		}
		both := x.signIns
		if x.events.count > 0 {
			both.add(x.events.count, x.events.first, x.events.last)
		}
		a.First, a.Last, a.last = rfc3339(both.first), rfc3339(both.last), both.last
		u.SignIns, u.Events = u.SignIns+a.SignIns, u.Events+a.Events
		u.Accounts = append(u.Accounts, a)
	}
	slices.SortFunc(u.Accounts, func(a, b unsureAccount) int {
		return cmp.Or(cmp.Compare(b.SignIns, a.SignIns), cmp.Compare(b.Events, a.Events), strings.Compare(a.Account, b.Account))
	})
	for _, people := range j.Identities.Ambiguous() {
		n := sharedName{People: namesOf(people)}
		n.Tell, n.Alias = tell(people)
		u.Names = append(u.Names, n)
	}
	for p, row := range r.rows {
		if !r.stranger(row) {
			continue
		}
		like := j.Identities.Namesakes(p)
		way, alias := "a map of people (--map) would tell, if it is somebody who signs in", ""
		if len(like) > 0 {
			way, alias = tell(append([]*audit.Person{p}, like...))
		}
		for _, g := range r.user(j, row).Gateways {
			if g.Events > 0 {
				u.Events += g.Events
				u.Gateway = append(u.Gateway, strangerAccount{Account: row.account(), Gateway: g.ID, Knows: g.Knows, Events: g.Events, First: g.First, Last: g.Last, Candidates: namesOf(like), Tell: way, Alias: alias, last: g.tally.last})
			}
		}
	}
	slices.SortFunc(u.Gateway, func(a, b strangerAccount) int {
		return cmp.Or(compareBools(b.Knows, a.Knows), cmp.Compare(b.Events, a.Events), strings.Compare(a.Account, b.Account), strings.Compare(a.Gateway, b.Gateway))
	})
	return u
}

func namesOf(people []*audit.Person) []string {
	names := []string{}
	for _, p := range people {
		names = append(names, p.Name)
	}
	return names
}
