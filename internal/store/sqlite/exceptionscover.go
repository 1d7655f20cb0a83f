package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// A subject is a finding as exceptions look at it.
type subject struct {
	id, rule, state, exception string
	tags                       []string
	uses                       []subjectUse
}

// A subjectUse is a usage row of a finding or, of one with a window, its group.
type subjectUse struct {
	rules.Use
	usage       int64 // 0 for a group
	first, last int64
	address     *netip.Addr // that of the group; nil where the rule does not tell addresses apart
}

// subjects gives the findings that hold or held to do, each with its uses. where begins with AND.
func (s *Store) subjects(ctx context.Context, q querier, where string, args []any, do func(*subject) error) error {
	rows, err := q.QueryContext(ctx, `SELECT f.id, f.rule, f.state, f.exception, f.tags, f.counted = 'window' AND f.count > 0, f.fields, f.visible, f.protocol,
		coalesce(u.id, 0), coalesce(u.first, 0), coalesce(u.last, 0), coalesce(u.protocol, 0), coalesce(a.key, ''), coalesce(a.form, 0), coalesce(a.name, ''), coalesce(a.domain, ''), coalesce(c.name, '')
		FROM finding f LEFT JOIN finding_usage x ON x.finding = f.id LEFT JOIN usage u ON u.id = x.usage AND u.count > 0
		LEFT JOIN account a ON a.id = u.account LEFT JOIN client c ON c.id = u.client WHERE f.state != 'candidate'`+where+" ORDER BY f.id", args...)
	if err != nil {
		return err
	}
	var sub *subject
	end := func() error {
		if sub == nil || len(sub.uses) == 0 {
			return nil // nothing of it is left: nobody is shown it
		}
		return do(sub)
	}
	err = scan(rows, func() error {
		var n subject
		var use subjectUse
		var tags, fields, visible, protocol string
		var window bool
		var word signin.Protocol
		var a signin.Account
		if err := rows.Scan(&n.id, &n.rule, &n.state, &n.exception, &tags, &window, &fields, &visible, &protocol,
			&use.usage, &use.first, &use.last, &word, &a.Key, &a.Form, &a.Name, &a.Domain, &use.Client); err != nil {
			return err
		}
		if sub == nil || sub.id != n.id {
			if err := end(); err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(tags), &n.tags); err != nil {
				return fmt.Errorf("the tags of %s: %w", n.id, err)
			}
			sub = &n
		}
		switch {
		case window:
			sub.uses = append(sub.uses, groupUse(fields, visible, protocol))
		case use.usage != 0:
			use.Names, use.Protocol = rules.Names(&a), word.String()
			sub.uses = append(sub.uses, use)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return end()
}

// groupUse is what is known of the sign-ins of a finding with a window: the values of its group.
func groupUse(fields, visible, protocol string) subjectUse {
	use := subjectUse{Use: rules.Use{Protocol: protocol}}
	values := strings.Split(visible, "\t")
	for i, name := range strings.Split(fields, "\t") {
		if i >= len(values) {
			break
		}
		switch v := values[i]; name {
		case "user":
			use.Names = rules.NamesOf(v)
		case "client":
			use.Client = v
		case "protocol":
			use.Protocol = v
		case "address":
			ip, _ := netip.ParseAddr(v)
			use.address = &ip
		}
	}
	return use
}

// A covering is what the exceptions in force are at one time.
type covering struct {
	covers  []*rules.Cover
	byID    map[string]*rules.Exception // all, those that are over too
	unread  map[string]bool             // exceptions whose group file cannot be read
	problem []error                     // why
}

// covering reads the exceptions and their group files.
func (s *Store) covering(ctx context.Context, q querier, now time.Time) (*covering, error) {
	all, err := s.exceptions(ctx, q)
	if err != nil {
		return nil, err
	}
	c := &covering{byID: map[string]*rules.Exception{}, unread: map[string]bool{}}
	for i := range all {
		x := &all[i]
		if c.byID[x.ID] = x; !x.Holds(now) {
			continue
		}
		var group rules.Group
		if x.GroupFile != "" {
			if group, err = rules.ReadGroup(x.GroupFile); err != nil {
				c.unread[x.ID] = true
				c.problem = append(c.problem, fmt.Errorf("exception %s: what it covers stays as it was: %w", x.ID, err))
			}
		}
		c.covers = append(c.covers, x.Cover(group))
	}
	// Of several that cover a finding the one that lasts longest is named.
	slices.SortStableFunc(c.covers, func(a, b *rules.Cover) int { return b.Expires.Compare(a.Expires) })
	return c, nil
}

// Named reports whether an account was ever seen that an exception is about: of one that names nobody is to be known
// whether it says so wrongly.
func (s *Store) Named(ctx context.Context, x *rules.Exception) (found bool, err error) {
	var group rules.Group
	if x.GroupFile != "" {
		if group, err = rules.ReadGroup(x.GroupFile); err != nil {
			return false, err
		}
	}
	cover := x.Cover(group)
	rows, err := s.read.QueryContext(ctx, "SELECT key, form, name, domain FROM account")
	if err != nil {
		return false, fmt.Errorf("reading accounts: %w", s.tell(err))
	}
	err = scan(rows, func() error {
		var a signin.Account
		err := rows.Scan(&a.Key, &a.Form, &a.Name, &a.Domain)
		found = found || cover.Names(rules.Use{Names: rules.Names(&a)})
		return err
	})
	return found, s.tell(err)
}

// A lying is how an exception and a finding lie to each other.
type lying struct {
	touches bool     // the finding has sign-ins that the exception is about
	outside []string // what of it the exception does not cover, sorted; empty for nothing
}

// maxOutside is how much of what lies outside is named.
const maxOutside = 10

// lie finds out how they lie. Addresses are looked at where all else is covered, or anyway if deep is set.
func (s *Store) lie(ctx context.Context, q querier, c *rules.Cover, sub *subject, deep bool) (lying, error) {
	var l lying
	if !c.About(sub.rule, sub.tags) {
		return lying{outside: []string{"rule " + sub.rule}}, nil
	}
	outside := map[string]bool{}
	for _, use := range sub.uses {
		l.touches = l.touches || c.Names(use.Use)
		if what := c.Outside(use.Use); what != "" {
			outside[what] = true
		}
	}
	if c.HasAddresses() && (deep && l.touches || len(outside) == 0) {
		if err := s.lieFrom(ctx, q, c, sub, outside); err != nil {
			return l, err
		}
	}
	l.outside = slices.Sorted(maps.Keys(outside))
	l.outside = l.outside[:min(len(l.outside), maxOutside)]
	return l, nil
}

// lieFrom adds the addresses that lie outside. What was seen from where is kept as long as hour rows are. Of a finding
// that is older nothing is known any more: it stays as it was.
func (s *Store) lieFrom(ctx context.Context, q querier, c *rules.Cover, sub *subject, outside map[string]bool) error {
	known := false
	for i := range sub.uses {
		use := &sub.uses[i]
		if use.usage == 0 {
			if known = true; use.address == nil {
				outside["all addresses together"] = true
			} else if what := c.OutsideAddress(*use.address); what != "" {
				outside[what] = true
			}
			continue
		}
		from, err := s.addressesOf(ctx, q, use)
		if err != nil {
			return err
		}
		for _, ip := range from {
			known = true
			if what := c.OutsideAddress(ip); what != "" {
				outside[what] = true
			}
		}
	}
	if !known && sub.exception != c.ID {
		outside["addresses that are not kept any more"] = true
	}
	return nil
}

// addressesOf are the addresses of a usage row, as far as its hours are kept; the zero Addr for none in the log. Hours
// are looked up one by one, from each that there is to the next: the table is in their order, and far larger than what
// one row has of it.
func (s *Store) addressesOf(ctx context.Context, q querier, use *subjectUse) ([]netip.Addr, error) {
	rows, err := q.QueryContext(ctx, `WITH RECURSIVE span (hour) AS (
			SELECT min(hour) FROM hour WHERE hour >= ?1 UNION ALL SELECT (SELECT min(hour) FROM hour WHERE hour > span.hour) FROM span WHERE span.hour < ?2)
		SELECT DISTINCT coalesce(a.ip, x'') FROM span CROSS JOIN hour h ON h.hour = span.hour AND h.usage = ?3 JOIN usage u ON u.id = h.usage
		LEFT JOIN weak k ON u.weak = 1 AND k.server = u.server AND k.kind = u.kind AND k.protocol = u.protocol AND k.hour = h.hour
		LEFT JOIN address a ON a.id = h.address WHERE u.weak = 0 OR k.state = 1`, use.first/hourMs, use.last/hourMs, use.usage)
	if err != nil {
		return nil, err
	}
	var all []netip.Addr
	err = scan(rows, func() error {
		var raw []byte
		err := rows.Scan(&raw)
		ip, _ := netip.AddrFromSlice(raw)
		all = append(all, ip)
		return err
	})
	return all, err
}

// chosen returns, for the findings that where chooses, the exception that covers each, "" for none, and why not the one
// that did. A finding stays with its exception as long as that covers it.
func (s *Store) chosen(ctx context.Context, q querier, c *covering, where string, args ...any) ([]choice, error) {
	var subs []*subject
	// Addresses are asked for when all is read: a transaction has one connection.
	if err := s.subjects(ctx, q, where, args, func(sub *subject) error {
		if sub.exception != "" || slices.ContainsFunc(c.covers, func(cover *rules.Cover) bool { return mayCover(cover, sub) }) {
			subs = append(subs, sub)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	var all []choice
	for _, sub := range subs {
		ch := choice{subject: sub}
		for _, cover := range c.covers {
			if cover.ID == sub.exception && c.unread[cover.ID] {
				ch.by = cover.ID
				break
			}
			l, err := s.lie(ctx, q, cover, sub, false)
			if err != nil {
				return nil, err
			}
			switch {
			case len(l.outside) == 0 && (ch.by == "" || cover.ID == sub.exception):
				ch.by = cover.ID
			case len(l.outside) > 0 && cover.ID == sub.exception:
				ch.lost = strings.Join(l.outside, ", ")
			}
		}
		all = append(all, ch)
	}
	return all, nil
}

// mayCover reports whether an exception covers a finding, its addresses aside.
func mayCover(c *rules.Cover, sub *subject) bool {
	return c.About(sub.rule, sub.tags) && !slices.ContainsFunc(sub.uses, func(u subjectUse) bool { return c.Outside(u.Use) != "" })
}

// A choice is the exception that covers a finding.
type choice struct {
	*subject
	by   string // its id, "" for none
	lost string // what lies outside of the one that covered it, if that is still in force
}
