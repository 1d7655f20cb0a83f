package mfa

import (
	"bytes"

	"github.com/outmode/outmode/internal/signin"
)

// unheld says what Conditional Access did not do about a sign-in that succeeded and of which Entra asked for one factor. A
// policy that asks for a second factor and held says that it did.
// Source: Microsoft Graph, appliedConditionalAccessPolicy resource type.
func (d *entra) unheld(f *signin.Facts) signin.Policy {
	if containsFold(d.text(enRequirement), "multi") {
		return signin.NoPolicy
	}
	out, held := signin.NoPolicy, false
	each(d.json(enPolicies), func(policy []byte) bool {
		if d.policy.pick(policy) != nil {
			return true
		}
		asks, blocks := d.controls()
		switch result := d.policy.text(1); {
		case !asks && !blocks:
		case isWord(result, "success"):
			held = held || asks
		case isWord(result, "reportonlyfailure"):
			out = signin.PolicyReportOnly
		case isWord(result, "notapplied"):
			if out == signin.NoPolicy && !d.risky() && (asks || legacy(f)) {
				out = signin.PolicyNotApplied
			}
		}
		return !held
	})
	if held {
		return signin.NoPolicy
	}
	return out
}

// controls says what the policy that was picked does: ask for a second factor, or block.
func (d *entra) controls() (asks, blocks bool) {
	each(d.policy.json(0), func(control []byte) bool {
		control = bytes.Trim(control, `" `)
		asks, blocks = asks || isWord(control, "mfa"), blocks || isWord(control, "block")
		return true
	})
	return asks, blocks
}

// risky reports whether the policy that was picked is about a risk that there was not: it applies to few sign-ins, and is
// missed in none. The conditions are words, or bits.
func (d *entra) risky() bool {
	const signIn, user, insider = 1 << 5, 1 << 6, 1 << 16
	conditions := d.policy.text(2)
	n, ok := wholeNumber(conditions)
	return containsFold(conditions, "risk") || ok && n&(signIn|user|insider) != 0
}

// legacy reports whether a sign-in is of those that policies block: one that cannot be asked for a second factor. That the
// block does not apply to others is as it should be.
func legacy(f *signin.Facts) bool {
	return known(f.Label) != nil && !isWord(f.Label, "browser") && !isWord(f.Label, "mobile apps and desktop clients") && !isWord(f.AuthType, "oauth2")
}
