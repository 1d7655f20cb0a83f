package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// mostMappings bounds a list of mappings: each is asked of every file that nobody else knows.
const mostMappings = 64

// mappingKeys describes an item of mappings.
func mappingKeys() []configKey[mfa.Mapping] {
	fields := func(doc string, at func(m *mfa.Mapping) *[]string) configKey[mfa.Mapping] {
		return configKey[mfa.Mapping]{name: "fields", doc: doc, at: func(m *mfa.Mapping) any { return at(m) }}
	}
	section := func(name, doc string, in ...configKey[mfa.Mapping]) configKey[mfa.Mapping] {
		return configKey[mfa.Mapping]{name: name, doc: doc, in: in}
	}
	return []configKey[mfa.Mapping]{{
		name: "source", check: checkSource, at: func(m *mfa.Mapping) any { return &m.Source },
		doc: "its name, with which the applications of its events begin",
	}, {
		name: "files", check: checkPattern, at: func(m *mfa.Mapping) any { return &m.Files },
		doc: "patterns of the names of its files, which are then not looked at; none: they are known by their content",
	}, section("input", "what a record looks like", []configKey[mfa.Mapping]{{
		name: "format", at: func(m *mfa.Mapping) any { return &m.Input.Format },
		doc: "json, ndjson, json-array, csv, kv, cef or regex; or one in another: syslog+kv, json+kv, regex+kv",
	}, {
		name: "root", at: func(m *mfa.Mapping) any { return &m.Input.Root },
		doc: "of JSON: the path of the array of records",
	}, {
		name: "message", at: func(m *mfa.Mapping) any { return &m.Input.Message },
		doc: "of one format in another: the field in which the second stands",
	}, {
		name: "columns", at: func(m *mfa.Mapping) any { return &m.Input.Columns },
		doc: "of CSV without a heading: the names of its columns",
	}, {
		name: "separator", at: func(m *mfa.Mapping) any { return &m.Input.Separator },
		doc: "between columns or pairs: one character, or tab",
	}, {
		name: "patterns", at: func(m *mfa.Mapping) any { return &m.Input.Patterns },
		doc: "of regex: RE2 with named groups; the first that fits a line counts",
	}, {
		name: "where", at: func(m *mfa.Mapping) any { return &m.Input.Where },
		doc: "which records are meant: fields, and the words of each",
	}}...), section("time", "when it was", fields("where the time stands", func(m *mfa.Mapping) *[]string { return &m.Time.Fields }), configKey[mfa.Mapping]{
		name: "layouts", at: func(m *mfa.Mapping) any { return &m.Time.Layouts },
		doc: "rfc3339, unix, unix_ms, or 2006-01-02 15:04:05 as the log would write it; none: the first two",
	}, configKey[mfa.Mapping]{
		name: "zone", check: checkZone, at: func(m *mfa.Mapping) any { return &m.Time.Zone },
		doc: "of times that name none, such as Europe/Berlin; else UTC",
	}), section("user", "who it was", fields("where the user stands", func(m *mfa.Mapping) *[]string { return &m.User.Fields }), configKey[mfa.Mapping]{
		name: "strip_suffix", at: func(m *mfa.Mapping) any { return &m.User.StripSuffix },
		doc: "endings that are no part of the name",
	}), section("ip", "from where it came", fields("where the client's address stands", func(m *mfa.Mapping) *[]string { return &m.IP.Fields }), configKey[mfa.Mapping]{
		name: "strip_port", at: func(m *mfa.Mapping) any { return &m.IP.StripPort },
		doc: "whether a port may stand behind it",
	}, configKey[mfa.Mapping]{
		name: "list", words: []string{"first", "last"}, at: func(m *mfa.Mapping) any { return &m.IP.List },
		doc: "which of several, with commas between them, is the client's",
	}, configKey[mfa.Mapping]{
		name: "unknown", empty: true, at: func(m *mfa.Mapping) any { return &m.IP.Unknown },
		doc: "words that are no address",
	}), section("id", "which one it is", fields("what names an event for ever", func(m *mfa.Mapping) *[]string { return &m.ID.Fields })),
		section("application", "what it was for", fields("the application", func(m *mfa.Mapping) *[]string { return &m.Application.Fields })),
		section("factor", "what was asked for", fields("the factor", func(m *mfa.Mapping) *[]string { return &m.Factor.Fields })),
		section("gateway", "who asked", fields("the server that wrote it", func(m *mfa.Mapping) *[]string { return &m.Gateway.Fields })),
		section("outcome", "what became of it", fields("where the words stand that map knows", func(m *mfa.Mapping) *[]string { return &m.Outcome.Fields }), configKey[mfa.Mapping]{
			name: "map", at: func(m *mfa.Mapping) any { return &m.Outcome.Map },
			doc: "an outcome for each word",
		}, configKey[mfa.Mapping]{
			name: "when", at: func(m *mfa.Mapping) any { return &m.Outcome.When },
			doc: "asked before map: fields and their words, and then: the outcome of a record of which all hold",
		}, configKey[mfa.Mapping]{
			name: "default", words: []string{"unknown", "denied", "error", "info"}, at: func(m *mfa.Mapping) any { return &m.Outcome.Default },
			doc: "of a word that is not in map",
		})}
}

