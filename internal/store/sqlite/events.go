package sqlite

import (
	"context"

	"github.com/outmode/outmode/ingest"
)

// storeEvents writes the events of MFA gateways, and where their logs could not be understood. One line is one event,
// however often it is handed in. Those that are older than what is kept are left out, as hours are. What their logs prove of
// who is who goes with them.
func (t *turn) storeEvents(ctx context.Context, batches []*ingest.Batch) error {
	w := t.w
	rows := bulk{w: w, columns: 19, onMeet: "ON CONFLICT (time, source, at) DO NOTHING",
		insert: `INSERT INTO mfa_event (source, at, length, line, time, kind, "user", application, address, factor, outcome, reason, gateway, "transaction", signin, session, platform, federation, policy)`}
	for _, b := range batches {
		for _, g := range b.Garbled {
			if err := w.exec(ctx, `INSERT INTO garbled (source, at, "end") VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, b.Log, g.From, g.To); err != nil {
				return err
			}
			if err := w.stale(ctx, w.newest); err != nil { // of when it is is not known
				return err
			}
		}
		for i := range b.Events {
			e := &b.Events[i]
			if w.newest = max(w.newest, e.Time); e.Time < w.horizon(w.s.opt.Retention.Hours) {
				continue
			}
			if err := w.stale(ctx, e.Time); err != nil {
				return err
			}
			address, err := w.address(ctx, e.Address, e.Time/dayMs)
			if err != nil {
				return err
			}
			if err := rows.add(ctx, b.Log, e.At.Offset, e.At.Length, e.At.Line, e.Time, e.Kind, e.User, e.Application, address, e.Factor, e.Outcome, e.Reason, e.Gateway, e.Transaction, e.SignIn, e.Session, e.Platform, e.Federation, e.Policy); err != nil {
				return err
			}
		}
	}
	if err := rows.end(ctx); err != nil {
		return err
	}
	return t.storePairs(ctx, batches)
}
