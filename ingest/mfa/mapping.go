package mfa

import (
	"regexp"
	"strings"
	"time"

	"github.com/outmode/outmode/internal/signin"
)

// A Mapping declares how a log is read for which there is no decoder here: where its records are, and what in them is
// time, user, address and outcome. It is what an operator wrote; Compile checks it and makes a log of it.
//
// A field is named as its format has it: a path of keys in JSON (client.ip), a heading or one of Columns in CSV, a key in
// key=value pairs and CEF, a group of a pattern. Of a list of fields the first that says something counts.
type Mapping struct {
	Source      string   // its name
	Files       []string // patterns of the names of its files; none: they are known by their content
	Input       Input
	Time        MappedTime
	User        MappedUser
	IP          MappedIP
	ID          MappedField // what names an event for ever
	Application MappedField // stands behind the Source and a slash; the Source alone where none is named
	Factor      MappedField
	Gateway     MappedField // the server that wrote the record
	Outcome     MappedOutcome
}

// An Input is what the records of a log look like, and which of them are meant.
type Input struct {
	Format    string // json, ndjson, json-array, csv, kv, cef, regex; or two of them, such as syslog+kv: see formats
	Root      string // of JSON: the path of the array of records
	Message   string // of two: the field of the first in which the second stands
	Columns   []string
	Separator string   // of CSV, a comma unless said; of pairs, blanks
	Patterns  []string // RE2 with named groups; the first that fits a line counts
	Where     []Condition
}

// A Condition holds of a record whose field is one of some words. Case does not count.
type Condition struct {
	Field string
	Words []string
}

// A MappedField is where a value stands.
type MappedField struct{ Fields []string }

// A MappedTime is where the time stands and how it is written: rfc3339, unix, unix_ms, or a layout of Go. A time that
// names no zone is one of Zone, "" for UTC.
type MappedTime struct {
	Fields, Layouts []string
	Zone            string
}

// A MappedUser is where the user stands, and which ending is no part of the name.
type MappedUser struct{ Fields, StripSuffix []string }

// A MappedIP is where the address of the client stands.
type MappedIP struct {
	Fields    []string
	StripPort bool
	List      string   // which of several counts: first or last
	Unknown   []string // words that are no address
}

// A MappedOutcome says what became of the second factor: what the first When says of which all conditions hold, else what
// Map says of the first of Fields that it knows, else Default. Outcomes are words: see signin.ParseFactorOutcome.
type MappedOutcome struct {
	Fields  []string
	Map     Words
	When    []When
	Default string
}

// Words are outcomes, as words, by the words of a gateway.
type Words map[string]string

// A When is a condition on several fields, and the outcome of a record of which all hold.
type When struct {
	If   []Condition
	Then string
}

// DefaultMapping is one of which nothing is said yet.
func DefaultMapping() Mapping {
	return Mapping{IP: MappedIP{StripPort: true, List: "first"}, Outcome: MappedOutcome{Default: signin.FactorUnknown.String()}}
}

// A MappedLog is a log that a mapping declares, ready to be read. It never changes.
type MappedLog struct {
	source         string
	files          []string
	outer, inner   string // formats; inner is "" where there is one only
	root           []string
	names          []string // of the fields, by their place
	message        int      // the field in which inner stands
	columns        []string
	separator      byte // 0: the format's own
	patterns       []*regexp.Regexp
	where          []test
	time           []int
	layouts        []layout
	zone           *time.Location
	user           []int
	suffixes       []string // lower-case
	ip             []int
	stripPort      bool
	last           bool
	unknown        []string // lower-case
	id, app        []int
	factor, server []int
	outcome        []int
	words          table
	when           []judgement
	otherwise      signin.FactorOutcome
	application    []byte // the source
}

// A test is a compiled Condition.
type test struct {
	field int
	words []string // lower-case
}

// A judgement is a compiled When.
type judgement struct {
	tests []test
	then  signin.FactorOutcome
}

// The formats. Before a plus stands what the first format finds the second one in.
const (
	formatJSON   = "json"
	formatLines  = "ndjson"
	formatArray  = "json-array"
	formatCSV    = "csv"
	formatPairs  = "kv"
	formatCEF    = "cef"
	formatRegex  = "regex"
	formatSyslog = "syslog"
)

// formats splits a format; false if it is none.
func formats(format string) (outer, inner string, ok bool) {
	outer, inner, two := strings.Cut(format, "+")
	switch outer {
	case formatJSON, formatLines, formatArray, formatRegex, formatSyslog:
	case formatCSV, formatPairs, formatCEF:
		return outer, "", !two
	default:
		return "", "", false
	}
	if !two {
		return outer, "", outer != formatSyslog
	}
	switch inner {
	case formatPairs, formatCEF, formatCSV:
		ok = true
	case formatJSON:
		ok = outer == formatRegex || outer == formatSyslog
	case formatRegex:
		ok = outer != formatRegex
	}
	return outer, inner, ok
}

// The fields that a prefix of syslog has.
const (
	syslogTime    = "syslog.time"
	syslogHost    = "syslog.host"
	syslogProgram = "syslog.program"
	syslogMessage = "syslog.message"
)
