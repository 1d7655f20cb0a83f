package main

import (
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// organisation is what the operator says of the network and of accounts.
type organisation struct {
	internal []string
	exclude  []string
	service  []string
	servers  []string

	published []string

	given func(flag string) bool
	left  []string                // files and folders that --exclude left out
	used  map[string]*atomic.Bool // patterns of --exclude, once they fitted something
}

func (o *organisation) flags(c *cobra.Command) {
	f := c.Flags()
	o.given = f.Changed
	f.StringSliceVar(&o.internal, "internal", nil, "address ranges inside the organisation (default: RFC 1918, unique local, loopback, link-local)")
	f.StringSliceVar(&o.exclude, "exclude", nil, "pattern, with * and ?, of an account that is noise or of a file or folder to leave out; path:PATTERN is a file or folder alone; agent:PATTERN and address:CIDR are health checks, where no account is named")
	f.StringSliceVar(&o.service, "service", nil, "pattern of service accounts, with * and ?; they count as use, and are told apart")
	f.StringSliceVar(&o.servers, "servers", nil, "addresses of Exchange servers, where the logs do not show them")
	f.StringSliceVar(&o.published, "published-app", nil, "id or name of an application of Entra that is Exchange behind Application Proxy; sign-ins to it count")
}

// build checks the flags and makes an Organisation of them.
func (o *organisation) build() (signin.Organisation, error) {
	org := signin.Organisation{Internal: signin.DefaultInternal()}
	var err error
	for flag, list := range map[string][]string{"internal": o.internal, "exclude": o.exclude, "service": o.service, "servers": o.servers, "published-app": o.published} {
		if o.given(flag) && len(list) == 0 {
			return org, usagef("--%s is empty", flag)
		}
	}
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
	for _, app := range o.published {
		if err := checkPublished("--published-app", app); err != nil || strings.TrimSpace(app) == "" {
			return org, usagef("--published-app %q is no application; write its id or its whole name", app)
		}
	}
	if apps := slices.Clone(o.published); len(apps) > 0 {
		org.Published = func(resource string) bool {
			return slices.ContainsFunc(apps, func(app string) bool { return strings.EqualFold(strings.TrimSpace(app), resource) })
		}
	}
	noise, err := o.noise()
	if err != nil {
		return org, err
	}
	if len(noise.accounts) > 0 {
		org.Noise = func(a *signin.Account) (string, bool) {
			return "left out by --exclude", o.fits(noise.accounts, func(p string) bool { return rules.Glob(p, a.Key) || rules.Glob(p, a.Name) })
		}
	}
	if len(noise.agents)+len(noise.nets) > 0 {
		org.Probe = func(agent string, from netip.Addr) (string, bool) {
			return "health check by --exclude", o.fits(noise.agents, func(p string) bool { return rules.Glob(p, agent) }) ||
				o.fits(noise.addresses, func(p string) bool { return contains(noise.nets[p], from) })
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

// noise is the patterns of --exclude, as given, by what they are about.
type noise struct {
	accounts, agents, addresses []string
	nets                        map[string][]netip.Prefix // by address:CIDR
}

var prefixed = regexp.MustCompile(`^[a-z]{2,}:`)

func (o *organisation) noise() (noise, error) {
	n := noise{nets: map[string][]netip.Prefix{}}
	o.used = map[string]*atomic.Bool{}
	for _, given := range o.exclude {
		o.used[given] = &atomic.Bool{}
		kind, rest, _ := strings.Cut(given, ":")
		switch {
		case !prefixed.MatchString(given):
			n.accounts, rest = append(n.accounts, given), given
		case kind == "agent":
			n.agents = append(n.agents, given)
		case kind == "path":
		case kind == "address":
			nets, err := prefixes("--exclude", []string{rest})
			if err != nil {
				return n, err
			}
			n.addresses = append(n.addresses, given)
			n.nets[given] = nets
			continue
		default:
			return n, usagef("--exclude %q: there is no %s; write a pattern of accounts, or path:, agent: or address: before it", given, kind+":")
		}
		if _, err := patterns("--exclude", []string{rest}); err != nil {
			return n, err
		}
	}
	return n, nil
}

// fits reports whether one of the patterns does, and remembers that it was of use.
func (o *organisation) fits(given []string, match func(pattern string) bool) bool {
	for _, p := range given {
		text := p
		if prefixed.MatchString(p) && !strings.HasPrefix(p, "address:") {
			_, text, _ = strings.Cut(p, ":")
		}
		if match(text) {
			o.used[p].Store(true)
			return true
		}
	}
	return false
}

// excludesFile reports whether a file or a folder is left out: by path:PATTERN, or by a pattern that fits its name.
func (o *organisation) excludesFile(name string) bool {
	for _, p := range o.exclude {
		text, isPath := strings.CutPrefix(p, "path:")
		if isPath && rules.Glob(text, name) || (isPath || !prefixed.MatchString(p)) && rules.Glob(text, path.Base(name)) {
			o.used[p].Store(true)
			o.left = append(o.left, name)
			return true
		}
	}
	return false
}

// excluded says what --exclude left out, and which of its patterns were of no use.
func (o *organisation) excluded(note func(string, ...any)) {
	if len(o.left) > 0 {
		note("%s left out by --exclude: %s", plural(len(o.left), "file or folder"), some(o.left))
	}
	for _, p := range o.exclude {
		if !o.used[p].Load() {
			note("--exclude %q fits nothing that was read", p)
		}
	}
}

// some names the first of many.
func some(names []string) string {
	const shown = 3
	text := strings.Join(names[:min(len(names), shown)], ", ")
	if more := len(names) - shown; more > 0 {
		text += fmt.Sprintf(" and %s more", number(more))
	}
	return text
}

// patterns are checked where they are given: a pattern that fits everything is a mistake.
func patterns(flag string, ps []string) ([]string, error) {
	var low []string
	for _, p := range ps {
		switch {
		case strings.Trim(p, "*?") == "":
			return nil, usagef("%s %q would fit everything", flag, p)
		case len(p) > 512:
			return nil, usagef("%s: a pattern is longer than 512 bytes", flag)
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
		if rules.Glob(p, s) {
			return true
		}
	}
	return false
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
