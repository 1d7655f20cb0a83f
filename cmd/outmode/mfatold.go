package main

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/internal/audit"
)

// configured reads the configuration that -c names, for a command that reads logs itself: what it says of how logs are
// understood holds where no flag says it. Without -c nothing is read: these commands need no configuration. Files of
// mappings go before its own.
func (g *globals) configured(o *organisation, r *ruleFlags, files []string) (mfa.Options, error) {
	mappings, err := readMappings(files)
	if err != nil || g.config == "" {
		return mfa.Options{Mappings: compiled(mappings)}, err
	}
	c, err := soundConfig(g.config)
	if err != nil {
		return mfa.Options{}, err
	}
	if len(files) > 0 {
		c.Mappings = mappings
	}
	named := c.organisation()
	for _, list := range []struct {
		flag string
		to   *[]string
		from []string
	}{
		{"internal", &o.internal, named.internal}, {"exclude", &o.exclude, named.exclude}, {"service", &o.service, named.service},
		{"servers", &o.servers, named.servers}, {"published-app", &o.published, named.published},
	} {
		if !o.given(list.flag) {
			*list.to = list.from
		}
	}
	if len(r.dirs) == 0 && !r.noBuiltin {
		*r = c.ruleFlags()
	}
	return c.logs(), nil
}

// told reads what is known of gateways and people: by flags, and where there is none, by the configuration.
func (f *mfaFlags) told() (j joining, notes []string, err error) {
	for flag, value := range map[string]string{"gateway": f.declare, "map": f.people} {
		if f.given(flag) && value == "" {
			return j, nil, usagef("--%s is empty; name a file, or leave it out", flag)
		}
	}
	var c config
	file := f.configBehind(f.data)
	if file != "" {
		if c, err = soundConfig(file); err != nil {
			return j, nil, err
		}
	}
	for _, a := range f.aliases {
		if _, ok := aliasOf(a); !ok {
			return j, nil, usagef("--alias %q is no pair of domains; write CONTOSO=contoso.com", a)
		}
	}
	f.used = mfaOptions{Since: rfc3339(f.from), Until: rfc3339(f.to), Gateway: f.declare, Alias: append([]string{}, f.aliases...), WAP: append([]string{}, f.wap...)}
	for _, a := range c.Organisation.Aliases {
		if !slices.Contains(f.used.Alias, a) {
			f.used.Alias = append(f.used.Alias, a)
		}
	}
	gateways := gatewaysOf(c.Gateways)
	switch {
	case f.declare != "":
		if gateways, err = readGateways(f.declare); err != nil {
			return j, nil, err
		}
	case len(c.Gateways) > 0:
		f.used.Gateway = file
	}
	maps := c.Organisation.People
	if f.people != "" {
		maps = []string{f.people}
	}
	f.used.Map = strings.Join(maps, ", ")
	if len(f.wap) == 0 {
		f.used.WAP = append(f.used.WAP, c.MFA.WAP...)
	}
	return newJoining(gateways, f.used.Alias, maps, f.used.WAP)
}

// newJoining reads what joining needs to know beside the store. notes are about what cannot be told from it.
func newJoining(gateways []audit.Gateway, aliases, maps, wap []string) (j joining, notes []string, err error) {
	j.Gateways = gateways
	for _, a := range aliases {
		pair, _ := aliasOf(a)
		j.known.Aliases = append(j.known.Aliases, pair)
	}
	if j.known.People, err = readPeople(maps); err != nil {
		return j, nil, err
	}
	p, err := readPublished(wap)
	if err != nil {
		return j, nil, err
	}
	j.Proxied = p.Proxied
	return j, p.notes(gateways), nil
}

// joining is what the configuration says of gateways and people.
func (c *config) joining(inside []netip.Prefix) (joining, error) {
	j, _, err := newJoining(gatewaysOf(c.Gateways), c.Organisation.Aliases, c.Organisation.People, c.MFA.WAP)
	j.Inside = inside
	return j, err
}

// joins is what the configuration that -c names says of them, for a command that reads logs itself.
func (g *globals) joins(inside []netip.Prefix) (joining, error) {
	var c config
	if g.config != "" {
		var err error
		if c, err = soundConfig(g.config); err != nil {
			return joining{}, err
		}
	}
	return c.joining(inside)
}

// storeFlags are the flags by which a next command reads the same store by the same configuration.
// data is what --data said.
func (g *globals) storeFlags(data, dir string) (flags string) {
	if g.config != "" {
		flags = " -c " + quoted(g.config)
	}
	if data != "" || g.configBehind(data) == "" {
		flags += " --data " + quoted(dir)
	}
	return flags
}

// maxPeople bounds a map of people, in bytes: 200,000 rows.
const maxPeople = 64 << 20

// readPeople reads maps of people. No two rows of them may claim what only one person has.
func readPeople(files []string) (all []audit.Row, err error) {
	for _, file := range files {
		data, err := readSmall(file, maxPeople)
		if err != nil {
			return nil, fmt.Errorf("reading the map of people: %w", err)
		}
		rows, err := audit.ReadPeople(filepath.ToSlash(file), fromUTF16(data))
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	if len(files) < 2 { // of one file it is known already
		return all, nil
	}
	return all, audit.CheckPeople(all)
}
