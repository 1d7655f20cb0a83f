package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/outmode/outmode/ingest/mfa"
	"github.com/outmode/outmode/internal/signin"
)

// What applications of the proxy mean for the entry points of Exchange.
func TestPublishedOf(t *testing.T) {
	t.Parallel()
	app := func(name, external, backend, mode string) mfa.PublishedApplication {
		return mfa.PublishedApplication{Name: name, ExternalURL: external, BackendURL: backend, Preauthentication: mode}
	}
	const mail = "https://mail.contoso.com"
	owa := app("OWA", mail+"/owa/", mail+"/owa/", "ADFS")
	for name, c := range map[string]struct {
		apps []mfa.PublishedApplication
		want string // passed; asked; whole hosts
	}{
		"nothing":                     {nil, "[] [] []"},
		"preauthentication":           {[]mfa.PublishedApplication{owa}, "[] [owa] []"},
		"of rich clients":             {[]mfa.PublishedApplication{app("EAS", mail+"/Microsoft-Server-ActiveSync", mail+"/Microsoft-Server-ActiveSync", "ADFSforRichClients")}, "[] [activesync] []"},
		"pass-through":                {[]mfa.PublishedApplication{owa, app("EWS", "https://MAIL.contoso.com:443/EWS/", "https://ex01/EWS/", "passthrough")}, "[ews] [owa] []"},
		"the backend tells":           {[]mfa.PublishedApplication{app("Mail", "https://contoso.com/mail/", "https://ex01.contoso.com/owa/", "PassThrough")}, "[owa] [] []"},
		"the outside tells":           {[]mfa.PublishedApplication{app("Mail", mail+"/owa/", "https://ex01.contoso.com/", "PassThrough")}, "[owa] [] []"},
		"two ways in":                 {[]mfa.PublishedApplication{owa, app("Old OWA", "https://webmail.contoso.com/owa/", mail+"/owa/", "PassThrough")}, "[owa] [] []"},
		"the rest of a host":          {[]mfa.PublishedApplication{owa, app("All", mail+"/", mail+"/", "PassThrough")}, "[ecp ews mapi oab activesync autodiscover rpc powershell rest] [owa] []"},
		"another host, all of it":     {[]mfa.PublishedApplication{owa, app("All", "https://x.contoso.com/", mail, "PassThrough")}, "[owa ecp ews mapi oab activesync autodiscover rpc powershell rest] [] []"},
		"a backend is no way in":      {[]mfa.PublishedApplication{app("OWA", mail+"/owa/", "https://ex01/owa/", "ADFS"), app("EWS", "https://x.contoso.com/ews/", "https://ex01/", "PassThrough"), app("News", mail+"/news/", "https://ex01/", "PassThrough")}, "[ews] [owa] []"},
		"a host for one directory":    {[]mfa.PublishedApplication{app("OWA", "https://webmail.contoso.com/", "https://ex01/owa/", "PassThrough")}, "[owa] [] []"},
		"a host of which none knows":  {[]mfa.PublishedApplication{app("All", mail+"/", "https://ex01/", "PassThrough")}, "[] [] [All]"},
		"a host behind AD FS":         {[]mfa.PublishedApplication{app("All", mail+"/", "https://ex01/", "ADFS")}, "[] [] []"},
		"paths that others have, too": {[]mfa.PublishedApplication{app("ERP", "https://erp.contoso.com/api/", "https://erp/api/", "ADFS")}, "[] [] []"},
		"the same beside Exchange":    {[]mfa.PublishedApplication{owa, app("REST", mail+"/api/", mail+"/api/", "PassThrough")}, "[rest] [owa] []"},
		"certificates":                {[]mfa.PublishedApplication{app("EAS", mail+"/Microsoft-Server-ActiveSync/", mail, "ClientCertificate")}, "[] [] []"},
		"no URL of Exchange":          {[]mfa.PublishedApplication{app("Intranet", "https://intranet.contoso.com/news/", "https://web01/news/", "PassThrough")}, "[] [] []"},
		"URLs that cannot be read":    {[]mfa.PublishedApplication{app("x", "https://[/owa/", "/owa/", "PassThrough")}, "[] [] []"},
	} {
		p := publishedOf(c.apps)
		if got := fmt.Sprint(p.PassThrough, p.ByADFS, p.whole); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// From an export to what is said of each logon.
func TestMFAByProxy(t *testing.T) {
	t.Parallel()
	data, dir := doors(t), t.TempDir()
	gatewayLog(t, data, 1000, signin.ADFSLog, duoDay(t)...)
	export := write(t, filepath.Join(dir, "wap.csv"), []byte(wapExport))
	find := func(all []string, prefix string) string {
		i := slices.IndexFunc(all, func(l string) bool { return strings.HasPrefix(l, prefix) })
		if i < 0 {
			t.Fatalf("no logon %s in %q", prefix, all)
		}
		return all[i]
	}
	for _, args := range [][]string{
		{"--wap", export},
		{"-c", write(t, filepath.Join(dir, "c.yaml"), []byte("mfa: {wap: [wap.csv]}\n"))},
		{"-c", write(t, filepath.Join(dir, "d.yaml"), []byte("mfa: {wap: [none.csv]}\n")), "--wap", export},
	} {
		got := perLogon(t, data, args...)
		for prefix, want := range map[string]string{
			`09:00 contoso\anna owa`:  "outside not_covered unprotected", // else it is missing
			`09:30 contoso\carla owa`: "outside not_covered unprotected",
			`14:00 contoso\ben ecp`:   "outside missing no_event", // published behind AD FS
			`09:50 contoso\carla ews`: "outside not_covered unprotected",
		} {
			if line := find(got, prefix); line != prefix+" "+want {
				t.Errorf("%v: %s, want %s", args, line, want)
			}
		}
		m := mfaJSON(t, data, args...)
		if g := m.Gateways[0]; g.ID != "adfs" || g.Declared || !slices.Equal(g.Protects.Entries, []string{"ecp"}) {
			t.Errorf("%+v", g)
		}
		if !slices.ContainsFunc(m.Notes, func(n string) bool {
			return strings.Contains(n, "Web Application Proxy publishes owa as pass-through (Outlook on the web): AD FS asks nobody there")
		}) {
			t.Errorf("%q", m.Notes)
		}
	}
	if line := find(perLogon(t, data), `09:00 contoso\anna owa`); !strings.HasSuffix(line, "missing no_event") {
		t.Errorf("without the export: %s", line)
	}
	// What is declared holds, and the contradiction is told.
	declared := write(t, filepath.Join(dir, "g.yaml"), []byte("- kind: adfs\n  protects: {entries: [owa, ecp]}\n"))
	if line := find(perLogon(t, data, "--wap", export, "--gateway", declared), `09:00 contoso\anna owa`); !strings.HasSuffix(line, "missing no_event") {
		t.Error(line)
	}
	if m := mfaJSON(t, data, "--wap", export, "--gateway", declared); !slices.ContainsFunc(m.Notes, func(n string) bool { return strings.Contains(n, "what is declared holds") }) {
		t.Errorf("%q", m.Notes)
	}
	// All that AD FS was taken for is open: no note says that it must be declared, for what it protects is known.
	open := write(t, filepath.Join(dir, "open.csv"), []byte(strings.Replace(wapExport, `"ADFS"`, `"PassThrough"`, 1)))
	if m := mfaJSON(t, data, "--wap", open); len(m.Gateways[0].Protects.Entries) != 0 || slices.ContainsFunc(m.Notes, func(n string) bool { return strings.Contains(n, "protects nothing until") }) {
		t.Errorf("%+v %q", m.Gateways[0], m.Notes)
	}
	for _, c := range []struct{ name, text, want string }{
		{"bad.csv", "Name\nx\n", "bad.csv: reading the published applications: "}, {"bad.json", "{", "bad.json: reading"},
	} {
		if code, _, errs := outmode(t, "", "mfa", "--data", data, "--wap", write(t, filepath.Join(dir, c.name), []byte(c.text))); code != exitError || !strings.Contains(errs, c.want) {
			t.Errorf("%s: exit %d, %s", c.name, code, errs)
		}
	}
	must(t, exitError, "mfa", "--data", data, "--wap", filepath.Join(dir, "none.csv"))
}