// typicalMappings declare a gateway that writes JSON.
func typicalMappings() []string {
	return []string{
		"- source: sso",
		"  input: {format: ndjson, where: {event: [second_factor]}}",
		"  time: {fields: [time]}",
		"  user: {fields: [user.name]}",
		"  ip: {fields: [client.ip]}",
		"  outcome: {fields: [result], map: {approved: passed, declined: denied}}",
	}
}

func checkSource(name, text string) error {
	const longest = 64
	if len(text) > longest || strings.ContainsAny(text, "*?[]/,") || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return fmt.Errorf("%s %s is no name; write a short one, such as citrix-adc", name, inQuotes(text))
	}
	return nil
}

// mappings reads the list; what is how a message names it.
func (r *configReader) mappings(n *rules.Node, what string, to *[]mfa.Mapping) {
	sources := map[string]int{}
	r.items(n, what, func(i int, item *rules.Node) {
		name := fmt.Sprintf("mappings[%d]", i)
		r.places[name] = configPlace{item.Line, item.Column}
		if i == mostMappings {
			r.reject(name, item, "there can be %d mappings", mostMappings)
		}
		if i >= mostMappings {
			return
		}
		if item.Kind != rules.MappingNode {
			r.reject(name, item, "a mapping must have keys; write source: and its name")
			return
		}
		m, before := mfa.DefaultMapping(), len(r.problems)
		readKeys(r, mappingKeys(), &m, *item, name)
		if first := sources[strings.ToLower(m.Source)]; first != 0 && m.Source != "" {
			r.mistake(item.Line, item.Column, "the mapping at line %d has the source %s too; give each a name of its own", first, inQuotes(m.Source))
		}
		sources[strings.ToLower(m.Source)] = item.Line
		if len(r.problems) == before {
			_, wrong := m.Compile()
			for _, p := range wrong {
				at := r.placeOf(name, p.Key)
				r.mistake(at.line, at.column, "%s.%s: %s", name, p.Key, p.Message)
			}
		}
		*to = append(*to, m)
	})
}

// placeOf is where a key stands, or what it stands below.
func (r *configReader) placeOf(name, key string) configPlace {
	for full := name + "." + key; full != name; full = full[:strings.LastIndexAny(full, ".[")] {
		if at, ok := r.places[full]; ok {
			return at
		}
	}
	return r.places[name]
}

