package rules

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/outmode/outmode/internal/signin"
)

// ruleKeys are the keys of a rule, in the order in which people write them.
func ruleKeys() []string {
	return []string{"id", "uuid", "name", "version", "status", "severity", "type", "description", "when", "zone", "group_by", "threshold",
		"distinct", "window", "steps", "baseline", "resolve_after", "tags", "threat", "controls", "references", "false_positives", "note", "remediation",
		"enforce", "tests"}
}

// defaultBaseline is how long a first_seen rule learns before it speaks.
const defaultBaseline = 7 * 24 * time.Hour

// Bounds of what a rule may keep.
const (
	maxWindow   = 400 * 24 * time.Hour
	maxDistinct = 10_000
	maxCount    = 1_000_000_000
	maxSteps    = 8
)

// read reads the rule's keys, then what they must be together.
func (d *draft) read() {
	d.doc.pairs(d.body, "a rule", ruleKeys(), func(key string, _, value ast.Node) {
		d.at[key] = value
		d.key(key, value)
	})
	d.required()
	d.together()
}

func (d *draft) key(key string, v ast.Node) {
	doc := d.doc
	switch key {
	case "id":
		d.ID = d.shaped(v, key, `^[A-Za-z][A-Za-z0-9._-]{1,63}$`, "letters, digits and . _ -, beginning with a letter, such as OM-1001")
	case "uuid":
		d.UUID = strings.ToLower(d.shaped(v, key, `^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`, "8-4-4-4-12 hexadecimal digits"))
	case "name":
		d.Name = d.shaped(v, key, `^[^\x00-\x1f]{1,200}$`, "one line of at most 200 letters")
	case "version":
		d.Version = int(doc.numberOf(v, key, 1, 1<<31-1))
	case "status":
		d.Status = d.word(v, key, []string{"experimental", "test", "stable", "deprecated"})
	case "severity":
		d.Severity, _ = signin.ParseSeverity(d.word(v, key, signin.Words(key)))
	case "type":
		i := slices.Index(typeNames[:], d.word(v, key, typeNames[:]))
		d.Type, d.odd = Type(max(0, i)), i < 0
	case "zone":
		d.setZone(v)
	case "group_by", "distinct":
		d.fields(key, v)
	case "threshold":
		d.Threshold = int(doc.numberOf(v, key, 1, maxCount))
	case "window":
		d.Window = d.duration(v, key, maxWindow)
	case "baseline":
		d.Baseline = d.duration(v, key, maxWindow)
	case "resolve_after":
		d.ResolveAfter = d.duration(v, key, maxWindow)
	case "when":
		d.When, _ = doc.textOf(v, key)
		d.source = append(d.source, v)
	case "steps":
		doc.items(v, key, func(item ast.Node) {
			if s, ok := doc.textOf(item, "a step"); ok {
				d.Steps, d.source = append(d.Steps, s), append(d.source, item)
			}
		})
	case "tests":
		d.tests(v)
	default:
		d.about(key, v)
	}
}

// about reads the keys that inform people.
func (d *draft) about(key string, v ast.Node) {
	doc := d.doc
	switch key {
	case "description":
		d.Description, _ = doc.textOf(v, key)
	case "note":
		d.Note, _ = doc.textOf(v, key)
	case "remediation":
		d.Remediation, _ = doc.textOf(v, key)
	case "tags":
		d.Tags = d.shapedList(v, key, `^[a-z0-9][a-z0-9._:/-]{0,63}$`, "lower-case words such as legacy-auth")
	case "controls":
		d.Controls = d.shapedList(v, key, `^[^/\s]{1,64}/\S.{0,127}$`, "framework/control, such as cis.m365/5.2.2.3")
	case "false_positives":
		d.FalsePositives = doc.textsOf(v, key)
	case "references":
		doc.items(v, key, func(item ast.Node) {
			s, ok := doc.textOf(item, "a reference")
			if !ok {
				return
			}
			if u, err := url.Parse(s); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
				doc.mistake(item, "a reference must be an address that begins with https://")
				return
			}
			d.References = append(d.References, s)
		})
	case "threat":
		d.threats(v)
	case "enforce":
		doc.pairs(v, key, []string{"policy"}, func(_ string, _, value ast.Node) {
			d.Enforce = d.shaped(value, "policy", `^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$`, "the name of a policy")
		})
	}
}

