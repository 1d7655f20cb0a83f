package rules

import (
	"math/bits"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/outmode/outmode/internal/signin"
)

// A field is something of a sign-in that a rule can read.
type field uint8

// The fields. Those before timeField are decided by the key of a usage row, and those from mfaField on by joining logons
// with what gateways logged: a rule that reads one of them judges records, see Record.
const (
	serverField field = iota
	datasetField
	userField
	domainField
	protocolField
	authField
	mechanismField
	outcomeField
	evidenceField
	trafficField
	clientField
	modernField
	internalField
	privilegedField
	backendField
	legacyEXOField
	legacyOnPremField
	timeField
	hourField
	weekdayField
	addressField
	agentField
	versionField
	pathField
	statusField
	mfaField
	mfaReasonField
	recordField
	factorField
	factorOutcomeField
	applicationField
	gatewayField
	enrolledField
	newAddressField
	replayedField
	issuerField
	policyField
	unmetField
	fieldCount
)

var fieldNames = [fieldCount]string{"server", "dataset", "user", "domain", "protocol", "auth", "mechanism", "outcome", "evidence",
	"traffic", "client", "modern", "internal", "privileged", "backend", "legacy_exo", "legacy_onprem",
	"time", "hour", "weekday", "address", "agent", "client_version", "path", "status",
	"mfa", "mfa_reason", "record", "factor", "factor_outcome", "application", "gateway", "enrolled", "new_address", "replayed", "issuer", "policy", "unmet"}

func (f field) String() string { return fieldNames[f] }

func parseField(name string) (field, bool) {
	i := slices.Index(fieldNames[:], name)
	return field(max(i, 0)), i >= 0
}

// words returns the values that the field can have, or nil if it can have any.
func words(name string) []string {
	if name != "dataset" {
		return signin.Words(name)
	}
	return datasets
}

var datasets = func() (names []string) {
	for i := range signin.Words("kind") {
		names = append(names, signin.Kind(i).Dataset())
	}
	return names
}()

// dataset is the kind's without making the text anew.
func dataset(k signin.Kind) string {
	if int(k) < len(datasets) {
		return datasets[k]
	}
	return k.Dataset()
}

// A fieldSet is a set of fields.
type fieldSet uint64

func setOf(fs ...field) (s fieldSet) {
	for _, f := range fs {
		s |= 1 << f
	}
	return s
}

// firstOf is the first field of a set that is not empty.
func firstOf(s fieldSet) field { return field(bits.TrailingZeros64(uint64(s))) }

func (s fieldSet) within(o fieldSet) bool { return s&^o == 0 }
func (s fieldSet) has(f field) bool       { return s&(1<<f) != 0 }

// keyFields are those that the key of a usage row decides.
const keyFields fieldSet = 1<<timeField - 1

// joinedFields are those that joining logons with events decides, and recordFields all that a record has.
const (
	joinedFields fieldSet = 1<<fieldCount - 1<<mfaField
	recordFields fieldSet = joinedFields | keyFields&^(1<<trafficField|1<<modernField) | 1<<timeField | 1<<hourField | 1<<weekdayField | 1<<addressField
)

// maxText is how much of a text a rule sees, in bytes.
const maxText = 2 << 10

func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	n := maxText
	for n > maxText-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// A view is all that an expression sees: flat, and of plain types, since a value of a named type
// would not compare with a literal.
type view struct {
	Time          time.Time `expr:"time"`
	Hour          int       `expr:"hour"`
	Weekday       string    `expr:"weekday"`
	Server        string    `expr:"server"`
	Dataset       string    `expr:"dataset"`
	User          string    `expr:"user"`
	Domain        string    `expr:"domain"`
	Protocol      string    `expr:"protocol"`
	Auth          string    `expr:"auth"`
	Mechanism     string    `expr:"mechanism"`
	Outcome       string    `expr:"outcome"`
	Evidence      string    `expr:"evidence"`
	Traffic       string    `expr:"traffic"`
	Client        string    `expr:"client"`
	ClientVersion string    `expr:"client_version"`
	Modern        string    `expr:"modern"`
	Address       string    `expr:"address"`
	Internal      bool      `expr:"internal"`
	Privileged    bool      `expr:"privileged"`
	Backend       bool      `expr:"backend"`
	Status        int       `expr:"status"`
	Path          string    `expr:"path"`
	Agent         string    `expr:"agent"`
	LegacyEXO     bool      `expr:"legacy_exo"`
	LegacyOnPrem  bool      `expr:"legacy_onprem"`
	MFA           string    `expr:"mfa"`
	MFAReason     string    `expr:"mfa_reason"`
	Record        string    `expr:"record"`
	Factor        string    `expr:"factor"`
	FactorOutcome string    `expr:"factor_outcome"`
	Application   string    `expr:"application"`
	Gateway       string    `expr:"gateway"`
	Enrolled      bool      `expr:"enrolled"`
	NewAddress    bool      `expr:"new_address"`
	Replayed      bool      `expr:"replayed"`
	Issuer        string    `expr:"issuer"`
	Policy        string    `expr:"policy"`
	Unmet         bool      `expr:"unmet"`
}

