package rules

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/outmode/outmode/internal/signin"
)

// A Group is the accounts of a group file, in lower case.
type Group map[string]bool

// maxGroup bounds a group file, in bytes.
const maxGroup = 16 << 20

// ReadGroup reads a file with one account per line: DOMAIN\name, name@domain, or a bare name, which is that of any
// domain. What follows a # is a comment. The file may be UTF-8, or UTF-16 with a byte order mark, as PowerShell writes
// it. A file with anything else in it is refused as a whole: half a group is another group.
func ReadGroup(path string) (Group, error) {
	info, err := os.Stat(path) // before it is opened: a pipe would wait for a writer
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a file")
	}
	var data []byte
	if err == nil {
		data, err = readGroup(path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the group file %s: %s", path, reason(err))
	}
	g := Group{}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		if i := strings.IndexByte(line, '#'); i == 0 || i > 0 && strings.ContainsAny(line[i-1:i], " \t") {
			line = line[:i]
		}
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if err := written(line); err != nil {
			return nil, fmt.Errorf("%s:%d: the line %w", path, n, err)
		}
		if strings.ContainsAny(line, "*?") || len(line) > maxGlob {
			return nil, fmt.Errorf("%s:%d: a group file has one account on each line, and no patterns", path, n)
		}
		g[strings.ToLower(line)] = true
	}
	return g, nil
}

func readGroup(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxGroup+1))
	if err == nil && len(data) > maxGroup {
		err = errors.New("it is larger than 16 MiB")
	}
	if little, ok := bytes.CutPrefix(data, []byte{0xff, 0xfe}); ok {
		return fromUTF16(little, binary.LittleEndian), err
	}
	if big, ok := bytes.CutPrefix(data, []byte{0xfe, 0xff}); ok {
		return fromUTF16(big, binary.BigEndian), err
	}
	return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), err
}

func fromUTF16(data []byte, order binary.ByteOrder) []byte {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}

// A Cover is an exception made ready to judge.
type Cover struct {
	*Exception
	anyone  bool
	users   []*glob
	group   Group
	clients []*glob
	ranges  *ranges
}

// Cover makes an exception that was checked ready to judge; group is what its group file holds.
func (x *Exception) Cover(group Group) *Cover {
	c := &Cover{Exception: x, anyone: slices.ContainsFunc(x.Users, fitsAll), group: group}
	c.users, c.clients = globs(x.Users), globs(x.Clients)
	if len(x.Addresses) > 0 {
		c.ranges = &ranges{}
		for _, a := range x.Addresses {
			if p, err := parsePrefix(a); err == nil {
				c.ranges.prefixes = append(c.ranges.prefixes, p)
			}
		}
	}
	return c
}

func globs(patterns []string) (all []*glob) {
	for _, p := range patterns {
		if g, err := newGlob(p); err == nil {
			all = append(all, g)
		}
	}
	return all
}

// A Use is what an exception looks at in the sign-ins of a finding that are alike.
type Use struct {
	Names    []string // of the account, see Names; none where it is not known, or where the rule does not tell accounts apart
	Protocol string   // "" where it is not told apart
	Client   string   // family; "" where it is not told apart
}

// Names are the texts by which an exception may know an account. There is none for a nameless refusal, nor for the
// accounts that are not told apart.
func Names(a *signin.Account) []string {
	if a.Key == "" || a.Key == signin.OtherAccounts().Key {
		return nil
	}
	return distinct(Subject(a), a.Key, a.Name)
}

// NamesOf are those of an account that is only known as a group of a rule names it.
func NamesOf(subject string) []string {
	if subject == "" || subject == signin.OtherAccounts().Key {
		return nil
	}
	bare := subject
	if _, name, ok := strings.Cut(subject, `\`); ok {
		bare = name
	} else if i := strings.LastIndexByte(subject, '@'); i > 0 {
		bare = subject[:i]
	}
	return distinct(subject, bare)
}

func distinct(names ...string) (out []string) {
	for _, n := range names {
		if n != "" && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// About reports whether the exception is about findings of a rule.
func (c *Cover) About(rule string, tags []string) bool {
	return len(c.Rules) == 0 || slices.ContainsFunc(c.Rules, func(r string) bool { return strings.EqualFold(r, rule) || slices.Contains(tags, r) })
}

// Names reports whether the exception is about an account.
func (c *Cover) Names(u Use) bool {
	return c.anyone || slices.ContainsFunc(u.Names, func(n string) bool {
		return c.group[n] || slices.ContainsFunc(c.users, func(g *glob) bool { return g.match(n) })
	})
}

// Outside names what of a use the exception does not cover, its addresses aside; "" for nothing.
func (c *Cover) Outside(u Use) string {
	switch {
	case !c.Names(u) && len(u.Names) == 0:
		return "no account is named"
	case !c.Names(u):
		return "account " + u.Names[0]
	case len(c.Protocols) > 0 && u.Protocol == "":
		return "all protocols together"
	case len(c.Protocols) > 0 && !slices.Contains(c.Protocols, u.Protocol):
		return "protocol " + u.Protocol
	case len(c.clients) > 0 && u.Client == "":
		return "all clients together"
	case len(c.clients) > 0 && !slices.ContainsFunc(c.clients, func(g *glob) bool { return g.match(u.Client) }):
		return "client " + u.Client
	}
	return ""
}

// HasAddresses reports whether the exception names addresses.
func (c *Cover) HasAddresses() bool { return c.ranges != nil }

// OutsideAddress names an address that the exception does not cover; "" if it does, or names none. The zero Addr is
// one that no log told.
func (c *Cover) OutsideAddress(a netip.Addr) string {
	switch {
	case c.ranges == nil:
		return ""
	case !a.IsValid():
		return "an address that is not known"
	case c.ranges.holdsAddr(a):
		return ""
	}
	return "address " + a.String()
}

func (r *ranges) holdsAddr(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(r.prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}
