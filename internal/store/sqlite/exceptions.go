package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/outmode/outmode/rules"
)

// AddException keeps an exception, which must be well-formed (see rules.Exception.Check), and returns it with its id
// and the time. What it covers is found out by ApplyExceptions.
func (s *Store) AddException(ctx context.Context, x rules.Exception) (rules.Exception, error) {
	now := s.opt.Now().UTC()
	if err := x.Check(now); err != nil {
		return x, err
	}
	x.ID, x.Created, x.Expires, x.Removed = exceptionID(), now.Truncate(time.Millisecond), x.Expires.UTC().Truncate(time.Millisecond), time.Time{}
	err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO exception (id, users, group_file, addresses, clients, protocols, rules, reason, owner, ticket, approver, created, expires, removed, removed_by, removed_note)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '', '')`, x.ID, jsonList(x.Users), x.GroupFile, jsonList(x.Addresses), jsonList(x.Clients), jsonList(x.Protocols), jsonList(x.Rules),
			x.Reason, x.Owner, x.Ticket, x.Approver, x.Created.UnixMilli(), x.Expires.UnixMilli())
		return err
	})
	if err != nil {
		return x, fmt.Errorf("adding an exception: %w", err)
	}
	return x, nil
}

// exceptionID is short enough to type, and no other's.
func exceptionID() string {
	var b [5]byte
	_, _ = rand.Read(b[:]) // it never fails
	return "x-" + strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// Exceptions returns all exceptions, those that are over too, in the order in which they were made.
func (s *Store) Exceptions(ctx context.Context) ([]rules.Exception, error) {
	return s.exceptions(ctx, s.read)
}

func (s *Store) exceptions(ctx context.Context, q querier) ([]rules.Exception, error) {
	rows, err := q.QueryContext(ctx, `SELECT id, users, group_file, addresses, clients, protocols, rules, reason, owner, ticket, approver, created, expires, removed, removed_by, removed_note
		FROM exception ORDER BY created, id`)
	if err != nil {
		return nil, fmt.Errorf("reading exceptions: %w", err)
	}
	var all []rules.Exception
	err = scan(rows, func() error {
		var x rules.Exception
		var lists [5]string
		var created, expires, removed int64
		if err := rows.Scan(&x.ID, &lists[0], &x.GroupFile, &lists[1], &lists[2], &lists[3], &lists[4], &x.Reason, &x.Owner, &x.Ticket, &x.Approver,
			&created, &expires, &removed, &x.RemovedBy, &x.RemovedNote); err != nil {
			return err
		}
		for i, into := range []*[]string{&x.Users, &x.Addresses, &x.Clients, &x.Protocols, &x.Rules} {
			if err := json.Unmarshal([]byte(lists[i]), into); err != nil {
				return fmt.Errorf("exception %s: %w", x.ID, err)
			}
		}
		x.Created, x.Expires, x.Removed = instant(created), instant(expires), instant(removed)
		all = append(all, x)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading exceptions: %w", err)
	}
	return all, nil
}

// Expiring returns the exceptions whose end is near, those that end first before the others.
func (s *Store) Expiring(ctx context.Context, now time.Time) ([]rules.Exception, error) {
	all, err := s.Exceptions(ctx)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(x rules.Exception) bool { return x.State(now) != rules.ExceptionExpiring })
	slices.SortStableFunc(all, func(a, b rules.Exception) int { return a.Expires.Compare(b.Expires) })
	return all, nil
}

// ErrOver says that an exception is not in force any more.
var ErrOver = errors.New("it is not in force any more")

// RemoveException takes an exception back. by is who did it, note is why. It fails with ErrOver where it has ended.
func (s *Store) RemoveException(ctx context.Context, id, by, note string) error {
	now := s.opt.Now().UnixMilli()
	err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "UPDATE exception SET removed = ?1, removed_by = ?2, removed_note = ?3 WHERE id = ?4 AND removed = 0 AND expires > ?1", now, by, note, id)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrOver)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("removing exception %s: %w", id, err)
	}
	return nil
}

// Covered returns how many findings each exception covers now.
func (s *Store) Covered(ctx context.Context) (map[string]int, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT f.exception, count(*) FROM finding f JOIN exception e ON e.id = f.exception AND e.removed = 0 AND e.expires > ? WHERE f.state IN ('open', 'acknowledged') AND (f.counted = 'window' AND f.count > 0
		OR EXISTS (SELECT 1 FROM finding_usage x JOIN usage u ON u.id = x.usage WHERE x.finding = f.id AND u.count > 0)) GROUP BY f.exception`, s.opt.Now().UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("reading what exceptions cover: %w", err)
	}
	n := map[string]int{}
	err = scan(rows, func() error {
		var id string
		var count int
		err := rows.Scan(&id, &count)
		n[id] = count
		return err
	})
	return n, err
}

// An Outside is what an exception in force does not cover of a finding that it is about.
type Outside struct {
	Exception string   // its id
	What      []string // sorted, at most ten
}

