package main

import (
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
)

// A published is what Web Application Proxy publishes of Exchange.
type published struct {
	audit.Proxied
	by    map[signin.Protocol][]string // names of the applications that pass it through
	whole []string                     // what passes a whole host through that need not be one of Exchange
}

// maxPublished bounds an export, in bytes.
const maxPublished = 16 << 20

// readPublished reads exports of Get-WebApplicationProxyApplication.
func readPublished(files []string) (published, error) {
	var all []mfa.PublishedApplication
	for _, file := range files {
		data, err := readSmall(file, maxPublished)
		if err != nil {
			return published{}, fmt.Errorf("reading what Web Application Proxy publishes: %w", err)
		}
		apps, err := mfa.PublishedApplications(fromUTF16(data))
		if err != nil {
			return published{}, fmt.Errorf("%s: %w", filepath.ToSlash(file), err)
		}
		all = append(all, apps...)
	}
	return publishedOf(all), nil
}

// A doorway is one URL of an application: where it is reached, or where it leads.
type doorway struct {
	host  string
	entry signin.Protocol // OtherProtocol if the path is that of no virtual directory of Exchange
	whole bool            // it is the whole host
}

func doorwayOf(text string) (d doorway) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Host == "" {
		return doorway{entry: signin.OtherProtocol}
	}
	return doorway{strings.ToLower(u.Hostname()), signin.EntryOf(u.Path), strings.Trim(u.Path, "/") == ""}
}

// exchangeOnly are the entry points whose paths nobody but Exchange has; /api, /rpc and /powershell are others' too.
func exchangeOnly() []signin.Protocol {
	return []signin.Protocol{signin.OWA, signin.ECP, signin.EWS, signin.MAPI, signin.OAB, signin.ActiveSync, signin.Autodiscover}
}

// publishable are the entry points that a proxy may publish.
func publishable() []signin.Protocol {
	return append(exchangeOnly(), signin.RPC, signin.PowerShell, signin.REST)
}

// publishedOf says what applications mean for the entry points of Exchange. One that leads to a virtual directory is about
// that one; one that publishes a whole host, and leads to Exchange, about all that have no application of their own at that
// host. If there are two ways to an entry point, it is as open as the more open one.
func publishedOf(apps []mfa.PublishedApplication) published {
	type at struct {
		host  string
		entry signin.Protocol
	}
	exchange, own := map[string]bool{}, map[at]bool{} // hosts of Exchange; what has an application of its own outside
	for i := range apps {
		outside, inside := doorwayOf(apps[i].ExternalURL), doorwayOf(apps[i].BackendURL)
		for _, d := range []doorway{outside, inside} {
			exchange[d.host] = exchange[d.host] || d.host != "" && slices.Contains(exchangeOnly(), d.entry)
		}
		own[at{outside.host, outside.entry}] = true
	}
	passed, asked, whole := map[signin.Protocol]map[string]bool{}, map[signin.Protocol]bool{}, map[string]bool{}
	for i := range apps {
		a := &apps[i]
		outside, inside := doorwayOf(a.ExternalURL), doorwayOf(a.BackendURL)
		leads := exchange[outside.host] || exchange[inside.host]
		var entries []signin.Protocol
		switch {
		case outside.entry != signin.OtherProtocol && leads:
			entries = append(entries, outside.entry)
		case inside.entry != signin.OtherProtocol && leads:
			entries = append(entries, inside.entry)
		case outside.whole && leads:
			entries = slices.DeleteFunc(publishable(), func(e signin.Protocol) bool { return own[at{outside.host, e}] })
		case outside.whole && a.PassThrough():
			whole[nameOf(a)] = true
		}
		for _, entry := range entries {
			switch {
			case a.PassThrough() && passed[entry] == nil:
				passed[entry] = map[string]bool{nameOf(a): true}
			case a.PassThrough():
				passed[entry][nameOf(a)] = true
			case a.ByADFS():
				asked[entry] = true
			}
		}
	}
	p := published{by: map[signin.Protocol][]string{}, whole: slices.Sorted(maps.Keys(whole))}
	for _, entry := range publishable() {
		switch {
		case passed[entry] != nil:
			p.PassThrough = append(p.PassThrough, entry)
			p.by[entry] = slices.Sorted(maps.Keys(passed[entry]))
		case asked[entry]:
			p.ByADFS = append(p.ByADFS, entry)
		}
	}
	return p
}

func nameOf(a *mfa.PublishedApplication) string {
	if a.Name != "" {
		return a.Name
	}
	return a.ExternalURL
}

// notes says what follows from it, and what may be wrong with that.
func (p *published) notes(declared []audit.Gateway) (notes []string) {
	var open, kept []string
	apps := map[string]bool{}
	for _, entry := range p.PassThrough {
		told := slices.ContainsFunc(declared, func(g audit.Gateway) bool {
			return (g.Kind == signin.ADFSLog || g.Kind == signin.WAP) && !g.Usual && slices.Contains(g.Entries, entry)
		})
		if told {
			kept = append(kept, entry.String())
			continue
		}
		open = append(open, entry.String())
		for _, name := range p.by[entry] {
			apps[name] = true
		}
	}
	if len(open) > 0 {
		notes = append(notes, fmt.Sprintf("Web Application Proxy publishes %s as pass-through (%s): AD FS asks nobody there. If Exchange itself sends people to AD FS, declare a gateway of kind adfs that protects it",
			join(open, ", ", " and "), some(slices.Sorted(maps.Keys(apps)))))
	}
	if len(kept) > 0 {
		notes = append(notes, fmt.Sprintf("Web Application Proxy publishes %s as pass-through, and a gateway is declared to protect it: what is declared holds", join(kept, ", ", " and ")))
	}
	if len(p.whole) > 0 {
		notes = append(notes, fmt.Sprintf("Web Application Proxy publishes a whole host as pass-through (%s), and nothing in the export says whether Exchange is there. If it is, say it: kind: none, protects: {entries: [owa, ecp]}", some(p.whole)))
	}
	return notes
}
