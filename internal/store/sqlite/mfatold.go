package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
)

// Told is what the gateways told of in all. Its lists are in no order, but for the logs.
type Told struct {
	Sources []audit.Source // the logs, by path, and of which applications each tells
	Seen    []audit.Seen   // the users, ever, as far as events are kept
	Passes  []audit.Pass   // from where they passed a second factor and when first, as far as events are kept
	Habits  []audit.Habit  // the events of each hour of a time
}

// fewEvents is up to how many events of an hour are counted exactly.
const fewEvents = 60

// Told reads what the gateways told of; habits are those of a time in Unix milliseconds, to is behind it. It reads the
// events once: SQL would sort them for each list.
//
// Exports overlap: in an hour of few events those of one transaction, or of one instant where there is none, are one. In
// one of many that takes long and changes nothing: what matters is whether there are some.
func (v *MFAView) Told(ctx context.Context, from, to int64) (*Told, error) {
	sources, at, err := v.sources(ctx)
	if err != nil {
		return nil, err
	}
	garbled, err := v.garbled(ctx)
	if err != nil {
		return nil, reading("what of gateways' logs could not be understood", err)
	}
	t := telling{garbled: garbled, apps: newNumbers(), users: newNumbers(), told: map[toldIn]bool{}, seen: map[toldOf]bool{}, passed: map[passedAt]int64{}, hours: map[toldWhen]int{}}
	if err := t.read(ctx, v, from, to); err != nil {
		return nil, reading("what gateways told", err)
	}
	told := &Told{Sources: sources}
	for in := range t.told {
		if i, ok := at[in.source]; ok && t.apps.names[in.app] != "" {
			sources[i].Applications = append(sources[i].Applications, t.apps.names[in.app])
		}
	}
	for i := range sources {
		slices.Sort(sources[i].Applications)
	}
	for source, g := range garbled {
		if i, ok := at[source]; ok {
			sources[i].Holes = append(sources[i].Holes, g.holes(&sources[i], sources)...)
		}
	}
	for of := range t.seen {
		told.Seen = append(told.Seen, audit.Seen{Kind: of.kind, Application: t.apps.names[of.app], User: t.users.names[of.user]})
	}
	if told.Passes, err = t.passes(ctx, v); err != nil {
		return nil, reading("from where second factors were passed", err)
	}
	if told.Habits, err = t.habits(ctx, v); err != nil {
		return nil, reading("the hours of events", err)
	}
	return told, nil
}

// A telling adds up what events tell of.
type telling struct {
	apps, users numbers
	garbled     map[int64]*garble // by source
	told        map[toldIn]bool
	seen        map[toldOf]bool
	passed      map[passedAt]int64
	hours       map[toldWhen]int
}

type toldIn struct {
	source int64
	app    int32
}

type toldOf struct {
	kind      signin.Kind
	app, user int32
}

type passedAt struct {
	toldOf
	address int64
}

type toldWhen struct {
	kind signin.Kind
	app  int32
	hour int64
}

// numbers are numbers of names, so that keys with them are short.
type numbers struct {
	of    map[string]int32
	names []string
}

func newNumbers() numbers { return numbers{of: map[string]int32{}} }

func (n *numbers) number(name []byte) int32 {
	i, ok := n.of[string(name)]
	if !ok {
		i = int32(len(n.names))
		text := string(name)
		n.of[text], n.names = i, append(n.names, text)
	}
	return i
}

