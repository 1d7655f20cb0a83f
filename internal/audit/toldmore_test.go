package audit_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/outmode/outmode/internal/audit"
	"github.com/outmode/outmode/internal/signin"
	"github.com/outmode/outmode/rules"
)

// A refusal that two logs tell of is one: of the log that tells more, if that was read for the time and the application.
func TestRefusalToldByTwoLogs(t *testing.T) {
	t.Parallel()
	both := func(a, b signin.MFAEvent) []signin.MFAEvent { return []signin.MFAEvent{a, b} }
	duo := told("10:00", "anna", signin.FactorTimeout, "app:DI0")
	for _, c := range []struct {
		name    string
		events  []signin.MFAEvent
		sources []audit.Source
		want    []string
	}{
		{"the cloud of Duo and its proxy", both(duo, told("10:00:01", "anna", signin.FactorTimeout, "duo_authproxy", "app:DI0")), []audit.Source{{Kind: signin.Duo, Applications: []string{"DI0"}, First: at("08:00"), Last: at("12:00")}}, []string{"duo"}},
		{"another application of Duo", both(duo, told("10:00:01", "anna", signin.FactorTimeout, "duo_authproxy", "app:DI1")), []audit.Source{{Kind: signin.Duo, Applications: []string{"DI0"}, First: at("08:00"), Last: at("12:00")}}, []string{"duo", "duo_authproxy"}},
		{"the cloud is not covered", both(duo, told("11:30:01", "anna", signin.FactorTimeout, "duo_authproxy", "app:DI0")), []audit.Source{{Kind: signin.Duo, Applications: []string{"DI0"}, First: at("08:00"), Last: at("11:00")}}, []string{"duo", "duo_authproxy"}},
		{"Entra and the Unified Audit Log", both(told("10:00", "anna", signin.FactorDenied, "entra"), told("10:00:01", "anna", signin.FactorDenied, "ual")), []audit.Source{{Kind: signin.Entra, First: at("08:00"), Last: at("12:00")}}, []string{"entra"}},
		{"what was passed is handed out by both", both(told("10:00", "anna", signin.FactorPassed, "entra"), told("10:00:01", "anna", signin.FactorPassed, "ual")), []audit.Source{{Kind: signin.Entra, First: at("08:00"), Last: at("12:00")}}, []string{"entra", "ual"}},
	} {
		w := &world{events: c.events}
		w.set.Sources = append(c.sources, audit.Source{Kind: signin.DuoAuthProxy, First: at("08:00"), Last: at("12:00")}, audit.Source{Kind: signin.UAL, First: at("08:00"), Last: at("12:00")})
		set := w.setup()
		var got []string
		set.Record = func(r *rules.Record) {
			if r.Event {
				got = append(got, fmt.Sprint(r.Kind))
			}
		}
		audit.Correlate(set, nil, w.events)
		if slices.Sort(got); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
