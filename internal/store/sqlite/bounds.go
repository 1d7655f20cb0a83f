package sqlite

import (
	"context"

	"github.com/outmode/outmode/ingest"
	"github.com/outmode/outmode/internal/signin"
)

// maxRefusedADay bounds how many accounts one day may add that were refused, and never seen otherwise: anybody can
// send names.
const maxRefusedADay = 1 << 15

// maxRefusalsAnHour bounds how many rows of refused credentials an hour may make before their addresses are not told
// apart any more: anybody has as many as there are.
const maxRefusalsAnHour = 1 << 18

// manyRefusals reports whether an hour has so many rows of refused credentials. What is counted is how often such rows
// were written, and most are there already: when they may be too many, the store is asked how many there are.
func (t *turn) manyRefusals(ctx context.Context, hour int32) (bool, error) {
	const enough = maxRefusalsAnHour / 4 * 3 // with less there is room for a good while before it is asked again
	w := t.w
	if n := w.refusals[hour]; n != maxRefusalsAnHour {
		return n > maxRefusalsAnHour, nil
	}
	var rows int
	if _, err := w.one(ctx, "SELECT count(*) FROM hour h JOIN usage u ON u.id = h.usage WHERE h.hour = ? AND u.outcome = ?", []any{hour, signin.Failure}, &rows); err != nil {
		return false, err
	}
	for k := range t.rows {
		if k.hour == hour {
			rows++ // it may be there, or not be one of them: there are not many
		}
	}
	if rows >= enough {
		rows = maxRefusalsAnHour + 1
	}
	w.refusals[hour] = rows
	return rows > maxRefusalsAnHour, nil
}

// bound returns the key of a row, that of the other accounts if it is a refused name too many.
func (w *writer) bound(ctx context.Context, r *ingest.HourRow) (*ingest.Key, error) {
	k := r.Key
	if k.Outcome != signin.Failure || k.Account == signin.Nobody() || w.accounts.ids[k.Account.Key] != 0 {
		return k, nil
	}
	if id, err := w.find(ctx, w.accounts.all, "SELECT id FROM account WHERE key = ?", k.Account.Key); id != 0 || err != nil {
		return k, err
	}
	day := r.Hour / 24
	if w.refused[day]++; w.refused[day] <= maxRefusedADay {
		return k, nil
	}
	other := *k
	other.Account, other.Client, other.Modern = signin.OtherAccounts(), "other", signin.ModernUnknown
	return &other, nil
}
