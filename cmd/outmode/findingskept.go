package main

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/outmode/outmode/internal/store/sqlite"
	"github.com/outmode/outmode/rules"
)

// addKept makes the findings of a report those of its store. What the rules find in the rows of the period is counted
// in that period; the store knows what became of each since, and has some that no rows of the period can show: those
// about the data itself and, over all time, those whose rows were dropped.
// That somebody was never seen before only all time can say: newcomers are such findings, counted in the period.
func (r *report) addKept(kept []sqlite.Finding, newcomers map[string]sqlite.Sum, set *rules.Set, from, to int64) {
	whole := from == 0 && to == 0
	byID := make(map[string]*sqlite.Finding, len(kept))
	for i := range kept {
		byID[kept[i].ID] = &kept[i]
	}
	r.found = slices.DeleteFunc(r.found, func(f rules.Finding) bool {
		return byID[f.ID] == nil && isFirstSeen(set, f.Rule)
	})
	shown := map[string]bool{}
	for i := range r.found {
		f := &r.found[i]
		if k := byID[f.ID]; k != nil {
			f.State, f.Exception = k.State, k.Exception
		}
		shown[f.ID] = true
	}
	var unknown []string
	for i := range kept {
		k := &kept[i]
		if shown[k.ID] {
			continue
		}
		if sum, in := newcomers[k.ID]; in && !whole {
			k.Count, k.First, k.Last = sum.Count, sum.First, sum.Last
			r.found = append(r.found, k.Finding)
			r.kept[k.ID] = evidenceOf(k)
			continue
		}
		if k.State == "resolved" {
			continue
		}
		_, known := set.Number(k.Rule)
		switch own := aboutData(k.Rule); {
		case own && (k.Last.UnixMilli() < from || to > 0 && k.First.UnixMilli() >= to):
		case own, whole && known:
			r.found = append(r.found, k.Finding)
			r.kept[k.ID] = evidenceOf(k)
		case whole && !slices.Contains(unknown, k.Rule):
			unknown = append(unknown, k.Rule)
		}
	}
	slices.SortStableFunc(r.found, func(a, b rules.Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Subject, b.Subject), strings.Compare(a.Protocol, b.Protocol))
	})
	if len(unknown) > 0 {
		slices.Sort(unknown)
		r.Notes = append(r.Notes, "the store has findings of "+some(unknown)+", which are none of the rules that apply here: \"outmode findings list\" shows them")
	}
}

// newcomersIn counts in a period what a store has of those who were never seen before.
func newcomersIn(ctx context.Context, store *sqlite.Store, kept []sqlite.Finding, set *rules.Set, p sqlite.Period) (map[string]sqlite.Sum, error) {
	var ids []string
	for i := range kept {
		if isFirstSeen(set, kept[i].Rule) {
			ids = append(ids, kept[i].ID)
		}
	}
	if len(ids) == 0 || p == (sqlite.Period{}) {
		return nil, nil
	}
	return store.CountedIn(ctx, p, ids)
}

// isFirstSeen reports whether a rule, if it applies, is about who was never seen before.
func isFirstSeen(set *rules.Set, rule string) bool {
	n, ok := set.Number(rule)
	return ok && set.Rule(n).Type == rules.FirstSeen
}

// aboutData reports whether a rule is one of the program's own: its findings say what is wrong with the data.
func aboutData(rule string) bool { return slices.Contains(sqlite.OwnRules(), rule) }

// standing says in words how many of some findings are not simply open findings about sign-ins.
func standing(found []rules.Finding) string {
	var own, acknowledged, covered, resolved int
	for i := range found {
		f := &found[i]
		if aboutData(f.Rule) {
			own++
		}
		switch {
		case f.State == "acknowledged":
			acknowledged++
		case f.State == "resolved":
			resolved++
		}
		if f.Exception != nil {
			covered++
		}
	}
	text := ""
	for _, of := range []struct {
		n    int
		what string
	}{{own, "about the data itself (OM-SYS)"}, {acknowledged, "acknowledged"}, {covered, "covered by an exception"}, {resolved, "resolved"}} {
		if of.n > 0 {
			text += "; " + number(of.n) + " " + of.what
		}
	}
	return text
}
