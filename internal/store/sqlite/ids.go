package sqlite

import (
	"context"
	"math"
	"slices"

	"github.com/outmode/outmode/ingest"
)

// sampleIDs is how many request ids of a server are kept: the smallest hashes.
const sampleIDs = 1 << 14

// An idSample is what is kept of one server's.
type idSample struct {
	n       int
	largest uint64
}

func (t *turn) storeIDs(ctx context.Context, batches []*ingest.Batch) error {
	w := t.w
	all := map[int64][]uint64{}
	for _, b := range batches {
		for _, id := range b.IDs {
			server, err := w.servers.id(ctx, w, id.Server)
			if err != nil {
				return err
			}
			all[server] = append(all[server], id.Hash)
		}
	}
	rows := bulk{w: w, columns: 2, insert: "INSERT INTO request_id (server, hash)", onMeet: "ON CONFLICT DO NOTHING"}
	for server, hashes := range all {
		k := w.ids[server]
		if k == nil {
			k = &idSample{largest: math.MaxUint64}
			if _, err := w.one(ctx, "SELECT count(*) FROM request_id WHERE server = ?", []any{server}, &k.n); err != nil {
				return err
			}
			w.ids[server] = k
		}
		slices.Sort(hashes)
		hashes = slices.Compact(hashes)
		for _, h := range hashes[:min(len(hashes), sampleIDs)] {
			if h > k.largest {
				break
			}
			if err := rows.add(ctx, server, ordered(h)); err != nil {
				return err
			}
			k.n++
		}
		if err := rows.end(ctx); err != nil {
			return err
		}
		if k.n > 2*sampleIDs {
			if err := w.trimIDs(ctx, server, k); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *writer) trimIDs(ctx context.Context, server int64, k *idSample) error {
	var largest int64
	found, err := w.one(ctx, "SELECT hash FROM request_id WHERE server = ? ORDER BY hash LIMIT 1 OFFSET ?", []any{server, sampleIDs - 1}, &largest)
	if err != nil || !found {
		return err
	}
	k.n, k.largest = sampleIDs, hashOf(largest)
	return w.exec(ctx, "DELETE FROM request_id WHERE server = ? AND hash > ?", server, largest)
}

// ordered is a hash as SQLite's signed integer, in the same order.
func ordered(h uint64) int64 { return int64(h ^ 1<<63) }

func hashOf(n int64) uint64 { return uint64(n) ^ 1<<63 }