func (d *draft) threats(v ast.Node) {
	d.doc.items(v, "threat", func(item ast.Node) {
		var t Threat
		ok := d.doc.pairs(item, "a threat", []string{"tactic", "technique", "subtechnique"}, func(key string, _, value ast.Node) {
			switch key {
			case "tactic":
				t.Tactic = d.shaped(value, key, `^TA\d{4}$`, "a MITRE ATT&CK tactic such as TA0006")
			case "technique":
				t.Technique = d.shaped(value, key, `^T\d{4}$`, "a MITRE ATT&CK technique such as T1110")
			case "subtechnique":
				t.Subtechnique = d.shaped(value, key, `^T\d{4}\.\d{3}$`, "a MITRE ATT&CK sub-technique such as T1110.003")
			}
		})
		if !ok {
			return
		}
		m, _ := item.(*ast.MappingNode)
		switch {
		case !hasKey(m, "tactic") || !hasKey(m, "technique"):
			d.doc.mistake(item, "a threat needs tactic and technique")
		case t.Subtechnique != "" && t.Technique != "" && !strings.HasPrefix(t.Subtechnique, t.Technique+"."):
			d.doc.mistake(item, "%s is not a sub-technique of %s", t.Subtechnique, t.Technique)
		}
		d.Threat = append(d.Threat, t)
	})
}

func hasKey(m *ast.MappingNode, key string) bool {
	return m != nil && slices.ContainsFunc(m.Values, func(v *ast.MappingValueNode) bool { return v.Key.GetToken().Value == key })
}

// shaped returns a text that must look like a pattern.
func (d *draft) shaped(v ast.Node, key, pattern, shape string) string {
	s, ok := d.doc.textOf(v, key)
	if !ok {
		return ""
	}
	re := d.shapes[pattern]
	if re == nil {
		re = regexp.MustCompile(pattern)
		d.shapes[pattern] = re
	}
	if !re.MatchString(s) {
		d.doc.mistake(v, "%s must be %s, not %s", key, shape, quote(s))
		return ""
	}
	return s
}

func (d *draft) shapedList(v ast.Node, key, pattern, shape string) (out []string) {
	d.doc.items(v, key, func(item ast.Node) {
		if s := d.shaped(item, "an item of "+key, pattern, shape); s != "" {
			out = append(out, s)
		}
	})
	return out
}

// word returns one of the known words, or "".
func (d *draft) word(v ast.Node, key string, known []string) string {
	s, ok := d.doc.textOf(v, key)
	if !ok {
		return ""
	}
	if !contains(known, s) {
		hint := suggest(s, known)
		if hint == "" {
			hint = "; it is " + listed(known)
		}
		d.doc.mistake(v, "%s cannot be %s%s", key, quote(s), hint)
		return ""
	}
	return s
}

func (d *draft) setZone(v ast.Node) {
	s, ok := d.doc.textOf(v, "zone")
	if !ok {
		return
	}
	zone, err := time.LoadLocation(s)
	if err != nil || s == "Local" {
		d.doc.mistake(v, "zone must be an IANA name such as Europe/Vienna, not %s", quote(s))
		return
	}
	d.Zone, d.zone = s, zone
}

// fields reads group_by and distinct.
func (d *draft) fields(key string, v ast.Node) {
	read := func(n ast.Node) (string, bool) {
		s, ok := d.doc.textOf(n, key)
		if !ok {
			return "", false
		}
		f, ok := parseField(s)
		switch {
		case !ok:
			d.doc.mistake(n, "%s: there is no field %s%s", key, quote(s), suggest(s, fieldNames[:]))
		case f == timeField:
			d.doc.mistake(n, "%s cannot be time, of which no two are equal; there are hour and weekday", key)
		case contains(d.GroupBy, s):
			d.doc.mistake(n, "%s names %s twice", key, s)
		default:
			return s, true
		}
		return "", false
	}
	if key == "distinct" {
		if s, ok := read(v); ok {
			d.Distinct = s
		}
		return
	}
	d.doc.items(v, key, func(item ast.Node) {
		if s, ok := read(item); ok {
			d.GroupBy = append(d.GroupBy, s)
		}
	})
}

// duration reads 90m, 1h30m or 7d.
func (d *draft) duration(v ast.Node, key string, most time.Duration) time.Duration {
	s, ok := d.doc.textOf(v, key)
	if !ok {
		return 0
	}
	out, err := time.ParseDuration(s)
	if days, ok := strings.CutSuffix(s, "d"); ok && err != nil {
		n, bad := strconv.ParseUint(days, 10, 16)
		out, err = time.Duration(n)*24*time.Hour, bad
	}
	if err != nil || out <= 0 || out > most {
		d.doc.mistake(v, "%s must be a time such as 30m, 12h or 7d, at most 400d, not %s", key, quote(s))
		return 0
	}
	return out
}

