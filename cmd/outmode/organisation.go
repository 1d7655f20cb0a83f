package main

import (
	"net/netip"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/outmode/outmode/internal/signin"
)

// organisation is what the operator says of the network and of accounts.
type organisation struct {
	internal []string
	exclude  []string
	service  []string
	servers  []string
}

func (o *organisation) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringSliceVar(&o.internal, "internal", nil, "address ranges inside the organisation (default: RFC 1918, unique local, loopback, link-local)")
	f.StringSliceVar(&o.exclude, "exclude", nil, "pattern of what is noise, with * and ?: an account or file name; agent:PATTERN, address:CIDR (health checks without an account), path:PATTERN")
	f.StringSliceVar(&o.service, "service", nil, "pattern of service accounts, with * and ?; they count as use, and are told apart")
	f.StringSliceVar(&o.servers, "servers", nil, "addresses of Exchange servers, where the logs do not show them")
}

// build checks the flags and makes an Organisation of them.
func (o *organisation) build() (signin.Organisation, error) {
	org := signin.Organisation{Internal: signin.DefaultInternal()}
	var err error
	if len(o.internal) > 0 {
		if org.Internal, err = prefixes("--internal", o.internal); err != nil {
			return org, err
		}
	}
	org.Servers = map[netip.Addr]bool{}
	for _, s := range o.servers {
		ip, ok := signin.ParseHost(s)
		if !ok {
			return org, usagef("--servers %q is no IP address", s)
		}
		org.Servers[ip] = true
	}
	accounts, agents, nets, err := o.noise()
	if err != nil {
		return org, err
	}
	if len(accounts) > 0 {
		org.Noise = func(a *signin.Account) (string, bool) {
			return "left out by --exclude", matchAccount(accounts, a)
		}
	}
	if len(agents) > 0 || len(nets) > 0 {
		org.Probe = func(agent string, from netip.Addr) (string, bool) {
			return "health check by --exclude", matchAny(agents, agent) || contains(nets, from)
		}
	}
	if len(o.service) > 0 {
		service, err := patterns("--service", o.service)
		if err != nil {
			return org, err
		}
		org.Service = func(a *signin.Account) bool { return matchAccount(service, a) }
	}
	return org, nil
}

// noise sorts the patterns of --exclude by what they are about.
func (o *organisation) noise() (accounts, agents []string, nets []netip.Prefix, err error) {
	for _, p := range o.exclude {
		kind, rest, ok := strings.Cut(p, ":")
		switch {
		case ok && kind == "agent":
			agents = append(agents, strings.ToLower(rest))
		case ok && kind == "address":
			more, err := prefixes("--exclude", []string{rest})
			if err != nil {
				return nil, nil, nil, err
			}
			nets = append(nets, more...)
		case ok && kind == "path":
		default:
			accounts = append(accounts, strings.ToLower(p))
		}
	}
	if _, err := patterns("--exclude", append(accounts, agents...)); err != nil {
		return nil, nil, nil, err
	}
	return accounts, agents, nets, nil
}

// excludesFile reports whether a file is left out: by path:PATTERN, or by a pattern that fits its name.
func (o *organisation) excludesFile(name string) bool {
	for _, p := range o.exclude {
		kind, rest, ok := strings.Cut(p, ":")
		switch {
		case ok && kind == "path" && (glob(rest, name) || glob(rest, path.Base(name))):
			return true
		case !ok && glob(p, path.Base(name)):
			return true
		}
	}
	return false
}

// patterns are checked where they are given: a pattern that fits everything is a mistake.
func patterns(flag string, ps []string) ([]string, error) {
	var low []string
	for _, p := range ps {
		if strings.Trim(p, "*?") == "" {
			return nil, usagef("%s %q would fit everything", flag, p)
		}
		low = append(low, strings.ToLower(p))
	}
	return low, nil
}

func matchAccount(ps []string, a *signin.Account) bool {
	return matchAny(ps, a.Key) || matchAny(ps, a.Name)
}

func matchAny(ps []string, s string) bool {
	for _, p := range ps {
		if glob(p, s) {
			return true
		}
	}
	return false
}

// glob matches * and ? in any text, without regard to case; a backslash is a plain character, as
// it stands in DOMAIN\account.
func glob(pattern, s string) bool {
	pattern, s = strings.ToLower(pattern), strings.ToLower(s)
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p, i = p+1, i+1
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

func prefixes(flag string, values []string) ([]netip.Prefix, error) {
	var ps []netip.Prefix
	for _, v := range values {
		p, err := netip.ParsePrefix(v)
		if err != nil {
			ip, err := netip.ParseAddr(v)
			if err != nil {
				return nil, usagef("%s %q is no address range; write 10.0.0.0/8 or 192.0.2.1", flag, v)
			}
			p = netip.PrefixFrom(ip, ip.BitLen())
		}
		ps = append(ps, p.Masked())
	}
	return ps, nil
}

func contains(ps []netip.Prefix, ip netip.Addr) bool {
	for _, p := range ps {
		if ip.IsValid() && p.Contains(ip) {
			return true
		}
	}
	return false
}
