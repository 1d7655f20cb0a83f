package main

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// maxDomains bounds the domains that are kept: anybody can name one. Where there are more, nothing is said of aliases.
const maxDomains = 1000

// hear keeps the domain of whom an event names.
func (r *mfaReport) hear(h *audit.Heard) { r.inDomain(h.Event.User) }

// inDomain keeps the domain of a name: of DOMAIN\name or name@realm.
func (r *mfaReport) inDomain(name string) {
	domain, _, ok := strings.Cut(name, `\`)
	if !ok {
		if _, domain, ok = strings.Cut(name, "@"); !ok {
			return
		}
	}
	if domain = strings.ToLower(domain); len(r.domains) <= maxDomains {
		r.domains[domain] = true
	}
}

// noteUnfit says of what was declared what fits nothing that was read: what is misspelt must not look like what was not
// read.
func (r *mfaReport) noteUnfit(set *audit.Setup) {
	for i := range set.Gateways {
		g := &set.Gateways[i]
		id := cmp.Or(g.ID, noGateway)
		if g.Kind == signin.UnknownKind {
			id = "kind: " + noGateway
		}
		for _, p := range g.Servers {
			if p != audit.AllServers && p != audit.ExchangeOnline && !slices.ContainsFunc(slices.Collect(maps.Keys(r.servers)), func(s string) bool { return rules.Glob(withoutDomain(p), withoutDomain(s)) }) {
				r.note("%s names the server %s (gateways), and no logon of this period is on one that fits: they are on %s", id, p, namesIn(r.servers))
			}
		}
		r.noteApplications(g, set.Sources)
	}
	for _, a := range r.aliases {
		for n, domain := range a {
			if low := strings.ToLower(domain); !r.domains[low] && len(r.domains) <= maxDomains {
				r.note("the alias %s=%s joins nothing: no name of this period is of the domain %s; they are of %s", a[0], a[1], a[n], namesIn(r.domains))
				break
			}
		}
	}
}

// noteApplications says which patterns of applications fit no event of the gateway's kind.
func (r *mfaReport) noteApplications(g *audit.Gateway, sources []audit.Source) {
	read := map[string]bool{}
	for i := range sources {
		for _, a := range sources[i].Applications {
			if sources[i].Kind == g.Kind {
				read[a] = true
			}
		}
	}
	if len(read) == 0 {
		return
	}
	for _, p := range g.Applications {
		all := p + "/*" // of mapping: sso, which is sso and sso/*
		if base, ok := strings.CutSuffix(p, "/*"); ok && slices.Contains(g.Applications, base) {
			continue
		}
		if slices.ContainsFunc(slices.Collect(maps.Keys(read)), func(a string) bool {
			return rules.Glob(p, a) || slices.Contains(g.Applications, all) && rules.Glob(all, a)
		}) {
			continue
		}
		if g.Kind == signin.Mapped {
			r.note("no log was read by a mapping whose source or application is %s (gateways); read were %s", p, namesIn(read))
		} else {
			r.note("no event of %s has an application that fits %s (gateways); read were %s", g.Kind, p, namesIn(read))
		}
	}
}

// logless says why there is no log of a gateway that is declared.
func logless(g *audit.GatewayReport, sources []audit.Source) string {
	if len(g.Applications) > 0 && slices.ContainsFunc(sources, func(s audit.Source) bool { return s.Kind == g.Kind && len(s.Applications) > 0 }) {
		return "what was read is of other applications"
	}
	return "no log of it was read"
}

// withoutDomain is the name of a server as gateways are told it: EX01 of EX01.contoso.com.
func withoutDomain(server string) string {
	if _, err := netip.ParseAddr(server); err != nil {
		server, _, _ = strings.Cut(server, ".")
	}
	return server
}

func namesIn(names map[string]bool) string { return orDash(some(slices.Sorted(maps.Keys(names)))) }
