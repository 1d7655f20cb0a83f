package rules

import "strings"

// required reports the keys that every rule must have.
func (d *draft) required() {
	m := d.body
	var missing []string
	for _, key := range []string{"id", "name", "severity"} {
		if !hasKey(m, key) {
			missing = append(missing, key)
		}
	}
	if !hasKey(m, "when") && !hasKey(m, "steps") {
		missing = append(missing, "when")
	}
	if len(missing) > 0 {
		d.doc.report(d.Line, d.Column, "this rule has no %s", strings.Join(missing, " and no "))
	}
}

// A need says how a type of rules stands to a key.
type need uint8

const (
	refused need = iota
	allowed
	needed
)

// needs tells, for the keys that depend on the type, which type has them.
func needs(key string) [typeCount]need {
	switch key {
	case "steps":
		return [typeCount]need{Sequence: needed, Absence: allowed}
	case "threshold":
		return [typeCount]need{Threshold: needed, Sequence: allowed}
	case "distinct":
		return [typeCount]need{Threshold: allowed}
	case "window":
		return [typeCount]need{Threshold: needed, Sequence: needed, Absence: needed}
	case "baseline":
		return [typeCount]need{FirstSeen: allowed}
	case "when":
		return [typeCount]need{Match: allowed, Threshold: allowed, FirstSeen: allowed, Absence: allowed}
	}
	return [typeCount]need{}
}

// together checks what the keys must be with each other, and sets what is left out.
func (d *draft) together() {
	_, typed := d.at["type"]
	for _, key := range []string{"when", "steps", "threshold", "distinct", "window", "baseline"} {
		if d.odd {
			break
		}
		v, there := d.at[key]
		switch need := needs(key)[d.Type]; {
		case there && need == refused && !typed && d.Type == Match:
			d.doc.mistake(v, "a rule of type match has no %s; set type: %s", key, typesWith(key))
		case there && need == refused:
			d.doc.mistake(v, "a rule of type %s has no %s", d.Type, key)
		case !there && need == needed && !hasKey(d.body, key):
			d.doc.report(d.Line, d.Column, "a rule of type %s needs %s", d.Type, key)
		}
	}
	d.expressionsTogether()
	if v, ok := d.at["distinct"]; ok && d.Distinct != "" {
		if contains(d.GroupBy, d.Distinct) {
			d.doc.mistake(v, "distinct counts %s, but every group has one %s; take it out of group_by", d.Distinct, d.Distinct)
		}
		if d.Threshold > maxDistinct {
			d.doc.mistake(d.at["threshold"], "threshold must be at most %d where values are counted", maxDistinct)
		}
	}
	if d.Type == FirstSeen && d.Baseline == 0 {
		d.Baseline = defaultBaseline
	}
	if len(d.GroupBy) == 0 {
		d.GroupBy = []string{"user"}
		if d.Type == Absence {
			d.GroupBy = []string{"server"}
		}
	}
}

func (d *draft) expressionsTogether() {
	steps, ok := d.at["steps"]
	if !ok {
		return
	}
	n := len(d.Steps)
	switch {
	case d.When != "":
		d.doc.mistake(steps, "a rule has when or steps, not both")
		d.When, d.source = "", nil
		d.Steps = nil
	case d.Type == Sequence && n == 1:
		d.doc.mistake(steps, "a sequence needs at least two steps")
	case n > maxSteps:
		d.doc.mistake(steps, "a rule has at most %d steps", maxSteps)
	case d.Type == Absence && n != 2 && n > 0:
		d.doc.mistake(steps, "an absence has two steps: the second must follow the first within the window")
	}
}

func typesWith(key string) string {
	var names []string
	for t, need := range needs(key) {
		if need != refused {
			names = append(names, typeNames[t])
		}
	}
	return listed(names)
}
