package audit

import (
	"github.com/outmode/outmode/internal/signin"
)

// fullerLog is the kind of log that tells all that another one tells, too, and more: the cloud of Duo has what its proxies
// asked, and the sign-ins of Entra what the Unified Audit Log has.
func fullerLog(k signin.Kind) (fuller signin.Kind, ok bool) {
	switch k {
	case signin.DuoAuthProxy:
		return signin.Duo, true
	case signin.UAL:
		return signin.Entra, true
	}
	return 0, false
}

// refusedElsewhere reports whether a fuller log that was read tells of the same refusal: three pushes that two logs tell of
// are three. It covers the time and, of Duo, tells of the same integration by its key.
func (c *Correlator) refusedElsewhere(e *signin.MFAEvent) bool {
	fuller, ok := fullerLog(e.Kind)
	if !ok || !refused(e.Outcome) {
		return false
	}
	const around = minuteMs
	for _, i := range c.byKind[fuller] {
		if g := &c.gateways[i]; g.cover.all.Covers(e.Time-around, e.Time+around) && (fuller != signin.Duo || c.tellsOf(fuller, e.Application)) {
			return true
		}
	}
	return false
}

// tellsOf reports whether some log of a kind tells of an application.
func (c *Correlator) tellsOf(k signin.Kind, application string) bool {
	if c.apps == nil {
		c.apps = map[appKey]bool{}
		for i := range c.set.Sources {
			s := &c.set.Sources[i]
			for _, a := range s.Applications {
				c.apps[appKey{kind: s.Kind, application: a}] = true
			}
		}
	}
	return c.apps[appKey{kind: k, application: application}]
}