// Outside returns why the exceptions that are about a finding do not cover it.
func (s *Store) Outside(ctx context.Context, finding string, now time.Time) ([]Outside, error) {
	c, err := s.covering(ctx, s.read, now)
	if err != nil {
		return nil, err
	}
	var sub *subject
	err = s.subjects(ctx, s.read, " AND f.id = ?", []any{finding}, func(found *subject) error {
		sub = found
		return nil
	})
	if err != nil || sub == nil {
		return nil, err
	}
	var all []Outside
	for _, cover := range c.covers {
		if c.unread[cover.ID] {
			all = append(all, Outside{cover.ID, []string{"its group file cannot be read"}})
			continue
		}
		l, err := s.lie(ctx, s.read, cover, sub, true)
		if err != nil {
			return nil, err
		}
		if l.touches && len(l.outside) > 0 {
			all = append(all, Outside{cover.ID, l.outside})
		}
	}
	return all, nil
}

// ApplyExceptions brings up to date which exception covers which finding. A finding that lost its exception fires
// again: it is open, and who must be told is told. Where a group file cannot be read, what its exception covers stays as
// it was; that is the error that is returned, after all else was done.
func (s *Store) ApplyExceptions(ctx context.Context, now time.Time) error {
	c, err := s.covering(ctx, s.read, now)
	if err != nil {
		return err
	}
	where := ""
	if len(c.covers) == 0 {
		where = " AND f.exception != ''"
	}
	all, err := s.chosen(ctx, s.read, c, where)
	if err != nil {
		return fmt.Errorf("applying exceptions: %w", err)
	}
	all = slices.DeleteFunc(all, func(ch choice) bool { return ch.by == ch.exception })
	if len(all) == 0 {
		return errors.Join(c.problem...)
	}
	newest, err := s.newest(ctx, s.read)
	if err != nil {
		return err
	}
	err = s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		d := desk{tx: tx, now: now}
		for i := range all {
			if err := d.shift(ctx, &all[i], c, newest); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("applying exceptions: %w", err)
	}
	return errors.Join(c.problem...)
}

// shift puts a finding under another exception, or under none. What was read before the transaction may have changed:
// then the next time decides.
func (d *desk) shift(ctx context.Context, ch *choice, c *covering, newest time.Time) error {
	state := ch.state
	if ch.by == "" && state == stateAcknowledged {
		state = stateOpen // somebody has to look again
	}
	done, err := d.exec(ctx, `UPDATE finding SET exception = ?1, state = ?2 WHERE id = ?3 AND exception = ?4 AND state = ?5
		AND (?1 = '' OR EXISTS (SELECT 1 FROM exception WHERE id = ?1 AND removed = 0 AND expires > ?6))`, ch.by, state, ch.id, ch.exception, ch.state, d.now.UnixMilli())
	if err != nil || done == 0 {
		return err
	}
	note := lapse(c.byID[ch.exception], ch)
	if ch.by != "" {
		return d.covered(ctx, ch.id, state, note, c.byID[ch.by])
	}
	if err := d.note(ctx, ch.id, state, outmode, note); err != nil || state == stateResolved {
		return err
	}
	if _, err := d.exec(ctx, "UPDATE finding SET changed = ?, actor = ?, note = ? WHERE id = ?", d.now.UnixMilli(), outmode, note, ch.id); err != nil {
		return err
	}
	return d.tell(ctx, ch.id, "reopened", newest)
}

// covered writes down that an exception covers a finding. Nobody need be told of it who was not told yet.
func (d *desk) covered(ctx context.Context, finding, state, before string, x *rules.Exception) error {
	if err := d.note(ctx, finding, state, outmode, underException(before, x)); err != nil {
		return err
	}
	_, err := d.exec(ctx, "DELETE FROM outbox WHERE finding = ?", finding)
	return err
}

// underException says which exception covers a finding from now on, and what became of the one before it.
func underException(before string, x *rules.Exception) string {
	note := fmt.Sprintf("covered by exception %s of %s until %s: %s", x.ID, x.Owner, x.Expires.Format("2006-01-02 15:04"), x.Reason)
	if before != "" {
		note = before + "; " + note
	}
	return note
}

// lapse says why a finding is not covered any more by the exception that it had; "" if it had none.
func lapse(x *rules.Exception, ch *choice) string {
	switch {
	case ch.exception == "":
		return ""
	case x == nil:
		return fmt.Sprintf("exception %s is gone", ch.exception)
	case !x.Removed.IsZero() && x.RemovedNote != "":
		return fmt.Sprintf("exception %s removed by %s: %s", x.ID, x.RemovedBy, x.RemovedNote)
	case !x.Removed.IsZero():
		return fmt.Sprintf("exception %s removed by %s", x.ID, x.RemovedBy)
	case ch.lost != "":
		return fmt.Sprintf("exception %s does not cover it any more: %s", x.ID, ch.lost)
	}
	return fmt.Sprintf("exception %s expired", x.ID)
}
