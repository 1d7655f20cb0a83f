package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/outmode/outmode/ingest/tail"
)

// configChecked is what config check found, and what it prints with -o json.
type configChecked struct {
	Problems []configProblem `json:"problems"`
	OK       bool            `json:"ok"` // no error; warnings do not count
	Sources  []checkedSource `json:"sources"`
}

// A configChecker looks at what a configuration names. It leaves everything as it found it.
type configChecker struct {
	*configReader
	now        time.Time
	checkStore func(dir string) error // opens the store that is there; nil for no look into it
	sources    []checkedSource
}

// checkConfig reads a file and opens everything that it names. What stands wrongly in the file is
// not looked at, the rest is. The error says that ctx ended.
func checkConfig(ctx context.Context, file string, now time.Time, checkStore func(dir string) error) (configChecked, error) {
	k := &configChecker{configReader: parseConfig(file), now: now, checkStore: checkStore, sources: []checkedSource{}}
	if !k.lost {
		k.data()
		k.rules()
		k.people()
		k.listener()
		if err := k.logs(ctx); err != nil {
			return configChecked{}, err
		}
		k.sort()
	}
	out := configChecked{Problems: append([]configProblem{}, k.problems...), OK: true, Sources: k.sources}
	for _, p := range out.Problems {
		out.OK = out.OK && p.Severity != isError
	}
	return out, nil
}

// data looks whether the store can be where it should be.
func (k *configChecker) data() {
	const name = "data"
	dir := k.config.Data
	if k.wrong[name] {
		return
	}
	there, info, err := existing(dir)
	switch {
	case err != nil:
		k.about(name, isError, "data: %s: %v", there, causeOf(err))
		return
	case !info.IsDir():
		k.about(name, isError, "data: %s is no folder; name another one", there)
		return
	}
	kind, _, _ := tail.Network(there) // where it says nothing, what follows will
	switch placeOn(kind) {
	case placeUnknown:
		k.about(name, isWarning, "data: %s is on a file system of FUSE (%s); if that is a share, a store breaks there", dir, kind)
	case placeShare:
		k.about(name, isError, "data: %s is on a network file system (%s), where a store breaks; name a folder on a disk of this machine", dir, kind)
		return
	}
	if err := tryWrite(there); err != nil {
		what := "nothing can be written to " + dir
		if there != dir {
			what = dir + " cannot be made"
		}
		k.about(name, isError, "data: %s: %v; run as the account of the service, or give it the right to", what, causeOf(err))
		return
	}
	if there == dir && k.checkStore != nil {
		if err := k.checkStore(dir); err != nil {
			k.about(name, isError, "data: %v", err)
		}
	}
}

// existing returns the folder, or the nearest one above it that there is.
func existing(dir string) (string, fs.FileInfo, error) {
	for {
		info, err := os.Stat(dir)
		above := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || above == dir {
			return dir, info, err
		}
		dir = above
	}
}

// tryWrite makes a file and removes it again: what the rights say and what they allow are two things.
func tryWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".outmode-check-")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// rules compiles the rules, whose mistakes stand in their own files.
func (k *configChecker) rules() {
	if k.wrong["rules.dirs"] || k.wrong["rules.builtin"] {
		return
	}
	flags := k.config.ruleFlags()
	_, problems := flags.compile()
	for _, p := range problems {
		k.problems = append(k.problems, configProblem{File: p.File, Line: p.Line, Column: p.Column, Severity: isError, Message: p.Message})
	}
	if flags.noBuiltin && len(flags.dirs) == 0 {
		k.about("rules.builtin", isWarning, "rules.builtin is false and rules.dirs is empty: no rule applies, and nothing will be found")
	}
}

// people reads what "outmode mfa" will read: the maps of people, and what Web Application Proxy publishes. A list is read
// item by item, so that each mistake has its place.
func (k *configChecker) people() {
	each := func(list string, files []string, read func(files []string) error) {
		if k.wrong[list] {
			return
		}
		for i, file := range files {
			if err := read([]string{file}); err != nil {
				k.about(fmt.Sprintf("%s[%d]", list, i), isError, "%s: %v", list, err)
				k.wrong[list] = true
			}
		}
		if !k.wrong[list] && len(files) > 1 {
			if err := read(files); err != nil {
				k.about(list, isError, "%s: %v", list, err)
			}
		}
	}
	each("organisation.people", k.config.Organisation.People, func(files []string) error { _, err := readPeople(files); return err })
	each("mfa.wap", k.config.MFA.WAP, func(files []string) error { _, err := readPublished(files); return err })
}

