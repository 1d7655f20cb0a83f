package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
)

// An mfaReport is the answer of mfa.
type mfaReport struct {
	Version     string        `json:"version"`
	Options     mfaOptions    `json:"options"`
	Period      period        `json:"period"`
	Logons      int64         `json:"logons"`
	Total       int           `json:"accounts_total"` // people with a logon
	Cells       []mfaCell     `json:"cells"`
	Gateways    []mfaGateway  `json:"gateways"`
	Accounts    []mfaAccount  `json:"accounts"`
	Unprotected []unprotected `json:"unprotected"`
	Notes       []string      `json:"notes"`

	data         string // directory of the store
	store        string // how a command names it and the configuration: " --data DIR"
	since, until int64
	declared     bool // somebody said what the gateways protect
	rows         map[mfaKey]*mfaRow
	doubts       int64           // of missing ones
	elsewhere    int64           // second factors that were given for another address
	servers      map[string]bool // of logons
	domains      map[string]bool // of names, lower case; at most maxDomains and one
	aliases      [][2]string
}

type mfaOptions struct {
	Since   string   `json:"since"`
	Until   string   `json:"until"`
	Gateway string   `json:"gateway"`
	Map     string   `json:"map"`
	Alias   []string `json:"alias"`
	WAP     []string `json:"wap"`
}

// An mfaCell is the logons at one entry point from one side.
type mfaCell struct {
	Entry       string           `json:"entry"`
	Network     string           `json:"network"`
	Passed      int64            `json:"passed"`
	Remembered  int64            `json:"remembered"`
	Bypassed    int64            `json:"bypassed"`
	FailOpen    int64            `json:"fail_open"`
	Denied      int64            `json:"denied"`
	Missing     int64            `json:"missing"`
	NotCovered  int64            `json:"not_covered"`
	Unknown     int64            `json:"unknown"`
	NotRequired int64            `json:"not_required"`
	Logons      int64            `json:"logons"`
	Accounts    int              `json:"accounts"`
	Causes      map[string]int64 `json:"causes"` // of all that is not said by an event

	entry    signin.Protocol
	internal bool
	users    map[string]bool
}

// of is where a cell counts a word.
func (c *mfaCell) of(m signin.MFA) *int64 {
	switch m {
	case signin.MFAPassed:
		return &c.Passed
	case signin.MFARemembered:
		return &c.Remembered
	case signin.MFABypassed:
		return &c.Bypassed
	case signin.MFAFailOpen:
		return &c.FailOpen
	case signin.MFADenied:
		return &c.Denied
	case signin.MFAMissing:
		return &c.Missing
	case signin.MFANotCovered:
		return &c.NotCovered
	case signin.MFANotRequired:
		return &c.NotRequired
	}
	return &c.Unknown
}

type mfaGateway struct {
	ID           string           `json:"id"`
	Kind         string           `json:"kind"`
	Declared     bool             `json:"declared"`
	Protects     mfaProtects      `json:"protects"`
	Alive        bool             `json:"alive"` // it told something in the period
	SkewSeconds  *int64           `json:"skew_seconds"`
	SkewPairs    int64            `json:"skew_pairs"`
	Logs         int              `json:"logs"`
	Events       int64            `json:"events"`
	Unjoined     int64            `json:"unjoined"`
	Users        int              `json:"users"`
	CoveredHours float64          `json:"covered_hours"`
	PeriodHours  float64          `json:"period_hours"`
	Outcomes     map[string]int64 `json:"outcomes"`
	Last         string           `json:"last"`
}

type mfaProtects struct {
	Entries []string `json:"entries"`
	Servers []string `json:"servers"`
}

// An mfaAccount is the logons of one person at one entry point of which the gateways say the same for one cause.
type mfaAccount struct {
	User      string   `json:"user"`
	Forms     []string `json:"forms"`
	Entry     string   `json:"entry"`
	Network   string   `json:"network"`
	MFA       string   `json:"mfa"`
	Cause     string   `json:"cause"`
	Gateway   string   `json:"gateway"`
	Reason    string   `json:"reason"` // of the last
	Doubt     string   `json:"doubt"`
	Count     int64    `json:"count"`
	First     string   `json:"first"`
	Last      string   `json:"last"`
	Addresses []string `json:"addresses"` // a sample
	Clients   []string `json:"clients"`

	row *mfaRow
}

