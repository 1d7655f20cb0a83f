package mfa

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/outmode/outmode/internal/signin"
)

// A MappingProblem is a mistake of a mapping. Key is where it stands: input.patterns[0].
type MappingProblem struct{ Key, Message string }

// Bounds of a mapping.
const (
	mostPatterns   = 16
	longestPattern = 4 << 10
	mostFields     = 64
)

// A compiler makes a log of a mapping.
type compiler struct {
	*Mapping
	log      *MappedLog
	problems []MappingProblem
}

// Compile checks a mapping and makes the log that it declares; nil if something is wrong with it. What can never give an
// event that has a time, a user and an outcome is wrong.
func (m *Mapping) Compile() (*MappedLog, []MappingProblem) {
	c := &compiler{Mapping: m, log: &MappedLog{source: m.Source, files: m.Files, application: []byte(m.Source), message: -1}}
	if c.input() {
		c.fields()
	}
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return c.log, nil
}

func (c *compiler) wrong(key, format string, args ...any) {
	c.problems = append(c.problems, MappingProblem{key, fmt.Sprintf(format, args...)})
}

// input reads what a record looks like.
func (c *compiler) input() bool {
	l, in := c.log, &c.Input
	if c.Source == "" {
		c.wrong("source", "a mapping needs a name; write source: and a short one, such as citrix-adc")
	}
	if in.Format == "" {
		c.wrong("input.format", "it is not said what a record looks like; write input: {format: kv}, or another one: %s", formatWords)
		return false
	}
	var ok bool
	if l.outer, l.inner, ok = formats(in.Format); !ok {
		c.wrong("input.format", "%q is no format; write %s", in.Format, formatWords)
		return false
	}
	has := func(format string) bool { return l.outer == format || l.inner == format }
	if in.Root != "" {
		l.root = strings.Split(in.Root, ".")
		if l.outer != formatJSON && l.outer != formatArray {
			c.wrong("input.root", "only JSON has a root; its format is json or json-array")
		}
	}
	switch {
	case l.inner == "" || l.outer == formatSyslog:
		if in.Message != "" {
			c.wrong("input.message", "it has a meaning only for two formats, such as json+kv: the field of the first in which the second stands")
		}
	case in.Message == "":
		c.wrong("input.format", "%s needs message: the field in which the %s stands", in.Format, l.inner)
	}
	if l.outer == formatSyslog {
		l.message = c.place(syslogMessage)
	} else if in.Message != "" {
		l.message = c.place(in.Message)
	}
	c.separator(has)
	if l.inner == formatCSV && len(in.Columns) == 0 {
		c.wrong("input.format", "CSV in another format has no heading; write columns: and their names")
	}
	if l.columns = in.Columns; len(in.Columns) > 0 && !has(formatCSV) {
		c.wrong("input.columns", "only CSV has columns; its format is csv")
	}
	return c.patterns(has(formatRegex))
}

// formatWords lists the formats for a message.
const formatWords = "json, ndjson, json-array, csv, kv, cef or regex; or one in another: syslog+kv, json+kv, regex+kv and their like"

