package rules

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// as says what a sign-in that meets these steps counts as, and what else the rule wants to see.
func (r *compiled) as(met []int) string {
	return r.role(met) + " per " + strings.Join(r.GroupBy, " and ")
}

func (r *compiled) role(met []int) string {
	within := "within " + Spell(r.Window)
	switch {
	case r.Type == Threshold && r.byValue:
		return fmt.Sprintf("one of %d different %s values %s", r.Threshold, r.Distinct, within)
	case r.Type == Threshold:
		return fmt.Sprintf("one of %d %s", r.Threshold, within)
	case r.Type == FirstSeen:
		return fmt.Sprintf("only the first one after %s of logs", Spell(r.Baseline))
	case len(r.steps) == 1:
		return fmt.Sprintf("the rule fires if no other comes %s", within)
	}
	var parts []string
	for _, n := range met {
		parts = append(parts, fmt.Sprintf("step %d of %d (%s)", n+1, len(r.steps), r.besides(n, within)))
	}
	return strings.Join(parts, " and ")
}

// besides says what the rule wants to see besides a step.
func (r *compiled) besides(n int, within string) string {
	last := len(r.steps) - 1
	if r.Type == Absence {
		if n == 0 {
			return "the rule fires if step 2 does not come " + within
		}
		return "it answers a step 1 " + within + " before it"
	}
	often := ""
	if r.Threshold > 1 {
		often = strconv.Itoa(r.Threshold) + " of "
	}
	switch {
	case last > 1 && often != "":
		return "all in their order " + within + ", " + often + "step 1"
	case last > 1:
		return "all in their order " + within
	case n == last:
		return often + "step 1 " + within + " before it"
	case often != "":
		return often + "it " + within + " before step 2"
	}
	return "step 2 " + within + " after it"
}

// Spell writes a time as rules do: 1h30m, 7d.
func Spell(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
