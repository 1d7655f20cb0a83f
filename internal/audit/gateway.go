package audit

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// A Gateway asks for a second factor, and protects some entry points of some servers.
type Gateway struct {
	ID   string
	Kind signin.Kind // of its log; UnknownKind says that nothing protects these entry points

	// Applications are patterns of those of its log's applications that it stands for. None: all that no other gateway of
	// the kind names.
	Applications []string
	Entries      []signin.Protocol // none: it protects nothing that is known, and its events still count for their users
	Usual        bool              // Entries are those of its kind; it is not said which they are
	Servers      []string          // patterns of names; AllServers and ExchangeOnline

	Before, After time.Duration // an event belongs to a logon if it is at most so much earlier or later
	Session       time.Duration // how long an approval holds after the last request of its session
	UserForm      Form          // how it writes users
	Exempt        Exempt
}

// Exempt is whom a gateway does not ask, by a declared policy.
type Exempt struct {
	Users    []string // patterns of any of a person's forms, lower case
	Networks []netip.Prefix
}

// Words for servers.
const (
	AllServers     = "*"      // every Exchange server, and not Exchange Online
	ExchangeOnline = "online" // the server of sign-ins to Exchange Online
)

// Windows and sessions unless a gateway is said to have others.
const (
	DefaultBefore  = 2 * time.Minute
	DefaultAfter   = 5 * time.Minute
	DefaultSession = 6 * time.Hour
)

// DefaultGateway is what a gateway of that kind is taken for unless it is declared: its ID is the name of the kind.
func DefaultGateway(kind signin.Kind) Gateway {
	g := Gateway{ID: kind.String(), Kind: kind, Usual: true, Servers: []string{AllServers}, Before: DefaultBefore, After: DefaultAfter, Session: DefaultSession}
	switch kind {
	case signin.Duo, signin.Monosign, signin.ADFSLog, signin.WAP:
		g.Entries = []signin.Protocol{signin.OWA, signin.ECP}
	case signin.Entra, signin.UAL:
		g.Servers = []string{ExchangeOnline}
		for p := range signin.Protocol(len(signin.Words("protocol"))) {
			g.Entries = append(g.Entries, p)
		}
	}
	return g
}

// AsksFor reports whether an event about an application says something of logons at an entry point. AD FS names the relying
// party that a token is for: a second factor for another one is none of Outlook on the web. That has /owa or /ecp in its
// name, or is Web Application Proxy's own where that asks on its behalf; what is no identifier, which is a URI, may be any.
func (g *Gateway) AsksFor(class signin.Protocol, application string) bool {
	if g.Kind != signin.ADFSLog || len(g.Applications) > 0 || class != signin.OWA {
		return true
	}
	a := strings.ToLower(application)
	return !strings.Contains(a, ":") || strings.Contains(a, "/owa") || strings.Contains(a, "/ecp") || strings.HasPrefix(a, "urn:appproxy:")
}

// perServer reports whether each Exchange server has a log of its own of that kind: what one of them says covers no other.
func perServer(k signin.Kind) bool { return k == signin.Monosign }

// protects reports whether it protects an entry point of a server.
func (g *Gateway) protects(entry signin.Protocol, server string) bool {
	return slices.Contains(g.Entries, entry) && g.onServer(server)
}

func (g *Gateway) onServer(server string) bool {
	if server == ExchangeOnline {
		return slices.Contains(g.Servers, ExchangeOnline)
	}
	return slices.ContainsFunc(g.Servers, func(s string) bool {
		return s == AllServers || s != ExchangeOnline && rules.Glob(shortName(s), shortName(server))
	})
}

// told reports whether a log that tells of some applications tells of the gateway's.
func (g *Gateway) told(applications []string) bool {
	return len(g.Applications) == 0 || len(applications) == 0 || slices.ContainsFunc(applications, g.named)
}

// named reports whether an application is one of those that the gateway names.
func (g *Gateway) named(application string) bool {
	return slices.ContainsFunc(g.Applications, func(p string) bool { return rules.Glob(p, application) })
}

