package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// A declaredGateway is an item of the list of gateways, as text.
type declaredGateway struct {
	ID, Kind     string
	Mapping      string // of kind mapped: the source of the mapping that reads its log
	Applications []string
	Protects     struct{ Entries, Servers []string } // Entries are nil where it is not said which
	Window       struct{ Before, After time.Duration }
	Session      time.Duration
	UserForm     string
	Exempt       struct{ Users, Addresses []string }
}

// defaultDeclared is a gateway of which only the kind is said. What it protects stays unsaid: that depends on what else
// is known.
func defaultDeclared(kind string) declaredGateway {
	k, _ := signin.ParseKind(kind)
	g := audit.DefaultGateway(k)
	d := declaredGateway{Kind: kind, Session: g.Session, UserForm: g.UserForm.String()}
	d.Window.Before, d.Window.After = g.Before, g.After
	return d
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
		name: "mapping", check: checkSource, at: func(g *declaredGateway) any { return &g.Mapping },
		doc: "of kind mapped: the source of the mapping that reads its log, with all its applications",
	}, {
		name: "applications", check: checkPattern, at: func(g *declaredGateway) any { return &g.Applications },
		doc: "patterns of the applications of its log that it stands for; none: all that no other gateway of the kind names; of kind mapped: the mapping, or mapping/application",
	}, {
		name: "protects", doc: "what it protects",
		in: []configKey[declaredGateway]{{
			name: "entries", check: checkEntry, at: func(g *declaredGateway) any { return &g.Protects.Entries },
			doc: "entry points: owa, ecp, ...",
		}, {
			name: "servers", check: checkServers, at: func(g *declaredGateway) any { return &g.Protects.Servers },
			doc: "patterns of Exchange servers; '*' is all of them, online is Exchange Online",
		}},
	}, {
		name: "window", doc: "how far an event can lie from its logon",
		in: []configKey[declaredGateway]{{
			name: "before", high: aDay, at: func(g *declaredGateway) any { return &g.Window.Before },
			doc: "how much earlier",
		}, {
			name: "after", high: aDay, at: func(g *declaredGateway) any { return &g.Window.After },
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
			name: "users", check: checkPattern, at: func(g *declaredGateway) any { return &g.Exempt.Users },
			doc: "patterns of accounts, in any of their forms",
		}, {
			name: "addresses", check: checkPrefix, at: func(g *declaredGateway) any { return &g.Exempt.Addresses },
			doc: "address ranges",
		}},
	}}
}

// typicalGateways declare a module for Outlook on the web, and a server that has none.
func typicalGateways() []string {
	return []string{
		"- id: duo-owa",
		"  kind: duo",
		"  protects: {entries: [owa, ecp], servers: [EX01, EX02]}",
		"- kind: none",
		"  protects: {entries: [owa, ecp], servers: [EX03]}",
	}
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

// readGateways reads a file that holds a list of gateways, as gateways of the configuration does.
func readGateways(file string) ([]audit.Gateway, error) {
	var all []declaredGateway
	err := readList(file, "the gateways", func(r *configReader, root *rules.Node) { r.gateways(root, "the list of gateways", &all) })
	return gatewaysOf(all), err
}

// readList reads a file that holds what a list of the configuration does. Every mistake names its line.
func readList(file, what string, read func(r *configReader, root *rules.Node)) error {
	data, err := readSmall(file, maxConfig)
	if err != nil {
		return fmt.Errorf("reading %s: %w", what, err)
	}
	r := &configReader{file: file, places: map[string]configPlace{}, wrong: map[string]bool{}}
	root, problems := rules.ReadYAML(rules.File{Name: file, Data: fromUTF16(data)})
	for _, p := range problems {
		r.problems = append(r.problems, configProblem{File: file, Line: p.Line, Column: p.Column, Severity: isError, Message: p.Message})
	}
	r.lost = len(problems) > 0 && root.Kind == rules.NullNode
	read(r, &root)
	r.missingBlanks(data)
	if r.sort(); len(r.problems) > 0 {
		text := r.problems[0].String()
		if more := len(r.problems) - 1; more > 0 {
			text += fmt.Sprintf(", and %s more", plural(more, "mistake"))
		}
		return errors.New(text)
	}
	return nil
}

// gateways reads the list; what is how a message names it.
func (r *configReader) gateways(n *rules.Node, what string, to *[]declaredGateway) {
	ids := map[string]int{}
	r.items(n, what, func(i int, item *rules.Node) {
		name := fmt.Sprintf("gateways[%d]", i)
		r.places[name] = configPlace{item.Line, item.Column}
		if item.Kind != rules.MappingNode {
			r.reject(name, item, "a gateway must be a mapping; write kind: duo")
			return
		}
		d := defaultDeclared("")
		for _, k := range item.Keys { // its defaults depend on the kind, wherever that stands
			if k.Name == "kind" && slices.Contains(gatewayKinds(), k.Value.Text) {
				d = defaultDeclared(k.Value.Text)
			}
		}
		readKeys(r, gatewayKeys(), &d, *item, name)
		if _, has := r.places[name+".kind"]; !has {
			r.reject(name, item, "%s has no kind; write kind: and one of %s", name, join(gatewayKinds(), ", ", " or "))
			return
		}
		if _, said := r.places[name+".protects.entries"]; said && d.Protects.Entries == nil {
			d.Protects.Entries = []string{} // it is said that it protects nothing
		}
		if d.Kind == noGateway && d.Protects.Entries == nil {
			r.reject(name, item, "%s says of nothing that nothing protects it; write protects: {entries: [owa, ecp]}", name)
			return
		}
		if d.Mapping != "" && (d.Kind != signin.Mapped.String() || len(d.Applications) > 0) {
			r.about(name+".mapping", isError, "%s.mapping is for kind: mapped, and instead of applications", name)
			return
		}
		id := cmp.Or(d.ID, d.Mapping, d.Kind)
		if first := ids[id]; first != 0 {
			r.mistake(item.Line, item.Column, "the gateway at line %d has the id %s too; give each an id of its own", first, inQuotes(id))
		}
		if d.Kind != noGateway { // of those there may be many
			ids[id] = item.Line
		}
		*to = append(*to, d)
	})
}

func gatewaysOf(declared []declaredGateway) (all []audit.Gateway) {
	for i := range declared {
		all = append(all, declared[i].gateway())
	}
	return all
}

// gateway fills in what is not said.
func (d *declaredGateway) gateway() audit.Gateway {
	kind, _ := signin.ParseKind(d.Kind)
	g := audit.DefaultGateway(kind)
	g.ID = cmp.Or(d.ID, d.Mapping, d.Kind)
	if d.Mapping != "" {
		source := strings.ToLower(d.Mapping)
		g.Applications = []string{source, source + "/*"}
	}
	for _, a := range d.Applications {
		g.Applications = append(g.Applications, strings.ToLower(a))
	}
	if d.Protects.Entries != nil {
		g.Entries, g.Usual = nil, false
		for _, e := range d.Protects.Entries {
			p, _ := signin.ParseProtocol(e)
			g.Entries = append(g.Entries, p)
		}
	}
	if len(d.Protects.Servers) > 0 {
		g.Servers = d.Protects.Servers
	}
	g.Before, g.After, g.Session = d.Window.Before, d.Window.After, d.Session
	g.UserForm, _ = audit.ParseForm(d.UserForm)
	for _, u := range d.Exempt.Users {
		g.Exempt.Users = append(g.Exempt.Users, strings.ToLower(u))
	}
	g.Exempt.Networks, _ = prefixes("exempt.addresses", d.Exempt.Addresses)
	return g
}