func (c *compiler) separator(has func(string) bool) {
	s := c.Input.Separator
	switch {
	case s == "":
	case !has(formatCSV) && !has(formatPairs):
		c.wrong("input.separator", "only csv and kv have one")
	case s == "tab":
		c.log.separator = '\t'
	case len(s) != 1 || s == `"` || s == "=" || s == `\` || s == "\n" || s == "\r":
		c.wrong("input.separator", "it must be one character, or the word tab")
	case has(formatCSV) && !strings.Contains(",;\t", s):
		c.wrong("input.separator", "CSV has commas, semicolons or tabs between its columns; read other text with regex")
	default:
		c.log.separator = s[0]
	}
}

func (c *compiler) patterns(wanted bool) bool {
	all := c.Input.Patterns
	switch {
	case !wanted && len(all) > 0:
		c.wrong("input.patterns", "only regex has patterns; its format is regex")
	case wanted && len(all) == 0:
		c.wrong("input.format", "regex needs patterns: a list of expressions with named groups, such as (?P<user>\\S+)")
		return false
	case len(all) > mostPatterns:
		c.wrong("input.patterns", "there can be %d patterns, and these are %d", mostPatterns, len(all))
		return false
	}
	for i, p := range all {
		key := fmt.Sprintf("input.patterns[%d]", i)
		if len(p) > longestPattern {
			c.wrong(key, "a pattern can have %d bytes, and this has %d", longestPattern, len(p))
			continue
		}
		re, err := regexp.Compile(p)
		if err != nil {
			c.wrong(key, "the pattern cannot be read: %s; it is RE2, which looks neither ahead nor back", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
			continue
		}
		c.log.patterns = append(c.log.patterns, re)
	}
	return len(c.problems) == 0
}

// place is the number of a field. Only groups of patterns differ in case.
func (c *compiler) place(name string) int {
	same := func(n string) bool { return n == name || len(c.log.patterns) == 0 && strings.EqualFold(n, name) }
	if i := slices.IndexFunc(c.log.names, same); i >= 0 {
		return i
	}
	c.log.names = append(c.log.names, name)
	return len(c.log.names) - 1
}

// known says whether a record can have a field; else which there are.
func (c *compiler) known(name string) (others []string, ok bool) {
	l := c.log
	if strings.HasPrefix(name, "syslog.") && l.outer == formatSyslog {
		others = []string{syslogTime, syslogHost, syslogProgram}
		return others, slices.Contains(others, name)
	}
	closed := true
	for _, f := range []string{l.outer, l.inner} {
		switch {
		case f == "", f == formatSyslog:
		case f == formatRegex:
			for _, re := range l.patterns {
				for _, group := range re.SubexpNames() {
					if group != "" && !slices.Contains(others, group) {
						others = append(others, group)
					}
				}
			}
		case f == formatCSV && len(l.columns) > 0:
			others = append(others, l.columns...)
		default:
			closed = false
		}
	}
	return others, !closed || slices.Contains(others, name)
}

// places are those of a list of fields. why says what they are needed for; "" if a record can do without.
func (c *compiler) places(key string, names []string, why string) (all []int) {
	if len(names) == 0 && why != "" {
		section, _, _ := strings.Cut(key, ".")
		c.wrong(section, "without %s this mapping never gives %s; write %s: {fields: [...]}", key, why, section)
	}
	for i, name := range names {
		if others, ok := c.known(name); !ok {
			c.wrong(fmt.Sprintf("%s[%d]", key, i), "no record has a field %q; there is %s", name, listed(others))
			continue
		}
		all = append(all, c.place(name))
	}
	return all
}

func listed(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}

// fields reads what stands where.
func (c *compiler) fields() {
	l := c.log
	l.where = c.tests("input.where", c.Input.Where)
	l.time = c.places("time.fields", c.Time.Fields, "an event with a time")
	c.layouts()
	l.user = c.places("user.fields", c.User.Fields, "an event of anybody")
	c.everyPattern()
	l.suffixes = lowered(c.User.StripSuffix)
	l.ip = c.places("ip.fields", c.IP.Fields, "")
	l.stripPort, l.unknown = c.IP.StripPort, lowered(c.IP.Unknown)
	if l.last = c.IP.List == "last"; !l.last && c.IP.List != "first" {
		c.wrong("ip.list", "%q is neither first nor last", c.IP.List)
	}
	l.id = c.places("id.fields", c.ID.Fields, "")
	l.app = c.places("application.fields", c.Application.Fields, "")
	l.factor = c.places("factor.fields", c.Factor.Fields, "")
	l.server = c.places("gateway.fields", c.Gateway.Fields, "")
	c.outcomes()
	if len(l.names) > mostFields {
		c.wrong("input", "it names %d fields; there can be %d", len(l.names), mostFields)
	}
}

// everyPattern refuses a pattern whose lines would have no time or no user.
func (c *compiler) everyPattern() {
	l := c.log
	if l.inner != "" {
		return
	}
	for i, re := range l.patterns {
		groups := re.SubexpNames()
		for _, need := range []struct {
			what   string
			places []int
		}{{"time", l.time}, {"user", l.user}} {
			if len(need.places) > 0 && !slices.ContainsFunc(need.places, func(p int) bool { return slices.Contains(groups, l.names[p]) }) {
				c.wrong(fmt.Sprintf("input.patterns[%d]", i), "a line that it fits never gives a %s: it has no group of %s.fields (%s)", need.what, need.what, l.names[need.places[0]])
			}
		}
	}
}

func (c *compiler) layouts() {
	l := c.log
	for i, text := range c.Time.Layouts {
		parsed, why := newLayout(text)
		if why != "" {
			c.wrong(fmt.Sprintf("time.layouts[%d]", i), "%q %s", text, why)
			continue
		}
		l.layouts = append(l.layouts, parsed)
	}
	if len(c.Time.Layouts) == 0 {
		for _, word := range []string{layoutISO, layoutUnix} {
			usual, _ := newLayout(word)
			l.layouts = append(l.layouts, usual)
		}
	}
	if c.Time.Zone != "" {
		var err error
		if l.zone, err = time.LoadLocation(c.Time.Zone); err != nil {
			c.wrong("time.zone", "%q is no time zone; write a name of the IANA: Europe/Berlin", c.Time.Zone)
		}
	}
}

func (c *compiler) tests(key string, all []Condition) (tests []test) {
	for _, w := range all {
		if others, ok := c.known(w.Field); !ok {
			c.wrong(key+"."+w.Field, "no record has a field %q; there is %s", w.Field, listed(others))
			continue
		}
		if len(w.Words) == 0 {
			c.wrong(key+"."+w.Field, "it has no words; write %s: [a, b]", w.Field)
		}
		tests = append(tests, test{c.place(w.Field), lowered(w.Words)})
	}
	return tests
}

func (c *compiler) outcomes() {
	l, o := c.log, &c.Outcome
	if len(o.Fields) == 0 && len(o.When) == 0 {
		c.wrong("outcome", "nothing says what became of the second factor; write outcome: {fields: [...], map: {a word: passed}}")
	}
	l.outcome = c.places("outcome.fields", o.Fields, "")
	l.words = table{}
	for word, outcome := range o.Map {
		is, ok := signin.ParseFactorOutcome(outcome)
		if !ok {
			c.wrong("outcome.map."+word, "%q is no outcome", outcome)
		}
		l.words[string(appendLower(nil, []byte(word)))] = is
	}
	for i, w := range o.When {
		key := fmt.Sprintf("outcome.when[%d]", i)
		is, ok := signin.ParseFactorOutcome(w.Then)
		if !ok {
			c.wrong(key+".then", "%q is no outcome", w.Then)
		}
		if len(w.If) == 0 {
			c.wrong(key, "it has no condition: it would hold of every record; write a field and its words")
		}
		l.when = append(l.when, judgement{c.tests(key, w.If), is})
	}
	var ok bool
	switch l.otherwise, ok = signin.ParseFactorOutcome(o.Default); {
	case !ok:
		c.wrong("outcome.default", "%q is no outcome", o.Default)
	case letsIn(l.otherwise):
		c.wrong("outcome.default", "a word that is not known cannot be taken for %q: whoever was let in would be believed to have passed; name the words under map, and leave default: unknown", o.Default)
	}
}

// letsIn reports whether an outcome says that somebody got in, by which way ever.
func letsIn(o signin.FactorOutcome) bool {
	switch o {
	case signin.FactorPassed, signin.FactorRemembered, signin.FactorBypassed, signin.FactorHelpdeskCode, signin.FactorFailOpen:
		return true
	}
	return false
}

func lowered(words []string) (all []string) {
	for _, w := range words {
		all = append(all, string(appendLower(nil, bytes.TrimSpace([]byte(w)))))
	}
	return all
}
