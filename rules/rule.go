package rules

import (
	"time"

	"github.com/outmode/outmode/internal/signin"
)

// A Type is how a rule comes to a finding.
type Type uint8

// The types of rules.
const (
	Match     Type = iota // every sign-in that meets the rule
	Threshold             // so many of them, or so many distinct values, within a window
	FirstSeen             // the first ever of a group, once there was time to learn what is usual
	Sequence              // steps in their order, within a window
	Absence               // nothing more of what was there, or a step that was not followed
	typeCount
)

var typeNames = [typeCount]string{"match", "threshold", "first_seen", "sequence", "absence"}

func (t Type) String() string { return typeNames[t] }

// A Rule is one document of a rule file. The fields after Baseline inform people; nothing here acts
// on them.
type Rule struct {
	ID       string
	UUID     string
	Name     string
	Version  int
	Status   string // experimental, test, stable or deprecated; "" is stable
	Severity signin.Severity
	Type     Type

	When      string        // the expression; "" for a rule with steps
	Steps     []string      // of a sequence, or of an absence: the second that must follow the first
	Zone      string        // IANA name that hour and weekday are read in; "" is UTC
	GroupBy   []string      // the fields that make one finding
	Threshold int           // of a threshold; of a sequence: how often its first step
	Distinct  string        // the field whose values are counted; "" counts sign-ins
	Window    time.Duration // of event time
	Baseline  time.Duration // of first_seen: how long coverage must have lasted

	ResolveAfter time.Duration // how long its findings must not have been seen to be resolved; 0 leaves that to the configuration

	Description    string
	Tags           []string
	Threat         []Threat
	Controls       []string // framework/id
	References     []string // URLs
	FalsePositives []string
	Note           string // how to investigate, Markdown
	Remediation    string
	Enforce        string // reserved: what a plan may do about it
	Tests          []Test

	File         string // where it stands
	Line, Column int
}

// A Threat is a place in MITRE ATT&CK.
type Threat struct{ Tactic, Technique, Subtechnique string }

// A Test says what a rule makes of some log lines.
type Test struct {
	Name   string
	Logs   []TestLog
	Expect Expect
	Line   int // in the rule's file
}

// A TestLog is one log of a test: raw lines, or a file that holds them.
type TestLog struct {
	Kind   signin.Kind // what the lines are; UnknownKind: their own header says it
	Fields string      // the header's columns, where the lines have no header; joined by commas
	Lines  []byte
	file   string // relative to the rule's file
}

// An Expect is what must come of a test. Zero values are not compared, but for Fires.
type Expect struct {
	Fires    bool
	Subject  string
	Protocol string
	Count    int64
}

// A compiled is a rule that can judge.
type compiled struct {
	Rule
	zone     *time.Location
	group    []field // of the minutes: the visible ones, then what the finding needs to know besides
	visible  int     // how many of group make the finding's group
	distinct field
	byValue  bool // distinct is set
	ticks    bool // decided by minutes
	joined   bool // judges records, see Record
	noise    bool // asks for noise too, see asksNoise
	steps    []int32
}

// window is the rule's window in minutes, rounded up.
func (r *compiled) window() int64 { return int64((r.Window + time.Minute - 1) / time.Minute) }