// An unprotected entry point is in use, and no gateway protects it.
type unprotected struct {
	Entry    string `json:"entry"`
	Network  string `json:"network"`
	Logons   int64  `json:"logons"`
	Accounts int    `json:"accounts"`
}

type mfaKey struct {
	user     string
	entry    signin.Protocol
	internal bool
	mfa      signin.MFA
	cause    audit.Cause
	gateway  string
}

// An mfaRow adds up logons.
type mfaRow struct {
	mfaKey
	person        *audit.Person
	count         int64
	first, last   int64
	reason, doubt string
	addresses     []netip.Addr
	clients       []string
}

func newMFAReport(f *mfaFlags, data string) *mfaReport {
	return &mfaReport{Version: version(), Options: f.used, Cells: []mfaCell{}, Gateways: []mfaGateway{}, Accounts: []mfaAccount{}, Unprotected: []unprotected{}, Notes: []string{},
		data: data, store: f.storeFlags(f.data, data), since: f.from, until: f.to, rows: map[mfaKey]*mfaRow{}, servers: map[string]bool{}, domains: map[string]bool{}}
}

func (r *mfaReport) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// add counts a logon. Of addresses the smallest are shown, so that no order matters.
func (r *mfaReport) add(v *audit.Verdict) error {
	key := mfaKey{userOf(v), v.Way.Entry, v.Way.Internal, v.MFA, v.Cause, v.Gateway}
	row := r.rows[key]
	if row == nil {
		row = &mfaRow{mfaKey: key, person: v.Person, first: v.Time}
		r.rows[key] = row
	}
	r.Logons++
	r.servers[v.Way.Server] = true
	r.inDomain(v.Account)
	row.count++
	row.last, row.reason = v.Time, v.Reason
	row.doubt = cmp.Or(v.Doubt, row.doubt)
	switch {
	case v.Doubt == "":
	case v.MFA == signin.MFAMissing:
		r.doubts++
	default:
		r.elsewhere++
	}
	if i, has := slices.BinarySearchFunc(row.addresses, v.Address, netip.Addr.Compare); !has && v.Address.IsValid() && i < sampledAddresses {
		row.addresses = slices.Insert(row.addresses, i, v.Address)
		row.addresses = row.addresses[:min(len(row.addresses), sampledAddresses)]
	}
	if i, has := slices.BinarySearch(row.clients, v.Way.Client); !has {
		row.clients = slices.Insert(row.clients, i, v.Way.Client)
	}
	return nil
}

// finish makes the lists.
func (r *mfaReport) finish(set *audit.Setup, gateways []audit.GatewayReport) {
	r.Period = period{rfc3339(set.From), rfc3339(set.To)}
	cells, users := map[[2]string]*mfaCell{}, map[string]bool{}
	for _, row := range r.rows {
		if row.person != nil {
			for _, f := range row.person.Forms() {
				r.inDomain(f.Text)
			}
		}
		at := [2]string{row.entry.String(), networkOf(row.internal)}
		c := cells[at]
		if c == nil {
			c = &mfaCell{Entry: at[0], Network: at[1], Causes: map[string]int64{}, entry: row.entry, internal: row.internal, users: map[string]bool{}}
			cells[at] = c
		}
		*c.of(row.mfa) += row.count
		c.Logons += row.count
		c.users[row.user], users[row.user] = true, true
		if row.cause != audit.Said {
			c.Causes[row.cause.String()] += row.count
		}
		switch row.mfa {
		case signin.MFAPassed, signin.MFARemembered, signin.MFANotRequired:
		default:
			r.Accounts = append(r.Accounts, row.account())
		}
	}
	r.Total = len(users)
	order := slices.SortedFunc(maps.Values(cells), func(a, b *mfaCell) int {
		return cmp.Or(cmp.Compare(b.bad(), a.bad()), compareBools(a.NotCovered == a.Logons, b.NotCovered == b.Logons), cmp.Compare(b.Logons, a.Logons), cmp.Compare(a.entry, b.entry), compareBools(a.internal, b.internal))
	})
	open := map[[2]string]map[string]bool{}
	for _, row := range r.rows {
		if row.mfa == signin.MFANotCovered {
			at := [2]string{row.entry.String(), networkOf(row.internal)}
			if open[at] == nil {
				open[at] = map[string]bool{}
			}
			open[at][row.user] = true
		}
	}
	for _, c := range order {
		c.Accounts = len(c.users)
		r.Cells = append(r.Cells, *c)
		if c.NotCovered > 0 {
			r.Unprotected = append(r.Unprotected, unprotected{c.Entry, c.Network, c.NotCovered, len(open[[2]string{c.Entry, c.Network}])})
		}
	}
	slices.SortFunc(r.Unprotected, func(a, b unprotected) int {
		return cmp.Or(-strings.Compare(a.Network, b.Network), cmp.Compare(b.Accounts, a.Accounts), cmp.Compare(b.Logons, a.Logons), strings.Compare(a.Entry, b.Entry))
	})
	slices.SortFunc(r.Accounts, func(a, b mfaAccount) int {
		return cmp.Or(cmp.Compare(weightOf(a.row.mfa, a.row.cause), weightOf(b.row.mfa, b.row.cause)), compareBools(a.row.internal, b.row.internal), cmp.Compare(b.Count, a.Count), strings.Compare(a.User, b.User),
			cmp.Compare(a.row.entry, b.row.entry), strings.Compare(a.Gateway, b.Gateway))
	})
	for i := range gateways {
		r.Gateways = append(r.Gateways, r.gateway(&gateways[i], set))
	}
	r.addNotes(set, gateways)
}