func (t *telling) read(ctx context.Context, v *MFAView, from, to int64) error {
	rows, err := v.tx.QueryContext(ctx, `SELECT source, at, kind, application, "user", outcome, address, time FROM mfa_event`)
	if err != nil {
		return err
	}
	return scan(rows, func() error {
		var source, at, kind, outcome, address, time int64
		var app, user sql.RawBytes
		if err := rows.Scan(&source, &at, &kind, &app, &user, &outcome, &address, &time); err != nil {
			return err
		}
		of := toldOf{kind: signin.Kind(kind), app: t.apps.number(app)}
		t.told[toldIn{source, of.app}] = true
		if g := t.garbled[source]; g != nil {
			g.event(at, time)
		}
		if from <= time && time < to {
			t.hours[toldWhen{of.kind, of.app, time / hourMs}]++
		}
		what := factorOutcome(outcome)
		if !audit.Shows(what) {
			return nil // anybody can type names
		}
		of.user = t.users.number(user)
		t.seen[of] = true
		if what == signin.FactorPassed && address != 0 {
			from := passedAt{of, address}
			if first, ok := t.passed[from]; !ok || time < first {
				t.passed[from] = time
			}
		}
		return nil
	})
}

func (t *telling) passes(ctx context.Context, v *MFAView) (all []audit.Pass, err error) {
	var from addressed
	for at, first := range t.passed {
		from.add(at.address)
		all = append(all, audit.Pass{Kind: at.kind, Application: t.apps.names[at.app], User: t.users.names[at.user], First: first})
	}
	if err := from.read(ctx, v); err != nil {
		return nil, err
	}
	for i := range all {
		all[i].Address = from.of(v, i)
	}
	return all, nil
}

func (t *telling) habits(ctx context.Context, v *MFAView) (all []audit.Habit, err error) {
	for when, n := range t.hours {
		h := audit.Habit{Kind: when.kind, Application: t.apps.names[when.app], Hour: when.hour, Events: n}
		if n > 1 && n <= fewEvents {
			err := v.again.one(ctx, `SELECT count(DISTINCT CASE "transaction" WHEN '' THEN time ELSE "transaction" END) FROM mfa_event WHERE time >= ?1 AND time < ?2 AND kind = ?3 AND application = ?4`,
				[]any{h.Hour * hourMs, (h.Hour + 1) * hourMs, h.Kind, h.Application}, &h.Events)
			if err != nil {
				return nil, err
			}
		}
		all = append(all, h)
	}
	return all, nil
}

// factorOutcome is the outcome of a number in the store; a later version may have written one that is not known.
func factorOutcome(n int64) signin.FactorOutcome {
	if n < 0 || n > int64(signin.FactorInfo) {
		return signin.FactorUnknown
	}
	return signin.FactorOutcome(n)
}

// addressed are the numbers of the addresses of some rows, in their order. Rows are many and addresses few: to look each
// up where it stands would cost as much as to read the rows.
type addressed struct{ ids []int64 }

func (a *addressed) add(id int64) { a.ids = append(a.ids, id) }

// of returns the address of a row, the zero Addr if it has none. They must be read before.
func (a *addressed) of(v *MFAView, row int) netip.Addr { return v.ips[a.ids[row]] }

// maxAddresses bounds how many addresses are remembered from one hour to the next.
const maxAddresses = 1 << 18

// read looks up the addresses that are not known yet.
func (a *addressed) read(ctx context.Context, v *MFAView) error {
	if v.ips == nil || len(v.ips) > maxAddresses {
		v.ips = map[int64]netip.Addr{}
	}
	var unknown []byte
	for _, id := range a.ids {
		if _, ok := v.ips[id]; !ok {
			v.ips[id] = netip.Addr{}
			unknown = fmt.Appendf(unknown, ",%d", id)
		}
	}
	if unknown == nil {
		return nil
	}
	rows, err := v.again.QueryContext(ctx, "SELECT id, ip FROM address WHERE id IN (SELECT value FROM json_each(?))", "["+strings.TrimPrefix(string(unknown), ",")+"]")
	if err != nil {
		return err
	}
	return scan(rows, func() error {
		var id int64
		var raw sql.RawBytes
		err := rows.Scan(&id, &raw)
		v.ips[id], _ = netip.AddrFromSlice(raw)
		return err
	})
}