// fillKey sets what the key of a usage row decides.
func (v *view) fillKey(s *signin.SignIn) {
	v.Server, v.User, v.Domain = cut(s.Server), cut(s.Account.Name), cut(s.Account.Domain)
	v.Dataset = dataset(s.Facts.Kind)
	v.Protocol, v.Auth, v.Mechanism = s.Protocol.String(), s.Auth.String(), s.Mechanism.String()
	v.Outcome, v.Evidence, v.Traffic = s.Outcome.String(), s.Evidence.String(), s.Traffic.String()
	v.Client, v.Modern = cut(s.Client.Family), s.Client.Modern.String()
	v.Internal, v.Privileged, v.Backend = s.Internal, s.Account.Privileged, s.Backend
	v.LegacyEXO, v.LegacyOnPrem = signin.LegacyEXO(s.Protocol, s.Auth), signin.LegacyOnPrem(s.Facts.Kind, s.Protocol, s.Auth)
}

// fillLine sets those of the fields that only the line decides, but for hour and weekday, which depend
// on the rule: setZone sets them from the time.
func (v *view) fillLine(s *signin.SignIn, fields fieldSet) {
	v.Time, v.Status = s.Time(), int(s.Facts.Status)
	v.Agent, v.ClientVersion = cut(s.Client.Agent), cut(s.Client.Version)
	if fields.has(addressField) {
		v.Address = cut(s.Address.String())
	}
	if fields.has(pathField) {
		v.Path = string(cutBytes(s.Facts.Path))
	}
}

// setZone sets the hour and the weekday of v.Time as the clocks of zone show them.
func (v *view) setZone(zone *time.Location) {
	t := v.Time.In(zone)
	v.Hour, v.Weekday = t.Hour(), signin.Words("weekday")[t.Weekday()]
}

// cutBytes cuts where cut would.
func cutBytes(b []byte) []byte {
	if len(b) <= maxText {
		return b
	}
	return b[:len(cut(string(b[:maxText+1])))]
}

// Subject names an account in groups and findings: domain\name where both are known, else as it was
// logged, in lower case.
func Subject(a *signin.Account) string {
	if a.Domain != "" && a.Form != signin.UPN {
		return string(appendSubject(nil, a))
	}
	return a.Key
}

func appendSubject(b []byte, a *signin.Account) []byte {
	if a.Domain != "" && a.Form != signin.UPN {
		return append(append(append(b, a.Domain...), '\\'), a.Name...)
	}
	return append(b, a.Key...)
}

// value is a field's value as text, for groups; a Judge knows user, address and path. zone is that of
// the rule.
func (v *view) value(f field, s *signin.SignIn, zone *time.Location) string {
	switch f {
	case agentField:
		return cut(s.Client.Agent)
	case versionField:
		return cut(s.Client.Version)
	case statusField:
		return strconv.Itoa(int(s.Facts.Status))
	case hourField, weekdayField:
		v.Time = s.Time()
		v.setZone(zone)
		if f == weekdayField {
			return v.Weekday
		}
		return strconv.Itoa(v.Hour)
	}
	return keyValue(f, &signin.Usage{Server: s.Server, Kind: s.Facts.Kind, Account: s.Account, Protocol: s.Protocol, Auth: s.Auth,
		Mechanism: s.Mechanism, Outcome: s.Outcome, Evidence: s.Evidence, Traffic: s.Traffic, Client: s.Client.Family,
		Modern: s.Client.Modern, Internal: s.Internal, Backend: s.Backend})
}

// keyValue is the value of a field that the key of a usage row decides.
func keyValue(f field, u *signin.Usage) string {
	switch f {
	case serverField:
		return cut(u.Server)
	case datasetField:
		return dataset(u.Kind)
	case userField:
		return cut(Subject(u.Account))
	case domainField:
		return cut(u.Account.Domain)
	case protocolField:
		return u.Protocol.String()
	case authField:
		return u.Auth.String()
	case mechanismField:
		return u.Mechanism.String()
	case outcomeField:
		return u.Outcome.String()
	case evidenceField:
		return u.Evidence.String()
	case trafficField:
		return u.Traffic.String()
	case clientField:
		return cut(u.Client)
	case modernField:
		return u.Modern.String()
	case internalField:
		return strconv.FormatBool(u.Internal)
	case privilegedField:
		return strconv.FormatBool(u.Account.Privileged)
	case backendField:
		return strconv.FormatBool(u.Backend)
	case legacyEXOField:
		return strconv.FormatBool(signin.LegacyEXO(u.Protocol, u.Auth))
	case legacyOnPremField:
		return strconv.FormatBool(signin.LegacyOnPrem(u.Kind, u.Protocol, u.Auth))
	}
	return ""
}
