package main

import (
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/outmode/outmode/internal/signin"
)

// A configKey says all there is to say of one key of the configuration. From this description come
// what the file may hold, what config init writes, and what config schema prints.
//
// The type of a value is that of what at points to: *string, *bool, *time.Duration, *[]string,
// *[]configSource, *[]declaredGateway, *[]mfa.Mapping, what mappings alone have, *outcomeWords, or *secretRef, which stands
// for two keys, name and name_file.
type configKey[T any] struct {
	name  string
	doc   string         // what an administrator must know, in whole sentences
	at    func(*T) any   // where the value is kept; nil of a section
	in    []configKey[T] // the keys of a section
	shown []string       // lines that config init writes as comments, where there is nothing else to write

	words     []string                      // a text: the only ones there are
	empty     bool                          // a text: may be empty
	path      bool                          // a text: a path, from the folder of the file where it is not absolute
	low, high time.Duration                 // a duration: bounds
	zero      string                        // a duration: the word that stands for 0
	check     func(name, text string) error // a text, or each of a list: what is wrong with it
}

// configKeys describes the file.
func configKeys() []configKey[config] {
	return []configKey[config]{{
		name: "data", path: true, check: checkPath, at: func(c *config) any { return &c.Data },
		doc: "The folder of the store: what was read, up to where, and what was found. It must be on a disk of this machine, not on a share; it is made if it is not there.",
	}, {
		name: "sources", at: func(c *config) any { return &c.Sources },
		doc:   "Where the logs are. Name folders, with all below them, rather than files: new logs are found by themselves, and what a file is, is told from its content. HttpProxy and the front end's IIS logs (W3SVC1) of every server are what counts; POP and IMAP must be switched on first (Set-PopSettings, Set-ImapSettings -ProtocolLogEnabled $true).",
		shown: typicalSources(),
	}, {
		name: "discover", doc: "How logs are followed.",
		in: []configKey[config]{{
			name: "every", low: time.Second, high: time.Hour, at: func(c *config) any { return &c.Discover.Every },
			doc: "How often the folders are searched for new logs, and logs on shares for new lines.",
		}, {
			name: "idle_after", low: time.Minute, high: aDay, at: func(c *config) any { return &c.Discover.IdleAfter },
			doc: "A log to which nothing was written for so long is closed, so that it can be moved or deleted. If it grows again, reading goes on where it stopped.",
		}, {
			name: "silent_after", low: time.Minute, high: aYear, zero: "auto", at: func(c *config) any { return &c.Discover.SilentAfter },
			doc: "A source that wrote nothing for so long is reported as silent. auto learns it from each source's own habit, so that a quiet night is no alarm.",
		}},
	}, {
		name: "organisation", doc: "What the logs do not say of your network and your accounts.",
		in: []configKey[config]{{
			name: "internal", check: checkPrefix, at: func(c *config) any { return &c.Organisation.Internal },
			doc: "Address ranges inside the organisation, such as 10.0.0.0/8. Empty: the private ranges (RFC 1918, unique local, loopback, link-local).",
		}, {
			name: "service", check: checkPattern, at: func(c *config) any { return &c.Organisation.Service },
			doc: "Service accounts, as patterns with * and ?, such as 'svc-*'. They count as use, and are told apart from people.",
		}, {
			name: "exclude", check: checkExclude, at: func(c *config) any { return &c.Organisation.Exclude },
			doc: "What is noise: a pattern of accounts or of files; 'path:PATTERN' means files alone; 'agent:PATTERN' and 'address:CIDR' are health checks of a load balancer, where no account is named.",
		}, {
			name: "servers", check: checkHost, at: func(c *config) any { return &c.Organisation.Servers },
			doc: "Addresses of Exchange servers that the logs do not show. A server's own requests are no sign-ins of people.",
		}, {
			name: "published_apps", check: checkPublished, at: func(c *config) any { return &c.Organisation.PublishedApps },
			doc: "Applications of Entra that are your Exchange, published by Application Proxy: their application ids, or their names. Sign-ins to them count as sign-ins to Exchange.",
		}, {
			name: "people", path: true, check: checkPath, at: func(c *config) any { return &c.Organisation.People },
			doc: "Maps of people, for all that joins logons with what gateways logged (\"outmode mfa\" and \"outmode users\" without --map, and the rules that read mfa): CSV files that join the names of one person, or exports of the directory (ldifde, csvde, ldapsearch). Columns: sam domain upn sid mail dn guid department manager.",
		}, {
			name: "aliases", check: checkAlias, at: func(c *config) any { return &c.Organisation.Aliases },
			doc: "Two names of one domain, such as CONTOSO=contoso.com, for the same; --alias of a command adds to it.",
		}},
	}, {
		name: "gateways", at: func(c *config) any { return &c.Gateways },
		doc:   "What the MFA gateways protect, for \"outmode mfa\" without its --gateway, and for the rules that read mfa (scan, serve). Undeclared, Duo, Monosign, AD FS and Web Application Proxy are taken to protect owa and ecp on every server, Entra all of Exchange Online, and others nothing. docs/mfa.md has more.",
		shown: typicalGateways(),
	}, {
		name: "mappings", at: func(c *config) any { return &c.Mappings },
		doc:   "Logs of gateways that Outmode does not know, and how they are read. They are asked of files that nothing else is known by. docs/configuration.md has an example.",
		shown: typicalMappings(),
	}, {
		name: "mfa", doc: "How the logs of MFA gateways are understood.", in: mfaKeys(),
	}, {
		name: "rules", doc: "What deserves a look. \"outmode rules list\" lists the built-in rules.",
		in: []configKey[config]{{
			name: "dirs", path: true, check: checkPath, at: func(c *config) any { return &c.Rules.Dirs },
			doc: "Folders with rules of your own (*.yaml), or single files. \"outmode rules check DIR\" checks them.",
		}, {
			name: "builtin", at: func(c *config) any { return &c.Rules.Builtin },
			doc: "Whether the built-in rules apply.",
		}, {
			name: "resolve_after", low: aDay, high: longestSpan, at: func(c *config) any { return &c.Rules.ResolveAfter },
			doc: "A finding that did not happen again for so long is resolved. If it happens once more it opens again.",
		}},
	}, {
		name: "retention", doc: "How long the store keeps what. Ages count back from the newest event. The summary of who used what is kept for good.",
		in: []configKey[config]{{
			name: "hours", low: 2 * aDay, high: longestSpan, at: func(c *config) any { return &c.Retention.Hours },
			doc: "Use by the hour and address, which tells a person from a robot and one logon from the next, and what MFA gateways told.",
		}, {
			name: "days", low: 2 * aDay, high: longestSpan, at: func(c *config) any { return &c.Retention.Days },
			doc: "Use by the day, of which \"outmode usage --by day\" and the sums of a period are made. It should reach back over a whole year: some jobs run once a year.",
		}, {
			name: "evidence", low: aDay, high: longestSpan, at: func(c *config) any { return &c.Retention.Evidence },
			doc: "The sign-ins that are shown with a finding.",
		}, {
			name: "findings", low: aDay, high: longestSpan, at: func(c *config) any { return &c.Retention.Findings },
			doc: "Findings that are resolved. Open ones are kept.",
		}},
	}, {
		name: "listen", empty: true, check: checkListen, at: func(c *config) any { return &c.Listen },
		doc: "Address and port of /metrics, /healthz and /readyz. '' for none. Other machines reach it only if the address is not loopback; then set listen_auth and tls.",
	}, {
		name: "tls", doc: "The certificate for listen, PEM files. '' for none.",
		in: []configKey[config]{{
			name: "cert", path: true, empty: true, check: checkPath, at: func(c *config) any { return &c.TLS.Cert },
			doc: "The certificate, with those of the issuers behind it.",
		}, {
			name: "key", path: true, empty: true, check: checkPath, at: func(c *config) any { return &c.TLS.Key },
			doc: "Its private key.",
		}},
	}, {
		name: "listen_auth", doc: "The bearer token that /metrics asks for. It never stands in this file: name a file that holds nothing else, or an environment variable.",
		in: []configKey[config]{{
			name: "token", check: checkPath, path: true, at: func(c *config) any { return &c.ListenAuth.Token },
			doc:   "The token: token_file or token.",
			shown: []string{"token_file: " + yamlText(filepath.Join(machineFolder("/etc/outmode"), "metrics.token")), "token: env:OUTMODE_TOKEN"},
		}},
	}, {
		name: "log", doc: "What the program says of itself, on standard error.",
		in: []configKey[config]{{
			name: "format", words: []string{"text", "json"}, at: func(c *config) any { return &c.Log.Format },
			doc: "text for people, json for programs.",
		}, {
			name: "level", words: []string{"debug", "info", "warn", "error"}, at: func(c *config) any { return &c.Log.Level },
			doc: "The least severe messages that are written.",
		}},
	}}
}

