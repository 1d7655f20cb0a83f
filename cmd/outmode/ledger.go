package main

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/outmode/outmode/internal/signin"
)

// byWhom says which logs tell sign-ins twice.
func byWhom(all []coverage) string {
	cloud, exchange := map[signin.Kind]bool{}, false
	for i := range all {
		switch k, _ := signin.ParseKind(all[i].Kind); {
		case k.Cloud():
			cloud[k] = true
		case !k.Gateway():
			exchange = true
		}
	}
	switch {
	case exchange && len(cloud) > 1:
		return "by IIS and by HttpProxy, or by several logs of the cloud"
	case !exchange && len(cloud) > 0:
		return "by several logs of the cloud"
	}
	return "by IIS and by HttpProxy"
}

// ledger shows what became of every line, per folder and in total.
func (t *tableWriter) ledger() {
	t.heading("What was read")
	tb := newTable("folder", "kind", "server", ">files", ">lines", ">sign-ins", ">mfa", ">noise", ">other", ">malformed", ">headers", "from", "to")
	for _, g := range t.groups() {
		l := g.lines
		tb.add(g.name, g.kind, orDash(g.server), number(g.files), number(l.Total), number(l.SignIn), number(l.MFA), number(l.Noise), number(l.Other),
			number(l.Malformed), number(l.Directive), g.from, g.to)
	}
	l := t.r.Lines
	tb.add("total", "", "", number(len(t.r.Sources)), number(l.Total), number(l.SignIn), number(l.MFA), number(l.Noise), number(l.Other), number(l.Malformed), number(l.Directive), "", "")
	tb.write(t.w, t.p)
	s := t.r.SignIns
	t.printf("\n  %s = %s counted + %s told twice (%s)", plural(s.Lines, "sign-in line"), number(s.Counted), number(s.ToldTwice), byWhom(t.r.Coverage))
	if s.Waiting > 0 {
		t.printf(" + %s waiting (for the other log of their server)", number(s.Waiting))
	}
	t.printf("\n")
	t.causes("noise", t.r.Noise)
	if t.verbose {
		t.causes("other", t.r.Other)
	}
	for _, f := range t.r.Servers {
		if f.Server != "" {
			t.printf("  the IIS logs in %s are of %s: %s\n", cell(f.Folder), cell(f.Server), f.How)
		}
	}
}

func (t *tableWriter) causes(what string, cs []cause) {
	if len(cs) == 0 {
		return
	}
	var parts []string
	for _, c := range cs {
		parts = append(parts, number(c.Lines)+" "+c.Reason)
	}
	t.printf("  %s: %s\n", what, cell(strings.Join(parts, "; ")))
}

// A group is a row of the ledger: the files of one kind and state in one folder.
type group struct {
	name, kind, server string
	files              int
	lines              signin.Lines
	from, to           string
}

func (t *tableWriter) groups() []group {
	var groups []group
	at := map[[3]string]int{}
	for i := range t.r.Sources {
		s := &t.r.Sources[i]
		g := group{name: path.Dir(s.Path), kind: s.Kind, server: s.Server}
		if s.Path == "-" {
			g.name = "standard input"
		}
		if s.State != "read" {
			g.kind += " (" + strings.ReplaceAll(s.State, "_", " ") + ")"
		}
		if t.verbose {
			g.name = s.Path
		}
		k := [3]string{g.name, g.kind, g.server}
		n, ok := at[k]
		if !ok {
			n = len(groups)
			at[k] = n
			groups = append(groups, g)
		}
		groups[n].add(s, t.day)
	}
	slices.SortStableFunc(groups, func(a, b group) int { return strings.Compare(a.name, b.name) })
	return groups
}

func (g *group) add(s *source, day func(string) string) {
	g.files++
	g.lines.Add(s.Lines)
	if s.FirstEvent == "" {
		return
	}
	if first := day(s.FirstEvent); g.from == "" || first < g.from {
		g.from = first
	}
	g.to = max(g.to, day(s.LastEvent))
}

func (t *tableWriter) notes() {
	if len(t.r.Notes) == 0 {
		return
	}
	t.heading("What is missing, and why")
	for _, s := range t.r.Notes {
		t.printf("  - %s\n", wrap(cell(s), noteWidth, "    "))
	}
}

const noteWidth = 112

func (t *tableWriter) next() {
	if t.r.store != "" {
		t.nextOfStore()
		return
	}
	paths := make([]string, len(t.r.paths))
	for i, p := range t.r.paths {
		paths[i] = quoted(p)
	}
	all := strings.Join(paths, " ")
	t.heading("Next")
	for _, f := range t.r.found {
		if n := len(f.Evidence); n > 0 && all != "-" {
			at := f.Evidence[n-1]
			t.printf("  outmode explain --line %d %s    a line of the first finding\n", at.Line, quoted(t.r.logs[at.File].Input.Path))
			t.printf("  outmode scan %s -o json    everything above as one object, with the evidence\n", all)
			t.nextMFA(all)
			return
		}
	}
	t.printf("  outmode scan %s -v    every file and every reason\n", all)
	t.nextMFA(all)
}

// nextMFA says how to ask what gateways say of each logon, where a log of one was read: of a store. paths are none where the
// report is of one.
func (t *tableWriter) nextMFA(paths string) {
	told := slices.ContainsFunc(t.r.Sources, func(s source) bool {
		k, _ := signin.ParseKind(s.Kind)
		return k.Gateway() && s.State == "read"
	})
	switch {
	case !told || paths == "-":
	case paths == "":
		t.printf("  outmode mfa --data %s    who got in without a second factor, and where none is asked for\n", quoted(t.r.store))
	default:
		t.printf("  outmode scan --data outmode-data %s    the same into a store, of which\n", paths)
		t.printf("  outmode mfa --data outmode-data    says who got in without a second factor, and where none is asked for\n")
	}
}

// nextOfStore is next where the report is of what a store holds.
func (t *tableWriter) nextOfStore() {
	data := quoted(t.r.store)
	t.heading("Next")
	for _, f := range t.r.found {
		if n := len(f.Evidence); n > 0 && t.r.logs[f.Evidence[n-1].File].Input.Path != "-" {
			at := f.Evidence[n-1]
			t.printf("  outmode explain --line %d %s    a line of the first finding\n", at.Line, quoted(t.r.logs[at.File].Input.Path))
			break
		}
	}
	t.printf("  outmode findings list --data %s    every finding, and what became of it\n", data)
	t.printf("  outmode usage --data %s -o json    everything above as one object, with the evidence\n", data)
	t.nextMFA("")
}

// quoted makes a path one word for a shell, as far as a terminal can show it.
func quoted(p string) string {
	p = cell(p)
	special := " !()[]{}*?&;|<>$`'\"#"
	if filepath.Separator != '\\' {
		special += `\`
	}
	if strings.ContainsAny(p, special) {
		return `'` + strings.ReplaceAll(p, `'`, `'\''`) + `'`
	}
	return p
}

// unreadFrom says from where on a log, or a folder, was not read, and why. The words of the why begin with the path, which
// stands beside.
func unreadFrom(path string, offset int64, why string) string {
	why = strings.TrimPrefix(why, path+": ")
	if offset == 0 {
		return why
	}
	return fmt.Sprintf("from byte %d on: %s", offset, why)
}
