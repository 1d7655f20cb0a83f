package sqlite

import (
	"context"
	"database/sql"
	"net/netip"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
)

// maxSessions is of how many sessions more is read than whether they were used on several platforms: few are. Of others
// nothing is said.
const maxSessions = 1 << 13

// Sessions lists where the sessions of identity providers were used that were used on several platforms, as far as events
// are kept, by session. It goes along an index, session by session: a session may have any number of events.
func (v *MFAView) Sessions(ctx context.Context) (all []audit.SessionPlace, err error) {
	const what = "where sessions were used"
	rows, err := v.tx.QueryContext(ctx, `SELECT e.session, e.platform, a.ip, e.time, e.outcome = ?
		FROM (SELECT session FROM mfa_event WHERE session <> '' AND platform > 0 GROUP BY session HAVING min(platform) < max(platform) LIMIT ?) s
		CROSS JOIN mfa_event e ON e.session = s.session AND e.session <> '' LEFT JOIN address a ON a.id = e.address`, signin.FactorPassed, maxSessions)
	if err != nil {
		return nil, reading(what, err)
	}
	var one audit.SessionPlaces
	err = scan(rows, func() error {
		var e signin.MFAEvent
		var session, raw sql.RawBytes
		var platform int64
		var passed bool
		if err := rows.Scan(&session, &platform, &raw, &e.Time, &passed); err != nil {
			return err
		}
		e.Platform = signin.Platform(platform)
		e.Address, _ = netip.AddrFromSlice(raw)
		if passed {
			e.Outcome = signin.FactorPassed
		}
		if string(session) != one.Session {
			all = one.AppendTo(all)
			one = audit.SessionPlaces{Session: string(session)}
		}
		one.Add(&e)
		return nil
	})
	return one.AppendTo(all), reading(what, err)
}

// Trusts adds up of which sign-ins AD FS told that it let in, as far as events are kept, in no order. It goes along an
// index, request by request.
func (v *MFAView) Trusts(ctx context.Context) ([]audit.Trust, error) {
	const what = "the requests at AD FS"
	rows, err := v.tx.QueryContext(ctx, `SELECT federation, kind, "user", time FROM mfa_event INDEXED BY mfa_event_federation WHERE federation <> '' ORDER BY federation`)
	if err != nil {
		return nil, reading(what, err)
	}
	var f audit.Federation
	err = scan(rows, func() error {
		var e signin.MFAEvent
		var kind int64
		err := rows.Scan(&e.Federation, &kind, &e.User, &e.Time)
		e.Kind = signin.Kind(kind)
		f.Add(&e)
		return err
	})
	return f.Trusts(), reading(what, err)
}
