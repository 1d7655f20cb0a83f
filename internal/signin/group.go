package signin

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Column is what usage rows can be grouped by: the hour or the day of a sign-in, or a part of the key of its row.
type Column uint8

// The columns, in the order in which usage rows show them.
const (
	ByHour Column = iota
	ByDay
	ByServer
	ByDataset
	ByUser
	ByProtocol
	ByAuth
	ByMechanism
	ByOutcome
	ByEvidence
	ByTraffic
	ByClient
	ByInternal
	ByBackend
	columnCount
)

var columnNames = [columnCount]string{"hour", "day", "server", "dataset", "user", "protocol", "auth", "mechanism", "outcome", "evidence",
	"traffic", "client", "internal", "backend"}

func (c Column) String() string { return name(columnNames[:], uint8(c), "column") }

// ParseColumn returns the column spelled s.
func ParseColumn(s string) (Column, bool) { return parse[Column](columnNames[:], s) }

// A Group is the sign-ins that are alike in some columns; the fields of the other columns are zero.
type Group struct {
	Start     int64 // of the hour or the day, Unix milliseconds in UTC
	Server    string
	Kind      Kind
	User      string // the account as logged, in lower case
	Protocol  Protocol
	Auth      Auth
	Mechanism Mechanism
	Outcome   Outcome
	Evidence  Evidence
	Traffic   Traffic
	Client    string
	Internal  bool
	Backend   bool

	Count   int64
	Refused int64 // of Count: credentials that were refused, which is no use
	First   int64 // Unix milliseconds; 0 where nothing is counted
	Last    int64
}

// Value is what a group has in a column, as JSON and tables spell it.
func (g *Group) Value(c Column) string {
	switch c {
	case ByHour:
		return string(AppendTime(nil, g.Start))
	case ByDay:
		return time.UnixMilli(g.Start).UTC().Format(time.DateOnly)
	case ByServer:
		return g.Server
	case ByDataset:
		return g.Kind.Dataset()
	case ByUser:
		return g.User
	case ByProtocol:
		return g.Protocol.String()
	case ByAuth:
		return g.Auth.String()
	case ByMechanism:
		return g.Mechanism.String()
	case ByOutcome:
		return g.Outcome.String()
	case ByEvidence:
		return g.Evidence.String()
	case ByTraffic:
		return g.Traffic.String()
	case ByClient:
		return g.Client
	case ByInternal:
		return strconv.FormatBool(g.Internal)
	case ByBackend:
		return strconv.FormatBool(g.Backend)
	}
	return ""
}

// SortGroups orders groups by their columns, the first one first: time and names ascending, the rest in the order in
// which tables show their words.
func SortGroups(groups []Group, by []Column) {
	slices.SortFunc(groups, func(a, b Group) int {
		for _, c := range by {
			if order := compareColumn(c, &a, &b); order != 0 {
				return order
			}
		}
		return 0
	})
}

func compareColumn(c Column, a, b *Group) int {
	switch c {
	case ByHour, ByDay:
		return cmp.Compare(a.Start, b.Start)
	case ByDataset:
		return cmp.Compare(a.Kind, b.Kind)
	case ByProtocol:
		return cmp.Compare(a.Protocol, b.Protocol)
	case ByAuth:
		return cmp.Compare(a.Auth, b.Auth)
	case ByMechanism:
		return cmp.Compare(a.Mechanism, b.Mechanism)
	case ByOutcome:
		return cmp.Compare(a.Outcome, b.Outcome)
	case ByEvidence:
		return cmp.Compare(b.Evidence, a.Evidence) // what is proven comes first, as in usage rows
	case ByTraffic:
		return cmp.Compare(a.Traffic, b.Traffic)
	}
	return strings.Compare(a.Value(c), b.Value(c))
}
