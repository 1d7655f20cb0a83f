package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// A declaredGateway is an item of the list of gateways, as text.
type declaredGateway struct {
	ID, Kind, UserForm         string
	Applications               []string
	Entries, Servers           []string
	Before, After, Session     time.Duration
	ExemptUsers, ExemptSources []string
}

// noGateway is the kind of an item that says that nothing protects what it names.
const noGateway = "none"

// gatewayKinds are the kinds of gateways that can be declared.
func gatewayKinds() []string {
	kinds := []string{}
	for k := signin.Duo; k.Gateway(); k++ {
		if k.Factors() {
			kinds = append(kinds, k.String())
		}
	}
	return append(kinds, noGateway)
}

// gatewayKeys describes an item of the list of gateways.
func gatewayKeys() []configKey[declaredGateway] {
	return []configKey[declaredGateway]{{
		name: "id", at: func(g *declaredGateway) any { return &g.ID },
		doc: "its name in what is shown",
	}, {
		name: "kind", words: gatewayKinds(), at: func(g *declaredGateway) any { return &g.Kind },
		doc: "whose log it writes; none: nothing protects what stands here",
	}, {
		name: "applications", check: checkPattern, at: func(g *declaredGateway) any { return &g.Applications },
		doc: "patterns of the applications of its log that it stands for; none: all that no other gateway of the kind names",
	}, {
		name: "protects", doc: "what it protects",
		in: []configKey[declaredGateway]{{
			name: "entries", check: checkEntry, at: func(g *declaredGateway) any { return &g.Entries },
			doc: "entry points: owa, ecp, ...",
		}, {
			name: "servers", check: checkServers, at: func(g *declaredGateway) any { return &g.Servers },
			doc: "patterns of Exchange servers; '*' is all of them, online is Exchange Online",
		}},
	}, {
		name: "window", doc: "how far an event can lie from its logon",
		in: []configKey[declaredGateway]{{
			name: "before", high: aDay, at: func(g *declaredGateway) any { return &g.Before },
			doc: "how much earlier",
		}, {
			name: "after", high: aDay, at: func(g *declaredGateway) any { return &g.After },
			doc: "how much later",
		}},
	}, {
		name: "session", low: time.Minute, high: 90 * aDay, at: func(g *declaredGateway) any { return &g.Session },
		doc: "how long an approval holds behind the last request of its session",
	}, {
		name: "user_form", words: audit.FormWords(), at: func(g *declaredGateway) any { return &g.UserForm },
		doc: "how it writes users",
	}, {
		name: "exempt", doc: "whom it does not ask, by policy",
		in: []configKey[declaredGateway]{{
			name: "users", check: checkPattern, at: func(g *declaredGateway) any { return &g.ExemptUsers },
			doc: "patterns of accounts, in any of their forms",
		}, {
			name: "addresses", check: checkPrefix, at: func(g *declaredGateway) any { return &g.ExemptSources },
			doc: "address ranges",
		}},
	}}
}

func checkEntry(name, text string) error {
	if _, ok := signin.ParseProtocol(text); !ok {
		return fmt.Errorf("%s cannot be %s; write %s", name, inQuotes(text), join(signin.Words("protocol"), ", ", " or "))
	}
	return nil
}

func checkServers(name, text string) error {
	if text == audit.AllServers {
		return nil
	}
	return checkServer(name, text)
}

// readGateways reads a file that holds a list of gateways. Every mistake names its line.
func readGateways(file string) ([]audit.Gateway, error) {
	data, err := readSmall(file, maxConfig)
	if err != nil {
		return nil, fmt.Errorf("reading the gateways: %w", err)
	}
	r := &configReader{file: file, places: map[string]configPlace{}, wrong: map[string]bool{}}
	root, problems := rules.ReadYAML(rules.File{Name: file, Data: fromUTF16(data)})
	for _, p := range problems {
		r.problems = append(r.problems, configProblem{File: file, Line: p.Line, Column: p.Column, Severity: isError, Message: p.Message})
	}
	var all []audit.Gateway
	if len(problems) == 0 {
		all = r.gateways(&root)
	}
	if r.sort(); len(r.problems) > 0 {
		text := r.problems[0].String()
		if more := len(r.problems) - 1; more > 0 {
			text += fmt.Sprintf(", and %s more", plural(more, "mistake"))
		}
		return nil, fmt.Errorf("%s", text)
	}
	return all, nil
}

func (r *configReader) gateways(n *rules.Node) (all []audit.Gateway) {
	ids := map[string]int{}
	r.items(n, "the list of gateways", func(i int, item *rules.Node) {
		name := fmt.Sprintf("gateways[%d]", i)
		if item.Kind != rules.MappingNode {
			r.reject(name, item, "a gateway must be a mapping; write kind: duo")
			return
		}
		d := declaredGateway{}
		for _, k := range item.Keys { // its defaults depend on the kind, wherever that stands
			if kind, ok := signin.ParseKind(k.Value.Text); k.Name == "kind" && ok {
				g := audit.DefaultGateway(kind)
				d.Before, d.After, d.Session = g.Before, g.After, g.Session
			}
		}
		readKeys(r, gatewayKeys(), &d, *item, name)
		_, hasKind := r.places[name+".kind"]
		if !hasKind {
			r.reject(name, item, "%s has no kind; write kind: and one of %s", name, join(gatewayKinds(), ", ", " or "))
			return
		}
		_, hasEntries := r.places[name+".protects.entries"]
		if d.Kind == noGateway && !hasEntries {
			r.reject(name, item, "%s says of nothing that nothing protects it; write protects: {entries: [owa, ecp]}", name)
			return
		}
		g := d.gateway(hasEntries)
		if first := ids[g.ID]; first != 0 {
			r.mistake(item.Line, item.Column, "the gateway at line %d has the id %s too; give each an id of its own", first, inQuotes(g.ID))
		}
		if ids[g.ID] = item.Line; g.Kind == signin.UnknownKind {
			delete(ids, g.ID) // of these there may be many
		}
		all = append(all, g)
	})
	return all
}

// gateway fills in what is not said. hasEntries: it is said what it protects, if only that it is nothing.
func (d *declaredGateway) gateway(hasEntries bool) audit.Gateway {
	kind, _ := signin.ParseKind(d.Kind)
	g := audit.DefaultGateway(kind)
	g.ID = cmp.Or(d.ID, d.Kind)
	for _, a := range d.Applications {
		g.Applications = append(g.Applications, strings.ToLower(a))
	}
	if hasEntries {
		g.Entries = nil
		for _, e := range d.Entries {
			p, _ := signin.ParseProtocol(e)
			g.Entries = append(g.Entries, p)
		}
	}
	if len(d.Servers) > 0 {
		g.Servers = d.Servers
	}
	g.Before, g.After, g.Session = d.Before, d.After, d.Session
	g.UserForm, _ = audit.ParseForm(d.UserForm)
	for _, u := range d.ExemptUsers {
		g.Exempt.Users = append(g.Exempt.Users, strings.ToLower(u))
	}
	g.Exempt.Networks, _ = prefixes("exempt.addresses", d.ExemptSources)
	return g
}
