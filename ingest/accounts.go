package ingest

import "github.com/outmode/outmode/internal/signin"

// accounts numbers accounts by their key and bounds how many are told apart. A refused name is text
// that anybody can send, so those have a bound of their own: a flood of names cannot push out the
// accounts that signed in.
type accounts struct {
	byKey               map[string]uint32
	list                []*signin.Account
	seenRefused         []bool // of list
	refused             int    // accounts of list with a refused credential
	maxTotal, maxRefuse int
	over                bool // a bound was reached
}

// otherAccounts is the number of the bucket for accounts beyond the bounds.
const otherAccounts = 0

func newAccounts(total, refused int) *accounts {
	return &accounts{byKey: map[string]uint32{}, list: []*signin.Account{signin.OtherAccounts()}, seenRefused: []bool{true}, maxTotal: total, maxRefuse: refused}
}

// id returns the number of an account of which a sign-in is added, refused or not.
func (a *accounts) id(who *signin.Account, refused bool) uint32 {
	if who == signin.OtherAccounts() {
		return otherAccounts
	}
	id, ok := a.byKey[who.Key]
	if !ok {
		if len(a.list) > a.maxTotal || refused && a.refused >= a.maxRefuse {
			a.over = true
			return otherAccounts
		}
		id = uint32(len(a.list))
		a.list, a.seenRefused = append(a.list, who), append(a.seenRefused, false)
		a.byKey[who.Key] = id
	}
	if refused {
		a.refuse(id)
	}
	return id
}

func (a *accounts) refuse(id uint32) {
	if !a.seenRefused[id] {
		a.seenRefused[id] = true
		if a.refused++; a.refused > a.maxRefuse {
			a.over = true
		}
	}
}

func (a *accounts) reset() {
	clear(a.byKey)
	clear(a.list[1:])
	a.list, a.seenRefused, a.refused, a.over = a.list[:1], a.seenRefused[:1], 0, false
}
