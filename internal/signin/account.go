package signin

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"strings"
	"unicode/utf8"
)

// A Form is how an account was written.
type Form uint8

// The forms of an account.
const (
	NoForm  Form = iota // no account
	Sam                 // DOMAIN\name
	UPN                 // name@domain
	Bare                // name
	SID                 // S-1-5-...
	Machine             // ends in $
	BuiltIn             // a system account, whatever the language of Windows
)

// An Account is an identity as logged. Two spellings of one person are two accounts until something
// proves that they are one: nothing is merged here.
type Account struct {
	Form       Form
	Traffic    Traffic // Probe, Server and System are noise
	Reserved   bool    // its name is one that Exchange or Windows reserves: noise whatever the operator says
	Privileged bool    // its name looks like an administrator's
	Key        string  // lower case; what rows, accounts and findings are keyed by
	Name       string  // the bare name, lower case: after the backslash, before the @
	Domain     string  // the other part, lower case; "" if there is none
	Why        string  // why it is noise, or a service
	Serial     uint32  // tells it apart from the other accounts of its Classifier
}

// parseAccount reads an account as logged. blanks says that the log writes a + for a blank (IIS).
// The result never holds the bytes of raw.
func parseAccount(raw []byte, blanks bool) *Account {
	a := &Account{}
	text := strings.ToValidUTF8(string(short(raw)), "\uFFFD")
	// A + cannot stand in a sAMAccountName, but it can in the local part of a UPN.
	if blanks && strings.Contains(text, `\`) {
		text = strings.ReplaceAll(text, "+", " ")
	}
	a.Key = strings.ToLower(text)
	a.Form, a.Domain, a.Name = splitAccount(a.Key)
	a.Traffic, a.Why = reserved(a)
	switch a.Traffic {
	case Server:
		a.Form = Machine
	case System:
		if a.Why == whyBuiltIn {
			a.Form = BuiltIn
		}
	}
	a.Reserved = a.Traffic != User
	a.Privileged = a.Traffic == User && looksPrivileged(a.Name)
	return a
}

// maxAccount is more than any account has: 256 letters of a name, 64 of a domain.
const maxAccount = 340

// short cuts what is longer than an account can be, and keeps different ones apart: names are
// remembered, and anybody can send long ones.
func short(raw []byte) []byte {
	if len(raw) <= maxAccount {
		return raw
	}
	h := fnv.New64a()
	h.Write(raw)
	return fmt.Appendf(nil, "%s...%016x", raw[:maxAccount-20], h.Sum64())
}

// splitAccount also knows the forms by which POP and IMAP name a shared mailbox behind the account:
// domain\user\mailbox, user@domain\mailbox, each with slashes too.
func splitAccount(key string) (f Form, domain, name string) {
	domain, name, ok := strings.Cut(key, `\`)
	if !ok {
		domain, name, ok = strings.Cut(key, "/") // which no account may hold
	}
	if i := strings.LastIndexByte(domain, '@'); ok && i >= 0 {
		return UPN, domain[i+1:], domain[:i]
	}
	if ok {
		if i := strings.IndexAny(name, `\/`); i >= 0 {
			name = name[:i]
		}
		return Sam, domain, name
	}
	if i := strings.LastIndexByte(key, '@'); i >= 0 {
		return UPN, key[i+1:], key[:i]
	}
	if strings.HasPrefix(key, "s-1-") {
		return SID, "", key
	}
	return Bare, "", key
}

const (
	whyHealth  = "health mailbox"
	whyMachine = "machine account"
	whyBuiltIn = "built-in account"
	whySystem  = "Exchange system mailbox"
)

// reserved tells the accounts that nobody signs in with by hand.
// Source: accounts that the log files of Exchange labs and of its own setup name.
func reserved(a *Account) (Traffic, string) {
	n := a.Name
	switch {
	case strings.HasPrefix(n, "healthmailbox"), strings.HasPrefix(n, "extest_"):
		return Probe, whyHealth
	case strings.HasSuffix(n, "$"):
		return Server, whyMachine
	case n == "s-1-5-18", n == "s-1-5-19", n == "s-1-5-20", a.Key == "system",
		a.Form == Sam && authorityDomain(a.Domain), strings.HasSuffix(n, "(msexchangehmhost)"):
		return System, whyBuiltIn
	case strings.HasPrefix(n, "systemmailbox{"), isSM(n), strings.HasPrefix(n, "federatedemail."),
		strings.HasPrefix(n, "migration."), strings.HasPrefix(n, "discoverysearchmailbox"),
		strings.HasPrefix(n, "msexchapproval"), strings.HasPrefix(n, "exchange online-applicationaccount"):
		return System, whySystem
	}
	return User, ""
}

// authorityDomain tells the domain part of Windows' own accounts, which is translated.
func authorityDomain(d string) bool {
	switch d {
	case "nt authority", "autorite nt", "autorité nt", "nt-autorität", "nt-autoritaet", "autoridade nt", "autoridad nt",
		"nt instans", "nt-hallinta", "zarządzanie nt", "nt-myndighet", "nt-autoriteit", "iis apppool", "nt service", "nt virtual machine", "window manager":
		return true
	}
	// A log in a local code page: the letters outside ASCII are lost.
	return strings.ContainsRune(d, utf8.RuneError) && (strings.HasPrefix(d, "nt-autorit") || strings.HasPrefix(d, "autorit") || strings.HasPrefix(d, "zarz"))
}

// isSM tells Exchange's arbitration mailboxes: SM_ and at least ten hexadecimal digits.
func isSM(n string) bool {
	rest, ok := strings.CutPrefix(n, "sm_")
	if !ok || len(rest) < 10 {
		return false
	}
	for _, c := range []byte(rest[:10]) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// looksPrivileged goes by the habits of naming: an account that says admin of itself. It is a hint
// for the severity of a finding, never a fact about rights.
func looksPrivileged(n string) bool {
	switch n {
	case "administrator", "admin", "root", "sysadmin", "domainadmin", "exadmin":
		return true
	}
	for part := range strings.FieldsFuncSeq(n, func(r rune) bool { return r == '-' || r == '_' || r == '.' }) {
		switch part {
		case "adm", "admin", "t0", "tier0", "priv":
			return true
		}
	}
	return strings.HasPrefix(n, "admin") || strings.HasSuffix(n, "admin")
}

// blank reports whether a logged value says that there is no account.
func blank(raw []byte) bool {
	return len(raw) == 0 || len(raw) == 1 && raw[0] == '-' || len(raw) == 9 && bytes.EqualFold(raw, []byte("anonymous"))
}
