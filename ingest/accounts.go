package ingest

import "github.com/outmode/outmode/internal/signin"

// accounts numbers accounts and bounds how many are told apart. A worker's numbers are the serials of
// its Classifier, so that a line needs no look-up for it; accounts that come from another worker get
// numbers beyond. A refused name is text that anybody can send, so those have a bound of their own: a
// flood of names cannot push out the accounts that signed in.
type accounts struct {
	byKey               map[string]uint32
	of                  map[uint32]*signin.Account
	refused             map[uint32]struct{} // accounts with a refused credential
	fresh               uint32
	maxTotal, maxRefuse int
	over                bool // a bound was reached
}

// otherAccounts is the number of the bucket for accounts beyond the bounds.
const otherAccounts = 0

// firstFresh is where the numbers begin that no Classifier gives.
const firstFresh = 1 << 31

func newAccounts(total, refused int) *accounts {
	return &accounts{byKey: map[string]uint32{}, of: map[uint32]*signin.Account{otherAccounts: signin.OtherAccounts()},
		refused: map[uint32]struct{}{}, fresh: firstFresh, maxTotal: total, maxRefuse: refused}
}

// number returns the number of an account of which a row is made, of refused credentials or not. It
// is serial for an account that is new here, unless serial is 0.
func (a *accounts) number(who *signin.Account, serial uint32, refused bool) uint32 {
	if who == signin.OtherAccounts() {
		return otherAccounts
	}
	n, ok := a.byKey[who.Key]
	if !ok {
		if len(a.byKey) >= a.maxTotal || refused && len(a.refused) >= a.maxRefuse {
			a.over = true
			return otherAccounts
		}
		if n = serial; n == 0 {
			n = a.fresh
			a.fresh++
		}
		a.byKey[who.Key], a.of[n] = n, who
	}
	if refused {
		a.refused[n] = struct{}{}
		a.over = a.over || len(a.refused) > a.maxRefuse
	}
	return n
}

func (a *accounts) reset() {
	clear(a.byKey)
	clear(a.of)
	clear(a.refused)
	a.of[otherAccounts] = signin.OtherAccounts()
	a.fresh, a.over = firstFresh, false
}
