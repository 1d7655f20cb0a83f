package signin

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Pair is two names that one line of a log proves to be one person's: in lower case, in the order of the alphabet.
type Pair struct{ One, Other string }

// PairOf makes a Pair of two names; false where one of them is none that only one person can have: a name without a
// domain, an account of the system or of a machine, what is neither a SID, a GUID, DOMAIN\name nor name@domain, or what
// is too long to be one.
func PairOf(a, b []byte) (Pair, bool) {
	one, ok := pairable(a)
	if !ok {
		return Pair{}, false
	}
	other, ok := pairable(b)
	if !ok || one == other {
		return Pair{}, false
	}
	if one > other {
		one, other = other, one
	}
	return Pair{one, other}, true
}

// maxPaired is more than the name of a person has who is in a directory: 64 letters of it, and 113 of its domain.
const maxPaired = 256

func pairable(raw []byte) (string, bool) {
	if len(raw) == 0 || len(raw) > maxPaired || !utf8.Valid(raw) {
		return "", false
	}
	text := strings.ToLower(string(raw))
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune(`,;"<>/`, r) }) || text != strings.TrimSpace(text) {
		return "", false
	}
	switch {
	case strings.HasPrefix(text, "s-1-"):
		return text, isUserSID(text)
	case isObjectGUID(text):
		return text, true
	}
	before, after, slashed := strings.Cut(text, `\`)
	if !slashed {
		before, after, _ = strings.Cut(text, "@")
		if strings.Contains(text, " ") {
			return "", false
		}
	}
	if before == "" || after == "" || strings.ContainsAny(before, "@ ") || strings.ContainsAny(after, `@\`) {
		return "", false
	}
	a := &Account{Key: text}
	a.Form, a.Domain, a.Name = splitAccount(text)
	traffic, _ := reserved(a)
	return text, traffic == User
}

// isUserSID knows the SIDs of accounts of a domain: S-1-5-21-, three numbers of the domain, and that of the account.
func isUserSID(text string) bool {
	rest, ok := strings.CutPrefix(text, "s-1-5-21-")
	parts := strings.Split(rest, "-")
	if !ok || len(parts) != 4 {
		return false
	}
	for _, p := range parts {
		if p == "" || len(p) > 10 || strings.Trim(p, "0123456789") != "" {
			return false
		}
	}
	return true
}

// isObjectGUID knows a GUID in lower case with dashes and without braces, but for that of zeros alone.
func isObjectGUID(text string) bool {
	if len(text) != 36 || strings.Trim(text, "0-") == "" {
		return false
	}
	for i, c := range []byte(text) {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (c == '-') || !dash && strings.IndexByte("0123456789abcdef", c) < 0 {
			return false
		}
	}
	return true
}
