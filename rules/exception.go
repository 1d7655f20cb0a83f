package rules

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/outmode/outmode/internal/signin"
)

// An Exception is a named, owned and dated reason to say nothing of what rules find. It covers a finding if every
// condition that it names holds for every sign-in of it; what is left out is no condition. It never outlives Expires.
type Exception struct {
	ID        string
	Users     []string // patterns of accounts, see Glob: as logged, domain\name, or the bare name in any domain
	GroupFile string   // the absolute path of a file with accounts, see ReadGroup; they count beside Users
	Addresses []string // ranges (10.1.0.0/16) or single addresses
	Clients   []string // patterns of client families
	Protocols []string
	Rules     []string // ids or tags of rules

	Reason   string
	Owner    string // who answers for it
	Ticket   string
	Approver string
	Created  time.Time
	Expires  time.Time // the first instant at which it holds no more

	Removed     time.Time // zero while nobody took it back
	RemovedBy   string
	RemovedNote string
}

// States of an exception.
const (
	ExceptionActive   = "active"
	ExceptionExpiring = "expiring" // active, from ExpiringFrom on
	ExceptionExpired  = "expired"
	ExceptionRemoved  = "removed"
)

// expiringWithin is how long before its end an exception is called expiring, at most.
const expiringWithin = 14 * 24 * time.Hour

// maxException is how far ahead an exception may end: nothing is excused for good.
const maxException = 400 * 24 * time.Hour

// State is the word for where an exception stands.
func (x *Exception) State(now time.Time) string {
	switch {
	case !x.Removed.IsZero():
		return ExceptionRemoved
	case !now.Before(x.Expires):
		return ExceptionExpired
	case !now.Before(x.ExpiringFrom()):
		return ExceptionExpiring
	}
	return ExceptionActive
}

// ExpiringFrom is when its end is near: when two weeks are left, which is time enough to renew it, or a quarter of its
// life, if that is less. One that was made for a week is not expiring on the day on which it was made.
func (x *Exception) ExpiringFrom() time.Time {
	return x.Expires.Add(-min(expiringWithin, x.Expires.Sub(x.Created)/4))
}

// Holds reports whether the exception is in force.
func (x *Exception) Holds(now time.Time) bool { return x.Removed.IsZero() && now.Before(x.Expires) }

// ParseExpires reads when an exception ends: 90d from now, a date (the end of that day in UTC) or an RFC 3339 instant.
func ParseExpires(text string, now time.Time) (time.Time, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.UTC().Add(time.Duration(n) * 24 * time.Hour), nil
		}
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t.AddDate(0, 0, 1), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s is no end: write 90d, 2026-12-31 or 2026-12-31T18:00:00Z", quote(text))
	}
	return t.UTC(), nil
}

// Bounds of what an exception may hold.
const (
	maxConditions = 100  // of one sort
	maxWords      = 2000 // bytes of a reason
	maxName       = 200  // bytes of an owner, a ticket, an approver
)

// Check names everything that is wrong with an exception that somebody is about to add, joined; nil for nothing.
func (x *Exception) Check(now time.Time) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(x.Users) == 0 && x.GroupFile == "" {
		bad("an exception needs accounts: a pattern of users, or a file with a group of them")
	}
	for sort, list := range map[string][]string{"users": x.Users, "addresses": x.Addresses, "clients": x.Clients, "protocols": x.Protocols, "rules": x.Rules} {
		if len(list) > maxConditions {
			bad("an exception names at most %d %s: make several, or put accounts into a group file", maxConditions, sort)
		}
	}
	errs = append(errs, x.checkPatterns()...)
	for _, a := range x.Addresses {
		switch p, err := parsePrefix(a); {
		case err != nil:
			bad("the address %s is no range of addresses: write 10.0.0.0/8 or 192.0.2.1", quote(a))
		case p.Bits() == 0:
			bad("the address %s fits everything: leave it out", quote(a))
		}
	}
	for _, p := range x.Protocols {
		if known := signin.Words("protocol"); !slices.Contains(known, p) {
			bad("there is no protocol %s%s", quote(p), suggest(p, known))
		}
	}
	for _, r := range x.Rules {
		if err := written(r); err != nil || len(r) > 64 || strings.ContainsAny(r, "*? ") {
			bad("the rule %s is no id and no tag of a rule: write OM-1001 or legacy-auth", quote(r))
		}
	}
	for _, t := range []struct {
		name, text string
		most       int
		needed     bool
	}{{"reason", x.Reason, maxWords, true}, {"owner", x.Owner, maxName, true}, {"ticket", x.Ticket, maxName, false}, {"approver", x.Approver, maxName, false}} {
		switch err := written(t.text); {
		case t.text == "" && t.needed:
			bad("an exception needs %s", map[string]string{"reason": "a reason", "owner": "an owner"}[t.name])
		case t.text == "":
		case err != nil:
			bad("the %s %w", t.name, err)
		case len(t.text) > t.most:
			bad("the %s is longer than %d bytes", t.name, t.most)
		}
	}
	switch {
	case x.Expires.IsZero():
		bad("an exception needs an end, such as 90d")
	case !x.Expires.After(now):
		bad("the exception would end at %s, which is over", x.Expires.Format(time.RFC3339))
	case x.Expires.Sub(now) > maxException:
		bad("the exception would end at %s: it may last %s at most, then somebody has to look again", x.Expires.Format(time.DateOnly), Spell(maxException))
	}
	// What stands in no order would be told in another one each time.
	slices.SortStableFunc(errs, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

func (x *Exception) checkPatterns() (errs []error) {
	for sort, list := range map[string][]string{"user": x.Users, "client": x.Clients} {
		for _, p := range list {
			err := written(p)
			if err == nil {
				_, err = newGlob(p)
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("the %s pattern %s: %w", sort, quote(shorten(p)), err))
			}
		}
	}
	for _, p := range x.Clients {
		if fitsAll(p) {
			errs = append(errs, fmt.Errorf("the client pattern %s fits everything: leave it out", quote(p)))
		}
	}
	if slices.ContainsFunc(x.Users, fitsAll) && len(x.Addresses)+len(x.Clients)+len(x.Protocols)+len(x.Rules) == 0 {
		errs = append(errs, errors.New("an exception for every account needs another condition: an address, a client, a protocol or a rule"))
	}
	return errs
}

// fitsAll reports whether a pattern tells nothing apart: it has no letter and no digit.
func fitsAll(pattern string) bool {
	return !strings.ContainsFunc(pattern, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}

// written reports what is wrong with a text that a person wrote: it must be visible, and all of it on one line.
func written(s string) error {
	switch {
	case strings.TrimSpace(s) == "":
		return errors.New("is empty")
	case strings.TrimSpace(s) != s:
		return errors.New("has a blank before or behind it")
	case !utf8.ValidString(s):
		return errors.New("is not UTF-8")
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || signin.Unseen(r) }):
		return errors.New("holds a character that nobody can see")
	}
	return nil
}