// shortName is a server's name without its domain, in lower case.
func shortName(s string) string {
	s = strings.ToLower(s)
	if _, err := netip.ParseAddr(s); err != nil {
		s, _, _ = strings.Cut(s, ".")
	}
	return s
}

// protection is what guards one sort of entry point of one server.
type protection struct {
	class    signin.Protocol // OWA of ECP too
	gateways []int           // by their place in Correlator.gateways
	counting []bool          // by that place: whose events count here
	declared bool            // that no gateway is among them is what the configuration says
	passed   bool            // by Web Application Proxy, which leads past AD FS
	session  int64           // life of a session, milliseconds
	index    int32
}

// guard returns the protection of an entry point. Equal ones are one: what they guard shares its sessions.
func (c *Correlator) guard(entry signin.Protocol, server string, backend, internal bool) *protection {
	p := &protection{class: entry, counting: make([]bool, len(c.gateways))}
	if entry == signin.ECP {
		p.class = signin.OWA
	}
	online := server == ExchangeOnline
	none := backend
	elsewhere := false // a declared gateway protects this sort of entry point on other servers
	for i := range c.gateways {
		g := &c.gateways[i].Gateway
		switch {
		case g.Kind == signin.UnknownKind:
			none = none || g.protects(entry, server)
		case backend:
		case internal && slices.Contains(c.gateways[i].outside, entry):
		case g.protects(entry, server):
			p.gateways = append(p.gateways, i)
			p.counting[i] = true
			p.session = max(p.session, g.Session.Milliseconds())
		case len(g.Entries) == 0: // what it is asked for past the proxy is something else
			p.counting[i] = !online && !slices.Contains(c.gateways[i].past, entry)
		}
		elsewhere = elsewhere || c.gateways[i].Declared && g.Kind != signin.UnknownKind && !online && (slices.Contains(g.Entries, signin.OWA) || slices.Contains(g.Entries, signin.ECP)) && !g.onServer(ExchangeOnline)
	}
	if p.session == 0 {
		p.session = DefaultSession.Milliseconds()
	}
	if none {
		p.gateways = nil
	}
	p.passed = len(p.gateways) == 0 && !none && !online && slices.ContainsFunc(c.gateways, func(g gateway) bool { return slices.Contains(g.past, entry) })
	p.declared = none || len(p.gateways) == 0 && (p.class != signin.OWA || online || elsewhere || p.passed)
	if len(p.gateways) == 0 && !none && !online && !internal && slices.Contains(c.set.Proxied.ByADFS, entry) && len(c.byKind[signin.ADFSLog]) == 0 {
		p.declared = false // AD FS asks there, and no log of it was read
	}
	key := string([]byte{byte(p.class)})
	switch {
	case p.passed:
		key += "past"
	case p.declared:
		key += "none"
	}
	for _, g := range p.gateways {
		key += string(rune(g + 1))
	}
	if have := c.guards[key]; have != nil {
		return have
	}
	p.index = int32(len(c.guards))
	c.guards[key] = p
	return p
}

// Proxied is what Web Application Proxy publishes of Exchange. An entry point of which there is more than one way in
// belongs to the weaker list alone.
type Proxied struct {
	PassThrough []signin.Protocol // requests go to Exchange without being asked for a token of AD FS
	ByADFS      []signin.Protocol // AD FS asks first
}

// atProxy says what AD FS protects, if that is not declared, where it is known what the proxy publishes: what stands at
// the edge asks nobody inside, so that what is added holds for logons from outside.
func (g *gateway) atProxy(p *Proxied) {
	if !g.Usual || g.Kind != signin.ADFSLog && g.Kind != signin.WAP {
		return
	}
	g.past = p.PassThrough
	g.Entries = slices.DeleteFunc(slices.Clone(g.Entries), func(e signin.Protocol) bool { return slices.Contains(p.PassThrough, e) })
	for _, e := range p.ByADFS {
		if !slices.Contains(g.Entries, e) {
			g.Entries = append(g.Entries, e)
			g.outside = append(g.outside, e)
		}
	}
}
