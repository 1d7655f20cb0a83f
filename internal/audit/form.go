package audit

import (
	"slices"
	"strings"
)

// A Form is how a log writes a person.
type Form uint8

// The forms.
const (
	AnyForm  Form = iota // to be told from the text
	SamForm              // DOMAIN\name, or the name alone
	UPNForm              // name@realm
	MailForm             // an address of mail, which need not be a UPN
	SIDForm
	GUIDForm
	DNForm
	BareForm // a name without a realm
	formCount
)

var formNames = [formCount]string{"auto", "sam", "upn", "mail", "sid", "guid", "dn", "name"}

func (f Form) String() string { return formNames[min(f, formCount-1)] }

// FormWords are the words by which a gateway may be said to write its users.
func FormWords() []string { return slices.Clone(formNames[:BareForm]) }

// ParseForm returns the form of one of FormWords.
func ParseForm(word string) (Form, bool) {
	i := slices.Index(formNames[:BareForm], word)
	return Form(max(i, 0)), i >= 0
}

// A written is a text taken apart, in lower case.
type written struct {
	form        Form
	name, realm string // of a SID, GUID or DN the whole text is the name
}

// take reads a text as a log gives it. Behind an account POP and IMAP may name a shared mailbox, as in domain\user\mailbox
// and user@domain\mailbox: the person is the account.
func take(text string) written {
	text = strings.ToLower(strings.TrimSpace(text))
	text = strings.TrimPrefix(text, `\`)
	if isDN(text) {
		return written{DNForm, cleanDN(text), ""}
	}
	if domain, name, ok := cutSlash(text); ok {
		if at := strings.LastIndexByte(domain, '@'); at >= 0 {
			return written{UPNForm, domain[:at], domain[at+1:]}
		}
		name, _, _ = cutSlash(name)
		if domain == "" {
			return written{BareForm, name, ""}
		}
		return written{SamForm, name, domain}
	}
	if at := strings.LastIndexByte(text, '@'); at > 0 {
		return written{UPNForm, text[:at], text[at+1:]}
	}
	if strings.HasPrefix(text, "s-1-") {
		return written{SIDForm, text, ""}
	}
	if guid, ok := guidOf(text); ok {
		return written{GUIDForm, guid, ""}
	}
	return written{BareForm, text, ""}
}

// Spelling is the form of a text of a log, and the text as a person's forms have it: in lower case, a SID, GUID or DN in
// one way of writing. A shared mailbox behind the account is left where it stands.
func Spelling(text string) (Form, string) {
	w := take(text)
	if w.realm == "" && w.form != BareForm {
		return w.form, w.name
	}
	return w.form, strings.ToLower(strings.TrimSpace(text))
}

func cutSlash(s string) (before, after string, found bool) {
	if i := strings.IndexAny(s, `\/`); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// guidOf reads a GUID with or without braces.
func guidOf(s string) (string, bool) {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "{"), "}")
	if len(s) != 36 {
		return "", false
	}
	for i, c := range []byte(s) {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return "", false
			}
		case (c < '0' || c > '9') && (c < 'a' || c > 'f'):
			return "", false
		}
	}
	return s, true
}

func isDN(s string) bool {
	return strings.Contains(s, ",") && (strings.HasPrefix(s, "cn=") || strings.HasPrefix(s, "uid=") || strings.HasPrefix(s, "ou="))
}

// cleanDN drops the blanks that programs put behind commas.
func cleanDN(s string) string {
	parts := strings.Split(s, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return strings.Join(parts, ",")
}

// realmOfDN is the DNS name of the domain that a distinguished name ends in: DC=contoso,DC=com is contoso.com.
func realmOfDN(dn string) string {
	var labels []string
	for part := range strings.SplitSeq(cleanDN(strings.ToLower(dn)), ",") {
		if label, ok := strings.CutPrefix(part, "dc="); ok {
			labels = append(labels, label)
		}
	}
	return strings.Join(labels, ".")
}
