package mfa

import (
	"bytes"

	"github.com/outmode/outmode/internal/signin"
)

// directory reads a record of Entra's audit log, as diagnostic settings write it: the same changes of the directory as in
// the Unified Audit Log, by the same names. What failed changed nothing. Source: Microsoft Graph, directoryAudit resource
// type.
func (d *entra) directory(f *signin.Facts) string {
	if wrong := d.other(f, entraOther); wrong != "" {
		return wrong
	}
	operation := bytes.TrimSuffix(known(d.text(enOperation)), []byte{'.'})
	if operation == nil || isWord(d.text(enDone), "failure") {
		return ""
	}
	o := d.o.outcome(signin.Entra, d.changes, d.words.lowered(operation))
	update := o == signin.FactorUnknown && isWord(operation, "update user")
	if o == signin.FactorUnknown && !update {
		return ""
	}
	// The user is whom it is about; of what is about nobody, such as a policy, who did it.
	var user, object []byte
	each(d.json(enTargets), func(target []byte) bool {
		switch {
		case d.target.pick(target) != nil:
			return update
		case update && !d.strong():
			return true
		case update:
			o = signin.FactorConfig
		}
		user, object = known(d.target.text(0)), known(d.target.text(1))
		return false
	})
	if o == signin.FactorUnknown {
		return ""
	}
	d.by.forget()
	if by := d.json(enBy); by != nil && d.by.pick(by) != nil {
		d.by.forget()
	}
	if bytes.IndexByte(user, '@') > 0 {
		object = nil
	} else {
		user = known(d.by.text(0))
	}
	f.Note, f.Account, f.Address = "", user, cloudHost(d.by.text(1))
	d.mfa = signin.MFAFacts{Time: f.Time, User: user, Application: object, Address: f.Address, Outcome: o, Reason: operation, Transaction: known(d.text(enID))}
	f.MFA = &d.mfa
	return ""
}

// strong reports whether one of the modified properties of the target is about strong authentication. Their values are
// anybody's text.
func (d *entra) strong() bool {
	found := false
	each(d.target.json(2), func(property []byte) bool {
		found = d.property.pick(property) == nil && hasPrefixFold(d.property.text(0), "strongauthentication")
		return !found
	})
	return found
}
