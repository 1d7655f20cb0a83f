package rules_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// Later steps that no first step promises anything for are let go of, and nothing else: what is found is the same, in an
// order of time that is half a day off.
func TestLaterStepsThatDoNotMatterAreLetGoOf(t *testing.T) {
	t.Parallel()
	set := loadText(t, `
id: J-1
name: refused, then passed
severity: high
type: sequence
threshold: 3
window: 60m
steps:
  - factor_outcome == "denied"
  - factor_outcome == "passed"
---
id: J-2
name: three steps
severity: high
type: sequence
threshold: 2
window: 90m
steps:
  - factor_outcome == "denied"
  - factor_outcome == "timeout"
  - factor_outcome == "passed"
`)
	start := time.Date(2026, 10, 6, 0, 0, 0, 0, time.UTC).UnixMilli()
	found, dropped := 0, 0
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 5))
		var records []rules.Record
		for i := range 2000 {
			what := []signin.FactorOutcome{signin.FactorPassed, signin.FactorPassed, signin.FactorPassed, signin.FactorPassed, signin.FactorTimeout, signin.FactorDenied}[r.IntN(6)]
			records = append(records, rules.Record{Event: true, Kind: signin.Duo, Time: start + r.Int64N(10*86_400_000), Subject: fmt.Sprint("user", r.IntN(5)), Result: what, At: signin.Ref{Offset: int64(i)}})
		}
		late := map[int64]int64{}
		for i := range records {
			late[int64(i)] = records[i].Time + r.Int64N(12*3_600_000)
		}
		slices.SortFunc(records, func(a, b rules.Record) int { return cmp.Compare(late[a.At.Offset], late[b.At.Offset]) })
		pruned, all := set.NewRecordJudge(), set.NewRecordJudge()
		for i := range records {
			pruned.Take(&records[i])
			all.Take(&records[i])
			if i%50 == 0 {
				pruned.Prune()
			}
		}
		few := allMinutes(pruned)
		got, want := set.Findings(rules.Observed{Minutes: few}), set.Findings(rules.Observed{Minutes: all.Unpruned()})
		if a, b := fmt.Sprint(got), fmt.Sprint(want); a != b {
			t.Fatalf("seed %d: found\n%s\nwant\n%s", seed, a, b)
		}
		found, dropped = found+len(want), dropped+len(all.Unpruned())-len(few)
	}
	if found < 8 || dropped < 4000 {
		t.Errorf("%d findings and %d minutes let go of: the test shows nothing", found, dropped)
	}
}
