package audit

import (
	"cmp"
	"slices"
	"strings"

	"github.com/outmode/outmode/internal/signin"
)

// A Trust is how often AD FS told of the requests by which the users of a domain were let in elsewhere on a day, and how
// often it did not. Where it mostly does not, its ids are others, the domain is another server's, or one of its servers
// is not read.
type Trust struct {
	Domain       string // lower case
	Day          int64  // since 1970
	Seen, Silent int64  // sign-ins
}

// When the silence of AD FS says something.
const (
	toldOften    = 10     // so many sign-ins of the domain of which it told there must be for each of which it did not
	silentWithin = hourMs // so long before and after it all logs of AD FS must have been read
	maxDomains   = 1 << 12
)

// A Federation adds up to trusts the events of AD FS and the sign-ins that it proved, request by request.
type Federation struct {
	domains map[string]map[int64]*Trust // by day; at most maxDomains, of others nothing is said
	at      string
	issued  bool // by AD FS
	proved  map[*Trust]int64
}

// Add adds an event. Those of one request follow each other.
func (f *Federation) Add(e *signin.MFAEvent) {
	if e.Federation != f.at {
		f.settle()
		f.at, f.issued = e.Federation, false
	}
	if e.Kind == signin.ADFSLog {
		f.issued = true
	} else if t := f.trust(domainOf(e.User), e.Time/hourMs/24); t != nil {
		f.proved[t]++
	}
}

func (f *Federation) trust(domain string, day int64) *Trust {
	if f.domains == nil {
		f.domains, f.proved = map[string]map[int64]*Trust{}, map[*Trust]int64{}
	}
	days := f.domains[domain]
	if days == nil {
		if domain == "" || len(f.domains) >= maxDomains {
			return nil
		}
		days = map[int64]*Trust{}
		f.domains[domain] = days
	}
	if days[day] == nil {
		days[day] = &Trust{Domain: domain, Day: day}
	}
	return days[day]
}

// settle tells the sign-ins of the request at hand to their domains and days.
func (f *Federation) settle() {
	for t, n := range f.proved {
		if f.issued {
			t.Seen += n
		} else {
			t.Silent += n
		}
	}
	clear(f.proved)
}

// Trusts lists what was found, in no order.
func (f *Federation) Trusts() (all []Trust) {
	f.settle()
	f.at = ""
	for _, days := range f.domains {
		for _, t := range days {
			all = append(all, *t)
		}
	}
	return all
}

// TrustsIn adds up some events.
func TrustsIn(events []signin.MFAEvent) []Trust {
	var order []*signin.MFAEvent
	for i := range events {
		if events[i].Federation != "" {
			order = append(order, &events[i])
		}
	}
	slices.SortFunc(order, func(a, b *signin.MFAEvent) int {
		return cmp.Or(strings.Compare(a.Federation, b.Federation), compareEvents(a, b))
	})
	var f Federation
	for _, e := range order {
		f.Add(e)
	}
	return f.Trusts()
}

// UnissuedIn lists the requests by which somebody was let in and of which AD FS does not tell in any of some events.
func UnissuedIn(events []signin.MFAEvent) map[string]bool {
	out := map[string]bool{}
	for i := range events {
		if e := &events[i]; e.Federation != "" && e.Kind != signin.ADFSLog {
			out[e.Federation] = true
		}
	}
	for i := range events {
		if e := &events[i]; e.Kind == signin.ADFSLog {
			delete(out, e.Federation)
		}
	}
	return out
}

// domainOf is the domain of a user as Entra writes it.
func domainOf(user string) string {
	if i := strings.LastIndexByte(user, '@'); i >= 0 {
		return strings.ToLower(user[i+1:])
	}
	return ""
}

// trusted is what is known of AD FS before anything is judged.
type trusted struct {
	days   map[Trust]Trust // by domain and day
	ever   map[string]Trust
	covers []Coverage // of each server of AD FS, or of each folder where logs do not say whose they are
}

func (c *Correlator) learnTrusts(all []Trust) {
	c.trusted = trusted{days: map[Trust]Trust{}, ever: map[string]Trust{}}
	for _, t := range all {
		c.trusted.days[Trust{Domain: t.Domain, Day: t.Day}] = t
		sum := c.trusted.ever[t.Domain]
		c.trusted.ever[t.Domain] = Trust{Seen: sum.Seen + t.Seen, Silent: sum.Silent + t.Silent}
	}
	logs := map[[2]string][]Source{}
	for _, s := range c.set.Sources {
		if s.Kind == signin.ADFSLog && s.First > 0 {
			whose := [2]string{shortName(s.Server), ""}
			if s.Server == "" {
				whose[1] = s.Folder
			}
			logs[whose] = append(logs[whose], s)
		}
	}
	for _, list := range logs {
		c.trusted.covers = append(c.trusted.covers, NewCoverage(list))
	}
}

// issuer says what AD FS knows of the token by which somebody was let in elsewhere.
func (c *Correlator) issuer(e *signin.MFAEvent) signin.Issuer {
	switch {
	case e.Federation == "" || e.Kind == signin.ADFSLog:
		return signin.NoIssuer
	case !c.unissued[e.Federation]:
		return signin.IssuerSeen
	case c.silentIssuer(e):
		return signin.IssuerSilent
	}
	return signin.NoIssuer
}

// silentIssuer reports whether AD FS would have told of a sign-in: it tells of nearly all of this domain, and of most on
// that day, each of its logs was read an hour before and after, and it told of something in the hours around it.
func (c *Correlator) silentIssuer(e *signin.MFAEvent) bool {
	domain := domainOf(e.User)
	ever, day := c.trusted.ever[domain], c.trusted.days[Trust{Domain: domain, Day: e.Time / hourMs / 24}]
	if domain == "" || ever.Seen < toldOften*max(1, ever.Silent) || day.Seen < day.Silent || len(c.trusted.covers) == 0 {
		return false
	}
	for _, cover := range c.trusted.covers {
		if !cover.Covers(e.Time-silentWithin, e.Time+silentWithin) {
			return false
		}
	}
	for _, i := range c.byKind[signin.ADFSLog] {
		for _, t := range [...]int64{e.Time - silentWithin/2, e.Time + silentWithin/2} {
			if c.gateways[i].habit[t/hourMs] > 0 {
				return true
			}
		}
	}
	return false
}
