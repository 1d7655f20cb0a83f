package main

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/outmode/outmode/internal/signin"
)

// usageRows are the usage rows as programs read them, by account and then by the rest of their key.
// Rows that differ only in what the contract does not show are one.
func usageRows(rows []signin.Usage) []usage {
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(compareKeys(&rows[a], &rows[b]), a-b) })
	out := []usage{}
	for n := 0; n < len(order); {
		sum := rows[order[n]]
		for n++; n < len(order) && compareKeys(&sum, &rows[order[n]]) == 0; n++ {
			merge(&sum, &rows[order[n]])
		}
		out = append(out, printed(&sum))
	}
	return out
}

func compareKeys(a, b *signin.Usage) int {
	return cmp.Or(
		strings.Compare(a.Account.Key, b.Account.Key), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Auth, b.Auth),
		cmp.Compare(a.Mechanism, b.Mechanism), cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(b.Evidence, a.Evidence),
		strings.Compare(a.Server, b.Server), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Traffic, b.Traffic),
		strings.Compare(a.Client, b.Client), compareBools(a.Internal, b.Internal), compareBools(a.Backend, b.Backend))
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// merge adds a row of the same key.
func merge(to, u *signin.Usage) {
	to.Count += u.Count
	to.First, to.Last = min(to.First, u.First), max(to.Last, u.Last)
	to.Days = append(slices.Clone(to.Days), u.Days...)
	slices.Sort(to.Days)
	to.Days = slices.Compact(to.Days)
	most := max(len(to.Addresses), len(u.Addresses), sampledAddresses)
	to.Addresses = append(slices.Clone(to.Addresses), u.Addresses...)
	slices.SortFunc(to.Addresses, func(a, b netip.Addr) int { return a.Compare(b) })
	to.Addresses = slices.Compact(to.Addresses)
	to.Addresses = to.Addresses[:min(len(to.Addresses), most)]
}

// sampledAddresses is how many addresses a row shows.
const sampledAddresses = 3

func printed(u *signin.Usage) usage {
	row := usage{Server: u.Server, Dataset: u.Kind.Dataset(), User: u.Account.Key, Protocol: u.Protocol.String(), Auth: u.Auth.String(),
		Mechanism: u.Mechanism.String(), Outcome: u.Outcome.String(), Evidence: u.Evidence.String(), Traffic: u.Traffic.String(),
		Client: u.Client, Internal: u.Internal, Backend: u.Backend, Count: u.Count, First: rfc3339(u.First), Last: rfc3339(u.Last),
		Days: len(u.Days), Addresses: []string{}, LegacyEXO: signin.LegacyEXO(u.Protocol, u.Auth), LegacyOnPrem: signin.LegacyOnPrem(u.Kind, u.Protocol, u.Auth)}
	for _, a := range u.Addresses {
		row.Addresses = append(row.Addresses, a.String())
	}
	return row
}
