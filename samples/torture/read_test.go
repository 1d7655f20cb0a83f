package main

import (
	"bytes"
	"encoding/csv"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// An event is one line as a reader of the files understands it. The reader here shares the words of the ledger with the
// writer and nothing else: what it knows, it knows from the bytes.
type event struct {
	path string
	told told
}

// A reading is a tree of logs as it stands.
type reading struct {
	files   []source // path, size, offset
	byFile  map[string]*lines
	dataset map[string]string
	events  []event
}

// readTree reads every complete line below root.
func readTree(root string) (*reading, error) {
	r := &reading{byFile: map[string]*lines{}, dataset: map[string]string{}}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		r.file(filepath.ToSlash(path), raw)
		return nil
	})
	for _, e := range r.events {
		r.byFile[e.path].count(e.told.verdict, 1)
	}
	return r, err
}

func (r *reading) file(path string, raw []byte) {
	whole := raw[:bytes.LastIndexByte(raw, '\n')+1]
	r.files = append(r.files, source{Path: path, Size: int64(len(raw)), Offset: int64(len(whole)), State: "read"})
	r.byFile[path] = &lines{}
	parts := strings.Split(path, "/")
	server, folder := "", parts[len(parts)-2]
	for _, p := range parts {
		if strings.HasPrefix(p, "EX") {
			server = p
		}
	}
	p := &parser{server: server, users: map[string]string{}}
	judge, kind := p.proxy, "httpproxy"
	switch folder {
	case "W3SVC1":
		judge, kind = p.iis, "iis"
	case "Imap4", "Pop3":
		judge, kind = p.mail, map[string]string{"Imap4": "imap", "Pop3": "pop"}[folder]
	case "SmtpReceive":
		judge, kind = p.smtp, "smtp"
	}
	p.kind = kind
	r.dataset[path] = "outmode." + kind
	for line := range strings.Lines(string(whole)) {
		line = strings.TrimPrefix(strings.TrimSuffix(line, "\r\n"), "\uFEFF")
		what := told{verdict: directive}
		switch {
		case line == "":
			what = told{}
		case strings.HasPrefix(line, "#Fields: "):
			p.columns = strings.FieldsFunc(strings.TrimPrefix(line, "#Fields: "), func(c rune) bool { return c == ' ' || c == ',' })
		case line[0] == '#', strings.HasPrefix(line, "DateTime,"):
		default:
			what = judge(line)
		}
		what.key.server, what.key.dataset = "", ""
		if what.verdict == signIn {
			what.key.server, what.key.dataset = server, "outmode."+kind
			what.key.user = strings.ToLower(what.key.user)
		}
		r.events = append(r.events, event{path, what})
	}
}

type parser struct {
	server, kind string
	columns      []string
	users        map[string]string // by session: what an earlier line of it said
}

func (p *parser) value(values []string, column string) string {
	return values[slices.Index(p.columns, column)]
}

func (p *parser) proxy(line string) told {
	v := strings.Split(line, ",")
	if len(v) != len(p.columns) {
		return told{verdict: malformed}
	}
	user, auth := p.value(v, "AuthenticatedUser"), p.value(v, "AuthenticationType")
	protocol := strings.ToLower(p.value(v, "Protocol"))
	if protocol == "eas" {
		protocol = "activesync"
	}
	status := p.value(v, "HttpStatus")
	switch {
	case strings.Contains(user, "HealthMailbox"):
		return told{verdict: noise}
	case p.value(v, "IsAuthenticated") == "true":
		word := map[string]string{"Basic": "basic", "Negotiate": "negotiate", "NTLM": "ntlm", "Bearer": "oauth", "FBA": "forms"}[auth]
		return told{verdict: signIn, key: key{"", "", user, protocol, word, map[bool]string{true: "blocked", false: "success"}[status == "401"]}}
	case auth == "Basic" && status == "401":
		return told{signIn, key{"", "", "", protocol, "basic", "failure"}, true}
	}
	return told{}
}

func (p *parser) iis(line string) told {
	v := strings.Split(line, " ")
	if len(v) != len(p.columns) {
		return told{verdict: malformed}
	}
	user := p.value(v, "cs-username")
	protocol := map[string]string{"EWS": "ews", "Microsoft-Server-ActiveSync": "activesync", "Autodiscover": "autodiscover"}[strings.Split(p.value(v, "cs-uri-stem"), "/")[1]]
	switch {
	case user == "-":
		return told{}
	case strings.HasPrefix(user, "HealthMailbox"):
		return told{verdict: noise}
	case p.value(v, "sc-status") == "200":
		return told{signIn, key{"", "", user, protocol, "unknown", "success"}, true}
	case p.value(v, "sc-substatus") == "1" && len(p.value(v, "sc-win32-status")) == 4:
		return told{verdict: signIn, key: key{"", "", user, protocol, "basic", "failure"}}
	}
	return told{}
}

func fieldsOf(line string) []string {
	v, err := csv.NewReader(strings.NewReader(line)).Read()
	if err != nil {
		return nil
	}
	return v
}

func (p *parser) mail(line string) told {
	v := fieldsOf(line)
	if len(v) != len(p.columns) {
		return told{verdict: malformed}
	}
	session, user, command, parameters, context := v[1], v[5], v[9], v[10], v[11]
	auth := "basic"
	switch command {
	case "user":
		p.users[session] = parameters
		return told{}
	case "pass":
		if user == "" {
			user = p.users[session]
		}
	case "authenticate":
		if parameters == "NTLM" {
			auth = "ntlm"
		}
	case "login":
	default:
		return told{}
	}
	if strings.HasPrefix(user, "HealthMailbox") {
		return told{verdict: noise}
	}
	outcome := "failure"
	if strings.HasPrefix(context, "R=OK") {
		outcome = "success"
	}
	return told{verdict: signIn, key: key{"", "", user, p.kind, auth, outcome}}
}

func (p *parser) smtp(line string) told {
	v := fieldsOf(line)
	if len(v) != len(p.columns) {
		return told{verdict: malformed}
	}
	session, data, context := v[2], v[7], v[8]
	name, failed := strings.CutPrefix(context, "User Name: ")
	switch {
	case strings.HasPrefix(data, "AUTH "):
		p.users[session] = map[string]string{"AUTH LOGIN": "basic", "AUTH NTLM": "ntlm"}[data]
	case failed:
		return told{verdict: signIn, key: key{"", "", name, "smtp", p.users[session], "failure"}}
	case context == "authenticated":
		return told{verdict: signIn, key: key{"", "", data, "smtp", p.users[session], "success"}}
	}
	return told{}
}

// usage counts the sign-ins by key.
func (r *reading) usage() (strong, weak map[key]int64) {
	strong, weak = map[key]int64{}, map[key]int64{}
	for _, e := range r.events {
		switch {
		case e.told.verdict != signIn:
		case e.told.weak:
			weak[e.told.key]++
		default:
			strong[e.told.key]++
		}
	}
	return strong, weak
}
