package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// Known returns what a pipeline must know to go on where the store stands.
func (s *Store) Known(ctx context.Context) (*ingest.Known, error) {
	k := &ingest.Known{Servers: map[netip.Addr]string{}}
	var err error
	if k.Sources, err = s.sources(ctx, s.read); err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, "SELECT ip, name FROM server_address")
	if err == nil {
		err = scan(rows, func() error {
			var ip []byte
			var name string
			err := rows.Scan(&ip, &name)
			if addr, ok := netip.AddrFromSlice(ip); ok {
				k.Servers[addr] = name
			}
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("reading the addresses of servers: %w", err)
	}
	return k, nil
}

func (s *Store) sources(ctx context.Context, q querier) ([]ingest.Source, error) {
	rows, err := q.QueryContext(ctx, `SELECT s.id, path, file_id, head, head_size, name, kind, state, why, server, owner, encoding, plain, size, modified, done, "offset", lines,
		h.text, sessions, chain, unfinished, first, last FROM source s LEFT JOIN header h ON h.id = s.header ORDER BY s.id`)
	if err != nil {
		return nil, fmt.Errorf("reading the ledger: %w", err)
	}
	var all []ingest.Source
	headers := map[string][]byte{} // many logs have one: it is kept once
	err = scan(rows, func() error {
		var x ingest.Source
		var head, chain []byte
		err := rows.Scan(&x.ID, &x.Path, &x.FileID, &head, &x.HeadSize, &x.Name, &x.Kind, &x.State, &x.Why, &x.Server, &x.Owner, &x.Encoding, &x.Plain, &x.Size, &x.Modified,
			&x.Done, &x.Offset, &x.Lines, &x.Header, &x.Sessions, &chain, &x.Unfinished, &x.First, &x.Last)
		copy(x.Head[:], head)
		copy(x.Chain[:], chain)
		if h, ok := headers[string(x.Header)]; ok {
			x.Header = h
		} else {
			headers[string(x.Header)] = x.Header
		}
		all = append(all, x)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the ledger: %w", err)
	}
	return all, nil
}

// Ranges returns the ledger of a log, in the order of its bytes.
func (s *Store) Ranges(ctx context.Context, log int64) ([]ingest.Range, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT start, "end", digest FROM ledger WHERE source = ? ORDER BY start`, log)
	if err != nil {
		return nil, fmt.Errorf("reading the ledger: %w", err)
	}
	var all []ingest.Range
	err = scan(rows, func() error {
		var r ingest.Range
		var digest []byte
		err := rows.Scan(&r.From, &r.To, &digest)
		copy(r.Digest[:], digest)
		all = append(all, r)
		return err
	})
	return all, err
}

// Owners returns the servers' names by the hashes of request ids that they told. An id that two servers told is the
// first one's in the order of the alphabet.
func (s *Store) Owners(ctx context.Context) (map[uint64]string, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT r.hash, min(v.name) FROM request_id r JOIN server v ON v.id = r.server GROUP BY r.hash`)
	if err != nil {
		return nil, fmt.Errorf("reading request ids: %w", err)
	}
	owners := map[uint64]string{}
	err = scan(rows, func() error {
		var hash int64
		var name string
		err := rows.Scan(&hash, &name)
		owners[hashOf(hash)] = name
		return err
	})
	return owners, err
}

// serverNames returns the names of servers by the addresses by which they were known when no log had named them yet.
func (s *Store) serverNames(ctx context.Context, q querier) (map[string]string, error) {
	rows, err := q.QueryContext(ctx, "SELECT ip, name FROM server_address WHERE name <> ''")
	if err != nil {
		return nil, fmt.Errorf("reading the addresses of servers: %w", err)
	}
	names := map[string]string{}
	err = scan(rows, func() error {
		var ip []byte
		var name string
		err := rows.Scan(&ip, &name)
		if addr, ok := netip.AddrFromSlice(ip); ok {
			names[addr.String()] = ingest.ShortName(name)
		}
		return err
	})
	return names, err
}

// usageRows reads usage rows without their days and addresses, as they are summed over all time.
func (s *Store) usageRows(ctx context.Context, q querier, where string, args ...any) ([]signin.Usage, error) {
	rows, err := s.readUsage(ctx, q, where, args...)
	if err != nil {
		return nil, err
	}
	out := make([]signin.Usage, 0, len(rows))
	for i := range rows {
		if rows[i].Count > 0 {
			out = append(out, rows[i].Usage)
		}
	}
	return out, nil
}

// A usageRow is a usage row and its number.
type usageRow struct {
	signin.Usage
	id   int64
	weak bool
}

func (s *Store) readUsage(ctx context.Context, q querier, where string, args ...any) ([]usageRow, error) {
	rows, err := q.QueryContext(ctx, `SELECT u.id, u.weak, v.name, u.kind, u.account, a.key, a.form, a.traffic, a.privileged, a.name, a.domain, a.why, u.protocol, u.auth, u.mechanism, u.outcome, u.evidence,
		u.traffic, c.name, u.modern, u.internal, u.backend, u.count, u.first, u.last, coalesce(w.words, ''), u.source, u.at, u.length, u.line
		FROM usage u JOIN server v ON v.id = u.server JOIN account a ON a.id = u.account JOIN client c ON c.id = u.client LEFT JOIN verdict w ON w.id = u.verdict WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("reading usage: %w", err)
	}
	names, err := s.serverNames(ctx, q)
	if err != nil {
		rows.Close()
		return nil, err
	}
	accounts, hits := map[int64]*signin.Account{}, map[string]*signin.Hits{}
	var all []usageRow
	err = scan(rows, func() error {
		var u usageRow
		var a signin.Account
		var account int64
		var words string
		err := rows.Scan(&u.id, &u.weak, &u.Server, &u.Kind, &account, &a.Key, &a.Form, &a.Traffic, &a.Privileged, &a.Name, &a.Domain, &a.Why, &u.Protocol, &u.Auth, &u.Mechanism, &u.Outcome, &u.Evidence,
			&u.Traffic, &u.Client, &u.Modern, &u.Internal, &u.Backend, &u.Count, &u.First, &u.Last, &words, &u.At.File, &u.At.Offset, &u.At.Length, &u.At.Line)
		if err != nil {
			return err
		}
		u.Server = cmp.Or(names[u.Server], u.Server)
		if u.Account = accounts[account]; u.Account == nil {
			switch a.Key {
			case "":
				u.Account = signin.Nobody()
			case signin.OtherAccounts().Key:
				u.Account = signin.OtherAccounts()
			default:
				u.Account = &a
			}
			accounts[account] = u.Account
		}
		if words != "" && s.opt.Rules != nil {
			if hits[words] == nil {
				if hits[words], err = s.recall(words); err != nil {
					return err
				}
			}
			u.Hits = hits[words]
		}
		all = append(all, u)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading usage: %w", err)
	}
	return all, nil
}