// listener looks at who can reach the address, and at what protects it.
func (k *configChecker) listener() {
	c := &k.config
	k.certificate()
	k.token()
	if k.wrong["listen"] {
		return
	}
	if c.Listen == "" && c.TLS.Cert != "" {
		k.about("tls.cert", isWarning, "tls.cert is of no use: listen is empty")
	}
	if c.Listen == "" && c.ListenAuth.Token.set() {
		k.about("listen_auth.token", isWarning, "listen_auth is of no use: listen is empty")
	}
	if c.Listen == "" || isLoopback(c.Listen) {
		return
	}
	var missing []string
	if !c.ListenAuth.Token.set() {
		missing = append(missing, "listen_auth")
	}
	if c.TLS.Cert == "" {
		missing = append(missing, "tls")
	}
	advice := "let a firewall admit only who must read it"
	if len(missing) > 0 {
		advice = "set " + join(missing, ", ", " and ") + ", or write 127.0.0.1"
	}
	k.about("listen", isWarning, "listen %s is reached from other machines; %s", c.Listen, advice)
}

// soon is how long before its end a certificate is worth a warning.
const soon = 14 * aDay

func (k *configChecker) certificate() {
	c := k.config.TLS
	if c.Cert == "" || c.Key == "" || k.wrong["tls.cert"] || k.wrong["tls.key"] {
		return
	}
	for _, f := range []struct{ name, path string }{{"tls.cert", c.Cert}, {"tls.key", c.Key}} {
		if _, err := readSmall(f.path, maxConfig); err != nil {
			k.about(f.name, isError, "%s: %v", f.name, err)
			return
		}
	}
	k.exposed("tls.key", c.Key)
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		k.about("tls.cert", isError, "tls.cert and tls.key cannot be used: %s", strings.TrimPrefix(err.Error(), "tls: "))
		return
	}
	const form = "2006-01-02 15:04 UTC"
	from, to := pair.Leaf.NotBefore.UTC(), pair.Leaf.NotAfter.UTC()
	switch {
	case k.now.Before(from):
		k.about("tls.cert", isError, "tls.cert: the certificate is valid from %s only; check the clock", from.Format(form))
	case k.now.After(to):
		k.about("tls.cert", isError, "tls.cert: the certificate expired at %s; renew it", to.Format(form))
	case k.now.Add(soon).After(to):
		k.about("tls.cert", isWarning, "tls.cert: the certificate expires at %s; renew it", to.Format(form))
	}
}

func (k *configChecker) token() {
	const name = "listen_auth.token"
	ref := k.config.ListenAuth.Token
	if !ref.set() || k.wrong[name] {
		return
	}
	severity := isError
	if ref.Env != "" { // the service may have what this shell has not
		severity = isWarning
	}
	if _, err := ref.read(); err != nil {
		k.about(name, severity, "%s: %v", name, err)
		return
	}
	if ref.File != "" {
		k.exposed(name, ref.File)
	}
}

// exposed warns of a secret file that everybody on the machine can read. On Windows the mode of a
// file does not tell.
func (k *configChecker) exposed(name, path string) {
	const others = 0o007
	if info, err := os.Stat(path); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&others != 0 {
		k.about(name, isWarning, "%s: everybody on this machine can open %s (mode %03o); chmod 600 it", name, path, info.Mode().Perm())
	}
}

// summary is the last line for people.
func (c *configChecked) summary(file string) string {
	errs, warnings := 0, 0
	for _, p := range c.Problems {
		if p.Severity == isError {
			errs++
		} else {
			warnings++
		}
	}
	text := "no mistake"
	if errs > 0 {
		text = plural(errs, "mistake")
	}
	if warnings > 0 {
		text += ", " + plural(warnings, "warning")
	}
	return fmt.Sprintf("%s: %s", file, text)
}
