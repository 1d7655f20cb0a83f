package main

import (
	"fmt"
	"strings"
)

// serviceName is what the service is called wherever Windows wants a name of it: of the service, of its virtual account
// and of its source of events.
const serviceName = "Outmode"

// virtualAccount is the account of the service: Windows makes it with the service, it has no password, no other service
// has it, and on the network it is the computer.
const virtualAccount = `NT SERVICE\` + serviceName

// A servicePlan is what an installation will be: everything is known before anything is done.
type servicePlan struct {
	exe     string
	args    []string // of exe: serve and what it is told
	account string
	data    string
	config  string   // "" for none
	private []string // other files that only the service and administrators are to read: tokens and keys
	rules   []string
	sources []serviceSource
}

// A serviceSource is a place of logs, and what stands there at the moment.
type serviceSource struct {
	path   string
	isFile bool
}

// serveArgs are the arguments with which the service runs. All paths are absolute: a service starts in a folder of the
// system.
func serveArgs(config, data, listen string, paths []string) []string {
	args := []string{"serve"}
	if config != "" {
		args = append(args, "-c", config)
	}
	if data != "" {
		args = append(args, "--data", data)
	}
	if listen != "" {
		args = append(args, "--listen", strings.TrimPrefix(listen, nowhere))
	}
	return append(args, paths...)
}

// checkAccount refuses an account that has a password: it would have to be told here, where others can see it.
func checkAccount(name string) error {
	upper := strings.ToUpper(name)
	switch {
	case strings.ContainsAny(name, "\"'/[]:;|=,+*?<>\r\n\t"):
		return usagef("--account %q is no name of an account", name)
	case upper == strings.ToUpper(virtualAccount), upper == `NT AUTHORITY\LOCALSERVICE`, upper == `NT AUTHORITY\NETWORKSERVICE`:
		return nil
	case strings.Count(name, `\`) == 1 && !strings.HasPrefix(name, `\`) && strings.HasSuffix(name, "$"):
		return nil
	case strings.HasPrefix(upper, `NT AUTHORITY\`), upper == "LOCALSYSTEM":
		return usagef("--account %q may do far more than read logs: leave it out, and the service gets an account of its own", name)
	}
	return usagef(`--account %q has a password: name a group managed service account (CONTOSO\outmode$), or leave it out and the service gets an account of its own`, name)
}

// Who must keep their rights to a folder from which inherited ones are taken. By number, as their names are translated.
const (
	theSystem         = "*S-1-5-18"
	theAdministrators = "*S-1-5-32-544"
)

// grants are the lines for PowerShell that give the account the rights that it needs, and to its own folder and files
// nobody else but administrators. What cannot be done from here is a comment.
func (p *servicePlan) grants(computer string) (lines []string) {
	own := func(path, inherit, right string) {
		lines = append(lines, fmt.Sprintf("icacls %s /inheritance:r /grant:r %s %s %s", psQuoted(path),
			psQuoted(theSystem+":"+inherit+"F"), psQuoted(theAdministrators+":"+inherit+"F"), psQuoted(p.account+":"+inherit+right)))
	}
	lines = append(lines, "New-Item -ItemType Directory -Force "+psQuoted(p.data)+" | Out-Null")
	own(p.data, "(OI)(CI)", "M")
	if p.config != "" {
		own(p.config, "", "R")
	}
	for _, file := range p.private {
		own(file, "", "R")
	}
	for _, dir := range p.rules {
		lines = append(lines, p.grant(dir, strings.HasSuffix(dir, ".yaml") || strings.HasSuffix(dir, ".yml")))
	}
	seen := map[string]bool{}
	for _, s := range p.sources {
		dir, cut := windowsFolder(s.path)
		line := p.grant(dir, s.isFile && !cut)
		if strings.HasPrefix(dir, `\\`) {
			line = fmt.Sprintf("# %s: there, give %s the right to read the share and the folder", dir, onNetwork(p.account, computer))
		}
		if !seen[line] {
			seen[line] = true
			lines = append(lines, line)
		}
	}
	return lines
}

// grant is the line that lets the account read a folder and all below it, or a file.
func (p *servicePlan) grant(path string, isFile bool) string {
	right := "(OI)(CI)RX"
	if isFile {
		right = "R"
	}
	return fmt.Sprintf("icacls %s /grant %s", psQuoted(path), psQuoted(p.account+":"+right))
}

// onNetwork is who an account is to other machines.
func onNetwork(account, computer string) string {
	if strings.HasPrefix(strings.ToUpper(account), `NT SERVICE\`) || strings.HasPrefix(strings.ToUpper(account), `NT AUTHORITY\`) {
		return "this computer (DOMAIN\\" + computer + "$)"
	}
	return account
}

// windowsFolder is the folder of a path, which may be a pattern: all up to the first part with * or ?.
func windowsFolder(path string) (dir string, cut bool) {
	wild := strings.IndexAny(path, "*?[")
	if strings.HasPrefix(path, `\\?\`) {
		if wild = strings.IndexAny(path[4:], "*?["); wild >= 0 {
			wild += 4
		}
	}
	if wild < 0 {
		return path, false
	}
	end := strings.LastIndexAny(path[:wild], `\/`)
	if end < 0 {
		return ".", true
	}
	if dir = path[:end]; strings.HasSuffix(dir, ":") {
		dir += `\`
	}
	return dir, true
}

// psQuoted is a text as PowerShell takes it literally. PowerShell takes typographic quotes for quotes, too.
func psQuoted(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range s {
		switch r {
		case '\'', '\u2018', '\u2019', '\u201a', '\u201b':
			b.WriteRune(r)
		}
		b.WriteRune(r)
	}
	b.WriteByte('\'')
	return b.String()
}

// A serviceStatus is what "outmode service status" tells.
type serviceStatus struct {
	Name    string `json:"name"`
	State   string `json:"state"`
	PID     uint32 `json:"pid"`
	Exit    uint32 `json:"exit"` // of the last run, 0 if it was told to stop
	Start   string `json:"start"`
	Account string `json:"account"`
	Command string `json:"command"`
}

// exitOf is the exit code of the last run: Windows keeps it at one of two places.
func exitOf(win32, specific uint32) uint32 {
	const serviceSpecific = 1066 // ERROR_SERVICE_SPECIFIC_ERROR: the other place has it
	const neverStarted = 1077    // ERROR_SERVICE_NEVER_STARTED
	switch win32 {
	case serviceSpecific:
		return specific
	case neverStarted:
		return 0
	}
	return win32
}

// startWords says when a service starts.
func startWords(kind uint32, delayed bool) string {
	switch {
	case kind == 2 && delayed:
		return "automatic, delayed"
	case kind == 2:
		return "automatic"
	case kind == 3:
		return "manual"
	case kind == 4:
		return "disabled"
	}
	return fmt.Sprintf("start type %d", kind)
}