// tests reads the rule's tests.
func (d *draft) tests(v ast.Node) {
	names := map[string]bool{}
	d.doc.items(v, "tests", func(item ast.Node) {
		var t Test
		var one TestLog
		d.doc.pairs(item, "a test", []string{"name", "type", "fields", "log", "file", "logs", "expect"}, func(key string, _, value ast.Node) {
			switch key {
			case "name":
				t.Name = d.shaped(value, "the name of a test", `^[^\x00-\x1f]{1,200}$`, "one line")
			case "logs":
				d.doc.items(value, key, func(item ast.Node) {
					var l TestLog
					if d.doc.pairs(item, "a log", []string{"type", "fields", "log", "file"}, func(key string, _, value ast.Node) { d.testLog(&l, key, value) }) {
						t.Logs = append(t.Logs, d.checkLog(l, item)...)
					}
				})
			case "expect":
				d.expect(&t, value)
			default:
				d.testLog(&one, key, value)
			}
		})
		m, ok := item.(*ast.MappingNode)
		if !ok {
			return
		}
		t.Line, _ = d.doc.place(m.Values[0].Key.GetToken())
		if !hasKey(m, "logs") {
			t.Logs = append(t.Logs, d.checkLog(one, item)...)
		} else if hasKey(m, "log") || hasKey(m, "file") || hasKey(m, "type") || hasKey(m, "fields") {
			d.doc.mistake(item, "a test has logs, or one log with type, fields, log and file; not both")
		}
		switch {
		case !hasKey(m, "name"):
			d.doc.mistake(item, "a test needs a name")
		case t.Name != "" && names[t.Name]:
			d.doc.mistake(item, "the rule has the test %s twice", quote(t.Name))
		case !hasKey(m, "expect"):
			d.doc.mistake(item, "a test needs expect: {fires: true} or {fires: false}")
		}
		names[t.Name] = true
		d.Tests = append(d.Tests, t)
	})
}

func (d *draft) testLog(l *TestLog, key string, v ast.Node) {
	switch key {
	case "type":
		l.Kind, _ = signin.ParseKind(d.word(v, "type", []string{"httpproxy", "iis", "imap", "pop", "smtp"}))
	case "fields":
		if _, ok := v.(*ast.SequenceNode); ok {
			l.Fields = strings.Join(d.doc.textsOf(v, key), ",")
			return
		}
		l.Fields, _ = d.doc.textOf(v, key)
	case "log":
		s, _ := d.doc.textOf(v, key)
		l.Lines = []byte(s)
	case "file":
		s, ok := d.doc.textOf(v, key)
		switch {
		case !ok:
		case d.doc.dir == "":
			d.doc.mistake(v, "the tests of this file cannot name files; give their lines under log")
		case !filepath.IsLocal(filepath.FromSlash(s)):
			d.doc.mistake(v, "file must be a path below the folder of the rule file")
		default:
			l.file = s
			if info, err := os.Stat(filepath.Join(d.doc.dir, filepath.FromSlash(s))); err != nil {
				d.doc.mistake(v, "file %s: %s", quote(s), reason(err))
			} else if info.Size() > maxFile {
				d.doc.mistake(v, "file %s is larger than 1 MiB", quote(s))
			}
		}
	}
}

func (d *draft) checkLog(l TestLog, item ast.Node) []TestLog {
	m, _ := item.(*ast.MappingNode)
	if hasKey(m, "log") == hasKey(m, "file") {
		d.doc.mistake(item, "a test needs either log, with raw lines, or file")
	}
	if l.Fields != "" && l.Kind == signin.UnknownKind && !hasKey(m, "type") {
		d.doc.mistake(item, "fields need a type: of what kind of log are they the columns?")
	}
	if len(l.Lines) > 0 && l.Lines[len(l.Lines)-1] != '\n' {
		l.Lines = append(l.Lines, '\n') // a line without an end is not finished
	}
	return []TestLog{l}
}

func (d *draft) expect(t *Test, v ast.Node) {
	ok := d.doc.pairs(v, "expect", []string{"fires", "subject", "protocol", "count"}, func(key string, _, value ast.Node) {
		switch key {
		case "fires":
			t.Expect.Fires = d.doc.boolOf(value, key)
		case "subject":
			t.Expect.Subject, _ = d.doc.textOf(value, key)
		case "protocol":
			t.Expect.Protocol = d.word(value, key, signin.Words(key))
		case "count":
			t.Expect.Count = d.doc.numberOf(value, key, 1, maxCount)
		}
	})
	if m, _ := v.(*ast.MappingNode); ok && !hasKey(m, "fires") {
		d.doc.mistake(v, "expect needs fires: true or false")
	}
}