// sourceKeys describes an item of sources.
func sourceKeys() []configKey[configSource] {
	return []configKey[configSource]{{
		name: "path", path: true, check: checkGlob, at: func(s *configSource) any { return &s.Path },
		doc: "a folder, a file, or a pattern of them with * and ?",
	}, {
		name: "kind", words: []string{"auto", "iis", "httpproxy", "imap", "pop", "smtp"}, at: func(s *configSource) any { return &s.Kind },
		doc: "auto tells it from the content of each file",
	}, {
		name: "server", empty: true, check: checkServer, at: func(s *configSource) any { return &s.Server },
		doc: "the Exchange server whose logs these are, for IIS logs without s-computername",
	}, {
		name: "poll", words: []string{"auto", "always"}, at: func(s *configSource) any { return &s.Poll },
		doc: "always reads in blocks and never keeps a log open, as is right for network shares",
	}, {
		name: "exclude", check: checkPattern, at: func(s *configSource) any { return &s.Exclude },
		doc: "patterns of file and folder names to leave out",
	}}
}

// typicalSources are the folders of a default installation.
func typicalSources() []string {
	const exchange = `C:\Program Files\Microsoft\Exchange Server\V15\`
	return []string{
		`- path: 'C:\inetpub\logs\LogFiles\W3SVC1'`,
		`- path: '` + exchange + `Logging\HttpProxy'`,
		`- path: '` + exchange + `Logging\Imap4'`,
		`- path: '` + exchange + `Logging\Pop3'`,
		`- path: '` + exchange + `TransportRoles\Logs\FrontEnd\ProtocolLog\SmtpReceive'`,
		`- path: '\\EX02\OutmodeLogs\W3SVC1'`,
		`  server: EX02`,
		`  poll: always`,
	}
}

func checkPrefix(name, text string) error {
	_, err := prefixes(name, []string{text})
	return err
}

func checkPattern(name, text string) error {
	_, err := patterns(name, []string{text})
	return err
}

func checkExclude(name, text string) error {
	o := organisation{exclude: []string{text}}
	if _, err := o.noise(); err != nil {
		return fmt.Errorf("%s%s", name, strings.TrimPrefix(err.Error(), "--exclude"))
	}
	return nil
}

func checkHost(name, text string) error {
	if _, ok := signin.ParseHost(text); !ok {
		return fmt.Errorf("%s %s is no IP address", name, inQuotes(text))
	}
	return nil
}

func checkServer(name, text string) error {
	if strings.ContainsAny(text, " \t/\\:") {
		return fmt.Errorf("%s %s is no name of a server; write it as the logs do: EX01", name, inQuotes(text))
	}
	return nil
}

// percentName is an environment variable as the command line of Windows means it.
var percentName = regexp.MustCompile(`%\w+%`)

// checkPath refuses what a shell would replace: nothing replaces it here.
func checkPath(name, text string) error {
	switch variable := percentName.FindString(text); {
	case variable != "":
		return fmt.Errorf("%s: nothing replaces %s here; write the path out", name, inQuotes(variable))
	case strings.Contains(text, "${"), strings.HasPrefix(text, "$"), strings.HasPrefix(text, "~"):
		return fmt.Errorf("%s: nothing replaces %s here; write the path out", name, inQuotes(text))
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return fmt.Errorf("%s: a path holds no control characters; put a path with backslashes in single quotes", name)
	}
	return nil
}

func checkGlob(name, text string) error {
	// Only a bracket can be wrong; the backslashes of Windows are wrong elsewhere, and known by no pattern here.
	if _, err := filepath.Match(text[max(0, strings.Index(text, "[")):], ""); strings.Contains(text, "[") && err != nil {
		return fmt.Errorf("%s %s is a pattern that cannot be read; close every [ with a ]", name, inQuotes(text))
	}
	return checkPath(name, text)
}

func checkListen(name, text string) error {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return fmt.Errorf("%s %s is no address with a port; write 127.0.0.1:9464", name, inQuotes(text))
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%s: the port must be a number from 1 to 65535, and is %s", name, inQuotes(port))
	}
	if strings.ContainsAny(host, " /") {
		return fmt.Errorf("%s: %s is no address of this machine", name, inQuotes(host))
	}
	return nil
}

// isLoopback reports whether only this machine reaches an address that checkListen accepts.
func isLoopback(listen string) bool {
	host, _, _ := net.SplitHostPort(listen)
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback() || strings.EqualFold(host, "localhost")
}

// inQuotes is what a message repeats of a value: not more than a line holds.
func inQuotes(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return strconv.Quote(s)
}