// mappingOf reports a gateway that no mapping tells of, by its source or by what all applications begin with. Where there
// are no mappings, they may come by a flag.
func (r *configReader) mappingOf(name string, g *declaredGateway) {
	if len(r.config.Mappings) == 0 {
		return
	}
	var sources []string
	known := map[string]bool{}
	for i := range r.config.Mappings {
		source := r.config.Mappings[i].Source
		sources, known[strings.ToLower(source)] = append(sources, source), true
	}
	if g.Mapping != "" && !known[strings.ToLower(g.Mapping)] {
		r.about(name+".mapping", isError, "%s.mapping: no mapping has the source %s; there is %s", name, inQuotes(g.Mapping), join(sources, ", ", " and "))
	}
	if g.Kind != signin.Mapped.String() {
		return
	}
	for i, a := range g.Applications {
		source, _, _ := strings.Cut(a, "/")
		if !strings.ContainsAny(source, `*?[\`) && !known[strings.ToLower(source)] {
			full := fmt.Sprintf("%s.applications[%d]", name, i)
			r.about(full, isError, "%s: %s begins with no source of a mapping, as the applications of each do; write %s", full, inQuotes(a), inQuotes(sources[0]+"/"+a))
		}
	}
}

// conditions reads a mapping of fields to words; not is a key that is none of them.
func (r *configReader) conditions(n *rules.Node, name, not string) (all []mfa.Condition) {
	switch n.Kind {
	case rules.NullNode:
		return nil
	case rules.MappingNode:
	default:
		r.reject(name, n, "%s must be a mapping: a field: [its words]", name)
		return nil
	}
	for i := range n.Keys {
		k := &n.Keys[i]
		if k.Name == not {
			continue
		}
		full := name + "." + k.Name
		r.places[full] = configPlace{k.Line, k.Column}
		words := []rules.Node{k.Value}
		if k.Value.Kind == rules.ListNode {
			words = k.Value.Items
		}
		c := mfa.Condition{Field: k.Name}
		for j := range words {
			switch w := &words[j]; w.Kind {
			case rules.TextNode, rules.NumberNode, rules.BoolNode: // a record has 5200 and true as text, too
				c.Words = append(c.Words, w.Text)
			default:
				r.reject(full, w, "%s must be a word, or a list of words", full)
			}
		}
		all = append(all, c)
	}
	return all
}

// whens reads the list of conditions with their outcomes.
func (r *configReader) whens(n *rules.Node, name string, to *[]mfa.When) {
	r.items(n, name, func(i int, item *rules.Node) {
		full := fmt.Sprintf("%s[%d]", name, i)
		r.places[full] = configPlace{item.Line, item.Column}
		at := slices.IndexFunc(item.Keys, func(k rules.Key) bool { return k.Name == "then" })
		if item.Kind != rules.MappingNode || at < 0 {
			r.reject(full, item, "%s must be a mapping of fields and their words, with then: an outcome", full)
			return
		}
		then := &item.Keys[at].Value
		if _, ok := signin.ParseFactorOutcome(then.Text); !ok || then.Kind != rules.TextNode {
			r.reject(full, then, "%s.then: %s is no outcome; %s", full, inQuotes(then.Text), outcomeHint(then.Text))
			return
		}
		*to = append(*to, mfa.When{If: r.conditions(item, full, "then"), Then: then.Text})
	})
}

// compiled are mappings of which each was checked.
func compiled(mappings []mfa.Mapping) (all []*mfa.MappedLog) {
	for i := range mappings {
		if log, wrong := mappings[i].Compile(); len(wrong) == 0 {
			all = append(all, log)
		}
	}
	return all
}

// logs is what the decoders of gateways' logs are told.
func (c *config) logs() mfa.Options {
	o := c.MFA.gateways()
	o.Mappings = compiled(c.Mappings)
	return o
}

// mappingFlag is the flag of a command that reads logs.
func mappingFlag(c *cobra.Command, to *[]string) {
	c.Flags().StringArrayVar(to, "mapping", nil, "YAML file that declares logs of gateways that are not known, instead of mappings of the configuration; can be given several times")
}

// readMappings reads files that hold a list of mappings each, as mappings of the configuration does.
func readMappings(files []string) (all []mfa.Mapping, err error) {
	names := map[string]string{}
	for _, file := range files {
		if file == "" {
			return nil, usagef("--mapping is empty; name a file, or leave it out")
		}
		var some []mfa.Mapping
		err := readList(file, "the mappings", func(r *configReader, root *rules.Node) { r.mappings(root, "the list of mappings", &some) })
		if err != nil {
			return nil, err
		}
		for i := range some {
			name := strings.ToLower(some[i].Source)
			if other := names[name]; other != "" {
				return nil, fmt.Errorf("%s: a mapping in %s has the source %s too; give each a name of its own", file, other, inQuotes(some[i].Source))
			}
			names[name] = file
		}
		all = append(all, some...)
	}
	if len(all) > mostMappings {
		return nil, fmt.Errorf("there can be %d mappings, and these are %d", mostMappings, len(all))
	}
	return all, nil
}
