package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/internal/audit"
)

// configured reads the configuration that -c names, for a command that reads logs itself: what it says of how logs are
// understood holds where no flag says it. Without -c nothing is read: these commands need no configuration.
func (g *globals) configured(o *organisation, r *ruleFlags) (mfa.Options, error) {
	if g.config == "" {
		return mfa.Options{}, nil
	}
	c, err := soundConfig(g.config)
	if err != nil {
		return mfa.Options{}, err
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
	return c.MFA.gateways(), nil
}

// told reads what is known of gateways and people: by flags, and where there is none, by the configuration.
func (f *mfaFlags) told() (known audit.Known, set audit.Setup, notes []string, err error) {
	for flag, value := range map[string]string{"gateway": f.declare, "map": f.people} {
		if f.given(flag) && value == "" {
			return known, set, nil, usagef("--%s is empty; name a file, or leave it out", flag)
		}
	}
	var c config
	file := f.configBehind(f.data)
	if file != "" {
		if c, err = soundConfig(file); err != nil {
			return known, set, nil, err
		}
	}
	for _, a := range f.aliases {
		if _, ok := aliasOf(a); !ok {
			return known, set, nil, usagef("--alias %q is no pair of domains; write CONTOSO=contoso.com", a)
		}
	}
	f.used = mfaOptions{Since: rfc3339(f.from), Until: rfc3339(f.to), Gateway: f.declare, Alias: append([]string{}, f.aliases...), WAP: append([]string{}, f.wap...)}
	for _, a := range c.Organisation.Aliases {
		if !slices.Contains(f.used.Alias, a) {
			f.used.Alias = append(f.used.Alias, a)
		}
	}
	for _, a := range f.used.Alias {
		pair, _ := aliasOf(a)
		known.Aliases = append(known.Aliases, pair)
	}
	switch {
	case f.declare != "":
		if set.Gateways, err = readGateways(f.declare); err != nil {
			return known, set, nil, err
		}
	case len(c.Gateways) > 0:
		set.Gateways, f.used.Gateway = gatewaysOf(c.Gateways), file
	}
	maps := c.Organisation.People
	if f.people != "" {
		maps = []string{f.people}
	}
	f.used.Map = strings.Join(maps, ", ")
	if known.People, err = readPeople(maps); err != nil {
		return known, set, nil, err
	}
	if len(f.wap) == 0 {
		f.used.WAP = append(f.used.WAP, c.MFA.WAP...)
	}
	p, err := readPublished(f.used.WAP)
	if err != nil {
		return known, set, nil, err
	}
	set.Proxied = p.Proxied
	return known, set, p.notes(set.Gateways), nil
}

// storeFlags are the flags by which a next command reads the same store by the same configuration.
func (f *mfaFlags) storeFlags(dir string) (flags string) {
	if f.config != "" {
		flags = " -c " + quoted(f.config)
	}
	if f.data != "" || f.configBehind(f.data) == "" {
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