// bad counts the logons that somebody must look at.
func (c *mfaCell) bad() int64 { return c.Missing + c.FailOpen + c.Denied + c.Bypassed }

// weightOf orders what is to be looked at, the worst first.
func weightOf(m signin.MFA, c audit.Cause) int {
	switch m {
	case signin.MFAMissing:
		return 0
	case signin.MFAFailOpen:
		return 1
	case signin.MFADenied:
		return 2
	case signin.MFABypassed:
		return 3
	case signin.MFANotCovered:
		if c == audit.BackEnd {
			return 4
		}
		return 7
	}
	if c == audit.NeverSeen {
		return 5
	}
	return 6
}

func (row *mfaRow) account() mfaAccount {
	a := mfaAccount{User: row.user, Forms: []string{}, Entry: row.entry.String(), Network: networkOf(row.internal), MFA: row.mfa.String(), Cause: row.cause.String(), Gateway: row.gateway, Reason: row.reason, Doubt: row.doubt,
		Count: row.count, First: rfc3339(row.first), Last: rfc3339(row.last), Addresses: []string{}, Clients: append([]string{}, row.clients...), row: row}
	for _, ip := range row.addresses {
		a.Addresses = append(a.Addresses, ip.String())
	}
	if row.person != nil {
		for _, f := range row.person.Forms() {
			a.Forms = append(a.Forms, f.Text)
		}
	}
	return a
}

func (r *mfaReport) gateway(g *audit.GatewayReport, set *audit.Setup) mfaGateway {
	const hour = float64(hourMs)
	out := mfaGateway{ID: g.ID, Kind: g.Kind.String(), Declared: g.Declared, Protects: mfaProtects{[]string{}, []string{}}, Alive: g.Events > 0, SkewPairs: g.Skew.Pairs, Logs: g.Logs, Events: g.Events, Unjoined: g.Unjoined,
		Users: g.Known, CoveredHours: float64(g.Coverage.Overlap(set.From, set.To)*10/hourMs) / 10, PeriodHours: float64(set.To-set.From) / hour, Outcomes: map[string]int64{}, Last: rfc3339(g.Last)}
	for _, p := range g.Entries {
		out.Protects.Entries = append(out.Protects.Entries, p.String())
	}
	if len(g.Entries) > 0 {
		out.Protects.Servers = append(out.Protects.Servers, g.Servers...)
	}
	if g.Skew.Pairs > 0 {
		out.SkewSeconds = &g.Skew.Seconds
	} else if ms, wrong, _ := wrongClock(g, set); wrong > 0 {
		seconds := ms / 1000
		out.SkewSeconds = &seconds
	}
	for o, n := range g.Outcomes {
		if n > 0 {
			out.Outcomes[o.String()] = n
		}
	}
	return out
}

// addNotes says what is missing and why, and what to do about it.
func (r *mfaReport) addNotes(set *audit.Setup, gateways []audit.GatewayReport) {
	if len(gateways) == 0 {
		r.note("no log of an MFA gateway was read: what happened at owa and ecp is unknown, and nothing is called missing. Read one: outmode scan --data %s PATH", quoted(r.data))
	}
	for i := range gateways {
		r.noteGateway(&gateways[i], set)
	}
	if r.elsewhere > 0 {
		r.note("%s passed or remembered for another address than the logon came from: they may be another logon of the same person, or somebody else's. -o ndjson names both addresses (doubt); behind a load balancer or a proxy they always differ", plural(r.elsewhere, "second factor"))
	}
	r.noteUnfit(set)
	if r.doubts > 0 {
		r.note("%s called missing may go on from a session that was opened before the log of their server begins, or in a gap of it", plural(r.doubts, "logon"))
	}
	never := map[string]bool{}
	for _, row := range r.rows {
		if row.cause == audit.NeverSeen {
			never[row.user] = true
		}
	}
	if len(never) > 0 {
		r.note("%s never seen by the gateway that protects where they log on: not enrolled, or known to it by another name (--map joins names): %s", plural(len(never), "account"), some(slices.Sorted(maps.Keys(never))))
	}
	r.noteNames(set)
}

func (r *mfaReport) noteGateway(g *audit.GatewayReport, set *audit.Setup) {
	of := min(g.Coverage.Overlap(set.From, set.To), set.To-set.From)
	whole := set.To - set.From
	switch {
	case g.Logs == 0:
		r.note("%s is declared, and %s: what it protects is unknown", g.ID, logless(g, set.Sources))
	case of == 0:
		r.note("no log of %s that was read has events of this period: what it protects is unknown", g.ID)
	case whole-of > 2*hourMs: // the period is of whole hours
		r.note("the log of %s covers %s of %s: at other times nothing is called missing", g.ID, number((of+hourMs/2)/hourMs), plural((whole+hourMs/2)/hourMs, "hour"))
	}
	if !g.Declared && g.Logs > 0 {
		if len(g.Entries) == 0 && len(audit.DefaultGateway(g.Kind).Entries) > 0 {
			r.note("%s is not declared, and the proxy leads past it to all that it is taken to protect: it protects nothing", g.ID)
		} else if len(g.Entries) == 0 {
			r.note("%s protects nothing until it is declared: write what it protects into a file for --gateway", g.ID)
		} else {
			r.note("%s is not declared: it is taken to protect %s. If that is wrong, say it in a file for --gateway", g.ID, guarded(g))
		}
		if apps := applications(set.Sources, g); len(apps) > 1 {
			r.note("%s tells of several applications, which all count: %s. If not all of them stand before Exchange, name those that do in a file for --gateway", g.ID, some(apps))
		}
	}
	if g.Unjoined > 0 {
		r.note("%s of %s: the user may be any of several people; they count for nobody", plural(g.Unjoined, "event"), g.ID)
	}
	if g.MostAreStrangers() {
		r.note("%s of the %s of %s that name somebody are of users who are no account that is known for certain. --map and --alias join names; what is not about Exchange can be left out by naming applications in a file for --gateway",
			number(g.Strangers), plural(g.Named, "event"), g.ID)
	}
	if g.MostAreNowhere() {
		r.note("%s of the %s of %s that say something of a logon have no address: they may be taken for another logon of the same person. Let the integration pass addresses on, or name the applications that stand before Exchange in a file for --gateway",
			number(g.Nowhere), plural(g.Decided, "event"), g.ID)
	}
	if g.MostAreMute() {
		r.note("%s of the %s of %s that say something of a logon have no authenticationRequirement and no authenticationDetails: what became of the second factor is not in this export. Export with the diagnostic settings, or from Microsoft Graph beta instead of v1.0",
			number(g.Mute), plural(g.Decided, "event"), g.ID)
	}
	const apart = 120
	switch {
	case g.Clock != nil:
		r.noteClock(g, set)
	case g.Astray():
		r.note("the clock of %s seems to be wrong: the event nearest to a logon lies %d s behind it in the middle (%s), out of the window. Set the clock right, or the window in a file for --gateway; nothing was moved",
			g.ID, g.Near.Seconds, plural(g.Near.Pairs, "pair"))
	case g.Skew.Pairs > 0 && (g.Skew.Seconds > apart || g.Skew.Seconds < -apart/2):
		r.note("events of %s lie %d s behind their logons in the middle (%s): its clock may differ from the servers'", g.ID, g.Skew.Seconds, plural(g.Skew.Pairs, "pair"))
	}
}

// guarded says what a gateway protects.
func guarded(g *audit.GatewayReport) string {
	if len(g.Entries) > 5 {
		return "all of Exchange Online"
	}
	var entries []string
	for _, p := range g.Entries {
		entries = append(entries, p.String())
	}
	servers := "on " + strings.Join(g.Servers, ", ")
	if slices.Contains(g.Servers, audit.AllServers) {
		servers = "on every server"
	}
	return join(entries, ", ", " and ") + " " + servers
}

// applications are those of which a gateway tells and which count for it.
func applications(sources []audit.Source, g *audit.GatewayReport) (all []string) {
	for i := range sources {
		if sources[i].Kind == g.Kind {
			all = append(all, sources[i].Applications...)
		}
	}
	all = slices.DeleteFunc(all, func(a string) bool { return !g.AsksFor(signin.OWA, a) })
	slices.Sort(all)
	return slices.Compact(all)
}

// aliasFor is the alias that would make some people one, if their domains are: "" where they are of more than two. alike
// says that both are names of one sort, of NetBIOS or of DNS, which seldom are one domain.
func aliasFor(people []*audit.Person) (alias string, alike bool) {
	realms := map[string]bool{}
	for _, p := range people {
		if f := p.Forms()[0]; f.Form == audit.SamForm {
			domain, _, _ := strings.Cut(f.Text, `\`)
			realms[strings.ToUpper(domain)] = true
		} else if _, realm, ok := strings.Cut(f.Text, "@"); ok {
			realms[realm] = true
		}
	}
	if names := slices.Sorted(maps.Keys(realms)); len(names) == 2 {
		return names[0] + "=" + names[1], strings.Contains(names[0], ".") == strings.Contains(names[1], ".")
	}
	return "", false
}

// noteNames tells of account names that several people have, and of the alias that would make them one.
func (r *mfaReport) noteNames(set *audit.Setup) {
	all := set.Identities.Ambiguous()
	if len(all) == 0 {
		return
	}
	pairs, doubtful := map[string]int{}, map[string]bool{}
	for _, people := range all {
		if alias, alike := aliasFor(people); alias != "" {
			pairs[alias]++
			doubtful[alias] = alike
		}
	}
	const enough = 3 // a name or two that are equal are chance: administrator, info
	maps.DeleteFunc(pairs, func(alias string, n int) bool { return doubtful[alias] && n < enough })
	text := ""
	if best := slices.SortedFunc(maps.Keys(pairs), func(a, b string) int { return cmp.Or(pairs[b]-pairs[a], strings.Compare(a, b)) }); len(best) > 0 {
		text = fmt.Sprintf(". If they are one domain, say --alias %s (%s); else --map tells who is who", best[0], plural(pairs[best[0]], "name"))
	}
	var names []string
	for _, people := range all {
		names = append(names, people[0].Name)
	}
	r.note("%s known in two domains, so that the bare name is nobody's: %s%s", plural(len(all), "account name"), some(names), text)
}

// writeCSV writes the cells under the names that they have in JSON.
func (r *mfaReport) writeCSV(c *csv.Writer) error {
	words := []signin.MFA{signin.MFAPassed, signin.MFARemembered, signin.MFABypassed, signin.MFAFailOpen, signin.MFADenied, signin.MFAMissing, signin.MFANotCovered, signin.MFAUnknown, signin.MFANotRequired}
	head := []string{"entry", "network"}
	for _, m := range words {
		head = append(head, m.String())
	}
	_ = c.Write(append(head, "logons", "accounts"))
	for i := range r.Cells {
		cell := &r.Cells[i]
		row := []string{cell.Entry, cell.Network}
		for _, m := range words {
			row = append(row, strconv.FormatInt(*cell.of(m), 10))
		}
		_ = c.Write(append(row, strconv.FormatInt(cell.Logons, 10), strconv.Itoa(cell.Accounts)))
	}
	c.Flush()
	return c.Error()
}
